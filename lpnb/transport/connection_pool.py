"""The connection pool: HTTP/1.1 connections to one host, kept alive for seconds and reused.

httptools reads what comes back. Finding a connection costs the same however many there are: idle ones lie on
a stack, and who finds none queues. A connection is used again only when its last answer was whole and nothing
came after it; anything else, a second answer above all, ends it. Nothing here knows what a request means, and
there are no proxies, redirects or second tries.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

import aiohappyeyeballs
import httptools

from lpnb.transport.protocol import ExchangeProgress

#: Seconds an idle connection is kept. Short, so that one the service has already closed is rarely used.
MAX_IDLE = 4.0
#: Connections to one host at the most; further requests queue.
MAX_CONNECTIONS = 100
#: Bytes of a status line and headers.
MAX_HEAD_BYTES = 1 << 16
#: Bytes of all interim replies (1xx) before an answer.
MAX_INTERIM_BYTES = 1 << 20
#: How many bytes on the wire one byte of a reply may cost: a chunk of one byte weighs six.
_FRAMING = 8
#: Seconds before a host's next address is tried beside the one that does not answer.
_NEXT_ADDRESS = 0.25
_RECORDED_HEADERS = frozenset(
    (b"retry-after", b"date", b"location", b"content-encoding", b"content-length", b"transfer-encoding")
)


class BodyReader:
    """Adds what comes to *content*, unpacked, and no further than *largest* bytes."""

    __slots__ = ("_content", "_inflate", "_largest", "_unsupported_encoding")

    def __init__(self, content: bytearray, largest: int, encoding: bytes) -> None:
        name = encoding.strip().lower().decode("latin-1") if encoding else ""
        self._content = content
        self._largest = largest
        self._unsupported_encoding = name not in ("", "identity", "gzip", "x-gzip", "deflate") and name[:20]
        # Compression is not asked for; when it comes all the same, this reads gzip and deflate.
        self._inflate = (
            None if name in ("", "identity") or self._unsupported_encoding else zlib.decompressobj(wbits=47)
        )

    def add(self, chunk: bytes) -> str | None:
        """Take *chunk*, and return why no more should come."""
        if self._unsupported_encoding:
            return f"the answer is encoded as {self._unsupported_encoding!r}, which was not asked for"
        if self._inflate is not None:
            try:
                chunk = self._inflate.decompress(chunk, self._largest - len(self._content) + 1)
            except zlib.error:
                return "the answer's compression is broken"
        self._content += chunk
        if len(self._content) > self._largest:
            del self._content[self._largest :]
            return f"the answer is larger than {self._largest:,} bytes"
        return None


class Connection(asyncio.Protocol):
    """One socket. ``ask`` writes a request; the future it returns ends with None, or with what went wrong."""

    def __init__(self, largest: int, on_close: Callable[[Connection], None]) -> None:
        self._largest = largest
        self._on_close = on_close
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[str | None] | None = None
        self._progress: ExchangeProgress | None = None
        self._body: BodyReader | None = None
        self._poll: Callable[[int], Sequence[object]] | None = None
        self._received_bytes = self._head_bytes = 0
        self._has_no_body = self._complete = self._keep = False
        self._failure: str | None = None
        self.open = False

    @property
    def is_reusable(self) -> bool:
        """Whether it may serve again: nothing has come since its last answer, not even the end."""
        return self.is_kept and self._poll is not None and not self._poll(0)

    @property
    def is_kept(self) -> bool:
        """Whether its last answer was whole and left it open."""
        return self._keep and self.open

    def ask(self, request: bytes, progress: ExchangeProgress) -> asyncio.Future[str | None]:
        """Write *request*, and note in *progress* what comes of it."""
        assert self._transport is not None  # noqa: S101
        self._answer = self._loop.create_future()
        self._progress, self._body, self._failure = progress, None, None
        self._received_bytes = self._head_bytes = 0
        self._complete = self._keep = False
        self._has_no_body = request.startswith(b"HEAD ")
        progress.started = True  # from here on bytes may leave
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """End the connection at once."""
        self.open = self._keep = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self._poll = _readability_check(transport.get_extra_info("socket").fileno())
        self.open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio."""
        self.open = self._keep = False
        self._end("the connection was cut" if exc is not None else self._broken_off())
        self._poll = None
        self._on_close(self)

    def eof_received(self) -> None:
        """Called by asyncio; a body without a length ends here."""
        self.open = self._keep = False
        headers = self._progress.headers if self._progress is not None else {}
        has_length = b"content-length" in headers or b"transfer-encoding" in headers
        self._end(self._broken_off() if self._body is None or has_length else None)

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        if self._answer is None:  # nobody asked: a second answer, and the connection is not to be trusted
            self.close()
            return
        self._received_bytes += len(data)
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._keep = False
            self._failure = self._failure or "the answer is not proper HTTP"
        if self._complete:
            self._end(None)
        elif self._failure:
            self._end(self._failure)
        elif self._body is None:
            if self._head_bytes > MAX_HEAD_BYTES or self._received_bytes > MAX_INTERIM_BYTES:
                self._end("the answer is not proper HTTP")
        elif self._received_bytes > MAX_INTERIM_BYTES + _FRAMING * self._largest:
            self._end("the answer is not proper HTTP")

    def on_message_begin(self) -> None:
        """Called by the parser."""
        if self._complete:  # more than one answer came
            self._keep = False
        elif self._progress is not None:
            self._progress.headers.clear()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for trailers too."""
        name = name.lower()
        if (
            name in _RECORDED_HEADERS
            and self._body is None
            and self._progress is not None
            and not self._complete
        ):
            before = self._progress.headers.get(name)
            self._progress.headers[name] = value if before is None else before + b", " + value

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        status = self._parser.get_status_code()
        if self._complete or self._progress is None or (status < 200 and status != 101):
            self._head_bytes = 0  # an interim reply; what stands behind it is counted with the next bytes
            return
        self._progress.status = status
        encoding = self._progress.headers.get(b"content-encoding", b"")
        self._body = BodyReader(self._progress.content, self._largest, encoding)
        self._complete = (
            self._has_no_body
        )  # the parser waits for a body that never comes; so does the connection

    def on_body(self, chunk: bytes) -> None:
        """Called by the parser."""
        if self._complete or self._body is None or self._failure:
            return
        if failure := self._body.add(chunk):
            self._failure = failure
            raise ValueError(failure)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._body is None or self._complete:
            return
        self._complete = True
        self._keep = self._parser.should_keep_alive()

    def _broken_off(self) -> str:
        if self._body is not None:
            return "the answer broke off"
        return "the connection was closed without an answer"

    def _end(self, failure: str | None) -> None:
        answer, self._answer = self._answer, None
        self._progress = self._body = None
        assert self._transport is not None  # noqa: S101
        if failure is not None or self._transport.get_write_buffer_size():
            self._keep = False
        if answer is not None and not answer.done():
            answer.set_result(failure)


class Pool:
    """The connections to one host and port: all of them, the idle ones, and who waits for one.

    Args:
        host: A name or an address.
        port: Its port.
        tls: How to check the host's certificate; None for plain connections.
        largest: Bytes of a reply, unpacked, beyond which it is given up.
        keep: Whether a connection serves more than one request.
    """

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, largest: int, keep: bool) -> None:
        self._address = host, port
        self._tls = tls
        self._largest = largest
        self._keep = keep
        self._loop = asyncio.get_running_loop()
        self._all: set[Connection] = set()
        self._free_slots = MAX_CONNECTIONS
        self._idle: dict[Connection, float] = {}
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._sweeping: asyncio.TimerHandle | None = None
        self.closed = False

    async def call(self, request: bytes, progress: ExchangeProgress) -> str | None:
        """Send *request*, note its answer in *progress*, and return what went wrong, or None.

        ``progress.started`` is set before the first byte can leave. Cancelling ends the connection.

        Raises:
            OSError: No connection could be made; nothing has left.
        """
        connection = await self._take()
        try:
            return await connection.ask(request, progress)
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """End every connection, for good."""
        self.closed = True
        self._idle.clear()
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)
        self._waiting.clear()
        for connection in tuple(self._all):
            connection.close()
        if self._sweeping is not None:
            self._sweeping.cancel()

    async def _take(self) -> Connection:
        while not self.closed:
            while self._idle:
                connection, since = self._idle.popitem()
                if connection.is_reusable and self._loop.time() - since < MAX_IDLE:
                    return connection
                connection.close()
            if self._free_slots:
                self._free_slots -= 1
                return await self._open()
            waiting: asyncio.Future[Connection | None] = self._loop.create_future()
            self._waiting.append(waiting)
            try:
                connection_given = await waiting
            except asyncio.CancelledError:
                if waiting.done() and not waiting.cancelled():  # given to one who has gone
                    self._pass_on(waiting.result())
                raise
            if connection_given is None and not self.closed:
                return await self._open()
            if connection_given is not None:
                if connection_given.is_reusable:
                    return connection_given
                connection_given.close()
        raise ConnectionError("the client is closed")

    async def _open(self) -> Connection:
        """Open a connection in a slot that has been taken for it."""
        host, port = self._address
        try:
            addresses = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            # Not every loop tries a second address beside the first one by itself; uvloop does not.
            tcp_socket = await aiohappyeyeballs.start_connection(
                addresses, happy_eyeballs_delay=_NEXT_ADDRESS
            )
            try:
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self._largest, self._forget),
                    sock=tcp_socket,
                    ssl=self._tls,
                    server_hostname=host if self._tls is not None else None,
                )
            except BaseException:
                tcp_socket.close()
                raise
            if self.closed or not connection.open:
                connection.close()
                raise ConnectionResetError("closed at once")
        except BaseException:
            self._pass_on(None)
            raise
        self._all.add(connection)
        return connection

    def _give_back(self, connection: Connection) -> None:
        if self._keep and connection.is_kept and not self.closed:
            self._pass_on(connection)
        else:
            connection.close()

    def _pass_on(self, connection: Connection | None) -> None:
        """Give a connection, or the slot for one, to whoever waits longest; else keep it."""
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(connection)
                return
        if connection is None:
            self._free_slots += 1
            return
        self._idle[connection] = self._loop.time()
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(MAX_IDLE, self._sweep)

    def _sweep(self) -> None:
        """End what has been idle for too long; the oldest lie first."""
        self._sweeping = None
        now = self._loop.time()
        for connection, since in tuple(self._idle.items()):
            if now - since < MAX_IDLE:
                self._sweeping = self._loop.call_at(since + MAX_IDLE, self._sweep)
                return
            del self._idle[connection]
            connection.close()

    def _forget(self, connection: Connection) -> None:
        self._idle.pop(connection, None)
        if connection in self._all:  # otherwise it was lost before it was ever handed out
            self._all.remove(connection)
            self._pass_on(None)


def _readability_check(descriptor: int) -> Callable[[int], Sequence[object]]:
    """A question that costs a microsecond: has anything come on this socket, or comes within so long?"""
    if not hasattr(select, "poll"):
        return lambda timeout: select.select([descriptor], [], [], timeout)[0]
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return poll.poll
