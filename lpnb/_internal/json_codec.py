"""Strict JSON reading and quick JSON writing.

Python's own reader lets NaN, 1e400 and doubled keys pass, and fails with four kinds of exception, of
which only one is its own. Here there is one, ``JsonError``, and its sentence says what is wrong.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import orjson

MAX_DEPTH = 64
MAX_DIGITS = 400
#: The largest number there is as a float.
LARGEST = sys.float_info.max
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


class JsonError(ValueError):
    """Why a text is not JSON that can be relied on, as a phrase such as "the key 'code' occurs twice"."""


class JsonLimitError(JsonError):
    """Why JSON is not read that other programs may read."""


def read_json(data: bytes | str, *, clamp: bool = False) -> Any:
    """Read *data*, refusing whatever two readers could understand differently.

    With *clamp* a number that is too large is read as ``LARGEST``, or minus that, and not refused.

    Lone surrogates, which can be written in JSON but never encoded again, become U+FFFD.

    Raises:
        JsonError: For bad UTF-8, broken syntax, NaN, infinities, doubled keys, numbers of more than
            400 digits and nesting deeper than 64.

    Example:
        >>> read_json(b'[{"code": "OK", "reqId": "1"}]')
        [{'code': 'OK', 'reqId': '1'}]
        >>> read_json('{"a": 1, "a": 2}')
        Traceback (most recent call last):
        lpnb._internal.json_codec.JsonLimitError: the key 'a' occurs twice in one object
    """
    if isinstance(data, bytes):
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise JsonError(f"byte {error.start} is not UTF-8") from None
        text = text.removeprefix("\ufeff")
        halves = False  # UTF-8 has none
    else:
        text = data
        halves = _SURROGATE.search(text) is not None
    if not text.strip():
        raise JsonError("it is empty")
    _check_depth(text)
    try:
        value = (_CLAMPING if clamp else _DECODER).decode(text)
    except json.JSONDecodeError as error:
        raise JsonError(f"{error.msg} at line {error.lineno}, column {error.colno}") from None
    return clean(value) if halves or "\\u" in text else value


def json_in(data: bytes | str) -> Any:
    """The value that *data* is, or None where ``read_json`` refuses it."""
    try:
        return read_json(data)
    except JsonError:
        return None


def clean(value: Any) -> Any:
    """Return *value* with every lone surrogate in it replaced by U+FFFD."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    return value


def lone_surrogate(text: str) -> int | None:
    """Return where the first lone surrogate stands in *text*, or None.

    Example:
        >>> lone_surrogate("ab\\ud800c")
        2
    """
    match = None if text.isascii() else _SURROGATE.search(text)
    return match.start() if match else None


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for sign in re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if sign in "[{" else -1
        if depth > MAX_DEPTH:
            raise JsonLimitError(f"it is nested deeper than {MAX_DEPTH} levels")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        keys: set[str] = set()
        duplicate = next(key for key, _ in pairs if key in keys or keys.add(key))  # type: ignore[func-returns-value]
        raise JsonLimitError(f"the key {duplicate!r} occurs twice in one object")
    return fields


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise JsonLimitError(f"a number has {len(digits)} digits")
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits)
    if len(digits) > MAX_DIGITS or math.isinf(value):
        raise JsonLimitError(f"the number {digits[:20]} is too large")
    return value


def _constant(name: str) -> Any:
    raise JsonError(f"{name} is not JSON")


def _clamped_whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else math.copysign(LARGEST, -digits.count("-"))


def _clamped_number(digits: str) -> float:
    value = float(digits)
    return math.copysign(LARGEST, value) if math.isinf(value) else value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_number, parse_constant=_constant
)
_CLAMPING = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_clamped_whole, parse_float=_clamped_number, parse_constant=_constant
)


#: Levels of a value that is to be sent.
DEEPEST = 40


