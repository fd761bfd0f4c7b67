"""Runs from beginning to end against the sandbox: what is sent, what is written, what can be gone on with."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from lpnb import (
    AsyncClient,
    ChangedCasesError,
    Client,
    InvalidValueError,
    JournalError,
    NotSentError,
    RunError,
    Settings,
    connect,
    open_run,
    run_experiment,
    start_experiment,
)
from lpnb._internal import event_loop
from lpnb.client.connect import sandbox_of
from lpnb.experiments.runs.run import Run
from lpnb.journal import Journal, read_journal

CASES = [{"case": f"{tier}-{n}", "ctmrinfo.ctype": tier} for tier in ("vip", "gold") for n in range(6)]


def quiet(client, cases=CASES, **options):
    return run_experiment(client, cases, **{"name": "tiers", "progress": False, **options})


def consumers(sandbox):
    return [conversation.ext_consumer_id for conversation in sandbox.conversations]


class Watch:
    """A display that raises an interrupt once so many cases are answered."""

    def __init__(self, at):
        self.at = at
        self.last = None

    def show(self, progress):
        if progress.answered >= self.at:
            raise KeyboardInterrupt

    def close(self, progress):
        self.last = progress


def test_every_case_opens_one_conversation_for_a_consumer_of_its_own(client, sandbox):
    run = quiet(client)

    table = run.table()
    assert run.state == "done"
    assert list(table["case"]) == [case["case"] for case in CASES]
    assert set(table["outcome"]) == {"answered"}
    assert set(table["code"]) == {"OK"}
    assert set(table["attempts"]) == {1}
    assert list(table["ctmrinfo.ctype"]) == ["vip"] * 6 + ["gold"] * 6
    assert sorted(table["consumer_id"]) == sorted(consumers(sandbox))
    assert len(set(table["consumer_id"])) == 12
    assert set(table["conversation_id"]) == {c.conversation_id for c in sandbox.conversations}


def test_the_responses_of_a_run_have_a_row_for_each_frame(client):
    responses = quiet(client).responses()

    assert list(responses.columns)[:5] == ["case", "consumer_id", "req_id", "type", "ok"]
    assert list(responses["case"][:4]) == ["vip-0", "vip-0", "vip-1", "vip-1"]
    assert set(responses["type"]) == {"userprofile.SetUserProfile", "cm.ConsumerRequestConversation"}
    assert responses["ok"].all()
    assert responses["conversation_id"].notna().sum() == 12


def test_a_run_says_where_it_is_written_down_and_can_be_opened_again(client, capsys):
    run = quiet(client)
    assert capsys.readouterr().out == "Writing down run tiers in runs/tiers.sqlite\n"

    again = open_run("runs/tiers.sqlite")

    assert repr(run) == "<Run tiers: 12 of 12 cases: 12 answered; done in runs/tiers.sqlite>"
    assert repr(again) == repr(run)
    assert again.table().equals(run.table())
    assert again.responses().equals(run.responses())


def test_a_consumer_that_is_given_is_used(client, sandbox):
    quiet(client, [{"consumer_id": "anna"}, {"consumer_id": "ben"}])

    assert sorted(consumers(sandbox)) == ["anna", "ben"]


def test_a_refusal_is_a_row_like_any_other(client, sandbox):
    run = quiet(client, [{"consumer_id": "anna"}, {"consumer_id": "anna"}], concurrency=1)

    table = run.table()
    assert list(table["outcome"]) == ["answered", "refused"]
    assert table["code"][1] == "BAD_REQUEST"
    assert "already has open conversation" in table["message"][1]
    assert str(run.progress) == "2 of 2 cases: 1 answered, 1 refused; done"


def test_an_expected_code_is_compared(client):
    run = quiet(client, [{"expected_code": "OK"}, {"expected_code": "BAD_REQUEST"}, {"skillId": "-1"}])

    assert run.table()["passed"].to_list()[:2] == [True, False]
    assert run.table()["passed"].isna().to_list() == [False, False, True]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_run_can_be_awaited_with_either_client(settings, kind):
    async def main():
        client = kind(settings, wait_scale=0.0)
        try:
            return await start_experiment(client, CASES, name="tiers", progress=False)
        finally:
            await event_loop.awaitable(client.engine.aclose())

    run = asyncio.run(main())

    assert run.state == "done"
    assert run.progress.answered == 12


def test_a_dry_run_prints_masked_requests_and_sends_nothing(client, sandbox, capsys, tmp_path):
    run = quiet(client, dry_run=2)

    said = capsys.readouterr().out
    assert said.startswith(
        "Dry run: 12 cases, the first 2 shown. Nothing is sent.\n\nvip-0, for a consumer made"
    )
    assert (
        said.count("POST https://(asyncMessagingEnt)/api/account/12345678/messaging/consumer/conversation")
        == 2
    )
    assert said.count("Authorization: ********\nX-LP-ON-BEHALF: ********\n") == 2
    assert '"ctype": "vip"' in said
    assert dict(sandbox.calls) == {}
    assert list(tmp_path.rglob("*.sqlite")) == []
    assert run.state == "planned"
    assert set(run.table()["outcome"]) == {"planned"}


def test_a_dry_run_warns_of_ids_that_a_spreadsheet_rounded(client, capsys):
    cases = [{"case": "fine", "skillId": "1"}] + [{"case": f"c{n}", "skillId": "1.0E+11"} for n in range(6)]
    quiet(client, cases, dry_run=1)

    said = capsys.readouterr().out.splitlines()
    assert said[-3:] == [
        "",
        "6 cases such as c0, c1, c2, skillId: 1.0E+11 looks like an id that a spreadsheet has rounded.",
        "Format its column as text and fill it in anew.",
    ]


def test_a_wrong_cell_is_named_before_anything_is_sent(client, sandbox, tmp_path):
    with pytest.raises(InvalidValueError, match=r"personal\.gender must be one of"):
        quiet(client, [*CASES, {"personal.gender": "male"}])

    assert dict(sandbox.calls) == {}
    assert list(tmp_path.iterdir()) == []


def test_wrong_options_are_all_named_at_once(client):
    with pytest.raises(InvalidValueError) as caught:
        quiet(client, concurrency=0, rate=0, on_5xx="ignore", cap=0)

    assert str(caught.value) == (
        "4 values are wrong:\n"
        "  - concurrency must be a whole number from 1 to 1,000; got 0.\n"
        "  - rate must be a number of calls a second above 0, or None; got 0.\n"
        "  - on_5xx must be 'pause' or 'retry'; got 'ignore'.\n"
        "  - cap must be a whole number of cases from 1; got 0."
    )


@pytest.mark.parametrize("name", ["../up", "a b", "", "x" * 65, "über"])
def test_a_name_is_a_plain_word(client, name):
    with pytest.raises(InvalidValueError, match="name must be 1 to 64 letters, digits, dashes or"):
        quiet(client, name=name)


def test_a_run_without_a_token_begins_no_journal(settings, sandbox, tmp_path):
    wrong = Settings(settings.account_id, settings.client_id, "wrong", domain_api=settings.domain_api)
    with Client(wrong, wait_scale=0.0) as client, pytest.raises(NotSentError, match="Sentinel refused"):
        quiet(client)

    assert list(tmp_path.iterdir()) == []


# Interrupts, stops, and going on


def test_an_interrupt_ends_the_waiting_and_resume_goes_on(client, sandbox, capsys):
    sandbox.fail("conversation", "slow", None, seconds=0.3)
    watch = Watch(at=3)
    run = quiet(client, progress=watch, concurrency=2)
    sandbox.clear_faults()

    assert run.state in ("running", "stopped")
    assert 3 <= watch.last.answered < 12
    assert re.search(
        r"Stopped\. \d+ of 12 cases: \d+ answered; .*run\.resume\(\) goes on\.", capsys.readouterr().out
    )

    watch.at = 99
    assert run.resume() is run
    assert run.state == "done"
    assert set(run.table()["outcome"]) == {"answered"}
    assert len(consumers(sandbox)) == len(set(consumers(sandbox))) == 12


def test_what_had_left_is_not_waited_for_by_an_interrupt(settings, sandbox):
    sandbox.fail("conversation", "hang", seconds=60)
    with Client(settings, wait_scale=0.0) as client:
        run = quiet(client, CASES[:1], progress=Watch(at=0))
        assert run.state == "running"
        assert run.progress.sending == 1
        sandbox.stop()
        run.wait()

    assert list(run.unknown["case"]) == ["vip-0"]


def test_a_second_interrupt_at_once_leaves_the_way_back_too(settings, sandbox, monkeypatch, capsys):
    sandbox.fail("conversation", "hang", seconds=60)
    stop = Run.stop

    def interrupted_again(run):
        stop(run)
        raise KeyboardInterrupt

    monkeypatch.setattr(Run, "stop", interrupted_again)

    class Once(Watch):
        def show(self, progress):
            if progress.sending:
                raise KeyboardInterrupt

    with Client(settings, wait_scale=0.0) as client:
        with pytest.raises(KeyboardInterrupt):
            quiet(client, CASES[:2], progress=Once(at=0), concurrency=1)
        sandbox.stop()

    assert capsys.readouterr().out.splitlines()[-1] == (
        "Stopped. 0 of 2 cases. Still waiting for 1 answer. "
        "lpnb.open_run('runs/tiers.sqlite').resume(client) goes on."
    )


def test_a_second_interrupt_takes_the_run_but_not_the_way_back(settings, sandbox, monkeypatch, capsys):
    monkeypatch.setattr("lpnb.experiments.runs.run.GRACE", 30)
    sandbox.fail("conversation", "hang", seconds=60)

    class Twice(Watch):
        def show(self, progress):
            if progress.sending:
                threading.Timer(
                    0.1, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)
                ).start()
                raise KeyboardInterrupt

    with Client(settings, wait_scale=0.0) as client:
        with pytest.raises(KeyboardInterrupt):
            quiet(client, CASES[:2], progress=Twice(at=0), concurrency=1)
        sandbox.stop()

    assert capsys.readouterr().out.splitlines()[-1] == (
        "Stopped. 0 of 2 cases. Still waiting for 1 answer. "
        "lpnb.open_run('runs/tiers.sqlite').resume(client) goes on."
    )
    assert open_run("runs/tiers.sqlite").progress.total == 2


def test_a_run_can_be_stopped_and_gone_on_with_from_its_journal_alone(client, sandbox):
    sandbox.fail("conversation", "slow", None, seconds=0.02)
    run = start_experiment(client, CASES, name="tiers", progress=False, concurrency=1)
    run.stop().wait()
    assert run.state == "stopped"
    assert run.progress.left > 0

    again = open_run(run.journal_path)
    assert again.state == "stopped"
    again.resume(client, concurrency=4)

    assert again.state == "done"
    assert sorted(consumers(sandbox)) == sorted(again.table()["consumer_id"])
    assert len(set(consumers(sandbox))) == 12


def test_a_case_that_was_edited_in_its_journal_is_checked_before_anything_is_sent(client, sandbox):
    sandbox.fail("conversation", "slow", None, seconds=0.02)
    urgent = [{"case": f"urgent-{number}", "ttrDefName": "URGENT"} for number in range(9)]
    run = start_experiment(client, urgent, name="tiers", progress=False, concurrency=1)
    run.stop().wait()
    calls = sandbox.calls["conversation"]
    said = '{"ttrDefName":"SOON"}'
    whole = json.dumps(["urgent-8", None, said, "{}"], separators=(",", ":"))
    digest = hashlib.blake2b(whole.encode(), digest_size=24).hexdigest()
    with closing(sqlite3.connect(run.journal_path)) as journal:
        journal.execute("UPDATE cases SET said = ?, digest = ? WHERE name = 'urgent-8'", (said, digest))
        journal.commit()

    with pytest.raises(InvalidValueError) as caught:
        open_run(run.journal_path).resume(client)

    assert [complaint.sentence for complaint in caught.value.complaints] == [
        "Row 9 (urgent-8), ttrDefName must be one of 'NORMAL', 'URGENT', 'PRIORITIZED', 'null'; got 'SOON'."
    ]
    assert sandbox.calls["conversation"] == calls


def test_going_on_with_a_run_that_is_done_sends_nothing(client, sandbox):
    run = quiet(client)

    open_run(run.journal_path).resume(client)

    assert sandbox.calls["conversation"] == 12


def test_open_run_alone_knows_no_client(client):
    path = quiet(client).journal_path

    with pytest.raises(RunError) as caught:
        open_run(path).resume()

    assert str(caught.value) == "open_run knows no client. Give one: open_run(path).resume(client)."


def test_a_missing_journal_cannot_be_gone_on_with(client):
    run = quiet(client)
    run.journal_path.unlink()

    with pytest.raises(JournalError, match=r"There is no journal at runs/tiers\.sqlite"):
        run.resume()


def test_changed_cases_are_refused_with_what_changed(client, sandbox):
    run = quiet(client)
    changed = [dict(case) for case in CASES]
    changed[1]["ctmrinfo.ctype"] = "silver"
    changed[2]["case"] = "other"
    changed[3]["skillId"] = "12"

    with pytest.raises(ChangedCasesError) as caught:
        open_run(run.journal_path).resume(client, [*changed, {"case": "more"}])

    assert str(caught.value) == (
        "These are not the cases that runs/tiers.sqlite was begun with, so nothing was sent:\n"
        "  - vip-1, ctmrinfo.ctype: 'vip' before, 'silver' now\n"
        "  - vip-2, case: 'vip-2' before, 'other' now\n"
        "  - vip-3, skillId: None before, '12' now\n"
        "  - more is not in the journal\n"
        "Give the same cases to go on, or begin another run with these."
    )
    assert caught.value.changes[0] == ("vip-1", "ctmrinfo.ctype", "vip", "silver")
    with pytest.raises(ChangedCasesError) as caught:
        open_run(run.journal_path).resume(client, CASES[:-1])
    assert f"  - {CASES[-1]['case']} is missing now\n" in str(caught.value)
    assert sandbox.calls["conversation"] == 12


def test_a_run_stays_with_its_account(client, sandbox):
    run = quiet(client)
    other = Settings("99999999", "a", "b", domain_api=sandbox.base)

    with Client(other) as stranger, pytest.raises(RunError) as caught:
        open_run(run.journal_path).resume(stranger)

    assert str(caught.value) == (
        "runs/tiers.sqlite is of account 12345678 on a sandbox, and this client is of account 99999999 on a "
        "sandbox. A run stays with its account."
    )


def test_a_journal_that_another_writes_can_be_read_and_not_gone_on_with(client):
    run = quiet(client)
    with closing(Journal.open(run.journal_path)):
        again = open_run(run.journal_path)
        assert again.state == "running"
        assert again.progress.answered == 12
        with pytest.raises(JournalError, match="is being written by process"):
            again.resume(client)


class InFlight:
    """A display that notes how many requests were under way at once, at the most."""

    most = 0

    def show(self, progress):
        self.most = max(self.most, progress.sending)

    def close(self, progress):
        pass


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_requests_are_under_way_than_were_asked_for(client, sandbox, concurrency):
    sandbox.fail("conversation", "slow", None, seconds=0.05)
    watch = InFlight()

    run = quiet(client, concurrency=concurrency, progress=watch)

    begun = run.responses().drop_duplicates("case").sort_values("sent_at")
    ends = begun["sent_at"] + pd.to_timedelta(begun["elapsed_ms"], unit="ms")
    at_once = [int(((begun["sent_at"] <= at) & (ends > at)).sum()) for at in begun["sent_at"]]
    assert max(at_once) == concurrency
    assert watch.most <= concurrency
    assert set(run.table()["attempts"]) == {1}


def test_a_stopped_run_counts_only_the_attempts_that_left(client, sandbox):
    sandbox.fail("conversation", "slow", None, seconds=0.05)
    run = start_experiment(client, CASES, name="tiers", progress=False, concurrency=2)
    for _ in range(4000):
        if sandbox.calls["conversation"] >= 4:
            break
        threading.Event().wait(0.005)
    run.stop().wait()
    asked = sandbox.calls["conversation"]
    assert run.table()["attempts"].sum() == asked

    run.resume()

    assert run.table()["attempts"].sum() == sandbox.calls["conversation"] == 12


# Real accounts

REAL = "account 12345678 through https://api.liveperson.net"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {},
            f"This would open 12 conversations at the real {REAL}. Look at it with dry_run=True "
            "first, then say live=True and confirm=12.",
        ),
        (
            {"live": True},
            f"This would open 12 conversations at the real {REAL}; it was not confirmed. Say confirm=12.",
        ),
        (
            {"live": True, "confirm": 11},
            f"This would open 12 conversations at the real {REAL}; 11 was confirmed. Say confirm=12.",
        ),
        (
            {"live": True, "confirm": 12, "cap": 10},
            f"This would open 12 conversations at the real {REAL}, "
            "and a run there is capped at 10. Send a sample, or say cap=12.",
        ),
    ],
)
def test_a_real_account_is_guarded(options, said, tmp_path):
    with Client(Settings("12345678", "a", "b")) as client, pytest.raises(RunError) as caught:
        quiet(client, **options)

    assert str(caught.value) == said
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_meant_for_a_real_account_does_not_fall_back_to_the_sandbox(capsys, tmp_path):
    with connect() as client, pytest.raises(RunError) as caught:
        quiet(client, live=True, confirm=12)

    first, looked, out = str(caught.value).splitlines()
    assert (
        first
        == "live=True was given, but no LP_ settings were found, so this client is of the embedded sandbox."
    )
    assert looked == "Looked in: the environment (0 settings), then ./.env (not there)."
    assert out == (
        "Set LP_ACCOUNT_ID, LP_CLIENT_ID and LP_CLIENT_SECRET in the environment or in a file .env; "
        "without live=True it goes to the embedded sandbox."
    )
    assert list(tmp_path.iterdir()) == []
    assert sandbox_of(client.settings).conversations == []


def test_a_sandbox_that_was_named_may_rehearse_a_real_run_and_the_count_must_be_right(client, sandbox):
    with pytest.raises(RunError) as caught:
        quiet(client, live=True, confirm=11)

    assert str(caught.value) == (
        f"This would open 12 conversations at account 12345678 through {client.settings.domain_api}; "
        "11 was confirmed. Say confirm=12."
    )
    assert sandbox.conversations == []
    assert quiet(client, live=True, confirm=12).state == "done"


def test_the_number_can_be_typed(monkeypatch):
    from lpnb.client.live_guard import check_live

    asked = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda said: asked.append(said) or " 12 ")

    check_live(Settings("12345678", "a", "b"), 12, live=True, confirm=None, cap=100)

    assert asked == [
        "This opens 12 conversations at the real account 12345678 through https://api.liveperson.net. "
        "Type the number to go on: "
    ]


def test_a_sandbox_run_is_not_gone_on_with_at_a_real_account(client):
    run = quiet(client)

    with Client(Settings("12345678", "a", "b")) as live, pytest.raises(RunError) as caught:
        open_run(run.journal_path).resume(live, live=True, confirm=0)

    assert str(caught.value) == (
        f"runs/tiers.sqlite is of account 12345678 on a sandbox, and this client is of {REAL}. "
        "A run stays with its account."
    )


# Troubles in a row


def test_five_5xx_in_a_row_pause_the_run_and_one_is_tried(client, sandbox, capsys):
    sandbox.fail("conversation", "status", 6, code=503)

    run = quiet(client, concurrency=1)

    assert run.state == "paused"
    assert str(run.progress) == "6 of 12 cases: 6 unknown; paused"
    assert run.failure == "5 cases in a row got no usable answer."
    assert sandbox.calls["conversation"] == 6
    assert capsys.readouterr().out.splitlines()[1] == run.advice
    assert run.advice == (
        "5 cases in a row got no usable answer. One more was tried after a wait, and got none either. "
        "run.settle() looks for the 6 unknown. run.resume() goes on."
    )

    run.resume()
    assert run.state == "done"
    assert run.advice == "run.settle() looks for the 6 unknown."
    assert str(run.progress) == "12 of 12 cases: 6 answered, 6 unknown; done"
    assert len(run.unknown) == 6


def test_a_run_goes_on_by_itself_when_the_one_that_is_tried_is_answered(client, sandbox):
    sandbox.fail("conversation", "status", 5, code=503)

    run = quiet(client, concurrency=3)

    assert run.state == "done"
    assert run.failure is None
    assert run.progress.answered == 7
    assert run.progress.unknown == 5


def test_a_stop_lets_the_one_that_is_tried_be_answered(client, sandbox):
    sandbox.fail("conversation", "status", 5, code=503)
    sandbox.fail("conversation", "slow", None, seconds=0.5)
    run = start_experiment(client, CASES, name="tiers", progress=False, concurrency=1)
    for _ in range(5_000):
        if sandbox.calls["conversation"] == 6:
            break
        threading.Event().wait(0.002)

    run.stop().wait()

    assert str(run.progress) == "6 of 12 cases: 1 answered, 5 unknown; stopped"
    assert read_journal(run.journal_path).states() == {"answered": 1, "planned": 6, "unknown": 5}
    sandbox.clear_faults()
    assert run.resume().progress.answered == 7
    assert len(consumers(sandbox)) == len(set(consumers(sandbox))) == 7


def test_a_5xx_is_sent_again_only_when_that_is_asked_for(client, sandbox, capsys):
    sandbox.fail("conversation", "status", 2, code=502)

    run = quiet(client, CASES[:1], on_5xx="retry")

    assert list(run.table()["outcome"]) == ["answered"]
    assert list(run.table()["attempts"]) == [3]
    assert [row[2:4] for row in read_journal(run.journal_path).attempts(0)] == [
        ("unknown", 502),
        ("unknown", 502),
        ("answered", 200),
    ]
    assert capsys.readouterr().out.startswith(
        'on_5xx="retry": a 5xx may come from a gateway behind which the conversation was created.'
    )


def test_a_5xx_whose_work_was_done_stays_unknown_when_it_is_sent_again(client, sandbox):
    sandbox.fail("conversation", "status", code=502, work_done=True)

    run = quiet(client, CASES[:1], on_5xx="retry")

    assert list(run.table()["outcome"]) == ["unknown"]
    assert len(sandbox.conversations) == 1


# What is written


def test_a_throttled_attempt_is_written_as_one_that_created_nothing(client, sandbox):
    sandbox.fail("conversation", "status", 2, code=429)

    run = quiet(client, CASES[:1])

    assert [row[2:4] for row in read_journal(run.journal_path).attempts(0)] == [
        ("planned", 429),
        ("planned", 429),
        ("answered", 200),
    ]
    assert list(run.table()["attempts"]) == [3]


def test_personal_values_can_be_kept_as_hashes_only(client, sandbox):
    cases = [
        {"personal.firstname": "Wilhelmina", "ctmrinfo.ctype": "vip"},
        {"personal.firstname": "Wilhelmina"},
    ]
    run = quiet(client, cases, hash_personal=True)

    kept = b"".join(path.read_bytes() for path in run.journal_path.parent.iterdir())
    assert b"Wilhelmina" not in kept
    first, second = open_run(run.journal_path).table()["personal.firstname"]
    assert first == second
    assert re.fullmatch("hashed:[0-9a-f]{24}", first)
    assert [json.dumps(c.request).count("Wilhelmina") for c in sandbox.conversations] == [1, 1]

    with pytest.raises(RunError, match="has personal values as pseudonyms only"):
        open_run(run.journal_path).resume(client)
    assert open_run(run.journal_path).resume(client, cases).state == "done"


def test_the_journal_holds_no_token_and_no_secret(settings, sandbox):
    # Every refusal is kept with what the gateway echoed.
    sandbox.fail("conversation", "status", 2, code=503, body="eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiIxIn0.c2ln")
    with Client(settings, wait_scale=0.0) as client:
        run = quiet(client, CASES[:3])
        app_jwt = client.engine.account.app_jwt.token.reveal()

    kept = b"".join(path.read_bytes() for path in run.journal_path.parent.iterdir())
    assert app_jwt.encode() not in kept
    assert sandbox.client_secret.encode() not in kept


FULL = """
import json, resource, signal, sys
from lpnb import Client, Settings, open_run, run_experiment
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

