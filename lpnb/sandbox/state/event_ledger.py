"""The event ledger: records every change as an immutable event, stores it and notifies listeners.

A service decides, under the lock, what happens, and records it as an `Event`. The ledger applies
the event to the state with the one function it was made with, then passes it on:

1. to the `Store`, if there is one, which makes it durable. An answer leaves when everything
   recorded before it is durable (`Ledger.unstored`);
2. to every listener, in order. Listeners (webhooks, the agent's page) run under the lock: they see
   the state as of the event and must not block. They may read the state, and may record events,
   which are passed on after the present one.

`Ledger.replay` applies stored events without passing them on and rebuilds the state exactly,
retention included: whatever was chosen (ids, skills, sequence numbers) stands in the event, and
nothing is decided anew.

Times are epoch seconds; ``data`` is plain JSON that nobody changes afterwards. Every event about
a conversation carries its ``conversation_id``. Every kind and its data:

| kind | data |
|---|---|
| ``profile_set`` | account_id, ext_consumer_id, lp_consumer_id, sdes (the elements set) |
| ``conversation_opened`` | account_id, client_id, ext_consumer_id, lp_consumer_id, request (the body's \
text), client_properties (the header's text or null), warnings, session_id, skill_id, skill_name, \
source_name, campaign (campaignId, engagementId and their names, or null), trace |
| ``message_published`` | dialog_id, sequence, originator_id, role, audience, event (a ContentEvent or \
RichContentEvent as on the wire), metadata, client_properties |
| ``receipt_published`` | as message_published; event is an AcceptStatusEvent |
| ``chat_state_published`` | as message_published without sequence; event is a ChatStateEvent |
| ``field_updated`` | field ("ttr", "csat", "mcs" or "summary"), value (as on the wire), by |
| ``agent_joined`` / ``agent_left`` | agent_id, role ("ASSIGNED_AGENT", "MANAGER", ...) |
| ``skill_changed`` | skill_id, skill_name, reason ("Skill", "back2Q", "TakeOver", ...), by |
| ``dialog_opened`` | dialog_id, dialog_type ("POST_SURVEY") |
| ``dialog_closed`` | dialog_id, closed_by ("CONSUMER", "AGENT", "SYSTEM"), cause, frees_consumer (whether \
its consumer may open another conversation from now on) |
| ``conversation_closed`` | closed_by |
| ``conversation_resumed`` | by |
| ``agent_online_set`` | account_id, agent_id, online |
| ``agent_session_started`` | session_id, csrf, account_id, agent_id, expires_at |
| ``agent_session_set`` | session_id, expires_at (0: logged out) |
| ``session_started`` | account_id, client_id, visitor_id, session_id |
| ``session_reported`` | session_id, page_id, identities, attributes, entry_points (null: none sent) |
| ``engagement_asked`` | session_id, considered (every engagement and why it matched or not), shown \
(contextId, campaignId, engagementId, revision; null when none was) |
| ``impression_reported`` | session_id, impression (the SDE as sent) |
| ``upload_registered`` | path, account_id, lp_consumer_id, file_type, file_size |
| ``upload_stored`` | path, content (Base64), content_type |
| ``reset`` | nothing: the state starts over, its counters too; ``sequence`` counts on |
"""

import json
import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, NamedTuple, Self

logger = logging.getLogger("lpnb.sandbox")


class Event(NamedTuple):
    """One thing that happened.

    >>> Event(1, "conversation_closed", 1700000000.5, "8602832d", {"closed_by": "CONSUMER"}).to_json()
    '[1,"conversation_closed",1700000000.5,"8602832d",{"closed_by":"CONSUMER"}]'
    """

    sequence: int
    """Counts from 1, without gaps, over the whole life of the ledger."""
    kind: str
    time: float
    conversation_id: str | None
    data: dict[str, Any]

    def to_json(self) -> str:
        """The event as one line of JSON."""
        row = [self.sequence, self.kind, self.time, self.conversation_id, self.data]
        return json.dumps(row, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The event that `to_json` wrote."""
        return cls(*json.loads(text))


Listener = Callable[[Event], object]

Store = Callable[[Sequence[Event]], "Future[None] | None"]
"""Takes events in order and at once, makes them durable, and says when: the future of a later call
is never done before that of an earlier one. None says that they are durable already."""


class Ledger:
    """Records events in order; entering it takes the lock, and leaving it hands on what was recorded.

    >>> applied = []
    >>> ledger = Ledger(applied.append, clock=lambda: 0.0)
    >>> heard = []
    >>> stop = ledger.subscribe(lambda event: heard.append(event.kind))
    >>> with ledger:
    ...     _ = ledger.record("reset", {})
    >>> (heard, ledger.sequence)
    (['reset'], 1)
    """

    def __init__(self, apply: Callable[[Event], None], clock: Callable[[], float]) -> None:
        self._apply = apply
        self._clock = clock
        # Listeners read the state they are told about, in the same thread.
        self._lock = threading.RLock()
        self._depth = 0
        self._dispatching = False
        self._new_events: deque[Event] = deque()
        self._listeners: tuple[Listener, ...] = ()
        self._pending: Future[None] | None = None
        self.sequence = 0
        """The number of the last event."""
        self.store: Store | None = None
        """Called under the lock with what was recorded, before any listener."""

    def __enter__(self) -> Self:
        self._lock.acquire()
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._depth == 1 and self._new_events and not self._dispatching:
                self._dispatch()
        finally:
            self._depth -= 1
            self._lock.release()

    def record(self, kind: str, data: dict[str, Any], conversation_id: str | None = None) -> Event:
        """Apply a new event. Only inside ``with ledger:``, where it was decided."""
        event = Event(self.sequence + 1, kind, self._clock(), conversation_id, data)
        self._apply(event)
        self.sequence = event.sequence
        self._new_events.append(event)
        return event

    def replay(self, events: Iterable[Event]) -> None:
        """Apply stored events; neither the store nor a listener hears of them."""
        with self._lock:
            for event in events:
                self._apply(event)
                self.sequence = event.sequence

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Let *listener* hear every event from now on; call what is returned to end it."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def end() -> None:
            with self._lock:
                self._listeners = tuple(item for item in self._listeners if item is not listener)

        return end

    def unstored(self) -> "Future[None] | None":
        """Done when everything recorded so far is durable; None when it is."""
        pending = self._pending
        return None if pending is None or (pending.done() and pending.exception() is None) else pending

    def _dispatch(self) -> None:
        self._dispatching = True
        try:
            while self._new_events:
                events = tuple(self._new_events)
                self._new_events.clear()
                if self.store is not None:
                    self._pending = self.store(events)
                for event in events:
                    for listener in self._listeners:
                        self._tell(listener, event)
        finally:
            self._dispatching = False

    @staticmethod
    def _tell(listener: Listener, event: Event) -> None:
        try:
            listener(event)
        except Exception:
            logger.exception("A listener failed on event %d (%s).", event.sequence, event.kind)


class LedgerPart(ABC):
    """A part of the state that records its own events and is bounded in entries and bytes."""

    def __init__(self, ledger: Ledger, new_digest: Callable[[str], bytes], most: int, max_bytes: int) -> None:
        self._ledger = ledger
        self._new_digest = new_digest
        self._max_entries, self._max_bytes = most, max_bytes
        self.forget()

    @abstractmethod
    def forget(self) -> None:
        """Forget everything."""
