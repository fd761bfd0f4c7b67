"""One deadline of the same length for each of many concurrent calls, with a single timer.

``asyncio.timeout`` sets a timer for each call and takes it back; here whoever came first is due first, so one
timer serves them all.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class Deadlines:
    """Ends what takes longer than *seconds*. Use it on one event loop only.

    Example:
        >>> async def hang() -> None:
        ...     with Deadlines(0.01).one():
        ...         await asyncio.Event().wait()
        >>> asyncio.run(hang())
        Traceback (most recent call last):
        TimeoutError
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._under_way: dict[_Deadline, None] = {}  # the oldest first
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def one(self) -> _Deadline:
        """A block that ends after so many seconds at the latest.

        Raises:
            TimeoutError: At the end of the block, when it took too long.
        """
        return _Deadline(self)

    def close(self) -> None:
        """Take the timer back, as soon as nothing is under way: whoever still connects has to end as well."""
        self._closed = True
        self._rest()

    def _rest(self) -> None:
        if self._timer is not None and not self._under_way:
            self._timer.cancel()
            self._timer = None

    def _begin(self, deadline: _Deadline, loop: asyncio.AbstractEventLoop) -> None:
        self._under_way[deadline] = None
        if self._timer is None:
            self._timer = loop.call_at(deadline.due, self._tick, loop)

    def _end(self, deadline: _Deadline) -> None:
        self._under_way.pop(deadline, None)
        if self._closed:
            self._rest()

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        while self._under_way:
            deadline = next(iter(self._under_way))
            if deadline.due > loop.time():
                self._timer = loop.call_at(deadline.due, self._tick, loop)
                return
            del self._under_way[deadline]
            deadline.pass_()


class _Deadline:
    """One block. What ``asyncio.timeout`` does about cancelling, it does alike."""

    __slots__ = ("_all", "_cancelling", "_passed", "_task", "due")

    def __init__(self, all_: Deadlines) -> None:
        self._all = all_
        self._passed = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - whoever awaits is one
        loop = asyncio.get_running_loop()
        self._task, self._cancelling = task, task.cancelling()
        self.due = loop.time() + self._all.seconds
        self._all._begin(self, loop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._all._end(self)
        if self._passed and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def pass_(self) -> None:
        """It took too long."""
        self._passed = True
        self._task.cancel()
