"""Excel workbooks as columns of typed cells, read with openpyxl; nothing in a workbook is executed."""

from __future__ import annotations

import datetime
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from lpnb._internal.display import brief, count
from lpnb._internal.validation import one_of
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.headers import header_row, remove_total

#: Bytes that a workbook may unpack to.
LARGEST_UNPACKED = 1 << 30
#: What stands in place of a formula whose value no program has computed.
NOT_COMPUTED = "#NOT COMPUTED!"
#: Rows among which the header is looked for.
_LEADING_ROWS = 15
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]+[0-9]+:[A-Z]+[0-9]+)"')
_ROW = re.compile(rb'<(?:\w+:)?row\s[^>]*?\br="([0-9]+)"[^>]*>')
_HIDDEN = re.compile(rb'\shidden="(?:1|true)"')


def read_excel(
    path: Path, sheet: str | None = None, header_map: Mapping[str, str | None] | None = None
) -> tuple[list[str], list[list[object]], list[str]]:
    """The header, the rows and what there is to say about a workbook's *sheet*, the first shown when None.

    Cells are text, numbers, dates or true and false; an empty one is None, a date without a time is a date.
    Each of merged cells has their value. A formula gives the value that was computed last. A title above the
    header and a row of totals at the end are left out; *header_map* says what headers stand for.

    Raises:
        InvalidValueError: It is no workbook, has no such sheet, or would unpack to more than a gigabyte.
    """
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        _check_size(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of parts of a workbook that hold no cells
            book = _Workbook(path)
            try:
                name = _sheet_name(path, book.sheets, sheet)
                rows = list(book.rows(name))
                merged_ranges, hidden_rows = _layout(book.content(name))
                if any(isinstance(cell, _Formula) for row in rows for cell in row):
                    rows = _with_results(rows, book.rows(name, is_computed=True))
                notes = _fill_merged(rows, merged_ranges)
            finally:
                book.archive.close()
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
    empty = next(
        (place for place, row in enumerate(rows) if any(cell is not None for cell in row)), len(rows)
    )
    hidden_rows = [row for row in hidden_rows if empty + 1 < row <= len(rows) and rows[row - 1]]
    del rows[:empty]
    if not rows:
        sentence = f"{path}, sheet {name!r}, is empty: its first row must name the columns."
        raise InvalidValueError([Complaint(str(path), sentence)])
    header_place = header_row(rows[:_LEADING_ROWS], header_map)
    if header_place:
        notes.append(f"{count(header_place, 'row')} above the header left out.")
        del rows[:header_place]
    width = max(map(len, rows))
    header = ["" if cell is None else _header(cell) for cell in _pad(rows[0], width)]
    if hidden_rows:
        notes.append(
            f"{count(len(hidden_rows), 'row')} hidden in the workbook read too, such as line "
            f"{hidden_rows[0]:,}."
        )
    if sheet is None and len(book.sheets) > 1:
        others = ", ".join(repr(other) for other, _, _ in book.sheets if other != name)
        others = brief(others, 200).strip(chr(34))
        notes.append(f"The sheet {name!r} was read; there are others (--sheet): {others}.")
    rows = [list(_pad(row, width)) for row in rows[1:]]
    notes += remove_total(rows)
    return header, rows, notes


class _Workbook:
    """A workbook's sheets (name, state, part of the archive), each read as rows of cells.

    openpyxl's own way in reads every sheet once more to learn its size.
    """

    def __init__(self, path: Path) -> None:
        from openpyxl.reader.excel import ExcelReader
        from openpyxl.styles.stylesheet import apply_stylesheet

        reader: Any = ExcelReader(path, read_only=True, keep_links=False)
        reader.read_manifest()
        reader.read_strings()
        reader.read_workbook()
        apply_stylesheet(reader.archive, reader.wb)
        self.archive: zipfile.ZipFile = reader.archive
        self._book, self._strings = reader.wb, reader.shared_strings
        self._padding: dict[int, int] = {}
        self.sheets: list[tuple[str, str, str]] = [
            (sheet.name, sheet.state, part.target)
            for sheet, part in reader.parser.find_sheets()
            if part.target in reader.valid_files and "chartsheet" not in part.Type
        ]

    def content(self, sheet: str) -> bytes:
        """The whole part of *sheet*."""
        return self.archive.read(self._part(sheet))

    def rows(self, sheet: str, *, is_computed: bool = False) -> Iterator[list[object]]:
        """The rows of *sheet*; a formula is a mark, or the value that was computed last."""
        from openpyxl.worksheet._reader import INLINE_STRING, VALUE_TAG, WorkSheetParser

        plain_text = INLINE_STRING.removesuffix("is") + "t"

        class CellParser(WorkSheetParser):  # type: ignore[misc]
            def parse_cell(self, element: Any) -> Any:
                inline: Any = element[0] if len(element) == 1 else ()
                if len(inline) == 1 and inline[0].tag == plain_text and element[0].tag == INLINE_STRING:
                    inline[0].tag = VALUE_TAG  # quicker to read
                    element[0] = inline[0]
                    element.set("t", "str")
                return super().parse_cell(element)

        book = self._book
        with self.archive.open(self._part(sheet)) as source:
            parser = CellParser(
                source, self._strings, is_computed, book.epoch, book._date_formats, book._timedelta_formats
            )
            count = 0
            for number, cells in parser.parse():
                for _ in range(count + 1, number):
                    yield []
                row: list[object] = []
                for cell in cells:
                    if (value := self._value(cell)) is not None:
                        row.extend([None] * (cell["column"] - len(row)))
                        row[cell["column"] - 1] = value
                if number > count:
                    yield row
                    count = number

    def _part(self, sheet: str) -> str:
        return next(part for name, _, part in self.sheets if name == sheet)

    def _value(self, cell: dict[str, Any]) -> object:
        value = cell["value"]
        if cell["data_type"] == "f":
            return _Formula()
        if isinstance(value, str):
            return None if not value or value.isspace() else value
        if isinstance(value, int | float) and not isinstance(value, bool):
            width = self._shown_digits(cell["style_id"])
            return f"{int(value):0{width}d}" if width and value == int(value) >= 0 else value
        if isinstance(value, datetime.datetime) and value.time() == datetime.time() and value.tzinfo is None:
            return value.date()
        if isinstance(value, datetime.time | datetime.timedelta):
            return str(value)
        return value

    def _shown_digits(self, style: int) -> int:
        """How many digits a cell of that style shows, with zeros in front that only its format has; or 0."""
        if style not in self._padding:
            from openpyxl.cell.read_only import ReadOnlyCell

            cell = ReadOnlyCell(SimpleNamespace(parent=self._book), 1, 1, 0, style_id=style)
            match = re.fullmatch(r"0{2,30}", cell.number_format or "")
            self._padding[style] = len(match[0]) if match else 0
        return self._padding[style]


def _with_results(rows: list[list[object]], results: Iterator[list[object]]) -> list[list[object]]:
    """*rows* with *results*, which are as last computed, in place of formulas."""
    return [
        [
            _formula_result(cell) if isinstance(formula, _Formula) else formula
            for formula, cell in zip(row, _pad(values, len(row)), strict=False)
        ]
        for row, values in zip(rows, results, strict=False)
    ]


def _layout(content: bytes) -> tuple[list[tuple[int, int, int, int]], list[int]]:
    """A sheet's merged cells (first column, first row, last column, last row) and its hidden rows."""
    from openpyxl.utils.cell import range_boundaries

    ranges = [match[1].decode() for match in _MERGED.finditer(content)]
    hidden_rows = [int(match[1]) for match in _ROW.finditer(content) if _HIDDEN.search(match[0])]
    return [range_boundaries(cells) for cells in ranges], hidden_rows


def _fill_merged(rows: list[list[object]], merged_ranges: Sequence[tuple[int, int, int, int]]) -> list[str]:
    """Give each of merged cells below each other the value of the first; a header or title stays as it is."""
    fills = 0
    remaining_cells = len(rows) * max(map(len, rows), default=0)  # more is merged only where ranges overlap
    for left, top, _, bottom in merged_ranges:
        if top < 2 or not min(bottom, len(rows)) > top or len(rows[top - 1]) < left:
            continue
        value = rows[top - 1][left - 1]
        remaining_cells -= min(bottom, len(rows)) - top
        if remaining_cells < 0:
            raise ValueError("its merged cells overlap")
        for row in rows[top:bottom] if value is not None else ():
            if any(cell is not None for cell in row):
                row.extend([None] * (left - len(row)))
                row[left - 1] = value
                fills += 1
    return [f"{count(fills, 'cell')} merged with the one above read with its value."] if fills else []


class _Formula:
    """Marks a cell that holds a formula."""


def _check_size(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > LARGEST_UNPACKED:
        sentence = (
            f"{path} would unpack to {size / 1_000_000:,.0f} MB, which no table of cases needs. Save "
            f"the sheet as "
            "CSV UTF-8 or Parquet."
        )
        raise InvalidValueError([Complaint(str(path), sentence)])


def _sheet_name(path: Path, sheets: Sequence[tuple[str, str, str]], sheet: str | None) -> str:
    names = [name for name, _, _ in sheets]
    if not names:
        raise InvalidValueError([Complaint(str(path), f"{path} has no sheet with cells.")])
    if sheet is None:
        return next((name for name, state, _ in sheets if state == "visible"), names[0])
    if sheet not in names:
        raise InvalidValueError([one_of("sheet", sheet, names)])
    return sheet


def _formula_result(value: object) -> object:
    return NOT_COMPUTED if value is None else value


def _pad(cells: Sequence[object], width: int) -> Sequence[object]:
    return [*cells, *[None] * (width - len(cells))]


def _header(cell: object) -> str:
    return cell.strip() if isinstance(cell, str) else str(cell) if isinstance(cell, int) else brief(cell)
