"""Tables as files: nothing lost, nothing taken for a formula, nothing half written."""

from __future__ import annotations

import csv
import datetime
import io
import re
import zipfile
from pathlib import Path

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpnb import InvalidValueError, LpnbError, cases_of, cases_table, save_table
from lpnb.tables import export
from lpnb.tables.export import check_export
from lpnb.tables.formulas import escape_formula, escape_formulas, unescape_formula

NOON = datetime.datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=datetime.UTC)
ARMED = [
    "=1+1",
    "+1 212-555-0100",
    "-x",
    "@sum",
    "\tx",
    "\rx",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff201",
    "-",
    "=",
    "-1,5",
    " =1",
    "\u00a0\u3000=1",
    '"=1',
    '" =1"',
    " '=1",
    "\ufeff@x",
]
#: Formulas inside a cell, for programs that split it at other signs, and how they are disarmed.
INSIDE = {
    "x;=1": "x;'=1",
    "x\n=1": "x\n'=1",
    "x\r\n-1": "x\r\n'-1",
    "x\t@y": "x\t'@y",
    'x; "=1': "x; \"'=1",
    "x;'=1": "x;" + 2 * "'" + "=1",
    ";=1": "';'=1",
    "=1;=2": "'=1;'=2",
    "\t=1": "'\t'=1",
    "\n=1": "'\n'=1",
}
HARMLESS = [
    "-400.99",
    "0",
    "12",
    "-1e5",
    "1=1",
    "'tis",
    "x",
    "007",
    "a\nb",
    'say "hi", you',
    "\U0001f600",
    "NaN",
]
ONCE_DISARMED = ["'=1+1", "''=1+1", "'-5"]


def table() -> pd.DataFrame:
    return cases_table(
        {
            "case": ["a", "b"],
            "message": ["=HYPERLINK(1)", None],
            "http_status": [200, None],
            "elapsed_ms": [1.5, None],
            "passed": [True, None],
            "sent_at": [NOON, None],
            "skillId": ["007", None],
        }
    )


#: LibreOffice drops a NUL.
BEHIND_CONTROLS = ["\x00=1", "\x1f\x85=1", '"\x00=1']


@pytest.mark.parametrize("text", ARMED + ONCE_DISARMED + BEHIND_CONTROLS)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe_in_a_csv_file(tmp_path, text):
    path = save_table(pd.DataFrame({"ctmrinfo.role": [text]}), tmp_path / "t.csv")

    rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))
    assert rows == [["ctmrinfo.role"], ["'" + text]]
    assert dict(cases_of(path)[0].values) == {"ctmrinfo.role": text}


@pytest.mark.parametrize(("text", "written"), INSIDE.items())
def test_text_that_another_separator_would_make_a_formula_of_is_disarmed_inside(tmp_path, text, written):
    path = save_table(pd.DataFrame({"ctmrinfo.role": [text]}), tmp_path / "t.csv")

    rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))
    assert rows == [["ctmrinfo.role"], [written]]
    assert dict(cases_of(path)[0].values) == {"ctmrinfo.role": text}


@given(st.text(st.sampled_from(" \t\n\r\"';,=+-@\uff1d\u00a0\u3000a1\x00\x1f\x7f\x85"), max_size=10))
def test_whatever_text_is_written_no_separator_makes_a_formula_of_it_and_it_is_read_back(text):
    (written,) = escape_formulas(pa.array([text])).to_pylist()

    assert written == escape_formula(text)
    assert unescape_formula(written) == text
    if not re.fullmatch(r"-?(0|[1-9][0-9]*)", text):
        for piece in re.split("[\t\n\r;]", written):
            assert not re.match("[=+\\-@\uff1d]", piece.strip(' \u00a0\u3000"\x00\x1f\x7f\x85'))


@pytest.mark.parametrize("text", HARMLESS)
def test_any_other_text_stays_as_it_is_in_a_csv_file(tmp_path, text):
    path = save_table(pd.DataFrame({"ctmrinfo.role": [text]}), tmp_path / "t.csv")

    rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))
    assert rows == [["ctmrinfo.role"], [text]]
    assert dict(cases_of(path)[0].values) == {"ctmrinfo.role": text}


def test_a_csv_file_has_numbers_as_numbers_and_nothing_for_what_is_missing(tmp_path):
    path = save_table(table(), tmp_path / "t.csv")

    reader = csv.DictReader(io.StringIO(path.read_text()))
    first, second = reader
    assert reader.fieldnames == list(table().columns)
    assert {name: cell for name, cell in first.items() if cell} == {
        "case": "a",
        "message": "'=HYPERLINK(1)",
        "http_status": "200",
        "elapsed_ms": "1.5",
        "sent_at": "2026-03-01 12:00:00.123456Z",
        "passed": "true",
        "skillId": "007",
    }
    assert {name: cell for name, cell in second.items() if cell} == {"case": "b"}


