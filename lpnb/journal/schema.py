"""The tables of a journal, and the rows that go into them.

A case's state is nowhere stored: it follows from its last attempt, so that the two cannot disagree. The
view ``states`` says it to any program that reads SQLite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lpnb._internal.json_codec import clean, json_text

#: "lpnb" in ASCII: how SQLite files of ours are told from those of other programs.
APPLICATION = 0x6C706E62
FORMAT = 1
#: An attempt's key is its case's number times this, and its own number from 1: one key for both, in order.
PER_CASE = 1_000_000
#: Every state of a case.
STATES = frozenset({"planned", "sending", "answered", "refused", "not sent", "unknown"})

SCHEMA = """\
CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE cases (number INTEGER PRIMARY KEY, name TEXT NOT NULL, consumer_id TEXT NOT NULL,
  digest TEXT NOT NULL, said TEXT NOT NULL, expected TEXT NOT NULL);
CREATE TABLE leases (lease INTEGER PRIMARY KEY, first INTEGER NOT NULL, past INTEGER NOT NULL,
  owner TEXT NOT NULL, taken_at INTEGER NOT NULL, ended_at INTEGER);
CREATE TABLE attempts (attempt INTEGER PRIMARY KEY, req_ids TEXT NOT NULL, written_at INTEGER NOT NULL);
CREATE TABLE answers (attempt INTEGER PRIMARY KEY, outcome TEXT NOT NULL, http_status INTEGER,
  code TEXT, message TEXT, conversation_id TEXT, elapsed_ms REAL, sent_at INTEGER, pairs TEXT NOT NULL,
  explanation TEXT NOT NULL, raw BLOB NOT NULL);
CREATE TABLE found (attempt INTEGER PRIMARY KEY, outcome TEXT NOT NULL, conversation_id TEXT,
  source TEXT NOT NULL, asked_at INTEGER NOT NULL, explanation TEXT NOT NULL);
CREATE TABLE steps (number INTEGER NOT NULL, step TEXT NOT NULL, place INTEGER NOT NULL,
  outcome TEXT NOT NULL, said TEXT NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (number, step, place)) WITHOUT ROWID;
CREATE VIEW states AS
  SELECT number, name, consumer_id,
    CASE WHEN found.outcome = 'answered' THEN 'answered'
      WHEN found.outcome = 'absent' THEN 'not sent'
      WHEN tried > ifnull(answers.attempt, 0) THEN 'sending'
      ELSE ifnull(answers.outcome, 'planned') END AS state,
    ifnull(found.conversation_id, answers.conversation_id) AS conversation_id,
    tried, answers.attempt AS attempt, found.outcome AS found, found.explanation AS found_explanation
  FROM (SELECT number, name, consumer_id,
      ifnull((SELECT max(attempt) FROM attempts
        WHERE attempt BETWEEN number * 1000000 AND number * 1000000 + 999999), 0) AS tried,
      (SELECT max(attempt) FROM answers
        WHERE attempt BETWEEN number * 1000000 AND number * 1000000 + 999999) AS last
    FROM cases)
  LEFT JOIN answers ON answers.attempt = last
  LEFT JOIN found ON found.attempt = max(ifnull(last, 0), tried);
"""

INSERT_CASE = "INSERT INTO cases VALUES (?, ?, ?, ?, ?, ?)"
INSERT_ATTEMPT = "INSERT INTO attempts VALUES (?, ?, ?)"
INSERT_ANSWER = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_FOUND = "INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?, ?)"
INSERT_STEP = "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?)"
#: What may not be lost once it is known. An attempt that could not be written has not left.
MUST_NOT_BE_LOST = (INSERT_ANSWER, INSERT_FOUND, INSERT_STEP)


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
