"""Agent login and section 8.4 of the reference: the landing skill and the rest, seen afterwards."""

import httpx
import pytest
from authlib.oauth1 import ClientAuth

GENERAL, CARDS, PRIVATE = 2741903010, 2741903011, 2741903013
BASE = "/messaging_history/api/account/12345678/conversations"
VIP = {"type": "ctmrinfo", "info": {"ctype": "vip", "companySize": 5}}
JOHN = {
    "type": "personal",
    "personal": {
        "firstname": "John",
        "lastname": "Doe",
        "age": {"age": 30, "year": 1996, "month": 5, "day": 1},
        "contacts": [{"email": "john@example.com"}],
    },
}
HELLO = {"type": "ContentEvent", "contentType": "text/plain", "message": "hello"}
KEYS = ("sandbox-consumer-key", "sandbox-consumer-secret", "sandbox-access-token", "sandbox-token-secret")


def login(connector, username="mira.castellan", password="sandbox-password", account="12345678"):
    return connector.http.post(
        f"/api/account/{account}/login?v=1.3", json={"username": username, "password": password}
    )


class Reader:
    """Searches history with an agent's bearer."""

    def __init__(self, connector):
        self.http = connector.http
        self.headers = {"Authorization": f"Bearer {login(connector).json()['bearer']}"}

    def search(self, path, body, **query):
        params = {"source": "tests", "v": "2"} | query
        return self.http.post(BASE + path, params=params, json=body, headers=self.headers)

    def one(self, conversation_id, **query):
        reply = self.search("/conversation/search", {"conversationId": conversation_id}, **query)
        (record,) = reply.json()["conversationHistoryRecords"]
        return record

    def found(self, **body):
        """The ids that the filters find."""
        reply = self.search("/search", {"start": {"from": 0, "to": 2_000_000_000_000}} | body)
        if reply.status_code == 204:
            return []
        return [record["info"]["conversationId"] for record in reply.json()["conversationHistoryRecords"]]


@pytest.fixture
def clocked(connect):
    """A connector on a sandbox whose clock stands still."""
    connector = connect(clock=lambda: 1_999_999_000.0)
    connector.sandbox.freeze_clock()
    return connector


@pytest.fixture
def reader(clocked):
    reader = Reader(clocked)
    # Three months are the most a search may span.
    reader.found = lambda **body: Reader.found(
        reader, **({"start": {"from": 1_999_990_000_000, "to": 2_000_009_000_000}} | body)
    )
    return reader


def test_the_landing_skill_the_campaign_and_the_source_are_told(clocked, reader):
    conversation_id = clocked.open(campaignInfo={"campaignId": "880524011", "engagementId": "880524113"})

    record = reader.one(conversation_id)

    info = record["info"]
    assert (info["latestSkillId"], info["latestSkillName"]) == (PRIVATE, "Private Clients")
    assert (info["conversationId"], info["brandId"], info["status"]) == (conversation_id, "12345678", "OPEN")
    assert (info["startTimeL"], info["startTime"]) == (1_999_999_000_000, "2033-05-18 03:16:40.000+0000")
    assert info["source"] == "Private Banking Concierge"
    assert record["campaign"]["campaignId"] == "880524011"
    assert [dialog["skillId"] for dialog in record["dialogs"]] == [PRIVATE]


def test_no_skill_is_minus_one_and_unassigned(connect):
    connector = connect(any_skill_is_no_choice=False)

    info = Reader(connector).one(connector.open(skillId="-1"))["info"]

    assert (info["latestSkillId"], info["latestSkillName"]) == (-1, "Unassigned")


def test_transfers_name_both_skills_and_the_reason(clocked, reader):
    conversation_id = clocked.open()
    clocked.sandbox.advance(60)
    clocked.sandbox._state.change_skill(conversation_id, str(CARDS), "Cards & Payments", by="3180255701")

    record = reader.one(conversation_id)

    (transfer,) = record["transfers"]
    assert {name: transfer[name] for name in ("sourceSkillId", "targetSkillId", "reason", "by", "timeL")} == {
        "sourceSkillId": GENERAL,
        "targetSkillId": CARDS,
        "reason": "Skill",
        "by": "3180255701",
        "timeL": 1_999_999_060_000,
    }
    assert [change["skillId"] for change in record["skillChanges"]] == [GENERAL, CARDS]
    assert record["info"]["latestSkillId"] == CARDS


