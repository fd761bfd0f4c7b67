"""The table of cases: pages, sorting, filtering, chosen columns, ids to copy, files."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lpnb.widgets.case_buttons import CaseGroup
from lpnb.widgets.case_table import PAGE_SIZE, CaseTable
from lpnb.widgets.styles import WidgetFactory


def text(widget: Any) -> str:
    return html.unescape(re.sub("<[^>]+>", " ", widget.value)).strip()


def cases(number: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "case": [f"case-{n:04}" for n in range(number)],
            "ctmrinfo.ctype": ["vip" if n % 2 else "gold" for n in range(number)],
            "elapsed_ms": [float(number - n) for n in range(number)],
            "conversation_id": [f"id-{n}" for n in range(number)],
        }
    )


@pytest.fixture
def table(tmp_path: Path) -> CaseTable:
    """A table of 60 cases."""
    made = CaseTable(WidgetFactory(), tmp_path / "runs")
    made.show(cases(60), "first")
    return made


def shown(table: CaseTable) -> list[str]:
    return re.findall(r"case-\d{4}", table.body.value)


def test_a_page_of_rows_is_shown_and_the_others_are_turned_to(table: CaseTable) -> None:
    assert shown(table) == [f"case-{n:04}" for n in range(PAGE_SIZE)]
    assert text(table.body).startswith("60 cases, 1 to 25 shown")
    assert table.back_button.disabled

    table.last_button.click()

    assert shown(table) == [f"case-{n:04}" for n in range(50, 60)]
    assert table.next_button.disabled
    table.back_button.click()
    assert shown(table)[0] == "case-0025"


def test_a_filter_looks_into_every_column_and_starts_at_the_first_page(table: CaseTable) -> None:
    table.last_button.click()

    table.filter.value = "GOLD"

    assert len(table.rows) == 30
    assert shown(table)[0] == "case-0000"
    assert "30 cases of 60" in text(table.body)
    table.filter.value = "nothing like it"
    assert text(table.body).startswith("0 cases of 60")


def test_rows_are_sorted_by_a_column_up_and_down(table: CaseTable) -> None:
    table.sort.value = "elapsed_ms"
    assert shown(table)[0] == "case-0059"

    table.sort.value = "-elapsed_ms"
    assert shown(table)[0] == "case-0000"


def test_a_column_that_is_not_there_is_said_with_the_nearest(table: CaseTable) -> None:
    table.columns.value = "case, elapsed"

    assert "Shown columns must be one of" in text(table.note)
    assert "Did you mean 'elapsed_ms'?" in text(table.note)
    table.columns.value = "case"
    assert text(table.note) == ""
    assert "vip" not in table.body.value


def test_an_id_stands_on_one_line_with_a_button_that_copies_it(table: CaseTable) -> None:
    assert 'data-copy="id-0" aria-label="Copy id-0"' in table.body.value
    assert table.body.value.count('class="lpnb-id"') == PAGE_SIZE


def test_what_is_left_by_a_limit_is_saved_with_every_column(table: CaseTable, tmp_path: Path) -> None:
    vip = table._table["ctmrinfo.ctype"] == "vip"
    table.filter.value = "gold"  # of before, which would leave nothing
    table.limit(CaseGroup("vip", "whose ctmrinfo.ctype is vip", vip))
    table.columns.value = "case"

    path = table.save(".csv")

    assert path == tmp_path / "runs" / "first.csv"
    assert text(table.note) == f"30 cases saved in {path}.  Download first.csv"
    saved = pd.read_csv(path)
    assert list(saved.columns) == ["case", "ctmrinfo.ctype", "elapsed_ms", "conversation_id"]
    assert set(saved["ctmrinfo.ctype"]) == {"vip"}
    table.all_button.click()
    assert len(table.rows) == 60


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be", encoding="utf-8")
    table = CaseTable(WidgetFactory(), tmp_path / "runs")
    table.show(cases(1), "first")

    assert table.save(".csv") is None
    assert "runs" in text(table.note)


def test_values_are_text_whatever_they_hold(tmp_path: Path) -> None:
    table = CaseTable(WidgetFactory(), tmp_path)
    hostile = '"><img src=x onerror="window.evil=1">'
    table.show(pd.DataFrame({"case": [hostile], "conversation_id": [hostile]}), "first")

    assert "<img" not in table.body.value
    assert table.body.value.count("&lt;img") == 4


def test_a_table_without_rows_says_so(tmp_path: Path) -> None:
    table = CaseTable(WidgetFactory(), tmp_path)
    table.show(cases(0), "first")

    assert text(table.body).startswith("0 cases")
