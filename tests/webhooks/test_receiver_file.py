"""What was received is on the disk: after a stop, after kill -9, and nobody else's eyes on it."""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import httpx
import pytest

from lpnb import Receiver, ReceiverError
from lpnb.webhooks import Counts

PROGRAM = """
import sys, json, threading
from lpnb import Receiver, Settings
receiver = Receiver(Settings("12345678", "my-installation", "my-secret"), keep=sys.argv[1]).start()
print(receiver.url, flush=True)
threading.Event().wait(120)
"""


def test_a_file_opened_again_shows_what_was_there(account, wire, tmp_path):
    file = tmp_path / "received.sqlite"
    body = wire.notification(wire.message("c", 0, "kept"))
    with Receiver(account, keep=file) as receiver:
        poster = wire.poster(receiver)
        poster.post(body)
        poster.say(wire.message("c", 1, "for later"))
        assert receiver.wait_for_message("c").text == "kept"
        poster.http.close()
    with Receiver(account, keep=str(file)) as receiver:
        poster = wire.poster(receiver)
        assert [event.text for event in receiver.events("c")] == ["kept", "for later"]
        assert poster.post(body) == 200
        assert receiver.counts == Counts(replays=1)
        assert receiver.wait_for_message("c").text == "for later"
        poster.http.close()


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9")
def test_kill_9_loses_nothing_that_was_answered_200(account, wire, tmp_path):
    file = tmp_path / "received.sqlite"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(file)], stdout=subprocess.PIPE, text=True)
    answered: list[str] = []
    odd: list[Exception] = []
    try:
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        enough, killed = threading.Event(), threading.Event()

        def post(number: int) -> None:
            with httpx.Client(trust_env=False, timeout=10) as http:
                for index in range(10_000):
                    text = f"{number}-{index}"
                    body = wire.notification(wire.message(f"conv-{number}", index, text))
                    headers = {
                        "x-liveperson-account-id": "12345678",
                        "x-liveperson-client-id": "my-installation",
                        "x-liveperson-signature": wire.signed(body),
                    }
                    try:
                        if http.post(url, content=body, headers=headers).status_code == 200:
                            answered.append(text)
                    except httpx.HTTPError:  # a busy machine may be late, too
                        if killed.is_set():
                            return
                    except Exception as error:
                        odd.append(error)
                        return
                    if len(answered) > 200:
                        enough.set()

        threads = [threading.Thread(target=post, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        give_up = time.monotonic() + 300  # every 200 waits for the disk, and a busy machine's takes its time
        while not enough.wait(0.2):
            assert (process.poll(), odd) == (None, [])
            assert time.monotonic() < give_up
        process.send_signal(signal.SIGKILL)
        killed.set()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)
        assert odd == []
    finally:
        process.kill()
        process.communicate()

    with Receiver(account, keep=file) as receiver:
        kept = {event.text for event in receiver.events()}
    assert set(answered) <= kept
    assert len(answered) > 200


@pytest.mark.skipif(os.name == "nt", reason="modes are different there")
def test_the_file_is_its_owner_s_alone(account, wire, tmp_path):
    with Receiver(account, keep=tmp_path / "received.sqlite") as receiver:
        poster = wire.poster(receiver)
        poster.say(wire.message("c", 0))
        poster.http.close()

        modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
        assert modes.pop("received.sqlite") == "0o600"
        assert set(modes.values()) == {"0o600"}
        assert receiver.file.parent == tmp_path


def test_a_file_in_use_another_program_s_or_damaged_is_refused_and_left_alone(account, tmp_path):
    used = tmp_path / "used.sqlite"
    with Receiver(account, keep=used), pytest.raises(ReceiverError) as in_use:
        Receiver(account, keep=used).start()
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"not a database at all" * 100)
    before = damaged.read_bytes(), foreign.read_bytes()

    messages = [str(in_use.value)]
    for path in (foreign, damaged, tmp_path):
        with pytest.raises(ReceiverError) as caught:
            Receiver(account, keep=path).start()
        messages.append(str(caught.value))

    assert re.sub(r" since [^.]*", "", messages[0]) == (
        f"{used} is being written by process {os.getpid()} on {platform.node()}. Stop that receiver, or name "
        "another file."
    )
    assert messages[1:] == [
        f"{foreign} is an SQLite file of another program, not a receiver's file.",
        f"{damaged} is not a receiver's file: it does not begin as an SQLite file does.",
        f"{tmp_path} is not a file.",
    ]
    assert (damaged.read_bytes(), foreign.read_bytes()) == before


@pytest.mark.parametrize("begun", [b"", None])
def test_a_file_whose_making_was_not_finished_is_made_anew(account, wire, tmp_path, begun):
    file = tmp_path / "received.sqlite"
    if begun is None:
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA application_id = 0x6C706E77")
        connection.close()
    else:
        file.write_bytes(begun)

    with Receiver(account, keep=file) as receiver:
        poster = wire.poster(receiver)
        poster.say(wire.message("c", 0, "hello"))
        poster.http.close()
        assert [event.text for event in receiver.events()] == ["hello"]


def test_a_table_that_the_receiver_never_made_is_refused(account, tmp_path):
    file = tmp_path / "received.sqlite"
    Receiver(account, keep=file).start().stop()
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TRIGGER t AFTER INSERT ON events BEGIN DELETE FROM events; END")
    connection.close()

    with pytest.raises(ReceiverError) as caught:
        Receiver(account, keep=file).start()

    assert str(caught.value) == (
        f"{file} is damaged, or somebody has changed it: it holds 'CREATE TRIGGER t AFTER INSERT ON "
        "events BEGIN "
        "DELETE FROM ev'."
    )


def test_beyond_its_bound_the_oldest_go_and_are_counted(account, wire):
    with Receiver(account, most=5) as receiver:
        poster = wire.poster(receiver)
        for number in range(8):
            assert poster.say(wire.message("c", number, str(number))) == 200
        poster.http.close()

        assert [event.text for event in receiver.events()] == ["3", "4", "5", "6", "7"]
        assert (len(receiver), receiver.counts.forgotten) == (5, 3)


def test_what_the_disk_does_not_take_is_answered_503_and_taken_when_it_comes_again(receiver, poster, wire):
    other = sqlite3.connect(receiver.file)
    other.execute("DROP INDEX of_conversation")
    other.execute("ALTER TABLE events RENAME TO hidden")
    other.commit()
    body = wire.notification(wire.message("c", 0, "again"))
    assert poster.post(body) == 503
    other.execute("ALTER TABLE hidden RENAME TO events")
    other.commit()
    other.close()

    assert poster.post(body) == 200
    assert receiver.counts == Counts(taken=1, not_kept=1, events=1)


def test_the_secret_is_not_in_the_file(account, wire, tmp_path):
    with Receiver(account, keep=tmp_path / "received.sqlite") as receiver:
        poster = wire.poster(receiver)
        poster.say(wire.message("c", 0))
        poster.http.close()
        found = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert b"my-secret" not in found
    assert json.dumps(wire.message("c", 0)["event"], separators=(",", ":")).encode() in found
