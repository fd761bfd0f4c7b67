"""The Experiment tab: a grid of cases, a run with progress and Stop, its table, heatmap and comparison."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
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
from lpnb.plots.case_matrix import text_values
from lpnb.tables.run_table import RUN_COLUMNS
from lpnb.widgets import html_views
from lpnb.widgets.case_table import cell_text, column_html
from lpnb.widgets.form.batch_form import BatchForm
from lpnb.widgets.form.grid_form import GridForm
from lpnb.widgets.html_views import error_text
from lpnb.widgets.styles import WidgetFactory, close_with_children, set_visible
from lpnb.widgets.tabs.experiment_learning import LearningView
from lpnb.widgets.tabs.experiment_results import RunResults, journals_of_runs

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
        self._batch_form, self._factory = batch_form, factory
        self._client, self._on_run_end = client, on_run_end
        #: Called after every change of what is to be run.
        self.on_change: Callable[[], None] = lambda: None
        self.run: Run | None = None
        self._future: Future[None] | None = None
        self._table: pd.DataFrame | None = None
        self.results: RunResults | None = None
        self.grid = GridForm(batch_form.form, factory, self.refresh)
        self.count = factory.html("", "lpnb-count")
        self.sample = factory.html("", "lpnb-answers")
        self._make_option_widgets(factory)
        self.confirm = ipw.Text(
            description="How many", layout=factory.plain, style=factory.text, _dom_classes=("lpnb-hidden",)
        )
        self.forecast = factory.html("", "lpnb-note", "lpnb-flat")
        self.start_button = factory.button("Run", lambda _: self.start(), "lpnb-send")
        self.stop_button = factory.button("Stop", lambda _: self.stop(), "lpnb-hidden")
        self.past_run = ipw.Combobox(
            description="Past run", placeholder="a journal", layout=factory.plain, style=factory.text
        )
        self.show_button = factory.button("Show it", lambda _: self.show_past(), "lpnb-tool")
        self.go_on_button = factory.button("Go on with it", lambda _: self.go_on(), "lpnb-hidden")
        self.bar = ipw.IntProgress(
            min=0, max=1000, layout=factory.plain, _dom_classes=("lpnb-progress", "lpnb-hidden")
        )
        self.status = factory.html(html_views.status_html("idle", "Nothing run yet."), "lpnb-status")
        self._results = factory.vbox([], "lpnb-group", "lpnb-results")
        self.learning = LearningView(factory, self.grid.grid, client, RUNS, self._is_confirmed)
        self.box = self._arrange(factory)
        self._list_past_runs()
        self.refresh()

    def _make_option_widgets(self, factory: WidgetFactory) -> None:
        text = {"layout": factory.plain, "style": factory.text}
        self.name = ipw.Text(description="Name", placeholder="made from the time", **text)
        self.concurrency = ipw.Text(value="16", description="At once", **text)
        self.rate = ipw.Text(description="Per second", placeholder="found by itself", **text)
        settings = self._client().settings
        step_choices = {
            "engagement": ("Ask Monitoring first, and route by what it offers", False),
            "landing": ("Read where each landed", settings.can_read_history),
            "close": ("Close each conversation at the end", not settings.on_loopback),
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
        for widget in (self.name, self.rate, self.concurrency, self.first_message, *self.steps.values()):
            widget.observe(lambda _: self._show_forecast(), names="value")

    def _arrange(self, factory: WidgetFactory) -> Any:
        head = (
            "<h3>What varies</h3>"
            "<p>All other fields are as under Compose; each case has a consumer of its own.</p>"
        )
        about_run = "<h3>The run</h3><p>Written down case by case in runs/, before each leaves.</p>"
        return factory.vbox(
            [
                factory.html(head, "lpnb-first"),
                factory.button("Skip to Run", lambda _: self.start_button.focus(), "lpnb-skip"),
                self.grid.box, self.grid.add_button,
                factory.box([self.grid.sample, self.grid.seed], "lpnb-tools"), self.grid.zipped,
                self.count, self.sample,
                factory.html(about_run, "lpnb-head"),
                factory.box([self.name, self.concurrency, self.rate], "lpnb-tools"),
                self.first_message, *self.steps.values(),
                self.forecast, self.confirm,
                factory.box([self.start_button, self.stop_button, self.status], "lpnb-tools"),
                self.bar, factory.box([self.past_run, self.show_button, self.go_on_button], "lpnb-tools"),
                self._results, *self.learning.widgets,
            ],
            "lpnb-tab", "lpnb-experiment",
        )  # fmt: skip

    @property
    def widgets(self) -> list[Any]:
        """What the tab shows."""
        return [self.box]

    # The grid

    def _kept_widgets(self) -> dict[str, Any]:
        """What is kept besides the grid's rows, by its name."""
        grid = self.grid
        boxes = {"sample": grid.sample, "seed": grid.seed, "zipped": grid.zipped, "name": self.name}
        run = {"at_once": self.concurrency, "rate": self.rate, "first_message": self.first_message}
        return {**boxes, **run, **self.steps}

    def plain_values(self) -> dict[str, Any]:
        """The grid and how it is to be run, as plain values for ``restore_plain``."""
        return {"rows": self.grid.rows, **{n: each.value for n, each in self._kept_widgets().items()}}

    def restore_plain(self, values: Mapping[str, Any]) -> None:
        """Hold again what ``plain_values`` has returned.

        Raises:
            KeyError, TypeError, ValueError, TraitError: They are no such values.
        """
        if values:
            self.grid.rows = values["rows"]
            for name, widget in self._kept_widgets().items():
                widget.value = values[name]

    def refresh(self) -> None:
        """Count the cases and show the first few, or what is wrong with them."""
        self.on_change()
        try:
            grid = self.grid.grid()
            _check(grid)
            of = f" of {grid.combinations:,} combinations" if grid.combinations != len(grid) else ""
            self.count.value = f"<p><b>{len(grid):,}</b> {'case' if len(grid) == 1 else 'cases'}{of}</p>"
            columns = list(dict.fromkeys([*self.grid.varied_columns, *grid.columns]))[:8]
            rows = [
                [grid[n].name, *(grid[n].values.get(c) for c in columns)]
                for n in range(min(len(grid), _SAMPLE_ROWS))
            ]
            caption = f"The first {len(rows)}" if len(rows) < len(grid) else "All of them"
            self.sample.value = _table_html(caption, ["case", *columns], rows)
            is_real = not self._client().settings.on_loopback
            set_visible(self.confirm, is_real and len(grid) > 1)
            self._show_forecast()
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

    def _unused_columns(self) -> str:
        """What the grid holds for Monitoring alone while it is not asked; "" when there is nothing."""
        from lpnb.experiments.runs.steps import Steps, unused_columns

        steps = Steps(engagement=self.steps["engagement"].value)
        words = unused_columns(steps, self.grid.varied_columns)
        return (
            "" if words is None else f"{words.split('. ')[0]}. Tick “Ask Monitoring first”, then run again."
        )

    def _show_forecast(self) -> None:
        """Say what Run would do: conversations, calls, minutes at the rate there is."""
        self.on_change()
        from lpnb.experiments.runs.steps import Steps, run_forecast

        try:
            cases = len(self.grid.grid())
        except LpnbError:
            self.forecast.value = ""
            return
        rate = _number(self.rate.value) or self._client().engine.account.throttle.rate_limiter.rate
        steps = Steps(
            engagement=self.steps["engagement"].value,
            say=["a message"] if self.first_message.value.strip() else (),
            landing=self.steps["landing"].value,
            close=self.steps["close"].value,
        )
        words = run_forecast(cases, rate if isinstance(rate, int | float) else None, steps)
        self.forecast.value = html_views.note_html(words, self._unused_columns())

    def start(self) -> Future[None] | None:
        """Begin a run; return the future of its end, or None when one is under way."""
        return self._begin(self._run)

    def show_past(self) -> Future[None] | None:
        """Show the run whose journal is named; return the future of it, or None when one is under way."""
        return self._begin(self._show_past)

    def go_on(self) -> Future[None] | None:
        """Send what the run that is shown has left; return as ``start`` does."""
        return self._begin(self._go_on)

    def _begin(self, work: Callable[[Client | AsyncClient], Awaitable[None]]) -> Future[None] | None:
        if self._future is not None and not self._future.done():
            return None
        self.start_button.disabled = True
        self._future = event_loop.submit(self._guard(work))
        return self._future

    def stop(self) -> None:
        """Let nothing new leave."""
        if self.run is not None:
            self.run.stop()
            self.status.value = html_views.status_html(
                "busy", "Stopping: the answers to what was sent are still awaited …"
            )

    async def _guard(self, work: Callable[[Client | AsyncClient], Awaitable[None]]) -> None:
        client = self._client()
        try:
            await asyncio.sleep(0.25)  # the page holds back the last of what was typed before the press
            if client is self._client():
                await work(client)
            else:
                words = "Not run: the account was switched after the press. Press Run again."
                self.status.value = html_views.status_html("failed", words)
        except Exception as error:  # an exception in a task would vanish unseen
            self.status.value = html_views.status_html("failed", error_text(error, client))
        finally:
            set_visible(self.stop_button, False)
            set_visible(self.bar, False)
            self.start_button.disabled = False

    async def _run(self, client: Client | AsyncClient) -> None:
        from lpnb.experiments.runs.start import start_experiment

        grid = self.grid.grid()
        options = self._options(client, grid)
        if options is None:
            return
        self._results.children = []
        self.status.value = html_views.status_html("busy", f"Starting {len(grid):,} cases …")
        # Its first steps wait for hosts and a token, which this loop cannot do for itself.
        self.run = await asyncio.to_thread(start_experiment, client, grid, **options)
        await self._watch(self.run)

    async def _watch(self, run: Run) -> None:
        set_visible(self.go_on_button, False)
        set_visible(self.stop_button, True)
        set_visible(self.bar, True)
        task = asyncio.ensure_future(run)
        while not (await asyncio.wait([task], timeout=_POLL_INTERVAL))[0]:
            self._show_progress(run)
        task.result()
        await self._show_results(run, self._unused_columns())

    async def _show_past(self, client: Client | AsyncClient) -> None:
        from lpnb.experiments.runs.start import open_run

        self.run = await asyncio.to_thread(open_run, self.past_run.value.strip())
        await self._show_results(self.run)

    async def _go_on(self, client: Client | AsyncClient) -> None:
        run = self.run
        assert run is not None  # noqa: S101 - the button stands beside a run that is shown
        is_real, remaining_sends = not client.settings.on_loopback, run.progress.left + run.progress.not_sent
        if self._is_confirmed(client, remaining_sends, "Go on with it"):
            await asyncio.to_thread(
                run.resume, client, live=is_real, confirm=remaining_sends if is_real else None,
                progress=False, wait=False,
            )  # fmt: skip
            await self._watch(run)

    def _list_past_runs(self) -> None:
        self.past_run.options = [str(path) for path in journals_of_runs(RUNS)]

    def _options(self, client: Client | AsyncClient, grid: Grid) -> dict[str, Any] | None:
        """How the run is driven; None, and a question, when a real account has not been confirmed."""
        is_real = not client.settings.on_loopback
        if not self._is_confirmed(client, len(grid), "Run"):
            return None
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

    def _is_confirmed(self, client: Client | AsyncClient, number: int, button: str) -> bool:
        """Whether *number* conversations at a real account were typed; otherwise ask."""
        if not client.settings.on_loopback and self.confirm.value.strip() != str(number):
            set_visible(self.confirm, True)
            self.status.value = html_views.status_html(
                "ask",
                f"This opens {number:,} conversations at the {html_views.account_label(client.settings)}. "
                f"Type {number} into How many, then press {button} again.",
            )
            return False
        self.confirm.value = ""
        return True

    def _steps(self) -> Steps:
        from lpnb.experiments.runs.steps import Steps

        opening = self.first_message.value
        return Steps(say=[opening] if opening.strip() else (), **{n: t.value for n, t in self.steps.items()})

    def _show_progress(self, run: Run) -> None:
        progress = run.progress
        self.bar.value = round(progress.share * 1000)
        self.status.value = html_views.status_html("busy", f"{progress}")

    async def _show_results(self, run: Run, warning: str = "") -> None:
        table = self._table = await asyncio.to_thread(run.table)
        names = [str(name) for name in table.columns if name not in RUN_COLUMNS]
        differing = [name for name in names if text_values(table[name]).nunique() > 1]
        varied_columns = [name for name in self.grid.varied_columns if name in differing]
        varied_columns = list(dict.fromkeys([*varied_columns, *differing])) or self.grid.varied_columns
        set_visible(self.go_on_button, run.state in ("stopped", "interrupted", "paused"))
        self._list_past_runs()
        journal, before = run.journal_path or RUNS, self.results
        self.results = RunResults(table, varied_columns, journal, warning, self._factory, self._client)
        self._results.children = self.results.widgets
        for widget in before.widgets if before else ():  # a page that loads asks for each that is open
            close_with_children(widget)
        progress = run.progress
        is_complete = progress.done == progress.total and not progress.unknown
        words = f"{progress}. {run.failure or ''} Written down in {run.journal_path}."
        self.status.value = html_views.status_html(
            "done" if is_complete else "failed", words.replace("  ", " ")
        )
        self._on_run_end()


