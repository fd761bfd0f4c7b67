"""Tables as business people have them: headers mapped, formats recognised by column, empty rows left out."""

from __future__ import annotations

import datetime
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lpnb._internal.display import count
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.column_formats import (
    ColumnFormat,
    Converter,
    DateOrder,
    Decimal,
    choice_format,
    date_format,
    id_format,
    number_format,
    whole_format,
)
from lpnb.experiments.cases.columns import MOST_UNKNOWN, Column, find_column
from lpnb.experiments.cases.headers import HeaderMatch, match_headers, unknown_header
from lpnb.experiments.cases.sources import ArrowSource, CellSource
from lpnb.models.best_practices import AS_TEXT, FORMULA_ERROR, ID_FIELDS, NO_VALUE, is_rounded
from lpnb.models.sdes import Age, Day

_BLOCK_ROWS = 8_192
#: Fields whose ids are numbers at the service.
NUMERIC_IDS = ("skillId", "campaignInfo.campaignId", "campaignInfo.engagementId")


@dataclass(frozen=True)
class ReadColumn:
    """What became of one column of a table.

    Attributes:
        match: What its header was taken for.
        cells: How many of its cells are filled.
        note: What was recognised in it, such as a decimal comma.
        problem: Why it cannot be read, or None.
    """

    match: HeaderMatch
    cells: int
    note: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class ReadTable:
    """A table with its headers mapped and its formats recognised."""

    source: CellSource
    columns: Sequence[ReadColumn]
    notes: Sequence[str] = field(default=())

    @property
    def headers(self) -> dict[str, str]:
        """The header of each column that was found."""
        return {column.match.column: column.match.header for column in self.columns if column.match.column}

    def check(self) -> None:
        """See that every column is known and can be read.

        Raises:
            InvalidValueError: Naming each column that is not, once.
        """
        complaints = []
        headers_of: dict[str, list[str]] = {}
        for column in self.columns:
            match = column.match
            if match.how == "unknown" or (match.column is not None and find_column(match.column) is None):
                unknown = match if match.column is None else match_headers([match.column])[0]
                sentence = column.problem or unknown_header(unknown)
                complaints.append(Complaint(match.header, sentence, kind="unknown column"))
            elif column.problem is not None:
                complaints.append(
                    Complaint(match.column or match.header, f"{_header_text(match)}: {column.problem}")
                )
            if match.column is not None:
                headers_of.setdefault(match.column, []).append(match.header)
        for name, headers in headers_of.items():
            if len(headers) > 1 and len(set(headers)) > 1:
                headers_text = " and ".join(map(repr, headers))
                sentence = (
                    f"{headers_text} are both taken for {name}. Map one of them to another column, or leave "
                    "it out."
                )
                complaints.append(Complaint(name, sentence))
        if complaints:
            raise InvalidValueError(complaints[:MOST_UNKNOWN], max(0, len(complaints) - MOST_UNKNOWN))


class PreparedSource:
    """Some columns and rows of a source, with cells converted as they are read."""

    def __init__(
        self,
        base: CellSource,
        names: Sequence[str],
        places: Sequence[int],
        converters: Sequence[Converter | None],
        rows: Sequence[int] | None,
    ) -> None:
        self.names: Sequence[str] = list(names)
        self._base = base
        self._places = places
        self._converters = converters
        self._rows = rows

    def __len__(self) -> int:
        return len(self._base) if self._rows is None else len(self._rows)

    def cells(self, place: int, start: int, stop: int) -> Sequence[object]:
        """The cells of the column at *place*, converted."""
        base = self._places[place]
        if self._rows is None:
            cells = self._base.cells(base, start, stop)
        else:
            row_numbers = self._rows[start:stop]
            if not len(row_numbers):
                return []
            first = row_numbers[0]
            block = self._base.cells(base, first, row_numbers[-1] + 1)
            cells = [block[row - first] for row in row_numbers]
        convert = self._converters[place]
        return cells if convert is None else [None if cell is None else convert(cell) for cell in cells]


