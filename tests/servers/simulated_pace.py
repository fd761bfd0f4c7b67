"""Services with limits, played without sockets on a loop whose clock jumps, and what a real client does."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lpnb import BatchResponse, ConversationBatch, Settings
from lpnb._internal.redaction import Secret
from lpnb.api.tokens import AppJWT
from lpnb.client.engine import Engine
from lpnb.transport.protocol import Exchange, ExchangeProgress, Request
from lpnb.transport.retries import Throttle


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer, so that a minute takes as long as its work."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        real = self._selector.select

        def select(timeout: float | None) -> Any:
            ready = real(0)
            if not ready and timeout:
                self.now += timeout
            return ready

        self._selector.select = select

    def time(self) -> float:
        return self.now


@dataclass
class Limit:
    """Takes *rate* calls a second, *burst* at once: a token bucket, full at first."""

    rate: float
    burst: float
    at: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.burst

    def __call__(self, now: float) -> bool:
        """Whether a call at *now* is refused."""
        self.refill(now)
        if self.tokens < 1 - 1e-9:
            return True
        self.tokens -= 1
        return False

    def refill(self, now: float) -> None:
        self.tokens = min(self.burst, self.tokens + (now - self.at) * self.rate)
        self.at = now


@dataclass
class ChangingLimit(Limit):
    """A bucket whose rate is another from time to time: from so many seconds on, so many calls a second."""

    changes: tuple[tuple[float, float], ...] = ()

    def refill(self, now: float) -> None:
        super().refill(now)
        self.rate = next((rate for since, rate in reversed(self.changes) if now >= since), self.rate)


@dataclass
class SharedLimit(Limit):
    """A bucket out of which another client takes *others* a second for a while, and is never refused."""

    others: float = 0.0
    since: float = 0.0
    until: float = float("inf")
    taken_at: float = 0.0

    def refill(self, now: float) -> None:
        self.taken_at = max(self.taken_at, self.since)
        while self.taken_at <= min(now, self.until):
            super().refill(max(self.taken_at, self.at))
            self.tokens -= 1
            self.taken_at += 1 / self.others
        super().refill(max(now, self.at))


@dataclass
class Wall:
    """Refuses everything between two times; what it does at others, *then* says."""

    since: float
    until: float
    then: Callable[[float], bool] = lambda now: False

    def __call__(self, now: float) -> bool:
        return self.since <= now < self.until or self.then(now)


@dataclass
class Share:
    """Refuses the first calls, so many, and then a share of them, at random and whatever their rate is."""

    share: float
    first: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def __call__(self, now: float) -> bool:
        if self.first > 0:
            self.first -= 1
            return True
        return self.random.random() < self.share


@dataclass
class SimulatedService:
    """Answers CONVERSATION after about *latency* seconds, or with 429 when *refuses* says so."""

    refuses: Callable[[float], bool]
    retry_after: float | None = None
    latency: float = 0.02
    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    #: How many attempts of a request came before the Retry-After of the last one was over.
    too_early: int = 0
    not_before: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(1)

    def one_way(self) -> float:
        """Seconds of a way: no two calls take the same, or they would keep step with the bucket."""
        return self.latency / 2 * self.random.uniform(0.9, 1.1)

    async def exchange(self, request: Request, progress: ExchangeProgress) -> Exchange:
        loop = asyncio.get_running_loop()
        begun, progress.started = loop.time(), True
        who = request.headers["X-LP-ON-BEHALF"]
        self.too_early += begun < self.not_before.get(who, 0.0) - 1e-6
        await asyncio.sleep(self.one_way())
        is_refused = self.refuses(loop.time())
        (self.refused if is_refused else self.answered).append(loop.time())
        await asyncio.sleep(self.one_way())
        took = (loop.time() - begun) * 1000
        if is_refused:
            if self.retry_after is not None:
                self.not_before[who] = loop.time() + self.retry_after
            return Exchange(status=429, retry_after=self.retry_after, elapsed_ms=took)
        ids = [frame["id"] for frame in json.loads(request.content)]
        said = [{"code": "OK", "body": {}, "reqId": ids[0]}]
        said.append({"code": "OK", "body": {"conversationId": ids[1]}, "reqId": ids[1]})
        return Exchange(status=200, content=json.dumps(said).encode(), elapsed_ms=took)

    async def aclose(self) -> None:
        pass


@dataclass(frozen=True)
class SimulatedRun:
    """What came of a run: the service, the responses, the engine that sent, and the seconds it took."""

    service: SimulatedService
    responses: list[BatchResponse]
    engine: Engine
    seconds: float

    def rate(self, since: float, until: float) -> float:
        """Calls answered a second between two times."""
        return sum(since <= at < until for at in self.service.answered) / (until - since)

    @property
    def refused(self) -> float:
        """The share of all calls that was refused."""
        calls = len(self.service.answered) + len(self.service.refused)
        return len(self.service.refused) / calls


def send(
    service: SimulatedService,
    cases: int,
    at_once: int,
    rate: float | None = None,
    *,
    until: float = float("inf"),
    seed: int = 1,
    **options: Any,
) -> SimulatedRun:
    """Send *cases* through a real engine, so many at once, none of them after *until*."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        loop = runner.get_loop()

        async def main() -> SimulatedRun:
            engine = Engine(Settings("12345678", "id", "secret"), service)
            account = engine.account
            account.throttle = Throttle(clock=loop.time, jitter=random.Random(seed).random, **options)
            account._clock = loop.time
            account.domains = {"asyncMessagingEnt": "https://va.msg.liveperson.net"}
            account._domains_until = 1e9
            account.app_jwt = AppJWT(Secret("app"), 1e9, 1e9)
            account.throttle.rate_limiter.rate = rate
            batch = ConversationBatch()
            responses: list[BatchResponse] = []

            async def work(numbers: Iterator[int]) -> None:
                for number in numbers:
                    if loop.time() >= until:
                        return
                    account.consumers[f"c-{number}"] = Secret(f"jws-{number}")
                    responses.append(await engine.send(batch, f"c-{number}"))

            numbers = iter(range(cases))
            await asyncio.gather(*(work(numbers) for _ in range(at_once)))
            return SimulatedRun(service, responses, engine, loop.time())

        return runner.run(main())


