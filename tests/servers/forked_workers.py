"""Starts the workers of the tests as forks of one process that has imported all modules of tests."""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
import logging
import os
import socket
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.pathlib import import_path, module_name_from_path
from fork_server import end_fork, wait_for_program


@contextlib.contextmanager
def forks_of_this_process(address: Path, config: pytest.Config) -> Iterator[str]:
    """The Python that has execnet's line run in a fork of this process, which *config* has set up."""
    with socket.socket(socket.AF_UNIX) as listener, warnings.catch_warnings():
        listener.bind(str(address))
        listener.listen()
        open_until_the_end, lifeline = os.pipe()
        warnings.simplefilter("ignore")  # Python from 3.12 on counts the threads of numpy
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.dup2(open_until_the_end, 0)
            os.close(lifeline)
            _run_worker(config, listener)
    os.close(open_until_the_end)
    yield f"env LPNB_FORK_SERVER={address} {sys.executable} -m worker"
    os.close(lifeline)
    os.waitpid(pid, 0)


def _run_worker(config: pytest.Config, listener: socket.socket) -> None:
    """Import what the workers would each import, and be one of them wherever one is asked for."""
    try:
        atexit._clear()
        logging.getLogger().handlers.clear()
        os.environ["OPENBLAS_NUM_THREADS"] = "1"  # threads are not there in a fork
        gc.disable()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            _import_modules(config)
        gc.collect()
        gc.freeze()
        line = wait_for_program(listener)[-1]
        del os.environ["LPNB_FORK_SERVER"]
        gc.enable()
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(line, vars(main))
    except SystemExit:
        pass
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        end_fork(0)


def _import_modules(config: pytest.Config) -> None:
    """Import the modules of the tests that were asked for; a worker meets again whatever goes wrong."""
    for place in [config.rootpath / argument.partition("::")[0] for argument in config.args]:
        files = {place} if place.is_file() else {*place.rglob("conftest.py"), *place.rglob("test_*.py")}
        for path in sorted(files):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    import_path(
                        path, mode="importlib", root=config.rootpath, consider_namespace_packages=False
                    )
            except BaseException:
                sys.modules.pop(module_name_from_path(path, config.rootpath), None)
