"""How many requests are under way at once, and how many more are written down ahead of them.

A request is written down before it leaves. Were that done in its slot, the slot would stand empty meanwhile;
were all written far ahead, a crash would leave many that never left, and that have to be looked up. So only
as many are ahead as the disk's share of the time calls for: with a slow service one, with a quick one many.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque

#: How much the latest time counts in the average.
_WEIGHT = 0.1


class ConcurrencyLimiter:
    """*count* slots. ``write``, then ``take`` or ``back_out``, then ``give_back``.

    Example:
        >>> limiter = ConcurrencyLimiter(64)
        >>> limiter.ahead_at_most
        1
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.under_way = 0
        self.ahead = 0
        self._write_seconds = 0.0
        self._answer_seconds = 0.0
        self._writers: deque[asyncio.Future[None]] = deque()
        self._takers: deque[asyncio.Future[None]] = deque()
        self._open = False

    @property
    def ahead_at_most(self) -> int:
        """How many may be ahead when every slot is taken."""
        if self._answer_seconds <= 0:
            return 1
        return max(1, min(self.count, math.ceil(self.count * self._write_seconds / self._answer_seconds)))

    async def write(self) -> None:
        """Return when one more may be written down."""
        if not self._writers and self._may_write():
            self.ahead += 1
            return
        await self._wait(self._writers)  # whoever wakes us has counted us

    async def take(self, seconds: float) -> None:
        """Return when a slot is free for one that was written down in so many seconds."""
        self._write_seconds += (seconds - self._write_seconds) * (_WEIGHT if self._write_seconds else 1.0)
        if self.under_way < self.count and not self._takers:
            self.ahead -= 1
            self.under_way += 1
        else:
            await self._wait(self._takers)
        self._admit()

    def back_out(self) -> None:
        """One that was to be written will not take a slot."""
        self.ahead -= 1
        self._admit()

    def give_back(self, seconds: float | None = None) -> None:
        """A slot is free again, after an answer that took so many seconds, or without one."""
        if seconds is not None:
            self._answer_seconds += (seconds - self._answer_seconds) * (
                _WEIGHT if self._answer_seconds else 1.0
            )
        self.under_way -= 1
        self._admit()

    def widen(self, count: int) -> None:
        """Have *count* slots from now on, if there were fewer."""
        self.count = max(self.count, count)
        self._admit()

    def open(self) -> None:
        """Let everybody through: nothing leaves any more, and they are to see it."""
        self._open = True
        self._admit()

    def _may_write(self) -> bool:
        ahead = self.ahead - (self.count - self.under_way)
        return ahead < 1 or self._open or ahead < self.ahead_at_most

    def _admit(self) -> None:
        while self._takers and (self._open or self.under_way < self.count):
            if self._wake(self._takers):
                self.ahead -= 1
                self.under_way += 1
        while self._writers and self._may_write():
            if self._wake(self._writers):
                self.ahead += 1

    @staticmethod
    def _wake(line: deque[asyncio.Future[None]]) -> bool:
        waiter = line.popleft()
        if waiter.done():
            return False
        waiter.set_result(None)
        return True

    async def _wait(self, line: deque[asyncio.Future[None]]) -> None:
        if self._open:
            if line is self._takers:
                self.ahead -= 1
                self.under_way += 1
            else:
                self.ahead += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        line.append(waiter)
        await waiter
