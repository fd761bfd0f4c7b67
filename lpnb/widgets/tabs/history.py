"""The History tab: search the session's sends, reopen, resend and compare them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from lpnb._internal import event_loop
from lpnb._internal.display import count
from lpnb.errors import LpnbError
from lpnb.widgets import html_views
from lpnb.widgets.send.history_store import MAX_AGE
from lpnb.widgets.send.landing_lookup import LandingLookup, is_free_to_ask
from lpnb.widgets.send.send_history import SendHistory
from lpnb.widgets.send.sent_request import SentRequest
from lpnb.widgets.send.sent_views import difference_html, send_html
from lpnb.widgets.styles import WidgetFactory, set_visible

#: How many sends are listed at once.
_PAGE = 12


class HistoryTab:
    """The list of sends with a search box, and what can be done with the one that is chosen.

    Args:
        history: The explorer's sends, and what is kept of them.
        factory: The panel's layouts.
        reopen: Called with a send that is to be shown in the form again.
        resend: Called with a send that is to be sent anew for a fresh consumer.
        follow: Called with a send to show in the tab that follows it, with the conversation in its way.
        lookup: What asks where a send landed.
        on_forget: Called when every send has been forgotten.
    """

    def __init__(
        self,
        history: SendHistory,
        factory: WidgetFactory,
        reopen: Callable[[SentRequest], None],
        resend: Callable[[SentRequest], None],
        follow: Callable[[SentRequest], None],
        lookup: LandingLookup,
        on_forget: Callable[[], None],
    ) -> None:
        self._history, self._sends, self._factory = history, history.sends, factory
        self._lookup, self._on_forget = lookup, on_forget
        self._asked_sends: set[SentRequest] = set()
        self._start = 0
        self.selection: SentRequest | None = None
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
        self.difference = factory.html("", "lpnb-diff")
        self.other = ipw.Text(description="Compare with #", layout=factory.plain, style=factory.text)
        self._note = factory.html("", "lpnb-note", "lpnb-flat")

        def with_selection(action: Callable[[SentRequest], None]) -> Callable[[object], None]:
            return lambda _: self._run_action(action)

        self.reopen = factory.button(
            "Reopen", with_selection(reopen), tooltip="Back into the form, for its consumer"
        )
        self.resend = factory.button("Send again for a new consumer", with_selection(resend))
        self.follow = factory.button("Follow", with_selection(follow))
        compare = factory.button("Compare", with_selection(self._compare))
        self._selection_box = factory.vbox(
            [
                factory.box([self.reopen, self.resend, self.follow, self.other, compare], "lpnb-tools"),
                self._note, self.difference, self._detail,
            ],
            "lpnb-chosen", "lpnb-hidden",
        )  # fmt: skip
        self.box = factory.vbox(
            [
                self.search,
                self._about,
                self.rows,
                factory.box([self._newer, self._older], "lpnb-tools"),
                self._selection_box,
                *self._make_keep_widgets(factory),
            ],
            "lpnb-tab",
        )
        self.refresh()

    def _make_keep_widgets(self, factory: WidgetFactory) -> list[Any]:
        self.keep = ipw.Checkbox(
            value=self._history.is_kept, indent=False, layout=factory.plain, _dom_classes=("lpnb-tick",),
            description="Keep the form and these sends on disk, personal values included",
        )  # fmt: skip
        self.keep.observe(lambda change: self._on_keep(change["new"]), names="value")
        self.forget_button = factory.button("Forget all", lambda _: self.forget_all(), "lpnb-tool")
        self._keep_note = factory.html("", "lpnb-note", "lpnb-flat")
        self._show_keeping()
        return [
            factory.html("<h3>Kept</h3>", "lpnb-head"),
            factory.box([self.keep, self.forget_button], "lpnb-tools"),
            self._keep_note,
        ]

    def _on_keep(self, is_kept: bool) -> None:
        self._history.keep(is_kept)
        self._show_keeping()

    def forget_all(self) -> None:
        """Forget every send, in memory and on disk."""
        self._history.forget_all()
        self.selection = None
        self.keep.value = False
        set_visible(self._selection_box, False)
        self._show_keeping()
        self._on_forget()
        self.refresh()

    def _show_keeping(self) -> None:
        folder = html_views.shortened(str(self._history.store.folder.resolve()), 200)
        if self._history.is_kept:
            words = f"Kept in {folder}, which only you can read: each for {MAX_AGE.days} days. "
        else:
            words = (
                f"Kept in memory until this program ends. With the tick they are kept in {folder} for "
                f"{MAX_AGE.days} days. "
            )
        self._keep_note.value = html_views.note_html(
            words + "Tokens and secrets are never written. “Forget all” deletes all of it.",
            self._history.trouble,
        )

    def refresh(self) -> None:
        """Show the list as it is now."""
        query = self.search.value.strip()
        matching = [send for send in reversed(self._sends) if not query or send.matches(query)]
        self._start = max(0, min(self._start, max(0, len(matching) - 1) // _PAGE * _PAGE))
        page = matching[self._start : self._start + _PAGE]
        buttons = list(self.rows.children)
        while len(buttons) < len(page):
            place = len(buttons)
            buttons.append(self._factory.button("", lambda _, place=place: self._on_row(place), "lpnb-row"))
        for place, button in enumerate(buttons):
            set_visible(button, place < len(page))
            if place < len(page):
                is_selection = page[place] is self.selection
                button.description = page[place].history_row + (" · shown below" if is_selection else "")
                (button.add_class if is_selection else button.remove_class)("lpnb-chosen-row")
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
        text = f"{count(len(self._sends), 'send')} here, the newest first."
        if query:
            text = f"{len(matching)} of {count(len(self._sends), 'send')} found."
        self._about.value = html_views.note_html(text if self._sends else "Nothing was sent yet.")
        self._ask_landings()

    def _ask_landings(self) -> None:
        """Ask where those on the page landed, where that costs nothing and nobody has asked."""
        for send in self._page:
            if send.landing is None and send not in self._asked_sends and is_free_to_ask(send):
                self._asked_sends.add(send)
                event_loop.submit(self._find_quietly(send))

    async def _find_quietly(self, send: SentRequest) -> None:
        with contextlib.suppress(LpnbError):  # whoever follows it is told
            await self._lookup.find(send)

    def _show_from(self, start: int) -> None:
        self._start = start
        self.refresh()

    def _on_row(self, place: int) -> None:
        if place < len(self._page):
            self.choose(self._page[place])

    def choose(self, send: SentRequest) -> None:
        """Show *send* below the list."""
        self.selection = send
        self._note.value = self.difference.value = ""
        self.other.value = str(send.number - 1) if send.number > 1 else ""
        self._detail.value = send_html(send)
        self.follow.description = "Go on in the open one" if send.response.open_for else "Follow"
        set_visible(self._selection_box, True)
        self.refresh()

    def _run_action(self, action: Callable[[SentRequest], None]) -> None:
        if self.selection is None:
            return
        try:
            self._note.value = ""
            action(self.selection)
        except Exception as error:  # an exception in a callback would vanish unseen
            words = (
                str(error)
                if isinstance(error, ValueError | LpnbError)
                else f"{type(error).__name__}: {error}"
            )
            self._note.value = html_views.note_html("", words)

    def _compare(self, selection: SentRequest) -> None:
        query = self.other.value.strip().lstrip("#")
        other = next((send for send in self._sends if str(send.number) == query), None)
        if other is None:
            self._note.value = html_views.note_html("", f"There is no send #{query}.")
            return
        self._note.value = ""
        self.difference.value = difference_html(other, selection)

    @property
    def widgets(self) -> list[Any]:
        """What the tab shows."""
        return [self.box]
