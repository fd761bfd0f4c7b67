"""A request that was read from a text: its frames, its consumer, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lpnb._internal.json_codec import JsonError, read_json
from lpnb._internal.redaction import Secret
from lpnb.api.tokens import claims
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.batches import ConversationBatch

#: The most requests of one text that are looked at.
MAX_CALLS = 1_000
_MAX_COMPLAINTS = 100
Kind = Literal["frames", "curl", "postman", "nothing"]
_KIND_NAMES = {"curl": "curl commands", "postman": "a Postman collection"}
_CONVERSATION = re.compile(r"/messaging/consumer/conversation(?!/send)")
_IDENTITY = re.compile(r"/api/account/[^/]*/consumer(?![/\w])")
_VARIABLE = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")
#: Where a snippet has the account filled in: what is then left is no account.
_UNFILLED = re.compile(r"\$\{?\w+\}?|\{\{[^{}]*\}\}")


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """What was found in a text.

    ``frames`` is the decoded array, or None when there is none; ``consumer_id`` is for whom, where the text
    says so; ``client_properties`` is that header's value; ``complaints`` is all that is wrong with it, and
    what of it was left out. ``more`` are the further requests of the text.
    """

    kind: Kind
    frames: Any = None
    consumer_id: str | None = None
    client_properties: str | None = None
    complaints: tuple[Complaint, ...] = ()
    more: tuple[ParsedRequest, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the frames can be sent as they are, once somebody says for whom."""
        return self.frames is not None and not self.complaints

    def batch(self, *, unknown: str = "refuse", keep_ids: bool = False) -> ConversationBatch:
        """The frames as a batch, with fresh request ids unless ``keep_ids`` says otherwise.

        Raises:
            InvalidValueError: Naming everything that is wrong with the frames.
        """
        if self.frames is None:
            raise InvalidValueError(self.complaints)
        return ConversationBatch.from_wire(self.frames, unknown=unknown, keep_ids=keep_ids)


@dataclass(slots=True)
class RecordedCall:
    """One request of a text, whatever it was written as. *body* is None when it has none that can be read."""

    url: str
    body: str | None
    headers: dict[str, str] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)
    consumer_id: str | None = None


def check_frames(value: Any) -> tuple[Any, list[Complaint]]:
    """The frames without an account that was never filled in, and all that is wrong with them."""
    frames = _without_unfilled_account(value)
    try:
        ConversationBatch.from_wire(frames, keep_ids=False)
    except InvalidValueError as error:
        complaints = list(error.complaints)
        if len(complaints) > _MAX_COMPLAINTS:
            sentence = f"{len(complaints) - _MAX_COMPLAINTS:,} more complaints about frames were left out."
            complaints[_MAX_COMPLAINTS:] = [Complaint("frames", sentence)]
        return frames, complaints
    return frames, []


def _without_unfilled_account(frames: Any) -> Any:
    """A ``brandId`` that is still a variable is left out: the account is filled in when the batch is sent."""
    if not isinstance(frames, list):
        return frames
    cleaned = []
    for frame in frames:
        body = frame.get("body") if isinstance(frame, dict) else None
        brand = body.get("brandId") if isinstance(body, dict) else None
        if isinstance(body, dict) and isinstance(brand, str) and _UNFILLED.fullmatch(brand):
            body = {key: value for key, value in body.items() if key != "brandId"}
            frame = {**frame, "body": body}
        cleaned.append(frame)
    return cleaned


def choose_conversations(
    kind: Kind, calls: Sequence[RecordedCall], complaints: Sequence[Complaint]
) -> ParsedRequest:
    """Of all calls those that open a conversation, each with the consumer named last before it."""
    requests: list[ParsedRequest] = []
    consumer: str | None = None
    for call in calls:
        if _IDENTITY.search(call.url):
            consumer = _consumer_in_body(call) or consumer
        elif _CONVERSATION.search(call.url) or (len(calls) == 1 and (call.body or "").lstrip()[:1] == "["):
            requests.append(_parsed(kind, call, consumer))
    if not requests:
        sentence = (
            f"{_KIND_NAMES[kind]} must post to .../messaging/consumer/conversation; "
            f"{'none of its requests does' if calls else 'there is no request in it'}."
        )
        return ParsedRequest(
            kind, consumer_id=consumer, complaints=(*complaints, Complaint("text", sentence))
        )
    first, *more = requests
    return ParsedRequest(
        kind,
        first.frames,
        first.consumer_id,
        first.client_properties,
        (*complaints, *first.complaints),
        tuple(more),
    )


def _consumer_in_body(call: RecordedCall) -> str | None:
    try:
        body = read_json(call.body or "")
    except JsonError:
        return None
    consumer = body.get("ext_consumer_id") if isinstance(body, dict) else None
    return consumer if isinstance(consumer, str) and not _VARIABLE.fullmatch(consumer) else None


def _parsed(kind: Kind, call: RecordedCall, consumer: str | None) -> ParsedRequest:
    complaints = list(call.complaints)
    headers = {name.lower(): value for name, value in call.headers.items()}
    for name, spelled in (("authorization", "Authorization"), ("x-lp-on-behalf", "X-LP-ON-BEHALF")):
        value = headers.get(name)
        if value and not _VARIABLE.search(value) and "$" not in value:
            sentence = f"{spelled} was left out: lpnb gets tokens of its own."
            complaints.append(Complaint(spelled, sentence))
    claimed = claims(Secret(headers.get("x-lp-on-behalf", ""))).get("ext_consumer_id")
    consumer = call.consumer_id or (claimed if isinstance(claimed, str) else consumer)
    frames: Any = None
    if call.body is None and not call.complaints:
        complaints.append(Complaint("frames", "frames must be given; the request has no body."))
    elif call.body is not None:
        try:
            frames, frame_complaints = check_frames(read_json(call.body))
            complaints += frame_complaints
        except JsonError as error:
            complaints.append(Complaint("frames", f"frames are not JSON: {error}."))
    return ParsedRequest(kind, frames, consumer, headers.get("client-properties"), tuple(complaints))


def limit_calls(calls: Iterator[RecordedCall]) -> tuple[list[RecordedCall], list[Complaint]]:
    """No more calls than are looked at, and a word about those that are not."""
    kept: list[RecordedCall] = []
    for call in calls:
        if len(kept) == MAX_CALLS:
            sentence = f"text must hold at most {MAX_CALLS:,} requests; the rest was left out."
            return kept, [Complaint("text", sentence)]
        kept.append(call)
    return kept, []
