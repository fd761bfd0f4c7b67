"""An HTTP proxy on loopback that leads every tunnel to one port, and refuses, waits or cuts when told to."""

from __future__ import annotations

import asyncio
import base64
import threading
from contextlib import suppress
from typing import Literal
from urllib.parse import quote

#: Where a tunnel is cut: before its answer, once it stands, when the request comes, or its reply.
Cut = Literal["connect", "tunnel", "request", "reply"]
_APPLICATION_DATA = 0x17


class LoopbackProxy:
    """Takes CONNECT and leads it to *target_port* on this machine, whatever host was asked for.

    Args:
        target_port: Where every tunnel ends.
        user, password: Asked for by Basic authentication, when given.

    ``cuts`` maps a host to where its tunnels are cut, ``status`` is said to every CONNECT in place of 200,
    and ``held`` keeps tunnels from being made while it is set. ``log`` has the head of every request as the
    proxy could read it.
    """

    def __init__(self, target_port: int, user: str = "", password: str = "") -> None:
        self.target_port = target_port
        self.status = 200
        self.cuts: dict[str, Cut] = {}
        self.held = False
        self.log: list[str] = []
        self._credentials = base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        self._in_address = f"{user}:{quote(password, safe='')}@" if user else ""
        self._never = asyncio.Event()  # held here, or the tasks that wait for it are garbage
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Without user and password."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        """With user and password, if it asks for them."""
        return f"http://{self._in_address}127.0.0.1:{self.port}"

    @property
    def hosts(self) -> list[str]:
        """The hosts of all CONNECT requests so far, in order."""
        return [head.split()[1].partition(":")[0] for head in self.log]

    def close(self) -> None:
        """End every tunnel and the thread."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for _ in range(2):  # a connection that was taken a moment ago has its task a moment later
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.log.append(head)
            await self._answer(head, reader, writer)
        writer.transport.abort() if self._server.sockets == () else writer.close()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = head.split()[1].partition(":")[0]
        status = self.status
        if self._credentials and f"Proxy-Authorization: Basic {self._credentials}" not in head:
            status = 407
        if self.held:
            await self._never.wait()
        cut = self.cuts.get(host)
        if cut == "connect":
            return
        writer.write(f"HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        if status != 200 or cut == "tunnel":
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
        state = {"requests": 0}
        ways = [
            asyncio.create_task(self._carry(reader, far_writer, cut, state, True)),
            asyncio.create_task(self._carry(far_reader, writer, cut, state, False)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            far_writer.transport.abort()

    async def _carry(
        self,
        source: asyncio.StreamReader,
        to: asyncio.StreamWriter,
        cut: Cut | None,
        state: dict[str, int],
        from_client: bool,
    ) -> None:
        """Hand TLS records on; the client's second one of application data is its request (TLS 1.3)."""
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                record = await source.readexactly(5)
                record += await source.readexactly(int.from_bytes(record[3:5], "big"))
                if from_client and record[0] == _APPLICATION_DATA:
                    state["requests"] += 1
                    if cut == "request" and state["requests"] > 1:
                        return
                if not from_client and cut == "reply" and state["requests"] > 1:
                    return
                to.write(record)
                await to.drain()
