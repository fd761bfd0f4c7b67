"""``lpnb doctor``: check the settings, hosts, tokens and the clock, and print what was found."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from lpnb._printable import json_lines

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: SubParsers) -> None:
    """Add ``doctor`` to the command line."""
    check = commands.add_parser(
        "doctor",
        help="check settings, hosts, tokens and the clock",
        description="Check the settings, the way to each host, the clock, each token and history, and say "
        "what to do about what fails. No conversation is opened. Without settings the embedded sandbox is "
        "checked. Exit status: 0 when nothing failed, 1 when something did, 2 for a wrong call.",
    )
    check.add_argument("--profile", help="check .env.PROFILE in place of .env")
    check.add_argument("--json", action="store_true", help="print the findings as one JSON array")
    check.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from lpnb.diagnostics.doctor import doctor

    checkup = doctor(options.profile)
    print(json_lines(json.dumps(checkup.rows(), ensure_ascii=False)) if options.json else checkup)
    if not options.json:
        print("\nAll is well." if checkup.ok else "\nSomething needs doing; see the lines marked fail.")
    return 0 if checkup.ok else 1
