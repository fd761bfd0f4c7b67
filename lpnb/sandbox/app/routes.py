"""What the sandbox serves: which path belongs to which service."""

from collections.abc import Callable
from dataclasses import dataclass

from lpnb.sandbox.cloud import Cloud
from lpnb.sandbox.http.messages import Answer, Request
from lpnb.sandbox.route_names import RouteName
from lpnb.sandbox.services import (
    agent_login,
    conversation,
    domain_api,
    file_store,
    idp,
    monitoring,
    send,
    sentinel,
)
from lpnb.sandbox.services.event_rules import LARGEST_FILE
from lpnb.sandbox.services.history import search

Service = Callable[[Cloud, Request], Answer]


@dataclass(frozen=True, slots=True)
class Served:
    """One path the sandbox serves: the route's name in counters and faults, and who answers."""

    route: RouteName
    method: str
    path: str
    answer: Service
    body_bytes: int | None = None
    """How long a body may be, where the sandbox's own limit is too small."""


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
    Served("send", "POST", "/api/account/{account_id}/messaging/consumer/conversation/send", send.answer),
    Served(
        "upload",
        "PUT",
        "/v1/AUTH_async-images/{account_id}/{name}",
        file_store.answer_put,
        # A little more than a file may have, so that a file too long is told what the limit is.
        body_bytes=LARGEST_FILE + 64 * 1024,
    ),
    Served("download", "GET", "/v1/AUTH_async-images/{account_id}/{name}", file_store.answer_get),
    Served(
        "engagement",
        "POST",
        "/api/account/{account_id}/app/{app_id}/engagement",
        monitoring.answer_engagement,
    ),
    Served("report", "PUT", "/api/account/{account_id}/app/{app_id}/report", monitoring.answer_report),
    Served("report", "POST", "/api/account/{account_id}/app/{app_id}/report", monitoring.answer_report),
    Served("login", "POST", "/api/account/{account_id}/login", agent_login.answer),
    Served(
        "history",
        "POST",
        "/messaging_history/api/account/{account_id}/conversations/conversation/search",
        search.answer_conversation,
    ),
    Served(
        "history",
        "POST",
        "/messaging_history/api/account/{account_id}/conversations/consumer/search",
        search.answer_consumer,
    ),
    Served(
        "history",
        "POST",
        "/messaging_history/api/account/{account_id}/conversations/search",
        search.answer_filters,
    ),
    Served(
        "validate",
        "GET",
        "/api/account/{account_id}/monitoring/visitors/{visitor_id}/visits/current/campaigns/{campaign_id}"
        "/engagements/{engagement_id}/contexts/{context_id}",
        monitoring.answer_validate,
    ),
)
