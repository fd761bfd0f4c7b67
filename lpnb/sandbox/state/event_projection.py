"""The projection of the event ledger: in-memory state, bounded by `RetentionLimits`.

Nothing is decided here: `State` does that.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lpnb.sandbox.state import conversations
from lpnb.sandbox.state.agent_sessions import KINDS as AGENT_SESSION_KINDS
from lpnb.sandbox.state.agent_sessions import AgentSessions
from lpnb.sandbox.state.conversations import Conversation, Record
from lpnb.sandbox.state.event_ledger import Event, Ledger
from lpnb.sandbox.state.retention import BoundedDict
from lpnb.sandbox.state.uploads import KINDS as UPLOAD_KINDS
from lpnb.sandbox.state.uploads import Uploads
from lpnb.sandbox.state.visits import KINDS as VISIT_KINDS
from lpnb.sandbox.state.visits import Visits


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionLimits:
    """How much is remembered; beyond it the oldest goes. The bytes are those of what clients sent."""

    open_conversations: int = 50_000
    closed_conversations: int = 10_000
    profiles: int = 50_000
    sessions: int = 20_000
    uploads: int = 1_000
    bytes_of_each: int = 64 * 1024 * 1024
    log_records: int = 10_000


class Projection:
    """The mappings, and the one function that applies an event to them."""

    def __init__(self, seed: int | str | None, limits: RetentionLimits, clock: Callable[[], float]) -> None:
        self._seed = seed
        self._limits = limits
        self.clock = clock
        self.ledger = Ledger(self._apply, lambda: self.clock())
        self.visits = Visits(self.ledger, self._new_digest, limits.sessions, limits.bytes_of_each)
        self.uploads = Uploads(self.ledger, self._new_digest, limits.uploads, limits.bytes_of_each)
        self.agent_sessions = AgentSessions(
            self.ledger, self._new_digest, limits.sessions, limits.bytes_of_each
        )
        self._forget_all()

    def _forget_all(self) -> None:
        limits = self._limits
        # As text, so that --seed 7 and seed=7 are the same. Ids are no secrets here.
        self._salt = (
            os.urandom(16) if self._seed is None else hashlib.sha256(str(self._seed).encode()).digest()
        )
        self._event_counts: Counter[str] = Counter()
        self._open: BoundedDict[Record] = BoundedDict(limits.open_conversations, limits.bytes_of_each)
        self._closed: BoundedDict[Record] = BoundedDict(limits.closed_conversations, limits.bytes_of_each)
        self._profiles: BoundedDict[dict[str, tuple[float, bytes]]] = BoundedDict(
            limits.profiles, limits.bytes_of_each
        )
        self._known_consumers: BoundedDict[bool] = BoundedDict(limits.profiles, limits.bytes_of_each)
        self._open_by_consumer: dict[str, str] = {}
        self._conversation_of_dialog: dict[str, str] = {}
        self._online: dict[tuple[str, str], bool] = {}
        self.availability: frozenset[tuple[tuple[str, str], bool]] = frozenset()
        self.visits.forget()
        self.uploads.forget()
        self.agent_sessions.forget()

    def _record(self, conversation_id: str) -> Record:
        record = self._open.get(conversation_id) or self._closed.get(conversation_id)
        if record is None:
            raise KeyError(f"No conversation {conversation_id!r} in this sandbox.")
        return record

    def _new_id(self, kind: str) -> str:
        """A version 4 UUID: with a seed, the n-th event of a kind always has the same one."""
        # As `uuid.UUID(bytes=..., version=4)` writes it, in a third of the time.
        digits = self._new_digest(kind).hex()
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def _new_digest(self, kind: str) -> bytes:
        # Counted per kind and not drawn from one sequence: what else happens in between does not matter,
        # and a replay has nothing to wind forward.
        content = f"{kind} {self._event_counts[kind]}".encode()
        return hashlib.blake2b(content, digest_size=16, key=self._salt).digest()

    def _apply(self, event: Event) -> None:
        kind = event.kind
        if kind == "reset":
            self._forget_all()
            return
        self._event_counts[kind] += 1
        if kind == "profile_set":
            self._apply_profile(event)
        elif kind == "conversation_opened":
            self._apply_opened(event)
        elif kind in conversations.KINDS:
            self._apply_changed(event)
        elif kind in VISIT_KINDS:
            self.visits.apply(event)
        elif kind in UPLOAD_KINDS:
            self.uploads.apply(event)
        elif kind in AGENT_SESSION_KINDS:
            self.agent_sessions.apply(event)
        elif kind == "agent_online_set":
            self._online[event.data["account_id"], event.data["agent_id"]] = event.data["online"]
            self.availability = frozenset(self._online.items())
        else:
            raise ValueError(f"The ledger has no event of kind {kind!r}.")

    def _apply_profile(self, event: Event) -> None:
        lp_consumer_id = event.data["lp_consumer_id"]
        profile = dict(self._profiles.get(lp_consumer_id) or {})
        for element in event.data["sdes"]:
            profile[str(element["type"])] = (event.time, conversations.encode_sde(element))
        self._profiles.put(lp_consumer_id, profile, conversations.sdes_size(profile.values()))
        record = self._open.get(event.conversation_id) if event.conversation_id else None
        if record is not None:
            new_sdes = [profile[str(element["type"])] for element in event.data["sdes"]]
            self._grow(record, conversations.add_sdes(record, new_sdes))

    def _apply_opened(self, event: Event) -> None:
        number = self._event_counts["conversation_opened"]
        lp_consumer_id = event.data["lp_consumer_id"]
        profile = self._profiles.get(lp_consumer_id) or {}
        record = conversations.new_record(
            event, number, first=self._known_consumers.get(lp_consumer_id) is None
        )
        self._known_consumers.put(lp_consumer_id, True, len(lp_consumer_id))
        record.sdes = list(profile.values())
        self._open_by_consumer[lp_consumer_id] = record.now.conversation_id
        self.visits.link_conversation(record.session_id, record.now.conversation_id)
        self._release(self._open.put(record.now.conversation_id, record, _conversation_size(record.now)))

    def _apply_changed(self, event: Event) -> None:
        record = self._record(event.conversation_id or "")
        earlier_size = record.messages_size
        conversations.apply_change(record, event)
        now = record.now
        if event.kind == "conversation_closed":
            self._open.pop(now.conversation_id)
            self._free(now)
            self._forget_dialogs(
                self._closed.put(now.conversation_id, record, _conversation_size(now, record))
            )
        elif event.kind == "conversation_resumed":
            self._closed.pop(now.conversation_id)
            self._open_by_consumer[now.lp_consumer_id] = now.conversation_id
            self._release(self._open.put(now.conversation_id, record, _conversation_size(now, record)))
        elif event.kind in ("message_published", "receipt_published"):
            self._grow(record, record.messages_size - earlier_size)
            self._note_file(now, event.data)
        elif event.kind == "dialog_closed" and event.data["frees_consumer"]:
            self._free(now)
        elif event.kind == "dialog_opened":
            self._conversation_of_dialog[event.data["dialog_id"]] = now.conversation_id

    def _note_file(self, conversation: Conversation, data: dict[str, Any]) -> None:
        """What the agents' side shows to a consumer, that consumer may open; not what it names itself."""
        message = data["event"].get("message")
        if isinstance(message, dict) and data["role"] != "CONSUMER" and data["audience"] == "ALL":
            self.uploads.grant_reader(message.get("relativePath"), conversation.lp_consumer_id)

    def _grow(self, record: Record, weight: int) -> None:
        if record.now.stage == "OPEN":
            self._release(self._open.add_weight(record.now.conversation_id, weight))
        else:
            self._forget_dialogs(self._closed.add_weight(record.now.conversation_id, weight))

    def _free(self, conversation: Conversation) -> None:
        """Its consumer may open another one, unless it has done so already."""
        if self._open_by_consumer.get(conversation.lp_consumer_id) == conversation.conversation_id:
            del self._open_by_consumer[conversation.lp_consumer_id]

    def _release(self, records: list[Record]) -> None:
        if not records:
            return
        for record in records:
            self._free(record.now)
        self._forget_dialogs(records)

    def _forget_dialogs(self, records: list[Record]) -> None:
        for record in records:
            for dialog in record.now.dialogs[1:]:
                self._conversation_of_dialog.pop(dialog.dialog_id, None)


def _conversation_size(conversation: Conversation, record: Record | None = None) -> int:
    weight = len(conversation.raw_request) + len(conversation.raw_client_properties or "")
    # The rest of a trace is shared by all that land alike; this part is the conversation's own.
    if (monitoring := conversation.trace.get("monitoring")) is not None:
        weight += len(repr(monitoring))
    if record is not None:
        weight += record.messages_size + conversations.sdes_size(record.sdes)
    return weight
