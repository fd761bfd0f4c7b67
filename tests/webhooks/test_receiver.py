"""The receiver: what it takes, what it refuses and counts, what it hands out, and in which order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pandas as pd
import pytest

from lpnb import Client, InvalidValueError, Receiver, ReceiverError, Settings
from lpnb.webhooks import Counts, endpoint, server

BODY = b'{"kind":"notification","body":{"changes":[]},"type":"ms.MessagingEventNotification"}'


def texts(receiver, conversation_id=None):
    return [event.text for event in receiver.events(conversation_id) if event.is_message]


def test_hundreds_of_events_doubled_shuffled_and_partly_forged_make_one_clean_table(receiver, wire, drills):
    rng = random.Random(4)
    each = 45 if drills else 15  # of twenty conversations
    many = 20 * each
    genuine = [
        (wire.notification(wire.message(f"conv-{number % 20}", number // 20, f"text {number}")), True)
        for number in range(many)
    ]
    forged = [
        (wire.notification(wire.message(f"conv-{n % 20}", each + n // 20, "forged")), False)
        for n in range(100)
    ]
    deliveries = 2 * (genuine + forged)
    rng.shuffle(deliveries)
    wrong = [wire.signed(body, "another-secret") for body, _ in deliveries]

    poster = wire.poster(receiver)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(
            pool.map(
                lambda given: poster.post(given[0][0], **({} if given[0][1] else {"signature": given[1]})),
                zip(deliveries, wrong, strict=True),
            )
        )
    poster.http.close()

    assert [status == 200 for status in statuses] == [fine for _, fine in deliveries]
    assert receiver.counts == Counts(taken=many, replays=many, bad_signature=200, events=many)
    table = receiver.table()
    assert len(table) == many
    for name, rows in table.groupby("conversation_id", sort=False):
        first = int(name.removeprefix("conv-"))
        assert rows["sequence"].tolist() == list(range(each))
        assert rows["text"].tolist() == [f"text {first + 20 * number}" for number in range(each)]


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_both_published_signatures_are_taken(wire, algorithm):
    vector = {
        "sha1": "sha1=gnCKNCfYmYQ4gJhJfzuzpy8fedg=",
        "sha256": "sha256=P0s82LPKCIO8KhrXWsrSDKpAuMZFmOqhcQlSZ9Peptg=",
    }[algorithm]
    with Receiver(Settings("12345678", "my-installation", "sandbox-secret")) as receiver:
        poster = wire.poster(receiver)

        assert poster.post(BODY, signature=vector) == 200
        assert poster.post(BODY + b" ", signature=vector) == 401
        poster.http.close()


def test_a_receiver_may_insist_on_sha256(account, wire):
    with Receiver(account, algorithms=["sha256"]) as receiver:
        poster = wire.poster(receiver)
        body = wire.notification(wire.message("c", 0))

        assert poster.post(body) == 401
        assert poster.post(body, signature=wire.signed(body, algorithm="sha256")) == 200
        poster.http.close()


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha1=",
        "md5=gnCKNCfYmYQ4gJhJfzuzpy8fedg=",
        "gnCKNCfYmYQ4gJhJfzuzpy8fedg=",
        "sha1=\xfc\xfc",
        "x" * 5000,
    ],
)
def test_a_signature_that_is_none_is_refused_before_the_body_is_read(poster, receiver, signature):
    assert poster.post(b"{this is not even JSON", signature=signature) == 401

    assert receiver.counts == Counts(bad_signature=1)


@pytest.mark.parametrize("header", ["account_id", "client_id"])
@pytest.mark.parametrize("value", ["87654321", "", None])
def test_another_account_or_installation_is_refused(poster, receiver, wire, header, value):
    assert poster.post(wire.notification(wire.message("c", 0)), **{header: value}) == 403

    assert receiver.counts == Counts(foreign_account=1)
    assert len(receiver) == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"a":NaN}', b'{"a":1,"a":2}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_json_object_is_refused_although_it_is_signed(poster, receiver, body):
    assert poster.post(body) == 400

    assert receiver.counts == Counts(not_json=1)


def test_a_giant_body_is_refused_whether_it_says_its_length_or_not(account, wire):
    with Receiver(account, largest_body=1000) as receiver:
        poster = wire.poster(receiver)
        fitting = b'{"a":"' + b"x" * 992 + b'"}'
        assert (len(fitting), poster.post(fitting)) == (1000, 200)
        assert poster.post(fitting + b" ") == 413

        def chunks():
            for _ in range(50):
                yield b"x" * 100

        assert poster.http.post(receiver.url, content=chunks()).status_code == 413
        poster.http.close()

        assert receiver.counts == Counts(taken=1, giant_body=2, events=1)


def test_a_body_that_was_promised_and_never_comes_does_not_hold_the_receiver_up(
    receiver, poster, wire, monkeypatch
):
    monkeypatch.setattr(endpoint, "BODY_SECONDS", 1.0)
    with socket.create_connection((receiver.host, receiver.port), timeout=10) as slow:
        slow.sendall(b"POST /webhooks HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{")

        assert poster.say(wire.message("c", 0)) == 200
        assert slow.recv(100).startswith(b"HTTP/1.1 408 ")

    assert receiver.counts == Counts(taken=1, cut_off=1, events=1)


def test_a_head_without_an_end_is_refused_before_it_weighs_much(receiver, poster, wire):
    sent = 0
    with socket.create_connection((receiver.host, receiver.port), timeout=10) as endless:
        endless.sendall(b"POST /webhooks HTTP/1.1\r\nHost: x\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(100_000):
                endless.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")
                sent += 1

    assert sent < 100_000
    assert poster.say(wire.message("c", 0)) == 200


def test_whoever_knocks_with_anything_but_http_prints_nothing_into_the_notebook():
    program = """
