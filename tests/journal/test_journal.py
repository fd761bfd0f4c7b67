"""The journal: what is acknowledged is on the disk, one process writes, and odd files are refused."""

from __future__ import annotations

import asyncio
import datetime
import gc
import json
import os
import platform
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing

import pandas as pd
import pytest

from lpnb import BatchResponse, JournalError, responses_table
from lpnb.experiments.runs.journal_rows import responses_frame
from lpnb.journal import (
    Answer,
    CaseRow,
    Journal,
    LookupResult,
    StepRecord,
    WriteCallback,
    read_each,
    read_journal,
)
from lpnb.journal.journal_file import journal_format
from lpnb.models.responses import Pair

ANSWER = Answer(
    "answered",
    200,
    "OK",
    None,
    "conv-1",
    12.5,
    1_700_000_000_000_000,
    [["a", "cm.ConsumerRequestConversation", True, "OK", None, "conv-1"]],
    "Conversation conv-1 is open.",
    b'[{"code":"OK"}]',
)


def rows(count=3):
    return [
        CaseRow(n, f"case-{n}", f"consumer-{n}", "digest", '{"ctmrinfo.ctype":"vip"}') for n in range(count)
    ]


def answered(journal, number, nth, answer):
    """Done when it is on the disk."""
    told = asyncio.get_running_loop().create_future()
    journal.answer(number, nth, answer, told)
    return told


def write(journal, number, answer=None, nth=1):
    """One attempt of a case, and its answer when there is one; both are acknowledged on return."""

    async def both():
        await journal.attempt(number, nth, ["a", "b"])
        if answer is not None:
            await answered(journal, number, nth, answer)

    asyncio.run(both())


def states(path):
    return {case.name: case.state for case in read_journal(path).cases()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.sqlite"


@pytest.fixture
def journal(path):
    with closing(Journal.create(path, {"name": "x"}, rows())) as made:
        yield made


def test_a_case_is_planned_then_sending_then_answered(journal, path):
    assert states(path) == {"case-0": "planned", "case-1": "planned", "case-2": "planned"}

    write(journal, 0)
    assert states(path)["case-0"] == "sending"

    asyncio.run(and_answered(journal))
    known = next(read_journal(path).cases())

    assert known.state == "answered"
    assert (known.tried, known.replied, known.conversation_id) == (1, 1, "conv-1")
    assert (known.http_status, known.code, known.elapsed_ms) == (200, "OK", 12.5)


async def and_answered(journal):
    await answered(journal, 0, 1, ANSWER)


def test_the_last_attempt_decides_the_state_of_a_case(journal, path):
    write(journal, 0, Answer("planned", 429, "again"))
    write(journal, 0, ANSWER, nth=2)
    write(journal, 1, Answer("not sent", code="not-ready"))

    assert states(path) == {"case-0": "answered", "case-1": "not sent", "case-2": "planned"}
    assert [(nth, outcome) for nth, _, outcome, *_ in read_journal(path).attempts(0)] == [
        (1, "planned"),
        (2, "answered"),
    ]


def test_an_attempt_that_was_held_back_is_told_from_one_that_left(journal, path):
    write(journal, 0, Answer("planned", code="held"))
    write(journal, 1, Answer("planned", code="held"))
    write(journal, 1, ANSWER, nth=2)

    assert [(case.state, case.tried, case.held) for case in read_journal(path).cases()] == [
        ("planned", 1, 1),
        ("answered", 2, 1),
        ("planned", 0, 0),
    ]


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 200, 700])
def test_a_group_of_any_size_is_written_whole(path, count):
    with closing(Journal.create(path, {"name": "x"}, rows(count))) as journal:

        async def all_at_once():
            await asyncio.gather(*(journal.attempt(number, 1, ["a"]) for number in range(count)))
            await asyncio.gather(*(answered(journal, number, 1, ANSWER) for number in range(count)))

        asyncio.run(all_at_once())
        assert read_journal(path).states() == {"answered": count}
    assert [reply.number for reply in read_journal(path).replies()] == list(range(count))


