"""The shortest list of rules that a run's own cases follow, found without sending anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from lpnb._internal.display import count
from lpnb._internal.validation import one_of
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.columns import kinds_of
from lpnb.experiments.learning.case_space import MOST_VALUES, Booleans, Rows
from lpnb.experiments.learning.decision_list import Places, Rules, deciding_rules, predicted_skills
from lpnb.experiments.learning.evidence import Evidence
from lpnb.experiments.learning.factors import MOST_FACTORS, Factors
from lpnb.experiments.learning.inducer import Inducer, Induction
from lpnb.experiments.learning.routing_rules import RecordedSend, RoutingRules
from lpnb.experiments.runs.landing_factors import column_groups, factor_ranking, landed_cases
from lpnb.experiments.runs.pairing import sent_columns
from lpnb.plots.case_matrix import text_values

#: Cases that the search begins with; those of the others are added that it explains wrongly.
_FIRST_ROWS, _MORE_ROWS, _ROUNDS, _RESTARTS = 600, 200, 12, 3
#: Up to so many cases a list is made to explain all of them; of more, where so small a share lands otherwise.
_SMALL, _MOST_WRONG = 80, 0.05
#: Rules that explain a smaller share of the cases than this explain too little to be told.
_NEARLY_ALL = 0.9
#: A column whose values are more than so large a share of the cases names each case, and rules nothing.
_NAMES_CASES, _FEW = 0.5, 12


class RunRules(RoutingRules):
    """The rules that a run's own cases follow. ``run.rules()`` and ``heatmap.drill_down`` make them.

    As ``RoutingRules``, but that shares are of the run's cases, and that nothing was validated: how often the
    rules are wrong for other cases, they do not say.
    """

    shares_of = "cases"

    @property
    def title(self) -> str:
        """What the list is of."""
        cases, of = count(len(self.records), "case"), self.about.get("where") or "that landed"
        return f"What {cases} {of} {'follows' if len(self.records) == 1 else 'follow'}"

    @property
    def headline(self) -> str:
        """How many rules explain how many of the cases, in a sentence."""
        right, total, rules = self._right_count, len(self.records), len(self.decision_list)
        if not self.explains:
            return "No short list of rules explains where these cases landed."
        cases_text = f"all {total:,} cases" if right == total else f"{right:,} of {count(total, 'case')}"
        return f"{count(rules, 'rule')} {'explains' if rules == 1 else 'explain'} {cases_text}."

    @cached_property
    def _rows(self) -> Rows:
        rows = np.array([send.row for send in self.records], dtype=np.uint8)
        return rows.reshape(len(self.records), self.factors.space.count)

    @cached_property
    def _right_count(self) -> int:
        predictions = predicted_skills(self.decision_list, self._rows, self.factors.space)
        return sum(
            self.skills[at] == send.skill for at, send in zip(predictions.tolist(), self.records, strict=True)
        )

    def _explains(self) -> bool:
        if self._right_count == len(self.records):
            return super()._explains()
        return self._right_count >= _NEARLY_ALL * len(self.records)

    @cached_property
    def shares(self) -> list[float]:
        """For each rule, the share of the run's cases that it decides."""
        rule_numbers = deciding_rules(self.decision_list, self._rows, self.factors.space)
        counts = np.bincount(rule_numbers, minlength=len(self.decision_list))
        return [float(cases) / max(len(self.records), 1) for cases in counts]

    def _bound_sentence(self) -> str:
        wrong = len(self.records) - self._right_count
        fit = f"{count(wrong, 'case')} landed otherwise than they say. " if wrong else ""
        return (
            f"{fit}The rules are made from these cases and were tried on no others, so how often they are "
            "wrong elsewhere cannot be said; learn_routing validates its rules."
        )

    def _notes(self) -> list[str]:
        id_columns = self.about.get("left_out")
        notes = super()._notes()
        for names in self.about.get("together", ()):
            notes.append(f"In these cases {names} always go together, so any of them may be what decides.")
        if id_columns:
            notes.append(f"Not looked at, because nearly each case has a value of its own: {id_columns}.")
        return notes


