"""The results of a run in the Experiment tab: pictures, comparison with an earlier run, table of cases."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from lpnb._internal import event_loop
from lpnb.client import AsyncClient, Client
from lpnb.errors import InvalidValueError, LpnbError
from lpnb.widgets import html_views
from lpnb.widgets.case_buttons import CaseButtons, CaseGroup, flow_groups, heatmap_groups, move_groups
from lpnb.widgets.case_table import CaseTable, download_html
from lpnb.widgets.html_views import error_text
from lpnb.widgets.styles import WidgetFactory, set_visible

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.plots.figure import Picture

PICTURES = ("heatmap", "flow", "latency", "latency over time", "rate")
_CELL_VALUES = ("landed_skill", "outcome", "failed")


class RunResults:
    """What came of one run.

    Args:
        table: One row per case, as ``run.table()`` gives it.
        varied_columns: The columns that varied, in the order of the grid.
        journal_path: The run's journal; files are saved beside it.
        warning: A sentence to show above the pictures; "" for none.
        factory: The panel's layouts.
        client: Returns who sends, for words about errors.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        varied_columns: Sequence[str],
        journal_path: Path,
        warning: str,
        factory: WidgetFactory,
        client: Callable[[], Client | AsyncClient],
    ) -> None:
        self._journal_path, self._client = journal_path, client
        self._current_picture: Picture | None = None
        varied_columns = [column for column in varied_columns if column in table.columns]
        self._usual_columns = [
            *("case", *varied_columns, "outcome", "landed_skill", "conversation_id", "consumer_id"),
            *("code", "message", "http_status", "attempts", "elapsed_ms"),
        ]
        self._table = self._order_columns(table)
        self._make_picture_widgets(varied_columns, factory)
        self._make_comparison_widgets(factory)
        self.cases = CaseTable(factory, journal_path.parent, self._show_all_cases)
        self.cases.show(self._table, journal_path.stem)
        self.warning = factory.html(html_views.note_html("", warning), "lpnb-note", "lpnb-flat")
        self._draw()
        self.widgets = [
            factory.html("<h3>Picture</h3>", "lpnb-head"), self.warning,
            factory.box([self.kind, self.rows_choice, self.columns_choice, self.cell_choice], "lpnb-tools"),
            self.picture,
            factory.box([self.save_format, self.save_theme, self.save_button, self.save_note], "lpnb-tools"),
            factory.box([self.report_button, self.report_note], "lpnb-tools"),
            factory.html("<h3>The cases</h3>", "lpnb-head"), self.cell_buttons.box, self.cases.box,
            factory.html("<h3>Beside an earlier run</h3>", "lpnb-head"),
            factory.box([self.earlier_run, self.compare_button], "lpnb-tools"),
            self.comparison, self.move_buttons.box,
        ]  # fmt: skip

    def _make_picture_widgets(self, varied_columns: list[str], factory: WidgetFactory) -> None:
        text = {"layout": factory.plain, "style": factory.text}
        names = tuple(str(name) for name in self._table.columns)
        options = tuple(dict.fromkeys([*varied_columns, "outcome", "code", *names]))
        has_landings = bool(self._table["landed_skill_id"].notna().any())
        self.kind = ipw.Combobox(value=PICTURES[0], options=PICTURES, description="Picture", **text)
        rows, columns = _presets(self._table, varied_columns)
        self.rows_choice = ipw.Combobox(value=rows, options=options, description="Rows", **text)
        self.columns_choice = ipw.Combobox(value=columns, options=options, description="Columns", **text)
        self.cell_choice = ipw.Combobox(
            value=_CELL_VALUES[0 if has_landings else 1],
            options=tuple(dict.fromkeys([*_CELL_VALUES, *names])), description="Cells", **text,
        )  # fmt: skip
        for widget in (self.kind, self.rows_choice, self.columns_choice, self.cell_choice):
            widget.observe(lambda _: self._draw(), names="value")
        self.picture = factory.html("", "lpnb-plot", "lpnb-picture")
        self.cell_buttons = CaseButtons(factory, lambda group: self._show_group(self._table, "cell", group))
        self.cell_buttons.widget.observe(lambda change: self._mark(change["new"]), names="index")
        self.save_format = ipw.Combobox(value="png", options=("png", "svg"), description="Save as", **text)
        self.save_theme = ipw.Combobox(value="light", options=("light", "dark"), description="Theme", **text)
        self.save_button = factory.button("Save picture", lambda _: self.save_picture(), "lpnb-tool")
        self.save_note = factory.html("", "lpnb-note", "lpnb-flat")
        self.report_button = factory.button(
            "Write a report", lambda _: self.write_report(), "lpnb-tool",
            tooltip="What decides, the pictures and how sure that is, as one HTML file",
        )  # fmt: skip
        self.report_note = factory.html("", "lpnb-note", "lpnb-flat")

    def _make_comparison_widgets(self, factory: WidgetFactory) -> None:
        earlier = earlier_runs(self._journal_path, self._table)
        self.earlier_run = ipw.Combobox(
            value=earlier[0] if earlier else "", options=earlier, description="Earlier run",
            placeholder="a journal", layout=factory.plain, style=factory.text,
        )  # fmt: skip
        self.comparison = factory.html("", "lpnb-plot")
        self.compare_button = factory.button("Compare", lambda _: self.compare(), "lpnb-tool")
        self.move_buttons = CaseButtons(factory, lambda group: self._show_group(self._moves, "moved", group))
        self._moves = self._table.head(0)

    # Pictures

    def _draw(self) -> None:
        set_visible(self.columns_choice, self.kind.value == "heatmap")
        self.cell_buttons.show([])
        try:
            self._current_picture = self._make_picture()
            self.picture.value = self._current_picture._repr_html_()
            if self.kind.value == "heatmap":
                keys = (self.rows_choice.value, self.columns_choice.value)
                self.cell_buttons.show(*heatmap_groups(self._table, *keys))
            elif isinstance(stages := getattr(self._current_picture, "stages", None), tuple):
                self.cell_buttons.show(flow_groups(self._table, stages))
        except LpnbError as error:
            self._current_picture, self.picture.value = None, html_views.note_html("", str(error))
        except Exception as error:  # an exception in a callback would vanish unseen
            self._current_picture, self.picture.value = (
                None,
                html_views.note_html("", f"{type(error).__name__}: {error}"),
            )

    def _mark(self, place: int | None) -> None:
        """Put a frame around the cell at *place* of the heatmap, and around no other."""
        if self._current_picture is not None and "<td" in self.picture.value:
            cells = self._current_picture._repr_html_().split("<td")
            if place is not None and len(cells) == 1 + len(self.cell_buttons.widget.options):
                cells[1 + place] = f' aria-current="true"{cells[1 + place]}'
            self.picture.value = "<td".join(cells)

    def _make_picture(self) -> Picture:
        from lpnb import plots
        from lpnb._internal.validation import one_of

        table, rows = self._table, self.rows_choice.value
        kind = self.kind.value
        if kind == "heatmap":
            return plots.heatmap(table, rows, self.columns_choice.value, self.cell_choice.value)
        if kind == "flow":
            through = "campaignInfo.campaignId"
            between = through if through in table.columns and rows != through else None
            return plots.flow(table, rows, between, self.cell_choice.value)
        makers = {"latency": plots.latency, "rate": plots.rate, "latency over time": plots.latency_over_time}
        if kind not in makers:
            raise InvalidValueError([one_of("Picture", kind, list(PICTURES))])
        return makers[kind](table)

    def _show_group(self, table: pd.DataFrame, name: str, group: CaseGroup) -> None:
        """Show the cases of a cell, a band or a move in the table below."""
        label = re.sub(r"[^\w.]+", "-", group.label.rpartition(" (")[0])[:60].strip("-.")
        self.cases.show(table, f"{self._journal_path.stem}-{name}-{label}", group)
        self.cases.csv_button.focus()  # which brings the table above it into sight

    def _order_columns(self, table: pd.DataFrame) -> pd.DataFrame:
        """All columns of *table*, the usual ones first."""
        names = [str(name) for name in table.columns]
        first = [name for name in self._usual_columns if name in names]
        return table[list(dict.fromkeys([*first, *names]))]

    def _show_all_cases(self) -> None:
        self.cell_buttons.release()
        self.move_buttons.release()
        self.cases.show(self._table, self._journal_path.stem)

    def save_picture(self) -> Path | None:
        """Save the picture beside the journal, and say where; None when that failed."""
        try:
            if self._current_picture is None:
                raise ValueError("There is no picture to save.")
            kind, theme = self.kind.value.replace(" ", "-"), self.save_theme.value
            name = f"{self._journal_path.stem}-{kind}-{theme}.{self.save_format.value.strip('.')}"
            path = self._current_picture.save(self._journal_path.with_name(name), theme)
        except (LpnbError, OSError, ValueError) as error:
            self.save_note.value = html_views.note_html("", str(error))
            return None
        self.save_note.value = html_views.note_html(f"Saved in {path}.") + download_html(path)
        return path

    def write_report(self) -> Future[None]:
        """Write what came out as one HTML file beside the journal; return the future of it."""
        return event_loop.submit(
            write_report(self._journal_path, self._journal_path, self.report_note, self._client)
        )

    # Beside an earlier run

    def compare(self) -> Future[None]:
        """Compare with the journal that is named; return the future of it."""
        return event_loop.submit(self._compare())

    async def _compare(self) -> None:
        from lpnb.experiments.runs.compare import compare
        from lpnb.experiments.runs.start import open_run

        try:
            before = open_run(self.earlier_run.value.strip())
            comparison = await asyncio.to_thread(compare, before, self._table)
            self.comparison.value = comparison._repr_html_()
            moved_cases, groups = move_groups(comparison)
            self._moves = self._order_columns(moved_cases)
            self.move_buttons.show(groups)
        except Exception as error:  # an exception in a task would vanish unseen
            self.move_buttons.show([])
            self.comparison.value = html_views.note_html("", error_text(error, self._client()))


