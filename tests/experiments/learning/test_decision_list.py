"""Decision lists and the evidence they are held against."""

import numpy as np
import pytest

from lpnb.experiments.learning.case_space import CaseSpace
from lpnb.experiments.learning.decision_list import (
    Rule,
    deciding_rules,
    description_bits,
    predicted_skills,
    shares,
)
from lpnb.experiments.learning.evidence import Evidence, as_booleans, places_of

SPACE = CaseSpace([2, 3, 4])
FIRST = Rule(((0, 0b10),), 1)
SECOND = Rule(((1, 0b011), (2, 0b1000)), 2)
LIST = (FIRST, SECOND, Rule((), 0))
ROWS = np.array(list(np.ndindex(2, 3, 4)), dtype=np.uint8)


def test_the_first_rule_that_matches_decides():
    rows = np.array([[1, 0, 3], [0, 0, 3], [0, 2, 3], [0, 1, 0]], dtype=np.uint8)

    assert deciding_rules(LIST, rows, SPACE).tolist() == [0, 1, 2, 2]
    assert predicted_skills(LIST, rows, SPACE).tolist() == [1, 2, 0, 0]


def test_shares_are_exact_and_those_of_all_rows():
    counted = np.bincount(deciding_rules(LIST, ROWS, SPACE)) / len(ROWS)

    assert shares(LIST, SPACE) == pytest.approx([12 / 24, 2 / 24, 10 / 24], rel=1e-12)
    assert shares(LIST, SPACE) == pytest.approx(counted.tolist())
    assert shares(LIST, SPACE, ROWS) == pytest.approx(counted.tolist())


def test_a_shadowed_rule_has_no_share():
    shadowed = (FIRST, Rule(((0, 0b10), (1, 0b001)), 2), Rule((), 0))

    assert shares(shadowed, SPACE) == [0.5, 0.0, 0.5]


def test_a_range_costs_no_more_than_the_set_of_its_values():
    ordered = CaseSpace([8], [list(range(8))])
    plain = CaseSpace([8])

    assert ordered.condition_bits(0, 0b11110000) < plain.condition_bits(0, 0b11110000)
    assert ordered.condition_bits(0, 0b10100101) == plain.condition_bits(0, 0b10100101)
    assert description_bits((Rule(((0, 0b1),), 1), Rule((), 0)), plain, 2) == 2 + 1 + 0 + 4 + 1


def evidence():
    found = Evidence(SPACE)
    for row in ROWS:
        found.add(row, int(predicted_skills(LIST, row[None], SPACE)[0]))
    return found


def test_a_list_that_explains_everything_is_wrong_nowhere():
    assert evidence().wrong(LIST) == 0


def test_a_missing_rule_is_wrong_where_it_is_critical():
    found = evidence()

    assert found.wrong((FIRST, LIST[-1])) == found.critical_cases(LIST)[1]
    assert [cases.bit_count() for cases in found.cases_by_rule(LIST)] == [12, 2, 10]


def test_a_rule_above_one_of_the_same_skill_is_not_critical_where_both_match():
    rules = (Rule(((1, 0b001),), 1), FIRST, Rule((), 0))

    critical = evidence().critical_cases(rules)

    assert [cases.bit_count() for cases in critical] == [4, 8, 8]


def test_the_landing_that_came_most_often_counts():
    found = Evidence(SPACE)
    for skill in (1, 0, 0):
        place = found.add([0, 0, 0], skill)

    assert (found.count, found.skill_of(place), found.answers(place)) == (1, 0, [1, 0, 0])
    assert found.unstable == [0]
    assert found.unsettled_cases(5) == [0]


def test_an_answer_of_now_takes_the_place_of_one_from_before():
    found = Evidence(SPACE)
    place = found.add([0, 0, 0], 1, soft=True)
    found.add([0, 0, 0], 0)

    assert found.answers(place) == [0]
    assert (found.soft, found.unstable) == (0, [])


def test_what_is_forgotten_counts_again_once_it_is_sent_again():
    found = Evidence(SPACE)
    found.add([0, 0, 0], 1, soft=True)
    found.add([1, 0, 0], 0)
    found.forget_soft(-1)

    assert places_of(found.everything) == [1]
    assert found.has_forgotten
    found.add([0, 0, 0], 0)
    assert places_of(found.everything) == [0, 1]
    assert found.skill_bits == [0b11, 0]


def test_bitsets_become_arrays_and_places():
    assert places_of(0b1001) == [0, 3]
    assert as_booleans(0b1001, 5).tolist() == [True, False, False, True, False]
