"""Every notebook runs from top to bottom, is stored without outputs, and shows no secret."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from urllib.parse import quote

import nbformat
import pytest
from jupyter_kernels import TRANSPORT, socket_folder
from nbclient import NotebookClient
from traitlets.config import Config

from lpnb import Sandbox
from lpnb.samples.exercises import EXERCISES

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
SECRET = "planted/secret+to=be&found"
#: How a JWT begins, as it is and in base64.
TOKEN = re.compile(r"eyJ[\w-]{8,}\.|ZXlK[\w+/-]{8,}")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def stored(path: Path) -> nbformat.NotebookNode:
    """The notebook as git has it: JupyterLab saves outputs into the copy that someone has tried."""
    shown = subprocess.run(
        ["git", "show", f":./{path.name}"], cwd=path.parent, capture_output=True, text=True, check=False
    )
    return nbformat.reads(shown.stdout or path.read_text(encoding="utf-8"), as_version=4)


def test_a_notebook_is_stored_without_outputs(stored: nbformat.NotebookNode) -> None:
    code = [cell for cell in stored.cells if cell.cell_type == "code"]

    assert [cell.outputs for cell in code if cell.outputs] == []
    assert [cell.execution_count for cell in code if cell.execution_count is not None] == []
    assert stored.metadata.kernelspec.name == "python3"
    assert "widgets" not in stored.metadata


def test_a_sentence_stands_before_every_cell_of_code(stored: nbformat.NotebookNode) -> None:
    kinds = [cell.cell_type for cell in stored.cells]

    assert kinds[0] == "markdown"
    assert [place for place in range(1, len(kinds)) if kinds[place - 1] == kinds[place] == "code"] == []


def code_of(stored: nbformat.NotebookNode) -> str:
    return "\n".join(cell.source for cell in stored.cells if cell.cell_type == "code")


def test_a_notebook_defines_no_functions(stored: nbformat.NotebookNode) -> None:
    assert re.findall(r"^\s*(?:async )?(?:def|class) .*|lambda", code_of(stored), re.MULTILINE) == []


def test_a_notebook_opens_with_its_name_and_its_question(stored: nbformat.NotebookNode) -> None:
    name, _, rest = stored.cells[0].source.partition("\n")

    assert re.fullmatch(r"# [^#\n]+", name)
    assert "?" in rest or stored.cells[0].source.startswith("# Quickstart")


def test_exercises_are_those_of_the_notebook_and_are_left_open(
    path: Path, stored: nbformat.NotebookNode
) -> None:
    checked = re.findall(r'^check\("([\d.]+)", (.+)\)$', code_of(stored), re.MULTILINE)
    number = str(int(path.stem[:2]))

    assert [exercise for exercise, _ in checked] == [
        exercise for exercise in EXERCISES if exercise.startswith(f"{number}.")
    ]
    assert {answer for _, answer in checked} <= {"..."}


def test_a_notebook_runs_and_shows_neither_warnings_nor_secrets(
    stored: nbformat.NotebookNode, tmp_path: Path, forked_programs: None
) -> None:
    with Sandbox(client_secret=SECRET) as sandbox:
        settings = "".join(f"{name}='{value}'\n" for name, value in sandbox.environment().items())
        (tmp_path / ".env").write_text(settings, encoding="utf-8")
        client = NotebookClient(
            stored,
            timeout=60,
            store_widget_state=False,
            resources={"metadata": {"path": str(tmp_path)}},
            config=Config({"KernelManager": {**TRANSPORT, "ip": str(socket_folder() / tmp_path.name)}}),
        )

        client.execute()

        # Most have a sandbox of their own, so that they never touch an account; the others use the settings.
        assert sandbox.calls["conversation"] > 0 or "lpnb.Sandbox(" in code_of(stored)
    outputs = [output for cell in stored.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []
    shown = json.dumps([cell.get("outputs", []) for cell in stored.cells], ensure_ascii=False)
    shown += json.dumps(client.widget_state, ensure_ascii=False, default=str)
    encoded = base64.b64encode(SECRET.encode()).decode()
    assert [form for form in (SECRET, quote(SECRET, safe=""), encoded) if form in shown] == []
    assert TOKEN.findall(shown) == []
