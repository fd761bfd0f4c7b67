"""The Send and Stop buttons: ask first where that is due, send what the form shows once, say how it ended."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import ipywidgets as ipw

from lpnb._internal import event_loop
from lpnb._internal.display import count
from lpnb.client import AsyncClient, Client
from lpnb.errors import LpnbError
from lpnb.models.batches import ConversationBatch
from lpnb.models.responses import BatchResponse, Outcome, Pair
from lpnb.widgets import html_views
from lpnb.widgets.form.batch_form import BatchForm
from lpnb.widgets.styles import WidgetFactory, set_visible

#: Seconds without a change after which what is shown is what was typed.
TYPING_DELAY = 0.25
#: Presses in the page that come closer than this are one double click, even when the first send has ended.
DOUBLE_CLICK = 0.5
AnyClient = Client | AsyncClient
OnBegin = Callable[[AnyClient, ConversationBatch, str], None]
OnResponse = Callable[[AnyClient, ConversationBatch, BatchResponse], None]


class SendConfirmation:
    """The questions that are still open for *client*, a consumer at a time."""

    def __init__(self, client: AnyClient) -> None:
        self._client = client
        self._account_confirmed = client.settings.on_loopback
        # For each consumer, how many sends without a known outcome a later clear answer has settled.
        self._settled_counts: dict[str, int] = {}
        # Sends that ended with a surprise, so that not even the client knows of a doubt.
        self._unrecorded_counts: dict[str, int] = {}
        # The conversation that a consumer has open, as far as was seen from here.
        self._open: dict[str, str] = {}

    def question(self, consumer: str) -> str:
        """What to ask before the next send for *consumer*; nothing when there is nothing to ask.

        A doubt is named with its consumer, so that consent to one is not taken for consent to another.
        """
        questions = []
        if not self._account_confirmed:
            questions.append(f"This goes to the real account {self._client.settings.account_id}.")
        if consumer in self._open:
            questions.append(
                f"This consumer has conversation {self._open[consumer]} open, and a second one is refused. "
                "Press “Send again for a new consumer”."
            )
        if self.unknown_outcomes(consumer) > self._settled_counts.get(consumer, 0):
            name = consumer if len(consumer) <= 60 else f"{consumer[:60]}…"
            questions.append(
                f"An earlier send for {name} has no known outcome, so a conversation may exist already."
            )
        return " ".join(questions)

    def unknown_outcomes(self, consumer: str) -> int:
        """How many sends for *consumer* have no known outcome, those of other panels and cells included."""
        recorded_count = sum(response.consumer_id == consumer for response in self._client.unknown)
        return recorded_count + self._unrecorded_counts.get(consumer, 0)

    def add_unknown_outcome(self, consumer: str) -> None:
        """A send for *consumer* has ended in a way that tells nothing."""
        self._unrecorded_counts[consumer] = self._unrecorded_counts.get(consumer, 0) + 1

    def confirm_account(self) -> None:
        """Somebody has said that the account is meant."""
        self._account_confirmed = True

    def record(self, response: BatchResponse) -> None:
        """A clear answer settles the doubts there were about its consumer."""
        if conversation_id := response.conversation_id:
            self._open[response.consumer_id] = conversation_id
        if response.outcome in ("answered", "refused"):
            self._settled_counts[response.consumer_id] = self.unknown_outcomes(response.consumer_id)

    def record_close(self, consumer: str) -> None:
        """The conversation of *consumer* has been closed."""
        self._open.pop(consumer, None)


class SendButton:
    """The Send button and all that belongs to it.

    Args:
        client: Who sends; ``set_client`` changes it.
        factory: The panel's layouts.
        on_begin: Called on lpnb's loop with who sends, what, and for which consumer, before anything leaves.
        on_response: Called on lpnb's loop with who sent, what, and what came of it, before it is said. A send
            that ended before its call comes along too, with the outcome "not sent".
    """

    def __init__(
        self,
        client: Client | AsyncClient,
        factory: WidgetFactory,
        on_begin: OnBegin,
        on_response: OnResponse,
    ) -> None:
        self._on_begin, self._on_response = on_begin, on_response
        self._batch_form: BatchForm | None = None
        self._last_question = ""
        self._pressed_at = -DOUBLE_CLICK  # in the page; a script that clicks twice means it
        self._is_request_sent = False
        self._status_consumer: str | None = None
        self._send_lock = threading.Lock()
        self._future: Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._client = client
        self._confirmation = SendConfirmation(client)
        self.button = factory.button("Send", self._on_send, "lpnb-send")
        self.button.on_msg(self._on_press)  # told after the button itself, and only of presses in the page
        self.status = factory.html(html_views.status_html("idle", "Nothing sent yet."), "lpnb-status")
        self.row = factory.box([self.button, self.status], "lpnb-actions")
        self._factory = factory
        self._stop_button: Any = None
        self._confirm: Any = None
        self._again_button: Any = None

    @property
    def again_button(self) -> Any:
        """The button that sends the form for a fresh consumer, made after the first send."""
        if self._again_button is None:
            words = "Send again for a new consumer"
            tooltip = "The same payload, for a fresh consumer id"
            self._again_button = self._factory.button_after(
                self.row, self.status, words, self._on_again, tooltip=tooltip
            )
        return self._again_button

    @property
    def stop_button(self) -> Any:
        """The button that gives up a send, made with the first one."""
        if self._stop_button is None:
            self._stop_button = self._factory.button_after(
                self.row, self.button, "Stop", self._on_stop, "lpnb-hidden"
            )
        return self._stop_button

    @property
    def confirm(self) -> Any:
        """The box to tick, made with the first question."""
        if self._confirm is None:
            self._confirm = ipw.Checkbox(
                description="Yes, send all the same",
                indent=False,
                layout=self._factory.plain,
                _dom_classes=("lpnb-confirm", "lpnb-hidden"),
            )
            self.row.children = [*self.row.children, self._confirm]
        return self._confirm

    def set_form(self, batch_form: BatchForm) -> None:
        """Send what *batch_form* shows."""
        self._batch_form = batch_form

    def set_client(self, client: Client | AsyncClient) -> None:
        """Send with *client* from now on. What was confirmed for the one before is asked again."""
        self._client, self._confirmation = client, SendConfirmation(client)
        self._hide_confirmation()
        self.show_status("idle", "Nothing sent here yet.")

    def record_close(self, consumer: str) -> None:
        """The conversation of *consumer* has been closed, so a new one is no longer refused."""
        self._confirmation.record_close(consumer)

    def add_unknown_outcome(self, consumer: str) -> None:
        """Ask before the next send for *consumer*: an earlier one, kept on disk, has no known outcome."""
        self._confirmation.add_unknown_outcome(consumer)

    @property
    def busy(self) -> bool:
        """Whether a send is under way."""
        return self._send_lock.locked()

    def wait(self, timeout: float | None = None) -> None:
        """Wait for the send that is under way, if any.

        Raises:
            TimeoutError: It is still under way after *timeout* seconds.
        """
        if self._future is not None:
            self._future.result(timeout)

    def show_status(self, state: html_views.State, text: str, consumer: str | None = None) -> None:
        """Show one sentence. *consumer* is whom it speaks of; "" when it speaks of the form as it is."""
        self.status.value = html_views.status_html(state, text)
        self._status_consumer = consumer

    def clear_outdated_status(self, consumer: str) -> None:
        """What was said of a form that has changed, or of another consumer, is no longer true."""
        if self._status_consumer is not None and self._status_consumer != consumer:
            self.show_status("idle", "Not sent yet.")

    def show_error(self, error: BaseException) -> None:
        """Say what went wrong."""
        self.show_status("failed", html_views.error_text(error, self._client))

    def _on_press(self, _button: object, content: dict[str, Any], _buffers: object) -> None:
        if content.get("event") == "click":
            self._pressed_at = time.monotonic()

    def _on_send(self, _button: object) -> None:
        if self._is_request_sent and time.monotonic() - self._pressed_at < DOUBLE_CLICK:
            return
        # Callbacks may come from any thread, and twice: only one of them gets further than this.
        if self._send_lock.acquire(blocking=False):
            self._task, self._is_request_sent = None, False
            self._future = event_loop.submit(self._send_what_is_shown(self._client, self._confirmation))

    def _on_again(self, _button: object) -> None:
        if self.busy:
            self.show_status("busy", "A send is under way. Wait for its end, then send again.")
            return
        if self._batch_form is not None:
            self._batch_form.new_id()
        self._pressed_at = -DOUBLE_CLICK  # another button than the one that may have been pressed just now
        self._on_send(self.button)

    async def _send_what_is_shown(self, client: AnyClient, confirmation: SendConfirmation) -> None:
        """Send on lpnb's loop with the *client* of the press. Whatever happens ends in the panel."""
        batch_form = self._batch_form
        assert batch_form is not None  # noqa: S101 - there is no button before there is a form
        try:
            # The page tells of a press at once, and holds back the last of what was typed before it.
            for _ in range(8):
                if (remaining := batch_form.changed_at + TYPING_DELAY - time.monotonic()) <= 0:
                    break
                await asyncio.sleep(remaining)
            batch, consumer = batch_form.batch, batch_form.consumer_id.value
            if batch is None or batch_form.complaints:
                wrong = len(batch_form.complaints)
                reason = f"{count(wrong, 'value')} to fix first." if wrong else "the form cannot be checked."
                self.show_status("failed", f"Not sent: {reason}", consumer="")
            elif client is not self._client:
                self.show_status(
                    "failed", "Not sent: the account was switched after the press. Press Send again."
                )
            elif self._may_send(confirmation, consumer):
                self.button.disabled = self._is_request_sent = True
                self._hide_confirmation()
                self.show_status("busy", f"Sending for {consumer} …")
                await self._send(client, confirmation, batch, consumer)
        except Exception as error:  # an exception in a task would vanish unseen
            self.show_error(error)
        finally:
            self._send_lock.release()
            remaining = self._pressed_at + DOUBLE_CLICK - time.monotonic() if self._is_request_sent else 0.0
            if remaining > 0:
                event_loop.loop().call_later(remaining, self._enable_button)
            else:
                self._enable_button()

    def _enable_button(self) -> None:
        if not self.busy:
            self.button.disabled = False

    def _may_send(self, confirmation: SendConfirmation, consumer: str) -> bool:
        """Whether nothing is left to be confirmed; otherwise ask."""
        question = confirmation.question(consumer)
        if not question or (question == self._last_question and self.confirm.value):
            confirmation.confirm_account()
            return True
        self._last_question = question
        self.confirm.value = False
        set_visible(self.confirm, True)
        words = f"{question} Or tick the box below, then press Send once more."
        if "Press “" not in question:
            words = f"{question} Tick the box below, then press Send again."
        self.show_status("ask", words, consumer=consumer)
        return False

    def _hide_confirmation(self) -> None:
        if self._confirm is not None:
            set_visible(self._confirm, False)
            self._confirm.value = False

    def _on_stop(self, _button: object) -> None:
        if (task := self._task) is not None:
            event_loop.loop().call_soon_threadsafe(task.cancel)

    async def _send(
        self, client: AnyClient, confirmation: SendConfirmation, batch: ConversationBatch, consumer: str
    ) -> None:
        unknown_before = confirmation.unknown_outcomes(consumer)
        try:
            self._task = asyncio.current_task()
            set_visible(self.stop_button, True)
            self._on_begin(client, batch, consumer)
            # The engine itself, since a plain Client's methods would block this loop.
            response = await client.engine.send(batch, consumer)
        except (Exception, asyncio.CancelledError) as error:
            if confirmation.unknown_outcomes(consumer) > unknown_before:
                response = [r for r in client.unknown if r.consumer_id == consumer][-1]
            else:
                response = _failed_response(client, batch, consumer, error)
                if response.outcome == "unknown":
                    confirmation.add_unknown_outcome(consumer)
        finally:
            self._task = None
            set_visible(self.stop_button, False)
        confirmation.record(response)
        set_visible(self.again_button, True)
        self._on_response(client, batch, response)
        state: html_views.State = "done" if response.outcome == "answered" else "failed"
        text = html_views.panel_text(response.explanation)
        if response.outcome == "unknown":
            text = f"Outcome unknown. {text}"
        self.show_status(state, text, consumer=response.consumer_id)


def _failed_response(
    client: AnyClient, batch: ConversationBatch, consumer: str, error: BaseException
) -> BatchResponse:
    """What there is to remember of a send that ended without a response, most often before its call."""
    is_cancelled = isinstance(error, asyncio.CancelledError)
    text = "Stopped. No conversation was created." if is_cancelled else html_views.error_text(error, client)
    # Our own errors come before the call. Of a surprise nobody knows when it came.
    outcome: Outcome = "not sent" if is_cancelled or isinstance(error, LpnbError) else "unknown"
    code = "not-sent" if outcome == "not sent" else "no-answer"
    frames = batch.to_wire(client.settings.account_id)
    pairs = tuple(Pair(frame["id"], frame["type"], False, code, text) for frame in frames)
    return BatchResponse(consumer, outcome, pairs, text)
