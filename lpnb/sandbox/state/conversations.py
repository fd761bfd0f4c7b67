"""Conversations, dialogs and messages as immutable values, and how each kind of event changes them."""

import json
import marshal
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lpnb.sandbox.http import strict_json
from lpnb.sandbox.state.event_ledger import Event

OpenOrClosed = Literal["OPEN", "CLOSE"]

MAX_MESSAGES = 2000

# Seconds to answer in when the request names a TTR and the account has no numbers of its own (inferred).
_TTR_SECONDS = {"URGENT": 300, "PRIORITIZED": 600, "NORMAL": 1200, "CUSTOM": 1200}

# What is said in one conversation may weigh so much, and its SDEs as much; beyond it, its own oldest goes.
MAX_CONVERSATION_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Dialog:
    """One dialog of a conversation: the main one, whose id is the conversation's, or a survey."""

    dialog_id: str
    dialog_type: str
    created_at: float
    state: OpenOrClosed = "OPEN"
    next_sequence: int = 0
    closed_at: float | None = None
    closed_by: str | None = None
    closed_cause: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody published in a dialog: a message or a receipt (see ``event["type"]``)."""

    dialog_id: str
    sequence: int
    time: float
    originator_id: str
    role: str
    event: dict[str, Any]
    audience: str = "ALL"
    metadata: tuple[Any, ...] = ()
    client_properties: str | None = None


@dataclass(frozen=True, slots=True)
class SkillChange:
    """The conversation moved from one skill to another."""

    time: float
    source_skill_id: str
    target_skill_id: str
    target_skill_name: str | None
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class AgentJoin:
    """Somebody of the agents' side joined the conversation."""

    agent_id: str
    role: str
    time: float


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation as the sandbox knows it; a snapshot, which never changes.

    ``state`` is the main dialog's and ``stage`` the whole conversation's; both are the wire's
    "OPEN" or "CLOSE". They differ while a survey runs.
    """

    number: int
    """Counts from 1 in the order they were opened."""
    conversation_id: str
    account_id: str
    client_id: str
    ext_consumer_id: str
    lp_consumer_id: str
    state: OpenOrClosed
    stage: OpenOrClosed
    skill_id: str
    skill_name: str | None
    source_name: str
    """What agents see as the source: the campaign's name, or the connector's."""
    created_at: float
    updated_at: float
    raw_request: str = field(repr=False)
    raw_client_properties: str | None = None
    warnings: tuple[str, ...] = ()
    campaign: dict[str, Any] | None = None
    """campaignId, engagementId, campaignName, engagementName; None without a campaign."""
    trace: dict[str, Any] = field(default_factory=dict, repr=False)
    dialogs: tuple[Dialog, ...] = ()
    agents: tuple[tuple[str, str], ...] = ()
    """Agent id and role of everybody on the agents' side who is in it."""
    agent_joins: tuple[AgentJoin, ...] = ()
    """The latest hundred times that somebody of the agents' side joined, the earliest first."""
    waits_for_agent: bool = True
    """Whether no agent has answered since the consumer's last message."""
    skill_changes: tuple[SkillChange, ...] = ()
    ttr: dict[str, Any] | None = None
    csat: dict[str, Any] | None = None
    mcs: dict[str, Any] | None = None
    """``mcs`` and ``alertedMCS``, as history has them."""
    summary: dict[str, Any] | None = None
    """``text`` and ``lastUpdatedTime``, as history has them."""
    first_conversation: bool = True
    closed_at: float | None = None
    closed_by: str | None = None

    @property
    def request(self) -> list[Any]:
        """The batch as it was received, read anew each time."""
        frames: list[Any] = json.loads(self.raw_request)
        return frames

    @property
    def profile(self) -> list[Any]:
        """The ``lp_sdes`` this batch brought, as received; [] when it brought none."""
        data = self.request[0]["body"].get("authenticatedData")
        sdes = data.get("lp_sdes") if isinstance(data, dict) else None
        return sdes if isinstance(sdes, list) else []

    @property
    def body(self) -> dict[str, Any]:
        """The body of the ``cm.ConsumerRequestConversation`` frame: campaignInfo, context and so on."""
        body: dict[str, Any] = self.request[1]["body"]
        return body

    @property
    def client_properties(self) -> Any:
        """The Client-Properties header: its JSON value, its text when it is not JSON, None without one."""
        if self.raw_client_properties is None:
            return None
        try:
            return strict_json.read(self.raw_client_properties.encode("latin-1"))
        except strict_json.StrictJsonError:
            return self.raw_client_properties

    @property
    def response_ttr(self) -> dict[str, Any]:
        """``ttrType`` and the seconds to answer in, ``value``."""
        if self.ttr is not None:
            return {name: self.ttr[name] for name in ("ttrType", "value") if name in self.ttr}
        name = self.body.get("ttrDefName") or "NORMAL"
        return {"ttrType": name, "value": _TTR_SECONDS.get(name, _TTR_SECONDS["NORMAL"])}

    @property
    def response_due_ms(self) -> int:
        """When an agent should answer, in epoch milliseconds: counted from the start (inferred).

        It is -1 when the conversation is closed, or an agent has answered.
        """
        if self.stage == "CLOSE" or not self.waits_for_agent:
            return -1
        seconds = self.response_ttr.get("value")
        return int((self.created_at + (seconds if isinstance(seconds, int | float) else 0)) * 1000)

    @property
    def close_reason(self) -> str | None:
        """Who ended the main dialog, whoever ends the survey behind it (inferred); None while it is open."""
        return (self.dialogs[0].closed_by if self.dialogs else None) or self.closed_by

    def dialog(self, dialog_id: str) -> Dialog | None:
        """The dialog with this id, or None."""
        return next((dialog for dialog in self.dialogs if dialog.dialog_id == dialog_id), None)


