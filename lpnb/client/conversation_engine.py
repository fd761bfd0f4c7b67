"""``ConversationEngine``: everything that can be done in one conversation, as coroutines.

``Conversation`` and ``AsyncConversation`` are two doors to it. What was sent is kept here, so that a
transcript has it although no webhook and no history may ever tell of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from lpnb._internal.display import table_html
from lpnb.api.file_store import file_type_of, get_file, put_file, read_file, stored_file_of
from lpnb.api.history import DETAIL_CONTENT, HistoryRecord
from lpnb.client.landings import LandingSource, find_landing
from lpnb.client.transcripts import TranscriptLine, file_in, merge_sources
from lpnb.errors import Complaint, FileStoreError, InvalidValueError, ReceiverError, ServiceError
from lpnb.models.landings import Landing
from lpnb.models.responses import BatchResponse

if TYPE_CHECKING:
    from lpnb.client.engine import Engine
    from lpnb.models.conversation_request import ClientProperties
    from lpnb.models.frame_base import Frame
    from lpnb.models.webhook_events import Event

CLOSED_MESSAGE = "Conversation is close"


class MessageListener(LandingSource, Protocol):
    """What a conversation needs of a ``Receiver``."""

    def events(self, conversation_id: str | None = None) -> Sequence[Event]:
        """What came of a conversation so far."""
        ...

    async def next_message(self, conversation_id: str, timeout: float = 30.0) -> Any:  # noqa: ASYNC109
        """Wait for the next message."""
        ...


@dataclass(frozen=True)
class ConversationDetails:
    """What is known of a conversation, and who says so: "history", "webhook", or None when nobody does.

    ``participants`` are (id, role) pairs. ``raw`` is what the source said, as it came.
    """

    conversation_id: str
    source: str | None = None
    state: str | None = None
    stage: str | None = None
    skill_id: str | None = None
    skill_name: str | None = None
    campaign_id: str | None = None
    engagement_id: str | None = None
    participants: tuple[tuple[str, str], ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    close_reason: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def _repr_html_(self) -> str:
        rows = [
            (
                name,
                ", ".join(f"{role} {participant}" for participant, role in value)
                if name == "participants"
                else value,
            )
            for name, value in ((name, getattr(self, name)) for name in self.__dataclass_fields__)
            if name != "raw" and value not in (None, ())
        ]
        return table_html(f"Conversation {self.conversation_id}", ("field", "value"), rows)


class ConversationEngine:
    """One conversation of one consumer. Use it on the background loop only."""

    def __init__(
        self,
        engine: Engine,
        conversation_id: str,
        consumer_id: str,
        listener: MessageListener | None = None,
        client_properties: ClientProperties | None = None,
    ) -> None:
        self.engine = engine
        self.conversation_id = conversation_id
        self.consumer_id = consumer_id
        self._listener = listener
        self._common_fields: dict[str, Any] = {}
        if client_properties is not None:
            self._common_fields["client_properties"] = client_properties
        self._lines: dict[int, TranscriptLine] = {}
        self.responses: list[BatchResponse] = []
        #: The highest sequence number that SEND gave to what was published, by dialogId.
        self.sequences: dict[str, int] = {}
        self.closed = False
        self._read_sequences: set[int] = set()

    @property
    def listener(self) -> MessageListener | None:
        """The receiver it listens to: its own, or else the one its client listens to by now."""
        return self._listener if self._listener is not None else self.engine.listener

    @listener.setter
    def listener(self, receiver: MessageListener | None) -> None:
        self._listener = receiver

    async def send(self, frame: Frame, line: TranscriptLine | None = None) -> BatchResponse:
        """Send *frame*; *line* is what it says in the transcript."""
        from lpnb.models.frames import ChatState

        number, before = len(self._lines), len(self.engine.unknown)
        if line is not None:
            self._lines[number] = line  # noted before it leaves: an interrupt must not lose it
        try:
            response = await self.engine.send(frame, self.consumer_id)
        except BaseException:
            interrupted_responses = [
                response
                for response in self.engine.unknown[before:]
                if response.consumer_id == self.consumer_id
            ]
            self.responses.extend(interrupted_responses)
            if line is not None and not interrupted_responses:
                self._lines[number] = replace(line, outcome="not sent")
            raise
        self.responses.append(response)
        if response.sequence is not None and not isinstance(frame, ChatState):  # those have no number
            dialog = getattr(frame, "dialog_id", None) or self.conversation_id
            self.sequences[dialog] = max(response.sequence, self.sequences.get(dialog, 0))
        if response.pairs and CLOSED_MESSAGE in (response.pairs[0].message or ""):
            self.closed = True
        if line is not None:
            said_at = response.sent_at or line.at
            self._lines[number] = replace(
                line, at=said_at, sequence=response.sequence, outcome=response.outcome
            )
        return response

    @property
    def lines(self) -> list[TranscriptLine]:
        """What was said from here, in the order sent, and what became of it."""
        return list(self._lines.values())

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
        """Publish a text."""
        from lpnb.models.frames import Message

        fields = self._frame_fields(dialog_id, metadata, client_properties, req_id, extra)
        frame = Message(text=text, conversation_id=self.conversation_id, **fields)
        return await self.send(frame, self._line("text", text, dialog_id))

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
        """Publish structured content."""
        from lpnb.models.frames import RichContent

        fields = self._frame_fields(dialog_id, metadata, client_properties, req_id, extra)
        content: Any = dict(element) if isinstance(element, Mapping) else element
        frame = RichContent(content=content, conversation_id=self.conversation_id, **fields)
        return await self.send(frame, self._line("rich content", None, dialog_id))

    def _frame_fields(
        self,
        dialog_id: str | None,
        metadata: Sequence[Mapping[str, Any]] | None,
        client_properties: ClientProperties | Mapping[str, Any] | None,
        req_id: str | None,
        extra: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """The optional fields of a published frame that are given, over those of the conversation."""
        optional = {
            "dialog_id": dialog_id,
            "metadata": metadata,
            "client_properties": client_properties,
            "req_id": req_id,
            "extra": extra,
        }
        return self._common_fields | {name: value for name, value in optional.items() if value is not None}

    async def send_file(
        self,
        file: str | Path | bytes,
        caption: str | None = None,
        preview: str | None = None,
        file_type: str | None = None,
    ) -> BatchResponse:
        """Upload a file and publish it. When a step before that is refused, its response is returned."""
        from lpnb.models.frames import FileMessage, UploadUrl

        content, size = await asyncio.to_thread(read_file, file)
        kind = file_type or file_type_of(content)
        if kind is None:
            sentence = "file must be a JPG, JPEG, PNG or GIF; it begins like none of them."
            raise InvalidValueError([Complaint("file", sentence)])
        fields: dict[str, Any] = {"file_size": size, "file_type": kind, **self._common_fields}
        upload_request = UploadUrl(**fields)
        message_fields: dict[str, Any] = {
            "file_type": kind,
            "caption": caption,
            "preview": preview,
            **self._common_fields,
        }
        FileMessage(relative_path="/checked", conversation_id=self.conversation_id, **message_fields)
        wait = self.engine.retry_delay
        for last in (False, True):
            upload = await self.send(upload_request)
            if upload.outcome != "answered":
                return upload
            stored_file = stored_file_of(upload)
            store = await self.engine.host("swift")
            try:
                await self.engine.run(put_file(store, stored_file, content, kind, wait))
                break
            except FileStoreError as error:
                # A slow line or a busy machine outlived the minute; another address does no harm.
                if error.http_status != 401 or last:
                    raise
        frame = FileMessage(
            relative_path=stored_file.relative_path, conversation_id=self.conversation_id, **message_fields
        )
        return await self.send(frame, self._line("file", caption))

    async def fetch_file(self, file: str | Event | TranscriptLine) -> bytes:
        """Have a stored file."""
        from lpnb.models.frames import DownloadUrl

        hosted_file = file_in(getattr(file, "raw", None))
        relative_path = file if isinstance(file, str) else hosted_file.get("relativePath")
        if not isinstance(relative_path, str):
            sentence = "file must be a relativePath, or a message that holds a file."
            raise InvalidValueError([Complaint("file", sentence)])

        download = await self.send(DownloadUrl(relative_path=relative_path, **self._common_fields))
        stored_file = stored_file_of(download.raise_for_outcome())
        store = await self.engine.host("swift")
        return await self.engine.run_large(get_file(store, stored_file, self.engine.retry_delay))

    async def read(self, sequences: Sequence[int] | None, status: str) -> BatchResponse | None:
        """Confirm messages; without *sequences*, the agent's that came by webhook and were not yet."""
        from lpnb.models.frames import Receipt

        if sequences is None:
            sequences = [
                event.sequence
                for event in self.webhook_events()
                if event.is_message
                and event.role != "CONSUMER"
                and event.dialog_id in (None, self.conversation_id)
                and event.sequence is not None
                and event.sequence not in self._read_sequences
            ]
            if not sequences:
                return None
        numbers: Any = list(sequences) if not isinstance(sequences, str | bytes | int | float) else sequences
        fields: dict[str, Any] = {"sequences": numbers, "status": status, **self._common_fields}
        response = await self.send(Receipt(conversation_id=self.conversation_id, **fields))
        if response.outcome == "answered":
            self._read_sequences.update(sequences)
        return response

    async def update(self, *fields: Any) -> BatchResponse:
        """Change fields of the conversation."""
        from lpnb.models.frames import FieldUpdate

        frame = FieldUpdate(fields=list(fields), conversation_id=self.conversation_id, **self._common_fields)
        return await self.send(frame)

    async def close(self, skip_survey: bool) -> BatchResponse:
        """Close the conversation."""
        from lpnb.models.conversation_fields import Close, CloseStage

        response = await self.update(CloseStage() if skip_survey else Close())
        if response.outcome == "answered":
            self.closed = True
        return response

    async def typing(self, state: str) -> BatchResponse:
        """Tell the agent whether the consumer is typing."""
        from lpnb.models.frames import ChatState

        fields: dict[str, Any] = {"state": state, **self._common_fields}
        return await self.send(ChatState(conversation_id=self.conversation_id, **fields))

    async def set_sdes(self, sdes: Sequence[Any]) -> BatchResponse:
        """Replace SDEs of the consumer."""
        from lpnb.models.frames import ProfileUpdate

        return await self.send(ProfileUpdate(sdes, **self._common_fields))

    async def landing(self, wait: float) -> Landing:
        """Say which skill the conversation landed in."""
        return await find_landing(self.engine, self.conversation_id, receiver=self.listener, wait=wait)

    async def next_message(self, timeout: float) -> Any:  # noqa: ASYNC109 - the receiver's own word
        """Wait for the agent's next message."""
        return await self._required_listener().next_message(self.conversation_id, timeout)

    async def details(self) -> ConversationDetails:
        """What history says of the conversation, or what the last webhook did."""
        if self.asks_history or self.listener is None:
            record = await self.engine.history_conversation(self.conversation_id, DETAIL_CONTENT)
            if record is not None:
                return _of_record(record, self.conversation_id)
            if self.listener is None:
                return ConversationDetails(self.conversation_id)
        events = self._required_listener().events(self.conversation_id)
        states = [event for event in events if _state_of(event)]
        return (
            _of_state(states[-1], self.conversation_id)
            if states
            else ConversationDetails(self.conversation_id)
        )

    async def transcript(self, history: bool | None) -> tuple[list[TranscriptLine], str]:
        """The lines of every source there is, and what those said that failed."""
        messages: Sequence[Any] = ()
        note = ""
        if history or (history is None and self.asks_history):
            try:
                record = await self.engine.history_conversation(self.conversation_id, ("messageRecords",))
                messages = record.messages if record is not None else ()
            except ServiceError as error:
                if history:
                    raise
                note = f"History failed: {error}"
        events: Sequence[Event] = ()
        try:
            events = self.webhook_events()
        except ReceiverError as error:
            note = f"{note} What webhooks told is missing: {error}".strip()
        own_lines = [line for line in self.lines if line.outcome in ("answered", "unknown")]
        return merge_sources(own_lines, events, messages), note

    @property
    def asks_history(self) -> bool:
        """Whether the settings can read history."""
        return self.engine.settings.can_read_history

    def webhook_events(self) -> Sequence[Event]:
        """What webhooks brought of this conversation, in order."""
        return self.listener.events(self.conversation_id) if self.listener is not None else ()

    def _required_listener(self) -> MessageListener:
        if self.listener is not None:
            return self.listener
        sentence = (
            "receiver must be listened to: webhooks bring what agents say. Start a Receiver and call "
            "client.listen(receiver) or conversation.listen(receiver)."
        )
        raise InvalidValueError([Complaint("receiver", sentence)])

    def _line(self, kind: str, text: str | None, dialog_id: str | None = None) -> TranscriptLine:
        return TranscriptLine(
            "consumer",
            kind,
            text,
            datetime.now(UTC),
            dialog_id=dialog_id or self.conversation_id,
            audience="ALL",
            outcome="unknown",
            sources=("sent",),
        )


