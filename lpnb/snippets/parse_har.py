"""Read HAR files, which browsers and proxies save: each request with its reply."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lpnb.errors import Complaint
from lpnb.snippets.parsed_request import RecordedCall, RecordedReply, limit_calls

#: JSON in base64: "[" or "{" and a quote, a blank or a line end.
_BASE64 = re.compile(r"(?:W[3wyz]|W1s|ey|eyJ|ew|W[A-Za-z0-9])[A-Za-z0-9+/\s]{10,}={0,2}")


def is_har(value: Any) -> bool:
    """Whether *value* is a HAR file, or one entry of it."""
    if not isinstance(value, dict):
        return False
    log = value.get("log")
    return (isinstance(log, dict) and isinstance(log.get("entries"), list)) or (
        isinstance(value.get("request"), dict) and isinstance(value.get("response"), dict)
    )


def har_calls(value: dict[str, Any]) -> tuple[list[RecordedCall], list[Complaint]]:
    """Every entry that has a request, in order."""
    log = value.get("log")
    entries = log["entries"] if isinstance(log, dict) else [value]
    return limit_calls(_calls(entries))


def _calls(entries: list[Any]) -> Iterator[RecordedCall]:
    for entry in entries:
        request = entry.get("request") if isinstance(entry, dict) else None
        if isinstance(request, dict):
            yield _call(request, entry.get("response"))


def _call(request: Mapping[str, Any], response: Any) -> RecordedCall:
    posted = request.get("postData")
    body = posted.get("text") if isinstance(posted, dict) else None
    if isinstance(posted, dict) and isinstance(body, str):
        in_base64 = posted.get("encoding") == "base64" or _BASE64.fullmatch(body)  # Charles does not say so
        body = _decoded(body) if in_base64 else body
    headers = request.get("headers")
    return RecordedCall(
        str(request.get("url") or ""),
        body if isinstance(body, str) else None,
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
    status, content = response.get("status"), response.get("content")
    text = content.get("text") if isinstance(content, dict) else None
    if isinstance(content, dict) and content.get("encoding") == "base64" and isinstance(text, str):
        text = _decoded(text)
    known = status if isinstance(status, int) and 100 <= status <= 599 else None  # 0: none came
    if known is None and not isinstance(text, str):
        return None
    return RecordedReply(known, text if isinstance(text, str) else None)


def _decoded(text: str) -> str | None:
    try:
        return base64.b64decode(text).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None
