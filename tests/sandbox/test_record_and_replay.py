"""Exchanges recorded as HAR on one machine, and answered from on another."""

import json
import stat

import httpx
import pytest

import lpnb
from lpnb.sandbox import Sandbox
from lpnb.sandbox.app.replay import Recording, ReplayError

CANARY = "canary-secret-71f3"
SDES = [
    lpnb.PersonalInfo(firstname="Ottoline", lastname="Quux", contacts=[{"email": "ottoline@example.com"}]),
    lpnb.CustomerInfo(ctype="vip", customer_id="CUST-4711"),
]


def settings_of(sandbox, **more):
    return lpnb.Settings.of(sandbox.environment() | more)


def recorded(path):
    return json.loads(path.read_text("utf-8"))["log"]["entries"]


def run(client, **options):
    """Open a conversation, say something, look it up, and close it; return what came."""
    reply = client.create_conversation("consumer-anna", sdes=SDES, **options)
    conversation = client.conversation(reply.conversation_id, "consumer-anna")
    return reply, conversation.say("My card number is gone")


@pytest.fixture
def recording(tmp_path):
    """A HAR of one conversation with a first message, on a sandbox whose secret is a canary."""
    path = tmp_path / "run.har"
    with (
        Sandbox(client_secret=CANARY, seed=4) as sandbox,
        lpnb.Client(settings_of(sandbox), record=path) as client,
    ):
        run(client)
    return path


def test_the_file_is_har_for_its_owner_alone_and_whole_at_any_time(tmp_path):
    path = tmp_path / "run.har"
    with Sandbox() as sandbox, lpnb.Client(settings_of(sandbox), record=path) as client:
        assert recorded(path) == []
        client.create_conversation("anna")
        during = recorded(path)

    assert [entry["response"]["status"] for entry in during] == [200, 200, 201, 200]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    log = json.loads(path.read_text("utf-8"))["log"]
    assert (log["version"], log["creator"]["name"]) == ("1.2", "lpnb")
    for entry in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= set(entry)
        assert {"method", "url", "httpVersion", "headers", "queryString", "cookies"} <= set(entry["request"])


def test_no_secret_no_token_and_nothing_personal_is_in_it(recording):
    text = recording.read_text("utf-8")

    for canary in (
        CANARY,
        "eyJ",
        "Ottoline",
        "Quux",
        "ottoline@example.com",
        "CUST-4711",
        "consumer-anna",
        "card number",
    ):
        assert canary not in text
    assert '"ctype\\":\\"vip' in text


def test_personal_values_stay_where_that_is_asked_for_and_secrets_never(tmp_path):
    path = tmp_path / "run.har"
    with (
        Sandbox(client_secret=CANARY) as sandbox,
        lpnb.Client(settings_of(sandbox), record=path, record_personal=True) as client,
    ):
        run(client)

    text = path.read_text("utf-8")
    assert "Ottoline" in text
    assert "consumer-anna" in text
    assert CANARY not in text
    assert "eyJ" not in text


def test_an_exchange_that_failed_is_in_it_with_its_reason(tmp_path):
    path = tmp_path / "run.har"
    with Sandbox() as sandbox, lpnb.Client(settings_of(sandbox), record=path, wait_scale=0) as client:
        sandbox.fail("conversation", "drop_after")
        assert client.create_conversation("anna").outcome == "unknown"

    response = recorded(path)[-1]["response"]
    assert response["status"] == 0
    assert response["_error"]


def test_a_file_that_cannot_be_written_loses_no_answer(tmp_path, caplog):
    path = tmp_path / "run.har"
    with Sandbox() as sandbox, lpnb.Client(settings_of(sandbox), record=path) as client:
        client.engine.transport._file.close()
        client.engine.transport._file = open("/dev/full", "wb", buffering=0)  # noqa: SIM115

        assert client.create_conversation("anna").outcome == "answered"

    assert "could not be written" in caplog.text


def test_a_run_is_replayed_without_the_machine_it_was_recorded_on(recording):
    first = json.loads(recorded(recording)[3]["response"]["content"]["text"])
    with (
        Sandbox(replay=recording, account_id="87654321") as sandbox,
        lpnb.Client(settings_of(sandbox)) as client,
    ):
        reply, said = run(client)
        sources = {record.route: record.source for record in sandbox.requests}

    assert reply.conversation_id == first[1]["body"]["conversationId"]
    assert (reply.outcome, said.outcome, said.sequence) == ("answered", "answered", 0)
    assert sources == {
        "domain": "played",
        "sentinel": "played",
        "idp": "played",
        "conversation": "recorded",
        "send": "recorded",
    }
    assert sandbox.conversations == []


