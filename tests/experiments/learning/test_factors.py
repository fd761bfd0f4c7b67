"""Factors: columns and values in, rows of places out, and back."""

import numpy as np
import pytest

from lpnb.errors import InvalidValueError
from lpnb.experiments.learning.factors import Factors


def test_columns_that_are_zipped_are_one_factor():
    columns = {
        "campaignInfo.campaignId": ["1", "2"],
        "ctmrinfo.ctype": ["a", "b", None],
        "campaignInfo.engagementId": ["10", "20"],
    }
    factors = Factors(columns, zipped=[["campaignInfo.campaignId", "campaignInfo.engagementId"]])

    assert [factor.name for factor in factors.factors] == [
        "campaignInfo.campaignId + campaignInfo.engagementId",
        "ctmrinfo.ctype",
    ]
    assert factors.space.sizes == (2, 3)
    assert factors.case([1, 2]) == {
        "campaignInfo.campaignId": "2",
        "campaignInfo.engagementId": "20",
        "ctmrinfo.ctype": None,
    }
    assert factors.row(factors.case([1, 2])) == (1, 2)


def test_numbers_have_an_order_whatever_order_they_are_given_in():
    factors = Factors({"ctmrinfo.balance": [5000, None, 100, 20.5], "ctmrinfo.ctype": ["a", "b", "c"]})

    assert factors.space.ranks == ([2, -1, 1, 0], None)
    assert [bin(mask) for mask in factors.space.intervals(0)] == ["0b1100", "0b1101", "0b101"]


def test_two_numbers_true_and_false_and_text_have_no_order():
    factors = Factors({"a": [1, 2], "b": [True, False, None], "c": ["1", "2", "3"], "d": [1, 2, "x"]})

    assert factors.space.ranks == (None, None, None, None)


def test_a_column_with_one_value_goes_along_and_is_no_factor():
    factors = Factors({"ttrDefName": "NORMAL", "ctmrinfo.ctype": ["a", ""]})

    assert factors.constants == {"ttrDefName": "NORMAL"}
    assert factors.columns == ["ttrDefName", "ctmrinfo.ctype"]
    assert factors.case([1]) == {"ttrDefName": "NORMAL", "ctmrinfo.ctype": None}


def test_where_says_which_combinations_exist():
    factors = Factors({"a": ["1", "2"], "b": ["1", "2"]}, where=lambda case: case["a"] != case["b"])

    drawn = factors.space.draw(50, np.random.default_rng(0))

    assert len(drawn) == 50
    assert {tuple(row) for row in drawn.tolist()} == {(0, 1), (1, 0)}


def test_everything_wrong_is_said_at_once():
    with pytest.raises(InvalidValueError) as caught:
        Factors({"a": [], "b": ["x", "x"], "c": ["1", "2"], "d": ["1"]}, zipped=[["c", "d"]], where="a")

    assert [complaint.sentence for complaint in caught.value.complaints] == [
        "The column 'a' has no value. Give it [None] to leave it out.",
        "b has the value 'x' twice.",
        "Columns that are zipped must be of one length: c has 2, d has 1.",
        "where must be a function of a case's values, or None; got 'a'.",
    ]


def test_one_one_point_nought_and_true_are_three_values():
    assert Factors({"a": [1, 1.0, True]}).space.sizes == (3,)


def test_nothing_to_vary_is_refused():
    with pytest.raises(
        InvalidValueError, match="No column has two values or more, so there is nothing to learn"
    ):
        Factors({"a": "1", "b": ["2"]})


def test_a_filter_that_is_never_true_is_refused():
    with pytest.raises(InvalidValueError, match="where is false for every one of thousands of combinations"):
        Factors({"a": ["1", "2"]}, where=lambda case: False)


def test_a_value_that_is_none_of_the_factors_is_named_with_those_it_may_be():
    factors = Factors({"ctmrinfo.ctype": ["vip", None], "ctmrinfo.balance": list(range(12))})

    with pytest.raises(InvalidValueError) as caught:
        factors.row({"ctmrinfo.ctype": "gold", "ctmrinfo.balance": 99})

    assert [complaint.sentence for complaint in caught.value.complaints] == [
        "ctmrinfo.ctype must be one of 'vip', None; got 'gold'.",
        "ctmrinfo.balance must be one of 0, 1, 2, 3, 4, 5, 6, 7 and 4 more; got 99.",
    ]
