"""Section 9 of the reference: signatures in four forms, and changes that name their dialog alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lpnb import Receiver, Settings
from lpnb._internal.redaction import Secret
from lpnb.webhooks.signature import verify_signature

SECRET = "my-secret"
BODY = b'{"kind":"notification","body":{"changes":[]},"type":"ms.MessagingEventNotification"}'


def signature(body: bytes, algorithm: str, encoding: str) -> str:
    digest = hmac.new(SECRET.encode(), body, getattr(hashlib, algorithm)).digest()
    return f"{algorithm}={digest.hex() if encoding == 'hex' else base64.b64encode(digest).decode()}"


def of_dialog(wire: Any, dialog_id: str, sequence: int, text: str = "hello") -> dict[str, Any]:
    change = wire.message("ignored", sequence, text, dialogId=dialog_id)
    del change["conversationId"]
    return change


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("encoding", ["base64", "hex", "HEX"])
def test_every_form_of_a_signature_is_taken(wire: Any, poster: Any, algorithm: str, encoding: str) -> None:
    body = wire.notification(wire.message("c-1", 0))
    header = signature(body, algorithm, encoding.lower())
    if encoding == "HEX":
        name, _, digits = header.partition("=")
        header = f"{name}={digits.upper()}"

    assert poster.post(body, signature=header) == 200


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
@pytest.mark.parametrize("encoding", ["base64", "hex"])
def test_a_signature_of_other_bytes_is_not(wire: Any, poster: Any, algorithm: str, encoding: str) -> None:
    body = wire.notification(wire.message("c-1", 0))

    assert poster.post(body, signature=signature(body + b" ", algorithm, encoding)) == 401


@pytest.mark.parametrize(
    ("header", "genuine"),
    [
        ("sha1=gnCKNCfYmYQ4gJhJfzuzpy8fedg=", True),
        ("sha256=P0s82LPKCIO8KhrXWsrSDKpAuMZFmOqhcQlSZ9Peptg=", True),
        ("sha1=82708a3427d8998438809849" + "7f3bb3a72f1f79d8", True),
        ("sha1=GNCKNCfYmYQ4gJhJfzuzpy8fedg=", False),
        ("sha256=gnCKNCfYmYQ4gJhJfzuzpy8fedg=", False),
        ("sha1=", False),
        ("sha1=é" + "0" * 39, False),
        ("", False),
    ],
)
def test_the_test_vector_of_the_reference(header: str, genuine: bool) -> None:
    assert verify_signature(BODY, header, Secret("sandbox-secret")) is genuine


def test_a_main_dialogs_id_is_the_conversations(wire: Any, poster: Any, receiver: Receiver) -> None:
    poster.tell(wire.state("c-1", "5", 1_700_000_000_000))
    poster.say(of_dialog(wire, "c-1", 0, "hello"))

    (event,) = [event for event in receiver.events("c-1") if event.is_message]
    assert (event.conversation_id, event.dialog_id, event.text) == ("c-1", "c-1", "hello")


def test_another_dialog_is_looked_up_in_the_state_that_was_received(
    wire: Any, poster: Any, receiver: Receiver
) -> None:
    dialogs = [{"dialogId": "c-1", "dialogType": "MAIN"}, {"dialogId": "s-1", "dialogType": "POST_SURVEY"}]
    poster.tell(wire.state("c-1", "5", 1_700_000_000_000, dialogs=dialogs))
    poster.say(of_dialog(wire, "s-1", 0, "How was it?"))

    assert [event.text for event in receiver.events("c-1") if event.is_message] == ["How was it?"]


def test_a_dialog_nobody_knows_is_kept_unassigned_until_its_conversation_tells_of_it(
    wire: Any, poster: Any, receiver: Receiver
) -> None:
    poster.say(of_dialog(wire, "s-1", 0, "How was it?"))
    assert [event.conversation_id for event in receiver.events()] == [""]
    assert receiver.table()["conversation_id"].isna().tolist() == [True]
    assert receiver.events("c-1") == []

    poster.tell(wire.state("c-1", "5", 1_700_000_000_000, dialogs=[{"dialogId": "s-1"}]))

    assert [event.conversation_id for event in receiver.events()] == ["c-1", "c-1"]
    assert len(receiver) == 2


def test_the_first_message_of_a_main_dialog_is_found_before_any_state_came(
    wire: Any, poster: Any, receiver: Receiver
) -> None:
    poster.say(of_dialog(wire, "c-1", 0, "Good morning"))

    assert receiver.wait_for_message("c-1", timeout=5).text == "Good morning"


def test_the_same_message_with_and_without_its_conversation_is_one(
    wire: Any, poster: Any, receiver: Receiver
) -> None:
    poster.say(of_dialog(wire, "d-1", 0))
    poster.say(wire.message("c-1", 0, dialogId="d-1"))
    poster.say(of_dialog(wire, "d-1", 0))

    assert [(event.conversation_id, event.sequence) for event in receiver.events()] == [("c-1", 0)]
    assert len(receiver) == 1


def test_dialogs_are_known_again_when_the_file_is_opened_again(wire: Any, tmp_path: Path) -> None:
    account = Settings("12345678", "my-installation", SECRET)
    with Receiver(account, keep=tmp_path / "received.sqlite") as first:
        poster = wire.poster(first)
        poster.tell(wire.state("c-1", "5", 1_700_000_000_000, dialogs=[{"dialogId": "s-1"}]))
        poster.say(of_dialog(wire, "x-1", 0))
        poster.http.close()
    with Receiver(account, keep=tmp_path / "received.sqlite") as second:
        poster = wire.poster(second)
        poster.say(of_dialog(wire, "s-1", 0, "How was it?"))
        poster.say(wire.message("c-9", 1, dialogId="x-1"))
        poster.http.close()

        assert [event.text for event in second.events("c-1") if event.is_message] == ["How was it?"]
        assert [event.sequence for event in second.events("c-9")] == [0, 1]


def test_what_has_no_time_of_its_own_has_that_of_its_sending(
    wire: Any, poster: Any, receiver: Receiver
) -> None:
    change = {"originatorId": "a", "event": {"type": "ChatStateEvent", "chatState": "COMPOSING"}}
    change |= {"conversationId": "c-1", "dialogId": "c-1"}
    body = {"kind": "notification", "type": "ms.MessagingEventNotification"}
    body |= {"body": {"sentTs": 1_700_000_000_500, "changes": [change]}}
    poster.post(json.dumps(body).encode())

    assert receiver.events()[0].at == datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=UTC)
