"""The command that installs an extra: for this very Python, and one that works as it is printed."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import pytest

from lpnb import InvalidValueError, Personas
from lpnb._internal import optional_dependencies
from lpnb._internal.optional_dependencies import install_command


@pytest.mark.skipif(os.name == "nt", reason="quoted for another shell")
def test_the_command_works_as_it_is_printed_in_this_environment_too():
    command = [*shlex.split(install_command("excel")), "--no-index", "--dry-run"]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stderr


def test_a_python_whose_path_has_a_space_is_quoted(monkeypatch):
    monkeypatch.setattr(optional_dependencies.sys, "executable", "/my envs/bin/python")

    assert install_command("plots") == "'/my envs/bin/python' -m pip install \"lpnb[plots]\""


def test_without_pip_the_command_is_that_of_uv(monkeypatch):
    monkeypatch.setattr(optional_dependencies, "find_spec", lambda _: None)

    assert install_command("plots") == f'uv pip install --python {sys.executable} "lpnb[plots]"'


def test_without_faker_personas_name_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "faker", None)

    with pytest.raises(InvalidValueError) as caught:
        Personas(3, seed=1)

    assert str(caught.value) == (
        f'Personas need faker. Install it with: {sys.executable} -m pip install "lpnb[personas]"'
    )
