"""Interrupts, threads and forgotten clients: what was sent is written down, and nothing is left open."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
import time

import pytest

from lpnb import AsyncClient, Client, NotSentError
from lpnb._internal import event_loop
from lpnb.transport.http_transport import HttpTransport
from lpnb.transport.protocol import AcquireSlot, Exchange, RefreshTokens, Request, Sleep


@pytest.fixture(params=["sockets", "httpx"])
def over_both(request, monkeypatch):
    """Runs a test over either kind of connections."""
    monkeypatch.setattr(HttpTransport, "kind", request.param)
    return request.param


def wait_until_asked(sandbox, route, times=1):
    """Return when the request is at the server; bounded, and as quick as the server is."""
    waiting = threading.Event()
    for _ in range(2000):
        if sandbox.calls[route] >= times:
            return
        waiting.wait(0.005)
    raise AssertionError(f"{route} was not asked {times} times")


def test_a_cancelled_task_keeps_the_request_that_had_left(over_both, settings, sandbox):
    sandbox.fail("conversation", "hang", work_done=True)

    async def interrupted():
        async with AsyncClient(settings, wait_scale=0.0) as client:
            task = asyncio.create_task(client.create_conversation("anna"))
            await asyncio.to_thread(wait_until_asked, sandbox, "conversation")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return client.unknown

    (kept,) = asyncio.run(interrupted())

    assert kept.outcome == "unknown"
    assert kept.consumer_id == "anna"
    assert kept.attempts == 1
    assert kept.explanation == (
        "The request left, and waiting for the answer was interrupted. A conversation may exist, so it was "
        "not repeated. Look for this consumer's open conversation before you send again."
    )
    assert [pair.code for pair in kept.pairs] == ["no-answer", "no-answer"]
    assert sandbox.calls["conversation"] == 1
    assert [frame["id"] for frame in sandbox.conversations[0].request] == [p.req_id for p in kept.pairs]


def test_a_time_out_around_the_call_keeps_the_request_that_had_left(over_both, settings, sandbox):
    sandbox.fail("conversation", "hang", work_done=True)

    async def interrupted():
        client = AsyncClient(settings, wait_scale=0.0)
        sent = asyncio.ensure_future(client.create_conversation("anna"))
        await asyncio.to_thread(wait_until_asked, sandbox, "conversation")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sent, 0)
        kept = client.unknown
        await client.close()
        return kept

    assert [response.outcome for response in asyncio.run(interrupted())] == ["unknown"]


def test_an_interrupted_cell_keeps_the_request_that_had_left(over_both, client, sandbox, monkeypatch):
    sandbox.fail("conversation", "hang", work_done=True)
    real = event_loop.concurrent.futures.wait

    def stop_button(futures, timeout):
        if sandbox.calls["conversation"]:
            raise KeyboardInterrupt
        return real(futures, timeout=0.01)

    monkeypatch.setattr(event_loop.concurrent.futures, "wait", stop_button)

    with pytest.raises(KeyboardInterrupt):
        client.create_conversation("anna")
    monkeypatch.undo()

    (kept,) = client.unknown
    assert kept.outcome == "unknown"
    assert kept.consumer_id == "anna"
    assert len(sandbox.conversations) == 1


@pytest.mark.parametrize("route", ["domain", "sentinel", "idp"])
def test_an_interrupt_before_the_request_left_leaves_nothing_behind(over_both, settings, sandbox, route):
    sandbox.fail(route, "hang")

    async def interrupted():
        async with AsyncClient(settings, wait_scale=0.0) as client:
            task = asyncio.create_task(client.create_conversation("anna"))
            await asyncio.to_thread(wait_until_asked, sandbox, route)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert client.unknown == ()
            # Whoever held the turn is gone; the next one takes it.
            return await client.create_conversation("anna")

    assert asyncio.run(interrupted()).outcome == "answered"
    assert sandbox.calls["conversation"] == 1


def test_others_go_on_when_the_one_who_asks_for_them_all_is_interrupted(over_both, settings, sandbox):
    sandbox.fail("sentinel", "hang")

    async def main():
        async with AsyncClient(settings, wait_scale=0.0) as client:
            tasks = [asyncio.create_task(client.create_conversation(f"c-{n}")) for n in range(5)]
            await asyncio.to_thread(wait_until_asked, sandbox, "sentinel")
            tasks[0].cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

    first, *others = asyncio.run(main())

    assert isinstance(first, asyncio.CancelledError)
    assert [reply.outcome for reply in others] == ["answered"] * 4
    assert sandbox.calls["sentinel"] == 2


def test_the_service_may_be_called_from_inside_a_running_loop(client, sandbox):
    async def cell():
        return client.create_conversation("anna")

    assert asyncio.run(cell()).outcome == "answered"


def test_a_pause_leaves_room_for_another_caller_to_drop_the_token(settings):
    """One waits out a 429 while another's 401 throws the shared AppJWT away."""
    from lpnb._internal.redaction import Secret
    from lpnb.api.tokens import AppJWT
    from lpnb.client.account_state import AccountState
    from lpnb.models.batches import ConversationBatch
    from lpnb.transport.retries import Throttle

    connector = AccountState(settings, Throttle(1.0, clock=lambda: 0.0, jitter=lambda: 0.0), lambda: 0.0)
    connector.domains = {"asyncMessagingEnt": "https://va.msg.liveperson.net"}
    connector.app_jwt = AppJWT(Secret("old"), 1000.0, 3600.0)
    connector.consumers["anna"] = Secret("jws")
    flow = connector.post(ConversationBatch(), "anna")

    assert isinstance(next(flow), Request)
    connector.throttle._clock = lambda: 0.0
    assert flow.send(Exchange(status=429)) == Sleep(1.0)
    connector.domains = {"asyncMessagingEnt": "https://new.msg.liveperson.net"}  # looked up again meanwhile
    connector.drop_app_jwt(Secret("old"))
    connector.consumers.clear()
    connector.throttle._clock = lambda: 10.0

    assert flow.send(None) == RefreshTokens("anna")
    connector.app_jwt = AppJWT(Secret("new"), 1000.0, 3600.0)
    connector.consumers["anna"] = Secret("jws-2")
    assert flow.send(None) == AcquireSlot()
    request = flow.send(None)

    assert request.url.host == "new.msg.liveperson.net"
    assert request.headers["authorization"] == "new"
    assert request.headers["x-lp-on-behalf"] == "jws-2"


