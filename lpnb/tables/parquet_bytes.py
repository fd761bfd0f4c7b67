"""Columns of plain cells as a Parquet file by arro3, which loads in a fiftieth of pyarrow's time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.metadata import version
from io import BytesIO

from lpnb.tables.cells import Columns

#: The type of each kind's cells, and what pandas has to know of its column; text has every other kind.
_PLAIN: Mapping[str, tuple[type, tuple[str, str, Mapping[str, str] | None]]] = {
    "text": (str, ("object", "str", None)),
    "whole": (int, ("int64", "Int64", None)),
    "number": (float, ("float64", "float64", None)),
    "boolean": (bool, ("bool", "boolean", None)),
    "moment": (int, ("datetimetz", "datetime64[us]", {"timezone": "UTC"})),
}


def parquet_bytes(columns: Columns, kinds: Mapping[str, str]) -> bytes | None:
    """The Parquet file of *columns*; None where one is longer, or has a cell that is not of its plain kind.

    Example:
        >>> parquet_bytes({"attempts": [1, None]}, {"attempts": "whole"})[:4]
        b'PAR1'
    """
    from arro3.core import Array, DataType, Field, Schema, Table
    from arro3.io import write_parquet

    if len(set(map(len, columns.values()))) > 1:
        return None
    moments = DataType.timestamp("us", tz="UTC")
    types = {
        str: DataType.large_string(),
        int: DataType.int64(),
        float: DataType.float64(),
        bool: DataType.bool(),
    }
    arrays = []
    for name, cells in columns.items():
        plain, _ = _PLAIN.get(kinds[name], _PLAIN["text"])
        if not set(map(type, cells)) <= {plain, type(None)}:
            return None
        try:
            array = Array(cells, types[plain])
        except (OverflowError, UnicodeEncodeError):
            return None
        arrays.append(array.cast(moments) if kinds[name] == "moment" else array)
    fields = [Field(name, array.type, nullable=True) for name, array in zip(columns, arrays, strict=True)]
    table = Table.from_arrays(
        arrays, schema=Schema(fields, metadata=pandas_notes({name: kinds[name] for name in columns}))
    )
    buffer = BytesIO()  # arro3 panics where a disk is full
    write_parquet(table, buffer, compression="snappy")
    return buffer.getvalue()


def pandas_notes(kinds: Mapping[str, str]) -> dict[str, str]:
    """What a file of columns of *kinds* has to note for ``pandas.read_parquet`` to give their dtypes back."""
    notes = [
        {
            "name": name,
            "field_name": name,
            "pandas_type": kind,
            "numpy_type": dtype,
            "metadata": more,
        }
        for name in kinds
        for _, (kind, dtype, more) in [_PLAIN.get(kinds[name], _PLAIN["text"])]
    ]
    about = {
        "index_columns": [],
        "column_indexes": [],
        "columns": notes,
        "attributes": {},
        "creator": {"library": "pyarrow", "version": version("pyarrow")},
        "pandas_version": version("pandas"),
    }
    return {"pandas": json.dumps(about)}
