"""The cases on their way: some workers prepare them, others send them, and every step is journalled.

All of it lives on the background loop. Who is to be told, when to stop and what a pause is for is decided
here; what an answer means is not: that is ``wire.verdict``'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lpnb.engine import Engine
from lpnb.errors import InvalidValueError, NotSentError
from lpnb.experiments.cluster.carrier import LOST
from lpnb.experiments.pipe import Pipe
from lpnb.experiments.progress import Tally
from lpnb.experiments.rows import consumer_of, without_personal
from lpnb.experiments.slots import Slots
from lpnb.journal import Answer, Journal
from lpnb.patience import LADDER
from lpnb.responses import BatchResponse
from lpnb.wire import Batch, Exchange, Outgoing

if TYPE_CHECKING:
    from lpnb.experiments.cases import Case, Cases
    from lpnb.transport import Transport

#: So many troubles one after the other make a run pause.
IN_A_ROW = 5
#: Seconds of that pause.
PAUSE = 10.0
_OPENS = "cm.ConsumerRequestConversation"


class _HeldError(Exception):
    """The run was stopped or paused before this case had left."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A case that can leave at once: its consumer's token is there."""

    number: int
    consumer_id: str
    batch: Batch | None
    trouble: Answer | None = None


class Sending:
    """One sitting of a run: from the first case that is still to be sent to the last, or to a stop."""

    def __init__(
        self,
        engine: Engine,
        cases: Cases,
        journal: Journal,
        todo: Iterator[tuple[int, int]],
        run_key: str,
        *,
        concurrency: int,
        on_5xx: str,
        tally: Tally,
        salt: str | None = None,
        over: Transport | None = None,
    ) -> None:
        self.engine = engine
        self.cases = cases
        self.journal = journal
        self.tally = tally
        self._todo = todo
        self._run_key = run_key
        self._salt = salt
        self._again: list[tuple[int, int]] = []
        self._held: list[tuple[Ready, int]] = []
        self._concurrency = concurrency
        self._retry_5xx = on_5xx == "retry"
        self._stopped = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()
        self._in_a_row = 0
        self._busy = 0
        self._unwritten: set[asyncio.Future[None]] = set()
        self._pipe: Pipe[tuple[Ready, int]] = Pipe(concurrency)
        self.slots = Slots(concurrency)
        self._senders: set[asyncio.Task[None]] = set()
        self.over = over
        self.failure: BaseException | None = None

    @property
    def stopping(self) -> bool:
        """Whether nothing new leaves any more."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Let what has left be answered, and nothing new leave. Call it on the background loop."""
        self._stopped.set()
        self._pipe.close(drop=True)
        self._open.set()
        self.slots.open()  # whoever waits for one now sees that nothing leaves

    def pause(self, why: str) -> None:
        """Stop because nothing can be sent for now; what has not left stays to be sent."""
        if not self.stopping:
            self.tally.state, self.tally.trouble = "paused", why
            self.stop()

    def grow(self, concurrency: int) -> None:
        """Have so many under way at once from now on, if that is more than before."""
        while self._senders and self._concurrency < concurrency and not self.stopping:
            self._concurrency += 1
            self._senders |= {asyncio.create_task(self._send()) for _ in range(2)}
        self.slots.widen(self._concurrency)

    async def run(self) -> str:
        """Send all there is; return how it ended: "done", "stopped", "paused" or "failed"."""
        preparing = [asyncio.create_task(self._prepare()) for _ in range(self._concurrency)]
        # Twice as many as may be under way: those who write down what leaves next hold no slot.
        self._senders = {asyncio.create_task(self._send()) for _ in range(2 * self._concurrency)}
        watching = asyncio.create_task(self._watch())
        ended = asyncio.create_task(self._close_when_prepared(preparing))
        try:
            while self._senders:  # there may be more of them meanwhile
                await asyncio.gather(*self._senders)
                self._senders = {task for task in self._senders if not task.done()}
            while self._unwritten:
                await asyncio.wait(self._unwritten)
        finally:
            for task in (*preparing, ended, watching):
                task.cancel()
            await asyncio.gather(*preparing, ended, watching, return_exceptions=True)
        if self.failure is not None:
            return "failed"
        if self.tally.state == "paused":
            return "paused"
        return "stopped" if self.stopping else "done"

    async def _close_when_prepared(self, preparing: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(*preparing)
        # One that is held comes back to be sent, and as long as one is waiting another may be.
        while not self.stopping and (self._busy or self._again or self._held or not self._pipe.empty):
            await asyncio.sleep(0.02)
            while self._again and not self.stopping:
                await self._prepare_one(self._again.pop())
        self._pipe.close()

    async def _prepare(self) -> None:
        while not self.stopping:
            due = self._again.pop() if self._again else next(self._todo, None)
            if due is None:
                return
            await self._prepare_one(due)

    async def _prepare_one(self, due: tuple[int, int]) -> None:
        number, tried = due
        consumer_id = ""
        batch: Batch | None = None
        trouble: Answer | None = None
        try:
            case = self.cases[number]
            consumer_id = case.consumer_id or consumer_of(self._run_key, number, case.name)
            batch = await self.batch_of(case, consumer_id)
            await self.engine.ready(consumer_id)
        except NotSentError as error:
            trouble = Answer("not sent", code="not-ready", message=str(error), explanation=str(error))
        except InvalidValueError as error:
            trouble = Answer("not sent", code="invalid", message=str(error), explanation=str(error))
        except Exception as error:
            self._fail(error)
            return
        await self._pipe.put((Ready(number, consumer_id, batch, trouble), tried))

    async def batch_of(self, case: Case, consumer_id: str) -> Batch:
        """What is sent for *case*; a step before sending may add to it."""
        return case.batch()

    async def _send(self) -> None:
        while True:
            await self._open.wait()
            item = self._held.pop() if self._held else await self._pipe.take()
            if item is None or self.stopping:
                return
            if not self._open.is_set():  # closed while this one was waited for
                self._held.append(item)
                continue
            self._busy += 1
            try:
                await self.one(*item)
            except Exception as error:
                self._fail(error)
            finally:
                self._busy -= 1

    def _fail(self, error: Exception) -> None:
        """A fault of ours, or a journal that cannot be written: nothing more may leave."""
        if self.failure is None:
            self.failure = error
        self.stop()

    async def one(self, ready: Ready, tried: int) -> None:
        """Send one case, journal what became of it, and count it."""
        witness = _Witness(self, ready.number, tried)
        answer = ready.trouble
        response: BatchResponse | None = None
        try:
            if answer is None and ready.batch is not None:
                try:
                    response = await self._sent(ready.batch, ready.consumer_id, witness)
                    answer = answer_of(response)
                except _HeldError:
                    self._again.append((ready.number, witness.nth))
                    return
                except NotSentError as error:
                    answer = Answer("not sent", code="not-ready", message=str(error), explanation=str(error))
            assert answer is not None  # noqa: S101 - one of the two made it
            nth = witness.nth if witness.nth > tried else witness.nth + 1
            written = self.journal.answer(ready.number, nth, self.kept(ready.number, answer))
        finally:
            witness.give_back()
        self._notice(answer)
        # Nobody is shown it before it is written, but the next case need not wait for that: its own attempt
        # is written behind it, in the same commit.
        self._unwritten.add(written)
        written.add_done_callback(functools.partial(self._written, answer.outcome))
        if answer.outcome == "answered":
            await self.after(ready, answer, written)

    def kept(self, number: int, answer: Answer) -> Answer:
        """*answer* as it may be written down: a service may repeat what it was told."""
        return answer if self._salt is None else without_personal(answer, self.cases[number], self._salt)

    def _written(self, outcome: str, written: asyncio.Future[None]) -> None:
        self._unwritten.discard(written)
        if (failure := written.exception()) is None:
            self.tally.count(outcome)
        elif isinstance(failure, Exception):
            self._fail(failure)

    async def after(self, ready: Ready, answer: Answer, written: asyncio.Future[None]) -> None:
        """What is done with a conversation once its answer is *written*; nothing, without further steps."""

    async def _sent(self, batch: Batch, consumer_id: str, witness: _Witness) -> BatchResponse:
        response = await self.engine.send(batch, consumer_id, witness=witness, over=self.over)
        if not self._retry_5xx:
            return response
        for seconds in LADDER:
            if response.outcome != "unknown" or (response.http_status or 0) < 500:
                return response
            witness.note(answer_of(response))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._stopped.wait(), self.engine.connector.throttle.wait(seconds).seconds
                )
            try:
                again = await self.engine.send(batch, consumer_id, witness=witness, over=self.over)
            except (_HeldError, NotSentError):
                return response
            if again.outcome in ("refused", "not sent"):  # which says nothing of the one before
                return response
            response = again
        return response

    def _notice(self, answer: Answer) -> None:
        """Count troubles in a row; the fifth closes the gate."""
        if (answer.message or "").startswith(LOST):
            return  # no fault of the service's
        if answer.outcome == "unknown" or (answer.outcome == "not sent" and answer.code != "invalid"):
            self._in_a_row += 1
            if self._in_a_row >= IN_A_ROW and self._open.is_set() and not self.stopping:
                self.tally.state = "pausing"
                self._open.clear()
        else:
            self._in_a_row = 0

    async def _watch(self) -> None:
        """When the gate is closed: wait, try one, and open it again or end the sitting."""
        while True:
            await asyncio.sleep(0.05)
            if self._open.is_set() or self._busy:
                continue
            self.tally.trouble = f"{IN_A_ROW} cases in a row got no usable answer"
            await self._pause()
            if self.stopping:
                return
            item = self._held.pop() if self._held else await self._pipe.take()
            if item is None:  # nothing is left to be tried
                self._go_on()
                return
            before = self._in_a_row
            self._trial = True
            try:
                await self.one(*item)
            except Exception as error:
                self._fail(error)
            if self._in_a_row > before:
                self.tally.tried_one = True
                self.pause(self.tally.trouble)
                return
            self._go_on()

    async def _pause(self) -> None:
        """Wait for the service to recover, unless there is nothing left to send it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self.engine.connector.throttle.wait(PAUSE).seconds
        while loop.time() < until and not self.stopping:
            if self._pipe.closed and self._pipe.empty and not self._held:
                return
            await asyncio.sleep(0.05)

    def _go_on(self) -> None:
        self._in_a_row = 0
        self._trial = False
        self.tally.state = "running"
        self.tally.trouble = ""
        self._open.set()

    _trial = False

    @property
    def holds(self) -> bool:
        """Whether a case that has not left yet has to stay here."""
        return self.stopping or not (self._open.is_set() or self._trial)


class _Witness:
    """Writes each attempt down before it leaves, and what came of one that another follows."""

    __slots__ = ("_has_slot", "_sending", "nth", "number")

    def __init__(self, sending: Sending, number: int, tried: int) -> None:
        self._sending = sending
        self.number = number
        self.nth = tried
        self._has_slot = False

    async def leaving(self, outgoing: Outgoing) -> None:
        sending, slots = self._sending, self._sending.slots
        if sending.holds:
            raise _HeldError
        await slots.write()
        try:
            if sending.holds:
                raise _HeldError
            begun = time.perf_counter()
            req_ids = [req_id for req_id, _ in outgoing.requests]
            await sending.journal.attempt(self.number, self.nth + 1, req_ids)
            slots.took(writing=time.perf_counter() - begun)
            self.nth += 1
        except BaseException:
            slots.back_out()
            raise
        await slots.take()
        self._has_slot = True
        sending.tally.sending += 1
        if sending.holds:  # it has not left, and shall not
            self.note(Answer("planned", code="held", message="the run was stopped before it left"))
            raise _HeldError

    def give_back(self) -> None:
        """Let another request be under way."""
        if self._has_slot:
            self._has_slot = False
            self._sending.tally.sending -= 1
            self._sending.slots.give_back()

    def came(self, exchange: Exchange) -> None:
        self._sending.slots.took(answering=exchange.elapsed_ms / 1000)
        self.give_back()
        if exchange.status in (401, 429) or not exchange.started:
            # Certainly nothing was created. Should no other attempt follow, the answer takes its place.
            said = exchange.failure or f"HTTP {exchange.status}"
            raw = exchange.content
            self.note(Answer("planned", exchange.status, "again", said, None, exchange.elapsed_ms, raw=raw))

    def note(self, answer: Answer) -> None:
        self._sending.journal.note(self.number, self.nth, self._sending.kept(self.number, answer))


def answer_of(response: BatchResponse) -> Answer:
    """What is journalled of a response."""
    pairs = response.pairs
    opening = next((pair for pair in pairs if pair.type == _OPENS), pairs[-1] if pairs else None)
    sent_at = response.sent_at
    return Answer(
        response.outcome,
        response.http_status,
        opening.code if opening else None,
        opening.message if opening else None,
        response.conversation_id,
        response.elapsed_ms,
        None if sent_at is None else int(sent_at.timestamp() * 1_000_000),
        [(p.req_id, p.type, p.ok, p.code, p.message, p.conversation_id) for p in pairs],
        response.explanation,
        response.raw,
    )
