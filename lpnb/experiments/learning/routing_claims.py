"""What may be claimed of routing rules, in figures and sentences: bound, coverage, change, instability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lpnb._internal.display import count
from lpnb.experiments.learning.coverage import tuple_coverage
from lpnb.experiments.learning.decision_list import Rules, description_bits
from lpnb.experiments.learning.evidence import Evidence
from lpnb.experiments.learning.factors import Factors
from lpnb.experiments.learning.joint_factors import factors_that_decide, label_bits
from lpnb.experiments.learning.learner import Validation
from lpnb.experiments.learning.routing_file import RecordedSend
from lpnb.experiments.learning.rule_words import boundary_sentences, share_text, value_text

#: A list that is longer than this share of what the landings take one by one explains too little to be told.
_TOO_LONG = 0.6
#: Unstable cases that are written out.
_MOST_UNSTABLE = 5


@dataclass(frozen=True)
class UnstableCase:
    """A case that landed in several skills: its values by column, and each landing in order."""

    values: Mapping[str, object]
    skills: tuple[str, ...]

    def __str__(self) -> str:
        values_text = ", ".join(f"{name} {value_text(value)}" for name, value in self.values.items())
        return f"{values_text}: {', then '.join(self.skills)}"


@dataclass(frozen=True)
class RoutingBound:
    """What may be claimed of routing rules.

    Attributes:
        validated: Cases that were drawn at random and predicted before they were sent.
        wrong: How many of them landed elsewhere.
        at_most: No larger a share of all combinations (of the traffic, where that was given) is predicted
            wrongly, at this confidence; 1.0 where nothing was validated.
        confidence: From 0 to 1.
        pairs: The share of pairs of values that were sent where no known rule hides them.
        triples: The same of triples; None where there are too few factors, or too many triples to count.
        quadruples: The same of quadruples.
        unstable: Cases that landed in several skills.

    Example:
        >>> RoutingBound(60, 0, 0.0487, 0.95, 1.0, 0.89, 0.5).at_most
        0.0487
    """

    validated: int
    wrong: int
    at_most: float
    confidence: float
    pairs: float | None
    triples: float | None
    quadruples: float | None
    unstable: tuple[UnstableCase, ...] = ()


class RoutingClaims:
    """What follows from a list of rules and its sends. Nothing is called certain."""

    factors: Factors
    decision_list: Rules
    skills: Sequence[str]
    records: Sequence[RecordedSend]
    validations: Sequence[Validation]
    about: Mapping[str, Any]

    @cached_property
    def evidence(self) -> Evidence:
        """The cases whose landing is known."""
        raise NotImplementedError

    @cached_property
    def bound(self) -> RoutingBound:
        """How often this can be wrong, and what was covered."""
        evidence = self.evidence
        coverage = (
            tuple_coverage(self.factors.space, self.decision_list, evidence.rows) if evidence.count else {}
        )
        last = self.validations[-1] if self.validations else Validation(0, 0, 0.95, 1.0)
        unstable = tuple(
            UnstableCase(
                self.factors.case(evidence.rows[place].tolist()),
                tuple(self.skills[skill] for skill in evidence.answers(place)),
            )
            for place in evidence.unstable
        )
        return RoutingBound(
            last.drawn, last.wrong, last.at_most, last.confidence,
            coverage.get(2), coverage.get(3), coverage.get(4), unstable,
        )  # fmt: skip

    @cached_property
    def explains(self) -> bool:
        """Whether the rules say it in fewer words than the landings themselves, and were not refuted."""
        return self._explains()

    def _explains(self) -> bool:
        evidence = self.evidence
        if evidence.wrong(self.decision_list) and not evidence.unstable:
            return False
        length = description_bits(self.decision_list, self.factors.space, max(len(self.skills), 2))
        too_long = length > _TOO_LONG * label_bits(evidence)
        if not self.validations:
            return not too_long or len(self.decision_list) < 4
        return not (too_long and self.validations[-1].wrong)

    @cached_property
    def deciding_columns(self) -> list[str]:
        """Where no short list explains the landings: the factors on which cases that agree land alike."""
        return [self.factors.factors[place].name for place in factors_that_decide(self.evidence)]

    @property
    def sentences(self) -> list[str]:
        """What is said below the list: the bound, the coverage, and what else matters."""
        return [
            *self._head_sentences(),
            self._bound_sentence(),
            self._coverage_sentence(),
            *self._notes(),
            *boundary_sentences(self.factors, self.decision_list),
        ]

    def _head_sentences(self) -> list[str]:
        """That the learning has not ended; where it has, that no short list explains the landings."""
        if self.about.get("stopped_by") is None and self.about.get("budget"):
            return ["The learning has not ended; these are the rules so far."]
        return [] if self.explains else [self._no_list_sentence()]

    def _no_list_sentence(self) -> str:
        head = "No short list of rules explains these landings, so do not rely on the one above."
        if names := self.deciding_columns:
            them = "it" if len(names) == 1 else "them"
            return (
                f"{head} {', '.join(names)} decide together: cases that agree on {them} land alike. Send a "
                f"Grid over {them} alone and look at its table."
            )
        if self.bound.unstable:
            return (
                f"{head} The same case lands in several skills: chance, load, agents or the time decide. "
                "Send it again at another hour, or with one agent online for each skill."
            )
        return (
            f"{head} What decides may be none of these columns, or the time. Add the column that is missing, "
            "give it more sends, or send the same cases again at another hour."
        )

    def _bound_sentence(self) -> str:
        bound, traffic = self.bound, self.about.get("traffic")
        if not bound.validated:
            return "Nothing was validated, so how often this is wrong cannot be said."
        cases = f"{count(bound.validated, 'case')} {'of your traffic' if traffic else 'drawn at random'}"
        what = "of that traffic is" if traffic else "of all combinations are"
        return (
            f"{cases} {'was' if bound.validated == 1 else 'were'} predicted before being sent, and "
            f"{bound.wrong} landed elsewhere: at most {share_text(bound.at_most)} {what} predicted wrongly "
            f"({100 * bound.confidence:g} % confidence)."
        )

    def _coverage_sentence(self) -> str:
        bound = self.bound
        has_every_value = all(bits for factor in self.evidence.value_bits for bits in factor)
        shares = (("pairs", bound.pairs), ("triples", bound.triples), ("quadruples", bound.quadruples))
        parts = [f"{share_text(share)} of the {name}" for name, share in shares if share is not None]
        if not parts:
            return f"Every value was sent: {'yes' if has_every_value else 'no'}."
        shares_text = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
        return (
            f"{'Every value' if has_every_value else 'Not every value'} was sent, and {shares_text} of "
            "values where no known rule hides them; a rule on a combination that was never sent would not "
            "show."
        )

    def _notes(self) -> list[str]:
        """Change, cases without a landing, instability, an end before the end."""
        about, notes = self.about, []
        if about.get("stopped_by") == "silence":
            notes.append(
                "No landing of the last batch became known, so it ended early. See with client.landing(...) "
                "whether landings can be read, and give them more time: landing_wait=180."
            )
        since, first = about.get("sent_since_start"), about.get("first_surprise")
        if since and first is not None:
            notes.append(
                f"Something changed since the rules that it began with: noticed at send {first + 1}. "
                "before.compare(after) says what."
            )
        elif since:
            share = share_text(min(3 / since, 1.0))
            notes.append(f"No change was seen in {count(since, 'send')}: at most {share} moved.")
        if silent := sum(send.skill is None for send in self.records):
            notes.append(f"{count(silent, 'send')} had no known landing and count for nothing.")
        unstable = self.bound.unstable
        notes += [f"Unstable: {case}." for case in unstable[:_MOST_UNSTABLE]]
        if (more := len(unstable) - _MOST_UNSTABLE) > 0:
            notes.append(f"{more:,} more are unstable; .bound.unstable has all of them.")
        return notes
