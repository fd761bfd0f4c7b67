"""SEND, against the running sandbox: every kind of frame, and every documented way to be refused."""

from __future__ import annotations

import json

import pytest

from lpnb import (
    BatchResponse,
    ClientProperties,
    CustomerInfo,
    InvalidValueError,
    PersonalInfo,
    Sandbox,
    Settings,
    UnauthorizedError,
    responses_table,
)
from lpnb.models.conversation_fields import (
    Close,
    CloseDialog,
    CloseStage,
    Participant,
    Satisfaction,
    SkillTransfer,
    Urgency,
)
from lpnb.models.frames import (
    ChatState,
    DownloadUrl,
    FieldUpdate,
    FileMessage,
    Message,
    OtherFrame,
    ProfileUpdate,
    RawFrame,
    Receipt,
    RichContent,
    UploadUrl,
)

PICTURE = "data:image/png;"


@pytest.fixture
def opened(door):
    """The id of a conversation that anna has open."""
    return door.create_conversation("anna").conversation_id


def said_by(sandbox, conversation_id):
    return [message.event for message in sandbox.detail(conversation_id).messages]


def test_messages_are_numbered_from_0_in_the_order_they_are_sent(door, sandbox, opened):
    replies = [door.send_frame(Message(text=text, conversation_id=opened), "anna") for text in ("one", "two")]

    assert [reply.sequence for reply in replies] == [0, 1]
    assert [reply.outcome for reply in replies] == ["answered", "answered"]
    assert [event["message"] for event in said_by(sandbox, opened)] == ["one", "two"]
    assert replies[0].explanation == f"Accepted in conversation {opened}: sequence 0."
    assert repr(replies[1]) == f"<BatchResponse answered: conversation {opened}, sequence 1>"
    assert dict(sandbox.calls) == {"domain": 1, "sentinel": 1, "idp": 1, "conversation": 1, "send": 2}


def test_a_frame_tabulates_like_a_batch(door, opened):
    batch = door.create_conversation("berta")
    frame = door.send_frame(Message(text="Good morning", conversation_id=opened), "anna")

    table = responses_table([batch, frame])

    assert list(table.columns) == list(responses_table([]).columns)
    (row,) = table[table["type"] == "ms.PublishEvent"].to_dict("records")
    assert row["consumer_id"] == "anna"
    assert row["ok"]
    assert row["code"] == "OK"
    assert row["message"] == "sequence 0"
    assert row["conversation_id"] == opened
    assert row["http_status"] == 200


def test_every_kind_of_event_is_published(door, sandbox, opened):
    sandbox.agent_says(opened, "Good morning")
    frames = [
        RichContent(content={"type": "text", "text": "Which card?"}, conversation_id=opened),
        Receipt(sequences=[0], conversation_id=opened),
        Receipt(sequences=[0], status="ACCEPT", conversation_id=opened),
        ChatState(conversation_id=opened),
        Message(
            text="Hi",
            conversation_id=opened,
            metadata=[{"type": "ExternalId", "id": "ext-1"}],
            client_properties=ClientProperties(features=["RICH_CONTENT"]),
        ),
    ]

    replies = [door.send_frame(frame, "anna") for frame in frames]

    assert [reply.outcome for reply in replies] == ["answered"] * 5
    last = sandbox.detail(opened).messages[-1]
    assert list(last.metadata) == [{"type": "ExternalId", "id": "ext-1"}]
    assert [event["type"] for event in said_by(sandbox, opened)] == [
        "ContentEvent",
        "RichContentEvent",
        "AcceptStatusEvent",
        "AcceptStatusEvent",
        "ContentEvent",
    ]


def test_sdes_are_replaced_on_a_conversation_that_is_open(door, sandbox, opened):
    reply = door.send_frame(
        ProfileUpdate([CustomerInfo(ctype="vip"), PersonalInfo(firstname="Anna")]), "anna"
    )

    assert reply.pairs[0].message == "OK User Profile set successfully"
    assert reply.explanation == "Accepted: OK User Profile set successfully."
    assert [sde["type"] for sde in sandbox.profile("anna")] == ["ctmrinfo", "personal"]


