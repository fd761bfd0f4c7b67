"""What every Python program that tests start does first."""

import os
import sys

# See tests/conftest.py.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def _run_in_fork(address: str) -> None:
    """Have tests/servers/fork_server.py run this program, hand its signals on, and end as it ends."""
    import json
    import signal
    import socket

    program = {"argv": sys.orig_argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}
    ended = 70
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(address)
            socket.send_fds(server, [b"+"], [0, 1, 2])
            server.sendall(json.dumps(program).encode() + b"\n")
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, _: server.send(bytes([number])))
            ended = int(server.recv(16))
        if ended < 0:
            signal.signal(-ended, signal.SIG_DFL)
            os.kill(os.getpid(), -ended)
    finally:
        os._exit(ended)


# A file, a module, or a server of Jupyter's as lpnb starts it.
_PROGRAM = " ".join(sys.orig_argv[1:3])
_IS_FORKED = _PROGRAM.startswith(("-m ", "-c import runpy, sys;")) or _PROGRAM[:1] not in ("", "-")
if "LPNB_FORK_SERVER" in os.environ and _IS_FORKED:
    _run_in_fork(os.environ["LPNB_FORK_SERVER"])
