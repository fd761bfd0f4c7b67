"""Short lists out of known cubes."""

import numpy as np

from lpnb.experiments.learning.case_space import CaseSpace
from lpnb.experiments.learning.decision_list import Rule, description_bits, predicted_skills
from lpnb.experiments.learning.evidence import Evidence
from lpnb.experiments.learning.list_search import ListSearch

SPACE = CaseSpace([3, 4, 2, 3])
LIST = (
    Rule(((0, 0b001), (1, 0b0011)), 1),
    Rule(((1, 0b0001),), 2),
    Rule(((2, 0b10), (3, 0b100)), 1),
    Rule((), 0),
)


def evidence_of(rules, *, soft=False):
    rows = SPACE.every_row()
    found = Evidence(SPACE)
    for row, skill in zip(rows, predicted_skills(rules, rows, SPACE).tolist(), strict=True):
        found.add(row, skill, soft=soft)
    return found


def searched(evidence, cubes):
    lengths = {cube: description_bits((Rule(cube, 1),), evidence.space, 3) for cube in cubes}
    return ListSearch(evidence, lengths).find()


def decoys(seed=0):
    random = np.random.default_rng(seed)
    return [((int(factor), 1), (3, 1 << int(value))) for factor, value in random.integers(0, 3, (40, 2))]


def test_a_list_is_put_together_from_its_own_cubes_among_many_others():
    evidence = evidence_of(LIST)
    cubes = [*decoys(), *(rule.conditions for rule in reversed(LIST[:-1]))]
    best = searched(evidence, cubes)[0]
    assert evidence.wrong(best) == 0
    assert len(best) == len(LIST)


def test_the_shortest_of_cubes_with_the_same_cases_is_used():
    evidence = Evidence(SPACE)
    for row, skill in (((0, 0, 0, 0), 1), ((1, 1, 0, 0), 0), ((2, 2, 0, 0), 0)):
        evidence.add(row, skill)
    found = searched(evidence, [((0, 1), (1, 1)), ((1, 1),)])
    assert found == [(Rule(((1, 1),), 1), Rule((), 0))]


def test_without_a_cube_that_is_right_there_is_no_list():
    evidence = evidence_of(LIST)
    assert ListSearch(evidence, {}).find() == []
    assert searched(evidence, [((0, 0b011),)]) == []


def test_cases_from_before_a_change_may_be_contradicted():
    evidence = evidence_of(LIST, soft=True)
    for row in ([0, 0, 1, 1], [0, 1, 0, 2], [0, 0, 0, 0]):
        evidence.add(row, 2)  # the first rule's cases land elsewhere now
    cubes = [rule.conditions for rule in LIST[:-1]] + [((0, 0b001), (1, 0b0010))]
    best = searched(evidence, cubes)[0]
    assert evidence.wrong(best) & ~evidence.soft == 0
    assert evidence.wrong(best)