def test_urgency_and_satisfaction_are_set(door, sandbox, opened):
    fields = [
        Urgency(ttr_type="URGENT", value=300),
        Satisfaction(csat_rate=4, csat_resolution_confirmation=True),
    ]

    reply = door.send_frame(FieldUpdate(fields=fields, conversation_id=opened), "anna")

    assert reply.outcome == "answered"
    found = sandbox.detail(opened).conversation
    assert found.ttr == {"ttrType": "URGENT", "value": 300}
    assert found.csat == {"csatRate": 4, "csatResolutionConfirmation": True, "status": "FILLED"}


def test_closing_as_the_consumer_starts_the_survey_and_closing_the_stage_skips_it(door, sandbox):
    surveyed = ClientProperties(features=["MULTI_DIALOG"])
    first = door.create_conversation("anna", client_properties=surveyed).conversation_id
    second = door.create_conversation("berta", client_properties=surveyed).conversation_id

    closed = door.send_frame(FieldUpdate(fields=[Close()], conversation_id=first), "anna")
    door.send_frame(FieldUpdate(fields=[CloseStage()], conversation_id=second), "berta")

    assert closed.pairs[0].message == "OK Conversation resolved successfully"
    main, survey = sandbox.detail(first).conversation.dialogs
    assert (main.state, survey.dialog_type, survey.state) == ("CLOSE", "POST_SURVEY", "OPEN")
    assert [dialog.state for dialog in sandbox.detail(second).conversation.dialogs] == ["CLOSE"]

    ended = FieldUpdate(fields=[CloseDialog(dialog_id=survey.dialog_id)], conversation_id=first)
    assert door.send_frame(ended, "anna").outcome == "answered"
    assert sandbox.detail(first).conversation.stage == "CLOSE"


@pytest.mark.parametrize("field", [SkillTransfer(skill=2741903011), Participant(type="ADD", role="MANAGER")])
def test_what_is_the_agents_to_change_is_refused_to_a_consumer(door, opened, field):
    reply = door.send_frame(FieldUpdate(fields=[field], conversation_id=opened), "anna")

    assert reply.outcome == "refused"
    assert reply.explanation == (
        "Refused with BAD_REQUEST: conversationField.field "
        f"'{field.field_name}' is the agents' to change, not the consumer's."
    )


# What is refused before it is sent


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (
            lambda: Message(text="x" * 5_000, conversation_id="c" * 36),
            "body.event.message makes the request 5,270 characters long, and SEND takes at most 5,000. "
            "Shorten it by 270, or send it in parts.",
        ),
        (
            lambda: Message(text=7, conversation_id=""),
            "2 values are wrong:\n"
            "  - body.conversationId must have at least 1 characters; got 0.\n"
            "  - body.event.message must be text; got 7.",
        ),
        (
            lambda: UploadUrl(file_size=3 * 1024 * 1024 + 1, file_type="PNG"),
            "body.fileSize must be at most 3,145,728 bytes (3 MB); got 3145729.",
        ),
        (
            lambda: UploadUrl(file_size=1, file_type="png"),
            "body.fileType must be one of 'JPG', 'JPEG', 'PNG', 'GIF'; got 'png'. Did you mean 'PNG'?",
        ),
        (
            lambda: FileMessage(
                relative_path="/a", file_type="PNG", conversation_id="c", preview=PICTURE + "x" * 30_705
            ),
            "body.event.message.preview must be smaller than 30 KB (30,720 characters; it has 30,720); "
            "got 'data:image/png;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx ...'.",
        ),
        (
            lambda: Receipt(sequences=[0, -1], status="read", conversation_id="c"),
            "2 values are wrong:\n"
            "  - body.event.status must be one of 'ACCEPT', 'READ', 'ACCESS', 'NACK', 'ACTION'; got 'read'. "
            "Did you mean 'READ'?\n"
            "  - body.event.sequenceList[1] must be at least 0; got -1.",
        ),
        (
            lambda: Message(
                text="x",
                conversation_id="c",
                metadata=[{"type": "ActionReason"}, {"type": "ExternalId", "id": "x" * 65}],
            ),
            "2 values are wrong:\n"
            "  - metadata[0] must give a reason: ActionReason demands one; got {'type': 'ActionReason'}.\n"
            "  - metadata[1] must have at most 64 characters in id; got {'type': 'ExternalId', 'id': "
            "'xxxxxxxxxxxxxxxxxxxxxxxx ...}.",
        ),
        (
            lambda: Satisfaction(csat_rate=6, csat_resolution_confirmation=True),
            "conversationField.csatRate must be at most 5; got 6.",
        ),
        (
            lambda: FieldUpdate(fields=["close"], conversation_id="c"),
            "body.conversationField[0] must be an object with a 'field', such as Close(); got 'close'.",
        ),
        (
            lambda: ProfileUpdate([{"type": "cart"}]),
            "authenticatedData.lp_sdes[0].type must be one of 'ctmrinfo', 'personal'; got 'cart'.",
        ),
    ],
)  # fmt: skip
def test_a_wrong_frame_is_refused_when_it_is_made(make, complaint):
    with pytest.raises(InvalidValueError) as caught:
        make()

    assert str(caught.value) == complaint


