"""Read ``fetch()`` calls, as browsers copy them and as people write them. Nothing is run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lpnb.errors import Complaint
from lpnb.snippets.js_literals import JsName, JsReader, JsSyntaxError, code_of
from lpnb.snippets.parsed_request import RecordedCall, limit_calls

_CALL = re.compile(r"(?<![\w$.])(?:window\.)?fetch\s*\(")


def is_fetch(text: str) -> bool:
    """Whether there is a call of ``fetch`` in *text*.

    Example:
        >>> is_fetch('await fetch("https://example.com")'), is_fetch("prefetch(x)")
        (True, False)
    """
    return bool(_CALL.search(text))


def fetch_calls(text: str) -> tuple[list[RecordedCall], list[Complaint]]:
    """Every ``fetch`` of *text* as a call, and what is wrong with the text as a whole."""
    try:
        return limit_calls(_calls(text))
    except JsSyntaxError as error:
        return [], [Complaint("text", f"text cannot be read as a fetch() call: {error}.")]


def _calls(text: str) -> Iterator[RecordedCall]:
    end, reader, code = 0, JsReader(text), code_of(text)
    reader.read_names(code)
    while match := _CALL.search(text, end):
        end = match.end()
        if code[match.start()] == " ":  # in a comment
            continue
        url, end = reader.value(end)
        options: Any = {}
        if comma := re.compile(r"\s*,").match(text, end):
            options, end = reader.value(comma.end())
        yield _call(url, options if isinstance(options, dict) else {})


def _call(url: Any, options: dict[str, Any]) -> RecordedCall:
    headers = options.get("headers")
    call = RecordedCall(
        url if isinstance(url, str) else "",
        None,
        {
            str(name): value if isinstance(value, str) else f"${{{name}}}"
            for name, value in (headers.items() if isinstance(headers, dict) else ())
        },
    )
    method = options.get("method", "GET" if "body" in options else None)
    call.method = method if isinstance(method, str) else None
    body = options.get("body")
    if isinstance(body, str):
        call.body = body
    elif isinstance(body, JsName):
        sentence = f"frames come from {body.name}, which the text does not hold. Put the frames in its place."
        call.complaints.append(Complaint("frames", sentence, kind="incomplete"))
    return call
