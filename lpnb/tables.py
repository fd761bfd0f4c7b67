"""Responses as DataFrames with fixed columns and dtypes, also for zero rows."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import pyarrow as pa

from lpnb.display import brief
from lpnb.responses import BatchResponse
from lpnb.strict_json import clean

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
        ("sent_at", pa.timestamp("us", tz="UTC")),
    ]
)
_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


def responses_table(responses: BatchResponse | Iterable[BatchResponse]) -> pd.DataFrame:
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

    Example:
        >>> responses_table([]).dtypes["http_status"]
        Int64Dtype()
    """
    if isinstance(responses, BatchResponse):
        responses = [responses]
    responses = list(responses) if isinstance(responses, Iterable) else [responses]
    if strangers := [found for found in responses if not isinstance(found, BatchResponse)]:
        raise TypeError(f"responses_table takes BatchResponse objects; got {brief(strangers[0])}")
    columns: dict[str, list[object]] = {name: [] for name in _RESPONSES.names}
    for response in responses:
        for pair in response.pairs:
            row = (
                response.consumer_id,
                pair.req_id,
                pair.type,
                pair.ok,
                pair.code,
                pair.message,
                pair.conversation_id,
                response.http_status,
                response.attempts,
                response.elapsed_ms,
                response.sent_at,
            )
            for column, value in zip(columns.values(), row, strict=True):
                column.append(clean(value))
    table: pd.DataFrame = pa.table(columns, schema=_RESPONSES).to_pandas(types_mapper=_NULLABLE.get)
    return table
