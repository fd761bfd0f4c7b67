"""Split a bash script into commands of unquoted words. Nothing is run or filled in.

A variable, a ``$(...)`` and a backtick stay what they are: text.
"""

from __future__ import annotations

import re

_MAX_DEPTH = 50
_SIMPLE = {
    "n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b", "E": "\x1b",
}  # fmt: skip
_ANSI = re.compile(
    r"\\(?:(?P<octal>[0-7]{1,3})|x(?P<hex>[0-9A-Fa-f]{1,2})|u(?P<four>[0-9A-Fa-f]{1,4})"
    r"|U(?P<eight>[0-9A-Fa-f]{1,8})|(?P<other>.))",
    re.DOTALL,
)


class ShellSyntaxError(ValueError):
    """Why a text cannot be taken apart: a quote that is never closed, parentheses without end."""


def commands(text: str) -> list[list[str]]:
    """Every command of *text* as its words, those of pipes and substitutions too.

    Raises:
        ShellSyntaxError: A quote is never closed, or parentheses are nested too deep.

    Example:
        >>> commands("curl -d 'it'\\\\''s' \\\\\\n  $HOME | jq . # done")
        [['curl', '-d', "it's", '$HOME'], ['jq', '.']]
    """
    lexer = _Lexer(text)
    lexer.run()
    return [words for words in lexer.commands if words]


class _Lexer:
    """Where the reading stands: the command and the word that are being read, and those they lie in."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.command: list[str] = []
        self.word: list[str] | None = None
        self.commands = [self.command]
        self.enclosing: list[tuple[list[str], list[str] | None]] = []

    def run(self) -> None:
        """Read the whole text."""
        text, place = self.text, 0
        while place < len(text):
            letter = text[place]
            if text.startswith(("\\\n", "\\\r\n"), place):  # a line that goes on
                place += 2 if text[place + 1] == "\n" else 3
            elif letter in "'\"" or text.startswith(("$'", '$"'), place):
                piece, place = _quoted(text, place)
                self.add(piece)
            elif letter == "\\" and place + 1 < len(text):
                self.add(text[place + 1])
                place += 2
            elif letter == "#" and self.word is None:
                end = text.find("\n", place)
                place = len(text) if end < 0 else end
            elif letter == "(" or text.startswith(("$(", "<("), place):
                if len(self.enclosing) == _MAX_DEPTH:
                    raise ShellSyntaxError(f"its parentheses are nested deeper than {_MAX_DEPTH} levels")
                # What bash would run inside is a command of its own, to be read as one.
                self.enclosing.append((self.command, self.word))
                self.begin_command()
                place += 1 if letter == "(" else 2
            elif letter == ")" and self.enclosing:
                self.end_word()
                self.command, word = self.enclosing.pop()
                self.word = [*(word or []), "(...)"]
                place += 1
            elif letter in "\n;|&)":
                self.end_word()
                self.begin_command()
                place += 1
            elif letter.isspace():
                self.end_word()
                place += 1
            else:
                end = place + 1
                while end < len(text) and not text[end].isspace() and text[end] not in "'\"\\$<#;|&()":
                    end += 1
                self.add(text[place:end])
                place = end
        self.end_word()

    def add(self, piece: str) -> None:
        """Put *piece* at the end of the word."""
        if self.word is None:
            self.word = []
        self.word.append(piece)

    def end_word(self) -> None:
        """The word is whole."""
        if self.word is not None:
            self.command.append("".join(self.word))
            self.word = None

    def begin_command(self) -> None:
        """Another command begins."""
        self.command, self.word = [], None
        self.commands.append(self.command)


def _quoted(text: str, place: int) -> tuple[str, int]:
    """The text of the quote that begins at *place*, and where it ends."""
    dollar = text[place] == "$"
    start = place + 1 if dollar else place
    quote = text[start]
    if quote == "'" and not dollar:
        end = text.find("'", start + 1)
        if end < 0:
            raise ShellSyntaxError(_unclosed_quote(text, place, quote))
        return text[start + 1 : end], end + 1
    end = start + 1
    while end < len(text) and text[end] != quote:
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise ShellSyntaxError(_unclosed_quote(text, place, quote))
    inner = text[start + 1 : end]
    if quote == "'":
        return _ansi_unescape(inner), end + 1
    return re.sub(r'\\(?:([\\"$`])|\n)', lambda match: match[1] or "", inner), end + 1


def _ansi_unescape(text: str) -> str:
    """What ``$'...'`` stands for. Bytes given one by one are put together to letters."""
    parts: list[bytes] = []
    last = 0
    for match in _ANSI.finditer(text):
        parts.append(text[last : match.start()].encode("utf-8", "surrogatepass"))
        last = match.end()
        if match["octal"]:
            parts.append(bytes([int(match["octal"], 8) & 255]))
        elif match["hex"]:
            parts.append(bytes([int(match["hex"], 16)]))
        elif code := match["four"] or match["eight"]:
            number = int(code, 16)
            parts.append((chr(number) if number < 0x110000 else "\ufffd").encode("utf-8", "surrogatepass"))
        else:
            parts.append(_SIMPLE.get(match["other"], match["other"]).encode("utf-8", "surrogatepass"))
    parts.append(text[last:].encode("utf-8", "surrogatepass"))
    joined = b"".join(parts)
    try:
        # Copied commands write a letter beyond the first plane as two halves.
        return joined.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return joined.decode("utf-8", "replace")


def _unclosed_quote(text: str, place: int, quote: str) -> str:
    return f"a {quote} that is opened in line {text.count(chr(10), 0, place) + 1} is never closed"
