"""``lpnb send`` and ``lpnb verify``: files in, files and an exit status out."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from lpnb import Sandbox, connect
from lpnb.cli.main import main
from lpnb.client.connect import sandbox_of, shared_sandbox

DATA = Path(__file__).parents[2] / "data"
FIRST = (
    "case",
    "consumer_id",
    "outcome",
    "code",
    "message",
    "conversation_id",
    "http_status",
    "attempts",
    "elapsed_ms",
)


@pytest.fixture
def world(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that the command line finds in the environment."""
    for name, value in sandbox.environment().items():
        monkeypatch.setenv(name, value)
    return sandbox


def rows(text: str) -> Path:
    path = Path("rows.csv")
    path.write_text(text, encoding="utf-8")
    return path


def test_every_case_is_a_row_of_the_table_that_is_written(world, capsys):
    path = rows("case,consumer_id,ctmrinfo.customerId,personal.firstname\na,anna,007,=1+1\nb,,,Zoë\n")

    status = main(["send", str(path), "--out", "results.csv", "--journal", "run.sqlite", "--quiet"])

    assert status == 0
    table = pd.read_csv("results.csv", dtype=str)
    assert tuple(table.columns[:9]) == FIRST
    assert table["case"].tolist() == ["a", "b"]
    assert table["consumer_id"][0] == "anna"
    assert table["outcome"].tolist() == ["answered", "answered"]
    assert table["ctmrinfo.customerId"][0] == "007"
    assert table["personal.firstname"].tolist() == ["'=1+1", "Zoë"]
    out, err = capsys.readouterr()
    assert out == ""
    assert "2 rows are in results.csv" in err
    assert {conversation.conversation_id for conversation in world.conversations} == set(
        table["conversation_id"]
    )
    assert {path.name for path in Path.cwd().iterdir()} >= {"results.csv", "run.sqlite"}


