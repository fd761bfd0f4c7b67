"""AppJWT and ConsumerJWS: the two tokens a CONVERSATION request carries.

AppJWT says which connector is calling (``Authorization``); ConsumerJWS says on behalf of which consumer
(``X-LP-ON-BEHALF``). Nothing here opens a connection. Both stay ``Secret`` from the moment they are read.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lpnb._internal.json_codec import JsonError, json_bytes, read_json
from lpnb._internal.redaction import Secret, scrub
from lpnb.errors import CredentialsError, ServiceError
from lpnb.settings import Settings
from lpnb.transport.protocol import Exchange, Flow, PreparedPost, Request, Sleep, content_of
from lpnb.transport.retries import with_retries

#: The documented lifetime, for a token whose own claims cannot be read.
LIFETIME = 3600.0
#: How long before its end a token is renewed: the guide's five minutes, or a tenth of a short life.
RENEW_EARLY = 300.0
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}\Z")


@dataclass(frozen=True, slots=True)
class AppJWT:
    """A token and the moment, on this process's own clock, from which it is renewed."""

    token: Secret
    renew_at: float
    lifetime: float

    def is_fresh(self, now: float) -> bool:
        """Whether it can be used at *now* (``time.monotonic``)."""
        return now < self.renew_at


def get_app_jwt(
    settings: Settings,
    sentinel: str,
    wait: Callable[[float], Sleep | None] = Sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Flow[AppJWT]:
    """Ask Sentinel for an AppJWT. The secret travels in the form body, never in the URL.

    Raises:
        CredentialsError: Sentinel knows neither the id nor the secret.
        ServiceError: It cannot be reached, or its answer holds no token.

    Source: Connector API, Authorization and Authentication (V1, form body).
    """

    def request() -> Request:
        return Request(
            "POST",
            f"{sentinel}/sentinel/api/account/{settings.account_id}/app/token",
            params={"v": "1.0"},
            data={
                "client_id": settings.client_id,
                "client_secret": settings.client_secret.reveal(),
                "grant_type": "client_credentials",
            },
        )

    exchange = yield from with_retries(request, "Sentinel", wait)
    if exchange.status in (400, 401, 403):
        raise CredentialsError(
            f"Sentinel refused LP_CLIENT_ID and LP_CLIENT_SECRET{_reason(exchange, settings)}. Check them "
            f"against the app installation on account {settings.account_id}."
        )
    token = _token(exchange, "access_token", 200)
    if token is None:
        raise ServiceError(f"Sentinel gave no AppJWT{_reason(exchange, settings)}.")
    if str(claims(token).get("aud", settings.account_id)) != settings.account_id:
        raise ServiceError("Sentinel answered with another account's AppJWT. It was not used.")
    lifetime = _lifetime(token)
    return AppJWT(token, clock() + lifetime - min(RENEW_EARLY, lifetime / 10), lifetime)


def get_application_token(
    settings: Settings,
    sentinel: str,
    client_id: str,
    client_secret: Secret,
    wait: Callable[[float], Sleep | None] = Sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Flow[AppJWT]:
    """Ask Sentinel V2 for an application's own token, which history takes as a Bearer (OAuth 2).

    Raises:
        CredentialsError: Sentinel knows neither the id nor the secret.
        ServiceError: It cannot be reached, or its answer holds no token.

    Source: OAuth 2.0 Client Credentials (V2, form body).
    """

    def request() -> Request:
        return Request(
            "POST",
            f"{sentinel}/sentinel/api/v2/account/{settings.account_id}/app/token",
            data={
                "client_id": client_id,
                "client_secret": client_secret.reveal(),
                "grant_type": "client_credentials",
            },
        )

    exchange = yield from with_retries(request, "Sentinel", wait)
    token = _token(exchange, "access_token", 200)
    if token is None:
        details = _reason(exchange, settings, client_secret)
        if exchange.status in (400, 401, 403):
            raise CredentialsError(f"Sentinel refused the application {client_id}{details}.")
        raise ServiceError(f"Sentinel gave no token for the application {client_id}{details}.")
    lifetime = _lifetime(token)
    return AppJWT(token, clock() + lifetime - min(RENEW_EARLY, lifetime / 10), lifetime)


def get_consumer_jws(
    settings: Settings,
    idp: str,
    app_jwt: Secret,
    consumer_id: str,
    wait: Callable[[float], Sleep | None] = Sleep,
) -> Flow[Secret | None]:
    """Ask the IDP for the ConsumerJWS of *consumer_id*; None when it refuses the AppJWT.

    Raises:
        ServiceError: It cannot be reached, refuses the consumer, or its answer holds no token.

    Source: Connector API, Authorization and Authentication.
    """

    content = json_bytes({"ext_consumer_id": consumer_id})

    def request() -> Request:
        fields = {"Authorization": app_jwt.reveal(), "Content-Type": "application/json"}
        return PreparedPost(f"{idp}/api/account/{settings.account_id}/consumer?v=1.0", fields, content)

    exchange = yield from with_retries(request, "IDP", wait)
    if exchange.status == 401:
        return None
    token = _token(exchange, "token", 201)
    if token is None:
        hint = " Is ext_consumer_id acceptable?" if exchange.status in (400, 404, 422) else ""
        reason = _reason(exchange, settings, app_jwt)
        raise ServiceError(f"The IDP gave no ConsumerJWS for this consumer{reason}.{hint}")
    # A late answer to another request on the same connection would act for another consumer.
    if claims(token).get("ext_consumer_id", consumer_id) != consumer_id:
        raise ServiceError("The IDP answered with another consumer's ConsumerJWS. It was not used.")
    return token


def claims(token: Secret) -> dict[str, object]:
    """Read a token's claims without checking its signature; {} when they cannot be read.

    Example:
        >>> claims(Secret("e30.eyJhdWQiOiIxMjM0NTY3OCJ9.sig"))
        {'aud': '12345678'}
    """
    return _token_fields(token, 1)


def header(token: Secret) -> dict[str, object]:
    """Read a token's header: how it is signed, and with which key; {} when it cannot be read.

    Example:
        >>> header(Secret("eyJhbGciOiJSUzI1NiJ9.e30.sig"))
        {'alg': 'RS256'}
    """
    return _token_fields(token, 0)


def _token_fields(token: Secret, part: int) -> dict[str, object]:
    parts = token.reveal().split(".")
    if len(parts) != 3:
        return {}
    try:
        fields = read_json(base64.urlsafe_b64decode(parts[part] + "=" * (-len(parts[part]) % 4)))
    except (JsonError, binascii.Error, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _lifetime(token: Secret) -> float:
    """How long the token lives, from its own claims: this machine's clock may be wrong."""
    fields = claims(token)
    start, end = fields.get("iat"), fields.get("exp")
    if isinstance(start, int | float) and isinstance(end, int | float) and 0 < end - start <= 7 * 86400:
        return float(end - start)
    return LIFETIME


def _token(exchange: Exchange, key: str, expected: int) -> Secret | None:
    reply, _ = content_of(exchange)
    if exchange.status not in (200, expected) or not isinstance(reply, Mapping):
        return None
    token = reply.get(key)
    return Secret(token) if isinstance(token, str) and _TOKEN.match(token) else None


def _reason(exchange: Exchange, settings: Settings, *tokens: Secret) -> str:
    """What the service says about a refusal, without the secret or the token it may echo."""
    reply, parse_error = content_of(exchange)
    text = ""
    if isinstance(reply, Mapping):
        words = [reply.get(key) for key in ("error", "error_description", "internalErrorCode", "message")]
        secrets = [settings.client_secret, *tokens]
        # Masked first and cut then: not even half a secret is shown.
        text = ", ".join(scrub(str(word), secrets)[:200] for word in words if word)
    elif parse_error:
        text = f"its answer is not JSON: {parse_error}"
    return f" (HTTP {exchange.status}{': ' + text if text else ''})"
