"""Pressing Send: what the panel shows, what it asks first, and that it never sends twice."""

from __future__ import annotations

import base64
import re
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from lpnb import AsyncClient, BatchResponse, Client, Composer, Sandbox, Secret, Settings
from lpnb._internal import event_loop
from lpnb.transport.protocol import Exchange

Press = Callable[[Composer], BatchResponse | None]
Status = Callable[[Composer], tuple[str, str]]


def test_a_send_shows_the_conversation_and_one_row_for_each_request(
    composer: Composer, sandbox: Sandbox, press: Press, status: Status
) -> None:
    composer.field("personal.firstname").value = "John"

    response = press(composer)

    assert response is not None
    opened = sandbox.conversations[-1]
    assert response.conversation_id == opened.conversation_id
    assert opened.ext_consumer_id == composer.consumer_id.value
    assert status(composer) == ("done", f"Conversation {opened.conversation_id} is open.")
    assert composer.conversation.value == opened.conversation_id
    assert "lpnb-hidden" not in composer.conversation._dom_classes
    rows = re.findall("<tr>(.*?)</tr>", composer._answers.value)
    assert len(rows) == 3
    assert composer._answers.value.count('<th scope="col"') == 11
    assert "<caption>2 answers</caption>" in composer._answers.value
    assert opened.conversation_id in rows[2]
    assert composer.table()["type"].to_list() == [
        "userprofile.SetUserProfile",
        "cm.ConsumerRequestConversation",
    ]
    assert composer.response is response
    assert not composer.send_button.disabled


def test_a_second_press_offers_a_new_consumer_in_place_of_a_refusal_that_is_certain(
    composer: Composer, sandbox: Sandbox, press: Press, status: Status
) -> None:
    response = press(composer)
    assert response is not None
    first = composer.consumer_id.value

    press(composer)

    assert status(composer) == (
        "ask",
        f"This consumer has conversation {response.conversation_id} open, and a second one is refused. Press "
        "“Send again for a new consumer”. Or tick the box below, then press Send once more.",
    )
    assert sandbox.calls["conversation"] == 1
    composer.sender.again_button.click()
    composer.wait(10)
    assert [each.outcome for each in composer.responses] == ["answered", "answered"]
    assert composer.consumer_id.value != first


def test_a_second_send_for_the_consumer_is_refused_and_says_how_to_go_on(
    composer: Composer, press: Press, status: Status
) -> None:
    press(composer)
    press(composer)
    composer.confirm.value = True

    press(composer)

    state, said = status(composer)
    assert state == "failed"
    assert said.startswith("The profile was accepted; the conversation was refused: this consumer already")
    assert composer.conversation.value == ""
    assert len(composer.responses) == 2
    assert "<caption>4 answers</caption>" in composer._answers.value


def test_a_wrong_form_is_not_sent(composer: Composer, sandbox: Sandbox, press: Press, status: Status) -> None:
    composer.field("ctmrinfo.companySize").value = "abc"

    assert press(composer) is None

    assert status(composer) == ("failed", "Not sent: 1 value to fix first.")
    assert sandbox.calls["conversation"] == 0
    assert not composer.send_button.disabled


def test_send_is_off_while_it_is_sending_and_further_presses_do_nothing(
    composer: Composer, sandbox: Sandbox, status: Status
) -> None:
    sandbox.fail("conversation", "slow", seconds=1.0)

    composer.send_button.click()
    end = time.monotonic() + 10
    while not sandbox.calls["conversation"]:
        assert time.monotonic() < end
        time.sleep(0.01)
    disabled, (state, said) = composer.send_button.disabled, status(composer)
    composer.send_button.click()
    composer.send_button.click()
    composer.wait(10)

    assert disabled
    assert (state, said) == ("busy", f"Sending for {composer.consumer_id.value} …")
    assert len(composer.responses) == 1
    assert sandbox.calls["conversation"] == 1
    assert not composer.send_button.disabled


