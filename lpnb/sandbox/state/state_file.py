"""The state file: every event since the last reset, in SQLite.

Events are written by one thread, as many as wait in one transaction: a commit that reaches the
disk takes milliseconds, and this way they are shared.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

from lpnb.sandbox.state.event_ledger import Event
from lpnb.sandbox.state.own_file import check_own, open_own

# "lpns" in ASCII: tells our files from everybody else's.
_APPLICATION_ID = 0x6C706E73
_VERSION = 1
_SCHEMA = (
    "CREATE TABLE events (sequence INTEGER PRIMARY KEY, event TEXT NOT NULL)",
    "CREATE TABLE kept (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)


class StateFileError(Exception):
    """The state file cannot be used; the message says why."""


class StateFile:
    """One open state file. It belongs to this process until `close`.

    Raises:
        StateFileError: When the file is damaged, not ours, or in use.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self._connection = self._open()
        self._wake = threading.Condition()
        self._events: list[Event] = []
        self._values: dict[str, str] = {}
        self._batch: Future[None] | None = None
        self._closing = False
        self._failure: StateFileError | None = None
        self._writer = threading.Thread(target=self._write_all, name="lpnb-sandbox-state", daemon=True)
        self._writer.start()

    def read(self) -> Iterator[Event]:
        """Every event in the file, oldest first. To be read before anything is stored.

        Raises:
            StateFileError: At an event that cannot be read, or where one is missing.
        """
        previous = None
        for sequence, text in self._connection.execute(
            "SELECT sequence, event FROM events ORDER BY sequence"
        ):
            try:
                event = Event.from_json(text)
            except (ValueError, TypeError, RecursionError):
                raise StateFileError(f"{self.path} is damaged: event {sequence} cannot be read.") from None
            if event.sequence != sequence or (previous is not None and sequence != previous + 1):
                raise StateFileError(f"{self.path} is damaged: an event before {sequence} is missing.")
            previous = sequence
            yield event

    def get_value(self, name: str) -> str | None:
        """What `put_value` stored under this name, or None."""
        row = self._connection.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else None

    def store(self, events: Sequence[Event]) -> Future[None]:
        """Take events, in order; what is returned is done when they are on the disk."""
        with self._wake:
            self._events.extend(events)
            return self._next_batch()

    def put_value(self, name: str, value: str) -> Future[None]:
        """Store one value by name, in place of the earlier one."""
        with self._wake:
            self._values[name] = value
            return self._next_batch()

    def close(self) -> None:
        """Write what waits, and let go of the file; nothing happens when that is done."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._writer.join()
        self._connection.close()
        with contextlib.suppress(OSError):
            self._pid_file.unlink()

    @property
    def _pid_file(self) -> Path:
        return self.path.with_name(f"{self.path.name}.pid")

    def _next_batch(self) -> Future[None]:
        if self._batch is None:
            self._batch = Future()
            if self._failure is not None:
                self._batch.set_exception(self._failure)
        self._wake.notify()
        return self._batch

    def _write_all(self) -> None:
        """The writer thread's whole life."""
        while True:
            with self._wake:
                while self._batch is None and not self._closing:
                    self._wake.wait()
                events, values, batch = self._events, self._values, self._batch
                if batch is None or self._failure is not None:
                    return
                self._events, self._values, self._batch = [], {}, None
            try:
                self._write(events, values)
            except sqlite3.Error as error:
                failure = StateFileError(
                    f"The state file {self.path} can no longer be written ({error}). What was answered "
                    "before is in it; nothing more is."
                )
                with self._wake:
                    self._failure = failure
                    if self._batch is not None:
                        self._batch.set_exception(failure)
                batch.set_exception(failure)
                return
            batch.set_result(None)

    def _write(self, events: list[Event], values: dict[str, str]) -> None:
        # Nothing before a reset is ever needed again.
        start = next((event.sequence for event in reversed(events) if event.kind == "reset"), None)
        rows = [(event.sequence, event.to_json()) for event in events if not start or event.sequence >= start]
        with self._connection as connection:
            if start is not None:
                connection.execute("DELETE FROM events WHERE sequence < ?", (start,))
            connection.executemany("INSERT INTO events VALUES (?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", values.items())

    def _open(self) -> sqlite3.Connection:
        connection = None
        try:
            # Made here and not by SQLite, so that nobody else can read it from its first moment on.
            for end in ("", "-wal", "-shm", "-journal"):
                check_own(self.path.with_name(f"{self.path.name}{end}"))
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            # The writer thread is the only one to use it once it runs, and close() waits for that one's end.
            connection = sqlite3.connect(self.path, timeout=0, check_same_thread=False)
            self._prepare(connection)
            check_own(self.path)  # nobody has put a link in its place meanwhile
            with os.fdopen(open_own(self._pid_file, os.O_WRONLY), "w", encoding="ascii") as file:
                file.truncate()
                file.write(f"{os.getpid()}\n")
        except OSError as error:
            problem = f"{error.filename or self.path} cannot be opened: {error.strerror}."
        except sqlite3.OperationalError as error:
            problem = self._in_use() if "locked" in str(error) else f"{self.path} cannot be opened: {error}."
        except sqlite3.DatabaseError as error:
            problem = (
                f"{self.path} is not a state file of the sandbox: it is no SQLite file."
                if "not a database" in str(error)
                else f"{self.path} is damaged: {error}."
            )
        except StateFileError as error:
            problem = str(error)
        else:
            return connection
        if connection is not None:
            connection.close()
        raise StateFileError(problem) from None

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # A file from elsewhere must not run anything when it is read.
        connection.execute("PRAGMA trusted_schema = OFF")
        # The lock lasts as long as the connection and dies with the process, however that ends.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        schema = [row[0] for row in connection.execute("SELECT sql FROM sqlite_schema ORDER BY name")]
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        is_new = not schema and not application_id
        if not is_new:
            self._check(connection, schema, application_id, version)
        # Only now: a file that is not ours is left as it is.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # Beginning to write takes the lock now, and not at the first event.
        connection.execute("BEGIN IMMEDIATE")
        if is_new:
            for statement in _SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("COMMIT")

    def _check(
        self, connection: sqlite3.Connection, schema: list[str | None], application_id: int, version: int
    ) -> None:
        if application_id != _APPLICATION_ID:
            raise StateFileError(f"{self.path} is not a state file of the sandbox: it is another program's.")
        if version != _VERSION:
            raise StateFileError(f"{self.path} has format {version}; this sandbox reads format {_VERSION}.")
        if [sql for sql in schema if sql] != list(_SCHEMA):
            raise StateFileError(f"{self.path} is damaged: its tables are not the sandbox's.")
        (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if finding != "ok":
            raise StateFileError(f"{self.path} is damaged: {finding}.")

    def _in_use(self) -> str:
        try:
            owner = f"process {int(self._pid_file.read_text('ascii'))}"
        except (OSError, ValueError):
            owner = "another process"
        return f"{self.path} is in use by {owner}. Stop that sandbox first, or choose another file."
