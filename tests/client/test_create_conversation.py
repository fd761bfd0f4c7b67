"""One send from end to end against the sandbox: who is called how often, and what becomes of it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
import time
import uuid

import pytest

from lpnb import (
    AlreadyOpenError,
    AsyncClient,
    Client,
    ConversationBatch,
    CredentialsError,
    InvalidValueError,
    NoAnswerError,
    NotSentError,
    RawBatch,
    RefusedError,
    Sandbox,
    Settings,
    UnauthorizedError,
    responses_table,
)
from lpnb._internal import event_loop
from lpnb.models.status_meanings import status_meaning

MAYBE = (
    " A conversation may exist, so it was not repeated. Look for this consumer's open conversation before "
    "you send again."
)


def test_the_first_send_makes_exactly_four_requests(door, sandbox):
    reply = door.create_conversation("anna")

    assert dict(sandbox.calls) == {"domain": 1, "sentinel": 1, "idp": 1, "conversation": 1}
    assert reply.outcome == "answered"
    assert reply.ok
    assert reply.attempts == 1
    assert reply.http_status == 200
    assert reply.conversation_id == sandbox.conversations[0].conversation_id
    assert reply.explanation == f"Conversation {reply.conversation_id} is open."


def test_the_call_is_the_documented_one(open_client, cloud):
    open_client(cloud.settings()).create_conversation("anna")

    (asked,) = cloud.asked("conversation")
    account = cloud.settings().account_id
    headers = {name.lower(): value for name, value in asked.headers}
    assert asked.target == f"/api/account/{account}/messaging/consumer/conversation?v=3"
    assert headers["content-type"] == "application/json"
    assert headers["authorization"].startswith("eyJ")  # the AppJWT, without "Bearer"
    assert headers["x-lp-on-behalf"].startswith("eyJ")
    assert headers["authorization"] != headers["x-lp-on-behalf"]


def test_the_second_send_for_the_same_consumer_makes_exactly_one(door, sandbox):
    first = door.create_conversation("anna")
    sandbox.close_conversation(first.conversation_id)

    second = door.create_conversation("anna")

    assert dict(sandbox.calls) == {"domain": 1, "sentinel": 1, "idp": 1, "conversation": 2}
    assert second.outcome == "answered"
    assert second.conversation_id != first.conversation_id


def test_another_consumer_costs_one_more_idp_request(door, sandbox):
    door.create_conversation("anna")
    door.create_conversation("bob")

    assert dict(sandbox.calls) == {"domain": 1, "sentinel": 1, "idp": 2, "conversation": 2}


def test_fifty_tasks_at_once_share_one_lookup_and_one_app_jwt(settings, sandbox):
    async def send_all():
        async with AsyncClient(settings, wait_scale=0.0) as client:
            return await asyncio.gather(*(client.create_conversation(f"c-{n}") for n in range(50)))

    replies = asyncio.run(send_all())

    assert dict(sandbox.calls) == {"domain": 1, "sentinel": 1, "idp": 50, "conversation": 50}
    assert {reply.outcome for reply in replies} == {"answered"}
    assert len({reply.conversation_id for reply in replies}) == 50


def test_fifty_threads_at_once_share_one_lookup_and_one_app_jwt(settings, sandbox):
    together = threading.Barrier(50, timeout=20)

    def send(number):
        together.wait()
        return client.create_conversation(f"c-{number}")

    with Client(settings, wait_scale=0.0) as client, concurrent.futures.ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(send, range(50)))

    assert dict(sandbox.calls) == {"domain": 1, "sentinel": 1, "idp": 50, "conversation": 50}
    assert {reply.outcome for reply in replies} == {"answered"}


def test_fifty_sends_for_one_new_consumer_share_its_consumer_jws(settings, sandbox):
    async def send_all():
        async with AsyncClient(settings, wait_scale=0.0) as client:
            return await asyncio.gather(*(client.create_conversation("anna") for _ in range(50)))

    replies = asyncio.run(send_all())

    assert dict(sandbox.calls) == {"domain": 1, "sentinel": 1, "idp": 1, "conversation": 50}
    assert sorted(reply.outcome for reply in replies) == ["answered"] + ["refused"] * 49
    assert len(sandbox.conversations) == 1


@pytest.mark.parametrize(
    ("route", "code", "error", "each"),
    [
        ("sentinel", 401, CredentialsError, 1),
        ("sentinel", 503, NotSentError, 4),
        ("domain", 503, NotSentError, 4),
        ("domain", 302, NotSentError, 1),
    ],
)
def test_fifty_sends_share_a_failure_as_well(settings, sandbox, route, code, error, each):
    sandbox.fail(route, "status", times=None, code=code)

    async def send_all():
        async with AsyncClient(settings, wait_scale=0.0) as client:
            sends = (client.create_conversation(f"c-{n}") for n in range(50))
            return await asyncio.gather(*sends, return_exceptions=True)

    failures = asyncio.run(send_all())

    assert {type(failure) for failure in failures} <= {error, *error.__subclasses__()}
    assert len({str(failure) for failure in failures}) == 1
    # Those who come after the failure ask anew; they are few.
    assert sandbox.calls[route] <= 12 * each
    assert sandbox.calls["idp"] == 0


def test_a_failure_is_not_kept_for_those_who_come_later(settings, sandbox):
    sandbox.fail("sentinel", "status", code=401)

    async def send_twice():
        async with AsyncClient(settings, wait_scale=0.0) as client:
            with pytest.raises(CredentialsError):
                await client.create_conversation("anna")
            return await client.create_conversation("anna")

    assert asyncio.run(send_twice()).outcome == "answered"
    assert sandbox.calls["sentinel"] == 2


def test_one_client_may_be_used_from_several_event_loops(settings, sandbox):
    client = AsyncClient(settings, wait_scale=0.0)

    outcomes = [asyncio.run(client.create_conversation(name)).outcome for name in ("anna", "bob", "cleo")]
    asyncio.run(client.close())

    assert outcomes == ["answered", "answered", "answered"]
    assert sandbox.calls["sentinel"] == 1


def test_a_token_that_expires_mid_way_costs_one_sentinel_request_and_no_conversation_twice(door, sandbox):
    door.create_conversation("anna")
    door.create_conversation("bob")
    for conversation in sandbox.conversations:
        sandbox.close_conversation(conversation.conversation_id)
    sandbox.expire_tokens()

    reply = door.create_conversation("anna")

    assert reply.outcome == "answered"
    assert reply.attempts == 2
    assert dict(sandbox.calls) == {"domain": 1, "sentinel": 2, "idp": 2, "conversation": 4}
    assert [c.state for c in sandbox.conversations] == ["CLOSE", "CLOSE", "OPEN"]


def test_a_token_that_expires_before_the_idp_is_asked_is_renewed_once(door, sandbox):
    door.create_conversation("anna")
    sandbox.expire_tokens()

    assert door.create_conversation("bob").outcome == "answered"
    assert dict(sandbox.calls) == {"domain": 1, "sentinel": 2, "idp": 3, "conversation": 2}


def test_fifty_sends_whose_token_expired_together_renew_it_once(settings, sandbox):
    async def send_all():
        async with AsyncClient(settings, wait_scale=0.0) as client:
            await asyncio.gather(*(client.create_conversation(f"c-{n}") for n in range(25)))
            for conversation in sandbox.conversations:
                sandbox.close_conversation(conversation.conversation_id)
            sandbox.expire_tokens()
            # Half of them known to the IDP, half of them new: both roads meet the expired token.
            return await asyncio.gather(*(client.create_conversation(f"c-{n}") for n in range(50)))

    replies = asyncio.run(send_all())

    assert [reply.outcome for reply in replies] == ["answered"] * 50
    assert sandbox.calls["sentinel"] == 2
    assert len([c for c in sandbox.conversations if c.state == "OPEN"]) == 50


def test_a_short_lived_token_is_renewed_before_it_expires(open_client):
    now = [1_700_000_000.0]
    with Sandbox(token_lifetime=100, clock=lambda: now[0]) as sandbox:
        door = open_client(Settings.of(sandbox.environment()))
        connector = door.client.engine.account
        moment = [1000.0]
        connector._clock = lambda: moment[0]

        door.create_conversation("anna")
        moment[0] += 89
        door.create_conversation("bob")
        assert sandbox.calls["sentinel"] == 1

        moment[0] += 2
        door.create_conversation("cleo")
        assert sandbox.calls["sentinel"] == 2
        assert sandbox.calls["conversation"] == 3


def test_401_twice_is_a_refusal_and_not_a_loop(door, sandbox):
    frame = {
        "kind": "resp",
        "code": 401,
        "body": {
            "title": "Invalid AppJWT",
            "details": "AppJWT has expired or is invalid",
            "errorCode": 40102,
        },
        "type": ".ReqBody$ErrorResp",
    }
    sandbox.fail("conversation", "status", times=None, code=401, body=frame)

    reply = door.create_conversation("anna")

    assert dict(sandbox.calls) == {"domain": 1, "sentinel": 2, "idp": 1, "conversation": 2}
    assert reply.outcome == "refused"
    assert reply.attempts == 2
    assert [pair.code for pair in reply.pairs] == ["40102", "40102"]
    assert reply.explanation == (
        "Refused with 40102, Invalid AppJWT: AppJWT has expired or is invalid. "
        "The AppJWT has expired or is invalid."
    )
    with pytest.raises(UnauthorizedError) as caught:
        reply.raise_for_outcome()
    assert caught.value.response is reply


@pytest.mark.parametrize(
    ("code", "title", "details", "meaning"),
    [
        (
            40001,
            "Missing parameter",
            "Brand Id is missing",
            "The brand id is missing, or the AppJWT lacks a claim such as iss.",
        ),
        (
            40102,
            "Invalid AppJWT",
            "AppJWT has expired or is invalid",
            "The AppJWT has expired or is invalid.",
        ),
        (
            40103,
            "Invalid ConsumerJWS",
            "ConsumerJWS is invalid",
            "The ConsumerJWS is invalid, or the conversation belongs to another consumer.",
        ),
        (
            40104,
            "ConsumerJWS is missing",
            "X_ON_BEHALF_HEADER is not present",
            "The X-LP-ON-BEHALF header with the ConsumerJWS is missing.",
        ),
        (
            40105,
            "AppJWT is missing",
            "AUTHORIZATION header is not present",
            "The Authorization header with the AppJWT is missing.",
        ),
    ],
)
def test_each_of_the_five_authorisation_errors_is_named(door, sandbox, code, title, details, meaning):
    body = {"title": title, "details": details, "errorCode": code}
    frame = {"kind": "resp", "code": 401, "body": body, "type": ".ReqBody$ErrorResp"}
    sandbox.fail("conversation", "status", times=None, code=401, body=frame)

    reply = door.create_conversation("anna")

    assert reply.outcome == "refused"
    assert reply.explanation == f"Refused with {code}, {title}: {details}. {meaning}"
    assert {pair.code for pair in reply.pairs} == {str(code)}
    # The token that the code is about is asked for again, the other is not.
    consumer = code in (40103, 40104)
    assert (sandbox.calls["sentinel"], sandbox.calls["idp"]) == ((1, 2) if consumer else (2, 1))
    assert sandbox.conversations == []


def test_a_401_without_a_code_renews_both_tokens_once(door, sandbox):
    sandbox.fail("conversation", "status", code=401)

    assert door.create_conversation("anna").outcome == "answered"
    assert (sandbox.calls["sentinel"], sandbox.calls["idp"]) == (2, 2)

    sandbox.fail("conversation", "status", times=None, code=401)
    reply = door.create_conversation("bob")

    assert (reply.outcome, reply.attempts) == ("refused", 2)
    assert len(sandbox.conversations) == 1


def test_both_tokens_may_be_refused_one_after_the_other_in_one_send(cloud, open_client, reply):
    codes = iter((40103, 40102))

    def refuse_twice(asked):
        code = next(codes, None)
        if code is None:
            return cloud.normal(asked)
        frame = {"kind": "resp", "code": 401, "body": {"errorCode": code}, "type": ".ReqBody$ErrorResp"}
        return reply(401, frame)

    cloud.says["conversation"] = refuse_twice
    response = open_client(cloud.settings()).create_conversation("anna")

    assert (response.outcome, response.attempts) == ("answered", 3)
    assert (cloud.calls["sentinel"], cloud.calls["idp"]) == (2, 2)


@pytest.mark.parametrize("rotations", [1, 2])
def test_keys_that_are_rotated_under_way_cost_no_case(settings, sandbox, rotations):
    from lpnb import AsyncClient

    async def main():
        async with AsyncClient(settings, wait_scale=0.0) as client:
            await asyncio.gather(*(client.create_conversation(f"early-{n}") for n in range(8)))
            work = []
            for number in range(rotations):
                late = [f"late-{number}-{n}" for n in range(24)]
                # With their tokens they all leave at once, so that none is met twice by what is to come:
                await asyncio.gather(*(event_loop.awaitable(client.engine.ready(name)) for name in late))
                # a gateway that says nothing but 401, to several requests under way at once.
                sandbox.fail("conversation", "status", times=8, code=401)
                work += [asyncio.create_task(client.create_conversation(name)) for name in late]
                await asyncio.gather(*work)
            return [reply.outcome for reply in await asyncio.gather(*work)]

    assert asyncio.run(main()) == ["answered"] * 24 * rotations
    assert len(sandbox.conversations) == 8 + 24 * rotations


def test_429_is_waited_out(door, sandbox):
    sandbox.fail("conversation", "status", times=2, code=429)

    reply = door.create_conversation("anna")

    assert reply.outcome == "answered"
    assert reply.attempts == 3
    assert sandbox.calls["conversation"] == 3
    assert len(sandbox.conversations) == 1


def test_429_with_a_retry_after_is_waited_out(door, sandbox):
    sandbox.fail("conversation", "status", code=429, retry_after=7)

    assert door.create_conversation("anna").outcome == "answered"
    assert sandbox.calls["conversation"] == 2


def test_a_429_without_end_is_given_up_after_a_minute_of_waits(door, sandbox):
    sandbox.fail("conversation", "status", times=None, code=429)

    reply = door.create_conversation("anna")

    assert sandbox.calls["conversation"] == 61
    assert reply.outcome == "not sent"
    assert reply.attempts == 61
    assert reply.http_status == 429
    assert reply.explanation == (
        "Nothing was created: the service is throttling this account (HTTP 429). Sending again is safe."
    )
    assert [pair.code for pair in reply.pairs] == ["not-sent", "not-sent"]
    with pytest.raises(NotSentError) as caught:
        reply.raise_for_outcome()
    assert caught.value.response is reply


def test_an_absurd_retry_after_ends_the_send_at_once(door, sandbox):
    sandbox.fail("conversation", "status", times=None, code=429, retry_after=86400)

    reply = door.create_conversation("anna")

    assert sandbox.calls["conversation"] == 1
    assert reply.outcome == "not sent"
    assert reply.explanation == (
        "Nothing was created: the service is throttling this account (HTTP 429) and asks for a pause of "
        "86400 s. Sending again is safe."
    )


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_line_cut_after_the_work_was_done_is_unknown_and_nothing_is_repeated(door, sandbox, reset):
    sandbox.fail("conversation", "drop_after", reset=reset)

    reply = door.create_conversation("anna")

    assert reply.outcome == "unknown"
    assert reply.attempts == 1
    assert reply.http_status is None
    assert reply.conversation_id is None
    assert sandbox.calls["conversation"] == 1
    assert len(sandbox.conversations) == 1
    assert [pair.code for pair in reply.pairs] == ["no-answer", "no-answer"]
    assert reply.explanation.endswith(MAYBE)
    assert door.unknown == (reply,)
    with pytest.raises(NoAnswerError):
        reply.raise_for_outcome()


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_line_cut_before_the_work_was_done_cannot_be_told_apart(door, sandbox, reset):
    sandbox.fail("conversation", "drop_before", reset=reset)

    reply = door.create_conversation("anna")

    assert reply.outcome == "unknown"
    assert sandbox.calls["conversation"] == 1
    assert sandbox.conversations == []
    assert door.unknown == (reply,)


def test_a_line_cut_without_an_answer_says_so(door, sandbox):
    sandbox.fail("conversation", "drop_after")

    assert door.create_conversation("anna").explanation == (
        "The request left, and the connection was closed without an answer." + MAYBE
    )


def test_a_refused_connection_is_tried_again_and_then_not_sent(door, sandbox, refused_port):
    door.create_conversation("anna")
    door.client.engine.account.domains["asyncMessagingEnt"] = f"http://127.0.0.1:{refused_port}"

    reply = door.create_conversation("anna")

    assert reply.outcome == "not sent"
    assert reply.attempts == 6
    assert reply.explanation == (
        f"Nothing was created: could not connect to 127.0.0.1:{refused_port} (connection refused). "
        "Sending again is safe."
    )
    assert reply.http_status is None
    assert door.unknown == ()
    assert sandbox.calls["conversation"] == 1


def test_a_domain_api_that_cannot_be_reached_is_asked_four_times(open_client, refused_port):
    base = f"http://127.0.0.1:{refused_port}"
    door = open_client(Settings("12345678", "id", "secret", domain_api=base))

    with pytest.raises(NotSentError) as caught:
        door.create_conversation("anna")

    assert str(caught.value) == (
        f"Domain API could not be reached: could not connect to 127.0.0.1:{refused_port} "
        "(connection refused), tried 4 times."
    )
    assert caught.value.response is None


@pytest.mark.parametrize(
    ("fault", "options"), [("hang", {"work_done": True}), ("drip", {"seconds": 0.1})], ids=["hang", "drip"]
)
def test_the_deadline_holds_for_the_whole_call(open_client, settings, sandbox, fault, options):
    door = open_client(settings, deadline=0.5)
    door.create_conversation("anna")
    sandbox.fail("conversation", fault, **options)

    begun = time.monotonic()
    reply = door.create_conversation("bob")
    took = time.monotonic() - begun

    assert took < 5
    assert reply.outcome == "unknown"
    assert "The request left, and no complete answer came within 0.5 s." in reply.explanation
    assert len(sandbox.conversations) == 2
    assert sandbox.calls["conversation"] == 2


def test_a_reply_of_twenty_megabytes_is_not_read_to_its_end(door, sandbox):
    sandbox.fail("conversation", "big", size=20_000_000)

    reply = door.create_conversation("anna")

    assert reply.outcome == "unknown"
    assert reply.explanation == ("The request left, and the answer is larger than 1,048,576 bytes." + MAYBE)
    assert len(reply.raw) == 1_048_576


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("truncate", "The request left, and the answer broke off."),
        (
            "html",
            "The request left, and HTTP 200 came back. "
            "The reply is not JSON: Expecting value at line 1, column 1.",
        ),
        ("empty", "The request left, and HTTP 200 came back. The reply is not JSON: it is empty."),
        ("nan", "The request left, and HTTP 200 came back. The reply is not JSON: NaN is not JSON."),
    ],
)
def test_a_reply_that_cannot_be_read_is_unknown_and_kept(door, sandbox, fault, said):
    sandbox.fail("conversation", fault)

    reply = door.create_conversation("anna")

    assert reply.outcome == "unknown"
    assert reply.explanation == said + MAYBE
    assert reply.attempts == 1
    assert sandbox.calls["conversation"] == 1
    assert (reply.raw == b"") is (fault == "empty")
    assert door.unknown == (reply,)


def test_the_id_in_a_truncated_reply_is_offered_as_a_candidate(door, sandbox):
    sandbox.fail("conversation", "nan")

    reply = door.create_conversation("anna")

    assert reply.candidates == (sandbox.conversations[0].conversation_id,)


@pytest.mark.parametrize("fault", ["reqid_missing", "reqid_unknown"])
def test_a_conversation_answer_without_our_reqid_is_unknown(door, sandbox, fault):
    sandbox.fail("conversation", fault)

    reply = door.create_conversation("anna")

    assert reply.outcome == "unknown"
    assert [pair.code for pair in reply.pairs] == ["OK", "missing"]
    assert [pair.ok for pair in reply.pairs] == [True, False]
    assert len(reply.strays) == 1
    assert reply.candidates == (sandbox.conversations[0].conversation_id,)
    assert reply.explanation == (
        "The request left, and HTTP 200 came back. cm.ConsumerRequestConversation: no answer. "
        "1 answer fits no request." + MAYBE
    )


def test_two_different_answers_to_one_request_are_unknown(door, sandbox):
    sandbox.fail("conversation", "reqid_doubled")

    reply = door.create_conversation("anna")

    assert reply.outcome == "unknown"
    assert [pair.code for pair in reply.pairs] == ["doubled", "missing"]
    assert reply.conversation_id is None
    assert reply.candidates == (sandbox.conversations[0].conversation_id,)


def test_reqids_that_come_back_as_numbers_are_not_taken_for_ours(door, sandbox):
    sandbox.fail("conversation", "reqid_int")
    frames = [
        {"kind": "req", "id": "1", "type": "userprofile.SetUserProfile", "body": {}},
        {
            "kind": "req",
            "id": "2",
            "type": "cm.ConsumerRequestConversation",
            "body": {"brandId": "12345678"},
        },
    ]

    reply = door.send_batch(frames, "anna")

    assert reply.outcome == "unknown"
    assert [pair.code for pair in reply.pairs] == ["missing", "missing"]
    assert {pair.message for pair in reply.pairs} == {
        "its reqId came back as a number, not as the text that was sent"
    }
    assert len(reply.strays) == 2


def test_answers_in_another_order_are_paired_by_reqid(door, sandbox):
    sandbox.fail("conversation", "shuffled")

    reply = door.create_conversation("anna")

    assert reply.outcome == "answered"
    assert [pair.message for pair in reply.pairs] == ["OK User Profile set successfully", None]
    assert [pair.conversation_id for pair in reply.pairs] == [
        None,
        sandbox.conversations[0].conversation_id,
    ]


@pytest.mark.parametrize("given_ids", [False, True], ids=["fresh ids", "the same ids twice"])
def test_a_stale_second_reply_on_the_connection_is_never_taken_for_ours(door, sandbox, given_ids):
    door.create_conversation("anna")
    door.create_conversation("bob")
    for conversation in sandbox.conversations:
        sandbox.close_conversation(conversation.conversation_id)
    ids = {"req_ids": ("1,", "2,")} if given_ids else {}
    sandbox.fail("conversation", "surplus")

    anna = door.create_conversation("anna", **ids)
    bob = door.create_conversation("bob", **ids)

    opened = {c.ext_consumer_id: c.conversation_id for c in sandbox.conversations if c.state == "OPEN"}
    assert anna.conversation_id == opened["anna"]
    if given_ids:
        # With the page's own constant ids nobody could tell a stale reply; the connection must not be reused.
        assert bob.conversation_id in (opened.get("bob"), None)
    else:
        assert (bob.outcome, bob.conversation_id) in (("answered", opened.get("bob")), ("unknown", None))


def test_a_stale_reply_that_reaches_the_idp_opens_nothing_for_anybody_else(door, sandbox):
    door.create_conversation("anna")
    sandbox.close_conversation(sandbox.conversations[0].conversation_id)
    sandbox.fail("conversation", "surplus")
    door.create_conversation("anna")

    try:
        bob = door.create_conversation("bob")
    except NotSentError:
        assert len(sandbox.conversations) == 2
    else:
        assert bob.conversation_id == sandbox.conversations[2].conversation_id


@pytest.mark.parametrize("status", [200, 400])
def test_an_open_conversation_is_a_refusal_that_says_how_to_find_it(open_client, status):
    with Sandbox(already_open_status=status) as sandbox:
        door = open_client(Settings.of(sandbox.environment()))
        door.create_conversation("anna")

        reply = door.create_conversation("anna")

        user = sandbox.conversations[0].lp_consumer_id
        assert len(sandbox.conversations) == 1
        assert reply.http_status == status
        assert reply.outcome == "refused"
        assert [pair.ok for pair in reply.pairs] == [True, False]
        assert [pair.code for pair in reply.pairs] == ["OK", "BAD_REQUEST"]
        assert reply.open_for == user
        assert reply.explanation == (
            "The profile was accepted; the conversation was refused: this consumer already has one open, "
            "and can have only one. Go on in that one, or take another consumer id. "
            "client.find_open_conversation(consumer_id) finds it; the service's own id of this consumer is "
            f"{user}."
        )
        with pytest.raises(AlreadyOpenError):
            reply.raise_for_outcome()


@pytest.mark.parametrize("status", [200, 400])
def test_a_refused_profile_creates_nothing_whatever_the_status(open_client, status):
    with Sandbox(sde_checks="strict", refused_element_status=status) as sandbox:
        door = open_client(Settings.of(sandbox.environment()))

        reply = door.create_conversation(
            "anna", sdes=[{"type": "personal", "personal": {"firstname": "Anna"}}], skill_id="-1"
        )
        assert reply.outcome == "answered"

        from lpnb import PersonalInfo

        refused = door.create_conversation("bob", sdes=[PersonalInfo(extra={"shoeSize": "44"})])
        assert refused.outcome == "refused"
        assert refused.http_status == status
        assert [pair.code for pair in refused.pairs] == ["BAD_REQUEST", "BAD_REQUEST"]
        assert len(sandbox.conversations) == 1
        with pytest.raises(RefusedError):
            refused.raise_for_outcome()


def test_a_profile_that_was_refused_beside_an_opened_conversation_is_told(open_client):
    from lpnb import PersonalInfo

    with Sandbox(sde_checks="strict", open_after_refused_profile=True) as sandbox:
        door = open_client(Settings.of(sandbox.environment()))

        reply = door.create_conversation("bob", sdes=[PersonalInfo(extra={"shoeSize": "44"})])

        assert reply.outcome == "answered"
        assert not reply.ok
        assert reply.conversation_id == sandbox.conversations[0].conversation_id
        assert reply.explanation.startswith(
            f"Conversation {reply.conversation_id} is open. But userprofile.SetUserProfile was not accepted:"
        )


@pytest.mark.parametrize("status", [400, 403, 404, 410, 413, 422])
def test_another_4xx_is_a_refusal_and_is_not_repeated(door, sandbox, status):
    sandbox.fail("conversation", "status", times=None, code=status, body={"error": "no"})

    reply = door.create_conversation("anna")

    assert reply.outcome == "refused"
    assert reply.attempts == 1
    assert sandbox.calls["conversation"] == 1
    assert [pair.code for pair in reply.pairs] == [f"http-{status}", f"http-{status}"]
    meaning = " ".join(["", *(status_meaning(status) or ())])
    assert reply.explanation == f"The service refused the call with HTTP {status}: no.{meaning}"


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 599])
def test_a_5xx_or_408_is_unknown_and_is_not_repeated(door, sandbox, status):
    sandbox.fail("conversation", "status", times=None, code=status, work_done=True)

    reply = door.create_conversation("anna")

    assert reply.outcome == "unknown"
    assert reply.http_status == status
    assert reply.attempts == 1
    assert sandbox.calls["conversation"] == 1
    assert len(sandbox.conversations) == 1
    assert reply.explanation == f"The request left, and HTTP {status} came back." + MAYBE
    assert [pair.code for pair in reply.pairs] == [f"http-{status}", f"http-{status}"]


def test_204_is_unknown(door, sandbox):
    sandbox.fail("conversation", "empty", code=204, work_done=True)

    assert door.create_conversation("anna").outcome == "unknown"
    assert sandbox.calls["conversation"] == 1


@pytest.mark.parametrize("route", ["domain", "sentinel", "idp"])
def test_the_services_before_conversation_are_asked_again_after_a_5xx(door, sandbox, route):
    sandbox.fail(route, "status", times=3, code=503)

    assert door.create_conversation("anna").outcome == "answered"
    assert sandbox.calls[route] == 4
    assert sandbox.calls["conversation"] == 1


@pytest.mark.parametrize(
    ("route", "name"), [("domain", "Domain API"), ("sentinel", "Sentinel"), ("idp", "IDP")]
)
def test_the_services_before_conversation_are_given_up_after_four_tries(door, sandbox, route, name):
    sandbox.fail(route, "status", times=None, code=503)

    with pytest.raises(NotSentError, match=f"^{name} answered HTTP 503, tried 4 times\\.$"):
        door.create_conversation("anna")

    assert sandbox.calls[route] == 4
    assert sandbox.calls["conversation"] == 0


def test_a_service_that_was_down_is_asked_anew_by_the_next_send(door, sandbox):
    sandbox.fail("domain", "status", times=4, code=503)
    with pytest.raises(NotSentError):
        door.create_conversation("anna")

    assert door.create_conversation("anna").outcome == "answered"
    assert sandbox.calls["domain"] == 5


def test_a_wrong_secret_is_asked_about_once(open_client, sandbox):
    environment = {**sandbox.environment(), "LP_CLIENT_SECRET": "wrong"}
    door = open_client(Settings.of(environment))

    with pytest.raises(CredentialsError) as caught:
        door.create_conversation("anna")

    assert str(caught.value).startswith("Sentinel refused LP_CLIENT_ID and LP_CLIENT_SECRET (HTTP 401: ")
    assert str(caught.value).endswith("). Check them against the app installation on account 12345678.")
    assert dict(sandbox.calls) == {"domain": 1, "sentinel": 1}


def test_an_idp_that_refuses_a_fresh_app_jwt_ends_the_send(door, sandbox):
    sandbox.fail("idp", "status", times=None, code=401)

    with pytest.raises(NotSentError) as caught:
        door.create_conversation("anna")

    assert str(caught.value) == (
        "The IDP refused a fresh AppJWT. Does the app installation have msg.consumer?"
    )
    assert sandbox.calls["idp"] == 2
    assert sandbox.calls["conversation"] == 0


def test_request_ids_are_fresh_for_every_send(door, sandbox):
    door.create_conversation("anna")
    door.create_conversation("bob")

    ids = [frame["id"] for conversation in sandbox.conversations for frame in conversation.request]
    assert len(set(ids)) == 4
    assert all(uuid.UUID(req_id).version == 4 for req_id in ids)


def test_request_ids_are_fresh_for_every_attempt(open_client, cloud, reply):
    import json

    seen = []

    def throttle_once(asked):
        seen.append([frame["id"] for frame in json.loads(asked.body)])
        return reply(429) if len(seen) == 1 else cloud.normal(asked)

    cloud.says["conversation"] = throttle_once
    answered = open_client(cloud.settings()).create_conversation("anna")

    assert len({req_id for ids in seen for req_id in ids}) == 4
    assert [pair.req_id for pair in answered.pairs] == seen[1]


@pytest.mark.parametrize("consumer_id", ["", "   ", None, 7, "\ud800", "x" * 10_001])
def test_a_consumer_id_that_cannot_be_one_is_refused_before_anything_is_sent(door, sandbox, consumer_id):
    with pytest.raises(InvalidValueError, match=r"^consumer_id must "):
        door.create_conversation(consumer_id)

    assert dict(sandbox.calls) == {}


@pytest.mark.parametrize("consumer_id", ["Ánna ☕", "x" * 1_000, "a/b?c#d", '"quoted"', "a\nb"])
def test_a_consumer_id_arrives_as_it_was_given(door, sandbox, consumer_id):
    assert door.create_conversation(consumer_id).outcome == "answered"
    assert sandbox.conversations[0].ext_consumer_id == consumer_id


def test_a_wrong_payload_is_refused_before_anything_is_sent(door, sandbox):
    with pytest.raises(InvalidValueError) as caught:
        door.create_conversation("anna", ttr_def_name="SOON", skill_id=1.5)

    assert str(caught.value) == (
        "2 values are wrong:\n"
        "  - [1].body.ttrDefName must be one of 'NORMAL', 'URGENT', 'PRIORITIZED', 'null'; got 'SOON'.\n"
        "  - [1].body.skillId must be an id: text, or a whole number, which is sent as text; got 1.5."
    )
    assert dict(sandbox.calls) == {}


def test_a_response_says_when_it_was_sent_and_how_long_it_took(door):
    reply = door.create_conversation("anna")

    assert reply.sent_at.utcoffset().total_seconds() == 0
    assert 0 < reply.elapsed_ms < 10_000
    assert reply.consumer_id == "anna"


def test_an_account_that_asks_to_stay_away_is_left_alone_by_everybody(settings, sandbox):
    sandbox.fail("conversation", "status", code=429, retry_after=300)
    with Client(settings) as client:
        first = client.create_conversation("anna")
        second = client.create_conversation("bob")

    assert (first.outcome, first.attempts) == ("not sent", 1)
    assert (second.outcome, second.attempts) == ("not sent", 0)
    assert second.pairs[0].message.startswith(
        "the service is throttling this account (HTTP 429) and asks for a pause of "
    )
    assert sandbox.calls["conversation"] == 1


def test_a_raw_batch_without_frames_has_a_row_of_its_own_and_says_why_it_was_refused(door):
    reply = door.send_batch(RawBatch("hello"), "anna")

    assert reply.outcome == "refused"
    assert len(responses_table(reply)) == 1
    assert reply.explanation.startswith("The service refused the call with ")
    assert "JSON" in reply.explanation


def test_arguments_the_wrong_way_round_are_told_as_such(door):
    with pytest.raises(InvalidValueError, match=r"^consumer_id must be text; got ConversationBatch\("):
        door.send_batch("anna", ConversationBatch())
