"""The single frames that SEND takes: messages, receipts, chat states, files, fields, SDEs.

Each is valid from the moment it exists, the 5,000 characters of a SEND request included. What a field of
a conversation may hold is ``conversation_fields``' business; sending is ``messaging``'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from lpnb._internal.json_codec import JsonError, read_json
from lpnb._internal.validation import must
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.base import Id, Json, Text, Whole
from lpnb.models.conversation_fields import ConversationField
from lpnb.models.conversation_request import SET_USER_PROFILE, ClientProperties, SetUserProfile
from lpnb.models.frame_base import ANY_REQ_ID, CheckedFrame, DialogId, too_long, within
from lpnb.models.frame_base import Frame as Frame
from lpnb.models.frame_base import OtherFrame as OtherFrame
from lpnb.models.frame_base import RawFrame as RawFrame
from lpnb.models.outgoing import Batch
from lpnb.models.sdes import AnySde

PUBLISH_EVENT = "ms.PublishEvent"
UPDATE_FIELD = "cm.UpdateConversationField"
UPLOAD_URL = "ms.GenerateURLForUploadFile"
DOWNLOAD_URL = "ms.GenerateURLForDownloadFile"
#: Bytes of a file, and characters of its preview. Source: the file-sharing page (3 MB, 30 KB).
MAX_FILE_BYTES = 3 * 1024 * 1024
MAX_PREVIEW_LENGTH = 30 * 1024

FileType = Literal["JPG", "JPEG", "PNG", "GIF"]


class _Published(CheckedFrame):
    """An event that is published in a dialog; without a dialog, in the conversation's main one."""

    frame_type: ClassVar[str] = PUBLISH_EVENT

    conversation_id: DialogId = Field(description="The conversation.")
    dialog_id: DialogId | None = Field(default=None, description="A dialog other than the main one.")

    def _default_fields(self) -> dict[str, Any]:
        # The main dialog's id is the conversation's (documented).
        return {"dialogId": self.conversation_id}


class Message(_Published):
    """A text from the consumer.

    Raises:
        InvalidValueError: Naming every field that is wrong; a text with which the request would have more
            than 5,000 characters is refused with the count.

    Example:
        >>> Message(text="Good morning", conversation_id="c-1").to_wire()["body"]["dialogId"]
        'c-1'
        >>> Message(text="x" * 5_000, conversation_id="c-1")
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: body.event.message makes the request 5,204 characters long, and SEND takes at most 5,000. Shorten it by 204, or send it in parts.

    Source: Send API, SEND; the 5,000 characters from the guide.
    """  # noqa: E501

    model_config = within(text="event.message")
    fixed: ClassVar[Mapping[str, str]] = {"event.type": "ContentEvent", "event.contentType": "text/plain"}
    longest: ClassVar[str] = "body.event.message"

    text: Text = Field(description="What the consumer says.")


class RichContent(_Published):
    """Structured content from the consumer's side, which is unusual.

    Example:
        >>> frame = RichContent(content={"type": "text", "text": "Which card?"}, conversation_id="c-1")
        >>> frame.to_wire()["body"]["event"]
        {'type': 'RichContentEvent', 'content': {'type': 'text', 'text': 'Which card?'}}

    Source: Send API, SEND.
    """

    model_config = within(content="event.content")
    fixed: ClassVar[Mapping[str, str]] = {"event.type": "RichContentEvent"}
    longest: ClassVar[str] = "body.event.content"

    content: Annotated[dict[str, Json], Field(min_length=1)] = Field(description="The structured content.")


