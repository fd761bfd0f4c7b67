"""A run whose cases are chosen in batches, each from the landings of the batches before it.

It is a run like any other: one journal, each attempt on the disk before it leaves, every conversation closed.
What a chooser was told is in the journal too, so that the same choices are made again after a crash.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from lpnb._internal import event_loop
from lpnb.client.live_guard import check_live
from lpnb.errors import ChangedCasesError, JournalError, LpnbError
from lpnb.experiments.cases.cases import Cases, cases_of
from lpnb.experiments.learning.rule_words import REFUSED
from lpnb.experiments.runs.account_ids import with_account_ids
from lpnb.experiments.runs.case_dispatcher import OpenConversation, Session
from lpnb.experiments.runs.journal_rows import changed_cells, row_of
from lpnb.experiments.runs.options import RunOptions, name_of
from lpnb.experiments.runs.resume import LOOK_UPS_AT_ONCE, check_world, make_reconciler
from lpnb.experiments.runs.run import Run
from lpnb.experiments.runs.start import about_run
from lpnb.experiments.runs.step_dispatcher import conversations_to_follow, make_dispatcher
from lpnb.journal import Journal, JournalCase, Reader, StepRecord, read_journal

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client

#: How often what was certainly not sent, or is unknown, is seen to before a batch is left as it is.
_ROUNDS = 3
#: The step of a case under which the journal keeps what the chooser was told of it.
_CHOOSER_STEP = "told"


class CaseLanding(NamedTuple):
    """Where a case of a batch landed: the skill's name, else its id; None when that is not known."""

    number: int
    case: str
    skill: str | None


#: Is told where the cases of the last batch landed, and says which to send now; none ends the run.
Chooser = Callable[[Sequence[CaseLanding]], Sequence[Mapping[str, Any]]]


