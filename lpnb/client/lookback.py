"""What both clients can look back at: history, and the skill that a conversation landed in.

Each method is there twice, for ``Client`` and for ``AsyncClient``; the engine does the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from lpnb._internal import event_loop
from lpnb._internal.display import brief
from lpnb.api.history import DETAIL_CONTENT, HistoryRecord, by_filters
from lpnb.client.engine import Engine
from lpnb.client.landings import DEFAULT_WAIT, LandingSource, find_landing
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.landings import Landing
from lpnb.models.responses import BatchResponse


class LooksBack:
    """The methods of ``Client``."""

    engine: Engine

    def history_conversation(
        self, conversation_id: str, content: Sequence[str] = DETAIL_CONTENT
    ) -> HistoryRecord | None:
        """What history (Messaging Interactions) has of a conversation, about a minute late.

        Args:
            conversation_id: As CONVERSATION answered it.
            content: Which parts to fetch, such as "transfers", "sdes" or "messageRecords".

        Returns:
            A ``HistoryRecord``, or None when history has not heard of the conversation (yet).

        Raises:
            SettingsError: No credentials for history are set.
            CredentialsError: They are refused.
            ServiceError: History cannot be reached or does not answer the search.

        Example:
            >>> from lpnb import Client, Sandbox, Settings
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     reply = client.create_conversation("consumer-1", skill_id="2741903011")
            ...     client.history_conversation(reply.conversation_id).latest_skill_name
            'Cards & Payments'

        Source: Messaging Interactions API.
        """
        return event_loop.wait(self.engine.history_conversation(conversation_id, content))

    def history_consumer(
        self, consumer_id: str, status: str | Iterable[str] = "OPEN", content: Sequence[str] = DETAIL_CONTENT
    ) -> tuple[HistoryRecord, ...]:
        """A consumer's conversations in history, such as the open one whose id was lost.

        Args:
            consumer_id: As for ``create_conversation``.
            status: "OPEN", "CLOSE" or both.
            content: As for ``history_conversation``, which also says what is raised.
        """
        return event_loop.wait(self.engine.history_consumer(consumer_id, status, content))

    def search_history(
        self, start: datetime, end: datetime, *, most: int = 500, **filters: Any
    ) -> tuple[HistoryRecord, ...]:
        """Every conversation in history that started between *start* and *end* and passes all filters.

        Args:
            start: The earliest start, with a time zone.
            end: The latest start, at most three months later.
            most: How many records to fetch, page after page.
            **filters: ``status``, ``skill_ids``, ``latest_skill_ids``, ``agent_ids``, ``sdes``, ``content``,
                ``limit`` (records on a page), ``sort``, ``version``; see ``lpnb.api.history.by_filters``.

        Raises:
            InvalidValueError: Naming everything that is wrong; nothing was sent. Else as for
                ``history_conversation``.
        """
        return event_loop.wait(self.engine.history_search(by_filters(start, end, **filters), most))

    def landing(
        self, reply: BatchResponse | str, *, receiver: LandingSource | None = None, wait: float = DEFAULT_WAIT
    ) -> Landing:
        """Say which skill a conversation landed in, as soon as history or a webhook knows.

        Args:
            reply: What opened the conversation, or its id.
            receiver: A running ``Receiver`` to listen to as well; the one that was given to ``listen`` when
                left out.
            wait: Seconds to wait at the most, and up to ten more for an answer that is under way; history is
                about a minute late.

        Returns:
            A ``Landing``: ``skill_id``, ``skill_name``, ``transfers`` and who said so. Its ``outcome`` is
            "not visible" when nobody had heard of the conversation in time.

        Raises:
            SettingsError: There are neither credentials for history nor a receiver.
            ServiceError: History fails, and there is no receiver.

        Example:
            >>> from lpnb import Client, Sandbox, Settings
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     reply = client.create_conversation("consumer-1", skill_id="2741903011")
            ...     landing = client.landing(reply)
            >>> landing.skill_id, landing.skill_name, landing.source
            ('2741903011', 'Cards & Payments', 'history')
        """
        listener = receiver if receiver is not None else self.engine.listener
        return event_loop.wait(find_landing(self.engine, _id_of(reply), receiver=listener, wait=wait))


class AsyncLooksBack:
    """The methods of ``AsyncClient``."""

    engine: Engine

    async def history_conversation(
        self, conversation_id: str, content: Sequence[str] = DETAIL_CONTENT
    ) -> HistoryRecord | None:
        """What history has of a conversation; see ``Client.history_conversation``."""
        return await event_loop.awaitable(self.engine.history_conversation(conversation_id, content))

    async def history_consumer(
        self, consumer_id: str, status: str | Iterable[str] = "OPEN", content: Sequence[str] = DETAIL_CONTENT
    ) -> tuple[HistoryRecord, ...]:
        """A consumer's conversations in history; see ``Client.history_consumer``."""
        return await event_loop.awaitable(self.engine.history_consumer(consumer_id, status, content))

    async def search_history(
        self, start: datetime, end: datetime, *, most: int = 500, **filters: Any
    ) -> tuple[HistoryRecord, ...]:
        """Every conversation in history that passes the filters; see ``Client.search_history``."""
        search = by_filters(start, end, **filters)
        return await event_loop.awaitable(self.engine.history_search(search, most))

    async def landing(
        self, reply: BatchResponse | str, *, receiver: LandingSource | None = None, wait: float = DEFAULT_WAIT
    ) -> Landing:
        """Say which skill a conversation landed in; see ``Client.landing``."""
        listener = receiver if receiver is not None else self.engine.listener
        work = find_landing(self.engine, _id_of(reply), receiver=listener, wait=wait)
        return await event_loop.awaitable(work)


def _id_of(reply: BatchResponse | str) -> str:
    """The conversation that *reply* opened, or the id that it is."""
    if not isinstance(reply, str | BatchResponse):
        sentence = f"conversationId must be a reply that opened one, or its id; got {brief(reply)}."
        raise InvalidValueError([Complaint("conversationId", sentence)])
    conversation_id = reply if isinstance(reply, str) else reply.conversation_id
    if not conversation_id or not conversation_id.strip():
        came = "an empty id" if isinstance(reply, str) else f"a reply whose outcome is {reply.outcome!r}"
        sentence = f"There is no conversation to look for: this is {came}."
        raise InvalidValueError([Complaint("conversationId", sentence)])
    return conversation_id
