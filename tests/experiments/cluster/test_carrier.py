"""What the driving side makes of workers that die, fall silent, come late, or are told a thing twice."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock, Mock

import pytest

from lpnb.experiments.cluster import cluster_transport as cluster_transport
from lpnb.experiments.cluster import worker as working
from lpnb.experiments.cluster import worker_pool
from lpnb.experiments.cluster.cluster_transport import ClusterTransport, Worker
from lpnb.experiments.cluster.messages import (
    MessageBatch,
    Report,
    RequestMessage,
    ResponseMessage,
    WorkerVersion,
)
from lpnb.experiments.cluster.worker import RequestWorker
from lpnb.experiments.cluster.worker_pool import WorkerPool
from lpnb.transport.protocol import Exchange, ExchangeProgress, PreparedPost

URL = "http://127.0.0.1:9/api/account/1/messaging/consumer/conversation?v=3"


class FakeProxy:
    """A worker that does what a test wants."""

    def __init__(self, clock_offset=0.0):
        self.batches = []
        self.reports = asyncio.Queue()
        self.limits = []
        self.recalled = 0
        self.broken = None
        self.clock_offset = clock_offset

    async def accept(self, batch, until):
        if self.broken:
            raise self.broken
        self.batches.append(batch)
        self.limits.append(until)

    async def report_after(self, after, until):
        responses = [] if after == 0 else await self.reports.get()
        if isinstance(responses, Exception):
            raise responses
        now = datetime.now(UTC) + timedelta(seconds=self.clock_offset)
        return Report(after + 1, responses, time.monotonic() + 1000, now)

    async def recall(self):
        self.recalled += 1

    async def close(self):
        pass

    @property
    def tickets(self):
        return [message.ticket for batch in self.batches for message in batch.messages]


def response(ticket, sent_at=None, **fields):
    said = {"status": 200, "content": b"[]", "failure": None, "started": True, "retry_after": None}
    said |= {"date": None, "location": None, "elapsed_ms": 1.0, **fields}
    return ResponseMessage(ticket=ticket, sent_at=sent_at or datetime.now(UTC), **said)


class Scheduler:
    """A scheduler that says who is there when it is let, the first time; later ones are not answered."""

    address = "tcp://127.0.0.1:9"

    def __init__(self):
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()

    async def identity(self):
        first = not self.asked.is_set()
        self.asked.set()
        await (self.answers if first else asyncio.Event()).wait()
        return {"workers": {}}


@pytest.mark.parametrize("steps", range(6))
def test_a_pool_closes_in_the_very_moment_in_which_the_scheduler_answers(monkeypatch, steps):
    monkeypatch.setattr(worker_pool, "LOOK_INTERVAL", 0.001)
    client = Mock(scheduler=Scheduler(), status="running", close=AsyncMock())

    async def close():
        pool = WorkerPool(client, None, 1, Mock())
        await pool.begin(Mock(), Mock(), 1)
        await client.scheduler.asked.wait()
        client.scheduler.answers.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        async with asyncio.timeout(30):
            await pool.close()

    asyncio.run(close())

    client.close.assert_awaited_once()


async def settle_down():
    for _ in range(20):
        await asyncio.sleep(0)


def transport_over(*slots, on_lost=lambda why: None, allowed=60.0):
    found = ClusterTransport(on_lost)
    proxy = [FakeProxy() for _ in slots]
    for number, (count, one) in enumerate(zip(slots, proxy, strict=True)):
        found.join(Worker(f"tcp://worker-{number}", one, count))
    if allowed:
        found.allow(time.monotonic() + allowed)
    return found, proxy


def ask(found, count):
    probes = [ExchangeProgress() for _ in range(count)]
    post = PreparedPost(URL, {"Authorization": "a", "X-LP-ON-BEHALF": "b"}, b"[]")
    return probes, [asyncio.create_task(found.exchange(post, progress)) for progress in probes]


def test_what_a_lost_worker_had_may_have_left_and_the_rest_goes_to_another(monkeypatch):
    monkeypatch.setattr(cluster_transport, "SPACING", 0)

    async def go():
        found, (first, second) = transport_over(2, 1)
        probes, tasks = ask(found, 8)
        await settle_down()
        # As many as they send at once, and as many again ahead.
        assert (len(first.tickets), len(second.tickets)) == (4, 2)
        assert [progress.started for progress in probes] == [True] * 6 + [False] * 2

        first.reports.put_nowait(OSError("connection reset"))
        await settle_down()
        lost = [task.result() for task in tasks if task.done()]
        assert lost == [
            Exchange(
                failure="the worker that had it was lost (tcp://worker-0: connection reset)",
                started=True,
                sent_at=exchange.sent_at,
            )
            for exchange in lost
        ]
        assert len(lost) == 4
        second.reports.put_nowait([response(ticket) for ticket in second.tickets])
        await settle_down()
        second.reports.put_nowait([response(ticket) for ticket in second.tickets[2:]])
        await settle_down()
        assert [task.done() for task in tasks] == [True] * 8
        assert not set(first.tickets) & set(second.tickets)

    asyncio.run(go())


def test_a_worker_that_breaks_while_it_is_handed_something_may_have_got_it():
    async def go():
        found, (only,) = transport_over(4)
        await settle_down()
        only.broken = OSError("broken pipe")
        _, tasks = ask(found, 2)
        await settle_down()
        assert [(task.result().started, task.result().status) for task in tasks] == [(True, None)] * 2
        assert found.workers == []

    asyncio.run(go())


def test_nothing_is_handed_out_before_the_journal_says_until_when_nor_when_that_is_nearly_over():
    async def go():
        found, (only,) = transport_over(4, allowed=0.0)
        ask(found, 2)
        await settle_down()
        assert only.tickets == []
        found.allow(time.monotonic() + cluster_transport.START_ALLOWANCE / 8)
        await settle_down()
        assert only.tickets == []
        until = time.monotonic() + cluster_transport.START_ALLOWANCE
        found.allow(until)
        await settle_down()
        assert len(only.tickets) == 2
        # In the worker's own time, and rather too early than too late.
        assert until + 1000 - 0.5 < only.limits[0] <= until + 1000

    asyncio.run(go())


def test_a_worker_that_is_not_heard_of_is_lost(monkeypatch):
    monkeypatch.setattr(cluster_transport, "SILENCE_LIMIT", -1.0)

    async def go():
        found, _ = transport_over(4)
        _, tasks = ask(found, 1)
        await settle_down()
        found.lose_silent()
        await settle_down()
        assert (
            tasks[0].result().failure.startswith("the worker that had it was lost (tcp://worker-0: nothing")
        )
        assert tasks[0].result().started

    asyncio.run(go())


def test_an_answer_after_its_worker_was_lost_changes_nothing():
    async def go():
        found, (only,) = transport_over(4)
        _, tasks = ask(found, 1)
        await settle_down()
        found.lose(found.workers[0], "the scheduler has lost it")
        only.reports.put_nowait([response(1)])
        await settle_down()
        assert tasks[0].result().status is None

    asyncio.run(go())


def test_when_the_scheduler_is_gone_nothing_more_is_handed_out_and_answers_are_still_taken():
    async def go():
        told = []
        found, (only,) = transport_over(1, on_lost=told.append)
        _, tasks = ask(found, 3)
        await settle_down()
        found.end("the scheduler is gone")
        found.end("the scheduler is gone")
        only.reports.put_nowait([response(1), response(2)])
        await settle_down()
        assert [task.result().started for task in tasks] == [True, True, False]
        assert [task.result().status for task in tasks] == [200, 200, None]
        later = await found.exchange(PreparedPost(URL, {}, b""), ExchangeProgress())
        assert (later.failure, later.started) == ("the scheduler is gone", False)
        assert told == ["the scheduler is gone"]

    asyncio.run(go())


def test_a_clock_that_is_ahead_does_not_move_when_a_case_was_sent():
    async def go():
        found, (only,) = transport_over(1)
        only.clock_offset = 3600.0
        _, tasks = ask(found, 1)
        await settle_down()
        only.reports.put_nowait([response(1, datetime.now(UTC) + timedelta(seconds=3600))])
        await settle_down()
        assert abs(tasks[0].result().sent_at - datetime.now(UTC)) < timedelta(seconds=60)

    asyncio.run(go())


def test_only_what_is_posted_leaves_from_workers():
    async def go():
        found, _ = transport_over(1)
        with pytest.raises(TypeError, match="workers send what is posted"):
            await found.exchange(object(), ExchangeProgress())

    asyncio.run(go())


class Answering:
    """In place of a worker's connections."""

    def __init__(self):
        self.seen = []
        self.go = asyncio.Event()

    async def exchange(self, request, progress):
        self.seen.append(request)
        await self.go.wait()
        return Exchange(200, b'{"echo": "app-token jws-token"}')

    async def aclose(self):
        pass


