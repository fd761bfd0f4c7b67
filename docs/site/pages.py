"""Which file of the repository is which page of the site, and links that hold in both.

Every page is Markdown that reads well where the repository is looked at; nothing here is written twice. A
relative link that leads nowhere is an error, whether the site shows its target or not.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: The menu, in its order: heading, then pages; those of "How to" in the order of a journey.
#: What is missing from here goes to the end of "Further".
MENU: dict[str, tuple[str, ...]] = {
    "Learn": ("notebooks/*",),
    "How to": (
        *(
            f"how-to/{page}"
            for page in (
                "install",
                "tasks",
                "explorer",
                "journey",
                "webhooks",
                "explain-a-400",
                "take-a-request-along",
                "send-from-csv",
                "cases",
                "go-on-after-a-crash",
                "pictures",
                "compare-two-runs",
                "what-decides",
                "go-live",
                "verify-in-ci",
                "test-another-client",
                "beyond-one-machine",
            )
        ),
        "how-to/*",
    ),
    "Look up": ("glossary", "answers/index", "reference/index", "sandbox", "data"),
    "Understand": ("comparison", "security", "architecture"),
    "Take part": ("contributing", "changelog"),
}
_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1[ \t]*$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r'(?<!\\)(\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^)\s]+)((?:\s+"[^"]*")?\))')
_PICTURE = re.compile(r"<picture>.*?</picture>", re.DOTALL)
_SOURCE = re.compile(r'<(?:source|img)\b[^>]*?\b(?:srcset|src)="([^"]+)"')


class BrokenLinkError(Exception):
    """Links of one file that lead nowhere, all at once."""


def site_pages() -> dict[Path, str]:
    """Every file that is a page, and the page's path below the site's sources."""
    pages = {ROOT / "README.md": "index.md"}
    pages |= {ROOT / f"{name}.md": f"{name.lower()}.md" for name in ("CONTRIBUTING", "CHANGELOG")}
    pages |= {
        file: file.relative_to(ROOT / "docs").as_posix() for file in sorted((ROOT / "docs").rglob("*.md"))
    }
    pages |= {file: f"notebooks/{file.stem}.md" for file in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    # Both lie where JupyterLab, opened on the notebooks, finds them.
    pages |= {ROOT / "data" / "README.md": "data.md", ROOT / "notebooks" / "glossary.md": "glossary.md"}
    return pages


def read(file: Path) -> str:
    """The page that *file* makes."""
    text = file.read_text(encoding="utf-8")
    return with_site_links(_PICTURE.sub(_two_pictures, text), file)


def _two_pictures(picture: re.Match[str]) -> str:
    """A <picture> with a dark source, as two images of which the theme shows one; on one line, for tables."""
    dark, light = re.findall(r'(?:srcset|src)="([^"]+)"', picture[0])
    [words] = re.findall(r'alt="([^"]+)"', picture[0])
    return f"![{words}]({light}){{.only-light}} ![{words}]({dark}){{.only-dark}}"


def links(text: str) -> list[str]:
    """Where the links and pictures of a Markdown text lead, those in code left out."""
    prose = _CODE.sub("", _FENCE.sub("", text))
    return [match[2] for match in _LINK.finditer(prose)] + _SOURCE.findall(prose)


def broken_links(text: str, file: Path) -> list[str]:
    """The relative links of *text* that lead to no file of the repository, or to no heading of one."""
    return [link for link in links(text) if not _is_outside(link) and not _leads_somewhere(link, text, file)]


def _is_outside(link: str) -> bool:
    return re.match(r"[a-z]+:", link) is not None


def _leads_somewhere(link: str, text: str, file: Path) -> bool:
    path, _, heading = link.partition("#")
    target = (file.parent / path).resolve() if path else file
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    if not heading:
        return True
    there = text if not path else target.read_text(encoding="utf-8") if target.suffix == ".md" else ""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", there), re.MULTILINE)
    if file.suffix == ".ipynb" and path:  # JupyterLab keeps a heading's capital letters
        return heading in {line.replace(" ", "-") for line in headings}
    return heading in {anchor(line) for line in headings}


def anchor(heading: str) -> str:
    """The anchor of a heading, as forges and MyST make it."""
    return re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()).replace(
        " ", "-"
    )


def with_site_links(text: str, file: Path) -> str:
    """*text* with its links leading to pages of the site; what is no page is left as words.

    Raises:
        BrokenLinkError: Naming every link that leads nowhere.
    """
    targets = broken_links(text, file)
    if targets:
        raise BrokenLinkError(f"{file.relative_to(ROOT)} has links that lead nowhere: {', '.join(targets)}")
    pages = site_pages()
    code_spans = [*_FENCE.finditer(text), *_CODE.finditer(text)]
    here = Path(pages[file]).parent

    def site_link(match: re.Match[str]) -> str:
        opening, link, closing = match.groups()
        if _is_outside(link) or any(code.start() < match.start() < code.end() for code in code_spans):
            return match[0]
        path, hash_sign, heading = link.partition("#")
        if not path:
            return match[0]
        target = (file.parent / path).resolve()
        if target in pages:
            return f"{opening}{os.path.relpath(pages[target], here)}{hash_sign}{heading.lower()}{closing}"
        if target.is_relative_to(ROOT / "docs" / "pictures"):
            return f"{opening}{os.path.relpath(target.relative_to(ROOT / 'docs'), here)}{closing}"
        return opening[1:-2]

    return _LINK.sub(site_link, text)


def write_contents(source: Path) -> None:
    """Append the menu to the front page; a page without a place in it comes last."""
    pages = sorted(
        file.relative_to(source).with_suffix("").as_posix() for file in source.rglob("*.[mr][ds]*")
    )
    pages = [
        page
        for page in pages
        if page in ("reference/index", "answers/index")
        or (page != "index" and not page.startswith(("reference/", "answers/")))
    ]
    menu = ""
    for heading, patterns in MENU.items():
        matches = (page for pattern in patterns for page in pages if Path(page).match(pattern))
        section_pages = list(dict.fromkeys(matches))
        if section_pages:
            entries = "\n".join(section_pages)
            menu += f"\n```{{toctree}}\n:hidden:\n:caption: {heading}\n\n{entries}\n```\n"
            pages = [page for page in pages if page not in section_pages]
    if pages:
        entries = "\n".join(pages)
        menu += f"\n```{{toctree}}\n:hidden:\n:caption: Further\n\n{entries}\n```\n"
    with (source / "index.md").open("a", encoding="utf-8") as index:
        index.write(menu)