def test_without_a_file_the_table_is_printed_for_people_or_for_programs(world, capsys):
    path = rows("case,skillId\na,-1\n")

    assert main(["send", str(path), "--quiet"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert tuple(head.split()) == FIRST
    assert row.split()[0] == "a"

    assert main(["send", str(path), "--quiet", "--json", "--journal", "2.sqlite"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["case"], found["outcome"], found["skillId"]) == ("a", "answered", "-1")


def test_with_landing_the_skill_stands_in_the_printed_table_too(world, capsys):
    path = rows("case,ctmrinfo.ctype\na,vip\nb,vip\nc,\n")

    assert main(["send", str(path), "--quiet", "--landing"]) == 0

    printed = capsys.readouterr()
    head, row, *_ = printed.out.splitlines()
    assert tuple(head.split()) == (*FIRST, "landed_skill")
    assert row.endswith("Private Clients")
    assert "Landed: Private Clients 2, General Enquiries 1.\n" in printed.err


def test_one_case_that_is_not_answered_makes_the_status_1(world, capsys):
    path = rows("case,consumer_id\na,anna\nb,anna\n")

    assert main(["send", str(path), "--out", "r.parquet", "--concurrency", "1", "--quiet"]) == 1
    assert pd.read_parquet("r.parquet")["outcome"].tolist() == ["answered", "refused"]


def test_a_dry_run_prints_requests_with_secrets_masked_and_sends_nothing(world, capsys):
    path = rows("case,personal.firstname\na,Ana\nb,Bea\n")

    assert main(["send", str(path), "--dry-run", "1"]) == 0

    out = capsys.readouterr().out
    assert '"firstname": "Ana"' in out
    assert "Bea" not in out
    assert world.conversations == []
    assert list(Path.cwd().iterdir()) == [path.resolve()]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["send"], "Name the file with the cases, such as: lpnb send rows.csv"),
        (["send", "nothing.csv"], "nothing.csv cannot be read: No such file or directory."),
        (["send", "bad.csv"], "Row 1, personal.gender must be one of 'MALE', 'FEMALE', 'OTHER'"),
        (
            ["send", "good.csv", "--out", "r.txt"],
            "the file's ending must be one of '.parquet', '.csv', '.xlsx'",
        ),
        (["send", "good.csv", "--out", "no/r.csv"], "no/r.csv cannot be written: there is no folder no."),
        (
            ["send", "good.csv", "--concurrency", "0"],
            "concurrency must be a whole number from 1 to 1,000; got 0.",
        ),
        (["send", "--resume"], "--resume needs --journal FILE: the journal to go on with."),
        (
            ["send", "--resume", "--journal", "no.sqlite"],
            "There is no journal no.sqlite to go on with. Without --resume",
        ),
        (
            ["send", "good.csv", "--separator", "ab"],
            "separator must be one character, such as ';'; got 'ab'.",
        ),
        (
            ["send", "--resume", "--journal", "no.sqlite", "--landing", "--dry-run"],
            "With --resume the journal says what is done; leave out --landing, --dry-run.",
        ),
        (
            ["verify", "good.csv"],
            "No case expects anything. Give them a column expected_skill, expected_code",
        ),
        (["send", "good.csv", "--out", "good.csv"], "--out would write over the cases in good.csv."),
        (["send", "good.csv", "--out", "full.csv"], "full.csv cannot be written: it is no plain file."),
        (
            ["verify", "expects.csv", "--junit", "full.csv"],
            "full.csv cannot be written: it is no plain file.",
        ),
        (["verify", "expects.csv", "--junit", "."], ". cannot be written: it is a folder."),
        (["verify"], "Name the file with the cases, such as: lpnb verify rows.csv"),
        (["verify", "expects.csv", "--junit", "no/o.xml"], "There is no folder no to write o.xml to."),
    ],
)
def test_a_wrong_call_is_status_2_and_sends_nothing(world, capsys, arguments, said):
    Path("good.csv").write_text("skillId\n1\n")
    Path("bad.csv").write_text("personal.gender\ngolden\n")
    Path("expects.csv").write_text("expected_code\nOK\n")
    Path("full.csv").symlink_to("/dev/full")

    assert main(arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert world.conversations == []


@pytest.mark.parametrize(
    "arguments", [["send", "x.csv", "--rate", "fast"], ["send", "x.csv", "--dry-run", "0"]]
)
def test_a_wrong_option_is_status_2(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)

    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith("\nlpnb send --help lists what there is.\n")


def test_a_journal_is_not_begun_twice_and_gone_on_with_only_when_asked(world, capsys):
    path = rows("case\na\nb\n")
    send = ["send", str(path), "--journal", "run.sqlite", "--quiet"]
    assert main(send) == 0

    assert main(send) == 2
    assert "run.sqlite" in capsys.readouterr().err

    assert main([*send, "--resume", "--out", "again.parquet"]) == 0
    assert len(world.conversations) == 2
    assert len(pd.read_parquet("again.parquet")) == 2

    rows("case\na\nc\n")
    assert main([*send, "--resume"]) == 2
    assert "These are not the cases that run.sqlite was begun with" in capsys.readouterr().err
    assert main(["send", "--resume", "--journal", "run.sqlite", "--quiet"]) == 0


def test_resume_with_settle_finds_the_unknown_and_writes_every_row(world, capsys):
    path = rows("case\na\nb\nc\nd\n")
    world.fail("conversation", "drop_after", times=2)
    assert main(["send", str(path), "--journal", "run.sqlite", "--concurrency", "1", "--quiet"]) == 1
    said = capsys.readouterr().err
    assert "Look for it: lpnb send --resume --settle --journal run.sqlite" in said

    assert main(["send", "--resume", "--settle", "--journal", "run.sqlite", "--out", "all.parquet"]) == 0

    assert pd.read_parquet("all.parquet")["outcome"].tolist() == ["answered"] * 4
    assert len(world.conversations) == 4


LASTS = (
    "Start again with another journal, and with a sandbox that keeps running: lpnb sandbox "
    "--port 8765 --state "
)


def test_what_a_sandbox_took_with_it_is_not_looked_for_again_and_again(world, monkeypatch, capsys):
    rows("case\na\nb\n")
    world.fail("conversation", "drop_after")
    journal = ["--journal", "run.sqlite", "--quiet"]
    assert main(["send", "rows.csv", "--concurrency", "1", *journal]) == 1
    assert "Look for it: lpnb send --resume --settle --journal run.sqlite" in capsys.readouterr().err

    before = world.environment()["LP_DOMAIN_API"]
    gone = f"the sandbox at {before}, which they were sent to, is not there any more"
    with Sandbox() as other:
        for name, value in other.environment().items():
            monkeypatch.setenv(name, value)
        assert main(["send", "--resume", "--settle", *journal]) == 1

        said = capsys.readouterr().err.splitlines()[-1]
        assert said.startswith(f"The unknown cases cannot be looked up later: {gone}. {LASTS}")
        assert other.conversations == []


def test_what_the_embedded_sandbox_takes_with_it_can_be_looked_for_in_the_same_call(capsys):
    sandbox_of(connect().settings).fail("conversation", "drop_after")
    path = rows("case\na\nb\n")

    assert main(["send", str(path), "--concurrency", "1", "--quiet"]) == 1

    assert (
        capsys.readouterr()
        .err.splitlines()[-1]
        .startswith(
            "The unknown cases cannot be looked up later: the embedded sandbox ends with this command. "
            f"--settle in the same call looks for them before it does. {LASTS}"
        )
    )


def test_conversations_of_a_sandbox_that_has_ended_are_not_asked_for_their_landing(capsys):
    rows("case\na\nb\n")
    send = ["send", "rows.csv", "--journal", "run.sqlite", "--landing", "--close", "--quiet"]
    assert main(send) == 0
    with closing(sqlite3.connect("run.sqlite")) as journal, journal:
        journal.execute("DELETE FROM steps")
    shared_sandbox().reset()  # as if another command had started another one
    capsys.readouterr()

    assert main(["send", "--resume", "--journal", "run.sqlite", "--quiet"]) == 0

    err = capsys.readouterr().err
    assert (
        "2 conversations were opened on a sandbox that is not there any more, so their messages, landing and "
        "close are left out.\n" in err
    )
    assert "tries again" not in err


def test_a_request_to_end_stops_the_run_and_resume_finishes_it(world):
    Path("rows.csv").write_text("case\n" + "".join(f"c{n}\n" for n in range(300)))
    send = ["send", "rows.csv", "--journal", "run.sqlite"]
    running = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "lpnb", *send, "--rate", "20", "--out", "first.parquet"],
        stderr=subprocess.PIPE,
    )
    until = time.monotonic() + 30
    while len(world.conversations) < 5 and time.monotonic() < until:
        time.sleep(0.02)

    running.send_signal(signal.SIGTERM)
    _, err = running.communicate(timeout=30)

    assert running.returncode == 1
    assert b"Go on with lpnb send --resume --journal run.sqlite" in err
    first = pd.read_parquet("first.parquet")
    assert len(first) == 300
    assert 0 < (first["outcome"] == "answered").sum() < 300

    assert main([*send, "--resume", "--rate", "1000", "--out", "r.parquet", "--quiet"]) == 0
    assert pd.read_parquet("r.parquet")["conversation_id"].nunique() == 300
    assert len(world.conversations) == 300


