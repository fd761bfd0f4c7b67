"""Both kinds of conversation against the running sandbox: what is said, sent, found and closed."""

from __future__ import annotations

import asyncio
import inspect
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpnb import (
    AsyncClient,
    AsyncConversation,
    Client,
    ClientProperties,
    Conversation,
    CredentialsError,
    CustomerInfo,
    FileStoreError,
    InvalidValueError,
    MonitoringError,
    RefusedError,
    Sandbox,
    Settings,
    responses_table,
)
from lpnb._internal import event_loop
from lpnb.api.file_store import stored_file_of
from lpnb.client.transcripts import TranscriptLine, merge_sources
from lpnb.models.conversation_fields import Satisfaction, Urgency
from lpnb.models.frames import UploadUrl
from lpnb.models.responses import BatchResponse, Pair

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 100


class Talk:
    """Either kind of conversation, called the same way."""

    def __init__(self, door, conversation):
        self.door, self.inner = door, conversation

    def __getattr__(self, name):
        found = getattr(self.inner, name)
        return (
            (lambda *a, **k: self.door._run(found(*a, **k))) if inspect.iscoroutinefunction(found) else found
        )


@pytest.fixture
def door(open_client, sandbox):
    """Either client, on the running sandbox, without credentials for history."""
    environment = sandbox.environment()
    needed = ("LP_ACCOUNT_ID", "LP_CLIENT_ID", "LP_CLIENT_SECRET", "LP_DOMAIN_API")
    return open_client(Settings.of({name: environment[name] for name in needed}))


@pytest.fixture
def talk(door):
    """A conversation that anna has just opened."""
    reply = door.create_conversation("anna", client_properties=ClientProperties(features=["MULTI_DIALOG"]))
    return Talk(door, door.client.conversation(reply))


def said_in(sandbox, talk):
    return [message.event for message in sandbox.detail(talk.id).messages]


def test_a_conversation_comes_of_the_reply_that_opened_it(door, talk):
    assert talk.consumer_id == "anna"
    assert repr(talk.inner) == f"<{type(talk.inner).__name__} {talk.id} of anna>"
    assert isinstance(talk.inner, AsyncConversation if type(door.client) is AsyncClient else Conversation)


def test_what_is_said_is_numbered_kept_and_tabulated(sandbox, talk):
    replies = [talk.say("Good morning"), talk.say("My card is gone"), talk.typing(), talk.typing("PAUSE")]

    assert [reply.sequence for reply in replies[:2]] == [0, 1]
    assert [reply.sequence for reply in replies[2:]] == [2, 2]  # of a chat state: what comes next has it
    assert talk.last_sequence == 1
    assert [line.text for line in talk.messages] == ["Good morning", "My card is gone"]
    assert [line.sequence for line in talk.messages] == [0, 1]
    assert list(responses_table(talk.responses)["type"]) == ["ms.PublishEvent"] * 4
    assert [event["message"] for event in said_in(sandbox, talk)] == ["Good morning", "My card is gone"]


def test_structured_content_sdes_urgency_and_satisfaction_are_sent(sandbox, talk):
    assert talk.send_rich({"type": "text", "text": "Which card?"}).outcome == "answered"
    assert talk.set_sdes([CustomerInfo(ctype="vip")]).outcome == "answered"
    assert talk.update(Urgency(ttr_type="URGENT", value=300)).outcome == "answered"
    assert talk.update(Satisfaction(csat_rate=5, csat_resolution_confirmation=True)).outcome == "answered"

    found = sandbox.detail(talk.id).conversation
    assert (found.ttr["value"], found.csat["csatRate"]) == (300, 5)
    assert sandbox.profile("anna")[0]["info"] == {"ctype": "vip"}
    assert [line.kind for line in talk.messages] == ["rich content"]


