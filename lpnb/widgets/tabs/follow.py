"""The Send & follow tab: outcome, landing, conversation thread and raw response of one send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lpnb.widgets import html_views
from lpnb.widgets.send.sent_request import SentRequest
from lpnb.widgets.send.sent_views import raw_html, sent_html
from lpnb.widgets.styles import WidgetFactory
from lpnb.widgets.tabs.landing import LandingView
from lpnb.widgets.tabs.thread import ThreadView


class FollowTab:
    """One send of the session at a time; the newest, unless another one is asked for.

    Args:
        sent: The explorer's list, which grows.
        kit: The panel's layouts.
        looked_at: Whether the tab can be seen.
    """

    def __init__(
        self, sent: Sequence[SentRequest], kit: WidgetFactory, looked_at: Callable[[], bool]
    ) -> None:
        self._sent = sent
        self.shown: SentRequest | None = None
        self._about = kit.html("", "lpnb-note", "lpnb-flat")
        self._earlier = kit.button("Earlier", lambda _: self._step(-1), "lpnb-tool")
        self._later = kit.button("Later", lambda _: self._step(1), "lpnb-tool")
        self.outcome = kit.html("", "lpnb-answers")
        self.raw = kit.html("", "lpnb-raw")
        self.landing = LandingView(kit)
        self.thread = ThreadView(kit, looked_at)
        self.box = kit.vbox(
            [
                kit.box([self._about, self._earlier, self._later], "lpnb-tools"),
                self.outcome,
                *self.landing.widgets,
                *self.thread.widgets,
                self.raw,
            ],
            "lpnb-tab",
        )
        self.show(self._sent[-1] if self._sent else None)

    def show(self, sent: SentRequest | None) -> None:
        """Show *sent*; None says that there is nothing yet."""
        self.shown = sent
        place = self._sent.index(sent) if sent is not None else 0
        self._earlier.disabled = sent is None or place == 0
        self._later.disabled = sent is None or place + 1 >= len(self._sent)
        if sent is None:
            self._about.value = html_views.note_html("Nothing was sent yet. Press Send under Compose.")
            return
        self._about.value = html_views.note_html(f"Send {sent.number} of {len(self._sent)} in this session.")
        self.outcome.value = sent_html(sent)
        self.raw.value = raw_html(sent)
        self.landing.show(sent)
        self.thread.show(sent)

    def _step(self, by: int) -> None:
        if self.shown is not None:
            place = self._sent.index(self.shown) + by
            if 0 <= place < len(self._sent):
                self.show(self._sent[place])

    @property
    def widgets(self) -> list[Any]:
        """What the tab shows."""
        return [self.box]
