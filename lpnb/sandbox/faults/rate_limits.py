"""Rate limits with 429: a token bucket per account, refilled by the sandbox's clock.

LivePerson prints no limit for the Connector API, no body and no Retry-After of its 429; a limit
therefore answers with neither unless asked to.
"""

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lpnb.sandbox.choices import one_of
from lpnb.sandbox.errors import ControlError
from lpnb.sandbox.faults.faults import check_number
from lpnb.sandbox.http.messages import Answer, json_answer
from lpnb.sandbox.route_names import ROUTES, SEND_API

# What the name in the request log is of a request that a limit refused.
RATE_LIMIT = "rate_limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """So many requests a second, and how many at once."""

    rate: float
    burst: int
    retry_after: bool
    body: Any
    routes: tuple[str, ...]


def make_limit(
    rate: float,
    burst: int | None = None,
    *,
    retry_after: bool = False,
    body: Any = None,
    routes: Sequence[str] | None = None,
) -> RateLimit:
    """Check what was asked for and fill in the defaults.

    >>> make_limit(2.5).burst
    3
    >>> make_limit(0)
    Traceback (most recent call last):
        ...
    lpnb.sandbox.errors.ControlError: rate must be a number above 0; got 0.
    """
    check_number("rate", rate, above=0)
    if burst is None:
        burst = max(1, math.ceil(rate))
    if not isinstance(burst, int) or isinstance(burst, bool) or burst < 1:
        raise ControlError(f"burst must be 1 or more; got {burst!r}.")
    if not isinstance(retry_after, bool):
        raise ControlError(f"retry_after must be True or False; got {retry_after!r}.")
    route_names = tuple(SEND_API if routes is None else routes)
    for route in route_names:
        if route not in ROUTES:
            raise ControlError(one_of("route", route, ROUTES))
    return RateLimit(rate=float(rate), burst=burst, retry_after=retry_after, body=body, routes=route_names)


@dataclass(slots=True)
class _Bucket:
    limit: RateLimit
    tokens: float
    at: float


class RateLimits:
    """The limits in force, by account."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def set(self, account_id: str, limit: RateLimit | None, now: float) -> None:
        """Limit an account from now on, starting with a full bucket; None lifts its limit."""
        with self._lock:
            if limit is None:
                self._buckets.pop(account_id, None)
            else:
                self._buckets[account_id] = _Bucket(limit, float(limit.burst), now)

    def clear(self) -> None:
        """Lift every limit."""
        with self._lock:
            self._buckets.clear()

    @property
    def any(self) -> bool:
        """Whether there are any limits at all."""
        return bool(self._buckets)

    def by_account(self) -> dict[str, RateLimit]:
        """The limits in force, by account."""
        with self._lock:
            return {account_id: bucket.limit for account_id, bucket in self._buckets.items()}

    def refuse(self, account_id: str, route: str, now: float) -> Answer | None:
        """The 429 for a request that comes too soon; None, and one token less, for any other."""
        if not self._buckets:
            return None
        with self._lock:
            bucket = self._buckets.get(account_id)
            if bucket is None or route not in bucket.limit.routes:
                return None
            limit = bucket.limit
            # A clock that was set back gives nothing and takes nothing.
            bucket.tokens = min(limit.burst, bucket.tokens + max(0.0, now - bucket.at) * limit.rate)
            bucket.at = now
            # A hair's breadth off, because the sum of many small refills never is a whole number.
            if bucket.tokens >= 1 - 1e-9:
                bucket.tokens -= 1
                return None
            wait = (1 - bucket.tokens) / limit.rate
        headers = (("retry-after", str(math.ceil(wait))),) if limit.retry_after else ()
        if limit.body is None:
            return Answer(429, b"", headers=headers)
        return json_answer(429, limit.body, headers=headers)
