"""A run whose requests leave from workers promises what any run does."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import distributed
import pytest

from lpnb import Client, InvalidValueError, RunError, Settings, open_run, run_experiment, start_experiment
from lpnb.cli.main import main
from lpnb.experiments.cluster import messages, worker

from .conftest import assert_right, wait_for


def leases(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT first, past, owner, ended_at FROM leases ORDER BY lease").fetchall()


def test_each_case_is_sent_once_and_both_workers_take_part(client, sandbox, cluster):
    sandbox.fail("conversation", "slow", None, seconds=0.01)
    cases = [{"case": f"c{n}", "ctmrinfo.ctype": "vip" if n % 2 else "gold"} for n in range(60)]

    run = run_experiment(client, cases, journal="run.sqlite", cluster=cluster, progress=False, concurrency=2)

    assert run.state == "done"
    assert assert_right(run, sandbox) == {"answered": 60}
    table = run.table()
    assert list(table["case"]) == [case["case"] for case in cases]
    assert set(table["attempts"]) == {1}
    assert len(run.responses()) == 120
    own, *theirs = leases("run.sqlite")
    assert "@" in own[2]
    assert len(theirs) == 2
    assert all(
        lease[:2] == (0, 60) and lease[2].startswith("Dask worker tcp://127.0.0.1:") for lease in theirs
    )
    assert all(lease[3] is not None for lease in theirs)


def test_a_dask_client_is_taken_as_well_as_an_address(client, sandbox, cluster):
    with distributed.Client(cluster, set_as_default=False) as dask:
        run = run_experiment(client, [{}] * 5, journal="run.sqlite", cluster=dask, progress=False)

        assert assert_right(run, sandbox) == {"answered": 5}
        assert dask.status == "running"


def test_a_scheduler_elsewhere_passes_on_what_workers_are_told(client, sandbox, cluster, monkeypatch):
    monkeypatch.setattr("lpnb.experiments.cluster.worker_pool._is_local", lambda address: False)

    run = run_experiment(client, [{}] * 20, journal="run.sqlite", cluster=cluster, progress=False)

    assert assert_right(run, sandbox) == {"answered": 20}


def test_a_limit_that_one_worker_meets_slows_all_and_every_case_is_answered(sandbox, cluster):
    sandbox.rate_limit(200, burst=5, routes=["conversation"])

    with Client(Settings.of(sandbox.environment()), wait_scale=0.1) as client:
        run = run_experiment(client, [{}] * 60, journal="run.sqlite", cluster=cluster, progress=False)
        assert client.engine.account.throttle.rate_limiter.learned

    assert assert_right(run, sandbox) == {"answered": 60}
    assert run.table()["attempts"].max() > 1


def test_tokens_that_expire_are_renewed_by_the_driving_process(client, sandbox, cluster):
    sandbox.fail("conversation", "slow", None, seconds=0.02)
    run = start_experiment(
        client, [{}] * 60, journal="run.sqlite", cluster=cluster, progress=False, concurrency=2
    )
    wait_for(lambda: run.progress.answered >= 10)
    sandbox.expire_tokens()
    run.wait()

    assert sandbox.calls["sentinel"] == 2
    assert assert_right(run, sandbox) == {"answered": 60}


def test_what_was_stopped_on_a_cluster_is_gone_on_with_without_one(client, sandbox, cluster):
    sandbox.fail("conversation", "slow", None, seconds=0.05)
    run = start_experiment(
        client, [{}] * 80, journal="run.sqlite", cluster=cluster, progress=False, concurrency=2
    )
    wait_for(lambda: run.progress.answered >= 5)
    run.stop().wait()
    stopped = assert_right(run, sandbox)
    assert run.state == "stopped"
    assert stopped["unknown"] == 0
    assert stopped["planned"] > 0

    again = open_run("run.sqlite").resume(client, progress=False)

    assert again.state == "done"
    assert assert_right(again, sandbox) == {"answered": 80}


def test_what_was_stopped_without_a_cluster_is_gone_on_with_on_one(client, sandbox, cluster):
    sandbox.fail("conversation", "slow", None, seconds=0.02)
    run = start_experiment(client, [{}] * 60, journal="run.sqlite", progress=False, concurrency=2)
    wait_for(lambda: run.progress.answered >= 5)
    run.stop().wait()

    run.resume(cluster=cluster)

    assert assert_right(run, sandbox) == {"answered": 60}
    assert len(leases("run.sqlite")) == 4


def test_a_worker_with_another_lpnb_refuses_and_nothing_is_begun(client, cluster, monkeypatch, tmp_path):
    # The workers live in this process: what they say of themselves is what changes here.
    ours = messages.WorkerVersion()
    monkeypatch.setattr(worker, "WorkerVersion", lambda: messages.WorkerVersion("0.0.1", ours.python))

    with pytest.raises(RunError) as caught:
        run_experiment(client, [{}], journal="run.sqlite", cluster=cluster, progress=False)

    first, *rest = str(caught.value).splitlines()
    assert first == "Not every worker can take part, so nothing was sent:"
    assert len(rest) == 2
    assert rest[0].endswith(
        f": This worker has lpnb 0.0.1 on Python {ours.python}, and the run is driven by {ours}. "
        "Install the same on both"
    )
    assert list(tmp_path.glob("run.sqlite*")) == []


@pytest.mark.parametrize("wrong", [0, 65, False, "host:8786", 2.5, "http://host"])
def test_what_is_no_cluster_is_refused_before_anything_is_sent(client, wrong):
    with pytest.raises(InvalidValueError) as caught:
        run_experiment(client, [{}], cluster=wrong)

    assert str(caught.value).startswith(
        'cluster must be a Dask Client, a scheduler\'s address such as "tls://host:8786", '
        "a number of local workers from 1 to 64, or True; got "
    )


def test_a_scheduler_that_is_not_there_is_said_so(client, monkeypatch):
    monkeypatch.setattr("lpnb.experiments.cluster.worker_pool.REACH_SECONDS", 0.5)

    with pytest.raises(RunError, match=r"^The Dask scheduler at tcp://127.0.0.1:9 cannot be reached: "):
        run_experiment(client, [{}], journal="run.sqlite", cluster="tcp://127.0.0.1:9", progress=False)


def test_a_scheduler_without_workers_is_said_so(client):
    with (
        distributed.LocalCluster(
            n_workers=0, processes=False, protocol="tcp://", host="127.0.0.1", dashboard_address="127.0.0.1:0"
        ) as empty,
        pytest.raises(RunError) as caught,
    ):
        run_experiment(client, [{}], journal="x.sqlite", cluster=empty.scheduler_address, progress=False)

    assert str(caught.value) == (
        f"The scheduler at {empty.scheduler_address} has no workers. "
        f"Start some: dask worker {empty.scheduler_address}"
    )


def test_the_command_line_sends_from_a_cluster_too(sandbox, cluster, monkeypatch, tmp_path):
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "rows.csv").write_text("case,ctmrinfo.ctype\na,vip\nb,gold\n", encoding="utf-8")
    send = ["send", "rows.csv", "--out", "out.csv", "--journal", "run.sqlite", "--quiet"]

    assert main([*send, "--cluster", cluster]) == 0
    assert len(sandbox.conversations) == 2
    assert [owner.split(":")[0] for *_, owner, _ in leases("run.sqlite")[1:]] == ["Dask worker tcp"] * 2
    assert main(["send", "rows.csv", "--cluster", "nowhere", "--quiet"]) == 2


def test_one_of_dask_s_own_clusters_is_taken_as_it_is(client, sandbox):
    with distributed.LocalCluster(
        n_workers=1,
        processes=False,
        protocol="tcp://",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as own:
        run = run_experiment(client, [{}] * 3, journal="run.sqlite", cluster=own, progress=False)

    assert assert_right(run, sandbox) == {"answered": 3}
