"""The control API over HTTP: faults, rate limits, clock, tokens, conversations, webhooks, reset.

Every request needs the token of this start in ``X-Sandbox-Token`` and a loopback name as Host; every
POST needs JSON. A web page has neither the token nor, without a preflight that is never granted, a
way to send it.
"""

import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from lpnb.sandbox.control import http_agent_actions as agents
from lpnb.sandbox.control import http_views as views
from lpnb.sandbox.control.controls import Controls
from lpnb.sandbox.errors import ControlError, UnknownNameError
from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.asgi import send_answer
from lpnb.sandbox.http.host_check import LOOPBACK_NAMES
from lpnb.sandbox.http.limits import Limits
from lpnb.sandbox.http.messages import Answer, Request, error_answer, json_answer, media_type, truncate
from lpnb.sandbox.http.request_body import read_body
from lpnb.sandbox.state.durable import wait_until_stored
from lpnb.sandbox.world.rules import RULE_NAMES

logger = logging.getLogger("lpnb.sandbox")

CONTROL_PATH = "/_lpnb"
TOKEN_HEADER = "x-sandbox-token"  # noqa: S105

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ControlRoute:
    """One thing to look at or to do. ``takes`` names the members of a POST's body; None is any rule."""

    method: str
    path: str
    doc: str
    answer: Callable[[Controls, Request, Body], Answer]
    takes: tuple[str, ...] | None = ()

    @property
    def members(self) -> tuple[str, ...]:
        """The members that a body may have."""
        return RULE_NAMES if self.takes is None else self.takes


def _done() -> Answer:
    return json_answer(200, {"done": True})


def _add_fault(controls: Controls, _request: Request, body: Body) -> Answer:
    options = body.get("options", {})
    if not isinstance(options, dict):
        raise ControlError("options must be an object, such as {'code': 503}.")
    for name in ("route", "fault"):
        if not isinstance(body.get(name), str):
            raise ControlError(f"{name} must be a string. GET faults lists the routes and the kinds.")
    for name in ("times", "probability", "route", "fault"):
        if name in options:
            raise ControlError(f"{name} stands beside options, not in it.")
    controls.add_fault(
        body["route"], body["fault"], options, body.get("times", ...), body.get("probability", 1.0)
    )
    return _done()


def _clear_faults(controls: Controls, _request: Request, _body: Body) -> Answer:
    controls.clear_faults()
    return _done()


def _rate_limit(controls: Controls, _request: Request, body: Body) -> Answer:
    if "rate" not in body:
        raise ControlError("rate is missing: requests a second, or null for no limit.")
    routes = body.get("routes")
    if routes is not None and not isinstance(routes, list):
        raise ControlError("routes must be an array of route names.")
    account_id = body.get("account_id")
    if account_id is not None and not isinstance(account_id, str):
        raise ControlError("account_id must be a string.")
    controls.rate_limit(
        body["rate"],
        body.get("burst"),
        retry_after=body.get("retry_after", False),
        body=body.get("body"),
        routes=routes,
        account_id=account_id,
    )
    return _done()


def _clock(controls: Controls, _request: Request, body: Body) -> Answer:
    if len(body) != 1:
        raise ControlError('Send one of {"advance": seconds}, {"set": epoch}, {"frozen": true or false}.')
    ((what, value),) = body.items()
    if what == "advance":
        controls.advance(value)
    elif what == "set":
        controls.set_clock(value)
    elif value is True:
        controls.freeze_clock()
    elif value is False:
        controls.run_clock()
    else:
        raise ControlError("frozen must be true or false.")
    return json_answer(200, views.clock(controls))


def _expire_tokens(controls: Controls, _request: Request, _body: Body) -> Answer:
    controls.expire_tokens()
    return _done()


def _close(controls: Controls, request: Request, _body: Body) -> Answer:
    controls.close_conversation(request.path_params["conversation_id"])
    return _done()


def _reset(controls: Controls, _request: Request, _body: Body) -> Answer:
    controls.reset()
    return _done()


def _set_rules(controls: Controls, _request: Request, body: Body) -> Answer:
    controls.set_rules(body)
    return json_answer(200, {"rules": controls.rule_list})


def _set_online(controls: Controls, request: Request, body: Body) -> Answer:
    online, account_id = body.get("online"), body.get("account_id")
    if not isinstance(online, bool):
        raise ControlError("online must be true or false.")
    if account_id is not None and not isinstance(account_id, str):
        raise ControlError("account_id must be a string.")
    controls.set_online(request.path_params["agent_id"], online, account_id=account_id)
    return _done()


def _index(_controls: Controls, _request: Request, _body: Body) -> Answer:
    rows = [
        {
            "method": control.method,
            "path": control.path,
            "does": control.doc,
            "takes": list(control.members),
        }
        for control in CONTROL_ROUTES
    ]
    return json_answer(200, {"controls": rows})


