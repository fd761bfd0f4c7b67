"""Section 8.4 of the reference: every filter of a history search, its pages, and the members clients read."""

from urllib.parse import parse_qs, urlsplit

import pytest

BASE = "/messaging_history/api/account/12345678/conversations"
NOW = 1_999_999_000.0
NOW_MS = int(NOW * 1000)
MIRA = "3180255701"
CSAT = {"field": "CSATRate", "csatResolutionConfirmation": True, "status": "FILLED"}


def text(message):
    return {"type": "ContentEvent", "contentType": "text/plain", "message": message}


class History:
    """A connector on a sandbox whose clock stands still, and searches with an agent's bearer."""

    def __init__(self, connector):
        self.connector = connector
        self.sandbox = connector.sandbox
        body = {"username": "mira.castellan", "password": "sandbox-password"}
        made = connector.http.post("/api/account/12345678/login?v=1.3", json=body).json()
        self.headers = {"Authorization": f"Bearer {made['bearer']}"}

    def search(self, path="/search", *, query="v=2", **body):
        if path == "/search":
            body = {"start": {"from": NOW_MS - 1000, "to": -1}} | body
        return self.connector.http.post(f"{BASE}{path}?{query}", json=body, headers=self.headers)

    def ids(self, **filters):
        reply = self.search(**filters)
        assert reply.status_code == 200, reply.text
        records = reply.json()["conversationHistoryRecords"]
        assert reply.json()["_metadata"]["count"] == len(records)
        return [record["info"]["conversationId"] for record in records]

    def record(self, conversation_id):
        reply = self.search("/conversation/search", conversationId=conversation_id)
        (record,) = reply.json()["conversationHistoryRecords"]
        return record


@pytest.fixture
def history(connect):
    connector = connect(clock=lambda: NOW, seed=5)
    connector.sandbox.freeze_clock()
    return History(connector)


def agents_of(history):
    return [agent.id for agent in history.sandbox.world.accounts[0].agents]


def test_agent_ids_find_who_was_in_it_and_latest_only_who_was_assigned_last(history):
    first, second, *_ = agents_of(history)
    conversation_id = history.connector.open()
    history.sandbox.agent_joins(conversation_id, first)
    history.sandbox.agent_joins(conversation_id, second)

    assert history.ids(agentIds=[first]) == [conversation_id]
    assert history.ids(agentIds=[second]) == [conversation_id]
    assert history.ids(agentIds=["1"]) == []
    assert history.ids(latestAgentIds=[second]) == [conversation_id]
    assert history.ids(latestAgentIds=[first]) == []


def test_agent_groups_are_those_of_the_world(connect):
    from lpnb.sandbox.world.models import Account, Agent, Installation, World

    agents = [
        Agent(id="1", name="A", login="mira.castellan", password="sandbox-password", group="77"),
        Agent(id="2", name="B", login="b", password="p"),
    ]
    installation = Installation(client_id="app", client_secret="s", name="App")
    account = Account(id="12345678", installations=[installation], agents=agents)
    connector = connect(world=World(accounts=[account]), clock=lambda: NOW)
    connector.sandbox.freeze_clock()
    history = History(connector)
    conversation_id = connector.open()
    history.sandbox.agent_joins(conversation_id, "1")

    assert history.ids(agentGroupIds=[77]) == [conversation_id]
    assert history.ids(agentGroupIds=[78]) == []
    assert history.ids(agentGroupIds=["-1"]) == []


@pytest.mark.parametrize(
    ("word", "hit"), [("Mortgage", True), ("mortgage rate", True), ("pension", False), ("gage ra", True)]
)
def test_a_keyword_is_looked_for_in_what_was_said(history, word, hit):
    conversation_id = history.connector.open()
    history.connector.publish(conversation_id, text("What is the mortgage rate?"))

    assert history.ids(keyword=word) == ([conversation_id] if hit else [])