class Receipt(_Published):
    """That messages arrived or were read, or that structured content was clicked.

    For a click, the status is ACTION and the content's own metadata goes along.

    Example:
        >>> Receipt(sequences=[3, 4], conversation_id="c-1").to_wire()["body"]["event"]
        {'type': 'AcceptStatusEvent', 'status': 'READ', 'sequenceList': [3, 4]}

    Source: Send API, SEND.
    """

    model_config = within(status="event.status", sequences="event.sequenceList")
    fixed: ClassVar[Mapping[str, str]] = {"event.type": "AcceptStatusEvent"}

    status: Literal["ACCEPT", "READ", "ACCESS", "NACK", "ACTION"] = Field(
        default="READ", description="What became of the messages."
    )
    sequences: Annotated[list[Annotated[Whole, Field(ge=0)]], Field(min_length=1)] = Field(
        description="The messages' sequence numbers."
    )


class ChatState(_Published):
    """Whether the consumer is typing. COMPOSING stays lit at the agent until another state is sent.

    Example:
        >>> ChatState(conversation_id="c-1").to_wire()["body"]["event"]
        {'type': 'ChatStateEvent', 'chatState': 'COMPOSING'}

    Source: Send API, SEND. A survey takes no chat states.
    """

    model_config = within(state="event.chatState")
    fixed: ClassVar[Mapping[str, str]] = {"event.type": "ChatStateEvent"}

    state: Literal["ACTIVE", "INACTIVE", "GONE", "COMPOSING", "PAUSE"] = Field(
        default="COMPOSING",
    )


class FileMessage(_Published):
    """A file that was uploaded before; ``UploadUrl`` says where to, and under which relative path.

    Example:
        >>> frame = FileMessage(relative_path="/v1/a.png", file_type="PNG", conversation_id="c-1")
        >>> frame.to_wire()["body"]["event"]["message"]
        {'relativePath': '/v1/a.png', 'fileType': 'PNG'}

    Source: Send API, SEND; the preview has a limit of its own, 30 KB, and does not count as characters.
    """

    model_config = within(
        relative_path="event.message.relativePath",
        file_type="event.message.fileType",
        caption="event.message.caption",
        preview="event.message.preview",
    )
    fixed: ClassVar[Mapping[str, str]] = {"event.type": "ContentEvent", "event.contentType": "hosted/file"}
    longest: ClassVar[str] = "body.event.message.caption"

    relative_path: Annotated[Text, Field(min_length=1)]
    file_type: FileType
    caption: Text | None = Field(
        default=None,
    )
    preview: Text | None = Field(
        default=None,
        description="A small picture, such as data:image/png;base64,... of less than 30 KB.",
    )

    @field_validator("preview")
    @classmethod
    def _is_small(cls, preview: str | None) -> str | None:
        if preview is not None and not preview.startswith("data:image/"):
            raise PydanticCustomError("preview", "must look like 'data:image/png;base64,...'")
        if preview is not None and len(preview) >= MAX_PREVIEW_LENGTH:
            raise PydanticCustomError(
                "preview",
                "must be smaller than 30 KB ({most} characters; it has {length})",
                {"most": f"{MAX_PREVIEW_LENGTH:,}", "length": f"{len(preview):,}"},
            )
        return preview


class UploadUrl(CheckedFrame):
    """Asks where a file may be put. The answer is good for one minute.

    Example:
        >>> UploadUrl(file_size=48_213, file_type="PNG").to_wire()["body"]
        {'fileSize': '48213', 'fileType': 'PNG'}

    Source: Send API, file sharing: JPG, JPEG, PNG or GIF, at most 3 MB.
    """

    frame_type: ClassVar[str] = UPLOAD_URL

    file_size: Id = Field(description="Bytes; text on the wire.")
    file_type: FileType

    @field_validator("file_size")
    @classmethod
    def _is_a_size(cls, size: str) -> str:
        if not (size.isascii() and size.isdigit()) or int(size) == 0:
            raise PydanticCustomError("file_size", "must be a number of bytes above 0")
        if int(size) > MAX_FILE_BYTES:
            raise PydanticCustomError(
                "file_size", "must be at most {most} bytes (3 MB)", {"most": f"{MAX_FILE_BYTES:,}"}
            )
        return size


