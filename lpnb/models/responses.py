"""``BatchResponse``: CONVERSATION's response, each part paired with its request by reqId.

Nothing that came back is lost: what could not be read is kept as raw bytes, what belongs to no request
is kept as a stray, and a sentence says what it means and what to do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Self

from lpnb._internal.display import brief, esc, room, table_html, table_text
from lpnb._internal.json_codec import LARGEST, JsonError, read_json
from lpnb._printable import one_line
from lpnb.errors import AlreadyOpenError, NoAnswerError, NotSentError, RefusedError, UnauthorizedError
from lpnb.models.status_meanings import MEANINGS, status_meaning

Outcome = Literal["answered", "refused", "unknown", "not sent"]
#: What a reply says about the conversation frame: "settled" when none was sent, and the rest was taken.
Says = Literal["", "created", "refused", "settled"]
_OPENS = "cm.ConsumerRequestConversation"
_ALREADY_OPEN = re.compile(r"User (?P<user>\S{1,128}) already has open conversation", re.IGNORECASE)
#: What a frame is refused with because another one of the batch was.
_DEPENDENT = re.compile(r"(?i)not (?:opened|processed|executed|set|sent)\b.*\b(?:before|previous|other)\b")
#: Words for a service's own trouble: what it did before that, nobody knows.
_SERVER_ERRORS = (
    "INTERNAL_SERVER_ERROR",
    "BAD_GATEWAY",
    "SERVICE_UNAVAILABLE",
    "GATEWAY_TIMEOUT",
    "REQUEST_TIMEOUT",
)
_UNRELIABLE = frozenset((None, "missing", "doubled", *_SERVER_ERRORS))
#: Codes that are neither OK nor a refusal; numbers in place of words are the WebSocket's.
_UNCLEAR_CODE = re.compile(r"CREATED|ACCEPTED|NO_CONTENT|MULTI_STATUS|ok|[1235]\d\d|408")


# Like ``BatchResponse`` these are not frozen: some are made for every attempt, and freezing doubles the cost.
@dataclass(slots=True)
class Pair:
    """One request frame and what was said about it.

    ``code`` is the service's own word ("OK", "BAD_REQUEST", or an errorCode such as "40102"); in lower
    case it is lpnb's: "missing", "doubled", "stale", "no-answer", "not-sent", "unreadable", "http-503".
    """

    req_id: str
    type: str
    ok: bool = False
    code: str | None = None
    message: str | None = None
    conversation_id: str | None = None
    body: Any = field(default=None, repr=False)


@dataclass(slots=True)
class Reading:
    """A reply's body, read: the pairs, the answers that fit no request, and what is odd about it."""

    pairs: tuple[Pair, ...]
    strays: tuple[Any, ...] = ()
    anomaly: str | None = None
    says: Says = ""