def test_the_raw_reply_is_kept_byte_for_byte(journal, path):
    raw = b"\xff\xfe not text \x00 at all"
    write(journal, 0, Answer("unknown", 200, "unreadable", raw=raw))

    assert next(read_journal(path).replies()).raw == raw


AT = 1_700_000_000_000_000
SAID = Answer("planned", 429, "again", pairs=[["1", "t", False, "http-429", "", None]], elapsed_ms=1.0)
CAME = [
    (0, 1, SAID),
    (
        0,
        2,
        Answer("refused", 400, "BAD", "no \u2615", sent_at=AT, pairs=[["1", "t", False, "BAD", "no", None]]),
    ),
    (1, 1, Answer("planned", code="held")),  # written down, and never sent
    (2, 1, Answer("unknown", code="no-answer", pairs=[])),
    (3, 1, None),  # nothing came yet
    (5, 1, ANSWER),
    (5, 2, None),  # nothing came of the second
    (6, 1, ANSWER._replace(pairs=[*ANSWER.pairs, ["", "u", False, None, '"],["', "c"]])),
    (7, 999_999, ANSWER),
    (8, 1, ANSWER._replace(pairs=[["1", "half \ud800", True, "", "\x00\n\\", ""]])),
]


@pytest.mark.parametrize("at_once", [1, 2, 3, 100])
def test_what_came_is_the_same_by_columns_as_row_by_row(path, at_once):
    with closing(Journal.create(path, {"name": "x"}, rows(10))) as journal:
        for number, nth, answer in CAME:
            write(journal, number, answer, nth)
        found = read_journal(path)
        told = [
            case for columns in found.case_columns(at_once) for case in zip(*columns.values(), strict=True)
        ]
        assert told == [tuple(case) for case in found.cases()]
        assert {"sending", "planned"} <= set(read_journal(path).states())
    found = read_journal(path)  # now nobody writes it: what was being sent is unknown

    told = [case for columns in found.case_columns(at_once) for case in zip(*columns.values(), strict=True)]
    came = [reply for columns in found.reply_columns(at_once) for reply in zip(*columns, strict=True)]

    assert told == [tuple(case) for case in found.cases()]
    assert came == [
        (r.name, r.consumer_id, r.pairs, r.http_status, r.attempts, r.elapsed_ms, r.sent_at)
        for r in found.replies()
    ]
    assert [reply[0] for reply in came] == [f"case-{n}" for n in (0, 1, 2, 5, 6, 7, 8)]
    assert [reply[4] for reply in came] == [2, 1, 1, 2, 1, 1, 1]


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_the_table_of_what_came_is_that_of_the_responses(path, monkeypatch, at_once):
    monkeypatch.setattr("lpnb.experiments.runs.journal_rows._BLOCK_ROWS", at_once)
    with closing(Journal.create(path, {"name": "x"}, rows(10))) as journal:
        for number, nth, answer in CAME:
            write(journal, number, answer, nth)
    found = read_journal(path)
    moment = datetime.datetime.fromtimestamp(AT // 1_000_000, datetime.UTC)
    replies = [
        BatchResponse(
            reply.consumer_id,
            "unknown",
            tuple(Pair(*pair) for pair in reply.pairs),
            http_status=reply.http_status,
            attempts=reply.attempts,
            elapsed_ms=reply.elapsed_ms,
            sent_at=moment if reply.sent_at else None,
        )
        for reply in found.replies()
    ]

    table = responses_frame(found)

    cases = [reply.name for reply in found.replies()]
    pd.testing.assert_frame_equal(table, responses_table(replies, cases=cases))
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["[1],[2]", "[3"], "Extra data: line 1 column 4 (char 3)"),
        (["[1", "2]"], "Expecting ',' delimiter: line 1 column 3 (char 2)"),
        (["[1],[2]", "[3", "4]"], "Extra data: line 1 column 4 (char 3)"),
        (["[1]", ""], "Expecting value: line 1 column 1 (char 0)"),
        (["[1]", "[1],"], "Extra data: line 1 column 4 (char 3)"),
    ],
)
def test_texts_that_are_json_only_when_joined_are_refused(texts, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        read_each(texts)


def test_a_frame_of_too_few_cells_is_refused_and_the_collector_goes_on(path):
    with closing(Journal.create(path, {"name": "x"}, rows(1))) as journal:
        write(journal, 0, ANSWER._replace(pairs=[["1", "t", True]]))

    with pytest.raises(ValueError, match=r"^a frame of 3 cells$"):
        responses_frame(read_journal(path))
    assert gc.isenabled()


def test_half_characters_are_cleaned_on_their_way_in(path):
    half = CaseRow(0, "case \ud800", "consumer \udfff", "digest", "{}")
    with closing(Journal.create(path, {"name": "x"}, [half])) as journal:
        write(
            journal,
            0,
            Answer("refused", 400, "BAD", "half \ud83d", pairs=[["a", "t", False, "x", "\ud83d", None]]),
        )

    (known,) = read_journal(path).cases()

    assert (known.name, known.consumer_id, known.message) == ("case �", "consumer �", "half �")
    assert next(read_journal(path).replies()).pairs == [["a", "t", False, "x", "�", None]]


def test_a_journal_is_for_its_owner_and_made_to_last(journal, path):
    write(journal, 0)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.with_name("run.sqlite-wal").stat().st_mode) == 0o600
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_writer_waits_for_the_disk(journal):
    # Read from the writer's own connection, once its thread has nothing to do.
    journal.flush()

    assert journal._writer._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert journal._writer._connection.execute("PRAGMA trusted_schema").fetchone() == (0,)


