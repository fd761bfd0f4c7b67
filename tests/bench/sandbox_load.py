"""How fast the sandbox answers CONVERSATION, against the same server answering a canned body.

    python tests/bench/sandbox_load.py [--rounds 7] [--requests 3000] [--connections 128] [--state]
    python tests/bench/sandbox_load.py --profile      where the sandbox's time goes
    python tests/bench/sandbox_load.py --memory 100000  memory over so many conversations

Both servers are uvicorn with the sandbox's own protocol class, each in a process of its own; the
client is a third process that writes bytes made beforehand. Rounds alternate, and ratios are taken
round by round: the machine's moods hit both alike. CPU time is the steadier of the two.
"""

import argparse
import asyncio
import cProfile
import http.client
import json
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ACCOUNT = "12345678"
PATH = f"/api/account/{ACCOUNT}/messaging/consumer/conversation?v=3"
BATCH = json.dumps(
    [
        {
            "kind": "req",
            "id": "1",
            "type": "userprofile.SetUserProfile",
            "body": {
                "authenticatedData": {
                    "lp_sdes": [
                        {"type": "ctmrinfo", "info": {"ctype": "vip", "customerId": "138766AC"}},
                        {"type": "personal", "personal": {"firstname": "John", "gender": "MALE"}},
                    ]
                }
            },
        },
        {
            "kind": "req",
            "id": "2",
            "type": "cm.ConsumerRequestConversation",
            "body": {"ttrDefName": None, "brandId": ACCOUNT, "channelType": "MESSAGING"},
        },
    ]
).encode()
CANNED = (
    b'[{"code":"OK","body":{"msg":"OK User Profile set successfully"},"reqId":"1"},'
    b'{"code":"OK","body":{"conversationId":"e6d4d0d4-0b4b-4b8e-8b5e-3f8f6a1c2d3e"},"reqId":"2"}]'
)

WANTED = b"conversationId"


def serve_sandbox(state: str | None, profile: bool) -> None:
    """A sandbox that stops when standard input ends."""
    from lpnb.sandbox import Sandbox
    from lpnb.sandbox.http.server import ServerThread

    if profile:
        run_in_thread = ServerThread.run_in_thread

        def profiled(self: ServerThread) -> None:
            profiler = cProfile.Profile()
            profiler.runcall(run_in_thread, self)
            pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(35)

        ServerThread.run_in_thread = profiled  # type: ignore[method-assign] # for this process only
    with Sandbox(state_file=state) as sandbox:
        ready = [sandbox.port, sandbox.control_token, sandbox.client_id, sandbox.client_secret]
        print(json.dumps(ready), flush=True)
        sys.stdin.read()


def serve_canned() -> None:
    """The same server and protocol; the application reads the body and answers always the same."""
    import uvicorn

    from lpnb.sandbox.http.asgi import send_answer
    from lpnb.sandbox.http.connection import guarded_protocol
    from lpnb.sandbox.http.limits import Limits
    from lpnb.sandbox.http.messages import Answer
    from lpnb.sandbox.http.server import ServerThread, listen

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send_answer(Answer(200, CANNED), send)

    config = uvicorn.Config(
        app,
        http=guarded_protocol(Limits()),
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        proxy_headers=False,
        server_header=False,
    )
    sock = listen(0)
    print(json.dumps([sock.getsockname()[1]]), flush=True)
    ServerThread(config, sock, lambda: None).run_in_thread()


