"""Which skill a conversation lands in, and the trace that tells how it came to that.

Documented are four ways: a campaign's engagement, a skill in the request, a rule about Customer
Info, and the account's default; that a default applies when nothing else does; and that a fallback
takes over when nobody is online. Which way wins when several apply is not (`Rules.routing_order`),
nor what becomes of ids that do not exist (`Rules.unknown_ids`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from lpnb.sandbox.world.models import Account, Skill
from lpnb.sandbox.world.rules import Rules
from lpnb.sandbox.world.targeting import Verdict

ANY_SKILL = "-1"
_LONGEST_ID = 19

Online = Callable[[Skill], bool]
"""Whether an agent of the skill is online."""


def number(value: str | None) -> int | None:
    """An id as the number it is elsewhere; None for what is no such number, whatever a client sent.

    >>> number("99999"), number("-1"), number("²"), number("9" * 5000), number(None)
    (99999, -1, None, None, None)
    """
    digits = (value or "").removeprefix("-")
    known = value is not None and len(digits) <= _LONGEST_ID and digits.isascii() and digits.isdigit()
    return int(value) if known and value is not None else None


class Asked(NamedTuple):
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
        sent = (self.campaign_id, self.engagement_id, self.skill_id, self.ctype, self.company_branch)
        return sum(len(value) for value in sent if value is not None)


@dataclass(frozen=True, slots=True)
class _Found:
    """What one way came to: a skill (perhaps "-1" by choice), or nothing, and why."""

    why: str
    skill_id: str | None = None
    unknown: str | None = None


def route(account: Account, asked: Asked, rules: Rules, online: Online) -> tuple[dict[str, Any], list[str]]:
    """The landing (skill_id, skill_name, source_name, campaign, trace), and what ids are unknown.

    Every conversation that asks for the same may be given the same landing: nobody changes it.
    """
    campaign, unknown = _campaign(account, asked)
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
        found = _WAYS[way](account, asked, rules)
        if found.unknown:
            unknown.append(found.unknown)
        if found.skill_id is not None:
            skill_id, decided_by = found.skill_id, way
        steps.append(
            {"rule": way, "outcome": "passed" if found.skill_id is None else "decided", "why": found.why}
        )
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
        "named": _named(account, asked),
        "monitoring": None,
        "inferred": "The order of the rules and the treatment of unknown ids are not documented: "
        f"routing_order={rules.routing_order!r}, unknown_ids={rules.unknown_ids!r}.",
    }
    landing = {
        "skill_id": skill_id,
        "skill_name": name,
        "source_name": (campaign or {}).get("campaignName") or asked.source_name,
        "campaign": campaign,
        "trace": trace,
    }
    return landing, list(dict.fromkeys(unknown))


def _campaign(account: Account, asked: Asked) -> tuple[dict[str, Any] | None, list[str]]:
    """The campaign as the conversation shows it from now on, and what is unknown of it."""
    if asked.campaign_id is None and asked.engagement_id is None:
        return None, []
    unknown = []
    engagement = account.engagements_by_id.get(asked.engagement_id or "")
    campaign_id = asked.campaign_id or (engagement.campaign if engagement else None)
    campaign = account.campaigns_by_id.get(campaign_id or "")
    if asked.campaign_id is not None and campaign is None:
        unknown.append(f"No campaign {asked.campaign_id[:40]!r} in this account.")
    if asked.engagement_id is not None and engagement is None:
        unknown.append(f"No engagement {asked.engagement_id[:40]!r} in this account.")
    if engagement is not None and campaign is not None and engagement.campaign != campaign.id:
        unknown.append(
            f"Engagement {engagement.id!r} is of campaign {engagement.campaign!r}, not {campaign.id!r}."
        )
    shown = {
        "campaignId": campaign_id,
        "campaignName": campaign.name if campaign else None,
        "engagementId": asked.engagement_id,
        "engagementName": engagement.name if engagement else None,
    }
    return shown, unknown


def _by_campaign(account: Account, asked: Asked, _rules: Rules) -> _Found:
    if asked.campaign_id is None and asked.engagement_id is None:
        return _Found("No campaignInfo was sent.")
    if asked.engagement_id is None:
        return _Found("campaignInfo names no engagement, and the engagement holds the skill.")
    engagement = account.engagements_by_id.get(asked.engagement_id)
    if engagement is None:
        return _Found("The engagement does not exist.")
    if asked.campaign_id not in (None, engagement.campaign):
        return _Found("The engagement belongs to another campaign.")
    skill = account.skill(engagement.skill)
    assert skill is not None  # noqa: S101 - the world was checked when it was read
    return _Found(f"Engagement {engagement.name!r} holds the skill {skill.name!r}.", skill.id)


def _by_skill(account: Account, asked: Asked, rules: Rules) -> _Found:
    if asked.skill_id is None:
        return _Found("No skillId was sent.")
    if asked.skill_id == ANY_SKILL:
        if rules.any_skill_is_no_choice:
            return _Found("skillId '-1' is any skill, which names none (any_skill_is_no_choice).")
        return _Found("skillId '-1' is any skill, and was asked for.", ANY_SKILL)
    skill = account.skills_by_ref.get(asked.skill_id)
    if skill is None or skill.id != asked.skill_id:
        unknown = f"No skill {asked.skill_id[:40]!r} in this account."
        return _Found("The skill does not exist; taken as it came.", asked.skill_id, unknown)
    return _Found(f"skillId names {skill.name!r}.", skill.id)


def _by_sde(account: Account, asked: Asked, _rules: Rules) -> _Found:
    if not account.sde_rules:
        return _Found("The account has no such rules.")
    info = {"ctype": asked.ctype, "companyBranch": asked.company_branch}
    for rule in account.sde_rules:
        value = info.get(rule.field)
        # ctype is compared without regard to case (documented); companyBranch alike (inferred).
        if value is not None and value.casefold() in {wanted.casefold() for wanted in rule.values}:
            skill = account.skill(rule.skill)
            assert skill is not None  # noqa: S101 - the world was checked when it was read
            return _Found(f"Customer Info {rule.field} {value[:40]!r} maps to {skill.name!r}.", skill.id)
    fields = {rule.field: info.get(rule.field) for rule in account.sde_rules}
    came = ", ".join(f"{name} {str(value)[:40]!r}" for name, value in fields.items() if value is not None)
    return _Found(f"No rule for {came}." if came else f"Customer Info has no {' and no '.join(fields)}.")


def _by_default(account: Account, _asked: Asked, _rules: Rules) -> _Found:
    skill = account.skill(account.default_skill or "")
    if skill is None:
        return _Found("The account has no default skill; any agent may take it.")
    return _Found(f"The account's default skill is {skill.name!r}.", skill.id)


_WAYS: dict[str, Callable[[Account, Asked, Rules], _Found]] = {
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


def _named(account: Account, asked: Asked) -> dict[str, Any] | None:
    """The engagement that the request names, when there is such a one."""
    engagement = account.engagements_by_id.get(asked.engagement_id or "")
    if engagement is None:
        return None
    matched = asked.campaign_id in (None, engagement.campaign)
    # Whether a named engagement's conditions are looked at again is not documented (inferred: they are not).
    why = "Named by the request." if matched else "Named by the request, with another campaign."
    return Verdict(engagement, matched, why).to_json()


def customer_info(elements: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The ``info`` of the last ``ctmrinfo`` element, or None."""
    found = None
    for element in elements:
        if element.get("type") == "ctmrinfo" and isinstance(element.get("info"), dict):
            found = element["info"]
    return found
