"""Comparison of two runs of the same cases: which moved, from which skill to which.

``pairing`` says which case is which, ``plots`` draws the result.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from lpnb._internal.display import brief, esc, room, table_html, table_text
from lpnb._internal.validation import must, one_of
from lpnb._printable import one_line
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.runs.journal_rows import table_of_journal
from lpnb.experiments.runs.pairing import Side, own_columns, pair_cases
from lpnb.plots.case_matrix import as_text, case_labels, tally, text_values
from lpnb.plots.change_map import ChangeFlow, ChangeMap, change_map
from lpnb.plots.figure import PlotsMissingError, inline
from lpnb.plots.heatmap import case_count

#: What can become of a case, in the order it is told.
CHANGES = (
    "moved", "other outcome", "other values", "appeared", "disappeared", "not comparable", "stayed"
)  # fmt: skip
_REQUIRED_COLUMNS = ("case", "outcome")
#: Endings of tables that ``run.save`` writes, which can be compared like journals.
_TABLE_ENDINGS = (".csv", ".parquet")
_MOST_ROWS = 30


class Comparison:
    """What differs between two runs. Made by ``compare``.

    Example:
        >>> before = pd.DataFrame({"case": ["a", "b"], "outcome": "answered", "landed_skill": ["Cards", "Loans"]})
        >>> comparison = compare(before, before.assign(landed_skill="Loans"))
        >>> comparison.headline, comparison.moves.values.tolist()
        ('1 of 2 cases moved', [['Cards', 'Loans', 1]])
    """  # noqa: E501

    def __init__(
        self, table: pd.DataFrame, keys: list[str], paired_by: str = "", notes: Sequence[str] = ()
    ) -> None:
        self._table = table
        self._keys = keys
        #: By what the cases were paired, in words, and what else there is to know.
        self.paired_by, self.notes = paired_by, list(notes)

    def table(self) -> pd.DataFrame:
        """One row per case, in the order before, then those that appeared.

        ======================================  =======  ===================================================
        case                                    str      the case's name, as it is after
        case_before                             str      its name before
        change                                  str      "moved", "other outcome", "other values" (the same
                                                         case was sent with other values, so that its
                                                         landing says nothing), "appeared", "disappeared",
                                                         "not comparable" (a landing is not known), "stayed"
        before, after                           str      where it landed; in brackets what came of it instead
        before_skill_id, after_skill_id         str      the skills' ids
        before_outcome, after_outcome           str      the outcomes
        before_code, after_code                 str      the codes
        same_case                               boolean  whether both runs sent the same; missing for one
        ======================================  =======  ===================================================

        and then the case's own columns: as they are after, or were before it disappeared.
        """
        return self._table.copy()

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many cases there are of each change, those of which there are none included."""
        counts = self._table["change"].value_counts()
        return {change: int(counts.get(change, 0)) for change in CHANGES}

    @property
    def moved(self) -> pd.DataFrame:
        """The rows of those that landed in another skill."""
        return self._table[self._table["change"] == "moved"].reset_index(drop=True)

    @cached_property
    def moves(self) -> pd.DataFrame:
        """Columns ``before``, ``after`` (str) and ``cases`` (Int64): each move, the most frequent first."""
        counts = (
            self.moved.groupby(["before", "after"], sort=True)
            .size()
            .sort_values(ascending=False, kind="stable")
        )
        moves = pd.DataFrame([list(pair) for pair in counts.index], columns=["before", "after"], dtype="str")
        moves["cases"] = pd.Series(counts.to_list(), dtype="Int64")
        return moves

    @property
    def drift(self) -> pd.DataFrame:
        """``case``, ``before``, ``after`` (str) of those that landed in another skill or came otherwise."""
        is_changed = self._table["change"].isin(["moved", "other outcome"])
        return self._table.loc[is_changed, ["case", "before", "after"]].reset_index(drop=True)

    @property
    def summary(self) -> str:
        """How many cases moved, stayed and so on, in a sentence."""
        total = sum(self.counts.values())
        if not total:
            return "Neither run has a case"
        kinds = [f"{count:,} {word}" for word, count in self.counts.items() if count or word == "moved"]
        return f"{case_count(total)}: {', '.join(kinds)}"

    @property
    def headline(self) -> str:
        """What stands above the picture."""
        total = sum(self.counts.values())
        if not total:
            return "No cases to compare"
        change_count, move_count = total - self.counts["stayed"], self.counts["moved"]
        if not change_count:
            return f"None of {case_count(total)} moved" if total > 1 else "The case has not moved"
        return (
            f"{move_count:,} of {case_count(total)} moved"
            if move_count == change_count
            else f"{change_count:,} of {case_count(total)} changed"
        )

    def plot(self, rows: str | None = None, columns: str | None = None) -> ChangeMap | ChangeFlow:
        """Draw it: what moved stands out, what stayed recedes.

        Args:
            rows, columns: Two of the cases' own columns, for a field of cells. Left out, two that tell all
                cases apart are taken; where no two do, bands lead from the skills before to those after.

        Raises:
            InvalidValueError: There is no such column, or only one is given.
        """
        if (rows is None) != (columns is None):
            raise InvalidValueError(
                [Complaint("rows", "rows and columns must be given together, or neither.")]
            )
        if rows is None or columns is None:
            pair = self._distinguishing_pair()
            if pair is None:
                return self._bands()
            rows, columns = pair
        wrong = [
            one_of(name, key, self._keys)
            for name, key in (("rows", rows), ("columns", columns))
            if key not in self._keys
        ]
        if rows == columns and not wrong:
            wrong.append(must("columns", "must be another column than rows", columns))
        if wrong:
            raise InvalidValueError(wrong)
        table = self._table.assign(**{"changed ": self._table["change"] != "stayed"})
        return change_map(
            table, (rows, columns), ("before", "after", "changed "), self.headline, self.summary
        )

    def _distinguishing_pair(self) -> tuple[str, str] | None:
        """The first two columns that tell all cases apart, if any two do."""
        own = pd.DataFrame({key: text_values(self._table[key]) for key in self._keys})
        varying_keys = [key for key in self._keys if own[key].nunique() > 1][:8]
        for pair in combinations(varying_keys, 2):
            if not own.duplicated(list(pair)).any():
                return pair
        return None

    def _bands(self) -> ChangeFlow:
        return ChangeFlow(
            {(was, now): count for (was, now), count in tally(self._table[["before", "after"]])},
            self.headline,
            self.summary,
        )

    def _changed_rows(self) -> tuple[list[str], list[list[object]], int]:
        """Every case that did not stay, but only so many: columns, rows, and how many are left out."""
        table = self._table[self._table["change"] != "stayed"]
        order = {change: place for place, change in enumerate(CHANGES)}
        table = table.sort_values("change", key=lambda column: column.map(order), kind="stable")
        columns = ["case", "change", "before", "after"]
        rows = table[columns].head(_MOST_ROWS).astype("object").to_numpy().tolist()
        return columns, rows, len(table) - len(rows)

    def __repr__(self) -> str:
        columns, rows, more = self._changed_rows()
        short_rows = [[brief(cell)[1:-1] if len(str(cell)) > 60 else cell for cell in row] for row in rows]
        parts = [one_line(self.summary)]
        if rows:
            parts.append(table_text(columns, short_rows, room()))
        if more:
            parts.append(f"and {more:,} more in .table()")
        return "\n".join([*parts, *self.notes])

    def _picture_html(self) -> str:
        """The picture, for a notebook; words where nothing has changed and no field shows what stayed."""
        picture = self.plot()
        if isinstance(picture, ChangeMap) and picture.cells:
            return picture._repr_html_()
        if any(before != after for before, after in self._table[["before", "after"]].itertuples(index=False)):
            with contextlib.suppress(PlotsMissingError):
                return inline(picture)
        return f'<p role="status">{esc(self.summary)}</p>'

    def _repr_html_(self) -> str:
        columns, rows, more = self._changed_rows()
        parts = [self._picture_html()]
        if len(self.moves):
            parts.append(table_html("Moves", list(self.moves.columns), self.moves.to_numpy().tolist()))
        if rows:
            parts.append(table_html("Cases that changed", columns, rows))
        if more:
            parts.append(f"<p>and {more:,} more in <code>.table()</code></p>")
        return "".join([*parts, *(f"<p>{esc(note)}</p>" for note in self.notes)])


