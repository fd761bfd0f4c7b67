"""What dev.py decides. Nothing is installed: an environment here is a folder with a script for a Python."""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def dev(tmp_path, monkeypatch):
    """The module dev.py, looking at a small checkout of its own."""
    spec = importlib.util.spec_from_file_location("dev_under_test", ROOT / "dev.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    shutil.copy(ROOT / "dev.py", tmp_path)
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "requirements").mkdir()
    for level in module.LEVELS:
        (tmp_path / "requirements" / f"{level}.txt").write_text(f"{level}==1\n")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def write_program(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


@pytest.fixture
def venv(dev, tmp_path):
    """An environment that is complete for `dev.py test`."""
    made = tmp_path / ".venv"
    write_program(made / "bin" / "python", 'printf "%s\\n" "$@"')
    dev.write_stamp(made, "dev", dev.fingerprint("dev"))
    return made


# --- the command line ------------------------------------------------------------------------------------


def test_an_old_python_can_read_the_file_far_enough_to_say_what_it_needs():
    ast.parse((ROOT / "dev.py").read_text(encoding="utf-8"), feature_version=(3, 8))


def test_an_old_python_is_told_its_version_and_the_one_it_needs(dev):
    assert dev.too_old((3, 10, 13)) == (
        f"lpnb needs Python 3.11 or newer, and this is 3.10.13: {sys.executable}. Try: python3.13 dev.py"
    )


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 13, 2), (4, 0, 0)])
def test_a_new_python_is_not_complained_about(dev, version):
    assert dev.too_old(version) is None


def test_everything_after_the_command_belongs_to_the_command(dev):
    options = dev.parser().parse_args(["--venv", "x", "test", "-m", "not browser", "--help", "--venv", "y"])

    assert (options.venv, options.command) == ("x", "test")
    assert options.args == ["-m", "not browser", "--help", "--venv", "y"]


def test_an_unknown_command_is_refused_with_the_ones_there_are(dev, capsys):
    with pytest.raises(SystemExit) as refused:
        dev.main(["tset"])

    assert refused.value.code == 2
    assert "invalid choice: 'tset'" in capsys.readouterr().err


def test_help_shows_how_to_call_each_command(dev):
    shown = dev.parser().format_help()

    assert [command for command in dev.NEEDS if f"python3 dev.py {command}" not in shown] == []


# --- whether there is anything to do ---------------------------------------------------------------------


def test_a_second_run_sets_nothing_up_and_hands_over(venv, tmp_path):
    before = sorted(tmp_path.rglob("*"))

    run = subprocess.run(
        [sys.executable, tmp_path / "dev.py", "test", "-m", "not browser"],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )

    workers = f"-n\n{(os.cpu_count() or 1) + 2}\n"
    assert (run.stdout, run.stderr) == (f"-m\npytest\n--durations=10\n{workers}-m\nnot browser\n", "")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "named",
    [
        ["tests/transport/test_rate_limiter.py"],
        ["-x", "tests/transport/test_rate_limiter.py::test_a", "-k", "b"],
    ],
)
def test_tests_of_files_that_are_named_run_in_one_process(dev, named):
    assert dev.pytest_command(named) == ["-m", "pytest", "--durations=10", *named]


@pytest.mark.parametrize("asked", [[], ["tests/client", "-x"], ["-k", "lock"], ["-n", "0"]])
def test_other_tests_run_in_a_process_more_than_there_are_cores_unless_the_caller_says_otherwise(dev, asked):
    workers = ["-n", str((os.cpu_count() or 1) + 2)]

    assert dev.pytest_command(asked) == ["-m", "pytest", "--durations=10", *workers, *asked]


