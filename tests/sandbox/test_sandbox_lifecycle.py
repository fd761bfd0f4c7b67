"""Start, stop, what an idle or half-finished request does to them, and what is remembered."""

import ast
import contextlib
import gc
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

import lpnb.sandbox
from lpnb.sandbox import Rules, Sandbox
from lpnb.sandbox.http.server import PortTakenError
from lpnb.sandbox.state.event_projection import RetentionLimits
from lpnb.sandbox.state.state import RequestRecord

LIST = "/api/account/12345678/service/baseURI.json?version=1.0"


def sandbox_threads():
    return [thread for thread in threading.enumerate() if thread.name == "lpnb-sandbox"]


def test_twenty_starts_and_stops_leave_no_thread_and_no_socket_behind(running):
    sandbox = Sandbox()
    sandbox.start()
    sandbox.stop()
    threads, files = len(sandbox_threads()), psutil.Process().num_fds()

    for _ in range(20):
        with sandbox, httpx.Client(base_url=sandbox.base, trust_env=False) as http:
            assert http.get(LIST).status_code == 200

    assert len(sandbox_threads()) == threads
    assert psutil.Process().num_fds() == files


def test_starting_and_stopping_twice_is_like_once():
    sandbox = Sandbox()
    sandbox.stop()

    assert sandbox.start() is sandbox
    base = sandbox.base
    assert sandbox.start().base == base
    sandbox.stop()
    sandbox.stop()

    with pytest.raises(httpx.ConnectError):
        httpx.Client(trust_env=False).get(base)


def test_it_starts_in_under_a_second():
    started = time.perf_counter()
    with Sandbox():
        assert time.perf_counter() - started < 1


def test_it_can_be_used_from_the_moment_start_returns():
    with Sandbox() as sandbox, socket.create_connection(("127.0.0.1", sandbox.port), timeout=1):
        pass


def test_a_stop_closes_connections_that_were_only_just_accepted():
    sandbox = Sandbox()

    for _ in range(20):
        sandbox.start()
        waiting = [socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) for _ in range(5)]
        sandbox.stop()
        for sock in waiting:
            with sock, contextlib.suppress(ConnectionResetError):
                assert sock.recv(1) == b""
    # What was left open would warn when it is collected, and warnings are errors.
    gc.collect()


@pytest.mark.parametrize("fault", ["hang", "slow", "drip", "big"])
def test_stop_takes_no_longer_for_a_request_in_a_fault(fault):
    before = sandbox_threads()
    sandbox = Sandbox().start()
    options = {"size": 2_000_000_000} if fault == "big" else {"seconds": 60}
    sandbox.fail("domain", fault, **options)
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as sock:
        sock.sendall(f"GET {LIST} HTTP/1.1\r\nHost: 127.0.0.1:{sandbox.port}\r\n\r\n".encode())
        deadline = time.monotonic() + 5
        while not sandbox.calls["domain"] and time.monotonic() < deadline:
            pass

        started = time.perf_counter()
        sandbox.stop()

        assert time.perf_counter() - started < 1
    assert sandbox_threads() == before


def test_stop_takes_no_longer_for_idle_connections():
    sandbox = Sandbox().start()
    with httpx.Client(base_url=sandbox.base, trust_env=False) as http:
        http.get(LIST)

        started = time.perf_counter()
        sandbox.stop()

        assert time.perf_counter() - started < 1


def test_a_taken_port_is_a_clear_error(sandbox):
    other = Sandbox(port=sandbox.port)

    with pytest.raises(PortTakenError) as caught:
        other.start()

    assert caught.value.strerror == f"Port {sandbox.port} on 127.0.0.1 is taken"
    assert repr(other) == "<Sandbox of account 12345678, not running>"
    other.stop()


def test_a_port_can_be_taken_again_right_after_a_stop():
    with Sandbox() as first, httpx.Client(base_url=first.base, trust_env=False) as http:
        http.get(LIST)
        port = first.port

    with Sandbox(port=port) as second:
        assert second.base == f"http://127.0.0.1:{port}"


