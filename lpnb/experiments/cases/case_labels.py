"""Labels of cases: the values by which a person tells one row of a table from the others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from lpnb._internal.display import brief
from lpnb.experiments.cases.columns import CASE_COLUMNS, find_column
from lpnb.models.base import WireModel
from lpnb.tables.cells import cells_of

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.tables.cells import Columns

#: Rows that are looked at, and columns that a label has at the most.
LOOKED_AT = 1_000
_MOST = 3
#: Columns that name a person, the plainest first.
_PERSONS = (
    "ctmrinfo.customerId",
    "consumer_id",
    "personal.firstname",
    "personal.lastname",
    "ctmrinfo.userName",
)
_DEFAULT_NAME = re.compile(r"case-[0-9]{5,}")


def is_default_name(name: str) -> bool:
    """Whether a case has only the name that its number gives it.

    Example:
        >>> is_default_name("case-00002"), is_default_name("gold")
        (True, False)
    """
    return _DEFAULT_NAME.fullmatch(name) is not None


def label_columns(rows: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    """The columns that tell *rows* apart: a person's id or name where there is one, else what differs most.

    Example:
        >>> label_columns([{"ctmrinfo.ctype": "vip", "skillId": "1"}, {"ctmrinfo.ctype": "gold", "skillId": "1"}])
        ('ctmrinfo.ctype',)
    """  # noqa: E501
    columns: dict[str, int] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        distinct = len({_key(row.get(name)) for row in rows})
        if distinct > 1:
            columns[name] = distinct
    persons = [name for name in _PERSONS if name in columns]
    others = [name for name in columns if name not in persons]
    ranking = [*persons, *sorted(others, key=lambda name: -columns[name])]
    best_columns: list[str] = []
    most_distinct, most_with_value = 1, 0
    for name in ranking:
        columns_now = (*best_columns, name)
        distinct_rows = len({tuple(_key(row.get(one)) for one in columns_now) for row in rows})
        rows_with_value = sum(any(row.get(one) is not None for one in columns_now) for row in rows)
        if distinct_rows > most_distinct or rows_with_value > most_with_value:
            best_columns.append(name)
            most_distinct, most_with_value = distinct_rows, rows_with_value
        if most_distinct == most_with_value == len(rows) or len(best_columns) == _MOST:
            break
    return tuple(best_columns)


def naming_columns(table: pd.DataFrame | Columns) -> tuple[str, ...]:
    """The columns of a run's *table* that tell its cases apart, where some have no names of their own.

    Example:
        >>> naming_columns({"case": ["case-00001", "case-00002"], "outcome": ["answered"] * 2, "skillId": ["1", "2"]})
        ('skillId',)
    """  # noqa: E501
    if not any(is_default_name(str(name)) for name in cells_of(table, "case")):
        return ()
    names = [name for name in table if isinstance(name, str) and name not in CASE_COLUMNS]
    cells = {name: cells_of(table, name)[:LOOKED_AT] for name in names if find_column(name) is not None}
    rows = zip(*cells.values(), strict=True) if cells else ()
    return label_columns([dict(zip(cells, row, strict=True)) for row in rows])


def label_of(values: Mapping[str, object], columns: Sequence[str], *, without: str = "") -> str:
    """What those *columns* of a case say, the column *without* left out; "" where they are empty.

    Example:
        >>> label_of({"ctmrinfo.customerId": "0058490", "skillId": "1"}, ["ctmrinfo.customerId", "note.tier"])
        'customerId 0058490'
    """
    pairs = (
        (name.rpartition(".")[2], values[name])
        for name in columns
        if name != without and values.get(name) is not None
    )
    return ", ".join(f"{name} {_value_text(value)}" for name, value in pairs)


def _key(value: object) -> object:
    return value if isinstance(value, str | int | float | None) else repr(value)


def _value_text(value: object) -> str:
    if isinstance(value, WireModel):
        value = value.to_wire()
    elif isinstance(value, date):
        value = value.isoformat()
    text = brief(value, 40)
    return text[1:-1] if isinstance(value, str) else text