def test_compiled_files_are_kept_for_the_processes_that_the_tests_start(venv, tmp_path):
    write_program(venv / "bin" / "python", 'echo "${PYTHONDONTWRITEBYTECODE-unset}"')
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}

    run = subprocess.run(
        [sys.executable, tmp_path / "dev.py", "test", "-m", "not browser"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert run.stdout == "unset\n"


def test_the_exit_code_is_that_of_the_tests(venv, tmp_path):
    write_program(venv / "bin" / "python", "exit 3")

    run = subprocess.run([sys.executable, tmp_path / "dev.py", "test", "-m", "not browser"])

    assert run.returncode == 3


def test_an_environment_that_cannot_be_made_is_said_in_one_line(tmp_path, dev):
    (tmp_path / "file").touch()

    run = subprocess.run(
        [sys.executable, tmp_path / "dev.py", "--venv", "file/venv", "test"], capture_output=True, text=True
    )

    assert run.returncode == 1
    assert run.stderr == f"dev.py: [Errno 20] Not a directory: '{tmp_path / 'file' / 'venv'}'\n"


def test_a_complete_environment_is_ready_for_the_smaller_ones_too(dev, venv):
    assert [level for level in dev.LEVELS if dev.is_ready(venv, level)] == list(dev.LEVELS)


def test_a_small_environment_is_not_ready_for_the_tests(dev, venv):
    dev.write_stamp(venv, "run", dev.fingerprint("run"))

    assert [level for level in dev.LEVELS if dev.is_ready(venv, level)] == ["uv", "run"]


@pytest.mark.parametrize("changed", ["pyproject.toml", "requirements/dev.txt", "requirements/uv.txt"])
def test_a_changed_requirement_is_brought_up_to_date_in_place(dev, venv, tmp_path, changed):
    with (tmp_path / changed).open("a") as file:
        file.write("# changed\n")

    assert not dev.is_ready(venv, "dev")
    assert dev.is_worth_keeping(venv)


def test_an_interrupted_set_up_is_neither_ready_nor_worth_keeping(dev, venv):
    dev.write_stamp(venv, dev.UNFINISHED)

    assert not dev.is_ready(venv, "uv")
    assert not dev.is_worth_keeping(venv)


def test_a_moved_checkout_is_neither_ready_nor_worth_keeping(dev, venv, tmp_path):
    moved = venv.rename(tmp_path / "moved")

    assert not dev.is_ready(moved, "dev")
    assert not dev.is_worth_keeping(moved)


def test_another_python_is_neither_ready_nor_worth_keeping(dev, venv):
    stamp = venv / dev.STAMP
    stamp.write_text(stamp.read_text().replace(sys.version.split()[0], "3.10.1"))

    assert not dev.is_ready(venv, "dev")
    assert not dev.is_worth_keeping(venv)


def test_an_environment_whose_python_is_gone_is_not_ready(dev, venv):
    (venv / "bin" / "python").unlink()

    assert not dev.is_ready(venv, "dev")


def test_an_environment_made_by_hand_is_kept_when_its_python_is_this_one(dev, venv):
    (venv / dev.STAMP).unlink()
    write_program(venv / "bin" / "python", f'echo "{sys.version.split()[0]} {sys.base_prefix}"')

    assert not dev.is_ready(venv, "uv")
    assert dev.is_worth_keeping(venv)


def test_an_environment_made_by_hand_is_not_kept_when_its_python_is_another(dev, venv):
    (venv / dev.STAMP).unlink()
    write_program(venv / "bin" / "python", f'echo "3.10.1 {sys.base_prefix}"')

    assert not dev.is_worth_keeping(venv)


# --- installing ------------------------------------------------------------------------------------------


@pytest.fixture
def steps(dev, monkeypatch):
    """What would have been run: (said, program) pairs. Programs named in `steps.failing` fail."""

    class Steps(list):
        failing = ()

        def __call__(self, what, program, *_arguments):
            self.append((what, Path(program).name))
            return self[-1][1] not in self.failing

    recorded = Steps()
    monkeypatch.setattr(dev, "step", recorded)
    return recorded


def test_uv_installs_the_requirements_and_then_lpnb(dev, venv, steps):
    write_program(venv / "bin" / "uv")

    dev.install(venv, "run")

    assert steps == [("installing requirements/run.txt with uv", "uv"), ("installing lpnb", "uv")]


def test_pip_takes_over_when_uv_fails(dev, venv, steps):
    write_program(venv / "bin" / "uv")
    steps.failing = ("uv",)

    dev.install(venv, "run")

    assert steps == [
        ("installing requirements/run.txt with uv", "uv"),
        ("installing requirements/run.txt with pip", "python"),
        ("installing lpnb", "python"),
    ]


def test_pip_is_used_when_there_is_no_uv(dev, venv, steps):
    dev.install(venv, "run")

    assert steps == [("installing requirements/run.txt with pip", "python"), ("installing lpnb", "python")]


@pytest.mark.parametrize(
    ("setting", "uv_is_used"),
    [
        ("global.index-url='https://example.org/simple'", False),
        (":env:.index-url='https://example.org/simple'", False),
        ("install.no-index='true'", False),
        ("global.extra-index-url='https://example.org/simple'", True),
        ("global.timeout='60'", True),
    ],
)
def test_pip_is_used_when_it_was_told_where_to_find_packages(dev, venv, steps, setting, uv_is_used):
    write_program(venv / "bin" / "uv")
    write_program(venv / "bin" / "python", f'echo "{setting}"')

    dev.install(venv, "run")

    assert {program for _, program in steps} == {"uv" if uv_is_used else "python"}


def test_a_failed_installation_is_said_in_a_sentence(dev, venv, steps):
    steps.failing = ("python",)

    with pytest.raises(dev.SetupError) as refused:
        dev.install(venv, "run")

    assert str(refused.value) == "the packages could not be installed; the reason stands above"


def test_a_step_that_works_says_what_it_does_and_how_long_it_took(dev, capfd):
    assert dev.step("greeting", "sh", "-c", "echo hello")

    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith("dev.py: greeting ... ")
    assert said.err.endswith(" s\n")
    assert "hello" not in said.err


def test_a_step_that_fails_shows_its_output(dev, capfd):
    assert not dev.step("greeting", "sh", "-c", "echo no such host; exit 1")

    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith("dev.py: greeting ... failed after ")
    assert said.err.endswith(" s\nno such host\n\n")


def test_an_interrupt_ends_in_one_line_and_130(dev, monkeypatch, capsys):
    def interrupted(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(dev, "prepare", interrupted)
    monkeypatch.setattr(dev.signal, "signal", lambda *_arguments: None)

    assert dev.main(["test"]) == 130
    assert capsys.readouterr().err == "dev.py: interrupted; run it again to go on\n"


# --- the browser -----------------------------------------------------------------------------------------


def test_the_first_browser_on_the_path_is_used(dev, tmp_path):
    for name in ("google-chrome", "chromium"):
        write_program(tmp_path / name)

    assert dev.find_chromium({"PATH": str(tmp_path)}) == str(tmp_path / "chromium")


def test_a_browser_named_in_the_environment_comes_first(dev, tmp_path):
    write_program(tmp_path / "chromium")
    named = str(write_program(tmp_path / "mine"))

    assert dev.find_chromium({"PATH": str(tmp_path), "CHROMIUM": named}) == named


def test_a_named_browser_that_is_not_there_is_refused(dev, tmp_path):
    write_program(tmp_path / "chromium")

    with pytest.raises(dev.SetupError) as refused:
        dev.find_chromium({"PATH": str(tmp_path), "CHROMIUM": "/nowhere/chromium"})

    assert str(refused.value) == "CHROMIUM names no program: /nowhere/chromium"


def test_no_browser_is_no_error(dev, tmp_path):
    assert dev.find_chromium({"PATH": str(tmp_path)}) is None


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [([], ["chromium"]), (["-m", "not browser"], []), (["-m", "not browser and not slow"], [])],
)
def test_a_browser_is_installed_only_for_tests_that_need_one(dev, monkeypatch, arguments, asked):
    packages = []
    monkeypatch.setattr(dev, "apt_get", packages.append)

    assert dev.install_chromium(arguments) is None
    assert packages == asked


def test_nothing_is_installed_into_debian_by_someone_who_may_not(dev, monkeypatch, steps):
    monkeypatch.setattr(dev.os, "geteuid", lambda: 1000)

    assert dev.apt_get("chromium") is False
    assert steps == []
