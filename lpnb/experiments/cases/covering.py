"""Covering arrays: few combinations in which every pair, or every triple, of values occurs.

Row by row: a group of columns with the most tuples to go is begun with one of them, and the other columns get
the values that bring the most new ones (the greedy way of AETG). Columns and values are places here.

Source: D. M. Cohen, S. R. Dalal, M. L. Fredman, G. C. Patton, The AETG System, IEEE TSE 23 (1997).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Row = tuple[int, ...]
Tuples = npt.NDArray[np.bool_]

#: The most tuples of values that are kept track of.
MOST_TUPLES = 5_000_000
#: Rows that are begun for each that is taken.
_CANDIDATES = 32
#: Combinations with one tuple of which all are looked at, and how many are drawn where there are more.
_MOST_TRIALS, _SAMPLE_SIZE = 20_000, 2_000


class CoveringArray(NamedTuple):
    """The rows, the one with the most new tuples first, and what could not be covered.

    ``tuples`` is how many there are to be covered. ``impossible`` counts those that no allowed combination
    holds, ``missing`` those of which none was found, though not all were looked at.
    """

    rows: list[Row]
    tuples: int
    impossible: int
    missing: int


def tuple_count(sizes: Sequence[int], strength: int) -> int:
    """How many tuples of values of *strength* columns there are.

    Example:
        >>> tuple_count([2, 3, 4], 2)
        26
    """
    return sum(math.prod(group) for group in combinations(sizes, strength))


def covering_array(
    sizes: Sequence[int], strength: int, seed: int = 0, allowed: Callable[[Row], bool] | None = None
) -> CoveringArray:
    """Rows in which every tuple of values of *strength* columns occurs that is allowed in any.

    Args:
        sizes: How many values each column has.
        strength: 2 for pairs, 3 for triples; at most as many as there are columns.
        seed: The same seed, the same rows.
        allowed: Whether a combination exists; None when all do.

    Example:
        >>> array = covering_array([3, 3, 3, 3], 2)
        >>> array.tuples, array.impossible, len(array.rows) < 15
        (54, 0, True)
        >>> covering_array([2, 2], 2, allowed=lambda row: row != (1, 1)).impossible
        1
    """
    return _RowSearch(sizes, strength, np.random.default_rng(seed), allowed).run()


class _RowSearch:
    def __init__(
        self,
        sizes: Sequence[int],
        strength: int,
        random: np.random.Generator,
        allowed: Callable[[Row], bool] | None,
    ) -> None:
        self.sizes, self.strength, self.random, self.allowed = sizes, strength, random, allowed
        groups = combinations(range(len(sizes)), strength)
        self.open: dict[Row, Tuples] = {
            group: np.ones([sizes[factor] for factor in group], dtype=np.bool_) for group in groups
        }
        self.remaining = {group: tuples.size for group, tuples in self.open.items()}

    def run(self) -> CoveringArray:
        rows: list[Row] = []
        total, impossible, missing = sum(self.remaining.values()), 0, 0
        while any(self.remaining.values()):
            group = max(self.remaining, key=lambda one: self.remaining[one])
            candidates = self._candidates(group)
            row = next((row for row in candidates if self.allowed is None or self.allowed(row)), None)
            if row is None:
                fixed_values = {factor: candidates[0][factor] for factor in group}
                row, complete = self._complete_row(fixed_values)
                if row is None:
                    self._close(group, tuple(fixed_values.values()))
                    impossible, missing = impossible + complete, missing + (not complete)
                    continue
                row = self._improve(row)
            rows.append(row)
            for each in self.open:
                self._close(each, tuple(row[factor] for factor in each))
        return CoveringArray(rows, total, impossible, missing)

    def _close(self, group: Row, values: Row) -> None:
        self.remaining[group] -= int(self.open[group][values])
        self.open[group][values] = False

    def _candidates(self, group: Row) -> list[Row]:
        """Rows that begin with tuples of *group* that are to go, the one that brings the most first."""
        starts = np.argwhere(self.open[group])
        starts = starts[self.random.permutation(len(starts))[:_CANDIDATES]]
        rows = np.zeros((len(starts), len(self.sizes)), dtype=np.int64)
        rows[:, group] = starts
        new_tuples = np.zeros(len(starts))
        assigned_factors = list(group)
        others = [factor for factor in range(len(self.sizes)) if factor not in group]
        for factor in self.random.permutation(others).tolist() if others else []:
            gains = np.zeros((len(starts), self.sizes[factor]))
            for partners in combinations(sorted(assigned_factors), self.strength - 1):
                key = tuple(sorted((*partners, factor)))
                tuples = np.moveaxis(self.open[key], key.index(factor), -1)
                gains += tuples[tuple(rows[:, other] for other in partners)]
            gains += self.random.random(gains.shape) / 2  # of equals, any
            rows[:, factor] = gains.argmax(axis=1)
            new_tuples += np.floor(gains.max(axis=1))
            assigned_factors.append(factor)
        return [tuple(row) for row in rows[np.argsort(-new_tuples, kind="stable")].tolist()]

    def _complete_row(self, fixed_values: dict[int, int]) -> tuple[Row | None, bool]:
        """An allowed row with *fixed_values*; without one, whether all were looked at."""
        sizes = [1 if factor in fixed_values else size for factor, size in enumerate(self.sizes)]
        number = math.prod(sizes)
        complete = number <= _MOST_TRIALS
        if complete:
            rows = np.stack(np.unravel_index(self.random.permutation(number), sizes), axis=1)
        else:
            rows = self.random.integers(0, sizes, (_SAMPLE_SIZE, len(sizes)))
        rows[:, list(fixed_values)] = list(fixed_values.values())
        assert self.allowed is not None  # noqa: S101 - else a candidate would have been taken
        return next((row for row in map(tuple, rows.tolist()) if self.allowed(row)), None), complete

    def _improve(self, row: Row) -> Row:
        """The row with values changed, one at a time, as long as that brings more and is allowed."""
        best, best_gain = row, self._gain(row)
        for factor in self.random.permutation(len(row)).tolist():
            for value in range(self.sizes[factor]):
                other = (*best[:factor], value, *best[factor + 1 :])
                gain = self._gain(other)
                if gain > best_gain and (self.allowed is None or self.allowed(other)):
                    best, best_gain = other, gain
        return best

    def _gain(self, row: Row) -> int:
        return sum(int(tuples[tuple(row[factor] for factor in group)]) for group, tuples in self.open.items())
