"""``HistoryRecord``: conversations as history returns them, read without trusting their shape.

Whatever is not known passes: ``raw`` holds the record as it came. Ids are text here as everywhere in lpnb,
although history writes skills as numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lpnb._internal.display import table_html
from lpnb.models.landings import Transfer

#: No skill: any agent may take the conversation.
UNASSIGNED = "-1"

# history's member, the SDE's type, where its fields stand on the wire
_KINDS = {
    "customerInfo": "ctmrinfo",
    "personalInfo": "personal",
    "marketingCampaignInfo": "mrktInfo",
    "serviceActivity": "service",
    "lead": "lead",
    "visitorError": "error",
    "cartStatus": "cart",
    "purchase": "purchase",
    "viewedProduct": "prodView",
    "searchContent": "searchInfo",
}
_NAMES = {
    "customerInfo": {"customerStatus": "cstatus", "customerType": "ctype"},
    "personalInfo": {
        "name": "firstname",
        "surname": "lastname",
        "customerAge": "age",
        "personalContacts": "contacts",
    },
}
_AGE = {
    "customerAgeInYears": "age",
    "customerYearOfBirth": "year",
    "customerMonthOfBirth": "month",
    "customerDateOfBirth": "day",
}


@dataclass(frozen=True, slots=True)
class SdeRecord:
    """One SDE under the names with which CONVERSATION and Monitoring take it.

    ``type`` is "ctmrinfo", "personal" and so on, or history's own word for one that is not known.
    ``authenticated`` tells what a verified source said from what a page reported. Searched with version
    1, all values are text and there are authenticated ones only; with version 2 they are typed.
    """

    type: str
    fields: Mapping[str, Any]
    at: datetime | None
    authenticated: bool = True


@dataclass(frozen=True, slots=True)
class HistoryMessage:
    """One message as history has it. ``text`` is None for what is not text; ``raw`` has it."""

    sequence: int | None
    at: datetime | None
    sent_by: str
    type: str
    text: str | None
    participant_id: str | None
    dialog_id: str | None
    audience: str | None
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """One conversation as Messaging Interactions has it; ``raw`` is the record as it came.

    Example:
        >>> record = HistoryRecord({"info": {"conversationId": "c", "latestSkillId": 2741903013}})
        >>> record.conversation_id, record.latest_skill_id, record.status
        ('c', '2741903013', None)

    Source: Messaging Interactions API, Methods.
    """

    raw: Mapping[str, Any] = field(repr=False)

    @property
    def info(self) -> Mapping[str, Any]:
        """``info`` as it came: times, agent, source, close reason and more."""
        return mapping(self.raw.get("info"))

    @property
    def conversation_id(self) -> str | None:
        """Which conversation this is."""
        return text(self.info.get("conversationId"))

    @property
    def status(self) -> str | None:
        """ "OPEN" or "CLOSE"."""
        return text(self.info.get("status"))

    @property
    def latest_skill_id(self) -> str:
        """The skill it is in, "-1" for none (documented as the default)."""
        return identifier(self.info.get("latestSkillId")) or UNASSIGNED

    @property
    def latest_skill_name(self) -> str | None:
        """That skill's name."""
        return text(self.info.get("latestSkillName"))

    @property
    def skill_names(self) -> dict[str, str]:
        """The name of every skill that the record names, by its id."""
        pairs = [(self.latest_skill_id, self.latest_skill_name)]
        for move in self.transfers:
            pairs.append((move.source_skill_id or "", move.source_skill_name))
            pairs.append((move.target_skill_id or "", move.target_skill_name))
        return {skill_id: name for skill_id, name in pairs if skill_id and name}

    @property
    def campaign_names(self) -> dict[str, dict[str, str]]:
        """The names of its "campaigns" and "engagements" by their ids; of "campaign" that was asked for."""
        campaign = mapping(self.raw.get("campaign"))
        pairs = {"campaigns": ("campaignId", "campaignName"),
                 "engagements": ("campaignEngagementId", "campaignEngagementName")}  # fmt: skip
        ids_and_names = {
            kind: (identifier(campaign.get(key)), text(campaign.get(name)))
            for kind, (key, name) in pairs.items()
        }
        return {kind: {key: name} for kind, (key, name) in ids_and_names.items() if key and name}

    @property
    def started_at(self) -> datetime | None:
        """When it began."""
        return moment(self.info.get("startTimeL"))

    @property
    def ended_at(self) -> datetime | None:
        """When it ended; None while it is open."""
        return moment(self.info.get("endTimeL"))

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """Its moves from skill to skill, the earliest first. Empty unless "transfers" was asked for."""
        moves = [
            Transfer(
                at=moment(item.get("timeL")),
                source_skill_id=identifier(item.get("sourceSkillId")),
                target_skill_id=identifier(item.get("targetSkillId")),
                source_skill_name=text(item.get("sourceSkillName")),
                target_skill_name=text(item.get("targetSkillName")),
                reason=text(item.get("reason")),
                by=identifier(item.get("by")),
            )
            for item in mappings(self.raw.get("transfers"))
        ]
        return tuple(sorted(moves, key=lambda item: item.at or _LONG_AGO))

    @property
    def messages(self) -> tuple[HistoryMessage, ...]:
        """What was said, in order. Empty unless "messageRecords" was asked for."""
        return tuple(_message(item) for item in mappings(self.raw.get("messageRecords")))

    @property
    def sdes(self) -> tuple[SdeRecord, ...]:
        """The SDEs it has, under the names they were sent with. Empty unless they were asked for."""
        return (*_sdes(self.raw.get("sdes"), True), *_sdes(self.raw.get("unAuthSdes"), False))

    def _repr_html_(self) -> str:
        rows = [
            ("conversation", self.conversation_id),
            ("status", self.status),
            ("skill", f"{self.latest_skill_name or ''} ({self.latest_skill_id})"),
            ("started", self.started_at),
            ("ended", self.ended_at),
            ("transfers", len(self.transfers)),
            ("agent", text(self.info.get("latestAgentFullName"))),
            ("source", text(self.info.get("source"))),
        ]
        return table_html("In history", ["what", "value"], rows)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of a search: the records, and how many there are on all pages.

    ``partial`` says that the service could not look everywhere, so that some may be missing.
    """

    records: tuple[HistoryRecord, ...] = ()
    count: int = 0
    partial: bool = False


def page_of(reply: object) -> HistoryPage | None:
    """Read a reply, or return None when it is none."""
    if not isinstance(reply, Mapping) or "conversationHistoryRecords" not in reply:
        return None
    metadata = mapping(reply.get("_metadata"))
    records = tuple(HistoryRecord(item) for item in mappings(reply["conversationHistoryRecords"]))
    count = metadata.get("count")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        count = len(records)
    shards = mapping(metadata.get("shardsStatusResult"))
    return HistoryPage(records, count, shards.get("partialResult") is True)


def mapping(value: object) -> Mapping[str, Any]:
    """*value* when it is an object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """The objects in an array; an array of one may come as the bare element (documented)."""
    items = value if isinstance(value, list) else [value]
    return (item for item in items if isinstance(item, Mapping))


