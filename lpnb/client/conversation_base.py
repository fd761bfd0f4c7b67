"""What ``Conversation`` and ``AsyncConversation`` share: identity, what was said, and reading arguments."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from lpnb._internal.display import brief, esc
from lpnb._internal.validation import check_consumer_id
from lpnb._printable import one_line
from lpnb.client.conversation_engine import ConversationEngine, MessageListener
from lpnb.client.transcripts import TranscriptLine, to_columns
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.engagements import Engagement
from lpnb.models.responses import BatchResponse

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.client.engine import Engine
    from lpnb.models.conversation_request import ClientProperties


class BaseConversation:
    """What both conversation classes share: who it is, what was said, who is listened to."""

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
        self._core = ConversationEngine(engine, conversation_id, consumer_id, engine.listener, properties)

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
            warnings.warn(
                one_line(f"Conversation {self.id} may still be open: {answer.explanation}"), stacklevel=3
            )

    def __repr__(self) -> str:
        state = " (closed)" if self.closed else ""
        return one_line(f"<{type(self).__name__} {self.id} of {self.consumer_id}{state}>")

    def _repr_html_(self) -> str:
        return f"<p>{esc(repr(self)[1:-1])}, {len(self.messages)} messages sent from here</p>"


def conversation_ids_of(known: BatchResponse | Engagement | str, consumer_id: str | None) -> tuple[str, str]:
    """The conversationId and the consumer that *known* stands for.

    Raises:
        InvalidValueError: It stands for no conversation, or the consumer is missing.
    """
    if isinstance(known, str):
        if not 1 <= len(known) <= 64 or not known.isprintable() or not known.strip():
            sentence = f"conversation_id must be 1 to 64 characters that can be seen; got {brief(known)}."
            raise InvalidValueError([Complaint("conversation_id", sentence)])
        conversation_id = known
    elif isinstance(known, BatchResponse | Engagement):
        consumer_id = consumer_id if consumer_id is not None else known.consumer_id
        if known.conversation_id is None:
            sentence = f"conversation must be one that is open. {known.explanation}"
            raise InvalidValueError([Complaint("conversation", sentence)])
        conversation_id = known.conversation_id
    else:
        sentence = "conversation must be a BatchResponse, an Engagement or a conversationId."
        raise InvalidValueError([Complaint("conversation", sentence)])
    if consumer_id is None:
        sentence = "consumer_id must be given: SEND speaks on a consumer's behalf."
        raise InvalidValueError([Complaint("consumer_id", sentence)])
    return conversation_id, check_consumer_id(consumer_id)


def transcript_dataframe(conversation_id: str, lines: Sequence[TranscriptLine], note: str) -> pd.DataFrame:
    """The lines of a conversation as a DataFrame; *note* goes into ``attrs["note"]``."""
    from lpnb.tables.dataframes import transcript_table

    table = transcript_table(to_columns(conversation_id, lines))
    if note:
        table.attrs["note"] = note
    return table
