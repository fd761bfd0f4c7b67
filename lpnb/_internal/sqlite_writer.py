"""The one thread that writes to an SQLite file: it takes all that waits and commits it in one transaction.

A durable commit costs the disk's time, not the event loop's, and one commit serves as many items as came in
meanwhile. Nothing is held back to make a group larger.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

#: Items of one transaction at the most, unless more were put in together.
GROUP = 500

Item = TypeVar("Item")


class SqliteWriter(ABC, Generic[Item]):
    """Items in, durable transactions out. The thread and the connection live until ``close``."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._queue: queue.SimpleQueue[Sequence[Item] | None] = queue.SimpleQueue()
        self._closed = False
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @abstractmethod
    def apply(self, connection: sqlite3.Connection, items: Sequence[Item]) -> None:
        """Write *items*; called in the writer's thread, within a transaction."""

    @abstractmethod
    def on_commit(self, items: Sequence[Item]) -> None:
        """Tell those who wait that *items* are on the disk."""

    @abstractmethod
    def on_failure(self, items: Sequence[Item], error: Exception) -> None:
        """Tell those who wait that nothing of *items* was written."""

    def finish(self) -> None:
        """Called in the writer's thread before the connection is closed."""

    def close(self) -> None:
        """Write what waits, end the thread and close the connection. Doing so twice is harmless."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self.hand_over_rest()
                self._queue.put(None)
        self._thread.join()

    def hand_over_rest(self) -> None:
        """Put into the queue what was not yet; called once, when the writer is closed."""

    def write(self, items: Sequence[Item]) -> None:
        """Write *items* in one transaction, and tell those who wait."""
        try:
            self._transact(items)
        except Exception as error:  # also a value that SQLite has no room for: whoever waits must hear of it
            self.on_failure(items, error)
        else:
            self.on_commit(items)

    def _transact(self, items: Sequence[Item]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self.apply(self._connection, items)
            self._connection.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled it back already.
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            raise

    def _run(self) -> None:
        try:
            while (first := self._queue.get()) is not None:
                group, is_last = list(first), False
                while len(group) < GROUP and not is_last and not self._queue.empty():
                    more = self._queue.get()
                    group += more or ()
                    is_last = more is None
                self.write(group)
                if is_last:
                    break
            self.finish()
        finally:
            self._connection.close()
