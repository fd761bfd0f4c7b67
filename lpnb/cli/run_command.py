"""What ``lpnb send`` and ``lpnb verify`` share: checks before anything is sent, the journal, the output.

Results go to standard output, what happens meanwhile to standard error. Exit status: 0 when all came as they
should, 1 when one did not, 2 when the call, the cases or the settings are wrong, and nothing was sent by it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import wraps
from itertools import count, islice
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

from lpnb._printable import json_lines, lines, one_line
from lpnb.cli.run_options import table_options
from lpnb.errors import Complaint, InvalidValueError, JournalError, LpnbError, RunError, SettingsError

if TYPE_CHECKING:
    from lpnb.client import Client
    from lpnb.experiments.cases.cases import Cases
    from lpnb.experiments.runs.run import Run
    from lpnb.journal import Reader

#: What is wrong before anything was sent.
_REFUSALS = (InvalidValueError, SettingsError, RunError, JournalError)
#: How many causes of failures are listed at the end of a command.
_MOST_CAUSES = 5
_COLUMNS = ("case", "consumer_id", "outcome", "code", "message", "conversation_id",
            "http_status", "attempts", "elapsed_ms")  # fmt: skip


class WrongCallError(InvalidValueError):
    """Several things are wrong with a call."""

    def __init__(self, errors: Sequence[LpnbError]) -> None:
        super().__init__(complaint for error in errors for complaint in _complaints(error))
        self._sentences = [str(error) for error in errors]

    def __str__(self) -> str:
        sentences = self._sentences
        items = "\n".join(f"  - {indent(sentence, '    ').strip()}" for sentence in sentences)
        return f"{len(sentences)} things are wrong with this call, and nothing was started:\n{items}"


def _complaints(error: LpnbError) -> Sequence[Complaint]:
    return error.complaints if isinstance(error, InvalidValueError) else [Complaint("", str(error))]


class UsageErrors:
    """All that is wrong with a call, so that it is said at once."""

    def __init__(self) -> None:
        self._errors: list[LpnbError] = []

    def add(self, sentence: str) -> None:
        """Take in one finding."""
        self._errors.append(InvalidValueError([Complaint("", sentence)]))

    @contextlib.contextmanager
    def collect(self) -> Iterator[None]:
        """Take in what is raised here."""
        try:
            yield
        except _REFUSALS as error:
            self._errors.append(error)

    def raise_all(self) -> None:
        """Raise what was taken in, if anything was."""
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            raise WrongCallError(self._errors)


def exit_2_when_refused(
    command: Callable[[argparse.Namespace], int],
) -> Callable[[argparse.Namespace], int]:
    """Print what is wrong with a call, in the words of the command line, and let the command end with 2."""

    @wraps(command)
    def run(options: argparse.Namespace) -> int:
        try:
            return command(options)
        except _REFUSALS as error:
            print(in_options(str(error), vars(options)), file=sys.stderr)
            is_unmapped = getattr(options, "cases", None) and not getattr(options, "map", None)
            if is_unmapped and any(one.kind == "unknown column" for one in _complaints(error)):
                file = shlex.quote(str(options.cases))
                line = f"lpnb columns {file} --map map.toml writes down what its headers mean."
                print(one_line(line), file=sys.stderr)
            return 2

    return run


def in_options(text: str, names: Iterable[str]) -> str:
    """A sentence about arguments of Python, about the options of the same names.

    >>> in_options("Say live=True and confirm=12. skill_id must be text.", ["live", "confirm", "skill_id"])
    'Say --live and --confirm 12. --skill-id must be text.'
    """
    for name in names:
        option = f"--{name.replace('_', '-')}"
        text = re.sub(rf"\b{name}=True\b", option, text)
        text = re.sub(rf"\b{name}=(?=\d)", f"{option} ", text)
        if "_" in name:
            text = re.sub(rf"(?<![\w./\\'\"-]){name}(?![\w=/\\]|\.\w)", option, text)
    return text


def check_call(
    options: argparse.Namespace, errors: UsageErrors, reader: Reader | None, *, cases_needed: bool
) -> Any:
    """The cases; or all that is wrong with the call, before anything is started.

    Args:
        options: What the command line says.
        errors: What is known to be wrong already; raised here together with the rest.
        reader: The journal to go on with, for a run that is resumed.
        cases_needed: Whether the call must name a file of cases.

    Raises:
        InvalidValueError: Anything is wrong with the call.
        SettingsError: The settings alone are wrong.
    """
    # pydantic would look through every installed package for plugins, and none has anything to say here.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from lpnb.experiments.cases.cases import cases_of
    from lpnb.experiments.runs.options import check_cluster, check_options
    from lpnb.tables.export import check_export

    with errors.collect():
        names = ("concurrency", "rate", "on_5xx", "confirm", "cap")
        check_options(**{name: value for name in names if (value := getattr(options, name)) is not None})
    with errors.collect():
        check_cluster(options.cluster)
    if options.out is not None:
        with errors.collect():
            check_export(options.out)
    _check_files(options, errors, new_run=cases_needed)
    with errors.collect():
        check_settings(options, reader)
    cases: Cases | None = None
    if options.cases is not None:
        with errors.collect():
            cases = cases_of(
                options.cases,
                columns=options.map,
                **table_options(options),
            )
            cases.check()
            if options.command == "verify" and options.since is None:
                from lpnb.experiments.verification.verify import expect_something

                expect_something(cases)
    elif cases_needed:
        errors.add(f"Name the file with the cases, such as: lpnb {options.command} rows.csv")
    errors.raise_all()
    return cases


def _check_files(options: argparse.Namespace, errors: UsageErrors, *, new_run: bool) -> None:
    """Nothing is written over the cases or a journal."""
    for option in ("out", "junit"):
        output = getattr(options, option, None)
        for kind, path in (("cases in", options.cases), ("journal", options.journal)):
            if output and path and output.resolve() == path.resolve():
                errors.add(f"--{option} would write over the {kind} {path}. Name another file.")
    if new_run and options.journal is not None and options.journal.exists() and options.dry_run is None:
        errors.add(
            f"There is a file at {options.journal} already, and a run begins with a new one. Give another "
            "name, or none to have it named after the time; or go on with that run: "
            f"lpnb send --resume --journal {options.journal}"
        )


def check_settings(options: argparse.Namespace, reader: Reader | None) -> None:
    """The settings can be used, and a journal is of the same account."""
    from lpnb.experiments.runs.resume import check_world
    from lpnb.settings import Settings, SettingsLookup

    live_option = "--live" if options.live else "--confirm" if options.confirm is not None else None
    lookup = SettingsLookup.find(options.profile)
    if lookup.values or options.profile is not None:
        settings = Settings.from_lookup(lookup)
        if reader is not None:
            check_world(reader, settings)
    elif live_option is not None:  # a build whose secrets are missing must not pass on a sandbox
        raise SettingsError(lookup.no_settings(live_option))
    elif reader is not None and reader.about["world"] != "sandbox":
        account = f"account {reader.about['account_id']} through {reader.about['world']}"
        raise SettingsError(
            f"{reader.path} is of {account}, and no LP_ settings were found.\n{lookup.places_searched}"
        )


def connect_client(options: argparse.Namespace) -> Client:
    """Connect as the call says; what is said meanwhile goes to standard error."""
    from lpnb.client.connect import connect

    with contextlib.redirect_stdout(sys.stderr):
        return connect(options.profile)


def journal_path(options: argparse.Namespace) -> Path:
    """The journal that is named, or one in ``./runs`` named after the cases and the time."""
    if options.journal is not None:
        return Path(options.journal)
    default_path = Path("runs", f"{options.cases.stem}-{datetime.now():%Y-%m-%d-%H%M%S}.sqlite")
    others = (default_path.with_stem(f"{default_path.stem}-{number}") for number in count(2))
    return next(path for path in (default_path, *islice(others, 99)) if not path.exists())


def print_journal_path(options: argparse.Namespace, run: Run) -> None:
    """Say where the journal is that nobody has named; one that was refused never came to be."""
    if options.journal is None:
        print(one_line(f"The journal is {run.journal_path}"), file=sys.stderr)


def set_hints(run: Run) -> None:
    """Have the run's sentences name the command line; how to settle it is said at the end."""
    run.resume_hint, run.settle_hint = f"lpnb send --resume --journal {run.journal_path}", ""


