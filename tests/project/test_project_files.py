"""The files around the package say the same thing as the package, and as each other."""

import hashlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lpnb._version import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
GROUPS = PROJECT["dependency-groups"]
TOP_LEVEL = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "data",
    "dev.py",
    "docs",
    "lpnb",
    "notebooks",
    "pyproject.toml",
    "requirements",
    "tests",
}
# The three kinds of line a requirements file may have; the last says who wants the package.
REQUIREMENT = re.compile(r"([a-z0-9-]+)==([0-9a-z.]+)(?: ; [^/@]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
NOTE = re.compile(r"    #(?: .+)?")


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.rstrip("\0").split("\0")


def shell_lines(path: str) -> list[str]:
    """The commands in a Markdown file's code blocks, without comments."""
    text = (ROOT / path).read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]


def lock_lines(level: str) -> list[str]:
    return (ROOT / "requirements" / f"{level}.txt").read_text(encoding="utf-8").splitlines()


def locked(level: str) -> dict[str, set[str]]:
    """Versions by name in one requirements file; a second version is for another Python."""
    versions: dict[str, set[str]] = {}
    for found in filter(None, map(REQUIREMENT.fullmatch, lock_lines(level))):
        versions.setdefault(found[1], set()).add(found[2])
    return versions


# --- licence, changelog, commands ------------------------------------------------------------------------


def test_the_licence_is_the_unchanged_text_of_apache_2():
    digest = hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest()

    assert digest == "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    assert PROJECT["project"]["license"] == "Apache-2.0"


def test_the_newest_version_in_the_changelog_is_the_version_of_the_package():
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert versions[0] == __version__


def test_the_readme_shows_the_two_commands():
    assert {"python3 dev.py demo", "python3 dev.py test"} <= set(shell_lines("README.md"))


def test_ci_ends_with_the_test_command_of_the_readme():
    lines = [line for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines() if line.strip()]

    assert lines[-1] in shell_lines("README.md")
    assert lines[-1] == "python3 dev.py test"


@pytest.mark.parametrize("path", ["README.md", "CONTRIBUTING.md"])
def test_every_command_that_is_shown_exists(path):
    shown = {line.split()[2] for line in shell_lines(path) if line.startswith("python3 dev.py")}

    assert shown - {"demo", "lab", "docs", "test", "lint", "check", "lock"} == set()


def test_commit_hooks_fetch_nothing_and_call_what_is_here():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]

    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    assert {hook["language"] for hook in hooks} == {"system"}
    assert [hook["entry"] for hook in hooks if not (ROOT / hook["entry"].split()[1]).is_file()] == []


def test_the_commit_hook_takes_outputs_out_of_notebooks_and_then_has_nothing_more_to_do(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", execution_count=7)])
    notebook.cells[0].outputs = [nbformat.v4.new_output("stream", text="1")]
    nbformat.write(notebook, tmp_path / "a.ipynb")
    command = [sys.executable, "docs/site/strip.py", str(tmp_path / "a.ipynb")]

    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (first.returncode, first.stderr) == (1, "outputs removed: a.ipynb\n")
    assert (second.returncode, second.stderr) == (0, "")
    [cell] = nbformat.read(tmp_path / "a.ipynb", as_version=4).cells
    assert (cell.source, cell.execution_count, cell.outputs) == ("1", None, [])


# --- what is in the repository ---------------------------------------------------------------------------


def test_nothing_new_has_appeared_at_the_top():
    top = {path.split("/")[0] for path in tracked()}

    assert {name for name in top if not name.startswith(".")} - TOP_LEVEL == set()


def test_no_lock_file_that_names_a_registry_is_tracked():
    assert [path for path in tracked() if path.endswith("uv.lock")] == []


# --- the lock --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["uv", "run", "lab", "docs", "dev"])
def test_a_requirements_file_holds_only_versions_and_hashes_so_no_host_and_no_path(level):
    known = (REQUIREMENT, HASH, NOTE)

    assert [line for line in lock_lines(level) if not any(kind.fullmatch(line) for kind in known)] == []


@pytest.mark.parametrize("level", ["uv", "run", "lab", "docs", "dev"])
def test_every_locked_requirement_has_a_hash(level):
    lines = lock_lines(level)

    assert REQUIREMENT.fullmatch(lines[0])
    assert [
        line
        for line, next_line in zip(lines, [*lines[1:], ""], strict=True)
        if REQUIREMENT.fullmatch(line) and not HASH.fullmatch(next_line)
    ] == []


@pytest.mark.parametrize(("smaller", "larger"), [("run", "lab"), ("lab", "docs"), ("docs", "dev")])
def test_the_requirements_files_agree_on_every_version(smaller, larger):
    there = locked(larger)

    assert {name: both for name, both in locked(smaller).items() if there.get(name) != both} == {}


@pytest.mark.parametrize(
    ("level", "wanted"),
    [
        ("run", [*PROJECT["project"]["dependencies"], *GROUPS["build"]]),
        ("lab", EXTRAS["lab"]),
        ("docs", EXTRAS["docs"]),
        ("dev", [line for lines in EXTRAS.values() for line in lines]),
        ("uv", GROUPS["uv"]),
    ],
)
def test_the_lock_satisfies_what_pyproject_asks_for(level, wanted):
    versions = locked(level)
    asked = [Requirement(line) for line in wanted]

    unmet = [
        str(each)
        for each in asked
        if each.name != "lpnb"
        and not any(each.specifier.contains(one) for one in versions.get(canonicalize_name(each.name), ()))
    ]
    assert unmet == []


@pytest.mark.parametrize(
    "left",
    [
        "runs/2026-03-01-120000-ab12.sqlite",
        "notebooks/runs/tiers.sqlite-wal",
        "notebooks/tiers.parquet",
        "rows.sqlite.lock",
        "results.xlsx",
    ],
)
def test_what_using_the_clone_leaves_behind_is_ignored_by_git(left):
    asked = ["git", "check-ignore", "--quiet", "--no-index", left]

    assert subprocess.run(asked, cwd=ROOT, check=False).returncode == 0


def test_no_file_that_is_kept_is_ignored_by_git():
    listed = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]

    assert subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout == ""
    for kept in ("data/runs/wednesday.csv", ".env.example"):
        asked = ["git", "check-ignore", "--quiet", "--no-index", kept]
        assert subprocess.run(asked, cwd=ROOT, check=False).returncode == 1, kept


@pytest.mark.parametrize("name", ["ONE_WORKER_EACH", "ONE_PYTHON"])
def test_each_place_that_the_tests_settings_name_is_there(name):
    conftest = (ROOT / "tests" / "conftest.py").read_text(encoding="utf-8")
    [listed] = re.findall(rf"^{name} = \((.*?)^\)", conftest, re.DOTALL | re.MULTILINE)
    places = re.findall(r'^ +"([^"]+)",', listed, re.MULTILINE)

    assert len(places) > 3
    assert [place for place in places if not list((ROOT / "tests").glob(f"{place.rstrip('/')}*"))] == []
