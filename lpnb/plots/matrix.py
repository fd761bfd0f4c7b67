"""A field of cells over two keys: its title, its heads and row names, on a sheet and as a table of HTML.

What stands in a cell, and how it looks, comes from those who use it. Everything is placed in points, so
that names decide how large a picture becomes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lpnb._internal.display import esc
from lpnb.plots.canvas import MARGIN, SMALL, TEXT, Canvas
from lpnb.plots.text_layout import width, wrap, wrap_distinct
from lpnb.plots.themes import Theme

_HEAD = "text-align:left;padding:4px 8px;font-weight:600;max-width:16em"
_CELL = "text-align:left;padding:5px 8px;vertical-align:top;max-width:14em"
#: What stays in sight while a wide table is scrolled, on the ground of a panel or of the page.
_STAYS = "position:sticky;left:0;background:var(--lpnb-ground,var(--jp-layout-color0,transparent))"
_SMALL = "text-align:center;padding:2px 3px;font-weight:600"
MUTED = "color:var(--jp-content-font-color2,inherit)"
STEP = 11.6
_GAP = 3.0
#: The most columns and rows whose cells hold whole names.
_NAMED = (14, 40)
#: A cell that holds only a short sign.
_SMALL_CELL = (21.0, 17.0)
_LEGEND_LINES = 12

#: Where a cell stands: x, y, width, height.
CellBox = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Matrix:
    """What a field is called, its two keys, and their values in order."""

    title: str
    summary: str
    keys: tuple[str, str]
    rows: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def small(self) -> bool:
        """Whether there are too many cells for names."""
        return len(self.columns) > _NAMED[0] or len(self.rows) > _NAMED[1]

    def html(self, below_title: str, td: Callable[[tuple[str, str]], str]) -> str:
        """A table with scoped heads. *below_title* and what *td* gives for a cell are escaped already."""
        heads = "".join(self._head(name) for name in self.columns)
        lines = "".join(
            # Front ends stripe the rows of tables, which would shine through the fills.
            f'<tr style="background:none"><th scope="row" style="{_HEAD};{_row_breaking(row)};'
            + f'vertical-align:top;{_STAYS}">{esc(row)}</th>'
            + "".join(td((row, column)) for column in self.columns)
            + "</tr>"
            for row in self.rows
        )
        return (
            # Whoever has no mouse scrolls a wide table with the keyboard, and so must be able to get there.
            f'<div style="overflow-x:auto" tabindex="0" role="group" aria-label="{esc(self.title)}">'
            '<table class="lpnb-field" style="table-layout:auto;border-collapse:separate;border-spacing:2px;'
            'font-variant-numeric:tabular-nums;color:var(--jp-content-font-color1,inherit)">'
            '<caption style="text-align:left;padding:4px 0;caption-side:top">'
            f'<div style="position:sticky;left:0;width:fit-content;max-width:60em">'
            f"<strong>{esc(self.title)}</strong><br>{below_title}</div></caption>"
            f'<thead><tr><th scope="col" rowspan="2" style="{_HEAD};vertical-align:bottom;{_STAYS}">'
            f'{esc(self.keys[0])}</th><th scope="colgroup" colspan="{len(self.columns)}" style="{_HEAD};'
            f'max-width:none">{esc(self.keys[1])}</th>'
            f"</tr><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
        )

    def _head(self, name: str) -> str:
        if not self.small:
            return f'<th scope="col" style="{_HEAD};{word_break_style(name)}">{esc(name)}</th>'
        turned = "writing-mode:vertical-rl;transform:rotate(180deg);white-space:nowrap;max-height:14em"
        shown = f'<span style="{turned};overflow:hidden;display:inline-block">{esc(name)}</span>'
        return f'<th scope="col" title="{esc(name)}" style="{_SMALL};vertical-align:bottom">{shown}</th>'

    def draw(
        self,
        theme: Theme,
        size: tuple[float, float],
        paint: Callable[[Canvas, tuple[str, str], CellBox], None],
        legend: Legend,
    ) -> Canvas:
        """Draw it with cells of *size*, or small ones; *paint* fills one cell."""
        small = self.small
        across, high = _SMALL_CELL if small else size
        names = wrap_distinct(self.rows, TEXT, 150, 2)
        left = max(width(line, TEXT) for lines in names for line in lines)
        left = MARGIN + max(left, min(width(self.keys[0], SMALL) * 1.12 + 4, 120.0)) + 10
        heads = (
            wrap_distinct(self.columns, SMALL, 110.0, 1)
            if small
            else wrap_distinct(self.columns, TEXT, across - 6, 3)
        )
        deep = max(width(lines[0], SMALL) for lines in heads) + 6 if small else max(map(len, heads)) * STEP
        field = (len(self.columns) * (across + _GAP), len(self.rows) * (high + _GAP))
        wide = max(left - MARGIN + field[0], 360.0)
        title, told = wrap(self.title, 14, wide / 1.12, 2), wrap(self.summary, TEXT, wide, 3)
        top = MARGIN + len(title) * 18 + len(told) * 12 + 14
        cells = top + 14 + deep + 6
        entries = legend.laid_out(wide)
        sheet = Canvas(wide + 2 * MARGIN, cells + field[1] + 12 + len(entries) * 16 + MARGIN - 8, theme)

        sheet.lines(title, MARGIN, MARGIN, 14, step=18, weight="bold")
        sheet.lines(told, MARGIN, MARGIN + len(title) * 18 + 2, TEXT, step=12, colour=theme.muted)
        sheet.lines(
            wrap(self.keys[1], SMALL, field[0], 1), left, top, SMALL, colour=theme.muted, weight="bold"
        )
        corner = wrap(self.keys[0], SMALL, (left - MARGIN - 6) / 1.12, 2)
        sheet.lines(
            corner, MARGIN, cells - 4 - len(corner) * 10, SMALL, step=10, colour=theme.muted, weight="bold"
        )
        for number, lines in enumerate(heads):
            x = left + number * (across + _GAP)
            if small:
                sheet.text(lines[0], x + across / 2, cells - 4, SMALL, across="center", turned=True)
            else:
                sheet.lines(lines, x + 2, cells - 4 - len(lines) * STEP, TEXT, step=STEP)
        for place, (row, lines) in enumerate(zip(self.rows, names, strict=True)):
            y = cells + place * (high + _GAP)
            start = y + (high - len(lines) * STEP) / 2
            sheet.lines(lines, left - 10, start, TEXT if high > 20 else SMALL, step=STEP, across="right")
            for number, column in enumerate(self.columns):
                paint(sheet, (row, column), (left + number * (across + _GAP), y, across, high))
        legend.draw(sheet, entries, cells + field[1] + 12)
        return sheet


def word_break_style(text: str) -> str:
    """How *text* may be broken: words stay whole, but for one that no cell could hold."""
    longest = max(map(len, text.split()), default=0)
    return "overflow-wrap:anywhere;min-width:8em" if longest > 24 else "overflow-wrap:break-word"


def _row_breaking(name: str) -> str:
    return "white-space:nowrap" if len(name) <= 24 else word_break_style(name)


def cell_style(text: str) -> str:
    """The style of a cell that holds *text*."""
    return f"{_CELL};{word_break_style(text)}"


def compact_td(sign: str, words: str, style: str) -> str:
    """A cell of a crowded table: a *sign*, and the *words* it stands for where somebody points at it."""
    shown = f'<abbr title="{esc(words)}" style="text-decoration:none;border:0">{esc(sign)}</abbr>'
    return f'<td style="{_SMALL};font-weight:inherit;min-width:1.5em;{style}">{shown}</td>'


@dataclass(frozen=True, slots=True)
class Legend:
    """What colours stand for: (base colour or "", words, thickness 0 to 1) each."""

    entries: tuple[tuple[str, str, float], ...]

    def laid_out(self, room: float) -> list[list[tuple[float, tuple[str, str, float]]]]:
        """Lines of entries, each with where it starts; after a dozen lines it says how many are left out."""
        lines: list[list[tuple[float, tuple[str, str, float]]]] = []
        at = room
        for number, entry in enumerate(self.entries):
            need = width(wrap(entry[1], SMALL, room - 40, 1)[0], SMALL) + 32
            if at + need > room:
                if len(lines) == _LEGEND_LINES:
                    lines.append([(0.0, ("", f"and {len(self.entries) - number:,} more", 1.0))])
                    break
                lines.append([])
                at = 0.0
            lines[-1].append((at, entry))
            at += need
        return lines

    def draw(
        self, sheet: Canvas, lines: list[list[tuple[float, tuple[str, str, float]]]], top: float
    ) -> None:
        """Draw the *lines* from *top* downwards."""
        theme = sheet.theme
        for number, entries in enumerate(lines):
            for at, (base, words, thickness) in entries:
                x, y = MARGIN + at, top + number * 16
                if base:
                    sheet.box(x, y + 1, 10, 10, theme.fill(base, theme.strength * thickness))
                    sheet.box(x, y + 1, 3, 10, theme.fill(base, 0.9))
                sheet.text(words, x + (16 if base else 0), y + 6, SMALL, down="center", colour=theme.muted)
