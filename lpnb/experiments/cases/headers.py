"""Headers in people's words: which column a header such as "Customer type" or "Kundennummer" stands for."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from lpnb._internal.display import brief
from lpnb._internal.suggestions import nearest
from lpnb.experiments.cases.columns import NOTE, find_column, known_columns

#: Unknown headers that candidates are looked for, and characters of one at the most.
MOST_CANDIDATES = 20
_LONGEST_NAME = 80
#: What a header says of its units, formats and footnotes.
_UNITS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\b(?:in )?(?:EUR|USD|GBP|CHF)\s*$")
_TOTAL = re.compile(
    r"(?i)(?:grand |sub)?totals?:?|sum:?|(?:gesamt|zwischen)?summe:?|gesamt:?|insgesamt:?|count:?|anzahl:?"
)


@dataclass(frozen=True, slots=True)
class HeaderMatch:
    """What a header of a table was taken for.

    Attributes:
        header: As it stands in the table.
        column: The wire-dotted column, or None when it is unknown or left out.
        how: "name" (it is the column's own), "words", "given" (by a mapping), "left out", or "unknown".
        candidates: For an unknown one, the columns it might be.
    """

    header: str
    column: str | None
    how: str
    candidates: tuple[str, ...] = ()


def match_headers(
    headers: Sequence[str], header_map: Mapping[str, str | None] | None = None
) -> list[HeaderMatch]:
    """Say what each of *headers* stands for; *header_map* says it for some, None leaves one out.

    Example:
        >>> [match.column for match in match_headers(["Customer type", "Kundennummer", "skillId"])]
        ['ctmrinfo.ctype', 'ctmrinfo.customerId', 'skillId']
        >>> match_headers(["Shoe size"])[0].column, match_headers(["Shoe size"], {"Shoe size": None})[0].how
        (None, 'left out')
    """
    matches = [_match(header, header_map or {}) for header in headers]
    unknown = [place for place, match in enumerate(matches) if match.how == "unknown" and match.header]
    for place in unknown[:MOST_CANDIDATES]:  # to compare each of thousands with all that are known takes long
        matches[place] = replace(matches[place], candidates=_candidates(matches[place].header))
    return matches


def _match(header: str, header_map: Mapping[str, str | None]) -> HeaderMatch:
    if header in header_map:
        column = header_map[header]
        if column is None or column.strip() in ("", "-"):
            return HeaderMatch(header, None, "left out")
        return HeaderMatch(header, column, "given")
    column = known_column(header)
    return HeaderMatch(
        header, column, "unknown" if column is None else "name" if column == header else "words"
    )


@lru_cache(maxsize=16_384)
def known_column(header: str) -> str | None:
    """The column that a header stands for, or None; what it says of units in brackets does not matter.

    Example:
        >>> known_column("Balance (EUR) *"), known_column("Birthday [dd.mm.yyyy]"), known_column("Shoes")
        ('ctmrinfo.balance', 'personal.age', None)
    """
    if find_column(header) is not None:
        return header
    column_of = _columns_by_words()
    words = header_words(header)
    if words in column_of or not words:
        return column_of.get(words)
    if words in _vocabulary()["remarks"]:
        return f"{NOTE}{words}"
    return column_of.get(header_words(bare)) if (bare := _UNITS.sub(" ", header)) != header else None


def header_row(rows: Sequence[Sequence[object]], header_map: Mapping[str, str | None] | None = None) -> int:
    """Which of the first *rows* of a table names its columns: the first one, or one below a title.

    Example:
        >>> header_row([["Customers, autumn", None], ["Customer number", "Balance"], ["0058490", 12.5]])
        1
        >>> header_row([["Shoe size", "Colour"], ["42", "red"]])
        0
    """
    if rows and max(map(len, rows)) <= 2 * len(rows[0]) and all(map(_is_column, rows[0])):
        return 0  # no other can know twice as many, and no header in words has to be looked up
    counts = [
        sum(
            isinstance(cell, str)
            and (cell.strip() in (header_map or {}) or known_column(cell.strip()) is not None)
            for cell in row
        )
        for row in rows
    ]
    best = max(range(len(rows)), key=lambda place: (counts[place], -place), default=0)
    return best if counts and counts[best] >= 2 and counts[best] > 2 * counts[0] else 0


def remove_total(rows: list[list[Any]]) -> list[str]:
    """Take the last row out of *rows* where it sums them up and is nobody's; what there is to say about it.

    It begins with the word for it, and is mostly empty.

    Example:
        >>> remove_total([["1", "Zo\u00eb", "0417"], ["Total", "Ana", "0418"]])
        []
        >>> remove_total([["1", "Zo\u00eb", "0417", "x"], ["Total", None, None, ""]])
        ["The last row holds totals and was left out: 'Total'."]
    """
    last = next((place for place in range(len(rows) - 1, 0, -1) if any(map(_is_filled, rows[place]))), 0)
    cells = list(filter(_is_filled, rows[last])) if last else []
    word = cells[0] if cells and isinstance(cells[0], str) and _TOTAL.fullmatch(cells[0].strip()) else None
    if word is None or 2 * len(cells) > len(rows[last]) + 1:
        return []
    del rows[last]
    return [f"The last row holds totals and was left out: {brief(word)}."]


def _is_column(cell: object) -> bool:
    return isinstance(cell, str) and find_column(cell.strip()) is not None


def _is_filled(cell: object) -> bool:
    return cell is not None and not (isinstance(cell, str) and not cell.strip())


def header_words(header: str) -> str:
    """A header as lower-case words without accents, by which it is looked up.

    Example:
        >>> header_words(" E-Mail_Adresse "), header_words("Währung"), header_words("customerId")
        ('e mail adresse', 'waehrung', 'customer id')
    """
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFC", header)).casefold()
    for sign, spelling in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        text = text.replace(sign, spelling)
    text = unicodedata.normalize("NFKD", text)
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    return " ".join(re.findall(r"[a-z0-9]+", text))


@cache
def _vocabulary() -> Mapping[str, Any]:
    """What people call columns, which words to ask about, and what nobody means to send."""
    return tomllib.loads(Path(__file__).with_name("header_words.toml").read_text(encoding="utf-8"))


@cache
def _columns_by_words() -> Mapping[str, str]:
    column_of: dict[str, str] = {}
    for column, phrases in _vocabulary()["columns"].items():
        if find_column(column) is not None:
            for phrase in phrases:
                column_of.setdefault(header_words(phrase), column)
    # A field's own name in words, where it is one field's alone: "Store number", "Interaction context id".
    fields: dict[str, list[str]] = {}
    for column in known_columns():
        if not column.startswith(
            ("engagementAttributes.", "identities.", "entryPoints", "clientProperties.")
        ):
            fields.setdefault(header_words(column.rsplit(".", 1)[-1]), []).append(column)
            column_of.setdefault(header_words(column), column)
    for words, columns in fields.items():
        if len(columns) == 1:
            column_of.setdefault(words, columns[0])
    return column_of


def _candidates(header: str) -> tuple[str, ...]:
    """Columns that an unknown header may stand for: those of nearly its spelling."""
    column_of = _columns_by_words()
    words = header_words(header)
    if len(header) > _LONGEST_NAME:
        return ()
    ambiguous = [column for column, phrases in _vocabulary()["asked"].items() if words in phrases]
    close = (
        ambiguous
        or nearest(header, known_columns(), cutoff=0.75)
        or nearest(words, list(column_of), cutoff=0.8)
    )
    columns = [column_of.get(name, name) for name in close]
    return tuple(dict.fromkeys(columns))[:3]


def unknown_header(match: HeaderMatch) -> str:
    """The sentence about a header that stands for no column."""
    if not match.header.strip():
        return "A column has no name. Name it, or leave it out."
    sentence = f"{brief(match.header)} is not a column that lpnb knows."
    if match.candidates:
        return f"{sentence} Did you mean {' or '.join(map(repr, match.candidates))}?"
    return f"{sentence} What is not to be sent goes into columns named '{NOTE}' and a word of your own."
