"""Planted credentials for history and webhooks: through every failure, none is found but on the wire."""

from __future__ import annotations

import base64
import logging
import math
import traceback
from urllib.parse import quote

import pytest

from lpnb import Client, LpnbError, Receiver, Settings

PLANTED = {
    "LP_AGENT_PASSWORD": "canary-pass&word",
    "LP_HISTORY_SECRET": "canary-consumer-se&cret",
    "LP_HISTORY_TOKEN": "canary-access-to&ken",
    "LP_HISTORY_TOKEN_SECRET": "canary-token-se&cret",
}


def leaks(text: str, *more: str) -> list[str]:
    found = []
    for value in (*PLANTED.values(), *more):
        coded = base64.b64encode(value.encode()).decode().rstrip("=")
        if any(form in text for form in (value, quote(value, safe=""), coded)):
            found.append(value)
    return found


def everything_about(error: BaseException) -> str:
    ultratb = pytest.importorskip("IPython.core.ultratb")
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next  # the tests' own know what was planted
    error = error.with_traceback(frames)
    return "\n".join(
        [
            str(error),
            repr(error),
            repr(vars(error)),
            "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()),
            ultratb.VerboseTB("nocolor", long_header=True).text(type(error), error, error.__traceback__),
        ]
    )


def failing(settings, sandbox, names, bearer) -> list[str]:
    """What is shown of every way in which history can fail, the service echoing what it was sent."""
    shown = []
    echo = {"error": {"message": " ".join(PLANTED[name] for name in names)}}
    for route, code in [("login", 401), ("login", 500), ("history", 400), ("history", 401), ("history", 403)]:
        sandbox.clear_faults()
        sandbox.fail(route, "status", times=None, code=code, body=echo)
        with Client(settings, wait_scale=0.0) as client:
            if route == "history":
                # Nobody can log in with a planted password, so history is asked with a bearer got otherwise.
                client.engine.account.bearer, client.engine.account._bearer_until = bearer, math.inf
            call = client.landing if code == 403 else client.history_conversation
            try:
                call("c")
            except LpnbError as error:
                shown.append(everything_about(error))
    # A login that works and says everything but the bearer.
    sandbox.clear_faults()
    sandbox.fail("login", "status", code=200, body=echo | {"bearer": f"two words {echo['error']['message']}"})
    with Client(settings, wait_scale=0.0) as client:
        try:
            client.history_conversation("c")
        except LpnbError as error:
            shown.append(everything_about(error))
    sandbox.clear_faults()
    return shown


@pytest.mark.parametrize("way", ["agent", "key"])
def test_no_failure_of_history_shows_what_it_is_read_with(strict_sandbox, settings_of, way, caplog):
    sandbox = strict_sandbox
    names = [name for name in PLANTED if ("AGENT" in name) == (way == "agent")]
    settings = settings_of[way](sandbox, **{name: PLANTED[name] for name in names})
    caplog.set_level(logging.DEBUG)
    with Client(settings_of["agent"](sandbox)) as other:
        other.history_conversation("c")
        bearer = other.engine.account.bearer
    with Client(settings, wait_scale=0.0) as client:
        shown = failing(settings, sandbox, names, bearer)
        shown += [repr(client), client._repr_html_(), repr(settings), settings._repr_html_()]
        shown += [repr(vars(client.engine.account)), repr(settings.__dict__)]

    assert len(shown) == 6 + 6
    assert leaks("\n".join([*shown, caplog.text])) == []


def test_a_bearer_is_shown_nowhere(strict_sandbox, settings_of, caplog):
    sandbox = strict_sandbox
    caplog.set_level(logging.DEBUG)
    with Client(settings_of["agent"](sandbox), wait_scale=0.0) as client:
        client.history_conversation("c")
        bearer = client.engine.account.bearer.reveal()
        sandbox.fail("history", "status", times=None, code=403, body={"message": f"no, {bearer}"})
        with pytest.raises(LpnbError) as caught:
            client.history_conversation("c")
        shown = everything_about(caught.value) + repr(vars(client.engine.account)) + caplog.text

    assert leaks(shown, bearer) == []
    assert "********" in str(caught.value)


def test_a_receiver_shows_its_secret_to_nobody(caplog):
    caplog.set_level(logging.DEBUG)
    settings = Settings("12345678", "my-installation", PLANTED["LP_HISTORY_SECRET"])
    with Receiver(settings) as receiver:
        shown = [
            repr(receiver),
            receiver._repr_html_(),
            repr(vars(receiver)),
            repr(vars(receiver._running.endpoint)),
        ]
        with pytest.raises(LpnbError) as caught:
            Receiver(settings, port=receiver.port).start()
        shown.append(everything_about(caught.value))

    assert leaks("\n".join([*shown, caplog.text])) == []