@pytest.mark.parametrize(
    ("filters", "hit"),
    [
        ({"keyword": '"mortgage rate"'}, True),
        ({"keyword": '"rate mortgage"'}, False),
        ({"summary": '"asked for rates"'}, True),
        ({"sdeSearch": {"personalInfo": '"ada@example.com"'}}, True),
        ({"sdeSearch": {"personalInfo": '"example.com"'}}, True),
        ({"sdeSearch": {"personalInfo": '"eda@example.com"'}}, False),
    ],
)
def test_a_phrase_may_stand_in_quotation_marks(history, filters, hit):
    personal = {"type": "personal", "personal": {"contacts": [{"email": "ada@example.com"}]}}
    conversation_id = history.connector.open(sdes=[personal])
    history.connector.publish(conversation_id, text("What is the mortgage rate?"))
    history.sandbox.agent_summarises(conversation_id, "Asked for rates")

    assert history.ids(**filters) == ([conversation_id] if hit else [])


def test_response_time_is_when_an_agent_should_answer_and_nobody_is_late_who_has(history):
    conversation_id = history.connector.open()
    due = NOW_MS + 1_200_000
    assert history.record(conversation_id)["responseTime"] == {
        "latestEffectiveResponseDueTime": due,
        "configuredResponseTime": 1200,
    }

    assert history.ids(responseTime={"from": due, "to": due}) == [conversation_id]
    assert history.ids(responseTime={"from": due + 1}) == []
    history.sandbox.agent_says(conversation_id, "hello")
    assert history.ids(responseTime={"from": 0}) == []
    assert history.record(conversation_id)["responseTime"]["latestEffectiveResponseDueTime"] == -1


def test_latest_update_time_is_when_something_happened_in_it_last(history):
    conversation_id = history.connector.open()
    history.sandbox.advance(60)
    history.connector.publish(conversation_id, text("hello"))

    assert history.ids(latestUpdateTime={"from": NOW_MS + 60_000, "to": -1}) == [conversation_id]
    assert history.ids(latestUpdateTime={"to": NOW_MS + 59_999}) == []


@pytest.mark.parametrize("name", ["nps", "surveyIds", "intentName", "conversationsWithStepUpOnly"])
def test_a_filter_of_what_the_sandbox_does_not_have_is_refused_by_name(history, name):
    reply = history.search(**{name: True})

    assert reply.status_code == 400
    assert reply.json()["error"].startswith(f"{name!r} is a filter of the service, but not of this sandbox:")


def test_a_keyword_is_found_in_structured_content_too(history):
    conversation_id = history.connector.open()
    history.sandbox.agent_sends_rich(
        conversation_id, {"type": "vertical", "elements": [{"type": "text", "text": "Choose a card"}]}
    )

    assert history.ids(keyword="choose a CARD") == [conversation_id]


@pytest.mark.parametrize(
    ("duration", "hit"),
    [
        ({"from": 60}, True),
        ({"to": 59.9}, False),
        ({"from": 60, "to": 60}, True),
        ({"from": 61}, False),
    ],
)
@pytest.mark.parametrize("closed", [True, False])
def test_duration_is_in_seconds_and_runs_to_the_end_or_to_now(history, duration, hit, closed):
    conversation_id = history.connector.open()
    history.sandbox.advance(60)
    if closed:
        history.sandbox.close_conversation(conversation_id)

    assert history.ids(duration=duration) == ([conversation_id] if hit else [])
    assert history.record(conversation_id)["info"]["duration"] == 60_000


@pytest.mark.parametrize(
    ("csat", "hit"), [({"from": 4}, True), ({"to": 3}, False), ({"from": 1, "to": 5}, True)]
)
def test_csat_is_a_range_of_the_rate(history, csat, hit):
    conversation_id = history.connector.open()
    history.connector.open("berta")
    history.connector.update(conversation_id, CSAT | {"csatRate": 4})

    assert history.ids(csat=csat) == ([conversation_id] if hit else [])


