"""The part of the Experiment tab that learns which rules decide where conversations land."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import ipywidgets as ipw

from lpnb._internal import event_loop
from lpnb._internal.display import count
from lpnb.client import AsyncClient, Client
from lpnb.widgets import html_views
from lpnb.widgets.case_table import download_html
from lpnb.widgets.html_views import error_text
from lpnb.widgets.styles import WidgetFactory, set_visible
from lpnb.widgets.tabs.experiment_results import write_report

if TYPE_CHECKING:
    from lpnb.experiments.cases.grid import Grid
    from lpnb.experiments.learning.routing_rules import RoutingRules
    from lpnb.experiments.routing.learn import RoutingLearning

#: Seconds between two looks at what has been learned, and cases drawn at random at the end.
_POLL_INTERVAL, _VALIDATE = 0.5, 60


class LearningView:
    """A budget, a button, and the list of rules as it grows.

    Args:
        factory: The panel's layouts.
        grid: Returns the fields that vary, which are the factors.
        client: Returns who sends.
        folder: Where the journal and the rules are saved.
        is_confirmed: Whether somebody has typed the number of conversations that a real account is to open;
            otherwise it asks.
    """

    def __init__(
        self,
        factory: WidgetFactory,
        grid: Callable[[], Grid],
        client: Callable[[], Client | AsyncClient],
        folder: Path,
        is_confirmed: Callable[[Client | AsyncClient, int, str], bool],
    ) -> None:
        self._grid, self._client, self._folder, self._is_confirmed = grid, client, folder, is_confirmed
        self.learning: RoutingLearning | None = None
        self.rules: RoutingRules | None = None
        self._future: Future[None] | None = None
        text = {"layout": factory.plain, "style": factory.text}
        self.budget = ipw.Text(value="200", description="Budget", **text)
        self.start_button = factory.button("What decides?", lambda _: self.start(), "lpnb-more")
        self.stop_button = factory.button("Stop", lambda _: self.stop(), "lpnb-hidden")
        self.save_button = factory.button("Save the rules", lambda _: self.save(), "lpnb-hidden", "lpnb-tool")
        self.report_button = factory.button(
            "Write a report", lambda _: self.write_report(), "lpnb-hidden", "lpnb-tool"
        )
        self.status = factory.html("", "lpnb-status")
        self.note = factory.html("", "lpnb-note", "lpnb-flat")
        self.list = factory.html("", "lpnb-answers", "lpnb-rules")
        head = (
            "<h3>What decides?</h3><p>Learns, from few conversations, which of the fields above decide where "
            "they land. Budget is how many are opened at the most; each is closed.</p>"
        )
        buttons = [self.budget, self.start_button, self.stop_button, self.status]
        self.widgets = [
            factory.html(head, "lpnb-head"),
            factory.box(buttons, "lpnb-tools"),
            self.list,
            factory.box([self.save_button, self.report_button, self.note], "lpnb-tools"),
        ]

    def start(self) -> Future[None] | None:
        """Begin to learn; return the future of its end, or None when it is under way."""
        if self._future is not None and not self._future.done():
            return None
        self.start_button.disabled = True
        self._future = event_loop.submit(self._run())
        return self._future

    def stop(self) -> None:
        """Let nothing new leave; what is open is closed, and the rules so far stay."""
        if self.learning is not None:
            self.learning.stop()
            self.status.value = html_views.status_html("busy", "Stopping: what is open is closed …")

    async def _run(self) -> None:
        client = self._client()
        try:
            await asyncio.sleep(0.25)  # the page holds back the last of what was typed before the press
            budget = self.budget.value.strip()
            if not (budget.isascii() and budget.isdigit() and 2 <= int(budget) <= 100_000):
                raise ValueError(f"Budget must be a whole number from 2 to 100,000; got {budget[:40]!r}.")
            if client is not self._client() or not self._is_confirmed(client, int(budget), "What decides?"):
                return
            self.rules, self.note.value, self.list.value = None, "", ""
            self._show_buttons(False)
            await self._learn(client, int(budget))
        except Exception as error:  # an exception in a task would vanish unseen
            words = str(error) if isinstance(error, ValueError) else error_text(error, client)
            self.status.value = html_views.status_html("failed", words)
        finally:
            set_visible(self.stop_button, False)
            self.start_button.disabled = False

    async def _learn(self, client: Client | AsyncClient, budget: int) -> None:
        from lpnb.experiments.routing.learn import begin_learning
        from lpnb.experiments.runs.options import RunOptions

        is_real = not client.settings.on_loopback
        name = f"explorer-rules-{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        options = RunOptions(
            journal=self._folder / f"{name}.sqlite", live=is_real,
            confirm=budget if is_real else None, progress=False,
        )  # fmt: skip

        def tell(cost: str) -> None:
            self.note.value = html_views.note_html(cost)

        # Its first steps wait for hosts and a token, which this loop cannot do for itself.
        self.learning = learning = await asyncio.to_thread(
            begin_learning, tell, client, self._grid(), options,
            budget=budget, validate=min(_VALIDATE, budget // 4),
        )  # fmt: skip
        set_visible(self.stop_button, True)
        task = asyncio.ensure_future(learning.run)
        while not (await asyncio.wait([task], timeout=_POLL_INTERVAL))[0]:
            await self._show(learning)
            self.status.value = html_views.status_html("busy", f"{learning.progress}")
        task.result()
        await self._show(learning)
        self._show_buttons(True)
        sends = count(learning.progress.done, "send")
        words = (
            f"Learned from {sends}. {learning.run.failure or ''} Written down in {learning.run.journal_path}."
        )
        self.status.value = html_views.status_html("done", words.replace("  ", " "))

    async def _show(self, learning: RoutingLearning) -> None:
        """Show the rules so far, where there are other ones than are shown."""
        if learning.rules is not self.rules:
            self.rules = learning.rules
            self.list.value = await asyncio.to_thread(self.rules._repr_html_)

    def _show_buttons(self, visible: bool) -> None:
        for button in (self.save_button, self.report_button):
            set_visible(button, visible)

    def write_report(self) -> Future[None] | None:
        """Write what was learned as one HTML file beside the journal; return the future of it."""
        if self.rules is None or self.learning is None or self.learning.run.journal_path is None:
            return None
        journal = Path(self.learning.run.journal_path)
        return event_loop.submit(write_report(self.rules, journal, self.note, self._client))

    def save(self) -> Path | None:
        """Save the rules beside the journal, and say where; None when that failed."""
        try:
            if self.rules is None or self.learning is None or self.learning.run.journal_path is None:
                raise ValueError("There are no rules to save.")
            path = Path(self.learning.run.journal_path).with_suffix(".json")
            self.rules.save(path)
        except Exception as error:  # an exception in a callback would vanish unseen
            self.note.value = html_views.note_html("", error_text(error, self._client()))
            return None
        note = html_views.note_html(f"Saved in {path}: RoutingRules.load reads it.")
        self.note.value = note + download_html(path)
        return path
