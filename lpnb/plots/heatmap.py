"""``heatmap``: cases over two columns, with the skill, the outcome or the share of failures in each cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from lpnb._internal.display import esc, table_text
from lpnb._internal.validation import must
from lpnb._printable import one_line
from lpnb.errors import Complaint, InvalidValueError
from lpnb.plots.canvas import SMALL, TEXT, Canvas, blank_canvas
from lpnb.plots.case_matrix import CaseMatrix, Cell, case_labels, case_matrix, check_table
from lpnb.plots.figure import Picture
from lpnb.plots.matrix import FILL_ALPHA, MUTED, STEP, CellBox, Legend, Matrix, cell_style, compact_td
from lpnb.plots.text_layout import short_codes, width, with_count, wrap
from lpnb.plots.themes import FAILED, NEUTRAL, OUTCOMES, Theme, colours_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Rows and columns of the text.
_ROWS, _COLUMNS = 30, 8
_TITLES = {
    "landed_skill": "Where each case landed",
    "outcome": "What came of each case",
    "failed": "How many cases failed",
}


class Heatmap(Picture):
    """Cases over two keys, one cell for each pair of values. Made by ``heatmap``.

    ``grid`` has the counts. In a notebook it shows itself as an escaped table that follows the theme.
    """

    def __init__(self, grid: CaseMatrix, value: str, colours: Mapping[str, str]) -> None:
        self.grid = grid
        self.value = value
        self.colours = dict(colours)
        self.title = _TITLES.get(value, f"{value} of each case")
        #: Finds the rules that the cases of one cell follow; a run's own heatmaps have it.
        self.explain_cell: Callable[[tuple[object, object]], Any] | None = None

    @property
    def summary(self) -> str:  # type: ignore[override]  # it follows from the grid
        """One sentence of what it shows."""
        grid, (rows, columns) = self.grid, self.grid.keys
        if not grid.total:
            return f"No cases, so nothing to show over {rows} and {columns}"
        return f"{rows} by {columns}, {case_count(grid.total)}: " + ", ".join(
            f"{label} {count}" for label, count in grid.labels.items()
        )

    def drill_down(self, row: object, column: object) -> Any:
        """What tells the cases of one cell apart: the rules that they follow, by the other columns.

        Sends nothing. ``print`` it to read the rules.

        Args:
            row: The value of the first key, as the heatmap heads it.
            column: The value of the second key.

        Returns:
            The shortest list of rules, as ``run.rules(where=...)`` gives it.

        Raises:
            InvalidValueError: There is no such cell, it has no case with a known landing, no other column
                varies in it, or the heatmap is not a run's.

        Example:
            >>> from lpnb import Client, Sandbox, Settings, Steps, run_experiment
            >>> cases = [{"ctmrinfo.ctype": ctype, "ctmrinfo.role": role, "skillId": skill}
            ...          for ctype in "ab" for role in "cd" for skill in ("2741903011", "2741903012")]
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     steps = Steps(landing=True)
            ...     run = run_experiment(client, cases, steps=steps, journal="cell.sqlite", progress=False)
            >>> run.heatmap("ctmrinfo.ctype", "ctmrinfo.role").drill_down("a", "c").headline
            '2 rules explain all 2 cases.'
        """
        if self.explain_cell is None:
            sentence = (
                "Only a run's own heatmap can tell cases apart: run.heatmap(...).drill_down(row, column)."
            )
            raise InvalidValueError([Complaint("", sentence)])
        return self.explain_cell((row, column))

    def table(self) -> pd.DataFrame:
        """The cells as a DataFrame: a row for each value of the first key, a column for each of the second.

        Every entry is text, as the cell has it, and missing where there are no cases.
        """
        grid = self.grid
        data = {
            column: [
                "\n".join(self.words(cell)) if (cell := grid.cells.get((row, column))) else None
                for row in grid.rows
            ]
            for column in grid.columns
        }
        index = pd.Index(grid.rows, name=grid.keys[0], dtype="str")
        frame = pd.DataFrame(data, index=index, dtype="str")
        frame.columns.name = grid.keys[1]
        return frame

    def words(self, cell: Cell) -> tuple[str, ...]:
        """What stands in a cell: its label, and below it how many cases, where there are several."""
        if self.value == "failed":
            failures = dict(cell.shares).get("failed", 0)
            attempts = cell.total - dict(cell.shares).get("(not tried)", 0)
            return (
                (f"{round(100 * failures / attempts)} %", f"{failures} of {attempts}")
                if attempts
                else ("(not tried)",)
            )
        label, count = cell.shares[0]
        if len(cell.shares) > 1:
            return (label, f"{count} of {cell.total}")
        return (label, case_count(count)) if count > 1 else (label,)

    def fills(self, cell: Cell) -> list[tuple[str, float, float]]:
        """The fills of a cell, the most frequent first: base colour, share of the cases, thickness.

        The first one is the cell's ground; where there are others, a strip below shows all of them.
        """
        if self.value == "failed":
            shares = dict(cell.shares)
            attempts = cell.total - shares.get("(not tried)", 0)
            share = shares.get("failed", 0) / attempts if attempts else 0.0
            return [(FAILED if share else NEUTRAL, 1.0, 0.2 + 0.8 * share if share else 0.2)]
        return [
            (self.colours.get(label, NEUTRAL), count / cell.total, 1.0 if label in self.colours else 0.3)
            for label, count in cell.shares
        ]

    @property
    def matrix(self) -> Matrix:
        """The matrix that is drawn."""
        return Matrix(self.title, self._subtitle(), self.grid.keys, self.grid.rows, self.grid.columns)

    def _subtitle(self) -> str:
        return f"{self.grid.keys[0]} by {self.grid.keys[1]}, {case_count(self.grid.total)}"

    def _draw(self, theme: Theme) -> Figure:
        if not self.grid.total:
            return blank_canvas(self.title, f"{self.summary}.", theme)
        return _draw_heatmap(self, theme)

    def __str__(self) -> str:
        """The grid as a table in plain text; of a large one the first 30 rows and 8 columns."""
        grid = self.grid
        if not grid.total:
            return one_line(f"{self.title}: {self.summary}.")
        rows, columns = grid.rows[:_ROWS], grid.columns[:_COLUMNS]
        cells = [[grid.cells.get((row, column)) for column in columns] for row in rows]
        lines = [
            [_short(row), *("" if cell is None else _short(", ".join(self.words(cell))) for cell in line)]
            for row, line in zip(rows, cells, strict=True)
        ]
        head = [" / ".join(_short(key) for key in grid.keys), *map(_short, columns)]
        omissions = [
            f"{more:,} more {what}"
            for more, what in ((len(grid.rows) - _ROWS, "rows"), (len(grid.columns) - _COLUMNS, "columns"))
            if more > 0
        ]
        rest = f"\n... and {' and '.join(omissions)}; table() has them all." if omissions else ""
        return f"{one_line(self.title)}: {case_count(grid.total)}\n{table_text(head, lines)}{rest}"

    def _repr_html_(self) -> str:
        if not self.grid.total:
            return f'<p role="status">{esc(self.title)}: {esc(self.summary)}.</p>'
        cells, small = self.grid.cells, self.matrix.small
        codes = self.codes(drawn=False)
        return self.matrix.html(
            f"{esc(self._subtitle())}<br>{self._legend(codes)}",
            lambda place: self._small_td(cells.get(place), codes) if small else self._td(cells.get(place)),
        )

    def codes(self, *, drawn: bool = True) -> dict[str, str]:
        """What stands for each label where cells are too small for names."""
        return (
            short_codes(self.grid.labels, drawn=drawn) if self.matrix.small and self.value != "failed" else {}
        )

    def code(self, cell: Cell, codes: Mapping[str, str]) -> str:
        """What stands in a small cell; a star where it has several labels."""
        first = self.words(cell)[0].removesuffix(" %").replace("(not tried)", "–")
        return codes.get(cell.shares[0][0], first) + ("*" if codes and len(cell.shares) > 1 else "")

    @property
    def small_notes(self) -> tuple[str, ...]:
        """What there is to say of small cells besides what the codes stand for."""
        if not self.matrix.small:
            return ()
        if self.value == "failed":
            return ("In a cell: how many of 100 failed",)
        several = any(len(cell.shares) > 1 for cell in self.grid.cells.values())
        return ("* and others; the most frequent is named",) if several else ()

    def _small_td(self, cell: Cell | None, codes: Mapping[str, str]) -> str:
        if cell is None:
            return compact_td("–", "no case", MUTED)
        base, _, thickness = self.fills(cell)[0]
        shade = f"background:{base}{round(thickness * FILL_ALPHA):02x}"
        return compact_td(self.code(cell, codes), ", ".join(self.words(cell)), shade)

    def _td(self, cell: Cell | None) -> str:
        if cell is None:
            return f'<td style="{cell_style("")};{MUTED}">no case</td>'
        first, *rest = self.words(cell)
        below = "".join(f'<div style="font-size:85%">{esc(line)}</div>' for line in rest)
        fills = self.fills(cell)
        base, _, thickness = fills[0]
        fill = f"background:{base}{round(thickness * FILL_ALPHA):02x};border-left:4px solid {base}"
        return f'<td style="{cell_style(first)};{fill}">{esc(first)}{below}{_strip(fills)}</td>'

    def _legend(self, codes: Mapping[str, str]) -> str:
        swatch = "display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:2px;background:"
        entries = [
            f'<span style="{swatch}{self.colours.get(label, NEUTRAL)}"></span>'
            + (f"{esc(codes[label])} = " if codes else "")
            + f"<bdi>{esc(label)}</bdi> {count:,}"
            for label, count in self.grid.labels.items()
        ]
        return " ".join(
            f'<span style="white-space:nowrap;margin-right:1em">{entry}</span>'
            for entry in (*entries, *map(esc, self.small_notes))
        )


def _short(text: str) -> str:
    """A cell of plain text: on one line, at most 40 characters, and nothing that a terminal obeys."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= 40 else f"{line[:36]} ..."


