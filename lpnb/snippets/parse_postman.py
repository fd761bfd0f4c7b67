"""Read Postman collections (v2.0, v2.1), with their variables and those of an environment beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lpnb._internal.json_codec import json_in
from lpnb.errors import Complaint
from lpnb.snippets.js_literals import JsSyntaxError, read_json_with_comments
from lpnb.snippets.parsed_request import RecordedCall, RecordedReply, limit_calls

_VARIABLE = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")
#: A variable that stands in JSON without quotes.
_BARE_VARIABLE = re.compile(r"(?<=[:\[,])(\s*)(\{\{[^{}\n]{1,80}\}\})(?=\s*[,\]}])")
_MAX_DEPTH = 20
_MAX_TEXT = 4_000_000


def is_postman(value: Any) -> bool:
    """Whether *value* is a collection, or what Postman's own export wraps one in."""
    collection = value.get("collection", value) if isinstance(value, dict) else None
    return isinstance(collection, dict) and isinstance(collection.get("item"), list)


def is_first_version(value: Any) -> bool:
    """Whether *value* is a collection of version 1, which has requests and no items."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("requests"), list)
        and ("order" in value or "folders" in value or "id" in value)
    )


def is_environment(value: Any) -> bool:
    """Whether *value* is an environment or a file of globals: variables without a request."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("values"), list)
        and ("_postman_variable_scope" in value or "name" in value)
        and all(isinstance(entry, dict) and "key" in entry for entry in value["values"])
    )


