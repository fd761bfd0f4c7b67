"""From a fresh clone to a running lpnb with one command, and the checks every change passes.

    python3 dev.py demo [ARG ...]   run the main job on the embedded sandbox (lpnb demo ARG ...)
    python3 dev.py lab [ARG ...]    open the notebooks in JupyterLab (lpnb lab ARG ...)
    python3 dev.py test [ARG ...]   run the tests, on every core (pytest ARG ...)
    python3 dev.py docs [ARG ...]   run the notebooks and build the documentation's site in build/site
    python3 dev.py lint             formatter, linter, strict types, and which module may import which
    python3 dev.py check [ARG ...]  lint, then test
    python3 dev.py lock [ARG ...]   remake requirements/*.txt (uv pip compile ARG ..., such as --upgrade)

Each command first makes .venv with the Python that runs it and installs what the command needs, pinned by
hash in requirements/. The second time there is nothing to do and nothing is said.

This file needs nothing but Python's standard library. It does not import lpnb, and it does not configure pip:
your own pip settings hold. On Windows two runs at the same time are not kept apart.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).resolve().parent
MINIMUM = (3, 11)
LEVELS = ("uv", "run", "lab", "docs", "dev")  # requirements/*.txt, from the smallest to the whole
NEEDS = {
    "demo": "run",
    "lab": "lab",
    "docs": "docs",
    "test": "dev",
    "lint": "dev",
    "check": "dev",
    "lock": "uv",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
STAMP = "lpnb-dev-stamp"
UNFINISHED = "unfinished"
WHICH_PYTHON = "import sys; print(sys.version.split()[0], sys.base_prefix)"
LINT = {
    "formatter": ("ruff", "format", "--check", "."),
    "linter": ("ruff", "check", "."),
    "types": ("mypy",),
    "imports": ("lint-imports", "--no-cache"),
}


class SetupError(Exception):
    """Set-up cannot go on; the message says what to do."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Set up what the command needs, then hand over to it."""
    complaint = too_old(sys.version_info[:3])
    if complaint:
        say(complaint)
        return 2
    options = parser().parse_args(arguments)
    venv = Path(os.path.abspath(ROOT / options.venv))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, which ends the set-up step too
    try:
        prepare(venv, NEEDS[options.command])
        if options.command in ("demo", "lab"):
            return hand_over([script(venv, "lpnb"), options.command, *options.args])
        os.chdir(ROOT)
        if options.command == "docs":
            return hand_over([script(venv, "python"), "docs/site/build.py", *options.args])
        if options.command == "lock":
            return lock(venv, options.args)
        if options.command in ("lint", "check"):
            failed = lint(venv)
            if failed or options.command == "lint":
                return failed
        chromium = find_chromium(os.environ) or install_chromium(options.args)
        browser = {"CHROMIUM": chromium} if chromium else {}
        # The tests start hundreds of processes: without compiled files each compiles every import anew.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        return hand_over([script(venv, "python"), *pytest_command(options.args)], browser)
    except (SetupError, OSError) as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; run it again to go on")
        return 130


def parser() -> argparse.ArgumentParser:
    """The command line: our own options, one command, and everything after it for that command."""
    described = argparse.ArgumentParser(
        "dev.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    described.add_argument("--venv", default=".venv", metavar="DIR", help="use this environment, not .venv")
    described.add_argument("command", choices=NEEDS, metavar="COMMAND", help=", ".join(NEEDS))
    described.add_argument("args", nargs=argparse.REMAINDER, metavar="ARG", help="handed on to the command")
    return described


def pytest_command(arguments: Sequence[str]) -> list[str]:
    """pytest with two processes more than there are cores, since tests wait for programs that they start; in
    one process when files are named, where a start of several costs more.
    """
    workers = (
        () if any(".py" in argument for argument in arguments) else ("-n", str((os.cpu_count() or 1) + 2))
    )
    return ["-m", "pytest", "--durations=10", *workers, *arguments]


def too_old(version: tuple[int, ...]) -> str | None:
    """A sentence when *version* of Python cannot run lpnb."""
    if version[:2] >= MINIMUM:
        return None
    came = ".".join(map(str, version))
    return f"lpnb needs Python 3.11 or newer, and this is {came}: {sys.executable}. Try: python3.13 dev.py"


def say(sentence: str, end: str = "\n") -> None:
    """Speak on standard error: standard output belongs to the command."""
    print(f"dev.py: {sentence}", end=end, file=sys.stderr, flush=True)


def step(what: str, *command: str | Path) -> bool:
    """Run one set-up command and say how long it took; its own output is shown only when it fails."""
    say(f"{what} ... ", end="")
    begun = time.monotonic()
    run = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # so that an interrupt ends what the command started too
    )
    try:
        printed, _ = run.communicate()
    except BaseException:
        print("stopped", file=sys.stderr, flush=True)
        if os.name != "nt":
            os.killpg(run.pid, signal.SIGTERM)
        run.wait()
        raise
    took = f"{time.monotonic() - begun:.1f} s"
    shown = f"failed after {took}\n{printed.decode(errors='replace')}" if run.returncode else took
    print(shown, file=sys.stderr, flush=True)
    return run.returncode == 0


