"""Beginning a run, going on with one, and opening one that is there."""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lpnb._internal import event_loop
from lpnb._internal.display import brief
from lpnb._internal.validation import check_path
from lpnb._version import __version__
from lpnb.api.history import check_credentials
from lpnb.client.base import check_client
from lpnb.errors import ChangedCasesError, RunError
from lpnb.experiments.cluster.worker_pool import check_cluster
from lpnb.experiments.runs.dry_run import SHOWN, print_requests
from lpnb.experiments.runs.journal_rows import case_rows, changes, rebuilt
from lpnb.experiments.runs.live_guard import CAP, check_live
from lpnb.experiments.runs.options import Options, check_options, name_of
from lpnb.experiments.runs.progress import Display
from lpnb.experiments.runs.reconcile import CERTAIN, FRESH, FRESH_HERE, Settled, Settler
from lpnb.experiments.runs.results import reading
from lpnb.experiments.runs.run import Run
from lpnb.experiments.runs.steps import Steps, for_nobody, unfinished
from lpnb.journal import Journal, Reader, read_journal
from lpnb.settings import Settings

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client
    from lpnb.experiments.cases.cases import Cases
    from lpnb.experiments.cluster.worker_pool import Crew

_RISK = (
    'on_5xx="retry": a 5xx may come from a gateway behind which the conversation was created. Sending again '
    "can then open a second one, or be refused because the first is open."
)


def run_experiment(
    client: Client | AsyncClient,
    cases: object,
    *,
    journal: str | os.PathLike[str] | None = None,
    name: str | None = None,
    concurrency: int = 16,
    rate: float | None = None,
    steps: Steps | None = None,
    on_5xx: str = "pause",
    live: bool = False,
    confirm: int | None = None,
    cap: int = CAP,
    hash_personal: bool = False,
    progress: bool | Display = True,
    dry_run: bool | int = False,
    cluster: object = None,
) -> Run:
    """Send *cases*, each for a consumer of its own, and return the run when it has ended.

    An interrupt ends the waiting within a second: nothing new leaves, the run that is returned holds what
    was answered, and ``run.resume()`` goes on.

    Args:
        client: A ``Client`` or ``AsyncClient``.
        cases: A ``Grid``, ``Cases``, a DataFrame, the path of a CSV or Parquet file, or a list of dicts.
        journal: The file that all is written into, made anew; by default below ``runs``, and one line says
            where.
        name: 1 to 64 letters, digits, dashes or underscores; the time by default.
        concurrency: How many CONVERSATION requests are under way at once, at the most.
        rate: How many leave a second, at the most; found by itself when left out.
        steps: What else is done with each case: ask Monitoring first, send messages, read the landing
            skill, close.
        on_5xx: "pause" takes a 5xx for what it is: unknown. "retry" sends again, and says what that risks.
        live: Must be True for a real account. Where ``connect`` found no settings, it is an error.
        confirm: There, the number of cases; typed when it is left out and somebody can be asked.
            On a sandbox it may be left out, and must be right when it is given.
        cap: How many cases a run may have there.
        hash_personal: Keep personal values in the journal as hashes only, salted for each journal: those of
            PersonalInfo, and customerId, socialId, imei, userName, sub and ipAddress, also where an answer
            repeats them. Consumer ids stay as they are: the unknown cases are looked up by them.
        progress: Whether to show how it goes, or what to show it with.
        dry_run: Print the first requests, secrets masked, and send nothing; a number prints so many.
        cluster: Send from the workers of a Dask cluster (``pip install "lpnb[dask]"``): a
            ``distributed.Client``, a scheduler's address, or a number of workers to start on this machine.
            ``concurrency`` is then each worker's, ``rate`` that of all of them together.

    Raises:
        InvalidValueError: Naming every cell that is wrong. Nothing was sent.
        RunError: A real account without ``live`` and ``confirm``, or beyond the cap; ``live`` without
            settings; a wrong ``confirm``; a cluster that cannot be reached or runs another lpnb.
        JournalError: The file cannot be made.
        NotSentError: Hosts or the AppJWT could not be had.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> cases = [{"ctmrinfo.ctype": ctype} for ctype in ("vip", "gold")]
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     run = run_experiment(client, cases, name="tiers", progress=False)
        Writing down run tiers in runs/tiers.sqlite
        >>> run
        <Run tiers: 2 of 2 cases: 2 answered; done in runs/tiers.sqlite>
        >>> list(run.table()["outcome"])
        ['answered', 'answered']
    """
    run = start_experiment(
        client,
        cases,
        journal=journal,
        name=name,
        concurrency=concurrency,
        rate=rate,
        steps=steps,
        on_5xx=on_5xx,
        live=live,
        confirm=confirm,
        cap=cap,
        hash_personal=hash_personal,
        progress=progress,
        dry_run=dry_run,
        cluster=cluster,
    )
    return run.wait()


