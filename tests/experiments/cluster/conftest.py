"""Clusters on this machine: one inside the tests' own process for what is quick, real processes for kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def cluster():
    """The address of a scheduler with two workers, all of them in this process, speaking TCP.

    It ends with its module: its threads draw random numbers and open files, which other tests watch.
    """
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp://",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        worker_dashboard_address="127.0.0.1:0",
        memory_limit=0,
        silence_logs=50,
    ) as running:
        yield running.scheduler_address


class Processes:
    """Schedulers, workers and driving processes, each of which can be killed."""

    def __init__(self, nursery, folder):
        self._nursery = nursery
        self.folder = folder
        self.alive = []

    def start(self, what, **given):
        log = str(self.folder / f"{what}-{len(self.alive)}.log")
        self._nursery.stdin.write(json.dumps([what, log, given]) + "\n")
        self._nursery.stdin.flush()
        pid = int(self._nursery.stdout.readline())
        self.alive.append(pid)
        return pid

    def scheduler(self, **given):
        """Its pid, its address and the port of its pages."""
        told = self.folder / f"scheduler-{len(self.alive)}.json"
        pid = self.start("scheduler", told=str(told), **given)
        wait_for(told.exists)
        return pid, *json.loads(told.read_text())

    def worker(self, address, **given):
        folder = self.folder / f"worker-{len(self.alive)}"
        folder.mkdir()
        return self.start("worker", address=address, folder=str(folder), **given)

    def kill(self, pid):
        """kill -9, one process that was started here."""
        assert pid in self.alive
        if self.runs(pid):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self.runs(pid))

    @staticmethod
    def runs(pid):
        return Path(f"/proc/{pid}").exists()

    def said(self):
        """What all of them have logged."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


@pytest.fixture(scope="module")
def nursery():
    """A process that forks those that are killed."""
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("nursery.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        yield running
        running.stdin.close()


@pytest.fixture
def processes(nursery, tmp_path):
    """Processes of this test; none of them outlives it."""
    folder = tmp_path / "processes"
    folder.mkdir()
    started = Processes(nursery, folder)
    yield started
    for pid in started.alive:
        started.kill(pid)


def wait_for(condition, times=8000):
    """Return when *condition* holds."""
    pause = threading.Event()
    for _ in range(times):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it did not happen")


def truth(sandbox):
    """Every consumer's conversations, as the service has them."""
    found = {}
    for conversation in sandbox.conversations:
        found.setdefault(conversation.ext_consumer_id, []).append(conversation.conversation_id)
    return found


def assert_right(run, sandbox):
    """Each outcome is what the service knows, and no case has two conversations; returns how many of each."""
    known = truth(sandbox)
    table = run.table()
    for row in table.itertuples():
        there = known.get(row.consumer_id, [])
        assert len(there) <= 1, f"{row.case} has {len(there)} conversations"
        if row.outcome == "answered":
            assert there == [row.conversation_id]
        elif row.outcome in ("refused", "not sent", "planned"):
            assert there == [], f"{row.case} is {row.outcome}, and has a conversation"
    assert set(known) <= set(table["consumer_id"])
    return Counter(table["outcome"])
