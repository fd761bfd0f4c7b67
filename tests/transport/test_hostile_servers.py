"""Servers and networks that misbehave: what they send is capped, kept or refused; they learn nothing."""

from __future__ import annotations

import functools
import gzip
import json
import time
import tracemalloc
import zlib

import pytest

from lpnb import ClientProperties, NotSentError, RawBatch, ServiceError


def asked_ids(asked) -> list[str]:
    return [frame["id"] for frame in json.loads(asked.body)]


def opened(asked) -> bytes:
    profile, conversation = asked_ids(asked)
    return json.dumps(
        [
            {"code": "OK", "body": {"msg": "OK User Profile set successfully"}, "reqId": profile},
            {"code": "OK", "body": {"conversationId": "c-1"}, "reqId": conversation},
        ]
    ).encode()


# What every request looks like


def test_the_conversation_request_is_the_documented_one(open_client, cloud):
    door = open_client(cloud.settings())
    door.create_conversation("anna", client_properties=ClientProperties(os="IOS"))

    (asked,) = cloud.asked("conversation")
    assert asked.method == "POST"
    assert asked.target == "/api/account/12345678/messaging/consumer/conversation?v=3"
    assert asked.header("Content-Type") == "application/json"
    assert asked.header("Authorization").startswith("eyJ")
    assert asked.header("X-LP-ON-BEHALF").startswith("eyJ")
    assert asked.header("Authorization") != asked.header("X-LP-ON-BEHALF")
    assert asked.header("Client-Properties") == '{"type":".ClientProperties","os":"IOS"}'
    assert asked.header("Accept-Encoding") == "identity"
    assert asked.header("User-Agent").startswith("lpnb/")
    assert asked.all("Cookie") == []
    for name in ("Authorization", "X-LP-ON-BEHALF", "Content-Type", "Host", "Content-Length"):
        assert len(asked.all(name)) == 1


def test_the_requests_before_it_are_the_documented_ones(open_client, cloud):
    open_client(cloud.settings()).create_conversation("anna")

    (domain,), (sentinel,), (idp,) = (cloud.asked(route) for route in ("domain", "sentinel", "idp"))
    assert (domain.method, domain.target, domain.body) == (
        "GET",
        "/api/account/12345678/service/baseURI.json?version=1.0",
        b"",
    )
    assert (sentinel.method, sentinel.target) == (
        "POST",
        "/sentinel/api/account/12345678/app/token?v=1.0",
    )
    assert sentinel.header("Content-Type") == "application/x-www-form-urlencoded"
    assert sentinel.body == (
        b"client_id=client-id&client_secret=the-client-secret&grant_type=client_credentials"
    )
    assert (idp.method, idp.target) == ("POST", "/api/account/12345678/consumer?v=1.0")
    assert json.loads(idp.body) == {"ext_consumer_id": "anna"}
    for asked in (domain, sentinel):
        assert asked.header("Authorization") is None


def test_without_client_properties_there_is_no_such_header(open_client, cloud):
    open_client(cloud.settings()).create_conversation("anna")

    assert cloud.asked("conversation")[0].all("Client-Properties") == []


def test_a_raw_batch_is_posted_byte_for_byte(open_client, cloud, reply):
    cloud.says["conversation"] = lambda asked: reply(400, {"code": "BAD_REQUEST", "body": {"msg": "No."}})
    content = b'\xef\xbb\xbf[ \xff "not json" \x00'

    answer = open_client(cloud.settings()).send_batch(RawBatch(content), "anna")

    assert cloud.asked("conversation")[0].body == content
    assert answer.outcome == "refused"


def test_given_ids_travel_on_a_connection_of_their_own(open_client, cloud):
    door = open_client(cloud.settings())
    door.create_conversation("anna", req_ids=("1,", "2,"))
    door.create_conversation("bob")

    given, fresh = cloud.asked("conversation")
    assert given.header("Connection") == "close"
    assert fresh.header("Connection") != "close"
    # This server keeps every connection open: one carried the chain and bob, one the given ids alone.
    assert cloud.server.connections == 2


def test_a_late_second_answer_to_given_ids_is_never_taken_for_the_next_one(open_client, cloud, reply):
    replies: list[bytes] = []

    def answered_twice(asked):
        replies.append(cloud.normal(asked))
        stale = reply(
            200,
            [
                {"code": "OK", "body": {}, "reqId": "1,"},
                {"code": "OK", "body": {"conversationId": f"stale-{len(replies)}"}, "reqId": "2,"},
            ],
        )
        return replies[-1] + stale

    cloud.says["conversation"] = answered_twice
    door = open_client(cloud.settings())

    answers = [door.create_conversation(name, req_ids=("1,", "2,")) for name in ("anna", "bob", "carl")]

    assert [answer.conversation_id for answer in answers] == ["conv-1", "conv-2", "conv-3"]


