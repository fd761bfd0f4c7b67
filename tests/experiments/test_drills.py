"""Runs that go wrong in every way there is, held against what the service itself knows.

Short every day; ``--drills`` kills a run of 2,000 cases twenty times in place of three times one of 150, and
sends 4,000 cases through every fault in place of 300.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter

import pytest

from lpnb import Client, Sandbox, Settings, open_run, run_experiment, start_experiment
from lpnb.sandbox.faults.faults import FAULTS

# Imports once and forks a runner for every line it reads.
NURSERY = """
import json, os, signal, sys
from pathlib import Path
import lpnb.experiments.cases.cases, lpnb.experiments.runs.start, lpnb.models.batches
import lpnb.journal, lpnb.transport.http_transport
from lpnb import Client, JournalError, Settings, open_run, run_experiment
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
def run(environment, journal, count):
    client = Client(Settings.of(environment))
    cases = [{"case": f"c{n}", "ctmrinfo.ctype": "vip" if n % 2 else "gold"} for n in range(count)]
    try:
        found = open_run(journal) if Path(journal).exists() else None
    except JournalError as error:
        assert "making it was not finished" in str(error) or "is empty" in str(error), error
        for path in Path(journal).parent.glob(Path(journal).name + "*"):
            path.unlink()
        found = None
    if found is None:
        run_experiment(client, cases, journal=journal, progress=False)
    else:
        found.resume(client, cases)
for line in sys.stdin:
    given = json.loads(line)
    child = os.fork()
    if child == 0:
        run(**given)
        os._exit(0)
    print(child, flush=True)
"""


def truth(sandbox):
    """Every consumer's conversations, as the service has them."""
    found = {}
    for conversation in sandbox.conversations:
        found.setdefault(conversation.ext_consumer_id, []).append(conversation.conversation_id)
    return found


def assert_right(run, sandbox):
    """Each outcome is what the service knows: nothing is claimed that is not so, and nothing is twice."""
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


def wait_for(condition, times=6000):
    pause = threading.Event()
    for _ in range(times):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it did not happen")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")
