"""Finding, judging and parsing ``.env`` files.

Which names mean something is not known here, and nothing is put into the environment.
"""

from __future__ import annotations

import io
import os
from pathlib import Path


def folders_from(start: Path) -> list[Path]:
    """Where to look, the nearest first: up to the project's root; outside of one, nowhere else."""
    here = start.resolve()
    folders = [here]
    for folder in (here, *here.parents):
        if folder != here:
            folders.append(folder)
        if (folder / ".git").exists() or (folder / "pyproject.toml").is_file():
            return folders
    return [here]


def is_env_file(path: Path) -> bool:
    """Whether *path* is meant as a file of settings; a folder is, unless Python has an environment in it."""
    return path.is_file() or (path.is_dir() and not (path / "pyvenv.cfg").exists())


def read_env_file(path: Path) -> tuple[dict[str, str], str, str]:
    """Return the file's values, or none and what is wrong with it; and who else may change it, in words.

    ``${...}`` is not expanded.
    """
    if path.is_dir():
        return (
            {},
            "is a folder and not a file; Docker makes one where a file to mount is missing. Remove it, and "
            "write the file.",
            "",
        )
    try:
        with path.open("rb") as file:  # what is judged is what is read, whoever swaps the file meanwhile
            owners = _ownership_trouble(path, os.fstat(file.fileno()))
            text = _text_of(file.read())
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return (
            {},
            f"is not UTF-8 text: line {line} has a letter of another encoding. Save the file as UTF-8.",
            "",
        )
    except OSError as error:
        return {}, f"cannot be read: {error.strerror}.", ""
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    lines: dict[str, int] = {}
    complaints = []
    for binding in parse_stream(io.StringIO(text)):
        # A binding's text begins with the blank lines before it.
        blank = len(binding.original.string) - len(binding.original.string.lstrip())
        line = binding.original.line + binding.original.string[:blank].count("\n")
        if binding.error or (binding.key is not None and binding.value is None):
            complaints.append(f"line {line} is not NAME=value")
        elif binding.key in lines:
            complaints.append(f"line {line} gives {binding.key} again, after line {lines[binding.key]}")
        elif binding.key is not None:
            lines[binding.key] = line
    if complaints:
        problem = (
            f"cannot be relied on: {'; '.join(complaints)}. "
            'Write one NAME=value a line, and NAME="value" when the value has spaces or a #.'
        )
        return {}, problem, owners
    values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {key: (value or "").strip() for key, value in values.items()}, "", owners


def _text_of(content: bytes) -> str:
    """The text: UTF-8, or the UTF-16 that PowerShell's ``>`` and Notepad's "Unicode" write."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16").replace("\r\n", "\n")
    for encoding, first in (("utf-16-le", content[1:2]), ("utf-16-be", content[:1])):
        if first == b"\0" and len(content) % 2 == 0:  # without the mark that says so
            return content.decode(encoding).replace("\r\n", "\n")
    return content.decode("utf-8-sig").replace("\r\n", "\n")


def _ownership_trouble(path: Path, status: os.stat_result) -> str:
    """Say who else may decide what the file says, and the way out; nothing where the system knows no modes.

    A link is judged like what it leads to: whoever made it chose the file.
    """
    if not hasattr(os, "geteuid"):
        return ""
    for owner in (path.lstat().st_uid, status.st_uid):
        if owner not in (0, os.geteuid()):
            return (
                f"belongs to another user (number {owner}), who could change in it where your secrets "
                "are sent. Copy what you need "
                f"of it into a file of your own, or: chown {os.geteuid()} {short_path(path)}"
            )
    if status.st_mode & 0o022:
        mode = f"{status.st_mode & 0o777:04o}"
        return f"may be changed by others (mode {mode}). Keep it to yourself: chmod 600 {short_path(path)}"
    return ""


def short_path(path: Path) -> str:
    """The path as a person would write it from here."""
    short = os.path.relpath(path)
    if short.startswith(os.path.join("..", "..", "..")):
        return str(path)
    return short if short.startswith("..") else os.path.join(".", short)
