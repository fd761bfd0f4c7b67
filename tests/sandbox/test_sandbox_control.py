"""The control API, as a test in another language uses it."""

import json
import re
from pathlib import Path

import httpx
import pytest

from lpnb.sandbox.control import http_api  # noqa: F401 - for the routes that it registers
from lpnb.sandbox.control.control_route import CONTROL_ROUTES
from lpnb.sandbox.tokens import consumer
from lpnb.sandbox.world.models import Account, Installation, World

LIST = "/api/account/12345678/service/baseURI.json?version=1.0"


@pytest.fixture
def control(sandbox):
    headers = {"X-Sandbox-Token": sandbox.control_token}
    with httpx.Client(base_url=sandbox.control, headers=headers, trust_env=False) as http:
        yield http


def test_it_lists_itself(control):
    rows = control.get("").json()["controls"]

    assert [(row["method"], row["path"]) for row in rows] == [
        ("GET", ""),
        ("POST", "/agents/{agent_id}"),
        ("POST", "/clock"),
        ("GET", "/conversations"),
        ("GET", "/conversations/{conversation_id}"),
        ("POST", "/conversations/{conversation_id}/agent"),
        ("POST", "/conversations/{conversation_id}/close"),
        ("GET", "/faults"),
        ("POST", "/faults"),
        ("POST", "/faults/clear"),
        ("GET", "/faults/log"),
        ("GET", "/names"),
        ("POST", "/rate-limit"),
        ("GET", "/requests"),
        ("POST", "/reset"),
        ("GET", "/rules"),
        ("POST", "/rules"),
        ("GET", "/status"),
        ("POST", "/tokens/expire"),
        ("GET", "/webhooks"),
        ("POST", "/webhooks"),
        ("POST", "/webhooks/faults"),
    ]
    assert all(row["does"].endswith(".") for row in rows)


@pytest.mark.parametrize("entry", CONTROL_ROUTES, ids=lambda entry: f"{entry.method} {entry.path}")
def test_nothing_is_told_or_done_without_the_token(connector, sandbox, entry):
    connector.post()
    path = sandbox.control + entry.path.format(
        conversation_id=sandbox.conversations[0].conversation_id, agent_id="3180255701"
    )

    with httpx.Client(trust_env=False) as http:
        replies = [
            http.request(entry.method, path, headers={"X-Sandbox-Token": token}, **_json(entry))
            for token in (b"", b"wrong", "ü".encode())
        ]
        replies.append(http.request(entry.method, path, **_json(entry)))

    assert [reply.status_code for reply in replies] == [401] * 4
    assert [reply.json() for reply in replies] == 4 * [
        {
            "error": "Send the token of this start in X-Sandbox-Token. It is `control_token` in the line the "
            "sandbox prints when it is ready, and on the Sandbox object."
        }
    ]
    assert [conversation.stage for conversation in sandbox.conversations] == ["OPEN"]


def _json(entry):
    return {"json": {}} if entry.method == "POST" else {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("Origin", "http://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site")],
)
def test_a_web_page_is_refused_even_with_the_token(connector, control, sandbox, name, value):
    connector.post()

    reply = control.post("/reset", json={}, headers={name: value})

    assert reply.status_code == 403
    assert len(sandbox.conversations) == 1
    assert not [header for header in reply.headers if header.startswith("access-control")]


