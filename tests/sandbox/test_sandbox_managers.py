"""A manager who joins a conversation and writes in it, and a conversation that is not valid at once."""

import pytest

HELLO = {"type": "ContentEvent", "contentType": "text/plain", "message": "hello"}


def test_a_manager_joins_beside_the_assigned_agent(connector, sandbox):
    conversation_id = connector.open()
    agent = sandbox.agent_joins(conversation_id)

    manager = sandbox.manager_joins(conversation_id)

    assert manager != agent
    found = sandbox.detail(conversation_id).conversation
    assert found.agents == ((agent, "ASSIGNED_AGENT"), (manager, "MANAGER"))


def test_a_manager_who_writes_joins_first_and_once(connector, sandbox):
    conversation_id = connector.open()

    assert [sandbox.manager_says(conversation_id, word) for word in ("One", "Two")] == [0, 1]

    detail = sandbox.detail(conversation_id)
    (manager,) = detail.conversation.agents
    assert manager[1] == "MANAGER"
    assert [(item.originator_id, item.role) for item in detail.messages] == [(manager[0], "MANAGER")] * 2


def test_a_manager_leaves(connector, sandbox):
    conversation_id = connector.open()
    agent = sandbox.agent_joins(conversation_id)
    sandbox.manager_joins(conversation_id)

    sandbox.manager_leaves(conversation_id)

    assert sandbox.detail(conversation_id).conversation.agents == ((agent, "ASSIGNED_AGENT"),)


def test_the_assigned_agent_is_no_manager_of_the_same_conversation(connector, sandbox):
    conversation_id = connector.open()
    sandbox.agent_joins(conversation_id, "mira.castellan")

    with pytest.raises(ValueError, match=r"'mira\.castellan' is the assigned agent of this conversation"):
        sandbox.manager_joins(conversation_id, "mira.castellan")


def test_a_manager_stays_over_a_transfer(connector, sandbox):
    conversation_id = connector.open()
    sandbox.agent_joins(conversation_id)
    manager = sandbox.manager_joins(conversation_id)

    sandbox.transfer(conversation_id, "Cards & Payments")

    assert sandbox.detail(conversation_id).conversation.agents == ((manager, "MANAGER"),)


def test_the_control_api_has_the_managers_verbs(connector, sandbox):
    conversation_id = connector.open()
    headers = {"X-Sandbox-Token": sandbox.control_token}

    def act(body):
        path = f"/_lpnb/conversations/{conversation_id}/agent"
        return connector.http.post(path, json=body, headers=headers).json()

    manager = act({"manager_joins": True})["agent_id"]
    assert act({"manager_says": "Hello"}) == {"sequence": 0}
    assert sandbox.detail(conversation_id).messages[0].originator_id == manager
    assert act({"manager_leaves": True}) == {"done": True}
    assert sandbox.detail(conversation_id).conversation.agents == ()


def test_a_new_conversation_may_not_be_valid_at_once(connector, sandbox):
    sandbox.fail("send", "not_yet", times=2)
    conversation_id = connector.open()

    replies = [connector.publish(conversation_id, HELLO) for _ in range(3)]

    assert [reply.status_code for reply in replies] == [400, 400, 200]
    assert replies[0].json() == {
        "code": "BAD_REQUEST",
        "body": {"msg": f"Bad Request, there is no dialog {conversation_id!r}."},
        "reqId": "1",
    }
    assert [item.sequence for item in sandbox.detail(conversation_id).messages] == [0]


def test_not_yet_is_of_send_alone(sandbox):
    with pytest.raises(ValueError, match="fault 'not_yet' is about a refusal of a new conversation"):
        sandbox.fail("conversation", "not_yet")
