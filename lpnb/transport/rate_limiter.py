"""The rate limiter of an account: evenly spaced slots, with a rate learned from its 429s.

LivePerson publishes no limit, so the first 429 tells that there is one. From then on all attempts of a client
queue here, first come first served, and leave evenly spaced: a burst that a limit refuses has to be sent
again, and evenly spaced calls are never a burst. The rate falls to what the service was seen to take, climbs
as in CUBIC (slowly near what the service took, then ever quicker), and is left alone where refusals do not
follow it. Whether and when a refused request is sent again is not decided here.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable

from lpnb.transport.refusal_statistics import FEWEST, BackgroundShare, RateDependenceTest

#: Slots that are made up for when the machine was late; more would be a burst.
LATE = 3.0
#: Calls a second at which pacing begins at the least, and at which a service is called that takes nothing.
SLOWEST_START = 5.0
#: Calls a second below which no 429 pushes the rate.
SLOWEST = 0.2
#: A learned rate this high is no limit any more.
FASTEST = 5_000.0
#: What a cut leaves of what was accepted a second, and of the rate where that says too much.
EASE, CUT = 0.97, 0.7
#: Seconds in which the rate climbs from there to what was accepted, and how many more for each second of a
#: Retry-After, which stops everybody; and how many times as high it is after twice that time, less one.
CLIMB, CLIMB_PER_RETRY_AFTER, STEEPNESS = 3.0, 10.0, 2.0
#: Seconds of climbing for each call at the most: each try may cost one, so a slow rate tries more seldom.
CLIMB_PER_CALL = 0.05
#: How many times as high the rate is after a second of looking for a limit, and of looking in vain.
SEARCH, FREE_SEARCH = 2.0, 4.0
#: Shares of calls that are refused whatever the rate: below, they are none; above, a higher rate is no use.
NO_BACKGROUND, MOST_BACKGROUND = 0.01, 0.9


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
        self._throughput = _ThroughputWindow(clock)
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
        self._retry_after = 0.0
        #: The rate before refusals began to be looked into; None for as fast as possible.
        self._top: float | None = None
        self._test: RateDependenceTest | None = None
        self._background: BackgroundShare | None = None
        #: Calls of the second of the first 429, accepted and refused; None after an answer to a later one.
        self._burst: list[float] | None = None
        self._cut_at = -math.inf
        self._count(self._clock())
        self.release()

    async def acquire(self) -> None:
        """Return when the next slot is ours. Cancelling gives the place in the queue up."""
        if self._rate is None or not self._scale:
            return
        now = self._clock()
        if not self._queue and now >= self._next:
            # Who comes later than the slots that could be made up for is not held back by the pace.
            self._binding = self._binding and now - self._next <= self._late_seconds
            if now - self._next > self._width:  # nobody sent anything, which says nothing of the service
                self._count_start += now - self._next
            self._take(now)
            return
        self._binding = True
        waiting = asyncio.get_running_loop().create_future()
        self._queue.append(waiting)
        self._arm()
        await waiting

    def hold_until(self, until: float) -> None:
        """Give out no slot before the clock shows *until*; those who queue are sent to see for themselves."""
        self._count_start += max(0.0, until - max(self._clock(), self._cut_at))
        self._next = max(self._next, until)
        self._cut_at = max(self._cut_at, until)
        self.release()

    def release(self) -> None:
        """Let everybody who queues go and look again, such as after a stop. May be called from any thread."""
        while self._queue:
            waiting = self._queue.popleft()
            waiting.get_loop().call_soon_threadsafe(_wake, waiting)

    def record_accepted(self, seconds_ago: float = 0.0) -> None:
        """Note that an attempt that left so many seconds ago was answered with something else than 429."""
        self._throughput.add(self._width)
        if self._rate is None and self._background is None:
            return
        if self._clock() - seconds_ago <= self._cut_at:
            if self._burst is not None and self._rate is not None:
                # What a limit takes at once is often what it takes in a second; else the search finds out.
                self._burst[0] += 1
                self._rate = self._low = self._cap(self._burst[0])
            return
        self._end_burst()
        self._accepted_count += 1
        if self._background is not None:
            self._background.add(False, self._rate if self._binding else None)
            if self._background.share < NO_BACKGROUND:
                self._background = None
        elif self._test is not None and self._test.add(False, self._rate or math.inf) == "ours":
            self._test = None
        self._grow()

    def record_refused(self, seconds_ago: float, retry_after: float = 0.0) -> bool:
        """Slow down because of a 429, and return whether this is the first one that told of a limit.

        Args:
            seconds_ago: Seconds since that attempt left. One that left before the last cut says nothing new.
            retry_after: Seconds that the service asks to stay away, if it does.
        """
        now = self._clock()
        sent_at = now - seconds_ago
        if self._rate is None and self._background is None:
            self._begin(now, 1)
            self._retry_after = retry_after
            return True
        if sent_at <= self._cut_at:
            if self._burst is not None:
                self._burst[1] += 1
            return False
        self._end_burst()
        self._refused_count += 1
        if self._background is not None:
            if not self._background.add(True, self._rate if self._binding else None):
                return False
            refused_count, share = (
                self._background.refused_count,
                self._background.refused_count / self._background.answers,
            )
            self._background = self._test = None
            if self._rate is None:
                self._begin(now, refused_count)
                return True
            self._cut(sent_at, share, retry_after, has_changed=True)
            return False
        share = self._refused_count / (self._accepted_count + self._refused_count)
        verdict = None
        if self._test is not None and self._rate is not None:
            verdict = self._test.add(True, self._rate)
            if verdict == "not ours":
                self._ignore(max(share, self._test.share))
                return False
            if verdict is None and self._rate <= self._test.limit:
                return False  # whether it is our rate's fault, the test will tell
        if self._accepted_count + self._refused_count < FEWEST or self._rate is None:
            return False  # too little is known since the last cut
        if self._accepted_count:
            self._cut(sent_at, share, retry_after, has_changed=verdict == "changed")
        else:
            # Nothing is taken, so there is no rate to learn from: it is called slowly until it recovers.
            self._rate = min(self._rate, SLOWEST_START)
            self._ignore(1.0)
        return False

    @property
    def follows_refusals(self) -> bool:
        """Whether a refusal concerns every caller: they follow our rate, or nearly everything is refused."""
        return self._background is None or self._background.share > MOST_BACKGROUND

    def _cap(self, rate: float) -> float:
        return rate if self.max_rate is None else min(rate, self.max_rate)

    def _count(self, since: float) -> None:
        self._count_start = since
        self._accepted_count = self._refused_count = 0

    def _begin(self, now: float, refused_count: int) -> None:
        """Have a rate from now on: what was accepted in the last second."""
        self._burst = [self._throughput.rate(1.0), refused_count]
        self._rate = self._low = self._cap(self._burst[0] or SLOWEST_START)
        self._next = max(self._next, now)
        self._top, self._test, self._searching, self.learned = None, None, True, True
        self._cut_at = now
        self._count(now)

    def _end_burst(self) -> None:
        if self._burst is not None:
            accepted_count, refused_count = self._burst
            self._test, self._burst = (
                RateDependenceTest(refused_count / (accepted_count + refused_count), accepted_count),
                None,
            )

    def _ignore(self, share: float) -> None:
        """Take refusals as the service's own affair, and call it as before."""
        tested_at = None
        if share <= MOST_BACKGROUND:
            tested_at = self._rate
            self._rate, self.learned = self._top, self._top is not None and self._top != self.max_rate
        self._background, self._test = BackgroundShare(share, tested_at), None
        self._searching = True
        self._cut_at = self._clock()
        self._count(self._cut_at)
        if self._rate is None:
            self.release()

    def _cut(self, sent_at: float, share: float, retry_after: float, has_changed: bool) -> None:
        """Go to what was accepted a second, and see whether that ends the refusals."""
        assert self._rate is not None  # noqa: S101
        now = self._clock()
        # From one refusal to the next is what the limit let through, if a burst was saved up and used up. It
        # let through more of late if it has no burst, or if the rate has climbed to many times what it was.
        accepted_rate = self._accepted_count / max(sent_at - self._count_start, 1e-3)
        more_of_late = max(0.0, self._throughput.rate(self._width) - accepted_rate)
        if not has_changed:
            accepted_rate += more_of_late if self._rate > 1.5 * self._low else more_of_late / 4
        if retry_after and sent_at - self._count_start < 2 * retry_after:
            # A bucket has filled up while everybody stayed away, so that its limit cannot be seen yet.
            accepted_rate = min(accepted_rate, CUT * self._rate)
        evidence = max(self._test.evidence, 0.0) if self._test is not None and not has_changed else 0.0
        if not evidence:
            self._top = self._rate
        self._test = RateDependenceTest(share, accepted_rate, evidence)
        self._low = max(EASE * min(self._rate, accepted_rate), SLOWEST)
        self._high = max(accepted_rate, self._low)
        self._rate = self._low
        self._searching, self.learned = False, True
        self._age, self._retry_after = 0.0, retry_after
        self._cut_at = now
        self._count(now)

    def _grow(self) -> None:
        if self._rate is None or not self._binding or not (self.learned or self._background):
            return  # a rate that nobody waits for is not tried out, and one that was given is kept to
        if self._background is not None:
            self._rate += math.log(FREE_SEARCH)
        elif self._searching:
            if self._test is None or self._test.is_unlikely or self._rate > self._test.limit:
                self._rate += math.log(SEARCH) / (1 + self._retry_after / 2)
        else:
            self._age += min(1 / self._rate, CLIMB_PER_CALL)
            progress = self._age / (CLIMB + CLIMB_PER_RETRY_AFTER * self._retry_after) - 1
            slope = self._high - self._low if progress < 0 else STEEPNESS * self._high
            self._rate = self._high + slope * progress**3
        self._rate = self._cap(self._rate)
        if self.max_rate is None and self._rate > FASTEST:
            self._rate, self.learned = None, False
            self.release()

    @property
    def _gap(self) -> float:
        """Seconds between two slots."""
        return self._scale / self._rate if self._rate else 0.0

    @property
    def _late_seconds(self) -> float:
        """Seconds that are made up for: some slots, at least what timers are late by, never a pause."""
        return min(max(LATE * self._gap, 0.02), 0.25)

    @property
    def _width(self) -> float:
        """Seconds over which the delivered rate is looked at: ten calls, and at least one second."""
        return max(1.0, 10 / self._rate) if self._rate else 1.0

    def _take(self, now: float) -> None:
        self._next = max(self._next, now - self._late_seconds) + self._gap

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
