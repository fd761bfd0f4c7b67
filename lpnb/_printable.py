"""Text for terminals and build logs: whatever would move, hide, reorder or forge a line is spelled out.

What is printed goes through here where its lines are made; the data themselves stay as they are.
"""

from __future__ import annotations

import re

#: Control characters, separators of lines, overrides of the writing direction, halves of characters.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
#: What a build's log takes for a command: ``::warning::`` at a line's beginning, ``##vso[`` anywhere in it.
_COMMAND = re.compile(r"^\s*:(?=:[A-Za-z])|#(?=#[A-Za-z]*\[)")


def one_line(value: object) -> str:
    """*value* as text in one line; whatever is no plain letter or sign is spelled as Python spells it.

    Example:
        >>> one_line("a\\n::warning::b"), one_line("\\u202eevil\\x1b[2J"), one_line("::error::x")
        ('a\\\\n::warning::b', '\\\\u202eevil\\\\x1b[2J', '\\\\x3a:error::x')
    """
    text = str(value)
    if not text.isprintable():
        text = _UNSAFE.sub(_spelling, text)
    return _COMMAND.sub(_in_hex, text) if "::" in text or "##" in text else text


def lines(value: object) -> str:
    """*value* as text in the lines that it has, each of them as ``one_line`` has it, tabs kept.

    Example:
        >>> print(lines("2 findings:\\n::set-output name=x::y\\r"))
        2 findings:
        \\x3a:set-output name=x::y\\r
    """
    return "\n".join("\t".join(map(one_line, line.split("\t"))) for line in str(value).split("\n"))


def json_lines(text: str) -> str:
    """JSON that says the same, without a character in it that a terminal acts on.

    Example:
        >>> json_lines('["\\u202eevil", "##vso[task]"]')
        '["\\\\u202eevil", "\\\\u0023#vso[task]"]'
    """
    safe = "\n".join(_UNSAFE.sub(_in_json, line) for line in text.split("\n"))
    return _COMMAND.sub(_in_json, safe)


def _spelling(match: re.Match[str]) -> str:
    return repr(match[0])[1:-1]


def _in_hex(match: re.Match[str]) -> str:
    return f"{match[0][:-1]}\\x{ord(match[0][-1]):02x}"


def _in_json(match: re.Match[str]) -> str:
    return f"{match[0][:-1]}\\u{ord(match[0][-1]):04x}"
