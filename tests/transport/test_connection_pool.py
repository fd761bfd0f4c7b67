"""Connections one by one: which are used again, which are ended, and what proves that nothing left."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable

import pytest
import trustme

from lpnb.transport import connection_pool
from lpnb.transport.http_transport import HttpTransport
from lpnb.transport.network import Network
from lpnb.transport.protocol import Exchange, ExchangeProgress, Request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


LOOPS = {"asyncio": asyncio.new_event_loop}
with contextlib.suppress(ImportError):  # Windows has none
    import uvloop

    LOOPS["uvloop"] = uvloop.new_event_loop


@pytest.fixture(autouse=True, params=LOOPS)
def loop_kind(request):
    """Whose event loop it is: they differ in how they write, end and close."""
    run.loop_factory = LOOPS[request.param]


def run(work):
    with asyncio.Runner(loop_factory=run.loop_factory) as runner:
        return runner.run(work)


class Server:
    """Hands each connection to *serve*, and counts."""

    def __init__(self, serve: Callable) -> None:
        self.serve = serve
        self.connections = 0
        self.ended = 0
        self.change = asyncio.Event()
        self.base = ""

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self.serve(self, reader, writer)
        self.ended += 1
        self.change.set()
        writer.close()

    async def until(self, true: Callable[[], bool]) -> None:
        """Return once *true* is; bounded."""
        async with asyncio.timeout(20):
            while not true():  # noqa: ASYNC110 - what is waited for happens in the loop's own callbacks
                await asyncio.sleep(0.002)


@contextlib.asynccontextmanager
async def serving(serve: Callable, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None):
    server = Server(serve)
    listening = await asyncio.start_server(server.run, host, 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    server.base = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
    try:
        yield server
    finally:
        listening.close()
        await server.until(lambda: server.ended == server.connections)


@contextlib.asynccontextmanager
async def transport(**options) -> AsyncIterator[HttpTransport]:
    made = HttpTransport(kind="sockets", **{"deadline": 30.0, **options})
    try:
        yield made
    finally:
        await made.aclose()


async def request_of(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = [int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return head + await reader.readexactly(length[0] if length else 0)


async def always_ok(server, reader, writer):
    while True:
        await request_of(reader)
        writer.write(OK)


def saying(*replies: bytes) -> Callable:
    """One reply after the other on each connection; then it is kept open in silence."""

    async def serve(server, reader, writer):
        for reply in replies:
            await request_of(reader)
            writer.write(reply)
        await reader.read()

    return serve


def saying_and_closing(reply: bytes) -> Callable:
    async def serve(server, reader, writer):
        await request_of(reader)
        writer.write(reply)

    return serve


async def ask(
    over: HttpTransport, base: str, method: str = "POST", probe: ExchangeProgress | None = None, **more
):
    return await over.exchange(Request(method, f"{base}/", **more), probe or ExchangeProgress())


def said(exchange: Exchange) -> tuple[int | None, bytes, str | None]:
    return exchange.status, exchange.content, exchange.failure


# Used again, or not


def test_no_more_connections_than_the_limit_are_opened_and_everybody_is_served(monkeypatch):
    monkeypatch.setattr(connection_pool, "MAX_CONNECTIONS", 3)

    async def main():
        async with serving(always_ok) as server, transport() as over:
            found = await asyncio.gather(*(ask(over, server.base) for _ in range(40)))
            return server.connections, {said(exchange) for exchange in found}

    assert run(main()) == (3, {(200, b"ok", None)})


def test_who_waits_longest_is_served_first(monkeypatch):
    monkeypatch.setattr(connection_pool, "MAX_CONNECTIONS", 1)
    order = []

    async def numbered(over, base, number):
        await ask(over, base)
        order.append(number)

    async def main():
        async with serving(always_ok) as server, transport() as over:
            await asyncio.gather(*(numbered(over, server.base, number) for number in range(10)))

    run(main())
    assert order == list(range(10))


def test_who_gives_up_waiting_passes_the_connection_on(monkeypatch):
    monkeypatch.setattr(connection_pool, "MAX_CONNECTIONS", 1)

    async def main():
        async with serving(always_ok) as server, transport() as over:
            tasks = [asyncio.create_task(ask(over, server.base)) for _ in range(30)]
            await asyncio.sleep(0)
            for task in tasks[1::2]:
                task.cancel()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            last = await ask(over, server.base)
            return [type(one).__name__ for one in found], said(last)

    names, last = run(main())
    assert names == ["Exchange", "CancelledError"] * 15
    assert last == (200, b"ok", None)


def test_a_connection_given_to_one_who_gives_up_in_the_same_moment_goes_to_the_next(monkeypatch):
    monkeypatch.setattr(connection_pool, "MAX_CONNECTIONS", 1)
    tasks: list[asyncio.Task] = []
    real = connection_pool.Pool._pass_on

    def and_gone(pool, given):
        real(pool, given)
        tasks[1].cancel()

    async def main():
        gate = asyncio.Event()

        async def once_told(server, reader, writer):
            await gate.wait()
            await always_ok(server, reader, writer)

        async with serving(once_told) as server, transport() as over:
            tasks.extend(asyncio.create_task(ask(over, server.base)) for _ in range(3))
            await server.until(lambda: server.connections == 1)
            monkeypatch.setattr(connection_pool.Pool, "_pass_on", and_gone)
            gate.set()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            return [type(one).__name__ for one in found], [said(found[0]), said(found[2])]

    names, both = run(main())
    assert names == ["Exchange", "CancelledError", "Exchange"]
    assert both == [(200, b"ok", None)] * 2


def test_a_failed_connection_gives_its_slot_back(monkeypatch, refused_port):
    monkeypatch.setattr(connection_pool, "MAX_CONNECTIONS", 1)

    async def main():
        async with transport() as over:
            found = [await ask(over, f"http://127.0.0.1:{refused_port}") for _ in range(3)]
            return [(exchange.failure, exchange.started) for exchange in found]

    refused = f"could not connect to 127.0.0.1:{refused_port} (connection refused)"
    assert run(main()) == [(refused, False)] * 3


def test_the_idle_connection_used_last_is_used_first():
    async def numbered(server, reader, writer):
        number = server.connections
        while True:
            await request_of(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)

    async def main():
        async with serving(numbered) as server, transport() as over:
            both = await asyncio.gather(ask(over, server.base), ask(over, server.base))
            after = [await ask(over, server.base) for _ in range(3)]
            return {exchange.content for exchange in both}, {exchange.content for exchange in after}

    both, after = run(main())
    assert both == {b"1", b"2"}
    assert len(after) == 1


def test_an_idle_connection_is_ended_after_its_time(monkeypatch):
    monkeypatch.setattr(connection_pool, "MAX_IDLE", 0.05)

    async def main():
        async with serving(always_ok) as server, transport() as over:
            await ask(over, server.base)
            await server.until(lambda: server.ended == 1)
            return said(await ask(over, server.base)), server.connections

    assert run(main()) == ((200, b"ok", None), 2)


def test_a_connection_that_the_server_closed_while_idle_is_not_used():
    async def main():
        async with serving(saying_and_closing(OK)) as server, transport() as over:
            found = []
            for number in range(1, 4):
                found.append(said(await ask(over, server.base)))
                await server.until(lambda number=number: server.ended == number)
            return found, server.connections

    assert run(main()) == ([(200, b"ok", None)] * 3, 3)


def test_an_end_that_the_loop_has_not_seen_yet_is_seen_before_the_connection_is_used():
    """The server closes while this loop is busy; asking the socket itself is what tells."""
    listening = socket.create_server(("127.0.0.1", 0))

    async def main():
        base = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with transport() as over:
            asking = asyncio.create_task(ask(over, base))
            await asyncio.sleep(0)
            first, _ = await asyncio.to_thread(listening.accept)
            await asyncio.to_thread(first.recv, 65536)
            first.sendall(OK)
            found = [said(await asking)]
            first.close()  # and not one round of the loop in between
            asking = asyncio.create_task(ask(over, base))
            second, _ = await asyncio.to_thread(listening.accept)
            with second:
                await asyncio.to_thread(second.recv, 65536)
                second.sendall(OK)
                return [*found, said(await asking)]

    with listening:
        listening.settimeout(5)
        assert run(main()) == [(200, b"ok", None)] * 2


@pytest.mark.parametrize(
    "reply",
    [
        OK + OK,
        OK + b"HTTP/1.1 2",
        OK + b"garbage",
        OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        OK.replace(b"1.1", b"1.0"),
        b"HTTP/1.1 101 Switching\r\n\r\n",
    ],
    ids=[
        "answered twice",
        "half a second answer",
        "garbage after it",
        "it says so",
        "HTTP/1.0",
        "another protocol",
    ],
)
def test_a_connection_is_not_used_again_after_such_an_answer(reply):
    async def main():
        async with serving(saying(reply, reply)) as server, transport() as over:
            found = [await ask(over, server.base), await ask(over, server.base)]
            await server.until(lambda: server.ended == 2)
            return {exchange.failure for exchange in found}, server.connections

    assert run(main()) == ({None}, 2)


def test_a_second_answer_that_comes_later_ends_the_connection():
    async def late(server, reader, writer):
        await request_of(reader)
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(OK.replace(b"ok", b"no"))
        await reader.read()

    async def main():
        async with serving(late) as server, transport() as over:
            first = await ask(over, server.base)
            await server.until(lambda: server.ended == 1)
            return first.content, (await ask(over, server.base)).content, server.connections

    assert run(main()) == (b"ok", b"ok", 2)


def test_an_answer_that_comes_before_the_request_has_left_is_taken_and_its_connection_ended():
    async def hasty(server, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too much\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    async def main():
        async with serving(hasty) as server, transport() as over:
            found = [said(await ask(over, server.base, content=b"x" * 50_000_000)) for _ in range(2)]
            await server.until(lambda: server.ended == 2)
            return found

    assert run(main()) == [(413, b"", None)] * 2


def test_a_request_that_asks_for_its_own_connection_gets_one_and_it_is_ended():
    async def main():
        async with serving(always_ok) as server, transport() as over:
            await ask(over, server.base)
            for _ in range(2):
                await ask(over, server.base, headers={"Connection": "close"})
            await server.until(lambda: server.ended == 2)
            await ask(over, server.base)
            return server.connections

    assert run(main()) == 3


# What counts as an answer


@pytest.mark.parametrize(
    ("method", "reply", "status", "content"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", 200, b""),
        ("GET", b"HTTP/1.1 204 None\r\n\r\n", 204, b""),
        ("GET", b"HTTP/1.1 304 Same\r\nContent-Length: 99\r\n\r\n", 304, b""),
        ("GET", b"HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 103 Hint\r\nDate: x\r\n\r\n" + OK, 200, b"ok"),
        ("GET", b"HTTP/1.1 101 Switching\r\n\r\nanything", 101, b""),
        (
            "GET",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\no\r\n1\r\nk\r\n0\r\nT: x\r\n\r\n",
            200,
            b"ok",
        ),
    ],
    ids=["HEAD", "204", "304", "interim", "101", "chunks and trailers"],
)
def test_an_answer_ends_where_http_says(method, reply, status, content):
    async def main():
        async with serving(saying(reply)) as server, transport() as over:
            return said(await ask(over, server.base, method))

    assert run(main()) == (status, content, None)


@pytest.mark.parametrize(
    ("reply", "status", "content", "failure"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", 200, b"to the end", None),
        (b"HTTP/1.0 200 OK\r\n\r\n", 200, b"", None),
        (b"", None, b"", "the connection was closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nConte", None, b"", "the connection was closed without an answer"),
        (b"HTTP/1.1 100 Go\r\n\r\n", None, b"", "the connection was closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", 200, b"ok", "the answer broke off"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
            200,
            b"ok",
            "the answer broke off",
        ),
    ],
    ids=["no length", "no length, empty", "nothing", "half a head", "interim only", "short", "no last chunk"],
)
def test_an_end_is_an_answer_only_where_no_length_was_promised(reply, status, content, failure):
    async def main():
        async with serving(saying_and_closing(reply)) as server, transport() as over:
            return said(await ask(over, server.base))

    assert run(main()) == (status, content, failure)


def test_headers_that_matter_are_told_and_those_of_an_interim_reply_are_not():
    reply = (
        b"HTTP/1.1 103 Hint\r\nRetry-After: 99\r\nLocation: http://x.example/\r\n\r\n"
        b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\nDATE: today\r\nContent-Length: 0\r\n\r\n"
    )

    async def main():
        async with serving(saying(reply)) as server, transport() as over:
            return await ask(over, server.base)

    found = run(main())
    assert (found.status, found.retry_after, found.date, found.location) == (429, 7.0, "today", None)


def endless(start: bytes, again: bytes) -> Callable:
    async def serve(server, reader, writer):
        await request_of(reader)
        writer.write(start)
        for _ in range(2000):
            writer.write(again)
            await writer.drain()

    return serve


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 100_000),
        (b"HTTP/1.1 200 ", b"y" * 100_000),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000),
        (b"", b"HTTP/1.1 103 Hint\r\nX: y\r\n\r\n" * 1_000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 10_000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", b"y" * 100_000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"y" * 100_000),
    ],
    ids=["header", "reason", "headers", "interim", "trailers", "trailer", "chunk extension"],
)
def test_what_never_ends_is_given_up(start, again):
    async def main():
        async with serving(endless(start, again)) as server, transport() as over:
            found = await ask(over, server.base)
            await server.until(lambda: server.ended == 1)
            return found.failure, found.started

    assert run(main()) == ("the answer is not proper HTTP", True)


# Given up


def test_a_cancelled_call_ends_its_connection_and_keeps_what_had_come():
    async def main():
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
        async with serving(saying(half)) as server, transport() as over:
            probe = ExchangeProgress()
            task = asyncio.create_task(ask(over, server.base, probe=probe))
            await server.until(lambda: bytes(probe.content) == b"half")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await server.until(lambda: server.ended == 1)
            return probe.started, probe.status, bytes(probe.content)

    assert run(main()) == (True, 200, b"half")


def test_a_deadline_ends_the_connection():
    async def main():
        async with serving(saying(b"")) as server, transport(deadline=0.2) as over:
            found = await ask(over, server.base)
            await server.until(lambda: server.ended == 1)
            return found.failure, found.started

    assert run(main()) == ("no complete answer came within 0.2 s", True)


def test_a_deadline_while_queueing_proves_that_nothing_left(monkeypatch):
    monkeypatch.setattr(connection_pool, "MAX_CONNECTIONS", 1)

    async def main():
        async with serving(saying(b"")) as server, transport(deadline=0.3) as over:
            first = asyncio.create_task(ask(over, server.base))
            await server.until(lambda: server.connections == 1)
            over.deadline = 0.1
            found = await ask(over, server.base)
            await first
            return found.failure, found.started

    assert run(main()) == ("no connection could be made within 0.1 s", False)


def test_closing_ends_those_under_way_and_those_who_wait(monkeypatch):
    monkeypatch.setattr(connection_pool, "MAX_CONNECTIONS", 1)

    async def main():
        async with serving(saying(b"")) as server, transport() as over:
            tasks = [asyncio.create_task(ask(over, server.base)) for _ in range(2)]
            await server.until(lambda: server.connections == 1 and over._backends)
            await asyncio.sleep(0.02)
            await over.aclose()
            return [(exchange.started, exchange.status) for exchange in await asyncio.gather(*tasks)]

    assert run(main()) == [(True, None), (False, None)]


def test_a_call_that_still_connects_when_the_client_is_closed_ends_at_its_deadline(monkeypatch):
    async def main():
        async def never(*_, **__):
            await asyncio.Event().wait()

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
        async with transport(deadline=0.1) as over:
            task = asyncio.create_task(ask(over, "http://nowhere.example"))
            await asyncio.sleep(0.02)
            await over.aclose()
            found = await asyncio.wait_for(task, 3)
            return found.failure, found.started

    assert run(main()) == ("no connection could be made within 0.1 s", False)


# Nothing left


def test_a_name_that_does_not_exist_proves_that_nothing_left(monkeypatch):
    async def main():
        async def nowhere(*_, **__):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", nowhere)
        async with transport() as over:
            found = await ask(over, "http://nowhere.example")
            return found.failure, found.started

    assert run(main()) == (
        "the host nowhere.example has no address: the name cannot be resolved",
        False,
    )


def test_a_line_break_in_a_header_is_never_written():
    async def main():
        async with serving(always_ok) as server, transport() as over:
            found = await ask(over, server.base, headers={"X-A": "b\r\nX-C: d"})
            return found.failure, found.started, server.connections

    assert run(main()) == ("a header of the request holds a line break", False, 0)


def found_at(monkeypatch, name: str, *addresses: tuple[str, int]) -> None:
    """Have *name* stand for *addresses* on the loop that runs; uvloop looks those up once more."""
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def looked_up(host, *rest, **more):
        if host != name:
            return await real(host, *rest, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

    monkeypatch.setattr(loop, "getaddrinfo", looked_up)


def test_the_next_address_is_tried_when_the_first_refuses(monkeypatch):
    async def main():
        async with serving(always_ok) as server, transport() as over:
            port = int(server.base.rsplit(":", 1)[1])

            found_at(monkeypatch, "two.example", ("127.0.0.2", port), ("127.0.0.1", port))
            return said(await ask(over, f"http://two.example:{port}"))

    assert run(main()) == (200, b"ok", None)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a full queue refuses")
def test_the_next_address_is_tried_beside_one_that_says_nothing(monkeypatch):
    async def main():
        async with serving(always_ok) as server, transport() as over:
            port = int(server.base.rsplit(":", 1)[1])
            with contextlib.ExitStack() as stack:
                silent = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
                for _ in range(3):  # its queue is full, and it takes nobody out
                    waiting = stack.enter_context(socket.socket())
                    waiting.setblocking(False)
                    waiting.connect_ex(silent.getsockname())
                found_at(monkeypatch, "two.example", silent.getsockname(), ("127.0.0.1", port))
                return said(await ask(over, f"http://two.example:{port}"))

    assert run(main()) == (200, b"ok", None)


def test_several_addresses_that_all_refuse_are_told_as_refused(monkeypatch, refused_port):
    async def main():
        found_at(monkeypatch, "two.example", ("127.0.0.2", refused_port), ("127.0.0.1", refused_port))
        async with transport() as over:
            return (await ask(over, "http://two.example")).failure

    assert run(main()) == "could not connect to two.example (connection refused)"


def ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_is_spoken_to():
    async def main():
        async with serving(always_ok, "::1") as server, transport() as over:
            return said(await ask(over, server.base))

    assert run(main()) == (200, b"ok", None)


# TLS


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


def server_tls(ca: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(name).configure_cert(context)
    return context


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


def test_a_trusted_certificate_is_spoken_to_and_its_connection_kept(ca, monkeypatch):
    monkeypatch.setattr(Network, "tls_context", lambda self: trusting(ca))

    async def main():
        tls = server_tls(ca, "127.0.0.1")
        async with serving(always_ok, tls=tls) as server, transport() as over:
            return [said(await ask(over, server.base)) for _ in range(3)], server.connections

    assert run(main()) == ([(200, b"ok", None)] * 3, 1)


@pytest.mark.parametrize("why", ["unknown issuer", "another name"])
def test_a_certificate_that_is_not_trusted_is_sent_nothing(ca, monkeypatch, why):
    if why == "another name":
        monkeypatch.setattr(Network, "tls_context", lambda self: trusting(ca))
    asked = []

    async def noting(server, reader, writer):
        asked.append(await reader.read(1))

    async def main():
        tls = server_tls(ca, "127.0.0.1" if why == "unknown issuer" else "other.example")
        async with serving(noting, tls=tls) as server, transport() as over:
            found = await ask(over, server.base)
            return found.failure, found.started, server.base[8:]

    failure, started, host = run(main())
    reason = "it is for another name" if why == "another name" else "unable to get local issuer certificate"
    assert (failure, started, asked) == (f"the certificate of {host} is not trusted: {reason}", False, [])


def test_a_server_that_speaks_no_tls_is_sent_no_request():
    came = []

    async def plain(server, reader, writer):
        came.append(await reader.read(65536))
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")

    async def main():
        async with serving(plain) as server, transport() as over:
            found = await ask(over, server.base.replace("http", "https"), headers={"X": "canary"})
            return found.failure, found.started

    failure, started = run(main())
    assert failure is not None
    assert failure.startswith("could not connect to 127.0.0.1:")
    assert started is False
    assert b"canary" not in b"".join(came)


def test_a_cut_in_the_middle_of_a_tls_answer_is_told(ca, monkeypatch):
    monkeypatch.setattr(Network, "tls_context", lambda self: trusting(ca))

    async def cut(server, reader, writer):
        await request_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
        await writer.drain()

    async def main():
        tls = server_tls(ca, "127.0.0.1")
        async with serving(cut, tls=tls) as server, transport() as over:
            return said(await ask(over, server.base))

    assert run(main()) == (200, b"half", "the answer broke off")


def test_a_kind_of_connections_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"^kind must be 'sockets' or 'httpx'; got 'curl'$"):
        HttpTransport(kind="curl")
