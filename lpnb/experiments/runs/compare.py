"""Comparison of two runs of the same cases: which moved, from which skill to which.

Cases are matched by name; ``plots`` draws the result.
"""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from itertools import combinations
from typing import Any

import pandas as pd

from lpnb._internal.display import brief, esc, room, table_html, table_text
from lpnb._internal.validation import must, one_of
from lpnb._printable import one_line
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.runs.journal_rows import table_of_journal
from lpnb.plots.case_matrix import as_text, case_labels, tally, text_values
from lpnb.plots.change_map import ChangeFlow, ChangeMap, change_map
from lpnb.plots.figure import PlotsMissingError, inline
from lpnb.plots.heatmap import case_count
from lpnb.tables.dataframes import RUN_COLUMNS

#: What can become of a case, in the order it is told.
CHANGES = ("moved", "other outcome", "appeared", "disappeared", "not comparable", "stayed")
_REQUIRED_COLUMNS = ("case", "outcome")
_SHOWN = 30


class Comparison:
    """What differs between two runs. Made by ``compare``.

    Example:
        >>> before = pd.DataFrame({"case": ["a", "b"], "outcome": "answered", "landed_skill": ["Cards", "Loans"]})
        >>> comparison = compare(before, before.assign(landed_skill="Loans"))
        >>> comparison.headline, comparison.moves.values.tolist()
        ('1 of 2 cases moved', [['Cards', 'Loans', 1]])
    """  # noqa: E501

    def __init__(self, table: pd.DataFrame, keys: list[str]) -> None:
        self._table = table
        self._keys = keys

    def table(self) -> pd.DataFrame:
        """One row per case name, in the order before, then those that appeared.

        ======================================  =======  ===================================================
        case                                    str      the case's name
        change                                  str      "moved", "other outcome", "appeared", "disappeared",
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
    def summary(self) -> str:
        """How many cases moved, stayed and so on, in a sentence."""
        total = sum(self.counts.values())
        if not total:
            return "Neither run has a case"
        kinds = [f"{count:,} {word}" for word, count in self.counts.items() if count or word == "moved"]
        summary = f"{case_count(total)}: {', '.join(kinds)}"
        changed = int((~self._table["same_case"].fillna(True).astype(bool)).sum())
        return (
            f"{summary}. {changed:,} of them {'was' if changed == 1 else 'were'} sent with other values"
            if changed
            else summary
        )

    @property
    def headline(self) -> str:
        """What stands above the picture."""
        total = sum(self.counts.values())
        if not total:
            return "No cases to compare"
        changed, moved = total - self.counts["stayed"], self.counts["moved"]
        if not changed:
            return f"None of {case_count(total)} moved" if total > 1 else "The case has not moved"
        return (
            f"{moved:,} of {case_count(total)} moved"
            if moved == changed
            else f"{changed:,} of {case_count(total)} changed"
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
        varying = [key for key in self._keys if own[key].nunique() > 1][:8]
        for pair in combinations(varying, 2):
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
        changed = self._table[self._table["change"] != "stayed"]
        order = {change: place for place, change in enumerate(CHANGES)}
        changed = changed.sort_values("change", key=lambda column: column.map(order), kind="stable")
        columns = ["case", "change", "before", "after"]
        rows = changed[columns].head(_SHOWN).astype("object").to_numpy().tolist()
        return columns, rows, len(changed) - len(rows)

    def __repr__(self) -> str:
        columns, rows, more = self._changed_rows()
        shown = [[brief(cell)[1:-1] if len(str(cell)) > 60 else cell for cell in row] for row in rows]
        parts = [one_line(self.summary)]
        if rows:
            parts.append(table_text(columns, shown, room()))
        if more:
            parts.append(f"and {more:,} more in .table()")
        return "\n".join(parts)

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
        return "".join(parts)


def compare(before: Any, after: Any) -> Comparison:
    """Compare two runs of the same cases, such as before and after a change of campaigns.

    Args:
        before: A run, the path of its journal, or its per-case table.
        after: The same of the other one.

    Raises:
        InvalidValueError: A table lacks ``case`` or ``outcome``, or a case's name occurs twice.

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
    tables = [_table(given, name, complaints) for given, name in ((before, "before"), (after, "after"))]
    if complaints:
        raise InvalidValueError(complaints)
    sides = {name: _side(table) for name, table in zip(("before", "after"), tables, strict=True)}
    names = pd.Index(dict.fromkeys([*sides["before"].index, *sides["after"].index]), name="case", dtype="str")
    was, now = (sides[name].reindex(names) for name in ("before", "after"))
    there = [sides[name].index.get_indexer(names) >= 0 for name in ("before", "after")]
    keys = list(dict.fromkeys(str(c) for table in tables for c in table.columns if c not in RUN_COLUMNS))
    merged = pd.DataFrame({"case": names.astype("str"), "change": _changes(was, now, *there)})
    for name, side, is_there in (("before", was, there[0]), ("after", now, there[1])):
        merged[name] = side["landing"].where(is_there, "(no such case)").astype("str").array
    for column in ("skill_id", "outcome", "code"):
        merged[f"before_{column}"], merged[f"after_{column}"] = was[column].array, now[column].array
    own = [_own(table, names, keys) for table in tables]
    both = pd.Series(there[0] & there[1])
    same = pd.Series(True, index=both.index)
    for key in keys:
        same &= text_values(own[0][key]).array == text_values(own[1][key]).array
    merged["same_case"] = same.astype("boolean").where(both)
    for key in keys:
        merged[key] = own[1][key].where(there[1], own[0][key]).infer_objects().array
    return Comparison(merged, keys)


