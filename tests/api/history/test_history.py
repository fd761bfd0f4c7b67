"""Messaging Interactions against the running sandbox: who is let in, what is found, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lpnb import (
    ConversationBatch,
    CredentialsError,
    CustomerInfo,
    InvalidValueError,
    PersonalInfo,
    Sandbox,
    ServiceError,
    Settings,
)
from lpnb.api.history import history_ways
from lpnb.models.sdes import Age, Contact

CARDS, LOANS = "2741903011", "2741903012"


def span(sandbox):
    now = datetime.fromtimestamp(sandbox.now, UTC)
    return now - timedelta(days=1), now + timedelta(days=1)


def test_a_conversation_is_found_by_its_id_with_its_skill(reader):
    conversation_id = reader.open(skill_id=CARDS)

    record = reader.history_conversation(conversation_id)

    assert (record.conversation_id, record.status) == (conversation_id, "OPEN")
    assert (record.latest_skill_id, record.latest_skill_name) == (CARDS, "Cards & Payments")
    assert record.ended_at is None
    assert record.raw["info"]["brandId"] == "12345678"


def test_what_history_has_not_heard_of_is_none(reader):
    assert reader.history_conversation("nobody-knows-it") is None


def test_a_consumer_s_open_conversation_is_found_after_its_id_was_lost(reader, sandbox):
    first = reader.open("anna", skill_id=CARDS)
    sandbox.close_conversation(first)
    second = reader.open("anna", skill_id=LOANS)
    reader.open("somebody else")

    assert [record.conversation_id for record in reader.history_consumer("anna")] == [second]
    assert [record.conversation_id for record in reader.history_consumer("anna", "CLOSE")] == [first]
    both = reader.history_consumer("anna", ["OPEN", "CLOSE"])
    assert [record.conversation_id for record in both] == [second, first]
    assert reader.history_consumer("a new one") == ()


def test_filters_narrow_a_search_and_pages_are_put_together(agent, sandbox):
    ids = [agent.open(f"consumer-{number}", skill_id=CARDS) for number in range(7)]
    agent.open("elsewhere", skill_id=LOANS)

    found = agent.search_history(*span(sandbox), latest_skill_ids=[CARDS], limit=3, sort="start:asc")
    capped = agent.search_history(*span(sandbox), skill_ids=[int(CARDS)], limit=2, sort="start:asc", most=5)

    assert [record.conversation_id for record in found] == ids
    assert [record.conversation_id for record in capped] == ids[:5]
    assert sandbox.calls["history"] == 3 + 3


def test_sdes_are_searched_by_history_s_names_and_come_back_under_those_they_were_sent_with(agent, sandbox):
    vip = CustomerInfo(ctype="vip", cstatus="active", company_size=5)
    john = PersonalInfo(
        firstname="John",
        lastname="Doe",
        age=Age(age=30, year=1996, month=5, day=1),
        contacts=[Contact(email="john@example.com")],
    )
    conversation_id = agent.open("vip", sdes=[vip, john])
    agent.open("gold", sdes=[CustomerInfo(ctype="gold")])

    (record,) = agent.search_history(*span(sandbox), sdes={"customerType": ["vip"]})

    assert record.conversation_id == conversation_id
    assert [(sde.type, sde.fields, sde.authenticated) for sde in record.sdes] == [
        ("ctmrinfo", vip.to_wire()["info"], True),
        ("personal", john.to_wire()["personal"], True),
    ]


def test_what_a_page_reported_is_told_from_what_a_verified_source_said(agent):
    engagement = agent.engagement(
        "anna", engagement_attributes=[CustomerInfo(ctype="gold"), PersonalInfo(firstname="Ann")]
    )
    batch = ConversationBatch.build([CustomerInfo(ctype="vip")])
    reply = agent.send_batch(batch.with_engagement(engagement), "anna")

    record = agent.history_conversation(reply.conversation_id, ["sdes", "unAuthSdes"])

    assert [(sde.type, dict(sde.fields), sde.authenticated) for sde in record.sdes] == [
        ("ctmrinfo", {"ctype": "vip"}, True),
        ("ctmrinfo", {"ctype": "gold"}, False),
        ("personal", {"firstname": "Ann"}, False),
    ]


def test_version_1_has_text_where_version_2_has_numbers(agent, sandbox):
    agent.open("vip", sdes=[CustomerInfo(ctype="vip", company_size=5)])

    (typed,) = agent.search_history(*span(sandbox), version=2)
    (text,) = agent.search_history(*span(sandbox), version=1)

    assert typed.sdes[0].fields == {"ctype": "vip", "companySize": 5}
    assert text.sdes[0].fields == {"ctype": "vip", "companySize": "5"}
    assert typed.sdes[0].at == text.sdes[0].at


def test_messages_and_transfers_are_read(agent, sandbox):
    conversation_id = agent.open(skill_id=CARDS)
    sandbox.agent_says(conversation_id, "Good morning")
    sandbox.transfer(conversation_id, "Mortgages & Loans")

    record = agent.history_conversation(conversation_id, ["messageRecords", "transfers"])

    (message,) = record.messages
    assert (message.text, message.sent_by, message.type) == ("Good morning", "Agent", "TEXT_PLAIN")
    (transfer,) = record.transfers
    assert (transfer.source_skill_id, transfer.target_skill_id) == (CARDS, LOANS)
    assert (transfer.source_skill_name, transfer.target_skill_name) == (
        "Cards & Payments",
        "Mortgages & Loans",
    )
    assert transfer.reason == "Skill"


def test_the_agent_logs_in_once_and_again_when_the_bearer_is_refused(agent, sandbox):
    conversation_id = agent.open()
    agent.history_conversation(conversation_id)
    agent.history_conversation(conversation_id)
    assert sandbox.calls["login"] == 1
    sandbox.fail("history", "status", code=401)

    assert agent.history_conversation(conversation_id) is not None
    assert sandbox.calls["login"] == 2


def test_a_fresh_bearer_that_is_refused_is_not_asked_for_a_third_time(agent, sandbox):
    sandbox.fail("history", "status", times=None, code=401)

    with pytest.raises(CredentialsError) as caught:
        agent.history_conversation("c")

    assert str(caught.value) == (
        "Messaging Interactions refused a fresh bearer of the agent 'mira.castellan'. "
        "Does the agent's profile allow reading history? "
        "Messaging Interactions refused a fresh bearer of the connector's own application "
        f"{sandbox.client_id}. "
        "Is the application allowed to read history? Which scope that takes is not documented."
    )
    assert (sandbox.calls["login"], sandbox.calls["history"]) == (2, 4)


def test_an_applications_own_token_reads_history_before_all_other_ways(open_door, settings_of, sandbox):
    application = {
        "LP_HISTORY_CLIENT_ID": sandbox.client_id,
        "LP_HISTORY_CLIENT_SECRET": sandbox.client_secret,
    }
    door = open_door(Settings.of({**sandbox.environment(), **application}))
    conversation_id = door.open()

    for _ in range(2):
        assert door.history_conversation(conversation_id).conversation_id == conversation_id

    assert (sandbox.calls["login"], sandbox.calls["sentinel"]) == (0, 2)  # an AppJWT, and this token once


def test_what_is_refused_falls_to_the_next_way_which_is_said_once_and_remembered(
    open_door, settings_of, sandbox, caplog
):
    door = open_door(settings_of["agent"](sandbox, LP_AGENT_PASSWORD="canary-4711"))

    for _ in range(2):
        assert door.history_conversation("c") is None

    (record,) = [record for record in caplog.records if record.name == "lpnb"]
    said = record.getMessage()
    assert said.startswith("The agent login refused LP_AGENT_LOGIN and LP_AGENT_PASSWORD (HTTP 401")
    assert said.endswith(
        f"History is read with the connector's own application {sandbox.client_id} from here on."
    )
    assert "canary" not in said
    assert (sandbox.calls["login"], sandbox.calls["history"]) == (1, 2)


def test_an_application_whose_token_has_died_gets_another_one(open_door, sandbox):
    four = ("LP_ACCOUNT_ID", "LP_CLIENT_ID", "LP_CLIENT_SECRET", "LP_DOMAIN_API")
    door = open_door(Settings.of({name: sandbox.environment()[name] for name in four}))
    assert door.history_conversation("c") is None
    sandbox.expire_tokens()

    assert door.history_conversation("c") is None


def test_the_order_of_the_ways_into_history():
    everything = {
        "LP_ACCOUNT_ID": "1",
        "LP_CLIENT_ID": "own",
        "LP_CLIENT_SECRET": "s",
        "LP_HISTORY_CLIENT_ID": "reader",
        "LP_HISTORY_CLIENT_SECRET": "s",
        "LP_AGENT_LOGIN": "mira",
        "LP_AGENT_PASSWORD": "s",
        "LP_HISTORY_KEY": "key",
        "LP_HISTORY_SECRET": "s",
        "LP_HISTORY_TOKEN": "s",
        "LP_HISTORY_TOKEN_SECRET": "s",
    }

    assert [way.whose for way in history_ways(Settings.of(everything))] == [
        "the application reader",
        "the agent 'mira'",
        "the API key of LP_HISTORY_KEY",
        "the connector's own application own",
    ]


def test_a_wrong_password_is_said_without_showing_it(open_door, settings_of, strict_sandbox):
    sandbox = strict_sandbox
    door = open_door(settings_of["agent"](sandbox, LP_AGENT_PASSWORD="canary-4711"))

    with pytest.raises(CredentialsError) as caught:
        door.history_conversation("c")

    assert str(caught.value).startswith(
        "The agent login refused LP_AGENT_LOGIN and LP_AGENT_PASSWORD (HTTP 401"
    )
    assert "canary" not in str(caught.value)
    assert sandbox.calls["history"] == 2  # with the application's token, which is refused as well


@pytest.mark.parametrize("name", ["LP_HISTORY_SECRET", "LP_HISTORY_TOKEN", "LP_HISTORY_TOKEN_SECRET"])
def test_an_api_key_with_one_wrong_part_is_refused_and_not_shown(
    open_door, settings_of, strict_sandbox, name
):
    sandbox = strict_sandbox
    door = open_door(settings_of["key"](sandbox, **{name: "canary-4711"}))

    with pytest.raises(CredentialsError) as caught:
        door.history_conversation("c")

    assert str(caught.value).startswith(
        "Messaging Interactions refused the API key of LP_HISTORY_KEY (HTTP 401"
    )
    assert "canary" not in str(caught.value)
    assert (sandbox.calls["login"], sandbox.calls["history"]) == (0, 3)


def test_without_other_credentials_the_connectors_own_application_is_tried(
    open_door, sandbox, strict_sandbox
):
    four = ("LP_ACCOUNT_ID", "LP_CLIENT_ID", "LP_CLIENT_SECRET", "LP_DOMAIN_API")
    door = open_door(Settings.of({name: sandbox.environment()[name] for name in four}))
    refused = open_door(Settings.of({name: strict_sandbox.environment()[name] for name in four}))
    conversation_id = door.open()

    assert door.history_conversation(conversation_id).conversation_id == conversation_id
    for _ in range(2):
        with pytest.raises(
            CredentialsError, match=r"^Messaging Interactions refused a fresh bearer of the con"
        ):
            refused.history_conversation("c")
    assert strict_sandbox.calls["history"] == 2  # what was refused is not tried again by this client


def test_who_may_not_read_history_is_told_so(reader, sandbox):
    sandbox.fail("history", "status", times=None, code=403)

    with pytest.raises(CredentialsError, match=r"^Messaging Interactions does not let .* read history"):
        reader.history_conversation("c")


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_service_in_trouble_is_asked_four_times(agent, sandbox, code):
    sandbox.fail("history", "status", times=2, code=code)
    conversation_id = agent.open()
    assert agent.history_conversation(conversation_id).conversation_id == conversation_id
    sandbox.fail("history", "status", times=None, code=code)

    with pytest.raises(ServiceError) as caught:
        agent.history_conversation(conversation_id)

    assert str(caught.value) == f"Messaging Interactions answered HTTP {code}, tried 4 times."
    assert sandbox.calls["history"] == 3 + 4


def test_a_refused_search_says_why(agent, sandbox):
    sandbox.fail("history", "status", code=400, body={"error": {"internalErrorCode": 7, "message": "no"}})

    with pytest.raises(ServiceError) as caught:
        agent.history_conversation("c")

    assert str(caught.value) == "Messaging Interactions did not answer the search (HTTP 400: 7, no)."


@pytest.mark.parametrize("fault", ["html", "nan", "truncate", "empty"])
def test_what_is_no_history_is_an_error(agent, sandbox, fault):
    conversation_id = agent.open()
    sandbox.fail("history", fault, times=None)

    with pytest.raises(ServiceError, match=r"^Messaging Interactions "):
        agent.history_conversation(conversation_id)


def test_nothing_found_is_nothing_whatever_status_says_so(open_door, settings_of):
    for status in (200, 204):
        with Sandbox(history_empty_status=status) as sandbox:
            door = open_door(settings_of["key"](sandbox))
            assert door.search_history(*span(sandbox)) == ()


def test_everything_wrong_with_a_search_is_said_at_once_and_nothing_is_sent(agent, sandbox):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    filters = {
        "status": ["OPEN", "DONE"],
        "skill_ids": "2741903011",
        "sdes": {"customerType": "vip"},
        "content": "sdes",
        "limit": 101,
        "sort": "newest",
        "version": 3,
    }

    with pytest.raises(InvalidValueError) as caught:
        agent.search_history(start, start + timedelta(days=94), **filters)

    assert str(caught.value) == (
        "8 values are wrong:\n"
        "  - contentToRetrieve must be a list of names; got 'sdes'.\n"
        "  - status must be one of 'OPEN', 'CLOSE'; got 'DONE'.\n"
        "  - v must be 1 or 2; got 3.\n"
        "  - start must span three months (93 days) at most; got '94 days'.\n"
        "  - limit must be a whole number from 1 to 100; got 101.\n"
        "  - sort must be start or end, and :asc or :desc; got 'newest'.\n"
        "  - skillIds must be a list of ids; got '2741903011'.\n"
        "  - sdeSearch.customerType must be a list of texts; got 'vip'."
    )
    assert sum(sandbox.calls.values()) == 0


@pytest.mark.parametrize(
    ("filters", "complaint"),
    [
        ({"status": None}, "status must be one of 'OPEN', 'CLOSE'; got None."),
        ({"skill_ids": None}, "skillIds must be a list of ids; got None."),
        ({"agent_ids": 1.5}, "latestAgentIds must be a list of ids; got 1.5."),
        ({"sdes": ["vip"]}, "sdeSearch must be names with their values; got ['vip']."),
        ({"sdes": {"customerType": 7}}, "sdeSearch.customerType must be a list of texts; got 7."),
        ({"most": 0}, "most must be a whole number above 0; got 0."),
        ({"most": "all"}, "most must be a whole number above 0; got 'all'."),
    ],
)
def test_a_filter_of_another_kind_is_refused(agent, sandbox, filters, complaint):
    start = datetime(2026, 1, 1, tzinfo=UTC)

    with pytest.raises(InvalidValueError) as caught:
        agent.search_history(start, start, **filters)

    assert str(caught.value) == complaint
    assert sum(sandbox.calls.values()) == 0


def test_moments_need_a_time_zone_and_the_right_order(agent):
    aware = datetime(2026, 1, 1, tzinfo=UTC)

    with pytest.raises(InvalidValueError, match=r"^start\.from must be a datetime with a time zone"):
        agent.search_history(aware.replace(tzinfo=None), aware)
    with pytest.raises(InvalidValueError, match=r"^start\.from must not be later than start\.to"):
        agent.search_history(aware, aware - timedelta(seconds=1))


@pytest.mark.parametrize("conversation_id", ["", "  ", None, 7])
def test_an_id_that_is_none_is_refused(agent, sandbox, conversation_id):
    with pytest.raises(InvalidValueError, match=r"^conversationId must be text that is not blank; got "):
        agent.history_conversation(conversation_id)

    assert sum(sandbox.calls.values()) == 0
