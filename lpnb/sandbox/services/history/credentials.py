"""Credentials of the history API: an agent's Bearer or an OAuth 1 signature, never an AppJWT (documented)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lpnb.sandbox.cloud import Cloud
from lpnb.sandbox.http.messages import Answer, Request, error_answer
from lpnb.sandbox.world.models import Account, ApiKey

# Imported where it is used: most sandboxes are never asked for history.
if TYPE_CHECKING:
    from authlib.oauth1.rfc5849.wrapper import OAuth1Request

REFUSAL = (
    "Send Authorization: Bearer and the bearer of an agent login, or sign with OAuth 1 (HMAC-SHA1) "
    "and an API key of the account. History does not take an AppJWT."
)


def check_credentials(cloud: Cloud, account: Account, request: Request) -> Answer | None:
    """401 unless the request carries one of the two credentials."""
    scheme, _, rest = (request.header("authorization") or "").strip().partition(" ")
    if scheme.lower() == "bearer" and cloud.keyring.agent_behind(rest.strip(), account.id, cloud.now):
        return None
    if scheme.lower() == "oauth" and any(_signed_with(request, key) for key in account.api_keys):
        return None
    return error_answer(401, REFUSAL)


def _signed_with(request: Request, key: ApiKey) -> bool:
    """Whether the signature is of this key.

    Neither timestamp nor nonce is looked at: the sandbox's clock may stand elsewhere than the client's.
    """
    from authlib.oauth1.rfc5849.signature import verify_hmac_sha1

    for signed in _as_signed(request):
        if (signed.client_id, signed.token, signed.signature_method) != (
            key.consumer_key,
            key.token,
            "HMAC-SHA1",
        ):
            continue
        signed.client, signed.credential = _Client(key), _Credential(key)
        if signed.signature and verify_hmac_sha1(signed):
            return True
    return False


def _as_signed(request: Request) -> Iterator["OAuth1Request"]:
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


class _Client:
    """An API key, as the library asks for it."""

    def __init__(self, key: ApiKey) -> None:
        self._key = key

    def get_client_secret(self) -> str:
        return self._key.consumer_secret


class _Credential:
    """The key's token, as the library asks for it."""

    def __init__(self, key: ApiKey) -> None:
        self._key = key

    def get_oauth_token_secret(self) -> str:
        return self._key.token_secret
