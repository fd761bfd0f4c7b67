"""Starting a run, and opening the journal of one that was started before."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

from lpnb._internal import event_loop
from lpnb._internal.validation import check_path
from lpnb._printable import one_line
from lpnb._version import __version__
from lpnb.client.client_base import check_client
from lpnb.client.live_guard import CAP, check_live
from lpnb.experiments.runs.account_ids import with_account_ids
from lpnb.experiments.runs.dry_run import MOST_REQUESTS, odd_values, print_requests
from lpnb.experiments.runs.journal_rows import case_rows
from lpnb.experiments.runs.options import RunOptions, check_cluster, name_of
from lpnb.experiments.runs.progress import Display
from lpnb.experiments.runs.resume import RETRY_RISK, open_pool, world_of
from lpnb.experiments.runs.run import Run
from lpnb.experiments.runs.steps import (
    Steps,
    campaign_alone,
    run_forecast,
    unused_columns,
    without_entry_points,
)
from lpnb.journal import Journal, explain_damage, read_journal
from lpnb.settings import Settings

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client

#: Cases of a run whose values are looked at before it begins; a dry run looks at more.
_CHECKED_CASES = 2_000


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
        rate: Calls to the Connector API a second at the most, steps included; found by itself when
            left out.
        steps: What else is done with each case: ask Monitoring first, send messages, read the landing
            skill, close.
        on_5xx: "pause" takes a 5xx for what it is: unknown. "retry" sends again, and says what that risks.
        live: Must be True for a real account. Where ``connect`` found no settings, it is an error.
        confirm: There, the number of cases; typed when it is left out and somebody can be asked.
            On a sandbox it may be left out, and must be right when it is given.
        cap: How many cases a run may have there.
        hash_personal: Keep personal values in the journal as pseudonyms only, others in each journal: those
            of PersonalInfo, and customerId, socialId, imei, userName, sub and ipAddress, also where an answer
            repeats them. They are no protection: the salt is in the journal, so whoever
            has it can try values. Consumer ids stay as they are: the unknown cases are looked up by them.
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
    options = RunOptions(
        journal=journal,
        name=name,
        concurrency=concurrency,
        rate=rate,
        steps=Steps() if steps is None else steps,
        on_5xx=on_5xx,
        live=live,
        confirm=confirm,
        cap=cap,
        hash_personal=hash_personal,
        progress=progress,
        dry_run=dry_run,
        cluster=cluster,
    )
    return start_run(client, cases, options).wait()


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
    options = RunOptions(
        journal=journal,
        name=name,
        concurrency=concurrency,
        rate=rate,
        steps=Steps() if steps is None else steps,
        on_5xx=on_5xx,
        live=live,
        confirm=confirm,
        cap=cap,
        hash_personal=hash_personal,
        progress=progress,
        dry_run=dry_run,
        cluster=cluster,
    )
    return start_run(client, cases, options)


def start_run(client: Client | AsyncClient, cases: object, options: RunOptions) -> Run:
    """Begin a run of *cases*, or print it when *options* ask for a dry run.

    Takes and raises what ``run_experiment`` does.
    """
    from lpnb.experiments.cases.cases import cases_of

    check_client(client)
    name = name_of(options.name, options.journal)
    options.check()
    cases = cases_of(cases)
    cases.check()
    check_cluster(options.cluster)
    settings = client.settings
    if hint := unused_columns(options.steps, cases.columns):
        print(hint)  # noqa: T201 - else the table has columns that changed nothing
    if hint := without_entry_points(options.steps, cases.columns):
        print(hint)  # noqa: T201 - else a rule about ctype seems not to work
    if not options.steps.engagement and (hint := campaign_alone(cases)):
        print(hint)  # noqa: T201 - else the campaign seems to have routed them
    cases = with_account_ids(client, cases)
    for sentence in (*cases.notes, *cases.unresolved()):
        print(one_line(sentence))  # noqa: T201 - whoever gave the table learns how it was read
    run_key, total = secrets.token_hex(16), len(cases)
    if options.dry_run is not False:
        run = Run(name, total, client=client, cases=cases, options=options, run_key=run_key)
        print_requests(settings, cases, MOST_REQUESTS if options.dry_run is True else options.dry_run)
        return run
    for sentence in filter(None, odd_values(cases, settings.account_id, _CHECKED_CASES)):
        print(sentence)  # noqa: T201 - it leaves as it stands, but not in silence
    check_live(settings, total, live=options.live, confirm=options.confirm, cap=options.cap)
    if options.on_5xx == "retry":
        print(RETRY_RISK)  # noqa: T201 - whoever asks for it is told, every time
    event_loop.wait(client.engine.ready())
    if options.steps.landing and options.steps.receiver is None and not settings.can_read_history:
        # Only the connector's own application is left, and nobody knows yet whether it may.
        event_loop.wait(client.engine.check_history())
    pool = open_pool(client, options)
    path = Path("runs", f"{name}.sqlite") if options.journal is None else Path(options.journal)
    try:
        salt = secrets.token_hex(16) if options.hash_personal else None
        about = about_run(name, run_key, settings, cases.columns, options, salt)
        about["headers"] = cases.own_headers
        journal = Journal.create(path, about, case_rows(cases, run_key, salt))
    except BaseException:
        if pool is not None:
            event_loop.wait(pool.close())
        raise
    if options.journal is None:
        print(one_line(f"Writing down run {name} in {path}"))  # noqa: T201 - it was not chosen by whoever looks for it
    if options.progress is not False and (options.live or options.rate is not None):
        print(run_forecast(total, options.rate, options.steps))  # noqa: T201 - before anything leaves
    run = Run(name, total, path=path, client=client, cases=cases, options=options, run_key=run_key)
    run.launch(journal, zip(range(total), repeat(0)), pool=pool)
    return run


def about_run(
    name: str,
    run_key: str,
    settings: Settings,
    columns: Sequence[str],
    options: RunOptions,
    salt: str | None = None,
) -> dict[str, object]:
    """What a journal says of its run as a whole."""
    return {
        "name": name,
        "run_key": run_key,
        "account_id": settings.account_id,
        "world": world_of(settings),
        "origin": settings.domain_api,
        "lpnb": __version__,
        "begun": datetime.now().astimezone().isoformat(" ", "seconds"),
        "columns": list(columns),
        "options": options.for_journal(),
        "salt": salt,
        "state": "running",
    }


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
    with explain_damage(path):
        options = RunOptions.from_journal(about["options"])
        name, run_key = name_of(about["name"], None), bytes.fromhex(about["run_key"]).hex()
    return Run(name, reader.total, path=Path(path), options=options, run_key=run_key)
