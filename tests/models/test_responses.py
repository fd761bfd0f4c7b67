"""Reading a reply: every answer paired by reqId, every oddity named, nothing lost and nothing made up."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpnb import (
    BatchResponse,
    Client,
    NoAnswerError,
    NotSentError,
    RawBatch,
    RefusedError,
    Sandbox,
    Settings,
    sample,
)
from lpnb.models import responses
from lpnb.models.responses import Pair, Reading, explain, read_batch
from lpnb.transport.protocol import Exchange, Verdict, verdict

PROFILE = "userprofile.SetUserProfile"
CONVERSATION = "cm.ConsumerRequestConversation"
SENT = (("1,", PROFILE), ("2,", CONVERSATION))
OK_PROFILE = {"code": "OK", "body": {"msg": "OK User Profile set successfully"}, "reqId": "1,"}
OPENED = {"code": "OK", "body": {"conversationId": "8602832d-dce1-446b-8445-0d51f5926a42"}, "reqId": "2,"}
REFUSED = {"code": "BAD_REQUEST", "body": {"msg": "No."}, "reqId": "2,"}


def read(*elements: object):
    return read_batch(json.dumps(list(elements)).encode(), SENT)


def test_the_pages_own_reply_is_read():
    reading = read(OK_PROFILE, OPENED)

    assert reading.says == "created"
    assert reading.anomaly is None
    assert reading.strays == ()
    assert [(p.req_id, p.type, p.ok, p.code, p.message, p.conversation_id) for p in reading.pairs] == [
        ("1,", PROFILE, True, "OK", "OK User Profile set successfully", None),
        ("2,", CONVERSATION, True, "OK", None, "8602832d-dce1-446b-8445-0d51f5926a42"),
    ]


def test_answers_are_paired_by_reqid_and_not_by_position():
    assert read(OPENED, OK_PROFILE).pairs == read(OK_PROFILE, OPENED).pairs


@pytest.mark.parametrize("req_id", ["2", "2, ", "２,", 2, 2.0, None, True, ["2,"], {"2,": 1}])
def test_a_reqid_is_compared_whole_and_as_text(req_id):
    reading = read(OK_PROFILE, {**OPENED, "reqId": req_id})

    assert reading.says == ""
    assert reading.pairs[1].code == "missing"
    assert reading.pairs[1].conversation_id is None
    assert reading.strays == ({**OPENED, "reqId": req_id},)


def test_a_number_is_never_the_text_that_was_sent():
    sent = (("1", PROFILE), ("2", CONVERSATION))
    answers = [{**OK_PROFILE, "reqId": 1}, {**OPENED, "reqId": 2}]

    reading = read_batch(json.dumps(answers).encode(), sent)

    assert reading.says == ""
    assert reading.strays == tuple(answers)
    assert {pair.message for pair in reading.pairs} == {
        "its reqId came back as a number, not as the text that was sent"
    }


@pytest.mark.parametrize(
    ("elements", "says", "codes"),
    [
        ([OK_PROFILE, REFUSED], "refused", ["OK", "BAD_REQUEST"]),
        ([{**OK_PROFILE, "code": "BAD_REQUEST"}, OPENED], "created", ["BAD_REQUEST", "OK"]),
        ([OK_PROFILE], "", ["OK", "missing"]),
        ([OPENED], "created", ["missing", "OK"]),
        ([], "", ["missing", "missing"]),
        ([OPENED, OPENED], "created", ["missing", "OK"]),
        ([OPENED, REFUSED], "", ["missing", "doubled"]),
        ([OPENED, {**OPENED, "body": {"conversationId": "other"}}], "", ["missing", "doubled"]),
        ([OK_PROFILE, {**OPENED, "body": {}}], "", ["OK", "OK"]),
        ([OK_PROFILE, {**OPENED, "body": {"conversationId": ""}}], "", ["OK", "OK"]),
        ([OK_PROFILE, {**OPENED, "body": {"conversationId": 7}}], "", ["OK", "OK"]),
        ([OK_PROFILE, {**OPENED, "body": {"conversationId": None}}], "", ["OK", "OK"]),
        ([OK_PROFILE, {**OPENED, "body": ["c-1"]}], "", ["OK", "OK"]),
        ([OK_PROFILE, {"reqId": "2,", "body": OPENED["body"]}], "", ["OK", None]),
        ([OK_PROFILE, {"reqId": "2,"}], "", ["OK", None]),
        # The id under a code that is not OK: it may exist all the same, so it is no refusal.
        ([OK_PROFILE, {**OPENED, "code": 200}], "", ["OK", "200"]),
        ([OK_PROFILE, {**OPENED, "code": "CREATED"}], "", ["OK", "CREATED"]),
        ([OK_PROFILE, {**OPENED, "code": "ACCEPTED", "body": {}}], "", ["OK", "ACCEPTED"]),
        ([OK_PROFILE, {**OPENED, "code": 200, "body": {}}], "", ["OK", "200"]),
        ([OK_PROFILE, {**OPENED, "code": 503, "body": {}}], "", ["OK", "503"]),
        ([OK_PROFILE, {**OPENED, "code": 408, "body": {}}], "", ["OK", "408"]),
        ([OK_PROFILE, {**OPENED, "code": 400, "body": {}}], "refused", ["OK", "400"]),
        ([OK_PROFILE, {**OPENED, "code": "ok"}], "", ["OK", "ok"]),
        # The id on the wrong frame opens nothing.
        ([{**OK_PROFILE, "body": OPENED["body"]}, REFUSED], "refused", ["OK", "BAD_REQUEST"]),
    ],
)
def test_what_a_reply_says_about_the_conversation(elements, says, codes):
    reading = read(*elements)

    assert reading.says == says
    assert [pair.code for pair in reading.pairs] == codes


def test_an_id_under_another_code_is_pointed_out():
    reading = read(OK_PROFILE, {**OPENED, "code": "CREATED"})

    assert reading.anomaly == (
        "cm.ConsumerRequestConversation came back with the code 'CREATED', and yet with a conversationId."
    )


def test_the_id_of_the_conversation_that_is_open_already_does_not_make_the_refusal_doubtful():
    body = {**OPENED["body"], "msg": "User 4f1a already has open conversation. Can't open another one."}

    assert read(OK_PROFILE, {"code": "BAD_REQUEST", "reqId": "2,", "body": body}).says == "refused"


def test_unknown_fields_and_words_pass():
    reading = read(OK_PROFILE, {**OPENED, "kind": "resp", "new": {"a": 1}, "type": "x"})

    assert reading.says == "created"
    assert reading.pairs[1].body["new"] == {"a": 1}


def test_one_answer_may_come_without_its_array():
    reading = read_batch(json.dumps(OPENED).encode(), SENT)

    assert reading.says == "created"
    assert [pair.code for pair in reading.pairs] == ["missing", "OK"]


@pytest.mark.parametrize(
    ("content", "anomaly"),
    [
        (b"", "The reply is not JSON: it is empty."),
        (b"<html>", "The reply is not JSON: Expecting value at line 1, column 1."),
        (b"\xff", "The reply is not JSON: byte 0 is not UTF-8."),
        (b"[NaN]", "The reply is not JSON: NaN is not JSON."),
        (
            b'[{"reqId":"2,","reqId":"2,"}]',
            "The reply is not JSON: the key 'reqId' occurs twice in one object.",
        ),
        (b"[" * 100_000, "The reply is not JSON: it is nested deeper than 64 levels."),
        (b"7", "The reply is not an array."),
        (b'"OK"', "The reply is not an array."),
        (b"null", "The reply is not an array."),
        (b"{}", "The reply is not an array of answers."),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_a_reply_that_is_no_batch_is_named(content, anomaly):
    reading = read_batch(content, SENT)

    assert reading.says == ""
    assert reading.anomaly == anomaly
    assert [pair.req_id for pair in reading.pairs] == ["1,", "2,"]
    assert not any(pair.ok or pair.conversation_id for pair in reading.pairs)


def test_the_authorisation_error_frame_speaks_for_every_request():
    frame = {
        "kind": "resp",
        "code": 401,
        "body": {
            "title": "ConsumerJWS is missing",
            "details": "X_ON_BEHALF_HEADER is not present",
            "errorCode": 40104,
        },
        "type": ".ReqBody$ErrorResp",
    }

    reading = read_batch(json.dumps(frame).encode(), SENT)

    assert [(pair.code, pair.message) for pair in reading.pairs] == [
        ("40104", "ConsumerJWS is missing: X_ON_BEHALF_HEADER is not present")
    ] * 2


def test_half_a_character_in_a_reply_is_replaced():
    reading = read_batch(b'[{"code":"OK","body":{"msg":"a\\ud800"},"reqId":"1,"}]', SENT)

    assert reading.pairs[0].message == "a\ufffd"


def test_the_open_conversation_of_a_consumer_is_recognised():
    said = (
        "Consumer request conversation failed: User 4f1a already has open conversation. "
        "Can't open another one."
    )
    pair = Pair("2,", CONVERSATION, False, "BAD_REQUEST", said)

    assert BatchResponse("anna", "refused", (pair,)).open_for == "4f1a"
    assert (
        BatchResponse("anna", "refused", (Pair("1,", PROFILE, False, "BAD_REQUEST", said),)).open_for is None
    )


@pytest.mark.parametrize(
    ("raw", "candidates"),
    [
        (
            b'[{"body":{"conversationId":"a"}},{"x":[{"conversationId":"b"}]},{"conversationId":"a"}]',
            ("a", "b"),
        ),
        (b'[{"body":{"conversationId":"a"}},{"body":{"conversati', ("a",)),
        (b'{"conversationId": NaN, "b": {"conversationId":\t"c"}}', ("c",)),
        (b'\xff{"conversationId":"d"}', ("d",)),
        (b'[{"conversationId": 7}]', ()),
        (b"", ()),
    ],
)
def test_every_id_in_a_reply_is_a_candidate(raw, candidates):
    assert BatchResponse("anna", "unknown", (), raw=raw).candidates == candidates


@pytest.mark.parametrize(
    ("outcome", "error"), [("refused", RefusedError), ("unknown", NoAnswerError), ("not sent", NotSentError)]
)
def test_an_outcome_becomes_the_error_named_for_it(outcome, error):
    response = BatchResponse("anna", outcome, (), "Because.")

    with pytest.raises(error, match=r"^Because\.$") as caught:
        response.raise_for_outcome()

    assert type(caught.value) is error
    assert caught.value.response is response
    assert repr(response) == f"<BatchResponse {outcome}: Because.>"


def test_an_answered_response_is_handed_through():
    response = BatchResponse("anna", "answered", (Pair("2,", CONVERSATION, True, "OK", None, "c-1"),))

    assert response.raise_for_outcome() is response
    assert response.ok
    assert response.conversation_id == "c-1"
    assert repr(response) == "<BatchResponse answered: conversation c-1>"


def test_a_response_shows_as_a_table_that_escapes():
    markup = "<script>alert(1)</script>"
    pair = Pair(markup, CONVERSATION, False, markup, markup, markup)

    html = BatchResponse(markup, "refused", (pair,), markup)._repr_html_()

    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 6
    assert '<th scope="col"' in html


# The verdict, as the table in its docstring has it

PLANNED_AGAIN = Verdict("planned", "backoff")
EVERY_STATUS = range(100, 600)


@pytest.mark.parametrize(
    ("exchange", "reading", "refreshed", "decided"),
    [
        (Exchange(failure="refused", started=False), "", False, PLANNED_AGAIN),
        (Exchange(started=False, failure="untrusted", reason="certificate"), "", False, Verdict("planned")),
        (Exchange(failure="cut", started=True), "", False, Verdict("unknown")),
        (Exchange(status=200, failure="broke off", started=True), "", False, Verdict("unknown")),
        (Exchange(status=400, failure="broke off", started=True), "refused", False, Verdict("unknown")),
        (Exchange(status=None), "", False, Verdict("unknown")),
        (Exchange(status=200), "created", False, Verdict("answered")),
        (Exchange(status=201), "created", True, Verdict("answered")),
        (Exchange(status=400), "created", False, Verdict("answered")),
        (Exchange(status=503), "created", False, Verdict("answered")),
        (Exchange(status=200, failure="cut after it", started=True), "created", False, Verdict("answered")),
        (Exchange(status=200), "refused", False, Verdict("refused")),
        (Exchange(status=202), "refused", False, Verdict("refused")),
        (Exchange(status=200), "", False, Verdict("unknown")),
        (Exchange(status=204), "", False, Verdict("unknown")),
        (Exchange(status=429), "", False, Verdict("planned", "throttle")),
        (Exchange(status=429), "refused", True, Verdict("planned", "throttle")),
        (Exchange(status=401), "", False, Verdict("planned", "refresh")),
        (Exchange(status=401), "", True, Verdict("refused")),
        (Exchange(status=408), "", False, Verdict("unknown")),
        (Exchange(status=500), "", False, Verdict("unknown")),
        (Exchange(status=503), "refused", False, Verdict("unknown")),
        (Exchange(status=599), "", False, Verdict("unknown")),
        (Exchange(status=100), "", False, Verdict("unknown")),
        (Exchange(status=101), "", False, Verdict("unknown")),
        (Exchange(status=301), "", False, Verdict("refused")),
        (Exchange(status=307), "", False, Verdict("refused")),
        (Exchange(status=400), "refused", False, Verdict("refused")),
        (Exchange(status=403), "", False, Verdict("refused")),
        (Exchange(status=404), "", False, Verdict("refused")),
        (Exchange(status=499), "", False, Verdict("refused")),
    ],
)
def test_the_verdict_follows_its_table(exchange, reading, refreshed, decided):
    assert verdict(exchange, reading, refreshed) == decided


@pytest.mark.parametrize("reading", ["", "created", "refused"])
@pytest.mark.parametrize("refreshed", [False, True])
@pytest.mark.parametrize("failure", [None, "cut"])
def test_only_what_cannot_have_created_anything_is_ever_tried_again(reading, refreshed, failure):
    again = {
        status
        for status in (None, *EVERY_STATUS)
        if verdict(Exchange(status, failure=failure), reading, refreshed).retry
    }

    assert again <= {401, 429}
    assert 401 not in again or not refreshed
    assert not (reading == "created" or failure) or not again


# Whatever comes back

WORDS = st.sampled_from(
    ["OK", "BAD_REQUEST", "reqId", "code", "body", "1,", "2,", "conversationId", "msg", "c-1"]
)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
ELEMENTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "reqId": st.sampled_from(["1,", "2,", "1", "2"]) | ANY,
            "code": st.sampled_from(["OK", "BAD_REQUEST"]) | ANY,
            "body": st.fixed_dictionaries({}, optional={"conversationId": st.just("c-1") | ANY, "msg": ANY})
            | ANY,
            "kind": ANY,
        },
    )
    | ANY,
    max_size=4,
)


def hold(reading) -> None:
    assert [(pair.req_id, pair.type) for pair in reading.pairs] == list(SENT)
    for pair in reading.pairs:
        for text in (pair.code, pair.message, pair.conversation_id):
            assert text is None or isinstance(text, str)
            (text or "").encode()
    if reading.says == "created":
        assert reading.pairs[1].code == "OK"
        assert isinstance(reading.pairs[1].conversation_id, str)
        assert reading.pairs[1].conversation_id
    else:
        assert reading.pairs[1].ok is False
    response = BatchResponse("anna", "unknown", reading.pairs, strays=reading.strays)
    response._repr_html_()


@given(st.binary())
def test_arbitrary_bytes_are_read_without_an_error(content):
    hold(read_batch(content, SENT))


@given(ANY | ELEMENTS)
def test_arbitrary_json_is_read_without_an_error(value):
    hold(read_batch(json.dumps(value).encode(), SENT))


@given(ELEMENTS)
def test_created_needs_one_matched_answer_with_an_id(elements):
    reading = read_batch(json.dumps(elements).encode(), SENT)

    if reading.says == "created":
        matched = [e for e in elements if isinstance(e, dict) and e.get("reqId") == "2,"]
        assert matched
        assert {e["code"] for e in matched} == {"OK"}
        # Half characters are replaced on the way in.
        assert all(isinstance(e["body"]["conversationId"], str) for e in matched)


@given(st.binary())
def test_candidates_are_found_without_an_error(raw):
    assert all(isinstance(found, str) for found in BatchResponse("a", "unknown", (), raw=raw).candidates)


def test_a_response_prints_as_a_sentence_and_a_table():
    pairs = (
        Pair("1,", "userprofile.SetUserProfile", True, "OK"),
        Pair("2,", "cm.ConsumerRequestConversation", True, "OK", None, "c-1"),
    )

    assert str(BatchResponse("anna", "answered", pairs, "Conversation c-1 is open.")) == (
        "Consumer anna: answered. Conversation c-1 is open.\n"
        "req_id  type                            ok   code  conversation_id\n"
        "1,      userprofile.SetUserProfile      yes  OK\n"
        "2,      cm.ConsumerRequestConversation  yes  OK    c-1"
    )


def test_a_frame_answered_ok_without_an_id_is_unknown_and_says_why():
    content = b'[{"code":"OK","body":{"conversationId":7},"reqId":"2"}]'

    reading = read_batch(content, [("2", "cm.ConsumerRequestConversation")])

    assert reading.says == ""
    assert reading.anomaly == (
        "cm.ConsumerRequestConversation came back with OK, but without a conversationId that is text."
    )


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "GATEWAY_TIMEOUT"])
def test_a_frame_that_met_the_service_s_own_trouble_is_not_a_refusal(code):
    content = json.dumps([{"code": code, "body": {}, "reqId": "2"}]).encode()

    assert read_batch(content, [("2", "cm.ConsumerRequestConversation")]).says == ""


def test_frames_that_asked_for_no_conversation_are_settled_when_all_were_taken():
    taken = b'[{"code":"OK","body":{"msg":"fine"},"reqId":"1"}]'
    refused = b'[{"code":"BAD_REQUEST","body":{"msg":"no"},"reqId":"1"}]'
    requests = [("1", "userprofile.SetUserProfile")]

    assert read_batch(taken, requests).says == "settled"
    assert read_batch(refused, requests).says == "refused"
    assert read_batch(b"[]", requests).says == ""


def test_an_answer_that_came_twice_alike_is_taken_and_told():
    answer = '{"code":"OK","body":{"conversationId":"c-1"},"reqId":"2"}'

    reading = read_batch(f"[{answer},{answer}]".encode(), [("2", "cm.ConsumerRequestConversation")])

    assert reading.says == "created"
    assert reading.anomaly == "cm.ConsumerRequestConversation was answered 2 times, each time alike."


def test_an_element_for_no_request_that_refuses_is_said_of_every_frame():
    content = b'[{"code":"BAD_REQUEST","body":{"msg":"The body is not JSON."}}]'
    requests = [("1", "userprofile.SetUserProfile"), ("2", "cm.ConsumerRequestConversation")]

    reading = read_batch(content, requests)

    assert [(pair.code, pair.message) for pair in reading.pairs] == [
        ("BAD_REQUEST", "The body is not JSON.")
    ] * 2
    assert reading.says == ""


OPENS = CONVERSATION


def explained(status: int, *pairs: Pair) -> str:
    reading = Reading(pairs, says="refused")
    return explain(reading, "refused", status, None)


def test_the_frame_refused_for_a_reason_of_its_own_is_the_explanation():
    said = explained(
        200,
        Pair("1", PROFILE, False, "BAD_REQUEST", "Unrecognized value at lp_sdes[1].personal.gender"),
        Pair("2", OPENS, False, "BAD_REQUEST", "Not opened: the profile before it was refused."),
    )

    assert said == (
        "The service refused userprofile.SetUserProfile with BAD_REQUEST: Unrecognized value at "
        "lp_sdes[1].personal.gender. So the conversation was not opened."
    )


def test_two_frames_with_reasons_of_their_own_are_both_named():
    said = explained(
        200,
        Pair("1", PROFILE, False, "BAD_REQUEST", "No."),
        Pair("2", OPENS, False, "BAD_REQUEST", "Nor this."),
    )

    assert said == (
        "The service refused userprofile.SetUserProfile with BAD_REQUEST: No. It refused "
        "cm.ConsumerRequestConversation with BAD_REQUEST: Nor this as well."
    )


def test_one_reason_for_all_frames_is_said_once():
    said = explained(401, *(Pair("1", kind, False, "40103", "t: d") for kind in (PROFILE, OPENS)))

    assert said == (
        "Refused with 40103, t: d. The ConsumerJWS is invalid, or the conversation belongs to another "
        "consumer."
    )


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (400, "The frames are not understood; nothing was created."),
        (401, "The AppJWT or the ConsumerJWS is missing, has ended, or is another account's; nothing was"),
        (403, "The tokens are known, but may not do this on this account; nothing was created."),
        (404, "There is nothing at this address: host, account or path are wrong; nothing was created."),
        (413, "The batch is too large; nothing was created."),
    ],
)
def test_a_bare_status_says_what_it_means(status, sentence):
    said = explained(status, *(Pair("1", kind, False, f"http-{status}") for kind in (PROFILE, OPENS)))

    assert said.startswith(f"The service refused the call with HTTP {status}. {sentence} ")


def test_an_answer_whose_body_is_text_has_it_as_its_message():
    content = (
        b'[{"code":"OK","body":{},"reqId":"1"},{"code":"BAD_REQUEST","body":"Consumer request conversation '
        b'failed: User cd1c already has open conversation. Can\'t open another one.","reqId":"2"}]'
    )

    reading = read_batch(content, [("1", PROFILE), ("2", OPENS)])

    assert (reading.says, reading.pairs[1].message) == (
        "refused",
        "Consumer request conversation failed: User cd1c already has open conversation. Can't open another "
        "one.",
    )
    said = explain(reading, "refused", 200, None)
    assert said.startswith("The profile was accepted; the conversation was refused: this consumer already")


def test_a_printed_response_has_the_message_of_what_was_refused():
    pairs = (
        Pair("1", PROFILE, False, "BAD_REQUEST", "gender is wrong"),
        Pair("2", OPENS, False, "BAD_REQUEST"),
    )

    assert "req_id  type                            ok  code         message          conversation_id" in str(
        BatchResponse("anna", "refused", pairs, "It was refused.")
    )


def test_the_sandbox_names_the_gender_in_the_explanation():
    with Sandbox(sde_checks="strict") as sandbox, Client(Settings.of(sandbox.environment())) as client:
        text = sample("payloads/wrong-gender-and-date.json").read_text(encoding="utf-8")
        reply = client.send_batch(RawBatch(text), "consumer-1")

    assert "gender" in reply.explanation


PLAIN_SIGNS = st.text(st.characters(min_codepoint=0x1E, max_codepoint=0x80), max_size=4)
ASKED = (("a-1", "userprofile.SetUserProfile"), ("b-2", "cm.ConsumerRequestConversation"))


@st.composite
def nearly_usual_replies(draw) -> bytes:
    """The usual reply, or one that differs in a place."""
    first, second = draw(
        st.sampled_from([("a-1", "b-2")] * 3 + [("b-2", "a-1"), ("a-1", "a-1"), ("x", "b-2")])
    )
    message, conversation = (
        draw(PLAIN_SIGNS),
        draw(st.sampled_from(["c-1", "", 'c"', "c\\u0041"]) | PLAIN_SIGNS),
    )
    blank, code = draw(st.sampled_from(["", " ", "  "])), draw(st.sampled_from(["OK"] * 4 + ["BAD_REQUEST"]))
    reply = (
        f'[{{"code":"OK","body":{{"msg":{blank}"{message}"}},"reqId":"{first}"}},{blank}'
        f'{{"code":"{code}",{blank}"body":{{"conversationId":"{conversation}"}},"reqId":"{second}"}}]'
    ).encode()
    lost, place = draw(st.none() | st.integers(0, len(reply))), draw(st.integers(0, len(reply)))
    if lost is None:
        return reply
    rest = reply[:lost] + reply[lost + 1 :]  # a sign is lost, or stands elsewhere
    return draw(st.sampled_from([rest, rest[:place] + reply[lost : lost + 1] + rest[place:]]))


@given(nearly_usual_replies(), st.sampled_from([ASKED, ASKED[::-1], ASKED[:1], (ASKED[0], ("b-2", "x"))]))
def test_the_usual_reply_is_read_in_one_pass_as_it_is_by_all_the_rules(content, requests):
    assert read_batch(content, requests) == responses._read_reply(content, requests)


def test_the_usual_reply_is_one_that_the_one_pass_knows():
    content = (
        b'[{"code":"OK","body":{"msg":"OK User Profile set successfully"},"reqId":"a-1"},'
        b'{"code":"OK","body":{"conversationId":"c-1"},"reqId":"b-2"}]'
    )

    reading = responses._usual_reading(content, ASKED)

    assert reading is not None
    assert [pair.conversation_id for pair in reading.pairs] == [None, "c-1"]
