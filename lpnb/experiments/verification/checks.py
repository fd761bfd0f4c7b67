"""The check of one case: what was expected of it, what came, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from lpnb._internal.display import brief
from lpnb.experiments.cases.case_labels import is_default_name, label_of, naming_columns
from lpnb.experiments.runs.journal_rows import code_matches, skill_matches
from lpnb.tables.cells import cells_of

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.tables.cells import Columns

#: "failed": it came otherwise. "error": it cannot be said how it came. "skipped": nothing was expected.
Verdict = Literal["passed", "failed", "error", "skipped"]
_CHECKED_COLUMNS = (
    "case",
    "outcome",
    "code",
    "message",
    "landed_skill_id",
    "landed_skill",
    "expected_skill",
    "expected_code",
    "elapsed_ms",
)


@dataclass(frozen=True, slots=True)
class CaseCheck:
    """One case: its verdict, what was expected, what came, and both in a sentence.

    ``seconds`` is how long its answer took; ``label`` is what tells a case without a name of its own from the
    others, such as its customer's id.
    """

    case: str
    verdict: Verdict
    expected: str
    got: str
    said: str
    seconds: float
    label: str = ""

    @property
    def named(self) -> str:
        """The case's name with its label."""
        return f"{self.case} ({self.label})" if self.label else self.case


def checks_of(table: pd.DataFrame | Columns, moves: pd.DataFrame | None = None) -> list[CaseCheck]:
    """Check every case of a run by its table, as ``run.table()`` or ``run.columns()`` gives it.

    Those of *moves*, rows of ``Comparison.table``, failed whatever they expected.
    """
    cells = {column: cells_of(table, column) for column in _CHECKED_COLUMNS}
    columns = {column: column_cells or [None] * len(cells["case"]) for column, column_cells in cells.items()}
    rows = zip(*columns.values(), strict=True)
    nearest = _nearest_skills(columns["expected_skill"], columns["landed_skill"])
    checks = [_case_check(dict(zip(columns, row, strict=True)), nearest) for row in rows]
    checks = [replace(check, label=label) for check, label in zip(checks, _labels(table), strict=True)]
    if moves is None:
        return checks
    moved = {str(case): (before, after) for case, before, after in moves.itertuples(index=False, name=None)}
    return [_moved_check(check, *moved[check.case]) if check.case in moved else check for check in checks]


def _labels(table: pd.DataFrame | Columns) -> Sequence[str]:
    """What tells the cases apart that have no names of their own; "" for the others."""
    names = [str(name) for name in cells_of(table, "case")]
    columns = {name: cells_of(table, name) for name in naming_columns(table)}
    rows = zip(*columns.values(), strict=True) if columns else ((),) * len(names)
    return [
        label_of(dict(zip(columns, row, strict=True)), list(columns)) if is_default_name(name) else ""
        for name, row in zip(names, rows, strict=True)
    ]


def _moved_check(check: CaseCheck, before: str, after: str) -> CaseCheck:
    """The check of a case that did not land where it landed in the run before."""
    sentence = f"moved from {before} to {after}"
    if check.verdict in ("failed", "error"):
        sentence = f"{sentence}; {check.said}"
    expected = ", ".join(filter(None, (check.expected, f"{before} as before")))
    return replace(check, verdict="failed", expected=expected, said=sentence)


def _nearest_skills(expected: Sequence[Any], landed: Sequence[Any]) -> dict[str, str]:
    """For each expected skill that no case landed in, the nearest name of one that some did."""
    names = {name.casefold(): name for name in landed if name is not None}
    strange = {skill for skill in expected if skill is not None} - set(landed)
    near = {skill: get_close_matches(skill.casefold(), names, n=1, cutoff=0.8) for skill in strange}
    return {skill: names[close[0]] for skill, close in near.items() if close}


def _case_check(row: dict[str, Any], nearest: dict[str, str]) -> CaseCheck:
    expected_skill, expected_code = row["expected_skill"], row["expected_code"]
    expected, results, failures, unclear = [], [], [], []
    if expected_code is not None:
        expected.append(f"code {expected_code}")
        results.append(_code(row))
        matches = code_matches(row["outcome"], row["code"], expected_code)
        if matches is None:
            unclear.append(f"expected code {expected_code}, and {_unclear_outcome(row)}")
        elif not matches:
            same = row["code"] is not None and row["code"].casefold() == expected_code.casefold()
            hint = f". Did you mean {row['code']}?" if same else ""
            failures.append(f"expected code {expected_code}, got {_code(row)}{hint}")
    if expected_skill is not None:
        expected.append(f"skill {expected_skill}")
        skills = [row[column] for column in ("landed_skill", "landed_skill_id") if row[column] is not None]
        where = f"{skills[0]} ({skills[1]})" if len(skills) > 1 else skills[0] if skills else ""
        results.append(f"skill {where}" if where else _outcome(row))
        matches = skill_matches(row["outcome"], skills, expected_skill)
        if matches is False and skills:
            hint = f". Did you mean {nearest[expected_skill]}?" if expected_skill in nearest else ""
            failures.append(f"expected skill {expected_skill}, landed in {where}{hint}")
        elif matches is False:
            failures.append(f"expected skill {expected_skill}, and it was refused with {_code(row)}")
        elif matches is None:
            why = "where it landed is not known" if row["outcome"] == "answered" else _unclear_outcome(row)
            unclear.append(f"expected skill {expected_skill}, and {why}")
    verdict: Verdict = "failed" if failures else "error" if unclear else "passed" if expected else "skipped"
    return CaseCheck(
        case=str(row["case"]),
        verdict=verdict,
        expected=", ".join(expected),
        got=", ".join(results) or _outcome(row),
        said="; ".join([*failures, *unclear]) or ("as expected" if expected else "expected nothing"),
        seconds=(row["elapsed_ms"] or 0.0) / 1000,
    )


def _code(row: dict[str, Any]) -> str:
    code = row["code"] or "no code"
    return f"{code} ({_short_text(row['message'])})" if row["message"] and code != "OK" else str(code)


def _outcome(row: dict[str, Any]) -> str:
    message = f" ({_short_text(row['message'])})" if row["message"] and row["outcome"] != "answered" else ""
    return f"{'not sent' if row['outcome'] == 'planned' else row['outcome']}{message}"


def _unclear_outcome(row: dict[str, Any]) -> str:
    outcome = _outcome(row)
    return f"it was {outcome}" if outcome.startswith("not sent") else f"the outcome is {outcome}"


def _short_text(text: object) -> str:
    return brief(text, 160).strip("'\"")
