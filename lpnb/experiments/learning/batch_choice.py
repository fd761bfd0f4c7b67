"""Which cases to send next: a greedy choice of those that would tell the most about the list of now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lpnb.experiments.learning.case_space import Booleans, CaseSpace, Rows
from lpnb.experiments.learning.coverage import TupleTable
from lpnb.experiments.learning.decision_list import (
    Condition,
    Places,
    Rule,
    Rules,
    matches,
    predicted_skills,
)
from lpnb.experiments.learning.evidence import Evidence, as_booleans, places_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """What each kind of question is worth, by how much of it was asked before."""

    inside: tuple[float, ...] = (0.3, 0.1, 0.04, 0.015)
    """A value of a factor that a rule ignores, by how many values were sent inside the rule."""
    beside: tuple[float, ...] = (0.5, 0.15, 0.08)
    """A value that a rule's condition leaves out, by how many of them were seen to land elsewhere."""
    edge: float = 0.3
    """The value next to a range."""
    overlap: float = 0.15
    """Two rules of different skills that both match."""
    rival: float = 0.3
    rival_again: float = 0.4
    tuples: tuple[float, ...] = (2e-3, 6e-5, 2e-6)
    """Pairs, triples, quadruples not sent yet."""
    unused: float = 0.35
    """For each factor of a tuple that no rule looks at."""


DEFAULT_WEIGHTS = Weights()
_ANYWHERE, _LOWEST, _INSIDE, _BESIDE, _RIVAL = 140, 140, 24, 40, 12
#: How often rows are gone through to get them out of the rules above.
_SWEEPS = 3
#: The share of the rows beside a rule that are brought out of the other rules.
_LOWERED = 0.7
#: How many rows of a pool are looked at again after each choice.
SHORT_LIST = 320


class RowMatches(NamedTuple):
    """How the list of now treats rows: which rules match, which decides, and the skill without that one."""

    matching: Booleans
    deciding: Places
    critical: Booleans
    """Whether it would land in another skill without the deciding rule."""


def landing(rules: Sequence[Rule], rows: Rows, space: CaseSpace) -> RowMatches:
    """How the list treats each row."""
    count, last = len(rows), len(rules) - 1
    matching = np.ones((count, len(rules)), dtype=np.bool_)
    for place in range(last):
        matching[:, place] = matches(rules[place], rows, space)
    deciding = matching.argmax(axis=1)
    below = matching.copy()
    below[np.arange(count), deciding] = False
    second = below.argmax(axis=1)
    skills = np.array([rule.skill for rule in rules])
    critical = (deciding == last) | (skills[second] != skills[deciding])
    return RowMatches(matching, deciding, critical)


