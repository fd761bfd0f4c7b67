"""Show where a conversation landed and, on an embedded sandbox, the routing trace that explains it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from lpnb._internal import event_loop
from lpnb._internal.display import esc
from lpnb.client import AsyncClient, Client
from lpnb.client.connect import sandbox_of
from lpnb.client.landings import DEFAULT_WAIT
from lpnb.errors import LpnbError
from lpnb.models.landings import Landing
from lpnb.settings import Settings
from lpnb.widgets import html_views
from lpnb.widgets.html_views import error_text
from lpnb.widgets.send.landing_lookup import LandingLookup, is_free_to_ask
from lpnb.widgets.send.sent_request import SentRequest
from lpnb.widgets.styles import WidgetFactory, set_visible

_RULES = {
    "campaign": "Campaign engagement",
    "skill": "Skill in the request",
    "sde": "Customer Info rule",
    "default": "Account default",
}


class LandingView:
    """The part of the tab that asks where the conversation of one send is."""

    def __init__(self, factory: WidgetFactory, lookup: LandingLookup) -> None:
        self._lookup = lookup
        self._send: SentRequest | None = None
        self._future: Future[None] | None = None
        self.button = factory.button("Where did it land?", lambda _: self.ask(), "lpnb-hidden", "lpnb-more")
        self.status = factory.html("", "lpnb-status")
        self.trace = factory.html("", "lpnb-trace")
        self.widgets = [factory.box([self.button, self.status], "lpnb-tools"), self.trace]

    def show(self, send: SentRequest) -> None:
        """Turn to *send*. On a sandbox, where it costs nothing, the question is asked at once."""
        if send is self._send:
            return
        if self._future is not None:
            self._future.cancel()
        self._send, self._future = send, None
        self.status.value = self.trace.value = ""
        can_ask = send.client is not None and bool(send.response.conversation_id)
        set_visible(self.button, can_ask)
        if send.landing is not None:
            self._future = event_loop.submit(self._show_landing(send, send.landing))
        elif is_free_to_ask(send):
            self.ask()

    def ask(self) -> Future[None] | None:
        """Ask history, about a minute's patience long; return the future of it."""
        send = self._send
        if send is None or send.client is None or not send.response.conversation_id:
            return None
        if self._future is not None:
            self._future.cancel()
        self.status.value = html_views.status_html(
            "busy", f"Asking history, for up to {DEFAULT_WAIT:.0f} s …"
        )
        self._future = event_loop.submit(self._ask(send, send.client))
        return self._future

    async def _ask(self, send: SentRequest, client: Client | AsyncClient) -> None:
        try:
            landing = await self._lookup.find(send)
            if send is self._send:
                await self._show_landing(send, landing)
        except Exception as error:  # an exception in a task would vanish unseen
            if send is self._send:
                self.status.value = html_views.status_html("failed", error_text(error, client))

    async def _show_landing(self, send: SentRequest, landing: Landing) -> None:
        state: html_views.State = "done" if landing.outcome == "landed" else "ask"
        self.status.value = html_views.status_html(state, landing.explanation)
        if send.client is None:
            return
        # The sandbox of ``lpnb lab`` is asked over HTTP, which this loop does not wait for.
        trace = await asyncio.to_thread(_routing_trace, send.client.settings, landing.conversation_id)
        if send is self._send:
            self.trace.value = "" if trace is None else trace_html(trace)


def _routing_trace(settings: Settings, conversation_id: str) -> Mapping[str, Any] | None:
    """How a sandbox routed the conversation; None where no sandbox says, or it has forgotten it."""
    sandbox = sandbox_of(settings)
    try:
        return None if sandbox is None else sandbox.trace(conversation_id)
    except (KeyError, LpnbError):  # forgotten in the meantime, or stopped
        return None


def trace_html(trace: Mapping[str, Any]) -> str:
    """A sandbox's routing trace: each rule with what it decided, each engagement with why it fits or not.

    Example:
        >>> step = {"rule": "sde", "outcome": "decided", "why": "ctype <vip>"}
        >>> "ctype &lt;vip&gt;" in trace_html({"steps": [step]})
        True
    """
    steps = "".join(
        f'<li data-outcome="{esc(step["outcome"])}"><b>{esc(_RULES.get(step["rule"], step["rule"]))}</b> '
        f"{esc(step['outcome'])}"
        f"<small>{esc(step['why'])}</small></li>"
        for step in trace.get("steps", ())
    )
    rows = "".join(
        f"<tr><td>{'yes' if each['matched'] else 'no'}</td><td>{esc(each['name'])}</td>"
        f"<td>{esc(each['campaignId'])} / {esc(each['engagementId'])}</td>"
        f"<td>{esc(each['why'])}</td></tr>"
        for each in trace.get("engagements", ())
    )
    by = esc(trace.get("consideredBy", ""))
    engagements_html = (
        f"<details><summary>Every engagement, and why it fits or not (asked by {by})</summary>"
        '<div role="region" aria-label="Engagements" tabindex="0"><table><thead><tr>'
        '<th scope="col">fits</th><th scope="col">engagement</th>'
        '<th scope="col">campaign / engagement id</th><th scope="col">why</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div></details>"
        if rows
        else ""
    )
    inference_html = f"<p>{esc(trace['inferred'])}</p>" if trace.get("inferred") else ""
    return f"<h3>The sandbox's rules in order</h3><ol>{steps}</ol>{inference_html}{engagements_html}"
