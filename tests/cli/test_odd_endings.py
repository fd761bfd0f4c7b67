"""``lpnb send`` and ``lpnb verify`` at the edges: wrong calls, full disks, readers that have gone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lpnb import Sandbox, open_run
from lpnb.cli.main import main
from lpnb.client import connect
from lpnb.experiments.runs.options import RunOptions
from lpnb.journal import Journal
from lpnb.tables import export

needs_full_device = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="there is no device that is full"
)


@pytest.fixture
def world(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that the command line finds in the environment."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    return sandbox


def lpnb(*arguments: str, **streams: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-m", "lpnb", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **streams)


def test_all_that_is_wrong_with_a_call_is_said_at_once_and_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connect, "shared_sandbox", lambda: pytest.fail("a sandbox was started"))
    Path("rows.csv").write_text("case,personal.gender\na,golden\nb,x\n")

    status = main(
        ["send", "rows.csv", "--concurrency", "0", "--rate", "-1", "--out", "no/r.csv", "--say", ""]
    )

    assert status == 2
    assert capsys.readouterr().err.splitlines() == [
        "4 things are wrong with this call, and nothing was started:",
        "  - steps.say must be a list of messages that are not blank; got [''].",
        "  - 2 values are wrong:",
        "      - concurrency must be a whole number from 1 to 1,000; got 0.",
        "      - rate must be a number of calls a second above 0, or None; got -1.0.",
        "  - no/r.csv cannot be written: there is no folder no.",
        "  - personal.gender must be one of 'MALE', 'FEMALE', 'OTHER': wrong in 2 of 2 rows, such as "
        "'golden' in row 1 (a) and 'x' in row 2 (b).",
    ]
    assert [path.name for path in Path.cwd().iterdir()] == ["rows.csv"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "--resume", "--journal", "missing.sqlite"],
        ["send", "--resume", "--journal", "rows.csv"],
        ["send", "rows.csv", "--journal", "rows.csv"],
        ["send", "rows.csv", "--landing", "--landing-wait", "-1"],
        ["send", "rows.csv", "--cluster", "0"],
        ["send", "rows.csv", "--confirm", "1"],
        ["send", "."],
        ["send", "empty.csv"],
        ["verify", "rows.csv", "--junit", "no/o.xml"],
        ["verify", "rows.csv", "--landing-wait", "-1"],
    ],
)
def test_a_wrong_call_starts_no_sandbox_and_announces_none(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connect, "shared_sandbox", lambda: pytest.fail("a sandbox was started"))
    Path("rows.csv").write_text("case,expected_code\na,OK\n")
    Path("empty.csv").write_text("case\n")

    assert main(arguments) == 2

    out, err = capsys.readouterr()
    assert (out, "Sandbox on" in err) == ("", False)
    assert {path.name for path in Path.cwd().iterdir()} == {"rows.csv", "empty.csv"}


def test_the_journal_of_a_real_account_is_not_gone_on_with_on_a_sandbox(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connect, "shared_sandbox", lambda: pytest.fail("a sandbox was started"))
    about = {
        "name": "x",
        "run_key": "00" * 16,
        "account_id": "87654321",
        "world": "https://api.liveperson.net",
    }
    options = RunOptions().for_journal()
    Journal.create(
        "real.sqlite", {**about, "options": options, "columns": [], "state": "stopped"}, []
    ).close()

    assert main(["send", "--resume", "--journal", "real.sqlite"]) == 2

    said, looked = capsys.readouterr().err.splitlines()
    assert said == (
        "real.sqlite is of account 87654321 through https://api.liveperson.net, and no LP_ settings "
        "were found."
    )
    assert looked.startswith("Looked in: the environment (0 settings), then ")


@needs_full_device
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_table_that_cannot_be_printed_is_in_the_journal_and_the_way_to_it_is_said(
    world: Sandbox, form: list[str]
) -> None:
    Path("rows.csv").write_text("case\na\nb\n")

    with Path("/dev/full").open("w") as full:
        sent = lpnb("send", "rows.csv", "--journal", "run.sqlite", "--quiet", *form, stdout=full)
        _, err = sent.communicate(timeout=60)

    assert sent.returncode == 1
    assert err.splitlines()[1:] == [
        "The table cannot be printed: No space left on device.",
        "Nothing is lost: the journal has every row. Write them with "
        "lpnb send --resume --journal run.sqlite --out FILE",
        "2 of 2 cases: 2 answered; done",
    ]
    assert main(["send", "--resume", "--journal", "run.sqlite", "--out", "r.parquet", "--quiet"]) == 0
    assert pd.read_parquet("r.parquet")["outcome"].tolist() == ["answered", "answered"]
    assert len(world.conversations) == 2


@needs_full_device
def test_output_that_cannot_be_written_is_a_sentence_for_other_commands_too() -> None:
    with Path("/dev/full").open("w") as full:
        shown = lpnb("doctor", "--json", stdout=full)
        _, err = shown.communicate(timeout=60)

    assert (shown.returncode, err) == (1, "The output cannot be written: No space left on device.\n")


def test_a_file_that_cannot_be_written_after_all_leaves_the_verdict_and_the_way_to_the_rows(
    world: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rows.csv").write_text("case,expected_code\na,OK\n")

    def no_room(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "csv_lines", no_room)

    status = main(
        ["verify", "rows.csv", "--journal", "v.sqlite", "--out", "r.csv", "--junit", "o.xml", "--quiet"]
    )

    assert status == 1
    out, err = capsys.readouterr()
    assert out == "1 case: 1 passed, 0 failed.\n"
    assert err.splitlines()[1:] == [
        "r.csv cannot be written: No space left on device. What was there before is as it was.",
        "Nothing is lost: the journal has every row. Write them with "
        "lpnb send --resume --journal v.sqlite --out FILE",
    ]
    assert Path("o.xml").exists()


def test_whoever_reads_the_table_may_go_and_is_still_told_what_to_do(world: Sandbox) -> None:
    Path("rows.csv").write_text("case\na\nb\nc\n")
    world.fail("conversation", "drop_after")
    reader, writer = os.pipe()
    os.close(reader)

    sent = lpnb("send", "rows.csv", "--journal", "r.sqlite", "--concurrency", "1", "--quiet", stdout=writer)
    os.close(writer)
    _, err = sent.communicate(timeout=60)

    assert sent.returncode == 1
    assert err.splitlines()[1:] == [
        "3 of 3 cases: 2 answered, 1 unknown; done",
        "1 unknown, no-answer: the connection was closed without an answer (first: a)",
        "For each unknown case a conversation may exist. Look for it: "
        "lpnb send --resume --settle --journal r.sqlite",
    ]


def test_a_standard_output_that_was_closed_beforehand_is_no_fault(world: Sandbox) -> None:
    Path("rows.csv").write_text("case\na\n")
    closing = (
        "import os, sys; os.close(1); os.execv(sys.executable, [sys.executable, '-m', 'lpnb', *sys.argv[1:]])"
    )
    arguments = ["send", "rows.csv", "--journal", "r.sqlite", "--quiet"]

    sent = subprocess.run(
        [sys.executable, "-c", closing, *arguments], stderr=subprocess.PIPE, text=True, check=False
    )

    assert (sent.returncode, sent.stderr.splitlines()[1:]) == (0, ["1 of 1 cases: 1 answered; done"])


@pytest.mark.parametrize("way", ["closed", "full", "its reader gone"])
def test_a_run_does_its_work_though_nobody_can_read_its_messages(world: Sandbox, way: str) -> None:
    if way == "full" and not Path("/dev/full").exists():
        pytest.skip("there is no device that is full")
    Path("rows.csv").write_text("case\n" + "".join(f"c{number}\n" for number in range(30)))
    setting = {
        "closed": "os.close(2)",
        "full": "os.dup2(os.open('/dev/full', os.O_WRONLY), 2)",
        "its reader gone": "ends = os.pipe(); os.close(ends[0]); os.dup2(ends[1], 2)",
    }[way]
    program = (
        f"import os, sys; {setting}; os.execv(sys.executable, [sys.executable, '-m', 'lpnb', *sys.argv[1:]])"
    )
    arguments = ["send", "rows.csv", "--journal", "r.sqlite", "--out", "table.csv"]

    sent = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )

    assert (sent.returncode, sent.stdout) == (0, "")
    assert list(pd.read_csv("table.csv")["outcome"]) == ["answered"] * 30
    assert len(world.conversations) == 30


@pytest.mark.parametrize("command", ["send", "verify"])
def test_a_request_to_end_says_how_to_go_on_and_loses_nothing(world: Sandbox, command: str) -> None:
    Path("rows.csv").write_text("case,expected_code\n" + "".join(f"c{n},OK\n" for n in range(200)))
    running = lpnb(
        command, "rows.csv", "--journal", "run.sqlite", "--rate", "20", "--quiet", stdout=subprocess.PIPE
    )
    until = time.monotonic() + 30
    while len(world.conversations) < 3 and time.monotonic() < until:
        time.sleep(0.02)

    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=30)

    assert running.returncode == 1
    assert re.search(
        r"^Stopped\. .*\. lpnb send --resume --journal run\.sqlite goes on\.$", err, re.MULTILINE
    )
    assert "run.resume()" not in err
    assert "Traceback" not in err
    assert len(out.splitlines()) > 50
    assert (open_run("run.sqlite").table()["outcome"] == "answered").sum() == len(world.conversations)


def test_ten_thousand_rows_are_looked_over_and_three_of_them_shown(
    world: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("rows.csv").write_text("case\n" + "".join(f"c{number}\n" for number in range(10_000)))

    assert main(["send", "rows.csv", "--dry-run"]) == 0

    out = capsys.readouterr().out
    assert out.splitlines()[0] == "Dry run: 10,000 cases, the first 3 shown. Nothing is sent."
    assert out.count("POST https://") == 3
    assert world.conversations == []


def test_two_interrupts_at_once_end_the_command_and_leave_the_way_back(world: Sandbox) -> None:
    world.fail("conversation", "hang", seconds=60)
    Path("rows.csv").write_text("case\na\nb\n")
    sent = lpnb(
        "send", "rows.csv", "--journal", "run.sqlite", "--concurrency", "1", "--quiet", stdout=subprocess.PIPE
    )
    until = time.monotonic() + 30
    while not world.calls["conversation"] and time.monotonic() < until:
        time.sleep(0.02)

    sent.send_signal(signal.SIGINT)
    time.sleep(0.2)
    sent.send_signal(signal.SIGINT)
    _, err = sent.communicate(timeout=30)

    # 1 where the first had been seen to when the second came; SIGINT's own end where Python was closing down.
    assert sent.returncode in (1, 130, -signal.SIGINT)
    assert "lpnb send --resume --journal run.sqlite" in err
    assert "Traceback" not in err


def test_letters_that_the_output_does_not_have_are_escaped(world: Sandbox) -> None:
    Path("rows.csv").write_text("case\ngrün\n", encoding="utf-8")

    sent = lpnb(
        "send", "rows.csv", "--journal", "r.sqlite", "--quiet",
        stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    out, err = sent.communicate(timeout=60)

    assert sent.returncode == 0, err
    assert out.splitlines()[1].startswith("gr\\xfcn ")


@pytest.mark.parametrize("option", ["--out", "--junit"])
def test_the_file_of_the_cases_is_not_written_over(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connect, "shared_sandbox", lambda: pytest.fail("a sandbox was started"))
    Path("rows.csv").write_text("case,expected_code\na,OK\n")

    status = main(["verify", "rows.csv", option, "rows.csv"])

    assert (status, capsys.readouterr().err) == (
        2,
        f"{option} would write over the cases in rows.csv. Name another file.\n",
    )
    assert Path("rows.csv").read_text() == "case,expected_code\na,OK\n"


def test_a_wrong_wait_for_a_landing_is_said_with_all_else_that_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("rows.csv").write_text("case,expected_code\na,OK\n")

    status = main(["verify", "rows.csv", "--landing-wait", "-1", "--rate", "0"])

    assert (status, capsys.readouterr().err.splitlines()) == (
        2,
        [
            "2 things are wrong with this call, and nothing was started:",
            "  - steps.landing_wait must be from 0 to 86,400 seconds; got -1.0.",
            "  - rate must be a number of calls a second above 0, or None; got 0.0.",
        ],
    )


@pytest.mark.parametrize("call", ["send --out", "verify --out", "verify --junit"])
def test_the_journal_is_not_written_over(
    call: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(connect, "shared_sandbox", lambda: pytest.fail("a sandbox was started"))
    Path("rows.csv").write_text("case,expected_code\na,OK\n")
    command, option = call.split()

    status = main([command, "rows.csv", "--journal", "r.parquet", option, "./r.parquet"])

    said = f"{option} would write over the journal r.parquet. Name another file.\n"
    assert (status, capsys.readouterr().err) == (2, said)
    assert not Path("r.parquet").exists()


@pytest.mark.parametrize("name", ["dry_run.csv", "landing_wait.csv", "dry_run/cases.csv"])
def test_a_file_with_the_name_of_an_option_is_called_by_its_name(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    assert main(["send", name]) == 2
    assert capsys.readouterr().err.startswith(f"{name} cannot be read: ")
