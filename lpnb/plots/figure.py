"""``Picture``, the base class of all plots: matplotlib figure, PNG, SVG, file, and HTML for notebooks."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpnb._internal.display import esc, pre_html, table_html
from lpnb._internal.optional_dependencies import install_command
from lpnb._internal.validation import one_of
from lpnb._printable import one_line
from lpnb.errors import InvalidValueError, LpnbError
from lpnb.plots.canvas import MISSING_GLYPHS
from lpnb.plots.text_layout import drawable, families
from lpnb.plots.themes import Theme, theme_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

# matplotlib's settings are global. Two threads that draw at once would share them.
_DRAWING_LOCK = threading.RLock()
_DPI = 144


class PlotsMissingError(LpnbError, ImportError):
    """matplotlib is not installed; it comes with the extra ``plots``."""

    def __init__(self) -> None:
        super().__init__(
            "Pictures need matplotlib, which is not installed. It comes with the extra plots, and the "
            "lpnb that is installed stays as it is: " + install_command("plots")
        )


class Picture:
    """Something that can be drawn in a light and in a dark theme.

    ``figure()`` gives a matplotlib ``Figure`` to go on working with, ``save()`` a file. The same picture
    gives the same bytes each time, whatever matplotlib has been told elsewhere.
    """

    #: What the picture is called, and one sentence of what it shows.
    title: str = ""
    summary: str = ""

    def figure(self, theme: str = "light") -> Figure:
        """Draw it.

        Args:
            theme: "light" or "dark".

        Raises:
            PlotsMissingError: matplotlib is not installed.
            InvalidValueError: There is no such theme.
        """
        style = theme_of(theme)
        with _settings():
            return self._draw(style)

    def png(self, theme: str = "light") -> bytes:
        """The picture as a PNG, at twice the size it has on a page."""
        return self._bytes("png", theme)

    def svg(self, theme: str = "light") -> str:
        """The picture as an SVG whose letters are outlines, so that it needs no font.

        Only a name with letters that no font here has is text, for the fonts of whoever looks at it.
        """
        return self._bytes("svg", theme).decode("utf-8")

    def save(self, path: str | os.PathLike[str], theme: str = "light") -> Path:
        """Write it to *path*, whose ending says how: ``.png`` or ``.svg``.

        Raises:
            InvalidValueError: The ending is another one.
        """
        target = Path(path)
        file_format = target.suffix.lower().lstrip(".")
        if file_format not in ("png", "svg"):
            raise InvalidValueError([one_of("path", target.suffix, [".png", ".svg"])])
        target.write_bytes(self._bytes(file_format, theme))
        return target

    def _bytes(self, file_format: str, theme: str) -> bytes:
        figure, buffer = self.figure(theme), io.BytesIO()
        metadata: dict[str, Any] = {"Title": drawable(self.title), "Description": drawable(self.summary)}
        metadata |= {"Software": None} if file_format == "png" else {"Creator": None, "Date": None}
        with _settings():
            figure.savefig(buffer, format=file_format, dpi=_DPI, metadata=metadata)
        return _with_text(figure, buffer.getvalue()) if file_format == "svg" else buffer.getvalue()

    def _draw(self, theme: Theme) -> Figure:
        raise NotImplementedError

    def _rows(self) -> tuple[list[str], list[list[object]]]:
        """What the picture says, as a table for those who do not see it."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return one_line(f"<{type(self).__name__}: {self.title}. {self.summary}>")

    def _repr_html_(self) -> str:
        columns, rows = self._rows()
        try:
            svg_html = inline(self)
        except PlotsMissingError as missing:
            return pre_html(str(missing)) + table_html(f"{self.title}: {self.summary}", columns, rows)
        table = table_html(self.title, columns, rows)
        return f"{svg_html}<details><summary>{esc(self.summary)}</summary>{table}</details>"


@contextmanager
def _settings() -> Iterator[None]:
    """matplotlib's own settings and ours, and afterwards again what it was told elsewhere."""
    try:
        import matplotlib
    except ImportError:
        raise PlotsMissingError from None
    with _DRAWING_LOCK, matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": list(families()),
                "svg.hashsalt": "lpnb",
                "svg.fonttype": "path",
                "text.parse_math": False,
                "hatch.linewidth": 0.6,
            }
        )
        yield


def _with_text(figure: Figure, svg: bytes) -> bytes:
    """An SVG of *figure* with text in place of the outlines that lack letters."""
    for text in figure.axes[0].texts:
        gid = text.get_gid() or ""
        if gid.startswith(MISSING_GLYPHS):
            glyph_group = f'<g id="{gid}">'.encode()
            # Hidden and not removed: outlines of letters that others use are defined in there.
            hidden_group = f'<g id="{gid}" display="none">'.encode()
            svg = svg.replace(glyph_group, _text_element(text).encode("utf-8", "replace") + hidden_group)
    return svg


def _text_element(text: Text) -> str:
    """A text of a sheet, which is measured in points as its SVG is."""
    x, y = text.get_position()
    is_vertical = text.get_rotation() == 90
    anchor = (
        "start"
        if is_vertical
        else {"left": "start", "center": "middle"}.get(text.get_horizontalalignment(), "end")
    )
    # From there to the base line, in ems.
    baseline_shift = 0.93 if text.get_verticalalignment() == "top" else 0.36
    style = (
        f"font:{text.get_fontstyle()} {text.get_fontweight()} {text.get_fontsize():g}px sans-serif;"
        f"fill:{text.get_color()};text-anchor:{anchor}"
    )
    turn = f' transform="rotate(-90 {x:g} {y:g})"' if is_vertical else ""
    start = f'<text x="{x:g}" y="{y:g}" dy="{baseline_shift}em" style="{style}"{turn}>'
    return f"{start}{esc(text.get_label())}</text>"


def inline(picture: Picture) -> str:
    """The picture as markup of the page itself, in the colours of the front end.

    Raises:
        PlotsMissingError: matplotlib is not installed.
    """
    theme = theme_of("light")
    svg = picture.svg("light")
    svg = svg[svg.index("<svg") :]
    for colour, variables in (
        (theme.ink, "--vscode-editor-foreground,var(--jp-content-font-color1"),
        (theme.muted, "--vscode-editor-foreground,var(--jp-content-font-color2"),
        (theme.line, "--vscode-editorWidget-border,var(--jp-border-color1"),
        (theme.paper, "--vscode-editor-background,var(--jp-layout-color0"),
        (theme.blank, "--vscode-editorWidget-background,var(--jp-layout-color2"),
    ):
        svg = svg.replace(colour, f"var({variables},{colour}))")
    start = f'<svg role="img" aria-label="{esc(f"{picture.title}. {picture.summary}")}" '
    rest = svg[len("<svg ") :]
    return f'<div style="overflow-x:auto">{start}style="max-width:100%;height:auto" {rest}</div>'
