"""CSV files as people have them: any usual encoding and separator, found out from the file itself."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lpnb._internal.display import brief, count
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.columns import find_column
from lpnb.experiments.cases.headers import match_headers
from lpnb.tables.formulas import rearm

if TYPE_CHECKING:
    import pyarrow as pa

#: Separators that a CSV file may have.
SEPARATORS = (",", ";", "\t", "|")
_ROWS_AT_ONCE = 8_192
#: Characters of a CSV cell at the most; Python's own limit of 131,072 is less than a payload may hold.
_LONGEST_CELL = 2**31 - 1
_MOST_COMPLAINTS = 50
#: How a cell is written that Excel must take for text.
_FORCED_TEXT = re.compile(r'="((?:[^"]|"")*)"')
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_csv(
    path: Path, separator: str | None = None
) -> tuple[list[str], list[list[str | None]] | pa.Table, list[str]]:
    """The header and the rows of a CSV file, every cell text, and what there is to say about how it was read.

    Many rows come as Arrow's columns; for a few, loading Arrow would take longer than all the rest.

    Without *separator* it is the one by which most of the header's names are known, or that makes most
    columns. An apostrophe that ``tables.export`` put before a formula is taken off again.

    Raises:
        InvalidValueError: The file cannot be read, or its rows differ in length.
        OSError: It cannot be opened.
    """
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        sentence = f"separator must be one character, such as ';'; got {brief(separator)}."
        raise InvalidValueError([Complaint("separator", sentence)])
    encoding = _encoding(path)
    notes = []
    if encoding == "cp1252":
        notes.append(f"{path.name} is not UTF-8; it was read as Windows text (cp1252).")
    with path.open(encoding=encoding, newline="") as file:
        start = file.tell()
        named = re.fullmatch(r"sep=([^\"\r\n])\r?\n?", file.readline())  # Excel's own way of naming it
        if named is None:
            file.seek(start)
        found = separator or (named[1] if named else _sniff_separator(file))
        return *_read_rows(path, file, found), notes


def _encoding(path: Path) -> str:
    """How the file's text is encoded.

    Raises:
        InvalidValueError: It is no text in any usual encoding.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        head = file.read(65_536)
        for mark, encoding in _BYTE_ORDER_MARKS.items():
            if head.startswith(mark):
                return encoding
        if head[1:2] == b"\x00" and head.count(b"\x00", 1, 400) > len(head[:400]) // 3:
            return "utf-16-le"
        if head[:1] == b"\x00" and head.count(b"\x00", 0, 400) > len(head[:400]) // 3:
            return "utf-16-be"
        file.seek(0)
        position = 0
        try:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
                position += len(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            file.seek(0)
            try:
                for chunk in iter(lambda: file.read(1 << 20), b""):
                    if b"\x00" in chunk:
                        raise UnicodeError
                    chunk.decode("cp1252")
            except UnicodeError:
                sentence = f"{path} is no text in UTF-8, UTF-16 or Windows' cp1252. Save it as CSV UTF-8."
                raise InvalidValueError([Complaint(str(path), sentence)]) from None
            return "cp1252"
    return "utf-8"


def _sniff_separator(file: TextIO) -> str:
    """The separator under which most of the header's names are known, then the one that makes most "
    "columns."""
    start = file.tell()
    line = ""
    while not line.strip() and (line := file.readline()):
        pass
    file.seek(start)
    scores: dict[str, tuple[int, int]] = {}
    for separator in SEPARATORS:
        try:
            header = next(csv.reader(io.StringIO(line), delimiter=separator), [])
        except csv.Error:
            continue
        if len(header) > 1 and all(find_column(name) is not None for name in header):
            return separator
        scores[separator] = sum(match.column is not None for match in match_headers(header)), len(header)
    return max(SEPARATORS, key=lambda separator: scores.get(separator, (0, 0)))


def _read_rows(
    path: Path, file: TextIO, separator: str
) -> tuple[list[str], list[list[str | None]] | pa.Table]:
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(file, delimiter=separator, strict=True)
    complaints: list[Complaint] = []
    blocks: list[list[pa.Array]] = []
    rows: list[list[str]] = []
    try:
        names = next(filter(None, reader), None)
        if not names:
            sentence = f"{path} is empty: its first line must name the columns."
            raise InvalidValueError([Complaint(str(path), sentence)])
        for number, row in enumerate(filter(None, reader), start=1):
            if len(row) > len(names) and not any(cell.strip() for cell in row[len(names) :]):
                row = row[: len(names)]
            if len(row) != len(names):
                if len(row) == 1 and not row[0].strip():
                    continue
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
    if not blocks:
        return names, [list(map(_cell, row)) for row in rows]
    import pyarrow as pa

    if rows:
        blocks.append(_arrays(rows))
    chunked = [
        pa.chunked_array([block[place] for block in blocks], type=pa.string()) for place in range(len(names))
    ]
    return names, pa.Table.from_arrays(chunked, names=names)


def _ragged(path: Path, line: int, row: int, cells: int, wanted: int) -> Complaint:
    sentence = (  # the line as an editor counts, the row as every other message does
        f"{path}, line {line:,} (row {row:,}), has {count(cells, 'cell')} where the header has {wanted}. "
        'A cell that holds the separator or a line break stands in quotes: "...".'
    )
    return Complaint(f"{path}:{line}", sentence)


def _arrays(rows: Sequence[Sequence[str]]) -> list[pa.Array]:
    import pyarrow as pa

    return [pa.array(list(map(_cell, column)), pa.string()) for column in zip(*rows, strict=True)]


def _cell(cell: str) -> str | None:
    if not cell:
        return None
    if "'" in cell:
        return rearm(cell)
    if cell[0] == "=" and (forced := _FORCED_TEXT.fullmatch(cell)):
        return forced[1].replace('""', '"') or None
    return cell
