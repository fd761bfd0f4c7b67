"""A pipe between those who send cases and those who follow them up."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class ClosableQueue(Generic[T]):
    """What is put in comes out in order. Closing wakes everybody: what is in still comes out."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._takers: deque[asyncio.Future[None]] = deque()
        self.closed = False

    def put(self, item: T) -> None:
        """Put *item* in, unless the pipe is closed."""
        if not self.closed:
            self._items.append(item)
            self._wake()

    async def take(self) -> T | None:
        """The next item, or None when the pipe is closed and empty."""
        while not self._items:
            if self.closed:
                return None
            waiter = asyncio.get_running_loop().create_future()
            self._takers.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()  # its turn goes to the next one
                raise
        return self._items.popleft()

    def close(self, *, drop: bool = False) -> None:
        """Close the pipe; with *drop*, take out what is in it."""
        self.closed = True
        if drop:
            self._items.clear()
        while self._takers:
            self._wake()

    def _wake(self) -> None:
        while self._takers:
            waiter = self._takers.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
