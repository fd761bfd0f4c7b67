import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from lpnb.sandbox.tokens import Keyring, consumer

SENTINEL = "/sentinel/api/account/12345678/app/token"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def parameters(sandbox):
    return {
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        "grant_type": "client_credentials",
    }


def test_sentinel_answers_a_form_with_exactly_two_members(connector, parameters):
    reply = connector.http.post(f"{SENTINEL}?v=1.0", data=parameters)

    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json;charset=utf-8"
    assert reply.headers["cache-control"] == "no-store"
    assert sorted(reply.json()) == ["access_token", "token_type"]
    assert reply.json()["token_type"] == "Bearer"


def test_sentinel_takes_every_parameter_from_the_query_with_an_empty_body(connector, parameters):
    reply = connector.http.post(SENTINEL, params=parameters | {"v": "1.0"}, headers=FORM)

    assert reply.status_code == 200


def test_sentinel_takes_the_grant_type_from_the_query_and_the_rest_from_the_form(connector, parameters):
    grant = {"grant_type": parameters.pop("grant_type"), "v": "1.0"}

    assert connector.http.post(SENTINEL, params=grant, data=parameters).status_code == 200


def test_sentinel_v2_needs_no_version_parameter(connector, parameters):
    reply = connector.http.post("/sentinel/api/v2/account/12345678/app/token", data=parameters)

    assert reply.status_code == 200


def test_the_app_jwt_has_the_documented_header_and_claims(connect, claims_of):
    connector = connect(clock=lambda: 1_700_000_000.75)

    token = connector.app_jwt()

    assert claims_of(token, 0) == {"kid": "appjwt-13-05-17", "typ": "JWT", "alg": "RS256"}
    assert claims_of(token) == {
        "aud": "12345678",
        "azp": connector.sandbox.client_id,
        "scope": "msg.consumer",
        "iss": "Sentinel",
        "iat": 1_700_000_000,
        "exp": 1_700_003_600,
    }


def test_the_published_keys_verify_the_app_jwt(connector):
    keys = KeySet.import_key_set(connector.http.get("/sentinel/well-known/jwks").json())

    assert jwt.decode(connector.app_jwt(), keys, algorithms=["RS256"]).claims["iss"] == "Sentinel"


def test_the_published_keys_keep_the_private_half(connector):
    (key,) = connector.http.get("/sentinel/well-known/jwks").json()["keys"]

    assert sorted(key) == ["alg", "e", "kid", "kty", "n", "use"]


def test_the_key_is_read_once_however_many_tokens_are_not_in_mind_any_more(monkeypatch):
    keys = Keyring()
    held = [keys.consumer_jws("12345678", consumer("12345678", f"consumer-{n}")) for n in range(3)]
    keys._claims_by_token.clear()
    imported = []
    import_key = RSAKey.import_key
    monkeypatch.setattr(RSAKey, "import_key", lambda *key: imported.append(1) or import_key(*key))

    names = [keys.consumer_behind(token, "12345678").ext_consumer_id for token in held]

    assert names == ["consumer-0", "consumer-1", "consumer-2"]
    assert len(imported) == 1


def test_the_token_lifetime_can_be_chosen(connect, claims_of):
    claims = claims_of(connect(token_lifetime=7).app_jwt())

    assert claims["exp"] - claims["iat"] == 7


@pytest.mark.parametrize("version", ["v=2.0", "v=1.0", ""])
def test_v2_says_its_lifetime_as_text(connect, version):
    connector = connect(token_lifetime=3599)
    form = {"client_id": connector.sandbox.client_id, "client_secret": connector.sandbox.client_secret}
    form["grant_type"] = "client_credentials"

    reply = connector.http.post(f"/sentinel/api/v2/account/12345678/app/token?{version}", data=form)

    assert (reply.status_code, sorted(reply.json())) == (200, ["access_token", "expires_in", "token_type"])
    assert reply.json()["expires_in"] == "3599"


