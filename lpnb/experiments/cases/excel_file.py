"""Excel workbooks as columns of typed cells, read with openpyxl; nothing in a workbook is executed."""

from __future__ import annotations

import datetime
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lpnb._internal.display import brief
from lpnb._internal.validation import one_of
from lpnb.errors import Complaint, InvalidValueError

#: Bytes that a workbook may unpack to.
LARGEST_UNPACKED = 1 << 30
#: What stands in place of a formula whose value no program has computed.
NOT_COMPUTED = "#NOT COMPUTED!"


def read_excel(path: Path, sheet: str | None = None) -> tuple[list[str], list[list[object]], list[str]]:
    """The header, the rows and what there is to say about a workbook's *sheet*, the first one when None.

    Cells are text, numbers, dates or true and false; an empty one is None, a date without a time is a date.
    Of merged cells the first has the value. A formula gives the value that was computed last.

    Raises:
        InvalidValueError: It is no workbook, has no such sheet, or would unpack to more than a gigabyte.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        _check_size(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts of a workbook that hold no cells
            book = openpyxl.load_workbook(path, read_only=True, data_only=False, keep_links=False)
            try:
                name = _sheet_name(path, book, sheet)
                rows = list(_rows(book[name]))
                if any(isinstance(cell, _Formula) for row in rows for cell in row):
                    computed = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
                    try:
                        rows = [
                            [
                                _computed(cell) if isinstance(formula, _Formula) else formula
                                for formula, cell in zip(row, _padded(values, len(row)), strict=False)
                            ]
                            for row, values in zip(rows, _rows(computed[name]), strict=False)
                        ]
                    finally:
                        computed.close()
            finally:
                book.close()
    except InvalidValueError:
        raise
    except (
        InvalidFileException,
        zipfile.BadZipFile,
        Exception,
    ) as error:  # openpyxl raises what it happens to
        reason = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        sentence = f"{path} cannot be read as an Excel workbook ({reason}). Save it anew, or as CSV UTF-8."
        raise InvalidValueError([Complaint(str(path), sentence)]) from None
    while rows and not any(cell is not None for cell in rows[0]):
        del rows[0]
    if not rows:
        sentence = f"{path}, sheet {name!r}, is empty: its first row must name the columns."
        raise InvalidValueError([Complaint(str(path), sentence)])
    width = max(map(len, rows))
    header = ["" if cell is None else _header(cell) for cell in _padded(rows[0], width)]
    notes = []
    if sheet is None and len(book.sheetnames) > 1:
        others = ", ".join(map(repr, book.sheetnames[1:6]))
        notes.append(f"The sheet {name!r} was read; there are others: {others}.")
    return header, [list(_padded(row, width)) for row in rows[1:]], notes


class _Formula:
    """Marks a cell that holds a formula."""


def _check_size(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(part.file_size for part in archive.infolist())
    if unpacked > LARGEST_UNPACKED:
        sentence = (
            f"{path} would unpack to {unpacked / 1_000_000:,.0f} MB, which no table of cases needs. Save "
            f"the sheet as "
            "CSV UTF-8 or Parquet."
        )
        raise InvalidValueError([Complaint(str(path), sentence)])


def _sheet_name(path: Path, book: Any, sheet: str | None) -> str:
    names: list[str] = [worksheet.title for worksheet in book.worksheets]
    if not names:
        raise InvalidValueError([Complaint(str(path), f"{path} has no sheet with cells.")])
    if sheet is None:
        return names[0]
    if sheet not in names:
        raise InvalidValueError([one_of("sheet", sheet, names)])
    return sheet


def _rows(worksheet: Any) -> Iterator[list[object]]:
    worksheet.reset_dimensions()  # a workbook may say more rows than it has
    for row in worksheet.iter_rows():
        cells = [_value(cell) for cell in row]
        while cells and cells[-1] is None:
            cells.pop()
        yield cells


def _value(cell: Any) -> object:
    if cell.data_type == "f":
        return _Formula()
    value = cell.value
    if isinstance(value, str):
        return None if not value or value.isspace() else value
    if isinstance(value, datetime.datetime) and value.time() == datetime.time() and value.tzinfo is None:
        return value.date()
    if isinstance(value, datetime.time | datetime.timedelta):
        return str(value)
    return value


def _computed(value: object) -> object:
    return NOT_COMPUTED if value is None else value


def _padded(cells: Sequence[object], width: int) -> Sequence[object]:
    return [*cells, *[None] * (width - len(cells))]


def _header(cell: object) -> str:
    return cell.strip() if isinstance(cell, str) else str(cell) if isinstance(cell, int) else brief(cell)
