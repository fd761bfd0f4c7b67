"""Transcripts: messages sent, received by webhook and read from history, merged and in order.

Each source knows something the others do not: what was sent is known at once, a webhook brings the agent's
words, history has what was said while nobody listened. What two of them tell of the same is one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from lpnb.api.history import HistoryMessage
    from lpnb.models.webhook_events import Event

TranscriptSource = Literal["sent", "webhook", "history"]
SOURCES: tuple[TranscriptSource, ...] = ("sent", "webhook", "history")
#: Whatever is none of these passes in the words it came with.
_KINDS = {
    "ContentEvent": "text",
    "RichContentEvent": "rich content",
    "TEXT_PLAIN": "text",
    "HOSTED_FILE": "file",
    "RICH_CONTENT": "rich content",
}
_SIDES = {"CONSUMER": "consumer", "ASSIGNED_AGENT": "agent", "AGENT": "agent"}


@dataclass(frozen=True, slots=True)
class TranscriptLine:
    """One message of a conversation.

    ``who`` is "consumer", "agent", or another role in lower case. ``kind`` is "text", "file", "rich
    content", or the service's own word. ``outcome`` is that of what was sent from here: "answered", or
    "unknown" when nobody knows whether it arrived. ``sources`` says who knows of it.
    """

    who: str
    kind: str
    text: str | None
    at: datetime | None
    sequence: int | None = None
    dialog_id: str | None = None
    audience: str | None = None
    outcome: str | None = None
    sources: tuple[TranscriptSource, ...] = ()
    raw: Any = field(default=None, repr=False, compare=False)


def line_of_webhook(event: Event) -> TranscriptLine:
    """What a webhook tells of a message."""
    file = file_in(event.raw)
    role = event.role or ""
    return TranscriptLine(
        who=_SIDES.get(role, role.lower()),
        kind="file" if file else _KINDS.get(event.kind, event.kind),
        text=event.text if not file else _caption(file),
        at=event.at or event.received_at,
        sequence=event.sequence,
        dialog_id=event.dialog_id,
        audience=event.audience,
        sources=("webhook",),
        raw=event.raw,
    )


def line_of_history(message: HistoryMessage) -> TranscriptLine:
    """What history tells of a message."""
    return TranscriptLine(
        who=message.sent_by.lower(),
        kind=_KINDS.get(message.type, message.type),
        text=message.text if message.text is not None else _caption(file_in(message.raw)),
        at=message.at,
        sequence=message.sequence,
        dialog_id=message.dialog_id,
        audience=message.audience,
        sources=("history",),
        raw=message.raw,
    )


def file_in(raw: Any) -> Mapping[str, Any]:
    """The file that a message holds, as a webhook or history has it: relativePath, caption; {} for none.

    Example:
        >>> event = {"contentType": "hosted/file", "message": {"relativePath": "/v1/a.png"}}
        >>> file_in({"event": event})["relativePath"]
        '/v1/a.png'
    """
    raw = raw if isinstance(raw, Mapping) else {}
    for holder, name in (("event", "message"), ("messageData", "file")):
        part = raw.get(holder)
        file = part.get(name) if isinstance(part, Mapping) else None
        if isinstance(file, Mapping) and isinstance(file.get("relativePath"), str):
            return file
    return {}


def _caption(file: Mapping[str, Any]) -> str | None:
    caption = file.get("caption")
    return caption if isinstance(caption, str) else None


def merge_sources(
    own_lines: Iterable[TranscriptLine], events: Iterable[Event] = (), messages: Iterable[HistoryMessage] = ()
) -> list[TranscriptLine]:
    """Put the lines of all three sources in order, each message once.

    Within a dialog the sequence decides, between dialogs the time. Something sent with an unknown outcome
    is found again in what the others tell of the consumer by its words.

    Example:
        >>> line = TranscriptLine("consumer", "text", "Hi", None, 0, "c", sources=("sent",))
        >>> merge_sources([line, line])[0].sources
        ('sent',)
    """
    webhook_lines = [line_of_webhook(event) for event in events if event.is_message]
    lines_by_number: dict[tuple[str | None, int], TranscriptLine] = {}
    unnumbered_lines: list[TranscriptLine] = []
    unconfirmed_lines: list[TranscriptLine] = []
    for line in (*own_lines, *webhook_lines, *map(line_of_history, messages)):
        if line.sequence is not None:
            key = (line.dialog_id, line.sequence)
            lines_by_number[key] = (
                _merge_lines(lines_by_number[key], line) if key in lines_by_number else line
            )
        elif line.outcome == "unknown":
            unconfirmed_lines.append(line)
        else:
            unnumbered_lines.append(line)
    for line in unconfirmed_lines:
        place = next((key for key, other in lines_by_number.items() if _is_probably_same(line, other)), None)
        if place is None:
            unnumbered_lines.append(line)
        else:
            lines_by_number[place] = replace(
                _merge_lines(line, lines_by_number[place]), sequence=place[1], dialog_id=place[0]
            )
    return _in_order([*lines_by_number.values(), *unnumbered_lines])


def to_columns(conversation_id: str, lines: Sequence[TranscriptLine]) -> dict[str, list[object]]:
    """The lines as columns, for ``tables.transcript_table``."""
    return {
        "conversation_id": [conversation_id] * len(lines),
        "at": [line.at for line in lines],
        "who": [line.who for line in lines],
        "text": [line.text for line in lines],
        "kind": [line.kind for line in lines],
        "sequence": [line.sequence for line in lines],
        "dialog_id": [line.dialog_id for line in lines],
        "audience": [line.audience for line in lines],
        "outcome": [line.outcome for line in lines],
        "sources": [", ".join(line.sources) for line in lines],
    }


def _merge_lines(first: TranscriptLine, second: TranscriptLine) -> TranscriptLine:
    """One line of two that tell of the same message: the service's time beats this machine's."""
    sources = {*first.sources, *second.sources}
    service_line = next((line for line in (second, first) if "sent" not in line.sources), second)
    return replace(
        first,
        who=first.who or second.who,
        text=first.text if first.text is not None else second.text,
        at=service_line.at or first.at or second.at,
        audience=first.audience or second.audience,
        outcome=first.outcome or second.outcome,
        sources=tuple(source for source in SOURCES if source in sources),
        raw=service_line.raw if service_line.raw is not None else first.raw,
    )


def _is_probably_same(own_line: TranscriptLine, service_line: TranscriptLine) -> bool:
    """Whether *service_line* is what was sent with an unknown outcome."""
    if "sent" in service_line.sources or (service_line.who, service_line.kind, service_line.text) != (
        own_line.who,
        own_line.kind,
        own_line.text,
    ):
        return False
    # A minute's leeway: the service's clock and this machine's differ.
    return (
        own_line.at is None or service_line.at is None or (own_line.at - service_line.at).total_seconds() < 60
    )


def _in_order(lines: Iterable[TranscriptLine]) -> list[TranscriptLine]:
    dialogs: dict[str | None, list[TranscriptLine]] = {}
    times_and_lines: list[tuple[datetime, TranscriptLine]] = []
    for line in lines:
        if line.sequence is None:
            times_and_lines.append((line.at or _LONG_AGO, line))
        else:
            dialogs.setdefault(line.dialog_id, []).append(line)
    for dialog in dialogs.values():
        times_and_lines.extend(_by_sequence(dialog))
    return [line for _, line in sorted(times_and_lines, key=lambda pair: pair[0])]  # stable


def _by_sequence(dialog: list[TranscriptLine]) -> Iterator[tuple[datetime, TranscriptLine]]:
    latest = _LONG_AGO
    for line in sorted(dialog, key=lambda line: line.sequence or 0):
        latest = max(latest, line.at or latest)
        yield latest, line


_LONG_AGO = datetime.min.replace(tzinfo=UTC)
