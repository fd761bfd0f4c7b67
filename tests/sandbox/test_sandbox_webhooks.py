"""Webhooks out, held against the reference: bodies, signature, order, the ladder and what never leaves."""

import base64
import hashlib
import hmac
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lpnb.sandbox import Sandbox
from lpnb.sandbox.state.state_file import StateFileError
from lpnb.sandbox.tokens import consumer
from lpnb.sandbox.webhooks.attempts import WebhookCounts
from lpnb.sandbox.webhooks.delivery_options import Delivery
from lpnb.sandbox.webhooks.signing import sign
from lpnb.sandbox.world.loader import WorldError, parse_world
from lpnb.sandbox.world.webhook_subscriptions import Webhooks

ACCOUNT = "12345678"
CLIENT_ID = "5a4db0c5-0000-4000-8000-000000000001"
SECRET = "sandbox-secret-not-a-real-one"
NOW = 1700000000.5
NOW_MS = 1700000000500
SECONDS = 10


class Receiver:
    """A connector's endpoint: answers what it is told to, and remembers what came."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.answers: list[int] = []
        """What to answer next; 200 when there is nothing here."""
        self.came: list[tuple[dict[str, str], bytes, int]] = []
        """Headers, body and the answer given."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def up(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def down(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def wait(self, count: int) -> list[dict[str, Any]]:
        """The bodies taken with 200, once there are so many."""
        with self._condition:
            assert self._condition.wait_for(lambda: len(self.taken) >= count, SECONDS), self.taken
            return self.taken

    @property
    def taken(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body, status in self.came if status == 200]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                with receiver._condition:
                    status = receiver.answers.pop(0) if receiver.answers else 200
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    receiver.came.append((headers, body, status))
                    receiver._condition.notify_all()
                self.send_response(status)
                if status in (302, 307):
                    self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    made.up()
    yield made
    made.down()


@pytest.fixture
def hooked(connect: Callable[..., Any], receiver: Receiver) -> Any:
    """A connector whose clock stands at NOW and whose webhooks go to the receiver."""
    return connect(seed="hooks", webhook=receiver.url, clock=lambda: NOW)


def opened(connector: Any, ext_consumer_id: str = "anna", **options: Any) -> str:
    reply = connector.post(connector.batch(**options), headers=connector.headers(ext_consumer_id))
    return str(reply.json()[1]["body"]["conversationId"])


def consumer_says(connector: Any, conversation_id: str, event: dict[str, Any], **options: Any) -> None:
    state = connector.sandbox._state
    state.publish(
        conversation_id,
        conversation_id,
        event,
        originator_id=state.conversation(conversation_id).lp_consumer_id,
        role="CONSUMER",
        **options,
    )


def text(message: str) -> dict[str, Any]:
    return {"type": "ContentEvent", "message": message, "contentType": "text/plain"}


def changes(bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [change for body in bodies for change in body["body"]["changes"]]


# --- the signature -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "wanted"),
    [
        ("sha1", "sha1=gnCKNCfYmYQ4gJhJfzuzpy8fedg="),
        ("sha256", "sha256=P0s82LPKCIO8KhrXWsrSDKpAuMZFmOqhcQlSZ9Peptg="),
    ],
)
def test_the_test_vector_of_the_signature_comes_out(algorithm: Any, wanted: str) -> None:
    body = b'{"kind":"notification","body":{"changes":[]},"type":"ms.MessagingEventNotification"}'

    assert sign(body, "sandbox-secret", algorithm) == wanted


def test_the_signature_is_over_the_bytes_that_arrive_emoji_and_all(hooked: Any, receiver: Receiver) -> None:
    hooked.sandbox.agent_says(opened(hooked), "Grüße 👋")
    receiver.wait(3)

    headers, body, _ = receiver.came[2]

    assert "Grüße 👋".encode() in body
    digest = hmac.new(SECRET.encode(), body, hashlib.sha1).digest()
    assert headers["x-liveperson-signature"] == f"sha1={base64.b64encode(digest).decode()}"
    assert headers["x-liveperson-account-id"] == ACCOUNT
    assert headers["x-liveperson-client-id"] == CLIENT_ID
    assert headers["content-type"] == "application/json"
    assert "user-agent" not in headers