import socket
import subprocess
import sys
from lpnb import Receiver, Settings
with Receiver(Settings("12345678", "id", "secret")) as receiver:
    for knock in (b"\\x16\\x03\\x01" + bytes(200), b"GET\\r\\n\\r\\n"):
        with socket.create_connection(("127.0.0.1", receiver.port), 10) as line:
            line.sendall(knock)
            assert line.recv(100).startswith(b"HTTP/1.1 400")
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_whoever_connects_and_says_nothing_is_cut_off(account, monkeypatch):
    monkeypatch.setattr(server, "SILENT_SECONDS", 0.0)
    with (
        Receiver(account) as receiver,
        socket.create_connection((receiver.host, receiver.port), timeout=10) as silent,
        contextlib.suppress(ConnectionResetError),
    ):
        assert silent.recv(1) == b""


def test_a_disk_that_is_too_slow_is_answered_503_in_time_and_a_repeat_is_taken(
    receiver, poster, wire, monkeypatch
):
    body = wire.notification(wire.message("c", 0))
    held = threading.Event()
    receiver._running.store._writer.do(lambda connection: held.wait(30))
    monkeypatch.setattr(endpoint, "STORE_SECONDS", 0.05)
    assert poster.post(body) == 503
    monkeypatch.setattr(endpoint, "STORE_SECONDS", 30.0)
    held.set()

    assert poster.post(body) == 200
    assert texts(receiver) == ["hello"]
    assert receiver.counts.not_kept == 1


def test_other_paths_and_methods_are_refused(receiver, poster):
    elsewhere = f"http://{receiver.host}:{receiver.port}/"

    assert poster.http.post(elsewhere, content=BODY).status_code == 404
    assert poster.http.get(receiver.url).status_code == 405
    assert receiver.counts == Counts(not_webhook=2)


def test_a_replay_is_answered_200_and_tells_nothing_new(receiver, poster, wire):
    body = wire.notification(wire.message("c", 3, "as it was"))
    assert [poster.post(body) for _ in range(3)] == [200] * 3
    # The same number with other words is no second message: the first one stands.
    assert poster.say(wire.message("c", 3, "as it was not")) == 200

    assert texts(receiver) == ["as it was"]
    assert receiver.counts == Counts(taken=1, replays=3, events=1)


def test_sequences_of_another_dialog_are_other_messages(receiver, poster, wire):
    poster.say(wire.message("c", 0, "in the conversation"))
    poster.say(wire.message("c", 0, "in the survey", dialogId="survey", serverTimestamp=1_800_000_000_000))

    assert texts(receiver, "c") == ["in the conversation", "in the survey"]


def test_within_a_dialog_the_sequence_decides_and_between_them_the_time(receiver, poster, wire):
    poster.say(wire.message("c", 2, "third", serverTimestamp=1_700_000_001_000))
    poster.tell(wire.state("c", "7", 1_700_000_002_500))
    poster.say(wire.message("c", 0, "first", serverTimestamp=1_700_000_000_000))
    poster.say(wire.message("c", 1, "second", serverTimestamp=1_700_000_002_000))

    assert [event.text or event.skill_id for event in receiver.events("c")] == [
        "first",
        "second",
        "third",
        "7",
    ]


