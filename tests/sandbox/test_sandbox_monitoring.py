"""Section 6 of the reference: sessions, engagements and reports, and every documented failure of them."""

import pytest

from lpnb.sandbox.world.models import Account, Installation, World

VIP = {"type": "ctmrinfo", "info": {"ctype": "vip"}}
ANNA = {"iss": "https://bank.example", "acr": "loa1", "sub": "anna"}
SIGNED_IN_VIP = {"identities": [ANNA], "engagementAttributes": [VIP]}
OFFERED = {
    "campaignId": 880524011,
    "engagementId": 880524113,
    "engagementRevision": 7,
    "contextId": "1",
    "connectorId": 2642324112,
    "status": "expose",
    "language": "en-US",
}
CLOSE = {"field": "Stage", "conversationState": "CLOSE"}


def of(reply):
    """The vid and sid to send again."""
    return {"vid": reply.json()["visitorId"], "sid": reply.json()["sessionId"]}


def offered(reply):
    """The engagement ids a reply offers, or None."""
    details = reply.json().get("engagementDetails")
    return details and (details[0]["campaignId"], details[0]["engagementId"])


@pytest.mark.parametrize("v", ["1.0", "1.1"])
def test_a_new_session_is_201_and_the_same_one_200(connector, v):
    first = connector.engagement(SIGNED_IN_VIP, v=v)
    second = connector.engagement(v=v, **of(first))

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["engagementDetails"] == [OFFERED]
    # Who it is and what was reported is remembered in the session; the context is a new one.
    assert second.json()["engagementDetails"] == [OFFERED | {"contextId": "2"}]
    assert of(first) == of(second)
    assert first.json()["pageId"] != second.json()["pageId"]


def test_the_skill_is_nowhere_in_the_reply(connector):
    assert "skill" not in connector.engagement(SIGNED_IN_VIP).text.lower()


def test_a_known_visitor_without_a_session_gets_a_new_one(connector):
    first = connector.engagement()
    second = connector.engagement(vid=first.json()["visitorId"])

    assert second.status_code == 201
    assert second.json()["visitorId"] == first.json()["visitorId"]
    assert second.json()["sessionId"] != first.json()["sessionId"]


def test_a_session_ends_after_30_idle_minutes_and_its_visitor_stays(connect):
    connector = connect(clock=lambda: 1700000000.0)
    first = connector.engagement()

    connector.sandbox.advance(30 * 60)
    still = connector.engagement(**of(first))
    connector.sandbox.advance(30 * 60 + 1)
    anew = connector.engagement(**of(first))

    assert (still.status_code, anew.status_code) == (200, 201)
    assert anew.json()["visitorId"] == first.json()["visitorId"]
    assert anew.json()["sessionId"] != first.json()["sessionId"]


def test_a_session_ends_after_six_hours(connect):
    connector = connect(clock=lambda: 1700000000.0)
    first = connector.engagement()
    codes = []
    for _ in range(13):
        connector.sandbox.advance(29 * 60)
        codes.append(connector.engagement(**of(first)).status_code)

    assert codes == [200] * 12 + [201]


def test_who_is_for_nobody_gets_the_three_ids_only(connect):
    installation = Installation(client_id="app", client_secret="s", name="App")
    connector = connect(world=World(accounts=[Account(id="12345678", installations=[installation])]))

    reply = connector.engagement()

    assert reply.status_code == 201
    assert sorted(reply.json()) == ["pageId", "sessionId", "visitorId"]


def test_an_open_conversation_is_pointed_at_and_no_longer_once_it_is_closed(connector):
    conversation_id = connector.open(
        "anna", campaignInfo={"campaignId": "880524011", "engagementId": "880524113"}
    )

    reply = connector.engagement(SIGNED_IN_VIP)
    connector.update(conversation_id, CLOSE)
    after = connector.engagement(**of(reply))

    assert reply.json()["engagementDetails"] == [
        {
            "campaignId": 880524011,
            "engagementId": 880524113,
            "engagementRevision": 7,
            "conversationId": conversation_id,
            "connectorId": 2642324112,
            "status": "conversation",
        }
    ]
    assert offered(after) == (880524011, 880524113)


def test_a_conversation_that_came_out_of_the_session_is_found_without_an_identity(connector):
    first = connector.engagement()
    context = {"type": "SharkContext", "sessionId": first.json()["sessionId"]}
    conversation_id = connector.open("somebody", conversationContext=context)

    details = connector.engagement(**of(first)).json()["engagementDetails"]

    assert (details[0]["conversationId"], details[0]["status"]) == (conversation_id, "conversation")


