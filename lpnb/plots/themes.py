"""Colours of plots: a light and a dark theme, and a stable palette colour for each name."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lpnb._internal.validation import one_of
from lpnb.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of a picture around its fills; how thickly a fill covers the paper is ``strength``, or
    ``bold`` where it has to stand out.

    Example:
        >>> THEMES["light"].fill("#5e64f3")
        '#bbbefa'
    """

    name: str
    paper: str
    ink: str
    muted: str
    line: str
    blank: str
    strength: float
    bold: float

    def fill(self, base: str, strength: float | None = None) -> str:
        """*base* laid over the paper."""
        return mix(base, self.paper, self.strength if strength is None else strength)


THEMES = {
    "light": Theme("light", "#ffffff", "#1b1f24", "#5b626b", "#c9ced6", "#f3f4f6", 0.42, 0.53),
    "dark": Theme("dark", "#111111", "#f0f0f0", "#a8b0ba", "#474d55", "#1d2024", 0.52, 0.57),
}

#: Looked for by a search: under the three kinds of colour blindness any two fills differ in both themes.
PALETTE = (
    "#5e64f3", "#219e61", "#ad5010", "#47b5fa", "#9b980b",
    "#ec68b2", "#7e1baa", "#9db38c", "#a50c1f", "#5d5075",
)  # fmt: skip

OUTCOMES = {
    "answered": "#219e61",
    "refused": "#a50c1f",
    "not sent": "#9b980b",
    "unknown": "#7e1baa",
    "planned": "#5d5075",
}
#: Where there is no category: refused, not sent, landing unknown.
NEUTRAL = "#7d8590"
#: A share of failures: the more, the thicker.
FAILED = "#d43c14"


def theme_of(name: str) -> Theme:
    """The theme of that name.

    Raises:
        InvalidValueError: There is none of that name.
    """
    if name not in THEMES:
        raise InvalidValueError([one_of("theme", name, list(THEMES))])
    return THEMES[name]


def colours_of(names: Iterable[str], fixed_colours: Mapping[str, str] | None = None) -> dict[str, str]:
    """A base colour for each name, the same in every picture that has the same names.

    A name's own place in the palette follows from its letters; when two names want one place, the later
    in the alphabet moves on. *fixed_colours* has the colours that are settled beforehand.

    Example:
        >>> colours_of(["Cards", "Loans"]) == colours_of(["Loans", "Cards", "Cards"])
        True
        >>> colours_of(["Cards"], {"Cards": "#000000"})
        {'Cards': '#000000'}
    """
    colours = dict(fixed_colours or {})
    used_colours = set(colours.values())
    for name in sorted(set(names) - colours.keys()):
        start = zlib.crc32(name.encode("utf-8", "surrogatepass")) % len(PALETTE)
        places = [PALETTE[(start + step) % len(PALETTE)] for step in range(len(PALETTE))]
        colours[name] = next((colour for colour in places if colour not in used_colours), places[0])
        used_colours.add(colours[name])
    return colours


def mix(colour: str, under: str, share: float) -> str:
    """*share* of one colour over another, as both are written (#rrggbb)."""
    pairs = zip(_parts(colour), _parts(under), strict=True)
    return "#" + "".join(f"{round(share * over + (1 - share) * below):02x}" for over, below in pairs)


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.lstrip("#")))
