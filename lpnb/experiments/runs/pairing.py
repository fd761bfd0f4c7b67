"""Which case of one run is which of another: by a key, by what was sent, or by name; never by row number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from lpnb._internal.display import brief, count
from lpnb._internal.validation import must, one_of
from lpnb.errors import Complaint, InvalidValueError
from lpnb.plots.case_matrix import as_text
from lpnb.tables.run_table import RUN_COLUMNS

Codes = npt.NDArray[np.int64]

#: What a case is called that nobody has named: its row.
ROW_NAME = re.compile(r"case-\d{5,}\Z")
#: What a journal has in place of a personal value, when it was asked to.
_HASH = re.compile(r"hashed:[0-9a-f]{24}")


class Side(NamedTuple):
    """One of the two tables: its argument's name, and what of it is compared."""

    name: str
    table: pd.DataFrame
    landing: pd.Series


@dataclass
class Pairing:
    """Rows that belong together.

    Attributes:
        before, after: Places in the two tables, -1 where a case is in one of them only.
        same: Whether both were sent the same values.
        paired_by: By what they were paired, in words.
        notes: What else there is to know.
    """

    before: Codes
    after: Codes
    same: npt.NDArray[np.bool_]
    paired_by: str
    notes: list[str] = field(default_factory=list)


def own_columns(*tables: pd.DataFrame) -> list[str]:
    """The columns that are the cases' own, those of all tables."""
    return list(dict.fromkeys(str(c) for table in tables for c in table.columns if c not in RUN_COLUMNS))


def sent_columns(*tables: pd.DataFrame) -> list[str]:
    """The columns that say what was sent: the cases' own, without notes."""
    return [name for name in own_columns(*tables) if not name.startswith("note.")]


def pair_cases(before: Side, after: Side, key: Sequence[str]) -> Pairing:
    """Find which cases belong together.

    Args:
        before, after: The two tables, with a name of its own for each case.
        key: Columns that tell cases apart; empty for what was sent.

    Raises:
        InvalidValueError: A key is no column of both, or does not tell the cases apart; values are hashed,
            and the cases have no names to pair them by.
    """
    sides = (before, after)
    sent_names = sent_columns(before.table, after.table)
    hashed_names = [
        name for name in dict.fromkeys([*sent_names, *key]) if any(_is_hashed(side, name) for side in sides)
    ]
    names = _codes(sides, ["case"])
    name_flags = [
        ~side.table["case"].astype("str").str.match(ROW_NAME).to_numpy(dtype=bool) for side in sides
    ]
    comparable_names = [name for name in sent_names if name not in hashed_names]
    content = _codes(sides, comparable_names)
    notes = []
    if hashed_names:
        _check_hashed(key, hashed_names, all(map(np.all, name_flags)))
        phrase = "is kept as pseudonyms" if len(hashed_names) == 1 else "are kept as pseudonyms"
        notes.append(
            f"{_names_text(hashed_names)} {phrase}, so whether those values were the same cannot be seen; "
            "all others were compared."
        )
    if key or hashed_names:
        columns = list(key) or ["case"]
        _check_key(sides, columns, name_flags)
        pairs = _match(_codes(sides, columns))
        paired_by = "the case's name" if columns == ["case"] else _names_text(columns)
    else:
        pairs = _pairs_by_content(sides, content, names, name_flags, bool(sent_names))
        paired_by = "what was sent" if sent_names else "the case's name"
    was, now = pairs
    unpaired_places = [
        np.setdiff1d(np.arange(len(side.table)), paired_places)
        for side, paired_places in zip(sides, pairs, strict=True)
    ]
    same = content[0][was] == content[1][now]
    order = np.concatenate([was, unpaired_places[0]])
    first = np.argsort(order, kind="stable")
    missing = [np.full(len(each), -1, dtype=np.int64) for each in unpaired_places]
    return Pairing(
        np.concatenate([order[first], missing[1]]),
        np.concatenate([np.concatenate([now, missing[0]])[first], unpaired_places[1]]),
        np.concatenate(
            [
                np.concatenate([same, np.zeros(len(unpaired_places[0]), bool)])[first],
                np.zeros(len(unpaired_places[1]), bool),
            ]
        ),
        paired_by,
        notes,
    )


def _pairs_by_content(
    sides: tuple[Side, Side],
    content: tuple[Codes, Codes],
    names: tuple[Codes, Codes],
    name_flags: Sequence[npt.NDArray[np.bool_]],
    has_content: bool,
) -> tuple[Codes, Codes]:
    """Cases of the same values; of several alike those of one name, then those that landed alike, then any.

    What is left over and has a name that somebody gave it is paired by that: its values have changed.
    """
    pairs: list[tuple[Codes, Codes]] = []
    free = [np.ones(len(side.table), dtype=bool) for side in sides]

    def match(codes: tuple[Codes, Codes], *, among: Sequence[npt.NDArray[np.bool_]] | None = None) -> None:
        places = [
            np.flatnonzero(free_rows if among is None else free_rows & allowed)
            for free_rows, allowed in zip(free, among or free, strict=True)
        ]
        was, now = _match((codes[0][places[0]], codes[1][places[1]]))
        pair = places[0][was], places[1][now]
        for free_rows, pair_places in zip(free, pair, strict=True):
            free_rows[pair_places] = False
        pairs.append(pair)

    match(_join_codes(content, names), among=name_flags)
    if has_content or not any(map(np.any, name_flags)):
        landings = _factorize([side.landing for side in sides])
        match(_join_codes(content, landings))
        match(content)
    match(names, among=name_flags)
    return np.concatenate([was for was, _ in pairs]), np.concatenate([now for _, now in pairs])


