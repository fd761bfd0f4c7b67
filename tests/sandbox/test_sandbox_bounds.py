"""What clients send is weighed, all of it, so that memory stays bounded; and nobody pushes the others out."""

import pytest

from lpnb.sandbox.state.event_projection import RetentionLimits
from lpnb.sandbox.state.state import State
from lpnb.sandbox.tokens import consumer
from lpnb.sandbox.webhooks.attempts import WebhookTarget
from lpnb.sandbox.webhooks.delivery import WebhookDispatcher
from lpnb.sandbox.webhooks.delivery_options import Delivery
from lpnb.sandbox.world.webhook_subscriptions import Webhooks

ACCOUNT = "12345678"
TEXT = {"type": "ContentEvent", "contentType": "text/plain", "message": "Hello"}
LANDING = {"skill_id": "-1", "skill_name": None, "source_name": "x", "campaign": None, "trace": {}}


def new_state(**kept):
    return State("seed", RetentionLimits(**kept), clock=lambda: 1700000000.0)


def open_one(state, name="anna", properties=None, frame=""):
    request = b'[{"body":{}},{"body":{"brandId":"12345678","pad":"%s"}}]' % frame.encode()
    opened = state.open_conversation(
        consumer(ACCOUNT, name),
        client_id="x",
        raw_request=request,
        raw_client_properties=properties,
        warnings=(),
        session_id=None,
        landing=LANDING,
    )
    return opened.conversation_id


def say(state, conversation_id, properties=None):
    state.publish(
        conversation_id,
        conversation_id,
        TEXT,
        originator_id="x",
        role="CONSUMER",
        client_properties=properties,
    )


def numbers(state):
    return [conversation.number for conversation in state.conversations]


def test_client_properties_of_messages_count_towards_what_is_kept():
    state = new_state(bytes_of_each=50_000)
    open_one(state, "berta")
    anna = open_one(state)
    for number in range(4):
        say(state, anna, f"{number}" + "x" * 10_000)
    assert numbers(state) == [1, 2]

    say(state, anna, "4" + "x" * 10_000)

    assert numbers(state) == [2]


def test_equal_client_properties_are_one_string_and_weigh_once():
    state = new_state(bytes_of_each=50_000)
    open_one(state, "berta")
    anna = open_one(state, properties="y" * 10_000)
    for _ in range(20):
        say(state, anna, "x" * 9_999 + "x")
        say(state, anna, "y" * 9_999 + "y")

    assert numbers(state) == [1, 2]
    texts = {id(message.client_properties) for message in state.messages(anna)}
    assert len(texts) == 2
    assert id(state.conversation(anna).raw_client_properties) in texts


def test_messages_that_are_forgotten_weigh_nothing_any_more():
    state = new_state(bytes_of_each=2_000_000)
    open_one(state, "berta")
    anna = open_one(state)
    for number in range(6_000):
        say(state, anna, f"{number}" + "x" * 300)

    assert len(state.messages(anna)) == 2000
    assert numbers(state) == [1, 2]
    state.close_conversation(anna)
    assert numbers(state) == [1, 2]


def test_one_conversation_alone_is_bounded_too_and_loses_its_own_oldest():
    state = new_state()
    open_one(state, "berta")
    anna = open_one(state)
    element = {"type": "personal", "personal": {"firstname": "x" * 500_000}}
    for number in range(200):
        say(state, anna, f"{number:03}" + "x" * 100_000)
        state.set_profile(consumer(ACCOUNT, "anna"), [element])

    assert [message.sequence for message in state.messages(anna)] == list(range(117, 200))
    assert len(state.sdes(anna)) == 16
    assert numbers(state) == [1, 2]


def test_a_session_that_reports_the_same_again_and_again_does_not_push_the_others_out():
    state = new_state(bytes_of_each=200_000)
    quiet = state.visits.start(ACCOUNT, "x").session_id
    loud = state.visits.start(ACCOUNT, "x").session_id

    for _ in range(100):
        cart = {"type": "cart", "total": 5, "pad": "x" * 10_000}
        state.visits.report(loud, attributes=[cart], identities=[{"sub": "x" * 500, "acr": "0"}])

    assert state.visits.session(quiet) is not None
    assert state.visits.session(loud).attributes == [(1700000000.0, cart)]


def test_a_session_that_reports_ever_more_loses_its_own_oldest():
    state = new_state(bytes_of_each=320_000)
    quiet = state.visits.start(ACCOUNT, "x").session_id
    loud = state.visits.start(ACCOUNT, "x").session_id

    for number in range(40):
        state.visits.report(loud, attributes=[{"type": "prodView", "n": number, "pad": "x" * 5_000}])
        state.visits.report_impression(loud, {"type": "impDisplay", "n": number, "pad": "x" * 5_000})

    assert state.visits.session(quiet) is not None
    visit = state.visits.session(loud)
    assert visit.weight <= 320_000 / 16
    assert [element["n"] for _, element in visit.attributes] == [38, 39]
    assert [impression["n"] for impression in visit.impressions] == [39]


def test_what_was_considered_weighs_too():
    state = new_state(bytes_of_each=30_000)
    quiet = state.visits.start(ACCOUNT, "x").session_id
    loud = state.visits.start(ACCOUNT, "x").session_id

    state.visits.record_engagement(loud, [{"why": "x" * 30_000}], None)

    assert state.visits.session(quiet) is None
    assert state.visits.session(loud) is not None


@pytest.fixture
def dispatcher():
    """A state and a courier that takes 30,000 bytes and delivers nothing, as its sandbox is not started."""

    def make(state):
        webhooks = Webhooks.to_all("http://127.0.0.1:9/hook")
        target = WebhookTarget(ACCOUNT, "x", "secret", webhooks)
        return WebhookDispatcher(state, [target], Delivery(most_waiting_bytes=30_000))

    return make


def test_webhooks_that_wait_are_bounded_in_bytes_and_a_reset_frees_them(dispatcher):
    state = new_state()
    waiting = dispatcher(state)
    for name in ("a", "b", "c"):
        conversation_id = open_one(state, name)
        for _ in range(20):
            state.update_field(conversation_id, "ttr", {"ttrType": "URGENT", "pad": "x"}, by="CONSUMER")

    counts = waiting.counts
    assert counts.dropped > 0
    assert counts.waiting + counts.dropped == 63
    assert 30_000 - 2_000 < waiting.waiting_bytes <= 30_000

    state.reset()

    assert (waiting.counts.waiting, waiting.waiting_bytes) == (0, 0)
    open_one(state)
    assert waiting.counts.waiting == 1


def test_a_webhook_that_is_held_back_counts_and_is_freed_with_the_others(dispatcher):
    state = new_state()
    waiting = dispatcher(state)
    waiting.fail("reorder")
    anna = open_one(state)
    assert 500 < waiting.waiting_bytes < 2_000

    state.update_field(anna, "ttr", {"ttrType": "URGENT", "value": 1}, by="CONSUMER")

    assert waiting.counts.waiting == 2
    waiting.clear()
    assert waiting.waiting_bytes == 0


def test_the_pages_list_stays_short_whatever_a_client_names(connector):
    connector.http.get("/")
    for number in range(5):
        sdes = [{"type": "personal", "personal": {"firstname": "x" * 50_000}}]
        info = {"campaignId": "c" * 64, "engagementId": "e" * 64}
        connector.open(f"anna{number}", sdes=sdes, skillId="s" * 64, campaignInfo=info)

    text = connector.http.get("/").text

    assert len(text) < 20_000
    assert "x" * 59 + "…" in text
    assert "x" * 60 not in text
    assert "s" * 64 not in text
