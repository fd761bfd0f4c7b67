"""Two runs compared: which cases moved, which came and went, and what that looks like."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest

from lpnb import Client, Grid, Sandbox, Settings, Steps, run_experiment
from lpnb.errors import InvalidValueError
from lpnb.experiments.runs.compare import CHANGES, compare
from lpnb.plots.change_map import ChangeFlow, ChangeMap


def run(*cases: tuple[str, str, str | None], **columns: list[object]) -> pd.DataFrame:
    """A per-case table of (case, outcome, skill)."""
    return pd.DataFrame([*cases], columns=["case", "outcome", "landed_skill"]).assign(**columns)


def changes(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, str]:
    table = compare(before, after).table()
    return dict(zip(table["case"], table["change"], strict=True))


def test_every_kind_of_change_is_told_apart() -> None:
    before = run(
        ("stays", "answered", "Cards"),
        ("moves", "answered", "Cards"),
        ("breaks", "answered", "Cards"),
        ("goes", "answered", "Cards"),
        ("nobody looked", "answered", None),
        ("always refused", "refused", None),
    )
    after = run(
        ("comes", "answered", "Loans"),
        ("always refused", "refused", None),
        ("nobody looked", "answered", "Cards"),
        ("breaks", "refused", None),
        ("moves", "answered", "Loans"),
        ("stays", "answered", "Cards"),
    )

    comparison = compare(before, after)

    assert changes(before, after) == {
        "stays": "stayed",
        "moves": "moved",
        "breaks": "other outcome",
        "goes": "disappeared",
        "nobody looked": "not comparable",
        "always refused": "stayed",
        "comes": "appeared",
    }
    assert comparison.counts == {
        "moved": 1, "other outcome": 1, "other values": 0, "appeared": 1, "disappeared": 1,
        "not comparable": 1, "stayed": 2,
    }  # fmt: skip
    assert comparison.headline == "5 of 7 cases changed"
    assert repr(comparison) == (
        "7 cases: 1 moved, 1 other outcome, 1 appeared, 1 disappeared, 1 not comparable, 2 stayed\n"
        "case           change          before             after\n"
        "moves          moved           Cards              Loans\n"
        "breaks         other outcome   Cards              (refused)\n"
        "comes          appeared        (no such case)     Loans\n"
        "goes           disappeared     Cards              (no such case)\n"
        "nobody looked  not comparable  (landing unknown)  Cards"
    )


def test_the_table_has_the_same_columns_and_types_also_without_rows() -> None:
    full = compare(run(("a", "answered", "Cards")), run(("a", "answered", "Loans"))).table()
    empty = compare(run(), run()).table()

    wanted = {
        "case": "str", "case_before": "str",
        "change": "str", "before": "str", "after": "str", "before_skill_id": "str",
        "after_skill_id": "str", "before_outcome": "str", "after_outcome": "str", "before_code": "str",
        "after_code": "str", "same_case": "boolean",
    }  # fmt: skip
    assert dict(full.dtypes.astype(str)) == wanted
    assert dict(empty.dtypes.astype(str)) == wanted
    assert repr(compare(run(), run())) == "Neither run has a case"
    assert compare(run(), run()).plot().title == "No cases to compare"
    assert compare(run(), run()).counts == dict.fromkeys(CHANGES, 0)


def test_a_renamed_skill_has_not_moved_and_another_of_the_same_name_has() -> None:
    before = run(("renamed", "answered", "Cards"), ("twin", "answered", "Cards"), landed_skill_id=["1", "1"])
    after = run(("renamed", "answered", "Bills"), ("twin", "answered", "Cards"), landed_skill_id=["1", "2"])

    assert changes(before, after) == {"renamed": "stayed", "twin": "moved"}


def test_without_ids_on_one_side_the_names_decide() -> None:
    before = run(("a", "answered", "Cards"), ("b", "answered", "Cards"))
    after = run(("a", "answered", "Cards"), ("b", "answered", "Loans"), landed_skill_id=["1", "2"])

    assert changes(before, after) == {"a": "stayed", "b": "moved"}


def test_a_case_that_sends_something_else_has_not_moved_wherever_it_lands() -> None:
    before = run(("a", "answered", "Cards"), ("b", "answered", "Cards"), ctype=["vip", None])
    after = run(("a", "answered", "Loans"), ("b", "answered", "Cards"), ctype=["gold", None])

    comparison = compare(before, after)

    assert comparison.summary == "2 cases: 0 moved, 1 other values, 1 stayed"
    assert comparison.table()["same_case"].to_list() == [False, True]
    assert comparison.paired_by == "what was sent"


def test_columns_that_only_one_side_has_are_kept() -> None:
    before = run(("a", "answered", "Cards"), old=["o"])
    after = run(("a", "answered", "Cards"), ("b", "answered", "Cards"), new=["n", "m"])

    table = compare(before, after).table()

    assert table["old"].isna().to_list() == [True, True]
    assert table["new"].to_list() == ["n", "m"]


def test_two_worlds_that_differ_in_one_engagement(before: pd.DataFrame, after: pd.DataFrame) -> None:
    comparison = compare(before, after)

    assert comparison.summary == "48 cases: 6 moved, 42 stayed"
    assert comparison.headline == "6 of 48 cases moved"
    assert comparison.moves.to_numpy().tolist() == [["Mortgages & Loans", "General Enquiries", 6]]
    assert set(comparison.moved["campaignInfo.engagementId"]) == {"880524115"}
    assert len(comparison.moved) == 6


def test_where_nothing_has_changed_the_picture_says_so(before: pd.DataFrame) -> None:
    comparison = compare(before, before)

    assert comparison.headline == "None of 48 cases moved"
    words = [text.get_text() for text in comparison.plot().figure().axes[0].texts]
    assert "Grey: as before." in words


def test_cells_too_small_for_names_say_by_a_number_how_they_changed() -> None:
    pairs = [(f"v{down}", f"w{across}") for down in range(3) for across in range(20)]
    cases = pd.DataFrame(
        {"case": [f"{a} {b}" for a, b in pairs], "outcome": "answered", "landed_skill": "Cards"}
    )
    cases[["down", "across"]] = pairs
    later = cases.copy()
    later.loc[later["across"] == "w7", "landed_skill"] = "Loans"
    later.loc[0, "landed_skill"] = "Savings"

    words = [
        text.get_text().replace("\u200e", "")
        for text in compare(cases, later).plot("down", "across").figure().axes[0].texts
    ]

    assert (words.count("1"), words.count("2")) == (3, 1)
    assert {"1 = Loans, was Cards", "2 = Savings, was Cards"} <= set(words)
    assert "Framed: changed, the number says how. Grey: as before." in words
    html = compare(cases, later).plot("down", "across")._repr_html_()
    assert html.count('title="Loans, was Cards"') == 3
    assert html.count('title="Cards"') == 56
    assert "2 = Savings" in html


def test_how_many_of_a_cells_cases_changed_stands_on_a_line_of_its_own() -> None:
    cases = run(
        *((f"c{number}", "answered", "Cards & Payments") for number in range(4)),
        down=["a"] * 4,
        across=["x"] * 4,
    )
    later = cases.copy()
    later.loc[0, "landed_skill"] = "Mortgages & Loans of the very long name"

    words = [text.get_text() for text in compare(cases, later).plot("down", "across").figure().axes[0].texts]

    assert "1 of 4" in words
    assert "was Cards & Payments" in words


def test_the_picture_frames_what_moved(before: pd.DataFrame, after: pd.DataFrame) -> None:
    picture = compare(before, after).plot()

    assert isinstance(picture, ChangeMap)
    assert picture.keys == ("ctmrinfo.ctype", "campaignInfo.engagementId")
    figure = picture.figure("dark")
    bold = [text.get_text() for text in figure.axes[0].texts if text.get_weight() == "bold"]
    assert bold.count("General Enquiries") == 6
    (boxes,) = figure.axes[0].collections
    assert sum(width > 0 for width in boxes.get_linewidth()) == 6
    assert [text.get_text() for text in figure.axes[0].texts].count("was Mortgages & Loans") == 6


def test_the_picture_can_be_laid_over_other_columns(before: pd.DataFrame, after: pd.DataFrame) -> None:
    picture = compare(before, after).plot("ctmrinfo.ctype", "campaignInfo.campaignId")

    assert isinstance(picture, ChangeMap)
    cell = picture.cells["vip", "880524012"]
    assert cell.lines == ("General Enquiries", "was Mortgages & Loans", "")[:2]
    assert picture.cells["vip", "99999"].lines == ("Cards & Payments",)
    assert picture.cells["vip", "99999"].total == 2


def test_without_two_telling_columns_bands_lead_from_before_to_after() -> None:
    before = run(*[(f"c{number}", "answered", "Cards") for number in range(4)])
    after = run(*[(f"c{number}", "answered", "Cards" if number else "Loans") for number in range(4)])

    picture = compare(before, after).plot()

    assert isinstance(picture, ChangeFlow)
    assert picture.moves == {("Cards", "Cards"): 3, ("Cards", "Loans"): 1}
    assert picture.png().startswith(b"\x89PNG")


def test_in_a_notebook_the_bands_are_shown_when_something_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    before = run(*[(f"c{number}", "answered", "Cards") for number in range(4)])
    after = run(*[(f"c{number}", "answered", "Cards" if number else "Loans") for number in range(4)])
    words = '<p role="status">4 cases: 1 moved, 3 stayed</p>'

    assert compare(before, after)._repr_html_().count("<svg ") == 1
    assert compare(before, before)._repr_html_() == '<p role="status">4 cases: 0 moved, 4 stayed</p>'
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert words in compare(before, after)._repr_html_()


def test_the_page_shows_hostile_names_as_text() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    before = run((hostile, "answered", hostile), a=[hostile], b=["x"])
    html = compare(before, run((hostile, "answered", "Loans"), a=[hostile], b=["x"]))._repr_html_()

    assert "<img" not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") == 4  # once as a comment in the drawing


def test_many_changes_are_cut_and_the_rest_is_counted() -> None:
    cases = [(f"c{number}", "answered", "Cards") for number in range(100)]
    after = [(name, outcome, "Loans") for name, outcome, _ in cases]
    comparison = compare(run(*cases), run(*after))

    assert repr(comparison).splitlines()[-1] == "and 70 more in .table()"
    assert "and 70 more in <code>.table()</code>" in comparison._repr_html_()


def test_a_run_is_asked_for_its_table() -> None:
    class Run:
        def table(self) -> pd.DataFrame:
            return run(("a", "answered", "Cards"))

    assert compare(Run(), Run()).summary == "1 case: 0 moved, 1 stayed"


def test_what_is_wrong_with_either_side_is_said_at_once() -> None:
    twice = run(("a", "answered", "Cards"), ("a", "answered", "Cards"))

    with pytest.raises(InvalidValueError) as caught:
        compare(pd.DataFrame({"name": ["a"]}), twice)

    assert str(caught.value) == (
        "3 values are wrong:\n"
        "  - before has no column 'case'; it has 'name'.\n"
        "  - before has no column 'outcome'; it has 'name'.\n"
        "  - after.case must have a name of its own for each case; got 'a'."
    )


def test_something_that_is_no_run_is_refused() -> None:
    with pytest.raises(InvalidValueError) as caught:
        compare(7, run())

    assert str(caught.value) == ("before must be a run, the path of its journal, or a per-case table; got 7.")


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ("a", None, "rows and columns must be given together, or neither."),
        ("a", "c", "columns must be one of 'a', 'b'; got 'c'."),
        ("a", "a", "columns must be another column than rows; got 'a'."),
    ],
)
def test_columns_that_cannot_be_drawn_are_refused(rows: str, columns: str | None, message: str) -> None:
    comparison = compare(*[run(("x", "answered", "Cards"), a=["1"], b=["2"])] * 2)

    with pytest.raises(InvalidValueError) as caught:
        comparison.plot(rows, columns)

    assert str(caught.value) == message


def test_a_run_and_the_journal_of_another_are_compared(tmp_path: Path) -> None:
    cases = Grid({"ctmrinfo.ctype": ["vip", "gold"], "skillId": ["2741903011", "-1"]})
    steps = Steps(landing=True)
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        options = {"steps": steps, "progress": False}
        first = run_experiment(client, cases, journal=tmp_path / "first.sqlite", **options)
        second = run_experiment(client, cases, journal=tmp_path / "second.sqlite", **options)

    comparison = compare(tmp_path / "first.sqlite", second)

    assert comparison.summary == "4 cases: 0 moved, 4 stayed"
    assert first.compare(second).table().equals(comparison.table())
    assert comparison.table()["after"].to_list() == [
        "Cards & Payments", "Private Clients", "Cards & Payments", "General Enquiries"
    ]  # fmt: skip