def _match(codes: tuple[Codes, Codes]) -> tuple[Codes, Codes]:
    """Places with equal codes, the first with the first, the second with the second."""
    frames = [
        pd.DataFrame(
            {"code": side, "nth": pd.Series(side).groupby(side).cumcount(), "place": range(len(side))}
        )
        for side in codes
    ]
    matches = frames[0].merge(frames[1], on=["code", "nth"])
    return matches["place_x"].to_numpy(dtype=np.int64), matches["place_y"].to_numpy(dtype=np.int64)


def _join_codes(first: tuple[Codes, Codes], second: tuple[Codes, Codes]) -> tuple[Codes, Codes]:
    """A number for each pair of two numbers, the same on both sides."""
    both = np.concatenate(first) * (int(max(map(_most, second))) + 1) + np.concatenate(second)
    codes = np.unique(both, return_inverse=True)[1].astype(np.int64)
    return codes[: len(first[0])], codes[len(first[0]) :]


def _most(codes: Codes) -> int:
    return int(codes.max()) if len(codes) else 0


def _codes(sides: tuple[Side, Side], columns: Sequence[str]) -> tuple[Codes, Codes]:
    """A number for the values of these columns, the same on both sides; a column that is missing is empty."""
    codes = np.zeros(len(sides[0].table), np.int64), np.zeros(len(sides[1].table), np.int64)
    for name in columns:
        cells = [
            side.table[name] if name in side.table else pd.Series([None] * len(side.table)) for side in sides
        ]
        codes = _join_codes(codes, _factorize(cells))
    return codes


def _factorize(columns: Sequence[pd.Series]) -> tuple[Codes, Codes]:
    first, second = (pd.factorize(column.astype("object"), use_na_sentinel=False) for column in columns)
    texts = [_value_text(value) for value in [*first[1], *second[1]]]
    numbers = pd.factorize(np.array(texts, dtype="object"))[0].astype(np.int64)
    return numbers[: len(first[1])][first[0]], numbers[len(first[1]) :][second[0]]


def _value_text(value: Any) -> str:
    """A value as text, the same whether it was read from a journal or from a file."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else as_text(value)


def _is_hashed(side: Side, column: str) -> bool:
    if column not in side.table:
        return False
    texts = side.table[column].dropna().unique()
    return any(isinstance(text, str) and _HASH.search(text) for text in texts)


def _check_hashed(key: Sequence[str], hashed_names: Sequence[str], have_names: bool) -> None:
    why = "as pseudonyms, which differ from journal to journal, so they cannot be compared"
    if key_names := [name for name in key if name in hashed_names]:
        sentence = f"{_names_text(key_names)} was kept {why}. Pair by another column, or by name: key='case'."
        raise InvalidValueError([Complaint("key", sentence)])
    if not key and not have_names:
        were = "was" if len(hashed_names) == 1 else "were"
        sentence = (
            f"{_names_text(hashed_names)} {were} kept {why}, and the cases have no names of their own to "
            "pair them by. Give a key that was not hashed: compare(before, after, key=...)."
        )
        raise InvalidValueError([Complaint("key", sentence)])


def _check_key(
    sides: tuple[Side, Side], columns: Sequence[str], name_flags: Sequence[npt.NDArray[np.bool_]]
) -> None:
    wrong: list[Complaint] = []
    for side, has_name in zip(sides, name_flags, strict=True):
        all_names = [str(name) for name in side.table.columns]
        key_complaints = [one_of("key", name, all_names) for name in columns if name not in all_names]
        wrong += [Complaint("key", f"{side.name}: {complaint.sentence}") for complaint in key_complaints]
        if key_complaints:
            continue
        cells = side.table[list(columns)]
        if "case" in columns and not has_name.all():
            name = side.table["case"][~has_name].iloc[0]
            sentence = (
                f"{side.name}: names such as {name!r} are row numbers, and do not say which case is which. "
                "Leave key out, or name a column that tells the cases apart."
            )
            wrong.append(Complaint("key", sentence))
            continue
        if missing := int(cells.isna().any(axis=1).sum()):
            wrong.append(
                Complaint("key", f"{side.name}: {_names_text(columns)} is empty in {count(missing, 'case')}.")
            )
        full_rows = cells.dropna()
        if (repeated_rows := full_rows[full_rows.duplicated()]).size:
            rule = f"must tell the cases apart, and occurs {count(len(repeated_rows), 'time')} too often"
            value = ", ".join(map(as_text, repeated_rows.iloc[0]))
            wrong.append(must(f"{side.name}.{_names_text(columns)}", rule, value))
    if wrong:
        raise InvalidValueError(wrong)


def _names_text(names: Sequence[str]) -> str:
    return brief(", ".join(names), 200)[1:-1]
