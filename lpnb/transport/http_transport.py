"""``HttpTransport``: sends requests over the network with a deadline, a size limit, and proof of what left.

No proxies from the environment, no redirects, no cookies, no credentials from a ``.netrc``. A deadline
holds for the whole call, because time-outs per read never trip on a server that drips. A reply is read
up to a cap, counted after decompression. And the connection itself says whether anything can have left:
the kind of exception does not prove it (a library may map "cut after sending" to a connect time-out).

Connections are our own (``sockets``), or aiohttp's: ``HttpTransport(kind="aiohttp")``.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import os
import re
import ssl
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal, Protocol

import httpx

from lpnb._internal.redaction import guard_logs
from lpnb._version import __version__
from lpnb.transport.connection_pool import MAX_CONNECTIONS, MAX_IDLE, BodyReader, Pool
from lpnb.transport.deadlines import Deadlines
from lpnb.transport.protocol import Exchange, ExchangeProgress, PreparedPost, Request

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from httpx_aiohttp import AiohttpTransport

DEADLINE = 30.0
MAX_REPLY_BYTES = 1 << 20
BackendKind = Literal["sockets", "aiohttp"]


class Transport(Protocol):
    """Whatever can turn a request into an exchange. It never raises for what happens on the wire."""

    async def exchange(self, request: Request, progress: ExchangeProgress) -> Exchange:
        """Send *request*; set ``progress.started`` before its first byte can leave."""
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...


class _Backend(Protocol):
    """What takes a request out and notes what comes back; either kind of connections."""

    async def call(self, request: Request, progress: ExchangeProgress) -> str | None: ...

    async def aclose(self) -> None: ...


class HttpTransport:
    """Connections over the network, all of them made here.

    Args:
        deadline: Seconds for a whole call: name lookup, connection, request and complete reply.
        largest_reply: Bytes of a reply, decoded, beyond which it is given up.
        kind: Whose connections: our own ("sockets"), or aiohttp's ("aiohttp"), slower, should ours ever
            fail in a network that nobody foresaw. What is said and what is proved is the same.

    Raises:
        ValueError: When *deadline* is not a number above 0, or *kind* neither of the two.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> from lpnb.transport.http_transport import HttpTransport
        >>> with Sandbox() as sandbox:
        ...     fallback = HttpTransport(kind="aiohttp")
        ...     with Client(Settings.of(sandbox.environment()), transport=fallback) as client:
        ...         client.create_conversation("consumer-1").outcome
        'answered'
    """

    #: What is used where none is asked for.
    kind: BackendKind = "sockets"

    def __init__(
        self,
        deadline: float = DEADLINE,
        largest_reply: int = MAX_REPLY_BYTES,
        kind: BackendKind | None = None,
    ) -> None:
        if not (isinstance(deadline, int | float) and 0 < deadline < math.inf):
            raise ValueError(f"deadline must be a number of seconds above 0; got {deadline!r}")
        if kind not in (None, "sockets", "aiohttp"):
            raise ValueError(f"kind must be 'sockets' or 'aiohttp'; got {kind!r}")
        self.deadline = deadline
        self.largest_reply = largest_reply
        self.kind = kind or self.kind
        self._carrier: _Backend | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        guard_logs()

    async def exchange(self, request: Request, progress: ExchangeProgress) -> Exchange:
        """Send *request* and return what came of it."""
        try:
            carrier = self._open()
            with self._deadlines.one():
                failure = await carrier.call(request, progress)
        except TimeoutError:
            event = "no complete answer came" if progress.started else "no connection could be made"
            failure = f"{event} within {self.deadline:g} s"
        except Exception as error:
            failure = _describe(error, progress, request.url.netloc.decode("ascii", "replace"))
        return progress.exchange(failure)

    async def aclose(self) -> None:
        """Close every connection, for good."""
        self._closed = True
        if self._carrier is not None and self._loop is asyncio.get_running_loop():
            self._deadlines.close()
            await self._carrier.aclose()

    def _open(self) -> _Backend:
        if self._closed:
            raise ConnectionError("the client is closed")
        loop = asyncio.get_running_loop()
        if self._carrier is None or self._loop is not loop:  # a forked child has a loop of its own
            make = _SocketBackend if self.kind == "sockets" else _AiohttpBackend
            self._carrier, self._loop = make(self.largest_reply), loop
            self._deadlines = Deadlines(self.deadline)
        if self._deadlines.seconds != self.deadline:  # it may be set at any time
            self._deadlines = Deadlines(self.deadline)
        return self._carrier


class _SocketBackend:
    """Our own connections, by scheme, host and port; those that serve one request each apart."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._pools: dict[tuple[tuple[str, str, int | None], bool], Pool] = {}
        self._tls: ssl.SSLContext | None = None

    async def call(self, request: Request, progress: ExchangeProgress) -> str | None:
        if isinstance(request, PreparedPost) and not request.is_looked_at:
            host, fields = request.place.host, request.fields
            alone = fields.get("Connection") == "close"
            lines = [request.place.head, _DEFAULT_HEADERS]
            lines += [f"{name}: {value}".encode("latin-1") for name, value in fields.items()]
            lines.append(b"Content-Length: %d" % len(request.content))
            within = request.place.head.count(b"\n") + _DEFAULT_HEADERS.count(b"\n")
            written = _encode_request(lines, within + len(lines) - 1, request.content)
        else:
            host = (request.url.scheme, request.url.host, request.url.port)
            _add_default_headers(request)
            alone = request.headers.get("Connection") == "close"
            lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
            lines += [b"%b: %b" % pair for pair in request.headers.raw]
            written = _encode_request(lines, len(lines) - 1, request.read())
        pool = self._pools.get((host, alone))
        if pool is None:
            pool = self._pools[host, alone] = self._pool(*host, keep=not alone)
        return await pool.call(written, progress)

    async def aclose(self) -> None:
        for pool in self._pools.values():
            pool.close()
        await asyncio.sleep(0)  # the loop closes sockets in its next round

    def _pool(self, scheme: str, host: str, port: int | None, keep: bool) -> Pool:
        secure = scheme == "https"
        if secure and self._tls is None:
            self._tls = httpx.create_ssl_context(trust_env=False)
        tls = self._tls if secure else None
        return Pool(host, port or (443 if secure else 80), tls, self._largest, keep)


