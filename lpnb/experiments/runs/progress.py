"""The progress of a run as a value, and its display in a notebook, a terminal and a log."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from lpnb._internal.display import count

#: What a case comes to.
OUTCOMES = ("answered", "refused", "not sent", "unknown")
#: Seconds between two lines where nobody can see a bar move.
LOG_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come: counts of cases by outcome.

    Attributes:
        total: How many cases there are.
        answered: Their conversation is open, its id known.
        refused: The service said no.
        not_sent: Tried, and certainly nothing was created.
        unknown: Bytes left and no usable answer came.
        sending: Under way at this moment.
        rate: Cases a second, of late; 0.0 while there is none.
        step: What is done last with each conversation, such as "closing"; empty when a run only sends.
        followed: With how many conversations everything has been done.
        to_follow: With how many in all, as far as that is known; it shrinks by what is refused.
        step_rate: Conversations a second with which everything has been done, of late.
        seconds: How long this session has lasted.
        state: As ``Run.state``.

    Example:
        >>> progress = Progress(total=2000, answered=800, refused=12, rate=204.0, state="running")
        >>> progress.left, round(progress.seconds_left, 1)
        (1188, 5.8)
        >>> print(progress)
        812 of 2,000 cases: 800 answered, 12 refused; 204 a second, 6 s left
        >>> print(Progress(600, answered=600, state="running", step="closing", followed=412, to_follow=600))
        600 of 600 cases: 600 answered; closing, 412 of 600
    """

    total: int
    answered: int = 0
    refused: int = 0
    not_sent: int = 0
    unknown: int = 0
    sending: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    state: str = "planned"
    step: str = ""
    followed: int = 0
    to_follow: int = 0
    step_rate: float = 0.0

    @classmethod
    def of(cls, total: int, outcomes: Mapping[str, int], sending: int, state: str) -> Progress:
        """The progress of *total* cases, of which so many came to each of *outcomes*."""
        answered, refused, not_sent, unknown = (outcomes.get(name, 0) for name in OUTCOMES)
        return cls(total, answered, refused, not_sent, unknown, sending, state=state)

    @property
    def done(self) -> int:
        """How many cases have an outcome."""
        return self.answered + self.refused + self.not_sent + self.unknown

    @property
    def left(self) -> int:
        """How many cases have none."""
        return self.total - self.done

    @property
    def seconds_left(self) -> float | None:
        """How long it will take at this rate, steps included, or None when that cannot be said."""
        rest = [(self.left, self.rate)]
        if self.step:  # steps go on beside the sending, so that the slower of the two decides
            rest = [*(rest if self.left else []), (self.to_follow - self.followed, self.step_rate)]
        if self.state != "running" or any(rate <= 0 for _, rate in rest):
            return None
        return max(many / rate for many, rate in rest)

    @property
    def share(self) -> float:
        """Which part of the work is done, steps included: 0.0 to 1.0."""
        return (self.done + self.followed) / max(self.total + self.to_follow, 1)

    @property
    def step_text(self) -> str:
        """How far the steps are, such as "closing, 412 of 600"; empty where there are none."""
        return f"{self.step}, {self.followed:,} of {self.to_follow:,}" if self.step else ""

    @property
    def counts(self) -> str:
        """The outcomes there are, such as "800 answered, 12 refused"."""
        named_counts = (
            (self.answered, "answered"),
            (self.refused, "refused"),
            (self.not_sent, "not sent"),
            (self.unknown, "unknown"),
        )
        return ", ".join(f"{count:,} {name}" for count, name in named_counts if count)

    def __str__(self) -> str:
        parts = [f"{self.done:,} of {self.total:,} cases"]
        if self.counts:
            parts[0] += f": {self.counts}"
        if self.state != "running":
            return "; ".join([*parts, self.state])
        speed = [f"{self.rate:,.0f} a second"] if self.rate else []
        if self.seconds_left:
            speed.append(f"{duration_text(self.seconds_left)} left")
        return "; ".join(filter(None, [*parts, self.step_text, ", ".join(speed)]))


