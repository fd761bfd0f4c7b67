"""Spelling suggestions: which known names are nearest to an unknown one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

# Names that differ by less than this from the nearest are as likely: "name" is in firstname and lastname.
_AS_NEAR = 0.06
_MOST = 3


def plain_name(name: str) -> str:
    """The name without what people write in many ways: case, underscores, spaces, hyphens.

    Example:
        >>> plain_name("Campaign_ID") == plain_name("campaignId")
        True
    """
    return name.lower().replace("_", "").replace(" ", "").replace("-", "")


def nearest(name: str, candidates: Iterable[str], cutoff: float = 0.6) -> list[str]:
    """The known names that are nearest to *name*, the nearest first: none, one, or up to three as near.

    Example:
        >>> nearest("name", ["firstname", "lastname", "age"])
        ['lastname', 'firstname']
        >>> nearest("engagement", ["skillId"])
        []
    """
    matcher = SequenceMatcher(None, "", plain_name(name))
    matches = []
    for place, candidate in enumerate(candidates):
        matcher.set_seq1(plain_name(candidate))
        if matcher.quick_ratio() >= cutoff and (ratio := matcher.ratio()) >= cutoff:
            matches.append((-ratio, place, candidate))
    matches.sort()
    return [name for ratio, _, name in matches if ratio < matches[0][0] + _AS_NEAR][:_MOST]


def did_you_mean(name: str, candidates: Sequence[str]) -> str:
    """The question that names them, with a space before it, or nothing. A dotted name goes by its end, too.

    Example:
        >>> did_you_mean("ctyp", ["ctype", "age"])
        " Did you mean 'ctype'?"
        >>> did_you_mean("ctype", ["outcome", "ctmrinfo.ctype"])
        " Did you mean 'ctmrinfo.ctype'?"
    """
    same = plain_name(name)
    ends = (name for name in candidates if plain_name(name.rpartition(".")[2]) == same)
    names = [repr(name) for name in nearest(name, candidates) or list(ends)[:_MOST]]
    return f" Did you mean {' or '.join(names)}?" if names else ""
