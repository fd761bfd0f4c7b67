"""Which columns of a run's cases its landings go with, alone and in pairs, beyond what chance would give."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from lpnb._internal.validation import one_of
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.runs.pairing import sent_columns
from lpnb.plots.case_matrix import case_labels, text_values
from lpnb.tables.dataframes import plain_table

Codes = npt.NDArray[np.int64]

#: What is known of no landing: it explains nothing, and nothing explains it.
UNKNOWN_LANDINGS = frozenset(
    {"(landing unknown)", "(not tried)", "(outcome unknown)", "(not sent)", "(sending)"}
)
#: How often the landings are dealt out anew to see what chance explains.
_SHUFFLES = 16
#: Columns that are paired with each other: the best ones alone.
_MOST_PAIRED = 16


def landed_cases(table: pd.DataFrame, value: str = "landed_skill") -> tuple[pd.DataFrame, pd.Series]:
    """The cases of which it is known where they landed (or that they were refused), and where.

    Example:
        >>> table = pd.DataFrame({"outcome": ["answered", "refused", "planned"], "landed_skill": ["Cards", None, None]})
        >>> landed_cases(table)[1].tolist()
        ['Cards', '(refused)']
    """  # noqa: E501
    labels = case_labels(table, value)
    is_known = ~labels.isin(UNKNOWN_LANDINGS)
    return table[is_known].reset_index(drop=True), labels[is_known].reset_index(drop=True)


def column_groups(table: pd.DataFrame, columns: Sequence[str]) -> list[tuple[list[str], Codes]]:
    """The columns that vary, those that always go together as one, each with a number for its value by row.

    Example:
        >>> table = pd.DataFrame({"campaign": ["1", "2", "1"], "engagement": ["10", "20", "10"], "skillId": ["7"] * 3})
        >>> [(columns, codes.tolist()) for columns, codes in column_groups(table, list(table.columns))]
        [(['campaign', 'engagement'], [0, 1, 0])]
    """  # noqa: E501
    groups: dict[bytes, tuple[list[str], Codes]] = {}
    for name in columns:
        codes = pd.factorize(text_values(table[name]))[0].astype(np.int64)
        if len(codes) and codes.max() > 0:
            # Numbered by first appearance, columns that go together have the same numbers.
            groups.setdefault(codes.tobytes(), ([], codes))[0].append(name)
    return list(groups.values())


def factor_ranking(
    table: pd.DataFrame, columns: Sequence[str] | None = None, value: str = "landed_skill"
) -> pd.DataFrame:
    """Rank the columns of a per-case table by how much of the landings they explain; see ``Run.factors``.

    Raises:
        InvalidValueError: The table has no such column.
    """
    all_names = [str(name) for name in table.columns]
    if wrong := [one_of("columns", name, all_names) for name in columns or () if name not in all_names]:
        raise InvalidValueError(wrong)
    landed_table, labels = landed_cases(table, value)
    groups = column_groups(landed_table, sent_columns(landed_table) if columns is None else list(columns))
    skills = pd.factorize(labels)[0].astype(np.int64)
    random = np.random.default_rng(0)
    shuffles = [random.permutation(skills) for _ in range(_SHUFFLES)]
    alone = [(_row([" + ".join(names)], codes, skills, shuffles), codes) for names, codes in groups]
    alone.sort(key=lambda item: _order(item[0]))
    pairs = [
        _row([str(first[0]), str(second[0])], codes * (int(others.max()) + 1) + others, skills, shuffles)
        for (first, codes), (second, others) in combinations(alone[:_MOST_PAIRED], 2)
    ]
    rows = sorted([*(row for row, _ in alone), *pairs], key=_order)
    kinds = {
        "factor": "text", "second_factor": "text", "explained": "number", "right": "number",
        "values": "whole", "cases": "whole",
    }  # fmt: skip
    return plain_table({name: [row[at] for row in rows] for at, name in enumerate(kinds)}, kinds)


def most_explaining(
    table: pd.DataFrame, rows: str | None, columns: str | None, value: str = "landed_skill"
) -> tuple[str, str]:
    """The two columns that explain the most together; with one of them given, the best other one.

    Raises:
        InvalidValueError: Fewer than two columns vary.
    """
    fixed_column = rows if rows is not None else columns
    names = sent_columns(table)
    ranking = factor_ranking(
        table, names if fixed_column is None or fixed_column in names else [*names, fixed_column], value
    )
    alone = ranking[ranking["second_factor"].isna()].set_index("factor")["explained"]
    pairs = ranking[ranking["second_factor"].notna()][["factor", "second_factor", "explained"]]
    # Of pairs that explain alike, the one of which both columns explain something.
    both = sorted(pairs.to_numpy().tolist(), key=lambda pair: (-pair[2], -alone[pair[0]] - alone[pair[1]]))
    column_pairs = [(first.split(" + ")[0], second.split(" + ")[0]) for first, second, _ in both]
    if fixed_column is not None:
        column_pairs = [pair for pair in column_pairs if fixed_column in pair]
    if not column_pairs:
        varying_names = ", ".join(ranking.loc[ranking["second_factor"].isna(), "factor"]) or "none"
        sentence = (
            "A heatmap needs two columns that vary among the cases whose landing is known; those that vary: "
            f"{varying_names}. Name two columns: heatmap(rows, columns)."
        )
        raise InvalidValueError([Complaint("rows", sentence)])
    first, second = column_pairs[0]
    if fixed_column is not None:
        other = second if first == fixed_column else first
        return (fixed_column, other) if rows is not None else (other, fixed_column)
    # Few columns and many rows are easier to read.
    across, down = sorted((second, first), key=lambda name: (table[name].nunique(), name))
    return down, across


_Row = tuple[str, str | None, float, float, int, int]


def _row(names: list[str], codes: Codes, skills: Codes, shuffles: list[Codes]) -> _Row:
    _, codes = np.unique(codes, return_inverse=True)
    right = _right_share(codes, skills)
    chance = float(np.mean([_right_share(codes, each) for each in shuffles]))
    explained = (right - chance) / (1 - chance) if chance < 1 else 0.0
    second = names[1] if len(names) > 1 else None
    values = int(codes.max()) + 1
    return names[0], second, round(max(explained, 0.0), 4), round(right, 4), values, len(codes)


def _order(row: _Row) -> tuple[float, bool, int, str, str]:
    """The most explained first; of equals the simpler."""
    return -row[2], row[1] is not None, row[4], row[0], row[1] or ""


def _right_share(codes: Codes, skills: Codes) -> float:
    """The share of the cases that are where most cases with their value are."""
    width = int(skills.max()) + 1
    places, counts = np.unique(codes * width + skills, return_counts=True)
    most = np.zeros(int(codes.max()) + 1, dtype=np.int64)
    np.maximum.at(most, places // width, counts)
    return float(most.sum()) / len(codes)