def duration_text(seconds: float) -> str:
    """A time as people say it.

    Example:
        >>> [duration_text(seconds) for seconds in (5.8, 90, 7300)]
        ['6 s', '1 min 30 s', '2 h 1 min']
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Display(Protocol):
    """Whatever shows progress while somebody waits."""

    def show(self, progress: Progress) -> None:
        """Show it as it is now."""
        ...

    def close(self, progress: Progress) -> None:
        """Show it a last time."""
        ...


def interrupt_notice(progress: Progress, resume_hint: str) -> str:
    """What an interrupt has left, and how to go on.

    Example:
        >>> interrupt_notice(Progress(3, answered=1, state="stopped"), "run.resume()")
        'Stopped. 1 of 3 cases: 1 answered; stopped. run.resume() goes on.'
    """
    ends = f" Still waiting for {count(progress.sending, 'answer')}." if progress.sending else ""
    return f"Stopped. {progress}.{ends} {resume_hint} goes on."


def advice(
    progress: Progress,
    failure: str | None,
    resume_hint: str,
    settle_hint: str,
    *,
    tried_one: bool = False,
) -> str | None:
    """What to do next with a run, in the words for resuming and settling it, or None.

    Example:
        >>> advice(Progress(3, answered=2, not_sent=1, state="done"), None, "run.resume()", "run.settle()")
        'run.resume() sends the 1 not sent.'
    """
    sentence = {
        "paused": failure or "The run paused.",
        "failed": f"The run ended: {failure}",
        "stopped": "The run was stopped.",
        "interrupted": "Its process ended in the middle.",
        "done": "",
    }.get(progress.state)
    if sentence is None:
        return None
    sentence += " One more was tried after a wait, and got none either." if tried_one else ""
    if settle_hint and progress.unknown:
        sentence += f" {settle_hint} looks for the {progress.unknown:,} unknown."
    if progress.state != "done":
        sentence += f" {resume_hint} goes on."
    elif progress.not_sent:
        sentence += f" {resume_hint} sends the {progress.not_sent:,} not sent."
    return sentence.strip() or None


def display_for(progress: bool | Display, resumed: int = 0) -> Display | None:
    """The display that fits where we are: a widget, a bar, or lines in a log; None where none is wanted."""
    if not isinstance(progress, bool):
        return progress
    if not progress:
        return None
    if _in_notebook() or (sys.stderr.isatty() and _has_width()):
        return _ProgressBar(resumed)
    return LogLines()


class _ProgressBar:
    """tqdm's bar: a widget in JupyterLab, characters in a terminal."""

    def __init__(self, resumed: int) -> None:
        self._resumed = resumed
        self._bar: Any = None

    def show(self, progress: Progress) -> None:
        if self._bar is None:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=progress.total, initial=self._resumed, unit=" cases", dynamic_ncols=True)
            self._bar.start_t = self._bar.last_print_t = self._bar.start_t - progress.seconds
        if (more := progress.done - self._bar.n) > 0:
            self._bar.update(more)
        words = progress.step_text if progress.state == "running" else progress.state
        self._bar.set_postfix_str("; ".join(filter(None, (progress.counts, words))), refresh=False)
        self._bar.refresh()

    def close(self, progress: Progress) -> None:
        self.show(progress)
        self._bar.close()


class LogLines:
    """A line every ten seconds, for a log: a bar would fill it with control characters."""

    def __init__(
        self, every: float = LOG_EVERY, clock: Callable[[], float] = time.monotonic, file: Any = None
    ) -> None:
        self._every = every
        self._clock = clock
        self._file = file
        self._next = clock() + every

    def show(self, progress: Progress) -> None:
        """Print a line when it is time for one."""
        if self._clock() >= self._next:
            self._next = self._clock() + self._every
            print(progress, file=self._file or sys.stderr, flush=True)

    def close(self, progress: Progress) -> None:
        """Print the last line."""
        print(progress, file=self._file or sys.stderr, flush=True)


def _has_width() -> bool:
    """Whether the terminal says how wide it is; in one that does not, a bar is drawn into nothing."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns > 0
    except (OSError, ValueError):
        return True


def _in_notebook() -> bool:
    """Whether output goes to a front end that draws widgets; IPython is loaded already if so."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return type(shell).__name__ == "ZMQInteractiveShell"


class Speed:
    """Cases a second over the last few seconds, from counts taken now and then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, over: float = 5.0) -> None:
        self._clock = clock
        self._over = over
        self._started_at = clock()
        self._marks: list[tuple[float, int]] = [(self._started_at, 0)]

    @property
    def seconds(self) -> float:
        """Since it was begun."""
        return self._clock() - self._started_at

    def rate(self, amount: int) -> float:
        """The rate now that this *amount* of cases of this session have an outcome."""
        now = self._clock()
        if now - self._marks[-1][0] >= 0.2:
            self._marks.append((now, amount))
            while len(self._marks) > 2 and now - self._marks[1][0] > self._over:
                del self._marks[0]
        since, before = self._marks[0]
        return (amount - before) / (now - since) if now > since else 0.0


class Counters:
    """Counts of one run that anybody may read at any time."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.outcomes = dict.fromkeys(OUTCOMES, 0)
        self.sending = 0
        self.outcome_count = 0
        """Cases of this session that have an outcome."""
        self.begin()
        self.state = "planned"

    def begin(self) -> None:
        """Note that a session begins."""
        self.state = "running"
        #: What is done last with a conversation, how many have been opened, and how many are done with.
        self.step, self.opened, self.followed = "", 0, 0
        self._speed, self._step_speed = Speed(), Speed()
        self.trouble = ""
        #: Whether one more was tried before it paused.
        self.tried_one = False

    def progress(self) -> Progress:
        """How far the run has come by now."""
        remaining = self.total - sum(self.outcomes.values())
        return replace(
            Progress.of(self.total, self.outcomes, self.sending, self.state),
            rate=self._speed.rate(self.outcome_count),
            seconds=self._speed.seconds,
            step=self.step,
            followed=self.followed,
            to_follow=self.opened + remaining if self.step else 0,
            step_rate=self._step_speed.rate(self.followed),
        )

    def count(self, outcome: str) -> None:
        """Note that one more case has an outcome."""
        self.outcomes[outcome] += 1
        self.outcome_count += 1
