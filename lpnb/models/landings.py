"""``Landing`` and ``Transfer``: the skill a conversation is in, and its moves between skills, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lpnb._internal.display import table_html
from lpnb._printable import one_line

#: No skill: any agent may take the conversation.
UNASSIGNED = "-1"

Outcome = Literal["landed", "unassigned", "not visible"]


@dataclass(frozen=True, slots=True)
class Transfer:
    """One move from skill to skill: when, and by whom and why where that is known.

    ``reason`` is "back2Q", "Agent", "SuggestedAgentTimeout", "Skill" or "TakeOver", or whatever else came.
    """

    at: datetime | None
    source_skill_id: str | None
    target_skill_id: str | None
    source_skill_name: str | None = None
    target_skill_name: str | None = None
    reason: str | None = None
    by: str | None = None


_UNASSIGNED = (
    "Any agent may take it: nothing routed it, or the skill that it names does not exist. A skill is named "
    "by its id, a number."
)


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a conversation is, and how that is known.

    ``outcome`` is "landed", "unassigned" (skill "-1": any agent may take it) or "not visible": nobody had
    heard of it in the time that was waited. ``skill_id`` is text, and None when not visible. ``skill_name``
    is None when a webhook told, which carries no names, and history has not named that skill either.
    ``source`` is "history", "webhook" or None. ``transfers`` are the moves from skill to skill so far.
    ``asked_at`` is when the answer came, ``as_of`` the moment that a webhook's answer tells of.

    Example:
        >>> Landing("conv-1", skill_id="2741903011", skill_name="Cards", source="history").explanation
        'History says that conv-1 is in skill Cards (2741903011).'
    """

    conversation_id: str
    skill_id: str | None = None
    skill_name: str | None = None
    source: Literal["history", "webhook"] | None = None
    transfers: tuple[Transfer, ...] = ()
    asked_at: datetime | None = None
    as_of: datetime | None = None
    note: str = ""

    @property
    def outcome(self) -> Outcome:
        """``landed``, "unassigned" or "not visible"."""
        if self.skill_id is None:
            return "not visible"
        return "unassigned" if self.skill_id == UNASSIGNED else "landed"

    @property
    def ok(self) -> bool:
        """Whether it is known where the conversation is."""
        return self.source is not None

    @property
    def explanation(self) -> str:
        """What is known, in a sentence or two."""
        if self.skill_id is None:
            return f"{self.conversation_id} did not become visible. {self.note}".rstrip()
        source = "History says" if self.source == "history" else "A webhook says"
        skill = f"{self.skill_name} ({self.skill_id})" if self.skill_name else self.skill_id
        place = "is unassigned" if self.outcome == "unassigned" else f"is in skill {skill}"
        moves = len(self.transfers)
        transfers_text = f", after {moves} transfer{'s' if moves > 1 else ''}" if moves else ""
        reason = f" {_UNASSIGNED}" if self.outcome == "unassigned" else ""
        return f"{source} that {self.conversation_id} {place}{transfers_text}.{reason}"

    def __str__(self) -> str:
        return one_line(self.explanation)

    def _repr_html_(self) -> str:
        rows = [
            ("conversation", self.conversation_id),
            ("outcome", self.outcome),
            ("skill", self.skill_name),
            ("skill id", self.skill_id),
            ("says", self.source),
            ("transfers", len(self.transfers)),
            ("note", self.note),
        ]
        return table_html("Landing", ["what", "value"], [row for row in rows if row[1] not in (None, "")])
