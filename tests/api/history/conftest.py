"""History as both clients see it, on a running sandbox, with either way to be let in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from lpnb import AsyncClient, Client, Sandbox, Settings

AGENT = ("LP_AGENT_LOGIN", "LP_AGENT_PASSWORD")


class Door:
    """``Client`` or ``AsyncClient``: every method is called the same way and gives its result."""

    def __init__(self, kind: type, settings: Settings, **options: Any) -> None:
        self.client = kind(settings, **options)
        self._runner = asyncio.Runner() if kind is AsyncClient else None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def run(*args: Any, **fields: Any) -> Any:
            result = getattr(self.client, name)(*args, **fields)
            return self._runner.run(result) if self._runner else result

        return run

    def open(self, consumer_id: str = "anna", **fields: Any) -> str:
        """Open a conversation and return its id."""
        return str(self.create_conversation(consumer_id, **fields).raise_for_outcome().conversation_id)

    def end(self) -> None:
        try:
            self.close()
        finally:
            if self._runner:
                self._runner.close()


@pytest.fixture(params=[Client, AsyncClient], ids=["Client", "AsyncClient"])
def open_door(request: pytest.FixtureRequest) -> Iterator[Callable[..., Door]]:
    """Makes either client; waits between attempts take no time."""
    with ExitStack() as stack:

        def make(settings: Settings, **options: Any) -> Door:
            door = Door(request.param, settings, **{"wait_scale": 0.0, "deadline": 10.0, **options})
            stack.callback(door.end)
            return door

        yield make


def with_agent(sandbox: Sandbox, **changes: str) -> Settings:
    """Settings that read history with an agent's bearer."""
    given = {name: value for name, value in sandbox.environment().items() if "HISTORY" not in name}
    return Settings.of(given | changes)


def with_key(sandbox: Sandbox, **changes: str) -> Settings:
    """Settings that read history with an API key."""
    given = {name: value for name, value in sandbox.environment().items() if name not in AGENT}
    return Settings.of(given | changes)


@pytest.fixture
def agent(open_door: Callable[..., Door], sandbox: Sandbox) -> Door:
    """Either client, with an agent's login."""
    return open_door(with_agent(sandbox))


@pytest.fixture(params=[with_agent, with_key], ids=["bearer", "OAuth 1"])
def reader(request: pytest.FixtureRequest, open_door: Callable[..., Door], sandbox: Sandbox) -> Door:
    """Either client, with either credential."""
    return open_door(request.param(sandbox))


@pytest.fixture
def settings_of() -> dict[str, Callable[..., Settings]]:
    """The two ways to make settings, by name."""
    return {"agent": with_agent, "key": with_key}


@pytest.fixture
def strict_sandbox():
    """A sandbox whose history takes no application's token."""
    with Sandbox(history_takes_app_token=False) as running:
        yield running
