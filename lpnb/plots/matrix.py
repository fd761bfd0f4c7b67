"""Lay out a matrix of cells over two keys, with heads and legend, as a figure and as an HTML table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lpnb._internal.display import GROUND, INK, MUTED_INK, esc
from lpnb.plots.canvas import MARGIN, SMALL, TEXT, Canvas
from lpnb.plots.text_layout import width, wrap, wrap_distinct
from lpnb.plots.themes import Theme

_HEAD = "text-align:left;padding:4px 8px;font-weight:600;max-width:16em"
_CELL = "text-align:left;padding:5px 8px;vertical-align:top;max-width:14em"
#: What stays in sight while a wide table is scrolled, on the ground of a panel or of the page.
_STICKY = f"position:sticky;left:0;background:var(--lpnb-ground,{GROUND})"
_SMALL = "text-align:center;padding:2px 3px;font-weight:600"
MUTED = f"color:{MUTED_INK}"
STEP = 11.6
#: How opaque a cell's fill is in HTML, 0 to 255: text in any front end's colours is readable on it.
FILL_ALPHA = 92
_GAP = 3.0
#: The most columns and rows whose cells hold whole names.
_MAX_NAMED_CELLS = (14, 40)
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
        return len(self.columns) > _MAX_NAMED_CELLS[0] or len(self.rows) > _MAX_NAMED_CELLS[1]

    def html(self, subtitle_html: str, cell_html: Callable[[tuple[str, str]], str]) -> str:
        """A table with scoped heads. *subtitle_html* and what *cell_html* gives are escaped already."""
        heads = "".join(self._head(name) for name in self.columns)
        lines = "".join(
            # Front ends stripe the rows of tables, which would shine through the fills.
            f'<tr style="background:none"><th scope="row" style="{_HEAD};{_row_breaking(row)};'
            + f'vertical-align:top;{_STICKY}">{esc(row)}</th>'
            + "".join(cell_html((row, column)) for column in self.columns)
            + "</tr>"
            for row in self.rows
        )
        return (
            # Whoever has no mouse scrolls a wide table with the keyboard, and so must be able to get there.
            f'<div style="overflow-x:auto" tabindex="0" role="group" aria-label="{esc(self.title)}">'
            '<table class="lpnb-field" style="table-layout:auto;border-collapse:separate;border-spacing:2px;'
            f'font-variant-numeric:tabular-nums;color:{INK}">'
            '<caption style="text-align:left;padding:4px 0;caption-side:top">'
            f'<div style="position:sticky;left:0;width:fit-content;max-width:60em">'
            f"<strong>{esc(self.title)}</strong><br>{subtitle_html}</div></caption>"
            f'<thead><tr><th scope="col" rowspan="2" style="{_HEAD};vertical-align:bottom;{_STICKY}">'
            f'{esc(self.keys[0])}</th><th scope="colgroup" colspan="{len(self.columns)}" style="{_HEAD};'
            f'max-width:none">{esc(self.keys[1])}</th>'
            f"</tr><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>"
        )

    def _head(self, name: str) -> str:
        if not self.small:
            return f'<th scope="col" style="{_HEAD};{word_break_style(name)}">{esc(name)}</th>'
        rotation = "writing-mode:vertical-rl;transform:rotate(180deg);white-space:nowrap;max-height:14em"
        inner_html = f'<span style="{rotation};overflow:hidden;display:inline-block">{esc(name)}</span>'
        return f'<th scope="col" title="{esc(name)}" style="{_SMALL};vertical-align:bottom">{inner_html}</th>'

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
        cells_left = max(width(line, TEXT) for lines in names for line in lines)
        cells_left = MARGIN + max(cells_left, min(width(self.keys[0], SMALL) * 1.12 + 4, 120.0)) + 10
        heads = (
            wrap_distinct(self.columns, SMALL, 110.0, 1)
            if small
            else wrap_distinct(self.columns, TEXT, across - 6, 3)
        )
        head_height = (
            max(width(lines[0], SMALL) for lines in heads) + 6 if small else max(map(len, heads)) * STEP
        )
        body = (len(self.columns) * (across + _GAP), len(self.rows) * (high + _GAP))
        total_width = max(cells_left - MARGIN + body[0], 360.0)
        title = wrap(self.title, 14, total_width / 1.12, 2)
        summary_lines = wrap(self.summary, TEXT, total_width, 3)
        top = MARGIN + len(title) * 18 + len(summary_lines) * 12 + 14
        cells = top + 14 + head_height + 6
        entry_lines = legend.layout_lines(total_width)
        canvas = Canvas(
            total_width + 2 * MARGIN, cells + body[1] + 12 + len(entry_lines) * 16 + MARGIN - 8, theme
        )

        canvas.lines(title, MARGIN, MARGIN, 14, step=18, weight="bold")
        canvas.lines(summary_lines, MARGIN, MARGIN + len(title) * 18 + 2, TEXT, step=12, colour=theme.muted)
        canvas.lines(
            wrap(self.keys[1], SMALL, body[0], 1), cells_left, top, SMALL, colour=theme.muted, weight="bold"
        )
        corner = wrap(self.keys[0], SMALL, (cells_left - MARGIN - 6) / 1.12, 2)
        canvas.lines(
            corner, MARGIN, cells - 4 - len(corner) * 10, SMALL, step=10, colour=theme.muted, weight="bold"
        )
        for number, lines in enumerate(heads):
            x = cells_left + number * (across + _GAP)
            if small:
                canvas.text(lines[0], x + across / 2, cells - 4, SMALL, across="center", vertical=True)
            else:
                canvas.lines(lines, x + 2, cells - 4 - len(lines) * STEP, TEXT, step=STEP)
        for place, (row, lines) in enumerate(zip(self.rows, names, strict=True)):
            y = cells + place * (high + _GAP)
            start = y + (high - len(lines) * STEP) / 2
            canvas.lines(
                lines, cells_left - 10, start, TEXT if high > 20 else SMALL, step=STEP, across="right"
            )
            for number, column in enumerate(self.columns):
                paint(canvas, (row, column), (cells_left + number * (across + _GAP), y, across, high))
        legend.draw(canvas, entry_lines, cells + body[1] + 12)
        return canvas


def word_break_style(text: str) -> str:
    """How *text* may be broken: words stay whole, but for one that no cell could hold."""
    longest = max(map(len, text.split()), default=0)
    return "overflow-wrap:anywhere;min-width:8em" if longest > 24 else "overflow-wrap:break-word"


def _row_breaking(name: str) -> str:
    return "white-space:nowrap" if len(name) <= 24 else word_break_style(name)


def cell_style(text: str) -> str:
    """The style of a cell that holds *text*."""
    return f"{_CELL};{word_break_style(text)}"


def compact_td(sign: str, text: str, style: str) -> str:
    """A cell of a crowded table: a *sign*, and the *text* it stands for where somebody points at it."""
    inner_html = f'<abbr title="{esc(text)}" style="text-decoration:none;border:0">{esc(sign)}</abbr>'
    return f'<td style="{_SMALL};font-weight:inherit;min-width:1.5em;{style}">{inner_html}</td>'


@dataclass(frozen=True, slots=True)
class Legend:
    """What colours stand for: (base colour or "", words, thickness 0 to 1) each."""

    entries: tuple[tuple[str, str, float], ...]

    def layout_lines(self, available_width: float) -> list[list[tuple[float, tuple[str, str, float]]]]:
        """Lines of entries, each with where it starts; after a dozen lines it says how many are left out."""
        lines: list[list[tuple[float, tuple[str, str, float]]]] = []
        x_offset = available_width
        for number, entry in enumerate(self.entries):
            entry_width = width(wrap(entry[1], SMALL, available_width - 40, 1)[0], SMALL) + 32
            if x_offset + entry_width > available_width:
                if len(lines) == _LEGEND_LINES:
                    lines.append([(0.0, ("", f"and {len(self.entries) - number:,} more", 1.0))])
                    break
                lines.append([])
                x_offset = 0.0
            lines[-1].append((x_offset, entry))
            x_offset += entry_width
        return lines

    def draw(
        self, canvas: Canvas, lines: list[list[tuple[float, tuple[str, str, float]]]], top: float
    ) -> None:
        """Draw the *lines* from *top* downwards."""
        theme = canvas.theme
        for number, entries in enumerate(lines):
            for x_offset, (base, text, thickness) in entries:
                x, y = MARGIN + x_offset, top + number * 16
                if base:
                    canvas.box(x, y + 1, 10, 10, theme.fill(base, theme.strength * thickness))
                    canvas.box(x, y + 1, 3, 10, theme.fill(base, 0.9))
                canvas.text(text, x + (16 if base else 0), y + 6, SMALL, down="center", colour=theme.muted)