class QuestionValues:
    """What each row would tell, given the evidence, the list and its rivals."""

    def __init__(
        self,
        evidence: Evidence,
        rules: Rules,
        rivals: Sequence[tuple[float, Rules]],
        cost: float,
        tables: Sequence[TupleTable],
        reference: Rows,
        weights: Weights = DEFAULT_WEIGHTS,
    ) -> None:
        space = evidence.space
        self.space, self.rules, self.weights = space, rules, weights
        self.last = len(rules) - 1
        self.skills = np.array([rule.skill for rule in rules])
        self.tables = tables
        seen = landing(rules, reference, space)
        self.shares = np.bincount(seen.deciding, minlength=len(rules)) / max(len(reference), 1)
        # A hidden rule may stand at any place of the list; the lower, the less is left for it.
        left = np.maximum(1 - np.concatenate([[0.0], np.cumsum(self.shares)[:-1]]), 0.0)
        self.reach = np.concatenate([[0.0], np.cumsum(np.sqrt(left))]) / len(rules)
        volumes = [_volume(rule, space) for rule in rules]
        critical = np.bincount(seen.deciding[seen.critical], minlength=len(rules)) / max(len(reference), 1)
        # A rule that the reference hardly meets has at least this share.
        floor = np.array(volumes) / 20
        self.roots = np.sqrt(np.maximum(critical, floor))
        self._ignored = np.ones((len(rules), space.count), dtype=np.bool_)
        for place, rule in enumerate(rules):
            for factor, _ in rule.conditions:
                self._ignored[place, factor] = False
        used = np.any(~self._ignored[: self.last], axis=0).tolist()
        self._tuple_values = [
            np.array(
                [
                    weights.tuples[table.size - 2]
                    / math.sqrt(math.prod(space.sizes[factor] for factor in group))
                    * weights.unused ** sum(not used[factor] for factor in group)
                    for group in table.groups
                ]
            )
            for table in tables
        ]
        self._cells = len(rules) * space.count * space.widest
        self.inside = np.zeros(self._cells + 1)
        self.beside = np.zeros(self._cells + 1)
        self.overlap = np.zeros(len(rules) ** 2 + 1)
        rows = evidence.rows
        if evidence.forgotten:
            rows = rows[as_booleans(evidence.everything, evidence.count)]
        self._weigh_cells(rows)
        self.rivals = [
            (rules_, weights.rival * 2 ** (-max(cost_ - cost, 0.0) / 2)) for cost_, rules_ in rivals
        ]

    def _weigh_cells(self, sent: Rows) -> None:
        space, weights = self.space, self.weights
        cells = self.cells(sent)
        size = self._cells + 1
        shape = (len(self.rules), space.count, space.widest)
        seen_inside = (np.bincount(cells.inside.ravel(), minlength=size)[:-1] > 0).reshape(shape)
        seen_beside = (np.bincount(cells.beside.ravel(), minlength=size)[:-1] > 0).reshape(shape)
        seen_overlap = np.bincount(cells.overlap.ravel(), minlength=len(self.overlap)) > 0
        inside, beside = self.inside[:-1].reshape(shape), self.beside[:-1].reshape(shape)
        for place in range(self.last):
            root = self.roots[place]
            for factor in range(space.count):
                mask = self.rules[place].mask(factor)
                if mask is None:
                    held = int(seen_inside[place, factor].sum())
                    value = weights.inside[min(max(held - 1, 0), len(weights.inside) - 1)] * root
                    inside[place, factor] = np.where(seen_inside[place, factor], 0.0, value)
                else:
                    held = int(seen_beside[place, factor].sum())
                    value = weights.beside[min(held, len(weights.beside) - 1)] * root
                    beside[place, factor] = np.where(seen_beside[place, factor], 0.0, value)
                    for at in _edges(mask, space.ranks[factor]):
                        if not seen_beside[place, factor, at]:
                            beside[place, factor, at] = max(value, weights.edge * root)
        for upper in range(self.last):
            for lower in range(upper + 1, self.last):
                at = upper * len(self.rules) + lower
                if self.skills[upper] != self.skills[lower] and not seen_overlap[at]:
                    self.overlap[at] = weights.overlap * _overlap_root(
                        self.rules[upper], self.rules[lower], space
                    )
        self.inside[-1] = self.beside[-1] = self.overlap[-1] = 0.0

    def cells(self, rows: Rows) -> _Cells:
        """The questions that each row answers, as places in the tables of values."""
        space, count = self.space, len(rows)
        treated = landing(self.rules, rows, space)
        deciding = treated.deciding
        factors = np.arange(space.count)
        base = (deciding[:, None] * space.count + factors) * space.widest + rows
        counts = self._ignored[deciding] & (treated.critical & (deciding != self.last))[:, None]
        inside = np.where(counts, base, self._cells)
        beside = np.full((count, self.last), self._cells, dtype=np.int64)
        overlap = np.full((count, self.last), len(self.overlap) - 1, dtype=np.int64)
        for place in range(self.last):
            conditions = self.rules[place].conditions
            misses = np.zeros(count, dtype=np.int64)
            missed = np.zeros(count, dtype=np.int64)
            for factor, mask in conditions:
                out = ~space.lookup(factor, mask)[rows[:, factor]]
                misses += out
                missed[out] = factor
            near = np.nonzero(
                (misses == 1) & (deciding > place) & (self.skills[deciding] != self.skills[place])
            )[0]
            beside[near, place] = (place * space.count + missed[near]) * space.widest + rows[
                near, missed[near]
            ]
            both = np.nonzero((misses == 0) & (deciding < place))[0]
            overlap[both, place] = deciding[both] * len(self.rules) + place
        return _Cells(treated, inside, beside, overlap)


