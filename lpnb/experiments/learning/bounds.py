"""What may be claimed of a share from cases drawn at random: the Clopper-Pearson upper bound."""

from __future__ import annotations

import math

_STEPS = 60


def upper_bound(wrong: int, draws: int, confidence: float = 0.95) -> float:
    """The largest share wrong that is not ruled out by *wrong* of *draws*, at this one-sided confidence.

    Args:
        wrong: How many of the cases drawn were predicted wrongly.
        draws: How many cases were drawn, independently of each other and of what was learned.
        confidence: Above 0 and below 1.

    Raises:
        ValueError: A number is out of its range.

    Example:
        >>> [round(upper_bound(0, draws), 3) for draws in (30, 60, 100, 299)]
        [0.095, 0.049, 0.03, 0.01]
        >>> round(upper_bound(1, 60), 3), upper_bound(5, 5), upper_bound(0, 0)
        (0.077, 1.0, 1.0)
    """
    if not 0 <= wrong <= draws:
        raise ValueError(f"wrong must be from 0 to draws ({draws}); got {wrong}.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be above 0 and below 1; got {confidence}.")
    if wrong == draws:
        return 1.0
    alpha = 1 - confidence
    if not wrong:
        return float(1 - alpha ** (1 / draws))
    low, high = wrong / draws, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _at_most(wrong, draws, middle) > alpha:
            low = middle
        else:
            high = middle
    return high


def _at_most(wrong: int, draws: int, share: float) -> float:
    """The probability of at most *wrong* of *draws* when each is wrong with this probability."""
    if share >= 1:
        return 0.0
    logs = [
        math.lgamma(draws + 1)
        - math.lgamma(count + 1)
        - math.lgamma(draws - count + 1)
        + count * math.log(share)
        + (draws - count) * math.log1p(-share)
        for count in range(wrong + 1)
    ]
    return math.fsum(map(math.exp, logs))
