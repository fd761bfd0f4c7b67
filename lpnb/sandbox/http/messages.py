"""`Request` and `Answer` as plain values, without sockets or ASGI."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qsl

JSON = "application/json;charset=utf-8"

# A query or form with more fields than this is no client of ours.
MAX_PARAMETERS = 100


# Made once: `json.dumps` makes a new one for every call that wants other separators.
_COMPACT = json.JSONEncoder(separators=(",", ":"))


# Neither is frozen: a frozen one takes five times as long to make, and a request's body is known last.
@dataclass(slots=True)
class Request:
    """What a client asked: header names in lower case, the body as bytes."""

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    path_params: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    _first: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._first = dict(reversed(self.headers))

    def header(self, name: str) -> str | None:
        """The first header called *name* (in lower case), or None."""
        return self._first.get(name)

    def query_pairs(self) -> list[tuple[str, str]]:
        """The query's names and values, in order."""
        return parse_form(self.query)

    def query_values(self, name: str) -> list[str]:
        """Every value *name* has in the query."""
        return [value for key, value in parse_form(self.query) if key == name]


@dataclass(slots=True)
class Answer:
    """What the service says.

    ``payload`` is the JSON value the body was made from, for faults that alter it. ``consumer``
    is the ``ext_consumer_id`` the request was about, for the log.
    """

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    payload: object = None
    consumer: str | None = None


def json_answer(
    status: int,
    payload: object,
    *,
    consumer: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Answer:
    """An answer whose body is *payload* as compact JSON.

    >>> json_answer(201, {"token": "x"}).body
    b'{"token":"x"}'
    """
    body = _COMPACT.encode(payload).encode()
    return Answer(status, body, headers=headers, payload=payload, consumer=consumer)


def error_answer(status: int, sentence: str, *, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A refusal in the sandbox's own words, for cases where LivePerson's are not published.

    >>> error_answer(400, "Send version=1.0.").body
    b'{"error":"Send version=1.0."}'
    """
    return json_answer(status, {"error": sentence}, headers=headers)


def parse_form(text: str) -> list[tuple[str, str]]:
    """The pairs of a query or form; none at all when there are absurdly many.

    >>> parse_form("v=1.0&client_id=")
    [('v', '1.0'), ('client_id', '')]
    """
    # Nearly every query is one of a few short ones.
    return [*_parse_cached(text)] if len(text) <= _MAX_CACHED_QUERY else _parse(text)


def _parse(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return []


_MAX_CACHED_QUERY = 40
_parse_cached = lru_cache(maxsize=256)(_parse)


def media_type(request: Request) -> str:
    """The Content-Type without its parameters, in lower case; "" when there is none."""
    return (request.header("content-type") or "").partition(";")[0].strip().lower()


def is_json(request: Request) -> bool:
    """Whether the Content-Type names JSON."""
    if request.header("content-type") == "application/json":
        return True
    kind = media_type(request)
    return kind == "application/json" or kind.endswith("+json")


def truncate(text: str, most: int = 200) -> str:
    """*text*, cut to *most* characters, for messages and the log."""
    return text if len(text) <= most else text[: most - 3] + "..."
