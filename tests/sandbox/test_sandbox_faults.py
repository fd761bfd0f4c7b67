"""Every fault, over a real socket: what the client sees, and whether the work was done."""

import json
import socket
import time
from pathlib import Path

import httpx
import pytest

from lpnb.sandbox.faults.faults import FAULTS

LIST = "/api/account/12345678/service/baseURI.json?version=1.0"


@pytest.fixture
def opened(sandbox):
    """How many conversations there are."""
    return lambda: len(sandbox.conversations)


def ids_of(reply):
    return [element.get("reqId") for element in reply.json()]


@pytest.mark.parametrize("code", [204, 301, 400, 401, 429, 451, 500, 502, 503, 504])
def test_status_answers_that_code_without_doing_the_work(connector, sandbox, opened, code):
    sandbox.fail("conversation", "status", code=code)

    reply = connector.post()

    assert reply.status_code == code
    assert reply.content == b""
    assert "retry-after" not in reply.headers
    assert opened() == 0


def test_status_carries_retry_after_and_a_body_on_demand(connector, sandbox):
    body = {"errorMessage": "Rate limit hit", "errorCode": 1029}
    sandbox.fail("conversation", "status", code=429, retry_after=2, body=body)

    reply = connector.post()

    assert reply.headers["retry-after"] == "2"
    assert reply.json() == body


@pytest.mark.parametrize("body", ["gone", b"gone"])
def test_the_body_of_a_status_may_be_text_or_bytes(connector, sandbox, body):
    sandbox.fail("domain", "status", code=500, body=body)

    assert connector.http.get(LIST).content == b"gone"


@pytest.mark.parametrize("fault", ["status", "html", "empty", "big"])
def test_a_made_up_answer_may_hide_work_that_was_done(connector, sandbox, opened, fault):
    sandbox.fail("conversation", fault, work_done=True)

    connector.post()

    assert opened() == 1


def test_slow_waits_then_does_the_work_and_answers(connector, sandbox, opened):
    headers = connector.headers()
    sandbox.fail("conversation", "slow", seconds=0.2)

    started = time.monotonic()
    reply = connector.post(headers=headers)

    assert time.monotonic() - started >= 0.2
    assert reply.json()[1]["code"] == "OK"
    assert opened() == 1


def test_slow_does_the_work_even_for_a_client_that_gave_up(connector, sandbox, opened):
    headers = connector.headers()
    sandbox.fail("conversation", "slow", seconds=30)

    with pytest.raises(httpx.ReadTimeout):
        connector.post(headers=headers, timeout=0.1)

    deadline = time.monotonic() + 5
    while not opened() and time.monotonic() < deadline:
        connector.http.get(LIST)
    assert opened() == 1


@pytest.mark.parametrize("work_done", [False, True])
def test_hang_says_nothing_and_then_cuts(connector, sandbox, opened, work_done):
    headers = connector.headers()
    sandbox.fail("conversation", "hang", seconds=0.1, work_done=work_done)

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        connector.post(headers=headers)

    assert opened() == work_done


def test_hang_outlasts_a_client_with_less_patience(connector, sandbox, opened):
    headers = connector.headers()
    sandbox.fail("conversation", "hang")

    with pytest.raises(httpx.ReadTimeout):
        connector.post(headers=headers, timeout=0.1)

    assert opened() == 0


def test_drip_sends_the_body_one_byte_at_a_time(connector, sandbox, opened):
    headers = connector.headers()
    sandbox.fail("conversation", "drip", seconds=0.002)

    with connector.http.stream("POST", connector.path, json=connector.batch(), headers=headers) as reply:
        pieces = list(reply.iter_raw())

    assert len(pieces) > 20
    assert json.loads(b"".join(pieces))[1]["code"] == "OK"
    assert opened() == 1


def test_drop_before_cuts_the_line_and_does_nothing(connector, sandbox, opened):
    headers = connector.headers()
    sandbox.fail("conversation", "drop_before")

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        connector.post(headers=headers)

    assert opened() == 0


def test_drop_after_does_the_work_and_cuts_the_line_without_a_byte(connector, sandbox, opened):
    headers = connector.headers()
    sandbox.fail("conversation", "drop_after")

    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        connector.post(headers=headers)

    assert opened() == 1


@pytest.mark.parametrize("fault", ["drop_before", "drop_after"])
def test_a_drop_can_be_a_reset(connector, sandbox, fault):
    headers = connector.headers()
    sandbox.fail("conversation", fault, reset=True)

    with pytest.raises(httpx.ReadError):
        connector.post(headers=headers)


