"""Which factors a landing rests on, asked in few cases."""

import numpy as np

from lpnb.experiments.learning.case_space import CaseSpace
from lpnb.experiments.learning.decision_list import Rule
from lpnb.experiments.learning.evidence import Evidence
from lpnb.experiments.learning.explanation import FactorSets, explaining_rows

SPACE = CaseSpace([4, 4, 4, 4, 4])
CASE = np.array([1, 1, 1, 1, 1], dtype=np.uint8)
ANY = Rule((), 1)


def rows(*cases):
    return np.array(cases, dtype=np.uint8).reshape(-1, 5)


def names(sets, weights):
    return {int(mask) for mask, weight in zip(sets.masks, weights, strict=True) if weight}


def test_every_set_of_up_to_four_factors_is_weighed():
    sets = FactorSets(SPACE)

    assert len(sets.masks) == 5 + 10 + 10 + 5
    assert sets.weights.argmax() < 5


def test_a_set_that_a_case_elsewhere_shares_is_out():
    sets = FactorSets(SPACE)

    left = names(sets, sets.posterior(CASE, ANY, rows((1, 1, 1, 2, 2)), rows(), SPACE))

    assert all(mask & 0b11000 for mask in left)
    assert 0b01000 in left


def test_a_set_that_cases_of_the_same_rule_do_not_share_needs_a_second_rule():
    sets = FactorSets(SPACE)
    weights = sets.posterior(CASE, ANY, rows((2, 2, 2, 2, 2)), rows((1, 3, 3, 3, 3)), SPACE)

    assert int(sets.masks[weights.argmax()]) == 0b00001
    assert weights.max() > 0.9
    assert sets.settled(weights)


def test_questions_split_what_is_possible_about_in_half():
    sets = FactorSets(SPACE)
    weights = sets.posterior(CASE, ANY, rows((2, 2, 2, 2, 2)), rows(), SPACE)

    (kept, *_) = sets.questions(weights, 1, np.random.default_rng(0))

    inside = sum(weight for mask, weight in zip(sets.masks, weights, strict=True) if not mask & ~kept)
    assert 0.25 < inside < 0.75


def test_a_rule_on_one_factor_is_found_in_a_handful_of_cases():
    evidence = Evidence(SPACE)
    evidence.add(CASE, 1)
    for row in ((2, 2, 2, 2, 2), (3, 3, 3, 3, 3), (0, 0, 0, 0, 0)):
        evidence.add(row, 0)
    sets, random = FactorSets(SPACE), np.random.default_rng(1)
    rules = (Rule(((2, 0b0010),), 1), Rule((), 0))
    sent = {row.tobytes() for row in evidence.rows}

    for _ in range(8):
        asked = explaining_rows(evidence, rules, sets, 2, random, sent)
        if not asked:
            break
        for row in asked:
            evidence.add(row, int(row[2] == 1))

    assert not asked
    assert evidence.count <= 16


def test_no_case_is_asked_twice():
    evidence = Evidence(SPACE)
    evidence.add(CASE, 1)
    evidence.add((2, 2, 2, 2, 2), 0)
    sent = {row.tobytes() for row in evidence.rows}

    rules = (Rule(((0, 0b0010),), 1), Rule((), 0))
    found = explaining_rows(evidence, rules, FactorSets(SPACE), 6, np.random.default_rng(0), sent)

    assert len({row.tobytes() for row in found}) == len(found) > 0
    assert not any((row == CASE).all() for row in found)
