"""``token_chain``: hosts, AppJWT and ConsumerJWS of a call, decoded: issuer, claims and time left.

Everything that a CONVERSATION call needs is fetched as for a send, and nothing is sent. No token is shown:
its header and claims are decoded, and of its signature there is only the length.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lpnb._internal import event_loop
from lpnb._internal.display import room, table_html, table_text
from lpnb._internal.redaction import MASK, Secret
from lpnb._internal.validation import check_consumer_id
from lpnb._printable import one_line
from lpnb.api.tokens import claims, header
from lpnb.client.client_base import check_client
from lpnb.errors import ServiceError

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client

_MEANING = {
    "aud": "for this account",
    "azp": "asked for by this app installation",
    "scope": "what it allows",
    "iss": "who issued it",
    "iat": "issued at",
    "exp": "good until",
    "account_id": "the account",
    "ext_consumer_id": "your id for the consumer",
    "lp_consumer_id": "the service's own id for the same consumer",
    "alg": "how it is signed",
    "kid": "with which key",
    "typ": "what it is",
}
_DATES = ("iat", "exp", "nbf")


@dataclass(frozen=True, slots=True)
class Token:
    """One token of the chain, decoded. The token itself is not here.

    ``header`` and ``claims`` are what it says; ``signature`` is the length of its last part, in characters.
    ``seconds_left`` is None for a token that never ends.
    """

    name: str
    given_by: str
    sent_as: str
    says: str
    header: Mapping[str, object]
    claims: Mapping[str, object]
    signature: int
    seconds_left: float | None = None

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Part, field, value and meaning of everything in it; times are written out, in UTC."""
        parts = (("header", self.header), ("claims", self.claims))
        rows = [
            (part, name, _value_text(name, value), _MEANING.get(name, ""))
            for part, content in parts
            for name, value in content.items()
        ]
        return [*rows, ("signature", "", f"{MASK} ({self.signature} characters)", "never shown")]


@dataclass(frozen=True, slots=True)
class TokenChain:
    """What a call for one consumer carries, and where each part came from."""

    hosts: Mapping[str, str]
    tokens: tuple[Token, ...] = field(repr=False)

    def __str__(self) -> str:
        parts = [table_text(("service", "host"), self.hosts.items(), room())]
        for token in self.tokens:
            parts.append(f"{one_line(_caption(token))}\n{table_text(_COLUMNS, token.rows(), room())}")
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        hosts = table_html("Hosts, by the Domain API", ("service", "host"), self.hosts.items())
        return hosts + "".join(table_html(_caption(token), _COLUMNS, token.rows()) for token in self.tokens)


_COLUMNS = ("part", "field", "value", "meaning")


def token_chain(client: Client | AsyncClient, consumer_id: str) -> TokenChain:
    """Fetch what a call for *consumer_id* carries, and show where it came from and what it says.

    Hosts, AppJWT and ConsumerJWS are fetched unless the client has them; no conversation is opened.

    Returns:
        A ``TokenChain``: ``hosts`` by service, and two ``tokens``. Printed it is text, in a notebook tables.

    Raises:
        InvalidValueError: It cannot be a consumer's id.
        NotSentError: A host or a token could not be had.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     chain = token_chain(client, "consumer-1")
        >>> [(token.name, token.sent_as) for token in chain.tokens]
        [('AppJWT', 'Authorization'), ('ConsumerJWS', 'X-LP-ON-BEHALF')]
        >>> chain.tokens[1].claims["ext_consumer_id"]
        'consumer-1'

    Source: Connector API, Authorization and Authentication.
    """
    check_client(client)
    check_consumer_id(consumer_id)
    event_loop.wait(client.engine.ready(consumer_id))
    engine = client.engine
    app_jwt, consumer_jws = engine.app_jwt, engine.consumer_jws(consumer_id)
    if app_jwt is None or consumer_jws is None:  # another caller's 401 came in between
        raise ServiceError("A token was refused meanwhile. Ask for the chain again.")
    seconds_left = round(app_jwt.renew_at - time.monotonic(), 1)
    app = _token(
        "AppJWT",
        "Sentinel",
        "Authorization",
        "which connector is calling",
        app_jwt.token,
        max(seconds_left, 0.0),
    )
    says = "for which consumer it calls"
    return TokenChain(
        engine.origins, (app, _token("ConsumerJWS", "the IDP", "X-LP-ON-BEHALF", says, consumer_jws))
    )


def _token(
    name: str, given_by: str, sent_as: str, says: str, token: Secret, seconds_left: float | None = None
) -> Token:
    signature = len(token.reveal().rpartition(".")[2])
    return Token(name, given_by, sent_as, says, header(token), claims(token), signature, seconds_left)


def _caption(token: Token) -> str:
    end_text = "never ends"
    if token.seconds_left is not None:
        end_text = f"is renewed in {token.seconds_left / 60:.0f} minutes"
    return f"{token.name}, from {token.given_by}: says {token.says}, travels as {token.sent_as}, {end_text}"


def _value_text(name: str, value: object) -> str:
    if name in _DATES and isinstance(value, int | float) and 0 < value < 4e9:
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return str(value)
