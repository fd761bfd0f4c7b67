"""Text that a spreadsheet would take for a formula: escaped in CSV files, and read back as it was."""

from __future__ import annotations

import re
from typing import Any

_SIGN = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
#: What programs skip before a formula: control characters (LibreOffice drops a NUL) and blanks.
_SKIPPED = '\x01-\x20\\x00\x7f-\u00a0\u00ad\u1680\u2000-\u200b\u2028\u2029\u202f\u205f-\u2064\u3000\ufeff"'
#: A cell that begins as a formula, behind what is skipped, or with what some programs skip in any case.
_FRONT = f"^([{_SKIPPED}';]*{_SIGN}|'*[\t\r])"
#: A formula that a program sees which takes another sign for the separator, or the line's end for the row's.
_INSIDE = f"([\n\r\t;][{_SKIPPED}]*)('*{_SIGN})"
_NUMBER = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_front, _inside = re.compile(_FRONT), re.compile(_INSIDE)
_number = re.compile(_NUMBER.removesuffix("$") + r"\Z")


def escape_formulas(column: Any) -> Any:
    """Put an apostrophe before whatever looks like a formula, or like one that was escaped before."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = pc.replace_substring_regex(column.cast(pa.large_string()), _INSIDE, r"\1'\2")
    is_formula = pc.and_(
        pc.match_substring_regex(column, _FRONT), pc.invert(pc.match_substring_regex(column, _NUMBER))
    )
    apostrophe, nothing = (pa.scalar(text, pa.large_string()) for text in ("'", ""))
    return pc.if_else(is_formula, pc.binary_join_element_wise(apostrophe, column, nothing), column)


def escape_formula(text: str) -> str:
    """The same for one cell.

    Example:
        >>> escape_formula("=1+1"), escape_formula("-5"), escape_formula("a;=1")
        ("'=1+1", '-5', "a;'=1")
    """
    if text.isalnum():
        return text
    text = _inside.sub(r"\1'\2", text)
    return f"'{text}" if _front.match(text) and not _number.match(text) else text


def unescape_formula(text: str) -> str:
    """Take away what ``escape_formulas`` put into *text*; any other text stays as it is.

    Example:
        >>> [unescape_formula(text) for text in ("'=1+1", "'tis", "' =1;'=2", "a;'=1;=2")]
        ['=1+1', "'tis", ' =1;=2', "a;'=1;=2"]
    """
    if text.startswith("'") and _front.match(text[1:]):
        text = text[1:]
    if all(match[2][0] == "'" for match in _inside.finditer(text)):  # otherwise it was never escaped
        text = _inside.sub(lambda match: match[1] + match[2][1:], text)
    return text