class _UnsendableError(ValueError):
    """A request that must not be written."""


#: What every request says of itself.
_DEFAULT_HEADERS = (
    f"User-Agent: lpnb/{__version__}\r\nAccept: application/json\r\nAccept-Encoding: identity".encode("ascii")
)


def _add_default_headers(request: Request) -> None:
    request.headers.setdefault("User-Agent", f"lpnb/{__version__}")
    request.headers.setdefault("Accept", "application/json")
    request.headers["Accept-Encoding"] = "identity"


def _encode_request(lines: list[bytes], breaks: int, content: bytes) -> bytes:
    """The bytes of a request whose head has so many line *breaks* between its lines.

    Raises:
        _UnsendableError: A header holds a line break, and would become two.
    """
    head = b"\r\n".join(lines)
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        raise _UnsendableError("a header of the request holds a line break")
    return b"%b\r\n\r\n%b" % (head, content)


_probe: contextvars.ContextVar[ExchangeProgress | None] = contextvars.ContextVar("lpnb_probe", default=None)


class _AiohttpBackend:
    """Connections over aiohttp, behind httpx's transport interface."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._inner: dict[bool, AiohttpTransport] = {}

    async def call(self, request: Request, progress: ExchangeProgress) -> str | None:
        _add_default_headers(request)
        alone = request.headers.get("Connection") == "close"
        response: httpx.Response | None = None
        token = _probe.set(progress)
        try:
            response = await self._transport(alone).handle_async_request(request)
            progress.status = response.status_code
            for name in (b"retry-after", b"date", b"location"):
                if (value := response.headers.get(name.decode())) is not None:
                    progress.headers[name] = value.encode("latin-1", "replace")
            return await self._read(response, progress)
        finally:
            _probe.reset(token)
            if response is not None:
                await _close(response)

    async def aclose(self) -> None:
        while self._inner:
            await self._inner.popitem()[1].aclose()

    def _transport(self, alone: bool) -> AiohttpTransport:
        """The connections that are kept, or those that serve one request each.

        The library decides by the *reply* whether a connection is kept, so that asking the server to close
        it is not enough.
        """
        if alone not in self._inner:
            from httpx_aiohttp import AiohttpTransport

            tls = httpx.create_ssl_context(trust_env=False)
            self._inner[alone] = AiohttpTransport(
                verify=tls, trust_env=False, client=lambda: _session(tls, alone)
            )
        return self._inner[alone]

    async def _read(self, response: httpx.Response, progress: ExchangeProgress) -> str | None:
        """Read the body, decoded; return why it could not be read whole."""
        encoding = response.headers.get("Content-Encoding", "").encode("latin-1", "replace")
        body = BodyReader(progress.content, self._largest, encoding)
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101
        chunks: AsyncIterator[bytes] = response.stream.__aiter__()
        async for chunk in chunks:
            if failure := body.add(chunk):
                return failure
        return None


def _session(tls: object, alone: bool) -> ClientSession:
    import aiohttp

    trace = aiohttp.TraceConfig()

    async def bytes_may_leave(*_: object) -> None:
        if (progress := _probe.get()) is not None:
            progress.started = True

    # From here on the request is written: on a new connection, or on one that was kept.
    trace.on_connection_create_end.append(bytes_may_leave)
    trace.on_connection_reuseconn.append(bytes_may_leave)
    keeping = {"force_close": True} if alone else {"keepalive_timeout": MAX_IDLE}
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls, limit=MAX_CONNECTIONS, **keeping),  # type: ignore[arg-type]
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=None),
        trace_configs=[trace],
    )


def _describe(error: Exception, progress: ExchangeProgress, host: str) -> str:
    """Say in our own words what failed; an exception's text may hold headers."""
    root = error.__cause__ if error.__cause__ is not None else error
    if progress.started:
        return _broken(root)
    inner = getattr(root, "os_error", root)
    if isinstance(getattr(root, "certificate_error", inner), ssl.CertificateError):
        return f"the certificate of {host} is not trusted"
    if isinstance(inner, _UnsendableError):
        return str(inner)
    reason = getattr(inner, "strerror", None) or type(inner).__name__
    # Of several addresses one text tells, and of a single one there may be a number in it.
    numbers = {int(number) for number in re.findall(r"\[Errno (\d+)\]", str(inner))}
    if reason == "OSError" or reason.startswith(("Connect call failed", "Multiple exceptions")):
        reason = os.strerror(numbers.pop()) if len(numbers) == 1 else "no address answers"
    return f"could not connect to {host} ({str(reason).lower()})"


def _broken(root: BaseException) -> str:
    """What broke an exchange over aiohttp; our own connections say it themselves."""
    import aiohttp

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
