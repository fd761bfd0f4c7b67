"""A composer on a running sandbox, and everything its widgets hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import ipywidgets
import pytest
from ipywidgets.widgets.widget import _instances

from lpnb import BatchResponse, Client, Composer


@pytest.fixture(autouse=True)
def no_widget_survives() -> Iterator[None]:
    """Close every widget after the test."""
    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def composer(client: Client) -> Composer:
    """A composer that talks to the sandbox."""
    return Composer(client)


@pytest.fixture
def press() -> Callable[[Composer], BatchResponse | None]:
    """``press(composer)`` presses Send and waits for the end of it."""

    def send(composer: Composer) -> BatchResponse | None:
        composer.send_button.click()
        return composer.wait(10)

    return send


@pytest.fixture
def status() -> Callable[[Composer], tuple[str, str]]:
    """``status(composer)`` is the state and the sentence of the status line."""

    def read(composer: Composer) -> tuple[str, str]:
        found = re.fullmatch(
            r'<span role="status" data-state="(\w+)">(.*)</span>', composer.sender.status.value
        )
        assert found, composer.sender.status.value
        return found[1], found[2]

    return read


@pytest.fixture
def widgets() -> Callable[[], list[Any]]:
    """``widgets()`` is every widget there is, layouts and styles included."""
    return lambda: list(_instances.values())


@pytest.fixture
def states() -> Callable[[], str]:
    """``states()`` is the state of every widget there is, as JSON."""

    def read() -> str:
        def plain(value: Any) -> str:
            return str(value)

        found = [widget.get_state() for widget in _instances.values()]
        return json.dumps(found, default=plain, ensure_ascii=False)

    return read
