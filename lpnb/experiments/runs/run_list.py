"""``runs``: every journal of a folder as one table, each with what has moved since the run before it."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lpnb._internal.validation import check_path
from lpnb.errors import Complaint, InvalidValueError, JournalError
from lpnb.experiments.runs.compare import compare
from lpnb.experiments.runs.start import open_run
from lpnb.journal import read_journal
from lpnb.tables.dataframes import plain_table

if TYPE_CHECKING:
    import pandas as pd

#: Two runs are of the same cases when so large a share of the later one's was in the earlier one.
_SAME_CASES = 0.5
_COUNTS = ("answered", "refused", "unknown", "not sent")
_KINDS = {
    "run": "text", "path": "text", "begun": "moment", "account": "text", "world": "text", "state": "text",
    "cases": "whole", "answered": "whole", "refused": "whole", "unknown": "whole", "not_sent": "whole",
    "landed": "whole", "moved": "whole", "moved_since": "text", "problem": "text",
}  # fmt: skip


class JournalEntry(NamedTuple):
    """One journal: where it is, when it was begun, of which account and world, and what its cases say."""

    path: Path
    begun_at: datetime
    account: str
    world: str
    contents: set[int]


def runs(folder: str | os.PathLike[str] = "runs", *, moved: bool = True) -> pd.DataFrame:
    """Every run that is journalled in a folder, the newest last.

    ================  ===================  ==============================================================
    run               str                  what it is called
    path              str                  its journal
    begun             datetime64[us, UTC]  when
    account           str                  the account that it was sent to
    world             str                  "sandbox", or the host of a real account
    state             str                  as ``Run.state``; "unreadable" for a file that is no journal
    cases             Int64                how many there are
    answered          Int64                how many were answered; so are refused, unknown and not_sent
    landed            Int64                of how many it is known where they landed
    moved             Int64                how many landed elsewhere than in the run of the same cases before
                                           it; missing where there is none, or it cannot be said
    moved_since       str                  that run's name
    problem           str                  why a file cannot be read, or two runs not be compared
    ================  ===================  ==============================================================

    "The same cases" are those that say the same values: at least half of them, in the same account.

    Args:
        folder: Where the journals are; files that end otherwise than in ``.sqlite`` are not looked at.
        moved: Whether to compare runs; False is quicker for many large ones.

    Raises:
        InvalidValueError: There is no such folder.

    Example:
        >>> from lpnb import Client, Sandbox, Settings, Steps, run_experiment
        >>> cases = [{"ctmrinfo.ctype": "vip"}, {"ctmrinfo.ctype": "gold"}]
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     for day in ("monday", "tuesday"):
        ...         options = {"journal": f"week/{day}.sqlite", "steps": Steps(landing=True)}
        ...         _ = run_experiment(client, cases, **options, progress=False)
        >>> runs("week")[["run", "cases", "landed", "moved", "moved_since"]]
        run      cases  landed  moved  moved_since
        monday   2      2
        tuesday  2      2       0      monday
    """
    rows: list[tuple[datetime | None, dict[str, object]]] = []
    entries: list[JournalEntry] = []
    for path in _journals(folder):
        try:
            entry, row = _entry(path), _row(path)
        except JournalError as error:
            row = {"run": path.stem, "path": str(path), "state": "unreadable", "problem": str(error)}
            rows.append((None, row))
            continue
        row["begun"] = entry.begun_at
        entries.append(entry)
        rows.append((entry.begun_at, row))
    entry_of = {str(entry.path): entry for entry in entries}
    for begun_at, row in rows:
        before = earlier_run(entry_of[str(row["path"])], entries) if moved and begun_at is not None else None
        if before is not None:
            row["moved_since"] = str(read_journal(before.path).about["name"])
            try:
                row["moved"] = compare(before.path, row["path"]).counts["moved"]
            except (InvalidValueError, JournalError) as error:
                row["problem"] = str(error)
    rows.sort(key=lambda item: (item[0] is not None, item[0] or 0, str(item[1]["path"])))
    return plain_table({name: [row.get(name) for _, row in rows] for name in _KINDS}, _KINDS)


def earlier_run(run: JournalEntry, others: list[JournalEntry]) -> JournalEntry | None:
    """The last run before this one of the same cases in the same account and world; None without one."""
    candidates = [
        other
        for other in others
        if other.path != run.path
        and other.begun_at <= run.begun_at
        and (other.account, other.world) == (run.account, run.world)
        and len(other.contents & run.contents) >= max(_SAME_CASES * len(run.contents), 1)
    ]
    return max(candidates, key=lambda other: (other.begun_at, str(other.path)), default=None)


def earlier_journal(path: Path, folder: str | os.PathLike[str]) -> Path | None:
    """The journal in *folder* of the last run before the one at *path*, of the same cases; None without one.

    Raises:
        InvalidValueError: There is no such folder.
        JournalError: The journal at *path* cannot be read.
    """
    entries = []
    for other in _journals(folder):
        try:
            entries.append(_entry(other))
        except JournalError:
            continue
    before = earlier_run(_entry(path), [entry for entry in entries if not _is_same(entry.path, path)])
    return None if before is None else before.path


def _journals(folder: str | os.PathLike[str]) -> list[Path]:
    check_path("folder", folder)
    path = Path(folder)
    if not path.is_dir():
        sentence = (
            f"There is no folder {path}. Runs without a journal= of their own are written below ./runs."
        )
        raise InvalidValueError([Complaint("folder", sentence)])
    return sorted(path.glob("*.sqlite"))


def _is_same(first: Path, second: Path) -> bool:
    return first.resolve() == second.resolve()


def _entry(path: Path) -> JournalEntry:
    reader = read_journal(path)
    about = reader.about
    try:
        return JournalEntry(path, reader.created_at, about["account_id"], about["world"], reader.contents())
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(f"{path} does not say when or where it was begun ({error}).") from None


def _row(path: Path) -> dict[str, object]:
    run = open_run(path)
    about = read_journal(path).about
    outcomes = run.table()[["outcome", "landed_skill_id"]]
    counts = outcomes["outcome"].value_counts()
    return {
        "run": run.name,
        "path": str(path),
        "account": about["account_id"],
        "world": about["world"],
        "state": run.state,
        "cases": len(outcomes),
        **{outcome.replace(" ", "_"): int(counts.get(outcome, 0)) for outcome in _COUNTS},
        "landed": int(outcomes["landed_skill_id"].notna().sum()),
    }
