"""What a path gets where nothing is served: the nearest one that is, and where all of them are listed."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from lpnb.sandbox.app.openapi import PATH as OPENAPI_PATH
from lpnb.sandbox.app.routes import SERVED
from lpnb.sandbox.control.api import CONTROL_PATH, CONTROLS
from lpnb.sandbox.http.messages import Answer, Request, shortened, teach

# Below this two paths have nothing to do with each other.
_NEAR = 0.7
_LONGEST = 300

_SERVED = tuple((served.method, served.path) for served in SERVED)
_CONTROLS = tuple((control.method, CONTROL_PATH + control.path) for control in CONTROLS)


def nothing_here(request: Request) -> Answer:
    """404.

    >>> nothing_here(Request("GET", "/_lpnb/statos")).body.decode()
    '{"error":"Nothing is served at \\'/_lpnb/statos\\'. Did you mean GET /_lpnb/status? \
GET /_lpnb lists the control API."}'
    """
    path = request.path
    controls = path == CONTROL_PATH or path.startswith(f"{CONTROL_PATH}/")
    near = _nearest(request, _CONTROLS if controls else _SERVED)
    meant = "" if near is None else f" Did you mean {near}?"
    lists = (
        f"GET {CONTROL_PATH} lists the control API." if controls else f"GET {OPENAPI_PATH} lists every path."
    )
    return teach(404, f"Nothing is served at {shortened(path)!r}.{meant} {lists}")


def _nearest(request: Request, served: Iterable[tuple[str, str]]) -> str | None:
    """Method and path of what is most like the request's; among equals that of its own method."""
    # The time that a comparison takes grows with the square of the length.
    path = request.path[:_LONGEST]
    best: tuple[float, bool] = (_NEAR, False)
    found = None
    for method, template in served:
        matcher = SequenceMatcher(None, path, _filled(template, path), autojunk=False)
        if matcher.quick_ratio() < best[0]:
            continue
        likeness = (matcher.ratio(), method == request.method)
        if likeness > best:
            best, found = likeness, f"{method} {template}"
    return found


def _filled(template: str, path: str) -> str:
    """The template with what the path has in the places of its parameters."""
    came = path.split("/")
    parts = template.split("/")
    return "/".join(
        came[place] if re.fullmatch(r"{\w+}", part) and place < len(came) else part
        for place, part in enumerate(parts)
    )