def test_the_clients_features_go_along_with_everything(door, monkeypatch):
    from lpnb.transport.http_transport import HttpTransport

    told = []
    exchange = HttpTransport.exchange

    async def watched(self, request, probe):
        told.append(request.headers.get("Client-Properties"))
        return await exchange(self, request, probe)

    reply = door.create_conversation("anna")
    monkeypatch.setattr(HttpTransport, "exchange", watched)
    features = {"features": ["MULTI_DIALOG"]}
    talk = Talk(door, door.client.conversation(reply, client_properties=features))
    for send in (
        lambda: talk.say("x"),
        lambda: talk.send_rich({"type": "text"}),
        lambda: talk.read([0]),
        lambda: talk.typing(),
        lambda: talk.set_sdes([CustomerInfo(ctype="vip")]),
        lambda: talk.update(Urgency(ttr_type="URGENT", value=300)),
        lambda: talk.close(),
    ):
        send()

    assert told == ['{"type":".ClientProperties","features":["MULTI_DIALOG"]}'] * 7


def test_messages_are_confirmed_by_their_numbers(sandbox, talk):
    sandbox.agent_says(talk.id, "Good morning")

    assert talk.read([0]).outcome == "answered"

    last = said_in(sandbox, talk)[-1]
    assert (last["type"], last["status"], last["sequenceList"]) == ("AcceptStatusEvent", "READ", [0])


def test_a_text_that_is_too_long_is_refused_with_the_count(sandbox, talk):
    with pytest.raises(InvalidValueError, match=r"makes the request 5,\d\d\d characters long"):
        talk.say("x" * 5_000)

    assert sandbox.calls["send"] == 0
    assert talk.messages == ()


def test_closing_twice_says_that_it_is_closed(talk):
    first, second, third = talk.close(skip_survey=True), talk.close(), talk.say("Hello?")

    assert (first.outcome, talk.closed) == ("answered", True)
    assert (second.outcome, third.outcome) == ("refused", "refused")
    assert third.explanation.startswith("Refused with BAD_REQUEST: Bad Request, Conversation is close.")
    assert repr(talk.inner) == f"<{type(talk.inner).__name__} {talk.id} of anna (closed)>"


def test_a_conversation_is_closed_by_the_service_as_well(sandbox, talk):
    sandbox.close_conversation(talk.id)

    talk.say("Hello?")

    assert talk.closed


def test_a_survey_follows_unless_it_is_skipped(sandbox, talk):
    talk.close()

    assert [dialog.dialog_type for dialog in sandbox.detail(talk.id).conversation.dialogs] == [
        "MAIN",
        "POST_SURVEY",
    ]


def test_the_context_manager_closes_whatever_happens(settings, sandbox):
    with Client(settings) as client:
        with client.conversation(client.create_conversation("anna")) as first:
            first.say("Hi")
        with pytest.raises(KeyError), client.conversation(client.create_conversation("anna")) as second:
            raise KeyError("mine")
        third = client.create_conversation("anna")
        sandbox.close_conversation(third.conversation_id)
        with client.conversation(third):
            pass

    assert [found.stage for found in sandbox.conversations] == ["CLOSE"] * 3
    assert (first.closed, second.closed) == (True, True)


def test_leaving_the_block_warns_when_nobody_knows_whether_it_is_closed(settings, sandbox):
    with Client(settings) as client:
        conversation = client.conversation(client.create_conversation("anna"))
        sandbox.fail("send", "drop_after")
        with pytest.warns(UserWarning, match="may still be open") as caught, conversation:
            pass

    assert conversation.closed is False
    assert [str(warning.message) for warning in caught] == [
        f"Conversation {conversation.id} may still be open: {conversation.responses[-1].explanation}"
    ]
    assert conversation.responses[-1].outcome == "unknown"


def test_the_awaited_context_manager_closes_too(settings, sandbox):
    async def main():
        async with AsyncClient(settings) as client:
            async with client.conversation(await client.create_conversation("anna")) as conversation:
                await conversation.say("Hi")
            return conversation.closed

    assert asyncio.run(main())
    assert sandbox.conversations[0].stage == "CLOSE"


# Where a conversation comes from