def is_too_deep(value: object) -> bool:
    """Whether *value* is nested deeper than 40 levels, as one is that contains itself. Nothing recurses.

    Example:
        >>> endless = []
        >>> endless.append({"a": endless})
        >>> is_too_deep(endless), is_too_deep([[1], {"a": (2,)}])
        (True, False)
    """
    waiting: list[tuple[object, int]] = [(value, 0)]
    deepest: dict[int, int] = {}
    while waiting:
        one, depth = waiting.pop()
        if not isinstance(one, list | tuple | Mapping):
            continue
        if depth > DEEPEST:
            return True
        if deepest.get(id(one), -1) < depth:  # what stands in several places is looked at once for each depth
            deepest[id(one)] = depth
            inner = one.values() if isinstance(one, Mapping) else one
            waiting.extend((each, depth + 1) for each in inner)
    return False


def json_trouble(value: object, depth: int = 0) -> str | None:
    """Say why *value* cannot be written as JSON, or return None.

    Example:
        >>> json_trouble({"a": [1, float("nan")]})
        'must not hold NaN or infinity: JSON has neither'
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int):
        return (
            None
            if abs(value) < 10**MAX_DIGITS
            else f"must not hold a number of more than {MAX_DIGITS} digits"
        )
    if isinstance(value, str):
        return None if lone_surrogate(value) is None else "must not hold half a character (a lone surrogate)"
    if isinstance(value, float):
        return None if math.isfinite(value) else "must not hold NaN or infinity: JSON has neither"
    if depth > DEEPEST:
        return f"must not be nested deeper than {DEEPEST} levels"
    if isinstance(value, list | tuple):
        return next((t for item in value if (t := json_trouble(item, depth + 1))), None)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            return "must have text as its keys"
        return next(
            (t for k, v in value.items() if (t := json_trouble(k) or json_trouble(v, depth + 1))), None
        )
    return f"must be a value that JSON has; a {type(value).__name__} is none"


# Dates and dataclasses are left to *default*, as the standard library leaves them.
_OPTION = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_SORTED = _OPTION | orjson.OPT_SORT_KEYS


def json_bytes(value: object) -> bytes:
    """*value* as compact JSON in UTF-8.

    Raises:
        TypeError: JSON has no form of it.
        UnicodeEncodeError: It holds half a character.

    Example:
        >>> json_bytes([{"lang": "en-US", "n": 10**30}])
        b'[{"lang":"en-US","n":1000000000000000000000000000000}]'
    """
    return _orjson_bytes(value, None, False) or _stdlib_json(value, None, False).encode("utf-8")


def json_each(values: Iterable[object]) -> list[bytes]:
    """Each of *values* as ``json_bytes`` has it.

    Example:
        >>> json_each(["a", 1])
        [b'"a"', b'1']
    """
    items = list(values)
    try:
        return [orjson.dumps(value, None, _OPTION) for value in items]
    except TypeError:
        return [json_bytes(value) for value in items]


def json_text(value: object, default: Callable[[Any], Any] | None = None, *, sort_keys: bool = False) -> str:
    """The same as text, which may hold half a character.

    Example:
        >>> json_text({"b": "\\ud83d", "a": None}, sort_keys=True)
        '{"a":null,"b":"\\ud83d"}'
    """
    return _orjson_bytes(value, default, sort_keys).decode("utf-8") or _stdlib_json(value, default, sort_keys)


def _orjson_bytes(value: object, default: Callable[[Any], Any] | None, sort_keys: bool) -> bytes:
    """Nothing when it cannot: numbers beyond 64 bits, keys that are not text, halves of characters."""
    try:
        return orjson.dumps(value, default and _orjson_default(default), _SORTED if sort_keys else _OPTION)
    except TypeError:
        return b""


@lru_cache(maxsize=8)
def _orjson_default(default: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """*default*, but not for what the standard library would not ask it for: numpy's floats, named tuples."""

    def call_default(value: Any) -> Any:
        if isinstance(value, float):
            return float(value)
        return list(value) if isinstance(value, tuple) else default(value)

    return call_default


def _stdlib_json(value: object, default: Callable[[Any], Any] | None, sort_keys: bool) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys, default=default)
