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
    for service in SERVICE_ROUTES:
        paths.setdefault(service.path, {})[service.method.lower()] = _operation(service)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "lpnb sandbox",
            "version": "1",
            "description": "What the sandbox imitates of LivePerson's services. It is not LivePerson.",
        },
        "paths": paths,
    }


def _operation(service: ServiceRoute) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", service.path)
    ]
    for parameter in parameters:
        parameter["schema"] = schemas.PATH_PARAMETERS.get(parameter["name"], parameter["schema"])
    for name, schema, is_required in _entry_for(schemas.QUERIES, service, ()):
        parameters.append({"name": name, "in": "query", "required": is_required, "schema": schema})
    # Authorization cannot be a parameter in OpenAPI's eyes, and is listed all the same: tools that
    # read it send it.
    for name, schema, is_required in _entry_for(schemas.HEADERS, service, ()):
        parameters.append({"name": name, "in": "header", "required": is_required, "schema": schema})
    operation: dict[str, Any] = {
        "summary": (service.answer.__doc__ or service.route).splitlines()[0],
        "tags": [service.route],
        "parameters": parameters,
        "responses": {
            **{
                str(status): {"description": description, **({"content": content} if content else {})}
                for status, description, content in _entry_for(schemas.ANSWERS, service, ())
            },
            "4XX": {"description": "A refusal that says what to send instead."},
            "default": {"description": "Any other answer, such as one of a fault that was asked for."},
        },
    }
    if (body := _entry_for(schemas.BODIES, service, None)) is not None:
        kind = schemas.BODY_TYPES.get(service.route, schemas.JSON)
        operation["requestBody"] = {
            "required": service.route != "engagement",
            "content": {kind: {"schema": body}},
        }
    return operation


def _entry_for(table: Mapping[str, V], service: ServiceRoute, default: D) -> V | D:
    """What a table has for a path, by itself or with its method, or else for its whole route."""
    for name in (f"{service.method} {service.path}", service.path, service.route):
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
