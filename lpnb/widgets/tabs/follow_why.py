"""The part of the Follow tab that finds out which fields decide where a send's case lands."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path

from lpnb._internal import event_loop
from lpnb._internal.display import count
from lpnb.client import AsyncClient, Client
from lpnb.widgets import html_views
from lpnb.widgets.form.form import Form, batch_fields
from lpnb.widgets.form.grid_form import fixed_columns
from lpnb.widgets.html_views import error_text
from lpnb.widgets.send.sent_request import SentRequest
from lpnb.widgets.styles import WidgetFactory, set_visible

_ABOUT = (
    "Finds out which fields decide where it lands: it leaves some out, in 2 to 12 conversations that are "
    "closed at once."
)


class WhyView:
    """A button that asks by sending, and the answer.

    Args:
        factory: The panel's layouts.
        folder: Where the journals of the questions are.
    """

    def __init__(self, factory: WidgetFactory, folder: Path) -> None:
        self._folder = folder
        self._send: SentRequest | None = None
        self._send_to_confirm: SentRequest | None = None
        self._future: Future[None] | None = None
        self._answers: dict[SentRequest, str] = {}
        self.button = factory.button(
            "Why here?", lambda _: self.ask(), "lpnb-hidden", "lpnb-more"
        )  # fmt: skip
        self.status = factory.html("", "lpnb-status")
        self.answer = factory.html("", "lpnb-answers")
        self.widgets = [factory.box([self.button, self.status], "lpnb-tools"), self.answer]

    def show(self, send: SentRequest) -> None:
        """Turn to *send*."""
        if send is not self._send:
            self._send, self._send_to_confirm = send, None
            self.answer.value = self._answers.get(send, "")
        can_ask = send.client is not None and bool(send.response.conversation_id)
        set_visible(self.button, can_ask)
        words = html_views.status_html("idle", _ABOUT) if can_ask and not self.answer.value else ""
        self.status.value = words

    def ask(self) -> Future[None] | None:
        """Find out by sending; at a real account only on the second press. Returns the future of it."""
        send = self._send
        if send is None or send.client is None or (self._future is not None and not self._future.done()):
            return None
        self.button.disabled = True
        self._future = event_loop.submit(self._ask(send, send.client))
        return self._future

    async def _ask(self, send: SentRequest, client: Client | AsyncClient) -> None:
        from lpnb.experiments.routing.reasons import most_sends, reasons

        try:
            case = case_values(send)
            most, is_real = most_sends(case), not client.settings.on_loopback
            if is_real and self._send_to_confirm is not send:
                self._send_to_confirm = send
                account = html_views.account_label(client.settings)
                words = (
                    f"This opens up to {most} conversations at the {account}, and closes each. "
                    "Press “Why here?” once more."
                )
                self.status.value = html_views.status_html("ask", words)
                return
            self._send_to_confirm = None
            self.status.value = html_views.status_html("busy", f"Asking, with up to {most} sends …")
            name = f"explorer-why-{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}.sqlite"
            answer = await asyncio.to_thread(
                reasons, client, case, journal=self._folder / name, live=is_real,
                confirm=most if is_real else None,
            )  # fmt: skip
            self._answers[send] = answer._repr_html_()
            if send is self._send:
                self.answer.value = self._answers[send]
                words = f"Found out with {count(len(answer.sends), 'send')}."
                self.status.value = html_views.status_html("done", words)
        except Exception as error:  # an exception in a task would vanish unseen
            if send is self._send:
                self.status.value = html_views.status_html("failed", error_text(error, client))
        finally:
            self.button.disabled = False


def case_values(send: SentRequest) -> dict[str, object]:
    """What was sent as a case: its values by column."""
    form = Form(batch_fields(), lambda: None)
    form.load(send.batch.to_wire())
    fixed_names = {"channelType", "brandId", "extra.brandId"}  # the same for every conversation of an account
    return {name: value for name, value in fixed_columns(form).items() if name not in fixed_names}
