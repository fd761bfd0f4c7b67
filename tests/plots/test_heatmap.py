"""Heatmaps: what stands in their cells, in words, in HTML and in the drawing."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import lpnb
from lpnb import plots
from lpnb._internal.display import GROUND
from lpnb.errors import InvalidValueError

Table = Callable[..., pd.DataFrame]
HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)</script>'


class Page(HTMLParser):
    """The tags and the text of some HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def drawn(picture: plots.Picture, theme: str = "light") -> list[str]:
    """Every text of the drawing."""
    return [text.get_text() for text in picture.figure(theme).axes[0].texts]


def test_the_default_world_as_a_heatmap_has_the_skill_of_each_pair(before: pd.DataFrame) -> None:
    heatmap = plots.heatmap(before, "ctmrinfo.ctype", "campaignInfo.engagementId")

    cells = heatmap.table()
    assert list(cells.index) == ["vip", "gold", "private", "business", "corporate", "regular"]
    assert list(cells.columns)[-2:] == ["880524123", "(absent)"]
    assert list(cells["(absent)"]) == [
        "Private Clients", "General Enquiries", "Private Clients",
        "Business Banking", "Business Banking", "General Enquiries",
    ]  # fmt: skip
    assert set(cells["880524115"]) == {"Mortgages & Loans"}
    assert heatmap.summary == (
        "ctmrinfo.ctype by campaignInfo.engagementId, 48 cases: Cards & Payments 12, Business Banking 8, "
        "General Enquiries 8, Private Clients 8, Mortgages & Loans 6, Online Access 6"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_cell_of_the_drawing_names_its_skill(before: pd.DataFrame, theme: str) -> None:
    words = drawn(plots.heatmap(before, "ctmrinfo.ctype", "campaignInfo.engagementId"), theme)

    assert words.count("Business") == 8  # "Business Banking" on two lines, and once in the legend
    assert words.count("Online Access") == 6
    assert "Where each case landed" in words
    assert {"ctmrinfo.ctype", "campaignInfo.engagementId", "vip", "888888"} <= set(words)


def test_a_cell_of_several_cases_names_the_most_frequent_and_counts(table: Table) -> None:
    cases = table(["a"], ["x"], ["Cards", "Cards", "Loans"], ["answered"] * 3 + ["refused"], each=8)
    heatmap = plots.heatmap(cases, "down", "across")

    assert heatmap.table().loc["a", "x"] == "Cards\n4 of 8"
    assert heatmap.grid.labels == {"Cards": 4, "Loans": 2, "(refused)": 2}


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("answered", "(landing unknown)"),
        ("refused", "(refused)"),
        ("not sent", "(not sent)"),
        ("unknown", "(outcome unknown)"),
        ("planned", "(not tried)"),
    ],
)
def test_a_case_that_landed_nowhere_says_what_came_of_it(table: Table, outcome: str, words: str) -> None:
    cases = table(["a"], ["x"], [None], [outcome])

    assert plots.heatmap(cases, "down", "across").table().loc["a", "x"] == words


def test_a_skill_without_a_name_is_known_by_its_id(table: Table) -> None:
    cases = table(["a"], ["x"], [None]).assign(landed_skill_id="2741903010")

    assert plots.heatmap(cases, "down", "across").table().loc["a", "x"] == "2741903010"


def test_the_outcome_of_each_pair_can_be_shown(table: Table) -> None:
    cases = table(["a"], ["x", "y"], outcomes=["answered", "unknown"])
    cells = plots.heatmap(cases, "down", "across", "outcome").table()

    assert cells.loc["a"].to_list() == ["answered", "unknown"]


def test_a_share_of_failures_follows_the_outcome_and_leaves_out_what_was_not_tried(table: Table) -> None:
    cases = table(["a"], ["x"], outcomes=["answered", "refused", "unknown", "planned"], each=4)

    assert plots.heatmap(cases, "down", "across", "failed").table().loc["a", "x"] == "67 %\n2 of 3"


