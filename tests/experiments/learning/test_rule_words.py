"""Conditions as they are read aloud."""

import pytest

from lpnb.experiments.learning.factors import Factor
from lpnb.experiments.learning.rule_words import condition_text

BALANCE = Factor(("balance",), ((500,), (5_000,), (60_000,), (300_000,)))
TYPE = Factor(("ctype",), (("vip",), ("gold",), ("retail",), (None,), ("new",)))


@pytest.mark.parametrize(
    ("factor", "mask", "words"),
    [
        (BALANCE, 0b1000, "balance is 300000 or more"),
        (BALANCE, 0b0001, "balance is 500 or less"),
        (BALANCE, 0b0111, "balance is 60000 or less"),
        (BALANCE, 0b0110, "balance is from 5000 to 60000"),
        (BALANCE, 0b0100, "balance is 60000"),
        (BALANCE, 0b1001, "balance is 500 or 300000"),
        (TYPE, 0b11100, "ctype is neither vip nor gold"),
        (TYPE, 0b11110, "ctype is not vip"),
        (TYPE, 0b10111, "ctype is present"),
        (TYPE, 0b01001, "ctype is vip or absent"),
    ],
)
def test_a_condition_is_said_as_a_manager_would_say_it(factor, mask, words):
    assert condition_text(factor, mask) == words
