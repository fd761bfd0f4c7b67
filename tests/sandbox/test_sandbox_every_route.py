"""Every fault that fits, on every route, over a real socket: what the client sees, and what was done."""

import socket

import httpx
import pytest

from lpnb.sandbox.app.openapi import document
from lpnb.sandbox.app.routes import SERVICE_ROUTES
from lpnb.sandbox.faults.faults import FAULTS
from lpnb.sandbox.route_names import ROUTES

# One operation for each route, and what it answers undisturbed.
FIRST = {served.route: served for served in reversed(SERVICE_ROUTES)}
STATUS = {
    route: int(min(document()["paths"][served.path][served.method.lower()]["responses"]))
    for route, served in FIRST.items()
}
CHANGING = {"conversation", "send", "upload", "engagement", "report", "login", "refresh", "logout"}
BINARY = {"upload", "download", "refresh", "logout"}


def asked(operations, route):
    served = FIRST[route]
    url, options = operations.request(served.method, served.path, STATUS[route])
    return lambda: operations.connector.http.request(served.method, url, **options)


@pytest.fixture
def events(sandbox):
    """How many events there are: what was done, whatever was answered."""
    return lambda: sandbox._state.ledger.sequence


def test_the_names_are_those_of_what_is_served():
    assert set(ROUTES) == {served.route for served in SERVICE_ROUTES}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("fault", "options", "status", "length"),
    [
        ("status", {"code": 502}, 502, 0),
        ("html", {}, 200, 75),
        ("empty", {}, 200, 0),
        ("big", {"size": 100_000}, 200, 100_000),
    ],
)
def test_a_made_up_answer_comes_in_place_of_the_work(
    operations, sandbox, events, route, fault, options, status, length
):
    ask = asked(operations, route)
    before = events()
    sandbox.fail(route, fault, **options)

    reply = ask()

    assert (reply.status_code, len(reply.content)) == (status, length)
    assert events() == before
    assert ask().status_code == STATUS[route]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("fault", "options"), [("slow", {"seconds": 0}), ("drip", {"seconds": 0})])
def test_a_late_answer_is_whole(operations, sandbox, route, fault, options):
    ask = asked(operations, route)
    sandbox.fail(route, fault, **options)

    reply = ask()

    assert reply.status_code == STATUS[route]
    assert len(reply.content) == int(reply.headers["content-length"])
    assert [(record.route, record.fault) for record in sandbox.requests[-1:]] == [(route, fault)]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("fault", "options", "done"),
    [
        ("drop_before", {}, False),
        ("drop_after", {}, True),
        ("truncate", {}, True),
        ("hang", {"seconds": 0}, False),
        ("hang", {"seconds": 0, "work_done": True}, True),
    ],
)
def test_a_cut_line_leaves_no_whole_answer(operations, sandbox, events, route, fault, options, done):
    ask = asked(operations, route)
    before = events()
    sandbox.fail(route, fault, **options)

    with pytest.raises(httpx.RemoteProtocolError):
        ask()

    assert (events() > before) is (done and route in CHANGING)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
@pytest.mark.parametrize("route", ROUTES)
def test_a_drop_can_be_a_reset(operations, sandbox, route, fault):
    ask = asked(operations, route)
    sandbox.fail(route, fault, reset=True)

    with pytest.raises((httpx.ReadError, httpx.WriteError)):
        ask()


@pytest.mark.parametrize("route", sorted(set(ROUTES) - BINARY))
def test_nan_is_in_the_json_of_every_answer_that_is_json(operations, sandbox, route):
    ask = asked(operations, route)
    sandbox.fail(route, "nan")

    assert b'"value":NaN' in ask().content


@pytest.mark.parametrize("route", sorted(BINARY))
def test_nan_is_refused_where_there_is_no_json(sandbox, route):
    with pytest.raises(ValueError, match="nan") as caught:
        sandbox.fail(route, "nan")

    fits = ", ".join(repr(name) for name in ROUTES if name not in BINARY)
    assert str(caught.value) == (
        f"fault 'nan' is about JSON, which {route!r} does not answer with; it fits {fits}."
    )


@pytest.mark.parametrize("route", ROUTES)
def test_surplus_is_the_answer_twice(operations, sandbox, route):
    served = FIRST[route]
    url, options = operations.request(served.method, served.path, STATUS[route])
    request = httpx.Request(served.method, f"{sandbox.base}{url}", **options)
    sandbox.fail(route, "surplus")

    reply = raw(sandbox.port, request)

    assert reply.count(f"HTTP/1.1 {STATUS[route]} ".encode()) == 2


def raw(port, request):
    """Everything that comes back until the other side closes."""
    lines = [f"{request.method} {request.url.raw_path.decode()} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall("\r\n".join([*lines, "", ""]).encode() + request.read())
        sock.shutdown(socket.SHUT_WR)
        received = b""
        while more := sock.recv(65536):
            received += more
    return received


def test_an_answer_of_204_is_cut_in_its_head(operations, sandbox):
    sandbox.set_rules({"history_empty_status": 204})
    served = FIRST["history"]
    url, options = operations.request(served.method, served.path, 204)
    sandbox.fail("history", "truncate")

    with pytest.raises(httpx.RemoteProtocolError):
        operations.connector.http.request(served.method, url, **options)


@pytest.mark.parametrize(("fault", "times"), [("nan", 1), ("drip", 1), ("surplus", 2)])
def test_an_answer_of_204_stays_one(operations, sandbox, fault, times):
    sandbox.set_rules({"history_empty_status": 204})
    served = FIRST["history"]
    url, options = operations.request(served.method, served.path, 204)
    sandbox.fail("history", fault)

    reply = raw(sandbox.port, httpx.Request(served.method, f"{sandbox.base}{url}", **options))

    assert (reply.count(b"HTTP/1.1 204 No Content\r\n"), reply[-4:]) == (times, b"\r\n\r\n")
    assert sandbox.requests[-1].fault == fault


@pytest.mark.parametrize(
    ("fault", "echoed"),
    [("reqid_missing", None), ("reqid_unknown", "not-7"), ("reqid_int", 7)],
)
def test_the_one_req_id_of_send_can_be_spoilt(operations, sandbox, fault, echoed):
    ask = asked(operations, "send")
    sandbox.fail("send", fault)

    reply = ask()

    assert (reply.status_code, reply.json()) == (
        200,
        {"code": "OK", "body": {"sequence": 0}} | ({} if echoed is None else {"reqId": echoed}),
    )


def test_an_error_of_send_has_no_req_id_to_spoil(connector, sandbox):
    sandbox.fail("send", "reqid_int")

    reply = connector.post({}, headers={}, path=connector.send_path)

    assert reply.json()["body"]["errorCode"] == 40105


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_can_be_limited(operations, sandbox, route):
    ask = asked(operations, route)
    sandbox.freeze_clock()
    sandbox.rate_limit(0.001, burst=1, routes=[route])

    assert [ask().status_code for _ in range(2)] == [STATUS[route], 429]


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault_fits_some_route(fault):
    assert set(FAULTS[fault].routes) <= set(ROUTES)
    assert {"conversation", "send"} & set(FAULTS[fault].routes)
