"""OpenAPI schemas of parameters, bodies and answers, written from LivePerson's pages.

Each table goes by route, or by path where the paths of a route differ, or by method and path. Answers
are described loosely where the pages are silent.
"""

from typing import Any

from lpnb.sandbox.services.conversation_fields import CSAT_STATUSES, TTR_TYPES
from lpnb.sandbox.services.domain_api import SERVICES
from lpnb.sandbox.services.event_rules import ACCEPT_STATUSES, CHAT_STATES, FILE_TYPES
from lpnb.sandbox.services.history.filters import (
    CONTENT_TYPES,
    DEVICE_NAMES,
    ID_FILTERS,
    MCS_ALERTS,
    RANGE_FILTERS,
)
from lpnb.sandbox.services.history.records import QUEUE_STATES
from lpnb.sandbox.services.history.sde_names import SEARCH_NAMES
from lpnb.sandbox.services.history.search import MAX_LIMIT, MAX_SOURCE
from lpnb.sandbox.services.monitoring_body import DEVICES, SYSTEMS

Schema = dict[str, Any]
Parameter = tuple[str, Schema, bool]
"""Name, schema, and whether it has to be sent."""
Answers = tuple[tuple[int, str, Schema | None], ...]
"""Status, a sentence, and the schema by media type; None where there is no body."""


def _object(required_names: tuple[str, ...] = (), **members: Any) -> Schema:
    return {"type": "object", "required": list(required_names), "properties": members}


def _array(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, **more}


def _one_of(values: tuple[str, ...]) -> Schema:
    return {"enum": list(values)}


JSON = "application/json"
_TEXT: Schema = {"type": "string"}
_NAME: Schema = {"type": "string", "minLength": 1}
_WORDS: Schema = {"type": "string", "pattern": r"\S"}
_DIGITS: Schema = {"type": "string", "pattern": "^[0-9]{1,18}$"}
_ID: Schema = {"type": ["string", "integer"]}
_COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
_BOOLEAN: Schema = {"type": "boolean"}
_ANYTHING: Schema = {"type": "object"}
_FRAME_ID: Schema = {"type": ["string", "number"], "minLength": 1, "maxLength": 64}


def _frame(kind: str, body: Schema) -> Schema:
    return _object(
        ("id", "type", "body"), kind={"const": "req"}, id=_FRAME_ID, type={"const": kind}, body=body
    )


def _complete_object(**members: Any) -> Schema:
    """An object with all of these members."""
    return _object(tuple(members), **members)


def _event(kind: str, **members: Schema) -> Schema:
    return _complete_object(type={"const": kind}, **members)


def _field(name: str, **members: Schema) -> Schema:
    return _complete_object(field={"const": name}, **members)


_PROFILE = _frame("userprofile.SetUserProfile", _object(authenticatedData=_object(lp_sdes=_array(_ANYTHING))))
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
_EVENTS = [
    _event("ContentEvent", contentType={"const": "text/plain"}, message=_TEXT),
    _event(
        "ContentEvent",
        contentType={"const": "hosted/file"},
        message=_object(
            ("relativePath", "fileType"), relativePath=_NAME, fileType=_one_of(FILE_TYPES), caption=_TEXT
        ),
    ),
    _event("RichContentEvent", content=_ANYTHING),
    _event(
        "AcceptStatusEvent",
        status=_one_of(ACCEPT_STATUSES),
        sequenceList=_array(_COUNT),
    ),
    _event("ChatStateEvent", chatState=_one_of(CHAT_STATES)),
]
_CLOSE: Schema = {"const": "CLOSE"}
_FIELDS: Schema = {
    "oneOf": [
        _field("ConversationStateField", conversationState=_CLOSE),
        _field("Stage", conversationState=_CLOSE),
        _field(
            "DialogChange",
            type={"const": "UPDATE"},
            dialog=_object(("dialogId", "state"), dialogId=_TEXT, state=_CLOSE, closedCause=_TEXT),
        ),
        _field("TTRField", ttrType=_one_of(TTR_TYPES), value=_COUNT),
        _field(
            "CSATRate",
            csatRate={"type": "integer", "minimum": 1, "maximum": 5},
            csatResolutionConfirmation=_BOOLEAN,
            status=_one_of(CSAT_STATUSES),
        ),
    ]
}
_SEND: Schema = {
    "oneOf": [
        _frame("ms.PublishEvent", _complete_object(dialogId=_NAME, event={"oneOf": _EVENTS})),
        _frame(
            "cm.UpdateConversationField",
            _complete_object(
                conversationId=_TEXT,
                conversationField={"oneOf": [_FIELDS, _array(_FIELDS, minItems=1)]},
            ),
        ),
        _PROFILE,
        _frame(
            "ms.GenerateURLForUploadFile",
            _complete_object(
                fileSize={"type": "integer", "minimum": 0, "maximum": 3 * 1024 * 1024},
                fileType=_one_of(FILE_TYPES),
            ),
        ),
        _frame("ms.GenerateURLForDownloadFile", _complete_object(relativePath=_TEXT)),
    ]
}
_IDENTITY = _object(("sub", "acr"), iss=_TEXT, acr={"type": ["string", "integer"], "minLength": 1}, sub=_NAME)
_ENGAGEMENT = _object(
    consumerId=_NAME,
    pageId=_NAME,
    identities=_array(_IDENTITY),
    clientProperties=_object(
        ipAddress={"type": "string", "format": "ipv4"},
        deviceFamily=_one_of(DEVICES),
        os=_one_of(SYSTEMS),
        osName=_one_of(SYSTEMS),
    ),
    entryPoints=_array(_TEXT),
    engagementAttributes=_array(_complete_object(type=_TEXT)),
)
_TOKEN_FORM = _complete_object(
    client_id=_NAME,
    client_secret=_NAME,
    grant_type={"const": "client_credentials"},
)
_RANGE: Schema = {
    "type": "object",
    "properties": {"from": {"type": "number"}, "to": {"type": "number"}},
    "minProperties": 1,
    "additionalProperties": False,
}
_CSRF = _complete_object(csrf=_TEXT)
_MILLISECONDS: Schema = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}
_UNTIL: Schema = {"anyOf": [_MILLISECONDS, {"const": -1}]}
_STATES = _array({"enum": ["OPEN", "CLOSE"]}, minItems=1)
_CONTENTS: Schema = {"type": ["array", "null"], "items": _TEXT}
_HISTORY = "/messaging_history/api/account/{account_id}/conversations"
_SENTINEL = "/sentinel/api/account/{account_id}/app/token"
_SENTINEL_V2 = "/sentinel/api/v2/account/{account_id}/app/token"
_ACCOUNT = "/api/account/{account_id}"
_POSTED_REPORT = "POST /api/account/{account_id}/app/{app_id}/report"