def script(venv: Path, name: str) -> str:
    """The path of a program in *venv*."""
    return str(venv / "Scripts" / f"{name}.exe" if os.name == "nt" else venv / "bin" / name)


def hand_over(command: list[str], more: Mapping[str, str] | None = None) -> int:
    """Become *command*: signals, the terminal and the exit code are its own."""
    environment = {**os.environ, **(more or {})}
    if os.name != "nt":
        os.execve(command[0], command, environment)
    return subprocess.call(command, env=environment)


# --- the environment -------------------------------------------------------------------------------------


def identity(venv: Path) -> str:
    """What an environment is tied to: a Python, and the place it was made in."""
    return f"{sys.version.split()[0]} {sys.base_prefix} {venv}"


def fingerprint(level: str) -> str:
    """One value for everything that decides what *level* installs."""
    files = [ROOT / "pyproject.toml", *(ROOT / "requirements" / f"{name}.txt" for name in ("uv", level))]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def read_stamp(venv: Path) -> list[str]:
    """Who made *venv* and what is in it: identity, level, fingerprint; empty for one made by hand."""
    try:
        return (venv / STAMP).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def write_stamp(venv: Path, *rest: str) -> None:
    """Note that *venv* is ours, and either unfinished or complete up to a level."""
    (venv / STAMP).write_text("\n".join([identity(venv), *rest]), encoding="utf-8")


def is_ready(venv: Path, level: str) -> bool:
    """Whether *venv* holds at least *level* as it is locked today."""
    made, *rest = read_stamp(venv) or [""]
    if made != identity(venv) or len(rest) != 2 or not os.path.exists(script(venv, "python")):
        return False
    there, printed = rest
    return LEVELS.index(there) >= LEVELS.index(level) and printed == fingerprint(there)


def is_worth_keeping(venv: Path) -> bool:
    """Whether *venv* can be brought up to date in place: not half-made, and of this Python."""
    stamp = read_stamp(venv)
    if stamp:
        return stamp[0] == identity(venv) and UNFINISHED not in stamp
    try:
        asked = subprocess.run([script(venv, "python"), "-c", WHICH_PYTHON], capture_output=True)
    except OSError:
        return False
    return f"{asked.stdout.decode(errors='replace').strip()} {venv}" == identity(venv)


def prepare(venv: Path, level: str) -> None:
    """Bring *venv* to *level*; say nothing when it is there already."""
    if is_ready(venv, level):
        return
    with only_one():
        if is_ready(venv, level):  # the run we waited for has done it
            return
        make_venv(venv)
        if level != "uv":
            install(venv, level)
        elif not os.path.exists(script(venv, "uv")):
            raise SetupError("locking needs uv, and it could not be installed")
        write_stamp(venv, level, fingerprint(level))