@pytest.mark.parametrize(
    ("filters", "hit"),
    [
        ({"mcs": {"from": 67, "to": 67}}, True),
        ({"mcs": {"to": 66}}, False),
        ({"alertedMcsValues": ["1"]}, True),
        ({"alertedMcsValues": [1, -1]}, True),
        ({"alertedMcsValues": ["-1", "0"]}, False),
    ],
)
def test_scores_are_those_that_were_given(history, filters, hit):
    history.connector.open("berta")
    conversation_id = history.connector.open()
    history.sandbox.set_mcs(conversation_id, 67)

    assert history.ids(**filters) == ([conversation_id] if hit else [])
    info = history.record(conversation_id)["info"]
    assert (info["mcs"], info["alertedMCS"]) == (67, 1)


@pytest.mark.parametrize(("score", "group"), [(0, -1), (39, -1), (40, 0), (59, 0), (60, 1), (100, 1)])
def test_a_score_belongs_to_a_group(history, score, group):
    conversation_id = history.connector.open()
    history.sandbox.set_mcs(conversation_id, score)

    assert history.ids(alertedMcsValues=[str(group)]) == [conversation_id]


def test_a_conversation_without_a_score_or_a_summary_passes_no_filter_of_them(history):
    conversation_id = history.connector.open()

    for filters in ({"mcs": {"from": 0}}, {"alertedMcsValues": ["-1", "0", "1"]}, {"summary": "a"}):
        assert history.ids(**filters) == []
    record = history.record(conversation_id)
    assert "summary" not in record
    assert "mcs" not in record["info"]


@pytest.mark.parametrize(("word", "hit"), [("rates", True), ("MORTGAGE rates", True), ("pension", False)])
def test_a_summary_is_found_by_its_words_also_after_the_end(history, word, hit):
    conversation_id = history.connector.open()
    history.sandbox.close_conversation(conversation_id)
    history.sandbox.agent_summarises(conversation_id, "Asked for mortgage rates")

    assert history.ids(summary=word) == ([conversation_id] if hit else [])
    assert history.record(conversation_id)["summary"] == {
        "text": "Asked for mortgage rates",
        "lastUpdatedTime": NOW_MS,
    }


def test_a_summary_and_a_score_are_told_of_by_no_webhook_and_have_verbs_in_the_control_api(history):
    conversation_id = history.connector.open()
    headers = {"X-Sandbox-Token": history.sandbox.control_token}
    path = f"/_lpnb/conversations/{conversation_id}/agent"

    for body in ({"summarises": "Rates"}, {"scores": 12}):
        assert history.connector.http.post(path, json=body, headers=headers).json() == {"done": True}

    assert history.ids(summary="rates", alertedMcsValues=["-1"]) == [conversation_id]
    refused = history.connector.http.post(path, json={"scores": "12"}, headers=headers)
    assert refused.json() == {"error": "score must be a whole number from 0 to 100; got '12'."}


@pytest.mark.parametrize(
    ("end", "hit"),
    [
        ({"from": NOW_MS + 60_000, "to": -1}, True),
        ({"from": str(NOW_MS), "to": str(NOW_MS + 59_999)}, False),
        ({"from": NOW_MS + 60_001}, False),
    ],
)
def test_end_is_a_span_of_time_that_open_conversations_are_not_in(history, end, hit):
    conversation_id = history.connector.open()
    history.connector.open("berta")
    history.sandbox.advance(60)
    history.sandbox.close_conversation(conversation_id)

    assert history.ids(end=end) == ([conversation_id] if hit else [])


@pytest.mark.parametrize(
    ("source", "hit"), [(["APP"], True), (["sandbox connector"], True), (["FACEBOOK", "SMS"], False)]
)
def test_a_source_is_app_or_the_one_of_the_record(history, source, hit):
    conversation_id = history.connector.open()

    assert history.ids(source=source) == ([conversation_id] if hit else [])


