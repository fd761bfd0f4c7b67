"""Before and after in one picture: what moved stands out, what stayed recedes.

Over two keys each cell says what became of its cases; without keys, bands lead from the skills before to
the skills after. What counts as moved is decided in ``experiments.compare``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from lpnb._internal.display import esc
from lpnb.plots.alluvial import Ribbon, draw_alluvial
from lpnb.plots.canvas import SMALL, TEXT, Canvas, blank_canvas
from lpnb.plots.case_matrix import limit_axis, ordered_values, tally, text_values
from lpnb.plots.figure import Picture
from lpnb.plots.matrix import MUTED, STEP, CellBox, Legend, Matrix, cell_style, compact_td
from lpnb.plots.text_layout import MARK, wrap
from lpnb.plots.themes import NEUTRAL, Theme, colours_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FRAME = "outline:2px solid var(--jp-content-font-color1,currentColor);outline-offset:-2px"


@dataclass(frozen=True, slots=True)
class CellChange:
    """What became of the cases of one cell: how many there are, how many changed, the most frequent way."""

    total: int
    changed: int
    before: str
    after: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The words of the cell: where its cases land now, and where they did before."""
        if not self.changed:
            return (self.after,)
        some = f"{self.changed} of {self.total}" if self.total > 1 else ""
        return (self.after, f"was {self.before}", *([some] if some else []))


class ChangeMap(Picture):
    """Two runs over two keys of their cases. Made by ``Comparison.plot``."""

    def __init__(
        self,
        keys: tuple[str, str],
        axes: tuple[Sequence[str], Sequence[str]],
        cells: Mapping[tuple[str, str], CellChange],
        headline: str,
        summary: str,
    ) -> None:
        self.keys = keys
        self.axes = (tuple(axes[0]), tuple(axes[1]))
        self.cells = dict(cells)
        self.title = headline
        self.summary = summary
        skills = {name for cell in self.cells.values() for name in (cell.before, cell.after)}
        self.colours = colours_of(name for name in skills if not name.startswith("("))

    @property
    def field(self) -> Matrix:
        """The field that is drawn."""
        return Matrix(self.title, self.summary, self.keys, *self.axes)

    def _draw(self, theme: Theme) -> Figure:
        if not self.cells:
            return blank_canvas(self.title, f"{self.summary}.", theme)
        signs = self._signs() if self.field.small else {}

        def paint(sheet: Canvas, place: tuple[str, str], at: CellBox) -> None:
            _paint(sheet, self, self.cells.get(place), at, signs)

        return self.field.draw(theme, (112.0, 50.0), paint, self._legend(signs)).finish()

    def _signs(self) -> dict[tuple[str, str], str]:
        """A number for each way that cells changed, the most frequent first: small cells hold no names."""
        ways: dict[tuple[str, str], int] = {}
        for cell in self.cells.values():
            if cell.changed:
                ways[cell.before, cell.after] = ways.get((cell.before, cell.after), 0) + cell.changed
        order = sorted(ways, key=lambda way: (-ways[way], way))
        return {way: str(number) for number, way in enumerate(order, 1)}

    def _legend(self, signs: Mapping[tuple[str, str], str]) -> Legend:
        if not any(cell.changed for cell in self.cells.values()):
            return Legend((("", "Grey: as before.", 1.0),))
        if not signs:
            return Legend((("", "Framed: changed, with what it was before. Grey: as before.", 1.0),))
        ways = [
            (self.colours.get(after, NEUTRAL), f"{sign} = {after}{MARK}, was {before}{MARK}", 1.0)
            for (before, after), sign in signs.items()
        ]
        return Legend((("", "Framed: changed, the number says how. Grey: as before.", 1.0), *ways))

    def _repr_html_(self) -> str:
        if not self.cells:
            return f'<p role="status">{esc(self.title)}: {esc(self.summary)}.</p>'
        if not self.field.small:
            return self.field.html(esc(self.summary), lambda place: self._td(self.cells.get(place)))
        signs = self._signs()
        told = " ".join(
            f'<span style="margin-right:1em"><bdi>{esc(words)}</bdi></span>'
            for _, words, _ in self._legend(signs).entries
        )
        return self.field.html(
            f"{esc(self.summary)}<br>{told}", lambda place: self._small_td(self.cells.get(place), signs)
        )

    def _small_td(self, cell: CellChange | None, signs: Mapping[tuple[str, str], str]) -> str:
        if cell is None:
            return compact_td("–", "no case", MUTED)
        words = ", ".join(cell.lines)
        if not cell.changed:
            return compact_td("·", words, f"{MUTED};border:1px solid var(--jp-border-color2,#8884)")
        base = self.colours.get(cell.after, NEUTRAL)
        return compact_td(signs[cell.before, cell.after], words, f"background:{base}6b;{_FRAME}")

    def _td(self, cell: CellChange | None) -> str:
        if cell is None:
            return f'<td style="{cell_style("")};{MUTED}">no case</td>'
        first, *rest = cell.lines
        style = cell_style(max(cell.lines, key=len))
        if not cell.changed:
            # Muted text is only just readable, and on any ground of its own no longer.
            line = "border:1px solid var(--jp-border-color2,#8884)"
            return f'<td style="{style};{MUTED};{line}">{esc(first)}</td>'
        base = self.colours.get(cell.after, NEUTRAL)
        below = "".join(f'<div style="font-size:85%">{esc(words)}</div>' for words in rest)
        return f'<td style="{style};background:{base}6b;{_FRAME}"><strong>{esc(first)}</strong>{below}</td>'


