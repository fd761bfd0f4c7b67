"""The driving side of a cluster: a transport whose requests leave from workers.

To a flow it is a transport like any other, so that tokens, pace, journal and verdict stay where they are. It
hands each request to one worker, once. What a worker had when it was lost may have left, and is told so; what
none was given yet goes to another. Who is a worker is ``crew``'s business.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

from lpnb.experiments.cluster.messages import Letter, Parcel, Report
from lpnb.transport.protocol import Exchange, ExchangeProgress, PreparedPost, Request

#: Seconds for which workers may go on starting what they were handed, when nobody renews it.
ALLOWED = 6.0
#: Seconds after which a worker that says nothing counts as lost.
SILENT = 30.0
#: Seconds between two parcels for a worker that has enough to do: each costs the same however much is in it.
SPACING = 0.02
#: Clocks further apart than this, in seconds, differ; less is the time that a report travels.
_APART = 0.5
#: How the failure of what a lost worker had begins.
LOST = "the worker that had it was lost"


class Hands(Protocol):
    """A worker's ``Sender`` as it is reached from here."""

    async def take(self, parcel: Parcel, until: float) -> None:
        """Send the letters of *parcel*."""
        ...

    async def give(self, after: int, until: float) -> Report:
        """What came since report *after*."""
        ...

    async def recall(self) -> None:
        """Start nothing that is not under way."""
        ...

    async def close(self) -> None:
        """Let go of the connections."""
        ...


@dataclass(eq=False, slots=True)
class _Waiting:
    """A request, and somebody who waits for what comes of it."""

    request: PreparedPost
    progress: ExchangeProgress
    came: asyncio.Future[Exchange]

    def settle(self, exchange: Exchange) -> None:
        if not self.came.done():
            self.came.set_result(exchange)


@dataclass(eq=False)
class Worker:
    """One worker, and what it has been handed and is still to tell of.

    ``slots`` is how many it sends at once. It has as many again ahead, so that no slot stands empty while
    answers and letters travel. ``sent`` counts all it was handed.
    """

    address: str
    hands: Hands
    slots: int
    has: dict[int, _Waiting] = field(default_factory=dict)
    sent: int = 0
    clock: float | None = None
    """Its monotonic clock minus ours, rather too little than too much; None before its first report."""
    ahead: float = 0.0
    """Seconds that its wall clock is ahead of ours."""
    heard: float = field(default_factory=time.monotonic)
    lost: str | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def room(self) -> int:
        """How many letters it may have at once."""
        return 2 * self.slots


