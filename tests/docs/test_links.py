"""Every relative link in the repository's prose leads somewhere, in the repository and in the site."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]


def prose_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md", "*.ipynb"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / path for path in listed.stdout.rstrip("\0").split("\0") if (ROOT / path).exists()]


def prose(file: Path) -> str:
    if file.suffix == ".md":
        return file.read_text(encoding="utf-8")
    cells = nbformat.read(file, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("file", prose_files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(file, pages):
    assert pages.broken_links(prose(file), file) == []


def test_links_are_found_in_prose_and_in_pictures_and_not_in_code(pages):
    text = (
        'See [one](a.md "title") and ![two](b.png), `[not](c.md)`.\n\n```md\n[nor](d.md)\n```\n\n'
        '<picture><source srcset="e.png"><img alt="x" src="f.png"></picture>\n'
    )

    assert pages.links(text) == ["a.md", "b.png", "e.png", "f.png"]


def test_a_link_to_a_heading_that_is_not_there_is_broken(pages):
    text = (
        "# Here it is\n\n[good](#here-it-is) [bad](#elsewhere) [worse](docs/nowhere.md) [far](https://x.org)"
    )

    assert pages.broken_links(text, ROOT / "README.md") == ["#elsewhere", "docs/nowhere.md"]


def test_a_link_of_a_notebook_is_spelled_as_jupyterlab_names_the_heading_and_leads_there_in_the_site(pages):
    notebook = ROOT / "notebooks" / "01-token-chain.ipynb"

    assert pages.broken_links("[a](glossary.md#AppJWT) [b](glossary.md#appjwt)", notebook) == [
        "glossary.md#appjwt"
    ]
    assert pages.with_site_links("[a](glossary.md#AppJWT)", notebook) == "[a](../glossary.md#appjwt)"


def test_a_page_with_broken_links_is_refused_and_every_one_is_named(pages):
    with pytest.raises(pages.BrokenLinkError) as caught:
        pages.with_site_links("[a](nowhere.md) and [b](#nothing)", ROOT / "README.md")

    assert str(caught.value) == "README.md has links that lead nowhere: nowhere.md, #nothing"


def test_links_between_pages_hold_in_the_site(pages):
    text = "[sandbox](docs/sandbox.md#the-clock), [licence](LICENSE), `[code](docs/sandbox.md)`"

    moved = pages.with_site_links(text, ROOT / "README.md")

    assert moved == "[sandbox](sandbox.md#the-clock), licence, `[code](docs/sandbox.md)`"


def test_a_page_above_is_reached_from_a_page_below(pages):
    file = ROOT / "docs" / "sandbox.md"

    assert pages.with_site_links("[the front page](../README.md)", file) == "[the front page](index.md)"
