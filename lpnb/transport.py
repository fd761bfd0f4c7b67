"""The one place that opens connections: locked down, with a deadline, a cap, and a proof.

No proxies from the environment, no redirects, no cookies, no credentials from a ``.netrc``. A deadline
holds for the whole call, because time-outs per read never trip on a server that drips. A reply is read
up to a cap, counted after decompression. And the connection itself says whether anything can have left:
the kind of exception does not prove it (the library maps "cut after sending" to a connect time-out).
"""

from __future__ import annotations

import asyncio
import contextvars
import errno
import math
import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import httpx

from lpnb._version import __version__
from lpnb.masking import guard_logs
from lpnb.wire import Exchange, Request

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from httpx_aiohttp import AiohttpTransport

DEADLINE = 30.0
LARGEST_REPLY = 1 << 20
#: Seconds an idle connection is kept. Short, so that one the service has already closed is rarely used.
IDLE = 4.0
CONNECTIONS = 100


@dataclass(slots=True)
class Probe:
    """How far a request has come, noted as it goes, for the case that nobody waits for its end.

    ``started`` says whether bytes of it may have left this machine; the connection sets it before the
    first. The rest is what has come back so far.
    """

    started: bool = False
    status: int | None = None
    content: bytearray = field(default_factory=bytearray, repr=False)
    sent_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    begun: float = field(default_factory=time.perf_counter)

    def exchange(self, failure: str | None, headers: httpx.Headers | None = None) -> Exchange:
        """What came of the request up to now."""
        told = headers if headers is not None else httpx.Headers()
        return Exchange(
            status=self.status,
            content=bytes(self.content),
            failure=failure,
            started=self.started,
            retry_after=_seconds(told.get("Retry-After")),
            date=told.get("Date"),
            location=_host(told.get("Location")),
            elapsed_ms=round((time.perf_counter() - self.begun) * 1000, 3),
            sent_at=self.sent_at,
        )


