"""How long calls took, and how many there were in a second: two pictures over the times of a table.

They take per-case and per-reqId tables alike; a call is a row.
"""

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

_WIDE, _HIGH, _PLOT = 560.0, 330.0, 200.0
#: Widths of a bar of time, in seconds.
STEPS = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600,
    86400,
)  # fmt: skip
_MOST_BARS = 80
#: From which share of the width on a mark's name stands to its left.
_TURN = 0.6
_BARS = 40
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
            told = ", ".join(f"{name} {duration_text(value)}" for name, value in quantiles.items())
            self.summary = f"{count(bars.total, 'call')}: {told}, slowest {duration_text(slowest)}{rest}"
        else:
            self.summary = f"No call has a time{rest}"

    def _rows(self) -> tuple[list[str], list[list[object]]]:
        return _histogram_rows(
            self.bars, [f"{duration_text(a)} to {duration_text(b)}" for a, b in pairwise(self.bars.edges)]
        )

    def _draw(self, theme: Theme) -> Figure:
        if not self.bars.total:
            return blank_canvas(self.title, f"{self.summary}.", theme)
        sheet, axes = chart(self, theme, "milliseconds", "calls")
        edges = self.bars.edges
        ratios = edges[1] / edges[0] if edges[0] > 0 else 0.0
        if ratios > 1.0 and math.isclose(edges[-1] / edges[-2], ratios, rel_tol=1e-6):
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}")
            axes.xaxis.set_minor_formatter(lambda value, _: "")
        top = _stack(axes, self.bars, [1.0] * (len(edges) - 1), theme)
        axes.set_ylim(0, top * 1.3)
        _mark(axes, self.quantiles if self.bars.total > 1 else {"": max(self.quantiles.values())}, theme)
        _bars_legend(sheet, self.bars, theme)
        return sheet.finish()


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
        most = max(map(sum, zip(*bars.counts.values(), strict=True)))
        told = f"{count(bars.total, 'call')} in {elapsed_text(bars.edges[-1])}"
        if bars.total == 1:
            self.summary = f"1 call, at {when}{rest}"
        elif step >= 1:
            peak = f"{most / step:,.4g} a second at the most"
            self.summary = f"{told}, {peak}, from {when}, in steps of {elapsed_text(step)}{rest}"
        else:
            self.summary = f"{told}, at most {most:,} in {elapsed_text(step)}, from {when}{rest}"

    def _rows(self) -> tuple[list[str], list[list[object]]]:
        return _histogram_rows(self.bars, [f"from {elapsed_text(edge)}" for edge in self.bars.edges[:-1]])

    def _draw(self, theme: Theme) -> Figure:
        if self.start is None:
            return blank_canvas(self.title, f"{self.summary}.", theme)
        up, width = (
            ("calls a second", self.step) if self.step >= 1 else (f"calls in {elapsed_text(self.step)}", 1)
        )
        sheet, axes = chart(self, theme, "since the first call", up)
        top = _stack(axes, self.bars, [width] * (len(self.bars.edges) - 1), theme)
        axes.set_ylim(0, top * 1.08)
        axes.set_xlim(0, self.bars.edges[-1])
        axes.xaxis.set_major_formatter(lambda value, _: elapsed_text(value))
        _bars_legend(sheet, self.bars, theme)
        return sheet.finish()


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
    known = times[(times >= 0) & (times < math.inf)]
    if known.empty:
        return LatencyPicture(Histogram((), {}), {}, 0.0, len(times))
    low, high = float(known.min()), float(known.max())
    names = {"median": 0.5, "95 % within": 0.95, "99 % within": 0.99}
    quantiles = {name: float(known.quantile(share)) for name, share in names.items()}
    bars = _bars(known.to_list(), _outcomes(table).loc[known.index].to_list(), _edges(low, high))
    return LatencyPicture(bars, quantiles, high, len(times) - len(known))


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
    known = times[times.notna()]
    if known.empty:
        return RatePicture(Histogram((), {}), 1.0, None, len(times))
    start = known.min()
    seconds = (known - start).dt.total_seconds()
    step = next((step for step in STEPS if seconds.max() / step < _MOST_BARS), STEPS[-1])
    edges = [step * number for number in range(int(seconds.max() / step) + 2)]
    bars = _bars(seconds.to_list(), _outcomes(table).loc[known.index].to_list(), edges)
    return RatePicture(bars, step, start, len(times) - len(known))


def _outcomes(table: pd.DataFrame) -> pd.Series:
    if "outcome" in table:
        return text_values(table["outcome"])
    return pd.Series("calls", index=table.index)


def _edges(low: float, high: float) -> list[float]:
    """Even steps, or even ratios where the slowest took many times as long as the quickest."""
    if low == high:
        low, high = 0.0, 2 * high or 1.0
    if low > 0 and high / low > 20:
        ratio = (high / low) ** (1 / _BARS)
        return [*(low * ratio**number for number in range(_BARS)), high]
    return [*(low + (high - low) * number / _BARS for number in range(_BARS)), high]


def _bars(values: Sequence[float], outcomes: Sequence[str], edges: Sequence[float]) -> Histogram:
    order = [*(name for name in OUTCOMES if name in outcomes), *sorted(set(outcomes) - OUTCOMES.keys())]
    counts = {name: [0] * (len(edges) - 1) for name in order}
    for value, outcome in zip(values, outcomes, strict=True):
        place = bisect.bisect_right(edges, value) - 1
        counts[outcome][min(max(place, 0), len(edges) - 2)] += 1
    return Histogram(tuple(edges), {name: tuple(found) for name, found in counts.items()})


