"""``LiveTable``: the latest webhook events of a ``Receiver`` as a table that updates itself."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from lpnb._internal import event_loop
from lpnb._internal.display import esc, table_html
from lpnb._internal.json_codec import clean
from lpnb.errors import ReceiverError

if TYPE_CHECKING:
    from lpnb.webhooks import Counts, Event, Receiver

#: Seconds between two drawings: a busy account must not keep a browser busy.
REDRAW_INTERVAL = 0.25
_COLUMNS = ("received", "conversation", "what", "who", "says")
_MAX_TEXT = 200


class LiveTable(ipw.HTML):  # type: ignore[misc]  # ipywidgets has no types
    """The latest webhooks of a receiver, drawn anew whenever some come, until it is closed.

    Args:
        receiver: A running ``Receiver``.
        conversation_id: One conversation, in its order; the latest arrivals of all when left out.
        rows: How many rows to show, 1 to 500.

    Example:
        >>> from lpnb import Receiver, Settings
        >>> with Receiver(Settings("12345678", "my-client-id", "my-secret")) as receiver:
        ...     table = LiveTable(receiver)
        ...     "Webhooks: 0 taken" in table.value
        True
        >>> table.close()
    """

    def __init__(self, receiver: Receiver, conversation_id: str | None = None, rows: int = 20) -> None:
        if isinstance(rows, bool) or not isinstance(rows, int) or not 1 <= rows <= 500:
            raise ValueError(f"rows must be a whole number from 1 to 500; got {rows!r}")
        super().__init__()
        self._receiver = receiver
        self._conversation_id = conversation_id
        self._rows = rows
        self._next_event = self._draw()
        self._follow_task: Future[None] = event_loop.submit(self._follow())

    def close(self) -> None:
        """Follow no more, and take the table away."""
        task = getattr(self, "_follow_task", None)
        if task is not None:
            task.cancel()
            self._next_event.cancel()
        super().close()

    async def _follow(self) -> None:
        try:
            while True:
                await asyncio.wrap_future(self._next_event)
                await asyncio.sleep(REDRAW_INTERVAL)
                self._next_event = self._draw()
        except ReceiverError:  # it was stopped: what is shown stays
            self.value += "<p>The receiver is stopped.</p>"
        except Exception as error:  # an exception in a task would vanish unseen
            text = f"It is not updated any more: {type(error).__name__}: {error}"
            self.value += f'<p role="alert">{esc(text)}</p>'

    def _draw(self) -> Future[None]:
        # Asked for before looking: what comes in between is drawn next time.
        next_event = self._receiver.news(self._conversation_id)
        try:
            events = self._receiver.latest(self._rows, self._conversation_id)
            counts, empty_reason = self._receiver.counts, self._receiver.why_empty(self._conversation_id)
            self.value = events_html(events, counts, self._conversation_id, empty_reason)
        except BaseException:
            next_event.cancel()
            raise
        return next_event


def events_html(
    events: list[Event], counts: Counts, conversation_id: str | None = None, empty_reason: str | None = None
) -> str:
    """The events as a table, with what was taken and refused as its caption; *empty_reason* there is none."""
    refusals = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.refusals.items())
    scope = f"Webhooks of {conversation_id}; in all" if conversation_id else "Webhooks"
    caption = f"{scope}: {counts.taken:,} taken" + (f"; refused: {refusals}" if refusals else "")
    rows = [
        (
            f"{event.received_at:%H:%M:%S}",
            event.conversation_id,
            event.kind,
            event.role,
            _event_summary(event),
        )
        for event in events
    ]
    html = table_html(str(clean(caption)), _COLUMNS, rows)
    return html if rows else f"{html}<p>{esc(empty_reason or 'Nothing has come yet.')}</p>"


def _event_summary(event: Event) -> Any:
    if event.skill_id is not None or event.state is not None:
        return f"skill {event.skill_id or 'unknown'}, {event.stage or event.state or 'unknown'}"
    text = event.text or ""
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]} ..."
