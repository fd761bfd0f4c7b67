"""Sentinel: an AppJWT for a client id and secret (OAuth 2.0 client credentials).

Parameters may stand in the query, in the form body or in both, as the pages and the clients have
it. No failure body is published; the page says its answers follow OAuth 2.0, so failures are
those of RFC 6749 section 5.2 (inferred).
"""

import hmac

from lpnb.sandbox.http.messages import Answer, Request, json_answer, media_type, parse_form, truncate
from lpnb.sandbox.http.versions import check_version
from lpnb.sandbox.service_context import Cloud

_FORM = "application/x-www-form-urlencoded"
_NO_STORE = (("cache-control", "no-store"), ("pragma", "no-cache"))


def answer_v1(cloud: Cloud, request: Request) -> Answer:
    """``/sentinel/api/account/{id}/app/token?v=1.0``."""
    return _answer(cloud, request, version=1)


def answer_v2(cloud: Cloud, request: Request) -> Answer:
    """``/sentinel/api/v2/account/{id}/app/token``: the version is in the path."""
    return _answer(cloud, request, version=2)


def answer_keys(cloud: Cloud, _request: Request) -> Answer:
    """The public keys (JWKS) that V2 tokens are checked with."""
    return json_answer(200, cloud.keyring.public_keys())


def _answer(cloud: Cloud, request: Request, *, version: int) -> Answer:
    if request.body and cloud.rules.require_content_type and media_type(request) != _FORM:
        content_type = media_type(request) or "none"
        return _refusal(400, "invalid_request", f"Send Content-Type: {_FORM}; got {truncate(content_type)}.")
    fields = parse_form(request.query) + parse_form(request.body.decode("utf-8", "replace"))
    values = dict(fields)
    for name in ("client_id", "client_secret", "grant_type"):
        if len({value for key, value in fields if key == name}) > 1:
            return _refusal(400, "invalid_request", f"{name} came twice, with different values.")
    versions = [value for key, value in fields if key == "v"]
    required = version == 1 and cloud.rules.require_version
    # LivePerson's own clients send v=2.0 on both paths.
    version_refusal = check_version(
        request, "v", "1.0", required=required, also=("2.0",), sent_versions=versions
    )
    if version_refusal is not None and isinstance(version_refusal.payload, dict):
        return _refusal(400, "invalid_request", version_refusal.payload["error"])
    if missing := [name for name in ("grant_type", "client_id", "client_secret") if not values.get(name)]:
        sentence = (
            f"Missing: {', '.join(missing)}. Send them in the form body, with grant_type=client_credentials."
        )
        return _refusal(400, "invalid_request", sentence)
    if values["grant_type"] != "client_credentials":
        return _refusal(400, "unsupported_grant_type", "Send grant_type=client_credentials.")
    account = cloud.account(request.path_params["account_id"])
    installation = account.installations_by_id.get(values["client_id"]) if account else None
    secret = installation.client_secret if installation and installation.enabled else ""
    # Compared in any case, so that the time taken does not tell whether the id is known.
    if not _is_same(values["client_secret"], secret) or account is None:
        sentence = "No app installation of this account has this client_id and client_secret."
        return _refusal(401, "invalid_client", sentence)
    token = cloud.keyring.app_jwt(
        account.id, values["client_id"], cloud.token_lifetime, cloud.now, version=version
    )
    reply: dict[str, object] = {"access_token": token, "token_type": "Bearer"}
    # Text in V2, and not there at all in V1: clients of LivePerson's refuse it the other way round.
    if version == 2:
        reply["expires_in"] = str(cloud.token_lifetime)
    return json_answer(200, reply, headers=_NO_STORE)


def _is_same(received: str, expected: str) -> bool:
    return hmac.compare_digest(received.encode("utf-8", "replace"), expected.encode())


def _refusal(status: int, error: str, description: str) -> Answer:
    return json_answer(status, {"error": error, "error_description": description}, headers=_NO_STORE)
