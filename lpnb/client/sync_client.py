"""``Client``: the methods of one LivePerson account for plain, blocking code."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from lpnb._internal import event_loop
from lpnb.api.history import DETAIL_CONTENT, HistoryRecord, by_filters
from lpnb.client.client_base import BaseClient, conversation_id_of, optional_consumer_id
from lpnb.client.engine import wait_for
from lpnb.client.landings import DEFAULT_WAIT, LandingSource, find_landing
from lpnb.models.engagements import Engagement, EngagementRequest, Reported, ReportRequest
from lpnb.models.landings import Landing
from lpnb.models.outgoing import Batch
from lpnb.models.responses import BatchResponse

if TYPE_CHECKING:
    from lpnb.client.conversation import Conversation
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

T = TypeVar("T")


class Client(BaseClient):
    """Talks to one account from plain code: a script, or a cell without ``await``.

    Domains and tokens are fetched when they are first needed and kept. It may be shared by threads. An
    interrupt (the notebook's stop button) is felt at once; a request that had already left is then kept
    in ``unknown``.

    Args:
        settings: The account; ``Settings.load()`` when left out.
        deadline: Seconds for each call as a whole, from name lookup to the reply's last byte.
        wait_scale: What every wait between attempts is multiplied by. 0 makes tests instant.
        transport: Anything with ``exchange`` and ``aclose``, in place of real connections.
        record: A file for every request and reply, as HAR: tokens and secrets are replaced. A sandbox answers
            from it with ``Sandbox(replay=...)``.
        record_personal: Keep what is about consumers as it is; left out, it is replaced as well.

    Example:
        >>> from lpnb import PersonalInfo, Sandbox, Settings
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     reply = client.create_conversation("consumer-1", sdes=[PersonalInfo(firstname="John")])
        >>> reply.outcome
        'answered'
        >>> [pair.message for pair in reply.pairs][0]
        'OK User Profile set successfully'
    """

    def create_conversation(
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
        """Open a conversation for *consumer_id*: SetUserProfile and ConsumerRequestConversation in one call.

        Args:
            consumer_id: The brand's id for the consumer (``ext_consumer_id``): unguessable, one person
                only, never recycled. The same id is always the same consumer.
            sdes: ``CustomerInfo`` and ``PersonalInfo``, or dicts as the wire has them.
            engagement: What Monitoring offered, to route by; see ``engagement()``.
            campaign_info: Which campaign and engagement to route by, when you know their ids.
            conversation_context: Where the consumer comes from.
            ttr_def_name: Urgency: "NORMAL", "URGENT", "PRIORITIZED", or ``lpnb.NULL``, which sends
                null and is not the same as leaving it out.
            skill_id: A fixed skill; a campaign is preferred.
            client_properties: For the ``Client-Properties`` header.
            channel_type: "MESSAGING"; None leaves the field out, as the page's minimal example does.
            brand_id: The account id, which is filled in when left out.
            metadata: Conversation metadata objects.
            extra: Fields of ``ConsumerRequestConversation`` that are not documented, by their wire names.
            req_ids: The two request ids; when left out, each attempt gets fresh ones.

        Returns:
            A ``BatchResponse``, whatever the service said; ``raise_for_outcome()`` makes it an error.

        Raises:
            InvalidValueError: The payload is wrong; nothing was sent.
            NotSentError: Hosts or tokens could not be had; nothing was sent.
        """
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
        return self._wait(self.engine.send(batch, consumer_id))

    def send_batch(
        self, frames: Batch | str | bytes | Sequence[Mapping[str, Any]], consumer_id: str
    ) -> BatchResponse:
        """Post *frames* for *consumer_id* in one CONVERSATION call.

        Args:
            frames: A ``ConversationBatch``; JSON text or a list of frames, which is read and checked like
                one; or a ``RawBatch``, which goes out byte for byte, whatever is wrong with it.
            consumer_id: As for ``create_conversation``.

        Returns:
            A ``BatchResponse``, whatever the service said; ``raise_for_outcome()`` makes it an error.

        Raises:
            InvalidValueError: The frames are wrong; nothing was sent.
            NotSentError: Hosts or tokens could not be had; nothing was sent.
        """
        return self._wait(self.engine.send(self._read_batch(consumer_id, frames), consumer_id))

    def send_frame(self, frame: Frame | str | bytes | Mapping[str, Any], consumer_id: str) -> BatchResponse:
        """Post one frame for *consumer_id* by SEND: a message, a receipt, a field, SDEs.

        Args:
            frame: One of ``lpnb.models.frames``, such as ``Message``; JSON text or a dict, of which the
                envelope and the length are checked; or a ``RawFrame``, which goes out byte for byte.
            consumer_id: Whose conversation it is.

        Returns:
            A ``BatchResponse`` with one pair, whatever the service said. ``sequence`` is the number of
            what was published. A frame that may have been accepted is not sent again by itself.

        Raises:
            InvalidValueError: The frame is wrong; nothing was sent.
            NotSentError: Hosts or tokens could not be had; nothing was sent.
        """
        return self._wait(self.engine.send(self._read_frame(consumer_id, frame), consumer_id))

    def conversation(
        self,
        known: BatchResponse | Engagement | str,
        consumer_id: str | None = None,
        *,
        client_properties: ClientProperties | Mapping[str, Any] | None = None,
    ) -> Conversation:
        """Return a conversation as an object, to say something in it, see where it landed, and close it.

        Args:
            known: The reply that opened it, an engagement that is "already open", or a conversationId.
            consumer_id: Whose it is; needed with a conversationId.
            client_properties: Sent with everything that is said. The features AUTO_MESSAGES and
                MULTI_DIALOG are wanted there as well as when the conversation opens (documented).

        Raises:
            InvalidValueError: *known* stands for no conversation; it says what to do instead.
        """
        from lpnb.client.conversation import Conversation
        from lpnb.client.conversation_base import conversation_ids_of

        return Conversation(self.engine, *conversation_ids_of(known, consumer_id), client_properties)

    def find_open_conversation(self, consumer_id: str) -> Conversation | None:
        """Find the conversation that a consumer has open, such as after an ``AlreadyOpenError``.

        Monitoring says it without credentials; history is asked too when the settings can read it. None says
        that neither knows of one: history is about a minute late.

        Raises:
            MonitoringError: Monitoring does not say, and history cannot be asked.
        """
        conversation_id = self._wait(self.engine.find_open_conversation(consumer_id))
        if conversation_id is None:
            return None
        return self.conversation(conversation_id, consumer_id)

    def engagement(
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
        """Ask Monitoring whether there is an engagement for a visitor, or a conversation already.

        The visitor and session ids that come back are kept for the consumer and sent again next time; when
        the service no longer knows them, they are dropped and it is asked once more. While the account
        loads, and when the service fails, it is asked again after 3, 10, 30 and 90 s.

        Args:
            consumer_id: As for ``create_conversation``.
            entry_points: Where the visitor is, such as "sec://cards", "tel://...", "lang://English".
            engagement_attributes: SDEs of any type but impressions; objects, or dicts as the wire has them.
            identities: Who the visitor is, such as ``Identity(sub="consumer-1", acr="loa1")``; the consumer,
                not authenticated, when left out.
            client_properties: The visitor's device.
            version: Of Monitoring's API, "1.1" or "1.0".
            on_behalf: Whether a server asks on the visitor's behalf (``obh``), so that its address says
                nothing of where the visitor is.
            visitor_id: A ``vid``; the one that is kept for the consumer when left out.
            session_id: A ``sid``; likewise.

        Returns:
            An ``Engagement`` whose ``outcome`` is "offered", "none" or "already open".

        Raises:
            InvalidValueError: Something given is wrong; nothing was sent.
            MonitoringError: Monitoring refused, kept failing, or the account kept loading.

        Example:
            >>> from lpnb import Client, Sandbox, Settings
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     offer = client.engagement("consumer-1", entry_points=["sec://payments"])
            ...     reply = client.create_conversation("consumer-1", engagement=offer)
            >>> offer
            <Engagement offered: Engagement 888889 of campaign 99999 is offered; batch.with_engagement(engagement) routes by it.>
        """  # noqa: E501
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
        return event_loop.wait(self.engine.engagement(request))

    def report(
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
        """Report SDEs of a visitor to Monitoring, or what became of an engagement that was offered.

        Args:
            consumer_id: As for ``create_conversation``.
            engagement_attributes: SDEs of any type, such as ``Cart`` or ``engagement.impression(...)``.
            page_id: The page it is about, such as ``engagement.page_id``; any when left out.
            entry_points: Where the visitor is, such as "sec://cards", "tel://...", "lang://English".
            identities: Who the visitor is, such as ``Identity(sub="consumer-1", acr="loa1")``; the consumer,
                not authenticated, when left out.
            client_properties: The visitor's device.
            version: Of Monitoring's API, "1.1" or "1.0".
            on_behalf: Whether a server asks on the visitor's behalf (``obh``), so that its address says
                nothing of where the visitor is.
            visitor_id: A ``vid``; the one that is kept for the consumer when left out.
            session_id: A ``sid``; likewise.

        Raises:
            InvalidValueError: Something given is wrong; nothing was sent.
            MonitoringError: Monitoring refused, kept failing, or nobody knows whether it was taken.
        """
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
        return event_loop.wait(self.engine.report(request))

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
            CredentialsError: Every way into history is refused; the connector's own application is the last.
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
        """Every conversation in history that started between *start* and *end* and passes all filters.

        Args:
            start: The earliest start, with a time zone.
            end: The latest start, at most three months later.
            most: How many records to fetch, page after page.
            status: "OPEN", "CLOSE" or both.
            skill_ids: Skills it has been in at any time.
            latest_skill_ids: Skills it is in, or was in at its end.
            agent_ids: Agents it was last assigned to.
            sdes: History's name of an SDE or of a field to the values it may have, such as
                ``{"customerType": ["vip"]}``. They can be found about two hours after they were sent.
            content: As for ``history_conversation``.
            limit: Records on a page, 1 to 100.
            sort: "start" or "end", and ":asc" or ":desc".
            version: 2 has typed values and unauthenticated SDEs; 1 has text only.

        Raises:
            InvalidValueError: Naming everything that is wrong; nothing was sent. Else as for
                ``history_conversation``.
        """
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
        return event_loop.wait(self.engine.history_search(search, most))

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
            CredentialsError: Every way into history is refused, and there is no receiver.
            ServiceError: History fails, and there is no receiver.

        Example:
            >>> from lpnb import Client, Sandbox, Settings
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     reply = client.create_conversation("consumer-1", skill_id="2741903011")
            ...     landing = client.landing(reply)
            >>> landing.skill_id, landing.skill_name, landing.source
            ('2741903011', 'Cards & Payments', 'history')
        """
        source = receiver if receiver is not None else self.engine.listener
        return event_loop.wait(
            find_landing(self.engine, conversation_id_of(reply), receiver=source, wait=wait)
        )

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return wait_for(self.engine, work)

    def close(self) -> None:
        """Close the connections. Closing twice is harmless."""
        event_loop.wait(self.engine.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