@pytest.mark.parametrize("version", ["v=2.0", "v=1.0", "v=1"])
def test_v1_takes_both_versions_and_has_no_lifetime(connector, version):
    form = {"client_id": connector.sandbox.client_id, "client_secret": connector.sandbox.client_secret}
    form["grant_type"] = "client_credentials"

    reply = connector.http.post(f"/sentinel/api/account/12345678/app/token?{version}", data=form)

    assert (reply.status_code, sorted(reply.json())) == (200, ["access_token", "token_type"])


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_sentinel_refuses_wrong_credentials_as_oauth_does(connector, name):
    reply = connector.token_reply(**{name: "wrong"})

    assert reply.status_code == 401
    assert reply.json() == {
        "error": "invalid_client",
        "error_description": "No app installation of this account has this client_id and client_secret.",
    }


def test_sentinel_refuses_credentials_for_another_account(connector, parameters):
    reply = connector.http.post("/sentinel/api/account/999/app/token?v=1.0", data=parameters)

    assert (reply.status_code, reply.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("name", ["client_id", "client_secret", "grant_type"])
def test_sentinel_names_what_is_missing(connector, name):
    reply = connector.token_reply(**{name: ""})

    assert reply.status_code == 400
    assert reply.json() == {
        "error": "invalid_request",
        "error_description": f"Missing: {name}. "
        "Send them in the form body, with grant_type=client_credentials.",
    }


def test_sentinel_refuses_another_grant_type(connector):
    reply = connector.token_reply(grant_type="authorization_code")

    assert reply.status_code == 400
    assert reply.json()["error"] == "unsupported_grant_type"


def test_sentinel_refuses_a_parameter_with_two_values(connector, parameters):
    reply = connector.http.post(f"{SENTINEL}?v=1.0&client_id=another", data=parameters)

    assert reply.status_code == 400
    assert reply.json() == {
        "error": "invalid_request",
        "error_description": "client_id came twice, with different values.",
    }


def test_sentinel_wants_its_version(connector, parameters):
    reply = connector.http.post(SENTINEL, data=parameters)

    assert reply.status_code == 400
    assert reply.json() == {
        "error": "invalid_request",
        "error_description": "The query parameter v is missing. "
        "Send POST /sentinel/api/account/12345678/app/token?v=1.0.",
    }


def test_sentinel_refuses_a_json_body_and_names_the_form_type(connector, parameters):
    reply = connector.http.post(f"{SENTINEL}?v=1.0", json=parameters)

    assert reply.status_code == 400
    assert reply.json() == {
        "error": "invalid_request",
        "error_description": "Send Content-Type: application/x-www-form-urlencoded; got application/json.",
    }


def test_idp_answers_201_with_a_token_that_never_expires(connector, claims_of):
    reply = connector.consumer_reply("anna")

    assert reply.status_code == 201
    assert list(reply.json()) == ["token"]
    claims = claims_of(reply.json()["token"])
    assert sorted(claims) == ["account_id", "ext_consumer_id", "lp_consumer_id"]
    assert claims["account_id"] == "12345678"
    assert claims["ext_consumer_id"] == "anna"
    assert len(claims["lp_consumer_id"]) == 64
    assert set(claims["lp_consumer_id"]) <= set("0123456789abcdef")


def test_the_same_external_id_is_the_same_consumer_in_every_sandbox_and_another_one_is_not(
    connector, connect, claims_of
):
    here = claims_of(connector.consumer_jws("anna"))["lp_consumer_id"]
    there = claims_of(connect().consumer_jws("anna"))["lp_consumer_id"]
    other = claims_of(connector.consumer_jws("berta"))["lp_consumer_id"]

    assert here == there
    assert here != other


def test_the_consumer_id_depends_on_the_account():
    from lpnb.sandbox.tokens import consumer

    assert consumer("1", "anna").lp_consumer_id != consumer("2", "anna").lp_consumer_id


def test_idp_takes_the_app_jwt_with_bearer_and_does_without_a_version(connector):
    reply = connector.http.post(
        "/api/account/12345678/consumer",
        json={"ext_consumer_id": "anna"},
        headers={"authorization": f"Bearer {connector.app_jwt()}"},
    )

    assert reply.status_code == 201


@pytest.mark.parametrize("blank", ["", "  ", None, 5, ["anna"], True])
def test_idp_refuses_an_id_that_is_blank_or_no_string(connector, blank):
    reply = connector.consumer_reply(blank)

    assert reply.status_code == 400
    assert reply.json() == {
        "error": 'Send {"ext_consumer_id": "..."}: your own id of the consumer, as a string, not blank.'
    }


@pytest.mark.parametrize("body", [b"[]", b"{}", b"5", b"null"])
def test_idp_refuses_a_body_without_the_id(connector, body):
    reply = connector.http.post(
        "/api/account/12345678/consumer?v=1.0",
        content=body,
        headers={"Authorization": connector.app_jwt(), "Content-Type": "application/json"},
    )

    assert reply.status_code == 400


def test_idp_refuses_an_id_too_long_for_a_header(connector):
    assert connector.consumer_reply("a" * 1024).status_code == 201
    assert connector.consumer_reply("a" * 1025).status_code == 400


def test_idp_refuses_a_missing_app_jwt(connector):
    reply = connector.http.post("/api/account/12345678/consumer?v=1.0", json={"ext_consumer_id": "anna"})

    assert reply.status_code == 401
    assert reply.json() == {"error": "No AppJWT. Send the one Sentinel issued in the Authorization header."}


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.e30."])
def test_idp_refuses_an_app_jwt_that_is_none_of_its_own(connector, token):
    reply = connector.consumer_reply("anna", token)

    assert reply.status_code == 401
    assert reply.json() == {"error": "The AppJWT has expired or is invalid. Get a new one from Sentinel."}


def test_idp_refuses_another_accounts_path(connector):
    reply = connector.http.post(
        "/api/account/999/consumer?v=1.0",
        json={"ext_consumer_id": "anna"},
        headers={"Authorization": connector.app_jwt()},
    )

    assert reply.status_code == 401


def test_an_app_jwt_of_another_sandbox_is_refused(connector, connect):
    assert connector.consumer_reply("anna", connect().app_jwt()).status_code == 401


def test_an_app_jwt_dies_with_the_second_its_lifetime_ends(connect):
    now = [1_000_000.0]
    connector = connect(token_lifetime=60, clock=lambda: now[0])
    token = connector.app_jwt()

    now[0] += 59.9
    assert connector.consumer_reply("anna", token).status_code == 201
    now[0] += 0.1
    assert connector.consumer_reply("anna", token).status_code == 401


def test_expire_tokens_kills_every_app_jwt_at_once_but_no_new_one_and_no_consumer_jws(connect):
    connector = connect(clock=lambda: 1_000_000.0)
    old = connector.app_jwt()
    jws = connector.consumer_jws("anna", old)

    connector.sandbox.expire_tokens()
    new = connector.app_jwt()

    assert connector.consumer_reply("anna", old).status_code == 401
    assert connector.consumer_reply("anna", new).status_code == 201
    reply = connector.post(headers={"Authorization": new, "X-LP-ON-BEHALF": jws})
    assert reply.status_code == 200


def test_tokens_stay_valid_over_a_reset_and_over_a_stop_and_start(connect):
    connector = connect()
    headers = connector.headers()

    connector.sandbox.reset()
    assert connector.post(headers=headers).status_code == 200
    connector.sandbox.reset()
    connector.sandbox.stop()
    connector.sandbox.start()
    with httpx.Client(base_url=connector.sandbox.base, trust_env=False) as http:
        reply = http.post(connector.path, json=connector.batch(), headers=headers)
    assert reply.status_code == 200
