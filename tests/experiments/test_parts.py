"""A run's table as a folder of Parquet files says what the table says."""

from __future__ import annotations

import pandas as pd
import pytest

from lpnb import InvalidValueError, LpnbError, RunError, compare, read_parts, run_experiment
from lpnb.experiments.runs.steps import Steps

CASES = [
    {
        "case": f"c{number}",
        "ctmrinfo.ctype": ("vip", "gold", "silver")[number % 3],
        "ctmrinfo.customerId": f"{number:06d}",
        "personal.firstname": None if number < 5 else "Ann \U0001f600",
        "ctmrinfo.balance": None if number % 2 else 10.5,
        "expected_skill": "Private Clients" if number % 3 == 0 else None,
    }
    for number in range(11)
]


@pytest.fixture
def run(client):
    steps = Steps(landing=True, landing_wait=5.0)
    return run_experiment(client, CASES, journal="run.sqlite", progress=False, steps=steps)


def test_parts_are_the_table(run):
    parts = run.to_parquet_parts("parts", rows=4)

    assert [path.name for path in sorted(parts.folder.iterdir())] == [
        "part-00000.parquet",
        "part-00001.parquet",
        "part-00002.parquet",
    ]
    assert repr(parts) == "<Parts of 11 cases in 3 files in parts>"
    pd.testing.assert_frame_equal(run.table(), read_parts("parts").table())
    pd.testing.assert_frame_equal(run.table()[["outcome", "case"]], parts.table(["outcome", "case"]))


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Dask's own, of pandas 3.1
def test_a_dask_frame_of_them_has_the_same_rows(run):
    pytest.importorskip("dask.dataframe")
    frame = run.to_parquet_parts("parts", rows=4).dask()

    assert frame.npartitions == 3
    found = frame.compute(scheduler="synchronous").reset_index(drop=True)
    assert list(found["case"]) == list(run.table()["case"])
    assert list(found["landed_skill"]) == list(run.table()["landed_skill"])


def test_pivots_heatmaps_and_comparisons_of_them_are_those_of_the_table(run, client):
    parts = run.to_parquet_parts("parts", rows=4)
    keys = ("ctmrinfo.ctype", "ctmrinfo.customerId")

    pd.testing.assert_frame_equal(parts.pivot(*keys[:1]), run.pivot(*keys[:1]))
    pd.testing.assert_frame_equal(
        parts.pivot(keys[0], "outcome", "landed_skill"), run.pivot(keys[0], "outcome", "landed_skill")
    )
    for value in ("landed_skill", "outcome", "failed", "personal.firstname"):
        theirs, ours = parts.heatmap(*keys, value), run.heatmap(*keys, value)
        assert theirs.grid == ours.grid
        assert theirs._repr_html_() == ours._repr_html_()
    after = run_experiment(client, CASES, journal="after.sqlite", progress=False)
    found = parts.compare(after.to_parquet_parts("after"))
    assert found.counts == compare(run, after).counts
    assert list(found.table()["ctmrinfo.ctype"]) == [case["ctmrinfo.ctype"] for case in CASES]
    assert parts.compare(run).counts["stayed"] == 11


def test_parts_of_a_run_with_hashed_values_hold_the_hashes(client):
    run = run_experiment(client, CASES, journal="h.sqlite", progress=False, hash_personal=True)

    names = run.to_parquet_parts("parts").table(["personal.firstname"])["personal.firstname"]

    assert names.dropna().str.startswith("hashed:").all()


@pytest.mark.parametrize("rows", [0, True, 2.5])
def test_a_number_of_rows_that_is_none_is_refused(run, rows):
    with pytest.raises(InvalidValueError) as caught:
        run.to_parquet_parts("parts", rows=rows)

    assert str(caught.value) == f"rows must be a whole number from 1; got {rows!r}."


def test_a_folder_with_something_in_it_is_left_alone(run, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")

    with pytest.raises(InvalidValueError, match="There is something in full already"):
        run.to_parquet_parts("full")

    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_parts_are_there_whole_or_not_at_all(run, tmp_path, monkeypatch):
    import pyarrow.parquet as pq

    write = pq.write_table

    def full(table, path, **options):
        if "00001" in str(path):
            raise OSError(28, "No space left on device")
        write(table, path, **options)

    monkeypatch.setattr("lpnb.experiments.runs.partitions.pq.write_table", full)

    with pytest.raises(LpnbError, match=r"^parts cannot be written: No space left on device\.$"):
        run.to_parquet_parts("parts", rows=4)

    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_what_is_not_there_is_said_so(run):
    parts = run.to_parquet_parts("parts")

    with pytest.raises(InvalidValueError) as caught:
        parts.pivot("ctmrinfo.ctyp")
    assert "Did you mean 'ctmrinfo.ctype'?" in str(caught.value)
    with pytest.raises(RunError, match="There are no parts in nowhere"):
        read_parts("nowhere")
