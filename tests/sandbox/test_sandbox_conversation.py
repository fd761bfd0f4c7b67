"""Sections 4.1 to 4.8 of the reference: order, ids, one open conversation, what is kept."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

# The default skill of the default world's account.
GENERAL = "2741903010"
PROFILE_SET = {"msg": "OK User Profile set successfully"}
VIP = {"type": "ctmrinfo", "info": {"ctype": "vip", "socialId": "1234567890"}}
JOHN = {"type": "personal", "personal": {"firstname": "John", "lastname": "Doe", "gender": "MALE"}}
CAMPAIGN = {
    "ttrDefName": "NORMAL",
    "campaignInfo": {"campaignId": "99999", "engagementId": "888888"},
    "conversationContext": {
        "visitorId": "A3ZTY3Zjk1MDExZTczYTU4",
        "sessionId": "ys2wSqaSRSOJGki7VhEDKQ",
        "interactionContextId": "2",
        "type": "SharkContext",
        "lang": "en-US",
    },
    "channelType": "MESSAGING",
    "skillId": "-1",
}


def already_open(lp_consumer_id, req_id):
    """The text of section 4.8, word for word."""
    return {
        "code": "BAD_REQUEST",
        "body": {
            "msg": f"Consumer request conversation failed: User {lp_consumer_id} "
            "already has open conversation. Can't open another one."
        },
        "reqId": req_id,
    }


def test_the_minimal_example_opens_a_conversation(connector, sandbox):
    reply = connector.post(connector.batch())

    assert reply.status_code == 200
    first, second = reply.json()
    assert first == {"code": "OK", "body": PROFILE_SET, "reqId": "1,"}
    conversation_id = second["body"]["conversationId"]
    assert second == {"code": "OK", "body": {"conversationId": conversation_id}, "reqId": "2,"}
    assert uuid.UUID(conversation_id).version == 4
    (conversation,) = sandbox.conversations
    assert conversation.conversation_id == conversation_id
    assert (conversation.state, conversation.skill_id, conversation.warnings) == ("OPEN", GENERAL, ())
    assert conversation.profile == []
    assert conversation.client_properties is None


def test_everything_of_the_full_example_is_kept_as_received(connector, sandbox, claims_of):
    headers = connector.headers("anna") | {"Client-Properties": '{"type":".ClientProperties","os":"LINUX"}'}
    batch = connector.batch(sdes=[VIP, JOHN], **CAMPAIGN)

    assert connector.post(batch, headers=headers).status_code == 200

    (conversation,) = sandbox.conversations
    assert conversation.request == batch
    assert conversation.profile == [VIP, JOHN]
    assert conversation.body["campaignInfo"] == {"campaignId": "99999", "engagementId": "888888"}
    assert conversation.body["conversationContext"]["type"] == "SharkContext"
    assert conversation.body["ttrDefName"] == "NORMAL"
    assert conversation.client_properties == {"type": ".ClientProperties", "os": "LINUX"}
    assert conversation.ext_consumer_id == "anna"
    assert conversation.lp_consumer_id == claims_of(headers["X-LP-ON-BEHALF"])["lp_consumer_id"]
    assert conversation.warnings == ()


def test_numbers_are_accepted_where_clients_send_them(connector, sandbox):
    first = connector.post(
        connector.batch(brandId=12345678, skillId=2741903011), headers=connector.headers("a")
    )
    second = connector.post(
        connector.batch(campaignInfo={"campaignId": 880524013, "engagementId": 880524118}),
        headers=connector.headers("b"),
    )

    assert (first.status_code, second.status_code) == (200, 200)
    assert [found.skill_id for found in sandbox.conversations] == ["2741903011", "2741903014"]
    assert [found.warnings for found in sandbox.conversations] == [(), ()]


def test_a_campaign_alone_a_context_alone_and_a_skill_alone_are_each_accepted(connector):
    for name in ("campaignInfo", "conversationContext", "skillId"):
        reply = connector.post(
            connector.batch(**{name: CAMPAIGN[name]}), headers=connector.headers(f"only {name}")
        )
        assert reply.status_code == 200


@pytest.mark.parametrize(
    ("ids", "echoed"),
    [
        (("1,", "2,"), ["1,", "2,"]),
        (("2,", "1,"), ["2,", "1,"]),
        (("007", "0008"), ["007", "0008"]),
        ((5, 6), ["5", "6"]),
        ((0, -1), ["0", "-1"]),
        ((1.5, "x"), ["1.5", "x"]),
        (("a" * 64, "ü"), ["a" * 64, "ü"]),
        ((" ", "\u0000"), [" ", "\u0000"]),
        (("é\U0001f600", "\\"), ["é\U0001f600", "\\"]),
    ],
)
def test_ids_are_echoed_verbatim_as_strings(connector, ids, echoed):
    reply = connector.post(connector.batch(ids=ids))

    assert reply.status_code == 200
    assert [element["reqId"] for element in reply.json()] == echoed


@pytest.mark.parametrize("bad", ["", "a" * 65, None, True, [], {}])
def test_an_id_must_have_1_to_64_characters(connector, sandbox, bad):
    reply = connector.post(connector.batch(ids=("1", bad)))

    assert reply.status_code == 400
    (element,) = reply.json()
    assert (element["code"], element["reqId"]) == ("BAD_REQUEST", "1")
    assert element["body"]["msg"].startswith("frame[1].id must be a string of 1 to 64 characters; got ")
    assert sandbox.conversations == []


@pytest.mark.parametrize("ids", [("1", "1"), (5, "5")])
def test_ids_must_be_unique_in_a_batch(connector, ids):
    reply = connector.post(connector.batch(ids=ids))

    assert reply.status_code == 400
    assert reply.json() == [
        {
            "code": "BAD_REQUEST",
            "body": {"msg": f"frame[1].id must be unique; '{ids[1]}' came twice."},
            "reqId": str(ids[1]),
        }
    ]


WANTED = "Send an array of two frames, userprofile.SetUserProfile then cm.ConsumerRequestConversation"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{}", f"{WANTED}; got an object."),
        (b'"x"', f"{WANTED}; got a string."),
        (b"5", f"{WANTED}; got a number."),
        (b"true", f"{WANTED}; got a boolean."),
        (b"null", f"{WANTED}; got nothing."),
        (b"[]", f"{WANTED}; got 0."),
        (b"[1,2,3,4]", f"{WANTED}; got 4."),
        (b"[1,2]", "frame[0] must be an object; got a number."),
        (b'[{"id":"1","kind":"resp"},2]', "frame[0].kind must be 'req'."),
        (b'[{"id":"1"},2]', "frame[0].type must be a string; got nothing."),
        (b'[{"id":"1","type":"x"},2]', "frame[0].body must be an object; got nothing."),
    ],
)
def test_a_batch_that_is_none_is_refused_as_a_whole(connector, sandbox, body, sentence):
    reply = connector.post(body)

    assert reply.status_code == 400
    (element,) = reply.json()
    assert (element["code"], element["body"]) == ("BAD_REQUEST", {"msg": sentence})
    assert sandbox.conversations == []


def test_one_frame_alone_is_too_few(connector):
    reply = connector.post(connector.batch()[:1])

    assert (reply.status_code, reply.json()[0]["body"]["msg"]) == (400, f"{WANTED}; got 1.")


def test_a_batch_may_be_refused_in_one_object_without_an_array(connect):
    connector = connect(batch_refusal="object")

    reply = connector.post(connector.batch()[::-1])

    assert (reply.status_code, reply.json()) == (
        400,
        {"code": "BAD_REQUEST", "body": {"msg": OUT_OF_ORDER}, "reqId": "2,"},
    )


OUT_OF_ORDER = "frame[0].type must be 'userprofile.SetUserProfile'; got 'cm.ConsumerRequestConversation'."


def test_the_frames_must_come_in_order(connector, sandbox):
    reply = connector.post(connector.batch(sdes=[VIP])[::-1])

    assert reply.status_code == 400
    assert reply.json() == [
        {"code": "BAD_REQUEST", "body": {"msg": OUT_OF_ORDER}, "reqId": req_id} for req_id in ("2,", "1,")
    ]
    assert sandbox.conversations == []
    assert sandbox.profile("anna") == []


def test_a_second_conversation_is_refused_in_the_second_element_with_status_200(connector, sandbox):
    headers = connector.headers()
    connector.post(headers=headers)

    reply = connector.post(connector.batch(ids=("3", "4")), headers=headers)

    (conversation,) = sandbox.conversations
    assert reply.status_code == 200
    assert reply.json() == [
        {"code": "OK", "body": PROFILE_SET, "reqId": "3"},
        already_open(conversation.lp_consumer_id, "4"),
    ]


def test_the_status_of_a_second_conversation_can_be_400(connect):
    connector = connect(already_open_status=400)
    headers = connector.headers()
    connector.post(headers=headers)

    reply = connector.post(headers=headers)

    assert reply.status_code == 400
    assert reply.json()[1] == already_open(connector.sandbox.conversations[0].lp_consumer_id, "2,")


def test_the_profile_is_kept_although_the_conversation_is_refused(connector, sandbox):
    headers = connector.headers("anna")
    connector.post(connector.batch(sdes=[VIP]), headers=headers)

    connector.post(connector.batch(sdes=[JOHN]), headers=headers)

    assert sandbox.profile("anna") == [VIP, JOHN]
    assert sandbox.conversations[0].profile == [VIP]


def test_an_sde_replaces_the_earlier_one_of_its_type_as_a_whole(connector, sandbox):
    headers = connector.headers("anna")
    gold = {"type": "ctmrinfo", "info": {"cstatus": "gold"}}
    connector.post(connector.batch(sdes=[VIP, JOHN]), headers=headers)

    connector.post(connector.batch(sdes=[gold]), headers=headers)

    assert sandbox.profile("anna") == [gold, JOHN]


def test_a_closed_conversation_makes_room_for_the_next(connector, sandbox):
    headers = connector.headers()
    first = connector.post(headers=headers).json()[1]["body"]["conversationId"]

    sandbox.close_conversation(first)
    second = connector.post(headers=headers).json()[1]["body"]["conversationId"]

    assert first != second
    assert [(found.conversation_id, found.state) for found in sandbox.conversations] == [
        (first, "CLOSE"),
        (second, "OPEN"),
    ]


def test_two_consumers_may_each_have_a_conversation(connector, sandbox):
    for name in ("anna", "berta"):
        assert connector.post(headers=connector.headers(name)).json()[1]["code"] == "OK"

    assert [conversation.ext_consumer_id for conversation in sandbox.conversations] == ["anna", "berta"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"brandId": "999"}, "brandId must be the account of the path, '12345678'."),
        ({"brandId": ["12345678"]}, "brandId must be the account of the path, '12345678'."),
        ({"channelType": "SMS"}, "channelType must be 'MESSAGING'."),
        ({"ttrDefName": "SOON"}, "ttrDefName must be one of 'NORMAL', 'URGENT', 'PRIORITIZED' or null."),
        ({"skillId": ""}, "skillId must be a string, such as '-1' for any skill."),
        ({"skillId": True}, "skillId must be a string, such as '-1' for any skill."),
        ({"skillId": 1.5}, "skillId must be a string, such as '-1' for any skill."),
        ({"campaignInfo": "99999"}, "campaignInfo must be an object with campaignId and engagementId."),
        ({"campaignInfo": {"campaignId": [1]}}, "campaignInfo.campaignId must be a string."),
        ({"campaignInfo": {"engagementId": {}}}, "campaignInfo.engagementId must be a string."),
        (
            {"conversationContext": "SharkContext"},
            "conversationContext must be an object, such as {'type': 'SharkContext'}.",
        ),
        ({"metadata": {}}, "metadata must be an array."),
    ],
)
def test_a_refused_conversation_is_an_element_of_its_own(connector, sandbox, body, sentence):
    reply = connector.post(connector.batch(sdes=[VIP], **body))

    assert reply.status_code == 400
    assert reply.json() == [
        {"code": "OK", "body": PROFILE_SET, "reqId": "1,"},
        {"code": "BAD_REQUEST", "body": {"msg": sentence}, "reqId": "2,"},
    ]
    assert sandbox.conversations == []
    assert sandbox.profile("anna") == [VIP]


def test_the_status_of_a_refused_element_can_be_200(connect):
    connector = connect(refused_element_status=200)

    reply = connector.post(connector.batch(brandId="999"))

    assert (reply.status_code, reply.json()[1]["code"]) == (200, "BAD_REQUEST")


def test_null_stands_for_not_sent(connector, sandbox):
    nothing = dict.fromkeys(
        ["channelType", "ttrDefName", "skillId", "campaignInfo", "conversationContext", "metadata"]
    )

    assert connector.post(connector.batch(**nothing)).status_code == 200
    assert sandbox.conversations[0].skill_id == GENERAL


def test_the_legacy_first_message_is_answered_with_a_sequence_and_flagged(connector, sandbox):
    message = {
        "kind": "req",
        "id": "3",
        "type": "ms.PublishEvent",
        "body": {"event": {"type": "ContentEvent", "contentType": "text/plain", "message": "hi"}},
    }

    reply = connector.post([*connector.batch(), message])

    assert reply.status_code == 200
    assert reply.json()[2] == {"code": "OK", "body": {"sequence": 0}, "reqId": "3"}
    assert sandbox.conversations[0].warnings == (
        "An ms.PublishEvent in the batch is the oldest page's way; use SEND.",
    )


def test_the_legacy_message_is_refused_with_the_conversation(connector):
    message = {"kind": "req", "id": "3", "type": "ms.PublishEvent", "body": {}}

    reply = connector.post([*connector.batch(brandId="999"), message])

    assert [element["code"] for element in reply.json()] == ["OK", "BAD_REQUEST", "BAD_REQUEST"]


def first_message(**members):
    event = {"type": "ContentEvent", "contentType": "text/plain", "message": "Hi"}
    return {"kind": "req", "id": "3", "type": "ms.PublishEvent", "body": {"event": event}} | members


def test_the_legacy_message_keeps_its_metadata(connector, sandbox):
    metadata = [{"type": "ExternalId", "id": "crm-7"}]

    reply = connector.post([*connector.batch(), first_message(metadata=metadata)])

    assert reply.json()[2] == {"code": "OK", "body": {"sequence": 0}, "reqId": "3"}
    (message,) = sandbox.detail(reply.json()[1]["body"]["conversationId"]).messages
    assert message.metadata == ({"type": "ExternalId", "id": "crm-7"},)


@pytest.mark.parametrize(
    ("members", "msg"),
    [
        ({"metadata": [{"id": "7"}]}, "metadata[0] must be an object with a type, such as 'ExternalId'."),
        (
            {"body": {"event": {"type": "ContentEvent", "contentType": "text/plain", "message": "x" * 5000}}},
            "Bad Request",
        ),
    ],
)
def test_the_legacy_message_is_held_against_what_send_checks(connector, sandbox, members, msg):
    reply = connector.post([*connector.batch(), first_message(**members)])

    assert reply.status_code == 200
    assert reply.json()[2] == {"code": "BAD_REQUEST", "body": {"msg": msg}, "reqId": "3"}
    assert sandbox.detail(reply.json()[1]["body"]["conversationId"]).messages == []


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"skillId": "7" * 65}, "skillId"),
        ({"campaignInfo": {"campaignId": "7" * 65, "engagementId": "1"}}, "campaignInfo.campaignId"),
        ({"campaignInfo": {"campaignId": "1", "engagementId": "7" * 65}}, "campaignInfo.engagementId"),
    ],
)
def test_an_id_of_more_than_64_characters_is_refused_by_the_sandbox_itself(connector, sandbox, body, path):
    reply = connector.post(connector.batch(**body))

    assert reply.status_code == 400
    assert reply.json()[1]["body"]["msg"] == (
        f"{path} must have at most 64 characters; got 65. "
        "(The sandbox's own limit: LivePerson publishes none.)"
    )
    assert sandbox.conversations == []


def test_ids_of_64_characters_are_taken(connector):
    info = {"campaignId": "c" * 64, "engagementId": "e" * 64}

    assert connector.post(connector.batch(skillId="s" * 64, campaignInfo=info)).status_code == 200


def test_the_legacy_message_may_not_name_a_dialog_and_then_nothing_is_done(connector, sandbox):
    message = {"kind": "req", "id": "3", "type": "ms.PublishEvent", "body": {"dialogId": "x"}}

    reply = connector.post([*connector.batch(), message])

    assert reply.status_code == 400
    assert [element["reqId"] for element in reply.json()] == ["1,", "2,", "3"]
    assert sandbox.conversations == []


@pytest.mark.parametrize("value", ["[object Object]", "", "[]", '{"a":1,"a":2}', "NaN"])
def test_client_properties_that_cannot_be_read_are_kept_as_text_with_a_warning(connector, sandbox, value):
    headers = connector.headers() | {"Client-Properties": value}

    assert connector.post(headers=headers).status_code == 200
    (conversation,) = sandbox.conversations
    assert conversation.raw_client_properties == value
    assert conversation.warnings == (f"Client-Properties is not a JSON object: {value!r}.",)


def test_what_older_pages_have_is_accepted_with_a_warning(connector, sandbox):
    reply = connector.post(connector.batch(ttrDefName="CUSTOM", conversationContext={"visitorId": "x"}))

    assert reply.status_code == 200
    assert sandbox.conversations[0].warnings == (
        "ttrDefName 'CUSTOM' is in older pages only.",
        "conversationContext.type is missing; with Monitoring's ids it is 'SharkContext'.",
    )


def test_a_missing_v_is_refused_with_the_call_to_send(connector, sandbox):
    path = "/api/account/12345678/messaging/consumer/conversation"

    reply = connector.post(path=path)

    assert reply.status_code == 400
    assert reply.json() == {"error": f"The query parameter v is missing. Send POST {path}?v=3."}
    assert sandbox.conversations == []


def test_a_missing_v_is_fine_when_the_rule_is_off(connect):
    reply = connect(require_version=False).post(path="/api/account/12345678/messaging/consumer/conversation")

    assert reply.status_code == 200


@pytest.mark.parametrize("query", ["v=2", "v=", "v=3&v=2", "v=three"])
def test_another_v_is_refused(connector, query):
    reply = connector.post(path=f"/api/account/12345678/messaging/consumer/conversation?{query}")

    assert reply.status_code == 400
    assert reply.json()["error"].startswith("v must be 3; got ")


def test_a_content_type_other_than_json_is_refused(connector):
    reply = connector.post(headers=connector.headers() | {"Content-Type": "text/plain"})

    assert reply.status_code == 415
    assert reply.json() == {"error": "Send Content-Type: application/json; got text/plain."}


def test_a_seed_makes_conversation_ids_repeatable_and_a_reset_starts_it_over(connect):
    def ids(connector):
        return [connector.post(headers=connector.headers(name)).json()[1]["body"] for name in ("a", "b")]

    one, other, unlike = connect(seed=7), connect(seed="7"), connect(seed=8)

    first = ids(one)
    assert first[0] != first[1]
    assert ids(other) == first
    assert ids(unlike) != first
    one.sandbox.reset()
    assert ids(one) == first


def test_fifty_clients_at_once_get_a_conversation_each_and_every_reply_is_their_own(connector, sandbox):
    app_jwt = connector.app_jwt()

    def open_one(number):
        ids = (f"{number}-a", f"{number}-b")
        with httpx.Client(base_url=sandbox.base, trust_env=False, timeout=10) as http:
            jws = http.post(
                "/api/account/12345678/consumer?v=1.0",
                json={"ext_consumer_id": f"consumer {number}"},
                headers={"Authorization": app_jwt},
            ).json()["token"]
            reply = http.post(
                connector.path,
                json=connector.batch(ids=ids),
                headers={"Authorization": app_jwt, "X-LP-ON-BEHALF": jws},
            )
        assert [element["reqId"] for element in reply.json()] == list(ids)
        return reply.json()[1]["body"]["conversationId"]

    with ThreadPoolExecutor(50) as pool:
        opened = list(pool.map(open_one, range(50)))

    assert len(set(opened)) == 50
    assert {found.conversation_id for found in sandbox.conversations} == set(opened)
    assert sandbox.calls == {"sentinel": 1, "idp": 50, "conversation": 50}


def test_of_many_simultaneous_requests_for_one_consumer_exactly_one_opens(connector, sandbox):
    headers = connector.headers()

    def open_one(_):
        with httpx.Client(base_url=sandbox.base, trust_env=False, timeout=10) as http:
            return http.post(connector.path, json=connector.batch(), headers=headers).json()[1]["code"]

    with ThreadPoolExecutor(10) as pool:
        codes = list(pool.map(open_one, range(10)))

    assert sorted(codes) == ["BAD_REQUEST"] * 9 + ["OK"]
    assert len(sandbox.conversations) == 1
