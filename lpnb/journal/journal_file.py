"""The SQLite file of a journal: made, locked, opened, or refused with the reason and a way out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from lpnb._internal.sqlite_file import SqliteFormat
from lpnb.errors import JournalError
from lpnb.journal.schema import APPLICATION, FORMAT, SCHEMA


def make_folder(path: Path) -> None:
    """Make the folder that the file is to be in.

    Raises:
        JournalError: That cannot be done.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise JournalError(f"No journal can be written at {path}: {reason}.") from None


def create(path: Path) -> sqlite3.Connection:
    """Make the file, for its owner's eyes only, and return a connection in the middle of a transaction.

    Raises:
        JournalError: There is a file already, or none can be made there.
    """
    try:
        return journal_format(path).create(path)
    except FileExistsError:
        if path.is_dir():
            raise JournalError(f"No journal can be made at {path}: it is a folder.") from None
        raise JournalError(
            f"There is a file at {path} already, and a run begins with a new one. Give another name, or none "
            f"to have it named after the time; or delete the file; or go on with that run: "
            f"open_run({str(path)!r}).resume(client), or lpnb send --resume --journal FILE."
        ) from None
    except OSError as error:
        raise JournalError(f"No journal can be made at {path}: {error.strerror}.") from None


def open_file(path: Path, *, to_write: bool, check: bool = True) -> sqlite3.Connection:
    """Open an existing journal, with a *check* of all that is in it.

    Raises:
        JournalError: It is missing, empty, damaged, another program's, or of a newer lpnb.
    """
    if not path.exists():
        raise JournalError(f"There is no journal at {path}. run_experiment(..., journal=...) begins one.")
    return journal_format(path).open(path, to_write=to_write, check=check)


def journal_format(path: Path) -> SqliteFormat:
    """What a journal is; *path* is named in what to do when it is being written."""
    return SqliteFormat(
        application=APPLICATION,
        version=FORMAT,
        schema=SCHEMA,
        error=JournalError,
        name="journal",
        one_writer=f"A journal has one writer; open_run({str(path)!r}) reads it meanwhile.",
        empty="it holds no run, so nothing can be gone on with.",
        unfinished="holds no run: making it was not finished, so nothing was sent from it.",
        if_damaged="Take a copy of it from before; what it says of sent requests cannot be relied on, so "
        "nothing is sent again from it.",
    )
