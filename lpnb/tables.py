"""Whatever came back, as DataFrames with fixed columns and dtypes, also for zero rows.

Tables are built column by column: lists into Arrow, Arrow into pandas.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from lpnb.display import brief
from lpnb.responses import BatchResponse
from lpnb.strict_json import clean

_TIME = pa.timestamp("us", tz="UTC")
_RESPONSES = pa.schema(
    [
        ("consumer_id", pa.string()),
        ("req_id", pa.string()),
        ("type", pa.string()),
        ("ok", pa.bool_()),
        ("code", pa.string()),
        ("message", pa.string()),
        ("conversation_id", pa.string()),
        ("http_status", pa.int64()),
        ("attempts", pa.int64()),
        ("elapsed_ms", pa.float64()),
        ("sent_at", _TIME),
    ]
)
_CASES = pa.schema(
    [
        ("case", pa.string()),
        ("consumer_id", pa.string()),
        ("outcome", pa.string()),
        ("code", pa.string()),
        ("message", pa.string()),
        ("conversation_id", pa.string()),
        ("http_status", pa.int64()),
        ("attempts", pa.int64()),
        ("elapsed_ms", pa.float64()),
        ("sent_at", _TIME),
        ("landed_skill_id", pa.string()),
        ("landed_skill", pa.string()),
        ("landing_source", pa.string()),
        ("expected_skill", pa.string()),
        ("expected_code", pa.string()),
        ("passed", pa.bool_()),
    ]
)
_TRANSCRIPT = pa.schema(
    [
        ("conversation_id", pa.string()),
        ("at", _TIME),
        ("who", pa.string()),
        ("text", pa.string()),
        ("kind", pa.string()),
        ("sequence", pa.int64()),
        ("dialog_id", pa.string()),
        ("audience", pa.string()),
        ("outcome", pa.string()),
        ("sources", pa.string()),
    ]
)
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
#: Responses that become Arrow columns together.
_AT_ONCE = 8_192
_OF_KIND = {"whole": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "moment": _TIME}


def responses_table(
    responses: BatchResponse | Iterable[BatchResponse], *, cases: Sequence[str] | None = None
) -> pd.DataFrame:
    """One row per request frame, in the order sent.

    Columns and dtypes, the same every time:

    ================  ===================  ======================================================
    consumer_id       str                  the consumer it was sent for (``ext_consumer_id``)
    req_id            str                  the frame's id, whole
    type              str                  the frame's type
    ok                boolean              whether this frame was answered with OK
    code              str                  the service's word, or lpnb's in lower case
    message           str                  what was said about it
    conversation_id   str                  the one that the frame opened or was taken in
    http_status       Int64                of the last attempt; missing when no answer came
    attempts          Int64                requests tried
    elapsed_ms        float64              of the last attempt, in milliseconds
    sent_at           datetime64[us, UTC]  when the last attempt began
    ================  ===================  ======================================================

    Args:
        responses: One response, or as many as there are.
        cases: The name of the case that each response belongs to; it becomes the first column, ``case``
            (str).

    Example:
        >>> responses_table([]).dtypes["http_status"]
        Int64Dtype()
        >>> list(responses_table([], cases=[]).columns)[:3]
        ['case', 'consumer_id', 'req_id']
    """
    if isinstance(responses, BatchResponse):
        responses = [responses]
    columns = ResponseColumns(keyed=cases is not None)
    listed = responses if isinstance(responses, Iterable) else [responses]
    if cases is None:
        for response in listed:
            columns.add(response)
    else:
        for response, case in zip(listed, cases, strict=True):
            columns.add(response, case)
    return columns.table()


class ResponseColumns:
    """The columns of ``responses_table``, kept while responses come in; then the table costs next to nothing.

    A few thousand responses at a time become Arrow columns, so that the responses themselves need not be
    kept.

    Example:
        >>> columns = ResponseColumns()
        >>> columns.add(BatchResponse("anna", "unknown", ()))
        >>> len(columns.table())
        0
    """

    def __init__(self, *, keyed: bool = False) -> None:
        self._keyed = keyed
        self._schema = pa.schema([("case", pa.string()), *_RESPONSES]) if keyed else _RESPONSES
        self._waiting: list[BatchResponse] = []
        self._cases: list[str | None] = []
        self._done: list[Any] = []

    def add(self, response: BatchResponse, case: str | None = None) -> None:
        """Take in one response."""
        if not isinstance(response, BatchResponse):
            raise TypeError(f"responses_table takes BatchResponse objects; got {brief(response)}")
        self._waiting.append(response)
        if self._keyed:
            self._cases.append(case)
        if len(self._waiting) >= _AT_ONCE:
            self._settle()

    def table(self) -> pd.DataFrame:
        """The table of what has been taken in so far."""
        self._settle()
        return _framed(pa.Table.from_batches(self._done, self._schema))

    def _settle(self) -> None:
        """Turn what waits into Arrow columns."""
        calls, cases = self._waiting, self._cases
        self._waiting, self._cases = [], []
        counts = [len(call.pairs) for call in calls]
        of_call = pa.array(np.repeat(np.arange(len(calls)), counts))
        pairs = [pair for call in calls for pair in call.pairs]
        # Most answers say what others said: each of these is kept once, and referred to by number.
        said: dict[tuple[Any, ...], int] = {}
        kind = [said.setdefault((p.type, p.ok, p.code, p.message), len(said)) for p in pairs]
        of_pair = pa.array(kind, pa.int32())
        columns: dict[str, Any] = {
            "req_id": _array([pair.req_id for pair in pairs], pa.string()),
            "conversation_id": _array([pair.conversation_id for pair in pairs], pa.string()),
        }
        for place, name in enumerate(("type", "ok", "code", "message")):
            distinct = _array([found[place] for found in said], self._schema.field(name).type)
            columns[name] = distinct.take(of_pair)
        per_call: dict[str, list[Any]] = {
            "consumer_id": [call.consumer_id for call in calls],
            "http_status": [call.http_status for call in calls],
            "attempts": [call.attempts for call in calls],
            "elapsed_ms": [call.elapsed_ms for call in calls],
            "sent_at": [call.sent_at for call in calls],
        }
        if self._keyed:
            per_call["case"] = cases
        for name, cells in per_call.items():
            columns[name] = _array(cells, self._schema.field(name).type).take(of_call)
        ordered = [columns[field.name] for field in self._schema]
        self._done.append(pa.RecordBatch.from_arrays(ordered, schema=self._schema))


def cases_table(
    columns: Mapping[str, Iterable[object]], kinds: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """One row per case of a run, out of columns; those that are left out are there, and empty.

    Columns and dtypes, the same every time:

    ================  ===================  ======================================================
    case              str                  the case's name
    consumer_id       str                  the consumer it was sent for
    outcome           str                  answered, refused, not sent, unknown or planned
    code              str                  of the conversation frame, as in ``responses_table``
    message           str                  what was said about it
    conversation_id   str                  the conversation that was opened
    http_status       Int64                of the last attempt
    attempts          Int64                requests tried
    elapsed_ms        float64              of the last attempt, in milliseconds
    sent_at           datetime64[us, UTC]  when the last attempt began
    landed_skill_id   str                  the skill it landed in
    landed_skill      str                  that skill's name
    landing_source    str                  who said so: history or webhook
    expected_skill    str                  the skill it should land in, by id or name
    expected_code     str                  the code it should be answered with
    passed            boolean              whether it came as expected; missing when nothing was expected
    ================  ===================  ======================================================

    After these come the columns of the cases themselves, named as on the wire.

    Args:
        columns: A list of cells for each column, all of one length.
        kinds: What a case's own column holds ("text", "id", "whole", "number", "boolean", "object", "list",
            "json"); found from its cells when left out.

    Raises:
        ValueError: The columns differ in length.

    Example:
        >>> table = cases_table({"case": ["a"], "outcome": ["answered"], "skillId": ["12"]})
        >>> table["skillId"].tolist(), str(table.dtypes["attempts"])
        (['12'], 'Int64')
    """
    kinds = kinds or {}
    listed = {name: list(cells) for name, cells in columns.items()}
    lengths = {len(cells) for cells in listed.values()}
    if len(lengths) > 1:
        raise ValueError(f"the columns of a table must be of one length; got {sorted(lengths)}")
    rows = lengths.pop() if lengths else 0
    found = {
        field.name: _array(listed[field.name], field.type)
        if field.name in listed
        else pa.nulls(rows, field.type)
        for field in _CASES
    }
    for name, cells in listed.items():
        if name not in found:
            found[name] = _array(cells, _type_of(cells, kinds.get(name)))
    return _framed(found)


def transcript_table(columns: Mapping[str, Iterable[object]]) -> pd.DataFrame:
    """A conversation as a DataFrame: one row for each message, in order.

    ================  ===================  ======================================================
    conversation_id   str
    at                datetime64[us, UTC]  when it was said: by the service's clock, where that is known
    who               str                  "consumer", "agent", or another role in lower case
    text              str                  of a text, or the caption of a file
    kind              str                  "text", "file", "rich content", or the service's own word
    sequence          Int64                its number within the dialog
    dialog_id         str                  the conversation's id for the main dialog
    audience          str                  "ALL", or "AGENTS_AND_MANAGERS" for a private note
    outcome           str                  of what was sent from here: "answered" or "unknown"
    sources           str                  who knows of it: "sent", "webhook", "history"
    ================  ===================  ======================================================

    Example:
        >>> transcript_table({}).dtypes["sequence"]
        Int64Dtype()
    """
    arrays = {
        name: pa.array([clean(cell) for cell in columns.get(name, ())], _TRANSCRIPT.field(name).type)
        for name in _TRANSCRIPT.names
    }
    return _framed(pa.table(arrays, schema=_TRANSCRIPT))


def plain_table(columns: Mapping[str, Iterable[object]], kinds: Mapping[str, str]) -> pd.DataFrame:
    """A table of any columns, each of the dtype its kind has (as for ``cases_table``, and "moment").

    Example:
        >>> plain_table({"skillId": ["007", None]}, {"skillId": "id"})["skillId"].tolist()
        ['007', nan]
    """
    return _framed({name: _array(cells, _OF_KIND.get(kinds[name])) for name, cells in columns.items()})


def _framed(columns: Any) -> pd.DataFrame:
    table: pd.DataFrame = pa.table(columns).to_pandas(types_mapper=_NULLABLE.get)
    return table


def _array(cells: Iterable[object], kind: Any) -> Any:
    """Cells as an Arrow array; those of no plain kind as text."""
    kind = kind if kind is not None else pa.string()
    listed = cells if isinstance(cells, list) else list(cells)
    try:
        return pa.array(listed, kind)
    except (UnicodeEncodeError, pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError):
        # Rare: half characters, objects in a column of text, whole numbers beyond 64 bits.
        if kind != pa.string():
            return pa.array([None if cell is None else cell_text(cell) for cell in listed], pa.string())
        return pa.array([None if cell is None else cell_text(cell) for cell in listed], kind)


def cell_text(cell: object) -> str:
    """A cell as text: dates in ISO form, whole objects and lists as JSON, half characters replaced.

    Example:
        >>> cell_text({"a": [1, None]}), cell_text(datetime.date(2024, 2, 29)), cell_text("x")
        ('{"a": [1, null]}', '2024-02-29', 'x')
    """
    if isinstance(cell, str):
        return str(clean(cell))
    if isinstance(cell, datetime.date):
        return cell.isoformat()
    if hasattr(cell, "to_wire"):
        cell = cell.to_wire()
    try:
        return str(clean(json.dumps(cell, ensure_ascii=False, default=str)))
    except (TypeError, ValueError):
        return str(clean(str(cell)))


def _type_of(cells: Sequence[object], kind: str | None) -> Any:
    if kind is not None:
        return _OF_KIND.get(kind)
    types = {type(cell) for cell in cells if cell is not None}
    if types == {bool}:
        return pa.bool_()
    if types == {int}:
        return pa.int64()
    return pa.float64() if types and types <= {int, float} else None
