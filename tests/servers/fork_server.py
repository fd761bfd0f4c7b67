"""Runs Python programs as forks of one process that has imported what they need of other people's packages.

A kernel or a command takes two seconds of CPU to import pandas, IPython and their like; a fork of this
process has them at once. It imports lpnb anew, as ever. Programs come from ``quick_start/sitecustomize.py``
where a test asks for the fixture ``forked_programs``.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import warnings
from typing import Any

PACKAGES = (
    "aiohappyeyeballs", "annotated_types", "httptools", "httpx", "ipykernel.debugger", "ipykernel.ipkernel",
    "ipykernel.kernelapp", "ipywidgets", "IPython.core.completerlib", "IPython.core.oinspect",
    "IPython.extensions.storemagic", "joserfc.jwt", "jupyterlab.labapp", "matplotlib.backends.backend_svg",
    "orjson", "pandas", "pyarrow", "pydantic.main", "pydantic.json_schema",
    "pydantic.plugin._schema_validator", "pydantic._internal._signature", "sqlite3", "starlette.routing",
    "tornado.platform.asyncio", "tqdm", "uvicorn.protocols.http.httptools_impl", "uvloop", "voila.app",
)  # fmt: skip


def wait_for_program(listener: socket.socket) -> list[str]:
    """Fork for each program that comes, and tell whoever sent it how it ended; return in the forks alone.

    Ends with the standard input, and with it all that still runs.
    """
    senders: dict[socket.socket, int] = {}  # with the process that was forked
    ends: dict[int, socket.socket] = {}  # descriptors that can be read once the process has ended
    while True:
        for ready in select.select([0, listener, *senders, *ends], [], [])[0]:
            if ready == 0:
                for pid in senders.values():
                    os.kill(pid, signal.SIGKILL)
                os._exit(0)
            elif ready is listener:
                sender, _ = listener.accept()
                sender.settimeout(60)
                streams: list[int] = []
                try:
                    _, streams, _, _ = socket.recv_fds(sender, 1, 3)
                    with sender.makefile("rb") as lines:
                        program = json.loads(lines.readline())
                except (OSError, ValueError):  # it was killed before it had said what to run
                    for stream in streams:
                        os.close(stream)
                    sender.close()
                    continue
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # Python from 3.12 on counts the threads of numpy
                    pid = os.fork()
                if pid == 0:
                    for other in (listener, sender, *senders):
                        other.close()
                    for end in ends:
                        os.close(end)
                    become(program, streams)
                    return program["argv"]
                for stream in streams:
                    os.close(stream)
                senders[sender] = pid
                ends[os.pidfd_open(pid)] = sender
            elif ready in ends:
                sender = ends.pop(ready)
                os.close(ready)
                ended = os.waitstatus_to_exitcode(os.waitpid(senders.pop(sender), 0)[1])
                with contextlib.suppress(OSError):
                    sender.sendall(str(ended).encode())
                sender.close()
            elif ready in senders:  # its signals; nothing when it was killed
                for number in ready.recv(16) or [signal.SIGKILL]:
                    os.kill(senders[ready], number)


def become(program: dict[str, Any], streams: list[int]) -> None:
    """Take over the streams, the folder and the environment of *program*."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    os.chdir(program["folder"])
    os.environ.clear()
    os.environ.update(program["environment"])
    first = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path not in sys.path]
    sys.path[1:1] = first


def run(argv: list[str]) -> None:
    """What ``python`` does with these arguments: ``-m MODULE ...``, ``-c CODE ...`` or ``FILE ...``."""
    if argv[0] == "-c":
        sys.path[0] = ""
        sys.argv = ["-c", *argv[2:]]
        exec(argv[1], {"__name__": "__main__"})
    elif argv[0] == "-m":
        sys.path[0] = os.getcwd()
        sys.argv = argv[1:]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(argv[0])
        sys.argv = argv
        runpy.run_path(argv[0], run_name="__main__")


def end_fork(code: int) -> None:
    """End this fork as a program of its own ends."""
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(sys.argv[1])
        listening.listen(256)
        print("ready", flush=True)  # who comes before all is imported waits
        os.environ["OPENBLAS_NUM_THREADS"] = "1"  # threads are not there in a fork
        for package in PACKAGES:
            importlib.import_module(package)
        gc.collect()
        gc.freeze()
        came = wait_for_program(listening)
    ended = 0
    try:
        run(came)
    except SystemExit as end:
        ended = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        ended = 1
        sys.excepthook(*sys.exc_info())
    finally:
        end_fork(ended)
