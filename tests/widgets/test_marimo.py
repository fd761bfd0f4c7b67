"""What marimo shows of an explorer, a reply and a picture; where marimo is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("marimo")

NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import lpnb, pandas
    explorer = lpnb.Explorer()
    explorer.send_button.click()
    reply = explorer.wait(10)
    explorer
    return explorer, lpnb, pandas, reply


@app.cell
def _(reply):
    reply
    return


@app.cell
def _(lpnb, pandas):
    from lpnb.plots import heatmap
    cases = pandas.DataFrame({"ctype": ["vip"], "campaign": ["1"], "landed_skill": ["Private Clients"]})
    heatmap(cases, "ctype", "campaign")
    return
"""


def test_marimo_shows_what_the_explorer_holds_and_the_way_to_the_live_one(tmp_path: Path) -> None:
    (tmp_path / "notebook.py").write_text(NOTEBOOK, encoding="utf-8")

    command = [sys.executable, "-m", "marimo", "export", "html", "notebook.py", "-o", "shown.html"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)

    shown = (tmp_path / "shown.html").read_text(encoding="utf-8")
    assert ended.returncode == 0, ended.stderr
    assert "marimo does not show panels made of ipywidgets. For the live one, run lpnb app" in shown
    assert "cm.ConsumerRequestConversation" in shown
    assert "Private Clients" in shown