def is_data(value: Any) -> bool:
    """Whether *value* is the data file of ``as_postman``."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(row, dict) and isinstance(row.get("frames"), str) for row in value)
    )


def data_calls(rows: list[dict[str, Any]]) -> list[RecordedCall]:
    """One call for each row of a data file."""
    calls = []
    for row in rows[:1000]:
        consumer = row.get("consumer_id")
        call = RecordedCall("/messaging/consumer/conversation", row["frames"])
        call.consumer_id = consumer if isinstance(consumer, str) and consumer else None
        calls.append(call)
    return calls


def postman_calls(
    export: dict[str, Any], environment: dict[str, Any] | None = None
) -> tuple[list[RecordedCall], list[Complaint]]:
    """Every request of a collection, those in folders too, in order; *environment* beats its variables."""
    collection = export.get("collection", export)
    outer = _variables(environment.get("values")) if environment else {}
    variables = {**_variables(collection.get("variable")), **outer}
    return limit_calls(_calls(collection["item"], variables, 0))


def _variables(entries: Any) -> dict[str, str]:
    """The values that are filled in: none that is switched off, and no secret."""
    values = {}
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or entry.get("type") == "secret":
            continue
        if entry.get("disabled") or entry.get("enabled") is False:
            continue
        name, value = entry.get("key", entry.get("id")), entry.get("value")
        if isinstance(value, bool | int | float):  # typed variables
            value = json.dumps(value)
        if isinstance(name, str) and isinstance(value, str) and value:
            values[name] = value
    return values


def _calls(items: Any, variables: Mapping[str, str], depth: int) -> Iterator[RecordedCall]:
    if depth > _MAX_DEPTH or not isinstance(items, list):
        return
    for item in items:
        if not isinstance(item, dict):
            continue
        inner = {**variables, **_variables(item.get("variable"))}
        if "item" in item:
            yield from _calls(item["item"], inner, depth + 1)
        elif isinstance(item.get("request"), dict):
            call = _call(item["request"], inner)
            call.reply = _saved_answer(item.get("response"))
            yield call
        elif isinstance(item.get("request"), str):
            yield RecordedCall(_fill_variables(item["request"], inner), None)


def _call(request: dict[str, Any], variables: Mapping[str, str]) -> RecordedCall:
    call = RecordedCall(
        _fill_variables(_address(request.get("url")), variables),
        None,
        {
            _fill_variables(name, variables): _fill_variables(value, variables)
            for name, value in _headers(request.get("header"))
        },
    )
    method = request.get("method")
    call.method = method if isinstance(method, str) else None
    body = request.get("body")
    if isinstance(body, dict) and isinstance(body.get("raw"), str) and not body.get("disabled"):
        call.body = _fill_variables(body["raw"], variables)
        if variable := _VARIABLE.fullmatch(call.body.strip()):
            sentence = f"frames come from the variable {variable[1]}, which the collection does not hold."
            call.complaints.append(Complaint("frames", f"{sentence} Read its data file.", kind="incomplete"))
            call.body = None
        else:
            _clean_body(call)
    elif isinstance(body, dict) and (mode := body.get("mode")) in (
        "urlencoded",
        "formdata",
        "graphql",
        "file",
    ):
        sentence = f"frames must be the body as raw JSON; the request has one of mode {mode}."
        call.complaints.append(Complaint("frames", sentence))
    return call


def _saved_answer(answers: Any) -> RecordedReply | None:
    """The answer that was saved last with a request, as an example."""
    last = (
        next((one for one in reversed(answers) if isinstance(one, dict)), {})
        if isinstance(answers, list)
        else {}
    )
    status, body = last.get("code"), last.get("body")
    if not isinstance(status, int) or not 100 <= status <= 599:
        return None
    return RecordedReply(status, body if isinstance(body, str) and body else None)


def _clean_body(call: RecordedCall) -> None:
    """Do to the body what Postman does: comments are left out; a variable without quotes becomes text."""
    text = call.body or ""
    if json_in(text) is not None:
        return
    for attempt in (text, _BARE_VARIABLE.sub(lambda match: f"{match[1]}{json.dumps(match[2])}", text)):
        try:
            value = read_json_with_comments(attempt.strip())
        except JsSyntaxError:
            continue
        call.body = json.dumps(value, ensure_ascii=False)
        if "//" in _VARIABLE.sub("", text) or "/*" in text:
            call.notes.append("Comments in the body were left out, as Postman does.")
        return


def _address(url: Any) -> str:
    """An address that is text, or taken apart into host, path and query."""
    if not isinstance(url, dict):
        return url if isinstance(url, str) else ""
    if isinstance(url.get("raw"), str):
        raw: str = url["raw"]
        for entry in url["variable"] if isinstance(url.get("variable"), list) else []:  # :name in a path
            if isinstance(entry, dict) and isinstance(entry.get("key"), str) and entry.get("value"):
                pattern, value = rf"(?<=/):{re.escape(entry['key'])}(?=[/?]|$)", str(entry["value"])
                raw = re.sub(pattern, value.replace("\\", "\\\\"), raw)
        return raw
    host, path = url.get("host"), url.get("path")
    host_text = ".".join(map(str, host)) if isinstance(host, list) else str(host or "")
    parameters = url["query"] if isinstance(url.get("query"), list) else []
    query = "&".join(
        f"{one.get('key')}={one.get('value')}"
        for one in parameters
        if isinstance(one, dict) and not one.get("disabled")
    )
    path = "/".join(map(str, path)) if isinstance(path, list) else str(path or "").lstrip("/")
    return f"{host_text}/{path}?{query}" if query else f"{host_text}/{path}"


def _headers(headers: Any) -> Iterator[tuple[str, str]]:
    if isinstance(headers, str):  # as v2.0 may have them
        for line in headers.splitlines():
            name, colon, value = line.partition(":")
            if colon:
                yield name.strip(), value.strip()
    for entry in headers if isinstance(headers, list) else []:
        if isinstance(entry, dict) and not entry.get("disabled"):
            yield str(entry.get("key")), str(entry.get("value", ""))


def _fill_variables(text: str, variables: Mapping[str, str]) -> str:
    """The text with the variables in it, as long as it does not grow beyond all bounds."""
    for _ in range(5):
        filled_text = _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), text)
        if filled_text == text or len(filled_text) > _MAX_TEXT:
            break
        text = filled_text
    return text
