"""``latency`` and ``rate``: a histogram of call durations, and calls per second over the time of a run."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pandas as pd

from lpnb._internal.display import count
from lpnb.plots.canvas import MARGIN, SMALL, TEXT, Canvas, blank_canvas
from lpnb.plots.case_matrix import check_table, text_values
from lpnb.plots.figure import Picture
from lpnb.plots.text_layout import drawable, with_count, wrap
from lpnb.plots.themes import NEUTRAL, OUTCOMES, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PLOT_WIDTH, _PLOT_HEIGHT = 560.0, 200.0
#: Widths of a bar of time, in seconds.
STEPS = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600,
    86400,
)  # fmt: skip
_MAX_BARS = 80
#: From which share of the width on a mark's name stands to its left.
_LABEL_FLIP = 0.6
_LATENCY_BARS = 40
#: A second sign beside the colour: what went well is plain.
_HATCHES = {"answered": "", "refused": "///", "not sent": "...", "unknown": "xxx", "planned": "---"}


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in bars side by side: where each bar ends, and for every outcome how many lie in each bar."""

    edges: tuple[float, ...]
    counts: dict[str, tuple[int, ...]]

    @property
    def total(self) -> int:
        """How many are counted."""
        return sum(map(sum, self.counts.values()))


class LatencyPicture(Picture):
    """How long calls took, in milliseconds. Made by ``latency``; ``quantiles`` has median, 95 % and 99 %."""

    def __init__(self, bars: Histogram, quantiles: dict[str, float], slowest: float, without: int) -> None:
        self.bars = bars
        self.quantiles = quantiles
        self.title = "How long calls took"
        rest = f"; {without:,} more without a time" if without else ""
        if bars.total == 1:
            self.summary = f"1 call: {duration_text(slowest)}{rest}"
        elif bars.total:
            figures = ", ".join(f"{name} {duration_text(value)}" for name, value in quantiles.items())
            self.summary = f"{count(bars.total, 'call')}: {figures}, slowest {duration_text(slowest)}{rest}"
        else:
            self.summary = f"No call has a time{rest}"

    def _rows(self) -> tuple[list[str], list[list[object]]]:
        return _histogram_rows(
            self.bars, [f"{duration_text(a)} to {duration_text(b)}" for a, b in pairwise(self.bars.edges)]
        )

    def _draw(self, theme: Theme) -> Figure:
        if not self.bars.total:
            return blank_canvas(self.title, f"{self.summary}.", theme)
        canvas, axes = chart(self, theme, "milliseconds", "calls")
        edges = self.bars.edges
        ratios = edges[1] / edges[0] if edges[0] > 0 else 0.0
        if ratios > 1.0 and math.isclose(edges[-1] / edges[-2], ratios, rel_tol=1e-6):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
            axes.xaxis.set_minor_formatter(lambda value, _: "")
        top = _draw_stacked_bars(axes, self.bars, [1.0] * (len(edges) - 1), theme)
        axes.set_ylim(0, top * 1.3)
        _draw_markers(
            axes, self.quantiles if self.bars.total > 1 else {"": max(self.quantiles.values())}, theme
        )
        _bars_legend(canvas, self.bars, theme)
        return canvas.finish()


class RatePicture(Picture):
    """How many calls there were over time. Made by ``rate``; ``step`` is a bar's width in seconds.

    Bars of a second or more show calls a second. Shorter ones show how many calls there were in each: a dozen
    in a hundredth of a second are not 1,200 a second.
    """

    def __init__(self, bars: Histogram, step: float, start: pd.Timestamp | None, without: int) -> None:
        self.bars = bars
        self.step = step
        self.start = start
        self.title = "How many calls a second" if step >= 1 else "When calls were sent"
        rest = f"; {without:,} more that were never sent" if without else ""
        if start is None:
            self.summary = f"No call was sent{rest}"
            return
        when = f"{start:%Y-%m-%d %H:%M:%S} UTC"
        peak_count = max(map(sum, zip(*bars.counts.values(), strict=True)))
        total_text = f"{count(bars.total, 'call')} in {elapsed_text(bars.edges[-1])}"
        if bars.total == 1:
            self.summary = f"1 call, at {when}{rest}"
        elif step >= 1:
            peak = f"{peak_count / step:,.4g} a second at the most"
            self.summary = f"{total_text}, {peak}, from {when}, in steps of {elapsed_text(step)}{rest}"
        else:
            self.summary = f"{total_text}, at most {peak_count:,} in {elapsed_text(step)}, from {when}{rest}"

    def _rows(self) -> tuple[list[str], list[list[object]]]:
        return _histogram_rows(self.bars, [f"from {elapsed_text(edge)}" for edge in self.bars.edges[:-1]])

    def _draw(self, theme: Theme) -> Figure:
        if self.start is None:
            return blank_canvas(self.title, f"{self.summary}.", theme)
        y_label, width = (
            ("calls a second", self.step) if self.step >= 1 else (f"calls in {elapsed_text(self.step)}", 1)
        )
        canvas, axes = chart(self, theme, "since the first call", y_label)
        top = _draw_stacked_bars(axes, self.bars, [width] * (len(self.bars.edges) - 1), theme)
        axes.set_ylim(0, top * 1.08)
        axes.set_xlim(0, self.bars.edges[-1])
        axes.xaxis.set_major_formatter(lambda value, _: elapsed_text(value))
        _bars_legend(canvas, self.bars, theme)
        return canvas.finish()


