"""Read Postman collections: each request, with the variables that the collection itself fills in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lpnb.errors import Complaint
from lpnb.snippets.parsed_request import RecordedCall, limit_calls

_VARIABLE = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")
_MAX_DEPTH = 20
_MAX_TEXT = 4_000_000


def is_postman(value: Any) -> bool:
    """Whether *value* is a collection, or what Postman's own export wraps one in."""
    collection = value.get("collection", value) if isinstance(value, dict) else None
    return isinstance(collection, dict) and isinstance(collection.get("item"), list)


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


def postman_calls(exported: dict[str, Any]) -> tuple[list[RecordedCall], list[Complaint]]:
    """Every request of a collection, those in folders too, in order."""
    collection = exported.get("collection", exported)
    variables = _variables(collection.get("variable"))
    return limit_calls(_calls(collection["item"], variables, 0))


def _variables(listed: Any) -> dict[str, str]:
    """The collection's own values, but no secret: what is secret has no business in frames."""
    values = {}
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and entry.get("type") != "secret" and isinstance(entry.get("value"), str):
            name = entry.get("key", entry.get("id"))
            if isinstance(name, str) and entry["value"]:
                values[name] = entry["value"]
    return values


def _calls(items: Any, variables: Mapping[str, str], depth: int) -> Iterator[RecordedCall]:
    if depth > _MAX_DEPTH or not isinstance(items, list):
        return
    for item in items:
        if not isinstance(item, dict):
            continue
        if "item" in item:
            yield from _calls(item["item"], variables, depth + 1)
        elif isinstance(item.get("request"), dict):
            yield _call(item["request"], variables)


def _call(request: dict[str, Any], variables: Mapping[str, str]) -> RecordedCall:
    url = request.get("url")
    address = url.get("raw") if isinstance(url, dict) else url
    listed = request.get("header")
    headers = {
        str(entry.get("key")): str(entry.get("value", ""))
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict) and not entry.get("disabled")
    }
    body = request.get("body")
    call = RecordedCall(str(address or ""), None, headers)
    if isinstance(body, dict) and isinstance(body.get("raw"), str):
        call.body = _fill_variables(body["raw"], variables)
        if variable := _VARIABLE.fullmatch(call.body.strip()):
            sentence = f"frames come from the variable {variable[1]}, which the collection does not hold."
            call.complaints.append(Complaint("frames", f"{sentence} Read its data file."))
            call.body = None
    return call


def _fill_variables(text: str, variables: Mapping[str, str]) -> str:
    """The text with the collection's variables in it, as long as it does not grow beyond all bounds."""
    for _ in range(5):
        grown = _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), text)
        if grown == text or len(grown) > _MAX_TEXT:
            break
        text = grown
    return text
