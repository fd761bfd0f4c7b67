"""The reference: one page a job, made from the docstrings of every public name.

A name that no job claims has its place under "More", so a new one is never missing.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import lpnb

#: Heading of a page, and the modules or folders whose public names it shows, in the order of a reader's need.
JOBS: dict[str, tuple[str, ...]] = {
    "Connect and send": (
        "client.connect",
        "client.sync_client",
        "client.async_client",
        "settings",
        "diagnostics.doctor",
        "diagnostics.explain",
        "diagnostics.token_chain",
    ),
    "Payloads": (
        "models.sdes",
        "models.conversation_request",
        "models.batches",
        "models.null",
        "samples.examples",
        "models.best_practices",
        "samples.files",
    ),
    "Replies and tables": ("models.responses", "tables"),
    "Before and after the batch": (
        "models.engagement_attributes",
        "models.engagements",
        "models.visitors",
        "models.frames",
        "models.conversation_fields",
        "client.conversation",
        "client.async_conversation",
        "api.history",
        "models.landings",
        "webhooks",
    ),
    "Experiments": ("experiments",),
    "Pictures and snippets": ("plots", "snippets"),
    "Widgets": ("widgets",),
    "Sandbox": ("sandbox", "diagnostics.calibration", "diagnostics.account_world"),
    "Errors": ("errors", "_internal.redaction"),
}


def names_by_job() -> dict[str, list[str]]:
    """Every public name, under the heading of its page."""
    jobs: dict[str, list[str]] = {job: [] for job in (*JOBS, "More")}
    order = [(place, job) for job, places in JOBS.items() for place in places]
    for name in sorted(lpnb.__all__, key=lambda name: (_position(name, order), name)):
        position = _position(name, order)
        jobs[order[position][1] if position < len(order) else "More"].append(name)
    return {job: names for job, names in jobs.items() if names}


def _position(name: str, order: list[tuple[str, str]]) -> int:
    """Where the module of a public name, or a folder around it, stands in *order*; behind it when nowhere."""
    module = f"{lpnb._HOME[name]}."
    return next((at for at, (place, _) in enumerate(order) if module.startswith(f"{place}.")), len(order))


def write_pages(folder: Path) -> None:
    """One page a job, and the list of all names."""
    folder.mkdir(parents=True)
    jobs = names_by_job()
    lines = []
    for job, names in jobs.items():
        page = job.lower().replace(" ", "-")
        blocks = [f"{_directive(name)}" for name in names]
        (folder / f"{page}.rst").write_text("\n".join([job, "=" * len(job), "", *blocks]), encoding="utf-8")
        lines += [f"\n## [{job}]({page}.rst)\n\n| name | what it is for |\n|---|---|"]
        lines += [f"| {{py:obj}}`~lpnb.{name}` | {_first_line(name)} |" for name in names]
    contents = "\n".join(job.lower().replace(" ", "-") for job in jobs)
    (folder / "index.md").write_text(
        "# Reference\n\nEvery public name of `lpnb`, from its docstring. Each is imported from the package"
        " itself: `lpnb.Client`.\n" + "\n".join(lines) + f"\n\n```{{toctree}}\n:hidden:\n\n{contents}\n```\n",
        encoding="utf-8",
    )


def _first_line(name: str) -> str:
    line = (inspect.getdoc(getattr(lpnb, name)) or "").splitlines()[0]
    return line.replace("``", "`").replace("|", "\\|")


def _directive(name: str) -> str:
    thing = getattr(lpnb, name)
    heading = f"{name}\n{'-' * len(name)}\n"
    if not inspect.isclass(thing):
        return f"{heading}\n.. {'autofunction' if callable(thing) else 'autodata'}:: lpnb.{name}\n"
    members = (
        ""
        if issubclass(thing, Exception)
        else "   :members:\n   :inherited-members: BaseModel, Exception, tuple\n"
    )
    return f"{heading}\n.. autoclass:: lpnb.{name}\n{members}"


# --- what Sphinx asks while it reads the docstrings --------------------------------------------------------

MACHINERY = {"wire_root", "wire_beside", "wire_names", "fixed", "collect", "gather", "extra"}
_ANNOTATED = re.compile(r"Annotated\[(\w+), [^\[\]]*\]")


def _is_model(thing: object) -> bool:
    return inspect.isclass(thing) and hasattr(thing, "model_fields")


def _annotations(model: type) -> dict[str, str]:
    """The fields of *model* as they are written in the source, its own first."""
    annotations: dict[str, str] = {}
    for kind in model.__mro__:
        for name, text in vars(kind).get("__annotations__", {}).items():
            annotations.setdefault(name, _ANNOTATED.sub(r"\1", str(text)))
    return {name: annotations.get(name, "Any") for name in model.model_fields if name not in MACHINERY}


def model_signature(_app, what, _name, thing, _options, _signature, _returns):
    """The constructor of a model: its fields, and whether each may be left out."""
    if what != "class" or not _is_model(thing):
        return None
    about = thing.model_fields
    fields = [name if about[name].is_required() else f"{name}=None" for name in _annotations(thing)]
    return f"({', '.join(fields)})", None


def model_fields(_app, what, _name, thing, _options, lines):
    """List the fields of a model that its docstring leaves to their own descriptions."""
    if what != "class" or not _is_model(thing) or any(line.startswith(":param") for line in lines):
        return
    fields = _annotations(thing)
    if fields:
        lines += ["", ".. rubric:: Fields", ""]
    for name, annotation in fields.items():
        about = thing.model_fields[name]
        wire = f", on the wire ``{about.alias}``" if about.alias not in (None, name) else ""
        lines.append(f"- ``{name}`` (``{annotation}``{wire}) {about.description or ''}".rstrip())


def is_machinery(_app, what, name, thing, skip, _options):
    """Leave out what every model inherits and nobody calls, and what a library's class brings along."""
    if name in MACHINERY or name.startswith("model_"):
        return True
    source = getattr(thing, "fget", None) or thing
    module = getattr(source, "__module__", None) or getattr(type(source), "__module__", "")
    return skip if module.startswith(("lpnb", "builtins")) else True
