"""The combinations a learner may ask about, as whole numbers: factors, places of values, sets of places.

A row holds for each factor the place of its value. A set of values is a mask: bit *n* stands for the value at
place *n*. Names and values are `factors`' to know.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.uint8]
"""Shape (cases, factors): the place of each factor's value."""
Booleans = npt.NDArray[np.bool_]

#: The most values a factor can have: their places are kept in a byte.
MOST_VALUES = 255
#: How often a random row is drawn anew before ``where`` counts as never true.
_DRAWS = 200


class CaseSpace:
    """Every combination of the factors' values, or of these the ones that ``allowed`` is true for.

    Args:
        sizes: For each factor the number of its values, from 1 to 255.
        ranks: For each factor the rank of each value where the values have an order (-1 for a value without
            one, such as None), or None where they have none.
        allowed: Called with rows, says for each whether the combination exists; None when all do.

    Example:
        >>> space = CaseSpace([2, 3])
        >>> space.combinations, space.full(1)
        (6, 7)
    """

    def __init__(
        self,
        sizes: Sequence[int],
        ranks: Sequence[Sequence[int] | None] | None = None,
        allowed: Callable[[Rows], Booleans] | None = None,
    ) -> None:
        self.sizes = tuple(sizes)
        self.count = len(self.sizes)
        self.widest = max(self.sizes, default=1)
        self.combinations = math.prod(self.sizes)
        self.ranks = tuple(ranks) if ranks is not None else (None,) * self.count
        self._allowed = allowed
        self._lookups: dict[tuple[int, int], Booleans] = {}
        self._costs: dict[tuple[int, int], float] = {}
        self._intervals = [_intervals(ranks) for ranks in self.ranks]
        self.shape_bits = [math.log2(math.comb(self.count, size)) for size in range(self.count + 1)]

    @property
    def restricted(self) -> bool:
        """Whether some combinations do not exist."""
        return self._allowed is not None

    def full(self, factor: int) -> int:
        """The mask of all values of a factor."""
        return (1 << self.sizes[factor]) - 1

    def lookup(self, factor: int, mask: int) -> Booleans:
        """For each place of the factor, whether the mask holds it."""
        members = self._lookups.get((factor, mask))
        if members is None:
            if len(self._lookups) > 20_000:
                self._lookups.clear()
            members = np.array([mask >> place & 1 for place in range(self.sizes[factor])], dtype=np.bool_)
            self._lookups[factor, mask] = members
        return members

    def intervals(self, factor: int) -> Sequence[int]:
        """The masks of all ranges "from .. to" of two values or more, where the values have an order."""
        return self._intervals[factor]

    def condition_bits(self, factor: int, mask: int) -> float:
        """What it costs, in bits, to say that a factor's value is one of the mask."""
        bits = self._costs.get((factor, mask))
        if bits is None:
            size = self.sizes[factor]
            value_count = mask.bit_count()
            bits = 1 + (0 if value_count == 1 else 2) + math.log2(math.comb(size, value_count))
            if mask in self._intervals[factor]:
                bits = min(bits, 3 + math.log2(len(self._intervals[factor])))
            self._costs[factor, mask] = bits
        return bits

    def allowed(self, rows: Rows) -> Booleans:
        """For each row, whether the combination exists."""
        if self._allowed is None:
            return np.ones(len(rows), dtype=np.bool_)
        return self._allowed(rows)

    def every_row(self) -> Rows:
        """All combinations, also those that do not exist."""
        return np.stack(np.unravel_index(np.arange(self.combinations), self.sizes), axis=1).astype(np.uint8)

    def draw(self, count: int, random: np.random.Generator) -> Rows:
        """So many combinations at random, each as likely as any other; fewer where hardly any exists."""
        sizes = np.array(self.sizes)
        if self._allowed is None:
            return random.integers(0, sizes, (count, self.count), dtype=np.uint8)
        allowed_rows = np.empty((0, self.count), dtype=np.uint8)
        for _ in range(_DRAWS):
            rows = random.integers(0, sizes, (max(count, 64), self.count), dtype=np.uint8)
            allowed_rows = np.concatenate([allowed_rows, rows[self._allowed(rows)]])
            if len(allowed_rows) >= count:
                break
        return allowed_rows[:count]


def _intervals(ranks: Sequence[int] | None) -> tuple[int, ...]:
    """The masks of all ranges of two values or more that are not the whole; none where there is no order."""
    if ranks is None:
        return ()
    order = sorted((rank, place) for place, rank in enumerate(ranks) if rank >= 0)
    masks = []
    for start in range(len(order)):
        mask = 0
        for stop in range(start, len(order)):
            mask |= 1 << order[stop][1]
            if stop > start and mask.bit_count() < len(ranks):
                masks.append(mask)
    return tuple(masks)