@pytest.mark.parametrize(
    ("known", "consumer", "complaint"),
    [
        ("c-1", None, "consumer_id must be given: SEND speaks on a consumer's behalf."),
        ("", "anna", "conversation_id must be 1 to 64 characters that can be seen; got ''."),
        (7, "anna", "conversation must be a BatchResponse, an Engagement or a conversationId."),
        (
            BatchResponse("anna", "not sent", (Pair("1", "x"),), "Nothing was created."),
            None,
            "conversation must be one that is open. Nothing was created.",
        ),
    ],
)
def test_what_is_no_conversation_is_refused(door, known, consumer, complaint):
    with pytest.raises(InvalidValueError) as caught:
        door.client.conversation(known, consumer)

    assert str(caught.value) == complaint


def test_an_engagement_without_a_conversation_is_no_conversation(door):
    offer = door.call("engagement", "anna")

    with pytest.raises(InvalidValueError, match=r"conversation must be one that is open\. Engagement 888888"):
        door.client.conversation(offer)


def test_an_open_conversation_is_found_in_one_call(door, sandbox):
    assert door.call("find_open_conversation", "anna") is None
    opened = door.create_conversation("anna").conversation_id
    refused = door.create_conversation("anna")

    found = door.call("find_open_conversation", "anna")

    assert refused.open_for is not None
    assert "client.find_open_conversation(consumer_id) finds it;" in refused.explanation
    assert (found.id, found.consumer_id) == (opened, "anna")
    assert Talk(door, found).say("Here I am").sequence == 0


def test_an_engagement_that_is_already_open_leads_to_its_conversation(door):
    opened = door.create_conversation("anna").conversation_id

    found = door.client.conversation(door.call("engagement", "anna"))

    assert (found.id, found.consumer_id) == (opened, "anna")


def test_history_finds_it_when_monitoring_does_not_say(open_client, sandbox):
    door = open_client(Settings.of(sandbox.environment()))
    opened = door.create_conversation("anna").conversation_id
    sandbox.fail("engagement", "status", times=None, code=404)

    assert door.call("find_open_conversation", "anna").id == opened
    assert door.call("find_open_conversation", "berta") is None


def test_history_finds_it_when_monitoring_has_no_host(open_client, sandbox):
    door = open_client(Settings.of(sandbox.environment()))
    opened = door.create_conversation("anna").conversation_id
    door.client.engine.account.domains.pop("smt")
    sandbox.fail("domain", "status", code=400)

    assert door.call("find_open_conversation", "anna").id == opened


def test_without_history_a_monitoring_that_fails_is_an_error(door, sandbox):
    sandbox.fail("engagement", "status", code=404)

    with pytest.raises(MonitoringError):
        door.call("find_open_conversation", "anna")


# Files


def test_a_file_is_uploaded_and_published_and_can_be_had_again(door, sandbox, talk, tmp_path):
    picture = tmp_path / "card.png"
    picture.write_bytes(PNG)

    reply = talk.send_file(picture, "My card")

    assert (reply.outcome, reply.sequence) == ("answered", 0)
    (event,) = said_in(sandbox, talk)
    assert (event["contentType"], event["message"]["caption"]) == ("hosted/file", "My card")
    assert event["message"]["fileType"] == "PNG"
    assert talk.fetch_file(event["message"]["relativePath"]) == PNG
    assert [(line.kind, line.text) for line in talk.messages] == [("file", "My card")]
    assert {key: sandbox.calls[key] for key in ("send", "upload", "download")} == {
        "send": 3,
        "upload": 1,
        "download": 1,
    }


