"""Expectations: what a run came to, held against what its cases said would come.

A case expects a skill (``expected_skill``, by id or by name), a code (``expected_code``), or both. The
table of the run says what came; here each case gets a verdict and a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from lpnb._internal.display import brief, esc, room, table_html, table_text
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.cases import Cases, cases_of
from lpnb.experiments.runs.journal_rows import code_came, skill_came
from lpnb.experiments.runs.options import name_again
from lpnb.tables.dataframes import plain_table

if TYPE_CHECKING:
    from lpnb.client import AsyncClient, Client
    from lpnb.experiments.runs.steps import Steps

#: "failed": it came otherwise. "error": it cannot be said how it came. "skipped": nothing was expected.
Verdict = Literal["passed", "failed", "error", "skipped"]
#: Failures that are written out; the others are counted.
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Check:
    """One case: its verdict, what was expected, what came, and both in a sentence."""

    case: str
    verdict: Verdict
    expected: str
    got: str
    said: str
    seconds: float


@dataclass(frozen=True)
class Verification:
    """The verdict on every case of a run.

    Example:
        >>> found = verification_of(pd.DataFrame(
        ...     {"case": ["a"], "outcome": ["answered"], "code": ["OK"], "expected_code": ["BAD_REQUEST"]}
        ... ))
        >>> print(found)
        1 case: 0 passed, 1 failed.
        failed  a: expected code BAD_REQUEST, got OK
        >>> found.ok
        False
    """

    checks: Sequence[Check]
    name: str = "cases"

    @property
    def ok(self) -> bool:
        """Whether every case that expected something got it."""
        return all(check.verdict in ("passed", "skipped") for check in self.checks)

    def count(self, verdict: Verdict) -> int:
        """How many cases have that verdict."""
        return sum(check.verdict == verdict for check in self.checks)

    @property
    def failures(self) -> list[Check]:
        """The cases that failed, and those of which it cannot be said how they came."""
        return [check for check in self.checks if check.verdict in ("failed", "error")]

    def table(self) -> pd.DataFrame:
        """One row per case: case, verdict, expected, got, said (all str), seconds (float64)."""
        names = ("case", "verdict", "expected", "got", "said", "seconds")
        columns = {name: [getattr(check, name) for check in self.checks] for name in names}
        return plain_table(columns, {**dict.fromkeys(names, "text"), "seconds": "number"})

    def raise_for_failures(self) -> Verification:
        """Return itself when all is as expected.

        Raises:
            AssertionError: Naming the cases that failed, with what was expected and what came.
        """
        if not self.ok:
            raise AssertionError(str(self))
        return self

    def save_junit(self, path: str | Path) -> None:
        """Write the verdicts as JUnit XML to *path*, whole or not at all.

        Raises:
            LpnbError: It could not be written.
        """
        from lpnb.experiments.verification.junit import save_junit

        save_junit(self, path)

    @property
    def headline(self) -> str:
        """The counts in one sentence."""
        count = len(self.checks)
        told = [f"{self.count('passed'):,} passed", f"{self.count('failed'):,} failed"]
        for verdict, word in (("error", "not told"), ("skipped", "expected nothing")):
            if found := self.count(verdict):  # type: ignore[arg-type]
                told.append(f"{found:,} {word}")
        return f"{count:,} case{'' if count == 1 else 's'}: {', '.join(told)}."

    def __str__(self) -> str:
        lines = [f"{check.verdict:<6}  {check.case}: {check.said}" for check in self.failures[:SHOWN]]
        if (more := len(self.failures) - SHOWN) > 0:
            lines.append(f"... and {more:,} more.")
        return "\n".join([self.headline, *lines])

    def __repr__(self) -> str:
        return f"<Verification {self.headline}>"

    def _repr_html_(self) -> str:
        found = self.failures
        if not found:
            return f"<p><b>{esc(self.headline)}</b></p>"
        rows = [(check.case, check.verdict, check.expected, check.got) for check in found[:SHOWN]]
        more = f"<p>and {len(found) - SHOWN:,} more</p>" if len(found) > SHOWN else ""
        return table_html(self.headline, ("case", "verdict", "expected", "got"), rows) + more


def verify(
    client: Client | AsyncClient,
    cases: object,
    *,
    engagement: bool | None = None,
    close: bool = True,
    landing_wait: float | None = None,
    **options: Any,
) -> Verification:
    """Send *cases*, see where each landed, and say which came as they expected.

    Args:
        client: A client.
        cases: As for ``run_experiment``; at least one must expect something.
        engagement: Ask Monitoring first, as a page would. When left out: if there are columns for it.
        close: Close each conversation afterwards, so that none is left for an agent.
        landing_wait: Seconds to wait for a landing at the most, as for ``Steps``.
        options: As for ``run_experiment``: journal, concurrency, rate, live, confirm and so on. A ``name``
            gets the time appended, so that the same check can be made again.

    Raises:
        InvalidValueError: A cell is wrong, or no case expects anything.
        SettingsError: A skill is expected, and there is no way to read where a conversation landed.
        LpnbError: Whatever ``run_experiment`` raises.

    Example:
        >>> import lpnb
        >>> cases = [{"ctmrinfo.ctype": "vip", "expected_skill": "Private Clients", "expected_code": "OK"}]
        >>> with lpnb.Sandbox() as sandbox, lpnb.Client(lpnb.Settings.of(sandbox.environment())) as client:
        ...     print(verify(client, cases, journal="vip.sqlite", progress=False))
        1 case: 1 passed, 0 failed.
    """
    from lpnb.experiments.runs.start import run_experiment

    known = cases_of(cases)
    steps = steps_for(known, engagement=engagement, close=close, landing_wait=landing_wait)
    if options.get("name") is not None and options.get("journal") is None:
        options["name"] = name_again(options["name"])
    run = run_experiment(client, known, steps=steps, **options)
    return verification_of(run.table(), known.told.removeprefix("of ") or "cases")


def steps_for(
    cases: Cases, *, engagement: bool | None = None, close: bool = True, landing_wait: float | None = None
) -> Steps:
    """What has to be done with each case, besides sending it, to tell whether it came as expected.

    Raises:
        InvalidValueError: No case expects anything.
    """
    from lpnb.experiments.runs.steps import Steps

    expect_something(cases)
    wait: dict[str, Any] = {} if landing_wait is None else {"landing_wait": landing_wait}
    return Steps(
        engagement=cases.asks_monitoring if engagement is None else engagement,
        landing=any("expected_skill" in case.expected for case in cases),
        close=close,
        **wait,
    )


def expect_something(cases: Cases) -> None:
    """See that at least one case expects something.

    Raises:
        InvalidValueError: None does.
    """
    if not any(case.expected for case in cases):
        sentence = "No case expects anything. Give them a column expected_skill, expected_code, or both."
        raise InvalidValueError([Complaint("expected_skill", sentence)])


def verification_of(table: pd.DataFrame, name: str = "cases") -> Verification:
    """Judge the cases of a run by its table, as ``run.table()`` gives it."""
    columns = {
        column: [
            None if missing else cell
            for cell, missing in zip(table[column], table[column].isna(), strict=True)
        ]
        if column in table
        else [None] * len(table)
        for column in _LOOKED_AT
    }
    rows = zip(*columns.values(), strict=True)
    meant = _meant(columns["expected_skill"], columns["landed_skill"])
    return Verification([_check(dict(zip(columns, row, strict=True)), meant) for row in rows], name)


def _meant(expected: Sequence[Any], landed: Sequence[Any]) -> dict[str, str]:
    """For each expected skill that no case landed in, the nearest name of one that some did."""
    names = {name.casefold(): name for name in landed if name is not None}
    strange = {wanted for wanted in expected if wanted is not None} - set(landed)
    near = {wanted: get_close_matches(wanted.casefold(), names, n=1, cutoff=0.8) for wanted in strange}
    return {wanted: names[found[0]] for wanted, found in near.items() if found}


_LOOKED_AT = (
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


def _check(row: dict[str, Any], meant: dict[str, str]) -> Check:
    wanted_skill, wanted_code = row["expected_skill"], row["expected_code"]
    wanted, got, failed, untold = [], [], [], []
    if wanted_code is not None:
        wanted.append(f"code {wanted_code}")
        got.append(_code(row))
        came = code_came(row["outcome"], row["code"], wanted_code)
        if came is None:
            untold.append(f"expected code {wanted_code}, and the outcome is {_outcome(row)}")
        elif not came:
            same = row["code"] is not None and row["code"].casefold() == wanted_code.casefold()
            hint = f". Did you mean {row['code']}?" if same else ""
            failed.append(f"expected code {wanted_code}, got {_code(row)}{hint}")
    if wanted_skill is not None:
        wanted.append(f"skill {wanted_skill}")
        landed = [row[column] for column in ("landed_skill", "landed_skill_id") if row[column] is not None]
        where = f"{landed[0]} ({landed[1]})" if len(landed) > 1 else landed[0] if landed else ""
        got.append(f"skill {where}" if where else _outcome(row))
        came = skill_came(row["outcome"], landed, wanted_skill)
        if came is False and landed:
            hint = f". Did you mean {meant[wanted_skill]}?" if wanted_skill in meant else ""
            failed.append(f"expected skill {wanted_skill}, landed in {where}{hint}")
        elif came is False:
            failed.append(f"expected skill {wanted_skill}, and it was refused with {_code(row)}")
        elif came is None:
            why = "where it landed is not known" if row["outcome"] == "answered" else ""
            untold.append(f"expected skill {wanted_skill}, and {why or f'the outcome is {_outcome(row)}'}")
    verdict: Verdict = "failed" if failed else "error" if untold else "passed" if wanted else "skipped"
    return Check(
        case=str(row["case"]),
        verdict=verdict,
        expected=", ".join(wanted),
        got=", ".join(got) or _outcome(row),
        said="; ".join([*failed, *untold]) or ("as expected" if wanted else "expected nothing"),
        seconds=(row["elapsed_ms"] or 0.0) / 1000,
    )


def _code(row: dict[str, Any]) -> str:
    code = row["code"] or "no code"
    return f"{code} ({_short(row['message'])})" if row["message"] and code != "OK" else str(code)


def _outcome(row: dict[str, Any]) -> str:
    said = f" ({_short(row['message'])})" if row["message"] and row["outcome"] != "answered" else ""
    return f"{row['outcome']}{said}"


def _short(text: object) -> str:
    return brief(text, 160).strip("'\"")


def as_text(verification: Verification) -> str:
    """Every case in a line, those that passed too, for a log."""
    rows = [(check.verdict, check.case, check.expected, check.got) for check in verification.checks]
    return table_text(("verdict", "case", "expected", "got"), rows, room())
