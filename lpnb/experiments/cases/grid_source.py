"""The columns of a grid of cases: a cell by arithmetic, and which of the combinations there are.

The combinations are never written down: a case is found from its number. Only what a filter, a cover or a
sample leaves over is kept, as numbers.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from operator import mul
from typing import Any

from lpnb._internal.display import brief
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.covering import MOST_TUPLES, CoveringArray, Row, covering_array, tuple_count
from lpnb.experiments.cases.sources import present
from lpnb.models.base import WireModel

#: The most combinations that are looked at one by one, by a filter or before they are sent.
MOST_FILTERED = 5_000_000
#: What so many values of different columns are called.
_TUPLES = {1: "value", 2: "pair of values", 3: "triple of values"}
_NUMBERS = ("no", "one", "two", "three", "four")

Where = Callable[[Mapping[str, Any]], bool]
"""Whether a combination exists, by its values by column."""


class GridSource:
    """The columns of a grid; its rows are all combinations, or a choice of them. See ``Grid``."""

    def __init__(
        self,
        values: Mapping[str, object],
        zipped: object = (),
        where: Where | None = None,
        sample: int | None = None,
        seed: int = 0,
        cover: int | None = None,
    ) -> None:
        if not isinstance(values, Mapping) or not values:
            sentence = (
                f"a Grid takes a dict of columns, such as {{'ctmrinfo.ctype': ['vip', 'gold']}}; "
                f"got {brief(values)}."
            )
            raise InvalidValueError([Complaint("", sentence)])
        wrong = []
        if where is not None and not callable(where):
            sentence = f"where must be a function of a case's values, or None; got {brief(where)}."
            wrong.append(Complaint("where", sentence))
        if isinstance(seed, bool) or not isinstance(seed, int):
            wrong.append(Complaint("seed", f"seed must be a whole number; got {brief(seed)}."))
        if cover is not None and (isinstance(cover, bool) or cover not in (2, 3)):
            sentence = f"cover must be 2 for pairs, 3 for triples, or None; got {brief(cover)}."
            wrong.append(Complaint("cover", sentence))
        elif cover is not None and sample is not None:
            sentence = (
                "A sample of a cover would miss some of what it covers. Give cover or sample, not both."
            )
            wrong.append(Complaint("sample", sentence))
        if wrong:
            raise InvalidValueError(wrong)
        self.names: Sequence[str] = list(values)
        self._values = [_value_list(value) for value in values.values()]
        fixed_names = [name for name, value in values.items() if _is_one(value)]
        groups = _groups(self.names, zipped, fixed_names)
        complaints = [
            Complaint(name, f"The column {name!r} has no value. Give it [None] to leave it out.")
            for name, column_values in zip(self.names, self._values, strict=True)
            if not column_values
        ]
        lengths = []
        for group in groups:
            sizes = {self.names[place]: len(self._values[place]) for place in group}
            lengths.append(max(sizes.values()))
            if len(set(sizes.values())) > 1:
                sizes_text = ", ".join(f"{name} has {size:,}" for name, size in sizes.items())
                complaints.append(
                    Complaint("zipped", f"Columns that are zipped must be of one length: {sizes_text}.")
                )
        if complaints:
            raise InvalidValueError(complaints)
        self._lengths = lengths
        self.combinations = math.prod(lengths)
        # A combination's number, divided by the sizes of the groups behind it, is its place in this one.
        self._places: list[tuple[int, int]] = [(1, 1)] * len(self.names)
        stride = 1
        for group, length in reversed(list(zip(groups, lengths, strict=True))):
            for place in group:
                self._places[place] = (stride, length)
            stride *= length
        self._groups = groups
        self._numbers: Sequence[int] | None = None
        #: Of how many values the tuples are that all occur, 0 where nothing is covered.
        self.strength = 0
        self._array: CoveringArray | None = None
        if cover is None:
            self._narrow(where, sample, seed)
        else:
            self._cover(cover, where, seed)

    def __len__(self) -> int:
        return self.combinations if self._numbers is None else len(self._numbers)

    def cells(self, place: int, start: int, stop: int) -> Sequence[object]:
        """The cells of a column, by arithmetic from the combinations' numbers."""
        values = self._values[place]
        stride, length = self._places[place]
        numbers: Iterable[int] = range(start, stop) if self._numbers is None else self._numbers[start:stop]
        return [values[number // stride % length] for number in numbers]

    @property
    def coverage(self) -> str:
        """What is certain to show in a cover, and what not; without one, how many combinations there are."""
        start = f"{len(self):,} of {self.combinations:,} combinations"
        array, size = self._array, self.strength
        if array is None or not size:
            return f"{start}."
        several = _TUPLES[size].replace(" of", "s of") if size > 1 else "values"
        gaps_text = ""
        if array.impossible:
            gaps_text += (
                f" {array.impossible:,} others cannot occur: where= leaves out every "
                "combination that has them."
            )
        if array.missing:
            gaps_text += (
                f" {array.missing:,} others were not found in a combination that where= leaves, "
                "and may be missing."
            )
        tuples = array.tuples - array.impossible - array.missing
        columns = f"{_NUMBERS[size]} column{'s' * (size > 1)}"
        return (
            f"{start}: each of the {tuples:,} {several} of {columns} occurs.{gaps_text} A rule on at most "
            f"{columns} shows in a case, unless another rule hides it there; one on {_NUMBERS[size + 1]} or "
            "more may not show."
        )

    @property
    def extent(self) -> str:
        """What a cover holds, in a few words; empty where there is none."""
        if not self.strength:
            return ""
        return f"with every {_TUPLES[self.strength]}, of {self.combinations:,}"

    def _narrow(self, where: Where | None, sample: int | None, seed: int) -> None:
        """Keep the combinations that *where* is true for, and of those a sample."""
        if where is not None:
            if self.combinations > MOST_FILTERED:
                sentence = (
                    f"where= would have to look at {self.combinations:,} combinations, and looks at "
                    f"{MOST_FILTERED:,} at the most. Take fewer values, or zip columns that go together."
                )
                raise InvalidValueError([Complaint("where", sentence)])
            steps = (range(length) for length in self._lengths)
            exists = self._row_filter(where)
            self._numbers = array("q", (number for number, row in enumerate(product(*steps)) if exists(row)))
        if sample is None:
            return
        if isinstance(sample, bool) or not isinstance(sample, int) or not 0 < sample <= len(self):
            sentence = f"sample must be a whole number from 1 to {len(self):,}; got {brief(sample)}."
            raise InvalidValueError([Complaint("sample", sentence)])
        places = sorted(random.Random(seed).sample(range(len(self)), sample))  # noqa: S311 - no secret
        self._numbers = array("q", places if self._numbers is None else (self._numbers[at] for at in places))

    def _cover(self, strength: int, where: Where | None, seed: int) -> None:
        """Keep combinations in which every tuple of *strength* values occurs that *where* allows.

        Where fewer columns vary, the tuples are of as many values as there are such columns.
        """
        varying_groups = [which for which, length in enumerate(self._lengths) if length > 1]
        sizes = [self._lengths[which] for which in varying_groups]
        strength = min(strength, len(sizes))
        if not strength:
            self._narrow(where, None, seed)
            return
        if (tuples := tuple_count(sizes, strength)) > MOST_TUPLES:
            sentence = (
                f"cover={strength} would have to cover {tuples:,} combinations of {strength} values, and "
                f"covers {MOST_TUPLES:,} at the most. Give fewer values or columns, or a smaller cover."
            )
            raise InvalidValueError([Complaint("cover", sentence)])

        def whole(row: Row) -> Row:
            places = dict(zip(varying_groups, row, strict=True))
            return tuple(places.get(which, 0) for which in range(len(self._lengths)))

        exists = None if where is None else self._row_filter(where)
        allowed = None if exists is None else lambda row: exists(whole(row))
        array = covering_array(sizes, strength, seed, allowed)
        steps = [math.prod(self._lengths[which + 1 :]) for which in range(len(self._lengths))]
        self._numbers = [sum(map(mul, whole(row), steps)) for row in array.rows]
        self.strength, self._array = strength, array

    def _row_filter(self, where: Where) -> Callable[[Sequence[int]], bool]:
        """Whether *where* is true for a combination, given by the place of each group's values."""
        group_of = {place: which for which, group in enumerate(self._groups) for place in group}
        ways = [(name, self._values[at], group_of[at]) for at, name in enumerate(self.names)]
        return lambda row: bool(where({name: values[row[group]] for name, values, group in ways}))


def _value_list(value: object) -> list[object]:
    """The values of a column; one value stands for a list of one."""
    values = [value] if _is_one(value) else list(value)  # type: ignore[call-overload]
    return [present(one) for one in values]


def _is_one(value: object) -> bool:
    return isinstance(value, str | bytes | Mapping | WireModel) or not isinstance(value, Iterable)


def _groups(names: Sequence[str], zipped: object, fixed_names: Sequence[str]) -> list[list[int]]:
    """The columns' places, in groups that go together; a group stands where its first column does."""
    together: list[list[str]]
    if zipped is True:
        zipped = [[name for name in names if name not in fixed_names]]
    entries: list[Any] = (
        list(zipped) if isinstance(zipped, Iterable) and not isinstance(zipped, str) else [zipped]
    )
    if not entries or entries == [False]:
        together = []
    elif all(isinstance(name, str) for name in entries):
        together = [entries]
    else:
        together = [list(group) if isinstance(group, list | tuple) else [group] for group in entries]
    zipped_names = [name for group in together for name in group]
    complaints = [
        Complaint("zipped", f"zipped names {brief(name)}, which is not a column of the grid.")
        for name in zipped_names
        if name not in names
    ]
    repeated_names = dict.fromkeys(name for name in zipped_names if zipped_names.count(name) > 1)
    complaints += [Complaint("zipped", f"zipped names {name!r} more than once.") for name in repeated_names]
    if complaints:
        raise InvalidValueError(complaints)
    group_of = {name: group for group in together for name in group}
    groups: list[list[int]] = []
    grouped_names: set[str] = set()
    for place, name in enumerate(names):
        if name not in grouped_names:
            group = group_of.get(name, [name])
            groups.append([names.index(other) for other in names if other in group] or [place])
            grouped_names.update(group)
    return groups