def test_a_file_of_3_mb_makes_the_way_there_and_back(talk, sandbox):
    content = PNG + bytes(3 * 1024 * 1024 - len(PNG))

    talk.send_file(content)

    (event,) = said_in(sandbox, talk)
    assert talk.fetch_file(event["message"]["relativePath"]) == content


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            PNG + bytes(3 * 1024 * 1024),
            "body.fileSize must be at most 3,145,728 bytes (3 MB); got 3146436.",
        ),
        (b"%PDF-1.7", "file must be a JPG, JPEG, PNG or GIF; it begins like none of them."),
    ],
)
def test_a_file_that_would_be_refused_is_not_sent(sandbox, talk, content, complaint):
    with pytest.raises(InvalidValueError) as caught:
        talk.send_file(content)

    assert str(caught.value) == complaint
    assert sandbox.calls["send"] == 0


def test_what_cannot_be_meant_is_refused_and_nothing_is_sent(sandbox, talk):
    wrong = [
        ("send_rich", "", "body.event.content must be an object; got ''."),
        ("send_rich", None, "body.event.content must be an object; got None."),
        ("send_rich", {}, "body.event.content must not be empty; got {}."),
        ("read", 3, "body.event.sequenceList must be a list; got 3."),
        ("read", "", "body.event.sequenceList must be a list; got ''."),
        ("read", b"\xff", "body.event.sequenceList must be a list; got b'\\xff'."),
        ("read", [], "body.event.sequenceList must not be empty; got []."),
        ("fetch_file", None, "file must be a relativePath, or a message that holds a file."),
        ("fetch_file", b"/v1/a.png", "file must be a relativePath, or a message that holds a file."),
        ("send_file", None, "file must be a path, or bytes; got None."),
        ("send_file", "a\0b", "file must be a path, or bytes; got 'a\\x00b'."),
        ("send_file", "/dev/null", "file must be a file; '/dev/null' is none."),
    ]

    for method, value, complaint in wrong:
        with pytest.raises(InvalidValueError) as caught:
            getattr(talk, method)(value)
        assert str(caught.value) == complaint
    assert sandbox.calls["send"] == 0


