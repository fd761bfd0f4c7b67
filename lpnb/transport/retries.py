"""Asking again where asking again is harmless (Domain API, Sentinel, IDP, Monitoring), and after a 429.

LivePerson publishes the rhythm: after a 5xx three more tries, 5, 10 and 15 s apart; after a 429 a wait of
at least a second, five for logins; after any other 4xx none. CONVERSATION and SEND are not asked again
this way: creating is not repeatable.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

from lpnb.errors import ServiceError
from lpnb.transport.protocol import Exchange, Flow, Pause, Request, call
from lpnb.transport.rate_limiter import Pace

#: Seconds between tries. Source: Retry Policy Recommendations.
LADDER = (5.0, 10.0, 15.0)
#: Seconds before the second try when no connection could be made; doubled for each one after it.
QUICK = 0.5
#: The longest a service may ask us to stay away before we give up instead.
LONGEST = 60.0


def patiently(
    request: Callable[[], Request], service: str, wait: Callable[[float], Pause | None] = Pause
) -> Flow[Exchange]:
    """Send *request* until it is answered whole and below 500, at most four times; return the exchange.

    ``wait`` turns seconds into a ``Pause``, or into None to give up at once.

    A redirect is an error: none is followed, because a token could travel with it.

    Raises:
        ServiceError: It could not be reached, kept failing, or answered with a redirect.
    """
    for tries, pause in enumerate((*LADDER, None), start=1):
        exchange = yield from call(request())
        status = exchange.status
        if status is not None and status < 500 and status != 429 and exchange.failure is None:
            break
        asked = exchange.retry_after or 0.0
        if pause is not None and not exchange.started:
            pause = QUICK * 2.0 ** (tries - 1)  # nothing left this machine, so nobody is being pressed
        step = wait(max(pause, asked)) if pause is not None and asked <= LONGEST else None
        if step is None:
            again = f", tried {tries} times" if tries > 1 else ""
            raise ServiceError(f"{service} {_what(exchange)}{again}.")
        yield step
    if exchange.status is not None and 300 <= exchange.status < 400:
        where = f" to {exchange.location}" if exchange.location else ""
        raise ServiceError(f"{service} answered with a redirect{where}. Redirects are not followed.")
    return exchange


class Throttle:
    """When an account may be called again, after it answered 429. All callers of a client share one.

    Args:
        scale: What every wait is multiplied by; 0 makes tests instant. The one switch for all waits.
        clock: Seconds that only grow.
        jitter: A number from 0 to 1 for each wait, so that callers do not come back all at once.
        patient: Whether services that may be asked again are asked again at all.

    ``pace`` says how fast the account may be called when it may; ``pace.rate = 25`` gives it a rate.
    """

    def __init__(
        self,
        scale: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        *,
        patient: bool = True,
    ) -> None:
        if not (isinstance(scale, int | float) and 0 <= scale < math.inf):
            raise ValueError(f"wait_scale must be a number from 0 up; got {scale!r}")
        self.scale = scale
        self._patient = patient
        self._clock = clock
        self._jitter = jitter
        self._not_before = 0.0
        self.pace = Pace(None, clock, scale)

    def wait(self, seconds: float) -> Pause:
        """A pause of *seconds*, scaled."""
        return Pause(seconds * self.scale)

    def again(self, seconds: float) -> Pause | None:
        """The pause before a service is asked again, or None when it is not."""
        return self.wait(seconds) if self._patient else None

    def backoff(self, failures: int) -> Pause:
        """A pause that doubles with each failure, from half a second, with jitter."""
        return self.wait(0.5 * 2.0 ** (failures - 1) * (1 + self._jitter()))

    def hold(self, seconds: float) -> None:
        """Let nobody call this account for *seconds*: at least one, as LivePerson asks, at most an hour."""
        self._not_before = max(self._not_before, self._clock() + min(max(seconds, 1.0), 3600.0) * self.scale)
        self.pace.stop(self._not_before)

    def refused(self, exchange: Exchange, attempts: int) -> Pause | None:
        """Learn from a 429; return how long this request waits by itself, or None when all of them do.

        The first 429, and any with a Retry-After, holds every caller. After the first the pace has slowed
        down; then the request that was refused waits, a second at least, and the others go on.
        """
        asked = exchange.retry_after or 0.0
        first = self.pace.refused(exchange.elapsed_ms / 1000, asked > 0)
        seconds = max(asked, 2.0 ** (attempts - 1))
        if first or asked:
            self.hold(seconds)
            return None
        return self.wait(seconds * (1 + self._jitter() / 2))

    def pause(self) -> Pause | None:
        """How long to wait before the next call, or None."""
        left = self._not_before - self._clock()
        return Pause(left + self._jitter() * 0.5 * self.scale) if left > 0 else None


def _what(exchange: Exchange) -> str:
    if exchange.status is None:
        return f"could not be reached: {exchange.failure}"
    if exchange.failure is not None:
        return f"gave no usable answer: {exchange.failure}"
    if exchange.retry_after and exchange.retry_after > LONGEST:
        return f"answered HTTP {exchange.status} and asks to stay away for {exchange.retry_after:.0f} s"
    return f"answered HTTP {exchange.status}"
