"""Read PowerShell's ``Invoke-WebRequest`` and ``Invoke-RestMethod``, copied from a browser or written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from lpnb.errors import Complaint
from lpnb.snippets.parsed_request import RecordedCall, limit_calls
from lpnb.snippets.powershell_lexer import powershell_commands
from lpnb.snippets.shell_lexer import ShellSyntaxError

_COMMAND = re.compile(r"(?im)(?<![\w-])(invoke-webrequest|invoke-restmethod|iwr|irm)(?=\s)")
_VARIABLE = re.compile(r"\$\{?(\w+)\}?")


def is_powershell(text: str) -> bool:
    """Whether one of the two commands, or its short name, is in *text*.

    Example:
        >>> is_powershell('Invoke-WebRequest -Uri "https://example.com"'), is_powershell("curl x")
        (True, False)
    """
    return bool(_COMMAND.search(text))


def powershell_calls(text: str) -> tuple[list[RecordedCall], list[Complaint]]:
    """Every such command of *text* as a call, and what is wrong with the text as a whole."""
    try:
        commands = powershell_commands(text)
    except ShellSyntaxError as error:
        return [], [Complaint("text", f"text cannot be read as PowerShell: {error}.")]
    return limit_calls(_calls(commands))


def _calls(commands: list[list[Any]]) -> Iterator[RecordedCall]:
    for words in commands:
        start = next(
            (
                place
                for place, word in enumerate(words)
                if isinstance(word, str) and _COMMAND.match(f"{word} ")
            ),
            None,
        )
        if start is not None:
            yield _call(words[start + 1 :])


def _call(words: list[Any]) -> RecordedCall:
    # Without -Method it is GET, unless a table of options has one.
    has_table = any(isinstance(word, str) and word.startswith("@") for word in words)
    call = RecordedCall("", None, method=None if has_table else "GET")
    remaining = list(reversed(words))
    while remaining:
        word = remaining.pop()
        option = word.lower() if isinstance(word, str) else ""
        if not option.startswith("-"):
            call.url = call.url or str(word)
            continue
        takes = remaining and not (isinstance(remaining[-1], str) and re.match(r"-[A-Za-z]", remaining[-1]))
        value = (
            remaining.pop() if takes and option not in ("-usebasicparsing", "-skipcertificatecheck") else ""
        )
        if option == "-uri":
            call.url = str(value)
        elif option == "-headers" and isinstance(value, dict):
            call.headers |= {str(name): str(content) for name, content in value.items()}
        elif option == "-method":
            call.method = str(value)
        elif option == "-contenttype":
            call.headers["Content-Type"] = str(value)
        elif option in ("-body", "-b"):
            _add_body(value, call)
        elif option == "-infile":
            sentence = (
                "frames must stand in the text; PowerShell would read them from a file, which is not opened."
            )
            call.complaints.append(Complaint("frames", sentence, kind="incomplete"))
    return call


def _add_body(value: Any, call: RecordedCall) -> None:
    if isinstance(value, str) and (variable := _VARIABLE.fullmatch(value.strip())):
        sentence = f"frames come from the variable ${variable[1]}, which the text does not set."
        sentence += " Put the frames in its place."
        call.complaints.append(Complaint("frames", sentence, kind="incomplete"))
    else:
        call.body = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
