"""The learner: says which cases to send next, is told where they landed, keeps the shortest list of rules.

It sends nothing and knows no clock. Its choices depend on the seed and on the answers of whole batches, not
on the order in which the answers of a batch arrive: the same answers, the same cases, after a crash too.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lpnb.experiments.learning.batch_choice import (
    SHORT_LIST,
    GreedyChoice,
    QuestionValues,
    inside_rows,
    match_rows,
    pool_rows,
    rows_of_rules,
)
from lpnb.experiments.learning.bounds import upper_bound
from lpnb.experiments.learning.case_space import CaseSpace, Rows
from lpnb.experiments.learning.coverage import UNSEEN as UNSEEN
from lpnb.experiments.learning.coverage import pairwise_rows, tables
from lpnb.experiments.learning.decision_list import Rule, Rules, deciding_rules, predicted_skills
from lpnb.experiments.learning.evidence import Evidence, places_of
from lpnb.experiments.learning.explanation import FactorSets, explaining_rows
from lpnb.experiments.learning.inducer import Inducer

#: Why a case is sent.
ROLES = ("check", "seed", "explain", "explore", "again", "validate")
_REFERENCE = 2048
_AGAIN_A_BATCH = 6
_MOST_AGAIN = 5


class Send(NamedTuple):
    """One case to be sent: its number in the order of sending, its row, and why."""

    number: int
    row: tuple[int, ...]
    role: str


class Validation(NamedTuple):
    """Cases drawn at random and predicted beforehand: how many, how many landed otherwise, the bound."""

    drawn: int
    wrong: int
    confidence: float
    at_most: float


@dataclass(frozen=True, slots=True)
class Prior:
    """What is known from before: a list, with skills by name, and the landings it came from."""

    rules: Sequence[tuple[tuple[tuple[int, int], ...], Hashable]]
    sends: Sequence[tuple[tuple[int, ...], Hashable]] = ()


@dataclass(slots=True)
class LearningProgress:
    """What a learner has come to; numbers of sends."""

    sends: int = 0
    quiet: int = 0
    """Sends since the last one that did not land as predicted, once all pairs were sent."""
    first_surprise: int | None = None
    """The number of the first send that contradicts the list from before."""
    stopped_by: str | None = None
    """"quiet", "budget", "silence" (nothing is told of any case), or None while it goes on."""
    roles: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROLES, 0))


class RoutingLearner:
    """Learns a decision list from as few landings as it can.

    Args:
        space: The combinations that may be asked about.
        budget: The most cases to send in all, validation among them.
        batch: How many are chosen at a time.
        validate: How many are drawn at random at the end, to bound the share that is predicted wrongly.
        quiet: After so many sends without a surprise it stops learning, once every pair of values was sent.
        seed: The same seed and answers, the same choices.
        start: What is known from before; it is checked first.
        traffic: Rows to draw the validation from, in place of all combinations alike.
        again: Whether what a rule rests on alone is sent once more.

    Example:
        >>> learner = RoutingLearner(CaseSpace([3, 3]), budget=30, validate=5, quiet=8, batch=4)
        >>> while sends := learner.next_batch():
        ...     for send in sends:
        ...         learner.tell(send.number, "Sales" if send.row[0] == 1 else "Support")
        >>> len(learner.rules), learner.validations[-1].wrong
        (2, 0)
    """

    def __init__(
        self,
        space: CaseSpace,
        *,
        budget: int = 400,
        batch: int = 16,
        validate: int = 60,
        quiet: int = 64,
        seed: int = 0,
        start: Prior | None = None,
        traffic: Rows | None = None,
        again: bool = True,
    ) -> None:
        self.space, self.budget, self.batch = space, budget, batch
        self.validate, self.quiet, self.seed = validate, quiet, seed
        self.evidence = Evidence(space)
        self.progress = LearningProgress()
        self.validations: list[Validation] = []
        self.skills: list[Hashable] = []
        self._skill_numbers: dict[Hashable, int] = {}
        self._inducer = Inducer(self.evidence)
        self._sets = FactorSets(space)
        self._tables = tables(space)
        self._reference = space.draw(_REFERENCE, np.random.default_rng([seed, 1 << 32]))
        self._traffic, self._again = traffic, again
        self._pending: dict[int, Send] = {}
        self._batch_landings: dict[int, Hashable | None] = {}
        self._landings: list[tuple[Send, int | None]] = []
        self._sent_rows: set[bytes] = set()
        self._batches = 0
        self._seeded = False
        self._to_validate: list[npt.NDArray[np.uint8]] = []
        self._validation_results: list[bool] = []
        self._alpha = 0.05
        self._checks: list[npt.NDArray[np.uint8]] = []
        self._old_rules: Rules | None = None
        if start is not None:
            self._begin_with(start)

    # --- what is known ------------------------------------------------------------------------------------

    @property
    def rules(self) -> Rules:
        """The list of now, with skills as places in ``skills``."""
        current = self._inducer.current
        return current.rules if current is not None else (Rule((), 0),)

    @property
    def rivals(self) -> list[Rules]:
        """Other lists that explain everything as well and are hardly longer."""
        current = self._inducer.current
        return [rules for _, rules in current.rivals] if current is not None else []

    @property
    def sends(self) -> Sequence[tuple[Send, int | None]]:
        """Every case that was told, with the place of its skill; None where no landing is known."""
        return self._landings

    @property
    def has_prior(self) -> bool:
        """Whether it began with a list from before."""
        return self._old_rules is not None

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to send."""
        return self.progress.stopped_by is not None

    # --- the two verbs ------------------------------------------------------------------------------------

    def next_batch(self) -> list[Send]:
        """The cases to send now, all of them; none once the learner has finished.

        Raises:
            ValueError: Some of the last batch were not told yet.
        """
        if self._pending:
            raise ValueError(f"{len(self._pending)} cases of the last batch were not told yet.")
        if self.finished:
            return []
        random = np.random.default_rng([self.seed, self._batches])
        self._batches += 1
        picks = self._choose(random)
        sends = [
            Send(self.progress.sends + at, tuple(row.tolist()), role) for at, (row, role) in enumerate(picks)
        ]
        self.progress.sends += len(sends)
        for send in sends:
            self._pending[send.number] = send
            self.progress.roles[send.role] += 1
            self._sent_rows.add(bytes(send.row))
        return sends

    def tell(self, number: int, skill: Hashable | None) -> None:
        """Where the case of this number landed; None when no landing is known. Learns once all are told.

        Raises:
            ValueError: No such case is waited for.
        """
        if number not in self._pending or number in self._batch_landings:
            raise ValueError(f"No landing of a case {number} is waited for.")
        self._batch_landings[number] = skill
        if len(self._batch_landings) == len(self._pending):
            landings = [(send, self._batch_landings[send.number]) for send in self._pending.values()]
            self._pending, self._batch_landings = {}, {}
            self._learn(landings)

    # --- choosing -----------------------------------------------------------------------------------------

    @property
    def _remaining_to_learn(self) -> int:
        return self.budget - self.validate - self.progress.sends

    def _choose(self, random: np.random.Generator) -> list[tuple[npt.NDArray[np.uint8], str]]:
        if self._to_validate:
            return self._next_validation()
        room = min(self.batch, self._remaining_to_learn if not self.validations else self._remaining_sends)
        calm = self._seeded and self.progress.quiet >= self.quiet and not self._doubtful()
        if room <= 0 or calm:
            return self._begin_validation(random)
        picks: list[tuple[npt.NDArray[np.uint8], str]] = []
        for row in self._checks[:room]:
            picks.append((row, "check"))
        self._checks = self._checks[len(picks) :]
        if self._inducer.current is not None:
            self._fill_tables()
            if self._again:
                picks += [(row, "again") for row in self._rows_to_repeat(room - len(picks))]
            most = min(self.batch // 2, room - len(picks))
            sent_rows = set(self._sent_rows)
            picks += [
                (row, "explain")
                for row in explaining_rows(self.evidence, self.rules, self._sets, most, random, sent_rows)
            ]
        if not self._seeded and len(picks) < room:
            seeds = pairwise_rows(self._tables[0], room - len(picks), random) if self._tables else ()
            picks += [(row, "seed") for row in seeds]
            self._seeded = len(picks) < room
        if len(picks) < room:
            picks += [(row, "explore") for row in self._explore(room - len(picks), random, picks)]
        return picks or self._begin_validation(random)

    @property
    def _remaining_sends(self) -> int:
        return self.budget - self.progress.sends

    def _fill_tables(self) -> None:
        rows = self.evidence.rows
        if self.evidence.has_forgotten:
            rows = rows[places_of(self.evidence.everything)]
        deciding = deciding_rules(self.rules, rows, self.space)
        for table in self._tables:
            table.fill(rows, deciding)

    def _explore(
        self,
        count: int,
        random: np.random.Generator,
        picks: Sequence[tuple[npt.NDArray[np.uint8], str]],
    ) -> Iterable[npt.NDArray[np.uint8]]:
        current = self._inducer.current
        sent_rows = self._sent_rows | {row.tobytes() for row, _ in picks}
        if current is None:
            rows = self.space.draw(4 * count, random)
            fresh = {row.tobytes(): row for row in rows if row.tobytes() not in sent_rows}
            return list(fresh.values())[:count]
        values = QuestionValues(
            self.evidence, current.rules, current.rivals, current.cost, self._tables, self._reference
        )
        choice = GreedyChoice(values, pool_rows(current.rules, current.rivals, self.space, random))
        choice.shorten(SHORT_LIST)
        return choice.choose(count, sent_rows)

    def _doubtful(self) -> bool:
        """Whether something should be sent once more before the end."""
        return self._again and bool(self._rows_to_repeat(1, final=True))

    def _rows_to_repeat(self, most: int, *, final: bool = False) -> list[npt.NDArray[np.uint8]]:
        """Cases to send again: those whose answers differ, and those that a rule rests on alone."""
        evidence, rows = self.evidence, []
        most = min(most, _AGAIN_A_BATCH)
        for place in evidence.unsettled_cases(_MOST_AGAIN):
            rows.append(evidence.rows[place])
        for own in evidence.critical_cases(self.rules)[:-1]:
            if own.bit_count() == 1:
                place = own.bit_length() - 1
                if len(evidence.answers(place)) == 1 and not evidence.soft >> place & 1:
                    rows.append(evidence.rows[place])
        return rows[: max(most, 0)]

    # --- validation ---------------------------------------------------------------------------------------

    def _begin_validation(self, random: np.random.Generator) -> list[tuple[npt.NDArray[np.uint8], str]]:
        count = min(self.validate, self._remaining_sends)
        if count <= 0 or (self.validations and count < self.validate):
            self.progress.stopped_by = "quiet" if self.progress.quiet >= self.quiet else "budget"
            return []
        if self._traffic is not None and len(self._traffic):
            rows = self._traffic[random.integers(0, len(self._traffic), count)]
        else:
            rows = self.space.draw(count, random)
        self._to_validate = list(rows)
        self._validation_results = []
        return self._next_validation()

    def _next_validation(self) -> list[tuple[npt.NDArray[np.uint8], str]]:
        picks = [(row, "validate") for row in self._to_validate[: self.batch]]
        self._to_validate = self._to_validate[self.batch :]
        return picks

    def _close_validation(self) -> None:
        draws, wrong = len(self._validation_results), self._validation_results.count(False)
        confidence = 1 - self._alpha
        bound = upper_bound(wrong, draws, confidence)
        self.validations.append(Validation(draws, wrong, confidence, bound))
        self._validation_results = []
        if not wrong:
            self.progress.stopped_by = "quiet" if self.progress.quiet >= self.quiet else "budget"
            return
        self._alpha /= 2
        self.progress.quiet = 0

    # --- learning -----------------------------------------------------------------------------------------

    def _learn(self, landings: Sequence[tuple[Send, Hashable | None]]) -> None:
        known_landings = [(send, skill) for send, skill in landings if skill is not None]
        for send, skill in landings:
            number = None if skill is None else self._number(skill)
            self._landings.append((send, number))
        if not known_landings:
            return
        rows = np.array([send.row for send, _ in known_landings], dtype=np.uint8)
        predictions = predicted_skills(self.rules, rows, self.space)
        has_rules = self._inducer.current is not None
        surprises = []
        for (send, skill), prediction in zip(known_landings, predictions.tolist(), strict=True):
            number = self._number(skill)
            right = has_rules and number == prediction
            surprises.append(not right)
            if send.role == "validate":
                self._validation_results.append(right)
            self.evidence.add(send.row, number)
        if self._old_rules is not None:
            skills = [self._number(skill) for _, skill in known_landings]
            before = predicted_skills(self._old_rules, rows, self.space).tolist()
            surprise_numbers = [
                send.number
                for (send, _), was, now in zip(known_landings, before, skills, strict=True)
                if was != now
            ]
            if surprise_numbers and self.progress.first_surprise is None:
                self.progress.first_surprise = surprise_numbers[0]
            self._distrust(rows, skills)
        validating = known_landings[0][0].role == "validate"
        if self._seeded or validating:
            self.progress.quiet = 0 if any(surprises) else self.progress.quiet + len(known_landings)
        # The list stays as it is while it is being validated.
        if not (validating and self._to_validate):
            random = np.random.default_rng([self.seed, self._batches, 1])
            self._inducer.update(random)
        if validating and not self._to_validate:
            self._close_validation()

    def _number(self, skill: Hashable) -> int:
        number = self._skill_numbers.get(skill)
        if number is None:
            number = self._skill_numbers[skill] = len(self.skills)
            self.skills.append(skill)
        return number

    # --- after a change -----------------------------------------------------------------------------------

    def _begin_with(self, start: Prior) -> None:
        """Take the old list and landings as a beginning, and plan what checks them first."""
        for _, skill in start.rules:
            self._number(skill)
        for row, skill in start.sends:
            self.evidence.add(row, self._number(skill), soft=True)
        rules = tuple(Rule(tuple(conditions), self._number(skill)) for conditions, skill in start.rules)
        random = np.random.default_rng([self.seed, 1 << 33])
        self._inducer.begin(rules)
        self._old_rules = rules
        self._checks = checking_rows(rules, self.space, random)

    def _distrust(self, rows: Rows, skills: Sequence[int]) -> None:
        """Forget what was known from before in the region of each old rule that is contradicted now."""
        assert self._old_rules is not None  # noqa: S101 - asked by the caller
        deciding = deciding_rules(self._old_rules, rows, self.space)
        for place in sorted(set(deciding.tolist())):
            if any(
                at == place and skill != self._old_rules[place].skill
                for at, skill in zip(deciding.tolist(), skills, strict=True)
            ):
                cases_by_rule = self.evidence.cases_by_rule(self._old_rules)
                self.evidence.forget_soft(cases_by_rule[place])


def checking_rows(
    rules: Rules, space: CaseSpace, random: np.random.Generator, *, overlaps: bool = True
) -> list[npt.NDArray[np.uint8]]:
    """Cases that would notice a change of any rule.

    First one a skill, then one a rule, then beside each condition and, with *overlaps*, where two rules
    overlap.
    """
    last = len(rules) - 1
    checks: list[npt.NDArray[np.uint8]] = []

    def critical_row(place: int) -> npt.NDArray[np.uint8] | None:
        rows = rows_of_rules(rules, [place], 200, space, random)
        rows = rows[space.allowed(rows)]
        row_matches = match_rows(rules, rows, space)
        good = np.nonzero((row_matches.deciding == place) & row_matches.critical)[0]
        return rows[good[0]] if len(good) else None

    order = list(range(len(rules)))
    reference = space.draw(_REFERENCE, random)
    counts = np.bincount(deciding_rules(rules, reference, space), minlength=len(rules))
    order.sort(key=lambda place: -int(counts[place]))
    first = list({rules[place].skill: place for place in reversed(order)}.values())[::-1]
    for place in [*first, *(place for place in order if place not in first)]:
        row = critical_row(place)
        if row is not None:
            checks.append(row)
    for place in order:
        if place == last:
            continue
        for factor, mask in rules[place].conditions:
            others = [at for at in range(space.sizes[factor]) if not mask >> at & 1]
            rows = inside_rows(rules[place], 200, space, random)
            rows[:, factor] = random.choice(np.array(others, dtype=np.uint8), len(rows))
            rows = rows[space.allowed(rows)]
            row_matches = match_rows(rules, rows, space)
            skills_now = np.array([rule.skill for rule in rules])[row_matches.deciding]
            good = np.nonzero((row_matches.deciding > place) & (skills_now != rules[place].skill))[0]
            if len(good):
                checks.append(rows[good[0]])
    for upper in range(last if overlaps else 0):
        for lower in range(upper + 1, last):
            if rules[upper].skill == rules[lower].skill:
                continue
            masks = dict(rules[upper].conditions)
            for factor, mask in rules[lower].conditions:
                masks[factor] = masks.get(factor, -1) & mask
            if not all(masks.values()):
                continue
            rows = inside_rows(Rule(tuple(masks.items()), 0), 60, space, random)
            rows = rows[space.allowed(rows)]
            good = np.nonzero(deciding_rules(rules, rows, space) == upper)[0]
            if len(good):
                checks.append(rows[good[0]])
    return checks
