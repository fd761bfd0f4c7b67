"""Write a DataFrame as Parquet, CSV or Excel: atomically, and with spreadsheet formulas escaped."""

from __future__ import annotations

import codecs
import datetime
import json
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpnb._internal.display import brief
from lpnb._internal.json_codec import is_too_deep, lone_surrogate
from lpnb._internal.validation import check_path, one_of
from lpnb.errors import Complaint, InvalidValueError, LpnbError
from lpnb.tables.cells import Columns, cell_text
from lpnb.tables.csv_lines import csv_lines
from lpnb.tables.formulas import escape_formulas
from lpnb.tables.parquet_bytes import parquet_bytes

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NO_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
_ESCAPED = re.compile("_x[0-9A-Fa-f]{4}_")
_EXCEL_ROWS, _EXCEL_COLUMNS, _EXCEL_TEXT, _EXCEL_DIGITS = 1_048_576, 16_384, 32_767, 10**15


def save_table(table: pd.DataFrame, path: str | os.PathLike[str], *, byte_order_mark: bool = False) -> Path:
    """Write *table* to *path*: ``.parquet``, ``.csv`` or ``.xlsx``, by the ending.

    Parquet keeps every dtype: ``pandas.read_parquet`` gives the same table back, but for columns that mix types
    or hold whole numbers beyond 64 bits, which become text. An index with a name, such as a pivot's, becomes
    columns. CSV is UTF-8 with commas, with a byte order mark where *byte_order_mark* asks for one (Excel knows UTF-8 by it); a text that a spreadsheet would take for a formula (``= + - @`` or a full-width form at its beginning, behind blanks and quotes, or behind a line's end, a tab or ``;`` in it, and it is no number) gets an
    apostrophe in front, which ``cases_of`` takes away again. Excel gets text as text, whatever
    it begins with, times in UTC, and a filter over each column. Missing cells are empty.

    Rows may hold personal values: a new file has mode 0600, and one that is replaced keeps its own.

    Raises:
        InvalidValueError: The ending is another one, two columns have one name, or Excel cannot hold the table.
        LpnbError: It could not be written; what was there before is as it was.

    Example:
        >>> import tempfile
        >>> import pandas as pd
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(save_table(pd.DataFrame({"a": ["=1+1", "-5"]}), Path(folder) / "t.csv").read_text(), end="")
        "a"
        "'=1+1"
        "-5"
    """  # noqa: E501
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"save_table writes a DataFrame; got a {type(table).__name__}")
    return _save(lambda suffix, file: _WRITERS[suffix](_flat_columns(table), file), path, byte_order_mark)


def save_blocks(
    blocks: Iterable[Columns],
    kinds: Mapping[str, str],
    path: str | os.PathLike[str],
    *,
    byte_order_mark: bool = False,
) -> Path:
    """Write blocks of lists of cells as ``save_table`` does their table; without pandas, but for Excel.

    Raises:
        InvalidValueError, LpnbError: As ``save_table``.
    """

    def write(suffix: str, file: Path) -> None:
        few = list(islice(remaining_blocks := iter(blocks), 2))
        plain = {".csv": csv_lines, ".parquet": parquet_bytes}.get(suffix)
        if plain and len(few) == 1 and (content := plain(few[0], kinds)) is not None:
            file.write_bytes(content)
            return
        from lpnb.tables.arrow_columns import stack_blocks, to_pandas

        table = stack_blocks(chain(few, remaining_blocks), kinds)
        _WRITERS[suffix](to_pandas(table) if suffix == ".xlsx" else table, file)

    return _save(write, path, byte_order_mark)


def _save(write: Callable[[str, Path], None], path: str | os.PathLike[str], byte_order_mark: bool) -> Path:
    """Have *write* make the file in place of *path*, whole or not at all."""
    check_path("path", path)
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        raise InvalidValueError([one_of("the file's ending", suffix, list(_WRITERS))])
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            write(suffix, temporary)
            if byte_order_mark and suffix == ".csv":
                temporary.write_bytes(codecs.BOM_UTF8 + temporary.read_bytes())
            with temporary.open("rb+") as temporary_file:
                os.fsync(temporary_file.fileno())
            if target.is_file():
                temporary.chmod(target.stat().st_mode & 0o777)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except Exception as error:
        arrow = sys.modules.get("pyarrow")
        if not isinstance(error, (OSError, getattr(arrow, "ArrowException", OSError))):
            raise
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise LpnbError(f"{path} cannot be written: {reason}. What was there before is as it was.") from None
    return path