def test_a_preview_does_not_count_towards_the_5000_characters():
    frame = FileMessage(
        relative_path="/a", file_type="PNG", conversation_id="c", preview=PICTURE + "x" * 30_000
    )

    assert len(json.dumps(frame.to_wire())) > 30_000


def test_a_request_of_exactly_5000_characters_is_taken(door, opened):
    empty = len(Message(text="", conversation_id=opened).outgoing("").content)

    reply = door.send_frame(Message(text="ä" * (5_000 - empty), conversation_id=opened), "anna")

    assert reply.sequence == 0
    with pytest.raises(InvalidValueError):
        Message(text="ä" * (5_001 - empty), conversation_id=opened)


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        ("{", "frame is not JSON: Expecting property name enclosed in double quotes at line 1, column 2."),
        ([], "frame must be one frame, an object; got []. A batch goes out with send_batch."),
        ({"type": "x"}, "body is required."),
        ({"type": "x", "body": {}, "kind": "resp"}, "kind must be 'req'; got 'resp'."),
        ({"type": "x", "body": {}, "id": "y" * 65}, "id must be text of 1 to 64 characters; got "
         "'" + "y" * 53 + " ...'."),
    ],
)  # fmt: skip
def test_what_is_no_frame_is_refused_before_it_is_sent(door, sandbox, frame, complaint):
    with pytest.raises(InvalidValueError) as caught:
        door.send_frame(frame, "anna")

    assert str(caught.value) == complaint
    assert sandbox.calls == {}


def test_a_frame_is_not_taken_for_a_batch(door):
    with pytest.raises(InvalidValueError) as caught:
        door.send_batch(Message(text="x", conversation_id="c"), "anna")

    assert str(caught.value) == (
        "frames must be a batch, which CONVERSATION takes; one frame goes out with send_frame."
    )


def test_types_events_and_fields_that_are_not_known_pass(door, sandbox, opened):
    event = OtherFrame(type="ms.PublishEvent", body={"dialogId": opened, "event": {"type": "NewEvent"}})
    field = FieldUpdate(fields=[{"field": "NewField", "value": 1}], conversation_id=opened)
    extra = Message(text="x", conversation_id=opened, extra={"priority": 7})

    replies = [door.send_frame(frame, "anna") for frame in (event, field, extra)]

    # The sandbox knows none of them, and that is what it says; lpnb has sent them.
    assert [reply.outcome for reply in replies] == ["refused", "refused", "answered"]
    assert [reply.pairs[0].code for reply in replies] == ["BAD_REQUEST", "BAD_REQUEST", "OK"]
    assert extra.to_wire()["body"]["priority"] == 7


# The documented failures


def test_a_closed_conversation_takes_nothing_more(door, sandbox, opened):
    sandbox.close_conversation(opened)

    reply = door.send_frame(Message(text="x", conversation_id=opened), "anna")

    assert (reply.outcome, reply.http_status, reply.pairs[0].code) == ("refused", 400, "BAD_REQUEST")
    assert reply.pairs[0].message == "Bad Request, Conversation is close"
    assert reply.explanation == (
        "Refused with BAD_REQUEST: Bad Request, Conversation is close. A consumer cannot write into a closed "
        "conversation; open a new one."
    )
    assert reply.attempts == 1


def test_5001_characters_are_refused_by_the_service_too(door, opened):
    wire = Message(text="", conversation_id=opened, req_id="1").to_wire()
    wire["body"]["event"]["message"] = "x" * (5_001 - len(json.dumps(wire, separators=(",", ":"))))

    reply = door.send_frame(RawFrame(json.dumps(wire, separators=(",", ":"))), "anna")

    assert (reply.outcome, reply.http_status) == ("refused", 400)
    assert reply.explanation == "Refused with BAD_REQUEST: Bad Request."


