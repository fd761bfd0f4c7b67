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
from lpnb._internal.json_codec import clean
from lpnb.client.conversation_core import ConversationCore
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
        kit: The panel's layouts.
        looked_at: Whether the thread can be seen; only then is history asked.
    """

    def __init__(self, kit: WidgetFactory, looked_at: Callable[[], bool]) -> None:
        self._looked_at = looked_at
        self._sent: SentRequest | None = None
        self._dialogues: dict[tuple[str, str], ConversationCore] = {}
        self._watching: Future[None] | None = None
        self._acting = threading.Lock()
        self._opened: dict[int, str] = {}
        self.future: Future[None] | None = None
        words = "Go on in the conversation that is open"
        self.open_button = kit.button(words, lambda _: self.find(), "lpnb-hidden", "lpnb-more")
        self.found = kit.html("", "lpnb-status")
        self.lines = kit.html("", "lpnb-thread")
        self.message = ipw.Text(
            description="Message",
            placeholder="Say something as the consumer",
            layout=kit.plain,
            style=kit.text,
        )
        self.say_button = kit.button("Say", lambda _: self.say(), "lpnb-tool")
        self.close_button = kit.button("Close the conversation", lambda _: self.close(), "lpnb-tool")
        self.look_button = kit.button("Look again", lambda _: self.look(), "lpnb-tool")
        self.status = kit.html("", "lpnb-status")
        head = "<h3>The conversation</h3>"
        self.box = kit.vbox(
            [
                kit.html(head, "lpnb-head"), self.lines,
                kit.box(
                    [self.message, self.say_button, self.close_button, self.look_button],
                    "lpnb-tools", "lpnb-say",
                ),
                self.status,
            ],
            "lpnb-group", "lpnb-hidden",
        )  # fmt: skip

    @property
    def widgets(self) -> list[Any]:
        """What the tab shows."""
        return [self.open_button, self.found, self.box]

    # Which conversation

    def show(self, sent: SentRequest) -> None:
        """Turn to the conversation of *sent*, if it opened one."""
        if sent is self._sent:
            return
        if self._watching is not None:
            self._watching.cancel()
        self._sent, self._watching = sent, None
        self.found.value = ""
        self._turn()

    def _turn(self) -> None:
        sent, dialogue = self._sent, self._dialogue()
        set_visible(self.box, dialogue is not None)
        set_visible(self.open_button, dialogue is None and sent is not None and bool(sent.response.open_for))
        if dialogue is not None:
            self.lines.value = lines_html((), dialogue.lines)
            self._say_state(dialogue)
            self.look()

    def _dialogue(self) -> ConversationCore | None:
        sent = self._sent
        if sent is None:
            return None
        conversation_id = sent.response.conversation_id or self._opened.get(sent.number)
        if not conversation_id:
            return None
        engine = sent.client.engine
        key = (sent.account_id, conversation_id)
        if key not in self._dialogues:
            self._dialogues[key] = ConversationCore(engine, key[1], sent.consumer_id, engine.listener)
        dialogue = self._dialogues[key]
        dialogue.listener = engine.listener  # somebody may have begun to listen in the meantime
        return dialogue

    def find(self) -> Future[None] | None:
        """Look for the conversation that stands in the way of the one asked for, and go on in it."""
        if self._sent is None:
            return None
        self.open_button.disabled = True
        self.found.value = html_views.status_html("busy", "Looking for it …")
        return event_loop.submit(self._find(self._sent))

    async def _find(self, sent: SentRequest) -> None:
        try:
            found = await sent.client.engine.find_open_conversation(sent.consumer_id)
            if found is not None:
                self._opened[sent.number] = found
            if sent is self._sent:
                words = f"Conversation {found} is open." if found else "Nobody knows of an open conversation."
                self.found.value = html_views.status_html("done" if found else "failed", words)
                self._turn()
        except Exception as error:  # an exception in a task would vanish unseen
            self.found.value = html_views.status_html("failed", error_text(error, sent.client))
        finally:
            self.open_button.disabled = False

    # Hearing

    def look(self) -> None:
        """Look for news, and go on looking for a while."""
        if self._watching is not None:
            self._watching.cancel()
        if (dialogue := self._dialogue()) is not None and self._sent is not None:
            self._watching = event_loop.submit(self._watch(self._sent, dialogue))

    async def _watch(self, sent: SentRequest, dialogue: ConversationCore) -> None:
        near = sent.client.settings.on_loopback
        quiet_since, last = time.monotonic(), ""
        try:
            while sent is self._sent and time.monotonic() - quiet_since < IDLE_TIMEOUT:
                if self._looked_at():
                    await self.refresh(dialogue)
                    if self.lines.value != last:
                        quiet_since, last = time.monotonic(), self.lines.value
                if dialogue.closed:
                    break
                await self._news(dialogue, SANDBOX_POLL_INTERVAL if near else POLL_INTERVAL)
        except Exception as error:  # an exception in a task would vanish unseen
            self.status.value = html_views.status_html("failed", error_text(error, sent.client))

    async def _news(self, dialogue: ConversationCore, seconds: float) -> None:
        """Wait for the next webhook, or *seconds* where nobody hears of any."""
        if dialogue.listener is None:
            await asyncio.sleep(seconds)
            return
        news = asyncio.wrap_future(dialogue.listener.news(dialogue.conversation_id))
        await asyncio.wait([news], timeout=seconds)

    async def refresh(self, dialogue: ConversationCore) -> None:
        """Put together what every source tells, once."""
        lines, note = await dialogue.transcript(None if dialogue.asks_history else False)
        self.lines.value = lines_html(lines, dialogue.lines)
        if note:
            self.status.value = html_views.status_html("failed", note)
        elif not (dialogue.asks_history or dialogue.listener):
            words = "What the agent says is not heard: there is neither a receiver nor access to history."
            self.status.value = html_views.status_html("ask", words)

    # Saying

    def say(self) -> None:
        """Say what is in the box, once, however often the button is pressed."""
        self._act(self._say)

    def close(self) -> None:
        """Close the conversation."""
        self._act(lambda dialogue: dialogue.close(skip_survey=True))

    def _act(self, work: Callable[[ConversationCore], Any]) -> None:
        dialogue = self._dialogue()
        if dialogue is not None and self._acting.acquire(blocking=False):
            self._enable(False)
            self.future = event_loop.submit(self._acted(dialogue, work))

    async def _acted(self, dialogue: ConversationCore, work: Callable[[ConversationCore], Any]) -> None:
        sent = self._sent
        assert sent is not None  # noqa: S101 - there is a dialogue, so there is a send
        try:
            await asyncio.sleep(0.25)  # the page holds back the last of what was typed before the press
            self.status.value = html_views.status_html("busy", "Sending …")
            response: BatchResponse | None = await work(dialogue)
            if response is not None:
                state: html_views.State = "done" if response.outcome == "answered" else "failed"
                self.status.value = html_views.status_html(state, response.explanation)
            await self.refresh(dialogue)
            if dialogue.closed:
                self._say_state(dialogue)
        except Exception as error:  # an exception in a task would vanish unseen
            self.status.value = html_views.status_html("failed", error_text(error, sent.client))
            self.lines.value = lines_html((), dialogue.lines)
        finally:
            self._enable(not dialogue.closed)
            self._acting.release()

    async def _say(self, dialogue: ConversationCore) -> BatchResponse | None:
        text = self.message.value
        if not text.strip():
            self.status.value = html_views.status_html("failed", "There is nothing to say yet.")
            return None
        response = await dialogue.say(text)
        if response.outcome == "answered" and self.message.value == text:
            self.message.value = ""
        return response

    def _say_state(self, dialogue: ConversationCore) -> None:
        self._enable(not dialogue.closed)
        words = "This conversation is closed." if dialogue.closed else ""
        self.status.value = html_views.status_html("idle", words) if words else ""

    def _enable(self, on: bool) -> None:
        for button in (self.say_button, self.close_button):
            button.disabled = not on


def lines_html(lines: Sequence[TranscriptLine], own: Sequence[TranscriptLine]) -> str:
    """The thread as a list: the consumer's lines on one side, everybody else's on the other.

    Example:
        >>> lines_html([TranscriptLine("agent", "text", "<b>", None)], []).count("&lt;b&gt;")
        1
    """
    # What was refused or never left is in no transcript, and yet somebody has typed it.
    lost = [line for line in own if line.outcome in ("refused", "not sent")]
    told = [*lines, *lost] if lines else list(own)
    if not told:
        return '<p class="lpnb-none">Nobody has said anything yet.</p>'
    drawn = "".join(_line_html(line) for line in told)
    return f'<div role="log" aria-label="Thread" tabindex="0"><ol>{drawn}</ol></div>'


def _line_html(line: TranscriptLine) -> str:
    text = line.text if line.text is not None else f"({line.kind})"
    about = [line.who, f"{line.at:%H:%M:%S} UTC" if line.at else ""]
    if line.outcome not in (None, "answered"):
        about.append("it is not known whether it arrived" if line.outcome == "unknown" else f"{line.outcome}")
    said = " · ".join(filter(None, about))
    side = "own" if line.who == "consumer" else "other"
    bad = ' data-bad="yes"' if line.outcome in ("refused", "not sent", "unknown") else ""
    return (
        f'<li class="{side}"{bad}><small>{esc(clean(said))}</small>'
        f'<span dir="auto">{esc(clean(html_views.shortened(text, _LINE)))}</span></li>'
    )
