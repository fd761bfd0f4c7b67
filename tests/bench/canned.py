"""A service that costs next to nothing, for measuring those who call it: run it with ``--help``.

It plays the Domain API, Sentinel, IDP and CONVERSATION in one asyncio protocol, answers each request at once
or after a delay, and may keep a token bucket. It prints its port, and on SIGTERM one line of JSON: how many
requests it answered, when, and how many it refused.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import json
import os
import re
import signal
import time
from typing import ClassVar

ACCOUNT = "12345678"
IDS = re.compile(rb'"id": ?"([^"]{1,64})"')
LENGTH = re.compile(rb"\r\ncontent-length: ?(\d+)", re.IGNORECASE)
SERVICES = ("asyncMessagingEnt", "sentinel", "idp")


def jwt(**claims: object) -> str:
    """A token as long as the real ones are; nobody looks at its signature."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{body}.{'c2lnbmF0dXJl' * 15}"


def reply(status: int, body: bytes) -> bytes:
    """The bytes of an answer."""
    head = b"HTTP/1.1 %d Said\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


class Canned(asyncio.Protocol):
    """One connection."""

    served: ClassVar[list[float]] = []
    refused = 0
    numbers = itertools.count(1)
    tokens = at = 0.0

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def data_received(self, data: bytes) -> None:
        self.received += data
        while (end := self.received.find(b"\r\n\r\n")) >= 0:
            head = self.received[:end]
            found = LENGTH.search(head)
            past = end + 4 + (int(found[1]) if found else 0)
            if len(self.received) < past:
                return
            body, self.received = self.received[end + 4 : past], self.received[past:]
            self.answer(head.split(b" ", 2)[1], body)

    def answer(self, target: bytes, body: bytes) -> None:
        if b"/messaging/consumer/conversation" not in target:
            self.transport.write(self.chain(target))
            return
        if self.options.limit and not self.admitted():
            Canned.refused += 1
            self.write(reply(429, b""))
            return
        Canned.served.append(time.monotonic())
        ids = IDS.findall(body)
        number = next(self.numbers)
        self.write(
            reply(
                200,
                b'[{"code":"OK","body":{"msg":"OK User Profile set successfully"},"reqId":"%b"},'
                b'{"code":"OK","body":{"conversationId":"8f14e45f-ceea-467f-a0e6-%012d"},"reqId":"%b"}]'
                % (ids[0], number, ids[1]),
            )
        )

    def write(self, answer: bytes) -> None:
        if not self.options.delay:
            self.transport.write(answer)
            return
        loop = asyncio.get_running_loop()
        loop.call_later(self.options.delay / 1000, self.transport.write, answer)

    def admitted(self) -> bool:
        now = time.monotonic()
        limit, burst = self.options.limit, self.options.burst
        # At the first request the bucket is full.
        Canned.tokens = min(burst, Canned.tokens + (now - Canned.at) * limit) if Canned.at else burst
        Canned.at = now
        if Canned.tokens < 1:
            return False
        Canned.tokens -= 1
        return True

    def chain(self, target: bytes) -> bytes:
        """What leads to CONVERSATION; never delayed."""
        if b"baseURI.json" in target:
            host = f"127.0.0.1:{self.port}"
            rows = [{"service": name, "account": ACCOUNT, "baseURI": host} for name in SERVICES]
            return reply(200, json.dumps({"baseURIs": rows}).encode())
        if b"/app/token" in target:
            token = jwt(aud=ACCOUNT, iss="canned", exp=int(time.time()) + 36_000)
            return reply(200, json.dumps({"access_token": token, "token_type": "Bearer"}).encode())
        return reply(201, json.dumps({"token": jwt(account_id=ACCOUNT, lp_consumer_id="c" * 48)}).encode())


async def serve(options: argparse.Namespace) -> None:
    """Answer until told to stop."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    server = await loop.create_server(lambda: Canned(options), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await ended.wait()
    print(json.dumps({"served": Canned.served, "refused": Canned.refused}), flush=True)


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0, help="milliseconds before CONVERSATION answers")
    parser.add_argument("--limit", type=float, default=0.0, help="CONVERSATION calls a second, or 0")
    parser.add_argument("--burst", type=float, default=50.0, help="how many of them at once")
    parser.add_argument("--core", type=int, help="the processor to run on")
    options = parser.parse_args()
    if options.core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {options.core})
    asyncio.run(serve(options))


if __name__ == "__main__":
    main()
