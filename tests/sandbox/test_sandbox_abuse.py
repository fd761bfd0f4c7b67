"""Hostile bytes get a proper 4xx, and the sandbox lives."""

import json
import socket
import sys

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lpnb.sandbox.http.limits import Limits

LIST = "/api/account/12345678/service/baseURI.json?version=1.0"


@pytest.fixture(autouse=True)
def _lives(connector):
    yield
    assert connector.http.get(LIST).status_code == 200


def head(connector, *lines, headers=None):
    """A CONVERSATION request's head, with good tokens and these lines on top."""
    fields = {"Host": f"127.0.0.1:{connector.sandbox.port}", "Content-Type": "application/json"}
    fields |= connector.headers() if headers is None else headers
    rows = [
        f"POST {connector.path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in fields.items()),
        *lines,
    ]
    return ("\r\n".join(rows) + "\r\n\r\n").encode()


def status_and_json(reply):
    first, _, rest = reply.partition(b"\r\n")
    return int(first.split()[1]), json.loads(rest.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "The body is empty; send JSON."),
        (b" \n", "The body is empty; send JSON."),
        (
            b"{",
            "The body is not JSON: "
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1).",
        ),
        (b"[1] x", "The body is not JSON: Extra data: line 1 column 5 (char 4)."),
        (b"[NaN]", "The body contains NaN, which is not JSON."),
        (b"[-Infinity]", "The body contains -Infinity, which is not JSON."),
        (b"[1e400]", "The body contains the number 1e400, which is out of range."),
        (b"[" + b"9" * 5000 + b"]", "The body contains an integer of 5000 digits; 64 bits is the most."),
        (b"[9223372036854775808]", "The body contains an integer of 19 digits; 64 bits is the most."),
        (b'[{"a":1,"b":2,"a":3}]', "The body has the key 'a' twice in one object."),
        (b"[" * 10_000 + b"]" * 10_000, "The body nests deeper than 64 levels."),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "The body nests deeper than 64 levels."),
        (b"[" * 65 + b"]" * 65, "The body nests deeper than 64 levels."),
        (b'["\xff"]', "The body is not UTF-8: byte 2 cannot be read."),
        (b'["\xed\xa0\x80"]', "The body is not UTF-8: byte 2 cannot be read."),
        ('["ä"]'.encode("utf-16"), "The body is not UTF-8: byte 0 cannot be read."),
        (b'["\\ud83d"]', "The body contains half of a surrogate pair, which is no character."),
        (b'[{"\\udc00":1}]', "The body contains half of a surrogate pair, which is no character."),
        (b'[{"\\ud800":1,"\\ud800":2}]', "The body has the key '\\ud800' twice in one object."),
    ],
)
def test_bytes_that_are_not_strict_json_are_refused_with_the_reason(connector, sandbox, body, sentence):
    reply = connector.post(body)

    assert reply.status_code == 400
    assert reply.json() == [{"code": "BAD_REQUEST", "body": {"msg": sentence}}]
    assert sandbox.conversations == []


def test_a_byte_order_mark_is_refused(connector):
    reply = connector.post(b"\xef\xbb\xbf[]")

    assert reply.status_code == 400
    assert reply.json()[0]["body"]["msg"].startswith("The body is not JSON: Unexpected UTF-8 BOM")


def test_idp_refuses_the_same_bytes_in_its_own_shape(connector):
    reply = connector.http.post(
        "/api/account/12345678/consumer?v=1.0",
        content=b'{"ext_consumer_id": "\\ud800"}',
        headers={"Authorization": connector.app_jwt(), "Content-Type": "application/json"},
    )

    assert reply.status_code == 400
    assert reply.json() == {"error": "The body contains half of a surrogate pair, which is no character."}