CONTROL_ROUTES = (
    ControlRoute("GET", "", "This list.", _index),
    ControlRoute(
        "GET", "/status", "Account, clock, counters, limits, and how much there is of what.", views.status
    ),
    ControlRoute(
        "GET",
        "/requests",
        "The request log, oldest first; filters: route, method, status, consumer, fault, since; and limit, "
        "for the latest.",
        views.requests,
    ),
    ControlRoute("GET", "/faults", "Faults still to come, and the routes and kinds there are.", views.faults),
    ControlRoute("GET", "/faults/log", "Faults that happened, a line of JSON each.", views.fault_log),
    ControlRoute(
        "POST",
        "/faults",
        "Let a fault happen.",
        _add_fault,
        ("route", "fault", "times", "probability", "options"),
    ),
    ControlRoute("POST", "/faults/clear", "Drop every fault still to come.", _clear_faults),
    ControlRoute(
        "POST",
        "/rate-limit",
        "Limit an account to so many requests a second, or lift its limit.",
        _rate_limit,
        ("rate", "burst", "retry_after", "body", "routes", "account_id"),
    ),
    ControlRoute("GET", "/rules", "Every rule: value, default, choices, and what is known.", views.rules),
    ControlRoute(
        "POST",
        "/rules",
        'Change rules until the reset, by name, such as {"unknown_ids": "refuse"}.',
        _set_rules,
        None,
    ),
    ControlRoute(
        "POST", "/agents/{agent_id}", "Let an agent come or go.", _set_online, ("online", "account_id")
    ),
    ControlRoute("POST", "/clock", "Move, stop or start the clock.", _clock, ("advance", "set", "frozen")),
    ControlRoute("POST", "/tokens/expire", "Make every AppJWT issued so far invalid.", _expire_tokens),
    ControlRoute(
        "GET",
        "/conversations",
        "Every conversation remembered, oldest first; filters: state, consumer; and limit, for the latest.",
        views.conversations,
    ),
    ControlRoute(
        "GET",
        "/conversations/{conversation_id}",
        "One conversation in full: request, profile, messages, routing trace.",
        views.conversation,
    ),
    ControlRoute("POST", "/conversations/{conversation_id}/close", "Close a conversation.", _close),
    ControlRoute(
        "POST",
        "/conversations/{conversation_id}/agent",
        'Do something as an agent, one verb at a time, such as {"says": "Hello"}.',
        agents.agent_action,
        agents.VERBS,
    ),
    ControlRoute("GET", "/webhooks", "How webhooks fared, and the last thousand tries.", agents.webhooks),
    ControlRoute(
        "POST",
        "/webhooks",
        "Post webhooks of all kinds or of one to this URL, or to none.",
        agents.set_webhook,
        ("url", "kind", "client_id", "account_id"),
    ),
    ControlRoute(
        "POST",
        "/webhooks/faults",
        "Lose, duplicate or reorder the next webhooks.",
        agents.fail_webhooks,
        ("fault", "times"),
    ),
    ControlRoute(
        "POST",
        "/reset",
        "Forget conversations, profiles, faults, limits, counters and logs; set the clock right.",
        _reset,
    ),
)


def control_routes(prefix: str, controls: Controls, token: str, limits: Limits) -> list[Route]:
    """The control API as routes below *prefix*, one for each path."""
    paths = {
        control.path: _ControlEndpoint(control.path, controls, token, limits) for control in CONTROL_ROUTES
    }
    routes = [Route(prefix + path, endpoint) for path, endpoint in paths.items()]
    # Many clients put a slash behind a base address.
    return [*routes, Route(f"{prefix}/", paths[""])]


class _ControlEndpoint:
    """One path of the control API as an ASGI application."""

    def __init__(self, path: str, controls: Controls, token: str, limits: Limits) -> None:
        self._by_method = {control.method: control for control in CONTROL_ROUTES if control.path == path}
        self._controls = controls
        self._token = token.encode()
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request: Request = scope["state"]["request"]
        request.path_params = scope["path_params"]
        body = await read_body(request, receive, self._limits)
        if body is None:
            return
        if isinstance(body, Answer):
            await send_answer(body, send)
            return
        request.body = body
        answer = self._answer(request)
        if request.method == "POST":
            answer = await wait_until_stored(self._controls.unstored()) or answer
        await send_answer(answer, send)

    def _answer(self, request: Request) -> Answer:
        host = (request.header("host") or "").strip().lower()
        if host.endswith(".liveperson.net") or ".liveperson.net:" in host:
            names = ", ".join(LOOPBACK_NAMES)
            return error_answer(
                403, f"Host {truncate(host)!r} is refused: the control API answers to {names}."
            )
        received = (request.header(TOKEN_HEADER) or "").encode("latin-1", "replace")
        if not hmac.compare_digest(received, self._token):
            return error_answer(
                401,
                "Send the token of this start in X-Sandbox-Token. It is `control_token` in the line the "
                "sandbox prints when it is ready, and on the Sandbox object.",
            )
        control = self._by_method.get(request.method)
        if control is None:
            allowed = ", ".join(self._by_method)
            return error_answer(405, f"Send {allowed} here.", headers=(("allow", allowed),))
        try:
            body = _read_body(control, request)
            return control.answer(self._controls, request, body)
        except ControlError as error:
            return error_answer(400, str(error))
        except UnknownNameError as error:
            return error_answer(404, str(error.args[0]))
        except Exception:
            logger.exception("The sandbox failed to answer %s %s", request.method, truncate(request.path))
            return error_answer(
                500, "The sandbox itself failed; this is a fault of the sandbox, not of the request."
            )


def _read_body(control: ControlRoute, request: Request) -> Body:
    if control.method == "GET":
        return {}
    if media_type(request) != "application/json":
        received = media_type(request) or "none"
        raise ControlError(f"Send Content-Type: application/json; got {truncate(received)}.")
    try:
        body = strict_json.read(request.body or b"{}")
    except strict_json.StrictJsonError as error:
        raise ControlError(str(error)) from None
    if not isinstance(body, dict):
        raise ControlError("Send a JSON object; {} is enough where nothing is needed.")
    if control.takes is not None and (unknown := [name for name in body if name not in control.takes]):
        takes = ", ".join(repr(name) for name in control.takes) or "nothing"
        raise ControlError(f"{truncate(unknown[0], 40)!r} is not known here; this takes {takes}.")
    return body
