"""The page of a report: one HTML file without anything from elsewhere, in light or in dark colours."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lpnb._internal.display import esc
from lpnb.plots.figure import Picture, PlotsMissingError


@dataclass
class ReportSection:
    """One part of a report: its heading, and what stands below it as HTML."""

    heading: str
    parts: list[str] = field(default_factory=list)

    def say(self, *sentences: str) -> None:
        """Add a paragraph for each sentence that is not empty."""
        self.parts += [f"<p>{esc(sentence)}</p>" for sentence in sentences if sentence]

    def list(self, sentences: Iterable[str]) -> None:
        """Add a list of sentences."""
        self.parts.append(f"<ul>{''.join(f'<li>{esc(sentence)}</li>' for sentence in sentences)}</ul>")

    def table(
        self, caption: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, folded: bool = False
    ) -> None:
        """Add a table; *folded*, it is opened by its caption."""
        cell_lists = [[row[at] for row in rows if row[at] is not None] for at in range(len(columns))]
        numbers = [
            bool(cells) and all(isinstance(cell, int | float) for cell in cells) for cells in cell_lists
        ]
        kinds = [' class="number"' if number else "" for number in numbers]
        head = "".join(
            f'<th scope="col"{kind}>{esc(name)}</th>' for kind, name in zip(kinds, columns, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(f"<td{kind}>{esc(_cell(cell))}</td>" for kind, cell in zip(kinds, row, strict=True))
            + "</tr>"
            for row in rows
        )
        title = "" if folded else f"<caption>{esc(caption)}</caption>"
        table_html = (
            f'<div class="scroll" tabindex="0" role="group" aria-label="{esc(caption)}"><table>{title}<thead>'
            f"<tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )
        self.parts.append(
            f"<details><summary>{esc(caption)}</summary>{table_html}</details>" if folded else table_html
        )

    def picture(self, picture: Picture) -> None:
        """Add a picture, drawn for light and for dark pages; as its words where nothing can be drawn."""
        words = f"{picture.title}. {picture.summary}"
        try:
            light, dark = (_data_url(picture.svg(theme)) for theme in ("light", "dark"))
        except PlotsMissingError as missing:
            self.say(f"{words}.", str(missing))
            return
        self.parts.append(
            f'<picture><source media="(prefers-color-scheme: dark)" srcset="{dark}">'
            f'<img src="{light}" alt="{esc(words)}"></picture>'
        )


@dataclass
class Page:
    """A whole report, to be written as one file."""

    title: str
    about: str
    question: str
    short: list[str]
    sections: list[ReportSection]
    footer: str

    def html(self) -> str:
        """The page. Its policy forbids it to fetch anything."""
        sections = "".join(
            f"<section><h2>{esc(section.heading)}</h2>{''.join(section.parts)}</section>"
            for section in self.sections
            if section.parts
        )
        short = "".join(f"<li>{esc(sentence)}</li>" for sentence in self.short)
        style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
        return (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
            "style-src 'unsafe-inline'\">"
            f"<title>{esc(self.title)}</title><style>\n{style}</style></head><body><main>"
            f'<h1>{esc(self.title)}</h1><p class="about">{esc(self.about)}</p>'
            f'<p class="question"><strong>Question:</strong> {esc(self.question)}</p>'
            f'<div class="short"><ul>{short}</ul></div>{sections}'
            f"<footer>{esc(self.footer)}</footer></main></body></html>\n"
        )


def _cell(cell: object) -> str:
    if cell is None or cell != cell:
        return ""
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)


def _data_url(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode('utf-8')).decode('ascii')}"
