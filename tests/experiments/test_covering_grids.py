"""Grids that cover: few cases in which every pair or triple of values occurs, from Python and from files."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from lpnb import Grid, InvalidValueError, cases_of
from lpnb.experiments.cases.covering import covering_array

CTYPE, LANG, TTR, SKILL = "ctmrinfo.ctype", "conversationContext.lang", "ttrDefName", "skillId"
CAMPAIGN, ENGAGEMENT = "campaignInfo.campaignId", "campaignInfo.engagementId"
VALUES = {
    CTYPE: ["vip", "gold", "regular", None],
    LANG: ["en-US", "de-DE", "ru-RU"],
    TTR: ["NORMAL", "URGENT", "PRIORITIZED"],
    SKILL: ["1", "2", "3", "4"],
}


def tuples(grid, columns, size):
    rows = [tuple(case.values.get(column) for column in columns) for case in grid]
    return {
        (group, tuple(row[at] for at in group))
        for group in combinations(range(len(columns)), size)
        for row in rows
    }


@pytest.mark.parametrize("size", [2, 3])
def test_every_tuple_of_values_occurs(size):
    grid = Grid(VALUES, cover=size)

    wanted = {
        (group, values)
        for group in combinations(range(4), size)
        for values in product(*(list(VALUES.values())[at] for at in group))
    }
    assert tuples(grid, list(VALUES), size) == wanted
    assert len(grid) < {2: 20, 3: 60}[size] < grid.combinations == 144


@pytest.mark.parametrize(
    ("sizes", "strength", "most"), [([4] * 4, 2, 20), ([5] * 6, 2, 36), ([6] * 8, 2, 61), ([3] * 6, 3, 50)]
)
def test_there_are_no_more_rows_than_a_good_greedy_search_needs(sizes, strength, most):
    array = covering_array(sizes, strength)

    assert len(array.rows) <= most
    assert (array.impossible, array.missing) == (0, 0)


def test_what_where_leaves_out_is_not_sent_and_all_else_is_covered():
    def where(case):
        return not (case[CTYPE] == "vip" and case[LANG] == "de-DE") and case[SKILL] != case[TTR]

    grid = Grid(VALUES, cover=2, where=where)

    found = tuples(grid, list(VALUES), 2)
    assert ((0, 1), ("vip", "de-DE")) not in found
    assert len(found) == 12 + 12 + 16 + 9 + 12 + 12 - 1
    assert all(where({name: case.values.get(name) for name in VALUES}) for case in grid)
    assert "each of the 72 pairs of values of two columns occurs. 1 others cannot occur" in grid.coverage


def test_columns_that_go_together_count_as_one():
    grid = Grid(
        {CAMPAIGN: ["1", "2", "3"], ENGAGEMENT: ["10", "20", "30"], CTYPE: ["vip", "gold"], LANG: ["a", "b"]},
        zipped=[CAMPAIGN, ENGAGEMENT],
        cover=2,
    )

    assert all(case.values[ENGAGEMENT] == case.values[CAMPAIGN] + "0" for case in grid)
    assert len(grid) == 6
    assert grid.coverage == (
        "6 of 12 combinations: each of the 16 pairs of values of two columns occurs. A rule on at most two "
        "columns shows in a case, unless another rule hides it there; one on three or more may not show."
    )


def test_a_grid_too_large_to_walk_through_is_covered_under_a_filter():
    values = {f"note.c{number}": list(range(8)) for number in range(12)}
    grid = Grid(values, cover=2, where=lambda case: case["note.c0"] != case["note.c1"])

    assert (grid.combinations, len(grid) < 200) == (8**12, True)
    assert len(tuples(grid, list(values), 2)) == 66 * 64 - 8


def test_the_same_seed_takes_the_same_cases():
    def taken(seed):
        return [dict(case.values) for case in Grid(VALUES, cover=2, seed=seed)]

    assert taken(3) == taken(3) != taken(4)


@pytest.mark.parametrize(
    ("values", "cases"), [({CTYPE: ["vip", "gold"], SKILL: "1"}, 2), ({CTYPE: "vip", SKILL: "1"}, 1)]
)
def test_fewer_columns_than_asked_for_are_crossed(values, cases):
    assert len(Grid(values, cover=3)) == cases


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cover": 4}, "cover must be 2 for pairs, 3 for triples, or None; got 4."),
        ({"cover": True}, "cover must be 2 for pairs, 3 for triples, or None; got True."),
        (
            {"cover": 2, "sample": 5},
            "A sample of a cover would miss some of what it covers. Give cover or sample, not both.",
        ),
    ],
)
def test_a_cover_that_there_is_not_is_refused(arguments, message):
    with pytest.raises(InvalidValueError) as caught:
        Grid(VALUES, **arguments)

    assert str(caught.value) == message


def test_more_tuples_than_can_be_kept_track_of_are_refused():
    with pytest.raises(InvalidValueError) as caught:
        Grid({f"note.c{number}": list(range(200)) for number in range(9)}, cover=3)

    assert str(caught.value) == (
        "cover=3 would have to cover 672,000,000 combinations of 3 values, and covers 5,000,000 at the most. "
        "Give fewer values or columns, or a smaller cover."
    )


def test_a_grid_file_is_read_as_cases(tmp_path):
    file = tmp_path / "routing.toml"
    file.write_text(
        'cover = 2\nseed = 1\n[values]\n"ctmrinfo.ctype" = ["vip", "gold", ""]\n'
        'ttrDefName = ["NORMAL", "URGENT"]\nskillId = "-1"\n[[exclude]]\n"ctmrinfo.ctype" = ["", "gold"]\n'
        'ttrDefName = "URGENT"\n',
        encoding="utf-8",
    )

    cases, grid = cases_of(file), Grid.read(file)

    assert sorted(str(dict(case.values)) for case in cases) == [
        "{'ctmrinfo.ctype': 'gold', 'ttrDefName': 'NORMAL', 'skillId': '-1'}",
        "{'ctmrinfo.ctype': 'vip', 'ttrDefName': 'NORMAL', 'skillId': '-1'}",
        "{'ctmrinfo.ctype': 'vip', 'ttrDefName': 'URGENT', 'skillId': '-1'}",
        "{'ttrDefName': 'NORMAL', 'skillId': '-1'}",
    ]
    assert [case.values for case in grid] == [case.values for case in cases]
    assert repr(grid) == "<Grid: 4 cases of 3 columns of routing.toml with every pair of values, of 6>"
    assert cases.notes == [grid.coverage]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cover = ", "cannot be read: Invalid value (at end of document)."),
        ("seed = 2", 'needs a table [values] of columns and their values, such as '
         '"ctmrinfo.ctype" = ["vip", "gold", ""].'),
        ('[values]\nskillId = ["1"]\n[[exclude]]\nttrDefName = "URGENT"',
         ": exclude names 'ttrDefName', which is no column of [values]."),
        ('where = "x"\n[values]\nskillId = ["1"]',
         "must not hold 'where'; it holds values, zipped, exclude, sample, seed, cover."),
    ],
)  # fmt: skip
def test_a_file_that_is_no_grid_is_refused_by_name(tmp_path, text, message):
    file = tmp_path / "odd.toml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(InvalidValueError) as caught:
        cases_of(file)

    assert str(caught.value).replace(f"{file} ", "").replace(f"{file}:", ":") == message
