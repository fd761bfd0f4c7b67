"""Files that are the user's own: no link is followed, and nobody else may read or change them."""

import errno
import os
import stat
from pathlib import Path


def open_own(path: Path, flags: int) -> int:
    """Open *path*, made with mode 0600 where it is not there.

    Raises:
        OSError: It cannot be opened, is a link or no plain file, or belongs to another user.
    """
    check_own(path)
    safe = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK"))
    handle = os.open(path, flags | os.O_CREAT | safe, 0o600)
    try:
        _check(path, os.fstat(handle))
    except BaseException:
        os.close(handle)
        raise
    return handle


def check_own(path: Path) -> None:
    """See that *path*, where it is there, is one's own and no link, and take it from all others.

    Raises:
        OSError: It is not.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    _check(path, status)
    if hasattr(os, "geteuid") and status.st_mode & 0o077:
        path.chmod(0o600)


def _check(path: Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        reason = f"{path.name} is a link. Name the file that it leads to"
    elif not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):  # a folder says so itself
        reason = f"{path.name} is no plain file"
    elif hasattr(os, "geteuid") and status.st_uid not in (0, os.geteuid()):
        reason = f"{path.name} belongs to another user (number {status.st_uid})"
    else:
        return
    raise OSError(errno.EPERM, reason, str(path))
