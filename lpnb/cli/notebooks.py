"""``lpnb notebooks copy`` and the folder that ``lpnb lab`` opens: the command line's side of ``samples``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lpnb._printable import one_line
from lpnb.samples.files import QUICKSTART, bundled_folder, copy_samples

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: SubParsers) -> None:
    """Add ``notebooks`` to the command line."""
    notebooks = commands.add_parser("notebooks", help="copy the notebooks and the sample data to a folder")
    verbs = notebooks.add_subparsers(metavar="verb", required=True)
    copy = verbs.add_parser("copy", help="copy them; what you have changed stays as it is")
    copy.add_argument("folder", type=Path, metavar="DIR", help="the folder; it is made when it is not there")
    copy.add_argument("--force", action="store_true", help="replace files that differ from ours, too")
    copy.set_defaults(run=_copy)


def _copy(options: argparse.Namespace) -> int:
    if options.folder.exists() and not options.folder.is_dir():
        print(
            one_line(f"{options.folder} is no folder. Name one; it is made when it is not there."),
            file=sys.stderr,
        )
        return 1
    try:
        print(copy_samples(options.folder, force=options.force))
    except OSError as error:
        print(one_line(f"{options.folder} could not be written: {error}."), file=sys.stderr)
        return 1
    return 0


def notebooks_folder(folder: Path | None) -> Path | None:
    """The folder to open: any that is named, the one here, or the one beside the package of a checkout.

    The notebooks inside an installed package are copied here, so that nobody edits the installation. None
    stands for a named folder that is not there.
    """
    if folder:
        return folder.resolve() if folder.is_dir() else None
    ours = bundled_folder("notebooks")
    inside = ours.parent.name == "bundled"
    for place in [Path.cwd(), Path.cwd() / "notebooks"]:
        if (place / QUICKSTART).is_file():
            return place.resolve()
    if not inside:
        return ours.resolve()
    print("Copying the notebooks to ./notebooks.", file=sys.stderr)
    return copy_samples(Path.cwd() / "notebooks").folder.resolve()