def test_what_was_not_recorded_is_played_and_marked(recording):
    with Sandbox(replay=recording) as sandbox, lpnb.Client(settings_of(sandbox)) as client:
        other = client.create_conversation("consumer-berta", skill_id="2741903011")
        page = httpx.get(
            f"{sandbox.base}/api/account/12345678/service/idp/baseURI.json?version=1.0", trust_env=False
        )

    assert [item.conversation_id for item in sandbox.conversations] == [other.conversation_id]
    assert page.headers["x-sandbox-replay"] == "played"


def test_an_exchange_answers_once_until_the_reset(recording):
    with Sandbox(replay=recording) as sandbox:
        ids = []
        for number in range(3):
            with lpnb.Client(settings_of(sandbox)) as client:
                reply = client.create_conversation(f"consumer-{number}", sdes=SDES)
            ids.append(reply.conversation_id)
            if number == 1:
                sandbox.reset()

    assert ids[0] == ids[2] != ids[1]


def test_a_colleagues_refusal_becomes_a_test(tmp_path):
    path = tmp_path / "refused.har"
    body = [{"code": "BAD_REQUEST", "body": {"msg": "Something that no page documents"}, "reqId": "2"}]
    with Sandbox() as sandbox, lpnb.Client(settings_of(sandbox), record=path) as client:
        sandbox.fail("conversation", "status", code=400, body=body)
        first = client.create_conversation("anna", req_ids=("1", "2"))
    with Sandbox(replay=path) as sandbox, lpnb.Client(settings_of(sandbox)) as client:
        second = client.create_conversation("berta", req_ids=("7", "8"))

    assert (first.outcome, first.http_status) == (second.outcome, second.http_status) == ("refused", 400)
    assert b'"reqId":"8"' in second.raw


def test_a_recorded_cut_is_a_cut_again(tmp_path):
    path = tmp_path / "cut.har"
    with Sandbox() as sandbox, lpnb.Client(settings_of(sandbox), record=path, wait_scale=0) as client:
        sandbox.fail("conversation", "drop_after")
        client.create_conversation("anna")
    with Sandbox(replay=path) as sandbox, lpnb.Client(settings_of(sandbox), wait_scale=0) as client:
        assert client.create_conversation("anna").outcome == "unknown"
        assert sandbox.conversations == []


def test_a_refused_secret_is_replayed_and_a_token_never(tmp_path):
    path = tmp_path / "refused.har"
    with (
        Sandbox() as sandbox,
        lpnb.Client(settings_of(sandbox, LP_CLIENT_SECRET="wrong"), record=path, wait_scale=0) as client,
        pytest.raises(lpnb.NotSentError),
    ):
        client.create_conversation("anna")
    with (
        Sandbox(replay=path) as sandbox,
        lpnb.Client(settings_of(sandbox), wait_scale=0) as client,
        pytest.raises(lpnb.NotSentError, match="client_secret"),
    ):
        client.create_conversation("anna")


def entry(**changes):
    request = {
        "method": "POST",
        "url": "https://va.msg.liveperson.net/api/account/le1/messaging/consumer/conversation?v=3",
        "headers": [],
        "postData": {"mimeType": "application/json", "text": "[]"},
    }
    response = {"status": 418, "headers": [], "content": {"mimeType": "text/plain", "text": "teapot"}}
    return {"request": request, "response": response} | changes


def har(tmp_path, *entries):
    path = tmp_path / "other.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": list(entries)}}), "utf-8")
    return path


def test_another_tools_har_is_read_and_what_is_none_of_ours_passed_over(tmp_path):
    other = entry(request={"method": "GET", "url": "https://example.com/x", "headers": []})

    recording = Recording(har(tmp_path, other, {"odd": 1}, entry()))

    assert [(item.route.route, item.account_id, item.status) for item in recording.exchanges] == [
        ("conversation", "le1", 418)
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is no HAR file"),
        ("[]", "is no HAR file"),
        ('{"log": {"entries": 5}}', "log.entries is no array"),
        ('{"log": {"entries": [{"request": {}}]}}', "holds no request to a service that the sandbox has"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_by_its_name(tmp_path, content, sentence):
    path = tmp_path / "bad.har"
    path.write_text(content, "utf-8")

    with pytest.raises(ReplayError, match=sentence) as caught:
        Sandbox(replay=path)

    assert str(path) in str(caught.value)


def test_refusals_of_odd_requests_answer_no_ordinary_one(tmp_path):
    path = tmp_path / "run.har"
    with Sandbox() as sandbox, lpnb.Client(lpnb.Settings.of(sandbox.environment()), record=path) as client:
        lpnb.calibrate(client, quiet=True, wait=0)  # it asks without a version and as text/plain, too

    with Sandbox(replay=path) as again, lpnb.Client(lpnb.Settings.of(again.environment())) as client:
        reply = client.create_conversation("consumer-1")

    assert reply.outcome == "answered"
