"""Credentials of the history API: a Bearer of an agent or of an application (Sentinel V2), or OAuth 1."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING

from lpnb.sandbox.http.messages import Answer, Request, error_answer
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services.agent_login import agent_behind
from lpnb.sandbox.services.authorisation import installation_behind
from lpnb.sandbox.world.models import Account, ApiKey

# Imported where it is used: most sandboxes are never asked for history.
if TYPE_CHECKING:
    from authlib.oauth1.rfc5849.wrapper import OAuth1Request

REFUSAL = (
    "Send Authorization: Bearer with the bearer of an agent login or with an application's token of "
    "Sentinel V2, or sign with OAuth 1 (HMAC-SHA1) and an API key of the account. History does not take "
    "an AppJWT of Sentinel V1."
)


def check_credentials(cloud: Cloud, account: Account, request: Request) -> Answer | None:
    """401 unless the request carries one of the three credentials."""
    scheme, _, rest = (request.header("authorization") or "").strip().partition(" ")
    if scheme.lower() == "bearer" and _is_bearer(cloud, account, rest.strip()):
        return None
    if scheme.lower() == "oauth" and any(_signed_with(request, key) for key in account.api_keys):
        return None
    return error_answer(401, REFUSAL)


def _is_bearer(cloud: Cloud, account: Account, token: str) -> bool:
    if agent_behind(cloud, account.id, token) is not None:
        return True
    # Which scope it needs is documented nowhere (inferred: none).
    return (
        cloud.rules.history_takes_app_token
        and cloud.keyring.is_application_token(token, account.id, cloud.now)
        and installation_behind(cloud, token, account.id) is not None
    )


def _signed_with(request: Request, key: ApiKey) -> bool:
    """Whether the signature is of this key.

    Neither timestamp nor nonce is looked at: the sandbox's clock may stand elsewhere than the client's.
    """
    from authlib.oauth1.rfc5849.signature import verify_hmac_sha1

    for oauth_request in _oauth_requests(request):
        if (oauth_request.client_id, oauth_request.token, oauth_request.signature_method) != (
            key.consumer_key,
            key.token,
            "HMAC-SHA1",
        ):
            continue
        # What the library asks for the secrets.
        oauth_request.client = SimpleNamespace(get_client_secret=lambda: key.consumer_secret)
        oauth_request.credential = SimpleNamespace(get_oauth_token_secret=lambda: key.token_secret)
        if oauth_request.signature and verify_hmac_sha1(oauth_request):
            return True
    return False


def _oauth_requests(request: Request) -> Iterator["OAuth1Request"]:
    """The request in both schemes: behind a proxy nobody here can tell which one the client signed."""
    from authlib.oauth1.rfc5849.errors import OAuth1Error
    from authlib.oauth1.rfc5849.wrapper import OAuth1Request

    headers = {"Authorization": request.header("authorization"), "Host": request.header("host")}
    target = f"{request.path}?{request.query}" if request.query else request.path
    # The library wants https or this very name; what is signed has the host of the Host header.
    for origin in ("http://localhost:80", "https://localhost"):
        try:
            yield OAuth1Request(request.method, origin + target, headers=headers)
        except (OAuth1Error, ValueError):
            continue
