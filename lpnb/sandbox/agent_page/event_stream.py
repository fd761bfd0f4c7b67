"""Server-sent events of the agent's page: the ids of the conversations that changed.

An event names what changed and not how; the browser fetches the page again. So nothing is stored
for a client but a bounded set of ids, and one that reconnects is told to fetch everything.
"""

import asyncio
import json
from typing import Any

from starlette.types import Receive, Scope, Send

from lpnb.sandbox.agent_page.inbox import Inbox, StreamClient
from lpnb.sandbox.agent_page.security import HEADERS, check_page_host
from lpnb.sandbox.http.asgi import send_answer
from lpnb.sandbox.http.connection import ClientConnection
from lpnb.sandbox.http.messages import Request, error_answer

# A client is told something no more often than this, and that the stream lives no less often.
_SHORTEST_INTERVAL_SECONDS = 0.2
_HEARTBEAT_SECONDS = 15.0


class EventStream:
    """``GET /agent/events``, with ``Last-Event-ID`` or ``since`` to go on from."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell until the client goes."""
        request: Request = scope["state"]["request"]
        refusal = check_page_host(request)
        if refusal is None and request.method != "GET":
            refusal = error_answer(405, "Send GET here.", headers=(*HEADERS, ("allow", "GET")))
        if refusal is not None:
            await send_answer(refusal, send)
            return
        client = self._inbox.join(_last_event_number(request))
        if client is None:
            await send_answer(
                error_answer(503, "Too many pages are connected; close some.", headers=HEADERS), send
            )
            return
        connection: ClientConnection = scope["state"]["connection"]
        close_task = asyncio.ensure_future(connection.closed.wait())
        try:
            headers = [(b"content-type", b"text/event-stream;charset=utf-8")]
            headers += [(name.encode(), value.encode()) for name, value in HEADERS]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await _write(send, b"retry: 1000\n\n")
            while not close_task.done():
                await self._send_change(client, close_task, send)
        finally:
            close_task.cancel()
            self._inbox.leave(client)

    async def _send_change(self, client: StreamClient, close_task: "asyncio.Future[Any]", send: Send) -> None:
        """Wait for something to tell, and tell it."""
        wake_task = asyncio.ensure_future(client.wait())
        try:
            await asyncio.wait(
                (close_task, wake_task), timeout=_HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if close_task.done():
                return
            if not wake_task.done():
                await _write(send, b": alive\n\n")
                return
        finally:
            wake_task.cancel()
        sequence, ids = self._inbox.take(client)
        data = json.dumps({"changed": ids})
        await _write(send, f"id: {sequence}\ndata: {data}\n\n".encode())
        # What happens in between is told together.
        await asyncio.wait((close_task,), timeout=_SHORTEST_INTERVAL_SECONDS)


def _last_event_number(request: Request) -> int | None:
    """The number of the last event the client knows of, or None."""
    text = request.header("last-event-id") or next(iter(request.query_values("since")), "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


async def _write(send: Send, piece: bytes) -> None:
    await send({"type": "http.response.body", "body": piece, "more_body": True})