def compare(before: Any, after: Any, key: str | Sequence[str] | None = None) -> Comparison:
    """Compare two runs of the same cases, such as before and after a change of campaigns.

    A case is known again by its *key*, else by what was sent; never by its row. Of several cases that sent
    the same, those of one name belong together, then those that landed alike. Only a case that was sent the
    same values can be "moved".

    Args:
        before: A run, the path of its journal, its per-case table, or a CSV or Parquet file of that.
        after: The same of the other one.
        key: The column, or columns, that tell cases apart, such as "ctmrinfo.customerId"; "case" for names.

    Raises:
        InvalidValueError: A table lacks ``case`` or ``outcome``, or a case's name occurs twice; the key is no
            column of both, or does not tell the cases apart; values were kept as hashes, which cannot be
            compared, and the cases have no names of their own.

    Example:
        >>> cases = {"case": ["a", "b"], "outcome": "answered"}
        >>> before = pd.DataFrame({**cases, "landed_skill": ["Cards", "Loans"]})
        >>> after = pd.DataFrame({**cases, "landed_skill": ["Cards", "Cards"]})
        >>> compare(before, after)
        2 cases: 1 moved, 1 stayed
        case  change  before  after
        b     moved   Loans   Cards
    """
    complaints: list[Complaint] = []
    tables = [_table(run, name, complaints) for run, name in ((before, "before"), (after, "after"))]
    columns = [key] if isinstance(key, str) else list(key or ())
    if complaints:
        raise InvalidValueError(complaints)
    sides = [_side(table) for table in tables]
    pairing = pair_cases(
        Side("before", tables[0], sides[0]["landing"]), Side("after", tables[1], sides[1]["landing"]), columns
    )
    places = (pairing.before, pairing.after)
    was, now = (side.reindex(at).reset_index(drop=True) for side, at in zip(sides, places, strict=True))
    presence = [at >= 0 for at in places]
    keys = own_columns(*tables)
    rows = pd.DataFrame({"case": now["case"].fillna(was["case"]).astype("str"), "case_before": was["case"]})
    rows["change"] = _changes(was, now, presence[0], presence[1], pairing.same)
    for name, side, is_there in (("before", was, presence[0]), ("after", now, presence[1])):
        rows[name] = side["landing"].where(is_there, "(no such case)").astype("str").array
    for column in ("skill_id", "outcome", "code"):
        rows[f"before_{column}"], rows[f"after_{column}"] = was[column].array, now[column].array
    own_tables = [
        table.reset_index(drop=True).reindex(index=at, columns=keys).astype("object").reset_index(drop=True)
        for table, at in zip(tables, places, strict=True)
    ]
    both = pd.Series(presence[0] & presence[1])
    rows["same_case"] = pd.Series(pairing.same, dtype="boolean").where(both)
    for name in keys:
        rows[name] = own_tables[1][name].where(presence[1], own_tables[0][name]).infer_objects().array
    return Comparison(rows, keys, pairing.paired_by, [*pairing.notes, *_differing_steps(tables)])