def test_objects_and_lists_are_json_in_a_csv_file(tmp_path):
    frame = pd.DataFrame({"list": [["=a", 1.5]], "object": [{"a": "b"}], "mixed": [["x"]]})
    frame.loc[1] = [None, None, "text"]

    path = save_table(frame, tmp_path / "t.csv")

    first, second = csv.DictReader(io.StringIO(path.read_text()))
    assert first == {"list": '["=a", 1.5]', "object": '{"a": "b"}', "mixed": '["x"]'}
    assert second == {"list": "", "object": "", "mixed": "text"}


def test_a_heading_is_disarmed_as_well(tmp_path):
    path = save_table(pd.DataFrame({"=x": [1], "plain": [2]}), tmp_path / "t.csv")

    assert path.read_text() == '"\'=x","plain"\n1,2\n'


def test_a_parquet_file_gives_the_same_table_back(tmp_path):
    path = save_table(table(), tmp_path / "t.parquet")

    pd.testing.assert_frame_equal(table(), pd.read_parquet(path))


def test_a_parquet_file_keeps_dtypes_also_where_nothing_stands(tmp_path):
    empty = table().assign(passed=pd.array([None, None], dtype="boolean"))
    path = save_table(empty, tmp_path / "t.parquet")

    pd.testing.assert_frame_equal(empty, pd.read_parquet(path))


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_the_names_of_a_pivots_rows_are_saved_as_columns(tmp_path, ending):
    pivot = pd.DataFrame(
        {"answered": [1, 2]}, index=pd.MultiIndex.from_tuples([("vip", "a"), ("gold", "b")], names=["x", "y"])
    )
    path = save_table(pivot, tmp_path / f"t.{ending}")

    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "xlsx": pd.read_excel}[ending]
    assert read(path).values.tolist() == [["vip", "a", 1], ["gold", "b", 2]]
    assert list(read(path).columns) == ["x", "y", "answered"]


@pytest.mark.parametrize("ending", ["csv", "parquet", "xlsx"])
def test_two_columns_of_one_name_are_refused(tmp_path, ending):
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])

    with pytest.raises(InvalidValueError) as caught:
        save_table(twice, tmp_path / f"t.{ending}")

    assert str(caught.value) == "a must be one column of the table; got 2."
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("cell", "length"),
    [("\U0001f600" * 20_000, "40,000"), (["x" * 40_000], "40,004"), ("\x00" * 5_000, "35,000")],
)
def test_what_excel_counts_decides_whether_a_cell_is_too_long(tmp_path, cell, length):
    with pytest.raises(InvalidValueError) as caught:
        save_table(pd.DataFrame({"a": [cell]}), tmp_path / "t.xlsx")

    said = f"Row 1, a, has {length} characters; an Excel cell holds 32,767. Save it as .parquet or .csv."
    assert str(caught.value) == said


def test_an_excel_file_has_text_as_text_and_no_formula(tmp_path):
    odd = [*ARMED, *ONCE_DISARMED, *HARMLESS, "_x0041_", "a\x00b"]
    path = save_table(pd.DataFrame({"=head": odd, "n": range(len(odd))}), tmp_path / "t.xlsx")

    sheet = openpyxl.load_workbook(path).active
    cells = [cell for (cell,) in sheet.iter_rows(min_row=2, max_col=1)]
    assert {cell.data_type for cell in cells} == {"s"}
    assert {cell.number_format for cell in cells} == {"@"}
    told = ["_x005F_x0041_", "a_x0000_b"]
    read = [cell.value.replace("\r\n", "\n").replace("\r", "\n") for cell in cells]
    assert read == [text.replace("\r", "\n") for text in odd[:-2]] + told
    assert [cell.value for cell in sheet["B"]][:3] == ["n", 0, 1]
    assert sheet["A1"].value == "=head"
    with zipfile.ZipFile(path) as inside:
        assert b"<f>" not in inside.read("xl/worksheets/sheet1.xml")


