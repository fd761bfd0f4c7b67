"""How fast an account is called: played against token buckets, with a clock that jumps."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from lpnb import Client, ConversationBatch, Settings
from lpnb._internal.redaction import Secret
from lpnb.api.tokens import AppJWT
from lpnb.client.engine import Engine
from lpnb.transport.protocol import AcquireSlot, Exchange, Sleep
from lpnb.transport.rate_limiter import AdaptiveRateLimiter
from lpnb.transport.retries import Throttle


class Jumping(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer, so that a minute takes as long as its work."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        real = self._selector.select

        def select(timeout):
            ready = real(0)
            if not ready and timeout:
                self.now += timeout
            return ready

        self._selector.select = select

    def time(self) -> float:
        return self.now


@dataclass
class Limited:
    """A service that takes *rate* calls a second, *burst* at once, and answers the others with 429."""

    rate: float
    burst: float
    retry_after: float | None = None
    latency: float = 0.02
    answered: list[float] = field(default_factory=list)
    refused: int = 0
    at: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.burst

    async def exchange(self, request, probe):
        loop = asyncio.get_running_loop()
        begun, probe.started = loop.time(), True
        await asyncio.sleep(self.latency / 2)
        now = loop.time()
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now
        taken = self.tokens >= 1
        if taken:
            self.tokens -= 1
            self.answered.append(now)
        else:
            self.refused += 1
        await asyncio.sleep(self.latency / 2)
        took = (loop.time() - begun) * 1000
        if not taken:
            return Exchange(status=429, retry_after=self.retry_after, elapsed_ms=took)
        ids = [frame["id"] for frame in json.loads(request.content)]
        said = [{"code": "OK", "body": {}, "reqId": ids[0]}]
        said.append({"code": "OK", "body": {"conversationId": ids[1]}, "reqId": ids[1]})
        return Exchange(status=200, content=json.dumps(said).encode(), elapsed_ms=took)

    async def aclose(self) -> None:
        pass


def sent(service: Limited, cases: int, at_once: int, rate: float | None = None, **options):
    """Send *cases* through a real engine, so many at once; return the engine and the responses."""
    with asyncio.Runner(loop_factory=Jumping) as runner:
        loop = runner.get_loop()

        async def main():
            engine = Engine(Settings("12345678", "id", "secret"), service)
            connector = engine.account
            connector.throttle = Throttle(clock=loop.time, jitter=lambda: 0.5, **options)
            connector._clock = loop.time
            connector.domains = {"asyncMessagingEnt": "https://va.msg.liveperson.net"}
            connector._domains_until = 1e9
            connector.app_jwt = AppJWT(Secret("app"), 1e9, 1e9)
            connector.throttle.rate_limiter.rate = rate
            batch = ConversationBatch()
            numbers = iter(range(cases))
            found = []

            async def worker():
                for number in numbers:
                    connector.consumers[f"c-{number}"] = Secret("jws")
                    found.append(await engine.send(batch, f"c-{number}"))

            await asyncio.gather(*(worker() for _ in range(at_once)))
            return engine, found

        return runner.run(main())


def goodput(service: Limited) -> float:
    """Calls answered a second, after the first five seconds and before the last."""
    end = service.answered[-1]
    return sum(5 <= at < end - 1 for at in service.answered) / (end - 6)


@pytest.mark.parametrize("burst", [10, 50, 200])
@pytest.mark.parametrize("at_once", [16, 32])
def test_an_unknown_limit_is_found_and_kept_to(burst, at_once):
    service = Limited(50, burst)

    _, found = sent(service, 3_000, at_once)

    assert {response.outcome for response in found} == {"answered"}
    assert goodput(service) >= 0.95 * 50
    assert service.refused < 0.02 * 3_000
    assert max(response.attempts for response in found) <= 3


def test_a_known_limit_is_never_exceeded():
    service = Limited(50, 10)

    engine, found = sent(service, 1_000, 64, rate=49)

    assert service.refused == 0
    assert {response.attempts for response in found} == {1}
    assert goodput(service) >= 0.95 * 49
    assert (engine.account.throttle.rate_limiter.rate, engine.account.throttle.rate_limiter.learned) == (
        49,
        False,
    )


def test_a_rate_above_the_limit_is_corrected_and_never_exceeded():
    service = Limited(40, 10)

    engine, found = sent(service, 2_000, 16, rate=50)

    assert {response.outcome for response in found} == {"answered"}
    assert goodput(service) >= 0.95 * 40
    assert service.refused < 0.03 * 2_000
    assert engine.account.throttle.rate_limiter.learned
    assert engine.account.throttle.rate_limiter.rate <= 50


def test_a_limit_that_asks_to_stay_away_each_time_is_tried_less_often():
    service = Limited(50, 50, retry_after=1.0)

    _, found = sent(service, 3_000, 16)

    assert {response.outcome for response in found} == {"answered"}
    assert goodput(service) >= 0.95 * 50
    assert service.refused < 0.02 * 3_000


def test_a_long_queue_is_no_reason_to_give_up():
    """The last of them waits two minutes for its slot: more than any service may hold a call."""
    service = Limited(1_000, 10)

    _, found = sent(service, 240, 240, rate=2)

    assert {(response.outcome, response.attempts) for response in found} == {("answered", 1)}
    assert service.answered[-1] > 119


def test_slots_are_evenly_spaced_and_few_late_ones_are_made_up_for():
    with asyncio.Runner(loop_factory=Jumping) as runner:
        loop = runner.get_loop()
        pace = AdaptiveRateLimiter(20, loop.time)

        async def main():
            taken = []
            for _ in range(4):
                await pace.acquire()
                taken.append(round(loop.time(), 6))
            loop.now += 5.0  # the machine was busy for a hundred slots
            for _ in range(6):
                await pace.acquire()
                taken.append(round(loop.time() - 5.15, 6))
            return taken

        # What comes after the pause: the slot that is due, three that were late, then the old rhythm.
        assert runner.run(main()) == [0.0, 0.05, 0.1, 0.15, 0.0, 0.0, 0.0, 0.0, 0.05, 0.1]


def test_who_queues_first_goes_first_and_who_gives_up_costs_no_slot():
    with asyncio.Runner(loop_factory=Jumping) as runner:
        loop = runner.get_loop()
        pace = AdaptiveRateLimiter(10, loop.time)
        order = []

        async def one(number):
            await pace.acquire()
            order.append((number, round(loop.time(), 6)))

        async def main():
            tasks = [asyncio.create_task(one(number)) for number in range(6)]
            await asyncio.sleep(0.05)
            tasks[1].cancel()
            tasks[3].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        runner.run(main())

    assert order == [(0, 0.0), (2, 0.1), (4, 0.2), (5, 0.3)]


def test_without_a_rate_and_without_a_429_no_flow_asks_for_a_turn():
    service = Limited(1e9, 1e9)

    engine, found = sent(service, 50, 10)

    assert len(found) == 50
    assert engine.account.throttle.rate_limiter.rate is None
    assert len(set(service.answered)) == 5  # ten at once, five times


def test_the_first_429_holds_everybody_and_a_later_one_only_itself():
    now = [100.0]
    throttle = Throttle(clock=lambda: now[0], jitter=lambda: 0.0)

    assert throttle.record_refused(Exchange(status=429, elapsed_ms=20.0), 1) is None
    assert throttle.pause() == Sleep(1.0)
    assert throttle.rate_limiter.rate == 2.0

    now[0] = 102.0
    assert throttle.pause() is None
    assert throttle.record_refused(Exchange(status=429, elapsed_ms=20.0), 1) == Sleep(1.0)
    assert throttle.record_refused(Exchange(status=429, elapsed_ms=20.0), 3) == Sleep(4.0)
    assert throttle.pause() is None

    assert throttle.record_refused(Exchange(status=429, retry_after=7.0, elapsed_ms=20.0), 1) is None
    assert throttle.pause() == Sleep(7.0)


def test_a_429_to_a_request_that_left_before_the_last_cut_says_nothing_new():
    now = [0.0]
    pace = AdaptiveRateLimiter(100, clock=lambda: now[0])
    now[0] = 10.0
    assert pace.record_refused(0.02) is False
    after = pace.rate
    assert (after, pace.learned) == (70.0, True)

    now[0] = 10.01
    pace.record_refused(0.02)
    assert pace.rate == after

    now[0] = 10.05
    pace.record_refused(0.02)
    assert pace.rate == 49.0


def test_a_hold_sends_those_who_queue_for_a_slot_to_see_for_themselves():
    """Then each decides whether that is too long, as without a pace."""
    with asyncio.Runner(loop_factory=Jumping) as runner:
        loop = runner.get_loop()
        throttle = Throttle(clock=loop.time, jitter=lambda: 0.0)
        throttle.rate_limiter.rate = 1

        async def main():
            await throttle.rate_limiter.acquire()
            queue = [asyncio.create_task(throttle.rate_limiter.acquire()) for _ in range(3)]
            await asyncio.sleep(0.5)
            throttle.hold(300)
            await asyncio.gather(*queue)
            return loop.time(), throttle.pause()

        assert runner.run(main()) == (0.5, Sleep(299.5 + 0.5))


def test_a_flow_looks_at_holds_and_tokens_again_after_its_turn(settings):
    from lpnb.client.account import AccountState
    from lpnb.transport.protocol import RefreshTokens, Request

    now = [0.0]
    throttle = Throttle(clock=lambda: now[0], jitter=lambda: 0.0)
    throttle.rate_limiter.rate = 1
    connector = AccountState(settings, throttle, lambda: 0.0)
    connector.domains = {"asyncMessagingEnt": "https://va.msg.liveperson.net"}
    connector.app_jwt = AppJWT(Secret("old"), 1000.0, 3600.0)
    connector.consumers["anna"] = Secret("jws")
    flow = connector.post(ConversationBatch(), "anna")

    assert next(flow) == AcquireSlot()
    throttle.hold(5)
    connector.app_jwt = None
    assert flow.send(None) == Sleep(5.0)
    now[0] = 6.0
    assert flow.send(None) == RefreshTokens("anna")
    connector.app_jwt = AppJWT(Secret("new"), 1000.0, 3600.0)
    assert flow.send(None) == AcquireSlot()
    assert isinstance(flow.send(None), Request)


def test_a_rate_that_nobody_queues_for_is_not_raised():
    now = [0.0]
    pace = AdaptiveRateLimiter(None, clock=lambda: now[0])
    pace.record_refused(0.0)
    for _ in range(100):
        now[0] += 10
        asyncio.run(pace.acquire())
        pace.record_accepted()

    assert pace.rate == 2.0


def test_a_limit_that_has_gone_is_forgotten_in_the_end():
    class Lifting(Limited):
        async def exchange(self, request, probe):
            self.rate = self.burst = 1e9 if asyncio.get_running_loop().time() > 20 else 50
            return await super().exchange(request, probe)

    service = Lifting(50, 50)
    _, found = sent(service, 12_000, 64)

    assert {response.outcome for response in found} == {"answered"}
    assert service.answered[-1] < 60


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf"), "25", True])
def test_a_rate_is_a_number_above_0(rate):
    with pytest.raises(ValueError, match=r"^rate must be a number of calls a second above 0, or None; got "):
        AdaptiveRateLimiter(rate)


def test_closing_a_client_ends_the_waiting_for_a_slot(settings, sandbox):
    import threading

    from lpnb import NotSentError

    client = Client(settings)
    client.engine.account.throttle.rate_limiter.rate = 0.01
    client.create_conversation("anna")
    caught = []

    def send():
        try:
            client.create_conversation("bob")
        except NotSentError as error:
            caught.append(str(error))

    thread = threading.Thread(target=send)
    thread.start()
    for _ in range(2000):
        if client.engine.account.throttle.rate_limiter._queue:
            break
        thread.join(0.005)
    client.close()
    thread.join(10)

    assert not thread.is_alive()

    assert caught == ["This client is closed. Make a new one to send."]
    assert sandbox.calls["conversation"] == 1
