"""The shortest list that explains what was sent."""

import numpy as np
import pytest

from lpnb.experiments.learning.case_space import CaseSpace
from lpnb.experiments.learning.decision_list import Rule, description_bits
from lpnb.experiments.learning.evidence import Evidence
from lpnb.experiments.learning.inducer import Inducer

SPACE = CaseSpace([3, 4, 2, 3])


def evidence_of(skill, space=SPACE, every=1):
    found = Evidence(space)
    for number, row in enumerate(np.ndindex(*space.sizes)):
        if number % every == 0:
            found.add(row, skill(row))
    return found


def induced(evidence, seed=0):
    inducer = Inducer(evidence)
    return inducer, inducer.update(np.random.default_rng(seed))


def explains(evidence, rules):
    return evidence.wrong(rules) == 0


@pytest.mark.parametrize(
    ("skill", "most"),
    [
        (lambda row: 0, 1),
        (lambda row: int(row[0] == 1), 2),
        (lambda row: 1 if row[0] == 1 and row[2] == 0 else 0, 2),
        (lambda row: 2 if row[1] == 3 else int(row[0] == 1), 3),
        (lambda row: 1 if row[0] == row[3] == 2 else 2 if row[1] in (0, 2) else 0, 3),
    ],
)
def test_the_list_is_as_short_as_the_rules_it_came_from(skill, most):
    evidence = evidence_of(skill)

    _, induction = induced(evidence)

    assert explains(evidence, induction.rules)
    assert len(induction.rules) == most


def test_a_rule_under_another_is_found_from_part_of_the_cases():
    evidence = evidence_of(lambda row: 1 if row[0] == 0 else 2 if row[1] in (1, 2) else 0, every=2)

    _, induction = induced(evidence)

    assert [rule.skill for rule in induction.rules] in ([1, 2, 0], [2, 1, 0], [1, 0, 2])
    assert explains(evidence, induction.rules)


def test_either_or_of_two_factors_is_found():
    evidence = evidence_of(lambda row: int((row[0] == 1) != (row[2] == 1)))

    _, induction = induced(evidence)

    assert explains(evidence, induction.rules)
    assert len(induction.rules) <= 4


def test_the_same_seed_gives_the_same_list_and_rivals():
    evidence = evidence_of(lambda row: int(row[0] == 1 and row[1] > 1), every=3)

    first, second = (induced(evidence, seed=5)[1] for _ in range(2))

    assert first.rules == second.rules
    assert first.rivals == second.rivals


def test_the_length_of_a_list_is_its_description():
    inducer = Inducer(evidence_of(lambda row: row[0]))
    rules = (Rule(((0, 0b001), (1, 0b0110)), 1), Rule(((3, 0b110),), 2), Rule((), 0))

    assert inducer.length(rules) == pytest.approx(description_bits(rules, SPACE, 3))


def test_rivals_explain_everything_and_are_hardly_longer():
    evidence = evidence_of(lambda row: int(row[0] == 1), every=7)

    _, induction = induced(evidence)

    for cost, rules in induction.rivals:
        assert explains(evidence, rules)
        assert rules != induction.rules
        assert cost <= induction.cost + 12


def test_a_case_that_contradicts_the_list_is_explained_at_once():
    evidence = evidence_of(lambda row: 0, every=2)
    inducer, _ = induced(evidence)
    evidence.add((2, 3, 1, 2), 1)

    induction = inducer.update(np.random.default_rng(1))

    assert explains(evidence, induction.rules)
    assert len(induction.rules) == 2


def test_tidying_unites_rules_and_drops_what_is_not_needed():
    evidence = evidence_of(lambda row: int(row[1] in (1, 2)))
    inducer, _ = induced(evidence)
    clumsy = (
        Rule(((1, 0b0010), (2, 0b01)), 1),
        Rule(((1, 0b0010),), 1),
        Rule(((1, 0b0100),), 1),
        Rule((), 0),
    )

    assert inducer.tidy(clumsy) == (Rule(((1, 0b0110),), 1), Rule((), 0))


def test_a_list_is_begun_with_without_evidence():
    inducer = Inducer(Evidence(SPACE), skills=2)
    rules = (Rule(((0, 1),), 1), Rule((), 0))

    inducer.begin(rules)

    assert inducer.current is not None
    assert inducer.current.rules == rules
