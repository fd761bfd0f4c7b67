"""Strict JSON parsing: what two parsers could read in two ways is refused with a sentence.

Python's reader lets through NaN, ``1e400``, duplicate keys and lone surrogates, and stops at
deep nesting or at a 5,000-digit number with errors that are not `json.JSONDecodeError`.
"""

import json
import math
import re
from typing import Any

MAX_DEPTH = 64
# Strings are matched whole, so that brackets inside them are passed over.
_BRACKETS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_LARGEST = 2**63 - 1
_DIGITS = len(str(_LARGEST))


class StrictJsonError(ValueError):
    """The bytes are not JSON the sandbox accepts; the message says why."""


def read(data: bytes) -> Any:
    """The JSON value in *data*.

    Raises:
        StrictJsonError: With a sentence that says what is wrong.

    Example:
        >>> read(b'[{"id": "1,"}]')
        [{'id': '1,'}]
        >>> read(b'{"a": 1, "a": 2}')
        Traceback (most recent call last):
            ...
        lpnb.sandbox.http.strict_json.StrictJsonError: The body has the key 'a' twice in one object.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StrictJsonError(f"The body is not UTF-8: byte {error.start} cannot be read.") from None
    if not text or text.isspace():
        raise StrictJsonError("The body is empty; send JSON.")
    if text.startswith("\ufeff"):
        raise StrictJsonError("The body is not JSON: Unexpected UTF-8 BOM; send it without.")
    # Most bodies are flat: a count spares the scan. Before parsing, because how deep Python's parser
    # can go without harm depends on a limit that any program may have raised.
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _refuse_depth(text)
    try:
        value = _DECODER.decode(text)
    except StrictJsonError:
        raise
    except ValueError as error:
        raise StrictJsonError(f"The body is not JSON: {error}.") from None
    # A lone surrogate can only be spelled as an escape: UTF-8 has none.
    if "\\u" in text:
        _refuse_surrogates(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        keys: set[str] = set()
        for key, _ in pairs:
            if key in keys:
                raise StrictJsonError(f"The body has the key {_key_text(key)} twice in one object.")
            keys.add(key)
    return members


def _constant(name: str) -> Any:
    raise StrictJsonError(f"The body contains {name}, which is not JSON.")


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise StrictJsonError(f"The body contains the number {digits[:40]}, which is out of range.")
    return number


def _int(digits: str) -> int:
    # The length first: Python refuses to convert thousands of digits, and takes long over hundreds.
    if len(digits) > _DIGITS + 1 or abs(int(digits)) > _LARGEST:
        raise StrictJsonError(f"The body contains an integer of {len(digits)} digits; 64 bits is the most.")
    return int(digits)


# Made once: `json.loads` makes a new one for every call that wants hooks.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
)


def _refuse_depth(text: str) -> None:
    depth = 0
    for token in _BRACKETS.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise StrictJsonError(f"The body nests deeper than {MAX_DEPTH} levels.")
        elif token[0] in "]}":
            depth -= 1


def _refuse_surrogates(value: Any) -> None:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            if not _encodable(item):
                raise StrictJsonError("The body contains half of a surrogate pair, which is no character.")
        elif isinstance(item, dict):
            todo.extend(item)
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)


def _encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _key_text(key: str) -> str:
    """*key* for a message: short, and ASCII, because it may hold a lone surrogate."""
    return ascii(key[:40])