def read_properties(raw: str | None) -> dict[str, Any] | None:
    """The Client-Properties of a header, or None where it is no JSON object."""
    try:
        properties = strict_json.read((raw or "").encode("latin-1", "replace"))
    except strict_json.StrictJsonError:
        return None
    return properties if isinstance(properties, dict) else None


def can_show_survey(raw: str | None) -> bool:
    """Whether the consumer's side can show a further dialog, which a survey is, by its Client-Properties."""
    features = (read_properties(raw) or {}).get("features")
    return isinstance(features, list) and "MULTI_DIALOG" in features


@dataclass(slots=True)
class Record:
    """A conversation with what grows while it lasts. The state's own: others get copies."""

    now: Conversation
    messages: deque[Message] | tuple[Message, ...] = ()
    sdes: list[tuple[float, bytes]] = field(default_factory=list)
    """When each authenticated SDE was set, and the element as `encode_sde` keeps it."""
    session_id: str | None = None
    messages_size: int = 0
    """What ``messages`` weigh, roughly: the bytes of what was sent and some wrapping."""
    properties: dict[str, tuple[str, int]] | None = None
    """Client-Properties that messages came with: each text once, and how many messages have it."""


def encode_sde(element: dict[str, Any]) -> bytes:
    """An SDE as it is kept: smaller than the object, and who asks for it gets a copy of their own.

    >>> decode_sde(encode_sde({"type": "personal"}))
    {'type': 'personal'}
    """
    # A fifth of JSON's time. Never read by another process: what is on disk are events, in JSON.
    return marshal.dumps(element)


def decode_sde(content: bytes) -> Any:
    """The SDE that `encode_sde` kept."""
    return marshal.loads(content)  # noqa: S302 - made by this process a moment ago


# What a conversation has under the name and in the shape that the event has it.
_KEPT_AS_RECORDED = (
    *("account_id", "client_id", "ext_consumer_id", "lp_consumer_id"),
    *("skill_id", "skill_name", "source_name", "campaign", "trace"),
)