def latency(table: pd.DataFrame) -> LatencyPicture:
    """Show how long calls took: the distribution of ``elapsed_ms``, the last attempt of each.

    Args:
        table: One row per call, with ``elapsed_ms`` in milliseconds; by ``outcome`` where it has that.

    Raises:
        InvalidValueError: The table has no ``elapsed_ms``.

    Example:
        >>> latency(pd.DataFrame({"elapsed_ms": [10.0, 12.0, None]})).summary
        '2 calls: median 11 ms, 95 % within 11.9 ms, 99 % within 12 ms, slowest 12 ms; 1 more without a time'
    """
    table = check_table(table, ("elapsed_ms", "elapsed_ms"))
    times = pd.to_numeric(table["elapsed_ms"], errors="coerce").astype("float64")
    valid = times[(times >= 0) & (times < math.inf)]
    if valid.empty:
        return LatencyPicture(Histogram((), {}), {}, 0.0, len(times))
    low, high = float(valid.min()), float(valid.max())
    names = {"median": 0.5, "95 % within": 0.95, "99 % within": 0.99}
    quantiles = {name: float(valid.quantile(share)) for name, share in names.items()}
    bars = _bars(valid.to_list(), _outcomes(table).loc[valid.index].to_list(), _edges(low, high))
    return LatencyPicture(bars, quantiles, high, len(times) - len(valid))


def rate(table: pd.DataFrame) -> RatePicture:
    """Show how many calls were sent over time, by what came of them: a second, in a run of a minute or more.

    Args:
        table: One row per call, with ``sent_at``; by ``outcome`` where it has that.

    Raises:
        InvalidValueError: The table has no ``sent_at``.

    Example:
        >>> times = pd.to_datetime(["2026-01-01T00:00:00Z", "2026-01-01T00:00:07Z", None], utc=True)
        >>> rate(pd.DataFrame({"sent_at": times})).summary[:57]
        '2 calls in 7.1 s, at most 1 in 0.1 s, from 2026-01-01 00:'
    """
    table = check_table(table, ("sent_at", "sent_at"))
    times = pd.to_datetime(table["sent_at"], utc=True)
    valid = times[times.notna()]
    if valid.empty:
        return RatePicture(Histogram((), {}), 1.0, None, len(times))
    start = valid.min()
    seconds = (valid - start).dt.total_seconds()
    step = next((step for step in STEPS if seconds.max() / step < _MAX_BARS), STEPS[-1])
    edges = [step * number for number in range(int(seconds.max() / step) + 2)]
    bars = _bars(seconds.to_list(), _outcomes(table).loc[valid.index].to_list(), edges)
    return RatePicture(bars, step, start, len(times) - len(valid))


def _outcomes(table: pd.DataFrame) -> pd.Series:
    if "outcome" in table:
        return text_values(table["outcome"])
    return pd.Series("calls", index=table.index)


def _edges(low: float, high: float) -> list[float]:
    """Even steps, or even ratios where the slowest took many times as long as the quickest."""
    if low == high:
        low, high = 0.0, 2 * high or 1.0
    if low > 0 and high / low > 20:
        ratio = (high / low) ** (1 / _LATENCY_BARS)
        return [*(low * ratio**number for number in range(_LATENCY_BARS)), high]
    return [*(low + (high - low) * number / _LATENCY_BARS for number in range(_LATENCY_BARS)), high]


def _bars(values: Sequence[float], outcomes: Sequence[str], edges: Sequence[float]) -> Histogram:
    order = [*(name for name in OUTCOMES if name in outcomes), *sorted(set(outcomes) - OUTCOMES.keys())]
    counts = {name: [0] * (len(edges) - 1) for name in order}
    for value, outcome in zip(values, outcomes, strict=True):
        position = bisect.bisect_right(edges, value) - 1
        counts[outcome][min(max(position, 0), len(edges) - 2)] += 1
    return Histogram(tuple(edges), {name: tuple(cells) for name, cells in counts.items()})


