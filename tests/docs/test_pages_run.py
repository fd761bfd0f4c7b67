"""What the documentation shows is what happens: its Python runs, and so do its commands.

A page is carried out from top to bottom, in an empty folder, with the settings of a fresh sandbox:

- ``python`` runs, ``await`` included; ``pycon`` is a doctest; both share one namespace a page;
- ``python NAME``, ``text NAME``, ``toml NAME`` and the like are files that a reader is asked to write;
- ``sh``: commands of ours run; what cannot run here stands in ``ELSEWHERE`` with the test that covers it.
"""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import lpnb

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^( *)(`{3,})([^\n`]*)\n(.*?)^\1\2[ \t]*$", re.DOTALL | re.MULTILINE)
#: Programs whose command lines are carried out here as they are shown.
OURS = ("lpnb", "python", "pytest")

#: Commands that are not carried out here, as regular expressions, and the test that covers each.
ELSEWHERE = {
    r"python3 dev\.py demo": "project/test_dev.py::test_a_second_run_sets_nothing_up_and_hands_over",
    r"python3 dev\.py (test|check)( .*)?": "project/test_dev.py::test_the_exit_code_is_that_of_the_tests",
    r"python3 dev\.py (lint|lab)": "project/test_dev.py::test_help_shows_how_to_call_each_command",
    r"python3 dev\.py docs": "docs/test_site.py::test_no_page_fetches_anything_from_another_machine",
    r"(python3 -m venv|\.venv/bin/pip install) .*": (
        "project/test_packaging.py::test_the_wheel_installed_elsewhere_does_its_jobs"
    ),
    # It ends with 1, because something is wrong.
    r"lpnb explain .*": "diagnostics/test_explain.py::test_the_command_names_the_cause_in_its_first_lines",
    # A journal has the time in its name.
    r"lpnb send --resume( --settle)? --journal JOURNAL( --out \S+)?": (
        "cli/test_send_and_verify.py::test_resume_with_settle_finds_the_unknown_and_writes_every_row"
    ),
    # They want files of one's own, which are made there.
    r"lpnb ((columns|send) kunden\.xlsx|compare runs/monday\.sqlite|report runs/tuesday\.sqlite) .*": (
        "docs/test_own_files.py::test_a_command_of_a_page_runs_on_files_such_as_it_names"
    ),
    r"\.venv/bin/lpnb demo": (
        "cli/test_demo_and_doctor.py::test_the_demo_prints_one_row_for_each_frame_of_its_three_batches"
    ),
    r"lpnb sandbox( .*)?": (
        "sandbox/test_sandbox_command_line.py::"
        "test_it_says_in_one_json_line_where_it_is_and_ends_with_0_on_a_signal"
    ),
    # The control API by curl: the same requests, sent by Python.
    r"(CONTROL=|look|tell|curl ).*": "sandbox/test_sandbox_control.py::test_every_command_of_the_docs_works",
}


@dataclass(frozen=True)
class Block:
    """One fenced block: what it is, the file it asks for, and where it stands."""

    language: str
    name: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        language, _, name = found[3].strip().partition(" ")
        body = re.sub(rf"^{found[1]}", "", found[4], flags=re.MULTILINE)
        yield Block(language, name.strip(), body, text.count("\n", 0, found.start()) + 2)


def commands(text: str) -> list[str]:
    """The command lines of a block: continued lines joined, comments left out."""
    lines = [re.sub(r"(?:^|\s+)#.*$", "", line).strip() for line in re.sub(r"\\\n\s*", "", text).splitlines()]
    return [line for line in lines if line]


def elsewhere(command: str) -> str | None:
    return next((test for known, test in ELSEWHERE.items() if re.fullmatch(known, command)), None)


def is_a_longer_test(command: str) -> bool:
    """``NAME=VALUE python3 dev.py test FILE``, with a file that knows the name: that file is the test."""
    asked = re.fullmatch(r"(LPNB_\w+)=\d+ python3 dev\.py test (tests/\S+)", command)
    return asked is not None and asked[1] in (ROOT / asked[2]).read_text(encoding="utf-8")


