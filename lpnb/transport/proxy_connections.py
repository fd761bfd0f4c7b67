"""Connections by httpx: the way through a proxy, and the fall-back for the direct way."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from lpnb._version import __version__
from lpnb.transport.connection_pool import MAX_CONNECTIONS, MAX_IDLE, BodyReader
from lpnb.transport.network import Network
from lpnb.transport.protocol import ExchangeProgress, Request


class HttpxBackend:
    """httpx's own connections, through a proxy or, as the fall-back, without one."""

    def __init__(self, network: Network, largest: int, proxy: httpx.URL | None = None) -> None:
        self._network = network
        self._largest = largest
        self._proxy = proxy
        self._transport: httpx.AsyncHTTPTransport | None = None

    async def call(self, request: Request, progress: ExchangeProgress) -> str | None:
        """Send *request* and note the reply; return why it could not be read whole, if it could not."""
        add_default_headers(request)
        request.extensions = {"trace": _Trace(progress)}
        response: httpx.Response | None = None
        try:
            response = await self._open().handle_async_request(request)
            progress.status = response.status_code
            for name in (b"retry-after", b"date", b"location"):
                if (value := response.headers.get(name.decode())) is not None:
                    progress.headers[name] = value.encode("latin-1", "replace")
            return await self._read(response, progress)
        finally:
            if response is not None:
                await close_response(response)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._transport is not None:
            await self._transport.aclose()

    def _open(self) -> httpx.AsyncHTTPTransport:
        if self._transport is None:
            proxy = None
            if self._proxy is not None:
                over_tls = self._proxy.scheme == "https"
                context = self._network.tls_context() if over_tls else None
                proxy = httpx.Proxy(self._proxy, ssl_context=context)
            self._transport = httpx.AsyncHTTPTransport(
                verify=self._network.tls_context(),
                trust_env=False,
                proxy=proxy,
                limits=httpx.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=MAX_IDLE),
            )
        return self._transport

    async def _read(self, response: httpx.Response, progress: ExchangeProgress) -> str | None:
        """Read the body, decoded; return why it could not be read whole."""
        encoding = response.headers.get("Content-Encoding", "").encode("latin-1", "replace")
        body = BodyReader(progress.content, self._largest, encoding)
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101
        async for chunk in response.stream:
            if failure := body.add(chunk):
                return failure
        return None


class _Trace:
    """Notes when the first byte of a request is written; httpx calls it with each event.

    The request that opens a tunnel is not ours: until the tunnel stands, nothing was sent.
    """

    def __init__(self, progress: ExchangeProgress) -> None:
        self._progress = progress

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(".send_request_headers.started") and info["request"].method != b"CONNECT":
            self._progress.started = True
        elif event == "connection.connect_tcp.complete":
            self._progress.connected = True
        elif event == "http11.receive_response_headers.complete" and not self._progress.started:
            self._progress.tunnel_status = info["return_value"][1]


def add_default_headers(request: Request) -> None:
    """Add what every request says of itself, where it does not say so already."""
    request.headers.setdefault("User-Agent", f"lpnb/{__version__}")
    request.headers.setdefault("Accept", "application/json")
    request.headers["Accept-Encoding"] = "identity"


async def close_response(response: httpx.Response) -> None:
    """Close what is left of a reply, within a second; nothing is raised."""
    try:
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101
        async with asyncio.timeout(1.0):
            await response.stream.aclose()
    except Exception:  # noqa: S110 - whatever closing meets, the exchange is over and told
        pass
