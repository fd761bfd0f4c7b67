"""``Conversation``: one conversation of one consumer, for plain, blocking code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lpnb.client.conversation_base import BaseConversation, transcript_dataframe
from lpnb.client.conversation_engine import ConversationDetails
from lpnb.client.engine import wait_for
from lpnb.client.landings import DEFAULT_WAIT
from lpnb.models.landings import Landing
from lpnb.models.responses import BatchResponse

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.client.transcripts import TranscriptLine
    from lpnb.models.conversation_request import ClientProperties
    from lpnb.models.webhook_events import Event


class Conversation(BaseConversation):
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

    def say(
        self,
        text: str,
        *,
        dialog_id: str | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
        client_properties: ClientProperties | Mapping[str, Any] | None = None,
        req_id: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> BatchResponse:
        """Send a text from the consumer.

        Args:
            text: What the consumer says.
            dialog_id: A dialog other than the main one, such as a survey's.
            metadata: Objects such as ``{"type": "ExternalId", "id": "..."}``.
            client_properties: For the ``Client-Properties`` header; those of the conversation when left out.
            req_id: The request id; made fresh when left out.
            extra: Fields of the frame's body that are not documented, by their wire names.

        Raises:
            InvalidValueError: The request would have more than 5,000 characters; nothing was sent.
        """
        work = self._core.say(
            text,
            dialog_id=dialog_id,
            metadata=metadata,
            client_properties=client_properties,
            req_id=req_id,
            extra=extra,
        )
        return wait_for(self.engine, work)

    def send_rich(
        self,
        element: Mapping[str, Any],
        *,
        dialog_id: str | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
        client_properties: ClientProperties | Mapping[str, Any] | None = None,
        req_id: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> BatchResponse:
        """Send structured content from the consumer.

        Args:
            element: The structured content, as the rich-messaging pages have it.
            dialog_id: A dialog other than the main one, such as a survey's.
            metadata: Objects such as ``{"type": "ExternalId", "id": "..."}``.
            client_properties: For the ``Client-Properties`` header; those of the conversation when left out.
            req_id: The request id; made fresh when left out.
            extra: Fields of the frame's body that are not documented, by their wire names.
        """
        work = self._core.send_rich(
            element,
            dialog_id=dialog_id,
            metadata=metadata,
            client_properties=client_properties,
            req_id=req_id,
            extra=extra,
        )
        return wait_for(self.engine, work)

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
            CredentialsError: Every way into history is refused, and there is no receiver.
            ServiceError: History fails.
        """
        return wait_for(self.engine, self._core.details())

    def landing(self, wait: float = DEFAULT_WAIT) -> Landing:
        """Which skill it landed in; see ``Client.landing``."""
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
        return transcript_dataframe(self.id, *wait_for(self.engine, self._core.transcript(history)))

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
