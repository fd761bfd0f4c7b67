"""What was received, in an SQLite file that belongs to its owner alone and survives ``kill -9``.

One thread writes, as many events in one transaction as wait: a commit that reaches the disk takes
milliseconds, and this way they are shared. Whoever reads opens the file for a moment; nothing is kept in
memory beside what waits to be written.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from lpnb.errors import ReceiverError
from lpnb.models.webhook_events import CHANGE, CHAT_STATE, MESSAGES, Event

T = TypeVar("T")
WriterTask = Callable[[sqlite3.Connection], Any]

#: "lpnw" in ASCII: tells our files from everybody else's.
APPLICATION_ID = 0x6C706E77
VERSION = 1
#: How many pieces of work share one transaction at the most.
TOGETHER = 500

_SCHEMA = """
CREATE TABLE events (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    conversation TEXT NOT NULL,
    kind TEXT NOT NULL,
    dialog TEXT,
    sequence INTEGER,
    at INTEGER,
    received INTEGER NOT NULL,
    handed INTEGER NOT NULL DEFAULT 0,
    originator TEXT,
    role TEXT,
    audience TEXT,
    text TEXT,
    skill TEXT,
    state TEXT,
    stage TEXT,
    raw TEXT NOT NULL
) STRICT;
CREATE INDEX of_conversation ON events (conversation, kind);
"""
_FIELDS = (
    "key, conversation, kind, dialog, sequence, at, received, originator, role, audience, text, skill, "
    "state, stage, raw"
)
_INSERT = f"INSERT OR IGNORE INTO events ({_FIELDS}) VALUES ({', '.join('?' * 15)})"  # noqa: S608


class EventStore:
    """One open file. It belongs to this process until ``close``.

    Args:
        path: Made, mode 0600, when it does not exist.
        most: How many events are kept; beyond that the oldest go.
        told: Called in the writer's thread with the conversations that something new was stored of.

    Raises:
        ReceiverError: The file is damaged, another program's, or in use.
    """

    def __init__(self, path: Path, most: int, told: Callable[[set[str]], None]) -> None:
        self.path = path.absolute()
        self.forgotten = 0
        self._most = most
        self._told = told
        self._lock = _locked(self.path)
        try:
            self._connection, self._kept = _opened(self.path)
        except BaseException:
            _unlock(self._lock)
            raise
        self._waiting: queue.SimpleQueue[tuple[WriterTask, Future[Any]] | None] = queue.SimpleQueue()
        self._news: set[str] = set()
        self._closed = False
        self._door = threading.Lock()
        self._writer = threading.Thread(target=self._write_all, name="lpnb-webhooks-disk", daemon=True)
        self._writer.start()

    def keep(self, events: Sequence[Event]) -> Future[int]:
        """Store what is new of *events*; done when it is on the disk, with the number of new ones."""
        return self._do(lambda connection: self._insert(connection, events))

    def claim(
        self, conversation_id: str, choose: Callable[[list[Event]], Event | None]
    ) -> Future[Event | None]:
        """Hand out one message that was not handed out before: *choose* picks it."""

        def work(connection: sqlite3.Connection) -> Event | None:
            places = ", ".join("?" * len(MESSAGES))
            rows = connection.execute(
                f"SELECT {_FIELDS} FROM events WHERE conversation = ? AND kind IN ({places}) AND handed = 0",  # noqa: S608
                (conversation_id, *MESSAGES),
            )
            found = choose([_event(row) for row in rows])
            if found is not None:
                connection.execute("UPDATE events SET handed = 1 WHERE key = ?", (found.key,))
            return found

        return self._do(work)

    def give_back(self, event: Event) -> None:
        """Let a message that nobody took be handed out again, and tell those who wait for one."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE events SET handed = 0 WHERE key = ?", (event.key,))
            # Whoever looked in between found nothing, and would wait for ever.
            self._news.add(event.conversation_id)

        self._do(work)

    def events(
        self, conversation_id: str | None = None, *, raw: bool = True, latest: int | None = None
    ) -> list[Event]:
        """Everything, or everything of one conversation, or the *latest*, as it arrived.

        Without *raw*, in half the time.
        """
        where = "" if conversation_id is None else "WHERE conversation = ?"
        given: tuple[object, ...] = () if conversation_id is None else (conversation_id,)
        query = f"SELECT {_FIELDS} FROM events {where} ORDER BY number"  # noqa: S608 - no value is in it
        if latest is not None:
            query, given = f"{query} DESC LIMIT ?", (*given, latest)
        with self._reading() as connection:
            found = [_event(row, raw) for row in connection.execute(query, given)]
        return found if latest is None else found[::-1]

    def states(self, conversation_id: str) -> list[tuple[str, int | None]]:
        """The skill of each state of a conversation that names one, and its time, the earliest first."""
        with self._reading() as connection:
            return list(
                connection.execute(
                    "SELECT skill, at FROM events WHERE conversation = ? AND kind = ? AND skill IS NOT NULL "
                    "ORDER BY at, number",
                    (conversation_id, CHANGE),
                )
            )

    def __len__(self) -> int:
        with self._reading() as connection:
            (found,) = connection.execute("SELECT count(*) FROM events").fetchone()
            return int(found)

    def close(self) -> None:
        """Write what waits, and let go of the file. Closing twice is harmless."""
        with self._door:
            if self._closed:
                return
            self._closed = True
            self._waiting.put(None)
        self._writer.join()
        self._connection.close()
        _unlock(self._lock)

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        promise: Future[T] = Future()
        with self._door:  # what came after the end of the line would never be done
            if not self._closed:
                self._waiting.put((work, promise))
                return promise
        promise.set_exception(ReceiverError("The receiver is stopped."))
        return promise

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True, timeout=10.0)
        try:
            yield connection
        finally:
            connection.close()

    def _write_all(self) -> None:
        """The writer thread's whole life."""
        ended = False
        while not ended:
            batch = [self._waiting.get()]
            while len(batch) < TOGETHER:
                try:
                    batch.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            ended = None in batch
            # A future that was cancelled before its turn came is left alone, and so is its work.
            self._write([item for item in batch if item and item[1].set_running_or_notify_cancel()])

    def _write(self, batch: Sequence[tuple[WriterTask, Future[Any]]]) -> None:
        self._news.clear()
        kept, forgotten, results = self._kept, self.forgotten, []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            results = [work(self._connection) for work, _ in batch]
            self._forget_oldest()
            self._connection.execute("COMMIT")
        except Exception as error:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            self._kept, self.forgotten = kept, forgotten
            for _, promise in batch:
                promise.set_exception(ReceiverError(f"{self.path} cannot be written: {error}."))
            return
        for (_, promise), result in zip(batch, results, strict=True):
            promise.set_result(result)
        if self._news:
            self._told(set(self._news))

    def _insert(self, connection: sqlite3.Connection, events: Sequence[Event]) -> int:
        new = 0
        for event in events:
            if event.kind == CHAT_STATE and event.sequence is None:
                # It has nothing to tell a repeat by, so the latest takes the place of the one before.
                gone = connection.execute("DELETE FROM events WHERE key = ?", (event.key,)).rowcount
                self._kept -= gone
            if connection.execute(_INSERT, _row(event)).rowcount:
                new += 1
                self._kept += 1
                self._news.add(event.conversation_id)
        return new

    def _forget_oldest(self) -> None:
        if (over := self._kept - self._most) > 0:
            self._connection.execute(
                "DELETE FROM events WHERE number IN (SELECT number FROM events ORDER BY number LIMIT ?)",
                (over,),
            )
            self._kept -= over
            self.forgotten += over


