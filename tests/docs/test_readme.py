"""The README's table of tasks: each row is three lines, and they do what the row says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import lpnb

TEXT = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
TASKS = {
    task: re.findall(r"`([^`]+)`", lines)
    for task, lines in re.findall(r"^\| ([^|`]+) \| (`.+`) \|$", TEXT, re.MULTILINE)
    if "<br>" in lines
}


def test_a_row_has_three_lines_each():
    assert len(TASKS) == 13
    assert Counter(map(len, TASKS.values())) == {3: 13}


def test_the_rows_run_one_after_the_other_in_one_notebook(sandbox, monkeypatch, capsys):
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    names: dict[str, object] = {"lpnb": lpnb, "client": lpnb.connect()}
    shown = {}

    for task, lines in TASKS.items():
        for line in lines:
            if "# raises" in line:
                with pytest.raises(lpnb.InvalidValueError, match=r"^3 values are wrong:"):
                    eval(line, names)
                continue
            try:
                shown[task] = eval(line, names)
            except SyntaxError:
                exec(line, names)
                shown[task] = None

    for name in ("receiver", "changed", "sandbox"):
        names[name].stop()
    assert str(shown["route it by a campaign"].skill_name) == "Cards & Payments"
    assert shown["go on in it, and end it"].outcome == "answered"
    assert names["run"].table()["landed_skill"].value_counts().to_dict() == {
        "Mortgages & Loans": 2,
        "Private Clients": 1,
        "General Enquiries": 1,
    }
    assert shown["see what a change has moved"].headline == "1 of 4 cases moved"
    assert shown["find what is wrong with a payload"] != ()
    assert names["raw"].content == names["text"]
    assert shown["let a build fail when routing breaks"].ok
    assert shown["see what goes wrong when it goes wrong"].outcome == "unknown"
    assert shown["look at the tokens, masked"]["aud"] == sandbox.account_id
    assert names["found"].ok
    assert "eyJ" not in capsys.readouterr().out


def test_the_page_pasted_at_a_prompt_from_top_to_bottom_does_what_it_says(tmp_path):
    python = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    pasted = "\n".join([*python, *(line for lines in TASKS.values() for line in lines), ""])

    ran = subprocess.run(
        [sys.executable, "-i", "-q"], input=pasted, capture_output=True, text=True, timeout=120, cwd=tmp_path
    )

    assert ran.returncode == 0
    raised = re.findall(r"^(?:\w+\.)*\w*Error.*$", ran.stderr, re.MULTILINE)
    assert raised == ["lpnb.errors.InvalidValueError: 3 values are wrong:"]
    shown = ran.stdout
    for said in (
        "Consumer consumer-1: answered.",
        "Cards & Payments",
        "4 cases: 1 moved, 3 stayed",
        "1 case: 1 passed, 0 failed.",
        "curl",
        "unknown",
    ):
        assert said in shown, said


@pytest.mark.parametrize("section", ["What it is", "What you can do with it", "Outcomes", "A real account"])
def test_the_front_page_has_its_sections(section):
    assert f"\n## {section}\n" in TEXT


def test_every_how_to_page_is_linked_from_the_front_page():
    pages = sorted(path.name for path in (Path(__file__).parents[2] / "docs" / "how-to").glob("*.md"))

    assert [page for page in pages if f"(docs/how-to/{page})" not in TEXT] == []


def test_what_it_is_not_stands_before_what_it_can_do():
    assert TEXT.index("**It is not**") < TEXT.index("## What you can do with it")
