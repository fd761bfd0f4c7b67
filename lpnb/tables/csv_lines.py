"""Columns of plain cells as CSV, without Arrow: the same bytes as Arrow writes."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from lpnb.tables.cells import Columns
from lpnb.tables.formulas import escape_formula

_EPOCH = datetime.datetime(1970, 1, 1)
_INT64 = 1 << 63


def csv_lines(columns: Columns, kinds: Mapping[str, str]) -> bytes | None:
    """The file that Arrow would write of *columns*; None when a cell is not of its column's plain kind.

    Example:
        >>> csv_lines({"case": ["a", None], "attempts": [1, 2]}, {"case": "text", "attempts": "whole"})
        b'"case","attempts"\\n"a",1\\n,2\\n'
    """
    text_columns = []
    for name, cells in columns.items():
        plain, spell = _CELL_WRITERS.get(kinds[name], _CELL_WRITERS["text"])
        if not set(map(type, cells)) <= {plain, type(None)}:
            return None
        try:
            text_columns.append(["" if cell is None else spell(cell) for cell in cells])
        except OverflowError:
            return None
    head = map(_text, columns)
    rows = zip(*text_columns, strict=True)
    try:
        return "".join(
            chain.from_iterable((",".join(row), "\n") for row in chain([tuple(head)], rows))
        ).encode()
    except UnicodeEncodeError:
        return None


def _text(cell: str) -> str:
    return '"' + escape_formula(cell).replace('"', '""') + '"'


def _whole(cell: int) -> str:
    if not -_INT64 <= cell < _INT64:
        raise OverflowError
    return str(cell)


def _number(cell: float) -> str:
    """Where Arrow spells a number as Python does, but for the end of a whole one."""
    if cell and not 1e-4 <= abs(cell) < 1e9:
        raise OverflowError
    return repr(cell).removesuffix(".0")


def _moment(cell: int) -> str:
    return f"{_EPOCH + datetime.timedelta(microseconds=cell):%Y-%m-%d %H:%M:%S.%f}Z"


#: The plain type of each kind's cells, and how one is written.
_CELL_WRITERS: Mapping[str, tuple[type, Callable[[Any], str]]] = {
    "text": (str, _text),
    "whole": (int, _whole),
    "number": (float, _number),
    "boolean": (bool, lambda cell: "true" if cell else "false"),
    "moment": (int, _moment),
}
