"""A notebook as a page: executed from top to bottom, with its outputs and pictures.

The notebook in git stays without outputs, and so does the one executed here: only the page keeps them. A
widget is shown by its picture or its text, because the page runs no kernel.
"""

from __future__ import annotations

import base64
import re
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[2]
WIDGET = "application/vnd.jupyter.widget-view+json"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class FailedNotebookError(Exception):
    """A notebook that did not run, with the cell and what it said."""


def page(file: Path, pictures: Path, run: bool) -> str:
    """The Markdown of the notebook *file*; its pictures are written into *pictures*.

    Raises:
        FailedNotebookError: A cell failed, or complained on standard error.
    """
    notebook = nbformat.read(file, as_version=4)
    if run:
        execute(notebook, file.name)
    pictures.mkdir(parents=True, exist_ok=True)
    parts = [
        cell.source if cell.cell_type == "markdown" else _code(cell, pictures / f"{file.stem}-{number}")
        for number, cell in enumerate(notebook.cells)
    ]
    return "\n\n".join(parts) + "\n"


def execute(notebook: nbformat.NotebookNode, name: str) -> None:
    """Run *notebook* in an empty folder, with no settings, so that it talks to the embedded sandbox."""
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=120,
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
            # By files: of ten kernels that start at once, no two want the same TCP port.
            config=Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/kernel"}}),
            extra_arguments=[
                "--log-level=ERROR"
            ],  # or each kernel warns that its loopback port is unencrypted
        )
        try:
            client.execute()
        except CellExecutionError as error:
            raise FailedNotebookError(f"{name} does not run:\n{_COLOURS.sub('', str(error))}") from None
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.get("name") == "stderr":
                raise FailedNotebookError(f"{name} complains:\n{output.text}")


def _code(cell: nbformat.NotebookNode, picture: Path) -> str:
    blocks = [_fence(cell.source, "python")]
    outputs = [
        _output(output, picture.with_name(f"{picture.name}-{number}.png"))
        for number, output in enumerate(cell.outputs)
    ]
    if any(outputs):
        inner = "\n\n".join(filter(None, outputs))
        blocks.append(f":::::{{container}} output\n{inner}\n:::::")
    return "\n\n".join(blocks)


def _output(output: nbformat.NotebookNode, picture: Path) -> str:
    """One output: a picture before HTML, HTML before text."""
    if output.output_type == "stream":
        return _fence(_COLOURS.sub("", output.text.rstrip()), "text")
    data: dict[str, Any] = output.get("data", {})
    if "image/png" in data:
        picture.write_bytes(base64.b64decode(data["image/png"]))
        return f"![The picture that the cell draws]({picture.name})"
    if "text/html" in data:
        return _fence("".join(data["text/html"]), "{raw} html")
    if WIDGET in data:
        return "*Here the notebook shows a widget: open it with `lpnb lab`.*"
    return _fence(_COLOURS.sub("", "".join(data.get("text/plain", ""))), "text")


def _fence(text: str, language: str) -> str:
    """*text* between fences that are longer than any run of backticks in it."""
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