def test_another_consumers_conversation_is_refused_after_fresh_tokens(door, sandbox, opened):
    reply = door.send_frame(Message(text="x", conversation_id=opened), "berta")

    assert (reply.outcome, reply.http_status, reply.attempts) == ("refused", 401, 2)
    assert reply.pairs[0].code == "40103"
    assert reply.explanation == (
        "Refused with 40103, Invalid ConsumerJWS: ConsumerJWS is invalid. The ConsumerJWS is invalid, or the "
        "conversation belongs to another consumer."
    )
    with pytest.raises(UnauthorizedError):
        reply.raise_for_outcome()
    assert said_by(sandbox, opened) == []


def test_a_conversation_that_does_not_exist_is_refused(door):
    reply = door.send_frame(Message(text="x", conversation_id="nowhere"), "anna")

    assert (reply.outcome, reply.http_status) == ("refused", 400)
    assert reply.pairs[0].message == "Bad Request, there is no dialog 'nowhere'."


def test_an_expired_app_jwt_is_renewed_once(door, sandbox, opened):
    sandbox.expire_tokens()

    reply = door.send_frame(Message(text="x", conversation_id=opened), "anna")

    assert (reply.outcome, reply.attempts, reply.sequence) == ("answered", 2, 0)


def test_a_429_is_waited_out(door, sandbox, opened):
    sandbox.fail("send", "status", code=429)

    reply = door.send_frame(Message(text="x", conversation_id=opened), "anna")

    assert (reply.outcome, reply.attempts) == ("answered", 2)


@pytest.mark.parametrize(
    ("fault", "options", "arrived", "explanation"),
    [
        ("drop_after", {}, 1, "the connection was closed without an answer."),
        ("drop_before", {}, 0, "the connection was closed without an answer."),
        ("status", {"code": 503}, 0, "HTTP 503 came back."),
    ],
)
def test_what_may_have_arrived_is_never_sent_again(
    door, sandbox, opened, fault, options, arrived, explanation
):
    sandbox.fail("send", fault, **options)

    reply = door.send_frame(Message(text="x", conversation_id=opened), "anna")

    assert (reply.outcome, reply.attempts) == ("unknown", 1)
    assert reply.explanation.startswith(f"The request left, and {explanation}")
    assert reply.explanation.endswith(
        "It may have been accepted, so it was not repeated. Look at the conversation before you "
        "send it again."
    )
    assert len(said_by(sandbox, opened)) == arrived
    assert door.unknown == (reply,)


def test_nothing_is_sent_where_nobody_listens(open_client, refused_port):
    settings = Settings("12345678", "id", "secret", domain_api=f"http://127.0.0.1:{refused_port}")

    with pytest.raises(Exception, match="could not be reached"):
        open_client(settings).send_frame(Message(text="x", conversation_id="c"), "anna")


@pytest.mark.parametrize("fault", ["reqid_missing", "reqid_unknown", "reqid_int", "nan", "html", "empty"])
def test_an_answer_that_cannot_be_relied_on_leaves_the_outcome_unknown(door, sandbox, opened, fault):
    sandbox.fail("send", fault)

    reply = door.send_frame(Message(text="x", conversation_id=opened), "anna")

    assert reply.outcome == "unknown"
    assert isinstance(reply, BatchResponse)


def test_an_answer_with_more_than_is_documented_is_an_answer(cloud, open_client):
    def answer(asked):
        frame = json.loads(asked.body)
        body = {"sequence": 4, "conversationId": "c-9", "new": [1]}
        return json_reply({"reqId": frame["id"], "code": "OK", "body": body, "kind": "resp"})

    cloud.says["conversation"] = answer
    reply = open_client(cloud.settings()).send_frame(Message(text="x", conversation_id="c-1"), "anna")

    assert (reply.outcome, reply.sequence, reply.conversation_id) == ("answered", 4, "c-1")