def test_a_file_that_is_far_too_large_is_not_even_read(sandbox, talk, tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.write(PNG)
        file.truncate(1 << 40)  # a hole: a terabyte that takes no room

    with pytest.raises(InvalidValueError) as caught:
        talk.send_file(path)

    assert str(caught.value) == "body.fileSize must be at most 3,145,728 bytes (3 MB); got 1099511627776."
    assert sandbox.calls["send"] == 0


@pytest.mark.parametrize("known", ["", " ", "a\nb", "\ud800", "x" * 65])
def test_an_id_that_can_be_none_makes_no_conversation(client, known):
    with pytest.raises(
        InvalidValueError, match=r"^conversation_id must be 1 to 64 characters that can be seen;"
    ):
        client.conversation(known, "anna")


def test_client_properties_that_are_none_are_refused_when_the_conversation_is_made(client):
    with pytest.raises(InvalidValueError, match=r"^Client-Properties must be an object; got True\.$"):
        client.conversation("c-1", "anna", client_properties=True)


def test_a_preview_that_is_too_large_stops_the_file_before_its_upload(sandbox, talk):
    with pytest.raises(InvalidValueError, match="preview must be smaller than 30 KB"):
        talk.send_file(PNG, preview="data:image/png;base64," + "A" * 40_000)

    assert (sandbox.calls["send"], sandbox.calls["upload"]) == (0, 0)


def test_an_upload_url_that_has_expired_is_asked_for_again(sandbox, talk):
    sandbox.fail("upload", "status", code=401)

    reply = talk.send_file(PNG)

    assert (reply.outcome, sandbox.calls["upload"], sandbox.calls["send"]) == ("answered", 2, 3)


def test_an_upload_url_that_has_expired_again_is_an_error_and_nothing_is_published(sandbox, talk):
    sandbox.fail("upload", "status", code=401, times=2)

    with pytest.raises(FileStoreError) as caught:
        talk.send_file(PNG)

    assert str(caught.value) == (
        "The file store took no file: it answered HTTP 401. Its addresses are good for one minute: this one "
        "has expired, or its signature is wrong."
    )
    assert caught.value.http_status == 401
    assert said_in(sandbox, talk) == []
    assert talk.messages == ()


def test_the_store_itself_refuses_an_address_after_its_minute(settings):
    clock = [1_700_000_000.0]
    with Sandbox(clock=lambda: clock[0]) as sandbox, Client(Settings.of(sandbox.environment())) as client:
        from lpnb.api.file_store import put_file

        place = stored_file_of(client.send_frame(UploadUrl(file_size=len(PNG), file_type="PNG"), "anna"))
        sandbox.advance(60)
        with pytest.raises(FileStoreError, match=r"it answered HTTP 401\. Its addresses are good for one"):
            event_loop.wait(client.engine.run(put_file(sandbox.base, place, PNG, "PNG")))


def test_a_store_that_fails_for_a_moment_is_asked_again(sandbox, talk):
    sandbox.fail("upload", "status", code=503)
    sandbox.fail("upload", "drop_after")

    assert talk.send_file(PNG).outcome == "answered"
    assert sandbox.calls["upload"] == 3


def test_a_file_that_is_not_there_is_refused(talk):
    with pytest.raises(RefusedError, match="relativePath names no stored file"):
        talk.fetch_file("/v1/nowhere.png")


@pytest.mark.parametrize(
    "path", [None, "", "v1/a", "//evil.example/a", "/a/../b", "/a?x=1", "/a b", "/a\r\nX: y"]
)
def test_an_address_that_leads_elsewhere_is_not_followed(path):
    element = {"code": "OK", "body": {"relativePath": path, "queryParams": {}}, "reqId": "1"}
    answer = BatchResponse("anna", "answered", (Pair("1", "x", True, "OK", body=element),))

    with pytest.raises(FileStoreError, match="names no place in the file store"):
        stored_file_of(answer)


def test_the_file_store_is_sent_no_token(sandbox, talk, monkeypatch):
    from lpnb.transport.http_transport import HttpTransport

    seen = []
    exchange = HttpTransport.exchange

    async def watched(self, request, probe):
        seen.append((request.method, request.headers))
        return await exchange(self, request, probe)

    monkeypatch.setattr(HttpTransport, "exchange", watched)
    talk.send_file(PNG)

    (put,) = [headers for method, headers in seen if method == "PUT"]
    assert ("authorization" in put, "x-lp-on-behalf" in put) == (False, False)


# Transcripts and details


def test_a_transcript_of_what_was_sent_has_its_columns(talk):
    talk.say("Good morning")
    talk.say("My card is gone")

    table = talk.transcript()

    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        "conversation_id": "str",
        "at": "datetime64[us, UTC]",
        "who": "str",
        "text": "str",
        "kind": "str",
        "sequence": "Int64",
        "dialog_id": "str",
        "audience": "str",
        "outcome": "str",
        "sources": "str",
    }
    assert table["text"].tolist() == ["Good morning", "My card is gone"]
    assert table["sources"].tolist() == ["sent", "sent"]
    assert table["conversation_id"].tolist() == [talk.id] * 2


@pytest.fixture
def with_history(open_client, sandbox):
    """Either client, with an API key for history."""
    return open_client(Settings.of(sandbox.environment()))


def test_history_and_what_was_sent_make_one_transcript(with_history, sandbox):
    talk = Talk(with_history, with_history.client.conversation(with_history.create_conversation("anna")))
    talk.say("Good morning")
    sandbox.agent_says(talk.id, "How can I help?")
    sandbox.agent_notes(talk.id, "Sounds worried")
    talk.send_file(PNG, "My card")

    table = talk.transcript()

    assert table[["who", "kind", "text", "audience", "sources"]].values.tolist() == [
        ["consumer", "text", "Good morning", "ALL", "sent, history"],
        ["agent", "text", "How can I help?", "ALL", "history"],
        ["agent", "text", "Sounds worried", "AGENTS_AND_MANAGERS", "history"],
        ["consumer", "file", "My card", "ALL", "sent, history"],
    ]
    assert talk.transcript(history=False)["text"].tolist() == ["Good morning", "My card"]


