"""The reading side of a journal, also while another process writes it."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Sequence, Set
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from lpnb._internal.writer_lock import is_locked
from lpnb.errors import InvalidValueError, JournalError, LpnbError
from lpnb.journal.journal_file import open_file
from lpnb.journal.schema import PER_CASE, STATES

_CASES = """
SELECT number, cases.name, cases.consumer_id, said, expected, state, tried % 1000000,
  states.attempt % 1000000, states.conversation_id, answers.http_status,
  CASE found WHEN 'answered' THEN 'found' WHEN 'absent' THEN 'absent' ELSE answers.code END,
  ifnull(found_explanation, answers.message), answers.elapsed_ms, answers.sent_at,
  CASE WHEN tried % 1000000 > 1 OR answers.code = 'held' THEN (SELECT count(*) FROM answers AS stayed
    WHERE stayed.attempt BETWEEN number * 1000000 AND number * 1000000 + 999999 AND stayed.attempt <= tried
      AND (stayed.code = 'held' OR stayed.attempt NOT IN (SELECT attempt FROM attempts)))
    ELSE 0 END
FROM states JOIN cases USING (number)
LEFT JOIN answers ON answers.attempt = states.attempt
ORDER BY number
"""
_REPLIES = """
SELECT number, cases.name, cases.consumer_id, answers.outcome, pairs, explanation, http_status,
  (SELECT count(*) FROM attempts WHERE attempt BETWEEN number * 1000000 AND number * 1000000 + 999999),
  elapsed_ms, sent_at, raw
FROM states JOIN cases USING (number) JOIN answers ON answers.attempt = states.attempt
ORDER BY number
"""
# By answers, not by cases: the last of a case is found on the way. What no table shows is not read.
_REPLY_COLUMNS = """
SELECT cases.name, consumer_id, pairs, http_status,
  (SELECT count(*) FROM attempts WHERE attempt BETWEEN number * 1000000 AND number * 1000000 + 999999),
  elapsed_ms, sent_at
FROM answers CROSS JOIN cases ON number = answers.attempt / 1000000
WHERE NOT EXISTS (SELECT 1 FROM answers AS later
  WHERE later.attempt > answers.attempt AND later.attempt <= number * 1000000 + 999999)
