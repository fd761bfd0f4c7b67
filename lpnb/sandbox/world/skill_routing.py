"""Routing: the skill of a conversation, with a trace of how it was decided.

Documented are four ways: a campaign's engagement, a skill in the request, a rule about Customer
Info, and the account's default; that a default applies when nothing else does; and that a fallback
takes over when nobody is online. Which way wins when several apply is not (`Rules.routing_order`),
nor what becomes of ids that do not exist (`Rules.unknown_ids`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from lpnb.sandbox.world.engagement_targeting import EngagementMatch
from lpnb.sandbox.world.models import Account, Skill
from lpnb.sandbox.world.rules import Rules

ANY_SKILL = "-1"
_LONGEST_ID = 19

Online = Callable[[Skill], bool]
"""Whether an agent of the skill is online."""


def parse_id(value: str | None) -> int | None:
    """An id as the number it is elsewhere; None for what is no such number, whatever a client sent.

    >>> parse_id("99999"), parse_id("-1"), parse_id("²"), parse_id("9" * 5000), parse_id(None)
    (99999, -1, None, None, None)
    """
    digits = (value or "").removeprefix("-")
    is_number = value is not None and len(digits) <= _LONGEST_ID and digits.isascii() and digits.isdigit()
    return int(value) if is_number and value is not None else None


class RoutingRequest(NamedTuple):
    """What a conversation brings to be routed by; ids as strings, None for what was not sent."""

    source_name: str
    """The connector's name."""
    campaign_id: str | None = None
    engagement_id: str | None = None
    skill_id: str | None = None
    ctype: str | None = None
    company_branch: str | None = None

    @property
    def weight(self) -> int:
        """How many characters it has."""
        values = (self.campaign_id, self.engagement_id, self.skill_id, self.ctype, self.company_branch)
        return sum(len(value) for value in values if value is not None)


@dataclass(frozen=True, slots=True)
class _RuleResult:
    """What one way came to: a skill (perhaps "-1" by choice), or nothing, and why."""

    why: str
    skill_id: str | None = None
    unknown: str | None = None


def route_conversation(
    account: Account, request: RoutingRequest, rules: Rules, online: Online
) -> tuple[dict[str, Any], list[str]]:
    """The landing (skill_id, skill_name, source_name, campaign, trace), and what ids are unknown.

    Every conversation that asks for the same may be given the same landing: nobody changes it.
    """
    campaign, unknown = _campaign(account, request)
    order = rules.routing_order.split(">")
    steps: list[dict[str, Any]] = []
    skill_id = ANY_SKILL
    decided_by = "none"
    for way in (*order, "default"):
        if decided_by != "none":
            steps.append(
                {"rule": way, "outcome": "not reached", "why": f"The {decided_by} rule had decided."}
            )
            continue
        result = _RULES[way](account, request, rules)
        if result.unknown:
            unknown.append(result.unknown)
        if result.skill_id is not None:
            skill_id, decided_by = result.skill_id, way
        outcome = "did not apply" if result.skill_id is None else "decided"
        steps.append({"rule": way, "outcome": outcome, "why": result.why})
    skill = account.skill(skill_id)
    fallback = None
    if skill is not None and rules.fallback_when_offline and not online(skill):
        skill, fallback = _fall_back(account, skill, online)
        skill_id = skill.id
    name = skill.name if skill else None
    trace = {
        "accountId": account.id,
        "decidedBy": decided_by,
        "skillId": skill_id,
        "skillName": name or ("Unassigned" if skill_id == ANY_SKILL else None),
        "order": order,
        "steps": steps,
        "fallback": fallback,
        "named": _named_engagement(account, request),
        "monitoring": None,
        "inferred": "The order of the rules and the treatment of unknown ids are not documented: "
        f"routing_order={rules.routing_order!r}, unknown_ids={rules.unknown_ids!r}.",
    }
    landing = {
        "skill_id": skill_id,
        "skill_name": name,
        "source_name": (campaign or {}).get("campaignName") or request.source_name,
        "campaign": campaign,
        "trace": trace,
    }
    return landing, list(dict.fromkeys(unknown))


def _campaign(account: Account, request: RoutingRequest) -> tuple[dict[str, Any] | None, list[str]]:
    """The campaign as the conversation shows it from now on, and what is unknown of it."""
    if request.campaign_id is None and request.engagement_id is None:
        return None, []
    unknown = []
    engagement = account.engagements_by_id.get(request.engagement_id or "")
    campaign_id = request.campaign_id or (engagement.campaign if engagement else None)
    campaign = account.campaigns_by_id.get(campaign_id or "")
    if request.campaign_id is not None and campaign is None:
        unknown.append(f"No campaign {request.campaign_id[:40]!r} in this account.")
    if request.engagement_id is not None and engagement is None:
        unknown.append(f"No engagement {request.engagement_id[:40]!r} in this account.")
    if engagement is not None and campaign is not None and engagement.campaign != campaign.id:
        unknown.append(
            f"Engagement {engagement.id!r} is of campaign {engagement.campaign!r}, not {campaign.id!r}."
        )
    campaign_view = {
        "campaignId": campaign_id,
        "campaignName": campaign.name if campaign else None,
        "engagementId": request.engagement_id,
        "engagementName": engagement.name if engagement else None,
    }
    return campaign_view, unknown


