"""Section 8 of the reference: which way wins, what the trace tells, and what becomes of ids nobody knows."""

import itertools

import pytest

from lpnb.sandbox.world.loader import default_world
from lpnb.sandbox.world.rules import Rules
from lpnb.sandbox.world.skill_routing import RoutingRequest, route_conversation

GENERAL, CARDS, LOANS, PRIVATE, BUSINESS, ONLINE = (f"274190301{digit}" for digit in range(6))
ACCOUNT = default_world().accounts_by_id["12345678"]
EXAMPLE = {"campaignId": "99999", "engagementId": "888888"}
VIP = {"type": "ctmrinfo", "info": {"ctype": "vip"}}


def landing_for(*, online=lambda skill: True, rules=None, **asked):
    """The landing, without the warnings."""
    return route_conversation(ACCOUNT, RoutingRequest(source_name="App", **asked), rules or Rules(), online)[
        0
    ]


EVERYTHING = {
    "campaign_id": "880524012",
    "engagement_id": "880524115",
    "skill_id": ONLINE,
    "ctype": "business",
}
LANDS = {"campaign": LOANS, "skill": ONLINE, "sde": BUSINESS}


@pytest.mark.parametrize("order", list(itertools.permutations(LANDS)))
def test_the_first_way_in_the_order_wins_when_all_apply(order):
    landing = landing_for(rules=Rules(routing_order=">".join(order)), **EVERYTHING)

    assert landing["skill_id"] == LANDS[order[0]]
    assert landing["trace"]["decidedBy"] == order[0]
    assert [step["outcome"] for step in landing["trace"]["steps"]] == ["decided", *["not reached"] * 3]


def test_by_default_it_is_campaign_then_skill_then_sde_then_default():
    asked = dict(EVERYTHING)
    found = [landing_for(**asked)["skill_id"]]
    for names in (("campaign_id", "engagement_id"), ("skill_id",), ("ctype",)):
        for name in names:
            del asked[name]
        found.append(landing_for(**asked)["skill_id"])

    assert found == [LOANS, ONLINE, BUSINESS, GENERAL]


@pytest.mark.parametrize(
    ("info", "skill"),
    [
        ({"ctype": "vip"}, PRIVATE),
        ({"ctype": "VIP"}, PRIVATE),
        ({"ctype": "corporate"}, BUSINESS),
        ({"companyBranch": "Vale Park"}, PRIVATE),
        ({"companyBranch": "elsewhere"}, GENERAL),
        ({"ctype": "none", "companyBranch": "Harbour Street"}, PRIVATE),
        ({"ctype": 5}, GENERAL),
        # Only the two fields route, whatever the others say.
        ({"role": "vip", "cstatus": "private", "accountName": "business"}, GENERAL),
        (None, GENERAL),
    ],
)
def test_customer_info_routes_by_ctype_and_company_branch_only(connector, sandbox, info, skill):
    connector.open(sdes=None if info is None else [{"type": "ctmrinfo", "info": info}])

    assert sandbox.conversations[0].skill_id == skill


def test_any_skill_is_no_choice_unless_the_rule_says_so():
    assert landing_for(skill_id="-1")["skill_id"] == GENERAL
    chosen = landing_for(skill_id="-1", rules=Rules(any_skill_is_no_choice=False))
    assert (chosen["skill_id"], chosen["skill_name"], chosen["trace"]["skillName"]) == (
        "-1",
        None,
        "Unassigned",
    )


def test_without_a_default_nothing_is_minus_one():
    bare = ACCOUNT.model_copy(update={"default_skill": None})

    landing, _ = route_conversation(bare, RoutingRequest(source_name="App"), Rules(), lambda skill: True)

    assert (landing["skill_id"], landing["trace"]["decidedBy"]) == ("-1", "none")
    assert landing["trace"]["steps"][-1]["why"] == "The account has no default skill; any agent may take it."


@pytest.mark.parametrize(
    ("skill", "fallback"),
    [
        (PRIVATE, {"from": PRIVATE, "to": GENERAL}),
        (CARDS, {"from": CARDS, "to": GENERAL}),
    ],
)
def test_a_fallback_takes_over_when_nobody_of_the_skill_is_online(skill, fallback):
    landing = landing_for(skill_id=skill, online=lambda found: found.id != skill)

    assert landing["skill_id"] == GENERAL
    assert {name: landing["trace"]["fallback"][name] for name in fallback} == fallback


def test_with_nobody_online_at_all_it_stays_where_it_was_sent():
    landing = landing_for(skill_id=CARDS, online=lambda skill: False)

    assert landing["skill_id"] == CARDS
    assert landing["trace"]["fallback"] == {
        "from": CARDS,
        "to": None,
        "why": "Nobody of 'Cards & Payments' is online, and no fallback is: any agent may take it.",
    }


def test_fallbacks_can_be_switched_off():
    landing = landing_for(
        skill_id=CARDS, online=lambda skill: False, rules=Rules(fallback_when_offline=False)
    )

    assert (landing["skill_id"], landing["trace"]["fallback"]) == (CARDS, None)


def test_an_agent_who_leaves_sends_the_next_conversation_to_the_fallback(connector, sandbox):
    sandbox.set_online("3180255704", False)

    connector.open(sdes=[VIP])

    (found,) = sandbox.conversations
    assert (found.skill_id, found.skill_name) == (GENERAL, "General Enquiries")
    assert sandbox.trace(found.conversation_id)["fallback"]["why"] == (
        "Nobody of 'Private Clients' is online; the skill's fallback is 'General Enquiries'."
    )