def check_export(path: str | Path) -> None:
    """See, before any work is done, that ``save_table`` can write to *path*.

    Raises:
        InvalidValueError: The ending is another one, or the folder is not there.
    """
    path = Path(path)
    complaint = None
    if path.suffix.lower() not in _WRITERS:
        complaint = one_of("the file's ending", path.suffix.lower(), list(_WRITERS))
    elif not path.parent.is_dir():
        complaint = Complaint(str(path), f"{path} cannot be written: there is no folder {path.parent}.")
    elif path.exists() and not path.is_file():  # a device would be replaced by a file
        kind = "a folder" if path.is_dir() else "no plain file"
        complaint = Complaint(str(path), f"{path} cannot be written: it is {kind}.")
    elif not os.access(path.parent, os.W_OK):
        complaint = Complaint(str(path), f"{path} cannot be written: you may not write to {path.parent}.")
    if complaint:
        raise InvalidValueError([complaint])


def _flat_columns(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its named index as columns, and every column under a text of its own.

    Raises:
        InvalidValueError: Two columns have one name.
    """
    if any(name is not None for name in table.index.names):
        table = table.reset_index(allow_duplicates=True)
    names = [
        " ".join(map(str, name)).rstrip() if isinstance(name, tuple) else str(name) for name in table.columns
    ]
    if repeated_names := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidValueError(
            [
                Complaint(name, f"{name} must be one column of the table; got {names.count(name)}.")
                for name in repeated_names
            ]
        )
    return table.set_axis(names, axis="columns")


def _arrow(table: pd.DataFrame | pa.Table) -> pa.Table:
    """The table as Arrow has it, and what its dtypes were; a column that mixes types becomes text."""
    import pyarrow as pa

    if isinstance(table, pa.Table):
        from lpnb.tables.arrow_columns import with_dtype_notes

        return with_dtype_notes(table)
    import pandas as pd

    columns = {}
    for name in table.columns:
        columns[name] = table[name]
        dtype = table[name].dtype
        if dtype.kind not in "Oc" or getattr(dtype, "storage", "") == "pyarrow":  # Arrow's own text is whole
            continue
        _check_cells(str(name), table[name])
        try:
            pa.array(table[name], from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            cells = [None if missing else cell_text(cell) for cell, missing in _cells(table[name])]
            columns[name] = pd.Series(cells, index=table.index, dtype="str")
    return pa.Table.from_pandas(pd.DataFrame(columns, index=table.index), preserve_index=False)


def _check_cells(name: str, column: pd.Series[Any]) -> None:
    """See that every cell can be written: Arrow crashes on one that contains itself, and has no half letters.

    Raises:
        InvalidValueError: Naming the cells that cannot.
    """
    complaints = []
    for row, cell in enumerate(column, start=1):
        if isinstance(cell, str | list | tuple | Mapping) and (trouble := _trouble(cell)):
            complaints.append(Complaint(f"[{row - 1}].{name}", f"Row {row:,}, {name} {trouble}."))
    if complaints:
        raise InvalidValueError(complaints[:50], more=max(0, len(complaints) - 50))


def _trouble(cell: object) -> str | None:
    if is_too_deep(cell):
        return "must not be nested deeper than 40 levels, nor contain itself"
    text = cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False, default=str)
    half = "must not hold half a character (a lone surrogate)"
    return None if lone_surrogate(text) is None else f"{half}; got {brief(cell)}"


def _cells(column: pd.Series[Any]) -> zip[tuple[object, bool]]:
    return zip(column.tolist(), [bool(missing) for missing in column.isna()], strict=True)


def _parquet(table: pd.DataFrame | pa.Table, path: Path) -> None:
    import pyarrow.parquet as pq

    pq.write_table(_arrow(table), path)


def _csv(table: pd.DataFrame | pa.Table, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.csv

    arrow_table = _arrow(table)
    columns = {}
    for name, column in zip(arrow_table.column_names, arrow_table.columns, strict=True):
        arrow_type = column.type
        if pa.types.is_dictionary(arrow_type):
            column, arrow_type = column.cast(arrow_type.value_type), arrow_type.value_type
        if pa.types.is_string(arrow_type) or pa.types.is_large_string(arrow_type):
            column = escape_formulas(column)
        elif pa.types.is_nested(arrow_type):
            texts = [None if cell is None else cell_text(cell) for cell in column.to_pylist()]
            column = escape_formulas(pa.array(texts, pa.string()))
        columns[escape_formulas(pa.array([name]))[0].as_py()] = column
    pyarrow.csv.write_csv(pa.table(columns), path)


def _excel(table: pd.DataFrame, path: Path) -> None:
    import xlsxwriter
    from xlsxwriter.exceptions import XlsxWriterException

    _check_size(table)
    book = xlsxwriter.Workbook(
        path,
        {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "default_date_format": _DATE,
        },
    )
    sheet = book.add_worksheet("table")
    sheet.freeze_panes(1, 0)
    bold, text = book.add_format({"bold": True}), book.add_format({"num_format": "@", "quote_prefix": True})
    for place, name in enumerate(table.columns):
        sheet.write_string(0, place, _excel_text(str(name)), bold)
    columns = [
        [None if missing else _without_zone(value) for value, missing in _cells(table[name])]
        for name in table.columns
    ]
    for number, row in enumerate(zip(*columns, strict=True), start=1):
        for place, value in enumerate(row):
            if value is None:
                continue
            if isinstance(value, bool):
                sheet.write_boolean(number, place, value)
            elif isinstance(value, datetime.datetime):
                sheet.write_datetime(number, place, value)
            elif _is_excel_number(value):
                sheet.write_number(number, place, value)
            else:
                plain_text = str(value) if isinstance(value, float) else cell_text(value)
                sheet.write_string(number, place, _excel_text(plain_text), text)
    if len(table.columns):
        sheet.autofilter(0, 0, len(table), len(table.columns) - 1)
    try:
        book.close()
    except XlsxWriterException as error:
        raise OSError(str(error)) from None


_DATE = "yyyy-mm-dd hh:mm:ss"


def _excel_text(text: str) -> str:
    """Text that XlsxWriter can write: it spells control characters, but for what XML cannot hold at all."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _NO_XML.sub("\ufffd", text)


def _is_excel_number(value: object) -> bool:
    if isinstance(value, float):
        return value == value and abs(value) != float("inf")
    return isinstance(value, int) and abs(value) < _EXCEL_DIGITS


def _check_size(table: pd.DataFrame) -> None:
    rows, columns = table.shape
    complaints = []
    if rows >= _EXCEL_ROWS or columns > _EXCEL_COLUMNS:
        sentence = (
            f"An Excel sheet holds {_EXCEL_ROWS - 1:,} rows and {_EXCEL_COLUMNS:,} columns; this table has "
            f"{rows:,} and {columns:,}. Save it as .parquet or .csv."
        )
        complaints.append(Complaint("", sentence))
    for name in table.columns:
        if table[name].dtype.kind in "iufcb":
            continue
        for row, (value, missing) in enumerate(_cells(table[name])):
            if missing or not isinstance(value, str | list | dict | tuple):
                continue
            length = _excel_length(cell_text(value))
            if length > _EXCEL_TEXT:
                sentence = (
                    f"Row {row + 1:,}, {name}, has {length:,} characters; "
                    f"an Excel cell holds {_EXCEL_TEXT:,}. Save it as .parquet or .csv."
                )
                complaints.append(Complaint(f"[{row}].{name}", sentence))
    if complaints:
        raise InvalidValueError(complaints[:50], more=max(0, len(complaints) - 50))


def _excel_length(text: str) -> int:
    """How many characters Excel counts: most emoji are two, and what XML cannot hold is spelled in seven."""
    if 2 * len(text) <= _EXCEL_TEXT and text.isprintable():
        return len(text)
    return len(_printable(text).encode("utf-16-le", "surrogatepass")) // 2


def _without_zone(value: object) -> object:
    """A time as Excel can have it: in UTC, and without saying so."""
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime(warn=False)
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        return value.astimezone(datetime.UTC).replace(tzinfo=None)
    return value


def _printable(text: str) -> str:
    """Text in Excel's own spelling of characters that XML cannot hold."""
    text = _ESCAPED.sub(lambda match: f"_x005F{match[0]}", text)
    return _CONTROL.sub(lambda match: f"_x{ord(match[0]):04X}_", text)


_WRITERS: dict[str, Callable[[Any, Path], None]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".xlsx": _excel,
}
