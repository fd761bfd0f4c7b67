"""Tell the service's answers from requests."""

from __future__ import annotations

from typing import Any

#: What an answer of the service has in its outermost object, and a record of a log has more than.
_KEYS = {
    "body", "code", "details", "error", "errorCode", "errorMessage", "kind", "message", "msg", "reqId",
    "status", "title", "type",
}  # fmt: skip


def is_bare_reply(value: Any) -> bool:
    """Whether *value* is an answer and nothing around it, such as a record of a log."""
    return is_reply(value) and (isinstance(value, list) or set(value) <= _KEYS)


def is_reply(value: Any) -> bool:
    """Whether *value* is what CONVERSATION answers: elements with reqId and code, or one that refuses all.

    Example:
        >>> is_reply([{"code": "OK", "body": {}, "reqId": "1"}]), is_reply([{"kind": "req", "id": "1"}])
        (True, False)
        >>> is_reply({"code": "40103", "message": "Invalid ConsumerJWS"})
        True
    """
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, dict) and _is_element(one) for one in value)
    return isinstance(value, dict) and _is_element(value)


def _is_element(value: dict[str, Any]) -> bool:
    if value.get("kind") == "req" or ("type" in value and "id" in value):
        return False
    if "reqId" in value or value.get("kind") == "resp":
        return "code" in value or "body" in value
    body = value.get("body")
    if isinstance(body, dict) and "errorCode" in body:
        return True
    if any(isinstance(value.get(key), str | int) for key in ("code", "errorCode", "statusCode", "status")):
        return any(
            key in value
            for key in ("body", "message", "msg", "error", "errorMessage", "title", "details", "reason")
        )
    error = value.get("error")
    return (isinstance(error, str) and bool(error)) or (
        isinstance(error, dict) and ("message" in error or "code" in error)
    )
