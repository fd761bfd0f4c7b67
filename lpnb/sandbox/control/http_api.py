"""The control API over HTTP: faults, rate limits, clock, tokens, conversations, webhooks, reset.

Every request needs the token of this start in ``X-Sandbox-Token`` and a loopback name as Host; every
POST needs JSON. A web page has neither the token nor, without a preflight that is never granted, a
way to send it.
"""

import hmac
import logging

from starlette.routing import Route

from lpnb.sandbox.control import http_agent_actions  # noqa: F401 - for the routes that it registers
from lpnb.sandbox.control import http_views as views
from lpnb.sandbox.control.control_route import CONTROL_ROUTES, Body, ControlRoute, control
from lpnb.sandbox.control.controls import Controls
from lpnb.sandbox.endpoint import Endpoint
from lpnb.sandbox.errors import ControlError, UnknownNameError
from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.host_check import LOOPBACK_NAMES
from lpnb.sandbox.http.limits import Limits
from lpnb.sandbox.http.messages import Answer, Request, error_answer, json_answer, media_type, truncate

logger = logging.getLogger("lpnb.sandbox")

TOKEN_HEADER = "x-sandbox-token"  # noqa: S105


@control("GET", "")
def _index(_controls: Controls, _request: Request, _body: Body) -> Answer:
    """This list."""
    rows = [
        {"method": route.method, "path": route.path, "does": route.doc, "takes": list(route.members)}
        for route in sorted(CONTROL_ROUTES, key=lambda route: (route.path, route.method))
    ]
    return json_answer(200, {"controls": rows})


@control("POST", "/faults", "route fault times probability options")
def _add_fault(controls: Controls, _request: Request, body: Body) -> None:
    """Let a fault happen."""
    options = body.get("options", {})
    if not isinstance(options, dict):
        raise ControlError("options must be an object, such as {'code': 503}.")
    for name in ("route", "fault"):
        if not isinstance(body.get(name), str):
            raise ControlError(f"{name} must be a string. GET faults lists the routes and the kinds.")
    for name in ("times", "probability", "route", "fault"):
        if name in options:
            raise ControlError(f"{name} stands beside options, not in it.")
    times, probability = body.get("times", ...), body.get("probability", 1.0)
    controls.add_fault(body["route"], body["fault"], options, times, probability)


@control("POST", "/faults/clear")
def _clear_faults(controls: Controls, _request: Request, _body: Body) -> None:
    """Drop every fault still to come."""
    controls.clear_faults()


@control("POST", "/rate-limit", "rate burst retry_after body routes account_id")
def _rate_limit(controls: Controls, _request: Request, body: Body) -> None:
    """Limit an account to so many requests a second, or lift its limit."""
    if "rate" not in body:
        raise ControlError("rate is missing: requests a second, or null for no limit.")
    routes = body.get("routes")
    if routes is not None and not isinstance(routes, list):
        raise ControlError("routes must be an array of route names.")
    controls.rate_limit(
        body["rate"],
        body.get("burst"),
        retry_after=body.get("retry_after", False),
        body=body.get("body"),
        routes=routes,
        account_id=_account_id(body),
    )


def _account_id(body: Body) -> str | None:
    account_id = body.get("account_id")
    if account_id is not None and not isinstance(account_id, str):
        raise ControlError("account_id must be a string.")
    return account_id


@control("POST", "/clock", "advance set frozen")
def _clock(controls: Controls, _request: Request, body: Body) -> Answer:
    """Move, stop or start the clock."""
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


@control("POST", "/tokens/expire")
def _expire_tokens(controls: Controls, _request: Request, _body: Body) -> None:
    """Make every AppJWT issued so far invalid."""
    controls.expire_tokens()


@control("POST", "/conversations/{conversation_id}/close")
def _close(controls: Controls, request: Request, _body: Body) -> None:
    """Close a conversation."""
    controls.close_conversation(request.path_params["conversation_id"])


@control("POST", "/reset")
def _reset(controls: Controls, _request: Request, _body: Body) -> None:
    """Forget conversations, profiles, faults, limits, counters and logs; set the clock right."""
    controls.reset()


@control("POST", "/rules", None)
def _set_rules(controls: Controls, _request: Request, body: Body) -> Answer:
    """Change rules until the reset, by name, such as {"unknown_ids": "refuse"}."""
    controls.set_rules(body)
    return json_answer(200, {"rules": controls.rule_list})


@control("POST", "/agents/{agent_id}", "online account_id")
def _set_online(controls: Controls, request: Request, body: Body) -> None:
    """Let an agent come or go."""
    online = body.get("online")
    if not isinstance(online, bool):
        raise ControlError("online must be true or false.")
    controls.set_online(request.path_params["agent_id"], online, account_id=_account_id(body))


def control_routes(prefix: str, controls: Controls, token: str, limits: Limits) -> list[Route]:
    """The control API as routes below *prefix*, one for each path."""
    paths = {route.path: _ControlEndpoint(route.path, controls, token, limits) for route in CONTROL_ROUTES}
    routes = [Route(prefix + path, endpoint) for path, endpoint in paths.items()]
    # Many clients put a slash behind a base address.
    return [*routes, Route(f"{prefix}/", paths[""])]


class _ControlEndpoint(Endpoint):
    """One path of the control API as an ASGI application."""

    def __init__(self, path: str, controls: Controls, token: str, limits: Limits) -> None:
        super().__init__(controls.unstored, limits)
        self._by_method = {route.method: route for route in CONTROL_ROUTES if route.path == path}
        self._controls = controls
        self._token = token.encode()

    def _answer(self, request: Request) -> Answer:
        host = (request.header("host") or "").strip().lower()
        if host.endswith(".liveperson.net") or ".liveperson.net:" in host:
            names = ", ".join(LOOPBACK_NAMES)
            return error_answer(
                403, f"Host {truncate(host)!r} is refused: the control API answers to {names}."
            )
        token = (request.header(TOKEN_HEADER) or "").encode("latin-1", "replace")
        if not hmac.compare_digest(token, self._token):
            return error_answer(
                401,
                "Send the token of this start in X-Sandbox-Token. It is `control_token` in the line the "
                "sandbox prints when it is ready, and on the Sandbox object.",
            )
        route = self._by_method.get(request.method)
        if route is None:
            methods = ", ".join(self._by_method)
            return error_answer(405, f"Send {methods} here.", headers=(("allow", methods),))
        try:
            return route.answer(self._controls, request, _read_body(route, request))
        except ControlError as error:
            return error_answer(400, str(error))
        except UnknownNameError as error:
            return error_answer(404, str(error.args[0]))
        except Exception:
            logger.exception("The sandbox failed to answer %s %s", request.method, truncate(request.path))
            return error_answer(
                500, "The sandbox itself failed; this is a fault of the sandbox, not of the request."
            )


def _read_body(route: ControlRoute, request: Request) -> Body:
    if route.method == "GET":
        return {}
    if media_type(request) != "application/json":
        content_type = media_type(request) or "none"
        raise ControlError(f"Send Content-Type: application/json; got {truncate(content_type)}.")
    try:
        body = strict_json.read(request.body or b"{}")
    except strict_json.StrictJsonError as error:
        raise ControlError(str(error)) from None
    if not isinstance(body, dict):
        raise ControlError("Send a JSON object; {} is enough where nothing is needed.")
    if route.takes is not None and (unknown := [name for name in body if name not in route.takes]):
        takes = ", ".join(repr(name) for name in route.takes) or "nothing"
        raise ControlError(f"{truncate(unknown[0], 40)!r} is not known here; this takes {takes}.")
    return body
