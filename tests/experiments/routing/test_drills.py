"""Learning that goes wrong in many ways: no rule from a guess, no conversation twice, none left open."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter

import pytest

from lpnb import Client, Settings, learn_routing, open_run

FACTORS = {
    "ctmrinfo.ctype": ["vip", "gold", "business", None],
    "ctmrinfo.cstatus": ["new", "card blocked", None],
    "personal.gender": ["MALE", "FEMALE"],
}
LIST = [
    ("ctmrinfo.ctype is vip", "Private Clients"),
    ("ctmrinfo.ctype is business", "Business Banking"),
    ("otherwise", "General Enquiries"),
]
CHILD = """
import json, sys
from lpnb import Client, Settings, learn_routing
given = json.loads(sys.argv[1])
with Client(Settings.of(given["environment"])) as client:
    learn_routing(client, given["factors"], 60, 12, progress=False, journal=given["journal"])
"""


def learn(client, journal, budget=60, validate=12):
    return learn_routing(client, FACTORS, budget, validate, progress=False, journal=journal)


def rules_of(routing):
    return list(zip(routing.rules["if"], routing.rules["skill"], strict=True))


def assert_nothing_twice_and_nothing_open(sandbox):
    consumers = Counter(one.ext_consumer_id for one in sandbox.conversations)
    assert set(consumers.values()) == {1}
    assert {one.state for one in sandbox.conversations} == {"CLOSE"}


def wait_for(condition, times=6000):
    pause = threading.Event()
    for _ in range(times):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError("it did not happen")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs kill -9")
def test_killed_in_the_middle_it_goes_on_to_an_equal_list_and_opens_nothing_twice(sandbox, tmp_path):
    journal = str(tmp_path / "killed.sqlite")
    given = json.dumps({"environment": sandbox.environment(), "factors": FACTORS, "journal": journal})
    with subprocess.Popen([sys.executable, "-c", CHILD, given], stdout=subprocess.DEVNULL) as child:
        wait_for(lambda: sandbox.calls["conversation"] >= 21 or child.poll() is not None)
        child.send_signal(signal.SIGKILL)

    with Client(Settings.of(sandbox.environment())) as client:
        resumed = learn(client, journal)

    assert rules_of(resumed) == LIST
    assert_nothing_twice_and_nothing_open(sandbox)


def test_a_storm_of_429_delays_it_and_changes_nothing(client, sandbox):
    sandbox.fail("conversation", "status", 30, code=429)

    routing = learn(client, "storm.sqlite")

    assert rules_of(routing) == LIST
    assert routing.sends["skill"].notna().all()
    assert_nothing_twice_and_nothing_open(sandbox)


def test_an_answer_that_is_cut_off_is_looked_up_and_never_guessed(client, sandbox):
    sandbox.fail("conversation", "truncate", 3)

    routing = learn(client, "broken.sqlite")

    assert rules_of(routing) == LIST
    table = open_run("broken.sqlite").table()
    assert set(table["outcome"]) == {"answered"}
    assert (table["code"] == "found").sum() == 3
    assert_nothing_twice_and_nothing_open(sandbox)
