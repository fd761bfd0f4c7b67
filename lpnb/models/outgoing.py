"""``EncodedBatch``: a body ready to be posted; ``Batch``: whatever can be encoded into one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from lpnb.errors import Complaint, InvalidValueError


# Neither this nor ``Exchange`` is frozen: one is made for every attempt, and freezing doubles its cost.
@dataclass(slots=True)
class EncodedBatch:
    """A body ready to be posted, and the (reqId, type) of each frame in it.

    ``given_ids`` says that the request ids are the caller's, so that they may be used more than once.
    ``by_send`` says that it is SEND's one frame and not CONVERSATION's array; it may name the
    conversation that it is for.
    """

    content: bytes = field(repr=False)
    requests: tuple[tuple[str, str], ...]
    client_properties: str | None = None
    given_ids: bool = False
    by_send: bool = False
    conversation_id: str | None = None


def content_bytes(name: str, content: object) -> bytes:
    """Text and bytes byte for byte, anything else as JSON.

    Raises:
        InvalidValueError: The *content* of the argument *name* cannot be turned into bytes.
    """
    if isinstance(content, bytes):
        return content
    try:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        reason = "half a character" if isinstance(error, UnicodeEncodeError) else str(error)
        sentence = f"{name} cannot be turned into bytes: {reason}."
        raise InvalidValueError([Complaint(name, sentence)]) from None


@runtime_checkable
class Batch(Protocol):
    """Whatever CONVERSATION or SEND can post."""

    def outgoing(self, account_id: str) -> EncodedBatch:
        """Return what is posted for *account_id*, with request ids of its own for this attempt."""
        ...


def check_size(path: str, content: bytes, largest: int) -> None:
    """See that a body has at most *largest* bytes; *path* names what it was made of.

    Raises:
        InvalidValueError: It has more.

    Example:
        >>> check_size("frames", bytes(2_000), 1_000)
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: frames make a body of 2,000 bytes, and lpnb sends at most 1,000, a limit of its own. Shorten the texts, or raise LP_LARGEST_BODY (Settings(largest_body=...)).
    """  # noqa: E501
    if len(content) > largest:
        sentence = (
            f"{path} make a body of {len(content):,} bytes, and lpnb sends at most {largest:,}, a limit of "
            "its own. Shorten the texts, or raise LP_LARGEST_BODY (Settings(largest_body=...))."
        )
        raise InvalidValueError([Complaint(path, sentence)])
