"""Cells and files that nobody meant: each ends in an error that names column and row; none ends Python."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lpnb import CustomerInfo, Grid, InvalidValueError, JournalError, PersonalInfo, cases_of, save_table
from lpnb._internal.display import brief
from lpnb._internal.json_codec import is_too_deep
from lpnb.cli.main import main
from lpnb.experiments.cases import sources
from lpnb.experiments.cases.columns import MOST_UNKNOWN, known_columns
from lpnb.journal import CaseRow, Journal, read_journal
from lpnb.sandbox.__main__ import main as run_sandbox


def endless_list():
    cell: list[object] = []
    cell.append(cell)
    return cell


def endless_dict():
    cell: dict[str, object] = {}
    cell["a"] = [cell]
    return cell


def deep_list():
    cell: list[object] = []
    for _ in range(1_000):
        cell = [cell]
    return cell


def deep_dict():
    cell: dict[str, object] = {}
    for _ in range(1_000):
        cell = {"a": cell}
    return cell


def bushy():
    """Few objects, each of which stands twice in the next: written out it is 2**45 of them."""
    cell: list[object] = []
    for _ in range(45):
        cell = [cell, cell]
    return cell


ODD = [endless_list, endless_dict, deep_list, deep_dict]
SOURCES = {
    "DataFrame": lambda name, cell: pd.DataFrame({name: pd.Series(["x", cell], dtype=object)}),
    "dicts": lambda name, cell: [{name: "x"}, {name: cell}],
}


def refusal(source) -> str:
    with pytest.raises(InvalidValueError) as caught:
        cases_of(source).check()
    return str(caught.value)


@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("kind", SOURCES)
@pytest.mark.parametrize(
    "name",
    [
        "ctmrinfo.role",
        "ctmrinfo.balance",
        "skillId",
        "case",
        "consumer_id",
        "expected_skill",
        "personal.contacts",
        "note.x",
        "ctmrinfo.extra.x",
        "personal.age.age",
    ],
)
def test_a_nested_cell_is_refused_by_column_and_row(make, kind, name):
    assert f"Row 2, {name}" in refusal(SOURCES[kind](name, make()))


@pytest.mark.parametrize("make", [endless_list, deep_dict])
def test_every_known_column_refuses_a_nested_cell(make):
    for name in known_columns():
        with pytest.raises(InvalidValueError):
            cases_of([{name: make()}]).check()


@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("end", [".csv", ".parquet"])
def test_a_table_with_a_nested_cell_is_not_written(tmp_path, make, end):
    with pytest.raises(InvalidValueError) as caught:
        save_table(SOURCES["DataFrame"]("a", make()), tmp_path / f"t{end}")

    assert str(caught.value) == "Row 2, a must not be nested deeper than 40 levels, nor contain itself."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cell", ["a\ud800", ["\udfff"], {"a": {"b": "\ud83d"}}])
@pytest.mark.parametrize("end", [".csv", ".parquet"])
def test_half_a_character_is_named_before_a_table_is_written(tmp_path, cell, end):
    with pytest.raises(InvalidValueError) as caught:
        save_table(SOURCES["DataFrame"]("a", cell), tmp_path / f"t{end}")

    assert str(caught.value).startswith("Row 2, a must not hold half a character (a lone surrogate); got ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("model", [PersonalInfo, CustomerInfo])
@pytest.mark.parametrize("make", [endless_list, endless_dict, deep_list, deep_dict])
def test_models_refuse_nested_values_in_a_sentence(model, make):
    with pytest.raises(InvalidValueError):
        model(extra={"a": make()})
    with pytest.raises(InvalidValueError):
        model(**{"firstname" if model is PersonalInfo else "role": make()})


def test_depth_is_found_without_recursion():
    assert [is_too_deep(make()) for make in (*ODD, bushy)] == [True] * 5
    assert not is_too_deep([[{"a": (1, "x")}] * 1000])
    assert brief(deep_list()) == "a list nested too deeply to show"


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**64, -(2**63) - 1, 10**300])
@pytest.mark.parametrize("beside", ["x", 1])
def test_whole_numbers_beyond_64_bits_are_refused_where_they_stand(number, beside):
    frame = pd.DataFrame({"ctmrinfo.customerId": pd.Series([str(beside), number], dtype=object)})

    assert refusal(frame).startswith(f"Row 2, ctmrinfo.customerId must be text; got {brief(number)}.")


def parquet(path: Path, column: pa.Array, name: str = "ctmrinfo.role") -> Path:
    pq.write_table(pa.table({name: column}), path)
    return path


def test_bytes_that_are_no_text_are_named_by_column_and_row(tmp_path):
    offsets = pa.py_buffer(pa.array([0, 2, 4], pa.int32()).buffers()[1])
    text = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b"okb\xff")])

    assert refusal(parquet(tmp_path / "t.parquet", text)) == (
        "Row 2, ctmrinfo.role must be UTF-8 text; byte 1 is not; got b'b\\xff'."
    )


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        (pa.timestamp("us"), 10**18),
        (pa.timestamp("us", "UTC"), -(10**17)),
        (pa.timestamp("ms"), 10**15),
        (pa.date32(), 10**8),
        (pa.date32(), -(10**6)),
        (pa.date64(), 10**15),
    ],
)
@pytest.mark.parametrize("end", [".parquet", "frame"])
def test_dates_of_no_calendar_are_named_by_column_and_row(tmp_path, kind, number, end):
    plain = pa.int32() if pa.types.is_date32(kind) else pa.int64()
    column = pa.array([0, number], plain).view(kind)
    if end == "frame":
        source = pa.table({"ctmrinfo.lastPaymentDate": column}).to_pandas(types_mapper=pd.ArrowDtype)
    else:
        source = parquet(tmp_path / "t.parquet", column, "ctmrinfo.lastPaymentDate")

    assert refusal(source).startswith(
        "Row 2, ctmrinfo.lastPaymentDate must be a date from the year 1 to 9999"
    )


@pytest.mark.parametrize("known", [True, False], ids=["as the file says", "as it comes out"])
def test_a_parquet_file_that_unpacks_to_gigabytes_is_not_unpacked(tmp_path, monkeypatch, known):
    monkeypatch.setattr(sources, "_LARGEST_TABLE", 1 << 20)
    text = pa.array(["x" * 1_000] * 10_000)
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"ctmrinfo.role": text}), path, use_dictionary=not known)
    assert path.stat().st_size < 1 << 20

    assert refusal(path) == (
        f"{path} unpacks to more than 1 MiB: 10,000 rows that would all be in memory. Split it, or keep only "
        "the columns that are needed."
    )


@pytest.mark.parametrize("make", ["frame", "csv", "grid"])
def test_of_a_thousand_unknown_columns_the_first_are_named_and_the_rest_counted(tmp_path, make):
    names = [f"ctmrinfo.unknown{number}" for number in range(1_000)]
    if make == "csv":
        (tmp_path / "t.csv").write_text(f"{','.join(names)}\n{','.join('x' for _ in names)}\n")

    frame = pd.DataFrame({name: ["x"] for name in names})
    read = {
        "grid": lambda: Grid({name: ["x"] for name in names}),
        "csv": lambda: cases_of(tmp_path / "t.csv").check(),
        "frame": lambda: cases_of(frame).check(),
    }[make]

    with pytest.raises(InvalidValueError) as caught:
        read()

    assert len(caught.value.complaints) == MOST_UNKNOWN
    assert caught.value.more == 1_000 - MOST_UNKNOWN


def test_deep_json_in_a_journal_is_damage_and_no_traceback(tmp_path):
    path = tmp_path / "run.sqlite"
    Journal.create(path, {"run_key": "k"}, [CaseRow(0, "case", "consumer", "digest", "{}")]).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO run VALUES ('odd', ?)", ["[" * 100_000 + "]" * 100_000])
        connection.commit()

    with pytest.raises(JournalError, match="is damaged"):
        read_journal(path)


@pytest.mark.parametrize("arguments", [["--world"], ["--rules"]])
def test_a_deep_toml_of_the_sandbox_ends_with_a_sentence(tmp_path, capsys, arguments):
    path = tmp_path / "deep.toml"
    path.write_text(f"a = {'[' * 5_000}{']' * 5_000}\n")

    assert run_sandbox([*arguments, str(path)]) == 2
    assert "It is nested too deeply." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "end"),
    [
        *((command, end) for command in ("send", "verify") for end in (".toml", ".parquet")),
        ("columns", ".parquet"),
    ],
)
def test_a_command_with_an_odd_file_ends_with_2(tmp_path, capsys, command, end):
    path = tmp_path / f"odd{end}"
    if end == ".toml":
        path.write_text(f"a = {'[' * 5_000}{']' * 5_000}\n")
    else:
        parquet(path, pa.array([10**8], pa.int32()).view(pa.date32()), "ctmrinfo.lastPaymentDate")

    assert main([command, str(path)]) == 2
    assert "Traceback" not in capsys.readouterr().err