class BatchedRun(Run):
    """A run of at most so many cases, chosen while it goes on. ``begin_batched_run`` makes it."""

    def __init__(
        self,
        name: str,
        most: int,
        *,
        path: Path,
        client: Client | AsyncClient,
        options: RunOptions,
        run_key: str,
    ) -> None:
        super().__init__(name, most, path=path, client=client, options=options, run_key=run_key)
        self._rows: list[Mapping[str, Any]] = []
        self._ends = False

    def begin(self, journal: Journal, choose: Chooser) -> Self:
        """Go on, on the background loop, until nothing more is chosen; *journal* is closed then."""
        assert self._client is not None  # noqa: S101 - made with one
        self._counters.begin()
        self._count_journalled()
        self._resumed = sum(self._counters.outcomes.values())
        self._client.engine.limit_rate(self._options.rate)
        self._future = event_loop.submit(self._batches(journal, choose))
        return self

    def stop(self) -> Self:
        """Choose and send nothing more; what is open is closed."""
        self._ends = True
        super().stop()
        return self

    async def _batches(self, journal: Journal, choose: Chooser) -> None:
        state = "failed"
        try:
            journal.set_value("state", "running")
            state = await self._all_batches(journal, choose)
            if state == "stopped":
                await self._close_open(journal)
            journal.set_value("state", state)
        except LpnbError as error:
            self._failure = error
        finally:
            await asyncio.to_thread(self._close_journal, journal)
            self._counters.state = state

    async def _all_batches(self, journal: Journal, choose: Chooser) -> str:
        landings: Sequence[CaseLanding] = ()
        while not self._ends:
            rows = await asyncio.to_thread(choose, landings)
            if not rows:
                self._counters.total = len(self._rows)
                return await self._send(journal, range(len(self._rows)), is_last=True)
            numbers = range(len(self._rows), len(self._rows) + len(rows))
            self._rows += rows
            self._cases = await asyncio.to_thread(self._journal_cases, journal, numbers)
            batch_landings = await asyncio.to_thread(self._earlier_landings, numbers)
            if batch_landings is None:
                state = await self._send(journal, numbers)
                if state != "done":
                    return state
                batch_landings = await asyncio.to_thread(self._landings, numbers)
                await self._journal_landings(journal, batch_landings)
            landings = batch_landings
        return "stopped"

    # --- the journal --------------------------------------------------------------------------------------

    def _journal_cases(self, journal: Journal, numbers: range) -> Cases:
        """The cases chosen so far, those of *numbers* in the journal."""
        assert self._client is not None  # noqa: S101 - made with one
        cases = with_account_ids(self._client, cases_of(self._rows))
        reader = read_journal(self.journal_path or "")
        there = [number for number in numbers if number < reader.total]
        if there:
            changes = [
                change
                for change in changed_cells(cases, reader, None)
                if change[0] in {cases[number].name for number in there}
            ]
            if changes:
                case, column, before, after = changes[0]
                raise ChangedCasesError(
                    f"{reader.path} was begun with other choices: {case} had {column} {before!r}, and "
                    f"would have {after!r} now. Give the same factors, seed and options, "
                    "or begin another journal.",
                    changes,
                )
        journal.add_cases(
            row_of(cases[number], self._run_key, None) for number in numbers if number >= reader.total
        )
        return cases

    def _earlier_landings(self, numbers: range) -> list[CaseLanding] | None:
        """What was told of the cases in an earlier session; None unless it was told of all."""
        skills = {
            number: json.loads(detail)["skill"]
            for number, step, _, _, detail in self._look().steps()
            if step == _CHOOSER_STEP
        }
        if not all(number in skills for number in numbers):
            return None
        return [CaseLanding(number, self._case_name(number), skills[number]) for number in numbers]

    def _case_name(self, number: int) -> str:
        assert self._cases is not None  # noqa: S101 - chosen before
        return self._cases[number].name

    def _landings(self, numbers: range) -> list[CaseLanding]:
        """Where the cases landed, as the journal has it; a landing that nobody has read is not known."""
        reader = self._look()
        step_outcomes = reader.step_outcomes(numbers.start, numbers.stop - 1)
        landings = []
        for case in _cases_at(reader, numbers):
            steps = step_outcomes.get(case.number, {})
            skill = steps.get("skill_name") or steps.get("skill_id") if case.state == "answered" else None
            landings.append(
                CaseLanding(case.number, case.name, REFUSED if case.state == "refused" else skill)
            )
        return landings

    async def _journal_landings(self, journal: Journal, landings: Iterable[CaseLanding]) -> None:
        now = time.time_ns() // 1000
        for landing in landings:
            outcome = "not visible" if landing.skill is None else "answered"
            detail = json.dumps({"skill": landing.skill}, ensure_ascii=False)
            write = journal.step(StepRecord(landing.number, _CHOOSER_STEP, 0, outcome, detail, now))
        await write

    def _count_journalled(self) -> None:
        states = self._look().states()
        for outcome in self._counters.outcomes:
            self._counters.outcomes[outcome] = states.get(outcome, 0)

    # --- sending ------------------------------------------------------------------------------------------

    async def _send(self, journal: Journal, numbers: range, *, is_last: bool = False) -> str:
        """Send the cases, read where they landed and close them; look for what is unknown."""
        client, reader = self._client, self._look()
        assert client is not None  # noqa: S101 - made with one
        for turn in range(_ROUNDS):
            cases = await asyncio.to_thread(_cases_at, reader, numbers)
            todo = [
                (case.number, case.last_number)
                for case in cases
                if case.state == "planned" or (case.state == "not sent" and case.code != "invalid")
            ]
            conversations = await asyncio.to_thread(self._to_follow, reader, numbers, turn)
            if (todo and not is_last) or conversations:
                state = await self._run_session(
                    journal, todo if not is_last else [], conversations, self._options
                )
                if state != "done":
                    return state
                cases = await asyncio.to_thread(_cases_at, reader, numbers)
            elif turn:
                break
            if unknown := [case for case in cases if case.state == "unknown"]:
                everything = await asyncio.to_thread(lambda: list(reader.cases()))
                reconciler = make_reconciler(reader, everything, journal, client)
                await reconciler.reconcile(unknown, LOOK_UPS_AT_ONCE)
            await asyncio.to_thread(self._count_journalled)
        return "stopped" if self._ends else "done"

    def _to_follow(self, reader: Reader, numbers: range, turn: int) -> list[OpenConversation]:
        """Conversations to go on with; a landing that could not be asked for is asked for once more."""
        steps = self._options.steps
        conversations = [it for it in conversations_to_follow(reader, steps) if it.number in numbers]
        if not turn or not steps.landing:
            return conversations
        ongoing = {conversation.number for conversation in conversations}
        step_outcomes = reader.step_outcomes(numbers.start, numbers.stop - 1)
        for case in _cases_at(reader, numbers):
            outcomes = step_outcomes.get(case.number, {})
            if case.conversation_id and case.number not in ongoing and outcomes.get("landing") == "not sent":
                past_steps = frozenset({("close", 0), *((("say", place)) for place in range(len(steps.say)))})
                conversations.append(
                    OpenConversation(case.number, case.consumer_id, case.conversation_id, past_steps)
                )
        return conversations

    async def _run_session(
        self,
        journal: Journal,
        todo: Sequence[tuple[int, int]],
        conversations: Sequence[OpenConversation],
        options: RunOptions,
    ) -> str:
        client, cases = self._client, self._cases
        assert client is not None  # noqa: S101 - made with one
        assert cases is not None  # noqa: S101 - chosen before
        session = Session(
            client.engine,
            cases,
            journal,
            iter(todo),
            self._run_key,
            options,
            self._counters,
            opened=conversations,
        )
        self._dispatcher = dispatcher = make_dispatcher(session)
        if self._ends and todo:
            return "stopped"
        state = await dispatcher.run()
        if dispatcher.failure is not None:
            self._failure = dispatcher.failure
        return state

    async def _close_open(self, journal: Journal) -> None:
        """After a stop: read the landings that are there already, and close what is open."""
        if self._cases is None:
            return
        conversations = await asyncio.to_thread(conversations_to_follow, self._look(), self._options.steps)
        if conversations:
            steps = replace(self._options.steps, landing_wait=0.0)
            await self._run_session(journal, [], conversations, replace(self._options, steps=steps))


