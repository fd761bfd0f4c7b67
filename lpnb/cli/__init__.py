"""The command line, one file for each command."""

from lpnb.cli.main import main

__all__ = ["main"]