def text(value: object) -> str | None:
    """*value* when it is text that says something."""
    return value if isinstance(value, str) and value else None


def identifier(value: object) -> str | None:
    """An id as text, whether it came as a number or as text."""
    if isinstance(value, bool):
        return None
    return str(value) if isinstance(value, int) else text(value)


_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def moment(value: object) -> datetime | None:
    """Epoch milliseconds, as a number or as text, as a moment; -1 is none.

    Example:
        >>> moment("1700000000500").isoformat()
        '2023-11-14T22:13:20.500000+00:00'
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e14:
        return None
    return datetime.fromtimestamp(value // 1000, UTC).replace(microsecond=int(value % 1000) * 1000)


def _message(item: Mapping[str, Any]) -> HistoryMessage:
    sequence = item.get("seq")
    is_number = isinstance(sequence, int) and not isinstance(sequence, bool) and 0 <= sequence < 1 << 63
    return HistoryMessage(
        sequence=sequence if is_number else None,
        at=moment(item.get("timeL")),
        sent_by=text(item.get("sentBy")) or "",
        type=text(item.get("type")) or "",
        text=text(mapping(mapping(item.get("messageData")).get("msg")).get("text")),
        participant_id=identifier(item.get("participantId")),
        dialog_id=text(item.get("dialogId")),
        audience=text(item.get("audience")),
        raw=item,
    )


def _sdes(part: object, authenticated: bool) -> Iterator[SdeRecord]:
    for event in mappings(mapping(part).get("events")):
        holder = next((name for name in event if name in _KINDS), None)
        inner = mapping(event.get(holder or ""))
        fields = mapping(inner.get(holder or ""))  # doubly nested (documented)
        at = moment(event.get("serverTimeStamp"))
        if holder is None:
            kind, fields = text(event.get("sdeType")) or "", event
        else:
            kind = _KINDS[holder]
            fields = {_NAMES.get(holder, {}).get(name, name): value for name, value in fields.items()}
        yield SdeRecord(kind, _plain_fields(fields), at, authenticated)


def _plain_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    plain_fields = dict(fields)
    if isinstance(age := plain_fields.get("age"), Mapping):
        plain_fields["age"] = {_AGE.get(name, name): value for name, value in age.items()}
    if "contacts" in plain_fields:
        contacts = mappings(plain_fields["contacts"])
        plain_fields["contacts"] = [item.get("personalContact", item) for item in contacts]
    return plain_fields
