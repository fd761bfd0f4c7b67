"""The receiver's SQLite file of webhook events.

It is its owner's alone and survives ``kill -9``. One thread writes; a reader opens the file for a moment, and
nothing is kept in memory beside what waits to be written.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from lpnb._internal.sqlite_file import SqliteFormat
from lpnb._internal.sqlite_writer import SqliteWriter
from lpnb.errors import ReceiverError
from lpnb.models.webhook_events import CHANGE, CHAT_STATE, MESSAGES, Event, assign, dialogs_of

T = TypeVar("T")
_WriterTask = tuple[Callable[[sqlite3.Connection], Any], Future[Any]]

#: "lpnw" in ASCII: tells our files from everybody else's.
APPLICATION_ID = 0x6C706E77
VERSION = 1

_SCHEMA = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
_FIELDS = (
    "key, conversation, kind, dialog, sequence, at, received, originator, role, audience, text, skill, "
    "state, stage, raw"
)
# A main dialog's id is the conversation's (documented).
_OF_CONVERSATION = "(conversation = ? OR (conversation = '' AND dialog = ?))"
_INSERT = f"INSERT OR IGNORE INTO events ({_FIELDS}) VALUES ({', '.join('?' * 15)})"  # noqa: S608


_FORMAT = SqliteFormat(
    application=APPLICATION_ID,
    version=VERSION,
    schema=_SCHEMA,
    error=ReceiverError,
    name="receiver's file",
    one_writer="Stop that receiver, or name another file.",
    empty="delete it, or name another file.",
    unfinished="was not made to its end. Delete it, or name another file.",
    if_damaged="Name another file, or take a copy of it from before.",
)


class EventStore:
    """One open file. It belongs to this process until ``close``.

    Args:
        path: Made, mode 0600, when it does not exist.
        most: How many events are stored; beyond that the oldest go.
        on_news: Called in the writer's thread with the conversations that something new was stored of.

    Raises:
        ReceiverError: The file is damaged, another program's, or in use.
    """

    def __init__(self, path: Path, most: int, on_news: Callable[[set[str]], None]) -> None:
        self.path = path.absolute()
        self._lock = _FORMAT.lock(self.path)
        try:
            connection = _FORMAT.open_or_create(self.path)
            self._writer = _StoreWriter(connection, self.path, most, on_news)
        except BaseException:
            self._lock.close()
            raise

    @property
    def forgotten(self) -> int:
        """How many of the oldest events are gone, to keep to the bound."""
        return self._writer.forgotten_count

    def keep(self, events: Sequence[Event]) -> Future[int]:
        """Store what is new of *events*; done when it is on the disk, with the number of new ones."""
        return self._writer.do(lambda connection: self._writer.insert(connection, events))

    def claim(
        self, conversation_id: str, choose: Callable[[list[Event]], Event | None]
    ) -> Future[Event | None]:
        """Hand out one message that was not handed out before: *choose* picks it."""

        def work(connection: sqlite3.Connection) -> Event | None:
            places = ", ".join("?" * len(MESSAGES))
            rows = connection.execute(
                f"SELECT {_FIELDS} FROM events "  # noqa: S608 - no value is in it
                f"WHERE {_OF_CONVERSATION} AND kind IN ({places}) AND handed = 0",
                (conversation_id, conversation_id, *MESSAGES),
            )
            message = choose([_event(row) for row in rows])
            if message is not None:
                connection.execute("UPDATE events SET handed = 1 WHERE key = ?", (message.key,))
            return message

        return self._writer.do(work)

    def give_back(self, event: Event) -> None:
        """Let a message that nobody took be handed out again, and tell those who wait for one."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE events SET handed = 0 WHERE key = ?", (event.key,))
            # Whoever looked in between found nothing, and would wait for ever.
            self._writer.news.add(event.conversation_id)

        self._writer.do(work)

    def events(
        self, conversation_id: str | None = None, *, raw: bool = True, latest: int | None = None
    ) -> list[Event]:
        """Everything, or everything of one conversation, or the *latest*, as it arrived.

        Without *raw*, in half the time.
        """
        where = "" if conversation_id is None else f"WHERE {_OF_CONVERSATION}"
        parameters: tuple[object, ...] = () if conversation_id is None else (conversation_id,) * 2
        query = f"SELECT {_FIELDS} FROM events {where} ORDER BY number"  # noqa: S608 - no value is in it
        if latest is not None:
            query, parameters = f"{query} DESC LIMIT ?", (*parameters, latest)
        with self._read_connection() as connection:
            events = [_event(row, raw) for row in connection.execute(query, parameters)]
        return events if latest is None else events[::-1]

    def states(self, conversation_id: str) -> list[tuple[str, int | None]]:
        """The skill of each state of a conversation that names one, and its time, the earliest first."""
        with self._read_connection() as connection:
            return list(
                connection.execute(
                    "SELECT skill, at FROM events WHERE conversation = ? AND kind = ? AND skill IS NOT NULL "
                    "ORDER BY at, number",
                    (conversation_id, CHANGE),
                )
            )

    def __len__(self) -> int:
        with self._read_connection() as connection:
            (count,) = connection.execute("SELECT count(*) FROM events").fetchone()
            return int(count)

    def close(self) -> None:
        """Write what waits, and let go of the file. Closing twice is harmless."""
        self._writer.close()
        self._lock.close()

    @contextlib.contextmanager
    def _read_connection(self) -> Iterator[sqlite3.Connection]:
        connection = _FORMAT.open(self.path, to_write=False, check=False)
        try:
            yield connection
        finally:
            connection.close()


