"""``lpnb columns``: what each column of a table was taken for, and a mapping file to change it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lpnb._printable import one_line
from lpnb.cli.run_options import add_table_options, table_options
from lpnb.errors import InvalidValueError

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: SubParsers) -> None:
    """Add ``columns`` to the command line."""
    columns = commands.add_parser(
        "columns",
        help="show how each column of a table of cases is read",
        description="Show as which field each column of a CSV, Excel or Parquet file is read, and how its "
        "numbers and "
        "dates are read. Nothing is sent. Exit status: 0 when it can be sent so, 1 when a column is "
        "unknown or can be read two ways, or a cell is wrong, 2 when the file cannot be read.",
    )
    columns.add_argument("file", type=Path, metavar="FILE", help="a CSV, Excel or Parquet file")
    add_table_options(columns)
    columns.add_argument(
        "--map", type=Path, metavar="FILE", help="use this mapping file, or write it when there is none yet"
    )
    columns.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from lpnb._internal.display import room, table_text
    from lpnb.experiments.cases.cases import Cases, read_table
    from lpnb.experiments.cases.mapping_file import mapping_text
    from lpnb.experiments.runs.dry_run import odd_values

    is_new = options.map is not None and not options.map.exists()
    try:
        table = read_table(
            options.file,
            columns=None if is_new else options.map,
            **table_options(options),
        )
        if is_new:
            text = mapping_text([column.match for column in table.columns], table_options(options))
            options.map.write_text(text + "\n", encoding="utf-8")
    except InvalidValueError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(one_line(f"{options.map} cannot be written: {error.strerror}."), file=sys.stderr)
        return 2
    rows = [
        (column.match.header, _column_text(column.match.how, column.match.column), f"{column.cells:,}",
         column.problem or column.note or "")
        for column in table.columns
    ]  # fmt: skip
    print(table_text(("header", "column", "filled", "how it is read"), rows, max(room() or 0, 200)))
    for note in table.notes:
        if not note.startswith("Taken for: ") and not any(
            column.note and column.note in note for column in table.columns
        ):
            print(one_line(note))
    if is_new:
        print(f"The mapping is in {options.map}: edit it, and use it with --map {options.map}")
    try:
        table.check()
        cases = Cases(table.source, headers=table.headers)
        for sentence in filter(None, odd_values(cases)):
            if "takes the number, not the name" not in sentence:
                print(sentence)
        for column in cases.columns_of_names:
            print(f"{column} holds names; a run looks their ids up in the account.")
        cases.check()
    except InvalidValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _column_text(how: str, column: str | None) -> str:
    return {"left out": "(left out)", "unknown": "(unknown)"}.get(how, column or "")
