"""The report of a verification: which cases came as expected, which did not, and what moved."""

from __future__ import annotations

from lpnb.experiments.report.page import Page, ReportSection
from lpnb.experiments.report.run_report import moved_section, moved_sentence
from lpnb.experiments.verification.verify import Verification

_MOST_ROWS = 500


def verification_page(verification: Verification) -> Page:
    """The report of what ``verify`` returned."""
    failures, comparison = verification.failures, verification.comparison
    failure_section = ReportSection("What did not come as expected")
    rows = [(check.case, check.said, check.expected, check.got) for check in failures[:_MOST_ROWS]]
    if rows:
        failure_section.table("Cases", ("case", "what happened", "expected", "got"), rows)
    else:
        failure_section.say("Every case that expected something came as expected.")
    sections = [failure_section]
    short = [verification.headline.split(" Since ")[0]]
    if comparison is not None:
        short.append(moved_sentence(comparison))
        sections.append(moved_section(comparison))
    certainty_section = ReportSection("How sure is this")
    certainty_section.list(
        [
            "Each case was sent once: it shows what happened to that case at that moment, and nothing about "
            "combinations of values that are not among the cases.",
            *(
                [f"Of {len(unclear):,} it cannot be said whether they came as expected: {unclear[0].said}."]
                if (unclear := [check for check in failures if check.verdict == "error"])
                else []
            ),
        ]
    )
    case_section = ReportSection("All cases")
    checks = verification.checks[:_MOST_ROWS]
    case_section.table(
        "Every case, what it expected and what came",
        ("case", "verdict", "expected", "got"),
        [(check.case, check.verdict, check.expected, check.got) for check in checks],
        folded=True,
    )
    return Page(
        f"Does routing do what it should: {verification.name}",
        f"{len(verification.checks):,} cases",
        "Do these conversations land where they are expected to?",
        short,
        [*sections, certainty_section, case_section],
        "",
    )