def test_sixty_four_levels_the_largest_integer_and_a_whole_surrogate_pair_are_fine(connector, sandbox):
    context = {
        "type": "SharkContext",
        "deep": json.loads("[" * 60 + "]" * 60),
        "big": 2**63 - 1,
        "face": "😀",
    }
    # Written out with \\u escapes, as many clients do.
    body = json.dumps(connector.batch(conversationContext=context), ensure_ascii=True).encode()
    assert b"\\ud83d\\ude00" in body

    assert connector.post(body).status_code == 200
    assert sandbox.conversations[0].body["conversationContext"] == context


def test_brackets_in_strings_are_no_depth(connector):
    texts = ["[" * 100, '"[' * 100, "\\" * 3 + '"' + "{" * 100]

    assert connector.post(connector.batch(metadata=texts)).status_code == 200


def test_depth_is_refused_however_high_the_recursion_limit_is(connector):
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000_000)
    try:
        reply = connector.post(b"[" * 1_000_000)
    finally:
        sys.setrecursionlimit(before)

    assert reply.status_code == 400
    assert reply.json()[0]["body"]["msg"] == "The body nests deeper than 64 levels."


def test_a_megabyte_of_empty_arrays_is_read_in_reasonable_time(connector):
    body = b"[" + b",".join([b"[]"] * 349_000) + b"]"

    assert connector.post(body, timeout=5).status_code == 400


def test_a_body_of_two_megabytes_is_413(connector, sandbox):
    reply = connector.post(b" " * 2_000_000)

    assert reply.status_code == 413
    assert reply.json() == {"error": "The body is longer than 1048576 bytes."}
    assert sandbox.conversations == []


def test_a_body_of_one_mebibyte_is_read(connector):
    batch = json.dumps(connector.batch()).encode()

    assert connector.post(batch + b" " * (1024 * 1024 - len(batch))).status_code == 200


def test_two_megabytes_in_chunks_are_413(connector):
    pieces = (b" " * 65536 for _ in range(32))
    headers = connector.headers() | {"Content-Type": "application/json"}

    reply = connector.http.post(connector.path, content=pieces, headers=headers)

    assert reply.status_code == 413


def test_a_promise_of_a_terabyte_is_413_at_once(connector, raw):
    status, body = status_and_json(raw(head(connector, f"Content-Length: {10**12}")))

    assert (status, body) == (413, {"error": "The body is longer than 1048576 bytes."})


def test_a_client_that_expects_100_continue_is_told_413_before_it_sends(connector, raw):
    reply = raw(head(connector, "Content-Length: 2000000", "Expect: 100-continue"))

    assert reply.startswith(b"HTTP/1.1 413 ")


def test_a_client_that_expects_100_continue_is_told_to_go_on(connector, sandbox):
    body = json.dumps(connector.batch()).encode()
    request = head(connector, f"Content-Length: {len(body)}", "Expect: 100-continue", "Connection: close")
    received = b""

    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as sock:
        sock.sendall(request)
        assert sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        while more := sock.recv(65536):
            received += more

    assert received.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("length", ["abc", "-1", "1.5", "0x10", "9" * 40, "5, 6"])
def test_a_bad_content_length_is_400(connector, raw, length):
    status, body = status_and_json(raw(head(connector, f"Content-Length: {length}")))

    assert (status, body) == (400, {"error": "This is not HTTP/1.1 as the sandbox reads it."})


def test_two_lengths_and_a_length_beside_chunks_are_400(connector, raw):
    for lines in (
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
    ):
        assert raw(head(connector, *lines)).startswith(b"HTTP/1.1 400 ")


def test_a_body_shorter_than_promised_opens_nothing_when_the_client_leaves(connector, sandbox, raw):
    body = json.dumps(connector.batch()).encode()

    reply = raw(head(connector, f"Content-Length: {len(body) + 1}"), body, half_close=True)

    assert reply == b""
    assert sandbox.conversations == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"\x00" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_not_http_is_answered_with_a_4xx_and_closed(raw, garbage):
    reply = raw(garbage)

    assert reply.startswith(b"HTTP/1.1 4")
    assert b"Traceback" not in reply


