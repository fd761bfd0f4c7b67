"""Decision lists: rules from conditions to a skill, of which the first that matches decides.

Skills are whole numbers here, and conditions pairs of a factor and a mask of its values. The last rule has no
conditions, so every combination lands somewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lpnb.experiments.learning.case_space import Booleans, CaseSpace, Rows

Places = npt.NDArray[np.int64]
Condition = tuple[int, int]
"""A factor, and the mask of the values it may have."""

#: What saying that there is one more rule costs, in bits.
RULE_BITS = 2.0
#: The most boxes that exact volumes are worked out with; beyond it, shares are estimated.
_MOST_BOXES = 4_000


class Rule(NamedTuple):
    """Conditions that must all hold, in the order of the factors, and the skill that follows."""

    conditions: tuple[Condition, ...]
    skill: int

    def mask(self, factor: int) -> int | None:
        """The values that *factor* may have; None when the rule does not look at it."""
        return next((mask for which, mask in self.conditions if which == factor), None)

    def without(self, factor: int) -> Rule:
        """The same rule that no longer looks at *factor*."""
        return Rule(tuple(item for item in self.conditions if item[0] != factor), self.skill)

    def with_mask(self, factor: int, mask: int) -> Rule:
        """The same rule with other values for *factor*."""
        others = [item for item in self.conditions if item[0] != factor]
        return Rule(tuple(sorted([*others, (factor, mask)])), self.skill)


Rules = tuple[Rule, ...]
"""A decision list; its last rule has no conditions."""


def description_bits(rules: Sequence[Rule], space: CaseSpace, skills: int) -> float:
    """How long the list is, in bits: each rule, its skill, which factors it looks at, and their values.

    Example:
        >>> space = CaseSpace([4, 4])
        >>> description_bits([Rule(((0, 0b0001),), 1), Rule((), 0)], space, skills=2)
        8.0
    """
    skill_bits = math.log2(max(skills, 2))
    total = skill_bits
    for conditions, _ in rules:
        if conditions:
            total += RULE_BITS + skill_bits + space.shape_bits[len(conditions)]
            for factor, mask in conditions:
                total += space.condition_bits(factor, mask)
    return total


def matches(rule: Rule, rows: Rows, space: CaseSpace) -> Booleans:
    """For each row, whether every condition of the rule holds."""
    is_match = np.ones(len(rows), dtype=np.bool_)
    for factor, mask in rule.conditions:
        is_match &= space.lookup(factor, mask)[rows[:, factor]]
    return is_match


def deciding_rules(rules: Sequence[Rule], rows: Rows, space: CaseSpace) -> Places:
    """For each row, the place of the first rule that matches."""
    deciding = np.full(len(rows), len(rules) - 1, dtype=np.int64)
    for place in range(len(rules) - 2, -1, -1):
        deciding[matches(rules[place], rows, space)] = place
    return deciding


def predicted_skills(rules: Sequence[Rule], rows: Rows, space: CaseSpace) -> Places:
    """For each row, the skill it lands in."""
    return np.array([rule.skill for rule in rules], dtype=np.int64)[deciding_rules(rules, rows, space)]


# --- exact volumes ---------------------------------------------------------------------------------------

Box = dict[int, int]
"""For each factor that is looked at, the mask of the values left."""


def intersection(first: Box, second: Sequence[Condition]) -> Box | None:
    """What is in both; None when nothing is."""
    common = dict(first)
    for factor, mask in second:
        common_mask = common.get(factor, -1) & mask
        if not common_mask:
            return None
        common[factor] = common_mask
    return common


def difference(box: Box, conditions: Sequence[Condition], space: CaseSpace) -> Iterator[Box]:
    """The box without what fulfils the conditions, as boxes that do not overlap."""
    inside = dict(box)
    for factor, mask in conditions:
        box_mask = inside.get(factor, space.full(factor))
        if rest := box_mask & ~mask:
            yield {**inside, factor: rest}
        if not box_mask & mask:
            return
        inside[factor] = box_mask & mask


def volume(box: Box, space: CaseSpace) -> float:
    """The share of all combinations that a box holds."""
    share = 1.0
    for factor, mask in box.items():
        share *= mask.bit_count() / space.sizes[factor]
    return share


class TooManyBoxesError(Exception):
    """The region is too intricate to be split exactly."""


def regions(rules: Sequence[Rule], space: CaseSpace) -> list[list[Box]]:
    """For each rule, the combinations that it decides, as boxes that do not overlap.

    Raises:
        TooManyBoxesError: More than 4,000 boxes are needed.
    """
    remaining: list[Box] = [{}]
    boxes_by_rule: list[list[Box]] = []
    for rule in rules:
        own_boxes: list[Box] = []
        rest: list[Box] = []
        for box in remaining:
            if (inside := intersection(box, rule.conditions)) is not None:
                own_boxes.append(inside)
                rest.extend(difference(box, rule.conditions, space))
            else:
                rest.append(box)
        if len(own_boxes) + len(rest) > _MOST_BOXES:
            raise TooManyBoxesError
        boxes_by_rule.append(own_boxes)
        remaining = rest
    return boxes_by_rule


def shares(rules: Sequence[Rule], space: CaseSpace, sample: Rows | None = None) -> list[float]:
    """For each rule, the share of all combinations that it decides.

    Exact, or estimated from *sample* when one is given.
    """
    if sample is None:
        return [math.fsum(volume(box, space) for box in boxes) for boxes in regions(rules, space)]
    counts = np.bincount(deciding_rules(rules, sample, space), minlength=len(rules))
    return [float(count) / max(len(sample), 1) for count in counts]
