"""Section 4.7 of the reference: five errors, their frames and their triggers."""

import base64
import json

import pytest


def frame(title, details, error_code):
    return {
        "kind": "resp",
        "code": 401,
        "body": {"title": title, "details": details, "errorCode": error_code},
        "type": ".ReqBody$ErrorResp",
    }


BRAND_ID_MISSING = frame("Missing parameter", "Brand Id is missing", 40001)
APP_JWT_INVALID = frame("Invalid AppJWT", "AppJWT has expired or is invalid", 40102)
CONSUMER_JWS_INVALID = frame("Invalid ConsumerJWS", "ConsumerJWS is invalid", 40103)
CONSUMER_JWS_MISSING = frame("ConsumerJWS is missing", "X_ON_BEHALF_HEADER is not present", 40104)
APP_JWT_MISSING = frame("AppJWT is missing", "AUTHORIZATION header is not present", 40105)


def homemade_jwt(**claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(claims)}.{part('signature')}"


CLAIMS = {
    "aud": "12345678",
    "azp": "app",
    "scope": "msg.consumer",
    "iss": "Sentinel",
    "iat": 1_000_000_000,
    "exp": 9_000_000_000,
}


def test_a_missing_app_jwt_is_40105(connector):
    headers = connector.headers()
    del headers["Authorization"]

    reply = connector.post(headers=headers)

    assert (reply.status_code, reply.json()) == (401, APP_JWT_MISSING)


@pytest.mark.parametrize("value", ["", "Bearer"])
def test_an_empty_authorization_header_is_a_missing_app_jwt(connector, value):
    reply = connector.post(headers=connector.headers() | {"Authorization": value})

    assert (reply.status_code, reply.json()) == (401, APP_JWT_MISSING)


def test_a_missing_consumer_jws_is_40104(connector):
    reply = connector.post(headers={"Authorization": connector.app_jwt()})

    assert (reply.status_code, reply.json()) == (401, CONSUMER_JWS_MISSING)


def test_without_either_token_the_app_jwt_is_asked_for_first(connector):
    reply = connector.post(headers={})

    assert (reply.status_code, reply.json()) == (401, APP_JWT_MISSING)


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "..", "\xe9.\xe9.\xe9", homemade_jwt(**CLAIMS)])
def test_an_app_jwt_that_sentinel_did_not_sign_is_40102(connector, token):
    headers = connector.headers() | {"Authorization": token.encode("latin-1")}

    reply = connector.post(headers=headers)

    assert (reply.status_code, reply.json()) == (401, APP_JWT_INVALID)


def test_an_expired_app_jwt_is_40102(connect):
    now = [1_000_000.0]
    connector = connect(clock=lambda: now[0])
    headers = connector.headers()
    now[0] += 3600

    reply = connector.post(headers=headers)

    assert (reply.status_code, reply.json()) == (401, APP_JWT_INVALID)


def test_expired_tokens_are_40102(connect):
    connector = connect()
    headers = connector.headers()
    connector.sandbox.expire_tokens()

    reply = connector.post(headers=headers)

    assert (reply.status_code, reply.json()) == (401, APP_JWT_INVALID)


def test_a_tampered_app_jwt_is_40102(connector):
    headers = connector.headers()
    head, claims, signature = headers["Authorization"].split(".")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]

    reply = connector.post(headers=headers | {"Authorization": f"{head}.{claims}.{flipped}"})

    assert (reply.status_code, reply.json()) == (401, APP_JWT_INVALID)


def test_the_path_of_an_account_the_app_jwt_is_not_for_is_40102(connector):
    reply = connector.post(path="/api/account/999/messaging/consumer/conversation?v=3")

    assert (reply.status_code, reply.json()) == (401, APP_JWT_INVALID)


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", homemade_jwt(account_id="12345678")])
def test_a_consumer_jws_that_idp_did_not_sign_is_40103(connector, token):
    reply = connector.post(headers=connector.headers() | {"X-LP-ON-BEHALF": token})

    assert (reply.status_code, reply.json()) == (401, CONSUMER_JWS_INVALID)


def test_an_app_jwt_in_the_consumers_place_is_40103(connector):
    token = connector.app_jwt()

    reply = connector.post(headers={"Authorization": token, "X-LP-ON-BEHALF": token})

    assert (reply.status_code, reply.json()) == (401, CONSUMER_JWS_INVALID)


@pytest.mark.parametrize("claim", ["aud", "azp", "scope", "iss", "iat", "exp"])
def test_an_app_jwt_without_a_mandatory_claim_is_40001(connector, claim):
    claims = {name: value for name, value in CLAIMS.items() if name != claim}

    reply = connector.post(headers=connector.headers() | {"Authorization": homemade_jwt(**claims)})

    assert (reply.status_code, reply.json()) == (401, BRAND_ID_MISSING)


def test_an_app_jwt_of_another_issuer_is_40001_whatever_the_case_of_sentinel(connector):
    other = connector.headers() | {"Authorization": homemade_jwt(**CLAIMS | {"iss": "nobody"})}
    lower = connector.headers() | {"Authorization": homemade_jwt(**CLAIMS | {"iss": "sentinel"})}

    assert connector.post(headers=other).json() == BRAND_ID_MISSING
    assert connector.post(headers=lower).json() == APP_JWT_INVALID


def test_a_consumer_jws_in_the_app_jwts_place_is_40001(connector):
    jws = connector.consumer_jws("anna")

    reply = connector.post(headers={"Authorization": jws, "X-LP-ON-BEHALF": jws})

    assert (reply.status_code, reply.json()) == (401, BRAND_ID_MISSING)


@pytest.mark.parametrize("brand_id", [None, ""])
def test_a_missing_brand_id_is_40001(connector, sandbox, brand_id):
    reply = connector.post(connector.batch(brandId=brand_id))

    assert (reply.status_code, reply.json()) == (401, BRAND_ID_MISSING)
    assert sandbox.conversations == []


def test_the_status_of_40001_can_be_400_and_its_code_stays_401(connect):
    connector = connect(brand_id_missing_status=400)

    reply = connector.post(connector.batch(brandId=None))

    assert (reply.status_code, reply.json()) == (400, BRAND_ID_MISSING)


def test_the_app_jwt_may_come_with_bearer_and_header_names_in_any_case(connector):
    tokens = connector.headers()

    reply = connector.post(
        headers={
            "aUTHORIZATION": f"bearer {tokens['Authorization']}",
            "x-Lp-On-Behalf": tokens["X-LP-ON-BEHALF"],
        }
    )

    assert reply.status_code == 200
