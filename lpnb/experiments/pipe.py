"""A short pipe between those who prepare cases and those who send them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Pipe(Generic[T]):
    """Holds at most *limit* items. Closing wakes everybody: nothing more goes in, what is in comes out."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[T] = deque()
        self._takers: deque[asyncio.Future[None]] = deque()
        self._givers: deque[asyncio.Future[None]] = deque()
        self.closed = False

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be taken."""
        return not self._items

    async def put(self, item: T) -> bool:
        """Put *item* in when there is room; False when the pipe was closed before that."""
        while len(self._items) >= self._limit and not self.closed:
            await self._wait(self._givers)
        if self.closed:
            return False
        self._items.append(item)
        self._wake(self._takers)
        return True

    async def take(self) -> T | None:
        """The next item, or None when the pipe is closed and empty."""
        while not self._items:
            if self.closed:
                return None
            await self._wait(self._takers)
        item = self._items.popleft()
        self._wake(self._givers)
        return item

    def close(self, *, drop: bool = False) -> list[T]:
        """Close the pipe; with *drop*, take out what is in it and return that."""
        self.closed = True
        dropped = list(self._items) if drop else []
        if drop:
            self._items.clear()
        for waiting in (self._takers, self._givers):
            while waiting:
                self._wake(waiting)
        return dropped

    @staticmethod
    async def _wait(line: deque[asyncio.Future[None]]) -> None:
        waiter = asyncio.get_running_loop().create_future()
        line.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                Pipe._wake(line)  # its turn goes to the next one
            raise

    @staticmethod
    def _wake(line: deque[asyncio.Future[None]]) -> None:
        while line:
            waiter = line.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
