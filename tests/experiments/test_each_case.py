"""``lpnb.testing.each_case``: a test for each case, sent in one run, only those that were selected."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lpnb import InvalidValueError, Sandbox
from lpnb.testing import each_case

FILE = """
from lpnb.testing import each_case

test_routing = each_case("cases.csv")
"""
CASES = """case,ctmrinfo.ctype,expected_skill
vip,vip,Private Clients
gold,gold,Private Clients
business,business,Business Banking
nothing,,
"""


def pytest_in(folder: Path, sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the test file from the folder above it, in a process of its own."""
    (folder / "tests").mkdir()
    (folder / "tests" / "test_routing.py").write_text(FILE)
    (folder / "tests" / "cases.csv").write_text(CASES)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error", "-rA", "-q", *arguments],
        cwd=folder,
        env={
            **os.environ,
            **sandbox.environment(),
            "COLUMNS": "200",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # hypothesis and others, which take a second to load
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_each_case_of_a_file_is_a_test_of_its_own_and_sent_only_when_selected(sandbox, tmp_path):
    done = pytest_in(tmp_path, sandbox, "-k", "not business")

    told = [line for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))]
    assert sorted(told) == [
        "FAILED tests/test_routing.py::test_routing[gold] - Failed: gold: expected skill Private Clients, "
        "landed in General Enquiries (2741903010)",
        "PASSED tests/test_routing.py::test_routing[vip]",
    ], done.stdout
    (skipped,) = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert skipped.endswith("expected nothing")
    assert "1 failed, 1 passed, 1 skipped, 1 deselected" in done.stdout
    assert (done.returncode, len(sandbox.conversations)) == (1, 3)


def test_wrong_cases_are_an_error_of_the_test_file():
    with pytest.raises(InvalidValueError, match=r"^No case expects anything\."):
        each_case([{"skillId": "1"}])
    with pytest.raises(InvalidValueError, match=r"^Row 1, personal\.gender must be one of "):
        each_case([{"personal.gender": "x", "expected_code": "OK"}])