def test_sdes_carry_historys_names_doubly_nested_and_typed_in_v2(clocked, reader):
    record = reader.one(clocked.open(sdes=[VIP, JOHN]))

    customer, personal = record["sdes"]["events"]
    assert customer["sdeType"] == "CUSTOMER_INFO"
    assert customer["customerInfo"]["customerInfo"] == {"customerType": "vip", "companySize": 5}
    assert customer["serverTimeStamp"] == 1_999_999_000_000
    assert personal["sdeType"] == "PERSONAL_INFO"
    assert personal["personalInfo"]["personalInfo"] == {
        "name": "John",
        "surname": "Doe",
        "customerAge": {
            "customerAgeInYears": 30,
            "customerYearOfBirth": 1996,
            "customerMonthOfBirth": 5,
            "customerDateOfBirth": 1,
        },
        "personalContacts": [{"personalContact": {"email": "john@example.com"}}],
    }


def test_v1_has_strings_and_authenticated_sdes_only(clocked, reader):
    seen = clocked.engagement({"engagementAttributes": [{"type": "lead", "lead": {"topic": "loan"}}]}).json()
    context = {"type": "SharkContext", "sessionId": seen["sessionId"]}
    conversation_id = clocked.open(sdes=[VIP], conversationContext=context)

    first, second = (reader.one(conversation_id, v=v) for v in ("1", "2"))

    assert first["sdes"]["events"][0]["customerInfo"]["customerInfo"]["companySize"] == "5"
    assert "unAuthSdes" not in first
    assert second["unAuthSdes"]["events"][0]["lead"]["lead"] == {"topic": "loan"}
    assert second["monitoring"]["sessionId"] == seen["sessionId"]


def test_sdes_set_later_are_events_of_their_own(clocked, reader):
    conversation_id = clocked.open(sdes=[VIP])
    clocked.sandbox.advance(10)
    clocked.send("userprofile.SetUserProfile", {"authenticatedData": {"lp_sdes": [JOHN]}})

    events = reader.one(conversation_id)["sdes"]["events"]

    assert [event["serverTimeStamp"] for event in events] == [1_999_999_000_000, 1_999_999_010_000]


