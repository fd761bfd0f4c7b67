"""Measure, wrap and shorten text in figures, with fallback fonts for letters that the first font lacks."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

FAMILY = "DejaVu Sans"
_MISSING_MARK = "\N{WHITE VERTICAL RECTANGLE}"
#: Keeps what follows to the right of what came before, whichever way that is read.
MARK = "\N{LEFT-TO-RIGHT MARK}"
#: Fonts for scripts that the first one lacks; whichever of them the machine has.
_FALLBACK_FAMILIES = (
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR", "PingFang SC",
    "Hiragino Sans", "Apple SD Gothic Neo", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic",
    "WenQuanYi Zen Hei",
    "Noto Sans Devanagari", "Noto Sans Thai", "Arial Unicode MS", "Noto Emoji", "Segoe UI Symbol", "Segoe UI",
)  # fmt: skip


@cache
def families() -> tuple[str, ...]:
    """The font's name, and those of the machine's own that help out."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return (FAMILY, *(name for name in _FALLBACK_FAMILIES if name in installed))


@cache
def _fonts() -> tuple[tuple[object, frozenset[int]], ...]:
    from matplotlib.font_manager import findfont, get_font

    fonts = [get_font(findfont(name, fallback_to_default=False)) for name in families()]
    return tuple((font, frozenset(font.get_charmap())) for font in fonts)


@lru_cache(4096)
def sanitize(text: str) -> str:
    """*text* as a picture shows it: a symbol that no font has by its name, and nothing that steers.

    Control characters, line breaks among them, and what steers the direction of text become spaces or
    nothing.

    Example:
        >>> sanitize("party \\N{PARTY POPPER}\\n!")
        'party :party popper: !'
    """
    drawable_codes = _drawable_codes()
    parts = []
    for letter in text:
        category = unicodedata.category(letter)
        if category in ("Cc", "Zl", "Zp"):
            parts.append(" ")
        elif letter == MARK:
            parts.append(letter)
        elif category == "Cf" or (category == "Mn" and ord(letter) not in drawable_codes):
            continue  # joiners, direction marks, variation selectors
        elif category == "Cs":
            parts.append(_MISSING_MARK)
        elif (
            category in ("So", "Sk")
            and ord(letter) not in drawable_codes
            and (name := unicodedata.name(letter, ""))
        ):
            parts.append(f":{name.lower()}:")
        else:
            parts.append(letter)
    return "".join(parts)


def drawable(text: str) -> str:
    """*text* as it is shown, with a mark for each letter that no font here has.

    Example:
        >>> drawable("\\ue000 gold")
        '\u25af gold'
    """
    drawable_codes = _drawable_codes()
    return "".join(
        letter if ord(letter) in drawable_codes or letter == MARK else _MISSING_MARK
        for letter in sanitize(text)
    )


@cache
def _drawable_codes() -> frozenset[int]:
    return frozenset().union(*(letters for _, letters in _fonts()))


@lru_cache(16384)
def _width(text: str) -> float:
    from matplotlib.ft2font import FT2Font, LoadFlags

    font, drawable_codes = _fonts()[0]
    assert isinstance(font, FT2Font)  # noqa: S101 - it is kept as an object where matplotlib may be absent
    font.set_size(100, 72)  # large and without hinting: small letters are rounded to whole pixels
    font.set_text(
        "".join(letter for letter in text if ord(letter) in drawable_codes), flags=LoadFlags.NO_HINTING
    )
    missing = sum(ord(letter) not in drawable_codes for letter in text)
    return float(font.get_width_height()[0]) / 6400 + missing


def width(text: str, size: float) -> float:
    """How wide *text* is at *size* points, in points."""
    return _width(text) * size


def wrap(text: str, size: float, max_width: float, lines: int) -> list[str]:
    """*text* in at most *lines* lines of *max_width* points; what is too long ends in an ellipsis.

    Example:
        >>> wrap("Mortgages & Loans", 9, 60, 2)
        ['Mortgages &', 'Loans']
        >>> wrap("x" * 10_000, 9, 30, 1)
        ['xxx…']
    """
    wrapped_lines: list[str] = []
    words = sanitize(text[:2000]).split()
    while words:
        line = words.pop(0)
        if width(line, size) > max_width:
            line, rest = _cut(line, size, max_width)
            words.insert(0, rest)
        while words and width(f"{line} {words[0]}", size) <= max_width:
            line += f" {words.pop(0)}"
        wrapped_lines.append(line)
        if len(wrapped_lines) == lines:
            break
    if words:
        last = wrapped_lines[-1]
        while last and width(f"{last}…", size) > max_width:
            last = last[:-1]
        wrapped_lines[-1] = f"{last.rstrip()}…"
    return wrapped_lines or [""]


def wrap_distinct(names: Sequence[str], size: float, max_width: float, lines: int) -> list[list[str]]:
    """Each of *names* as ``wrap`` has it; those that would look alike lose what they share instead.

    Example:
        >>> wrap_distinct(["sec://account/settings/one", "sec://account/settings/two", "x"], 9, 80, 1)
        [['sec://a…ngs/one'], ['sec://a…ngs/two'], ['x']]
    """
    texts = [wrap(name, size, max_width, lines) for name in names]
    groups: dict[tuple[str, ...], set[str]] = {}
    for name, candidate in zip(names, texts, strict=True):
        groups.setdefault(tuple(candidate), set()).add(name[:2000])
    for place, (name, candidate) in enumerate(zip(names, texts, strict=True)):
        if len(group := groups[tuple(candidate)]) > 1:
            texts[place] = _cut_middle(
                name[:2000], _common_length(min(group), max(group)), size, max_width, lines
            )
    return texts


def _common_length(one: str, other: str) -> int:
    """How many letters both begin with; of the first and the last of a sorted group, that all of it do."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _cut_middle(name: str, shared_length: int, size: float, max_width: float, lines: int) -> list[str]:
    """*name* without its middle: as much of its beginning as leaves room for what follows
    *shared_length* letters."""
    start = max(shared_length - 4, 0)
    candidate = [""]
    for head in range(min(start, 60), -1, -2):
        candidate = wrap(f"{name[:head].rstrip()}…{name[start:].lstrip()}", size, max_width, lines)
        if not candidate[-1].endswith("…"):
            break
    return candidate


def _cut(word: str, size: float, max_width: float) -> tuple[str, str]:
    """Cut *word* where its first part still fits, after one letter at the least."""
    low, high = 1, len(word)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if width(word[:middle], size) <= max_width else (low, middle - 1)
    return word[:low], word[low:]


def with_count(name: str, count: int) -> str:
    """A name and how many cases it has, in this order for any script."""
    return f"{MARK}{name}{MARK}  {count:,}"


def short_codes(names: Iterable[str], *, drawn: bool = True) -> dict[str, str]:
    """A short sign for each name, for cells too small for the name itself; *drawn* with the fonts there are.

    Example:
        >>> short_codes(["Cards & Payments", "Cards", "General Enquiries", "(refused)"])
        {'Cards & Payments': 'CP', 'Cards': 'C', 'General Enquiries': 'GE', '(refused)': 'r'}
    """
    codes: dict[str, str] = {}
    for name in dict.fromkeys(names):
        text = drawable(name[:200]) if drawn else name[:200]
        words = "".join(letter if letter.isalnum() else " " for letter in text).split()
        initials = "".join(word[0] for word in words)[:3] or "?"
        earlier_codes, number = set(codes.values()), 2
        code = initials
        while code in earlier_codes:
            code = f"{initials}{number}"
            number += 1
        codes[name] = code
    return codes
