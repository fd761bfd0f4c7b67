"""``lpnb.runs``: the journals of a folder as a table, with what moved from one to the next."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from lpnb import InvalidValueError, runs
from lpnb.experiments.runs.start import run_experiment
from lpnb.experiments.runs.steps import Steps

CASES = [{"ctmrinfo.ctype": ctype} for ctype in ("vip", "gold", "private", None)]


def sent(client, name: str, cases=CASES, **options):
    options = {"steps": Steps(landing=True), "journal": f"week/{name}.sqlite", **options}
    return run_experiment(client, cases, progress=False, **options)


def test_every_run_is_a_row_with_what_moved_since_the_run_of_the_same_cases(client, sandbox):
    sent(client, "monday")
    sent(client, "others", [{"skillId": "-1"}])
    sandbox.set_online("3180255704", False)
    sent(client, "tuesday", list(reversed(CASES)))
    sent(client, "unlanded", steps=Steps())

    table = runs("week").set_index("run")

    assert list(table.index) == ["monday", "others", "tuesday", "unlanded"]
    assert table["moved"].fillna(-1).tolist() == [-1, -1, 2, 0]
    assert table["moved_since"].fillna("").tolist() == ["", "", "monday", "tuesday"]
    assert table["landed"].tolist() == [4, 1, 4, 0]
    assert table.loc["tuesday", ["account", "world", "state", "cases", "answered", "refused"]].tolist() == [
        "12345678", "sandbox", "done", 4, 4, 0
    ]  # fmt: skip
    assert table["begun"].is_monotonic_increasing
    assert runs("week", moved=False)["moved"].isna().all()


def test_the_columns_are_the_same_also_without_a_run(tmp_path):
    table = runs(tmp_path)

    assert dict(table.dtypes.astype(str)) == {
        "run": "str", "path": "str", "begun": "datetime64[us, UTC]", "account": "str", "world": "str",
        "state": "str", "cases": "Int64", "answered": "Int64", "refused": "Int64", "unknown": "Int64",
        "not_sent": "Int64", "landed": "Int64", "moved": "Int64", "moved_since": "str", "problem": "str",
    }  # fmt: skip


def test_a_file_that_is_no_journal_is_listed_and_says_why(client):
    sent(client, "monday")
    Path("week/notes.sqlite").write_bytes(b"not a database")
    sqlite3.connect("week/other.sqlite").execute("CREATE TABLE t (x)").connection.close()

    table = runs("week")

    assert table["state"].tolist() == ["unreadable", "unreadable", "done"]
    assert table["problem"].notna().tolist() == [True, True, False]


def test_runs_whose_personal_values_are_hashed_are_of_no_known_cases(client):
    cases = [{"ctmrinfo.customerId": "7"}, {"ctmrinfo.customerId": "8"}]
    for name in ("monday", "tuesday"):
        sent(client, name, cases, hash_personal=True)

    assert runs("week")["moved_since"].isna().all()


def test_journals_of_earlier_versions_are_listed(tmp_path):
    for file in (Path(__file__).parents[1] / "data" / "version_0_1_0").glob("*.sqlite*"):
        shutil.copy(file, tmp_path)

    table = runs(tmp_path).set_index("run")

    assert table.loc["finished", ["cases", "answered", "refused"]].tolist() == [10, 9, 1]
    assert table["state"].value_counts()["unreadable"] == 3


def test_a_folder_that_is_not_there_is_named():
    with pytest.raises(InvalidValueError) as caught:
        runs("nowhere")

    assert str(caught.value) == (
        "There is no folder nowhere. Runs without a journal= of their own are written below ./runs."
    )