def sender(slots):
    made = RequestWorker(WorkerVersion(), slots, 30.0, 1 << 20, "sockets")
    made._transport = Answering()
    return made


def message(ticket):
    return RequestMessage(ticket, URL, {"Authorization": "app-token", "X-LP-ON-BEHALF": "jws-token"}, b"[]")


def test_a_parcel_that_is_delivered_twice_is_sent_once_and_a_report_that_was_lost_is_told_again():
    async def go():
        one = sender(8)
        until = time.monotonic() + 60
        await one.accept(MessageBatch(1, [message(1), message(2)]), until)
        await one.accept(MessageBatch(1, [message(1), message(2)]), until)
        one._transport.go.set()
        await settle_down()
        first = await one.report_after(0, until)
        again = await one.report_after(0, until)
        assert [found.ticket for found in first.responses] == [1, 2]
        assert again is first
        assert len(one._transport.seen) == 2

    asyncio.run(go())


def test_a_worker_that_hears_nothing_of_the_driving_process_starts_nothing():
    async def go():
        one = sender(1)
        await one.accept(MessageBatch(1, [message(1), message(2)]), time.monotonic() + 60)
        await settle_down()
        one._until = time.monotonic() - 0.001  # and now nobody renews it
        one._transport.go.set()
        await settle_down()
        report = await one.report_after(0, 0.0)
        assert [(found.ticket, found.started, found.failure) for found in report.responses] == [
            (1, True, None),
            (2, False, "the driving process was not heard of in time"),
        ]
        assert len(one._transport.seen) == 1

    asyncio.run(go())