def test_before_the_start_there_is_no_base():
    with pytest.raises(RuntimeError) as caught:
        _ = Sandbox().base

    assert str(caught.value) == "The sandbox is not running; call start() or use it in a with statement."


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"account_id": "a-b"}, "account_id must be 1 to 20 letters, digits or underscores; got 'a-b'."),
        ({"account_id": ""}, "account_id must be 1 to 20 letters, digits or underscores; got ''."),
        (
            {"account_id": "1" * 21},
            f"account_id must be 1 to 20 letters, digits or underscores; got '{'1' * 21}'.",
        ),
        ({"client_secret": ""}, "client_id and client_secret must not be empty."),
        ({"port": 65536}, "port must be from 0 to 65535; got 65536."),
        ({"token_lifetime": 0}, "token_lifetime must be 1 or more seconds; got 0."),
        ({"sde_checks": "stern"}, "sde_checks must be one of 'lenient', 'strict'; got 'stern'."),
        ({"already_open_status": True}, "already_open_status must be one of 200, 400; got True."),
        ({"require_version": 1}, "require_version must be one of True, False; got 1."),
    ],
)
def test_options_that_make_no_sense_are_refused_when_it_is_made(options, sentence):
    with pytest.raises(ValueError, match="must") as caught:
        Sandbox(**options)

    assert str(caught.value) == sentence


def test_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        Sandbox(colour="blue")


def test_the_rules_can_be_read_back():
    assert Sandbox(already_open_status=400).rules == Rules(already_open_status=400)


def test_the_secret_is_not_in_the_repr():
    with Sandbox(client_secret="very-secret-indeed") as sandbox:
        assert repr(sandbox) == f"<Sandbox of account 12345678, at {sandbox.base}>"


def test_environment_holds_the_account_and_both_ways_to_read_history(sandbox):
    assert sandbox.environment() == {
        "LP_ACCOUNT_ID": "12345678",
        "LP_CLIENT_ID": sandbox.client_id,
        "LP_CLIENT_SECRET": sandbox.client_secret,
        "LP_DOMAIN_API": sandbox.base,
        "LP_AGENT_LOGIN": "mira.castellan",
        "LP_AGENT_PASSWORD": "sandbox-password",
        "LP_HISTORY_KEY": "sandbox-consumer-key",
        "LP_HISTORY_SECRET": "sandbox-consumer-secret",
        "LP_HISTORY_TOKEN": "sandbox-access-token",
        "LP_HISTORY_TOKEN_SECRET": "sandbox-token-secret",
    }


def test_another_account_with_another_secret_works_throughout(connect):
    connector = connect(account_id="le_42", client_id="me", client_secret="s&cret=ü")
    form = {"client_id": "me", "client_secret": "s&cret=ü", "grant_type": "client_credentials"}
    token = connector.http.post("/sentinel/api/account/le_42/app/token?v=1.0", data=form).json()[
        "access_token"
    ]

    reply = connector.http.post(
        "/api/account/le_42/consumer?v=1.0", json={"ext_consumer_id": "a"}, headers={"Authorization": token}
    )

    assert reply.status_code == 201


def test_the_log_has_what_a_test_needs_and_no_credential(connector, sandbox):
    headers = connector.headers("anna")
    connector.post(headers=headers)
    connector.http.get(f"/nowhere?client_secret={sandbox.client_secret}")

    records = sandbox.requests

    assert [(record.route, record.method, record.status, record.consumer) for record in records] == [
        ("sentinel", "POST", 200, None),
        ("idp", "POST", 201, "anna"),
        ("conversation", "POST", 200, "anna"),
        ("-", "GET", 404, None),
    ]
    assert records[2].path == "/api/account/12345678/messaging/consumer/conversation"
    assert abs(records[2].time - time.time()) < 60
    for secret in (sandbox.client_secret, headers["Authorization"], headers["X-LP-ON-BEHALF"]):
        assert secret not in repr(records)


def test_the_log_cuts_what_is_long(connector, sandbox):
    connector.http.get("/" + "a" * 5000)

    assert len(sandbox.requests[0].path) == 200