def test_any_sqlite_program_can_ask_for_the_states(journal, path):
    write(journal, 0, ANSWER)

    with closing(sqlite3.connect(path)) as other:
        found = other.execute("SELECT name, state FROM states").fetchall()

    assert found == [("case-0", "answered"), ("case-1", "planned"), ("case-2", "planned")]


def test_a_second_writer_is_refused_with_pid_and_host(journal, path):
    with pytest.raises(JournalError) as caught:
        Journal.open(path)

    since = json.loads(path.with_name("run.sqlite.lock").read_text())["since"]
    assert str(caught.value) == (
        f"{path} is being written by process {os.getpid()} on {platform.node()} since {since}. A journal has "
        f"one writer; open_run({str(path)!r}) reads it meanwhile."
    )
    write(journal, 0, ANSWER)


HOLDER = """
import asyncio, sys
from pathlib import Path
from lpnb.journal import CaseRow, Journal
cases = [CaseRow(n, f"case-{n}", "c", "d", "{}") for n in range(2)]
journal = Journal.create(sys.argv[1], {"name": "x"}, cases)
async def main():
    await journal.attempt(0, 1, ["a"])
    print("written", flush=True)
asyncio.run(main())
sys.stdin.read()
"""


@pytest.fixture
def holder(path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "written\n"
        yield process
        process.kill()


def test_another_process_is_named_and_its_journal_can_be_read(holder, path):
    with pytest.raises(JournalError, match=f"is being written by process {holder.pid} on "):
        Journal.open(path)

    assert read_journal(path).is_written
    assert states(path) == {"case-0": "sending", "case-1": "planned"}


def test_what_a_killed_process_was_sending_is_unknown_and_its_lock_is_taken_over(holder, path):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert states(path) == {"case-0": "unknown", "case-1": "planned"}

    with closing(Journal.open(path)):
        assert states(path) == {"case-0": "unknown", "case-1": "planned"}

    (reply,) = read_journal(path).replies()
    assert reply.explanation == (
        "The process that sent this ended before an answer was written. A conversation may exist."
    )
    assert list(path.parent.glob("*.lock")) == []


def test_those_who_look_whether_it_is_written_are_not_taken_for_writers(path):
    Journal.create(path, {"name": "x"}, rows()).close()
    lock = path.with_name("run.sqlite.lock")
    lock.touch()
    with lock.open("rb+") as looking:
        fcntl = pytest.importorskip("fcntl")
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not read_journal(path).is_written
        threading.Timer(0.05, fcntl.flock, (looking, fcntl.LOCK_UN)).start()
        Journal.open(path).close()


def test_a_lock_of_another_machine_says_which_file_to_remove(path):
    Journal.create(path, {"name": "x"}, rows()).close()
    lock = path.with_name("run.sqlite.lock")
    lock.write_text('{"pid": 7, "host": "elsewhere", "since": "2026-01-01"}')

    with pytest.raises(JournalError) as caught:
        Journal.open(path)

    assert str(caught.value).endswith(
        "That is another machine, whose processes cannot be looked at from here: if it has ended there, "
        f"remove {lock}."
    )
    lock.unlink()
    Journal.open(path).close()


def test_a_run_begins_with_a_new_file(path):
    path.write_bytes(b"")

    with pytest.raises(JournalError) as caught:
        Journal.create(path, {"name": "x"}, rows())

    assert str(caught.value) == (
        f"There is a file at {path} already, and a run begins with a new one. Give another name, or none "
        "to have it named after the time; or delete the file; or go on with that run: "
        f"open_run({str(path)!r}).resume(client), or lpnb send --resume --journal FILE."
    )
    assert path.read_bytes() == b""


def test_what_could_not_be_begun_leaves_no_file(path):
    def broken():
        yield rows()[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Journal.create(path, {"name": "x"}, broken())

    assert list(path.parent.iterdir()) == []


def test_a_file_that_could_not_be_made_whole_is_gone_again(path, monkeypatch):
    monkeypatch.setattr("lpnb.journal.journal_file.SCHEMA", "CREATE TABLE run (key); CREATE TABLE run (key)")

    with pytest.raises(JournalError) as caught:
        Journal.create(path, {"name": "x"}, rows())

    said = f"{path} could not be written (table run already exists), so nothing was sent."
    assert str(caught.value) == said
    assert list(path.parent.iterdir()) == []


def test_a_folder_in_the_place_of_a_new_journal_is_called_one(path):
    path.mkdir()

    with pytest.raises(JournalError) as caught:
        Journal.create(path, {"name": "x"}, rows())

    assert str(caught.value) == f"No journal can be made at {path}: it is a folder."
    assert list(path.parent.iterdir()) == [path]


def read_in_a_closed_folder(path):
    """What a look at the journal prints and complains of, where nothing can be put beside it."""
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("the superuser may write anywhere, and there is no setpriv to give that up")
    path.parent.chmod(0o555)
    giving_up = (
        ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.getuid() == 0 else []
    )
    look = f"""
import lpnb, lpnb.journal as j
try:
    print(len(list(j.read_journal({str(path)!r}).cases())))
except lpnb.JournalError as error:
    print(error)
"""
    try:
        found = subprocess.run(
            [*giving_up, sys.executable, "-c", look], capture_output=True, text=True, check=False
        )
    finally:
        path.parent.chmod(0o755)
    return found.stdout, found.stderr


def test_a_journal_in_a_folder_that_is_not_ours_to_write_in_can_be_read(path):
    Journal.create(path, {"name": "x"}, rows(3)).close()

    assert read_in_a_closed_folder(path) == ("3\n", "")
    assert [there.name for there in path.parent.iterdir()] == [path.name]


def test_an_empty_log_beside_a_journal_in_such_a_folder_keeps_nobody_from_reading_it(path):
    Journal.create(path, {"name": "x"}, rows(3)).close()
    path.with_name(path.name + "-wal").touch()

    assert read_in_a_closed_folder(path) == ("3\n", "")


def test_a_journal_that_was_copied_without_its_index_into_such_a_folder_says_how_to_read_it(path):
    journal = Journal.create(path, {"name": "x"}, rows(3))
    archive = path.parent / "archive" / path.name
    archive.parent.mkdir()
    for end in ("", "-wal"):
        shutil.copy(path.with_name(path.name + end), archive.with_name(archive.name + end))
    journal.close()

    assert read_in_a_closed_folder(archive) == (
        f"{archive} cannot be read in this folder: its latest rows are in {archive.name}-wal, and "
        "reading them "
        "needs a folder that you may write to. Copy both files there.\n",
        "",
    )


def test_a_journal_whose_last_page_is_cut_off_is_not_gone_on_with(path):
    Journal.create(path, {"name": "x"}, rows(2000)).close()
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(JournalError, match=r"is damaged \(its end is cut off\)\."):
        Journal.open(path)


def spoilt(path):
    Journal.create(path, {"name": "x"}, rows(2000)).close()
    content = bytearray(path.read_bytes())
    content[8192:16384] = b"\x5a" * 8192
    path.write_bytes(content)


def foreign(path):
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE recipes (name)")


def newer(path):
    Journal.create(path, {"name": "x"}, rows()).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 9")


def unfinished(path):
    Journal.create(path, {"name": "x"}, rows()).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 0")


def deceiving(path):
    Journal.create(path, {"name": "x"}, rows()).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TRIGGER t AFTER INSERT ON attempts BEGIN DELETE FROM attempts; END")


def nothing(path):
    pass


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (nothing, "There is no journal at {}. run_experiment(..., journal=...) begins one."),
        (lambda path: path.write_bytes(b""), "{} is empty: it holds no run, so nothing can be gone on with."),
        (lambda path: path.mkdir(), "{} is not a file."),
        (
            lambda path: path.write_text("case,outcome\n" * 9),
            "{} is not a journal: it does not begin as an SQLite file does.",
        ),
        (foreign, "{} is an SQLite file of another program, not a journal."),
        (newer, "{} is in format 9 of a newer lpnb; this one knows 1. Upgrade lpnb to open it."),
        (unfinished, "{} holds no run: making it was not finished, so nothing was sent from it."),
        (
            deceiving,
            "{} is damaged, or somebody has changed it: it holds "
            "'CREATE TRIGGER t AFTER INSERT ON attempts BEGIN DELETE FROM'.",
        ),
    ],
    ids=["missing", "empty", "folder", "text", "foreign", "newer", "unfinished", "deceiving"],
)
def test_a_file_that_is_no_journal_is_refused_by_readers_and_writers(path, make, said):
    make(path)
    for look in (read_journal, Journal.open):
        with pytest.raises(JournalError) as caught:
            look(path)
        assert str(caught.value) == said.format(path)
    assert not path.with_name("run.sqlite.lock").exists()


