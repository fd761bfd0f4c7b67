"""Find a request and its reply in log lines: JSON inside text or JSON, and Python's spelling of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice, pairwise
from typing import Any

from lpnb._internal.json_codec import JsonError, read_json
from lpnb._internal.redaction import Secret
from lpnb.api.tokens import claims
from lpnb.models.conversation_request import REQUEST_CONVERSATION, SET_USER_PROFILE
from lpnb.snippets.js_literals import read_template
from lpnb.snippets.lenient_json import read_python_literal
from lpnb.snippets.parse_reply import is_bare_reply, is_reply
from lpnb.snippets.parsed_request import RecordedCall, RecordedReply, limit_calls
from lpnb.snippets.text_kinds import text_kind

_OPENING = re.compile(r'[\[{](?=\s*(?:[\[{"\'\\]|\]))')
_URL = re.compile(r"(?:https?://|/api/account/)[^\s\"'<>\\,]+")
_JWT = re.compile(r"eyJ[\w-]{3,}\.[\w-]+\.[\w-]*")
_METHOD = re.compile(
    r"\b([A-Z]{3,7}) (?:https?://[^/\s]{1,200})?/api/account/[^/\s]{1,40}/messaging/consumer/conversation\b"
    r"|\b(?:requests|httpx|session|client|axios)\.(get|post|put|patch|delete)\("
)
#: A header in front of its token, and with a variable for it; a variable in front of its token.
_HEADER_BEFORE = re.compile(r"(?i)(authorization|on-behalf)(?:\W|bearer ){0,20}$")
_FROM_VARIABLE = re.compile(
    r"(?i)(authorization|on-behalf)[\"'\]]{0,2}\s{0,9}[:=,]\s{0,9}"
    r"(?:[fr]?[\"'`](?:bearer )?\$?\{)?([a-z_]\w{0,60})"
)
_VARIABLE_BEFORE = re.compile(r"(\w{1,60})\s{0,9}[:=]\s{0,9}[frb]?[\"'`](?:Bearer )?$")
#: That headers are listed by name, and words for each that must be among them.
_HEADER_LINE = re.compile(r"(?i)(?:authorization|x-lp-on-behalf)[\"']?\s{0,9}:")
#: A body of text, for which requests and httpx name no type, and that a program names one itself.
_TEXT_BODY = re.compile(r"\b(?:requests|httpx)\.post\([^#]{0,2000}?,\s*(?:data|content)\s*=")
_CONTENT_TYPE = re.compile(r"(?i)content-type")
_SIGNS_OF = {
    "Authorization": re.compile(r"(?i)authorization|bearer|\bauth\b"),
    "X-LP-ON-BEHALF": re.compile(r"(?i)on[-_]?behalf"),
}
_STATUSES = (
    re.compile(r"/messaging/consumer/conversation[^\s\"]*\"?\s+(?:HTTP/[\d.]+\"?\s+)?([1-5]\d\d)\b"),
    re.compile(r"(?:->|=>|\u2192)\s*(?:HTTP\s*)?([1-5]\d\d)\b"),
    re.compile(r"HTTP/[\d.]+\"?\s+([1-5]\d\d)\b"),
    re.compile(r"(?i)\bstatus(?:[ _]?code)?\\*[\"']?\s*[:=]\s*\\*[\"']?([1-5]\d\d)\b"),
    re.compile(r"(?i)\bstatus code(?: does not indicate success)?:? ([1-5]\d\d)\b"),
    re.compile(r"(?i)\bResponse \[([1-5]\d\d)\]|\b([45]\d\d) (?:client|server) error\b"),
    re.compile(r"(?i)\b(?:http|returned|response|answered|code)[ =:(]{1,2}([1-5]\d\d)\b(?![\d\"])"),
    re.compile(
        r"\b([1-5]\d\d) (?:OK|Bad Request|Unauthorized|Forbidden|Not Found|Payload Too Large"
        r"|Too Many Requests"
        r"|Request Timeout|Internal Server Error|Bad Gateway|Service Unavailable|Gateway Timeout)"
    ),
)
_IN_STRING = re.compile(r'(?:[^"\\\n]|\\.)*', re.DOTALL)
_SIGNS = re.compile(r"[\[\]{}'\"\\]")
#: What a record of a log begins with: a time, a level, or JSON.
_RECORD = re.compile(
    r"(?m)^(?=\[?(?:\d{4}[-/.]\d\d|\d\d[:/.]\d\d[:/.]|[A-Z][a-z]{2} [ \d]\d "
    r"|(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b)"
    r"|time=|\{\"[\w@.-]+\":)"
)
#: The thread or the id that a record names, by which an answer finds its request.
_THREAD = re.compile(
    r"(?i)\[(?!\d\d|(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\])"
    r"([\w.:/#-]{0,99}[a-z][\w.:/#-]{0,99})\]"
    r"|\b(?:thread|tid|trace|span|correlation|request|req)[-_. ]?(?:id|name)?"
    r"\\*[\"']?\s*+[=:]\s*+\\*[\"']?([\w.:/#-]++)"
)
#: A line about a call of something else, with no value in it.
_OTHER_CALL = re.compile(
    r"(?m)^[^\n{]*\b(?:GET|HEAD|PUT|PATCH|DELETE|OPTIONS|POST) (?!\S*conversation)\S*/[^\n{]*$"
)
_MAX_TRIES = 2_000
#: Characters that are looked at, besides four times the text's own; what a value that is too deep to read,
#: and what a bracket or quote counts for.
_LEAST_WORK, _DEEP, _SIGN = 1_000_000, 200_000, 10
#: The same for one of many records.
_LEAST_IN_RECORD = 20_000
_LONGEST_LITERAL = 200_000
_MAX_DEPTH = 8


def find_call(text: str) -> RecordedCall | None:
    """The first request in *text* with the reply beside it; with no body when only a reply is there.

    Example:
        >>> call = find_call('01:58 POST /x -> 401 {"code":"40103","message":"Invalid ConsumerJWS"}')
        >>> call.body, call.reply
        (None, RecordedReply(status=401, body='{"code": "40103", "message": "Invalid ConsumerJWS"}'))
    """
    call = _call_in(text, is_record=False)
    if '""' in text and (call is None or call.body is None):  # as a table of a log's lines writes a quote
        again = _call_in(text.replace('""', '"'), is_record=False)
        return again if again is not None and again.body is not None else call
    return call


def _call_in(text: str, *, is_record: bool, least: int = _LEAST_WORK) -> RecordedCall | None:
    frames: Any = None
    lone_frame: Any = None
    reply: Any = None
    addresses: list[str] = []
    status = status_in(_OTHER_CALL.sub("", text))
    for value in _ValueFinder(text, least).values():
        before = frames
        for inner_value in _inside(value, 0, least):
            if frames is None and _is_request(inner_value):
                frames = inner_value
            elif lone_frame is None and _is_frame(inner_value):
                lone_frame = inner_value
            elif reply is None and is_reply(inner_value) and not _is_request(inner_value):
                # A record around the request is no answer, though it has a status and a body.
                reply = inner_value if frames is before or is_bare_reply(inner_value) else None
        addresses += _addresses(value)
    if frames is None and text_kind(text) == "code":  # a line of a log may hold any frame
        frames = lone_frame
    # A log record that is JSON itself looks like an answer when it has a status and a message.
    url = next(
        (one for one in [*_URL.findall(text), *addresses] if "/messaging/consumer/conversation" in one), ""
    )
    if frames is None and reply is None and (status is None or not (url or is_record)):
        return None
    body = None if frames is None else json.dumps(frames, ensure_ascii=False)
    answer = None if reply is None else json.dumps(reply, ensure_ascii=False)
    recorded_reply = RecordedReply(status, answer) if status is not None or answer is not None else None
    return RecordedCall(
        url.rstrip(").;"), body, _headers_in(text), reply=recorded_reply, method=_method_in(text)
    )


def _method_in(text: str) -> str | None:
    """The method that a log names in front of the address, or the one that all calls of a program have."""
    methods = {(match[1] or match[2]).upper() for match in _METHOD.finditer(text)}
    return methods.pop() if len(methods) == 1 else None


def _headers_in(text: str) -> dict[str, str]:
    """The tokens of *text* by the headers that they stand in, and "" for a header with another value."""
    variables = {match[2]: _header_of(match[1]) for match in _FROM_VARIABLE.finditer(text)}
    has_header_lines = _HEADER_LINE.search(text) is not None
    headers: dict[str, str] = {}
    for match in islice(_JWT.finditer(text), 8):
        before = text[max(0, match.start() - 80) : match.start()]
        if header := _HEADER_BEFORE.search(before):
            headers.setdefault(_header_of(header[1]), match[0])
        elif has_header_lines and (variable := _VARIABLE_BEFORE.search(before)):
            if variable[1] in variables:  # else it goes elsewhere, or through another variable
                headers.setdefault(variables[variable[1]], match[0])
        else:
            is_consumers = "ext_consumer_id" in claims(Secret(match[0]))
            headers.setdefault("X-LP-ON-BEHALF" if is_consumers else "Authorization", match[0])
    for name, sign in _SIGNS_OF.items():
        if not has_header_lines or sign.search(text):  # where no headers can be read, none is missed
            headers.setdefault(name, "")
    if not has_header_lines or _CONTENT_TYPE.search(text) or not _TEXT_BODY.search(text[:20_000]):
        headers["Content-Type"] = ""
    return headers


def _header_of(name: str) -> str:
    return "Authorization" if name.lower() == "authorization" else "X-LP-ON-BEHALF"


def find_calls(text: str) -> list[RecordedCall]:
    """The calls of a log, each with the answer that a later record has; none when it has fewer than two.

    Where several requests wait for an answer it is that of the one whose thread or id it names; when it names
    none, it is given to none of them, which their notes say.

    Example:
        >>> log = '01:58:01 POST [{"kind": "req", "type": "x"}]\\n01:58:02 got HTTP/1.1 413\\n'
        >>> [call.reply.status for call in find_calls(f"{log}01:58:03 x\\n{log}")]
        [413, 413]
    """
    calls, complaints = limit_calls(_calls(text))
    for call in calls:
        call.notes += [complaint.sentence for complaint in complaints]
    return calls if sum(call.body is not None for call in calls) > 1 else []


def _calls(text: str) -> Iterator[RecordedCall]:
    pending: list[tuple[RecordedCall, set[str]]] = []  # with the threads that their records name
    stray_answers = 0
    places = [*(match.start() for match in _RECORD.finditer(text)), len(text)]
    least = max(_LEAST_IN_RECORD, _LEAST_WORK // len(places))
    for start, end in pairwise(places):
        record = text[start:end]
        if (call := _call_in(record, is_record=True, least=least)) is None:
            continue
        threads = _threads_of(record)
        if call.body is not None or (call.url and not pending):
            yield call
            if call.reply is None:
                pending.append((call, threads))
            continue
        candidates = pending if len(pending) == 1 else [one for one in pending if one[1] & threads]
        if len(candidates) == 1:
            candidates[0][0].reply = call.reply
            pending.remove(candidates[0])
        else:
            answer = call.reply.status if call.reply and call.reply.status else "An answer"
            for one, _ in pending:
                one.notes.append(
                    f"{answer} came to one of {len(pending)} requests; the log does not say to which."
                )
            stray_answers += 1
        if stray_answers >= len(pending):
            pending, stray_answers = [], 0


def _threads_of(record: str) -> set[str]:
    return {match[1] or match[2] for match in _THREAD.finditer(record)}


def status_in(text: str) -> int | None:
    """The HTTP status that a log names, or None.

    Example:
        >>> status_in("Response status code does not indicate success: 401 (Unauthorized).")
        401
    """
    match = next(filter(None, (pattern.search(text) for pattern in _STATUSES)), None)
    return None if match is None else int(next(filter(None, match.groups())))


def _is_frame(value: Any) -> bool:
    """Whether *value* is one frame of a request, of those that open a conversation."""
    return (
        isinstance(value, dict)
        and value.get("kind") == "req"
        and value.get("type") in (SET_USER_PROFILE, REQUEST_CONVERSATION)
    )


def _is_request(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) for one in value)
        and any("type" in one and ("kind" in one or "id" in one) for one in value)
    )


def _string_content(text: str, start: int) -> str:
    """What follows *start* in a string of JSON."""
    match = _IN_STRING.match(text, start)
    return match[0] if match else ""


class _ValueFinder:
    """Finds the values written in a text; what it looks at is bounded, however brackets are nested in it."""

    def __init__(self, text: str, least: int) -> None:
        self._text = text
        self._remaining_work = least + 4 * len(text)

    def values(self) -> Iterator[Any]:
        """Every value, the outermost ones."""
        place, tries = 0, 0
        while (
            self._remaining_work > 0 and (match := _OPENING.search(self._text, place)) and tries < _MAX_TRIES
        ):
            tries += 1
            start = match.start()
            value, end = self._value_at(start)
            if end > start:
                yield value
            place = max(end, start + 1)

    def _value_at(self, start: int) -> tuple[Any, int]:
        """The value that begins at *start* and where it ends; *start* itself when there is none."""
        text = self._text
        try:
            value, end = json.JSONDecoder().raw_decode(text, start)
            return read_json(text[start:end]), end
        except json.JSONDecodeError as error:
            self._remaining_work -= error.pos - start
        except (JsonError, ValueError, RecursionError):
            self._remaining_work -= _DEEP
        if text.startswith("\\", start + 1) or '\\"' in text[start : start + 200]:  # inside a string of JSON
            content = _string_content(text, start)
            self._remaining_work -= len(content)
            inner = content
            for _ in range(2):  # perhaps in a string within that string
                try:
                    inner = json.loads(f'"{inner}"')
                    return json.JSONDecoder().raw_decode(inner)[0], start + len(content)
                except (ValueError, RecursionError):
                    continue
        end = self._closing_place(start)
        if end and (value := read_python_literal(text[start:end]) or read_template(text[start:end], 0)):
            return value, end
        return None, start

    def _closing_place(self, start: int) -> int:
        """Where the bracket that opens at *start* is closed, quotes minded; 0 when it is not."""
        depth, quote, escaped_place, signs = 0, "", -1, 0
        stop = min(len(self._text), start + min(_LONGEST_LITERAL, max(self._remaining_work, 0)))
        end = stop
        for match in _SIGNS.finditer(self._text, start, stop):
            sign, place, signs = match[0], match.start(), signs + 1
            if signs > self._remaining_work // _SIGN:
                break
            if place == escaped_place:
                continue
            if quote:
                if sign == "\\":
                    escaped_place = place + 1
                elif sign == quote:
                    quote = ""
            elif sign in "'\"":
                quote = sign
            elif sign in "[{":
                depth += 1
            elif sign in "]}":
                depth -= 1
                if depth == 0:
                    end = place + 1
                    break
        self._remaining_work -= end - start + _SIGN * signs
        return end if depth == 0 and end > start and self._text[end - 1] in "]}" else 0


def _inside(value: Any, depth: int, least: int) -> Iterator[Any]:
    """*value* and what lies in it, strings of JSON read; what is deeper comes first."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        yield from (
            one for inner in _ValueFinder(value, least).values() for one in _inside(inner, depth + 1, least)
        )
        return
    if _is_request(value) or is_bare_reply(value):
        yield value
        return
    if isinstance(value, dict):
        for item in value.values():
            yield from _inside(item, depth + 1, least)
    if isinstance(value, list):
        for item in value:
            yield from _inside(item, depth + 1, least)
    if isinstance(value, dict | list):
        yield value


def _addresses(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [one for item in value.values() for one in _addresses(item)]
    return [value] if isinstance(value, str) and "/messaging/consumer/conversation" in value else []
