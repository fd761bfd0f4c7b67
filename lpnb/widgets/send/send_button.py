"""The Send and Stop buttons: send what the form shows once, and put every ending into the status line."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import ipywidgets as ipw

from lpnb._internal import event_loop
from lpnb.client import AsyncClient, Client
from lpnb.errors import LpnbError
from lpnb.models.batches import ConversationBatch
from lpnb.models.responses import BatchResponse, Outcome, Pair
from lpnb.widgets import html_views
from lpnb.widgets.form.batch_form import BatchForm
from lpnb.widgets.send.confirmation import SendConfirmation
from lpnb.widgets.styles import WidgetFactory, insert_after, set_visible

#: Seconds without a change after which what is shown is what was typed.
SETTLED = 0.25
#: Presses in the page that come closer than this are one double click, even when the first send has ended.
DOUBLE_CLICK = 0.5
AnyClient = Client | AsyncClient
Arrived = Callable[[AnyClient, ConversationBatch, BatchResponse], None]


class SendButton:
    """The Send button and all that belongs to it.

    Args:
        client: Who sends; ``use`` changes it.
        kit: The panel's layouts.
        arrived: Called on lpnb's loop with who sent, what, and what came of it, before it is said. A send
            that ended before its call comes along too, with the outcome "not sent".
    """

    def __init__(self, client: Client | AsyncClient, kit: WidgetFactory, arrived: Arrived) -> None:
        self._arrived_at = arrived
        self._sheet: BatchForm | None = None
        self._asked = ""
        self._pressed_at = -DOUBLE_CLICK  # in the page; a script that clicks twice means it
        self._left = False
        self._said_until: str | None = None
        self._sending = threading.Lock()
        self._future: Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._client = client
        self._caution = SendConfirmation(client)
        self.button = kit.button("Send", self._on_send, "lpnb-send")
        self.button.on_msg(self._pressed)  # told after the button itself, and only of presses in the page
        self.status = kit.html(html_views.status_html("idle", "Nothing sent yet."), "lpnb-status")
        self.row = kit.box([self.button, self.status], "lpnb-actions")
        self._kit = kit
        self._stop: Any = None
        self._confirm: Any = None

    @property
    def stop_button(self) -> Any:
        """The button that gives up a send, made with the first one."""
        if self._stop is None:
            self._stop = self._kit.button("Stop", self._on_stop, "lpnb-hidden")
            insert_after(self.row, self.button, self._stop)
        return self._stop

    @property
    def confirm(self) -> Any:
        """The box to tick, made with the first question."""
        if self._confirm is None:
            self._confirm = ipw.Checkbox(
                description="Yes, send all the same",
                indent=False,
                layout=self._kit.plain,
                _dom_classes=("lpnb-confirm", "lpnb-hidden"),
            )
            self.row.children = [*self.row.children, self._confirm]
        return self._confirm

    def watch(self, sheet: BatchForm) -> None:
        """Send what *sheet* shows."""
        self._sheet = sheet

    def use(self, client: Client | AsyncClient) -> None:
        """Send with *client* from now on. What was confirmed for the one before is asked again."""
        self._client, self._caution = client, SendConfirmation(client)
        self._ask_no_more()
        self.say("idle", "Nothing sent here yet.")

    @property
    def busy(self) -> bool:
        """Whether a send is under way."""
        return self._sending.locked()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the send that is under way, if any.

        Raises:
            TimeoutError: It is still under way after *timeout* seconds.
        """
        if self._future is not None:
            self._future.result(timeout)

    def say(self, state: html_views.State, text: str, until: str | None = None) -> None:
        """Show one sentence. *until* is the consumer it speaks of; "" when it speaks of the form as it is."""
        self.status.value = html_views.status_html(state, text)
        self._said_until = until

    def drop_stale_words(self, consumer: str) -> None:
        """What was said of a form that has changed, or of another consumer, is no longer true."""
        if self._said_until is not None and self._said_until != consumer:
            self.say("idle", "Not sent yet.")

    def fail(self, error: BaseException) -> None:
        """Say what went wrong."""
        self.say("failed", html_views.error_text(error, self._client))

    def _pressed(self, _button: object, content: dict[str, Any], _buffers: object) -> None:
        if content.get("event") == "click":
            self._pressed_at = time.monotonic()

    def _on_send(self, _button: object) -> None:
        if self._left and time.monotonic() - self._pressed_at < DOUBLE_CLICK:
            return
        # Callbacks may come from any thread, and twice: only one of them gets further than this.
        if self._sending.acquire(blocking=False):
            self._task, self._left = None, False
            self._future = event_loop.submit(self._send_what_is_shown(self._client, self._caution))

    async def _send_what_is_shown(self, client: AnyClient, caution: SendConfirmation) -> None:
        """Send on lpnb's loop with the *client* of the press. Whatever happens ends in the panel."""
        sheet = self._sheet
        assert sheet is not None  # noqa: S101 - there is no button before there is a sheet
        try:
            # The page tells of a press at once, and holds back the last of what was typed before it.
            for _ in range(8):
                if (left := sheet.changed_at + SETTLED - time.monotonic()) <= 0:
                    break
                await asyncio.sleep(left)
            batch, consumer = sheet.batch, sheet.consumer_id.value
            if batch is None or sheet.complaints:
                many = len(sheet.complaints)
                what = (
                    f"{html_views.count(many, 'value')} to fix first."
                    if many
                    else "the form cannot be checked."
                )
                self.say("failed", f"Not sent: {what}", until="")
            elif client is not self._client:
                self.say("failed", "Not sent: the account was switched after the press. Press Send again.")
            elif self._may_send(caution, consumer):
                self.button.disabled = self._left = True
                self._ask_no_more()
                self.say("busy", f"Sending for {consumer} …")
                await self._send(client, caution, batch, consumer)
        except Exception as error:  # an exception in a task would vanish unseen
            self.fail(error)
        finally:
            self._sending.release()
            left = self._pressed_at + DOUBLE_CLICK - time.monotonic() if self._left else 0.0
            if left > 0:
                event_loop.loop().call_later(left, self._on_again)
            else:
                self._on_again()

    def _on_again(self) -> None:
        if not self.busy:
            self.button.disabled = False

    def _may_send(self, caution: SendConfirmation, consumer: str) -> bool:
        """Whether nothing is left to be confirmed; otherwise ask."""
        question = caution.question(consumer)
        if not question or (question == self._asked and self.confirm.value):
            caution.confirmed()
            return True
        self._asked = question
        self.confirm.value = False
        set_visible(self.confirm, True)
        self.say("ask", f"{question} Tick the box below, then press Send again.", until=consumer)
        return False

    def _ask_no_more(self) -> None:
        if self._confirm is not None:
            set_visible(self._confirm, False)
            self._confirm.value = False

    def _on_stop(self, _button: object) -> None:
        if (task := self._task) is not None:
            event_loop.loop().call_soon_threadsafe(task.cancel)

    async def _send(
        self, client: AnyClient, caution: SendConfirmation, batch: ConversationBatch, consumer: str
    ) -> None:
        before = caution.doubts(consumer)
        try:
            self._task = asyncio.current_task()
            set_visible(self.stop_button, True)
            # The engine itself, since a plain Client's methods would block this loop.
            response = await client.engine.send(batch, consumer)
        except (Exception, asyncio.CancelledError) as error:
            if caution.doubts(consumer) > before:
                response = [r for r in client.unknown if r.consumer_id == consumer][-1]
            else:
                response = _failed_response(client, batch, consumer, error)
                if response.outcome == "unknown":
                    caution.doubt(consumer)
        finally:
            self._task = None
            set_visible(self.stop_button, False)
        caution.learn(response)
        self._arrived_at(client, batch, response)
        state: html_views.State = "done" if response.outcome == "answered" else "failed"
        words = response.explanation
        if response.outcome == "unknown":
            words = f"Outcome unknown. {words}"
        self.say(state, words, until=response.consumer_id)


def _failed_response(
    client: AnyClient, batch: ConversationBatch, consumer: str, error: BaseException
) -> BatchResponse:
    """What there is to remember of a send that ended without a response, most often before its call."""
    stopped = isinstance(error, asyncio.CancelledError)
    words = "Stopped. No conversation was created." if stopped else html_views.error_text(error, client)
    # Our own errors come before the call. Of a surprise nobody knows when it came.
    outcome: Outcome = "not sent" if stopped or isinstance(error, LpnbError) else "unknown"
    code = "not-sent" if outcome == "not sent" else "no-answer"
    frames = batch.to_wire(client.settings.account_id)
    pairs = tuple(Pair(frame["id"], frame["type"], False, code, words) for frame in frames)
    return BatchResponse(consumer, outcome, pairs, words)
