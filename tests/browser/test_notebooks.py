"""Notebooks in a real JupyterLab, cell by cell, as somebody runs them who reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

FOLDER = Path(__file__).parents[2] / "notebooks"
Notebook = Callable[..., Page]
OUTPUT = ".jp-OutputArea-output"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("01-token-chain", ["AppJWT, from Sentinel", "******** (342 characters)", "1.1 open."]),
        ("05-after-the-conversation", ["Good morning. Which card is it?", "Receiver", "5.1 open."]),
        ("07-regression-testing", ["5 of 8 cases moved", "8 cases: 3 passed, 5 failed"]),
    ],
)
def test_a_notebook_runs_cell_by_cell_and_shows_what_it_promises(
    name: str, shown: list[str], notebook: Notebook
) -> None:
    page = notebook(FOLDER / f"{name}.ipynb", one_by_one=True)

    for words in shown:
        expect(page.locator(OUTPUT, has_text=words).first).to_be_attached()
    assert page.locator(f"{OUTPUT}:visible", has_text="eyJ").count() == 0
