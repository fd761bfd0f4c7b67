"""Making a journal's file and opening it again, or saying why that cannot be done.

A journal may come from elsewhere: nothing in the file is executed, and a file that holds what lpnb never
wrote is refused.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

from lpnb.errors import JournalError
from lpnb.journal.schema import APPLICATION, FORMAT, SCHEMA

_MAGIC = b"SQLite format 3\x00"
_BUSY_SECONDS = 10.0
_NOT_THE_FILES_FAULT = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
)


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
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
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
    connection = None
    try:
        connection = _connect(path, "rw")
        _harden(connection)
        connection.execute(
            f"PRAGMA application_id = {APPLICATION}"
        )  # first: whatever is there says whose it is
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in _statements(SCHEMA):
            connection.execute(statement)
    except BaseException:
        if connection is not None:
            connection.close()
        remove(path)
        raise
    return connection


def remove(path: Path) -> None:
    """Remove the file of a journal that was not begun, and what SQLite put beside it."""
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def finish_creation(connection: sqlite3.Connection) -> None:
    """Commit what ``create`` and the caller began. Only now the file is a journal."""
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")


def open_file(path: Path, *, to_write: bool, look: bool = True) -> sqlite3.Connection:
    """Open an existing journal, after a *look* at all of it.

    Raises:
        JournalError: It is missing, empty, damaged, another program's, or of a newer lpnb.
    """
    _look_at(path)
    connection = _connect(path, "rw" if to_write else _reading_mode(path))
    try:
        _harden(connection)
        if to_write:
            _check_size(connection, path)  # to a reader it may be growing
        if look:
            _check(connection, path)
        if to_write:
            connection.execute("PRAGMA synchronous = FULL")
        else:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.DatabaseError as error:
        connection.close()
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_CANTOPEN and not os.access(path.parent, os.W_OK):
            raise JournalError(
                f"{path} cannot be read where it is: {path.name}-wal holds the last of it, and reading that "
                "needs a folder that is yours to write in. Copy both there."
            ) from None
        if code in _NOT_THE_FILES_FAULT:
            raise JournalError(f"{path} cannot be opened: {error}.") from None
        raise JournalError(_damaged(path, str(error))) from None
    except BaseException:
        connection.close()
        raise
    return connection


def _look_at(path: Path) -> None:
    if not path.exists():
        raise JournalError(f"There is no journal at {path}. run_experiment(..., journal=...) begins one.")
    if not path.is_file():
        raise JournalError(f"{path} is not a file.")
    try:
        with path.open("rb") as file:
            head = file.read(len(_MAGIC))
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}.") from None
    if not head:
        raise JournalError(f"{path} is empty: it holds no run, so nothing can be gone on with.")
    if head != _MAGIC:
        raise JournalError(f"{path} is not a journal: it does not begin as an SQLite file does.")


def _reading_mode(path: Path) -> str:
    """How a reader opens it: as never changing, where nobody writes and nothing can be put beside it."""
    wal, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    holds = wal.exists() and (index.exists() or wal.stat().st_size)  # an empty one alone was left behind
    return "ro" if os.access(path.parent, os.W_OK) or holds else "ro&immutable=1"


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise JournalError(f"{path} cannot be opened: {error}.") from None


def _harden(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)


def _check(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (form,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise JournalError(f"{path} is an SQLite file of another program, not a journal.")
    if form > FORMAT:
        raise JournalError(
            f"{path} is in format {form} of a newer lpnb; this one knows {FORMAT}. Upgrade lpnb to open it."
        )
    if form < FORMAT:
        raise JournalError(f"{path} holds no run: making it was not finished, so nothing was sent from it.")
    found = {_plain(sql) for (sql,) in connection.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL")}
    if strange := found - {_plain(sql) for sql in _statements(SCHEMA)}:
        raise JournalError(
            f"{path} is damaged or was made to deceive: it holds {min(strange)[:60].rstrip()!r}."
        )
    (finding, *_) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if finding != "ok":
        raise JournalError(_damaged(path, finding))


def _check_size(connection: sqlite3.Connection, path: Path) -> None:
    """SQLite reads a last page that was cut off as if zeros stood there."""
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    if path.stat().st_size % page:
        raise JournalError(_damaged(path, "its end is cut off"))


def _damaged(path: Path, finding: str) -> str:
    said = " ".join(finding.split())[:200].rstrip(".")
    return (
        f"{path} is damaged ({said}). Take a copy of it from before; what it says of sent requests cannot be "
        "relied on, so nothing is sent again from it."
    )


def _statements(script: str) -> list[str]:
    return [statement.strip() for statement in script.split(";") if statement.strip()]


def _plain(sql: str) -> str:
    return " ".join(sql.split())