@dataclass
class BatchResponse:
    """What became of one CONVERSATION call, or of one SEND.

    Attributes:
        outcome: "answered" (the conversation exists, its id is known), "refused" (the service created
            nothing), "unknown" (bytes left and no usable answer came: it may exist) or "not sent"
            (certainly nothing was created; sending again is safe).
        pairs: One ``Pair`` for each frame that was sent, in the order sent.
        explanation: What it means and what to do, in words.
        http_status: The status of the last attempt, or None when none came.
        attempts: How many CONVERSATION requests were tried.
        elapsed_ms: How long the last attempt took, in milliseconds.
        sent_at: When the last attempt began, in UTC.
        strays: Answers that fit no request.
        raw: The reply's bytes as they came, tokens masked.

    Example:
        >>> reply = BatchResponse("consumer-1", "answered", (Pair("2", "cm.x", True, "OK", None, "c-1"),))
        >>> reply.conversation_id
        'c-1'
        >>> reply
        <BatchResponse answered: conversation c-1>
    """

    consumer_id: str
    outcome: Outcome
    pairs: tuple[Pair, ...]
    explanation: str = ""
    http_status: int | None = None
    attempts: int = 0
    elapsed_ms: float | None = None
    sent_at: datetime | None = None
    strays: tuple[Any, ...] = ()
    raw: bytes = b""

    @property
    def conversation_id(self) -> str | None:
        """The id of the conversation that was created or, by SEND, written to; or None."""
        if self.outcome != "answered":
            return None
        return next((pair.conversation_id for pair in self.pairs if pair.conversation_id), None)

    @property
    def sequence(self) -> int | None:
        """The number that SEND gave to what was published, counted within its dialog from 0; or None."""
        return next((n for pair in self.pairs if pair.ok and (n := sequence_of(pair)) is not None), None)

    @property
    def ok(self) -> bool:
        """Whether every frame was answered with OK."""
        return self.outcome == "answered" and all(pair.ok for pair in self.pairs)

    @property
    def open_for(self) -> str | None:
        """LivePerson's consumer id when it was refused because a conversation is open already."""
        for pair in self.pairs:
            if pair.type == _OPENS and (match := _ALREADY_OPEN.search(pair.message or "")):
                return match["user"]
        return None

    @property
    def candidates(self) -> tuple[str, ...]:
        """Every conversationId that stands anywhere in the reply, for settling an unknown outcome."""
        try:
            ids = list(_conversation_ids(read_json(self.raw, clamp=True)))
        except (JsonError, RecursionError):
            text = self.raw.decode("utf-8", "replace")
            ids = re.findall(r'"conversationId"\s*:\s*"([^"\\]{1,64})"', text)
        return tuple(dict.fromkeys(ids))

    def raise_for_outcome(self) -> Self:
        """Return the response itself when a conversation was created, and raise otherwise.

        Raises:
            AlreadyOpenError: The consumer has an open conversation.
            UnauthorizedError: 401 even with a fresh AppJWT.
            RefusedError: The service said no for another reason.
            NoAnswerError: A conversation may exist.
            NotSentError: Nothing was created; sending again is safe.
        """
        if self.outcome == "answered":
            return self
        if self.outcome == "not sent":
            raise NotSentError(self.explanation, self)
        if self.outcome == "unknown":
            raise NoAnswerError(self.explanation, self)
        if self.open_for:
            raise AlreadyOpenError(self.explanation, self)
        if self.http_status == 401:
            raise UnauthorizedError(self.explanation, self)
        raise RefusedError(self.explanation, self)

    def __repr__(self) -> str:
        if self.conversation_id:
            number = "" if self.sequence is None else f", sequence {self.sequence}"
            return one_line(f"<BatchResponse answered: conversation {self.conversation_id}{number}>")
        return f"<BatchResponse {self.outcome}: {one_line(self.explanation)}>"

    def __str__(self) -> str:
        columns = ["req_id", "type", "ok", "code", "conversation_id"]
        rows = [[p.req_id, p.type, _yes_or_no(p.ok), p.code, p.conversation_id] for p in self.pairs]
        if any(pair.message and not pair.ok for pair in self.pairs):
            columns.insert(4, "message")
            for row, pair in zip(rows, self.pairs, strict=True):
                row.insert(4, pair.message)
        summary = one_line(f"Consumer {self.consumer_id}: {self.outcome}. {self.explanation}")
        return f"{summary}\n{table_text(columns, rows, room())}"

    def _repr_html_(self) -> str:
        columns = ("req_id", "type", "ok", "code", "message", "conversation_id")
        rows = [
            (p.req_id, p.type, _yes_or_no(p.ok), p.code, p.message, p.conversation_id) for p in self.pairs
        ]
        table = table_html(f"Consumer {self.consumer_id}: {self.outcome}", columns, rows)
        return f"{table}<p>{esc(self.explanation)}</p>"


def sequence_of(pair: Pair) -> int | None:
    """The sequence number that an answer gives, or None: they are counted from 0."""
    body = pair.body.get("body") if isinstance(pair.body, dict) else None
    sequence = body.get("sequence") if isinstance(body, dict) else None
    return (
        sequence
        if isinstance(sequence, int) and not isinstance(sequence, bool) and 0 <= sequence < 1 << 63
        else None
    )


def _yes_or_no(ok: bool) -> str:
    return "yes" if ok else "no"


def read_batch(content: bytes, requests: Sequence[tuple[str, str]]) -> Reading:
    """Pair a reply's elements with *requests*, the (reqId, type) of each frame that was sent.

    A reqId is compared whole and as text, never by position: ``"1,"`` is not ``"1"``, and the number 1
    is neither.

    Example:
        >>> reply = b'[{"code":"OK","body":{"conversationId":"c-1"},"reqId":"2"}]'
        >>> read_batch(reply, [("2", "cm.ConsumerRequestConversation")]).says
        'created'
    """
    return _usual_reading(content, requests) or _read_reply(content, requests)