def _differing_steps(tables: Sequence[pd.DataFrame]) -> list[str]:
    """That Monitoring was asked in one run alone: then a landing may differ for that reason."""
    column = "offered_engagement_id"
    has_offers = [column in table and bool(table[column].notna().any()) for table in tables]
    if has_offers[0] == has_offers[1]:
        return []
    which = "the run before" if has_offers[0] else "the run after"
    return [f"Monitoring offered engagements in {which} alone, so landings may differ for that reason."]


def _changes(was: pd.DataFrame, now: pd.DataFrame, before: Any, after: Any, same: Any) -> pd.Series:
    both_known = was["skill_id"].notna() & now["skill_id"].notna()
    is_moved = (
        (was["skill_id"] != now["skill_id"]).where(both_known, was["landing"] != now["landing"]).astype(bool)
    )
    both_landed = was["landed"].eq(True) & now["landed"].eq(True)
    change = pd.Series("stayed", index=was.index, dtype="object")
    # Nobody knows where an answered case landed unless somebody looked.
    change[~both_landed & (was["outcome"].eq("answered") | now["outcome"].eq("answered"))] = "not comparable"
    change[both_landed & is_moved] = "moved"
    change[was["outcome"].fillna("") != now["outcome"].fillna("")] = "other outcome"
    change[~same] = "other values"
    change[~after] = "disappeared"
    change[~before] = "appeared"
    return change.astype("str")


def _side(table: pd.DataFrame) -> pd.DataFrame:
    """What is compared of a table, row by row."""
    empty_columns = {
        name: pd.Series(pd.NA, index=table.index, dtype="str")
        for name in ("landed_skill", "landed_skill_id", "code")
    }
    full = table.assign(**{name: column for name, column in empty_columns.items() if name not in table})
    frame = pd.DataFrame(
        {
            "case": full["case"].astype("str"),
            "landing": case_labels(full, "landed_skill"),
            "landed": full["landed_skill"].notna() | full["landed_skill_id"].notna(),
            "skill_id": full["landed_skill_id"].astype("str"),
            "outcome": full["outcome"].astype("str"),
            "code": full["code"].astype("str"),
        }
    )
    return frame.reset_index(drop=True)


def _table(run: Any, name: str, complaints: list[Complaint]) -> pd.DataFrame:
    """The per-case table of whatever was given; an empty one when there is something to complain about."""
    table = run
    if isinstance(run, str | os.PathLike):
        table = _saved_table(Path(run)) if Path(run).suffix in _TABLE_ENDINGS else table_of_journal(run)
    elif not isinstance(run, pd.DataFrame) and callable(getattr(run, "table", None)):
        table = run.table()
    if not isinstance(table, pd.DataFrame):
        rule = "must be a run, the path of its journal, or a per-case table"
        complaints.append(must(name, rule, run))
        return pd.DataFrame()
    all_names = [str(column) for column in table.columns]
    missing_columns = [column for column in _REQUIRED_COLUMNS if column not in all_names]
    complaints += [
        Complaint(
            f"{name}.{column}", f"{name} has no column {column!r}; it has {brief(', '.join(all_names))}."
        )
        for column in missing_columns
    ]
    if missing_columns:
        return pd.DataFrame()
    unusable_names = table["case"][table["case"].duplicated() | table["case"].isna()]
    if len(unusable_names):
        rule = "must have a name of its own for each case"
        complaints.append(must(f"{name}.case", rule, as_text(unusable_names.iloc[0])))
    return table


def _saved_table(path: Path) -> pd.DataFrame:
    """A per-case table that ``run.save`` wrote.

    Raises:
        InvalidValueError: It cannot be read.
    """
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str)
    except (OSError, ValueError) as error:  # what Arrow and pandas' parser raise are ValueErrors
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise InvalidValueError([Complaint(str(path), f"{path} cannot be read: {reason}.")]) from None
