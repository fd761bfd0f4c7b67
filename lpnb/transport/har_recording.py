"""Records exchanges as HAR 1.2, with tokens, secrets and personal values replaced.

The file is a whole HAR document after every exchange, so that it can be read at any time and by any tool.
Members that HAR does not have begin with an underscore: ``_error`` of an exchange without a reply, and
``_personal``, which says whether personal values were replaced.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from lpnb._internal.private_files import open_private
from lpnb._internal.redaction import MASK, Secret, scrub
from lpnb._version import __version__
from lpnb.transport.protocol import Exchange, ExchangeProgress, Request

logger = logging.getLogger("lpnb")

#: Headers that are credentials, and members of bodies and queries that are.
_SECRET_HEADERS = {"authorization", "x-lp-on-behalf", "cookie", "set-cookie", "proxy-authorization"}
_SECRET_NAMES = {
    "access_token", "accesstoken", "accesstokensecret", "appkey", "bearer", "client_secret", "csrf",
    "id_token", "password", "refresh_token", "secret", "temp_url_sig", "token", "wsuk",
}  # fmt: skip
#: Members whose values, with all that is in them, are about a person.
_PERSONAL_NAMES = {
    "accountName", "balance", "caption", "consumerId", "consumerParticipants", "customerId", "email",
    "ext_consumer_id", "firstName", "firstname", "imei", "ipAddress", "lastName", "lastname", "phone",
    "preview", "socialId", "sub", "surname", "userName", "username",
}  # fmt: skip
_TEXTS = {("event", "message"), ("msg", "text"), ("content", "text"), ("elements", "text")}
_PERSONAL_HOLDERS = {"personal", "personalInfo"}
_HEAD = (
    '{"log":{"version":"1.2","creator":{"name":"lpnb","version":"'
    + __version__
    + '"},"_personal":%s,"entries":['
)
_TAIL = b"\n]}}\n"


class RecordingTransport:
    """A transport that writes every exchange of another one to a HAR file.

    Args:
        transport: What sends the requests.
        path: The file, made anew with mode 0600.
        secrets: Values that are replaced wherever they stand.
        keep_personal: Keep names, addresses, ids and messages of consumers as they are.
    """

    def __init__(
        self,
        transport: Any,
        path: str | os.PathLike[str],
        secrets: Sequence[Secret],
        *,
        keep_personal: bool = False,
    ) -> None:
        self._transport = transport
        self._secrets = tuple(secrets)
        self._keep_personal = keep_personal
        self._lock = threading.Lock()
        self.path = Path(path)
        descriptor = open_private(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        head = _HEAD % ('"kept"' if keep_personal else '"replaced"')
        self._file.write(head.encode("utf-8"))
        self._end = self._file.tell()
        self._count = 0
        self.problem: str | None = None
        """Why the file has no more exchanges, or None."""
        self._file.write(_TAIL)

    async def exchange(self, request: Request, progress: ExchangeProgress) -> Exchange:
        """Send *request* as the other transport does, and write down what came of it."""
        exchange: Exchange = await self._transport.exchange(request, progress)
        try:
            self._write(self._entry(request, exchange))
        except Exception as error:
            # An answer must not be lost because it could not be written down.
            if self.problem is None:
                self.problem = f"{self.path} could not be written any further: {error}."
                logger.warning("%s", self.problem)
        return exchange

    async def aclose(self) -> None:
        """Close every connection, and the file."""
        await self._transport.aclose()
        with self._lock:
            self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _write(self, entry: dict[str, Any]) -> None:
        text = scrub(json.dumps(entry, ensure_ascii=False, separators=(",", ":")), self._secrets)
        piece = (",\n" if self._count else "\n").encode() + text.encode("utf-8", "replace")
        with self._lock:
            if self._file.closed:
                return
            self._file.seek(self._end)
            self._file.write(piece + _TAIL)
            self._end += len(piece)
            self._count += 1

    def _entry(self, request: Request, exchange: Exchange) -> dict[str, Any]:
        url = urlsplit(str(request.url))
        query = [(name, _mask(name, value)) for name, value in parse_qsl(url.query, keep_blank_values=True)]
        text = "&".join(f"{name}={value}" for name, value in query)
        content = self._body(request.read(), _header(request, "content-type"))
        request_entry: dict[str, Any] = {
            "method": request.method,
            "url": urlunsplit((url.scheme, url.netloc, url.path, text, "")),
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [
                {"name": name, "value": MASK if name.lower() in _SECRET_HEADERS else value}
                for name, value in request.headers.items()
            ],
            "queryString": [{"name": name, "value": value} for name, value in query],
            "headersSize": -1,
            "bodySize": len(content),
        }
        if content:
            request_entry["postData"] = {"mimeType": _header(request, "content-type"), "text": content}
        reply = self._body(exchange.content, "application/json")
        entry = {
            "startedDateTime": exchange.sent_at.isoformat(timespec="milliseconds"),
            "time": exchange.elapsed_ms,
            "request": request_entry,
            "response": {
                "status": exchange.status or 0,
                "statusText": "",
                "httpVersion": "HTTP/1.1",
                "cookies": [],
                "headers": _reply_headers(exchange),
                "content": {"size": len(reply), "mimeType": "application/json", "text": reply},
                "redirectURL": "",
                "headersSize": -1,
                "bodySize": len(reply),
            },
            "cache": {},
            "timings": {"send": 0, "wait": exchange.elapsed_ms, "receive": 0},
        }
        if exchange.failure is not None:
            entry["response"]["_error"] = exchange.failure  # type: ignore[index]
        return entry

    def _body(self, content: bytes, kind: str) -> str:
        return masked_body(content, kind, keep_personal=self._keep_personal)


def masked_body(content: bytes, kind: str = "application/json", *, keep_personal: bool = False) -> str:
    """A body as text, without tokens and secrets, and without what is about a person unless it is kept.

    Example:
        >>> masked_body(b'{"token": "abc", "firstName": "John", "code": "OK"}')
        '{"token":"********","firstName":"********","code":"OK"}'
    """
    text = content.decode("utf-8", "replace")
    if kind.startswith("application/x-www-form-urlencoded"):
        pairs = parse_qsl(text, keep_blank_values=True)
        return "&".join(f"{name}={_mask(name, value)}" for name, value in pairs)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text if keep_personal or len(text) < 2 else _without_words(text)
    return json.dumps(_clean(value, "", keep_personal), ensure_ascii=False, separators=(",", ":"))


def _clean(value: Any, parent: str, keep_personal: bool) -> Any:
    if isinstance(value, dict):
        return {name: _clean_member(name, item, parent, keep_personal) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item, parent, keep_personal) for item in value]
    return value


def _clean_member(name: str, value: Any, parent: str, keep_personal: bool) -> Any:
    if name.lower() in _SECRET_NAMES and not isinstance(value, dict | list):
        return MASK if value not in (None, "") else value
    is_personal = name in _PERSONAL_NAMES or name in _PERSONAL_HOLDERS or (parent, name) in _TEXTS
    if is_personal and not keep_personal:
        return _all_masked(value)
    return _clean(value, name, keep_personal)


def _all_masked(value: Any) -> Any:
    """The same shape with every value replaced."""
    if isinstance(value, dict):
        return {name: item if name == "type" else _all_masked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_all_masked(item) for item in value]
    is_blank = value is None or (isinstance(value, str) and not value.strip())
    return value if is_blank else MASK


def _without_words(text: str) -> str:
    return f"({len(text)} characters that are no JSON)"


def _mask(name: str, value: str) -> str:
    return MASK if name.lower() in _SECRET_NAMES else value


def _header(request: Request, name: str) -> str:
    return str(request.headers.get(name, ""))


def _reply_headers(exchange: Exchange) -> list[dict[str, str]]:
    headers = {"Date": exchange.date, "Location": exchange.location}
    if exchange.retry_after is not None:
        headers["Retry-After"] = f"{exchange.retry_after:g}"
    return [{"name": name, "value": value} for name, value in headers.items() if value is not None]
