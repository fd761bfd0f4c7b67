"""``lpnb compare``: which cases moved between two runs, and from which skill to which."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lpnb._printable import one_line
from lpnb.cli.run_command import exit_2_when_refused

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: SubParsers) -> None:
    """Add ``compare`` to the command line."""
    compare = commands.add_parser(
        "compare",
        help="say which cases moved between two runs",
        description="Say which cases moved between two runs. A case is recognised by what was sent, or by "
        "--key; never by its row. Nothing is sent. Exit status: 0 when no case moved, 1 when one landed in "
        "another skill or was answered otherwise, 2 when the two cannot be compared.",
    )
    for name in ("before", "after"):
        compare.add_argument(
            name, type=Path, metavar=name.upper(), help="a journal, or a run's table as CSV or Parquet"
        )
    compare.add_argument(
        "--key",
        action="append",
        metavar="COLUMN",
        help="a column that tells cases apart, such as ctmrinfo.customerId",
    )
    compare.add_argument(
        "--out", type=Path, metavar="FILE", help="write all cases to .parquet, .csv or .xlsx"
    )
    compare.add_argument("--json", action="store_true", help="print all cases as one JSON array")
    compare.set_defaults(run=_run)


@exit_2_when_refused
def _run(options: argparse.Namespace) -> int:
    from lpnb.experiments.runs.compare import compare
    from lpnb.tables.export import check_export, save_table

    if options.out is not None:
        check_export(options.out)
        for source in (options.before, options.after):
            if os.path.realpath(options.out) == os.path.realpath(source):
                print(one_line(f"--out would write over {source}. Name another file."), file=sys.stderr)
                return 2
    comparison = compare(options.before, options.after, options.key)
    if options.out is not None:
        save_table(comparison.table(), options.out)
        print(one_line(f"Every case is in {options.out}"), file=sys.stderr)
    if options.json:
        print(comparison.table().to_json(orient="records", force_ascii=False))
    else:
        print(comparison)
    return 1 if len(comparison.drift) else 0
