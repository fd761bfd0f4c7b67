"""How the tests speak to kernels: through socket files, which no other test can take."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path

#: Jupyter picks a kernel's TCP ports long before the kernel binds them. Beside tests that bind a thousand,
#: one of them is taken now and then, and the notebook waits for a kernel that never answers.
TRANSPORT = {"transport": "ipc"}


def socket_folder() -> Path:
    """A folder with a short name, for this process: the whole path of a socket has at most 107 characters."""
    return _folder_of(os.getpid())  # and not its parent's: workers of the tests are forks


@functools.cache
def _folder_of(_process: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="lpnb-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
