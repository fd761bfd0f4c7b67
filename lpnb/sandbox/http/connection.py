"""The connection below HTTP: limits on heads and connections, and access to the transport for faults.

ASGI shows an application requests, not connections. This subclass of uvicorn's protocol adds a bound
on the size of a head, on its time and on the number of connections, and a `ClientConnection` in the
scope's state.
"""

import asyncio
import json
import logging
import re
import socket
import struct
import sys
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from lpnb.sandbox.http.limits import Limits
from lpnb.sandbox.http.messages import JSON, Answer

logger = logging.getLogger("lpnb.sandbox")
logger.addHandler(logging.NullHandler())

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class ClientConnection:
    """One request's hold on its connection."""

    def __init__(self, cycle: RequestResponseCycle, closed: asyncio.Event) -> None:
        self._cycle = cycle
        self.closed = closed
        """Set when the connection is lost, by the client or by us."""

    @property
    def blocked(self) -> bool:
        """Whether the client has to read before more can be written."""
        return self._cycle.flow.write_paused

    async def answer(self, answer: Answer) -> None:
        """Send a whole answer, when there is room for it."""
        if self.blocked and not self._cycle.disconnected:
            await self._cycle.flow.drain()
        self.put(answer)

    def put(self, answer: Answer) -> None:
        """Send a whole answer in one write: head and body in two cost a second system call."""
        cycle = self._cycle
        if cycle.disconnected:
            return
        pieces = [
            STATUS_LINE[answer.status],
            *(b"%b: %b\r\n" % header for header in cycle.default_headers),
            b"content-type: %b\r\ncontent-length: %d\r\n"
            % (answer.content_type.encode("latin-1"), len(answer.body)),
        ]
        if answer.headers or answer.content_type is not JSON:
            if any(map(_CONTROL.search, (answer.content_type, *(value for _, value in answer.headers)))):
                raise ValueError("A header of the answer has a control character in it.")
            headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
            pieces.append(headers.encode("latin-1"))
        if ("connection", "close") in answer.headers:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            pieces.append(b"connection: close\r\n")
        pieces.append(b"\r\n")
        if cycle.scope["method"] != "HEAD":
            pieces.append(answer.body)
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.transport.write(b"".join(pieces))
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()

    def write(self, data: bytes) -> None:
        """Put raw bytes on the connection, behind whatever HTTP has written."""
        if not self._cycle.transport.is_closing():
            self._cycle.transport.write(data)

    def cut(self, *, reset: bool = False) -> None:
        """Close the connection behind what was written; with *reset*, abort it with an RST."""
        transport = self._cycle.transport
        # The server would otherwise answer 500 for an application that gave no answer.
        self._cycle.disconnected = True
        if not reset:
            transport.close()
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # Linger for zero seconds: the kernel then sends RST in place of FIN.
            layout = "hh" if sys.platform == "win32" else "ii"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(layout, 1, 0))
        transport.abort()


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's httptools protocol, with limits."""

    limits = Limits()
    answer_inline: Callable[[Any, bytes], bool] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # uvicorn's own loggers belong to whoever runs uvicorn in this process.
        self.logger = logger
        self.access_log = False
        self._closed = asyncio.Event()
        self._reading_head = True
        self._head_started = False
        self._head_bytes = 0
        self._raw_bytes = 0
        self._refusal = (400, "This is not HTTP/1.1 as the sandbox reads it.")
        self._unparsed_size: int | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._parsing = False
        self._pending_start: tuple[RequestResponseCycle, Any] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, unless there are too many."""
        super().connection_made(transport)  # type: ignore[arg-type]
        if len(self.connections) > self.limits.connections:
            self._refuse(503, f"More than {self.limits.connections} connections are open; close some.")
            return
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let everything that waits on this connection know."""
        self._stop_head_timer()
        self._closed.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, within bounds."""
        self._raw_bytes += len(data)
        self._unset_keepalive_if_required()
        self._parsing = True
        try:
            if self._unparsed_size is None:
                self.parser.feed_data(data)
            else:
                self._take_unparsed(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._take_unparsed(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(*self._refusal)
        self._begin()
        self._parsing = False
        if self.transport.is_closing():
            return
        if self._reading_head:
            # The parser reports a header when it is complete: one that never ends is only seen here.
            if self._raw_bytes > self.limits.head_bytes:
                self._refuse(431, _head_too_long(self.limits))
            elif (self._head_started or self._raw_bytes) and self._head_timer is None:
                self._start_head_timer()
        elif self._raw_bytes > self.limits.raw_bytes:
            self._refuse(413, f"The body is longer than {self.limits.body_bytes} bytes.")

    def on_message_begin(self) -> None:
        """A request starts."""
        super().on_message_begin()
        self._reading_head = self._head_started = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the request target."""
        self._count_head_bytes(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; trailers come here too and count alike."""
        self._count_head_bytes(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is in: hand the request over."""
        self._reading_head = False
        self._stop_head_timer()
        self._read_absolute_target()
        super().on_headers_complete()
        # Java's client offers HTTP/2 with every first request. The parser stops at an upgrade without
        # reading the body; the request is answered in HTTP/1.1 all the same, then the connection closes.
        if self.parser.should_upgrade():
            headers = dict(self.headers)
            if b"transfer-encoding" in headers:
                self._refusal = (400, "Send a Content-Length, or no Upgrade: HTTP/1.1 is all there is here.")
                raise ValueError(self._refusal[1])
            self._unparsed_size = int(headers.get(b"content-length", b"0"))
            self.cycle.keep_alive = False
        self.scope["state"]["connection"] = ClientConnection(self.cycle, self._closed)

    def _read_absolute_target(self) -> None:
        """Take the host of an absolute-form target, as sent to a proxy, in place of the Host header's.

        Source: RFC 9112, section 3.2.2.
        """
        if self.url.startswith(b"/") or b"://" not in self.url:
            return
        scheme, _, rest = self.url.partition(b"://")
        authority, slash, target = rest.partition(b"/")
        if not slash:
            authority, mark, target = rest.partition(b"?")
            target = mark + target
        is_http = scheme.lower() in (b"http", b"https")
        if not is_http or not authority or b"@" in authority or b"#" in self.url or b"?" in authority:
            self._refusal = (400, "The request target must be a path, or an http or https URL of this host.")
            raise ValueError(self._refusal[1])
        self.url = b"/" + target
        self.headers[:] = [(b"host", authority), *(item for item in self.headers if item[0] != b"host")]

    def on_message_complete(self) -> None:
        """The body is in, or the parser thinks so because of an upgrade."""
        if self._unparsed_size is not None:
            return
        self._reading_head = True
        self._head_started = False
        self._raw_bytes = 0
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        # uvicorn makes a task when the head is in; most bodies come with it, and then none is needed.
        if self._parsing:
            self._pending_start = (cycle, app)
        else:
            super()._start_asgi_task(cycle, app)

    def _begin(self) -> None:
        """Answer what has arrived: at once, or in a task where that may take waiting."""
        # An answer brings up the next request, when the client sent several.
        while self._pending_start is not None:
            cycle, app = self._pending_start
            self._pending_start = None
            if not self._try_inline(cycle):
                super()._start_asgi_task(cycle, app)

    def _try_inline(self, cycle: RequestResponseCycle) -> bool:
        if self.answer_inline is None or cycle.more_body or cycle.disconnected:
            return False
        try:
            is_answered = self.answer_inline(cycle.scope, bytes(cycle.body))
        except Exception:
            logger.exception("The sandbox failed to answer %s", cycle.scope["method"])
            self._refuse(500, "The sandbox itself failed.")
            is_answered = True
        if is_answered:
            # As uvicorn does behind a task: the two would keep each other in memory.
            cycle.on_response = _no_callback
        return is_answered

    def _take_unparsed(self, data: bytes) -> None:
        """A piece of the body behind an upgrade, where its length is all there is to know."""
        assert self._unparsed_size is not None  # noqa: S101 - the parser stops for an upgrade only
        piece = data[: self._unparsed_size]
        self._unparsed_size -= len(piece)
        if piece:
            super().on_body(piece)
        if self._unparsed_size == 0:
            super().on_message_complete()

    def _count_head_bytes(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self.limits.head_bytes:
            self._refusal = (431, _head_too_long(self.limits))
            raise ValueError(self._refusal[1])

    def _refuse(self, status: int, sentence: str) -> None:
        """Answer without the application and close."""
        answering = (
            self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        )
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        # In the middle of an answer there is no room for a second one.
        if not answering:
            body = json.dumps({"error": sentence}).encode()
            head = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
                "content-type: application/json;charset=utf-8\r\nx-content-type-options: nosniff\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(self.limits.head_seconds, self._head_is_late)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.transport.is_closing():
            return
        if self._head_started or self._raw_bytes:
            self._refuse(408, f"The request head took longer than {self.limits.head_seconds:g} seconds.")
        else:
            self.transport.close()


def _no_callback() -> None:
    pass


def guarded_protocol(
    limits: Limits, answer_inline: Callable[[Any, bytes], bool] | None = None
) -> type[GuardedProtocol]:
    """The protocol class with these limits, for uvicorn to make one of per connection.

    *answer_inline* is shown every request whose body came with its head, and says whether it has answered.
    """
    answering = None if answer_inline is None else staticmethod(answer_inline)
    return type("GuardedProtocol", (GuardedProtocol,), {"limits": limits, "answer_inline": answering})


def _head_too_long(limits: Limits) -> str:
    return f"The request head is longer than {limits.head_bytes} bytes."