def test_a_token_dropped_while_the_idp_is_waited_for_is_fetched_anew(settings):
    from lpnb.client.account_state import AccountState
    from lpnb.transport.retries import Throttle

    connector = AccountState(settings, Throttle(0.0))
    connector.domains = {"idp": "https://va.idp.liveperson.net"}

    assert next(connector.need_consumer_jws("anna")) == RefreshTokens()


def test_only_the_token_that_was_refused_is_dropped(settings):
    from lpnb._internal.redaction import Secret
    from lpnb.api.tokens import AppJWT
    from lpnb.client.account_state import AccountState
    from lpnb.transport.retries import Throttle

    connector = AccountState(settings, Throttle(0.0))
    connector.app_jwt = AppJWT(Secret("renewed by another caller"), 1000.0, 3600.0)

    connector.drop_app_jwt(Secret("refused"))
    assert connector.app_jwt is not None

    connector.drop_app_jwt(Secret("renewed by another caller"))
    assert connector.app_jwt is None


def test_host_names_are_looked_up_again_after_a_day(settings):
    from lpnb.client.account_state import AccountState
    from lpnb.transport.protocol import Exchange
    from lpnb.transport.retries import Throttle

    now = [0.0]
    connector = AccountState(settings, Throttle(0.0), clock=lambda: now[0])
    rows = ",".join(
        f'{{"service":"{service}","baseURI":"{settings.domain_api[7:]}"}}'
        for service in ("asyncMessagingEnt", "sentinel", "idp")
    )
    flow = connector.need_domains()
    next(flow)
    with pytest.raises(StopIteration):
        flow.send(Exchange(status=200, content=f"[{rows}]".encode()))

    now[0] = 86_399.0
    assert connector.need_domains() is None
    now[0] = 86_401.0
    assert connector.need_domains() is not None


def test_a_client_remembers_a_bounded_number_of_consumers(client, sandbox, monkeypatch):
    monkeypatch.setattr("lpnb.client.account_state.MAX_REMEMBERED", 2)
    for consumer in ("anna", "bob", "cleo", "bob"):
        client.create_conversation(consumer)
    assert sandbox.calls["idp"] == 3

    client.create_conversation("anna")

    assert sandbox.calls["idp"] == 4
    assert len(client.engine.account.consumers) == 2
    assert client.engine._shared_flows == {}


def test_an_older_failure_does_not_keep_those_who_come_later_from_asking(settings):
    from lpnb.client.engine import Engine, _SharedFlow
    from lpnb.errors import ServiceError

    engine, asked = Engine(settings, 10.0, 0.0), []
    engine._shared_flows["app_jwt"] = _SharedFlow(waiting=1, failure=ServiceError("Sentinel was down."))

    def flow():
        asked.append("Sentinel")
        yield Sleep(0.0)

    asyncio.run(engine._run_missing("app_jwt", lambda: None if asked else flow()))

    assert asked == ["Sentinel"]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_closed_client_says_so(over_both, settings, kind):
    client = kind(settings)

    async def use():
        await client.close()
        await client.close()
        with pytest.raises(NotSentError, match=r"^This client is closed\. Make a new one to send\.$"):
            await client.create_conversation("anna")

    if kind is AsyncClient:
        asyncio.run(use())
        return
    client.close()
    client.close()
    with pytest.raises(NotSentError, match=r"^This client is closed\. Make a new one to send\.$"):
        client.create_conversation("anna")


