"""The conversation thread of a send: messages from webhook or history, a box to say more, Close."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import ipywidgets as ipw

from lpnb._internal import event_loop
from lpnb._internal.display import esc
from lpnb.client import AsyncClient, Client
from lpnb.client.conversation_engine import ConversationEngine
from lpnb.client.transcripts import TranscriptLine
from lpnb.models.responses import BatchResponse
from lpnb.widgets import html_views
from lpnb.widgets.html_views import error_text
from lpnb.widgets.send.sent_request import SentRequest
from lpnb.widgets.styles import WidgetFactory, set_visible

#: Seconds between two looks at history: of a sandbox on this machine, and of anybody else's service.
SANDBOX_POLL_INTERVAL, POLL_INTERVAL = 1.5, 15.0
#: Seconds without news after which nobody looks any more until somebody asks.
IDLE_TIMEOUT = 900.0
_LINE = 4_000


class ThreadView:
    """The part of the tab that goes on with the conversation of one send.

    Args:
        factory: The panel's layouts.
        is_visible: Whether the thread can be seen; only then is history asked.
        on_close: Called with the send whose conversation has been closed.
    """

    def __init__(
        self,
        factory: WidgetFactory,
        is_visible: Callable[[], bool],
        on_close: Callable[[SentRequest], None],
    ) -> None:
        self._is_visible, self._on_close = is_visible, on_close
        self._send: SentRequest | None = None
        self._conversations: dict[tuple[str, str], ConversationEngine] = {}
        self._watcher: Future[None] | None = None
        self._action_lock = threading.Lock()
        self._open_conversations: dict[int, str] = {}
        self.future: Future[None] | None = None
        self.open_button = factory.button(
            "Go on in the open one", lambda _: self.find_open(), "lpnb-hidden", "lpnb-more"
        )
        self.open_status = factory.html("", "lpnb-status")
        self.lines = factory.html("", "lpnb-thread")
        self.message = ipw.Text(
            description="Message",
            placeholder="Say something as the consumer",
            layout=factory.plain,
            style=factory.text,
        )
        # Told by the page when Enter is pressed in the box.
        self.message.on_msg(lambda _, content, __: self.say() if content.get("event") == "submit" else None)
        self.say_button = factory.button("Say", lambda _: self.say(), "lpnb-tool")
        self.close_button = factory.button("Close the conversation", lambda _: self.close(), "lpnb-tool")
        self.refresh_button = factory.button("Look again", lambda _: self.start_watching(), "lpnb-tool")
        self.status = factory.html("", "lpnb-status")
        head = "<h3>The conversation</h3>"
        self.box = factory.vbox(
            [
                factory.html(head, "lpnb-head"), self.lines,
                factory.box(
                    [self.message, self.say_button, self.close_button, self.refresh_button],
                    "lpnb-tools", "lpnb-say",
                ),
                self.status,
            ],
            "lpnb-group", "lpnb-hidden",
        )  # fmt: skip

    @property
    def widgets(self) -> list[Any]:
        """What the tab shows."""
        return [self.open_button, self.open_status, self.box]

    # Which conversation

    def show(self, send: SentRequest) -> None:
        """Turn to the conversation of *send*, if it opened one."""
        if send is self._send:
            return
        if self._watcher is not None:
            self._watcher.cancel()
        self._send, self._watcher = send, None
        self.open_status.value = ""
        self._show_conversation()

    def _show_conversation(self) -> None:
        send, conversation = self._send, self._conversation()
        set_visible(self.box, conversation is not None)
        can_find = send is not None and send.client is not None and bool(send.response.open_for)
        set_visible(self.open_button, conversation is None and can_find)
        if conversation is not None:
            self.lines.value = lines_html((), conversation.lines)
            self._show_closed(conversation)
            self.start_watching()

    def _conversation(self) -> ConversationEngine | None:
        send = self._send
        if send is None or send.client is None:
            return None
        conversation_id = send.response.conversation_id or self._open_conversations.get(send.number)
        if not conversation_id:
            return None
        engine = send.client.engine
        key = (send.account_id, conversation_id)
        if key not in self._conversations:
            self._conversations[key] = ConversationEngine(engine, key[1], send.consumer_id)
        return self._conversations[key]

    def find_open(self) -> Future[None] | None:
        """Look for the conversation that stands in the way of the one asked for, and go on in it."""
        if self._send is None or self._send.client is None:
            return None
        self.open_button.disabled = True
        self.open_status.value = html_views.status_html("busy", "Looking for it …")
        return event_loop.submit(self._find_open(self._send, self._send.client))

    async def _find_open(self, send: SentRequest, client: Client | AsyncClient) -> None:
        try:
            conversation_id = await client.engine.find_open_conversation(send.consumer_id)
            if conversation_id is not None:
                self._open_conversations[send.number] = conversation_id
            if send is self._send:
                words = (
                    f"Conversation {conversation_id} is open."
                    if conversation_id
                    else "Nobody knows of an open conversation."
                )
                self.open_status.value = html_views.status_html(
                    "done" if conversation_id else "failed", words
                )
                self._show_conversation()
        except Exception as error:  # an exception in a task would vanish unseen
            self.open_status.value = html_views.status_html("failed", error_text(error, client))
        finally:
            self.open_button.disabled = False

    # Hearing

    def start_watching(self) -> None:
        """Look for news, and go on looking for a while."""
        if self._watcher is not None:
            self._watcher.cancel()
        if (conversation := self._conversation()) is not None and self._send is not None:
            client = self._send.client
            assert client is not None  # noqa: S101 - there is a conversation
            self._watcher = event_loop.submit(self._watch(self._send, client, conversation))

    async def _watch(
        self, send: SentRequest, client: Client | AsyncClient, conversation: ConversationEngine
    ) -> None:
        on_loopback = client.settings.on_loopback
        last_change, last = time.monotonic(), ""
        try:
            while send is self._send and time.monotonic() - last_change < IDLE_TIMEOUT:
                if self._is_visible():
                    await self.refresh(conversation)
                    if self.lines.value != last:
                        last_change, last = time.monotonic(), self.lines.value
                if conversation.closed:
                    break
                await self._wait_for_event(
                    conversation, SANDBOX_POLL_INTERVAL if on_loopback else POLL_INTERVAL
                )
        except Exception as error:  # an exception in a task would vanish unseen
            self.status.value = html_views.status_html("failed", error_text(error, client))

    async def _wait_for_event(self, conversation: ConversationEngine, seconds: float) -> None:
        """Wait for the next webhook, or *seconds* where nobody hears of any."""
        if conversation.listener is None:
            await asyncio.sleep(seconds)
            return
        news = asyncio.wrap_future(conversation.listener.news(conversation.conversation_id))
        await asyncio.wait([news], timeout=seconds)

    async def refresh(self, conversation: ConversationEngine) -> None:
        """Put together what every source tells, once."""
        lines, note = await conversation.transcript(None if conversation.asks_history else False)
        self.lines.value = lines_html(lines, conversation.lines)
        if note:
            self.status.value = html_views.status_html("failed", note)
        elif not (conversation.asks_history or conversation.listener):
            words = "The agent's messages cannot be shown: there is neither a receiver nor access to history."
            self.status.value = html_views.status_html("ask", words)

    # Saying

    def say(self) -> None:
        """Say what is in the box, once, however often the button is pressed."""
        self._start_action(self._say)

    def close(self) -> None:
        """Close the conversation."""
        self._start_action(lambda conversation: conversation.close(skip_survey=True))

    def _start_action(self, action: Callable[[ConversationEngine], Any]) -> None:
        conversation = self._conversation()
        if conversation is not None and self._action_lock.acquire(blocking=False):
            self._enable_buttons(False)
            self.future = event_loop.submit(self._run_action(conversation, action))

    async def _run_action(
        self, conversation: ConversationEngine, action: Callable[[ConversationEngine], Any]
    ) -> None:
        assert self._send is not None  # noqa: S101 - there is a conversation, so there is a send
        client = self._send.client
        assert client is not None  # noqa: S101 - and somebody who sent it
        try:
            await asyncio.sleep(0.25)  # the page holds back the last of what was typed before the press
            self.status.value = html_views.status_html("busy", "Sending …")
            response: BatchResponse | None = await action(conversation)
            if response is not None:
                state: html_views.State = "done" if response.outcome == "answered" else "failed"
                self.status.value = html_views.status_html(state, html_views.panel_text(response.explanation))
            await self.refresh(conversation)
            if conversation.closed:
                self._show_closed(conversation)
        except Exception as error:  # an exception in a task would vanish unseen
            self.status.value = html_views.status_html("failed", error_text(error, client))
            self.lines.value = lines_html((), conversation.lines)
        finally:
            self._enable_buttons(not conversation.closed)
            self._action_lock.release()

    async def _say(self, conversation: ConversationEngine) -> BatchResponse | None:
        text = self.message.value
        if not text.strip():
            self.status.value = html_views.status_html("failed", "There is nothing to say yet.")
            return None
        response = await conversation.say(text)
        if response.outcome == "answered" and self.message.value == text:
            self.message.value = ""
        return response

    def _show_closed(self, conversation: ConversationEngine) -> None:
        self._enable_buttons(not conversation.closed)
        words = "This conversation is closed." if conversation.closed else ""
        if conversation.closed and self._send is not None:
            self._on_close(self._send)
        self.status.value = html_views.status_html("idle", words) if words else ""

    def _enable_buttons(self, is_enabled: bool) -> None:
        for button in (self.say_button, self.close_button):
            button.disabled = not is_enabled


def lines_html(lines: Sequence[TranscriptLine], sent_lines: Sequence[TranscriptLine]) -> str:
    """The thread as a list: the consumer's lines on one side, everybody else's on the other.

    Example:
        >>> lines_html([TranscriptLine("agent", "text", "<b>", None)], []).count("&lt;b&gt;")
        1
    """
    # What was refused or never left is in no transcript, and yet somebody has typed it.
    unsent_lines = [line for line in sent_lines if line.outcome in ("refused", "not sent")]
    thread_lines = [*lines, *unsent_lines] if lines else list(sent_lines)
    if not thread_lines:
        return '<p class="lpnb-none">Nobody has said anything yet.</p>'
    items_html = "".join(_line_html(line) for line in thread_lines)
    return f'<div role="log" aria-label="Thread" tabindex="0"><ol>{items_html}</ol></div>'


def _line_html(line: TranscriptLine) -> str:
    text = line.text if line.text is not None else f"({line.kind})"
    about = [line.who, f"{line.at:%H:%M:%S} UTC" if line.at else ""]
    if line.outcome not in (None, "answered"):
        about.append("it is not known whether it arrived" if line.outcome == "unknown" else f"{line.outcome}")
    about_text = " · ".join(filter(None, about))
    side = "own" if line.who == "consumer" else "other"
    bad = ' data-bad="yes"' if line.outcome in ("refused", "not sent", "unknown") else ""
    return (
        f'<li class="{side}"{bad}><small>{esc(about_text)}</small>'
        f'<span dir="auto">{esc(html_views.shortened(text, _LINE))}</span></li>'
    )
