"""Tokens and secrets go to workers, and show themselves nowhere on the way."""

from __future__ import annotations

import http.client
import json
import logging
import os
import re

import distributed
import pytest

from lpnb import Client, Settings, start_experiment

from .conftest import assert_right, wait_for
from .test_kills import ready

PAGES = (
    "/info/main/workers.html",
    "/info/main/logs.html",
    "/info/main/exceptions.html",
    "/json/counts.json",
    "/json/identity.json",
    "/health",
    "/sitemap.json",
    "/metrics",
)


def page(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode("utf-8", "replace")
    finally:
        connection.close()


def pages(port):
    """All that can be looked at there, one link deep."""
    found = {path: page(port, path) for path in PAGES}
    for link in set(re.findall(r'href="(?:\.\./)*(info/[^"#]+)"', found["/info/main/workers.html"][1])):
        found[f"/{link}"] = page(port, f"/{link}")
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks what it looks at")
def test_no_token_is_in_logs_pages_task_keys_or_files(sandbox, processes, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    for name in ("distributed", "distributed.client", "distributed.core", "distributed.comm"):
        caplog.set_level(logging.DEBUG, logger=name)
    sandbox.fail("conversation", "slow", None, seconds=0.03)
    _, address, port = processes.scheduler(debug=True)
    workers = [processes.worker(address, debug=True) for _ in range(2)]
    settings = Settings.of(sandbox.environment())
    with Client(settings, wait_scale=0.1) as client:
        ready(address, 2)
        run = start_experiment(
            client, [{}] * 80, journal="run.sqlite", cluster=address, concurrency=4, progress=False
        )
        wait_for(lambda: run.progress.answered >= 10)
        shown = pages(port)
        with distributed.Client(address, set_as_default=False) as dask:
            known = repr(dask.scheduler_info())
            known += repr(
                dask.run_on_scheduler(lambda dask_scheduler: sorted(map(str, dask_scheduler.tasks)))
            )
            known += repr(dask.get_worker_logs()) + repr(dask.get_scheduler_logs()) + repr(dask.get_events())
            shown |= {f"/{port}": page(port, "/info/main/logs.html")}
        processes.kill(workers[0])  # which leaves exceptions behind
        run.wait()
        assert_right(run, sandbox)
        tokens = [settings.client_secret, client.engine.account.app_jwt.token]
        tokens += list(client.engine.account.consumers.values())

    told = processes.said() + caplog.text + known + json.dumps(shown)
    told += "".join(
        path.read_bytes().decode("latin-1") for path in sorted(tmp_path.rglob("*")) if path.is_file()
    )
    assert len(tokens) == 82
    assert [token for token in tokens if token.reveal() in told] == []
    # That there was something to look at:
    assert "actor_execute" in processes.said()
    assert "lpnb-sender-" in known
    assert [status for status, _ in shown.values()].count(200) >= 5
