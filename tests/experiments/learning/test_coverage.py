"""Which tuples of values were sent, and where no known rule hides them."""

import numpy as np
import pytest

from lpnb.experiments.learning.case_space import CaseSpace
from lpnb.experiments.learning.coverage import UNSEEN, TupleTable, pairwise_rows, tables, tuple_coverage
from lpnb.experiments.learning.decision_list import Rule, deciding_rules

SPACE = CaseSpace([2, 3, 2])
REST = Rule((), 0)


def rows(*cases):
    return np.array(cases, dtype=np.uint8)


def test_a_table_has_a_place_for_every_tuple_and_no_two_share_one():
    table = TupleTable(SPACE, 2)
    everything = np.array(list(np.ndindex(2, 3, 2)), dtype=np.uint8)

    places = table.places(everything)

    assert table.total == 2 * 3 + 2 * 2 + 3 * 2 == len(np.unique(places))


def test_the_lowest_rule_that_decided_a_tuple_is_kept_in_any_order():
    table = TupleTable(SPACE, 2)
    cases = rows((0, 0, 0), (0, 0, 1))

    table.fill(cases, np.array([2, 1]))

    shared = table.places(cases)[0, 0]
    assert table.lowest[shared] == 2
    assert (table.lowest == UNSEEN).sum() == table.total - 5


def test_a_pairwise_array_meets_every_pair_in_few_rows():
    space = CaseSpace([4, 4, 4, 4])
    table = TupleTable(space, 2)

    found = pairwise_rows(table, 200, np.random.default_rng(0))
    table.fill(found, np.zeros(len(found), dtype=np.int64))

    assert (table.lowest != UNSEEN).all()
    assert len(found) <= 30


def test_a_pairwise_array_keeps_to_what_exists():
    space = CaseSpace([3, 3, 3], allowed=lambda cases: cases[:, 0] != cases[:, 1])

    found = pairwise_rows(TupleTable(space, 2), 100, np.random.default_rng(0))

    assert (found[:, 0] != found[:, 1]).all()


def test_a_tuple_that_a_rule_above_always_takes_counts_where_it_was_sent():
    rules = (Rule(((0, 0b01),), 1), REST)  # the first value of the first factor never gets below
    sent = rows(
        (0, 0, 0),
        (0, 1, 1),
        (0, 2, 0),
        (0, 0, 1),
        (1, 0, 0),
        (1, 1, 1),
        (1, 2, 0),
        (1, 0, 1),
        (1, 2, 1),
        (1, 1, 0),
    )

    assert tuple_coverage(SPACE, rules, sent)[2] == 1.0


def test_a_tuple_that_was_sent_under_a_higher_rule_alone_is_not_covered():
    rules = (Rule(((0, 0b01),), 1), REST)
    everything = np.array(list(np.ndindex(2, 3, 2)), dtype=np.uint8)
    above = everything[deciding_rules(rules, everything, SPACE) == 0]

    # Of 16 pairs the first factor's first value is in 5; the 5 of the other value and the 6 others are not
    # met below.
    assert tuple_coverage(SPACE, rules, above)[2] == 5 / 16
    assert tuple_coverage(SPACE, rules, everything) == {2: 1.0, 3: 1.0}


def test_what_where_leaves_out_need_not_be_sent():
    space = CaseSpace([2, 2], allowed=lambda cases: cases.sum(axis=1) < 2)

    assert tuple_coverage(space, (REST,), rows((0, 0), (0, 1), (1, 0))) == {2: 1.0}


def test_no_table_is_made_of_more_tuples_than_there_is_room_for():
    assert [table.size for table in tables(CaseSpace([255] * 4))] == [2]
    assert [table.size for table in tables(CaseSpace([2, 2]))] == [2]


@pytest.mark.parametrize("sizes", [[2], [3]])
def test_one_factor_has_no_pairs(sizes):
    assert tables(CaseSpace(sizes)) == []