ORDER BY answers.attempt
"""


class JournalCase(NamedTuple):
    """A case and where it stands. ``state`` is planned, sending, answered, refused, not sent or unknown.

    ``tried`` is the number of its last attempt, ``replied`` of the last of which something came, which may be
    one that was never made; ``held`` is how many up to ``tried`` were not sent.
    """

    number: int
    name: str
    consumer_id: str
    said: str
    expected: str
    state: str
    tried: int = 0
    replied: int | None = None
    conversation_id: str | None = None
    http_status: int | None = None
    code: str | None = None
    message: str | None = None
    elapsed_ms: float | None = None
    sent_at: int | None = None
    held: int = 0

    @property
    def last_number(self) -> int:
        """The last number that something is written down under: the next attempt must have another."""
        return max(self.tried, self.replied or 0)


class Reply(NamedTuple):
    """The last that came of a case, whole."""

    number: int
    name: str
    consumer_id: str
    outcome: str
    pairs: list[list[Any]]
    explanation: str
    http_status: int | None
    attempts: int
    elapsed_ms: float | None
    sent_at: int | None
    raw: bytes


class ReplyColumns(NamedTuple):
    """Some of what came last of each case, column by column: a cell for each case."""

    name: Sequence[str]
    consumer_id: Sequence[str]
    pairs: Sequence[list[list[Any]]]
    http_status: Sequence[int | None]
    attempts: Sequence[int]
    elapsed_ms: Sequence[float | None]
    sent_at: Sequence[int | None]


class Reader:
    """What one look at a journal finds; every method looks anew, and sees whole commits only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with closing(open_file(path, to_write=False)) as connection:
            try:
                self.about: dict[str, Any] = {
                    key: json.loads(value) for key, value in connection.execute("SELECT key, value FROM run")
                }
                (self.total,) = connection.execute("SELECT count(*) FROM cases").fetchone()
            except (sqlite3.Error, ValueError, RecursionError) as error:
                raise JournalError(f"{path} is damaged ({error}).") from None

    @property
    def is_written(self) -> bool:
        """Whether a process writes it at this moment."""
        return is_locked(self.path)

    def value(self, key: str) -> Any:
        """What is noted of the run under *key* now, or None."""
        row = next(self._rows("SELECT value FROM run WHERE key = ?", key), None)
        return None if row is None else json.loads(row[0])

    def cases(self) -> Iterator[JournalCase]:
        """Every case in its order. What a dead process was sending is *unknown*."""
        is_dead = not self.is_written
        for row in self._rows(_CASES):
            case = JournalCase(*row)
            self._check({case.state})
            yield case._replace(state="unknown") if is_dead and case.state == "sending" else case

    def case_columns(self, rows: int) -> Iterator[dict[str, Sequence[Any]]]:
        """The same column by column, under the names of ``JournalCase``, *rows* of them at a time."""
        is_dead = not self.is_written
        for block in self._row_blocks(_CASES, rows):
            columns: dict[str, Sequence[Any]] = dict(
                zip(JournalCase._fields, zip(*block, strict=True), strict=True)
            )
            self._check(set(columns["state"]))
            if is_dead and "sending" in columns["state"]:
                columns["state"] = ["unknown" if state == "sending" else state for state in columns["state"]]
            yield columns

    def reply_columns(self, rows: int) -> Iterator[ReplyColumns]:
        """What came last of every case that something came of, in the cases' order, *rows* at a time."""
        for block in self._row_blocks(_REPLY_COLUMNS, rows):
            name, consumer_id, pairs, *rest = zip(*block, strict=True)
            yield ReplyColumns(name, consumer_id, read_each(pairs), *rest)

    def replies(self) -> Iterator[Reply]:
        """The last that came of every case that something came of, in the cases' order."""
        for number, name, consumer_id, outcome, pairs, *rest in self._rows(_REPLIES):
            yield Reply(number, name, consumer_id, outcome, json.loads(pairs), *rest)

    def states(self) -> dict[str, int]:
        """How many cases are in which state."""
        counts = dict(self._rows("SELECT state, count(*) FROM states GROUP BY state"))
        self._check(counts.keys())
        if "sending" in counts and not self.is_written:
            counts["unknown"] = counts.get("unknown", 0) + counts.pop("sending")
        return counts

    def digests(self) -> Iterator[tuple[int, str, str]]:
        """Number, name and digest of every case."""
        yield from self._rows("SELECT number, name, digest FROM cases ORDER BY number")

    @property
    def created_at(self) -> datetime:
        """When the journal was made, to the microsecond."""
        ((micros,),) = self._rows("SELECT min(taken_at) FROM leases")
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)

    def contents(self) -> set[int]:
        """A number for what each case says, the same for the same values in any journal without hashes."""
        return {hash(content) for (content,) in self._rows("SELECT said FROM cases")}

    def case(self, number: int) -> tuple[str, str, dict[str, Any], dict[str, Any]] | None:
        """Name, consumer, what was said and what was expected of one case."""
        rows = list(
            self._rows("SELECT name, consumer_id, said, expected FROM cases WHERE number = ?", number)
        )
        return next(((row[0], row[1], json.loads(row[2]), json.loads(row[3])) for row in rows), None)

    def steps(self) -> Iterator[tuple[int, str, int, str, str]]:
        """Number, step, place, outcome and what was said, of every step."""
        yield from self._rows(
            "SELECT number, step, place, outcome, said FROM steps ORDER BY number, step, place"
        )

    def step_outcomes(self, first: int = 0, last: int = (1 << 63) - 1) -> dict[int, dict[str, Any]]:
        """What became of the steps of a case, by its number.

        "engagement", "say", "landing" and "close" hold an outcome: of several messages, that of the first one
        that was not answered. With an offer come its "campaign_id" and "engagement_id", with a landing that
        is known "skill_id", "skill_name", "source" and, of a sandbox, "decided_by".
        """
        rows = self._rows(
            "SELECT number, step, outcome, said FROM steps WHERE number BETWEEN ? AND ? "
            "ORDER BY number, step, place",
            first,
            last,
        )
        cases: dict[int, dict[str, Any]] = {}
        is_dead = not self.is_written
        for number, step, outcome, details_text in rows:
            outcomes = cases.setdefault(number, {})
            if (step, outcome) in (("landing", "answered"), ("engagement", "offered")):
                outcomes.update(json.loads(details_text))
            if outcomes.get(step, "answered") == "answered":
                outcomes[step] = "unknown" if is_dead and outcome == "sending" else outcome
        return cases

    def attempts(self, number: int) -> list[tuple[int, str, str | None, int | None, bytes | None]]:
        """Number, reqIds, outcome, status and raw reply of every attempt of one case."""
        return list(
            self._rows(
                "SELECT attempts.attempt % 1000000, req_ids, outcome, http_status, raw FROM attempts "
                "LEFT JOIN answers USING (attempt) WHERE attempts.attempt BETWEEN ? AND ? ORDER BY 1",
                number * PER_CASE,
                number * PER_CASE + PER_CASE - 1,
            )
        )

    def _check(self, states: Set[str]) -> None:
        if strange := states - STATES:
            raise JournalError(
                f"{self.path} is damaged (a case is {min(strange)!r}). Take a copy of it from before; "
                "nothing is sent again from it."
            )

    def _rows(self, sql: str, *values: object) -> Iterator[Any]:
        for block in self._row_blocks(sql, 2000, *values):
            yield from block

    def _row_blocks(self, sql: str, size: int, *values: object) -> Iterator[list[Any]]:
        with closing(open_file(self.path, to_write=False, check=False)) as connection:
            try:
                cursor = connection.execute(sql, values)
                while rows := cursor.fetchmany(size):
                    yield rows
            except sqlite3.DatabaseError as error:
                raise JournalError(f"{self.path} is damaged ({error}).") from None