@pytest.mark.parametrize(
    "target", ["/%00", "/%2e%2e/%2e%2e/etc/passwd", "/x?%ff=%zz", "/%ff%fe", "//", "/x?" + "a=b&" * 500]
)
def test_odd_targets_are_404(connector, sandbox, raw, target):
    request = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{sandbox.port}\r\nConnection: close\r\n\r\n"

    assert raw(request.encode()).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    "piece",
    [b"X: " + b"a" * 70_000, b"".join(b"X-%d: %s\r\n" % (n, b"a" * 100) for n in range(700)) + b"Y: z"],
)
def test_a_head_over_64_kilobytes_is_431(sandbox, raw, piece):
    start = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % sandbox.port

    status, body = status_and_json(raw(start + piece + b"\r\n\r\n"))

    assert (status, body) == (431, {"error": "The request head is longer than 65536 bytes."})


def test_a_target_over_64_kilobytes_is_431(raw):
    assert raw(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 431 ")


def test_a_head_that_never_ends_is_cut_off_at_64_kilobytes(sandbox, raw):
    endless = (b"X: " + b"a" * 1000 + b"\r\n" for _ in range(10_000))

    # The reset may outrun the answer; what matters is that the connection ends.
    reply = raw(b"GET / HTTP/1.1\r\n", *endless)

    assert reply == b"" or reply.startswith(b"HTTP/1.1 431 ")


def test_trailers_count_as_head(connector, raw):
    request = head(connector, "Transfer-Encoding: chunked") + b"0\r\n"

    reply = raw(request, b"".join(b"X-%d: %s\r\n" % (n, b"a" * 100) for n in range(700)) + b"\r\n")

    assert reply == b"" or reply.startswith(b"HTTP/1.1 431 ")


def test_a_head_that_comes_too_slowly_is_408(connect, raw):
    connector = connect(limits=Limits(head_seconds=0.1))

    reply = raw(b"GET / HTTP/1.1\r\n", port=connector.sandbox.port)

    assert status_and_json(reply) == (408, {"error": "The request head took longer than 0.1 seconds."})


def test_a_second_head_that_comes_too_slowly_is_408_too(connect, raw):
    connector = connect(limits=Limits(head_seconds=0.1))
    port = connector.sandbox.port
    whole = b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port

    reply = raw(whole + b"GET / HT", port=port)

    assert reply.startswith(b"HTTP/1.1 404 ")
    assert b"HTTP/1.1 408 " in reply


def test_a_connection_that_says_nothing_is_closed(connect, raw):
    connector = connect(limits=Limits(head_seconds=0.1))

    assert raw(port=connector.sandbox.port) == b""


def test_a_body_that_comes_too_slowly_is_408(connect, raw):
    connector = connect(limits=Limits(body_seconds=0.1))

    reply = raw(head(connector, "Content-Length: 5"), b"[", port=connector.sandbox.port)

    assert status_and_json(reply) == (408, {"error": "The body took longer than 0.1 seconds."})


def test_one_connection_too_many_is_503_and_the_others_go_on(connect, raw):
    connector = connect(limits=Limits(connections=3))
    port = connector.sandbox.port
    request = b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n" % port

    held = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(3)]
    try:
        # An answer on the last one shows that all three have been taken in.
        held[-1].sendall(request.replace(b"Connection: close\r\n", b""))
        assert held[-1].recv(65536).startswith(b"HTTP/1.1 404 ")
        reply = raw(port=port)
    finally:
        for sock in held:
            sock.close()

    assert status_and_json(reply) == (503, {"error": "More than 3 connections are open; close some."})


def test_two_requests_on_the_wire_at_once_are_answered_in_order(sandbox, raw):
    host = f"Host: 127.0.0.1:{sandbox.port}\r\n"

    reply = raw(
        f"GET {LIST} HTTP/1.1\r\n{host}\r\nGET /nowhere HTTP/1.1\r\n{host}Connection: close\r\n\r\n".encode()
    )

    assert reply.index(b"HTTP/1.1 200 ") < reply.index(b"HTTP/1.1 404 ")


