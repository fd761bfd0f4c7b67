"""Read curl commands of bash, of Windows' cmd and of PowerShell: address, headers and body of each.

No file that a command names is opened.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lpnb._internal.json_codec import json_in
from lpnb.errors import Complaint
from lpnb.snippets.cmd_lexer import cmd_words
from lpnb.snippets.lenient_json import TYPOGRAPHIC, typographic_quote
from lpnb.snippets.parsed_request import RecordedCall, limit_calls
from lpnb.snippets.powershell_lexer import powershell_commands
from lpnb.snippets.shell_lexer import ShellCommand, ShellSyntaxError, commands

_DATA_OPTIONS = {"-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--json", "--data-urlencode"}
#: Options that take a word which does not matter here, so that it is not taken for the address.
_OPTIONS_WITH_VALUE = {
    "-A", "--user-agent", "-b", "--cookie", "-c", "--cookie-jar", "-C", "-e", "--referer", "-E", "--cert",
    "-F", "--form", "-K", "--config", "-m", "--max-time", "-o", "--output", "-T", "--upload-file", "-u",
    "--user", "-w", "--write-out", "-x", "--proxy", "-X", "--request", "--cacert", "--ciphers",
    "--connect-timeout",
    "--connect-to", "--key", "--limit-rate", "--max-redirs", "--noproxy", "--proxy-user", "--resolve",
    "--retry",
    "--retry-delay", "--retry-max-time", "--tls-max", "--unix-socket",
}  # fmt: skip
_CURL = ("curl", "curl.exe")
_CURL_START = re.compile(
    r"(?mi)(?:^|[;&|(])[ \t]*(?:\$ |> |PS [^>\n]*> ?|[A-Z]:\\[^>\n]*> ?)?"
    r"(?:\w+=\S*[ \t]+){0,9}curl(?:\.exe)?\s"
)
_PROMPT = re.compile(r"(?mi)^(\s*)(?:\$ |PS [^>\n]*> ?|[A-Z]:\\[^>\n]*> ?|> )(?=curl)")
_CMD = re.compile(r"\^[\"\r\n{}]|\^$", re.MULTILINE)
#: A prompt or a line of cmd's own, or what curl says of pieces, and frames in quotes that it does not know.
_FOR_CMD = re.compile(r"(?mi)^[ \t]*[A-Z]:\\[^>\n]*>|^[ \t]*@?echo off|\^$|^curl: \([136]\) ")
_IN_SINGLE_QUOTES = re.compile(r"\s'\s*[\[{]")
_SINGLE_QUOTES = (
    "Windows' cmd knows no single quotes, and hands the frames on in pieces. Write them in double quotes, "
    "with a \\ in front of each one inside, or in a file: --data-binary @frames.json."
)
_POWERSHELL = re.compile(r"`[ \t]*\n|`\"|^\s*\$\w+\s*=\s|@['\"]\n", re.MULTILINE)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
#: A dash that a word processor made longer, in front of an option.
_LONG_DASH = re.compile(r"(?<=\s)[\u2013\u2014](?=[A-Za-z-])")


def is_curl(text: str) -> bool:
    """Whether there is a curl command in *text*.

    Example:
        >>> is_curl("$ curl https://example.com"), is_curl("curly")
        (True, False)
    """
    return bool(_CURL_START.search(text))


def curl_calls(text: str) -> tuple[list[RecordedCall], list[Complaint]]:
    """Every curl command of *text* as a call, and what is wrong with the text as a whole."""
    text = text.replace("\r\n", "\n")
    is_for_cmd = _FOR_CMD.search(text) is not None and _IN_SINGLE_QUOTES.search(text) is not None
    text = _PROMPT.sub(r"\1", text)
    calls, complaints = _calls_as_written(text)
    if any(_is_json(call.body) for call in calls):
        return calls, [*complaints, *([Complaint("text", _SINGLE_QUOTES)] if is_for_cmd else [])]
    if quote := typographic_quote(text):
        again, more = _calls_as_written(
            _LONG_DASH.sub("--", text.translate(TYPOGRAPHIC)).replace("---", "--")
        )
        if any(call.url.startswith("http") for call in again):
            sentence = (
                f"text has typographic quotes ({quote}), which no shell takes for quotes. "
                "They were read as plain ones; write \" and '."
            )
            return again, [Complaint("text", sentence), *more]
    return calls, complaints


def _calls_as_written(text: str) -> tuple[list[RecordedCall], list[Complaint]]:
    """The reading whose body is JSON, of the shells that the text may be for."""
    shells = [_read_bash, _read_cmd, _read_powershell]
    if _CMD.search(text):
        shells = [_read_cmd, _read_bash, _read_powershell]
    elif _POWERSHELL.search(text):
        shells = [_read_powershell, _read_bash, _read_cmd]
    first: tuple[list[RecordedCall], list[Complaint]] | None = None
    for shell in shells:
        try:
            words, complaints = shell(text)
        except ShellSyntaxError as error:
            reading: tuple[list[RecordedCall], list[Complaint]] = (
                [],
                [Complaint("text", f"text cannot be read as commands: {error}.")],
            )
        else:
            calls, more = limit_calls(_call(one[1:], stdin) for one, stdin in words)
            reading = calls, [*complaints, *more]
        if any(_is_json(call.body) for call in reading[0]):
            return reading
        first = first or reading
    assert first is not None  # noqa: S101 - there are three shells
    return first


def _is_json(body: str | None) -> bool:
    return body is not None and body.lstrip()[:1] in ("[", "{") and json_in(body) is not None


Words = list[tuple[list[str], str | None]]


def _read_bash(text: str) -> tuple[Words, list[Complaint]]:
    complaints = []
    text, count = re.subn(r"\\[ \t]+\n", "\\\\\n", text)
    if count:
        complaints.append(
            Complaint(
                "text", "a \\ at the end of a line has blanks behind it, so that the command ends there."
            )
        )
    curl_calls: Words = []
    variables: dict[str, str] = {}
    torn_lines: list[str] = []
    last: list[str] | None = None
    for command in commands(text):
        words = command.words
        if all(_ASSIGNMENT.fullmatch(word) for word in words if word != "export"):
            variables |= {match[1]: match[2] for word in words if (match := _ASSIGNMENT.fullmatch(word))}
            continue
        # What comes before may be variables set for the one command, or a word such as sudo.
        start = next((place for place, word in enumerate(words[:8]) if word.lower() in _CURL), None)
        if start is not None:
            last = [_with_variables(word, variables) for word in words[start:]]
            curl_calls.append((last, stdin_of(command, variables)))
        elif last is not None and _goes_on(words[0]):
            torn_lines.append(f"line {command.line} begins with {words[0][:20]}")
            last.extend(_with_variables(word, variables) for word in words)
        else:
            last = None
    if torn_lines:
        several = f" (and {len(torn_lines) - 1:,} more like it)" if len(torn_lines) > 1 else ""
        sentence = (
            f"{torn_lines[0]}{several}: the line before it has lost the \\ at its end. The two were read as "
            "one command."
        )
        complaints.append(Complaint("text", sentence))
    return curl_calls, complaints


def _goes_on(word: str) -> bool:
    return re.match(r"--?[A-Za-z]|https?://", word) is not None


def _with_variables(word: str, variables: dict[str, str]) -> str:
    return (
        _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], match[0]), word)
        if variables
        else word
    )


def stdin_of(command: ShellCommand, variables: dict[str, str]) -> str | None:
    """What a command reads: a here-document, or what echo, printf or cat before the pipe write."""
    if command.stdin is not None or command.piped_from is None:
        return command.stdin
    source = command.piped_from
    name, *arguments = source.words or [""]
    arguments = [_with_variables(word, variables) for word in arguments]
    if name == "cat" and not arguments:
        return stdin_of(source, variables)
    if name == "echo":
        return " ".join(word for word in arguments if not re.fullmatch(r"-[neE]+", word))
    if name == "printf" and arguments:
        return arguments[-1] if len(arguments) > 1 else arguments[0].replace("%%", "%")
    return None


def _read_cmd(text: str) -> tuple[Words, list[Complaint]]:
    return [(words, None) for words in cmd_words(text) if words[0].lower() in _CURL], []


def _read_powershell(text: str) -> tuple[Words, list[Complaint]]:
    curl_calls: Words = []
    for words in powershell_commands(text):
        plain = [word if isinstance(word, str) else str(word) for word in words]
        start = next((place for place, word in enumerate(plain[:8]) if word.lower() in _CURL), None)
        if start is not None:
            # What PowerShell hands on to a program goes through quotes once more: people write \" for that.
            curl_calls.append(
                ([word if _is_json(word) else word.replace('\\"', '"') for word in plain[start:]], None)
            )
    return curl_calls, []


def _call(words: Sequence[str], stdin: str | None) -> RecordedCall:
    call = RecordedCall("", None)
    data: list[tuple[str, str]] = []
    remaining = list(reversed(words))
    while remaining:
        word = remaining.pop()
        name, value = _option(word, remaining)
        if name is None:
            call.url = call.url or word
        elif name == "--url":
            call.url = value
        elif name in ("-H", "--header"):
            header, colon, text = value.partition(":")
            if colon and text.strip() and not header.startswith("@"):  # without a value it is not sent
                call.headers[header.strip()] = text.strip()
        elif name in ("-X", "--request"):
            call.method = value
        elif name in _DATA_OPTIONS:
            _add_data(name, value, data, call, stdin)
        elif name in ("-F", "--form"):
            sentence = f"frames must be the body; {name} posts a form. Use --data-raw."
            call.complaints.append(Complaint("frames", sentence))
            if (part := value.partition("=")[2]).lstrip()[:1] == "[":
                data.append((name, part))
        elif name in ("-G", "--get"):
            sentence = f"frames must be the body; {name} puts them into the address. Leave it out."
            call.complaints.append(Complaint("frames", sentence))
    if data:
        if any(name == "--json" for name, _ in data) and "content-type" not in map(str.lower, call.headers):
            call.headers["Content-Type"] = "application/json"
        # curl joins the parts of --json as they are, and all others with an ampersand.
        call.body = data[0][1] + "".join(
            value if name == "--json" else f"&{value}" for name, value in data[1:]
        )
        if variable := _VARIABLE.fullmatch(call.body.strip()):
            sentence = f"frames come from the shell variable {variable[0]}, which the text does not set."
            sentence += " Put the frames in its place."
            call.complaints.append(Complaint("frames", sentence, kind="incomplete"))
            call.body = None
    return call


def _option(word: str, remaining: list[str]) -> tuple[str | None, str]:
    """The option that *word* is, with its value if it takes one; None when it is no option."""
    if not word.startswith("-") or word == "-":
        return None, ""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        if equals:  # curl itself takes no such thing, but people write it
            return name, value
        takes = name in _DATA_OPTIONS or name in _OPTIONS_WITH_VALUE or name in ("--url", "--header")
        return name, remaining.pop() if takes and remaining else ""
    for place in range(1, len(word)):  # letters in a row, the last of which may take a value: -sSXPOST
        name = f"-{word[place]}"
        if name in _DATA_OPTIONS or name in _OPTIONS_WITH_VALUE or name == "-H":
            value = word[place + 1 :]
            return name, value or (remaining.pop() if remaining else "")
        if name == "-G":
            return name, ""
    return word, ""


def _add_data(
    name: str, value: str, data: list[tuple[str, str]], call: RecordedCall, stdin: str | None
) -> None:
    if value in ("@-", "@/dev/stdin") and name != "--data-raw" and stdin is not None:
        # Of what it reads, -d leaves out line ends.
        data.append((name, stdin if name in ("--data-binary", "--json") else stdin.replace("\n", "")))
        return
    if value.startswith("@") and name != "--data-raw":
        sentence = "frames must stand in the text; curl would read them from a file, which is not opened."
        call.complaints.append(Complaint("frames", sentence, kind="incomplete"))
        return
    if name == "--data-urlencode":
        sentence = f"frames must leave as they are; {name} writes them as %5B%7B... Use --data-raw."
        call.complaints.append(Complaint("frames", sentence))
    data.append((name, value))