def read_columns(
    source: CellSource,
    columns: Mapping[str, str | None] | None = None,
    decimal: Decimal | None = None,
    dates: DateOrder | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
    notes: Sequence[str] = (),
    *,
    is_typed: bool = False,
    drops_empty_rows: bool = False,
) -> ReadTable:
    """Map the headers of *source*, recognise the format of each column, and leave empty rows out.

    Args:
        source: The cells under the headers as they stand in the file.
        columns: What headers stand for that are not known by themselves; None leaves a column out.
        decimal: The decimal sign of the file.
        dates: The order of day, month and year in the file.
        values: For columns by their wire-dotted names, what stands for what, such as a campaign's name for
            its id.
        notes: What there is to say already.
        is_typed: Whether its cells have the types that a spreadsheet gave them, also where a field is text.
        drops_empty_rows: Whether rows in which every cell is empty are no cases.
    """
    headers = [_plain(name) for name in source.names]
    flags = [_filled_flags(source, place) for place in range(len(headers))]
    counts = [each.count(1) for each in flags]
    row_flags = bytes(map(max, *flags, bytes(len(source))))
    matches = match_headers(headers, _header_map(columns, headers))
    results: list[ReadColumn] = []
    names, places, converters = [], [], []
    for place, (match, cells) in enumerate(zip(matches, counts, strict=True)):
        if not match.header:
            if cells and not (place == 0 and _is_index(source)):  # which pandas writes in front
                letter = _letter(place)
                problem = (
                    f"Column {letter} has no name and {count(cells, 'value')}. Name it, or leave it out."
                )
                results.append(ReadColumn(HeaderMatch(letter, None, "unknown"), cells, problem=problem))
            continue
        column = find_column(match.column) if match.column is not None else None
        if column is None:
            results.append(ReadColumn(match, cells))
            continue
        column_format = _format(column, source, place, decimal, dates, is_typed=is_typed)
        results.append(ReadColumn(match, cells, column_format.note, column_format.problem))
        names.append(column.name)
        places.append(place)
        replacements = (values or {}).get(column.name)
        converters.append(
            _in_turn(column_format.convert, _lookup(replacements)) if replacements else column_format.convert
        )
    rows = None
    if drops_empty_rows and 0 in row_flags:
        rows = array("q", [row for row, is_filled in enumerate(row_flags) if is_filled])
    all_notes = list(notes)
    if rows is not None and len(source):
        all_notes.append(f"{count(len(source) - len(rows), 'empty row')} left out.")
    all_notes += [f"{_header_text(item.match)}: {item.note}." for item in results if item.note is not None]
    if word_matches := [item.match for item in results if item.match.how == "words"]:
        all_notes.append(
            "Taken for: " + ", ".join(f"{match.header} = {match.column}" for match in word_matches) + "."
        )
    return ReadTable(PreparedSource(source, names, places, converters, rows), results, all_notes)


def _header_map(columns: Mapping[str, str | None] | None, headers: Sequence[str]) -> Mapping[str, str | None]:
    """The mapping that was given, by the headers that there are."""
    if not columns:
        return {}
    column_by_header = {_plain(header): column for header, column in columns.items()}
    if strange := [header for header in column_by_header if header not in headers]:
        headers_text = ", ".join(map(repr, headers[:20]))
        raise InvalidValueError(
            [
                Complaint(
                    "columns", f"columns names {header!r}, and the table has no such header: {headers_text}."
                )
                for header in strange
            ]
        )
    return column_by_header


def _plain(header: object) -> str:
    """A header in one line, without what cannot be seen."""
    return " ".join(str(header).translate(_UNSEEN).split())


_UNSEEN = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad"))


def _cell_counts(source: CellSource, place: int) -> Mapping[object, int]:
    """How often each cell of a column occurs that is not empty; cells that cannot be counted are left out."""
    if isinstance(source, ArrowSource):
        return source.counts(place)
    hashable = (str, int, float, datetime.date)
    return Counter(cell for block in _blocks(source, place) for cell in block if isinstance(cell, hashable))


def _filled_flags(source: CellSource, place: int) -> bytes:
    if isinstance(source, ArrowSource):
        return source.filled_flags(place)
    return bytes(
        cell is not None and cell != "" and not (isinstance(cell, str) and cell.isspace())
        for cells in _blocks(source, place)
        for cell in cells
    )


def _is_index(source: CellSource) -> bool:
    """Whether the first column numbers the rows, from 0 or 1."""
    first = [str(cell) for block in _blocks(source, 0) for cell in block]
    return any(first == [str(row) for row in range(start, start + len(first))] for start in (0, 1))


def _blocks(source: CellSource, place: int) -> Iterator[Sequence[object]]:
    rows = len(source)
    for start in range(0, rows, _BLOCK_ROWS):
        yield source.cells(place, start, min(start + _BLOCK_ROWS, rows))


