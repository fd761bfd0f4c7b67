"""A run's columns as files, written without pandas: the same as a DataFrame of them would be written."""

from __future__ import annotations

import datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpnb import cases_table, save_table
from lpnb.errors import LpnbError
from lpnb.tables.arrow_columns import arrow_table, stack_blocks, to_pandas
from lpnb.tables.csv_lines import csv_lines
from lpnb.tables.export import save_blocks
from lpnb.tables.parquet_bytes import parquet_bytes
from lpnb.tables.run_table import RUN_COLUMNS

KINDS = {
    "text": "text",
    "id": "id",
    "whole": "whole",
    "number": "number",
    "boolean": "boolean",
    "moment": "moment",
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
CELLS = {
    "text": TEXTS | st.sampled_from(["=1", "-5", "'-5", "-1e5\n", "\r", 'a"b', "\uff1d1"]),
    "id": TEXTS,
    "whole": st.integers(-(2**63), 2**63 - 1),
    "number": st.floats(allow_nan=False) | st.integers(-(10**6), 10**6).map(lambda n: n / 1000),
    "boolean": st.booleans(),
    "moment": st.integers(0, 4_102_444_800_000_000),
}
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | cells for name, cells in CELLS.items()}), max_size=5)


def columns_of(rows: list[dict]) -> dict[str, list]:
    return {name: [row[name] for row in rows] for name in CELLS}


def run_columns(**changes) -> dict[str, list]:
    absent = [None, None]
    said = {"case": ["a", "b"], "message": ["=HYPERLINK(1)", None], "http_status": [200, None]}
    said |= {"elapsed_ms": [1.5, None], "passed": [True, None], "sent_at": [1_772_366_400_123_456, None]}
    return {**dict.fromkeys(RUN_COLUMNS, absent), **said, **changes}


def test_plain_columns_are_written_as_csv_in_the_bytes_that_arrow_writes(tmp_path):
    @given(ROWS)
    def holds(rows):
        columns = columns_of(rows)
        by_pandas = save_table(to_pandas(arrow_table(columns, KINDS)), tmp_path / "pandas.csv").read_bytes()
        ours = csv_lines(columns, KINDS)

        assert ours is None or ours == by_pandas
        assert save_blocks([columns], KINDS, tmp_path / "blocks.csv").read_bytes() == by_pandas

    holds()


def test_plain_columns_are_written_as_a_parquet_file_that_arrow_and_pandas_read_as_their_dataframe(tmp_path):
    @given(ROWS)
    def holds(rows):
        columns = columns_of(rows)
        expected = arrow_table(columns, KINDS)

        path = save_blocks([columns], KINDS, tmp_path / "blocks.parquet")

        assert pq.read_metadata(path).created_by.startswith("parquet-rs")
        assert pq.read_table(path).replace_schema_metadata().equals(expected)
        assert pd.read_parquet(path).equals(to_pandas(expected))

    holds()


def test_a_parquet_file_holds_many_columns_and_rows_and_large_cells(tmp_path):
    columns = {f"column {n}": [str(n), None, "\U0001f600"] * 50 for n in range(300)}
    columns["long"] = ["x" * 100_000] * 150

    path = save_blocks([columns], dict.fromkeys(columns, "text"), tmp_path / "t.parquet")

    assert pq.read_table(path).to_pydict() == columns


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_columns_that_differ_in_length_are_refused(tmp_path, ending):
    with pytest.raises(ValueError, match=r"longer|must be of one length; got \[1, 2\]"):
        save_blocks([{"whole": [1], "text": ["a", "b"]}], KINDS, tmp_path / f"t.{ending}")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_full_disk_is_said_in_one_sentence_and_leaves_what_was_there(tmp_path, monkeypatch, ending):
    path = tmp_path / f"t.{ending}"
    path.write_text("before")

    def write_to_full_disk(_path, content):
        with open("/dev/full", "wb", 0) as full:
            return full.write(content)

    monkeypatch.setattr(Path, "write_bytes", write_to_full_disk)

    with pytest.raises(
        LpnbError, match=r"cannot be written: No space left on device\. What was there before"
    ):
        save_blocks([{"whole": [1]}], KINDS, path)

    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_ordinary_numbers_moments_and_texts_need_no_arrow():
    columns = {"number": [3.832, 4.0, 0.0, -400.99], "moment": [0, 1, 2, 3], "text": ["", "x", None, "-1"]}

    assert csv_lines(columns, KINDS) == (
        b'"number","moment","text"\n3.832,1970-01-01 00:00:00.000000Z,""\n4,1970-01-01 00:00:00.000001Z,"x"\n'
        b'0,1970-01-01 00:00:00.000002Z,\n-400.99,1970-01-01 00:00:00.000003Z,"-1"\n'
    )


@pytest.mark.parametrize(
    ("kind", "cell"),
    [("whole", 2**63), ("whole", "7"), ("number", 1e-7), ("number", 1e20), ("text", 5), ("text", "\ud800")],
)
def test_what_is_not_plain_is_left_to_arrow(kind, cell):
    assert csv_lines({kind: [cell]}, KINDS) is None
    assert kind == "number" or parquet_bytes({kind: [cell]}, KINDS) is None


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
@pytest.mark.parametrize("blocks", [1, 2])
def test_blocks_of_columns_make_the_file_that_their_dataframe_does(tmp_path, ending, blocks):
    columns = run_columns(skillId=["007", None])
    kinds = {**RUN_COLUMNS, "skillId": "id"}
    half = [{name: cells[n : n + 1] for name, cells in columns.items()} for n in range(2)]
    moment = datetime.datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=datetime.UTC)
    frame = cases_table({**columns, "sent_at": [moment, None]}, kinds)

    path = save_blocks([columns] if blocks == 1 else half, kinds, tmp_path / f"t.{ending}")
    expected = save_table(frame, tmp_path / f"frame.{ending}")

    if ending == "csv":
        assert path.read_bytes() == expected.read_bytes()
    else:
        read = pd.read_parquet if ending == "parquet" else pd.read_excel
        pd.testing.assert_frame_equal(read(path), read(expected))
    assert ending != "parquet" or pd.read_parquet(path).equals(frame)


def test_no_case_at_all_is_a_file_with_its_columns(tmp_path):
    path = save_blocks([], RUN_COLUMNS, tmp_path / "t.parquet")

    pd.testing.assert_frame_equal(cases_table({}), pd.read_parquet(path))


def test_a_column_that_differs_between_blocks_becomes_text():
    table = stack_blocks([{"whole": [1, None]}, {"whole": [2**70, 3]}], KINDS)

    assert table["whole"].to_pylist() == ["1", None, "1180591620717411303424", "3"]