def rules_of_table(
    table: pd.DataFrame,
    columns: Sequence[str] | None = None,
    where: Mapping[str, object] | None = None,
    seed: int = 0,
) -> RunRules:
    """The shortest list of rules that the cases of a per-case table follow; see ``Run.rules``.

    Raises:
        InvalidValueError: There is no such column, no case with a known landing, or no column varies.
    """
    all_names = [str(name) for name in table.columns]
    arguments = [("where", name) for name in where or ()] + [("columns", name) for name in columns or ()]
    if wrong := [one_of(argument, name, all_names) for argument, name in arguments if name not in all_names]:
        raise InvalidValueError(wrong)
    landed_table, labels = landed_cases(_only(table, where or {}))
    clause = (
        ""
        if not where
        else f"with {', '.join(f'{name} {_value_text(value)}' for name, value in where.items())}"
    )
    if not len(landed_table):
        sentence = (
            f"No case {f'{clause} ' if clause else ''}has a known landing, so there is nothing to explain."
        )
        raise InvalidValueError([Complaint("landed_skill", sentence)])
    candidates = sent_columns(landed_table) if columns is None else list(columns)
    groups, together = _groups(table if where else landed_table, landed_table, candidates)
    names, id_columns = _candidates(landed_table, groups)
    if not names:
        sentence = f"No column varies among the cases {clause or 'that landed'}, so none can decide."
        raise InvalidValueError([Complaint("columns", sentence)])
    factors, rows = _factors(landed_table, names)
    skills = list(dict.fromkeys(labels))
    numbers = labels.map({skill: number for number, skill in enumerate(skills)}).to_numpy(dtype=np.int64)
    rules, rivals = _induce(factors, rows, numbers, seed)
    sends = [
        RecordedSend(number, "run", tuple(row), skill, case)
        for number, (row, skill, case) in enumerate(
            zip(rows.tolist(), labels, landed_table["case"], strict=True)
        )
    ]
    about = {"stopped_by": "run", "where": clause, "left_out": ", ".join(id_columns), "together": together}
    return RunRules(factors, rules, skills, sends, rivals=rivals, about=about)


def _only(table: pd.DataFrame, where: Mapping[str, object]) -> pd.DataFrame:
    """The cases with these values, as pictures head them."""
    for name, value in where.items():
        text = _value_text(value)
        texts = text_values(table[name])
        if text not in set(texts):
            raise InvalidValueError([one_of(f"where[{name!r}]", text, list(dict.fromkeys(texts))[:20])])
        table = table[(texts == text).to_numpy()]
    return table


def _value_text(value: object) -> str:
    return str(text_values(pd.Series([value], dtype="object")).iloc[0])


def _groups(
    table: pd.DataFrame, landed_table: pd.DataFrame, columns: list[str]
) -> tuple[list[list[str]], list[str]]:
    """The columns that vary, those that always go together as one; and which do so in these cases alone.

    Of columns that go together in some cases of the *table* by chance, the one that explains the most of all
    its landings stands for the others.
    """
    groups = [names for names, _ in column_groups(landed_table, columns)]
    if table is landed_table or all(len(names) == 1 for names in groups):
        return groups, []
    table_groups = [names for names, _ in column_groups(landed_cases(table)[0], columns)]
    ranking = factor_ranking(table, columns)
    order = ranking.loc[ranking["second_factor"].isna(), "factor"].tolist()
    representatives, together = [], []
    for names in groups:
        subgroups = [each for each in table_groups if set(each) <= set(names)]
        subgroups.sort(key=lambda each: order.index(" + ".join(each)))
        representatives.append(subgroups[0])
        if len(subgroups) > 1:
            together.append(" and ".join(" + ".join(each) for each in subgroups))
    return representatives, together


def _candidates(landed_table: pd.DataFrame, groups: list[list[str]]) -> tuple[list[list[str]], list[str]]:
    """The groups of columns that may decide; and those with another value in nearly each case."""
    sizes = {names[0]: landed_table[names[0]].map(str).nunique() for names in groups}
    most = min(max(_NAMES_CASES * len(landed_table), _FEW), MOST_VALUES)
    candidates = [names for names in groups if sizes[names[0]] <= most]
    id_columns = [" + ".join(names) for names in groups if sizes[names[0]] > most]
    if len(candidates) > MOST_FACTORS:
        ranking = factor_ranking(landed_table, [names[0] for names in candidates])
        order = ranking.loc[ranking["second_factor"].isna(), "factor"].tolist()
        candidates.sort(key=lambda names: order.index(names[0]))
    return candidates[:MOST_FACTORS], id_columns


