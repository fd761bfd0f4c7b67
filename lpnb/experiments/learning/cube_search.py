"""Beam search for conditions that hold for the positive cases and for as few of the negative as possible.

The cases of a bitset are counted for every value of every factor at a time, 64 of them in a machine word, and
several searches are gone through side by side: most of the time of learning is spent here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lpnb.experiments.learning.decision_list import RULE_BITS, Condition
from lpnb.experiments.learning.evidence import HARD_WEIGHT, SOFT_WEIGHT, Evidence

Floats = npt.NDArray[np.float64]

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
    """Conditions, what they hold of the positive and of the negative cases, and how long they are in bits."""

    conditions: tuple[Condition, ...]
    positives: float
    negatives: float
    bits: float


class _Branch(NamedTuple):
    """A cube that is being made: its conditions, the cases left in it, and its length without the rule's."""

    conditions: tuple[Condition, ...]
    positives: int
    negatives: int
    bits: float


class _Sets(NamedTuple):
    """Sets of values for each branch: which, by factor how many, and what cases they hold."""

    values: npt.NDArray[np.bool_]
    sizes: npt.NDArray[np.int64]
    positives: Floats
    negatives: Floats


class _Search:
    """One search on its way: the branches to go on with, its cubes, and the best value so far."""

    def __init__(self, positives: int, negatives: int, base: float) -> None:
        self.base, self.best = base, 0.0
        self.beam = [_Branch((), positives, negatives, 0.0)]
        self.cubes: dict[tuple[Condition, ...], Cube] = {}


