"""Memory is bounded: whatever happens, no mapping grows beyond what is kept."""

import collections

import pytest

from lpnb.sandbox.state.event_projection import RetentionLimits
from lpnb.sandbox.state.retention import BoundedDict
from lpnb.sandbox.state.state import State
from lpnb.sandbox.tokens import consumer

KEPT = 100
KINDS_OF_EVENT = 20


@pytest.fixture
def state():
    kept = RetentionLimits(
        open_conversations=KEPT,
        closed_conversations=KEPT,
        profiles=KEPT,
        sessions=KEPT,
        uploads=KEPT,
        log_records=KEPT,
    )
    return State("bounds", kept, lambda: 1_700_000_000.0)


def sizes(state):
    """The length of everything that has one, by name, as far down as the state's own parts."""
    found = {}
    for part in (state, state.visits, state.uploads, state.ledger):
        for name, value in vars(part).items():
            if isinstance(value, BoundedDict | dict | list | set | frozenset | collections.deque):
                found[f"{type(part).__name__}.{name}"] = len(value)
    return found


def live(state, number):
    """One consumer's whole life: a visit, a conversation, messages, a survey, a file."""
    who = consumer("12345678", f"consumer-{number}")
    visit = state.visits.start("12345678", "app")
    state.visits.report(visit.session_id, identities=[{"sub": who.ext_consumer_id}], attributes=[])
    state.set_profile(who, [{"type": "ctmrinfo", "info": {"ctype": "vip"}}])
    opened = state.open_conversation(
        who,
        client_id="app",
        raw_request=b"[{}, {}]",
        raw_client_properties=None,
        warnings=(),
        session_id=visit.session_id,
        landing={"skill_id": "1", "skill_name": "One", "source_name": "app", "campaign": None, "trace": {}},
    )
    conversation_id = opened.conversation_id
    event = {"type": "ContentEvent", "contentType": "text/plain", "message": "hello"}
    state.publish(conversation_id, conversation_id, event, originator_id=who.lp_consumer_id, role="CONSUMER")
    state.join_agent(conversation_id, "7")
    if number % 4 == 0:
        state.open_dialog(conversation_id, "POST_SURVEY")
    if number % 2 == 0:
        state.close_conversation(conversation_id)
    if number % 8 == 0:
        state.resume_conversation(conversation_id)
    path = state.uploads.register("12345678", who.lp_consumer_id, "PNG", 4)
    state.uploads.put(path, b"\x89PNG", "image/png")
    state.count("conversation")
    state.log(0.0, "conversation", "POST", "/", 200, who.ext_consumer_id, None)


def test_thousands_of_conversations_leave_no_more_than_is_kept(state, drills):
    for number in range(20_000 if drills else 3_000):
        live(state, number)

    found = sizes(state)
    print(found)
    assert {name: size for name, size in found.items() if size > KEPT} == {}
    assert found["State._event_counts"] <= KINDS_OF_EVENT
    full = {"State._open", "State._closed", "State._profiles", "State._open_by_consumer", "State._log"}
    full |= {"Visits._sessions", "Visits._visitors", "Uploads._files"}
    assert {name: found[name] for name in full} == dict.fromkeys(full, KEPT)


def test_what_is_gone_is_gone_from_every_mapping(state):
    for number in range(1_000):
        live(state, number)
    ids = {conversation.conversation_id for conversation in state.conversations}

    assert set(state._open_by_consumer.values()) <= ids
    assert set(state._conversation_of_dialog.values()) <= ids
