"""``LandingLookup``: asks where a send landed, once at a time for each send, and remembers the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lpnb.client.landings import find_landing
from lpnb.models.landings import Landing
from lpnb.widgets.send.sent_request import SentRequest


class LandingLookup:
    """What asks for landings; it lives on lpnb's loop.

    Args:
        on_landing: Called with a send whose landing has become known.
    """

    def __init__(self, on_landing: Callable[[SentRequest], None]) -> None:
        self._on_landing = on_landing
        self._tasks: dict[SentRequest, asyncio.Task[Landing]] = {}

    async def find(self, send: SentRequest) -> Landing:
        """Where *send* landed: asked anew, unless somebody is asking already.

        Raises:
            LpnbError: Whatever ``find_landing`` raises.
        """
        if (task := self._tasks.get(send)) is None:
            task = self._tasks[send] = asyncio.ensure_future(self._find(send))
            task.add_done_callback(lambda _: self._tasks.pop(send, None))
        return await asyncio.shield(task)

    async def _find(self, send: SentRequest) -> Landing:
        assert send.client is not None  # noqa: S101 - nobody asks about another account's
        assert send.response.conversation_id is not None  # noqa: S101
        engine = send.client.engine
        send.landing = await find_landing(engine, send.response.conversation_id, receiver=engine.listener)
        self._on_landing(send)
        return send.landing


def is_free_to_ask(send: SentRequest) -> bool:
    """Whether the question stays on this machine and there is somebody to answer it."""
    if send.client is None or not send.response.conversation_id:
        return False
    settings = send.client.settings
    return settings.on_loopback and bool(settings.can_read_history or send.client.engine.listener)