def test_several_changes_of_one_webhook_are_several_events(receiver, poster, wire):
    assert poster.say(wire.message("a", 0, "one"), wire.message("b", 0, "two")) == 200
    single = {"body": {"changes": wire.message("a", 1, "alone")}, "type": "ms.MessagingEventNotification"}
    assert poster.post(json.dumps(single).encode()) == 200

    assert texts(receiver, "a") == ["one", "alone"]
    assert texts(receiver, "b") == ["two"]
    assert receiver.counts == Counts(taken=2, events=3)


def test_kinds_fields_and_values_that_are_not_known_pass(receiver, poster, wire):
    poster.say(wire.message("c", 0, event={"type": "HologramEvent", "beam": 1}, messageAudience="MARTIANS"))
    poster.post(wire.notification({"conversationId": "c", "mood": "fine"}, kind="ms.MoodNotification"))
    poster.post(b'{"type":"x.Novelty","kind":"notification","body":{"news":true}}')
    poster.say(wire.message(7, 1, originatorMetadata=None, serverTimestamp="soon", dialogId=None))

    found = receiver.events()
    assert [event.kind for event in found] == ["HologramEvent", "MoodNotification", "Novelty", "ContentEvent"]
    assert found[0].audience == "MARTIANS"
    assert found[0].raw["event"] == {"type": "HologramEvent", "beam": 1}
    assert found[1].raw == {"conversationId": "c", "mood": "fine"}
    assert (found[3].conversation_id, found[3].sequence, found[3].at, found[3].role) == ("7", 1, None, None)


@pytest.mark.parametrize("sequence", [10**30, -1, 1.5, True, "1", None, [1]])
def test_odd_sequences_harm_nothing(receiver, poster, wire, sequence):
    body = wire.notification(wire.message("c", 0, "odd") | {"sequence": sequence, "serverTimestamp": 10**40})

    assert [poster.post(body), poster.post(body)] == [200, 200]

    assert texts(receiver, "c") == ["odd"]
    assert len(receiver.table()) == 1


def test_half_a_character_becomes_a_sign_that_can_be_kept(receiver, poster, wire):
    body = wire.notification(wire.message("c", 0, "x")).replace(b'"x"', b'"half \\ud800 and \\u0000"')

    assert poster.post(body) == 200

    assert texts(receiver) == ["half \ufffd and \x00"]
    assert receiver.table()["text"].tolist() == ["half \ufffd and \x00"]


def test_of_chat_states_the_latest_is_kept(receiver, poster, wire):
    def typing(word):
        change = wire.message("c", 0, event={"type": "ChatStateEvent", "chatState": word})
        del change["sequence"], change["serverTimestamp"]
        return change

    for word in ("COMPOSING", "PAUSE", "COMPOSING", "PAUSE"):
        assert poster.say(typing(word)) == 200

    (event,) = receiver.events("c")
    assert (event.kind, event.at, event.raw["event"]["chatState"]) == ("ChatStateEvent", None, "PAUSE")


def test_a_reply_where_an_id_belongs_is_answered_with_what_to_give(receiver):
    reply = SimpleNamespace(conversation_id="c")
    for look in (
        receiver.table, receiver.events, receiver.landing, receiver.wait_for_message, receiver.news,
    ):  # fmt: skip
        with pytest.raises(InvalidValueError) as caught:
            look(reply)
        assert str(caught.value) == (
            "conversation_id must be text, such as reply.conversation_id or conversation.id; "
            "got a SimpleNamespace."
        )


def test_the_table_has_the_same_columns_with_and_without_rows(receiver, poster, wire):
    empty = receiver.table()
    poster.say(wire.message("c", 4, "hello"))
    poster.tell(wire.state("c", "2741903011", 1_700_000_000_123))
    full = receiver.table("c")

    assert empty.dtypes.equals(full.dtypes)
    assert {name: str(dtype) for name, dtype in full.dtypes.items()} == {
        "received_at": "datetime64[us, UTC]",
        "at": "datetime64[us, UTC]",
        "conversation_id": "str",
        "kind": "str",
        "sequence": "Int64",
        "role": "str",
        "text": "str",
        "audience": "str",
        "skill_id": "str",
        "state": "str",
        "stage": "str",
        "originator_id": "str",
        "dialog_id": "str",
    }
    assert full["at"].tolist() == [
        pd.Timestamp("2023-11-14 22:13:20.123", tz="UTC"),
        pd.Timestamp("2023-11-14 22:13:24", tz="UTC"),
    ]
    assert full["skill_id"].tolist()[0] == "2741903011"


