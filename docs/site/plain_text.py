"""Each page as Markdown beside its HTML, and ``llms.txt``: a list of them, for readers with an assistant."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import reference

import lpnb

#: Menus and index entries, which only Sphinx reads.
_FOR_SPHINX = re.compile(r"^```\{(?:toctree|index)\}.*?^```\n+", re.DOTALL | re.MULTILINE)


def write_markdown(source: Path, out: Path) -> None:
    """Copy the Markdown of the site into *out*, write the reference as Markdown, and list both."""
    entries = []
    for file in sorted(source.rglob("*.md")):
        page = file.relative_to(source)
        if page.parts[0] == "reference":
            continue
        (out / page).parent.mkdir(parents=True, exist_ok=True)
        text = _FOR_SPHINX.sub("", file.read_text(encoding="utf-8"))
        (out / page).write_text(text, encoding="utf-8")
        entries.append((page.as_posix(), _title(text)))
    for job, names in reference.names_by_job().items():
        page = Path("reference", f"{job.lower().replace(' ', '-')}.md")
        text = "\n".join([f"# {job}", *map(_description, names)])
        (out / page).write_text(text, encoding="utf-8")
        entries.append((page.as_posix(), f"Reference: {job}"))
    pages = "\n".join(f"- [{title}]({page})" for page, title in entries)
    (out / "llms.txt").write_text(
        "# lpnb\n\n> Opens LivePerson conversations from a notebook (Connector API, CONVERSATION) and"
        f" shows, as tables, what came of each request.\n\n## Pages\n\n{pages}\n",
        encoding="utf-8",
    )


def _title(text: str) -> str:
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    return heading[1] if heading else "lpnb"


def _description(name: str) -> str:
    thing = getattr(lpnb, name)
    model = reference.model_signature(None, "class", name, thing, None, None, None)
    try:
        signature = f"{name}{model[0] if model else inspect.signature(thing)}" if callable(thing) else name
    except ValueError:
        signature = name
    methods = [
        f"\n### {name}.{member}{inspect.signature(function)}\n\n{inspect.getdoc(function)}\n"
        for member, function in inspect.getmembers(thing, inspect.isfunction)
        if inspect.isclass(thing) and not member.startswith("_") and function.__doc__
    ]
    return f"\n## {signature}\n\n{inspect.getdoc(thing)}\n" + "".join(methods)
