"""HTML and text display in a notebook: escaping, tables, shortened values.

Escaping for HTML happens here and nowhere else. Every value is shown as text, whatever markup it holds.
"""

from __future__ import annotations

import html
import shutil
import sys
from collections.abc import Iterable, Sequence

from lpnb._internal.json_codec import clean, is_too_deep
from lpnb._printable import one_line

#: Text, its muted kind and the page's ground in the front end's colours. VS Code's own come first: its widget
#: manager sets JupyterLab's light ones for every output, in dark themes too.
INK = "var(--vscode-editor-foreground,var(--jp-content-font-color1,inherit))"
MUTED_INK = "var(--vscode-editor-foreground,var(--jp-content-font-color2,inherit))"
GROUND = "var(--vscode-editor-background,var(--jp-layout-color0,transparent))"

# JupyterLab lays tables out in columns of equal width, which breaks words in the middle.
_LAYOUT = "table-layout:auto;border-collapse:collapse;font-variant-numeric:tabular-nums"
_TABLE = f"{_LAYOUT};color:{INK}"
_CAPTION = "text-align:left;padding:4px 0;font-weight:600;caption-side:top"
_CELL = (
    "text-align:left;vertical-align:top;padding:3px 12px 3px 0;"
    "border-bottom:1px solid var(--jp-border-color2,#8884);overflow-wrap:break-word"
)


def esc(value: object) -> str:
    """Return *value* as text that no front end takes for markup; half a character becomes U+FFFD.

    Example:
        >>> esc('<img src=x onerror="alert(1)">')
        '&lt;img src=x onerror=&quot;alert(1)&quot;&gt;'
    """
    text = "" if value is None else str(value)
    return html.escape(text if text.isascii() else clean(text), quote=True)


def count(number: int, noun: str) -> str:
    """Say how many.

    Example:
        >>> count(1, "answer"), count(2_000, "answer")
        ('1 answer', '2,000 answers')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def table_html(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Draw a captioned table with scoped headers; None shows as an empty cell.

    Example:
        >>> table_html("Nothing yet", ["a"], []).count("<tr>")
        1
    """
    head = "".join(f'<th scope="col" style="{_CELL}">{esc(name)}</th>' for name in columns)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_cell_style(cell)}">{esc(cell)}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return (
        f'<div style="overflow-x:auto"><table class="lpnb-table" style="{_TABLE}">'
        f'<caption style="{_CAPTION}">{esc(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell_style(cell: object) -> str:
    """Words stay whole, but one that no page could hold is broken anywhere."""
    longest = max(map(len, str(cell).split()), default=0)
    return f"{_CELL};overflow-wrap:anywhere;min-width:12em" if longest > 40 else _CELL


def table_text(columns: Sequence[str], rows: Iterable[Sequence[object]], width: int | None = None) -> str:
    """Draw a table in plain text, left-aligned; None shows as an empty cell.

    Where *width* is too little, no cell is cut: columns that are empty in every row are left out, and said to
    be; then the widest come below their row, a line for each cell. The first column stays.

    Example:
        >>> print(table_text(["req_id", "code"], [["1", "OK"], ["22", None]]))
        req_id  code
        1       OK
        22
        >>> print(table_text(["case", "id", "code", "note"], [["a", "0123456789", "OK", None]], width=12))
        case  code
        a     OK
          id  0123456789
        Empty in every row: note.
    """
    columns = [one_line(name) for name in columns]
    lines = [["" if cell is None else one_line(cell) for cell in row] for row in rows]
    sizes = [max(len(name), *(len(line[place]) for line in lines), 0) for place, name in enumerate(columns)]
    beside = list(range(len(columns)))
    empty: list[int] = []

    def too_wide() -> bool:
        return bool(lines) and width is not None and sum(sizes[place] + 2 for place in beside) - 2 > width

    if too_wide():
        empty = [place for place in beside[1:] if not any(line[place] for line in lines)]
        beside = [place for place in beside if place not in empty]
    below: list[int] = []
    while len(beside) > 1 and too_wide():
        below.append(max(beside[1:], key=lambda place: (sizes[place], place)))
        beside.remove(below[-1])
    below.sort()
    label = max((len(columns[place]) for place in below), default=0)

    def grid_line(cells: Sequence[str]) -> str:
        return "  ".join(cells[place].ljust(sizes[place]) for place in beside).rstrip()

    text_lines = [grid_line(columns)]
    for line in lines:
        text_lines.append(grid_line(line))
        text_lines += [f"  {columns[place].ljust(label)}  {line[place]}" for place in below if line[place]]
    if empty:
        text_lines.append(f"Empty in every row: {', '.join(columns[place] for place in empty)}.")
    return "\n".join(text_lines)


def room() -> int | None:
    """How wide the terminal is that is printed to; None for a file, a pipe or a notebook, which have room.

    Example:
        >>> import contextlib, io
        >>> with contextlib.redirect_stdout(io.StringIO()):
        ...     found = room()
        >>> found is None
        True
    """
    try:
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    except (AttributeError, ValueError):  # there is none, or it is closed
        return None


def pre_html(text: str) -> str:
    """Show *text* as it stands, wrapped where the page is narrow."""
    style = f"white-space:pre-wrap;overflow-wrap:anywhere;color:{INK}"
    return f'<pre style="{style}">{esc(text)}</pre>'


def brief(value: object, width: int = 60) -> str:
    """Quote what came in, shortened to *width* characters, for an error message.

    Example:
        >>> brief("x" * 100, width=12)
        "'xxxxx ...'"
    """
    if isinstance(value, list | tuple | dict) and is_too_deep(value):
        return f"a {type(value).__name__} nested too deeply to show"
    try:
        text = repr(value)
    except ValueError:  # a number of more digits than Python writes out
        return "a number too long to show"
    return brief_text(text, width)


def brief_text(text: str, width: int = 60) -> str:
    """Shorten *text*, that of a value, to *width* characters; its last quote or bracket stays.

    Example:
        >>> brief_text("[1, 2, 3, 4, 5, 6, 7]", width=14)
        '[1, 2, 3 ...]'
    """
    if len(text) <= width:
        return text
    closing = text[-1] if text[-1] in "'\"]})" else ""
    return f"{text[: width - 5 - len(closing)].rstrip()} ...{closing}"
