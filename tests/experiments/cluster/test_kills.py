"""kill -9 of a worker, of the scheduler and of the driving process, held against what the service knows.

Short every day; ``--drills`` kills ten times in place of once, with so many more cases.
"""

from __future__ import annotations

import os
import random

import distributed
import pytest

from lpnb import Client, Settings, open_run, start_experiment

from .conftest import assert_right, wait_for

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and kill -9")


@pytest.fixture
def kills(drills):
    """How many processes are killed."""
    return 10 if drills else 1


@pytest.fixture
def count(kills):
    """How many cases a run has."""
    return 100 * (kills + 1)


def settled(run, sandbox, client):
    """The outcomes when everything unknown was looked up and everything absent sent."""
    found = run.settle(client, fresh=1.0)
    assert found.unknown == ()
    print(found)
    run.resume(client, progress=False)
    return assert_right(run, sandbox)


def test_workers_killed_at_random_moments_cost_no_case_and_no_second_conversation(
    sandbox, processes, kills, count
):
    sandbox.fail("conversation", "slow", None, seconds=0.03)
    _, address, _ = processes.scheduler()
    workers = [processes.worker(address) for _ in range(3)]
    chance = random.Random(7)
    with Client(Settings.of(sandbox.environment()), wait_scale=0.1) as client:
        ready(address, 3)
        run = start_experiment(
            client, [{}] * count, journal="run.sqlite", cluster=address, concurrency=4, progress=False
        )
        for _ in range(kills):
            so_far = run.progress.done + chance.randrange(count // (kills + 1))
            wait_for(lambda so_far=so_far: run.progress.done >= so_far)
            victim = workers.pop(chance.randrange(len(workers)))
            processes.kill(victim)
            workers.append(processes.worker(address))
        run.wait()
        outcomes = assert_right(run, sandbox)

        assert run.state == "done"
        assert set(outcomes) <= {"answered", "unknown"}
        # What a worker had when it died, and no more: 4 under way and 4 ahead of them.
        assert outcomes["unknown"] <= kills * 8
        told = run.unknown["message"]
        assert all(text.startswith("the worker that had it was lost (tcp://127.0.0.1:") for text in told)
        print(f"{kills} workers killed: {dict(outcomes)}")
        assert settled(run, sandbox, client) == {"answered": count}


def test_a_killed_scheduler_pauses_the_run_and_another_cluster_goes_on(sandbox, processes, count):
    sandbox.fail("conversation", "slow", None, seconds=0.03)
    pid, address, _ = processes.scheduler()
    for _ in range(2):
        processes.worker(address)
    with Client(Settings.of(sandbox.environment()), wait_scale=0.1) as client:
        ready(address, 2)
        run = start_experiment(
            client, [{}] * count, journal="run.sqlite", cluster=address, concurrency=4, progress=False
        )
        wait_for(lambda: run.progress.answered >= 20)
        processes.kill(pid)
        run.wait()
        stopped = assert_right(run, sandbox)

        assert run.state == "paused"
        assert run.failure == f"the Dask scheduler at {address} is gone."
        assert stopped["planned"] > 0
        assert stopped["unknown"] <= 16

        _, other, _ = processes.scheduler()
        processes.worker(other)
        ready(other, 1)
        run.resume(cluster=other)
        assert run.state == "done"
        print(f"scheduler killed: {dict(stopped)}")
        assert settled(run, sandbox, client) == {"answered": count}


def test_a_driving_process_killed_at_random_moments_leaves_workers_that_start_nothing_twice(
    sandbox, processes, tmp_path, kills, count
):
    sandbox.fail("conversation", "slow", None, seconds=0.03)
    _, address, _ = processes.scheduler()
    for _ in range(2):
        processes.worker(address)
    journal = tmp_path / "run.sqlite"
    given = {"environment": sandbox.environment(), "journal": str(journal), "cases": count}
    chance = random.Random(11)
    ready(address, 2)
    for _ in range(kills):
        before = sandbox.calls["conversation"]
        driver = processes.start("driver", cluster=address, concurrency=4, **given)
        share = chance.randrange(count // (kills + 1))
        wait_for(
            lambda pid=driver, so_far=before + share: (
                sandbox.calls["conversation"] >= so_far or not processes.runs(pid)
            )
        )
        assert processes.runs(driver), processes.said()
        processes.kill(driver)

    with Client(Settings.of(sandbox.environment()), wait_scale=0.1) as client:
        run = open_run(journal).resume(client, cluster=address, progress=False)
        assert run.state == "done"
        outcomes = assert_right(run, sandbox)
        assert set(outcomes) <= {"answered", "unknown"}
        print(f"{kills} driving processes killed: {dict(outcomes)}")
        assert settled(run, sandbox, client) == {"answered": count}


def ready(address, workers):
    """Return when so many workers have come to the scheduler."""
    with distributed.Client(address, set_as_default=False, timeout=20) as dask:
        dask.wait_for_workers(workers, timeout=20)
