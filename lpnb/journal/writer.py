"""The journal's writer: rows that are waited for on an event loop, many in one commit."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain
from pathlib import Path

from lpnb._internal.sqlite_writer import SqliteWriter
from lpnb.errors import JournalError
from lpnb.journal.schema import MUST_NOT_BE_LOST

#: Rows of one statement at the most: SQLite before 3.32 takes no more than 999 values.
MAX_ROWS = 64


class WriteCallback:
    """Who is called on *loop* once a row is on the disk, or failed: with *args* and the failure or None.

    What a future costs more than that is felt where there is one for every case.
    """

    __slots__ = ("_args", "_call", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, call: Callable[..., None], *args: object) -> None:
        self._loop = loop
        self._call = call
        self._args = args

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it is called on."""
        return self._loop

    def done(self) -> bool:
        """Whether nobody waits any more: never."""
        return False

    def set_result(self, _: None) -> None:
        """The row is on the disk."""
        self._call(*self._args, None)

    def set_exception(self, failure: JournalError) -> None:
        """It is not."""
        self._call(*self._args, failure)


LoopWaiter = asyncio.Future[None] | WriteCallback
_LOOP_WAITERS = (asyncio.Future, WriteCallback)
Waiter = LoopWaiter | concurrent.futures.Future[None] | None
_Item = tuple[str, Sequence[object], Waiter]


class Writer(SqliteWriter[_Item]):
    """Rows in, durable rows out. Use ``put`` from any thread.

    Rows of one round of an event loop are handed over together: one by one they would wake the thread for the
    first of them, and a commit would hold few.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._path = path
        self._items: list[_Item] = []
        self._loop: asyncio.AbstractEventLoop | None = None  # which is to hand them over
        self._unwritten: list[_Item] = []
        super().__init__(connection, "lpnb-journal")

    @property
    def unwritten(self) -> int:
        """How many answers are in memory only, because the disk did not take them."""
        return len(self._unwritten)

    def put(self, statement: str, row: Sequence[object], waiter: Waiter = None) -> None:
        """Write *row*; *waiter* is done when it is on the disk, or failed with a JournalError.

        One that belongs to an event loop is given from that loop's own thread.
        """
        with self._closing:  # behind the end nothing would be read, and its waiter would wait for ever
            if self._closed:
                raise JournalError(f"{self._path} is closed.")
            self._items.append((statement, row, waiter))
            if isinstance(waiter, _LOOP_WAITERS):
                loop = waiter.get_loop()
                if loop is not self._loop:
                    self._loop = loop
                    loop.call_soon(self._hand_over)
                return
        self._hand_over()

    def flush(self) -> None:
        """Return when everything so far is on the disk.

        Raises:
            JournalError: The disk does not take it.
        """
        waiter: concurrent.futures.Future[None] = concurrent.futures.Future()
        self.put("", (), waiter)
        waiter.result()

    def apply(self, connection: sqlite3.Connection, items: Sequence[_Item]) -> None:
        """Write the rows, those included that the disk did not take before."""
        rows: dict[str, list[Sequence[object]]] = {}
        for statement, row, _ in chain(self._unwritten, items):
            if statement:
                rows.setdefault(statement, []).append(row)
        for statement, statement_rows in rows.items():
            for long_statement, values in _multi_row_statements(statement, statement_rows):
                connection.execute(long_statement, values)

    def on_commit(self, items: Sequence[_Item]) -> None:
        """Tell those who wait."""
        self._unwritten = []
        _notify(items, None)

    def on_failure(self, items: Sequence[_Item], error: Exception) -> None:
        """Tell those who wait, and keep what must not be lost for the next transaction."""
        self._unwritten += [
            (statement, row, None) for statement, row, _ in items if statement in MUST_NOT_BE_LOST
        ]
        _notify(items, _failure(self._path, error))

    def finish(self) -> None:
        """Try once more to write what the disk did not take."""
        if self._unwritten:
            self.write([])

    def hand_over_rest(self) -> None:
        """Put what is gathered into the queue."""
        self._queue.put(self._items)
        self._items = []

    def _hand_over(self) -> None:
        with self._closing:
            self._loop = None
            if self._items:
                items, self._items = self._items, []
                self._queue.put(items)


def _multi_row_statements(statement: str, rows: list[Sequence[object]]) -> Iterator[tuple[str, list[object]]]:
    """One statement for many rows, in blocks of 64, 32, 16 ... of them.

    SQLite lets go of the interpreter at every statement, and a busy event loop gives it back when it likes:
    row by row, a group would wait once for each row in it.
    """
    size, start = (MAX_ROWS if " VALUES " in statement else 1), 0
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield _with_rows(statement, size), list(chain.from_iterable(rows[start : start + size]))
        start += size


@cache
def _with_rows(statement: str, size: int) -> str:
    """*statement* for so many rows; there are seven sizes."""
    head, values, row = statement.partition(" VALUES ")
    return f"{head}{values}{', '.join([row] * size)}" if size > 1 else statement


def _failure(path: Path, error: Exception) -> JournalError:
    return JournalError(
        f"{path} could not be written ({error}), so nothing more was sent. Make room on the disk; "
        "what had been answered is kept in memory until then."
    )


def _notify(group: Sequence[_Item], failure: JournalError | None) -> None:
    waiters: dict[asyncio.AbstractEventLoop, list[LoopWaiter]] = {}
    for _, _, waiter in group:
        if isinstance(waiter, _LOOP_WAITERS):
            waiters.setdefault(waiter.get_loop(), []).append(waiter)
        elif waiter is not None:
            _complete([waiter], failure)
    for loop, futures in waiters.items():
        try:
            loop.call_soon_threadsafe(_complete, futures, failure)
        except RuntimeError:  # the loop has ended, and with it whoever waited
            continue


def _complete(
    futures: Sequence[LoopWaiter | concurrent.futures.Future[None]], failure: JournalError | None
) -> None:
    fault: Exception | None = None
    for future in futures:
        if future.done():
            continue
        try:
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(JournalError(*failure.args))
        except Exception as error:  # of one who is called: the others are told all the same
            fault = error
    if fault is not None:
        raise fault
