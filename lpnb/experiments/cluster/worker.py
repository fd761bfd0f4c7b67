"""What runs on a worker: it sends each letter once, for as long as it is allowed to, and tells what came.

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
from lpnb.experiments.cluster.messages import TOKENS, Badge, Came, Letter, Parcel, Report
from lpnb.transport.http_transport import BackendKind, HttpTransport
from lpnb.transport.protocol import Exchange, ExchangeProgress, PreparedPost

#: Seconds to wait for something to tell; and, once there is something, for more of it: a report costs the
#: same with one answer in it as with ten. With nothing left to send it is not waited for.
LISTEN = 1.0
LINGER = 0.004
STEPS = 5


class Sender:
    """A worker's part of a run; a Dask actor, whose methods run on the worker's event loop.

    Args:
        badge: What the driving process runs.
        slots: How many requests are under way at once, at the most.
        deadline, largest_reply, kind: Of the connections, as for ``HttpTransport``.

    Raises:
        RunError: This worker runs another lpnb or Python.
    """

    def __init__(
        self, badge: Badge, slots: int, deadline: float, largest_reply: int, kind: BackendKind
    ) -> None:
        check_badge(badge)
        self._slots = slots
        self._transport = HttpTransport(deadline, largest_reply, kind)
        self._waiting: deque[Letter] = deque()
        self._under_way: set[asyncio.Task[None]] = set()
        self._came: list[Came] = []
        self._told = asyncio.Event()
        self._taken = 0
        self._report = Report(0, (), 0.0, datetime.now(UTC))
        self._until = 0.0

    async def take(self, parcel: Parcel, until: float) -> None:
        """Send the letters of *parcel*; none is started after this worker's clock shows *until*."""
        self._until = max(self._until, until)
        if parcel.nth <= self._taken:
            return
        self._taken = parcel.nth
        self._waiting.extend(parcel.letters)
        self._start()

    async def give(self, after: int, until: float) -> Report:
        """What came since report *after*, as soon as there is something, or nothing after a second.

        The first one, after 0, comes at once and tells the clocks. A
        report is kept until one behind it is asked for: an answer of ours may be lost on its way.
        """
        self._until = max(self._until, until)
        if after < self._report.nth:
            return self._report
        self._start()
        if not self._came and after:
            self._told.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), LISTEN)
        for _ in range(STEPS):
            if self._waiting and after:
                await asyncio.sleep(LINGER)
        came, self._came = self._came, []
        self._report = Report(after + 1, came, time.monotonic(), datetime.now(UTC))
        return self._report

    async def recall(self) -> None:
        """Start nothing that is not under way."""
        while self._waiting:
            self._keep_here(self._waiting.popleft(), "it was called back before it left")

    async def close(self) -> None:
        """Start nothing more, and close the connections when what is under way has been answered."""
        self._waiting.clear()
        while self._under_way:
            await asyncio.wait(self._under_way)
        await self._transport.aclose()

    def _start(self) -> None:
        while self._waiting and len(self._under_way) < self._slots:
            letter = self._waiting.popleft()
            if time.monotonic() > self._until:
                self._keep_here(letter, "the driving process was not heard of in time")
                continue
            task = asyncio.create_task(self._send(letter))
            self._under_way.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._start()

    async def _send(self, letter: Letter) -> None:
        request = PreparedPost(letter.url, letter.fields, letter.content)
        exchange = await self._transport.exchange(request, ExchangeProgress())
        content = exchange.content
        for name in TOKENS:  # a gateway may echo the request
            token = letter.fields.get(name, "").encode("latin-1")
            if token and token in content:
                content = content.replace(token, MASK.encode("ascii"))
        self._tell(Came.of(letter.ticket, exchange, content))

    def _keep_here(self, letter: Letter, why: str) -> None:
        self._tell(Came.of(letter.ticket, Exchange(failure=why, started=False), b""))

    def _tell(self, came: Came) -> None:
        self._came.append(came)
        self._told.set()


def check_badge(theirs: Badge) -> None:
    """See that this process runs what the driving one does.

    Raises:
        RunError: It does not.
    """
    ours = Badge()
    if ours != theirs:
        raise RunError(
            f"This worker has {ours}, and the run is driven by {theirs}. Install the same on both."
            if (ours.lpnb, ours.python) != (theirs.lpnb, theirs.python)
            else f"This worker's {ours} is not the one that drives the run. Install the same on both."
        )