class _Cells(NamedTuple):
    treated: RowMatches
    inside: npt.NDArray[np.int64]
    beside: npt.NDArray[np.int64]
    overlap: npt.NDArray[np.int64]


class GreedyChoice:
    """Chooses rows of a pool one after the other; what one of them asks is worth nothing to the next."""

    def __init__(self, values: QuestionValues, pool: Rows) -> None:
        self.values, self.pool = values, pool
        self.cells = values.cells(pool)
        self.differs = np.array(
            [
                predicted_skills(rules, pool, values.space) != values.skills[self.cells.treated.deciding]
                for rules, _ in values.rivals
            ],
            dtype=np.bool_,
        ).reshape(len(values.rivals), len(pool))
        self.rival_values = np.array([value for _, value in values.rivals])
        self._tuples = [table.places(pool) for table in values.tables]

    def shorten(self, most: int) -> None:
        """Keep the rows that are worth the most."""
        if len(self.pool) <= most:
            return
        keep = np.argsort(-self.scores(), kind="stable")[:most]
        self.pool = self.pool[keep]
        treated = self.cells.treated
        self.cells = _Cells(
            RowMatches(treated.matching[keep], treated.deciding[keep], treated.critical[keep]),
            self.cells.inside[keep],
            self.cells.beside[keep],
            self.cells.overlap[keep],
        )
        self.differs = self.differs[:, keep]
        self._tuples = [places[keep] for places in self._tuples]

    def scores(self) -> Floats:
        """What each row of the pool would tell now."""
        values, cells = self.values, self.cells
        found: Floats = values.inside[cells.inside].sum(axis=1)
        found += values.beside[cells.beside].sum(axis=1)
        found += values.overlap[cells.overlap].sum(axis=1)
        found += self.rival_values @ self.differs
        reached = values.reach[cells.treated.deciding + 1]
        for table, places, worth in zip(values.tables, self._tuples, values._tuple_values, strict=True):
            seen = values.reach[table.lowest[places] + 1]
            found += np.maximum(reached[:, None] - seen, 0.0) @ worth
        return found

    def note(self, at: int) -> None:
        """Count what a row asks as asked."""
        values, cells = self.values, self.cells
        values.inside[cells.inside[at]] = 0.0
        values.beside[cells.beside[at]] = 0.0
        values.overlap[cells.overlap[at]] = 0.0
        self.rival_values = np.where(
            self.differs[:, at], self.rival_values * values.weights.rival_again, self.rival_values
        )
        rule = int(cells.treated.deciding[at])
        for table, places in zip(values.tables, self._tuples, strict=True):
            table.lowest[places[at]] = np.maximum(table.lowest[places[at]], rule)

    def choose(self, count: int, sent: set[bytes]) -> list[npt.NDArray[np.uint8]]:
        """The best rows, none of them sent before."""
        fresh = np.array([row.tobytes() not in sent for row in self.pool], dtype=np.bool_)
        found = []
        for _ in range(count):
            scores = np.where(fresh, self.scores(), -1.0)
            at = int(np.argmax(scores))
            if scores[at] < 0:
                break
            found.append(self.pool[at])
            self.note(at)
            fresh &= (self.pool != self.pool[at]).any(axis=1)
        return found


