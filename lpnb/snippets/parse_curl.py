"""Read curl commands: address, headers and body of each. No file that a command names is opened."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lpnb.errors import Complaint
from lpnb.snippets.parsed_request import RecordedCall, limit_calls
from lpnb.snippets.shell_lexer import ShellSyntaxError, commands

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
_CURL_START = re.compile(r"(?m)(?:^|[;&|(])[ \t]*(?:\$ )?(?:\w+=\S*[ \t]+){0,9}curl(?:\.exe)?\s")


def is_curl(text: str) -> bool:
    """Whether there is a curl command in *text*.

    Example:
        >>> is_curl("$ curl https://example.com"), is_curl("curly")
        (True, False)
    """
    return bool(_CURL_START.search(text))


def curl_calls(text: str) -> tuple[list[RecordedCall], list[Complaint]]:
    """Every curl command of *text* as a call, and what is wrong with the text as a whole."""
    try:
        command_words = commands(re.sub(r"(?m)^(\s*)\$ (?=curl)", r"\1", text.replace("\r\n", "\n")))
    except ShellSyntaxError as error:
        return [], [Complaint("text", f"text cannot be read as commands: {error}.")]
    return limit_calls(_call(words[1:]) for words in _curl_words(command_words))


def _curl_words(command_words: list[list[str]]) -> Iterator[list[str]]:
    for words in command_words:
        # What comes before may be variables set for the one command, or a word such as sudo.
        start = next((place for place, word in enumerate(words[:8]) if word in ("curl", "curl.exe")), None)
        if start is not None:
            yield words[start:]


def _call(words: list[str]) -> RecordedCall:
    call = RecordedCall("", None)
    data: list[str] = []
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
            if colon and not header.startswith("@"):
                call.headers[header.strip()] = text.strip()
        elif name in _DATA_OPTIONS:
            _add_data(name, value, data, call)
    if data:
        call.body = "&".join(data)
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
    return word, ""


def _add_data(name: str, value: str, data: list[str], call: RecordedCall) -> None:
    if value.startswith("@") and name != "--data-raw":
        sentence = "frames must stand in the text; curl would read them from a file, which is not opened."
        call.complaints.append(Complaint("frames", sentence))
        return
    data.append(value)
