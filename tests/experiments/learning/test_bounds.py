"""The bound on a share from cases drawn at random."""

import math

import pytest

from lpnb.experiments.learning.bounds import upper_bound


@pytest.mark.parametrize(
    ("wrong", "draws", "expected"),
    [(0, 30, 0.0950), (0, 60, 0.0487), (0, 149, 0.0199), (0, 598, 0.0050), (1, 60, 0.0766), (1, 300, 0.0157)],
)
def test_the_bound_is_that_of_clopper_and_pearson(wrong, draws, expected):
    assert round(upper_bound(wrong, draws), 4) == expected


def test_so_few_wrong_would_come_out_with_the_probability_left_over():
    share = upper_bound(3, 80, confidence=0.975)

    chance = sum(math.comb(80, n) * share**n * (1 - share) ** (80 - n) for n in range(4))
    assert chance == pytest.approx(0.025, abs=1e-9)


def test_all_wrong_and_nothing_drawn_rule_nothing_out():
    assert upper_bound(7, 7) == upper_bound(0, 0) == 1.0


@pytest.mark.parametrize(("wrong", "draws"), [(-1, 5), (6, 5)])
def test_more_wrong_than_drawn_is_refused(wrong, draws):
    with pytest.raises(ValueError, match=rf"^wrong must be from 0 to draws \(5\); got {wrong}\.$"):
        upper_bound(wrong, draws)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_that_is_no_share_is_refused(confidence):
    with pytest.raises(ValueError, match=f"^confidence must be above 0 and below 1; got {confidence}\\.$"):
        upper_bound(0, 5, confidence)
