"""One deadline of the same length for each of many concurrent calls, with a single timer.

``asyncio.timeout`` sets a timer for each call and takes it back; here whoever came first is due first, so one
timer serves them all.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

#: Loop time at which a call is due, and how often its task was asked to cancel before.
_Due = tuple[float, int]


class Deadlines:
    """Ends what takes longer than *seconds*: a block that each task may be in once, on one event loop.

    What ``asyncio.timeout`` does about cancelling, it does alike.

    Raises:
        TimeoutError: At the end of a block, when it took too long.

    Example:
        >>> async def hang() -> None:
        ...     with Deadlines(0.01):
        ...         await asyncio.Event().wait()
        >>> asyncio.run(hang())
        Traceback (most recent call last):
        TimeoutError
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._under_way: dict[asyncio.Task[object], _Due] = {}  # the oldest first
        self._late_tasks: dict[asyncio.Task[object], _Due] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - whoever awaits is one
        assert task not in self._under_way, "one deadline for a task at a time"  # noqa: S101
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.seconds
        self._under_way[task] = deadline, task.cancelling()
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._tick, loop)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - the one that came in
        is_late = self._under_way.pop(task, None) is None
        if self._closed:
            self._stop_timer()
        if is_late:
            _, cancelling = self._late_tasks.pop(task)
            if task.uncancel() <= cancelling and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def close(self) -> None:
        """Take the timer back, as soon as nothing is under way: whoever still connects has to end as well."""
        self._closed = True
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None and not self._under_way:
            self._timer.cancel()
            self._timer = None

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        while self._under_way:
            task, (deadline, _) = next(iter(self._under_way.items()))
            if deadline > loop.time():
                self._timer = loop.call_at(deadline, self._tick, loop)
                return
            self._end(task)

    def _end(self, task: asyncio.Task[object]) -> None:
        """The task took too long."""
        self._late_tasks[task] = self._under_way.pop(task)
        task.cancel()
