"""Read commands of wget, HTTPie and xh: address, headers and body of each. No file is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lpnb.errors import Complaint
from lpnb.snippets.parse_curl import stdin_of
from lpnb.snippets.parsed_request import RecordedCall, limit_calls
from lpnb.snippets.shell_lexer import ShellCommand, ShellSyntaxError, commands

_NAMES = ("wget", "http", "https", "xh", "xhs")
_START = re.compile(r"(?m)(?:^|[;&|(])[ \t]*(?:\$ )?(?:wget|https?|xhs?)\s")
_METHOD = re.compile(r"GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS")
#: What HTTPie puts into the address.
_PARAMETER = re.compile(r"(\w+)==(.*)")
_HEADER = re.compile(r"([A-Za-z][A-Za-z-]*):(?!//)\s*(.+)", re.DOTALL)


def is_command(text: str) -> bool:
    """Whether there is a command of wget, HTTPie or xh in *text*.

    Example:
        >>> is_command("$ wget https://example.com"), is_command("https://example.com")
        (True, False)
    """
    return bool(_START.search(text))


def command_calls(text: str) -> tuple[list[RecordedCall], list[Complaint]]:
    """Every such command of *text* as a call, and what is wrong with the text as a whole."""
    try:
        return limit_calls(_calls(text))
    except ShellSyntaxError as error:
        return [], [Complaint("text", f"text cannot be read as commands: {error}.")]


def _calls(text: str) -> Iterator[RecordedCall]:
    for command in commands(text):
        name = command.words[0] if command.words[0] != "$" else command.words[min(1, len(command.words) - 1)]
        if name in _NAMES:
            yield _call(command)


def _call(command: ShellCommand) -> RecordedCall:
    call, query = RecordedCall("", stdin_of(command, {})), ""
    for word in command.words[1:]:
        value = word.partition("=")[2] if word.startswith("--") and "=" in word else word
        if value.lstrip()[:1] in ("[", "{"):
            call.body = value
        elif "/messaging/consumer/" in value or "/api/account/" in value:
            call.url = call.url or value
        elif (parameter := _PARAMETER.fullmatch(word)) is not None:
            query = f"{query}&{parameter[1]}={parameter[2]}"
        elif _METHOD.fullmatch(value):
            call.method = value
        elif header := _HEADER.fullmatch(value):
            call.headers[header[1]] = header[2]
    if query:
        call.url += ("" if "?" in call.url else "?") + query.removeprefix("" if "?" in call.url else "&")
    if call.headers and command.words[0] != "wget":  # the others send JSON
        call.headers = {"Content-Type": "application/json", **call.headers}
    return call
