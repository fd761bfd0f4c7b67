"""Which factors decide together, where no short list of rules explains the landings."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from lpnb.experiments.learning.evidence import Evidence

_MOST_FACTORS = 4
#: Sets of factors that are compared at the most.
_MOST_SETS = 3_000
#: Cases that agree on a set must be so many pairs, and land alike in so large a share of them.
_LEAST_PAIRS, _ALIKE = 12, 0.9


def label_bits(evidence: Evidence) -> float:
    """How many bits the landings take when they are written down one by one, without rules."""
    counts = [bits.bit_count() for bits in evidence.skill_bits if bits]
    total = sum(counts)
    return -math.fsum(count * math.log2(count / total) for count in counts) if total else 0.0


def factors_that_decide(evidence: Evidence) -> tuple[int, ...]:
    """The smallest set of up to four factors on which cases that agree land alike; empty when there is none.

    Example:
        >>> from lpnb.experiments.learning.case_space import CaseSpace
        >>> evidence = Evidence(CaseSpace([2, 2, 3, 3]))
        >>> for row in np.ndindex(2, 2, 3, 3):
        ...     _ = evidence.add(row, skill=(row[0] + row[1]) % 2)
        >>> factors_that_decide(evidence)
        (0, 1)
    """
    if not evidence.count:
        return ()
    rows, space = evidence.rows.astype(np.int64), evidence.space
    labels = np.array(evidence.labels)
    best: tuple[float, tuple[int, ...]] | None = None
    set_count = 0
    for size in range(1, min(_MOST_FACTORS, space.count) + 1):
        for group in combinations(range(space.count), size):
            set_count += 1
            if set_count > _MOST_SETS:
                break
            cells = np.zeros(len(rows), dtype=np.int64)
            for factor in group:
                cells = cells * space.sizes[factor] + rows[:, factor]
            _, cells = np.unique(cells, return_inverse=True)
            both = np.zeros((int(cells.max()) + 1, evidence.skills), dtype=np.int64)
            np.add.at(both, (cells, labels), 1)
            pairs = _pairs(both.sum(axis=1))
            alike = _pairs(both) / pairs if pairs >= _LEAST_PAIRS else 0.0
            if alike >= _ALIKE and (best is None or alike > best[0]):
                best = (alike, group)
        if best is not None:
            return best[1]
    return ()


def _pairs(counts: np.ndarray) -> float:
    return float((counts * (counts - 1) // 2).sum())