def test_what_is_recalled_is_kept_here_and_what_is_under_way_is_answered():
    async def go():
        one = sender(1)
        await one.accept(MessageBatch(1, [message(1), message(2), message(3)]), time.monotonic() + 60)
        await one.recall()
        one._transport.go.set()
        await settle_down()
        report = await one.report_after(0, 0.0)
        assert sorted((found.ticket, found.started) for found in report.responses) == [
            (1, True),
            (2, False),
            (3, False),
        ]

    asyncio.run(go())


def test_what_a_worker_tells_holds_no_token_even_when_a_gateway_echoes_the_request():
    async def go():
        one = sender(1)
        one._transport.go.set()
        await one.accept(MessageBatch(1, [message(1)]), time.monotonic() + 60)
        await settle_down()
        report = await one.report_after(0, 0.0)
        assert report.responses[0].content == b'{"echo": "******** ********"}'

    asyncio.run(go())


def test_what_passes_masks_itself():
    shown = repr(
        [
            message(1),
            MessageBatch(1, [message(1)]),
            response(1, content=b"app-token"),
            Report(1, [], 0.0, None),
        ]
    )

    assert "token" not in shown
    assert "<RequestMessage 1 ********>, <MessageBatch 1 of 1 messages>" in shown


def test_with_nothing_to_tell_a_worker_answers_after_a_while(monkeypatch):
    monkeypatch.setattr(working, "LISTEN_SECONDS", 0.01)

    async def go():
        report = await sender(1).report_after(3, 0.0)
        assert (report.nth, list(report.responses)) == (4, [])

    asyncio.run(go())
