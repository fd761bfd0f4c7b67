"""Beam search for conditions that hold for the wanted cases and for as few of the unwanted as possible."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from lpnb.experiments.learning.case_space import CaseSpace
from lpnb.experiments.learning.decision_list import RULE_BITS, Condition
from lpnb.experiments.learning.evidence import HARD_WEIGHT, SOFT_WEIGHT, Evidence, as_booleans

Floats = npt.NDArray[np.float32]

BEAM_WIDTH = 6
MOST_CONDITIONS = 5
#: How much a bit of a rule's length counts against the information that its conditions give.
_BIT_PRICE = 0.12


class Cube(NamedTuple):
    """Conditions, what they hold of the wanted and of the unwanted cases, and how long they are in bits."""

    conditions: tuple[Condition, ...]
    wanted: float
    unwanted: float
    bits: float


class CubeSearch:
    """Finds cubes in a fixed evidence; made anew when the evidence has grown."""

    def __init__(self, evidence: Evidence, skills: int) -> None:
        space = evidence.space
        self.evidence, self.space = evidence, space
        self.rule_bits = RULE_BITS + math.log2(max(skills, 2))
        self._one_hot = np.ascontiguousarray(evidence.one_hot)
        self._known: dict[tuple[int, int], list[Cube]] = {}
        # Masks of more values than a machine word has bits are Python's own whole numbers.
        powers = [1 << place for place in range(space.widest)]
        self._powers = np.array(powers, dtype=np.int64 if space.widest < 63 else object)
        self._weights = np.ones(evidence.count, dtype=np.float32)
        if evidence.soft:
            self._weights[as_booleans(evidence.soft, evidence.count)] = SOFT_WEIGHT / HARD_WEIGHT
        self._exists, self._set_bits = _set_tables(space)
        self._factors = np.arange(space.count)
        self._intervals = [
            (
                factor,
                np.array([space.lookup(factor, mask) for mask in masks], dtype=np.float32),
                np.array([space.condition_bits(factor, mask) for mask in masks], dtype=np.float32),
                np.array(masks, dtype=self._powers.dtype),
            )
            for factor in range(space.count)
            if (masks := space.intervals(factor))
        ]

    def find(self, wanted: int, unwanted: int) -> list[Cube]:
        """The best cubes: more wanted than unwanted cases, the most for their length first."""
        known = self._known.get((wanted, unwanted))
        if known is not None:
            return known
        count, space = self.evidence.count, self.space
        deepest = min(MOST_CONDITIONS, space.count)
        start = np.empty((2, count), dtype=np.float32)
        np.multiply(as_booleans(wanted, count), self._weights, out=start[0])
        np.multiply(as_booleans(unwanted, count), self._weights, out=start[1])
        all_wanted, all_unwanted = float(start[0].sum()), float(start[1].sum())
        if not all_wanted:
            return []
        base = math.log2(all_wanted / (all_wanted + all_unwanted))
        found: dict[tuple[Condition, ...], Cube] = {}
        beam: list[tuple[tuple[Condition, ...], float]] = [((), 0.0)]
        vectors = start[:, None, :]
        best = 0.0
        for depth in range(1, deepest + 1):
            width = len(beam)
            counts = (vectors.reshape(2 * width, count) @ self._one_hot).reshape(
                2, width, space.count, space.widest
            )
            used = np.zeros((width, space.count), dtype=np.bool_)
            for row, (conditions, _) in enumerate(beam):
                for factor, _mask in conditions:
                    used[row, factor] = True
            options = self._options(counts[0], counts[1], used)
            shape = self.rule_bits + space.shape_bits[depth]
            so_far = np.array([bits for _, bits in beam], dtype=np.float32)
            bits = options.bits + so_far[options.rows] + shape
            precision = np.log2(options.wanted / (options.wanted + options.unwanted))
            scores = options.wanted * (precision - base) - _BIT_PRICE * bits
            order = np.argsort(-scores, kind="stable")[: 6 * BEAM_WIDTH]
            following: list[tuple[tuple[Condition, ...], float]] = []
            rows: list[int] = []
            added: list[Condition] = []
            seen: set[tuple[Condition, ...]] = set()
            columns = (options.rows, options.factors, options.masks, options.wanted, options.unwanted, bits)
            for row, factor, mask, held, lost, length in zip(
                *(column[order].tolist() for column in columns), strict=True
            ):
                if not held / (length + 3) > best and (lost or held <= lost):
                    continue
                earlier = beam[row][0]
                conditions = tuple(sorted((*earlier, (factor, mask)))) if earlier else ((factor, mask),)
                if conditions in seen:
                    continue
                seen.add(conditions)
                if held > lost:
                    found[conditions] = Cube(conditions, held, lost, length)
                    best = max(best, (held - lost) / length)
                if lost and held / (length + 3) > best and len(following) < BEAM_WIDTH:
                    following.append((conditions, length - shape))
                    rows.append(row)
                    added.append((factor, mask))
            if not following or depth == deepest:
                break
            members = np.array([as_booleans(self.evidence.literal(condition), count) for condition in added])
            vectors = vectors[:, rows, :] * members
            beam = following
        ranked = sorted(found.values(), key=lambda cube: -(cube.wanted - cube.unwanted) / cube.bits)
        self._known[wanted, unwanted] = ranked = ranked[:8]
        return ranked

    def _options(self, wanted: Floats, unwanted: Floats, used: npt.NDArray[np.bool_]) -> _Options:
        """Every literal that could be added to each of the beam's cubes."""
        usable = self._exists[None] & ~used[:, :, None]
        has, lacks = (wanted > 0) & usable, (unwanted == 0) & usable
        sets = np.stack([(wanted > unwanted) & usable, has & lacks, lacks, has])
        sizes = sets.sum(-1)
        set_bits = self._set_bits[self._factors, sizes]
        set_wanted, set_unwanted = (wanted * sets).sum(-1), (unwanted * sets).sum(-1)
        which, rows, factors = np.nonzero((set_wanted > 0) & np.isfinite(set_bits) & (sizes > 1))
        single_rows, single_factors, values = np.nonzero(has)
        parts_wanted = [wanted[single_rows, single_factors, values], set_wanted[which, rows, factors]]
        parts_unwanted = [unwanted[single_rows, single_factors, values], set_unwanted[which, rows, factors]]
        parts_bits = [self._set_bits[single_factors, 1], set_bits[which, rows, factors]]
        parts_rows, parts_factors = [single_rows, rows], [single_factors, factors]
        parts_masks = [self._powers[values], (sets[which, rows, factors] * self._powers).sum(-1)]
        for factor, members, bits, masks in self._intervals:
            size = self.space.sizes[factor]
            inside, outside = wanted[:, factor, :size] @ members.T, unwanted[:, factor, :size] @ members.T
            at_rows, at_masks = np.nonzero((inside > 0) & ~used[:, factor, None])
            parts_wanted.append(inside[at_rows, at_masks])
            parts_unwanted.append(outside[at_rows, at_masks])
            parts_bits.append(bits[at_masks])
            parts_rows.append(at_rows)
            parts_factors.append(np.full(len(at_rows), factor))
            parts_masks.append(masks[at_masks])
        parts = (parts_wanted, parts_unwanted, parts_bits, parts_rows, parts_factors, parts_masks)
        return _Options(*(np.concatenate(part) for part in parts))


class _Options(NamedTuple):
    """Literals that could be added: what they hold and cost, to which row of the beam, and the mask."""

    wanted: Floats
    unwanted: Floats
    bits: Floats
    rows: npt.NDArray[np.int64]
    factors: npt.NDArray[np.int64]
    masks: npt.NDArray[Any]


def _set_tables(space: CaseSpace) -> tuple[npt.NDArray[np.bool_], Floats]:
    """Which (factor, value) exist, and by factor and number of values what a set costs."""
    exists = np.zeros((space.count, space.widest), dtype=np.bool_)
    bits = np.full((space.count, space.widest + 1), np.inf, dtype=np.float32)
    for factor, size in enumerate(space.sizes):
        exists[factor, :size] = True
        for held in range(1, size):
            bits[factor, held] = 1 + (0 if held == 1 else 2) + math.log2(math.comb(size, held))
    return exists, bits
