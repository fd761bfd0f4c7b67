"""uvicorn in a thread of its own, on a loopback socket that was bound beforehand."""

import asyncio
import contextlib
import errno
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import uvicorn

_START_TIMEOUT_SECONDS = 10


class PortTakenError(OSError):
    """Another program listens on the port that was asked for."""


class ServerThread(uvicorn.Server):
    """uvicorn's server, run in this thread, stopped at once and not in steps of a tenth of a second.

    *tick* is called about once a second, in the thread of the server; *beside* runs as long as it serves.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        sock: socket.socket,
        tick: Callable[[], None],
        background: Callable[[], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        super().__init__(config)
        self._background = background
        self._background_task: asyncio.Task[None] | None = None
        self._socket = sock
        self._tick = tick
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def run_in_thread(self) -> None:
        """The thread's whole life."""
        try:
            asyncio.run(self.serve(sockets=[self._socket]))
        except BaseException as error:  # told to whoever waits in start()
            self._failure = error
        finally:
            self._socket.close()
            self._ready.set()

    def wait_until_ready(self) -> None:
        """Return when connections are served; raise what kept them from it."""
        if not self._ready.wait(_START_TIMEOUT_SECONDS):
            raise RuntimeError(f"The sandbox was not ready after {_START_TIMEOUT_SECONDS} seconds.")
        if self._failure is not None:
            raise RuntimeError("The sandbox could not start.") from self._failure

    def request_stop(self) -> None:
        """Stop soon; callable from any thread, and when it has stopped already."""
        if self._loop is not None and self._stop is not None:
            # The loop may have closed in between.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, and say so."""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        await super().startup(sockets=sockets)
        # Before the first request: sets the headers that every answer has.
        await self.on_tick(0)
        if self._background is not None:
            self._background_task = self._loop.create_task(self._background())
        self._ready.set()

    async def main_loop(self) -> None:
        """Wait until told to stop."""
        assert self._stop is not None  # noqa: S101 - startup() made it
        while not self._stop.is_set():
            # Renews the Date header.
            await self.on_tick(0)
            self._tick()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut every connection, and leave no task behind."""
        if self._background_task is not None:
            self._background_task.cancel()
            await asyncio.wait((self._background_task,), timeout=0.5)
        # Accept no more, but let what was accepted in this very moment become known, which takes three
        # rounds of the loop: a connection still on its way when its server closes is never closed.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().remove_reader(self._socket)
        for _ in range(3):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        # Every wait in a fault ends when its connection is gone; cancelling is for what should not be there.
        if tasks := list(self.server_state.tasks):
            _, unfinished_tasks = await asyncio.wait(tasks, timeout=0.5)
            for task in unfinished_tasks:
                task.cancel()
        for server in self.servers:
            await server.wait_closed()


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1.

    Raises:
        PortTakenError: When another program has the port.
    """
    # With the protocol left at 0, asyncio does not set TCP_NODELAY and replies wait 40 ms for an ACK.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            # A port just left by an earlier sandbox may be taken again at once.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen(2048)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(error.errno, f"Port {port} on 127.0.0.1 is taken") from None
        raise
    return sock
