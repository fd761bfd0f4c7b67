"""The bodies of CONVERSATION's two frames, field by field, and the Client-Properties header.

How the frames stand together in one call is ``batches``' business; what they *should* hold is
``best_practices``'.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from lpnb._internal.json_codec import json_trouble
from lpnb._internal.validation import join, must
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.base import KEEP_UNKNOWN, NULLABLE, Id, Json, Text, WireModel, field_paths, meant_path
from lpnb.models.sdes import AnySde, CustomerInfo, PersonalInfo, read_sde

SET_USER_PROFILE = "userprofile.SetUserProfile"
REQUEST_CONVERSATION = "cm.ConsumerRequestConversation"

TtrDefName = Literal["NORMAL", "URGENT", "PRIORITIZED", "null"]
Feature = Literal[
    "AUTO_MESSAGES", "RICH_CONTENT", "QUICK_REPLIES", "MULTI_DIALOG", "PHOTO_SHARING",
    "CO_BROWSE", "CO_APP", "SECURE_FORMS", "FILE_SHARING", "MARKDOWN_HYPERLINKS",
]  # fmt: skip
Short = Annotated[Text, Field(max_length=64)]


class ClientProperties(WireModel):
    """The ``Client-Properties`` header: what the consumer's side is and can display.

    Example:
        >>> ClientProperties(features=["RICH_CONTENT"], os="IOS").to_wire()
        {'type': '.ClientProperties', 'features': ['RICH_CONTENT'], 'os': 'IOS'}

    Source: Client Properties page; schema file infra/clientPropertiesHeader.
    """

    wire_root: ClassVar[str] = "clientProperties"

    type: Text = Field(
        default=".ClientProperties", description="Its type; the pages and the schema file differ."
    )
    features: list[Feature] | None = Field(default=None, description="What the consumer's side can display.")
    app_id: Short | None = None
    app_version: Annotated[Text, Field(max_length=32)] | None = None
    ip_address: Annotated[Text, Field(max_length=32)] | None = Field(
        default=None, description="IPv4 address."
    )
    device_family: Literal["DESKTOP", "TABLET", "MOBILE", "OTHER"] | None = None
    os: Literal["WINDOWS", "LINUX", "OSX", "ANDROID", "IOS", "OTHER"] | None = None
    os_name: Short | None = None
    os_version: Short | None = None
    integration: Literal["WEB_SDK", "MOBILE_SDK", "BRAND_SDK"] | None = None
    integration_version: Short | None = None
    browser: Short | None = None
    browser_version: Short | None = None
    time_zone: Short | None = None
    device_manufacture: Short | None = None
    device_model: Short | None = None

    def to_header(self) -> str:
        """Return the header's value: one line, ASCII only."""
        return json.dumps(self.to_wire(), separators=(",", ":"))


class CampaignInfo(WireModel):
    """Which campaign and engagement to route by; both ids come from Monitoring.

    Example:
        >>> CampaignInfo(campaign_id=99999, engagement_id="888888").to_wire()
        {'campaignId': '99999', 'engagementId': '888888'}

    Source: Send API, CONVERSATION. Monitoring gives numbers, CONVERSATION documents text: text is sent.
    """

    wire_root: ClassVar[str] = "campaignInfo"

    campaign_id: Id | None = Field(default=None, description="From Monitoring.", examples=["99999"])
    engagement_id: Id | None = Field(default=None, description="From Monitoring.", examples=["888888"])


class ConversationContext(WireModel):
    """Where the consumer comes from; with a campaign, the ids of the Monitoring session.

    Example:
        >>> ConversationContext(visitor_id="A3ZTY3", session_id="ys2w", lang="en-US").to_wire()
        {'type': 'SharkContext', 'visitorId': 'A3ZTY3', 'sessionId': 'ys2w', 'lang': 'en-US'}

    Source: Send API, CONVERSATION.
    """

    wire_root: ClassVar[str] = "conversationContext"

    type: Text = Field(default="SharkContext", description="SharkContext goes with Monitoring's ids.")
    visitor_id: Text | None = Field(
        default=None, description="Monitoring's visitorId; reports count the visit by it."
    )
    session_id: Text | None = Field(
        default=None, description="Monitoring's sessionId; reports tie the conversation to the visit by it."
    )
    interaction_context_id: Id | None = Field(
        default=None, description="Monitoring's contextId.", examples=["2"]
    )
    lang: Text | None = Field(
        default=None,
        description="Language and country, such as en-US. Check first that the engagement is set up for it.",
        examples=["en-US"],
    )
    features: list[Feature] | None = Field(
        default=None, description="As in Client-Properties; older pages only."
    )
    client_properties: ClientProperties | None = Field(default=None, description="Seen in a client only.")


class ConsumerRequestConversation(WireModel):
    """The body of ``cm.ConsumerRequestConversation``: for which brand, and where it is routed.

    ``brand_id`` is the account id and is filled in when the batch is sent. ``channel_type`` is always sent
    unless it is None: the property table demands it, the minimal example leaves it out.

    Example:
        >>> ConsumerRequestConversation(brand_id="12345678", ttr_def_name="URGENT").to_wire()
        {'brandId': '12345678', 'channelType': 'MESSAGING', 'ttrDefName': 'URGENT'}

    Source: Send API, CONVERSATION.
    """

    elsewhere: ClassVar[Mapping[str, tuple[type[WireModel], ...]]] = {
        "sdes=[{}]": (CustomerInfo, PersonalInfo)
    }

    brand_id: Id | None = Field(default=None, description="The account id; filled in when sent.")
    channel_type: Literal["MESSAGING"] | None = Field(default="MESSAGING", description="Always MESSAGING.")
    ttr_def_name: Annotated[TtrDefName | None, NULLABLE] = Field(
        default=None,
        description="Urgency: NORMAL, URGENT, PRIORITIZED, or null, which is sent as null.",
    )
    campaign_info: CampaignInfo | None = None
    conversation_context: ConversationContext | None = None
    skill_id: Id | None = Field(
        default=None,
        description="-1 is any skill. Route with a campaign instead: LivePerson advises against it.",
        examples=["-1"],
    )
    metadata: Json = Field(default=None, description="Conversation metadata objects.")


