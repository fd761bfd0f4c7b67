"""Sources of cases: a DataFrame, a CSV or Parquet file, a list of dicts, each read as columns of cells.

Nothing is sent from here, and no cell is judged: a cell is handed on as it came, except that what is empty,
NaN, NaT or NA is None. Text is never taken for a number, and missing values never become text.
"""

from __future__ import annotations

import sys
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lpnb._internal.display import brief
from lpnb._internal.json_codec import is_too_deep
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.csv_file import read_csv
from lpnb.experiments.cases.excel_file import read_excel

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


#: The first and the last day that Python knows, counted from 1970.
_FIRST_DAY, _LAST_DAY = (day.toordinal() - date(1970, 1, 1).toordinal() for day in (date.min, date.max))
#: Bytes that a Parquet file may unpack to.
_LARGEST_TABLE = 2 << 30


class CellSource(Protocol):
    """Columns of cells, read in blocks."""

    names: Sequence[str]

    def __len__(self) -> int: ...

    def cells(self, place: int, start: int, stop: int) -> Sequence[object]:
        """The cells of the column at *place*, for the rows from *start* up to *stop*."""
        ...


class ArrowSource:
    """Columns kept by Arrow: compact, whatever their number."""

    def __init__(self, table: pa.Table) -> None:
        import pyarrow as pa

        self._types = pa.types
        self.names: Sequence[str] = list(table.column_names)
        self._table = table
        self._rows = int(table.num_rows)

    def __len__(self) -> int:
        return self._rows

    def cells(self, place: int, start: int, stop: int) -> Sequence[object]:
        """The cells as Python objects; missing ones are None."""
        column = self._table.column(place)
        cells: list[object] = column.slice(start, stop - start).to_pylist()
        # Not every writer of Parquet knows a missing number from NaN.
        return [present(cell) for cell in cells] if self._types.is_floating(column.type) else cells

    def filled_flags(self, place: int) -> bytes:
        """For each cell of the column at *place* a 1, or a 0 where it is empty."""
        import pyarrow.compute as pc

        column = self._table.column(place)
        valid = pc.is_valid(column)
        if self._types.is_string(column.type) or self._types.is_large_string(column.type):
            valid = pc.and_(valid, pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), False))
        flags: bytes = valid.to_numpy(zero_copy_only=False).tobytes()
        return flags

    def counts(self, place: int) -> dict[object, int]:
        """How often each text or number of the column at *place* occurs."""
        import pyarrow.compute as pc

        column = self._table.column(place)
        kind = column.type
        if self._types.is_nested(kind):
            return {}
        value_counts = pc.value_counts(column)
        values, numbers = value_counts.field("values").to_pylist(), value_counts.field("counts").to_pylist()
        return {value: number for value, number in zip(values, numbers, strict=True) if value is not None}


