"""The ASGI application: the way of a request through the house.

gate, route, body, fault, service, log, answer. What an answer says is the services' to decide.
"""

import asyncio
import logging
from dataclasses import replace

from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from .cloud import Cloud
from .exchange import Answer, Request, shortened, teach
from .faults import Fault
from .faulty import answer_under, deliver, pause
from .gate import refuse_strangers
from .limits import Limits
from .line import Line
from .sending import send_answer
from .served import SERVED, Served
from .state import RequestRecord

logger = logging.getLogger("lpnb.sandbox")

# In the log, for what reached no route.
NOWHERE = "-"


class App:
    """The whole house as one ASGI application."""

    def __init__(self, cloud: Cloud, port: int, limits: Limits, *, bare_hosts: bool) -> None:
        self._cloud = cloud
        self._port = port
        self._bare_hosts = bare_hosts
        self._router = Router(
            [Route(served.path, _Endpoint(served, cloud, limits)) for served in SERVED],
            redirect_slashes=False,
            default=self._nothing_here,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Turn strangers away at the gate, hand everybody else to the route."""
        request = _request_head(scope)
        scope["state"]["request"] = request
        refusal = refuse_strangers(request, self._port, bare_hosts=self._bare_hosts)
        if refusal is None:
            await self._router(scope, receive, send)
        else:
            _log(self._cloud, NOWHERE, request, refusal)
            await send_answer(refusal, send)

    async def _nothing_here(self, scope: Scope, _receive: Receive, send: Send) -> None:
        request: Request = scope["state"]["request"]
        served = "; ".join(f"{served.method} {served.path}" for served in SERVED)
        answer = teach(404, f"Nothing is served at {shortened(request.path)!r}. The sandbox serves {served}.")
        _log(self._cloud, NOWHERE, request, answer)
        await send_answer(answer, send)


class _Endpoint:
    """One served path as an ASGI application: Starlette hands such a thing the bare scope."""

    def __init__(self, served: Served, cloud: Cloud, limits: Limits) -> None:
        self._served = served
        self._cloud = cloud
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        served, cloud = self._served, self._cloud
        request = replace(scope["state"]["request"], path_params=scope["path_params"])
        if request.method != served.method:
            answer = teach(
                405,
                f"{shortened(request.method, 20)} is not allowed here. Send {served.method} {served.path}.",
                headers=(("allow", served.method),),
            )
            _log(cloud, NOWHERE, request, answer)
            await send_answer(answer, send)
            return
        cloud.state.count(served.route)
        body = await _read_body(request, receive, self._limits)
        if body is None:
            _log(cloud, served.route, request, None)
            return
        if isinstance(body, Answer):
            _log(cloud, served.route, request, body)
            await send_answer(body, send)
            return
        whole = replace(request, body=body)
        line: Line = scope["state"]["line"]
        fault = cloud.faults.take(served.route)
        if fault is None:
            answer = self._work(whole)
            await _stored(cloud)
            _log(cloud, served.route, request, answer)
            await send_answer(answer, send)
            return
        if fault.name == "slow":
            await pause(line, fault.options["seconds"])
        left = answer_under(fault, lambda: self._work(whole))
        await _stored(cloud)
        _log(cloud, served.route, request, left, fault)
        await deliver(fault, left, line, send)

    def _work(self, request: Request) -> Answer:
        try:
            return self._served.answer(self._cloud, request)
        except Exception:
            logger.exception("The sandbox failed to answer %s %s", request.method, shortened(request.path))
            return teach(
                500, "The sandbox itself failed; this is a fault of the sandbox, not of the request."
            )


async def _stored(cloud: Cloud) -> None:
    """Wait until everything the answer may tell of is durable; at once when nothing is stored."""
    pending = cloud.state.ledger.unstored()
    if pending is not None:
        await asyncio.shield(asyncio.wrap_future(pending))


def _request_head(scope: Scope) -> Request:
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
    )


async def _read_body(request: Request, receive: Receive, limits: Limits) -> bytes | Answer | None:
    """The body; an answer when it is too long or too slow; None when the client left."""
    try:
        async with asyncio.timeout(limits.body_seconds):
            return await _read_body_in_time(request, receive, limits)
    except TimeoutError:
        sentence = f"The body took longer than {limits.body_seconds:g} seconds."
        return teach(408, sentence, headers=(("connection", "close"),))


async def _read_body_in_time(request: Request, receive: Receive, limits: Limits) -> bytes | Answer | None:
    too_long = teach(
        413,
        f"The body is longer than {limits.body_bytes} bytes.",
        headers=(("connection", "close"),),
    )
    declared = int(request.header("content-length") or 0)
    waits = (request.header("expect") or "").lower() == "100-continue"
    if declared > limits.drained_bytes or (waits and declared > limits.body_bytes):
        return too_long
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
            return too_long
        if not message.get("more_body", False):
            return b"".join(pieces) if size <= limits.body_bytes else too_long


def _log(
    cloud: Cloud, route: str, request: Request, answer: Answer | None, fault: Fault | None = None
) -> None:
    """Note the request, before its answer leaves: who reads the answer finds the record."""
    consumer = answer.consumer if answer else None
    cloud.state.log(
        RequestRecord(
            time=cloud.now,
            route=route,
            method=shortened(request.method, 20),
            path=shortened(request.path),
            status=answer.status if answer else None,
            consumer=shortened(consumer) if consumer else None,
            fault=fault.name if fault else None,
        )
    )
