"""Worlds to learn: the sandbox's own bank, and random ones, played by the sandbox's routing in this process.

The random worlds are banks too: ten Customer Info and attribute columns, campaigns with engagements whose
targets are drawn at random. ``land`` gives the skill that the sandbox would route a case to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpnb.experiments.learning.case_space import Rows
from lpnb.experiments.learning.factors import Factors
from lpnb.sandbox.world.engagement_targeting import Visitor, match_engagements
from lpnb.sandbox.world.loader import default_world
from lpnb.sandbox.world.models import Account, Campaign, Engagement, Installation, Skill, Target
from lpnb.sandbox.world.rules import Rules
from lpnb.sandbox.world.skill_routing import RoutingRequest, customer_info, route_conversation

#: The nine factors of the default world that Monitoring is asked with: 172,032 combinations.
BANK_FACTORS: dict[str, list[object]] = {
    "entryPoints.0": [
        None,
        "sec://home",
        "tel://1-800-555-0100",
        "sec://lost-card",
        "sec://mortgages/calculator",
        "sec://payments/transfer",
        "sec://sign-in",
        "sec://one-time-code",
    ],
    "identities.0.acr": ["0", "loa1"],
    "ctmrinfo.ctype": [None, "vip", "private", "gold", "business", "corporate", "retail"],
    "ctmrinfo.cstatus": [None, "card blocked", "new", "onboarding"],
    "ctmrinfo.balance": [500, 5_000, 60_000, 300_000],
    "ctmrinfo.companySize": [None, 5, 40],
    "engagementAttributes.cart.numItems": [None, 2],
    "engagementAttributes.error.code": [None, "AUTH-1", "OTP-EXPIRED", "E-500"],
    "engagementAttributes.lead.topic": [None, "mortgage", "home loan", "savings"],
}
#: The factors of the default world for the rules about Customer Info alone: no Monitoring is asked.
SDE_FACTORS: dict[str, list[object]] = {
    "ctmrinfo.ctype": [None, "vip", "private", "gold", "business", "corporate", "retail"],
    "ctmrinfo.companyBranch": [None, "Harbour Street", "Vale Park", "Old Mill", "Station Road"],
    "ctmrinfo.cstatus": [None, "card blocked", "new", "onboarding"],
    "ctmrinfo.balance": [500, 5_000, 60_000, 300_000],
    "ctmrinfo.companySize": [None, 5, 40],
    "personal.gender": [None, "MALE", "FEMALE", "OTHER"],
}

#: Columns of the random worlds, the first so many of them; all are what an engagement may be targeted by.
COLUMNS = (
    "ctmrinfo.ctype",
    "ctmrinfo.cstatus",
    "ctmrinfo.companyBranch",
    "lead.topic",
    "service.topic",
    "ctmrinfo.role",
    "error.code",
    "mrktInfo.affiliate",
    "searchInfo.keywords",
    "cart.currency",
)
SIZES = {"4x4": (4, 4), "6x5": (6, 5), "8x6": (8, 6), "10x8": (10, 8)}
_INSIDE = {"ctmrinfo": "info", "service": "service", "lead": "lead", "error": "error", "mrktInfo": "info"}


def visitor_of(case: Mapping[str, Any]) -> Visitor:
    """The visitor that Monitoring would see."""
    sdes: dict[str, dict[str, Any]] = {}
    for name, value in case.items():
        kind, _, field = name.removeprefix("engagementAttributes.").partition(".")
        if value is not None and kind not in ("entryPoints", "identities"):
            element = sdes.setdefault(kind, {"type": kind})
            holder = element.setdefault(_INSIDE[kind], {}) if kind in _INSIDE else element
            holder[field] = [value] if field == "keywords" else value
    point = case.get("entryPoints.0")
    return Visitor(
        authenticated=case.get("identities.0.acr") == "loa1",
        entry_points=() if point is None else (point,),
        sdes=tuple(sdes.values()),
    )


def land(
    account: Account,
    case: Mapping[str, Any],
    *,
    monitoring: bool = True,
    offline: frozenset[str] = frozenset(),
    rules: Rules | None = None,
) -> str:
    """The name of the skill that the sandbox routes a case to; skills in *offline* have nobody online."""
    rules = rules or Rules()

    def online(skill: Skill) -> bool:
        return skill.name not in offline

    visitor = visitor_of(case)
    info = customer_info(visitor.sdes) or {}
    asked = RoutingRequest("Bench", ctype=info.get("ctype"), company_branch=info.get("companyBranch"))
    if monitoring:
        for verdict in match_engagements(account, visitor):
            skill = account.skill(verdict.engagement.skill)
            if verdict.matched and (skill is None or online(skill)):
                engagement = verdict.engagement
                asked = asked._replace(campaign_id=engagement.campaign, engagement_id=engagement.id)
                break
    landing, _ = route_conversation(account, asked, rules, online)
    return str(landing["skill_name"])


def bank() -> Account:
    """The account of the default world."""
    return default_world().accounts[0]


@dataclass(frozen=True)
class RandomWorld:
    """A world drawn at random: the account that plays it, its factors, and its rules as they were drawn."""

    account: Account
    factors: Factors
    rules: Sequence[tuple[Mapping[int, frozenset[int]], int]]
    default: int

    def land(self, row: Sequence[int]) -> str:
        """Where the sandbox routes the case at these places."""
        return land(self.account, self.factors.case(row))

    def skills(self, rows: Rows) -> np.ndarray:
        """The same for many rows at a time, from the rules as drawn: names of skills."""
        found = np.full(len(rows), self.default)
        for conditions, skill in reversed(self.rules):
            holds = np.ones(len(rows), dtype=bool)
            for factor, values in conditions.items():
                holds &= np.isin(rows[:, factor], list(values))
            found[holds] = skill
        return np.array([f"Skill {number}" for number in range(SKILLS)])[found]


SKILLS = 5
#: How many rules a world of each size has at the most; each from three up to this number is as likely.
MOST_RULES = {"4x4": 5, "6x5": 13, "8x6": 15, "10x8": 20}
#: The shares of rules with one, two, three and four conditions.
CONDITIONS = (0.4, 0.4, 0.15, 0.05)
#: The shares of conditions on one value, on either of two, and of three.
VALUES = (0.5, 0.3, 0.2)
#: The share of rules that repeat the conditions of one above with one more: shadowed, they are never reached.
SHADOWED = 0.12
#: How unevenly rules look at the factors: the parameter of a Dirichlet distribution.
POPULARITY = 2.0


def random_world(size: str, seed: int) -> RandomWorld:
    """A world of a size such as "6x5": six factors of five values."""
    count, values = SIZES[size]
    random = np.random.default_rng([seed, count, values])
    while True:
        rules, default = _draw(size, count, values, random)
        world = _world(rules, default, count, values)
        rows = random.integers(0, values, (2_000, count), dtype=np.uint8)
        if len(np.unique(world.skills(rows))) > 1:
            return world


def _draw(
    size: str, count: int, values: int, random: np.random.Generator
) -> tuple[list[tuple[dict[int, frozenset[int]], int]], int]:
    popularity = random.dirichlet([POPULARITY] * count)

    def some() -> frozenset[int]:
        held = min(values - 1, int(random.choice([1, 2, 3], p=VALUES)))
        return frozenset(random.choice(values, held, replace=False).tolist())

    rules: list[tuple[dict[int, frozenset[int]], int]] = []
    for _ in range(int(random.integers(3, MOST_RULES[size] + 1))):
        if rules and random.random() < SHADOWED:
            conditions = dict(rules[int(random.integers(len(rules)))][0])
            free = [factor for factor in range(count) if factor not in conditions]
            if free and len(conditions) < 4:
                conditions[int(random.choice(free))] = some()
        else:
            number = min(count, int(random.choice([1, 2, 3, 4], p=CONDITIONS)))
            chosen = random.choice(count, number, replace=False, p=popularity)
            conditions = {int(factor): some() for factor in chosen}
        rules.append((conditions, int(random.integers(SKILLS))))
    return rules, int(random.integers(SKILLS))


def _world(
    rules: Sequence[tuple[Mapping[int, frozenset[int]], int]], default: int, count: int, values: int
) -> RandomWorld:
    skills = [Skill(id=str(1000 + number), name=f"Skill {number}") for number in range(SKILLS)]
    columns = COLUMNS[:count]
    campaigns, engagements = [], []
    for place, (conditions, skill) in enumerate(rules):
        campaigns.append(Campaign(id=str(2000 + place), name=f"Campaign {place}", priority=place))
        targets = {
            columns[factor]: tuple(f"v{at}" for at in sorted(held)) for factor, held in conditions.items()
        }
        engagements.append(
            Engagement(
                id=str(3000 + place),
                campaign=str(2000 + place),
                name=f"Engagement {place}",
                skill=f"Skill {skill}",
                target=Target(sdes=targets),
            )
        )
    account = Account(
        id="1",
        default_skill=f"Skill {default}",
        installations=[Installation(client_id="bench", client_secret="bench", name="Bench")],
        skills=skills,
        campaigns=campaigns,
        engagements=engagements,
    )
    factors = Factors({column: [f"v{at}" for at in range(values)] for column in columns})
    return RandomWorld(account, factors, rules, default)


def every_row(factors: Factors) -> Rows:
    """Every combination; for spaces that are small enough."""
    sizes = factors.space.sizes
    return np.stack(np.unravel_index(np.arange(factors.combinations), sizes), axis=1).astype(np.uint8)


Answer = Callable[[Sequence[int]], str]
