"""What all SEND frames share: id, metadata, and the limit of 5,000 characters.

``OtherFrame`` and ``RawFrame`` are here, which take anything; the frames that are known are in ``frames``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from lpnb._internal.display import pre_html
from lpnb._internal.json_codec import json_in, json_trouble
from lpnb._internal.request_ids import fresh_ids
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.base import Json, Text, WireModel, placed
from lpnb.models.conversation_request import ClientProperties
from lpnb.models.outgoing import EncodedBatch, content_bytes

#: Characters of a SEND request. Source: the guide; a file's preview has a limit of its own.
LONGEST_REQUEST = 5_000
ANY_REQ_ID = "0" * 36


def _req_id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= 64 or json_trouble(value):
        raise PydanticCustomError("req_id", "must be text of 1 to 64 characters")
    return value


def _metadata(value: object) -> Any:
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
        raise PydanticCustomError("metadata", "must be an object with a 'type', such as 'ExternalId'")
    if trouble := json_trouble(value):
        raise PydanticCustomError("metadata", "{rule}", {"rule": trouble})
    names = {"ExternalId": ("id",), "ActionReason": ("reason", "reasonId")}.get(value["type"], ())
    for name in names:
        if len(str(value.get(name, ""))) > 64:
            raise PydanticCustomError("metadata", "must have at most 64 characters in {name}", {"name": name})
    if value["type"] == "ActionReason" and not value.get("reason"):
        raise PydanticCustomError("metadata", "must give a reason: ActionReason demands one")
    return dict(value)


ReqId = Annotated[str, PlainValidator(_req_id), WithJsonSchema({"type": "string"})]
Metadata = Annotated[Any, PlainValidator(_metadata), WithJsonSchema({"type": "object"})]
DialogId = Annotated[Text, Field(min_length=1, max_length=64)]


class Frame:
    """What SEND posts: one frame. The classes below are the kinds of it; ``OtherFrame`` is any other.

    Example:
        >>> from lpnb.models.frames import Message
        >>> frame = Message(text="Good morning", conversation_id="c-1", req_id="7")
        >>> frame.to_wire()["body"]["event"]
        {'type': 'ContentEvent', 'contentType': 'text/plain', 'message': 'Good morning'}

    Source: Send API, SEND.
    """

    req_id: str | None
    client_properties: ClientProperties | None

    def to_wire(self, req_id: str | None = None) -> dict[str, Any]:
        """Return the frame that is posted, with a fresh request id when none was given."""
        kind, body, beside = self._parts()
        frame_id = self.req_id or req_id or fresh_ids(1)[0]
        return {"kind": "req", "id": frame_id, "type": kind, "body": body, **beside}

    def outgoing(self, account_id: str) -> EncodedBatch:
        """Return what is posted, with a request id of its own for this attempt."""
        del account_id  # a frame names no account
        frame = self.to_wire()
        return EncodedBatch(
            content=_text_of(frame).encode("utf-8"),
            requests=((frame["id"], frame["type"]),),
            client_properties=self.client_properties.to_header() if self.client_properties else None,
            given_ids=self.req_id is not None,
            by_send=True,
            conversation_id=getattr(self, "conversation_id", None),
        )

    def _parts(self) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """The frame's type, its body, and what stands beside the body."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        frame = self.to_wire("(made fresh for each send)")
        return pre_html(json.dumps(frame, indent=2, ensure_ascii=False))


def _text_of(frame: Mapping[str, Any]) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def within(**where: str) -> ConfigDict:
    """The configuration of a frame: *where* in the body its fields stand, as a path with dots."""
    return placed(req_id="id", client_properties="Client-Properties", **where)