def test_a_client_that_offers_http_2_is_answered_in_http_1_and_may_come_again(connector, sandbox, raw):
    """Java's HttpClient sends this on plain connections."""
    body = json.dumps(connector.batch()).encode()
    upgrade = (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
        f"Content-Length: {len(body)}",
    )

    reply = raw(head(connector, *upgrade) + body)

    assert reply.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in reply
    assert len(sandbox.conversations) == 1


def test_a_body_behind_an_upgrade_may_come_in_pieces(connector, sandbox):
    body = json.dumps(connector.batch()).encode()
    request = head(connector, "Connection: Upgrade", "Upgrade: h2c", f"Content-Length: {len(body)}")
    received = b""

    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=5) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (request, body[:10], body[10:-1], body[-1:]):
            sock.sendall(piece)
        while more := sock.recv(65536):
            received += more

    assert received.startswith(b"HTTP/1.1 200 OK")
    assert len(sandbox.conversations) == 1


def test_an_upgrade_with_a_chunked_body_is_400(connector, raw):
    status, body = status_and_json(
        raw(
            head(connector, "Connection: Upgrade", "Upgrade: h2c", "Transfer-Encoding: chunked")
            + b"0\r\n\r\n"
        )
    )

    assert status == 400
    assert body == {"error": "Send a Content-Length, or no Upgrade: HTTP/1.1 is all there is here."}


def test_http_1_0_is_served(sandbox, raw):
    reply = raw(f"GET {LIST} HTTP/1.0\r\nHost: 127.0.0.1:{sandbox.port}\r\n\r\n".encode())

    assert reply.startswith(b"HTTP/1.1 200 OK")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_no_bytes_whatever_get_a_5xx_from_conversation(connector, body):
    reply = connector.post(body, headers=_tokens(connector))

    assert 400 <= reply.status_code < 500


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
FRAMES = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.just("req") | JSON_VALUES,
        "id": st.text(max_size=70) | JSON_VALUES,
        "type": st.sampled_from(["userprofile.SetUserProfile", "cm.ConsumerRequestConversation"])
        | JSON_VALUES,
        "body": st.fixed_dictionaries(
            {},
            optional={
                "brandId": st.just("12345678") | JSON_VALUES,
                "authenticatedData": st.fixed_dictionaries({}, optional={"lp_sdes": st.lists(JSON_VALUES)})
                | JSON_VALUES,
                "campaignInfo": JSON_VALUES,
                "conversationContext": JSON_VALUES,
                "skillId": JSON_VALUES,
                "ttrDefName": JSON_VALUES,
            },
        )
        | JSON_VALUES,
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batch=st.lists(FRAMES | JSON_VALUES, min_size=1, max_size=3))
def test_no_json_whatever_gets_a_5xx_from_conversation(connector, batch):
    try:
        body = json.dumps(batch).encode()
    except UnicodeEncodeError:
        return
    reply = connector.post(body, headers=_tokens(connector))

    assert reply.status_code in (200, 400, 401)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    token=st.binary(max_size=80).map(
        lambda value: bytes(byte for byte in value if byte >= 0x21 and byte != 0x7F) or b"x"
    )
)
def test_no_token_whatever_gets_anything_but_a_401(connector, token):
    tokens = _tokens(connector)

    for spoilt in ({"Authorization": token}, {"X-LP-ON-BEHALF": token}):
        assert connector.post(headers=tokens | spoilt).status_code == 401


_TOKENS: dict[int, dict[str, str]] = {}


def _tokens(connector):
    """One pair of tokens for all examples of a property."""
    if id(connector) not in _TOKENS:
        _TOKENS[id(connector)] = connector.headers()
    return _TOKENS[id(connector)]


def test_a_client_error_stays_a_client_error_with_everything_wrong_at_once(connector):
    reply: httpx.Response = connector.http.post(
        "/api/account/%00/messaging/consumer/conversation?v=3&v=4",
        content=b"\xff" * 1000,
        headers={"Content-Type": b"a/b; charset=\xff", "Authorization": b"\xff"},
    )

    assert 400 <= reply.status_code < 500