@pytest.mark.parametrize("host", ["va.msg.liveperson.net", "api.liveperson.net:443"])
def test_only_loopback_names_reach_it(control, host):
    reply = control.get("/status", headers={"Host": host})

    assert reply.status_code == 403
    assert reply.json() == {
        "error": f"Host {host!r} is refused: the control API answers to 127.0.0.1, localhost."
    }


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_a_verb_wants_json(connector, control, sandbox, kind):
    connector.post()
    headers = {} if kind is None else {"Content-Type": kind}

    reply = control.post("/reset", content=b"{}", headers=headers)

    assert reply.status_code == 400
    assert reply.json() == {"error": f"Send Content-Type: application/json; got {kind or 'none'}."}
    assert len(sandbox.conversations) == 1


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/reset", [], "Send a JSON object; {} is enough where nothing is needed."),
        ("/reset", {"all": True}, "'all' is not known here; this takes nothing."),
        ("/clock", {}, 'Send one of {"advance": seconds}, {"set": epoch}, {"frozen": true or false}.'),
        ("/clock", {"advance": "1h"}, "seconds must be a number of seconds, 0 or more; got '1h'."),
        ("/clock", {"advance": -1}, "seconds must be a number of seconds, 0 or more; got -1."),
        ("/clock", {"set": 10**18}, f"The clock ends with the year 9999, at 253402300799; got {10**18}."),
        ("/clock", {"frozen": 1}, "frozen must be true or false."),
        ("/faults", {}, "route must be a string. GET faults lists the routes and the kinds."),
        ("/faults", {"route": "idp"}, "fault must be a string. GET faults lists the routes and the kinds."),
        (
            "/faults",
            {"route": "idp", "fault": "slow", "options": 1},
            "options must be an object, such as {'code': 503}.",
        ),
        (
            "/faults",
            {"route": "idp", "fault": "slow", "options": {"times": 1}},
            "times stands beside options, not in it.",
        ),
        (
            "/faults",
            {"route": "idp", "fault": "slow", "options": {"minutes": 1}},
            "fault 'slow' takes 'seconds'; got 'minutes'.",
        ),
        (
            "/faults",
            {"route": "idp", "fault": "slow", "times": "often"},
            "times must be 1 or more, or None for every request; got 'often'.",
        ),
        (
            "/faults",
            {"route": "idp", "fault": "slow", "probability": 1.5},
            "probability must be a number above 0, at most 1; got 1.5.",
        ),
        (
            "/faults",
            {"route": "idp", "fault": "status", "options": {"retry_after": "1\r\nX: y"}},
            "retry_after must be a number or a date, in ASCII; got '1\\r\\nX: y'.",
        ),
        ("/rate-limit", {}, "rate is missing: requests a second, or null for no limit."),
        ("/rate-limit", {"rate": "fast"}, "rate must be a number above 0; got 'fast'."),
        ("/rate-limit", {"rate": 1, "burst": 0}, "burst must be 1 or more; got 0."),
        ("/rate-limit", {"rate": 1, "routes": "idp"}, "routes must be an array of route names."),
        ("/rate-limit", {"rate": 1, "account_id": 5}, "account_id must be a string."),
        (
            "/rate-limit",
            {"rate": None, "account_id": "999"},
            "account_id must be one of '12345678', '87654321'; got '999'.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_does(control, sandbox, path, body, sentence):
    reply = control.post(path, json=body)

    assert (reply.status_code, reply.json()) == (400, {"error": sentence})
    assert sandbox.faults == []
    assert sandbox.rate_limits == {}


def test_a_body_that_is_no_json_is_refused(control):
    reply = control.post("/reset", content=b"{", headers={"Content-Type": "application/json"})

    assert reply.status_code == 400
    assert reply.json()["error"].startswith("The body is not JSON")


def test_a_body_that_is_too_long_is_413(control):
    reply = control.post("/reset", content=b" " * 2_000_000, headers={"Content-Type": "application/json"})

    assert reply.status_code == 413


def test_another_method_is_told_which_one(control):
    reply = control.delete("/faults")

    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, POST")
    assert reply.json() == {"error": "Send GET, POST here."}


def test_status_shows_everything_in_one_look(connector, control, sandbox):
    connector.post()
    sandbox.rate_limit(5)
    sandbox.fail("idp", "slow")

    status = control.get("/status").json()

    assert status["account"] == "12345678"
    assert status["seed"] == "tests"
    assert (status["clock"]["frozen"], abs(status["clock"]["offset"]) < 0.1) == (False, True)
    assert status["calls"] == {"sentinel": 1, "idp": 1, "conversation": 1}
    assert (status["requests"], status["faults"]) == (3, 1)
    assert status["conversations"] == {"open": 1, "closed": 0}
    assert status["rate_limits"]["12345678"]["rate"] == 5.0
    assert status["auto_close_after"] == 90 * 24 * 3600
    assert status["rules"]["sde_checks"] == "lenient"


def test_the_request_log_can_be_filtered(connector, control):
    connector.post(headers=connector.headers("anna"))
    connector.post(headers={})
    connector.http.get("/nowhere")

    def found(query):
        reply = control.get(f"/requests?{query}").json()
        assert reply["total"] == len(reply["requests"])
        return [(row["route"], row["status"]) for row in reply["requests"]]

    assert found("") == [
        ("sentinel", 200),
        ("idp", 201),
        ("conversation", 200),
        ("conversation", 401),
        ("-", 404),
    ]
    assert found("route=conversation") == [("conversation", 200), ("conversation", 401)]
    assert found("status=401") == [("conversation", 401)]
    assert found("consumer=anna") == [("idp", 201), ("conversation", 200)]
    assert found("consumer=none&method=POST") == [("sentinel", 200), ("conversation", 401)]
    assert found("since=99999999999") == []
    assert control.get("/requests?limit=1").json()["total"] == 5
    assert len(control.get("/requests?limit=1").json()["requests"]) == 1


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        (
            "colour=red",
            "'colour' is no filter; this takes route, method, status, consumer, fault, since, limit.",
        ),
        ("limit=-1", "limit must be a whole number, 0 or more; got '-1'."),
        ("limit=1.5", "limit must be a whole number, 0 or more; got '1.5'."),
        ("status=abc", "status must be a number from 100 to 599, or 'none'; got 'abc'."),
        (
            "route=nowhere",
            "route must be one of 'domain', 'sentinel', 'jwks', 'idp', 'conversation', 'send', 'upload', "
            "'download', 'engagement', 'report', 'validate', 'login', 'refresh', 'logout', "
            "'history', '-'; got 'nowhere'.",
        ),
        (
            "method=post",
            "method must be one of 'CONNECT', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', "
            "'TRACE'; got 'post'. Did you mean 'POST'?",
        ),
        (
            "fault=500",
            "fault must be one of 'status', 'slow', 'hang', 'drip', 'drop_before', 'drop_after', 'truncate', "
            "'html', 'empty', 'big', 'nan', 'reqid_missing', 'reqid_doubled', 'reqid_unknown', 'reqid_int', "
            "'not_yet', 'shuffled', 'surplus', 'rate_limit', 'none'; got '500'.",
        ),
        ("since=yesterday", "since must be a number, 0 or more; got 'yesterday'."),
    ],
)
def test_an_unknown_filter_is_refused(control, query, sentence):
    reply = control.get(f"/requests?{query}")

    assert (reply.status_code, reply.json()) == (400, {"error": sentence})


