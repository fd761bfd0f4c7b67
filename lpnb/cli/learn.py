"""``lpnb learn``: the rules that decide where conversations land, from a file of factors."""

from __future__ import annotations

import argparse
import contextlib
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpnb._internal.optional_dependencies import install_command
from lpnb._printable import one_line
from lpnb.cli.run_command import (
    UsageErrors,
    check_settings,
    connect_client,
    exit_2_when_refused,
    terminate_as_interrupt,
)
from lpnb.cli.run_options import add_asking_options
from lpnb.errors import LpnbError

if TYPE_CHECKING:
    from lpnb.experiments.learning.routing_rules import RoutingRules

    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: SubParsers) -> None:
    """Add ``learn`` to the command line."""
    learn = commands.add_parser(
        "learn",
        help="learn from some hundred conversations which rules decide where they land",
        description="Learn which rules decide where conversations land. FACTORS is a TOML file: a table "
        '[values] with a line for each column and the values it may take, such as "ctmrinfo.ctype" = ["vip", '
        '"gold", ""], where "" leaves it out; above the table, zipped = [[...]] names columns that go '
        "together. Exit status: 0 when the rules explain what landed, 1 when they do not or it ended early, "
        "2 when the call or the settings are wrong.",
    )
    learn.add_argument(
        "factors", type=Path, metavar="FACTORS", help="a TOML file of columns and their values"
    )
    learn.add_argument("--budget", type=int, default=400, metavar="N", help="conversations at the most (400)")
    learn.add_argument(
        "--validate", type=int, default=60, metavar="N", help="how many of these check the result (60)"
    )
    learn.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the same seed sends the same cases (0)"
    )
    learn.add_argument(
        "--start", type=Path, metavar="FILE", help="rules learned earlier, to see what changed"
    )
    learn.add_argument(
        "--traffic", type=Path, metavar="FILE", help="a table of real cases to check the result with"
    )
    learn.add_argument("--out", type=Path, metavar="FILE", help="write the rules as JSON, for --start")
    learn.add_argument("--picture", type=Path, metavar="FILE", help="draw the rules, as .png or .svg")
    learn.add_argument(
        "--cases", type=Path, metavar="FILE", help="write cases for lpnb verify that notice a change"
    )
    add_asking_options(learn, "needed for a real account: the budget")
    learn.set_defaults(run=_run)


@exit_2_when_refused
def _run(options: argparse.Namespace) -> int:
    from lpnb.experiments.cases.cases import cases_of
    from lpnb.experiments.cases.grid import Grid
    from lpnb.experiments.learning.factors import Factors
    from lpnb.experiments.learning.routing_rules import RoutingRules
    from lpnb.experiments.learning.rule_words import share_text
    from lpnb.experiments.routing.learn import start_learning

    errors = UsageErrors()
    arguments: dict[str, Any] = {}
    with errors.collect():
        arguments["factors"] = Factors.of(Grid.read(options.factors))
    for name, read in (("start", RoutingRules.load), ("traffic", cases_of)):
        if (path := getattr(options, name)) is not None:
            with errors.collect():
                arguments[name] = read(path)
    _check_outputs(options, errors)
    with errors.collect():
        check_settings(options, None)
    errors.raise_all()
    if options.landing_wait is not None:
        arguments["landing_wait"] = options.landing_wait
    names = ("budget", "validate", "seed", "journal", "engagement", "live", "confirm", "rate", "concurrency")
    arguments |= {name: getattr(options, name) for name in names}
    with (
        connect_client(options) as client,
        terminate_as_interrupt(),
        contextlib.redirect_stdout(sys.stderr),
    ):
        learning = start_learning(client, **arguments, progress=not options.quiet)
        again = f"lpnb learn {options.factors} --journal {learning.run.journal_path}"
        learning.run.resume_hint = f"{again} with the same options"
        routing = learning.wait()
    files_ok = _write_files(options, routing)  # before the rules are printed: whoever reads them may go
    if learning.run.state != "done":
        print(learning.run.advice or "", file=sys.stderr)
    print(routing, flush=True)
    if (before := arguments.get("start")) is not None:
        changes = before.compare(routing)
        table = changes.to_string(index=False, na_rep="-", formatters={"share moved": share_text})
        print("Nothing changed." if changes.empty else table, flush=True)
    return 0 if files_ok and learning.run.state == "done" and routing.explains else 1


def _write_files(options: argparse.Namespace, routing: RoutingRules) -> bool:
    """Write each file that is named, whatever becomes of the others; False when one could not be written."""
    all_ok = True
    for path, write in (
        (options.out, routing.save),
        (options.picture, lambda path: routing.picture().save(path)),
        (options.cases, routing.save_cases),
    ):
        if path is None:
            continue
        try:
            print(f"{write(path)} is written.", file=sys.stderr)
        except LpnbError as error:
            print(error, file=sys.stderr)
            all_ok = False
        except OSError as error:
            print(one_line(f"{path} cannot be written: {error.strerror}."), file=sys.stderr)
            all_ok = False
    return all_ok


def _check_outputs(options: argparse.Namespace, errors: UsageErrors) -> None:
    """The files to be written have an ending that says how, and none writes over another file of the call."""
    inputs = {
        path.resolve() for path in (options.factors, options.start, options.traffic, options.journal) if path
    }
    if options.picture and not find_spec("matplotlib"):
        way_out = install_command("plots")
        errors.add(f"Nothing was sent: --picture needs matplotlib, of the extra plots. {way_out}")
    endings = {"picture": (".png", ".svg"), "cases": (".csv", ".xlsx", ".parquet"), "out": (".json",)}
    for name, suffixes in endings.items():
        path: Path | None = getattr(options, name)
        if path is None:
            continue
        if path.suffix.lower() not in suffixes:
            errors.add(f"--{name} must end in {' or '.join(suffixes)}; got {path}.")
        if path.resolve() in inputs and not (name == "out" and path == options.start):
            errors.add(f"--{name} would write over {path}. Name another file.")