def chart(picture: Picture, theme: Theme, x_label: str, y_label: str) -> tuple[Canvas, Axes]:
    """A sheet with title and summary, and axes below them."""
    from matplotlib.ticker import MaxNLocator

    summary_lines = wrap(picture.summary, TEXT, _PLOT_WIDTH, 3)
    top = MARGIN + 22 + 12 * len(summary_lines) + 14
    high = top + _PLOT_HEIGHT + 66
    canvas = Canvas(_PLOT_WIDTH + 2 * MARGIN, high, theme)
    canvas.lines([picture.title], MARGIN, MARGIN, 14, step=18, weight="bold")
    canvas.lines(summary_lines, MARGIN, MARGIN + 20, TEXT, step=12, colour=theme.muted)
    total_width = _PLOT_WIDTH + 2 * MARGIN
    position = (
        (MARGIN + 34) / total_width,
        1 - (top + _PLOT_HEIGHT) / high,
        (_PLOT_WIDTH - 38) / total_width,
        _PLOT_HEIGHT / high,
    )
    axes = canvas.figure.add_axes(position, facecolor=theme.paper)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(theme.line)
    axes.tick_params(
        which="both", colors=theme.muted, labelcolor=theme.muted, labelsize=SMALL, length=3, width=0.6
    )
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=theme.line, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(x_label, fontsize=SMALL, color=theme.muted, weight="bold")
    axes.set_ylabel(y_label, fontsize=SMALL, color=theme.muted, weight="bold")
    axes.yaxis.set_major_locator(
        MaxNLocator(
            7, steps=[1, 2, 5, 10], integer=y_label.startswith("calls") and y_label != "calls a second"
        )
    )
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    return canvas, axes


def _draw_stacked_bars(axes: Axes, bars: Histogram, widths: Sequence[float], theme: Theme) -> float:
    """Bars on top of one another; how high the highest is."""
    below = [0.0] * len(widths)
    lefts = list(bars.edges[:-1])
    bar_widths = [right - left for left, right in pairwise(bars.edges)]
    for name, counts in bars.counts.items():
        heights = [count / width for count, width in zip(counts, widths, strict=True)]
        axes.bar(
            lefts, heights, bar_widths, below, align="edge", color=theme.fill(_colour(name), 0.85),
            edgecolor=theme.paper, linewidth=0.6, hatch=_HATCHES.get(name, ""),
        )  # fmt: skip
        below = [base + height for base, height in zip(below, heights, strict=True)]
    return max(below)


def _draw_markers(axes: Axes, marks: dict[str, float], theme: Theme) -> None:
    """Lines at *marks* with their names and times, each name on a height of its own and inside the picture.

    Names beside the right edge stand to the left of their line, which then ends below those further right.
    """
    low, high = axes.get_xlim()  # as it is now, so that nothing moves afterwards
    axes.set_xlim(low, high)
    shares = {
        name: float(axes.transAxes.inverted().transform(axes.transData.transform((value, 0)))[0])
        for name, value in marks.items()
    }
    left = [name for name in marks if shares[name] <= _LABEL_FLIP]
    right = [name for name in marks if shares[name] > _LABEL_FLIP]
    for level, name in enumerate([*left, *reversed(right)]):
        on_right = name in left
        height = 0.97 - 0.075 * level
        axes.axvline(
            marks[name], 0, height, color=theme.ink, linewidth=1.0, zorder=2 - level / 10,
            linestyle=("-", "--", ":")[list(marks).index(name)],
        )  # fmt: skip
        axes.annotate(
            f"{name} {duration_text(marks[name])}".strip(), (marks[name], height), (5 if on_right else -5, 0),
            xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
            ha="left" if on_right else "right", fontsize=SMALL, color=theme.ink,
            bbox={"facecolor": theme.paper, "linewidth": 0, "pad": 1},
        )  # fmt: skip


def _bars_legend(canvas: Canvas, bars: Histogram, theme: Theme) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=theme.fill(_colour(name), 0.85), edgecolor=theme.paper, hatch=_HATCHES.get(name, ""))
        for name in bars.counts
    ]
    labels = [
        drawable(with_count(wrap(name, SMALL, 120, 1)[0], sum(counts)))
        for name, counts in bars.counts.items()
    ]
    legend(canvas, handles, labels, theme)


def legend(canvas: Canvas, handles: Sequence[Any], labels: Sequence[str], theme: Theme) -> None:
    """What is drawn how, below a chart."""
    canvas.figure.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(MARGIN / (_PLOT_WIDTH + 2 * MARGIN), 0.01),
        ncols=min(len(labels), 5), frameon=False, fontsize=SMALL, labelcolor=theme.muted, handlelength=2.0,
        handleheight=1.0,
    )  # fmt: skip


def _colour(name: str) -> str:
    return OUTCOMES.get(name, "#5e64f3" if name == "calls" else NEUTRAL)


def _histogram_rows(bars: Histogram, names: Sequence[str]) -> tuple[list[str], list[list[object]]]:
    rows = zip(names, *bars.counts.values(), strict=True)
    return ["", *bars.counts], [[name, *cells] for name, *cells in rows if any(cells)]


def duration_text(value: float) -> str:
    """A time in the unit that suits it.

    Example:
        >>> duration_text(0.25), duration_text(12.0), duration_text(2500)
        ('0.25 ms', '12 ms', '2.5 s')
    """
    return f"{value:.3g} ms" if value < 1000 else f"{value / 1000:.3g} s"


def elapsed_text(seconds: float) -> str:
    """A time since a beginning.

    Example:
        >>> elapsed_text(0.25), elapsed_text(75), elapsed_text(3675)
        ('0.25 s', '1:15 min', '1:01:15')
    """
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"
