"""Parses the envelope, order and ids of request frames, before any frame is executed."""

from collections.abc import Sequence
from typing import Any, NamedTuple

SET_PROFILE = "userprofile.SetUserProfile"
OPEN_CONVERSATION = "cm.ConsumerRequestConversation"
PUBLISH_EVENT = "ms.PublishEvent"
_ORDER = (SET_PROFILE, OPEN_CONVERSATION, PUBLISH_EVENT)


class Frame(NamedTuple):
    """One request frame. The id is a string, whatever it was on the wire."""

    id: str
    type: str
    body: dict[str, Any]
    metadata: Sequence[Any] | None = None
    """Beside the body, where the metadata guide has it; it may also stand in the body."""


class BatchError(ValueError):
    """The batch as a whole is refused; ``req_id`` is the frame to blame, when it has a usable id."""

    def __init__(self, sentence: str, req_id: str | None = None) -> None:
        super().__init__(sentence)
        self.req_id = req_id


def read_batch(value: object) -> list[Frame]:
    """The frames of a CONVERSATION body: two, or three with the legacy first message.

    Raises:
        BatchError: With a sentence that says what to send instead.

    Example:
        >>> read_batch([{"id": 5, "type": "userprofile.SetUserProfile", "body": {}}])
        Traceback (most recent call last):
            ...
        lpnb.sandbox.services.frames.BatchError: Send an array of two frames, userprofile.SetUserProfile \
then cm.ConsumerRequestConversation; got 1.
    """
    instruction = f"Send an array of two frames, {SET_PROFILE} then {OPEN_CONVERSATION}"
    if not isinstance(value, list):
        raise BatchError(f"{instruction}; got {_kind_of(value)}.")
    if not 2 <= len(value) <= len(_ORDER):
        raise BatchError(f"{instruction}; got {len(value)}.")
    frames = [_read_frame(item, f"frame[{position}]") for position, item in enumerate(value)]
    for position, frame in enumerate(frames):
        if frame.type != _ORDER[position]:
            sentence = f"frame[{position}].type must be {_ORDER[position]!r}; got {frame.type[:80]!r}."
            raise BatchError(sentence, frame.id)
    ids: set[str] = set()
    for position, frame in enumerate(frames):
        if frame.id in ids:
            raise BatchError(f"frame[{position}].id must be unique; {frame.id!r} came twice.", frame.id)
        ids.add(frame.id)
    # The oldest page sends the first message along, before there is a dialog to name.
    if len(frames) == 3 and "dialogId" in frames[2].body:
        raise BatchError(
            "frame[2].body.dialogId must be absent: the conversation is only opening.", frames[2].id
        )
    return frames


def ids_of(value: object) -> list[str]:
    """The usable ids of a batch that was refused, each once and in order.

    >>> ids_of([{"id": "1"}, {"id": 2}, {"id": None}, {"id": "1"}, 5])
    ['1', '2']
    """
    ids: dict[str, None] = {}
    for item in value[: len(_ORDER)] if isinstance(value, list) else ():
        try:
            ids[_read_id(item["id"] if isinstance(item, dict) else None, "frame")] = None
        except (BatchError, KeyError):
            continue
    return list(ids)


def read_frame(value: object) -> Frame:
    """The one frame of a SEND body.

    Raises:
        BatchError: With a sentence that says what to send instead.

    Example:
        >>> read_frame([])
        Traceback (most recent call last):
            ...
        lpnb.sandbox.services.frames.BatchError: Send one frame, an object; got an array.
    """
    if not isinstance(value, dict):
        raise BatchError(f"Send one frame, an object; got {_kind_of(value)}.")
    return _read_frame(value, "frame")


def _read_frame(item: object, path: str) -> Frame:
    if not isinstance(item, dict):
        raise BatchError(f"{path} must be an object; got {_kind_of(item)}.")
    req_id = _read_id(item.get("id"), path)
    if "kind" in item and item["kind"] != "req":
        raise BatchError(f"{path}.kind must be 'req'.", req_id)
    if not isinstance(item.get("type"), str):
        raise BatchError(f"{path}.type must be a string; got {_kind_of(item.get('type'))}.", req_id)
    if not isinstance(item.get("body"), dict):
        raise BatchError(f"{path}.body must be an object; got {_kind_of(item.get('body'))}.", req_id)
    metadata = item.get("metadata")
    if metadata is not None and not isinstance(metadata, list):
        raise BatchError(f"{path}.metadata must be an array; got {_kind_of(metadata)}.", req_id)
    return Frame(req_id, item["type"], item["body"], metadata)


def _read_id(value: object, path: str) -> str:
    """The id as a string: published examples use ``"1,"``, some clients send numbers."""
    req_id = value if isinstance(value, str) else _read_number(value, path)
    if not 1 <= len(req_id) <= 64:
        raise BatchError(f"{path}.id must be a string of 1 to 64 characters; got {len(req_id)} characters.")
    return req_id


def _read_number(value: object, path: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BatchError(f"{path}.id must be a string of 1 to 64 characters; got {_kind_of(value)}.")
    return str(value)


def _kind_of(value: object) -> str:
    """The JSON word for a value's type."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object"
