"""What the sandbox serves: which path belongs to which service."""

from collections.abc import Callable
from dataclasses import dataclass

from . import conversation, domain_api, idp, sentinel
from .cloud import Cloud
from .exchange import Answer, Request

Service = Callable[[Cloud, Request], Answer]


@dataclass(frozen=True, slots=True)
class Served:
    """One path the sandbox serves: the route's name in counters and faults, and who answers."""

    route: str
    method: str
    path: str
    answer: Service


SERVED = (
    Served(
        "domain", "GET", "/api/account/{account_id}/service/{service}/baseURI.json", domain_api.answer_single
    ),
    Served("domain", "GET", "/api/account/{account_id}/service/{service}/baseURI", domain_api.answer_single),
    Served("domain", "GET", "/api/account/{account_id}/service/baseURI.json", domain_api.answer_list),
    Served("domain", "GET", "/api/account/{account_id}/service/baseURI", domain_api.answer_list),
    Served("domain", "GET", "/csdr/account/{account_id}/service/baseURI.json", domain_api.answer_list),
    Served("sentinel", "POST", "/sentinel/api/account/{account_id}/app/token", sentinel.answer_v1),
    Served("sentinel", "POST", "/sentinel/api/v2/account/{account_id}/app/token", sentinel.answer_v2),
    Served("jwks", "GET", "/sentinel/well-known/jwks", sentinel.answer_keys),
    Served("idp", "POST", "/api/account/{account_id}/consumer", idp.answer),
    Served(
        "conversation",
        "POST",
        "/api/account/{account_id}/messaging/consumer/conversation",
        conversation.answer,
    ),
)
