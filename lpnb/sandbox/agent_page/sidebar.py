"""The sidebar of an open conversation: the Consumer Info card and the routing trace."""

import json
from collections.abc import Sequence
from typing import Any

from lpnb.sandbox.agent_page import wording
from lpnb.sandbox.agent_page.components import OpenConversation
from lpnb.sandbox.agent_page.markup import Html, tag


def sidebar(current: OpenConversation) -> Html:
    """Both cards."""
    return tag(
        "aside.pane.side-pane",
        _consumer_info_card(current),
        _routing_card(current),
        aria_label="About the consumer",
    )


def _consumer_info_card(current: OpenConversation) -> Html:
    cards: list[object] = []
    for group in current.groups:
        rows = [
            tag("div", tag("dt", fact.label, title=fact.path), tag("dd", fact.value or "–", dir="auto"))
            for fact in group.facts
        ]
        mark = None
        if not group.authenticated:
            mark = tag("span.chip.chip-wait", "Unauthenticated", title="Reported through Monitoring")
        cards.append(tag("h3", group.title, " ", mark))
        cards.append(tag("dl", rows) if rows else tag("p.faint", "Empty."))
    if not cards:
        cards.append(
            tag(
                "p.faint",
                "This conversation came without SDEs. Send ",
                tag("code", "ctmrinfo"),
                " or ",
                tag("code", "personal"),
                " in ",
                tag("code", "authenticatedData.lp_sdes"),
                " of the profile frame, and they show here.",
            )
        )
    warnings = [tag("li", text) for text in current.row.conversation.warnings]
    if warnings:
        cards.append(tag("h3", "Let through with a warning"))
        cards.append(tag("ul.warnings", warnings))
    return tag("section.card#info", tag("h2", "Consumer Info"), cards, data_live=True, data_card=True)


def _routing_card(current: OpenConversation) -> Html:
    trace = current.trace
    steps = []
    for step in trace.get("steps") or ():
        outcome = str(step.get("outcome"))
        css_class = {"decided": "chip chip-good", "did not apply": "chip"}.get(outcome, "chip chip-faint")
        rule = str(step.get("rule"))
        steps.append(
            tag(
                "li",
                tag(
                    "p",
                    tag("strong", wording.RULES.get(rule, rule)),
                    " ",
                    tag("span", outcome, class_=css_class),
                ),
                tag("p.faint", step.get("why"), dir="auto"),
                class_=f"step step-{'decided' if outcome == 'decided' else 'other'}",
            )
        )
    engagements = wording.engagements_of(trace)
    matches = [item for item in engagements if item.get("matched")]
    others = [item for item in engagements if not item.get("matched")]
    fallback = trace.get("fallback")
    return tag(
        "section.card#routing",
        tag("h2", "Routing"),
        tag("p.verdict", wording.skill_in_words(trace), dir="auto") if trace else None,
        tag("p", wording.decision_in_words(trace)),
        tag("ol.steps", steps) if steps else None,
        tag("p", tag("strong", "Fallback. "), fallback.get("why")) if isinstance(fallback, dict) else None,
        tag("h3", "Engagements") if engagements else None,
        tag("p.faint.asked", wording.considered_by_in_words(trace)) if engagements else None,
        _collapsible(f"{len(matches)} matched", _engagements(matches)) if matches else None,
        _collapsible(f"{len(others)} did not match", _engagements(others)) if others else None,
        _collapsible(
            "The trace as JSON", tag("pre", json.dumps(trace, indent=2, ensure_ascii=False), tabindex=0)
        )
        if trace
        else None,
        data_live=True,
    )


def _engagements(items: Sequence[dict[str, Any]]) -> Html:
    rows = [
        tag(
            "li",
            tag(
                "p",
                tag("bdi", item.get("name") or "Engagement"),
                " ",
                tag("span.mono.faint", item.get("engagementId")),
            ),
            tag("p.faint", item.get("why"), dir="auto"),
        )
        for item in items
    ]
    return tag("ul.engagements", rows)


def _collapsible(summary: str, content: Html) -> Html:
    return tag("details", tag("summary", summary), content)