# Redirects, cookies, proxies


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("route", ["domain", "sentinel", "idp", "conversation"])
def test_a_redirect_is_never_followed(open_client, cloud, tiny_server, reply, route, status):
    trap = tiny_server(lambda asked: reply(200, {}))
    cloud.says[route] = lambda asked: reply(status, b"", f"Location: {trap.base}/next")
    door = open_client(cloud.settings())

    if route == "conversation":
        answer = door.create_conversation("anna")
        assert answer.outcome == "refused"
        assert {pair.message for pair in answer.pairs} == {
            f"HTTP {status} to 127.0.0.1; redirects are not followed"
        }
        assert answer.explanation == (
            f"The service refused the call with HTTP {status} to 127.0.0.1; redirects are not followed."
        )
    else:
        with pytest.raises(
            ServiceError, match=r"answered with a redirect to 127\.0\.0\.1\. Redirects are not"
        ):
            door.create_conversation("anna")

    assert trap.connections == 0
    assert cloud.calls[route] == 1


@pytest.mark.parametrize(
    "location",
    [
        "http://[",
        "//",
        "\x80\xff",
        "http://ex ample/",
        "javascript:alert(1)",
        "http://" + "a" * 3000,
        "x" * 5000,
    ],
)
def test_a_redirect_to_nonsense_is_refused_like_any_other(open_client, cloud, reply, location):
    cloud.says["conversation"] = lambda asked: reply(302, b"", f"Location: {location}")

    answer = open_client(cloud.settings()).create_conversation("anna")

    assert answer.outcome == "refused"
    assert answer.http_status == 302


def test_cookies_are_never_sent_back(open_client, cloud):
    # Under a name: for a bare address most cookie jars keep nothing anyway.
    cloud.server.netloc = cloud.server.netloc.replace("127.0.0.1", "localhost")
    cloud.server.base = f"http://{cloud.server.netloc}"
    for route in ("domain", "sentinel", "idp", "conversation"):
        cloud.says[route] = lambda asked: cloud.normal(asked).replace(
            b"\r\n\r\n", b"\r\nSet-Cookie: session=canary; Path=/\r\n\r\n", 1
        )
    door = open_client(cloud.settings())

    door.create_conversation("anna")
    door.create_conversation("anna")

    assert [asked for asked in cloud.server.asked if asked.header("Cookie")] == []
    assert len(cloud.server.asked) == 5


def test_proxy_variables_and_netrc_are_ignored(open_client, cloud, tiny_server, reply, monkeypatch, tmp_path):
    proxy = tiny_server(lambda asked: reply(200, {}))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.base)
        monkeypatch.setenv(name.lower(), proxy.base)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login canary password canary\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    assert open_client(cloud.settings()).create_conversation("anna").outcome == "answered"

    assert proxy.connections == 0
    assert cloud.asked("domain")[0].header("Authorization") is None


# Sizes


@functools.cache
def bomb(pack) -> bytes:
    return pack(b"0" * 20_000_000, 9)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate"])
def test_a_compression_bomb_is_unpacked_no_further_than_the_cap(open_client, cloud, reply, encoding):
    packed = bomb(zlib.compress if encoding == "deflate" else gzip.compress)
    assert len(packed) < 100_000
    tracemalloc.start()
    cloud.says["conversation"] = lambda asked: reply(200, packed, f"Content-Encoding: {encoding}")

    try:
        answer = open_client(cloud.settings()).create_conversation("anna")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 12_000_000
    assert answer.outcome == "unknown"
    assert answer.explanation.startswith(
        "The request left, and the answer is larger than 1,048,576 bytes. A conversation may exist"
    )
    assert len(answer.raw) == 1_048_576


def test_a_reply_that_is_compressed_unasked_is_read(open_client, cloud, reply):
    cloud.says["conversation"] = lambda asked: reply(
        200, gzip.compress(opened(asked)), "Content-Encoding: gzip"
    )

    assert open_client(cloud.settings()).create_conversation("anna").conversation_id == "c-1"


@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        (["Content-Encoding: br"], b"xxxx", "the answer is encoded as 'br', which was not asked for"),
        (["Content-Encoding: gzip"], b"not gzip", "the answer's compression is broken"),
        (
            ["Content-Encoding: gzip, gzip"],
            b"x",
            "the answer is encoded as 'gzip, gzip', which was not asked for",
        ),
    ],
)
def test_an_encoding_that_cannot_be_read_is_unknown(open_client, cloud, reply, headers, body, said):
    cloud.says["conversation"] = lambda asked: reply(200, body, *headers)

    answer = open_client(cloud.settings()).create_conversation("anna")

    assert answer.outcome == "unknown"
    assert answer.explanation.startswith(f"The request left, and {said}. A conversation may exist")
    assert cloud.calls["conversation"] == 1