def test_messages_and_receipts_are_told(clocked, reader):
    conversation_id = clocked.open()
    clocked.publish(conversation_id, HELLO)
    clocked.publish(conversation_id, {"type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0]})

    record = reader.one(conversation_id)

    (message,) = record["messageRecords"]
    assert (message["messageData"], message["seq"], message["sentBy"]) == (
        {"msg": {"text": "hello"}},
        0,
        "Consumer",
    )
    assert record["messageStatuses"][0]["messageDeliveryStatus"] == "READ"


def test_only_the_content_asked_for_comes_and_info_always(clocked, reader):
    conversation_id = clocked.open()
    body = {"conversationId": conversation_id, "contentToRetrieve": ["dialogs", "summary"]}

    (record,) = reader.search("/conversation/search", body).json()["conversationHistoryRecords"]

    assert sorted(record) == ["dialogs", "info"]


def test_a_consumers_open_conversation_is_found_after_its_id_was_lost(clocked, reader):
    clocked.sandbox.close_conversation(clocked.open("anna"))
    lost = clocked.open("anna")
    clocked.open("berta")
    consumer = clocked.sandbox.conversations[0].lp_consumer_id

    reply = reader.search("/consumer/search", {"consumer": consumer, "status": ["OPEN"]})

    assert [item["info"]["conversationId"] for item in reply.json()["conversationHistoryRecords"]] == [lost]
    both = reader.search("/consumer/search", {"consumer": consumer})
    assert both.json()["_metadata"]["count"] == 2


def test_filters_find_what_passes_them_all(clocked, reader):
    vip = clocked.open("vip", sdes=[VIP])
    plain = clocked.open("plain")
    cards = clocked.open("cards", skillId=str(CARDS))
    clocked.sandbox.close_conversation(cards)

    assert set(reader.found()) == {vip, plain, cards}
    assert reader.found(status=["CLOSE"]) == [cards]
    assert reader.found(status="OPEN", latestSkillIds=[PRIVATE]) == [vip]
    assert reader.found(skillIds=[str(CARDS), PRIVATE], status=["OPEN"]) == [vip]
    assert reader.found(skillIds=[-1]) == []
    assert reader.found(start={"from": 1_999_999_000_001, "to": 1_999_999_100_000}) == []


def test_skill_ids_count_the_skills_passed_through_and_latest_only_the_last(clocked, reader):
    conversation_id = clocked.open()
    clocked.sandbox._state.change_skill(conversation_id, str(CARDS), "Cards & Payments", by="x")

    assert reader.found(skillIds=[GENERAL]) == [conversation_id]
    assert reader.found(latestSkillIds=[GENERAL]) == []
    assert reader.found(latestSkillIds=[CARDS]) == [conversation_id]


@pytest.mark.parametrize(
    ("search", "hit"),
    [
        ({"customerInfo": ["VIP"]}, True),
        ({"customerType": ["vip"]}, True),
        ({"companySize": ["5"]}, True),
        ({"personalInfo": ["john@example.com"]}, True),
        ({"customerInfo": ["vip"], "personalInfo": ["Doe"]}, True),
        ({"customerInfo": ["vi"]}, False),
        ({"customerInfo": ["vip"], "personalInfo": ["Smith"]}, True),
        ({"customerInfo": ["gold"], "personalInfo": ["Smith"]}, False),
        ({"customerInfo": "gold vip"}, True),
        ({"all": "Doe"}, True),
        ({"personalInfo": ["vip"]}, False),
    ],
)
def test_sdes_are_searched_by_group_or_field_and_whole_values(clocked, reader, search, hit):
    conversation_id = clocked.open(sdes=[VIP, JOHN])

    assert reader.found(sdeSearch=search) == ([conversation_id] if hit else [])


def test_pages_and_orders(clocked, reader):
    ids = []
    for number in range(5):
        ids.append(clocked.open(str(number)))
        clocked.sandbox.advance(1)
    body = {"start": {"from": 1_999_999_000_000, "to": 1_999_999_999_000}}

    def page(**query):
        reply = reader.search("/search", body, **query).json()
        assert reply["_metadata"]["count"] == 5
        return [record["info"]["conversationId"] for record in reply["conversationHistoryRecords"]]

    assert page() == ids[::-1]
    assert page(sort="start:asc") == ids
    assert page(sort="start:asc", offset="1", limit="2") == ids[1:3]
    assert page(offset="5") == []
    clocked.sandbox.close_conversation(ids[3])
    assert page(sort="end:asc")[0] == ids[3]


def test_nothing_found_is_an_empty_list_or_204_by_the_rule(clocked, reader, connect):
    nothing = reader.search("/conversation/search", {"conversationId": "nonsense"})
    assert (nothing.status_code, nothing.json()["conversationHistoryRecords"]) == (200, [])
    assert nothing.json()["_metadata"]["count"] == 0

    other = Reader(connect(history_empty_status=204))
    reply = other.search("/conversation/search", {"conversationId": "nonsense"})
    assert (reply.status_code, reply.content) == (204, b"")


def test_history_can_lag_behind(connect):
    connector = connect(clock=lambda: 1_999_999_000.0, history_delay=60)
    sandbox = connector.sandbox
    sandbox.freeze_clock()
    reader = Reader(connector)
    conversation_id = connector.open()
    body = {"conversationId": conversation_id}
    assert reader.search("/conversation/search", body).json()["_metadata"]["count"] == 0

    sandbox.advance(60)
    connector.publish(conversation_id, HELLO)
    sandbox.close_conversation(conversation_id)
    before = reader.one(conversation_id)
    sandbox.advance(60)
    after = reader.one(conversation_id)

    assert (before["info"]["status"], len(before["messageRecords"])) == ("OPEN", 0)
    assert before["dialogs"][0]["status"] == "OPEN"
    assert (after["info"]["status"], len(after["messageRecords"])) == ("CLOSE", 1)


@pytest.mark.parametrize(
    ("path", "body", "query", "sentence"),
    [
        ("/search", {}, {}, "Send start: {from, to}, in epoch milliseconds; to may be -1 for now."),
        ("/search", {"start": {"from": 5, "to": 1}}, {}, "start.from must not be later than start.to."),
        (
            "/search",
            {"start": {"from": -1, "to": 1}},
            {},
            "Send start: {from, to}, in epoch milliseconds; to may be -1 for now.",
        ),
        ("/search", {"start": {"from": 0, "to": 9_000_000_000}}, {}, "start may span three months at most."),
        (
            "/search",
            {"start": {"from": 0, "to": 1}, "status": ["OPENED"]},
            {},
            "status must be one of 'OPEN', 'CLOSE'; got 'OPENED'. Did you mean 'OPEN'?",
        ),
        (
            "/search",
            {"start": {"from": 0, "to": 1}, "skillIds": "5"},
            {},
            "skillIds must be an array of ids.",
        ),
        (
            "/search",
            {"start": {"from": 0, "to": 1}, "sdeSearch": []},
            {},
            "sdeSearch must be an object, such as {'customerInfo': 'vip'}.",
        ),
        ("/search", {}, {"limit": "101"}, "limit must be a whole number from 1 to 100; got '101'."),
        ("/search", {}, {"offset": "-1"}, "offset must be a whole number from 0 to 10000000; got '-1'."),
        (
            "/search",
            {},
            {"sort": "age"},
            "sort must be one of 'start', 'start:asc', 'start:desc', 'end', 'end:asc', 'end:desc'; "
            "got 'age'.",
        ),
        ("/search", {}, {"v": "3"}, "v must be one of '1', '2', '1.0', '2.0'; got '3'."),
        ("/search", [], {}, "The body must be a JSON object."),
        ("/conversation/search", {}, {}, "Send conversationId, a string."),
        ("/consumer/search", {}, {}, "Send consumer: the lp_consumer_id, a string."),
        (
            "/conversation/search",
            {"conversationId": "x"},
            {"source": "a" * 21},
            "Send source, 1 to 20 characters that say who is asking.",
        ),
        (
            "/conversation/search",
            {"conversationId": "x", "contentToRetrieve": "sdes"},
            {},
            "contentToRetrieve must be an array of strings.",
        ),
    ],
)
def test_a_search_that_makes_no_sense_is_400(connector, path, body, query, sentence):
    reply = Reader(connector).search(path, body, **query)

    assert (reply.status_code, reply.json()) == (400, {"error": sentence})


def test_source_may_be_left_out_unless_the_rule_wants_it(connect):
    for required, status in ((False, 200), (True, 400)):
        connector = connect(history_source_required=required)
        connector.sandbox.freeze_clock()
        now = int(connector.sandbox.now * 1000)
        body = {"start": {"from": now, "to": now}}

        reply = connector.http.post(f"{BASE}/search", json=body, headers=Reader(connector).headers)

        assert reply.status_code == status, reply.text


def test_a_login_gives_a_bearer_and_a_wrong_one_does_not(connector):
    good = login(connector)

    assert good.status_code == 200
    config = good.json()["config"]
    assert (config["loginName"], config["userId"]) == ("mira.castellan", "3180255701")
    assert login(connector, password="wrong").status_code == 401
    assert login(connector, account="87654321").status_code == 401
    assert connector.http.post("/api/account/12345678/login?v=1.3", json=[]).status_code == 400


def test_a_bearer_is_good_for_eight_hours_and_for_its_account(connect):
    connector = connect(clock=lambda: 1_700_000_000.0)
    reader = Reader(connector)
    body = {"conversationId": "x"}
    assert reader.search("/conversation/search", body).status_code == 200

    other = connector.http.post(
        "/messaging_history/api/account/87654321/conversations/search?source=x", headers=reader.headers
    )
    connector.sandbox.advance(8 * 3600)

    assert other.status_code == 401
    assert reader.search("/conversation/search", body).status_code == 401


@pytest.mark.parametrize("scheme", ["", "Bearer "])
def test_neither_an_app_jwt_nor_a_consumer_jws_reads_history(connector, scheme):
    for token in connector.headers().values():
        reply = connector.http.post(
            f"{BASE}/search?source=x", json={}, headers={"Authorization": scheme + token}
        )
        assert reply.status_code == 401


def test_a_bearer_is_no_consumer_and_no_app(connector):
    bearer = login(connector).json()["bearer"]
    headers = connector.headers()

    as_consumer = connector.post(headers=headers | {"X-LP-ON-BEHALF": bearer})
    as_app = connector.post(headers=headers | {"Authorization": bearer})

    assert as_consumer.json()["body"]["errorCode"] == 40103
    assert as_app.json()["body"]["errorCode"] == 40001


def signed(connector, keys=KEYS, *, url="", method="POST", body=b"{}"):
    """A request to history signed by a client's own means."""
    url = url or f"{connector.sandbox.base}{BASE}/conversation/search?source=a%20b&v=2"
    _, headers, _ = ClientAuth(*keys).sign(method, url, {"Content-Type": "application/json"}, body)
    return connector.http.post(url, headers=headers, json={"conversationId": "x"})


def test_a_signature_with_the_accounts_key_reads_history(connector):
    assert signed(connector).status_code == 200


@pytest.mark.parametrize("position", range(4))
def test_any_wrong_part_of_the_key_is_401(connector, position):
    keys = [*KEYS]
    keys[position] += "x"

    assert signed(connector, keys).status_code == 401


def test_a_signature_of_another_request_is_401(connector):
    base = f"{connector.sandbox.base}{BASE}"
    _, headers, _ = ClientAuth(*KEYS).sign("POST", f"{base}/search?source=x", {}, b"")

    reply = connector.http.post(f"{base}/search?source=y", headers=headers, json={})

    assert reply.status_code == 401


def test_a_signature_for_livepersons_own_host_is_known_behind_a_proxy(connector):
    url = "https://va.msghist.liveperson.net" + BASE + "/conversation/search?source=x"
    _, headers, _ = ClientAuth(*KEYS).sign("POST", url, {"Content-Type": "application/json"}, b"{}")

    reply = connector.http.post(
        url.replace("https://va.msghist.liveperson.net", connector.sandbox.base),
        headers=headers | {"Host": "va.msghist.liveperson.net"},
        json={"conversationId": "x"},
    )

    assert reply.status_code == 200


@pytest.mark.parametrize(
    "value",
    ["OAuth", "OAuth x", 'OAuth oauth_consumer_key="sandbox-consumer-key"', "OAuth =,=", "Basic x"],
)
def test_an_authorization_that_is_none_is_401(connector, value):
    reply: httpx.Response = connector.http.post(
        f"{BASE}/search?source=x", headers={"Authorization": value}, json={}
    )

    assert reply.status_code == 401


@pytest.mark.parametrize("odd", ["²", "9" * 64, "--5", "vip", "1" * 20])
def test_ids_that_are_no_numbers_are_no_skill_and_no_campaign_and_break_nothing(connector, odd):
    reader = Reader(connector)
    conversation_id = connector.open(skillId=odd, campaignInfo={"campaignId": odd, "engagementId": odd})

    info = reader.one(conversation_id)["info"]
    (details,) = connector.engagement({"consumerId": "anna"}).json()["engagementDetails"]

    assert info["latestSkillId"] == -1
    assert sorted(details) == ["connectorId", "conversationId", "status"]
