"""Whatever came back, as DataFrames with fixed columns and dtypes, also for zero rows.

Tables are built column by column: lists into Arrow, Arrow into pandas.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
_OF_KIND = {"whole": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}


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
    conversation_id   str                  the conversation, on the frame that opened it
    http_status       Int64                of the last attempt; missing when no answer came
    attempts          Int64                CONVERSATION requests tried
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
    """The columns of ``responses_table``, kept while responses come in; then the table costs little.

    What is the same for every frame of a response is kept once a response.

    Example:
        >>> columns = ResponseColumns()
        >>> columns.add(BatchResponse("anna", "unknown", ()))
        >>> len(columns.table())
        0
    """

    def __init__(self, *, keyed: bool = False) -> None:
        self._keyed = keyed
        self._pairs: list[list[Any]] = [[] for _ in range(6)]
        self._calls: list[list[Any]] = [[] for _ in range(6)]
        self._frames: list[int] = []

    def add(self, response: BatchResponse, case: str | None = None) -> None:
        """Take in one response."""
        if not isinstance(response, BatchResponse):
            raise TypeError(f"responses_table takes BatchResponse objects; got {brief(response)}")
        req_id, kind, ok, code, message, conversation = self._pairs
        for pair in response.pairs:
            req_id.append(pair.req_id)
            kind.append(pair.type)
            ok.append(pair.ok)
            code.append(pair.code)
            message.append(pair.message)
            conversation.append(pair.conversation_id)
        consumer, status, attempts, elapsed, sent_at, cases = self._calls
        consumer.append(response.consumer_id)
        status.append(response.http_status)
        attempts.append(response.attempts)
        elapsed.append(response.elapsed_ms)
        sent_at.append(response.sent_at)
        cases.append(case)
        self._frames.append(len(response.pairs))

    def table(self) -> pd.DataFrame:
        """The table of what has been taken in so far."""
        frames = pa.array(self._frames, pa.int64())
        of_call = _repeated(frames)
        consumer, status, attempts, elapsed, sent_at, cases = self._calls
        per_call = {
            "consumer_id": consumer,
            "http_status": status,
            "attempts": attempts,
            "elapsed_ms": elapsed,
            "sent_at": sent_at,
        }
        names = ("req_id", "type", "ok", "code", "message", "conversation_id")
        per_pair = dict(zip(names, self._pairs, strict=True))
        found: dict[str, Any] = {}
        if self._keyed:
            found["case"] = _array(cases, pa.string()).take(of_call)
        for field in _RESPONSES:
            if field.name in per_pair:
                found[field.name] = _array(per_pair[field.name], field.type)
            else:
                found[field.name] = _array(per_call[field.name], field.type).take(of_call)
        return _framed(found)


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
    attempts          Int64                CONVERSATION requests tried
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


def plain_table(columns: Mapping[str, Iterable[object]], kinds: Mapping[str, str]) -> pd.DataFrame:
    """A table of any columns, each of the dtype its kind has (as for ``cases_table``).

    Example:
        >>> plain_table({"skillId": ["007", None]}, {"skillId": "id"})["skillId"].tolist()
        ['007', nan]
    """
    return _framed({name: _array(cells, _OF_KIND.get(kinds[name])) for name, cells in columns.items()})


def _framed(columns: Mapping[str, Any]) -> pd.DataFrame:
    table: pd.DataFrame = pa.table(dict(columns)).to_pandas(types_mapper=_NULLABLE.get)
    return table


def _repeated(frames: Any) -> Any:
    """The number of its call, for each frame."""
    return pa.array((call for call, count in enumerate(frames.to_pylist()) for _ in range(count)), pa.int64())


def _array(cells: Iterable[object], kind: Any) -> Any:
    """Cells as an Arrow array; those of no plain kind as text."""
    kind = kind if kind is not None else pa.string()
    listed = cells if isinstance(cells, list) else list(cells)
    try:
        return pa.array(listed, kind)
    except (UnicodeEncodeError, pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError):
        # Rare: half characters, objects in a column of text, whole numbers beyond 64 bits.
        if kind != pa.string():
            return pa.array([None if cell is None else _as_text(cell) for cell in listed], pa.string())
        return pa.array([None if cell is None else _as_text(cell) for cell in listed], kind)


def _as_text(cell: object) -> str:
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
