"""Runs: sending cases, the journal, results, comparison."""
