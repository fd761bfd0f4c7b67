"""Build the documentation's site: `python3 dev.py docs`, offline, into build/site.

The pages are the repository's own Markdown, laid out as a site; the notebooks, executed here and now, with
their outputs and pictures; and a reference made from the docstrings. A link that leads nowhere, a notebook
that fails or a docstring that cannot be laid out ends the build. Nothing that was built is kept in git.
"""

from __future__ import annotations

import argparse
import gc
import re
import shutil
import sys
import time
from pathlib import Path

import answers
import notebook_pages
import pages
import plain_text
import reference
from sphinx.cmd.build import build_main

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def main(arguments: list[str] | None = None) -> int:
    """Lay the sources out, hand them to Sphinx, and say where the site is."""
    options = parser().parse_args(arguments)
    gc.disable()  # to look for garbage among millions of nodes takes a fifth of the time, and finds none
    out = options.out.resolve()
    source = out.with_name(f"{out.name}-source")
    start = time.monotonic()
    for folder in (out, source):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        lay_out(source, run=not options.without_running)
    except (pages.BrokenLinkError, notebook_pages.FailedNotebookError) as error:
        print(f"docs: {error}", file=sys.stderr)
        return 1
    # No -n: a type in an annotation need not have a page. Warnings are errors, all of them shown.
    status = build_main(["-b", "html", "-q", "-W", "--keep-going", "-c", str(HERE), str(source), str(out)])
    if status == 0:
        plain_text.write_markdown(source, out)
        for page in out.rglob("*.html"):
            text = reachable(page.read_text(encoding="utf-8"))
            if page.with_suffix(".md").exists():
                text = with_markdown(text, page.with_suffix(".md").name)
            page.write_text(text, encoding="utf-8")
        print(f"docs: {out / 'index.html'} after {time.monotonic() - start:.0f} s", file=sys.stderr)
    return status


def reachable(page: str) -> str:
    """*page* with what the theme leaves out: a level for the menu's headings, and a way for the keyboard into
    whatever scrolls sideways.
    """
    page = page.replace('role="heading"', 'role="heading" aria-level="2"')
    return re.sub(r'<(pre|div class="(?:table-wrapper|output)[^"]*")(?=>)', r'<\1 tabindex="0"', page)


def with_markdown(page: str, name: str) -> str:
    """*page* with a link to itself as Markdown, for programs in its head and for readers at its end."""
    link = f'<link rel="alternate" type="text/markdown" href="{name}">'
    note = f'<p class="as-markdown"><a href="{name}">This page as Markdown</a></p>'
    return page.replace("</head>", f"{link}</head>", 1).replace("</article>", f"{note}</article>", 1)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser("dev.py docs", description="Build the documentation's site.")
    result.add_argument("--out", type=Path, default=ROOT / "build" / "site", metavar="DIR")
    result.add_argument(
        "--without-running", action="store_true", help="show the notebooks without outputs, in seconds"
    )
    return result


def lay_out(source: Path, run: bool) -> None:
    """Write everything Sphinx reads into *source*."""
    source.mkdir(parents=True)
    shutil.copytree(ROOT / "docs" / "pictures", source / "pictures")
    notebook_texts = {}
    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        text = notebook_pages.page(file, source / "notebooks", run=run)
        notebook_texts[file] = pages.with_site_links(text, file)
    for path, page in pages.site_pages().items():
        target = source / page
        target.parent.mkdir(parents=True, exist_ok=True)
        text = notebook_texts[path] if path in notebook_texts else pages.read(path)
        target.write_text(text, encoding="utf-8")
    reference.write_pages(source / "reference")
    answers.write_pages(source / "answers")
    pages.write_contents(source)


if __name__ == "__main__":
    sys.exit(main())
