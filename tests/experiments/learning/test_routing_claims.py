"""What is claimed where no short list of rules explains the landings."""

import random

import pytest

from lpnb.experiments.learning.factors import Factors
from lpnb.experiments.learning.learner import RoutingLearner
from lpnb.experiments.learning.routing_rules import RecordedSend, RoutingRules

COLUMNS = ["ctmrinfo.ctype", "ctmrinfo.role", "ctmrinfo.cstatus", "personal.gender"]
FACTORS = Factors(
    {
        "ctmrinfo.ctype": ["vip", "gold", "retail"],
        "ctmrinfo.role": ["owner", "guest", "clerk"],
        "ctmrinfo.cstatus": ["new", "open", "closed"],
        "personal.gender": ["MALE", "FEMALE", "OTHER"],
    }
)
NO_LIST = "No short list of rules explains these landings, so do not rely on the one above. "


def claims(answer, budget):
    learner = RoutingLearner(FACTORS.space, budget=budget, validate=16, batch=8)
    while sends := learner.next_batch():
        for send in sends:
            learner.tell(send.number, answer(send.row))
    sends = [
        RecordedSend(send.number, send.role, send.row, learner.skills[skill], f"case-{send.number:05d}")
        for send, skill in learner.sends
    ]
    return RoutingRules(FACTORS, learner.rules, learner.skills, sends, validations=learner.validations)


def parity(row):
    """Three factors decide together, and none of them alone or with one other."""
    return ["Cards", "Loans", "General"][sum(row[:3]) % 3]


@pytest.fixture(scope="module")
def by_parity():
    return claims(parity, budget=56)


def test_parity_has_no_short_list_and_its_factors_are_named(by_parity):
    assert not by_parity.explains
    assert by_parity.deciding_columns == COLUMNS[:3]
    assert by_parity.sentences[0] == (
        f"{NO_LIST}ctmrinfo.ctype, ctmrinfo.role, ctmrinfo.cstatus decide together: cases that agree on them "
        "land alike. Send a Grid over them alone and look at its table."
    )


def test_no_small_share_is_promised_where_no_list_explains(by_parity):
    assert by_parity.bound.at_most > 0.1


def test_chance_has_no_short_list_and_no_factor_is_named():
    chance = random.Random(1)

    by_chance = claims(lambda row: chance.choice(["Cards", "Loans", "General"]), budget=64)

    assert not by_chance.explains
    assert by_chance.deciding_columns == []
    assert by_chance.bound.unstable
    assert by_chance.sentences[0] == (
        f"{NO_LIST}The same case lands in several skills: chance, load, agents or the time decide. "
        "Send it again at another hour, or with one agent online for each skill."
    )


def test_a_column_that_is_missing_is_among_what_may_decide():
    hidden = random.Random(2)
    landed = {}

    by_another = claims(lambda row: landed.setdefault(row, hidden.choice(["Cards", "Loans"])), budget=56)

    assert not by_another.explains
    assert by_another.sentences[0] == (
        f"{NO_LIST}What decides may be none of these columns, or the time. Add the column that is missing, "
        "give it more sends, or send the same cases again at another hour."
    )


def test_a_learning_that_has_not_ended_says_so_first_and_gives_no_verdict_on_its_columns(by_parity):
    about = {"budget": 400, "stopped_by": None}
    so_far = RoutingRules(
        FACTORS, by_parity.decision_list, by_parity.skills, by_parity.records, validations=(), about=about
    )

    assert so_far.sentences[:2] == [
        "The learning has not ended; these are the rules so far.",
        "Nothing was validated, so how often this is wrong cannot be said.",
    ]
