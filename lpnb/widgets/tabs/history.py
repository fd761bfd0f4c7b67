"""The History tab: search the session's sends, reopen, resend and compare them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as ipw

from lpnb.errors import LpnbError
from lpnb.widgets import html_views
from lpnb.widgets.send.sent_request import SentRequest
from lpnb.widgets.send.sent_views import difference_html, sent_html
from lpnb.widgets.styles import WidgetFactory, set_visible

#: How many sends are listed at once.
_PAGE = 12


class HistoryTab:
    """The list of sends with a search box, and what can be done with the one that is chosen.

    Args:
        sent: The explorer's list, which grows.
        factory: The panel's layouts.
        reopen: Called with a send that is to be shown in the form again.
        resend: Called with a send that is to be sent anew for a fresh consumer.
        follow: Called with a send to show in the tab that follows it.
    """

    def __init__(
        self,
        sent: Sequence[SentRequest],
        factory: WidgetFactory,
        reopen: Callable[[SentRequest], None],
        resend: Callable[[SentRequest], None],
        follow: Callable[[SentRequest], None],
    ) -> None:
        self._sent, self._factory = sent, factory
        self._start = 0
        self.chosen: SentRequest | None = None
        self.search = ipw.Text(
            description="Search",
            placeholder="consumer, outcome, any value sent",
            layout=factory.plain,
            style=factory.text,
        )
        self.search.observe(lambda _: self._show_from(0), names="value")
        self._about = factory.html("", "lpnb-note", "lpnb-flat")
        self.rows = factory.vbox([], "lpnb-rows")
        self._newer = factory.button("Newer", lambda _: self._show_from(self._start - _PAGE), "lpnb-tool")
        self._older = factory.button("Older", lambda _: self._show_from(self._start + _PAGE), "lpnb-tool")
        self._detail = factory.html("", "lpnb-answers")
        self.compared = factory.html("", "lpnb-diff")
        self.other = ipw.Text(description="Compare with #", layout=factory.plain, style=factory.text)
        self._note = factory.html("", "lpnb-note", "lpnb-flat")

        def with_chosen(action: Callable[[SentRequest], None]) -> Callable[[object], None]:
            return lambda _: self._run_action(action)

        self.reopen = factory.button(
            "Reopen", with_chosen(reopen), tooltip="Back into the form, for its consumer"
        )
        self.resend = factory.button("Resend as new", with_chosen(resend), tooltip="For a fresh consumer id")
        follow_it = factory.button("Follow", with_chosen(follow))
        compare = factory.button("Compare", with_chosen(self._compare))
        self._chosen_box = factory.vbox(
            [
                factory.box([self.reopen, self.resend, follow_it, self.other, compare], "lpnb-tools"),
                self._note, self.compared, self._detail,
            ],
            "lpnb-chosen", "lpnb-hidden",
        )  # fmt: skip
        self.box = factory.vbox(
            [
                self.search,
                self._about,
                self.rows,
                factory.box([self._newer, self._older], "lpnb-tools"),
                self._chosen_box,
            ],
            "lpnb-tab",
        )
        self.refresh()

    def refresh(self) -> None:
        """Show the list as it is now."""
        query = self.search.value.strip()
        matching = [sent for sent in reversed(self._sent) if not query or sent.matches(query)]
        self._start = max(0, min(self._start, max(0, len(matching) - 1) // _PAGE * _PAGE))
        page = matching[self._start : self._start + _PAGE]
        buttons = list(self.rows.children)
        while len(buttons) < len(page):
            place = len(buttons)
            buttons.append(self._factory.button("", lambda _, place=place: self._on_row(place), "lpnb-row"))
        for place, button in enumerate(buttons):
            set_visible(button, place < len(page))
            if place < len(page):
                button.description = page[place].title
                # A class for each outcome, so that the list is read at a glance.
                outcome = page[place].response.outcome.replace(" ", "-")
                for each in ("answered", "refused", "unknown", "not-sent"):
                    (button.add_class if each == outcome else button.remove_class)(f"lpnb-{each}")
        self._page = page
        if len(buttons) != len(self.rows.children):
            self.rows.children = buttons
        for button, visible in (
            (self._newer, self._start > 0),
            (self._older, self._start + _PAGE < len(matching)),
        ):
            set_visible(button, visible)
        text = f"{html_views.count(len(self._sent), 'send')} in this session, the newest first."
        if query:
            text = f"{len(matching)} of {html_views.count(len(self._sent), 'send')} found."
        self._about.value = html_views.note_html(text if self._sent else "Nothing was sent yet.")

    def _show_from(self, start: int) -> None:
        self._start = start
        self.refresh()

    def _on_row(self, place: int) -> None:
        if place < len(self._page):
            self.choose(self._page[place])

    def choose(self, sent: SentRequest) -> None:
        """Show *sent* below the list."""
        self.chosen = sent
        self._note.value = self.compared.value = ""
        if not self.other.value and sent.number > 1:
            self.other.value = str(sent.number - 1)
        self._detail.value = sent_html(sent)
        set_visible(self._chosen_box, True)

    def _run_action(self, action: Callable[[SentRequest], None]) -> None:
        if self.chosen is None:
            return
        try:
            self._note.value = ""
            action(self.chosen)
        except Exception as error:  # an exception in a callback would vanish unseen
            words = (
                str(error)
                if isinstance(error, ValueError | LpnbError)
                else f"{type(error).__name__}: {error}"
            )
            self._note.value = html_views.note_html("", words)

    def _compare(self, chosen: SentRequest) -> None:
        query = self.other.value.strip().lstrip("#")
        other = next((sent for sent in self._sent if str(sent.number) == query), None)
        if other is None:
            self._note.value = html_views.note_html("", f"There is no send #{query}.")
            return
        self._note.value = ""
        self.compared.value = difference_html(other, chosen)

    @property
    def widgets(self) -> list[Any]:
        """What the tab shows."""
        return [self.box]
