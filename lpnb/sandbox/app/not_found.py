"""The 404 answer, with the closest route there is."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from lpnb.sandbox.app.openapi import PATH as OPENAPI_PATH
from lpnb.sandbox.app.routes import SERVICE_ROUTES
from lpnb.sandbox.control import http_api  # noqa: F401 - for the routes that it registers
from lpnb.sandbox.control.control_route import CONTROL_PATH, CONTROL_ROUTES
from lpnb.sandbox.http.messages import Answer, Request, error_answer, truncate

# Below this two paths have nothing to do with each other.
_LEAST_SIMILARITY = 0.7
_MAX_COMPARED = 300

# APIs of LivePerson that the sandbox does not serve, by how their paths begin.
_UNSERVED = (
    (
        r"/api/account/[^/]+/monitoring/visitors/[^/]+/visits/current/events",
        "the Engagement Attributes API (server-side SDEs)",
    ),
    (
        r"/api/account/[^/]+/configuration/",
        "the configuration APIs (skills, campaigns, users)",
    ),
    (r"/ws_api/", "the WebSocket Messaging Window API"),
    (r"/messaging/v1/", "the Messaging REST API"),
    (r"/interaction_history/", "the Engagement History API of live chat"),
    (
        r"/messaging_history/api/account/[^/]+/(?!conversations/)",
        "this part of msgHist",
    ),
    (r"/operations/|/data_access/", "the reporting APIs"),
    (r"/api/account/[^/]+/messages\b|/connect-to-messaging|/c2m", "Connect To Messaging"),
    (r"/api/account/[^/]+/(?:chat|visit)\b", "the Chat Window API"),
)

_SERVICE_PATHS = tuple((service.method, service.path) for service in SERVICE_ROUTES)
_CONTROL_PATHS = tuple((control.method, CONTROL_PATH + control.path) for control in CONTROL_ROUTES)


def not_found(request: Request) -> Answer:
    """404.

    >>> not_found(Request("GET", "/_lpnb/statos")).body.decode()
    '{"error":"Nothing is served at \\'/_lpnb/statos\\'. Did you mean GET /_lpnb/status? \
GET /_lpnb lists the control API."}'
    """
    path = request.path
    controls = path == CONTROL_PATH or path.startswith(f"{CONTROL_PATH}/")
    route = _closest_route(request, _CONTROL_PATHS if controls else _SERVICE_PATHS)
    hint = "" if route is None else f" Did you mean {route}?"
    lists = (
        f"GET {CONTROL_PATH} lists the control API." if controls else f"GET {OPENAPI_PATH} lists every path."
    )
    for pattern, name in _UNSERVED:
        if re.match(pattern, path[:_MAX_COMPARED]):
            sentence = f"The sandbox does not serve {name}, so there is nothing at {truncate(path)!r}."
            return error_answer(404, f"{sentence} {lists}")
    return error_answer(404, f"Nothing is served at {truncate(path)!r}.{hint} {lists}")


def _closest_route(request: Request, routes: Iterable[tuple[str, str]]) -> str | None:
    """Method and path of what is most like the request's; among equals that of its own method."""
    # The time that a comparison takes grows with the square of the length.
    path = request.path[:_MAX_COMPARED]
    best: tuple[float, bool] = (_LEAST_SIMILARITY, False)
    closest = None
    for method, template in routes:
        matcher = SequenceMatcher(None, path, _fill_parameters(template, path), autojunk=False)
        if matcher.quick_ratio() < best[0]:
            continue
        likeness = (matcher.ratio(), method == request.method)
        if likeness > best:
            best, closest = likeness, f"{method} {template}"
    return closest


def _fill_parameters(template: str, path: str) -> str:
    """The template with what the path has in the places of its parameters."""
    segments = path.split("/")
    parts = template.split("/")
    return "/".join(
        segments[place] if re.fullmatch(r"{\w+}", part) and place < len(segments) else part
        for place, part in enumerate(parts)
    )
