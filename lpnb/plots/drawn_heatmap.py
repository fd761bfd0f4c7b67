"""How a heatmap is drawn: a fill and words in each cell, a legend below.

What stands in the cells comes from ``heatmap``. Cells that would be too small for names hold short signs,
and the legend says what they stand for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpnb.plots.field import STEP, Legend, Place
from lpnb.plots.letters import width, with_count, wrap
from lpnb.plots.sheet import SMALL, TEXT, Sheet
from lpnb.plots.themes import NEUTRAL, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lpnb.plots.heatmap import Heatmap


def draw(heatmap: Heatmap, theme: Theme) -> Figure:
    """Draw *heatmap*, which has cells."""
    field = heatmap.field
    signs = heatmap.signs()

    def paint(sheet: Sheet, place: tuple[str, str], at: Place) -> None:
        _cell(sheet, heatmap, place, at, signs)

    return field.draw(theme, _size(heatmap), paint, _legend(heatmap, signs)).finish()


def _size(heatmap: Heatmap) -> tuple[float, float]:
    """Cells as wide as the widest name needs in two lines, and as high as the most lines."""
    words = [heatmap.words(cell) for cell in heatmap.grid.cells.values()]
    need = [_two_lines(word[0]) for word in words] + [_two_lines(name) for name in heatmap.grid.columns]
    across = min(max([62.0, *need]) + 18, 128.0)
    lines = max(len(wrap(word[0], TEXT, across - 16, 2)) for word in words)
    several = any(len(word) > 1 for word in words)
    return across, max(13.0 + lines * STEP + (11 if several else 0), 32.0)


def _two_lines(name: str) -> float:
    """The width at which *name* fits into two lines."""
    words = name[:200].split()
    cuts = [(" ".join(words[:cut]), " ".join(words[cut:])) for cut in range(len(words))]
    return min((max(width(one, TEXT), width(other, TEXT)) for one, other in cuts), default=0.0)


def _cell(sheet: Sheet, heatmap: Heatmap, place: tuple[str, str], at: Place, signs: dict[str, str]) -> None:
    (x, y, wide, high), theme = at, sheet.theme
    cell = heatmap.grid.cells.get(place)
    if cell is None:
        sheet.box(x, y, wide, high, theme.blank)
        sheet.text("–", x + wide / 2, y + high / 2, TEXT, colour=theme.muted, across="center", down="center")
        return
    parts = heatmap.parts(cell)
    sheet.box(x, y, wide, high, theme.fill(parts[0][0], theme.strength * parts[0][2]))
    if len(parts) > 1:
        left, strip = x, 2.5 if heatmap.field.small else 4.0
        for base, share, _ in parts:
            sheet.box(left, y + high - strip, wide * share, strip, theme.fill(base, 0.9))
            left += wide * share
    first, *rest = heatmap.words(cell)
    if heatmap.field.small:
        sign = heatmap.sign(cell, signs)
        sheet.text(sign, x + wide / 2, y + high / 2, 7.0, across="center", down="center")
        return
    sheet.box(x, y, 3, high, theme.fill(parts[0][0], 0.9))
    high -= 4.0 if len(parts) > 1 else 0.0
    nowhere = heatmap.value != "failed" and cell.shares[0][0] not in heatmap.colours
    lines = wrap(first, TEXT, wide - 16, 2)
    start = y + (high - len(lines) * STEP - 11 * bool(rest)) / 2
    sheet.lines(lines, x + 10, start, TEXT, step=STEP, slanted=nowhere)
    for line in rest:
        sheet.text(line, x + 10, start + len(lines) * STEP + 5, SMALL, down="center")


def _legend(heatmap: Heatmap, signs: dict[str, str]) -> Legend:
    entries = []
    for label, count in heatmap.grid.labels.items():
        sign = f"{signs[label]} = " if signs else ""
        words = sign + with_count(wrap(label, SMALL, 220, 1)[0], count)
        known = label in heatmap.colours
        entries.append((heatmap.colours.get(label, NEUTRAL), words, 1.0 if known else 0.3))
    entries += [("", words, 1.0) for words in heatmap.small_words]
    return Legend(tuple(entries))
