"""The report of learned rules: the rules, what they rest on, what changed, and what may be claimed."""

from __future__ import annotations

from lpnb._internal.display import count
from lpnb.experiments.learning.routing_rules import RoutingRules
from lpnb.experiments.learning.rule_words import share_text, value_text
from lpnb.experiments.report.page import Page, ReportSection


def routing_page(routing: RoutingRules, before: RoutingRules | None = None) -> Page:
    """The report of what ``learn_routing`` returned; what changed since *before*, where that is given."""
    fields_section = ReportSection("What was tried")
    fields_section.table(
        "The fields that were varied, and their values",
        ("field", "values", "which"),
        [
            (
                factor.name,
                len(factor.values),
                ", ".join(" + ".join(map(value_text, value)) for value in factor.values),
            )
            for factor in routing.factors.factors
        ],
    )
    sections = [fields_section, rules_section(routing)]
    short = [_headline(routing), *routing.sentences[:1]]
    if before is not None:
        changes = before.compare(routing)
        moved_share = float(changes["share moved"].sum())
        short.append(
            f"Since the rules before, {count(len(changes), 'rule')} changed, which moves "
            f"{share_text(moved_share)} of the combinations."
            if len(changes)
            else "Since the rules before, no rule changed."
        )
        section = ReportSection("What changed")
        if len(changes):
            rows = [
                (row[0], _text(row[1]), _text(row[2]), share_text(float(row[3])), int(row[4]))
                for row in changes.astype("object").to_numpy().tolist()
            ]
            section.table(
                "Rules, those that move the most first",
                ("change", "rule before", "rule now", "share moved", "sends that show it"),
                rows,
            )
        else:
            section.say(short[-1])
        sections.append(section)
    certainty_section = ReportSection("How sure is this")
    certainty_section.list(routing.sentences)
    account = routing.about.get("account_id") or routing.about.get("account")
    return Page(
        "Which rules decide where conversations land",
        " · ".join(filter(None, (f"Account {account}" if account else "", routing.title))),
        "Which fields of a customer decide in which skill the conversation lands?",
        short,
        [*sections, certainty_section],
        "",
    )


def rules_section(routing: RoutingRules) -> ReportSection:
    """The rules as a ladder and as a table."""
    section = ReportSection("Which rules decide")
    section.say("Read from the top: the first rule whose conditions all hold decides.")
    section.picture(routing.picture())
    table = routing.rules.astype("object")
    rows = [
        (int(number), conditions, skill, share_text(float(share)), int(evidence), _text(weakest))
        for number, conditions, skill, share, evidence, weakest in table[
            ["rule", "if", "skill", "share", "evidence", "weakest"]
        ]
        .to_numpy()
        .tolist()
    ]
    section.table(
        "The same as a table",
        ("rule", "if", "then", "share", "conversations it rests on", "its weakest condition"),
        rows,
        folded=True,
    )
    return section


def _text(cell: object) -> str | None:
    return cell if isinstance(cell, str) else None


def _headline(routing: RoutingRules) -> str:
    rules = len(routing.decision_list)
    return (
        f"{count(rules, 'rule')} {'says' if rules == 1 else 'say'} where conversations land. {routing.title}."
    )
