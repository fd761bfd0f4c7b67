"""A request from elsewhere read back: frames as JSON, curl commands, Postman collections.

What is read is text of somebody else's. It is taken apart and never run, no file and no address it names
is opened, and tokens in it are not kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lpnb._internal.display import brief
from lpnb._internal.json_codec import JsonError, read_json
from lpnb._internal.redaction import Secret
from lpnb.api.tokens import claims
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.batches import ConversationBatch

#: The longest text that is read, in characters, and the most requests that are looked at.
LONGEST = 4_000_000
MOST = 1_000
_MOST_COMPLAINTS = 100
Kind = Literal["frames", "curl", "postman", "nothing"]
_CONVERSATION = re.compile(r"/messaging/consumer/conversation(?!/send)")
_IDENTITY = re.compile(r"/api/account/[^/]*/consumer(?![/\w])")
_VARIABLE = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")
#: Where a snippet has the account filled in: what is then left is no account.
_UNFILLED = re.compile(r"\$\{?\w+\}?|\{\{[^{}]*\}\}")


@dataclass(frozen=True, slots=True)
class Parsed:
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
    more: tuple[Parsed, ...] = ()

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
class Call:
    """One request of a text, whatever it was written as. *body* is None when it has none that can be read."""

    url: str
    body: str | None
    headers: dict[str, str] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)
    consumer_id: str | None = None


def read_request(text: str) -> Parsed:
    """Read frames, curl commands or a Postman collection out of *text*. Never raises for what it says.

    Frames are JSON: the array that CONVERSATION takes. Of curl, the usual ways of quoting are understood
    ("Copy as cURL (bash)" too), of Postman collections v2.0 and v2.1 and the data files of ``as_postman``.
    The consumer is known when the text asks the IDP for a token, or holds one.

    Args:
        text: At most four million characters.

    Example:
        >>> found = read_request("curl https://va.msg.liveperson.net/api/account/1/messaging/consumer/"
        ...                      "conversation?v=3 -H 'Authorization: ey' -d '[{}, 7]'")
        >>> found.kind, found.frames
        ('curl', [{}, 7])
        >>> print(found.complaints[0].sentence)
        Authorization was left out: lpnb gets tokens of its own.
    """
    if not isinstance(text, str):
        return _nothing(f"text must be text; got {brief(text)}.")
    if len(text) > LONGEST:
        return _nothing(f"text must have at most {LONGEST:,} characters; got {len(text):,}.")
    text = text.strip().removeprefix("\ufeff").strip()
    if not text:
        return _nothing("text is empty.")
    if text[0] in "[{":
        return _read_json(text)
    from lpnb.snippets.parse_curl import curl_calls, is_curl

    if is_curl(text):
        calls, complaints = curl_calls(text)
        return _chosen("curl", calls, complaints)
    return _nothing(
        "text must be frames as JSON, a curl command or a Postman collection; "
        f"it begins with {brief(text[:40])}."
    )


def _nothing(sentence: str) -> Parsed:
    return Parsed("nothing", complaints=(Complaint("text", sentence),))


def _read_json(text: str) -> Parsed:
    from lpnb.snippets.parse_postman import data_calls, is_data, is_postman, postman_calls

    try:
        found = read_json(text)
    except JsonError as error:
        return Parsed("frames", complaints=(Complaint("frames", f"frames are not JSON: {error}."),))
    if is_postman(found):
        return _chosen("postman", *postman_calls(found))
    if is_data(found):
        return _chosen("postman", data_calls(found), [])
    frames, complaints = checked_frames(found)
    return Parsed("frames", frames, complaints=tuple(complaints))


def checked_frames(found: Any) -> tuple[Any, list[Complaint]]:
    """The frames without an account that was never filled in, and all that is wrong with them."""
    frames = _without_blanks(found)
    try:
        ConversationBatch.from_wire(frames, keep_ids=False)
    except InvalidValueError as error:
        told = list(error.complaints)
        if len(told) > _MOST_COMPLAINTS:
            sentence = f"{len(told) - _MOST_COMPLAINTS:,} more complaints about frames were left out."
            told[_MOST_COMPLAINTS:] = [Complaint("frames", sentence)]
        return frames, told
    return frames, []


def _without_blanks(frames: Any) -> Any:
    """A ``brandId`` that is still a variable is left out: the account is filled in when the batch is sent."""
    if not isinstance(frames, list):
        return frames
    found = []
    for frame in frames:
        body = frame.get("body") if isinstance(frame, dict) else None
        brand = body.get("brandId") if isinstance(body, dict) else None
        if isinstance(body, dict) and isinstance(brand, str) and _UNFILLED.fullmatch(brand):
            body = {key: value for key, value in body.items() if key != "brandId"}
            frame = {**frame, "body": body}
        found.append(frame)
    return found


def _chosen(kind: Kind, calls: Sequence[Call], complaints: Sequence[Complaint]) -> Parsed:
    """Of all calls those that open a conversation, each with the consumer named last before it."""
    found: list[Parsed] = []
    consumer: str | None = None
    for call in calls:
        if _IDENTITY.search(call.url):
            consumer = _named(call) or consumer
        elif _CONVERSATION.search(call.url) or (len(calls) == 1 and (call.body or "").lstrip()[:1] == "["):
            found.append(_parsed(kind, call, consumer))
    if not found:
        sentence = (
            f"{_WORDS[kind]} must post to .../messaging/consumer/conversation; "
            f"{'none of its requests does' if calls else 'there is no request in it'}."
        )
        return Parsed(kind, consumer_id=consumer, complaints=(*complaints, Complaint("text", sentence)))
    first, *more = found
    return Parsed(
        kind,
        first.frames,
        first.consumer_id,
        first.client_properties,
        (*complaints, *first.complaints),
        tuple(more),
    )


_WORDS = {"curl": "curl commands", "postman": "a Postman collection"}


def _named(call: Call) -> str | None:
    try:
        body = read_json(call.body or "")
    except JsonError:
        return None
    named = body.get("ext_consumer_id") if isinstance(body, dict) else None
    return named if isinstance(named, str) and not _VARIABLE.fullmatch(named) else None


def _parsed(kind: Kind, call: Call, consumer: str | None) -> Parsed:
    complaints = list(call.complaints)
    headers = {name.lower(): value for name, value in call.headers.items()}
    for name, spelled in (("authorization", "Authorization"), ("x-lp-on-behalf", "X-LP-ON-BEHALF")):
        value = headers.get(name)
        if value and not _VARIABLE.search(value) and "$" not in value:
            sentence = f"{spelled} was left out: lpnb gets tokens of its own."
            complaints.append(Complaint(spelled, sentence))
    told = claims(Secret(headers.get("x-lp-on-behalf", ""))).get("ext_consumer_id")
    consumer = call.consumer_id or (told if isinstance(told, str) else consumer)
    frames: Any = None
    if call.body is None and not call.complaints:
        complaints.append(Complaint("frames", "frames must be given; the request has no body."))
    elif call.body is not None:
        try:
            frames, wrong = checked_frames(read_json(call.body))
            complaints += wrong
        except JsonError as error:
            complaints.append(Complaint("frames", f"frames are not JSON: {error}."))
    return Parsed(kind, frames, consumer, headers.get("client-properties"), tuple(complaints))


def bounded(calls: Iterator[Call]) -> tuple[list[Call], list[Complaint]]:
    """No more calls than are looked at, and a word about those that are not."""
    found: list[Call] = []
    for call in calls:
        if len(found) == MOST:
            sentence = f"text must hold at most {MOST:,} requests; the rest was left out."
            return found, [Complaint("text", sentence)]
        found.append(call)
    return found, []