def test_a_damaged_journal_is_refused_and_nothing_is_sent_from_it(path):
    spoilt(path)

    for look in (read_journal, Journal.open):
        with pytest.raises(JournalError, match=f"^{path} is damaged .* nothing is sent again from it\\.$"):
            look(path)


def test_a_look_up_settles_an_unknown_attempt(journal, path):
    for number in (0, 1):
        write(journal, number, Answer("unknown", None, "no-answer"))

    async def settle():
        await journal.lookup(0, 1, LookupResult("answered", "conv-9", "history", 1, "It is there."))
        await journal.lookup(1, 1, LookupResult("absent", None, "history", 1, "It is not there."))

    asyncio.run(settle())
    assert states(path) == {"case-0": "answered", "case-1": "not sent", "case-2": "planned"}
    settled, absent, _ = read_journal(path).cases()
    assert (settled.conversation_id, settled.code, settled.message) == ("conv-9", "found", "It is there.")
    assert (absent.conversation_id, absent.code, absent.message) == (None, "absent", "It is not there.")

    write(journal, 1, Answer("unknown", None, "no-answer"), nth=2)
    assert states(path)["case-1"] == "unknown"


def test_cases_can_be_leased_to_others(journal, path):
    lease = journal.lease(0, 2, "worker-1")
    with closing(sqlite3.connect(path)) as other:
        (row,) = other.execute("SELECT first, past, owner, ended_at FROM leases WHERE lease = ?", (lease,))
        journal.end_lease(lease)
        (ended,) = other.execute("SELECT ended_at IS NOT NULL FROM leases WHERE lease = ?", (lease,))

    assert row == (0, 2, "worker-1", None)
    assert ended == (1,)


