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
    columns = {column: found or [None] * len(cells["case"]) for column, found in cells.items()}
    rows = zip(*columns.values(), strict=True)
    nearest = _nearest_skills(columns["expected_skill"], columns["landed_skill"])
    checks = [_check(dict(zip(columns, row, strict=True)), nearest) for row in rows]
    checks = [replace(check, label=label) for check, label in zip(checks, _labels(table), strict=True)]
    if moves is None:
        return checks
    moved = {str(case): (before, after) for case, before, after in moves.itertuples(index=False, name=None)}
    return [_moved(check, *moved[check.case]) if check.case in moved else check for check in checks]


def _labels(table: pd.DataFrame | Columns) -> Sequence[str]:
    """What tells the cases apart that have no names of their own; "" for the others."""
    names = [str(name) for name in cells_of(table, "case")]
    chosen = {name: cells_of(table, name) for name in naming_columns(table)}
    rows = zip(*chosen.values(), strict=True) if chosen else ((),) * len(names)
    return [
        label_of(dict(zip(chosen, row, strict=True)), list(chosen)) if is_default_name(name) else ""
        for name, row in zip(names, rows, strict=True)
    ]


def _moved(check: CaseCheck, before: str, after: str) -> CaseCheck:
    """The check of a case that did not land where it landed in the run before."""
    said = f"moved from {before} to {after}"
    if check.verdict in ("failed", "error"):
        said = f"{said}; {check.said}"
    expected = ", ".join(filter(None, (check.expected, f"{before} as before")))
    return replace(check, verdict="failed", expected=expected, said=said)


def _nearest_skills(expected: Sequence[Any], landed: Sequence[Any]) -> dict[str, str]:
    """For each expected skill that no case landed in, the nearest name of one that some did."""
    names = {name.casefold(): name for name in landed if name is not None}
    strange = {wanted for wanted in expected if wanted is not None} - set(landed)
    near = {wanted: get_close_matches(wanted.casefold(), names, n=1, cutoff=0.8) for wanted in strange}
    return {wanted: names[close[0]] for wanted, close in near.items() if close}


def _check(row: dict[str, Any], nearest: dict[str, str]) -> CaseCheck:
    wanted_skill, wanted_code = row["expected_skill"], row["expected_code"]
    wanted, got, failed, unclear = [], [], [], []
    if wanted_code is not None:
        wanted.append(f"code {wanted_code}")
        got.append(_code(row))
        matches = code_matches(row["outcome"], row["code"], wanted_code)
        if matches is None:
            unclear.append(f"expected code {wanted_code}, and the outcome is {_outcome(row)}")
        elif not matches:
            same = row["code"] is not None and row["code"].casefold() == wanted_code.casefold()
            hint = f". Did you mean {row['code']}?" if same else ""
            failed.append(f"expected code {wanted_code}, got {_code(row)}{hint}")
    if wanted_skill is not None:
        wanted.append(f"skill {wanted_skill}")
        landed = [row[column] for column in ("landed_skill", "landed_skill_id") if row[column] is not None]
        where = f"{landed[0]} ({landed[1]})" if len(landed) > 1 else landed[0] if landed else ""
        got.append(f"skill {where}" if where else _outcome(row))
        matches = skill_matches(row["outcome"], landed, wanted_skill)
        if matches is False and landed:
            hint = f". Did you mean {nearest[wanted_skill]}?" if wanted_skill in nearest else ""
            failed.append(f"expected skill {wanted_skill}, landed in {where}{hint}")
        elif matches is False:
            failed.append(f"expected skill {wanted_skill}, and it was refused with {_code(row)}")
        elif matches is None:
            why = "where it landed is not known" if row["outcome"] == "answered" else ""
            unclear.append(f"expected skill {wanted_skill}, and {why or f'the outcome is {_outcome(row)}'}")
    verdict: Verdict = "failed" if failed else "error" if unclear else "passed" if wanted else "skipped"
    return CaseCheck(
        case=str(row["case"]),
        verdict=verdict,
        expected=", ".join(wanted),
        got=", ".join(got) or _outcome(row),
        said="; ".join([*failed, *unclear]) or ("as expected" if wanted else "expected nothing"),
        seconds=(row["elapsed_ms"] or 0.0) / 1000,
    )


def _code(row: dict[str, Any]) -> str:
    code = row["code"] or "no code"
    return f"{code} ({_short(row['message'])})" if row["message"] and code != "OK" else str(code)


def _outcome(row: dict[str, Any]) -> str:
    message = f" ({_short(row['message'])})" if row["message"] and row["outcome"] != "answered" else ""
    return f"{row['outcome']}{message}"


def _short(text: object) -> str:
    return brief(text, 160).strip("'\"")
