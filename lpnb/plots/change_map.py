"""Pictures of a comparison of two runs: a map of changed cells, or a flow from old skills to new ones."""

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
from lpnb.plots.matrix import FILL_ALPHA, MUTED, STEP, CellBox, Legend, Matrix, cell_style, compact_td
from lpnb.plots.text_layout import MARK, wrap
from lpnb.plots.themes import NEUTRAL, Theme, colours_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FRAME = "outline:2px solid currentColor;outline-offset:-2px"


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
        share_text = f"{self.changed} of {self.total}" if self.total > 1 else ""
        return (self.after, f"was {self.before}", *([share_text] if share_text else []))


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
    def matrix(self) -> Matrix:
        """The field that is drawn."""
        return Matrix(self.title, self.summary, self.keys, *self.axes)

    def _draw(self, theme: Theme) -> Figure:
        if not self.cells:
            return blank_canvas(self.title, f"{self.summary}.", theme)
        codes = self._transition_codes() if self.matrix.small else {}

        def paint(canvas: Canvas, place: tuple[str, str], box: CellBox) -> None:
            _paint(canvas, self, self.cells.get(place), box, codes)

        return self.matrix.draw(theme, (112.0, 50.0), paint, self._legend(codes)).finish()

    def _transition_codes(self) -> dict[tuple[str, str], str]:
        """A number for each way that cells changed, the most frequent first: small cells hold no names."""
        transitions: dict[tuple[str, str], int] = {}
        for cell in self.cells.values():
            if cell.changed:
                transitions[cell.before, cell.after] = (
                    transitions.get((cell.before, cell.after), 0) + cell.changed
                )
        order = sorted(transitions, key=lambda transition: (-transitions[transition], transition))
        return {transition: str(number) for number, transition in enumerate(order, 1)}

    def _legend(self, codes: Mapping[tuple[str, str], str]) -> Legend:
        if not any(cell.changed for cell in self.cells.values()):
            return Legend((("", "Grey: as before.", 1.0),))
        if not codes:
            return Legend((("", "Framed: changed, with what it was before. Grey: as before.", 1.0),))
        transitions = [
            (self.colours.get(after, NEUTRAL), f"{code} = {after}{MARK}, was {before}{MARK}", 1.0)
            for (before, after), code in codes.items()
        ]
        return Legend((("", "Framed: changed, the number says how. Grey: as before.", 1.0), *transitions))

    def _repr_html_(self) -> str:
        if not self.cells:
            return f'<p role="status">{esc(self.title)}: {esc(self.summary)}.</p>'
        if not self.matrix.small:
            return self.matrix.html(esc(self.summary), lambda place: self._td(self.cells.get(place)))
        codes = self._transition_codes()
        legend_html = " ".join(
            f'<span style="margin-right:1em"><bdi>{esc(text)}</bdi></span>'
            for _, text, _ in self._legend(codes).entries
        )
        return self.matrix.html(
            f"{esc(self.summary)}<br>{legend_html}",
            lambda place: self._small_td(self.cells.get(place), codes),
        )

    def _small_td(self, cell: CellChange | None, codes: Mapping[tuple[str, str], str]) -> str:
        if cell is None:
            return compact_td("–", "no case", MUTED)
        text = ", ".join(cell.lines)
        if not cell.changed:
            return compact_td("·", text, f"{MUTED};border:1px solid var(--jp-border-color2,#8884)")
        base = self.colours.get(cell.after, NEUTRAL)
        return compact_td(codes[cell.before, cell.after], text, f"background:{base}{FILL_ALPHA:02x};{_FRAME}")

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
        below = "".join(f'<div style="font-size:85%">{esc(text)}</div>' for text in rest)
        ground = f"background:{base}{FILL_ALPHA:02x};{_FRAME}"
        return f'<td style="{style};{ground}"><strong>{esc(first)}</strong>{below}</td>'


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
    transitions: dict[tuple[str, str], list[tuple[tuple[str, ...], int]]] = {}
    for (row, column, *transition), count in tally(frame):
        transitions.setdefault((row, column), []).append((tuple(transition), count))
    cells = {place: _change(counts) for place, counts in transitions.items()}
    return ChangeMap(keys, (axes[0], axes[1]), cells, headline, summary)


def _change(transitions: list[tuple[tuple[str, ...], int]]) -> CellChange:
    """One cell, from its ways (before, after, whether changed) and how many cases went each."""
    changed = [transition for transition in transitions if transition[0][2] == "changed"]
    (before, after, _), _ = max(changed or transitions, key=lambda transition: transition[1])
    return CellChange(
        sum(count for _, count in transitions), sum(count for _, count in changed), before, after
    )


def _paint(
    canvas: Canvas,
    picture: ChangeMap,
    cell: CellChange | None,
    box: CellBox,
    codes: Mapping[tuple[str, str], str],
) -> None:
    (x, y, wide, high), theme = box, canvas.theme
    small = picture.matrix.small
    if cell is None:
        canvas.text("–", x + wide / 2, y + high / 2, TEXT, colour=theme.muted, across="center", down="center")
        return
    if not cell.changed:
        canvas.box(x, y, wide, high, theme.blank)
        if not small:
            lines = wrap(cell.after, SMALL, wide - 16, 2)
            canvas.lines(lines, x + 8, y + (high - 10 * len(lines)) / 2, SMALL, step=10, colour=theme.muted)
        return
    base = picture.colours.get(cell.after, NEUTRAL)
    canvas.box(x + 0.8, y + 0.8, wide - 1.6, high - 1.6, theme.fill(base, theme.bold), edge=theme.ink)
    if small:
        canvas.text(
            codes[cell.before, cell.after],
            x + wide / 2,
            y + high / 2,
            SMALL,
            across="center",
            down="center",
            weight="bold",
        )
        return
    lines = wrap(cell.after, TEXT, (wide - 16) * 0.92, 2)
    _, before_text, *share_text = cell.lines
    max_lines = 3 - len(share_text) if len(lines) == 1 else 2 - len(share_text)
    before_lines = [*wrap(before_text, SMALL, wide - 14, min(max_lines, 2)), *share_text]
    start = y + (high - len(lines) * STEP - len(before_lines) * 9.5) / 2
    canvas.lines(lines, x + 8, start, TEXT, step=STEP, weight="bold")
    canvas.lines(before_lines, x + 8, start + len(lines) * STEP, SMALL, step=9.5)
