"""Every part of a batch survives being written as Python."""

from __future__ import annotations

from typing import Any

import pytest

import lpnb
from lpnb import ConversationBatch, CustomerInfo, PersonalInfo, RawBatch, SetUserProfile
from lpnb.models.conversation_request import ConsumerRequestConversation
from lpnb.models.sdes import Auth, Contact
from lpnb.snippets import as_python
from lpnb.snippets.write_python import literal


class Recorder:
    """A client that sends nothing and keeps what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, str]] = []

    def create_conversation(self, consumer_id: str, sdes: Any = (), **request: Any) -> str:
        return self.send_batch(ConversationBatch.build(sdes, **request), consumer_id)

    def send_batch(self, batch: Any, consumer_id: str) -> str:
        self.asked.append((batch, consumer_id))
        return "sent"


DAY = {"day": 1, "month": 2, "year": 2003}
BATCHES: dict[str, ConversationBatch] = {
    "nothing": ConversationBatch(),
    "every nested object": ConversationBatch.build(
        [
            CustomerInfo(ctype="vip", registration_date=DAY, auth=Auth(amr=["pwd"])),
            PersonalInfo(contacts=[Contact(email="a@b.c"), Contact(phone="1")], age={"year": 1980}),
        ],
        conversation_context={
            "visitorId": "v",
            "features": ["RICH_CONTENT"],
            "clientProperties": {"os": "IOS"},
        },
    ),
    "what is left out on purpose": ConversationBatch.build(
        channel_type=None, brand_id="87654321", req_ids=["1,", "2,"]
    ),
    "what is not documented": ConversationBatch(
        SetUserProfile([PersonalInfo(extra={"x": [1.5, None, {"y": True}]})], extra={"role": "it's"}),
        ConsumerRequestConversation(extra={"new": {"deep": ["\u202e", "\\"]}}, metadata=[{"a": 1}]),
    ),
    "a third frame": ConversationBatch(
        req_ids=("a", "b", "c"),
        more=[{"kind": "req", "id": "c", "type": "ms.PublishEvent", "body": {"event": {}}}],
    ),
    "client properties": ConversationBatch.build(
        client_properties={"type": "x", "features": ["PHOTO_SHARING"]}
    ),
}


@pytest.mark.parametrize("batch", BATCHES.values(), ids=list(BATCHES))
def test_the_code_makes_the_same_batch(batch: ConversationBatch, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setattr(lpnb, "connect", lambda: recorder)
    code = as_python(batch, "consumer \"1\" 'x'")

    exec(compile(code, "snippet", "exec"), {"print": lambda *words: None})

    ((made, consumer_id),) = recorder.asked
    assert made == batch
    assert consumer_id == "consumer \"1\" 'x'"
    assert max(map(len, code.splitlines())) <= 110


@pytest.mark.parametrize(
    "content", ['[{"id": 7}]', b"\xff\x00", [{"id": 1, "x": [None, True]}], {"not": "an array"}], ids=repr
)
def test_raw_content_is_written_as_it_was_given(content: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setattr(lpnb, "connect", lambda: recorder)
    batch = RawBatch(content, client_properties='{"os":"IOS"}')

    exec(compile(as_python(batch, "c"), "snippet", "exec"), {"print": lambda *words: None})

    assert recorder.asked[0][0] == batch


@pytest.mark.parametrize(
    "value",
    [
        *("", "'", '"', "'\"", "\\", "\n", "'''", "a" * 200, b"", b"'\"", 0, -1.5, True, None),
        *([], {}, [[], {}], {"a": {"b": ["c" * 120]}}),
    ],
    ids=repr,
)
def test_a_literal_is_read_back_as_the_same(value: Any) -> None:
    assert eval(literal(value)) == value
