"""Lists of cells as Arrow columns of fixed types, and Arrow tables as pandas DataFrames.

pandas itself is imported when the first DataFrame is made: a command that writes a file needs none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from lpnb.tables.cells import cell_text
from lpnb.tables.parquet_bytes import pandas_notes

if TYPE_CHECKING:
    import pandas as pd

TIME = pa.timestamp("us", tz="UTC")
#: What pandas keeps text in: nothing is left to convert.
TEXT = pa.large_string()
_TYPE_OF_KIND = {"whole": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "moment": TIME}
_KIND_OF_TYPE = {TEXT: "text", **{arrow_type: kind for kind, arrow_type in _TYPE_OF_KIND.items()}}


def arrow_table(
    columns: Mapping[str, Iterable[object]], kinds: Mapping[str, str], first: Iterable[str] = ()
) -> pa.Table:
    """Columns of cells as a table, each of the type that its kind has; found from its cells without a kind.

    Those of *first* lead, and are empty where there are no cells for one.

    Raises:
        ValueError: The columns differ in length.
    """
    lists = {name: as_list(cells) for name, cells in columns.items()}
    lengths = {len(cells) for cells in lists.values()}
    if len(lengths) > 1:
        raise ValueError(f"the columns of a table must be of one length; got {sorted(lengths)}")
    absent = [None] * (lengths.pop() if lengths else 0)
    all_lists = {name: lists.get(name, absent) for name in dict.fromkeys([*first, *lists])}
    return pa.table(
        {name: arrow_array(cells, _type_of(cells, kinds.get(name))) for name, cells in all_lists.items()}
    )


def timestamps(microseconds: Sequence[int | None]) -> Any:
    """Microseconds since 1970, as a column of moments.

    Raises:
        TypeError, ValueError: One of them is no whole number.

    Example:
        >>> timestamps([0, None]).null_count
        1
    """
    return pa.array(microseconds, pa.int64()).cast(TIME)


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """The table with pandas' nullable types: str, Int64, boolean, float64 and datetime64[us, UTC]."""
    import pandas as pd

    from lpnb.tables.uncut_table import UncutTable

    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    return UncutTable(table.replace_schema_metadata().to_pandas(types_mapper=nullable.get), copy=False)


def with_dtype_notes(table: pa.Table) -> pa.Table:
    """The table with what ``pandas.read_parquet`` makes the dtypes of ``to_pandas`` from."""
    return table.replace_schema_metadata(
        pandas_notes({field.name: _KIND_OF_TYPE[field.type] for field in table.schema})
    )


def stack_blocks(blocks: Iterable[Mapping[str, Sequence[Any]]], kinds: Mapping[str, str]) -> pa.Table:
    """Blocks of the columns of *kinds* below each other; a column that differs in type becomes text."""
    tables = [arrow_table(block, kinds) for block in blocks]
    if not tables:
        return arrow_table(dict.fromkeys(kinds, ()), kinds)
    schema = tables[0].schema
    for place, field in enumerate(schema):
        if any(table.schema.field(place).type != field.type for table in tables):
            schema = schema.set(place, field.with_type(TEXT))
    return pa.concat_tables([with_types(table, schema) for table in tables])


def with_types(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with the types of *schema*, which has the same columns; anything can become text.

    Raises:
        pa.ArrowInvalid: Text is to become something else.
    """
    if table.schema.equals(schema):
        return table
    columns = [
        arrow_array(column.to_pylist(), TEXT)
        if field.type == TEXT != column.type
        else column.cast(field.type)
        for column, field in zip(table.columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def as_list(cells: Any) -> Any:
    """*cells* as something that has a length."""
    return cells if isinstance(cells, (list, tuple, pa.Array)) else list(cells)


def arrow_arrays(columns: Mapping[str, Iterable[object]], schema: pa.Schema) -> dict[str, Any]:
    """Columns of cells as Arrow arrays, each of the type that *schema* has for it."""
    return {name: arrow_array(cells, schema.field(name).type) for name, cells in columns.items()}


def arrow_array(cells: Iterable[object], kind: Any) -> Any:
    """Cells as an Arrow array; those of no plain kind, None too, as text."""
    if isinstance(cells, pa.Array):
        return cells
    kind = kind if kind is not None else TEXT
    values = as_list(cells)
    try:
        return pa.array(values, kind)
    except (UnicodeEncodeError, pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError):
        # Rare: half characters, objects in a column of text, whole numbers beyond 64 bits.
        return pa.array([None if cell is None else cell_text(cell) for cell in values], TEXT)


def _type_of(cells: Sequence[object], kind: str | None) -> Any:
    if kind is not None:
        return _TYPE_OF_KIND.get(kind)
    types = {type(cell) for cell in cells if cell is not None}
    if types == {bool}:
        return pa.bool_()
    if types == {int}:
        return pa.int64()
    return pa.float64() if types and types <= {int, float} else None