def chart(picture: Picture, theme: Theme, across: str, up: str) -> tuple[Canvas, Axes]:
    """A sheet with title and summary, and axes below them."""
    from matplotlib.ticker import MaxNLocator

    told = wrap(picture.summary, TEXT, _WIDE, 3)
    top = MARGIN + 22 + 12 * len(told) + 14
    high = top + _PLOT + 66
    sheet = Canvas(_WIDE + 2 * MARGIN, high, theme)
    sheet.lines([picture.title], MARGIN, MARGIN, 14, step=18, weight="bold")
    sheet.lines(told, MARGIN, MARGIN + 20, TEXT, step=12, colour=theme.muted)
    whole = _WIDE + 2 * MARGIN
    place = ((MARGIN + 34) / whole, 1 - (top + _PLOT) / high, (_WIDE - 38) / whole, _PLOT / high)
    axes = sheet.figure.add_axes(place, facecolor=theme.paper)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(theme.line)
    axes.tick_params(
        which="both", colors=theme.muted, labelcolor=theme.muted, labelsize=SMALL, length=3, width=0.6
    )
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=theme.line, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(across, fontsize=SMALL, color=theme.muted, weight="bold")
    axes.set_ylabel(up, fontsize=SMALL, color=theme.muted, weight="bold")
    axes.yaxis.set_major_locator(
        MaxNLocator(7, steps=[1, 2, 5, 10], integer=up.startswith("calls") and up != "calls a second")
    )
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    return sheet, axes


def _stack(axes: Axes, bars: Histogram, widths: Sequence[float], theme: Theme) -> float:
    """Bars on top of one another; how high the highest is."""
    below = [0.0] * len(widths)
    lefts = list(bars.edges[:-1])
    across = [right - left for left, right in pairwise(bars.edges)]
    for name, counts in bars.counts.items():
        heights = [count / width for count, width in zip(counts, widths, strict=True)]
        axes.bar(
            lefts, heights, across, below, align="edge", color=theme.fill(_colour(name), 0.85),
            edgecolor=theme.paper, linewidth=0.6, hatch=_HATCHES.get(name, ""),
        )  # fmt: skip
        below = [base + height for base, height in zip(below, heights, strict=True)]
    return max(below)


def _mark(axes: Axes, marks: dict[str, float], theme: Theme) -> None:
    """Lines at *marks* with their names and times, each name on a height of its own and inside the picture.

    Names beside the right edge stand to the left of their line, which then ends below those further right.
    """
    low, high = axes.get_xlim()  # as it is now, so that nothing moves afterwards
    axes.set_xlim(low, high)
    shares = {
        name: float(axes.transAxes.inverted().transform(axes.transData.transform((value, 0)))[0])
        for name, value in marks.items()
    }
    left = [name for name in marks if shares[name] <= _TURN]
    right = [name for name in marks if shares[name] > _TURN]
    for level, name in enumerate([*left, *reversed(right)]):
        beside = name in left
        height = 0.97 - 0.075 * level
        axes.axvline(
            marks[name], 0, height, color=theme.ink, linewidth=1.0, zorder=2 - level / 10,
            linestyle=("-", "--", ":")[list(marks).index(name)],
        )  # fmt: skip
        axes.annotate(
            f"{name} {duration_text(marks[name])}".strip(), (marks[name], height), (5 if beside else -5, 0),
            xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
            ha="left" if beside else "right", fontsize=SMALL, color=theme.ink,
            bbox={"facecolor": theme.paper, "linewidth": 0, "pad": 1},
        )  # fmt: skip


def _bars_legend(sheet: Canvas, bars: Histogram, theme: Theme) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(facecolor=theme.fill(_colour(name), 0.85), edgecolor=theme.paper, hatch=_HATCHES.get(name, ""))
        for name in bars.counts
    ]
    words = [
        drawable(with_count(wrap(name, SMALL, 120, 1)[0], sum(counts)))
        for name, counts in bars.counts.items()
    ]
    legend(sheet, handles, words, theme)


def legend(sheet: Canvas, handles: Sequence[Any], words: Sequence[str], theme: Theme) -> None:
    """What is drawn how, below a chart."""
    sheet.figure.legend(
        handles, words, loc="lower left", bbox_to_anchor=(MARGIN / (_WIDE + 2 * MARGIN), 0.01),
        ncols=min(len(words), 5), frameon=False, fontsize=SMALL, labelcolor=theme.muted, handlelength=2.0,
        handleheight=1.0,
    )  # fmt: skip


def _colour(name: str) -> str:
    return OUTCOMES.get(name, "#5e64f3" if name == "calls" else NEUTRAL)


def _histogram_rows(bars: Histogram, names: Sequence[str]) -> tuple[list[str], list[list[object]]]:
    rows = zip(names, *bars.counts.values(), strict=True)
    return ["", *bars.counts], [[name, *found] for name, *found in rows if any(found)]


def duration_text(value: float) -> str:
    """A time in the unit that suits it.

    Example:
        >>> milliseconds(0.25), milliseconds(12.0), milliseconds(2500)
        ('0.25 ms', '12 ms', '2.5 s')
    """
    return f"{value:.3g} ms" if value < 1000 else f"{value / 1000:.3g} s"


def elapsed_text(seconds: float) -> str:
    """A time since a beginning.

    Example:
        >>> clock(0.25), clock(75), clock(3675)
        ('0.25 s', '1:15 min', '1:01:15')
    """
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02} min"