def test_calls_count_each_request_that_reached_a_route_refused_or_not(connector, sandbox):
    connector.post(headers={})
    connector.post()
    connector.http.get("/sentinel/well-known/jwks")

    assert sandbox.calls == {"conversation": 2, "sentinel": 1, "idp": 1, "jwks": 1}


def test_reset_forgets_everything(connector, sandbox):
    connector.post()
    sandbox.fail("domain", "html")

    sandbox.reset()

    assert sandbox.conversations == []
    assert sandbox.requests == []
    assert sandbox.calls == {}
    assert sandbox.faults == []
    assert sandbox.profile("anna") == []


def test_a_snapshot_does_not_change_afterwards(connector, sandbox):
    connector.post()
    before = sandbox.conversations

    sandbox.close_conversation(before[0].conversation_id)

    assert [conversation.state for conversation in before] == ["OPEN"]
    assert [conversation.state for conversation in sandbox.conversations] == ["CLOSE"]


def test_closing_twice_is_like_once_and_closing_the_unknown_is_an_error(connector, sandbox):
    conversation_id = connector.post().json()[1]["body"]["conversationId"]
    sandbox.close_conversation(conversation_id)
    closed_at = sandbox.conversations[0].closed_at

    sandbox.close_conversation(conversation_id)

    assert sandbox.conversations[0].closed_at == closed_at
    with pytest.raises(KeyError, match="No conversation 'nonsense' in this sandbox"):
        sandbox.close_conversation("nonsense")


def test_the_oldest_closed_conversations_are_forgotten_first(connect):
    connector = connect(retention=RetentionLimits(closed_conversations=2, log_records=3))
    sandbox = connector.sandbox
    stays = connector.post(headers=connector.headers("stays open")).json()[1]["body"]["conversationId"]
    headers = connector.headers("anna")
    for _ in range(4):
        opened = connector.post(headers=headers).json()[1]["body"]["conversationId"]
        sandbox.close_conversation(opened)

    assert [conversation.number for conversation in sandbox.conversations] == [1, 4, 5]
    assert sandbox.conversations[0].conversation_id == stays
    assert len(sandbox.requests) == 3


def test_an_open_conversation_beyond_the_bound_makes_its_consumer_free_again(connect):
    connector = connect(retention=RetentionLimits(open_conversations=1))
    anna = connector.headers("anna")
    connector.post(headers=anna)
    connector.post(headers=connector.headers("berta"))

    assert connector.post(headers=anna).json()[1]["code"] == "OK"
    assert len(connector.sandbox.conversations) == 1


def test_the_weight_of_the_requests_bounds_what_is_kept_too(connect):
    connector = connect(retention=RetentionLimits(bytes_of_each=3000))
    for name in ("a", "b", "c"):
        connector.post(connector.batch(metadata=["x" * 1000]), headers=connector.headers(name))

    assert [conversation.number for conversation in connector.sandbox.conversations] == [2, 3]


def test_state_can_be_read_from_other_threads_while_requests_come_in(connector, sandbox):
    headers = [connector.headers(str(number)) for number in range(8)]

    def send(pair):
        with httpx.Client(base_url=sandbox.base, trust_env=False, timeout=10) as http:
            for _ in range(10):
                http.post(connector.path, json=connector.batch(), headers=pair)

    def read(_):
        for _ in range(50):
            for conversation in sandbox.conversations:
                sandbox.close_conversation(conversation.conversation_id)
            assert sandbox.calls["conversation"] <= 80
            assert all(isinstance(record, RequestRecord) for record in sandbox.requests)

    with ThreadPoolExecutor(10) as pool:
        for future in [
            *(pool.submit(send, pair) for pair in headers),
            *(pool.submit(read, n) for n in range(2)),
        ]:
            future.result()

    assert sandbox.calls["conversation"] == 80


def test_the_sandbox_imports_nothing_of_the_rest_of_the_package():
    home = Path(lpnb.sandbox.__file__).parent

    for module in home.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level <= 1, f"{module.name} reaches out of the folder"
                names = [] if node.level else [node.module or ""]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                assert not name.startswith("lpnb") or name.startswith("lpnb.sandbox"), (
                    f"{module.name}: {name}"
                )
