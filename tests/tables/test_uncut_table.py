"""A table of lpnb prints itself whole, and stays a DataFrame."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest

import lpnb
from lpnb.tables.run_table import cases_table

LONG = "The service refused the conversation with BAD_REQUEST: " + "x" * 80


@pytest.fixture
def table() -> pd.DataFrame:
    ids = ["8602832d-dce1-446b-8445-0d51f5926a42", None]
    return cases_table({"case": ["a", "b"], "conversation_id": ids, "message": [None, LONG]})


def test_print_shows_what_print_table_shows(table, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = table[["case", "conversation_id", "message"]]

    print(shown)
    printed = capsys.readouterr().out
    lpnb.print_table(shown)

    assert printed == capsys.readouterr().out
    assert "8602832d-dce1-446b-8445-0d51f5926a42" in printed
    assert LONG in printed


def test_a_table_without_rows_says_so(table):
    assert repr(table[["case", "message"]].head(0)) == "case  message\n(no rows)"


def test_a_notebook_shows_whole_messages_all_columns_and_nothing_for_what_is_empty(table):
    shown = table._repr_html_()

    assert LONG in shown
    assert [name for name in table.columns if f"<th>{name}</th>" not in shown] == []
    assert "NaN" not in shown
    assert "&lt;NA&gt;" not in shown
    assert pd.get_option("display.max_colwidth") == 50


def test_of_a_long_table_a_notebook_shows_its_ends_and_its_size():
    shown = cases_table({"case": [f"case-{number:03}" for number in range(100)]})._repr_html_()

    assert shown.count("<tr>") == 11  # five rows of each end, and dots between them
    assert "<p>100 rows" in shown


def test_a_pivot_of_it_is_printed_with_its_index(table):
    counts = table["case"].value_counts().to_frame("cases")

    assert str(counts.sort_index()) == "      cases\ncase       \na         1\nb         1"


def test_it_is_a_dataframe_in_all_else(table):
    assert isinstance(table, pd.DataFrame)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(table)), table)
    pd.testing.assert_frame_equal(pd.concat([table, table]).drop_duplicates(), table)


def test_who_turned_pandas_tables_off_in_notebooks_gets_none(table):
    with pd.option_context("display.notebook_repr_html", False):
        assert table._repr_html_() is None
