"""The experiment tab: a grid counted, run, stopped, shown and compared; and what it refuses."""

from __future__ import annotations

import base64
import contextlib
import html
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lpnb import Client, Explorer, Grid, RoutingRules, Sandbox, Secret, Settings
from lpnb.experiments.runs.compare import compare
from lpnb.widgets.case_buttons import heatmap_groups, move_groups
from lpnb.widgets.tabs.experiment import ExperimentTab
from lpnb.widgets.tabs.experiment_results import PICTURES

HOSTILE = '"><img src=x onerror="window.evil=1">'


@pytest.fixture
def explorer(client: Client) -> Explorer:
    """An explorer with the tab open."""
    made = Explorer(client)
    made.open_tab("Experiment")
    return made


@pytest.fixture
def tab(explorer: Explorer) -> ExperimentTab:
    """The tab."""
    found: ExperimentTab = explorer._tab("Experiment")
    return found


def text(widget: Any) -> str:
    return html.unescape(re.sub("<[^>]+>", " ", widget.value)).strip()


def vary(tab: ExperimentTab, *rows: tuple[str, str]) -> None:
    while tab.grid._rows:
        tab.grid._remove(tab.grid._rows[0][0])
    for name, values in rows:
        tab.grid.add()
        field, typed, _ = tab.grid._rows[-1]
        field.value, typed.value = name, values


def run(tab: ExperimentTab) -> None:
    future = tab.start()
    assert future is not None
    future.result(30)


def test_the_grid_is_counted_and_its_first_cases_are_shown(explorer: Explorer, tab: ExperimentTab) -> None:
    explorer.field("personal.firstname").value = "Ada"
    vary(tab, ("ctmrinfo.ctype", 'vip, "gold, old",'), ("ttrDefName", "NORMAL, URGENT"))

    assert tab.count.value == "<p><b>6</b> cases</p>"
    assert "gold, old" in text(tab.sample)
    assert "Ada" in text(tab.sample)
    tab.grid.sample.value = "4"
    assert tab.count.value == "<p><b>4</b> cases of 6 combinations</p>"


def test_a_grid_is_run_its_table_shown_and_its_journal_kept(
    explorer: Explorer, tab: ExperimentTab, sandbox: Sandbox
) -> None:
    explorer.field("personal.firstname").value = "Ada"
    vary(tab, ("ctmrinfo.ctype", "vip, business"), ("campaignInfo.campaignId", "99999,"))
    tab.name.value = "first"

    run(tab)

    assert 'data-state="done"' in tab.status.value
    assert "4 of 4 cases: 4 answered" in text(tab.status)
    assert Path("runs/first.sqlite").is_file()
    assert len(sandbox.conversations) == 4
    assert all(
        element["personal"] == {"firstname": "Ada"}
        for conversation in sandbox.conversations
        for element in conversation.profile
        if element["type"] == "personal"
    )
    assert "vip" in text(tab.results.picture)
    assert "Private Clients" in text(tab.results.picture)
    assert "Business Banking" in text(tab.results.picture)
    assert "answered" in explorer._saved_html()[0]
    assert not tab.start_button.disabled


def test_each_case_can_ask_monitoring_say_something_and_be_closed(
    tab: ExperimentTab, sandbox: Sandbox
) -> None:
    vary(tab, ("entryPoints.0", "sec://lost-card, sec://payments"))
    tab.first_message.value = "Hello"
    tab.steps["engagement"].value = tab.steps["close"].value = True

    run(tab)

    assert tab.run is not None, text(tab.status)
    assert list(tab.run.table()["landed_skill"]) == ["Cards & Payments", "Cards & Payments"]
    campaigns = [each.body["campaignInfo"]["campaignId"] for each in sandbox.conversations]
    assert sorted(campaigns) == ["880524010", "99999"]
    assert {each.state for each in sandbox.conversations} == {"CLOSE"}


def test_the_results_of_the_run_before_are_closed(
    tab: ExperimentTab, widgets: Callable[[], list[object]]
) -> None:
    vary(tab, ("ctmrinfo.ctype", "vip, business"))
    run(tab)
    before = [*tab.results.widgets, tab.results.cases.body, tab.results.save_button]
    run(tab)

    assert not set(map(id, before)) & set(map(id, widgets()))
    assert tab.results.cases.body in widgets()
    assert tab.name in widgets()


