"""Two decision lists side by side: which rules are gone, new or changed, and what share each moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lpnb.experiments.learning.case_space import CaseSpace
from lpnb.experiments.learning.decision_list import (
    Box,
    Rule,
    Rules,
    TooManyBoxesError,
    deciding_rules,
    intersection,
    regions,
    volume,
)

#: Combinations that are looked at one by one; of more, so many are drawn where boxes do not do.
MOST_ENUMERATED = 1 << 18


class RuleChange(NamedTuple):
    """One change: what it is, the rule's place before and after, and the share of combinations it moves."""

    change: str
    before: int | None
    after: int | None
    share: float


def moves(
    before: Rules, after: Rules, space: CaseSpace, is_moved: Callable[[Rule, Rule], bool]
) -> tuple[dict[tuple[int, int], float], bool]:
    """The share of combinations that each pair of deciding rules moves, and whether it is exact."""
    if not space.restricted:
        try:
            old, new = regions(before, space), regions(after, space)
            return _exact_shares(before, after, old, new, space, is_moved), True
        except TooManyBoxesError:
            pass
    exact = space.combinations <= MOST_ENUMERATED
    if exact:
        rows = space.every_row()
        rows = rows[space.allowed(rows)]
    else:
        rows = space.draw(MOST_ENUMERATED, np.random.default_rng(0))
    pairs = np.stack([deciding_rules(before, rows, space), deciding_rules(after, rows, space)], axis=1)
    shares: dict[tuple[int, int], float] = {}
    for (first, second), cases in zip(*np.unique(pairs, axis=0, return_counts=True), strict=True):
        if is_moved(before[first], after[second]):
            shares[int(first), int(second)] = float(cases) / len(rows)
    return shares, exact


def _exact_shares(
    before: Rules,
    after: Rules,
    old: Sequence[Sequence[Box]],
    new: Sequence[Sequence[Box]],
    space: CaseSpace,
    is_moved: Callable[[Rule, Rule], bool],
) -> dict[tuple[int, int], float]:
    shares: dict[tuple[int, int], float] = {}
    for first, boxes in enumerate(old):
        for second, others in enumerate(new):
            if not is_moved(before[first], after[second]):
                continue
            share = 0.0
            for box in boxes:
                for other in others:
                    if (both := intersection(box, tuple(other.items()))) is not None:
                        share += volume(both, space)
            if share:
                shares[first, second] = share
    return shares


def rule_changes(
    before: Rules,
    after: Rules,
    shares: dict[tuple[int, int], float],
    same_skill: Callable[[Rule, Rule], bool],
) -> list[RuleChange]:
    """Every change of a rule; what a moved combination counts for stands in one of them alone.

    Args:
        before: The list before.
        after: The list now.
        shares: What each pair of deciding rules moves, as ``moves`` gives it.
        same_skill: Whether two rules lead to the same skill.
    """
    pairs = _pair_rules(before, after, same_skill)
    changes = {pair: change for pair, change in pairs.items() if change != "same"}
    row_of_after = {after_: pair for pair in changes if (after_ := pair[1]) is not None}
    row_of_before = {before_: pair for pair in changes if (before_ := pair[0]) is not None}
    place_of = {second: first for first, second in pairs if first is not None and second is not None}
    totals: dict[tuple[int | None, int | None], float] = dict.fromkeys(changes, 0.0)
    for (first, second), share in shares.items():
        row = row_of_after.get(second) or row_of_before.get(first)
        if row is None:  # both rules are there as before, in another order
            row = (place_of[second], second)
            changes[row] = "other place"
            totals.setdefault(row, 0.0)
        totals[row] += share
    rows = [
        RuleChange(changes[pair], *pair, total) for pair, total in totals.items() if total or pair in changes
    ]
    return sorted(rows, key=lambda row: (-row.share, row.before is None, row.before or 0, row.after or 0))


def _pair_rules(
    before: Rules, after: Rules, same_skill: Callable[[Rule, Rule], bool]
) -> dict[tuple[int | None, int | None], str]:
    """Each rule with its counterpart: the same, of another skill, of other conditions, or none."""
    pairs: dict[tuple[int | None, int | None], str] = {}
    left, right = set(range(len(before))), set(range(len(after)))

    def pair(fits: Callable[[Rule, Rule], float], change: str) -> None:
        while True:
            scores = [(fits(before[a], after[b]), -a, -b) for a in left for b in right]
            best = max(scores, default=(0.0, 0, 0))
            if best[0] <= 0:
                return
            first, second = -best[1], -best[2]
            left.discard(first)
            right.discard(second)
            pairs[first, second] = change

    pair(lambda a, b: float(a.conditions == b.conditions and same_skill(a, b)), "same")
    pair(lambda a, b: float(a.conditions == b.conditions), "other skill")
    pair(lambda a, b: _likeness(a, b) if same_skill(a, b) else 0.0, "other conditions")
    pairs |= {(place, None): "gone" for place in sorted(left)}
    pairs |= {(None, place): "new" for place in sorted(right)}
    return pairs


def _likeness(first: Rule, second: Rule) -> float:
    """How much of two rules' conditions is shared; 0 when less than half of them speak of the same values."""
    ours, theirs = dict(first.conditions), dict(second.conditions)
    if not ours or not theirs:
        return 0.0
    overlap = sum(
        (ours[factor] & theirs[factor]).bit_count() / (ours[factor] | theirs[factor]).bit_count()
        for factor in ours.keys() & theirs.keys()
    )
    likeness = overlap / len(ours.keys() | theirs.keys())
    return likeness if likeness >= 0.5 else 0.0
