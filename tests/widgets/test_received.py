"""The live table of a receiver: drawn when something comes, escaped, and still when it is over."""

from __future__ import annotations

import threading

import pytest

from lpnb import Client, LiveTable, Receiver, Sandbox, Settings
from lpnb.widgets import live_table


class Drawn:
    """Waits until the table shows something; a change of its value wakes it."""

    def __init__(self, table: LiveTable) -> None:
        self.table = table
        self._changed = threading.Condition()
        table.observe(self._wake, "value")

    def _wake(self, _change: object) -> None:
        with self._changed:
            self._changed.notify_all()

    def shows(self, text: str) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: text in self.table.value, 10)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(live_table, "REDRAW_INTERVAL", 0.0)


def test_it_follows_what_comes_and_shows_markup_as_text(sandbox: Sandbox, client: Client):
    with Receiver(client) as receiver:
        sandbox.set_webhook(receiver.url)
        table = LiveTable(receiver)
        drawn = Drawn(table)
        assert "Nothing has come yet." in table.value
        conversation_id = client.create_conversation("anna", skill_id="2741903011").conversation_id

        assert drawn.shows("skill 2741903011, OPEN")
        sandbox.agent_says(conversation_id, "<script>alert(1)</script>")
        assert drawn.shows("&lt;script&gt;alert(1)&lt;/script&gt;")
        assert "<script" not in table.value
        assert "Nothing has come yet." not in table.value
        table.close()


def test_one_conversation_is_shown_alone_and_only_its_last_rows(sandbox: Sandbox, client: Client):
    with Receiver(client) as receiver:
        sandbox.set_webhook(receiver.url)
        first, second = (client.create_conversation(name).conversation_id for name in ("anna", "bert"))
        for number in range(5):
            sandbox.agent_says(first, f"text {number}")
        sandbox.agent_says(second, "elsewhere")
        assert sandbox.webhooks_settled()

        table = LiveTable(receiver, first, rows=2)

        assert [f"text {number}" in table.value for number in range(5)] == [False] * 3 + [True] * 2
        assert "elsewhere" not in table.value
        assert f"Webhooks of {first}; in all: 10 taken" in table.value


def test_refusals_are_in_the_caption_and_the_end_is_said(sandbox: Sandbox, client: Client):
    wrong = Settings.of({**sandbox.environment(), "LP_CLIENT_SECRET": "another"})
    with Receiver(wrong) as receiver:
        sandbox.set_webhook(receiver.url)
        client.create_conversation("anna")
        assert sandbox.webhooks_tried(1)
        table = LiveTable(receiver)
        drawn = Drawn(table)
        assert "Webhooks: 0 taken; refused: 1 bad signature" in table.value

    assert drawn.shows("The receiver is stopped.")


def test_a_surprise_while_it_follows_is_said(client: Client, monkeypatch: pytest.MonkeyPatch):
    with Receiver(client.settings) as receiver:
        table = LiveTable(receiver)

        def broken(*_: object) -> None:
            raise OSError("<disk full>")

        monkeypatch.setattr(receiver, "latest", broken)
        table._next_event.set_result(None)
        table._follow_task.result(10)

        assert table.value.endswith(
            '<p role="alert">It is not updated any more: OSError: &lt;disk full&gt;</p>'
        )
        table.close()


def test_a_closed_table_follows_no_more(client: Client):
    with Receiver(client) as receiver:
        table = LiveTable(receiver)
        table.close()
        table.close()

        assert table._follow_task.cancelled()
        assert receiver._running._waiting == {}


@pytest.mark.parametrize("rows", [0, 501, True, "20"])
def test_rows_that_cannot_be_are_refused(client: Client, rows):
    with Receiver(client) as receiver, pytest.raises(ValueError, match="rows must be") as caught:
        LiveTable(receiver, rows=rows)

    assert str(caught.value) == f"rows must be a whole number from 1 to 500; got {rows!r}"
