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


GEVENT = """
import sys, types
monkey = types.ModuleType("gevent.monkey")
monkey.is_module_patched = lambda name: name == "threading"
sys.modules["gevent.monkey"] = monkey
from lpnb import Client, LpnbError, Settings
try:
    Client(Settings("12345678", "client-id", "secret"), deadline=5).create_conversation("anna")
except LpnbError as error:
    print(error)
"""

ENDS = """
import sys, threading
from lpnb import Client, LpnbError, Sandbox, Settings
from lpnb._internal import event_loop
with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
    client.create_conversation("anna")
    sandbox.fail("conversation", "hang", seconds=30)
    timer = threading.Timer(0.3, lambda: event_loop.loop().call_soon_threadsafe(sys.exit, 3))
    timer.start()
    try:
        client.create_conversation("bob")
    except LpnbError as error:
        print(error)
    print(client.create_conversation("cleo").outcome, flush=True)
"""


def test_under_gevents_threads_a_call_is_refused_at_once():
    assert said(GEVENT) == (
        "gevent has replaced this process's threads (gevent.monkey.patch_all), and lpnb needs a real one for "
        "its connections. Nothing was sent. Run lpnb in a process of its own, such as one that subprocess "
        "starts, or patch with thread=False before lpnb is used.\n"
    )


def test_when_the_thread_ends_those_who_wait_are_told_and_the_next_call_starts_another():
    printed = said(ENDS).splitlines()

    assert printed[0] == (
        "lpnb's background thread has ended (SystemExit: 3). What was under way may have been sent: look for "
        "the consumer's open conversation before you send again. The next call starts a new thread."
    )
    assert printed[1] == "answered"