class CheckedFrame(Frame, WireModel):
    """A frame whose fields are checked; ``within`` says where in the body a field stands."""

    model_config = within()
    wire_root: ClassVar[str] = "body"
    wire_beside: ClassVar[tuple[str, ...]] = ("id", "metadata", "Client-Properties")
    frame_type: ClassVar[str]
    #: What the body holds besides the fields.
    fixed: ClassVar[Mapping[str, str]] = {}
    #: What makes a request too long, if anything does.
    longest: ClassVar[str] = "body"

    req_id: ReqId | None = Field(default=None, description="Made fresh when left out.")
    metadata: list[Metadata] | None = Field(
        default=None, description="Objects such as ExternalId or ActionReason."
    )
    client_properties: ClientProperties | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        reserved_names = {name.partition(".")[0] for name in (*type(self).wire_names(), *self.fixed)}
        for key in sorted(reserved_names & set(self.extra)):
            raise PydanticCustomError(
                "extra_known", "extra must not repeat the documented field {key}", {"key": repr(key)}
            )
        if complaint := too_long(self.to_wire(ANY_REQ_ID), self.longest):
            raise InvalidValueError([complaint])
        return self

    def _parts(self) -> tuple[str, dict[str, Any], dict[str, Any]]:
        wire = self.model_dump(by_alias=True)
        for name in ("id", "Client-Properties"):
            wire.pop(name, None)
        fields_beside = {"metadata": wire.pop("metadata")} if "metadata" in wire else {}
        names = set(type(self).wire_names())
        body: dict[str, Any] = {}
        for path, value in {**self._default_fields(), **self.fixed, **wire}.items():
            *holders, name = path.split(".") if path in names or path in self.fixed else [path]
            place = body
            for holder in holders:
                place = place.setdefault(holder, {})
            place[name] = value
        return self.frame_type, body, fields_beside

    def _default_fields(self) -> dict[str, Any]:
        """What stands first in the body, unless a field says otherwise."""
        return {}


class OtherFrame(CheckedFrame):
    """A frame of any type, with any body: for what lpnb has no class for.

    Example:
        >>> OtherFrame(type="ms.PublishEvent", body={"event": {"type": "NewEvent"}}, req_id="1").to_wire()
        {'kind': 'req', 'id': '1', 'type': 'ms.PublishEvent', 'body': {'event': {'type': 'NewEvent'}}}
    """

    wire_root: ClassVar[str] = ""

    type: Annotated[Text, Field(min_length=1)]
    body: dict[str, Json]

    def _parts(self) -> tuple[str, dict[str, Any], dict[str, Any]]:
        beside = {"metadata": list(self.metadata)} if self.metadata is not None else {}
        return self.type, dict(self.body), {**beside, **self.extra}

    @property
    def conversation_id(self) -> str | None:
        """The conversation it names, if it names one."""
        value = self.body.get("conversationId", self.body.get("dialogId"))
        return value if isinstance(value, str) else None


def too_long(frame: Mapping[str, Any], longest: str = "body") -> Complaint | None:
    """Say that *frame* has more characters than SEND takes, and what to do about it; or None."""
    event = frame["body"].get("event")
    message = event.get("message") if isinstance(event, Mapping) else None
    preview = message.get("preview") if isinstance(message, Mapping) else None
    length = len(_text_of(frame)) - (len(preview) if isinstance(preview, str) else 0)
    if length <= LONGEST_REQUEST:
        return None
    return Complaint(
        longest,
        f"{longest} makes the request {length:,} characters long, and SEND takes at most "
        f"{LONGEST_REQUEST:,}. Shorten it by {length - LONGEST_REQUEST:,}, or send it in parts.",
    )


@dataclass(frozen=True, repr=False)
class RawFrame(Frame):
    """A frame that is sent exactly as given, whatever is wrong with it.

    Example:
        >>> RawFrame('{"id": "7", "type": "ms.PublishEvent"}').outgoing("").requests
        (('7', 'ms.PublishEvent'),)
    """

    content: str | bytes | Mapping[str, Any]
    client_properties: ClientProperties | None = None
    req_id: str | None = None

    def __post_init__(self) -> None:
        content_bytes("frame", self.content)

    def outgoing(self, account_id: str) -> EncodedBatch:
        """Return the bytes as given."""
        del account_id
        content = content_bytes("frame", self.content)
        value = json_in(content)
        frame = value if isinstance(value, dict) else {}
        req_id = frame.get("id")
        id_text = str(req_id) if isinstance(req_id, str | int) and not isinstance(req_id, bool) else ""
        header = self.client_properties.to_header() if self.client_properties else None
        return EncodedBatch(
            content, ((id_text, str(frame.get("type", ""))),), header, given_ids=True, by_send=True
        )

    def _repr_html_(self) -> str:
        return pre_html(content_bytes("frame", self.content).decode("utf-8", "replace"))

    def __repr__(self) -> str:
        return f"RawFrame({len(content_bytes('frame', self.content))} bytes)"
