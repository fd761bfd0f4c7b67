"""Reads a request's body within limits of size and time."""

import asyncio

from starlette.types import Receive

from lpnb.sandbox.http.limits import Limits
from lpnb.sandbox.http.messages import Answer, Request, error_answer


async def read_body(request: Request, receive: Receive, limits: Limits) -> bytes | Answer | None:
    """The body; an answer when it is too long or too slow; None when the client left."""
    try:
        async with asyncio.timeout(limits.body_seconds):
            return await _read_body_in_time(request, receive, limits)
    except TimeoutError:
        sentence = f"The body took longer than {limits.body_seconds:g} seconds."
        return error_answer(408, sentence, headers=(("connection", "close"),))


async def _read_body_in_time(request: Request, receive: Receive, limits: Limits) -> bytes | Answer | None:
    content_length = int(request.header("content-length") or 0)
    waits = (request.header("expect") or "").lower() == "100-continue"
    if content_length > limits.drained_bytes or (waits and content_length > limits.body_bytes):
        return _too_long(limits)
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size <= limits.body_bytes:
            pieces.append(piece)
        else:
            pieces.clear()
        if size > limits.drained_bytes:
            return _too_long(limits)
        if not message.get("more_body", False):
            return b"".join(pieces) if size <= limits.body_bytes else _too_long(limits)


def _too_long(limits: Limits) -> Answer:
    sentence = f"The body is longer than {limits.body_bytes} bytes."
    return error_answer(413, sentence, headers=(("connection", "close"),))