def pool_rows(
    rules: Rules, rivals: Sequence[tuple[float, Rules]], space: CaseSpace, random: np.random.Generator
) -> Rows:
    """Rows to choose from: anywhere, below all rules, in and beside each, and where rivals differ."""
    last = len(rules) - 1
    parts = [
        space.draw(_ANYWHERE, random),
        lowered(space.draw(_LOWEST, random), (), rules[:last], space, random),
    ]
    for place, rule in enumerate(rules[:last]):
        parts.append(rows_of_rule(rules, place, _INSIDE, space, random))
        rows = inside_rows(rule, _BESIDE, space, random)
        which = random.integers(0, len(rule.conditions), _BESIDE)
        for at, (factor, mask) in enumerate(rule.conditions):
            chosen = np.nonzero(which == at)[0]
            outside = space.full(factor) & ~mask
            beside = rule.changed(factor, outside)
            part = rows[chosen]
            part[:, factor] = random.choice(np.array(places_of(outside), dtype=np.uint8), len(chosen))
            others = (*rules[:place], *rules[place + 1 : last])
            keep_low = random.random(len(part)) < _LOWERED
            part[keep_low] = lowered(part[keep_low], beside.conditions, others, space, random)
            parts.append(part)
    known = set(rules)
    for _, rival in rivals:
        for place, rule in enumerate(rival[:-1]):
            if rule not in known:
                known.add(rule)
                parts.append(rows_of_rule(rival, place, _RIVAL, space, random))
    rows = np.concatenate(parts)
    return rows[space.allowed(rows)]


def inside_rows(rule: Rule, count: int, space: CaseSpace, random: np.random.Generator) -> Rows:
    """Random rows that fulfil every condition of a rule."""
    rows = random.integers(0, np.array(space.sizes), (count, space.count), dtype=np.uint8)
    for factor, mask in rule.conditions:
        values = np.array(places_of(mask), dtype=np.uint8)
        rows[:, factor] = random.choice(values, count)
    return rows


def rows_of_rule(
    rules: Sequence[Rule], place: int, count: int, space: CaseSpace, random: np.random.Generator
) -> Rows:
    """Random rows that a rule decides, as far as they can be had: some may be taken by a rule above."""
    rows = inside_rows(rules[place], count, space, random)
    return lowered(rows, rules[place].conditions, rules[:place], space, random)


def lowered(
    rows: Rows,
    kept: Sequence[Condition],
    above: Sequence[Rule],
    space: CaseSpace,
    random: np.random.Generator,
    fixed: int = 0,
) -> Rows:
    """The rows with values changed so that the rules *above* do not match, as far as that can be done.

    Args:
        rows: Rows that fulfil the conditions *kept*, and still do afterwards.
        kept: Conditions to be kept.
        above: The rules to get out of.
        space: Where the rows are from.
        random: Decides which condition is broken, and by which value.
        fixed: A mask of factors whose values are not changed.
    """
    rows = rows.copy()
    masks = dict(kept)
    ways: list[list[tuple[int, npt.NDArray[np.uint8]]]] = []
    for rule in above:
        ways.append([])
        for factor, mask in rule.conditions:
            left = masks.get(factor, space.full(factor)) & ~mask
            if left and not fixed >> factor & 1:
                ways[-1].append((factor, np.array(places_of(left), dtype=np.uint8)))
    for _ in range(_SWEEPS):
        changed = False
        for rule, choices in zip(above, ways, strict=True):
            if not choices:
                continue
            at = np.nonzero(matches(rule, rows, space))[0]
            if not len(at):
                continue
            changed = True
            which = random.integers(0, len(choices), len(at))
            for number, (factor, values) in enumerate(choices):
                chosen = at[which == number]
                if len(chosen):
                    rows[chosen, factor] = values[random.integers(0, len(values), len(chosen))]
        if not changed:
            break
    return rows


def _volume(rule: Rule, space: CaseSpace) -> float:
    return math.prod(mask.bit_count() / space.sizes[factor] for factor, mask in rule.conditions)


def _overlap_root(first: Rule, second: Rule, space: CaseSpace) -> float:
    """The root of the share that two rules have in common."""
    masks = dict(first.conditions)
    for factor, mask in second.conditions:
        masks[factor] = masks.get(factor, -1) & mask
    return math.sqrt(math.prod(mask.bit_count() / space.sizes[factor] for factor, mask in masks.items()))


def _edges(mask: int, ranks: Sequence[int] | None) -> list[int]:
    """The values just below and above a range, where the values have an order."""
    if ranks is None:
        return []
    held = [ranks[place] for place in places_of(mask) if ranks[place] >= 0]
    if not held:
        return []
    wanted = {min(held) - 1, max(held) + 1}
    return [
        place for place, rank in enumerate(ranks) if rank >= 0 and rank in wanted and not mask >> place & 1
    ]
