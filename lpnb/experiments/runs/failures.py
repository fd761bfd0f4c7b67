"""The cases of a run that were not answered, grouped by cause."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: What differs from case to case in the words of one cause: ids, long numbers and what stands in quotes.
_OWN_WORDS = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\b\d{4,}\b|'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Cases that ended in the same way for the same reason.

    Attributes:
        outcome: refused, not sent or unknown.
        http_status: Of the last attempt, or None.
        code: Of the conversation frame, or None.
        message: What was said about the first of them.
        cases: How many there are.
        case: The name of the first.

    Example:
        >>> columns = {"case": ["a", "b"], "outcome": ["refused"] * 2, "http_status": [400] * 2}
        >>> columns |= {"code": ["BAD_REQUEST"] * 2, "message": ["no consumer '1'", "no consumer '2'"]}
        >>> print(*failure_groups(columns))
        2 refused, 400, BAD_REQUEST: no consumer '1' (first: a)
    """

    outcome: str
    http_status: int | None
    code: str | None
    message: str
    cases: int
    case: str

    def __str__(self) -> str:
        parts = [
            f"{self.cases:,} {self.outcome}",
            *(str(part) for part in (self.http_status, self.code) if part),
        ]
        message_text = f": {self.message}" if self.message else ""
        return f"{', '.join(parts)}{message_text} (first: {self.case})"


def failure_groups(columns: Mapping[str, Sequence[Any]]) -> list[FailureGroup]:
    """Group the failed cases of a run's *columns*, the largest group first.

    Args:
        columns: ``case``, ``outcome``, ``http_status``, ``code`` and ``message``, as of ``Run.columns``.
    """
    names = ("outcome", "http_status", "code", "message", "case")
    groups: dict[tuple[str, int | None, str | None, str], list[Any]] = {}
    for outcome, status, code, message, case in zip(*(columns[name] for name in names), strict=True):
        if outcome in ("answered", "planned", None):
            continue
        key = (outcome, status, code, _OWN_WORDS.sub("…", message or ""))
        group = groups.setdefault(key, [message or "", 0, case])
        group[1] += 1
    group_list = [
        FailureGroup(outcome, status, code, message, cases, case)
        for (outcome, status, code, _), (message, cases, case) in groups.items()
    ]
    return sorted(group_list, key=lambda group: -group.cases)
