"""What comes in one piece is answered without a task of its own: in order, counted and logged as ever."""

import socket
import subprocess
import sys

from lpnb.sandbox.app.app import App
from lpnb.sandbox.state.state import State

LIST = "/api/account/12345678/service/baseURI.json"


def get(sandbox, path):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{sandbox.port}\r\n\r\n".encode()


def statuses(sandbox, sent, count):
    """The statuses of *count* replies to what is sent in one write."""
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as line:
        line.sendall(sent)
        with line.makefile("rb") as replies:
            found = []
            for _ in range(count):
                found.append(int(replies.readline().split()[1]))
                length = 0
                while (row := replies.readline().strip()) != b"":
                    name, _, value = row.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                replies.read(length)
    return found


def test_requests_sent_at_once_are_answered_in_their_order(sandbox):
    good, nowhere, bad = f"{LIST}?version=1.0", "/nowhere", f"{LIST}?version=9"
    paths = [good, nowhere, bad, good, bad, nowhere, nowhere, good]

    found = statuses(sandbox, b"".join(get(sandbox, path) for path in paths), len(paths))

    expected = {good: 200, nowhere: 404, bad: 400}
    assert found == [expected[path] for path in paths]
    assert [record.status for record in sandbox.requests] == found
    assert sandbox.calls["domain"] == 5


def test_what_comes_in_one_piece_takes_no_task(sandbox, monkeypatch):
    tasks = []
    answer = App.__call__

    async def noted(self, scope, receive, send):
        tasks.append(scope["path"])
        await answer(self, scope, receive, send)

    monkeypatch.setattr(App, "__call__", noted)

    assert statuses(sandbox, get(sandbox, f"{LIST}?version=1.0") * 2, 2) == [200, 200]
    assert tasks == []
    assert statuses(sandbox, get(sandbox, "/nowhere"), 1) == [404]
    assert tasks == ["/nowhere"]


def test_a_fault_between_two_requests_keeps_the_order(sandbox):
    sandbox.fail("domain", "status", code=503)

    found = statuses(sandbox, get(sandbox, f"{LIST}?version=1.0") * 3, 3)

    assert found == [503, 200, 200]


def test_a_service_that_fails_is_answered_500_and_the_connection_lives(connector, sandbox, monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError("This is a test.")

    monkeypatch.setattr(State, "open_conversation", fail)
    headers = connector.headers()

    reply = connector.post(headers=headers)

    assert reply.status_code == 500
    assert "This is a test." not in reply.text
    assert sandbox.requests[-1].status == 500
    monkeypatch.undo()
    assert connector.post(headers=headers).status_code == 200


def test_an_account_that_is_empty_is_no_account(connector):
    assert connector.http.get("/api/account//service/baseURI.json?version=1.0").status_code == 404


def test_a_start_loads_no_token_library_and_a_first_token_does():
    code = (
        "import sys, httpx\n"
        "from lpnb.sandbox import Sandbox\n"
        "with Sandbox() as sandbox:\n"
        "    print([name for name in ('joserfc', 'authlib', 'aiohttp') if name in sys.modules])\n"
        "    keys = httpx.get(sandbox.base + '/sentinel/well-known/jwks', trust_env=False).json()['keys']\n"
        "    print(len(keys), 'joserfc' in sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n1 True\n"
