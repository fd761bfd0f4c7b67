"""uvicorn in a thread of its own for the webhook endpoint, on a socket bound beforehand."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import uvicorn

from lpnb.errors import ReceiverError

if TYPE_CHECKING:
    from lpnb.webhooks.endpoint import WebhookEndpoint

#: Connections at one time; whoever comes beyond that is told to come later.
MAX_CONNECTIONS = 128
#: Bytes of a request's head.
MAX_HEAD_BYTES = 32 << 10
#: Seconds that a connection may say nothing, or not finish its first head.
SILENT_SECONDS = 10.0
_START_TIMEOUT_SECONDS = 10.0
# Whoever knocks with anything but HTTP is logged there; where no logging is set up, that would be printed
# into the notebook, a line for each.
logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())


class EndpointServer(uvicorn.Server):
    """uvicorn's server in a thread; ``start`` returns when it serves, ``stop`` when it has ended."""

    def __init__(self, endpoint: WebhookEndpoint, listener: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                endpoint,
                # Slower than the parser in C, and unlike that one it bounds what a head may weigh.
                http="h11",
                h11_max_incomplete_event_size=MAX_HEAD_BYTES,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                limit_concurrency=MAX_CONNECTIONS,
                timeout_graceful_shutdown=2,
            )
        )
        self._listener = listener
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._silent_since: dict[Any, float] = {}
        self._thread = threading.Thread(target=self._run, name="lpnb-webhooks", daemon=True)

    def start(self) -> None:
        """Serve.

        Raises:
            ReceiverError: It could not be begun.
        """
        self._thread.start()
        if not self._ready.wait(_START_TIMEOUT_SECONDS) or self._failure is not None:
            raise ReceiverError("The receiver could not start.") from self._failure

    def stop(self) -> None:
        """Take no more, let those who are being answered have their answer, and end."""
        if self._loop is not None and self._stopping is not None:
            # The loop may have closed in between.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_START_TIMEOUT_SECONDS)

    def _run(self) -> None:
        try:
            asyncio.run(self.serve(sockets=[self._listener]))
        except BaseException as error:  # told to whoever waits in start()
            self._failure = error
        finally:
            self._listener.close()
            self._ready.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, and say so."""
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        await super().startup(sockets=sockets)
        self._ready.set()

    async def main_loop(self) -> None:
        """Wait until told to stop; once a second the Date header is renewed."""
        assert self._stopping is not None  # noqa: S101 - startup() made it
        while not self._stopping.is_set():
            await self.on_tick(0)
            self._cut_silent(time.monotonic())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more, then let uvicorn end what it has."""
        # What was accepted in this very moment becomes known within three rounds of the loop: a connection
        # still on its way when its server closes is never closed.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().remove_reader(self._listener)
        for _ in range(3):
            await asyncio.sleep(0)
        await super().shutdown(sockets=sockets)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)

    def _cut_silent(self, now: float) -> None:
        """Cut connections that have asked for nothing yet: the server itself waits for them for ever."""
        silent_clients = [
            client for client in self.server_state.connections if getattr(client, "cycle", self) is None
        ]
        self._silent_since = {client: self._silent_since.get(client, now) for client in silent_clients}
        for connection, since in self._silent_since.items():
            if now - since > SILENT_SECONDS:
                connection.transport.abort()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ReceiverError: The port is taken, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol left at 0, asyncio does not set TCP_NODELAY and replies wait for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
        listener.setblocking(False)
    except (OSError, OverflowError) as error:
        listener.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise ReceiverError(
                f"Port {port} on {host} is taken. Name another, or 0 for a free one."
            ) from None
        raise ReceiverError(f"{host}:{port} cannot be listened on: {error}.") from None
    return listener