class _StoreWriter(SqliteWriter[_WriterTask]):
    """Does pieces of work on the file, each with a future for its result."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, most: int, on_news: Callable[[set[str]], None]
    ) -> None:
        self._path = path
        self._most = most
        self._on_news = on_news
        (self._event_count,) = connection.execute("SELECT count(*) FROM events").fetchone()
        self.forgotten_count = 0
        self._before = (self._event_count, 0)
        self.news: set[str] = set()
        self._conversation_of_dialog: dict[str, str] | None = None
        self._has_unassigned: bool | None = None
        self._results: list[Any] = []
        super().__init__(connection, "lpnb-webhooks-disk")

    def do(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Have *work* done; its result is set when it is on the disk."""
        future: Future[T] = Future()
        with self._closing:  # what came after the end of the line would never be done
            if not self._closed:
                self._queue.put([(work, future)])
                return future
        future.set_exception(ReceiverError("The receiver is stopped."))
        return future

    def write(self, items: Sequence[_WriterTask]) -> None:
        """Do the work whose future was not cancelled before its turn came."""
        if pending := [item for item in items if item[1].set_running_or_notify_cancel()]:
            super().write(pending)

    def apply(self, connection: sqlite3.Connection, items: Sequence[_WriterTask]) -> None:
        """Do the work, and let the oldest events go that are too many."""
        self.news.clear()
        self._before = (self._event_count, self.forgotten_count)
        self._results = [work(connection) for work, _ in items]
        if (over := self._event_count - self._most) > 0:
            connection.execute(
                "DELETE FROM events WHERE number IN (SELECT number FROM events ORDER BY number LIMIT ?)",
                (over,),
            )
            self._event_count -= over
            self.forgotten_count += over

    def on_commit(self, items: Sequence[_WriterTask]) -> None:
        """Hand out the results, and say which conversations have news."""
        for (_, future), result in zip(items, self._results, strict=True):
            future.set_result(result)
        if self.news:
            self._on_news(set(self.news))

    def on_failure(self, items: Sequence[_WriterTask], error: Exception) -> None:
        """Take back what was counted, and fail the futures."""
        self._event_count, self.forgotten_count = self._before
        self._conversation_of_dialog = self._has_unassigned = None
        for _, future in items:
            future.set_exception(ReceiverError(f"{self._path} cannot be written: {error}."))

    def insert(self, connection: sqlite3.Connection, events: Sequence[Event]) -> int:
        """Store what is new of *events*; return how many are."""
        new_count = 0
        for event in self._with_conversations(connection, events):
            if event.kind == CHAT_STATE and event.sequence is None:
                # It has nothing to tell a repeat by, so the latest takes the place of the one before.
                row_count = connection.execute("DELETE FROM events WHERE key = ?", (event.key,)).rowcount
                self._event_count -= row_count
            if connection.execute(_INSERT, _row(event)).rowcount:
                new_count += 1
                self._event_count += 1
                self.news.add(event.conversation_id or event.dialog_id or "")
        return new_count

    def _with_conversations(self, connection: sqlite3.Connection, events: Sequence[Event]) -> list[Event]:
        """The events, each with its conversation where that can be known.

        A change may name its dialog alone. A main dialog's id is the conversation's; another dialog is looked
        up in what was received. What cannot be told yet is assigned when a later event tells it.
        """
        complete_events = []
        for event in events:
            if event.conversation_id:
                self._learn_dialogs(connection, event)
            conversation_of_dialog = (
                self._dialogs(connection) if event.dialog_id and not event.conversation_id else {}
            )
            conversation_id = conversation_of_dialog.get(event.dialog_id or "")
            if conversation_id is None:
                self._has_unassigned = self._has_unassigned or not event.conversation_id
                complete_events.append(event)
            else:
                complete_events.append(assign(event, conversation_id))
        return complete_events

    def _dialogs(self, connection: sqlite3.Connection) -> dict[str, str]:
        """The conversation of each dialog that was received; read from the file when it is first needed."""
        if self._conversation_of_dialog is None or len(self._conversation_of_dialog) > 4 * self._most:
            self._conversation_of_dialog = {}
            rows = connection.execute(f"SELECT {_FIELDS} FROM events WHERE conversation != ''")  # noqa: S608
            for row in rows:
                event = _event(row)
                for dialog in (event.conversation_id, *dialogs_of(event)):
                    self._conversation_of_dialog[dialog] = event.conversation_id
        return self._conversation_of_dialog

    def _learn_dialogs(self, connection: sqlite3.Connection, event: Event) -> None:
        """Remember the dialogs of an event's conversation, and assign what came of them before."""
        if self._conversation_of_dialog is None:
            if self._has_unassigned is None:
                query = "SELECT EXISTS (SELECT 1 FROM events WHERE conversation = '')"
                self._has_unassigned = bool(connection.execute(query).fetchone()[0])
            if not self._has_unassigned:
                return
        conversation_of_dialog = self._dialogs(connection)
        for dialog in (event.conversation_id, *dialogs_of(event)):
            if conversation_of_dialog.get(dialog) != event.conversation_id:
                conversation_of_dialog[dialog] = event.conversation_id
                self._assign_earlier(connection, dialog, event.conversation_id)

    def _assign_earlier(self, connection: sqlite3.Connection, dialog: str, conversation_id: str) -> None:
        rows = connection.execute(
            f"SELECT {_FIELDS} FROM events WHERE conversation = '' AND dialog = ?",  # noqa: S608
            (dialog,),
        ).fetchall()
        for row in rows:
            old_event = _event(row)
            new_event = assign(old_event, conversation_id)
            # The same may have come with its conversation's id as well.
            if connection.execute("SELECT 1 FROM events WHERE key = ?", (new_event.key,)).fetchone():
                connection.execute("DELETE FROM events WHERE key = ?", (old_event.key,))
                self._event_count -= 1
            else:
                connection.execute(
                    "UPDATE events SET conversation = ?, key = ? WHERE key = ?",
                    (conversation_id, new_event.key, old_event.key),
                )
                self.news.add(conversation_id)


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


def _event(row: tuple[Any, ...], with_raw: bool = True) -> Event:
    (
        key,
        conversation,
        kind,
        dialog,
        sequence,
        at,
        received_at,
        originator,
        role,
        audience,
        text,
        *last_columns,
    ) = row
    skill, state, stage, raw = last_columns
    return Event(
        kind=kind,
        conversation_id=conversation,
        received_at=moment(received_at) or datetime.now(UTC),
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
        raw=json.loads(raw) if with_raw else {},
        key=key,
    )


def moment(milliseconds: int | None) -> datetime | None:
    """Epoch milliseconds as a moment."""
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds // 1000, UTC).replace(microsecond=milliseconds % 1000 * 1000)


def _milliseconds(value: datetime | None) -> int | None:
    return None if value is None else int(value.timestamp()) * 1000 + value.microsecond // 1000
