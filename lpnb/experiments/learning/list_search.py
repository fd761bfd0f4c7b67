"""Beam search for short lists that are made of known cubes: each rule is right on all that is left to it.

Every cube is tried below every list of the beam at a time, 64 cases in a machine word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lpnb.experiments.learning.decision_list import Condition, Rule, Rules
from lpnb.experiments.learning.evidence import HARD_WEIGHT, SOFT_WEIGHT, Evidence

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]

BEAM_WIDTH = 24
_MOST_CUBES, _MOST_RULES, _MOST_LISTS = 1_500, 60, 3
#: Lists in the making that are looked at to fill the beam: several of them leave the same cases.
_MOST_CANDIDATES = 12 * BEAM_WIDTH
#: What is still to be said of the cases left is reckoned as this share of writing their skills down.
_SHARE_LEFT = 0.7


class _Beam(NamedTuple):
    """Lists in the making: the cases left to each, what it costs so far, and its rules."""

    remaining: Words
    cost: Floats
    rules: list[tuple[Rule, ...]]


class _Extensions(NamedTuple):
    """Every list of a beam with each of the cubes below it; shapes (lists, cubes)."""

    skill: npt.NDArray[np.int64]
    """The skill that the cube's rule would have."""
    default: npt.NDArray[np.int64]
    """The skill of most of the cases left then."""
    cost: Floats
    is_complete: npt.NDArray[np.bool_]
    """Whether the cases left then have one skill."""
    score: Floats
    """The cost with what is still to be said; infinite where the rule would be wrong."""


class ListSearch:
    """Puts lists together from the conditions of cubes.

    Args:
        evidence: What the lists must explain.
        cubes: The conditions of rules, each with the length of its rule in bits; of those that hold the same
            cases, the shortest are used.
    """

    def __init__(self, evidence: Evidence, cubes: Mapping[tuple[Condition, ...], float]) -> None:
        self._evidence = evidence
        self._words = evidence.count // 64 + 1
        shortest: dict[int, tuple[float, tuple[Condition, ...]]] = {}
        for conditions, length in islice(cubes.items(), _MOST_CUBES):
            cases = evidence.cube(conditions)
            if cases and (cases not in shortest or (length, conditions) < shortest[cases]):
                shortest[cases] = length, conditions
        distinct_cubes = sorted(shortest.items(), key=lambda item: item[1])
        self._conditions = [conditions for _, (_, conditions) in distinct_cubes]
        self._lengths = np.array([length for _, (length, _) in distinct_cubes])
        self._cubes = self._as_words([cases for cases, _ in distinct_cubes])
        self._skills = self._as_words(evidence.skill_bits)
        self._soft = self._as_words([evidence.soft])[:, 0]
        # Cases are counted in the weight of one from before a change, where there are any.
        self._unit = round(HARD_WEIGHT / SOFT_WEIGHT) if evidence.soft else 1
        numbers = np.arange(self._unit * evidence.count + 1) / self._unit
        self._n_log_n = numbers * np.log2(np.maximum(numbers, 1 / self._unit))

    def find(self) -> list[Rules]:
        """Some lists that explain every case that counts, the shortest first; none where there is none."""
        costs: dict[Rules, float] = {}
        beam = _Beam(self._as_words([self._evidence.everything]), np.zeros(1), [()])
        best = np.inf
        for _ in range(_MOST_RULES if self._conditions else 0):
            extensions = self._extensions(beam)
            extensions.score[extensions.cost >= best] = np.inf
            for which, cube in _lowest(
                np.where(extensions.is_complete, extensions.score, np.inf), _MOST_LISTS
            ):
                rule = Rule(self._conditions[cube], int(extensions.skill[which, cube]))
                rules = (*beam.rules[which], rule, Rule((), int(extensions.default[which, cube])))
                costs[rules] = cost = float(extensions.cost[which, cube])
                best = min(best, cost)
            extensions.score[extensions.is_complete | (extensions.cost >= best)] = np.inf
            beam = self._next_beam(beam, extensions)
            if not beam.rules:
                break
        return sorted(costs, key=lambda rules: (costs[rules], rules))[:_MOST_LISTS]

    def _extensions(self, beam: _Beam) -> _Extensions:
        remaining = self._skills[:, :, None] & beam.remaining[:, None]
        inside = self._counts(remaining[..., None], self._cubes[:, None, None])
        rest = self._counts(remaining)[..., None] - inside
        skill, default, total = inside.argmax(axis=0), rest.argmax(axis=0), rest.sum(axis=0)
        other = inside.sum(axis=0) - inside.max(axis=0)
        cost = beam.cost[:, None] + self._lengths
        # So few units are of soft cases, and can be none of a hard one.
        usable = (other < self._unit) & (inside.max(axis=0) > 0)
        if self._unit > 1:
            cost = cost + SOFT_WEIGHT * other
        is_complete = total - rest.max(axis=0) < self._unit
        remaining_bits = self._n_log_n[total] - self._n_log_n[rest].sum(axis=0)
        return _Extensions(
            skill, default, cost, is_complete, np.where(usable, cost + _SHARE_LEFT * remaining_bits, np.inf)
        )

    def _next_beam(self, beam: _Beam, extensions: _Extensions) -> _Beam:
        keys: set[bytes] = set()
        remaining, cost, rules = [], [], []
        for which, cube in _lowest(extensions.score, _MOST_CANDIDATES):
            rest = beam.remaining[:, which] & ~self._cubes[:, cube]
            if (key := rest.tobytes()) not in keys:
                keys.add(key)
                remaining.append(rest)
                cost.append(extensions.cost[which, cube])
                rule = Rule(self._conditions[cube], int(extensions.skill[which, cube]))
                rules.append((*beam.rules[which], rule))
                if len(remaining) == BEAM_WIDTH:
                    break
        return _Beam(np.array(remaining).T, np.array(cost), rules)

    def _counts(self, cases: Words, within: Words | None = None) -> Integers:
        """The weight of the cases in each bitset; words are the first axis, and summed up."""
        weights = np.zeros((), dtype=np.int32)
        for number, word in enumerate(cases):
            both = word if within is None else word & within[number]
            weights = weights + np.bitwise_count(both) * np.int32(self._unit)
            if self._unit > 1:
                weights -= np.bitwise_count(both & self._soft[number]) * np.int32(self._unit - 1)
        return weights

    def _as_words(self, cases: Iterable[int]) -> Words:
        """Shape (words, bitsets)."""
        raw = b"".join(bits.to_bytes(8 * self._words, "little") for bits in cases)
        return np.ascontiguousarray(np.frombuffer(raw, dtype="<u8").reshape(-1, self._words).T)


def _lowest(score: Floats, most: int) -> list[tuple[int, int]]:
    """The places of the lowest finite scores, lowest first."""
    flat = score.ravel()
    places = np.flatnonzero(np.isfinite(flat))
    places = places[np.argsort(flat[places], kind="stable")[:most]]
    return [divmod(place, score.shape[1]) for place in places.tolist()]
