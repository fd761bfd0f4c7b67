"""A running receiver, and whoever posts to it: signed as LivePerson does, or not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from lpnb import Receiver, Settings
from lpnb.webhooks import endpoint

ACCOUNT, CLIENT, SECRET = "12345678", "my-installation", "my-secret"


def signed(body: bytes, secret: str = SECRET, algorithm: str = "sha1") -> str:
    """Written from the reference: the algorithm's name, and Base64 of the HMAC over the bytes."""
    digest = hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).digest()
    return f"{algorithm}={base64.b64encode(digest).decode()}"


def message(conversation_id: str, sequence: int, text: str = "hello", **changes: Any) -> dict[str, Any]:
    """A text of an agent, as a webhook tells it."""
    change = {
        "sequence": sequence,
        "originatorId": "agent-1",
        "originatorMetadata": {"id": "agent-1", "role": "ASSIGNED_AGENT"},
        "serverTimestamp": 1_700_000_000_000 + 1000 * sequence,
        "event": {"type": "ContentEvent", "message": text, "contentType": "text/plain"},
        "conversationId": conversation_id,
        "dialogId": conversation_id,
        "messageAudience": "ALL",
    }
    return change | changes


def state(conversation_id: str, skill_id: str, at: int, **details: Any) -> dict[str, Any]:
    """A conversation's full state, as a webhook tells it."""
    told = {"skillId": skill_id, "state": "OPEN", "stage": "OPEN", "metaDataLastUpdateTs": at} | details
    return {
        "type": "UPSERT",
        "result": {"convId": conversation_id, "effectiveTTR": -1, "conversationDetails": told},
    }


def notification(*changes: Any, kind: str = "ms.MessagingEventNotification") -> bytes:
    return json.dumps({"kind": "notification", "body": {"changes": list(changes)}, "type": kind}).encode()


class Poster:
    """Posts webhooks to a receiver, whichever is asked for."""

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.http = httpx.Client(trust_env=False, timeout=10)

    def post(self, body: bytes, **headers: str | None) -> int:
        """Post *body*, signed unless *headers* say otherwise (None leaves one out); return the status."""
        sent = {
            "content-type": "application/json",
            "x-liveperson-account-id": ACCOUNT,
            "x-liveperson-client-id": CLIENT,
            "x-liveperson-signature": signed(body),
        } | {f"x-liveperson-{name.replace('_', '-')}": value for name, value in headers.items()}
        given = {name: value.encode("latin-1") for name, value in sent.items() if value is not None}
        return self.http.post(self.receiver.url, content=body, headers=given).status_code

    def say(self, *changes: Any) -> int:
        return self.post(notification(*changes))

    def tell(self, *states: Any) -> int:
        return self.post(notification(*states, kind="cqm.ExConversationChangeNotification"))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that runs many tests at once may be slow, and no test here is about how fast it is."""
    monkeypatch.setattr(endpoint, "BODY_SECONDS", 30.0)
    monkeypatch.setattr(endpoint, "STORE_SECONDS", 30.0)


@pytest.fixture
def account() -> Settings:
    """The account whose webhooks are received."""
    return Settings(ACCOUNT, CLIENT, SECRET)


@pytest.fixture
def receiver(account: Settings) -> Iterator[Receiver]:
    """A running receiver."""
    with Receiver(account) as running:
        yield running


@pytest.fixture
def poster(receiver: Receiver) -> Iterator[Poster]:
    """Whoever posts to it."""
    made = Poster(receiver)
    yield made
    made.http.close()


class Wire:
    """What tests make webhooks of."""

    signed = staticmethod(signed)
    message = staticmethod(message)
    state = staticmethod(state)
    notification = staticmethod(notification)
    poster = Poster


@pytest.fixture
def wire() -> type[Wire]:
    """Bodies, signatures, and a poster for receivers that a test makes."""
    return Wire