def test_a_history_that_fails_is_noted_and_raised_only_on_demand(with_history, sandbox):
    talk = Talk(with_history, with_history.client.conversation(with_history.create_conversation("anna")))
    talk.say("Good morning")
    sandbox.fail("history", "status", times=None, code=403)

    table = talk.transcript()

    assert table["text"].tolist() == ["Good morning"]
    assert table.attrs["note"].startswith("History failed: ")
    with pytest.raises(Exception, match="403"):
        talk.transcript(history=True)


def test_something_that_may_have_arrived_stands_in_the_transcript_and_is_found_again(with_history, sandbox):
    talk = Talk(with_history, with_history.client.conversation(with_history.create_conversation("anna")))
    sandbox.fail("send", "drop_after")
    lost = talk.say("Did this arrive?")
    sandbox.fail("send", "drop_before")
    never = talk.say("And this?")
    talk.say("Hello?")

    alone, together = talk.transcript(history=False), talk.transcript()

    assert (lost.outcome, never.outcome) == ("unknown", "unknown")
    assert alone["outcome"].tolist() == ["unknown", "unknown", "answered"]
    assert together[["text", "outcome", "sources"]].values.tolist() == [
        ["Did this arrive?", "unknown", "sent, history"],
        ["And this?", "unknown", "sent"],
        ["Hello?", "answered", "sent, history"],
    ]
    assert together["sequence"].fillna(-1).tolist() == [0, -1, 1]


def test_details_come_of_history(with_history, sandbox):
    offer = with_history.call("engagement", "anna", entry_points=["sec://payments"])
    reply = with_history.create_conversation("anna", engagement=offer)
    talk = Talk(with_history, with_history.client.conversation(reply))
    sandbox.agent_says(talk.id, "Good morning")

    found = talk.details()

    assert (found.source, found.stage, found.skill_name) == ("history", "OPEN", "Cards & Payments")
    assert (found.campaign_id, found.engagement_id, found.skill_id) == ("99999", "888889", "2741903011")
    assert {role for _, role in found.participants} == {"CONSUMER", "AGENT"}
    assert found.started_at is not None
    talk.close(skip_survey=True)
    assert (talk.details().stage, talk.details().close_reason) == ("CLOSE", "CONSUMER")
    assert talk.landing(wait=0).skill_name == "Cards & Payments"


def test_without_a_receiver_no_message_can_be_waited_for(talk):
    with pytest.raises(InvalidValueError) as caught:
        talk.next_message(timeout=0)

    assert str(caught.value) == (
        "receiver must be listened to: webhooks bring what agents say. Start a Receiver and call "
        "client.listen(receiver) or conversation.listen(receiver)."
    )


# Putting sources together


def at(second):
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)


def test_the_sequence_decides_whatever_the_clocks_say():
    lines = [
        TranscriptLine("consumer", "text", "b", at(0), 1, "c", sources=("sent",)),
        TranscriptLine("agent", "text", "a", at(5), 0, "c", sources=("history",)),
        TranscriptLine("agent", "text", "survey", at(9), 0, "s", sources=("history",)),
    ]

    assert [line.text for line in merge_sources(lines)] == ["a", "b", "survey"]


def test_the_services_time_beats_this_machines():
    sent = TranscriptLine("consumer", "text", "a", at(0), 0, "c", outcome="answered", sources=("sent",))
    told = TranscriptLine("consumer", "text", "a", at(7), 0, "c", sources=("history",), raw={"x": 1})

    (line,) = merge_sources([sent, told])

    assert (line.at, line.outcome, line.sources, line.raw) == (
        at(7),
        "answered",
        ("sent", "history"),
        {"x": 1},
    )


def test_two_lost_messages_are_not_both_found_in_one():
    lost = TranscriptLine("consumer", "text", "a", at(0), None, "c", outcome="unknown", sources=("sent",))
    told = TranscriptLine("consumer", "text", "a", at(1), 4, "c", sources=("webhook",))

    lines = merge_sources([lost, lost, told])

    assert [(line.sequence, line.sources) for line in lines] == [(None, ("sent",)), (4, ("sent", "webhook"))]