class RowSource:
    """Rows of cells, under headers of which some may be alike."""

    def __init__(self, names: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        self.names: Sequence[str] = list(names)
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def cells(self, place: int, start: int, stop: int) -> Sequence[object]:
        """The cells as they stand in the rows."""
        return [row[place] for row in self._rows[start:stop]]


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
        cells: list[object] = []
        while start < stop:
            begin = start % rows
            some = self._right.cells(place - ours, begin, min(rows, begin + stop - start))
            cells.extend(some)
            start += len(some)
        return cells


def from_frame(frame: pd.DataFrame) -> CellSource:
    """The columns of a DataFrame; its index is left alone."""
    import pyarrow as pa

    names = list(frame.columns)
    if odd_names := [name for name in names if not isinstance(name, str)]:
        raise InvalidValueError(
            [Complaint("", f"A column's name must be text; got {brief(name)}.") for name in odd_names]
        )
    if doubles := {name for name, times in Counter(names).items() if times > 1}:
        raise InvalidValueError([Complaint(n, f"The column {n!r} is there twice.") for n in sorted(doubles)])
    try:
        if any(frame[name].dtype == object and any(map(is_too_deep, frame[name])) for name in names):
            raise pa.ArrowInvalid("too deep")  # Arrow follows a list that contains itself until it crashes
        arrays = [pa.array(frame[name], from_pandas=True) for name in names]
        for name, array in zip(names, arrays, strict=True):
            _check_dates(name, array)
        return ArrowSource(
            pa.table([pa.chunked_array([a]) if isinstance(a, pa.Array) else a for a in arrays], names=names)
        )
    except (
        pa.ArrowInvalid,
        pa.ArrowTypeError,
        pa.ArrowNotImplementedError,
        UnicodeEncodeError,
        OverflowError,
    ):
        # Objects, or several types in one column.
        columns = {name: [present(cell) for cell in frame[name].tolist()] for name in names}
        return ListSource(columns, len(frame))


def from_rows(rows: Iterable[Mapping[str, object]]) -> CellSource:
    """The columns of a list of dicts: every key of any of them, in order of first appearance."""
    row_list = list(rows)
    if odd_rows := [row for row in row_list if not isinstance(row, Mapping)]:
        sentence = f"A case must be a dict of column names and values; got {brief(odd_rows[0])}."
        raise InvalidValueError([Complaint("", sentence)])
    names = list(dict.fromkeys(name for row in row_list for name in row))
    return ListSource({name: [present(row.get(name)) for row in row_list] for name in names}, len(row_list))


def kind_of_file(path: Path) -> Literal["csv", "parquet", "excel"]:
    """Which of the kinds of files that can be read *path* is, by how it begins.

    Raises:
        InvalidValueError: It is not there, or of another kind.
    """
    try:
        with path.open("rb") as file:
            start = file.read(65_536)
    except OSError as error:
        sentence = f"{path} cannot be read: {error.strerror or error}."
        raise InvalidValueError([Complaint(str(path), sentence)]) from None
    way_out = "Open it in a spreadsheet program, without a password, and save it as .xlsx or CSV UTF-8."
    if start[:4] == b"PAR1":
        return "parquet"
    if start[:4] == b"PK\x03\x04":
        what = _other_archive(path)
        if what is None:
            return "excel"
    elif start[:4] == b"\xd0\xcf\x11\xe0":
        has_password = "EncryptedPackage".encode("utf-16-le") in path.read_bytes()
        what = "an Excel file with a password" if has_password else "an Excel file of the old kind (.xls)"
    elif (text := start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()).startswith(
        (b"<!doctype html", b"<html", b"<table")
    ):
        what = "a page (HTML) under the name of a spreadsheet"
    elif text.startswith(b"<?xml"):
        what = "XML"
    elif text.startswith(b"%pdf"):
        what = "a PDF"
    elif text.startswith(b"\x1f\x8b"):
        what = "packed (gzip)"
    elif text.startswith((b"[", b"{")):
        what, way_out = "JSON", "Read it with json.load and give the list of dicts, or save it as CSV UTF-8."
    elif path.suffix.lower() == ".parquet":
        what, way_out = "no Parquet file: those begin with the letters PAR1", ""
    else:
        return "csv"
    raise InvalidValueError([Complaint(str(path), f"{path} is {what}. {way_out}".strip())])


def _other_archive(path: Path) -> str | None:
    """What an archive is that is no Excel workbook, or None for a workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return None  # said when it is read
    if "xl/workbook.bin" in names:
        return "a binary Excel workbook (.xlsb)"
    if any(name.startswith("Index/") or name == "Index.zip" for name in names):
        return "a file of Apple Numbers"
    if "mimetype" in names or "content.xml" in names:
        return "a spreadsheet of LibreOffice or OpenOffice (.ods)"
    if any(name.startswith("word/") for name in names):
        return "a Word document"
    if not any(name.startswith("xl/") for name in names):
        return "an archive (.zip)"
    return None


def from_parquet(path: Path) -> CellSource:
    """The columns of a Parquet file.

    Raises:
        InvalidValueError: It cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            table = _whole_table(file, path)
        for name, column in zip(table.column_names, table.columns, strict=True):
            _check_text(name, column)
            _check_dates(name, column)
        return ArrowSource(table)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InvalidValueError([Complaint(str(path), f"{path} cannot be read: {reason}.")]) from None


def _whole_table(file: Any, path: Path) -> Any:
    """The whole table, unless it is larger than a table of cases can be meant to be.

    Raises:
        InvalidValueError: It is.
    """
    import pyarrow as pa

    batches, size = [], 0
    groups = file.metadata.num_row_groups
    stored_bytes = sum(file.metadata.row_group(group).total_byte_size for group in range(groups))
    if stored_bytes <= _LARGEST_TABLE:
        for batch in file.iter_batches(4_096):
            size += batch.nbytes
            if size > _LARGEST_TABLE:
                break
            batches.append(batch)
    if max(stored_bytes, size) > _LARGEST_TABLE:
        sentence = (
            f"{path} unpacks to more than {_LARGEST_TABLE >> 20:,} MiB: {file.metadata.num_rows:,} rows that "
            "would all be in memory. Split it, or keep only the columns that are needed."
        )
        raise InvalidValueError([Complaint(str(path), sentence)])
    return pa.Table.from_batches(batches, file.schema_arrow)


def _check_dates(name: str, column: Any) -> None:
    """See that every date has a year that a calendar knows.

    Raises:
        InvalidValueError: Naming the first row that has none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        return
    unit = "day" if pa.types.is_date32(kind) else "ms" if pa.types.is_date64(kind) else kind.unit
    day = {"day": 1, "s": 86_400, "ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}[unit]
    ticks = column.cast(pa.int32()).cast(pa.int64()) if unit == "day" else column.cast(pa.int64())
    first, last = _FIRST_DAY * day, (_LAST_DAY + 1) * day - 1
    if unit == "ns":  # ends long before
        return
    odd = pc.index(pc.or_(pc.less(ticks, first), pc.greater(ticks, last)), value=True).as_py()
    if odd >= 0:
        sentence = (
            f"Row {odd + 1:,}, {name} must be a date from the year 1 to 9999; got "
            f"{ticks[odd]} {unit} from 1970."
        )
        raise InvalidValueError([Complaint(f"[{odd}].{name}", sentence)])


def _check_text(name: str, column: Any) -> None:
    """See that what a file calls text is text: Arrow takes any bytes for it.

    Raises:
        InvalidValueError: Naming the first row that is not.
    """
    import pyarrow as pa

    kinds = pa.types
    column = column.cast(column.type.value_type) if kinds.is_dictionary(column.type) else column
    try:
        column.validate(full=True)
        return
    except pa.ArrowInvalid:
        if not (kinds.is_string(column.type) or kinds.is_large_string(column.type)):
            raise
    binary = pa.large_binary() if kinds.is_large_string(column.type) else pa.binary()
    for row, cell in enumerate(column.cast(binary).to_pylist(), start=1):
        try:
            (cell or b"").decode("utf-8")
        except UnicodeDecodeError as error:
            rule = f"Row {row:,}, {name} must be UTF-8 text; byte {error.start} is not; got {brief(cell)}."
            raise InvalidValueError([Complaint(f"[{row - 1}].{name}", rule)]) from None


def from_csv(
    path: Path,
    separator: str | None = None,
    header_map: Mapping[str, str | None] | None = None,
    encoding: str | None = None,
) -> tuple[CellSource, list[str]]:
    """The columns of a CSV file, every cell text, and what there is to say about how it was read.

    *header_map* says what headers stand for that are not known by themselves.

    Raises:
        InvalidValueError: It cannot be read, or its rows differ in length.
    """
    try:
        names, rows, notes = read_csv(path, separator, header_map, encoding)
    except OSError as error:
        sentence = f"{path} cannot be read: {error.strerror or error}."
        raise InvalidValueError([Complaint(str(path), sentence)]) from None
    return RowSource(names, rows) if isinstance(rows, list) else ArrowSource(rows), notes


def from_excel(
    path: Path, sheet: str | None = None, header_map: Mapping[str, str | None] | None = None
) -> tuple[CellSource, list[str]]:
    """The columns of a sheet of an Excel workbook, cells typed, and what there is to say about it.

    *header_map* says what headers stand for that are not known by themselves.

    Raises:
        InvalidValueError: It cannot be read, or has no such sheet.
    """
    header, rows, notes = read_excel(path, sheet, header_map)
    return RowSource(header, rows), notes


def present(cell: object) -> object:
    """A cell, or None for whatever pandas means by missing."""
    if cell is None or type(cell) is str:
        return cell
    pandas = sys.modules.get("pandas")  # a cell of its own kind comes from whoever has imported it
    if pandas is not None and (cell is getattr(pandas, "NA", None) or cell is getattr(pandas, "NaT", None)):
        return None
    if cell.is_nan() if isinstance(cell, Decimal) else isinstance(cell, Real) and cell != cell:
        return None
    return cell.item() if hasattr(cell, "item") and getattr(cell, "ndim", None) == 0 else cell