def test_messages_are_handed_out_once_in_order_without_own_ones_and_notes(receiver, poster, wire):
    own = {"originatorMetadata": {"id": "me", "role": "CONSUMER"}}
    poster.say(wire.message("c", 1, "mine", **own))
    poster.say(wire.message("c", 3, "second"))
    poster.say(wire.message("c", 2, "first"))
    poster.say(wire.message("c", 4, "a note", messageAudience="AGENTS_AND_MANAGERS"))
    poster.say(wire.message("other", 0, "elsewhere"))

    assert [receiver.wait_for_message("c").text for _ in range(2)] == ["first", "second"]
    with pytest.raises(TimeoutError) as caught:
        receiver.wait_for_message("c", timeout=0)
    assert str(caught.value) == "No message came in c within 0 s."
    assert receiver.wait_for_message("c", notes=True).text == "a note"
    assert receiver.wait_for_message("c", own=True).text == "mine"
    assert receiver.wait_for_message("other").text == "elsewhere"


def test_whoever_waits_is_woken_by_the_message_and_not_by_others(receiver, poster, wire):
    async def wait_and_post():
        waiting = asyncio.create_task(receiver.next_message("c", 10))
        await asyncio.to_thread(poster.say, wire.message("other", 0, "not for me"))
        await asyncio.to_thread(poster.say, wire.message("c", 0, "for me"))
        return (await waiting).text

    assert asyncio.run(wait_and_post()) == "for me"
    assert receiver._running._waiting == {}


def test_of_many_who_wait_each_gets_another_message(receiver, poster, wire):
    async def wait_and_post():
        waiting = [asyncio.create_task(receiver.next_message("c", 10)) for _ in range(20)]
        for number in range(20):
            await asyncio.to_thread(poster.say, wire.message("c", number, str(number)))
        return [event.text for event in await asyncio.gather(*waiting)]

    assert sorted(asyncio.run(wait_and_post()), key=int) == [str(number) for number in range(20)]


def test_a_message_that_nobody_took_is_handed_out_again(receiver, poster, wire):
    poster.say(wire.message("c", 0, "still there"))

    async def give_up():
        for pause in [0, 0.0001, 0.001] * 20:
            waiting = asyncio.create_task(receiver.next_message("c", 10))
            await asyncio.sleep(pause)
            if waiting.cancel():
                with pytest.raises(asyncio.CancelledError):
                    await waiting
            else:
                return await waiting
        return await receiver.next_message("c", 10)

    assert asyncio.run(give_up()).text == "still there"


def test_whoever_looked_while_a_message_was_in_nobody_s_hands_is_woken_when_it_comes_back(
    receiver, poster, wire
):
    poster.say(wire.message("c", 0, "back again"))
    store = receiver._running.store
    taken = store.claim("c", lambda events: events[0]).result(10)

    async def wait_and_give_back():
        waiting = asyncio.create_task(receiver.next_message("c", 10))
        assert await asyncio.wrap_future(store.claim("c", lambda events: None)) is None
        store.give_back(taken)
        return (await waiting).text

    assert asyncio.run(wait_and_give_back()) == "back again"


def test_landing_is_the_latest_state_and_the_moves_before_it(receiver, poster, wire):
    assert receiver.landing("c") is None
    poster.tell(wire.state("c", "3", 3000))
    poster.tell(wire.state("c", "1", 1000))
    poster.tell(wire.state("c", "1", 1500))
    poster.tell(wire.state("c", "2", 2000))

    landing = receiver.landing("c")

    assert (landing.skill_id, landing.skill_name, landing.source, landing.outcome) == (
        "3",
        None,
        "webhook",
        "landed",
    )
    assert [(move.source_skill_id, move.target_skill_id) for move in landing.transfers] == [
        ("1", "2"),
        ("2", "3"),
    ]
    assert landing.as_of.timestamp() == 3
    poster.tell(wire.state("none", "-1", 1000))
    assert receiver.landing("none").outcome == "unassigned"
    poster.tell(wire.state("handler", None, 1, conversationHandlerDetails={"skillId": 9}))
    assert receiver.landing("handler").skill_id == "9"


