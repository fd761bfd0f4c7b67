"""The Send & follow tab: outcome, landing, conversation thread and raw response of one send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lpnb.widgets import html_views
from lpnb.widgets.send.landing_lookup import LandingLookup
from lpnb.widgets.send.sent_request import SentRequest
from lpnb.widgets.send.sent_views import is_cut, raw_html, send_html
from lpnb.widgets.styles import WidgetFactory, set_visible
from lpnb.widgets.tabs.follow_landing import LandingView
from lpnb.widgets.tabs.follow_thread import ThreadView
from lpnb.widgets.tabs.follow_why import WhyView


class FollowTab:
    """One send of the session at a time; the newest, unless another one is asked for.

    Args:
        sends: The explorer's list, which grows.
        factory: The panel's layouts.
        is_visible: Whether the tab can be seen.
        lookup: What asks where a send landed.
        on_close: Called with the send whose conversation has been closed.
    """

    def __init__(
        self,
        sends: Sequence[SentRequest],
        factory: WidgetFactory,
        is_visible: Callable[[], bool],
        lookup: LandingLookup,
        on_close: Callable[[SentRequest], None],
    ) -> None:
        self._sends = sends
        self.current: SentRequest | None = None
        self._position_note = factory.html("", "lpnb-note", "lpnb-flat")
        self._earlier = factory.button("Earlier", lambda _: self._show_neighbour(-1), "lpnb-tool")
        self._later = factory.button("Later", lambda _: self._show_neighbour(1), "lpnb-tool")
        self.outcome = factory.html("", "lpnb-answers")
        self.raw = factory.html("", "lpnb-raw")
        self.landing = LandingView(factory, lookup)
        self.thread = ThreadView(factory, is_visible, on_close)
        self.all_button = factory.button("Show all", lambda _: self._show_all(), "lpnb-hidden", "lpnb-tool")
        self.why = WhyView(factory, Path("runs"))
        parts = [
            self.outcome,
            *self.landing.widgets,
            *self.why.widgets,
            *self.thread.widgets,
            self.raw,
            self.all_button,
        ]
        self._send_box = factory.vbox(parts, "lpnb-group")
        steps = factory.box([self._position_note, self._earlier, self._later], "lpnb-tools")
        self.box = factory.vbox([steps, self._send_box], "lpnb-tab")
        self.show(self._sends[-1] if self._sends else None)

    def show(self, send: SentRequest | None) -> None:
        """Show *send*; None says that there is nothing yet."""
        self.current = send
        index = self._sends.index(send) if send is not None else 0
        self._earlier.disabled = send is None or index == 0
        self._later.disabled = send is None or index + 1 >= len(self._sends)
        set_visible(self._send_box, send is not None)
        for button in (self._earlier, self._later):
            set_visible(button, len(self._sends) > 1)
        if send is None:
            self._position_note.value = html_views.note_html(
                "Nothing was sent yet. Press Send under Compose."
            )
            return
        self._position_note.value = html_views.note_html(f"Send {send.number} of {len(self._sends)}.")
        self.outcome.value = send_html(send)
        self.raw.value = raw_html(send)
        set_visible(self.all_button, is_cut(send))
        self.landing.show(send)
        self.why.show(send)
        self.thread.show(send)

    def _show_all(self) -> None:
        if self.current is not None:
            self.raw.value = raw_html(self.current, whole=True)
            set_visible(self.all_button, False)

    def _show_neighbour(self, offset: int) -> None:
        if self.current is not None:
            index = self._sends.index(self.current) + offset
            if 0 <= index < len(self._sends):
                self.show(self._sends[index])

    @property
    def widgets(self) -> list[Any]:
        """What the tab shows."""
        return [self.box]