lines = st.builds(
    TranscriptLine,
    who=st.sampled_from(["consumer", "agent"]),
    kind=st.just("text"),
    text=st.sampled_from(["a", "b"]),
    at=st.one_of(st.none(), st.integers(0, 100).map(at)),
    sequence=st.one_of(st.none(), st.integers(0, 5)),
    dialog_id=st.sampled_from(["c", "s", None]),
    outcome=st.sampled_from([None, "unknown", "answered"]),
    sources=st.sampled_from([("sent",), ("webhook",), ("history",)]),
)


@given(st.lists(lines, max_size=12))
def test_each_numbered_message_stands_once_and_none_is_lost(given_lines):
    found = merge_sources(given_lines)

    numbered = [(line.dialog_id, line.sequence) for line in found if line.sequence is not None]
    wanted = {(line.dialog_id, line.sequence) for line in given_lines if line.sequence is not None}
    assert len(numbered) == len(set(numbered))
    assert set(numbered) == wanted
    for dialog in ("c", "s", None):
        sequences = [number for where, number in numbered if where == dialog]
        assert sequences == sorted(sequences)
    plain = [line for line in given_lines if line.sequence is None and line.outcome != "unknown"]
    assert sum(line.sequence is None for line in found) >= len(plain)


def test_both_conversations_have_the_same_methods():
    def public(kind):
        return {name for name in vars(kind) if not name.startswith("_")}

    assert public(Conversation) == public(AsyncConversation)


def wait_until_sent(sandbox):
    """Return when the message is at the server; bounded, and as quick as the server is."""
    waiting = threading.Event()
    for _ in range(2000):
        if sandbox.calls["send"]:
            return
        waiting.wait(0.005)
    raise AssertionError("nothing was sent")


def test_a_message_whose_task_is_cancelled_is_kept(settings, sandbox):
    sandbox.fail("send", "hang", work_done=True)

    async def main():
        async with AsyncClient(settings) as client:
            conversation = client.conversation(await client.create_conversation("anna"))
            task = asyncio.create_task(conversation.say("Hello?"))
            await asyncio.to_thread(wait_until_sent, sandbox)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return conversation, client.unknown, await conversation.transcript()

    conversation, unknown, table = asyncio.run(main())

    assert [line.outcome for line in conversation.messages] == ["unknown"]
    assert [response.outcome for response in unknown] == ["unknown"]
    assert conversation.responses == unknown
    assert table[["text", "outcome", "sources"]].values.tolist() == [["Hello?", "unknown", "sent, history"]]


def test_the_stop_button_keeps_a_message_and_says_so(client, sandbox, monkeypatch):
    conversation = client.conversation(client.create_conversation("anna"))
    sandbox.fail("send", "hang")
    real = event_loop.concurrent.futures.wait

    def stop_button(futures, timeout):
        if sandbox.calls["send"]:
            raise KeyboardInterrupt
        return real(futures, timeout=0.01)

    monkeypatch.setattr(event_loop.concurrent.futures, "wait", stop_button)
    with pytest.raises(KeyboardInterrupt) as caught:
        conversation.say("Hello?")
    monkeypatch.undo()

    assert caught.value.__notes__ == [
        "The request had left: it may have been accepted. See client.unknown[-1]."
    ]
    assert [line.outcome for line in conversation.messages] == ["unknown"]
    assert client.unknown == conversation.responses


def test_what_never_left_stands_in_no_transcript(client, sandbox):
    conversation = client.conversation(client.create_conversation("anna"))
    sandbox.expire_tokens()
    client.engine.account.app_jwt = None
    sandbox.fail("sentinel", "status", times=None, code=401)

    with pytest.raises(CredentialsError):
        conversation.say("Hello?")

    assert [line.outcome for line in conversation.messages] == ["not sent"]
    assert len(conversation.transcript()) == 0
