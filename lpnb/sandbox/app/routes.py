"""The table of routes: route name, method, path and the service that answers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module

from lpnb.sandbox.http.messages import Answer, Request
from lpnb.sandbox.route_names import RouteName
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services import conversation, domain_api, file_store, idp, send, sentinel
from lpnb.sandbox.services.event_rules import MAX_FILE_BYTES

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


def _on_demand(module: str, name: str) -> Handler:
    """The handler *name* of a service that is loaded when it is first asked: a short run does not ask it."""

    def answer(cloud: Cloud, request: Request) -> Answer:
        handler: Handler = getattr(import_module(f"lpnb.sandbox.services.{module}"), name)
        return handler(cloud, request)

    return answer


_agent_login = partial(_on_demand, "agent_login")
_history = partial(_on_demand, "history.search")
_monitoring = partial(_on_demand, "monitoring")

_ACCOUNT = "/api/account/{account_id}"
_SERVICE = f"{_ACCOUNT}/service"
_TOKEN = "account/{account_id}/app/token"  # noqa: S105 - a path
_CONVERSATION = f"{_ACCOUNT}/messaging/consumer/conversation"
_APP = f"{_ACCOUNT}/app/{{app_id}}"
_FILE = "/v1/AUTH_async-images/{account_id}/{name}"
_HISTORY = f"/messaging_history{_ACCOUNT}/conversations"
_CONTEXT = (
    f"{_ACCOUNT}/monitoring/visitors/{{visitor_id}}/visits/current/campaigns/{{campaign_id}}"
    "/engagements/{engagement_id}/contexts/{context_id}"
)

SERVICE_ROUTES = (
    ServiceRoute("domain", "GET", f"{_SERVICE}/{{service}}/baseURI.json", domain_api.answer_single),
    ServiceRoute("domain", "GET", f"{_SERVICE}/{{service}}/baseURI", domain_api.answer_single),
    ServiceRoute("domain", "GET", f"{_SERVICE}/baseURI.json", domain_api.answer_list),
    ServiceRoute("domain", "GET", f"{_SERVICE}/baseURI", domain_api.answer_list),
    ServiceRoute("domain", "GET", "/csdr/account/{account_id}/service/baseURI.json", domain_api.answer_list),
    ServiceRoute("sentinel", "POST", f"/sentinel/api/{_TOKEN}", sentinel.answer_v1),
    ServiceRoute("sentinel", "POST", f"/sentinel/api/v2/{_TOKEN}", sentinel.answer_v2),
    ServiceRoute("jwks", "GET", "/sentinel/well-known/jwks", sentinel.answer_keys),
    ServiceRoute("idp", "POST", f"{_ACCOUNT}/consumer", idp.answer),
    ServiceRoute("conversation", "POST", _CONVERSATION, conversation.answer),
    ServiceRoute("send", "POST", f"{_CONVERSATION}/send", send.answer),
    # A little more than a file may have, so that a file too long is told what the limit is.
    ServiceRoute("upload", "PUT", _FILE, file_store.answer_put, body_bytes=MAX_FILE_BYTES + 64 * 1024),
    ServiceRoute("download", "GET", _FILE, file_store.answer_get),
    ServiceRoute("engagement", "POST", f"{_APP}/engagement", _monitoring("answer_engagement")),
    ServiceRoute("report", "PUT", f"{_APP}/report", _monitoring("answer_report")),
    ServiceRoute("report", "POST", f"{_APP}/report", _monitoring("answer_report")),
    ServiceRoute("login", "POST", f"{_ACCOUNT}/login", _agent_login("answer")),
    ServiceRoute("refresh", "POST", f"{_ACCOUNT}/refresh", _agent_login("answer_refresh")),
    ServiceRoute("logout", "POST", f"{_ACCOUNT}/logout", _agent_login("answer_logout")),
    ServiceRoute("history", "POST", f"{_HISTORY}/conversation/search", _history("answer_conversation")),
    ServiceRoute("history", "POST", f"{_HISTORY}/consumer/search", _history("answer_consumer")),
    ServiceRoute("history", "POST", f"{_HISTORY}/search", _history("answer_filters")),
    ServiceRoute("validate", "GET", _CONTEXT, _monitoring("answer_validate")),
)
