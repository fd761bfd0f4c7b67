"""Routing rules as a result: printed, asked, compared, kept."""

import json

import pandas as pd
import pytest

from lpnb import Grid, InvalidValueError, RoutingRules, cases_of
from lpnb.experiments.learning.decision_list import Rule
from lpnb.experiments.learning.factors import Factors
from lpnb.experiments.learning.learner import Validation
from lpnb.experiments.learning.routing_rules import RecordedSend

CTYPES = ["vip", "gold", "retail", None]
BALANCES = [500, 5_000, 60_000]
SKILLS = ["General Enquiries", "Private Clients", "Cards & Payments"]
FACTORS = Factors.of({"ctmrinfo.ctype": CTYPES, "ctmrinfo.balance": BALANCES})
VIP = Rule(((0, 0b0001),), 1)
GOLD_AND_RICH = Rule(((0, 0b0010), (1, 0b110)), 2)
REST = Rule((), 0)


def where(row):
    if row[0] == 0:
        return SKILLS[1]
    return SKILLS[2] if row[0] == 1 and row[1] > 0 else SKILLS[0]


def sends(rows):
    return [RecordedSend(at, "seed", row, where(row), f"case-{at + 1:05d}") for at, row in enumerate(rows)]


EVERY_ROW = [(ctype, balance) for ctype in range(4) for balance in range(3)]


@pytest.fixture
def routing():
    validations = [Validation(60, 0, 0.95, 0.0487)]
    about = {"budget": 400, "stopped_by": "quiet"}
    return RoutingRules(
        FACTORS, [VIP, GOLD_AND_RICH, REST], SKILLS, sends(EVERY_ROW), validations=validations, about=about
    )


def test_printed_it_is_the_list_one_sentence_of_bound_and_one_of_coverage(routing):
    assert str(routing).splitlines() == [
        "Where 12 combinations of 2 factors land, from 12 sends:",
        "  1. If ctmrinfo.ctype is vip: Private Clients (25 % of the combinations; rests on 3 sends)",
        "  2. If ctmrinfo.ctype is gold and ctmrinfo.balance is 5000 or more: Cards & Payments "
        "(17 %; rests on 2 sends)",
        "  3. Otherwise: General Enquiries (58 %)",
        "60 cases drawn at random were predicted before being sent, and 0 landed elsewhere: at most 4.9 % of "
        "all combinations are predicted wrongly (95 % confidence).",
        "Every value was sent, and 100 % of the pairs of values where no known rule hides them; a rule on a "
        "combination that was never sent would not show.",
        "ctmrinfo.balance: the boundary is known only to lie between 500 and 5000.",
    ]


def test_a_where_leaves_as_many_combinations_as_it_is_true_for():
    some = Factors({"a": ["1", "2"], "b": ["1", "2"]}, where=lambda case: case["a"] != case["b"])
    many = Factors({name: [*"12345678"] for name in "abcdef"}, where=lambda case: case["a"] != "1")

    assert (
        RoutingRules(some, [REST], SKILLS, []).title == "Where 2 combinations of 2 factors land, from 0 sends"
    )
    assert RoutingRules(many, [REST], SKILLS, []).title == (
        "Where up to 262,144 combinations of 6 factors land, from 0 sends"
    )


def test_a_row_for_each_rule_says_what_it_rests_on(routing):
    table = routing.rules

    assert list(table.columns) == [
        "rule",
        "if",
        "skill",
        "share",
        "sends",
        "evidence",
        "weakest",
        "first_seen",
    ]
    assert table["rule"].tolist() == [1, 2, 3]
    assert table["sends"].tolist() == [3, 2, 7]
    assert table["evidence"].tolist() == [3, 2, 7]
    assert table["weakest"][1] == "ctmrinfo.balance is 5000 or more: 1"
    assert table["first_seen"].tolist() == [0, 4, 3]
    assert table["share"].round(4).tolist() == [0.25, 0.1667, 0.5833]


