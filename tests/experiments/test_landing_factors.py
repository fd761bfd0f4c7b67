"""What a run's landings go with: columns ranked alone and in pairs, and the heatmap that follows from it."""

from __future__ import annotations

from itertools import product

import pandas as pd
import pytest

from lpnb import InvalidValueError, Steps, run_experiment
from lpnb.experiments.runs.landing_factors import factor_ranking, most_explaining

COLUMNS = ["factor", "second_factor", "explained", "right", "values", "cases"]


def table(*rows: tuple, columns: list[str]) -> pd.DataFrame:
    """A per-case table of (skill, values...)."""
    frame = pd.DataFrame([*rows], columns=["landed_skill", *columns])
    return frame.assign(case=[f"c{number}" for number in range(len(frame))], outcome="answered")


def skill(ctype: str, page: str) -> str:
    return "Private" if ctype == "vip" else "Cards" if page == "cards" and ctype == "gold" else "General"


GRID = table(
    *((skill(ctype, page), ctype, page, lang) for ctype, page, lang in product(
        ("vip", "gold", "regular"), ("home", "cards", "loans"), ("en", "de", "fr"))),
    columns=["ctype", "page", "lang"],
)  # fmt: skip


def test_columns_are_ranked_by_what_they_explain_and_a_pair_by_what_it_explains_together():
    ranking = factor_ranking(GRID)

    assert list(ranking.columns) == COLUMNS
    assert dict(ranking.dtypes.astype(str)) == {
        "factor": "str", "second_factor": "str", "explained": "float64", "right": "float64",
        "values": "Int64", "cases": "Int64",
    }  # fmt: skip
    first, second = ranking.fillna("").to_numpy().tolist()[:2]
    assert first == ["ctype", "page", 1.0, 1.0, 9, 27]
    assert (second[:2], second[3:]) == (["ctype", ""], [0.8889, 3, 27])
    assert ranking.loc[ranking["factor"] == "lang", "explained"].max() == 0.0


def test_a_column_with_another_value_in_each_case_explains_nothing():
    ranking = factor_ranking(
        GRID.assign(customer=[str(number) for number in range(27)]), ["customer", "lang"]
    )

    assert ranking[["factor", "explained", "right"]].to_numpy().tolist()[0] == ["lang", 0.0, 0.5556]
    assert set(ranking["explained"]) == {0.0}


def test_columns_that_always_go_together_are_one_factor():
    both = GRID.assign(engagement=GRID["ctype"].map({"vip": "1", "gold": "2", "regular": "3"}))

    alone = factor_ranking(both)
    alone = alone[alone["second_factor"].isna()]

    assert alone["factor"].tolist() == ["ctype + engagement", "lang", "page"]


def test_a_refusal_counts_as_a_landing_and_what_nobody_knows_does_not():
    odd = GRID.assign(landed_skill=GRID["landed_skill"].mask(GRID["lang"] == "fr"))
    odd.loc[odd["lang"] == "fr", "outcome"] = "refused"
    unknown = GRID.assign(landed_skill=GRID["landed_skill"].mask(GRID["lang"] == "fr"))

    assert factor_ranking(odd, ["lang"]).iloc[0].tolist()[3:] == [0.7037, 3, 27]
    assert factor_ranking(unknown, ["lang"]).iloc[0].tolist()[3:] == [0.5556, 2, 18]


def test_without_cases_or_columns_that_vary_the_table_has_its_columns_and_no_row():
    empty = factor_ranking(GRID.iloc[:0])

    assert (len(empty), list(empty.columns), str(empty["values"].dtype)) == (0, COLUMNS, "Int64")
    assert len(factor_ranking(GRID, ["case"]).columns) == 6


def test_a_column_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(InvalidValueError) as caught:
        factor_ranking(GRID, ["ctyp"])

    assert str(caught.value).endswith("got 'ctyp'. Did you mean 'ctype'?")


def test_the_heatmap_takes_the_two_columns_that_explain_most_and_the_one_that_goes_best_with_another():
    assert most_explaining(GRID, None, None) == ("page", "ctype")
    assert most_explaining(GRID, "lang", None) == ("lang", "ctype")
    assert most_explaining(GRID, None, "lang") == ("ctype", "lang")
    with pytest.raises(InvalidValueError) as caught:
        most_explaining(GRID[["case", "outcome", "landed_skill", "ctype"]], None, None)
    assert str(caught.value) == (
        "A heatmap needs two columns that vary among the cases whose landing is known; those that vary: "
        "ctype. Name two columns: heatmap(rows, columns)."
    )


def test_a_run_ranks_its_columns_and_draws_the_best_two(client):
    cases = [
        {"ctmrinfo.ctype": ctype, "entryPoints": [page], "ctmrinfo.role": role, "note.who": "me"}
        for ctype, page, role in product(("business", "gold"), ("sec://home", "sec://lost-card"), ("a", "b"))
    ]
    steps = Steps(engagement=True, landing=True)

    run = run_experiment(client, cases, steps=steps, name="ranked", progress=False)

    assert run.factors()["factor"].iloc[0] in ("ctmrinfo.ctype", "entryPoints")
    assert set(run.heatmap().grid.keys) == {"ctmrinfo.ctype", "entryPoints"}
    assert run.factors(["offered_engagement_id"])["cases"].tolist() == [8]
