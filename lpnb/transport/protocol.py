"""The sans-I/O protocol: flows, their steps, exchanges, and the verdict on what became of a request.

A *flow* is one service's protocol as a generator: it yields a ``Request``, is handed the ``Exchange``
that came of it, and returns its result. No flow opens a connection, waits or takes a lock; it yields a
``Sleep`` or a ``RefreshTokens`` and the client sees to it. A test plays the service with ``next`` and
``send``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property, lru_cache, partial
from typing import Literal, Protocol, TypeVar

from httpx import URL, ByteStream, Headers, InvalidURL
from httpx import Request as Request
from httpx import Response as Response

from lpnb._internal.json_codec import JsonError, read_json
from lpnb.models.outgoing import EncodedBatch

T = TypeVar("T")
_now = partial(datetime.now, UTC)


@dataclass(frozen=True, slots=True)
class PreparedUrl:
    """Where a ``PreparedPost`` goes: its URL read once, however many follow."""

    url: URL
    host: tuple[str, str, int | None]
    head: bytes


@lru_cache(maxsize=64)
def _prepared_url(url: str) -> PreparedUrl:
    parsed_url = URL(url)
    head = b"POST %b HTTP/1.1\r\nHost: %b" % (parsed_url.raw_path, parsed_url.netloc)
    return PreparedUrl(parsed_url, (parsed_url.scheme, parsed_url.host, parsed_url.port), head)


class PreparedPost(Request):
    """A POST that is made thousands of times: like any ``Request``, and quick where nobody looks closer.

    Reading the URL and normalising headers is most of what a request costs. Here the one is done once for
    each URL, and the other only for whoever reads ``headers``.

    Args:
        url: With its query.
        fields: Its headers, besides Host and Content-Length.
        content: Its body.

    Example:
        >>> request = PreparedPost("https://va.msg.liveperson.net/x?v=3", {"Accept": "*/*"}, b"[]")
        >>> request.method, request.url.host, request.headers["content-length"]
        ('POST', 'va.msg.liveperson.net', '2')
    """

    def __init__(self, url: str, fields: Mapping[str, str], content: bytes) -> None:
        self.method = "POST"
        self.place = _prepared_url(url)
        self.url = self.place.url
        self.fields = fields
        self.is_looked_at = False
        """Whether somebody has read ``headers``, and may have changed them."""
        self.extensions = {}
        self._content = content

    # An attribute there, made on demand here; so is ``stream``.
    @cached_property
    def headers(self) -> Headers:  # type: ignore[override]
        """The headers as httpx has them; from the first look on they are what is sent."""
        self.is_looked_at = True
        host = self.url.netloc.decode("ascii")
        return Headers({"Host": host, **self.fields, "Content-Length": str(len(self._content))})

    @cached_property
    def stream(self) -> ByteStream:  # type: ignore[override]
        """The body as httpx's transports take it."""
        return ByteStream(self._content)


@dataclass(frozen=True, slots=True)
class Sleep:
    """A flow's wish to wait, in seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RefreshTokens:
    """A flow's wish to go on with fresh tokens for *consumer_id*, those it had having been refused."""

    consumer_id: str | None = None


#: Why nothing could be sent, as far as it is known.
FailureReason = Literal[
    "name", "connect", "certificate", "proxy unreachable", "proxy authentication", "proxy refused"
]


@dataclass(slots=True)
class Exchange:
    """What came of one request: a reply, or the way it failed.

    ``started`` says whether bytes of the request may have left this machine. It comes from the
    connection, never from the kind of exception: one and the same exception stands for "refused" in one
    library and for "created, then cut" in another. ``content`` is what was read, decoded and capped.
    ``reason`` says of which kind a failure to connect is.
    """

    status: int | None = None
    content: bytes = field(default=b"", repr=False)
    failure: str | None = None
    started: bool = True
    retry_after: float | None = None
    date: str | None = None
    location: str | None = None
    elapsed_ms: float = 0.0
    sent_at: datetime = field(default_factory=_now)
    reason: FailureReason | None = None


@dataclass(slots=True)
class ExchangeProgress:
    """How far a request has come, noted as it goes, for the case that nobody waits for its end.

    ``started`` says whether bytes of it may have left this machine; the connection sets it before the
    first. ``connected`` says whether a TCP connection stood, ``tunnel_status`` what a proxy said to the wish
    for a tunnel; the rest is what has come back so far.
    """

    started: bool = False
    status: int | None = None
    content: bytearray = field(default_factory=bytearray, repr=False)
    headers: dict[bytes, bytes] = field(default_factory=dict, repr=False)
    sent_at: datetime = field(default_factory=_now)
    start_time: float = field(default_factory=time.perf_counter)
    connected: bool = False
    tunnel_status: int | None = None

    def exchange(self, failure: str | None) -> Exchange:
        """What came of the request up to now."""
        elapsed_ms = round((time.perf_counter() - self.start_time) * 1000, 3)
        exchange = Exchange(
            self.status,
            bytes(self.content),
            failure,
            self.started,
            elapsed_ms=elapsed_ms,
            sent_at=self.sent_at,
        )
        header_values = {
            name: value.decode("latin-1") for name, value in self.headers.items() if name in _NOTED_HEADERS
        }
        if header_values:
            exchange.date = header_values.get(b"date")
            exchange.location = _host(header_values.get(b"location"))
            exchange.retry_after = _retry_after_seconds(header_values.get(b"retry-after"), exchange.date)
        return exchange


