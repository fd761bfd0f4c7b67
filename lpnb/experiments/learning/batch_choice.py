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
_LOWER_SHARE = 0.7
#: How many rows of a pool are looked at again after each choice.
SHORT_LIST = 320
_MOST_UPDATES = 16


class RowMatches(NamedTuple):
    """How the list of now treats rows: which rules match, which decides, and the skill without that one."""

    matching: Booleans
    deciding: Places
    critical: Booleans
    """Whether it would land in another skill without the deciding rule."""


def match_rows(rules: Sequence[Rule], rows: Rows, space: CaseSpace) -> RowMatches:
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
        row_matches = match_rows(rules, reference, space)
        self.shares = np.bincount(row_matches.deciding, minlength=len(rules)) / max(len(reference), 1)
        # A hidden rule may stand at any place of the list; the lower, the less is left for it.
        remaining_shares = np.maximum(1 - np.concatenate([[0.0], np.cumsum(self.shares)[:-1]]), 0.0)
        self.reach = np.concatenate([[0.0], np.cumsum(np.sqrt(remaining_shares))]) / len(rules)
        volumes = [_volume(rule, space) for rule in rules]
        critical = np.bincount(row_matches.deciding[row_matches.critical], minlength=len(rules)) / max(
            len(reference), 1
        )
        # A rule that the reference hardly meets has at least this share.
        floor = np.array(volumes) / 20
        self.roots = np.sqrt(np.maximum(critical, floor))
        self._ignored = np.ones((len(rules), space.count), dtype=np.bool_)
        for place, rule in enumerate(rules):
            for factor, _ in rule.conditions:
                self._ignored[place, factor] = False
        is_used = np.any(~self._ignored[: self.last], axis=0).tolist()
        self._tuple_values = [
            np.array(
                [
                    weights.tuples[table.size - 2]
                    / math.sqrt(math.prod(space.sizes[factor] for factor in group))
                    * weights.unused ** sum(not is_used[factor] for factor in group)
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
        if evidence.has_forgotten:
            rows = rows[as_booleans(evidence.everything, evidence.count)]
        self._weigh_cells(rows)
        self.rivals = [
            (rules_, weights.rival * 2 ** (-max(cost_ - cost, 0.0) / 2)) for cost_, rules_ in rivals
        ]

    def _weigh_cells(self, sent_rows: Rows) -> None:
        space, weights = self.space, self.weights
        cells = self.cells(sent_rows)
        size = self._cells + 1
        shape = (len(self.rules), space.count, space.widest)
        has_inside = (np.bincount(cells.inside.ravel(), minlength=size)[:-1] > 0).reshape(shape)
        has_beside = (np.bincount(cells.beside.ravel(), minlength=size)[:-1] > 0).reshape(shape)
        has_overlap = np.bincount(cells.overlap.ravel(), minlength=len(self.overlap)) > 0
        inside, beside = self.inside[:-1].reshape(shape), self.beside[:-1].reshape(shape)
        for place in range(self.last):
            root = self.roots[place]
            for factor in range(space.count):
                mask = self.rules[place].mask(factor)
                if mask is None:
                    value_count = int(has_inside[place, factor].sum())
                    value = weights.inside[min(max(value_count - 1, 0), len(weights.inside) - 1)] * root
                    inside[place, factor] = np.where(has_inside[place, factor], 0.0, value)
                else:
                    value_count = int(has_beside[place, factor].sum())
                    value = weights.beside[min(value_count, len(weights.beside) - 1)] * root
                    beside[place, factor] = np.where(has_beside[place, factor], 0.0, value)
                    for at in _edges(mask, space.ranks[factor]):
                        if not has_beside[place, factor, at]:
                            beside[place, factor, at] = max(value, weights.edge * root)
        for upper in range(self.last):
            for lower in range(upper + 1, self.last):
                at = upper * len(self.rules) + lower
                if self.skills[upper] != self.skills[lower] and not has_overlap[at]:
                    self.overlap[at] = weights.overlap * _overlap_root(
                        self.rules[upper], self.rules[lower], space
                    )
        self.inside[-1] = self.beside[-1] = self.overlap[-1] = 0.0

    def cells(self, rows: Rows) -> _Cells:
        """The questions that each row answers, as places in the tables of values."""
        space, count = self.space, len(rows)
        row_matches = match_rows(self.rules, rows, space)
        deciding = row_matches.deciding
        factors = np.arange(space.count)
        base = (deciding[:, None] * space.count + factors) * space.widest + rows
        counts = self._ignored[deciding] & (row_matches.critical & (deciding != self.last))[:, None]
        inside = np.where(counts, base, self._cells)
        beside = np.full((count, self.last), self._cells, dtype=np.int64)
        overlap = np.full((count, self.last), len(self.overlap) - 1, dtype=np.int64)
        for place in range(self.last):
            conditions = self.rules[place].conditions
            misses = np.zeros(count, dtype=np.int64)
            failing_factor = np.zeros(count, dtype=np.int64)
            for factor, mask in conditions:
                out = ~space.lookup(factor, mask)[rows[:, factor]]
                misses += out
                failing_factor[out] = factor
            near = np.nonzero(
                (misses == 1) & (deciding > place) & (self.skills[deciding] != self.skills[place])
            )[0]
            beside[near, place] = (place * space.count + failing_factor[near]) * space.widest + rows[
                near, failing_factor[near]
            ]
            both = np.nonzero((misses == 0) & (deciding < place))[0]
            overlap[both, place] = deciding[both] * len(self.rules) + place
        return _Cells(row_matches, inside, beside, overlap)


class _Cells(NamedTuple):
    row_matches: RowMatches
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
                predicted_skills(rules, pool, values.space) != values.skills[self.cells.row_matches.deciding]
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
        row_matches = self.cells.row_matches
        self.cells = _Cells(
            RowMatches(row_matches.matching[keep], row_matches.deciding[keep], row_matches.critical[keep]),
            self.cells.inside[keep],
            self.cells.beside[keep],
            self.cells.overlap[keep],
        )
        self.differs = self.differs[:, keep]
        self._tuples = [places[keep] for places in self._tuples]

    def scores(self, at: Places | slice = slice(None)) -> Floats:
        """What each row of the pool, or of those at some places, would tell now."""
        values, cells = self.values, self.cells
        totals: Floats = values.inside[cells.inside[at]].sum(axis=1)
        totals += values.beside[cells.beside[at]].sum(axis=1)
        totals += values.overlap[cells.overlap[at]].sum(axis=1)
        totals += self.rival_values @ self.differs[:, at]
        reach_now = values.reach[cells.row_matches.deciding[at] + 1]
        for table, places, worth in zip(values.tables, self._tuples, values._tuple_values, strict=True):
            reach_before = values.reach[table.lowest[places[at]] + 1]
            totals += np.maximum(reach_now[:, None] - reach_before, 0.0) @ worth
        return totals

    def note(self, at: int) -> None:
        """Count what a row asks as asked."""
        values, cells = self.values, self.cells
        values.inside[cells.inside[at]] = 0.0
        values.beside[cells.beside[at]] = 0.0
        values.overlap[cells.overlap[at]] = 0.0
        self.rival_values = np.where(
            self.differs[:, at], self.rival_values * values.weights.rival_again, self.rival_values
        )
        rule = int(cells.row_matches.deciding[at])
        for table, places in zip(values.tables, self._tuples, strict=True):
            table.lowest[places[at]] = np.maximum(table.lowest[places[at]], rule)

    def choose(self, count: int, sent_rows: set[bytes]) -> list[npt.NDArray[np.uint8]]:
        """The best rows, none of them sent before."""
        unsent = np.array([row.tobytes() not in sent_rows for row in self.pool], dtype=np.bool_)
        # What a row would tell only gets less with each choice: what it was worth before is a bound.
        bounds = np.where(unsent, self.scores(), -1.0)
        choices: list[npt.NDArray[np.uint8]] = []
        while len(choices) < count:
            is_exact = np.full(len(bounds), not choices)
            while not is_exact[at := int(np.argmax(bounds))] and bounds[at] >= 0:
                likely = np.argsort(np.where(is_exact, 1.0, -bounds), kind="stable")[:_MOST_UPDATES]
                likely = likely[bounds[likely] >= 0]
                bounds[likely] = self.scores(likely)
                is_exact[likely] = True
            if bounds[at] < 0:
                break
            choices.append(self.pool[at])
            self.note(at)
            bounds[(self.pool == self.pool[at]).all(axis=1)] = -1.0
        return choices


def pool_rows(
    rules: Rules, rivals: Sequence[tuple[float, Rules]], space: CaseSpace, random: np.random.Generator
) -> Rows:
    """Rows to choose from: anywhere, below all rules, in and beside each, and where rivals differ."""
    last = len(rules) - 1
    rows = [space.draw(_ANYWHERE, random), space.draw(_LOWEST, random)]
    row_conditions: list[Sequence[Condition]] = [()] * (len(rows[0]) + len(rows[1]))
    # Which rules each row is to be brought out of.
    out = [np.zeros((len(rows[0]), last), dtype=np.bool_), np.ones((len(rows[1]), last), dtype=np.bool_)]
    for place, rule in enumerate(rules[:last]):
        rows += [inside_rows(rule, _INSIDE, space, random), inside_rows(rule, _BESIDE, space, random)]
        row_conditions += [rule.conditions] * _INSIDE
        out.append(np.tile(np.arange(last) < place, (_INSIDE, 1)))
        beside = [
            rule.with_mask(factor, space.full(factor) & ~mask).conditions for factor, mask in rule.conditions
        ]
        for at, which in enumerate(random.integers(0, len(beside), _BESIDE).tolist()):
            factor, mask = rule.conditions[which]
            others = places_of(space.full(factor) & ~mask)
            rows[-1][at, factor] = others[int(random.integers(len(others)))]
            row_conditions.append(beside[which])
        low = random.random((_BESIDE, 1)) < _LOWER_SHARE
        out.append(low & (np.arange(last) != place))
    parts = [
        lower_rows(np.concatenate(rows), row_conditions, rules[:last], space, random, np.concatenate(out))
    ]
    known_rules = set(rules)
    for _, rival in rivals:
        new = [place for place, rule in enumerate(rival[:-1]) if rule not in known_rules]
        known_rules.update(rival)
        parts += [rows_of_rules(rival, new, _RIVAL, space, random)] if new else []
    pool = np.concatenate(parts)
    return pool[space.allowed(pool)]


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
    row_conditions = [rules[place].conditions for place in places for _ in range(count)]
    above = rules[: max(places)]
    out = np.arange(len(above)) < np.repeat(np.array(places), count)[:, None]
    return lower_rows(rows, row_conditions, above, space, random, out)


def lower_rows(
    rows: Rows,
    row_conditions: Sequence[Sequence[Condition]],
    rules: Sequence[Rule],
    space: CaseSpace,
    random: np.random.Generator,
    out: Booleans | None = None,
) -> Rows:
    """The rows with values changed so that rules do not match them, as far as that can be done.

    Args:
        rows: Rows that fulfil their *row_conditions*, and still do afterwards.
        row_conditions: For each row the conditions to be kept.
        rules: The rules to get out of.
        space: Where the rows are from.
        random: Decides which condition is broken, and by which value.
        out: Shape (rows, rules): which rows have to get out of which rule; every row of every one, if None.
    """
    rows = rows.copy()
    free = np.tile(np.arange(space.widest) < np.array(space.sizes)[:, None], (len(rows), 1, 1))
    places: dict[Condition, list[int]] = {}
    for row, conditions in enumerate(row_conditions):
        for condition in conditions:
            places.setdefault(condition, []).append(row)
    for (factor, mask), row_numbers in places.items():
        free[row_numbers, factor, : space.sizes[factor]] &= space.lookup(factor, mask)
    ways = []
    for rule in rules:
        outside = np.zeros((len(rule.conditions), space.widest), dtype=np.bool_)
        for number, (factor, mask) in enumerate(rule.conditions):
            outside[number, : space.sizes[factor]] = ~space.lookup(factor, mask)
        ways.append((np.array([factor for factor, _ in rule.conditions]), outside))
    for _ in range(_SWEEPS):
        is_changed = False
        for number, (rule, (factors, outside)) in enumerate(zip(rules, ways, strict=True)):
            matching = matches(rule, rows, space)
            at = np.nonzero(matching if out is None else matching & out[:, number])[0]
            if not len(at):
                continue
            options = free[at[:, None], factors] & outside
            at, options = at[options.any(axis=(1, 2))], options[options.any(axis=(1, 2))]
            if not len(at):
                continue
            is_changed = True
            which = (random.random(options.shape[:2]) * options.any(axis=2)).argmax(axis=1)
            values = options[np.arange(len(at)), which]
            rows[at, factors[which]] = (random.random(values.shape) * values).argmax(axis=1)
        if not is_changed:
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
    ranks_inside = [ranks[place] for place in places_of(mask) if ranks[place] >= 0]
    if not ranks_inside:
        return []
    edge_ranks = {min(ranks_inside) - 1, max(ranks_inside) + 1}
    return [
        place
        for place, rank in enumerate(ranks)
        if rank >= 0 and rank in edge_ranks and not mask >> place & 1
    ]