class Transport(Protocol):
    """Whatever can turn a request into an exchange. It never raises for what happens on the wire."""

    async def exchange(self, request: Request, probe: Probe) -> Exchange:
        """Send *request*; set ``probe.started`` before its first byte can leave."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


_probe: contextvars.ContextVar[Probe | None] = contextvars.ContextVar("lpnb_probe", default=None)


class HttpTransport:
    """Connections over aiohttp, behind httpx's transport interface.

    Args:
        deadline: Seconds for a whole call: name lookup, connection, request and complete reply.
        largest_reply: Bytes of a reply, decoded, beyond which it is given up.
    """

    def __init__(self, deadline: float = DEADLINE, largest_reply: int = LARGEST_REPLY) -> None:
        if not (isinstance(deadline, int | float) and 0 < deadline < math.inf):
            raise ValueError(f"deadline must be a number of seconds above 0; got {deadline!r}")
        self.deadline = deadline
        self.largest_reply = largest_reply
        self._inner: dict[bool, AiohttpTransport] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        guard_logs()

    async def exchange(self, request: Request, probe: Probe) -> Exchange:
        """Send *request* and return what came of it."""
        request.headers.setdefault("User-Agent", f"lpnb/{__version__}")
        request.headers.setdefault("Accept", "application/json")
        request.headers["Accept-Encoding"] = "identity"
        response: httpx.Response | None = None
        failure = None
        token = _probe.set(probe)
        try:
            async with asyncio.timeout(self.deadline):
                alone = request.headers.get("Connection") == "close"
                response = await self._open(alone).handle_async_request(request)
                probe.status = response.status_code
                failure = await self._read(response, probe.content)
        except TimeoutError:
            what = "no complete answer came" if probe.started else "no connection could be made"
            failure = f"{what} within {self.deadline:g} s"
        except Exception as error:
            failure = _describe(error, probe, request.url.netloc.decode("ascii", "replace"))
        finally:
            _probe.reset(token)
            if response is not None:
                await _close(response)
        return probe.exchange(failure, response.headers if response is not None else None)

    async def aclose(self) -> None:
        """Close every connection, for good."""
        self._closed = True
        while self._inner:
            await self._inner.popitem()[1].aclose()

    def _open(self, alone: bool) -> AiohttpTransport:
        """The connections that are kept, or those that serve one request each.

        The library decides by the *reply* whether a connection is kept, so that asking the server to close
        it is not enough.
        """
        if self._closed:
            raise ConnectionError("the client is closed")
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # a forked child has a loop of its own
            self._inner.clear()
            self._loop = loop
        if alone not in self._inner:
            from httpx_aiohttp import AiohttpTransport

            tls = httpx.create_ssl_context(trust_env=False)
            self._inner[alone] = AiohttpTransport(
                verify=tls, trust_env=False, client=lambda: _session(tls, alone)
            )
        return self._inner[alone]

    async def _read(self, response: httpx.Response, content: bytearray) -> str | None:
        """Read the body into *content*, decoded; return why it could not be read whole."""
        decoder = _decoder(response.headers.get("Content-Encoding", ""))
        if isinstance(decoder, str):
            return decoder
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101
        chunks: AsyncIterator[bytes] = response.stream.__aiter__()
        async for chunk in chunks:
            room = self.largest_reply - len(content) + 1
            try:
                content += decoder.decompress(chunk, room) if decoder else chunk
            except zlib.error:
                return "the answer's compression is broken"
            if len(content) > self.largest_reply:
                del content[self.largest_reply :]
                return f"the answer is larger than {self.largest_reply:,} bytes"
        return None


def _session(tls: object, alone: bool) -> ClientSession:
    import aiohttp

    trace = aiohttp.TraceConfig()

    async def bytes_may_leave(*_: object) -> None:
        if (probe := _probe.get()) is not None:
            probe.started = True

    # From here on the request is written: on a new connection, or on one that was kept.
    trace.on_connection_create_end.append(bytes_may_leave)
    trace.on_connection_reuseconn.append(bytes_may_leave)
    keeping = {"force_close": True} if alone else {"keepalive_timeout": IDLE}
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, limit=CONNECTIONS, **keeping),  # type: ignore[arg-type]
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        trace_configs=[trace],
    )


class _Inflate:
    """gzip or deflate, sent although it was not asked for, unpacked no further than there is room."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=47)

    def decompress(self, chunk: bytes, room: int) -> bytes:
        return self._inner.decompress(chunk, max(room, 1))


def _decoder(encoding: str) -> _Inflate | str | None:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "x-gzip", "deflate"):
        return _Inflate()
    return f"the answer is encoded as {name[:20]!r}, which was not asked for"


def _describe(error: Exception, probe: Probe, host: str) -> str:
    """Say in our own words what failed; an exception's text may hold headers."""
    import aiohttp

    root = error.__cause__ if error.__cause__ is not None else error
    if not probe.started:
        if isinstance(root, aiohttp.ClientConnectorCertificateError):
            return f"the certificate of {host} is not trusted"
        inner = getattr(root, "os_error", root)
        reason = getattr(inner, "strerror", None) or type(inner).__name__
        if reason.startswith("Connect call failed"):
            reason = "connection refused" if getattr(inner, "errno", 0) == errno.ECONNREFUSED else reason
        return f"could not connect to {host} ({str(reason).lower()})"
    if isinstance(root, aiohttp.ServerDisconnectedError):
        return "the connection was closed without an answer"
    if isinstance(root, aiohttp.ClientPayloadError):
        return "the answer broke off"
    if isinstance(root, OSError):
        return "the connection was cut"
    if isinstance(root, aiohttp.ClientResponseError):
        return "the answer is not proper HTTP"
    return f"the exchange failed ({type(root).__name__})"


async def _close(response: httpx.Response) -> None:
    try:
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101
        await asyncio.wait_for(response.stream.aclose(), 1.0)
    except Exception:  # noqa: S110 - whatever closing meets, the exchange is over and told
        pass


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds; a date, or nonsense, counts as not given."""
    try:
        value = float(header or "")
    except ValueError:
        return None
    return value if 0 <= value < math.inf else None


def _host(location: str | None) -> str | None:
    if not location:
        return None
    try:
        return httpx.URL(location).host or "another path"
    except httpx.InvalidURL:
        return "an unreadable address"