def test_a_state_no_conversation_has_is_refused(control):
    reply = control.get("/conversations?state=x")

    assert (reply.status_code, reply.json()) == (
        400,
        {"error": "state must be one of 'OPEN', 'CLOSE'; got 'x'."},
    )


def test_a_limit_gives_the_latest_oldest_first(connector, control):
    for path in ("/a", "/b", "/c"):
        connector.http.get(path)

    def paths(limit):
        return [row["path"] for row in control.get(f"/requests?limit={limit}").json()["requests"]]

    assert {limit: paths(limit) for limit in (0, 1, 2, 9)} == {
        0: [],
        1: ["/c"],
        2: ["/b", "/c"],
        9: ["/a", "/b", "/c"],
    }


@pytest.mark.parametrize("error", [ValueError, KeyError, TypeError, RuntimeError])
def test_what_fails_inside_is_logged_and_500_and_not_the_callers_fault(
    control, sandbox, monkeypatch, caplog, error
):
    def broken():
        raise error("a bug")

    monkeypatch.setattr(sandbox, "reset", broken)

    reply = control.post("/reset", json={})

    sentence = "The sandbox itself failed; this is a fault of the sandbox, not of the request."
    assert (reply.status_code, reply.json()) == (500, {"error": sentence})
    assert [record.message for record in caplog.records] == ["The sandbox failed to answer POST /_lpnb/reset"]


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/_lpnb/faults/clean", " Did you mean POST /_lpnb/faults/clear? GET /_lpnb lists the control API."),
        ("/_lpnb/zzzzzzzzzzzz", " GET /_lpnb lists the control API."),
    ],
)
def test_a_path_that_is_none_is_told_the_nearest(control, sandbox, path, sentence):
    reply = control.get(f"{sandbox.base}{path}")

    assert (reply.status_code, reply.json()) == (404, {"error": f"Nothing is served at {path!r}.{sentence}"})


def test_a_verb_that_takes_text_is_named(connector, control):
    conversation_id = connector.open()

    def told(body):
        return control.post(f"/conversations/{conversation_id}/agent", json=body).json()["error"]

    assert told({"says": 5}) == "says must be a string; got 5."
    assert told({"transfer": None}) == "transfer must be a string; got nothing."
    assert told({"notes": {"a": 1}}) == 'notes must be a string; got {"a": 1}.'


