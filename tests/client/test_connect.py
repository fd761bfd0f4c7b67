"""``connect``: the account of the settings when there are any, the sandbox when there are none."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

import lpnb

FULL = "LP_ACCOUNT_ID=87654321\nLP_CLIENT_ID=a\nLP_CLIENT_SECRET=hush-hush\n"


def test_without_settings_the_sandbox_answers_and_one_line_says_so(capsys):
    with lpnb.connect(wait_scale=0.0) as client:
        reply = client.create_conversation("connect-1")

    assert reply.outcome == "answered"
    said = capsys.readouterr().out
    assert re.fullmatch(
        r"Sandbox on http://127\.0\.0\.1:\d+, account 12345678\. "
        r"No LP_ settings were found, so nothing leaves this machine\.\n",
        said,
    )


def test_a_file_without_our_settings_is_named_before_the_sandbox_is_used(capsys):
    Path(".env").write_text("ACCOUNT_ID=87654321\nLP_CLIENT_SECRET=\n")

    lpnb.connect().close()

    said = capsys.readouterr().out
    assert said.endswith("No LP_ settings were found in ./.env, so nothing leaves this machine.\n")


def test_a_file_with_misspelled_settings_alone_is_no_reason_for_the_sandbox():
    Path(".env").write_text("LP_ACOUNT_ID=87654321\n")

    with pytest.raises(lpnb.SettingsError) as caught:
        lpnb.connect()

    assert str(caught.value) == (
        "3 settings are missing: LP_ACCOUNT_ID, LP_CLIENT_ID, LP_CLIENT_SECRET.\n"
        "Looked in: the environment (0 settings), then ./.env (found, 0 settings).\n"
        "LP_ACOUNT_ID is not a setting. Did you mean LP_ACCOUNT_ID?\n"
        "Add them to ./.env as NAME=value, or set them in the environment."
    )


def test_the_sandbox_is_shared_by_all_calls():
    with lpnb.connect() as first, lpnb.connect() as second:
        assert first.settings.domain_api == second.settings.domain_api


def test_with_settings_the_account_is_named_and_where_they_came_from(capsys, monkeypatch):
    Path(".env").write_text(FULL)
    monkeypatch.setenv("LP_CLIENT_ID", "from-env")

    with lpnb.connect() as client:
        assert client.settings.account_id == "87654321"

    said = capsys.readouterr().out
    assert said == (
        "Real account 87654321 through https://api.liveperson.net (settings from ./.env, environment).\n"
    )
    assert "hush" not in said


def test_settings_that_are_not_complete_never_fall_back_to_the_sandbox(monkeypatch):
    monkeypatch.setenv("LP_TRUSTED_HOSTS", "a.example")

    with pytest.raises(lpnb.SettingsError, match=r"^3 settings are missing: "):
        lpnb.connect()


def test_a_profile_that_is_not_there_never_falls_back_to_the_sandbox():
    with pytest.raises(lpnb.SettingsError, match=r"^There is no profile 'staging'\."):
        lpnb.connect("staging")


def test_a_profile_is_read_when_it_is_named():
    Path(".env.staging").write_text(FULL)

    with lpnb.connect("staging") as client:
        assert client.settings.account_id == "87654321"


def test_the_kind_of_client_can_be_chosen():
    async def main():
        async with lpnb.connect(kind=lpnb.AsyncClient, wait_scale=0.0) as client:
            return await client.create_conversation("connect-2")

    assert asyncio.run(main()).outcome == "answered"


def test_a_client_tells_a_real_account_from_this_machine():
    settings = lpnb.Settings("1", "a", "hush-hush")

    with lpnb.Client(settings) as client:
        assert repr(client) == "<Client account 1 through https://api.liveperson.net>"
        assert client._repr_html_() == (
            "<p>Client account 1 through https://api.liveperson.net (a real account)</p>"
        )


def test_another_transport_can_be_put_in_place_of_real_connections():
    """The engine asks for nothing but ``exchange`` and ``aclose``."""
    import json

    from lpnb.transport.protocol import Exchange

    asked = []

    class Played:
        async def exchange(self, request, probe):
            probe.started = True
            asked.append(request.url.path)
            if request.url.path.endswith("baseURI.json"):
                hosts = {s: f"{s.lower()}.liveperson.net" for s in ("asyncMessagingEnt", "sentinel", "idp")}
                return said({"baseURIs": [{"service": s, "baseURI": h} for s, h in hosts.items()]})
            if request.url.path.endswith("token"):
                return said({"access_token": "app"})
            if request.url.path.endswith("consumer"):
                return said({"token": "jws"}, 201)
            frames = json.loads(request.content)
            return said([{"code": "OK", "body": {"conversationId": "c-9"}, "reqId": frames[1]["id"]}])

        async def aclose(self):
            asked.append("closed")

    def said(value, status=200):
        return Exchange(status=status, content=json.dumps(value).encode())

    with lpnb.Client(lpnb.Settings("1", "a", "b"), transport=Played()) as client:
        reply = client.create_conversation("anna")

    assert reply.conversation_id == "c-9"
    assert [pair.code for pair in reply.pairs] == ["missing", "OK"]
    assert asked == [
        "/api/account/1/service/baseURI.json",
        "/sentinel/api/account/1/app/token",
        "/api/account/1/consumer",
        "/api/account/1/messaging/consumer/conversation",
        "closed",
    ]
