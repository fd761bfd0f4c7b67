"""``run.rules()`` and ``heatmap.drill_down``: the rules that a run's own cases follow, without sending."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from lpnb import InvalidValueError, Steps, heatmap, run_experiment
from lpnb.experiments.runs.run_rules import rules_of_table

CTYPE, PAGE, ROLE = "ctmrinfo.ctype", "entryPoints", "ctmrinfo.role"
TIERS, PAGES, ROLES = ("vip", "gold", None), ('["sec://home"]', '["sec://cards"]'), ("owner", "guest", "heir")


def skill(tier: str | None, page: str, role: str) -> str:
    if tier == "vip" and role != "guest":
        return "Private"
    return "Cards" if page == '["sec://cards"]' else "General"


def table(cases=None, **columns) -> pd.DataFrame:
    cases = list(product(TIERS, PAGES, ROLES)) if cases is None else cases
    frame = pd.DataFrame(cases, columns=[CTYPE, PAGE, ROLE], dtype="object")
    landed = [skill(*case) for case in frame.itertuples(index=False, name=None)]
    names = [f"case-{number:05d}" for number in range(len(frame))]
    return frame.assign(case=names, outcome="answered", landed_skill=landed, **columns)


def test_the_shortest_list_that_the_cases_follow_is_found_and_read_aloud():
    rules = rules_of_table(table())

    assert str(rules) == (
        "What 18 cases that landed follow:\n"
        "  1. If ctmrinfo.ctype is vip and ctmrinfo.role is owner or heir: Private (22 % of the cases; rests "
        "on 4 sends)\n"
        "  2. If entryPoints is sec://home: General (39 %; rests on 7 sends)\n"
        "  3. Otherwise: Cards (39 %)\n"
        "The rules are made from these cases and were tried on no others, so how often they are wrong "
        "elsewhere cannot be said; learn_routing validates its rules.\n"
        "Every value was sent, and 100 % of the pairs and 100 % of the triples of values where no known rule "
        "hides them; a rule on a combination that was never sent would not show."
    )
    assert rules.headline == "3 rules explain all 18 cases."
    assert rules.rules["sends"].tolist() == [4, 7, 7]
    assert rules.predict([{CTYPE: "vip", PAGE: ["sec://cards"], ROLE: "guest"}])["skill"].tolist() == [
        "Cards"
    ]


def test_a_column_that_names_each_case_is_left_out_and_named():
    numbered = table().pipe(lambda frame: pd.concat([frame] * 2, ignore_index=True))
    numbered["ctmrinfo.customerId"] = [f"{number:03d}" for number in range(36)]

    rules = rules_of_table(numbered)

    assert len(rules.decision_list) == 3
    assert rules.sentences[-1] == (
        "Not looked at, because nearly each case has a value of its own: ctmrinfo.customerId."
    )


def test_columns_that_go_together_are_one_condition():
    both = table().assign(
        **{"ctmrinfo.companyBranch": lambda frame: frame[CTYPE].map({"vip": "A", "gold": "B"})}
    )

    assert "ctmrinfo.ctype + ctmrinfo.companyBranch is vip + A" in str(rules_of_table(both))


def test_columns_that_go_together_in_some_cases_by_chance_are_told_and_the_better_one_stands_for_both():
    cases = [case for case in product(TIERS, PAGES, ROLES) if case[0] != "vip" or case[2] != "heir"]
    some = table(
        [case for case in cases if case[0] != "vip" or (case[1] == PAGES[0]) == (case[2] == "owner")]
    )

    cell = rules_of_table(some, where={CTYPE: "vip"})

    assert [factor.name for factor in cell.factors.factors] == [PAGE]
    assert cell.sentences[-1] == (
        "In these cases entryPoints and ctmrinfo.role always go together, so any of them may be what decides."
    )


def test_a_refusal_is_a_landing_and_an_unknown_case_is_none():
    odd = table()
    odd.loc[odd[CTYPE].isna(), ["landed_skill", "outcome"]] = [None, "refused"]
    odd.loc[odd[ROLE] == "heir", ["landed_skill", "outcome"]] = [None, "unknown"]

    rules = rules_of_table(odd)

    assert rules.title == "What 12 cases that landed follow"
    assert "If ctmrinfo.ctype is absent: (refused)" in str(rules)


def test_a_few_cases_that_land_elsewhere_do_not_hide_the_rules():
    values = [f"v{number}" for number in range(7)]
    frame = pd.DataFrame(product(values, values, values), columns=[CTYPE, PAGE, ROLE])
    landed = np.where(
        frame[CTYPE] == "v1", "Private", np.where(frame[PAGE].isin(["v2", "v3"]), "Cards", "General")
    )
    landed[np.random.default_rng(0).choice(343, 8, replace=False)] = "Loans"
    names = [f"case-{number:05d}" for number in range(343)]

    rules = rules_of_table(frame.assign(case=names, outcome="answered", landed_skill=landed))

    assert rules.rules["skill"].tolist() == ["Private", "Cards", "General"]
    assert rules.explains
    assert rules.headline == "3 rules explain 335 of 343 cases."
    assert rules.sentences[0].startswith("8 cases landed otherwise than they say. The rules are made from")


def test_equal_cases_that_landed_differently_are_named_and_the_most_frequent_skill_counts():
    many = table(list(product(TIERS, PAGES, ROLES)) * 3)
    many.loc[0, "landed_skill"] = "General"

    rules = rules_of_table(many)

    assert rules.headline == "3 rules explain 53 of 54 cases."
    assert any(sentence.startswith("Unstable: ctmrinfo.ctype vip") for sentence in rules.sentences)


def test_where_chance_decides_it_says_that_no_short_list_does():
    many = table(list(product(TIERS, PAGES, ROLES)) * 12)
    many["landed_skill"] = np.random.default_rng(1).choice(list("ABCD"), len(many))

    rules = rules_of_table(many)

    assert not rules.explains
    assert rules.headline == "No short list of rules explains where these cases landed."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"columns": ["ctmrinfo.ctyp"]}, "got 'ctmrinfo.ctyp'. Did you mean 'ctmrinfo.ctype'?"),
        ({"where": {CTYPE: "silver"}},
         "where['ctmrinfo.ctype'] must be one of 'vip', 'gold', '(absent)'; got 'silver'."),
        ({"where": {CTYPE: "vip", PAGE: "sec://home", ROLE: "heir"}},
         "No column varies among the cases with ctmrinfo.ctype vip, entryPoints sec://home, ctmrinfo.role "
         "heir, so none can decide."),
    ],
)  # fmt: skip
def test_what_cannot_be_explained_is_refused(arguments, message):
    with pytest.raises(InvalidValueError) as caught:
        rules_of_table(table(), **arguments)

    assert str(caught.value).endswith(message)


def test_without_a_known_landing_there_is_nothing_to_explain():
    with pytest.raises(InvalidValueError) as caught:
        rules_of_table(table().assign(outcome="planned", landed_skill=None))

    assert str(caught.value) == "No case has a known landing, so there is nothing to explain."


def test_a_mixed_cell_of_a_run_s_heatmap_says_what_tells_its_cases_apart(client):
    cases = [
        {CTYPE: tier, PAGE: [page], "identities.0.acr": acr}
        for tier, page, acr in product(("gold", "vip"), ("sec://home", "sec://sign-in"), ("loa0", "loa1"))
    ]
    steps = Steps(engagement=True, landing=True)
    run = run_experiment(client, cases, steps=steps, name="cells", progress=False)

    cell = run.heatmap(CTYPE, PAGE).drill_down("gold", "sec://sign-in")

    assert cell.headline == "2 rules explain all 2 cases."
    assert "identities.0.acr is" in str(cell)
    assert cell.title == "What 2 cases with ctmrinfo.ctype gold, entryPoints sec://sign-in follow"
    assert run.rules(where={CTYPE: "gold"}).title == "What 4 cases with ctmrinfo.ctype gold follow"
    with pytest.raises(InvalidValueError) as caught:
        heatmap(run.table(), CTYPE, PAGE).drill_down("gold", "sec://home")
    assert str(caught.value) == (
        "Only a run's own heatmap can tell cases apart: run.heatmap(...).drill_down(row, column)."
    )
