"""One conversation as an object: ``Conversation`` for plain code, ``AsyncConversation`` for ``async`` code.

What it does is ``dialogue``'s; here are the two doors to it.
"""

from __future__ import annotations

import warnings
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from lpnb._internal import event_loop
from lpnb._internal.display import brief, esc
from lpnb._internal.validation import check_consumer_id
from lpnb.client.conversation_core import ConversationCore, ConversationDetails, MessageListener
from lpnb.client.landings import DEFAULT_WAIT
from lpnb.client.transcripts import TranscriptLine, to_columns
from lpnb.errors import Complaint, InvalidValueError, ServiceError
from lpnb.models.engagements import Engagement
from lpnb.models.landings import Landing
from lpnb.models.responses import BatchResponse

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.client.engine import Engine
    from lpnb.models.conversation_request import ClientProperties
    from lpnb.models.webhook_events import Event

T = TypeVar("T")


class _Conversation:
    """What both conversations are made of."""

    def __init__(
        self,
        engine: Engine,
        conversation_id: str,
        consumer_id: str,
        client_properties: ClientProperties | Mapping[str, Any] | None = None,
    ) -> None:
        properties: Any = client_properties
        if properties is not None and not hasattr(properties, "to_header"):
            from lpnb.models.conversation_request import ClientProperties

            properties = ClientProperties.from_wire(properties, path="Client-Properties")
        self._core = ConversationCore(engine, conversation_id, consumer_id, engine.listener, properties)

    @property
    def id(self) -> str:
        """The conversationId."""
        return self._core.conversation_id

    @property
    def consumer_id(self) -> str:
        """Whose conversation it is (``ext_consumer_id``)."""
        return self._core.consumer_id

    @property
    def engine(self) -> Engine:
        """The client's engine."""
        return self._core.engine

    @property
    def receiver(self) -> MessageListener | None:
        """The ``Receiver`` it listens to."""
        return self._core.listener

    @property
    def closed(self) -> bool:
        """Whether it is known here to be closed: by ``close()``, or because the service said so."""
        return self._core.closed

    @property
    def messages(self) -> tuple[TranscriptLine, ...]:
        """What was said from here, in the order sent, and what became of it."""
        return tuple(self._core.lines)

    @property
    def responses(self) -> tuple[BatchResponse, ...]:
        """What SEND answered to everything that was sent from here; ``responses_table`` takes them."""
        return tuple(self._core.responses)

    @property
    def last_sequence(self) -> int | None:
        """The highest number that SEND has given here to what was published in the main dialog, or None."""
        return self._core.sequences.get(self.id)

    def listen(self, receiver: MessageListener) -> Self:
        """Listen to *receiver*: it brings what agents say, for ``next_message`` and ``transcript``."""
        self._core.listener = receiver
        return self

    def _warn_if_open(self, answer: BatchResponse) -> None:
        # Leaving the ``with`` block has not, or not surely, closed it, and an agent may be waiting.
        if not self.closed:
            warnings.warn(f"Conversation {self.id} may still be open: {answer.explanation}", stacklevel=3)

    def __repr__(self) -> str:
        state = " (closed)" if self.closed else ""
        return f"<{type(self).__name__} {self.id} of {self.consumer_id}{state}>"

    def _repr_html_(self) -> str:
        return f"<p>{esc(repr(self)[1:-1])}, {len(self.messages)} messages sent from here</p>"


