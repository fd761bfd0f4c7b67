"""Which factors a landing rests on: delta debugging, halving what is likely with each case sent.

For a case *x* that a rule decides, each set of up to four factors is a candidate for what the rule looks at.
A set is out when another case agrees with *x* on it, is not taken by a rule above, and landed elsewhere. The
next cases keep *x* on some factors and differ in all others, so that the answers split what is left.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import numpy.typing as npt

from lpnb.experiments.learning.batch_choice import lower_rows
from lpnb.experiments.learning.case_space import CaseSpace, Rows
from lpnb.experiments.learning.decision_list import Rule, Rules, deciding_rules
from lpnb.experiments.learning.evidence import Evidence, as_booleans, places_of

#: How likely a rule is to look at so many factors, before anything is known.
SIZE_SHARES = (0.0, 0.35, 0.35, 0.2, 0.1)
#: A rule counts as explained when one set of factors has so much of the weight.
ENOUGH = 0.7
#: How much less likely a set is that leaves some of a rule's own cases to a second rule.
SECOND_RULE = 2.0**-8
#: Rules with more critical cases than this are not asked about, and no rule is asked more at a time.
MOST_CRITICAL = 12
QUESTIONS = 2
_TRIES = 60
_MOST_SETS = 12_000


class FactorSets:
    """Every set of up to four factors, as bit masks, with its weight before any evidence."""

    def __init__(self, space: CaseSpace) -> None:
        masks: list[int] = []
        weights: list[float] = []
        for size in range(1, len(SIZE_SHARES)):
            number = math.comb(space.count, size)
            if not number or len(masks) + number > _MOST_SETS:
                break
            for group in combinations(range(space.count), size):
                masks.append(sum(1 << factor for factor in group))
                chance = math.prod(1 / space.sizes[factor] for factor in group)
                weights.append(SIZE_SHARES[size] / number * chance)
        self.masks = np.array(masks, dtype=np.int64)
        self.weights = np.array(weights)
        self._bits = (1 << np.arange(space.count, dtype=np.int64)).astype(np.int64)
        self.count = space.count

    def agreements(self, case: npt.NDArray[np.uint8], rows: Rows) -> npt.NDArray[np.int64]:
        """For each row, the mask of the factors in which it has the case's value."""
        masks: npt.NDArray[np.int64] = (rows == case) @ self._bits
        return masks

    def posterior(
        self, case: npt.NDArray[np.uint8], rule: Rule, elsewhere: Rows, own: Rows, space: CaseSpace
    ) -> npt.NDArray[np.float64]:
        """The weight of each set; sums to 1, or to 0 when no set is possible.

        Args:
            case: The case to be explained.
            rule: The rule that decides it now.
            elsewhere: Cases with other skills that no rule above takes: a set that one of them shares is out.
            own: The other cases that rest on the rule: a set that not all of them share needs a second rule.
            space: Where the cases are from.
        """
        weights = self.weights.copy()
        agreements = np.unique(self.agreements(case, elsewhere))
        if len(agreements):
            out = ((self.masks[:, None] & ~agreements[None]) == 0).any(axis=1)
            weights[out] = 0.0
        if len(own):
            agree = own == case
            for factor, mask in rule.conditions:
                agree[:, factor] |= space.lookup(factor, mask)[own[:, factor]]
            shared_masks = np.unique(agree @ self._bits)
            is_unshared = ((self.masks[:, None] & ~shared_masks[None]) != 0).any(axis=1)
            weights[is_unshared] *= SECOND_RULE
        total = weights.sum()
        return weights / total if total else weights

    def settled(self, weights: npt.NDArray[np.float64]) -> bool:
        """Whether one set has nearly all of the weight, or none is left."""
        return not len(weights) or not weights.any() or float(weights.max()) >= ENOUGH

    def questions(
        self, weights: npt.NDArray[np.float64], most: int, random: np.random.Generator
    ) -> list[int]:
        """Up to *most* masks of factors to keep, whose answers together tell the most about the sets."""
        alive = weights > 0
        masks, shares = self.masks[alive], weights[alive]
        if len(masks) < 2:
            return []
        options = self._options(masks, shares, random)
        inside = (masks[None] & ~options[:, None]) == 0
        questions: list[int] = []
        groups = np.zeros(len(masks), dtype=np.int64)
        entropy = 0.0
        for _ in range(most):
            best, best_at = entropy, -1
            width = int(groups.max()) + 1
            for at in range(len(options)):
                split = np.bincount(groups * 2 + inside[at], weights=shares, minlength=2 * width)
                split = split[split > 0]
                split_entropy = float(-(split * np.log2(split)).sum())
                if split_entropy > best + 0.05:
                    best, best_at = split_entropy, at
            if best_at < 0:
                break
            entropy = best
            questions.append(int(options[best_at]))
            _, groups = np.unique(groups * 2 + inside[best_at], return_inverse=True)
        return questions

    def _options(
        self, masks: npt.NDArray[np.int64], shares: npt.NDArray[np.float64], random: np.random.Generator
    ) -> npt.NDArray[np.int64]:
        """Masks worth keeping: the likely sets, their unions, and random halves."""
        order = np.argsort(-shares, kind="stable")[:12]
        likely = masks[order]
        whole = (1 << self.count) - 1
        unions = (likely[:, None] | likely[None]).ravel()
        halves = (random.random((40, self.count)) < random.uniform(0.3, 0.8, (40, 1))) @ self._bits
        without = whole & ~self._bits
        options = np.unique(np.concatenate([likely, unions, halves, without, whole & ~likely]))
        useful: npt.NDArray[np.int64] = options[(options != whole) & (options != 0)]
        return useful


