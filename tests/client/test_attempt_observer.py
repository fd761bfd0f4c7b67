"""Whoever witnesses a send is told before anything leaves, and of everything that came back."""

from __future__ import annotations

import asyncio

import pytest

from lpnb import Client, ConversationBatch, JournalError
from lpnb._internal import event_loop
from lpnb.models.outgoing import EncodedBatch
from lpnb.transport.protocol import Exchange


class Notes:
    """Writes down what it is told, and what the service had been asked by then."""

    def __init__(self, sandbox, refuse_at=0):
        self.sandbox = sandbox
        self.refuse_at = refuse_at
        self.told = []

    async def before_send(self, outgoing: EncodedBatch) -> None:
        await asyncio.sleep(0)
        self.told.append(("leaving", outgoing.requests[1][0], self.sandbox.calls["conversation"]))
        if len(self.told) == self.refuse_at:
            raise JournalError("the disk is full")

    def after_exchange(self, exchange: Exchange) -> None:
        self.told.append(("came", exchange.status, exchange.failure))


def send(client, witness):
    return event_loop.wait(client.engine.send(ConversationBatch(), "anna", observer=witness))


def test_a_witness_is_told_before_the_request_leaves_and_when_the_reply_is_there(client, sandbox):
    notes = Notes(sandbox)

    reply = send(client, notes)

    assert notes.told == [("leaving", reply.pairs[1].req_id, 0), ("came", 200, None)]


def test_a_witness_is_told_of_every_attempt_with_request_ids_of_its_own(client, sandbox):
    notes = Notes(sandbox)
    sandbox.fail("conversation", "status", 2, code=429)

    reply = send(client, notes)

    assert [what[0] for what in notes.told] == ["leaving", "came"] * 3
    assert [what[1] for what in notes.told[1::2]] == [429, 429, 200]
    assert len({what[1] for what in notes.told[::2]}) == 3
    assert reply.attempts == 3


def test_a_witness_that_refuses_keeps_the_request_here(client, sandbox):
    with pytest.raises(JournalError, match=r"^the disk is full$"):
        send(client, Notes(sandbox, refuse_at=1))

    assert sandbox.calls["conversation"] == 0
    assert client.unknown == ()


def test_what_a_witness_sees_of_a_reply_holds_no_token(cloud, reply):
    seen = []

    class Keeps:
        async def before_send(self, outgoing):
            pass

        def after_exchange(self, exchange):
            seen.append(exchange.content)

    def echo(asked):
        return reply(502, f"gateway got {asked.header('Authorization')} and {asked.header('X-LP-ON-BEHALF')}")

    cloud.says["conversation"] = echo
    with Client(cloud.settings(), wait_scale=0.0) as client:
        send(client, Keeps())

    assert seen == [b"gateway got ******** and ********"]
