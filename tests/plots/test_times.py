"""How long calls took, and how many there were a second."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lpnb import plots
from lpnb.errors import InvalidValueError

START = pd.Timestamp("2026-03-01T12:00:00Z")


def calls(*times: float | None, outcomes: list[str] | None = None) -> pd.DataFrame:
    """Calls that took so many milliseconds, one a second."""
    sent = [START + pd.Timedelta(seconds=number) for number in range(len(times))]
    table = pd.DataFrame(
        {"elapsed_ms": pd.array(times, dtype="Float64"), "sent_at": pd.to_datetime(sent, utc=True)}
    )
    return table if outcomes is None else table.assign(outcome=outcomes)


def drawn(picture: plots.Picture) -> list[str]:
    figure = picture.figure("dark")
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    legends = [
        text.get_text().replace("\u200e", "") for legend in figure.legends for text in legend.get_texts()
    ]
    return texts + legends


def test_the_distribution_is_told_in_words_and_marked_in_the_picture() -> None:
    latency = plots.latency(calls(*range(1, 101), outcomes=["answered"] * 90 + ["unknown"] * 10))

    assert latency.summary == (
        "100 calls: median 50.5 ms, 95 % within 95 ms, 99 % within 99 ms, slowest 100 ms"
    )
    assert {"median 50.5 ms", "95 % within 95 ms", "99 % within 99 ms", "answered  90", "unknown  10"} <= set(
        drawn(latency)
    )
    assert latency.bars.total == 100


def test_every_call_is_in_one_bar_from_microseconds_to_minutes() -> None:
    latency = plots.latency(calls(0.004, 0.004, 5.0, 5.0, 90_000.0))

    assert latency.bars.total == 5
    assert sum(latency.bars.counts["calls"][:1]) == 2
    assert latency.bars.counts["calls"][-1] == 1
    assert latency.summary.endswith("slowest 90 s")
    assert latency.png().startswith(b"\x89PNG")


def test_calls_without_a_time_are_counted_apart() -> None:
    latency = plots.latency(calls(1.0, None, -1.0, float("inf")))

    assert latency.summary == "1 call: 1 ms; 3 more without a time"
    assert "1 ms" in drawn(latency)


@pytest.mark.parametrize(
    "times", [[8.0] * 40 + [54.0] * 8, [1.0] * 95 + [900.0] * 5, [900.0] * 95 + [1.0] * 5, [5.0] * 3]
)
def test_the_marks_are_within_the_picture_and_cover_nothing_of_each_other(times: list[float]) -> None:
    figure = plots.latency(calls(*times)).figure()
    renderer = FigureCanvasAgg(figure).get_renderer()
    (axes,) = (axes for axes in figure.axes if axes.get_xlabel() == "milliseconds")

    boxes = [text.get_window_extent(renderer) for text in axes.texts]

    assert len(boxes) == 3
    assert all(box.x1 <= axes.bbox.x1 and box.x0 >= axes.bbox.x0 for box in boxes)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_whether_calls_became_slower_is_told_and_drawn() -> None:
    picture = plots.latency_over_time(calls(*[10.0] * 60, *[40.0] * 60, 50.0, None))

    assert picture.step == 5
    assert picture.summary == (
        "121 calls from 2026-03-01 12:00:00 UTC, in steps of 5 s: median 10 ms to 50 ms, "
        "95 % within 10 ms to 50 ms; 1 more without a time"
    )
    table = picture.table()
    assert dict(table.dtypes.astype(str)) == {
        "seconds": "float64", "calls": "int64", "median_ms": "float64", "within_95_ms": "float64",
        "slowest_ms": "float64",
    }  # fmt: skip
    assert table.iloc[[0, 12, 24]].to_numpy().tolist() == [
        [0.0, 5.0, 10.0, 10.0, 10.0],
        [60.0, 5.0, 40.0, 40.0, 40.0],
        [120.0, 1.0, 50.0, 50.0, 50.0],
    ]
    assert {"median", "95 % within", "slowest"} <= set(drawn(picture))


def test_no_line_leads_over_a_time_without_calls() -> None:
    table = calls(*[10.0] * 20)
    table.loc[10:, "sent_at"] += pd.Timedelta(seconds=30)

    (axes,) = (axes for axes in plots.latency_over_time(table).figure().axes if axes.get_ylabel())

    solid = [line for line in axes.get_lines() if line.get_linestyle() == "-"]
    assert [len(line.get_xdata()) for line in solid] == [10, 10]


@pytest.mark.parametrize("times", [[5.0], [0.0, 0.0], [1.0, 90_000.0]])
def test_few_and_extreme_calls_are_drawn_over_time(times: list[float]) -> None:
    picture = plots.latency_over_time(calls(*times))

    assert picture.svg("dark").endswith("</svg>\n")
    assert picture.table()["calls"].sum() == len(times)
    assert plots.latency_over_time(calls(5.0)).summary == "1 call, at 2026-03-01 12:00:00 UTC: 5 ms"


def test_a_short_run_is_counted_in_its_steps_and_not_blown_up_to_a_second() -> None:
    table = calls(*[1.0] * 12)
    table["sent_at"] = [START + pd.Timedelta(milliseconds=number // 3 * 10) for number in range(12)]

    rate = plots.rate(table)

    assert rate.title == "When calls were sent"
    assert rate.summary == "12 calls in 0.04 s, at most 3 in 0.01 s, from 2026-03-01 12:00:00 UTC"
    assert [axes.get_ylabel() for axes in rate.figure().axes if axes.get_ylabel()] == ["calls in 0.01 s"]
    assert plots.rate(table.head(1)).summary == "1 call, at 2026-03-01 12:00:00 UTC"


def test_the_rate_is_by_what_came_of_the_calls() -> None:
    rate = plots.rate(calls(*[1.0] * 90, outcomes=["answered", "refused", "unknown"] * 30))

    assert (rate.step, rate.bars.total) == (2, 90)
    assert set(rate.bars.counts["answered"]) <= {0, 1}
    assert rate.summary == (
        "90 calls in 1:30 min, 1 a second at the most, from 2026-03-01 12:00:00 UTC, in steps of 2 s"
    )
    assert {"answered  30", "refused  30", "unknown  30"} <= set(drawn(rate))


@pytest.mark.parametrize("days", [0, 1 / 864000, 1, 400])
def test_a_run_of_any_length_has_at_most_so_many_bars(days: float) -> None:
    table = calls(1.0, 1.0)
    table["sent_at"] = [START, START + pd.Timedelta(days=days)]

    rate = plots.rate(table)

    assert rate.bars.total == 2
    assert len(rate.bars.edges) <= 402
    assert rate.svg().endswith("</svg>\n")


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (plots.latency, "No call has a time"),
        (plots.latency_over_time, "No call has a time"),
        (plots.rate, "No call was sent"),
    ],
)
def test_no_calls_make_an_empty_picture_that_says_so(draw: type, words: str) -> None:
    empty = draw(calls())
    unsent = draw(pd.DataFrame({"elapsed_ms": [None], "sent_at": [pd.NaT]}))

    assert empty.summary == words
    assert unsent.summary.startswith(f"{words}; 1 more")
    assert f"{words}." in drawn(empty)
    assert "<svg " in empty._repr_html_()


@pytest.mark.parametrize("draw", [plots.latency, plots.rate])
def test_in_a_notebook_the_bars_are_a_table_too(draw: type) -> None:
    html = draw(calls(1.0, 2.0, outcomes=["answered", "refused"]))._repr_html_()

    assert html.count("<svg ") == 1
    assert 'scope="col"' in html
    assert "refused" in html


def test_a_table_without_times_is_refused() -> None:
    with pytest.raises(InvalidValueError) as caught:
        plots.latency(pd.DataFrame({"elapsed": [1.0]}))

    assert str(caught.value) == ("elapsed_ms must be 'elapsed'; got 'elapsed_ms'. Did you mean 'elapsed'?")