def start_experiment(
    client: Client | AsyncClient,
    cases: object,
    *,
    journal: str | os.PathLike[str] | None = None,
    name: str | None = None,
    concurrency: int = 16,
    rate: float | None = None,
    steps: Steps | None = None,
    on_5xx: str = "pause",
    live: bool = False,
    confirm: int | None = None,
    cap: int = CAP,
    hash_personal: bool = False,
    progress: bool | Display = True,
    dry_run: bool | int = False,
    cluster: object = None,
) -> Run:
    """Begin a run and return at once; ``run.wait()`` or ``await run`` waits for its end.

    Takes and raises what ``run_experiment`` does.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     run = start_experiment(client, [{"ctmrinfo.ctype": "vip"}], name="begun", progress=False)
        ...     run.wait().state
        Writing down run begun in runs/begun.sqlite
        'done'
    """
    from lpnb.experiments.cases.cases import cases_of

    check_client(client)
    name = name_of(name, journal)
    check_options(
        concurrency=concurrency,
        rate=rate,
        on_5xx=on_5xx,
        cap=cap,
        steps=steps,
        live=live,
        confirm=confirm,
        hash_personal=hash_personal,
        dry_run=dry_run,
        progress=progress,
    )
    cases = cases_of(cases)
    cases.check()
    check_cluster(cluster)
    settings = client.settings
    steps = Steps() if steps is None else steps
    options = Options(concurrency, rate, on_5xx, live, cap, steps)
    if steps.landing and steps.receiver is None:
        check_credentials(settings)
    if unheard := for_nobody(steps, cases.columns):
        print(unheard)  # noqa: T201 - else the table has columns that changed nothing
    run_key = secrets.token_hex(16)
    if dry_run is not False:
        run = Run(name, len(cases), client=client, cases=cases, options=options, run_key=run_key)
        print_requests(settings, cases, SHOWN if dry_run is True else dry_run)
        return run
    check_live(settings, len(cases), live=live, confirm=confirm, cap=cap)
    if on_5xx == "retry":
        print(_RISK)  # noqa: T201 - whoever asks for it is told, every time
    event_loop.wait(client.engine.ready())
    crew = _crew(client, cluster, options)
    path = Path("runs", f"{name}.sqlite") if journal is None else Path(journal)
    salt = secrets.token_hex(16) if hash_personal else None
    about = {
        "name": name,
        "run_key": run_key,
        "account_id": settings.account_id,
        "world": world_of(settings),
        "origin": settings.domain_api,
        "lpnb": __version__,
        "begun": datetime.now().astimezone().isoformat(" ", "seconds"),
        "columns": cases.columns,
        "options": options.kept(),
        "salt": salt,
        "state": "running",
    }
    try:
        book = Journal.create(path, about, case_rows(cases, run_key, salt))
    except BaseException:
        _dismiss(crew)
        raise
    if journal is None:
        print(f"Writing down run {name} in {path}")  # noqa: T201 - it was not chosen by whoever looks for it
    run = Run(
        name,
        len(cases),
        path=path,
        client=client,
        cases=cases,
        options=options,
        run_key=run_key,
        progress=progress,
        cluster=cluster,
    )
    run.launch(book, ((number, 0) for number in range(len(cases))), crew=crew)
    return run


def open_run(path: str | os.PathLike[str]) -> Run:
    """Open the run that is journalled at *path*, also while another process writes it.

    Its tables can be had at once; ``resume`` and ``settle`` need a client.

    Raises:
        JournalError: The file is missing, empty, damaged or another program's.

    Example:
        >>> open_run("runs/nothing.sqlite")
        Traceback (most recent call last):
        lpnb.errors.JournalError: There is no journal at runs/nothing.sqlite. run_experiment(..., journal=...) begins one.
    """  # noqa: E501
    check_path("path", path)
    reader = read_journal(path)
    about = reader.about
    with reading(path):
        options = Options.of(about["options"])
        name, run_key = name_of(about["name"], None), bytes.fromhex(about["run_key"]).hex()
    return Run(name, reader.total, path=Path(path), options=options, run_key=run_key)


