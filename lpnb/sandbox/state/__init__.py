"""What the sandbox remembers: the event ledger, its projection, the state file."""
