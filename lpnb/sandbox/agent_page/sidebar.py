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
        "aside",
        _consumer_info_card(current),
        _routing_card(current),
        class_="pane side-pane",
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
            mark = tag(
                "span", "Unauthenticated", class_="chip chip-wait", title="Reported through Monitoring"
            )
        cards.append(tag("h3", group.title, " ", mark))
        cards.append(tag("dl", rows) if rows else tag("p", "Empty.", class_="faint"))
    if not cards:
        cards.append(
            tag(
                "p",
                "This conversation came without SDEs. Send ",
                tag("code", "ctmrinfo"),
                " or ",
                tag("code", "personal"),
                " in ",
                tag("code", "authenticatedData.lp_sdes"),
                " of the profile frame, and they show here.",
                class_="faint",
            )
        )
    warnings = [tag("li", text) for text in current.row.conversation.warnings]
    if warnings:
        cards.append(tag("h3", "Let through with a warning"))
        cards.append(tag("ul", warnings, class_="warnings"))
    return tag(
        "section", tag("h2", "Consumer Info"), cards, id="info", class_="card", data_live=True, data_card=True
    )


def _routing_card(current: OpenConversation) -> Html:
    trace = current.trace
    steps = []
    for step in trace.get("steps") or ():
        outcome = str(step.get("outcome"))
        looks = {"decided": "chip chip-good", "passed": "chip"}.get(outcome, "chip chip-faint")
        rule = str(step.get("rule"))
        steps.append(
            tag(
                "li",
                tag(
                    "p", tag("strong", wording.RULES.get(rule, rule)), " ", tag("span", outcome, class_=looks)
                ),
                tag("p", step.get("why"), class_="faint", dir="auto"),
                class_=f"step step-{'decided' if outcome == 'decided' else 'other'}",
            )
        )
    engagements = wording.engagements_of(trace)
    matched = [item for item in engagements if item.get("matched")]
    others = [item for item in engagements if not item.get("matched")]
    fallback = trace.get("fallback")
    return tag(
        "section",
        tag("h2", "Routing"),
        tag("p", wording.skill_in_words(trace), class_="verdict", dir="auto") if trace else None,
        tag("p", wording.decision_in_words(trace)),
        tag("ol", steps, class_="steps") if steps else None,
        tag("p", tag("strong", "Fallback. "), fallback.get("why")) if isinstance(fallback, dict) else None,
        tag("h3", "Engagements") if engagements else None,
        tag("p", wording.considered_by_in_words(trace), class_="faint asked") if engagements else None,
        _collapsible(f"{len(matched)} matched", _engagements(matched)) if matched else None,
        _collapsible(f"{len(others)} did not match", _engagements(others)) if others else None,
        _collapsible(
            "The trace as JSON", tag("pre", json.dumps(trace, indent=2, ensure_ascii=False), tabindex=0)
        )
        if trace
        else None,
        id="routing",
        class_="card",
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
                tag("span", item.get("engagementId"), class_="mono faint"),
            ),
            tag("p", item.get("why"), class_="faint", dir="auto"),
        )
        for item in items
    ]
    return tag("ul", rows, class_="engagements")


def _collapsible(summary: str, inside: Html) -> Html:
    return tag("details", tag("summary", summary), inside)
