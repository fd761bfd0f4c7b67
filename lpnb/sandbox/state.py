"""What the sandbox remembers: conversations, profiles, counters and the request log.

Everything is in memory, bounded (see `Kept`), and safe to use from several threads. Rules of the
service are not decided here, except the one that must be atomic: one open conversation a consumer.
"""

import json
import random
import threading
import uuid
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from . import strict_json
from .retention import Retained
from .tokens import Consumer

ConversationState = Literal["OPEN", "CLOSE"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How much is remembered; beyond it the oldest goes. The bytes are those of request bodies."""

    open_conversations: int = 50_000
    closed_conversations: int = 10_000
    profiles: int = 50_000
    bytes_of_each: int = 64 * 1024 * 1024
    log_records: int = 10_000


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation as the sandbox knows it. ``state`` is the wire's "OPEN" or "CLOSE"."""

    number: int
    """Counts from 1 in the order they were opened."""
    conversation_id: str
    ext_consumer_id: str
    lp_consumer_id: str
    state: ConversationState
    skill_id: str
    created_at: float
    raw_request: bytes = field(repr=False)
    raw_client_properties: str | None = None
    warnings: tuple[str, ...] = ()
    closed_at: float | None = None

    @property
    def request(self) -> list[Any]:
        """The batch as it was received, read anew each time."""
        frames: list[Any] = json.loads(self.raw_request)
        return frames

    @property
    def profile(self) -> list[Any]:
        """The ``lp_sdes`` this batch brought, as received; [] when it brought none."""
        authenticated = self.request[0]["body"].get("authenticatedData")
        sdes = authenticated.get("lp_sdes") if isinstance(authenticated, dict) else None
        return sdes if isinstance(sdes, list) else []

    @property
    def body(self) -> dict[str, Any]:
        """The body of the ``cm.ConsumerRequestConversation`` frame: campaignInfo, context and so on."""
        found: dict[str, Any] = self.request[1]["body"]
        return found

    @property
    def client_properties(self) -> Any:
        """The Client-Properties header: its JSON value, its text when it is not JSON, None without one."""
        if self.raw_client_properties is None:
            return None
        try:
            return strict_json.read(self.raw_client_properties.encode("latin-1"))
        except strict_json.StrictJsonError:
            return self.raw_client_properties


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
    """The sandbox's memory."""

    def __init__(self, seed: int | str | None, kept: Kept, clock: Callable[[], float]) -> None:
        self._seed = seed
        self._kept = kept
        self.clock = clock
        self._lock = threading.Lock()
        self._forget_everything()

    def _forget_everything(self) -> None:
        kept = self._kept
        # As text, so that --seed 7 and seed=7 are the same. Ids are no secrets here.
        self._random = random.Random(None if self._seed is None else str(self._seed))  # noqa: S311
        self._open: Retained[Conversation] = Retained(kept.open_conversations, kept.bytes_of_each)
        self._closed: Retained[Conversation] = Retained(kept.closed_conversations, kept.bytes_of_each)
        self._profiles: Retained[dict[str, str]] = Retained(kept.profiles, kept.bytes_of_each)
        self._open_by_consumer: dict[str, str] = {}
        self._opened = 0
        self._calls: Counter[str] = Counter()
        self._log: deque[RequestRecord] = deque(maxlen=kept.log_records)

    def reset(self) -> None:
        """Forget conversations, profiles, counters and the log; a seed starts over."""
        with self._lock:
            self._forget_everything()

    def count(self, route: str) -> None:
        """One more request reached *route*."""
        with self._lock:
            self._calls[route] += 1

    def log(self, record: RequestRecord) -> None:
        """Add to the request log."""
        with self._lock:
            self._log.append(record)

    @property
    def calls(self) -> Counter[str]:
        """How many requests reached each route; a copy."""
        with self._lock:
            return Counter(self._calls)

    @property
    def records(self) -> list[RequestRecord]:
        """The request log, oldest first; a copy."""
        with self._lock:
            return list(self._log)

    def keep_profile(self, who: Consumer, elements: Iterable[dict[str, Any]]) -> None:
        """Store SDEs: an element replaces the earlier one of its type as a whole (documented)."""
        with self._lock:
            profile = dict(self._profiles.get(who.lp_consumer_id) or {})
            for element in elements:
                profile[str(element["type"])] = json.dumps(element)
            if profile:
                weight = sum(map(len, profile.values()))
                self._profiles.put(who.lp_consumer_id, profile, weight)

    def profile_of(self, who: Consumer) -> list[Any]:
        """The SDEs known of a consumer over all conversations, one of each type."""
        with self._lock:
            profile = self._profiles.get(who.lp_consumer_id) or {}
        return [json.loads(element) for element in profile.values()]

    def open_conversation(
        self,
        who: Consumer,
        *,
        skill_id: str,
        raw_request: bytes,
        raw_client_properties: str | None,
        warnings: tuple[str, ...],
    ) -> Conversation | None:
        """Open a conversation, or return None when the consumer has an open one."""
        with self._lock:
            if who.lp_consumer_id in self._open_by_consumer:
                return None
            self._opened += 1
            opened = Conversation(
                number=self._opened,
                conversation_id=str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
                ext_consumer_id=who.ext_consumer_id,
                lp_consumer_id=who.lp_consumer_id,
                state="OPEN",
                skill_id=skill_id,
                created_at=self.clock(),
                raw_request=raw_request,
                raw_client_properties=raw_client_properties,
                warnings=warnings,
            )
            self._open_by_consumer[who.lp_consumer_id] = opened.conversation_id
            for forgotten in self._open.put(opened.conversation_id, opened, _weight(opened)):
                self._open_by_consumer.pop(forgotten.lp_consumer_id, None)
            return opened

    def close_conversation(self, conversation_id: str) -> None:
        """Close a conversation; one that is closed already stays so.

        Raises:
            KeyError: When there is no such conversation, or it has been forgotten.
        """
        with self._lock:
            found = self._open.pop(conversation_id)
            if found is None:
                if self._closed.get(conversation_id) is None:
                    raise KeyError(f"No conversation {conversation_id!r} in this sandbox.")
                return
            self._open_by_consumer.pop(found.lp_consumer_id, None)
            closed = replace(found, state="CLOSE", closed_at=self.clock())
            self._closed.put(conversation_id, closed, _weight(closed))

    @property
    def conversations(self) -> list[Conversation]:
        """Every conversation still remembered, oldest first."""
        with self._lock:
            found = [*self._open, *self._closed]
        return sorted(found, key=lambda conversation: conversation.number)


def _weight(conversation: Conversation) -> int:
    return len(conversation.raw_request) + len(conversation.raw_client_properties or "")