def new_record(event: Event, number: int, *, first: bool) -> Record:
    """The record that a ``conversation_opened`` event begins."""
    data = event.data
    conversation_id = event.conversation_id
    assert conversation_id is not None  # noqa: S101 - the ledger's table promises it
    conversation = Conversation(
        number=number,
        conversation_id=conversation_id,
        state="OPEN",
        stage="OPEN",
        created_at=event.time,
        updated_at=event.time,
        raw_request=data["request"],
        raw_client_properties=data["client_properties"],
        warnings=tuple(data["warnings"]),
        dialogs=(Dialog(conversation_id, "MAIN", event.time),),
        first_conversation=first,
        **{name: data[name] for name in _KEPT_AS_RECORDED},
    )
    return Record(conversation, session_id=data["session_id"])


def sdes_size(sdes: Iterable[tuple[float, bytes]]) -> int:
    """The bytes of SDEs as they are kept."""
    weight = 0
    for _, content in sdes:
        weight += len(content)
    return weight


def add_sdes(record: Record, new_sdes: list[tuple[float, bytes]]) -> int:
    """Keep SDEs that were set while the conversation lasts; return by how much it is heavier now."""
    before = sdes_size(record.sdes)
    record.sdes.extend(new_sdes)
    weight = before + sdes_size(new_sdes)
    drop_count = 0
    while weight > MAX_CONVERSATION_BYTES and drop_count < len(record.sdes) - 1:
        weight -= len(record.sdes[drop_count][1])
        drop_count += 1
    del record.sdes[:drop_count]
    return weight - before


def apply_change(record: Record, event: Event) -> None:
    """Apply an event about a conversation that exists."""
    _CHANGES[event.kind](record, event)


def _apply_message(record: Record, event: Event) -> None:
    data = event.data
    # Most conversations in a test have no message: an empty deque is most of what such a one would weigh.
    if not isinstance(record.messages, deque):
        record.messages = deque()
    message = Message(
        dialog_id=data["dialog_id"],
        sequence=data["sequence"],
        time=event.time,
        originator_id=data["originator_id"],
        role=data["role"],
        event=data["event"],
        audience=data["audience"],
        metadata=tuple(data["metadata"]),
        client_properties=_intern_properties(record, data["client_properties"]),
    )
    record.messages.append(message)
    record.messages_size += _message_size(message)
    while len(record.messages) > MAX_MESSAGES or (
        record.messages_size > MAX_CONVERSATION_BYTES and len(record.messages) > 1
    ):
        oldest = record.messages.popleft()
        record.messages_size -= _message_size(oldest)
        _release_properties(record, oldest.client_properties)
    dialogs = tuple(
        replace(dialog, next_sequence=data["sequence"] + 1)
        if dialog.dialog_id == data["dialog_id"]
        else dialog
        for dialog in record.now.dialogs
    )
    waits = record.now.waits_for_agent
    if event.kind == "message_published" and message.audience == "ALL":
        waits = message.role == "CONSUMER"
    record.now = replace(record.now, dialogs=dialogs, waits_for_agent=waits)


def _message_size(message: Message) -> int:
    """Without its Client-Properties, which equal ones share."""
    return 300 + len(repr(message.event)) + len(repr(message.metadata))


def _intern_properties(record: Record, properties: str | None) -> str | None:
    """The same text, as the one object that the conversation has for all equal ones."""
    raw = record.now.raw_client_properties
    if properties is None or properties == raw:
        return raw if properties is not None else None
    record.properties = record.properties or {}
    text, count = record.properties.get(properties, (properties, 0))
    if not count:
        record.messages_size += len(text)
    record.properties[text] = (text, count + 1)
    return text


def _release_properties(record: Record, properties: str | None) -> None:
    """A message that had this text is forgotten."""
    if properties is None or not record.properties or properties not in record.properties:
        return
    text, count = record.properties.pop(properties)
    if count > 1:
        record.properties[text] = (text, count - 1)
    else:
        record.messages_size -= len(text)


