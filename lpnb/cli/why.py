"""``lpnb why``: which fields of one case decide where it lands."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpnb._printable import one_line
from lpnb.cli.run_command import (
    UsageErrors,
    check_settings,
    connect_client,
    exit_2_when_refused,
    landing_wait_argument,
    terminate_as_interrupt,
)
from lpnb.cli.run_options import add_asking_options, add_map_option, add_table_options, table_options

if TYPE_CHECKING:
    from lpnb.experiments.cases.cases import Case

    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: SubParsers) -> None:
    """Add ``why`` to the command line."""
    why = commands.add_parser(
        "why",
        help="say which fields of one case decide where it lands, with about ten conversations",
        description="Send one case whole, without each of its fields and with none, and say which fields "
        "decide where it lands and what would move it. Name the fields with --set, or a case of a file with "
        "--case. "
        "Exit status: 0 when the reasons are known, 1 when they are not, 2 when the call, the case or the "
        "settings are wrong.",
    )
    why.add_argument("cases", nargs="?", type=Path, metavar="CASES", help="a CSV, Excel or Parquet file")
    why.add_argument(
        "--case", metavar="NAME", help="which case of CASES: its name, or its consumer or customerId"
    )
    why.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="a field of the case; again for more",
    )
    add_table_options(why)
    add_map_option(why)
    add_asking_options(why, "needed for a real account: the most conversations")
    why.set_defaults(run=_run)


@exit_2_when_refused
def _run(options: argparse.Namespace) -> int:
    from lpnb.experiments.cases.cases import cases_of
    from lpnb.experiments.routing.reasons import begin_reasons
    from lpnb.experiments.runs.options import RunOptions

    errors = UsageErrors()
    case: Any = None
    with errors.collect():
        case = _case(options, errors)
        for sentence in () if case is None else cases_of([dict(case.values)]).unresolved():
            print(one_line(sentence), file=sys.stderr)
    with errors.collect():
        check_settings(options, None)
    errors.raise_all()
    names = ("journal", "live", "confirm", "rate", "concurrency")
    run_options = RunOptions(progress=not options.quiet, **{name: getattr(options, name) for name in names})
    with (
        connect_client(options) as client,
        terminate_as_interrupt(),
        contextlib.redirect_stdout(sys.stderr),
    ):
        run, search = begin_reasons(
            client, case, run_options, engagement=options.engagement, **landing_wait_argument(options)
        )
        run.resume_hint = f"The same call with --journal {run.journal_path}"
        run.wait()
        case_reasons = search.result()
    print(case_reasons, flush=True)
    return 0 if case_reasons.skill is not None and case_reasons.complete else 1


def _case(options: argparse.Namespace, errors: UsageErrors) -> Case | None:
    """The case that is asked about."""
    if (options.cases is None) == (not options.set):
        errors.add(
            "Name either fields, such as --set ctmrinfo.ctype=vip, or a case of a file, "
            "such as cases.csv --case vip."
        )
        return None
    if options.cases is not None and "=" in options.cases.name and not options.cases.exists():
        errors.add(f"There is no file {options.cases}. Did you mean --set {options.cases}?")
        return None
    return _case_of_fields(options.set, errors) if options.cases is None else _case_of_file(options, errors)


def _case_of_fields(fields: Sequence[str], errors: UsageErrors) -> Case | None:
    """The case with *fields*, each such as ``ctmrinfo.ctype=vip``."""
    from lpnb._internal.suggestions import did_you_mean
    from lpnb.experiments.cases.cases import cases_of
    from lpnb.experiments.cases.columns import find_column, known_columns
    from lpnb.experiments.cases.headers import known_column

    pairs = [text.partition("=") for text in fields]
    for text, (name, sign, _) in zip(fields, pairs, strict=True):
        if not (name.strip() and sign):
            errors.add(f"--set needs COLUMN=VALUE, such as ctmrinfo.ctype=vip; got {text!r}.")
    names = [name.strip() for name, _, _ in pairs]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        errors.add(f"{name} is set more than once.")
    unknown = [name for name in dict.fromkeys(names) if name and find_column(name) is None]
    for name in unknown:
        hint = f" Did you mean '{column}'?" if (column := known_column(name)) else ""
        hint = hint or did_you_mean(name, known_columns())
        naming_hint = " Fields have the wire's names, such as ctmrinfo.ctype; lpnb.case_columns() lists them."
        errors.add(f"{name!r} is not a field that lpnb knows.{hint or naming_hint}")
    if unknown:
        return None
    return cases_of([{name.strip(): value for name, _, value in pairs}])[0]


def _case_of_file(options: argparse.Namespace, errors: UsageErrors) -> Case | None:
    """The case of the file that ``--case`` names, or its only one."""
    from lpnb._internal.validation import one_of
    from lpnb.errors import Complaint, InvalidValueError
    from lpnb.experiments.cases.cases import cases_of

    cases = cases_of(options.cases, columns=options.map, **table_options(options))
    if options.case is None and len(cases) == 1:
        return cases[0]
    if options.case is None:
        errors.add(
            f"{options.cases} has {len(cases):,} cases. Name one: --case {cases.names[0]}, or a customerId."
        )
        return None
    matches = [case for case in cases if case.name == options.case]
    of_customer = [
        case for case in cases if options.case in (case.consumer_id, case.values.get("ctmrinfo.customerId"))
    ]
    if len(matches or of_customer) > 1:
        names_text = ", ".join(case.name for case in of_customer[:20])
        errors.add(f"{options.case} is the customer of several cases: {names_text}. Name one with --case.")
    elif not matches and not of_customer:
        bare = options.case.lstrip("0")
        customers = (str(case.values.get("ctmrinfo.customerId", "")) for case in cases)
        if same := [name for name in (*cases.names, *customers) if bare and name.lstrip("0") == bare]:
            sentence = f"There is no case {options.case} in {options.cases}. Did you mean {same[0]}?"
            raise InvalidValueError([Complaint("--case", sentence)])
        raise InvalidValueError([one_of("--case", options.case, cases.names[:20])])
    return (matches or of_customer)[0]
