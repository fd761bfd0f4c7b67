"""Section 8.5 of the reference: login of users and applications, refresh and logout."""

import pytest

BASE = "/api/account/12345678"
KEYS = {
    "appKey": "sandbox-consumer-key",
    "secret": "sandbox-consumer-secret",
    "accessToken": "sandbox-access-token",
    "accessTokenSecret": "sandbox-token-secret",
}
USER = {"username": "mira.castellan", "password": "sandbox-password"}
SEARCH = "/messaging_history/api/account/12345678/conversations/conversation/search"


def login(connector, body=USER):
    return connector.http.post(f"{BASE}/login?v=1.3", json=body)


def reads_history(connector, bearer):
    reply = connector.http.post(
        SEARCH, json={"conversationId": "x"}, headers={"Authorization": f"Bearer {bearer}"}
    )
    return reply.status_code == 200


def test_the_reply_has_every_member_that_the_page_shows(connector, sandbox):
    reply = login(connector)

    made = reply.json()
    assert reply.status_code == 200
    assert set(made) == {
        "csrf",
        "wsuk",
        "bearer",
        "sessionTTl",
        "sessionId",
        "csdsCollectionResponse",
        "accountData",
        "config",
    }
    assert made["sessionTTl"] == "28800000"
    assert {"loginName", "userId", "isAdmin", "isLPA", "userPrivileges"} <= set(made["config"])
    assert (made["config"]["loginName"], made["config"]["isLPA"]) == ("mira.castellan", False)
    records = {record["service"]: record for record in made["csdsCollectionResponse"]["baseURIs"]}
    host = f"127.0.0.1:{sandbox.port}"
    assert records["msgHist"] == {"service": "msgHist", "account": "12345678", "baseURI": host}
    assert reply.cookies["Session_id"] == made["sessionId"]


def test_every_login_is_a_session_of_its_own(connector):
    first, second = login(connector).json(), login(connector).json()

    assert len({first["csrf"], second["csrf"], first["sessionId"], second["sessionId"]}) == 4


def test_an_application_logs_in_with_the_four_parts_of_its_key(connector):
    reply = login(connector, {"username": "mira.castellan", **KEYS})

    assert reply.status_code == 200
    assert reads_history(connector, reply.json()["bearer"])


def test_an_application_logs_in_with_its_client_id_and_secret_and_placeholders_for_the_tokens(
    connector, sandbox
):
    dummies = {"accessToken": "dummy", "accessTokenSecret": "dummy"}
    keys = {"appKey": sandbox.client_id, "secret": sandbox.client_secret} | dummies

    assert login(connector, {"username": "mira.castellan", **keys}).status_code == 200
    assert login(connector, {"username": "mira.castellan", **keys, "secret": "wrong"}).status_code == 401
    assert login(connector, {"username": "nobody", **keys}).status_code == 401


@pytest.mark.parametrize("name", list(KEYS))
def test_an_application_with_one_wrong_part_is_401(connector, name):
    assert login(connector, {"username": "mira.castellan", **KEYS, name: "wrong"}).status_code == 401


@pytest.mark.parametrize("name", list(KEYS))
def test_an_application_without_one_part_is_400(connector, name):
    body = {"username": "mira.castellan", **{key: KEYS[key] for key in KEYS if key != name}}

    assert login(connector, body).status_code == 400


def test_a_user_nobody_knows_cannot_log_in_with_the_keys_of_the_account(connector):
    assert login(connector, {"username": "nobody", **KEYS}).status_code == 401


@pytest.mark.parametrize("act", ["refresh", "logout"])
def test_refresh_and_logout_are_200_without_a_body(connector, act):
    reply = connector.http.post(f"{BASE}/{act}", json={"csrf": login(connector).json()["csrf"]})

    assert (reply.status_code, reply.content) == (200, b"")


@pytest.mark.parametrize("act", ["refresh", "logout"])
@pytest.mark.parametrize("body", [{"csrf": "wrong"}, {}, {"csrf": 5}])
def test_a_wrong_csrf_is_401_with_internal_code_10(connector, act, body):
    reply = connector.http.post(f"{BASE}/{act}", json=body)

    assert (reply.status_code, reply.json()["error"]["internalCode"]) == (401, 10)


def test_a_csrf_is_of_one_account(connector):
    csrf = login(connector).json()["csrf"]

    assert connector.http.post("/api/account/87654321/refresh", json={"csrf": csrf}).status_code == 401


def test_a_bearer_ends_with_its_session(connector):
    made = login(connector).json()
    assert reads_history(connector, made["bearer"])

    connector.http.post(f"{BASE}/logout", json={"csrf": made["csrf"]})

    assert not reads_history(connector, made["bearer"])
    assert connector.http.post(f"{BASE}/refresh", json={"csrf": made["csrf"]}).status_code == 401


def test_a_refresh_lets_the_session_last_eight_hours_from_then_on(connect):
    connector = connect(clock=lambda: 1_700_000_000.0)
    made, other = login(connector).json(), login(connector).json()
    connector.sandbox.advance(5 * 3600)
    connector.http.post(f"{BASE}/refresh", json={"csrf": made["csrf"]})

    connector.sandbox.advance(5 * 3600)

    assert reads_history(connector, made["bearer"])
    assert not reads_history(connector, other["bearer"])
    connector.sandbox.advance(3 * 3600)
    assert not reads_history(connector, made["bearer"])


def test_sessions_live_over_a_restart_with_a_state_file(connect, tmp_path):
    path = tmp_path / "state.sqlite"
    connector = connect(state_file=path)
    ended, lasting = login(connector).json(), login(connector).json()
    connector.http.post(f"{BASE}/logout", json={"csrf": ended["csrf"]})
    connector.sandbox.stop()

    again = connect(state_file=path)

    assert not reads_history(again, ended["bearer"])
    assert reads_history(again, lasting["bearer"])
    assert again.http.post(f"{BASE}/refresh", json={"csrf": lasting["csrf"]}).status_code == 200


def test_history_takes_an_applications_token_of_sentinel_v2_and_not_of_v1(connector, sandbox):
    form = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    form["grant_type"] = "client_credentials"
    v2 = connector.http.post("/sentinel/api/v2/account/12345678/app/token", data=form).json()["access_token"]

    assert reads_history(connector, v2)
    assert not reads_history(connector, connector.app_jwt())

    sandbox.advance(3600)
    assert not reads_history(connector, v2)


def test_a_token_of_v2_opens_conversations_as_well(connector, sandbox):
    form = {"client_id": sandbox.client_id, "client_secret": sandbox.client_secret}
    form["grant_type"] = "client_credentials"
    v2 = connector.http.post("/sentinel/api/v2/account/12345678/app/token", data=form).json()["access_token"]
    headers = {"Authorization": v2, "X-LP-ON-BEHALF": connector.consumer_jws("anna", v2)}

    assert connector.post(headers=headers).status_code == 200