DOCS = Path(__file__).parents[2].joinpath("docs", "sandbox.md").read_text("utf-8")
COMMANDS = re.findall(r"^(look|tell) (/\S+|'/[^']+')(?: '(.*)')?$", DOCS, re.MULTILINE)


def test_the_docs_have_commands():
    assert len(COMMANDS) == 7


@pytest.mark.parametrize(("verb", "path", "body"), COMMANDS)
def test_every_command_of_the_docs_works(control, verb, path, body):
    headers = {"Content-Type": "application/json"}

    reply = (
        control.get(path.strip("'")) if verb == "look" else control.post(path, content=body, headers=headers)
    )

    assert reply.status_code == 200, reply.text


def test_looking_and_doing_leave_no_trace_in_the_log(control, sandbox):
    control.get("/status")
    control.post("/tokens/expire", json={})

    assert sandbox.requests == []
    assert sandbox.calls == {}


def test_faults_are_asked_for_listed_and_cleared(connector, control):
    options = {"code": 429, "retry_after": 2}
    reply = control.post(
        "/faults", json={"route": "domain", "fault": "status", "times": 2, "options": options}
    )

    assert (reply.status_code, reply.json()) == (200, {"done": True})
    listed = control.get("/faults").json()
    assert listed["faults"] == [
        {
            "number": 1,
            "route": "domain",
            "fault": "status",
            "options": {"code": 429, "retry_after": 2, "body": None},
            "work_done": False,
            "left": 2,
            "probability": 1.0,
        }
    ]
    assert "conversation" in listed["routes"]
    assert listed["kinds"]["slow"]["options"] == {"seconds": 1.0}
    assert connector.http.get(LIST).status_code == 429
    assert control.post("/faults/clear", json={}).json() == {"done": True}
    assert control.get("/faults").json()["faults"] == []
    assert connector.http.get(LIST).status_code == 200
    assert control.get("/faults/log").text == (
        '{"route":"domain","request":1,"fault":"status","options":{"code":429,"retry_after":2,"body":null}}\n'
    )


def test_a_fault_without_times_happens_once(connector, control):
    control.post("/faults", json={"route": "domain", "fault": "status"})

    assert [connector.http.get(LIST).status_code for _ in range(2)] == [503, 200]


def test_a_fault_may_last_until_the_reset(connector, control):
    control.post("/faults", json={"route": "domain", "fault": "status", "times": None})

    assert [connector.http.get(LIST).status_code for _ in range(3)] == [503, 503, 503]


def test_a_rate_limit_is_set_and_lifted(connector, control):
    headers = connector.headers()
    control.post("/rate-limit", json={"rate": 0.001, "burst": 1, "retry_after": True, "body": {"n": 1}})

    assert connector.post(headers=headers).status_code == 200
    refused = connector.post(headers=headers)
    assert (refused.status_code, refused.headers["retry-after"], refused.json()) == (429, "1000", {"n": 1})
    control.post("/rate-limit", json={"rate": None})
    assert connector.post(headers=headers).status_code == 200


def test_the_clock_is_moved_stopped_and_started(control, sandbox):
    frozen = control.post("/clock", json={"frozen": True}).json()
    moved = control.post("/clock", json={"advance": 60.5}).json()
    placed = control.post("/clock", json={"set": 2_000_000_000}).json()
    running = control.post("/clock", json={"frozen": False}).json()

    assert frozen["frozen"] is True
    assert moved["now"] == pytest.approx(frozen["now"] + 60.5)
    assert (placed["now"], placed["frozen"]) == (2_000_000_000, True)
    assert running["frozen"] is False
    assert 0 <= sandbox.now - 2_000_000_000 < 10


def test_tokens_are_expired(connector, control):
    headers = connector.headers()

    control.post("/tokens/expire", json={})

    assert connector.post(headers=headers).json()["body"]["errorCode"] == 40102
    assert connector.post().status_code == 200


def test_conversations_are_listed_and_filtered(connector, control, sandbox):
    for name in ("anna", "berta"):
        connector.post(headers=connector.headers(name))
    first, second = sandbox.conversations
    sandbox.close_conversation(first.conversation_id)

    def ids(query=""):
        return [
            row["conversation_id"] for row in control.get(f"/conversations{query}").json()["conversations"]
        ]

    assert ids() == [first.conversation_id, second.conversation_id]
    assert ids("?state=OPEN") == [second.conversation_id]
    assert ids("?consumer=anna") == [first.conversation_id]
    assert ids("?limit=1") == [second.conversation_id]
    assert control.get("/conversations?limit=1").json()["total"] == 2


