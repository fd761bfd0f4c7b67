"""Conditions, rules and shares in words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from lpnb.experiments.learning.decision_list import Rule
from lpnb.experiments.learning.evidence import places_of
from lpnb.experiments.learning.factors import Factor, Factors

OTHERWISE = "otherwise"
#: What stands for the skill of a case that the service refused.
REFUSED = "(refused)"
#: A set that leaves out no more values than this, of four or more, is told by what it leaves out.
_FEW_LEFT_OUT = 2


def value_text(value: object) -> str:
    """A value of one column as it is read aloud.

    Example:
        >>> [value_text(value) for value in ("vip", None, 5000, "0", True, ["sec://home"])]
        ['vip', 'absent', '5000', "'0'", 'True', 'sec://home']
    """
    if value is None:
        return "absent"
    if isinstance(value, list) and len(value) == 1:
        return value_text(value[0])
    if isinstance(value, str):
        plain = value.strip() == value and value not in ("", "absent", "True", "False", "None")
        return value if plain and not _is_number(value) and "," not in value else repr(value)
    return str(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def values_text(factor: Factor, place: int) -> str:
    """One value of a factor: of columns that go together, all of theirs."""
    return " + ".join(map(value_text, factor.values[place]))


def condition_text(factor: Factor, mask: int) -> str:
    """A condition, such as "ctmrinfo.ctype is vip or gold".

    Example:
        >>> factor = Factor(("ctmrinfo.balance",), ((None,), (500,), (5000,), (60000,)))
        >>> [condition_text(factor, mask) for mask in (0b0001, 0b1100, 0b0010, 0b1110, 0b1010)]
        ['ctmrinfo.balance is absent', 'ctmrinfo.balance is 5000 or more', \
'ctmrinfo.balance is 500 or less', 'ctmrinfo.balance is present', 'ctmrinfo.balance is 500 or 60000']
    """
    name, size = factor.name, len(factor.values)
    places = places_of(mask)
    outside = [place for place in range(size) if not mask >> place & 1]
    absent = tuple([None] * len(factor.columns))
    if len(outside) == 1 and factor.values[outside[0]] == absent and len(places) > 1:
        return f"{name} is present"
    if (ranks := factor.ranks) is not None:
        inside = sorted(ranks[place] for place in places)
        highest = max(ranks)
        by_rank = {rank: values_text(factor, place) for place, rank in enumerate(ranks)}
        if inside[0] >= 0 and inside == list(range(inside[0], inside[-1] + 1)):
            if inside[-1] == highest:
                return f"{name} is {by_rank[inside[0]]} or more"
            if inside[0] == 0:
                return f"{name} is {by_rank[inside[-1]]} or less"
            if len(inside) > 1:
                return f"{name} is from {by_rank[inside[0]]} to {by_rank[inside[-1]]}"
    if size >= 4 and len(outside) <= _FEW_LEFT_OUT and len(places) > len(outside):
        words = " nor ".join(values_text(factor, place) for place in outside)
        return f"{name} is {'neither' if len(outside) > 1 else 'not'} {words}"
    *others, last = (values_text(factor, place) for place in places)
    return f"{name} is {', '.join(others)}{' or ' if others else ''}{last}"


def condition_texts(factors: Factors, rule: Rule) -> list[str]:
    """Every condition of a rule; none for the last one."""
    return [condition_text(factors.factors[factor], mask) for factor, mask in rule.conditions]


def rule_text(factors: Factors, rule: Rule) -> str:
    """The conditions of a rule in one line."""
    return " and ".join(condition_texts(factors, rule)) or OTHERWISE


def boundary_sentences(factors: Factors, rules: Sequence[Rule]) -> list[str]:
    """Where the conditions on numbers may change: somewhere between two of the values that were sent."""
    boundaries: dict[str, list[str]] = {}
    for rule in rules:
        for number, mask in rule.conditions:
            factor = factors.factors[number]
            if (ranks := factor.ranks) is None:
                continue
            order = sorted((rank, place) for place, rank in enumerate(ranks) if rank >= 0)
            for (_, low), (_, high) in pairwise(order):
                if (mask >> low & 1) != (mask >> high & 1):
                    words = f"{values_text(factor, low)} and {values_text(factor, high)}"
                    if words not in boundaries.setdefault(factor.name, []):
                        boundaries[factor.name].append(words)
    return [
        f"{name}: the boundary is known only to lie between {', and between '.join(pairs)}."
        for name, pairs in boundaries.items()
    ]


def share_text(share: float) -> str:
    """A share as people say it.

    Example:
        >>> [share_text(share) for share in (1.0, 0.124, 0.0131, 0.0004, 0.000001, 0.0)]
        ['100 %', '12 %', '1.3 %', '0.04 %', '< 0.01 %', '0 %']
    """
    percent = 100 * share
    if percent == 0 or percent == 100:
        return f"{percent:.0f} %"
    if percent < 0.01:
        return "< 0.01 %"
    digits = 0 if 10 <= percent < 99.5 else 1 if percent >= 1 else 2
    return f"{percent:.{digits}f} %".replace("100.0", "99.9")
