"""Credentials for history: an application's token (OAuth 2), an agent's bearer, or an OAuth 1 API key.

The signing itself is authlib's. Nothing here decides what is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from lpnb._internal.redaction import NO_SECRET, Secret, scrub
from lpnb.errors import CredentialsError, ServiceError
from lpnb.settings import Settings
from lpnb.transport.protocol import Exchange, Flow, Request, Sleep, content_of
from lpnb.transport.retries import with_retries

_BEARER = re.compile(r"[\x21-\x7e]{1,16384}\Z")
_WORDS = ("error", "error_description", "errorCode", "internalErrorCode", "message", "errorMessage")


@dataclass(frozen=True, slots=True)
class HistoryWay:
    """One way into history: how a request is authorised, and whose credentials it takes.

    ``kind`` is "application" (OAuth 2, a token of Sentinel V2), "agent" (a bearer of the agent login) or
    "api key" (an OAuth 1 signature). ``whose`` says it in words, ``settings_names`` which settings name it.
    """

    kind: Literal["application", "agent", "api key"]
    whose: str
    settings_names: str
    client_id: str = ""
    client_secret: Secret = NO_SECRET

    @property
    def takes_bearer(self) -> bool:
        """Whether it sends a token that has to be fetched first."""
        return self.kind != "api key"


def history_ways(settings: Settings) -> tuple[HistoryWay, ...]:
    """Every way into history that *settings* allow, in the order in which they are tried.

    Example:
        >>> [way.whose for way in history_ways(Settings("12345678", "my-client-id", "my-secret"))]
        ["the connector's own application my-client-id"]

    Source: the history API's pages name an agent's bearer and OAuth 1. LivePerson's current code sends an
    application's own token; which scope it needs is documented nowhere that we know.
    """
    ways = []
    if settings.history_client_id:
        names = "LP_HISTORY_CLIENT_ID and LP_HISTORY_CLIENT_SECRET"
        whose = f"the application {settings.history_client_id}"
        ways.append(
            HistoryWay(
                "application", whose, names, settings.history_client_id, settings.history_client_secret
            )
        )
    if settings.agent_login:
        whose = f"the agent {settings.agent_login!r}"
        ways.append(HistoryWay("agent", whose, "LP_AGENT_LOGIN and LP_AGENT_PASSWORD"))
    if settings.history_key:
        ways.append(
            HistoryWay("api key", "the API key of LP_HISTORY_KEY", "the four LP_HISTORY_... settings")
        )
    if settings.history_client_id != settings.client_id:
        whose = f"the connector's own application {settings.client_id}"
        names = "LP_CLIENT_ID and LP_CLIENT_SECRET"
        ways.append(HistoryWay("application", whose, names, settings.client_id, settings.client_secret))
    return tuple(ways)


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


def authorization(settings: Settings, way: HistoryWay, method: str, url: str, bearer: Secret | None) -> str:
    """The ``Authorization`` of one request: a signature of its own with an API key, or the bearer.

    A JSON body is no part of an OAuth 1 signature. Source: RFC 5849, 3.4.1.3.
    """
    if way.takes_bearer:
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


def refused_bearer(way: HistoryWay) -> CredentialsError:
    """What is said when history refuses a bearer that has just been issued."""
    question = "Does the agent's profile allow reading history?"
    if way.kind == "application":
        question = "Is the application allowed to read history? Which scope that takes is not documented."
    return CredentialsError(f"Messaging Interactions refused a fresh bearer of {way.whose}. {question}")


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
                settings.client_secret,
                settings.history_client_secret,
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
