"""Section 5 of the reference: every frame SEND takes, what each does, and every documented failure."""

import json

import pytest

from lpnb.sandbox.world.models import Account, Installation, World

HELLO = {"type": "ContentEvent", "contentType": "text/plain", "message": "hello"}
CLOSE = {"field": "ConversationStateField", "conversationState": "CLOSE"}
# Word for word as the guide has them, the second one's grammar included.
TOO_LONG = {"code": "BAD_REQUEST", "body": {"msg": "Bad Request"}, "reqId": "1"}
CLOSED = {"code": "BAD_REQUEST", "body": {"msg": "Bad Request, Conversation is close"}, "reqId": "1"}
NOT_YOURS = {
    "kind": "resp",
    "code": 401,
    "body": {"title": "Invalid ConsumerJWS", "details": "ConsumerJWS is invalid", "errorCode": 40103},
    "type": ".ReqBody$ErrorResp",
}
SURVEYS = {"Client-Properties": '{"type":".ClientProperties","features":["MULTI_DIALOG"]}'}


def ok(**body):
    return {"code": "OK", "body": body, "reqId": "1"}


def refused(msg):
    return {"code": "BAD_REQUEST", "body": {"msg": msg}, "reqId": "1"}


def test_messages_are_numbered_from_0_in_their_dialog(connector, sandbox):
    conversation_id = connector.open()

    replies = [connector.publish(conversation_id, HELLO | {"message": text}) for text in ("a", "b")]

    assert [reply.status_code for reply in replies] == [200, 200]
    assert [reply.json() for reply in replies] == [ok(sequence=0), ok(sequence=1)]
    said = sandbox.detail(conversation_id).messages
    assert [(message.sequence, message.event["message"], message.role) for message in said] == [
        (0, "a", "CONSUMER"),
        (1, "b", "CONSUMER"),
    ]
    assert said[0].originator_id == sandbox.conversations[0].lp_consumer_id