def test_a_run_killed_at_random_moments_loses_nothing_and_repeats_nothing(sandbox, tmp_path, drills):
    kills, count = (20, 2000) if drills else (3, 150)
    journal = tmp_path / "run.sqlite"
    line = json.dumps({"environment": sandbox.environment(), "journal": str(journal), "count": count})
    chance = random.Random(5)
    with subprocess.Popen(
        [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as nursery:
        for _ in range(kills):
            before = sandbox.calls["conversation"]
            nursery.stdin.write(line + "\n")
            nursery.stdin.flush()
            child = int(nursery.stdout.readline())
            share = chance.randrange(0, max(2, count // (kills + 1)))
            wait_for(lambda so_far=before + share: sandbox.calls["conversation"] >= so_far)
            os.kill(child, signal.SIGKILL)
            wait_for(lambda pid=child: not os.path.exists(f"/proc/{pid}"))
        nursery.stdin.close()

    with Client(Settings.of(sandbox.environment())) as client:
        run = open_run(journal).resume(client)
        assert run.state == "done"
        assert len(run.table()) == count
        outcomes = assert_right(run, sandbox)
        assert set(outcomes) <= {"answered", "unknown"}

        settled = run.settle()
        assert settled.unknown == ()
        after = assert_right(run, sandbox)
        assert set(after) <= {"answered", "not sent"}
        assert after["not sent"] == len(settled.absent)
        assert len(truth(sandbox)) == after["answered"]

        run.resume()
    print(f"{kills} kills, {outcomes}, settled: {settled}".splitlines()[0])
    assert assert_right(run, sandbox) == {"answered": count}


SERVICE = """
import sys
from lpnb.sandbox import Sandbox
sandbox = Sandbox(port=int(sys.argv[1]), state_file=sys.argv[2]).start()
sandbox.fail("conversation", "slow", None, seconds=0.03)  # so that several are under way when it dies
print(sandbox.port, flush=True)
sys.stdin.read()
"""


class Service:
    """A sandbox in a process of its own."""

    def __init__(self, port, state):
        command = [sys.executable, "-c", SERVICE, str(port), str(state)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def kill(self):
        self.process.kill()
        self.process.communicate()


class At:
    """A display that does something once so many cases are answered."""

    def __init__(self, answered, do):
        self.answered = answered
        self.do = do

    def show(self, progress):
        if self.do is not None and progress.answered >= self.answered:
            do, self.do = self.do, None
            do()

    def close(self, progress):
        pass


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_a_service_killed_and_started_again_in_the_middle_leaves_right_outcomes(tmp_path):
    state = tmp_path / "state.sqlite"
    running = Service(0, state)
    with Sandbox() as other:
        environment = other.environment() | {"LP_DOMAIN_API": f"http://127.0.0.1:{running.port}"}
    try:
        with Client(Settings.of(environment), wait_scale=0.02) as client:
            run = start_experiment(client, [{}] * 150, name="x", progress=False, concurrency=8)
            wait_for(lambda: run.progress.answered >= 40)
            running.kill()
            running = Service(running.port, state)
            for _ in range(50):
                if run.wait().state != "paused":
                    break
                run.resume()
            assert run.state == "done"
            lost = run.progress.unknown
            settled = run.settle(fresh=1.0)
            assert settled.unknown == ()
            run.resume()
    finally:
        running.kill()
    with Sandbox(state_file=state) as revived:
        outcomes = assert_right(run, revived)

    print(f"{lost} unknown: {settled}")
    assert outcomes == {"answered": 150}


def test_tokens_that_expire_in_the_middle_are_renewed(client, sandbox):
    sandbox.fail("conversation", "slow", None, seconds=0.01)
    expire = At(20, sandbox.expire_tokens)

    run = run_experiment(client, [{}] * 120, name="x", progress=expire, concurrency=8)

    assert expire.do is None
    assert sandbox.calls["sentinel"] == 2
    assert assert_right(run, sandbox) == {"answered": 120}
    assert max(run.table()["attempts"]) == 2


#: Options that keep a fault short.
QUICK = {
    "slow": {"seconds": 0.05},
    "hang": {"seconds": 0.1},
    "drip": {"seconds": 0.0005},
    "big": {"size": 2_000_000},
}
STATUSES = (302, 400, 401, 404, 408, 429, 500, 503)


def test_every_fault_there_is_leaves_right_outcomes(sandbox, drills):
    faulty = 4000 if drills else 300
    kinds = [(kind, QUICK.get(kind, {})) for kind in FAULTS if kind not in ("status", "not_yet")]
    choosy = [(kind, options) for kind, options in kinds if "work_done" in FAULTS[kind].options]
    kinds += [(kind, {**options, "work_done": True}) for kind, options in choosy]
    kinds += [("drop_before", {"reset": True}), ("drop_after", {"reset": True})]
    kinds += [("status", {"code": code}) for code in STATUSES]
    kinds += [("status", {"code": code, "work_done": True}) for code in (408, 500, 503)]
    # In the long run one answer in twenty is broken. In the short one every kind comes about once.
    share, times = (0.05, None) if drills else (0.3, 1)
    for kind, options in kinds:
        sandbox.fail("conversation", kind, times, probability=share / len(kinds), **options)

    with Client(Settings.of(sandbox.environment()), wait_scale=0.0) as client:
        run = run_experiment(client, [{}] * faulty, name="x", progress=False, concurrency=8)
        for _ in range(100):
            if run.state != "paused":
                break
            run.resume()
        progress = run.progress
        outcomes = assert_right(run, sandbox)

        assert run.state == "done"
        assert progress.answered + progress.refused + progress.unknown + progress.not_sent == faulty
        assert sum(outcomes.values()) == faulty
        hit = len([line for line in sandbox.fault_log.splitlines() if line])
        assert hit >= min(len(kinds), faulty // 20) / 2

        settled = run.settle(fresh=0.5)
    after = assert_right(run, sandbox)

    print(f"{hit} faults: {dict(outcomes)}, {settled}".splitlines()[0])
    assert settled.unknown == ()
    assert after["unknown"] == 0
    assert after["answered"] == len(truth(sandbox))
