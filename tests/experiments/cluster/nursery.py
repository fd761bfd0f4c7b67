"""Imports once and forks a scheduler, a worker or a driving process for every line that it reads.

A process of Dask's own takes seconds to import what it needs; a fork of this one has it at once.
"""

import asyncio
import json
import os
import signal
import sys
import warnings
from pathlib import Path

import distributed

from lpnb import Client, JournalError, Settings, open_run, run_experiment

HERE = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}


def tell(told, text):
    Path(f"{told}.part").write_text(text)
    Path(f"{told}.part").rename(told)


async def scheduler(told):
    async with distributed.Scheduler(port=0, **HERE) as running:
        tell(told, json.dumps([running.address, running.http_server.port]))
        await running.finished()


async def worker(address, folder):
    warnings.simplefilter("ignore")
    async with distributed.Worker(
        address, nthreads=1, local_directory=folder, memory_limit=0, **HERE
    ) as running:
        await running.finished()


def driver(environment, journal, cases, cluster, concurrency):
    client = Client(Settings.of(environment))
    found = None
    if Path(journal).exists():
        try:
            found = open_run(journal)
        except JournalError:  # making it was not finished, so nothing was sent from it
            for path in Path(journal).parent.glob(Path(journal).name + "*"):
                path.unlink()
    options = {"cluster": cluster, "concurrency": concurrency, "progress": False}
    if found is None:
        run_experiment(client, [{}] * cases, journal=journal, **options)
    else:
        found.resume(client, **options)


def child(what, log, given):
    handle = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    if given.pop("debug", False):
        import logging

        logging.basicConfig(level=logging.DEBUG, force=True)
        for name in list(logging.root.manager.loggerDict):
            logging.getLogger(name).setLevel(logging.DEBUG)
    if what == "driver":
        driver(**given)
    else:
        asyncio.run({"scheduler": scheduler, "worker": worker}[what](**given))


if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        what, log, given = json.loads(line)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                child(what, log, given)
                status = 0
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                os._exit(status)
        print(pid, flush=True)
