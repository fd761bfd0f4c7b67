"""Placeholders of templates that nobody filled in, such as ``{{skillId}}`` and ``<accountid>``."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NAME = r"[A-Za-z][\w.-]*"
#: HTML is no placeholder.
_TAGS = "code|body|div|form|html|img|input|pre|script|span|strong|style|svg|table|title"
#: Wherever they stand in a text: nobody writes these otherwise.
_ANYWHERE = re.compile(
    rf"\$?\{{?\{{\{{\s*\$?{_NAME}(?: +{_NAME})*\s*\}}\}}\}}?"
    rf"|[$#%]\{{{_NAME}\}}|\$\({_NAME}\)|<%=?\s*{_NAME}\s*%>"
)
#: Only when they are the whole text: part of one may be meant as it stands.
_WHOLE = re.compile(
    rf"\{{{_NAME}(?: {_NAME})*\}}|<<{_NAME}>>|:[a-z]\w*(?:Id|ID|_id)"
    rf"|<(?!(?:{_TAGS})>)(?:id|[A-Za-z][\w.-]{{2,}})(?: {_NAME})*>"
    r"|\[\[?[A-Za-z]\w*[ _-]\w[\w -]*\]\]?"
    r"|%[A-Z][A-Z0-9_]*%|%[a-z]\w*%|%\([A-Za-z]\w*\)s"
    r"|\$[A-Z][A-Z0-9_]+|\$[a-z]+[A-Z]\w*"
    r"|__?[A-Z][A-Z0-9_]*__?|@@?[A-Z][A-Z0-9_]*@@?"
    r"|(?i:(?:your|insert|enter|replace|put)[_-]\w[\w-]*|(?:change|replace|fill)[_-]?me)"
    r"|TODO|TBD|FIXME|[xX]{4,}"
)


def placeholder_in(text: str) -> str | None:
    """The first placeholder that stands in *text*, or None.

    Example:
        >>> [placeholder_in(text) for text in ("{{skillId}}", " <accountid> ", "YOUR_SKILL", "%SKILL%")]
        ['{{skillId}}', '<accountid>', 'YOUR_SKILL', '%SKILL%']
        >>> [placeholder_in(text) for text in ("2741903011", "50 %", "$5", "a < b > c", "I see {it} so")]
        [None, None, None, None, None]
    """
    return next(placeholders_in(text), None)


def placeholders_in(text: str) -> Iterator[str]:
    """Every placeholder that stands in *text*, in its order.

    Example:
        >>> list(placeholders_in("https://{{host}}/api/account/${account}"))
        ['{{host}}', '${account}']
    """
    if not any(sign in text for sign in "{<[%$_@-(:") and len(text) > 12:
        return
    bare_text = text.strip()
    if _WHOLE.fullmatch(bare_text):
        yield bare_text
        return
    yield from (match[0] for match in _ANYWHERE.finditer(text))