def read_each(texts: Sequence[str]) -> list[Any]:
    """What each of *texts* says, which is JSON.

    Raises:
        ValueError: One of them is none.

    Example:
        >>> read_each(["[1]", "{}"])
        [[1], {}]
    """
    # All in one is three times as quick. The mark between them cannot be known to whoever edits a journal, so
    # that no text passes by ending in the next one.
    mark = secrets.randbits(60)
    try:
        values: list[Any] = json.loads(f"[{f',{mark},'.join(texts)}]")
    except (ValueError, RecursionError):
        values = []
    if len(values) == 2 * len(texts) - 1 and values[1::2] == [mark] * (len(texts) - 1):
        return values[::2]
    return [json.loads(text) for text in texts]  # and whatever is wrong is said as if it stood alone


def read_journal(path: str | os.PathLike[str]) -> Reader:
    """Open the journal at *path* for reading.

    Raises:
        JournalError: It is missing, empty, damaged or another program's.
    """
    return Reader(Path(path))


@contextmanager
def explain_damage(path: str | os.PathLike[str] | None, *, alone: bool = True) -> Iterator[None]:
    """Raise ``JournalError`` for a journal that holds what lpnb never writes: it was edited, or a disk is broken.

    When it is not read *alone*, a wrong value may be one of the user's cases, and its own error is raised.

    Example:
        >>> with explain_damage("x.sqlite"):
        ...     int("twelve")
        Traceback (most recent call last):
        lpnb.errors.JournalError: x.sqlite holds what lpnb never writes (invalid literal for int() with base 10: 'twelve'). Take a copy of it from before; nothing is sent from this one.
    """  # noqa: E501
    try:
        yield
    except LpnbError as error:
        if not (alone and isinstance(error, InvalidValueError)):
            raise
        raise _foreign_content(path, str(error).rstrip(".")) from None
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        missing = f"{error} is missing" if isinstance(error, KeyError) else error
        raise _foreign_content(path, missing) from None


def _foreign_content(path: str | os.PathLike[str] | None, finding: object) -> JournalError:
    return JournalError(
        f"{path} holds what lpnb never writes ({finding}). Take a copy of it from before; nothing is sent "
        "from this one."
    )
