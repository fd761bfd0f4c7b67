"""A transport whose requests leave from the workers of a cluster, as the driving process sees it.

To a flow it is a transport like any other, so that tokens, rate limiter, journal and verdict stay where they
are. It hands each request to one worker, once. A request that a lost worker had may have left, and its
exchange says so; one that no worker was given yet goes to another. ``worker_pool`` decides who is a worker.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from lpnb.experiments.cluster import LOSS_PREFIX
from lpnb.experiments.cluster.messages import MessageBatch, Report, RequestMessage
from lpnb.transport.protocol import Exchange, ExchangeProgress, PreparedPost, Request

#: Seconds for which workers may go on starting what they were handed, when nobody renews it.
START_ALLOWANCE = 6.0
#: Seconds after which a worker that says nothing counts as lost.
SILENCE_LIMIT = 30.0
#: Seconds between two batches for a worker that has enough to do: each costs the same however much is in it.
SPACING = 0.02
#: Clocks further apart than this, in seconds, differ; less is the time that a report travels.
_CLOCK_TOLERANCE = 0.5


class WorkerProxy(Protocol):
    """A worker's ``RequestWorker`` as it is reached from here."""

    async def accept(self, batch: MessageBatch, until: float) -> None:
        """Send the messages of *batch*."""
        ...

    async def report_after(self, after: int, until: float) -> Report:
        """The responses since report *after*."""
        ...

    async def recall(self) -> None:
        """Start nothing that is not under way."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


@dataclass(eq=False, slots=True)
class _PendingRequest:
    """A request, and somebody who waits for what comes of it."""

    request: PreparedPost
    progress: ExchangeProgress
    response: asyncio.Future[Exchange]

    def settle(self, exchange: Exchange) -> None:
        if not self.response.done():
            self.response.set_result(exchange)


@dataclass(eq=False)
class Worker:
    """One worker, and what it has been handed and is still to tell of.

    ``slots`` is how many it sends at once. It has as many again ahead, so that no slot stands empty while
    answers and messages travel. ``message_count`` counts all it was handed.
    """

    address: str
    proxy: WorkerProxy
    slots: int
    pending: dict[int, _PendingRequest] = field(default_factory=dict)
    message_count: int = 0
    clock: float | None = None
    """Its monotonic clock minus ours, rather too little than too much; None before its first report."""
    clock_offset: float = 0.0
    """Seconds that its wall clock is ahead of ours."""
    last_heard: float = field(default_factory=time.monotonic)
    loss_reason: str | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def capacity(self) -> int:
        """How many messages it may have at once."""
        return 2 * self.slots


class ClusterTransport:
    """A ``Transport`` over workers. Use it on the background loop only.

    Args:
        on_lost: Told, with a sentence, when nothing can be sent from here any more.
    """

    def __init__(self, on_lost: Callable[[str], None]) -> None:
        self.workers: list[Worker] = []
        self.end_reason: str | None = None
        """Why nothing is sent any more, or None."""
        self.lost_at: float | None = None
        """When the last worker was lost, in seconds since 1970; it may go on for a while without us."""
        self._on_lost = on_lost
        self._until = 0.0
        self._queue: deque[_PendingRequest] = deque()
        self._tickets = 0

    # What a flow sees

    async def exchange(self, request: Request, progress: ExchangeProgress) -> Exchange:
        """Send *request* from a worker and return what came of it."""
        if not isinstance(request, PreparedPost):
            raise TypeError("workers send what is posted, and nothing else")
        if self.end_reason is not None:
            return Exchange(failure=self.end_reason, started=False)
        pending = _PendingRequest(request, progress, asyncio.get_running_loop().create_future())
        self._queue.append(pending)
        self._hand_out()
        return await pending.response

    async def aclose(self) -> None:
        """Have nobody work any more; what is still waited for may have left."""
        for worker in list(self.workers):
            self.lose(worker, "the run has ended")

    # Workers come and go

    def join(self, worker: Worker) -> None:
        """Have *worker* take part from now on."""
        self.workers.append(worker)
        for work in (self._listen(worker), self._deliver(worker)):
            task = asyncio.create_task(work)
            task.add_done_callback(lambda end: self._on_task_end(worker, end))
            worker.tasks.append(task)

    def lose(self, worker: Worker, why: str) -> None:
        """Have *worker* take part no longer; what it has may have left."""
        if worker.loss_reason is not None:
            return
        worker.loss_reason = why
        self.lost_at = time.time()
        self.workers.remove(worker)
        for task in worker.tasks:
            if task is not asyncio.current_task():
                task.cancel()
        for pending in worker.pending.values():
            pending.settle(Exchange(failure=f"{LOSS_PREFIX} ({worker.address}: {why})", started=True))
        worker.pending.clear()
        self._hand_out()

    def _on_task_end(self, worker: Worker, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.lose(worker, one_line(error))

    def lose_silent(self) -> None:
        """Lose the workers that have said nothing for too long."""
        for worker in list(self.workers):
            if time.monotonic() - worker.last_heard > SILENCE_LIMIT:
                self.lose(worker, f"nothing was heard of it for {SILENCE_LIMIT:.0f} s")

    def allow(self, until: float) -> None:
        """Messages may be started until our monotonic clock shows *until*; the journal has it."""
        self._until = until
        self._hand_out()

    def end(self, why: str) -> None:
        """Hand nothing out any more; what workers have is still waited for."""
        if self.end_reason is None:
            self.end_reason = why
            self._give_back(why)
            self._on_lost(why)

    async def recall(self) -> None:
        """Take back whatever has not been started."""
        self._give_back("the run was stopped before it left")
        calls = (self._call(worker, worker.proxy.recall()) for worker in list(self.workers))
        await asyncio.gather(*calls)

    def _give_back(self, why: str) -> None:
        while self._queue:
            self._queue.popleft().settle(Exchange(failure=why, started=False))

    # Messages out, reports in

    def _hand_out(self) -> None:
        """Wake those who deliver, the one with most to spare first."""
        if self._queue:
            for worker in sorted(
                self.workers, key=lambda one: (len(one.pending) - one.capacity, one.message_count)
            ):
                worker.wake.set()

    async def _deliver(self, worker: Worker) -> None:
        batches = 0
        while worker.loss_reason is None:
            if not (messages := self._messages_for(worker)):
                worker.wake.clear()
                await worker.wake.wait()
                continue
            batches += 1
            call = worker.proxy.accept(MessageBatch(batches, messages), self._limit(worker))
            if not await self._call(worker, call):
                return
            if len(worker.pending) >= worker.slots:
                await asyncio.sleep(SPACING)

    def _messages_for(self, worker: Worker) -> list[RequestMessage]:
        """What *worker* gets now: its share of what waits, and no more than it has room for."""
        capacity = worker.capacity - len(worker.pending)
        if capacity <= 0 or worker.clock is None or self._until - time.monotonic() < START_ALLOWANCE / 4:
            return []
        others = sum(max(0, one.capacity - len(one.pending)) for one in self.workers if one is not worker)
        capacity = min(capacity, -(-len(self._queue) * capacity // (capacity + others)))
        messages: list[RequestMessage] = []
        while self._queue and len(messages) < capacity:
            pending = self._queue.popleft()
            if pending.response.done():  # nobody waits for it any more
                continue
            self._tickets += 1
            worker.pending[self._tickets] = pending
            pending.progress.started = True  # whatever becomes of us, it may have left
            request = pending.request
            messages.append(
                RequestMessage(self._tickets, str(request.url), dict(request.fields), request.content)
            )
        worker.message_count += len(messages)
        return messages

    async def _listen(self, worker: Worker) -> None:
        after = 0
        while worker.loss_reason is None:
            report = await self._call(worker, worker.proxy.report_after(after, self._limit(worker)))
            if not report:
                return
            after = report.nth
            # Its clock was looked at a little before ours is, so that this is rather too little.
            worker.clock = report.clock - time.monotonic()
            worker.clock_offset = report.now.timestamp() - time.time()
            for response in report.responses:
                if (pending := worker.pending.pop(response.ticket, None)) is not None:
                    pending.settle(_by_our_clock(response.exchange(), worker.clock_offset))
            self._hand_out()

    def _limit(self, worker: Worker) -> float:
        """Until when *worker* may start messages, by its own clock."""
        return 0.0 if worker.clock is None else worker.clock + self._until

    async def _call(self, worker: Worker, call: Awaitable[Any]) -> Any:
        """What *call* returns, or True for nothing; False, and *worker* lost, when it could not be made."""
        try:
            result = await call
        except Exception as error:
            self.lose(worker, one_line(error))
            return False
        worker.last_heard = time.monotonic()
        return True if result is None else result


def _by_our_clock(exchange: Exchange, clock_offset: float) -> Exchange:
    if abs(clock_offset) < _CLOCK_TOLERANCE:
        return exchange
    return replace(exchange, sent_at=exchange.sent_at - timedelta(seconds=clock_offset))


def one_line(error: BaseException) -> str:
    """What *error* says, in one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