def test_a_run_is_compared_with_an_earlier_one(tab: ExperimentTab) -> None:
    vary(tab, ("ctmrinfo.ctype", "vip, business"))
    for name in ("first", "second"):
        tab.name.value = name
        run(tab)

    assert tab.results.earlier_run.value == "runs/first.sqlite"
    tab.results.compare().result(20)

    assert "2 cases" in text(tab.results.comparison)


def test_a_journal_that_is_not_there_is_said(tab: ExperimentTab) -> None:
    vary(tab, ("ctmrinfo.ctype", "vip"))
    run(tab)
    tab.results.earlier_run.value = "runs/<nothing>.sqlite"

    tab.results.compare().result(20)

    assert "There is no journal at runs/<nothing>.sqlite" in text(tab.results.comparison)


def test_stop_lets_nothing_new_leave(tab: ExperimentTab, sandbox: Sandbox) -> None:
    sandbox.fail("conversation", "slow", seconds=0.2, times=99)
    vary(tab, ("ctmrinfo.customerId", ",".join(str(n) for n in range(1, 101))))
    tab.concurrency.value = "2"
    future = tab.start()
    end = time.monotonic() + 20
    while not sandbox.calls["conversation"] and time.monotonic() < end:
        time.sleep(0.01)

    tab.stop_button.click()
    assert future is not None
    future.result(20)

    assert sandbox.calls["conversation"] < 100
    assert "stopped" in text(tab.status)
    vary(tab, ("ctmrinfo.ctype", "vip"))
    run(tab)  # another one may begin
    assert "1 of 1 cases: 1 answered" in text(tab.status)


def test_a_run_of_before_is_shown_again_and_what_it_has_left_is_sent(
    tab: ExperimentTab, client: Client, sandbox: Sandbox
) -> None:
    vary(tab, ("ctmrinfo.ctype", "vip, business, gold, standard"))
    tab.name.value, tab.concurrency.value = "cut-short", "1"
    sandbox.fail("conversation", "slow", seconds=2, times=3)
    begun = tab.start()
    assert begun is not None
    end = time.monotonic() + 20
    while (tab.run is None or not sandbox.calls["conversation"]) and time.monotonic() < end:
        time.sleep(0.01)
    tab.stop()
    begun.result(20)
    explorer = Explorer(client)
    explorer.open_tab("Experiment")
    again = explorer._tab("Experiment")
    assert again.past_run.options == ("runs/cut-short.sqlite",)
    again.past_run.value = "runs/cut-short.sqlite"

    again.show_past().result(20)
    assert "stopped" in text(again.status)
    assert again.results.rows_choice.value == "ctmrinfo.ctype"
    assert "lpnb-hidden" not in again.go_on_button._dom_classes
    again.go_on().result(20)

    assert "4 of 4 cases: 4 answered; done" in text(again.status)
    assert len(again.results.cases.rows) == 4
    assert "lpnb-hidden" in again.go_on_button._dom_classes
    assert len(sandbox.conversations) == 4


def test_a_second_press_starts_nothing(tab: ExperimentTab, sandbox: Sandbox) -> None:
    vary(tab, ("ctmrinfo.ctype", "vip, gold"))
    first = tab.start()

    assert tab.start() is None

    assert first is not None
    first.result(20)
    assert len(sandbox.conversations) == 2, text(tab.status)


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([("ctmrinfo.ctyp", "a")], "'ctmrinfo.ctyp' is not a column that lpnb knows."),
        ([("personal.gender", "male")], "must be one of 'MALE', 'FEMALE', 'OTHER'; got 'male'."),
        ([("ctmrinfo.ctype", "a"), ("ctmrinfo.ctype", "b")], "A field varies once, and one is here twice."),
        ([], "A grid needs a field that varies."),
        ([("ctmrinfo.ctype", "")], "The column 'ctmrinfo.ctype' has no value."),
    ],
)
def test_a_grid_that_makes_no_sense_is_said_at_once(
    tab: ExperimentTab, rows: list[tuple[str, str]], sentence: str
) -> None:
    vary(tab, *rows)

    assert sentence in text(tab.count)
    run(tab)
    assert 'data-state="failed"' in tab.status.value


