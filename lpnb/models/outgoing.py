"""``EncodedBatch``: a body ready to be posted; ``Batch``: whatever can be encoded into one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


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


@runtime_checkable
class Batch(Protocol):
    """Whatever CONVERSATION or SEND can post."""

    def outgoing(self, account_id: str) -> EncodedBatch:
        """Return what is posted for *account_id*, with request ids of its own for this attempt."""
        ...
