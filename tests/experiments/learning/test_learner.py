"""The learner: what it asks, what it makes of the answers, when it ends."""

import random as shuffling

import numpy as np
import pytest

from lpnb.experiments.learning.case_space import CaseSpace
from lpnb.experiments.learning.decision_list import predicted_skills
from lpnb.experiments.learning.learner import Prior, RoutingLearner

SIZES = [3, 4, 3, 2]


def desk(row):
    """Three rules: a value of the first factor, a set of the second with one of the last, and the rest."""
    if row[0] == 2:
        return "Private"
    if row[1] in (1, 3) and row[3] == 1:
        return "Cards"
    return "General"


def learn(learner, answer=desk, order=None):
    asked = []
    while sends := learner.next_batch():
        asked.append(sends)
        told = [(send.number, answer(send.row)) for send in sends]
        if order is not None:
            order(told)
        for number, skill in told:
            learner.tell(number, skill)
    return asked


def wrong_share(learner, answer=desk):
    rows = np.array(list(np.ndindex(*SIZES)), dtype=np.uint8)
    skills = [learner.skills[place] for place in predicted_skills(learner.rules, rows, learner.space)]
    return sum(skill != answer(row) for skill, row in zip(skills, rows, strict=True)) / len(rows)


def test_three_rules_are_learned_exactly():
    learner = RoutingLearner(CaseSpace(SIZES), budget=120, validate=30, quiet=16, batch=8)

    learn(learner)

    assert wrong_share(learner) == 0
    assert len(learner.rules) == 3
    assert learner.progress.stopped_by == "quiet"
    assert [(v.drawn, v.wrong, round(v.at_most, 3)) for v in learner.validations] == [(30, 0, 0.095)]


def test_the_same_seed_and_answers_ask_the_same_in_whatever_order_the_answers_arrive():
    space = CaseSpace(SIZES)
    first = learn(RoutingLearner(space, budget=80, validate=10, seed=3, batch=8))
    mixed = learn(
        RoutingLearner(space, budget=80, validate=10, seed=3, batch=8), order=shuffling.Random(1).shuffle
    )

    assert first == mixed


def test_another_seed_asks_something_else():
    space = CaseSpace(SIZES)

    first = RoutingLearner(space, seed=1).next_batch()
    second = RoutingLearner(space, seed=2).next_batch()

    assert [send.row for send in first] != [send.row for send in second]


def test_no_more_is_sent_than_the_budget():
    learner = RoutingLearner(CaseSpace(SIZES), budget=23, validate=10, batch=8)

    asked = learn(learner)

    assert sum(len(sends) for sends in asked) == 23
    assert learner.progress.roles["validate"] == 10
    assert learner.progress.stopped_by == "budget"


def test_a_landing_that_never_comes_is_no_evidence():
    learner = RoutingLearner(CaseSpace(SIZES), budget=60, validate=10, batch=8)

    learn(learner, answer=lambda row: None if row[2] == 1 else desk(row))

    assert learner.skills == sorted(learner.skills, key=learner.skills.index)
    assert None not in learner.skills
    assert all(skill is None for send, skill in learner.sends if send.row[2] == 1)
    assert len(learner.evidence.rows) == len({send.row for send, skill in learner.sends if skill is not None})


def test_everything_in_one_skill_is_one_rule():
    learner = RoutingLearner(CaseSpace([3, 3]), budget=40, validate=5, quiet=8, batch=4)

    learn(learner, answer=lambda row: "General")

    assert learner.rules == (((), 0),)
    assert learner.skills == ["General"]


def test_a_case_that_is_not_waited_for_cannot_be_told():
    learner = RoutingLearner(CaseSpace(SIZES))
    first = learner.next_batch()[0]
    learner.tell(first.number, "General")

    for number in (first.number, 999):
        with pytest.raises(ValueError, match=f"^No landing of a case {number} is waited for\\.$"):
            learner.tell(number, "General")


def test_the_next_batch_waits_for_all_of_the_last():
    learner = RoutingLearner(CaseSpace(SIZES), batch=8)
    learner.tell(learner.next_batch()[0].number, "General")

    with pytest.raises(ValueError, match=r"^8 cases of the last batch were not told yet\.$"):
        learner.next_batch()


