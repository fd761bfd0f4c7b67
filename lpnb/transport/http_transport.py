"""``HttpTransport``: sends requests over the network with a deadline, a size limit, and proof of what left.

No redirects, no cookies, no credentials from a ``.netrc``; a proxy only where ``Network`` names one. A
deadline holds for the whole call, because time-outs per read never trip on a server that drips. A reply is
read up to a cap, counted after decompression. And the connection itself says whether anything can have left:
the kind of exception does not prove it (a library may map "cut after sending" to a connect time-out).

The direct way is our own connection pool ("sockets"); httpx's transport is the way through a proxy, and the
fall-back for the direct way: ``HttpTransport(kind="httpx")``.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import httpx

from lpnb._internal.redaction import guard_logs
from lpnb._version import __version__
from lpnb.transport.connection_pool import Pool
from lpnb.transport.deadlines import Deadlines
from lpnb.transport.network import Network, UnusableCaFileError
from lpnb.transport.protocol import Exchange, ExchangeProgress, FailureReason, PreparedPost, Request
from lpnb.transport.proxy_connections import HttpxBackend, add_default_headers

DEADLINE = 30.0
MAX_REPLY_BYTES = 1 << 20
BackendKind = Literal["sockets", "httpx"]
#: OpenSSL's number for a certificate that names other hosts.
_WRONG_NAME = (62, 64)


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
        kind: Whose connections the direct way takes: our own ("sockets"), or httpx's ("httpx"), slower,
            should ours ever fail in a network that nobody foresaw. What is said and what is proved is the
            same. Through a proxy it is always httpx's.
        network: The proxy and the trusted authorities; a client sets it from its settings when left out.

    Raises:
        ValueError: When *deadline* is not a number above 0, or *kind* neither of the two.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> from lpnb.transport.http_transport import HttpTransport
        >>> with Sandbox() as sandbox:
        ...     fallback = HttpTransport(kind="httpx")
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
        network: Network | None = None,
    ) -> None:
        if not (isinstance(deadline, int | float) and 0 < deadline < math.inf):
            raise ValueError(f"deadline must be a number of seconds above 0; got {deadline!r}")
        if kind not in (None, "sockets", "httpx"):
            raise ValueError(f"kind must be 'sockets' or 'httpx'; got {kind!r}")
        self.deadline = deadline
        self.largest_reply = largest_reply
        self.kind = kind or self.kind
        self.network = network
        self._backends: dict[httpx.URL | None, _Backend] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        guard_logs()

    async def exchange(self, request: Request, progress: ExchangeProgress) -> Exchange:
        """Send *request* and return what came of it."""
        proxy: httpx.URL | None = None
        reason: FailureReason | None = None
        try:
            if self.network is not None and self.network.proxy is not None:
                proxy = self.network.proxy_for(request.url)
            backend = self._backend(proxy)
            with self._deadlines:
                failure = await backend.call(request, progress)
        except TimeoutError:
            event = "no complete answer came" if progress.started else "no connection could be made"
            if proxy is not None and not progress.started:
                event += f" through the proxy {_netloc(proxy)}"
            failure = f"{event} within {self.deadline:g} s"
        except Exception as error:
            through = None if proxy is None else _netloc(proxy)
            failure, reason = _failure_of(error, progress, _netloc(request.url), through)
        exchange = progress.exchange(failure)
        exchange.reason = reason
        return exchange

    async def aclose(self) -> None:
        """Close every connection, for good."""
        self._closed = True
        if self._backends and self._loop is asyncio.get_running_loop():
            self._deadlines.close()
            for backend in self._backends.values():
                await backend.aclose()

    def _backend(self, proxy: httpx.URL | None) -> _Backend:
        if self._closed:
            raise ConnectionError("the client is closed")
        loop = asyncio.get_running_loop()
        if self._loop is not loop:  # a forked child has a loop of its own
            self._backends, self._loop = {}, loop
            self._deadlines = Deadlines(self.deadline)
        if self._deadlines.seconds != self.deadline:  # it may be set at any time
            self._deadlines = Deadlines(self.deadline)
        if (backend := self._backends.get(proxy)) is None:
            network = self.network or Network()
            if proxy is None and self.kind == "sockets":
                backend = SocketBackend(self.largest_reply, network)
            else:
                backend = HttpxBackend(network, self.largest_reply, proxy)
            self._backends[proxy] = backend
        return backend


class SocketBackend(httpx.AsyncBaseTransport):
    """Our own connections, by scheme, host and port; those that serve one request each apart.

    It is one of httpx's transports as well: ``httpx.AsyncClient(transport=SocketBackend())``.
    """

    def __init__(self, largest: int = MAX_REPLY_BYTES, network: Network | None = None) -> None:
        self._largest = largest
        self._network = network or Network()
        self._pools: dict[tuple[tuple[str, str, int | None], bool], Pool] = {}
        self._tls: ssl.SSLContext | None = None

    async def call(self, request: Request, progress: ExchangeProgress) -> str | None:
        """Send *request*, note in *progress* what comes of it, and return what went wrong, or None."""
        if isinstance(request, PreparedPost) and not request.is_looked_at:
            place, fields, content = request.place, request.fields, request.content
            host, alone = place.host, fields.get("Connection") == "close"
            own = "".join([f"\r\n{name}: {value}" for name, value in fields.items()]).encode("latin-1")
            head = b"%b\r\n%b%b\r\nContent-Length: %d" % (place.head, _DEFAULT_HEADERS, own, len(content))
            data = _encode_request(head, 5 + len(fields), content)  # the others are six lines
        else:
            host = (request.url.scheme, request.url.host, request.url.port)
            add_default_headers(request)
            alone = request.headers.get("Connection") == "close"
            head_lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
            head_lines += [b"%b: %b" % pair for pair in request.headers.raw]
            data = _encode_request(b"\r\n".join(head_lines), len(head_lines) - 1, request.read())
        pool = self._pools.get((host, alone))
        if pool is None:
            pool = self._pools[host, alone] = self._pool(*host, keep=not alone)
        return await pool.call(data, progress)

    async def handle_async_request(self, request: Request) -> httpx.Response:
        """Send *request*, as httpx's transports do.

        Raises:
            httpx.ConnectError: No connection could be made; nothing was sent.
            httpx.ReadError: It was sent, and its answer did not come whole.
        """
        await request.aread()
        progress = ExchangeProgress()
        try:
            failure = await self.call(request, progress)
        except OSError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        if failure is not None or progress.status is None:
            raise httpx.ReadError(failure or "no answer came", request=request)
        return httpx.Response(
            progress.status,
            headers=[
                (name, value) for name, value in progress.headers.items() if name not in _FRAMING_HEADERS
            ],
            content=bytes(progress.content),
            request=request,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            pool.close()
        await asyncio.sleep(0)  # the loop closes sockets in its next round

    def _pool(self, scheme: str, host: str, port: int | None, keep: bool) -> Pool:
        secure = scheme == "https"
        if secure and self._tls is None:
            self._tls = self._network.tls_context()
        tls = self._tls if secure else None
        return Pool(host, port or (443 if secure else 80), tls, self._largest, keep)


def _netloc(url: httpx.URL) -> str:
    """Host and port of *url*, without user and password."""
    return url.netloc.decode("ascii", "replace").rpartition("@")[2]


class _UnsendableError(ValueError):
    """A request that must not be written."""


#: What a body that has been read and decoded no longer has.
_FRAMING_HEADERS = (b"content-encoding", b"content-length", b"transfer-encoding")
#: What every request says of itself.
_DEFAULT_HEADERS = (
    f"User-Agent: lpnb/{__version__}\r\nAccept: application/json\r\nAccept-Encoding: identity".encode("ascii")
)


def _encode_request(head: bytes, breaks: int, content: bytes) -> bytes:
    """The bytes of a request whose *head* is to have so many line *breaks* between its lines.

    Raises:
        _UnsendableError: A header holds a line break, and would become two.
    """
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
        raise _UnsendableError("a header of the request holds a line break")
    return b"%b\r\n\r\n%b" % (head, content)


def _failure_of(
    error: Exception, progress: ExchangeProgress, host: str, proxy: str | None
) -> tuple[str, FailureReason | None]:
    """Say in our own words what failed, and of which kind it is; an exception's text may hold headers."""
    causes = list(_causes(error))
    if isinstance(error, UnusableCaFileError):
        return str(error), "certificate"
    if isinstance(error, _UnsendableError):
        return str(error), None
    if progress.started:
        return _break_reason(causes), None
    if certificate := next((each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None):
        if certificate.verify_code in _WRONG_NAME:
            return f"the certificate of {host} is not trusted: it is for another name", "certificate"
        return f"the certificate of {host} is not trusted: {certificate.verify_message}", "certificate"
    if proxy is not None and (refusal := _proxy_refusal(progress, host, proxy)):
        return refusal
    if proxy is not None and progress.connected:
        return f"the way through the proxy {proxy} to {host} broke off before anything was sent", "connect"
    target = proxy if proxy is not None else host
    reason: FailureReason | None = "connect" if target == host else "proxy unreachable"
    if any(isinstance(each, socket.gaierror) for each in causes):
        name = "the proxy" if target == proxy else "the host"
        return f"{name} {target} has no address: the name cannot be resolved", (
            "proxy unreachable" if target == proxy else "name"
        )
    through = "" if target == host else "the proxy "
    return f"could not connect to {through}{target} ({_reason_text(causes)})", reason


def _proxy_refusal(progress: ExchangeProgress, host: str, proxy: str) -> tuple[str, FailureReason] | None:
    status = progress.tunnel_status
    if status is None or 200 <= status < 300:
        return None
    if status == 407:
        return f"the proxy {proxy} asks for a user and a password (HTTP 407)", "proxy authentication"
    return f"the proxy {proxy} refused the way to {host} (HTTP {status})", "proxy refused"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """*error* and what it came of, the outermost first; a group gives its members."""
    ids: set[int] = set()
    while error is not None and id(error) not in ids:
        ids.add(id(error))
        yield error
        if isinstance(error, BaseExceptionGroup):
            yield from error.exceptions
        error = error.__cause__ or error.__context__


def _reason_text(causes: Sequence[BaseException]) -> str:
    root = next((each for each in reversed(causes) if isinstance(each, OSError)), causes[0])
    reason = getattr(root, "strerror", None) or type(root).__name__
    # Of several addresses one text tells, and of a single one there may be a number in it.
    numbers = {int(number) for number in re.findall(r"\[Errno (\d+)\]", str(root))}
    if reason == "OSError" or reason.startswith(("Connect call failed", "Multiple exceptions")):
        reason = os.strerror(numbers.pop()) if len(numbers) == 1 else "no address answers"
    elif reason in ("ConnectError", "All connection attempts failed"):
        reason = "no address answers"
    return str(reason).lower()


def _break_reason(causes: Sequence[BaseException]) -> str:
    """What broke an exchange over httpx; our own connections say it themselves."""
    text = str(causes[0])
    if isinstance(causes[0], httpx.RemoteProtocolError):
        if text.startswith("Server disconnected"):
            return "the connection was closed without an answer"
        if "incomplete" in text or "peer closed connection" in text:
            return "the answer broke off"
        return "the answer is not proper HTTP"
    if any(isinstance(each, OSError) for each in causes) or isinstance(causes[0], httpx.NetworkError):
        return "the connection was cut"
    return f"the exchange failed ({type(causes[-1]).__name__})"
