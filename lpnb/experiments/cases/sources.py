"""Sources of cases: a DataFrame, a CSV or Parquet file, a list of dicts, each read as columns of cells.

Nothing is sent from here, and no cell is judged: a cell is handed on as it came, except that what is empty,
NaN, NaT or NA is None. Text is never taken for a number, and missing values never become text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lpnb._internal.display import brief, count
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.columns import find_column

#: Separators that a CSV file may have.
SEPARATORS = (",", ";", "\t", "|")
_ROWS_AT_ONCE = 8_192
#: Characters of a CSV cell at the most; Python's own limit of 131,072 is less than a payload may hold.
_LONGEST_CELL = 2**31 - 1
_MOST_COMPLAINTS = 50
#: What spreadsheets take for a formula, and the apostrophe that ``tables.export`` put before it.
_DISARMED = re.compile("'+[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20]")


class CellSource(Protocol):
    """Columns of cells, read in stretches."""

    names: Sequence[str]

    def __len__(self) -> int: ...

    def cells(self, place: int, start: int, stop: int) -> Sequence[object]:
        """The cells of the column at *place*, for the rows from *start* up to *stop*."""
        ...


class ArrowSource:
    """Columns kept by Arrow: compact, whatever their number."""

    def __init__(self, table: pa.Table) -> None:
        self.names: Sequence[str] = list(table.column_names)
        self._table = table
        self._rows = int(table.num_rows)

    def __len__(self) -> int:
        return self._rows

    def cells(self, place: int, start: int, stop: int) -> Sequence[object]:
        """The cells as Python objects; missing ones are None."""
        column = self._table.column(place)
        found: list[object] = column.slice(start, stop - start).to_pylist()
        # Not every writer of Parquet knows a missing number from NaN.
        return [present(cell) for cell in found] if pa.types.is_floating(column.type) else found


class ListSource:
    """Columns kept as lists, for cells that are objects."""

    def __init__(self, columns: Mapping[str, Sequence[object]], rows: int) -> None:
        self.names: Sequence[str] = list(columns)
        self._columns = list(columns.values())
        self._rows = rows

    def __len__(self) -> int:
        return self._rows

    def cells(self, place: int, start: int, stop: int) -> Sequence[object]:
        """The cells as they were given."""
        return self._columns[place][start:stop]


class BesideSource:
    """The columns of two sources side by side; the second begins again when it is the shorter one."""

    def __init__(self, left: CellSource, right: CellSource) -> None:
        self.names: Sequence[str] = [*left.names, *right.names]
        self._left, self._right = left, right

    def __len__(self) -> int:
        return len(self._left)

    def cells(self, place: int, start: int, stop: int) -> Sequence[object]:
        """The cells of whichever has the column."""
        ours = len(self._left.names)
        if place < ours:
            return self._left.cells(place, start, stop)
        rows = len(self._right)
        found: list[object] = []
        while start < stop:
            begin = start % rows
            some = self._right.cells(place - ours, begin, min(rows, begin + stop - start))
            found.extend(some)
            start += len(some)
        return found


def from_frame(frame: pd.DataFrame) -> CellSource:
    """The columns of a DataFrame; its index is left alone."""
    names = list(frame.columns)
    if strangers := [name for name in names if not isinstance(name, str)]:
        raise InvalidValueError(
            [Complaint("", f"A column's name must be text; got {brief(name)}.") for name in strangers]
        )
    if doubled := {name for name in names if names.count(name) > 1}:
        raise InvalidValueError([Complaint(n, f"The column {n!r} is there twice.") for n in sorted(doubled)])
    try:
        arrays = [pa.array(frame[name], from_pandas=True) for name in names]
        return ArrowSource(pa.table([_chunked(array) for array in arrays], names=names))
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, UnicodeEncodeError):
        # Objects, or several types in one column.
        columns = {name: [present(cell) for cell in frame[name].tolist()] for name in names}
        return ListSource(columns, len(frame))


def from_rows(rows: Iterable[Mapping[str, object]]) -> CellSource:
    """The columns of a list of dicts: every key of any of them, in order of first appearance."""
    listed = list(rows)
    if strangers := [row for row in listed if not isinstance(row, Mapping)]:
        sentence = f"A case must be a dict of column names and values; got {brief(strangers[0])}."
        raise InvalidValueError([Complaint("", sentence)])
    names = list(dict.fromkeys(name for row in listed for name in row))
    return ListSource({name: [present(row.get(name)) for row in listed] for name in names}, len(listed))


def from_file(path: Path, separator: str | None = None) -> CellSource:
    """The columns of a CSV or Parquet file, told apart by how the file begins.

    Raises:
        InvalidValueError: It is not there, or not to be read.
    """
    try:
        with path.open("rb") as file:
            kind = file.read(4)
            if kind == b"PAR1":
                return ArrowSource(pq.read_table(path))
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InvalidValueError([Complaint(str(path), f"{path} cannot be read: {reason}.")]) from None
    if kind == b"PK\x03\x04":
        sentence = f"{path} is an Excel file. Save it as CSV UTF-8 or Parquet."
        raise InvalidValueError([Complaint(str(path), sentence)])
    if kind == b"\xd0\xcf\x11\xe0":
        sentence = f"{path} is an old Excel file. Save it as CSV UTF-8 or Parquet."
    elif kind[:1] in (b"[", b"{"):
        sentence = (
            f"{path} is JSON. Read it with json.load and give the list of dicts, or save it as CSV UTF-8."
        )
    elif path.suffix.lower() == ".parquet":
        sentence = f"{path} is no Parquet file: those begin with the letters PAR1."
    else:
        return from_csv(path, separator)
    raise InvalidValueError([Complaint(str(path), sentence)])


def from_csv(path: Path, separator: str | None = None) -> CellSource:
    """The columns of a CSV file in UTF-8, with or without a byte order mark; every cell is text.

    Without *separator* it is the one that makes the header's names known ones. An apostrophe
    that ``tables.export`` put before a formula is taken off again.

    Raises:
        InvalidValueError: The file is not there, not UTF-8, or its rows differ in length.
    """
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        sentence = f"separator must be one character, such as ';'; got {brief(separator)}."
        raise InvalidValueError([Complaint("separator", sentence)])
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            if (
                named := re.fullmatch(r"sep=([^\"\r\n])\r?\n?", first)
            ) is None:  # Excel's own way of naming it
                file.seek(0)
            found = separator or (named[1] if named else _sniffed(file))
            return ArrowSource(_table(path, file, found))
    except OSError as error:
        sentence = f"{path} cannot be read: {error.strerror or error}."
    except UnicodeDecodeError:
        sentence = f"{path} is not UTF-8 (byte {_not_utf8(path)}). Save it as CSV UTF-8."
    raise InvalidValueError([Complaint(str(path), sentence)])


def _not_utf8(path: Path) -> int:
    """Where the first byte stands that is not UTF-8."""
    try:
        path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _table(path: Path, file: TextIO, separator: str) -> pa.Table:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(file, delimiter=separator, strict=True)
    complaints: list[Complaint] = []
    blocks: list[list[pa.Array]] = []
    try:
        names = next(filter(None, reader), None)
        if not names:
            sentence = f"{path} is empty: its first line must name the columns."
            raise InvalidValueError([Complaint(str(path), sentence)])
        rows: list[list[str]] = []
        for number, row in enumerate(filter(None, reader), start=1):
            if len(row) != len(names):
                complaints.append(_ragged(path, reader.line_num, number, len(row), len(names)))
                continue
            rows.append(row)
            if len(rows) == _ROWS_AT_ONCE:
                blocks.append(_arrays(rows))
                rows = []
    except csv.Error as error:
        sentence = f"{path}, line {reader.line_num}, is not CSV: {error}."
        raise InvalidValueError([*complaints[:_MOST_COMPLAINTS], Complaint(str(path), sentence)]) from None
    if complaints:
        raise InvalidValueError(
            complaints[:_MOST_COMPLAINTS], more=max(0, len(complaints) - _MOST_COMPLAINTS)
        )
    if rows:
        blocks.append(_arrays(rows))
    chunked = [
        pa.chunked_array([block[place] for block in blocks], type=pa.string()) for place in range(len(names))
    ]
    return pa.table(chunked, names=names)


def _ragged(path: Path, line: int, row: int, came: int, wanted: int) -> Complaint:
    sentence = (  # the line as an editor counts, the row as every other message does
        f"{path}, line {line:,} (row {row:,}), has {count(came, 'cell')} where the header has {wanted}. "
        'A cell that holds the separator or a line break stands in quotes: "...".'
    )
    return Complaint(f"{path}:{line}", sentence)


def _arrays(rows: Sequence[Sequence[str]]) -> list[pa.Array]:
    return [pa.array([_cell(cell) for cell in column], pa.string()) for column in zip(*rows, strict=True)]


def _cell(cell: str) -> str | None:
    if cell[:1] == "'" and _DISARMED.match(cell):
        return cell[1:]
    return cell or None


def _sniffed(file: TextIO) -> str:
    """The separator under which most of the header's names are known; a comma when none is better."""

    def known(separator: str) -> int:
        file.seek(0)
        try:
            header: list[str] = next(filter(None, csv.reader(file, delimiter=separator)), [])
        except csv.Error:
            return 0
        return sum(find_column(name) is not None for name in header)

    found = max(SEPARATORS, key=known)
    file.seek(0)
    return found


def _chunked(array: Any) -> Any:
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def present(cell: object) -> object:
    """A cell, or None for whatever pandas means by missing."""
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return None
    if cell.is_nan() if isinstance(cell, Decimal) else isinstance(cell, float | np.floating) and cell != cell:
        return None
    return cell.item() if hasattr(cell, "item") and getattr(cell, "ndim", None) == 0 else cell
