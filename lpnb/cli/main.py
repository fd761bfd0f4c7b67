"""The ``lpnb`` command line: its parser, its commands, and how each one ends.

Results go to standard output, everything else to standard error. Exit status: 0 when it worked, 1 when it
did not, 2 for a wrong call.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from lpnb._version import __version__
from lpnb.cli.argument_parser import SuggestingParser

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: Every command, in the order in which they are listed; each is a module of this package.
_COMMANDS = (
    "demo",
    "lab",
    "notebooks",
    "app",
    "columns",
    "send",
    "verify",
    "compare",
    "learn",
    "why",
    "report",
    "explain",
    "sandbox",
    "calibrate",
    "world",
    "doctor",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    gc.set_threshold(50_000)  # most of a short command is importing, which leaves nothing to collect
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a redirected Windows console lacks letters: escape them
            stream.reconfigure(errors="backslashreplace")
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["sandbox"]:
        from lpnb.cli.sandbox import run_sandbox

        return run_sandbox(arguments[1:])
    named = arguments[0] if arguments else None
    parser = _parser((named,) if named in _COMMANDS else _COMMANDS)
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help(sys.stderr)
        return 2
    from lpnb.errors import LpnbError, ServiceError

    status: int = 0
    try:
        status = options.run(options)
        if sys.stdout is not None:  # what cannot be written is said here, and not by Python as it ends
            sys.stdout.flush()
    except LpnbError as error:
        print(error, file=sys.stderr)
        if isinstance(error, ServiceError):
            print("lpnb doctor looks at the way there step by step, and says what to do.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return _discard_output()  # whoever read our output has gone, and knows
    except OSError as error:
        if error.filename is not None:  # not of our output
            raise
        if status == 0:  # or the command has said so
            print(f"The output cannot be written: {error.strerror}.", file=sys.stderr)
        return _discard_output()
    return status


def run_process() -> int:
    """Run the command that this process was started for, and end the process with its status.

    What was to be done at the end is done: threads are waited for, and what was registered with
    ``atexit`` since then runs; files are closed by whoever opened them. Python's own end would then look
    through every object once more, a tenth of a second for nothing, beside daemon threads that may still
    run; so the process ends without it.
    """
    status: list[int] = []
    atexit.register(_end_process, status)  # first in, so that it runs last
    _guard_messages()
    try:
        status.append(main())
    except KeyboardInterrupt:  # while a command is still being loaded
        status.append(130)
    except SystemExit as end:  # of a parser: for its help, or for a wrong call
        if isinstance(end.code, int):
            status.append(end.code)
        raise
    return status[0]


class _MessageFile(io.FileIO):
    """Standard error, whose reader may have gone."""

    def write(self, content: ReadableBuffer, /) -> int:
        """Write *content*, or leave it: a command does its work whether or not anybody reads its messages."""
        try:
            return super().write(content)
        except OSError:
            return memoryview(content).nbytes


def _guard_messages() -> None:
    """Let no message on standard error stop a command: that was closed, or its reader has gone."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
        return
    buffer = sys.stderr.buffer
    if type(getattr(buffer, "raw", buffer)) is io.FileIO:  # a console of Windows is another thing
        file = io.BufferedWriter(_MessageFile(sys.stderr.fileno(), "w", closefd=False))
        encoding, errors = sys.stderr.encoding, sys.stderr.errors
        sys.stderr = io.TextIOWrapper(file, encoding, errors, line_buffering=True)


def _end_process(status: Sequence[int]) -> None:
    """End at once with *status*; without one an exception is on its way, which Python tells of."""
    if not status:
        return
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except (OSError, ValueError):  # a full disk; a stream that is closed
        return  # Python finds the same, and says so
    os._exit(status[0])


def _discard_output() -> int:
    """Leave nothing for Python to flush as it ends, which would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _parser(names: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of the commands *names*: the one called, or all, to list them and find the nearest."""
    parser = SuggestingParser(
        prog="lpnb", description="Open LivePerson conversations and see, as tables, where they were routed."
    )
    parser.add_argument("--version", action="version", version=f"lpnb {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(metavar="command")
    for name in names:
        import_module(f"lpnb.cli.{name}").register(commands)
    return parser