class DownloadUrl(CheckedFrame):
    """Asks where a stored file can be had. The answer is good for one minute.

    Example:
        >>> DownloadUrl(relative_path="/v1/a.png").to_wire()["body"]
        {'relativePath': '/v1/a.png'}

    Source: Send API, file sharing.
    """

    frame_type: ClassVar[str] = DOWNLOAD_URL

    relative_path: Annotated[Text, Field(min_length=1)]


class FieldUpdate(CheckedFrame):
    """Changes fields of a conversation; one of ``conversation_fields``, several, or any as dicts.

    Example:
        >>> from lpnb.models.conversation_fields import Urgency
        >>> FieldUpdate(fields=[Urgency(ttr_type="URGENT", value=300)], conversation_id="c-1").to_wire()["body"]
        {'conversationId': 'c-1', 'conversationField': {'field': 'TTRField', 'ttrType': 'URGENT', 'value': 300}}

    Source: Send API, SEND. One field is sent as an object, several as an array; both are documented.
    """  # noqa: E501

    model_config = within(fields="conversationField")
    frame_type: ClassVar[str] = UPDATE_FIELD

    conversation_id: DialogId
    fields: Annotated[list[ConversationField], Field(min_length=1)]

    def _parts(self) -> tuple[str, dict[str, Any], dict[str, Any]]:
        kind, body, beside = super()._parts()
        if len(body["conversationField"]) == 1:
            body["conversationField"] = body["conversationField"][0]
        return kind, body, beside


@dataclass(frozen=True, repr=False)
class ProfileUpdate(Frame):
    """The SDEs of a consumer, sent again while a conversation is open.

    An SDE replaces the earlier one of its type as a whole, so send the complete object.

    Example:
        >>> from lpnb import CustomerInfo
        >>> ProfileUpdate([CustomerInfo(ctype="vip")]).to_wire()["type"]
        'userprofile.SetUserProfile'

    Source: Send API, SEND. It applies to the consumer and names no conversation.
    """

    sdes: Sequence[AnySde | Mapping[str, Any]] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    req_id: str | None = None
    client_properties: ClientProperties | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "profile", SetUserProfile(self.sdes, self.extra))
        if complaint := too_long(self.to_wire(ANY_REQ_ID), "body.authenticatedData.lp_sdes"):
            raise InvalidValueError([complaint])

    def _parts(self) -> tuple[str, dict[str, Any], dict[str, Any]]:
        profile: SetUserProfile = self.profile  # type: ignore[attr-defined]  # made in __post_init__
        return SET_USER_PROFILE, profile.to_wire(), {}

    def __repr__(self) -> str:
        return f"ProfileUpdate({len(self.sdes)} SDEs)"


def frame_of(frame: Frame | str | bytes | Mapping[str, Any]) -> Frame:
    """Return *frame* as one: a frame as it is, JSON text or a dict read and checked as ``OtherFrame``.

    Raises:
        InvalidValueError: It is not one frame, or what is wrong with it.

    Example:
        >>> frame_of('{"id": "1", "type": "ms.PublishEvent", "body": {}}')
        OtherFrame(req_id='1', type='ms.PublishEvent', body={})
    """
    if isinstance(frame, Frame):
        return frame
    if isinstance(frame, str | bytes):
        try:
            frame = read_json(frame)
        except JsonError as error:
            raise InvalidValueError([Complaint("frame", f"frame is not JSON: {error}.")]) from None
    if not isinstance(frame, Mapping):
        hint = "A batch goes out with send_batch." if isinstance(frame, Sequence | Batch) else ""
        raise InvalidValueError([must("frame", "must be one frame, an object", frame, hint)])
    complaints: list[Complaint] = []
    if frame.get("kind", "req") != "req":
        complaints.append(must("kind", "must be 'req'", frame["kind"]))
    fields = {key: value for key, value in frame.items() if key != "kind"}
    other_frame = OtherFrame.collect(fields, "", "refuse", complaints)
    if other_frame is None or complaints:
        raise InvalidValueError(complaints)
    return other_frame
