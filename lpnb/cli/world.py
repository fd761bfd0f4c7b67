"""``lpnb world``: write what is known of an account as a world file for the sandbox."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lpnb._printable import one_line
from lpnb.cli.run_command import exit_2_when_refused

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: SubParsers) -> None:
    """Add ``world`` to the command line."""
    world = commands.add_parser(
        "world",
        help="write an account's skills, campaigns and engagements as a world for the sandbox",
        description="Write the skills, campaigns and engagements of the account, so far as they are known, "
        "as a world file for lpnb sandbox --world FILE. What is not known is left out with a comment.",
    )
    world.add_argument(
        "--from",
        dest="sources",
        action="append",
        required=True,
        metavar="SOURCE",
        help="a run's journal, a recording (HAR), a reply of history (JSON), or the word history; may be "
        "repeated",
    )
    world.add_argument("--profile", help="use .env.PROFILE in place of .env")
    world.add_argument("--out", type=Path, metavar="FILE", help="write it there, and not to standard output")
    world.add_argument("--days", type=int, default=30, help="days of history to look back (30)")
    world.add_argument("--most", type=int, default=500, help="conversations of history to read (500)")
    world.set_defaults(run=_run)


@exit_2_when_refused
def _run(options: argparse.Namespace) -> int:
    from lpnb.client.connect import connect
    from lpnb.diagnostics.account_world import account_world

    try:
        with contextlib.redirect_stdout(sys.stderr):
            client = connect(options.profile)
        with client:
            text = account_world(
                client, *options.sources, days=options.days, most=options.most, out=options.out
            )
    except OSError as error:
        print(one_line(f"{error.filename}: {error.strerror}."), file=sys.stderr)
        return 2
    if options.out is None:
        print(text, end="")
    else:
        print(f"Start the sandbox with it: lpnb sandbox --world {options.out}", file=sys.stderr)
    return 0
