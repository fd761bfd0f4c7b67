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
from dataclasses import dataclass
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
    """Whether bytes of a request may have left this machine; set by the connection before the first."""

    started: bool = False


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
        self._inner: AiohttpTransport | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        guard_logs()

    async def exchange(self, request: Request, probe: Probe) -> Exchange:
        """Send *request* and return what came of it."""
        request.headers.setdefault("User-Agent", f"lpnb/{__version__}")
        request.headers.setdefault("Accept", "application/json")
        request.headers["Accept-Encoding"] = "identity"
        sent_at, begun = datetime.now(UTC), time.perf_counter()
        response: httpx.Response | None = None
        content, failure = bytearray(), None
        token = _probe.set(probe)
        try:
            async with asyncio.timeout(self.deadline):
                response = await self._open().handle_async_request(request)
                failure = await self._read(response, content)
        except TimeoutError:
            what = "no complete answer came" if probe.started else "no connection could be made"
            failure = f"{what} within {self.deadline:g} s"
        except Exception as error:
            failure = _describe(error, probe, request.url.netloc.decode("ascii", "replace"))
        finally:
            _probe.reset(token)
            if response is not None:
                await _close(response)
        headers = response.headers if response is not None else httpx.Headers()
        return Exchange(
            status=response.status_code if response is not None else None,
            content=bytes(content),
            failure=failure,
            started=probe.started,
            retry_after=_seconds(headers.get("Retry-After")),
            date=headers.get("Date"),
            location=_host(headers.get("Location")),
            elapsed_ms=(time.perf_counter() - begun) * 1000,
            sent_at=sent_at,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if self._inner is not None:
            await self._inner.aclose()
            self._inner = None

    def _open(self) -> AiohttpTransport:
        loop = asyncio.get_running_loop()
        if self._inner is None or self._loop is not loop:  # a forked child has a loop of its own
            from httpx_aiohttp import AiohttpTransport

            self._loop = loop
            tls = httpx.create_ssl_context(trust_env=False)
            self._inner = AiohttpTransport(verify=tls, trust_env=False, client=lambda: _session(tls))
        return self._inner

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


def _session(tls: object) -> ClientSession:
    import aiohttp

    trace = aiohttp.TraceConfig()

    async def bytes_may_leave(*_: object) -> None:
        if (probe := _probe.get()) is not None:
            probe.started = True

    # From here on the request is written: on a new connection, or on one that was kept.
    trace.on_connection_create_end.append(bytes_may_leave)
    trace.on_connection_reuseconn.append(bytes_may_leave)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, limit=CONNECTIONS, keepalive_timeout=IDLE),  # type: ignore[arg-type]
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