def test_sha256_is_a_switch(connect: Callable[..., Any], receiver: Receiver) -> None:
    connector = connect(webhook=receiver.url, delivery=Delivery(signature="sha256"))
    opened(connector)
    receiver.wait(1)

    headers, body, _ = receiver.came[0]

    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
    assert headers["x-liveperson-signature"] == f"sha256={base64.b64encode(digest).decode()}"


# --- bodies --------------------------------------------------------------------------------------------


def test_a_new_conversation_is_told_in_full(hooked: Any, receiver: Receiver) -> None:
    context = {"type": "SharkContext", "visitorId": "v", "sessionId": "s", "interactionContextId": "2"}
    conversation_id = opened(
        hooked,
        campaignInfo={"campaignId": "880524010", "engagementId": "880524110"},
        conversationContext=context,
        ttrDefName="URGENT",
    )
    consumer = hooked.sandbox.conversations[0].lp_consumer_id

    (body,) = receiver.wait(1)

    assert body == {
        "kind": "notification",
        "body": {
            "sentTs": NOW_MS,
            "changes": [
                {
                    "type": "UPSERT",
                    "result": {
                        "convId": conversation_id,
                        "effectiveTTR": NOW_MS + 300_000,
                        "conversationDetails": {
                            "skillId": "2741903011",
                            "participants": [{"id": consumer, "role": "CONSUMER"}],
                            "dialogs": [
                                {
                                    "dialogId": conversation_id,
                                    "participantsDetails": [
                                        {"id": consumer, "role": "CONSUMER", "state": "ACTIVE"}
                                    ],
                                    "dialogType": "MAIN",
                                    "channelType": "MESSAGING",
                                    "metaData": {"appInstallId": CLIENT_ID},
                                    "state": "OPEN",
                                    "creationTs": NOW_MS,
                                    "metaDataLastUpdateTs": NOW_MS,
                                }
                            ],
                            "brandId": ACCOUNT,
                            "state": "OPEN",
                            "stage": "OPEN",
                            "startTs": NOW_MS,
                            "metaDataLastUpdateTs": NOW_MS,
                            "firstConversation": True,
                            "ttr": {"ttrType": "URGENT", "value": 300},
                            "delay": {"type": "UNDELAYED", "tillWhen": -1},
                            "conversationHandlerDetails": {"accountId": ACCOUNT, "skillId": "2741903011"},
                            "campaignInfo": {"campaignId": "880524010", "engagementId": "880524110"},
                            "context": context,
                        },
                    },
                }
            ],
        },
        "type": "cqm.ExConversationChangeNotification",
    }


def test_bodies_are_compact_json(hooked: Any, receiver: Receiver) -> None:
    opened(hooked)
    (body,) = receiver.wait(1)

    assert receiver.came[0][1] == json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def test_a_text_of_the_consumer_is_delivered_too_with_the_role_that_lets_it_be_filtered(
    hooked: Any, receiver: Receiver
) -> None:
    conversation_id = opened(hooked)
    consumer = hooked.sandbox.conversations[0].lp_consumer_id
    properties = '{"type":".ClientProperties","features":["MULTI_DIALOG"]}'
    metadata = [{"type": "ExternalId", "id": "7"}]
    consumer_says(hooked, conversation_id, text("Hello"), metadata=metadata, client_properties=properties)

    body = receiver.wait(2)[1]

    assert body == {
        "kind": "notification",
        "body": {
            "sentTs": NOW_MS,
            "changes": [
                {
                    "sequence": 0,
                    "originatorId": consumer,
                    "originatorMetadata": {
                        "id": consumer,
                        "role": "CONSUMER",
                        "clientProperties": {"type": ".ClientProperties", "features": ["MULTI_DIALOG"]},
                    },
                    "serverTimestamp": NOW_MS,
                    "event": {"type": "ContentEvent", "message": "Hello", "contentType": "text/plain"},
                    "conversationId": conversation_id,
                    "dialogId": conversation_id,
                    "messageAudience": "ALL",
                    "metadata": [{"type": "ExternalId", "id": "7"}],
                }
            ],
        },
        "type": "ms.MessagingEventNotification",
    }


