"""The receiver beside the sandbox: what an agent does there is seen here."""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from lpnb import AsyncClient, Client, Receiver, Sandbox, Settings
from lpnb.sandbox.webhooks.delivery_options import Delivery

CARDS, LOANS = "2741903011", "2741903012"


@pytest.fixture
def client(sandbox):
    with Client(Settings.of(sandbox.environment()), wait_scale=0.0) as connected:
        yield connected


@pytest.fixture
def receiver(sandbox, client):
    with Receiver(client) as running:
        sandbox.set_webhook(running.url)
        yield running


def test_an_agent_s_text_arrives_by_itself(sandbox, client, receiver):
    conversation_id = client.create_conversation("anna").conversation_id

    sandbox.agent_says(conversation_id, "Good morning")

    assert receiver.wait_for_message(conversation_id).text == "Good morning"


def test_a_conversation_s_whole_life_is_in_the_table_in_order(sandbox, client, receiver):
    conversation_id = client.create_conversation("anna", skill_id=CARDS).conversation_id
    sandbox.agent_says(conversation_id, "one")
    sandbox.agent_sends_rich(conversation_id, {"type": "text", "text": "card"})
    sandbox.agent_notes(conversation_id, "private")
    sandbox.agent_types(conversation_id)
    sandbox.transfer(conversation_id, "Mortgages & Loans")
    sandbox.agent_says(conversation_id, "two")
    sandbox.agent_closes(conversation_id)
    assert sandbox.webhooks_settled()

    events = receiver.events(conversation_id)

    assert [event.text or event.kind for event in events if event.is_message] == [
        "one",
        "RichContentEvent",
        "private",
        "two",
    ]
    assert [event.is_note for event in events if event.is_message] == [False, False, True, False]
    states = [event for event in events if event.kind == "ExConversationChangeNotification"]
    assert (states[0].skill_id, states[-1].skill_id, states[-1].stage) == (CARDS, LOANS, "CLOSE")
    assert sum(event.kind == "ChatStateEvent" for event in events) == 1
    assert receiver.counts.refused == receiver.counts.replays == 0


def test_what_is_doubled_lost_and_reordered_on_the_way_is_put_right(sandbox, client, receiver):
    conversation_id = client.create_conversation("anna").conversation_id
    sandbox.agent_joins(conversation_id)
    assert sandbox.webhooks_settled()
    sandbox.fail_webhooks("duplicate", 2)
    sandbox.agent_says(conversation_id, "0")
    sandbox.agent_says(conversation_id, "1")
    sandbox.fail_webhooks("reorder", 1)
    sandbox.agent_says(conversation_id, "2")
    sandbox.agent_says(conversation_id, "3")
    assert sandbox.webhooks_settled()

    assert [event.text for event in receiver.events(conversation_id) if event.is_message] == list("0123")
    assert receiver.counts.replays == 2


def test_sha256_is_taken_too():
    with (
        Sandbox(delivery=Delivery(signature="sha256")) as sandbox,
        Client(Settings.of(sandbox.environment())) as client,
        Receiver(client, algorithms=["sha256"]) as receiver,
    ):
        sandbox.set_webhook(receiver.url)
        conversation_id = client.create_conversation("anna").conversation_id
        sandbox.agent_says(conversation_id, "signed")

        assert receiver.wait_for_message(conversation_id).text == "signed"


def test_a_webhook_of_another_account_s_secret_is_refused(sandbox, client):
    wrong = Settings.of({**sandbox.environment(), "LP_CLIENT_SECRET": "another"})
    with Receiver(wrong) as receiver:
        sandbox.set_webhook(receiver.url)
        client.create_conversation("anna")
        assert sandbox.webhooks_tried(1)

        assert receiver.counts.bad_signature >= 1
        assert len(receiver) == 0


def test_the_landing_is_told_by_the_webhook_when_history_lags():
    with (
        Sandbox(history_delay=3600) as sandbox,
        Client(Settings.of(sandbox.environment()), wait_scale=0.0) as client,
        Receiver(client) as receiver,
    ):
        sandbox.set_webhook(receiver.url)
        reply = client.create_conversation("anna", skill_id=CARDS)
        landing = client.landing(reply, receiver=receiver)
        sandbox.transfer(reply.conversation_id, "Mortgages & Loans")
        assert sandbox.webhooks_settled()
        moved = client.landing(reply, receiver=receiver)

    assert (landing.source, landing.skill_id, landing.transfers) == ("webhook", CARDS, ())
    assert (moved.skill_id, len(moved.transfers)) == (LOANS, 1)


def test_a_skill_that_a_webhook_names_by_its_number_is_named_by_history_once_asked():
    with (
        Sandbox(history_delay=600) as sandbox,
        Client(Settings.of(sandbox.environment()), wait_scale=0.0) as client,
        Receiver(client) as receiver,
    ):
        client.create_conversation("somebody else", skill_id=LOANS)
        sandbox.advance(601)
        sandbox.set_webhook(receiver.url)
        landings = []
        for number in range(2):
            reply = client.create_conversation(f"consumer-{number}", skill_id=CARDS)
            sandbox.transfer(reply.conversation_id, "Mortgages & Loans")
            assert sandbox.webhooks_settled()
            landings.append(client.landing(reply, receiver=receiver))
        about_names = [line for line in sandbox.requests if line.path.endswith("/conversations/search")]

    for landing in landings:
        (move,) = landing.transfers
        assert (landing.source, landing.skill_name) == ("webhook", "Mortgages & Loans")
        assert (move.source_skill_name, move.target_skill_name) == (None, "Mortgages & Loans")
    assert len(about_names) == 1