def _state_of(event: Event) -> Mapping[str, Any] | None:
    result = event.raw.get("result")
    details = result.get("conversationDetails") if isinstance(result, Mapping) else None
    return details if isinstance(details, Mapping) else None


def _of_record(record: HistoryRecord, conversation_id: str) -> ConversationDetails:
    campaign = record.raw.get("campaign")
    campaign = campaign if isinstance(campaign, Mapping) else {}
    ids_and_roles: list[tuple[str, str]] = []
    for name, key, role in (
        ("consumerParticipants", "participantId", "CONSUMER"),
        ("agentParticipants", "agentId", "AGENT"),
    ):
        participants = record.raw.get(name)
        for participant in participants if isinstance(participants, list) else [participants]:
            if isinstance(participant, Mapping) and participant.get(key) is not None:
                ids_and_roles.append((str(participant[key]), role))
    info = record.info
    return ConversationDetails(
        conversation_id=conversation_id,
        source="history",
        state=record.status,
        stage=record.status,
        skill_id=record.latest_skill_id,
        skill_name=record.latest_skill_name,
        campaign_id=_text(campaign.get("campaignId")),
        engagement_id=_text(campaign.get("campaignEngagementId")),
        participants=tuple(dict.fromkeys(ids_and_roles)),
        started_at=record.started_at,
        ended_at=record.ended_at,
        close_reason=_text(info.get("closeReason")),
        raw=record.raw,
    )


def _of_state(event: Event, conversation_id: str) -> ConversationDetails:
    details = _state_of(event) or {}
    campaign = details.get("campaignInfo")
    campaign = campaign if isinstance(campaign, Mapping) else {}
    participants = details.get("participants")
    return ConversationDetails(
        conversation_id=conversation_id,
        source="webhook",
        state=_text(details.get("state")),
        stage=_text(details.get("stage")),
        skill_id=_text(details.get("skillId")),
        campaign_id=_text(campaign.get("campaignId")),
        engagement_id=_text(campaign.get("engagementId")),
        participants=tuple(
            (str(participant.get("id")), str(participant.get("role")))
            for participant in (participants if isinstance(participants, list) else [participants])
            if isinstance(participant, Mapping)
        ),
        started_at=_moment(details.get("startTs")),
        ended_at=_moment(details.get("endTs")),
        close_reason=_text(details.get("closeReason")),
        raw=details,
    )


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return str(value) or None


def _moment(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e14:
        return None
    return datetime.fromtimestamp(value / 1000, UTC)