def test_structured_content_of_the_agent_keeps_its_shape(hooked: Any, receiver: Receiver) -> None:
    conversation_id = opened(hooked)
    content = {"type": "vertical", "elements": [{"type": "text", "text": "Which card?"}]}
    hooked.sandbox.agent_sends_rich(conversation_id, content)

    (change,) = receiver.wait(3)[2]["body"]["changes"]

    assert change == {
        "sequence": 0,
        "originatorId": "3180255701",
        "originatorMetadata": {"id": "3180255701", "role": "ASSIGNED_AGENT"},
        "serverTimestamp": NOW_MS,
        "event": {"type": "RichContentEvent", "content": content},
        "conversationId": conversation_id,
        "dialogId": conversation_id,
        "messageAudience": "ALL",
    }


def test_a_private_note_says_who_may_see_it(hooked: Any, receiver: Receiver) -> None:
    hooked.sandbox.agent_notes(opened(hooked), "Checked by phone.")

    (change,) = receiver.wait(3)[2]["body"]["changes"]

    assert change["messageAudience"] == "AGENTS_AND_MANAGERS"


def test_a_receipt_takes_a_sequence_of_its_own(hooked: Any, receiver: Receiver) -> None:
    conversation_id = opened(hooked)
    consumer_says(hooked, conversation_id, text("One"))
    consumer_says(hooked, conversation_id, text("Two"))
    assert hooked.sandbox.agent_reads(conversation_id) == [0, 1]
    assert hooked.sandbox.agent_reads(conversation_id) == []

    (change,) = receiver.wait(5)[4]["body"]["changes"]

    assert change["sequence"] == 2
    assert change["event"] == {"type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0, 1]}


def test_a_chat_state_has_neither_sequence_nor_time(hooked: Any, receiver: Receiver) -> None:
    conversation_id = opened(hooked)
    hooked.sandbox.agent_types(conversation_id)

    (change,) = receiver.wait(3)[2]["body"]["changes"]

    assert change == {
        "originatorId": "3180255701",
        "originatorMetadata": {"id": "3180255701", "role": "ASSIGNED_AGENT"},
        "event": {"type": "ChatStateEvent", "chatState": "COMPOSING"},
        "conversationId": conversation_id,
        "dialogId": conversation_id,
    }


def test_a_transfer_shows_as_an_agent_who_disappears_and_a_skill_that_changes(
    hooked: Any, receiver: Receiver
) -> None:
    conversation_id = opened(hooked)
    hooked.sandbox.agent_joins(conversation_id)
    hooked.sandbox.transfer(conversation_id, "Mortgages & Loans")

    told = [change["result"]["conversationDetails"] for change in changes(receiver.wait(3))]

    assert [[item["role"] for item in details["participants"]] for details in told] == [
        ["CONSUMER"],
        ["CONSUMER", "ASSIGNED_AGENT"],
        ["CONSUMER"],
    ]
    assert [details["skillId"] for details in told] == ["2741903010", "2741903010", "2741903012"]
    assert told[2]["conversationHandlerDetails"] == {"accountId": ACCOUNT, "skillId": "2741903012"}


def test_a_closed_conversation_says_by_whom_and_when_and_has_no_time_to_answer_left(
    hooked: Any, receiver: Receiver
) -> None:
    conversation_id = opened(hooked)
    hooked.sandbox.agent_closes(conversation_id)

    result = changes(receiver.wait(2))[1]["result"]
    details = result["conversationDetails"]

    assert result["effectiveTTR"] == -1
    assert (details["state"], details["stage"], details["closeReason"]) == ("CLOSE", "CLOSE", "AGENT")
    assert details["endTs"] == NOW_MS
    assert (details["dialogs"][0]["state"], details["dialogs"][0]["closedBy"]) == ("CLOSE", "AGENT")


def test_a_survey_shows_as_a_closed_state_in_an_open_stage(hooked: Any, receiver: Receiver) -> None:
    conversation_id = opened(hooked)
    state = hooked.sandbox._state
    state.close_dialog(conversation_id, conversation_id, by="CONSUMER", cause="done")
    survey = state.open_dialog(conversation_id, "POST_SURVEY")

    details = changes(receiver.wait(3))[2]["result"]["conversationDetails"]

    assert (details["state"], details["stage"], details["closeReason"]) == ("CLOSE", "OPEN", "CONSUMER")
    assert [(item["dialogId"], item["dialogType"], item["state"]) for item in details["dialogs"]] == [
        (conversation_id, "MAIN", "CLOSE"),
        (survey, "POST_SURVEY", "OPEN"),
    ]


def test_a_survey_follows_the_agents_closing_when_the_consumer_can_show_one(
    hooked: Any, receiver: Receiver
) -> None:
    properties = {"Client-Properties": '{"type":".ClientProperties","features":["MULTI_DIALOG"]}'}
    reply = hooked.post(hooked.batch(), headers=hooked.headers() | properties)
    conversation_id = reply.json()[1]["body"]["conversationId"]
    hooked.sandbox.agent_closes(conversation_id)
    hooked.sandbox.agent_closes(conversation_id)
    hooked.sandbox.agent_closes(conversation_id)

    told = [change["result"]["conversationDetails"] for change in changes(receiver.wait(4))]

    assert [(details["state"], details["stage"]) for details in told] == [
        ("OPEN", "OPEN"),
        ("CLOSE", "OPEN"),
        ("CLOSE", "OPEN"),
        ("CLOSE", "CLOSE"),
    ]
    assert [details["closeReason"] for details in told[1:]] == ["AGENT"] * 3


def test_the_reason_of_the_close_is_whoever_ended_the_main_dialog_and_not_the_survey(
    hooked: Any, receiver: Receiver
) -> None:
    conversation_id = opened(hooked)
    state = hooked.sandbox._state
    state.close_dialog(conversation_id, conversation_id, by="AGENT")
    survey = state.open_dialog(conversation_id, "POST_SURVEY")
    state.close_dialog(conversation_id, survey, by="CONSUMER")
    state.close_conversation(conversation_id, by="CONSUMER")

    told = [change["result"]["conversationDetails"] for change in changes(receiver.wait(5))]

    assert [details.get("closeReason") for details in told] == [None, "AGENT", "AGENT", "AGENT", "AGENT"]


def test_no_webhook_tells_of_what_is_not_on_the_disk_yet(hooked: Any, receiver: Receiver) -> None:
    conversation_id = opened(hooked)
    receiver.wait(1)
    written: Future[None] = Future()
    hooked.sandbox._state.ledger.store = lambda events: written
    hooked.sandbox.agent_joins(conversation_id)

    assert not hooked.sandbox.webhooks_settled(0.2)
    assert len(receiver.came) == 1
    written.set_result(None)

    assert len(receiver.wait(2)) == 2


def test_what_cannot_be_stored_is_told_to_nobody(hooked: Any, receiver: Receiver) -> None:
    conversation_id = opened(hooked)
    receiver.wait(1)
    failed: Future[None] = Future()
    failed.set_exception(StateFileError("The disk is full."))
    hooked.sandbox._state.ledger.store = lambda events: failed
    hooked.sandbox.agent_joins(conversation_id)

    assert hooked.sandbox.webhooks_settled()
    assert len(receiver.came) == 1
    assert hooked.sandbox.webhook_counts == WebhookCounts(delivered=1, expired=1)


# --- delivery ------------------------------------------------------------------------------------------


def test_all_arrive_in_order_and_signed_from_a_receiver_that_fails_is_down_and_returns(
    connect: Callable[..., Any], receiver: Receiver
) -> None:
    receiver.answers = [500] * 6
    connector = connect(webhook=receiver.url, delivery=Delivery(time_scale=0.005))
    sandbox = connector.sandbox
    conversations = [opened(connector, f"consumer-{number}") for number in range(3)]
    for number in range(4):
        for conversation_id in conversations:
            sandbox.agent_says(conversation_id, f"before {number}")
    assert sandbox.webhooks_tried(4)
    receiver.down()
    tried = len(sandbox.webhook_attempts)
    for conversation_id in conversations:
        sandbox.agent_says(conversation_id, "while it is down")
    assert sandbox.webhooks_tried(tried + 4)
    receiver.up()
    for conversation_id in conversations:
        sandbox.agent_says(conversation_id, "when it is back")
        sandbox.agent_closes(conversation_id)

    assert sandbox.webhooks_settled(SECONDS)

    said: dict[str, list[str]] = defaultdict(list)
    for change in changes(receiver.taken):
        if "result" in change:
            details = change["result"]["conversationDetails"]
            said[change["result"]["convId"]].append(details["stage"] + str(len(details["participants"])))
        else:
            said[change["conversationId"]].append(f"{change['sequence']} {change['event']['message']}")
    wanted = ["OPEN1", "OPEN2", "0 before 0", "1 before 1", "2 before 2", "3 before 3"]
    wanted += ["4 while it is down", "5 when it is back", "CLOSE2"]
    assert dict(said) == dict.fromkeys(conversations, wanted)
    counts = sandbox.webhook_counts
    assert (counts.delivered, counts.expired, counts.dropped, counts.waiting) == (27, 0, 0, 0)
    assert counts.retried == len(sandbox.webhook_attempts) - 27
    for headers, body, _ in receiver.came:
        assert headers["x-liveperson-signature"] == sign(body, SECRET)


def test_the_gaps_double_by_the_clock_of_the_sandbox(hooked: Any, receiver: Receiver) -> None:
    receiver.answers = [500, 503, 302, 404, 200]
    sandbox = hooked.sandbox
    sandbox.freeze_clock()
    opened(hooked)
    for tried, gap in enumerate((2, 4, 8, 16), start=1):
        assert sandbox.webhooks_tried(tried)
        sandbox.advance(gap)
    assert sandbox.webhooks_settled(SECONDS)

    attempts = sandbox.webhook_attempts

    assert [attempt.time - NOW for attempt in attempts] == [0, 2, 6, 14, 30]
    assert [attempt.status for attempt in attempts] == [500, 503, 302, 404, 200]
    assert sandbox.webhook_counts == WebhookCounts(delivered=1, retried=4)


def test_the_gap_never_grows_beyond_five_minutes(hooked: Any, receiver: Receiver) -> None:
    receiver.answers = [500] * 10
    sandbox = hooked.sandbox
    sandbox.freeze_clock()
    opened(hooked)
    for tried, gap in enumerate((2, 4, 8, 16, 32, 64, 128, 256, 300, 300), start=1):
        assert sandbox.webhooks_tried(tried)
        sandbox.advance(gap)
    assert sandbox.webhooks_settled(SECONDS)

    assert sandbox.webhook_counts == WebhookCounts(delivered=1, retried=10)


def test_a_stuck_conversation_holds_back_only_itself(connect: Callable[..., Any], receiver: Receiver) -> None:
    receiver.answers = [500]
    connector = connect(webhook=receiver.url)
    sandbox = connector.sandbox
    sandbox.freeze_clock()
    stuck = opened(connector, "stuck")
    assert sandbox.webhooks_tried(1)
    sandbox.agent_says(stuck, "behind")
    free = opened(connector, "free")
    sandbox.agent_says(free, "not behind")

    told = receiver.wait(3)

    assert {_conversation_of(change) for change in changes(told)} == {free}
    sandbox.advance(2)
    assert sandbox.webhooks_settled(SECONDS)
    assert [_conversation_of(change) for change in changes(receiver.taken)[3:]] == [stuck] * 3


def _conversation_of(change: dict[str, Any]) -> str:
    return str(change["result"]["convId"] if "result" in change else change["conversationId"])


WORLD = """
[[accounts]]
id = "12345678"

[[accounts.installations]]
client_id = "app"
client_secret = "key"
name = "Connector"

[accounts.installations.webhooks."ms.MessagingEventNotification.ContentEvent"]
endpoint = "http://127.0.0.1:{port}/texts"
headers = [{{header_name = "X-Team", header_value = "blue"}}]

[accounts.installations.webhooks."cqm.ExConversationChangeNotification"]
endpoint = "http://127.0.0.1:{port}/changes"
max_retries = 0

[accounts.installations.webhooks.retry]
retention_time = 10
"""


def test_a_world_says_which_events_go_where_with_which_headers(
    connect: Callable[..., Any], receiver: Receiver
) -> None:
    connector = connect(world=parse_world(WORLD.format(port=receiver.port)))
    sandbox = connector.sandbox
    conversation_id = opened(connector)
    sandbox.agent_types(conversation_id)
    sandbox.agent_says(conversation_id, "Hello")
    receiver.wait(3)
    assert sandbox.webhooks_settled(SECONDS)

    assert [body["type"] for body in receiver.taken] == [
        "cqm.ExConversationChangeNotification",
        "cqm.ExConversationChangeNotification",
        "ms.MessagingEventNotification",
    ]
    headers, body, _ = receiver.came[2]
    assert headers["x-team"] == "blue"
    assert headers["x-liveperson-signature"] == sign(body, "key")
    assert "x-team" not in receiver.came[0][0]


def test_max_retries_0_takes_an_event_out_and_the_retention_time_ends_the_others(
    connect: Callable[..., Any], receiver: Receiver
) -> None:
    connector = connect(world=parse_world(WORLD.format(port=receiver.port)), clock=lambda: NOW)
    sandbox = connector.sandbox
    sandbox.freeze_clock()
    receiver.answers = [500, 500, 500, 500, 500]
    sandbox.agent_says(opened(connector), "Hello")
    for tried, gap in ((3, 2), (4, 4)):
        assert sandbox.webhooks_tried(tried)
        sandbox.advance(gap)
    assert sandbox.webhooks_settled(SECONDS)

    # Two changes tried once each; the text after 0, 2 and 6 seconds, as the next gap ends after 14.
    assert [attempt.number for attempt in sandbox.webhook_attempts] == [1, 1, 1, 2, 3]
    assert sandbox.webhook_counts == WebhookCounts(retried=2, expired=3)


def test_a_world_with_a_wrong_subscription_is_refused_with_its_path() -> None:
    wrong = WORLD.format(port=1).replace("retention_time = 10", "retention_time = 1")

    with pytest.raises(WorldError) as caught:
        parse_world(wrong)

    assert "accounts[0].installations[0].webhooks.retry.retention_time" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://example.com/hook", "https://10.0.0.1/", "http://127.0.0.1.evil.example/"]
)
def test_nothing_leaves_the_machine_unless_that_is_allowed(url: str) -> None:
    with pytest.raises(ValueError, match="is not on this machine") as caught:
        Sandbox(webhook=url)

    assert str(caught.value) == (
        f"The webhook endpoint {url!r} is not on this machine. The sandbox posts to 127.0.0.1, ::1 and "
        "localhost; Delivery(any_host=True) lets it post anywhere."
    )
    assert Sandbox(webhook=url, delivery=Delivery(any_host=True)).webhook_counts == WebhookCounts()


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/", "127.0.0.1:80", "http://u:p@127.0.0.1/", "http://127.0.0.1/ x"]
)
def test_an_endpoint_that_is_no_plain_http_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        Webhooks.to_all(url)


