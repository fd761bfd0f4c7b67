"""The options of ``lpnb send`` and ``lpnb verify``. What is done with them is ``experiments_command``'s."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]
    Command = Callable[[argparse.Namespace], int]


def declare(commands: SubParsers, send_with: Command, verify_with: Command) -> None:
    """Add ``send`` and ``verify`` to the command line, and who does them."""
    send = commands.add_parser(
        "send",
        help="send the cases of a CSV or Parquet file, with a journal; one row per case out",
        description="Send the cases of a CSV or Parquet file, each for a consumer of its own. Exit status: 0 "
        "when all were answered, 1 when any was not, 2 when the call, the cases or the settings are wrong.",
    )
    _add_run_options(send)
    send.add_argument("--json", action="store_true", help="print the rows as one JSON array")
    send.add_argument(
        "--dry-run",
        nargs="?",
        type=_count,
        const=3,
        metavar="N",
        help="print the first N requests (3), secrets masked, and send nothing",
    )
    send.add_argument("--resume", action="store_true", help="go on with the journal: send what is safe")
    send.add_argument("--settle", action="store_true", help="look for the conversations of unknown outcomes")
    send.add_argument("--hash-personal", action="store_true", help="journal personal values as hashes only")
    send.add_argument("--engagement", action="store_true", help="ask Monitoring first; its offer routes")
    send.add_argument("--say", action="append", default=[], metavar="TEXT", help="send a message")
    send.add_argument("--landing", action="store_true", help="read which skill each conversation landed in")
    send.add_argument("--close", action="store_true", help="close each conversation at the end")
    send.set_defaults(run=send_with, command="send")

    check = commands.add_parser(
        "verify",
        help="send cases and see whether each came as it expected; for builds",
        description="Send the cases of a file and hold what came against their columns expected_skill and "
        "expected_code. Exit status: 0 when all passed, 1 when any failed, 2 when the call, the cases or the "
        "settings are wrong.",
    )
    _add_run_options(check)
    check.add_argument("--junit", type=Path, metavar="FILE", help="write the verdicts as JUnit XML")
    check.add_argument("--verbose", "-v", action="store_true", help="print the cases that passed, too")
    check.add_argument(
        "--engagement",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="ask Monitoring first; by default when there are columns for it",
    )
    check.add_argument("--leave-open", action="store_true", help="do not close the conversations afterwards")
    check.set_defaults(run=verify_with, command="verify")


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cases", nargs="?", type=Path, metavar="CASES", help="a CSV or Parquet file")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table to .parquet, .csv or .xlsx")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="by default a new one in ./runs")
    parser.add_argument("--separator", metavar="SIGN", help="of the CSV file; by default found out")
    parser.add_argument("--profile", help="read .env.PROFILE in place of .env")
    parser.add_argument("--concurrency", type=int, metavar="N", help="requests at once (16)")
    parser.add_argument("--rate", type=float, metavar="N", help="requests a second at the most")
    parser.add_argument(
        "--cluster",
        type=_cluster,
        metavar="WHERE",
        help="send from the workers of a Dask cluster: its scheduler's address, or how many to start here",
    )
    parser.add_argument("--on-5xx", choices=("pause", "retry"), help="retry risks doubles")
    parser.add_argument(
        "--live", action="store_true", help="needed for a real account; without settings an error"
    )
    parser.add_argument("--confirm", type=int, metavar="N", help="needed there: how many cases there are")
    parser.add_argument("--cap", type=int, metavar="N", help="how many a run may have there (1000)")
    parser.add_argument("--landing-wait", type=float, metavar="S", help="seconds to wait for a landing")
    parser.add_argument("--quiet", "-q", action="store_true", help="show no progress")


def _cluster(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() else True if text == "local" else text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000):
        raise argparse.ArgumentTypeError(f"a number from 1 to 1000 is needed; got {text!r}")
    return int(text)
