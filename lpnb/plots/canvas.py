"""A matplotlib figure measured in points from its upper left corner, with boxes and lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from lpnb.plots.text_layout import drawable, sanitize, wrap
from lpnb.plots.themes import Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Sizes of text, and the margin, in points.
TEXT, SMALL = 9.0, 7.5
MARGIN = 20.0

#: How texts are called in a figure that lack letters; their label has all of them.
MISSING_GLYPHS = "lacking-"

Across = Literal["left", "center", "right"]
Down = Literal["top", "center"]


class Canvas:
    """A figure of *wide* by *high* points, with one set of axes over all of it."""

    def __init__(self, wide: float, high: float, theme: Theme) -> None:
        from matplotlib.figure import Figure

        self.theme = theme
        self._boxes: list[tuple[list[tuple[float, float]], str, str | None]] = []
        self.figure = Figure(figsize=(wide / 72, high / 72), facecolor=theme.paper)
        self.axes: Axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self.axes.set_xlim(0, wide)
        self.axes.set_ylim(high, 0)
        self.axes.set_axis_off()

    def box(self, x: float, y: float, wide: float, high: float, colour: str, edge: str | None = None) -> None:
        """A filled box, with a frame when *edge* is a colour; later ones lie on earlier ones."""
        corners = [(x, y), (x + wide, y), (x + wide, y + high), (x, y + high)]
        self._boxes.append((corners, colour, edge))

    def dot(self, x: float, y: float, radius: float, colour: str, *, hollow: bool = False) -> None:
        """A dot around a point, or a ring."""
        from matplotlib.patches import Circle

        inside = self.theme.paper if hollow else colour
        self.axes.add_patch(
            Circle((x, y), radius, facecolor=inside, edgecolor=colour, linewidth=1.2, zorder=3)
        )

    def finish(self) -> Figure:
        """The figure, with all boxes put into it: thousands at once take less time than one by one."""
        from matplotlib.collections import PolyCollection

        if self._boxes:
            corners, colours, edges = zip(*self._boxes, strict=True)
            boxes = PolyCollection(
                list(corners),
                facecolors=list(colours),
                edgecolors=[edge or "none" for edge in edges],
                linewidths=[1.6 if edge else 0.0 for edge in edges],
                joinstyle="miter",
            )
            self.axes.add_collection(boxes, autolim=False)
            self._boxes = []
        return self.figure

    def text(
        self,
        text: str,
        x: float,
        y: float,
        size: float,
        *,
        colour: str | None = None,
        across: Across = "left",
        down: Down = "top",
        weight: str = "normal",
        vertical: bool = False,
        italic: bool = False,
    ) -> None:
        """One line of text; *vertical* reads upwards from *y*."""
        drawable_text = drawable(text)
        artist = self.axes.text(
            x,
            y,
            drawable_text,
            fontsize=size,
            color=colour or self.theme.ink,
            ha=across,
            va="bottom" if vertical else "center_baseline" if down == "center" else "top",
            weight=weight,
            rotation=90 if vertical else 0,
            style="italic" if italic else "normal",
            parse_math=False,
        )
        if drawable_text != (
            whole := sanitize(text)
        ):  # whoever looks at an SVG may have the letters that lack here
            artist.set_gid(f"{MISSING_GLYPHS}{len(self.axes.texts)}")
            artist.set_label(whole)

    def lines(
        self,
        lines: Sequence[str],
        x: float,
        y: float,
        size: float,
        *,
        step: float = 0.0,
        colour: str | None = None,
        across: Across = "left",
        weight: str = "normal",
        italic: bool = False,
    ) -> None:
        """Lines of text from *y* downwards, *step* points apart, each in the middle of its strip."""
        step = step or size * 1.3
        for number, line in enumerate(lines):
            middle = y + (number + 0.5) * step
            self.text(
                line,
                x,
                middle,
                size,
                colour=colour,
                across=across,
                down="center",
                weight=weight,
                italic=italic,
            )


def blank_canvas(title: str, words: str, theme: Theme) -> Figure:
    """A picture that says that there is nothing to show."""
    lines = wrap(words, 9, 320, 4)
    canvas = Canvas(380, 76 + 14 * len(lines), theme)
    canvas.box(12, 12, 356, 52 + 14 * len(lines), theme.blank)
    canvas.lines(wrap(title, 14, 320, 1), 28, 24, 14, weight="bold")
    canvas.lines(lines, 28, 48, 9, step=14, colour=theme.muted)
    return canvas.finish()
