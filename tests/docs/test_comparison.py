"""The page that compares names no figure that nobody measured."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_every_figure_of_the_comparison_stands_among_what_was_measured():
    page = (DOCS / "comparison.md").read_text(encoding="utf-8")
    measured = (DOCS / "architecture.md").read_text(encoding="utf-8").partition("## Measured")[2]
    rows = re.findall(r"^\| .+ \|$", page.partition("## Figures")[2], re.MULTILINE)

    assert len(rows) > 2
    assert [row for row in rows if f"{row}\n" not in measured] == []


def test_outside_its_table_the_comparison_says_no_ratio():
    page = (DOCS / "comparison.md").read_text(encoding="utf-8").partition("## Figures")[0]

    assert re.findall(r"\d+(?:\.\d+)? (?:times|×|x|%)", page) == []
