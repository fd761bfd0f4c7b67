"""``AsyncConversation``: one conversation of one consumer, for ``async`` code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lpnb._internal import event_loop
from lpnb.client.conversation_base import BaseConversation, transcript_dataframe
from lpnb.client.conversation_engine import ConversationDetails
from lpnb.client.landings import DEFAULT_WAIT
from lpnb.models.landings import Landing
from lpnb.models.responses import BatchResponse

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.client.transcripts import TranscriptLine
    from lpnb.models.conversation_request import ClientProperties
    from lpnb.models.webhook_events import Event


class AsyncConversation(BaseConversation):
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

    async def say(
        self,
        text: str,
        *,
        dialog_id: str | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
        client_properties: ClientProperties | Mapping[str, Any] | None = None,
        req_id: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> BatchResponse:
        """Send a text from the consumer; see ``Conversation.say``."""
        work = self._core.say(
            text,
            dialog_id=dialog_id,
            metadata=metadata,
            client_properties=client_properties,
            req_id=req_id,
            extra=extra,
        )
        return await event_loop.awaitable(work)

    async def send_rich(
        self,
        element: Mapping[str, Any],
        *,
        dialog_id: str | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
        client_properties: ClientProperties | Mapping[str, Any] | None = None,
        req_id: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> BatchResponse:
        """Send structured content from the consumer; see ``Conversation.send_rich``."""
        work = self._core.send_rich(
            element,
            dialog_id=dialog_id,
            metadata=metadata,
            client_properties=client_properties,
            req_id=req_id,
            extra=extra,
        )
        return await event_loop.awaitable(work)

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
        """Which skill it landed in; see ``Client.landing``."""
        return await event_loop.awaitable(self._core.landing(wait))

    async def next_message(self, timeout: float = 30.0) -> Any:  # noqa: ASYNC109 - the receiver's own word
        """Wait for the agent's next message; see ``Conversation.next_message``."""
        return await event_loop.awaitable(self._core.next_message(timeout))

    async def transcript(self, *, history: bool | None = None) -> pd.DataFrame:
        """Who said what, as a DataFrame; see ``Conversation.transcript``."""
        return transcript_dataframe(self.id, *await event_loop.awaitable(self._core.transcript(history)))

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
