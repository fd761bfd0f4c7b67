"""History's flows, played without a socket: what goes out, what is read, what is trusted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest

from lpnb import Settings, UntrustedHostError
from lpnb._internal.redaction import Secret
from lpnb.api.history import (
    HistoryRecord,
    HistoryWay,
    by_conversation,
    by_filters,
    history_ways,
    login,
    search_history,
)
from lpnb.client.account_state import AccountState
from lpnb.transport.protocol import Exchange
from lpnb.transport.retries import Throttle

SETTINGS = Settings(
    "12345678",
    "id",
    "secret",
    agent_login="mira",
    agent_password="pass word",
)
SIGNED = Settings(
    "12345678",
    "id",
    "secret",
    history_key="key",
    history_secret="s1",
    history_token="token",
    history_token_secret="s2",
)
HOST = "https://va.msghist.liveperson.net"


def way_of(settings, kind):
    """The way into history of this kind."""
    return next(way for way in [*history_ways(settings), AGENT] if way.kind == kind)


AGENT = HistoryWay("agent", "the agent 'mira'", "")


def said(body, status=200):
    return Exchange(status=status, content=json.dumps(body).encode())


def play(flow, *answers):
    """Play the service; return the requests and what the flow returned."""
    steps = [next(flow)]
    for answer in answers:
        try:
            steps.append(flow.send(answer))
        except StopIteration as done:
            return steps, done.value
    raise AssertionError("the flow wants more answers")


def test_the_login_sends_the_password_in_the_body_only():
    (request,), bearer = play(login(SETTINGS, "https://va.agentvep.liveperson.net"), said({"bearer": "b"}))

    assert str(request.url) == "https://va.agentvep.liveperson.net/api/account/12345678/login?v=1.3"
    assert json.loads(request.content) == {"username": "mira", "password": "pass word"}
    assert bearer == Secret("b")


def test_a_search_names_its_source_and_what_it_wants():
    search = by_filters(
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 2, tzinfo=UTC),
        status="OPEN",
        latest_skill_ids=["-1", 7],
        content=["transfers"],
        limit=3,
    ).at(6)

    (request,), page = play(
        search_history(SETTINGS, HOST, search, way_of(SETTINGS, "agent"), Secret("b")), Exchange(status=204)
    )

    assert request.url.path == "/messaging_history/api/account/12345678/conversations/search"
    assert parse_qs(request.url.query.decode()) == {
        "v": ["2"],
        "limit": ["3"],
        "offset": ["6"],
        "sort": ["start:desc"],
        "source": ["lpnb"],
    }
    assert request.headers["authorization"] == "Bearer b"
    assert json.loads(request.content) == {
        "start": {"from": 1767225600000, "to": 1767312000000},
        "status": ["OPEN"],
        "contentToRetrieve": ["transfers"],
        "latestSkillIds": [-1, 7],
    }
    assert (page.records, page.count) == ((), 0)


def test_every_try_is_signed_anew():
    flow = search_history(SIGNED, HOST, by_conversation("c"), way_of(SIGNED, "api key"))
    first = next(flow)
    flow.send(Exchange(status=503))
    second = flow.send(None)
    flow.close()

    signatures = [request.headers["authorization"] for request in (first, second)]
    assert all(text.startswith('OAuth oauth_nonce="') for text in signatures)
    assert all('oauth_signature_method="HMAC-SHA1"' in text for text in signatures)
    assert all('oauth_consumer_key="key"' in text and 'oauth_token="token"' in text for text in signatures)
    assert signatures[0] != signatures[1]


def test_a_late_answer_about_another_conversation_is_not_taken():
    reply = {"conversationHistoryRecords": [{"info": {"conversationId": "another"}}]}

    _, page = play(search_history(SIGNED, HOST, by_conversation("c"), way_of(SIGNED, "api key")), said(reply))

    assert page.records == ()


@pytest.mark.parametrize("service", ["msgHist", "agentVep"])
def test_no_token_and_no_password_goes_to_a_host_that_is_not_trusted(service):
    connector = AccountState(SETTINGS, Throttle())
    flow = connector.need_domain(service)
    next(flow)

    with pytest.raises(UntrustedHostError, match=f"names 'evil.example' for {service}, .* Nothing was sent"):
        flow.send(said({"service": service, "account": "12345678", "baseURI": "evil.example"}))

    assert service not in connector.domains


def test_whatever_a_record_holds_it_is_read_and_what_is_not_known_passes():
    record = HistoryRecord(
        {
            "info": {"conversationId": "c", "latestSkillId": "x", "status": "SLEEPING", "startTimeL": "7"},
            "transfers": {"sourceSkillId": 1, "targetSkillId": True, "reason": "Whim", "timeL": -1},
            "messageRecords": [3, {"messageData": None, "seq": "1", "type": "HOLOGRAM"}],
            "sdes": {"events": [{"sdeType": "MOOD", "mood": "fine"}, None]},
            "unAuthSdes": [],
        }
    )

    assert (record.status, record.latest_skill_id, record.started_at.year) == ("SLEEPING", "x", 1970)
    (transfer,) = record.transfers
    assert (transfer.source_skill_id, transfer.target_skill_id, transfer.reason, transfer.at) == (
        "1",
        None,
        "Whim",
        None,
    )
    (message,) = record.messages
    assert (message.type, message.text, message.sequence) == ("HOLOGRAM", None, None)
    (sde,) = record.sdes
    assert (sde.type, sde.fields["mood"]) == ("MOOD", "fine")
    assert HistoryRecord({}).latest_skill_id == "-1"
    assert HistoryRecord({"info": None, "transfers": 1}).transfers == ()


@pytest.mark.parametrize("number", [-1, 1 << 63, 10**300, True, "7"])
def test_a_number_that_is_no_sequence_is_none(number):
    record = HistoryRecord({"messageRecords": [{"seq": number}, {"seq": 7}]})

    assert [message.sequence for message in record.messages] == [None, 7]
