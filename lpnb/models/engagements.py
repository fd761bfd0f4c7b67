"""Monitoring's engagement and report requests, and the engagement it answers, as values.

Asking is ``monitoring``'s business. Monitoring writes ids as numbers, CONVERSATION wants text: the
objects here hold text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from lpnb._internal.display import brief, esc, table_html
from lpnb._internal.json_codec import json_trouble, lone_surrogate
from lpnb._printable import one_line
from lpnb.errors import Complaint, InvalidValueError

if TYPE_CHECKING:
    from lpnb.models.conversation_request import CampaignInfo, ConversationContext
    from lpnb.models.engagement_attributes import AnyAttribute, Impression
    from lpnb.models.visitors import Identity, VisitorProperties

Offer = Literal["offered", "none", "already open"]
_VERSION = re.compile(r"\d{1,3}\.\d{1,3}\Z")


@dataclass(frozen=True)
class EngagementRequest:
    """What Monitoring is told of a visitor. Everything may be left out.

    Args:
        consumer_id: The consumer; without *identities* it becomes the only one, not authenticated.
        entry_points: Where the visitor is, such as "sec://cards", "tel://...", "lang://English".
        engagement_attributes: SDEs of any type but impressions; objects, or dicts as the wire has them.
        identities: Who the visitor is, such as ``Identity(sub="consumer-1", acr="loa1")``.
        client_properties: The visitor's device.
        version: "1.1" or "1.0".
        on_behalf: Whether a server asks on the visitor's behalf, so that its address says nothing of
            where the visitor is. Sent as ``obh``.
        visitor_id: A ``vid``; the one that is kept for the consumer when left out.
        session_id: A ``sid``; likewise.

    Raises:
        InvalidValueError: Naming everything that is wrong, each with its path on the wire.

    Example:
        >>> EngagementRequest("consumer-1", entry_points=["sec://cards"]).to_wire()
        {'identities': [{'acr': '0', 'sub': 'consumer-1'}], 'entryPoints': ['sec://cards']}

    Source: Monitoring API, Engagement.
    """

    reports: ClassVar[bool] = False

    consumer_id: str | None = None
    entry_points: Sequence[str] = ()
    engagement_attributes: Sequence[AnyAttribute | Mapping[str, Any]] = ()
    identities: Sequence[Identity | Mapping[str, Any]] | None = None
    client_properties: VisitorProperties | Mapping[str, Any] | None = None
    version: str = "1.1"
    on_behalf: bool = True
    visitor_id: str | None = None
    session_id: str | None = None

    def __post_init__(self) -> None:
        complaints: list[Complaint] = []
        for name, value in self._checked_fields(complaints).items():
            object.__setattr__(self, name, value)
        if complaints:
            raise InvalidValueError(complaints)

    @property
    def visitor(self) -> str | None:
        """Whose ``vid`` and ``sid`` are kept: the consumer, or the first identity."""
        if self.consumer_id is not None or not self.identities:
            return self.consumer_id
        return next((who.sub for who in self.identities if not isinstance(who, Mapping)), None)

    @property
    def appends(self) -> bool:
        """Whether sending it twice would leave more behind than sending it once."""
        return any(getattr(sde, "appends", False) for sde in self.engagement_attributes)

    def to_wire(self) -> dict[str, Any]:
        """Return the body that is sent."""
        wire: dict[str, Any] = {}
        if self.identities:
            wire["identities"] = _wire(self.identities)
        if self.client_properties is not None:
            wire["clientProperties"] = _wire([self.client_properties])[0]
        if self.entry_points:
            wire["entryPoints"] = list(self.entry_points)
        if self.engagement_attributes or self.reports:
            wire["engagementAttributes"] = _wire(self.engagement_attributes)
        return wire

    def _checked_fields(self, complaints: list[Complaint]) -> dict[str, Any]:
        from lpnb._internal.validation import join, must
        from lpnb.models.engagement_attributes import IMPRESSIONS, read_attribute
        from lpnb.models.visitors import Identity, VisitorProperties

        for name in ("consumer_id", "visitor_id", "session_id"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, str) and value.strip()):
                complaints.append(must(name, "must be text that is not blank", value))
            elif trouble := json_trouble(value):
                complaints.append(must(name, trouble, value))
        if not (isinstance(self.version, str) and _VERSION.match(self.version)):
            complaints.append(must("version", "must be a version such as '1.1'", self.version))
        if not isinstance(self.on_behalf, bool):
            complaints.append(must("on_behalf", "must be true or false", self.on_behalf))
        points = _checked_list("entryPoints", self.entry_points, complaints)
        for place, point in enumerate(points):
            if not isinstance(point, str) or not point:
                path = join("entryPoints", place)
                complaints.append(must(path, "must be text, such as 'sec://cards'", point))
        sdes: list[Any] = []
        attributes = _checked_list("engagementAttributes", self.engagement_attributes, complaints)
        for place, element in enumerate(attributes):
            path = join("engagementAttributes", place)
            kind = element.get("type") if isinstance(element, Mapping) else getattr(element, "kind", None)
            if kind in IMPRESSIONS and not self.reports:
                complaints.append(must(join(path, "type"), "belongs in a report", kind))
            else:
                sdes.append(read_attribute(element, path, complaints))
        given_identities = self.identities
        if given_identities is None and isinstance(self.consumer_id, str) and self.consumer_id:
            given_identities = [Identity(sub=self.consumer_id)]
        identities: list[Any] = []
        for place, identity in enumerate(_checked_list("identities", given_identities or (), complaints)):
            if isinstance(identity, Identity):
                identities.append(identity)
            else:
                path = join("identities", place)
                identities.append(Identity.collect(identity, path, "refuse", complaints))
        device: Any = self.client_properties
        if device is not None and not isinstance(device, VisitorProperties):
            device = VisitorProperties.collect(device, "clientProperties", "refuse", complaints)
        return {
            "entry_points": tuple(points),
            "engagement_attributes": tuple(sdes),
            "identities": tuple(identities),
            "client_properties": device,
        }


@dataclass(frozen=True)
class ReportRequest(EngagementRequest):
    """What is reported of a visitor; ``engagement_attributes`` may hold impressions too.

    Args:
        page_id: The page it is about, such as ``engagement.page_id``; any when left out.

    Raises:
        InvalidValueError: Nobody is named, nothing is reported, or something is wrong.

    Example:
        >>> ReportRequest("consumer-1", engagement_attributes=[{"type": "searchInfo", "keywords": ["loan"]}]).to_wire()
        {'identities': [{'acr': '0', 'sub': 'consumer-1'}], 'engagementAttributes': [{'type': 'searchInfo', 'keywords': ['loan']}]}

    Source: Monitoring API, Report.
    """  # noqa: E501

    reports: ClassVar[bool] = True

    page_id: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """Return the body that is sent."""
        return super().to_wire() | ({} if self.page_id is None else {"pageId": self.page_id})

    def _checked_fields(self, complaints: list[Complaint]) -> dict[str, Any]:
        fields = super()._checked_fields(complaints)
        if not fields["engagement_attributes"] and not complaints:
            sentence = "engagementAttributes must hold at least one SDE: a report is about them."
            complaints.append(Complaint("engagementAttributes", sentence))
        if not fields["identities"] and self.visitor_id is None:
            sentence = "consumer_id, identities or visitor_id must be given: a report is about somebody."
            complaints.append(Complaint("identities", sentence))
        if (page := self.page_id) is not None and (
            not isinstance(page, str) or lone_surrogate(page) is not None
        ):
            sentence = f"pageId must be text without half a character; got {brief(page)}."
            complaints.append(Complaint("pageId", sentence))
        return fields


@dataclass(frozen=True)
class Reported:
    """That a report was accepted, and whose session it went into."""

    consumer_id: str | None
    visitor_id: str
    session_id: str
    page_id: str | None = None
    http_status: int | None = None
    attempts: int = 1
    raw: bytes = field(default=b"", repr=False)

    @property
    def explanation(self) -> str:
        """What it means, in words."""
        return f"The report was added to session {self.session_id} of visitor {self.visitor_id}."


@dataclass(frozen=True)
class Engagement:
    """What Monitoring offered a visitor.

    Attributes:
        outcome: "offered", "none", or "already open" (then ``conversation_id`` says which one).
        campaign_id: With ``engagement_id``, what to route by; text, as CONVERSATION wants it.
        context_id: CONVERSATION's ``interactionContextId``.
        visitor_id: The ``vid``; with ``session_id``, the ``sid``, kept for the consumer's next call.
        page_id: For later reports about the same page.
        language: One of the engagement's, such as "en-US"; CONVERSATION's ``lang``.
        status: Monitoring's own word: "expose", "conversation", or one that is not documented.
        explanation: What it means and what to do, in words.
        raw: The reply's bytes as they came.

    Example:
        >>> engagement = Engagement("anna", "offered", "v", "s", campaign_id="9", engagement_id="8", context_id="1")
        >>> engagement.conversation_context().to_wire()
        {'type': 'SharkContext', 'visitorId': 'v', 'sessionId': 's', 'interactionContextId': '1'}

    Source: Monitoring API, Engagement; Send API, CONVERSATION.
    """  # noqa: E501

    consumer_id: str | None
    outcome: Offer
    visitor_id: str
    session_id: str
    page_id: str | None = None
    campaign_id: str | None = None
    engagement_id: str | None = None
    engagement_revision: int | None = None
    context_id: str | None = None
    connector_id: str | None = None
    window_id: str | None = None
    language: str | None = None
    conversation_id: str | None = None
    status: str | None = None
    explanation: str = ""
    http_status: int | None = None
    attempts: int = 1
    elapsed_ms: float | None = None
    raw: bytes = field(default=b"", repr=False)

    def campaign_info(self) -> CampaignInfo:
        """The ``campaignInfo`` to route by.

        Raises:
            InvalidValueError: Nothing is offered.
        """
        from lpnb.models.conversation_request import CampaignInfo

        self._must_be_offered()
        return CampaignInfo(campaign_id=self.campaign_id, engagement_id=self.engagement_id)

    def conversation_context(self, given: ConversationContext | None = None) -> ConversationContext:
        """The ``conversationContext`` that goes with it; what *given* says besides is kept.

        Raises:
            InvalidValueError: Nothing is offered.
        """
        from lpnb.models.conversation_request import ConversationContext

        self._must_be_offered()
        lang = self.language or (given.lang if given else None)
        return ConversationContext(
            type="SharkContext",
            visitor_id=self.visitor_id,
            session_id=self.session_id,
            interaction_context_id=self.context_id,
            lang=lang,
            features=given.features if given else None,
            client_properties=given.client_properties if given else None,
            extra=given.extra if given else {},
        )

    def impression(self, kind: str) -> Impression:
        """The SDE that reports what became of the offer: "impDisplay", "impAccept", "impClose" ...

        Raises:
            InvalidValueError: Nothing is offered, or *kind* is no impression.
        """
        from lpnb.models.engagement_attributes import Impression

        self._must_be_offered()
        fields: dict[str, Any] = {
            "kind": kind,
            "campaign": self.campaign_id,
            "eng_id": self.engagement_id,
            "revision": self.engagement_revision,
            "context_id": self.context_id,
        }
        return Impression(**fields)

    def _must_be_offered(self) -> None:
        if self.outcome == "offered":
            return
        raise InvalidValueError([Complaint("engagement", f"engagement must be offered. {self.explanation}")])

    def __repr__(self) -> str:
        return one_line(f"<Engagement {self.outcome}: {self.explanation}>")

    def _repr_html_(self) -> str:
        rows = [
            (name, getattr(self, name))
            for name in self.__dataclass_fields__
            if name not in ("raw", "explanation") and getattr(self, name) is not None
        ]
        table = table_html(f"Engagement: {self.outcome}", ("field", "value"), rows)
        return f"{table}<p>{esc(self.explanation)}</p>"


def engagement_of(
    reply: Mapping[str, Any],
    consumer_id: str | None,
    *,
    http_status: int | None = None,
    attempts: int = 1,
    elapsed_ms: float | None = None,
    raw: bytes = b"",
) -> Engagement:
    """Read Monitoring's answer; ids may be numbers or text, and the details an array or an object.

    Example:
        >>> reply = {"visitorId": "v", "sessionId": "s", "engagementDetails": {"conversationId": "c-1"}}
        >>> engagement_of(reply, "anna").outcome
        'already open'
    """
    details = reply.get("engagementDetails")
    elements = [each for each in (details if isinstance(details, list) else [details]) if each]
    detail = next((each for each in elements if isinstance(each, Mapping)), {})
    status = detail.get("status")
    ids: dict[str, Any] = {
        "campaign_id": text_id(detail.get("campaignId")),
        "engagement_id": text_id(detail.get("engagementId")),
        "conversation_id": text_id(detail.get("conversationId")),
    }
    outcome: Offer = "none"
    if ids["conversation_id"]:
        outcome = "already open"
    elif ids["campaign_id"] and ids["engagement_id"] and status in (None, "expose"):
        outcome = "offered"
    revision = detail.get("engagementRevision")
    return Engagement(
        consumer_id=consumer_id,
        outcome=outcome,
        visitor_id=str(reply.get("visitorId", reply.get("vid"))),
        session_id=str(reply.get("sessionId", reply.get("sid"))),
        page_id=text_id(reply.get("pageId")),
        engagement_revision=revision if isinstance(revision, int) else None,
        context_id=text_id(detail.get("contextId")),
        connector_id=text_id(detail.get("connectorId")),
        window_id=text_id(detail.get("windowId")),
        language=text_id(detail.get("language")),
        status=None if status is None else str(status),
        explanation=_explain(outcome, ids, status),
        http_status=http_status,
        attempts=attempts,
        elapsed_ms=elapsed_ms,
        raw=raw,
        **ids,
    )


def text_id(value: object) -> str | None:
    """An id as text: Monitoring has numbers where CONVERSATION has text.

    Example:
        >>> text_id(880524023), text_id("880524023"), text_id(""), text_id(True)
        ('880524023', '880524023', None, None)
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return str(value) or None


def _explain(outcome: Offer, ids: Mapping[str, Any], status: object) -> str:
    if outcome == "already open":
        return (
            f"Conversation {ids['conversation_id']} is open already, and a consumer can have only one. Go on "
            "in it: client.conversation(engagement)."
        )
    if outcome == "offered":
        return (
            f"Engagement {ids['engagement_id']} of campaign {ids['campaign_id']} is offered; "
            "batch.with_engagement(engagement) routes by it."
        )
    if status is not None:
        return f"Nothing is taken from it: lpnb does not know the status {brief(status)}. See raw."
    return (
        "Nothing is offered: no engagement matches this visitor, or nobody is available. Without one, a "
        "conversation goes where the account's rules or its default skill send it."
    )


def _checked_list(path: str, value: Any, complaints: list[Complaint]) -> list[Any]:
    is_one = isinstance(value, str | bytes | Mapping) or hasattr(value, "to_wire")
    if is_one or not isinstance(value, Iterable):
        hint = " Put it into square brackets." if isinstance(value, str) else ""
        complaints.append(Complaint(path, f"{path} must be a list; got {brief(value)}.{hint}"))
        return []
    return list(value)


def _wire(values: Iterable[Any]) -> list[Any]:
    return [value.to_wire() for value in values]
