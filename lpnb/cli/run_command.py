"""``lpnb send`` and ``lpnb verify``: runs without a notebook.

Results go to standard output, what happens meanwhile to standard error. Exit status: 0 when all came as they
should, 1 when one did not, 2 when the call, the cases or the settings are wrong, and nothing was sent by it.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

from lpnb.cli.run_options import declare
from lpnb.errors import Complaint, InvalidValueError, JournalError, LpnbError, RunError, SettingsError

if TYPE_CHECKING:
    from lpnb.client import Client
    from lpnb.experiments.cases.cases import Cases
    from lpnb.experiments.runs.run import Run
    from lpnb.experiments.runs.steps import Steps
    from lpnb.journal import Reader

    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

#: What is wrong before anything was sent.
_WRONG = (InvalidValueError, SettingsError, RunError, JournalError)
_SHOWN = ("case", "consumer_id", "outcome", "code", "message", "conversation_id",
          "http_status", "attempts", "elapsed_ms")  # fmt: skip


def register(commands: SubParsers) -> None:
    """Add ``send`` and ``verify`` to the command line."""
    declare(commands, _send, _verify)


def _send(options: argparse.Namespace) -> int:
    with _usage() as usage:
        from lpnb.experiments.runs.start import open_run, run_experiment
        from lpnb.journal import read_journal

        trouble, steps, run = _Trouble(), None, None
        if not options.resume:
            with trouble.found():
                steps = _steps(options)
        elif options.journal is None:
            trouble.add("--resume needs --journal FILE: the journal to go on with.")
        elif not options.journal.exists():
            trouble.add(
                f"There is no journal {options.journal} to go on with. Without --resume one is begun."
            )
        else:
            with trouble.found():
                run = open_run(options.journal)
        begins = ("engagement", "say", "landing", "landing_wait", "close", "hash_personal", "cap", "dry_run")
        if options.resume and (given := [name for name in begins if getattr(options, name)]):
            said = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            trouble.add(f"With --resume the journal says what is done; leave out {said}.")
        reader = None if run is None else read_journal(options.journal)
        cases = _looked_over(options, trouble, reader, needed=not options.resume)
        with _client(options) as client, _politely():
            if options.dry_run is not None:
                run_experiment(client, cases, dry_run=options.dry_run)
                return 0
            journal = _journal(options)
            with contextlib.redirect_stdout(sys.stderr), _way_back(journal):
                if run is None:
                    run = _begun(options, client, cases, journal, steps)
                else:
                    run = _resumed(options, client, cases, run)
            table = run.table()
            try:
                written = _put_out(options, table, run)
            finally:  # also when whoever read the table has gone
                _tell(run, client, options)
        return 0 if written and bool((table["outcome"] == "answered").all()) else 1
    return usage.status


def _steps(options: argparse.Namespace) -> Steps:
    from lpnb.experiments.runs.steps import Steps

    return Steps(
        engagement=options.engagement,
        say=options.say,
        landing=options.landing,
        close=options.close,
        **_wait(options),
    )


def _wait(options: argparse.Namespace) -> dict[str, Any]:
    return {} if options.landing_wait is None else {"landing_wait": options.landing_wait}


def _begun(
    options: argparse.Namespace, client: Client, cases: Cases, journal: Path, steps: Steps | None
) -> Run:
    from lpnb.experiments.runs.start import start_experiment

    run = start_experiment(
        client, cases, journal=journal, steps=steps, hash_personal=options.hash_personal, **_how(options)
    )
    _name_journal(options, run)
    run.ways = _ways(run)
    run.wait()
    if options.settle and len(run.unknown):
        settled = run.settle()
        print(settled)
        if settled.absent:
            run.resume()
    return run


def _resumed(options: argparse.Namespace, client: Client, cases: Cases | None, run: Run) -> Run:
    run.ways = _ways(run)
    if options.settle and len(run.unknown):
        print(run.settle(client))
    return run.resume(client, cases, **_how(options, resumed=True))


def _verify(options: argparse.Namespace) -> int:
    with _usage() as usage:
        from lpnb.experiments.runs.start import start_experiment
        from lpnb.experiments.runs.steps import Steps
        from lpnb.experiments.verification.junit import check_junit
        from lpnb.experiments.verification.verify import as_text, steps_for, verification_of
        from lpnb.tables.export import save_table

        trouble = _Trouble()
        if options.junit is not None:
            with trouble.found():
                check_junit(options.junit)
        with trouble.found():
            Steps(**_wait(options))
        cases = _looked_over(options, trouble, None, needed=True)
        steps = steps_for(
            cases,
            engagement=options.engagement,
            close=not options.leave_open,
            landing_wait=options.landing_wait,
        )
        with _client(options) as client, _politely():
            journal = _journal(options)
            with contextlib.redirect_stdout(sys.stderr), _way_back(journal):
                run = start_experiment(client, cases, journal=journal, steps=steps, **_how(options))
                _name_journal(options, run)
                run.ways = _ways(run)
                run.wait()
            table = run.table()
            if said := " ".join(filter(None, (run.failure, run.missed))):
                print(said, file=sys.stderr)
            if left := run.progress.left:
                print(
                    f"{left:,} were not sent: verify again, or send them with {run.ways[0]}", file=sys.stderr
                )
        found = verification_of(table, options.cases.name)
        written = options.out is None or _written(lambda: save_table(table, options.out), run)
        if options.junit is not None:
            written = _written(lambda: found.save_junit(options.junit), run) and written
        text = f"{as_text(found)}\n{found}" if options.verbose else str(found)
        written = _written(lambda: print(text, flush=True), run) and written
        return 0 if found.ok and written else 1
    return usage.status


def _looked_over(
    options: argparse.Namespace, trouble: _Trouble, reader: Reader | None, *, needed: bool
) -> Any:
    """The cases; or all that is wrong with the call, before anything is started."""
    from lpnb.experiments.cases.cases import cases_of
    from lpnb.experiments.cluster.worker_pool import check_cluster
    from lpnb.experiments.runs.options import check_options
    from lpnb.experiments.runs.start import check_world
    from lpnb.experiments.verification.verify import expect_something
    from lpnb.settings import Found, Settings
    from lpnb.tables.export import check_export

    with trouble.found():
        names = ("concurrency", "rate", "on_5xx", "confirm", "cap")
        check_options(**{name: found for name in names if (found := getattr(options, name)) is not None})
    with trouble.found():
        check_cluster(options.cluster)
    if options.out is not None:
        with trouble.found():
            check_export(options.out)
    for option in ("out", "junit"):
        written = getattr(options, option, None)
        for kind, kept in (("cases in", options.cases), ("journal", options.journal)):
            if written and kept and written.resolve() == kept.resolve():
                trouble.add(f"--{option} would write over the {kind} {kept}. Name another file.")
    if needed and options.journal is not None and options.journal.exists() and options.dry_run is None:
        trouble.add(
            f"There is a file at {options.journal} already, and a run begins with a new one. Give another "
            "name, or none to have it named after the time; or go on with that run: "
            f"lpnb send --resume --journal {options.journal}"
        )
    said = "--live" if options.live else "--confirm" if options.confirm is not None else None
    with trouble.found():
        found = Found.look(options.profile)
        if found.values or options.profile is not None:
            settings = Settings.from_found(found)
            if reader is not None:
                check_world(reader, settings)
        elif said is not None:  # a build whose secrets are missing must not pass on a sandbox
            raise SettingsError(found.nothing(said))
        elif reader is not None and reader.about["world"] != "sandbox":
            account = f"account {reader.about['account_id']} through {reader.about['world']}"
            raise SettingsError(
                f"{reader.path} is of {account}, and no LP_ settings were found.\n{found.looked}"
            )
    cases: Cases | None = None
    if options.cases is not None:
        with trouble.found():
            cases = cases_of(options.cases, separator=options.separator)
            cases.check()
            if options.command == "verify":
                expect_something(cases)
    elif needed:
        trouble.add(f"Name the file with the cases, such as: lpnb {options.command} rows.csv")
    trouble.refuse()
    return cases


def _client(options: argparse.Namespace) -> Client:
    from lpnb.client.connect import connect

    with contextlib.redirect_stdout(sys.stderr):
        return connect(options.profile)


def _journal(options: argparse.Namespace) -> Path:
    if options.journal is not None:
        return Path(options.journal)
    return Path("runs", f"{options.cases.stem}-{datetime.now():%Y-%m-%d-%H%M%S}.sqlite")


def _name_journal(options: argparse.Namespace, run: Run) -> None:
    """Say where the journal is that nobody has named; one that was refused never came to be."""
    if options.journal is None:
        print(f"The journal is {run.journal_path}", file=sys.stderr)


def _ways(run: Run) -> tuple[str, str]:
    """What goes on with a run here; of what settles it more is said at the end."""
    return f"lpnb send --resume --journal {run.journal_path}", ""


def _how(options: argparse.Namespace, *, resumed: bool = False) -> dict[str, Any]:
    """What was said on how to run; the rest is as ``run_experiment``, or the journal, has it."""
    names = ("concurrency", "rate", "on_5xx", "confirm", "cluster", *(() if resumed else ("cap",)))
    said = {name: found for name in names if (found := getattr(options, name)) is not None}
    return {**said, "live": options.live, "progress": not options.quiet}


def _put_out(options: argparse.Namespace, table: Any, run: Run) -> bool:
    from lpnb.tables.export import save_table
    from lpnb.tables.text import as_text

    if options.out is not None:
        if written := _written(lambda: save_table(table, options.out), run):
            print(
                f"{len(table):,} row{' is' if len(table) == 1 else 's are'} in {options.out}", file=sys.stderr
            )
        return written
    if options.json:
        text = table.to_json(orient="records", date_format="iso", date_unit="us", force_ascii=False)
    else:
        landed = options.landing or table["landed_skill"].notna().any()
        text = as_text(table, (*_SHOWN, "landed_skill") if landed else _SHOWN, most=None)
    return _written(lambda: print(text, flush=True), run)


def _written(write: Callable[[], object], run: Run) -> bool:
    """Whether *write* could; otherwise why not, and where the rows are, has been said."""
    try:
        write()
    except BrokenPipeError:
        raise
    except LpnbError as error:
        said = str(error)
    except OSError as error:
        said = f"The table cannot be printed: {error.strerror}."
    except UnicodeEncodeError as error:
        said = f"The table cannot be printed: {error.encoding} has no {error.object[error.start]!a}."
    else:
        return True
    again = f"lpnb send --resume --journal {run.journal_path} --out FILE"
    print(f"{said}\nNothing is lost: the journal has every row. Write them with {again}", file=sys.stderr)
    return False


@contextlib.contextmanager
def _way_back(journal: Path) -> Iterator[None]:
    """Say how to go on when a second interrupt ends the command while the first is still seen to."""
    try:
        yield
    except KeyboardInterrupt:
        if journal.exists():
            print(f"Go on with lpnb send --resume --journal {journal}", file=sys.stderr)
        raise


def _tell(run: Run, client: Client, options: argparse.Namespace) -> None:
    """Say what came of it, and what to do about the rest."""
    if options.quiet:  # otherwise it is the last line that was shown
        print(run.progress, file=sys.stderr)
    if said := " ".join(filter(None, (run.failure, run.missed))):
        print(said, file=sys.stderr)
    if len(run.unknown):
        print(_of_the_unknown(run, client, settled=options.settle), file=sys.stderr)
    elif run.progress.left:
        print(f"Go on with lpnb send --resume --journal {run.journal_path}", file=sys.stderr)


def _of_the_unknown(run: Run, client: Client, *, settled: bool) -> str:
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
        at_once = "" if settled or elsewhere else " --settle in the same call looks for them before it does."
        return (
            f"What is unknown stays so: {why}, and nobody else knows of them.{at_once} Begin anew with "
            "another journal, beside a sandbox that lasts: lpnb sandbox --port 8765 --state bank.sqlite"
        )
    if settled:
        return f"What is still unknown may be known later: {again}"
    return f"Of those that are unknown a conversation may exist: look for it with {again}"


class _Trouble:
    """All that is wrong with a call, so that it is said at once."""

    def __init__(self) -> None:
        self._found: list[LpnbError] = []

    def add(self, sentence: str) -> None:
        """Take in one finding."""
        self._found.append(InvalidValueError([Complaint("", sentence)]))

    @contextlib.contextmanager
    def found(self) -> Iterator[None]:
        """Take in what is raised here."""
        try:
            yield
        except _WRONG as error:
            self._found.append(error)

    def refuse(self) -> None:
        """Raise what was taken in, if anything was."""
        if len(self._found) == 1:
            raise self._found[0]
        if self._found:
            listed = "\n".join(f"  - {indent(str(error), '    ').strip()}" for error in self._found)
            count = len(self._found)
            sentence = f"{count} things are wrong with this call, and nothing was started:\n{listed}"
            raise InvalidValueError([Complaint("", sentence)])


class _Usage:
    status = 2


@contextlib.contextmanager
def _usage() -> Iterator[_Usage]:
    """Print what is wrong with a call, and let the command end with 2."""
    try:
        yield _Usage()
    except _WRONG as error:
        print(error, file=sys.stderr)


@contextlib.contextmanager
def _politely() -> Iterator[None]:
    """Take a request to end as an interrupt: what has left is still answered and written down."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
