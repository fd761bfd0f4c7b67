"""A proxy that refuses, waits or cuts: what each kind of call says became of it, and that it is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from loopback_proxy import Cut, LoopbackProxy

from lpnb import Client, LpnbError, Receiver, Sandbox, Settings, run_experiment
from lpnb.errors import MonitoringError, ServiceError

MESSAGING, MONITORING, HISTORY = "va.msg.liveperson.net", "va.v.liveperson.net", "va.msghist.liveperson.net"
#: Until the tunnel stands, nothing was sent; behind it nobody knows, and it was done where the reply is cut.
CUTS: list[Any] = [
    ("connect", "not sent", 0),
    ("tunnel", "not sent", 0),
    ("request", "unknown", 0),
    ("reply", "unknown", 1),
]
WITH_PASSWORD = ("user", "p@ss word:/")
#: The tests of conversations in test_network.py go by a proxy that asks for nothing.
pytestmark = pytest.mark.parametrize("proxy", [WITH_PASSWORD], indirect=True, ids=["asks"])


@pytest.fixture
def client(real_account: Settings) -> Any:
    """A client of the real account, with its hosts and tokens, that has no tunnel to messaging yet."""
    with Client(real_account, wait_scale=0.0, deadline=10.0) as made:
        made.history_consumer("anna")
        yield made


@pytest.mark.parametrize(("cut", "outcome", "done"), CUTS)
def test_a_message(
    client: Client,
    proxy: LoopbackProxy,
    tls_sandbox: Sandbox,
    real_account: Settings,
    cut: Cut,
    outcome: str,
    done: int,
) -> None:
    with Client(real_account, wait_scale=0.0) as other:
        opened = other.create_conversation("anna").conversation_id
    assert opened
    proxy.cuts[MESSAGING] = cut

    said = client.conversation(opened, "anna").say("Good morning")

    assert (said.outcome, said.attempts) == (outcome, 6 if outcome == "not sent" else 1)
    assert tls_sandbox.calls["send"] == done
    proxy.cuts.clear()
    assert client.conversation(opened, "anna").say("Good evening").sequence == done


@pytest.mark.parametrize(("cut", "outcome", "done"), CUTS)
def test_a_run(
    client: Client,
    proxy: LoopbackProxy,
    tls_sandbox: Sandbox,
    tmp_path: Path,
    cut: Cut,
    outcome: str,
    done: int,
) -> None:
    proxy.cuts[MESSAGING] = cut
    rows = [{"case": name, "skillId": "2741903011"} for name in ("a", "b")]

    run = run_experiment(
        client, rows, journal=tmp_path / "run.sqlite", progress=False, live=True, confirm=2
    ).wait()

    assert list(run.table()["outcome"]) == [outcome, outcome]
    assert len(tls_sandbox.conversations) == 2 * done
    proxy.cuts.clear()
    run.resume(client, live=True, confirm=2 if outcome == "not sent" else 0)
    again = {"not sent": "answered", "unknown": "unknown"}[outcome]  # what may have been done is not repeated
    assert list(run.wait().table()["outcome"]) == [again, again]
    assert len(tls_sandbox.conversations) == (2 if again == "answered" else 2 * done)


@pytest.mark.parametrize(("cut", "outcome", "done"), CUTS[1::2])
def test_an_engagement_is_asked_for_again_and_then_given_up(
    client: Client, proxy: LoopbackProxy, tls_sandbox: Sandbox, cut: Cut, outcome: str, done: int
) -> None:
    proxy.cuts[MONITORING] = cut

    with pytest.raises(MonitoringError) as caught:
        client.engagement("anna", entry_points=["sec://payments"])

    begins = "could not be reached: " if outcome == "not sent" else "gave no usable answer: "
    assert str(caught.value).startswith(f"Monitoring {begins}")
    assert str(caught.value).endswith(", tried 5 times.")
    assert tls_sandbox.calls["engagement"] == 5 * done
    proxy.cuts.clear()
    assert client.engagement("anna", entry_points=["sec://payments"]).outcome == "offered"


@pytest.mark.parametrize(("cut", "outcome", "done"), CUTS[1::2])
def test_a_report_that_may_have_been_taken_is_not_made_twice(
    client: Client, proxy: LoopbackProxy, tls_sandbox: Sandbox, cut: Cut, outcome: str, done: int
) -> None:
    proxy.cuts[MONITORING] = cut

    with pytest.raises(MonitoringError) as caught:
        client.report("anna", [{"type": "searchInfo", "keywords": ["x"]}])

    assert ("Whether the report was accepted is not known." in str(caught.value)) == (outcome == "unknown")
    assert tls_sandbox.calls["report"] == done


@pytest.mark.parametrize(("cut", "outcome", "done"), CUTS[1::2])
def test_history(real_account: Settings, proxy: LoopbackProxy, cut: Cut, outcome: str, done: int) -> None:
    proxy.cuts[HISTORY] = cut

    with Client(real_account, wait_scale=0.0) as asking:
        with pytest.raises(ServiceError) as caught:
            asking.history_consumer("anna")
        proxy.cuts.clear()
        assert asking.history_consumer("anna") == ()
    words = "broke off before anything was sent" if outcome == "not sent" else "the connection was c"
    assert str(caught.value).startswith("Messaging Interactions could not be reached: ")
    assert words in str(caught.value)


@pytest.mark.parametrize(("cut", "outcome", "done"), CUTS)
def test_a_webhook_comes_of_what_was_done_and_of_nothing_else(
    client: Client,
    proxy: LoopbackProxy,
    tls_sandbox: Sandbox,
    real_account: Settings,
    cut: Cut,
    outcome: str,
    done: int,
) -> None:
    proxy.cuts[MESSAGING] = cut
    with Receiver(real_account) as receiver:
        tls_sandbox.set_webhook(receiver.url)

        reply = client.create_conversation("anna")

        assert tls_sandbox.webhooks_settled()
        assert (reply.outcome, len({event.conversation_id for event in receiver.events()})) == (outcome, done)
    found = client.find_open_conversation("anna")
    assert (found is not None) == bool(done)


CALLS: Any = {
    "a conversation": (lambda client: client.create_conversation("anna"), None),
    "a message": (lambda client: client.conversation("c-1", "anna").say("Hello"), None),
    "an engagement": (lambda client: client.engagement("anna", entry_points=["sec://x"]), MonitoringError),
    "a report": (
        lambda client: client.report("anna", [{"type": "searchInfo", "keywords": ["x"]}]),
        MonitoringError,
    ),
    "history": (lambda client: client.history_consumer("anna"), ServiceError),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "words"),
    [(407, "asks for a user and a password (HTTP 407)"), (403, "refused the way to"), (0, "within 0.3 s")],
)
def test_a_proxy_that_refuses_or_waits_sends_nothing(
    real_account: Settings, proxy: LoopbackProxy, tls_sandbox: Sandbox, call: str, status: int, words: str
) -> None:
    ask, error = CALLS[call]
    with Client(real_account, wait_scale=0.0, deadline=10.0) as client:
        # Hosts and tokens are there; the way to the service itself is still to be made.
        client._wait(client.engine.ready("anna"))
        client.engine.transport.deadline = 0.3 if status == 0 else 10.0  # type: ignore[attr-defined]
        proxy.status, proxy.held = status or 200, status == 0

        if error is None:
            reply = ask(client)
            said = reply.explanation
            assert reply.outcome == "not sent"
        else:
            with pytest.raises(LpnbError) as caught:
                ask(client)
            said = str(caught.value)
            assert isinstance(caught.value, error)

    assert words in said
    assert f"127.0.0.1:{proxy.port}" in said
    asked = ("conversation", "send", "engagement", "report", "history")
    assert [tls_sandbox.calls[route] for route in asked] == [0] * 5