def test_a_full_queue_drops_what_is_new_and_counts_it(
    connect: Callable[..., Any], receiver: Receiver
) -> None:
    receiver.answers = [500]
    connector = connect(webhook=receiver.url, delivery=Delivery(most_waiting=2))
    sandbox = connector.sandbox
    sandbox.freeze_clock()
    conversation_id = opened(connector)
    assert sandbox.webhooks_tried(1)
    sandbox.agent_says(conversation_id, "one")

    assert sandbox.webhook_counts == WebhookCounts(dropped=1, waiting=2)


def test_loss_duplicates_and_reordering_happen_on_demand(hooked: Any, receiver: Receiver) -> None:
    sandbox = hooked.sandbox
    conversation_id = opened(hooked)
    sandbox.agent_joins(conversation_id)
    for number, fault in enumerate(("lose", "duplicate", "reorder")):
        sandbox.fail_webhooks(fault)
        sandbox.agent_says(conversation_id, str(number))
    sandbox.agent_says(conversation_id, "3")
    assert sandbox.webhooks_settled(SECONDS)

    assert [change["sequence"] for change in changes(receiver.wait(6))[2:]] == [1, 1, 3, 2]


def test_a_reset_forgets_what_waits(connect: Callable[..., Any], receiver: Receiver) -> None:
    receiver.answers = [500]
    connector = connect(webhook=receiver.url)
    sandbox = connector.sandbox
    sandbox.freeze_clock()
    opened(connector)
    assert sandbox.webhooks_tried(1)
    sandbox.reset()
    opened(connector)

    assert sandbox.webhooks_settled(SECONDS)
    assert sandbox.webhook_counts == WebhookCounts(delivered=1)


