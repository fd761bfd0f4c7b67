"""`State`: thread-safe reads of the projection, and the methods that record events.

Rules of the service are not decided here, except those that must be atomic: one open conversation
a consumer, and the order of messages in a dialog.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lpnb.sandbox.state.conversations import Conversation, Message, decode_sde
from lpnb.sandbox.state.event_ledger import Event
from lpnb.sandbox.state.event_projection import Projection, RetentionLimits
from lpnb.sandbox.tokens import Consumer


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One line of the request log. No token, no secret and no query is ever in it.

    ``route`` is "-" when nothing is served there or the sender was turned away; ``status`` is
    None when a fault left the request without an answer. ``source`` says, where the sandbox replays a
    recording, whether the answer was "recorded" or "played".
    """

    time: float
    route: str
    method: str
    path: str
    status: int | None
    consumer: str | None = None
    fault: str | None = None
    source: str | None = None


class State(Projection):
    """The sandbox's memory, to read and to change.

    Reading gives snapshots. Changing goes through the methods here, each of which records one
    event or more; ``with state.ledger:`` makes several of them one step for everybody else.
    """

    def __init__(self, seed: int | str | None, limits: RetentionLimits, clock: Callable[[], float]) -> None:
        super().__init__(seed, limits, clock)
        self._log_lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        # The fields of a record each: made into one when somebody reads them.
        self._log: deque[tuple[Any, ...]] = deque(maxlen=limits.log_records)

    def subscribe(self, listener: Callable[[Event], object]) -> Callable[[], None]:
        """Let *listener* hear every event from now on; call what is returned to end it."""
        return self.ledger.subscribe(listener)

    def restore(self, events: Iterable[Event]) -> None:
        """Be what these events add up to, and nothing else; neither store nor listeners hear of it."""
        with self.ledger as ledger:
            self._forget_all()
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

    def log(self, *fields: Any) -> None:
        """Add the fields of a `RequestRecord` to the request log."""
        with self._log_lock:
            self._log.append(fields)

    @property
    def calls(self) -> Counter[str]:
        """How many requests reached each route; a copy."""
        with self._log_lock:
            return Counter(self._calls)

    @property
    def records(self) -> list[RequestRecord]:
        """The request log, oldest first; a copy."""
        with self._log_lock:
            return [RequestRecord(*fields) for fields in self._log]

    def set_profile(self, consumer: Consumer, elements: Iterable[dict[str, Any]]) -> None:
        """Store SDEs: an element replaces the earlier one of its type as a whole (documented)."""
        sdes = list(elements)
        if not sdes:
            return
        with self.ledger as ledger:
            data = {
                "account_id": consumer.account_id,
                "ext_consumer_id": consumer.ext_consumer_id,
                "lp_consumer_id": consumer.lp_consumer_id,
                "sdes": sdes,
            }
            ledger.record("profile_set", data, self._open_by_consumer.get(consumer.lp_consumer_id))

    def profile_of(self, consumer: Consumer) -> list[Any]:
        """The SDEs known of a consumer over all conversations, one of each type."""
        with self.ledger:
            profile = self._profiles.get(consumer.lp_consumer_id) or {}
        return [decode_sde(limits) for _, limits in profile.values()]

    def open_conversation(
        self,
        consumer: Consumer,
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
            if consumer.lp_consumer_id in self._open_by_consumer:
                return None
            conversation_id = self._new_id("conversation_opened")
            data = {
                "account_id": consumer.account_id,
                "client_id": client_id,
                "ext_consumer_id": consumer.ext_consumer_id,
                "lp_consumer_id": consumer.lp_consumer_id,
                "request": raw_request.decode(),
                "client_properties": raw_client_properties,
                "warnings": list(warnings),
                "session_id": session_id,
                **landing,
            }
            ledger.record("conversation_opened", data, conversation_id)
            return self._record(conversation_id).now

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
        """Set "ttr", "csat", "mcs" or "summary"."""
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
        self,
        conversation_id: str,
        dialog_id: str,
        *,
        by: str,
        cause: str | None = None,
        frees_consumer: bool = False,
    ) -> None:
        """Close one dialog; closing the main one leaves the conversation's stage open.

        With *frees_consumer* its consumer may open another conversation from then on.
        """
        self._change(
            conversation_id,
            "dialog_closed",
            dialog_id=dialog_id,
            closed_by=by,
            cause=cause,
            frees_consumer=frees_consumer,
        )

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
            conversation = self._record(conversation_id).now
            if conversation.stage == "OPEN" or conversation.lp_consumer_id in self._open_by_consumer:
                return False
            ledger.record("conversation_resumed", {"by": by}, conversation_id)
            return True

    def conversation(self, conversation_id: str) -> Conversation | None:
        """The conversation as it is now, or None when it is unknown or forgotten."""
        with self.ledger:
            record = self._open.get(conversation_id) or self._closed.get(conversation_id)
            return record.now if record else None

    def conversation_with(self, dialog_id: str) -> Conversation | None:
        """The conversation that has this dialog; the main dialog's id is the conversation's own."""
        with self.ledger:
            return self.conversation(self._conversation_of_dialog.get(dialog_id, dialog_id))

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
            sdes = list(self._record(conversation_id).sdes)
        return [(time, decode_sde(limits)) for time, limits in sdes]

    def trace(self, conversation_id: str) -> dict[str, Any]:
        """How routing decided the conversation's skill."""
        with self.ledger:
            return self._record(conversation_id).now.trace

    @property
    def conversations(self) -> list[Conversation]:
        """Every conversation still remembered, oldest first."""
        with self.ledger:
            conversations = [record.now for record in (*self._open, *self._closed)]
        return sorted(conversations, key=lambda conversation: conversation.number)

    def set_online(self, account_id: str, agent_id: str, online: bool) -> None:
        """An agent comes or goes; until then it is as the world has it."""
        with self.ledger as ledger:
            data = {"account_id": account_id, "agent_id": agent_id, "online": online}
            ledger.record("agent_online_set", data)

    def online(self, account_id: str, agent_id: str) -> bool | None:
        """Whether an agent is there; None when nobody has said anything since the world began."""
        return self._online.get((account_id, agent_id))

    def session_of(self, conversation_id: str) -> str | None:
        """The Monitoring session that the conversation named when it was opened."""
        with self.ledger:
            return self._record(conversation_id).session_id

    def _change(self, conversation_id: str, kind: str, **data: Any) -> None:
        with self.ledger as ledger:
            self._record(conversation_id)
            ledger.record(kind, data, conversation_id)
