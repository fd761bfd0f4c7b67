"""Sends an `Answer` as ASGI messages."""

from starlette.types import Send

from lpnb.sandbox.http.messages import Answer


async def send_answer(answer: Answer, send: Send) -> None:
    """The whole answer."""
    await send_start(answer, len(answer.body), send)
    await send_body(answer.body, send)


async def send_start(answer: Answer, length: int, send: Send) -> None:
    """Status and headers, with a Content-Length that need not be the body's."""
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(length).encode()),
        *((name.encode(), value.encode("latin-1")) for name, value in answer.headers),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})


async def send_body(body: bytes, send: Send, *, more: bool = False) -> None:
    """A piece of the body; the last one unless there is *more*."""
    await send({"type": "http.response.body", "body": body, "more_body": more})
