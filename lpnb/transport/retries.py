"""Retry with back-off for idempotent calls, and the account-wide wait after a 429.

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
from lpnb.transport.protocol import Exchange, Flow, Request, Sleep
from lpnb.transport.rate_limiter import AdaptiveRateLimiter

#: Seconds between tries. Source: Retry Policy Recommendations.
RETRY_DELAYS = (5.0, 10.0, 15.0)
#: Seconds before the second try when no connection could be made; doubled for each one after it.
CONNECT_RETRY_DELAY = 0.5
#: The longest a service may ask us to stay away before we give up instead.
MAX_WAIT = 60.0


def with_retries(
    request: Callable[[], Request], service: str, wait: Callable[[float], Sleep | None] = Sleep
) -> Flow[Exchange]:
    """Send *request* until it is answered whole and below 500, at most four times; return the exchange.

    A certificate that is not trusted is not asked again.

    ``wait`` turns seconds into a ``Sleep``, or into None to give up at once.

    A redirect is an error: none is followed, because a token could travel with it.

    Raises:
        ServiceError: It could not be reached, kept failing, or answered with a redirect.
    """
    for tries, pause in enumerate((*RETRY_DELAYS, None), start=1):
        answer = yield request()
        assert answer is not None  # noqa: S101 - a request is answered with an exchange
        exchange = answer
        status = exchange.status
        if status is not None and status < 500 and status != 429 and exchange.failure is None:
            break
        retry_after = exchange.retry_after or 0.0
        if exchange.reason == "certificate":
            pause = None  # it is the same the next time
        if pause is not None and not exchange.started:
            pause = CONNECT_RETRY_DELAY * 2.0 ** (
                tries - 1
            )  # nothing left this machine, so nobody is being pressed
        step = wait(max(pause, retry_after)) if pause is not None and retry_after <= MAX_WAIT else None
        if step is None:
            tries_text = f", tried {tries} times" if tries > 1 else ""
            raise ServiceError(f"{service} {_describe_failure(exchange)}{tries_text}.")
        yield step
    if exchange.status is not None and 300 <= exchange.status < 400:
        target = f" to {exchange.location}" if exchange.location else ""
        raise ServiceError(f"{service} answered with a redirect{target}. Redirects are not followed.")
    return exchange


def refusal_delay(retry_after: float | None) -> float:
    """Seconds that a request waits after a 429: Retry-After, and a second at least, as LivePerson asks.

    It does not double: the rate limiter slows everybody down, and who sleeps when the service has recovered
    comes late.
    """
    return max(retry_after or 0.0, 1.0)


class Throttle:
    """When an account may be called again, after it answered 429. All callers of a client share one.

    Args:
        scale: What every wait is multiplied by; 0 makes tests instant. The one switch for all waits.
        clock: Seconds that only grow.
        jitter: A number from 0 to 1 for each wait, so that callers do not come back all at once.
        retry: Whether services that may be asked again are asked again at all.

    ``pace`` says how fast the account may be called when it may; ``pace.rate = 25`` gives it a rate.
    """

    def __init__(
        self,
        scale: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        *,
        retry: bool = True,
    ) -> None:
        if not (isinstance(scale, int | float) and 0 <= scale < math.inf):
            raise ValueError(f"wait_scale must be a number from 0 up; got {scale!r}")
        self.scale = scale
        self._retry = retry
        self._clock = clock
        self._jitter = jitter
        self._not_before = 0.0
        self.rate_limiter = AdaptiveRateLimiter(None, clock, scale)

    def wait(self, seconds: float) -> Sleep:
        """A pause of *seconds*, scaled."""
        return Sleep(seconds * self.scale)

    def retry_delay(self, seconds: float) -> Sleep | None:
        """The pause before a service is asked again, or None when it is not."""
        return self.wait(seconds) if self._retry else None

    def backoff(self, failures: int) -> Sleep:
        """A pause that doubles with each failure, from half a second, with jitter."""
        return self.wait(0.5 * 2.0 ** (failures - 1) * (1 + self._jitter()))

    def hold(self, seconds: float) -> None:
        """Let nobody call this account for *seconds*: at least one, as LivePerson asks, at most an hour."""
        self._not_before = max(self._not_before, self._clock() + min(max(seconds, 1.0), 3600.0) * self.scale)
        self.rate_limiter.hold_until(self._not_before)

    def record_refused(self, exchange: Exchange) -> Sleep | None:
        """Learn from a 429; return how long this request waits by itself, or None when all of them do.

        The first 429, and any with a Retry-After, holds every caller, unless the service refuses a share of
        calls whatever we do. Otherwise the request that was refused waits, and the others go on.
        """
        retry_after = exchange.retry_after or 0.0
        limiter = self.rate_limiter
        first = limiter.record_refused(exchange.elapsed_ms / 1000, retry_after)
        if first or (retry_after and limiter.follows_refusals):
            self.hold(retry_after)
            return None
        return self.wait(refusal_delay(retry_after) + self._jitter() / 4)

    def pause(self) -> Sleep | None:
        """How long to wait before the next call, or None."""
        remaining = self._not_before - self._clock()
        return Sleep(remaining + self._jitter() * 0.5 * self.scale) if remaining > 0 else None


def _describe_failure(exchange: Exchange) -> str:
    if exchange.status is None:
        return f"could not be reached: {exchange.failure}"
    if exchange.failure is not None:
        return f"gave no usable answer: {exchange.failure}"
    if exchange.retry_after and exchange.retry_after > MAX_WAIT:
        return f"answered HTTP {exchange.status} and asks for a pause of {exchange.retry_after:.0f} s"
    return f"answered HTTP {exchange.status}"