def _strip(fills: list[tuple[str, float, float]]) -> str:
    """All shares of a cell side by side, for the eye alone: the words are above it."""
    if len(fills) < 2:
        return ""
    shares = "".join(f'<span style="background:{base};flex:{share:.4f}"></span>' for base, share, _ in fills)
    return f'<div aria-hidden="true" style="display:flex;height:4px;margin-top:4px">{shares}</div>'


def heatmap(
    table: pd.DataFrame,
    rows: str,
    columns: str,
    value: str = "landed_skill",
    *,
    colours: Mapping[str, str] | None = None,
) -> Heatmap:
    """Lay the cases of a per-case table out over two of its columns.

    Args:
        table: One row per case, as ``run.table()`` gives it.
        rows: The column whose values go down, such as "ctmrinfo.ctype".
        columns: The column whose values go across.
        value: What a cell shows. "landed_skill" (a skill without a name by its id, and for a case that
            landed nowhere what came of it in brackets), "outcome", "failed" (an expectation decides where
            there is one, else whether it was answered), or any other column.
        colours: A colour (#rrggbb) for each skill, where the usual ones are not wanted.

    Raises:
        InvalidValueError: The table lacks a column, or both keys are the same.

    Example:
        >>> table = pd.DataFrame({"ctmrinfo.ctype": ["vip", "gold"], "campaignInfo.campaignId": ["1", "1"],
        ...                       "outcome": "answered", "landed_skill": ["Private Clients", "Cards"]})
        >>> heatmap(table, "ctmrinfo.ctype", "campaignInfo.campaignId").table().loc["vip", "1"]
        'Private Clients'
    """
    extra = {"landed_skill": "landed_skill", "failed": "outcome"}.get(value, value)
    table = check_table(table, ("rows", rows), ("columns", columns), ("value", extra))
    if rows == columns:
        raise InvalidValueError([must("columns", "must be another column than rows", columns)])
    labels = case_labels(table, value)
    grid = case_matrix(table, (rows, columns), labels)
    if value == "outcome":
        return Heatmap(grid, value, {**OUTCOMES, **(colours or {})})
    if value == "failed":
        return Heatmap(grid, value, {"failed": FAILED})
    return Heatmap(grid, value, colours_of((name for name in grid.labels if name[0] != "("), colours))


