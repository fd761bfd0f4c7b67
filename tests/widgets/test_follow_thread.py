"""The conversation as a thread in the explorer: said, heard, closed, and what goes wrong."""

from __future__ import annotations

import html
import re
import time
from typing import Any

import pytest

from lpnb import Client, Explorer, Receiver, Sandbox, Settings
from lpnb.widgets.tabs.follow_thread import ThreadView

HOSTILE = '<img src=x onerror="window.evil=1"> \u202e شلوم 👩‍👧 ' + "x" * 3000


@pytest.fixture
def explorer(client: Client) -> Explorer:
    """An explorer that has opened a conversation and follows it."""
    made = Explorer(client)
    made.send_button.click()
    made.wait(10)
    made.comm = made.comm or object()  # as if a page showed it
    made.open_tab("Send & follow")
    return made


@pytest.fixture
def thread(explorer: Explorer) -> ThreadView:
    """Its thread."""
    found: ThreadView = explorer._tab("Send & follow").thread
    return found


def text(widget: Any) -> str:
    return html.unescape(re.sub("<[^>]+>", " ", widget.value)).strip()


def until(thread: ThreadView, words: str) -> None:
    end = time.monotonic() + 15
    while words not in text(thread.lines):
        assert time.monotonic() < end, text(thread.lines)
        time.sleep(0.02)


def say(thread: ThreadView, words: str) -> None:
    thread.message.value = words
    thread.say_button.click()
    assert thread.future is not None
    thread.future.result(15)


def test_what_is_said_arrives_and_what_the_agent_answers_appears(
    explorer: Explorer, thread: ThreadView, sandbox: Sandbox
) -> None:
    conversation = explorer.sent[0].response.conversation_id
    assert text(thread.lines) == "Nobody has said anything yet."

    say(thread, "Good morning")
    sandbox.agent_says(conversation, "How can I help?")

    until(thread, "How can I help?")
    assert "Good morning" in text(thread.lines)
    assert thread.message.value == ""
    assert not thread.say_button.disabled


def test_close_closes_it_and_nothing_more_can_be_said(
    explorer: Explorer, thread: ThreadView, sandbox: Sandbox
) -> None:
    thread.close_button.click()
    assert thread.future is not None
    thread.future.result(15)

    assert sandbox.conversations[-1].state == "CLOSE"
    assert text(thread.status) == "This conversation is closed."
    assert thread.say_button.disabled


def test_a_refused_message_is_kept_in_the_box_and_marked(thread: ThreadView, sandbox: Sandbox) -> None:
    sandbox.fail("send", "status", code=400)

    say(thread, "Are you there?")

    assert 'data-state="failed"' in thread.status.value
    assert thread.message.value == "Are you there?"
    assert "Are you there?" in text(thread.lines)
    assert 'data-bad="yes"' in thread.lines.value


def test_an_unknown_outcome_is_said_and_nothing_is_sent_again(thread: ThreadView, sandbox: Sandbox) -> None:
    sandbox.fail("send", "drop_before")

    say(thread, "Hello?")

    assert (
        "it is not known whether it arrived" in text(thread.lines) or "unknown" in text(thread.status).lower()
    )
    assert sandbox.calls["send"] == 1


def test_presses_in_quick_succession_say_it_once(thread: ThreadView, sandbox: Sandbox) -> None:
    thread.message.value = "once"
    for _ in range(5):
        thread.say_button.click()
    assert thread.future is not None
    thread.future.result(15)

    assert sandbox.calls["send"] == 1


def test_nothing_to_say_is_not_sent(thread: ThreadView, sandbox: Sandbox) -> None:
    say(thread, "  ")

    assert text(thread.status) == "There is nothing to say yet."
    assert sandbox.calls["send"] == 0


def test_hostile_text_is_shown_as_text_from_either_side(
    explorer: Explorer, thread: ThreadView, sandbox: Sandbox
) -> None:
    say(thread, HOSTILE)
    sandbox.agent_says(explorer.sent[0].response.conversation_id, HOSTILE + "!")

    until(thread, HOSTILE + "!")
    assert "<img" not in thread.lines.value
    assert 'dir="auto"' in thread.lines.value


def test_a_stopped_sandbox_is_said(thread: ThreadView, sandbox: Sandbox) -> None:
    sandbox.stop()

    say(thread, "Hello?")

    assert 'data-state="failed"' in thread.status.value
    assert thread.message.value == "Hello?"


def test_with_a_receiver_the_agent_is_heard_by_webhook_at_once(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "lpnb.widgets.tabs.follow_thread.SANDBOX_POLL_INTERVAL", 3600.0
    )  # what comes now does not come from history
    client = Client(settings, wait_scale=0)
    with Receiver(client) as receiver:
        sandbox.set_webhook(receiver.url)
        client.listen(receiver)
        made = Explorer(client)
        made.send_button.click()
        made.wait(10)
        made.comm = made.comm or object()
        made.open_tab("Send & follow")
        thread = made._tab("Send & follow").thread

        sandbox.agent_says(made.sent[0].response.conversation_id, "Heard at once")

        until(thread, "Heard at once")
    client.close()


def test_a_refused_send_leads_to_the_conversation_that_is_open(
    explorer: Explorer, thread: ThreadView
) -> None:
    explorer.send_button.click()
    explorer.wait(10)
    explorer.confirm.value = True
    explorer.send_button.click()
    explorer.wait(10)
    assert explorer.sent[-1].response.outcome == "refused"
    assert "lpnb-hidden" not in thread.open_button._dom_classes

    future = thread.find_open()

    assert future is not None
    future.result(15)
    assert text(thread.open_status) == f"Conversation {explorer.sent[0].response.conversation_id} is open."
    assert "lpnb-hidden" not in thread.box._dom_classes
    assert "lpnb-hidden" in thread.open_button._dom_classes
    say(thread, "Here I am again")
    until(thread, "Here I am again")


def test_a_send_that_opened_nothing_has_no_thread(explorer: Explorer, thread: ThreadView) -> None:
    explorer.send_button.click()
    explorer.wait(10)
    explorer.confirm.value = True
    explorer.send_button.click()
    explorer.wait(10)

    assert "lpnb-hidden" in thread.box._dom_classes
    explorer._tab("Send & follow")._earlier.click()
    assert "lpnb-hidden" not in thread.box._dom_classes


def test_enter_says_what_is_in_the_box(thread: ThreadView) -> None:
    thread.message.value = "Hello"

    thread.message._handle_custom_msg({"event": "submit"}, [])

    assert thread.future is not None
    thread.future.result(10)
    assert "Hello" in thread.lines.value