def _factors(landed_table: pd.DataFrame, groups: list[list[str]]) -> tuple[Factors, Rows]:
    """The columns as factors, with the values as a case has them, and the cases as rows."""
    kinds = kinds_of(name for names in groups for name in names)
    values: dict[str, object] = {}
    rows = np.empty((len(landed_table), len(groups)), dtype=np.uint8)
    for at, names in enumerate(groups):
        codes, _ = pd.factorize(text_values(landed_table[names[0]]))
        first = pd.Series(codes).drop_duplicates().index
        rows[:, at] = codes
        for name in names:
            cells = landed_table[name].astype("object").iloc[first]
            values[name] = [_cell(cell, kinds.get(name, "text")) for cell in cells]
    return Factors(values, zipped=[names for names in groups if len(names) > 1]), rows


def _cell(cell: Any, kind: str) -> object:
    """A cell of the table as a case has it."""
    if cell is None or cell is pd.NA or cell != cell:
        return None
    if kind in ("object", "list", "json") and isinstance(cell, str):
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    return cell.item() if hasattr(cell, "item") else cell


def _induce(factors: Factors, rows: Rows, skills: Places, seed: int) -> tuple[Rules, list[Rules]]:
    """The shortest list that explains every row; where none that is short does, one that explains most.

    The second is found first, from some of the rows: there a case that lands otherwise costs little. Where
    few do, it is mended until it explains all, as long as it does not grow as noise would make it grow.
    """
    rows, skills = _distinct_rows(rows, skills)
    order = np.random.default_rng(seed).permutation(len(rows))
    rough = _induction_of(factors, rows, skills, order[:_FIRST_ROWS], seed, soft=True)
    wrong = _errors(rough.rules, factors, rows, skills)
    if len(rows) > _SMALL and wrong.mean() > _MOST_WRONG:
        return rough.rules, [rules for _, rules in rough.rivals]
    most, places = 2 * len(rough.rules) + 3, order[:_FIRST_ROWS]
    if len(rows) <= _SMALL:
        most = len(rows)
    evidence = Evidence(factors.space)
    inducer = Inducer(evidence, int(skills.max()) + 1)
    induction, in_evidence = rough, np.zeros(len(rows), dtype=np.bool_)
    for _ in range(_ROUNDS):
        in_evidence[places] = True
        for place in places.tolist():
            evidence.add(rows[place], int(skills[place]))
        induction = inducer.update(np.random.default_rng(seed), induction.rules)
        places = order[(_errors(induction.rules, factors, rows, skills) & ~in_evidence)[order]][:_MORE_ROWS]
        if len(induction.rules) > most:
            return rough.rules, [rules for _, rules in rough.rivals]
        if not len(places):
            break
    if evidence.count <= _FIRST_ROWS // 2:  # quick enough to begin anew some times: a search may get stuck
        restarts = [
            Inducer(evidence, inducer.skills).update(np.random.default_rng([seed, turn]))
            for turn in range(_RESTARTS)
        ]
        induction = min([induction, *restarts], key=lambda each: each.cost)
    return induction.rules, [rules for _, rules in induction.rivals]


def _distinct_rows(rows: Rows, skills: Places) -> tuple[Rows, Places]:
    """Every combination once, with the skill that it landed in most often."""
    distinct_rows, place = np.unique(rows, axis=0, return_inverse=True)
    counts = np.zeros((len(distinct_rows), int(skills.max()) + 1), dtype=np.int64)
    np.add.at(counts, (place.reshape(-1), skills), 1)
    return distinct_rows, counts.argmax(axis=1)


def _induction_of(
    factors: Factors, rows: Rows, skills: Places, places: Places, seed: int, *, soft: bool
) -> Induction:
    evidence = Evidence(factors.space)
    for place in places.tolist():
        evidence.add(rows[place], int(skills[place]), soft=soft)
    return Inducer(evidence, int(skills.max()) + 1).update(np.random.default_rng(seed))


def _errors(rules: Rules, factors: Factors, rows: Rows, skills: Places) -> Booleans:
    return np.not_equal(predicted_skills(rules, rows, factors.space), skills)
