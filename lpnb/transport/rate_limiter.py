"""The rate limiter of an account: evenly spaced slots, with a rate learned from its 429s.

LivePerson publishes no limit, so the first 429 tells that there is one. From then on all attempts of a client
queue here, first come first served, and leave evenly spaced: a burst that a limit refuses has to be sent
again, and evenly spaced calls are never a burst. The rate falls to what the service was seen to take, and
creeps up again to find out whether it takes more. Whether and when a refused request is sent again is not
decided here.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable

#: Slots that are made up for when the machine was late; more would be a burst.
LATE = 3.0
#: Calls a second at which pacing begins at the least, and below which a 429 does not push it.
SLOWEST_START = 2.0
SLOWEST = 0.2
#: A learned rate this high is no limit any more.
FASTEST = 5_000.0
#: A cut keeps at least this part of the rate, and at most that.
CUT = 0.7
EASE = 0.97
#: Seconds in which the rate climbs from where a cut left it back to where it was refused.
CLIMB = 5.0


class AdaptiveRateLimiter:
    """Slots for the attempts of one account. Use it on one event loop only.

    While no rate is given and no 429 has come, it costs nothing: every attempt leaves at once.

    Attributes:
        max_rate: The rate that was asked for, or None; ``rate`` never exceeds it.
        learned: Whether ``rate`` comes from 429s.

    Args:
        rate: Calls a second at the most, or None for as many as the service takes.
        clock: Seconds that only grow.
        scale: What the time between slots is multiplied by; 0 makes tests instant.

    Raises:
        ValueError: *rate* is not a number above 0.

    Example:
        >>> pace = AdaptiveRateLimiter(25)
        >>> pace.rate, pace.learned
        (25.0, False)
        >>> AdaptiveRateLimiter(-1)
        Traceback (most recent call last):
        ValueError: rate must be a number of calls a second above 0, or None; got -1
    """

    def __init__(
        self,
        rate: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        scale: float = 1.0,
    ) -> None:
        self._clock = clock
        self._scale = scale
        self._queue: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0
        self._seen = _ThroughputWindow(clock)
        self.rate = rate

    @property
    def rate(self) -> float | None:
        """Calls a second at present; None when nothing limits them. Setting it forgets what was learned."""
        return self._rate

    @rate.setter
    def rate(self, rate: float | None) -> None:
        if rate is not None and (
            isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < math.inf
        ):
            raise ValueError(f"rate must be a number of calls a second above 0, or None; got {rate!r}")
        self.max_rate = self._rate = None if rate is None else float(rate)
        self.learned = False
        self._binding = False
        self._searching = False
        self._low = self._high = 0.0
        self._age = 0.0
        self._climb = CLIMB
        self._cut_at, self._taken = -math.inf, 0
        self.release()

    async def acquire(self) -> None:
        """Return when the next slot is ours. Cancelling gives the place in the queue up."""
        if self._rate is None or not self._scale:
            return
        now = self._clock()
        if not self._queue and now >= self._next:
            # Who comes later than the slots that could be made up for is not held back by the pace.
            self._binding = self._binding and now - self._next <= self._late
            self._take(now)
            return
        self._binding = True
        waiting = asyncio.get_running_loop().create_future()
        self._queue.append(waiting)
        self._arm()
        await waiting

    def hold_until(self, until: float) -> None:
        """Give out no slot before the clock shows *until*; those who queue are sent to see for themselves."""
        self._next = max(self._next, until)
        self._cut_at = max(self._cut_at, until)
        self.release()

    def release(self) -> None:
        """Let everybody who queues go and look again, such as after a stop. May be called from any thread."""
        while self._queue:
            waiting = self._queue.popleft()
            waiting.get_loop().call_soon_threadsafe(_wake, waiting)

    def record_accepted(self) -> None:
        """Note that an attempt was answered with something else than 429."""
        self._seen.add(self._width)
        self._taken += 1
        if not self.learned or not self._binding or self._rate is None:
            return  # a rate that nobody waits for is not tried out
        if self._searching:
            self._rate += math.log(2)  # doubles in a second
        else:
            # Second by second, but a slow rate climbs with its calls: each try may cost one.
            self._age += min(1 / self._rate, 0.03)
            self._rate = self._low + (self._high - self._low) * self._age / self._climb
            self._searching = self._age > 2 * self._climb  # far above where it was refused: a new limit
        if self.max_rate is not None:
            self._rate = min(self._rate, self.max_rate)
        elif self._rate > FASTEST:
            self._rate, self.learned = None, False
            self.release()

    def record_refused(self, seconds_ago: float, has_retry_after: bool = False) -> bool:
        """Slow down because of a 429, and return whether this is the first one that told of a limit.

        Args:
            seconds_ago: Seconds since that attempt left. One that left before the last cut says nothing new.
            has_retry_after: Whether a Retry-After came with it. It stops everybody, so the limit is tried
                less often.
        """
        now = self._clock()
        if self._rate is not None and now - seconds_ago <= self._cut_at:
            return False
        delivered = self._seen.rate(self._width)
        first = self._rate is None
        if self._rate is None:
            # A limit's burst is often what it takes in a second; if it is less, the search finds out.
            self._rate = max(delivered, SLOWEST_START)
            self._next = max(self._next, now)
            self._searching = True
        else:
            # Refused again right after a cut: what was delivered until then tells too little.
            since = now - self._cut_at
            quick = since < self._width and not self._searching
            if since > 2 * self._width and not self._searching:
                # From one refusal to the next is what the limit let through, whatever its burst.
                delivered = min(delivered, self._taken / since)
            least = CUT * self._rate
            self._low = max(least if quick else min(EASE * self._rate, max(EASE * delivered, least)), SLOWEST)
            self._high = max(self._rate, self._low)
            self._rate = self._low
            self._searching = False
        self._age = 0.0
        self._climb = CLIMB * 3 if has_retry_after else CLIMB
        self._cut_at, self._taken = now, 0
        self.learned = True
        return first

    @property
    def _gap(self) -> float:
        """Seconds between two slots."""
        return self._scale / self._rate if self._rate else 0.0

    @property
    def _late(self) -> float:
        """Seconds that are made up for: some slots, at least what timers are late by, never a pause."""
        return min(max(LATE * self._gap, 0.02), 0.25)

    @property
    def _width(self) -> float:
        """Seconds over which the delivered rate is looked at: ten calls, and at least one second."""
        return max(1.0, 10 / self._rate) if self._rate else 1.0

    def _take(self, now: float) -> None:
        self._next = max(self._next, now - self._late) + self._gap

    def _arm(self) -> None:
        if self._timer is None and self._queue:
            delay = max(0.0, self._next - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        while self._queue and (now := self._clock()) >= self._next:
            waiting = self._queue.popleft()
            if not waiting.done():  # otherwise it was cancelled, and the slot goes to the next
                self._take(now)
                waiting.set_result(None)
        self._arm()


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class _ThroughputWindow:
    """How many attempts the service took lately, counted in two windows."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = clock()
        self._before = self._now = 0

    def add(self, width: float) -> None:
        self._turn(width)
        self._now += 1

    def rate(self, width: float) -> float:
        """Attempts a second over the last *width* seconds."""
        self._turn(width)
        share = min((self._clock() - self._since) / width, 1.0)
        return (self._before * (1 - share) + self._now) / width

    def _turn(self, width: float) -> None:
        elapsed = self._clock() - self._since
        if elapsed >= width:
            self._before = self._now if elapsed < 2 * width else 0
            self._now = 0
            self._since += width if elapsed < 2 * width else elapsed
