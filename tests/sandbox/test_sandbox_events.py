"""The ledger: order, what listeners may do, when a thing is durable, and that a replay rebuilds all of it."""

from concurrent.futures import Future

import pytest

from lpnb.sandbox.state.event_ledger import Event
from lpnb.sandbox.state.event_projection import RetentionLimits
from lpnb.sandbox.state.state import State
from lpnb.sandbox.tokens import consumer

ANNA = consumer("12345678", "anna")
LANDING = {"skill_id": "-1", "skill_name": None, "source_name": "App", "campaign": None, "trace": {}}


def new_state(**options):
    return State("seed", RetentionLimits(**options), clock=lambda: 1700000000.0)


def open_one(state, who=ANNA):
    return state.open_conversation(
        who,
        client_id="app",
        raw_request=b'[{"body":{}},{"body":{"brandId":"12345678"}}]',
        raw_client_properties=None,
        warnings=("odd",),
        session_id=None,
        landing=LANDING,
    )


def live_a_little(state):
    """One of almost everything."""
    state.set_profile(ANNA, [{"type": "ctmrinfo", "info": {"ctype": "vip"}}])
    first = open_one(state).conversation_id
    hello = {"type": "ContentEvent", "contentType": "text/plain", "message": "hello"}
    state.publish(
        first, first, hello, originator_id=ANNA.lp_consumer_id, role="CONSUMER", metadata=[{"a": 1}]
    )
    state.publish(
        first,
        first,
        {"type": "ChatStateEvent", "chatState": "COMPOSING"},
        originator_id="7",
        role="ASSIGNED_AGENT",
    )
    state.join_agent(first, "7")
    state.publish(
        first,
        first,
        {"type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0]},
        originator_id="7",
        role="ASSIGNED_AGENT",
    )
    state.update_field(first, "ttr", {"ttrType": "URGENT", "value": 60}, by="CONSUMER")
    state.change_skill(first, "12", "Cards", by="7")
    state.close_dialog(first, first, by="CONSUMER")
    survey = state.open_dialog(first, "POST_SURVEY")
    state.set_profile(ANNA, [{"type": "personal", "personal": {"firstname": "Anna"}}])
    state.close_dialog(first, survey, by="SYSTEM", cause="done")
    state.close_conversation(first, by="AGENT")
    open_one(state, consumer("12345678", "berta"))
    open_one(state)
    state.set_online("12345678", "7", False)
    visit = state.visits.start("12345678", "app")
    state.visits.report(visit.session_id, attributes=[{"type": "lead"}], entry_points=["sec://x"])
    state.visits.record_engagement(
        visit.session_id, [{"why": "x"}], {"campaignId": "1", "engagementId": "2", "revision": 3}
    )
    state.visits.report_impression(visit.session_id, {"type": "impDisplay"})
    state.uploads.put(state.uploads.register("12345678", "x", "PNG", 3), b"abc", "image/png")
    return first


def everything(state):
    return [
        (conversation, state.messages(conversation.conversation_id), state.sdes(conversation.conversation_id))
        for conversation in state.conversations
    ]


def test_a_replay_of_the_events_as_text_rebuilds_the_state_exactly():
    state = new_state()
    written = []
    state.subscribe(lambda event: written.append(event.to_json()))
    live_a_little(state)
    rebuilt = new_state()

    rebuilt.ledger.replay(map(Event.from_json, written))

    assert everything(rebuilt) == everything(state)
    assert rebuilt.profile_of(ANNA) == state.profile_of(ANNA)
    assert rebuilt.online("12345678", "7") is False
    started = next(event for event in map(Event.from_json, written) if event.kind == "session_started")
    stored = next(event for event in map(Event.from_json, written) if event.kind == "upload_stored")
    visit = rebuilt.visits.session(started.data["session_id"])
    assert visit == state.visits.session(visit.session_id)
    assert (visit.offers["1"]["engagementId"], len(visit.impressions)) == ("2", 1)
    assert rebuilt.uploads.get(stored.data["path"]).content == b"abc"
    assert rebuilt.ledger.sequence == state.ledger.sequence == len(written)
    # What happens next is the same too: ids, and the consumer who is not free.
    assert open_one(rebuilt) is None
    clara = consumer("12345678", "clara")
    assert open_one(rebuilt, clara) == open_one(state, clara)


def test_a_replay_forgets_what_was_forgotten():
    state = new_state(open_conversations=1, closed_conversations=1)
    written = []
    state.subscribe(written.append)
    for name in ("a", "b", "c"):
        state.close_conversation(open_one(state, consumer("1", name)).conversation_id)
        open_one(state, consumer("1", f"{name} stays"))
    rebuilt = new_state(open_conversations=1, closed_conversations=1)

    rebuilt.ledger.replay(written)

    assert everything(rebuilt) == everything(state)
    assert [found.ext_consumer_id for found in state.conversations] == ["c", "c stays"]


def test_events_are_numbered_without_gaps_and_heard_in_that_order():
    state = new_state()
    heard = []
    state.subscribe(heard.append)

    live_a_little(state)

    assert [event.sequence for event in heard] == list(range(1, 23))
    assert [event.kind for event in heard[:6]] == [
        "profile_set",
        "conversation_opened",
        "message_published",
        "chat_state_published",
        "agent_joined",
        "receipt_published",
    ]
    assert heard[1].data["warnings"] == ["odd"]
    assert "sequence" not in heard[3].data
    assert [heard[2].data["sequence"], heard[5].data["sequence"]] == [0, 1]


def test_what_a_listener_records_is_heard_after_what_it_heard():
    state = new_state()
    heard = []

    def answer(event):
        if event.kind == "conversation_opened":
            state.join_agent(event.conversation_id, "7")

    state.subscribe(answer)
    state.subscribe(lambda event: heard.append(event.kind))

    opened = open_one(state)

    assert heard == ["conversation_opened", "agent_joined"]
    assert state.conversation(opened.conversation_id).agents == (("7", "ASSIGNED_AGENT"),)


def test_a_listener_that_fails_is_logged_and_hinders_nobody(caplog):
    state = new_state()
    heard = []
    state.subscribe(lambda event: 1 / 0)
    end = state.subscribe(heard.append)

    open_one(state)
    end()
    state.reset()

    assert [event.kind for event in heard] == ["conversation_opened"]
    assert caplog.messages[0] == "A listener failed on event 1 (conversation_opened)."


def test_what_is_decided_together_is_stored_together_and_waited_for():
    state = new_state()
    batches, futures = [], []

    def store(events):
        batches.append([event.kind for event in events])
        futures.append(Future())
        return futures[-1]

    state.ledger.store = store
    with state.ledger:
        state.set_profile(ANNA, [{"type": "ctmrinfo"}])
        open_one(state)

    assert batches == [["profile_set", "conversation_opened"]]
    assert state.ledger.unstored() is futures[0]
    futures[0].set_result(None)
    assert state.ledger.unstored() is None


def test_a_store_that_failed_is_heard_of_by_everybody_who_waits():
    state = new_state()
    lost = Future()
    lost.set_exception(OSError("disk full"))
    state.ledger.store = lambda events: lost
    open_one(state)

    with pytest.raises(OSError, match="disk full"):
        state.ledger.unstored().result()


def test_a_reset_starts_ids_over_but_not_the_ledger():
    state = new_state()
    first = open_one(state).conversation_id

    state.reset()

    assert state.conversations == []
    assert open_one(state).conversation_id == first
    assert state.ledger.sequence == 3


def test_a_resumed_conversation_is_its_consumers_open_one_again():
    state = new_state()
    first = open_one(state).conversation_id
    state.close_conversation(first)

    assert state.resume_conversation(first) is True

    assert (state.conversation(first).state, state.conversation(first).stage) == ("OPEN", "OPEN")
    assert open_one(state) is None
    state.close_conversation(first)
    second = open_one(state)
    assert state.resume_conversation(first) is False
    assert second.first_conversation is False


def test_a_conversation_with_endless_messages_keeps_the_latest():
    state = new_state()
    first = open_one(state).conversation_id
    for number in range(2100):
        event = {"type": "ContentEvent", "contentType": "text/plain", "message": str(number)}
        state.publish(first, first, event, originator_id="x", role="CONSUMER")

    assert len(state.messages(first)) == 2000
    assert state.messages(first)[-1].sequence == 2099