def _search(*required_names: str, **members: Any) -> Schema:
    """A history search, which refuses what it does not know."""
    members |= {"contentToRetrieve": _CONTENTS, "cappingConfiguration": {}}
    return _object(required_names, **members) | {"additionalProperties": False}


# Of a body that is no JSON, its media type.
BODY_TYPES = {"sentinel": "application/x-www-form-urlencoded", "upload": "application/octet-stream"}

BODIES: dict[str, Schema] = {
    "sentinel": _TOKEN_FORM,
    "idp": _complete_object(ext_consumer_id=_NAME | {"maxLength": 1024}),
    "conversation": {"type": "array", "prefixItems": [_PROFILE, _OPEN], "minItems": 2, "maxItems": 2},
    "send": _SEND,
    "engagement": _ENGAGEMENT,
    "report": {**_ENGAGEMENT, "required": ["engagementAttributes"]},
    "login": {
        "anyOf": [
            _complete_object(username=_TEXT, password=_TEXT),
            _complete_object(
                username=_TEXT, appKey=_TEXT, secret=_TEXT, accessToken=_TEXT, accessTokenSecret=_TEXT
            ),
        ]
    },
    "refresh": _CSRF,
    "logout": _CSRF,
    f"{_HISTORY}/conversation/search": {
        "anyOf": [
            _search("conversationId", conversationId=_NAME),
            _search("conversationIds", conversationIds=_array(_TEXT, minItems=1, maxItems=MAX_LIMIT)),
        ]
    },
    f"{_HISTORY}/consumer/search": _search("consumer", consumer=_NAME, status=_STATES),
    f"{_HISTORY}/search": _search(
        "start",
        start=_object(("from", "to"), **{"from": _MILLISECONDS, "to": _UNTIL}),
        status=_STATES,
        **{name: _array(_ID) for name in ID_FILTERS},
        **dict.fromkeys(RANGE_FILTERS, _RANGE),
        keyword=_WORDS,
        summary=_WORDS,
        alertedMcsValues=_array({"enum": [*MCS_ALERTS, -1, 0, 1]}, minItems=1),
        source=_array(_TEXT, minItems=1),
        device=_array(_one_of(DEVICE_NAMES), minItems=1),
        messageContentTypes=_array(_one_of(CONTENT_TYPES), minItems=1),
        latestConversationQueueState=_one_of(QUEUE_STATES),
        sdeSearch={
            "type": "object",
            "properties": {key: {"anyOf": [_WORDS, _array(_WORDS, minItems=1)]} for key in SEARCH_NAMES},
            "minProperties": 1,
            "additionalProperties": False,
        },
    ),
    "upload": {},
}

PATH_PARAMETERS: dict[str, Schema] = {
    "service": _one_of(SERVICES),
    "campaign_id": _DIGITS,
    "engagement_id": _DIGITS,
}

_V1: Parameter = ("v", _one_of(("1.0", "1")), False)
_V3: Parameter = ("v", _one_of(("3",)), True)
_MONITORING: tuple[Parameter, ...] = (
    ("v", _one_of(("1.0", "1", "1.1")), True),
    ("vid", _TEXT, False),
    ("sid", _TEXT, False),
    ("obh", _BOOLEAN, False),
)
_SIGNED_URL: tuple[Parameter, ...] = (("temp_url_sig", _TEXT, True), ("temp_url_expires", _TEXT, True))

