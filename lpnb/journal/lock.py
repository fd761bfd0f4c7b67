"""One writer a journal: a lock beside the file that names who holds it.

The operating system lets go of the lock when its holder dies, so that a journal is never left locked. The
database file itself is not used for it: closing a second handle of it would drop SQLite's own locks.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import weakref
from datetime import UTC, datetime
from pathlib import Path

from lpnb.errors import JournalError

if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _take(handle: int, *, shared: bool = False) -> None:
        os.lseek(handle, 4096, os.SEEK_SET)  # beyond the text, which others must be able to read
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int, *, shared: bool = False) -> None:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)


class Lock:
    """Held from the moment it exists until ``close``, by the process that took it and no child of it.

    Raises:
        JournalError: Somebody else writes; it says which process on which host. Or no lock can be made there.
    """

    def __init__(self, journal: Path) -> None:
        self.path = _beside(journal)
        self._handle = -1
        try:
            self._hold(journal)
        except (OSError, ValueError) as error:
            self._let_go()
            reason = getattr(error, "strerror", None) or str(error)
            raise JournalError(f"No journal can be written at {journal}: {reason}.") from None
        _held.add(self)

    def _hold(self, journal: Path) -> None:
        while True:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
            if not _taken(handle):
                os.close(handle)
                raise JournalError(_refusal(journal))
            # Whoever held it may have removed the file between the two steps above.
            if self._is_still(handle):
                break
            os.close(handle)
        holder = _read(self.path)
        if holder.get("host") not in (None, platform.node()):
            os.close(handle)
            raise JournalError(
                f"{_refusal(journal)} That is another machine, whose processes cannot be looked at from "
                f"here: if it has ended there, remove {self.path}."
            )
        self._handle = handle
        now = datetime.now(UTC).isoformat(" ", "seconds")
        mine = {
            "pid": os.getpid(),
            "host": platform.node(),
            "since": now,
        }
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, json.dumps(mine).encode())

    def close(self) -> None:
        """Let go. Doing so twice is harmless."""
        if self._handle < 0:
            return
        if sys.platform != "win32":  # there an open file cannot be removed
            if self._is_still(self._handle):  # somebody may have removed it, and another made one
                self.path.unlink(missing_ok=True)
        else:  # pragma: no cover
            os.ftruncate(self._handle, 0)
        self._let_go()

    def _let_go(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _is_still(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self.path))
        except FileNotFoundError:
            return False


_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def _forked() -> None:
    """A child has its parent's handles, and would hold on to the lock of a parent that died."""
    for lock in list(_held):
        lock._let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def _taken(handle: int) -> bool:
    """Take the lock; those who only look whether it is held have it for a moment too."""
    for _ in range(20):
        try:
            _take(handle)
        except OSError:
            time.sleep(0.01)
        else:
            return True
    return False


def is_written(journal: Path) -> bool:
    """Whether somebody writes *journal* at this moment."""
    try:
        handle = os.open(_beside(journal), os.O_RDWR)
    except OSError:
        return False
    try:
        _take(handle, shared=True)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _beside(journal: Path) -> Path:
    return journal.with_name(journal.name + ".lock")


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8", errors="replace") or "{}")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _refusal(journal: Path) -> str:
    holder = _read(_beside(journal))
    who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}"
    since = f" since {holder['since']}" if "since" in holder else ""
    return (
        f"{journal} is being written by {who}{since}. A journal has one writer; open_run({str(journal)!r}) "
        "reads it meanwhile."
    )