class Conversation(_Conversation):
    """One conversation of one consumer, for plain code. ``client.conversation(...)`` makes one.

    What is sent returns a ``BatchResponse``, whatever the service said, as all of lpnb does. As a context
    manager it closes the conversation at the end.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     with client.conversation(client.create_conversation("consumer-1")) as conversation:
        ...         first = conversation.say("Good morning")
        >>> first.sequence, conversation.closed
        (0, True)
    """

    def say(self, text: str, **more: Any) -> BatchResponse:
        """Send a text; *more* are the other fields of ``Message``, such as ``metadata``.

        Raises:
            InvalidValueError: The request would have more than 5,000 characters; nothing was sent.
        """
        return wait_for(self.engine, self._core.say(text, **more))

    def send_rich(self, element: Mapping[str, Any], **more: Any) -> BatchResponse:
        """Send structured content; *more* are the other fields of ``RichContent``."""
        return wait_for(self.engine, self._core.send_rich(element, **more))

    def send_file(
        self,
        file: str | Path | bytes,
        caption: str | None = None,
        *,
        preview: str | None = None,
        file_type: str | None = None,
    ) -> BatchResponse:
        """Upload a picture and send it: the address is asked for, the bytes are put, the file is published.

        Args:
            file: A path, or the bytes. At most 3 MB.
            caption: What is shown with it.
            preview: A small picture of it, such as ``data:image/png;base64,...``; less than 30 KB.
            file_type: "JPG", "JPEG", "PNG" or "GIF"; by the bytes when left out.

        Returns:
            The response to the last step that was sent.

        Raises:
            InvalidValueError: The file is too large or of another type; nothing was sent.
            FileStoreError: The store did not take it; no message was published.
        """
        return wait_for(self.engine, self._core.send_file(file, caption, preview, file_type))

    def fetch_file(self, file: str | Event | TranscriptLine) -> bytes:
        """Have a file that was sent: by its ``relativePath``, or the message that ``next_message`` gave.

        Raises:
            InvalidValueError: The message holds no file.
            RefusedError: There is no such file for this consumer.
            FileStoreError: The store did not give it.
        """
        return wait_for(self.engine, self._core.fetch_file(file))

    def read(self, sequences: Sequence[int] | None = None, status: str = "READ") -> BatchResponse | None:
        """Confirm messages by their sequence numbers.

        Without any, the agent's that came by webhook and were not confirmed yet; None when there are none.
        """
        return wait_for(self.engine, self._core.read(sequences, status))

    def typing(self, state: str = "COMPOSING") -> BatchResponse:
        """Tell the agent that the consumer is typing, until another state such as "PAUSE" is sent."""
        return wait_for(self.engine, self._core.typing(state))

    def set_sdes(self, sdes: Sequence[Any]) -> BatchResponse:
        """Send SDEs of the consumer again; each replaces the earlier one of its type as a whole."""
        return wait_for(self.engine, self._core.set_sdes(sdes))

    def update(self, *fields: Any) -> BatchResponse:
        """Change fields of the conversation: ``Urgency(...)``, ``Satisfaction(...)``, or dicts."""
        return wait_for(self.engine, self._core.update(*fields))

    def close(self, *, skip_survey: bool = False) -> BatchResponse:
        """Close the conversation as the consumer does; a survey may follow unless it is skipped."""
        return wait_for(self.engine, self._core.close(skip_survey))

    def details(self) -> ConversationDetails:
        """Skill, state, participants and campaign: as history has them, or the last webhook.

        Raises:
            InvalidValueError: There are neither credentials for history nor a receiver.
            ServiceError: History fails.
        """
        return wait_for(self.engine, self._core.details())

    def landing(self, wait: float = DEFAULT_WAIT) -> Landing:
        """Which skill it landed in; see ``lpnb.landing``."""
        return wait_for(self.engine, self._core.landing(wait))

    def next_message(self, timeout: float = 30.0) -> Any:
        """Wait for the agent's next message and return it; each is handed out once.

        Raises:
            TimeoutError: None came within *timeout* seconds.
            InvalidValueError: There is no receiver to hear of it.
        """
        return wait_for(self.engine, self._core.next_message(timeout))

    def transcript(self, *, history: bool | None = None) -> pd.DataFrame:
        """Who said what, as a DataFrame; ``tables.transcript_table`` lists the columns.

        Put together from what was sent from here, what a receiver got, and history. When a receiver has
        been stopped, ``attrs["note"]`` says that its part is missing.

        Args:
            history: Whether to ask history: True, False, or None for "when the settings can, and without
                complaint when it fails" (``attrs["note"]`` then says so).
        """
        return _transcript_dataframe(self.id, *wait_for(self.engine, self._core.transcript(history)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        if self.closed:
            return
        try:
            self._warn_if_open(self.close())
        except Exception:
            if failure[0] is None:
                raise


class AsyncConversation(_Conversation):
    """``Conversation`` for ``async`` code: the same methods, awaited. It may be used from any event loop.

    Example:
        >>> import asyncio
        >>> from lpnb import AsyncClient, Sandbox, Settings
        >>> async def main(sandbox):
        ...     async with AsyncClient(Settings.of(sandbox.environment())) as client:
        ...         async with client.conversation(await client.create_conversation("c-1")) as conversation:
        ...             return await conversation.say("Good morning")
        >>> with Sandbox() as sandbox:
        ...     asyncio.run(main(sandbox)).sequence
        0
    """

    async def say(self, text: str, **more: Any) -> BatchResponse:
        """Send a text; see ``Conversation.say``."""
        return await event_loop.awaitable(self._core.say(text, **more))

    async def send_rich(self, element: Mapping[str, Any], **more: Any) -> BatchResponse:
        """Send structured content; see ``Conversation.send_rich``."""
        return await event_loop.awaitable(self._core.send_rich(element, **more))

    async def send_file(
        self,
        file: str | Path | bytes,
        caption: str | None = None,
        *,
        preview: str | None = None,
        file_type: str | None = None,
    ) -> BatchResponse:
        """Upload a picture and send it; see ``Conversation.send_file``."""
        return await event_loop.awaitable(self._core.send_file(file, caption, preview, file_type))

    async def fetch_file(self, file: str | Event | TranscriptLine) -> bytes:
        """Have a file that was sent; see ``Conversation.fetch_file``."""
        return await event_loop.awaitable(self._core.fetch_file(file))

    async def read(
        self, sequences: Sequence[int] | None = None, status: str = "READ"
    ) -> BatchResponse | None:
        """Confirm messages; see ``Conversation.read``."""
        return await event_loop.awaitable(self._core.read(sequences, status))

    async def typing(self, state: str = "COMPOSING") -> BatchResponse:
        """Tell the agent that the consumer is typing; see ``Conversation.typing``."""
        return await event_loop.awaitable(self._core.typing(state))

    async def set_sdes(self, sdes: Sequence[Any]) -> BatchResponse:
        """Send SDEs of the consumer again; see ``Conversation.set_sdes``."""
        return await event_loop.awaitable(self._core.set_sdes(sdes))

    async def update(self, *fields: Any) -> BatchResponse:
        """Change fields of the conversation; see ``Conversation.update``."""
        return await event_loop.awaitable(self._core.update(*fields))

    async def close(self, *, skip_survey: bool = False) -> BatchResponse:
        """Close the conversation; see ``Conversation.close``."""
        return await event_loop.awaitable(self._core.close(skip_survey))

    async def details(self) -> ConversationDetails:
        """Skill, state, participants and campaign; see ``Conversation.details``."""
        return await event_loop.awaitable(self._core.details())

    async def landing(self, wait: float = DEFAULT_WAIT) -> Landing:
        """Which skill it landed in; see ``lpnb.landing``."""
        return await event_loop.awaitable(self._core.landing(wait))

    async def next_message(self, timeout: float = 30.0) -> Any:  # noqa: ASYNC109 - the receiver's own word
        """Wait for the agent's next message; see ``Conversation.next_message``."""
        return await event_loop.awaitable(self._core.next_message(timeout))

    async def transcript(self, *, history: bool | None = None) -> pd.DataFrame:
        """Who said what, as a DataFrame; see ``Conversation.transcript``."""
        return _transcript_dataframe(self.id, *await event_loop.awaitable(self._core.transcript(history)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self.closed:
            return
        try:
            self._warn_if_open(await self.close())
        except Exception:
            if failure[0] is None:
                raise


def wait_for(engine: Engine, work: Coroutine[Any, Any, T]) -> T:
    """Wait for *work*; an interrupt says whether a request had left."""
    before = len(engine.unknown)
    try:
        return event_loop.wait(work)
    except KeyboardInterrupt as interrupt:
        if len(engine.unknown) > before:
            opens = any(pair.type == "cm.ConsumerRequestConversation" for pair in engine.unknown[-1].pairs)
            what = "a conversation may exist" if opens else "it may have been taken"
            interrupt.add_note(f"The request had left: {what}. See client.unknown[-1].")
        raise


def _transcript_dataframe(conversation_id: str, lines: Sequence[TranscriptLine], note: str) -> pd.DataFrame:
    from lpnb.tables.dataframes import transcript_table

    table = transcript_table(to_columns(conversation_id, lines))
    if note:
        table.attrs["note"] = note
    return table


def conversation_ids_of(known: BatchResponse | Engagement | str, consumer_id: str | None) -> tuple[str, str]:
    """The conversationId and the consumer that *known* stands for.

    Raises:
        InvalidValueError: It stands for no conversation, or the consumer is missing.
    """
    if isinstance(known, str):
        if not 1 <= len(known) <= 64 or not known.isprintable() or not known.strip():
            sentence = f"conversation_id must be 1 to 64 characters that can be seen; got {brief(known)}."
            raise InvalidValueError([Complaint("conversation_id", sentence)])
        found = known
    elif isinstance(known, BatchResponse | Engagement):
        consumer_id = consumer_id if consumer_id is not None else known.consumer_id
        if known.conversation_id is None:
            sentence = f"conversation must be one that is open. {known.explanation}"
            raise InvalidValueError([Complaint("conversation", sentence)])
        found = known.conversation_id
    else:
        sentence = "conversation must be a BatchResponse, an Engagement or a conversationId."
        raise InvalidValueError([Complaint("conversation", sentence)])
    if consumer_id is None:
        sentence = "consumer_id must be given: SEND speaks on a consumer's behalf."
        raise InvalidValueError([Complaint("consumer_id", sentence)])
    return found, check_consumer_id(consumer_id)


async def find_open(engine: Engine, consumer_id: str) -> str | None:
    """The id of the consumer's open conversation, or None; Monitoring is asked, and history if it can be.

    None says that neither knows of one; where history alone was asked, one of the last minute may be missing.

    Raises:
        MonitoringError: Monitoring does not say, and history cannot be asked.
        ServiceError: Neither says.
    """
    from lpnb.models.engagements import EngagementRequest

    settings = engine.account.settings
    asks_history = bool(settings.history_key or settings.agent_login)
    try:
        engagement = await engine.engagement(EngagementRequest(check_consumer_id(consumer_id)))
        if engagement.conversation_id is not None:
            return engagement.conversation_id
    except ServiceError:  # it has no host, or is not to be had
        if not asks_history:
            raise
    if not asks_history:
        return None
    records = await engine.history_consumer(consumer_id, "OPEN")
    return next((record.conversation_id for record in records if record.conversation_id), None)