#: The reply to a profile and a conversation that were both taken, without what stands between its quotes.
_USUAL = '[{":",":{":"},":"},{":",":{":"},":"}]'


def _usual_reading(content: bytes, requests: Sequence[tuple[str, str]]) -> Reading | None:
    """What ``_read_reply`` makes of the usual reply, in a tenth of its time; None for any other."""
    text = content.decode("latin-1")
    if len(requests) != 2 or "\\" in text or not (text.isascii() and text.isprintable()):
        return None
    pieces = text.split('"')  # nothing in it is escaped
    if '"'.join(pieces[::2]).replace(" ", "") != _USUAL:
        return None
    (first, first_type), (second, second_type) = requests
    texts = pieces[1::2]
    message, conversation_id = texts[4], texts[11]
    profile_texts = ["code", "OK", "body", "msg", message, "reqId", first]
    if texts != [*profile_texts, "code", "OK", "body", "conversationId", conversation_id, "reqId", second]:
        return None
    if first == second or first_type == _OPENS or second_type != _OPENS:
        return None
    if len(message) > 2000 or not conversation_id:
        return None
    body = {"code": "OK", "body": {"msg": message}, "reqId": first}
    profile = Pair(first, first_type, True, "OK", message, None, body)
    body = {"code": "OK", "body": {"conversationId": conversation_id}, "reqId": second}
    return Reading(
        (profile, Pair(second, second_type, True, "OK", None, conversation_id, body)), (), None, "created"
    )


def _read_reply(content: bytes, requests: Sequence[tuple[str, str]]) -> Reading:
    try:
        reply = read_json(content, clamp=True)
    except (JsonError, RecursionError) as error:
        return Reading(
            _alike_pairs(requests, "unreadable", str(error)), anomaly=f"The reply is not JSON: {error}."
        )
    if isinstance(reply, dict) and "reqId" in reply:
        reply = [reply]  # the protocol allows an array of one to arrive as the bare element
    if not isinstance(reply, list):
        return _read_frame(reply, requests)
    answers: dict[str, list[Any]] = {}
    strays = []
    expected_ids = {req_id for req_id, _ in requests}
    for element in reply:
        req_id = element.get("reqId") if isinstance(element, dict) else None
        if isinstance(req_id, str) and req_id in expected_ids:
            answers.setdefault(req_id, []).append(element)
        else:
            strays.append(element)
    if not answers and (refusal := _whole_refusal(strays)) is not None:
        return Reading(_alike_pairs(requests, str(refusal["code"]), _message(refusal)), tuple(strays))
    pairs = tuple([_pair(req_id, kind, answers.get(req_id, []), strays) for req_id, kind in requests])
    if len(answers) == len(reply) and all(pair.ok for pair in pairs):  # nothing is odd, as a rule
        return Reading(pairs, (), None, _says_of(pairs))
    anomalies = [f"{pair.type}: {pair.message}." for pair in pairs if pair.code in ("missing", "doubled")]
    anomalies.extend(
        f"{pair.type} came back with the code {brief(pair.code)}, and yet with a conversationId."
        for pair in pairs
        if pair.type == _OPENS and pair.code not in (None, "OK") and _names_an_id(pair)
    )
    anomalies.extend(
        f"{pair.type} came back with OK, but without a conversationId that is text."
        for pair in pairs
        if pair.type == _OPENS and pair.code == "OK" and not pair.ok
    )
    anomalies.extend(f"{pair.type} came back without a code." for pair in pairs if pair.code is None)
    anomalies.extend(
        f"{pair.type} came back with the code {brief(pair.code)}, which is neither OK nor a refusal."
        for pair in pairs
        if _UNCLEAR_CODE.fullmatch(pair.code or "") and not (pair.type == _OPENS and _names_an_id(pair))
    )
    anomalies.extend(
        f"{kind} was answered {len(answers[req_id])} times, each time alike."
        for req_id, kind in requests
        if len(answers.get(req_id, [])) > 1
        and all(answer == answers[req_id][0] for answer in answers[req_id])
    )
    if strays:
        verb = "answer fits" if len(strays) == 1 else "answers fit"
        anomalies.append(f"{len(strays)} {verb} no request.")
    return Reading(pairs, tuple(strays), " ".join(anomalies) or None, _says_of(pairs))


