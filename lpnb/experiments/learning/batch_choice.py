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
from lpnb.experiments.learning.decision_list import Condition, Places, Rule, Rules, matches, predicted_skills
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
_LOOKED_AT_AGAIN = 16


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

    def scores(self, at: Places | slice = slice(None)) -> Floats:
        """What each row of the pool, or of those at some places, would tell now."""
        values, cells = self.values, self.cells
        found: Floats = values.inside[cells.inside[at]].sum(axis=1)
        found += values.beside[cells.beside[at]].sum(axis=1)
        found += values.overlap[cells.overlap[at]].sum(axis=1)
        found += self.rival_values @ self.differs[:, at]
        reached = values.reach[cells.treated.deciding[at] + 1]
        for table, places, worth in zip(values.tables, self._tuples, values._tuple_values, strict=True):
            seen = values.reach[table.lowest[places[at]] + 1]
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
        unsent = np.array([row.tobytes() not in sent for row in self.pool], dtype=np.bool_)
        # What a row would tell only gets less with each choice: what it was worth before is a bound.
        bounds = np.where(unsent, self.scores(), -1.0)
        found: list[npt.NDArray[np.uint8]] = []
        while len(found) < count:
            known = np.full(len(bounds), not found)
            while not known[at := int(np.argmax(bounds))] and bounds[at] >= 0:
                likely = np.argsort(np.where(known, 1.0, -bounds), kind="stable")[:_LOOKED_AT_AGAIN]
                likely = likely[bounds[likely] >= 0]
                bounds[likely] = self.scores(likely)
                known[likely] = True
            if bounds[at] < 0:
                break
            found.append(self.pool[at])
            self.note(at)
            bounds[(self.pool == self.pool[at]).all(axis=1)] = -1.0
        return found


def pool_rows(
    rules: Rules, rivals: Sequence[tuple[float, Rules]], space: CaseSpace, random: np.random.Generator
) -> Rows:
    """Rows to choose from: anywhere, below all rules, in and beside each, and where rivals differ."""
    last = len(rules) - 1
    rows = [space.draw(_ANYWHERE, random), space.draw(_LOWEST, random)]
    kept: list[Sequence[Condition]] = [()] * (len(rows[0]) + len(rows[1]))
    # Which rules each row is to be brought out of.
    out = [np.zeros((len(rows[0]), last), dtype=np.bool_), np.ones((len(rows[1]), last), dtype=np.bool_)]
    for place, rule in enumerate(rules[:last]):
        rows += [inside_rows(rule, _INSIDE, space, random), inside_rows(rule, _BESIDE, space, random)]
        kept += [rule.conditions] * _INSIDE
        out.append(np.tile(np.arange(last) < place, (_INSIDE, 1)))
        beside = [
            rule.changed(factor, space.full(factor) & ~mask).conditions for factor, mask in rule.conditions
        ]
        for at, which in enumerate(random.integers(0, len(beside), _BESIDE).tolist()):
            factor, mask = rule.conditions[which]
            others = places_of(space.full(factor) & ~mask)
            rows[-1][at, factor] = others[int(random.integers(len(others)))]
            kept.append(beside[which])
        low = random.random((_BESIDE, 1)) < _LOWERED
        out.append(low & (np.arange(last) != place))
    parts = [lowered(np.concatenate(rows), kept, rules[:last], space, random, np.concatenate(out))]
    known = set(rules)
    for _, rival in rivals:
        new = [place for place, rule in enumerate(rival[:-1]) if rule not in known]
        known.update(rival)
        parts += [rows_of_rules(rival, new, _RIVAL, space, random)] if new else []
    found = np.concatenate(parts)
    return found[space.allowed(found)]


def inside_rows(rule: Rule, count: int, space: CaseSpace, random: np.random.Generator) -> Rows:
    """Random rows that fulfil every condition of a rule."""
    rows = random.integers(0, np.array(space.sizes), (count, space.count), dtype=np.uint8)
    for factor, mask in rule.conditions:
        values = np.array(places_of(mask), dtype=np.uint8)
        rows[:, factor] = values[random.integers(0, len(values), count)]
    return rows


def rows_of_rules(
    rules: Sequence[Rule],
    places: Sequence[int],
    count: int,
    space: CaseSpace,
    random: np.random.Generator,
) -> Rows:
    """So many rows that each of some rules decides, as far as they can be had: one above may take them."""
    rows = np.concatenate([inside_rows(rules[place], count, space, random) for place in places])
    kept = [rules[place].conditions for place in places for _ in range(count)]
    above = rules[: max(places)]
    out = np.arange(len(above)) < np.repeat(np.array(places), count)[:, None]
    return lowered(rows, kept, above, space, random, out)


def lowered(
    rows: Rows,
    kept: Sequence[Sequence[Condition]],
    rules: Sequence[Rule],
    space: CaseSpace,
    random: np.random.Generator,
    out: Booleans | None = None,
) -> Rows:
    """The rows with values changed so that rules do not match them, as far as that can be done.

    Args:
        rows: Rows that fulfil their conditions *kept*, and still do afterwards.
        kept: For each row the conditions to be kept.
        rules: The rules to get out of.
        space: Where the rows are from.
        random: Decides which condition is broken, and by which value.
        out: Shape (rows, rules): which rows have to get out of which rule; every row of every one, if None.
    """
    rows = rows.copy()
    free = np.tile(np.arange(space.widest) < np.array(space.sizes)[:, None], (len(rows), 1, 1))
    places: dict[Condition, list[int]] = {}
    for row, conditions in enumerate(kept):
        for condition in conditions:
            places.setdefault(condition, []).append(row)
    for (factor, mask), held in places.items():
        free[held, factor, : space.sizes[factor]] &= space.lookup(factor, mask)
    ways = []
    for rule in rules:
        outside = np.zeros((len(rule.conditions), space.widest), dtype=np.bool_)
        for number, (factor, mask) in enumerate(rule.conditions):
            outside[number, : space.sizes[factor]] = ~space.lookup(factor, mask)
        ways.append((np.array([factor for factor, _ in rule.conditions]), outside))
    for _ in range(_SWEEPS):
        changed = False
        for number, (rule, (factors, outside)) in enumerate(zip(rules, ways, strict=True)):
            matching = matches(rule, rows, space)
            at = np.nonzero(matching if out is None else matching & out[:, number])[0]
            if not len(at):
                continue
            left = free[at[:, None], factors] & outside
            at, left = at[left.any(axis=(1, 2))], left[left.any(axis=(1, 2))]
            if not len(at):
                continue
            changed = True
            which = (random.random(left.shape[:2]) * left.any(axis=2)).argmax(axis=1)
            values = left[np.arange(len(at)), which]
            rows[at, factors[which]] = (random.random(values.shape) * values).argmax(axis=1)
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
