"""CSV files as people have them: any usual encoding and separator, found out from the file itself."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lpnb._internal.display import brief, count
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.columns import find_column
from lpnb.experiments.cases.file_encoding import encoding_of
from lpnb.experiments.cases.headers import header_row, known_column, remove_total
from lpnb.tables.formulas import unescape_formula

if TYPE_CHECKING:
    import pyarrow as pa

#: Separators that a CSV file may have.
SEPARATORS = (",", ";", "\t", "|")
_ROWS_AT_ONCE = 8_192
#: Characters of a CSV cell at the most; Python's own limit of 131,072 is less than a payload may hold.
_LONGEST_CELL = 2**31 - 1
#: Rows among which the header is looked for.
_LEADING_ROWS = 15
#: Lines with the wrong number of cells that are listed.
_LISTED_LINES = 20
#: How a cell is written that Excel must take for text.
_FORCED_TEXT = re.compile(r'="((?:[^"]|"")*)"')


def read_csv(
    path: Path,
    separator: str | None = None,
    header_map: Mapping[str, str | None] | None = None,
    encoding: str | None = None,
) -> tuple[list[str], list[list[str | None]] | pa.Table, list[str]]:
    """The header and the rows of a CSV file, every cell text, and what there is to say about how it was read.

    Many rows come as Arrow's columns; for a few, loading Arrow would take longer than all the rest.

    Without *separator* it is the one by which most of the header's names are known (or in *header_map*),
    or that makes most columns. A title above the header and a row of totals at the end are left out. An
    apostrophe that ``tables.export`` put before a formula is taken off again.

    Raises:
        InvalidValueError: The file cannot be read, or its rows differ in length.
        OSError: It cannot be opened.
    """
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        sentence = f"separator must be one character, such as ';'; got {brief(separator)}."
        raise InvalidValueError([Complaint("separator", sentence)])
    encoding, notes = encoding_of(path, encoding)
    with path.open(encoding=encoding, newline="") as file:
        start = file.tell()
        sep_line = re.fullmatch(r"sep=([^\"\r\n])\r?\n?", file.readline())  # Excel's own way of naming it
        if sep_line is None:
            file.seek(start)
        delimiter = separator or (sep_line[1] if sep_line else _sniff_separator(file, header_map))
        return *_read_rows(path, file, delimiter, header_map, notes), notes


def _sniff_separator(file: TextIO, header_map: Mapping[str, str | None] | None) -> str:
    """The separator under which most of the header's names are known, or that makes most columns."""
    start = file.tell()
    lines = "".join(islice(file, _LEADING_ROWS))
    file.seek(start)
    scores: dict[str, tuple[int, int]] = {}
    for separator in SEPARATORS:
        try:
            rows = list(filter(None, csv.reader(io.StringIO(lines, newline=""), delimiter=separator)))
        except csv.Error:
            continue
        header = rows[header_row(rows, header_map)] if rows else []
        if len(header) > 1 and all(find_column(name) is not None for name in header):
            return separator
        known_count = sum(
            name in (header_map or {}) or known_column(name.strip()) is not None for name in header
        )
        scores[separator] = known_count, len(header)
    return max(SEPARATORS, key=lambda separator: scores.get(separator, (0, 0)))


def _read_rows(
    path: Path, file: TextIO, separator: str, header_map: Mapping[str, str | None] | None, notes: list[str]
) -> tuple[list[str], list[list[str | None]] | pa.Table]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(file, delimiter=separator, strict=True)
    ragged_rows: list[tuple[int, int, int]] = []
    blocks: list[list[pa.Array]] = []
    rows: list[list[str]] = []
    last_line = 0  # the line in which the last row that could be read ends
    numbered_rows = ((last_line, row) for row in reader if (last_line := reader.line_num) and row)
    names: list[str] = []
    try:
        first_rows = list(islice(numbered_rows, _LEADING_ROWS))
        if not first_rows:
            sentence = f"{path} is empty: its first line must name the columns."
            raise InvalidValueError([Complaint(str(path), sentence)])
        header_place = header_row([row for _, row in first_rows], header_map)
        names = first_rows[header_place][1]
        if header_place:
            notes.append(f"{count(header_place, 'row')} above the header left out.")
        for number, (line, row) in enumerate(chain(first_rows[header_place + 1 :], numbered_rows), start=1):
            if len(row) > len(names) and not any(cell.strip() for cell in row[len(names) :]):
                row = row[: len(names)]
            if len(row) != len(names):
                if len(row) > 1 or row[0].strip():
                    ragged_rows.append((line, number, len(row)))
                continue
            rows.append(row)
            if len(rows) == 2 * _ROWS_AT_ONCE:  # the last row may be one of totals
                blocks.append(_arrays(rows[:_ROWS_AT_ONCE]))
                del rows[:_ROWS_AT_ONCE]
    except csv.Error as error:
        sentence = (
            f"{path}, line {last_line + 1:,}, is not CSV: {error}. A quote in a cell is written twice, and "
            'the cell stands in quotes: "A ""B""".'
        )
        raise InvalidValueError(
            [*_ragged_complaints(path, ragged_rows, len(names)), Complaint(str(path), sentence)]
        ) from None
    if complaints := _ragged_complaints(path, ragged_rows, len(names)):
        raise InvalidValueError(complaints)
    notes += remove_total(rows)
    if not blocks:
        return names, [list(map(_cell, row)) for row in rows]
    import pyarrow as pa

    if rows:
        blocks.append(_arrays(rows))
    columns = [
        pa.chunked_array([block[place] for block in blocks], type=pa.string()) for place in range(len(names))
    ]
    return names, pa.Table.from_arrays(columns, names=names)


def _ragged_complaints(path: Path, rows: Sequence[tuple[int, int, int]], width: int) -> list[Complaint]:
    """Complaints about rows, given by line, number and cells, with more or fewer cells than the header."""
    complaints = []
    for too, some in (
        ("many", [r for r in rows if r[2] > width]),
        ("few", [r for r in rows if r[2] < width]),
    ):
        if not some:
            continue
        line, number, cells = some[0]
        sentence = (  # the line as an editor counts, the row as every other message does
            f"{path}, line {line:,} (row {number:,}), has {count(cells, 'cell')} "
            f"where the header has {width}. "
        )
        if others := [f"{row[0]:,}" for row in some[1:]]:
            lines_text = ", ".join(others[:_LISTED_LINES])
            more = f" and {len(others) - _LISTED_LINES:,} more" if len(others) > _LISTED_LINES else ""
            sentence += f"Too {too} cells, too: line {lines_text}{more}. "
        way_out = 'A cell that holds the separator or a line break stands in quotes: "...".'
        complaints.append(Complaint(f"{path}:{line}", sentence + way_out, len(some)))
    return complaints


def _arrays(rows: Sequence[Sequence[str]]) -> list[pa.Array]:
    import pyarrow as pa

    return [pa.array(list(map(_cell, column)), pa.string()) for column in zip(*rows, strict=True)]


def _cell(cell: str) -> str | None:
    if not cell:
        return None
    if "'" in cell:
        return unescape_formula(cell)
    if cell[0] == "=" and (match := _FORCED_TEXT.fullmatch(cell)):
        return match[1].replace('""', '"') or None
    return cell
