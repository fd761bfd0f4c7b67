"""The options that several commands of ``lpnb`` have in common."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

#: What a rate counts, the same for every command.
RATE_HELP = "calls to the Connector API a second at the most, steps included; no limit by default"


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the file of cases and how a run goes."""
    parser.add_argument(
        "cases", nargs="?", type=Path, metavar="CASES", help="a CSV, Excel or Parquet file, or a grid in TOML"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write the table: .xlsx under your own headers, .csv and .parquet under the wire's names",
    )
    parser.add_argument(
        "--bom",
        action="store_true",
        help="mark a CSV file of --out as UTF-8, so that Excel reads its letters",
    )
    parser.add_argument("--journal", type=Path, metavar="FILE", help="by default a new one in ./runs")
    add_table_options(parser)
    add_map_option(parser)
    _add_sending_options(parser, "needed for a real account: the number of cases")
    parser.add_argument(
        "--cluster",
        type=_cluster,
        metavar="WHERE",
        help="send from the workers of a Dask cluster: its scheduler's address, or how many to start here",
    )
    parser.add_argument(
        "--on-5xx",
        choices=("pause", "retry"),
        help="after a 5xx: pause the run, or retry, which risks a second conversation",
    )
    parser.add_argument(
        "--cap", type=int, metavar="N", help="the most cases of a run on a real account (1000)"
    )


def add_asking_options(parser: argparse.ArgumentParser, confirm_help: str) -> None:
    """Add how ``lpnb learn`` and ``lpnb why`` ask: journal, account, pace, landing, Monitoring."""
    parser.add_argument("--journal", type=Path, metavar="FILE", help="continue this journal, or begin it")
    _add_sending_options(parser, confirm_help)
    parser.set_defaults(concurrency=16)
    parser.add_argument(
        "--engagement",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="ask Monitoring first; by default when there are columns for it",
    )


def _add_sending_options(parser: argparse.ArgumentParser, confirm_help: str) -> None:
    """Add the account, the pace, the guard of a real account, and the wait for landings."""
    parser.add_argument("--profile", help="read .env.PROFILE in place of .env")
    parser.add_argument("--concurrency", type=int, metavar="N", help="requests at once (16)")
    parser.add_argument("--rate", type=float, metavar="N", help=RATE_HELP)
    parser.add_argument(
        "--live",
        action="store_true",
        help="needed for a real account; an error when there are no LP_ settings",
    )
    parser.add_argument("--confirm", type=int, metavar="N", help=confirm_help)
    parser.add_argument("--landing-wait", type=float, metavar="S", help="seconds to wait for a landing (90)")
    parser.add_argument("--quiet", "-q", action="store_true", help="show no progress")


def add_table_options(parser: argparse.ArgumentParser) -> None:
    """Add how a table is read."""
    parser.add_argument("--separator", metavar="SIGN", help="of the CSV file; detected by default")
    parser.add_argument("--encoding", metavar="NAME", help="of the CSV file; detected, or asked, by default")
    parser.add_argument("--sheet", metavar="NAME", help="of the Excel workbook; by default the first one")
    parser.add_argument(
        "--decimal",
        choices=(",", "."),
        metavar="SIGN",
        help='"," or ".", the decimal sign; detected column by column by default',
    )
    parser.add_argument(
        "--dates",
        choices=("dmy", "mdy", "ymd"),
        help="the order of day, month and year; detected column by column by default",
    )


def add_map_option(parser: argparse.ArgumentParser) -> None:
    """Add the mapping of a table's headers."""
    parser.add_argument(
        "--map", type=Path, metavar="FILE", help="a file that says what headers mean; lpnb columns makes one"
    )


def table_options(options: argparse.Namespace) -> dict[str, Any]:
    """How a table is read, as ``cases_of`` takes it, by the options of ``add_table_options``."""
    return {name: getattr(options, name) for name in ("separator", "encoding", "sheet", "decimal", "dates")}


def _cluster(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() else True if text == "local" else text


def count(text: str) -> int:
    """An argparse type: how many requests a dry run prints, 1 to 1000.

    Raises:
        argparse.ArgumentTypeError: It is no such number.
    """
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000):
        raise argparse.ArgumentTypeError(f"a number from 1 to 1000 is needed; got {text!r}")
    return int(text)
