"""Tables in a terminal: ids stay whole, whatever the width; what is left out is said."""

from __future__ import annotations

import contextlib
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from lpnb import InvalidValueError, Sandbox, print_table
from lpnb._internal.display import table_text
from lpnb.tables.run_table import cases_table

pty = pytest.importorskip("pty")
fcntl = pytest.importorskip("fcntl")
termios = pytest.importorskip("termios")

CONVERSATION = "f2022539-3044-4b39-9bcf-e36c773aaf3f"
CONSUMER = "lpnb-a6095594-1-71cde6c7ed69356f75ed"


def in_a_terminal(command: list[str], columns: int, environment: dict[str, str]) -> str:
    """What *command* writes to a terminal of that width, without the terminal's carriage returns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    program = subprocess.Popen(
        [sys.executable, "-W", "error", *command],
        env={**env, **environment},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    found = b""
    with contextlib.suppress(OSError):  # the other side was closed
        while some := os.read(ours, 65_536):
            found += some
    os.close(ours)
    program.wait(timeout=60)
    return found.decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    ("columns", "head", "below"),
    [
        (
            80,
            "case  outcome   code  http_status  attempts  elapsed_ms",
            ["consumer_id", "conversation_id"],
        ),
        (
            120,
            "case  consumer_id                           outcome   code  http_status  attempts  elapsed_ms",
            ["conversation_id"],
        ),
    ],
)
def test_ids_are_whole_in_a_terminal_of_any_width_and_what_is_left_out_is_said(
    sandbox: Sandbox, columns: int, head: str, below: list[str]
) -> None:
    Path("rows.csv").write_text("case\na\nb\n")

    send = ["-m", "lpnb", "send", "rows.csv", "--quiet"]
    lines = in_a_terminal(send, columns, sandbox.environment()).splitlines()

    assert max(map(len, lines)) <= columns
    assert lines[0] == head
    assert [line.split()[0] for line in lines[1:-1]] == ["a", *below, "b", *below]
    assert lines[-1] == "Empty in every row: message."
    printed = set(re.findall(r"[0-9a-f-]{36}$", "\n".join(lines), re.MULTILINE))
    assert printed == {conversation.conversation_id for conversation in sandbox.conversations}


def test_a_pipe_gets_each_row_in_one_line(sandbox: Sandbox) -> None:
    Path("rows.csv").write_text("case\na\nb\n")

    sent = subprocess.run(
        [sys.executable, "-m", "lpnb", "send", "rows.csv", "--quiet"],
        env={**os.environ, **sandbox.environment(), "COLUMNS": "40"},
        capture_output=True,
        text=True,
        check=True,
    )

    head, *rows = sent.stdout.splitlines()
    assert head.split()[:6] == ["case", "consumer_id", "outcome", "code", "message", "conversation_id"]
    assert len(rows) == 2


def test_a_reply_that_is_printed_keeps_its_ids_in_80_columns(sandbox: Sandbox) -> None:
    Path("reply.py").write_text(
        "import lpnb\n"
        "with lpnb.Client(lpnb.Settings.load()) as client:\n"
        "    print(client.create_conversation('a-consumer-with-a-name-of-its-own'))\n"
    )

    said, *lines = in_a_terminal(["reply.py"], 80, sandbox.environment()).splitlines()

    (conversation,) = sandbox.conversations
    assert said.endswith(f"Conversation {conversation.conversation_id} is open.")
    assert f"  conversation_id  {conversation.conversation_id}" in lines
    assert max(map(len, lines)) <= 80


def test_a_table_of_a_run_is_printed_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lpnb.tables.text.room", lambda: 60)
    table = cases_table(
        {
            "case": ["a", "b"],
            "consumer_id": [CONSUMER, None],
            "outcome": ["answered", "not sent"],
            "conversation_id": [CONVERSATION, None],
            "elapsed_ms": [5.6123, None],
        }
    )

    print_table(table)

    assert capsys.readouterr().out == (
        "case  outcome   elapsed_ms\n"
        "a     answered  5.6\n"
        f"  consumer_id      {CONSUMER}\n"
        f"  conversation_id  {CONVERSATION}\n"
        "b     not sent\n"
        "Empty in every row: code, message, http_status, attempts, sent_at, landed_skill_id, landed_skill, "
        "landing_source, offered_campaign_id, offered_engagement_id, decided_by, say_outcome, "
        "landing_outcome, close_outcome, expected_skill, expected_code, passed.\n"
    )


def test_a_cell_that_is_wider_than_the_terminal_is_not_cut() -> None:
    long = "x" * 200

    assert table_text(["case", "message"], [["a", long]], 80) == f"case\na\n  message  {long}"


def test_a_table_without_rows_shows_its_columns() -> None:
    assert table_text(["case", "conversation_id"], [], 10) == "case  conversation_id"
    assert table_text(["case", "conversation_id"], []) == "case  conversation_id"


def test_rows_beyond_the_first_hundred_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    table = cases_table({"case": [f"c{number}" for number in range(1_203)]})

    print_table(table, ["case"])

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 102
    assert lines[-1] == "... and 1,103 more rows: print_table(table, most=1203)"


def test_what_is_no_table_or_no_column_is_refused_in_a_sentence() -> None:
    table = cases_table({"case": ["a"]})

    with pytest.raises(TypeError, match=r"^print_table prints a DataFrame; got \[1\]$"):
        print_table([1])  # type: ignore[arg-type]
    with pytest.raises(InvalidValueError, match=r"Did you mean 'outcome'\?"):
        print_table(table, ["case", "outcom"])
    with pytest.raises(InvalidValueError, match=r"^most must be a whole number above 0; got 0\.$"):
        print_table(table, most=0)


def test_a_pivot_is_printed_with_the_names_of_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    cases = cases_table({"case": ["a", "b", "c"], "outcome": ["answered", "unknown", "answered"]})
    counted = cases.groupby("outcome").size().to_frame("cases")

    print_table(counted)

    assert capsys.readouterr().out == "outcome   cases\nanswered  2\nunknown   1\n"
