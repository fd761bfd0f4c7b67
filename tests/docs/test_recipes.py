"""The recipes of CONTRIBUTING.md, carried out step by step in a copy of the repository."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("lpnb", "tests", "data", "docs", "notebooks", "CHANGELOG.md", "pyproject.toml", ".importlinter")
#: Files that are just being written, pictures, and the thousands of npm's.
NOT_COPIED = ("*.pyc.*", "pictures", "node_modules", ".built")
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"^### (How to [^\n]+)\n(.*?)(?=^##)", TEXT, re.MULTILINE | re.DOTALL))
_STEP = re.compile(r"^(\d+)\. (.*?)(?=^\d+\. |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^   ```(\w+)\n(.*?)^   ```$", re.MULTILINE | re.DOTALL)


class Copy:
    """A copy of the repository, and what a step of a recipe asks to do in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                # With compiled files, or each copy compiles everything anew.
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(*NOT_COPIED))
            else:
                shutil.copy(source, folder / name)
        self.ran: list[str] = []

    def follow(self, step: str) -> None:
        found = _BLOCK.search(step)
        language, block = (found[1], re.sub(r"^   ", "", found[2], flags=re.MULTILINE)) if found else ("", "")
        words = " ".join(step[: found.start() if found else None].split())
        if made := re.match(r"Make `([^`]+)`", words):
            (self.folder / made[1]).write_text(block, encoding="utf-8")
        elif put := re.match(r"In `([^`]+)`, (above|below) `([^`]+)`", words):
            self._insert(self.folder / put[1], put[2] == "below", put[3], block)
        elif swap := re.match(r"In `([^`]+)`, write `([^`]+)` in place of `([^`]+)`", words):
            file = self.folder / swap[1]
            text = file.read_text(encoding="utf-8")
            assert text.count(swap[3]) == 1, f"{swap[1]} must have {swap[3]!r} once"
            file.write_text(text.replace(swap[3], swap[2]), encoding="utf-8")
        elif language == "sh":
            for command in block.splitlines():
                self._run(command)
        else:
            raise AssertionError(f"a step that nobody can follow: {words}")

    def _insert(self, file: Path, below: bool, anchor: str, block: str) -> None:
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        [place] = [number for number, line in enumerate(lines) if anchor in line] or [None]
        assert place is not None, f"{file.name} has no line with {anchor!r}"
        indent = re.match(r" *", lines[place])[0]
        if re.match(r"(async )?def ", block):
            block += "\n"
        lines.insert(place + below, textwrap.indent(textwrap.dedent(block), indent))
        file.write_text("".join(lines), encoding="utf-8")

    def _run(self, command: str) -> None:
        words = shlex.split(command)
        assert words[:2] == ["python3", "dev.py"]
        if words[2:] == ["lint"]:  # its quick half: the walls
            program = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
        else:
            assert words[2] == "test"
            program = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words[3:]]
        ran = subprocess.run(
            program,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},  # before the checkout that is installed
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr
        self.ran.append(ran.stdout)


def test_there_are_the_three_recipes():
    assert list(RECIPES) == ["How to add an SDE field", "How to add an endpoint", "How to add a widget"]


@pytest.mark.usefixtures("forked_programs")
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_can_be_followed_step_by_step(name, tmp_path):
    steps = _STEP.findall(RECIPES[name])
    copy = Copy(tmp_path / "copy")

    for _, step in steps:
        copy.follow(step)

    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    assert copy.ran