def test_it_works_in_a_loop_of_somebody_else_s_with_the_async_client(sandbox):
    async def journey():
        async with (
            AsyncClient(Settings.of(sandbox.environment()), wait_scale=0.0) as client,
            Receiver(client) as receiver,
        ):
            sandbox.set_webhook(receiver.url)
            reply = await client.create_conversation("anna", skill_id=CARDS)
            landing = await client.landing(reply, receiver=receiver)
            waiting = asyncio.create_task(receiver.next_message(reply.conversation_id))
            await asyncio.to_thread(sandbox.agent_says, reply.conversation_id, "Good morning")
            return landing.skill_id, (await waiting).text

    assert asyncio.run(journey()) == (CARDS, "Good morning")


def test_landing_takes_a_conversation_and_listens_to_its_receiver(sandbox, client, receiver):
    with (
        Sandbox(history_delay=3600) as late,
        Client(Settings.of(late.environment())) as listening,
        Receiver(listening) as ear,
    ):
        late.set_webhook(ear.url)
        listening.listen(ear)
        reply = listening.create_conversation("anna", skill_id=CARDS)
        by_webhook = listening.conversation(reply).landing()
        by_client = listening.landing(reply)
    by_history = client.conversation(client.create_conversation("anna", skill_id=CARDS)).landing()

    assert (by_webhook.source, by_webhook.skill_id) == (by_client.source, by_client.skill_id)
    assert (by_webhook.source, by_webhook.skill_id) == ("webhook", CARDS)
    assert (by_history.source, by_history.skill_name) == ("history", "Cards & Payments")


def test_landing_of_an_async_conversation_is_awaited(sandbox):
    async def look():
        async with AsyncClient(Settings.of(sandbox.environment())) as client:
            reply = await client.create_conversation("anna", skill_id=CARDS)
            return await client.conversation(reply).landing()

    assert asyncio.run(look()).skill_name == "Cards & Payments"


def test_an_agent_s_text_is_in_the_transcript_when_its_webhook_came(sandbox, client, receiver):
    client.listen(receiver)
    conversation = client.conversation(client.create_conversation("anna"))
    conversation.say("Hello")
    sandbox.agent_says(conversation.id, "Good morning")
    conversation.next_message()

    assert conversation.transcript(history=False)["text"].tolist()[-2:] == ["Hello", "Good morning"]


def test_a_receiver_that_is_stopped_leaves_history_to_say(sandbox, client):
    receiver = Receiver(client)
    reply = client.create_conversation("anna", skill_id=CARDS)

    assert client.landing(reply, receiver=receiver).source == "history"
    unheard = client.landing("nobody knows it", receiver=receiver)

    assert unheard.explanation == (
        "nobody knows it did not become visible. History did not have it within 90 s. The receiver failed: "
        "The receiver is not running. Call start(), or use it in a with statement."
    )


def test_a_table_without_rows_says_why_and_what_to_do(sandbox: Sandbox, client: Client) -> None:
    with Receiver(client) as receiver:
        assert len(receiver.table()) == 0
        assert receiver.why_empty() == (
            "Nothing has come yet. An event comes when a conversation opens or changes, and when somebody "
            "speaks; the sandbox posts what happens after sandbox.set_webhook(receiver.url) was called."
        )
        assert "sandbox.set_webhook(receiver.url) was called.</p>" in receiver._repr_html_()

        before = client.create_conversation("before").conversation_id
        sandbox.set_webhook(receiver.url)
        after = client.create_conversation("after").conversation_id
        assert sandbox.webhooks_settled()

        assert receiver.table(after)["kind"].tolist() == ["ExConversationChangeNotification"]
        assert (receiver.why_empty(), receiver.why_empty(after)) == (None, None)
        assert receiver.why_empty(before) == (
            f"Nothing has come about {before} yet, and 1 event about others. What was before webhooks "
            "were set up is not posted: history has it."
        )
        assert "<p>" not in receiver._repr_html_()


def test_a_table_without_rows_tells_of_what_was_refused(sandbox: Sandbox, client: Client) -> None:
    wrong = Settings.of({**sandbox.environment(), "LP_CLIENT_SECRET": "another"})
    with Receiver(wrong) as receiver:
        sandbox.set_webhook(receiver.url)
        client.create_conversation("anna")
        for _ in range(1000):
            if receiver.counts.bad_signature:
                break
            time.sleep(0.01)

        said = str(receiver.why_empty())

    assert re.fullmatch(
        r"All that came was refused: \d+ bad signature\. They are signed with another secret than "
        r"LP_CLIENT_SECRET, or were changed on the way\.",
        said,
    )


def test_a_real_account_is_told_where_webhooks_come_from() -> None:
    with Receiver(Settings("87654321", "app", "secret")) as receiver:
        assert receiver.why_empty() == (
            "Nothing has come yet. An event comes when a conversation opens or changes, and when somebody "
            "speaks; LivePerson posts it to the endpoint that the app installation names, and what listens "
            f"there has to pass it on to {receiver.url}. A new installation can take two minutes."
        )
