"""The front page: its example lands where it says, and every page is linked; the page of tasks does them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
TASKS = (ROOT / "docs" / "how-to" / "tasks.md").read_text(encoding="utf-8")


def python_of(text: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_example_lands_where_the_page_says(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-"], input="\n".join(python_of(TEXT)), capture_output=True, text=True, cwd=tmp_path
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Consumer consumer-7f3a: answered." in ran.stdout
    assert "is in skill Cards & Payments" in ran.stdout
    assert "print(client.landing(reply))  # the skill that it was routed to: Cards & Payments" in TEXT


def test_the_example_is_ten_lines_of_python():
    (example,) = python_of(TEXT)

    assert len([line for line in example.splitlines() if line]) == 9


def test_the_tasks_are_done_by_the_lines_of_their_page(sandbox, monkeypatch, capsys):
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {}

    for block in python_of(TASKS):
        exec(block, names)

    assert str(names["landing"].skill_name) == "Cards & Payments"
    assert names["run"].table()["landed_skill"].value_counts().to_dict() == {
        "Mortgages & Loans": 2,
        "Private Clients": 1,
        "General Enquiries": 1,
    }
    assert names["run"].compare(names["later"]).headline == "1 of 4 cases moved"
    assert names["lost"].unknown[0].outcome == "unknown"
    assert names["raw"].content == names["text"]
    assert names["found"].ok
    assert names["chain"].tokens[0].claims["aud"] == sandbox.account_id
    shown = capsys.readouterr().out
    assert "3 values are wrong:" in shown
    assert "eyJ" not in shown
    for name in ("receiver", "changed", "sandbox"):
        names[name].stop()


@pytest.mark.parametrize("section", ["What it is", "What you can do with it", "Outcomes", "A real account"])
def test_the_front_page_has_its_sections(section):
    assert f"\n## {section}\n" in TEXT


def test_every_how_to_page_is_linked_from_the_front_page():
    pages = sorted(path.name for path in (ROOT / "docs" / "how-to").glob("*.md"))

    assert [page for page in pages if f"(docs/how-to/{page})" not in TEXT] == []


def test_the_terms_of_use_are_named_before_the_first_live_step():
    live = (ROOT / "docs" / "how-to" / "go-live.md").read_text(encoding="utf-8")
    notebook = (ROOT / "notebooks" / "08-real-account.ipynb").read_text(encoding="utf-8")

    assert "API terms of use" in live[: live.index("## 1. Settings")]
    assert "API terms of use" in notebook[: notebook.index("lpnb.connect(")]
    assert "API terms of use" in TEXT[TEXT.index("## A real account") : TEXT.index("## The ordinary way")]


def test_what_it_is_not_stands_before_what_it_can_do():
    assert TEXT.index("**It is not**") < TEXT.index("## What you can do with it")
