"""Monitoring sessions: visitors, reported attributes, engagements offered and impressions.

A visitor (``vid``) is a device; a session (``sid``) is one visit, over after 30 idle minutes or six
hours (documented for the Mobile SDK). Both are forgotten together.
"""

import base64
from dataclasses import dataclass, field
from typing import Any

from lpnb.sandbox.state.event_ledger import Event, LedgerPart
from lpnb.sandbox.state.retention import BoundedDict

IDLE_SECONDS = 30 * 60
MAX_SESSION_SECONDS = 6 * 3600

# SDEs that replace the earlier one of their type (documented); the others append.
REPLACED_SDES = ("personal", "ctmrinfo", "mrktInfo", "cart", "service")
_MAX_APPENDED_SDES = 50
_MAX_IMPRESSIONS = 100

# One session may have this part of what all of them may weigh; beyond it, its own oldest goes.
_SHARE = 16
_EMPTY_SESSION = 500


@dataclass(slots=True)
class Visit:
    """One session. The state's own: it changes while the session lasts."""

    account_id: str
    client_id: str
    visitor_id: str
    session_id: str
    started_at: float
    seen_at: float
    page_id: str = "0"
    engagement_calls: int = 0
    identities: list[dict[str, Any]] = field(default_factory=list)
    entry_points: list[str] = field(default_factory=list)
    attributes: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    engagement_matches: list[dict[str, Any]] = field(default_factory=list)
    offers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """contextId to campaignId, engagementId and revision of what was shown."""
    impressions: list[dict[str, Any]] = field(default_factory=list)
    conversation_id: str | None = None
    weights: list[int] = field(default_factory=list)
    """What each of the attributes weighs."""
    impression_weights: list[int] = field(default_factory=list)
    other_weights: dict[str, int] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """The bytes of what is remembered of it, roughly."""
        heavy = (self.weights, self.impression_weights, self.other_weights.values())
        return _EMPTY_SESSION + sum(map(sum, heavy))

    def drop_oldest(self, max_bytes: int) -> None:
        """Forget the oldest impressions, then the oldest attributes, until it weighs no more than that."""
        too_much = self.weight - max_bytes
        drop_count = _count_to_drop(self.impression_weights, too_much)
        too_much -= sum(self.impression_weights[:drop_count])
        self.impressions, self.impression_weights = (
            self.impressions[drop_count:],
            self.impression_weights[drop_count:],
        )
        drop_count = _count_to_drop(self.weights, too_much)
        self.attributes, self.weights = self.attributes[drop_count:], self.weights[drop_count:]

    def has_ended(self, now: float) -> bool:
        """Whether the session has ended by itself."""
        return now - self.seen_at > IDLE_SECONDS or now - self.started_at > MAX_SESSION_SECONDS


