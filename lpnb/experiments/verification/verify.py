"""Verification: the results of a run compared with what its cases expect.

A case expects a skill (``expected_skill``, by id or by name), a code (``expected_code``), or both.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lpnb._internal.display import esc, room, table_html, table_text
from lpnb._printable import one_line
from lpnb.client.live_guard import CAP
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.cases import Cases, cases_of
from lpnb.experiments.runs.options import RunOptions, name_again
from lpnb.experiments.runs.steps import Steps
from lpnb.experiments.verification.checks import CaseCheck, Verdict, checks_of
from lpnb.experiments.verification.junit import save_junit

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.client import AsyncClient, Client
    from lpnb.experiments.runs.compare import Comparison
    from lpnb.experiments.runs.progress import Display
    from lpnb.experiments.runs.run import Run
    from lpnb.tables.cells import Columns

#: Failures that are written out; the others are counted.
MOST_FAILURES = 50


@dataclass(frozen=True)
class Verification:
    """The verdict on every case of a run.

    Example:
        >>> import pandas as pd
        >>> verification = verification_of(pd.DataFrame(
        ...     {"case": ["a"], "outcome": ["answered"], "code": ["OK"], "expected_code": ["BAD_REQUEST"]}
        ... ))
        >>> print(verification)
        1 case: 0 passed, 1 failed.
        failed  a: expected code BAD_REQUEST, got OK
        >>> verification.ok
        False
    """

    checks: Sequence[CaseCheck]
    name: str = "cases"
    #: What moved since an earlier run, where one was given.
    comparison: Comparison | None = None

    @property
    def ok(self) -> bool:
        """Whether every case that expected something got it."""
        return all(check.verdict in ("passed", "skipped") for check in self.checks)

    def count(self, verdict: Verdict) -> int:
        """How many cases have that verdict."""
        return sum(check.verdict == verdict for check in self.checks)

    @property
    def failures(self) -> list[CaseCheck]:
        """The cases that failed, and those of which it cannot be said how they came."""
        return [check for check in self.checks if check.verdict in ("failed", "error")]

    def table(self) -> pd.DataFrame:
        """One row per case: case, verdict, expected, got, said (all str), seconds (float64)."""
        from lpnb.tables.dataframes import plain_table

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
        save_junit(self.name, self.checks, path)

    @property
    def headline(self) -> str:
        """The counts in one sentence."""
        count = len(self.checks)
        parts = [f"{self.count('passed'):,} passed", f"{self.count('failed'):,} failed"]
        if error_count := self.count("error"):
            parts.append(f"{error_count:,} not told")
        if skip_count := self.count("skipped"):
            parts.append(f"{skip_count:,} expected nothing")
        since = f" Since the run before: {self.comparison.summary}." if self.comparison is not None else ""
        return f"{count:,} case{'' if count == 1 else 's'}: {', '.join(parts)}.{since}"

    def __str__(self) -> str:
        lines = [
            one_line(f"{check.verdict:<6}  {check.named}: {check.said}")
            for check in self.failures[:MOST_FAILURES]
        ]
        if (more := len(self.failures) - MOST_FAILURES) > 0:
            lines.append(f"... and {more:,} more.")
        return "\n".join([self.headline, *lines])

    def __repr__(self) -> str:
        return f"<Verification {self.headline}>"

    def _repr_html_(self) -> str:
        failures = self.failures
        if not failures:
            return f"<p><b>{esc(self.headline)}</b></p>"
        rows = [(check.named, check.verdict, check.expected, check.got) for check in failures[:MOST_FAILURES]]
        more = f"<p>and {len(failures) - MOST_FAILURES:,} more</p>" if len(failures) > MOST_FAILURES else ""
        return table_html(self.headline, ("case", "verdict", "expected", "got"), rows) + more


def verify(
    client: Client | AsyncClient,
    cases: object,
    *,
    engagement: bool | None = None,
    close: bool = True,
    landing_wait: float | None = None,
    journal: str | os.PathLike[str] | None = None,
    name: str | None = None,
    concurrency: int = 16,
    rate: float | None = None,
    on_5xx: str = "pause",
    live: bool = False,
    confirm: int | None = None,
    cap: int = CAP,
    hash_personal: bool = False,
    progress: bool | Display = True,
    cluster: object = None,
    since: object = None,
) -> Verification:
    """Send *cases*, see where each landed, and say which came as they expected.

    Args:
        client: A client.
        cases: As for ``run_experiment``; at least one must expect something, unless *since* is given.
        engagement: Ask Monitoring first, as a page would. When left out: if there are columns for it.
        close: Close each conversation afterwards, so that none is left for an agent.
        landing_wait: Seconds to wait for a landing at the most, as for ``Steps``.
        journal: The file that all is written into; by default below ``runs``, and one line says where.
        name: What the run is called, with the time appended so that the same check can be made again.
        concurrency: How many CONVERSATION requests are under way at once, at the most.
        rate: Calls to the Connector API a second at the most, steps included; found by itself when
            left out.
        on_5xx: "pause" or "retry", as for ``run_experiment``.
        live: Must be True for a real account.
        confirm: There, the number of cases.
        cap: How many cases it may be there.
        hash_personal: Keep personal values in the journal as pseudonyms only.
        progress: Whether to show how it goes, or what to show it with.
        cluster: Send from the workers of a Dask cluster, as for ``run_experiment``.
        since: An earlier run, the path of its journal, or a folder of journals, of which the last run of the
            same cases is taken. A case that moved since then has failed, whatever it expected.

    Raises:
        InvalidValueError: A cell is wrong, no case expects anything, or *since* cannot be compared.
        SettingsError: A skill is expected, and there is no way to read where a conversation landed.
        LpnbError: Whatever ``run_experiment`` raises.

    Example:
        >>> import lpnb
        >>> cases = [{"ctmrinfo.ctype": "vip", "expected_skill": "Private Clients", "expected_code": "OK"}]
        >>> with lpnb.Sandbox() as sandbox, lpnb.Client(lpnb.Settings.of(sandbox.environment())) as client:
        ...     print(verify(client, cases, journal="vip.sqlite", progress=False))
        1 case: 1 passed, 0 failed.
    """
    case_table = cases_of(cases)
    options = RunOptions(
        journal=journal,
        name=name_again(name) if name is not None and journal is None else name,
        concurrency=concurrency,
        rate=rate,
        steps=steps_for(
            case_table,
            engagement=engagement,
            close=close,
            landing_wait=landing_wait,
            compared=since is not None,
        ),
        on_5xx=on_5xx,
        live=live,
        confirm=confirm,
        cap=cap,
        hash_personal=hash_personal,
        progress=progress,
        cluster=cluster,
    )
    return verify_with(client, case_table, options, since)


def verify_with(
    client: Client | AsyncClient, cases: Cases, options: RunOptions, since: object = None
) -> Verification:
    """Send *cases* as *options* say, and check what came; see ``verify``."""
    from lpnb.experiments.runs.start import start_run

    check_since(cases, since, hash_personal=options.hash_personal)
    run = start_run(client, cases, options).wait()
    name = cases.origin.removeprefix("of ") or "cases"
    return verification_of(run.columns(), name, comparison_since(run, since))


def check_since(cases: Cases, since: object, *, hash_personal: bool = False) -> None:
    """See, before anything is sent, that a run of *cases* can be compared with an earlier one.

    Raises:
        InvalidValueError: It cannot, or none of the cases was in it.
        JournalError: It cannot be read.
    """
    if since is None or _is_folder(since):
        return
    from lpnb.experiments.runs.compare import compare
    from lpnb.experiments.runs.journal_rows import planned_frame

    planned_table = planned_frame(cases, secrets.token_hex(16) if hash_personal else None)
    if not compare(since, planned_table).table()["same_case"].notna().any():
        sentence = "None of the cases was in the earlier run, so nothing can be said to have moved since."
        raise InvalidValueError([Complaint("since", sentence)])


def comparison_since(run: Run, since: object) -> Comparison | None:
    """What moved in *run* since an earlier run; None where there is none, in a folder of journals."""
    if since is None:
        return None
    from lpnb.experiments.runs.compare import compare
    from lpnb.experiments.runs.run_list import earlier_journal

    if _is_folder(since):
        assert run.journal_path is not None  # noqa: S101 - it was sent
        earlier_path = earlier_journal(run.journal_path, str(since)) if Path(str(since)).is_dir() else None
        return None if earlier_path is None else compare(earlier_path, run)
    return compare(since, run)


def _is_folder(since: object) -> bool:
    """Whether it names a folder; one that is not there yet is where journals will be."""
    return isinstance(since, str | os.PathLike) and (Path(since).is_dir() or not Path(since).suffix)


def steps_for(
    cases: Cases,
    *,
    engagement: bool | None = None,
    close: bool = True,
    landing_wait: float | None = None,
    compared: bool = False,
) -> Steps:
    """What has to be done with each case, besides sending it, to tell whether it came as expected.

    Where it is *compared* with an earlier run, the landing of every case is read.

    Raises:
        InvalidValueError: No case expects anything, and nothing is compared.
    """
    if not compared:
        expect_something(cases)
    return Steps(
        engagement=cases.asks_monitoring if engagement is None else engagement,
        landing=compared or any("expected_skill" in case.expected for case in cases),
        close=close,
        landing_wait=Steps.landing_wait if landing_wait is None else landing_wait,
    )


def expect_something(cases: Cases) -> None:
    """See that at least one case expects something.

    Raises:
        InvalidValueError: None does.
    """
    if not any(case.expected for case in cases):
        sentence = "No case expects anything. Give them a column expected_skill, expected_code, or both."
        raise InvalidValueError([Complaint("expected_skill", sentence)])


def verification_of(
    table: pd.DataFrame | Columns, name: str = "cases", comparison: Comparison | None = None
) -> Verification:
    """Check the cases of a run by its table, as ``run.table()`` or ``run.columns()`` gives it."""
    return Verification(checks_of(table, None if comparison is None else comparison.drift), name, comparison)


def as_text(verification: Verification) -> str:
    """Every case in a line, those that passed too, for a log."""
    rows = [(check.verdict, check.named, check.expected, check.got) for check in verification.checks]
    return table_text(("verdict", "case", "expected", "got"), rows, room())