def landing_wait_argument(options: argparse.Namespace) -> dict[str, Any]:
    """``landing_wait`` for ``Steps`` when the call names it, in seconds."""
    return {} if options.landing_wait is None else {"landing_wait": options.landing_wait}


def run_arguments(options: argparse.Namespace, *, is_resume: bool = False) -> dict[str, Any]:
    """What was said on how to run; the rest is as ``run_experiment``, or the journal, has it."""
    names = ("concurrency", "rate", "on_5xx", "confirm", "cluster", *(() if is_resume else ("cap",)))
    arguments = {name: value for name in names if (value := getattr(options, name)) is not None}
    return {**arguments, "live": options.live, "progress": not options.quiet}


def write_table(options: argparse.Namespace, run: Run) -> bool:
    """Write the run's table where the call says; False when it could not be, and that was said."""
    if options.out is not None:
        if ok := write_or_explain(lambda: run.save(options.out, byte_order_mark=options.bom), run):
            total = run.progress.total
            print(
                one_line(f"{total:,} row{' is' if total == 1 else 's are'} in {options.out}"), file=sys.stderr
            )
        return ok
    if options.json:
        table = run.table()
        text = json_lines(
            table.to_json(orient="records", date_format="iso", date_unit="us", force_ascii=False)
        )
    else:
        from lpnb.experiments.cases.case_labels import naming_columns
        from lpnb.tables.text import as_text

        columns = run.columns()
        landing_column = ("landed_skill",) if options.landing or any(columns["landed_skill"]) else ()
        case, *others = _COLUMNS
        text = as_text(columns, (case, *naming_columns(columns), *others, *landing_column), most=None)
    return write_or_explain(lambda: print(text, flush=True), run)