def seconds_when_each_waits_a_second(service: SimulatedService, cases: int, at_once: int) -> float:
    """How long the same takes a loop that sends each refused call again after a second."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        loop = runner.get_loop()

        async def work(numbers: Iterator[int]) -> None:
            for _ in numbers:
                while True:
                    await asyncio.sleep(service.one_way())
                    is_refused = service.refuses(loop.time())
                    await asyncio.sleep(service.one_way())
                    if not is_refused:
                        break
                    await asyncio.sleep(1.0)

        async def main() -> float:
            numbers = iter(range(cases))
            await asyncio.gather(*(work(numbers) for _ in range(at_once)))
            return loop.time()

        return runner.run(main())


@dataclass(frozen=True)
class Scenario:
    """One service and what is asked of the pace there: a figure, and how it is measured."""

    name: str
    asked: str
    measure: Callable[[], tuple[float, str]]
    """The figure, and a sentence about the rest."""
    least: float


def _described(run: SimulatedRun) -> str:
    outcomes = {response.outcome for response in run.responses}
    return (
        f"{len(run.responses):,} cases in {run.seconds:.0f} s, {100 * run.refused:.2f} % of calls refused, "
        f"{'all answered' if outcomes == {'answered'} else sorted(outcomes)}, "
        f"{run.service.too_early} attempts before their Retry-After"
    )


def _share_of_limit(
    limit: Limit, cases: int, since: float, retry_after: float | None = None
) -> tuple[float, str]:
    run = send(SimulatedService(limit, retry_after), cases, 16)
    return run.rate(since, run.service.answered[-1] - 1) / limit.rate, _described(run)


def _after_a_wall(at_once: int, since: float) -> tuple[float, str]:
    run = send(SimulatedService(Wall(since, since + 20)), 10**6, at_once, until=since + 30)
    unlimited = at_once / run.service.latency
    return run.rate(since + 29, since + 30) / unlimited, _described(run)


def _beside_naive(share: Callable[[int], Share], cases: int, at_once: int, seeds: int) -> tuple[float, str]:
    """The mean over *seeds* of how long a loop takes that waits a second each time, by how long we do."""
    ratios, runs = [], []
    for seed in range(seeds):
        runs.append(send(SimulatedService(share(seed)), cases, at_once, seed=seed))
        naive = seconds_when_each_waits_a_second(SimulatedService(share(seed)), cases, at_once)
        ratios.append(naive / runs[-1].seconds)
    slowest = max(runs, key=lambda run: run.seconds)
    return sum(ratios) / seeds, f"{min(ratios):.2f} to {max(ratios):.2f}; the slowest: {_described(slowest)}"


def _after_changes(since: float, until: float, limit: float) -> tuple[float, str]:
    changes = ((30.0, 10.0), (60.0, 50.0))
    run = send(SimulatedService(ChangingLimit(50, 50, changes=changes)), 10**6, 16, until=until)
    return run.rate(since, until) / limit, _described(run)


def _beside_another_client(burst: float, since: float, until: float, left: float) -> tuple[float, str]:
    service = SimulatedService(SharedLimit(50, burst, others=25, since=20, until=60))
    run = send(service, 10**6, 16, until=until)
    return run.rate(since, until - 1) / left, _described(run)


SCENARIOS = (
    *(
        Scenario(
            f"a bucket of 50/s, {burst:g} at once, no Retry-After",
            "of the limit after 5 s",
            lambda burst=burst: _share_of_limit(Limit(50, burst), 3_000, 5),  # type: ignore[misc]
            0.95,
        )
        for burst in (10.0, 50.0, 200.0)
    ),
    *(
        Scenario(
            f"a wall of 20 s after {since:g} s, {at_once} in flight",
            "of the unlimited rate, 9 to 10 s after it",
            lambda at_once=at_once, since=since: _after_a_wall(at_once, since),  # type: ignore[misc]
            0.8,
        )
        for since, at_once in ((0.0, 16), (10.0, 16), (10.0, 64))
    ),
    Scenario(
        "30 % refused whatever we do, 400 cases, 16 in flight",
        "of sending each again after a second",
        lambda: _beside_naive(lambda seed: Share(0.3, seed=seed), 400, 16, 4),
        0.6,
    ),
    Scenario(
        "30 % refused whatever we do, 60 cases, 8 in flight",
        "of sending each again after a second",
        lambda: _beside_naive(lambda seed: Share(0.3, seed=seed), 60, 8, 10),
        0.6,
    ),
    Scenario(
        "25 refusals in a row, then 30 %, 60 cases, 8 in flight",
        "of sending each again after a second",
        lambda: _beside_naive(lambda seed: Share(0.3, 25, seed), 60, 8, 10),
        0.6,
    ),
    Scenario(
        "a limit of 50/s that falls to 10/s after 30 s",
        "of 10/s in the 30 s from then on",
        lambda: _after_changes(30, 60, 10),
        0.95,
    ),
    Scenario(
        "the same, back at 50/s after 60 s",
        "of 50/s in the 20 s from 10 s later on",
        lambda: _after_changes(70, 90, 50),
        0.9,
    ),
    Scenario(
        "a bucket of 50/s that another client empties by half",
        "of the half, from 5 s later on",
        lambda: _beside_another_client(10, 25, 60, 25),
        0.95,
    ),
    Scenario(
        "the same, when the other one has gone",
        "of 50/s, from 10 s later on",
        lambda: _beside_another_client(10, 70, 90, 50),
        0.9,
    ),
    *(
        Scenario(
            f"a bucket of 50/s, 50 at once, Retry-After of {seconds:g} s",
            "of the limit",
            lambda seconds=seconds: _share_of_limit(Limit(50, 50), 6_000, 5, seconds),  # type: ignore[misc]
            least,
        )
        for seconds, least in ((1.0, 0.95), (5.0, 0.6), (30.0, 0.4))
    ),
)
