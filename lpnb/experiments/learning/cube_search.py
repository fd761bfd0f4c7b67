"""Beam search for conditions that hold for the wanted cases and for as few of the unwanted as possible.

Cases are bits of whole numbers: for some hundred cases that is several times as quick as arrays of numbers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from lpnb.experiments.learning.decision_list import RULE_BITS, Condition
from lpnb.experiments.learning.evidence import HARD_WEIGHT, SOFT_WEIGHT, Evidence

BEAM_WIDTH = 6
MOST_CONDITIONS = 5
#: How much a bit of a rule's length counts against the information that its conditions give.
_BIT_PRICE = 0.12
#: Options that are looked at after each step, the best by score, and cubes that are returned.
_MOST_OPTIONS, _MOST_CUBES = 6 * BEAM_WIDTH, 8
#: A cube is left out that holds less for each bit than this share of the best known.
_SLACK = 0.7
#: What a case from before a change counts against one of now.
_SOFT_SHARE = SOFT_WEIGHT / HARD_WEIGHT


class Cube(NamedTuple):
    """Conditions, what they hold of the wanted and of the unwanted cases, and how long they are in bits."""

    conditions: tuple[Condition, ...]
    wanted: float
    unwanted: float
    bits: float


class _Branch(NamedTuple):
    """A cube that is being made: its conditions, the cases left in it, and its length without the rule's."""

    conditions: tuple[Condition, ...]
    wanted: int
    unwanted: int
    bits: float


class CubeSearch:
    """Finds cubes in a fixed evidence; made anew when the evidence has grown."""

    def __init__(self, evidence: Evidence, skills: int) -> None:
        space = evidence.space
        self.evidence, self.space = evidence, space
        self.rule_bits = RULE_BITS + math.log2(max(skills, 2))
        self._known: dict[tuple[int, int], list[Cube]] = {}

    def find(self, wanted: int, unwanted: int) -> list[Cube]:
        """The best cubes: more wanted than unwanted cases, the most for their length first."""
        known = self._known.get((wanted, unwanted))
        if known is not None:
            return known
        all_wanted = self._weight(wanted)
        if not all_wanted:
            return []
        base = math.log2(all_wanted / (all_wanted + self._weight(unwanted)))
        found: dict[tuple[Condition, ...], Cube] = {}
        beam = [_Branch((), wanted, unwanted, 0.0)]
        best = 0.0
        for depth in range(1, min(MOST_CONDITIONS, self.space.count) + 1):
            shape = self.rule_bits + self.space.shape_bits[depth]
            options = []
            for branch in beam:
                before = branch.bits + shape
                for condition, held, lost, bits in self._options(branch, before, _SLACK * best):
                    length = bits + before
                    score = held * (math.log2(held / (held + lost)) - base) - _BIT_PRICE * length
                    options.append((score, branch, condition, held, lost, length))
            options.sort(key=_score, reverse=True)
            beam, best = self._chosen(options[:_MOST_OPTIONS], found, best, shape)
            if not beam:
                break
        ranked = sorted(found.values(), key=lambda cube: -(cube.wanted - cube.unwanted) / cube.bits)
        self._known[wanted, unwanted] = ranked = ranked[:_MOST_CUBES]
        return ranked

    def _chosen(
        self,
        options: list[tuple[float, _Branch, Condition, float, float, float]],
        found: dict[tuple[Condition, ...], Cube],
        best: float,
        shape: float,
    ) -> tuple[list[_Branch], float]:
        """The branches to go on with, and the best value so far; cubes that are good go into *found*."""
        beam: list[_Branch] = []
        seen: set[tuple[Condition, ...]] = set()
        for _, branch, condition, held, lost, length in options:
            if not held / (length + 3) > best and (lost or held <= lost):
                continue
            conditions = tuple(sorted((*branch.conditions, condition)))
            if conditions in seen:
                continue
            seen.add(conditions)
            if held > lost:
                found[conditions] = Cube(conditions, held, lost, length)
                best = max(best, (held - lost) / length)
            if lost and held / (length + 3) > best and len(beam) < BEAM_WIDTH:
                literal = self.evidence.literal(condition)
                beam.append(
                    _Branch(conditions, branch.wanted & literal, branch.unwanted & literal, length - shape)
                )
        return beam, best

    def _weight(self, cases: int) -> float:
        """How much these cases count: 1 for each of now."""
        soft = self.evidence.soft
        if not soft:
            return cases.bit_count()
        return (cases & ~soft).bit_count() + _SOFT_SHARE * (cases & soft).bit_count()

    def _options(
        self, branch: _Branch, before: float, least: float
    ) -> list[tuple[Condition, float, float, float]]:
        """The conditions that could be added: with what they would hold and lose, and their length.

        One that holds less than *least* for each bit of the rule, of which *before* are there already, is
        left out.
        """
        space, wanted, unwanted = self.space, branch.wanted, branch.unwanted
        weigh = self._weight if self.evidence.soft else int.bit_count
        used = {factor for factor, _ in branch.conditions}
        found: list[tuple[Condition, float, float, float]] = []
        if weigh(wanted) < least * (before + 5):
            return found
        for factor, literals in enumerate(self.evidence.value_bits):
            if factor in used:
                continue
            single = space.condition_bits(factor, 1)
            needed = least * (before + single + 3)
            counts = [(weigh(wanted & bits), weigh(unwanted & bits)) for bits in literals]
            most = pure = free = some = 0
            for value, (held, lost) in enumerate(counts):
                if held:
                    bit = 1 << value
                    if held > needed:
                        found.append(((factor, bit), held, lost, single))
                    some |= bit
                    if held > lost:
                        most |= bit
                        if not lost:
                            pure |= bit
                elif not lost:
                    free |= 1 << value
            full = space.full(factor)
            for mask in (*{most, pure, pure | free, some}, *space.intervals(factor)):
                if not mask & (mask - 1) or mask == full:
                    continue
                bits = space.condition_bits(factor, mask)
                held = lost = 0
                for value, (more, less) in enumerate(counts):
                    if mask >> value & 1:
                        held += more
                        lost += less
                if held and held > least * (before + bits + 3):
                    found.append(((factor, mask), held, lost, bits))
        return found


def _score(option: tuple[float, _Branch, Condition, float, float, float]) -> float:
    return option[0]