def test_a_client_is_closed_by_its_with_block(settings):
    with Client(settings) as client:
        client.create_conversation("anna")

    with pytest.raises(NotSentError, match=r"^This client is closed\. Make a new one to send\.$"):
        client.create_conversation("bob")


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_forgotten_client_closes_its_connections(over_both, settings, kind):
    client = kind(settings, wait_scale=0.0)
    if kind is AsyncClient:
        asyncio.run(client.create_conversation("anna"))
    else:
        client.create_conversation("anna")
    engine = client.engine
    (backend,) = engine.transport._backends.values()

    def open_connections():
        if over_both == "sockets":
            return [connection for pool in backend._pools.values() for connection in pool._all]
        return backend._transport._pool.connections

    assert open_connections() != []

    del client
    gc.collect()

    assert engine.closed
    assert open_connections() == []


FORGETFUL = """
import sys, warnings
warnings.simplefilter("error")
import lpnb
sandbox = lpnb.Sandbox().start()
client = lpnb.Client(lpnb.Settings.of(sandbox.environment()), wait_scale=0.0)
print(client.create_conversation("anna").outcome)
"""


def test_a_script_that_forgets_its_client_ends_quietly():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FORGETFUL],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.stdout, done.stderr, done.returncode) == ("answered\n", "", 0)


def test_a_client_that_was_never_used_ends_quietly():
    script = "import lpnb; client = lpnb.Client(lpnb.Settings('1', 'a', 'b'))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_an_interrupt_keeps_the_bytes_that_had_come_and_when_they_were_asked_for(
    over_both, settings, sandbox
):
    sandbox.fail("conversation", "truncate")
    sandbox.fail("conversation", "drip", seconds=0.01)

    async def interrupted():
        async with AsyncClient(settings) as client:
            cut = await client.create_conversation("anna")
            task = asyncio.create_task(client.create_conversation("bob"))
            before = time.time()
            await asyncio.to_thread(wait_until_asked, sandbox, "conversation", 2)
            asked = time.time()
            await asyncio.sleep(0.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return cut, before, asked, client.unknown[-1]

    cut, before, asked, kept = asyncio.run(interrupted())

    assert cut.outcome == kept.outcome == "unknown"
    assert kept.raw.startswith(b'[{"code":')
    assert kept.http_status == 200
    assert kept.elapsed_ms >= 400
    assert before <= kept.sent_at.timestamp() <= asked


def test_a_send_that_waits_is_not_sent_once_its_client_is_closed(over_both, settings, sandbox):
    sandbox.fail("conversation", "status", code=429, retry_after=1)
    client = Client(settings)
    caught = []

    def send():
        try:
            client.create_conversation("anna")
        except NotSentError as error:
            caught.append(str(error))

    thread = threading.Thread(target=send)
    thread.start()
    throttle, waiting = client.engine.account.throttle, threading.Event()
    for _ in range(2000):
        if throttle.pause() is not None:  # the 429 has come, so that nothing is under way any more
            break
        waiting.wait(0.005)
    client.close()
    thread.join(10)

    assert caught == ["This client is closed. Make a new one to send."]
    assert sandbox.calls["conversation"] == 1
    assert sandbox.conversations == []


def test_a_plain_client_on_the_background_loop_says_so_and_stops_nobody_else(client):
    async def observer():
        client.create_conversation("anna")

    with pytest.raises(
        RuntimeError, match=r"^This runs on lpnb's own loop, where a plain Client cannot wait\."
    ):
        event_loop.submit(observer()).result(5)

    assert client.create_conversation("bob").outcome == "answered"


STOPPED = """
import os, signal, sys, threading, time
import lpnb
sandbox = lpnb.Sandbox().start()
sandbox.fail("conversation", "hang", work_done=True)
client = lpnb.Client(lpnb.Settings.of(sandbox.environment()), wait_scale=0.0)
def press():
    while not sandbox.calls["conversation"]:
        time.sleep(0.005)
    pressed.append(time.monotonic())
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
pressed = []
threading.Thread(target=press).start()
try:
    client.create_conversation("anna")
except KeyboardInterrupt as interrupt:
    print("interrupted", time.monotonic() - pressed[0] < 3, [r.outcome for r in client.unknown])
    print(*interrupt.__notes__)
"""


def test_the_interrupt_signal_is_felt_at_once_and_the_request_kept():
    done = subprocess.run(
        [sys.executable, "-c", STOPPED], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stderr == ""
    assert done.stdout == (
        "interrupted True ['unknown']\n"
        "The request had left: a conversation may exist. See client.unknown[-1].\n"
    )


def test_a_response_is_kept_before_anybody_is_given_it(client):
    first = client.create_conversation("kept-1")
    second = client.create_conversation("kept-1")

    assert client.recent == (first, second)
    assert [response.outcome for response in client.recent] == ["answered", "refused"]


def test_an_interrupt_that_comes_with_the_answer_does_not_lose_it(client, monkeypatch):
    def interrupt_once_it_is_done(futures, timeout):
        monkeypatch.undo()
        for future in futures:
            future.result(10)
        raise KeyboardInterrupt

    monkeypatch.setattr("concurrent.futures.wait", interrupt_once_it_is_done)
    with pytest.raises(KeyboardInterrupt):
        client.create_conversation("kept-2")

    (kept,) = client.recent
    assert (kept.consumer_id, kept.outcome) == ("kept-2", "answered")
