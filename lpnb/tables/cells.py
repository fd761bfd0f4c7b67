"""The cells of tables: of any column as a list, and any cell as text."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lpnb._internal.json_codec import clean

if TYPE_CHECKING:
    import pandas as pd

#: A table as a DataFrame, or as a list of cells for each column.
Columns = Mapping[str, Sequence[Any]]


def cells_of(table: pd.DataFrame | Columns, name: str) -> Sequence[Any]:
    """The cells of a column, None where one is missing; no cell when there is no such column."""
    if name not in table:
        return []
    column: Any = table[name]
    if not hasattr(column, "isna"):
        return column  # type: ignore[no-any-return]
    return [None if missing else cell for cell, missing in zip(column, column.isna(), strict=True)]


def cell_text(cell: object) -> str:
    """A cell as text: dates in ISO form, whole objects and lists as JSON, half characters replaced.

    Example:
        >>> cell_text({"a": [1, None]}), cell_text(datetime.date(2024, 2, 29)), cell_text("x")
        ('{"a": [1, null]}', '2024-02-29', 'x')
    """
    if isinstance(cell, str):
        return str(clean(cell))
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    if hasattr(cell, "to_wire"):
        cell = cell.to_wire()
    try:
        return str(clean(json.dumps(cell, ensure_ascii=False, default=str)))
    except (TypeError, ValueError):
        return str(clean(str(cell)))