class ChangeFlow(Picture):
    """Two runs as bands from the skills before to the skills after. Made by ``Comparison.plot``."""

    def __init__(self, moves: Mapping[tuple[str, str], int], headline: str, summary: str) -> None:
        self.moves = dict(moves)
        self.title = headline
        self.summary = summary

    def _draw(self, theme: Theme) -> Figure:
        if not self.moves:
            return blank_canvas(self.title, self.summary, theme)
        names = {name for pair in self.moves for name in pair if not name.startswith("(")}
        colours = colours_of(names)
        bands = [
            Ribbon(pair, count, colours.get(pair[1], NEUTRAL) if pair[0] != pair[1] else "")
            for pair, count in self.moves.items()
        ]
        return draw_alluvial(self.title, self.summary, ("before", "after"), bands, theme)

    def _rows(self) -> tuple[list[str], list[list[object]]]:
        return ["before", "after", "cases"], [[*pair, count] for pair, count in self.moves.items()]


def change_map(
    table: pd.DataFrame,
    keys: tuple[str, str],
    columns: tuple[str, str, str],
    headline: str,
    summary: str,
) -> ChangeMap:
    """Lay a comparison's table out over two of its columns.

    *columns* are those that say where a case landed before, where after, and whether that is a change.
    """
    frame = pd.DataFrame({"row": text_values(table[keys[0]]), "column": text_values(table[keys[1]])})
    axes = [ordered_values(table[key]) for key in keys]
    for name, axis in zip(("row", "column"), axes, strict=True):
        frame[name] = limit_axis(frame[name], axis)
    frame["before"], frame["after"] = text_values(table[columns[0]]), text_values(table[columns[1]])
    frame["changed"] = table[columns[2]].map({True: "changed", False: "stayed"})
    ways: dict[tuple[str, str], list[tuple[tuple[str, ...], int]]] = {}
    for (row, column, *way), count in tally(frame):
        ways.setdefault((row, column), []).append((tuple(way), count))
    cells = {place: _change(found) for place, found in ways.items()}
    return ChangeMap(keys, (axes[0], axes[1]), cells, headline, summary)


def _change(ways: list[tuple[tuple[str, ...], int]]) -> CellChange:
    """One cell, from its ways (before, after, whether changed) and how many cases went each."""
    changed = [way for way in ways if way[0][2] == "changed"]
    (was, now, _), _ = max(changed or ways, key=lambda way: way[1])
    return CellChange(sum(count for _, count in ways), sum(count for _, count in changed), was, now)


def _paint(
    sheet: Canvas,
    picture: ChangeMap,
    cell: CellChange | None,
    at: CellBox,
    signs: Mapping[tuple[str, str], str],
) -> None:
    (x, y, wide, high), theme = at, sheet.theme
    small = picture.field.small
    if cell is None:
        sheet.text("–", x + wide / 2, y + high / 2, TEXT, colour=theme.muted, across="center", down="center")
        return
    if not cell.changed:
        sheet.box(x, y, wide, high, theme.blank)
        if not small:
            lines = wrap(cell.after, SMALL, wide - 16, 2)
            sheet.lines(lines, x + 8, y + (high - 10 * len(lines)) / 2, SMALL, step=10, colour=theme.muted)
        return
    base = picture.colours.get(cell.after, NEUTRAL)
    sheet.box(x + 0.8, y + 0.8, wide - 1.6, high - 1.6, theme.fill(base, theme.bold), edge=theme.ink)
    if small:
        sheet.text(
            signs[cell.before, cell.after],
            x + wide / 2,
            y + high / 2,
            SMALL,
            across="center",
            down="center",
            weight="bold",
        )
        return
    lines = wrap(cell.after, TEXT, (wide - 16) * 0.92, 2)
    _, was_before, *some = cell.lines
    room = 3 - len(some) if len(lines) == 1 else 2 - len(some)
    was = [*wrap(was_before, SMALL, wide - 14, min(room, 2)), *some]
    start = y + (high - len(lines) * STEP - len(was) * 9.5) / 2
    sheet.lines(lines, x + 8, start, TEXT, step=STEP, weight="bold")
    sheet.lines(was, x + 8, start + len(lines) * STEP, SMALL, step=9.5)
