"""Agent login sessions, in memory: the csrf token of each, and until when it lasts."""

import math
from dataclasses import dataclass, replace
from typing import Any

from lpnb.sandbox.state.event_ledger import Event, LedgerPart
from lpnb.sandbox.state.retention import BoundedDict

_SESSION_BYTES = 400


@dataclass(frozen=True, slots=True)
class AgentSession:
    """One login of an agent or an application."""

    session_id: str
    csrf: str
    account_id: str
    agent_id: str
    expires_at: float


class AgentSessions(LedgerPart):
    """Every agent session still remembered; a session that is forgotten lasts as long as its bearer."""

    def forget(self) -> None:
        """Forget every session."""
        self._by_csrf: BoundedDict[AgentSession] = BoundedDict(self._max_entries, self._max_bytes)
        self._csrf_of: BoundedDict[str] = BoundedDict(self._max_entries, self._max_bytes)

    def start(self, account_id: str, agent_id: str, lifetime: int, now: float) -> AgentSession:
        """Begin a session that lasts *lifetime* seconds."""
        with self._ledger as ledger:
            digest = self._new_digest("agent_session_started")
            data: dict[str, Any] = {
                "session_id": f"Sess{digest.hex()}",
                "csrf": self._new_digest("agent_session_started")[::-1].hex()[:24],
                "account_id": account_id,
                "agent_id": agent_id,
                "expires_at": math.floor(now) + lifetime,
            }
            ledger.record("agent_session_started", data)
            return AgentSession(**data)

    def extend(self, session: AgentSession, lifetime: int, now: float) -> None:
        """Let a session last *lifetime* seconds from now."""
        self._set_expiry(session, math.floor(now) + lifetime)

    def end(self, session: AgentSession) -> None:
        """End a session."""
        self._set_expiry(session, 0)

    def by_csrf(self, csrf: str) -> AgentSession | None:
        """The session with this csrf token, ended or not; None when there is none."""
        return self._by_csrf.get(csrf)

    def session(self, session_id: str) -> AgentSession | None:
        """The session with this id, ended or not; None when it is unknown or forgotten."""
        csrf = self._csrf_of.get(session_id)
        return None if csrf is None else self._by_csrf.get(csrf)

    def apply(self, event: Event) -> None:
        """Apply one of the agent sessions' events."""
        data = event.data
        if event.kind == "agent_session_started":
            new_session = AgentSession(**data)
            self._by_csrf.put(new_session.csrf, new_session, _SESSION_BYTES)
            self._csrf_of.put(new_session.session_id, new_session.csrf, _SESSION_BYTES)
            return
        session = self.session(data["session_id"])
        if session is not None:
            self._by_csrf.put(session.csrf, replace(session, expires_at=data["expires_at"]), _SESSION_BYTES)

    def _set_expiry(self, session: AgentSession, expires_at: int) -> None:
        with self._ledger as ledger:
            ledger.record("agent_session_set", {"session_id": session.session_id, "expires_at": expires_at})


KINDS = frozenset({"agent_session_started", "agent_session_set"})
