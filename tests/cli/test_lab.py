"""``lpnb lab``: JupyterLab and a sandbox as one thing to start and one to stop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lpnb.cli.local_server import module_command
from lpnb.cli.main import main
from lpnb.cli.notebooks import notebooks_folder

pytest.importorskip("jupyterlab")


def answers(url: str) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return reply.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def page_config(url: str) -> dict:
    """What the server tells the page that is opened, such as the extensions that are off."""
    with urllib.request.urlopen(url, timeout=5) as reply:
        page = reply.read().decode()
    return json.loads(
        page.partition('<script id="jupyter-config-data" type="application/json">')[2].partition("</script>")[
            0
        ]
    )


def test_jupyter_starts_with_its_arguments_and_without_the_parsers_of_international_addresses():
    look = "import sys; assert sys.modules['rfc3987_syntax'] is None"

    ran = subprocess.run(
        [*module_command("timeit"), "-n", "1", "-r", "1", look], capture_output=True, text=True
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("1 loop, best of 1: ")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_lab_serves_the_quickstart_and_one_signal_stops_it_all(tmp_path):
    notebook = tmp_path / "00-quickstart.ipynb"
    notebook.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LP_")}
    environment |= {name: str(tmp_path) for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    lab = subprocess.Popen(
        [sys.executable, "-m", "lpnb", "lab", "--no-browser", "--dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        url = lab.stdout.readline().strip()  # said when the server answers
        status = f"http://{urlsplit(url).netloc}/api/status"
        assert answers(f"{status}?{urlsplit(url).query}") == 200
        assert urlsplit(url).path == "/doc/tree/00-quickstart.ipynb"
        assert answers(url) == 200
        assert answers(status) == 403  # nobody without the token
        assert "@jupyterlab/apputils-extension:announcements" in page_config(url)["disabledExtensions"]
    finally:
        lab.send_signal(signal.SIGINT)
        _, said = lab.communicate(timeout=30)
    assert lab.returncode == 0
    assert "Notebooks talk to the sandbox on http://127.0.0.1:" in said
    assert "Traceback" not in said
    assert answers(status) is None


def test_lab_says_when_there_is_no_such_folder(tmp_path, capsys):
    assert main(["lab", "--no-browser", "--dir", str(tmp_path / "gone")]) == 1

    assert capsys.readouterr().err == f"There is no folder {tmp_path}/gone. Name one that is there.\n"


def test_lab_opens_any_folder_that_is_named(tmp_path):
    assert notebooks_folder(tmp_path) == tmp_path


def test_lab_takes_the_notebooks_of_the_folder_it_is_called_in(tmp_path):
    Path("notebooks").mkdir()
    Path("notebooks/00-quickstart.ipynb").write_text("{}")

    assert notebooks_folder(None) == tmp_path / "notebooks"


def test_notebooks_are_copied_to_a_folder_and_nowhere_else(tmp_path, capsys):
    path = tmp_path / "here"
    path.write_text("mine")

    assert main(["notebooks", "copy", str(path)]) == 1

    assert capsys.readouterr().err == f"{path} is no folder. Name one; it is made when it is not there.\n"
    assert path.read_text() == "mine"
