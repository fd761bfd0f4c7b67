"""``BasePanel``, the base class of composer and explorer: a batch form, a Send button, the responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from lpnb._internal.display import brief
from lpnb.client import AsyncClient, Client
from lpnb.client.connect import connect
from lpnb.errors import Complaint
from lpnb.models.batches import ConversationBatch
from lpnb.models.best_practices import Hint
from lpnb.models.outgoing import EncodedBatch
from lpnb.models.responses import BatchResponse
from lpnb.widgets import html_views
from lpnb.widgets.form.batch_form import BatchForm
from lpnb.widgets.send.send_button import SendButton
from lpnb.widgets.styles import WidgetFactory

if TYPE_CHECKING:
    import pandas as pd


class BasePanel(ipw.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A sheet to fill in and a button that sends it.

    Args:
        client: Who sends, a ``Client`` or an ``AsyncClient``; ``connect()`` when left out.
    """

    def __init__(self, client: Client | AsyncClient | None = None) -> None:
        name = type(self).__name__
        if client is not None and not isinstance(client, Client | AsyncClient):
            raise TypeError(f"{name} takes a Client or AsyncClient; got {brief(client)}")
        self.client = client if client is not None else connect()
        self.responses: list[BatchResponse] = []
        factory = self._factory = WidgetFactory()
        self.sender = SendButton(self.client, factory, self._begin_send, self._show_response)
        factory.on_error = self.sender.show_error
        self.batch_form = BatchForm(
            self.client.settings.account_id,
            factory,
            self._on_change,
            self.sender.show_error,
            self._extra_widgets,
            self._request_html,
            self.sender.button.focus,
        )
        self.sender.set_form(self.batch_form)
        super().__init__(
            self._make_widgets(factory),
            layout=factory.plain,
            _dom_classes=("lpnb-panel", f"lpnb-{name.lower()}"),
        )

    def _extra_widgets(self, batch_form: BatchForm) -> list[Any]:
        """Make what stands below the form's fields."""
        return []

    def _request_html(self, outgoing: EncodedBatch | None) -> str:
        """What to show of the request that would post *outgoing*."""
        return ""

    def _make_widgets(self, factory: WidgetFactory) -> list[Any]:
        """Make the widgets that the panel shows."""
        raise NotImplementedError

    def _begin_send(self, client: Client | AsyncClient, batch: ConversationBatch, consumer_id: str) -> None:
        """Take note of a send before it leaves."""

    def _show_response(
        self, client: Client | AsyncClient, batch: ConversationBatch, response: BatchResponse
    ) -> None:
        """Show what came of a send."""
        raise NotImplementedError

    def _on_change(self) -> None:
        """Show what follows from a change of the form."""
        self.sender.clear_outdated_status(self.batch_form.consumer_id.value)

    # What is in the form

    @property
    def consumer_id(self) -> Any:
        """The box with the consumer's id."""
        return self.batch_form.consumer_id

    @property
    def batch(self) -> ConversationBatch | None:
        """What Send would post; None while something is wrong with it."""
        return self.batch_form.batch

    @property
    def complaints(self) -> tuple[Complaint, ...]:
        """All that is wrong with the form now, each with its path."""
        return self.batch_form.complaints

    @property
    def advice(self) -> tuple[Hint, ...]:
        """What the documentation would have you do differently."""
        return self.batch_form.advice

    def field(self, key: str) -> Any:
        """Return the widget of one field, such as ``field("personal.contacts[0].email")``.

        Raises:
            KeyError: There is no such field; ``fields`` lists them.
        """
        return self.batch_form.field(key)

    @property
    def fields(self) -> tuple[str, ...]:
        """The keys of all fields."""
        return tuple(self.batch_form.form.fields)

    def load(
        self,
        frames: ConversationBatch | str | bytes | Sequence[Mapping[str, Any]],
        *,
        unknown: str = "refuse",
    ) -> None:
        """Fill the form from a batch, or from frames as the wire has them. Request ids are not kept.

        What the form has no field for is carried along, and shows in the preview.

        Args:
            frames: A batch, JSON text, or frames as dicts.
            unknown: "refuse" names fields that are not documented; "keep" makes them fields of one's own.

        Raises:
            InvalidValueError: The frames are wrong, or a ``RawBatch``, which no form can show.
        """
        self.batch_form.load(frames, unknown)

    def clear(self) -> None:
        """Empty the form and take a fresh consumer id. What was sent stays in the table."""
        self.batch_form.clear()

    # What came back

    @property
    def send_button(self) -> Any:
        """The button that sends."""
        return self.sender.button

    @property
    def confirm(self) -> Any:
        """The box to tick where a send asks first."""
        return self.sender.confirm

    @property
    def response(self) -> BatchResponse | None:
        """What became of the last send, or None before the first."""
        return self.responses[-1] if self.responses else None

    def table(self) -> pd.DataFrame:
        """Everything sent from this panel as a DataFrame; see ``responses_table``."""
        from lpnb.tables.dataframes import responses_table

        return responses_table(self.responses)

    def wait(self, timeout: float | None = None) -> BatchResponse | None:
        """Wait for the send that is under way, if any, and return the last response.

        Raises:
            TimeoutError: It is still under way after *timeout* seconds.
        """
        self.sender.wait(timeout)
        return self.response

    # Where there are no widgets

    def __repr__(self) -> str:
        last = repr(self.response) if self.responses else "nothing sent yet"
        return f"<{type(self).__name__} on {html_views.account_label(self.client.settings)}: {last}>"

    def _frames_text(self) -> str:
        return "" if self.batch is None else "\n".join(line.text for line in self.batch_form.lines)

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The live panel, and for places without a widget manager what it holds as plain HTML."""
        name = "Conversation " + type(self).__name__.lower()
        fallback = html_views.fallback_html(name, self.client.settings, self._frames_text(), self.responses)
        # marimo would show a sentence on widgets of its own in place of what is below.
        bundle: dict[str, Any] = {} if html_views.in_marimo() else super()._repr_mimebundle_(**kwargs)
        return {**bundle, "text/plain": repr(self), "text/html": fallback}
