"""The inbox of the agent's page: the latest conversations, unread counts, and who listens.

It subscribes to the ledger when the page is first opened, so a sandbox without a page pays nothing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from lpnb.sandbox.agent_page.wording import message_text, truncate_line
from lpnb.sandbox.state.conversations import Conversation, Message
from lpnb.sandbox.state.event_ledger import Event
from lpnb.sandbox.state.state import State

MAX_LISTED = 200
"""How many conversations are listed, the latest first."""

MAX_CLIENTS = 20

# More changed conversations than this at once, and a client is told to look at everything.
_MAX_CHANGED = 100

_CONTENT_EVENTS = ("ContentEvent", "RichContentEvent")


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """What the list knows of a conversation beyond the conversation itself."""

    conversation_id: str
    at: float
    unread: int = 0
    preview: str = ""
    preview_role: str = ""
    typing: bool = False

    def after(self, message: Message) -> "InboxEntry":
        """The row when *message* has been published."""
        kind = message.event.get("type")
        consumer = message.role == "CONSUMER"
        if kind in _CONTENT_EVENTS:
            return replace(
                self,
                at=message.time,
                unread=self.unread + 1 if consumer else 0,
                preview=truncate_line(message_text(message.event)[:2000], 120),
                preview_role=message.role,
                typing=self.typing and not consumer,
            )
        if kind == "AcceptStatusEvent" and not consumer and message.event.get("status") == "READ":
            return replace(self, unread=0)
        return self


class StreamClient:
    """One browser that listens: which conversations changed since it was last told."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sequence: int) -> None:
        self._loop = loop
        self._woken = asyncio.Event()
        self.changed_ids: set[str] = set()
        self.everything = False
        self.sequence = sequence

    def notify(self, conversation_id: str | None, sequence: int) -> None:
        """Something changed; from any thread."""
        self.sequence = sequence
        if conversation_id is None or len(self.changed_ids) >= _MAX_CHANGED:
            self.everything = True
            self.changed_ids.clear()
        elif not self.everything:
            self.changed_ids.add(conversation_id)
        self.wake()

    def wake(self) -> None:
        """Something changed beside the conversations; from any thread."""
        if not self._woken.is_set():
            self._loop.call_soon_threadsafe(self._woken.set)

    async def wait(self) -> None:
        """Return when there is something to tell."""
        await self._woken.wait()
        self._woken.clear()


class Inbox:
    """The rows and the clients of one start of the sandbox."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._entries: OrderedDict[str, InboxEntry] = OrderedDict()
        self._clients: list[StreamClient] = []
        self._end: Callable[[], None] | None = None

    @property
    def sequence(self) -> int:
        """The number of the last event."""
        return self._state.ledger.sequence

    def close(self) -> None:
        """Follow the ledger no longer."""
        if self._end is not None:
            self._end()
            self._end = None

    def entries(self) -> list[tuple[InboxEntry, Conversation]]:
        """The latest conversations, the one with the latest word first."""
        with self._state.ledger:
            self._follow()
            latest = []
            for entry in reversed(self._entries.values()):
                conversation = self._state.conversation(entry.conversation_id)
                if conversation is not None:
                    latest.append((entry, conversation))
            return latest

    def entry(self, conversation_id: str) -> InboxEntry | None:
        """One conversation's row, or None when it is not among the latest."""
        return self._entries.get(conversation_id)

    def join(self, last_seen: int | None) -> StreamClient | None:
        """A new listener, told at once when it has missed something; None when there are too many."""
        with self._state.ledger:
            self._follow()
            if len(self._clients) >= MAX_CLIENTS:
                return None
            client = StreamClient(asyncio.get_running_loop(), self.sequence)
            self._clients = [*self._clients, client]
            if last_seen is not None and last_seen != self.sequence:
                client.notify(None, self.sequence)
            return client

    def take(self, client: StreamClient) -> tuple[int, list[str] | None]:
        """What a client has not been told yet: up to which event, and which conversations; None is all."""
        with self._state.ledger:
            ids = None if client.everything else sorted(client.changed_ids)
            client.everything = False
            client.changed_ids.clear()
            return client.sequence, ids

    def wake(self) -> None:
        """Let every client look again, as a counter has changed."""
        for client in self._clients:
            client.wake()

    def leave(self, client: StreamClient) -> None:
        """Tell it no more."""
        with self._state.ledger:
            self._clients = [item for item in self._clients if item is not client]

    def _follow(self) -> None:
        if self._end is not None:
            return
        self._end = self._state.subscribe(self._on_event)
        for conversation in self._state.conversations[-MAX_LISTED:]:
            entry = InboxEntry(conversation.conversation_id, conversation.created_at)
            for message in self._state.messages(conversation.conversation_id):
                entry = entry.after(message)
            self._entries[entry.conversation_id] = entry
        self._entries = OrderedDict(sorted(self._entries.items(), key=lambda item: item[1].at))

    def _on_event(self, event: Event) -> None:
        """Listens to the ledger, under its lock: quick, and the state stays as it is."""
        if event.kind == "reset":
            self._entries.clear()
            self._notify(None, event)
            return
        name = event.conversation_id
        if name is None:
            # A session's report may show in the Consumer Info of an open conversation.
            if event.kind in ("session_reported", "agent_online_set"):
                self._notify(None, event)
            return
        entry = self._entries.get(name) or InboxEntry(name, event.time)
        if event.kind in ("message_published", "receipt_published"):
            entry = entry.after(_message(event))
        elif event.kind == "chat_state_published":
            if event.data["role"] == "CONSUMER":
                entry = replace(entry, typing=event.data["event"].get("chatState") == "COMPOSING")
        else:
            entry = replace(entry, at=event.time)
        self._entries[name] = entry
        self._entries.move_to_end(name)
        while len(self._entries) > MAX_LISTED:
            self._entries.popitem(last=False)
        self._notify(name, event)

    def _notify(self, conversation_id: str | None, event: Event) -> None:
        for client in self._clients:
            client.notify(conversation_id, event.sequence)


def _message(event: Event) -> Message:
    data = event.data
    return Message(
        data["dialog_id"], data["sequence"], event.time, data["originator_id"], data["role"], data["event"]
    )
