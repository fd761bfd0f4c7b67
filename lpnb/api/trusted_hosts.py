"""Which hosts may be sent a token.

Everything the Domain API says is checked here before the first token is asked for: a wrong answer, from
a captive portal, a mistyped account or a hostile network, must not carry a secret away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from lpnb._internal.display import brief
from lpnb._internal.hostnames import LOOPBACK, host_trouble
from lpnb.errors import UntrustedHostError
from lpnb.settings import Settings

#: Domains that are LivePerson's own. Every host name in its documentation is below one of them.
LIVEPERSON_DOMAINS = ("liveperson.net", "lpsnmedia.net")


def trusted_origins(rows: Sequence[Any], settings: Settings, services: Sequence[str]) -> dict[str, str]:
    """Check the Domain API's rows for *services* and return the origin of each.

    Rows for services that lpnb never talks to are left alone.

    Raises:
        UntrustedHostError: A host may not be sent a token, rows disagree, or it is another account's.
    """
    origin_for = _loopback_origin if settings.on_loopback else _public_origin
    hosts: dict[str, str] = {}
    for row in rows:
        if not isinstance(row, Mapping) or row.get("service") not in services:
            continue
        service = str(row["service"])
        account = row.get("account", settings.account_id)
        if str(account) != settings.account_id:
            raise UntrustedHostError(
                f"The Domain API answered for account {brief(account)} in place of {settings.account_id}."
            )
        origin = origin_for(row.get("baseURI"), service, settings)
        if hosts.setdefault(service, origin) != origin:
            raise UntrustedHostError(
                f"The Domain API names two hosts for {service}: {hosts[service]!r} and {origin!r}."
            )
    return hosts


def origin_of(base_uri: object, service: str, settings: Settings) -> str:
    """Return the origin of *service*, given the ``baseURI`` that the Domain API named.

    A Domain API on loopback may name only its own origin. Any other must name a host (a lower-case
    ASCII name, no scheme, user, path or number) under LivePerson's domains, or one listed in
    ``LP_TRUSTED_HOSTS``; it is spoken to over https.

    Raises:
        UntrustedHostError: When it names anything else.

    Example:
        >>> settings = Settings("12345678", "id", "secret")
        >>> origin_of("va.msg.liveperson.net", "asyncMessagingEnt", settings)
        'https://va.msg.liveperson.net'
        >>> origin_of("va.msg.liveperson.net.evil.example", "asyncMessagingEnt", settings)
        Traceback (most recent call last):
        lpnb.errors.UntrustedHostError: The Domain API names 'va.msg.liveperson.net.evil.example' for asyncMessagingEnt, which is neither under liveperson.net or lpsnmedia.net nor listed in LP_TRUSTED_HOSTS. Nothing was sent there.
    """  # noqa: E501
    return (_loopback_origin if settings.on_loopback else _public_origin)(base_uri, service, settings)


def _loopback_origin(base_uri: object, service: str, settings: Settings) -> str:
    loopback = urlsplit(settings.domain_api)
    if base_uri == loopback.netloc:
        return settings.domain_api
    reason = f"and a Domain API on this machine may name only itself, {loopback.netloc!r}"
    address = urlsplit(f"//{base_uri}") if re.fullmatch(r"[a-z0-9.]+:[0-9]{1,5}", str(base_uri)) else None
    if address is not None and address.hostname in LOOPBACK and address.port == loopback.port:
        reason += f"; write LP_DOMAIN_API={loopback.scheme}://{base_uri}"
    raise _refusal(base_uri, service, reason)


def _public_origin(base_uri: object, service: str, settings: Settings) -> str:
    if not isinstance(base_uri, str):
        raise _refusal(base_uri, service, "which is not a host name")
    if trouble := host_trouble(base_uri):
        raise _refusal(base_uri, service, f"which {trouble}")
    if base_uri in settings.trusted_hosts:
        return f"https://{base_uri}"
    name, colon, port = base_uri.partition(":")
    is_liveperson = any(name.endswith(f".{domain}") for domain in LIVEPERSON_DOMAINS)
    if not is_liveperson or (colon and port != "443"):
        domains = " or ".join(LIVEPERSON_DOMAINS)
        reason = f"which is neither under {domains} nor listed in LP_TRUSTED_HOSTS"
        raise _refusal(base_uri, service, "which has a port of its own" if is_liveperson else reason)
    return f"https://{name}"


def _refusal(base_uri: object, service: str, reason: str) -> UntrustedHostError:
    return UntrustedHostError(
        f"The Domain API names {brief(base_uri)} for {service}, {reason}. Nothing was sent there."
    )
