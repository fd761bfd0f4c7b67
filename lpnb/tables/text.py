"""``print_table``: a DataFrame as plain text for a terminal, with every cell whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lpnb._internal.display import brief, room, table_text
from lpnb._internal.validation import one_of
from lpnb.errors import Complaint, InvalidValueError
from lpnb.tables.cells import Columns, cells_of

if TYPE_CHECKING:
    import pandas as pd

#: Rows that are printed unless more are asked for.
MAX_ROWS = 100


def print_table(table: pd.DataFrame, columns: Iterable[str] | None = None, *, most: int = MAX_ROWS) -> None:
    """Print *table* with every cell whole: ids are there to be copied.

    A table that is wider than the terminal leaves out what is empty in every row, says so, and puts its
    widest columns below each row. A file or a pipe gets a row in one line. Tables that lpnb makes print
    themselves so; of another DataFrame pandas shortens long cells and leaves out columns in the middle.

    Args:
        table: Any DataFrame, such as ``run.table()`` or ``responses_table(reply)``. An index with a
            name, such as a pivot's, becomes columns.
        columns: Those to print, in this order; all when left out.
        most: Rows to print; how many there are beyond these is said.

    Raises:
        TypeError: *table* is no DataFrame.
        InvalidValueError: It has no such column, or *most* is no number of rows.

    Example:
        >>> from lpnb.tables.run_table import cases_table
        >>> table = cases_table({"case": ["a", "b"], "outcome": ["answered", "unknown"]})
        >>> print_table(table, ["case", "outcome"])
        case  outcome
        a     answered
        b     unknown
    """
    print(as_text(table, columns, most=most))  # noqa: T201 - printing is what was asked for


def as_text(
    table: pd.DataFrame | Columns, columns: Iterable[str] | None = None, *, most: int | None = MAX_ROWS
) -> str:
    """The text that ``print_table`` prints, also of lists of cells by column; *most* None is every row."""
    if not isinstance(table, Mapping) and not (hasattr(table, "columns") and hasattr(table, "isna")):
        raise TypeError(f"print_table prints a DataFrame; got {brief(table)}")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise InvalidValueError(
            [Complaint("most", f"most must be a whole number above 0; got {brief(most)}.")]
        )
    if isinstance(table, Mapping):
        all_names, rows = list(table), max(map(len, table.values()), default=0)
        first_rows: Any = {name: cells[:most] for name, cells in table.items()}
    else:
        if any(name is not None for name in table.index.names):  # such as a pivot's
            table = table.reset_index(allow_duplicates=True)
        all_names, rows = [str(name) for name in table.columns], len(table)
        head = table if most is None else table.head(most)
        first_rows = {name: head.iloc[:, place] for place, name in reversed(list(enumerate(all_names)))}
    names = all_names if columns is None else [columns] if isinstance(columns, str) else list(columns)
    if unknown := [name for name in names if name not in all_names]:
        raise InvalidValueError([one_of("columns", str(name), all_names) for name in unknown])
    cells = [
        [None if cell is None else _text(name, cell) for cell in cells_of(first_rows, name)] for name in names
    ]
    text = table_text(names, zip(*cells, strict=True), room())
    more = 0 if most is None else max(0, rows - most)
    return f"{text}\n... and {more:,} more rows: print_table(table, most={rows})" if more else text


def _text(name: str, cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.1f}" if name.endswith("_ms") else f"{cell:.6g}"
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "milliseconds")
    return str(cell)
