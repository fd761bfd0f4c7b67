"""Answers requests from a HAR recording: the first unused exchange that fits, everything else is played.

A recorded request fits when route, path, query and body are the same; ids of frames, the account and the app
installation may be others, and a value that was replaced in the recording fits any. Replies that carry tokens
or hosts are not replayed: Sentinel, IDP, login and the Domain API answer from a recording only with errors.
"""

import json
import os
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from lpnb.sandbox.app.routes import SERVICE_ROUTES, ServiceRoute
from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.messages import JSON, Answer, Request, is_json, json_answer, parse_form

REPLAY_HEADER = "x-sandbox-replay"
MAX_HAR_BYTES = 100 * 1024 * 1024

# What a recorder puts in place of a secret or personal value.
MASK = "********"

Source = Literal["recorded", "played"]

_WITH_TOKENS = ("domain", "sentinel", "jwks", "idp", "login", "refresh", "logout", "upload", "download")
_COMPARED_QUERY = ("v", "version", "vid", "sid", "offset", "limit", "sort")
_IGNORED_PARAMETERS = ("account_id", "app_id")


class ReplayError(ValueError):
    """A recording that cannot be read; the message says why."""


@dataclass(slots=True)
class RecordedExchange:
    """One exchange of a recording."""

    route: ServiceRoute
    account_id: str
    parameters: dict[str, str]
    query: dict[str, list[str]]
    body: Any
    """The body as JSON, a form's fields, or its text."""
    status: int
    """0 where no reply came."""
    text: str
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()
    is_used: bool = field(default=False, compare=False)

    @property
    def replayable(self) -> bool:
        """Whether its reply can be given again."""
        return self.route.route not in _WITH_TOKENS or self.status == 0 or self.status >= 300


