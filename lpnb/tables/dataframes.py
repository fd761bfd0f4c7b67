"""pandas DataFrames of responses, cases and transcripts, with fixed columns and dtypes also for zero rows.

Tables are built column by column: lists into Arrow, Arrow into pandas.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from lpnb._internal.display import brief
from lpnb._internal.json_codec import clean
from lpnb.models.responses import BatchResponse

_TIME = pa.timestamp("us", tz="UTC")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
#: What pandas keeps text in: nothing is left to convert.
_TEXT = pa.large_string()
_RESPONSES = pa.schema(
    [
        ("consumer_id", _TEXT),
        ("req_id", _TEXT),
        ("type", _TEXT),
        ("ok", pa.bool_()),
        ("code", _TEXT),
        ("message", _TEXT),
        ("conversation_id", _TEXT),
        ("http_status", pa.int64()),
        ("attempts", pa.int64()),
        ("elapsed_ms", pa.float64()),
        ("sent_at", _TIME),
    ]
)
_CASES = pa.schema(
    [
        ("case", _TEXT),
        ("consumer_id", _TEXT),
        ("outcome", _TEXT),
        ("code", _TEXT),
        ("message", _TEXT),
        ("conversation_id", _TEXT),
        ("http_status", pa.int64()),
        ("attempts", pa.int64()),
        ("elapsed_ms", pa.float64()),
        ("sent_at", _TIME),
        ("landed_skill_id", _TEXT),
        ("landed_skill", _TEXT),
        ("landing_source", _TEXT),
        ("offered_campaign_id", _TEXT),
        ("offered_engagement_id", _TEXT),
        ("decided_by", _TEXT),
        ("say_outcome", _TEXT),
        ("landing_outcome", _TEXT),
        ("close_outcome", _TEXT),
        ("expected_skill", _TEXT),
        ("expected_code", _TEXT),
        ("passed", pa.bool_()),
    ]
)
#: The columns of a run's table that the run adds; every other one is the case's own.
RUN_COLUMNS = frozenset(_CASES.names)
_TRANSCRIPT = pa.schema(
    [
        ("conversation_id", _TEXT),
        ("at", _TIME),
        ("who", _TEXT),
        ("text", _TEXT),
        ("kind", _TEXT),
        ("sequence", pa.int64()),
        ("dialog_id", _TEXT),
        ("audience", _TEXT),
        ("outcome", _TEXT),
        ("sources", _TEXT),
    ]
)
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
#: Responses that become Arrow columns together: few enough that what is read once is near when read again.
_CHUNK_SIZE = 4_096
_TYPE_OF_KIND = {"whole": pa.int64(), "number": pa.float64(), "boolean": pa.bool_(), "moment": _TIME}


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
    columns.extend(responses if isinstance(responses, Iterable) else [responses], cases)
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
        self._schema = pa.schema([("case", _TEXT), *_RESPONSES]) if keyed else _RESPONSES
        self._pending: list[BatchResponse] = []
        self._cases: list[str | None] = []
        self._batches: list[Any] = []

    def add(self, response: BatchResponse, case: str | None = None) -> None:
        """Take in one response."""
        if not isinstance(response, BatchResponse):
            raise TypeError(f"responses_table takes BatchResponse objects; got {brief(response)}")
        self._pending.append(response)
        if self._keyed:
            self._cases.append(case)
        if len(self._pending) >= _CHUNK_SIZE:
            self._flush()

    def extend(self, responses: Iterable[BatchResponse], cases: Iterable[str] | None = None) -> None:
        """Take in many responses; *cases* names the case of each.

        Raises:
            TypeError: One of them is no response.
            ValueError: There are more of one than of the other.
        """
        self._flush()
        rows: Iterator[Any] = iter(responses if cases is None else zip(responses, cases, strict=True))
        while chunk := list(islice(rows, _CHUNK_SIZE)):
            calls, names = (chunk, ()) if cases is None else zip(*chunk, strict=True)
            if set(map(type, calls)) != {BatchResponse}:
                for call in calls:
                    if not isinstance(call, BatchResponse):
                        raise TypeError(f"responses_table takes BatchResponse objects; got {brief(call)}")
            self._add_chunk(calls, names)

    def add_columns(
        self, per_call: Mapping[str, Any], counts: Sequence[int], per_pair: Mapping[str, Any]
    ) -> None:
        """Take in columns: those *per_call* have a cell for each response, those *per_pair* for each frame.

        *counts* says how many frames each response has. A column is a list of cells or an Arrow array.
        """
        row_of_call = pa.array(np.repeat(np.arange(len(counts)), counts))
        arrays = {name: _array(cells, self._schema.field(name).type) for name, cells in per_pair.items()}
        for name, cells in per_call.items():
            arrays[name] = _array(cells, self._schema.field(name).type).take(row_of_call)
        ordered = [arrays[field.name] for field in self._schema]
        self._batches.append(pa.RecordBatch.from_arrays(ordered, schema=self._schema))

    def table(self) -> pd.DataFrame:
        """The table of what has been taken in so far."""
        self._flush()
        return _to_pandas(pa.Table.from_batches(self._batches, self._schema))

    def _flush(self) -> None:
        """Turn what waits into Arrow columns."""
        calls, cases = self._pending, self._cases
        self._pending, self._cases = [], []
        if calls:
            self._add_chunk(calls, cases)

    def _add_chunk(self, calls: Sequence[BatchResponse], cases: Sequence[str | None]) -> None:
        # One plain loop for each column: it makes no object for a row, so that nothing is left to collect.
        pairs_of_calls = [call.pairs for call in calls]
        pairs = list(chain.from_iterable(pairs_of_calls))
        per_call: dict[str, Any] = {
            "consumer_id": [call.consumer_id for call in calls],
            "http_status": [call.http_status for call in calls],
            "attempts": [call.attempts for call in calls],
            "elapsed_ms": [call.elapsed_ms for call in calls],
            "sent_at": _timestamps_of([call.sent_at for call in calls]),
        }
        if self._keyed:
            per_call["case"] = cases
        per_pair = {
            "req_id": [pair.req_id for pair in pairs],
            "type": [pair.type for pair in pairs],
            "ok": [pair.ok for pair in pairs],
            "code": [pair.code for pair in pairs],
            "message": [pair.message for pair in pairs],
            "conversation_id": [pair.conversation_id for pair in pairs],
        }
        self.add_columns(per_call, list(map(len, pairs_of_calls)), per_pair)


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
    offered_campaign_id                    the campaign that Monitoring offered (str)
    offered_engagement_id                  the engagement that Monitoring offered (str)
    decided_by        str                  on a sandbox, the rule that decided the landing: "skill",
                                           "campaign", "sde", "default" or "none"; with ", fallback" where
                                           nobody was online in that skill
    say_outcome       str                  of the opening messages: answered, or what became of the first
                                           that was not: refused, unknown or not sent
    landing_outcome   str                  of reading the landing: answered, not visible or not sent
    close_outcome     str                  of the close: answered, refused, unknown or not sent
    expected_skill    str                  the skill it should land in, by id or name
    expected_code     str                  the code it should be answered with
    passed            boolean              whether it came as expected; missing when nothing was expected
    ================  ===================  ======================================================

    The three outcomes of steps are missing where a step was not asked for, or not begun.
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
    lists = {name: _as_list(cells) for name, cells in columns.items()}
    lengths = {len(cells) for cells in lists.values()}
    if len(lengths) > 1:
        raise ValueError(f"the columns of a table must be of one length; got {sorted(lengths)}")
    rows = lengths.pop() if lengths else 0
    arrays = {
        field.name: _array(lists[field.name], field.type)
        if field.name in lists
        else pa.nulls(rows, field.type)
        for field in _CASES
    }
    for name, cells in lists.items():
        if name not in arrays:
            arrays[name] = _array(cells, _type_of(cells, kinds.get(name)))
    return _to_pandas(arrays)


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
    return _to_pandas(pa.table(arrays, schema=_TRANSCRIPT))


def plain_table(columns: Mapping[str, Iterable[object]], kinds: Mapping[str, str]) -> pd.DataFrame:
    """A table of any columns, each of the dtype its kind has (as for ``cases_table``, and "moment").

    Example:
        >>> plain_table({"skillId": ["007", None]}, {"skillId": "id"})["skillId"].tolist()
        ['007', nan]
    """
    return _to_pandas(
        {name: _array(cells, _TYPE_OF_KIND.get(kinds[name])) for name, cells in columns.items()}
    )


def timestamps(microseconds: Sequence[int | None]) -> Any:
    """Microseconds since 1970, as a column of moments.

    Raises:
        TypeError, ValueError: One of them is no whole number.

    Example:
        >>> timestamps([0, None]).null_count
        1
    """
    return pa.array(microseconds, pa.int64()).cast(_TIME)


def _to_pandas(columns: Any) -> pd.DataFrame:
    table: pd.DataFrame = pa.table(columns).to_pandas(types_mapper=_NULLABLE.get)
    return table


def _as_list(cells: Any) -> Any:
    return cells if isinstance(cells, (list, tuple, pa.Array)) else list(cells)


def _array(cells: Iterable[object], kind: Any) -> Any:
    """Cells as an Arrow array; those of no plain kind as text."""
    if isinstance(cells, pa.Array):
        return cells
    kind = kind if kind is not None else _TEXT
    values = _as_list(cells)
    try:
        return pa.array(values, kind)
    except (UnicodeEncodeError, pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError):
        # Rare: half characters, objects in a column of text, whole numbers beyond 64 bits.
        if kind != _TEXT:
            return pa.array([None if cell is None else cell_text(cell) for cell in values], _TEXT)
        return pa.array([None if cell is None else cell_text(cell) for cell in values], kind)


def _timestamps_of(cells: list[datetime.datetime | None]) -> Any:
    """Moments as an Arrow array, or as they came when one of them is odd.

    Arrow asks each moment's zone for its offset, in Python's words. Their distance from 1970 is had for a
    third of that.
    """
    if not set(map(type, cells)) <= {datetime.datetime, type(None)}:
        return cells
    try:
        offsets = [None if cell is None else cell - _EPOCH for cell in cells]
    except TypeError:  # one without a zone
        return cells
    return pa.array(offsets, pa.duration("us")).cast(pa.int64()).cast(_TIME)


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
        return _TYPE_OF_KIND.get(kind)
    types = {type(cell) for cell in cells if cell is not None}
    if types == {bool}:
        return pa.bool_()
    if types == {int}:
        return pa.int64()
    return pa.float64() if types and types <= {int, float} else None
