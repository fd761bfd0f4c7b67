"""The table of routes: route name, method, path and the service that answers."""

from collections.abc import Callable
from dataclasses import dataclass

from lpnb.sandbox.http.messages import Answer, Request
from lpnb.sandbox.route_names import RouteName
from lpnb.sandbox.service_context import Cloud
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
from lpnb.sandbox.services.event_rules import MAX_FILE_BYTES
from lpnb.sandbox.services.history import search

Handler = Callable[[Cloud, Request], Answer]


@dataclass(frozen=True, slots=True)
class ServiceRoute:
    """One path the sandbox serves: the route's name in counters and faults, and who answers."""

    route: RouteName
    method: str
    path: str
    answer: Handler
    body_bytes: int | None = None
    """How long a body may be, where the sandbox's own limit is too small."""


SERVICE_ROUTES = (
    ServiceRoute(
        "domain", "GET", "/api/account/{account_id}/service/{service}/baseURI.json", domain_api.answer_single
    ),
    ServiceRoute(
        "domain", "GET", "/api/account/{account_id}/service/{service}/baseURI", domain_api.answer_single
    ),
    ServiceRoute("domain", "GET", "/api/account/{account_id}/service/baseURI.json", domain_api.answer_list),
    ServiceRoute("domain", "GET", "/api/account/{account_id}/service/baseURI", domain_api.answer_list),
    ServiceRoute("domain", "GET", "/csdr/account/{account_id}/service/baseURI.json", domain_api.answer_list),
    ServiceRoute("sentinel", "POST", "/sentinel/api/account/{account_id}/app/token", sentinel.answer_v1),
    ServiceRoute("sentinel", "POST", "/sentinel/api/v2/account/{account_id}/app/token", sentinel.answer_v2),
    ServiceRoute("jwks", "GET", "/sentinel/well-known/jwks", sentinel.answer_keys),
    ServiceRoute("idp", "POST", "/api/account/{account_id}/consumer", idp.answer),
    ServiceRoute(
        "conversation",
        "POST",
        "/api/account/{account_id}/messaging/consumer/conversation",
        conversation.answer,
    ),
    ServiceRoute(
        "send", "POST", "/api/account/{account_id}/messaging/consumer/conversation/send", send.answer
    ),
    ServiceRoute(
        "upload",
        "PUT",
        "/v1/AUTH_async-images/{account_id}/{name}",
        file_store.answer_put,
        # A little more than a file may have, so that a file too long is told what the limit is.
        body_bytes=MAX_FILE_BYTES + 64 * 1024,
    ),
    ServiceRoute("download", "GET", "/v1/AUTH_async-images/{account_id}/{name}", file_store.answer_get),
    ServiceRoute(
        "engagement",
        "POST",
        "/api/account/{account_id}/app/{app_id}/engagement",
        monitoring.answer_engagement,
    ),
    ServiceRoute("report", "PUT", "/api/account/{account_id}/app/{app_id}/report", monitoring.answer_report),
    ServiceRoute("report", "POST", "/api/account/{account_id}/app/{app_id}/report", monitoring.answer_report),
    ServiceRoute("login", "POST", "/api/account/{account_id}/login", agent_login.answer),
    ServiceRoute("refresh", "POST", "/api/account/{account_id}/refresh", agent_login.answer_refresh),
    ServiceRoute("logout", "POST", "/api/account/{account_id}/logout", agent_login.answer_logout),
    ServiceRoute(
        "history",
        "POST",
        "/messaging_history/api/account/{account_id}/conversations/conversation/search",
        search.answer_conversation,
    ),
    ServiceRoute(
        "history",
        "POST",
        "/messaging_history/api/account/{account_id}/conversations/consumer/search",
        search.answer_consumer,
    ),
    ServiceRoute(
        "history",
        "POST",
        "/messaging_history/api/account/{account_id}/conversations/search",
        search.answer_filters,
    ),
    ServiceRoute(
        "validate",
        "GET",
        "/api/account/{account_id}/monitoring/visitors/{visitor_id}/visits/current/campaigns/{campaign_id}"
        "/engagements/{engagement_id}/contexts/{context_id}",
        monitoring.answer_validate,
    ),
)
