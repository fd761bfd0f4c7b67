"""What may be claimed of routing rules, in sentences: bound, coverage, instability, failure to explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpnb._internal.display import count
from lpnb.experiments.learning.rule_words import boundary_sentences, share_text

if TYPE_CHECKING:
    from lpnb.experiments.learning.routing_rules import RoutingRules

#: Unstable cases that are written out.
_MOST_UNSTABLE = 5


def sentences_of(routing: RoutingRules) -> list[str]:
    """What is to be said of *routing* besides its list. Nothing is called certain."""
    head = [] if routing.explains else [_no_list(routing)]
    return [
        *head,
        _bound(routing),
        _coverage(routing),
        *_notes(routing),
        *boundary_sentences(routing.factors, routing.decision_list),
    ]


def _no_list(routing: RoutingRules) -> str:
    head = "No short list of rules explains these landings, so do not rely on the one above."
    if names := routing.deciding_columns:
        them = "it" if len(names) == 1 else "them"
        return (
            f"{head} {', '.join(names)} decide together: cases that agree on {them} land alike. Send a Grid "
            f"over {them} alone and look at its table."
        )
    if routing.bound.unstable:
        return (
            f"{head} The same case lands in several skills: chance, load, agents or the time decide. Send it "
            "again at another hour, or with one agent online for each skill."
        )
    return (
        f"{head} What decides may be none of these columns, or the time. Add the column that is missing, "
        "give it more sends, or send the same cases again at another hour."
    )


def _bound(routing: RoutingRules) -> str:
    bound, traffic = routing.bound, routing.about.get("traffic")
    if not bound.validated:
        return "Nothing was validated, so how often this is wrong cannot be said."
    drawn = f"{count(bound.validated, 'case')} {'of your traffic' if traffic else 'drawn at random'}"
    what = "of that traffic is" if traffic else "of all combinations are"
    return (
        f"{drawn} {'was' if bound.validated == 1 else 'were'} predicted before being sent, and {bound.wrong} "
        f"landed elsewhere: at most {share_text(bound.at_most)} {what} predicted wrongly "
        f"({100 * bound.confidence:g} % confidence)."
    )


def _coverage(routing: RoutingRules) -> str:
    bound = routing.bound
    seen = all(bits for factor in routing.evidence.value_bits for bits in factor)
    shares = (("pairs", bound.pairs), ("triples", bound.triples), ("quadruples", bound.quadruples))
    parts = [f"{share_text(share)} of the {name}" for name, share in shares if share is not None]
    if not parts:
        return f"Every value was sent: {'yes' if seen else 'no'}."
    listed = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
    return (
        f"{'Every value' if seen else 'Not every value'} was sent, and {listed} of values where no known "
        "rule hides them; a rule on a combination that was never sent would not show."
    )


def _notes(routing: RoutingRules) -> list[str]:
    """Change, cases without a landing, instability, an end before the end."""
    about, notes = routing.about, []
    if about.get("stopped_by") is None and about.get("budget"):
        notes.append("The learning has not ended; these are the rules so far.")
    if about.get("stopped_by") == "silence":
        notes.append(
            "No landing of the last batch became known, so it ended early. See with client.landing(...) "
            "whether landings can be read, and give them more time: landing_wait=180."
        )
    since, first = about.get("sent_since_start"), about.get("first_surprise")
    if since and first is not None:
        notes.append(f"Since the rules that it began with something changed: noticed at send {first + 1}.")
    elif since:
        moved = share_text(min(3 / since, 1.0))
        notes.append(f"No change was seen in {count(since, 'send')}: at most {moved} moved.")
    if silent := sum(send.skill is None for send in routing.records):
        notes.append(f"{count(silent, 'send')} had no known landing and count for nothing.")
    unstable = routing.bound.unstable
    notes += [f"Unstable: {case}." for case in unstable[:_MOST_UNSTABLE]]
    if (more := len(unstable) - _MOST_UNSTABLE) > 0:
        notes.append(f"{more:,} more are unstable; .bound.unstable has all of them.")
    return notes
