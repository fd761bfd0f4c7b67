"""One writer a file: a lock beside it that names the process which holds it.

The operating system lets go of the lock when its holder dies, so that a file is never left locked. An SQLite
file itself is not used for it: closing a second handle of it would drop SQLite's own locks.
"""

from __future__ import annotations

import json
import os
import platform
import time
import weakref
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from lpnb._internal.private_files import open_private

#: Where Windows locks a byte: behind the text, which others must be able to read.
_LOCKED_BYTE = 4096


class LockSystem(Protocol):
    """How an operating system locks an open file."""

    can_remove_open_files: bool

    def take(self, handle: int, *, shared: bool = False) -> None:
        """Lock it, or raise OSError when somebody else has it."""
        ...


class PosixLocks:
    """``flock``, as Linux and macOS have it."""

    can_remove_open_files = True

    def __init__(self, fcntl: Any) -> None:
        self._fcntl = fcntl

    def take(self, handle: int, *, shared: bool = False) -> None:
        """Lock the whole file."""
        kind = self._fcntl.LOCK_SH if shared else self._fcntl.LOCK_EX
        self._fcntl.flock(handle, kind | self._fcntl.LOCK_NB)


class WindowsLocks:
    """``msvcrt.locking``, which knows no shared lock."""

    can_remove_open_files = False

    def __init__(self, msvcrt: Any) -> None:
        self._msvcrt = msvcrt

    def take(self, handle: int, *, shared: bool = False) -> None:
        """Lock one byte."""
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        self._msvcrt.locking(handle, self._msvcrt.LK_NBLCK, 1)


_system: LockSystem = (
    WindowsLocks(import_module("msvcrt")) if os.name == "nt" else PosixLocks(import_module("fcntl"))
)


class LockHeldError(Exception):
    """Somebody else writes the file.

    Attributes:
        holder: Who, in words: process, host, and since when.
        removable: The lock's file, when its holder is on another machine and cannot be looked at from here.
    """

    def __init__(self, holder: str, removable: Path | None = None) -> None:
        super().__init__(holder)
        self.holder = holder
        self.removable = removable


class FileLock:
    """Held from the moment it exists until ``close``, by the process that took it and no child of it.

    Raises:
        LockHeldError: Somebody else holds it.
        OSError, ValueError: No lock can be made there.
    """

    def __init__(self, file: Path) -> None:
        self.path = _lock_path(file)
        self._handle = -1
        try:
            self._take()
        except BaseException:
            self._release()
            raise
        _held_locks.add(self)

    def _take(self) -> None:
        while True:
            handle = open_private(self.path, os.O_RDWR | os.O_CREAT)
            if not _is_taken(handle):
                os.close(handle)
                raise LockHeldError(_holder_text(_holder(self.path)))
            # Whoever held it may have removed the file between the two steps above.
            if self._is_still(handle):
                break
            os.close(handle)
        holder = _holder(self.path)
        if holder.get("host") not in (None, platform.node()):
            os.close(handle)
            raise LockHeldError(_holder_text(holder), self.path)
        self._handle = handle
        now = datetime.now(UTC).isoformat(" ", "seconds")
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, json.dumps({"pid": os.getpid(), "host": platform.node(), "since": now}).encode())

    def close(self) -> None:
        """Let go. Doing so twice is harmless."""
        if self._handle < 0:
            return
        if not _system.can_remove_open_files:
            os.ftruncate(self._handle, 0)
        elif self._is_still(self._handle):  # somebody may have removed it, and another made one
            self.path.unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _is_still(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self.path))
        except FileNotFoundError:
            return False


_held_locks: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _release_in_child() -> None:
    """A child has its parent's handles, and would hold on to the lock of a parent that died."""
    for lock in list(_held_locks):
        lock._release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release_in_child)


def is_locked(file: Path) -> bool:
    """Whether somebody writes *file* at this moment."""
    try:
        handle = open_private(_lock_path(file), os.O_RDWR)
    except OSError:
        return False
    try:
        _system.take(handle, shared=True)
    except OSError:
        return True
    finally:
        os.close(handle)
    return False


def _is_taken(handle: int) -> bool:
    """Take the lock; those who only look whether it is held have it for a moment too."""
    for _ in range(20):
        try:
            _system.take(handle)
        except OSError:
            time.sleep(0.01)
        else:
            return True
    return False


def _lock_path(file: Path) -> Path:
    return file.with_name(file.name + ".lock")


def _holder(path: Path) -> dict[str, object]:
    try:
        holder = json.loads(path.read_text(encoding="utf-8", errors="replace") or "{}")
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}


def _holder_text(holder: dict[str, object]) -> str:
    since = f" since {holder['since']}" if "since" in holder else ""
    return f"process {holder.get('pid', '?')} on {holder.get('host', '?')}{since}"
