"""The background loop: uvloop's where there is one, asyncio's own elsewhere; a forked child has its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

SENDS = """
import sys
{before}
from lpnb import Client, Sandbox, Settings
from lpnb._internal import event_loop
with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
    print(client.create_conversation("anna").outcome, type(event_loop.loop()).__module__)
"""

FORKS = """
import os, sys
from lpnb import Client, Sandbox, Settings
sandbox = Sandbox().start()
client = Client(Settings.of(sandbox.environment()))
print(client.create_conversation("parent").outcome, flush=True)
child = os.fork()
if child == 0:
    print(client.create_conversation("child").outcome, flush=True)
    import gc; gc.collect()
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print(client.create_conversation("parent again").outcome, flush=True)
client.close()
sandbox.stop()
"""


def said(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    return done.stdout


def test_the_loop_is_uvloops_where_there_is_one():
    pytest.importorskip("uvloop")

    assert said(SENDS.format(before="")) == "answered uvloop\n"


def test_without_uvloop_it_is_asyncios_own():
    names = said(SENDS.format(before="sys.modules['uvloop'] = None"))

    assert names == f"answered {asyncio.SelectorEventLoop.__module__}\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="forking beside threads warns from 3.12 on")
def test_a_forked_child_sends_on_a_loop_of_its_own():
    assert said(FORKS) == "answered\nanswered\n0\nanswered\n"
