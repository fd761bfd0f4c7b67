"""Validation of the events in ``ms.PublishEvent``: fields, values and lengths.

The fields and their values are documented; the sentences are the sandbox's own.
"""

from collections.abc import Callable
from typing import Any

from lpnb.sandbox.choices import one_of, problem_of_choice
from lpnb.sandbox.service_context import Cloud

MAX_ID = 64
MAX_PREVIEW_BYTES = 30 * 1024
MAX_FILE_BYTES = 3 * 1024 * 1024
FILE_TYPES = ("JPG", "JPEG", "PNG", "GIF")

# ``HostedFile`` is the schema file's spelling.
FILE_CONTENT = ("hosted/file", "HostedFile")
ACCEPT_STATUSES = ("ACCEPT", "READ", "ACCESS", "NACK", "ACTION")
CHAT_STATES = ("ACTIVE", "INACTIVE", "GONE", "COMPOSING", "PAUSE")

# Type of a metadata object to those of its members that may have at most 64 characters.
_METADATA = {
    "ExternalId": ("id",),
    "ActionReason": ("reason", "reasonId"),
}


def problem_of_event(cloud: Cloud, event: object, *, dialog_type: str) -> str | None:
    """Why *event* cannot be published, or None."""
    if not isinstance(event, dict):
        return "event must be an object, such as {'type': 'ContentEvent', ...}."
    kind = event.get("type")
    check = _EVENTS.get(kind) if isinstance(kind, str) else None
    if check is None:
        return one_of("event.type", kind, tuple(_EVENTS))
    if kind == "ChatStateEvent" and dialog_type == "POST_SURVEY":
        return "A survey takes no ChatStateEvent."
    return check(cloud, event)


def problem_of_metadata(metadata: object) -> str | None:
    """Why *metadata* is none, or None."""
    if metadata is None:
        return None
    if not isinstance(metadata, list):
        return "metadata must be an array of objects."
    for position, item in enumerate(metadata):
        path = f"metadata[{position}]"
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            return f"{path} must be an object with a type, such as 'ExternalId'."
        for name in _METADATA.get(item["type"], ()):
            if len(str(item.get(name, ""))) > 64:
                return f"{path}.{name} must have at most 64 characters."
        if item["type"] == "ActionReason" and not item.get("reason"):
            return f"{path}.reason is missing."
    return None


def _content(cloud: Cloud, event: dict[str, Any]) -> str | None:
    kind, message = event.get("contentType"), event.get("message")
    if kind in FILE_CONTENT:
        return _file(cloud, message)
    if kind != "text/plain":
        return one_of("event.contentType", kind, ("text/plain", "hosted/file"))
    return None if isinstance(message, str) else "event.message must be a string."


def _file(cloud: Cloud, message: object) -> str | None:
    if not isinstance(message, dict):
        return "event.message of a file must be an object with relativePath and fileType."
    for name in ("relativePath", "fileType"):
        if not isinstance(message.get(name), str) or not message[name]:
            return f"event.message.{name} must be a string."
    caption, preview = message.get("caption"), message.get("preview")
    if caption is not None and not isinstance(caption, str):
        return "event.message.caption must be a string."
    if preview is not None:
        if not isinstance(preview, str) or not preview.startswith("data:image/"):
            return "event.message.preview must look like 'data:image/png;base64,...'."
        if len(preview) >= MAX_PREVIEW_BYTES:
            return "event.message.preview must be smaller than 30 KB."
    if cloud.rules.check_files:
        upload = cloud.state.uploads.get(message["relativePath"])
        if upload is None or upload.content is None:
            return (
                "event.message.relativePath names no stored file. Ask for it with "
                "ms.GenerateURLForUploadFile and PUT the bytes first."
            )
    return None


def _rich_content(_cloud: Cloud, event: dict[str, Any]) -> str | None:
    # Some samples name it ``message``.
    if not isinstance(event.get("content", event.get("message")), dict):
        return "event.content must be an object: the structured content."
    return None


def _accept_status(_cloud: Cloud, event: dict[str, Any]) -> str | None:
    if problem := problem_of_choice("event.status", event.get("status"), ACCEPT_STATUSES):
        return problem
    numbers = event.get("sequenceList")
    if not isinstance(numbers, list) or not all(
        isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in numbers
    ):
        return "event.sequenceList must be an array of sequence numbers."
    return None


def _chat_state(_cloud: Cloud, event: dict[str, Any]) -> str | None:
    return problem_of_choice("event.chatState", event.get("chatState"), CHAT_STATES)


_EVENTS: dict[str, Callable[[Cloud, dict[str, Any]], str | None]] = {
    "ContentEvent": _content,
    "RichContentEvent": _rich_content,
    "AcceptStatusEvent": _accept_status,
    "ChatStateEvent": _chat_state,
}


def problem_of_length(path: str, value: object) -> str | None:
    """Why an id is too long to be kept and told of again and again, or None."""
    length = 0 if value is None else len(str(value))
    if length <= MAX_ID:
        return None
    return (
        f"{path} must have at most {MAX_ID} characters; got {length}. (The sandbox's own limit: "
        "LivePerson publishes none.)"
    )