def test_the_deprecated_consumer_id_stands_for_a_consumer_who_is_not_authenticated(connector):
    conversation_id = connector.open("anna")

    found = connector.engagement({"consumerId": "anna"})
    other = connector.engagement({"consumerId": "berta", "engagementAttributes": [VIP]})

    assert found.json()["engagementDetails"][0]["conversationId"] == conversation_id
    assert offered(other) != (880524011, 880524113)


@pytest.mark.parametrize(
    ("body", "engagement"),
    [
        ({}, 888888),
        ({"entryPoints": ["sec://payments/new"]}, 888889),
        ({"entryPoints": ["tel://08001234"]}, 880524110),
        ({"entryPoints": ["lang://Spanish"]}, 888887),
        ({"entryPoints": ["sec://sign-in"]}, 880524123),
        ({"entryPoints": ["sec://sign-in"], "identities": [ANNA]}, 888888),
        ({"engagementAttributes": [{"type": "personal", "personal": {"language": "es_MX"}}]}, 888887),
        ({"engagementAttributes": [{"type": "ctmrinfo", "info": {"balance": 250000}}]}, 880524114),
        ({"engagementAttributes": [{"type": "ctmrinfo", "info": {"balance": 249999.99}}]}, 888888),
        ({"engagementAttributes": [{"type": "ctmrinfo", "info": {"ctype": "BUSINESS"}}]}, 880524118),
        ({"engagementAttributes": [{"type": "cart", "numItems": 2}]}, 880524121),
        ({"engagementAttributes": [{"type": "lead", "lead": {"topic": "Mortgage"}}]}, 880524116),
        ({"engagementAttributes": [{"type": "error", "error": {"code": "AUTH-2"}}]}, 880524124),
        (
            {"engagementAttributes": [{"type": "mrktInfo", "info": {"affiliate": "card-newsletter"}}]},
            880524122,
        ),
        ({"engagementAttributes": [{"type": "searchInfo", "keywords": ["x", "remortgage"]}]}, 880524117),
        (
            {"engagementAttributes": [{"type": "service", "service": {"topic": "card", "status": 1}}]},
            880524112,
        ),
        (
            {"engagementAttributes": [{"type": "service", "service": {"topic": "card", "status": True}}]},
            888888,
        ),
        (
            {
                "identities": [ANNA],
                "engagementAttributes": [{"type": "ctmrinfo", "info": {"ctype": "gold", "balance": 9000}}],
            },
            880524120,
        ),
    ],
)
def test_the_engagement_is_the_first_whose_conditions_all_hold(connector, body, engagement):
    assert offered(connector.engagement(body))[1] == engagement


def test_a_later_report_changes_what_is_offered(connector):
    first = connector.engagement()
    assert offered(first) == (99999, 888888)

    connector.report({"engagementAttributes": [VIP], "identities": [ANNA]}, **of(first))

    assert offered(connector.engagement(**of(first))) == (880524011, 880524113)


def test_customer_info_replaces_and_leads_append(connector):
    lead = {"type": "lead", "lead": {"topic": "mortgage"}}
    first = connector.engagement({"engagementAttributes": [VIP, lead]} | {"identities": [ANNA]})
    assert offered(first)[1] == 880524113

    other = {"type": "lead", "lead": {"topic": "car"}}
    gold = {"type": "ctmrinfo", "info": {"cstatus": "gold"}}
    connector.report({"engagementAttributes": [gold, other]}, **of(first))

    assert offered(connector.engagement(**of(first)))[1] == 880524116


def test_an_engagement_is_offered_only_while_an_agent_of_its_skill_is_online(connector, sandbox, connect):
    with pytest.raises(ValueError, match=r"\n3180255704 is Sofia Lindqvist: Private Clients\."):
        sandbox.set_online("Private Clients", False)
    sandbox.set_online("3180255704", False)
    assert offered(connector.engagement(SIGNED_IN_VIP)) == (99999, 888888)

    sandbox.set_online("sofia lindqvist", True)  # by name, too
    assert offered(connector.engagement(SIGNED_IN_VIP)) == (880524011, 880524113)

    careless = connect(engagement_needs_agent=False)
    careless.sandbox.set_online("3180255704", False)
    assert offered(careless.engagement(SIGNED_IN_VIP)) == (880524011, 880524113)


def refused(reply, status, code):
    """Whether a reply is this error; its message."""
    assert (reply.status_code, reply.json()["internalCode"]) == (status, code)
    assert sorted(reply.json()) == ["internalCode", "message", "time"]
    return reply.json()["message"]


def test_a_wrong_version_is_400_with_33(connector):
    message = refused(connector.engagement(v="2.0"), 400, 33)

    assert message == "Unsupported version: 2.0. Send v=1.0 or v=1.1."


