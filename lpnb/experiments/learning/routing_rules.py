"""``RoutingRules``: routing rules as they were learned, their evidence, and what may be claimed of them."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from lpnb._internal.display import MUTED_INK, count, esc, table_html
from lpnb._internal.validation import check_kind, must
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.cases import Cases, cases_of
from lpnb.experiments.learning.batch_choice import match_rows
from lpnb.experiments.learning.case_space import Rows
from lpnb.experiments.learning.decision_list import (
    Places,
    Rule,
    Rules,
    TooManyBoxesError,
    deciding_rules,
    predicted_skills,
    shares,
)
from lpnb.experiments.learning.evidence import Evidence, places_of
from lpnb.experiments.learning.factors import Factors
from lpnb.experiments.learning.learner import Prior, Validation, checking_rows
from lpnb.experiments.learning.routing_claims import RoutingBound as RoutingBound
from lpnb.experiments.learning.routing_claims import RoutingClaims
from lpnb.experiments.learning.routing_claims import UnstableCase as UnstableCase
from lpnb.experiments.learning.routing_file import BEFORE, read_routing, write_routing
from lpnb.experiments.learning.routing_file import RecordedSend as RecordedSend
from lpnb.experiments.learning.rule_changes import MOST_ENUMERATED, moves, rule_changes
from lpnb.experiments.learning.rule_words import (
    OTHERWISE,
    REFUSED,
    condition_text,
    condition_texts,
    rule_text,
    share_text,
    value_text,
)
from lpnb.tables.dataframes import plain_table

if TYPE_CHECKING:
    from lpnb.plots.rule_ladder import RuleLadder

#: Values of so many factors are changed at the most to find the nearest case that lands elsewhere.
_MOST_CHANGES = 3
_MOST_NEIGHBOURS = 60_000


class RoutingRules(RoutingClaims):
    """Which rules decide where conversations land: a list of which the first rule that matches decides.

    ``learn_routing`` and ``run.rules()`` make it. Printed it is the list in words, with what bounds it.

    Attributes:
        factors: The columns that were varied, and their values.
        validations: Every validation in order; the last one counts.
        about: What is known of the learning: seed, budget, account, when.

    Example:
        >>> factors = Factors.of({"ctmrinfo.ctype": ["vip", "gold", None]})
        >>> rules = [Rule(((0, 0b001),), 1), Rule((), 0)]
        >>> routing = RoutingRules(factors, rules, ["Cards", "Private Clients"])
        >>> print(routing)
        Where 3 combinations of 1 factor land, from 0 sends:
          1. If ctmrinfo.ctype is vip: Private Clients (33 % of the combinations; rests on 0 sends)
          2. Otherwise: Cards (67 %)
        Nothing was validated, so how often this is wrong cannot be said.
        Every value was sent: no.
    """

    #: What shares are of.
    shares_of = "combinations"

    def __init__(
        self,
        factors: Factors,
        rules: Sequence[Rule],
        skills: Sequence[str],
        sends: Sequence[RecordedSend] = (),
        *,
        rivals: Sequence[Rules] = (),
        validations: Sequence[Validation] = (),
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.factors = factors
        self.decision_list: Rules = tuple(rules)
        self.skills = list(skills)
        self.records = list(sends)
        self.rivals = list(rivals)
        self.validations = list(validations)
        self.about = dict(about or {})

    # --- evidence -----------------------------------------------------------------------------------------

    @cached_property
    def evidence(self) -> Evidence:
        """The cases whose landing is known."""
        evidence, place_of = Evidence(self.factors.space), {name: at for at, name in enumerate(self.skills)}
        evidence.skill_bits = [0] * max(len(self.skills), 1)
        for send in self.records:
            if send.skill is not None:
                evidence.add(send.row, place_of[send.skill], soft=send.role == BEFORE)
        return evidence

    @cached_property
    def shares(self) -> list[float]:
        """For each rule, the share of the combinations that it decides."""
        space = self.factors.space
        if not space.restricted:
            try:
                return shares(self.decision_list, space)
            except TooManyBoxesError:
                pass
        return shares(self.decision_list, space, space.draw(MOST_ENUMERATED // 4, np.random.default_rng(0)))

    def _skill(self, rule: int) -> str:
        return self.skills[self.decision_list[rule].skill] if self.skills else ""

    @cached_property
    def _critical_cases(self) -> list[int]:
        """For each rule, the sends that would be contradicted without it."""
        return self.evidence.critical_cases(self.decision_list)

    def _weakest_condition(self, place: int) -> tuple[int, str]:
        """How many sends the condition that the fewest hold up has, and which one it is."""
        rules, evidence = self.decision_list, self.evidence
        rule = rules[place]
        if len(rule.conditions) < 2:
            support = self._critical_cases[place].bit_count()
            return support, rule_text(self.factors, rule) if rule.conditions else ""
        wrong = evidence.wrong(rules)
        supports = []
        for factor, mask in rule.conditions:
            without = (*rules[:place], rule.without(factor), *rules[place + 1 :])
            support = (evidence.wrong(without) & ~wrong).bit_count()
            supports.append((support, condition_text(self.factors.factors[factor], mask)))
        return min(supports, key=lambda item: item[0])

    @property
    def rules(self) -> pd.DataFrame:
        """One row per rule, in the order in which they decide.

        Columns: ``rule`` (Int64, from 1), ``if`` (str, the conditions in words), ``skill`` (str), ``share``
        (float64, of the combinations), ``sends`` (Int64, that it decided), ``evidence`` (Int64, sends that
        would be contradicted without the rule), ``weakest`` (str, the condition that the fewest sends hold
        up, with their number), ``first_seen`` (Int64, the number of the first send that it decided).
        """
        cases_by_rule = self.evidence.cases_by_rule(self.decision_list)
        numbers: dict[bytes, int] = {}
        for send in self.records:
            numbers.setdefault(bytes(send.row), send.number)
        rows = []
        for place, rule in enumerate(self.decision_list):
            send_numbers = [
                numbers[self.evidence.rows[at].tobytes()] for at in places_of(cases_by_rule[place])
            ]
            support, condition = self._weakest_condition(place)
            rows.append(
                (
                    place + 1,
                    rule_text(self.factors, rule),
                    self._skill(place),
                    self.shares[place],
                    len(send_numbers),
                    self._critical_cases[place].bit_count(),
                    f"{condition}: {support}" if condition else None,
                    min(send_numbers, default=None),
                )
            )
        kinds = {
            "rule": "whole", "if": "text", "skill": "text", "share": "number", "sends": "whole",
            "evidence": "whole", "weakest": "text", "first_seen": "whole",
        }  # fmt: skip
        return plain_table(dict(zip(kinds, zip(*rows, strict=True), strict=True)), kinds)

    @property
    def sends(self) -> pd.DataFrame:
        """One row per case that was sent, in order.

        Columns: ``number`` (Int64), ``case`` (str, as in the journal), ``role`` (str, why it was sent),
        ``skill`` (str, missing where no landing is known), ``rule`` (Int64, the rule that decides it now),
        ``explained`` (boolean, whether the rules say so too), and every factor's columns.
        """
        records, factors = self.records, self.factors
        rows = np.array([send.row for send in records], dtype=np.uint8).reshape(-1, factors.space.count)
        deciding = deciding_rules(self.decision_list, rows, factors.space).tolist()
        values = [factors.case(send.row) for send in records]
        columns: dict[str, list[object]] = {
            "number": [send.number for send in records],
            "case": [send.case or None for send in records],
            "role": [send.role for send in records],
            "skill": [send.skill for send in records],
            "rule": [place + 1 for place in deciding],
            "explained": [
                None if send.skill is None else send.skill == self._skill(place)
                for send, place in zip(records, deciding, strict=True)
            ],
        }
        kinds = {"number": "whole", "case": "text", "role": "text", "skill": "text", "rule": "whole",
                 "explained": "boolean"}  # fmt: skip
        table = plain_table(columns, kinds)
        factor_table = cases_of([*values, dict.fromkeys(factors.columns)]).table()
        return pd.concat([table, factor_table[factors.columns].iloc[: len(records)]], axis=1)

    # --- shown --------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """What the list is of."""
        space, factors = self.factors.space, self.factors
        send_count = sum(send.role != BEFORE for send in self.records)
        before = len(self.records) - send_count
        earlier = f" and {before:,} from before" if before else ""
        number = f"{self._combination_count or factors.combinations:,}"
        return (
            f"Where {'' if self._combination_count else 'up to '}{number} combinations of "
            f"{count(space.count, 'factor')} land, from {count(send_count, 'send')}{earlier}"
        )

    @cached_property
    def _combination_count(self) -> int | None:
        """How many combinations there are, or None when they are too many to ask ``where`` about each."""
        space = self.factors.space
        if not space.restricted:
            return space.combinations
        if space.combinations > MOST_ENUMERATED // 4:
            return None
        return int(space.allowed(space.every_row()).sum())

    def __str__(self) -> str:
        lines = [f"{self.title}:"]
        wide = len(str(len(self.decision_list)))
        for place, rule in enumerate(self.decision_list):
            share = share_text(self.shares[place])
            number = f"  {place + 1:>{wide}}."
            if not rule.conditions:
                lines.append(f"{number} Otherwise: {self._skill(place)} ({share})")
                continue
            support = count(self._critical_cases[place].bit_count(), "send")
            of_all = f" of the {self.shares_of}" if place == 0 else ""
            lines.append(
                f"{number} If {rule_text(self.factors, rule)}: {self._skill(place)} ({share}{of_all}; "
                f"rests on {support})"
            )
        return "\n".join([*lines, *self.sentences])

    def __repr__(self) -> str:
        return f"<RoutingRules: {count(len(self.decision_list), 'rule')}. {self.title}>"

    def _repr_html_(self) -> str:
        rows = [
            (
                place + 1,
                rule_text(self.factors, rule),
                self._skill(place),
                share_text(self.shares[place]),
                self._critical_cases[place].bit_count() if rule.conditions else "",
            )
            for place, rule in enumerate(self.decision_list)
        ]
        html = "".join(f'<p style="margin:4px 0;color:{MUTED_INK}">{esc(one)}</p>' for one in self.sentences)
        return table_html(self.title, ("rule", "if", "skill", "share", "rests on sends"), rows) + html

    def __await__(self) -> Generator[Any, None, Self]:
        """Awaited it is itself, so that ``await learn_routing(...)`` may be written as well."""
        return self
        yield

    # --- asked --------------------------------------------------------------------------------------------

    def predict(self, cases: object) -> pd.DataFrame:
        """Say where cases would land, without sending anything.

        Args:
            cases: A ``Grid``, ``Cases``, a DataFrame, the path of a file, or a list of dicts, with the
                factors' columns; other columns are not looked at.

        Returns:
            One row per case: ``case`` (str), ``skill`` (str), ``rule`` (Int64), ``evidence`` (Int64, sends
            that the rule rests on) and ``rivals_agree`` (boolean, whether every other list that explains the
            sends as well says the same). All but ``case`` are missing where a value was never sent.
        """
        case_list = cases_of(cases)
        places: list[int] = []
        known_rows: list[tuple[int, ...]] = []
        for number, case in enumerate(case_list):
            row = self.factors.find(case.values)
            if row is not None:
                places.append(number)
                known_rows.append(row)
        rows = np.array(known_rows, dtype=np.uint8).reshape(-1, self.factors.space.count)
        space, rules = self.factors.space, self.decision_list
        deciding = deciding_rules(rules, rows, space)
        skills = predicted_skills(rules, rows, space)
        agree = np.ones(len(rows), dtype=np.bool_)
        for rival in self.rivals:
            agree &= predicted_skills(rival, rows, space) == skills
        columns: dict[str, list[object]] = {
            name: [None] * len(case_list) for name in ("skill", "rule", "evidence")
        }
        columns["rivals_agree"] = [None] * len(case_list)
        for at, number in enumerate(places):
            place = int(deciding[at])
            columns["skill"][number] = self._skill(place)
            columns["rule"][number] = place + 1
            columns["evidence"][number] = self._critical_cases[place].bit_count()
            columns["rivals_agree"][number] = bool(agree[at])
        kinds = {"skill": "text", "rule": "whole", "evidence": "whole", "rivals_agree": "boolean"}
        return plain_table({"case": case_list.names, **columns}, {"case": "text", **kinds})

    def explain(self, case: object) -> CaseExplanation:
        """Say which rule decides a case, what that rests on, and the nearest case that lands elsewhere.

        Args:
            case: A dict of values by column, or a ``Case``; what it leaves out is absent.

        Raises:
            InvalidValueError: Naming every factor whose value was none of those that were varied.
        """
        row = self.factors.row(_values_of(case))
        rows = np.array([row], dtype=np.uint8)
        place = int(deciding_rules(self.decision_list, rows, self.factors.space)[0])
        support_rows = {self.evidence.rows[at].tobytes() for at in places_of(self._critical_cases[place])}
        sends = self.sends
        is_support = [bytes(send.row) in support_rows and send.skill is not None for send in self.records]
        change, skill = self._nearest_change(rows[0], self.decision_list[place].skill)
        return CaseExplanation(
            case=self.factors.case(row),
            skill=self._skill(place),
            rule=place + 1,
            conditions=tuple(condition_texts(self.factors, self.decision_list[place])),
            sends=sends[is_support].reset_index(drop=True),
            nearest=change,
            nearest_skill=skill,
        )

    def _nearest_change(self, row: np.ndarray, skill: int) -> tuple[dict[str, object] | None, str | None]:
        """The fewest values to change, by column, so that the case lands elsewhere, and where."""
        from itertools import combinations, product

        space = self.factors.space
        for changes in range(1, min(_MOST_CHANGES, space.count) + 1):
            options: list[np.ndarray] = []
            for group in combinations(range(space.count), changes):
                others = [[v for v in range(space.sizes[f]) if v != row[f]] for f in group]
                for values in product(*others):
                    other = row.copy()
                    other[list(group)] = values
                    options.append(other)
                    if len(options) >= _MOST_NEIGHBOURS:
                        break
            rows = np.array(options, dtype=np.uint8)
            rows = rows[space.allowed(rows)]
            if not len(rows):
                continue
            deciding = deciding_rules(self.decision_list, rows, space)
            skills = np.array([rule.skill for rule in self.decision_list])[deciding]
            there = np.nonzero(skills != skill)[0]
            if len(there):
                # One that was sent says more than one that was not; of equals, the best founded rule's.
                def worth(at: int, rows: Rows = rows, deciding: Places = deciding) -> tuple[bool, int]:
                    return self.evidence.find(rows[at].tolist()) is not None, self._critical_cases[
                        deciding[at]
                    ].bit_count()

                best = max(there.tolist(), key=worth)
                before, after = self.factors.case(row), self.factors.case(rows[best])
                new_values = {name: value for name, value in after.items() if before[name] != value}
                return new_values, self.skills[int(skills[best])]
        return None, None

    def picture(self) -> RuleLadder:
        """The list as a ladder: conditions, skill, share as a bar, evidence as dots.

        ``.save("rules.png")`` or ``.save("rules.svg", "dark")`` writes it.
        """
        from lpnb.plots.rule_ladder import LadderRung, RuleLadder

        rungs = [
            LadderRung(
                tuple(condition_texts(self.factors, rule)),
                self._skill(place),
                self.shares[place],
                self._critical_cases[place].bit_count() if rule.conditions else None,
            )
            for place, rule in enumerate(self.decision_list)
        ]
        return RuleLadder(rungs, self.title, self.sentences)

    def compare(self, later: RoutingRules) -> pd.DataFrame:
        """Say what changed from these rules to *later* ones, over the combinations that both speak of.

        Returns:
            One row per change, those that move most first: ``change`` (str: "new", "gone", "other skill",
            "other conditions" or "other place"), ``rule before`` and ``rule after`` (str, with its number;
            missing where there is none), ``share moved`` (float64, of the combinations; the rows add up to
            all that moved) and ``sends`` (Int64, later sends that land elsewhere than these rules said).
            Exact, but for lists too intricate to be split, or a ``where`` over many combinations;
            ``attrs["exact"]`` says so.

        Raises:
            InvalidValueError: *later* is no ``RoutingRules``, or no factor has two values in both.
        """
        check_kind("later", later, RoutingRules, "RoutingRules, as learn_routing returns them")
        shared_factors = self.factors.shared_with(later.factors)
        before, after = self._rules_in(shared_factors), later._rules_in(shared_factors)
        old, new = [rule for _, rule in before], [rule for _, rule in after]

        def same(first: Rule, second: Rule) -> bool:
            return self.skills[first.skill] == later.skills[second.skill]

        shares_moved, exact = moves(
            tuple(old), tuple(new), shared_factors.space, lambda first, second: not same(first, second)
        )
        moved_sends: dict[tuple[int, int], int] = {}
        for send in later.records:
            row = shared_factors.find(later.factors.case(send.row)) if send.role != BEFORE else None
            if send.skill is not None and row is not None:
                rows = np.array([row], dtype=np.uint8)
                pair = tuple(int(deciding_rules(side, rows, shared_factors.space)[0]) for side in (old, new))
                if send.skill != self.skills[old[pair[0]].skill]:
                    moved_sends[pair[0], pair[1]] = moved_sends.get((pair[0], pair[1]), 0) + 1
        changes = rule_changes(tuple(old), tuple(new), shares_moved, same)
        send_changes = rule_changes(
            tuple(old), tuple(new), {pair: float(sends) for pair, sends in moved_sends.items()}, same
        )
        sends_of = {(row.before, row.after): round(row.share) for row in send_changes}
        rows_ = [
            (
                row.change,
                None if row.before is None else self._rule_label(before[row.before][0]),
                None if row.after is None else later._rule_label(after[row.after][0]),
                row.share,
                sends_of.get((row.before, row.after), 0),
            )
            for row in changes
        ]
        kinds = {"change": "text", "rule before": "text", "rule after": "text", "share moved": "number",
                 "sends": "whole"}  # fmt: skip
        cells = zip(*rows_, strict=True) if rows_ else [()] * len(kinds)
        table = plain_table(dict(zip(kinds, cells, strict=True)), kinds)
        table.attrs["exact"] = exact
        return table

    def _rule_label(self, place: int) -> str:
        return f"{place + 1}. {rule_text(self.factors, self.decision_list[place])}: {self._skill(place)}"

    def _rules_in(self, factors: Factors) -> list[tuple[int, Rule]]:
        """The rules that can hold within *factors*, each with its place here."""
        numbered_rules = []
        for place, rule in enumerate(self.decision_list):
            conditions = factors.translated(self.factors, rule.conditions)
            if conditions is not None:
                numbered_rules.append((place, Rule(conditions, rule.skill)))
                if not conditions:
                    break
        return numbered_rules

    def prior_for(self, factors: Factors) -> Prior:
        """These rules and sends as a beginning for learning about *factors*."""
        rules = [(rule.conditions, self.skills[rule.skill]) for _, rule in self._rules_in(factors)]
        sends = [
            (row, send.skill)
            for send in self.records
            if send.skill is not None and (row := factors.find(self.factors.case(send.row))) is not None
        ]
        return Prior(rules, sends)

    # --- kept ---------------------------------------------------------------------------------------------

    def cases(self) -> Cases:
        """The few cases that would notice a change of any rule, with ``expected_skill``, for ``lpnb.verify``.

        For each rule two that it alone decides, which were sent and landed so where there are such, and for
        each condition one beside it. Unstable cases are left out.

        Raises:
            InvalidValueError: There is none.
        """
        random, space, evidence = np.random.default_rng(0), self.factors.space, self.evidence
        unstable = {evidence.rows[place].tobytes() for place in evidence.unstable}
        sent_rows: list[np.ndarray] = []
        for own in self._critical_cases:
            sent_rows += [evidence.rows[at] for at in places_of(own)[:2]]
        rows = [
            row
            for row in [*sent_rows, *checking_rows(self.decision_list, space, random, overlaps=False)]
            if row.tobytes() not in unstable
        ]
        rows = list({row.tobytes(): row for row in rows}.values())
        if not rows:
            raise InvalidValueError([Complaint("", "No case is known whose landing could be expected.")])
        table: Rows = np.array(rows, dtype=np.uint8)
        row_matches = match_rows(self.decision_list, table, space)
        case_values, case_counts = [], dict.fromkeys(range(len(self.decision_list)), 0)
        for row, place in zip(table, row_matches.deciding.tolist(), strict=True):
            skill = self._skill(place)
            if skill == REFUSED:
                continue
            case_counts[place] += 1
            values = self.factors.case(row.tolist())
            case_values.append(
                {"case": f"rule {place + 1}, {case_counts[place]}", "expected_skill": skill, **values}
            )
        return cases_of(case_values)

    def save_cases(self, path: str | os.PathLike[str]) -> Path:
        """Write ``cases()`` as CSV, Excel or Parquet, by the ending of *path*, for ``lpnb verify FILE``.

        Raises:
            InvalidValueError: The ending is another one.
            LpnbError: It cannot be written.
        """
        from lpnb.tables.export import save_table

        return save_table(self.cases().table().dropna(axis="columns", how="all"), Path(path))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write all of it as JSON, with its sends, to go on from: ``RoutingRules.load(path)``.

        Raises:
            LpnbError: It cannot be written.
        """
        return write_routing(
            Path(path), self.factors, self.decision_list, self.skills, self.records,
            self.rivals, self.validations, self.about,
        )  # fmt: skip

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what ``save`` wrote.

        A ``where`` is a function and stands in no file: the rules that are read speak of all combinations.

        Raises:
            InvalidValueError: There is no such file, or it is of another kind, which is named.

        Example:
            >>> factors = Factors.of({"ctmrinfo.ctype": ["vip", "gold"]})
            >>> saved = RoutingRules(factors, [Rule((), 0)], ["Cards"]).save("routing.json")
            >>> RoutingRules.load(saved)
            <RoutingRules: 1 rule. Where 2 combinations of 1 factor land, from 0 sends>
        """
        return cls(**read_routing(Path(path)))


@dataclass(frozen=True)
class CaseExplanation:
    """Why a case lands where it does, by the rules that were learned.

    Attributes:
        case: Its values by column.
        skill: Where it lands.
        rule: The number of the rule that decides it, from 1.
        conditions: The rule's conditions in words; none for the last rule.
        sends: The rows of ``routing.sends`` that would be contradicted without that rule.
        nearest: The fewest columns to change, with their new values, so that it lands elsewhere; None where
            no change of three is enough.
        nearest_skill: Where it lands then.
    """

    case: Mapping[str, object]
    skill: str
    rule: int
    conditions: tuple[str, ...]
    sends: pd.DataFrame
    nearest: Mapping[str, object] | None = None
    nearest_skill: str | None = None

    def __str__(self) -> str:
        why = " and ".join(self.conditions) or f"no rule above matches ({OTHERWISE})"
        lines = [
            f"{self.skill}, by rule {self.rule}: {why}.",
            f"The rule rests on {count(len(self.sends), 'send')}.",
        ]
        if self.nearest is None:
            lines.append("No change of three columns or fewer would move it.")
        else:
            changes = " and ".join(f"{name} were {value_text(value)}" for name, value in self.nearest.items())
            lines.append(f"It would land in {self.nearest_skill} if {changes}.")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        lines_html = "".join(f"<p>{esc(line)}</p>" for line in str(self).splitlines())
        table = self.sends.head(20)
        rows = table.astype(object).where(table.notna(), None).to_numpy().tolist()
        return lines_html + table_html("What it rests on", [str(name) for name in table.columns], rows)


def _values_of(case: object) -> Mapping[str, Any]:
    values = case if isinstance(case, Mapping) else getattr(case, "values", case)
    if not isinstance(values, Mapping):
        raise InvalidValueError([must("case", "must be a dict of values by column, or a Case", case)])
    return values


def routing_rules_of(
    factors: Factors, learner: Any, cases: Mapping[int, str] | None, about: Mapping[str, Any]
) -> RoutingRules:
    """The rules of a ``RoutingLearner`` as they stand, with *cases* as the sends' names."""
    evidence, skills = learner.evidence, [str(skill) for skill in learner.skills]
    before = [
        RecordedSend(-1, BEFORE, tuple(evidence.rows[place].tolist()), skills[evidence.skill_of(place)])
        for place in places_of(evidence.soft & evidence.everything)
    ]
    sends = [
        RecordedSend(
            send.number,
            send.role,
            send.row,
            None if skill is None else skills[skill],
            (cases or {}).get(send.number, ""),
        )
        for send, skill in learner.sends
    ]
    return RoutingRules(
        factors, learner.rules, skills, [*before, *sends],
        rivals=learner.rivals, validations=learner.validations, about=dict(about),
    )  # fmt: skip
