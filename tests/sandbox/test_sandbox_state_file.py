"""The state on disk: what was answered is there after a restart, and a file that will not do is refused."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lpnb.sandbox import Sandbox
from lpnb.sandbox.__main__ import main
from lpnb.sandbox.state.event_ledger import Event
from lpnb.sandbox.state.state_file import StateFile, StateFileError


@pytest.fixture
def file(tmp_path):
    return tmp_path / "state.sqlite"


def opened_by(connector, name="anna", **body):
    reply = connector.post(connector.batch(**body), headers=connector.headers(name))
    return reply.json()[1]["body"]["conversationId"]


def test_conversations_and_profiles_are_there_after_a_restart(connect, file):
    sdes = [{"type": "ctmrinfo", "info": {"ctype": "vip"}}]
    first = connect(state_file=file)
    conversation_id = opened_by(first, sdes=sdes)
    closed_id = opened_by(first, "berta")
    first.sandbox.close_conversation(closed_id)
    before = first.sandbox.conversations
    first.sandbox.stop()

    second = connect(state_file=file)

    assert second.sandbox.conversations == before
    assert [(item.conversation_id, item.stage) for item in before] == [
        (conversation_id, "OPEN"),
        (closed_id, "CLOSE"),
    ]
    assert second.sandbox.profile("anna") == sdes
    assert second.post(headers=second.headers("anna")).json()[1]["code"] == "BAD_REQUEST"
    assert second.post(headers=second.headers("berta")).json()[1]["code"] == "OK"


def test_tokens_survive_a_restart_and_expired_ones_stay_expired(connect, file):
    first = connect(state_file=file)
    expired = first.app_jwt()
    first.sandbox.expire_tokens()
    headers = first.headers()
    first.sandbox.stop()

    second = connect(state_file=file)

    assert second.post(headers=headers | {"Authorization": expired}).status_code == 401
    assert second.post(headers=headers).status_code == 200


def test_a_moved_clock_stays_moved(connect, file):
    first = connect(state_file=file)
    first.sandbox.advance(1000)
    first.sandbox.freeze_clock()
    now = first.sandbox.now
    first.sandbox.stop()

    second = connect(state_file=file).sandbox

    assert (second.now, second.clock_frozen) == (now, True)


def test_a_seed_gives_the_same_ids_with_a_restart_in_between_and_without(connect, file):
    whole = connect(seed=7)
    wanted = [opened_by(whole, name) for name in ("anna", "berta", "carla")]
    first = connect(seed=7, state_file=file)
    came = [opened_by(first, "anna")]
    first.sandbox.stop()
    second = connect(seed=7, state_file=file)
    came += [opened_by(second, "berta"), opened_by(second, "carla")]

    assert came == wanted
    assert len(set(came)) == 3


def test_the_same_object_can_be_stopped_and_started_again(connect, file):
    connector = connect(state_file=file)
    opened_by(connector)
    before = connector.sandbox.conversations

    connector.sandbox.stop()
    connector.sandbox.start()

    assert connector.sandbox.conversations == before


def test_what_was_done_while_it_was_stopped_is_not_in_the_file_and_not_there_afterwards(connect, file):
    connector = connect(state_file=file)
    conversation_id = opened_by(connector)
    connector.sandbox.stop()
    connector.sandbox.close_conversation(conversation_id)

    connector.sandbox.start()

    assert [conversation.stage for conversation in connector.sandbox.conversations] == ["OPEN"]


def test_a_reset_empties_the_file(connect, file):
    first = connect(state_file=file)
    for name in "abc":
        opened_by(first, name)
    first.sandbox.reset()
    opened_by(first, "d")
    first.sandbox.stop()

    connection = sqlite3.connect(file)
    (count,) = connection.execute("SELECT count(*) FROM events").fetchone()
    connection.close()

    # The reset itself, and what came after it.
    assert count == 2
    assert [item.ext_consumer_id for item in connect(state_file=file).sandbox.conversations] == ["d"]


def test_the_file_is_for_its_owner_only_and_durable(connect, file):
    connector = connect(state_file=file)
    opened_by(connector)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.glob("state.sqlite*")}
    assert modes["state.sqlite"] == 0o600
    assert modes["state.sqlite-wal"] == 0o600
    pragma = connector.sandbox._state_file._connection.execute
    assert pragma("PRAGMA journal_mode").fetchone() == ("wal",)
    assert pragma("PRAGMA synchronous").fetchone() == (2,)
    assert pragma("PRAGMA trusted_schema").fetchone() == (0,)


def test_a_stopped_sandbox_leaves_one_file(connect, file):
    connector = connect(state_file=file)
    opened_by(connector)

    connector.sandbox.stop()

    assert [path.name for path in file.parent.iterdir()] == ["state.sqlite"]


def refusal_of(file):
    with pytest.raises(StateFileError) as caught:
        Sandbox(state_file=file).start()
    return str(caught.value)


def test_a_file_in_use_is_refused_with_the_process_that_uses_it(connect, file):
    connect(state_file=file)

    assert refusal_of(file) == (
        f"{file} is in use by process {os.getpid()}. Stop that sandbox first, or choose another file."
    )


def test_a_file_in_use_by_another_process_is_refused_and_free_after_its_kill(file):
    code = (
        "import sys; from lpnb.sandbox import Sandbox\n"
        f"Sandbox(state_file={str(file)!r}).start(); print('ready', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"

        refusal = refusal_of(file)
        process.kill()
        process.wait()

    assert refusal == (
        f"{file} is in use by process {process.pid}. Stop that sandbox first, or choose another file."
    )
    with Sandbox(state_file=file) as sandbox:
        assert sandbox.conversations == []


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(file):
    file.write_bytes(b"my novel, chapter one\n" * 100)

    assert refusal_of(file) == f"{file} is not a state file of the sandbox: it is no SQLite file."
    assert file.read_bytes() == b"my novel, chapter one\n" * 100


def test_another_programs_database_is_refused_and_left_as_it_is(file):
    with sqlite3.connect(file) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    before = file.read_bytes()

    assert refusal_of(file) == f"{file} is not a state file of the sandbox: it is another program's."
    assert file.read_bytes() == before


def make(file, *names):
    with Sandbox(state_file=file) as sandbox:
        for number, name in enumerate(names):
            sandbox._state.ledger.store(
                [Event(number + 1, "conversation_closed", 0.0, name, {"closed_by": "SYSTEM"})]
            )


def change(file, statement):
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("PRAGMA user_version = 2", "{file} has format 2; this sandbox reads format 1."),
        (
            "CREATE TRIGGER t AFTER INSERT ON events BEGIN SELECT 1; END",
            "{file} is damaged: its tables are not the sandbox's.",
        ),
        ("DROP TABLE kept", "{file} is damaged: its tables are not the sandbox's."),
        ("INSERT INTO events VALUES (1, 'x')", "{file} is damaged: event 1 cannot be read."),
        ("INSERT INTO events VALUES (1, '[1]')", "{file} is damaged: event 1 cannot be read."),
        (
            "INSERT INTO events VALUES (3, '[3,\"reset\",0,null,{{}}]'), (5, '[5,\"reset\",0,null,{{}}]')",
            "{file} is damaged: an event before 5 is missing.",
        ),
        (
            "INSERT INTO events VALUES (1, '[1,\"danced\",0,null,{{}}]')",
            "{file} is damaged: it holds what the sandbox never wrote.",
        ),
        (
            'INSERT INTO events VALUES (1, \'[1,"conversation_closed",0,"x",{{}}]\')',
            "{file} is damaged: it holds what the sandbox never wrote.",
        ),
        (
            "UPDATE kept SET value = '{{}}' WHERE name = 'keyring'",
            "{file} is damaged: it holds what the sandbox never wrote.",
        ),
    ],
)
def test_a_damaged_file_is_refused_with_what_is_wrong(file, statement, sentence):
    make(file)
    change(file, statement.format())

    assert refusal_of(file) == sentence.format(file=file)


def test_a_file_with_a_hole_is_refused(connect, file):
    connector = connect(state_file=file)
    for number in range(40):
        opened_by(connector, str(number), metadata=["x" * 2000])
    connector.sandbox.stop()
    data = bytearray(file.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 8192] = b"\xff" * 8192
    file.write_bytes(data)

    assert refusal_of(file).startswith(f"{file} is damaged: ")


def test_a_truncated_file_is_refused(connect, file):
    connector = connect(state_file=file)
    for number in range(40):
        opened_by(connector, str(number), metadata=["x" * 2000])
    connector.sandbox.stop()
    file.write_bytes(file.read_bytes()[:20_000])

    assert refusal_of(file).startswith(f"{file} is damaged: ")


def test_a_refused_file_is_let_go_of(file):
    make(file)
    change(file, "INSERT INTO events VALUES (1, 'x')")

    assert refusal_of(file) == refusal_of(file) == f"{file} is damaged: event 1 cannot be read."
    change(file, "DELETE FROM events")
    with Sandbox(state_file=file) as sandbox:
        assert sandbox.conversations == []


def test_an_empty_file_is_a_new_one(connect, file):
    file.touch()

    assert opened_by(connect(state_file=file))


def test_a_place_where_nothing_can_be_written_is_refused(tmp_path):
    assert refusal_of(tmp_path / "nowhere" / "x") == (
        f"{tmp_path}/nowhere/x cannot be opened: No such file or directory."
    )
    assert refusal_of(tmp_path) == f"{tmp_path} cannot be opened: unable to open database file."


def test_the_command_line_refuses_in_one_line(tmp_path, capsys):
    assert main(["--state", str(tmp_path)]) == 2

    assert capsys.readouterr().err == f"{tmp_path} cannot be opened: unable to open database file.\n"


def test_when_the_disk_is_full_nothing_is_promised_any_more(connect, file):
    connector = connect(state_file=file)
    stored = opened_by(connector)
    batch = connector.batch(metadata=["x" * 20_000])
    headers = [connector.headers(name) for name in "bc"]
    pragma = connector.sandbox._state_file._connection.execute
    (pages,) = pragma("PRAGMA page_count").fetchone()
    pragma(f"PRAGMA max_page_count = {pages}")

    replies = [connector.post(batch, headers=pair) for pair in headers]

    assert [reply.status_code for reply in replies] == [500, 500]
    assert (
        replies[0].json()
        == replies[1].json()
        == {
            "error": f"The state file {file} can no longer be written (database or disk is full). What was "
            "answered before is in it; nothing more is."
        }
    )
    connector.sandbox.stop()
    assert [item.conversation_id for item in connect(state_file=file).sandbox.conversations] == [stored]


def test_what_waits_together_is_written_together(tmp_path):
    file = StateFile(tmp_path / "x")
    with file._wake:
        futures = [file.store([Event(number, "reset", 0.0, None, {})]) for number in (1, 2, 3)]

    for future in futures:
        future.result(5)
    file.close()

    assert futures[0] is futures[1] is futures[2]
    assert list(Path(tmp_path).iterdir()) == [tmp_path / "x"]