class Visits(LedgerPart):
    """Every session still remembered."""

    def forget(self) -> None:
        """Forget every session and visitor."""
        self._sessions: BoundedDict[Visit] = BoundedDict(self._max_entries, self._max_bytes)
        self._visitors: BoundedDict[str] = BoundedDict(self._max_entries, self._max_bytes)

    def start(self, account_id: str, client_id: str, visitor_id: str | None = None) -> Visit:
        """Begin a session, for a visitor known already or a new one."""
        with self._ledger as ledger:
            session_id = _visit_id(self._new_digest("session_started"))
            data = {
                "account_id": account_id,
                "client_id": client_id,
                "visitor_id": visitor_id or _visit_id(self._new_digest("session_started")[::-1]),
                "session_id": session_id,
            }
            ledger.record("session_started", data)
            return self._session(session_id)

    def report(
        self,
        session_id: str,
        *,
        page_id: str | None = None,
        identities: list[dict[str, Any]] | None = None,
        entry_points: list[str] | None = None,
        attributes: list[dict[str, Any]] | None = None,
    ) -> str:
        """Keep what a session says of its visitor; return the page's id."""
        with self._ledger as ledger:
            digest = self._new_digest("session_reported")
            data = {
                "session_id": session_id,
                "page_id": page_id or str(int.from_bytes(digest[:4]) % 900_000_000 + 100_000_000),
                "identities": identities or [],
                "entry_points": entry_points,
                "attributes": attributes or [],
            }
            ledger.record("session_reported", data)
            return self._session(session_id).page_id

    def record_engagement(
        self, session_id: str, matches: list[dict[str, Any]], offers: dict[str, Any] | None
    ) -> str | None:
        """Note what Monitoring considered and showed; return the contextId of what was shown."""
        with self._ledger as ledger:
            context_id = str(self._session(session_id).engagement_calls + 1)
            data = {
                "session_id": session_id,
                "considered": matches,
                "shown": None if offers is None else {"contextId": context_id, **offers},
            }
            ledger.record("engagement_asked", data)
            return None if offers is None else context_id

    def report_impression(self, session_id: str, impression: dict[str, Any]) -> None:
        """Note that something shown was displayed, accepted, timed out or closed."""
        with self._ledger as ledger:
            ledger.record("impression_reported", {"session_id": session_id, "impression": impression})

    def _session(self, session_id: str) -> Visit:
        visit = self._sessions.get(session_id)
        if visit is None:
            raise KeyError(f"No session {session_id!r} in this sandbox.")
        return visit

    def session(self, session_id: str) -> Visit | None:
        """The session with this id, or None."""
        return self._sessions.get(session_id)

    def account_of_visitor(self, visitor_id: str) -> str | None:
        """The account that knows this visitor, or None."""
        return self._visitors.get(visitor_id)

    def link_conversation(self, session_id: str | None, conversation_id: str) -> None:
        """A conversation was opened out of a session."""
        visit = self._sessions.get(session_id or "")
        if visit is not None:
            visit.conversation_id = conversation_id

    def apply(self, event: Event) -> None:
        """Apply one of the session's events."""
        data = event.data
        if event.kind == "session_started":
            new_visit = Visit(
                data["account_id"],
                data["client_id"],
                data["visitor_id"],
                data["session_id"],
                event.time,
                event.time,
            )
            self._sessions.put(new_visit.session_id, new_visit, _EMPTY_SESSION)
            self._visitors.put(new_visit.visitor_id, new_visit.account_id, 100)
            return
        visit = self._sessions.get(data["session_id"])
        if visit is None:
            return
        visit.seen_at = event.time
        if event.kind == "session_reported":
            _apply_report(visit, event)
        elif event.kind == "engagement_asked":
            visit.engagement_calls += 1
            visit.engagement_matches = data["considered"]
            if data["shown"] is not None:
                visit.offers = {**visit.offers, data["shown"]["contextId"]: data["shown"]}
                if len(visit.offers) > _MAX_IMPRESSIONS:
                    del visit.offers[next(iter(visit.offers))]
            visit.other_weights["considered"] = _size(visit.engagement_matches)
            visit.other_weights["shown"] = _size(visit.offers)
        else:
            visit.impressions = [*visit.impressions[1 - _MAX_IMPRESSIONS :], data["impression"]]
            weights = visit.impression_weights[1 - _MAX_IMPRESSIONS :]
            visit.impression_weights = [*weights, _size(data["impression"])]
        visit.drop_oldest(self._max_bytes // _SHARE)
        self._sessions.set_weight(visit.session_id, visit.weight)


def _apply_report(visit: Visit, event: Event) -> None:
    data = event.data
    visit.page_id = data["page_id"]
    if data["identities"]:
        visit.identities = data["identities"]
        visit.other_weights["identities"] = _size(visit.identities)
    if data["entry_points"] is not None:
        visit.entry_points = data["entry_points"]
        visit.other_weights["entry_points"] = _size(visit.entry_points)
    entries = list(zip(visit.attributes, visit.weights, strict=True))
    for element in data["attributes"]:
        kind = element.get("type")
        if kind in REPLACED_SDES:
            entries = [item for item in entries if item[0][1].get("type") != kind]
        entries = [*entries[-_MAX_APPENDED_SDES:], ((event.time, element), _size(element))]
    # New lists: a reader may hold the ones of a moment ago.
    visit.attributes = [pair for pair, _ in entries]
    visit.weights = [weight for _, weight in entries]


def _size(value: object) -> int:
    return len(repr(value))


def _count_to_drop(weights: list[int], too_much: int) -> int:
    """How many of the oldest have to go; the latest stays, however heavy it is."""
    count = 0
    while too_much > 0 and count < len(weights) - 1:
        too_much -= weights[count]
        count += 1
    return count


KINDS = frozenset({"session_started", "session_reported", "engagement_asked", "impression_reported"})


def _visit_id(digest: bytes) -> str:
    """An id as Monitoring's look: 22 characters."""
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
