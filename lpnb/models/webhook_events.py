"""``Event``: one change that a webhook reports, and their order.

Webhooks may come twice, late, or in any order (documented). So every event has a key that two deliveries
of the same have in common, and events of a conversation can be put in order whatever order they came in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

#: A conversation's full state; the other kinds are the ``type`` of what was published.
CHANGE = "ExConversationChangeNotification"
CHAT_STATE = "ChatStateEvent"
MESSAGES = ("ContentEvent", "RichContentEvent")
#: Whole numbers up to this are exact everywhere: in JSON, in SQLite, in a table.
_LARGEST = 1 << 53


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, as a webhook told it.

    ``kind`` is "ContentEvent" (text and files), "RichContentEvent", "AcceptStatusEvent", "ChatStateEvent",
    "ExConversationChangeNotification" (a conversation's full state), or whatever else came. ``at`` is the
    service's time: the change's own, or that of its sending (chat states), or None; ``received_at`` is this
    machine's. ``conversation_id`` is "" while only the dialog is known. ``sequence`` numbers what is
    published in a dialog. ``text`` is a ContentEvent's. ``skill_id``, ``state`` and ``stage`` are those
    of a state. ``raw`` is the change as it came.

    Source: Webhooks, Events.
    """

    kind: str
    conversation_id: str
    received_at: datetime
    at: datetime | None = None
    dialog_id: str | None = None
    sequence: int | None = None
    originator_id: str | None = None
    role: str | None = None
    audience: str | None = None
    text: str | None = None
    skill_id: str | None = None
    state: str | None = None
    stage: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    key: str = field(default="", repr=False)

    @property
    def is_message(self) -> bool:
        """Whether it is something said: text, a file or structured content."""
        return self.kind in MESSAGES

    @property
    def is_own(self) -> bool:
        """Whether a consumer sent it: webhooks tell of your own messages as well."""
        return self.role == "CONSUMER"

    @property
    def is_note(self) -> bool:
        """Whether it is a private note, which consumers do not see."""
        return self.audience == "AGENTS_AND_MANAGERS"


def events_of(body: Mapping[str, Any], received_at: datetime) -> list[Event]:
    """Read a notification: one event for each of its changes, one for itself when it has none."""
    envelope = body.get("type")
    kind = envelope if isinstance(envelope, str) else ""
    inner = body.get("body")
    changes = inner.get("changes") if isinstance(inner, Mapping) else None
    # An array of one may come as the bare element (documented for the protocol as a whole).
    items = changes if isinstance(changes, list) else [changes]
    changes = [item for item in items if isinstance(item, Mapping)]
    if not changes and items != []:
        changes = [body]
    sent_at = _moment(inner.get("sentTs")) if isinstance(inner, Mapping) else None
    return [event_of(item, kind, received_at, sent_at) for item in changes]


def event_of(
    change: Mapping[str, Any], envelope: str, received_at: datetime, sent_at: datetime | None = None
) -> Event:
    """Read one change. ``key`` is what another delivery of the same has in common with it.

    Of a published event that is its conversation, dialog and sequence. Of a state it is the conversation,
    its ``metaDataLastUpdateTs`` and the content: two states can be of the same millisecond.
    A chat state has neither number nor time, so of each dialog and participant the latest is kept.
    """
    result = change.get("result")
    if isinstance(result, Mapping):
        return _state(change, result, envelope, received_at)
    event = change.get("event")
    event = event if isinstance(event, Mapping) else {}
    originator = change.get("originatorMetadata")
    originator = originator if isinstance(originator, Mapping) else {}
    kind = _text(event.get("type")) or envelope.rpartition(".")[2]
    sequence = _whole(change.get("sequence"))
    conversation_id = _text(change.get("conversationId")) or _text(change.get("convId")) or ""
    dialog_id = _text(change.get("dialogId"))
    originator_id = _text(change.get("originatorId")) or _text(originator.get("id"))
    key: tuple[object, ...]
    if sequence is not None:
        key = ("message", conversation_id, dialog_id, sequence)
    elif kind == CHAT_STATE:
        key = ("chat state", conversation_id, dialog_id, originator_id)
    else:
        key = ("other", conversation_id, kind, _digest(change))
    message = event.get("message")
    return Event(
        kind=kind,
        conversation_id=conversation_id,
        received_at=received_at,
        at=_moment(change.get("serverTimestamp")) or sent_at,
        dialog_id=dialog_id,
        sequence=sequence,
        originator_id=originator_id,
        role=_text(originator.get("role")),
        audience=_text(change.get("messageAudience")),
        text=message if isinstance(message, str) else None,
        raw=change,
        key=json.dumps(key),
    )


