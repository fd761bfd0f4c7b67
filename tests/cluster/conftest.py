"""Clusters on this machine: one inside the tests' own process for what is quick, real processes for kills."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="session")
def cluster():
    """The address of a scheduler with two workers, all of them in this process, speaking TCP."""
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


class Part:
    """A scheduler or a worker in a process of its own."""

    def __init__(self, what, *options, log=None):
        command = [sys.executable, "-m", "distributed.cli.dask_" + what, *options]
        self.log = subprocess.DEVNULL if log is None else log.open("wb")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    @property
    def pid(self):
        return self.process.pid


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