def test_truncate_promises_the_whole_and_sends_half(connector, sandbox, opened):
    headers = connector.headers()
    sandbox.fail("conversation", "truncate")

    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        connector.post(headers=headers)

    assert opened() == 1


def test_html_is_a_page_with_status_200(connector, sandbox, opened):
    sandbox.fail("conversation", "html")

    reply = connector.post()

    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html;charset=utf-8")
    assert reply.text.startswith("<!doctype html>")
    assert opened() == 0


def test_empty_is_nothing_with_status_200(connector, sandbox):
    sandbox.fail("conversation", "empty")

    reply = connector.post()

    assert (reply.status_code, reply.content) == (200, b"")


def test_big_is_twenty_million_bytes(connector, sandbox):
    sandbox.fail("domain", "big")

    reply = connector.http.get(LIST)

    assert len(reply.content) == 20_000_000
    assert reply.json()[0].startswith("xxx")


def test_a_client_may_leave_in_the_middle_of_big(connector, sandbox):
    sandbox.fail("domain", "big")

    with connector.http.stream("GET", LIST) as reply:
        next(reply.iter_raw())

    assert connector.http.get(LIST).status_code == 200


def test_nan_is_in_the_json_of_a_batch_and_of_an_object(connector, sandbox, opened):
    headers = connector.headers()
    sandbox.fail("conversation", "nan")
    sandbox.fail("domain", "nan")

    assert b'"value":NaN' in connector.post(headers=headers).content
    assert b'"value":NaN' in connector.http.get(LIST).content
    assert opened() == 1


@pytest.mark.parametrize(
    ("fault", "sent", "echoed"),
    [
        ("reqid_missing", ("1,", "2,"), ["1,", None]),
        ("reqid_doubled", ("1,", "2,"), ["1,", "1,"]),
        ("reqid_unknown", ("1,", "2,"), ["1,", "not-2,"]),
        ("reqid_int", ("7", "8"), [7, 8]),
        ("reqid_int", ("x", "9" * 20), [1, 2]),
        ("shuffled", ("1,", "2,"), ["2,", "1,"]),
    ],
)
def test_req_ids_can_be_spoilt(connector, sandbox, opened, fault, sent, echoed):
    sandbox.fail("conversation", fault)

    reply = connector.post(connector.batch(ids=sent))

    assert reply.status_code == 200
    assert ids_of(reply) == echoed
    assert opened() == 1


def test_an_error_frame_has_no_req_ids_to_spoil(connector, sandbox):
    sandbox.fail("conversation", "reqid_missing")

    assert connector.post(headers={}).json()["body"]["errorCode"] == 40105


def test_surplus_puts_a_stale_reply_behind_the_first_on_the_same_connection(connector, sandbox, opened):
    headers = connector.headers() | {"Host": f"127.0.0.1:{sandbox.port}", "Content-Type": "application/json"}
    sandbox.fail("conversation", "surplus")
    body = json.dumps(connector.batch()).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = f"POST {connector.path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    received = b""
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as sock:
        sock.sendall(request)
        while received.count(b"conversationId") < 2 or not received.endswith(b"]"):
            received += sock.recv(65536)

    replies = [json.loads(part.partition(b"\r\n\r\n")[2]) for part in received.split(b"HTTP/1.1 200 OK")[1:]]
    assert [element["reqId"] for element in replies[0]] == [element["reqId"] for element in replies[1]]
    real, stale = (reply[1]["body"]["conversationId"] for reply in replies)
    assert sandbox.conversations[0].conversation_id == real != stale
    assert opened() == 1


def test_surplus_of_a_single_answer_is_the_same_again(connector, sandbox, raw):
    sandbox.fail("domain", "surplus")

    reply = raw(f"GET {LIST} HTTP/1.1\r\nHost: 127.0.0.1:{sandbox.port}\r\n\r\n".encode(), half_close=True)

    assert reply.count(b"HTTP/1.1 200 OK") == 2


def test_faults_come_in_the_order_they_were_asked_for_and_as_often(connector, sandbox):
    sandbox.fail("domain", "status", 2, code=500)
    sandbox.fail("domain", "status", code=429)

    assert sandbox.faults == [("domain", "status", 2), ("domain", "status", 1)]
    assert [connector.http.get(LIST).status_code for _ in range(4)] == [500, 500, 429, 200]
    assert sandbox.faults == []


def test_a_fault_without_end_lasts_until_the_reset(connector, sandbox):
    sandbox.fail("domain", "status", None, code=500)

    assert [connector.http.get(LIST).status_code for _ in range(3)] == [500, 500, 500]
    sandbox.reset()
    assert connector.http.get(LIST).status_code == 200


