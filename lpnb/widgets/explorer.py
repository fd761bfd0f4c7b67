"""``Explorer``: an ipywidgets panel with tabs to compose, send, follow, list, vary and export requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as ipw
from traitlets import TraitError

from lpnb._internal.display import esc
from lpnb.client import AsyncClient, Client
from lpnb.errors import LpnbError
from lpnb.models.batches import ConversationBatch
from lpnb.models.outgoing import EncodedBatch
from lpnb.models.responses import BatchResponse
from lpnb.widgets import html_views
from lpnb.widgets.base_panel import BasePanel
from lpnb.widgets.connection_bar import ConnectionBar
from lpnb.widgets.form.batch_form import BatchForm
from lpnb.widgets.form.engagement_lookup import EngagementLookup
from lpnb.widgets.form.payload_library import DEFAULT_LIBRARY, PayloadLibrary
from lpnb.widgets.saved_output import SavedOutput
from lpnb.widgets.send.history_store import DEFAULT_HISTORY
from lpnb.widgets.send.landing_lookup import LandingLookup
from lpnb.widgets.send.request_preview import request_html
from lpnb.widgets.send.send_history import SendHistory
from lpnb.widgets.send.sent_request import SentRequest
from lpnb.widgets.styles import WidgetFactory, css, set_visible
from lpnb.widgets.tabs.code import CodeTab, cell_code
from lpnb.widgets.tabs.experiment import ExperimentTab, saved_table_html
from lpnb.widgets.tabs.follow import FollowTab
from lpnb.widgets.tabs.history import HistoryTab
from lpnb.widgets.toolbar import Toolbar

TABS = ("Compose", "Send & follow", "History", "Experiment", "As code")


class Explorer(BasePanel):
    """The tool to open first and keep open. Show it as a cell's last line.

    It never blocks the kernel, sends nothing by itself, and asks before it sends to a real account. What was
    sent last stays readable in the notebook without a kernel. Form and history live in the kernel's memory;
    after a tick under History they are kept on disk too, and a new explorer in the same folder takes them up.

    Args:
        client: Who sends, a ``Client`` or an ``AsyncClient``; ``connect()`` when left out.
        library: The JSON file that payloads are saved into; ``lpnb-library.json`` here when left out.
        history: The folder that form and history are kept in after the tick; ``lpnb-history`` here when
            left out. Its owner alone can read it, tokens and secrets are never in it, and what is older
            than 30 days is deleted.

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

    def __init__(
        self,
        client: Client | AsyncClient | None = None,
        *,
        library: str | Path = DEFAULT_LIBRARY,
        history: str | Path = DEFAULT_HISTORY,
    ) -> None:
        self._history = SendHistory(history, self._plain_values, lambda: self.client)
        self._kept_experiment: Any = None
        self._landing_lookup = LandingLookup(self._on_landing)
        self._library = PayloadLibrary(library)
        self._tabs_by_name: dict[str, Any] = {}
        self._follow_button: Any = None
        self._saved_output = SavedOutput(self._saved_html)
        super().__init__(client)
        self._restore()

    def _restore(self) -> None:
        """Come back to the form and the sends that an earlier explorer kept in this folder."""
        form = self._history.restore()
        for send in self.sent:
            if send.response.outcome == "unknown":
                self.sender.add_unknown_outcome(send.consumer_id)
        if form is not None:
            try:
                self._kept_experiment = form.get("experiment")
                self.batch_form.restore_plain(form)
            except (KeyError, TypeError, LpnbError):
                self._history.trouble = "The form that was kept cannot be read, and is left out."
        if self.sent:
            self._show_count()

    def _plain_values(self) -> dict[str, Any]:
        """What form and experiment hold, as plain values."""
        tab = self._tabs_by_name.get("Experiment")
        experiment = self._kept_experiment if tab is None else tab.plain_values()
        return {**self.batch_form.plain_values(), "experiment": experiment}

    def _experiment_tab(self) -> ExperimentTab:
        form, history = self.batch_form, self._history
        tab = ExperimentTab(form, self._factory, lambda: self.client, self._saved_output.update)
        try:
            tab.restore_plain(self._kept_experiment or {})
        except (KeyError, TypeError, ValueError, TraitError):
            history.trouble = "The experiment that was kept cannot be read, and is left out."
        tab.on_change = history.form_changed
        return tab

    @property
    def sent(self) -> list[SentRequest]:
        """Every send, the oldest first, those included that were kept from earlier."""
        return self._history.sends

    def _show_count(self) -> None:
        self.tabs.set_title(TABS.index("History"), f"History ({len(self.sent)})" if self.sent else "History")

    def _on_landing(self, send: SentRequest) -> None:
        self._history.update(send)
        if (tab := self._tabs_by_name.get("History")) is not None:
            tab.refresh()

    def _extra_widgets(self, batch_form: BatchForm) -> list[Any]:
        self.lookup = EngagementLookup(batch_form, self._factory, lambda: self.client)
        return [self.lookup.button]

    def _make_widgets(self, factory: WidgetFactory) -> list[Any]:
        batch_form, sender = self.batch_form, self.sender
        styles = css("explorer.css") + self._saved_output.css
        self.connection = ConnectionBar(
            self.client, factory, self._switch_client, lambda: sender.busy, styles
        )
        self.toolbar = Toolbar(batch_form, factory, self._library)
        batch_form.expand_on_load = False
        compose = factory.vbox(
            [
                *self.toolbar.widgets,
                batch_form.left,
                batch_form.side,
                sender.row,
            ],
            "lpnb-compose",
            "lpnb-columns",
        )
        self._pages = {name: factory.vbox([]) for name in TABS[1:]}
        self.tabs = ipw.Tab(
            children=[compose, *self._pages.values()], titles=TABS, selected_index=0, layout=factory.plain,
            _dom_classes=("lpnb-tabs",),
        )  # fmt: skip
        self.tabs.observe(self._tab_chosen, names="selected_index")
        self._mark_account_kind()
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
            self.sender.show_error(error)

    def _tab(self, name: str) -> Any:
        """The tab *name*, made when it is first needed: what nobody looks at costs nothing."""
        if name not in self._tabs_by_name:
            tab_makers: dict[str, Callable[[], Any]] = {
                "Send & follow": lambda: FollowTab(
                    self.sent,
                    self._factory,
                    self._is_following,
                    self._landing_lookup,
                    lambda sent: self.sender.record_close(sent.consumer_id),
                ),
                "History": lambda: HistoryTab(
                    self._history,
                    self._factory,
                    self.reopen,
                    self.resend,
                    self._go_on,
                    self._landing_lookup,
                    self._forget_sends,
                ),
                "Experiment": self._experiment_tab,
                "As code": lambda: CodeTab(self._factory, self._code_writers(), self._payload),
            }
            self._tabs_by_name[name] = tab_makers[name]()
            self._pages[name].children = self._tabs_by_name[name].widgets
        return self._tabs_by_name[name]

    def _is_following(self) -> bool:
        return self.comm is not None and self.tabs.selected_index == TABS.index("Send & follow")

    def follow(self, sent: SentRequest) -> None:
        """Show *sent* in the tab that follows it."""
        self._tab("Send & follow").show(sent)
        self.open_tab("Send & follow")

    def _go_on(self, send: SentRequest) -> None:
        """Follow *send*, or the conversation that stood in its way."""
        self.follow(send)
        if send.response.open_for:
            self._tab("Send & follow").thread.find_open()

    def reopen(self, sent: SentRequest) -> None:
        """Show what was sent in the form again, for its consumer."""
        self.batch_form.reopen(sent.batch, sent.consumer_id)
        self.open_tab("Compose")

    def resend(self, sent: SentRequest) -> None:
        """Send it anew for a fresh consumer id; on a real account that asks first.

        Raises:
            ValueError: A send is under way. The form stays as it is.
        """
        if self.sender.busy:
            raise ValueError("A send is under way. Wait for its end, then resend.")
        self.batch_form.load(sent.batch)
        self.batch_form.new_id()
        self.open_tab("Compose")
        self.send_button.click()

    # Sending

    def _switch_client(self, client: Client | AsyncClient) -> None:
        self.client = client
        self.sender.set_client(client)
        self.batch_form.account_id = client.settings.account_id
        self._mark_account_kind()
        self.lookup.reset()
        if (experiment := self._tabs_by_name.get("Experiment")) is not None:
            experiment.reset()
        self.batch_form.render()
        self._saved_output.update_soon()

    def _mark_account_kind(self) -> None:
        """Make a real account unmistakable: the whole panel looks different, and so does its button."""
        settings = self.client.settings
        is_real = not settings.on_loopback
        button = self.send_button
        button.description = f"Send to {html_views.account_label(settings)}" if is_real else "Send"
        (button.add_class if is_real else button.remove_class)("lpnb-real")

    def _begin_send(self, client: Client | AsyncClient, batch: ConversationBatch, consumer_id: str) -> None:
        self._history.begin(client, batch, consumer_id)

    def _forget_sends(self) -> None:
        self.responses.clear()
        self._show_count()
        if (follow := self._tabs_by_name.get("Send & follow")) is not None:
            follow.show(None)
        self._saved_output.update()

    def _show_response(
        self, client: Client | AsyncClient, batch: ConversationBatch, response: BatchResponse
    ) -> None:
        self.responses.append(response)
        self._history.add(client, batch, response)
        follow = self._tabs_by_name.get("Send & follow")
        if follow is not None:
            follow.show(self.sent[-1])
        if (history := self._tabs_by_name.get("History")) is not None:
            history.refresh()
        self._show_count()
        if self._follow_button is None:
            row, status, late = self.sender.row, self.sender.status, self._factory.button_after
            self._follow_button = late(row, status, "", lambda _: self.follow(self.sent[-1]))
            self._go_on_button = late(
                row, self._follow_button, "Go on in the open one", lambda _: self._go_on(self.sent[-1])
            )
        has_landing = bool(response.conversation_id)
        self._follow_button.description = "Where it landed, and why" if has_landing else "See the answer"
        set_visible(self._go_on_button, bool(response.open_for))
        status = response.http_status
        words = "no answer to the last send" if status is None else f"HTTP {status} for the last send"
        if status is not None and response.elapsed_ms is not None:
            words += f", {response.elapsed_ms:,.0f} ms, {html_views.size_text(len(response.raw))}"
        if status is None and response.outcome == "not sent":
            words = "the last send did not get as far as its call"
        self.connection.set_health(status is not None and status < 500, words)
        self.batch_form.show_request()
        self._saved_output.update()

    def _request_html(self, outgoing: EncodedBatch | None) -> str:
        return request_html(self.client, outgoing)

    def _on_change(self) -> None:
        super()._on_change()
        self.toolbar.update_buttons()
        self._history.form_changed()
        self._saved_output.update_soon()

    # Code

    def _payload(self) -> tuple[ConversationBatch | None, str]:
        return (None if self.complaints else self.batch), self.consumer_id.value

    def _code_writers(self) -> dict[str, Any]:
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

    def _saved_html(self) -> tuple[str, str]:
        html = html_views.fallback_html("Explorer", self.client.settings, self._frames_text(), self.responses)
        html += saved_table_html(self._tabs_by_name.get("Experiment"))
        return html, repr(self)

    def _ipython_display_(self, **_: Any) -> None:
        from IPython.display import display

        pointer = f"<p>{esc(html_views.live_panel_hint())} What it held is below.</p>"
        display({**self._repr_mimebundle_(), "text/html": pointer}, raw=True)  # type: ignore[no-untyped-call]  # IPython has no types
        self._saved_output.show()
