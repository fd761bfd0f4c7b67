"""What was sent and where it landed: cases as rows, and for every value and skill a bitset over the cases.

A case that was sent several times counts once, with the skill it landed in most often. Bit *n* of a bitset is
the case at place *n*, in the order of first sending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from lpnb.experiments.learning.case_space import CaseSpace, Rows
from lpnb.experiments.learning.decision_list import Condition, Rule

#: What it costs a list, in bits, to contradict a case that was sent in this run, and one from before it.
HARD_WEIGHT = 40.0
SOFT_WEIGHT = 2.5


class Evidence:
    """The cases sent so far, with the skills they landed in.

    Example:
        >>> evidence = Evidence(CaseSpace([2, 3]))
        >>> evidence.add([0, 2], skill=1), evidence.add([1, 2], skill=0), evidence.add([0, 2], skill=1)
        (0, 1, 0)
        >>> evidence.skill_of(0), evidence.answers(0), bin(evidence.cube([(1, 0b100)]))
        (1, [1, 1], '0b11')
    """

    def __init__(self, space: CaseSpace) -> None:
        self.space = space
        self.count = 0
        self.everything = 0
        #: Bitset of the cases of which every answer is from before a change.
        self.soft = 0
        self.value_bits: list[list[int]] = [[0] * size for size in space.sizes]
        self.skill_bits: list[int] = []
        self._rows = np.empty((64, space.count), dtype=np.uint8)
        self._answers: list[list[int]] = []
        self._labels: list[int] = []
        self._places: dict[bytes, int] = {}
        self._literals: dict[Condition, int] = {}

    @property
    def rows(self) -> Rows:
        """The cases, in the order of first sending."""
        return self._rows[: self.count]

    @property
    def skills(self) -> int:
        """How many skills were met; they are numbered from 0."""
        return len(self.skill_bits)

    @property
    def labels(self) -> Sequence[int]:
        """For each case, the skill that counts."""
        return self._labels

    def skill_of(self, place: int) -> int:
        """The skill that counts for a case: the one it landed in most often, of equals the first."""
        return self._labels[place]

    def answers(self, place: int) -> list[int]:
        """Every landing of a case, in the order of sending."""
        return list(self._answers[place])

    @property
    def unstable(self) -> list[int]:
        """The cases that landed in more than one skill."""
        return [place for place, answers in enumerate(self._answers) if len(set(answers)) > 1]

    def find(self, row: Iterable[int]) -> int | None:
        """The place of a case, or None when it was never sent."""
        return self._places.get(bytes(row))

    def add(self, row: Sequence[int] | npt.NDArray[np.uint8], skill: int, *, soft: bool = False) -> int:
        """Note one landing; return the place of the case."""
        key = bytes(bytearray(row))
        while len(self.skill_bits) <= skill:
            self.skill_bits.append(0)
        place = self._places.get(key)
        if place is None:
            return self._append(key, skill, soft)
        bit = 1 << place
        if not self.everything & bit:
            self._remember(place, key)
        if self.soft & bit and not soft:
            # The first new answer replaces what was known from before the change.
            self.soft &= ~bit
            self._answers[place] = []
        self._answers[place].append(skill)
        counts = Counter(self._answers[place])
        best = max(counts, key=lambda each: (counts[each], -self._answers[place].index(each)))
        self._relabel(place, best)
        return place

    @property
    def has_forgotten(self) -> bool:
        """Whether some cases do not count any more."""
        return self.everything.bit_count() != self.count

    def unsettled_cases(self, most: int) -> list[int]:
        """The cases that landed in several skills, none of them two ahead, in less than *most* sends."""
        places = []
        for place, answers in enumerate(self._answers):
            if len(answers) > 1 and len(answers) < most:
                (_, ahead), *others = Counter(answers).most_common(2)
                if others and ahead - others[0][1] < 2:
                    places.append(place)
        return places

    def forget_soft(self, places: int) -> None:
        """Give up the cases of a bitset: no list has to agree with them any more."""
        places &= self.soft
        for skill, bits in enumerate(self.skill_bits):
            self.skill_bits[skill] = bits & ~places
        self.everything &= ~places
        for factor in self.value_bits:
            for value, bits in enumerate(factor):
                factor[value] = bits & ~places
        self._literals.clear()

    def _append(self, key: bytes, skill: int, soft: bool) -> int:
        place = self.count
        if place == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
        self._rows[place] = np.frombuffer(key, dtype=np.uint8)
        bit = 1 << place
        for factor, value in enumerate(key):
            self.value_bits[factor][value] |= bit
        self.everything |= bit
        if soft:
            self.soft |= bit
        self.skill_bits[skill] |= bit
        self._places[key] = place
        self._answers.append([skill])
        self._labels.append(skill)
        self.count += 1
        self._literals.clear()
        return place

    def _remember(self, place: int, key: bytes) -> None:
        bit = 1 << place
        self.everything |= bit
        for factor, value in enumerate(key):
            self.value_bits[factor][value] |= bit
        self._literals.clear()

    def _relabel(self, place: int, skill: int) -> None:
        bit = 1 << place
        self.skill_bits[self._labels[place]] &= ~bit
        self.skill_bits[skill] |= bit
        self._labels[place] = skill

    # --- which cases fulfil what --------------------------------------------------------------------------

    def literal(self, condition: Condition) -> int:
        """The cases that fulfil one condition."""
        cases = self._literals.get(condition)
        if cases is None:
            factor, mask = condition
            cases = 0
            for value, bits in enumerate(self.value_bits[factor]):
                if mask >> value & 1:
                    cases |= bits
            self._literals[condition] = cases
        return cases

    def cube(self, conditions: Iterable[Condition], within: int = -1) -> int:
        """The cases, of those *within*, that fulfil every condition."""
        cases = self.everything & within
        for condition in conditions:
            cases &= self.literal(condition)
        return cases

    def weight(self, cases: int) -> float:
        """What it costs a list to contradict these cases."""
        if not self.soft:
            return HARD_WEIGHT * cases.bit_count()
        soft = (cases & self.soft).bit_count()
        return HARD_WEIGHT * (cases.bit_count() - soft) + SOFT_WEIGHT * soft

    def wrong(self, rules: Sequence[Rule]) -> int:
        """The cases that the list explains wrongly."""
        remaining, wrong = self.everything, 0
        literal, skill_bits = self.literal, self.skill_bits
        for conditions, skill in rules:
            cases = remaining
            for condition in conditions:
                cases &= literal(condition)
            wrong |= cases & ~skill_bits[skill]
            remaining ^= cases
        return wrong

    def cases_by_rule(self, rules: Sequence[Rule]) -> list[int]:
        """For each rule, the cases that it decides."""
        remaining, by_rule = self.everything, []
        for rule in rules:
            cases = self.cube(rule.conditions, remaining)
            by_rule.append(cases)
            remaining ^= cases
        return by_rule

    def critical_cases(self, rules: Sequence[Rule]) -> list[int]:
        """For each rule, the cases that would land elsewhere without it; for the last, all it decides."""
        by_rule = []
        for place, cases in enumerate(self.cases_by_rule(rules)):
            skill, same_skill, remaining = rules[place].skill, 0, cases
            for rule in rules[place + 1 :]:
                if not remaining:
                    break
                below = self.cube(rule.conditions, remaining)
                if rule.skill == skill:
                    same_skill |= below
                remaining ^= below
            by_rule.append(cases & ~same_skill if rules[place].conditions else cases)
        return by_rule


def places_of(cases: int) -> list[int]:
    """The places in a bitset, ascending.

    Example:
        >>> places_of(0b10110)
        [1, 2, 4]
    """
    places = []
    while cases:
        low = cases & -cases
        places.append(low.bit_length() - 1)
        cases ^= low
    return places


def as_booleans(cases: int, count: int) -> npt.NDArray[np.bool_]:
    """A bitset over *count* cases as an array."""
    raw = np.frombuffer(cases.to_bytes((count + 7) // 8, "little"), dtype=np.uint8)
    return np.unpackbits(raw, count=count, bitorder="little").view(np.bool_)
