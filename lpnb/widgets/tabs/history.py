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
        kit: The panel's layouts.
        reopen: Called with a send that is to be shown in the sheet again.
        resend: Called with a send that is to be sent anew for a fresh consumer.
        follow: Called with a send to show in the tab that follows it.
    """

    def __init__(
        self,
        sent: Sequence[SentRequest],
        kit: WidgetFactory,
        reopen: Callable[[SentRequest], None],
        resend: Callable[[SentRequest], None],
        follow: Callable[[SentRequest], None],
    ) -> None:
        self._sent, self._kit = sent, kit
        self._start = 0
        self.chosen: SentRequest | None = None
        self.search = ipw.Text(
            description="Search",
            placeholder="consumer, outcome, any value sent",
            layout=kit.plain,
            style=kit.text,
        )
        self.search.observe(lambda _: self._from(0), names="value")
        self._about = kit.html("", "lpnb-note", "lpnb-flat")
        self.rows = kit.vbox([], "lpnb-rows")
        self._newer = kit.button("Newer", lambda _: self._from(self._start - _PAGE), "lpnb-tool")
        self._older = kit.button("Older", lambda _: self._from(self._start + _PAGE), "lpnb-tool")
        self._detail = kit.html("", "lpnb-answers")
        self.compared = kit.html("", "lpnb-diff")
        self.other = ipw.Text(description="Compare with #", layout=kit.plain, style=kit.text)
        self._note = kit.html("", "lpnb-note", "lpnb-flat")

        def on_chosen(work: Callable[[SentRequest], None]) -> Callable[[object], None]:
            return lambda _: self._do(work)

        self.reopen = kit.button("Reopen", on_chosen(reopen), tooltip="Back into the form, for its consumer")
        self.resend = kit.button("Resend as new", on_chosen(resend), tooltip="For a fresh consumer id")
        follow_it = kit.button("Follow", on_chosen(follow))
        compare = kit.button("Compare", on_chosen(self._compare))
        self._chosen_box = kit.vbox(
            [
                kit.box([self.reopen, self.resend, follow_it, self.other, compare], "lpnb-tools"),
                self._note, self.compared, self._detail,
            ],
            "lpnb-chosen", "lpnb-hidden",
        )  # fmt: skip
        self.box = kit.vbox(
            [
                self.search,
                self._about,
                self.rows,
                kit.box([self._newer, self._older], "lpnb-tools"),
                self._chosen_box,
            ],
            "lpnb-tab",
        )
        self.refresh()

    def refresh(self) -> None:
        """Show the list as it is now."""
        wanted = self.search.value.strip()
        found = [sent for sent in reversed(self._sent) if not wanted or sent.speaks_of(wanted)]
        self._start = max(0, min(self._start, max(0, len(found) - 1) // _PAGE * _PAGE))
        page = found[self._start : self._start + _PAGE]
        buttons = list(self.rows.children)
        while len(buttons) < len(page):
            place = len(buttons)
            buttons.append(self._kit.button("", lambda _, place=place: self._press(place), "lpnb-row"))
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
        for button, wanted_there in (
            (self._newer, self._start > 0),
            (self._older, self._start + _PAGE < len(found)),
        ):
            set_visible(button, wanted_there)
        said = f"{html_views.count(len(self._sent), 'send')} in this session, the newest first."
        if wanted:
            said = f"{len(found)} of {html_views.count(len(self._sent), 'send')} found."
        self._about.value = html_views.note_html(said if self._sent else "Nothing was sent yet.")

    def _from(self, start: int) -> None:
        self._start = start
        self.refresh()

    def _press(self, place: int) -> None:
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

    def _do(self, work: Callable[[SentRequest], None]) -> None:
        if self.chosen is None:
            return
        try:
            self._note.value = ""
            work(self.chosen)
        except Exception as error:  # an exception in a callback would vanish unseen
            words = (
                str(error)
                if isinstance(error, ValueError | LpnbError)
                else f"{type(error).__name__}: {error}"
            )
            self._note.value = html_views.note_html("", words)

    def _compare(self, chosen: SentRequest) -> None:
        wanted = self.other.value.strip().lstrip("#")
        other = next((sent for sent in self._sent if str(sent.number) == wanted), None)
        if other is None:
            self._note.value = html_views.note_html("", f"There is no send #{wanted}.")
            return
        self._note.value = ""
        self.compared.value = difference_html(other, chosen)

    @property
    def widgets(self) -> list[Any]:
        """What the tab shows."""
        return [self.box]