def test_a_request_that_reaches_no_route_uses_up_no_fault(connector, sandbox):
    sandbox.fail("conversation", "status", code=500)

    connector.http.get(connector.path)

    assert sandbox.faults == [("conversation", "status", 1)]


def test_the_log_names_the_fault_and_has_no_status_where_there_was_no_answer(connector, sandbox):
    headers = connector.headers()
    sandbox.fail("conversation", "drop_after")
    sandbox.fail("conversation", "status", code=500)
    with pytest.raises(httpx.RemoteProtocolError):
        connector.post(headers=headers)
    connector.post(headers=headers)

    assert [(record.status, record.fault) for record in sandbox.requests[-2:]] == [
        (None, "drop_after"),
        (500, "status"),
    ]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "sentence"),
    [
        (
            ("nowhere", "status"),
            {},
            ValueError,
            "route must be one of 'domain', 'sentinel', 'jwks', 'idp', 'conversation', 'send', 'upload', "
            "'download', 'engagement', 'report', 'validate', 'login', 'refresh', 'logout', "
            "'history'; got 'nowhere'.",
        ),
        (
            ("send", "shuffled"),
            {},
            ValueError,
            "fault 'shuffled' is about several elements, which 'send' does not answer with; "
            "it fits 'conversation'.",
        ),
        (
            ("idp", "reqid_int"),
            {},
            ValueError,
            "fault 'reqid_int' is about elements, which 'idp' does not answer with; "
            "it fits 'conversation', 'send'.",
        ),
        (
            ("conversation", "500"),
            {},
            ValueError,
            "fault must be one of 'status', 'slow', 'hang', 'drip', 'drop_before', 'drop_after', 'truncate', "
            "'html', 'empty', 'big', 'nan', 'reqid_missing', 'reqid_doubled', 'reqid_unknown', 'reqid_int', "
            "'not_yet', 'shuffled', 'surplus'; got '500'. For that status: use 'status', code=500.",
        ),
        (
            ("idp", "slow"),
            {"code": 500},
            TypeError,
            "fault 'slow' takes 'seconds'; got 'code'.",
        ),
        (
            ("idp", "truncate"),
            {"work_done": False},
            TypeError,
            "fault 'truncate' takes no options; got 'work_done'.",
        ),
        (
            ("idp", "drop_before"),
            {"work_done": True},
            TypeError,
            "fault 'drop_before' takes 'reset'; got 'work_done'.",
        ),
        (("idp", "status"), {"code": 99}, ValueError, "code must be a status from 200 to 599; got 99."),
        (("idp", "slow"), {"seconds": -1}, ValueError, "seconds must be a number, 0 or more; got -1."),
        (("idp", "slow", 0), {}, ValueError, "times must be 1 or more, or None for every request; got 0."),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_when_it_is_asked_for(
    sandbox, arguments, options, error, sentence
):
    with pytest.raises(error) as caught:
        sandbox.fail(*arguments, **options)

    assert str(caught.value) == sentence
    assert sandbox.faults == []


def test_every_fault_has_a_line_of_documentation_and_a_test_here():
    tests = Path(__file__).read_text("utf-8")

    for name, kind in FAULTS.items():
        assert kind.doc.endswith(".")
        assert f'"{name}"' in tests


def test_a_kept_alive_connection_answers_without_waiting_for_an_acknowledgement(connector):
    def seconds():
        started = time.perf_counter()
        connector.http.get(LIST)
        return time.perf_counter() - started

    assert min(seconds() for _ in range(20)) < 0.03


@pytest.mark.parametrize(
    "fault", ["reqid_missing", "reqid_doubled", "reqid_unknown", "reqid_int", "shuffled"]
)
def test_a_refusal_without_req_ids_is_left_as_it_is_by_faults_of_req_ids(connector, sandbox, fault):
    sandbox.fail("conversation", fault)

    reply = connector.post(b"")

    msg = "The body is empty; send JSON."
    assert (reply.status_code, reply.json()) == (400, [{"code": "BAD_REQUEST", "body": {"msg": msg}}])


def test_a_conversation_that_is_not_valid_yet_is_refused_and_nothing_is_done(connector, sandbox):
    conversation_id = connector.open()
    sandbox.fail("send", "not_yet")

    reply = connector.publish(conversation_id, {"type": "ChatStateEvent", "chatState": "ACTIVE"})

    assert (reply.status_code, reply.json()["reqId"]) == (400, "1")
    assert sandbox.detail(conversation_id).messages == []
