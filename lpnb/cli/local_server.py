"""A Jupyter server or a page as a child process on loopback: its port, its start and its orderly end."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def port_number(text: str) -> int:
    """An argparse type: a port as a number from 0 to 65535.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    if not (text.isascii() and text.isdigit() and 0 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535; got {text!r}")
    return int(text)


def prepend_to_path(folder: str, variable: str) -> str:
    """The search path of the environment's *variable* with *folder* as its first entry."""
    search_path = os.environ.get(variable)
    return f"{folder}{os.pathsep}{search_path}" if search_path else folder


def exit_on_termination() -> None:
    """Let SIGTERM, and the terminal's end, unwind this process, which stops its server too."""
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: sys.exit(0))


#: Runs a module as ``python -m`` does, without the parsers of international addresses (IRIs) that jsonschema
#: would make as it is imported: three seconds of work, and nothing that Jupyter checks has such a format.
_START = (
    "import runpy, sys; sys.modules['rfc3987_syntax'] = None; del sys.argv[0]; "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


def module_command(module: str) -> list[str]:
    """The command that starts Jupyter's *module* with this Python; its arguments follow.

    Example:
        >>> module_command("jupyterlab")[-1]
        'jupyterlab'
    """
    return [sys.executable, "-c", _START, module]


@contextlib.contextmanager
def server_process(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server in a session of its own and end it with the block; Ctrl-C ends the block quietly."""
    # A session of its own, so that Ctrl-C comes to us alone and the server does not ask back.
    process = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
    try:
        yield process
    except KeyboardInterrupt:
        pass
    finally:
        _stop(process)


def answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server answers, for a minute at most; False when it has ended or does not."""
    give_up = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < give_up:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/api")  # without a token: any answer will do
            connection.getresponse()
            return True
        time.sleep(0.1)
    return False


def print_address(process: subprocess.Popen[bytes], port: int, address: str) -> bool:
    """Print where the server is: when it answers, or after a minute all the same; False when it has ended."""
    if not answers(process, port):
        if process.poll() is not None:
            return False
        print("It does not answer yet; it may still be starting. Its address:", file=sys.stderr)
    print(address, flush=True)
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server and, with it, its kernels; by force if it does not listen."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)