def test_what_waits_when_the_sandbox_stops_is_delivered_after_it_starts_again(receiver: Receiver) -> None:
    sandbox = Sandbox(webhook=receiver.url)
    receiver.answers = [500]
    with sandbox:
        sandbox.freeze_clock()
        conversation = sandbox._state.open_conversation(
            _consumer(),
            client_id=CLIENT_ID,
            raw_request=b'[{"body":{}},{"body":{"brandId":"12345678"}}]',
            raw_client_properties=None,
            warnings=(),
            session_id=None,
            landing={
                "skill_id": "-1",
                "skill_name": None,
                "source_name": "Connector",
                "campaign": None,
                "trace": {},
            },
        )
        assert sandbox.webhooks_tried(1)
    assert sandbox.webhook_counts == WebhookCounts(waiting=1)

    with sandbox:
        assert sandbox.webhooks_settled(SECONDS)

    assert changes(receiver.taken)[0]["result"]["convId"] == conversation.conversation_id


def _consumer() -> Any:
    return consumer(ACCOUNT, "anna")


# --- from other languages, and through SEND --------------------------------------------------------------


def test_the_control_api_offers_the_agents_verbs_and_the_counters(hooked: Any, receiver: Receiver) -> None:
    sandbox = hooked.sandbox
    conversation_id = opened(hooked)

    def post(path: str, body: Any) -> Any:
        token = {"X-Sandbox-Token": sandbox.control_token}
        return hooked.http.post(f"/_lpnb{path}", json=body, headers=token).json()

    path = f"/conversations/{conversation_id}/agent"
    done = [
        post(path, body)
        for body in (
            {"joins": None},
            {"says": "Hello"},
            {"notes": "Nice"},
            {"rich": {"type": "text", "text": "Hi"}},
            {"types": "PAUSE"},
            {"reads": True},
            {"transfer": "2741903012"},
            {"closes": True},
            {"resumes": True},
        )
    ]
    refused = [post(path, body) for body in ({}, {"says": 5}, {"says": "a", "closes": True}, {"sings": "la"})]
    post("/webhooks/faults", {"fault": "lose"})
    post(path, {"says": "lost"})
    assert sandbox.webhooks_settled(SECONDS)
    told = hooked.http.get("/_lpnb/webhooks", headers={"X-Sandbox-Token": sandbox.control_token}).json()

    assert done == [
        {"agent_id": "3180255701"},
        {"sequence": 0},
        {"sequence": 1},
        {"sequence": 2},
        {"done": True},
        {"sequences": []},
        {"done": True},
        {"done": True},
        {"done": True},
    ]
    assert [next(iter(reply)) for reply in refused] == ["error"] * 4
    assert told["counts"] == {"delivered": 10, "retried": 0, "expired": 0, "dropped": 0, "waiting": 0}
    assert told["attempts"][0] == {
        "time": NOW,
        "conversation_id": conversation_id,
        "event": "cqm.ExConversationChangeNotification",
        "endpoint": receiver.url,
        "number": 1,
        "status": 200,
        "problem": None,
    }


