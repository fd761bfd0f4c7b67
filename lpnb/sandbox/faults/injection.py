"""Fault injection: how each kind of fault changes an answer or its connection."""

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from starlette.types import Send

from lpnb.sandbox.faults.faults import Fault
from lpnb.sandbox.http import strict_json
from lpnb.sandbox.http.asgi import send_answer, send_body, send_start
from lpnb.sandbox.http.connection import ClientConnection
from lpnb.sandbox.http.messages import Answer, Request

_PAGE = b"<!doctype html><title>Gateway</title><h1>Please sign in to the network</h1>"
_CHUNK = 64 * 1024

# A version 5 UUID of the real id: repeatable, and never an id the sandbox gave out.
_STALE_IDS = uuid.UUID("5a1e0000-0000-4000-8000-000000000000")

ServiceCall = Callable[[], Answer]


async def pause(connection: ClientConnection, seconds: float) -> None:
    """Wait so long, or until the connection is gone."""
    try:
        async with asyncio.timeout(seconds):
            await connection.closed.wait()
    except TimeoutError:
        return


def apply_fault(fault: Fault, work: ServiceCall, request: Request) -> Answer | None:
    """The answer after *fault* had its way with it; None when there is to be none.

    *work* is called exactly when the fault says that the work is done.
    """
    answer = work() if fault.work_done else None
    if fault.name in ("hang", "drop_before", "drop_after"):
        return None
    if fault.name == "not_yet":
        return _not_yet(request)
    if fault.name in _REPLACEMENTS:
        replacement = _REPLACEMENTS[fault.name](fault)
        return replace(replacement, consumer=answer.consumer if answer else None)
    assert answer is not None  # noqa: S101 - every other kind does the work
    return _ALTERATIONS[fault.name](answer) if fault.name in _ALTERATIONS else answer