class Recording:
    """The exchanges of a HAR file, each of which answers one request.

    Args:
        path: A HAR file, of lpnb's clients or of another tool.

    Raises:
        ReplayError: It is no HAR, or holds no exchange with a service that the sandbox has.
        OSError: It cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if self.path.stat().st_size > MAX_HAR_BYTES:
            raise ReplayError(f"{self.path} is larger than {MAX_HAR_BYTES} bytes.")
        try:
            document = json.loads(self.path.read_bytes().decode("utf-8-sig"))
            entries = document["log"]["entries"]
        except (ValueError, RecursionError, KeyError, TypeError):
            raise ReplayError(f"{self.path} is no HAR file: it has no log.entries.") from None
        if not isinstance(entries, list):
            raise ReplayError(f"{self.path} is no HAR file: log.entries is no array.")
        exchanges = [exchange for entry in entries if (exchange := _read_entry(entry)) is not None]
        self.exchanges = [exchange for exchange in exchanges if exchange.replayable]
        if entries and not exchanges:
            raise ReplayError(f"{self.path} holds no request to a service that the sandbox has.")
        self._lock = threading.Lock()

    def rewind(self) -> None:
        """Let every exchange answer a request again."""
        with self._lock:
            for exchange in self.exchanges:
                exchange.is_used = False

    def take(self, route: ServiceRoute, request: Request) -> RecordedExchange | None:
        """The first unused exchange that fits, which is used then; None when none does."""
        body = _body_of(request.body, is_json(request))
        query = parse_qs(request.query, keep_blank_values=True)
        with self._lock:
            for exchange in self.exchanges:
                if exchange.is_used or exchange.route is not route:
                    continue
                if _fits_request(exchange, dict(request.path_params), query, body):
                    exchange.is_used = True
                    return exchange
        return None


def recorded_answer(exchange: RecordedExchange, request: Request) -> Answer:
    """The recorded reply, with the ids and the account of *request* in place of the recorded ones."""
    headers = (*exchange.headers, (REPLAY_HEADER, "recorded"))
    try:
        payload = json.loads(exchange.text)
    except (ValueError, RecursionError):
        body = exchange.text.encode("utf-8", "replace")
        return Answer(exchange.status, body, content_type=exchange.content_type, headers=headers)
    request_body = _body_of(request.body, is_json(request))
    ids = dict(zip(_frame_ids(exchange.body), _frame_ids(request_body), strict=False))
    account_id = request.path_params.get("account_id", exchange.account_id)
    payload = _translate(payload, ids, {exchange.account_id: account_id})
    answer = json_answer(exchange.status, payload, headers=headers)
    answer.content_type = exchange.content_type
    return answer


def _read_entry(entry: Any) -> RecordedExchange | None:
    """One entry; None where it is to no service of the sandbox, or not as HAR has it."""
    try:
        request, response = entry["request"], entry["response"]
        url = urlsplit(request["url"])
        route, parameters = _route_of(str(request["method"]).upper(), unquote(url.path))
        content = response.get("content") or {}
        text = content.get("text") or ""
        if content.get("encoding") == "base64":
            return None
        post_data = request.get("postData") or {}
        kind = str(post_data.get("mimeType") or "")
        body = _body_of(str(post_data.get("text") or "").encode(), not kind or "json" in kind)
        headers = tuple(
            (str(item["name"]).lower(), str(item["value"]))
            for item in response.get("headers") or ()
            if str(item["name"]).lower() == "retry-after" and str(item["value"]).isascii()
        )
        status = int(response["status"])
        content_type = str(content.get("mimeType") or JSON)
    except (KeyError, TypeError, ValueError, LookupError):
        return None
    if not (status == 0 or 100 <= status <= 599) or not re.fullmatch(r"[\x20-\x7e]{1,100}", content_type):
        return None
    return RecordedExchange(
        route,
        parameters.get("account_id", ""),
        parameters,
        parse_qs(url.query, keep_blank_values=True),
        body,
        status,
        text,
        JSON if content_type == "application/json" else content_type,
        headers,
    )


_PATTERNS = tuple(
    (service, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(service.path))))
    for service in SERVICE_ROUTES
)


def _route_of(method: str, path: str) -> tuple[ServiceRoute, dict[str, str]]:
    for service, pattern in _PATTERNS:
        if service.method == method and (match := pattern.fullmatch(path)):
            return service, match.groupdict()
    raise LookupError(path)


def _body_of(content: bytes, as_json: bool) -> Any:
    try:
        return strict_json.read(content) if as_json and content else dict(parse_form(content.decode()))
    except (strict_json.StrictJsonError, UnicodeDecodeError):
        return content.decode("utf-8", "replace")


def _fits_request(
    exchange: RecordedExchange, parameters: dict[str, str], query: dict[str, list[str]], body: Any
) -> bool:
    account = (exchange.account_id, parameters.get("account_id", ""))
    if any(
        exchange.parameters.get(name) not in (value, MASK)
        for name, value in parameters.items()
        if name not in _IGNORED_PARAMETERS
    ):
        return False
    if any(exchange.query.get(name) not in (query.get(name), [MASK]) for name in _COMPARED_QUERY):
        return False
    return _fits(exchange.body, body, account, "")


def _fits(recorded_value: Any, request_value: Any, account: tuple[str, str], name: str) -> bool:
    """Whether what was sent is what was recorded, but for frame ids, the account and replaced values."""
    if isinstance(recorded_value, dict):
        if not isinstance(request_value, dict) or recorded_value.keys() != request_value.keys():
            return False
        return all(
            _is_frame_id(recorded_value, key) or _fits(value, request_value[key], account, key)
            for key, value in recorded_value.items()
        )
    if isinstance(recorded_value, list):
        return (
            isinstance(request_value, list)
            and len(recorded_value) == len(request_value)
            and all(_fits(*pair, account, name) for pair in zip(recorded_value, request_value, strict=True))
        )
    if recorded_value == MASK:
        return not isinstance(request_value, dict | list)
    if str(recorded_value) == account[0] and str(request_value) == account[1]:
        return True
    return bool(recorded_value == request_value) and isinstance(recorded_value, bool) is isinstance(
        request_value, bool
    )


def _is_frame_id(item: dict[str, Any], key: str) -> bool:
    return key == "id" and "type" in item and "body" in item


def _frame_ids(body: Any) -> list[str]:
    frames = body if isinstance(body, list) else [body]
    return [
        str(frame["id"])
        for frame in frames
        if isinstance(frame, dict) and _is_frame_id(frame, "id") and "id" in frame
    ]


def _translate(value: Any, ids: dict[str, str], account: dict[str, str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _translate(item, ids, account, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_translate(item, ids, account, key) for item in value]
    if key == "reqId" and isinstance(value, str):
        return ids.get(value, value)
    return account.get(value, value) if isinstance(value, str) else value