def write_or_explain(write: Callable[[], object], run: Run) -> bool:
    """Whether *write* could; otherwise why not, and where the rows are, has been said."""
    try:
        write()
    except BrokenPipeError:
        raise
    except LpnbError as error:
        problem = str(error)
    except OSError as error:
        problem = f"The table cannot be printed: {error.strerror}."
    else:
        return True
    again = f"lpnb send --resume --journal {run.journal_path} --out FILE"
    print(
        lines(f"{problem}\nNothing is lost: the journal has every row. Write them with {again}"),
        file=sys.stderr,
    )
    return False


@contextlib.contextmanager
def resume_hint_on_interrupt(journal: Path) -> Iterator[None]:
    """Say how to go on when a second interrupt ends the command while the first is still seen to."""
    try:
        yield
    except KeyboardInterrupt:
        if journal.exists():
            print(one_line(f"Go on with lpnb send --resume --journal {journal}"), file=sys.stderr)
        raise


def print_summary(run: Run, client: Client, options: argparse.Namespace) -> None:
    """Say what came of it, and what to do about the rest."""
    progress = run.progress
    if options.quiet:  # otherwise it is the last line that was shown
        print(progress, file=sys.stderr)
    if problems := " ".join(filter(None, (run.failure, run.unfinished_steps))):
        print(one_line(problems), file=sys.stderr)
    if progress.done > progress.answered:
        from lpnb.experiments.runs.failures import failure_groups

        groups = failure_groups(run.columns())
        for group in groups[:_MOST_CAUSES]:
            print(one_line(str(group)), file=sys.stderr)
        if len(groups) > _MOST_CAUSES:
            rest = sum(group.cases for group in groups[_MOST_CAUSES:])
            print(
                f"{rest:,} more, of {len(groups) - _MOST_CAUSES} other causes: see the table", file=sys.stderr
            )
    if progress.unknown:
        print(one_line(_unknown_hint(run, client, settle=options.settle)), file=sys.stderr)
    elif progress.left:
        print(one_line(f"Go on with lpnb send --resume --journal {run.journal_path}"), file=sys.stderr)


def _unknown_hint(run: Run, client: Client, *, settle: bool) -> str:
    """Where a conversation of theirs can be looked for; of a sandbox that has ended, that it cannot."""
    from lpnb.client.connect import has_fallen_back
    from lpnb.journal import read_journal

    again = f"lpnb send --resume --settle --journal {run.journal_path}"
    about = read_journal(run.journal_path or "").about
    elsewhere = about["origin"] != client.settings.domain_api
    if about["world"] == "sandbox" and (elsewhere or has_fallen_back(client.settings)):
        why = (
            f"the sandbox at {about['origin']}, which they were sent to, is not there any more"
            if elsewhere
            else "the embedded sandbox ends with this command"
        )
        at_once = "" if settle or elsewhere else " --settle in the same call looks for them before it does."
        return (
            f"The unknown cases cannot be looked up later: {why}.{at_once} Start again with "
            "another journal, and with a sandbox that keeps running: lpnb sandbox --port 8765 "
            "--state bank.sqlite"
        )
    if settle:
        return f"What is still unknown can be looked up later: {again}"
    return f"For each unknown case a conversation may exist. Look for it: {again}"


@contextlib.contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Take a request to end as an interrupt: what has left is still answered and written down."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
