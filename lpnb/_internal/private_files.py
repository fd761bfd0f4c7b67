"""Files of one's own: opened without following a link, checked as they are opened, and kept from others."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

#: Without effect where the system knows no such thing; a FIFO that somebody planted keeps nobody waiting.
_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK", "O_BINARY"))


def open_private(path: Path, flags: int) -> int:
    """Open *path* with *flags*, made with mode 0600 where O_CREAT asks for it, and take it from all others.

    Raises:
        OSError: It cannot be opened, is a link or no plain file, or belongs to another user; ``strerror`` is
            the reason in words.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     handle = open_private(Path(folder, "own"), os.O_RDWR | os.O_CREAT)
        ...     oct(os.fstat(handle).st_mode & 0o777), os.close(handle)
        ('0o600', None)
    """
    try:
        handle = os.open(path, (flags & ~os.O_TRUNC) | _FLAGS, 0o600)
    except OSError as error:
        if path.is_symlink():
            raise _refusal(path, f"{path.name} is a link. Name the file that it leads to") from None
        raise OSError(error.errno, error.strerror, str(path)) from None
    try:
        status = os.fstat(handle)
        if trouble := _trouble(path, status):
            raise _refusal(path, trouble)
        if hasattr(os, "fchmod") and status.st_mode & 0o077:
            os.fchmod(handle, 0o600)
        if flags & os.O_TRUNC:
            os.ftruncate(handle, 0)
    except BaseException:
        os.close(handle)
        raise
    return handle


def write_private(path: Path, content: bytes) -> None:
    """Write *content* to *path*, a file of one's own, in place of what was there.

    Raises:
        OSError: As ``open_private``, or it cannot be written.
    """
    with os.fdopen(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
        file.write(content)


def secure(paths: Iterable[Path]) -> None:
    """See that those of *paths* that there are are no links and one's own; take them from all others.

    None is opened. For what SQLite has open: closing another handle of it would drop SQLite's own locks.

    Raises:
        OSError: One is a link or no plain file, or belongs to another user.
    """
    for path in paths:
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        if trouble := _trouble(path, status):
            raise _refusal(path, trouble)
        if hasattr(os, "geteuid") and status.st_mode & 0o077:
            path.chmod(0o600)


def _trouble(path: Path, status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return f"{path.name} is a link. Name the file that it leads to"
    if not stat.S_ISREG(status.st_mode):
        return f"{path.name} is no plain file"
    if hasattr(os, "geteuid") and status.st_uid not in (0, os.geteuid()):
        return f"{path.name} belongs to another user (number {status.st_uid})"
    return None


def _refusal(path: Path, reason: str) -> OSError:
    return OSError(errno.EPERM, reason, str(path))
