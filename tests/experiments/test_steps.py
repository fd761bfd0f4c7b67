"""What a run does besides opening conversations: each step once, and all of it in the journal."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from lpnb import Client, InvalidValueError, Settings, Steps, open_run, run_experiment, start_experiment
from lpnb.journal import read_journal


def quiet(client, cases, steps, **options):
    return run_experiment(client, cases, **{"name": "x", "progress": False, "steps": steps, **options})


def said_in(sandbox):
    return sorted(
        message.event.get("message")
        for conversation in sandbox.conversations
        for message in sandbox.detail(conversation.conversation_id).messages
    )


def noted(run):
    return [
        (n, step, place, outcome) for n, step, place, outcome, _ in read_journal(run.journal_path).steps()
    ]


def test_monitoring_is_asked_first_and_the_batch_is_routed_by_its_offer(client, sandbox):
    cases = [{"entryPoints": ["sec://payments"]}, {"entryPoints": ["sec://nowhere"]}]

    run = quiet(client, cases, Steps(engagement=True))

    assert noted(run)[0][3] == "offered"
    offered = sandbox.trace(run.table()["conversation_id"][0])
    assert offered["decidedBy"] == "campaign"
    assert set(run.table()["outcome"]) == {"answered"}


def test_the_table_says_what_monitoring_offered_and_which_rule_decided(client, sandbox):
    sandbox.set_online("3180255704", False)  # nobody else takes private clients
    cases = [{"skillId": "2741903011"}, {"ctmrinfo.ctype": "vip"}, {}]
    offered = quiet(
        client, [{"entryPoints": ["sec://payments"]}], Steps(engagement=True, landing=True)
    ).table()

    table = quiet(client, cases, Steps(landing=True), name="plain").table()

    assert list(table["decided_by"]) == ["skill", "sde, fallback", "default"]
    assert list(table["offered_engagement_id"].isna()) == [True] * 3
    columns = ["offered_campaign_id", "offered_engagement_id", "decided_by"]
    assert offered[columns].to_numpy().tolist() == [["99999", "888889", "campaign"]]


def test_a_sandbox_in_another_process_is_asked_over_its_control_and_one_that_is_gone_is_not_missed(
    client, sandbox, monkeypatch
):
    monkeypatch.setattr(sys.modules["lpnb.sandbox.sandbox"], "RUNNING", {})
    assert quiet(client, [{}], Steps(landing=True), name="alone").table()["decided_by"].isna().all()
    monkeypatch.setenv("LPNB_SANDBOX_CONTROL", sandbox.control)
    monkeypatch.setenv("LPNB_SANDBOX_TOKEN", sandbox.control_token)

    assert list(quiet(client, [{}], Steps(landing=True)).table()["decided_by"]) == ["default"]
    monkeypatch.setenv("LPNB_SANDBOX_CONTROL", f"{client.settings.domain_api}/nowhere")
    assert list(quiet(client, [{}], Steps(landing=True), name="gone").table()["landed_skill"]) == [
        "General Enquiries"
    ]


def test_entry_points_that_nobody_asks_about_are_pointed_out(client, capsys):
    cases = [{"entryPoints": ["sec://payments"], "identities.0.acr": "loa1", "ctmrinfo.ctype": "gold"}]

    quiet(client, cases, Steps(landing=True))

    assert (
        "Monitoring is not asked, so entryPoints and identities change nothing. "
        "To ask it: --engagement, or in Python steps=Steps(engagement=True).\n"
    ) in capsys.readouterr().out


def test_the_landing_is_read_and_compared_with_what_was_expected(client):
    cases = [
        {"skillId": "2741903011", "expected_skill": "Cards & Payments"},
        {"skillId": "2741903011", "expected_skill": "Somewhere else"},
    ]

    table = quiet(client, cases, Steps(landing=True)).table()

    assert list(table["landed_skill_id"]) == ["2741903011"] * 2
    assert list(table["landed_skill"]) == ["Cards & Payments"] * 2
    assert list(table["landing_source"]) == ["history"] * 2
    assert table["passed"].to_list() == [True, False]


def test_messages_are_said_in_order_and_the_conversation_is_closed(client, sandbox):
    run = quiet(client, [{}, {}], Steps(say=["Hello", "Are you there?"], close=True))

    assert said_in(sandbox) == ["Are you there?", "Are you there?", "Hello", "Hello"]
    assert [conversation.state for conversation in sandbox.conversations] == ["CLOSE", "CLOSE"]
    assert noted(run) == [
        (number, *step)
        for number in (0, 1)
        for step in (("close", 0, "answered"), ("say", 0, "answered"), ("say", 1, "answered"))
    ]


def test_a_message_that_may_have_been_said_is_not_said_again(client, sandbox):
    sandbox.fail("send", "drop_after")
    run = quiet(client, [{}], Steps(say=["Hello"], close=True))
    assert said_in(sandbox) == ["Hello"]

    run.resume()

    assert said_in(sandbox) == ["Hello"]
    assert noted(run) == [(0, "close", 0, "answered"), (0, "say", 0, "unknown")]


def test_progress_counts_the_closes_too(client, sandbox):
    sandbox.fail("send", "slow", None, seconds=0.05)
    run = start_experiment(client, [{}] * 6, name="x", progress=False, concurrency=2, steps=Steps(close=True))
    said = []
    while run.state == "running":
        said.append(run.progress.step_text)
        time.sleep(0.005)

    # Which of them are seen depends on how busy the machine is; the order does not.
    numbers = [
        int(text.split()[1]) for text in said if text.startswith("closing, ") and text.endswith(" of 6")
    ]
    assert numbers
    assert numbers == sorted(numbers)
    assert (run.progress.followed, run.progress.to_follow, run.progress.share) == (6, 6, 1.0)


def test_steps_that_were_not_begun_are_done_in_the_next_sitting(client, sandbox):
    sandbox.fail("conversation", "slow", None, seconds=0.01)
    run = start_experiment(client, [{}] * 8, name="x", progress=False, concurrency=1, steps=Steps(close=True))
    run.stop().wait()

    open_run(run.journal_path).resume(client)

    assert [c.state for c in sandbox.conversations] == ["CLOSE"] * 8


def test_monitoring_is_asked_nothing_more_once_the_run_is_stopped(client, sandbox):
    sandbox.fail("engagement", "slow", None, seconds=0.5)
    run = start_experiment(
        client,
        [{"entryPoints": ["sec://payments"]}] * 20,
        name="x",
        progress=False,
        concurrency=3,
        steps=Steps(engagement=True),
    )
    for _ in range(5_000):
        if sandbox.calls["engagement"] == 3:
            break
        threading.Event().wait(0.002)

    run.stop().wait()

    assert sandbox.calls["engagement"] == 3
    assert str(run.progress) == "0 of 20 cases; stopped"
    sandbox.clear_faults()
    assert str(run.resume().progress) == "20 of 20 cases: 20 answered; done"


def test_a_fault_of_ours_after_an_answer_ends_the_run_in_place_of_hanging(client, sandbox, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("ours")

    with monkeypatch.context() as patch:
        patch.setattr("lpnb.experiments.runs.step_dispatcher.DispatcherWithSteps.after_answer", broken)
        options = {"progress": False, "concurrency": 1, "steps": Steps(close=True)}
        run = start_experiment(client, [{}] * 4, name="x", **options)
        with pytest.raises(ZeroDivisionError):
            run.wait(timeout=10)

    again = open_run(run.journal_path)
    assert again.progress.answered == len(sandbox.conversations) > 0
    assert str(again.resume(client).progress) == "4 of 4 cases: 4 answered; done"
    assert [c.state for c in sandbox.conversations] == ["CLOSE"] * 4


def test_a_landing_that_was_not_visible_is_asked_for_again(client, sandbox):
    sandbox.fail("history", "empty", code=204)
    run = quiet(client, [{"skillId": "2741903011"}], Steps(landing=True, landing_wait=0))
    assert run.table()["landed_skill"].isna().all()

    run.resume()

    assert list(run.table()["landed_skill"]) == ["Cards & Payments"]


def test_wrong_steps_are_all_named_at_once():
    with pytest.raises(InvalidValueError) as caught:
        Steps(engagement=1, say="Hello", landing_wait=-1)

    assert str(caught.value) == (
        "3 values are wrong:\n"
        "  - steps.engagement must be true or false; got 1.\n"
        "  - steps.say must be a list of messages that are not blank; got 'Hello'.\n"
        "  - steps.landing_wait must be from 0 to 86,400 seconds; got -1."
    )


def test_a_message_that_cannot_be_sent_is_refused_before_any_conversation_is_open():
    with pytest.raises(InvalidValueError) as caught:
        Steps(say=["Hello", "a\ud800", "x" * 5_000], receiver="here")

    assert [complaint.path for complaint in caught.value.complaints] == [
        "steps.say[1]",
        "steps.say[2]",
        "steps.receiver",
    ]
    said = str(caught.value)
    assert "steps.say[1]: body.event.message must not hold half a character" in said
    assert "steps.say[2]: body.event.message makes the request 5,2" in said
    assert "steps.receiver must be a Receiver, or None; got 'here'." in said


@pytest.mark.parametrize("said", [3, None, "Hello"])
def test_what_is_no_list_of_messages_is_refused(said):
    with pytest.raises(InvalidValueError) as caught:
        Steps(say=said)

    assert str(caught.value) == f"steps.say must be a list of messages that are not blank; got {said!r}."


def test_messages_that_come_from_a_generator_are_all_said():
    steps = Steps(say=(text for text in ("hello", "is anybody there?")))

    assert steps.say == ("hello", "is anybody there?")


def test_a_message_and_a_close_that_failed_are_told_in_the_table_and_the_advice(client, sandbox):
    sandbox.fail("send", "status", None, code=500)

    run = quiet(client, [{}, {}], Steps(say=["Hello"], close=True))

    table = run.table()
    assert table["outcome"].tolist() == ["answered"] * 2
    assert table["say_outcome"].tolist() == ["unknown"] * 2
    assert table["close_outcome"].tolist() == ["unknown"] * 2
    assert table["landing_outcome"].isna().all()
    assert run.advice == (
        "2 cases: an opening message may not have arrived and is not said again; do it by hand in the "
        "conversation. 2 cases: the conversation may still be open; run.resume() tries again."
    )

    sandbox.clear_faults()
    again = open_run(run.journal_path).resume(client, progress=False)

    assert said_in(sandbox) == []
    assert again.table()["say_outcome"].tolist() == ["unknown"] * 2
    assert again.table()["close_outcome"].tolist() == ["answered"] * 2
    assert again.advice == (
        "2 cases: an opening message may not have arrived and is not said again; do it by hand in the "
        "conversation."
    )


def test_a_message_that_the_service_refuses_is_told_as_refused(client, sandbox):
    sandbox.fail("send", "status", None, code=400)

    run = quiet(client, [{}], Steps(say=["Hello"], close=True))

    assert run.table()[["say_outcome", "close_outcome"]].values.tolist() == [["refused", "refused"]]
    assert run.advice == (
        "1 case: an opening message was refused and is not said again; do it by hand in the conversation. "
        "1 case: the close was refused and is not repeated; do it by hand in the conversation."
    )


def test_a_landing_that_history_does_not_tell_is_told_and_asked_for_again(client, sandbox):
    sandbox.fail("history", "status", None, code=500)

    run = quiet(client, [{"skillId": "2741903011"}], Steps(landing=True, landing_wait=5.0))

    assert run.table()["landing_outcome"].tolist() == ["not sent"]
    assert run.advice == "1 case: the landing could not be asked for; run.resume() tries again."

    sandbox.clear_faults()
    run.resume()

    assert run.table()["landing_outcome"].tolist() == ["answered"]
    assert run.advice is None


def test_steps_that_came_as_asked_need_no_advice(client):
    run = quiet(client, [{"skillId": "2741903011"}], Steps(say=["Hello"], landing=True, close=True))

    steps = ["say_outcome", "landing_outcome", "close_outcome"]
    assert run.table()[steps].values.tolist() == [["answered"] * 3]
    assert run.advice is None


def test_a_run_whose_journal_was_deleted_still_shows_itself(client):
    run = quiet(client, [{}], Steps(close=True), journal="gone.sqlite")
    for file in Path.cwd().glob("gone.sqlite*"):
        file.unlink()

    assert run.advice is None
    assert run._repr_html_().endswith("<p>gone.sqlite</p>")


def test_a_conversation_that_is_not_valid_yet_is_waited_for(client, sandbox):
    sandbox.fail("send", "not_yet", times=3)

    run = quiet(client, [{}], Steps(say=["Hello", "Are you there?"], close=True))

    assert said_in(sandbox) == ["Are you there?", "Hello"]
    assert run.table()["say_outcome"].to_list() == ["answered"]
    assert sandbox.calls["send"] == 6


def test_a_close_alone_waits_for_its_conversation_too(client, sandbox):
    sandbox.fail("send", "not_yet", times=1)

    quiet(client, [{}], Steps(close=True))

    assert [conversation.state for conversation in sandbox.conversations] == ["CLOSE"]


def test_a_conversation_that_never_becomes_valid_is_told_as_refused(client, sandbox):
    sandbox.fail("send", "not_yet", times=None)

    run = quiet(client, [{}], Steps(say=["Hello"]))

    assert run.table()["say_outcome"].to_list() == ["refused"]
    assert sandbox.calls["send"] == 4


def test_a_later_message_that_is_refused_is_not_sent_again(client, sandbox):
    sandbox.fail("send", "slow", 1, seconds=0.0)
    sandbox.fail("send", "not_yet", times=1)

    run = quiet(client, [{}], Steps(say=["Hello", "Are you there?"]))

    assert said_in(sandbox) == ["Hello"]
    assert run.table()["say_outcome"].to_list() == ["refused"]


def test_before_a_run_with_a_rate_its_conversations_calls_and_seconds_are_said(sandbox, capsys):
    with Client(Settings.of(sandbox.environment())) as client:
        steps = Steps(say=["Hello"], close=True)
        run_experiment(client, [{"skillId": "2741903011"}] * 2, rate=50, steps=steps, progress=True)

    assert (
        "This run opens 2 conversations with at least 8 calls, 6 of them to the Connector API: about "
        "1 second at 50 of those a second." in capsys.readouterr().out
    )


CAMPAIGN, ENGAGEMENT = "campaignInfo.campaignId", "campaignInfo.engagementId"


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([{CAMPAIGN: "880524014"}], "1 of 1 case names a campaign and no campaignInfo.engagementId."),
        (
            [{CAMPAIGN: "880524014"}, {CAMPAIGN: "7", ENGAGEMENT: None}, {CAMPAIGN: "7", ENGAGEMENT: "8"}],
            "2 of 3 cases name a campaign and no campaignInfo.engagementId.",
        ),
        ([{CAMPAIGN: "880524014", ENGAGEMENT: "880524120"}], ""),
        ([{"skillId": "2741903011", CAMPAIGN: None}], ""),
        ([{"skillId": "2741903011"}], ""),
    ],
)
def test_cases_whose_campaign_has_no_engagement_are_counted_and_said_to_route_nothing(
    sandbox, capsys, cases, said
):
    with Client(Settings.of(sandbox.environment())) as client:
        run_experiment(client, cases, dry_run=True)

    said_first = capsys.readouterr().out.splitlines()[0]
    words = " such a case as if it named no campaign, so it may land in the default skill."
    assert said_first.startswith(said)
    assert said_first.endswith(words) is bool(said)
