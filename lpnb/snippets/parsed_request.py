"""A request that was read from a text: frames, consumer, reply, and what is wrong with it."""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lpnb._internal.display import brief
from lpnb._internal.json_codec import JsonError, JsonLimitError, json_in, read_json
from lpnb._internal.placeholders import placeholder_in
from lpnb._internal.redaction import Secret
from lpnb._internal.validation import join
from lpnb.api.tokens import claims
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.batches import ConversationBatch, wire_changes
from lpnb.models.conversation_request import REQUEST_CONVERSATION, SET_USER_PROFILE, ClientProperties
from lpnb.snippets.call_checks import call_complaints, missing_parts
from lpnb.snippets.lenient_json import read_lenient_json

#: The most requests of one text that are looked at.
MAX_CALLS = 1_000
_MAX_COMPLAINTS = 100
_MAX_NOTES = 20
Kind = Literal[
    "frames",
    "curl",
    "powershell",
    "fetch",
    "har",
    "postman",
    "http",
    "log",
    "command",
    "code",
    "export",
    "reply",
    "page",
    "token",
    "answer",
    "event",
    "send",
    "environment",
    "settings",
    "table",
    "cut off",
    "nothing",
]
#: What a text is, in words that begin a sentence.
KIND_NAMES: Mapping[Kind, str] = {
    "frames": "the frames of a request",
    "curl": "a curl command",
    "powershell": "a PowerShell command",
    "fetch": "a fetch() call",
    "har": "a HAR file",
    "postman": "a Postman collection",
    "http": "an HTTP message",
    "log": "a log",
    "command": "a command",
    "code": "the code of a program",
    "export": "the export of another program",
    "reply": "the service's answer",
    "page": "a page (HTML)",
    "token": "a token",
    "answer": "a request or an answer of another API of LivePerson",
    "event": "an event of a webhook",
    "send": "a frame for SEND",
    "environment": "a Postman environment",
    "settings": "a file of settings",
    "table": "a table",
    "cut off": "a text with broken JSON",
    "nothing": "nothing that lpnb knows",
}
#: The same as the subject of a sentence.
KIND_WORDS: Mapping[Kind, str] = {
    **KIND_NAMES,
    "curl": "curl commands",
    "powershell": "PowerShell commands",
    "fetch": "fetch() calls",
}
#: What a shell would put a token in the place of.
_IN_SHELL = re.compile(r"[$(]")
_CONVERSATION = re.compile(r"/messaging/consumer/conversation(?!/send)")
_IDENTITY = re.compile(r"/api/account/[^/]*/consumer(?![/\w])")
_ACCOUNT = re.compile(r"/api/account/(\w{1,20})(?=/)")
_TOKENS = (("authorization", "Authorization"), ("x-lp-on-behalf", "X-LP-ON-BEHALF"))