@pytest.mark.parametrize(
    ("properties", "device"),
    [('{"type":".ClientProperties","deviceFamily":"MOBILE"}', "MOBILE"), (None, "NA"), ("nonsense", "NA")],
)
def test_a_device_is_that_of_the_client_properties(history, properties, device):
    headers = history.connector.headers()
    extra = {} if properties is None else {"Client-Properties": properties}
    made = history.connector.post(headers=headers | extra).json()
    conversation_id = made[1]["body"]["conversationId"]

    assert history.ids(device=[device]) == [conversation_id]
    assert history.record(conversation_id)["info"]["device"] == device
    assert history.ids(device=["DESKTOP", "TABLET"]) == []


def test_content_types_are_those_of_the_messages(history):
    conversation_id = history.connector.open()
    assert history.ids(messageContentTypes=["TEXT_PLAIN"]) == []
    history.connector.publish(conversation_id, text("hello"))

    assert history.ids(messageContentTypes=["TEXT_PLAIN", "HOSTED_FILE"]) == [conversation_id]
    assert history.ids(messageContentTypes=["RICH_CONTENT"]) == []


def test_the_queue_state_is_active_while_an_agent_has_it(history):
    conversation_id = history.connector.open()
    assert history.ids(latestConversationQueueState="IN_QUEUE") == [conversation_id]
    assert history.record(conversation_id)["info"]["latestQueueState"] == "IN_QUEUE"

    history.sandbox.agent_joins(conversation_id)

    assert history.ids(latestConversationQueueState="IN_QUEUE") == []
    assert history.ids(latestConversationQueueState="ACTIVE") == [conversation_id]
    assert history.record(conversation_id)["info"]["latestQueueState"] == "ACTIVE"


def test_filters_hold_together(history):
    conversation_id = history.connector.open()
    history.connector.publish(conversation_id, text("hello"))

    assert history.ids(keyword="hello", status=["OPEN"], device=["NA"]) == [conversation_id]
    assert history.ids(keyword="hello", status=["CLOSE"], device=["NA"]) == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"skilIds": [1]}, "'skilIds' is no filter of this search. Did you mean 'skillIds'?"),
        (
            {"latestConversationQueueState": "WAITING"},
            "latestConversationQueueState must be one of 'IN_QUEUE', 'ACTIVE'; got 'WAITING'.",
        ),
        ({"device": ["PHONE"]}, "device must be one of 'DESKTOP', 'TABLET', 'MOBILE', 'NA'; got 'PHONE'."),
        ({"csat": {"from": 5, "to": 1}}, "csat.from must not be more than csat.to."),
        ({"csat": {"min": 1}}, "csat must be an object with from, to or both."),
        ({"duration": 5}, "duration must be an object with from, to or both."),
        ({"keyword": "  "}, "keyword must be a string that is not blank."),
        ({"alertedMcsValues": [2]}, "alertedMcsValues must be an array of '-1', '0', '1'."),
        ({"alertedMcsValues": "1"}, "alertedMcsValues must be an array of '-1', '0', '1'."),
        ({"source": "APP"}, "source must be an array of strings, such as ['APP']."),
        (
            {"sdeSearch": {"custmerInfo": "x"}},
            "sdeSearch.custmerInfo is no SDE of history. Did you mean 'customerInfo'?",
        ),
    ],
)
def test_a_filter_that_is_not_known_is_refused_and_never_ignored(history, body, sentence):
    reply = history.search(**body)

    assert (reply.status_code, reply.json()) == (400, {"error": sentence})


@pytest.mark.parametrize("path", ["/conversation/search", "/consumer/search"])
def test_the_other_searches_refuse_what_they_do_not_take(history, path):
    reply = history.search(path, conversationId="x", consumer="y", keyword="z")

    assert reply.status_code == 400
    assert "is not known to this search" in reply.json()["error"]


def test_start_to_minus_one_is_now(history):
    conversation_id = history.connector.open()

    assert history.ids(start={"from": NOW_MS, "to": -1}) == [conversation_id]