class Fills:
    full = False
    def show(self, progress):
        if progress.answered >= 10 and not self.full:
            self.full = True
            resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    def close(self, progress):
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

with Client(Settings.of(json.loads(sys.argv[1]))) as client:
    run = run_experiment(client, [{}] * 200, journal=sys.argv[2], progress=Fills(), concurrency=4)
    print(run.state, "could not be written" in run.failure)
    print(run.progress.answered < 200)
    run.resume()
    print(run.state, run.progress.answered, run.progress.unknown)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit on file sizes")
def test_a_full_disk_ends_the_run_and_loses_no_answer(sandbox, tmp_path):
    sandbox.fail("conversation", "slow", None, seconds=0.02)
    done = subprocess.run(
        [sys.executable, "-c", FULL, json.dumps(sandbox.environment()), str(tmp_path / "run.sqlite")],
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    said = [line for line in done.stdout.splitlines() if not line.startswith("The run ended")]
    assert said == ["failed True", "True", "done 200 0"]
    assert len(consumers(sandbox)) == len(set(consumers(sandbox))) == 200


INTERRUPTED = """
import json, sys
from lpnb import Client, Settings, run_experiment
client = Client(Settings.of(json.loads(sys.argv[1])))
run = run_experiment(client, [{}] * 50, journal=sys.argv[2], progress=False, concurrency=2)
print(run.state, run.progress.sending, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_a_real_interrupt_returns_while_requests_hang(sandbox, tmp_path):
    sandbox.fail("conversation", "hang", None, seconds=60)
    command = [
        sys.executable,
        "-c",
        INTERRUPTED,
        json.dumps(sandbox.environment()),
        str(tmp_path / "x.sqlite"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        waiting = threading.Event()
        for _ in range(12_000):
            if sandbox.calls["conversation"] >= 2 or process.poll() is not None:
                break
            waiting.wait(0.005)
        assert sandbox.calls["conversation"] == 2
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)

    # The requests hang for a minute, and the client itself would wait for half of one.
    assert said.splitlines()[-1] == "running 2"
    assert said.startswith("Stopped. 0 of 50 cases")
    assert open_run(tmp_path / "x.sqlite").state == "interrupted"
    assert open_run(tmp_path / "x.sqlite").progress.unknown == 2


def test_a_table_of_several_stretches_is_the_same_as_one_of_one(client, monkeypatch):
    run = quiet(client)
    whole, responses = run.table(), run.responses()

    for rows in (5, 12):
        monkeypatch.setattr("lpnb.experiments.runs.journal_rows._BLOCK_ROWS", rows)
        assert run.table().equals(whole)
        assert run.table().dtypes.equals(whole.dtypes)
        assert run.responses().equals(responses)
        assert run.responses().dtypes.equals(responses.dtypes)


def test_a_case_that_was_not_sent_at_first_is_on_its_way_like_any_other(client, sandbox):
    sandbox.fail("idp", "status", None, code=503)
    run = quiet(client, [{"case": "late"}])
    assert list(run.table()["outcome"]) == ["not sent"]
    sandbox.clear_faults()
    sandbox.fail("conversation", "slow", seconds=0.5)

    run.resume(wait=False)
    for _ in range(2_000):
        if sandbox.calls["conversation"]:
            break
        threading.Event().wait(0.002)
    # Should its process die now, this is what is known: a conversation may exist.
    (case,) = read_journal(run.journal_path).cases()

    assert case.state == "sending"
    run.wait()
    table = run.table()
    assert list(table["outcome"]) == ["answered"]
    assert list(table["attempts"]) == [1]


@pytest.mark.parametrize("then", [400, 401])
def test_what_comes_of_sending_again_says_nothing_of_the_5xx_before_it(settings, sandbox, then):
    sandbox.fail("conversation", "status", code=502, work_done=True)
    sandbox.fail("conversation", "status", None, code=then)

    with Client(settings, wait_scale=0.0) as client:
        run = quiet(client, CASES[:1], on_5xx="retry")

    assert list(run.table()["outcome"]) == ["unknown"]
    assert len(sandbox.conversations) == 1


def test_a_run_whose_last_cases_got_no_answer_is_done(client, sandbox):
    sandbox.fail("conversation", "status", 5, code=503)

    run = quiet(client, CASES[:5])

    assert run.state == "done"
    assert run.advice == "run.settle() looks for the 5 unknown."


def test_a_run_that_is_done_says_how_to_send_what_was_not_sent(client, sandbox):
    sandbox.fail("idp", "status", 2, code=400)

    run = quiet(client, CASES[:5], concurrency=1)

    assert (run.state, run.progress.not_sent) == ("done", 2)
    assert run.advice == "run.resume() sends the 2 not sent."
    assert "run.resume() sends the 2 not sent." in run._repr_html_()
    assert run.resume().advice is None


@pytest.mark.parametrize(
    ("option", "value", "rule"),
    [
        ("live", "no", "live must be true or false; got 'no'."),
        ("confirm", True, "confirm must be the number of cases, or None; got True."),
        ("hash_personal", 1, "hash_personal must be true or false; got 1."),
        ("dry_run", "yes", "dry_run must be true or false, or how many requests to print; got 'yes'."),
        ("dry_run", 0, "dry_run must be true or false, or how many requests to print; got 0."),
        ("steps", {"close": True}, "steps must be Steps, or None; got {'close': True}."),
        ("rate", float("nan"), "rate must be a number of calls a second above 0, or None; got nan."),
        ("rate", float("inf"), "rate must be a number of calls a second above 0, or None; got inf."),
        (
            "progress",
            "bar",
            "progress must be true or false, or an object with show(progress) and close(progress); "
            "got 'bar'.",
        ),
    ],
)
def test_no_option_is_taken_for_what_it_is_not(client, sandbox, option, value, rule):
    with pytest.raises(InvalidValueError) as caught:
        quiet(client, CASES[:1], **{option: value})

    assert [(c.path, c.sentence) for c in caught.value.complaints] == [(option, rule)]
    assert sandbox.calls["conversation"] == 0
    assert not Path("runs").exists()


def test_cases_of_given_consumers_can_be_gone_on_with_from_the_journal_alone(client, sandbox):
    sandbox.fail("idp", "status", 1, code=400)
    run = quiet(client, [{"consumer_id": "anna"}, {"consumer_id": "ben"}, {}], concurrency=1)
    assert list(run.table()["outcome"]) == ["not sent", "answered", "answered"]

    assert list(open_run(run.journal_path).resume(client).table()["outcome"]) == ["answered"] * 3
    assert set(consumers(sandbox)) >= {"anna", "ben"}


def test_no_personal_value_is_kept_wherever_it_stands_or_is_repeated(client, sandbox):
    body = '{"code": "BAD_REQUEST", "body": {"msg": "no W\\u00fclhelmina, and no C-4711"}}'
    sandbox.fail("conversation", "status", code=400, body=body)
    cases = [
        {
            "case": "a",
            "personal.firstname": "Wülhelmina",
            "ctmrinfo.customerId": "C-4711",
            "ctmrinfo.userName": "wilma99",
            "clientProperties.ipAddress": "203.0.113.77",
            "identities.0.sub": "sub-0815",
        }
    ]

    run = quiet(client, cases, hash_personal=True)

    kept = b"".join(path.read_bytes() for path in run.journal_path.parent.iterdir())
    for value in ("Wülhelmina", "W\\u00fclhelmina", "C-4711", "wilma99", "203.0.113.77", "sub-0815"):
        assert value.encode() not in kept
    assert list(run.table()["outcome"]) == ["refused"]
    assert b"BAD_REQUEST" in kept


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DELETE FROM run WHERE key = 'run_key'", "'run_key' is missing"),
        ("UPDATE run SET value = '{\"a\": 1}' WHERE key = 'options'", "unexpected keyword argument 'a'"),
        (
            "UPDATE run SET value = replace(value, 'landing_wait', 'landIng_wait') WHERE key = 'options'",
            "got 'landIng_wait'. Did you mean 'landing_wait'?).",
        ),
        (
            "UPDATE run SET value = replace(value, 'ctype', 'ctyxe') WHERE key = 'columns'",
            "'ctmrinfo.ctyxe' is not a column that lpnb knows.",
        ),
        ("UPDATE cases SET said = '{'", "Expecting property name"),
        ("UPDATE answers SET pairs = 'x'", "Expecting value"),
        ("UPDATE answers SET sent_at = 'x'", "Could not convert 'x' with type str"),
    ],
)
def test_a_journal_that_was_edited_by_hand_is_refused_in_words(client, sandbox, change, said):
    run = quiet(client, CASES[:2])
    with closing(sqlite3.connect(run.journal_path)) as journal:
        journal.execute(change)
        journal.commit()

    def look():
        found = open_run(run.journal_path)
        return found.table(), found.responses()

    with pytest.raises(JournalError) as caught:
        look()

    assert str(caught.value).startswith("runs/tiers.sqlite holds what lpnb never writes (")
    assert said in str(caught.value)


@pytest.mark.parametrize("look", [lambda run: run.table(), lambda run: run.progress])
def test_a_case_in_a_state_that_there_is_not_is_damage(client, look):
    run = quiet(client, CASES[:2])
    with closing(sqlite3.connect(run.journal_path)) as journal:
        journal.execute("UPDATE answers SET outcome = '!nswered' WHERE attempt = 1")
        journal.commit()

    with pytest.raises(JournalError) as caught:
        look(open_run(run.journal_path))

    assert str(caught.value) == (
        "runs/tiers.sqlite is damaged (a case is '!nswered'). Take a copy of it from before; nothing is sent "
        "again from it."
    )
    with pytest.raises(JournalError):
        open_run(run.journal_path).resume(client)