class CubeSearch:
    """Finds cubes in a fixed evidence; made anew when the evidence has grown."""

    def __init__(self, evidence: Evidence, skills: int) -> None:
        space = evidence.space
        self.evidence, self.space = evidence, space
        self.rule_bits = RULE_BITS + math.log2(max(skills, 2))
        self._answers: dict[tuple[int, int], list[Cube]] = {}
        #: The conditions that are always looked at, in the order of factors: each value, and each range.
        self._fixed: list[Condition] = [
            (factor, mask)
            for factor, size in enumerate(space.sizes)
            for mask in (*(1 << value for value in range(size)), *space.intervals(factor))
        ]
        self._fixed_bits = np.array([space.condition_bits(*condition) for condition in self._fixed])
        self._fixed_factor = np.array([factor for factor, _ in self._fixed])
        #: Which of them are single values, and where each factor's begin among those.
        self._single = np.array([not mask & (mask - 1) for _, mask in self._fixed])
        self._starts = np.concatenate([[0], np.cumsum(space.sizes)[:-1]]).astype(np.int64)
        self._set_bits = np.zeros((space.count, space.widest + 1))
        for factor, size in enumerate(space.sizes):
            for value_count in range(size + 1):
                self._set_bits[factor, value_count] = 3 + math.log2(math.comb(size, value_count))
        self._sizes, self._every_factor = np.array(space.sizes), np.arange(space.count)
        self._words = evidence.count // 64 + 1
        literals = self._as_words([evidence.literal(condition) for condition in self._fixed])
        self._literals = literals[:, None, :]
        self._soft = self._as_words([evidence.soft])[:, :, None] if evidence.soft else None

    def find(self, positives: int, negatives: int) -> list[Cube]:
        """The best cubes: more positive than negative cases, the most for their length first."""
        return self.find_all([(positives, negatives)])[0]

    def find_all(self, questions: Sequence[tuple[int, int]]) -> list[list[Cube]]:
        """The same for several sets of positive and negative cases, side by side."""
        searches: dict[tuple[int, int], _Search] = {}
        for positives, negatives in questions:
            if (positives, negatives) not in self._answers and (positive_weight := self._weight(positives)):
                base = math.log2(positive_weight / (positive_weight + self._weight(negatives)))
                searches[positives, negatives] = _Search(positives, negatives, base)
        active = list(searches.values())
        for depth in range(1, min(MOST_CONDITIONS, self.space.count) + 1):
            if not active:
                break
            shape = self.rule_bits + self.space.shape_bits[depth]
            self._extend(active, shape)
            active = [search for search in active if search.beam]
        for question, search in searches.items():
            cubes = sorted(
                search.cubes.values(), key=lambda cube: -(cube.positives - cube.negatives) / cube.bits
            )
            self._answers[question] = cubes[:_MOST_CUBES]
        return [self._answers.get(question, []) for question in questions]

    def conditions(self) -> Iterator[tuple[Condition, ...]]:
        """Those of every cube found so far."""
        for cubes in self._answers.values():
            for cube in cubes:
                yield cube.conditions

    def _weight(self, cases: int) -> float:
        """How much these cases count: 1 for each of now."""
        soft = self.evidence.soft
        if not soft:
            return cases.bit_count()
        return (cases & ~soft).bit_count() + _SOFT_SHARE * (cases & soft).bit_count()

    # --- counting many at a time --------------------------------------------------------------------------

    def _as_words(self, cases: Sequence[int]) -> npt.NDArray[np.uint64]:
        """Shape (words, bitsets): 64 cases in each word."""
        size = 8 * self._words
        raw = np.frombuffer(b"".join(bits.to_bytes(size, "little") for bits in cases), dtype="<u8")
        return np.ascontiguousarray(raw.reshape(len(cases), self._words).T)

    def _counts(self, cases: Sequence[int]) -> Floats:
        """Shape (bitsets, fixed conditions): the weight of the cases that fulfil each."""
        both = self._as_words(cases)[:, :, None] & self._literals
        weights: Floats = np.bitwise_count(both).sum(axis=0, dtype=np.float64)
        if self._soft is not None:
            weights -= (1 - _SOFT_SHARE) * np.bitwise_count(both & self._soft).sum(axis=0, dtype=np.float64)
        return weights

    def _extend(self, searches: Sequence[_Search], shape: float) -> None:
        """Add one condition more to the branches of each search.

        One that holds less for each bit of the rule than a share of the best known is left out.
        """
        branches = [branch for search in searches for branch in search.beam]
        owner = np.repeat(np.arange(len(searches)), [len(search.beam) for search in searches])
        counts = self._counts([*(it.positives for it in branches), *(it.negatives for it in branches)])
        positives, negatives = counts[: len(branches)], counts[len(branches) :]
        free = np.ones((len(branches), self.space.count), dtype=np.bool_)
        for number, branch in enumerate(branches):
            for factor, _ in branch.conditions:
                free[number, factor] = False
        values, sizes, inside, outside = self._sets(positives[:, self._single], negatives[:, self._single])
        fixed_bits = np.broadcast_to(self._fixed_bits, positives.shape)
        length = np.concatenate([fixed_bits, *self._set_bits[self._every_factor, sizes]], axis=1)
        positives = np.concatenate([positives, *inside], axis=1)
        negatives = np.concatenate([negatives, *outside], axis=1)
        # Each set holds the next or, the last, is held by it: of the same size they are the same.
        proper = (sizes > 1) & (sizes < self._sizes) & free
        proper[1:] &= sizes[1:] != sizes[:-1]
        usable = np.concatenate([free[:, self._fixed_factor], *proper], axis=1)
        length += np.array([branch.bits + shape for branch in branches])[:, None]
        least = np.array([_SLACK * search.best for search in searches])[owner][:, None]
        usable &= (positives > 0) & (positives > least * (length + 3))
        at, column = np.nonzero(usable)
        positives, negatives, length = positives[usable], negatives[usable], length[usable]
        base = np.array([search.base for search in searches])[owner[at]]
        score = positives * (np.log2(positives / (positives + negatives)) - base) - _BIT_PRICE * length
        order = np.argsort(-score, kind="stable")
        whose = owner[at[order]]
        for number, search in enumerate(searches):
            options = order[np.nonzero(whose == number)[0][:_MOST_OPTIONS]]
            columns = (values[options].tolist() for values in (at, column, positives, negatives, length))
            self._choose(search, branches, zip(*columns, strict=True), values, shape)

    def _choose(
        self,
        search: _Search,
        branches: Sequence[_Branch],
        options: Iterable[tuple[int, int, float, float, float]],
        sets: npt.NDArray[np.bool_],
        shape: float,
    ) -> None:
        """Take the branches to go on with, and note the cubes that are good.

        Args:
            search: The search that is gone on with.
            branches: All branches there are.
            options: The best first: the branch, the condition's column, positives, negatives, length.
            sets: The sets of values, as ``_sets`` gives them.
            shape: What a rule of so many conditions costs besides them.
        """
        beam: list[_Branch] = []
        known_conditions: set[tuple[Condition, ...]] = set()
        best = search.best
        for which, column, positives, negatives, length in options:
            longer = negatives > 0 and positives / (length + 3) > best and len(beam) < BEAM_WIDTH
            if not longer and (positives <= negatives or (negatives and not positives / (length + 3) > best)):
                continue
            branch, condition = branches[which], self._condition(sets, which, column)
            conditions = tuple(sorted((*branch.conditions, condition)))
            if conditions in known_conditions:
                continue
            known_conditions.add(conditions)
            if positives > negatives:
                search.cubes[conditions] = Cube(conditions, positives, negatives, length)
                best = max(best, (positives - negatives) / length)
            if longer and positives / (length + 3) > best:
                literal = self.evidence.literal(condition)
                beam.append(
                    _Branch(
                        conditions, branch.positives & literal, branch.negatives & literal, length - shape
                    )
                )
        search.beam, search.best = beam, best

    def _sets(self, positives: Floats, negatives: Floats) -> _Sets:
        """The values with some right, more right than wrong, only right, and none wrong.

        Shapes (4, branches, values) for the values themselves, (4, branches, factors) for the size of each
        set and for its positive and negative cases.
        """
        some, clean = positives > 0, negatives == 0
        values = np.array([some, positives > negatives, some & clean, clean])
        sums = np.add.reduceat(
            np.array([values, values * positives, values * negatives]), self._starts, axis=-1
        )
        return _Sets(values, sums[0].astype(np.int64), sums[1], sums[2])

    def _condition(self, sets: npt.NDArray[np.bool_], branch: int, column: int) -> Condition:
        """The condition in a column: the fixed ones come first, then one a factor of each kind of set."""
        if column < len(self._fixed):
            return self._fixed[column]
        kind, factor = divmod(column - len(self._fixed), self.space.count)
        start = int(self._starts[factor])
        values = np.packbits(sets[kind, branch, start : start + self.space.sizes[factor]], bitorder="little")
        return factor, int.from_bytes(values.tobytes(), "little")
