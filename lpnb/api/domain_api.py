"""The Domain API: which host serves which service of an account.

Hosts are looked up, never hard-coded, and every one that is used has passed ``trusted_hosts`` first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lpnb.api.trusted_hosts import trusted_origins
from lpnb.errors import ServiceError
from lpnb.settings import Settings
from lpnb.transport.protocol import Exchange, Flow, Request, Sleep, content_of
from lpnb.transport.retries import with_retries

#: What CONVERSATION needs: messaging, the AppJWT, the ConsumerJWS.
NEEDED_SERVICES = ("asyncMessagingEnt", "sentinel", "idp")
#: What lpnb may use besides; looked at only when it is there.
KNOWN_SERVICES = (
    *NEEDED_SERVICES,
    "smt",
    "swift",
    "msgHist",
    "agentVep",
    "accountConfigReadWrite",
    "accountConfigReadOnly",
)


def find_domains(settings: Settings, wait: Callable[[float], Sleep | None] = Sleep) -> Flow[dict[str, str]]:
    """Ask for all services at once; return the origin of each one that lpnb knows.

    A service that CONVERSATION needs and the list leaves out is asked for by name.

    Raises:
        UntrustedHostError: A host may not be sent a token, rows disagree, or it is another account's.
        ServiceError: The Domain API cannot be reached or does not answer in a shape that is known.

    Source: Domain API. Both the list and the flat record have been seen for the single form.
    """
    exchange = yield from with_retries(lambda: _request(settings, None), "Domain API", wait)
    hosts = trusted_origins(_rows(exchange, None), settings, KNOWN_SERVICES)
    for service in NEEDED_SERVICES:
        if service not in hosts:
            hosts[service] = yield from find_domain(settings, service, wait)
    return hosts


def find_domain(settings: Settings, service: str, wait: Callable[[float], Sleep | None] = Sleep) -> Flow[str]:
    """Ask which host serves *service*, and return its origin.

    Raises:
        UntrustedHostError: The host may not be sent a token.
        ServiceError: No host is named, or the Domain API does not answer.
    """
    exchange = yield from with_retries(lambda: _request(settings, service), "Domain API", wait)
    hosts = trusted_origins(_rows(exchange, service), settings, (service,))
    if service not in hosts:
        raise ServiceError(f"The Domain API names no host for {service} on account {settings.account_id}.")
    return hosts[service]


def _request(settings: Settings, service: str | None) -> Request:
    part = "" if service is None else f"/{service}"
    path = f"/api/account/{settings.account_id}/service{part}/baseURI.json"
    return Request("GET", settings.domain_api + path, params={"version": "1.0"})


def _rows(exchange: Exchange, service: str | None) -> Sequence[Any]:
    reply, parse_error = content_of(exchange)
    if isinstance(reply, Mapping):
        rows = reply.get("baseURIs", reply.get("baseURIS"))
        if isinstance(rows, list):
            return rows
        if isinstance(rows, Mapping):
            return [rows]
        if "baseURI" in reply:
            return [{"service": service, **reply}]
    if isinstance(reply, list):
        return reply
    reason = parse_error or "it holds neither baseURIs nor baseURI"
    raise ServiceError(f"The Domain API's answer cannot be read: {reason}. Is LP_DOMAIN_API right?")
