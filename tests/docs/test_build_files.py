"""The files for build servers that a page gives: their steps run here, pass, and fail when a case moves."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "verify-in-ci.md").read_text(encoding="utf-8")


def file_of(name: str) -> str:
    (text,) = re.findall(rf"^```\w+ {re.escape(name)}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def steps_of(name: str) -> list[str]:
    """What a build server's file has the shell run, in order."""
    text = file_of(name)
    if name == "Jenkinsfile":
        return re.findall(r"^ *sh '(.*)'$", text, re.MULTILINE)
    data = yaml.safe_load(text)
    if name == ".gitlab-ci.yml":
        return data["routing"]["script"]
    return [step["run"] for step in data["jobs"]["verify"]["steps"] if "run" in step]


@pytest.mark.usefixtures("forked_programs")
def test_the_steps_of_all_three_are_the_same_and_pass_until_a_case_moves(tmp_path, sandbox):
    steps = [steps_of(name) for name in (".github/workflows/routing.yml", ".gitlab-ci.yml", "Jenkinsfile")]
    assert steps[0] == steps[1] == steps[2]
    (tmp_path / "routing.csv").write_text(file_of("routing.csv"), encoding="utf-8")
    install, verify = steps[0]

    def night() -> int:
        environment = {**os.environ, **sandbox.environment()}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        command = ["bash", "-ec", verify]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True).returncode

    assert install == "python -m pip install lpnb"
    assert night() == 0
    assert night() == 0
    assert len(list((tmp_path / "runs").glob("*.sqlite"))) == 2
    assert 'tests="4"' in (tmp_path / "routing.xml").read_text(encoding="utf-8")
    sandbox.set_online("Sofia Lindqvist", False)  # the adviser of Private Clients
    assert night() == 1


def test_every_secret_that_a_file_names_is_a_setting_of_ours():
    from lpnb.settings import Settings

    named = set(re.findall(r"^\s+(LP_\w+)[:=]? ", "\n".join(map(file_of, ["Jenkinsfile"])), re.MULTILINE))
    data = yaml.safe_load(file_of(".github/workflows/routing.yml"))
    (step,) = [step for step in data["jobs"]["verify"]["steps"] if "env" in step]

    assert named == set(step["env"])
    known = Settings.of(dict.fromkeys(named, "12345678"))
    assert known.account_id == "12345678"