def test_a_missing_version_is_400_with_33_unless_the_rule_is_off(connector, connect):
    path = f"/api/account/12345678/app/{connector.sandbox.client_id}/engagement"

    refused(connector.http.post(path), 400, 33)
    assert connect(require_version=False).http.post(path).status_code == 201


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "The body must be a JSON object."),
        ({"consumerId": 5}, "consumerId must be a string."),
        ({"identities": {}}, "identities must be an array."),
        ({"identities": [{"acr": "loa1"}]}, "identities[0].sub is missing."),
        ({"identities": [{"sub": "anna"}]}, "identities[0].acr is missing."),
        (
            {"clientProperties": {"ipAddress": "999.1.1.1"}},
            "clientProperties.ipAddress must be an IPv4 address.",
        ),
        (
            {"clientProperties": {"os": "OSX"}},
            "clientProperties.os is 'MAC_OSX' in Monitoring, where messaging has 'OSX'.",
        ),
        (
            {"clientProperties": {"osName": "linux"}},
            "clientProperties.osName must be one of 'WINDOWS', 'MAC_OSX', 'LINUX', 'IOS', 'ANDROID'; "
            "got 'linux'. Did you mean 'LINUX'?",
        ),
        (
            {"clientProperties": {"deviceFamily": "PHONE"}},
            "clientProperties.deviceFamily must be one of 'DESKTOP', 'TABLET', 'MOBILE'; got 'PHONE'.",
        ),
        ({"entryPoints": "sec://x"}, "entryPoints must be an array of strings, such as 'sec://cards'."),
        ({"engagementAttributes": [5]}, "engagementAttributes[0] must be an object with a type."),
        (
            {"engagementAttributes": [{"type": "impDisplay"}]},
            "engagementAttributes[0].type 'impDisplay' belongs in a Report.",
        ),
    ],
)
def test_a_bad_body_is_400_with_5_and_the_member_named(connector, body, named):
    assert refused(connector.engagement(body), 400, 5) == named


def test_bytes_that_are_no_json_are_400_with_5(connector):
    path = f"/api/account/12345678/app/{connector.sandbox.client_id}/engagement?v=1.1"

    refused(connector.http.post(path, content=b"{"), 400, 5)
    # Every member is optional, and so is the body.
    assert connector.http.post(path).status_code == 201


def test_unknown_attributes_are_taken_unless_the_sandbox_is_strict(connector, connect):
    body = {"engagementAttributes": [{"type": "mood"}]}

    assert connector.engagement(body).status_code == 201
    message = refused(connect(sde_checks="strict").engagement(body), 400, 5)
    assert message.startswith("engagementAttributes[0].type must be one of 'ctmrinfo', 'personal', ")


def test_obh_is_a_boolean(connector):
    assert connector.engagement(obh="true").status_code == 201
    assert refused(connector.engagement(obh="yes"), 400, 5) == "obh must be true or false."


def test_unknown_ids_are_404_with_37_and_39(connector):
    mine, other = connector.engagement(), connector.engagement()

    assert refused(connector.engagement(vid="nobody"), 404, 37) == "Visitor id not found: nobody."
    assert refused(connector.engagement(sid="nothing"), 404, 39) == "Session id not found: nothing."
    # A session is its visitor's.
    mixed = {"vid": mine.json()["visitorId"], "sid": other.json()["sessionId"]}
    refused(connector.engagement(**mixed), 404, 39)


@pytest.mark.parametrize("app", ["nothing", "5a4db0c5-0000-4000-8000-000000000003"])
def test_an_installation_that_is_unknown_or_lacks_the_capability_is_404_with_18(connector, app):
    reply = connector.http.post(f"/api/account/12345678/app/{app}/engagement?v=1.1")

    assert refused(reply, 404, 18) == (
        f"App installation '{app}' not found. Send the client id of one that has the engagement capability."
    )


@pytest.mark.parametrize(("v", "status", "code"), [("1.0", 500, 20), ("1.1", 202, 38)])
def test_a_loading_account_says_so_and_its_vid_works_afterwards(connector, sandbox, v, status, code):
    sandbox.load_account(2)

    message = refused(connector.engagement(v=v), status, code)
    vid = message.removeprefix("Loading account: 12345678, vid: ")
    again = refused(connector.engagement(v=v, vid=vid), status, code)
    third = connector.engagement(v=v, vid=vid)

    assert again == message == f"Loading account: 12345678, vid: {vid}"
    assert (third.status_code, third.json()["visitorId"]) == (201, vid)


