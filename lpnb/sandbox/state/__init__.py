"""The sandbox's state: event ledger, projection and state file."""