class Reader:
    """Someone who does what a page says, word by word."""

    def __init__(self, page: Path, sandbox: lpnb.Sandbox) -> None:
        self.page = page
        self.names: dict[str, object] = {"__name__": "__main__", "lpnb": lpnb}
        # The sandbox's page has examples that begin in the middle: with a sandbox and a conversation.
        self.given = _a_sandbox_in_use(sandbox) if page.name == "sandbox.md" else {}

    def python(self, block: Block) -> None:
        self.names |= self.given
        source = "\n" * (block.line - 1) + block.text
        code = compile(source, str(self.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, self.names)
        if inspect.iscoroutine(result):
            asyncio.run(result)

    def pycon(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(
            block.text, self.names, self.page.name, str(self.page), block.line
        )
        said: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        runner.run(test, out=said.append, clear_globs=False)
        self.names.update(test.globs)
        assert said == []

    def shell(self, block: Block) -> None:
        for command in commands(block.text):
            if elsewhere(command) or is_a_longer_test(command):
                continue
            program = shlex.split(command)[0]
            assert program in OURS, f"no test carries out: {command}"
            bin_first = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
            ran = subprocess.run(
                command,
                shell=True,
                # Readers have no hypothesis, and no others whose plugins take seconds to load.
                env={**os.environ, "PATH": bin_first, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            wanted = 1 if f"{command}  # exit 1" in block.text else 0
            assert ran.returncode == wanted, f"{command}\n{ran.stdout}{ran.stderr}"


#: What leaves a journal behind, over which whoever follows the page a second time must not stumble.
RUNS = re.compile(r"lpnb\.(run_experiment|verify)\(")


def carry_out(page: Path, sandbox: lpnb.Sandbox, *, again: bool = False) -> None:
    """Do all that *page* says, here; *again*: its Python alone, as far as the last block with a run."""
    reader = Reader(page, sandbox)
    shown = list(blocks(page))
    if again:
        runs = [number for number, block in enumerate(shown) if RUNS.search(block.text)]
        shown = shown[: runs[-1] + 1] if runs else []
    for block in shown:
        if block.name:
            Path(block.name).parent.mkdir(parents=True, exist_ok=True)
            Path(block.name).write_text(block.text, encoding="utf-8")
        elif block.language == "python" and page.name != "CONTRIBUTING.md":  # test_recipes.py does those
            reader.python(block)
        elif block.language == "pycon":
            reader.pycon(block)
        elif block.language == "sh" and not again:
            reader.shell(block)


def _a_sandbox_in_use(sandbox: lpnb.Sandbox) -> dict[str, object]:
    import ssl

    import httpx

    with lpnb.Client(lpnb.Settings.of(sandbox.environment())) as client:
        reply = client.create_conversation("consumer-of-the-page", skill_id="4001")
    names = {"Sandbox": lpnb.Sandbox, "httpx": httpx, "ssl": ssl}
    return {**names, "sandbox": sandbox, "conversation_id": reply.conversation_id}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
@pytest.mark.usefixtures("forked_programs")
def test_a_page_can_be_carried_out_from_top_to_bottom(page, sandbox, monkeypatch):
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)

    carry_out(page, sandbox)
    carry_out(page, sandbox, again=True)


@pytest.mark.parametrize("proxy", [("user", "p@ss word:/")], indirect=True)
@pytest.mark.usefixtures("forked_programs")
def test_the_page_for_going_live_can_be_followed_on_a_real_account_behind_a_proxy(
    tls_sandbox, proxy, monkeypatch
):
    environment = {**tls_sandbox.environment(), "LP_DOMAIN_API": "https://api.liveperson.net"}
    environment |= {"LP_PROXY": proxy.address, "LP_CA_FILE": str(tls_sandbox.ca)}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    carry_out(ROOT / "docs" / "how-to" / "go-live.md", tls_sandbox)

    assert [conversation.state for conversation in tls_sandbox.conversations] == ["CLOSE"] * 5
    assert "api.liveperson.net" in proxy.hosts


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_command_of_a_page_begins_a_journal_that_is_there_the_second_time(page):
    begun = [
        command
        for block in blocks(page)
        if block.language == "sh"
        for command in commands(block.text)
        if re.match(r"lpnb (send|verify) ", command) and "--journal" in command and "--resume" not in command
    ]

    assert begun == []


def test_the_journey_in_async_code_is_a_script_with_asyncio_run_as_its_page_says():
    page = ROOT / "docs" / "how-to" / "journey.md"
    asynchronous = [block.text for block in blocks(page) if "AsyncClient" in block.text]
    run = 'asyncio.run(journey("consumer-9c21"))'
    assert f"in a script it is `{run}`" in page.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "__main__", "asyncio": asyncio}

    exec(asynchronous[0].replace('await journey("consumer-9c21")', run), names)

    assert names["landing"].skill_name == "Cards & Payments"


@pytest.mark.parametrize(("known", "test"), ELSEWHERE.items())
def test_a_command_that_is_not_carried_out_here_is_shown_and_has_a_test(known, test):
    shown = [
        command
        for page in PAGES
        for block in blocks(page)
        if block.language == "sh"
        for command in commands(block.text)
    ]
    path, _, name = test.partition("::")

    assert [command for command in shown if re.fullmatch(known, command)] != []
    assert f"def {name}(" in (ROOT / "tests" / path).read_text(encoding="utf-8")


def test_continued_lines_are_one_command_and_comments_are_none():
    text = "lpnb send a.csv \\\n    --out b.csv  # both\n# alone\n\nlpnb doctor\n"

    assert commands(text) == ["lpnb send a.csv --out b.csv", "lpnb doctor"]


def test_a_block_knows_its_language_its_file_and_its_line(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A\n\n```text cases.csv\na,b\n```\n\n   ```sh\n   lpnb demo\n   ```\n", encoding="utf-8"
    )

    assert list(blocks(page)) == [
        Block("text", "cases.csv", "a,b\n", 4),
        Block("sh", "", "lpnb demo\n", 8),
    ]