def test_loading_goes_on_until_it_is_ended(connector, sandbox):
    sandbox.load_account(None)
    assert [connector.engagement().status_code for _ in range(3)] == [202] * 3

    sandbox.reset()

    assert connector.engagement().status_code == 201


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_report_may_be_a_put_or_an_overridden_post(connector, method):
    path = f"/api/account/12345678/app/{connector.sandbox.client_id}/report?v=1.0"
    headers = {"X-HTTP-Method-Override": "PUT"} if method == "POST" else {}

    reply = connector.http.request(
        method, path, json={"consumerId": "anna", "engagementAttributes": []}, headers=headers
    )

    assert reply.status_code == 201
    assert sorted(reply.json()) == ["pageId", "sessionId", "visitorId"]


def test_a_post_that_overrides_nothing_is_told_to(connector):
    path = f"/api/account/12345678/app/{connector.sandbox.client_id}/report?v=1.0"

    reply = connector.http.post(path, json={"consumerId": "anna", "engagementAttributes": []})

    assert reply.status_code == 405
    assert reply.json()["message"] == "Send PUT, or POST with the header X-HTTP-Method-Override: PUT."


def test_a_report_keeps_the_page_it_is_about(connector):
    first = connector.engagement()

    reply = connector.report({"engagementAttributes": [VIP], "pageId": "595933432"}, **of(first))

    assert (reply.status_code, reply.json()) == (
        200,
        {
            "sessionId": first.json()["sessionId"],
            "visitorId": first.json()["visitorId"],
            "pageId": "595933432",
        },
    )


def test_a_report_needs_attributes_and_somebody_to_report_about(connector):
    for body in ({"consumerId": "anna"}, {"consumerId": "anna", "engagementAttributes": None}):
        assert refused(connector.report(body), 400, 5) == "engagementAttributes is missing."
    assert refused(connector.report({"engagementAttributes": []}), 400, 5) == (
        "consumerId, an element of identities with sub, or vid must be sent."
    )


def impression(kind="impDisplay", campaign=880524011, context="1"):
    return {
        "type": kind,
        "campaign": campaign,
        "engId": 880524113,
        "revision": 7,
        "eContext": [{"type": "engagementContext", "id": context}],
    }


@pytest.mark.parametrize("kind", ["impDisplay", "impAccept", "impExpanded", "impTimeout", "impClose"])
def test_impressions_are_taken_in_the_session_that_was_shown_the_engagement(connector, kind):
    first = connector.engagement(SIGNED_IN_VIP)

    reply = connector.report({"engagementAttributes": [impression(kind)]}, **of(first))

    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (impression(context="9"), "impDisplay: this session was shown nothing with context '9'."),
        (
            impression(campaign=5),
            "impDisplay: campaign and engId are not those shown with context '1'.",
        ),
        (
            {"type": "impClose"},
            "engagementAttributes[0].eContext must hold an engagementContext with the contextId.",
        ),
    ],
)
def test_an_impression_of_something_else_is_refused(connector, element, message):
    first = connector.engagement(SIGNED_IN_VIP)

    assert refused(connector.report({"engagementAttributes": [element]}, **of(first)), 400, 5) == message


def validate(connector, reply, *, engagement="880524113", campaign="880524011", context="1", **query):
    vid, sid = reply.json()["visitorId"], reply.json()["sessionId"]
    path = (
        f"/api/account/12345678/monitoring/visitors/{vid}/visits/current/campaigns/{campaign}"
        f"/engagements/{engagement}/contexts/{context}"
    )
    return connector.http.get(path, params={"v": "1", "sid": sid} | query)


def test_an_engagement_stays_valid_while_its_conditions_hold(connector, sandbox):
    first = connector.engagement(SIGNED_IN_VIP)

    assert validate(connector, first).json() == {"valid": True}
    assert validate(connector, first, context="2").json() == {"valid": False}
    sandbox.set_online("3180255704", False)
    assert validate(connector, first).json() == {"valid": False}


def test_what_cannot_be_validated_is_404_or_422(connector):
    first = connector.engagement(SIGNED_IN_VIP)

    assert validate(connector, first, sid="nothing").status_code == 404
    assert validate(connector, first, engagement="1").status_code == 404
    assert validate(connector, first, campaign="x").status_code == 422
    assert validate(connector, first, sid="").status_code == 422


def test_one_accounts_sessions_are_unknown_to_the_other(connector):
    first = connector.engagement()
    path = "/api/account/87654321/app/5a4db0c5-0000-4000-8000-000000000011/engagement"

    refused(connector.http.post(path, params={"v": "1.1"} | of(first)), 404, 37)
    refused(connector.http.post(path, params={"v": "1.1", "sid": of(first)["sid"]}), 404, 39)
