"""Count the cases of a per-case table over two columns: one cell for each pair of values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from lpnb._internal.validation import must, one_of
from lpnb.errors import Complaint, InvalidValueError

#: How many values an axis shows; the rest are gathered at its end.
MAX_AXIS_VALUES = 60
_ONE_ELEMENT_LIST = re.compile(r'\["([^"\\]+)"\]')
#: How a cell of a case that has no value of a key is headed.
ABSENT = "(absent)"


@dataclass(frozen=True, slots=True)
class Cell:
    """The cases that share two values: how many there are of each label, the most frequent first."""

    shares: tuple[tuple[str, int], ...] = ()

    @property
    def total(self) -> int:
        """How many cases."""
        return sum(count for _, count in self.shares)


@dataclass(frozen=True, slots=True)
class CaseMatrix:
    """Two keys, their values in order, and a cell wherever there are cases."""

    keys: tuple[str, str]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]
    labels: dict[str, int]

    @property
    def total(self) -> int:
        """How many cases are shown."""
        return sum(self.labels.values())


def check_table(table: object, *columns: tuple[str, str]) -> pd.DataFrame:
    """Return *table* when it is a DataFrame that has the *columns*, given as (argument, name).

    Raises:
        InvalidValueError: Naming every column it lacks, with the nearest it has.
    """
    if not isinstance(table, pd.DataFrame):
        raise InvalidValueError([must("table", "must be a DataFrame with one row per case", table)])
    present = [str(name) for name in table.columns]
    complaints = [one_of(argument, name, present) for argument, name in columns if name not in present]
    duplicates = sorted({name for name in present if present.count(name) > 1} & {name for _, name in columns})
    complaints += [
        Complaint(name, f"{name} must be one column of the table; got {present.count(name)}.")
        for name in duplicates
    ]
    if complaints:
        raise InvalidValueError(complaints)
    return table


def as_text(value: object) -> str:
    """A value as an axis shows it: a list of one as what it holds, text that would not be seen quoted.

    Example:
        >>> as_text("gold"), as_text(" "), as_text(7), as_text(pd.NA)
        ('gold', "' '", '7', '(absent)')
        >>> as_text('["sec://payments"]')
        'sec://payments'
    """
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ABSENT
    text = str(value)
    if match := _ONE_ELEMENT_LIST.fullmatch(text):
        text = match[1]
    return repr(text) if not text.strip() or text == ABSENT else text


def text_values(column: pd.Series) -> pd.Series:
    """A column with every value as text, by way of its distinct values."""
    numbers, values = pd.factorize(column, use_na_sentinel=False)
    return (
        pd.Series([as_text(value) for value in values], dtype="object").take(numbers).set_axis(column.index)
    )


def ordered_values(column: pd.Series) -> list[str]:
    """The distinct texts of a column: a categorical's order, else as they first come; absent is last."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        present = set(column.dropna().unique())
        values = [as_text(value) for value in column.cat.categories if value in present]
    else:
        values = [as_text(value) for value in column.dropna().unique()]
    return [*dict.fromkeys(values), *([ABSENT] if column.isna().any() else [])]


def case_labels(table: pd.DataFrame, value: str) -> pd.Series:
    """What each case counts as: where it landed, its outcome, whether it failed, or a column's value."""
    if value == "landed_skill":
        return _landing_labels(table)
    if value == "failed":
        return _failure_labels(table)
    return text_values(table[value])


def _landing_labels(table: pd.DataFrame) -> pd.Series:
    skill = table["landed_skill"].astype("object")
    if "landed_skill_id" in table:  # a skill whose name nobody told is known by its id
        skill = skill.where(skill.notna(), table["landed_skill_id"].astype("object"))
    outcome = table["outcome"] if "outcome" in table else pd.Series("answered", index=table.index)
    wording = {"answered": "(landing unknown)", "planned": "(not tried)", "unknown": "(outcome unknown)"}
    bracketed_outcome = text_values(outcome).map(lambda word: wording.get(word, f"({word.strip('()')})"))
    return text_values(skill).where(skill.notna(), bracketed_outcome)


def _failure_labels(table: pd.DataFrame) -> pd.Series:
    """An expectation decides where there is one, else the outcome; who was not tried does not count."""
    outcome = text_values(table["outcome"])
    labels = (outcome != "answered").astype("object")
    if "passed" in table:
        has_verdict = table["passed"].notna()
        labels = labels.where(~has_verdict, ~table["passed"].fillna(False).astype(bool))
    labels = labels.map({True: "failed", False: "fine"})
    return labels.where(outcome != "planned", "(not tried)")


def case_matrix(table: pd.DataFrame, keys: Sequence[str], labels: pd.Series) -> CaseMatrix:
    """Count the *labels* of a table's rows over two *keys*."""
    row_key, column_key = keys
    frame = pd.DataFrame(
        {"row": text_values(table[row_key]), "column": text_values(table[column_key]), "label": labels}
    )
    axes = [ordered_values(table[key]) for key in keys]
    for name, axis in zip(("row", "column"), axes, strict=True):
        frame[name] = limit_axis(frame[name], axis)
    shares_of: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for (row, column, label), count in tally(frame):
        shares_of.setdefault((row, column), []).append((label, count))
    cells = {place: Cell(tuple(sorted_by_count(shares))) for place, shares in shares_of.items()}
    return CaseMatrix(
        (row_key, column_key),
        tuple(axes[0]),
        tuple(axes[1]),
        cells,
        dict(sorted_by_count(_label_counts(labels))),
    )


def tally(frame: pd.DataFrame) -> list[tuple[tuple[str, ...], int]]:
    """Every row of texts that occurs, sorted, and how often.

    Example:
        >>> tally(pd.DataFrame({"a": ["x", "y", "x"]}))
        [(('x',), 2), (('y',), 1)]
    """
    counts = frame.groupby(list(frame.columns), sort=True, observed=True).size()
    names = counts.index.to_frame().astype("object").to_numpy().tolist()
    return [(tuple(row), int(count)) for row, count in zip(names, counts.to_list(), strict=True)]


def limit_axis(column: pd.Series, axis: list[str]) -> pd.Series:
    """Gather what is too much for an axis at its end; *axis* itself is shortened."""
    if len(axis) <= MAX_AXIS_VALUES:
        return column
    first_values, rest = axis[: MAX_AXIS_VALUES - 1], f"({len(axis) - MAX_AXIS_VALUES + 1} more)"
    axis[:] = [*first_values, rest]
    return column.where(column.isin(first_values), rest)


def sorted_by_count(shares: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """The most frequent first, then by name; what is no category of its own comes after those that are."""
    return sorted(shares, key=lambda share: (-share[1], share[0].startswith("("), share[0]))


def _label_counts(labels: pd.Series) -> list[tuple[str, int]]:
    return [(str(label), int(count)) for label, count in labels.value_counts(sort=False).items()]