def test_every_send_has_its_rule_and_whether_that_explains_it(routing):
    table = routing.sends

    assert list(table.columns) == [
        "number", "case", "role", "skill", "rule", "explained", "ctmrinfo.ctype", "ctmrinfo.balance",
    ]  # fmt: skip
    assert table["rule"].tolist() == [1, 1, 1, 3, 2, 2, 3, 3, 3, 3, 3, 3]
    assert table["explained"].all()


def test_a_prediction_is_missing_where_a_value_was_never_sent(routing):
    told = routing.predict(Grid({"ctmrinfo.ctype": ["gold", "silver"], "ctmrinfo.balance": [60_000]}))

    assert list(told.columns) == ["case", "skill", "rule", "evidence", "rivals_agree"]
    assert told["skill"].tolist()[0] == "Cards & Payments"
    assert told["rule"].tolist() == [2, pd.NA]
    assert told["rivals_agree"].tolist() == [True, pd.NA]
    assert told["skill"].isna().tolist() == [False, True]


def test_rivals_that_say_otherwise_are_told():
    rival = (VIP, REST)
    routing = RoutingRules(FACTORS, [VIP, GOLD_AND_RICH, REST], SKILLS, rivals=[rival])

    told = routing.predict([{"ctmrinfo.ctype": "gold", "ctmrinfo.balance": b} for b in (500, 5_000)])

    assert told["rivals_agree"].tolist() == [True, False]


def test_a_case_is_explained_by_its_rule_its_sends_and_the_nearest_case_elsewhere(routing):
    told = routing.explain({"ctmrinfo.ctype": "gold", "ctmrinfo.balance": 5_000})

    assert (told.skill, told.rule) == ("Cards & Payments", 2)
    assert told.conditions == ("ctmrinfo.ctype is gold", "ctmrinfo.balance is 5000 or more")
    assert told.sends["case"].tolist() == ["case-00005", "case-00006"]
    assert dict(told.nearest) == {"ctmrinfo.ctype": "retail"}
    assert told.nearest_skill == "General Enquiries"
    assert str(told).splitlines()[-1] == "It would land in General Enquiries if ctmrinfo.ctype were retail."


def test_a_case_with_another_value_cannot_be_explained(routing):
    with pytest.raises(
        InvalidValueError, match=r"^ctmrinfo\.ctype must be one of 'vip', 'gold', 'retail', None"
    ):
        routing.explain({"ctmrinfo.ctype": "silver", "ctmrinfo.balance": 500})


def test_what_moved_is_told_with_exact_shares(routing):
    later = RoutingRules(
        FACTORS,
        [Rule(VIP.conditions, 2), REST],
        SKILLS,
        [RecordedSend(0, "check", (0, 0), SKILLS[2]), RecordedSend(1, "check", (1, 1), SKILLS[0])],
    )

    changes = routing.compare(later)

    assert list(changes.columns) == ["change", "rule before", "rule after", "share moved", "sends"]
    assert changes["change"].tolist() == ["other skill", "gone"]
    assert changes["rule before"].tolist() == [
        "1. ctmrinfo.ctype is vip: Private Clients",
        "2. ctmrinfo.ctype is gold and ctmrinfo.balance is 5000 or more: Cards & Payments",
    ]
    assert changes["rule after"].tolist()[0] == "1. ctmrinfo.ctype is vip: Cards & Payments"
    assert changes["share moved"].round(4).tolist() == [0.25, 0.1667]
    assert changes["sends"].tolist() == [1, 1]
    assert changes.attrs["exact"]


def test_another_order_of_the_same_rules_moves_what_both_would_take():
    rich = Rule(((1, 0b100),), 2)
    before = RoutingRules(FACTORS, [VIP, rich, REST], SKILLS)
    after = RoutingRules(FACTORS, [rich, VIP, REST], SKILLS)

    changes = before.compare(after)

    assert changes["change"].tolist() == ["other place"]
    assert changes["share moved"].tolist() == [pytest.approx(1 / 12)]


def test_the_same_rules_have_not_changed(routing):
    assert routing.compare(routing).empty


def test_rules_over_other_values_are_compared_where_both_speak(routing):
    fewer = Factors.of({"ctmrinfo.ctype": ["gold", "retail"], "ctmrinfo.balance": BALANCES})
    later = RoutingRules(fewer, [Rule(((0, 0b01),), 2), REST], SKILLS)

    changes = routing.compare(later)

    assert changes["share moved"].tolist()[0] == pytest.approx(1 / 6)


