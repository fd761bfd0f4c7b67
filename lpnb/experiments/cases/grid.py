"""A grid of cases: every combination of the values that a few columns can take.

The combinations are never written down: a case is found by arithmetic from its number. Only what a filter or
a sample leaves over is kept, as numbers.
"""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any, Literal

from lpnb._internal.display import brief
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.cases import Cases
from lpnb.experiments.cases.sources import present
from lpnb.models.base import WireModel

#: The most combinations that are looked at one by one, by a filter or before they are sent.
MOST_FILTERED = 5_000_000


class Grid(Cases):
    """Cases from the values of columns, crossed or zipped, filtered, sampled.

    Args:
        values: For each wire-dotted column the values it takes, in order; a single value stands for a
            column that is the same throughout. None and "" leave the field out. Whole objects
            (``CampaignInfo(...)``, ``PersonalInfo(...)``, or dicts as the wire has them) are values too.
        zipped: Columns that go together, first with first and second with second, in place of being
            crossed: True for all that have a list, the names of one group, or a list of groups.
        where: Called with the values of each combination by column; those it is false for are left out.
        sample: Take so many of the combinations, at random.
        seed: The same seed, the same sample.

    The last column varies fastest. ``len(grid)`` is known before anything is built.

    Raises:
        InvalidValueError: Naming every column that is unknown or of the wrong length, a sample larger
            than the grid, a filter over too many combinations.

    Example:
        >>> grid = Grid({"ctmrinfo.ctype": ["vip", "gold"], "conversationContext.lang": ["en-US", "de-DE", None]})
        >>> len(grid), dict(grid[1].values)
        (6, {'ctmrinfo.ctype': 'vip', 'conversationContext.lang': 'de-DE'})
        >>> pairs = {"campaignInfo.campaignId": ["1", "2"], "campaignInfo.engagementId": ["10", "20"]}
        >>> len(Grid({**pairs, "ttrDefName": ["NORMAL", "URGENT"]}, zipped=list(pairs)))
        4
        >>> len(Grid({"ctmrinfo.ctype": list("abcd"), "skillId": "-1"}, where=lambda case: case["ctmrinfo.ctype"] != "a"))
        3
    """  # noqa: E501

    def __init__(
        self,
        values: Mapping[str, object],
        *,
        zipped: Literal[True] | Sequence[str] | Sequence[Sequence[str]] = (),
        where: Callable[[Mapping[str, Any]], bool] | None = None,
        sample: int | None = None,
        seed: int = 0,
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
        if wrong:
            raise InvalidValueError(wrong)
        source = _GridSource(values, zipped)
        super().__init__(source)
        #: How many combinations there are before the filter and the sample.
        self.combinations = source.combinations
        source.narrow(where, sample, seed)

    def check(self) -> None:
        """See that every case can be sent as it stands, as ``Cases.check`` does, and that they can be walked.

        Raises:
            InvalidValueError: A cell is wrong, or there are more than five million cases.
        """
        if len(self) > MOST_FILTERED:
            sentence = (
                f"The grid has {len(self):,} cases, and {MOST_FILTERED:,} can be sent at the most. "
                "Take a sample of it: Grid(..., sample=1000)."
            )
            raise InvalidValueError([Complaint("", sentence)])
        super().check()


class _GridSource:
    """The columns of a grid: cell by arithmetic, rows perhaps a choice of the combinations."""

    def __init__(self, values: Mapping[str, object], zipped: object) -> None:
        self.names: Sequence[str] = list(values)
        self._values = [_listed(value) for value in values.values()]
        fixed = [name for name, value in values.items() if _is_one(value)]
        groups = _groups(self.names, zipped, fixed)
        complaints = [
            Complaint(name, f"The column {name!r} has no value. Give it [None] to leave it out.")
            for name, found in zip(self.names, self._values, strict=True)
            if not found
        ]
        lengths = []
        for group in groups:
            sizes = {self.names[place]: len(self._values[place]) for place in group}
            lengths.append(max(sizes.values()))
            if len(set(sizes.values())) > 1:
                told = ", ".join(f"{name} has {size:,}" for name, size in sizes.items())
                complaints.append(
                    Complaint("zipped", f"Columns that are zipped must be of one length: {told}.")
                )
        if complaints:
            raise InvalidValueError(complaints)
        self._lengths = lengths
        self.combinations = math.prod(lengths)
        # A combination's number, divided by the sizes of the groups behind it, is its place in this one.
        self._places: list[tuple[int, int]] = [(1, 1)] * len(self.names)
        behind = 1
        for group, length in reversed(list(zip(groups, lengths, strict=True))):
            for place in group:
                self._places[place] = (behind, length)
            behind *= length
        self._groups = groups
        self._chosen: array[int] | None = None

    def __len__(self) -> int:
        return self.combinations if self._chosen is None else len(self._chosen)

    def cells(self, place: int, start: int, stop: int) -> Sequence[object]:
        values = self._values[place]
        behind, length = self._places[place]
        numbers: Iterable[int] = range(start, stop) if self._chosen is None else self._chosen[start:stop]
        return [values[number // behind % length] for number in numbers]

    def narrow(
        self, where: Callable[[Mapping[str, Any]], bool] | None, sample: int | None, seed: int
    ) -> None:
        """Keep the combinations that *where* is true for, and of those a sample."""
        if where is not None:
            if self.combinations > MOST_FILTERED:
                sentence = (
                    f"where= would have to look at {self.combinations:,} combinations, and looks at "
                    f"{MOST_FILTERED:,} at the most. Take fewer values, or zip columns that go together."
                )
                raise InvalidValueError([Complaint("where", sentence)])
            steps = (range(length) for length in self._lengths)
            group_of = {place: which for which, group in enumerate(self._groups) for place in group}
            ways = [(name, self._values[at], group_of[at]) for at, name in enumerate(self.names)]
            self._chosen = array(
                "q",
                (
                    number
                    for number, step in enumerate(product(*steps))
                    if where({name: values[step[group]] for name, values, group in ways})
                ),
            )
        if sample is None:
            return
        if isinstance(sample, bool) or not isinstance(sample, int) or not 0 < sample <= len(self):
            sentence = f"sample must be a whole number from 1 to {len(self):,}; got {brief(sample)}."
            raise InvalidValueError([Complaint("sample", sentence)])
        drawn = sorted(random.Random(seed).sample(range(len(self)), sample))  # noqa: S311 - no secret
        self._chosen = array("q", drawn if self._chosen is None else (self._chosen[at] for at in drawn))


def _listed(value: object) -> list[object]:
    """The values of a column; one value stands for a list of one."""
    listed = [value] if _is_one(value) else list(value)  # type: ignore[call-overload]
    return [present(one) for one in listed]


def _is_one(value: object) -> bool:
    return isinstance(value, str | bytes | Mapping | WireModel) or not isinstance(value, Iterable)


def _groups(names: Sequence[str], zipped: object, fixed: Sequence[str]) -> list[list[int]]:
    """The columns' places, in groups that go together; a group stands where its first column does."""
    together: list[list[str]]
    if zipped is True:
        zipped = [[name for name in names if name not in fixed]]
    listed: list[Any] = (
        list(zipped) if isinstance(zipped, Iterable) and not isinstance(zipped, str) else [zipped]
    )
    if not listed or listed == [False]:
        together = []
    elif all(isinstance(name, str) for name in listed):
        together = [listed]
    else:
        together = [list(group) if not isinstance(group, str) else [group] for group in listed]
    named = [name for group in together for name in group]
    complaints = [
        Complaint("zipped", f"zipped names {brief(name)}, which is not a column of the grid.")
        for name in named
        if name not in names
    ]
    doubled = dict.fromkeys(name for name in named if named.count(name) > 1)
    complaints += [Complaint("zipped", f"zipped names {name!r} more than once.") for name in doubled]
    if complaints:
        raise InvalidValueError(complaints)
    group_of = {name: group for group in together for name in group}
    groups: list[list[int]] = []
    done: set[str] = set()
    for place, name in enumerate(names):
        if name not in done:
            group = group_of.get(name, [name])
            groups.append([names.index(other) for other in names if other in group] or [place])
            done.update(group)
    return groups
