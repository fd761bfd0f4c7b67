"""``connect``: which world a notebook's first cell ends up in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lpnb import AsyncClient, SettingsError, connect


def test_without_settings_it_is_the_sandbox_and_says_so(capsys):
    client = connect()

    said = capsys.readouterr().out
    assert said.startswith(f"Sandbox on {client.settings.domain_api}, account 12345678. ")
    assert said.endswith("No LP_ settings were found, so nothing leaves this machine.\n")
    assert client.create_conversation("connect-1").outcome == "answered"


def test_the_sandbox_is_the_same_one_each_time(capsys):
    assert connect().settings.domain_api == connect().settings.domain_api


def test_settings_are_used_when_there_are_any(sandbox, capsys):
    lines = [f"{name}={value}" for name, value in sandbox.environment().items()]
    Path(".env").write_text("\n".join(lines), encoding="utf-8")

    client = connect()

    said = capsys.readouterr().out
    assert said == f"Sandbox on {sandbox.base}, account 12345678 (settings from ./.env).\n"
    client.create_conversation("connect-2")
    assert [found.ext_consumer_id for found in sandbox.conversations] == ["connect-2"]


def test_a_real_account_is_named_as_one(monkeypatch, capsys):
    monkeypatch.setenv("LP_ACCOUNT_ID", "12345678")
    monkeypatch.setenv("LP_CLIENT_ID", "my-client")
    monkeypatch.setenv("LP_CLIENT_SECRET", "canary-4711")

    connect()

    said = capsys.readouterr().out
    assert said == "Real account 12345678 through https://api.liveperson.net (settings from environment).\n"


def test_half_the_settings_are_an_error_and_not_the_sandbox(monkeypatch):
    monkeypatch.setenv("LP_ACCOUNT_ID", "12345678")

    with pytest.raises(SettingsError) as caught:
        connect()

    assert str(caught.value).startswith("2 settings are missing: LP_CLIENT_ID, LP_CLIENT_SECRET.\n")


def test_a_profile_that_is_not_there_is_an_error_and_not_the_sandbox():
    with pytest.raises(SettingsError) as caught:
        connect("staging")

    assert str(caught.value) == "There is no profile 'staging'. Looked for ./.env.staging."


def test_it_makes_the_kind_of_client_that_is_asked_for(capsys):
    client = connect(kind=AsyncClient)

    async def send():
        return await client.create_conversation("connect-3")

    assert asyncio.run(send()).outcome == "answered"
