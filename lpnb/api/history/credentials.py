"""Credentials for history: an agent's bearer, or an API key that signs with OAuth 1.

The signing itself is authlib's. Nothing here decides what is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lpnb._internal.redaction import Secret, scrub
from lpnb.errors import CredentialsError, ServiceError, SettingsError
from lpnb.settings import Settings
from lpnb.transport.protocol import Exchange, Flow, Request, Sleep, content_of
from lpnb.transport.retries import with_retries

_BEARER = re.compile(r"[\x21-\x7e]{1,16384}\Z")
_WORDS = ("error", "error_description", "errorCode", "internalErrorCode", "message", "errorMessage")


def check_credentials(settings: Settings) -> None:
    """Say what is missing, unless there is one of the two ways to read history.

    Raises:
        SettingsError: There is neither.

    Example:
        >>> check_credentials(Settings("12345678", "my-client-id", "my-secret"))
        Traceback (most recent call last):
        lpnb.errors.SettingsError: History takes neither AppJWT nor ConsumerJWS, and nothing else is set.
        Set LP_AGENT_LOGIN and LP_AGENT_PASSWORD, or LP_HISTORY_KEY, LP_HISTORY_SECRET, LP_HISTORY_TOKEN and LP_HISTORY_TOKEN_SECRET.
    """  # noqa: E501
    if not settings.can_read_history:
        raise SettingsError(
            "History takes neither AppJWT nor ConsumerJWS, and nothing else is set.\n"
            "Set LP_AGENT_LOGIN and LP_AGENT_PASSWORD, or LP_HISTORY_KEY, LP_HISTORY_SECRET, "
            "LP_HISTORY_TOKEN and LP_HISTORY_TOKEN_SECRET."
        )


def login(settings: Settings, agent_vep: str, wait: Callable[[float], Sleep | None] = Sleep) -> Flow[Secret]:
    """Log the agent in and return the bearer. The password travels in the body, never in the URL.

    Raises:
        CredentialsError: The login is refused.
        ServiceError: The login service cannot be reached, or its answer holds no bearer.

    Source: Login Service API (``agentVep``); a 429 is answered with a wait of five seconds or more.
    """

    def request() -> Request:
        return Request(
            "POST",
            f"{agent_vep}/api/account/{settings.account_id}/login",
            params={"v": "1.3"},
            json={"username": settings.agent_login, "password": settings.agent_password.reveal()},
        )

    exchange = yield from with_retries(request, "The agent login", wait)
    if exchange.status in (400, 401, 403):
        raise CredentialsError(
            f"The agent login refused LP_AGENT_LOGIN and LP_AGENT_PASSWORD{reason(exchange, settings)}."
        )
    # In a function of its own: a traceback may show this frame's variables.
    bearer = _bearer(exchange)
    if bearer is None:
        raise ServiceError(f"The agent login gave no bearer{reason(exchange, settings)}.")
    return bearer


def _bearer(exchange: Exchange) -> Secret | None:
    reply, _ = content_of(exchange)
    token = reply.get("bearer") if isinstance(reply, Mapping) and exchange.status == 200 else None
    return Secret(token) if isinstance(token, str) and _BEARER.match(token) else None


def authorization(settings: Settings, method: str, url: str, bearer: Secret | None) -> str:
    """The ``Authorization`` of one request: a signature of its own with an API key, or the bearer.

    A JSON body is no part of an OAuth 1 signature. Source: RFC 5849, 3.4.1.3.
    """
    if not settings.history_key:
        return f"Bearer {bearer.reveal() if bearer else ''}"
    # Here and not at the top: most who use lpnb never read history.
    from authlib.oauth1.rfc5849.client_auth import ClientAuth

    key = ClientAuth(
        settings.history_key,
        settings.history_secret.reveal(),
        settings.history_token.reveal(),
        settings.history_token_secret.reveal(),
    )
    _, headers, _ = key.sign(method, url, {}, b"")
    return str(headers["Authorization"])


def refused_bearer(settings: Settings) -> CredentialsError:
    """What is said when history refuses a bearer that has just been issued."""
    return CredentialsError(
        f"Messaging Interactions refused a fresh bearer of the agent {settings.agent_login!r}. "
        "Does the agent's profile allow reading history?"
    )


def reason(exchange: Exchange, settings: Settings, bearer: Secret | None = None) -> str:
    """What the service says about a refusal, without the secrets that it may echo."""
    reply, parse_error = content_of(exchange)
    error = reply.get("error") if isinstance(reply, Mapping) else None
    if isinstance(error, Mapping):
        reply = error
    text = ""
    if isinstance(reply, Mapping):
        secrets = [
            secret
            for secret in (
                settings.agent_password,
                settings.history_secret,
                settings.history_token,
                settings.history_token_secret,
                bearer,
            )
            if secret
        ]
        words = [reply.get(name) for name in _WORDS]
        # Masked first and cut then: not even half a secret is shown.
        text = ", ".join(scrub(str(word), secrets)[:200] for word in words if isinstance(word, str | int))
    elif parse_error and exchange.content:
        text = f"its answer is not JSON: {parse_error}"
    return f" (HTTP {exchange.status}{': ' + text if text else ''})"
