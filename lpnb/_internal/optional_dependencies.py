"""The pip command that installs one of lpnb's extras into the running Python.

It installs nothing itself.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from importlib.util import find_spec


def install_command(extra: str) -> str:
    """Return the command that adds *extra* to this Python's packages, in a clone as anywhere.

    An lpnb that is installed already, also one installed from a clone, stays as it is: only what the extra
    needs is added.

    Example:
        >>> install_command("plots")  # doctest: +ELLIPSIS
        '... "lpnb[plots]"'
    """
    if find_spec("pip") is None:  # environments made by uv have none
        return f'uv pip install --python {_shell_word(sys.executable)} "lpnb[{extra}]"'
    return f'{_shell_word(sys.executable)} -m pip install "lpnb[{extra}]"'


def _shell_word(path: str) -> str:
    return subprocess.list2cmdline([path]) if os.name == "nt" else shlex.quote(path)