def _changes(was: pd.DataFrame, now: pd.DataFrame, before: Any, after: Any) -> pd.Series:
    known = was["skill_id"].notna() & now["skill_id"].notna()
    moved = (was["skill_id"] != now["skill_id"]).where(known, was["landing"] != now["landing"]).astype(bool)
    landed = was["landed"].eq(True) & now["landed"].eq(True)
    change = pd.Series("stayed", index=was.index, dtype="object")
    # Nobody knows where an answered case landed unless somebody looked.
    change[~landed & (was["outcome"].eq("answered") | now["outcome"].eq("answered"))] = "not comparable"
    change[landed & moved] = "moved"
    change[was["outcome"].fillna("") != now["outcome"].fillna("")] = "other outcome"
    change[~after] = "disappeared"
    change[~before] = "appeared"
    return change.astype("str").reset_index(drop=True)


def _side(table: pd.DataFrame) -> pd.DataFrame:
    """What is compared of a table, by case name."""
    lacking = {
        name: pd.Series(pd.NA, index=table.index, dtype="str")
        for name in ("landed_skill", "landed_skill_id", "code")
    }
    full = table.assign(**{name: column for name, column in lacking.items() if name not in table})
    frame = pd.DataFrame(
        {
            "landing": case_labels(full, "landed_skill"),
            "landed": full["landed_skill"].notna() | full["landed_skill_id"].notna(),
            "skill_id": full["landed_skill_id"].astype("str"),
            "outcome": full["outcome"].astype("str"),
            "code": full["code"].astype("str"),
        }
    )
    return frame.set_axis(pd.Index(full["case"].astype("str"), name="case"))


def _own(table: pd.DataFrame, names: pd.Index, keys: list[str]) -> pd.DataFrame:
    by_name = table.set_axis(pd.Index(table["case"].astype("str")))
    return by_name.reindex(index=names, columns=keys).astype("object")


def _table(given: Any, name: str, complaints: list[Complaint]) -> pd.DataFrame:
    """The per-case table of whatever was given; an empty one when there is something to complain about."""
    table = given
    if isinstance(given, str | os.PathLike):
        table = table_of_journal(given)
    elif not isinstance(given, pd.DataFrame) and callable(getattr(given, "table", None)):
        table = given.table()
    if not isinstance(table, pd.DataFrame):
        rule = "must be a run, the path of its journal, or a per-case table"
        complaints.append(must(name, rule, given))
        return pd.DataFrame()
    there = [str(column) for column in table.columns]
    lacking = [column for column in _REQUIRED_COLUMNS if column not in there]
    complaints += [
        Complaint(f"{name}.{column}", f"{name} has no column {column!r}; it has {brief(', '.join(there))}.")
        for column in lacking
    ]
    if lacking:
        return pd.DataFrame()
    twice = table["case"][table["case"].duplicated() | table["case"].isna()]
    if len(twice):
        rule = "must have a name of its own for each case"
        complaints.append(must(f"{name}.case", rule, as_text(twice.iloc[0])))
    return table