def test_a_step_is_replaced_by_what_came_of_it(journal, path):
    async def step():
        await journal.step(StepRecord(0, "say", 0, "sending", "{}", 1))
        await journal.step(StepRecord(0, "say", 0, "answered", '{"sequence":0}', 2))

    asyncio.run(step())

    assert list(read_journal(path).steps()) == [(0, "say", 0, "answered", '{"sequence":0}')]


def test_a_closed_journal_takes_nothing_more(path):
    journal = Journal.create(path, {"name": "x"}, rows())
    journal.close()
    journal.close()

    with pytest.raises(JournalError) as caught:
        journal.note(0, 1, ANSWER)

    assert str(caught.value) == f"{path} is closed."


FULL = """
import asyncio, resource, signal, sys
from lpnb.errors import JournalError
from lpnb.journal import Answer, CaseRow, Journal, read_journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = sys.argv[1]
cases = [CaseRow(n, f"case-{n}", "c", "d", "{}") for n in range(2000)]
journal = Journal.create(path, {"name": "x"}, cases)
answer = Answer("answered", 200, "OK", raw=b"x" * 500)
def answered():
    told = asyncio.get_running_loop().create_future()
    journal.answer(0, 1, answer, told)
    return told
async def main():
    await journal.attempt(0, 1, ["a"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    for work in (answered, lambda: journal.attempt(1, 1, ["a"])):
        try:
            await work()
            print("written")
        except JournalError as error:
            print(str(error).replace(path, "PATH"))
    print("owed", journal.unwritten)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await journal.attempt(2, 1, ["a"])
    print("owed", journal.unwritten)
asyncio.run(main())
journal.close()
print([case.state for case in read_journal(path).cases()][:3])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit on file sizes")
def test_a_full_disk_stops_what_would_leave_and_keeps_what_was_answered(path):
    said = subprocess.run(
        [sys.executable, "-c", FULL, path], capture_output=True, text=True, check=True, timeout=60
    ).stdout.splitlines()

    full = (
        "PATH could not be written (disk I/O error), so nothing more was sent. Make room on the disk; what "
        "had been answered is kept in memory until then."
    )
    assert said == [full, full, "owed 1", "owed 0", "['answered', 'planned', 'unknown']"]


def test_a_value_that_cannot_be_written_is_told_to_whoever_waits(journal):
    async def write():
        await asyncio.wait_for(answered(journal, 0, 1, Answer("answered", 2**70)), 5)

    with pytest.raises(JournalError) as caught:
        asyncio.run(write())

    assert "Python int too large to convert to SQLite INTEGER" in str(caught.value)
    assert journal.unwritten == 1


def test_a_lock_that_somebody_removed_is_not_removed_again(journal, path):
    lock = path.with_name(path.name + ".lock")
    lock.unlink()
    other = journal_format(path).lock(path)

    journal.close()

    assert lock.exists()
    with pytest.raises(JournalError):
        journal_format(path).lock(path)
    other.close()


FORKED = """
import os, sys
from pathlib import Path
from lpnb.journal.journal_file import journal_format
path = Path(sys.argv[1])
lock = journal_format(path).lock(path)
if os.fork() == 0:
    print("forked", flush=True)
    sys.stdin.read()
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_does_not_hold_on_to_the_lock_of_a_parent_that_died(path):
    with subprocess.Popen(
        [sys.executable, "-c", FORKED, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout.readline() == "forked\n"
        parent.wait(10)

        journal_format(path).lock(path).close()  # the child is still there

        parent.stdin.close()


@pytest.mark.parametrize(
    "place", ["file/a.sqlite", "a" * 300, "nul\0.sqlite"], ids=["in a file", "long", "nul"]
)
def test_a_place_where_no_journal_can_be_is_named(tmp_path, place):
    (tmp_path / "file").write_text("")

    with pytest.raises(JournalError) as caught:
        Journal.create(tmp_path / place, {}, [])

    named = str(tmp_path / place).replace("\0", r"\x00")  # as it can be printed
    assert str(caught.value).startswith(f"No journal can be written at {named}: ")
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


DIES = """
import os, sys
from lpnb._internal.sqlite_file import SqliteFormat
from lpnb.journal import Journal
connect = SqliteFormat._connect
def dying(file_format, path, mode):
    connection = connect(file_format, path, mode)
    connection.set_trace_callback(lambda sql: os._exit(9) if sys.argv[2] in sql else None)
    return connection
SqliteFormat._connect = dying
Journal.create(sys.argv[1], {}, [])
"""


@pytest.mark.parametrize("at", ["journal_mode", "synchronous", "BEGIN", "CREATE TABLE run", "COMMIT"])
def test_a_file_whose_making_was_cut_off_says_so(path, at):
    assert subprocess.run([sys.executable, "-c", DIES, path, at], timeout=30).returncode == 9

    with pytest.raises(JournalError) as caught:
        read_journal(path)

    assert str(caught.value) == (
        f"{path} holds no run: making it was not finished, so nothing was sent from it."
    )


def test_rows_of_one_round_of_the_loop_are_committed_together(journal, monkeypatch):
    groups = []
    write = journal._writer.write
    monkeypatch.setattr(journal._writer, "write", lambda group: (groups.append(len(group)), write(group)))

    async def main():
        await asyncio.gather(*(journal.attempt(number, 1, ["a"]) for number in range(3)))
        await asyncio.gather(journal.attempt(0, 2, ["b"]), answered(journal, 1, 1, ANSWER))

    asyncio.run(main())

    assert groups == [3, 2]


def test_one_who_is_called_and_fails_keeps_nobody_else_from_being_told(journal):
    async def main():
        loop = asyncio.get_running_loop()
        told, faults = loop.create_future(), []
        loop.set_exception_handler(lambda _, context: faults.append(repr(context["exception"])))
        journal.answer(0, 1, ANSWER, WriteCallback(loop, lambda failure: 1 / 0))
        journal.answer(1, 1, ANSWER, told)
        await asyncio.wait_for(told, 5)
        await asyncio.sleep(0)
        return faults

    assert asyncio.run(main()) == ["ZeroDivisionError('division by zero')"]


def test_rows_that_were_left_behind_by_an_interrupt_hold_nobody_up(journal, path):
    def interrupted(*_):
        raise KeyboardInterrupt

    async def main():
        await asyncio.wait_for(journal.attempt(0, 1, ["a"]), 5)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal._writer, "_hand_over", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.set_value("note", 1)
    asyncio.run(main())

    assert states(path)["case-0"] == "sending"


def test_rows_of_a_loop_that_ended_in_between_hold_no_other_loop_up(journal, path):
    async def main(number):
        await asyncio.wait_for(journal.attempt(number, 1, ["a"]), 5)

    async def only_begun():
        loop.stop()  # at the end of this round, before the next would hand anything over
        journal.attempt(0, 1, ["a"])

    loop = asyncio.new_event_loop()
    begun = loop.create_task(only_begun())
    loop.run_forever()
    assert begun.done()
    loop.close()
    asyncio.run(main(1))

    assert states(path)["case-1"] == "sending"


def test_a_flush_takes_along_what_the_loop_has_not_handed_over_yet(journal, path):
    async def main():
        attempt = journal.attempt(0, 1, ["a"])
        journal.flush()
        on_disk = next(read_journal(path).cases()).state
        await attempt
        return on_disk

    assert asyncio.run(main()) == "sending"


def test_closing_writes_what_the_loop_has_not_handed_over_yet(path):
    async def main():
        journal = Journal.create(path, {"name": "x"}, rows())
        journal.attempt(0, 1, ["a"])
        await asyncio.to_thread(journal.close)

    asyncio.run(main())

    assert states(path)["case-0"] == "unknown"
