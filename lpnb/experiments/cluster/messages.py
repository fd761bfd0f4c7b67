"""The messages between the driving process and a worker, masked wherever they are printed.

Requests carry tokens. They travel as arguments of calls, which Dask neither keeps, spills nor names a task
by, in objects that mask themselves wherever they are printed.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lpnb._internal.redaction import MASK
from lpnb._version import __version__
from lpnb.transport.protocol import Exchange

#: Raised with every change in what passes.
PROTOCOL = 2
#: The headers that hold tokens.
TOKENS = ("Authorization", "X-LP-ON-BEHALF")


@dataclass(frozen=True, slots=True)
class WorkerVersion:
    """Which lpnb, and which Python, a process runs; both ends must have the same."""

    lpnb: str = __version__
    python: str = ".".join(platform.python_version_tuple()[:2])
    protocol: int = PROTOCOL

    def __str__(self) -> str:
        return f"lpnb {self.lpnb} on Python {self.python}"


@dataclass(frozen=True, slots=True, repr=False)
class RequestMessage:
    """One request, to be sent once."""

    ticket: int
    url: str
    fields: Mapping[str, str]
    content: bytes

    def __repr__(self) -> str:
        return f"<RequestMessage {self.ticket} {MASK}>"


@dataclass(frozen=True, slots=True, repr=False)
class MessageBatch:
    """Messages for one worker. ``nth`` counts from 1, so that one that Dask delivers again is known."""

    nth: int
    messages: Sequence[RequestMessage]

    def __repr__(self) -> str:
        return f"<MessageBatch {self.nth} of {len(self.messages)} messages>"


@dataclass(frozen=True, slots=True)
class ResponseMessage:
    """The response to a message; tokens in it are masked. ``sent_at`` is by the worker's clock."""

    ticket: int
    status: int | None
    content: bytes = field(repr=False)
    failure: str | None
    started: bool
    retry_after: float | None
    date: str | None
    location: str | None
    elapsed_ms: float
    sent_at: datetime

    @classmethod
    def of(cls, ticket: int, exchange: Exchange, content: bytes) -> ResponseMessage:
        """*exchange* with the *content* that may travel."""
        return cls(
            ticket,
            exchange.status,
            content,
            exchange.failure,
            exchange.started,
            exchange.retry_after,
            exchange.date,
            exchange.location,
            exchange.elapsed_ms,
            exchange.sent_at,
        )

    def exchange(self) -> Exchange:
        """The exchange as the driving process has it."""
        return Exchange(
            self.status,
            self.content,
            self.failure,
            self.started,
            self.retry_after,
            self.date,
            self.location,
            self.elapsed_ms,
            self.sent_at,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What a worker reports: the responses since the last report, and its clocks."""

    nth: int
    responses: Sequence[ResponseMessage] = field(repr=False)
    clock: float
    """Its monotonic clock, by which it counts how long it may start messages."""
    now: datetime
    """Its wall clock."""