def _whole_refusal(strays: Sequence[Any]) -> dict[str, Any] | None:
    """The element that refuses the batch as a whole: alone, with a code that is not OK, and for no reqId."""
    if len(strays) != 1 or not isinstance(strays[0], dict) or strays[0].get("reqId") is not None:
        return None
    return strays[0] if isinstance(strays[0].get("code"), str) and strays[0]["code"] != "OK" else None


def explain(reading: Reading, outcome: Outcome, status: int | None, failure: str | None) -> str:
    """Say in words what became of a call and what to do about it."""
    conversation = next((pair for pair in reading.pairs if pair.type == _OPENS), None)
    # What is odd about a body says something only where the body was meant to be an answer.
    is_success = failure is None and status is not None and 200 <= status < 300
    anomaly = f" {reading.anomaly}" if reading.anomaly and is_success else ""
    if outcome == "answered" and conversation:
        profile = [pair for pair in reading.pairs if pair is not conversation and not pair.ok]
        trouble = f" But {profile[0].type} was not accepted: {profile[0].message}." if profile else ""
        return f"Conversation {conversation.conversation_id} is open.{trouble}{anomaly}"
    if outcome == "answered":
        return f"Every frame was accepted; none of them asked for a conversation.{anomaly}"
    if outcome == "unknown":
        reason = failure or (f"HTTP {status} came back" if status else "no answer came")
        return (
            f"The request left, and {reason}.{anomaly} A conversation may exist, so it was not repeated. "
            "Look for this consumer's open conversation before you send again."
        )
    if outcome == "not sent":
        return f"Nothing was created: {failure or f'HTTP {status}'}. Sending again is safe."
    if conversation and (match := _ALREADY_OPEN.search(conversation.message or "")):
        start = "The profile was accepted; the" if any(pair.ok for pair in reading.pairs) else "The"
        return (
            f"{start} conversation was refused: this consumer already has one open, and can have only one. "
            "Go on in that one, or take another consumer id. client.find_open_conversation(consumer_id) "
            f"finds it; the service's own id of this consumer is {match['user']}."
        )
    # A frame that was refused because of another says only that; the other one has the reason.
    cause = next((pair for pair in reading.pairs if _has_own_reason(pair)), None)
    if cause and conversation and cause is not conversation and cause.message != conversation.message:
        first = f"The service refused {_refusal(cause)}."
        if not conversation.ok and _has_own_reason(conversation):
            return f"{first} It refused {_refusal(conversation)} as well.{anomaly}"
        return f"{first} So the conversation was not opened.{anomaly}"
    if conversation and conversation.code in MEANINGS:
        return f"Refused with {conversation.code}, {conversation.message}. {MEANINGS[conversation.code]}"
    if conversation and conversation.code and not conversation.code.startswith("http-"):
        details = f": {conversation.message.rstrip('.')}" if conversation.message else ""
        return f"The service refused the conversation with {conversation.code}{details}.{anomaly}"
    only = conversation or next(iter(reading.pairs), None)
    refusal = (only.message if only else None) or f"HTTP {status}"
    meaning = status_meaning(status) if status is not None else None
    advice = f" {meaning[0]} {meaning[1]}" if meaning else ""
    return f"The service refused the call with {refusal.rstrip('.')}.{advice}{anomaly}"


def _refusal(pair: Pair) -> str:
    details = f": {pair.message.rstrip('.')}" if pair.message else ""
    return f"{pair.type} with {pair.code}{details}"


def _has_own_reason(pair: Pair) -> bool:
    """Whether a frame was refused by the service for what is in it, and not because another one was."""
    return (
        not pair.ok
        and pair.code is not None
        and pair.code not in ("missing", "doubled", "unreadable")
        and not pair.code.startswith("http-")
        and not _DEPENDENT.match(pair.message or "")
    )


def fill(reading: Reading, code: str, message: str) -> Reading:
    """Give *code* and *message* to every frame that has no answer of its own."""

    def fill_pair(pair: Pair) -> Pair:
        if pair.code not in (None, "unreadable"):
            return pair
        text = f"{message}: {pair.message}" if pair.code is None and pair.message else message
        return Pair(pair.req_id, pair.type, False, code, text)

    pairs = tuple(fill_pair(pair) for pair in reading.pairs)
    return Reading(pairs, reading.strays, reading.anomaly, reading.says)


