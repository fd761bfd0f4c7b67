"""``Composer``: an ipywidgets panel that fills in, checks and sends one CONVERSATION batch."""

from __future__ import annotations

from typing import Any

import ipywidgets as ipw

from lpnb.client import AsyncClient, Client
from lpnb.models.batches import ConversationBatch
from lpnb.models.responses import BatchResponse
from lpnb.widgets import html_views
from lpnb.widgets.base_panel import BasePanel
from lpnb.widgets.styles import WidgetFactory, css, set_visible


class Composer(BasePanel):
    """A panel that composes, checks and sends one CONVERSATION batch. Show it as a cell's last line.

    It never blocks the kernel: a send runs on lpnb's own loop, and the panel shows what came back. On a
    real account the first send asks for a confirmation, and so does a send for a consumer whose earlier
    send has no known outcome.

    Args:
        client: Who sends, a ``Client`` or an ``AsyncClient``; ``connect()`` when left out.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> with Sandbox() as sandbox:
        ...     composer = Composer(Client(Settings.of(sandbox.environment())))
        ...     composer.field("personal.firstname").value = "John"
        ...     composer.send_button.click()
        ...     response = composer.wait()
        >>> composer.batch.profile.to_wire()["authenticatedData"]["lp_sdes"]
        [{'type': 'personal', 'personal': {'firstname': 'John'}}]
        >>> [pair.ok for pair in response.pairs]
        [True, True]
    """

    def _make_widgets(self, factory: WidgetFactory) -> list[Any]:
        self.conversation = ipw.Text(
            description="Conversation id",
            layout=factory.plain,
            style=factory.text,
            _dom_classes=("lpnb-conversation", "lpnb-hidden"),
        )
        self._answers = factory.html("", "lpnb-answers")
        self._clear_button = factory.button("Clear", lambda _: self.clear())
        batch_form, sender = self.batch_form, self.sender
        sender.row.children = [sender.button, self._clear_button, sender.status]
        return [
            factory.html(
                f"<style>{css()}</style>{html_views.bar_html('Conversation composer', self.client.settings)}"
            ),
            factory.box([batch_form.left, batch_form.side], "lpnb-columns"),
            sender.row,
            self.conversation,
            self._answers,
        ]

    def _show_response(
        self, client: Client | AsyncClient, batch: ConversationBatch, response: BatchResponse
    ) -> None:
        self.responses.append(response)
        self._answers.value = html_views.answers_html(self.responses)
        self.conversation.value = response.conversation_id or ""
        set_visible(self.conversation, bool(response.conversation_id))
