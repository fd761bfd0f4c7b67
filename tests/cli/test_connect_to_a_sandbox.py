"""``connect``: which world a notebook's first cell ends up in."""

from __future__ import annotations

from pathlib import Path

from lpnb import connect


def test_settings_are_used_when_there_are_any(sandbox, capsys):
    lines = [f"{name}={value}" for name, value in sandbox.environment().items()]
    Path(".env").write_text("\n".join(lines), encoding="utf-8")

    client = connect()

    said = capsys.readouterr().out
    assert said == f"Sandbox on {sandbox.base}, account 12345678 (settings from ./.env).\n"
    client.create_conversation("connect-2")
    assert [found.ext_consumer_id for found in sandbox.conversations] == ["connect-2"]
