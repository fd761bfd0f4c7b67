"""JSON as it is posted and as it is written down: compact, and written in C.

Reading is ``strict_json``'s. What is written here was checked before; nothing is refused,
and what JSON has no number for (NaN, infinity) becomes null.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

# Dates and dataclasses are left to *default*, as the standard library leaves them.
_OPTION = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
_SORTED = _OPTION | orjson.OPT_SORT_KEYS


def json_bytes(
    value: object, default: Callable[[Any], Any] | None = None, *, sort_keys: bool = False
) -> bytes:
    """*value* as compact JSON in UTF-8; *default* is asked for what JSON has no form of.

    Raises:
        TypeError: Neither has.
        UnicodeEncodeError: It holds half a character.

    Example:
        >>> json_bytes([{"lang": "en-US", "n": 10**30}])
        b'[{"lang":"en-US","n":1000000000000000000000000000000}]'
    """
    return _quickly(value, default, sort_keys) or _slowly(value, default, sort_keys).encode("utf-8")


def json_text(value: object, default: Callable[[Any], Any] | None = None, *, sort_keys: bool = False) -> str:
    """The same as text, which may hold half a character.

    Example:
        >>> json_text({"b": "\\ud83d", "a": None}, sort_keys=True)
        '{"a":null,"b":"\\ud83d"}'
    """
    return _quickly(value, default, sort_keys).decode("utf-8") or _slowly(value, default, sort_keys)


def _quickly(value: object, default: Callable[[Any], Any] | None, sort_keys: bool) -> bytes:
    """Nothing when it cannot: numbers beyond 64 bits, keys that are not text, halves of characters."""
    try:
        return orjson.dumps(value, default and _after(default), _SORTED if sort_keys else _OPTION)
    except TypeError:
        return b""


@lru_cache(maxsize=8)
def _after(default: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """*default*, but not for what the standard library would not ask it for: numpy's floats, named tuples."""

    def asked(value: Any) -> Any:
        if isinstance(value, float):
            return float(value)
        return list(value) if isinstance(value, tuple) else default(value)

    return asked


def _slowly(value: object, default: Callable[[Any], Any] | None, sort_keys: bool) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys, default=default)
