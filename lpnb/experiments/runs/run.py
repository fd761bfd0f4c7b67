"""``Run``: one execution of an experiment, started here or opened from its journal.

A run goes on in the background event loop's thread. An interrupt of whoever waits for it ends the waiting at
once and lets nothing new leave; what has left is still answered and written down.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lpnb._internal import event_loop
from lpnb._internal.display import count, esc, table_html
from lpnb._printable import lines, one_line
from lpnb.errors import JournalError, LpnbError, RunError
from lpnb.experiments.runs.case_dispatcher import Dispatcher, OpenConversation, Session
from lpnb.experiments.runs.options import RunOptions
from lpnb.experiments.runs.progress import (
    Counters,
    Display,
    Progress,
    advice,
    display_for,
    interrupt_notice,
)
from lpnb.experiments.runs.reconcile import Settled
from lpnb.experiments.runs.results import Results
from lpnb.experiments.runs.resume import reconcile_run, resume_run
from lpnb.experiments.runs.step_dispatcher import make_dispatcher, unfinished_steps
from lpnb.journal import Journal, Reader

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client
    from lpnb.experiments.cases.cases import Cases
    from lpnb.experiments.cluster.worker_pool import WorkerPool

#: Seconds that an interrupted wait still gives to what has left.
GRACE = 0.5


class Run(Results):
    """One execution of an experiment. ``run_experiment`` and ``open_run`` make them.

    Attributes:
        name: What it is called.
        journal_path: The file that everything is written into; None for a dry run.

    Example:
        >>> Run("nothing-yet", 3)
        <Run nothing-yet: 0 of 3 cases; planned>
    """

    #: How the run's sentences say to resume and to settle it; the command line has other words.
    resume_hint = "run.resume()"
    settle_hint = "run.settle()"

    def __init__(
        self,
        name: str,
        total: int,
        *,
        path: Path | None = None,
        client: Client | AsyncClient | None = None,
        cases: Cases | None = None,
        options: RunOptions | None = None,
        run_key: str = "",
    ) -> None:
        self.name = name
        self.journal_path = path
        self._client = client
        self._cases = cases
        self._options = options or RunOptions()
        self._run_key = run_key
        self._counters = Counters(total)
        self._dispatcher: Dispatcher | None = None
        self._pool: WorkerPool | None = None
        self._future: concurrent.futures.Future[None] | None = None
        self._reader: Reader | None = None
        self._failure: BaseException | None = None
        self._resumed = 0
        self._unflushed_journal: Journal | None = None

    @property
    def cluster(self) -> object:
        """Where its requests leave from, as it was given; None for this process."""
        return self._options.cluster

    @property
    def state(self) -> str:
        """Where it stands.

        "planned" (a dry run), "running", "pausing" (it waits, and will try one), "paused" (that one failed as
        well), "stopped", "done", or "failed" (the journal could not be written); for the run of another
        process also "interrupted", when that has ended in the middle.
        """
        if self._future is None and self.journal_path is not None:
            reader = self._look()
            if reader.is_written:
                return "running"
            state = str(reader.value("state"))
            return "interrupted" if state == "running" else state
        return self._counters.state

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        if self._future is None and self.journal_path is not None:
            states = self._look().states()
            return Progress.of(self._counters.total, states, states.get("sending", 0), self.state)
        return self._counters.progress()

    @property
    def failure(self) -> str | None:
        """Why it failed or paused, in a sentence, or None."""
        trouble = f"{self._counters.trouble}." if self._counters.trouble else None
        return trouble if self._failure is None else str(self._failure)

    @property
    def advice(self) -> str | None:
        """What to do next, where there is something to do; None for a run that is done with all known."""
        sentence = advice(
            self.progress,
            self.failure,
            self.resume_hint,
            self.settle_hint,
            tried_one=self._counters.tried_one,
        )
        return " ".join(filter(None, (sentence, self.unfinished_steps))) or None

    @property
    def unfinished_steps(self) -> str:
        """Which steps did not come to what they should, and what to do; empty while it goes on."""
        if self.journal_path is None or self.state not in ("done", "stopped", "interrupted", "paused"):
            return ""
        try:
            return unfinished_steps(self._look(), self.resume_hint)
        except JournalError:  # whoever asks for the table is told; a run still shows itself
            return ""

    def launch(
        self,
        journal: Journal,
        todo: Iterator[tuple[int, int]],
        opened: Sequence[OpenConversation] = (),
        pool: WorkerPool | None = None,
    ) -> None:
        """Begin a session on the background loop; *journal* and *pool* are closed when it ends.

        *todo* are the cases to send, each by its number and how often it was tried; *opened* the
        conversations of an earlier session with which steps are still to be done.
        """
        client, cases, options = self._client, self._cases, self._options
        if client is None or cases is None:
            raise RunError("A run needs a client and its cases to go on: open_run(...).resume(client).")
        self._counters.begin()
        self._failure = None
        client.engine.limit_rate(options.rate)
        session = Session(
            client.engine,
            cases,
            journal,
            todo,
            self._run_key,
            replace(options, concurrency=pool.capacity) if pool else options,
            self._counters,
            salt=self._look().about.get("salt"),
            transport=pool.transport if pool else None,
            opened=opened,
        )
        self._dispatcher, self._pool = make_dispatcher(session), pool
        self._future = event_loop.submit(self._session(self._dispatcher, journal, pool))

    async def _session(self, dispatcher: Dispatcher, journal: Journal, pool: WorkerPool | None) -> None:
        state = "failed"
        try:
            journal.set_value("state", "running")
            if pool is not None:
                await pool.begin(journal, dispatcher, self._counters.total)
            state = await dispatcher.run()
            self._failure = dispatcher.failure
            journal.set_value("state", state)
        except LpnbError as error:
            self._failure = error
        finally:
            if pool is not None:
                await pool.close()
            await asyncio.to_thread(self._close_journal, journal)
            self._counters.state = state

    def _close_journal(self, journal: Journal) -> None:
        """Close the journal, unless answers are in memory because the disk did not take them."""
        with contextlib.suppress(JournalError):
            journal.flush()
        if journal.unwritten:
            self._unflushed_journal = journal
        else:
            journal.close()

    def _flush_pending(self) -> None:
        """Write what the disk had no room for, before anything else is done with the journal.

        Raises:
            JournalError: There is still no room.
        """
        if self._unflushed_journal is not None:
            self._unflushed_journal.flush()
            self._unflushed_journal.close()
            self._unflushed_journal = None

    def attach(
        self, client: Client | AsyncClient, cases: Cases, options: RunOptions, states: Mapping[str, int]
    ) -> None:
        """Take over what a further session works with, and how many cases are in which state."""
        self._client, self._cases, self._options = client, cases, options
        self._counters = Counters(self._counters.total)
        for outcome in ("answered", "refused", "unknown"):
            self._counters.outcomes[outcome] = states.get(outcome, 0)
        self._resumed = sum(self._counters.outcomes.values())

    def resume(
        self,
        client: Client | AsyncClient | None = None,
        cases: object = None,
        *,
        concurrency: int | None = None,
        rate: float | None = None,
        on_5xx: str | None = None,
        live: bool | None = None,
        confirm: int | None = None,
        progress: bool | Display | None = None,
        cluster: object = None,
        wait: bool = True,
    ) -> Self:
        """Go on: send what is planned or was certainly not sent, and nothing else.

        What is unknown stays so and is listed in ``unknown``; ``settle`` looks for it. Called for a run that
        is still stopping, it waits for that first.

        Args:
            client: Who sends; the run's own when left out. ``open_run`` knows none.
            cases: The cases the run was begun with; those of the journal when left out.
            concurrency: As for ``run_experiment``, and as before when left out; so are the others.
            rate: Calls to the Connector API a second at the most, steps included.
            on_5xx: "pause" or "retry".
            live: Must be True for a real account, unless this very object was begun with it.
            confirm: There, how many cases are still to be sent.
            progress: Whether to show how it goes, or what to show it with; as before when left out.
            cluster: Workers to send from, as for ``run_experiment``; this process sends when left out.
            wait: Wait for the end, as ``run_experiment`` does, or return at once.

        Raises:
            JournalError: The file is missing, empty, damaged, or being written by another process.
            ChangedCasesError: The cases are not those the run was begun with.
            RunError: There is no client, the journal is another account's, or a real one was not confirmed.
        """
        if self.journal_path is None:
            raise RunError("A dry run has no journal to go on with. Run it without dry_run.")
        client = client if client is not None else self._client
        if client is None:
            raise RunError("open_run knows no client. Give one: open_run(path).resume(client).")
        if self._future is not None and not self._future.done():
            self.stop()
            concurrent.futures.wait([self._future])
        self._flush_pending()
        is_own_run = self._client is not None
        changes: dict[str, Any] = {
            "concurrency": concurrency,
            "rate": rate,
            "on_5xx": on_5xx,
            "progress": progress,
            "live": (is_own_run and self._options.live) if live is None else live,
        }
        options = replace(
            self._options,
            confirm=confirm,
            cluster=cluster,
            **{name: value for name, value in changes.items() if value is not None},
        )
        cases = cases if cases is not None else self._cases
        resume_run(self, self.journal_path, client, cases, options, confirmed=is_own_run)
        return self.wait() if wait else self

    def settle(self, client: Client | AsyncClient | None = None, *, fresh: float | None = None) -> Settled:
        """Find out what became of the unknown cases, by looking for a conversation of their consumers.

        What is found is *answered*; what is certainly absent becomes *not sent*, and ``resume`` sends it; all
        else stays unknown, with the reason.

        Args:
            client: Who asks; the run's own when left out.
            fresh: Seconds after an attempt from which on history certainly knows of it, if you can say;
                younger ones are waited for. When left out, history is asked after 90 (2 on this machine), and
                an attempt is absent only if history knows a conversation that this run opened later, or after
                an hour.

        Raises:
            JournalError: The file is missing, damaged, or being written.
            RunError: There is no client, the run is still going, or the journal is another account's.
        """
        if self.journal_path is None:
            raise RunError("A dry run sent nothing, so nothing is unknown.")
        client = client if client is not None else self._client
        if client is None:
            raise RunError("open_run knows no client. Give one: open_run(path).settle(client).")
        if self._future is not None and not self._future.done():
            raise RunError("This run is still going. Wait for it, or stop it, and then settle its unknowns.")
        self._flush_pending()
        result = reconcile_run(self.journal_path, client, fresh)
        for outcome, cases in self._look().states().items():
            if outcome in self._counters.outcomes:
                self._counters.outcomes[outcome] = cases
        if not result.unknown:
            self._counters.outcomes["unknown"] = 0
        return result

    def stop(self) -> Self:
        """Let nothing new leave. What has left is still answered, for at most the client's deadline."""
        dispatcher = self._dispatcher
        if dispatcher is not None and self._future is not None and not self._future.done():
            event_loop.loop().call_soon_threadsafe(dispatcher.stop)
            if self._pool is not None:
                event_loop.submit(self._pool.recall())
        return self

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for its end and show how it goes; an interrupt stops the run and ends the waiting.

        A second interrupt meanwhile is passed on, when it has been said how to come back.

        Args:
            timeout: Seconds after which the waiting ends; the run goes on.

        Raises:
            LpnbError: A fault of the run itself. What a case came to never raises.
        """
        future = self._future
        if future is None:
            return self
        until = time.monotonic() + (float("inf") if timeout is None else timeout)
        display = display_for(self._options.progress, self._resumed)
        try:
            while not concurrent.futures.wait([future], timeout=0.1).done:
                if display is not None:
                    display.show(self.progress)
                if time.monotonic() > until:
                    break
        except KeyboardInterrupt:
            hint = self.resume_hint
            try:
                self.stop()
                concurrent.futures.wait([future], timeout=GRACE)
            except KeyboardInterrupt:  # whoever waited loses the run by it, but not the way back
                hint = hint.replace(
                    "run.resume()", f"lpnb.open_run({str(self.journal_path)!r}).resume(client)"
                )
                raise
            finally:
                self._close(display)
                print(interrupt_notice(self.progress, hint))  # noqa: T201 - somebody has to say why the cell ends
            return self
        self._close(display)
        return self._after_end()

    def __await__(self) -> Generator[Any, None, Self]:
        return self._wait_async().__await__()

    async def _wait_async(self) -> Self:
        if self._future is None:
            return self
        display = display_for(self._options.progress, self._resumed)
        future = asyncio.wrap_future(self._future)
        try:
            while not (await asyncio.wait([future], timeout=0.1))[0]:
                if display is not None:
                    display.show(self.progress)
        except BaseException:
            self.stop()
            self._close(display)
            raise
        self._close(display)
        return self._after_end()

    def _close(self, display: Display | None) -> None:
        if display is not None:
            display.close(self.progress)

    def _after_end(self) -> Self:
        if self._future is not None and self._future.done():
            self._future.result()  # a fault of lpnb's own is raised here
            if self._failure is not None and not isinstance(self._failure, LpnbError):
                raise self._failure
            if self.state in ("paused", "failed"):
                print(lines(self.advice))  # noqa: T201 - the cell ends early, and somebody has to say why
        return self

    def __repr__(self) -> str:
        place = f" in {self.journal_path}" if self.journal_path else ""
        return one_line(f"<Run {self.name}: {self.progress}{place}>")

    def _repr_html_(self) -> str:
        progress = self.progress
        names = ("answered", "refused", "not sent", "unknown")
        rows = [(name, f"{getattr(progress, name.replace(' ', '_')):,}") for name in names]
        rows.append(("still to be sent", f"{progress.left:,}"))
        advice_html = f"<p>{esc(self.advice)}</p>" if self.advice else ""
        where = f"<p>{esc(self.journal_path)}</p>" if self.journal_path else ""
        caption = f"Run {self.name}: {self.state}, {count(progress.total, 'case')}"
        return table_html(caption, ("outcome", "cases"), rows) + advice_html + where