def test_the_published_example_lands_in_the_engagements_skill(connector, sandbox):
    connector.open(campaignInfo=EXAMPLE, skillId="-1")

    (found,) = sandbox.conversations
    assert (found.skill_id, found.source_name) == (GENERAL, "Everyday Banking")
    assert found.campaign == {
        "campaignId": "99999",
        "campaignName": "Everyday Banking",
        "engagementId": "888888",
        "engagementName": "Help for everybody",
    }
    assert found.warnings == ()


def test_without_a_campaign_the_source_is_the_connector(connector, sandbox):
    connector.open()

    assert sandbox.conversations[0].source_name == "Sandbox Connector"


def test_an_engagement_alone_is_enough_and_a_campaign_alone_is_not(connector, sandbox):
    connector.open("a", campaignInfo={"engagementId": 880524115})
    connector.open("b", campaignInfo={"campaignId": 880524012})

    assert [found.skill_id for found in sandbox.conversations] == [LOANS, GENERAL]
    assert [found.source_name for found in sandbox.conversations] == ["Home Loans Spring"] * 2
    assert sandbox.trace(sandbox.conversations[1].conversation_id)["steps"][0]["why"] == (
        "campaignInfo names no engagement, and the engagement holds the skill."
    )


UNKNOWN = [
    ({"skillId": "42"}, "42", "No skill '42' in this account."),
    (
        {"campaignInfo": {"campaignId": "7", "engagementId": "888888"}},
        GENERAL,
        "No campaign '7' in this account.",
    ),
    (
        {"campaignInfo": {"campaignId": "99999", "engagementId": "7"}},
        GENERAL,
        "No engagement '7' in this account.",
    ),
    (
        {"campaignInfo": {"campaignId": "880524012", "engagementId": "888888"}},
        GENERAL,
        "Engagement '888888' is of campaign '99999', not '880524012'.",
    ),
]


@pytest.mark.parametrize(("body", "skill", "sentence"), UNKNOWN)
def test_unknown_ids_are_accepted_with_a_warning(connector, sandbox, body, skill, sentence):
    connector.open(**body)

    (found,) = sandbox.conversations
    assert (found.skill_id, found.warnings) == (skill, (sentence,))


@pytest.mark.parametrize(("body", "_skill", "sentence"), UNKNOWN)
def test_unknown_ids_can_be_refused(connect, body, _skill, sentence):
    connector = connect(unknown_ids="refuse")

    reply = connector.post(connector.batch(**body))

    assert reply.status_code == 400
    assert [element["code"] for element in reply.json()] == ["OK", "BAD_REQUEST"]
    assert reply.json()[1]["body"]["msg"] == (
        f"{sentence} (The sandbox's own strictness: unknown_ids='refuse'.)"
    )
    assert connector.sandbox.conversations == []


def test_a_skill_is_named_by_its_id_on_the_wire_and_not_by_its_name(connector, sandbox):
    connector.open(skillId="Online Access")

    assert sandbox.conversations[0].warnings == ("No skill 'Online Access' in this account.",)


def test_the_profile_known_from_before_routes_too(connector, sandbox):
    first = connector.open(sdes=[VIP])
    sandbox.close_conversation(first)

    connector.open()

    assert [found.skill_id for found in sandbox.conversations] == [PRIVATE, PRIVATE]


def test_the_trace_tells_of_every_engagement_monitoring_considered(connector, sandbox):
    identity = {"iss": "x", "acr": "loa1", "sub": "anna"}
    seen = connector.engagement({"identities": [identity], "engagementAttributes": [VIP]}).json()
    offer = seen["engagementDetails"][0]
    conversation_id = connector.open(
        campaignInfo={"campaignId": offer["campaignId"], "engagementId": offer["engagementId"]},
        conversationContext={
            "type": "SharkContext",
            "sessionId": seen["sessionId"],
            "visitorId": seen["visitorId"],
            "interactionContextId": offer["contextId"],
        },
    )

    trace = sandbox.trace(conversation_id)

    assert (trace["decidedBy"], trace["skillId"], trace["skillName"]) == (
        "campaign",
        PRIVATE,
        "Private Clients",
    )
    assert trace["consideredBy"] == "Monitoring"
    assert len(trace["engagements"]) == 20
    why = {item["engagementId"]: (item["matched"], item["why"]) for item in trace["engagements"]}
    assert why["880524113"] == (True, "Every condition holds.")
    assert why["880524110"] == (False, "No entry point is 'tel://*' or 'sec://lost-card'.")
    assert why["880524114"] == (False, "ctmrinfo.balance is not set, not at least 250000.")
    assert why["880524118"] == (False, "ctmrinfo.ctype is 'vip', not 'business' or 'corporate'.")
    assert trace["named"]["engagementId"] == "880524113"
    assert trace["monitoring"]["shown"]["contextId"] == "1"
    assert "routing_order='campaign>skill>sde'" in trace["inferred"]


def test_a_conversation_without_monitoring_is_told_what_it_would_have_said(connector, sandbox):
    trace = sandbox.trace(connector.open(sdes=[VIP]))

    assert trace["decidedBy"] == "sde"
    assert [step["why"] for step in trace["steps"]] == [
        "No campaignInfo was sent.",
        "No skillId was sent.",
        "Customer Info ctype 'vip' maps to 'Private Clients'.",
        "The sde rule had decided.",
    ]
    assert trace["consideredBy"].startswith("nobody: ")
    matched = [item["engagementId"] for item in trace["engagements"] if item["matched"]]
    assert matched == ["880524113", "888888"]


def test_a_trace_of_nothing_is_a_key_error(sandbox):
    with pytest.raises(KeyError, match="No conversation 'nonsense' in this sandbox"):
        sandbox.trace("nonsense")
