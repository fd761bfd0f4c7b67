"""Excel workbooks as columns of typed cells, read with openpyxl; nothing in a workbook is executed."""

from __future__ import annotations

import datetime
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lpnb._internal.display import brief, count
from lpnb._internal.validation import one_of
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.headers import header_row, remove_total

#: Bytes that a workbook may unpack to.
LARGEST_UNPACKED = 1 << 30
#: What stands in place of a formula whose value no program has computed.
NOT_COMPUTED = "#NOT COMPUTED!"
#: Rows among which the header is looked for, and merged cells that are looked at.
_LEADING_ROWS, _MOST_MERGED = 15, 10_000
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]+[0-9]+:[A-Z]+[0-9]+)"')
_ROW = re.compile(rb'<(?:\w+:)?row\s[^>]*?\br="([0-9]+)"[^>]*>')
_HIDDEN = re.compile(rb'\shidden="(?:1|true)"')


def read_excel(
    path: Path, sheet: str | None = None, given: Mapping[str, str | None] | None = None
) -> tuple[list[str], list[list[object]], list[str]]:
    """The header, the rows and what there is to say about a workbook's *sheet*, the first shown when None.

    Cells are text, numbers, dates or true and false; an empty one is None, a date without a time is a date.
    Each of merged cells has their value. A formula gives the value that was computed last. A title above the
    header and a row of totals at the end are left out; *given* says what headers stand for.

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
                merged, hidden = _layout(book[name])
                if any(isinstance(cell, _Formula) for row in rows for cell in row):
                    rows = _with_results(path, name, rows)
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
    notes = _fill_merged(rows, merged)
    empty = next(
        (place for place, row in enumerate(rows) if any(cell is not None for cell in row)), len(rows)
    )
    hidden = [row for row in hidden if empty + 1 < row <= len(rows) and rows[row - 1]]
    del rows[:empty]
    if not rows:
        sentence = f"{path}, sheet {name!r}, is empty: its first row must name the columns."
        raise InvalidValueError([Complaint(str(path), sentence)])
    above = header_row(rows[:_LEADING_ROWS], given)
    if above:
        notes.append(f"{count(above, 'row')} above the header left out.")
        del rows[:above]
    width = max(map(len, rows))
    header = ["" if cell is None else _header(cell) for cell in _padded(rows[0], width)]
    if hidden:
        notes.append(
            f"{count(len(hidden), 'row')} hidden in the workbook read too, such as line {hidden[0]:,}."
        )
    if sheet is None and len(book.sheetnames) > 1:
        others = ", ".join(repr(other) for other in book.sheetnames if other != name)
        notes.append(f"The sheet {name!r} was read; there are others: {brief(others, 200).strip(chr(34))}.")
    rows = [list(_padded(row, width)) for row in rows[1:]]
    notes += remove_total(rows)
    return header, rows, notes


def _with_results(path: Path, name: str, rows: list[list[object]]) -> list[list[object]]:
    """*rows* with the values in place of formulas, as they were computed last."""
    import openpyxl

    computed = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    try:
        return [
            [
                _computed(cell) if isinstance(formula, _Formula) else formula
                for formula, cell in zip(row, _padded(values, len(row)), strict=False)
            ]
            for row, values in zip(rows, _rows(computed[name]), strict=False)
        ]
    finally:
        computed.close()


def _layout(worksheet: Any) -> tuple[list[tuple[int, int, int, int]], list[int]]:
    """A sheet's merged cells (first column, first row, last column, last row) and its hidden rows."""
    from openpyxl.utils.cell import range_boundaries

    with worksheet._get_source() as source:  # cells that are read row by row do not say these
        content = source.read()
    ranges = [match[1].decode() for match in _MERGED.finditer(content)]
    hidden = [int(match[1]) for match in _ROW.finditer(content) if _HIDDEN.search(match[0])]
    return [range_boundaries(cells) for cells in ranges[:_MOST_MERGED]], hidden


def _fill_merged(rows: list[list[object]], merged: Sequence[tuple[int, int, int, int]]) -> list[str]:
    """Give each of merged cells below each other the value of the first; a header or title stays as it is."""
    filled = 0
    for left, top, _, bottom in merged:
        if top < 2 or not len(rows) >= bottom > top or len(rows[top - 1]) < left:
            continue
        value = rows[top - 1][left - 1]
        for row in rows[top:bottom] if value is not None else ():
            if any(cell is not None for cell in row):
                row.extend([None] * (left - len(row)))
                row[left - 1] = value
                filled += 1
    return [f"{count(filled, 'cell')} merged with the one above read with its value."] if filled else []


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
        return next((one.title for one in book.worksheets if one.sheet_state == "visible"), names[0])
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
    if isinstance(value, int | float) and not isinstance(value, bool):
        # Zeros in front that only a format of the cell shows.
        padded = re.fullmatch(r"0{2,30}", cell.number_format or "")
        return f"{int(value):0{len(padded[0])}d}" if padded and value == int(value) >= 0 else value
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