def test_a_real_account_needs_to_be_meant_and_counted(monkeypatch, capsys):
    for name, value in {"ACCOUNT_ID": "87654321", "CLIENT_ID": "app", "CLIENT_SECRET": "x"}.items():
        monkeypatch.setenv(f"LP_{name}", value)
    path = rows("case\na\nb\n")

    assert main(["send", str(path)]) == 2
    assert "This would open 2 conversations at the real account 87654321" in capsys.readouterr().err
    assert main(["verify", str(rows("expected_code\nOK\n")), "--live", "--confirm", "2"]) == 2
    assert "2 was confirmed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "said"), [(["--live", "--confirm", "1"], "--live"), (["--confirm", "9"], "--confirm")]
)
@pytest.mark.parametrize("command", ["send", "verify"])
def test_a_build_whose_settings_are_missing_is_not_green(command, option, said, capsys):
    path = rows("case,expected_code\na,OK\n")

    assert main([command, str(path), *option]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == f"{said} was given, but no LP_ settings were found."
    assert err.splitlines()[1] == "Looked in: the environment (0 settings), then ./.env (not there)."
    assert err.splitlines()[2:] == [
        "Set LP_ACCOUNT_ID, LP_CLIENT_ID and LP_CLIENT_SECRET in the environment or in a file .env; "
        f"without {said} it goes to the embedded sandbox."
    ]
    assert list(Path.cwd().iterdir()) == [path.resolve()]


@pytest.mark.parametrize("command", ["send", "verify"])
def test_a_count_that_is_confirmed_is_held_against_the_cases_on_a_sandbox_too(command, world, capsys):
    path = rows("case,expected_code\na,OK\n")

    assert main([command, str(path), "--live", "--confirm", "99"]) == 2

    assert "; 99 was confirmed. Say --confirm 1." in capsys.readouterr().err
    assert world.conversations == []
    assert main([command, str(path), "--live", "--confirm", "1", "--quiet"]) == 0


def test_a_call_that_is_refused_names_no_journal(world, capsys):
    path = rows("case,expected_code\na,OK\n")

    assert main(["send", str(path), "--concurrency", "0"]) == 2
    (refusal,) = capsys.readouterr().err.splitlines()
    assert refusal == "concurrency must be a whole number from 1 to 1,000; got 0."
    assert main(["verify", str(path), "--quiet"]) == 0
    assert "The journal is runs/rows-" in capsys.readouterr().err


def test_cases_that_came_as_expected_pass_a_build(world, capsys):
    path = rows(
        "case,ctmrinfo.ctype,expected_skill,expected_code\n"
        "vip,vip,Private Clients,OK\n"
        "gold,gold,2741903010,\n"
    )

    assert main(["verify", str(path), "--junit", "out.xml", "--out", "r.csv", "--quiet"]) == 0

    assert capsys.readouterr().out == "2 cases: 2 passed, 0 failed.\n"
    suite = ElementTree.parse("out.xml").getroot()[0]
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("rows.csv", "2", "0")
    assert [conversation.stage for conversation in world.conversations] == ["CLOSE", "CLOSE"]
    assert pd.read_csv("r.csv")["passed"].tolist() == [True, True]


def test_a_case_that_came_otherwise_fails_the_build_and_is_named(world, capsys):
    path = rows("case,ctmrinfo.ctype,expected_skill\nvip,vip,Private Clients\ngold,gold,Private Clients\n")

    status = main(["verify", str(path), "--junit", "out.xml", "--quiet", "--verbose", "--leave-open"])

    assert status == 1
    assert capsys.readouterr().out.splitlines() == [
        "verdict  case  expected               got",
        "passed   vip   skill Private Clients  skill Private Clients (2741903013)",
        "failed   gold  skill Private Clients  skill General Enquiries (2741903010)",
        "2 cases: 1 passed, 1 failed.",
        "failed  gold: expected skill Private Clients, landed in General Enquiries (2741903010)",
    ]
    (failure,) = ElementTree.parse("out.xml").getroot().iter("failure")
    assert failure.get("message") == (
        "expected skill Private Clients, landed in General Enquiries (2741903010)"
    )
    assert {conversation.stage for conversation in world.conversations} == {"OPEN"}


@pytest.mark.parametrize("name", ["routing-regression.csv", "monitoring-regression.csv"])
def test_the_sample_cases_pass_on_the_world_they_were_made_for(world, capsys, name):
    status = main(["verify", str(DATA / name), "--quiet"])

    out = capsys.readouterr().out
    assert (status, out.count("\n")) == (0, 1), out


def test_the_last_words_tell_of_steps_that_failed_and_the_file_of_which(world, capsys):
    path = rows("case\na\n")
    world.fail("send", "status", None, code=500)

    arguments = ["--journal", "r.sqlite", "--out", "r.csv", "--say", "Hello", "--close", "--quiet"]
    assert main(["send", str(path), *arguments]) == 0

    assert capsys.readouterr().err.splitlines()[-3:] == [
        "1 row is in r.csv",
        "1 of 1 cases: 1 answered; done",
        "1 case: an opening message may not have arrived and is not said again; do it by hand in the "
        "conversation. 1 case: the conversation may still be open; "
        "lpnb send --resume --journal r.sqlite tries again.",
    ]
    table = pd.read_csv("r.csv")
    assert table[["say_outcome", "close_outcome"]].values.tolist() == [["unknown", "unknown"]]


def test_one_case_is_counted_as_one(world, capsys):
    assert main(["send", str(rows("case\na\n")), "--dry-run"]) == 0

    assert capsys.readouterr().out.startswith("Dry run: 1 case, the first 1 shown. Nothing is sent.\n")


def test_a_close_that_failed_is_told_by_verify_too(world, capsys):
    path = rows("case,expected_code\na,OK\n")
    world.fail("send", "status", None, code=400)

    assert main(["verify", str(path), "--journal", "r.sqlite", "--quiet"]) == 0

    assert (
        "1 case: the close was refused and is not repeated; do it by hand in the conversation."
        in capsys.readouterr().err
    )


def test_the_printed_table_names_the_customers_of_cases_without_names(world, capsys):
    Path("rows.csv").write_text("Customer number,Customer type\n007,vip\n008,vip\n")

    assert main(["send", "rows.csv", "--quiet"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["case", "ctmrinfo.customerId"]
    assert [line.split()[:2] for line in lines[1:]] == [["case-00001", "007"], ["case-00002", "008"]]


def test_the_end_of_send_says_how_many_came_as_they_expected(world, capsys):
    path = rows(
        "Customer number,Customer type,Expected skill\n01,vip,Private Clients\n02,x,Private Clients\n03,x,\n"
    )

    assert main(["send", str(path), "--landing", "--quiet", "--out", "r.csv"]) == 0
    err = capsys.readouterr().err
    assert (
        "1 of 2 cases came as expected\n"
        "  case-00002 (customerId 02): expected skill Private Clients, landed in" in err
    )

    assert main(["send", str(path), "--quiet", "--out", "r.csv"]) == 0
    assert "Whether the cases landed as expected is seen with --landing\n" in capsys.readouterr().err
