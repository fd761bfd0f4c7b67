"""Postman's collections: which requests there are, with the variables that a collection itself fills in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lpnb.errors import Complaint
from lpnb.snippets.parse import Call, bounded

_VARIABLE = re.compile(r"\{\{\s*([^{}\s]+)\s*\}\}")
_DEEPEST = 20
_LONGEST = 4_000_000


def is_postman(found: Any) -> bool:
    """Whether *found* is a collection, or what Postman's own export wraps one in."""
    found = found.get("collection", found) if isinstance(found, dict) else None
    return isinstance(found, dict) and isinstance(found.get("item"), list)


def is_data(found: Any) -> bool:
    """Whether *found* is the data file of ``as_postman``."""
    return (
        isinstance(found, list)
        and bool(found)
        and all(isinstance(row, dict) and isinstance(row.get("frames"), str) for row in found)
    )


def data_calls(rows: list[dict[str, Any]]) -> list[Call]:
    """One call for each row of a data file."""
    calls = []
    for row in rows[:1000]:
        consumer = row.get("consumer_id")
        call = Call("/messaging/consumer/conversation", row["frames"])
        call.consumer_id = consumer if isinstance(consumer, str) and consumer else None
        calls.append(call)
    return calls


def postman_calls(found: dict[str, Any]) -> tuple[list[Call], list[Complaint]]:
    """Every request of a collection, those in folders too, in order."""
    collection = found.get("collection", found)
    variables = _variables(collection.get("variable"))
    return bounded(_calls(collection["item"], variables, 0))


def _variables(listed: Any) -> dict[str, str]:
    """The collection's own values, but no secret: what is secret has no business in frames."""
    found = {}
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and entry.get("type") != "secret" and isinstance(entry.get("value"), str):
            name = entry.get("key", entry.get("id"))
            if isinstance(name, str) and entry["value"]:
                found[name] = entry["value"]
    return found


def _calls(items: Any, variables: Mapping[str, str], depth: int) -> Iterator[Call]:
    if depth > _DEEPEST or not isinstance(items, list):
        return
    for item in items:
        if not isinstance(item, dict):
            continue
        if "item" in item:
            yield from _calls(item["item"], variables, depth + 1)
        elif isinstance(item.get("request"), dict):
            yield _call(item["request"], variables)


def _call(request: dict[str, Any], variables: Mapping[str, str]) -> Call:
    url = request.get("url")
    address = url.get("raw") if isinstance(url, dict) else url
    listed = request.get("header")
    headers = {
        str(entry.get("key")): str(entry.get("value", ""))
        for entry in (listed if isinstance(listed, list) else [])
        if isinstance(entry, dict) and not entry.get("disabled")
    }
    body = request.get("body")
    call = Call(str(address or ""), None, headers)
    if isinstance(body, dict) and isinstance(body.get("raw"), str):
        call.body = _filled(body["raw"], variables)
        if variable := _VARIABLE.fullmatch(call.body.strip()):
            sentence = f"frames come from the variable {variable[1]}, which the collection does not hold."
            call.complaints.append(Complaint("frames", f"{sentence} Read its data file."))
            call.body = None
    return call


def _filled(text: str, variables: Mapping[str, str]) -> str:
    """The text with the collection's variables in it, as long as it does not grow beyond all bounds."""
    for _ in range(5):
        grown = _VARIABLE.sub(lambda found: variables.get(found[1], found[0]), text)
        if grown == text or len(grown) > _LONGEST:
            break
        text = grown
    return text
