"""``latency_over_time``: median, 95 % and slowest call of each interval of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from lpnb._internal.display import count
from lpnb.plots.canvas import blank_canvas
from lpnb.plots.case_matrix import check_table
from lpnb.plots.figure import Picture
from lpnb.plots.latency import STEPS, chart, duration_text, elapsed_text, legend
from lpnb.plots.themes import Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAX_INTERVALS = 60
_BASE = "#5e64f3"


@dataclass(frozen=True, slots=True)
class LatencyInterval:
    """The calls of one step: when it starts, in seconds, how many they are, how long they took in ms."""

    start: float
    count: int
    median: float
    within_95: float
    slowest: float


class LatencyOverTimePicture(Picture):
    """How long calls took while a run went on. Made by ``latency_over_time``; ``steps`` has the figures."""

    def __init__(
        self, steps: list[LatencyInterval], step: float, start: pd.Timestamp | None, missing_count: int
    ) -> None:
        self.steps = steps
        self.step = step
        self.title = "How long calls took over time"
        rest = f"; {missing_count:,} more without a time" if missing_count else ""
        if start is None:
            self.summary = f"No call has a time{rest}"
            return
        when = f"{start:%Y-%m-%d %H:%M:%S} UTC"
        if sum(interval.count for interval in steps) == 1:
            self.summary = f"1 call, at {when}: {duration_text(steps[0].median)}{rest}"
            return
        medians = _range([interval.median for interval in steps])
        within_95 = _range([interval.within_95 for interval in steps])
        self.summary = (
            f"{count(sum(interval.count for interval in steps), 'call')} from {when}, "
            f"in steps of {elapsed_text(step)}: median {medians}, 95 % within {within_95}{rest}"
        )

    def table(self) -> pd.DataFrame:
        """A row for each step that has calls.

        Columns ``seconds`` (float64, since the first call), ``calls`` (int64), ``median_ms``,
        ``within_95_ms`` and ``slowest_ms`` (float64).
        """
        names = ["seconds", "calls", "median_ms", "within_95_ms", "slowest_ms"]
        rows = [
            (interval.start, interval.count, interval.median, interval.within_95, interval.slowest)
            for interval in self.steps
        ]
        kinds = {name: "int64" if name == "calls" else "float64" for name in names}
        return pd.DataFrame(rows, columns=names).astype(kinds)

    def _rows(self) -> tuple[list[str], list[list[object]]]:
        rows: list[list[object]] = [
            [f"from {elapsed_text(interval.start)}", interval.count]
            + [duration_text(value) for value in (interval.median, interval.within_95, interval.slowest)]
            for interval in self.steps
        ]
        return ["", "calls", "median", "95 % within", "slowest"], rows

    def _draw(self, theme: Theme) -> Figure:
        from matplotlib.lines import Line2D

        if not self.steps:
            return blank_canvas(self.title, f"{self.summary}.", theme)
        canvas, axes = chart(self, theme, "since the first call", "milliseconds")
        centres = [interval.start + self.step / 2 for interval in self.steps]
        slowest = max(interval.slowest for interval in self.steps)
        fastest = min(interval.median for interval in self.steps)
        axes.set_xlim(0, self.steps[-1].start + self.step)
        axes.xaxis.set_major_formatter(lambda value, _: elapsed_text(value))
        if fastest > 0 and slowest / fastest > 20:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
            axes.yaxis.set_minor_formatter(lambda value, _: "")
            axes.set_ylim(fastest / 1.5, slowest * 1.5)
        else:
            axes.set_ylim(0, slowest * 1.1 or 1.0)
        ink = theme.fill(_BASE, 0.95)
        for group in _split_at_gaps(self.steps, self.step):
            x_values = [interval.start + self.step / 2 for interval in group]
            medians = [interval.median for interval in group]
            within_95 = [interval.within_95 for interval in group]
            axes.fill_between(x_values, medians, within_95, color=_BASE, alpha=0.28, linewidth=0)
            axes.plot(x_values, within_95, color=ink, linewidth=1.0, linestyle="--")
            axes.plot(x_values, medians, color=ink, linewidth=1.8)
            if len(group) == 1:  # a line of one point would not be seen
                axes.vlines(x_values, medians, within_95, color=_BASE, alpha=0.28, linewidth=6)
                axes.plot(x_values, within_95, color=ink, marker="_", markersize=8)
                axes.plot(x_values, medians, color=ink, marker="o", markersize=4)
        axes.plot(
            centres, [interval.slowest for interval in self.steps], color=theme.muted, linestyle="",
            marker="x", markersize=3.5,
            markeredgewidth=0.9,
        )  # fmt: skip
        handles = [
            Line2D([], [], color=ink, linewidth=1.8),
            Line2D([], [], color=ink, linewidth=1.0, linestyle="--"),
            Line2D([], [], color=theme.muted, linestyle="", marker="x", markersize=3.5),
        ]
        legend(canvas, handles, ["median", "95 % within", "slowest"], theme)
        return canvas.finish()


def latency_over_time(table: pd.DataFrame) -> LatencyOverTimePicture:
    """Show how long calls took while a run went on: did they become slower?

    Args:
        table: One row per call, with ``sent_at``, and ``elapsed_ms`` in milliseconds.

    Raises:
        InvalidValueError: The table lacks one of them.

    Example:
        >>> times = pd.to_datetime(["2026-01-01T00:00:00Z", "2026-01-01T00:00:07Z", None], utc=True)
        >>> picture = latency_over_time(pd.DataFrame({"sent_at": times, "elapsed_ms": [10.0, 30.0, None]}))
        >>> picture.table()["median_ms"].to_list()
        [10.0, 30.0]
    """
    table = check_table(table, ("sent_at", "sent_at"), ("elapsed_ms", "elapsed_ms"))
    send_times = pd.to_datetime(table["sent_at"], utc=True)
    durations = pd.to_numeric(table["elapsed_ms"], errors="coerce").astype("float64")
    valid = send_times.notna() & (durations >= 0) & (durations < math.inf)
    if not valid.any():
        return LatencyOverTimePicture([], 1.0, None, len(table))
    start = send_times[valid].min()
    seconds = (send_times[valid] - start).dt.total_seconds()
    step = next((step for step in STEPS if seconds.max() / step < _MAX_INTERVALS), STEPS[-1])
    groups = durations[valid].groupby((seconds / step).astype("int64"))
    figures = groups.agg(["count", "median", "max"]).assign(within_95=groups.quantile(0.95))
    steps = [
        LatencyInterval(
            number * step, int(row["count"]), float(row["median"]), float(row["within_95"]), float(row["max"])
        )
        for number, row in zip(figures.index.tolist(), figures.to_dict("records"), strict=True)
    ]
    return LatencyOverTimePicture(steps, step, start, int((~valid).sum()))


def _range(values: list[float]) -> str:
    low, high = duration_text(min(values)), duration_text(max(values))
    return low if low == high else f"{low} to {high}"


def _split_at_gaps(steps: list[LatencyInterval], step: float) -> list[list[LatencyInterval]]:
    """Steps side by side; a line over a time without calls would tell of calls that nobody made."""
    groups = [[steps[0]]]
    for interval in steps[1:]:
        if interval.start - groups[-1][-1].start > 1.5 * step:
            groups.append([])
        groups[-1].append(interval)
    return groups
