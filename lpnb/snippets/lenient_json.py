"""JSON as people keep it: with comments, typographic quotes, in Python's spelling, or inside a string.

What is read so is said, because a service that is sent it as it stands refuses it.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Any

from lpnb._internal.json_codec import JsonError, clean, json_trouble, read_json
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
        >>> value, complaints[0].sentence
        ([{'a': 1}], 'frames hold comments or trailing commas, which JSON has not; they were left out.')
    """
    try:
        return _unwrapped(read_json(text)), []
    except JsonError as error:
        first = error
    if _is_plain_json(text):  # and something in it can be understood in two ways
        raise first
    if quote := typographic_quote(text):
        sentence = (
            f"frames have typographic quotes ({quote}), which JSON has not; they were read as plain ones."
        )
        for attempt in (text.translate(TYPOGRAPHIC), _only_double(text)):
            try:
                return read_json(attempt), [Complaint("frames", sentence)]
            except JsonError:
                continue
    try:
        value = read_json_with_comments(text.strip())
        if json_trouble(value) is None:
            sentence = "frames hold comments or trailing commas, which JSON has not; they were left out."
            return clean(value), [Complaint("frames", sentence)]
    except JsSyntaxError:
        pass
    value = read_python_literal(text)
    if value is not None:
        sentence = "frames are written as Python writes them, not as JSON; they were read all the same."
        return value, [Complaint("frames", sentence)]
    raise first


def _is_plain_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _only_double(text: str) -> str:
    return re.sub("[\u201c\u201d\u201e\u201f\u00ab\u00bb]", '"', text)


def _unwrapped(value: Any) -> Any:
    """JSON that was written into a string once more."""
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        try:
            return read_json(value)
        except JsonError:
            return value
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
