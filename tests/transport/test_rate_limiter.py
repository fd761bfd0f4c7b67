"""How fast an account is called: played against token buckets, with a clock that jumps."""

from __future__ import annotations

import asyncio

import pytest
from simulated_pace import (
    ChangingLimit,
    JumpingLoop,
    Limit,
    Share,
    SharedLimit,
    SimulatedService,
    Wall,
    seconds_when_each_waits_a_second,
    send,
)

from lpnb import Client, ConversationBatch
from lpnb._internal.redaction import Secret
from lpnb.api.tokens import AppJWT
from lpnb.transport.protocol import AcquireSlot, Exchange, Sleep
from lpnb.transport.rate_limiter import AdaptiveRateLimiter
from lpnb.transport.retries import Throttle


def outcomes(run):
    return {response.outcome for response in run.responses}


# A limit


@pytest.mark.parametrize("burst", [10, 50, 200])
def test_an_unknown_limit_is_found_and_kept_to(burst):
    run = send(SimulatedService(Limit(50, burst)), 1_000, 16)

    assert outcomes(run) == {"answered"}
    assert run.rate(5, run.service.answered[-1] - 1) >= 0.95 * 50
    assert run.refused < 0.05  # what finding it costs; of three times as many cases it is under 2 %
    assert max(response.attempts for response in run.responses) <= 4


def test_a_small_limit_is_found_too():
    run = send(SimulatedService(Limit(2, 2)), 60, 16)

    assert outcomes(run) == {"answered"}
    assert run.rate(5, run.service.answered[-1] - 1) >= 0.9 * 2
    assert run.refused < 0.4


def test_a_known_limit_is_never_exceeded():
    run = send(SimulatedService(Limit(50, 10)), 1_000, 64, rate=49)

    assert run.service.refused == []
    assert {response.attempts for response in run.responses} == {1}
    assert run.rate(5, run.service.answered[-1] - 1) >= 0.95 * 49
    limiter = run.engine.account.throttle.rate_limiter
    assert (limiter.rate, limiter.learned) == (49, False)


def test_a_rate_above_the_limit_is_corrected_and_never_exceeded():
    run = send(SimulatedService(Limit(40, 10)), 1_000, 16, rate=50)

    assert outcomes(run) == {"answered"}
    assert run.rate(5, run.service.answered[-1] - 1) >= 0.95 * 40
    assert run.refused < 0.03
    limiter = run.engine.account.throttle.rate_limiter
    assert limiter.learned
    assert limiter.rate <= 50


def test_a_limit_that_falls_and_rises_is_followed():
    limit = ChangingLimit(50, 50, changes=((10, 10), (25, 50)))

    run = send(SimulatedService(limit), 10**6, 16, until=42)

    assert outcomes(run) == {"answered"}
    assert run.rate(15, 25) == pytest.approx(10, rel=0.05)
    assert run.rate(36, 42) >= 0.9 * 50
    assert run.refused < 0.05


def test_another_client_of_the_same_account_gets_its_half():
    run = send(SimulatedService(SharedLimit(50, 10, others=25, since=6, until=100)), 10**6, 16, until=20)

    assert outcomes(run) == {"answered"}
    assert run.rate(10, 19) == pytest.approx(25, rel=0.05)
    assert run.refused < 0.05


# Refusals that do not follow our rate


@pytest.mark.parametrize(("since", "at_once"), [(0, 16), (0, 1), (3, 16)])
def test_ten_seconds_after_a_wall_of_twenty_the_rate_is_what_it_would_be_without(since, at_once):
    run = send(SimulatedService(Wall(since, since + 20), latency=0.1), 10**6, at_once, until=since + 29)

    assert outcomes(run) == {"answered"}
    assert run.rate(since + 28, since + 29) >= 0.8 * at_once / run.service.latency
    # Its advice is a wait of a second for each; all together were less than twice as many as that in flight.
    assert len(run.service.refused) < 20 * min(at_once, 8)


def test_refusals_that_come_whatever_we_do_do_not_slow_us_down():
    run = send(SimulatedService(Share(0.3, seed=1)), 400, 16)

    assert outcomes(run) == {"answered"}
    naive = seconds_when_each_waits_a_second(SimulatedService(Share(0.3, seed=1)), 400, 16)
    assert run.seconds <= naive / 0.6
    assert run.engine.account.throttle.rate_limiter.rate is None


@pytest.mark.parametrize("seed", range(3))
def test_many_refusals_in_a_row_and_then_some_at_random_do_not_make_a_run_crawl(seed):
    run = send(SimulatedService(Share(0.3, 25, seed)), 60, 8, seed=seed)

    assert outcomes(run) == {"answered"}
    naive = seconds_when_each_waits_a_second(SimulatedService(Share(0.3, 25, seed)), 60, 8)
    assert run.seconds <= naive / 0.6


# Retry-After


