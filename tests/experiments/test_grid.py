"""Grids: crossed, zipped, filtered, sampled, and counted before anything is built."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lpnb import CampaignInfo, Grid, InvalidValueError, cases_of

CTYPE, LANG, SKILL = "ctmrinfo.ctype", "conversationContext.lang", "skillId"
CAMPAIGN, ENGAGEMENT = "campaignInfo.campaignId", "campaignInfo.engagementId"


def rows(grid: Grid) -> list[tuple]:
    return [tuple(case.values.get(column) for column in grid.columns) for case in grid]


def test_every_combination_is_there_and_the_last_column_varies_fastest():
    grid = Grid({CTYPE: ["vip", "gold"], LANG: ["en-US", None], SKILL: "-1"})

    assert len(grid) == 4
    assert rows(grid) == [
        ("vip", "en-US", "-1"),
        ("vip", None, "-1"),
        ("gold", "en-US", "-1"),
        ("gold", None, "-1"),
    ]
    assert cases_of(grid) is grid


def test_columns_can_go_together():
    grid = Grid(
        {CAMPAIGN: ["1", "2"], CTYPE: ["vip", "gold"], ENGAGEMENT: ["10", "20"]},
        zipped=[CAMPAIGN, ENGAGEMENT],
    )

    assert rows(grid) == [
        ("1", "vip", "10"),
        ("1", "gold", "10"),
        ("2", "vip", "20"),
        ("2", "gold", "20"),
    ]


def test_all_columns_that_have_a_list_can_go_together():
    grid = Grid({CTYPE: ["vip", "gold", "silver"], LANG: ["a", "b", "c"], SKILL: "-1"}, zipped=True)

    assert rows(grid) == [("vip", "a", "-1"), ("gold", "b", "-1"), ("silver", "c", "-1")]


def test_several_groups_can_go_together():
    grid = Grid(
        {CTYPE: ["a", "b"], LANG: ["x", "y"], CAMPAIGN: ["1", "2", "3"], ENGAGEMENT: ["4", "5", "6"]},
        zipped=[[CTYPE, LANG], [CAMPAIGN, ENGAGEMENT]],
    )

    assert len(grid) == 6
    assert rows(grid)[:4] == [
        ("a", "x", "1", "4"),
        ("a", "x", "2", "5"),
        ("a", "x", "3", "6"),
        ("b", "y", "1", "4"),
    ]


def test_a_filter_sees_the_values_by_column():
    grid = Grid(
        {CTYPE: ["vip", "gold"], LANG: ["en-US", "de-DE"]},
        where=lambda case: not (case[CTYPE] == "vip" and case[LANG] == "de-DE"),
    )

    assert rows(grid) == [("vip", "en-US"), ("gold", "en-US"), ("gold", "de-DE")]
    assert (len(grid), grid.combinations) == (3, 4)


def test_the_same_seed_draws_the_same_sample_in_the_order_of_the_grid():
    values = {CTYPE: [f"tier {n}" for n in range(50)], SKILL: [str(n) for n in range(50)]}

    def drawn(seed: int) -> list[tuple]:
        return rows(Grid(values, where=lambda case: case[SKILL] != "0", sample=5, seed=seed))

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)
    assert drawn(7) == sorted(drawn(7), key=lambda row: (int(row[0][5:]), int(row[1])))


def test_a_grid_of_a_billion_is_counted_at_once():
    grid = Grid({name: range(1_000) for name in (SKILL, CAMPAIGN, ENGAGEMENT)})

    assert len(grid) == 1_000_000_000
    assert dict(grid[123_456_789].values) == {SKILL: "123", CAMPAIGN: "456", ENGAGEMENT: "789"}
    assert str(grid.preview(0)) == "1,000,000,000 cases in all, the first 0 as they would be posted:"
    assert len(Grid({name: range(1_000) for name in (SKILL, CAMPAIGN, ENGAGEMENT)}, sample=3)) == 3
    with pytest.raises(InvalidValueError) as caught:
        grid.check()
    assert str(caught.value) == (
        "The grid has 1,000,000,000 cases, and 5,000,000 can be sent at the most. "
        "Take a sample of it: Grid(..., sample=1000)."
    )


def test_values_of_numpy_and_pandas_are_taken_as_what_they_mean():
    series = pd.Series(["vip", None, "gold"], dtype="str")

    assert rows(Grid({SKILL: np.arange(2), CTYPE: series.unique()})) == [
        ("0", "vip"),
        ("0", None),
        ("0", "gold"),
        ("1", "vip"),
        ("1", None),
        ("1", "gold"),
    ]


def test_whole_objects_are_values():
    grid = Grid({"campaignInfo": [CampaignInfo(campaign_id=1), {"engagementId": "2"}, None], "note.way": "x"})

    assert [case.batch().request.to_wire().get("campaignInfo") for case in grid] == [
        {"campaignId": "1"},
        {"engagementId": "2"},
        None,
    ]


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({}, {}, "a Grid takes a dict of columns, such as {'ctmrinfo.ctype': ['vip', 'gold']}; got {}."),
        ({"ctype": ["a"]}, {}, "'ctype' is not a column that lpnb knows. Did you mean 'ctmrinfo.ctype'?"),
        ({SKILL: []}, {}, "The column 'skillId' has no value. Give it [None] to leave it out."),
        (
            {SKILL: ["1", "2"], CTYPE: ["a"]},
            {"zipped": True},
            "Columns that are zipped must be of one length: skillId has 2, ctmrinfo.ctype has 1.",
        ),
        ({SKILL: ["1"]}, {"zipped": ["x"]}, "zipped names 'x', which is not a column of the grid."),
        ({SKILL: ["1"]}, {"zipped": [SKILL, SKILL]}, "zipped names 'skillId' more than once."),
        ({SKILL: ["1"]}, {"sample": 2}, "sample must be a whole number from 1 to 1; got 2."),
        (
            {SKILL: range(3_000), CAMPAIGN: range(3_000)},
            {"where": bool},
            "where= would have to look at 9,000,000 combinations, and looks at 5,000,000 at the most. "
            "Take fewer values, or zip columns that go together.",
        ),
    ],
)
def test_a_grid_that_cannot_be_made_says_why(values, options, message):
    with pytest.raises(InvalidValueError) as caught:
        Grid(values, **options)

    assert str(caught.value) == message


def test_a_wrong_value_of_a_grid_is_found_by_its_check():
    grid = Grid({"personal.gender": ["MALE", "male"], SKILL: ["1", "2"]})

    with pytest.raises(InvalidValueError) as caught:
        grid.check()

    assert str(caught.value) == (
        "personal.gender must be one of 'MALE', 'FEMALE', 'OTHER': wrong in 2 of 4 rows, such as 'male' "
        "in rows 3 (skillId 1), 4 (skillId 2). Did you mean 'MALE'?"
    )


def test_a_filter_and_a_seed_of_another_kind_are_refused_together():
    with pytest.raises(InvalidValueError) as caught:
        Grid({"skillId": ["1", "2"]}, where="skillId", sample=1, seed=[1])

    assert [(complaint.path, complaint.sentence) for complaint in caught.value.complaints] == [
        ("where", "where must be a function of a case's values, or None; got 'skillId'."),
        ("seed", "seed must be a whole number; got [1]."),
    ]
