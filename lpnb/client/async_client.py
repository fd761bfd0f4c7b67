"""``AsyncClient``: the methods of one LivePerson account for ``async`` code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from lpnb._internal import event_loop
from lpnb.api.history import DETAIL_CONTENT, HistoryRecord, by_filters
from lpnb.client.async_conversation import AsyncConversation
from lpnb.client.client_base import BaseClient, conversation_id_of, optional_consumer_id
from lpnb.client.conversation_base import conversation_ids_of
from lpnb.client.landings import DEFAULT_WAIT, LandingSource, find_landing
from lpnb.models.engagements import Engagement, EngagementRequest, Reported, ReportRequest
from lpnb.models.landings import Landing
from lpnb.models.outgoing import Batch
from lpnb.models.responses import BatchResponse

if TYPE_CHECKING:
    from lpnb.models.conversation_request import (
        CampaignInfo,
        ClientProperties,
        ConversationContext,
        TtrDefName,
    )
    from lpnb.models.engagement_attributes import AnyAttribute
    from lpnb.models.frame_base import Frame
    from lpnb.models.sdes import AnySde
    from lpnb.models.visitors import Identity, VisitorProperties


class AsyncClient(BaseClient):
    """``Client`` for ``async`` code: the same methods, awaited. It may be used from any event loop.

    Example:
        >>> import asyncio
        >>> from lpnb import Sandbox, Settings
        >>> async def main(sandbox):
        ...     async with AsyncClient(Settings.of(sandbox.environment())) as client:
        ...         return await client.create_conversation("consumer-1")
        >>> with Sandbox() as sandbox:
        ...     asyncio.run(main(sandbox)).outcome
        'answered'
    """

    async def create_conversation(
        self,
        consumer_id: str,
        sdes: Sequence[AnySde | Mapping[str, Any]] = (),
        *,
        engagement: Engagement | None = None,
        campaign_info: CampaignInfo | Mapping[str, Any] | None = None,
        conversation_context: ConversationContext | Mapping[str, Any] | None = None,
        ttr_def_name: TtrDefName | None = None,
        skill_id: str | int | None = None,
        client_properties: ClientProperties | Mapping[str, Any] | None = None,
        channel_type: Literal["MESSAGING"] | None = "MESSAGING",
        brand_id: str | int | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
        extra: Mapping[str, Any] | None = None,
        req_ids: Sequence[str] | None = None,
    ) -> BatchResponse:
        """Open a conversation for *consumer_id*; see ``Client.create_conversation``."""
        batch = self._build_batch(
            consumer_id,
            sdes,
            engagement=engagement,
            campaign_info=campaign_info,
            conversation_context=conversation_context,
            ttr_def_name=ttr_def_name,
            skill_id=skill_id,
            client_properties=client_properties,
            channel_type=channel_type,
            brand_id=brand_id,
            metadata=metadata,
            extra=extra,
            req_ids=req_ids,
        )
        return await event_loop.awaitable(self.engine.send(batch, consumer_id))

    async def send_batch(
        self, frames: Batch | str | bytes | Sequence[Mapping[str, Any]], consumer_id: str
    ) -> BatchResponse:
        """Post *frames* for *consumer_id* in one CONVERSATION call; see ``Client.send_batch``."""
        return await event_loop.awaitable(
            self.engine.send(self._read_batch(consumer_id, frames), consumer_id)
        )

    async def send_frame(
        self, frame: Frame | str | bytes | Mapping[str, Any], consumer_id: str
    ) -> BatchResponse:
        """Post one frame for *consumer_id* by SEND; see ``Client.send_frame``."""
        work = self.engine.send(self._read_frame(consumer_id, frame), consumer_id)
        return await event_loop.awaitable(work)

    def conversation(
        self,
        known: BatchResponse | Engagement | str,
        consumer_id: str | None = None,
        *,
        client_properties: ClientProperties | Mapping[str, Any] | None = None,
    ) -> AsyncConversation:
        """Return a conversation as an object, nothing to await; see ``Client.conversation``."""
        return AsyncConversation(self.engine, *conversation_ids_of(known, consumer_id), client_properties)

    async def find_open_conversation(self, consumer_id: str) -> AsyncConversation | None:
        """Find the conversation that a consumer has open; see ``Client.find_open_conversation``."""
        conversation_id = await event_loop.awaitable(self.engine.find_open_conversation(consumer_id))
        if conversation_id is None:
            return None
        return AsyncConversation(self.engine, conversation_id, consumer_id)

    async def engagement(
        self,
        consumer_id: str | None = None,
        *,
        entry_points: Sequence[str] = (),
        engagement_attributes: Sequence[AnyAttribute | Mapping[str, Any]] = (),
        identities: Sequence[Identity | Mapping[str, Any]] | None = None,
        client_properties: VisitorProperties | Mapping[str, Any] | None = None,
        version: str = "1.1",
        on_behalf: bool = True,
        visitor_id: str | None = None,
        session_id: str | None = None,
    ) -> Engagement:
        """Ask Monitoring for an engagement; see ``Client.engagement``."""
        request = EngagementRequest(
            optional_consumer_id(consumer_id),
            entry_points=entry_points,
            engagement_attributes=engagement_attributes,
            identities=identities,
            client_properties=client_properties,
            version=version,
            on_behalf=on_behalf,
            visitor_id=visitor_id,
            session_id=session_id,
        )
        return await event_loop.awaitable(self.engine.engagement(request))

    async def report(
        self,
        consumer_id: str | None,
        engagement_attributes: Sequence[AnyAttribute | Mapping[str, Any]],
        *,
        page_id: str | None = None,
        entry_points: Sequence[str] = (),
        identities: Sequence[Identity | Mapping[str, Any]] | None = None,
        client_properties: VisitorProperties | Mapping[str, Any] | None = None,
        version: str = "1.1",
        on_behalf: bool = True,
        visitor_id: str | None = None,
        session_id: str | None = None,
    ) -> Reported:
        """Report SDEs of a visitor to Monitoring; see ``Client.report``."""
        request = ReportRequest(
            optional_consumer_id(consumer_id),
            page_id=page_id,
            entry_points=entry_points,
            engagement_attributes=engagement_attributes,
            identities=identities,
            client_properties=client_properties,
            version=version,
            on_behalf=on_behalf,
            visitor_id=visitor_id,
            session_id=session_id,
        )
        return await event_loop.awaitable(self.engine.report(request))

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
        self,
        start: datetime,
        end: datetime,
        *,
        most: int = 500,
        status: str | Iterable[str] = ("OPEN", "CLOSE"),
        skill_ids: Sequence[str | int] = (),
        latest_skill_ids: Sequence[str | int] = (),
        agent_ids: Sequence[str | int] = (),
        sdes: Mapping[str, Sequence[str]] | None = None,
        content: Sequence[str] = DETAIL_CONTENT,
        limit: int = 50,
        sort: str = "start:desc",
        version: Literal[1, 2] = 2,
    ) -> tuple[HistoryRecord, ...]:
        """Every conversation in history that passes the filters; see ``Client.search_history``."""
        search = by_filters(
            start,
            end,
            status=status,
            skill_ids=skill_ids,
            latest_skill_ids=latest_skill_ids,
            agent_ids=agent_ids,
            sdes=sdes,
            content=content,
            limit=limit,
            sort=sort,
            version=version,
        )
        return await event_loop.awaitable(self.engine.history_search(search, most))

    async def landing(
        self, reply: BatchResponse | str, *, receiver: LandingSource | None = None, wait: float = DEFAULT_WAIT
    ) -> Landing:
        """Say which skill a conversation landed in; see ``Client.landing``."""
        source = receiver if receiver is not None else self.engine.listener
        work = find_landing(self.engine, conversation_id_of(reply), receiver=source, wait=wait)
        return await event_loop.awaitable(work)

    async def close(self) -> None:
        """Close the connections. Closing twice is harmless."""
        await event_loop.awaitable(self.engine.aclose())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
