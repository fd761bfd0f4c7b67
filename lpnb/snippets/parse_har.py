"""Read HAR files, which browsers and proxies save, and Charles' sessions: each request with its reply."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lpnb.errors import Complaint
from lpnb.snippets.parsed_request import RecordedCall, RecordedReply, limit_calls

#: JSON in base64: "[" or "{" and a quote, a blank or a line end.
_BASE64 = re.compile(r"(?:W3|W1s|Ww|ey|ew|W[A-Za-z0-9])[A-Za-z0-9+/\s]{10,}={0,2}")


def is_har(value: Any) -> bool:
    """Whether *value* is a HAR file, one entry of it, or the entries alone, as Charles saves them.

    Example:
        >>> is_har({"log": {"entries": []}}), is_har([{"request": {}, "response": {}}]), is_har([{"id": "1"}])
        (True, True, False)
    """
    if isinstance(value, list):
        return bool(value) and all(map(_is_entry, value))
    log = value.get("log") if isinstance(value, dict) else None
    return (isinstance(log, dict) and isinstance(log.get("entries"), list)) or _is_entry(value)


def _is_entry(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("request"), dict)
        and isinstance(value.get("response"), dict)
    )


def har_calls(value: Any) -> tuple[list[RecordedCall], list[Complaint]]:
    """Every entry that has a request, in order."""
    log = value.get("log") if isinstance(value, dict) else None
    entries = value if isinstance(value, list) else log["entries"] if isinstance(log, dict) else [value]
    return limit_calls(_calls(entries))


def _calls(entries: list[Any]) -> Iterator[RecordedCall]:
    for entry in entries:
        request = entry.get("request") if isinstance(entry, dict) else None
        if isinstance(request, dict):
            query = f"?{entry['query']}" if isinstance(entry.get("query"), str) else ""
            place = f"https://{entry.get('host') or ''}{entry.get('path') or ''}{query}"
            call = _call(request, entry.get("response"), place)
            method = request.get("method", entry.get("method"))
            call.method = method if isinstance(method, str) else None
            yield call


def _call(request: Mapping[str, Any], response: Any, place: str) -> RecordedCall:
    header = request.get("header")
    headers = header.get("headers") if isinstance(header, dict) else request.get("headers")
    return RecordedCall(
        str(request.get("url") or place),
        _text_of(request.get("postData") or request.get("body")),
        {
            str(header.get("name")): str(header.get("value", ""))
            for header in (headers if isinstance(headers, list) else [])
            if isinstance(header, dict)
        },
        reply=_reply(response),
    )


def _reply(response: Any) -> RecordedReply | None:
    if not isinstance(response, dict):
        return None
    status, text = response.get("status"), _text_of(response.get("content") or response.get("body"))
    valid_status = status if isinstance(status, int) and 100 <= status <= 599 else None  # 0: none came
    return None if valid_status is None and text is None else RecordedReply(valid_status, text)


def _text_of(content: Any) -> str | None:
    """The text of a body: some programs do not say that it is base64, and some say so when it is not."""
    text = content.get("text", content.get("encoded")) if isinstance(content, dict) else None
    if not isinstance(text, str):
        return None
    if content.get("encoding") != "base64" and not _BASE64.fullmatch(text):
        return text
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return text
