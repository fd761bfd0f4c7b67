"""Sends the cases of a run: each is built, journalled, sent, and its answer is journalled.

All of it runs on the background event loop. When to stop, pause and retry is decided here; what an answer
means is not: that is ``transport.protocol.verdict``.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lpnb.client.engine import Engine
from lpnb.errors import InvalidValueError, JournalError, NotSentError
from lpnb.experiments.cluster import LOSS_PREFIX
from lpnb.experiments.runs.concurrency import ConcurrencyLimiter
from lpnb.experiments.runs.journal_rows import consumer_of, without_personal
from lpnb.experiments.runs.progress import Counters
from lpnb.journal import Answer, Journal, WriteCallback
from lpnb.models.outgoing import Batch, EncodedBatch
from lpnb.models.responses import BatchResponse
from lpnb.transport.protocol import Exchange
from lpnb.transport.retries import RETRY_DELAYS

if TYPE_CHECKING:
    from lpnb.experiments.cases.cases import Case, Cases
    from lpnb.experiments.runs.options import RunOptions
    from lpnb.transport.http_transport import Transport

#: So many troubles one after the other make a run pause.
FAILURES_BEFORE_PAUSE = 5
#: Seconds of that pause.
PAUSE_SECONDS = 10.0
#: How many cases are worked on for each request that may be under way. One is under way; one is written down
#: ahead of it, and one gets its consumer's token, so that neither is waited for with a slot standing empty.
_TASKS_PER_SLOT = 2
_OPENING_TYPE = "cm.ConsumerRequestConversation"


@dataclass(frozen=True, slots=True)
class OpenConversation:
    """A conversation with which steps are still to be done."""

    number: int
    consumer_id: str
    conversation_id: str
    finished_steps: frozenset[tuple[str, int]] = frozenset()
    """Steps that are over, or that may have happened and must not happen twice."""


@dataclass(frozen=True)
class Session:
    """What one session of a run works with.

    Attributes:
        todo: The cases to send, each by its number and how often it was tried.
        salt: What personal values are hashed with in the journal; None keeps them as they are.
        transport: What CONVERSATION requests leave through, in place of the engine's own.
        opened: Conversations of an earlier session with which steps are still to be done.
    """

    engine: Engine
    cases: Cases
    journal: Journal
    todo: Iterator[tuple[int, int]]
    run_key: str
    options: RunOptions
    counters: Counters
    salt: str | None = None
    transport: Transport | None = None
    opened: Sequence[OpenConversation] = ()


class HeldError(Exception):
    """The run was stopped or paused before this case had left."""


class Dispatcher:
    """Sends what is left of a run in one session: from the first case to the last, or to a stop."""

    def __init__(self, session: Session) -> None:
        self.engine = session.engine
        self.cases = session.cases
        self.journal = session.journal
        self.counters = session.counters
        self._todo = session.todo
        self._run_key = session.run_key
        self._salt = session.salt
        self._transport = session.transport
        self._concurrency = session.options.concurrency
        self._retries_5xx = session.options.on_5xx == "retry"
        self._held_cases: list[tuple[int, int]] = []
        self.is_stopping = False
        """Whether nothing new leaves any more."""
        self._stop_event = asyncio.Event()
        self._is_closed = False
        self._open = asyncio.Event()
        self._open.set()
        self._failures_in_a_row = 0
        self._busy_count = 0
        self._unwritten = 0
        self._last_written: asyncio.Future[None] | None = None
        self.preparation = asyncio.Semaphore(self._concurrency)
        self.slots = ConcurrencyLimiter(self._concurrency)
        self._senders: set[asyncio.Task[None]] = set()
        self.failure: BaseException | None = None

    def stop(self) -> None:
        """Let what has left be answered, and nothing new leave. Call it on the background loop."""
        self.is_stopping = True
        self._stop_event.set()
        self._open.set()
        self.slots.open()  # whoever waits for one now sees that nothing leaves

    def pause(self, why: str) -> None:
        """Stop because nothing can be sent for now; what has not left stays to be sent."""
        if not self.is_stopping:
            self.counters.state, self.counters.trouble = "paused", why
            self.stop()

    def grow(self, concurrency: int) -> None:
        """Have so many under way at once from now on, if that is more than before."""
        while self._senders and self._concurrency < concurrency and not self.is_stopping:
            self._concurrency += 1
            self._senders |= {asyncio.create_task(self._send()) for _ in range(_TASKS_PER_SLOT)}
            self.preparation.release()
        self.slots.widen(self._concurrency)

    async def run(self) -> str:
        """Send all there is; return how it ended: "done", "stopped", "paused" or "failed"."""
        tasks = min(_TASKS_PER_SLOT * self._concurrency, len(self.cases))
        self._senders = {asyncio.create_task(self._send()) for _ in range(tasks)}
        watcher = asyncio.create_task(self._watch())
        try:
            while self._senders:  # there may be more of them meanwhile
                await asyncio.gather(*self._senders)
                self._senders = {task for task in self._senders if not task.done()}
            if self._unwritten:
                self._last_written = asyncio.get_running_loop().create_future()
                await self._last_written
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
        if self.failure is not None:
            return "failed"
        if self.counters.state == "paused":
            return "paused"
        return "stopped" if self.is_stopping else "done"

    def _next_item(self) -> tuple[int, int] | None:
        """The next case to be sent, and how often it was tried; one that was held comes first."""
        return self._held_cases.pop() if self._held_cases else next(self._todo, None)

    async def _send(self) -> None:
        while True:
            if self._is_closed:
                await self._open.wait()
            if self.is_stopping or (item := self._next_item()) is None:
                return
            await self.send_case(*item)

    async def batch_of(self, case: Case, consumer_id: str) -> Batch:
        """What is sent for *case*; a step before sending may add to it."""
        return case.posted()

    def _record_failure(self, error: Exception) -> None:
        """A fault of ours, or a journal that cannot be written: nothing more may leave."""
        if self.failure is None:
            self.failure = error
        self.stop()

    async def send_case(self, number: int, attempts: int) -> None:
        """Send one case, journal what became of it, and count it; a fault of ours ends the run."""
        self._busy_count += 1
        recorder = _AttemptRecorder(self, number, attempts)
        consumer_id = ""
        try:
            try:
                case = self.cases[number]
                consumer_id = case.consumer_id or consumer_of(self._run_key, number, case.name)
                batch = await self.batch_of(case, consumer_id)
                if not self.engine.is_ready(consumer_id):
                    async with self.preparation:
                        if self.holds:
                            raise HeldError
                        await self.engine.ready(consumer_id)
                answer = answer_of(await self._send_batch(batch, consumer_id, recorder))
            except HeldError:
                self._held_cases.append((number, recorder.nth))
                return
            except (NotSentError, InvalidValueError) as error:
                code = "not-ready" if isinstance(error, NotSentError) else "invalid"
                answer = Answer("not sent", code=code, message=str(error), explanation=str(error))
            nth = recorder.nth if recorder.nth > attempts else recorder.nth + 1
            # Nobody is shown it before it is written, but the next case need not wait for that: its own
            # attempt is written behind it, in the same commit.
            on_written = WriteCallback(
                asyncio.get_running_loop(), self._on_written, number, consumer_id, answer
            )
            self.journal.answer(number, nth, self.redact(number, answer), on_written)
            self._unwritten += 1
            self._notice(answer)
        except Exception as error:
            self._record_failure(error)
        finally:
            recorder.give_back()
            self._busy_count -= 1

    def redact(self, number: int, answer: Answer) -> Answer:
        """*answer* as it may be written down: a service may repeat what it was told."""
        return answer if self._salt is None else without_personal(answer, self.cases[number], self._salt)

    def _on_written(
        self, number: int, consumer_id: str, answer: Answer, failure: JournalError | None
    ) -> None:
        self._unwritten -= 1
        try:
            if failure is None:
                self.counters.count(answer.outcome)
                self.after_answer(number, consumer_id, answer)
            else:
                self._record_failure(failure)
        except Exception as error:
            self._record_failure(error)
        if not self._unwritten and self._last_written is not None and not self._last_written.done():
            self._last_written.set_result(None)

    def after_answer(self, number: int, consumer_id: str, answer: Answer) -> None:
        """What is done once the *answer* to a case is written; nothing, without further steps."""

    async def _send_batch(self, batch: Batch, consumer_id: str, recorder: _AttemptRecorder) -> BatchResponse:
        response = await self.engine.send(batch, consumer_id, observer=recorder, over=self._transport)
        if not self._retries_5xx:
            return response
        for seconds in RETRY_DELAYS:
            if response.outcome != "unknown" or (response.http_status or 0) < 500:
                return response
            recorder.note(answer_of(response))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.engine.scaled(seconds)):
                    await self._stop_event.wait()
            try:
                reply = await self.engine.send(batch, consumer_id, observer=recorder, over=self._transport)
            except (HeldError, NotSentError):
                return response
            if reply.outcome in ("refused", "not sent"):  # which says nothing of the one before
                return response
            response = reply
        return response

    def _notice(self, answer: Answer) -> None:
        """Count troubles in a row; the fifth closes the gate."""
        if (answer.message or "").startswith(LOSS_PREFIX):
            return  # no fault of the service's
        if answer.outcome == "unknown" or (answer.outcome == "not sent" and answer.code != "invalid"):
            self._failures_in_a_row += 1
            if (
                self._failures_in_a_row >= FAILURES_BEFORE_PAUSE
                and self._open.is_set()
                and not self.is_stopping
            ):
                self.counters.state = "pausing"
                self._is_closed = True
                self._open.clear()
        else:
            self._failures_in_a_row = 0

    async def _watch(self) -> None:
        """When the gate is closed: wait, try one, and open it again or end the session."""
        while True:
            await asyncio.sleep(0.05)
            if self._open.is_set() or self._busy_count:
                continue
            if (item := self._next_item()) is None:  # nothing is left to be tried
                self._reopen()
                continue
            self.counters.trouble = f"{FAILURES_BEFORE_PAUSE} cases in a row got no usable answer"
            await self._pause()
            if self.is_stopping:
                return
            before = self._failures_in_a_row
            self._is_trying = True
            trial = asyncio.create_task(self.send_case(*item))
            self._senders.add(trial)  # the session does not end before it, also when it is stopped
            await trial
            if self._failures_in_a_row > before:
                self.counters.tried_one = True
                self.pause(self.counters.trouble)
                return
            self._reopen()

    async def _pause(self) -> None:
        """Wait for the service to recover."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.engine.scaled(PAUSE_SECONDS)):
                await self._stop_event.wait()

    def _reopen(self) -> None:
        self._failures_in_a_row = 0
        self._is_trying = False
        self.counters.state = "running"
        self.counters.trouble = ""
        self._is_closed = False
        self._open.set()

    _is_trying = False

    @property
    def holds(self) -> bool:
        """Whether a case that has not left yet has to stay here."""
        return self.is_stopping or (self._is_closed and not self._is_trying)