def explaining_rows(
    evidence: Evidence,
    rules: Rules,
    sets: FactorSets,
    most: int,
    random: np.random.Generator,
    sent_rows: set[bytes],
) -> list[npt.NDArray[np.uint8]]:
    """Up to *most* new cases that tell which factors the rules with little evidence rest on."""
    picks: list[npt.NDArray[np.uint8]] = []
    above = 0
    cases_by_rule, critical = evidence.cases_by_rule(rules), evidence.critical_cases(rules)
    for place, rule in enumerate(rules[:-1]):
        own = critical[place]
        if own and own.bit_count() <= MOST_CRITICAL and len(picks) < most:
            elsewhere = evidence.everything & ~above & ~evidence.skill_bits[rule.skill]
            first, *others = places_of(own)
            rows = evidence.rows
            case = rows[first]
            weights = sets.posterior(
                case, rule, rows[as_booleans(elsewhere, evidence.count)], rows[others], evidence.space
            )
            if not sets.settled(weights):
                for kept_factors in sets.questions(weights, min(QUESTIONS, most - len(picks)), random):
                    row = _row_that_keeps(case, kept_factors, rules, place, evidence.space, random, sent_rows)
                    if row is not None:
                        sent_rows.add(row.tobytes())
                        picks.append(row)
        above |= cases_by_rule[place]
    return picks


def _row_that_keeps(
    case: npt.NDArray[np.uint8],
    kept_factors: int,
    rules: Rules,
    place: int,
    space: CaseSpace,
    random: np.random.Generator,
    sent_rows: set[bytes],
) -> npt.NDArray[np.uint8] | None:
    """A new case with the values of *case* in the factors kept and others elsewhere, or None.

    Without the rule it would land in another skill where there is such a case, and as low as can be.
    """
    rows = random.integers(0, np.array(space.sizes), (_TRIES, space.count), dtype=np.uint8)
    for factor, size in enumerate(space.sizes):
        if kept_factors >> factor & 1:
            rows[:, factor] = case[factor]
        elif size > 1:
            same = rows[:, factor] == case[factor]
            step = random.integers(1, size, int(same.sum()), dtype=np.uint8)
            rows[same, factor] = (rows[same, factor].astype(np.int64) + step) % size
    # Neither may the values differ by chance from what is to be left out, nor a known rule above take them.
    rest = (*rules[:place], *rules[place + 1 :])
    same = [(factor, 1 << value) for factor, value in enumerate(case.tolist()) if kept_factors >> factor & 1]
    low = lower_rows(rows, [same] * len(rows), rest[:-1], space, random)
    agree = ((low == case) @ (1 << np.arange(space.count))) & ~kept_factors
    rows = np.concatenate([low[agree == 0], rows])
    rows = rows[space.allowed(rows)]
    rest = (*rules[:place], *rules[place + 1 :])
    deciding = deciding_rules(rest, rows, space)
    other = np.array([rule.skill for rule in rest])[deciding] != rules[place].skill
    for at in np.argsort(-(deciding + np.where(other, 0, -len(rules) - 1)), kind="stable").tolist():
        if rows[at].tobytes() not in sent_rows:
            row: npt.NDArray[np.uint8] = rows[at]
            return row
    return None
