"""``/openapi.json``: what the sandbox serves, for tools that read OpenAPI 3.1.

Paths and methods come from the table the application is made from; parameters, bodies and answers
are written by hand from LivePerson's pages. Answers are described loosely where the pages are silent.
"""

import re
from typing import Any

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .exchange import Request, json_answer, teach
from .sending import send_answer
from .served import SERVED, Served

PATH = "/openapi.json"

_FORM = "application/x-www-form-urlencoded"


def _object(required: tuple[str, ...] = (), **members: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": members}


def _array(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **more}


_TEXT = {"type": "string"}
_ID = {"type": ["string", "integer"]}
_ANY: dict[str, Any] = {}
_BASE_URI = _object(("service", "account", "baseURI"), service=_TEXT, account=_TEXT, baseURI=_TEXT)
_FRAME_ID = {"type": ["string", "integer"], "minLength": 1, "maxLength": 64}


def _frame(kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return _object(
        ("id", "type", "body"), kind={"const": "req"}, id=_FRAME_ID, type={"const": kind}, body=body
    )


_PROFILE = _frame(
    "userprofile.SetUserProfile",
    _object(authenticatedData=_object(lp_sdes=_array({"type": "object"}))),
)
_OPEN = _frame(
    "cm.ConsumerRequestConversation",
    _object(
        ("brandId",),
        brandId=_ID,
        channelType={"const": "MESSAGING"},
        ttrDefName={"enum": ["NORMAL", "URGENT", "PRIORITIZED", None]},
        skillId=_ID,
        campaignInfo=_object(campaignId=_ID, engagementId=_ID),
        conversationContext=_object(
            type=_TEXT, lang=_TEXT, visitorId=_TEXT, sessionId=_TEXT, interactionContextId=_TEXT
        ),
    ),
)
_SEND = {
    "oneOf": [
        _frame("ms.PublishEvent", _object(("dialogId", "event"), dialogId=_TEXT, event={"type": "object"})),
        _frame(
            "cm.UpdateConversationField",
            _object(
                ("conversationId", "conversationField"),
                conversationId=_TEXT,
                conversationField={"type": ["object", "array"]},
            ),
        ),
        _PROFILE,
        _frame("ms.GenerateURLForUploadFile", _object(fileSize=_ID, fileType=_TEXT)),
        _frame("ms.GenerateURLForDownloadFile", _object(("relativePath",), relativePath=_TEXT)),
    ]
}
_ENGAGEMENT = _object(
    consumerId=_TEXT,
    identities=_array(_object(("sub", "acr"), iss=_TEXT, acr=_TEXT, sub=_TEXT)),
    clientProperties={"type": "object"},
    entryPoints=_array(_TEXT),
    engagementAttributes=_array({"type": "object"}),
)
_TOKEN_FORM = _object(
    ("client_id", "client_secret", "grant_type"),
    client_id=_TEXT,
    client_secret=_TEXT,
    grant_type={"const": "client_credentials"},
)
_RESPONSE = _object(("code",), code=_TEXT, body=_ANY, reqId=_TEXT)

# By route: the body's media type and schema, the query (name, schema, required), the success's status
# and schema. A route that is missing is listed without them.
_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "sentinel": (_FORM, _TOKEN_FORM),
    "idp": (
        "application/json",
        _object(("ext_consumer_id",), ext_consumer_id={"type": "string", "minLength": 1}),
    ),
    "conversation": (
        "application/json",
        {"type": "array", "prefixItems": [_PROFILE, _OPEN], "minItems": 2, "maxItems": 3},
    ),
    "send": ("application/json", _SEND),
    "engagement": ("application/json", _ENGAGEMENT),
    "report": ("application/json", {**_ENGAGEMENT, "required": ["engagementAttributes"]}),
    "login": ("application/json", _object(("username", "password"), username=_TEXT, password=_TEXT)),
    "history": (
        "application/json",
        _object(
            conversationId=_TEXT, consumer=_TEXT, contentToRetrieve=_array(_TEXT), start={"type": "object"}
        ),
    ),
    "upload": ("application/octet-stream", {}),
}
_VERSION = {"enum": ["1.0", "1"]}
_VISIT = (("vid", _TEXT, False), ("sid", _TEXT, False), ("obh", {"type": "boolean"}, False))
_QUERIES: dict[str, tuple[tuple[str, dict[str, Any], bool], ...]] = {
    "domain": (("version", _VERSION, True),),
    "sentinel": (("v", _VERSION, False),),
    "idp": (("v", _VERSION, False),),
    "conversation": (("v", {"enum": ["3"]}, True),),
    "send": (("v", {"enum": ["3"]}, True),),
    "engagement": (("v", {"enum": ["1.0", "1.1"]}, True), *_VISIT),
    "report": (("v", {"enum": ["1.0", "1.1"]}, True), *_VISIT),
    "login": (("v", {"enum": ["1.3"]}, False),),
    "history": (
        ("source", _TEXT, False),
        ("offset", {"type": "integer"}, False),
        ("limit", {"type": "integer"}, False),
    ),
    "upload": (("temp_url_sig", _TEXT, True), ("temp_url_expires", _TEXT, True)),
    "download": (("temp_url_sig", _TEXT, True), ("temp_url_expires", _TEXT, True)),
    "validate": (("v", {"enum": ["1"]}, False), ("sid", _TEXT, False)),
}
_ANSWERS: dict[str, tuple[int, dict[str, Any]]] = {
    "sentinel": (
        200,
        _object(("access_token", "token_type"), access_token=_TEXT, token_type={"const": "Bearer"}),
    ),
    "jwks": (200, _object(("keys",), keys=_array({"type": "object"}))),
    "idp": (201, _object(("token",), token=_TEXT)),
    "conversation": (200, _array(_RESPONSE, minItems=2, maxItems=3)),
    "send": (200, _RESPONSE),
}
_HEADERS = {
    "idp": ("Authorization",),
    "conversation": ("Authorization", "X-LP-ON-BEHALF", "Client-Properties"),
    "send": ("Authorization", "X-LP-ON-BEHALF", "Client-Properties"),
    "history": ("Authorization",),
}


def document() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for served in SERVED:
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


def _operation(served: Served) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", served.path)
    ]
    for name, schema, required in _QUERIES.get(served.route, ()):
        parameters.append({"name": name, "in": "query", "required": required, "schema": schema})
    # All optional: without them there is an answer, too. Two cannot be parameters in OpenAPI's eyes
    # and are listed all the same, as tools that read them send them.
    for name in _HEADERS.get(served.route, ()):
        parameters.append({"name": name, "in": "header", "required": False, "schema": _TEXT})
    status, schema = _answer(served)
    operation: dict[str, Any] = {
        "summary": (served.answer.__doc__ or served.route).splitlines()[0],
        "tags": [served.route],
        "parameters": parameters,
        "responses": {
            str(status): {
                "description": "What the service answers.",
                "content": {"application/json": {"schema": schema}},
            },
            "4XX": {"description": "A refusal that says what to send instead."},
            "default": {"description": "Any other answer, such as one of a fault that was asked for."},
        },
    }
    if served.route in _BODIES:
        kind, schema = _BODIES[served.route]
        operation["requestBody"] = {"required": True, "content": {kind: {"schema": schema}}}
    return operation


def _answer(served: Served) -> tuple[int, dict[str, Any]]:
    if served.route == "domain":
        single = "{service}" in served.path
        return 200, _BASE_URI if single else _object(("baseURIs",), baseURIs=_array(_BASE_URI))
    return _ANSWERS.get(served.route, (200, {}))


def openapi_route() -> Route:
    """The document's route: open to every program on this machine, since nothing in it is secret."""
    return Route(PATH, _Document())


class _Document:
    def __init__(self) -> None:
        self._answer = json_answer(200, document())

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        request: Request = scope["state"]["request"]
        refusal = teach(405, f"Send GET {PATH}.", headers=(("allow", "GET"),))
        await send_answer(self._answer if request.method == "GET" else refusal, send)
