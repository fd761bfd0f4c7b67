"""``lpnb send`` and ``lpnb verify``: runs without a notebook.

Results go to standard output, what happens meanwhile to standard error. Exit status: 0 when all came as they
should, 1 when one did not, 2 when the call, the cases or the settings are wrong, and nothing was sent by it.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lpnb.client import Client
    from lpnb.experiments.cases import Cases
    from lpnb.experiments.run import Run

    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

_SHOWN = (
    "case",
    "consumer_id",
    "outcome",
    "code",
    "message",
    "conversation_id",
    "http_status",
    "attempts",
    "elapsed_ms",
)


def register(commands: SubParsers) -> None:
    """Add ``send`` and ``verify`` to the command line."""
    send = commands.add_parser(
        "send",
        help="send the cases of a CSV or Parquet file, with a journal; one row per case out",
        description="Send the cases of a CSV or Parquet file, each for a consumer of its own. Exit status: 0 "
        "when all were answered, 1 when any was not, 2 when the call, the cases or the settings are wrong.",
    )
    _add_run_options(send)
    send.add_argument("--json", action="store_true", help="print the rows as one JSON array")
    send.add_argument(
        "--dry-run",
        nargs="?",
        type=_count,
        const=3,
        metavar="N",
        help="print the first N requests (3), secrets masked, and send nothing",
    )
    send.add_argument("--resume", action="store_true", help="go on with the journal: send what is safe")
    send.add_argument("--settle", action="store_true", help="look for the conversations of unknown outcomes")
    send.add_argument("--hash-personal", action="store_true", help="journal personal values as hashes only")
    send.add_argument("--engagement", action="store_true", help="ask Monitoring first; its offer routes")
    send.add_argument("--say", action="append", default=[], metavar="TEXT", help="send a message")
    send.add_argument("--landing", action="store_true", help="read which skill each conversation landed in")
    send.add_argument("--close", action="store_true", help="close each conversation at the end")
    send.set_defaults(run=_send, command="send")

    check = commands.add_parser(
        "verify",
        help="send cases and see whether each came as it expected; for builds",
        description="Send the cases of a file and hold what came against their columns expected_skill and "
        "expected_code. Exit status: 0 when all passed, 1 when any failed, 2 when the call, the cases or the "
        "settings are wrong.",
    )
    _add_run_options(check)
    check.add_argument("--junit", type=Path, metavar="FILE", help="write the verdicts as JUnit XML")
    check.add_argument("--verbose", "-v", action="store_true", help="print the cases that passed, too")
    check.add_argument(
        "--engagement",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="ask Monitoring first; by default when there are columns for it",
    )
    check.add_argument("--leave-open", action="store_true", help="do not close the conversations afterwards")
    check.set_defaults(run=_verify, command="verify")


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cases", nargs="?", type=Path, metavar="CASES", help="a CSV or Parquet file")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table to .parquet, .csv or .xlsx")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="by default a new one in ./runs")
    parser.add_argument("--separator", metavar="SIGN", help="of the CSV file; by default found out")
    parser.add_argument("--profile", help="read .env.PROFILE in place of .env")
    parser.add_argument("--concurrency", type=int, metavar="N", help="requests at once (16)")
    parser.add_argument("--rate", type=float, metavar="N", help="requests a second at the most")
    parser.add_argument(
        "--cluster",
        type=_cluster,
        metavar="WHERE",
        help="send from the workers of a Dask cluster: its scheduler's address, or how many to start here",
    )
    parser.add_argument("--on-5xx", choices=("pause", "retry"), help="retry risks doubles")
    parser.add_argument(
        "--live", action="store_true", help="needed for a real account; without settings an error"
    )
    parser.add_argument("--confirm", type=int, metavar="N", help="needed there: how many cases there are")
    parser.add_argument("--cap", type=int, metavar="N", help="how many a run may have there (1000)")
    parser.add_argument("--landing-wait", type=float, metavar="S", help="seconds to wait for a landing")
    parser.add_argument("--quiet", "-q", action="store_true", help="show no progress")


def _send(options: argparse.Namespace) -> int:
    with _usage() as usage:
        from lpnb.experiments.start import run_experiment

        cases = _cases(options, needed=not options.resume)
        if options.resume and options.journal is None:
            raise _usage_error("--resume needs --journal FILE: the journal to go on with.")
        begins = ("engagement", "say", "landing", "landing_wait", "close", "hash_personal", "cap", "dry_run")
        if options.resume and (given := [name for name in begins if getattr(options, name)]):
            said = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise _usage_error(f"With --resume the journal says what is done; leave out {said}.")
        with _client(options) as client, _politely():
            if options.dry_run is not None:
                run_experiment(client, cases, dry_run=options.dry_run)
                return 0
            with contextlib.redirect_stdout(sys.stderr):
                run = _resumed(options, client, cases) if options.resume else _begun(options, client, cases)
            table = run.table()
            _put_out(options, table)
            _tell(run, client, options)
        return 0 if bool((table["outcome"] == "answered").all()) else 1
    return usage.status


def _begun(options: argparse.Namespace, client: Client, cases: Cases) -> Run:
    from lpnb.experiments.start import start_experiment
    from lpnb.experiments.steps import Steps

    wait: dict[str, Any] = {} if options.landing_wait is None else {"landing_wait": options.landing_wait}
    steps = Steps(
        engagement=options.engagement,
        say=options.say,
        landing=options.landing,
        close=options.close,
        **wait,
    )
    run = start_experiment(
        client,
        cases,
        journal=_journal(options),
        steps=steps,
        hash_personal=options.hash_personal,
        **_how(options),
    )
    _name_journal(options, run)
    run.wait()
    if options.settle and len(run.unknown):
        settled = run.settle()
        print(settled)
        if settled.absent:
            run.resume()
    return run


def _resumed(options: argparse.Namespace, client: Client, cases: Cases | None) -> Run:
    from lpnb.experiments.start import open_run

    if not options.journal.exists():
        raise _usage_error(
            f"There is no journal {options.journal} to go on with. Without --resume one is begun."
        )
    run = open_run(options.journal)
    if options.settle and len(run.unknown):
        print(run.settle(client))
    return run.resume(client, cases, **_how(options, resumed=True))


def _verify(options: argparse.Namespace) -> int:
    with _usage() as usage:
        from lpnb.experiments.start import start_experiment
        from lpnb.experiments.verify import as_text, steps_for, verification_of
        from lpnb.exports import save_table

        cases = _cases(options, needed=True)
        if options.junit is not None and not options.junit.parent.is_dir():
            raise _usage_error(f"There is no folder {options.junit.parent} to write {options.junit.name} to.")
        steps = steps_for(
            cases,
            engagement=options.engagement,
            close=not options.leave_open,
            landing_wait=options.landing_wait,
        )
        with _client(options) as client, _politely():
            with contextlib.redirect_stdout(sys.stderr):
                run = start_experiment(client, cases, journal=_journal(options), steps=steps, **_how(options))
                _name_journal(options, run)
                run.wait()
            table = run.table()
            if run.failure:
                print(run.failure, file=sys.stderr)
        found = verification_of(table, options.cases.name)
        if options.out is not None:
            save_table(table, options.out)
        if options.junit is not None:
            found.save_junit(options.junit)
        if options.verbose:
            print(as_text(found))
        print(found)
        return 0 if found.ok else 1
    return usage.status


def _cases(options: argparse.Namespace, *, needed: bool) -> Any:
    from lpnb.experiments.cases import cases_of
    from lpnb.exports import check_export

    if options.out is not None:
        check_export(options.out)
    if options.cases is None:
        if needed:
            raise _usage_error(f"Name the file with the cases, such as: lpnb {options.command} rows.csv")
        return None
    found: Cases = cases_of(options.cases, separator=options.separator)
    found.check()
    return found


def _client(options: argparse.Namespace) -> Client:
    from lpnb.connection import connect

    said = "--live" if options.live else "--confirm" if options.confirm is not None else None
    if said is not None and options.profile is None:
        from lpnb.errors import SettingsError
        from lpnb.settings import Found

        found = Found.look()
        if not found.values:  # a build whose secrets are missing must not pass on a sandbox
            raise SettingsError(found.nothing(said))
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


def _how(options: argparse.Namespace, *, resumed: bool = False) -> dict[str, Any]:
    """What was said on how to run; the rest is as ``run_experiment``, or the journal, has it."""
    names = ("concurrency", "rate", "on_5xx", "confirm", "cluster", *(() if resumed else ("cap",)))
    said = {name: found for name in names if (found := getattr(options, name)) is not None}
    return {**said, "live": options.live, "progress": not options.quiet}


def _put_out(options: argparse.Namespace, table: Any) -> None:
    from lpnb.display import table_text
    from lpnb.exports import save_table

    if options.out is not None:
        save_table(table, options.out)
        print(f"{len(table):,} rows are in {options.out}", file=sys.stderr)
    elif options.json:
        print(table.to_json(orient="records", date_format="iso", date_unit="us", force_ascii=False))
    else:
        shown = table[list(_SHOWN)].astype(object).where(table[list(_SHOWN)].notna(), None)
        shown["elapsed_ms"] = [None if found is None else f"{found:.1f}" for found in shown["elapsed_ms"]]
        print(table_text(_SHOWN, shown.itertuples(index=False, name=None)))


def _tell(run: Run, client: Client, options: argparse.Namespace) -> None:
    """Say what came of it, and what to do about the rest."""
    if options.quiet:  # otherwise it is the last line that was shown
        print(run.progress, file=sys.stderr)
    if run.failure:
        print(run.failure, file=sys.stderr)
    if len(run.unknown):
        print(_of_the_unknown(run, client, settled=options.settle), file=sys.stderr)
    elif run.progress.left:
        print(f"Go on with lpnb send --resume --journal {run.journal_path}", file=sys.stderr)


def _of_the_unknown(run: Run, client: Client, *, settled: bool) -> str:
    """Where a conversation of theirs can be looked for; of a sandbox that has ended, that it cannot."""
    from lpnb.connection import has_fallen_back
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


class _Usage:
    status = 2


def _usage_error(sentence: str) -> Exception:
    from lpnb.errors import Complaint, InvalidValueError

    return InvalidValueError([Complaint("", sentence)])


@contextlib.contextmanager
def _usage() -> Iterator[_Usage]:
    """Print what is wrong with a call, and let the command end with 2."""
    from lpnb.errors import InvalidValueError, JournalError, RunError, SettingsError

    try:
        yield _Usage()
    except (InvalidValueError, SettingsError, RunError, JournalError) as error:
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


def _cluster(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() else True if text == "local" else text


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000):
        raise argparse.ArgumentTypeError(f"a number from 1 to 1000 is needed; got {text!r}")
    return int(text)
