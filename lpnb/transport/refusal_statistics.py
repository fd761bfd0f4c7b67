"""Sequential tests on 429s: whether they follow our rate, and whether their share has risen."""

from __future__ import annotations

import math
from typing import Literal

#: Evidence, as a logarithm of odds, with which a test ends: refusals do not follow our rate, or they do.
NOT_OURS = 4.0
OURS = -2.0
#: Answers before anything is believed that they show, and refusals before they are thought not to be ours.
FEWEST, FEWEST_REFUSED = 8, 3
#: The same for a share that is neither what it was nor none.
SURPRISE = 1.5
#: A share that the service refuses is never thought to be certain.
_RARE, _SURE = 0.01, 0.99
#: Above this share a service takes next to nothing.
_NEARLY_ALL = 0.9


def _clamped_share(share: float) -> float:
    return min(max(share, _RARE), _SURE)


class RateDependenceTest:
    """Do refusals follow our rate? Asked after a cut, of answer after answer (Wald's sequential test).

    If a limit refused what went beyond it, there are none below it. If the service refuses a share of all
    calls for reasons of its own, the share stays what it was, however slowly we call.

    Args:
        share: The share that was refused before the cut, from 0 to 1.
        limit: Calls a second that were accepted before the cut: the limit, if it is one.
        evidence: What earlier cuts have shown already.

    Example:
        >>> test = RateDependenceTest(share=0.3, limit=35.0)
        >>> [test.add(refused, rate=34.0) for refused in (1, 0, 0, 1, 0, 0, 1, 0)][-1]
        'not ours'
    """

    def __init__(self, share: float, limit: float, evidence: float = 0.0) -> None:
        self.share = share
        self.limit = limit
        self.evidence = evidence
        self.answers = self.refused_count = 0

    def add(self, is_refused: bool, rate: float) -> Literal["ours", "not ours", "changed"] | None:
        """Take in one answer to a call that left at *rate*, and return the verdict once there is one.

        Above the limit either may be: such an answer shows nothing.
        "changed": more is refused than either can explain, so the service is not what it was before the cut.
        """
        if rate > self.limit:
            return None
        self.answers += 1
        self.refused_count += is_refused
        same_share = _clamped_share(self.share)
        own_share = same_share / 10
        self.evidence += (
            math.log(same_share / own_share) if is_refused else math.log((1 - same_share) / (1 - own_share))
        )
        if self.evidence <= OURS:
            return "ours"
        if self.answers < FEWEST:
            return None
        refused_share = _clamped_share(self.refused_count / self.answers)
        surprise = refused_share * math.log(refused_share / same_share) + (1 - refused_share) * math.log(
            (1 - refused_share) / (1 - same_share)
        )
        if self.answers * surprise > SURPRISE:
            return "changed" if refused_share > same_share else "ours"
        return "not ours" if self.evidence >= NOT_OURS and self.refused_count >= FEWEST_REFUSED else None

    @property
    def is_unlikely(self) -> bool:
        """Whether it looks as if refusals follow our rate, though it is not certain yet."""
        return self.answers >= FEWEST and self.evidence <= 0


class BackgroundShare:
    """The share of calls that is refused whatever our rate is, and an alarm when more is (Page's CUSUM).

    Args:
        share: The share as it was found, from 0 to 1.
        rate: Calls a second at which it was; None where it says nothing of that.

    Example:
        >>> background = BackgroundShare(0.3)
        >>> [background.add(True) for _ in range(12)].index(True)
        8
    """

    #: How much one answer counts: little, because a rise may be our own doing, and more when a service that
    #: took nothing begins to answer.
    SLOW, QUICK = 1 / 100, 1 / 30
    #: The evidence that rings the alarm, and the evidence for a higher rate that does no harm.
    ALARM, HARMLESS = 6.0, -3.0
    #: How many times the rate has to be as high for the share to show whether it rises with it.
    TELLING = 1.3

    def __init__(self, share: float, rate: float | None = None) -> None:
        self.share = share
        self.rate = rate
        self._forget()

    def _forget(self) -> None:
        self._evidence, self.answers, self.refused_count = 0.0, 0, 0

    def add(self, is_refused: bool, rate: float | None = None) -> bool:
        """Take in one answer to a call at *rate*, and return whether it is certain that more is refused.

        ``answers`` and ``refused_count`` count since the share began to rise.
        """
        usual_share = _clamped_share(self.share)
        higher_share, is_telling = (1 + usual_share) / 2, False
        if self.rate is not None and rate is not None and rate > self.TELLING * self.rate:
            # If there is a limit after all, no more are accepted than at the lower rate.
            higher_share, is_telling = _clamped_share(1 - (1 - usual_share) * self.rate / rate), True
        self._evidence += (
            math.log(higher_share / usual_share)
            if is_refused
            else math.log((1 - higher_share) / (1 - usual_share))
        )
        self.answers += 1
        self.refused_count += is_refused
        if is_telling:
            if self._evidence <= self.HARMLESS:
                self.share, self.rate = self.refused_count / self.answers, rate
                self._forget()
        else:
            if self._evidence <= 0:
                self._forget()
            weight = self.QUICK if self.share > _NEARLY_ALL and not is_refused else self.SLOW
            self.share += weight * (is_refused - self.share)
        return self._evidence >= self.ALARM
