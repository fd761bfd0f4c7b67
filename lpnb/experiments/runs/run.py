"""``Run``: one execution of an experiment, from here or from a journal.

A run has a thread of its own to live in, the background loop's. Whoever waits for it only looks: an interrupt
ends the waiting at once and lets nothing new leave, and what has left is still answered and written down.
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
from lpnb.errors import JournalError, LpnbError, RunError
from lpnb.experiments.runs.dispatcher import Sending
from lpnb.experiments.runs.options import Options
from lpnb.experiments.runs.progress import Display, Progress, Speed, Tally, advice, display_for, interrupted
from lpnb.experiments.runs.reconcile import Settled
from lpnb.experiments.runs.results import Results
from lpnb.experiments.runs.steps import missed, sending_of
from lpnb.journal import Journal, Reader

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client
    from lpnb.experiments.cases.cases import Cases
    from lpnb.experiments.cluster.worker_pool import Crew

#: Seconds that an interrupted wait still gives to what has left.
GRACE = 0.5


class Run(Results):
    """One execution of an experiment. ``run_experiment`` and ``open_run`` make them.

    Attributes:
        name: What it is called.
        journal_path: The file that everything is written into; None for a dry run.
        cluster: Where its requests leave from, as it was given; None for this process.

    Example:
        >>> Run("nothing-yet", 3)
        <Run nothing-yet: 0 of 3 cases; planned>
    """

    ways = ("run.resume()", "run.settle()")  # words for whoever reads; the command line has others

    def __init__(
        self,
        name: str,
        total: int,
        *,
        path: Path | None = None,
        client: Client | AsyncClient | None = None,
        cases: Cases | None = None,
        options: Options | None = None,
        run_key: str = "",
        progress: bool | Display = True,
        cluster: object = None,
    ) -> None:
        self.name = name
        self.journal_path = path
        self._client = client
        self._cases = cases
        self._options = options or Options()
        self._run_key = run_key
        self._shown = progress
        self._tally = Tally(total)
        self._speed: Speed | None = None
        self._sending: Sending | None = None
        self._crew: Crew | None = None
        self.cluster = cluster
        self._future: concurrent.futures.Future[None] | None = None
        self._reader: Reader | None = None
        self._failure: BaseException | None = None
        self._resumed = 0
        self._owed: Journal | None = None

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
            said = str(reader.told("state"))
            return "interrupted" if said == "running" else said
        return self._tally.state

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        tally = self._tally
        if self._future is None and self.journal_path is not None:
            found = self._look().states()
            counts = {name: found.get(name, 0) for name in ("answered", "refused", "unknown", "sending")}
            return Progress(tally.total, not_sent=found.get("not sent", 0), state=self.state, **counts)
        return Progress(
            total=tally.total,
            **{outcome.replace(" ", "_"): many for outcome, many in tally.outcomes.items()},
            sending=tally.sending,
            rate=self._speed.rate(tally.sent) if self._speed else 0.0,
            seconds=self._speed.seconds if self._speed else 0.0,
            state=tally.state,
        )

    @property
    def failure(self) -> str | None:
        """Why it failed or paused, in a sentence, or None."""
        trouble = f"{self._tally.trouble}." if self._tally.trouble else None
        return trouble if self._failure is None else str(self._failure)

    @property
    def advice(self) -> str | None:
        """What to do next, where there is something to do; None for a run that is done with all known."""
        said = advice(self.progress, self.failure, self.ways, tried_one=self._tally.tried_one)
        return " ".join(filter(None, (said, self.missed))) or None

    @property
    def missed(self) -> str:
        """Which steps did not come to what they should, and what to do; empty while it goes on."""
        if self.journal_path is None or self.state not in ("done", "stopped", "interrupted", "paused"):
            return ""
        try:
            return missed(self._look(), self.ways[0])
        except JournalError:  # whoever asks for the table is told; a run still shows itself
            return ""

    def launch(
        self,
        journal: Journal,
        todo: Iterator[tuple[int, int]],
        opened: Sequence[Any] = (),
        crew: Crew | None = None,
    ) -> None:
        """Begin a sitting on the background loop; *journal* is closed when it ends, and so is the *crew*.

        *todo* are the cases to send, each with how often it was tried; *opened* the conversations of an
        earlier sitting with which something is still to be done.
        """
        client, cases = self._client, self._cases
        if client is None or cases is None:
            raise RunError("A run needs a client and its cases to go on: open_run(...).resume(client).")
        self._tally.begin()
        self._failure = None
        self._speed = Speed()
        client.engine.limit_rate(self._options.rate)
        sending = sending_of(
            *(client.engine, cases, journal, todo, self._run_key),
            steps=self._options.steps,
            unfinished=opened,
            concurrency=crew.room if crew else self._options.concurrency,
            on_5xx=self._options.on_5xx,
            tally=self._tally,
            salt=self._look().about.get("salt"),
            over=crew.carrier if crew else None,
        )
        self._sending, self._crew = sending, crew

        async def sitting() -> None:
            state = "failed"
            try:
                journal.tell("state", "running")
                if crew is not None:
                    await crew.begin(journal, sending, self._tally.total)
                state = await sending.run()
                self._failure = sending.failure
                journal.tell("state", state)
            except LpnbError as error:
                self._failure = error
            finally:
                if crew is not None:
                    await crew.close()
                await asyncio.to_thread(self._put_away, journal)
                self._tally.state = state

        self._future = event_loop.submit(sitting())

    def _put_away(self, journal: Journal) -> None:
        """Close the journal, unless the disk still owes us a place for what was answered."""
        with contextlib.suppress(JournalError):
            journal.flush()
        if journal.owed:
            self._owed = journal
        else:
            journal.close()

    def _pay(self) -> None:
        """Write what the disk had no room for, before anything else is done with the journal.

        Raises:
            JournalError: There is still no room.
        """
        if self._owed is not None:
            self._owed.flush()
            self._owed.close()
            self._owed = None

    def adopt(
        self, client: Client | AsyncClient, cases: Cases, options: Options, states: Mapping[str, int]
    ) -> None:
        """Take what a further sitting needs: who sends, what, how, and what there is already."""
        self._client, self._cases, self._options = client, cases, options
        self._tally = Tally(self._tally.total)
        for outcome in ("answered", "refused", "unknown"):
            self._tally.outcomes[outcome] = states.get(outcome, 0)
        self._resumed = sum(self._tally.outcomes.values())

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
            rate: How many leave a second, at the most.
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
        from lpnb.experiments.runs.start import go_on

        if self.journal_path is None:
            raise RunError("A dry run has no journal to go on with. Run it without dry_run.")
        client = client if client is not None else self._client
        if client is None:
            raise RunError("open_run knows no client. Give one: open_run(path).resume(client).")
        self._shown = self._shown if progress is None else progress
        if self._future is not None and not self._future.done():
            self.stop()
            concurrent.futures.wait([self._future])
        self._pay()
        own = self._client is not None
        given: dict[str, Any] = {"concurrency": concurrency, "rate": rate, "on_5xx": on_5xx}
        options = replace(
            self._options,
            live=(own and self._options.live) if live is None else live,
            **{key: value for key, value in given.items() if value is not None},
        )
        cases = cases if cases is not None else self._cases
        self.cluster = cluster
        go_on(self, self.journal_path, client, cases, options=options, confirm=confirm, own=own)
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
        from lpnb.experiments.runs.start import settle_run

        if self.journal_path is None:
            raise RunError("A dry run sent nothing, so nothing is unknown.")
        client = client if client is not None else self._client
        if client is None:
            raise RunError("open_run knows no client. Give one: open_run(path).settle(client).")
        if self._future is not None and not self._future.done():
            raise RunError("This run is still going. Wait for it, or stop it, and then settle its unknowns.")
        self._pay()
        settled = settle_run(self.journal_path, client, fresh)
        for outcome, found in self._look().states().items():
            if outcome in self._tally.outcomes:
                self._tally.outcomes[outcome] = found
        if not settled.unknown:
            self._tally.outcomes["unknown"] = 0
        return settled

    def stop(self) -> Self:
        """Let nothing new leave. What has left is still answered, for at most the client's deadline."""
        sending = self._sending
        if sending is not None and self._future is not None and not self._future.done():
            event_loop.loop().call_soon_threadsafe(sending.stop)
            if self._crew is not None:
                event_loop.submit(self._crew.recall())
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
        display = display_for(self._shown, self._resumed)
        try:
            while not concurrent.futures.wait([future], timeout=0.1).done:
                display.show(self.progress)
                if time.monotonic() > until:
                    break
        except KeyboardInterrupt:
            way = self.ways[0]
            try:
                self.stop()
                concurrent.futures.wait([future], timeout=GRACE)
            except KeyboardInterrupt:  # whoever waited loses the run by it, but not the way back
                way = way.replace("run.resume()", f"lpnb.open_run({str(self.journal_path)!r}).resume(client)")
                raise
            finally:
                display.close(self.progress)
                print(interrupted(self.progress, way))  # noqa: T201 - somebody has to say why the cell ends
            return self
        display.close(self.progress)
        return self._ended()

    def __await__(self) -> Generator[Any, None, Self]:
        return self._awaited().__await__()

    async def _awaited(self) -> Self:
        if self._future is None:
            return self
        display = display_for(self._shown, self._resumed)
        waiting = asyncio.wrap_future(self._future)
        try:
            while not (await asyncio.wait([waiting], timeout=0.1))[0]:
                display.show(self.progress)
        except BaseException:
            self.stop()
            display.close(self.progress)
            raise
        display.close(self.progress)
        return self._ended()

    def _ended(self) -> Self:
        if self._future is not None and self._future.done():
            self._future.result()  # a fault of lpnb's own is raised here
            if self._failure is not None and not isinstance(self._failure, LpnbError):
                raise self._failure
            if self.state in ("paused", "failed"):
                print(self.advice)  # noqa: T201 - the cell ends early, and somebody has to say why
        return self

    def __repr__(self) -> str:
        return f"<Run {self.name}: {self.progress}{f' in {self.journal_path}' if self.journal_path else ''}>"

    def _repr_html_(self) -> str:
        progress = self.progress
        names = ("answered", "refused", "not sent", "unknown")
        rows = [(name, f"{getattr(progress, name.replace(' ', '_')):,}") for name in names]
        rows.append(("still to be sent", f"{progress.left:,}"))
        said = f"<p>{esc(self.advice)}</p>" if self.advice else ""
        where = f"<p>{esc(self.journal_path)}</p>" if self.journal_path else ""
        caption = f"Run {self.name}: {self.state}, {count(progress.total, 'case')}"
        return table_html(caption, ("outcome", "cases"), rows) + said + where
