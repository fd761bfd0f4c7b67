"""What a page of ``lpnb app`` is told of widgets while it loads, and in which order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import pytest
from jupyter_client.session import Session
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from lpnb.cli import app_kernel
from lpnb.cli.app_kernel import AppWebsocketConnection, HarmlessWarnings


def on_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test where the server handles messages: on an event loop."""

    @wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return run


PAGE, OTHER_PAGE = Session(session="page"), Session(session="other page")


class PageConnection:
    """A page's connection, and in short what went through it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.messages: list[str] = []
        self._kernel = Session()
        self._connection = AppWebsocketConnection(session=PAGE)
        patch.setattr(ZMQChannelsWebsocketConnection, "handle_outgoing_message", self._tell)

    def _tell(self, _stream: object, message: list[bytes]) -> None:
        _, parts = self._kernel.feed_identities(message)
        content = self._kernel.unpack(parts[4])
        name = content.get("comm_id", "")
        self.messages.append(f"{self._kernel.unpack(parts[1])['msg_type']} {name}".strip())

    def kernel_says(self, kind: str, *, asked_by: Session = OTHER_PAGE, **content: Any) -> None:
        """A message from the kernel, the answer to something that a page has sent."""
        message = self._kernel.msg(kind, content, parent=asked_by.msg("comm_msg"))
        self._connection.handle_outgoing_message("iopub", self._kernel.serialize(message, ident=b"topic"))


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> PageConnection:
    return PageConnection(monkeypatch)


def states(*known: str) -> dict[str, Any]:
    """What answers a page that asks for the state of all widgets."""
    return {"comm_id": "control", "data": {"states": {key: {} for key in known}}}


@on_a_loop
async def test_news_of_widgets_waits_for_the_states_that_the_page_has_asked_for(page: PageConnection) -> None:
    page.kernel_says("comm_open", comm_id="in the states", data={})
    page.kernel_says("status", execution_state="busy")
    page.kernel_says("comm_msg", comm_id="box", data={"method": "update", "state": {}})
    page.kernel_says("comm_open", comm_id="behind them", data={})
    page.kernel_says("comm_msg", **states("box", "in the states"))  # for another page
    assert page.messages == ["status"]

    page.kernel_says("comm_msg", asked_by=PAGE, **states("box", "in the states"))
    page.kernel_says("comm_open", comm_id="later", data={})

    assert page.messages == [
        "status", "comm_msg control", "comm_msg box", "comm_open behind them", "comm_msg control",
        "comm_open later",
    ]  # fmt: skip


@on_a_loop
async def test_news_goes_on_with_the_list_of_widgets_where_no_states_came(page: PageConnection) -> None:
    page.kernel_says("comm_open", comm_id="in the list", data={})
    page.kernel_says("comm_msg", comm_id="box", data={"method": "update", "state": {}}, asked_by=PAGE)

    page.kernel_says("comm_info_reply", comms={"in the list": {"target_name": "jupyter.widget"}})

    assert page.messages == ["comm_info_reply", "comm_msg box"]


@on_a_loop
async def test_a_page_is_told_without_states_after_a_while(
    page: PageConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_kernel, "LONGEST_WAIT", 0.01)
    page.kernel_says("comm_open", comm_id="first", data={})
    assert page.messages == []
    await asyncio.sleep(0.05)
    assert page.messages == ["comm_open first"]
    page.kernel_says("comm_open", comm_id="second", data={})
    assert page.messages == ["comm_open first", "comm_open second"]


@on_a_loop
async def test_a_page_is_told_without_states_after_many_messages(
    page: PageConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_kernel, "MOST_WAITING", 3)
    for number in range(4):
        page.kernel_says("comm_open", comm_id=f"{number}", data={})
        assert len(page.messages) == (0, 0, 3, 4)[number]


@pytest.mark.parametrize(
    ("level", "text", "is_shown"),
    [
        (logging.WARNING, "403 POST /voila/api/shutdown/1 (127.0.0.1) 2.5ms", False),
        (logging.WARNING, "403 GET /api/kernels (127.0.0.1) 2.5ms", True),
        (logging.ERROR, "500 POST /voila/api/shutdown/1 (127.0.0.1) 2.5ms", True),
    ],
)
def test_warnings_that_mean_nothing_are_left_out_and_no_error_is(
    level: int, text: str, is_shown: bool
) -> None:
    record = logging.LogRecord("tornado.access", level, "", 0, "%s", (text,), None)

    assert HarmlessWarnings().filter(record) is is_shown
