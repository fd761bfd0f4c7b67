"""``lpnb send``: send the cases of a file with a journal, or go on with a journal; one row per case out."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from lpnb._printable import one_line
from lpnb.cli.run_command import (
    UsageErrors,
    check_call,
    connect_client,
    exit_2_when_refused,
    journal_path,
    landing_wait_argument,
    print_journal_path,
    print_summary,
    resume_hint_on_interrupt,
    run_arguments,
    set_hints,
    terminate_as_interrupt,
    write_table,
)
from lpnb.cli.run_options import add_run_options, count

if TYPE_CHECKING:
    from lpnb.client import Client
    from lpnb.experiments.cases.cases import Cases
    from lpnb.experiments.runs.run import Run
    from lpnb.experiments.runs.steps import Steps
    from lpnb.tables.cells import Columns

    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

#: What only a new run is told: a journal has them of its own.
_FIRST_RUN_OPTIONS = (
    "engagement", "say", "landing", "landing_wait", "close", "hash_personal", "cap", "dry_run",
)  # fmt: skip
_SHOWN_MISSES = 5
_SHOWN_SKILLS = 8


def register(commands: SubParsers) -> None:
    """Add ``send`` to the command line."""
    send = commands.add_parser(
        "send",
        help="send the cases of a CSV, Excel or Parquet file, with a journal; one row per case out",
        description="Send the cases of a CSV, Excel or Parquet file, or of a grid in TOML, each for a "
        "consumer of its own. For example: lpnb send rows.csv --landing --close --out results.xlsx. "
        "Exit status: 0 when all were answered, 1 when any was not, 2 when the call, "
        "the cases or the settings are wrong.",
    )
    add_run_options(send)
    send.add_argument("--json", action="store_true", help="print the rows as one JSON array")
    send.add_argument(
        "--dry-run",
        nargs="?",
        type=count,
        const=3,
        metavar="N",
        help="print the first N requests (3), secrets masked, and send nothing",
    )
    send.add_argument("--resume", action="store_true", help="go on with the journal: send what is safe")
    send.add_argument("--settle", action="store_true", help="look for the conversations of unknown outcomes")
    send.add_argument(
        "--hash-personal", action="store_true", help="journal personal values as pseudonyms only"
    )
    send.add_argument(
        "--engagement",
        action="store_true",
        help="ask Monitoring first; its offer routes. why, learn and verify do so by themselves where there "
        "are columns for it",
    )
    send.add_argument("--say", action="append", default=[], metavar="TEXT", help="send a message")
    send.add_argument("--landing", action="store_true", help="read which skill each conversation landed in")
    send.add_argument("--close", action="store_true", help="close each conversation at the end")
    send.set_defaults(run=_run, command="send")


@exit_2_when_refused
def _run(options: argparse.Namespace) -> int:
    from lpnb.experiments.runs.start import run_experiment
    from lpnb.journal import read_journal

    errors, steps, run = UsageErrors(), None, None
    if options.resume:
        run = _opened_run(options, errors)
    else:
        with errors.collect():
            steps = _steps(options)
    reader = None if run is None else read_journal(options.journal)
    cases = check_call(options, errors, reader, cases_needed=not options.resume)
    with connect_client(options) as client, terminate_as_interrupt():
        if options.dry_run is not None:
            run_experiment(client, cases, dry_run=options.dry_run)
            return 0
        journal = journal_path(options)
        with contextlib.redirect_stdout(sys.stderr), resume_hint_on_interrupt(journal):
            if run is None:
                run = _start(options, client, cases, journal, steps)
            else:
                run = _resume(options, client, cases, run)
        try:
            table_ok = write_table(options, run)
        finally:  # also when whoever read the table has gone
            print_summary(run, client, options)
            columns = run.columns() if options.landing or cases is None or cases.expectations else {}
            _print_landings(columns)
            if cases is None or cases.expectations:
                _print_expectations(columns)
    progress = run.progress
    return 0 if table_ok and progress.answered == progress.total else 1


def _print_landings(columns: Columns) -> None:
    """Say how many conversations landed in which skill, the most frequent first."""
    landings = Counter(filter(None, columns.get("landed_skill", ()))).most_common()
    landing_texts = [f"{skill} {number:,}" for skill, number in landings[:_SHOWN_SKILLS]]
    if len(landings) > _SHOWN_SKILLS:
        landing_texts.append(f"{len(landings) - _SHOWN_SKILLS} other skills")
    if landing_texts:
        print(one_line(f"Landed: {', '.join(landing_texts)}."), file=sys.stderr)


def _print_expectations(columns: Columns) -> None:
    """Say how many cases came as they expected, and which did not; the exit status is not for that."""
    if not any(columns["expected_skill"]) and not any(columns["expected_code"]):
        return
    if any(columns["expected_skill"]) and not any(columns["landing_outcome"]):
        print("Whether the cases landed as expected is seen with --landing", file=sys.stderr)
        return
    from lpnb.experiments.verification.checks import checks_of

    checks = [check for check in checks_of(columns) if check.verdict != "skipped"]
    passes = sum(check.verdict == "passed" for check in checks)
    print(f"{passes:,} of {len(checks):,} cases came as expected", file=sys.stderr)
    misses = [check for check in checks if check.verdict != "passed"]
    for check in misses[:_SHOWN_MISSES]:
        print(one_line(f"  {check.named}: {check.said}"), file=sys.stderr)
    if len(misses) > _SHOWN_MISSES:
        print(f"  and {len(misses) - _SHOWN_MISSES:,} more: see the column passed", file=sys.stderr)


def _opened_run(options: argparse.Namespace, errors: UsageErrors) -> Run | None:
    """The run of the journal that ``--resume`` names, or what is wrong with the call."""
    from lpnb.experiments.runs.start import open_run

    run = None
    if options.journal is None:
        errors.add("--resume needs --journal FILE: the journal to go on with.")
    elif not options.journal.exists():
        errors.add(f"There is no journal {options.journal} to go on with. Without --resume one is begun.")
    else:
        with errors.collect():
            run = open_run(options.journal)
    if first_run_options := [name for name in _FIRST_RUN_OPTIONS if getattr(options, name)]:
        options_text = ", ".join(f"--{name.replace('_', '-')}" for name in first_run_options)
        errors.add(f"With --resume the journal says what is done; leave out {options_text}.")
    return run


def _steps(options: argparse.Namespace) -> Steps:
    from lpnb.experiments.runs.steps import Steps

    return Steps(
        engagement=options.engagement,
        say=options.say,
        landing=options.landing,
        close=options.close,
        **landing_wait_argument(options),
    )


def _start(
    options: argparse.Namespace, client: Client, cases: Cases, journal: Path, steps: Steps | None
) -> Run:
    from lpnb.experiments.runs.start import start_experiment

    run = start_experiment(
        client,
        cases,
        journal=journal,
        steps=steps,
        hash_personal=options.hash_personal,
        **run_arguments(options),
    )
    print_journal_path(options, run)
    set_hints(run)
    run.wait()
    if options.settle and run.progress.unknown:
        settled = run.settle()
        print(settled)
        if settled.absent:
            run.resume()
    return run


def _resume(options: argparse.Namespace, client: Client, cases: Cases | None, run: Run) -> Run:
    set_hints(run)
    if options.settle and run.progress.unknown:
        print(run.settle(client))
    return run.resume(client, cases, **run_arguments(options, is_resume=True))
