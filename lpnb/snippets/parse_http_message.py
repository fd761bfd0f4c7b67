"""Read HTTP messages: ``.http`` files of editors, and requests as proxies and ``curl -v`` show them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lpnb.errors import Complaint
from lpnb.snippets.parsed_request import RecordedCall, RecordedReply, limit_calls

_START = re.compile(
    r"(?m)^(?:> )?(?P<method>GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (?P<url>\S+)(?: HTTP/[\d.]+)?[ \t]*$"
)
_STATUS = re.compile(r"(?m)^(?:< )?HTTP/[\d.]+ (\d{3})\b.*$")
_VARIABLE = re.compile(r"(?m)^@([\w.-]+)[ \t]*=[ \t]*(.*?)[ \t]*$")
_USE = re.compile(r"\{\{\s*%?([\w.-]+)\s*\}\}")
_HEADER = re.compile(r"(?:[<>] )?([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*)")
_MAX_TEXT = 4_000_000


def is_http_message(text: str) -> bool:
    """Whether *text* holds a request line.

    Example:
        >>> is_http_message("POST /api HTTP/1.1\\nHost: example.com"), is_http_message("POST it")
        (True, False)
    """
    match = _START.search(text)
    return match is not None and ("HTTP/" in match[0] or "/" in match["url"] or match["url"].startswith("{{"))


def http_calls(text: str) -> tuple[list[RecordedCall], list[Complaint]]:
    """Every request of *text* as a call, with the file's own variables filled in."""
    text = re.sub(r"\n[ \t]+(?=[?&])", "", text.replace("\r\n", "\n"))  # an address over several lines
    variables = {name: value for name, value in _VARIABLE.findall(text) if "{{" not in value}
    text = _VARIABLE.sub("", text)
    for _ in range(3):
        filled_text = _USE.sub(lambda match: variables.get(match[1], match[0]), text)
        if filled_text == text or len(filled_text) > _MAX_TEXT:
            break
        text = filled_text
    return limit_calls(_calls(text))


def _calls(text: str) -> Iterator[RecordedCall]:
    for block in re.split(r"(?m)^###.*$", text):
        starts = list(_START.finditer(block))
        ends = [start.start() for start in starts[1:]] + [len(block)]
        for start, end in zip(starts, ends, strict=False):
            yield _call(start, block[start.end() : end])


def _call(start: re.Match[str], rest: str) -> RecordedCall:
    call = RecordedCall(start["url"], None, method=start["method"])
    request, reply = rest, ""
    if status := _STATUS.search(rest):
        request, reply = rest[: status.start()], rest[status.end() :]
        _, body = _headers(reply)
        call.reply = RecordedReply(int(status[1]), body or None)
    headers, body = _headers(request)
    call.headers = headers
    if re.match(r"<@?\s*[\w./\\]", body):
        sentence = (
            "frames must stand in the text; the editor would read them from a file, which is not opened."
        )
        call.complaints.append(Complaint("frames", sentence, kind="incomplete"))
    elif body:
        call.body = body
    elif start[0].startswith("> "):
        sentence = "frames are not in this text: curl -v does not print the body. Give the command as well."
        call.complaints.append(Complaint("frames", sentence, kind="incomplete"))
    if (host := headers.get("Host") or headers.get("host")) and call.url.startswith("/"):
        call.url = f"https://{host}{call.url}"
    return call


def _headers(text: str) -> tuple[dict[str, str], str]:
    """The headers up to the empty line, and the body after it."""
    headers: dict[str, str] = {}
    lines = text.lstrip("\n").split("\n") if text.startswith("\n") else text.split("\n")
    for number, line in enumerate(lines):
        bare = line.strip()
        if bare in ("", ">", "<"):
            body = "\n".join(one for one in lines[number + 1 :] if not re.match(r"[*{}] |[<>] ?$|\} \[", one))
            return headers, body.strip()
        if bare.startswith(("#", "//")) and not headers:
            continue
        if match := _HEADER.fullmatch(bare):
            headers[match[1]] = match[2]
        elif bare[:1] in "[{":
            return headers, "\n".join(lines[number:]).strip()
    return headers, ""
