"""Resuming a run from its journal, and reconciling what is unknown in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lpnb._internal import event_loop
from lpnb._internal.display import brief, count
from lpnb._printable import one_line
from lpnb.client.client_base import check_client
from lpnb.client.live_guard import check_live
from lpnb.client.sandbox_control import SandboxControl, find_sandbox
from lpnb.errors import ChangedCasesError, RunError
from lpnb.experiments.runs.account_ids import with_account_ids
from lpnb.experiments.runs.journal_rows import cases_from_journal, changed_cells
from lpnb.experiments.runs.reconcile import (
    CERTAIN_AFTER,
    HISTORY_DELAY,
    HISTORY_DELAY_ON_LOOPBACK,
    Reconciler,
    Settled,
)
from lpnb.experiments.runs.step_dispatcher import conversations_to_follow
from lpnb.journal import Journal, JournalCase, Reader, explain_damage, read_journal
from lpnb.settings import Settings

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client
    from lpnb.experiments.cases.cases import Cases
    from lpnb.experiments.cluster.worker_pool import WorkerPool
    from lpnb.experiments.runs.case_dispatcher import OpenConversation
    from lpnb.experiments.runs.options import RunOptions

RETRY_RISK = (
    'on_5xx="retry": a 5xx may come from a gateway behind which the conversation was created. Sending again '
    "can then open a second one, or be refused because the first is open."
)
#: Unknown cases that are looked up at once.
LOOK_UPS_AT_ONCE = 8


class ResumableRun(Protocol):
    """What resuming needs of a run."""

    def attach(
        self, client: Client | AsyncClient, cases: Cases, options: RunOptions, states: Mapping[str, int]
    ) -> None:
        """Take over what a further session works with, and how many cases are in which state."""
        ...

    def launch(
        self,
        journal: Journal,
        todo: Iterator[tuple[int, int]],
        opened: Sequence[OpenConversation] = (),
        pool: WorkerPool | None = None,
    ) -> None:
        """Begin a session; *journal* and *pool* are closed when it ends."""
        ...


def resume_run(
    run: ResumableRun,
    path: Path,
    client: Client | AsyncClient,
    cases: object,
    options: RunOptions,
    *,
    confirmed: bool,
) -> None:
    """Launch a further session of *run*: whatever is planned, or was certainly not sent, leaves now.

    *confirmed* says that whoever resumes it has begun it, and so confirmed its cases.

    Raises:
        JournalError: The file is missing, empty, damaged, or being written by another process.
        ChangedCasesError: *cases* are not those that the journal was begun with.
        InvalidValueError: They are, and cannot be sent: somebody has edited them there.
        RunError: The journal belongs to another account, or a real one was not confirmed.
    """
    check_client(client)
    options.check()
    reader = read_journal(path)
    check_world(reader, client.settings)
    run_cases = check_cases(reader, cases, client)
    journal = Journal.open(path)
    try:
        todo = [
            (case.number, case.last_number)
            for case in reader.cases()
            if case.state in ("planned", "not sent")
        ]
        if todo:
            run_cases.check()  # they were, but a journal may come from elsewhere
        # Whoever began it has confirmed more than is left of it.
        confirm = len(todo) if confirmed and options.confirm is None else options.confirm
        check_live(client.settings, len(todo), live=options.live, confirm=confirm, cap=options.cap)
        if options.on_5xx == "retry" and todo:
            print(RETRY_RISK)  # noqa: T201 - whoever asks for it is told, every time
        open_conversations = _reachable(conversations_to_follow(reader, options.steps), client.settings)
        if todo or open_conversations:
            event_loop.wait(client.engine.ready())
        pool = open_pool(client, options) if todo else None
        if pool is not None:
            pool.earlier_until = reader.about.get("starts_until", 0.0)
        run.attach(client, run_cases, options, reader.states())
        run.launch(journal, iter(todo), open_conversations, pool)
    except BaseException:
        journal.close()
        raise


def _reachable(conversations: list[OpenConversation], settings: Settings) -> list[OpenConversation]:
    """*conversations* without those of a sandbox that has ended; how many those are is printed."""
    sandbox = find_sandbox(settings)
    if not conversations or sandbox is None or isinstance(sandbox, SandboxControl):
        return conversations
    known_ids = {conversation.conversation_id for conversation in sandbox.conversations}
    remaining = [each for each in conversations if each.conversation_id in known_ids]
    if gone_count := len(conversations) - len(remaining):
        was, its = ("was", "its") if gone_count == 1 else ("were", "their")
        print(  # noqa: T201 - what is not done is told, as the risk of a retry is
            f"{count(gone_count, 'conversation')} {was} opened on a sandbox that is not there any more, so "
            f"{its} messages, landing and close are left out."
        )
    return remaining


def open_pool(client: Client | AsyncClient, options: RunOptions) -> WorkerPool | None:
    """The workers to send from, ready; None when this process sends.

    Raises:
        RunError: The cluster cannot be reached, or a worker cannot take part.
    """
    if options.cluster is None:
        return None
    from lpnb.experiments.cluster.worker_pool import open_worker_pool

    return event_loop.wait(open_worker_pool(options.cluster, options.concurrency, client.engine.transport))


def reconcile_run(path: Path, client: Client | AsyncClient, fresh: float | None) -> Settled:
    """Look up what is unknown in the journal at *path*, and write down what is found.

    Args:
        path: The journal.
        client: Who asks.
        fresh: Seconds after an attempt from which on history certainly knows of it; see ``Run.settle``.

    Raises:
        JournalError: The file is missing, damaged, or being written.
        RunError: The journal is another account's.
    """
    check_client(client)
    reader = read_journal(path)
    check_world(reader, client.settings)
    journal = Journal.open(path)
    try:
        cases = list(reader.cases())
        reconciler = make_reconciler(reader, cases, journal, client, fresh)
        unknown = [case for case in cases if case.state == "unknown"]
        return event_loop.wait(reconciler.reconcile(unknown, LOOK_UPS_AT_ONCE))
    finally:
        journal.close()


def make_reconciler(
    reader: Reader,
    cases: Sequence[JournalCase],
    journal: Journal,
    client: Client | AsyncClient,
    fresh: float | None = None,
) -> Reconciler:
    """Who looks up what is unknown in the journal of *cases*; *fresh* as for ``Run.settle``."""
    settings = client.settings
    certain = CERTAIN_AFTER if fresh is None else fresh
    if fresh is None:
        fresh = HISTORY_DELAY_ON_LOOPBACK if settings.on_loopback else HISTORY_DELAY
    answered_cases = [case for case in cases if case.state == "answered" and case.code != "found"]
    return Reconciler(
        client.engine,
        journal,
        known_case=max(answered_cases, key=lambda case: case.sent_at or 0, default=None),
        run_prefix=f"lpnb-{reader.about['run_key'][:8]}-",
        fresh=fresh,
        certain=certain,
        origin_changed=reader.about["origin"] != settings.domain_api,
        started_until=reader.about.get("starts_until", 0.0),
    )


def check_world(reader: Reader, settings: Settings) -> None:
    """See that *settings* are of the account, and of the world, that the journal was begun with."""
    about = reader.about
    if about["world"] != world_of(settings) or about["account_id"] != settings.account_id:
        raise RunError(
            f"{reader.path} is of account {about['account_id']} {_at(about['world'])}, and this client is of "
            f"account {settings.account_id} {_at(world_of(settings))}. A run stays with its account."
        )


def check_cases(reader: Reader, cases: object, client: Client | AsyncClient) -> Cases:
    """Return *cases*, or those of the journal when None are given; those that have changed are refused."""
    from lpnb.experiments.cases.cases import cases_of

    salt = reader.about.get("salt")
    if cases is None and salt is not None:
        raise RunError(
            f"{reader.path} has personal values as pseudonyms only, so its cases cannot be sent from it. "
            "Give them: run.resume(client, cases)."
        )
    with explain_damage(reader.path, alone=False):
        run_cases = cases_from_journal(reader) if cases is None else with_account_ids(client, cases_of(cases))
        changes = changed_cells(run_cases, reader, salt)
    if changes:
        changes_text = "\n".join(f"  - {_change_text(*change)}" for change in changes[:20])
        more = f"\n  ... and {len(changes) - 20:,} more." if len(changes) > 20 else ""
        raise ChangedCasesError(
            f"These are not the cases that {reader.path} was begun with, so nothing was sent:\n"
            f"{changes_text}{more}\nGive the same cases to go on, or begin another run with these.",
            changes,
        )
    return run_cases


def world_of(settings: Settings) -> str:
    """What a run is bound to besides its account: a sandbox's journal never mixes with a real account's."""
    return "sandbox" if settings.on_loopback else settings.domain_api


def _at(world: str) -> str:
    return "on a sandbox" if world == "sandbox" else f"through {world}"


def _change_text(case: str, column: str, before: object, after: object) -> str:
    if column == "case" and None in (before, after):
        return f"{case} {'is not in the journal' if before is None else 'is missing now'}"
    return one_line(f"{case}, {column}: {brief(before)} before, {brief(after)} now")
