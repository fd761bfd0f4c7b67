"""Which cases are worth sending next."""

import numpy as np

from lpnb.experiments.learning.batch_choice import (
    GreedyChoice,
    QuestionValues,
    inside_rows,
    lower_rows,
    match_rows,
    pool_rows,
    rows_of_rules,
)
from lpnb.experiments.learning.case_space import CaseSpace
from lpnb.experiments.learning.coverage import tables
from lpnb.experiments.learning.decision_list import Rule, matches
from lpnb.experiments.learning.evidence import Evidence

SPACE = CaseSpace([4, 4, 3])
FIRST, SECOND, REST = Rule(((0, 0b0001),), 1), Rule(((1, 0b0011),), 2), Rule((), 0)
RULES = (FIRST, SECOND, REST)


def random():
    return np.random.default_rng(0)


def values(sent, rules=RULES, rivals=()):
    evidence = Evidence(SPACE)
    for row, skill in sent:
        evidence.add(row, skill)
    return QuestionValues(evidence, rules, rivals, 0.0, tables(SPACE), SPACE.draw(500, random()))


def test_a_row_is_decided_by_its_first_rule_and_critical_where_the_next_says_otherwise():
    found = match_rows(RULES, np.array([[0, 0, 0], [0, 3, 0], [1, 1, 0], [1, 3, 0]], dtype=np.uint8), SPACE)

    assert found.deciding.tolist() == [0, 0, 1, 2]
    assert found.critical.tolist() == [True, True, True, True]

    same_skill = (FIRST, Rule(SECOND.conditions, 1), REST)
    assert match_rows(same_skill, np.array([[0, 0, 0]], dtype=np.uint8), SPACE).critical.tolist() == [False]


def test_rows_inside_a_rule_fulfil_it_and_those_of_a_rule_get_out_of_the_rules_above():
    assert matches(SECOND, inside_rows(SECOND, 50, SPACE, random()), SPACE).all()

    rows = rows_of_rules(RULES, [1], 50, SPACE, random())
    assert matches(SECOND, rows, SPACE).all()
    assert not matches(FIRST, rows, SPACE).any()


def test_values_that_are_fixed_are_not_changed_to_get_out_of_a_rule():
    rows = np.zeros((20, 3), dtype=np.uint8)

    low = lower_rows(rows, [[(0, 0b0001)]] * 20, (FIRST, SECOND), SPACE, random())

    assert (low[:, 0] == 0).all()
    assert not matches(SECOND, low, SPACE).any()


def test_what_was_sent_is_worth_less_than_what_was_not():
    sent = [((2, 2, 0), 0), ((2, 3, 1), 0), ((3, 2, 2), 0)]
    pool = np.array([[2, 2, 0], [1, 1, 1]], dtype=np.uint8)

    scores = GreedyChoice(values(sent), pool).scores()

    assert scores[1] > scores[0]


def test_what_one_choice_asks_is_worth_nothing_to_the_next():
    choice = GreedyChoice(
        values([((3, 3, 2), 0)]), np.array([[1, 1, 0], [1, 1, 1], [0, 2, 2]], dtype=np.uint8)
    )
    before = choice.scores()

    choice.note(0)

    assert choice.scores()[0] < before[0]
    assert choice.scores()[1] < before[1]


def test_a_case_on_which_a_rival_says_otherwise_is_asked_first():
    rivals = [(0.0, (Rule(((0, 0b0001), (2, 0b001)), 1), SECOND, REST))]
    everywhere = [(row, landing_skill(row)) for row in np.ndindex(4, 4, 3)]
    pool = np.array([[0, 3, 0], [0, 3, 1]], dtype=np.uint8)

    scores = GreedyChoice(values(everywhere, rivals=rivals), pool).scores()

    assert scores[1] > scores[0]


def landing_skill(row):
    return 1 if row[0] == 0 else 2 if row[1] < 2 else 0


def test_nothing_is_chosen_twice_nor_what_was_sent():
    pool = pool_rows(RULES, [], SPACE, random())
    sent = {bytes(row) for row in np.ndindex(2, 4, 3)}

    chosen = GreedyChoice(values([((3, 3, 2), 0)]), pool).choose(
        12, {bytes(bytearray(row)) for row in np.ndindex(2, 4, 3)}
    )

    assert len({row.tobytes() for row in chosen}) == len(chosen) == 12
    assert not {row.tobytes() for row in chosen} & sent


def test_the_pool_holds_only_what_exists():
    space = CaseSpace([4, 4, 3], allowed=lambda cases: cases[:, 2] != 1)

    assert (pool_rows(RULES, [], space, random())[:, 2] != 1).all()


def test_a_shorter_pool_keeps_the_best():
    choice = GreedyChoice(values([((3, 3, 2), 0)]), pool_rows(RULES, [], SPACE, random()))
    best = choice.scores().max()

    choice.shorten(10)

    assert len(choice.pool) == 10
    assert choice.scores().max() == best
