"""Which pairs, triples and quadruples of values were sent, and the lowest rule that decided one."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from lpnb.experiments.learning.case_space import CaseSpace, Rows
from lpnb.experiments.learning.decision_list import (
    Box,
    Places,
    Rules,
    TooManyBoxesError,
    deciding_rules,
    regions,
)
from lpnb.experiments.learning.evidence import places_of

#: No table is kept for tuples of a size of which there are more than so many.
MOST_TUPLES = 4_000_000
UNSEEN = -1
#: Random rows that say which tuples a rule can decide, where that cannot be worked out.
_SAMPLE = 20_000


class TupleTable:
    """For every tuple of values of *size* factors, the lowest rule that decided a case with it.

    "Lowest" is the largest place in the list: nearest to where everything lands that no rule takes.
    """

    def __init__(self, space: CaseSpace, size: int) -> None:
        self.space, self.size = space, size
        self.groups = list(combinations(range(space.count), size))
        sizes = np.array(space.sizes, dtype=np.int64)
        self._members = np.array(self.groups, dtype=np.int64).reshape(-1, size)
        counts = sizes[self._members].prod(axis=1)
        self.offsets = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
        self.total = int(counts.sum())
        steps = np.ones_like(self._members)
        for at in range(size - 2, -1, -1):
            steps[:, at] = steps[:, at + 1] * sizes[self._members[:, at + 1]]
        self._steps = steps
        self.lowest = np.full(self.total, UNSEEN, dtype=np.int16)

    @staticmethod
    def fits(space: CaseSpace, size: int) -> bool:
        """Whether there are few enough tuples of this size for a table."""
        if size > space.count:
            return False
        total = sum(math.prod(group) for group in combinations(space.sizes, size))
        return total <= MOST_TUPLES

    def places(self, rows: Rows) -> npt.NDArray[np.int64]:
        """Shape (rows, groups): where each row's tuples are in the table."""
        places = np.repeat(self.offsets[None], len(rows), axis=0)
        for at in range(self.size):
            places += rows[:, self._members[:, at]] * self._steps[:, at]
        return places

    def fill(self, rows: Rows, deciding: Places) -> None:
        """Forget all, then note these rows and the rules that decided them."""
        self.lowest.fill(UNSEEN)
        order = np.argsort(deciding, kind="stable")
        for start in range(0, len(order), 512):
            part = order[start : start + 512]
            # In ascending order of the rule: the last one written is the lowest.
            places = self.places(rows[part])
            for row, rule in zip(places, deciding[part].tolist(), strict=True):
                self.lowest[row] = rule


def tuple_coverage(space: CaseSpace, rules: Rules, sent_rows: Rows) -> dict[int, float]:
    """By the size of tuple, the share of tuples of values that were sent where no known rule hides them.

    A tuple counts when one of the cases with it was decided by the lowest rule that can decide one: at that
    place a rule that looks at just these values would have shown.

    Example:
        >>> from lpnb.experiments.learning.decision_list import Rule
        >>> rows = np.array([[0, 0], [1, 1], [0, 1]], dtype=np.uint8)
        >>> tuple_coverage(CaseSpace([2, 2]), (Rule((), 0),), rows)
        {2: 0.75}
    """
    random = np.random.default_rng(0)
    deciding = deciding_rules(rules, sent_rows, space)
    boxes: list[list[Box]] | None = None
    if not space.restricted:
        with contextlib.suppress(TooManyBoxesError):
            boxes = regions(rules, space)
    shares = {}
    for table in tables(space):
        if boxes is None:
            rows = np.concatenate([sent_rows, space.draw(_SAMPLE, random)])
            table.fill(rows, deciding_rules(rules, rows, space))
            reachable = table.lowest.copy()
        else:
            reachable = _reachable(table, boxes)
        table.fill(sent_rows, deciding)
        there = reachable != UNSEEN
        shares[table.size] = float((table.lowest >= reachable)[there].mean()) if there.any() else 1.0
    return shares


def _reachable(table: TupleTable, boxes: Sequence[Sequence[Box]]) -> npt.NDArray[np.int16]:
    """For every tuple, the lowest rule that can decide a case with it; *boxes* are each rule's region."""
    space = table.space
    lowest = np.full(table.total, UNSEEN, dtype=np.int16)
    for rule, region in enumerate(boxes):
        for which, group in enumerate(table.groups):
            mask_tuples = {tuple(box.get(factor, space.full(factor)) for factor in group) for box in region}
            for masks in mask_tuples:
                at = np.array([table.offsets[which]])
                for mask, step in zip(masks, table._steps[which].tolist(), strict=True):
                    at = (at[:, None] + np.array(places_of(mask)) * step).ravel()
                lowest[at] = rule
    return lowest


def tables(space: CaseSpace) -> list[TupleTable]:
    """The tables that there is room for."""
    return [TupleTable(space, size) for size in (2, 3, 4) if TupleTable.fits(space, size)]


def pairwise_rows(table: TupleTable, count: int, random: np.random.Generator) -> Rows:
    """So many cases with as many new pairs of values as can be had (greedy); fewer when all were sent."""
    space = table.space
    unseen = table.lowest == UNSEEN
    picks: list[npt.NDArray[np.uint8]] = []
    for _ in range(count):
        if not unseen.any():
            break
        rows = space.draw(60, random)
        gains = unseen[table.places(rows)].sum(axis=1)
        row = rows[int(np.argmax(gains))].copy()
        best = int(gains.max())
        for _round in range(3):
            before = best
            for factor in random.permutation(space.count).tolist():
                others = np.repeat(row[None], space.sizes[factor], axis=0)
                others[:, factor] = np.arange(space.sizes[factor])
                gains = unseen[table.places(others)].sum(axis=1)
                gains[~space.allowed(others)] = -1
                if int(gains.max()) > best:
                    best = int(gains.max())
                    row = others[int(np.argmax(gains))].copy()
            if best == before:
                break
        if not best:
            break
        unseen[table.places(row[None])[0]] = False
        picks.append(row)
    return np.array(picks, dtype=np.uint8).reshape(-1, space.count)