def assign(event: Event, conversation_id: str) -> Event:
    """The same event as of this conversation: its key is the one that a delivery with the id has."""
    parts = json.loads(event.key)
    parts[1] = conversation_id
    return replace(event, conversation_id=conversation_id, key=json.dumps(parts))


def dialogs_of(event: Event) -> list[str]:
    """The dialogs that an event says are of its conversation: the one it names, or those of its state."""
    if event.kind != CHANGE:
        return [event.dialog_id] if event.dialog_id else []
    result = event.raw.get("result")
    details = result.get("conversationDetails") if isinstance(result, Mapping) else None
    dialogs = details.get("dialogs") if isinstance(details, Mapping) else None
    items = dialogs if isinstance(dialogs, list) else []
    ids = [_text(item.get("dialogId")) for item in items if isinstance(item, Mapping)]
    return [dialog_id for dialog_id in ids if dialog_id]


def _state(
    change: Mapping[str, Any], result: Mapping[str, Any], envelope: str, received_at: datetime
) -> Event:
    details = result.get("conversationDetails")
    details = details if isinstance(details, Mapping) else {}
    handler = details.get("conversationHandlerDetails")
    handler = handler if isinstance(handler, Mapping) else {}
    conversation_id = _text(result.get("convId")) or _text(details.get("convId")) or ""
    update_time = details.get("metaDataLastUpdateTs")
    return Event(
        kind=envelope.rpartition(".")[2],
        conversation_id=conversation_id,
        received_at=received_at,
        at=_moment(update_time),
        skill_id=_text(details.get("skillId")) or _text(handler.get("skillId")),
        state=_text(details.get("state")),
        stage=_text(details.get("stage")),
        raw=change,
        key=json.dumps(("change", conversation_id, _whole(update_time), _digest(change))),
    )


def in_order(events: Iterable[Event]) -> list[Event]:
    """Put one conversation's events in order: published ones by sequence, states by their time.

    Within a dialog the sequence decides, whatever the times say. Between dialogs and states the time does;
    what has none counts as of when it was received.
    """
    groups: dict[str | None, list[Event]] = {}
    unnumbered_events: list[Event] = []
    for event in events:
        if event.sequence is not None:
            groups.setdefault(event.dialog_id, []).append(event)
        else:
            unnumbered_events.append(event)
    unnumbered_events.sort(key=lambda event: event.at or event.received_at)
    times_and_events = [(event.at or event.received_at, event) for event in unnumbered_events]
    for dialog in groups.values():
        latest = _LONG_AGO
        for event in sorted(dialog, key=lambda event: event.sequence or 0):
            latest = max(latest, event.at or latest)
            times_and_events.append((latest if latest > _LONG_AGO else event.received_at, event))
    times_and_events.sort(key=lambda pair: pair[0])  # stable: what is of the same time keeps its place
    return [event for _, event in times_and_events]


_LONG_AGO = datetime.min.replace(tzinfo=UTC)


#: The columns of a table of events, each with the kind that ``tables`` knows.
COLUMNS = {
    "received_at": "moment",
    "at": "moment",
    "conversation_id": "id",
    "kind": "text",
    "sequence": "whole",
    "role": "text",
    "text": "text",
    "audience": "text",
    "skill_id": "id",
    "state": "text",
    "stage": "text",
    "originator_id": "id",
    "dialog_id": "id",
}


def to_columns(events: Sequence[Event]) -> dict[str, list[object]]:
    """The events as columns, for a table."""
    columns: dict[str, list[object]] = {name: [getattr(event, name) for event in events] for name in COLUMNS}
    columns["conversation_id"] = [event.conversation_id or None for event in events]
    return columns


def _digest(change: Mapping[str, Any]) -> str:
    text = json.dumps(change, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # ids come as text or as numbers
    return value if isinstance(value, str) and value else None


def _whole(value: object) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST
    return value if is_number and isinstance(value, int) else None


def _moment(value: object) -> datetime | None:
    number = _whole(value)
    if number is None or not 0 <= number < 100_000_000_000_000:
        return None
    return datetime.fromtimestamp(number // 1000, UTC).replace(microsecond=number % 1000 * 1000)