async def write_report(
    subject: object, journal_path: Path, note: Any, client: Callable[[], Client | AsyncClient]
) -> None:
    """Write the report on *subject* beside its journal, and say in *note* where it is."""
    from lpnb.experiments.report.report import report

    try:
        path = await asyncio.to_thread(report, subject, journal_path.with_suffix(".html"))
        note.value = html_views.note_html(f"Written in {path}.") + download_html(path)
    except Exception as error:  # an exception in a task would vanish unseen
        note.value = html_views.note_html("", error_text(error, client()))


def earlier_runs(journal_path: Path, table: pd.DataFrame) -> list[str]:
    """The other runs in the same folder whose cases have the same columns, the newest first."""
    from lpnb.tables.run_table import RUN_COLUMNS

    own = {str(column) for column in table.columns} - RUN_COLUMNS.keys()
    runs = journals_of_runs(journal_path.parent)
    return [str(path) for path, columns in runs.items() if columns == own and path != journal_path]


def journals_of_runs(folder: Path) -> dict[Path, set[str]]:
    """The columns of each run of given cases in *folder*, the newest first.

    A run that chose its cases, to learn what decides or why one landed there, is no run to go on with.
    """
    from lpnb.journal.reader import read_journal

    columns_by_path = {}
    for path in sorted(folder.glob("*.sqlite"), key=lambda each: each.stat().st_mtime, reverse=True):
        with contextlib.suppress(LpnbError):  # damaged, or another program's
            about = read_journal(path).about
            if "purpose" not in about:
                columns_by_path[path] = set(about.get("columns", ()))
    return columns_by_path


def _presets(table: pd.DataFrame, varied_columns: Sequence[str]) -> tuple[str, str]:
    """The rows and columns of the first heatmap: the two that explain the most, where anything landed."""
    from lpnb.experiments.runs.landing_factors import most_explaining

    with contextlib.suppress(InvalidValueError):
        return most_explaining(table, None, None)
    return (varied_columns[0] if varied_columns else "outcome"), (varied_columns[1:] or ["outcome"])[0]
