"""Split a bash script into commands of unquoted words, with what each reads. Nothing is run or filled in.

A variable, a ``$(...)`` and a backtick stay what they are: text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_MAX_DEPTH = 50
#: Words of a text at the most: what has more is no script.
MAX_WORDS = 50_000
_SIMPLE = {
    "n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b", "E": "\x1b",
}  # fmt: skip
_ANSI = re.compile(
    r"\\(?:(?P<octal>[0-7]{1,3})|x(?P<hex>[0-9A-Fa-f]{1,2})|u(?P<four>[0-9A-Fa-f]{1,4})"
    r"|U(?P<eight>[0-9A-Fa-f]{1,8})|(?P<other>.))",
    re.DOTALL,
)


#: A here-document inside "$(cat ...)", which is one word.
_CAT_WORD = re.compile(
    r""""\$\(\s*cat\s+<<-?[ \t]*(['"]?)(\w+)\1[ \t]*\r?\n(.*?)\r?\n[ \t]*\2[ \t]*\r?\n?\s*\)\"""", re.DOTALL
)
_HEREDOC = re.compile(r"""<<(?P<tabs>-?)[ \t]*(?P<quote>['"]?)(?P<end>\w+)(?P=quote)""")


@dataclass(slots=True)
class ShellCommand:
    """One command: its words, the line it begins in, and what it reads on standard input.

    ``stdin`` is a here-document or a here-string, ``piped_from`` the command whose output it reads.
    """

    line: int = 1
    words: list[str] = field(default_factory=list)
    stdin: str | None = None
    piped_from: ShellCommand | None = None


class ShellSyntaxError(ValueError):
    """Why a text cannot be taken apart: a quote that is never closed, parentheses without end."""


def check_words(count: int) -> int:
    """*count* as it is.

    Raises:
        ShellSyntaxError: A script has not so many words.
    """
    if count > MAX_WORDS:
        raise ShellSyntaxError(f"it has more than {MAX_WORDS:,} words")
    return count


def commands(text: str) -> list[ShellCommand]:
    """Every command of *text*, those of pipes and substitutions too.

    Raises:
        ShellSyntaxError: A quote is never closed, or there are too many words or parentheses.

    Example:
        >>> [command.words for command in commands("curl -d 'it'\\\\''s' \\\\\\n  $HOME | jq . # done")]
        [['curl', '-d', "it's", '$HOME'], ['jq', '.']]
        >>> commands("cat <<END\\nhello\\nEND")[0].stdin
        'hello\\n'
    """
    lexer = _Lexer(_CAT_WORD.sub(lambda match: "'" + match[3].replace("'", "'\\''") + "'", text))
    lexer.run()
    return [command for command in lexer.commands if command.words]


#: Letters that mean nothing to a shell.
_PLAIN = re.compile(r"[^\s'\"\\$<#;|&()]+")


class _Lexer:
    """Where the reading stands: the command and the word that are being read, and those they lie in."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.command = ShellCommand()
        self.word: list[str] | None = None
        self.commands = [self.command]
        self.enclosing: list[tuple[ShellCommand, list[str] | None]] = []
        self.heredocs: list[tuple[ShellCommand, str, bool]] = []
        self.here_string = False
        self.line = self.line_place = self.words = 0

    def run(self) -> None:
        """Read the whole text."""
        text, place = self.text, 0
        while place < len(text):
            letter = text[place]
            if plain := _PLAIN.match(text, place):
                self.add(plain[0])
                place = plain.end()
            elif text.startswith(("\\\n", "\\\r\n"), place):  # a line that goes on
                place += 2 if text[place + 1] == "\n" else 3
            elif letter in "'\"" or text.startswith(("$'", '$"'), place):
                piece, place = _read_quote(text, place)
                self.add(piece)
            elif letter == "\\" and place + 1 < len(text):
                self.add(text[place + 1])
                place += 2
            elif letter == "#" and self.word is None:
                end = text.find("\n", place)
                place = len(text) if end < 0 else end
            elif text.startswith("<<<", place):
                self.end_word()
                self.here_string = True
                place += 3
            elif match := _HEREDOC.match(text, place):
                self.end_word()
                self.heredocs.append((self.command, match["end"], bool(match["tabs"])))
                place = match.end()
            elif letter == "(" or text.startswith(("$(", "<("), place):
                self.open_parenthesis(place)
                place += 1 if letter == "(" else 2
            elif letter == ")" and self.enclosing:
                self.end_word()
                self.command, word = self.enclosing.pop()
                self.word = [*(word or []), "(...)"]
                place += 1
            elif letter in "\n;|&)":
                place = self.end_command(place)
            elif letter.isspace():
                self.end_word()
                place += 1
            else:
                self.add(letter)
                place += 1
        self.end_word()

    def add(self, piece: str) -> None:
        """Put *piece* at the end of the word."""
        if self.word is None:
            self.word = []
        self.word.append(piece)

    def end_word(self) -> None:
        """The word is whole."""
        if self.word is not None:
            self.words = check_words(self.words + 1)
            if self.here_string:
                self.command.stdin, self.here_string = "".join(self.word) + "\n", False
            else:
                self.command.words.append("".join(self.word))
            self.word = None

    def open_parenthesis(self, place: int) -> None:
        """What bash would run inside is a command of its own, to be read as one."""
        if len(self.enclosing) == _MAX_DEPTH:
            raise ShellSyntaxError(f"its parentheses are nested deeper than {_MAX_DEPTH} levels")
        self.enclosing.append((self.command, self.word))
        self.begin_command(place)

    def begin_command(self, place: int, piped_from: ShellCommand | None = None) -> None:
        """Another command begins."""
        self.words = check_words(self.words + 1)  # an empty command is work as well
        self.line += self.text.count("\n", self.line_place, place + 1)
        self.line_place = place + 1
        self.command, self.word = ShellCommand(self.line + 1, piped_from=piped_from), None
        self.commands.append(self.command)

    def end_command(self, place: int) -> int:
        """The command is whole; here-documents begin after its line. Returns where the reading goes on."""
        self.end_word()
        before, letter = self.command, self.text[place]
        pipe = letter == "|" and not self.text.startswith("||", place)
        end = place + (2 if self.text.startswith(("||", "&&"), place) else 1)
        if letter == "\n":
            for command, word, tabs in self.heredocs:
                command.stdin, end = self.heredoc(end, word, tabs)
            self.heredocs = []
            if before.piped_from is not None and not before.words:  # the pipe goes on in the next line
                return end
        self.begin_command(place, before if pipe else None)
        return end

    def heredoc(self, place: int, word: str, tabs: bool) -> tuple[str, int]:
        """The here-document that begins at *place*, up to the line that is *word*."""
        lines: list[str] = []
        while place < len(self.text):
            end = self.text.find("\n", place)
            end = len(self.text) if end < 0 else end
            line = self.text[place:end].removesuffix("\r")
            line = line.lstrip("\t") if tabs else line
            place = min(end + 1, len(self.text))
            if line == word:
                return "".join(f"{one}\n" for one in lines), place
            lines.append(line)
        raise ShellSyntaxError(f"the here-document that ends with {word} has no line {word}")


def _read_quote(text: str, place: int) -> tuple[str, int]:
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
    content = b"".join(parts)
    try:
        # Copied commands write a letter beyond the first plane as two halves.
        return content.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return content.decode("utf-8", "replace")


def _unclosed_quote(text: str, place: int, quote: str) -> str:
    return f"a {quote} that is opened in line {text.count(chr(10), 0, place) + 1} is never closed"
