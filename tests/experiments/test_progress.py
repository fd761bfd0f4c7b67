"""Progress: a value that says how far a run is, and what it looks like in a log and in a terminal."""

from __future__ import annotations

import io
import struct
import sys

import pytest

from lpnb import Progress
from lpnb.experiments.runs.progress import LogLines, Speed, display_for


def running(**counts):
    return Progress(**{"total": 100, "state": "running", **counts})


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (Progress(3), "0 of 3 cases; planned"),
        (running(), "0 of 100 cases"),
        (
            running(answered=10, refused=1, not_sent=2, unknown=3, rate=4.0),
            "16 of 100 cases: 10 answered, 1 refused, 2 not sent, 3 unknown; 4 a second, 21 s left",
        ),
        (running(answered=100, rate=9.0), "100 of 100 cases: 100 answered; 9 a second"),
        (Progress(100, answered=7, rate=9.0, state="paused"), "7 of 100 cases: 7 answered; paused"),
        (
            running(answered=50, rate=10.0, step="closing", followed=20, to_follow=100, step_rate=4.0),
            "50 of 100 cases: 50 answered; closing, 20 of 100; 10 a second, 20 s left",
        ),
        (
            running(answered=98, refused=2, step="closing", followed=60, to_follow=98, step_rate=4.0),
            "100 of 100 cases: 98 answered, 2 refused; closing, 60 of 98; 10 s left",
        ),
        (
            running(answered=50, rate=10.0, step="reading landings", to_follow=100),
            "50 of 100 cases: 50 answered; reading landings, 0 of 100; 10 a second",
        ),
    ],
)
def test_progress_says_how_far_it_is(progress, said):
    assert str(progress) == said


def test_the_share_that_is_done_counts_the_steps():
    assert running(answered=100, step="closing", followed=50, to_follow=100).share == 0.75
    assert running(answered=25).share == 0.25
    assert Progress(0).share == 0.0


def test_a_rate_is_that_of_the_last_seconds():
    now = [0.0]
    speed = Speed(clock=lambda: now[0], over=5.0)
    rates = []
    for second in range(1, 21):
        now[0] = float(second)
        rates.append(speed.rate(10 * second if second <= 10 else 100))

    assert rates[4] == 10.0
    assert rates[9] == 10.0
    assert rates[-1] == 0.0
    assert speed.seconds == 20.0


def test_a_log_gets_a_line_now_and_then_and_one_at_the_end():
    now, log = [0.0], io.StringIO()
    lines = LogLines(every=10.0, clock=lambda: now[0], file=log)
    for second in range(25):
        now[0] = float(second)
        lines.show(running(answered=second))
    lines.close(running(answered=25))

    assert log.getvalue().splitlines() == [
        "10 of 100 cases: 10 answered",
        "20 of 100 cases: 20 answered",
        "25 of 100 cases: 25 answered",
    ]


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    display = display_for(True, resumed=20)

    display.show(running(answered=50))
    display.close(running(answered=100))

    last = capsys.readouterr().err.split("\r")[-1]
    assert "100%" in last
    assert "100/100" in last
    assert "100 answered" in last


def test_where_none_is_wanted_there_is_no_display():
    assert display_for(False) is None


@pytest.mark.skipif(sys.platform == "win32", reason="has no such terminals")
@pytest.mark.parametrize(("columns", "in_lines"), [(0, True), (100, False)])
def test_a_terminal_that_does_not_say_how_wide_it_is_gets_lines(monkeypatch, columns, in_lines):
    import fcntl
    import pty
    import termios

    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with open(ours, "rb"), open(its, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        assert isinstance(display_for(True), LogLines) is in_lines


def test_a_bar_counts_from_the_beginning_of_the_run(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)

    display_for(True).close(running(answered=50, seconds=10.0))

    assert "00:10<00:10,  5.00 cases/s, 50 answered" in capsys.readouterr().err
