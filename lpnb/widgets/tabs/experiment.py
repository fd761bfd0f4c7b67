"""The Experiment tab: a grid of cases, a run with progress and Stop, its table, heatmap and comparison."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from lpnb._internal import event_loop
from lpnb._internal.display import esc, table_html
from lpnb._internal.json_codec import clean
from lpnb.client import AsyncClient, Client
from lpnb.errors import InvalidValueError, LpnbError
from lpnb.widgets import html_views
from lpnb.widgets.form.batch_form import BatchForm
from lpnb.widgets.form.grid_form import GridForm
from lpnb.widgets.html_views import error_text
from lpnb.widgets.styles import WidgetFactory, set_visible

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.experiments.cases.grid import Grid
    from lpnb.experiments.runs.run import Run
    from lpnb.experiments.runs.steps import Steps

#: How often progress is looked at, in seconds, and how many rows of the table are shown.
_POLL_INTERVAL, _ROWS, _SAMPLE_ROWS = 0.3, 60, 5
#: How many cases are looked through after a keystroke.
_MAX_CHECKED = 500
RUNS = Path("runs")


class ExperimentTab:
    """Many cases in one run.

    Args:
        batch_form: What is the same in every case.
        factory: The panel's layouts.
        client: Returns who sends.
        on_run_end: Called when a run has ended.
    """

    def __init__(
        self,
        batch_form: BatchForm,
        factory: WidgetFactory,
        client: Callable[[], Client | AsyncClient],
        on_run_end: Callable[[], None],
    ) -> None:
        self._batch_form, self._factory, self._client, self._on_run_end = (
            batch_form,
            factory,
            client,
            on_run_end,
        )
        self.run: Run | None = None
        self._future: Future[None] | None = None
        self._table: pd.DataFrame | None = None
        text = {"layout": factory.plain, "style": factory.text}
        self.grid = GridForm(batch_form.form, factory, self.refresh)
        self.count = factory.html("", "lpnb-count")
        self.sample = factory.html("", "lpnb-answers")
        self.name = ipw.Text(description="Name", placeholder="made from the time", **text)
        self.concurrency = ipw.Text(value="16", description="At once", **text)
        self.rate = ipw.Text(description="A second", placeholder="found by itself", **text)
        settings = client().settings
        step_choices = {
            "engagement": ("Ask Monitoring first, and route by what it offers", False),
            "landing": ("Read where each landed", settings.can_read_history),
            "close": ("Close each conversation at the end", False),
        }
        self.steps = {
            name: ipw.Checkbox(
                value=value,
                description=words,
                indent=False,
                layout=factory.plain,
                _dom_classes=("lpnb-tick",),
            )
            for name, (words, value) in step_choices.items()
        }
        self.first_message = ipw.Text(
            description="First message", placeholder="none; said as the consumer once it is open", **text
        )
        self.confirm = ipw.Text(description="How many", _dom_classes=("lpnb-hidden",), **text)
        self.start_button = factory.button("Run", lambda _: self.start(), "lpnb-send")
        self.stop_button = factory.button("Stop", lambda _: self.stop(), "lpnb-hidden")
        self.bar = ipw.IntProgress(
            min=0, max=1, layout=factory.plain, _dom_classes=("lpnb-progress", "lpnb-hidden")
        )
        self.status = factory.html(html_views.status_html("idle", "Nothing run yet."), "lpnb-status")
        self._results = factory.vbox([], "lpnb-group")
        head = (
            "<h3>What varies</h3>"
            "<p>All other fields are as under Compose; each case has a consumer of its own.</p>"
        )
        about_run = "<h3>The run</h3><p>Written down case by case in runs/, before each leaves.</p>"
        self.box = factory.vbox(
            [
                factory.html(head, "lpnb-first"), self.grid.box, self.grid.add_button,
                factory.box([self.grid.sample, self.grid.seed], "lpnb-tools"), self.grid.zipped,
                self.count, self.sample,
                factory.html(about_run, "lpnb-head"),
                factory.box([self.name, self.concurrency, self.rate], "lpnb-tools"),
                self.first_message, *self.steps.values(),
                self.confirm,
                factory.box([self.start_button, self.stop_button, self.status], "lpnb-tools"),
                self.bar, self._results,
            ],
            "lpnb-tab", "lpnb-experiment",
        )  # fmt: skip
        self.refresh()

    @property
    def widgets(self) -> list[Any]:
        """What the tab shows."""
        return [self.box]

    # The grid

    def refresh(self) -> None:
        """Count the cases and show the first few, or what is wrong with them."""
        try:
            grid = self.grid.grid()
            _check(grid)
            of = f" of {grid.combinations:,} combinations" if grid.combinations != len(grid) else ""
            self.count.value = f"<p><b>{len(grid):,}</b> {'case' if len(grid) == 1 else 'cases'}{of}</p>"
            columns = list(dict.fromkeys([*self.grid.varied, *grid.columns]))[:8]
            rows = [
                [grid[n].name, *(grid[n].values.get(c) for c in columns)]
                for n in range(min(len(grid), _SAMPLE_ROWS))
            ]
            caption = f"The first {len(rows)}" if len(rows) < len(grid) else "All of them"
            self.sample.value = _table(caption, ["case", *columns], rows)
            is_real = not self._client().settings.on_loopback
            set_visible(self.confirm, is_real and len(grid) > 1)
        except LpnbError as error:
            self.count.value = html_views.note_html("", str(error))
            self.sample.value = ""
        except Exception as error:  # an exception in a callback would vanish unseen
            self.count.value = html_views.note_html("", f"{type(error).__name__}: {error}")

    def reset(self) -> None:
        """Take no number that was typed for one account as meant for another."""
        self.confirm.value = ""
        self.refresh()

    # The run

    def start(self) -> Future[None] | None:
        """Begin a run; return the future of its end, or None when one is under way."""
        if self._future is not None and not self._future.done():
            return None
        self.start_button.disabled = True
        self._future = event_loop.submit(self._run())
        return self._future

    def stop(self) -> None:
        """Let nothing new leave."""
        if self.run is not None:
            self.run.stop()
            self.status.value = html_views.status_html(
                "busy", "Stopping: what has left is still waited for …"
            )

    async def _run(self) -> None:
        client = self._client()
        try:
            await asyncio.sleep(0.25)  # the page holds back the last of what was typed before the press
            if client is not self._client():
                words = "Not run: the account was switched after the press. Press Run again."
                self.status.value = html_views.status_html("failed", words)
                return
            grid = self.grid.grid()
            options = self._options(client, grid)
            if options is None:
                return
            self._results.children = []
            self.status.value = html_views.status_html("busy", f"Starting {len(grid):,} cases …")
            from lpnb.experiments.runs.start import start_experiment

            # Its first steps wait for hosts and a token, which this loop cannot do for itself.
            self.run = run = await asyncio.to_thread(start_experiment, client, grid, **options)
            set_visible(self.stop_button, True)
            set_visible(self.bar, True)
            finished = asyncio.ensure_future(run)
            while not (await asyncio.wait([finished], timeout=_POLL_INTERVAL))[0]:
                self._show_progress(run)
            finished.result()
            await self._show_results(run)
        except Exception as error:  # an exception in a task would vanish unseen
            self.status.value = html_views.status_html("failed", error_text(error, client))
        finally:
            set_visible(self.stop_button, False)
            set_visible(self.bar, False)
            self.start_button.disabled = False

    def _options(self, client: Client | AsyncClient, grid: Grid) -> dict[str, Any] | None:
        """How the run is driven; None, and a question, when a real account has not been confirmed."""
        is_real = not client.settings.on_loopback
        if is_real and self.confirm.value.strip() != str(len(grid)):
            set_visible(self.confirm, True)
            self.status.value = html_views.status_html(
                "ask",
                f"This opens {len(grid):,} conversations at the {html_views.account_label(client.settings)}. "
                f"Type {len(grid)} into How many, then press Run again.",
            )
            return None
        self.confirm.value = ""
        name = self.name.value.strip() or f"explorer-{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        return {
            "name": name,
            "journal": RUNS / f"{name}.sqlite",
            "concurrency": _number(self.concurrency.value) or 16,
            "rate": _number(self.rate.value),
            "live": is_real,
            "confirm": len(grid) if is_real else None,
            "progress": False,
            "steps": self._steps(),
        }

    def _steps(self) -> Steps:
        from lpnb.experiments.runs.steps import Steps

        opening = self.first_message.value
        return Steps(say=[opening] if opening.strip() else (), **{n: t.value for n, t in self.steps.items()})

    def _show_progress(self, run: Run) -> None:
        progress = run.progress
        self.bar.max, self.bar.value = max(progress.total, 1), progress.done
        self.status.value = html_views.status_html("busy", f"{progress}")

    async def _show_results(self, run: Run) -> None:
        table = self._table = await asyncio.to_thread(run.table)
        progress = run.progress
        is_complete = progress.done == progress.total and not progress.unknown
        words = f"{progress}. {run.failure or ''} Written down in {run.journal_path}."
        self.status.value = html_views.status_html(
            "done" if is_complete else "failed", words.replace("  ", " ")
        )
        self._results.children = self._result_widgets(table)
        self._on_run_end()

    # What came of it

    def _result_widgets(self, table: pd.DataFrame) -> list[Any]:
        factory = self._factory
        varied = [column for column in self.grid.varied if column in table.columns]
        values = ("landed_skill", "outcome", "failed")
        text = {"layout": factory.plain, "style": factory.text}
        self.rows_choice = ipw.Combobox(value=varied[0], options=varied, description="Rows", **text)
        self.columns_choice = ipw.Combobox(
            value=(varied[1:] or ["outcome"])[0],
            options=[*varied, "outcome", "code"],
            description="Columns",
            **text,
        )
        has_landings = table["landed_skill_id"].notna().any()
        self.cell_choice = ipw.Combobox(
            value=values[0 if has_landings else 1], options=values, description="Cells", **text
        )
        self.heatmap = factory.html("", "lpnb-plot")
        for widget in (self.rows_choice, self.columns_choice, self.cell_choice):
            widget.observe(lambda _: self._draw(), names="value")
        journals = sorted((str(path) for path in RUNS.glob("*.sqlite")), reverse=True)
        own_journal = str(self.run.journal_path) if self.run is not None else ""
        earlier = [path for path in journals if path != own_journal]
        self.earlier_run = ipw.Combobox(
            value=earlier[0] if earlier else "", options=earlier, description="Earlier run",
            placeholder="a journal", **text,
        )  # fmt: skip
        self.comparison = factory.html("", "lpnb-plot")
        compare = factory.button("Compare", lambda _: self.compare(), "lpnb-tool")
        self._draw()
        return [
            factory.html("<h3>Heatmap</h3>", "lpnb-head"),
            factory.box([self.rows_choice, self.columns_choice, self.cell_choice], "lpnb-tools"),
            self.heatmap,
            factory.html("<h3>Beside an earlier run</h3>", "lpnb-head"),
            factory.box([self.earlier_run, compare], "lpnb-tools"), self.comparison,
            factory.html(_frame_html(table, varied), "lpnb-answers"),
        ]  # fmt: skip

    def _draw(self) -> None:
        from lpnb.plots.heatmap import heatmap

        if self._table is None:
            return
        try:
            drawn = heatmap(
                self._table, self.rows_choice.value, self.columns_choice.value, self.cell_choice.value
            )
            self.heatmap.value = drawn._repr_html_()
        except LpnbError as error:
            self.heatmap.value = html_views.note_html("", str(error))
        except Exception as error:  # an exception in a callback would vanish unseen
            self.heatmap.value = html_views.note_html("", f"{type(error).__name__}: {error}")

    def compare(self) -> Future[None]:
        """Compare with the journal that is named; return the future of it."""
        return event_loop.submit(self._compare())

    async def _compare(self) -> None:
        from lpnb.experiments.runs.compare import compare
        from lpnb.experiments.runs.start import open_run

        try:
            before = await asyncio.to_thread(lambda: open_run(self.earlier_run.value.strip()).table())
            comparison = await asyncio.to_thread(compare, before, self._table)
            self.comparison.value = comparison._repr_html_()
        except Exception as error:  # an exception in a task would vanish unseen
            self.comparison.value = html_views.note_html("", error_text(error, self._client()))


def _check(grid: Grid) -> None:
    """See that the cases can be sent; of many, while somebody types, the first ones. A run checks all."""
    if len(grid) <= _MAX_CHECKED:
        grid.check()
        return
    for number in range(_MAX_CHECKED):
        if wrong := grid[number].complaints():
            raise InvalidValueError(wrong)


def _number(typed: str) -> Any:
    """What was typed as a number; other text goes on as it is, so that the run complains about it."""
    typed = typed.strip()
    if not typed:
        return None
    try:
        return int(typed) if typed.isascii() and typed.isdigit() else float(typed)
    except ValueError:
        return typed


def _table(caption: str, columns: list[str], rows: list[list[object]]) -> str:
    head = "".join(f'<th scope="col">{esc(clean(name))}</th>' for name in columns)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{esc(clean(html_views.shortened(_cell_text(cell))))}</td>" for cell in row)
        + "</tr>"
        for row in rows
    )
    return (
        f'<div role="region" aria-label="{esc(caption)}" tabindex="0"><table>'
        f"<caption>{esc(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell_text(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return "" if text in ("nan", "<NA>", "NaT") and not isinstance(cell, str) else text


def _frame_html(table: pd.DataFrame, varied: list[str]) -> str:
    columns = [
        *("case", *varied, "outcome", "landed_skill", "code", "message", "conversation_id", "http_status"),
        *("attempts", "elapsed_ms"),
    ]
    visible = [column for column in dict.fromkeys(columns) if column in table.columns]
    rows = [list(row) for row in table[visible].head(_ROWS).itertuples(index=False)]
    caption = f"{len(table):,} cases" + (f", the first {_ROWS} shown" if len(table) > _ROWS else "")
    return _table(caption, visible, rows)


def saved_table_html(tab: ExperimentTab | None) -> str:
    """The last run's table, for places that show no widgets."""
    if tab is None or tab._table is None:
        return ""
    table = tab._table.head(_ROWS)
    rows = [[_cell_text(cell) for cell in row] for row in table.itertuples(index=False)]
    return table_html(f"The last run: {len(tab._table):,} cases", list(table.columns), rows)
