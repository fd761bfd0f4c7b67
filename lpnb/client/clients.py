"""``Client`` and ``AsyncClient``: the two doors to one engine, for plain and for ``async`` code."""

from __future__ import annotations

import concurrent.futures
import weakref
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

from lpnb._internal import event_loop
from lpnb._internal.display import esc
from lpnb._internal.validation import check_consumer_id, check_kind
from lpnb.client.asking import Asks, AsyncAsks
from lpnb.client.conversation import AsyncConversation, Conversation, conversation_ids_of, find_open, wait_for
from lpnb.client.engine import Engine
from lpnb.client.lookback import AsyncLooksBack, LooksBack
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.engagements import Engagement
from lpnb.models.outgoing import Batch
from lpnb.models.responses import BatchResponse
from lpnb.settings import Settings
from lpnb.transport.http_transport import DEADLINE, HttpTransport, Transport

if TYPE_CHECKING:
    from lpnb.client.conversation_core import MessageListener
    from lpnb.models.conversation_request import CampaignInfo, ClientProperties, ConversationContext
    from lpnb.models.frame_base import Frame
    from lpnb.models.sdes import AnySde


T = TypeVar("T")


class _Client:
    """What both clients are made of.

    ``engine`` runs the flows. Whatever lives on the background loop itself (a panel, a run of many sends)
    awaits it there; everybody else uses the methods.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        deadline: float = DEADLINE,
        wait_scale: float = 1.0,
        transport: Transport | None = None,
    ) -> None:
        check_kind("settings", settings, (Settings, type(None)), "Settings, or None to look for them")
        self.settings = settings if settings is not None else Settings.load()
        self.engine = Engine(self.settings, transport or HttpTransport(deadline), wait_scale)
        # Closes the connections when a notebook forgets to, at the latest when Python ends.
        self._closing = weakref.finalize(self, _close, self.engine)

    @property
    def unknown(self) -> tuple[BatchResponse, ...]:
        """Every response so far whose outcome is unknown, those of interrupted sends included."""
        return tuple(self.engine.unknown)

    @property
    def recent(self) -> tuple[BatchResponse, ...]:
        """The last thousand responses, the newest last; also one that an interrupt came in between of."""
        return tuple(self.engine.recent)

    def listen(self, receiver: MessageListener) -> Self:
        """Let every conversation made from here on listen to *receiver*, a running ``Receiver``."""
        self.engine.listener = receiver
        return self

    def _built(self, consumer_id: str, sdes: Any, request: Mapping[str, Any], **given: Any) -> Batch:
        check_consumer_id(consumer_id)
        from lpnb.models.batches import ConversationBatch

        engagement = given.pop("engagement")
        fields = {name: value for name, value in given.items() if value is not None}
        batch = ConversationBatch.build(() if sdes is None else sdes, **fields, **request)
        return batch if engagement is None else batch.with_engagement(engagement)

    def _read(self, consumer_id: str, frames: Any) -> Batch:
        check_consumer_id(consumer_id)  # first: the two arguments of send_batch are easily swapped
        from lpnb.models.batches import batch_of
        from lpnb.models.frame_base import Frame

        if isinstance(frames, Frame):
            sentence = "frames must be a batch, which CONVERSATION takes; one frame goes out with send_frame."
            raise InvalidValueError([Complaint("frames", sentence)])
        return batch_of(frames)

    def _read_frame(self, consumer_id: str, frame: Any) -> Frame:
        check_consumer_id(consumer_id)
        from lpnb.models.frames import frame_of

        return frame_of(frame)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} account {self.settings.account_id} through {self.settings.domain_api}>"
        )

    def _repr_html_(self) -> str:
        where = "this machine" if self.settings.on_loopback else "a real account"
        return f"<p>{esc(repr(self)[1:-1])} ({where})</p>"


def check_client(client: object) -> None:
    """See that *client* is one.

    Raises:
        InvalidValueError: It is not.

    Example:
        >>> check_client("12345678")
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: client must be a Client or AsyncClient; got a str.
    """
    check_kind("client", client, _Client, "a Client or AsyncClient")


def _close(engine: Engine) -> None:
    if engine.closed or not event_loop.is_running():
        return
    closing = event_loop.submit(engine.aclose())
    if not event_loop.is_here():
        concurrent.futures.wait([closing], timeout=2.0)


class Client(Asks, LooksBack, _Client):
    """Talks to one account from plain code: a script, or a cell without ``await``.

    Domains and tokens are fetched when they are first needed and kept. It may be shared by threads. An
    interrupt (the notebook's stop button) is felt at once; a request that had already left is then kept
    in ``unknown``.

    Args:
        settings: The account; ``Settings.load()`` when left out.
        deadline: Seconds for each call as a whole, from name lookup to the reply's last byte.
        wait_scale: What every wait between attempts is multiplied by. 0 makes tests instant.
        transport: Anything with ``exchange`` and ``aclose``, in place of real connections.

    Example:
        >>> from lpnb import PersonalInfo, Sandbox
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
        ttr_def_name: str | None = None,
        skill_id: str | int | None = None,
        client_properties: ClientProperties | Mapping[str, Any] | None = None,
        **request: Any,
    ) -> BatchResponse:
        """Open a conversation for *consumer_id*: SetUserProfile and ConsumerRequestConversation in one call.

        Args:
            consumer_id: The brand's id for the consumer (``ext_consumer_id``): unguessable, one person
                only, never recycled. The same id is always the same consumer.
            sdes: ``CustomerInfo`` and ``PersonalInfo``, or dicts as the wire has them.
            engagement: What Monitoring offered, to route by; see ``engagement()``.
            campaign_info: Which campaign and engagement to route by, when you know their ids.
            conversation_context: Where the consumer comes from.
            ttr_def_name: Urgency: "NORMAL", "URGENT" or "PRIORITIZED".
            skill_id: A fixed skill; a campaign is preferred.
            client_properties: For the ``Client-Properties`` header.
            **request: The other fields of ``ConsumerRequestConversation``: ``channel_type``, ``brand_id``,
                ``metadata``, ``extra``. And ``req_ids``, to give the request ids yourself.

        Returns:
            A ``BatchResponse``, whatever the service said; ``raise_for_outcome()`` makes it an error.

        Raises:
            InvalidValueError: The payload is wrong; nothing was sent.
            NotSentError: Hosts or tokens could not be had; nothing was sent.
        """
        batch = self._built(
            consumer_id,
            sdes,
            request,
            engagement=engagement,
            campaign_info=campaign_info,
            conversation_context=conversation_context,
            ttr_def_name=ttr_def_name,
            skill_id=skill_id,
            client_properties=client_properties,
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
        return self._wait(self.engine.send(self._read(consumer_id, frames), consumer_id))

    def send_frame(self, frame: Frame | str | bytes | Mapping[str, Any], consumer_id: str) -> BatchResponse:
        """Post one frame for *consumer_id* by SEND: a message, a receipt, a field, SDEs.

        Args:
            frame: One of ``lpnb.models.frames``, such as ``Message``; JSON text or a dict, of which the
                envelope and the length are checked; or a ``RawFrame``, which goes out byte for byte.
            consumer_id: Whose conversation it is.

        Returns:
            A ``BatchResponse`` with one pair, whatever the service said. ``sequence`` is the number of
            what was published. A frame that may have been taken is not sent again by itself.

        Raises:
            InvalidValueError: The frame is wrong; nothing was sent.
            NotSentError: Hosts or tokens could not be had; nothing was sent.
        """
        return self._wait(self.engine.send_frame(self._read_frame(consumer_id, frame), consumer_id))

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
        return Conversation(self.engine, *conversation_ids_of(known, consumer_id), client_properties)

    def find_open_conversation(self, consumer_id: str) -> Conversation | None:
        """Find the conversation that a consumer has open, such as after an ``AlreadyOpenError``.

        Monitoring says it without credentials; history is asked too when the settings can read it. None says
        that neither knows of one: history is about a minute late.

        Raises:
            MonitoringError: Monitoring does not say, and history cannot be asked.
        """
        found = self._wait(find_open(self.engine, consumer_id))
        return None if found is None else Conversation(self.engine, found, consumer_id)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return wait_for(self.engine, work)

    def close(self) -> None:
        """Close the connections. Closing twice is harmless."""
        event_loop.wait(self.engine.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncClient(AsyncAsks, AsyncLooksBack, _Client):
    """``Client`` for ``async`` code: the same methods, awaited. It may be used from any event loop.

    Example:
        >>> import asyncio
        >>> from lpnb import Sandbox
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
        ttr_def_name: str | None = None,
        skill_id: str | int | None = None,
        client_properties: ClientProperties | Mapping[str, Any] | None = None,
        **request: Any,
    ) -> BatchResponse:
        """Open a conversation for *consumer_id*; see ``Client.create_conversation``."""
        batch = self._built(
            consumer_id,
            sdes,
            request,
            engagement=engagement,
            campaign_info=campaign_info,
            conversation_context=conversation_context,
            ttr_def_name=ttr_def_name,
            skill_id=skill_id,
            client_properties=client_properties,
        )
        return await event_loop.awaitable(self.engine.send(batch, consumer_id))

    async def send_batch(
        self, frames: Batch | str | bytes | Sequence[Mapping[str, Any]], consumer_id: str
    ) -> BatchResponse:
        """Post *frames* for *consumer_id* in one CONVERSATION call; see ``Client.send_batch``."""
        return await event_loop.awaitable(self.engine.send(self._read(consumer_id, frames), consumer_id))

    async def send_frame(
        self, frame: Frame | str | bytes | Mapping[str, Any], consumer_id: str
    ) -> BatchResponse:
        """Post one frame for *consumer_id* by SEND; see ``Client.send_frame``."""
        work = self.engine.send_frame(self._read_frame(consumer_id, frame), consumer_id)
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
        found = await event_loop.awaitable(find_open(self.engine, consumer_id))
        return None if found is None else AsyncConversation(self.engine, found, consumer_id)

    async def close(self) -> None:
        """Close the connections. Closing twice is harmless."""
        await event_loop.awaitable(self.engine.aclose())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
