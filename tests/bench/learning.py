"""How many sends it takes to learn the routing rules, and how much of a processor.

Run it from the checkout: ``python tests/bench/learning.py PART [worlds] [--tree]``. PART is one of default,
sde, wire, 4x4, 6x5, 8x6, 10x8, stop, change, noise, bound, hold. Worlds and answers come from the sandbox's
own routing in this process (``learning_worlds``), with ``wire`` from a sandbox that is sent to. ``--tree``
adds a decision tree on random rows; it wants ``pip install scikit-learn`` (200 MB with SciPy, so no extra has
it). Sends are counted by whole batches of 16. Each figure is a median, a 90th percentile and the worst.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from learning_worlds import BANK_FACTORS, SDE_FACTORS, SIZES, RandomWorld, bank, every_row, land, random_world

from lpnb import Client, Grid, Sandbox, Settings, learn_routing
from lpnb.experiments.learning.case_space import CaseSpace, Rows
from lpnb.experiments.learning.decision_list import predicted_skills
from lpnb.experiments.learning.factors import Factors
from lpnb.experiments.learning.learner import Prior, RoutingLearner

Answer = Callable[[Sequence[int]], str]
#: Random rows that stand for all combinations where there are too many of them.
SAMPLE = 20_000
CAPS = {"4x4": 256, "6x5": 700, "8x6": 1_100, "10x8": 2_000}


def batches(learner: RoutingLearner, answer: Answer) -> Iterator[float]:
    """Learn batch by batch; give the processor seconds that each took the learner."""
    while True:
        started = time.process_time()
        sends = learner.next_batch()
        chosen = time.process_time() - started
        if not sends:
            return
        landings = [(send.number, answer(send.row)) for send in sends]
        started = time.process_time()
        for number, skill in landings:
            learner.tell(number, skill)
        yield chosen + time.process_time() - started


def share_wrong(learner: RoutingLearner, rows: Rows, truth: np.ndarray) -> float:
    """The share of *rows* that the list of now predicts wrongly."""
    names = np.array([str(skill) for skill in learner.skills] or [""])
    return float((names[predicted_skills(learner.rules, rows, learner.space)] != truth).mean())


def sends_until(
    learner: RoutingLearner, answer: Answer, rows: Rows, truth: np.ndarray, shares: Sequence[float]
) -> tuple[list[int | None], float]:
    """After how many sends no more than each of *shares* is wrong, and processor seconds a send."""
    found: list[int | None] = [None] * len(shares)
    seconds = 0.0
    for spent in batches(learner, answer):
        seconds += spent
        wrong = share_wrong(learner, rows, truth)
        for place, share in enumerate(shares):
            if found[place] is None and wrong <= share:
                found[place] = learner.progress.sends
        if None not in found:
            break
    return found, seconds / max(learner.progress.sends, 1)


def spread(numbers: Sequence[float | None], cap: float = np.inf) -> str:
    """Median, 90th percentile and worst; what was not reached counts as the cap."""
    known = sorted(cap if number is None else number for number in numbers)
    at = [known[len(known) // 2], known[min(int(len(known) * 0.9), len(known) - 1)], known[-1]]
    missing = sum(number is None for number in numbers)
    return " / ".join(f"{value:g}" for value in at) + (
        f" ({missing} of {len(known)} not reached)" if missing else ""
    )


class Bank:
    """The default world with some factors: rows, and where they land."""

    def __init__(
        self, values: dict[str, list[object]], *, monitoring: bool, offline: frozenset[str] = frozenset()
    ) -> None:
        self.factors = Factors(values)
        self._account, self._known = bank(), dict[bytes, str]()
        self._monitoring, self._offline = monitoring, offline

    def __call__(self, row: Sequence[int]) -> str:
        key = bytes(row)
        if key not in self._known:
            case = self.factors.case(row)
            self._known[key] = land(self._account, case, monitoring=self._monitoring, offline=self._offline)
        return self._known[key]

    def truth(self, rows: Rows) -> np.ndarray:
        """Where each row lands."""
        return np.array([self(row.tolist()) for row in rows])


def sample_of(space: CaseSpace) -> Rows:
    """Rows to measure with."""
    return space.draw(SAMPLE, np.random.default_rng(99))


def bank_part(values: dict[str, list[object]], seeds: int, *, monitoring: bool) -> None:
    """Sends until the default world's rules are exact on 20,000 random rows."""
    world = Bank(values, monitoring=monitoring)
    rows = sample_of(world.factors.space)
    truth, sends, cpu, rules = world.truth(rows), [], [], []
    for seed in range(seeds):
        learner = RoutingLearner(world.factors.space, budget=480, validate=0, quiet=10**6, seed=seed)
        (exact,), seconds = sends_until(learner, world, rows, truth, (0.0,))
        sends.append(exact)
        cpu.append(1000 * seconds)
        rules.append(len(learner.rules))
    print(f"exact {spread(sends)} sends; rules {spread(rules)}")
    print(f"{spread([round(ms, 1) for ms in cpu])} ms a send")