def test_what_a_connector_sends_comes_back_as_a_webhook(hooked: Any, receiver: Receiver) -> None:
    headers = hooked.headers("anna")
    reply = hooked.post(hooked.batch(), headers=headers)
    conversation_id = reply.json()[1]["body"]["conversationId"]
    event = {"type": "ContentEvent", "contentType": "text/plain", "message": "From SEND"}
    frame = {
        "kind": "req",
        "id": "1",
        "type": "ms.PublishEvent",
        "body": {"dialogId": conversation_id, "event": event},
    }
    path = f"/api/account/{ACCOUNT}/messaging/consumer/conversation/send?v=3"

    assert hooked.post(frame, headers=headers, path=path).status_code == 200

    (change,) = receiver.wait(2)[1]["body"]["changes"]
    assert (change["event"], change["originatorMetadata"]["role"]) == (event, "CONSUMER")


def test_a_running_sandbox_is_pointed_at_an_endpoint_at_another_and_at_none(
    connect: Callable[..., Any], receiver: Receiver
) -> None:
    second = Receiver()
    second.up()
    connector = connect()
    sandbox = connector.sandbox
    opened(connector, "before")
    sandbox.set_webhook(receiver.url)
    first_id = opened(connector, "first")
    receiver.wait(1)

    sandbox.set_webhook(second.url)
    second_id = opened(connector, "second")
    second.wait(1)
    sandbox.set_webhook(None)
    opened(connector, "third")

    assert sandbox.webhooks_settled()
    assert [body["body"]["changes"][0]["result"]["convId"] for body in receiver.taken] == [first_id]
    assert [body["body"]["changes"][0]["result"]["convId"] for body in second.taken] == [second_id]
    assert sandbox.webhook_counts == WebhookCounts(delivered=2)
    second.down()


