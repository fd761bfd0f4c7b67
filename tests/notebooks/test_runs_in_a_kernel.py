"""Runs in a real kernel: the stop button ends the cell and not the answers, and going on works."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from jupyter_kernels import TRANSPORT, socket_folder

from lpnb import Sandbox


class Kernel:
    """A kernel whose cells can be interrupted."""

    def __init__(self, folder: Path) -> None:
        self.manager = KernelManager(kernel_name="python3", ip=str(socket_folder() / "kernel"), **TRANSPORT)
        self.manager.start_kernel(cwd=str(folder))
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def begin(self, code: str) -> str:
        return self.client.execute(code)

    def end(self, cell: str) -> tuple[str, list[dict[str, Any]]]:
        """What the cell printed, and its other outputs."""
        said, outputs = "", []
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=60)
            except Empty:
                raise AssertionError(f"the cell does not end; it said {said!r}") from None
            if message["parent_header"].get("msg_id") != cell:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                said += content["text"]
            elif kind in ("display_data", "execute_result", "error"):
                outputs.append({"kind": kind, **content})
            elif kind == "status" and content["execution_state"] == "idle":
                return said, outputs

    def run(self, code: str) -> str:
        said, outputs = self.end(self.begin(code))
        assert [output for output in outputs if output["kind"] == "error"] == []
        return said


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    started = Kernel(tmp_path_factory.mktemp("kernel"))
    yield started
    started.client.stop_channels()
    started.manager.shutdown_kernel(now=True)


@pytest.fixture(autouse=True)
def clients(kernel: Kernel, sandbox: Sandbox) -> None:
    """A ``client`` and an ``aclient`` of the test's sandbox in the kernel."""
    given = json.dumps(sandbox.environment())
    kernel.run(
        "from lpnb import AsyncClient, Client, Settings, run_experiment, start_experiment\n"
        f"client = Client(Settings.of({given}))\n"
        f"aclient = AsyncClient(Settings.of({given}))\n"
    )


def wait_until_asked(sandbox: Sandbox, times: int) -> None:
    waiting = threading.Event()
    for _ in range(4000):
        if sandbox.calls["conversation"] >= times:
            return
        waiting.wait(0.005)
    raise AssertionError("the service was not asked")


def test_the_stop_button_ends_the_cell_while_requests_hang(kernel, sandbox):
    sandbox.fail("conversation", "hang", 2, seconds=3)
    cell = kernel.begin('run = run_experiment(client, [{}] * 40, name="plain", concurrency=2)')
    wait_until_asked(sandbox, 2)
    kernel.manager.interrupt_kernel()
    said, outputs = kernel.end(cell)

    # The two that hang are still at the service when the cell is over.
    assert sandbox.calls["conversation"] == 2
    assert "Stopped. 0 of 40 cases. Still waiting for 2 answers. run.resume() goes on." in said
    assert [output["kind"] for output in outputs if output["kind"] == "error"] == []
    assert any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in outputs)

    assert kernel.run("run.resume(); print(run.progress)").splitlines()[-1] == (
        "40 of 40 cases: 38 answered, 2 unknown; done"
    )
    assert len(sandbox.conversations) == 38


def test_an_awaited_run_stops_with_its_cell_and_can_be_gone_on_with(kernel, sandbox):
    sandbox.fail("conversation", "slow", None, seconds=0.05)
    kernel.run('run = start_experiment(aclient, [{}] * 60, name="awaited", concurrency=2)')
    cell = kernel.begin("await run")
    wait_until_asked(sandbox, 4)
    kernel.manager.interrupt_kernel()
    _, outputs = kernel.end(cell)

    assert [output["ename"] for output in outputs if output["kind"] == "error"] in (
        ["CancelledError"],
        ["KeyboardInterrupt"],
    )
    assert kernel.run("run.wait(); print(run.state)").splitlines()[-1] == "stopped"
    asked = sandbox.calls["conversation"]
    assert asked < 60

    said = kernel.run("await run.resume(wait=False); print(run.progress)")
    assert said.splitlines()[-1] == "60 of 60 cases: 60 answered; done"
    assert len({c.ext_consumer_id for c in sandbox.conversations}) == len(sandbox.conversations) == 60