def test_an_expectation_decides_about_failure_where_there_is_one(table: Table) -> None:
    cases = table(["a"], ["x"], outcomes=["answered", "answered", "refused", "refused"], each=4)
    cases["passed"] = pd.array([False, None, True, None], dtype="boolean")

    assert plots.heatmap(cases, "down", "across", "failed").table().loc["a", "x"] == "50 %\n2 of 4"


def test_where_nothing_was_tried_no_share_is_made_up(table: Table) -> None:
    cases = table(["a"], ["x"], outcomes=["planned"])

    assert plots.heatmap(cases, "down", "across", "failed").table().loc["a", "x"] == "(not tried)"


def test_missing_values_are_headed_absent_and_stand_last(table: Table) -> None:
    cells = plots.heatmap(table([None, "b", "a"], ["y", float("nan"), "x"]), "down", "across").table()

    assert list(cells.index) == ["b", "a", "(absent)"]
    assert list(cells.columns) == ["y", "x", "(absent)"]


def test_the_texts_none_and_nan_and_blanks_are_values_like_others(table: Table) -> None:
    cells = plots.heatmap(table(["None", "nan", "", " ", None], ["x"]), "down", "across").table()

    assert list(cells.index) == ["None", "nan", "''", "' '", "(absent)"]


def test_a_categorical_column_keeps_the_order_of_its_categories(table: Table) -> None:
    cases = table(["b", "a"], ["x"])
    cases["down"] = pd.Categorical(cases["down"], ["a", "never", "b"])

    assert list(plots.heatmap(cases, "down", "across").table().index) == ["a", "b"]


@pytest.mark.parametrize("value", ["landed_skill", "outcome", "failed"])
def test_no_rows_make_an_empty_picture_that_says_so(table: Table, value: str) -> None:
    heatmap = plots.heatmap(table([], []), "down", "across", value)

    assert heatmap.summary == "No cases, so nothing to show over down and across"
    assert "No cases, so nothing to show over down and across." in drawn(heatmap)
    assert "No cases, so nothing to show" in heatmap._repr_html_()
    assert heatmap.table().empty


@pytest.mark.parametrize("many", [1, 2, 30])
def test_any_number_of_values_is_drawn(table: Table, many: int) -> None:
    names = [f"value number {number}" for number in range(many)]
    heatmap = plots.heatmap(table(names, names), "down", "across")

    assert heatmap.table().shape == (many, many)
    narrow = plots.heatmap(table(names, names[:16]), "down", "across")
    assert narrow.png("dark").startswith(b"\x89PNG")
    assert len(Page(heatmap._repr_html_()).tags) > many * many


def test_cells_too_small_for_names_hold_signs_that_the_legend_explains(table: Table) -> None:
    names = [f"v{number}" for number in range(20)]
    words = drawn(plots.heatmap(table(names, names, ["Cards & Payments", "Cards"]), "down", "across"))

    assert words.count("CP") == 200
    assert words.count("C") == 200
    assert any("CP = " in word and "Cards & Payments" in word and "200" in word for word in words)


def test_small_cells_of_failures_say_what_their_numbers_are(table: Table) -> None:
    names = [f"v{number}" for number in range(20)]
    cases = table(names, names, outcomes=("answered", "refused", "refused"), each=3)

    words = drawn(plots.heatmap(cases, "down", "across", "failed"))

    assert words.count("67") == 400
    assert "In a cell: how many of 100 failed" in words


def test_names_that_differ_only_at_their_ends_can_be_told_apart(table: Table) -> None:
    long = "A customer type that somebody typed in once and that is used by the whole company since, number "
    words = drawn(
        plots.heatmap(
            table([f"{long}{n}" for n in range(3)], [f"{'x' * 90}{n}" for n in range(3)]), "down", "across"
        )
    )

    for number in range(3):
        assert len([word for word in words if "…" in word and word.endswith(f"er {number}")]) == 1
        assert len([word for word in words if word.endswith(f"xxx{number}")]) == 1


