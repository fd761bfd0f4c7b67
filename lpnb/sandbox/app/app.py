"""The ASGI application: host check, route, body, rate limit, fault, service, store, log, answer."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route, Router
from starlette.types import Receive, Scope, Send

from lpnb.sandbox.app.routes import SERVICE_ROUTES, ServiceRoute
from lpnb.sandbox.faults.injection import apply_fault, deliver, pause
from lpnb.sandbox.faults.rate_limits import RATE_LIMIT
from lpnb.sandbox.http.asgi import send_answer
from lpnb.sandbox.http.connection import ClientConnection
from lpnb.sandbox.http.host_check import check_host
from lpnb.sandbox.http.limits import Limits
from lpnb.sandbox.http.messages import Answer, Request, error_answer, truncate
from lpnb.sandbox.http.request_body import read_body
from lpnb.sandbox.route_names import NOWHERE
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.state.storage_wait import wait_until_stored

if TYPE_CHECKING:
    from lpnb.sandbox.app.replay import Recording, Source

logger = logging.getLogger("lpnb.sandbox")

_ACCOUNTS = "/api/account/"

# What has no parameter but the account, by method and by what stands behind the account.
_ACCOUNT_ROUTES = {
    (service.method, rest): service
    for service in SERVICE_ROUTES
    for before, _, rest in (service.path.partition("{account_id}/"),)
    if before == _ACCOUNTS and "{" not in rest
}


class App:
    """The sandbox as one ASGI application.

    *own* returns the routes that are the sandbox's and not LivePerson's; it is called at the first request
    that none of LivePerson's fits. They find the `Request`, without its body, in the scope's state, and are
    neither counted nor logged.
    """

    def __init__(
        self,
        cloud: Cloud,
        port: int,
        limits: Limits,
        *,
        bare_hosts: bool,
        own: Callable[[], Sequence[BaseRoute]] = tuple,
        recording: "Recording | None" = None,
    ) -> None:
        self._cloud = cloud
        self._recording = recording
        self._port = port
        self._limits = limits
        self._bare_hosts = bare_hosts
        # The paths are tried one after the other: those that are asked for most come first.
        services = sorted(SERVICE_ROUTES, key=lambda service: service.route not in ("conversation", "send"))
        paths = dict.fromkeys(service.path for service in services)
        self._router = Router(
            [Route(path, _ServiceEndpoint(path, cloud, limits, recording)) for path in paths],
            redirect_slashes=False,
            default=self._answer_own,
        )
        self._own = own
        self._own_router: Router | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the host, then let the route answer."""
        request = _request_head(scope)
        scope["state"]["request"] = request
        refusal = check_host(request, self._port, bare_hosts=self._bare_hosts)
        if refusal is None:
            await self._router(scope, receive, send)
        else:
            _log(self._cloud, NOWHERE, request, refusal)
            await send_answer(refusal, send)

    def answer_inline(self, scope: Scope, body: bytes) -> bool:
        """Answer a request that is all there, in the middle of reading from its connection.

        False, and nothing has happened, where that is not as simple as it mostly is: `__call__` is
        then to be asked.
        """
        path: str = scope["path"]
        cloud = self._cloud
        if not path.startswith(_ACCOUNTS):
            return False
        account_id, _, rest = path[len(_ACCOUNTS) :].partition("/")
        service = _ACCOUNT_ROUTES.get((scope["method"], rest))
        connection: ClientConnection = scope["state"]["connection"]
        # A store or a client that does not read has to be waited for.
        waits = cloud.state.ledger.store is not None or connection.blocked
        if service is None or not account_id or waits or self._recording is not None:
            return False
        request = _request_head(scope)
        if (
            len(body) > self._limits.body_bytes
            or check_host(request, self._port, bare_hosts=self._bare_hosts) is not None
            or cloud.rate_limits.any
            or not cloud.faults.count_unless_faulty(service.route)
        ):
            return False
        cloud.state.count(service.route)
        request.path_params = {"account_id": account_id}
        request.body = body
        answer = _run_service(cloud, service, request)
        _log(cloud, service.route, request, answer)
        connection.put(answer)
        return True

    async def _answer_own(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the sandbox's own routes, loaded only now: a short run asks for none."""
        if self._own_router is None:
            self._own_router = Router(self._own(), redirect_slashes=False, default=self._nothing_here)
        await self._own_router(scope, receive, send)

    async def _nothing_here(self, scope: Scope, _receive: Receive, send: Send) -> None:
        from lpnb.sandbox.app.not_found import not_found

        request: Request = scope["state"]["request"]
        answer = not_found(request)
        _log(self._cloud, NOWHERE, request, answer)
        await send_answer(answer, send)


class _ServiceEndpoint:
    """One served path as an ASGI application: Starlette hands such a thing the bare scope."""

    def __init__(self, path: str, cloud: Cloud, limits: Limits, recording: "Recording | None") -> None:
        self._by_method = {service.method: service for service in SERVICE_ROUTES if service.path == path}
        self._path = path
        self._cloud = cloud
        self._limits = limits
        self._recording = recording

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cloud = self._cloud
        request: Request = scope["state"]["request"]
        request.path_params = scope["path_params"]
        service = self._by_method.get(request.method)
        if service is None:
            answer = error_answer(
                405,
                f"{truncate(request.method, 20)} is not allowed here. "
                f"Send {' or '.join(self._by_method)} {self._path}.",
                headers=(("allow", ", ".join(self._by_method)),),
            )
            _log(cloud, NOWHERE, request, answer)
            await send_answer(answer, send)
            return
        cloud.state.count(service.route)
        limits = self._limits
        if service.body_bytes is not None:
            limits = replace(limits, body_bytes=service.body_bytes)
        body = await read_body(request, receive, limits)
        if body is None:
            _log(cloud, service.route, request, None)
            return
        if isinstance(body, Answer):
            _log(cloud, service.route, request, body)
            await send_answer(body, send)
            return
        request.body = body
        account_id = request.path_params.get("account_id", cloud.account_id)
        refusal = cloud.rate_limits.refuse(account_id, service.route, cloud.now)
        if refusal is not None:
            _log(cloud, service.route, request, refusal, RATE_LIMIT)
            await send_answer(refusal, send)
            return
        connection: ClientConnection = scope["state"]["connection"]
        fault = cloud.faults.take(service.route)
        if fault is None and self._recording is not None:
            await self._replay(self._recording, service, request, connection)
            return
        if fault is None:
            answer = _run_service(cloud, service, request)
            answer = await wait_until_stored(cloud.state.ledger.unstored()) or answer
            _log(cloud, service.route, request, answer)
            await connection.answer(answer)
            return
        if fault.name == "slow":
            await pause(connection, fault.options["seconds"])
        faulty_answer = apply_fault(fault, lambda: _run_service(cloud, service, request), request)
        faulty_answer = faulty_answer and (
            await wait_until_stored(cloud.state.ledger.unstored()) or faulty_answer
        )
        _log(cloud, service.route, request, faulty_answer, fault.name)
        await deliver(fault, faulty_answer, connection, send)

    async def _replay(
        self, recording: "Recording", service: ServiceRoute, request: Request, connection: ClientConnection
    ) -> None:
        """Answer from the recording where an exchange fits, else as ever; either way the answer says so."""
        from lpnb.sandbox.app.replay import REPLAY_HEADER, recorded_answer

        cloud = self._cloud
        exchange = recording.take(service, request)
        if exchange is None:
            answer = _run_service(cloud, service, request)
            answer = await wait_until_stored(cloud.state.ledger.unstored()) or answer
            answer = replace(answer, headers=(*answer.headers, (REPLAY_HEADER, "played")))
            _log(cloud, service.route, request, answer, source="played")
        elif exchange.status == 0:
            _log(cloud, service.route, request, None, source="recorded")
            connection.cut()
            return
        else:
            answer = recorded_answer(exchange, request)
            _log(cloud, service.route, request, answer, source="recorded")
        await connection.answer(answer)


def _run_service(cloud: Cloud, service: ServiceRoute, request: Request) -> Answer:
    """What the service says; 500 when it fails."""
    try:
        return service.answer(cloud, request)
    except Exception:
        logger.exception("The sandbox failed to answer %s %s", request.method, truncate(request.path))
        return error_answer(
            500, "The sandbox itself failed; this is a fault of the sandbox, not of the request."
        )


def _request_head(scope: Scope) -> Request:
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]),
    )


def _log(
    cloud: Cloud,
    route: str,
    request: Request,
    answer: Answer | None,
    fault: str | None = None,
    source: "Source | None" = None,
) -> None:
    """Note the request, before its answer leaves: who reads the answer finds the record."""
    consumer = answer.consumer if answer else None
    cloud.state.log(
        cloud.now,
        route,
        truncate(request.method, 20),
        truncate(request.path),
        answer.status if answer else None,
        truncate(consumer) if consumer else None,
        fault,
        source,
    )
