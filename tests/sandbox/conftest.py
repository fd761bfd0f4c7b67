"""A running sandbox, and a plain connector that talks to it as the reference describes."""

import base64
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from lpnb.sandbox import Sandbox

ACCOUNT = "12345678"

# Written from sections 4 to 6 of the reference: what the services may answer.
SCHEMAS = json.loads((Path(__file__).parent / "reply_schemas.json").read_text("utf-8"))


def route_of(path: str) -> str | None:
    """Which of the schemas' services serves a path."""
    ends = {"/messaging/consumer/conversation": "conversation", "/conversation/send": "send"}
    ends |= {"/engagement": "engagement", "/report": "report"}
    return next((route for end, route in ends.items() if path.endswith(end)), None)


class Connector:
    """Domain, Sentinel, IDP, CONVERSATION with plain httpx, one method each."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(
            base_url=sandbox.base, trust_env=False, timeout=5, event_hooks={"response": [self._check_reply]}
        )

    def _check_reply(self, reply: httpx.Response) -> None:
        """Hold the reply of a service in the schemas against them, unless a fault may have altered it."""
        route = route_of(reply.request.url.path)
        if route is None or self.sandbox.fault_log or self.sandbox.faults or self.sandbox.rate_limits:
            return
        schemas = SCHEMAS[route]
        wanted = schemas.get(str(reply.status_code), schemas.get("error"))
        reply.read()
        # A wrong method or media type is refused before the service is asked.
        if wanted is not None and reply.status_code not in (405, 413, 415):
            jsonschema.Draft202012Validator({**SCHEMAS, **wanted}).validate(reply.json())

    def token_reply(self, **changes: str) -> httpx.Response:
        form = {
            "client_id": self.sandbox.client_id,
            "client_secret": self.sandbox.client_secret,
            "grant_type": "client_credentials",
        } | changes
        return self.http.post(f"/sentinel/api/account/{ACCOUNT}/app/token?v=1.0", data=form)

    def app_jwt(self) -> str:
        return str(self.token_reply().json()["access_token"])

    def consumer_reply(self, ext_consumer_id: object, app_jwt: str | None = None) -> httpx.Response:
        return self.http.post(
            f"/api/account/{ACCOUNT}/consumer?v=1.0",
            json={"ext_consumer_id": ext_consumer_id},
            headers={"Authorization": app_jwt or self.app_jwt()},
        )

    def consumer_jws(self, ext_consumer_id: str, app_jwt: str | None = None) -> str:
        return str(self.consumer_reply(ext_consumer_id, app_jwt).json()["token"])

    def headers(self, ext_consumer_id: str = "anna") -> dict[str, str]:
        app_jwt = self.app_jwt()
        return {"Authorization": app_jwt, "X-LP-ON-BEHALF": self.consumer_jws(ext_consumer_id, app_jwt)}

    def post(
        self, batch: object = None, *, headers: dict[str, str] | None = None, path: str = "", **options: Any
    ) -> httpx.Response:
        """CONVERSATION; *batch* is JSON, or bytes sent as they are."""
        content = (
            batch
            if isinstance(batch, bytes)
            else json.dumps(self.batch() if batch is None else batch).encode()
        )
        return self.http.post(
            path or self.path,
            content=content,
            headers={"Content-Type": "application/json"} | (self.headers() if headers is None else headers),
            **options,
        )

    path = f"/api/account/{ACCOUNT}/messaging/consumer/conversation?v=3"

    def open(self, ext_consumer_id: str = "anna", *, sdes: list[Any] | None = None, **body: Any) -> str:
        """Open a conversation and return its id."""
        reply = self.post(self.batch(sdes=sdes, **body), headers=self.headers(ext_consumer_id))
        return str(reply.json()[1]["body"]["conversationId"])

    def send(
        self,
        type: str,
        body: Any,
        *,
        who: str = "anna",
        headers: dict[str, str] | None = None,
        **members: Any,
    ) -> httpx.Response:
        """SEND one frame."""
        frame = {"kind": "req", "id": "1", "type": type, "body": body} | members
        return self.post(frame, headers=self.headers(who) | (headers or {}), path=self.send_path)

    def publish(self, dialog_id: str, event: Any, **options: Any) -> httpx.Response:
        """SEND an ms.PublishEvent."""
        return self.send("ms.PublishEvent", {"dialogId": dialog_id, "event": event}, **options)

    def update(self, conversation_id: str, field: Any, **options: Any) -> httpx.Response:
        """SEND a cm.UpdateConversationField."""
        body = {"conversationId": conversation_id, "conversationField": field}
        return self.send("cm.UpdateConversationField", body, **options)

    def engagement(self, body: Any = None, *, v: str = "1.1", **query: str) -> httpx.Response:
        """Ask Monitoring for an engagement."""
        path = f"/api/account/{ACCOUNT}/app/{self.sandbox.client_id}/engagement"
        return self.http.post(path, params={"v": v} | query, json={} if body is None else body)

    def report(self, body: Any, *, v: str = "1.1", **query: str) -> httpx.Response:
        """Report to Monitoring."""
        path = f"/api/account/{ACCOUNT}/app/{self.sandbox.client_id}/report"
        return self.http.put(path, params={"v": v} | query, json=body)

    send_path = f"/api/account/{ACCOUNT}/messaging/consumer/conversation/send?v=3"

    def batch(
        self, *, sdes: list[Any] | None = None, ids: tuple[Any, Any] = ("1,", "2,"), **body: Any
    ) -> list[Any]:
        profile = {} if sdes is None else {"authenticatedData": {"lp_sdes": sdes}}
        return [
            {"kind": "req", "id": ids[0], "type": "userprofile.SetUserProfile", "body": profile},
            {
                "kind": "req",
                "id": ids[1],
                "type": "cm.ConsumerRequestConversation",
                "body": {"brandId": ACCOUNT} | body,
            },
        ]


@pytest.fixture(scope="session")
def running() -> Iterator[Connector]:
    with Sandbox(seed="tests") as sandbox:
        connector = Connector(sandbox)
        yield connector
        connector.http.close()


@pytest.fixture
def connector(running: Connector) -> Connector:
    """A connector on the shared sandbox, which starts empty for every test."""
    running.sandbox.reset()
    return running


@pytest.fixture
def sandbox(connector: Connector) -> Sandbox:
    return connector.sandbox


@pytest.fixture
def connect() -> Iterator[Callable[..., Connector]]:
    """Makes a connector on a sandbox of its own, with the options given."""
    with ExitStack() as stack:

        def make(**options: Any) -> Connector:
            connector = Connector(stack.enter_context(Sandbox(**options)))
            stack.callback(connector.http.close)
            return connector

        yield make


@pytest.fixture
def claims_of() -> Callable[[str], dict[str, Any]]:
    """The claims of a token, read without a library."""

    def read(token: str, part: int = 1) -> dict[str, Any]:
        piece = token.split(".")[part]
        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(piece + "=" * (-len(piece) % 4)))
        return found

    return read


@pytest.fixture
def raw(connector: Connector) -> Callable[..., bytes]:
    """Sends bytes to the shared sandbox and returns everything that comes until it closes or is silent."""

    def exchange(
        *pieces: bytes, port: int | None = None, half_close: bool = False, seconds: float = 5
    ) -> bytes:
        address = ("127.0.0.1", port or connector.sandbox.port)
        received = b""
        with socket.create_connection(address, timeout=seconds) as sock:
            try:
                for piece in pieces:
                    sock.sendall(piece)
                if half_close:
                    sock.shutdown(socket.SHUT_WR)
                while more := sock.recv(65536):
                    received += more
            except (BrokenPipeError, ConnectionResetError):
                pass
        return received

    return exchange