def _alike_pairs(
    requests: Sequence[tuple[str, str]], code: str | None, message: str | None
) -> tuple[Pair, ...]:
    return tuple(Pair(req_id, kind, False, code, message) for req_id, kind in requests)


def _read_frame(reply: Any, requests: Sequence[tuple[str, str]]) -> Reading:
    """Read a reply that is one object: the authorisation error frame, or whatever a gateway says."""
    body = reply.get("body") if isinstance(reply, dict) else None
    if isinstance(body, dict) and body.get("errorCode") is not None:
        text = f"{body.get('title', '')}: {body.get('details', '')}".strip(": ")
        return Reading(_alike_pairs(requests, str(body["errorCode"]), text))
    if isinstance(reply, dict) and isinstance(reply.get("code"), str):
        return Reading(_alike_pairs(requests, reply["code"], _message(reply)))
    if isinstance(reply, dict):
        return Reading(
            _alike_pairs(requests, None, _message(reply)), anomaly="The reply is not an array of answers."
        )
    return Reading(_alike_pairs(requests, "unreadable", "not an array"), anomaly="The reply is not an array.")


def _pair(req_id: str, kind: str, answers: list[Any], strays: list[Any]) -> Pair:
    if not answers:
        number = [s for s in strays if isinstance(s, dict) and str(s.get("reqId")) == req_id]
        why = "its reqId came back as a number, not as the text that was sent" if number else "no answer"
        return Pair(req_id, kind, False, "missing", why)
    if len(answers) > 1 and any(answer != answers[0] for answer in answers):
        return Pair(req_id, kind, False, "doubled", f"{len(answers)} different answers", None, answers)
    answer = answers[0]
    code = answer.get("code")
    if code in (LARGEST, -LARGEST):  # read as such because it is too large for a number
        code = None
    body = answer.get("body")
    conversation = body.get("conversationId") if isinstance(body, dict) else None
    conversation_id = (
        conversation if kind == _OPENS and isinstance(conversation, str) and conversation else None
    )
    return Pair(
        req_id=req_id,
        type=kind,
        ok=code == "OK" and (kind != _OPENS or conversation_id is not None),
        code=code if isinstance(code, str) else None if code is None else str(code),
        message=_message(answer),
        conversation_id=conversation_id if code == "OK" else None,
        body=answer,
    )


def _says_of(pairs: Sequence[Pair]) -> Says:
    conversation = next((pair for pair in pairs if pair.type == _OPENS), None)
    if conversation is not None and conversation.conversation_id:
        return "created"
    if conversation is None and not any(_names_an_id(pair) for pair in pairs):
        if any(_is_unreliable(pair.code) for pair in pairs):
            return ""
        return "settled" if all(pair.ok for pair in pairs) else "refused"
    if conversation is None or _is_unreliable(conversation.code):
        return ""
    return "" if conversation.code == "OK" or _names_an_id(conversation) else "refused"


def _is_unreliable(code: str | None) -> bool:
    return code in _UNRELIABLE or _UNCLEAR_CODE.fullmatch(code or "") is not None


def _names_an_id(conversation: Pair) -> bool:
    """Whether an answer that is not OK names a conversation all the same, and not as the one open already."""
    body = conversation.body.get("body") if isinstance(conversation.body, dict) else None
    return (
        isinstance(body, dict)
        and bool(body.get("conversationId"))
        and not _ALREADY_OPEN.search(conversation.message or "")
    )


def _message(answer: dict[str, Any]) -> str | None:
    body = answer.get("body")
    if isinstance(body, str) and body.strip():
        return body[:2000]
    for source, keys in ((body, ("msg", "message", "title")), (answer, ("message", "error"))):
        if isinstance(source, dict):
            for key in keys:
                if key in source and isinstance(source[key], str):
                    return str(source[key])[:2000]
    if isinstance(body, dict) and body and "conversationId" not in body:
        return brief(json.dumps(body, ensure_ascii=False), 200)
    return None


def _conversation_ids(value: Any) -> Any:
    if isinstance(value, dict):
        if isinstance(value.get("conversationId"), str):
            yield value["conversationId"]
        for item in value.values():
            yield from _conversation_ids(item)
    elif isinstance(value, list):
        for item in value:
            yield from _conversation_ids(item)