@dataclass(frozen=True)
class SetUserProfile:
    """The body of ``userprofile.SetUserProfile``: the SDEs that tell the agent who the consumer is.

    Args:
        sdes: Customer Info and Personal Info; objects, or dicts as the wire has them.
        extra: Further fields of the body, on purpose; sent beside ``authenticatedData``.

    Raises:
        InvalidValueError: Naming everything that is wrong, each with its path on the wire.

    Example:
        >>> SetUserProfile([PersonalInfo(firstname="John")]).to_wire()
        {'authenticatedData': {'lp_sdes': [{'type': 'personal', 'personal': {'firstname': 'John'}}]}}
        >>> SetUserProfile().to_wire()
        {}

    Source: Send API, CONVERSATION. Only ``ctmrinfo`` and ``personal`` are supported here.
    """

    sdes: Sequence[AnySde | Mapping[str, Any]] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        complaints: list[Complaint] = []
        object.__setattr__(self, "sdes", _sdes(self.sdes, "", "refuse", complaints))
        if not complaints and self.extra == {}:
            return
        if trouble := json_trouble(self.extra):
            complaints.append(must("extra", trouble, self.extra))
        elif not isinstance(self.extra, Mapping):
            complaints.append(must("extra", "must be an object", self.extra))
        elif not isinstance(beside := self.extra.get("authenticatedData", {}), Mapping):
            complaints.append(must("extra.authenticatedData", "must be an object", beside))
        elif "lp_sdes" in beside:
            path = "extra.authenticatedData.lp_sdes"
            complaints.append(Complaint(path, f"{path} must not be given beside sdes; put the SDEs there."))
        if complaints:
            raise InvalidValueError(complaints)

    @classmethod
    def collect(
        cls, body: Any, path: str, unknown: str, complaints: list[Complaint]
    ) -> SetUserProfile | None:
        """Read a frame's body as the wire has it, adding to *complaints* whatever is wrong with it."""
        before = len(complaints)
        if not isinstance(body, Mapping):
            complaints.append(must(path, "must be an object, {} at the least", body))
            return None
        extra = {key: value for key, value in body.items() if key != "authenticatedData"}
        data = body.get("authenticatedData", {})
        inner = join(path, "authenticatedData")
        if not isinstance(data, Mapping):
            complaints.append(must(inner, "must be an object", data))
            return None
        beside = {key: value for key, value in data.items() if key != "lp_sdes"}
        if unknown != "keep":
            for where, keys in ((path, extra), (inner, beside)):
                complaints.extend(
                    Complaint(
                        join(where, str(key)),
                        f"{join(where, str(key))} is not a documented field."
                        f"{meant_path(str(key), _PROFILE_PATHS)}{KEEP_UNKNOWN}",
                    )
                    for key in keys
                )
        if beside:
            extra["authenticatedData"] = beside
        sdes = _sdes(data.get("lp_sdes", ()), path, unknown, complaints)
        return cls(sdes, extra) if len(complaints) == before else None

    def to_wire(self) -> dict[str, Any]:
        """Return the body that is sent."""
        if not self.sdes:
            return dict(self.extra)
        body = profile_body([sde.to_wire() for sde in self.sdes if not isinstance(sde, Mapping)])
        beside = self.extra.get("authenticatedData", {})
        return {**self.extra, "authenticatedData": {**beside, **body["authenticatedData"]}}


def profile_body(elements: list[dict[str, Any]]) -> dict[str, Any]:
    """The body of ``userprofile.SetUserProfile`` with these *elements* of ``lp_sdes``."""
    return {"authenticatedData": {"lp_sdes": elements}} if elements else {}


_PROFILE_PATHS = tuple(
    f"authenticatedData.{path}"
    for model in (PersonalInfo, CustomerInfo)
    for path in ("lp_sdes", *field_paths(model, f"lp_sdes[0].{model.wire_root}"))
)
#: Every documented field of both frames.
REQUEST_PATHS = (
    *(f"[0].body.{path}" for path in ("authenticatedData", *_PROFILE_PATHS)),
    *field_paths(ConsumerRequestConversation, "[1].body"),
)
_SDE_CLASSES = frozenset((CustomerInfo, PersonalInfo))


def _sdes(elements: Any, path: str, unknown: str, complaints: list[Complaint]) -> tuple[AnySde, ...]:
    if isinstance(elements, list | tuple) and all(type(item) in _SDE_CLASSES for item in elements):
        return tuple(elements)  # valid as they are
    path_of_sdes = join(path, "authenticatedData", "lp_sdes")
    if not isinstance(elements, Iterable) or isinstance(
        elements, Mapping | str | CustomerInfo | PersonalInfo
    ):
        is_single = isinstance(elements, Mapping | CustomerInfo | PersonalInfo)
        hint = "Put it into square brackets." if is_single else ""
        complaints.append(must(path_of_sdes, "must be a list of SDEs", elements, hint))
        return ()
    sdes = [
        read_sde(item, join(path_of_sdes, place), unknown, complaints) for place, item in enumerate(elements)
    ]
    return tuple(sde for sde in sdes if sde is not None)