def wire_part(seeds: int) -> None:
    """Every send of the default world's learning through a sandbox, to its own end and the validation's."""
    world = Bank(BANK_FACTORS, monitoring=True)
    rows = sample_of(world.factors.space)
    truth, sends, bounds, exact = world.truth(rows), [], [], 0
    # A cart has a total wherever it has items.
    items, total = "engagementAttributes.cart.numItems", "engagementAttributes.cart.total"
    grid = Grid({**BANK_FACTORS, total: [None, 20]}, zipped=[[items, total]])
    for seed in range(seeds):
        with (
            tempfile.TemporaryDirectory() as folder,
            Sandbox() as sandbox,
            Client(Settings.of(sandbox.environment())) as client,
        ):
            journal = Path(folder, "wire.sqlite")
            found = learn_routing(client, grid, budget=640, seed=seed, journal=journal, progress=False)
        names = np.array(found.skills)
        exact += bool(
            (names[predicted_skills(found.decision_list, rows, world.factors.space)] == truth).all()
        )
        sends.append(len(found.records))
        bounds.append(round(100 * found.bound.at_most, 1))
    print(f"over the wire: ends after {spread(sends)} sends; exact in {exact} of {seeds}")
    print(f"at most {spread(bounds)} % wrong")


def random_part(size: str, worlds: int, *, tree: bool) -> None:
    """Sends until random worlds are 99 and 99.9 % right, and perhaps a tree's."""
    found, cpu, trees = [], [], []
    for seed in range(100, 100 + worlds):  # the weights were set by looking at others
        world = random_world(size, seed)
        rows = (
            every_row(world.factors)
            if world.factors.combinations <= SAMPLE
            else sample_of(world.factors.space)
        )
        truth = world.skills(rows)
        learner = RoutingLearner(world.factors.space, budget=CAPS[size], validate=0, quiet=10**6, seed=seed)
        reached, seconds = sends_until(learner, world.land, rows, truth, (0.01, 0.001))
        found.append(reached)
        cpu.append(1000 * seconds)
        if tree:
            trees.append(tree_sends(world, rows, truth))
    for place, name in enumerate(("99 %", "99.9 %")):
        print(f"{size} {name}: {spread([reached[place] for reached in found], CAPS[size])} sends")
    print(f"{size}: {spread([round(ms, 1) for ms in cpu])} ms a send")
    if trees:
        print(f"{size} tree on random rows, 99 %: {spread(trees, 10_000)} sends")


def tree_sends(world: RandomWorld, rows: Rows, truth: np.ndarray) -> int | None:
    """How many random rows a decision tree needs to be 99 % right, in steps of a fifth."""
    try:
        from sklearn.preprocessing import OneHotEncoder
        from sklearn.tree import DecisionTreeClassifier
    except ImportError:
        raise SystemExit("--tree wants scikit-learn: pip install scikit-learn") from None

    encoder = OneHotEncoder(categories=[list(range(size)) for size in world.factors.space.sizes])
    encoder.fit(rows[:1])
    drawn = world.factors.space.draw(10_000, np.random.default_rng(7))
    skills, count = world.skills(drawn), 48
    while count <= len(drawn):
        tree = DecisionTreeClassifier(random_state=0).fit(encoder.transform(drawn[:count]), skills[:count])
        if (tree.predict(encoder.transform(rows)) != truth).mean() <= 0.01:
            return count
        count = int(count * 1.2)
    return None


def stop_part(worlds: int) -> None:
    """What is wrong, and after how many sends, when it stops by its own rule."""
    for size in ("6x5", "8x6"):
        sends, wrong = [], []
        for seed in range(100, 100 + worlds):
            world = random_world(size, seed)
            rows = sample_of(world.factors.space)
            learner = RoutingLearner(world.factors.space, budget=CAPS[size], validate=0, seed=seed)
            for _ in batches(learner, world.land):
                pass
            sends.append(learner.progress.sends)
            wrong.append(round(100 * share_wrong(learner, rows, world.skills(rows)), 2))
        print(f"{size} own stop: {spread(sends)} sends; {spread(wrong)} % wrong")


def change_part(seeds: int) -> None:
    """A mortgage adviser goes offline: after how many sends it is noticed, and exact."""
    before, after = (
        Bank(BANK_FACTORS, monitoring=True),
        Bank(BANK_FACTORS, monitoring=True, offline=frozenset({"Mortgages & Loans"})),
    )
    rows = sample_of(before.factors.space)
    noticed, exact = [], []
    for seed in range(seeds):
        first = RoutingLearner(before.factors.space, budget=320, validate=0, seed=seed)
        for _ in batches(first, before):
            pass
        rules = [(rule.conditions, first.skills[rule.skill]) for rule in first.rules]
        sent = [(send.row, first.skills[skill]) for send, skill in first.sends if skill is not None]
        later = RoutingLearner(
            before.factors.space,
            budget=320,
            validate=0,
            quiet=10**6,
            seed=seed + 50,
            start=Prior(rules, sent),
        )
        (reached,), _ = sends_until(later, after, rows, after.truth(rows), (0.0,))
        exact.append(reached)
        surprise = later.progress.first_surprise
        noticed.append(None if surprise is None else surprise + 1)
    print(f"change: noticed {spread(noticed, 320)}; exact {spread(exact, 320)} sends")


