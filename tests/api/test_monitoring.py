"""Monitoring against the running sandbox: engagements, reports, and every documented failure of them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpnb import (
    AsyncClient,
    Cart,
    Client,
    ConversationBatch,
    ConversationContext,
    CustomerInfo,
    Engagement,
    EngagementRequest,
    ErrorEvent,
    Identity,
    Impression,
    InvalidValueError,
    Item,
    Lead,
    MarketingInfo,
    MonitoringError,
    OtherAttribute,
    PersonalInfo,
    Product,
    ProductView,
    Purchase,
    Sandbox,
    SearchInfo,
    Service,
    Settings,
    VisitorProperties,
)
from lpnb.api.monitoring import MonitoringTarget, VisitorSession, request_engagement
from lpnb.models.engagement_attributes import BoughtCart
from lpnb.models.engagements import ReportRequest, engagement_of
from lpnb.sandbox.world.models import Account, Installation, World
from lpnb.transport.protocol import Exchange, Sleep

VIP = CustomerInfo(ctype="vip")
ANNA = Identity(iss="https://bank.example", acr="loa1", sub="anna")


def monitored(sandbox, route="engagement"):
    return [record for record in sandbox.requests if record.route == route]


def test_an_engagement_that_is_offered_says_everything_as_text(door, sandbox):
    found = door.call("engagement", "anna", identities=[ANNA], engagement_attributes=[VIP])

    assert found.outcome == "offered"
    assert (found.campaign_id, found.engagement_id, found.context_id) == ("880524011", "880524113", "1")
    assert (found.engagement_revision, found.connector_id, found.language) == (7, "2642324112", "en-US")
    assert (found.conversation_id, found.status, found.http_status, found.attempts) == (
        None,
        "expose",
        201,
        1,
    )
    assert found.explanation == (
        "Engagement 880524113 of campaign 880524011 is offered; batch.with_engagement(engagement) routes by "
        "it."
    )
    assert dict(sandbox.calls) == {"domain": 1, "engagement": 1}


def test_nothing_offered_has_a_name_and_a_way_on(open_client):
    installation = Installation(client_id="app", client_secret="s", name="App")
    with Sandbox(world=World(accounts=[Account(id="1", installations=[installation])])) as sandbox:
        found = open_client(Settings.of(sandbox.environment())).call("engagement", "anna")

    assert (found.outcome, found.campaign_id, found.context_id) == ("none", None, None)
    with pytest.raises(InvalidValueError) as caught:
        ConversationBatch().with_engagement(found)
    assert str(caught.value) == (
        "engagement must be offered. Nothing is offered: no engagement matches this visitor, or nobody is "
        "available. Without one, a conversation goes where the account's rules or its default skill send it."
    )


def test_an_open_conversation_is_named(door):
    opened = door.create_conversation("anna").conversation_id

    found = door.call("engagement", "anna")

    assert (found.outcome, found.conversation_id, found.context_id) == ("already open", opened, None)
    assert found.explanation == (
        f"Conversation {opened} is open already, and a consumer can have only one. Go on in it: "
        "client.conversation(engagement)."
    )
    with pytest.raises(InvalidValueError, match="engagement must be offered"):
        found.impression("impDisplay")


def test_all_that_conversation_takes_of_an_engagement_arrives_as_text(door, sandbox, conversation):
    offer = door.call("engagement", "anna", entry_points=["sec://payments/new"])

    reply = door.create_conversation("anna", [VIP], engagement=offer)

    (_, request) = conversation()
    assert request["body"]["campaignInfo"] == {"campaignId": "99999", "engagementId": "888889"}
    assert request["body"]["conversationContext"] == {
        "type": "SharkContext",
        "visitorId": offer.visitor_id,
        "sessionId": offer.session_id,
        "interactionContextId": "1",
        "lang": "en-US",
    }
    assert sandbox.detail(reply.conversation_id).conversation.skill_id == "2741903011"


def test_a_batch_keeps_what_else_it_says_of_its_context():
    context = ConversationContext(lang="de-DE", features=["RICH_CONTENT"], extra={"theme": "dark"})
    batch = ConversationBatch.build([VIP], conversation_context=context, skill_id="7")
    offer = Engagement("a", "offered", "v", "s", campaign_id="1", engagement_id="2", context_id="3")

    filled = batch.with_engagement(offer)

    assert filled.request.to_wire() == {
        "channelType": "MESSAGING",
        "campaignInfo": {"campaignId": "1", "engagementId": "2"},
        "conversationContext": {
            "type": "SharkContext",
            "visitorId": "v",
            "sessionId": "s",
            "interactionContextId": "3",
            "lang": "de-DE",
            "features": ["RICH_CONTENT"],
            "theme": "dark",
        },
        "skillId": "7",
    }
    assert filled.profile == batch.profile
    assert batch.request.campaign_info is None
    in_spanish = batch.with_engagement(replace(offer, language="es-ES"))
    assert in_spanish.request.conversation_context.lang == "es-ES"


@pytest.mark.parametrize("number", [880524023, "880524023", 880524023.0])
def test_ids_are_text_whether_they_came_as_numbers_or_not(number):
    details = {"campaignId": number, "engagementId": number, "contextId": 2, "connectorId": number}
    reply = {"visitorId": "v", "sessionId": "s", "engagementDetails": [details]}

    found = engagement_of(reply, None)

    assert (found.outcome, found.campaign_id, found.engagement_id) == ("offered", "880524023", "880524023")
    assert (found.context_id, found.connector_id) == ("2", "880524023")


@pytest.mark.parametrize("details", [None, [], {}, [None], ["x"], 7])
def test_details_of_any_shape_without_an_offer_are_none(details):
    assert (
        engagement_of({"visitorId": "v", "sessionId": "s", "engagementDetails": details}, None).outcome
        == "none"
    )


def test_a_status_that_is_not_known_passes_and_is_no_offer():
    details = {"campaignId": 1, "engagementId": 2, "status": "callback", "new": True}
    found = engagement_of({"visitorId": "v", "sessionId": "s", "engagementDetails": details}, None)

    assert (found.outcome, found.status) == ("none", "callback")
    assert found.explanation == "Nothing is taken from it: lpnb does not know the status 'callback'. See raw."


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["campaignId", "engagementId", "conversationId", "status", "contextId", "x"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(json_values)
def test_whatever_the_details_are_the_outcome_has_a_name(details):
    found = engagement_of({"visitorId": "v", "sessionId": "s", "engagementDetails": details}, "anna")

    assert found.outcome in ("offered", "none", "already open")
    ids = (found.campaign_id, found.engagement_id, found.conversation_id, found.context_id)
    assert all(value is None or (isinstance(value, str) and value) for value in ids)
    if found.outcome == "offered":
        assert found.campaign_info().to_wire() == {
            "campaignId": found.campaign_id,
            "engagementId": found.engagement_id,
        }


# Visitors and sessions


def test_the_visitor_and_the_session_are_sent_again(door):
    first = door.call("engagement", "anna")
    second = door.call("engagement", "anna")
    other = door.call("engagement", "berta")
    reported = door.call("report", "anna", [VIP])

    assert (first.http_status, second.http_status, other.http_status) == (201, 200, 201)
    assert (second.visitor_id, second.session_id) == (first.visitor_id, first.session_id)
    assert other.visitor_id != first.visitor_id
    assert (reported.visitor_id, reported.session_id) == (first.visitor_id, first.session_id)
    assert second.context_id == "2"


def test_many_at_once_for_one_consumer_share_its_session(settings, sandbox):
    async def ask_all():
        async with AsyncClient(settings) as client:
            asked = [client.engagement("anna") for _ in range(5)]
            return await asyncio.gather(*asked, client.report("anna", [VIP]), client.engagement("berta"))

    *annas, berta = asyncio.run(ask_all())

    assert len({found.session_id for found in annas}) == 1
    assert sorted(found.http_status for found in annas) == [200] * 5 + [201]
    assert berta.session_id != annas[0].session_id
    assert {found.context_id for found in annas[:5]} == {"1", "2", "3", "4", "5"}


def test_a_session_that_is_given_is_used(door):
    first = door.call("engagement", "anna")

    again = door.call("engagement", visitor_id=first.visitor_id, session_id=first.session_id)

    assert (again.http_status, again.visitor_id) == (200, first.visitor_id)


def test_ids_of_our_own_that_the_service_has_forgotten_are_dropped(door, sandbox):
    first = door.call("engagement", "anna")
    sandbox.reset()

    again = door.call("engagement", "anna")

    assert (again.http_status, again.attempts) == (201, 2)
    assert again.visitor_id != first.visitor_id
    assert [record.status for record in monitored(sandbox)] == [404, 201]


@pytest.mark.parametrize(
    ("given", "code", "sentence"),
    [
        ({"visitor_id": "nobody"}, 37, "Visitor id not found: nobody"),
        ({"session_id": "no-session"}, 39, "Session id not found: no-session"),
    ],
)
def test_a_visitor_or_session_that_was_given_and_is_unknown_is_an_error(door, sandbox, given, code, sentence):
    with pytest.raises(MonitoringError) as caught:
        door.call("engagement", "anna", **given)

    assert str(caught.value) == (
        f"Monitoring answered the engagement with HTTP 404, internalCode {code}: {sentence}."
    )
    assert (caught.value.http_status, caught.value.internal_code) == (404, code)
    assert sandbox.calls["engagement"] == 1


# Loading and failing


@pytest.mark.parametrize(("version", "status"), [("1.0", 500), ("1.1", 202)])
@pytest.mark.parametrize("what", ["engagement", "report"])
def test_a_loading_account_is_asked_again_as_the_same_visitor(door, sandbox, version, status, what):
    sandbox.load_account(2)
    sdes = {"engagement": (), "report": ([VIP],)}[what]

    found = door.call(what, "anna", *sdes, version=version)

    assert (found.attempts, found.http_status) == (3, 201)
    assert [record.status for record in monitored(sandbox, what)] == [status, status, 201]
    assert door.call("engagement", "anna").visitor_id == found.visitor_id


@pytest.mark.parametrize(("version", "status", "code"), [("1.0", 500, 20), ("1.1", 202, 38)])
def test_an_account_that_keeps_loading_is_given_up_after_four_pauses(door, sandbox, version, status, code):
    sandbox.load_account(None)

    with pytest.raises(MonitoringError) as caught:
        door.call("engagement", "anna", version=version)

    said = str(caught.value)
    assert said.startswith(
        f"Monitoring answered the engagement with HTTP {status}, internalCode {code}, tried 5 times: "
        "Loading account: 12345678, vid: "
    )
    assert (caught.value.http_status, caught.value.internal_code) == (status, code)
    assert sandbox.calls["engagement"] == 5
    sandbox.load_account(0)
    assert door.call("engagement", "anna").visitor_id == said.rpartition("vid: ")[2].rstrip(".")


def test_the_pauses_are_the_documented_ones_and_the_visitor_goes_along():
    flow = request_engagement(
        EngagementRequest("anna"),
        VisitorSession(),
        MonitoringTarget("https://smt", "1", "app", Sleep, 1 << 20),
    )
    loading = Exchange(202, b'{"internalCode":38,"message":"Loading account: 1, vid: V-1"}')
    urls, pauses = [str(next(flow).url)], []
    for _ in range(4):
        pauses.append(flow.send(loading).seconds)
        urls.append(str(next(flow).url))

    assert pauses == [3.0, 10.0, 30.0, 90.0]
    assert urls == [
        "https://smt/api/account/1/app/app/engagement?v=1.1&obh=true",
        *["https://smt/api/account/1/app/app/engagement?v=1.1&vid=V-1&obh=true"] * 4,
    ]
    with pytest.raises(MonitoringError):
        flow.send(loading)


def test_a_host_whose_certificate_is_not_trusted_is_not_asked_again():
    target = MonitoringTarget("https://smt", "1", "app", Sleep, 1 << 20)
    flow = request_engagement(EngagementRequest("anna"), VisitorSession(), target)
    next(flow)

    with pytest.raises(MonitoringError, match=r"^Monitoring could not be reached: not trusted\.$"):
        flow.send(Exchange(failure="not trusted", started=False, reason="certificate"))


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("status", {"code": 500}),
        ("status", {"code": 503}),
        ("status", {"code": 429}),
        ("drop_after", {}),
        ("truncate", {}),
    ],
)
def test_an_engagement_is_asked_for_again_whatever_happened(door, sandbox, fault, options):
    sandbox.fail("engagement", fault, **options)

    found = door.call("engagement", "anna")

    assert (found.outcome, found.attempts) == ("offered", 2)


def test_a_report_that_replaces_is_repeated_and_one_that_appends_is_not(door, sandbox):
    sandbox.fail("report", "drop_after", times=2)

    assert door.call("report", "anna", [VIP]).attempts == 3
    sandbox.fail("report", "drop_after")
    with pytest.raises(MonitoringError) as caught:
        door.call("report", "anna", [SearchInfo(keywords=["loan"])])

    assert str(caught.value) == (
        "Monitoring gave no usable answer: the connection was closed without an answer. Whether the report "
        "was accepted is not known."
    )
    assert sandbox.calls["report"] == 4


@pytest.mark.parametrize("code", [502, 504])
def test_a_report_that_appends_is_not_repeated_when_a_gateway_answers_for_the_service(door, sandbox, code):
    sandbox.fail("report", "status", times=3, code=code)

    with pytest.raises(MonitoringError) as caught:
        door.call("report", "anna", [SearchInfo(keywords=["loan"])])

    assert str(caught.value).startswith(f"Monitoring answered the report with HTTP {code}")
    assert str(caught.value).endswith(". Whether it was accepted is not known.")
    assert sandbox.calls["report"] == 1
    assert door.call("report", "anna", [VIP]).attempts == 3


def test_a_report_that_appends_is_repeated_when_the_service_says_that_it_could_not_take_it(door, sandbox):
    sandbox.fail("report", "status", times=2, code=503)

    assert door.call("report", "anna", [SearchInfo(keywords=["loan"])]).attempts == 3


@pytest.mark.parametrize("code", [400, 401, 404])
def test_a_4xx_is_never_asked_again(door, sandbox, code):
    sandbox.fail("engagement", "status", code=code)

    with pytest.raises(MonitoringError) as caught:
        door.call("engagement", "anna")

    assert str(caught.value) == f"Monitoring answered the engagement with HTTP {code}."
    assert sandbox.calls["engagement"] == 1


@pytest.mark.parametrize("fault", ["html", "empty"])
def test_an_answer_that_is_none_is_an_error(door, sandbox, fault):
    sandbox.fail("engagement", fault)

    with pytest.raises(MonitoringError, match="Monitoring's answer cannot be read: "):
        door.call("engagement", "anna")

    assert sandbox.calls["engagement"] == 1


def test_a_version_that_is_not_supported_is_the_services_to_refuse(door):
    with pytest.raises(MonitoringError) as caught:
        door.call("engagement", "anna", version="9.9")

    assert str(caught.value) == (
        "Monitoring answered the engagement with HTTP 400, internalCode 33: Unsupported version: 9.9. Send "
        "v=1.0 or v=1.1."
    )


def test_an_installation_that_monitoring_does_not_know_is_named(open_client, sandbox):
    environment = {
        **sandbox.environment(),
        "LP_CLIENT_ID": "5a4db0c5-0000-4000-8000-000000000003",
        "LP_CLIENT_SECRET": "third-secret-not-a-real-one",
    }

    with pytest.raises(MonitoringError) as caught:
        open_client(Settings.of(environment)).call("engagement", "anna")

    assert (caught.value.http_status, caught.value.internal_code) == (404, 18)


@pytest.mark.parametrize(
    ("ask", "path"),
    [
        (lambda text: EngagementRequest("anna", visitor_id=text), "visitor_id"),
        (lambda text: EngagementRequest("anna", session_id=text), "session_id"),
        (lambda text: ReportRequest("anna", engagement_attributes=[VIP], page_id=text), "pageId"),
    ],
)
def test_half_a_character_in_an_id_is_refused(ask, path):
    with pytest.raises(InvalidValueError) as caught:
        ask("v\ud800")

    assert [complaint.path for complaint in caught.value.complaints] == [path]
    assert "half a character" in str(caught.value)


def test_monitoring_is_asked_for_the_app_installation_of_the_settings(open_client, sandbox):
    environment = {**sandbox.environment(), "LP_APP_INSTALLATION_ID": "no?such#one"}

    with pytest.raises(MonitoringError) as caught:
        open_client(Settings.of(environment)).call("engagement", "anna")

    assert (caught.value.http_status, caught.value.internal_code) == (404, 18)


def test_a_service_that_the_domains_do_not_name_is_asked_for_by_name(cloud, open_client):
    with pytest.raises(Exception, match=r"The Domain API names no host for smt on account 12345678\."):
        open_client(cloud.settings()).call("engagement", "anna")

    assert cloud.asked("domain")[-1].target == "/api/account/12345678/service/smt/baseURI.json?version=1.0"


# Reports


def test_every_type_of_sde_is_reported(door, sandbox):
    product = Product(name="Gold card", category="cards", sku="GC-1", price=95)
    sdes = [
        VIP,
        PersonalInfo(firstname="Anna"),
        MarketingInfo(channel=1, affiliate="ads", campaign_id="spring"),
        Cart(total=95, currency="USD", num_items=1, products=[Item(product=product, quantity=1)]),
        Purchase(total=95, order_id="o-1", cart=BoughtCart(products=[Item(product=product)], num_items=1)),
        ProductView(currency="USD", products=[Item(product=product)]),
        Service(topic="card", status=1, category="blocked", service_id="s-1"),
        Lead(topic="mortgage", value=250_000.5, currency="USD", lead_id="l-1"),
        ErrorEvent(context_id="form", message="declined", code="E7", level=2, resolved=False),
        SearchInfo(keywords=["rates"]),
        OtherAttribute(type="newSde", extra={"level": 7}),
        {"type": "searchInfo", "keywords": ["loan"]},
    ]

    reported = door.call("report", "anna", sdes, page_id="page-7")

    assert reported.page_id == "page-7"
    assert reported.explanation == (
        f"The report was added to session {reported.session_id} of visitor {reported.visitor_id}."
    )
    visit = sandbox._state.visits.session(reported.session_id)
    kept = [element for _, element in visit.attributes]
    assert kept == [sde if isinstance(sde, dict) else sde.to_wire() for sde in sdes]


def test_an_impression_goes_into_the_session_that_was_offered_the_engagement(door, sandbox):
    offer = door.call("engagement", "anna")

    door.call("report", "anna", [offer.impression("impDisplay"), offer.impression("impAccept")])

    visit = sandbox._state.visits.session(offer.session_id)
    assert visit.impressions[0] == {
        "type": "impDisplay",
        "campaign": 99999,
        "engId": 888888,
        "revision": 21,
        "eContext": [{"type": "engagementContext", "id": "1"}],
    }
    assert [impression["type"] for impression in visit.impressions] == ["impDisplay", "impAccept"]


def test_an_impression_of_another_session_is_refused(door):
    offer = door.call("engagement", "anna")

    with pytest.raises(MonitoringError) as caught:
        door.call("report", "berta", [offer.impression("impDisplay")])

    assert str(caught.value) == (
        "Monitoring answered the report with HTTP 400, internalCode 5: impDisplay: this session was shown "
        "nothing with context '1'."
    )


def test_what_the_service_finds_wrong_with_a_body_is_told(open_client):
    with Sandbox(sde_checks="strict") as sandbox:
        door = open_client(Settings.of(sandbox.environment()))

        with pytest.raises(MonitoringError) as caught:
            door.call("engagement", "anna", engagement_attributes=[OtherAttribute(type="basket")])

    assert (caught.value.http_status, caught.value.internal_code) == (400, 5)
    assert str(caught.value).startswith(
        "Monitoring answered the engagement with HTTP 400, internalCode 5: engagementAttributes[0].type must "
    )


def test_what_is_no_engagement_routes_no_batch(door):
    with pytest.raises(InvalidValueError) as caught:
        door.create_conversation("anna", engagement={"campaignId": 1})

    assert str(caught.value) == "engagement must be an Engagement; got {'campaignId': 1}."


def test_an_impression_is_read_from_the_wire_and_back():
    wire = {
        "type": "impClose",
        "campaign": "1",
        "engId": 2,
        "eContext": [{"type": "engagementContext", "id": "3"}],
    }

    found = ReportRequest("anna", engagement_attributes=[wire]).engagement_attributes[0]

    assert isinstance(found, Impression)
    assert found.to_wire() == {**wire, "campaign": 1}


# What is refused before it is sent


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        (
            {
                "engagement_attributes": [{"type": "cart", "numItems": "2"}, {"type": "basket"}],
                "entry_points": [7],
            },
            "4 values are wrong:\n"
            "  - entryPoints[0] must be text, such as 'sec://cards'; got 7.\n"
            "  - engagementAttributes[0].total is required.\n"
            "  - engagementAttributes[0].numItems must be a whole number; got '2'.\n"
            "  - engagementAttributes[1].type must be one of 'ctmrinfo', 'personal', 'mrktInfo', 'cart', "
            "'purchase', 'prodView', 'service', 'lead', 'error', 'searchInfo', 'impDisplay', 'impAccept', "
            "'impExpanded', 'impTimeout', 'impClose'; got 'basket'. To send it all the same, use "
            "OtherAttribute.",
        ),
        (
            {"identities": [{"sub": ""}], "client_properties": {"os": "OSX", "ipAddress": "::1"}},
            "3 values are wrong:\n"
            "  - identities[0].sub must have at least 1 characters; got 0.\n"
            "  - clientProperties.ipAddress must be an IPv4 address; got '::1'.\n"
            "  - clientProperties.os is 'MAC_OSX' in Monitoring, where messaging has 'OSX'; got 'OSX'.",
        ),
        (
            {"version": "new", "on_behalf": "yes", "visitor_id": ""},
            "3 values are wrong:\n"
            "  - visitor_id must be text that is not blank; got ''.\n"
            "  - version must be a version such as '1.1'; got 'new'.\n"
            "  - on_behalf must be true or false; got 'yes'.",
        ),
        (
            {"engagement_attributes": [{"type": "impDisplay", "campaign": 1, "engId": 2}]},
            "engagementAttributes[0].type belongs in a report; got 'impDisplay'.",
        ),
        (
            {"engagement_attributes": [{"type": "service", "status": 1, "service": {"status": 14}}]},
            "2 values are wrong:\n"
            "  - engagementAttributes[0].status does not belong beside 'type'. The fields of service stand "
            "inside 'service'.\n"
            "  - engagementAttributes[0].service.status must be at most 13; got 14.",
        ),
        ({"engagement_attributes": VIP}, None),
        (
            {"entry_points": "sec://cards"},
            "entryPoints must be a list; got 'sec://cards'. Put it into square brackets.",
        ),
    ],
)
def test_a_wrong_request_says_everything_that_is_wrong_with_it(door, sandbox, fields, complaint):
    with pytest.raises(InvalidValueError) as caught:
        door.call("engagement", "anna", **fields)

    if complaint is not None:
        assert str(caught.value) == complaint
    assert sandbox.calls == {}


@pytest.mark.parametrize(
    ("consumer", "sdes", "complaint"),
    [
        ("anna", [], "engagementAttributes must hold at least one SDE: a report is about them."),
        (None, [VIP], "consumer_id, identities or visitor_id must be given: a report is about somebody."),
        (
            "anna",
            [{"type": "impDisplay", "campaign": 1, "engId": 2}],
            "engagementAttributes[0].eContext must hold an engagementContext with its id; got None.",
        ),
    ],
)
def test_a_wrong_report_says_what_is_wrong_with_it(door, consumer, sdes, complaint):
    with pytest.raises(InvalidValueError) as caught:
        door.call("report", consumer, sdes)

    assert str(caught.value) == complaint


def test_the_body_is_the_documented_one(door, sandbox):
    request = EngagementRequest(
        "anna",
        entry_points=["sec://cards", "lang://English"],
        engagement_attributes=[VIP],
        client_properties=VisitorProperties(device_family="MOBILE", os="IOS"),
    )

    assert json.loads(json.dumps(request.to_wire())) == {
        "identities": [{"acr": "0", "sub": "anna"}],
        "clientProperties": {"deviceFamily": "MOBILE", "os": "IOS"},
        "entryPoints": ["sec://cards", "lang://English"],
        "engagementAttributes": [{"type": "ctmrinfo", "info": {"ctype": "vip"}}],
    }


def test_monitoring_is_sent_no_token(cloud, open_client):
    rows = [
        {"service": s, "account": "12345678", "baseURI": cloud.server.netloc}
        for s in ("smt", "sentinel", "idp", "asyncMessagingEnt")
    ]

    def reply(value):
        body = json.dumps(value).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    cloud.says["domain"] = lambda asked: reply({"baseURIs": rows})
    cloud.says["conversation"] = lambda asked: reply({"visitorId": "v", "sessionId": "s"})

    assert open_client(cloud.settings()).call("engagement", "anna").outcome == "none"

    (asked,) = cloud.asked("conversation")
    assert [asked.header("Authorization"), asked.header("X-LP-ON-BEHALF")] == [None, None]
    assert dict(cloud.calls) == {"domain": 1, "conversation": 1}


def test_both_doors_have_the_same_methods():
    assert {"engagement", "report", "conversation", "landing", "send_frame"} <= set(dir(Client))
    assert [name for name in dir(Client) if not name.startswith("_")] == [
        name for name in dir(AsyncClient) if not name.startswith("_")
    ]
