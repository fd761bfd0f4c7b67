"""``/openapi.json``: the OpenAPI 3.1 document, generated from the table of routes."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from lpnb.sandbox.app import openapi_schemas as schemas
from lpnb.sandbox.app.routes import SERVICE_ROUTES, ServiceRoute
from lpnb.sandbox.http.asgi import send_answer
from lpnb.sandbox.http.messages import Answer, Request, error_answer, json_answer

PATH = "/openapi.json"

V = TypeVar("V")
D = TypeVar("D")


def document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for served in SERVICE_ROUTES:
        paths.setdefault(served.path, {})[served.method.lower()] = _operation(served)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "lpnb sandbox",
            "version": "1",
            "description": "What the sandbox imitates of LivePerson's services. It is not LivePerson.",
        },
        "paths": paths,
    }


def _operation(served: ServiceRoute) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", served.path)
    ]
    for parameter in parameters:
        parameter["schema"] = schemas.PATH_PARAMETERS.get(parameter["name"], parameter["schema"])
    for name, schema, required in _entry_for(schemas.QUERIES, served, ()):
        parameters.append({"name": name, "in": "query", "required": required, "schema": schema})
    # Authorization cannot be a parameter in OpenAPI's eyes, and is listed all the same: tools that
    # read it send it.
    for name, schema, required in _entry_for(schemas.HEADERS, served, ()):
        parameters.append({"name": name, "in": "header", "required": required, "schema": schema})
    operation: dict[str, Any] = {
        "summary": (served.answer.__doc__ or served.route).splitlines()[0],
        "tags": [served.route],
        "parameters": parameters,
        "responses": {
            **{
                str(status): {"description": what, **({"content": content} if content else {})}
                for status, what, content in _entry_for(schemas.ANSWERS, served, ())
            },
            "4XX": {"description": "A refusal that says what to send instead."},
            "default": {"description": "Any other answer, such as one of a fault that was asked for."},
        },
    }
    if (body := _entry_for(schemas.BODIES, served, None)) is not None:
        kind = schemas.BODY_TYPES.get(served.route, schemas.JSON)
        operation["requestBody"] = {
            "required": served.route != "engagement",
            "content": {kind: {"schema": body}},
        }
    return operation


def _entry_for(table: Mapping[str, V], served: ServiceRoute, default: D) -> V | D:
    """What a table has for a path, by itself or with its method, or else for its whole route."""
    for name in (f"{served.method} {served.path}", served.path, served.route):
        if name in table:
            return table[name]
    return default


def openapi_route() -> Route:
    """The document's route: open to every program on this machine, since nothing in it is secret."""
    return Route(PATH, _Document())


@cache
def _answer() -> Answer:
    """The document as it is sent: to make it takes a third of a sandbox's start, and few ask for it."""
    return json_answer(200, document())


class _Document:
    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        request: Request = scope["state"]["request"]
        refusal = error_answer(405, f"Send GET {PATH}.", headers=(("allow", "GET"),))
        await send_answer(_answer() if request.method == "GET" else refusal, send)
