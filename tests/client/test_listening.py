"""A conversation that listens to a receiver: what the agent says arrives, is read, and is written down."""

from __future__ import annotations

import inspect

import pytest

from lpnb import ClientProperties, InvalidValueError, Receiver, Settings

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 100


class Talk:
    """Either kind of conversation, called the same way."""

    def __init__(self, door, conversation):
        self.door, self.inner = door, conversation

    def __getattr__(self, name):
        found = getattr(self.inner, name)
        return (
            (lambda *a, **k: self.door._run(found(*a, **k))) if inspect.iscoroutinefunction(found) else found
        )


@pytest.fixture
def receiver(settings, sandbox):
    with Receiver(settings) as running:
        sandbox.set_webhook(running.url)
        yield running


@pytest.fixture
def door(open_client, sandbox, receiver):
    """Either client, listening, without credentials for history."""
    environment = sandbox.environment()
    needed = ("LP_ACCOUNT_ID", "LP_CLIENT_ID", "LP_CLIENT_SECRET", "LP_DOMAIN_API")
    opened = open_client(Settings.of({name: environment[name] for name in needed}))
    opened.client.listen(receiver)
    return opened


@pytest.fixture
def talk(door):
    features = ClientProperties(features=["MULTI_DIALOG"])
    reply = door.create_conversation("anna", skill_id="2741903011", client_properties=features)
    return Talk(door, door.client.conversation(reply))


def test_what_the_agent_says_arrives_and_stands_in_the_transcript(sandbox, receiver, talk):
    talk.say("Good morning")
    sandbox.agent_says(talk.id, "How can I help?")

    event = talk.next_message(timeout=10)
    # The consumer's own message is told too, and before the agent's.
    table = talk.transcript()

    assert (event.text, event.role) == ("How can I help?", "ASSIGNED_AGENT")
    assert talk.receiver is receiver
    assert table[["who", "text", "sources"]].values.tolist() == [
        ["consumer", "Good morning", "sent, webhook"],
        ["agent", "How can I help?", "webhook"],
    ]


def test_a_conversation_made_before_its_client_listens_hears_the_agent_and_keeps_a_receiver_of_its_own(
    open_client, sandbox, settings, receiver
):
    door = open_client(Settings.of(sandbox.environment()))
    reply = door.create_conversation("anna", skill_id="2741903011")
    early = Talk(door, door.client.conversation(reply))
    own = door.client.conversation(reply).listen(Receiver(settings))
    of_its_own = own.receiver

    door.client.listen(receiver)
    sandbox.agent_says(early.id, "How can I help?")

    assert early.next_message(timeout=10).text == "How can I help?"
    assert early.receiver is receiver
    assert own.receiver is of_its_own


def test_each_message_is_handed_out_once_and_then_waited_for(sandbox, talk):
    sandbox.agent_says(talk.id, "one")
    sandbox.agent_says(talk.id, "two")

    assert [talk.next_message(timeout=10).text for _ in range(2)] == ["one", "two"]
    with pytest.raises(TimeoutError) as caught:
        talk.next_message(timeout=0.05)
    assert str(caught.value) == f"No message came in {talk.id} within 0.05 s."


def test_what_came_by_webhook_is_confirmed_once(sandbox, talk):
    sandbox.agent_says(talk.id, "one")
    sandbox.agent_says(talk.id, "two")
    for _ in range(2):
        talk.next_message(timeout=10)

    first, second = talk.read(), talk.read()

    assert first.outcome == "answered"
    assert second is None
    (receipt,) = [m.event for m in sandbox.detail(talk.id).messages if m.event["type"] == "AcceptStatusEvent"]
    assert receipt["sequenceList"] == [0, 1]


def test_details_and_the_landing_come_of_the_last_webhook(sandbox, talk):
    sandbox.agent_says(talk.id, "Good morning")
    talk.next_message(timeout=10)

    found, landing = talk.details(), talk.landing(wait=10)

    assert (found.source, found.state, found.stage, found.skill_id) == (
        "webhook",
        "OPEN",
        "OPEN",
        "2741903011",
    )
    assert {role for _, role in found.participants} == {"CONSUMER", "ASSIGNED_AGENT"}
    assert found.started_at is not None
    assert (landing.source, landing.skill_id) == ("webhook", "2741903011")
    assert talk.door._run(talk.inner.landing(wait=10)).skill_id == "2741903011"


def test_a_transcript_goes_without_a_receiver_that_was_stopped_and_says_so(door, settings):
    with Receiver(settings) as stopped:
        reply = door.create_conversation("anna", skill_id="2741903011")
        talk = Talk(door, door.client.conversation(reply).listen(stopped))
        talk.say("Good morning")

    table = talk.transcript(history=False)

    assert table["text"].tolist() == ["Good morning"]
    assert table.attrs["note"] == (
        "What webhooks told is missing: The receiver is not running. Call start(), or use it in a with "
        "statement."
    )


def test_nothing_told_yet_is_said_so(open_client, sandbox, settings):
    environment = sandbox.environment()
    needed = ("LP_ACCOUNT_ID", "LP_CLIENT_ID", "LP_CLIENT_SECRET", "LP_DOMAIN_API")
    door = open_client(Settings.of({name: environment[name] for name in needed}))
    with Receiver(settings) as deaf:
        talk = Talk(door, door.client.conversation("c-1", "anna").listen(deaf))

        found = talk.details()

    assert (found.source, found.skill_id, found.conversation_id) == (None, None, "c-1")


def test_files_rich_content_and_notes_of_the_agent_have_their_kinds(sandbox, talk):
    sandbox.agent_notes(talk.id, "Sounds worried")
    sandbox.agent_sends_rich(talk.id, {"type": "text", "text": "Which card?"})
    talk.next_message(timeout=10)

    table = talk.transcript()

    assert table[["who", "kind", "audience"]].values.tolist() == [
        ["agent", "text", "AGENTS_AND_MANAGERS"],
        ["agent", "rich content", "ALL"],
    ]


def test_a_file_of_the_agents_is_had_by_its_message(sandbox, talk):
    talk.send_file(PNG, "My card")
    sandbox.agent_says(talk.id, "Thanks")
    text = talk.next_message(timeout=10)
    (event,) = [event for event in talk.receiver.events(talk.id) if event.text is None and event.is_message]

    assert talk.fetch_file(event) == PNG
    with pytest.raises(InvalidValueError) as caught:
        talk.fetch_file(text)
    assert str(caught.value) == "file must be a relativePath, or a message that holds a file."
    assert talk.transcript()[["kind", "text"]].values.tolist() == [["file", "My card"], ["text", "Thanks"]]


def test_a_lost_message_is_found_again_in_what_a_webhook_tells(sandbox, talk):
    sandbox.fail("send", "drop_after")
    lost = talk.say("Did this arrive?")
    sandbox.agent_says(talk.id, "It did")
    talk.next_message(timeout=10)

    table = talk.transcript()

    assert lost.outcome == "unknown"
    assert table[["text", "sources"]].values.tolist() == [
        ["Did this arrive?", "sent, webhook"],
        ["It did", "webhook"],
    ]
