"""``ConversationBatch`` and ``RawBatch``: the array of frames that one CONVERSATION call posts.

``ConversationBatch`` is what most callers want: valid from the moment it exists. ``RawBatch`` sends what
it is given, byte for byte, for those who want to see how the service takes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from lpnb._internal.display import brief, brief_text, pre_html
from lpnb._internal.json_codec import JsonError, json_bytes, json_in, json_trouble, read_json
from lpnb._internal.request_ids import fresh_ids
from lpnb._internal.validation import join, must, one_of
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.base import SEND_AS_IT_IS
from lpnb.models.conversation_request import (
    REQUEST_CONVERSATION,
    SET_USER_PROFILE,
    CampaignInfo,
    ClientProperties,
    ConsumerRequestConversation,
    ConversationContext,
    SetUserProfile,
    TtrDefName,
)
from lpnb.models.outgoing import Batch, EncodedBatch, content_bytes
from lpnb.models.sdes import AnySde

if TYPE_CHECKING:
    from lpnb.models.engagements import Engagement


@dataclass(frozen=True)
class ConversationBatch:
    """The frames of one CONVERSATION call: who the consumer is, and what conversation is asked for.

    Args:
        profile: The first frame's body.
        request: The second frame's body. Its ``brandId`` is filled in when the batch is sent.
        client_properties: Sent as the ``Client-Properties`` header.
        req_ids: One request id a frame. When left out, each attempt gets fresh ones, so that a late
            answer to another request can never be taken for this one's.
        more: Further frames as dicts, such as the ``ms.PublishEvent`` of older pages.

    Raises:
        InvalidValueError: Naming everything that is wrong, each with its path in the posted array.

    Example:
        >>> from lpnb import CampaignInfo, PersonalInfo
        >>> batch = ConversationBatch(
        ...     SetUserProfile([PersonalInfo(firstname="John")]),
        ...     ConsumerRequestConversation(campaign_info=CampaignInfo(campaign_id="99999")),
        ...     req_ids=("1", "2"),
        ... )
        >>> batch.to_wire("12345678")[1]["body"]
        {'brandId': '12345678', 'channelType': 'MESSAGING', 'campaignInfo': {'campaignId': '99999'}}

    Source: Send API, CONVERSATION.
    """

    profile: SetUserProfile = field(default_factory=SetUserProfile)
    request: ConsumerRequestConversation = field(default_factory=ConsumerRequestConversation)
    client_properties: ClientProperties | None = None
    req_ids: Sequence[str] | None = None
    more: Sequence[Mapping[str, Any]] = ()

    def __post_init__(self) -> None:
        complaints: list[Complaint] = []
        kinds: dict[str, type] = {"profile": SetUserProfile, "request": ConsumerRequestConversation}
        if self.client_properties is not None:
            kinds["client_properties"] = ClientProperties
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                complaints.append(must(name, f"must be a {kind.__name__}", getattr(self, name)))
        object.__setattr__(self, "more", tuple(self.more))
        _check_more(self.more, complaints)
        if self.req_ids is not None:
            object.__setattr__(self, "req_ids", _checked_ids(self.req_ids, 2 + len(self.more), complaints))
        if complaints:
            raise InvalidValueError(complaints)

    @classmethod
    def build(
        cls,
        sdes: Sequence[AnySde | Mapping[str, Any]] = (),
        *,
        client_properties: ClientProperties | Mapping[str, Any] | None = None,
        req_ids: Sequence[str] | None = None,
        campaign_info: CampaignInfo | Mapping[str, Any] | None = None,
        conversation_context: ConversationContext | Mapping[str, Any] | None = None,
        ttr_def_name: TtrDefName | None = None,
        skill_id: str | int | None = None,
        channel_type: Literal["MESSAGING"] | None = "MESSAGING",
        brand_id: str | int | None = None,
        metadata: Sequence[Mapping[str, Any]] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> ConversationBatch:
        """Make a batch in one go: the SDEs and the fields of ``ConsumerRequestConversation``.

        Objects and dicts as the wire has them may be mixed.

        Args:
            sdes: ``CustomerInfo`` and ``PersonalInfo``, or dicts.
            client_properties: For the ``Client-Properties`` header.
            req_ids: The two request ids; when left out, each attempt gets fresh ones.
            campaign_info: Which campaign and engagement to route by.
            conversation_context: Where the consumer comes from.
            ttr_def_name: Urgency: "NORMAL", "URGENT", "PRIORITIZED", or ``lpnb.NULL``, which sends
                null and is not the same as leaving it out.
            skill_id: A fixed skill; a campaign is preferred.
            channel_type: "MESSAGING"; None leaves the field out.
            brand_id: The account id, which is filled in when the batch is sent.
            metadata: Conversation metadata objects.
            extra: Fields of the request that are not documented, by their wire names.

        Raises:
            InvalidValueError: Naming everything that is wrong in either frame at once.

        Example:
            >>> ConversationBatch.build([{"type": "personal", "personal": {"gender": "male"}}], skill_id="-1")
            Traceback (most recent call last):
            lpnb.errors.InvalidValueError: [0].body.authenticatedData.lp_sdes[0].personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'male'. Did you mean 'MALE'?
        """  # noqa: E501
        complaints: list[Complaint] = []
        body = {"authenticatedData": {"lp_sdes": sdes}}
        profile = SetUserProfile.collect(body, "[0].body", "refuse", complaints)
        arguments = {
            "campaign_info": campaign_info,
            "conversation_context": conversation_context,
            "ttr_def_name": ttr_def_name,
            "skill_id": skill_id,
            "brand_id": brand_id,
            "metadata": metadata,
            "extra": extra,
        }
        fields = {name: value for name, value in arguments.items() if value is not None}
        request = ConsumerRequestConversation.gather(
            {**fields, "channel_type": channel_type}, "[1].body", complaints
        )
        header = client_properties
        if isinstance(header, Mapping):
            header = ClientProperties.collect(header, "Client-Properties", "refuse", complaints)
        if req_ids is not None:
            _checked_ids(req_ids, 2, complaints)
        if complaints or profile is None or request is None:
            raise InvalidValueError(complaints)
        return cls(profile, request, header, req_ids)

    @classmethod
    def from_wire(
        cls,
        frames: str | bytes | Sequence[Mapping[str, Any]],
        *,
        unknown: str = "refuse",
        keep_ids: bool = True,
    ) -> ConversationBatch:
        """Read frames pasted from a log, a file or the Request Builder into the same objects.

        Args:
            frames: The JSON text, or the decoded array.
            unknown: "refuse" names fields that are not documented, "keep" carries them in ``extra``.
            keep_ids: Send the frames' own ids again, or fresh ones for each attempt.

        Raises:
            InvalidValueError: Naming everything that is wrong, such as
                ``[0].body.authenticatedData.lp_sdes[1].personal.gender``.

        Example:
            >>> ConversationBatch.from_wire('[{"id": "1,", "type": "userprofile.SetUserProfile", "body": {}}]')
            Traceback (most recent call last):
            lpnb.errors.InvalidValueError: frames must hold at least two frames, userprofile.SetUserProfile and then cm.ConsumerRequestConversation; got 1.
        """  # noqa: E501
        if unknown not in ("refuse", "keep"):
            raise InvalidValueError([one_of("unknown", unknown, ["refuse", "keep"])])
        array = _array(frames)
        complaints: list[Complaint] = []
        _check_order(array, complaints)
        if len(array) < 2 or not all(isinstance(frame, Mapping) for frame in array[:2]):
            raise InvalidValueError(complaints)
        first, second, *more = array
        # A frame of another type would only be complained about field by field.
        profile = request = None
        if first.get("type") == SET_USER_PROFILE:
            profile = SetUserProfile.collect(first.get("body"), "[0].body", unknown, complaints)
        body = second.get("body")
        if isinstance(body, Mapping):
            body = {"channelType": None, **body}  # what is absent stays absent
        if second.get("type") == REQUEST_CONVERSATION:
            request = ConsumerRequestConversation.collect(body, "[1].body", unknown, complaints)
        _check_more(more, complaints)
        ids = None
        if keep_ids and all(isinstance(frame, Mapping) for frame in more):
            ids = _checked_ids([frame.get("id") for frame in array], len(array), complaints)
        if complaints or profile is None or request is None:
            raise InvalidValueError(_naming_old_fields(complaints))
        return cls(profile, request, None, ids, more)

    def with_engagement(self, engagement: Engagement) -> ConversationBatch:
        """Return a copy that is routed by what Monitoring offered.

        Filled in are campaignId and engagementId, and of the context type, visitorId, sessionId,
        interactionContextId and lang, all as text. What else the batch says of its context is kept.

        Raises:
            InvalidValueError: Nothing is offered; it says what to do instead.

        Example:
            >>> from lpnb import Engagement
            >>> offer = Engagement("anna", "offered", "v", "s", campaign_id="9", engagement_id="8", context_id="1")
            >>> ConversationBatch().with_engagement(offer).request.campaign_info
            CampaignInfo(campaign_id='9', engagement_id='8')
        """  # noqa: E501
        if not hasattr(engagement, "campaign_info"):
            raise InvalidValueError([must("engagement", "must be an Engagement", engagement)])
        fields = {
            "campaign_info": engagement.campaign_info(),
            "conversation_context": engagement.conversation_context(self.request.conversation_context),
        }
        return replace(self, request=self.request.model_copy(update=fields))

    def to_wire(self, account_id: str | None = None) -> list[dict[str, Any]]:
        """Return the array that is posted, with fresh request ids where none were given.

        ``account_id`` becomes the ``brandId`` unless the request names one itself.
        """
        ids = list(self.req_ids or fresh_ids(2 + len(self.more)))
        frames = both_frames(ids, self.profile.to_wire(), self.request.to_wire(), account_id)
        return frames + [{**frame, "id": req_id} for frame, req_id in zip(self.more, ids[2:], strict=True)]

    def outgoing(self, account_id: str) -> EncodedBatch:
        """Return what is posted for *account_id*, with request ids of its own for this attempt."""
        return self.encode(self.to_wire(account_id))

    def encode(self, frames: Sequence[Mapping[str, Any]]) -> EncodedBatch:
        """Return *frames*, which ``to_wire`` has made, as they are posted."""
        return EncodedBatch(
            content=json_bytes(frames),
            requests=tuple((frame["id"], frame["type"]) for frame in frames),
            client_properties=self.client_properties.to_header() if self.client_properties else None,
            given_ids=self.req_ids is not None,
        )

    def _repr_html_(self) -> str:
        frames = self.to_wire("(your account)")
        if self.req_ids is None:
            frames = [{**frame, "id": "(made fresh for each send)"} for frame in frames]
        return pre_html(json.dumps(frames, indent=2, ensure_ascii=False))


def both_frames(
    ids: Sequence[str], profile: dict[str, Any], request: dict[str, Any], account_id: str | None
) -> list[dict[str, Any]]:
    """The two frames of a batch with these bodies; *account_id* is the brand unless the request names one."""
    if account_id is not None:
        request = {"brandId": account_id, **request}
    return [
        {"kind": "req", "id": ids[0], "type": SET_USER_PROFILE, "body": profile},
        {"kind": "req", "id": ids[1], "type": REQUEST_CONVERSATION, "body": request},
    ]


@dataclass(frozen=True)
class RawBatch:
    """Frames that are sent exactly as given, whatever is wrong with them.

    Text and bytes go out byte for byte; anything else is written as JSON. The frames' own ids are used, so
    unless they are unique a late answer to another request can be taken for this one's.

    Raises:
        InvalidValueError: When *content* cannot be turned into bytes at all.

    Example:
        >>> RawBatch('[{"id": "7", "type": "cm.ConsumerRequestConversation"}]').outgoing("").requests
        (('7', 'cm.ConsumerRequestConversation'),)
    """

    content: str | bytes | Sequence[Any] | Mapping[str, Any]
    client_properties: str | None = None

    def __post_init__(self) -> None:
        if self.content is None:
            raise InvalidValueError([Complaint("frames", "frames must be given; got None.")])
        content_bytes("frames", self.content)
        header = self.client_properties
        if header is not None and (not header.isascii() or not header.isprintable()):
            sentence = "Client-Properties must be one line of printable ASCII."
            raise InvalidValueError([Complaint("Client-Properties", sentence)])

    def outgoing(self, account_id: str) -> EncodedBatch:
        """Return the bytes as given; the account is not filled in."""
        content = content_bytes("frames", self.content)
        array = json_in(content)
        frames = [frame for frame in array if isinstance(frame, dict)] if isinstance(array, list) else []
        requests = tuple((_wire_id(frame.get("id")), str(frame.get("type", ""))) for frame in frames)
        # What has no frames is sent all the same, and its answer has a row.
        return EncodedBatch(content, requests or (("", ""),), self.client_properties, given_ids=True)

    def __repr__(self) -> str:
        return f"RawBatch({len(content_bytes('frames', self.content))} bytes)"


#: What older pages have beside or in place of authenticatedData.
_OLD_PROFILE = re.compile(
    r"\[0\]\.body\.(firstName|lastName|nickName|avatarUrl|role|backgndImgUri|description|privateData)"
)


def _naming_old_fields(complaints: list[Complaint]) -> list[Complaint]:
    """Say of fields that older pages have that they are old, and how to send them all the same."""
    old_fields = [match[1] for one in complaints if (match := _OLD_PROFILE.fullmatch(one.path))]
    clear_complaints: list[Complaint] = []
    for complaint in complaints:
        if _OLD_PROFILE.fullmatch(complaint.path):
            if len(old_fields) == 1:
                clear_complaints.append(complaint)
            elif old_fields and not any(one.path == "[0].body" for one in clear_complaints):
                sentence = (
                    f"[0].body has {len(old_fields)} fields of older pages ({', '.join(old_fields)}); "
                    f"today the profile is authenticatedData.lp_sdes. {SEND_AS_IT_IS}"
                )
                clear_complaints.append(Complaint("[0].body", sentence, kind="read anyway"))
        else:
            clear_complaints.append(complaint)
    return clear_complaints


def wire_changes(frames: Any, batch: ConversationBatch) -> list[str]:
    """What a batch made of *frames* sends otherwise than they have it, a sentence for each place.

    Request ids are made anew unless the batch keeps them; the account is filled in when it is sent.

    Example:
        >>> frames = [
        ...     {"id": "1", "type": "userprofile.SetUserProfile", "body": {}},
        ...     {
        ...         "id": "2",
        ...         "type": "cm.ConsumerRequestConversation",
        ...         "body": {"campaignInfo": {"campaignId": 7}},
        ...     },
        ... ]
        >>> wire_changes(frames, ConversationBatch.from_wire(frames))
        ["[1].body.campaignInfo.campaignId: the number 7 is sent as the text '7'."]
    """
    changes: list[str] = []
    _compare(frames, batch.to_wire(), "", changes)
    if batch.req_ids is None and any(isinstance(frame, Mapping) and "id" in frame for frame in frames):
        changes.append("The request ids are not kept: each attempt gets fresh ones.")
    return changes


def _compare(original: Any, wire_value: Any, path: str, changes: list[str]) -> None:
    if isinstance(original, Mapping) and isinstance(wire_value, Mapping):
        for key, value in original.items():
            place = join(path, str(key)) if path else str(key)
            if re.fullmatch(r"\[\d+\]\.(id|kind)", place):
                continue
            if key in wire_value:
                _compare(value, wire_value[key], place, changes)
            elif value not in (None, {}, []):
                changes.append(f"{place}: {_in_json(value)} is not sent.")
    elif (
        isinstance(original, list | tuple)
        and isinstance(wire_value, list | tuple)
        and len(original) == len(wire_value)
    ):
        for number, (before, after) in enumerate(zip(original, wire_value, strict=True)):
            _compare(before, after, f"{path}[{number}]", changes)
    elif type(original) is not type(wire_value) or original != wire_value:
        kind = "the number " if isinstance(original, int | float) and not isinstance(original, bool) else ""
        text = "the text " if isinstance(wire_value, str) and not isinstance(original, str) else ""
        changes.append(f"{path}: {kind}{_in_json(original)} is sent as {text}{_in_json(wire_value)}.")


def _in_json(value: Any) -> str:
    """A value of a frame as JSON has it; a text in the quotes of every other sentence."""
    return (
        brief(value)
        if isinstance(value, str) or json_trouble(value)
        else brief_text(json.dumps(value, ensure_ascii=False))
    )


def batch_of(frames: Batch | str | bytes | Sequence[Mapping[str, Any]]) -> Batch:
    """Return *frames* as a batch: one as it is, JSON or a list of frames read and checked.

    Raises:
        InvalidValueError: Naming everything that is wrong with the frames.
    """
    if isinstance(frames, ConversationBatch | RawBatch):
        return frames
    if isinstance(frames, str | bytes) or not hasattr(frames, "outgoing"):
        return ConversationBatch.from_wire(frames)
    return frames


def _array(frames: str | bytes | Sequence[Mapping[str, Any]]) -> list[Any]:
    if isinstance(frames, str | bytes):
        try:
            frames = read_json(frames)
        except JsonError as error:
            raise InvalidValueError([Complaint("frames", f"frames are not JSON: {error}.")]) from None
    if not isinstance(frames, list | tuple):
        raise InvalidValueError([must("frames", "must be an array of frames", frames)])
    return list(frames)


def _check_order(array: list[Any], complaints: list[Complaint]) -> None:
    if len(array) < 2:
        rule = f"must hold at least two frames, {SET_USER_PROFILE} and then {REQUEST_CONVERSATION}"
        complaints.append(Complaint("frames", f"frames {rule}; got {len(array)}."))
        return
    for place, frame in enumerate(array):
        path = f"[{place}]"
        if not isinstance(frame, Mapping):
            if place < 2:
                complaints.append(must(path, "must be a frame, an object with id, type and body", frame))
            continue
        expected_types = (SET_USER_PROFILE, REQUEST_CONVERSATION)[place : place + 1]
        if expected_types and frame.get("type") != expected_types[0]:
            complaints.append(must(join(path, "type"), f"must be {expected_types[0]!r}", frame.get("type")))
        if frame.get("kind", "req") != "req":
            complaints.append(must(join(path, "kind"), "must be 'req'", frame["kind"]))
        complaints.extend(
            Complaint(join(path, str(key)), f"{join(path, str(key))} is not a field of a frame.")
            for key in frame
            if key not in ("kind", "id", "type", "body") and (key != "metadata" or place < 2)
        )


def _check_more(more: Sequence[Any], complaints: list[Complaint]) -> None:
    for place, frame in enumerate(more, start=2):
        path = f"[{place}]"
        if not isinstance(frame, Mapping):
            complaints.append(must(path, "must be a frame, an object with id, type and body", frame))
            continue
        if trouble := json_trouble(frame):
            complaints.append(must(path, trouble, frame))
        if not isinstance(frame.get("type"), str):
            complaints.append(must(join(path, "type"), "must be text", frame.get("type")))
        if not isinstance(frame.get("body"), Mapping):
            complaints.append(must(join(path, "body"), "must be an object", frame.get("body")))


def _checked_ids(ids: Sequence[Any], count: int, complaints: list[Complaint]) -> tuple[str, ...]:
    if isinstance(ids, str) or not isinstance(ids, Sequence):
        complaints.append(must("req_ids", "must be a list of ids, one a frame", ids))
        return ()
    if len(ids) != count:
        complaints.append(
            Complaint("req_ids", f"req_ids must hold one id a frame, {count} in all; got {len(ids)}.")
        )
        return ()
    texts: list[str] = []
    for place, value in enumerate(ids):
        path = f"[{place}].id"
        is_id = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
        trouble = json_trouble(value) if is_id else "must be text of 1 to 64 characters"
        if trouble:
            complaints.append(must(path, trouble, value))
            continue
        text = _wire_id(value)
        if not 1 <= len(text) <= 64:
            complaints.append(Complaint(path, f"{path} must have 1 to 64 characters; got {len(text)}."))
        elif text in texts:
            complaints.append(must(path, "must differ from the other frames' ids", value))
        texts.append(text)
    return tuple(texts)


def _wire_id(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