class Lane(asyncio.Protocol):
    """One connection: writes the next request when the last one is answered in full."""

    def __init__(self, requests: Any, done: asyncio.Future[None], wanted: bytes) -> None:
        self.requests = requests
        self.done = done
        self.wanted = wanted
        self.received = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.next()

    def next(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.transport.close()
            self.done.set_result(None)
        else:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        received = self.received + data
        head, blank, body = received.partition(b"\r\n\r\n")
        if not blank:
            self.received = received
            return
        start = head.index(b"content-length: ") + 16
        length = int(head[start : start + 12].split(b"\r", 1)[0])
        if len(body) < length:
            self.received = received
            return
        self.received = b""
        if self.wanted not in body:
            raise SystemExit(f"an answer that was not wanted: {received!r}")
        self.next()


async def drive(port: int, requests: list[bytes], connections: int) -> float:
    """Requests a second."""
    loop = asyncio.get_running_loop()
    shared = iter(requests)
    lanes = [loop.create_future() for _ in range(connections)]
    started = time.perf_counter()
    for done in lanes:
        await loop.create_connection(
            lambda done=done: Lane(shared, done, b"conversationId"), "127.0.0.1", port
        )
    # In naps of a millisecond: a client that sleeps until the next answer must be woken for each one
    # of the slower server, which costs the server more than its work.
    while not all(done.done() for done in lanes):
        time.sleep(0.001)  # noqa: ASYNC251
        await asyncio.sleep(0)
    await asyncio.gather(*lanes)
    return len(requests) / (time.perf_counter() - started)


def request_bytes(port: int, app_jwt: str, jws: str) -> bytes:
    """One CONVERSATION request."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"Authorization: {app_jwt}\r\nX-LP-ON-BEHALF: {jws}\r\nContent-Length: {len(BATCH)}\r\n\r\n"
    )
    return head.encode() + BATCH


class Server:
    """This script in another process, serving."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, __file__, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.ready = json.loads(self.process.stdout.readline())

    def seconds(self) -> float:
        """CPU time used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End the process."""
        try:
            self.process.communicate(timeout=10 if len(self.ready) > 1 else 0.1)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


class Played(Server):
    """The sandbox's process, and what the client needs of it."""

    def __init__(self, state: str | None = None, profile: bool = False) -> None:
        super().__init__("--serve", "sandbox", "--file", state or "", *(["--profile"] if profile else []))
        self.port, self.token, self.client_id, self.client_secret = self.ready
        self.http = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def post(self, path: str, body: bytes, **headers: str) -> Any:
        """POST and read JSON."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        self.http.request("POST", path, body, names)
        return json.loads(self.http.getresponse().read())

    def app_jwt(self) -> str:
        """A fresh AppJWT."""
        form = f"client_id={self.client_id}&client_secret={self.client_secret}&grant_type=client_credentials"
        kind = "application/x-www-form-urlencoded"
        path = f"/sentinel/api/account/{ACCOUNT}/app/token?v=1.0"
        return str(self.post(path, form.encode(), Content_Type=kind)["access_token"])

    def requests(self, count: int) -> list[bytes]:
        """Requests for so many consumers."""
        app_jwt = self.app_jwt()
        found = []
        for number in range(count):
            who = json.dumps({"ext_consumer_id": f"consumer-{number}"}).encode()
            path = f"/api/account/{ACCOUNT}/consumer?v=1.0"
            jws = self.post(path, who, Content_Type="application/json", Authorization=app_jwt)["token"]
            found.append(request_bytes(self.port, app_jwt, jws))
        return found

    def reset(self) -> None:
        """Free every consumer."""
        self.post("/_lpnb/reset", b"{}", Content_Type="application/json", X_Sandbox_Token=self.token)

    def close_all(self) -> None:
        """Close every conversation by moving the clock past its life."""
        body = json.dumps({"advance": 91 * 24 * 3600}).encode()
        self.post("/_lpnb/clock", body, Content_Type="application/json", X_Sandbox_Token=self.token)

    def megabytes(self) -> float:
        """Resident memory."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def compare(options: argparse.Namespace, state: str | None) -> None:
    """Alternate rounds of both, and print the ratio."""
    played = Played(state)
    requests = played.requests(options.requests)
    canned = Server("--serve", "canned")
    (port,) = canned.ready
    rates: list[tuple[float, float]] = []
    cpu: list[tuple[float, float]] = []
    for number in range(options.rounds + 1):
        played.reset()
        before = played.seconds(), canned.seconds()
        ours = asyncio.run(drive(played.port, requests, options.connections))
        other = asyncio.run(drive(port, requests, options.connections))
        # The first round warms both up.
        if number:
            rates.append((ours, other))
            cpu.append((played.seconds() - before[0], canned.seconds() - before[1]))
    played.stop()
    canned.stop()
    ours, others = (statistics.median(column) for column in zip(*rates, strict=True))
    ratio = statistics.median(ours / other for ours, other in rates)
    where = "in a file" if state else "in memory"
    print(f"{options.connections} connections, {options.rounds} rounds of {options.requests}, state {where}")
    spent = [1e6 * statistics.median(column) / len(requests) for column in zip(*cpu, strict=True)]
    share = statistics.median(other / own for own, other in cpu)
    print(f"CPU a request: sandbox {spent[0]:.0f} us, canned {spent[1]:.0f} us, ratio {share:.2f}")
    print(f"sandbox {ours:,.0f}/s, canned {others:,.0f}/s, ratio {ratio:.2f}")


def profile(options: argparse.Namespace, state: str | None) -> None:
    """Print where the server's thread spends its time."""
    played = Played(state, profile=True)
    requests = played.requests(options.requests)
    for _ in range(options.rounds):
        played.reset()
        asyncio.run(drive(played.port, requests, options.connections))
    played.stop()


def memory(options: argparse.Namespace, state: str | None) -> None:
    """Open and close conversations, and print the resident memory along the way."""
    played = Played(state)
    step = min(2000, options.memory)
    requests = played.requests(step)
    every = max(1, options.memory // step // 10)
    for number in range(options.memory // step + 1):
        if number % every == 0:
            print(f"{number * step:>9,} conversations: {played.megabytes():6.1f} MB", flush=True)
        if number < options.memory // step:
            # An AppJWT is as old as the clock says.
            app_jwt = played.app_jwt()
            fresh = [renewed(request, app_jwt) for request in requests]
            asyncio.run(drive(played.port, fresh, options.connections))
            played.close_all()
    played.stop()


def renewed(request: bytes, app_jwt: str) -> bytes:
    """The request with another AppJWT."""
    before, name, rest = request.partition(b"Authorization: ")
    return before + name + app_jwt.encode() + b"\r\n" + rest.partition(b"\r\n")[2]


def main() -> None:
    """Run one of the three."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=3000)
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--state", action="store_true", help="keep the state in a file")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--memory", type=int, metavar="CONVERSATIONS")
    parser.add_argument("--serve", choices=["sandbox", "canned"], help=argparse.SUPPRESS)
    parser.add_argument("--file", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve == "sandbox":
        serve_sandbox(options.file or None, options.profile)
        return
    if options.serve == "canned":
        serve_canned()
        return
    with tempfile.TemporaryDirectory() as folder:
        state = f"{folder}/state.sqlite" if options.state else None
        (memory if options.memory else profile if options.profile else compare)(options, state)


if __name__ == "__main__":
    main()
