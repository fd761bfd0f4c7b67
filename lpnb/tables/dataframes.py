"""pandas DataFrames of responses and transcripts, with fixed columns and dtypes also for zero rows.

Tables are built column by column: lists into Arrow, Arrow into pandas. A run's table is in ``run_table``.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from lpnb._internal.display import brief
from lpnb._internal.json_codec import clean
from lpnb.models.responses import BatchResponse
from lpnb.tables.arrow_columns import TEXT, TIME, arrow_arrays, arrow_table, to_pandas

if TYPE_CHECKING:
    import pandas as pd

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_RESPONSES = pa.schema(
    [
        ("consumer_id", TEXT),
        ("req_id", TEXT),
        ("type", TEXT),
        ("ok", pa.bool_()),
        ("code", TEXT),
        ("message", TEXT),
        ("conversation_id", TEXT),
        ("http_status", pa.int64()),
        ("attempts", pa.int64()),
        ("elapsed_ms", pa.float64()),
        ("sent_at", TIME),
    ]
)
_TRANSCRIPT = pa.schema(
    [
        ("conversation_id", TEXT),
        ("at", TIME),
        ("who", TEXT),
        ("text", TEXT),
        ("kind", TEXT),
        ("sequence", pa.int64()),
        ("dialog_id", TEXT),
        ("audience", TEXT),
        ("outcome", TEXT),
        ("sources", TEXT),
    ]
)
#: Responses that become Arrow columns together: few enough that what is read once is near when read again.
_CHUNK_SIZE = 4_096


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
        self._schema = pa.schema([("case", TEXT), *_RESPONSES]) if keyed else _RESPONSES
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
        arrays = arrow_arrays({**per_pair, **per_call}, self._schema)
        for name in per_call:
            arrays[name] = arrays[name].take(row_of_call)
        batch_columns = [arrays[field.name] for field in self._schema]
        self._batches.append(pa.RecordBatch.from_arrays(batch_columns, schema=self._schema))

    def table(self) -> pd.DataFrame:
        """The table of what has been taken in so far."""
        self._flush()
        return to_pandas(pa.Table.from_batches(self._batches, self._schema))

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
    return to_pandas(pa.table(arrays, schema=_TRANSCRIPT))


def plain_table(columns: Mapping[str, Iterable[object]], kinds: Mapping[str, str]) -> pd.DataFrame:
    """A table of any columns, each of the dtype its kind has (as for ``cases_table``, and "moment").

    Example:
        >>> plain_table({"skillId": ["007", None]}, {"skillId": "id"})["skillId"].tolist()
        ['007', nan]
    """
    return to_pandas(arrow_table(columns, kinds))


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
    return pa.array(offsets, pa.duration("us")).cast(pa.int64()).cast(TIME)