def case_count(number: int) -> str:
    """``1 case``, ``2 cases``.

    Example:
        >>> case_count(1), case_count(1234)
        ('1 case', '1,234 cases')
    """
    return f"{number:,} case{'' if number == 1 else 's'}"


def _draw_heatmap(heatmap: Heatmap, theme: Theme) -> Figure:
    """Draw *heatmap*, which has cells."""
    matrix = heatmap.matrix
    codes = heatmap.codes()

    def paint(canvas: Canvas, place: tuple[str, str], box: CellBox) -> None:
        _cell(canvas, heatmap, place, box, codes)

    return matrix.draw(theme, _size(heatmap), paint, _legend(heatmap, codes)).finish()


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


def _cell(
    canvas: Canvas, heatmap: Heatmap, place: tuple[str, str], box: CellBox, codes: dict[str, str]
) -> None:
    (x, y, wide, high), theme = box, canvas.theme
    cell = heatmap.grid.cells.get(place)
    if cell is None:
        canvas.box(x, y, wide, high, theme.blank)
        canvas.text("–", x + wide / 2, y + high / 2, TEXT, colour=theme.muted, across="center", down="center")
        return
    fills = heatmap.fills(cell)
    canvas.box(x, y, wide, high, theme.fill(fills[0][0], theme.strength * fills[0][2]))
    if len(fills) > 1:
        left, strip = x, 2.5 if heatmap.matrix.small else 4.0
        for base, share, _ in fills:
            canvas.box(left, y + high - strip, wide * share, strip, theme.fill(base, 0.9))
            left += wide * share
    first, *rest = heatmap.words(cell)
    if heatmap.matrix.small:
        code = heatmap.code(cell, codes)
        canvas.text(code, x + wide / 2, y + high / 2, 7.0, across="center", down="center")
        return
    canvas.box(x, y, 3, high, theme.fill(fills[0][0], 0.9))
    high -= 4.0 if len(fills) > 1 else 0.0
    unlabelled = heatmap.value != "failed" and cell.shares[0][0] not in heatmap.colours
    lines = wrap(first, TEXT, wide - 16, 2)
    start = y + (high - len(lines) * STEP - 11 * bool(rest)) / 2
    canvas.lines(lines, x + 10, start, TEXT, step=STEP, italic=unlabelled)
    for line in rest:
        canvas.text(line, x + 10, start + len(lines) * STEP + 5, SMALL, down="center")


def _legend(heatmap: Heatmap, codes: dict[str, str]) -> Legend:
    entries = []
    for label, count in heatmap.grid.labels.items():
        code = f"{codes[label]} = " if codes else ""
        words = code + with_count(wrap(label, SMALL, 220, 1)[0], count)
        has_colour = label in heatmap.colours
        entries.append((heatmap.colours.get(label, NEUTRAL), words, 1.0 if has_colour else 0.3))
    entries += [("", words, 1.0) for words in heatmap.small_notes]
    return Legend(tuple(entries))