def test_one_conversation_is_shown_in_full(connector, control):
    sdes = [{"type": "ctmrinfo", "info": {"ctype": "vip"}}]
    headers = connector.headers("anna") | {"Client-Properties": '{"type":".ClientProperties"}'}
    batch = connector.batch(sdes=sdes, skillId="12")
    conversation_id = connector.post(batch, headers=headers).json()[1]["body"]["conversationId"]

    shown = control.get(f"/conversations/{conversation_id}").json()

    assert shown["conversation_id"] == conversation_id
    assert shown["ext_consumer_id"] == "anna"
    assert shown["request"] == batch
    assert shown["profile"] == sdes
    assert shown["client_properties"] == {"type": ".ClientProperties"}
    assert shown["messages"] == []
    assert shown["stage"] == "OPEN"
    assert isinstance(shown["trace"], dict)


def test_the_profile_shown_is_the_one_of_the_conversations_own_account(connect):
    accounts = [
        Account(id=name, installations=[Installation(client_id=name, client_secret="x", name=name)])
        for name in ("12345678", "87654321")
    ]
    connector = connect(world=World(accounts=accounts))
    sandbox = connector.sandbox
    for name in ("12345678", "87654321"):
        who = consumer(name, "anna")
        sandbox._state.set_profile(who, [{"type": "personal", "personal": {"firstname": f"of {name}"}}])
        sandbox._state.open_conversation(
            who,
            client_id=name,
            raw_request=b'[{"body":{}},{"body":{}}]',
            raw_client_properties=None,
            warnings=(),
            session_id=None,
            landing={"skill_id": "-1", "skill_name": None, "source_name": "x", "campaign": None, "trace": {}},
        )

    shown = [
        connector.http.get(
            f"{sandbox.control}/conversations/{conversation.conversation_id}",
            headers={"X-Sandbox-Token": sandbox.control_token},
        ).json()["profile"]
        for conversation in sandbox.conversations
    ]

    assert [elements[0]["personal"]["firstname"] for elements in shown] == ["of 12345678", "of 87654321"]
    assert sandbox.profile("anna") == shown[0]
    assert sandbox.profile("anna", account_id="87654321") == shown[1]


def test_a_conversation_is_closed_so_that_its_consumer_may_open_another(connector, control, sandbox):
    headers = connector.headers()
    conversation_id = connector.post(headers=headers).json()[1]["body"]["conversationId"]

    assert control.post(f"/conversations/{conversation_id}/close", json={}).json() == {"done": True}

    assert sandbox.conversations[0].stage == "CLOSE"
    assert connector.post(headers=headers).json()[1]["code"] == "OK"


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/close")])
def test_a_conversation_nobody_opened_is_404(control, method, path):
    reply = control.request(
        method, f"/conversations/nonsense{path}", headers={"Content-Type": "application/json"}
    )

    assert reply.status_code == 404
    assert reply.json() == {"error": "No conversation 'nonsense' in this sandbox."}


def test_reset_is_one_call(connector, control, sandbox):
    connector.post()
    sandbox.fail("domain", "status", None)
    sandbox.rate_limit(1)
    sandbox.advance(1000)
    sandbox.freeze_clock()

    assert control.post("/reset", json={}).json() == {"done": True}

    status = control.get("/status").json()
    assert status["calls"] == {}
    assert status["requests"] == status["faults"] == 0
    assert status["rate_limits"] == {}
    assert status["conversations"] == {"open": 0, "closed": 0}
    assert (status["clock"]["frozen"], abs(status["clock"]["offset"]) < 0.1) == (False, True)
    assert connector.http.get(LIST).status_code == 200


def test_the_token_is_another_one_for_every_sandbox(connect, sandbox):
    other = connect().sandbox

    assert other.control_token != sandbox.control_token
    assert len(other.control_token) == 32


def test_no_credential_is_shown_anywhere(connector, control, sandbox):
    headers = connector.headers()
    conversation_id = connector.post(headers=headers).json()[1]["body"]["conversationId"]
    paths = ["", "/status", "/requests", "/faults", "/conversations", f"/conversations/{conversation_id}"]

    shown = json.dumps([control.get(path).json() for path in paths])

    for secret in (sandbox.client_secret, sandbox.control_token, *headers.values()):
        assert secret not in shown
