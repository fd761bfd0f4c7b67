"""The report of a run: what was asked, what decides, where cases landed, what moved, how sure that is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from lpnb._internal.display import brief, count
from lpnb.errors import InvalidValueError
from lpnb.experiments.learning.rule_words import share_text
from lpnb.experiments.report.page import Page, ReportSection
from lpnb.experiments.report.routing_report import rules_section
from lpnb.experiments.runs.compare import Comparison, compare
from lpnb.experiments.runs.journal_rows import is_personal
from lpnb.experiments.runs.landing_factors import column_groups, factor_ranking, landed_cases, most_explaining
from lpnb.experiments.runs.pairing import sent_columns
from lpnb.experiments.runs.run_rules import rules_of_table
from lpnb.journal import read_journal
from lpnb.plots.case_matrix import as_text, case_labels
from lpnb.plots.heatmap import heatmap

_QUESTION = "Which fields of a customer decide in which skill the conversation lands?"
#: Rows of a table; the others are counted.
_MOST_ROWS, _MOST_CHANGED = 500, 200
_MOST_VALUES = 12


def run_page(run: Any, against: Any = None, key: str | Sequence[str] | None = None) -> Page:
    """The report of a run, or of its per-case table.

    Raises:
        InvalidValueError: It cannot be compared with *against*, or the table is no run's.
    """
    table = run if isinstance(run, pd.DataFrame) else run.table()
    comparison = compare(run if against is None else against, run, key)  # it sees that this is a run's table
    landed_table, labels = landed_cases(table)
    columns = [name for name in sent_columns(landed_table) if not is_personal(name)]
    ranking = factor_ranking(landed_table, columns)
    rules = rules_of_table(table, columns) if len(landed_table) and len(ranking) else None
    short = [_landed_sentence(table, labels), _deciding_sentence(ranking)]
    if rules is not None:
        short.append(rules.headline)
    sections = [_fields_section(table, columns)]
    if rules is not None:
        sections.append(rules_section(rules))
    sections.append(_landing_section(table, landed_table, labels, columns, ranking))
    if against is not None:
        short.append(moved_sentence(comparison))
        sections.append(moved_section(comparison))
    sections += [
        _certainty_section(table, landed_table, labels, columns, rules),
        _cases_section(table, columns),
    ]
    name = getattr(run, "name", "") or "a table of cases"
    return Page(f"Where conversations land: {name}", _about(run, table), _QUESTION, [s for s in short if s],
                sections, "Personal columns are left out.")  # fmt: skip


def moved_sentence(comparison: Comparison) -> str:
    """What moved, in one sentence."""
    moves = comparison.moves
    if not len(moves):
        return f"Since the run before, none of {count(_pairs(comparison), 'case')} moved to another skill."
    before, after, cases = moves.iloc[0]
    most = (
        f"most of them from {before} to {after} ({cases:,})"
        if len(moves) > 1
        else f"from {before} to {after}"
    )
    moved_count, of = comparison.counts["moved"], count(_pairs(comparison), "case")
    return f"Since the run before, {moved_count:,} of {of} moved to another skill, {most}."


def moved_section(comparison: Comparison) -> ReportSection:
    """What moved: a picture, the moves, and the cases that changed."""
    section = ReportSection("What moved")
    section.say(f"{comparison.summary}. Cases were known again by {comparison.paired_by}.", *comparison.notes)
    if len(comparison.drift):
        section.picture(comparison.plot())
        if len(comparison.moves):
            section.table(
                "Moves", ("from", "to", "cases"), comparison.moves.astype("object").to_numpy().tolist()
            )
    table = comparison.table()
    table = table[table["change"] != "stayed"]
    if len(table):
        first_rows = table[["case", "change", "before", "after"]].head(_MOST_CHANGED)
        more = f", the first {_MOST_CHANGED}" if len(table) > len(first_rows) else ""
        section.table(
            f"{count(len(table), 'case')} that changed{more}",
            tuple(first_rows.columns), first_rows.astype("object").to_numpy().tolist(), folded=True,
        )  # fmt: skip
    return section


def _pairs(comparison: Comparison) -> int:
    counts = comparison.counts
    return sum(counts.values()) - counts["appeared"] - counts["disappeared"]


def _about(run: Any, table: pd.DataFrame) -> str:
    path = getattr(run, "journal_path", None)
    parts = []
    if path is not None:
        about = read_journal(path).about
        world = "a sandbox, not a real account" if about["world"] == "sandbox" else about["world"]
        begun_at = datetime.fromisoformat(about["begun"])
        parts = [f"Account {about['account_id']} ({world})", f"begun {begun_at:%Y-%m-%d %H:%M %Z}"]
    return " · ".join([*parts, count(len(table), "case")])


def _landed_sentence(table: pd.DataFrame, labels: pd.Series) -> str:
    skills = labels[~labels.str.startswith("(")]
    refused_count = int((labels == "(refused)").sum())
    unknown_count = len(table) - len(labels)
    parts = [f"{count(len(skills), 'case')} landed in {count(skills.nunique(), 'skill')}"]
    if refused_count:
        parts.append(f"{refused_count:,} {'was' if refused_count == 1 else 'were'} refused")
    if unknown_count:
        parts.append(f"of {unknown_count:,} it is not known where they landed")
    return f"{count(len(table), 'conversation')}: {', '.join(parts)}."


def _deciding_sentence(ranking: pd.DataFrame) -> str:
    if not len(ranking) or ranking["explained"].iloc[0] <= 0:
        return "No column that was varied goes with the landings." if len(ranking) else ""
    best = ranking.iloc[0]
    names = [name for name in (best["factor"], best["second_factor"]) if isinstance(name, str)]
    decide, values = ("decide", "these values") if len(names) > 1 else ("decides", "this value")
    right = share_text(best["right"])
    return (
        f"{' and '.join(names)} {decide} the most: {right} of the cases landed where most cases with "
        f"{values} did."
    )


def _fields_section(table: pd.DataFrame, columns: Sequence[str]) -> ReportSection:
    section = ReportSection("What was tried")
    rows = []
    for name in columns:
        values = list(dict.fromkeys(map(as_text, table[name])))
        more = f" and {len(values) - _MOST_VALUES:,} more" if len(values) > _MOST_VALUES else ""
        rows.append((name, len(values), f"{', '.join(values[:_MOST_VALUES])}{more}"))
    if rows:
        section.table("The fields that were sent, and their values", ("field", "values", "which"), rows)
    return section


def _landing_section(
    table: pd.DataFrame,
    landed_table: pd.DataFrame,
    labels: pd.Series,
    columns: list[str],
    ranking: pd.DataFrame,
) -> ReportSection:
    section = ReportSection("Where they land")
    counts = labels.value_counts()
    rows = [(skill, int(cases), share_text(cases / len(labels))) for skill, cases in counts.items()]
    if rows:
        section.table("Skills", ("skill", "cases", "share"), rows)
    try:
        column_table = landed_table[
            [
                name
                for name in landed_table.columns
                if name in columns or name not in sent_columns(landed_table)
            ]
        ]
        down, across = most_explaining(column_table, None, None)
    except InvalidValueError:  # fewer than two columns vary
        return section
    section.say(f"Over {down} and {across}, which together explain the most:")
    section.picture(heatmap(table, down, across))
    best_rows = ranking.head(10)
    section.table(
        "How much each field explains of the landings, alone and in pairs",
        ("field", "and", "explained beyond chance", "cases where most with these values are"),
        [
            (first, second if isinstance(second, str) else None, share_text(explained), share_text(right))
            for first, second, explained, right, *_ in best_rows.astype("object").to_numpy().tolist()
        ],
        folded=True,
    )
    return section


def _certainty_section(
    table: pd.DataFrame, landed_table: pd.DataFrame, labels: pd.Series, columns: list[str], rules: Any
) -> ReportSection:
    section = ReportSection("How sure is this")
    sentences = coverage_sentences(landed_table, columns)[: 1 if rules is not None else None]
    if missing := len(table) - len(landed_table):
        counts = "counts" if missing == 1 else "count"
        sentences.append(f"{count(missing, 'case')} without a known landing {counts} for nothing here.")
    sentences += _unstable_sentences(landed_table, labels)
    if rules is not None:
        sentences += rules.sentences
    section.list(sentences)
    return section


def coverage_sentences(landed_table: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """How many combinations and pairs of the values were sent."""
    groups = column_groups(landed_table, columns)
    if not groups:
        return ["No field was varied, so nothing can be said of what decides."]
    codes = [numbers for _, numbers in groups]
    sizes = [int(numbers.max()) + 1 for numbers in codes]
    combination_count = math.prod(sizes)
    distinct = len(np.unique(np.stack(codes, axis=1), axis=0))
    sentences = [f"{distinct:,} of the {combination_count:,} combinations of these values were sent."]
    pairs = list(combinations(range(len(codes)), 2))
    if pairs and distinct < combination_count:
        pair_count = sum(len(np.unique(codes[one] * sizes[two] + codes[two])) for one, two in pairs)
        share = pair_count / sum(sizes[one] * sizes[two] for one, two in pairs)
        portion = "Every pair" if share == 1 else f"{share_text(share)} of the pairs"
        sentences.append(
            f"{portion} of values of two fields was sent. A rule on a combination that was never sent does "
            "not show."
        )
    return sentences


def _unstable_sentences(landed_table: pd.DataFrame, labels: pd.Series) -> list[str]:
    """Of equal cases that landed in several skills."""
    names = sent_columns(landed_table)
    if not names or not len(landed_table):
        return []
    keys = landed_table[names].astype("object").map(as_text).agg("\n".join, axis=1)
    several = labels.groupby(keys.to_numpy()).nunique()
    unstable = int((several > 1).sum())
    if not unstable:
        return []
    return [
        f"{count(unstable, 'combination')} that {'was' if unstable == 1 else 'were'} sent more than once "
        "landed in several skills: chance, load, agents or the time of day play a part."
    ]


def _cases_section(table: pd.DataFrame, columns: list[str]) -> ReportSection:
    section = ReportSection("The cases")
    first_rows = table.head(_MOST_ROWS)
    landings = case_labels(
        first_rows.assign(**({} if "landed_skill" in first_rows else {"landed_skill": None})), "landed_skill"
    )
    cells = [first_rows[name].map(_brief_text, na_action="ignore") for name in columns]
    rows = list(zip(first_rows["case"], *cells, landings, strict=True))
    more = f", the first {_MOST_ROWS} of {len(table):,}" if len(table) > _MOST_ROWS else ""
    section.table(f"Every case and where it landed{more}", ("case", *columns, "landed in"), rows, folded=True)
    return section


def _brief_text(cell: object) -> str:
    return brief(as_text(cell))[1:-1]