def test_a_limit_that_asks_to_stay_away_each_time_is_tried_less_often():
    run = send(SimulatedService(Limit(50, 50), retry_after=1.0), 1_500, 16)

    assert outcomes(run) == {"answered"}
    assert run.rate(5, run.service.answered[-1] - 1) >= 0.9 * 50
    assert run.refused < 0.03


@pytest.mark.parametrize("seconds", [1.0, 5.0, 30.0])
@pytest.mark.parametrize("refuses", [Limit(50, 50), Share(0.2)])
def test_no_attempt_comes_before_its_retry_after(seconds, refuses):
    run = send(SimulatedService(refuses, retry_after=seconds), 200, 16)

    assert outcomes(run) == {"answered"}
    assert len(run.service.refused) > 0
    assert run.service.too_early == 0


def test_an_attempt_that_was_written_down_waits_as_well_when_another_is_told_to_stay_away(settings):
    from lpnb.client.account_state import AccountState
    from lpnb.transport.protocol import BeforeSend, Request

    class Observer:
        async def before_send(self, outgoing): ...
        def after_exchange(self, exchange): ...

    now = [0.0]
    throttle = Throttle(clock=lambda: now[0], jitter=lambda: 0.0)
    account = AccountState(settings, throttle, lambda: 0.0)
    account.domains = {"asyncMessagingEnt": "https://va.msg.liveperson.net"}
    account.app_jwt = AppJWT(Secret("app"), 1000.0, 3600.0)
    account.consumers["anna"] = Secret("jws")
    flow = account.post(ConversationBatch(), "anna", Observer())

    assert isinstance(next(flow), BeforeSend)
    throttle.hold(7)
    assert flow.send(None) == Sleep(7.0)
    now[0] = 8.0
    assert isinstance(flow.send(None), Request)


# Slots


def test_a_long_queue_is_no_reason_to_give_up():
    """The last of them waits two minutes for its slot: more than any service may hold a call."""
    run = send(SimulatedService(Limit(1_000, 10)), 240, 240, rate=2)

    assert {(response.outcome, response.attempts) for response in run.responses} == {("answered", 1)}
    assert run.service.answered[-1] > 119


def test_slots_are_evenly_spaced_and_few_late_ones_are_made_up_for():
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
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
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
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
    run = send(SimulatedService(Limit(1e9, 1e9)), 50, 10)

    assert len(run.responses) == 50
    assert run.engine.account.throttle.rate_limiter.rate is None
    assert run.seconds < 6 * run.service.latency  # ten at once, five times


def test_the_first_429_holds_everybody_and_a_later_one_only_itself():
    now = [100.0]
    throttle = Throttle(clock=lambda: now[0], jitter=lambda: 0.0)

    assert throttle.record_refused(Exchange(status=429, elapsed_ms=20.0)) is None
    assert throttle.pause() == Sleep(1.0)
    assert throttle.rate_limiter.rate == 5.0

    now[0] = 102.0
    assert throttle.pause() is None
    assert throttle.record_refused(Exchange(status=429, elapsed_ms=20.0)) == Sleep(1.0)
    assert throttle.record_refused(Exchange(status=429, elapsed_ms=20.0)) == Sleep(1.0)
    assert throttle.pause() is None

    assert throttle.record_refused(Exchange(status=429, retry_after=7.0, elapsed_ms=20.0)) is None
    assert throttle.pause() == Sleep(7.0)


def test_a_429_to_a_request_that_left_before_the_last_cut_says_nothing_new():
    now = [0.0]
    pace = AdaptiveRateLimiter(100, clock=lambda: now[0])
    for _ in range(80):
        now[0] += 0.01
        pace.record_accepted(0.001)
    pace.record_refused(0.001)
    after = pace.rate
    assert (pace.learned, 90 < after < 100) == (True, True)

    for _ in range(20):
        pace.record_refused(0.002)
    assert pace.rate == after


def test_a_hold_sends_those_who_queue_for_a_slot_to_see_for_themselves():
    """Then each decides whether that is too long, as without a pace."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
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
    from lpnb.client.account_state import AccountState
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
        pace.record_accepted(0.0)

    assert pace.rate == 5.0


def test_an_hour_without_calls_does_not_make_the_account_look_slow():
    now = [0.0]
    pace = AdaptiveRateLimiter(50, clock=lambda: now[0])

    def call(refused):
        now[0] = max(now[0] + 0.02, pace._next)
        asyncio.run(pace.acquire())
        (pace.record_refused if refused else pace.record_accepted)(0.0)

    for _ in range(100):
        call(refused=False)
    now[0] += 3_600
    for _ in range(100):
        call(refused=False)
    call(refused=True)

    assert 40 < pace.rate < 50


def test_a_limit_that_has_gone_is_forgotten_in_the_end():
    class Lifting(Limit):
        def refill(self, now):
            self.rate = self.burst = 1e9 if now > 20 else 50
            super().refill(now)

    run = send(SimulatedService(Lifting(50, 50)), 2_000, 16)

    assert outcomes(run) == {"answered"}
    assert run.seconds < 60


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
