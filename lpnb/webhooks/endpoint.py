"""The webhook endpoint (ASGI): checks each POST, stores it, then answers it.

What is refused is counted by reason and forgotten. What is answered with 200 is on the disk.
"""

from __future__ import annotations

import asyncio
import hmac
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from lpnb._internal.json_codec import JsonError, read_json
from lpnb._internal.redaction import Secret
from lpnb.errors import ReceiverError
from lpnb.models.webhook_events import events_of
from lpnb.webhooks.signature import ALGORITHMS, signature_form, verify_signature
from lpnb.webhooks.store import EventStore

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

#: Seconds in which a body must have come, and those in which it must be on the disk. LivePerson waits five
#: in all, and may disable an app that takes more than 2.5 for two minutes.
BODY_SECONDS = 2.0
STORE_SECONDS = 2.0
#: Bytes of the largest body. Documented ones are far smaller: a text has 5,000 characters at most.
MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Counts:
    """How many webhooks came, and what became of them.

    ``taken`` were new and ``replays`` told nothing new; both were answered 200, because what is not is sent
    again. The rest was refused: ``bad_signature`` (401), ``foreign_account`` (403: another account, or
    another app installation), ``giant_body`` (413), ``not_json`` (400: no JSON object), ``not_webhook`` (404
    and 405: another path or method), ``cut_off`` (the body did not come whole or in time) and ``not_kept``
    (503: the disk did not take it). ``events`` counts what was stored, ``forgotten`` what had to go for it.
    """

    taken: int = 0
    replays: int = 0
    bad_signature: int = 0
    foreign_account: int = 0
    giant_body: int = 0
    not_json: int = 0
    not_webhook: int = 0
    cut_off: int = 0
    not_kept: int = 0
    events: int = 0
    forgotten: int = 0

    @property
    def refused(self) -> int:
        """How many were refused, for whatever reason."""
        return sum(self.refusals.values())

    @property
    def refusals(self) -> dict[str, int]:
        """Why some were refused, and how many each; empty when none was."""
        return {name: number for name in _REFUSALS if (number := getattr(self, name))}


_REFUSALS = tuple(
    name for name in Counts.__slots__ if name not in ("taken", "replays", "events", "forgotten")
)


class _RefusedError(Exception):
    """Why a request is refused: the name of the count, the status, and a sentence for whoever sent it."""

    def __init__(self, count: str, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.count, self.status = count, status


class WebhookEndpoint:
    """The endpoint as an ASGI application."""

    def __init__(
        self,
        *,
        path: str,
        secret: Secret,
        account_id: str,
        client_id: str,
        store: EventStore,
        largest: int = MAX_BODY_BYTES,
        algorithms: Sequence[str] = ALGORITHMS,
    ) -> None:
        self._path = path
        self._secret = secret
        self._account_id = account_id
        self._client_id = client_id
        self._store = store
        self._largest = largest
        self._algorithms = tuple(algorithms)
        self.signature_form: str | None = None
        self._lock = threading.Lock()
        self._numbers = dict.fromkeys(Counts.__slots__, 0)

    @property
    def counts(self) -> Counts:
        """How it went so far."""
        with self._lock:
            return Counts(**{**self._numbers, "forgotten": self._store.forgotten})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            new_count = await self._receive(request)
        except _RefusedError as refusal:
            self._count(refusal.count)
            # What is left of the body is not waited for.
            answer = PlainTextResponse(f"{refusal}\n", refusal.status, {"Connection": "close"})
        except ClientDisconnect:
            self._count("cut_off")
            return
        else:
            self._count("taken" if new_count else "replays", new_count)
            answer = PlainTextResponse("", 200)
        await answer(scope, receive, send)

    async def _receive(self, request: Request) -> int:
        """Check and keep one webhook; return how many events in it were new."""
        if request.url.path != self._path:
            raise _RefusedError("not_webhook", 404, "Webhooks are not received on this path.")
        if request.method != "POST":
            raise _RefusedError("not_webhook", 405, "Webhooks come by POST.")
        body = await self._body(request)
        for name, expected_id in (("account", self._account_id), ("client", self._client_id)):
            sent_id = request.headers.get(f"x-liveperson-{name}-id", "")
            if not hmac.compare_digest(sent_id.encode("utf-8", "replace"), expected_id.encode("utf-8")):
                raise _RefusedError("foreign_account", 403, f"This receiver is for another {name} id.")
        header = request.headers.get("x-liveperson-signature", "")
        if not verify_signature(body, header, self._secret, self._algorithms):
            raise _RefusedError("bad_signature", 401, "The signature does not fit the body.")
        self.signature_form = signature_form(header)
        received_at = datetime.now(UTC)
        try:
            body_value = read_json(body)
        except (JsonError, RecursionError) as error:
            raise _RefusedError("not_json", 400, f"The body is not JSON: {error}.") from None
        if not isinstance(body_value, dict):
            raise _RefusedError("not_json", 400, "The body must be a JSON object.")
        try:
            async with asyncio.timeout(STORE_SECONDS):
                return await asyncio.wrap_future(self._store.keep(events_of(body_value, received_at)))
        except TimeoutError:
            raise _RefusedError("not_kept", 503, "The disk is too slow. Send it again later.") from None
        except ReceiverError:
            raise _RefusedError("not_kept", 503, "It could not be kept. Send it again later.") from None

    async def _body(self, request: Request) -> bytes:
        """The body, refused as soon as it is known to be too long."""
        giant = _RefusedError("giant_body", 413, f"A body may have {self._largest:,} bytes.")
        length = request.headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length[:20]) > self._largest:
            raise giant
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in request.stream():
                    body += part
                    if len(body) > self._largest:
                        raise giant
        except TimeoutError:
            raise _RefusedError("cut_off", 408, "The body did not come in time.") from None
        return bytes(body)

    def _count(self, name: str, events: int = 0) -> None:
        with self._lock:
            self._numbers[name] += 1
            self._numbers["events"] += events