def test_receipts_use_up_numbers_and_chat_states_do_not(connector, sandbox):
    conversation_id = connector.open()
    receipt = {"type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0]}
    typing = {"type": "ChatStateEvent", "chatState": "COMPOSING"}

    replies = [connector.publish(conversation_id, event).json() for event in (HELLO, receipt, typing, HELLO)]

    assert replies == [ok(sequence=0), ok(sequence=1), ok(sequence=2), ok(sequence=2)]
    kinds = [message.event["type"] for message in sandbox.detail(conversation_id).messages]
    assert kinds == ["ContentEvent", "AcceptStatusEvent", "ContentEvent"]


def test_a_chat_state_can_be_answered_without_a_sequence(connect):
    connector = connect(chat_state_sequence=False)

    reply = connector.publish(connector.open(), {"type": "ChatStateEvent", "chatState": "PAUSE"})

    assert reply.json() == ok()


@pytest.mark.parametrize("status", ["ACCEPT", "READ", "ACCESS", "NACK", "ACTION"])
def test_every_documented_receipt_is_taken(connector, status):
    event = {"type": "AcceptStatusEvent", "status": status, "sequenceList": [0, 7]}

    assert connector.publish(connector.open(), event).json() == ok(sequence=0)


@pytest.mark.parametrize("state", ["ACTIVE", "INACTIVE", "GONE", "COMPOSING", "PAUSE"])
def test_every_documented_chat_state_is_taken(connector, state):
    event = {"type": "ChatStateEvent", "chatState": state}

    assert connector.publish(connector.open(), event).status_code == 200


@pytest.mark.parametrize("member", ["content", "message"])
def test_structured_content_may_stand_in_either_member(connector, sandbox, member):
    conversation_id = connector.open()

    reply = connector.publish(conversation_id, {"type": "RichContentEvent", member: {"type": "vertical"}})

    assert reply.json() == ok(sequence=0)
    assert sandbox.detail(conversation_id).messages[0].event[member] == {"type": "vertical"}


def test_the_conversation_may_be_named_beside_the_dialog(connector):
    conversation_id = connector.open()
    body = {"dialogId": conversation_id, "conversationId": conversation_id, "event": HELLO}

    assert connector.send("ms.PublishEvent", body).json() == ok(sequence=0)
    other = connector.send("ms.PublishEvent", body | {"conversationId": "other"})
    assert (other.status_code, other.json()) == (
        400,
        refused("conversationId and dialogId are not of one conversation."),
    )


def test_metadata_is_taken_from_the_body_and_from_beside_it(connector, sandbox):
    conversation_id = connector.open()
    metadata = [{"type": "ExternalId", "id": "a" * 64}]
    body = {"dialogId": conversation_id, "event": HELLO}

    connector.send("ms.PublishEvent", body | {"metadata": metadata})
    connector.send("ms.PublishEvent", body, metadata=metadata)

    assert [m.metadata for m in sandbox.detail(conversation_id).messages] == [tuple(metadata)] * 2


def test_null_in_the_body_leaves_the_metadata_beside_it(connector, sandbox):
    conversation_id = connector.open()
    body = {"dialogId": conversation_id, "event": HELLO, "metadata": None}

    connector.send("ms.PublishEvent", body, metadata=[{"type": "ExternalId", "id": "crm-7"}])

    (message,) = sandbox.detail(conversation_id).messages
    assert message.metadata == ({"type": "ExternalId", "id": "crm-7"},)


@pytest.mark.parametrize(
    ("metadata", "msg"),
    [
        ({}, "metadata must be an array of objects."),
        (["x"], "metadata[0] must be an object with a type, such as 'ExternalId'."),
        ([{"type": "ExternalId", "id": "a" * 65}], "metadata[0].id must have at most 64 characters."),
        (
            [{"type": "ActionReason", "reason": "a" * 65}],
            "metadata[0].reason must have at most 64 characters.",
        ),
        ([{"type": "ActionReason"}], "metadata[0].reason is missing."),
    ],
)
def test_metadata_that_is_none_is_refused(connector, metadata, msg):
    body = {"dialogId": connector.open(), "event": HELLO, "metadata": metadata}

    reply = connector.send("ms.PublishEvent", body)

    assert (reply.status_code, reply.json()) == (400, refused(msg))


EVENTS = "'ContentEvent', 'RichContentEvent', 'AcceptStatusEvent', 'ChatStateEvent'"


@pytest.mark.parametrize(
    ("event", "msg"),
    [
        (None, "event must be an object, such as {'type': 'ContentEvent', ...}."),
        ({}, f"event.type must be one of {EVENTS}; got nothing."),
        (
            {"type": "AccpetStatusEvent"},
            f"event.type must be one of {EVENTS}; got 'AccpetStatusEvent'. Did you mean 'AcceptStatusEvent'?",
        ),
        (HELLO | {"message": 5}, "event.message must be a string."),
        (
            HELLO | {"contentType": "text/html"},
            "event.contentType must be one of 'text/plain', 'hosted/file'; got 'text/html'. "
            "Did you mean 'text/plain'?",
        ),
        ({"type": "RichContentEvent"}, "event.content must be an object: the structured content."),
        (
            {"type": "AcceptStatusEvent", "status": "read", "sequenceList": [0]},
            "event.status must be one of 'ACCEPT', 'READ', 'ACCESS', 'NACK', 'ACTION'; got 'read'. "
            "Did you mean 'READ'?",
        ),
        (
            {"type": "AcceptStatusEvent", "status": "READ", "sequenceList": [True]},
            "event.sequenceList must be an array of sequence numbers.",
        ),
        (
            {"type": "ChatStateEvent", "chatState": "TYPING"},
            "event.chatState must be one of 'ACTIVE', 'INACTIVE', 'GONE', 'COMPOSING', 'PAUSE'; "
            "got 'TYPING'.",
        ),
    ],
)
def test_an_event_that_is_none_is_refused_with_what_to_send(connector, sandbox, event, msg):
    conversation_id = connector.open()

    reply = connector.publish(conversation_id, event)

    assert (reply.status_code, reply.json()) == (400, refused(msg))
    assert sandbox.detail(conversation_id).messages == []


def test_5000_characters_are_taken_and_5001_are_not(connector):
    conversation_id = connector.open()
    event = HELLO | {"message": ""}
    frame = {
        "kind": "req",
        "id": "1",
        "type": "ms.PublishEvent",
        "body": {"dialogId": conversation_id, "event": event},
    }
    room = 5000 - len(json.dumps(frame))

    fits = connector.publish(conversation_id, event | {"message": "x" * room})
    long = connector.publish(conversation_id, event | {"message": "x" * (room + 1)})

    assert fits.json() == ok(sequence=0)
    assert (long.status_code, long.json()) == (400, TOO_LONG)


def test_characters_count_and_not_bytes(connector):
    conversation_id = connector.open()
    text = json.dumps(
        {
            "id": "1",
            "type": "ms.PublishEvent",
            "body": {"dialogId": conversation_id, "event": HELLO | {"message": "ü" * 4700}},
        },
        ensure_ascii=False,
    )

    reply = connector.post(text.encode(), path=connector.send_path)

    assert len(text) < 5000 < len(text.encode())
    assert reply.json() == ok(sequence=0)


def test_a_closed_conversation_takes_no_message_and_no_further_close(connector):
    conversation_id = connector.open()

    assert connector.update(conversation_id, CLOSE).json() == ok(msg="OK Conversation resolved successfully")
    for reply in (connector.publish(conversation_id, HELLO), connector.update(conversation_id, CLOSE)):
        assert (reply.status_code, reply.json()) == (400, CLOSED)


def test_a_close_makes_room_for_the_next_conversation(connector, sandbox):
    first = connector.open()

    connector.update(first, [CLOSE])
    second = connector.open()

    assert first != second
    assert [(found.state, found.stage, found.closed_by) for found in sandbox.conversations] == [
        ("CLOSE", "CLOSE", "CONSUMER"),
        ("OPEN", "OPEN", None),
    ]


def test_another_consumers_conversation_is_401_with_40103(connector, sandbox):
    conversation_id = connector.open("anna")

    for reply in (
        connector.publish(conversation_id, HELLO, who="berta"),
        connector.update(conversation_id, CLOSE, who="berta"),
    ):
        assert (reply.status_code, reply.json()) == (401, NOT_YOURS)
    assert sandbox.conversations[0].state == "OPEN"


def test_an_unknown_conversation_is_refused(connector):
    message, field = connector.publish("nonsense", HELLO), connector.update("nonsense", CLOSE)

    assert (message.status_code, message.json()) == (
        400,
        refused("Bad Request, there is no dialog 'nonsense'."),
    )
    assert field.json() == refused("Bad Request, there is no conversation 'nonsense'.")


@pytest.mark.parametrize("missing", ["Authorization", "X-LP-ON-BEHALF"])
def test_the_authorisation_errors_are_those_of_conversation(connector, missing):
    headers = {name: value for name, value in connector.headers().items() if name != missing}

    reply = connector.post({}, headers=headers, path=connector.send_path)

    assert reply.status_code == 401
    assert reply.json()["body"]["errorCode"] == {"Authorization": 40105, "X-LP-ON-BEHALF": 40104}[missing]


@pytest.mark.parametrize(
    ("body", "msg"),
    [
        ([], "Send one frame, an object; got an array."),
        ([{"id": "1"}], "Send one frame, an object; got an array."),
        ("x", "Send one frame, an object; got a string."),
    ],
)
def test_an_array_is_not_a_frame(connector, body, msg):
    reply = connector.post(body, path=connector.send_path)

    assert (reply.status_code, reply.json()) == (400, {"code": "BAD_REQUEST", "body": {"msg": msg}})


def test_an_unknown_frame_is_refused_with_the_names_there_are(connector):
    reply = connector.send("ms.PublishEvents", {})

    assert reply.json() == refused(
        "frame.type must be one of 'userprofile.SetUserProfile', 'ms.PublishEvent', "
        "'cm.UpdateConversationField', 'ms.GenerateURLForUploadFile', 'ms.GenerateURLForDownloadFile'; "
        "got 'ms.PublishEvents'. Did you mean 'ms.PublishEvent'?"
    )


def test_ids_are_echoed_as_strings(connector):
    conversation_id = connector.open()

    replies = [
        connector.send("ms.PublishEvent", {"dialogId": conversation_id, "event": HELLO}, id=value).json()
        for value in ("2,", "007", 5)
    ]

    assert [reply["reqId"] for reply in replies] == ["2,", "007", "5"]


def test_v_is_asked_for(connector):
    reply = connector.post({}, path=connector.send_path.partition("?")[0])

    assert reply.status_code == 400
    assert reply.json()["error"].startswith("The query parameter v is missing. Send POST ")


def test_a_profile_can_be_set_later(connector, sandbox):
    conversation_id = connector.open()
    vip = {"type": "ctmrinfo", "info": {"ctype": "vip"}}

    reply = connector.send("userprofile.SetUserProfile", {"authenticatedData": {"lp_sdes": [vip]}})

    assert reply.json() == ok(msg="OK User Profile set successfully")
    assert sandbox.profile("anna") == [vip]
    # It is the consumer's and routes nothing anew.
    assert sandbox.trace(conversation_id)["decidedBy"] == "default"


def test_a_strict_sandbox_refuses_an_odd_profile(connect):
    connector = connect(sde_checks="strict")

    reply = connector.send("userprofile.SetUserProfile", {"authenticatedData": []})

    assert reply.json() == refused(
        "authenticatedData must be an object; got []. (The sandbox's own strictness: sde_checks='strict'.)"
    )


TTR = {"field": "TTRField", "ttrType": "URGENT", "value": 60}
CSAT = {"field": "CSATRate", "csatRate": 5, "csatResolutionConfirmation": True, "status": "FILLED"}


def test_urgency_and_satisfaction_are_kept(connector, sandbox):
    conversation_id = connector.open()

    for field in (TTR, [CSAT]):
        assert connector.update(conversation_id, field).json() == ok(
            msg="OK Conversation updated successfully"
        )

    assert sandbox.conversations[0].ttr == {"ttrType": "URGENT", "value": 60}
    assert sandbox.conversations[0].csat == {
        "csatRate": 5,
        "csatResolutionConfirmation": True,
        "status": "FILLED",
    }


def test_several_fields_are_set_in_their_order_or_none_is(connector, sandbox):
    conversation_id = connector.open()

    none = connector.update(conversation_id, [TTR, CSAT | {"csatRate": 6}])
    assert none.json() == refused("conversationField[1].csatRate must be a whole number from 1 to 5.")
    assert sandbox.conversations[0].ttr is None

    assert connector.update(conversation_id, [TTR, CSAT, CLOSE]).json() == ok(
        msg="OK Conversation resolved successfully"
    )
    assert (sandbox.conversations[0].ttr["value"], sandbox.conversations[0].state) == (60, "CLOSE")


def test_satisfaction_may_come_after_the_close_unless_the_rule_is_off(connector, connect):
    strict = connect(csat_after_close=False)
    for door, status in ((connector, 200), (strict, 400)):
        conversation_id = door.open()
        door.update(conversation_id, CLOSE)

        assert door.update(conversation_id, CSAT).status_code == status


FIELDS = (
    "'ConversationStateField', 'Stage', 'DialogChange', 'TTRField', 'CSATRate', 'Skill', 'ParticipantsChange'"
)


@pytest.mark.parametrize(
    ("field", "msg"),
    [
        ([], "conversationField must hold at least one field."),
        ("x", "conversationField must be an object such as {'field': 'ConversationStateField', ...}."),
        ({}, f"conversationField.field must be one of {FIELDS}; got nothing."),
        (
            CLOSE | {"conversationState": "OPEN"},
            "conversationField.conversationState must be 'CLOSE'; got 'OPEN'.",
        ),
        (
            TTR | {"ttrType": "SOON"},
            "conversationField.ttrType must be one of 'CUSTOM', 'NORMAL', 'PRIORITIZED', 'URGENT'; "
            "got 'SOON'.",
        ),
        (TTR | {"value": -1}, "conversationField.value must be seconds, a whole number from 0."),
        (CSAT | {"csatRate": 0}, "conversationField.csatRate must be a whole number from 1 to 5."),
        (
            CSAT | {"csatResolutionConfirmation": None},
            "conversationField.csatResolutionConfirmation must be true or false.",
        ),
        (
            CSAT | {"status": "DONE"},
            "conversationField.status must be one of 'FILLED', 'PARTIALLY_FILLED', 'SKIPPED'; got 'DONE'.",
        ),
        (
            {"field": "DialogChange", "type": "UPDATE", "dialog": {"dialogId": "?", "state": "CLOSE"}},
            "conversationField.dialog.dialogId is no dialog of this conversation.",
        ),
        (
            {"field": "DialogChange", "type": "ADD"},
            "conversationField.type must be 'UPDATE'; got 'ADD'.",
        ),
        (
            {"field": "Skill", "type": "UPDATE", "skill": "2741903011"},
            "conversationField.field 'Skill' is the agents' to change, not the consumer's.",
        ),
        (
            {"field": "ParticipantsChange", "type": "ADD", "role": "READER"},
            "conversationField.field 'ParticipantsChange' is the agents' to change, not the consumer's.",
        ),
    ],
)
def test_a_field_that_cannot_be_set_is_refused(connector, sandbox, field, msg):
    conversation_id = connector.open()

    reply = connector.update(conversation_id, field)

    assert (reply.status_code, reply.json()) == (400, refused(msg))
    assert sandbox.conversations[0].updated_at == sandbox.conversations[0].created_at


def test_consumers_may_transfer_when_the_rule_says_so(connect):
    connector = connect(consumer_may_transfer=True)
    conversation_id = connector.open()

    reply = connector.update(conversation_id, {"field": "Skill", "type": "UPDATE", "skill": "Online Access"})

    assert reply.status_code == 200
    (found,) = connector.sandbox.conversations
    assert (found.skill_id, found.skill_name) == ("2741903015", "Online Access")
    assert found.skill_changes[0].source_skill_id == "2741903010"


def test_a_skill_of_more_than_64_characters_is_refused_by_the_sandbox_itself(connect):
    connector = connect(consumer_may_transfer=True)

    reply = connector.update(connector.open(), {"field": "Skill", "type": "UPDATE", "skill": "s" * 65})

    assert (reply.status_code, reply.json()["body"]["msg"]) == (
        400,
        "conversationField.skill must have at most 64 characters; got 65. "
        "(The sandbox's own limit: LivePerson publishes none.)",
    )


def survey_of(sandbox):
    return next(dialog for dialog in sandbox.conversations[0].dialogs if dialog.dialog_type == "POST_SURVEY")


@pytest.mark.parametrize("where", ["when it opened", "now"])
def test_a_survey_follows_the_close_for_those_that_declare_multi_dialog(connector, sandbox, where):
    opening = connector.headers() | (SURVEYS if where == "when it opened" else {})
    conversation_id = connector.post(headers=opening).json()[1]["body"]["conversationId"]

    connector.update(conversation_id, CLOSE, headers=SURVEYS if where == "now" else {})

    (found,) = sandbox.conversations
    # As the reference has it: a survey runs where the state is closed and the stage is open.
    assert (found.state, found.stage) == ("CLOSE", "OPEN")
    survey = survey_of(sandbox)
    assert connector.publish(conversation_id, HELLO).json() == CLOSED
    assert connector.publish(survey.dialog_id, HELLO).json() == ok(sequence=0)
    assert connector.publish(
        survey.dialog_id, {"type": "ChatStateEvent", "chatState": "ACTIVE"}
    ).json() == refused("A survey takes no ChatStateEvent.")


def test_closing_the_survey_ends_the_conversation(connector, sandbox):
    conversation_id = connector.open()
    connector.update(conversation_id, CLOSE, headers=SURVEYS)
    dialog = {"dialogId": survey_of(sandbox).dialog_id, "state": "CLOSE", "closedCause": "Close by consumer"}

    reply = connector.update(conversation_id, {"field": "DialogChange", "type": "UPDATE", "dialog": dialog})

    assert reply.status_code == 200
    (found,) = sandbox.conversations
    assert (found.state, found.stage) == ("CLOSE", "CLOSE")
    assert survey_of(sandbox).closed_cause == "Close by consumer"


def test_closing_the_main_dialog_starts_the_survey(connector, sandbox):
    conversation_id = connector.open()
    dialog = {"dialogId": conversation_id, "state": "CLOSE"}
    change = {"field": "DialogChange", "type": "UPDATE", "dialog": dialog}

    connector.update(conversation_id, change, headers=SURVEYS)

    assert survey_of(sandbox).state == "OPEN"
    assert connector.update(conversation_id, change, headers=SURVEYS).json() == CLOSED


def test_stage_skips_the_survey(connector, sandbox):
    conversation_id = connector.open()

    reply = connector.update(
        conversation_id, {"field": "Stage", "conversationState": "CLOSE"}, headers=SURVEYS
    )

    assert reply.json() == ok(msg="OK Conversation resolved successfully")
    assert [(found.stage, len(found.dialogs)) for found in sandbox.conversations] == [("CLOSE", 1)]


def test_an_account_without_surveys_has_none(connect):
    installation = Installation(client_id="app", client_secret="secret", name="App")
    connector = connect(world=World(accounts=[Account(id="12345678", installations=[installation])]))
    conversation_id = connector.open()

    connector.update(conversation_id, CLOSE, headers=SURVEYS)

    assert connector.sandbox.conversations[0].stage == "CLOSE"


@pytest.mark.parametrize(("keeps", "code"), [(True, "BAD_REQUEST"), (False, "OK")])
def test_whether_a_running_survey_keeps_the_consumer_is_a_rule(connect, keeps, code):
    connector = connect(survey_keeps_conversation=keeps)
    connector.update(connector.open(), CLOSE, headers=SURVEYS)

    reply = connector.post(headers=connector.headers("anna"))

    assert reply.json()[1]["code"] == code


def test_the_legacy_first_message_is_published(connector, sandbox):
    message = {"id": "3", "type": "ms.PublishEvent", "body": {"event": HELLO}}

    reply = connector.post([*connector.batch(), message])

    conversation_id = reply.json()[1]["body"]["conversationId"]
    assert [said.event for said in sandbox.detail(conversation_id).messages] == [HELLO]
    assert connector.publish(conversation_id, HELLO).json() == ok(sequence=1) | {"reqId": "1"}
