"""Campaign and engagement looked up in the explorer: asked, shown, taken over, and what goes wrong."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from lpnb import Client, Explorer, Sandbox


@pytest.fixture
def explorer(client: Client) -> Explorer:
    """An explorer with the look-up open."""
    made = Explorer(client)
    made.lookup.toggle()
    return made


def said(explorer: Explorer) -> tuple[str, str]:
    found = re.search(r'data-state="(\w+)">(.*)</span>', explorer.lookup.status.value, re.DOTALL)
    assert found
    return found[1], html.unescape(found[2])


def ask(explorer: Explorer) -> Any:
    explorer.lookup.ask().result(10)
    return explorer.lookup.engagement


def test_an_offer_is_shown_taken_over_and_routes_the_conversation(
    explorer: Explorer, sandbox: Sandbox
) -> None:
    explorer.lookup.entry_points.value = "sec://lost-card\n\n"

    engagement = ask(explorer)

    assert (engagement.campaign_id, engagement.engagement_id) == ("880524010", "880524110")
    assert "880524110" in explorer.lookup.result.value
    explorer.lookup.take_button.click()
    assert explorer.field("request.campaignInfo.campaignId").value == "880524010"
    assert explorer.field("request.conversationContext.visitorId").value == engagement.visitor_id
    assert explorer.batch is not None
    assert explorer.batch == explorer.batch.with_engagement(engagement)
    explorer.send_button.click()
    response = explorer.wait(10)
    assert response is not None
    assert response.outcome == "answered"
    record = explorer.client.history_conversation(response.conversation_id)
    assert record.latest_skill_name == "Cards & Payments"

    explorer.toolbar.undo.click()
    assert explorer.field("request.campaignInfo.campaignId").value == ""


def test_what_one_account_offered_is_not_taken_over_for_another(explorer: Explorer, client: Client) -> None:
    explorer.lookup.entry_points.value = "sec://lost-card"
    ask(explorer)
    other = Client(client.settings)

    explorer._switch_client(other)

    assert said(explorer) == ("idle", "Nothing asked here yet.")
    assert explorer.lookup.result.value == ""
    assert "lpnb-hidden" in explorer.lookup.take_button._dom_classes
    explorer.lookup.take_button.click()
    assert explorer.field("request.campaignInfo.campaignId").value == ""
    other.close()


def test_attributes_of_the_form_and_further_ones_are_told(explorer: Explorer) -> None:
    explorer.field("ctmrinfo.ctype").value = "vip"
    lookup = explorer.lookup
    lookup.signed_in.value = True
    lookup.issuer.value = "https://login.example.com"
    lookup.attribute_type.value = "searchInfo"
    lookup._add_attribute()
    lookup._attributes[0]._widgets["searchInfo.keywords"].value = "rates, loan"
    lookup.attribute_type.value = "error"
    lookup._add_attribute()
    lookup._attributes[1]._widgets["error.resolved"].value = "false"
    lookup._attributes[1]._widgets["error.level"].value = "2"

    assert lookup.request().to_wire() == {
        "identities": [
            {"iss": "https://login.example.com", "acr": "loa1", "sub": explorer.consumer_id.value}
        ],
        "engagementAttributes": [
            {"type": "ctmrinfo", "info": {"ctype": "vip"}},
            {"type": "searchInfo", "keywords": ["rates", "loan"]},
            {"type": "error", "error": {"level": 2, "resolved": False}},
        ],
    }

    lookup._remove_attribute(lookup._attributes[0])
    lookup.include_sdes.value = False
    assert [sde["type"] for sde in lookup.request().to_wire()["engagementAttributes"]] == ["error"]


@pytest.mark.parametrize(
    "kind", ["mrktInfo", "cart", "purchase", "prodView", "service", "lead", "error", "searchInfo"]
)
def test_every_attribute_has_fields(explorer: Explorer, kind: str) -> None:
    explorer.lookup.attribute_type.value = kind
    explorer.lookup._add_attribute()

    assert len(explorer.lookup._attributes[0]._widgets) >= 1


def test_what_is_wrong_with_the_question_is_said_and_nothing_is_asked(
    explorer: Explorer, sandbox: Sandbox
) -> None:
    explorer.lookup.attribute_type.value = "service"
    explorer.lookup._add_attribute()
    explorer.lookup._attributes[0]._widgets["service.status"].value = "14"

    assert ask(explorer) is None

    state, words = said(explorer)
    assert state == "failed"
    assert "engagementAttributes[0].service.status must be at most 13; got 14." in words
    assert not explorer.lookup.ask_button.disabled


def test_sdes_that_are_wrong_are_not_left_out_in_silence(explorer: Explorer) -> None:
    explorer.field("personal.gender").value = "male"

    assert ask(explorer) is None

    assert "personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'; got 'male'." in said(explorer)[1]


def test_monitoring_that_does_not_answer_is_said(explorer: Explorer, sandbox: Sandbox) -> None:
    sandbox.stop()

    assert ask(explorer) is None

    assert said(explorer)[0] == "failed"
    assert "lpnb-hidden" in explorer.lookup.take_button._dom_classes


def test_an_attribute_that_there_is_not_is_said(explorer: Explorer) -> None:
    explorer.lookup.attribute_type.value = "<img>"

    explorer.lookup._add_attribute()

    assert said(explorer)[1].startswith("An attribute is one of mrktInfo, cart,")


def test_a_conversation_that_is_open_already_is_shown(explorer: Explorer) -> None:
    explorer.lookup.entry_points.value = "sec://lost-card"
    ask(explorer)
    explorer.lookup.take_button.click()
    explorer.send_button.click()
    response = explorer.wait(10)
    assert response is not None

    engagement = ask(explorer)

    assert engagement.outcome == "already open"
    assert response.conversation_id in explorer.lookup.result.value
    assert "lpnb-hidden" in explorer.lookup.take_button._dom_classes
