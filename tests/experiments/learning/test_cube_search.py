"""The search for conditions that hold for the wanted cases and for few others."""

import numpy as np

from lpnb.experiments.learning.case_space import CaseSpace
from lpnb.experiments.learning.cube_search import CubeSearch
from lpnb.experiments.learning.evidence import Evidence

SIZES = [3, 4, 2]


def evidence_of(wanted, space=None, soft=lambda row: False):
    found = Evidence(space or CaseSpace(SIZES))
    for row in np.ndindex(*found.space.sizes):
        found.add(row, int(wanted(row)), soft=soft(row))
    return found


def best(evidence, skills=2):
    return CubeSearch(evidence, skills).find(evidence.skill_bits[1], evidence.skill_bits[0])[0]


def test_one_value_is_found():
    cube = best(evidence_of(lambda row: row[0] == 2))

    assert cube.conditions == ((0, 0b100),)
    assert (cube.positives, cube.negatives) == (8, 0)


def test_two_conditions_that_hold_together_are_found():
    cube = best(evidence_of(lambda row: row[0] == 2 and row[2] == 1))

    assert cube.conditions == ((0, 0b100), (2, 0b10))


def test_a_set_of_values_is_one_condition():
    cube = best(evidence_of(lambda row: row[1] in (0, 3)))

    assert cube.conditions == ((1, 0b1001),)


def test_a_range_is_a_condition_where_values_have_an_order():
    ranks = [None, [2, 0, 1, 3, 4, 5], None]
    space = CaseSpace([3, 6, 2], ranks)

    cube = best(evidence_of(lambda row: ranks[1][row[1]] >= 2, space))

    assert cube.conditions == ((1, 0b111001),)
    assert cube.bits < CubeSearch(Evidence(CaseSpace([3, 6, 2])), 2).rule_bits + 12


def test_nothing_is_found_where_nothing_is_wanted():
    evidence = evidence_of(lambda row: False)

    assert CubeSearch(evidence, 2).find(0, evidence.everything) == []


def test_unwanted_cases_from_before_a_change_weigh_little():
    evidence = evidence_of(lambda row: row[0] == 2 and row[1] > 0, soft=lambda row: row[1] == 0)

    cube = best(evidence)

    assert cube.conditions == ((0, 0b100),)
    assert cube.negatives == 2 * 2.5 / 40


def test_the_same_question_is_searched_once_and_its_answer_is_not_changed():
    evidence = evidence_of(lambda row: row[0] == 2)
    search = CubeSearch(evidence, 2)
    first = search.find(evidence.skill_bits[1], evidence.skill_bits[0])

    assert search.find(evidence.skill_bits[1], evidence.skill_bits[0]) is first


def test_seventy_values_of_a_factor_are_told_apart():
    space = CaseSpace([70, 2])

    cube = best(evidence_of(lambda row: row[0] in (3, 69), space))

    assert cube.conditions == ((0, 1 << 3 | 1 << 69),)
