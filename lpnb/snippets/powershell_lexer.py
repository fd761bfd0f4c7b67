"""Read PowerShell's commands and values: strings, hash tables, arrays, variables. Nothing is run."""

from __future__ import annotations

import json
import re
from typing import Any

from lpnb.snippets.shell_lexer import ShellSyntaxError, check_words

_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
    "e": "\x1b",
}
_CHAR = re.compile(r"\$\(\[char\]\s*(0x[0-9a-fA-F]+|\d+)\)")
_NAME = re.compile(r"\$(?:\{([^}]{1,200})\}|([A-Za-z_][\w:]*))")
_WORD = re.compile(r"[^\s'\"(){};|,`]+")
_ASSIGNMENT = re.compile(r"\$([A-Za-z_]\w*)\s*=(?!=)\s*")
_MAX_DEPTH = 50


def powershell_commands(text: str) -> list[list[Any]]:
    """Every command of *text* as its words; a hash table is a dict, an array a list.

    Raises:
        ShellSyntaxError: A quote or a bracket is never closed, or there are too many words or pipes.

    Example:
        >>> powershell_commands("$b = '[1]'\\nInvoke-RestMethod -Uri \\"https://example.com\\" `\\n -Body $b")
        [['Invoke-RestMethod', '-Uri', 'https://example.com', '-Body', '[1]']]
        >>> powershell_commands("iwr -Headers @{ 'A' = 'b'; C = 'd' }")
        [['iwr', '-Headers', {'A': 'b', 'C': 'd'}]]
    """
    reader = _PowerShellReader(text.replace("\r\n", "\n"))
    commands: list[list[Any]] = []
    while not reader.at_end():
        if words := reader.command():
            commands.append(words)
    return commands


