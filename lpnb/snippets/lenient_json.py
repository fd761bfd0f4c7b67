"""JSON as people keep it: with comments, typographic quotes, in Python's spelling, or inside a string.

What is read so is said, because a service that is sent it as it stands refuses it.
"""

from __future__ import annotations

import ast
import html
import json
import re
from typing import Any

from lpnb._internal.json_codec import JsonError, clean, json_in, json_trouble, read_json
from lpnb.errors import Complaint
from lpnb.snippets.js_literals import JsSyntaxError, read_json_with_comments

#: Quotes that word processors and chats put in place of plain ones.
TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2018\u2019\u201a\u201b", "'"),
    }
)
_QUOTES = re.compile("[\u201c\u201d\u201e\u201f\u00ab\u00bb\u2018\u2019\u201a\u201b]")
_MAX_LITERAL = 1_000_000
_OUTSIDE_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"|[\u00a0\u2000-\u200d\u202f\u2060\ufeff]')


def typographic_quote(text: str) -> str | None:
    """The first typographic quote in *text* with its line, such as "\u201c in line 1", or None."""
    if match := _QUOTES.search(text):
        return f"{match[0]} in line {text.count(chr(10), 0, match.start()) + 1}"
    return None


def read_lenient_json(text: str) -> tuple[Any, list[Complaint]]:
    """The value that *text* stands for, and what had to be read otherwise than JSON is.

    Raises:
        JsonError: It is nothing of the kind; of plain JSON it says what is wrong.

    Example:
        >>> value, complaints = read_lenient_json('[{"a": 1} /* one */]')
        >>> value
        [{'a': 1}]
        >>> complaints[0].sentence
        'frames hold comments or trailing commas, which JSON does not allow; they were left out.'
    """
    try:
        value = read_json(text)
        inner = _unwrap(value)
        return inner, [] if inner is value else [_TWICE]
    except JsonError as error:
        first = error
    if len(text) > _MAX_LITERAL or _is_plain_json(text):  # and something in it can be understood in two ways
        raise first
    quotes = Complaint(
        "frames",
        f"frames have typographic quotes ({typographic_quote(text)}), which JSON does not allow; they were "
        "read as plain ones.",
    )
    blanks = Complaint(
        "frames",
        "frames have blanks that JSON has not (no-break or invisible ones, as web pages and chats have); "
        "they were read as plain ones.",
    )
    for attempt, complaint in (
        (text.translate(TYPOGRAPHIC), quotes),
        (_only_double(text), quotes),
        (_OUTSIDE_TEXT.sub(lambda match: match[0] if match[0][0] == '"' else " ", text), blanks),
        (html.unescape(text), _language_note("HTML")),
        (_RUBY.sub('":', text), _language_note("Ruby")),
    ):
        if attempt != text and (value := json_in(attempt)) is not None:
            return value, [complaint]
    if _PYTHON.search(text) and (value := read_python_literal(text)) is not None:
        return value, [_language_note("Python")]
    try:
        value = read_json_with_comments(text.strip())
    except JsSyntaxError:
        raise first from None
    if json_trouble(value) is not None:
        raise first
    if _IN_COMMENTS.search(text):
        sentence = "frames hold comments or trailing commas, which JSON does not allow; they were left out."
        return clean(value), [Complaint("frames", sentence, kind="left out")]
    return clean(value), [_language_note("JavaScript")]


def _language_note(language: str) -> Complaint:
    sentence = f"frames are written as {language} writes them, not as JSON; they were read all the same."
    return Complaint("frames", sentence, kind="read anyway")


_TWICE = Complaint(
    "frames",
    "frames are a text with the array in it (JSON written twice), not the array itself; it was taken out.",
    kind="read anyway",
)
_RUBY = re.compile(r'"\s*=>')
#: Signs of Python: a key or value in single quotes, or its words.
_PYTHON = re.compile(r"[\[{(,:]\s*'|\b(?:None|True|False)\b")
_IN_COMMENTS = re.compile(r"//|/\*|,\s*[\]}]")


def _is_plain_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _only_double(text: str) -> str:
    return re.sub("[\u201c\u201d\u201e\u201f\u00ab\u00bb]", '"', text)


def _unwrap(value: Any) -> Any:
    """JSON that was written into a string once more."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        inner = json_in(value)
        return value if inner is None else inner
    return value


def read_python_literal(text: str) -> Any:
    """A list or dict as Python prints it, or None."""
    text = text.strip()
    if len(text) > _MAX_LITERAL or text[:1] not in ("[", "{") or text.count("[") + text.count("{") > 2_000:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return clean(value) if json_trouble(value) is None else None
