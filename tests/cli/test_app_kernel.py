"""What a page of ``lpnb app`` is told of widgets while it loads, and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from jupyter_client.session import Session
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from lpnb.cli.app_kernel import AppWebsocketConnection

PAGE, OTHER_PAGE = Session(session="page"), Session(session="other page")


class Told:
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
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


def states(*known: str) -> dict[str, Any]:
    """What answers a page that asks for the state of all widgets."""
    return {"comm_id": "control", "data": {"states": {key: {} for key in known}}}


def test_news_of_widgets_waits_for_the_states_that_the_page_has_asked_for(told: Told) -> None:
    told.kernel_says("comm_open", comm_id="in the states", data={})
    told.kernel_says("status", execution_state="busy")
    told.kernel_says("comm_msg", comm_id="box", data={"method": "update", "state": {}})
    told.kernel_says("comm_open", comm_id="behind them", data={})
    told.kernel_says("comm_msg", **states("box", "in the states"))  # for another page
    assert told.messages == ["status"]

    told.kernel_says("comm_msg", asked_by=PAGE, **states("box", "in the states"))
    told.kernel_says("comm_open", comm_id="later", data={})

    assert told.messages == [
        "status", "comm_msg control", "comm_msg box", "comm_open behind them", "comm_msg control",
        "comm_open later",
    ]  # fmt: skip


def test_news_goes_on_with_the_list_of_widgets_where_no_states_came(told: Told) -> None:
    told.kernel_says("comm_open", comm_id="in the list", data={})
    told.kernel_says("comm_msg", comm_id="box", data={"method": "update", "state": {}}, asked_by=PAGE)

    told.kernel_says("comm_info_reply", comms={"in the list": {"target_name": "jupyter.widget"}})

    assert told.messages == ["comm_info_reply", "comm_msg box"]
