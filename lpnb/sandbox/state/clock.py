"""The sandbox's clock: real time that can be moved, frozen and restored."""

import math
import time
from collections.abc import Callable, Sequence

from lpnb.sandbox.errors import ControlError

# The last second every part of the sandbox can write as a date: the end of the year 9999.
_LAST_SECOND = 253_402_300_799


class Clock:
    """Calling it gives the time in epoch seconds.

    Moving it lets tokens expire and conversations time out without waiting. Frozen, it stands
    still and only moves by `advance` and `set`.

    >>> clock = Clock(lambda: 1000.0)
    >>> clock.advance(60)
    >>> clock()
    1060.0
    """

    def __init__(self, base: Callable[[], float] = time.time) -> None:
        self._base = base
        # One value, so that a reader in another thread never sees half a move.
        self._place: tuple[float, float | None] = (0.0, None)

    def __call__(self) -> float:
        """The time, in epoch seconds."""
        offset, frozen_at = self._place
        return self._base() + offset if frozen_at is None else frozen_at

    @property
    def frozen(self) -> bool:
        """Whether it stands still."""
        return self._place[1] is not None

    @property
    def offset(self) -> float:
        """By how many seconds it is ahead of real time."""
        return self() - self._base()

    def advance(self, seconds: float) -> None:
        """Move it on by so many seconds, which may be a fraction but not negative."""
        _check_seconds(seconds, "seconds")
        self.set(self() + seconds)

    def set(self, now: float) -> None:
        """Let it be *now*, in epoch seconds; it runs on from there unless it is frozen."""
        _check_seconds(now, "now")
        if now > _LAST_SECOND:
            raise ControlError(f"The clock ends with the year 9999, at {_LAST_SECOND}; got {now:.0f}.")
        is_frozen = self.frozen
        self._place = (now - self._base(), now if is_frozen else None)

    def freeze(self) -> None:
        """Stop it where it is; nothing happens when it is stopped."""
        if not self.frozen:
            now = self()
            self._place = (now - self._base(), now)

    def run(self) -> None:
        """Let it run on from where it stands; nothing happens when it runs."""
        frozen_at = self._place[1]
        if frozen_at is not None:
            self._place = (frozen_at - self._base(), None)

    @property
    def place(self) -> tuple[float, float | None]:
        """Where it stands against real time, for `restore`."""
        return self._place

    def restore(self, place: Sequence[float | None]) -> None:
        """Stand where another clock stood."""
        offset, frozen_at = place
        self._place = (float(offset or 0.0), None if frozen_at is None else float(frozen_at))

    def reset(self) -> None:
        """Back to real time."""
        self._place = (0.0, None)


def _check_seconds(value: object, name: str) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < 0:  # type: ignore[arg-type,operator] # a number by then
        raise ControlError(f"{name} must be a number of seconds, 0 or more; got {value!r}.")
