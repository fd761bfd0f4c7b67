"""Columns of plain cells as one Parquet file, without Arrow, whose import takes longer than a small run."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from lpnb._version import __version__
from lpnb.tables.cells import Columns

_MAGIC = b"PAR1"
#: How Thrift's compact protocol marks the type of a field or of a list's items.
_YES, _SMALL, _LARGE, _BYTES, _LIST, _STRUCT = 1, 5, 6, 8, 9, 12
#: Parquet's numbers for an encoding, a compression, and a column that may be null.
_PLAIN, _RLE, _GZIP, _OPTIONAL = 0, 3, 2, 1
#: A Thrift value: its type and its bytes.
_Thrift = tuple[int, bytes]


def _varint(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*written, number])


def _small(number: int) -> _Thrift:
    return _SMALL, _varint(2 * number)


def _large(number: int) -> _Thrift:
    return _LARGE, _varint(2 * number)


def _bytes(value: str | bytes) -> _Thrift:
    value = value.encode() if isinstance(value, str) else value
    return _BYTES, _varint(len(value)) + value


def _list(items: Sequence[_Thrift]) -> _Thrift:
    head = bytes([min(len(items), 15) << 4 | items[0][0]]) + (_varint(len(items)) if len(items) > 14 else b"")
    return _LIST, head + b"".join(item for _, item in items)


def _struct(fields: Mapping[int, _Thrift]) -> _Thrift:
    last, written = 0, []
    for place, (kind, value) in fields.items():
        written += [bytes([place - last << 4 | kind]), value]
        last = place
    return _STRUCT, b"".join(written) + b"\0"


def _bits(flags: Iterable[bool]) -> bytes:
    """One bit a flag, the first one lowest."""
    signs = "".join("1" if flag else "0" for flag in flags)
    return int(signs[::-1], 2).to_bytes((len(signs) + 7) // 8, "little")


def _texts(cells: Sequence[str]) -> bytes:
    return b"".join(struct.pack("<I", len(text)) + text for text in map(str.encode, cells))


def _wholes(cells: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(cells)}q", *cells)


class _Kind(NamedTuple):
    """What Parquet and pandas have to know of a kind of column, and how its cells are written."""

    plain: type
    number: int
    annotation: Mapping[int, _Thrift]
    write: Callable[[Sequence[Any]], bytes]
    pandas_type: str
    dtype: str
    note: Mapping[str, str] | None = None


_EMPTY = _struct({})
_IN_UTC = _struct({8: _struct({1: (_YES, b""), 2: _struct({2: _EMPTY})})})
_KINDS = {
    "text": _Kind(str, 6, {6: _small(0), 10: _struct({1: _EMPTY})}, _texts, "object", "str"),
    "whole": _Kind(int, 2, {}, _wholes, "int64", "Int64"),
    "boolean": _Kind(bool, 0, {}, _bits, "bool", "boolean"),
    "number": _Kind(float, 5, {}, lambda cells: struct.pack(f"<{len(cells)}d", *cells), "float64", "float64"),
    "moment": _Kind(
        int, 2, {6: _small(10), 10: _IN_UTC}, _wholes, "datetimetz", "datetime64[us]", {"timezone": "UTC"}
    ),
}


def pandas_notes(kinds: Mapping[str, str]) -> dict[str, str]:
    """What a Parquet file says to ``pandas.read_parquet``, so that it makes the dtypes of a run's table.

    Args:
        kinds: The kind of each column, by its name, in their order.
    """
    columns = []
    for name, kind in kinds.items():
        about = _KINDS[kind]
        columns.append(
            {
                "name": name,
                "field_name": name,
                "pandas_type": about.pandas_type,
                "numpy_type": about.dtype,
                "metadata": about.note,
            }
        )
    of_table = {
        "index_columns": [],
        "column_indexes": [],
        "columns": columns,
        "attributes": {},
        "creator": {"library": "lpnb", "version": __version__},
    }
    return {"pandas": json.dumps(of_table)}


def parquet_file(columns: Columns, kinds: Mapping[str, str]) -> bytes | None:
    """The Parquet file of *columns*; None when a cell is not of its column's plain kind, or there is none.

    Example:
        >>> parquet_file({"case": ["a", None]}, {"case": "text"})[:4]
        b'PAR1'
        >>> parquet_file({"case": [1]}, {"case": "text"})
    """
    kinds = {name: kinds[name] if kinds[name] in _KINDS else "text" for name in columns}
    rows = len(next(iter(columns.values()), ()))
    if not rows:
        return None
    parts, place, chunks = [_MAGIC], len(_MAGIC), []
    schema = [_struct({4: _bytes("schema"), 5: _small(len(columns))})]
    for name, cells in columns.items():
        kind = _KINDS[kinds[name]]
        if not set(map(type, cells)) <= {kind.plain, type(None)}:
            return None
        there = [cell is not None for cell in cells]
        levels = _bits(there)
        levels = _varint(len(levels) << 1 | 1) + levels
        try:
            values = kind.write([cell for cell in cells if cell is not None]) if any(there) else b""
            path = _bytes(name)
        except (struct.error, UnicodeEncodeError):
            return None
        page = struct.pack("<I", len(levels)) + levels + values
        squeezer = zlib.compressobj(wbits=31)
        squeezed = squeezer.compress(page) + squeezer.flush()
        shape = {1: _small(rows), 2: _small(_PLAIN), 3: _small(_RLE), 4: _small(_RLE)}
        _, head = _struct({1: _small(0), 2: _small(len(page)), 3: _small(len(squeezed)), 5: _struct(shape)})
        about = {
            1: _small(kind.number),
            2: _list([_small(_PLAIN), _small(_RLE)]),
            3: _list([path]),
            4: _small(_GZIP),
            5: _large(rows),
            6: _large(len(head) + len(page)),
            7: _large(len(head) + len(squeezed)),
            9: _large(place),
        }
        chunks.append(_struct({2: _large(place), 3: _struct(about)}))
        schema.append(_struct({1: _small(kind.number), 3: _small(_OPTIONAL), 4: path, **kind.annotation}))
        parts += [head, squeezed]
        place += len(head) + len(squeezed)
    group = _struct({1: _list(chunks), 2: _large(place - len(_MAGIC)), 3: _large(rows)})
    notes = [_struct({1: _bytes(key), 2: _bytes(text)}) for key, text in pandas_notes(kinds).items()]
    _, foot = _struct(
        {
            1: _small(1),
            2: _list(schema),
            3: _large(rows),
            4: _list([group]),
            5: _list(notes),
            6: _bytes(f"lpnb {__version__}"),
        }
    )
    return b"".join([*parts, foot, struct.pack("<I", len(foot)), _MAGIC])