@pytest.mark.parametrize(
    ("code", "body", "odd"),
    [
        (200, {"sequence": 1}, "with the code '200', which is neither OK nor a refusal."),
        ("ok", {"sequence": 1}, "with the code 'ok', which is neither OK nor a refusal."),
        ("ACCEPTED", {}, "with the code 'ACCEPTED', which is neither OK nor a refusal."),
        (503, {}, "with the code '503', which is neither OK nor a refusal."),
        ("BAD_REQUEST", {"sequence": 1}, "with the code 'BAD_REQUEST', and yet with a sequence number."),
    ],
)
def test_what_may_have_been_published_is_not_called_refused(cloud, open_client, code, body, odd):
    cloud.says["conversation"] = lambda asked: json_reply(
        {"reqId": json.loads(asked.body)["id"], "code": code, "body": body}
    )

    reply = open_client(cloud.settings()).send_frame(Message(text="x", conversation_id="c-1"), "anna")

    assert (reply.outcome, reply.attempts) == ("unknown", 1)
    assert reply.explanation == (
        f"The request left, and HTTP 200 came back. ms.PublishEvent came back {odd} It may "
        "have been accepted, so it was not repeated. Look at the conversation before you send it again."
    )


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_a_status_that_gainsays_the_answer_leads_to_no_second_message(cloud, open_client, status):
    def answer(asked):
        body = json.dumps(
            {"reqId": json.loads(asked.body)["id"], "code": "OK", "body": {"sequence": 3}}
        ).encode()
        return b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)

    cloud.says["conversation"] = answer

    reply = open_client(cloud.settings()).send_frame(Message(text="x", conversation_id="c-1"), "anna")

    assert (reply.outcome, reply.attempts, reply.http_status) == ("unknown", 1, status)
    assert len(cloud.asked("conversation")) == 1


@pytest.mark.parametrize("sequence", [-1, 1 << 63, 10**300, True, 1.5, "3", None])
def test_a_number_that_is_no_sequence_harms_neither_the_answer_nor_the_transcript(
    cloud, open_client, sequence
):
    cloud.says["conversation"] = lambda asked: json_reply(
        {"reqId": json.loads(asked.body)["id"], "code": "OK", "body": {"sequence": sequence}}
    )
    door = open_client(cloud.settings())
    talk = door.client.conversation("c-1", "anna")

    reply = door._run(talk.say("Good morning"))
    table = door._run(talk.transcript())

    assert (reply.outcome, reply.sequence, talk.last_sequence) == ("answered", None, None)
    assert table["text"].tolist() == ["Good morning"]
    assert table["sequence"].isna().all()


def json_reply(value):
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )


def test_a_file_that_nobody_uploaded_is_refused(door, opened):
    frame = FileMessage(relative_path="/v1/none.png", file_type="PNG", conversation_id=opened)

    reply = door.send_frame(frame, "anna")

    assert (reply.outcome, reply.http_status, reply.pairs[0].code) == ("refused", 400, "BAD_REQUEST")
    assert reply.pairs[0].message.startswith("event.message.relativePath names no stored file.")


def test_a_survey_takes_no_chat_state(door, sandbox):
    surveyed = ClientProperties(features=["MULTI_DIALOG"])
    opened = door.create_conversation("anna", client_properties=surveyed).conversation_id
    door.send_frame(FieldUpdate(fields=[Close()], conversation_id=opened), "anna")
    survey = sandbox.detail(opened).conversation.dialogs[1].dialog_id

    reply = door.send_frame(ChatState(conversation_id=opened, dialog_id=survey), "anna")
    answered = door.send_frame(Message(text="5", conversation_id=opened, dialog_id=survey), "anna")

    assert (reply.outcome, reply.pairs[0].message) == ("refused", "A survey takes no ChatStateEvent.")
    assert answered.sequence == 0


def test_the_permission_to_write_into_the_store_stands_in_no_table(door):
    reply = door.send_frame(UploadUrl(file_size=7, file_type="PNG"), "anna")

    place = reply.pairs[0].body["body"]
    assert reply.pairs[0].message == place["relativePath"]
    shown = f"{reply!r} {reply} {reply._repr_html_()} {responses_table(reply).to_string()}"
    assert place["queryParams"]["temp_url_sig"] not in shown


def test_download_urls_are_only_for_files_there_are(door, sandbox: Sandbox):
    reply = door.send_frame(DownloadUrl(relative_path="/v1/none.png"), "anna")

    assert reply.pairs[0].message == "relativePath names no stored file."
