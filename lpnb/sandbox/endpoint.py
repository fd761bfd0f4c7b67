"""ASGI applications of the sandbox's own pages and of the control API: a body is read, then answered."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future

from starlette.types import Receive, Scope, Send

from lpnb.sandbox.http.asgi import send_answer
from lpnb.sandbox.http.limits import Limits
from lpnb.sandbox.http.messages import Answer, Request
from lpnb.sandbox.http.request_body import read_body
from lpnb.sandbox.state.storage_wait import wait_until_stored


class Endpoint(ABC):
    """One path. A POST is answered when what it did is stored (see `Ledger.unstored`)."""

    def __init__(self, unstored: Callable[[], "Future[None] | None"], limits: Limits) -> None:
        self._unstored = unstored
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; not at all when the client has left."""
        request: Request = scope["state"]["request"]
        request.path_params = scope["path_params"]
        body = await read_body(request, receive, self._limits)
        if body is None:
            return
        if isinstance(body, Answer):
            await send_answer(body, send)
            return
        request.body = body
        answer = self._answer(request)
        if request.method == "POST":
            answer = await wait_until_stored(self._unstored()) or answer
        await send_answer(answer, send)

    @abstractmethod
    def _answer(self, request: Request) -> Answer: ...
