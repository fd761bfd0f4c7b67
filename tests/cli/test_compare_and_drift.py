"""``lpnb compare`` and ``lpnb verify --since``: what moved between runs, as words and an exit status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from lpnb import Sandbox
from lpnb.cli.main import main

ADVISER = "3180255704"
CASES = "ctmrinfo.ctype,ctmrinfo.customerId\nvip,7\ngold,8\nprivate,9\n"


@pytest.fixture
def world(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that the command line finds in the environment, and a file of cases."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    Path("rows.csv").write_text(CASES, encoding="utf-8")
    return sandbox


def verify(*arguments: str) -> int:
    return main(["verify", "rows.csv", "--quiet", *arguments])


def test_the_drift_watch_ends_with_0_while_nothing_moves_and_with_1_and_the_cases_when_some_do(world, capsys):
    assert verify("--since", "runs", "--journal", "runs/1.sqlite") == 0
    first = capsys.readouterr()
    assert verify("--since", "runs", "--journal", "runs/2.sqlite") == 0
    second = capsys.readouterr()
    world.set_online(ADVISER, False)
    assert verify("--since", "runs", "--journal", "runs/3.sqlite", "--junit", "drift.xml") == 1
    third = capsys.readouterr()

    assert first.out == "3 cases: 0 passed, 0 failed, 3 expected nothing.\n"
    assert first.err.endswith(
        "No earlier run of these cases is in runs, so this is the first to compare with.\n"
    )
    assert second.out == (
        "3 cases: 0 passed, 0 failed, 3 expected nothing. Since the run before: 3 cases: 0 moved, 3 stayed.\n"
    )
    assert third.out == (
        "3 cases: 0 passed, 2 failed, 1 expected nothing. Since the run before: 3 cases: 2 moved, 1 stayed.\n"
        "failed  case-00001 (customerId 7): moved from Private Clients to General Enquiries\n"
        "failed  case-00003 (customerId 9): moved from Private Clients to General Enquiries\n"
    )
    assert 'failures="2"' in Path("drift.xml").read_text(encoding="utf-8")


def test_a_case_that_expects_something_and_moves_says_both(world, capsys):
    Path("rows.csv").write_text("ctmrinfo.ctype,expected_skill\nvip,Private Clients\n", encoding="utf-8")
    assert verify("--journal", "monday.sqlite") == 0
    world.set_online(ADVISER, False)
    capsys.readouterr()

    assert verify("--since", "monday.sqlite", "--journal", "tuesday.sqlite") == 1

    assert capsys.readouterr().out.splitlines()[1] == (
        "failed  case-00001: moved from Private Clients to General Enquiries; expected skill Private "
        "Clients, landed in General Enquiries (2741903010)"
    )


def test_what_cannot_be_compared_with_is_refused_before_anything_is_sent(world, capsys):
    assert verify("--since", "runs", "--journal", "monday.sqlite") == 0
    sent = world.calls["conversation"]
    capsys.readouterr()
    for path, why in (
        (
            "nothing.sqlite",
            "There is no journal at nothing.sqlite. run_experiment(..., journal=...) begins one.",
        ),
        ("rows.csv", "before has no column 'case'; it has 'ctmrinfo.ctype, ctmrinfo.customerId'.\n"),
    ):
        assert verify("--since", path) == 2
        assert why in capsys.readouterr().err
    Path("rows.csv").write_text("ctmrinfo.ctype\nbusiness\n", encoding="utf-8")
    assert verify("--since", "monday.sqlite") == 2
    assert capsys.readouterr().err == (
        "None of the cases was in the earlier run, so nothing can be said to have moved since.\n"
    )

    assert world.calls["conversation"] == sent


def test_without_since_cases_must_expect_something(world, capsys):
    assert verify() == 2
    assert "No case expects anything." in capsys.readouterr().err


@pytest.fixture
def two_runs(world: Sandbox, capsys) -> None:
    """Two journals, and the second as a table, in another order of rows."""
    assert verify("--since", "runs", "--journal", "monday.sqlite") == 0
    world.set_online(ADVISER, False)
    head, *rows = CASES.splitlines()
    Path("rows.csv").write_text("\n".join([head, *reversed(rows)]), encoding="utf-8")
    assert verify("--since", "runs", "--journal", "tuesday.sqlite", "--out", "tuesday.csv") == 0
    capsys.readouterr()


def test_two_journals_are_compared_by_what_was_sent(two_runs, capsys):
    assert main(["compare", "monday.sqlite", "tuesday.sqlite", "--out", "moved.csv"]) == 1

    out, err = capsys.readouterr()
    assert out == (
        "3 cases: 2 moved, 1 stayed\n"
        "case        change  before           after\n"
        "case-00003  moved   Private Clients  General Enquiries\n"
        "case-00001  moved   Private Clients  General Enquiries\n"
    )
    assert err == "Every case is in moved.csv\n"
    assert pd.read_csv("moved.csv")["change"].tolist() == ["moved", "stayed", "moved"]


def test_a_journal_and_a_table_are_compared_by_a_key_and_printed_for_programs(two_runs, capsys):
    assert main(["compare", "monday.sqlite", "tuesday.csv", "--key", "ctmrinfo.customerId", "--json"]) == 1

    found = json.loads(capsys.readouterr().out)
    assert [(row["ctmrinfo.customerId"], row["change"]) for row in found] == [
        ("7", "moved"), ("8", "stayed"), ("9", "moved")
    ]  # fmt: skip


def test_the_same_run_twice_ends_with_0_and_what_is_no_run_with_2(two_runs, capsys):
    assert main(["compare", "monday.sqlite", "monday.sqlite"]) == 0
    assert capsys.readouterr().out == "3 cases: 0 moved, 3 stayed\n"
    shutil.copy("rows.csv", "odd.parquet")
    for path, why in (
        ("rows.csv", "after has no column 'case'"),
        ("odd.parquet", "odd.parquet cannot be read: "),
        ("nothing.csv", "nothing.csv cannot be read: No such file or directory."),
    ):
        assert main(["compare", "monday.sqlite", path]) == 2
        assert why in capsys.readouterr().err
    assert main(["compare", "monday.sqlite", "tuesday.sqlite", "--key", "case"]) == 2
    assert "are row numbers, and do not say which case is which" in capsys.readouterr().err