def test_a_legend_that_is_cut_says_how_many_are_left_out(table: Table) -> None:
    skills = [f"A skill with a name of some length, number {number}" for number in range(150)]
    words = drawn(
        plots.heatmap(
            table([f"v{n}" for n in range(20)], [f"w{n}" for n in range(20)], skills), "down", "across"
        )
    )

    (left,) = [int(word.split()[1]) for word in words if word.startswith("and ") and word.endswith(" more")]
    assert sum("A skill" in word for word in words) == 150 - left > 12


def test_values_beyond_sixty_are_gathered_at_the_end(table: Table) -> None:
    heatmap = plots.heatmap(table([f"v{number}" for number in range(70)], ["x"]), "down", "across")

    assert heatmap.grid.rows[-2:] == ("v58", "(11 more)")
    assert heatmap.table().loc["(11 more)", "x"].endswith("6 of 11")
    assert heatmap.grid.total == 70


def test_hostile_names_are_text_in_the_notebook(table: Table) -> None:
    cases = table([HOSTILE], [HOSTILE], [HOSTILE]).rename(columns={"down": HOSTILE})
    page = Page(plots.heatmap(cases, HOSTILE, "across")._repr_html_())

    assert {tag for tag, _ in page.tags} == {
        "bdi", "div", "table", "caption", "strong", "br", "span", "thead", "tbody", "tr", "th", "td"
    }  # fmt: skip
    assert page.words.count(HOSTILE) == 5  # the key, the row, the column, the cell, the legend


def test_the_table_of_the_notebook_has_a_caption_and_scoped_heads(before: pd.DataFrame) -> None:
    page = Page(plots.heatmap(before, "ctmrinfo.ctype", "campaignInfo.engagementId")._repr_html_())

    scopes = [attributes.get("scope") for tag, attributes in page.tags if tag == "th"]
    assert (scopes.count("row"), scopes.count("col"), scopes.count("colgroup")) == (6, 9, 1)
    assert [tag for tag, _ in page.tags].count("caption") == 1
    assert page.words.count("Mortgages & Loans") == 7  # once in the legend


def test_the_crowded_table_of_a_notebook_holds_signs_too_and_needs_no_matplotlib(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"v{number}" for number in range(20)]
    cases = table(names, names, ["Cards & Payments", "\u5361", "<b>"], each=2)
    monkeypatch.setitem(sys.modules, "matplotlib", None)

    page = Page(plots.heatmap(cases, "down", "across")._repr_html_())

    told = [attributes.get("title") for tag, attributes in page.tags if tag == "abbr"]
    assert len(told) == 400
    assert told[:2] == ["Cards & Payments, 1 of 2", "<b>, 1 of 2"]
    assert {"CP*", "b*"} <= set(page.words)
    assert {"CP = ", "b = ", "* and others; the most frequent is named"} <= set(page.words)
    assert [a.get("title") for tag, a in page.tags if tag == "th" and "title" in a] == names


def test_what_stays_in_sight_stands_on_the_ground_of_the_panel_around_it(table: Table) -> None:
    page = Page(plots.heatmap(table(["a", "b"], ["x", "y"]), "down", "across")._repr_html_())
    panel = (Path(lpnb.__file__).parent / "widgets" / "panel.css").read_text(encoding="utf-8")

    stays = [
        attributes["style"] for _, attributes in page.tags if "sticky" in (attributes.get("style") or "")
    ]
    heads = [style for style in stays if "background" in style]
    assert len(heads) == 3  # the corner and two rows
    assert all(f"background:var(--lpnb-ground,{GROUND})" in style for style in heads)
    assert panel.count("--lpnb-ground: var(--jp-layout-color1,") == 2  # light and dark