QUERIES: dict[str, tuple[Parameter, ...]] = {
    "domain": (("version", _one_of(("1.0", "1")), True),),
    _SENTINEL: (("v", _one_of(("1.0", "1", "2.0", "2")), True),),
    _SENTINEL_V2: (("v", _one_of(("1.0", "1", "2.0", "2")), False),),
    "idp": (_V1,),
    "conversation": (_V3,),
    "send": (_V3,),
    "engagement": _MONITORING,
    "report": _MONITORING,
    "validate": (("v", _one_of(("1",)), False), ("sid", _NAME, True)),
    "login": (("v", _one_of(("1.3",)), False),),
    "refresh": (("v", _one_of(("1.3",)), False),),
    "logout": (("v", _one_of(("1.3",)), False),),
    "history": (
        ("source", {"type": "string", "minLength": 1, "maxLength": MAX_SOURCE}, False),
        ("v", _one_of(("1", "2", "1.0", "2.0")), False),
        ("offset", {"type": "integer", "minimum": 0, "maximum": 10_000_000}, False),
        ("limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}, False),
        ("sort", _one_of(("start:asc", "start:desc", "end:asc", "end:desc")), False),
    ),
    "upload": _SIGNED_URL,
    "download": _SIGNED_URL,
}

_AUTHORISED: tuple[Parameter, ...] = (
    ("Authorization", _TEXT, True),
    ("X-LP-ON-BEHALF", _TEXT, True),
    ("Client-Properties", _TEXT, False),
)

HEADERS: dict[str, tuple[Parameter, ...]] = {
    "idp": _AUTHORISED[:1],
    "conversation": _AUTHORISED,
    "send": _AUTHORISED,
    "history": _AUTHORISED[:1],
    _POSTED_REPORT: (("X-HTTP-Method-Override", {"const": "PUT"}, True),),
}


def _json(schema: Schema) -> Schema:
    return {JSON: {"schema": schema}}


_BASE_URI = _complete_object(service=_TEXT, account=_TEXT, baseURI=_TEXT)
_RESPONSE = _complete_object(code=_TEXT, body=_ANYTHING, reqId=_TEXT)
_SINGLE: Answers = ((200, "Where the service is.", _json(_BASE_URI)),)
_TOKEN = _complete_object(access_token=_TEXT, token_type={"const": "Bearer"})
_VISIT = _object(
    ("sessionId", "visitorId", "pageId"),
    sessionId=_TEXT,
    visitorId=_TEXT,
    pageId=_TEXT,
    engagementDetails=_array(_object(("status", "connectorId"), status=_TEXT), minItems=1, maxItems=1),
)
_VISIT_ANSWERS: Answers = (
    (200, "The session is known.", _json(_VISIT)),
    (201, "A new session has begun.", _json(_VISIT)),
)
_LOGGED_IN = _complete_object(
    csrf=_TEXT,
    wsuk=_TEXT,
    bearer=_TEXT,
    sessionTTl=_TEXT,
    sessionId=_TEXT,
    csdsCollectionResponse=_complete_object(baseURIs=_array(_BASE_URI)),
    accountData=_ANYTHING,
    config=_complete_object(
        loginName=_TEXT,
        userId=_TEXT,
        isAdmin=_BOOLEAN,
        isLPA=_BOOLEAN,
        userPrivileges=_array({"type": "integer"}),
    ),
)
_RECORDS = _complete_object(
    _metadata=_complete_object(count=_COUNT),
    conversationHistoryRecords=_array(_complete_object(info=_ANYTHING)),
)

ANSWERS: dict[str, Answers] = {
    "domain": ((200, "Every service.", _json(_complete_object(baseURIs=_array(_BASE_URI)))),),
    f"{_ACCOUNT}/service/{{service}}/baseURI.json": _SINGLE,
    f"{_ACCOUNT}/service/{{service}}/baseURI": _SINGLE,
    "sentinel": ((200, "The AppJWT.", _json(_TOKEN)),),
    "jwks": ((200, "The public keys.", _json(_complete_object(keys=_array(_ANYTHING)))),),
    "idp": ((201, "The ConsumerJWS.", _json(_complete_object(token=_TEXT))),),
    "conversation": ((200, "An element for each frame.", _json(_array(_RESPONSE, minItems=2, maxItems=3))),),
    "send": ((200, "The frame's element.", _json(_RESPONSE)),),
    "upload": ((201, "The bytes are stored.", None),),
    "download": ((200, "The bytes.", {f"image/{kind}": {"schema": {}} for kind in ("jpeg", "png", "gif")}),),
    "engagement": _VISIT_ANSWERS,
    "report": _VISIT_ANSWERS,
    "validate": ((200, "Whether what was shown still holds.", _json(_complete_object(valid=_BOOLEAN))),),
    "login": ((200, "The bearer.", _json(_LOGGED_IN)),),
    "refresh": ((200, "The session lasts on.", None),),
    "logout": ((200, "The session has ended.", None),),
    "history": ((200, "What was found.", _json(_RECORDS)),),
}