def test_what_waits_for_an_endpoint_that_is_gone_goes_to_the_next_one(
    connect: Callable[..., Any], receiver: Receiver
) -> None:
    receiver.down()
    connector = connect(webhook=receiver.url, delivery=Delivery(time_scale=0.001))
    conversation_id = opened(connector, "anna")
    assert connector.sandbox.webhooks_tried(1)
    second = Receiver()
    second.up()

    connector.sandbox.set_webhook(second.url)

    (body,) = second.wait(1)
    assert body["body"]["changes"][0]["result"]["convId"] == conversation_id
    second.down()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://hooks.example/x", "The webhook endpoint 'https://hooks.example/x' is not on this machine."),
        ("ftp://127.0.0.1/x", "a webhook's endpoint must be an http or https URL; got 'ftp://127.0.0.1/x'."),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_and_the_old_one_stays(
    hooked: Any, receiver: Receiver, url: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        hooked.sandbox.set_webhook(url)

    opened(hooked, "anna")

    assert len(receiver.wait(1)) == 1


def test_the_control_api_points_a_sandbox_of_another_process_at_an_endpoint(
    connector: Any, receiver: Receiver
) -> None:
    headers = {"X-Sandbox-Token": connector.sandbox.control_token}

    def tell(body: Any) -> Any:
        return connector.http.post(f"{connector.sandbox.control}/webhooks", json=body, headers=headers)

    assert tell({"url": receiver.url}).json() == {"done": True}
    opened(connector, "anna")
    assert len(receiver.wait(1)) == 1
    assert tell({"url": None}).json() == {"done": True}
    assert tell({"url": 7}).status_code == tell({}).status_code == 400
    assert tell({"url": "http://10.0.0.1/"}).status_code == 400
