"""``lpnb explain``: say what a request, a reply or a log line is and what is wrong with it; sends nothing."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from traceback import extract_tb
from typing import TYPE_CHECKING

from lpnb._printable import json_lines, one_line

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: SubParsers) -> None:
    """Add ``explain`` to the command line."""
    explain = commands.add_parser(
        "explain",
        help="say what is wrong with a request, a reply or a log line",
        description="Say what a request, a reply or a log line is, what is wrong with it, and what the "
        "service answers. Nothing is sent. It takes frames as JSON, curl, PowerShell, fetch(), Python code, "
        "HAR, Postman, .http and log lines. Exit status: 0 when nothing is wrong, 1 when something is, 2 "
        "for a wrong call.",
    )
    explain.add_argument(
        "files", nargs="*", default=["-"], metavar="FILE", help="the files; - or none is standard input"
    )
    explain.add_argument("--status", type=_status, metavar="N", help="the HTTP status that came back")
    explain.add_argument("--request", type=int, metavar="N", help="which request, when there are several")
    explain.add_argument(
        "--json", action="store_true", help="print the findings as JSON, an object a line for each file"
    )
    explain.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from lpnb.diagnostics.explain import explain
    from lpnb.errors import InvalidValueError
    from lpnb.snippets.parse import decode_text

    status = 0
    for place, file in enumerate(options.files):
        try:
            content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
            explanation = explain(decode_text(content), status=options.status, request=options.request)
        except OSError as error:
            hint = (
                f" To explain a status: echo {file} | lpnb explain"
                if re.fullmatch(r"[1-5]\d\d", file)
                else ""
            )
            print(one_line(f"{file} cannot be read: {error.strerror}.{hint}"), file=sys.stderr)
            status = 2
            continue
        except InvalidValueError as error:
            print(error, file=sys.stderr)
            status = 2
            continue
        except Exception as error:  # the files after it are explained all the same
            last_frame = extract_tb(error.__traceback__)[-1]  # never its text, which may hold a secret
            where = f"{type(error).__name__} in {Path(last_frame.filename).name}:{last_frame.lineno}"
            print(one_line(f"{file} cannot be explained, a fault of lpnb: {where}."), file=sys.stderr)
            status = 2
            continue
        if options.json:
            file_entry = {"file": file} if len(options.files) > 1 else {}
            print(json_lines(json.dumps({**file_entry, **explanation.to_dict()}, ensure_ascii=False)))
        else:
            heading = f"{chr(10) * bool(place)}{file}:\n" if len(options.files) > 1 else ""
            print(f"{heading}{explanation}")
        status = max(status, 0 if explanation.ok else 1)
    return status


def _status(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 100 <= int(text) <= 599):
        raise argparse.ArgumentTypeError(f"a status is a number from 100 to 599; got {text!r}")
    return int(text)
