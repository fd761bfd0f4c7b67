"""Matches engagements against a visitor, with the reason for each mismatch.

How LivePerson matches is its own; here every condition an engagement has must hold, and of the
values of one condition any may (inferred). Text is compared without regard to case.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from lpnb.sandbox.world.models import Account, Engagement, Range, Target

# Where the fields of an SDE stand in its element; the others have them beside ``type``.
_HOLDERS = {
    "ctmrinfo": "info",
    "personal": "personal",
    "mrktInfo": "info",
    "service": "service",
    "lead": "lead",
    "error": "error",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """What is known of whoever might be shown an engagement."""

    authenticated: bool = False
    entry_points: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    sdes: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class EngagementMatch:
    """One engagement, considered."""

    engagement: Engagement
    matched: bool
    why: str

    def to_json(self) -> dict[str, Any]:
        """As it stands in a routing trace."""
        return {
            "campaignId": self.engagement.campaign,
            "engagementId": self.engagement.id,
            "name": self.engagement.name,
            "matched": self.matched,
            "why": self.why,
        }


def match_engagements(account: Account, visitor: Visitor) -> Iterator[EngagementMatch]:
    """Every engagement of the account, in the order of priority."""
    for engagement in account.by_priority:
        if not account.campaigns_by_id[engagement.campaign].published:
            yield EngagementMatch(engagement, False, "The campaign is not published.")
        elif not engagement.enabled:
            yield EngagementMatch(engagement, False, "The engagement is not enabled.")
        else:
            mismatches = list(_mismatches(engagement.target, visitor))
            yield EngagementMatch(
                engagement, not mismatches, " ".join(mismatches) or "Every condition holds."
            )


def _mismatches(target: Target, visitor: Visitor) -> Iterator[str]:
    """Why the visitor is not meant; nothing when it is."""
    if target.identity == "auth" and not visitor.authenticated:
        yield "It is for authenticated consumers."
    if target.identity == "unauth" and visitor.authenticated:
        yield "It is for consumers who are not authenticated."
    if target.entry_points and not any(
        _pattern(condition).fullmatch(entry_point)
        for condition in target.entry_points
        for entry_point in visitor.entry_points
    ):
        yield f"No entry point is {_choices_in_words(target.entry_points)}."
    if target.languages and not {_language(tag) for tag in visitor.languages} & {
        _language(condition) for condition in target.languages
    }:
        yield f"The language is not {_choices_in_words(target.languages)}."
    for path, condition in target.sdes.items():
        values = values_at(visitor.sdes, path)
        if not any(_value_matches(value, condition) for value in values):
            values_text = ", ".join(repr(value)[:40] for value in values[:3]) or "not set"
            yield f"{path} is {values_text}, not {_condition_in_words(condition)}."


def values_at(sdes: Iterable[dict[str, Any]], path: str) -> list[Any]:
    """What stands at *path* in the SDEs; several values where there are several SDEs or an array.

    >>> values_at([{"type": "ctmrinfo", "info": {"ctype": "vip"}}], "ctmrinfo.ctype")
    ['vip']
    >>> values_at([{"type": "searchInfo", "keywords": ["rates", "loan"]}], "searchInfo.keywords")
    ['rates', 'loan']
    """
    kind, *names = path.split(".")
    values: list[Any] = [
        element.get(_HOLDERS[kind]) if kind in _HOLDERS else element
        for element in sdes
        if element.get("type") == kind
    ]
    for name in names:
        values = [item[name] for item in values if isinstance(item, dict) and name in item]
        values = [inner for item in values for inner in (item if isinstance(item, list) else [item])]
    return values


def _value_matches(value: object, condition: Range | tuple[Any, ...]) -> bool:
    if isinstance(condition, Range):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (condition.min is None or value >= condition.min) and (
            condition.max is None or value <= condition.max
        )
    return any(_comparable(value) == _comparable(item) for item in condition)


def _comparable(value: object) -> object:
    return value.strip().casefold() if isinstance(value, str) else (value, isinstance(value, bool))


def _language(name: str) -> str:
    return name.replace("_", "-").casefold()


@cache
def _pattern(condition: str) -> re.Pattern[str]:
    """The entry point as a pattern; only a star has a meaning, and two in a row are one."""
    pieces = [re.escape(piece) for piece in re.split(r"\*+", condition)]
    return re.compile(".*".join(pieces), re.IGNORECASE | re.DOTALL)


def _choices_in_words(values: Iterable[str]) -> str:
    return " or ".join(repr(value) for value in values)


def _condition_in_words(condition: Range | tuple[Any, ...]) -> str:
    if not isinstance(condition, Range):
        return " or ".join(repr(value) for value in condition)
    if condition.max is None:
        return f"at least {condition.min}"
    return f"at most {condition.max}" if condition.min is None else f"from {condition.min} to {condition.max}"
