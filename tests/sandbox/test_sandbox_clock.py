"""A clock that moves: tokens expire and conversations time out without waiting."""

import pytest

from lpnb.sandbox.state.clock import Clock

DAY = 24 * 3600


def test_an_app_jwt_expires_when_the_clock_is_moved_past_its_hour(connector, sandbox):
    headers = connector.headers()

    sandbox.advance(3500)
    assert connector.post(headers=headers).status_code == 200
    sandbox.advance(110)

    reply = connector.post(headers=headers)
    assert (reply.status_code, reply.json()["body"]["errorCode"]) == (401, 40102)
    renewed = headers | {"Authorization": connector.app_jwt()}
    assert connector.post(headers=renewed).status_code == 200


def test_a_consumer_jws_never_expires(connector, sandbox):
    jws = connector.consumer_jws("anna")

    sandbox.advance(1000 * DAY)

    headers = {"Authorization": connector.app_jwt(), "X-LP-ON-BEHALF": jws}
    assert connector.post(headers=headers).status_code == 200


def test_a_conversation_left_alone_for_ninety_days_closes_by_itself(connector, sandbox):
    connector.post()

    sandbox.advance(90 * DAY - 60)
    assert [conversation.stage for conversation in sandbox.conversations] == ["OPEN"]
    sandbox.advance(61)

    (closed,) = sandbox.conversations
    assert (closed.stage, closed.state, closed.closed_by) == ("CLOSE", "CLOSE", "SYSTEM")
    assert connector.post().json()[1]["code"] == "OK"


def test_the_time_until_a_conversation_closes_can_be_chosen(connect):
    connector = connect(auto_close_after=25 * 60)
    connector.post()

    connector.sandbox.advance(25 * 60 + 1)

    assert [conversation.stage for conversation in connector.sandbox.conversations] == ["CLOSE"]


def test_a_conversation_that_waits_for_the_agent_stays_open(connector, sandbox):
    conversation_id = connector.post().json()[1]["body"]["conversationId"]
    _say(sandbox, conversation_id, "CONSUMER")

    sandbox.advance(91 * DAY)

    assert sandbox.close_idle() == []
    assert [conversation.stage for conversation in sandbox.conversations] == ["OPEN"]


def test_the_agents_last_word_starts_the_time_anew(connector, sandbox):
    conversation_id = connector.post().json()[1]["body"]["conversationId"]
    sandbox.advance(89 * DAY)
    _say(sandbox, conversation_id, "CONSUMER")
    _say(sandbox, conversation_id, "ASSIGNED_AGENT")

    sandbox.advance(89 * DAY)
    assert [conversation.stage for conversation in sandbox.conversations] == ["OPEN"]
    sandbox.advance(2 * DAY)

    assert [conversation.stage for conversation in sandbox.conversations] == ["CLOSE"]


def _say(sandbox, conversation_id, role):
    event = {"type": "ContentEvent", "contentType": "text/plain", "message": "hello"}
    sandbox._state.publish(conversation_id, conversation_id, event, originator_id="someone", role=role)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(connect, seconds):
    with pytest.raises(ValueError, match="auto_close_after must be a number of seconds above 0; got "):
        connect(auto_close_after=seconds)


def test_reset_shows_real_time_again(sandbox):
    sandbox.freeze_clock()
    sandbox.advance(1000)

    sandbox.reset()

    assert abs(sandbox.clock_offset) < 0.1
    assert sandbox.clock_frozen is False


def test_a_clock_runs_with_its_base_and_ahead_of_it():
    base = [1000.0]
    clock = Clock(lambda: base[0])

    clock.advance(60)
    base[0] += 5

    assert (clock(), clock.offset, clock.frozen) == (1065.0, 60.0, False)


def test_a_frozen_clock_moves_by_hand_only_and_runs_on_from_where_it_stands():
    base = [1000.0]
    clock = Clock(lambda: base[0])

    clock.freeze()
    base[0] += 500
    assert clock() == 1000.0
    clock.freeze()
    clock.advance(10)
    assert clock() == 1010.0
    clock.run()
    base[0] += 1

    assert (clock(), clock.frozen) == (1011.0, False)
    clock.run()
    assert clock() == 1011.0


def test_a_clock_can_be_set_back_and_ends_with_the_year_9999():
    clock = Clock(lambda: 1000.0)

    clock.set(5)
    assert clock() == 5.0
    with pytest.raises(ValueError, match="The clock ends with the year 9999"):
        clock.advance(10.0**12)

    assert clock() == 5.0


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "1", None, True])
def test_seconds_that_are_none_are_refused(seconds):
    with pytest.raises(ValueError, match="seconds must be a number of seconds, 0 or more; got "):
        Clock().advance(seconds)


def _survey(connector, sandbox):
    """A conversation whose main dialog the agent closed, and its survey."""
    conversation_id = connector.open()
    sandbox._state.close_dialog(conversation_id, conversation_id, by="AGENT")
    return conversation_id, sandbox._state.open_dialog(conversation_id, "POST_SURVEY")


def test_a_survey_left_alone_for_over_a_week_is_closed(connector, sandbox):
    sandbox.freeze_clock()
    conversation_id, survey = _survey(connector, sandbox)

    sandbox.advance(7 * DAY)
    assert sandbox.detail(conversation_id).conversation.stage == "OPEN"
    sandbox.advance(1)

    closed = sandbox.detail(conversation_id).conversation
    assert (closed.stage, closed.closed_by, closed.close_reason) == ("CLOSE", "SYSTEM", "AGENT")
    assert [(item.dialog_id, item.state, item.closed_by) for item in closed.dialogs] == [
        (conversation_id, "CLOSE", "AGENT"),
        (survey, "CLOSE", "SYSTEM"),
    ]


def test_a_word_in_a_survey_gives_it_another_week(connector, sandbox):
    sandbox.freeze_clock()
    conversation_id, survey = _survey(connector, sandbox)
    sandbox.advance(6 * DAY)
    event = {"type": "ContentEvent", "contentType": "text/plain", "message": "5 stars"}
    sandbox._state.publish(conversation_id, survey, event, originator_id="anna", role="CONSUMER")

    sandbox.advance(7 * DAY)
    assert sandbox.detail(conversation_id).conversation.stage == "OPEN"
    sandbox.advance(1)

    assert sandbox.detail(conversation_id).conversation.stage == "CLOSE"


def test_the_time_of_automatic_closing_leaves_surveys_alone(connect):
    connector = connect(auto_close_after=25 * 60)
    conversation_id, _ = _survey(connector, connector.sandbox)

    connector.sandbox.advance(DAY)

    assert connector.sandbox.detail(conversation_id).conversation.stage == "OPEN"