def _row(event: Event) -> tuple[object, ...]:
    return (
        event.key,
        event.conversation_id,
        event.kind,
        event.dialog_id,
        event.sequence,
        _milliseconds(event.at),
        _milliseconds(event.received_at),
        event.originator_id,
        event.role,
        event.audience,
        event.text,
        event.skill_id,
        event.state,
        event.stage,
        json.dumps(event.raw, separators=(",", ":")),
    )


def _event(row: tuple[Any, ...], whole: bool = True) -> Event:
    key, conversation, kind, dialog, sequence, at, received, originator, role, audience, text, *rest = row
    skill, state, stage, raw = rest
    return Event(
        kind=kind,
        conversation_id=conversation,
        received_at=moment(received) or datetime.now(UTC),
        at=moment(at),
        dialog_id=dialog,
        sequence=sequence,
        originator_id=originator,
        role=role,
        audience=audience,
        text=text,
        skill_id=skill,
        state=state,
        stage=stage,
        raw=json.loads(raw) if whole else {},
        key=key,
    )


def moment(milliseconds: int | None) -> datetime | None:
    """Epoch milliseconds as a moment."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)


def _milliseconds(value: datetime | None) -> int | None:
    return None if value is None else int(value.timestamp()) * 1000 + value.microsecond // 1000


def _opened(path: Path) -> tuple[sqlite3.Connection, int]:
    """The file, made when it is not there, and how many events it holds."""
    try:
        # Made here and not by SQLite, so that nobody else can read it, not even for a moment.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise ReceiverError(f"{path} cannot be opened: {error.strerror}.") from None
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and application != APPLICATION_ID:
            raise ReceiverError(f"{path} is another program's file. Name a new one.")
        if tables and version != VERSION:
            raise ReceiverError(f"{path} was written by another version of lpnb (format {version}).")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if not tables:
            connection.executescript(
                f"BEGIN; {_SCHEMA} PRAGMA application_id = {APPLICATION_ID};"
                f"PRAGMA user_version = {VERSION}; COMMIT;"
            )
        elif (found := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise ReceiverError(f"{path} is damaged: {found}.")
        (kept,) = connection.execute("SELECT count(*) FROM events").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise ReceiverError(f"{path} is damaged or no file of a receiver: {error}.") from None
    except BaseException:
        connection.close()
        raise
    return connection, int(kept)


def _locked(path: Path) -> int | None:
    """Take the file for this process; the system lets go of it when the process ends, however it does."""
    try:
        import fcntl
    except ImportError:  # there is no such lock on Windows
        return None
    try:
        handle = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ReceiverError(f"{path} cannot be opened: {error.strerror}.") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise ReceiverError(f"{path} is in use by another receiver. Stop it, or name another file.") from None
    return handle


def _unlock(handle: int | None) -> None:
    if handle is not None:
        os.close(handle)
