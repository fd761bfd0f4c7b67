"""The writing side of a journal, held by one process at a time."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sqlite3
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lpnb._internal.sqlite_file import remove
from lpnb._internal.writer_lock import FileLock
from lpnb.errors import JournalError
from lpnb.journal.journal_file import create, journal_format, make_folder, open_file
from lpnb.journal.schema import (
    INSERT_ANSWER,
    INSERT_ATTEMPT,
    INSERT_CASE,
    INSERT_LOOKUP,
    INSERT_STEP,
    PER_CASE,
    Answer,
    CaseRow,
    LookupResult,
    StepRecord,
    answer_row,
    text,
)
from lpnb.journal.writer import LoopWaiter, Writer

NO_ANSWER = "The process that sent this ended before an answer was written. A conversation may exist."


class Journal:
    """The one writer of a journal.

    Use ``Journal.create`` for a new file and ``Journal.open`` to go on with one. ``attempt`` and ``answer``
    are awaited on an event loop; all else may be called from any thread.
    """

    def __init__(self, path: Path, lock: FileLock, connection: sqlite3.Connection) -> None:
        self.path = path
        self._lock = lock
        self._writer = Writer(connection, path)

    @classmethod
    def create(
        cls, path: str | os.PathLike[str], about: Mapping[str, Any], cases: Iterable[CaseRow]
    ) -> Journal:
        """Make the file with all of *cases* in it. *about* is what there is to know of the run, as JSON.

        Raises:
            JournalError: There is a file already, none can be made, or the disk is full.
        """
        path = Path(path)
        make_folder(path)
        lock = journal_format(path).lock(path)
        is_created = False
        try:
            connection = create(path)
            is_created = True
            try:
                rows = ((key, json.dumps(value)) for key, value in about.items())
                connection.executemany("INSERT INTO run VALUES (?, ?)", rows)
                connection.executemany(INSERT_CASE, map(_case, cases))
                _take_lease(connection)
                journal_format(path).finish_creation(connection)
            except BaseException:
                connection.close()
                raise
        except BaseException as error:
            if is_created:  # nothing was sent from it
                remove(path)
            lock.close()
            if isinstance(error, sqlite3.Error):
                raise JournalError(f"{path} could not be written ({error}), so nothing was sent.") from None
            raise
        return cls(path, lock, connection)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Journal:
        """Go on with the journal at *path*. What a dead process was sending becomes *unknown*.

        Raises:
            JournalError: It is missing, empty, damaged, another program's, or being written.
        """
        path = Path(path)
        if not path.exists():
            open_file(path, to_write=True).close()  # raises, before a lock is made beside nothing
        lock = journal_format(path).lock(path)
        try:
            connection = open_file(path, to_write=True)
            try:
                _recover(connection)
            except BaseException:
                connection.close()
                raise
        except BaseException as error:
            lock.close()
            if isinstance(error, sqlite3.Error):
                raise JournalError(f"{path} could not be written ({error}), so nothing was sent.") from None
            raise
        return cls(path, lock, connection)

    @property
    def unwritten(self) -> int:
        """How many answers are in memory only, because the disk did not take them."""
        return self._writer.unwritten

    def add_cases(self, cases: Iterable[CaseRow]) -> None:
        """Add cases behind those that there are; return when they are on the disk.

        Raises:
            JournalError: The disk does not take them.
        """
        for row in cases:
            self._writer.put(INSERT_CASE, _case(row))
        self._writer.flush()

    def attempt(self, number: int, nth: int, req_ids: Iterable[str]) -> asyncio.Future[None]:
        """Write that attempt *nth* of a case is about to leave. Await it before the first byte does."""
        waiter = asyncio.get_running_loop().create_future()
        row = (number * PER_CASE + nth, text("\n".join(req_ids)), time.time_ns() // 1000)
        self._writer.put(INSERT_ATTEMPT, row, waiter)
        return waiter

    def answer(self, number: int, nth: int, answer: Answer, on_written: LoopWaiter) -> None:
        """Write what became of it. Show nobody before *on_written* is called, or done."""
        self._writer.put(INSERT_ANSWER, answer_row(number * PER_CASE + nth, answer), on_written)

    def note(self, number: int, nth: int, answer: Answer) -> None:
        """Write what became of an attempt that another one follows, without waiting."""
        self._writer.put(INSERT_ANSWER, answer_row(number * PER_CASE + nth, answer))

    def lookup(self, number: int, nth: int, result: LookupResult) -> asyncio.Future[None]:
        """Write what a look-up says of an attempt that was unknown."""
        waiter = asyncio.get_running_loop().create_future()
        self._writer.put(INSERT_LOOKUP, (number * PER_CASE + nth, *map(_plain, result)), waiter)
        return waiter

    def step(self, step: StepRecord) -> asyncio.Future[None]:
        """Write what is being done, or was done, with a conversation; a later row replaces an earlier one."""
        waiter = asyncio.get_running_loop().create_future()
        self._writer.put(INSERT_STEP, tuple(map(_plain, step)), waiter)
        return waiter

    def lease(self, first: int, past: int, owner: str) -> int:
        """Hand the cases from *first* up to, but not with, *past* to *owner*; return the lease's number."""
        number = time.time_ns()
        row = (number, first, past, text(owner), time.time_ns() // 1000)
        self._writer.put("INSERT INTO leases VALUES (?, ?, ?, ?, ?, NULL)", row)
        self._writer.flush()
        return number

    def end_lease(self, lease: int) -> None:
        """Take a lease back."""
        self._writer.put("UPDATE leases SET ended_at = ? WHERE lease = ?", (time.time_ns() // 1000, lease))
        self._writer.flush()

    def set_value(self, key: str, value: Any) -> None:
        """Note something about the run as a whole, in place of what was noted under *key*."""
        self._writer.put("INSERT OR REPLACE INTO run VALUES (?, ?)", (key, json.dumps(value)))

    def flush(self) -> None:
        """Return when everything so far is on the disk, answers that it did not take before included.

        Raises:
            JournalError: The disk does not take it.
        """
        self._writer.flush()

    def close(self) -> None:
        """Write what waits and let go of the file. Closing twice is harmless."""
        try:
            self._writer.close()
        finally:
            self._lock.close()


def _case(row: CaseRow) -> tuple[object, ...]:
    return row if "".join(row[1:]).isascii() else (row[0], *map(_plain, row[1:]))


def _plain(value: object) -> object:
    return text(value) if isinstance(value, str) else value


def _take_lease(connection: sqlite3.Connection) -> None:
    now = time.time_ns()
    owner = f"{os.getpid()}@{platform.node()}"
    connection.execute(
        "INSERT INTO leases SELECT ?, 0, count(*), ?, ?, NULL FROM cases", (now, owner, now // 1000)
    )


def _recover(connection: sqlite3.Connection) -> None:
    """We hold the lock, so whoever was sending is dead: bytes may have left, and nobody waits for them."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT INTO answers SELECT attempt, 'unknown', NULL, 'no-answer', ?, NULL, NULL, written_at, "
        "'[]', ?, x'' FROM attempts WHERE attempt NOT IN (SELECT attempt FROM answers)",
        ("the sending process ended", NO_ANSWER),
    )
    connection.execute("UPDATE leases SET ended_at = ? WHERE ended_at IS NULL", (time.time_ns() // 1000,))
    _take_lease(connection)
    connection.execute("COMMIT")