def _ignore_chat_state(record: Record, event: Event) -> None:
    """A chat state leaves nothing behind."""


def _apply_field(record: Record, event: Event) -> None:
    value = {event.data["field"]: event.data["value"]}
    record.now = replace(record.now, updated_at=event.time, **value)


def _apply_agent_joined(record: Record, event: Event) -> None:
    agent = (event.data["agent_id"], event.data["role"])
    others = tuple(item for item in record.now.agents if item[0] != agent[0])
    joins = (*record.now.agent_joins[-99:], AgentJoin(*agent, event.time))
    record.now = replace(record.now, updated_at=event.time, agents=(*others, agent), agent_joins=joins)


def _apply_agent_left(record: Record, event: Event) -> None:
    agents = tuple(item for item in record.now.agents if item[0] != event.data["agent_id"])
    record.now = replace(record.now, updated_at=event.time, agents=agents)


def _apply_skill_change(record: Record, event: Event) -> None:
    data = event.data
    change = SkillChange(
        event.time, record.now.skill_id, data["skill_id"], data["skill_name"], data["reason"], data["by"]
    )
    record.now = replace(
        record.now,
        updated_at=event.time,
        skill_id=data["skill_id"],
        skill_name=data["skill_name"],
        # As a transfer shows itself to a connector: the assigned agent disappears (documented).
        agents=tuple(agent for agent in record.now.agents if agent[1] != "ASSIGNED_AGENT"),
        skill_changes=(*record.now.skill_changes[-99:], change),
    )


def _apply_dialog_opened(record: Record, event: Event) -> None:
    dialog = Dialog(event.data["dialog_id"], event.data["dialog_type"], event.time)
    record.now = replace(record.now, updated_at=event.time, dialogs=(*record.now.dialogs, dialog))


def _apply_dialog_closed(record: Record, event: Event) -> None:
    data = event.data
    dialogs = tuple(
        _close_dialog(dialog, event.time, data["closed_by"], data["cause"])
        if dialog.dialog_id == data["dialog_id"]
        else dialog
        for dialog in record.now.dialogs
    )
    main = data["dialog_id"] == record.now.conversation_id
    record.now = replace(
        record.now, updated_at=event.time, dialogs=dialogs, state="CLOSE" if main else record.now.state
    )


def _apply_conversation_closed(record: Record, event: Event) -> None:
    by = event.data["closed_by"]
    record.now = replace(
        record.now,
        updated_at=event.time,
        state="CLOSE",
        stage="CLOSE",
        closed_at=event.time,
        closed_by=by,
        dialogs=tuple(_close_dialog(dialog, event.time, by, None) for dialog in record.now.dialogs),
    )


def _apply_conversation_resumed(record: Record, event: Event) -> None:
    main = replace(record.now.dialogs[0], state="OPEN", closed_at=None, closed_by=None, closed_cause=None)
    record.now = replace(
        record.now,
        updated_at=event.time,
        state="OPEN",
        stage="OPEN",
        closed_at=None,
        closed_by=None,
        dialogs=(main, *record.now.dialogs[1:]),
    )


def _close_dialog(dialog: Dialog, time: float, by: str, cause: str | None) -> Dialog:
    if dialog.state == "CLOSE":
        return dialog
    return replace(dialog, state="CLOSE", closed_at=time, closed_by=by, closed_cause=cause)


_CHANGES: dict[str, Callable[[Record, Event], None]] = {
    "message_published": _apply_message,
    "receipt_published": _apply_message,
    "chat_state_published": _ignore_chat_state,
    "field_updated": _apply_field,
    "agent_joined": _apply_agent_joined,
    "agent_left": _apply_agent_left,
    "skill_changed": _apply_skill_change,
    "dialog_opened": _apply_dialog_opened,
    "dialog_closed": _apply_dialog_closed,
    "conversation_closed": _apply_conversation_closed,
    "conversation_resumed": _apply_conversation_resumed,
}

KINDS = frozenset(_CHANGES)