def test_two_states_of_one_millisecond_are_both_kept(receiver, poster, wire):
    poster.tell(wire.state("c", "1", 1000))
    poster.tell(wire.state("c", "1", 1000, stage="CLOSE"))
    poster.tell(wire.state("c", "1", 1000))

    assert [event.stage for event in receiver.events("c")] == ["OPEN", "CLOSE"]
    assert receiver.counts.replays == 1


def test_a_stopped_receiver_says_so_and_can_be_started_again(account, wire):
    receiver = Receiver(account)
    with pytest.raises(ReceiverError) as caught:
        _ = receiver.url
    assert str(caught.value) == "The receiver is not running. Call start(), or use it in a with statement."
    for _ in range(2):
        with receiver:
            assert receiver.start() is receiver
            poster = wire.poster(receiver)
            assert poster.say(wire.message("c", 0)) == 200
            poster.http.close()
            folder = receiver.file.parent
        assert not folder.exists()
    receiver.stop()
    assert repr(receiver) == "<Receiver for account 12345678, not running>"


@pytest.mark.parametrize("timeout", [None, "30", -1, True, float("nan"), float("inf")])
def test_a_timeout_that_is_none_is_refused(receiver, timeout):
    with pytest.raises(ValueError, match=r"^timeout must be from 0 to 86,400 seconds; got "):
        receiver.wait_for_message("c", timeout)


def test_whoever_waits_is_told_when_the_receiver_stops(account):
    async def stop_meanwhile():
        async with Receiver(account) as receiver:
            waiting = asyncio.create_task(receiver.next_message("c", 10))
            for _ in range(10_000):
                if receiver._running._waiting:
                    break
                await asyncio.sleep(0.001)
        with pytest.raises(ReceiverError) as caught:
            await waiting
        return str(caught.value)

    assert asyncio.run(stop_meanwhile()) == "The receiver is stopped."


def test_a_forgotten_receiver_lets_go_of_its_port(account):
    receiver = Receiver(account).start()
    port = receiver.port
    del receiver
    gc.collect()

    with Receiver(account, port=port) as again:
        assert again.port == port


def test_a_taken_port_is_said(receiver, account):
    with pytest.raises(ReceiverError) as caught:
        Receiver(account, port=receiver.port).start()

    assert str(caught.value) == (
        f"Port {receiver.port} on 127.0.0.1 is taken. Name another, or 0 for a free one."
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"algorithms": "sha1"}, "algorithms must name some of ('sha1', 'sha256'); got 'sha1'"),
        ({"algorithms": ["md5"]}, "algorithms must name some of ('sha1', 'sha256'); got ['md5']"),
        ({"path": "hook"}, "path must begin with a slash and be plain, such as '/webhooks'; got 'hook'"),
        ({"path": "/a?b"}, "path must begin with a slash and be plain, such as '/webhooks'; got '/a?b'"),
        ({"path": None}, "path must begin with a slash and be plain, such as '/webhooks'; got None"),
        ({"algorithms": 0}, "algorithms must name some of ('sha1', 'sha256'); got 0"),
        ({"algorithms": [[]]}, "algorithms must name some of ('sha1', 'sha256'); got [[]]"),
        ({"host": ""}, "host must be an address, such as '127.0.0.1'; got ''"),
        ({"host": None}, "host must be an address, such as '127.0.0.1'; got None"),
        ({"port": True}, "port must be a whole number from 0 to 65535; got True"),
        ({"port": 65_536}, "port must be a whole number from 0 to 65535; got 65536"),
        ({"keep": ""}, "keep must be the path of a file; got ''"),
        ({"keep": 7}, "keep must be the path of a file; got 7"),
        ({"most": 0}, "most must be a whole number above 0; got 0"),
        ({"largest_body": True}, "largest_body must be a whole number above 0; got True"),
    ],
)
def test_options_that_cannot_be_are_refused(account, options, complaint):
    with pytest.raises(ValueError, match="must") as caught:
        Receiver(account, **options)

    assert str(caught.value) == complaint


def test_an_account_is_settings_or_a_client(account):
    with Client(account) as client:
        assert Receiver(client).settings is account
    with pytest.raises(TypeError) as caught:
        Receiver("my-secret")
    assert str(caught.value) == "account must be Settings or a client; got str"


def test_what_it_shows_holds_no_secret_and_no_markup(receiver, poster, wire):
    poster.say(wire.message("<script>", 0, "<img>"))
    poster.post(BODY, signature="sha1=x")

    shown = receiver._repr_html_() + repr(receiver) + repr(receiver.counts)

    assert "my-secret" not in shown
    assert "<script>" not in shown
    assert ">bad signature<" in shown
