"""Read a request out of somebody's text: frames, curl, PowerShell, fetch(), HAR, Postman, HTTP, logs.

The text is taken apart and never run; no file and no address it names is opened, and tokens in it are not
kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from lpnb._internal.display import brief
from lpnb._internal.json_codec import JsonError, read_json
from lpnb.errors import Complaint
from lpnb.snippets.js_literals import code_of
from lpnb.snippets.lenient_json import read_lenient_json
from lpnb.snippets.parse_commands import command_calls, is_command
from lpnb.snippets.parse_curl import curl_calls, is_curl
from lpnb.snippets.parse_fetch import fetch_calls, is_fetch
from lpnb.snippets.parse_har import har_calls, is_har
from lpnb.snippets.parse_http_message import http_calls, is_http_message
from lpnb.snippets.parse_log import find_call, find_calls, status_in
from lpnb.snippets.parse_postman import (
    data_calls,
    is_data,
    is_environment,
    is_first_version,
    is_postman,
    postman_calls,
)
from lpnb.snippets.parse_powershell import is_powershell, powershell_calls
from lpnb.snippets.parse_reply import is_bare_reply, is_reply
from lpnb.snippets.parsed_request import (
    Kind,
    ParsedRequest,
    RecordedReply,
    account_of,
    check_frames,
    choose_conversations,
    not_json,
    parsed_request,
)
from lpnb.snippets.text_kinds import posts_form, text_kind
from lpnb.snippets.texts_without_request import read_other_text, read_other_value

#: The longest text that is read, in characters.
MAX_TEXT = 4_000_000
#: Frames whose double quotes a shell has taken away.
_WITHOUT_QUOTES = re.compile(r"[\[{,]\s*kind\s*:\s*req\s*,\s*(?:id|type|body)\s*:\s*[\w{]")
_QUOTES_LOST = (
    "frames have lost their double quotes: Windows' cmd and PowerShell 5.1 take them from what a program "
    'is given. Write \\" there, or read the frames from a file: --data-binary @frames.json.'
)
#: Characters that frames without quotes are looked for in, and that a line of a log has.
_QUOTES_LOOKED_AT, _ONE_LINE = 20_000, 600
#: What ``curl -v`` writes below the command.
_CURLS_OUTPUT = re.compile(r"(?m)^[*>] ")
_FENCE = re.compile(r"\A```[\w.+-]*[ \t]*\n(.*?)\n?```\s*\Z", re.DOTALL)


def read_request(text: str) -> ParsedRequest:
    """Read a request, a reply, or both out of *text*. Never raises for what it says.

    What is understood: frames as JSON, the array that CONVERSATION takes; curl commands for bash, for
    Windows' cmd and for PowerShell, with here-documents and pipes; ``Invoke-WebRequest``; ``fetch()``; HAR
    files; Postman collections v2.0 and v2.1, an environment behind the collection, and the data files of
    ``as_postman``; ``.http`` files and HTTP messages; log lines with JSON in them; the service's answer. The
    consumer is known when the text asks the IDP for a token, or holds one.

    Args:
        text: At most four million characters.

    Returns:
        What was found. ``kind`` says what the text is, ``complaints`` what is wrong with it, ``notes`` what
        reading changed; of several requests the further ones are in ``more``.

    Example:
        >>> parsed = read_request("curl https://va.msg.liveperson.net/api/account/1/messaging/consumer/"
        ...                       "conversation?v=3 -H 'Authorization: ey' -d '[{}, 7]'")
        >>> parsed.kind, parsed.frames
        ('curl', [{}, 7])
        >>> print(parsed.complaints[0].sentence)
        Authorization was left out: lpnb gets tokens of its own.
    """
    if not isinstance(text, str):
        return _no_request(f"text must be text; got {brief(text)}.")
    if len(text) > MAX_TEXT:
        return _no_request(f"text must have at most {MAX_TEXT:,} characters; got {len(text):,}.")
    text = text.replace("\r\n", "\n").strip().removeprefix("\ufeff").strip()
    if fence := _FENCE.match(text):
        text = fence[1].strip()
    if text.startswith(">") and all(line.startswith(">") for line in text.splitlines() if line.strip()):
        text = re.sub(r"(?m)^> ?", "", text).strip()  # as mail quotes it
    if not text:
        return _no_request("text is empty.")
    if _WITHOUT_QUOTES.search(text[:_QUOTES_LOOKED_AT]):
        return ParsedRequest("frames", complaints=(Complaint("frames", _QUOTES_LOST),))
    if text[0] in '[{"' or (text.startswith(("//", "/*")) and not is_fetch(code_of(text))):
        return _read_json(text)
    if is_curl(text) and not _is_curls_log(text):
        return _or_log(choose_conversations("curl", *curl_calls(text)), text)
    if is_command(text):
        return _or_log(choose_conversations("command", *command_calls(text)), text)
    if is_powershell(text):
        return _or_log(choose_conversations("powershell", *powershell_calls(text)), text)
    if is_fetch(text):
        return _or_log(choose_conversations("fetch", *fetch_calls(text)), text)
    if is_http_message(text):
        parsed = choose_conversations("http", *http_calls(text))
        command = _CURLS_OUTPUT.split(text, 1)[0]
        if parsed.frames is None and is_curl(command):
            parsed = replace(choose_conversations("curl", *curl_calls(command)), reply=parsed.reply)
        if parsed.frames is not None or parsed.reply is not None or find_call(text) is None:
            return parsed
    return (
        _read_log(text)
        or read_other_text(text)
        or _read_status(text)
        or _no_request(
            "text must be a request (frames as JSON, curl, PowerShell, fetch(), HAR, Postman, .http), the "
            f"service's answer, or a log line with one of them; it begins with {brief(text[:20])}."
        )
    )


def _or_log(parsed: ParsedRequest, text: str) -> ParsedRequest:
    """What was read, with the answer below it; without frames, those of elsewhere, as in a variable."""
    if parsed.more or parsed.reply is not None or (call := find_call(text)) is None:
        return parsed
    if parsed.frames is not None or any(one.kind == "own limit" for one in parsed.complaints):
        return replace(parsed, reply=call.reply)
    if call.body is None:
        return parsed
    log_request = parsed_request(parsed.kind, call, parsed.consumer_id)
    return replace(log_request, missing=parsed.missing, call_complaints=parsed.call_complaints)


def decode_text(content: bytes) -> str:
    """The text of a file: UTF-8, the UTF-16 that PowerShell's ``>`` writes, or Windows' own letters.

    Example:
        >>> decode_text("[{}]".encode("utf-16"))
        '[{}]'
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _is_curls_log(text: str) -> bool:
    """Whether *text* is what ``curl -v`` shows, in which the command itself may stand as well."""
    return is_http_message(text) and re.search(r"(?m)^< HTTP/", text) is not None


