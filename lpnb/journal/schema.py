"""The tables of a journal, and the rows that go into them.

A case's state is nowhere stored: it follows from its last attempt, so that the two cannot disagree. The
view ``states`` says it to any program that reads SQLite.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from lpnb._internal.json_codec import clean, json_text

#: "lpnb" in ASCII: how SQLite files of ours are told from those of other programs.
APPLICATION = 0x6C706E62
FORMAT = 1
#: An attempt's key is its case's number times this, and its own number from 1: one key for both, in order.
PER_CASE = 1_000_000
#: Every state of a case.
STATES = frozenset({"planned", "sending", "answered", "refused", "not sent", "unknown"})

SCHEMA = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")

INSERT_CASE = "INSERT INTO cases VALUES (?, ?, ?, ?, ?, ?)"
INSERT_ATTEMPT = "INSERT INTO attempts VALUES (?, ?, ?)"
INSERT_ANSWER = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_LOOKUP = "INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?, ?)"
INSERT_STEP = "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?)"
#: What may not be lost once it is known. An attempt that could not be written has not left.
MUST_NOT_BE_LOST = (INSERT_ANSWER, INSERT_LOOKUP, INSERT_STEP)


class CaseRow(NamedTuple):
    """A case before it is sent: who for, what it says as JSON, and a digest to know it by again."""

    number: int
    name: str
    consumer_id: str
    digest: str
    said: str
    expected: str = "{}"


class Answer(NamedTuple):
    """What became of one attempt. ``outcome`` "planned" says: certainly nothing, and another followed.

    ``pairs`` has (reqId, type, ok, code, message, conversationId) of each frame, ``sent_at`` is in
    microseconds since 1970, ``raw`` is the reply as it came, tokens masked.
    """

    outcome: str
    http_status: int | None = None
    code: str | None = None
    message: str | None = None
    conversation_id: str | None = None
    elapsed_ms: float | None = None
    sent_at: int | None = None
    pairs: Sequence[Sequence[object]] = ()
    explanation: str = ""
    raw: bytes = b""


class LookupResult(NamedTuple):
    """What a look-up says of an attempt that was unknown: "answered" (it is there) or "absent"."""

    outcome: str
    conversation_id: str | None
    source: str
    asked_at: int
    explanation: str


class StepRecord(NamedTuple):
    """What was done with a conversation besides opening it: one row for each step and place in it."""

    number: int
    step: str
    place: int
    outcome: str
    said: str
    at: int


def text(value: str | None) -> str | None:
    """*value* without lone surrogates, which no UTF-8 file can hold."""
    return value if value is None or value.isascii() else clean(value)


def answer_row(attempt: int, answer: Answer) -> tuple[object, ...]:
    """*answer* as it is stored.

    Example:
        >>> answer_row(1_000_001, Answer("unknown", message="half \\ud800"))[4]
        'half \ufffd'
    """
    outcome, status, code, message, conversation_id, elapsed_ms, sent_at, frames, explanation, raw = answer
    pairs = json_text(frames)
    if not f"{code}{message}{conversation_id}{pairs}{explanation}".isascii():
        code, message, conversation_id = text(code), text(message), text(conversation_id)
        pairs, explanation = clean(pairs), clean(explanation)
    return (
        attempt,
        outcome,
        status,
        code,
        message,
        conversation_id,
        elapsed_ms,
        sent_at,
        pairs,
        explanation,
        raw,
    )
