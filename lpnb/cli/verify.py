"""``lpnb verify``: send the cases of a file and compare each outcome with what its row expects."""

from __future__ import annotations

import argparse
import contextlib
import sys
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
    resume_hint_on_interrupt,
    run_arguments,
    set_hints,
    terminate_as_interrupt,
    write_or_explain,
)
from lpnb.cli.run_options import add_run_options

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: SubParsers) -> None:
    """Add ``verify`` to the command line."""
    verify = commands.add_parser(
        "verify",
        help="send cases and check each against what it expects; for builds",
        description="Send the cases of a file and compare the results with their columns expected_skill and "
        "expected_code, or with --since with an earlier run. Exit status: 0 when all passed and none "
        "moved, 1 when any failed or moved, 2 when the call, the cases or the settings are wrong.",
    )
    add_run_options(verify)
    verify.add_argument("--junit", type=Path, metavar="FILE", help="write the verdicts as JUnit XML")
    verify.add_argument("--verbose", "-v", action="store_true", help="print the cases that passed, too")
    verify.add_argument(
        "--engagement",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="ask Monitoring first; by default when there are columns for it",
    )
    verify.add_argument(
        "--since",
        type=Path,
        metavar="PATH",
        help="fail what moved since this journal, or since the last run of the cases in this folder",
    )
    verify.add_argument("--leave-open", action="store_true", help="do not close the conversations afterwards")
    verify.set_defaults(run=_run, command="verify")


@exit_2_when_refused
def _run(options: argparse.Namespace) -> int:
    from lpnb.experiments.runs.start import start_experiment
    from lpnb.experiments.runs.steps import Steps
    from lpnb.experiments.verification.junit import check_junit
    from lpnb.experiments.verification.verify import (
        as_text,
        check_since,
        comparison_since,
        steps_for,
        verification_of,
    )

    errors = UsageErrors()
    if options.junit is not None:
        with errors.collect():
            check_junit(options.junit)
    with errors.collect():
        Steps(**landing_wait_argument(options))
    cases = check_call(options, errors, None, cases_needed=True)
    check_since(cases, options.since)
    steps = steps_for(
        cases,
        engagement=options.engagement,
        close=not options.leave_open,
        landing_wait=options.landing_wait,
        compared=options.since is not None,
    )
    with connect_client(options) as client, terminate_as_interrupt():
        journal = journal_path(options)
        with contextlib.redirect_stdout(sys.stderr), resume_hint_on_interrupt(journal):
            run = start_experiment(client, cases, journal=journal, steps=steps, **run_arguments(options))
            print_journal_path(options, run)
            set_hints(run)
            run.wait()
        columns = run.columns()
        if problems := " ".join(filter(None, (run.failure, run.unfinished_steps))):
            print(one_line(problems), file=sys.stderr)
        if remaining_cases := run.progress.left:
            print(
                f"{remaining_cases:,} were not sent: verify again, or send them with {run.resume_hint}",
                file=sys.stderr,
            )
    comparison = comparison_since(run, options.since)
    if options.since is not None and comparison is None:
        print(
            f"No earlier run of these cases is in {options.since}, so this is the first to compare with.",
            file=sys.stderr,
        )
    verification = verification_of(columns, options.cases.name, comparison)
    outputs_ok = options.out is None or write_or_explain(
        lambda: run.save(options.out, byte_order_mark=options.bom), run
    )
    if options.junit is not None:
        outputs_ok = write_or_explain(lambda: verification.save_junit(options.junit), run) and outputs_ok
    text = f"{as_text(verification)}\n{verification}" if options.verbose else str(verification)
    outputs_ok = write_or_explain(lambda: print(text, flush=True), run) and outputs_ok
    return 0 if verification.ok and outputs_ok else 1