def _no_request(sentence: str) -> ParsedRequest:
    return ParsedRequest("nothing", complaints=(Complaint("text", sentence),))


def _read_log(text: str) -> ParsedRequest | None:
    if parsed := [parsed_request("log", one) for one in find_calls(text)]:
        return replace(parsed[0], more=tuple(parsed[1:]))
    call = find_call(text)
    if call is None:
        return None
    if call.body is None:
        kind: Kind = "reply" if text.startswith("HTTP/") else "log"
        return ParsedRequest(kind, reply=call.reply, account_id=account_of(call.url))
    kind = text_kind(text)
    if kind == "code" and posts_form(text):
        sentence = "frames are given as data=, which sends a form or nothing; json= sends them as JSON."
        call.complaints.append(Complaint("frames", sentence))
    return parsed_request(kind, call)


def _read_status(text: str) -> ParsedRequest | None:
    """A line of a program that names an HTTP status that refuses, and nothing else that is known."""
    status = status_in(text) if len(text) <= _ONE_LINE else None
    if status is None or status < 400:
        return None
    return ParsedRequest("log", reply=RecordedReply(status, None))


def _read_json(text: str) -> ParsedRequest:
    try:
        value = read_json(text)
    except JsonError as error:
        return _read_odd_json(text, error)
    return _read_value(value, text, None)