def _format(
    column: Column,
    source: CellSource,
    place: int,
    decimal: Decimal | None,
    dates: DateOrder | None,
    *,
    is_typed: bool,
) -> ColumnFormat:
    """What is recognised in the cells of one column."""
    cells = _cell_counts(source, place)
    texts = {cell: number for cell, number in cells.items() if isinstance(cell, str)}
    if (wrong := _no_value_sentence(texts, column)) is not None:
        return ColumnFormat(problem=wrong)
    if column.kind == "number":
        return number_format(texts, decimal)
    if column.kind == "whole":
        return whole_format(texts)
    if column.kind == "object" and column.model is not None and issubclass(column.model, Day | Age):
        numbers = {
            f"{cell:.0f}": number
            for cell, number in cells.items()
            if isinstance(cell, int | float) and abs(cell) < 1e15
        }
        return date_format(Counter(texts) + Counter(numbers), dates)
    if column.kind == "boolean" or column.choices:
        return choice_format(texts, column.choices or ("true", "false"))
    if column.kind == "id" or column.name.rpartition(".")[2] in ID_FIELDS:
        column_format = id_format(texts, numeric=column.name in NUMERIC_IDS)
        warning = _lost_zeros(cells)
        ids = [text for text in texts if is_rounded(text)]
        ids += [
            f"{cell:.0f}" for cell in cells if isinstance(cell, int | float) and 1e15 <= abs(cell) < 1e300
        ]
        if ids := [
            text
            for text in ids
            if column_format.convert is None or is_rounded(column_format.convert(text)) or text.isdigit()
        ]:
            warning = f"{ids[0]} looks like an id that a spreadsheet has rounded: digits are lost. {AS_TEXT}"
        convert = _in_turn(column_format.convert, _text_of) if is_typed else column_format.convert
        return ColumnFormat(
            convert, "; ".join(filter(None, (column_format.note, warning and warning.rstrip(".")))) or None
        )
    return _text_format(cells) if column.kind == "text" and is_typed else ColumnFormat()


def _lookup(values: Mapping[str, str]) -> Converter:
    """Replace a cell by what stands for it; letters count alike, large and small."""
    by_text = {text.strip().casefold(): str(value) for text, value in values.items()}
    return lambda cell: by_text.get(cell.strip().casefold(), cell) if isinstance(cell, str) else cell


def translate(source: CellSource, values: Mapping[str, Mapping[str, str]]) -> CellSource:
    """*source* with cells of some columns replaced, such as campaigns' names by their ids."""
    converters = [_lookup(values[name]) if values.get(name) else None for name in source.names]
    return PreparedSource(source, source.names, range(len(source.names)), converters, None)


def _in_turn(first: Converter | None, second: Converter) -> Converter:
    return second if first is None else lambda cell: second(first(cell))


def _no_value_sentence(texts: Mapping[str, int], column: Column) -> str | None:
    """Why some cells hold no value at all, though they are not empty."""
    if column.part == "note":
        return None
    if errors := [text for text in texts if text.startswith("#") and FORMULA_ERROR.fullmatch(text.strip())]:
        example = errors[0].strip()
        cause = (
            "a formula that was never computed"
            if "NOT COMPUTED" in example
            else f"{example}, the error of a formula"
        )
        return f"{_share(texts, errors)} hold {cause}. Compute it in the spreadsheet, or empty the cells."
    if column.kind not in ("text", "json") and (nulls := [t for t in texts if NO_VALUE.fullmatch(t.strip())]):
        return f"{_share(texts, nulls)} hold {nulls[0].strip()!r}, which is no value. Empty the cells."
    return None


def _share(counts: Mapping[Any, int], some: Iterable[object]) -> str:
    """How many cells hold one of *some*, and how many there are, such as "3 of 40"."""
    return f"{sum(counts[cell] for cell in some):,} of {sum(counts.values()):,}"


def _lost_zeros(cells: Mapping[object, int]) -> str | None:
    """Numbers beside texts of one length that begin with zeros: one that is shorter may have lost its own."""
    zeros = [cell for cell in cells if isinstance(cell, str) and cell.startswith("0") and cell.isdigit()]
    length = max(map(len, zeros), default=0)
    numbers = [cell for cell in cells if isinstance(cell, int | float) and not isinstance(cell, bool)]
    shorter = [cell for cell in cells if isinstance(cell, str) and cell.isdigit() and len(cell) < length]
    if not zeros or not (numbers or (shorter and set(map(len, zeros)) == {length})):
        return None
    example, several = f"{numbers[0]:.0f}" if numbers else shorter[0], numbers or shorter
    return (
        f"{example} is {'a number beside' if numbers else 'shorter than'} texts such as {zeros[0]}: it may "
        f"have lost its zeros. Format the column as text and fill it in anew ({_share(cells, several)} cells)"
    )


def _text_format(cells: Mapping[object, int]) -> ColumnFormat:
    """Text fields that a spreadsheet holds as numbers or dates."""
    others = [cell for cell in cells if not isinstance(cell, str)]
    if not others or not all(isinstance(cell, int | float | datetime.date) for cell in others):
        return ColumnFormat()
    if any(isinstance(cell, bool) for cell in others):
        return ColumnFormat()
    return ColumnFormat(
        _text_of,
        f"{_share(cells, others)} are numbers or dates and were read as text, such as {_text_of(others[0])}",
    )


def _text_of(cell: object) -> object:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return str(cell)
    return cell.isoformat() if isinstance(cell, datetime.date) else cell


def _header_text(match: HeaderMatch) -> str:
    return match.header if match.column in (None, match.header) else f"{match.header} ({match.column})"


def _letter(place: int) -> str:
    """A column as a spreadsheet calls it.

    Example:
        >>> _letter(0), _letter(27)
        ('A', 'AB')
    """
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
