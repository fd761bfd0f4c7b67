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
from lpnb.sandbox.app.routes import SERVICE_ROUTES

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


class Operations:
    """A whole request of every operation, for each of the answers that it can have."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector
        self.sandbox = connector.sandbox

    def request(self, method: str, path: str, status: int) -> tuple[str, dict[str, Any]]:
        """URL and options for httpx, of the request that is answered with *status*."""
        where, made = self.parts(method, path, status)
        return path.format(**where), made

    def parts(self, method: str, path: str, status: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """The same with the URL's parameters in place of the URL."""
        route = next(
            served.route for served in SERVICE_ROUTES if (served.method, served.path) == (method, path)
        )
        made: dict[str, Any] = getattr(self, route)(path, status)
        if (method, route) == ("POST", "report"):
            made["headers"] = {"X-HTTP-Method-Override": "PUT"}
        where = {"account_id": ACCOUNT, "app_id": self.sandbox.client_id} | made.pop("path", {})
        return {name: str(where[name]) for name in where if f"{{{name}}}" in path}, made

    def send_it(self, method: str, path: str, status: int) -> httpx.Response:
        url, options = self.request(method, path, status)
        return self.connector.http.request(method, url, **options)

    def domain(self, _path: str, _status: int) -> dict[str, Any]:
        return {"params": {"version": "1.0"}, "path": {"service": "idp"}}

    def sentinel(self, path: str, _status: int) -> dict[str, Any]:
        form = {"client_id": self.sandbox.client_id, "client_secret": self.sandbox.client_secret}
        params = {} if "/v2/" in path else {"v": "1.0"}
        return {"params": params, "data": form | {"grant_type": "client_credentials"}}

    def jwks(self, _path: str, _status: int) -> dict[str, Any]:
        return {}

    def idp(self, _path: str, _status: int) -> dict[str, Any]:
        return {
            "json": {"ext_consumer_id": "anna"},
            "headers": {"Authorization": self.connector.app_jwt()},
        }

    def conversation(self, _path: str, _status: int) -> dict[str, Any]:
        headers = self.connector.headers("berta")
        return {"params": {"v": "3"}, "json": self.connector.batch(), "headers": headers}

    def send(self, _path: str, _status: int) -> dict[str, Any]:
        event = {"type": "ContentEvent", "contentType": "text/plain", "message": "hello"}
        body = {"dialogId": self.connector.open(), "event": event}
        frame = {"kind": "req", "id": "7", "type": "ms.PublishEvent", "body": body}
        return {"params": {"v": "3"}, "json": frame, "headers": self.connector.headers()}

    def signed(self, kind: str, body: dict[str, str]) -> dict[str, Any]:
        made = self.connector.send(f"ms.GenerateURLFor{kind}File", body).json()["body"]
        return {
            "params": made["queryParams"],
            "path": {"name": made["relativePath"].rpartition("/")[2]},
            "relative": made["relativePath"],
        }

    def upload(self, _path: str, _status: int) -> dict[str, Any]:
        made = self.signed("Upload", {"fileSize": "4", "fileType": "PNG"})
        del made["relative"]
        return made | {"content": b"\x89PNG", "headers": {"Content-Type": "application/octet-stream"}}

    def stored(self) -> dict[str, Any]:
        made = self.signed("Upload", {"fileSize": "4", "fileType": "PNG"})
        self.connector.http.put(made["relative"], params=made["params"], content=b"\x89PNG")
        return made

    def download(self, _path: str, _status: int) -> dict[str, Any]:
        made = self.signed("Download", {"relativePath": self.stored()["relative"]})
        del made["relative"]
        return made

    def engagement(self, _path: str, status: int) -> dict[str, Any]:
        known = {}
        if status == 200:
            made = self.connector.engagement().json()
            known = {"vid": made["visitorId"], "sid": made["sessionId"]}
        return {"params": {"v": "1.1"} | known, "json": {}}

    def report(self, _path: str, status: int) -> dict[str, Any]:
        made = self.engagement("", status)
        return made | {"json": {"consumerId": "anna", "engagementAttributes": []}}

    def validate(self, _path: str, _status: int) -> dict[str, Any]:
        body = {"identities": [{"iss": "https://bank.example", "acr": "loa1", "sub": "anna"}]}
        made = self.connector.engagement(body | {"entryPoints": ["sec://cards"]}).json()
        (shown,) = made["engagementDetails"]
        return {
            "params": {"sid": made["sessionId"]},
            "path": {
                "visitor_id": made["visitorId"],
                "campaign_id": shown["campaignId"],
                "engagement_id": shown["engagementId"],
                "context_id": shown["contextId"],
            },
        }

    def login(self, _path: str, _status: int) -> dict[str, Any]:
        agent = self.sandbox.world.accounts[0].agents[0]
        return {"json": {"username": agent.login, "password": agent.password}}

    def refresh(self, _path: str, _status: int) -> dict[str, Any]:
        path = f"/api/account/{ACCOUNT}/login"
        return {"json": {"csrf": self.connector.http.post(path, **self.login("", 200)).json()["csrf"]}}

    logout = refresh

    def bearer(self) -> dict[str, str]:
        path = f"/api/account/{ACCOUNT}/login"
        made = self.connector.http.post(path, **self.login("", 200)).json()["bearer"]
        return {"Authorization": f"Bearer {made}"}

    def history(self, path: str, status: int) -> dict[str, Any]:
        if status == 200:
            self.connector.open()
        now = int(self.sandbox.now * 1000) + 1000
        found = next(iter(self.sandbox.conversations), None)
        bodies = {
            "conversation": {"conversationId": found.conversation_id if found else "none"},
            "consumer": {"consumer": found.lp_consumer_id if found else "none"},
            "conversations": {"start": {"from": now - 60_000, "to": now}},
        }
        body = bodies[path.split("/")[-2]]
        return {"params": {"source": "tests"}, "json": body, "headers": self.bearer()}


@pytest.fixture
def operations(connector: Connector) -> Operations:
    return Operations(connector)


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
