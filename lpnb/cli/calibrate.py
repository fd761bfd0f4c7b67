"""``lpnb calibrate``: compare the account with what the sandbox assumes, and write a rules file for it."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lpnb._printable import one_line
from lpnb.cli.run_command import exit_2_when_refused, terminate_as_interrupt

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

_IDS = {
    "campaign_id": "a campaign whose engagement leads to a skill of its own; with --engagement-id",
    "engagement_id": "the engagement of that campaign",
    "skill_id": "a skill that a request may name, another than the campaign's",
    "ctype": "a value of Customer Info's ctype that is mapped to a third skill",
    "offline_skill_id": "a skill that has a fallback, and nobody online",
    "offline_engagement_id": "an engagement whose skill has nobody online; with --offline-entry-point",
    "offline_entry_point": "where that engagement is offered, such as sec://mortgages",
}


def register(commands: SubParsers) -> None:
    """Add ``calibrate`` to the command line."""
    calibrate = commands.add_parser(
        "calibrate",
        help="compare the account with what the sandbox assumes; write a rules file",
        description="Find out what the account of .env does where the sandbox only assumes something, with a "
        "few conversations that are closed again, and report guess by guess. It lists first what it will do; "
        "--dry-run does nothing else. Exit status: 0 when all was asked, 1 when it ended early or a "
        "conversation may still be open, 2 when the call is wrong.",
    )
    calibrate.add_argument("--profile", help="use .env.PROFILE in place of .env")
    calibrate.add_argument("--dry-run", action="store_true", help="list what would be done, and send nothing")
    calibrate.add_argument("--live", action="store_true", help="needed for a real account")
    calibrate.add_argument(
        "--confirm", type=int, metavar="N", help="how many conversations may be opened at a real account"
    )
    calibrate.add_argument(
        "--out", type=Path, metavar="FILE", help="write the rules for lpnb sandbox --rules FILE"
    )
    calibrate.add_argument("--json", action="store_true", help="print the report as JSON")
    calibrate.add_argument(
        "--wait",
        type=float,
        metavar="SECONDS",
        help="how many seconds history may take to show a conversation (90)",
    )
    calibrate.add_argument(
        "--receiver", type=int, metavar="PORT", help="receive the account's webhooks on this port meanwhile"
    )
    for name, meaning in _IDS.items():
        calibrate.add_argument(f"--{name.replace('_', '-')}", help=meaning)
    calibrate.set_defaults(run=_run)


@exit_2_when_refused
def _run(options: argparse.Namespace) -> int:
    from lpnb.client.connect import connect
    from lpnb.diagnostics.calibration.calibrate import calibrate
    from lpnb.webhooks.receiver import Receiver

    arguments = {name: getattr(options, name) for name in _IDS}
    if options.wait is not None:
        arguments["wait"] = options.wait
    # What is said meanwhile is no result.
    with contextlib.ExitStack() as stack, contextlib.redirect_stdout(sys.stderr):
        client = stack.enter_context(connect(options.profile))
        if options.receiver is not None:
            arguments["receiver"] = stack.enter_context(Receiver(client, port=options.receiver))
        stack.enter_context(terminate_as_interrupt())
        try:
            report = calibrate(
                client,
                dry_run=options.dry_run,
                live=options.live,
                confirm=options.confirm,
                out=options.out,
                **arguments,
            )
        except OSError as error:
            print(
                one_line(f"The rules cannot be written to {options.out}: {error.strerror}."), file=sys.stderr
            )
            return 1
        except KeyboardInterrupt as interrupt:
            print("\n".join(getattr(interrupt, "__notes__", ())), file=sys.stderr)
            raise
    print(report.to_json() if options.json else report)
    if options.out is not None and not options.dry_run:
        print(one_line(f"Start the sandbox with them: lpnb sandbox --rules {options.out}"), file=sys.stderr)
    return 0 if report.ok else 1