def test_presses_from_many_threads_at_once_send_once(composer: Composer, sandbox: Sandbox) -> None:
    sandbox.fail("conversation", "slow", seconds=0.3)
    start = threading.Barrier(8)

    def press() -> None:
        start.wait()
        composer.send_button.click()

    threads = [threading.Thread(target=press) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    composer.wait(10)

    assert sandbox.calls["conversation"] == 1
    assert len(composer.responses) == 1


def press_in_the_page(button: Any) -> None:
    """What the kernel does when the page tells of a press."""
    content = {"data": {"method": "custom", "content": {"event": "click"}}}
    button._handle_msg({"content": content, "buffers": []})


def test_a_double_click_sends_once_even_when_the_first_send_ends_in_between(
    composer: Composer, sandbox: Sandbox, press: Press
) -> None:
    press(composer)
    composer.consumer_id.value = "somebody else"
    calls = sandbox.calls["conversation"]

    press_in_the_page(composer.send_button)
    composer.wait(10)
    off = composer.send_button.disabled
    composer.send_button.disabled = False  # the page has not heard of it yet
    press_in_the_page(composer.send_button)
    composer.wait(10)

    assert off
    assert sandbox.calls["conversation"] == calls + 1
    end = time.monotonic() + 10
    composer.send_button.disabled = True
    while composer.send_button.disabled:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_press_in_the_page_that_sent_nothing_keeps_nobody_from_pressing_again(
    composer: Composer, sandbox: Sandbox
) -> None:
    composer.field("ctmrinfo.companySize").value = "abc"
    press_in_the_page(composer.send_button)
    composer.wait(10)
    composer.field("ctmrinfo.companySize").value = "5"

    press_in_the_page(composer.send_button)
    composer.wait(10)

    assert sandbox.calls["conversation"] == 1


def test_a_switch_between_the_press_and_the_send_sends_nothing(
    composer: Composer, client: Client, sandbox: Sandbox, status: Status
) -> None:
    other = Client(client.settings)
    composer.field("personal.firstname").value = "Ada"  # so that the press waits for the rest of the typing

    composer.send_button.click()
    composer.sender.set_client(other)
    composer.wait(10)
    other.close()

    assert status(composer) == (
        "failed", "Not sent: the account was switched after the press. Press Send again.",
    )  # fmt: skip
    assert sandbox.calls["conversation"] == 0


def test_a_form_that_cannot_be_checked_is_not_sent_as_it_was_before(
    composer: Composer, sandbox: Sandbox, press: Press, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no idea")

    monkeypatch.setattr(composer.batch_form.form, "collect", broken)
    composer.field("personal.firstname").value = "Ada"
    assert status(composer) == ("failed", "RuntimeError: no idea")

    press(composer)

    assert status(composer) == ("failed", "Not sent: the form cannot be checked.")
    assert sandbox.calls["conversation"] == 0


def test_a_send_that_is_stopped_before_its_call_is_remembered_as_not_sent(
    composer: Composer, sandbox: Sandbox, status: Status
) -> None:
    sandbox.fail("sentinel", "hang", seconds=30)
    composer.send_button.click()
    end = time.monotonic() + 10
    while not sandbox.calls["sentinel"]:
        assert time.monotonic() < end
        time.sleep(0.005)

    composer.sender.stop_button.click()
    response = composer.wait(5)

    assert status(composer) == ("failed", "Stopped. No conversation was created.")
    assert response is not None
    assert response.outcome == "not sent"
    assert sandbox.calls["conversation"] == 0


def test_an_unknown_outcome_is_said_and_the_consumer_is_not_sent_for_again_unasked(
    composer: Composer, sandbox: Sandbox, press: Press, status: Status
) -> None:
    sandbox.fail("conversation", "drop_after")

    response = press(composer)
    assert response is not None
    assert response.outcome == "unknown"
    state, said = status(composer)
    assert state == "failed"
    assert said.startswith("Outcome unknown. The request left, and ")

    press(composer)
    press(composer)
    assert sandbox.calls["conversation"] == 1
    state, said = status(composer)
    assert (state, said) == (
        "ask",
        f"An earlier send for {composer.consumer_id.value} has no known outcome, so a conversation may exist "
        "already. Tick the box below, then press Send again.",
    )
    assert "lpnb-hidden" not in composer.confirm._dom_classes

    composer.confirm.value = True
    press(composer)

    assert sandbox.calls["conversation"] == 2
    assert composer.response is not None
    assert composer.response.outcome == "refused"
    assert composer.confirm.value is False
    assert "lpnb-hidden" in composer.confirm._dom_classes

    press(composer)  # the last answer was clear, so nothing is asked
    assert sandbox.calls["conversation"] == 3


def test_another_consumer_is_not_asked_about(composer: Composer, sandbox: Sandbox, press: Press) -> None:
    sandbox.fail("conversation", "drop_after")
    press(composer)
    composer.consumer_id.value = "somebody else"

    response = press(composer)

    assert response is not None
    assert response.outcome == "answered"


def test_consent_for_one_consumer_is_not_consent_for_another(
    composer: Composer, sandbox: Sandbox, press: Press, status: Status
) -> None:
    for consumer in ("anna", "bob"):
        composer.consumer_id.value = consumer
        sandbox.fail("conversation", "drop_after")
        press(composer)
    composer.consumer_id.value = "anna"
    press(composer)
    composer.confirm.value = True
    composer.consumer_id.value = "bob"

    press(composer)

    assert status(composer) == (
        "ask",
        "An earlier send for bob has no known outcome, so a conversation may exist already. "
        "Tick the box below, then press Send again.",
    )
    assert sandbox.calls["conversation"] == 2


def test_a_second_composer_on_the_same_client_knows_of_the_doubt(
    composer: Composer, client: Client, sandbox: Sandbox, press: Press, status: Status
) -> None:
    sandbox.fail("conversation", "drop_after")
    press(composer)
    other = Composer(client)
    other.consumer_id.value = composer.consumer_id.value

    press(other)

    assert status(other)[0] == "ask"
    assert sandbox.calls["conversation"] == 1


def test_stop_ends_a_send_and_keeps_that_its_outcome_is_unknown(
    composer: Composer, sandbox: Sandbox, status: Status
) -> None:
    sandbox.fail("conversation", "hang", seconds=30)
    composer.send_button.click()
    end = time.monotonic() + 10
    while not sandbox.calls["conversation"] and time.monotonic() < end:
        time.sleep(0.005)

    composer.sender.stop_button.click()
    response = composer.wait(5)

    assert response is not None
    assert response.outcome == "unknown"
    assert status(composer)[0] == "failed"
    assert status(composer)[1].startswith("Outcome unknown. The request left, and ")
    assert not composer.send_button.disabled
    assert "lpnb-hidden" in composer.sender.stop_button._dom_classes


def test_a_failure_before_the_call_is_said_in_words(
    composer: Composer, sandbox: Sandbox, press: Press, status: Status
) -> None:
    sandbox.fail("sentinel", "status", code=401)

    press(composer)

    state, said = status(composer)
    assert state == "failed"
    assert "Sentinel" in said
    assert composer.response is not None
    assert composer.response.outcome == "not sent"
    assert composer.response.explanation in said
    assert [pair.code for pair in composer.response.pairs] == ["not-sent", "not-sent"]
    assert sandbox.calls["conversation"] == 0
    assert not composer.send_button.disabled

    press(composer)  # nothing was created, so nothing is asked
    assert sandbox.calls["conversation"] == 1


def test_a_surprise_in_the_engine_is_said_without_its_secret(
    composer: Composer, client: Client, press: Press, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = client.settings.client_secret.reveal()

    async def broken(*_: object) -> BatchResponse:
        raise ValueError(f"<b> and {secret}")

    monkeypatch.setattr(client.engine, "send", broken)

    press(composer)

    assert status(composer) == ("failed", "Outcome unknown. ValueError: &lt;b&gt; and ********")
    assert not composer.send_button.disabled

    press(composer)
    assert status(composer)[0] == "ask"
    assert len(composer.responses) == 1


def test_an_async_client_sends_too(settings: Settings, press: Press) -> None:
    client = AsyncClient(settings, wait_scale=0.0)

    response = press(Composer(client))
    event_loop.wait(client.close())

    assert response is not None
    assert response.ok


def test_without_a_client_it_connects_by_itself(press: Press, capsys: pytest.CaptureFixture[str]) -> None:
    composer = Composer()

    response = press(composer)
    composer.client.close()

    assert response is not None
    assert response.ok
    assert capsys.readouterr().out.startswith("Sandbox on http://127.0.0.1:")


class Recorder:
    """A transport that answers nothing and counts."""

    def __init__(self) -> None:
        self.calls = 0

    async def exchange(self, request: object, probe: object) -> Exchange:
        self.calls += 1
        return Exchange(failure="nobody is there")

    async def aclose(self) -> None:
        pass


def test_the_first_send_to_a_real_account_asks_for_a_confirmation(press: Press, status: Status) -> None:
    transport = Recorder()
    composer = Composer(
        Client(Settings("87654321", "id", Secret("hunter2")), transport=transport, wait_scale=0)
    )
    head = composer.children[0].value
    assert '<span class="lpnb-world" data-world="real">REAL ACCOUNT 87654321</span>' in head

    press(composer)
    press(composer)
    assert transport.calls == 0
    question = "This goes to the real account 87654321."
    assert status(composer) == ("ask", f"{question} Tick the box below, then press Send again.")

    composer.confirm.value = True
    press(composer)
    assert transport.calls > 0
    assert status(composer)[0] == "failed"

    calls = transport.calls
    press(composer)
    assert transport.calls > calls


def test_no_secret_and_no_token_is_in_a_widget_a_repr_or_the_mimebundle(
    composer: Composer, client: Client, sandbox: Sandbox, press: Press, states: Callable[[], str]
) -> None:
    press(composer)
    sandbox.fail("conversation", "status", code=401, work_done=False)
    press(composer)

    connector = client.engine.account
    jws = connector.consumer_jws(composer.consumer_id.value)
    assert connector.app_jwt is not None
    assert jws is not None
    everything = states() + repr(composer) + str(composer._repr_mimebundle_()) + str(composer.table())
    for secret in (client.settings.client_secret, connector.app_jwt.token, jws):
        value = secret.reveal()
        for form in (value, quote(value, safe=""), base64.b64encode(value.encode()).decode()):
            assert form not in everything


def test_where_there_are_no_widgets_it_shows_as_text_and_as_html(
    composer: Composer, sandbox: Sandbox, press: Press
) -> None:
    where = sandbox.base.removeprefix("http://")
    assert repr(composer) == f"<Composer on SANDBOX {where}: nothing sent yet>"

    response = press(composer)

    assert response is not None
    bundle = composer._repr_mimebundle_()
    assert bundle["text/plain"] == (
        f"<Composer on SANDBOX {where}: <BatchResponse answered: conversation {response.conversation_id}>>"
    )
    assert str(response.conversation_id) in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_words_about_an_earlier_form_go_when_it_changes(
    composer: Composer, press: Press, status: Status
) -> None:
    composer.field("ctmrinfo.companySize").value = "abc"
    press(composer)
    assert status(composer) == ("failed", "Not sent: 1 value to fix first.")

    composer.field("ctmrinfo.companySize").value = "5"

    assert status(composer) == ("idle", "Not sent yet.")


def test_words_about_another_consumer_go_with_a_new_id(
    composer: Composer, press: Press, status: Status
) -> None:
    press(composer)
    press(composer)
    assert status(composer)[0] == "ask"

    composer.consumer_id.value = "somebody else"

    assert status(composer) == ("idle", "Not sent yet.")


def test_what_was_typed_just_before_the_press_is_sent_although_it_arrives_after(
    composer: Composer, sandbox: Sandbox
) -> None:
    composer.field("personal.firstname").value = "Ad"
    composer.field("personal.gender").value = "MAL"

    composer.send_button.click()
    composer.field("personal.gender").value = "MALE"
    composer.field("personal.firstname").value = "Ada"
    response = composer.wait(10)

    assert response is not None
    assert response.outcome == "answered"
    assert sandbox.conversations[-1].profile == [
        {"type": "personal", "personal": {"firstname": "Ada", "gender": "MALE"}}
    ]