def go_on(
    run: Run,
    path: Path,
    client: Client | AsyncClient,
    cases: object,
    *,
    options: Options,
    confirm: int | None,
    own: bool,
) -> None:
    """Launch a further sitting of *run*: whatever is planned, or was certainly not sent, leaves now.

    Raises:
        JournalError: The file is missing, empty, damaged, or being written by another process.
        ChangedCasesError: *cases* are not those that the journal was begun with.
        InvalidValueError: They are, and cannot be sent: somebody has edited them there.
        RunError: The journal belongs to another account.
    """
    check_client(client)
    how = {"concurrency": options.concurrency, "rate": options.rate, "on_5xx": options.on_5xx}
    check_options(**how, live=options.live, confirm=confirm)
    reader = read_journal(path)
    check_world(reader, client.settings)
    known = check_cases(reader, cases)
    book = Journal.open(path)
    try:
        todo = [(case.number, case.used) for case in reader.cases() if case.state in ("planned", "not sent")]
        if todo:
            known.check()  # they were, but a journal may come from elsewhere
        # Whoever began it has confirmed more than is left of it.
        confirm = len(todo) if own and confirm is None else confirm
        check_live(client.settings, len(todo), live=options.live, confirm=confirm, cap=options.cap or CAP)
        if options.on_5xx == "retry" and todo:
            print(_RISK)  # noqa: T201 - whoever asks for it is told, every time
        opened = unfinished(reader, options.steps)
        if todo or opened:
            event_loop.wait(client.engine.ready())
        crew = _crew(client, run.cluster, options) if todo else None
        if crew is not None:
            crew.floor = reader.about.get("starts_until", 0.0)
        run.adopt(client, known, options, reader.states())
        run.launch(book, iter(todo), opened, crew)
    except BaseException:
        book.close()
        raise


def _crew(client: Client | AsyncClient, cluster: object, options: Options) -> Crew | None:
    """The workers to send from, ready; None when this process sends."""
    if cluster is None:
        return None
    from lpnb.experiments.cluster.worker_pool import gather_crew

    return event_loop.wait(gather_crew(cluster, options.concurrency, client.engine.transport))


def _dismiss(crew: Crew | None) -> None:
    if crew is not None:
        event_loop.wait(crew.close())


def settle_run(path: Path, client: Client | AsyncClient, fresh: float | None) -> Settled:
    """Look up what is unknown in the journal at *path*, and write down what is found.

    Raises:
        JournalError: The file is missing, damaged, or being written.
        RunError: The journal is another account's.
    """
    check_client(client)
    reader = read_journal(path)
    settings = client.settings
    check_world(reader, settings)
    certain = CERTAIN if fresh is None else fresh
    if fresh is None:
        fresh = FRESH_HERE if settings.on_loopback else FRESH
    book = Journal.open(path)
    try:
        cases = list(reader.cases())
        answered = [case for case in cases if case.state == "answered" and case.code != "found"]
        prefix = f"lpnb-{reader.about['run_key'][:8]}-"
        settler = Settler(
            client.engine,
            book,
            known=max(answered, key=lambda case: case.sent_at or 0, default=None),
            run_prefix=prefix,
            fresh=fresh,
            certain=certain,
            origin_changed=reader.about["origin"] != settings.domain_api,
            started_until=reader.about.get("starts_until", 0.0),
        )
        return event_loop.wait(settler.settle([case for case in cases if case.state == "unknown"], 8))
    finally:
        book.close()


def check_world(reader: Reader, settings: Settings) -> None:
    """See that *settings* are of the account, and of the world, that the journal was begun with."""
    about = reader.about
    if about["world"] != world_of(settings) or about["account_id"] != settings.account_id:
        raise RunError(
            f"{reader.path} is of account {about['account_id']} {_at(about['world'])}, and this client is of "
            f"account {settings.account_id} {_at(world_of(settings))}. A run stays with its account."
        )


def check_cases(reader: Reader, cases: object) -> Cases:
    """Return *cases*, or those of the journal when None are given; those that have changed are refused."""
    from lpnb.experiments.cases.cases import cases_of

    salt = reader.about.get("salt")
    if cases is None and salt is not None:
        raise RunError(
            f"{reader.path} has personal values as hashes only, so its cases cannot be sent from it. "
            "Give them: run.resume(client, cases)."
        )
    with reading(reader.path, alone=False):
        known = rebuilt(reader) if cases is None else cases_of(cases)
        found = changes(known, reader, salt)
    if found:
        listed = "\n".join(f"  - {_changed(*change)}" for change in found[:20])
        more = f"\n  ... and {len(found) - 20:,} more." if len(found) > 20 else ""
        raise ChangedCasesError(
            f"These are not the cases that {reader.path} was begun with, so nothing was sent:\n"
            f"{listed}{more}\nGive the same cases to go on, or begin another run with these.",
            found,
        )
    return known


def world_of(settings: Settings) -> str:
    """What a run is bound to besides its account: a sandbox's journal never mixes with a real account's."""
    return "sandbox" if settings.on_loopback else settings.domain_api


def _at(world: str) -> str:
    return "on a sandbox" if world == "sandbox" else f"through {world}"


def _changed(case: str, column: str, before: object, after: object) -> str:
    if column == "case" and None in (before, after):
        return f"{case} {'is not in the journal' if before is None else 'is missing now'}"
    return f"{case}, {column}: {brief(before)} before, {brief(after)} now"
