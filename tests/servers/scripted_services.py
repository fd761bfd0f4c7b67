"""Either client behind one face, and servers that say whatever a test wants them to."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from lpnb import AsyncClient, BatchResponse, Client, Sandbox, Settings
from lpnb.transport.http_transport import HttpTransport

ACCOUNT = "12345678"
SERVICES = ("asyncMessagingEnt", "sentinel", "idp")
# Shaped like the real ones, so that what looks for tokens finds them.
APP_JWT = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiIxMjM0NTY3OCJ9.QXBwSldULWNhbmFyeQ"
CONSUMER_JWS = "eyJhbGciOiJSUzI1NiJ9.eyJhY2NvdW50X2lkIjoiMTIzNDU2NzgifQ.SldTLWNhbmFyeQ"


class Door:
    """``Client`` or ``AsyncClient``, called the same way."""

    def __init__(self, kind: type, settings: Settings, **options: Any) -> None:
        self.client = kind(settings, **options)
        self._runner = asyncio.Runner() if kind is AsyncClient else None

    def create_conversation(self, *args: Any, **fields: Any) -> BatchResponse:
        return self._run(self.client.create_conversation(*args, **fields))

    def send_batch(self, *args: Any) -> BatchResponse:
        return self._run(self.client.send_batch(*args))

    def call(self, name: str, *args: Any, **fields: Any) -> Any:
        """What the client's method of that name returns."""
        return self._run(getattr(self.client, name)(*args, **fields))

    def send_frame(self, *args: Any) -> BatchResponse:
        return self.call("send_frame", *args)

    @property
    def unknown(self) -> tuple[BatchResponse, ...]:
        return self.client.unknown

    def close(self) -> None:
        try:
            self._run(self.client.close())
        finally:
            if self._runner:
                self._runner.close()

    def _run(self, result: Any) -> Any:
        return self._runner.run(result) if self._runner else result


@pytest.fixture(
    params=[(Client, "sockets"), (AsyncClient, "sockets"), (Client, "httpx")],
    ids=["Client", "AsyncClient", "Client over httpx"],
)
def open_client(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Door]]:
    """Makes clients that never wait between attempts; each test runs with both, and with both transports."""
    client, transport = request.param
    monkeypatch.setattr(HttpTransport, "kind", transport)
    with ExitStack() as stack:

        def make(settings: Settings, **options: Any) -> Door:
            door = Door(client, settings, **{"wait_scale": 0.0, "deadline": 10.0, **options})
            stack.callback(door.close)
            return door

        yield make


@pytest.fixture
def door(open_client: Callable[..., Door], settings: Settings) -> Door:
    """Either client, on the running sandbox."""
    return open_client(settings)


@dataclass(frozen=True)
class Asked:
    """One request as it came over the socket."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


def http(status: int, body: bytes | str | object = b"", *headers: str) -> bytes:
    """The bytes of a reply; anything but bytes and text is written as JSON."""
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
    head = [f"HTTP/1.1 {status} Said", "Content-Type: application/json", *headers]
    if not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body


class TinyServer:
    """Hands each request to *answer* and writes the bytes that come of it; None cuts the line.

    A reply with ``Connection: close`` ends its connection. Everything is bounded and joined.
    """

    def __init__(self, answer: Callable[[Asked], bytes | None]) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.netloc = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.base = f"http://{self.netloc}"
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._ended = False
        self._start(self._accept)

    def close(self) -> None:
        with self._lock:
            self._ended = True
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        with socket.socket() as waker:
            waker.settimeout(2)
            waker.connect_ex(self._socket.getsockname())
        for thread in self._threads:
            thread.join(5)
        self._socket.close()
        assert not any(thread.is_alive() for thread in self._threads)

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with self._lock:
                if self._ended:
                    connection.close()
                    return
                self.connections += 1
                self._open.append(connection)
            connection.settimeout(20)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            try:
                while (asked := _read(lines)) is not None:
                    with self._lock:
                        self.asked.append(asked)
                    reply = self._answer(asked)
                    if reply is None:
                        return
                    connection.sendall(reply)
                    if b"connection: close" in reply.split(b"\r\n\r\n")[0].lower():
                        return
            except OSError:
                return


def _read(lines: Any) -> Asked | None:
    first = lines.readline(65536).decode("latin-1").split()
    if len(first) != 3:
        return None
    headers = []
    while line := lines.readline(65536).decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
    asked = Asked(first[0], first[1], tuple(headers), b"")
    length = int(asked.header("Content-Length") or 0)
    return Asked(first[0], first[1], tuple(headers), lines.read(length))


def route_of(asked: Asked) -> str:
    path = urlsplit(asked.target).path
    if path.endswith("baseURI.json"):
        return "domain"
    if path.endswith("/app/token"):
        return "sentinel"
    return "idp" if path.endswith("/consumer") else "conversation"


@dataclass
class Cloud:
    """All four services on one socket. ``says[route]`` replaces what a service answers."""

    says: dict[str, Callable[[Asked], bytes | None]] = field(default_factory=dict)
    server: TinyServer = field(init=False)

    def __post_init__(self) -> None:
        self.server = TinyServer(lambda asked: self.says.get(route_of(asked), self.normal)(asked))

    @property
    def calls(self) -> Counter[str]:
        return Counter(route_of(asked) for asked in list(self.server.asked))

    def asked(self, route: str) -> list[Asked]:
        return [asked for asked in list(self.server.asked) if route_of(asked) == route]

    def normal(self, asked: Asked) -> bytes:
        route = route_of(asked)
        if route == "domain":
            rows = [{"service": s, "account": ACCOUNT, "baseURI": self.server.netloc} for s in SERVICES]
            return http(200, {"baseURIs": rows})
        if route == "sentinel":
            return http(200, {"access_token": APP_JWT, "token_type": "Bearer"})
        if route == "idp":
            return http(201, {"token": CONSUMER_JWS})
        frames = json.loads(asked.body)
        if isinstance(frames, dict):
            return http(200, {"code": "OK", "body": {"sequence": 0}, "reqId": frames["id"]})
        number = len(self.asked("conversation"))
        return http(
            200,
            [
                {"code": "OK", "body": {"msg": "OK User Profile set successfully"}, "reqId": frames[0]["id"]},
                {"code": "OK", "body": {"conversationId": f"conv-{number}"}, "reqId": frames[1]["id"]},
            ],
        )

    def settings(self, **changes: Any) -> Settings:
        fields = {"domain_api": self.server.base, **changes}
        return Settings(ACCOUNT, "client-id", fields.pop("client_secret", "the-client-secret"), **fields)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """The four services, made to say whatever a test wants."""
    running = Cloud()
    yield running
    running.server.close()


@pytest.fixture
def tiny_server() -> Iterator[Callable[..., TinyServer]]:
    """Makes servers that answer every request with the bytes a test made up."""
    with ExitStack() as stack:

        def make(answer: Callable[[Asked], bytes | None]) -> TinyServer:
            server = TinyServer(answer)
            stack.callback(server.close)
            return server

        yield make


@pytest.fixture
def reply() -> Callable[..., bytes]:
    """The bytes of an HTTP reply: ``reply(200, body, "Header: value")``."""
    return http


@pytest.fixture
def refused_port() -> Iterator[int]:
    """A port on loopback that nobody listens on, and that nobody else can take meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def conversation(sandbox: Sandbox) -> Callable[[], list[Any]]:
    """What the sandbox received in its only conversation."""

    def only() -> list[Any]:
        (found,) = sandbox.conversations
        return found.request

    return only
