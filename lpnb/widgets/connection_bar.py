"""The explorer's connection bar: account, token lifetime, health check, and switching to another account."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from lpnb._internal import event_loop
from lpnb._internal.display import esc
from lpnb._internal.json_codec import clean
from lpnb.client import AsyncClient, Client
from lpnb.client.connect import shared_sandbox
from lpnb.errors import LpnbError
from lpnb.settings import Settings, profiles
from lpnb.widgets import html_views
from lpnb.widgets.html_views import error_text
from lpnb.widgets.styles import WidgetFactory, insert_after, set_visible

AnyClient = Client | AsyncClient
#: How often the token's time is looked at, in seconds.
_REFRESH_INTERVAL = 30.0
_SANDBOX = "Sandbox on this machine"
_KEYS = {
    "Ctrl+Enter": "send, or run under Experiment", "Escape": "close an open list",
    "Ctrl+Alt+D": "duplicate", "Ctrl+Alt+Z": "undo", "Ctrl+Alt+F": "find a field", "Ctrl+Alt+H": "this list",
}  # fmt: skip
#: Which of its two parts is shown, the style sheet decides by what the page's script has marked.
_KEYS_HTML = (
    '<details class="lpnb-help"><summary>Keys</summary><dl class="lpnb-with-keys">'
    + "".join(f"<dt><kbd>{key}</kbd></dt><dd>{what}</dd>" for key, what in _KEYS.items())
    + "</dl><p><kbd>Enter</kbd> in <i>Message</i> says it, and in <i>Find a field</i> goes there. "
    "<kbd>Tab</kbd> at the head of a part comes to <i>Skip to Send</i>.</p>"
    '<p class="lpnb-without-keys">All other keys belong to this front end. In JupyterLab and Notebook 7 with '
    "lpnb installed beside them, and in <code>lpnb app</code>, there are more.</p></details>"
)


class ConnectionBar:
    """What is known of the connection, and the way to another one.

    Args:
        client: Who talks to the account now.
        factory: The panel's layouts.
        on_switch: Called with the client to go over to.
        is_busy: Whether a send is under way; then nothing is changed.
        css: The panel's rules.
        directory: Where to look for ``.env`` files.
    """

    def __init__(
        self,
        client: AnyClient,
        factory: WidgetFactory,
        on_switch: Callable[[AnyClient], None],
        is_busy: Callable[[], bool],
        css: str,
        directory: str | Path = ".",
    ) -> None:
        self._client, self._factory, self._on_switch, self._is_busy = client, factory, on_switch, is_busy
        self._css, self._directory = css, directory
        self._clients: dict[str, AnyClient] = {"The connection this explorer was opened with": client}
        self._health = "not asked yet"
        self._state = "idle"
        self._pending_client: AnyClient | None = None
        self._timer_running = False
        self._closed = False
        # Rules for the whole panel travel in the badge's widget: one less to be made.
        self.badge = factory.html(self._badge_html())
        self.facts = factory.html(self._facts_html(), "lpnb-facts")
        self.check_button = factory.button(
            "Check", lambda _: self.check(), "lpnb-tool", tooltip="Ask the account"
        )
        self.switch_button = factory.button("Switch …", lambda _: self._toggle(), "lpnb-tool")
        self.drawer: Any = None
        self._open = False
        self._row = factory.box([self.facts, self.check_button, self.switch_button], "lpnb-connection")
        self.widgets = [self.badge, self._row]

    def _badge_html(self) -> str:
        settings = self._client.settings
        more = _KEYS_HTML + _settings_html(settings)
        return f"<style>{self._css}</style>{html_views.bar_html('Explorer', settings, more)}"

    def _build_drawer(self) -> None:
        """Make what the drawer holds, when it is first needed."""
        if self.drawer is not None:
            return
        factory = self._factory
        self.cards = factory.box([], "lpnb-cards")
        self.question = factory.html("", "lpnb-question")
        text = "Yes, use the real account"
        self.yes_button = factory.button(text, lambda _: self._confirm_switch(), "lpnb-danger", "lpnb-hidden")
        self.stay_button = factory.button("Stay", lambda _: self._cancel_switch(), "lpnb-hidden")
        parts = [self.cards, self.question, factory.box([self.yes_button, self.stay_button], "lpnb-tools")]
        self.drawer = factory.vbox(parts, "lpnb-drawer", "lpnb-hidden")
        insert_after(self._row, self.switch_button, self.drawer)

    # What is known

    def _facts_html(self) -> str:
        facts = [
            ("Account", self._client.settings.account_id, ""),
            ("Token", self._token_text(), ""),
            ("Health", self._health, self._state),
        ]
        return "".join(
            f'<span data-state="{state}"><b>{name}</b> {esc(text)}</span>' for name, text, state in facts
        )

    def _token_text(self) -> str:
        token = self._client.engine.app_jwt
        if token is None:
            return "none yet; fetched with the first send"
        seconds = token.renew_at - time.monotonic()
        return f"renewed in {seconds / 60:.0f} min" if seconds > 90 else f"renewed in {max(seconds, 0):.0f} s"

    def refresh(self) -> None:
        """Show what is known now, and look at the token again while there is one."""
        self.facts.value = self._facts_html()
        if not self._timer_running and self._client.engine.app_jwt is not None:
            self._timer_running = True
            loop = event_loop.loop()
            loop.call_soon_threadsafe(loop.call_later, _REFRESH_INTERVAL, self._refresh_periodically)

    def _refresh_periodically(self) -> None:
        self._timer_running = False
        if self.facts.comm is not None:  # it has not been closed
            self.refresh()

    def set_health(self, healthy: bool, text: str) -> None:
        """Remember whether the account has answered."""
        self._state, self._health = ("good" if healthy else "bad"), text
        self.refresh()

    def check(self) -> Any:
        """Ask the account for its hosts and a token; return the future of it."""
        self.check_button.disabled = True
        return event_loop.submit(self._check())

    async def _check(self) -> None:
        client, started_at = self._client, time.perf_counter()
        try:
            await client.engine.refresh_origins()
            await client.engine.ready()
            elapsed_ms = (time.perf_counter() - started_at) * 1000
            self.set_health(True, f"answers, {elapsed_ms:.0f} ms for hosts and token")
        except Exception as error:  # an exception in a task would vanish unseen
            self.set_health(False, error_text(error, client))
        finally:
            self.check_button.disabled = False

    # Another one

    def _toggle(self) -> None:
        self._build_drawer()
        self._open = not self._open
        self._show_drawer()
        self._cancel_switch()
        if self._open:
            self.cards.children = [
                self._card(name, make_client) for name, make_client in self._connections().items()
            ]

    def _show_drawer(self) -> None:
        set_visible(self.drawer, self._open)
        (self.switch_button.add_class if self._open else self.switch_button.remove_class)("lpnb-open")

    def _connections(self) -> dict[str, Callable[[], AnyClient]]:
        """Every connection there is, by its name; each is made when it is chosen."""
        connections: dict[str, Callable[[], AnyClient]] = {
            name: partial(self._clients.__getitem__, name) for name in self._clients
        }
        connections.setdefault(_SANDBOX, partial(self._connect, _SANDBOX, _sandbox_settings))
        for profile in profiles(self._directory):
            name = "Settings in .env" if profile is None else f"Profile {profile}"
            load = partial(Settings.load, profile, self._directory)
            connections.setdefault(name, partial(self._connect, name, load))
        return connections

    def _connect(self, name: str, settings: Callable[[], Settings]) -> AnyClient:
        self._clients[name] = type(self._client)(settings())
        return self._clients[name]

    def _card(self, name: str, make_client: Callable[[], AnyClient]) -> Any:
        in_use = name in self._clients and self._clients[name] is self._client
        card = self._factory.button(
            clean(name + (" (in use)" if in_use else "")), lambda _: self.choose(make_client), "lpnb-card"
        )
        card.disabled = in_use
        return card

    def choose(self, make_client: Callable[[], AnyClient]) -> Any:
        """Go over to what *make_client* returns; of a real account it asks first. Returns the future."""
        self._build_drawer()
        self._cancel_switch()  # a question that stands there is about another account
        return event_loop.submit(self._choose(make_client))

    async def _choose(self, make_client: Callable[[], AnyClient]) -> None:
        try:
            # The sandbox takes a moment to start, and reading files is no work for this loop.
            client = await asyncio.to_thread(make_client)
            if client.settings.on_loopback:
                self._switch_to(client)
                return
        except Exception as error:  # an exception in a task would vanish unseen
            self._cancel_switch()
            text = str(error) if isinstance(error, LpnbError) else f"{type(error).__name__}: {error}"
            self.question.value = html_views.status_html("failed", text)
            return
        self._pending_client = client
        self.question.value = html_views.status_html(
            "ask",
            f"{html_views.account_label(client.settings)} through {client.settings.domain_api} is real: "
            "what you send from here then opens conversations that people answer. "
            "Nothing is sent by going over.",
        )
        for button in (self.yes_button, self.stay_button):
            set_visible(button, True)
        self.yes_button.focus()

    def _confirm_switch(self) -> None:
        if self._pending_client is not None:
            self._switch_to(self._pending_client)

    def _cancel_switch(self) -> None:
        self._pending_client = None
        self.question.value = ""
        for button in (self.yes_button, self.stay_button):
            set_visible(button, False)

    def _switch_to(self, client: AnyClient) -> None:
        if self._is_busy():
            self.question.value = html_views.status_html(
                "failed", "A send is under way. Wait for its end, then switch."
            )
            return
        self._client = client
        self._state, self._health = "idle", "not asked yet"
        self._open = False
        self._show_drawer()
        self._cancel_switch()
        self.badge.value = self._badge_html()
        self.refresh()
        self._on_switch(client)


def _settings_html(settings: Settings) -> str:
    """Every setting that is set, secrets masked, and where it is from; to be opened."""
    rows = "".join(
        f"<dt><code>{esc(name)}</code></dt><dd>{esc(value)}"
        + (f"<small>from {esc(source)}</small>" if source != "default" else "")
        + "</dd>"
        for name, value, source in settings.shown()
        if value
    )
    return f"<details><summary>Settings</summary><dl>{rows}</dl></details>"


def _sandbox_settings() -> Settings:
    return Settings.of(shared_sandbox().environment())