def _check(grid: Grid) -> None:
    """See that the cases can be sent; of many, while somebody types, the first ones. A run checks all."""
    if len(grid) <= _MAX_CHECKED:
        grid.check()
        return
    for number in range(_MAX_CHECKED):
        if wrong := grid[number].complaints():
            raise InvalidValueError(wrong)


def _number(text: str) -> Any:
    """What was typed as a number; other text goes on as it is, so that the run complains about it."""
    text = text.strip()
    if not text:
        return None
    try:
        return int(text) if text.isascii() and text.isdigit() else float(text)
    except ValueError:
        return text


def _table_html(caption: str, columns: list[str], rows: list[list[object]]) -> str:
    head = "".join(map(column_html, columns))
    body = "".join(
        "<tr>"
        + "".join(f"<td>{esc(clean(html_views.shortened(cell_text(cell))))}</td>" for cell in row)
        + "</tr>"
        for row in rows
    )
    return (
        f'<div role="region" aria-label="{esc(caption)}" tabindex="0"><table>'
        f"<caption>{esc(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def saved_table_html(tab: ExperimentTab | None) -> str:
    """The last run's table, for places that show no widgets."""
    if tab is None or tab._table is None:
        return ""
    table = tab._table.head(_ROWS)
    rows = [[cell_text(cell) for cell in row] for row in table.itertuples(index=False)]
    return table_html(f"The last run: {len(tab._table):,} cases", list(table.columns), rows)
