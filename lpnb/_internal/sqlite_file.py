"""SQLite files of lpnb's own: made for their owner alone, opened hardened, and refused in words when odd.

Such a file may come from elsewhere: nothing in it is executed, and one that holds what lpnb never wrote is
refused.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

from lpnb._internal.private_files import secure
from lpnb._internal.writer_lock import FileLock, LockHeldError
from lpnb.errors import LpnbError

_MAGIC = b"SQLite format 3\x00"
_BUSY_SECONDS = 10.0
_ENDS = ("", "-wal", "-shm", "-journal")
#: Errors that say nothing about what is in the file.
_NOT_THE_FILES_FAULT = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
)


@dataclass(frozen=True)
class SqliteFormat:
    """One kind of file: how it is made and known, and the words for what is wrong with one.

    Attributes:
        application: Its ``PRAGMA application_id``.
        version: Its ``PRAGMA user_version``; 0 stands in a file that was not made to its end.
        schema: Statements that make its tables, each ended by a semicolon.
        error: What is raised.
        name: What it is called, such as "journal".
        one_writer: Why a second writer is refused, and what to do.
        empty: What an empty file means.
        unfinished: What a file means that was not made to its end.
        if_damaged: What to do about a damaged one.
    """

    application: int
    version: int
    schema: str
    error: type[LpnbError]
    name: str
    one_writer: str
    empty: str
    unfinished: str
    if_damaged: str

    @property
    def statements(self) -> list[str]:
        """The statements of the schema, one by one."""
        return [statement.strip() for statement in self.schema.split(";") if statement.strip()]

    def damage_error(self, path: Path, finding: str) -> LpnbError:
        """The error for a damaged file."""
        finding = " ".join(finding.split())[:200].rstrip(".")
        return self.error(f"{path} is damaged ({finding}). {self.if_damaged}")

    def lock(self, path: Path) -> FileLock:
        """Take the one writer's place at *path*.

        Raises:
            LpnbError: Somebody else has it, or no lock can be made there.
        """
        try:
            return FileLock(path)
        except LockHeldError as error:
            sentence = f"{path} is being written by {error.holder}. {self.one_writer}"
            if error.removable is not None:
                sentence += (
                    " That is another machine, whose processes cannot be looked at from here: if it has "
                    f"ended there, remove {error.removable}."
                )
            raise self.error(sentence) from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise self.error(f"No {self.name} can be written at {path}: {reason}.") from None

    def create(self, path: Path) -> sqlite3.Connection:
        """Make the tables in a new file, mode 0600, and return a connection in the middle of a transaction.

        Raises:
            FileExistsError: There is a file already.
            OSError: None can be made there.
        """
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        connection = None
        try:
            connection = self._connect(path, "rw")
            _harden(connection)
            # First: whatever is there from now on says whose it is.
            connection.execute(f"PRAGMA application_id = {self.application}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("BEGIN IMMEDIATE")
            for statement in self.statements:
                connection.execute(statement)
        except BaseException:
            if connection is not None:
                connection.close()
            remove(path)
            raise
        return connection

    def finish_creation(self, connection: sqlite3.Connection) -> None:
        """Commit what ``create`` and the caller began. Only now the file is whole."""
        connection.execute(f"PRAGMA user_version = {self.version}")
        connection.execute("COMMIT")

    def open(self, path: Path, *, to_write: bool, check: bool = True) -> sqlite3.Connection:
        """Open an existing file, with a *check* of all that is in it.

        Raises:
            LpnbError: It is empty, damaged, another program's, or of another lpnb.
        """
        self._check_head(path)
        connection = self._connect(path, "rw" if to_write else _reading_mode(path))
        try:
            _harden(connection)
            if to_write:
                self._check_size(connection, path)  # to a reader it may be growing
            if check:
                self._check(connection, path)
            connection.execute("PRAGMA synchronous = FULL" if to_write else "PRAGMA query_only = ON")
        except sqlite3.DatabaseError as error:
            connection.close()
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code == sqlite3.SQLITE_CANTOPEN and not os.access(path.parent, os.W_OK):
                raise self.error(
                    f"{path} cannot be read in this folder: its latest rows are in {path.name}-wal, "
                    "and reading them needs a folder that you may write to. Copy both files there."
                ) from None
            if code in _NOT_THE_FILES_FAULT:
                raise self.error(f"{path} cannot be opened: {error}.") from None
            raise self.damage_error(path, str(error)) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def open_or_create(self, path: Path) -> sqlite3.Connection:
        """Open the file to write, or make it where there is none yet, or only one without any table.

        Raises:
            LpnbError: It is damaged, another program's, or of another lpnb; or none can be made there.
        """
        if path.exists() and not self._is_blank(path):
            return self.open(path, to_write=True)
        try:
            secure_all(path)
            remove(path)
            connection = self.create(path)
            self.finish_creation(connection)
        except OSError as error:
            raise self.error(f"{path} cannot be opened: {error.strerror}.") from None
        return connection

    def _is_blank(self, path: Path) -> bool:
        """Whether there is nothing in the file: making it was not finished."""
        if not path.is_file() or not path.stat().st_size:
            return path.is_file()
        with (
            contextlib.suppress(sqlite3.Error),
            contextlib.closing(self._connect(path, "ro")) as connection,
        ):
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return application in (0, self.application) and not tables
        return False

    def _connect(self, path: Path, mode: str) -> sqlite3.Connection:
        """Open the file; it and what SQLite puts beside it are looked at before and after."""
        check = secure_all if mode == "rw" else _refuse_links_beside
        try:
            check(path)
            identity = path.stat()
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise self.error(f"{path} cannot be opened: {error}.") from None
        except OSError as error:
            raise self.error(f"{path} cannot be opened: {error.strerror}.") from None
        try:
            connection.execute("PRAGMA schema_version")  # opens the file, which until then is a mere name
            check(path)
            if not os.path.samestat(identity, path.stat()):
                raise OSError(0, "another file was put in its place")
        except OSError as error:
            connection.close()
            raise self.error(f"{path} cannot be opened: {error.strerror}.") from None
        except sqlite3.Error:
            pass  # what is wrong with it is said by whoever asked for it
        return connection

    def _check_head(self, path: Path) -> None:
        if not path.is_file():
            raise self.error(f"{path} is not a file.")
        try:
            with path.open("rb") as file:
                head = file.read(len(_MAGIC))
        except OSError as error:
            raise self.error(f"{path} cannot be read: {error.strerror}.") from None
        if not head:
            raise self.error(f"{path} is empty: {self.empty}")
        if head != _MAGIC:
            raise self.error(f"{path} is not a {self.name}: it does not begin as an SQLite file does.")

    def _check(self, connection: sqlite3.Connection, path: Path) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != self.application:
            raise self.error(f"{path} is an SQLite file of another program, not a {self.name}.")
        if version > self.version:
            raise self.error(
                f"{path} is in format {version} of a newer lpnb; this one knows {self.version}. Upgrade lpnb "
                "to open it."
            )
        if version < self.version:
            raise self.error(f"{path} {self.unfinished}")
        tables = connection.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL")
        if strange := {_single_line(sql) for (sql,) in tables} - set(map(_single_line, self.statements)):
            raise self.error(
                f"{path} is damaged, or somebody has changed it: it holds {min(strange)[:60].rstrip()!r}."
            )
        (finding, *_) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if finding != "ok":
            raise self.damage_error(path, finding)

    def _check_size(self, connection: sqlite3.Connection, path: Path) -> None:
        """SQLite reads a last page that was cut off as if zeros stood there."""
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        if path.stat().st_size % page:
            raise self.damage_error(path, "its end is cut off")


def secure_all(path: Path) -> None:
    """See that a file, and what SQLite puts beside it, are one's own and no links, and keep them so.

    Raises:
        OSError: One of them is not.
    """
    secure([path.with_name(path.name + end) for end in _ENDS])


def _refuse_links_beside(path: Path) -> None:
    """Others' files, and those behind a link, may be read; but SQLite writes beside them even then."""
    real = path.resolve()
    for end in _ENDS[1:]:
        if (beside := real.with_name(real.name + end)).is_symlink():
            raise OSError(0, f"{beside.name} is a link")


def remove(path: Path) -> None:
    """Remove a file that was not made to its end, and what SQLite put beside it."""
    for end in _ENDS:
        path.with_name(path.name + end).unlink(missing_ok=True)


def _reading_mode(path: Path) -> str:
    """How a reader opens it: as never changing, where nobody writes and nothing can be put beside it."""
    wal, index = (path.with_name(path.name + end) for end in ("-wal", "-shm"))
    holds = wal.exists() and (index.exists() or wal.stat().st_size)  # an empty one alone was left behind
    return "ro" if os.access(path.parent, os.W_OK) or holds else "ro&immutable=1"


def _harden(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)


def _single_line(sql: str) -> str:
    return " ".join(sql.split())
