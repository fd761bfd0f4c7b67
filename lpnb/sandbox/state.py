"""What the sandbox remembers, as the sum of its events: see `events` for what there is.

Everything is in memory, bounded (see `Kept`), and safe to use from several threads. Rules of the
service are not decided here, except those that must be atomic: one open conversation a consumer,
and the order of messages in a dialog.
"""

import hashlib
import json
import os
import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import conversations as shelf
from .conversations import Conversation, Dialog, Message, Record
from .events import Event, Ledger
from .retention import Retained
from .tokens import Consumer

__all__ = ["Conversation", "Dialog", "Kept", "Message", "RequestRecord", "State"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How much is remembered; beyond it the oldest goes. The bytes are those of what clients sent."""

    open_conversations: int = 50_000
    closed_conversations: int = 10_000
    profiles: int = 50_000
    sessions: int = 20_000
    uploads: int = 1_000
    bytes_of_each: int = 64 * 1024 * 1024
    log_records: int = 10_000


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One line of the request log. No token, no secret and no query is ever in it.

    ``route`` is "-" when nothing is served there or the sender was turned away; ``status`` is
    None when a fault left the request without an answer.
    """

    time: float
    route: str
    method: str
    path: str
    status: int | None
    consumer: str | None = None
    fault: str | None = None


class State:
    """The sandbox's memory.

    Reading gives snapshots. Changing goes through the methods here, each of which records one
    event or more; ``with state.ledger:`` makes several of them one step for everybody else.
    """

    def __init__(self, seed: int | str | None, kept: Kept, clock: Callable[[], float]) -> None:
        self._seed = seed
        self._kept = kept
        self.clock = clock
        self.ledger = Ledger(self._apply, lambda: self.clock())
        self._forget_world()
        self._log_lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._log: deque[RequestRecord] = deque(maxlen=kept.log_records)

    def _forget_world(self) -> None:
        kept = self._kept
        # As text, so that --seed 7 and seed=7 are the same. Ids are no secrets here.
        self._salt = (
            os.urandom(16) if self._seed is None else hashlib.sha256(str(self._seed).encode()).digest()
        )
        self._happened: Counter[str] = Counter()
        self._open: Retained[Record] = Retained(kept.open_conversations, kept.bytes_of_each)
        self._closed: Retained[Record] = Retained(kept.closed_conversations, kept.bytes_of_each)
        self._profiles: Retained[dict[str, tuple[float, str]]] = Retained(kept.profiles, kept.bytes_of_each)
        self._known_consumers: Retained[bool] = Retained(kept.profiles, kept.bytes_of_each)
        self._open_by_consumer: dict[str, str] = {}

    def subscribe(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Let *listener* hear every event from now on; call what is returned to end it."""
        return self.ledger.subscribe(listener)

    def restore(self, events: Iterable[Event]) -> None:
        """Be what these events add up to, and nothing else; neither store nor listeners hear of it."""
        with self.ledger as ledger:
            self._forget_world()
            ledger.sequence = 0
            ledger.replay(events)

    def reset(self) -> None:
        """Forget conversations, profiles, counters and the log; a seed starts over."""
        with self.ledger as ledger:
            ledger.record("reset", {})
        with self._log_lock:
            self._calls.clear()
            self._log.clear()

    def count(self, route: str) -> None:
        """One more request reached *route*."""
        with self._log_lock:
            self._calls[route] += 1

    def log(self, record: RequestRecord) -> None:
        """Add to the request log."""
        with self._log_lock:
            self._log.append(record)

    @property
    def calls(self) -> Counter[str]:
        """How many requests reached each route; a copy."""
        with self._log_lock:
            return Counter(self._calls)

    @property
    def records(self) -> list[RequestRecord]:
        """The request log, oldest first; a copy."""
        with self._log_lock:
            return list(self._log)

    def keep_profile(self, who: Consumer, elements: Iterable[dict[str, Any]]) -> None:
        """Store SDEs: an element replaces the earlier one of its type as a whole (documented)."""
        sdes = list(elements)
        if not sdes:
            return
        with self.ledger as ledger:
            data = {
                "account_id": who.account_id,
                "ext_consumer_id": who.ext_consumer_id,
                "lp_consumer_id": who.lp_consumer_id,
                "sdes": sdes,
            }
            ledger.record("profile_set", data, self._open_by_consumer.get(who.lp_consumer_id))

    def profile_of(self, who: Consumer) -> list[Any]:
        """The SDEs known of a consumer over all conversations, one of each type."""
        with self.ledger:
            profile = self._profiles.get(who.lp_consumer_id) or {}
        return [json.loads(text) for _, text in profile.values()]

    def open_conversation(
        self,
        who: Consumer,
        *,
        client_id: str,
        raw_request: bytes,
        raw_client_properties: str | None,
        warnings: tuple[str, ...],
        session_id: str | None,
        landing: Mapping[str, Any],
    ) -> Conversation | None:
        """Open a conversation, or return None when the consumer has an open one.

        *landing* holds skill_id, skill_name, source_name, campaign and trace: where routing put it.
        """
        with self.ledger as ledger:
            if who.lp_consumer_id in self._open_by_consumer:
                return None
            conversation_id = self._new_id("conversation_opened")
            data = {
                "account_id": who.account_id,
                "client_id": client_id,
                "ext_consumer_id": who.ext_consumer_id,
                "lp_consumer_id": who.lp_consumer_id,
                "request": raw_request.decode(),
                "client_properties": raw_client_properties,
                "warnings": list(warnings),
                "session_id": session_id,
                **landing,
            }
            ledger.record("conversation_opened", data, conversation_id)
            return self.conversation(conversation_id)

    def publish(
        self,
        conversation_id: str,
        dialog_id: str,
        event: dict[str, Any],
        *,
        originator_id: str,
        role: str,
        audience: str = "ALL",
        metadata: Iterable[Any] = (),
        client_properties: str | None = None,
    ) -> int | None:
        """Publish an event in a dialog; return its sequence, which a ChatStateEvent has none of.

        Raises:
            KeyError: When there is no such conversation or dialog.
        """
        with self.ledger as ledger:
            dialog = self._record(conversation_id).now.dialog(dialog_id)
            if dialog is None:
                raise KeyError(f"No dialog {dialog_id!r} in conversation {conversation_id!r}.")
            data: dict[str, Any] = {
                "dialog_id": dialog_id,
                "originator_id": originator_id,
                "role": role,
                "audience": audience,
                "event": event,
                "metadata": list(metadata),
                "client_properties": client_properties,
            }
            if event["type"] == "ChatStateEvent":
                ledger.record("chat_state_published", data, conversation_id)
                return None
            data["sequence"] = dialog.next_sequence
            kind = "receipt_published" if event["type"] == "AcceptStatusEvent" else "message_published"
            ledger.record(kind, data, conversation_id)
            return dialog.next_sequence

    def update_field(self, conversation_id: str, name: str, value: dict[str, Any], *, by: str) -> None:
        """Set "ttr" or "csat"."""
        self._change(conversation_id, "field_updated", field=name, value=value, by=by)

    def join_agent(self, conversation_id: str, agent_id: str, role: str = "ASSIGNED_AGENT") -> None:
        """Somebody of the agents' side joins, or takes another role."""
        self._change(conversation_id, "agent_joined", agent_id=agent_id, role=role)

    def remove_agent(self, conversation_id: str, agent_id: str) -> None:
        """Somebody of the agents' side leaves."""
        self._change(conversation_id, "agent_left", agent_id=agent_id)

    def change_skill(
        self, conversation_id: str, skill_id: str, skill_name: str | None, *, reason: str = "Skill", by: str
    ) -> None:
        """Transfer the conversation; the assigned agent leaves it."""
        self._change(
            conversation_id, "skill_changed", skill_id=skill_id, skill_name=skill_name, reason=reason, by=by
        )

    def open_dialog(self, conversation_id: str, dialog_type: str) -> str:
        """Open a further dialog, such as a "POST_SURVEY"; return its id."""
        with self.ledger:
            dialog_id = self._new_id("dialog_opened")
            self._change(conversation_id, "dialog_opened", dialog_id=dialog_id, dialog_type=dialog_type)
            return dialog_id

    def close_dialog(
        self, conversation_id: str, dialog_id: str, *, by: str, cause: str | None = None
    ) -> None:
        """Close one dialog; closing the main one leaves the conversation's stage open."""
        self._change(conversation_id, "dialog_closed", dialog_id=dialog_id, closed_by=by, cause=cause)

    def close_conversation(self, conversation_id: str, *, by: str = "SYSTEM") -> None:
        """Close a conversation; one that is closed already stays so.

        Raises:
            KeyError: When there is no such conversation, or it has been forgotten.
        """
        with self.ledger as ledger:
            if self._record(conversation_id).now.stage == "OPEN":
                ledger.record("conversation_closed", {"closed_by": by}, conversation_id)

    def resume_conversation(self, conversation_id: str, *, by: str = "AGENT") -> bool:
        """Open a closed conversation again, as agents can; False when its consumer has another one open."""
        with self.ledger as ledger:
            found = self._record(conversation_id).now
            if found.stage == "OPEN" or found.lp_consumer_id in self._open_by_consumer:
                return False
            ledger.record("conversation_resumed", {"by": by}, conversation_id)
            return True

    def conversation(self, conversation_id: str) -> Conversation | None:
        """The conversation as it is now, or None when it is unknown or forgotten."""
        with self.ledger:
            record = self._open.get(conversation_id) or self._closed.get(conversation_id)
            return record.now if record else None

    def open_conversation_of(self, lp_consumer_id: str) -> Conversation | None:
        """The consumer's open conversation, or None."""
        with self.ledger:
            conversation_id = self._open_by_consumer.get(lp_consumer_id)
            return self.conversation(conversation_id) if conversation_id else None

    def messages(self, conversation_id: str) -> list[Message]:
        """What was published in a conversation and is still remembered, oldest first.

        Raises:
            KeyError: When there is no such conversation.
        """
        with self.ledger:
            return list(self._record(conversation_id).messages)

    def sdes(self, conversation_id: str) -> list[tuple[float, Any]]:
        """When each authenticated SDE of a conversation was set, and the element."""
        with self.ledger:
            found = list(self._record(conversation_id).sdes)
        return [(time, json.loads(text)) for time, text in found]

    def trace(self, conversation_id: str) -> dict[str, Any]:
        """How the conversation came to its skill: see `routing`."""
        with self.ledger:
            return self._record(conversation_id).now.trace

    @property
    def conversations(self) -> list[Conversation]:
        """Every conversation still remembered, oldest first."""
        with self.ledger:
            found = [record.now for record in (*self._open, *self._closed)]
        return sorted(found, key=lambda conversation: conversation.number)

    def _record(self, conversation_id: str) -> Record:
        record = self._open.get(conversation_id) or self._closed.get(conversation_id)
        if record is None:
            raise KeyError(f"No conversation {conversation_id!r} in this sandbox.")
        return record

    def _change(self, conversation_id: str, kind: str, **data: Any) -> None:
        with self.ledger as ledger:
            self._record(conversation_id)
            ledger.record(kind, data, conversation_id)

    def _new_id(self, kind: str) -> str:
        """A version 4 UUID: with a seed, the n-th event of a kind always has the same one."""
        # Counted per kind and not drawn from one sequence: what else happens in between does not matter,
        # and a replay has nothing to wind forward.
        digest = hashlib.blake2b(f"{kind} {self._happened[kind]}".encode(), digest_size=16, key=self._salt)
        return str(uuid.UUID(bytes=digest.digest(), version=4))

    def _apply(self, event: Event) -> None:
        kind = event.kind
        if kind == "reset":
            self._forget_world()
            return
        self._happened[kind] += 1
        if kind == "profile_set":
            self._apply_profile(event)
        elif kind == "conversation_opened":
            self._apply_opened(event)
        elif kind in shelf.KINDS:
            self._apply_changed(event)
        else:
            raise ValueError(f"The ledger has no event of kind {kind!r}.")

    def _apply_profile(self, event: Event) -> None:
        lp_consumer_id = event.data["lp_consumer_id"]
        profile = dict(self._profiles.get(lp_consumer_id) or {})
        for element in event.data["sdes"]:
            profile[str(element["type"])] = (event.time, json.dumps(element))
        self._profiles.put(lp_consumer_id, profile, sum(len(text) for _, text in profile.values()))
        record = self._open.get(event.conversation_id) if event.conversation_id else None
        if record is not None:
            added = [profile[str(element["type"])] for element in event.data["sdes"]]
            record.sdes.extend(added)
            self._grow(record, sum(len(text) for _, text in added))

    def _apply_opened(self, event: Event) -> None:
        number = self._happened["conversation_opened"]
        lp_consumer_id = event.data["lp_consumer_id"]
        profile = self._profiles.get(lp_consumer_id) or {}
        record = shelf.opened(event, number, first=self._known_consumers.get(lp_consumer_id) is None)
        self._known_consumers.put(lp_consumer_id, True, len(lp_consumer_id))
        record.sdes = list(profile.values())
        self._open_by_consumer[lp_consumer_id] = record.now.conversation_id
        self._let_go(self._open.put(record.now.conversation_id, record, _weight(record.now)))

    def _apply_changed(self, event: Event) -> None:
        record = self._record(event.conversation_id or "")
        shelf.changed(record, event)
        now = record.now
        if event.kind == "conversation_closed":
            self._open.pop(now.conversation_id)
            self._open_by_consumer.pop(now.lp_consumer_id, None)
            self._closed.put(now.conversation_id, record, _weight(now, record))
        elif event.kind == "conversation_resumed":
            self._closed.pop(now.conversation_id)
            self._open_by_consumer[now.lp_consumer_id] = now.conversation_id
            self._let_go(self._open.put(now.conversation_id, record, _weight(now, record)))
        elif event.kind in ("message_published", "receipt_published"):
            self._grow(record, _weight_of_message(record.messages[-1]))

    def _grow(self, record: Record, weight: int) -> None:
        if record.now.stage == "OPEN":
            self._let_go(self._open.add_weight(record.now.conversation_id, weight))
        else:
            self._closed.add_weight(record.now.conversation_id, weight)

    def _let_go(self, forgotten: Iterable[Record]) -> None:
        for record in forgotten:
            self._open_by_consumer.pop(record.now.lp_consumer_id, None)


def _weight(conversation: Conversation, record: Record | None = None) -> int:
    weight = len(conversation.raw_request) + len(conversation.raw_client_properties or "")
    if record is not None:
        weight += sum(map(_weight_of_message, record.messages)) + sum(len(text) for _, text in record.sdes)
    return weight


def _weight_of_message(message: Message) -> int:
    """What it weighs, roughly: its text and a few hundred bytes of wrapping."""
    return 300 + len(repr(message.event)) + len(repr(message.metadata))