NAMES = {
    "hebrew": "שלום עולם",
    "arabic": "مرحبا بك",
    "emoji": "🎉🎊",
    "japanese": "日本語",
    "long": "x" * 10_000,
    "dollars": "$a^2$ \\frac",
    "lines": "a\nb\tc",
    "override": "\u202eevil\u202c",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
def test_names_of_any_script_are_drawn_without_a_warning(table: Table, name: str) -> None:
    cases = table([name, "b"], [name, "y"], [name])

    assert plots.heatmap(cases, "down", "across").png().startswith(b"\x89PNG")
    assert plots.flow(cases, "down", "across").svg("dark").endswith("</svg>\n")


def test_what_no_font_has_is_named_or_marked_and_never_left_out(table: Table) -> None:
    words = drawn(plots.heatmap(table(["🎉 gold"], ["x\ny"]), "down", "across"))

    assert ":party popper: gold" in words
    assert "x y" in words


def test_a_key_that_the_table_lacks_is_named_with_the_nearest(table: Table) -> None:
    with pytest.raises(InvalidValueError) as caught:
        plots.heatmap(table(["a"], ["x"]), "dwon", "acros")

    assert str(caught.value) == (
        "2 values are wrong:\n"
        "  - rows must be one of 'case', 'outcome', 'landed_skill', 'down', 'across'; got 'dwon'. "
        "Did you mean 'down'?\n"
        "  - columns must be one of 'case', 'outcome', 'landed_skill', 'down', 'across'; got 'acros'. "
        "Did you mean 'across'?"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("down", "down"), "columns must be another column than rows; got 'down'."),
        (
            ("down", "across", "colour"),
            "value must be one of 'case', 'outcome', 'landed_skill', 'down', 'across'; got 'colour'.",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(table: Table, arguments: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=re.escape(message)):
        plots.heatmap(table(["a"], ["x"]), *arguments)


def test_something_else_than_a_table_is_refused() -> None:
    with pytest.raises(InvalidValueError) as caught:
        plots.heatmap([1], "a", "b")  # type: ignore[arg-type]

    assert str(caught.value) == "table must be a DataFrame with one row per case; got [1]."


def test_without_matplotlib_the_table_still_shows_and_a_figure_names_the_extra(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    heatmap = plots.heatmap(table(["a"], ["x"]), "down", "across")
    flow = plots.flow(table(["a"], ["x"]), "down", "across")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = (
        "Pictures need matplotlib, which is not installed. It comes with the extra plots, and the "
        "lpnb that is installed stays as it is: "
        f'{sys.executable} -m pip install "lpnb[plots]"'
    )

    with pytest.raises(plots.PlotsMissingError) as caught:
        heatmap.figure()

    assert str(caught.value) == message
    assert "Cards" in heatmap._repr_html_()
    assert message in Page(flow._repr_html_()).words
    assert "Cards" in Page(flow._repr_html_()).words


def test_printed_it_is_its_grid():
    table = pd.DataFrame(
        {
            "ctmrinfo.ctype": ["vip", "vip", "gold"],
            "skillId": ["1", "1", "2"],
            "outcome": "answered",
            "landed_skill": ["Private Clients", "Private Clients", "Cards"],
        }
    )

    assert str(plots.heatmap(table, "ctmrinfo.ctype", "skillId")) == (
        "Where each case landed: 3 cases\n"
        "ctmrinfo.ctype / skillId  1                         2\n"
        "vip                       Private Clients, 2 cases\n"
        "gold                                                Cards"
    )
    nothing = plots.heatmap(table[:0], "ctmrinfo.ctype", "skillId")
    assert str(nothing) == (
        "Where each case landed: No cases, so nothing to show over ctmrinfo.ctype and skillId."
    )


def test_printed_a_large_one_is_its_first_rows_and_columns_and_no_terminal_obeys_it():
    places = [(row, column) for row in range(35) for column in range(10)]
    table = pd.DataFrame(
        {
            "a": [f"{row:02}" for row, _ in places],
            "b": [f"{column}" for _, column in places],
            "outcome": "answered",
            "landed_skill": "\x1b[31m" + "x" * 60 + "\n",
        }
    )

    lines = str(plots.heatmap(table, "a", "b")).splitlines()

    assert len(lines) == 1 + 1 + 30 + 1
    assert lines[-1] == "... and 5 more rows and 2 more columns; table() has them all."
    assert lines[2].count(" [31m" + "x" * 31 + " ...") == 8
    assert all(line.isprintable() for line in lines)