def _read_value(value: Any, text: str, environment: dict[str, Any] | None) -> ParsedRequest:
    if is_postman(value):
        return choose_conversations("postman", *postman_calls(value, environment))
    if is_data(value):
        return choose_conversations("postman", data_calls(value), [])
    if is_har(value):
        return choose_conversations("har", *har_calls(value))
    if is_first_version(value):
        sentence = "This is a Postman collection of version 1. Export it as version 2.1, and read that."
        return ParsedRequest("postman", complaints=(Complaint("text", sentence),))
    if is_environment(value):
        sentence = (
            "This is a Postman environment: it has values for variables and no request. "
            "Put the collection in front of it in the same text."
        )
        return ParsedRequest("environment", complaints=(Complaint("text", sentence),))
    if (other := read_other_value(value)) is not None:
        return other
    if is_reply(value) and not (isinstance(value, dict) and _is_log_record(value)):
        return ParsedRequest("reply", reply=RecordedReply(None, text))
    if isinstance(value, str) and value.strip():  # JSON that was written into a string once more
        inner = read_request(value)
        note = "The text is a string of JSON with the request in it; it was taken out."
        return replace(inner, notes=(*inner.notes, note))
    if isinstance(value, dict) and "type" not in value and (parsed := _read_log(text)) is not None:
        return parsed
    if isinstance(value, dict) and text_kind(text) == "export":
        return ParsedRequest(
            "export", complaints=(Complaint("text", "There is no request for CONVERSATION in it."),)
        )
    frames, complaints, notes = check_frames(value)
    return ParsedRequest("frames", frames, complaints=tuple(complaints), notes=tuple(notes))


def _is_log_record(value: dict[str, Any]) -> bool:
    """Whether an object with a code and a message is a line of a log that has a request or a reply in it."""
    if is_bare_reply(value):
        return False
    call = find_call(json.dumps(value))
    if call is None:
        return False
    inner = call.reply.body if call.reply is not None else None
    return call.body is not None or (inner is not None and json.loads(inner) != value)


def _read_odd_json(text: str, error: JsonError) -> ParsedRequest:
    """Text that begins like JSON and is none: several documents, comments, a log line in brackets."""
    documents = _documents(text)
    if len(documents) > 1:
        collection = next((one for one in documents if is_postman(one)), None)
        environment = next((one for one in documents if is_environment(one)), None)
        if collection is not None and environment is not None:
            return _read_value(collection, text, environment)
        if all(isinstance(one, dict) and "kind" in one for one in documents):
            sentence = (
                "The text has a document for each frame; CONVERSATION takes one array of them: [..., ...]."
            )
            parsed = _read_value(documents, json.dumps(documents, ensure_ascii=False), None)
            return (
                parsed
                if parsed.reply
                else replace(parsed, complaints=(Complaint("frames", sentence), *parsed.complaints))
            )
    try:
        value, changes = read_lenient_json(text)
    except JsonError:
        in_log = _read_log(text)
        if in_log is not None and (in_log.frames is not None or in_log.reply is not None):
            return in_log
        complaint = not_json(error)
        if _ends_early(text):
            sentence = f"{complaint.sentence} The text ends before the JSON does: copy it whole."
            complaint = Complaint("frames", sentence, kind=complaint.kind or "incomplete")
        return ParsedRequest("frames", complaints=(complaint,))
    parsed = _read_value(value, text, None)
    if parsed.kind != "frames":
        return parsed
    return ParsedRequest(
        "frames", parsed.frames, complaints=(*changes, *parsed.complaints), notes=parsed.notes
    )


def _ends_early(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text) or "Unterminated" in error.msg
    except (ValueError, RecursionError):
        return False
    return False


def _documents(text: str) -> list[Any]:
    """The JSON documents that follow each other in *text*; none when something else stands between them."""
    decoder, place = json.JSONDecoder(), 0
    documents: list[Any] = []
    while place < len(text) and len(documents) < 10:
        try:
            value, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            return []
        documents.append(value)
        while place < len(text) and text[place].isspace():
            place += 1
    return documents