class _PowerShellReader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.depth = self.pipes = self.count = 0
        self.variables: dict[str, Any] = {}

    def at_end(self) -> bool:
        return self.place >= len(self.text)

    def line(self, place: int) -> int:
        return self.text.count("\n", 0, place) + 1

    def starts(self, sign: str) -> bool:
        return self.text.startswith(sign, self.place)

    def skip_blanks(self, *, lines: bool = False) -> None:
        """Go past blanks, comments and continued lines; past line ends too when *lines* is true."""
        while not self.at_end():
            if self.starts("`\n"):
                self.place += 2
            elif self.starts("<#"):
                end = self.text.find("#>", self.place)
                self.place = len(self.text) if end < 0 else end + 2
            elif self.starts("#"):
                end = self.text.find("\n", self.place)
                self.place = len(self.text) if end < 0 else end
            elif self.text[self.place] == "\n":
                if not lines:
                    return
                self.place += 1
            elif self.text[self.place].isspace():
                self.place += 1
            else:
                return

    def command(self) -> list[Any]:
        """One command up to its end, with the value of an assignment kept under its name."""
        self.skip_blanks(lines=True)
        if match := _ASSIGNMENT.match(self.text, self.place):
            self.place = match.end()
            words = self.words()
            value: Any = words[0] if len(words) == 1 else words
            self.variables[match[1].lower()] = value
            return words if words and isinstance(words[0], str) and _is_command(words[0]) else []
        return self.words()

    def words(self) -> list[Any]:
        words: list[Any] = []
        while True:
            self.skip_blanks()
            if self.at_end() or self.text[self.place] in "\n;)}":
                if not self.at_end() and self.text[self.place] in "\n;":
                    self.place += 1
                elif not self.at_end() and self.depth == 0:
                    self.place += 1  # a bracket that was never opened
                return words
            if self.text[self.place] == "|":
                self.place += 1
                self.skip_blanks(lines=True)
                self.pipes += 1
                if self.pipes > _MAX_DEPTH:
                    raise ShellSyntaxError(f"it has more than {_MAX_DEPTH} pipes in a row")
                following = self.words()
                self.pipes -= 1
                if following and str(following[0]).lower() == "convertto-json":
                    value = words[0] if len(words) == 1 else words
                    return [json.dumps(value, ensure_ascii=False)]
                if following and _is_command(str(following[0])):
                    return [*following, "-Body", words[0] if len(words) == 1 else words]
                return words
            if self.text[self.place] == ",":
                self.place += 1
                self.skip_blanks(lines=True)
                last = words.pop() if words else None
                words.append([*(last if isinstance(last, list) else [last]), self.value()])
                continue
            words.append(self.value())

    def value(self) -> Any:
        """A string, a number of letters, a hash table, an array or what stands in parentheses."""
        self.count = check_words(self.count + 1)
        self.skip_blanks()
        if self.at_end():
            return ""
        if self.starts("@'\n") or self.starts('@"\n'):
            return self.here_string(self.text[self.place + 1])
        if self.starts("@{"):
            return self.read_brackets(2, "}", self.table)
        if self.starts("@("):
            return self.read_brackets(2, ")", self.array)
        if self.starts("$("):
            return self.read_brackets(2, ")", self.expression)
        letter = self.text[self.place]
        if letter == "(":
            return self.read_brackets(1, ")", self.expression)
        if letter == "{":
            return self.read_brackets(1, "}", self.expression)
        if letter == "'":
            return self.single()
        if letter == '"':
            return self.double()
        if match := _NAME.match(self.text, self.place):
            self.place = match.end()
            name = (match[1] or match[2]).lower()
            if name in ("true", "false", "null"):
                return {"true": True, "false": False, "null": None}[name]
            while member := re.compile(r"\.\w+(?=[\s=.])").match(self.text, self.place):
                self.place = member.end()
                name = ""
            return self.variables.get(name, match[0])
        match = _WORD.match(self.text, self.place)
        if match is None:
            self.place += 1
            return ""
        self.place = match.end()
        word = match[0]
        if word.startswith("[") and not self.at_end() and self.text[self.place] == "(":
            return self.value()  # a cast or a method such as [System.Text.Encoding]::UTF8.GetBytes(...)
        if re.fullmatch(r"-?\d{1,15}", word):
            return int(word)
        while not self.at_end() and self.text[self.place] in "'\"":  # a word that goes on in quotes
            word += self.single() if self.text[self.place] == "'" else self.double()
        return word

    def read_brackets(self, opening: int, closing: str, read: Any) -> Any:
        if self.depth == _MAX_DEPTH:
            raise ShellSyntaxError(f"its brackets are nested deeper than {_MAX_DEPTH} levels")
        start = self.place
        self.place += opening
        self.depth += 1
        content = read(closing)
        self.depth -= 1
        if self.at_end() or self.text[self.place] != closing:
            raise ShellSyntaxError(
                f"a bracket that is opened in line {self.line(start)} is never closed with {closing}"
            )
        self.place += 1
        return content

    def table(self, closing: str) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while True:
            self.skip_blanks(lines=True)
            while not self.at_end() and self.text[self.place] in ";\n":
                self.place += 1
                self.skip_blanks(lines=True)
            if self.at_end() or self.text[self.place] == closing:
                return entries
            if self.text[self.place] in "'\"":
                key = self.single() if self.text[self.place] == "'" else self.double()
            else:
                match = re.compile(r"[^\s=;}]+").match(self.text, self.place)
                if match is None:
                    raise ShellSyntaxError("a hash table has no names in it")
                key, self.place = match[0], match.end()
            self.skip_blanks()
            if self.at_end() or self.text[self.place] != "=":
                raise ShellSyntaxError(f"a hash table has no value for {key[:40]}")
            self.place += 1
            words = self.words()
            entries[key] = words[0] if len(words) == 1 else words

    def array(self, closing: str) -> list[Any]:
        items: list[Any] = []
        while True:
            self.skip_blanks(lines=True)
            while not self.at_end() and self.text[self.place] in ",;":
                self.place += 1
                self.skip_blanks(lines=True)
            if self.at_end() or self.text[self.place] == closing:
                return items
            items.append(self.value())

    def expression(self, closing: str) -> Any:
        last: Any = ""
        while True:
            self.skip_blanks(lines=True)
            if self.at_end() or self.text[self.place] == closing:
                return last
            before = self.place
            words = self.words()
            if self.place == before:  # another bracket is closed than was opened
                raise ShellSyntaxError(f"a bracket is never closed with {closing}")
            if words:
                last = words[0] if len(words) == 1 else words

    def single(self) -> str:
        start = self.place
        parts = []
        self.place += 1
        while True:
            end = self.text.find("'", self.place)
            if end < 0:
                raise ShellSyntaxError(f"a ' that is opened in line {self.line(start)} is never closed")
            parts.append(self.text[self.place : end])
            self.place = end + 1
            if not self.starts("'"):
                return "".join(parts)
            parts.append("'")
            self.place += 1

    def double(self) -> str:
        start = self.place
        self.place += 1
        parts: list[str] = []
        while not self.at_end():
            letter = self.text[self.place]
            if letter == "`" and self.place + 1 < len(self.text):
                sign = self.text[self.place + 1]
                parts.append("" if sign == "\n" else _ESCAPES.get(sign, sign))
                self.place += 2
            elif self.starts('""'):
                parts.append('"')
                self.place += 2
            elif letter == '"':
                self.place += 1
                return "".join(parts)
            elif match := _CHAR.match(self.text, self.place):
                parts.append(chr(min(int(match[1], 0), 0x10FFFF)))
                self.place = match.end()
            elif letter == "$" and (match := _NAME.match(self.text, self.place)):
                value = self.variables.get((match[1] or match[2]).lower(), match[0])
                parts.append(value if isinstance(value, str) else match[0])
                self.place = match.end()
            else:
                end = self.place + 1
                while end < len(self.text) and self.text[end] not in '`"$':
                    end += 1
                parts.append(self.text[self.place : end])
                self.place = end
        raise ShellSyntaxError(f'a " that is opened in line {self.line(start)} is never closed')

    def here_string(self, quote: str) -> str:
        start = self.place
        end = self.text.find(f"\n{quote}@", self.place)
        if end < 0:
            raise ShellSyntaxError(f"a here-string that is opened in line {self.line(start)} is never closed")
        content = self.text[self.place + 3 : end]
        self.place = end + 3
        if quote == "'":
            return content
        return _NAME.sub(
            lambda match: str(self.variables.get((match[1] or match[2]).lower(), match[0])), content
        )


def _is_command(word: str) -> bool:
    return re.match(r"(?i)(invoke-(webrequest|restmethod)|iwr|irm|curl(\.exe)?)$", word) is not None