#: Headers that an exchange tells of.
_NOTED_HEADERS = frozenset((b"date", b"location", b"retry-after"))


class AttemptObserver(Protocol):
    """Who is told of each attempt of one send, such as the journal of a run."""

    async def before_send(self, outgoing: EncodedBatch) -> None:
        """Return when it may leave. No byte of the attempt is written before; raising keeps it here."""
        ...

    def after_exchange(self, exchange: Exchange) -> None:
        """Note what came of the attempt that was told of last; tokens in it are masked."""
        ...


@dataclass(slots=True)
class BeforeSend:
    """A flow's wish to tell *observer* that *outgoing* is about to leave."""

    outgoing: EncodedBatch
    observer: AttemptObserver


@dataclass(frozen=True, slots=True)
class AcquireSlot:
    """A flow's wish to go on when the account's pace has a slot for it."""


Step = Request | Sleep | RefreshTokens | BeforeSend | AcquireSlot
Flow = Generator[Step, "Exchange | None", T]


def call(request: Request) -> Flow[Exchange]:
    """Yield *request* and return the exchange that came of it."""
    exchange = yield request
    if exchange is None:
        raise TypeError("a request is answered with an Exchange")
    return exchange


def content_of(exchange: Exchange) -> tuple[object, str | None]:
    """Return the reply's JSON and None, or None and the reason why it cannot be relied on."""
    try:
        return read_json(exchange.content), None
    except (JsonError, RecursionError) as error:
        return None, str(error)


State = Literal["planned", "answered", "refused", "unknown"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an exchange means for the request: its state, and what may be done by itself next."""

    state: State
    retry: Literal["backoff", "throttle", "refresh"] | None = None


_ANSWERED, _REFUSED, _UNKNOWN = Verdict("answered"), Verdict("refused"), Verdict("unknown")


def verdict(exchange: Exchange, reading: str = "", is_refreshed: bool = False) -> Verdict:
    """Decide what became of a CONVERSATION or SEND request.

    *reading* is what its reply says about the conversation frame: "created", "refused", "settled" when
    there was none and the others were taken, or "" when it cannot be relied on. *is_refreshed* says whether
    the AppJWT was already renewed for this request.

    ============================================  =========  ==========
    what happened                                 state      retry
    ============================================  =========  ==========
    its host's certificate is not trusted         planned    no
    failed otherwise, and nothing can have left   planned    backoff
    failed after that (cut, time-out, garbage)    unknown    no
    a matched conversationId, whatever the status answered   no
    2xx, no conversation asked for, all taken     answered   no
    all taken, and yet the status is another      unknown    no
    2xx, the service said no                      refused    no
    2xx, anything else                            unknown    no
    429                                           planned    throttle
    401, the first                                planned    refresh
    401, with a fresh AppJWT                      refused    no
    408, 5xx, 1xx                                 unknown    no
    3xx, other 4xx                                refused    no
    ============================================  =========  ==========

    A 5xx or 408 may come from a gateway behind which the work was done. 429 and 401 are given before
    anything is done. There is no key to make a second try harmless, so *unknown* is never repeated.

    Example:
        >>> verdict(Exchange(failure="connection refused", started=False))
        Verdict(state='planned', retry='backoff')
        >>> verdict(Exchange(status=503))
        Verdict(state='unknown', retry=None)
    """
    status = exchange.status
    if reading == "created":
        return _ANSWERED
    if exchange.failure is not None or status is None:
        if exchange.started:
            return _UNKNOWN
        return Verdict("planned", None if exchange.reason == "certificate" else "backoff")
    if reading == "settled":  # also under a 429, which would otherwise be sent again
        return _ANSWERED if 200 <= status < 300 else _UNKNOWN
    if status == 429:
        return Verdict("planned", "throttle")
    if status == 401:
        return _REFUSED if is_refreshed else Verdict("planned", "refresh")
    if 200 <= status < 300:
        return _REFUSED if reading == "refused" else _UNKNOWN
    if 300 <= status < 500 and status != 408:
        return _REFUSED
    return _UNKNOWN


def _retry_after_seconds(header: str | None, date: str | None) -> float | None:
    """Retry-After in seconds; a date is taken by the service's own clock; nonsense counts as not given.

    Source: RFC 9110, 10.2.3.

    >>> _retry_after_seconds("7", None)
    7.0
    >>> _retry_after_seconds("Mon, 30 Nov 2026 10:00:30 GMT", "Mon, 30 Nov 2026 10:00:00 GMT")
    30.0
    """
    if header is None:
        return None
    try:
        value = float(header)
    except ValueError:
        try:
            until = parsedate_to_datetime(header)
            value = max(
                0.0, (until - (parsedate_to_datetime(date) if date else datetime.now(UTC))).total_seconds()
            )
        except (ValueError, TypeError):  # one of them without a time zone, or no date at all
            return None
    return value if 0 <= value < math.inf else None


def _host(location: str | None) -> str | None:
    if not location:
        return None
    try:
        return URL(location).host or "another path"
    except InvalidURL:
        return "an unreadable address"
