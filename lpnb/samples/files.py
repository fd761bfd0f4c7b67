"""Find the bundled notebooks and sample data, and copy them into a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from lpnb._printable import one_line
from lpnb.errors import Complaint, InvalidValueError

QUICKSTART = "00-quickstart.ipynb"


def sample(name: str | None = None) -> Path:
    """Return where a file or a folder of the sample data is, or the folder they are all in.

    All of it is invented; ``data/README.md`` says what the columns mean. Read it where it is; to change it,
    copy it first (``lpnb notebooks copy DIR``).

    Args:
        name: Such as "campaigns.csv", "payloads" or "payloads/minimal.json".

    Raises:
        InvalidValueError: There is no such file; the message names those there are.

    Example:
        >>> sample("payloads/minimal.json").name
        'minimal.json'
        >>> sample("campaign.csv")
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: name must be one of the samples; got 'campaign.csv'. Did you mean ...
    """
    folder = bundled_folder("data")
    if name is None:
        return folder
    names = [file.relative_to(folder).as_posix() for file in _files(folder)]
    if name in names or f"{name}/" in {each[: each.rfind("/") + 1] for each in names}:
        return folder / name
    close = get_close_matches(name, names, n=1)
    suggestion = f" Did you mean {close[0]!r}?" if close else ""
    available = ", ".join(repr(each) for each in names)
    sentence = f"name must be one of the samples; got {name!r}.{suggestion} There are {available}."
    raise InvalidValueError([Complaint("name", sentence)])


def bundled_folder(what: str) -> Path:
    """The folder *what* ("notebooks" or "data"), inside the package or, in a checkout, beside it."""
    room = Path(__file__).resolve().parent
    inside = room / "bundled" / what
    return inside if inside.is_dir() else room.parents[1] / what


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What a copy did, file by file, as paths below its folder."""

    folder: Path
    new: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"{len(self.new)} new" if self.new else "nothing new"]
        if self.replaced:
            parts.append(f"{len(self.replaced)} replaced")
        sentence = one_line(f"{self.folder}: {', '.join(parts)}.")
        if self.kept:
            names = ", ".join(self.kept)
            sentence += f"\nKept, because they are not as we know them: {names}. --force replaces them."
        return sentence


def copy_samples(folder: Path, *, force: bool = False) -> CopyResult:
    """Copy the notebooks into *folder* and the sample data into *folder*/data.

    A file that is there and differs is somebody's work: it stays as it is, unless *force* is given.

    Raises:
        OSError: The folder, or a file in it, cannot be written.
    """
    files_by_result: dict[str, list[str]] = {"new": [], "replaced": [], "kept": []}
    for name, source in _files_to_copy():
        target = folder / name
        content = source.read_bytes()
        if not os.path.lexists(target):
            files_by_result["new"].append(name)
        elif target.is_file() and target.read_bytes() == content:
            continue
        elif not force:
            files_by_result["kept"].append(name)
            continue
        else:
            files_by_result["replaced"].append(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(
            f".{target.name}.part"
        )  # a copy that is cut short leaves no half notebook
        temporary.write_bytes(content)
        temporary.replace(target)
    return CopyResult(folder, *(tuple(files_by_result[what]) for what in ("new", "replaced", "kept")))


def _files_to_copy() -> Iterator[tuple[str, Path]]:
    for file in _files(bundled_folder("notebooks")):
        if file.suffix in (".ipynb", ".md"):
            yield file.name, file
    data = bundled_folder("data")
    for file in _files(data):
        yield f"data/{file.relative_to(data).as_posix()}", file


def _files(folder: Path) -> list[Path]:
    """Every file below *folder*, in order; what editors and systems leave behind is not one."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and not any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
    )
