"""How the process of a command ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: A program that runs ``lpnb`` with its arguments, and prints what Python does at its end.
PROGRAM = """
import sys, threading, weakref
from lpnb.cli import main as command_line

class Last:
    def __del__(self):
        print("looked through all objects")

kept = Last()
kept.circle = kept

def main(given):
    threading.Thread(target=lambda: (threading.main_thread().join(), print("a thread ended"))).start()
    weakref.finalize(kept, print, "tidied up")
    print("ran")
    return given(sys.argv[2:])

given = command_line.main
command_line.main = lambda: main(given)
sys.exit(command_line.run_process())
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, "lpnb", *arguments], capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("arguments", "status"),
    [([], 2), (["--version"], 0), (["send", "--help"], 0), (["send"], 2), (["send", "--rate"], 2)],
    ids=["nothing", "version", "help", "no file", "no value"],
)
def test_a_command_ends_with_its_status_when_threads_have_ended_and_all_is_tidied_up(
    arguments: list[str], status: int
) -> None:
    ended = run(*arguments)

    assert ended.returncode == status
    lines = ended.stdout.splitlines()
    assert lines[0] == "ran"
    assert lines[-2:] == ["a thread ended", "tidied up"]


def test_an_error_that_nobody_expected_is_told_with_status_1() -> None:
    program = PROGRAM.replace("return given(sys.argv[2:])", "raise ZeroDivisionError")

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "ZeroDivisionError"
    assert ended.stdout.splitlines() == ["ran", "a thread ended", "tidied up", "looked through all objects"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
def test_help_that_cannot_be_written_is_no_success() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "lpnb", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            env=environment,
        )

    assert ended.returncode == 120
    assert "No space left on device" in ended.stderr


def test_ctrl_c_while_a_command_is_being_loaded_ends_it_without_a_traceback() -> None:
    program = PROGRAM.replace("return given(sys.argv[2:])", "raise KeyboardInterrupt")

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert (ended.returncode, ended.stderr) == (130, "")