def test_a_surprise_in_the_validation_is_learned_from_and_halves_the_alpha():
    learner = RoutingLearner(CaseSpace(SIZES), budget=400, validate=30, quiet=16, batch=8, again=False)
    while sends := learner.next_batch():
        for send in sends:
            wrong = send.role == "validate" and not learner.validations and send.row[0] == 2
            learner.tell(send.number, "Cards" if wrong else desk(send.row))

    first, *others = learner.validations
    assert first.wrong > 0
    assert first.confidence == 0.95
    assert others[0].confidence == 0.975


def test_a_case_that_lands_in_two_skills_is_named_as_unstable():
    seen = []

    def once_elsewhere(row):
        seen.append(row)
        return "Online" if row == seen[0] and seen.count(row) == 1 else desk(row)

    learner = RoutingLearner(CaseSpace(SIZES), budget=150, validate=10, quiet=16, batch=8)
    learn(learner, answer=once_elsewhere)

    rows = [tuple(learner.evidence.rows[place].tolist()) for place in learner.evidence.unstable]
    assert rows == [seen[0]]
    assert wrong_share(learner) == 0


def test_a_change_is_noticed_at_once_and_learned():
    space = CaseSpace(SIZES)
    before = RoutingLearner(space, budget=120, validate=0, quiet=16, batch=8)
    learn(before)
    prior = Prior(
        [(rule.conditions, before.skills[rule.skill]) for rule in before.rules],
        [(send.row, before.skills[skill]) for send, skill in before.sends],
    )

    def changed(row):
        return "General" if row[0] == 2 else desk(row)

    later = RoutingLearner(space, budget=120, validate=0, quiet=16, batch=8, start=prior)
    learn(later, answer=changed)

    assert later.progress.first_surprise is not None
    assert later.progress.first_surprise < 3
    assert wrong_share(later, changed) == wrong_share(before) == 0


def test_without_a_change_the_old_list_stays_and_nothing_is_a_surprise():
    space = CaseSpace(SIZES)
    before = RoutingLearner(space, budget=120, validate=0, quiet=16, batch=8)
    learn(before)
    prior = Prior(
        [(rule.conditions, before.skills[rule.skill]) for rule in before.rules],
        [(send.row, before.skills[skill]) for send, skill in before.sends],
    )

    later = RoutingLearner(space, budget=120, validate=0, quiet=16, batch=8, start=prior)
    learn(later)

    assert later.progress.first_surprise is None
    assert wrong_share(later) == 0
    assert later.progress.sends < before.progress.sends


def test_a_surprise_is_what_contradicts_the_list_from_before_however_few_sends_a_rule_of_it_rests_on():
    def bank(row, private=True):
        if row[1] == 1:
            return "Cards"
        if private and row[0] == 0 and row[2] == 1:
            return "Private"
        if row[1] == 2:
            return "Mortgages"
        return "Business" if row[0] == 1 else "General"

    def without_private(row):
        return bank(row, private=False)

    space = CaseSpace([4, 3, 2, 2])
    before = RoutingLearner(space, budget=400, validate=60)
    learn(before, answer=bank)
    prior = Prior(
        [(rule.conditions, before.skills[rule.skill]) for rule in before.rules],
        [(send.row, before.skills[skill]) for send, skill in before.sends],
    )

    surprises = []
    for answer in (bank, without_private):
        later = RoutingLearner(space, budget=400, validate=60, start=prior)
        learn(later, answer=answer)
        surprises.append(later.progress.first_surprise)

    assert surprises[0] is None
    assert surprises[1] is not None
    assert surprises[1] < 16


def test_rules_from_before_are_kept_until_a_landing_contradicts_them():
    rules = [
        (((0, 0b0001), (1, 0b010)), "Private"),
        (((1, 0b100),), "Cards"),
        (((2, 0b10), (0, 0b0110)), "Mortgages"),
        ((), "General"),
    ]
    ordered = [(tuple(sorted(conditions)), skill) for conditions, skill in rules]

    def land(row):
        return next(
            skill for conditions, skill in ordered if all(mask >> row[at] & 1 for at, mask in conditions)
        )

    def moved(row):
        return "Elsewhere" if land(row) == "Cards" else land(row)

    kept = []
    for answer in (land, moved):
        learner = RoutingLearner(CaseSpace([4, 3, 2, 2]), batch=4, start=Prior(ordered))
        for send in learner.next_batch():
            learner.tell(send.number, answer(send.row))
        kept.append({(rule.conditions, learner.skills[rule.skill]) for rule in learner.rules})

    assert kept[0] == set(ordered)
    assert kept[1] == {
        (conditions, "Elsewhere" if skill == "Cards" else skill) for conditions, skill in ordered
    }