def test_half_a_gzip_stream_is_unknown(open_client, cloud, reply):
    cloud.says["conversation"] = lambda asked: reply(
        200, gzip.compress(opened(asked))[:-12], "Content-Encoding: gzip"
    )

    assert open_client(cloud.settings()).create_conversation("anna").outcome == "unknown"


@pytest.mark.parametrize("route", ["domain", "sentinel", "idp"])
def test_the_cap_holds_for_every_service(open_client, cloud, reply, route):
    cloud.says[route] = lambda asked: reply(200, b"[" + b" " * 3_000_000 + b"]")

    with pytest.raises(NotSentError):
        open_client(cloud.settings()).create_conversation("anna")

    assert cloud.calls["conversation"] == 0


# Bytes that are no HTTP


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\x00" * 100 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"HTTP/1.1 200 \xff\xfe\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX\xff: \xfe\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ],
    ids=lambda said: repr(said[:48]),
)
def test_whatever_comes_back_in_place_of_a_reply_is_unknown_and_not_repeated(open_client, cloud, said):
    def answer(asked):
        cloud.says["conversation"] = None  # asked a second time, this fails
        return (
            said if b"onnection: close" in said else said.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        ) or None

    cloud.says["conversation"] = answer

    found = open_client(cloud.settings()).create_conversation("anna")

    assert found.outcome == "unknown"
    assert cloud.calls["conversation"] == 1
    assert "eyJ" not in found.explanation


@pytest.mark.parametrize("status", [100, 102, 103])
def test_an_interim_reply_is_not_the_answer(open_client, cloud, reply, status):
    cloud.says["conversation"] = lambda asked: (
        f"HTTP/1.1 {status} Wait\r\n\r\n".encode() + reply(200, opened(asked))
    )

    assert open_client(cloud.settings()).create_conversation("anna").conversation_id == "c-1"


@pytest.mark.parametrize("count", [3_000, 20_000])
def test_an_answer_after_thousands_of_interim_replies_is_read(open_client, cloud, reply, count):
    cloud.says["conversation"] = lambda asked: (
        b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n" * count + reply(200, opened(asked))
    )

    assert open_client(cloud.settings()).create_conversation("anna").conversation_id == "c-1"


@pytest.mark.parametrize(
    "number", [b"1e400", b"-1e400", b"9" * 401, b"-" + b"9" * 5_000, b"1" + b"0" * 500 + b".5"]
)
@pytest.mark.parametrize("place", ["body", "element", "profile", "deep"])
def test_a_number_too_large_for_a_float_beside_what_is_read_costs_no_conversation(
    open_client, cloud, reply, number, place
):
    def answer(asked):
        profile, conversation = asked_ids(asked)
        n = dict.fromkeys(("body", "element", "profile", "deep"), "1") | {place: number.decode()}
        return reply(
            200,
            (
                f'[{{"code":"OK","body":{{"msg":"set","n":{n["profile"]}}},"reqId":"{profile}"}},'
                f'{{"code":"OK","ttl":{n["element"]},"body":{{"conversationId":"c-1","n":{n["body"]},'
                f'"x":[{{"y":{n["deep"]}}}]}},"reqId":"{conversation}"}}]'
            ).encode(),
        )

    cloud.says["conversation"] = answer

    found = open_client(cloud.settings()).create_conversation("anna")

    assert (found.outcome, found.conversation_id) == ("answered", "c-1")
    assert number in found.raw
    json.dumps([pair.body for pair in found.pairs], allow_nan=False)


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 401])
@pytest.mark.parametrize("place", ["code", "conversationId", "reqId"])
def test_a_number_too_large_in_what_is_read_leaves_the_outcome_unknown(
    open_client, cloud, reply, number, place
):
    def answer(asked):
        profile, conversation = asked_ids(asked)
        said = {"code": '"OK"', "conversationId": '"c-1"', "reqId": f'"{conversation}"', place: number}
        return reply(
            200,
            (
                f'[{{"code":"OK","body":{{"msg":"set"}},"reqId":"{profile}"}},{{"code":{said["code"]},'
                f'"body":{{"conversationId":{said["conversationId"]}}},"reqId":{said["reqId"]}}}]'
            ).encode(),
        )

    cloud.says["conversation"] = answer

    found = open_client(cloud.settings()).create_conversation("anna")

    assert found.outcome == "unknown"
    assert cloud.calls["conversation"] == 1


