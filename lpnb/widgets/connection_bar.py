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
_TICK = 30.0
_SANDBOX = "Sandbox on this machine"


class ConnectionBar:
    """What is known of the connection, and the way to another one.

    Args:
        client: Who talks to the account now.
        kit: The panel's layouts.
        use: Called with the client to go over to.
        busy: Whether a send is under way; then nothing is changed.
        css: The panel's rules.
        directory: Where to look for ``.env`` files.
    """

    def __init__(
        self,
        client: AnyClient,
        kit: WidgetFactory,
        use: Callable[[AnyClient], None],
        busy: Callable[[], bool],
        css: str,
        directory: str | Path = ".",
    ) -> None:
        self._client, self._kit, self._use, self._busy = client, kit, use, busy
        self._css, self._directory = css, directory
        self._known: dict[str, AnyClient] = {"The connection this explorer was opened with": client}
        self._health = "not asked yet"
        self._state = "idle"
        self._wanted: AnyClient | None = None
        self._ticking = False
        self._closed = False
        # Rules for the whole panel travel in the badge's widget: one less to be made.
        self.badge = kit.html(self._badge_html())
        self.facts = kit.html(self._facts_html(), "lpnb-facts")
        self.check_button = kit.button(
            "Check", lambda _: self.check(), "lpnb-tool", tooltip="Ask the account"
        )
        self.switch_button = kit.button("Switch …", lambda _: self._toggle(), "lpnb-tool")
        self.drawer: Any = None
        self._open = False
        self._row = kit.box([self.facts, self.check_button, self.switch_button], "lpnb-connection")
        self.widgets = [self.badge, self._row]

    def _badge_html(self) -> str:
        return f"<style>{self._css}</style>{html_views.bar_html('Explorer', self._client.settings)}"

    def _need_drawer(self) -> None:
        """Make what the drawer holds, when it is first needed."""
        if self.drawer is not None:
            return
        kit = self._kit
        self.cards = kit.box([], "lpnb-cards")
        self.question = kit.html("", "lpnb-question")
        words = "Yes, use the real account"
        self.yes = kit.button(words, lambda _: self._agreed(), "lpnb-danger", "lpnb-hidden")
        self.no = kit.button("Stay", lambda _: self._forget(), "lpnb-hidden")
        parts = [self.cards, self.question, kit.box([self.yes, self.no], "lpnb-tools")]
        self.drawer = kit.vbox(parts, "lpnb-drawer", "lpnb-hidden")
        insert_after(self._row, self.switch_button, self.drawer)

    # What is known

    def _facts_html(self) -> str:
        facts = [
            ("Account", self._client.settings.account_id, ""),
            ("Token", self._token(), ""),
            ("Health", self._health, self._state),
        ]
        return "".join(
            f'<span data-state="{state}"><b>{name}</b> {esc(clean(said))}</span>'
            for name, said, state in facts
        )

    def _token(self) -> str:
        token = self._client.engine.app_jwt
        if token is None:
            return "none yet; fetched with the first send"
        left = token.renew_at - time.monotonic()
        return f"renewed in {left / 60:.0f} min" if left > 90 else f"renewed in {max(left, 0):.0f} s"

    def refresh(self) -> None:
        """Show what is known now, and look at the token again while there is one."""
        self.facts.value = self._facts_html()
        if self._client.engine.app_jwt is not None and not self._ticking:
            self._ticking = True
            loop = event_loop.loop()
            loop.call_soon_threadsafe(loop.call_later, _TICK, self._tick)

    def _tick(self) -> None:
        self._ticking = False
        if self.facts.comm is not None:  # it has not been closed
            self.refresh()

    def learn(self, ok: bool, words: str) -> None:
        """Remember whether the account has answered."""
        self._state, self._health = ("good" if ok else "bad"), words
        self.refresh()

    def check(self) -> Any:
        """Ask the account for its hosts and a token; return the future of it."""
        self.check_button.disabled = True
        return event_loop.submit(self._check())

    async def _check(self) -> None:
        client, begun = self._client, time.perf_counter()
        try:
            await client.engine.refresh_origins()
            await client.engine.ready()
            took = (time.perf_counter() - begun) * 1000
            self.learn(True, f"answers, {took:.0f} ms for hosts and token")
        except Exception as error:  # an exception in a task would vanish unseen
            self.learn(False, error_text(error, client))
        finally:
            self.check_button.disabled = False

    # Another one

    def _toggle(self) -> None:
        self._need_drawer()
        self._open = not self._open
        set_visible(self.drawer, self._open)
        self._forget()
        if self._open:
            self.cards.children = [self._card(name, pick) for name, pick in self._choices().items()]

    def _choices(self) -> dict[str, Callable[[], AnyClient]]:
        """Every connection there is, by its name; each is made when it is chosen."""
        found: dict[str, Callable[[], AnyClient]] = {
            name: partial(self._known.__getitem__, name) for name in self._known
        }
        found.setdefault(_SANDBOX, partial(self._connect, _SANDBOX, _sandbox_settings))
        for profile in profiles(self._directory):
            name = "Settings in .env" if profile is None else f"Profile {profile}"
            load = partial(Settings.load, profile, self._directory)
            found.setdefault(name, partial(self._connect, name, load))
        return found

    def _connect(self, name: str, settings: Callable[[], Settings]) -> AnyClient:
        self._known[name] = type(self._client)(settings())
        return self._known[name]

    def _card(self, name: str, pick: Callable[[], AnyClient]) -> Any:
        here = name in self._known and self._known[name] is self._client
        card = self._kit.button(
            clean(name + (" (in use)" if here else "")), lambda _: self.choose(pick), "lpnb-card"
        )
        card.disabled = here
        return card

    def choose(self, pick: Callable[[], AnyClient]) -> Any:
        """Go over to what *pick* returns, or ask first when it is a real account; return the future of it."""
        self._need_drawer()
        self._forget()  # a question that stands there is about another account
        return event_loop.submit(self._choose(pick))

    async def _choose(self, pick: Callable[[], AnyClient]) -> None:
        try:
            # The sandbox takes a moment to start, and reading files is no work for this loop.
            client = await asyncio.to_thread(pick)
            if client.settings.on_loopback:
                self._go(client)
                return
        except Exception as error:  # an exception in a task would vanish unseen
            self._forget()
            words = str(error) if isinstance(error, LpnbError) else f"{type(error).__name__}: {error}"
            self.question.value = html_views.status_html("failed", words)
            return
        self._wanted = client
        self.question.value = html_views.status_html(
            "ask",
            f"{html_views.account_label(client.settings)} through {client.settings.domain_api} is real: "
            "what you send from here then opens conversations that people answer. "
            "Nothing is sent by going over.",
        )
        for button in (self.yes, self.no):
            set_visible(button, True)
        self.yes.focus()

    def _agreed(self) -> None:
        if self._wanted is not None:
            self._go(self._wanted)

    def _forget(self) -> None:
        self._wanted = None
        self.question.value = ""
        for button in (self.yes, self.no):
            set_visible(button, False)

    def _go(self, client: AnyClient) -> None:
        if self._busy():
            self.question.value = html_views.status_html(
                "failed", "A send is under way. Wait for its end, then switch."
            )
            return
        self._client = client
        self._state, self._health = "idle", "not asked yet"
        self._open = False
        set_visible(self.drawer, False)
        self._forget()
        self.badge.value = self._badge_html()
        self.refresh()
        self._use(client)


def _sandbox_settings() -> Settings:
    return Settings.of(shared_sandbox().environment())
