"""``Explorer``: an ipywidgets panel with tabs to compose, send, follow, list, vary and export requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as ipw

from lpnb._internal.display import esc
from lpnb.client import AsyncClient, Client
from lpnb.models.batches import ConversationBatch
from lpnb.models.responses import BatchResponse
from lpnb.widgets import html_views
from lpnb.widgets.base_panel import BasePanel
from lpnb.widgets.connection_bar import ConnectionBar
from lpnb.widgets.form.batch_form import BatchForm
from lpnb.widgets.form.engagement_lookup import EngagementLookup
from lpnb.widgets.form.payload_library import LIBRARY, PayloadLibrary
from lpnb.widgets.saved_output import SavedOutput
from lpnb.widgets.send.request_preview import request_html
from lpnb.widgets.send.sent_request import SentRequest
from lpnb.widgets.styles import WidgetFactory, css, insert_after
from lpnb.widgets.tabs.code import CodeTab, cell_code
from lpnb.widgets.tabs.experiment import ExperimentTab, saved_table_html
from lpnb.widgets.tabs.follow import FollowTab
from lpnb.widgets.tabs.history import HistoryTab
from lpnb.widgets.toolbar import Toolbar

TABS = ("Compose", "Send & follow", "History", "Experiment", "As code")


class Explorer(BasePanel):
    """The tool to open first and keep open. Show it as a cell's last line.

    It never blocks the kernel, sends nothing by itself, and asks before it sends to a real account. What was
    sent last stays readable in the notebook without a kernel.

    Args:
        client: Who sends, a ``Client`` or an ``AsyncClient``; ``connect()`` when left out.
        library: The JSON file that payloads are saved into; ``lpnb-library.json`` here when left out.

    Example:
        >>> from lpnb import Client, Sandbox, Settings
        >>> with Sandbox() as sandbox:
        ...     explorer = Explorer(Client(Settings.of(sandbox.environment())))
        ...     explorer.field("personal.firstname").value = "John"
        ...     explorer.send_button.click()
        ...     response = explorer.wait()
        >>> [sent.response.outcome for sent in explorer.sent]
        ['answered']
    """

    def __init__(self, client: Client | AsyncClient | None = None, *, library: str | Path = LIBRARY) -> None:
        self.sent: list[SentRequest] = []
        self._library = PayloadLibrary(library)
        self._made: dict[str, Any] = {}
        self._follow_it: Any = None
        self._kept = SavedOutput(self._kept_html)
        super().__init__(client)

    def _below(self, sheet: BatchForm) -> list[Any]:
        self.lookup = EngagementLookup(sheet, self._kit, lambda: self.client)
        return [self.lookup.button]

    def _arrange(self, kit: WidgetFactory) -> list[Any]:
        sheet, sender = self.sheet, self.sender
        rules = css("explorer.css") + self._kept.css
        self.connection = ConnectionBar(self.client, kit, self._use, lambda: sender.busy, rules)
        self.toolbar = Toolbar(sheet, kit, self._library)
        sheet.opens = False
        compose = kit.vbox(
            [
                *self.toolbar.widgets,
                kit.box([sheet.left, sheet.side], "lpnb-columns"),
                sender.row,
            ],
            "lpnb-compose",
        )
        self._pages = {name: kit.vbox([]) for name in TABS[1:]}
        self.tabs = ipw.Tab(
            children=[compose, *self._pages.values()], titles=TABS, selected_index=0, layout=kit.plain,
            _dom_classes=("lpnb-tabs",),
        )  # fmt: skip
        self.tabs.observe(self._tab_chosen, names="selected_index")
        self._mark_world()
        self._show_request()
        return [*self.connection.widgets, self.tabs]

    # The tabs

    def open_tab(self, name: str) -> None:
        """Show the tab *name*."""
        self.tabs.selected_index = TABS.index(name)

    def _tab_chosen(self, change: dict[str, Any]) -> None:
        try:
            name = TABS[change["new"] or 0]
            if name == "Compose":
                return
            tab = self._tab(name)
            if name != "Send & follow":
                tab.refresh()
        except Exception as error:  # an exception in a callback would vanish unseen
            self.sender.fail(error)

    def _tab(self, name: str) -> Any:
        """The tab *name*, made when it is first needed: what nobody looks at costs nothing."""
        if name not in self._made:
            makers: dict[str, Callable[[], Any]] = {
                "Send & follow": lambda: FollowTab(self.sent, self._kit, self._follows),
                "History": lambda: HistoryTab(self.sent, self._kit, self.reopen, self.resend, self.follow),
                "Experiment": lambda: ExperimentTab(
                    self.sheet, self._kit, lambda: self.client, self._kept.now
                ),
                "As code": lambda: CodeTab(self._kit, self._writers(), self._payload),
            }
            self._made[name] = makers[name]()
            self._pages[name].children = self._made[name].widgets
        return self._made[name]

    def _follows(self) -> bool:
        return self.comm is not None and self.tabs.selected_index == TABS.index("Send & follow")

    def follow(self, sent: SentRequest) -> None:
        """Show *sent* in the tab that follows it."""
        self._tab("Send & follow").show(sent)
        self.open_tab("Send & follow")

    def reopen(self, sent: SentRequest) -> None:
        """Show what was sent in the form again, for its consumer."""
        self.sheet.reopen(sent.batch, sent.consumer_id)
        self.open_tab("Compose")

    def resend(self, sent: SentRequest) -> None:
        """Send it anew for a fresh consumer id; on a real account that asks first.

        Raises:
            ValueError: A send is under way. The form stays as it is.
        """
        if self.sender.busy:
            raise ValueError("A send is under way. Wait for its end, then resend.")
        self.sheet.load(sent.batch)
        self.sheet.new_id()
        self.open_tab("Compose")
        self.send_button.click()

    # Sending

    def _use(self, client: Client | AsyncClient) -> None:
        self.client = client
        self.sender.use(client)
        self.sheet.account_id = client.settings.account_id
        self._mark_world()
        self.lookup.other_account()
        if (experiment := self._made.get("Experiment")) is not None:
            experiment.other_account()
        self.sheet.render()
        self._kept.later()

    def _mark_world(self) -> None:
        """Make a real account unmistakable: the whole panel looks different, and so does its button."""
        settings = self.client.settings
        real = not settings.on_loopback
        button = self.send_button
        button.description = f"Send to {html_views.account_label(settings)}" if real else "Send"
        (button.add_class if real else button.remove_class)("lpnb-real")

    def _arrived(
        self, client: Client | AsyncClient, batch: ConversationBatch, response: BatchResponse
    ) -> None:
        self.responses.append(response)
        self.sent.append(SentRequest(len(self.sent) + 1, client, batch, response))
        follow = self._made.get("Send & follow")
        if follow is not None:
            follow.show(self.sent[-1])
        if (history := self._made.get("History")) is not None:
            history.refresh()
        self.tabs.set_title(TABS.index("History"), f"History ({len(self.sent)})")
        if self._follow_it is None:
            self._follow_it = self._kit.button("Follow it", lambda _: self.open_tab("Send & follow"))
            insert_after(self.sender.row, self.sender.status, self._follow_it)
        status = response.http_status
        words = "no answer to the last send" if status is None else f"HTTP {status} for the last send"
        if status is None and response.outcome == "not sent":
            words = "the last send did not get as far as its call"
        self.connection.learn(status is not None and status < 500, words)
        self._show_request()
        self._kept.now()

    def _show_request(self) -> None:
        self.sheet.request.value = request_html(self.client, self.batch)

    def _changed(self) -> None:
        super()._changed()
        self._show_request()
        self.toolbar.changed()
        self._kept.later()

    # Code

    def _payload(self) -> tuple[ConversationBatch | None, str]:
        return (None if self.complaints else self.batch), self.consumer_id.value

    def _writers(self) -> dict[str, Any]:
        from lpnb import snippets

        return {
            "Python with lpnb": snippets.as_python,
            "Python with httpx": snippets.as_httpx,
            "curl": snippets.as_curl,
            ".http file": snippets.as_http_file,
            "Postman": lambda batch, consumer: snippets.as_postman([(batch, consumer)]).collection,
            "A cell with this explorer": cell_code,
        }

    def to_cell(self) -> None:
        """Put the code that opens this explorer, with what it holds now, into a new cell below this one.

        Raises:
            ValueError: What it holds is wrong.
        """
        from IPython import get_ipython

        batch, consumer_id = self._payload()
        if batch is None:
            raise ValueError("There is no code for a payload that is wrong; see explorer.complaints.")
        code = cell_code(batch, consumer_id)
        shell = get_ipython()
        if shell is None:
            print(code)  # noqa: T201 - in plain Python there is no cell to put it into
        else:
            shell.set_next_input(code)

    # Where there are no widgets

    def _kept_html(self) -> tuple[str, str]:
        html = html_views.fallback_html("Explorer", self.client.settings, self._frames_text(), self.responses)
        html += saved_table_html(self._made.get("Experiment"))
        return html, repr(self)

    def _ipython_display_(self, **_: Any) -> None:
        from IPython.display import display

        pointer = (
            f"<p>{esc('The live explorer needs a running kernel and ipywidgets. What it held is below.')}</p>"
        )
        display({**self._repr_mimebundle_(), "text/html": pointer}, raw=True)  # type: ignore[no-untyped-call]  # IPython has no types
        self._kept.show()