def test_a_reply_in_chunks_is_read(open_client, cloud, reply):
    def chunked(asked):
        content = opened(asked)
        pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in content) + b"0\r\n\r\n"
        return reply(200, pieces, "Transfer-Encoding: chunked")

    cloud.says["conversation"] = chunked

    assert open_client(cloud.settings()).create_conversation("anna").conversation_id == "c-1"


def test_a_reply_that_ends_with_its_connection_is_read(open_client, cloud):
    cloud.says["conversation"] = lambda asked: b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + opened(asked)

    assert open_client(cloud.settings()).create_conversation("anna").conversation_id == "c-1"


def test_a_reply_cut_after_its_last_byte_but_before_its_promised_length_is_still_an_answer(
    open_client, cloud, reply
):
    def short(asked):
        content = opened(asked)
        return reply(200, content, f"Content-Length: {len(content) + 10}", "Connection: close")

    cloud.says["conversation"] = short

    answer = open_client(cloud.settings()).create_conversation("anna")

    assert answer.outcome == "answered"
    assert answer.conversation_id == "c-1"


def test_a_conversation_under_a_5xx_is_still_an_answer(open_client, cloud, reply):
    cloud.says["conversation"] = lambda asked: reply(502, opened(asked))

    assert open_client(cloud.settings()).create_conversation("anna").conversation_id == "c-1"


def test_an_id_that_answered_an_earlier_request_is_stale(open_client, cloud, reply):
    cloud.says["conversation"] = lambda asked: reply(200, opened(asked))
    door = open_client(cloud.settings())

    assert door.create_conversation("anna").conversation_id == "c-1"
    again = door.create_conversation("bob")

    assert again.outcome == "unknown"
    assert again.conversation_id is None
    assert [pair.code for pair in again.pairs] == ["OK", "stale"]
    assert "Conversation c-1 already answered an earlier request." in again.explanation


@pytest.mark.parametrize(
    "retry_after", ["nan", "inf", "-5", "soon", "Wed, 21 Oct 2015 07:28:00 GMT", "", "1e9999", "9" * 5000]
)
def test_an_odd_retry_after_neither_hangs_nor_breaks_a_send(open_client, cloud, reply, retry_after):
    def throttle_once(asked):
        if cloud.calls["conversation"] > 1:
            return cloud.normal(asked)
        return reply(429, b"", f"Retry-After: {retry_after}")

    cloud.says["conversation"] = throttle_once

    assert open_client(cloud.settings()).create_conversation("anna").outcome == "answered"


def test_401_with_a_web_page_for_a_body_is_refreshed_once(open_client, cloud, reply):
    cloud.says["conversation"] = lambda asked: reply(401, b"<h1>who are you</h1>")

    answer = open_client(cloud.settings()).create_conversation("anna")

    assert answer.outcome == "refused"
    assert dict(cloud.calls) == {"domain": 1, "sentinel": 2, "idp": 2, "conversation": 2}
    assert {pair.code for pair in answer.pairs} == {"http-401"}


# Time


def test_a_server_that_accepts_and_says_nothing_is_given_up_at_the_deadline(open_client, cloud, tiny_server):
    import threading

    released = threading.Event()
    cloud.says["conversation"] = lambda asked: released.wait(10) and None
    door = open_client(cloud.settings(), deadline=0.5)

    begun = time.monotonic()
    answer = door.create_conversation("anna")
    took = time.monotonic() - begun
    released.set()

    assert took < 5
    assert answer.outcome == "unknown"
    assert answer.attempts == 1


@pytest.mark.parametrize("deadline", [0, -1, float("nan"), float("inf"), "30", None])
def test_a_deadline_is_a_number_of_seconds(open_client, cloud, deadline):
    with pytest.raises(ValueError, match=r"^deadline must be a number of seconds above 0; got "):
        open_client(cloud.settings(), deadline=deadline)


def test_a_kept_connection_is_used_again(open_client, cloud):
    door = open_client(cloud.settings())

    for consumer in ("anna", "bob", "cleo"):
        door.create_conversation(consumer)

    assert cloud.server.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_not_mistaken_for_a_cut(open_client, cloud):
    """The reply before said that its connection ends; the next request takes a new one."""
    cloud.says["conversation"] = lambda asked: cloud.normal(asked).replace(
        b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1
    )
    door = open_client(cloud.settings())

    outcomes = [door.create_conversation(name).outcome for name in ("anna", "bob", "cleo")]

    assert outcomes == ["answered"] * 3
    assert cloud.server.connections == 3