@dataclass(frozen=True, slots=True)
class RecordedToken:
    """The claims of a token that stood in a header; the token itself is not kept."""

    header: str
    claims: Mapping[str, object]
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class RecordedReply:
    """What came back, as far as the text says: the HTTP status and the body's text."""

    status: int | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """A request read from a text.

    Attributes:
        kind: What the text is: "frames", "curl", "powershell", "fetch", "har", "postman", "http", "log",
            "command" (wget, HTTPie), "code", "export" (Insomnia, Bruno), "reply"; or what holds no request:
            "page", "token", "answer" (of Sentinel and others), "event" (of a webhook), "send" (its frame),
            "environment" (Postman's variables alone), "settings", "table", "cut off", "nothing".
        frames: The decoded array, or None when there is none.
        consumer_id: For whom, where the text says so.
        client_properties: That header's value.
        complaints: All that is wrong with it, and what of it was left out.
        more: The further requests of the text.
        notes: What reading changed, and what lpnb fills in itself, one sentence each.
        reply: The reply that the text has beside the request, or alone.
        tokens: The claims of tokens in its headers.
        account_id: The account of its URL.
        missing: Headers that are not among those of the text, where it lists headers, and "v" for a version.
        call_complaints: What is wrong with method, address and Content-Type, which lpnb sets itself.
    """

    kind: Kind
    frames: Any = None
    consumer_id: str | None = None
    client_properties: str | None = None
    complaints: tuple[Complaint, ...] = ()
    more: tuple[ParsedRequest, ...] = ()
    notes: tuple[str, ...] = ()
    reply: RecordedReply | None = None
    tokens: tuple[RecordedToken, ...] = ()
    account_id: str | None = None
    missing: tuple[str, ...] = ()
    call_complaints: tuple[Complaint, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the frames can be sent as they are, once somebody says for whom."""
        return self.frames is not None and not self.complaints

    @property
    def description(self) -> str:
        """What the text is, as a sentence."""
        verb = "These are" if self.kind == "frames" else "This is"
        return f"{verb} {KIND_NAMES[self.kind]}."

    def batch(self, *, unknown: str = "refuse", keep_ids: bool = False) -> ConversationBatch:
        """The frames as a batch, with fresh request ids unless ``keep_ids`` says otherwise.

        ``Client-Properties`` go with it.

        Raises:
            InvalidValueError: Naming everything that is wrong with the frames.
        """
        if self.frames is None:
            raise InvalidValueError(self.complaints)
        batch = ConversationBatch.from_wire(self.frames, unknown=unknown, keep_ids=keep_ids)
        if self.client_properties is None:
            return batch
        complaints: list[Complaint] = []
        properties = _properties(self.client_properties, unknown, complaints)
        if complaints:
            raise InvalidValueError(complaints)
        return replace(batch, client_properties=properties)


@dataclass(slots=True)
class RecordedCall:
    """One request of a text, whatever it was written as. *body* is None when it has none that can be read."""

    url: str
    body: str | None
    headers: dict[str, str] = field(default_factory=dict)
    complaints: list[Complaint] = field(default_factory=list)
    consumer_id: str | None = None
    reply: RecordedReply | None = None
    notes: list[str] = field(default_factory=list)
    method: str | None = None


def check_frames(value: Any) -> tuple[Any, list[Complaint], list[str]]:
    """The frames, all that is wrong with them, and what is sent otherwise than they have it.

    An account that was never filled in is left out: it is filled in when the batch is sent.
    """
    if isinstance(value, list) and len(value) > MAX_CALLS:
        sentence = f"frames must be those of one batch; got {len(value):,}."
        return value, [Complaint("frames", sentence, kind="read anyway")], []
    value, missing = _both_frames(value)
    frames, notes = _without_unfilled_account(value)
    complaints = unfilled_values(frames)
    unfilled_paths = {complaint.path for complaint in complaints}
    try:
        notes += wire_changes(frames, ConversationBatch.from_wire(frames, keep_ids=False))
    except InvalidValueError as error:
        complaints += [complaint for complaint in error.complaints if complaint.path not in unfilled_paths]
        # What is right beside it is compared all the same.
        rest = without(frames, "", {complaint.path for complaint in error.complaints})
        with contextlib.suppress(InvalidValueError):
            batch = ConversationBatch.from_wire(rest, unknown="keep", keep_ids=False)
            notes += wire_changes(rest, batch)
    if missing is not None:
        complaints.insert(0, Complaint("frames", missing))
    if len(complaints) > _MAX_COMPLAINTS:
        sentence = f"{len(complaints) - _MAX_COMPLAINTS:,} more complaints about frames were left out."
        complaints[_MAX_COMPLAINTS:] = [Complaint("frames", sentence, kind="incomplete")]
    if len(notes) > _MAX_NOTES:
        notes[_MAX_NOTES:] = [f"{len(notes) - _MAX_NOTES:,} more changes like these."]
    return frames, complaints, notes


def _both_frames(value: Any) -> tuple[Any, str | None]:
    """Both frames, where the text has a part of them alone, and what is missing."""
    profile, conversation = (
        {"kind": "req", "id": name, "type": kind, "body": {}}
        for name, kind in (("1", SET_USER_PROFILE), ("2", REQUEST_CONVERSATION))
    )
    conversation["body"] = {"brandId": "{{account}}", "channelType": "MESSAGING"}
    if isinstance(value, dict):
        if value.get("type") == SET_USER_PROFILE:
            return [value, conversation], f"{_ONE_FRAME} {REQUEST_CONVERSATION} is missing."
        if value.get("type") == REQUEST_CONVERSATION:
            return [profile, value], f"{_ONE_FRAME} {SET_USER_PROFILE} is missing."
        if value.get("kind") == "req":
            return [value], f"{_ONE_FRAME} The other is missing."
        if "lp_sdes" in value or "authenticatedData" in value:
            data = value.get("authenticatedData", value)
            return [{**profile, "body": {"authenticatedData": data}}, conversation], _SDES_ALONE
    sdes = value if isinstance(value, list) else [value]
    if sdes and all(isinstance(sde, dict) and sde.get("type") in ("ctmrinfo", "personal") for sde in sdes):
        return [{**profile, "body": {"authenticatedData": {"lp_sdes": sdes}}}, conversation], _SDES_ALONE
    return value, None


_ONE_FRAME = "frames must be an array of two; this is one frame alone."
_SDES_ALONE = "frames must be an array of two; these are SDEs alone, which go into the profile's frame."


def not_json(error: JsonError) -> Complaint:
    """That the frames are none, and whether that is a limit of lpnb alone."""
    is_limit = isinstance(error, JsonLimitError)
    return Complaint("frames", f"frames are not JSON: {error}.", kind="own limit" if is_limit else "")


def unfilled_values(frames: Any) -> list[Complaint]:
    """A complaint for each placeholder in *frames*; request ids are made anew anyway."""
    return [
        Complaint(
            path,
            f"{path} is the placeholder {brief(placeholder)}. Put the value in its place.",
            kind="placeholder",
        )
        for path, text in _texts(frames, "")
        if not re.fullmatch(r"\[\d+\]\.id", path) and (placeholder := placeholder_in(text))
    ]


def without(value: Any, path: str, paths: set[str]) -> Any:
    """*value* without what stands at *paths*."""
    if isinstance(value, Mapping):
        places = {key: join(path, str(key)) if path else str(key) for key in value}
        return {
            key: without(item, places[key], paths) for key, item in value.items() if places[key] not in paths
        }
    if isinstance(value, list):
        return [without(item, f"{path}[{place}]", paths) for place, item in enumerate(value)]
    return value


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, join(path, str(key)) if path else str(key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _texts(item, f"{path}[{place}]")


def _without_unfilled_account(frames: Any) -> tuple[Any, list[str]]:
    """A ``brandId`` that is still a placeholder is left out: the account is filled in when it is sent."""
    if not isinstance(frames, list):
        return frames, []
    clean_frames, notes = [], []
    for place, frame in enumerate(frames):
        body = frame.get("body") if isinstance(frame, dict) else None
        brand = body.get("brandId") if isinstance(body, dict) else None
        if isinstance(body, dict) and isinstance(brand, str) and placeholder_in(brand):
            body = {key: value for key, value in body.items() if key != "brandId"}
            frame = {**frame, "body": body}
            notes.append(
                f"[{place}].body.brandId is {brief(brand)}: your account is filled in when it is sent."
            )
        clean_frames.append(frame)
    return clean_frames, notes


def choose_conversations(
    kind: Kind, calls: Sequence[RecordedCall], complaints: Sequence[Complaint]
) -> ParsedRequest:
    """Of all calls those that open a conversation, each with the consumer named last before it."""
    requests: list[ParsedRequest] = []
    consumer: str | None = None
    for call in calls:
        if _IDENTITY.search(call.url):
            consumer = _consumer_in_body(call) or consumer
        elif _CONVERSATION.search(call.url) or (len(calls) == 1 and _looks_like_frames(call.body)):
            requests.append(parsed_request(kind, call, consumer))
    if not requests:
        others = list(dict.fromkeys(filter(None, map(_other_call, calls))))
        missing = "none of its requests does" if calls else "there is no request in it"
        missing += f", but {' and '.join(others[:4])}" if others else ""
        sentence = f"{KIND_WORDS[kind]} must post to .../messaging/consumer/conversation; {missing}."
        return ParsedRequest(
            kind, consumer_id=consumer, complaints=(*complaints, Complaint("text", sentence))
        )
    first, *more = requests
    return replace(first, complaints=(*complaints, *first.complaints), more=tuple(more))


#: What else is called on the way to a conversation.
_OTHER_CALLS = (
    (re.compile(r"/conversation/send"), "one goes to SEND"),
    (re.compile(r"/app/token"), "one asks Sentinel for an AppJWT"),
    (_IDENTITY, "one asks the IDP for a ConsumerJWS"),
    (re.compile(r"/baseURI"), "one asks the Domain API for hosts"),
    (re.compile(r"/monitoring/"), "one goes to Monitoring"),
)


def _other_call(call: RecordedCall) -> str | None:
    """What a call does that opens no conversation, and the status if it was refused."""
    action = next((words for pattern, words in _OTHER_CALLS if pattern.search(call.url)), None)
    status = call.reply.status if call.reply is not None else None
    return f"{action}, answered with {status}" if action and status is not None and status >= 400 else action


def _looks_like_frames(body: str | None) -> bool:
    return (body or "").lstrip()[:1] == "["


def _consumer_in_body(call: RecordedCall) -> str | None:
    body = json_in(call.body or "")
    consumer = body.get("ext_consumer_id") if isinstance(body, dict) else None
    if not isinstance(consumer, str) or placeholder_in(consumer) == consumer.strip():
        return None
    return consumer


def parsed_request(kind: Kind, call: RecordedCall, consumer: str | None = None) -> ParsedRequest:
    """One call as a ``ParsedRequest``, for *consumer* unless its own token names another."""
    complaints, notes = list(call.complaints), list(call.notes)
    headers = {name.lower(): value for name, value in call.headers.items()}
    tokens = []
    for name, header in _TOKENS:
        value = headers.get(name, "")
        if value and not placeholder_in(value) and not _IN_SHELL.search(value):
            sentence = f"{header} was left out: lpnb gets tokens of its own."
            complaints.append(Complaint(header, sentence))
            token = value.removeprefix("Bearer ").strip()
            tokens.append(RecordedToken(header, claims(Secret(token)), _is_broken(token)))
    if placeholders := _unfilled_by_lpnb(call.url, headers):
        notes.append(f"{', '.join(placeholders)}: lpnb fills in host, account and tokens itself.")
    claim = next(
        (token.claims.get("ext_consumer_id") for token in tokens if token.header != "Authorization"), None
    )
    consumer = call.consumer_id or (claim if isinstance(claim, str) else consumer)
    frames: Any = None
    if call.body is None and not call.complaints:
        complaints.append(Complaint("frames", "frames must be given; the request has no body."))
    elif call.body is not None:
        try:
            value, changes = read_lenient_json(call.body)
        except JsonError as error:
            complaints.append(not_json(error))
        else:
            complaints += changes
            frames, frame_complaints, frame_notes = check_frames(value)
            complaints += frame_complaints
            notes += frame_notes
    properties = headers.get("client-properties")
    if properties is not None and placeholder_in(properties) == properties.strip():
        properties = None
    if properties is not None:
        _properties(properties, "keep", complaints)
    return ParsedRequest(
        kind,
        frames,
        consumer,
        properties,
        tuple(complaints),
        notes=tuple(notes),
        reply=call.reply,
        tokens=tuple(tokens),
        account_id=account_of(call.url),
        missing=missing_parts(kind, call.url, headers),
        call_complaints=tuple(call_complaints(kind, call.method, call.url, headers)),
    )


def _is_broken(token: str) -> bool:
    """Whether a text that begins like a token is none: a letter was lost when it was copied."""
    head, _, rest = token.partition(".")
    payload = rest.partition(".")[0]
    if not head.startswith("eyJ"):
        return False
    try:
        return any(
            not isinstance(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))), dict)
            for part in (head, payload)
        )
    except ValueError:
        return True


def account_of(url: str) -> str | None:
    """The account that a URL of LivePerson's names, or None."""
    match = _ACCOUNT.search(url)
    return match[1] if match else None


def _unfilled_by_lpnb(url: str, headers: Mapping[str, str]) -> list[str]:
    """The placeholders in the places of host, account and tokens, each once."""
    names = re.findall(r"\{\{[^{}]*\}\}|\$\{?\w+\}?|\{\w+\}|%\w+%|<\w+>", url.partition("?")[0])
    names += [placeholder for name, _ in _TOKENS if (placeholder := placeholder_in(headers.get(name, "")))]
    return list(dict.fromkeys(names))


def _properties(text: str, unknown: str, complaints: list[Complaint]) -> ClientProperties | None:
    """The header's value as an object, or a complaint."""
    try:
        value = read_json(text)
    except JsonError as error:
        complaints.append(Complaint("Client-Properties", f"Client-Properties is not JSON: {error}."))
        return None
    return ClientProperties.collect(value, "Client-Properties", unknown, complaints)


def limit_calls(calls: Iterator[RecordedCall]) -> tuple[list[RecordedCall], list[Complaint]]:
    """No more calls than are looked at, and a word about those that are not."""
    first_calls: list[RecordedCall] = []
    for call in calls:
        if len(first_calls) == MAX_CALLS:
            sentence = f"text must hold at most {MAX_CALLS:,} requests; the rest was left out."
            return first_calls, [Complaint("text", sentence)]
        first_calls.append(call)
    return first_calls, []