async def deliver(fault: Fault, answer: Answer | None, connection: ClientConnection, send: Send) -> None:
    """Send what *fault* leaves of the answer, the way it wants it sent."""
    if answer is None:
        if fault.name == "hang":
            await pause(connection, fault.options["seconds"])
        connection.cut(reset=fault.options.get("reset", False))
    elif fault.name == "drip" and answer.body:
        await send_start(answer, len(answer.body), send)
        for position in range(len(answer.body)):
            await pause(connection, fault.options["seconds"])
            if connection.closed.is_set():
                return
            last = position == len(answer.body) - 1
            await send_body(answer.body[position : position + 1], send, more=not last)
    elif fault.name == "truncate" and not answer.body:
        head = raw_reply(answer)
        connection.write(head[: len(head) // 2])
        connection.cut()
    elif fault.name == "truncate":
        await send_start(answer, len(answer.body), send)
        await send_body(answer.body[: len(answer.body) // 2], send, more=True)
        connection.cut()
    elif fault.name == "big":
        await _deliver_big(answer, int(fault.options["size"]), connection, send)
    elif fault.name == "surplus":
        await send_answer(answer, send)
        connection.write(raw_reply(stale_answer(answer)))
    else:
        await send_answer(answer, send)


def _status(fault: Fault) -> Answer:
    wait = fault.options["retry_after"]
    headers = () if wait is None else (("retry-after", str(wait)),)
    body = fault.options["body"]
    if body is None:
        body = b""
    elif isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return Answer(fault.options["code"], body, headers=headers)


def _not_yet(request: Request) -> Answer:
    """SEND's refusal of a conversation that is unknown, with the reqId of the request's frame."""
    try:
        frame = strict_json.read(request.body)
    except strict_json.StrictJsonError:
        frame = None
    body = frame.get("body") if isinstance(frame, dict) else None
    names = ("dialogId", "conversationId")
    ids = [body[name] for name in names if isinstance(body.get(name), str)] if isinstance(body, dict) else []
    name = f"dialog {ids[0][:80]!r}" if ids else "conversation"
    element: dict[str, Any] = {"code": "BAD_REQUEST", "body": {"msg": f"Bad Request, there is no {name}."}}
    if isinstance(frame, dict) and isinstance(frame.get("id"), str | int):
        element["reqId"] = str(frame["id"])
    body_bytes = json.dumps(element, separators=(",", ":")).encode()
    return Answer(400, body_bytes, payload=element)


_REPLACEMENTS: dict[str, Callable[[Fault], Answer]] = {
    "status": _status,
    "html": lambda fault: Answer(fault.options["code"], _PAGE, content_type="text/html;charset=utf-8"),
    "empty": lambda fault: Answer(fault.options["code"], b""),
    "big": lambda fault: Answer(200, b""),
}


def _with_nan(answer: Answer) -> Answer:
    """In the last element's body; an answer without JSON, such as a 204, is left as it is."""
    nan = {"value": float("nan")}

    def with_nan(payload: dict[str, Any]) -> dict[str, Any]:
        body = payload.get("body")
        return {**payload, "body": {**body, **nan}} if isinstance(body, dict) else {**payload, **nan}

    if isinstance(answer.payload, list):
        return _with_payload(answer, [*answer.payload[:-1], with_nan(answer.payload[-1])])
    return _with_payload(answer, with_nan(answer.payload)) if isinstance(answer.payload, dict) else answer


def _elements(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Callable[[Answer], Answer]:
    """An alteration of an answer's elements; what has no reqId, such as an error frame, is left as it is."""

    def alter(answer: Answer) -> Answer:
        payload = answer.payload
        if isinstance(payload, list) and all("reqId" in element for element in payload):
            return _with_payload(answer, change([dict(element) for element in payload]))
        # SEND answers with one element and no array around it.
        if isinstance(payload, dict) and "reqId" in payload:
            return _with_payload(answer, change([dict(payload)])[0])
        return answer

    return alter


def _last(elements: list[dict[str, Any]], **members: object) -> list[dict[str, Any]]:
    return [*elements[:-1], {**elements[-1], **members}]


def _without_req_id(elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    elements[-1].pop("reqId", None)
    return elements


def _with_numbers(elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each reqId as a number: itself when it is all digits, its place in the batch otherwise."""
    for position, element in enumerate(elements, start=1):
        req_id = str(element["reqId"])
        # Twelve digits stay exact in every language's number type.
        element["reqId"] = (
            int(req_id) if req_id.isascii() and req_id.isdigit() and len(req_id) <= 12 else position
        )
    return elements


_ALTERATIONS: dict[str, Callable[[Answer], Answer]] = {
    "nan": _with_nan,
    "reqid_missing": _elements(_without_req_id),
    "reqid_doubled": _elements(lambda elements: _last(elements, reqId=elements[0]["reqId"])),
    "reqid_unknown": _elements(lambda elements: _last(elements, reqId=f"not-{elements[-1]['reqId']}")),
    "reqid_int": _elements(_with_numbers),
    "shuffled": _elements(lambda elements: elements[::-1]),
}


def stale_answer(answer: Answer) -> Answer:
    """The same reply as if it were about something older: same reqIds, another conversationId."""
    if not isinstance(answer.payload, list):
        return answer
    elements = []
    for element in answer.payload:
        conversation_id = element["body"].get("conversationId")
        if conversation_id is None:
            elements.append(element)
            continue
        other_id = str(uuid.uuid5(_STALE_IDS, conversation_id))
        elements.append({**element, "body": {**element["body"], "conversationId": other_id}})
    return _with_payload(answer, elements)


def raw_reply(answer: Answer) -> bytes:
    """An answer as the bytes of an HTTP reply."""
    head = (
        f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        f"content-type: {answer.content_type}\r\nx-content-type-options: nosniff\r\n"
        f"content-length: {len(answer.body)}\r\n\r\n"
    )
    return head.encode() + answer.body


def _with_payload(answer: Answer, payload: object) -> Answer:
    return replace(answer, payload=payload, body=json.dumps(payload, separators=(",", ":")).encode())


async def _deliver_big(answer: Answer, size: int, connection: ClientConnection, send: Send) -> None:
    """One JSON string in an array, as long as it takes, in pieces so that memory stays flat."""
    opening, closing = b'["', b'"]'
    remaining_size = max(size - len(opening) - len(closing), 0)
    await send_start(answer, len(opening) + remaining_size + len(closing), send)
    await send_body(opening, send, more=True)
    while remaining_size and not connection.closed.is_set():
        piece = min(remaining_size, _CHUNK)
        await send_body(b"x" * piece, send, more=True)
        remaining_size -= piece
    if not connection.closed.is_set():
        await send_body(closing, send, more=False)