def noise_part(seeds: int) -> None:
    """Two of a hundred sends land elsewhere: sends it takes, and whether unstable cases are named."""
    bank_world = Bank(BANK_FACTORS, monitoring=True)
    rows = sample_of(bank_world.factors.space)
    truth = bank_world.truth(rows)
    told = [
        noisy_sends(bank_world.factors.space, bank_world, rows, truth, 0.0, 640, seed)
        for seed in range(seeds)
    ]
    _tell_noise("default world exact", told, 640)
    told = []
    for seed in range(100, 100 + seeds):
        world = random_world("6x5", seed)
        rows = every_row(world.factors)
        truth = world.skills(rows)
        told.append(noisy_sends(world.factors.space, world.land, rows, truth, 0.01, CAPS["6x5"], seed))
    _tell_noise("6x5 99 %", told, CAPS["6x5"])


def noisy_sends(
    space: CaseSpace, answer: Answer, rows: Rows, truth: np.ndarray, share: float, cap: int, seed: int
) -> tuple[int | None, bool]:
    """Sends until no more than a share is wrong, and whether an unstable case is named by then."""
    chance, skills = np.random.default_rng(seed), sorted(set(truth))

    def noisy(row: Sequence[int]) -> str:
        return str(chance.choice(skills)) if chance.random() < 0.02 else answer(row)

    learner = RoutingLearner(space, budget=cap, validate=0, quiet=10**6, seed=seed)
    (reached,), _ = sends_until(learner, noisy, rows, truth, (share,))
    return reached, bool(learner.evidence.unstable)


def _tell_noise(what: str, told: Sequence[tuple[int | None, bool]], cap: int) -> None:
    named = sum(unstable for _, unstable in told)
    sends = spread([reached for reached, _ in told], cap)
    print(f"2 % noise, {what}: {sends} sends; unstable cases named in {named} of {len(told)}")


def hold_part(worlds: int) -> None:
    """How late a loop is that sends while the learner thinks in a thread, and with nothing beside it."""
    for name, learners in (("nothing beside it", 0), ("the learner at 10x8", worlds)):
        late = sorted(1000 * seconds for seconds in asyncio.run(_lateness(learners)))
        at = [late[len(late) // 2], late[int(len(late) * 0.99)], late[-1]]
        print(f"loop with {name}: late by {' / '.join(f'{ms:.1f}' for ms in at)} ms (median, 99 %, worst)")


async def _lateness(worlds: int) -> list[float]:
    found: list[float] = []

    async def tick() -> None:
        while True:
            begun = time.perf_counter()
            await asyncio.sleep(0.002)
            found.append(time.perf_counter() - begun - 0.002)

    ticking = asyncio.create_task(tick())
    for seed in range(100, 100 + worlds):
        world = random_world("10x8", seed)
        learner = RoutingLearner(world.factors.space, budget=480, validate=0, quiet=10**6, seed=seed)
        while sends := await asyncio.to_thread(learner.next_batch):
            landings = [(send.number, world.land(send.row)) for send in sends[:-1]]
            for number, skill in landings:
                learner.tell(number, skill)
            await asyncio.to_thread(learner.tell, sends[-1].number, world.land(sends[-1].row))
    if not worlds:
        await asyncio.sleep(5)
    ticking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ticking
    return found


def bound_part(worlds: int) -> None:
    """In how many worlds more is wrong than the 95 % bound says."""
    beyond = 0
    for seed in range(100, 100 + worlds):
        world = random_world("4x4", seed)
        rows = every_row(world.factors)
        learner = RoutingLearner(world.factors.space, budget=100, validate=40, quiet=24, seed=seed)
        for _ in batches(learner, world.land):
            pass
        bound = learner.validations[-1].at_most if learner.validations else 1.0
        beyond += share_wrong(learner, rows, world.skills(rows)) > bound
    print(f"bound: more is wrong than it says in {beyond} of {worlds} worlds")


PARTS = {
    "wire": wire_part,
    "stop": stop_part,
    "change": change_part,
    "noise": noise_part,
    "bound": bound_part,
    "hold": hold_part,
}


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("default", "sde", *SIZES, *PARTS))
    parser.add_argument("worlds", nargs="?", type=int, default=10)
    parser.add_argument("--tree", action="store_true")
    options = parser.parse_args()
    if options.part in SIZES:
        random_part(options.part, options.worlds, tree=options.tree)
    elif options.part in ("default", "sde"):
        values = BANK_FACTORS if options.part == "default" else SDE_FACTORS
        bank_part(values, options.worlds, monitoring=options.part == "default")
    else:
        PARTS[options.part](options.worlds)


if __name__ == "__main__":
    main()
