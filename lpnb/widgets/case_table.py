"""``CaseTable``: cases in pages, sorted, filtered, with chosen columns, ids to copy, and saved as a file."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path

import ipywidgets as ipw
import numpy as np
import pandas as pd

from lpnb._internal.display import count, esc
from lpnb._internal.json_codec import clean
from lpnb._internal.validation import one_of
from lpnb.errors import InvalidValueError, LpnbError
from lpnb.plots.case_matrix import text_values
from lpnb.tables.export import save_table
from lpnb.widgets import html_views
from lpnb.widgets.case_buttons import CaseGroup
from lpnb.widgets.form.form import batch_fields
from lpnb.widgets.form.grid_form import column_name
from lpnb.widgets.styles import WidgetFactory, set_visible

PAGE_SIZE = 25
#: So many columns are shown until others are chosen.
_DEFAULT_COLUMNS = 10
#: Bytes of a file that is offered as a link. It travels to the page as a part of it.
_MAX_DOWNLOAD = 8_000_000
_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_ID_COLUMN = re.compile(r"(^|[._])(id|consumer_id|conversation_id|req_id)$|Id$")


class CaseTable:
    """A table of many rows, of which a page is shown at a time.

    Args:
        factory: The panel's layouts.
        folder: Where files are saved; it is made when it is not there.
        on_show_all: Called when a limit is taken away.
    """

    def __init__(
        self, factory: WidgetFactory, folder: Path, on_show_all: Callable[[], None] = lambda: None
    ) -> None:
        self._factory, self._folder, self._on_show_all = factory, folder, on_show_all
        self._table = pd.DataFrame()
        self._rows = self._table
        self._searchable: list[str] = []
        self._limit: CaseGroup | None = None
        self._page = 0
        self.name = "cases"
        text = {"layout": factory.plain, "style": factory.text}
        self.filter = ipw.Text(description="Filter", placeholder="any value", **text)
        self.sort = ipw.Combobox(description="Sort by", placeholder="a column, or -column", **text)
        self.columns = ipw.Text(description="Shown columns", placeholder="the usual; or one, two, …", **text)
        for widget in (self.filter, self.sort, self.columns):
            widget.observe(lambda _: self._select(), names="value")
        self._limit_note = factory.html("", "lpnb-note", "lpnb-flat")
        self.all_button = factory.button("Show all", lambda _: self._show_all(), "lpnb-hidden", "lpnb-tool")
        self.body = factory.html("", "lpnb-answers")
        self.first_button = factory.button("First", lambda _: self._turn_to(0), "lpnb-tool")
        self.back_button = factory.button("Back", lambda _: self._turn_to(self._page - 1), "lpnb-tool")
        self.next_button = factory.button("Next", lambda _: self._turn_to(self._page + 1), "lpnb-tool")
        self.last_button = factory.button("Last", lambda _: self._turn_to(self._last_page), "lpnb-tool")
        self.csv_button = factory.button("Save as CSV", lambda _: self.save(".csv"), "lpnb-tool")
        excel = factory.button("Save as Excel", lambda _: self.save(".xlsx"), "lpnb-tool")
        self.note = factory.html("", "lpnb-note", "lpnb-flat")
        pages = [self.first_button, self.back_button, self.next_button, self.last_button]
        self.box = factory.vbox(
            [
                factory.box([self.filter, self.sort, self.columns], "lpnb-tools"),
                factory.box([self._limit_note, self.all_button], "lpnb-tools"),
                self.body,
                factory.box([*pages, self.csv_button, excel, self.note], "lpnb-tools"),
            ],
            "lpnb-group",
            "lpnb-case-table",
        )

    def show(self, table: pd.DataFrame, name: str, group: CaseGroup | None = None) -> None:
        """Show *table*, or of it the rows of *group*; files saved from it are called *name*."""
        self.name = name
        if table is not self._table:
            self._table = table
            texts = [text_values(table[column]).replace("(absent)", "") for column in table.columns]
            self._searchable = [" ".join(cells).casefold() for cells in zip(*texts, strict=True)]
            names = [str(column) for column in table.columns]
            self.sort.options = (*names, *(f"-{each}" for each in names))
        self.limit(group)

    def limit(self, group: CaseGroup | None) -> None:
        """Show the rows of *group*, all of them whatever was typed as a filter before; None for no limit."""
        self._limit = group
        if group is not None and self.filter.value:
            self.filter.value = ""  # which selects anew
        else:
            self._select()

    def _show_all(self) -> None:
        self.limit(None)
        self._on_show_all()

    @property
    def rows(self) -> pd.DataFrame:
        """The rows that are left by limit and filter, in the order shown, with every column."""
        return self._rows

    def _select(self) -> None:
        try:
            self._rows = self._matching_rows()
            self._columns = self._columns_to_show()
            self.note.value = ""
        except LpnbError as error:
            self.note.value = html_views.note_html("", str(error))
        except Exception as error:  # an exception in a callback would vanish unseen
            self.note.value = html_views.note_html("", f"{type(error).__name__}: {error}")
        sentence = f"Only cases {clean(self._limit.sentence)}." if self._limit else ""
        self._limit_note.value = html_views.note_html(sentence)
        set_visible(self.all_button, bool(sentence))
        self._turn_to(0)

    def _matching_rows(self) -> pd.DataFrame:
        matches = np.ones(len(self._table), dtype=bool)
        if self._limit is not None:
            matches &= self._limit.rows.to_numpy(dtype=bool)
        if query := self.filter.value.strip().casefold():
            matches &= np.array([query in row for row in self._searchable], dtype=bool)
        rows = self._table[matches]
        if name := self.sort.value.strip():
            column, ascending = (name[1:], False) if name.startswith("-") else (name, True)
            self._check_columns("Sort by", [column])
            rows = rows.sort_values(column, ascending=ascending, kind="stable", na_position="last")
        return rows

    def _columns_to_show(self) -> list[str]:
        names = [name.strip() for name in self.columns.value.split(",") if name.strip()]
        self._check_columns("Shown columns", names)
        return names or [str(name) for name in self._table.columns][:_DEFAULT_COLUMNS]

    def _check_columns(self, label: str, names: list[str]) -> None:
        column_names = [str(name) for name in self._table.columns]
        if wrong := [one_of(label, name, column_names) for name in names if name not in column_names]:
            raise InvalidValueError(wrong)

    # Pages

    @property
    def _last_page(self) -> int:
        return max(0, len(self._rows) - 1) // PAGE_SIZE

    def _turn_to(self, page: int) -> None:
        self._page = max(0, min(page, self._last_page))
        start = self._page * PAGE_SIZE
        rows = self._rows.iloc[start : start + PAGE_SIZE]
        several = self._last_page > 0
        for button in (self.first_button, self.back_button, self.next_button, self.last_button):
            set_visible(button, several)
        self.first_button.disabled = self.back_button.disabled = self._page == 0
        self.next_button.disabled = self.last_button.disabled = self._page == self._last_page
        of = "" if len(self._rows) == len(self._table) else f" of {len(self._table):,}"
        caption = f"{count(len(self._rows), 'case')}{of}"
        if several:
            caption += f", {start + 1:,} to {start + len(rows):,} shown"
        self.body.value = _page_html(caption, rows, [name for name in self._columns if name in rows])

    def save(self, suffix: str) -> Path | None:
        """Save the rows that are left, with every column, and say where; None when that failed."""
        self.note.value = html_views.note_html(f"Saving {count(len(self._rows), 'case')} …")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = save_table(self._rows, self._folder / f"{self.name}{suffix}")
        except (LpnbError, OSError) as error:
            self.note.value = html_views.note_html("", str(error))
            return None
        sentence = f"{count(len(self._rows), 'case')} saved in {path}."
        self.note.value = html_views.note_html(sentence) + download_html(path)
        return path


def download_html(path: Path) -> str:
    """A link by which the browser saves the file where it runs; it is in the link itself."""
    content = path.read_bytes()
    if len(content) > _MAX_DOWNLOAD:
        return " It is too large for a link."
    kind = _MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    address = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    return f' <a download="{esc(path.name)}" href="{address}">Download {esc(path.name)}</a>'


def column_html(name: str) -> str:
    """The head of a column: its label, and below it the name that it has in files and in Python.

    Example:
        >>> column_html("ctmrinfo.ctype"), column_html("landed_skill"), column_html("<mine>")
        ('<th scope="col">Customer type<small>ctmrinfo.ctype</small></th>', \
'<th scope="col">landed skill</th>', '<th scope="col">&lt;mine&gt;</th>')
    """
    label = _field_labels().get(name)
    words = esc(name if label or "." in name else name.replace("_", " "))
    inner = f"{esc(label)}<small>{words}</small>" if label else words
    return f'<th scope="col">{inner}</th>'


@cache
def _field_labels() -> dict[str, str]:
    return {column_name(field): field.label for field in batch_fields()}


def _page_html(caption: str, rows: pd.DataFrame, columns: list[str]) -> str:
    head = "".join(map(column_html, columns))
    cells = zip(*(rows[name].tolist() for name in columns), strict=True)
    body = "".join(
        "<tr>" + "".join(_cell_html(name, cell) for name, cell in zip(columns, row, strict=True)) + "</tr>"
        for row in cells
    )
    return (
        f'<div role="region" aria-label="{esc(caption)}" tabindex="0"><table>'
        f"<caption>{esc(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell_html(name: str, cell: object) -> str:
    text = cell_text(cell)
    if not text or not _ID_COLUMN.search(name):
        return f"<td>{esc(html_views.shortened(text))}</td>"
    return f'<td class="lpnb-id">{html_views.copied_html(text)}</td>'


def cell_text(cell: object) -> str:
    """A cell of a table as text; nothing for a missing one.

    Example:
        >>> cell_text(None), cell_text(float("nan")), cell_text("nan"), cell_text(7)
        ('', '', 'nan', '7')
    """
    if isinstance(cell, datetime) and cell.tzinfo is not None:
        cell = f"{cell:%Y-%m-%d %H:%M:%S} {cell.tzname()}"
    text = "" if cell is None else str(cell)
    return "" if text in ("nan", "<NA>", "NaT") and not isinstance(cell, str) else text
