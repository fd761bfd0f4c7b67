"""``lpnb sandbox``: run the sandbox on a port of its own; its options are those of ``lpnb.sandbox``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: SubParsers) -> None:
    """List ``sandbox`` among the commands; ``run_sandbox`` reads what follows it."""
    commands.add_parser("sandbox", help="run the sandbox on its own port (lpnb sandbox --help)")


def run_sandbox(arguments: Sequence[str]) -> int:
    """Run the sandbox until it is stopped, and return its exit status."""
    from lpnb.sandbox.__main__ import main

    return main(arguments)
