"""Split a command line of Windows' cmd into words, as curl.exe would be handed them. Nothing is run.

Two readers follow each other there: cmd takes away carets, and the program's own start-up splits at blanks
and takes away quotes. ``%NAME%`` stays what it is: text.
"""

from __future__ import annotations

import re

from lpnb.snippets.shell_lexer import check_words

_CARET = re.compile(r"\^(\r?\n[ \t]*|.)?", re.DOTALL)


def cmd_words(text: str) -> list[list[str]]:
    """Every command line of *text* as its words.

    Raises:
        ShellSyntaxError: There are too many words.

    Example:
        >>> cmd_words('curl ^"https://example.com^" ^\\n  --data-raw ^"^[^{^\\\\^"a^\\\\^":1^}^]^"')
        [['curl', 'https://example.com', '--data-raw', '[{"a":1}]']]
        >>> cmd_words('curl -d "[{""a"":""b c""}]" https://example.com')
        [['curl', '-d', '[{"a":"b c"}]', 'https://example.com']]
    """
    commands, count = [], 0
    for line in _lines(_without_carets(text)):
        if words := _split(line):
            count = check_words(count + len(words))
            commands.append(words)
    return commands


_PLAIN = re.compile(r'[^\\"\s]+')
#: Stands for a line end that belongs to a word while lines are split.
_LINE_END = "\x00"


def _without_carets(text: str) -> str:
    """What cmd leaves of carets: the sign behind one is a plain letter, a line end behind one is nothing.

    A line end behind a continued line, as browsers write one that stands in the data, is a letter as well.
    """
    text = text.replace("\r\n", "\n")
    text = re.sub(r"\^\n\n", _LINE_END, text)
    return _CARET.sub(lambda match: "" if not match[1] else "" if match[1][0] == "\n" else match[1], text)


def _lines(text: str) -> list[str]:
    return [line.replace(_LINE_END, "\n") for line in text.split("\n")]


def _split(line: str) -> list[str]:
    """Words as a program of Microsoft's C runtime sees them: ``\\"`` and ``""`` in quotes are a quote."""
    words: list[str] = []
    word: list[str] = []
    in_quotes = in_word = False
    place = 0
    while place < len(line):
        letter = line[place]
        if plain := _PLAIN.match(line, place):
            word.append(plain[0])
            in_word, place = True, plain.end()
        elif letter == "\\":
            end = place
            while end < len(line) and line[end] == "\\":
                end += 1
            count = end - place
            if end < len(line) and line[end] == '"':
                word.append("\\" * (count // 2))
                if count % 2:
                    word.append('"')
                    end += 1
            else:
                word.append("\\" * count)
            in_word, place = True, end
        elif letter == '"':
            in_word = True
            if in_quotes and line.startswith('""', place):
                word.append('"')
                place += 1
            else:
                in_quotes = not in_quotes
            place += 1
        elif letter.isspace() and not in_quotes:
            if in_word:
                words.append("".join(word))
                check_words(len(words))
            word, in_word = [], False
            place += 1
        else:
            word.append(letter)
            in_word = True
            place += 1
    if in_word:
        words.append("".join(word))
    return words