def test_a_large_grid_is_counted_without_walking_through_it(
    tab: ExperimentTab, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = ",".join(str(n) for n in range(300))
    vary(tab)
    monkeypatch.setattr(Grid, "check", lambda _: pytest.fail("it was walked through"))

    tab.grid.add("ctmrinfo.customerId", many)
    tab.grid.add("ctmrinfo.role", many)
    tab.refresh()

    assert tab.count.value == "<p><b>90,000</b> cases</p>"
    tab.grid._rows[0][1].value = ""
    assert "has no value" in text(tab.count)


def test_a_sample_that_is_no_number_is_said(tab: ExperimentTab) -> None:
    tab.grid.sample.value = "<b>"

    assert text(tab.count) == "Sample must be a whole number; got '<b>'."


def test_pairs_are_not_crossed(tab: ExperimentTab) -> None:
    vary(tab, ("ctmrinfo.ctype", "a, b"), ("ttrDefName", "NORMAL, URGENT"))
    tab.grid.zipped.value = True

    assert tab.count.value == "<p><b>2</b> cases</p>"


def test_hostile_values_are_shown_as_text(tab: ExperimentTab) -> None:
    typed = HOSTILE.replace('"', '""')
    vary(tab, ("ctmrinfo.ctype", f'"{typed}", x'), ("personal.firstname", f'"{typed}"'))

    run(tab)

    for widget in (tab.sample, tab.results.picture, tab.status, tab.results.cases.body):
        assert "<img" not in widget.value
    assert HOSTILE in text(tab.results.cases.body)


def test_a_number_typed_for_one_account_is_not_meant_for_another() -> None:
    one, two = (Client(Settings(name, "id", Secret("hunter2"))) for name in ("87654321", "87654322"))
    explorer = Explorer(one)
    explorer.open_tab("Experiment")
    tab = explorer._tab("Experiment")
    vary(tab, ("ctmrinfo.ctype", "a, b"))
    tab.confirm.value = "2"

    explorer._switch_client(two)
    run(tab)

    assert "This opens 2 conversations at the REAL ACCOUNT 87654322." in text(tab.status)
    assert tab.run is None
    one.close()
    two.close()


def test_a_real_account_wants_the_count_typed() -> None:
    client = Client(Settings("87654321", "id", Secret("hunter2")))
    explorer = Explorer(client)
    explorer.open_tab("Experiment")
    tab = explorer._tab("Experiment")
    vary(tab, ("ctmrinfo.ctype", "a, b"))
    assert "lpnb-hidden" not in tab.confirm._dom_classes

    run(tab)

    assert text(tab.status) == (
        "This opens 2 conversations at the REAL ACCOUNT 87654321. Type 2 into How many, then press Run again."
    )
    assert tab.run is None
    client.close()


def test_before_a_run_its_conversations_calls_and_minutes_are_said(tab: ExperimentTab) -> None:
    vary(tab, ("ctmrinfo.ctype", "vip, gold"))
    tab.steps["landing"].value = False
    assert text(tab.forecast) == (
        "This run opens 2 conversations with at least 4 calls, as fast as the account takes them."
    )

    tab.rate.value = "0.01"
    tab.steps["close"].value = True

    assert text(tab.forecast) == (
        "This run opens 2 conversations with at least 6 calls, 4 of them to the Connector API: about "
        "6.7 minutes at 0.01 of those a second."
    )


def test_entry_points_that_nobody_is_asked_about_are_said_beside_run_and_above_the_picture(
    tab: ExperimentTab,
) -> None:
    vary(tab, ("entryPoints.0", "sec://lost-card, sec://payments"))
    words = (
        "Monitoring is not asked, so entryPoints changes nothing. "
        "Tick “Ask Monitoring first”, then run again."
    )
    assert words in text(tab.forecast)

    run(tab)
    assert text(tab.results.warning) == words

    tab.steps["engagement"].value = True
    assert "Monitoring is not asked" not in text(tab.forecast)


def test_only_runs_of_the_same_columns_are_offered_and_the_newest_comes_first(tab: ExperimentTab) -> None:
    vary(tab, ("skillId", "1"))
    tab.name.value = "other-columns"
    run(tab)
    vary(tab, ("ctmrinfo.ctype", "vip, business"))
    for name in ("zzz", "aaa", "now"):
        tab.name.value = name
        run(tab)
        os.utime(f"runs/{name}.sqlite", (time.time(), time.time() + ("zzz", "aaa", "now").index(name)))
    shutil.copy("runs/now.sqlite", "runs/chose-its-cases.sqlite")  # as what learns, or answers why, does
    with contextlib.closing(sqlite3.connect("runs/chose-its-cases.sqlite")) as journal:
        journal.execute("INSERT INTO run VALUES ('purpose', '{}')")
        journal.commit()
    Path("runs/damaged.sqlite").write_bytes(b"SQLite")

    tab.name.value = "last"
    run(tab)

    assert tab.results.earlier_run.options == ("runs/now.sqlite", "runs/aaa.sqlite", "runs/zzz.sqlite")
    names = [Path(each).stem for each in tab.past_run.options]
    assert sorted(names) == ["aaa", "last", "now", "other-columns", "zzz"]


def test_runs_are_paired_by_what_was_sent_and_not_by_a_number(tab: ExperimentTab) -> None:
    for name, values in (("first", "vip, business"), ("second", "business, vip")):
        vary(tab, ("ctmrinfo.ctype", values))
        tab.name.value = name
        run(tab)

    tab.results.compare().result(20)

    assert "2 cases: 0 moved, 2 stayed" in text(tab.results.comparison).replace("  ", " ")


def test_the_cases_of_a_cell_are_shown_and_saved_as_a_file(tab: ExperimentTab) -> None:
    vary(tab, ("ctmrinfo.ctype", "vip, business"), ("ttrDefName", "NORMAL, URGENT"))
    tab.name.value = "first"
    run(tab)
    results = tab.results
    cells = results.cell_buttons.widget
    assert [label for label, _ in cells.options] == [
        "NORMAL × vip (1)", "NORMAL × business (1)", "URGENT × vip (1)", "URGENT × business (1)",
    ]  # fmt: skip

    cells.index = 1
    assert "landed skill" in results.cases.body.value  # the usual columns, as for all cases
    assert "Customer type<small>ctmrinfo.ctype</small>" in results.cases.body.value
    assert re.findall('<td aria-current="true".*?>(.*?)<', results.picture.value) == ["Business Banking"]
    path = results.cases.save(".csv")

    assert path == Path("runs/first-cell-NORMAL-business.csv")
    saved = pd.read_csv(path)
    assert saved["conversation_id"].tolist() == tab.run.table()["conversation_id"].tolist()[2:3]
    content = base64.b64encode(path.read_bytes()).decode()
    assert (
        f'<a download="first-cell-NORMAL-business.csv" href="data:text/csv;base64,{content}">'
        in results.cases.note.value
    )
    assert (
        text(results.cases._limit_note)
        == "Only cases whose ttrDefName is NORMAL and ctmrinfo.ctype is business."
    )
    results.cases.all_button.click()
    assert cells.index is None
    assert "aria-current" not in results.picture.value
    assert len(results.cases.rows) == 4
    assert results.cases.name == "first"


def test_the_first_heatmap_has_the_columns_that_explain_most_and_not_the_first_two(
    tab: ExperimentTab,
) -> None:
    vary(
        tab,
        ("ttrDefName", "NORMAL, URGENT"),
        ("personal.gender", "MALE, FEMALE"),
        ("ctmrinfo.ctype", "vip, business"),
    )

    run(tab)

    assert "ctmrinfo.ctype" in (tab.results.rows_choice.value, tab.results.columns_choice.value)


def test_the_cases_of_a_band_and_of_a_move_are_shown(tab: ExperimentTab) -> None:
    vary(tab, ("ctmrinfo.ctype", "vip, business"))
    tab.name.value = "first"
    run(tab)
    results = tab.results
    skill = dict(zip(results._table["ctmrinfo.ctype"], results._table["landed_skill"], strict=True))
    results.kind.value = "flow"
    bands = [label for label, _ in results.cell_buttons.widget.options]
    assert bands == [f"vip → {skill['vip']} (1)", f"business → {skill['business']} (1)"]
    results.cell_buttons.widget.index = 0
    assert results.cases.rows["ctmrinfo.ctype"].tolist() == ["vip"]

    before = results._table.assign(landed_skill=["Cards", skill["business"]], landed_skill_id=["1", "2"])
    after = before.assign(landed_skill=["Loans", skill["business"]], landed_skill_id=["9", "2"])
    results._moves, groups = move_groups(compare(before, after))
    results.move_buttons.show(groups)
    results.move_buttons.widget.index = 1

    assert [group.label for group in groups] == ["All that moved (1)", "Cards → Loans (1)"]
    assert results.cases.rows["after"].tolist() == ["Loans"]


def test_a_heatmap_of_too_many_cells_has_a_button_for_each_row_and_column() -> None:
    table = pd.DataFrame(
        {"a": [f"a{n}" for n in range(20)] * 20, "b": sorted([f"b{n}" for n in range(20)] * 20)}
    )

    groups, columns = heatmap_groups(table, "a", "b")

    assert columns == 0
    assert len(groups) == 40
    assert groups[0].label == "a0 (20)"


def test_every_picture_can_be_chosen_and_is_saved_light_or_dark(tab: ExperimentTab) -> None:
    vary(tab, ("ctmrinfo.ctype", "vip, business"))
    tab.name.value = "first"
    run(tab)
    results = tab.results

    for kind in PICTURES:
        results.kind.value = kind
        assert "role=" in results.picture.value or "<table" in results.picture.value, kind
    results.kind.value, results.save_format.value, results.save_theme.value = "flow", "svg", "dark"

    assert results.save_picture() == Path("runs/first-flow-dark.svg")
    results.write_report().result(30)
    assert text(results.report_note) == "Written in runs/first.html.  Download first.html"
    assert text(results.save_note) == "Saved in runs/first-flow-dark.svg.  Download first-flow-dark.svg"
    assert 'href="data:image/svg+xml;base64,' in results.save_note.value
    results.kind.value = "pie"
    assert "Picture must be one of" in text(results.picture)
    assert results.save_picture() is None


def test_each_conversation_is_closed_at_the_end_unless_told_otherwise_on_a_real_account() -> None:
    real = Settings("87654321", "id", Secret("hunter2"))

    tab = Explorer(Client(real))._tab("Experiment")

    assert tab.steps["close"].value


def test_what_decides_shows_the_rules_and_saves_them(tab: ExperimentTab, sandbox: Sandbox) -> None:
    vary(tab, ("ctmrinfo.ctype", "vip, gold,"), ("ctmrinfo.cstatus", "new, card blocked"))
    learning = tab.learning
    learning.budget.value = "24"
    future = learning.start()
    assert future is not None
    assert learning.start() is None

    future.result(60)

    assert "This opens 24 conversations at account" in text(learning.note)
    assert 'data-state="done"' in learning.status.value, text(learning.status)
    assert "Private Clients" in text(learning.list)
    assert sandbox.calls["conversation"] <= 24
    path = learning.save()
    assert path is not None
    assert f'<a download="{path.name}" href="data:application/json;base64,' in learning.note.value
    assert RoutingRules.load(path).rules["skill"].tolist() == learning.rules.rules["skill"].tolist()
    learning.write_report().result(30)
    assert text(learning.note).startswith(f"Written in {path.with_suffix('.html')}.")


def test_what_decides_says_what_is_wrong_with_budget_and_factors(tab: ExperimentTab) -> None:
    learning = tab.learning
    learning.budget.value = "many"
    learning.start().result(20)
    assert text(learning.status) == "Budget must be a whole number from 2 to 100,000; got 'many'."

    vary(tab)
    learning.budget.value = "20"
    learning.start().result(20)
    assert "A grid needs a field that varies." in text(learning.status)
    assert not learning.start_button.disabled


def test_what_decides_wants_the_count_typed_for_a_real_account() -> None:
    tab = Explorer(Client(Settings("87654321", "id", Secret("hunter2"))))._tab("Experiment")

    tab.learning.start().result(20)

    assert "Type 200 into How many, then press What decides? again." in text(tab.status)
