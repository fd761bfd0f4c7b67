"""The wheel and the source archive hold what they should, and work where there is no repository.

Every day they are built and looked into. With ``LPNB_INSTALL=1`` the wheel is installed into an empty
environment, with everything it needs, and does its jobs there; that takes a minute and an index.
"""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import tarfile
import time
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from lpnb._version import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTALL = os.environ.get("LPNB_INSTALL") == "1"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive; the wheel is made from the unpacked archive."""
    folder = tmp_path_factory.mktemp("built")
    backend = "import sys; from hatchling.build import build_sdist, build_wheel; "
    subprocess.run(
        [sys.executable, "-c", f"{backend}build_sdist(sys.argv[1])", str(folder)], cwd=ROOT, check=True
    )
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    unpacked = folder / archive.name.removesuffix(".tar.gz")
    subprocess.run(
        [sys.executable, "-c", f"{backend}build_wheel(sys.argv[1])", str(folder)], cwd=unpacked, check=True
    )
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    [file] = built.glob("*.whl")
    return zipfile.ZipFile(file)


def tracked(*folders: str) -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.rstrip("\0")
    return {path for path in listed.split("\0") if (ROOT / path).exists()}


def test_the_wheel_holds_the_package_the_notebooks_and_the_data_and_nothing_else(wheel):
    there = {name for name in wheel.namelist() if ".dist-info/" not in name}

    bundled = {f"lpnb/samples/bundled/{name}" for name in tracked("notebooks", "data")}
    # Where JupyterLab looks for extensions; pip puts it there.
    extensions = Path("lpnb/widgets/app/labextensions")
    shared = f"lpnb-{__version__}.data/data/share/jupyter/labextensions"
    keys = {f"{shared}/{Path(name).relative_to(extensions)}" for name in tracked(str(extensions))}
    assert len(keys) == 2
    assert there == tracked("lpnb") | bundled | keys


def test_the_wheel_runs_on_every_platform_and_says_its_version(wheel):
    assert Path(str(wheel.filename)).name == f"lpnb-{__version__}-py3-none-any.whl"
    about = email.message_from_bytes(wheel.read(f"lpnb-{__version__}.dist-info/METADATA"))
    assert about["Version"] == __version__
    assert about["Requires-Python"] == ">=3.11"
    assert about["License-Expression"] == "Apache-2.0"


def test_the_wheel_brings_the_command_under_the_package_s_own_name(wheel):
    points = wheel.read(f"lpnb-{__version__}.dist-info/entry_points.txt").decode()

    assert points.splitlines()[:2] == ["[console_scripts]", "lpnb = lpnb.cli.main:run_process"]


def test_the_source_archive_holds_everything_that_is_tracked_but_its_ci(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as opened:
        there = {member.name.partition("/")[2] for member in opened.getmembers() if member.isfile()}

    assert {path for path in tracked() if not path.startswith(".ci/")} - there == set()
    assert there - tracked() == {"PKG-INFO"}


def test_supported_pythons_are_those_that_are_declared():
    declared = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if ":: 3." in line]

    assert declared == ["3.11", "3.12", "3.13"]


def test_every_extra_says_what_it_is_for():
    about = (ROOT / "docs" / "how-to" / "install.md").read_text(encoding="utf-8")

    assert [name for name in PROJECT["optional-dependencies"] if f"| `{name}` |" not in about] == []


def answers(url: str) -> int:
    """The status of the page, once there is a server; it has a minute to come up."""
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as reply:
                return reply.status
        except OSError:
            assert time.monotonic() < end, f"nothing answers at {url}"
            time.sleep(0.2)


def test_whoever_can_open_the_notebooks_can_run_them():
    imported = {
        name
        for file in (ROOT / "notebooks").glob("*.ipynb")
        for name in re.findall(r'"(?:import|from) (\w+)', file.read_text(encoding="utf-8"))
    }

    assert imported <= {"lpnb", "pandas", *sys.stdlib_module_names}
    # Pictures and personas are loaded by lpnb when a cell asks for them.
    assert "lpnb[plots,personas]" in PROJECT["optional-dependencies"]["lab"]


@pytest.mark.skipif(not INSTALL, reason="set LPNB_INSTALL=1 to install the wheel into an empty environment")
def test_the_wheel_installed_elsewhere_does_its_jobs(built, tmp_path):
    home = tmp_path / "elsewhere"
    home.mkdir()
    venv.create(tmp_path / "env", with_pip=True)
    scripts = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("LP_", "PYTHON"))
    }
    [file] = built.glob("*.whl")

    def run(*command: str) -> str:
        ran = subprocess.run(
            [str(scripts / command[0]), *command[1:]],
            cwd=home,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert ran.returncode == 0, f"{command}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    run("python", "-m", "pip", "install", "--quiet", f"{file}[lab]")

    assert "3 conversations opened." in run("lpnb", "demo")
    assert "All is well." in run("lpnb", "doctor")
    assert f"lpnb {__version__}" in run("lpnb", "--version")
    assert "lpnb: " not in run("lpnb", "notebooks", "copy", ".")
    assert {path.name for path in home.glob("*.ipynb")} == {
        path.name for path in (ROOT / "notebooks").glob("*.ipynb")
    }
    assert "answered" in run("lpnb", "send", "data/routing-regression.csv", "--quiet")
    assert "0 failed" in run("lpnb", "verify", "data/routing-regression.csv", "--quiet")
    lab = subprocess.Popen(
        [scripts / "lpnb", "lab", "--no-browser", "--dir", "."],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        url = lab.stdout.readline().strip()
        assert answers(url) == 200
    finally:
        lab.terminate()
        lab.wait(30)
        lab.stdout.close()
    where = run("python", "-c", "import lpnb; print(lpnb.sample('payloads/vip.json'))")
    assert Path(where.strip()).is_relative_to(tmp_path / "env")