def test_an_excel_file_has_times_in_utc_and_long_numbers_whole(tmp_path):
    berlin = pd.Series([NOON]).dt.tz_convert("Europe/Berlin")
    frame = pd.DataFrame(
        {"at": berlin, "n": [2**60], "half": [0.5], "yes": [True], "no": [None], "inf": [float("inf")]}
    )

    path = save_table(frame, tmp_path / "t.xlsx")

    row = next(openpyxl.load_workbook(path).active.iter_rows(min_row=2, values_only=True))
    assert row == (datetime.datetime(2026, 3, 1, 12, 0, 0, 123000), str(2**60), 0.5, True, None, "inf")


def test_what_an_excel_sheet_cannot_hold_is_said_before_anything_is_written(tmp_path):
    frame = pd.DataFrame({"message": ["x", "y" * 40_000]})

    with pytest.raises(InvalidValueError) as caught:
        save_table(frame, tmp_path / "t.xlsx")

    assert str(caught.value) == (
        "Row 2, message, has 40,000 characters; an Excel cell holds 32,767. Save it as .parquet or .csv."
    )
    with pytest.raises(InvalidValueError, match=r"^An Excel sheet holds 1,048,575 rows and 16,384 columns; "):
        save_table(pd.DataFrame({"a": range(1_048_576)}), tmp_path / "t.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
def test_zero_rows_and_mixed_cells_can_be_saved(tmp_path, suffix):
    save_table(table().head(0), tmp_path / f"none{suffix}")
    save_table(pd.DataFrame({"x": [1, "a", None, {"b": 2}]}), tmp_path / f"mixed{suffix}")

    assert sorted(path.name for path in tmp_path.iterdir()) == [f"mixed{suffix}", f"none{suffix}"]


def test_the_ending_decides_and_an_unknown_one_is_an_error(tmp_path):
    for check in (save_table, lambda _table, path: check_export(path)):
        with pytest.raises(InvalidValueError) as caught:
            check(table(), tmp_path / "t.xls")
        assert str(caught.value) == (
            "the file's ending must be one of '.parquet', '.csv', '.xlsx'; got '.xls'. Did you mean '.xlsx'?"
        )
    with pytest.raises(TypeError, match=r"^save_table writes a DataFrame; got a list$"):
        save_table([1], tmp_path / "t.csv")


def test_a_failure_leaves_what_was_there_before(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("before")

    def full(_table: pd.DataFrame, part: Path) -> None:
        part.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(export._WRITERS, ".csv", full)
    with pytest.raises(LpnbError) as caught:
        save_table(table(), path)

    assert str(caught.value) == (
        f"{path} cannot be written: No space left on device. What was there before is as it was."
    )
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_said_before_any_work(tmp_path):
    with pytest.raises(
        InvalidValueError, match=r"out\.csv cannot be written: there is no folder .*nowhere\.$"
    ):
        check_export(tmp_path / "nowhere" / "out.csv")
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(InvalidValueError, match=r"a\.csv cannot be written: it is a folder\.$"):
        check_export(tmp_path / "a.csv")
    with pytest.raises(LpnbError, match=r"cannot be written: "):
        save_table(table(), tmp_path / "nowhere" / "out.csv")
    check_export(tmp_path / "out.xlsx")


def test_a_link_is_followed_and_not_replaced(tmp_path):
    (tmp_path / "real.csv").write_text("before")
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "real.csv")

    save_table(pd.DataFrame({"a": [1]}), link)

    assert link.is_symlink()
    assert (tmp_path / "real.csv").read_text() == '"a"\n1\n'


def test_an_index_that_is_called_as_a_column_is_refused_in_a_sentence(tmp_path):
    table = cases_table({"case": ["a"]}).set_index("case", drop=False)

    with pytest.raises(InvalidValueError) as caught:
        save_table(table, tmp_path / "t.parquet")

    assert str(caught.value) == "case must be one column of the table; got 2."


def test_a_pivot_with_two_floors_of_heads_keeps_the_names_of_its_rows_as_they_are(tmp_path):
    rows = pd.DataFrame({"tier": ["gold", "vip"], "way": ["a", "b"], "outcome": ["answered", "unknown"]})
    pivot = rows.groupby(["tier", "way", "outcome"]).size().unstack(["way", "outcome"], fill_value=0)

    save_table(pivot, tmp_path / "t.csv")

    assert (tmp_path / "t.csv").read_text(encoding="utf-8-sig").splitlines()[0].replace('"', "") == (
        "tier,a answered,b unknown"
    )


def test_whole_numbers_beyond_64_bits_become_text_in_a_parquet_file(tmp_path):
    save_table(pd.DataFrame({"n": [2**70, 1]}), tmp_path / "t.parquet")

    assert pd.read_parquet(tmp_path / "t.parquet")["n"].tolist() == [str(2**70), "1"]