def test_the_cases_that_would_notice_a_change_carry_what_is_expected(routing):
    cases = routing.cases()

    table = cases.table()
    assert cases.expectations == ["expected_skill"]
    for case in cases:
        assert case.expected["expected_skill"] == where(FACTORS.row(case.values))
    assert table["case"].str.startswith("rule 2,").sum() >= 2
    assert len(cases) <= 2 * 3 + 3


def test_the_cases_can_be_written_and_read_again(routing):
    written = routing.save_cases("cases.csv")

    assert [dict(case.expected) for case in cases_of(written)] == [
        dict(case.expected) for case in routing.cases()
    ]


def test_what_is_kept_is_the_same_again(routing):
    again = RoutingRules.load(routing.save("routing.json"))

    assert str(again) == str(routing)
    assert again.sends.equals(routing.sends)
    assert again.validations == routing.validations


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "is empty, and not routing rules"),
        (b"SQLite format 3\x00", "is an SQLite file, perhaps the journal of a run"),
        (b"case,skill\n1,2\n", r"is perhaps a table \(CSV\)"),
        (b"\x80\x04\x95", "is perhaps a pickle, which lpnb never reads"),
        (b'{"log": {}}', r"is JSON of another kind \(the keys 'log'\)"),
        (b"[1]", r"is JSON of another kind \(a list\)"),
        (b'{"kind": "lpnb routing rules", "for', "is no JSON, or JSON that was cut off"),
        (b'{"kind": "lpnb routing rules", "format": 9, "lpnb": "7.0"}', "lpnb 7.0 wrote it, so update lpnb"),
        (b'{"kind": "lpnb routing rules", "format": 1}', "'constants' is missing"),
    ],
)
def test_a_file_of_another_kind_is_named_as_what_it_is(tmp_path, content, named):
    path = tmp_path / "x.json"
    path.write_bytes(content)

    with pytest.raises(InvalidValueError, match=named):
        RoutingRules.load(path)


def test_a_file_that_somebody_edited_into_nonsense_is_refused(routing, tmp_path):
    path = routing.save(tmp_path / "routing.json")
    told = json.loads(path.read_text())
    told["rules"][0]["if"] = {"ctmrinfo.ctype": [17]}
    path.write_text(json.dumps(told))

    with pytest.raises(InvalidValueError, match=r"never writes \(the values \[17\] of ctmrinfo.ctype\)"):
        RoutingRules.load(path)


def test_a_case_that_lands_in_two_skills_is_told_with_both():
    answers = [*sends(EVERY_ROW), RecordedSend(12, "again", (3, 0), SKILLS[2], "case-00013")]
    routing = RoutingRules(FACTORS, [VIP, GOLD_AND_RICH, REST], SKILLS, answers)

    (unstable,) = routing.bound.unstable
    assert unstable.skills == ("General Enquiries", "Cards & Payments")
    assert dict(unstable.values) == {"ctmrinfo.ctype": None, "ctmrinfo.balance": 500}
    assert "Unstable: ctmrinfo.ctype absent, ctmrinfo.balance 500: General Enquiries, then Cards" in str(
        routing
    )


def test_the_picture_says_what_the_list_says(routing):
    picture = routing.picture()

    columns, rows = picture._rows()
    assert columns == ["rule", "if", "skill", "share", "rests on sends"]
    assert rows[1] == [
        2, "ctmrinfo.ctype is gold and ctmrinfo.balance is 5000 or more", "Cards & Payments", "17 %", 2,
    ]  # fmt: skip
    assert picture.png("dark").startswith(b"\x89PNG")
    assert "<svg" in picture.svg()


def test_in_a_notebook_every_word_is_escaped():
    factors = Factors.of({"ctmrinfo.ctype": ["<b>", "gold"]})
    routing = RoutingRules(factors, [Rule(((0, 1),), 0), Rule((), 0)], ["<i>"])

    html = routing._repr_html_()

    assert "<b>" not in html
    assert "&lt;i&gt;" in html
