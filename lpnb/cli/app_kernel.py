"""The kernel of ``lpnb app``: one for all pages, which no page ends, and what each page is told of it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

#: Seconds, and messages, that a page waits for the states of its widgets before it is told what is new.
LONGEST_WAIT, MOST_WAITING = 10.0, 5_000
#: What keeps a kernel from warning that it is not encrypted: it is heard on loopback alone.
ERRORS_ONLY = "--IPKernelApp.log_level=ERROR"
#: Parts of the server's warnings that mean nothing here: a page that goes asks to end its kernel, which no
#: page ends, and two defaults of Jupyter do not agree.
_HARMLESS = ("/voila/api/shutdown/", "websocket_ping_timeout")


class HarmlessWarnings(logging.Filter):
    """Keeps two warnings of Jupyter's server out of the terminal; errors and all other warnings go there."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the terminal shows *record*."""
        return record.levelno > logging.WARNING or not any(part in record.getMessage() for part in _HARMLESS)


class AppKernelManager(AsyncMappingKernelManager):
    """Gives every page the kernel of the first one, with the explorer in it: form, history, runs.

    Voila asks for a kernel for each page, and ends it when the page goes. Here a page is a view; the kernel
    ends with the server, by ``shutdown_all``, which does not go through ``shutdown_kernel``.
    """

    _first: asyncio.Task[str] | None = None

    async def start_kernel(self, **options: str) -> str:  # type: ignore[override]  # it has both kinds
        """The id of the kernel there is; it is started with the first page, or after it has died."""
        task = self._first
        if task is None or (task.done() and (task.exception() or task.result() not in self)):
            kernel_options: dict[str, Any] = {**options, "extra_arguments": [ERRORS_ONLY]}
            task = self._first = asyncio.ensure_future(super().start_kernel(**kernel_options))
        return await asyncio.shield(task)

    async def shutdown_kernel(self, kernel_id: str, now: bool = False) -> None:  # type: ignore[override]
        """Nothing: a page has gone, and others may come."""


class AppWebsocketConnection(ZMQChannelsWebsocketConnection):
    """Tells a page of new widgets only after it has been told of those there are.

    A page that loads asks for the state of every widget. What the kernel opens between the page's connection
    and that answer refers to widgets that the page does not know yet: its widget manager waits two seconds
    for each, gives up, and shows none at all. So news of widgets waits for the answer, which has most of it;
    ten seconds at most, and not more than 5,000 messages, for a page that never gets one.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pending: list[tuple[Any, list[bytes]]] | None = []

    def handle_outgoing_message(self, stream: Any, outgoing_msg: list[bytes]) -> None:
        """Send a message of the kernel to the page, now or behind the states that it waits for."""
        if self._pending is None:
            super().handle_outgoing_message(stream, outgoing_msg)
            return
        _, (_, header, parent, _, content, *_) = self.session.feed_identities(outgoing_msg)
        kind = self.session.unpack(header)["msg_type"]
        known_comms = None
        if kind == "comm_info_reply":  # what a page asks for when the states do not come
            known_comms = self.session.unpack(content)["comms"]
        elif kind == "comm_msg" and self.session.unpack(parent).get("session") == self.session_id:
            known_comms = self.session.unpack(content)["data"].get("states")
        if known_comms is None and kind.startswith("comm_"):
            if not self._pending:
                asyncio.get_running_loop().call_later(LONGEST_WAIT, self._send_pending, {})
            self._pending.append((stream, outgoing_msg))
            if len(self._pending) >= MOST_WAITING:
                self._send_pending({})
            return
        super().handle_outgoing_message(stream, outgoing_msg)
        if known_comms is not None:
            self._send_pending(known_comms)

    def _send_pending(self, known_comms: dict[str, Any]) -> None:
        """Send what has waited, but for news of widgets that are among *known_comms* already."""
        messages, self._pending = self._pending or [], None
        for stream, message in messages:
            if not self._opens_one_of(known_comms, message):
                super().handle_outgoing_message(stream, message)

    def _opens_one_of(self, known_comms: dict[str, Any], message: list[bytes]) -> bool:
        _, (_, header, _, _, content, *_) = self.session.feed_identities(message)
        is_open = self.session.unpack(header)["msg_type"] == "comm_open"
        return is_open and self.session.unpack(content)["comm_id"] in known_comms