def _by_campaign(account: Account, request: RoutingRequest, _rules: Rules) -> _RuleResult:
    if request.campaign_id is None and request.engagement_id is None:
        return _RuleResult("No campaignInfo was sent.")
    if request.engagement_id is None:
        return _RuleResult("campaignInfo names no engagement, and the engagement holds the skill.")
    engagement = account.engagements_by_id.get(request.engagement_id)
    if engagement is None:
        return _RuleResult("The engagement does not exist.")
    if request.campaign_id not in (None, engagement.campaign):
        return _RuleResult("The engagement belongs to another campaign.")
    skill = account.skill(engagement.skill)
    assert skill is not None  # noqa: S101 - the world was checked when it was read
    return _RuleResult(f"Engagement {engagement.name!r} holds the skill {skill.name!r}.", skill.id)


def _by_skill(account: Account, request: RoutingRequest, rules: Rules) -> _RuleResult:
    if request.skill_id is None:
        return _RuleResult("No skillId was sent.")
    if request.skill_id == ANY_SKILL:
        if rules.any_skill_is_no_choice:
            return _RuleResult("skillId '-1' is any skill, which names none (any_skill_is_no_choice).")
        return _RuleResult("skillId '-1' is any skill, and was asked for.", ANY_SKILL)
    skill = account.skills_by_ref.get(request.skill_id)
    if skill is None or skill.id != request.skill_id:
        unknown = f"No skill {request.skill_id[:40]!r} in this account."
        return _RuleResult("The skill does not exist; taken as it came.", request.skill_id, unknown)
    return _RuleResult(f"skillId names {skill.name!r}.", skill.id)


def _by_sde(account: Account, request: RoutingRequest, _rules: Rules) -> _RuleResult:
    if not account.sde_rules:
        return _RuleResult("The account has no such rules.")
    info = {"ctype": request.ctype, "companyBranch": request.company_branch}
    for rule in account.sde_rules:
        value = info.get(rule.field)
        # ctype is compared without regard to case (documented); companyBranch alike (inferred).
        if value is not None and value.casefold() in {choice.casefold() for choice in rule.values}:
            skill = account.skill(rule.skill)
            assert skill is not None  # noqa: S101 - the world was checked when it was read
            return _RuleResult(f"Customer Info {rule.field} {value[:40]!r} maps to {skill.name!r}.", skill.id)
    fields = {rule.field: info.get(rule.field) for rule in account.sde_rules}
    values_text = ", ".join(
        f"{name} {str(value)[:40]!r}" for name, value in fields.items() if value is not None
    )
    return _RuleResult(
        f"No rule for {values_text}." if values_text else f"Customer Info has no {' and no '.join(fields)}."
    )


def _by_default(account: Account, _request: RoutingRequest, _rules: Rules) -> _RuleResult:
    skill = account.skill(account.default_skill or "")
    if skill is None:
        return _RuleResult("The account has no default skill; any agent may take it.")
    return _RuleResult(f"The account's default skill is {skill.name!r}.", skill.id)


_RULES: dict[str, Callable[[Account, RoutingRequest, Rules], _RuleResult]] = {
    "campaign": _by_campaign,
    "skill": _by_skill,
    "sde": _by_sde,
    "default": _by_default,
}


def _fall_back(account: Account, skill: Skill, online: Online) -> tuple[Skill, dict[str, Any]]:
    """The skill that takes over when nobody of *skill* is online; itself when there is no other."""
    candidates = (("skill", skill.fallback_skill), ("account", account.fallback_skill))
    for whose, ref in candidates:
        other = account.skill(ref or "")
        if other is not None and other.id != skill.id and online(other):
            why = f"Nobody of {skill.name!r} is online; the {whose}'s fallback is {other.name!r}."
            return other, {"from": skill.id, "to": other.id, "why": why}
    why = f"Nobody of {skill.name!r} is online, and no fallback is: any agent may take it."
    return skill, {"from": skill.id, "to": None, "why": why}


def _named_engagement(account: Account, request: RoutingRequest) -> dict[str, Any] | None:
    """The engagement that the request names, when there is such a one."""
    engagement = account.engagements_by_id.get(request.engagement_id or "")
    if engagement is None:
        return None
    is_match = request.campaign_id in (None, engagement.campaign)
    # Whether a named engagement's conditions are looked at again is not documented (inferred: they are not).
    why = "Named by the request." if is_match else "Named by the request, with another campaign."
    return EngagementMatch(engagement, is_match, why).to_json()


def customer_info(elements: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The ``info`` of the last ``ctmrinfo`` element, or None."""
    info = None
    for element in elements:
        if element.get("type") == "ctmrinfo" and isinstance(element.get("info"), dict):
            info = element["info"]
    return info
