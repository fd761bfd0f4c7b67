"""``lpnb report``: a run, or learned rules, as one HTML file that anybody can open."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lpnb._printable import one_line
from lpnb.cli.run_command import exit_2_when_refused

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: SubParsers) -> None:
    """Add ``report`` to the command line."""
    report = commands.add_parser(
        "report",
        help="write a run, or learned rules, as a report: one HTML file",
        description="Write a run, or learned rules, as one HTML file that anybody can open: what "
        "decides, where cases landed, what moved since an earlier one, and how sure that is. Nothing is "
        "sent, and the file fetches nothing. Exit status: 0 when it is written, 1 when it cannot be, 2 when "
        "the call is wrong or a file cannot be read.",
    )
    report.add_argument(
        "run_file",
        type=Path,
        metavar="RUN",
        help="a journal, a run's table as CSV or Parquet, or learned rules as JSON",
    )
    report.add_argument("others", nargs="*", help=argparse.SUPPRESS)
    report.add_argument("--against", type=Path, metavar="RUN", help="an earlier one, to say what moved since")
    report.add_argument(
        "--key",
        action="append",
        metavar="COLUMN",
        help="a column that tells cases apart, such as ctmrinfo.customerId",
    )
    report.add_argument("--title", metavar="TEXT", help="the report's title")
    report.add_argument("--question", metavar="TEXT", help="the question it answers")
    report.add_argument(
        "-o", "--out", type=Path, metavar="FILE", required=True, help="the file, such as tuesday.html"
    )
    report.set_defaults(run=_run)


@exit_2_when_refused
def _run(options: argparse.Namespace) -> int:
    from lpnb.experiments.report.report import report

    if options.others:
        against = f"lpnb report {options.run_file} --against {options.others[0]}"
        print(
            one_line(f"A report is of one run. To say what moved since an earlier one: {against} -o FILE"),
            file=sys.stderr,
        )
        return 2
    absent = [file for file in (options.run_file, options.against) if file and not file.exists()]
    if absent:
        names = " and no file ".join(map(str, absent))
        kinds = "a journal, a run's table as CSV or Parquet, or learned rules as JSON"
        print(one_line(f"There is no file {names}. A report is made from {kinds}."), file=sys.stderr)
        return 2
    path = report(
        options.run_file,
        options.out,
        against=options.against,
        key=options.key,
        title=options.title,
        question=options.question,
    )
    print(path)
    return 0
