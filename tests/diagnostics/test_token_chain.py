"""The token chain, to look at: everything decoded, nothing that could be used."""

from __future__ import annotations

import asyncio
import re

import pytest

import lpnb

TOKEN = re.compile(r"eyJ[\w-]{8,}")


def test_the_two_tokens_are_decoded_and_say_what_they_are_for(client, sandbox):
    chain = lpnb.token_chain(client, "consumer-1")

    app, consumer = chain.tokens
    assert (app.name, app.given_by, app.sent_as) == ("AppJWT", "Sentinel", "Authorization")
    assert app.claims["aud"] == sandbox.account_id
    assert app.header["alg"] == "RS256"
    assert 3200 < app.seconds_left <= 3300  # an hour, less the five minutes by which it is renewed early
    assert (consumer.name, consumer.seconds_left) == ("ConsumerJWS", None)
    assert set(consumer.claims) == {"account_id", "ext_consumer_id", "lp_consumer_id"}
    assert set(chain.hosts) >= {"asyncMessagingEnt", "sentinel", "idp"}


def test_looking_opens_no_conversation_and_asks_for_nothing_twice(client, sandbox):
    lpnb.token_chain(client, "consumer-1")
    lpnb.token_chain(client, "consumer-1")
    client.create_conversation("consumer-1")

    calls = {route: sandbox.calls[route] for route in ("domain", "sentinel", "idp", "conversation")}
    assert calls == {"domain": 1, "sentinel": 1, "idp": 1, "conversation": 1}


def test_no_token_and_no_part_of_one_is_shown_anywhere(client):
    chain = lpnb.token_chain(client, "consumer-1")
    token = client.engine.account.app_jwt.token.reveal()

    for shown in (str(chain), chain._repr_html_(), repr(chain), repr(chain.tokens)):
        assert TOKEN.findall(shown) == []
        assert [part for part in token.split(".") if part in shown] == []
    assert "******** (342 characters)" in str(chain)


def test_times_are_written_out(client):
    chain = lpnb.token_chain(client, "consumer-1")

    [until] = [value for part, name, value, _ in chain.tokens[0].rows() if name == "exp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", until)


def test_a_consumer_id_that_is_markup_is_shown_as_text(client):
    chain = lpnb.token_chain(client, "<script>alert(1)</script>")

    assert "<script>" not in chain._repr_html_()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in chain._repr_html_()


def test_an_async_client_has_a_chain_too(settings):
    async def main() -> lpnb.diagnostics.token_chain.TokenChain:
        async with lpnb.AsyncClient(settings) as client:
            return await asyncio.to_thread(lpnb.token_chain, client, "consumer-1")

    assert [token.name for token in asyncio.run(main()).tokens] == ["AppJWT", "ConsumerJWS"]


def test_a_wrong_secret_is_said_as_for_a_send(sandbox):
    wrong = {**sandbox.environment(), "LP_CLIENT_SECRET": "wrong"}
    with lpnb.Client(lpnb.Settings.of(wrong)) as client, pytest.raises(lpnb.CredentialsError):
        lpnb.token_chain(client, "consumer-1")


def test_an_id_that_cannot_be_one_is_refused_before_anything_is_asked(client, sandbox):
    with pytest.raises(lpnb.InvalidValueError, match=r"^consumer_id must not be blank\.$"):
        lpnb.token_chain(client, " ")

    assert sandbox.calls["sentinel"] == 0