class _AttemptRecorder:
    """Writes each attempt down before it leaves, and what came of one that another follows."""

    __slots__ = ("_dispatcher", "_has_slot", "nth", "number")

    def __init__(self, dispatcher: Dispatcher, number: int, attempts: int) -> None:
        self._dispatcher = dispatcher
        self.number = number
        self.nth = attempts
        self._has_slot = False

    async def before_send(self, outgoing: EncodedBatch) -> None:
        dispatcher, slots = self._dispatcher, self._dispatcher.slots
        if dispatcher.holds:
            raise HeldError
        await slots.write()
        try:
            if dispatcher.holds:
                raise HeldError
            start = time.perf_counter()
            req_ids = [req_id for req_id, _ in outgoing.requests]
            await dispatcher.journal.attempt(self.number, self.nth + 1, req_ids)
            write_seconds = time.perf_counter() - start
            self.nth += 1
        except BaseException:
            slots.back_out()
            raise
        await slots.take(write_seconds)
        self._has_slot = True
        dispatcher.counters.sending += 1
        if dispatcher.holds:  # it has not left, and shall not
            self.note(Answer("planned", code="held", message="the run was stopped before it left"))
            raise HeldError

    def give_back(self, answer_seconds: float | None = None) -> None:
        """Let another request be under way, after an answer that took so many seconds, or without one."""
        if self._has_slot:
            self._has_slot = False
            self._dispatcher.counters.sending -= 1
            self._dispatcher.slots.give_back(answer_seconds)

    def after_exchange(self, exchange: Exchange) -> None:
        self.give_back(exchange.elapsed_ms / 1000)
        if exchange.status in (401, 429) or not exchange.started:
            # Certainly nothing was created. Should no other attempt follow, the answer takes its place.
            reason = exchange.failure or f"HTTP {exchange.status}"
            raw = exchange.content
            self.note(Answer("planned", exchange.status, "again", reason, None, exchange.elapsed_ms, raw=raw))

    def note(self, answer: Answer) -> None:
        self._dispatcher.journal.note(self.number, self.nth, self._dispatcher.redact(self.number, answer))


def answer_of(response: BatchResponse) -> Answer:
    """What is journalled of a response."""
    pairs = response.pairs
    opening_pair = pairs[-1] if pairs else None
    for pair in pairs:
        if pair.type == _OPENING_TYPE:
            opening_pair = pair
            break
    sent_at = response.sent_at
    return Answer(
        response.outcome,
        response.http_status,
        opening_pair.code if opening_pair else None,
        opening_pair.message if opening_pair else None,
        response.conversation_id,
        response.elapsed_ms,
        None if sent_at is None else int(sent_at.timestamp() * 1_000_000),
        [(p.req_id, p.type, p.ok, p.code, p.message, p.conversation_id) for p in pairs],
        response.explanation,
        response.raw,
    )