def _cases_at(reader: Reader, numbers: range) -> list[JournalCase]:
    return [case for case in reader.cases() if case.number in numbers]


def begin_batched_run(
    client: Client | AsyncClient,
    choose: Chooser,
    most: int,
    columns: Sequence[str],
    options: RunOptions,
    purpose: Mapping[str, Any],
    *,
    confirmed: int,
) -> BatchedRun:
    """Begin a run whose cases *choose* names, or go on with the one at ``options.journal``.

    Args:
        client: Who sends.
        choose: Told the landings of the last batch, called in a thread of its own; says which cases follow.
        most: How many cases there can be.
        columns: The cases' columns.
        options: How it is run.
        purpose: What the choices depend on, as JSON; a journal is gone on with only when it has the same.
        confirmed: The number that ``confirm`` must name on a real account.

    Raises:
        RunError: A real account without ``live`` and ``confirm``; a journal of another account.
        JournalError: The file is no run of this kind, or cannot be made.
        ChangedCasesError: The journal was begun with another *purpose*.
    """
    options.check()
    settings = client.settings
    name = name_of(options.name, options.journal)
    path = Path("runs", f"{name}.sqlite") if options.journal is None else Path(options.journal)
    reader = read_journal(path) if options.journal is not None and path.exists() else None
    if reader is not None:
        check_world(reader, settings)
        _check_purpose(reader, purpose)
    check_live(
        settings,
        confirmed,
        live=options.live,
        confirm=options.confirm,
        cap=max(options.cap, confirmed),
        at_most=True,
        dry_run=False,
    )
    event_loop.wait(client.engine.ready())
    if options.steps.receiver is None and not settings.can_read_history:
        event_loop.wait(client.engine.check_history())
    if reader is None:
        run_key = secrets.token_hex(16)
        about = about_run(name, run_key, settings, columns, options) | {"purpose": dict(purpose)}
        journal = Journal.create(path, about, ())
        if options.journal is None:
            print(f"Writing down run {name} in {path}")  # noqa: T201 - nobody chose it
    else:
        run_key = bytes.fromhex(reader.about["run_key"]).hex()
        journal = Journal.open(path)
    try:
        run = BatchedRun(name, most, path=path, client=client, options=options, run_key=run_key)
        return run.begin(journal, choose)
    except BaseException:
        journal.close()
        raise


def _check_purpose(reader: Reader, purpose: Mapping[str, Any]) -> None:
    """See that a journal was begun for the same *purpose*."""
    before = reader.about.get("purpose")
    if before is None:
        raise JournalError(
            f"{reader.path} is the journal of a run of given cases, and this chooses its own. Name "
            "another journal."
        )
    now = json.loads(json.dumps(dict(purpose)))
    changes = [
        (str(key), str(key), before.get(key), now.get(key))
        for key in {**before, **now}
        if before.get(key) != now.get(key)
    ]
    if changes:
        changes_text = "\n".join(
            f"  - {key}: {_short(was)} before, {_short(is_now)} now" for key, _, was, is_now in changes
        )
        raise ChangedCasesError(
            f"{reader.path} was begun with something else, so nothing was sent:\n{changes_text}\n"
            "Give the same to go on, or begin another journal.",
            changes,
        )


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:56]} ..."
