"""Requests as a Postman collection (v2.1), with a data file when there are several."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lpnb._internal.private_files import write_private
from lpnb.errors import Complaint, InvalidValueError
from lpnb.snippets.request_spec import (
    ACCOUNT,
    DOMAIN_API,
    RequestSpec,
    SnippetPlaceholder,
    check_origin,
    filled_template,
    json_frames,
    json_text,
    request_spec,
)

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_SERVICES = ("sentinel", "idp", "asyncMessagingEnt")


@dataclass(frozen=True, slots=True)
class Postman:
    """A collection and the data file to run it with, both JSON text; the second only for several requests."""

    collection: str
    data: str | None = None

    def save(self, folder: str | os.PathLike[str]) -> list[Path]:
        """Write ``lpnb.postman_collection.json``, and ``lpnb.data.json`` if there is one, into *folder*.

        They hold what was sent, names of persons too, and get mode 0600.
        """
        names = {"lpnb.postman_collection.json": self.collection, "lpnb.data.json": self.data}
        files = [(Path(folder) / name, text) for name, text in names.items() if text is not None]
        for path, text in files:
            write_private(path, text.encode("utf-8"))
        return [path for path, _ in files]


def as_postman(requests: Iterable[tuple[Any, str]], *, domain_api: str = DOMAIN_API) -> Postman:
    """Write sends as a Postman collection that goes the whole chain, to be run from top to bottom.

    The account, the client id and the secret are variables of the collection, to be filled in there or given
    with ``--env-var``; the secret's is of the type that is not shown. As lpnb does, it sends tokens to
    LivePerson's hosts and those of ``LP_TRUSTED_HOSTS`` alone: for others the run ends. Several sends make
    one collection with a data file of a row each:
    ``newman run lpnb.postman_collection.json -d lpnb.data.json``. A doubled brace in a value is escaped, so
    that it is not taken for a variable.

    Args:
        requests: Pairs of a batch (or frames as ``send_batch`` takes them) and a consumer id.
        domain_api: Where host names are looked up.

    Raises:
        InvalidValueError: Frames or a consumer id are wrong, raw bytes are not JSON, or there is none.

    Example:
        >>> from lpnb import ConversationBatch
        >>> written = as_postman([(ConversationBatch.build(), "consumer-1")])
        >>> [item["name"] for item in json.loads(written.collection)["item"]][-2:]
        ['ConsumerJWS', 'CONVERSATION']
        >>> written.data is None
        True
    """
    specs = [request_spec(batch, consumer_id) for batch, consumer_id in requests]
    if not specs:
        raise InvalidValueError(
            [Complaint("requests", "requests must hold one pair at the least; got none.")]
        )
    headers = {spec.client_properties for spec in specs}
    rows = [_row(spec) for spec in specs]
    if len(specs) == 1:
        identity, frames, header = rows[0]["identity"], rows[0]["frames"], rows[0]["client_properties"]
        data = None
    else:
        identity, frames, header = "{{identity}}", "{{frames}}", "{{client_properties}}"
        data = json.dumps(rows, indent=2, ensure_ascii=False)
    collection = {
        "info": {"name": "lpnb: CONVERSATION", "description": _ABOUT, "schema": SCHEMA},
        "variable": [
            {"key": "LP_DOMAIN_API", "value": check_origin(domain_api), "type": "string"},
            {"key": "LP_ACCOUNT_ID", "value": "", "type": "string"},
            {"key": "LP_TRUSTED_HOSTS", "value": "", "type": "string"},
            {"key": "LP_CLIENT_ID", "value": "", "type": "string"},
            {"key": "LP_CLIENT_SECRET", "value": "", "type": "secret"},
        ],
        "item": [
            *(_domain(service) for service in _SERVICES),
            _app_jwt(),
            _consumer_jws(identity),
            _conversation(frames, header if headers != {None} else None),
        ],
    }
    return Postman(json.dumps(collection, indent=2, ensure_ascii=False) + "\n", data)


_ABOUT = (
    "Opens conversations through LivePerson's Connector API: Domain API, AppJWT, ConsumerJWS, CONVERSATION. "
    "Fill in LP_ACCOUNT_ID, LP_CLIENT_ID and LP_CLIENT_SECRET. No answer to the last request does not mean "
    "that there is no conversation: look before you send it again."
)
#: Of several rows, the first one looks up hosts and gets the AppJWT for all.
_ONCE = "if (pm.info.iteration > 0) { pm.execution.skipRequest(); }"


def _row(spec: RequestSpec) -> dict[str, str]:
    return {
        "consumer_id": spec.consumer_id,
        "identity": json_text(
            {"ext_consumer_id": spec.consumer_id}, _placeholder_text, braces=True, indent=None
        ),
        "frames": json_text(json_frames(spec, "A Postman collection"), _placeholder_text, braces=True),
        "client_properties": (spec.client_properties or "{}").replace("{{", "\\u007b\\u007b"),
    }


def _placeholder_text(placeholder: SnippetPlaceholder) -> str:
    return '"{{LP_ACCOUNT_ID}}"' if placeholder == ACCOUNT else '"{{$guid}}"'


def _item(name: str, request: dict[str, Any], after: str, *, once: bool = False) -> dict[str, Any]:
    events = [{"listen": "test", "script": {"type": "text/javascript", "exec": after.splitlines()}}]
    if once:
        events.append({"listen": "prerequest", "script": {"type": "text/javascript", "exec": [_ONCE]}})
    return {"name": name, "event": events, "request": request}


def _url(raw: str) -> dict[str, Any]:
    """An address as the format wants it: whole, and in its parts."""
    host, *path = raw.partition("?")[0].split("/")
    query = [
        dict(zip(("key", "value"), part.split("="), strict=True)) for part in raw.partition("?")[2].split("&")
    ]
    return {"raw": raw, "host": [host], "path": path, "query": query}


def _domain(service: str) -> dict[str, Any]:
    url = (
        f"{{{{LP_DOMAIN_API}}}}/api/account/{{{{LP_ACCOUNT_ID}}}}/service/{service}/baseURI.json?version=1.0"
    )
    # The host is kept if it may get a token; else the run ends, and nothing is left from an earlier one.
    after = filled_template("check_host.js", {"service": service})
    return _item(f"Domain API: {service}", {"method": "GET", "url": _url(url)}, after, once=True)


def _app_jwt() -> dict[str, Any]:
    form = {
        "client_id": "{{LP_CLIENT_ID}}",
        "client_secret": "{{LP_CLIENT_SECRET}}",
        "grant_type": "client_credentials",
    }
    request = {
        "method": "POST",
        "url": _url("{{sentinel}}/sentinel/api/account/{{LP_ACCOUNT_ID}}/app/token?v=1.0"),
        "body": {"mode": "urlencoded", "urlencoded": [{"key": k, "value": v} for k, v in form.items()]},
    }
    after = 'pm.collectionVariables.set("app_jwt", pm.response.json().access_token);'
    return _item("AppJWT", request, after, once=True)


def _post_request(url: str, headers: dict[str, str], body: str) -> dict[str, Any]:
    return {
        "method": "POST",
        "header": [{"key": key, "value": value} for key, value in headers.items()],
        "url": _url(url),
        "body": {"mode": "raw", "raw": body, "options": {"raw": {"language": "json"}}},
    }


def _consumer_jws(identity: str) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Authorization": "{{app_jwt}}"}
    request = _post_request("{{idp}}/api/account/{{LP_ACCOUNT_ID}}/consumer?v=1.0", headers, identity)
    return _item(
        "ConsumerJWS", request, 'pm.collectionVariables.set("consumer_jws", pm.response.json().token);'
    )


def _conversation(frames: str, client_properties: str | None) -> dict[str, Any]:
    headers = {
        "Content-Type": "application/json",
        "Authorization": "{{app_jwt}}",
        "X-LP-ON-BEHALF": "{{consumer_jws}}",
    }
    if client_properties is not None:
        headers["Client-Properties"] = client_properties
    path = "/api/account/{{LP_ACCOUNT_ID}}/messaging/consumer/conversation?v=3"
    after = (
        'pm.test("a conversation was opened", () => '
        "pm.expect(pm.response.json().some((one) => one.body && one.body.conversationId)).to.be.true);"
    )
    return _item("CONVERSATION", _post_request("{{asyncMessagingEnt}}" + path, headers, frames), after)