def test_pages_are_linked_by_whole_urls(history):
    ids = []
    for number in range(5):
        ids.append(history.connector.open(f"consumer-{number}"))
        history.sandbox.advance(1)

    def page(url):
        reply = history.connector.http.post(
            url, json={"start": {"from": NOW_MS, "to": -1}}, headers=history.headers
        )
        return reply.json()

    first = page(f"{history.sandbox.base}{BASE}/search?v=2&source=tests&limit=2&sort=start:asc")
    links = first["_metadata"]
    here = urlsplit(links["self"]["href"])
    assert f"{here.scheme}://{here.netloc}{here.path}" == f"{history.sandbox.base}{BASE}/search"
    assert parse_qs(here.query) == {"v": ["2"], "source": ["tests"], "limit": ["2"], "sort": ["start:asc"]}
    assert "prev" not in links
    second = page(links["next"]["href"])
    third = page(second["_metadata"]["next"]["href"])

    found = [
        record["info"]["conversationId"]
        for reply in (first, second, third)
        for record in reply["conversationHistoryRecords"]
    ]
    assert found == ids
    assert "next" not in third["_metadata"]
    assert (
        page(second["_metadata"]["prev"]["href"])["conversationHistoryRecords"]
        == (first["conversationHistoryRecords"])
    )
    assert page(links["last"]["href"])["conversationHistoryRecords"] == third["conversationHistoryRecords"]


def test_agents_have_every_member_that_clients_read(history):
    conversation_id = history.connector.open()
    history.sandbox.advance(5)
    history.sandbox.agent_joins(conversation_id, "mira.castellan")

    record = history.record(conversation_id)

    (agent,) = record["agentParticipants"]
    assert {
        "agentId": agent["agentId"],
        "agentLoginName": agent["agentLoginName"],
        "agentDeleted": agent["agentDeleted"],
        "userTypeName": agent["userTypeName"],
        "role": agent["role"],
        "timeL": agent["timeL"],
        "dialogId": agent["dialogId"],
    } == {
        "agentId": MIRA,
        "agentLoginName": "mira.castellan",
        "agentDeleted": False,
        "userTypeName": "Human",
        "role": "ASSIGNED_AGENT",
        "timeL": NOW_MS + 5000,
        "dialogId": conversation_id,
    }
    assert agent["userType"] == "1"
    assert agent["time"].startswith("2033-05-18 03:16:45")
    (interaction,) = record["interactions"]
    assert (interaction["assignedAgentId"], interaction["interactionTimeL"]) == (MIRA, NOW_MS + 5000)
    assert interaction["assignedAgentLoginName"] == "mira.castellan"
    assert record["info"]["latestAgentNickname"] == record["info"]["latestAgentFullName"] != ""


def test_who_has_left_is_a_participant_and_no_active_one(history):
    first, second, *_ = agents_of(history)
    conversation_id = history.connector.open()
    history.sandbox.agent_joins(conversation_id, first)
    history.sandbox.agent_joins(conversation_id, second)

    record = history.record(conversation_id)

    assert [agent["agentId"] for agent in record["agentParticipants"]] == [first, second]
    assert [agent["agentId"] for agent in record["agentParticipantsActive"]] == [second]
    assert [item["assignedAgentId"] for item in record["interactions"]] == [first, second]


def test_a_manager_is_a_participant_and_writes(history):
    conversation_id = history.connector.open()
    history.sandbox.agent_joins(conversation_id, "mira.castellan")
    manager = history.sandbox.manager_joins(conversation_id)
    history.sandbox.manager_says(conversation_id, "I take over")

    record = history.record(conversation_id)

    roles = {agent["agentId"]: agent["role"] for agent in record["agentParticipants"]}
    assert roles == {MIRA: "ASSIGNED_AGENT", manager: "MANAGER"}
    (message,) = record["messageRecords"]
    assert (message["participantId"], message["sentBy"]) == (manager, "Agent")
    assert record["info"]["latestAgentId"] == MIRA
