"""The part of a run that runs on a Dask worker: it sends each message once and reports the response.

It never tries again, and waits for nothing but the answer: whether and when something is sent is decided by
the driving process. When that falls silent, what has not been started stays here.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from datetime import UTC, datetime

from lpnb._internal.redaction import MASK
from lpnb.errors import RunError
from lpnb.experiments.cluster.messages import (
    TOKENS,
    MessageBatch,
    Report,
    RequestMessage,
    ResponseMessage,
    WorkerVersion,
)
from lpnb.transport.http_transport import BackendKind, HttpTransport
from lpnb.transport.network import Network
from lpnb.transport.protocol import Exchange, ExchangeProgress, PreparedPost

#: Seconds to wait for something to tell; and, once there is something, for more of it: a report costs the
#: same with one answer in it as with ten. With nothing left to send it is not waited for.
LISTEN_SECONDS = 1.0
LINGER_SECONDS = 0.004
LINGER_STEPS = 5


class RequestWorker:
    """A worker's part of a run; a Dask actor, whose methods run on the worker's event loop.

    Args:
        version: What the driving process runs.
        slots: How many requests are under way at once, at the most.
        deadline, largest_reply, kind: Of the connections, as for ``HttpTransport``.

    Raises:
        RunError: This worker runs another lpnb or Python.
    """

    def __init__(
        self, version: WorkerVersion, slots: int, deadline: float, largest_reply: int, kind: BackendKind
    ) -> None:
        check_version(version)
        self._slots = slots
        self._transport = HttpTransport(deadline, largest_reply, kind, Network.of_environment())
        self._pending: deque[RequestMessage] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._responses: list[ResponseMessage] = []
        self._has_responses = asyncio.Event()
        self._last_batch = 0
        self._report = Report(0, (), 0.0, datetime.now(UTC))
        self._until = 0.0

    async def accept(self, batch: MessageBatch, until: float) -> None:
        """Send the messages of *batch*; none is started after this worker's clock shows *until*."""
        self._until = max(self._until, until)
        if batch.nth <= self._last_batch:
            return
        self._last_batch = batch.nth
        self._pending.extend(batch.messages)
        self._start()

    async def report_after(self, after: int, until: float) -> Report:
        """The responses since report *after*, as soon as there is something, or nothing after a second.

        The first one, after 0, comes at once and says the clocks. A report is
        kept until one behind it is asked for: an answer of ours may be lost on its way.
        """
        self._until = max(self._until, until)
        if after < self._report.nth:
            return self._report
        self._start()
        if not self._responses and after:
            self._has_responses.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LISTEN_SECONDS):
                    await self._has_responses.wait()
        for _ in range(LINGER_STEPS):
            if self._pending and after:
                await asyncio.sleep(LINGER_SECONDS)
        responses, self._responses = self._responses, []
        self._report = Report(after + 1, responses, time.monotonic(), datetime.now(UTC))
        return self._report

    async def recall(self) -> None:
        """Start nothing that is not under way."""
        while self._pending:
            self._report_unsent(self._pending.popleft(), "it was called back before it left")

    async def close(self) -> None:
        """Start nothing more, and close the connections when what is under way has been answered."""
        self._pending.clear()
        while self._under_way:
            await asyncio.wait(self._under_way)
        await self._transport.aclose()

    def _start(self) -> None:
        while self._pending and len(self._under_way) < self._slots:
            message = self._pending.popleft()
            if time.monotonic() > self._until:
                self._report_unsent(message, "the driving process was not heard of in time")
                continue
            task = asyncio.create_task(self._send(message))
            self._under_way.add(task)
            task.add_done_callback(self._on_request_end)

    def _on_request_end(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._start()

    async def _send(self, message: RequestMessage) -> None:
        request = PreparedPost(message.url, message.fields, message.content)
        exchange = await self._transport.exchange(request, ExchangeProgress())
        content = exchange.content
        for name in TOKENS:  # a gateway may echo the request
            token = message.fields.get(name, "").encode("latin-1")
            if token and token in content:
                content = content.replace(token, MASK.encode("ascii"))
        self._add(ResponseMessage.of(message.ticket, exchange, content))

    def _report_unsent(self, message: RequestMessage, why: str) -> None:
        self._add(ResponseMessage.of(message.ticket, Exchange(failure=why, started=False), b""))

    def _add(self, response: ResponseMessage) -> None:
        self._responses.append(response)
        self._has_responses.set()


def check_version(expected: WorkerVersion) -> None:
    """See that this process runs what the driving one does.

    Raises:
        RunError: It does not.
    """
    own_version = WorkerVersion()
    if own_version != expected:
        raise RunError(
            f"This worker has {own_version}, and the run is driven by {expected}. Install the same on both."
            if (own_version.lpnb, own_version.python) != (expected.lpnb, expected.python)
            else f"This worker's {own_version} is not the one that drives the run. Install the same on both."
        )