@contextmanager
def only_one() -> Iterator[None]:
    """Let one set-up run at a time; the lock sits on this very file and dies with the process."""
    with open(__file__, "rb") as file:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                say("waiting for another set-up to finish")
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def make_venv(venv: Path) -> None:
    """A virtual environment with pip and, where it can be had, uv."""
    old = venv.with_name(venv.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if os.path.lexists(venv) and not is_worth_keeping(venv):
        say(f"{venv.name} is half-made, moved or of another Python: making it anew")
        venv.rename(old)  # at once, so that an interrupted removal is not mistaken for an environment
        shutil.rmtree(old, ignore_errors=True)
    venv.mkdir(parents=True, exist_ok=True)
    write_stamp(venv, UNFINISHED)
    if os.path.exists(script(venv, "uv")):
        return
    if find_spec("ensurepip") is None:
        install_ensurepip()
    python = getattr(sys, "_base_executable", sys.executable)  # not that of an environment we may be run from
    if not step(f"making {venv.name} with Python {sys.version.split()[0]}", python, "-m", "venv", venv):
        raise SetupError(f"{venv} could not be made")
    wanted = ("--only-binary", ":all:", "--require-hashes", "-r", "requirements/uv.txt")
    step("getting uv", *pip_install(venv), *wanted)


def pip_install(venv: Path) -> tuple[str, ...]:
    """The pip of *venv*, with the user's own settings."""
    return (script(venv, "python"), "-m", "pip", "--disable-pip-version-check", "install", "--no-user")


def install_ensurepip() -> None:
    """Debian keeps what `python -m venv` needs in a package of its own."""
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if not apt_get(package) or find_spec("ensurepip") is None:
        raise SetupError(f"this Python cannot make environments. Run: sudo apt-get install {package}")


def install(venv: Path, level: str) -> None:
    """Everything in the level's requirements, by hash, and lpnb itself as an editable install."""
    python, uv = script(venv, "python"), script(venv, "uv")
    tools: dict[str, tuple[str, ...]] = {}
    if os.path.exists(uv) and not pip_has_an_index(python):
        tools["uv"] = (uv, "pip", "install", "--quiet", "--python", python)
    tools["pip"] = pip_install(venv)
    wanted = ("--require-hashes", "-r", f"requirements/{level}.txt")
    itself = ("--no-deps", "--no-build-isolation", "-e", ".")
    for name, tool in tools.items():
        if step(f"installing requirements/{level}.txt with {name}", *tool, *wanted) and step(
            "installing lpnb", *tool, *itself
        ):
            return
    raise SetupError("the packages could not be installed; the reason stands above")


def pip_has_an_index(python: str) -> bool:
    """Whether pip was told where to find packages, or told not to look: uv does not read pip's settings."""
    listed = subprocess.run([python, "-m", "pip", "config", "list"], capture_output=True).stdout
    return b".index-url=" in listed or b".no-index=" in listed


# --- the commands' own needs -----------------------------------------------------------------------------


def find_chromium(environ: Mapping[str, str]) -> str | None:
    """The browser that the browser tests drive."""
    named = environ.get("CHROMIUM")
    if named and not shutil.which(named):
        raise SetupError(f"CHROMIUM names no program: {named}")
    names = [named] if named else BROWSERS
    return next(filter(None, (shutil.which(name, path=environ.get("PATH")) for name in names)), None)


def install_chromium(pytest_arguments: Sequence[str]) -> str | None:
    """Debian's Chromium where we may install it; without one the browser tests say why they did not run."""
    if any("not browser" in argument for argument in pytest_arguments) or not apt_get("chromium"):
        return None
    return find_chromium(os.environ)


def apt_get(package: str) -> bool:
    """Install a Debian package; False when this machine or this user cannot."""
    if not shutil.which("apt-get") or os.name == "nt" or os.geteuid() != 0:
        return False
    quiet = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300")
    return step("updating Debian's package lists", *quiet, "update") and step(
        f"installing Debian's {package}", *quiet, "install", "-y", "--no-install-recommends", package
    )


def lint(venv: Path) -> int:
    """Formatter, linter, types and imports; all of them, so that one run shows every finding."""
    failed = [name for name, (tool, *rest) in LINT.items() if subprocess.call([script(venv, tool), *rest])]
    if failed:
        say(f"not clean: {', '.join(failed)}. For the first two: {script(venv, 'ruff')} format / check --fix")
    return 1 if failed else 0


def lock(venv: Path, more: Sequence[str]) -> int:
    """Remake every requirements file: one set of versions for Python 3.11 and newer, on every platform."""
    uv = [script(venv, "uv"), "--no-config", "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    uv += ["--no-header", "--python-version", "3.11", *more]
    same = ["-c", "requirements/dev.txt"]
    package = ["pyproject.toml", "--group", "build"]
    for level, what in {
        "dev": [*package, "--all-extras"],
        "docs": [*package, "--extra", "docs", *same],
        "lab": [*package, "--extra", "lab", *same],
        "run": [*package, *same],
        "uv": ["--group", "uv"],
    }.items():
        if not step(f"locking requirements/{level}.txt", *uv, *what, "-o", f"requirements/{level}.txt"):
            raise SetupError(f"requirements/{level}.txt could not be locked")
    return 0


if __name__ == "__main__":
    sys.exit(main())