class Carrier:
    """A ``Transport`` over workers. Use it on the background loop only.

    Args:
        gone: Told, with a sentence, when nothing can be sent from here any more.
    """

    def __init__(self, gone: Callable[[str], None]) -> None:
        self.workers: list[Worker] = []
        self.ended: str | None = None
        """Why nothing is sent any more, or None."""
        self.lost_at: float | None = None
        """When the last worker was lost, in seconds since 1970; it may go on for a while without us."""
        self._gone = gone
        self._until = 0.0
        self._queue: deque[_Waiting] = deque()
        self._tickets = 0

    # What a flow sees

    async def exchange(self, request: Request, progress: ExchangeProgress) -> Exchange:
        """Send *request* from a worker and return what came of it."""
        if not isinstance(request, PreparedPost):
            raise TypeError("workers send what is posted, and nothing else")
        if self.ended is not None:
            return Exchange(failure=self.ended, started=False)
        waiting = _Waiting(request, progress, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._hand_out()
        return await waiting.came

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
            task.add_done_callback(lambda ended: self._ended(worker, ended))
            worker.tasks.append(task)

    def lose(self, worker: Worker, why: str) -> None:
        """Have *worker* take part no longer; what it has may have left."""
        if worker.lost is not None:
            return
        worker.lost = why
        self.lost_at = time.time()
        self.workers.remove(worker)
        for task in worker.tasks:
            if task is not asyncio.current_task():
                task.cancel()
        for waiting in worker.has.values():
            waiting.settle(Exchange(failure=f"{LOST} ({worker.address}: {why})", started=True))
        worker.has.clear()
        self._hand_out()

    def _ended(self, worker: Worker, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.lose(worker, said(error))

    def lose_silent(self) -> None:
        """Lose the workers that have said nothing for too long."""
        for worker in list(self.workers):
            if time.monotonic() - worker.heard > SILENT:
                self.lose(worker, f"nothing was heard of it for {SILENT:.0f} s")

    def allow(self, until: float) -> None:
        """Letters may be started until our monotonic clock shows *until*; the journal has it."""
        self._until = until
        self._hand_out()

    def end(self, why: str) -> None:
        """Hand nothing out any more; what workers have is still waited for."""
        if self.ended is None:
            self.ended = why
            self._give_back(why)
            self._gone(why)

    async def recall(self) -> None:
        """Take back whatever has not been started."""
        self._give_back("the run was stopped before it left")
        calls = (self._call(worker, worker.hands.recall()) for worker in list(self.workers))
        await asyncio.gather(*calls)

    def _give_back(self, why: str) -> None:
        while self._queue:
            self._queue.popleft().settle(Exchange(failure=why, started=False))

    # Letters out, reports in

    def _hand_out(self) -> None:
        """Wake those who deliver, the one with most to spare first."""
        if self._queue:
            for worker in sorted(self.workers, key=lambda one: (len(one.has) - one.room, one.sent)):
                worker.wake.set()

    async def _deliver(self, worker: Worker) -> None:
        parcels = 0
        while True:
            if not (letters := self._letters_for(worker)):
                worker.wake.clear()
                await worker.wake.wait()
                continue
            parcels += 1
            take = worker.hands.take(Parcel(parcels, letters), self._limit(worker))
            if not await self._call(worker, take):
                return
            if len(worker.has) >= worker.slots:
                await asyncio.sleep(SPACING)

    def _letters_for(self, worker: Worker) -> list[Letter]:
        """What *worker* gets now: its share of what waits, and no more than it has room for."""
        room = worker.room - len(worker.has)
        if room <= 0 or worker.clock is None or self._until - time.monotonic() < ALLOWED / 4:
            return []
        others = sum(max(0, one.room - len(one.has)) for one in self.workers if one is not worker)
        room = min(room, -(-len(self._queue) * room // (room + others)))
        letters: list[Letter] = []
        while self._queue and len(letters) < room:
            waiting = self._queue.popleft()
            if waiting.came.done():  # nobody waits for it any more
                continue
            self._tickets += 1
            worker.has[self._tickets] = waiting
            waiting.progress.started = True  # whatever becomes of us, it may have left
            request = waiting.request
            letters.append(Letter(self._tickets, str(request.url), dict(request.fields), request.content))
        worker.sent += len(letters)
        return letters

    async def _listen(self, worker: Worker) -> None:
        after = 0
        while report := await self._call(worker, worker.hands.give(after, self._limit(worker))):
            after = report.nth
            # Its clock was looked at a little before ours is, so that this is rather too little.
            worker.clock = report.clock - time.monotonic()
            worker.ahead = report.now.timestamp() - time.time()
            for came in report.came:
                if (waiting := worker.has.pop(came.ticket, None)) is not None:
                    waiting.settle(_by_our_clock(came.exchange(), worker.ahead))
            self._hand_out()

    def _limit(self, worker: Worker) -> float:
        """Until when *worker* may start letters, by its own clock."""
        return 0.0 if worker.clock is None else worker.clock + self._until

    async def _call(self, worker: Worker, call: Awaitable[Any]) -> Any:
        """What *call* returns, or True for nothing; False, and *worker* lost, when it could not be made."""
        try:
            found = await call
        except Exception as error:
            self.lose(worker, said(error))
            return False
        worker.heard = time.monotonic()
        return True if found is None else found


def _by_our_clock(exchange: Exchange, ahead: float) -> Exchange:
    if abs(ahead) < _APART:
        return exchange
    return replace(exchange, sent_at=exchange.sent_at - timedelta(seconds=ahead))


def said(error: BaseException) -> str:
    """What *error* says, in one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
