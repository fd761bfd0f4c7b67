"""Factors: the columns that are varied and their values, between the user's words and rows of whole numbers.

Columns that are zipped are one factor. A column with one value is sent with every case and is no factor. The
values of a column of numbers have an order, so that a rule may speak of a range.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpnb._internal.display import brief, count
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.cases import as_json, cases_of
from lpnb.experiments.cases.columns import columns_of
from lpnb.experiments.cases.grid import Grid
from lpnb.experiments.learning.case_space import MOST_VALUES, Booleans, CaseSpace, Rows
from lpnb.experiments.learning.decision_list import Condition
from lpnb.experiments.learning.evidence import places_of

Where = Callable[[Mapping[str, Any]], bool]

#: More factors than this are too many to reason about.
MOST_FACTORS = 40
#: So many combinations at random are looked at before anything is sent.
_COMBINATIONS_CHECKED = 200
_WHICH_ROW = re.compile(r"^Row [\d,]+, ")
_WHICH_PLACE = re.compile(r"^\[\d+\]\.")


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing that is varied: its columns, and for each of its values what these columns hold."""

    columns: tuple[str, ...]
    values: tuple[tuple[object, ...], ...]

    @property
    def name(self) -> str:
        """The column, or the columns that go together.

        Example:
            >>> Factor(("ctmrinfo.ctype",), (("vip",), ("gold",))).name
            'ctmrinfo.ctype'
        """
        return " + ".join(self.columns)

    @property
    def ranks(self) -> list[int] | None:
        """The rank of each value by size, -1 for None; None when the values have no order.

        Example:
            >>> Factor(("ctmrinfo.balance",), ((5000,), (None,), (100,), (20,))).ranks
            [2, -1, 1, 0]
        """
        if len(self.columns) > 1:
            return None
        numbers = [value for (value,) in self.values if value is not None]
        if len(numbers) < 3 or not all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in numbers
        ):
            return None
        order = sorted(numbers)  # type: ignore[type-var]
        return [-1 if value is None else order.index(value) for (value,) in self.values]


class Factors:
    """The factors of an experiment, and the columns that stay the same.

    Args:
        values: For each column its values; one value stands for a column that is the same throughout.
        zipped: Groups of columns that go together, first with first and second with second.
        where: Called with a case's values by column; combinations it is false for do not exist.

    Raises:
        InvalidValueError: Naming every column that has no value, a value twice, or more than 255 values;
            groups of columns of different lengths; no column that is varied.

    Example:
        >>> factors = Factors({"ctmrinfo.ctype": ["vip", "gold", None], "ttrDefName": "NORMAL"})
        >>> factors.case([2]), factors.row({"ctmrinfo.ctype": "gold", "ttrDefName": "NORMAL"})
        ({'ttrDefName': 'NORMAL', 'ctmrinfo.ctype': None}, (1,))
    """

    def __init__(
        self,
        values: Mapping[str, object],
        *,
        zipped: Sequence[Sequence[str]] = (),
        where: Where | None = None,
    ) -> None:
        if not isinstance(values, Mapping) or not values:
            sentence = (
                "factors must be a dict of columns and their values, such as "
                f"{{'ctmrinfo.ctype': ['vip', 'gold', None]}}; got {brief(values)}."
            )
            raise InvalidValueError([Complaint("factors", sentence)])
        column_values = {name: _value_list(value) for name, value in values.items()}
        groups = _groups(column_values, zipped)
        complaints = list(_complaints(column_values, groups))
        if where is not None and not callable(where):
            complaints.append(
                Complaint(
                    "where", f"where must be a function of a case's values, or None; got {brief(where)}."
                )
            )
        if complaints:
            raise InvalidValueError(complaints)
        self.constants: dict[str, object] = {}
        factors = []
        for group in groups:
            rows = list(zip(*(column_values[name] for name in group), strict=True))
            if len(rows) == 1:
                self.constants.update(zip(group, rows[0], strict=True))
            else:
                factors.append(Factor(tuple(group), tuple(rows)))
        if not factors:
            sentence = (
                "No column has two values or more, so there is nothing to learn. Give one of them several."
            )
            raise InvalidValueError([Complaint("factors", sentence)])
        if len(factors) > MOST_FACTORS:
            sentence = (
                f"{len(factors)} columns have several values, and {MOST_FACTORS} can be learned about at "
                "a time. Give one value to those that matter least."
            )
            raise InvalidValueError([Complaint("factors", sentence)])
        self.factors = tuple(factors)
        self.where = where
        self._places = [
            {_key(value): place for place, value in enumerate(factor.values)} for factor in factors
        ]
        self._where_results: dict[bytes, bool] = {}
        self.space = CaseSpace(
            [len(factor.values) for factor in factors],
            [factor.ranks for factor in factors],
            None if where is None else self._allowed,
        )
        if where is not None and not len(self.space.draw(1, np.random.default_rng(0))):
            sentence = "where is false for every one of thousands of combinations tried. Is it meant so?"
            raise InvalidValueError([Complaint("where", sentence)])

    @classmethod
    def of(cls, factors: object) -> Factors:
        """Factors from a dict of columns and values, from a ``Grid``, or as they are.

        A grid's ``zipped`` groups are one factor each, and its ``where`` holds; a sample or cover does not.
        Every value is looked at as it would be sent, and so are some hundred combinations of them.

        Raises:
            InvalidValueError: A column is unknown or changes nothing, a value cannot be sent; or as
            ``Factors``.

        Example:
            >>> Factors.of({"ctmrinfo.ctype": ["vip", "gold"]})
            <Factors: 1 factor, 2 = 2 combinations>
        """
        if isinstance(factors, cls):
            return factors
        if isinstance(factors, Grid):
            instance = cls(factors.values, zipped=factors.zipped, where=factors.where)
        else:
            instance = cls(factors)  # type: ignore[arg-type]  # it says what it takes
        instance._check_values()
        return instance

    def _check_values(self) -> None:
        """See that every value, and some combinations, can be sent."""
        idle = [
            column.name for column in columns_of(self.columns) if column.part in ("case", "expected", "note")
        ]
        if idle:
            rule = "is not sent, so it cannot decide anything. Leave it out."
            raise InvalidValueError([Complaint(name, f"{name} {rule}") for name in idle])
        most = max(len(factor.values) for factor in self.factors)
        random = np.random.default_rng(0)
        rows = [[place % len(factor.values) for factor in self.factors] for place in range(most)]
        if self.where is not None:
            rows = []
        rows += self.space.draw(_COMBINATIONS_CHECKED, random).tolist()
        try:
            cases_of([self.case(row) for row in rows]).check()
        except InvalidValueError as error:
            sentences = {
                _WHICH_ROW.sub("", complaint.sentence): _WHICH_PLACE.sub("", complaint.path)
                for complaint in error.complaints
            }
            hint = " A column that needs another one can be zipped with it: Grid(..., zipped=[...])."
            wrong = [
                Complaint(path, sentence + hint * sentence.endswith("is required."))
                for sentence, path in sentences.items()
            ]
            raise InvalidValueError(wrong) from None

    def __repr__(self) -> str:
        sizes = " x ".join(str(len(factor.values)) for factor in self.factors)
        return (
            f"<Factors: {count(len(self.factors), 'factor')}, "
            f"{sizes} = {'at most ' * (self.where is not None)}{self.space.combinations:,} combinations>"
        )

    @property
    def combinations(self) -> int:
        """How many combinations there are, before *where*."""
        return math.prod(len(factor.values) for factor in self.factors)

    @property
    def columns(self) -> list[str]:
        """Every column: those that stay the same first."""
        return [*self.constants, *(name for factor in self.factors for name in factor.columns)]

    def case(self, row: Iterable[int]) -> dict[str, Any]:
        """The values of a case by column."""
        values: dict[str, Any] = dict(self.constants)
        for factor, place in zip(self.factors, row, strict=True):
            values.update(zip(factor.columns, factor.values[place], strict=True))
        return values

    def row(self, case: Mapping[str, Any]) -> tuple[int, ...]:
        """The places of a case's values; columns that are no factor are not looked at.

        Raises:
            InvalidValueError: Naming every factor whose value in the case is none of those it was given.
        """
        places, complaints = [], []
        for factor, place in zip(self.factors, self._places_of(case), strict=True):
            value = tuple(case.get(name) for name in factor.columns)
            if place is None:
                value_text = brief(value[0] if len(value) == 1 else value)
                choices = ", ".join(brief(each[0] if len(each) == 1 else each) for each in factor.values[:8])
                more = f" and {len(factor.values) - 8} more" if len(factor.values) > 8 else ""
                sentence = f"{factor.name} must be one of {choices}{more}; got {value_text}."
                complaints.append(Complaint(factor.name, sentence))
            else:
                places.append(place)
        if complaints:
            raise InvalidValueError(complaints)
        return tuple(places)

    def _places_of(self, case: Mapping[str, Any]) -> list[int | None]:
        return [
            places.get(_key(tuple(case.get(name) for name in factor.columns)))
            for factor, places in zip(self.factors, self._places, strict=True)
        ]

    def find(self, case: Mapping[str, Any]) -> tuple[int, ...] | None:
        """The places of a case's values; None when one of them is none of the factor's.

        A column that is the same throughout may be left out, and must not differ.

        Example:
            >>> factors = Factors({"ctmrinfo.ctype": ["vip", "gold"], "ttrDefName": "NORMAL"})
            >>> factors.find({"ctmrinfo.ctype": "gold"}), factors.find({"ctmrinfo.ctype": "silver"})
            ((1,), None)
        """
        if any(
            name in case and _key([case[name]]) != _key([value]) for name, value in self.constants.items()
        ):
            return None
        places = self._places_of(case)
        return None if None in places else tuple(place for place in places if place is not None)

    def shared_with(self, other: Factors) -> Factors:
        """The factors with the values that both have; *where* is ours.

        Raises:
            InvalidValueError: No factor has two values in both.
        """
        values: dict[str, object] = {}
        zipped = []
        for factor in self.factors:
            shared_values = [value for value in factor.values if other.has(factor.columns, value)]
            if not shared_values:
                sentence = f"{factor.name} has no value in both, so there is nothing to compare."
                raise InvalidValueError([Complaint(factor.name, sentence)])
            for at, name in enumerate(factor.columns):
                values[name] = [value[at] for value in shared_values]
            zipped += [factor.columns] if len(factor.columns) > 1 else []
        return Factors({**self.constants, **values}, zipped=zipped, where=self.where)

    def has(self, columns: Sequence[str], value: Sequence[object]) -> bool:
        """Whether these columns can hold these values together."""
        for factor, places in zip(self.factors, self._places, strict=True):
            if factor.columns == tuple(columns):
                return _key(value) in places
        constants = [self.constants.get(name) for name in columns]
        return _key(constants) == _key(value)

    def translated(
        self, source: Factors, conditions: Iterable[tuple[int, int]]
    ) -> tuple[Condition, ...] | None:
        """Conditions on the factors of *source* as conditions on these; None when they cannot hold here.

        A value that *source* does not have fulfils none of them.
        """
        translation: list[Condition] = []
        numbers = {factor.columns: number for number, factor in enumerate(self.factors)}
        for number, mask in conditions:
            source_factor = source.factors[number]
            source_values = [source_factor.values[place] for place in places_of(mask)]
            own_number = numbers.get(source_factor.columns)
            if own_number is None:
                if not any(self.has(source_factor.columns, value) for value in source_values):
                    return None
                continue
            own_mask = sum(
                1 << place
                for value in source_values
                if (place := self._places[own_number].get(_key(value))) is not None
            )
            if not own_mask:
                return None
            if own_mask != self.space.full(own_number):
                translation.append((own_number, own_mask))
        return tuple(sorted(translation))

    def _allowed(self, rows: Rows) -> Booleans:
        where = self.where
        assert where is not None  # noqa: S101 - only then this is asked
        is_allowed = np.empty(len(rows), dtype=np.bool_)
        for at, row in enumerate(rows):
            key = row.tobytes()
            result = self._where_results.get(key)
            if result is None:
                result = self._where_results[key] = bool(where(self.case(row.tolist())))
            is_allowed[at] = result
        return is_allowed


def _value_list(value: object) -> list[object]:
    """The values of a column; one value stands for a list of one, and "" for None."""
    single = isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable)
    values = [value] if single else list(value)  # type: ignore[call-overload]
    return [None if isinstance(each, str) and each == "" else each for each in values]


def _groups(
    column_values: Mapping[str, Sequence[object]], zipped: Sequence[Sequence[str]]
) -> list[list[str]]:
    """The columns in groups that go together, in the order of their first column."""
    group_of = {name: list(group) for group in zipped for name in group}
    groups: list[list[str]] = []
    grouped_names: set[str] = set()
    for name in column_values:
        if name not in grouped_names:
            group = [other for other in group_of.get(name, [name]) if other in column_values]
            groups.append(group)
            grouped_names.update(group)
    return groups


def _complaints(
    column_values: Mapping[str, Sequence[object]], groups: Sequence[Sequence[str]]
) -> Iterable[Complaint]:
    for name, values in column_values.items():
        if not values:
            yield Complaint(name, f"The column {name!r} has no value. Give it [None] to leave it out.")
        elif len(values) > MOST_VALUES:
            yield Complaint(
                name, f"{name} has {len(values)} values, and {MOST_VALUES} can be told apart at most."
            )
    for group in groups:
        lengths = {name: len(column_values[name]) for name in group}
        if len(set(lengths.values())) > 1:
            lengths_text = ", ".join(f"{name} has {size:,}" for name, size in lengths.items())
            yield Complaint("zipped", f"Columns that are zipped must be of one length: {lengths_text}.")
            continue
        keys: set[object] = set()
        for value in zip(*(column_values[name] for name in group), strict=True):
            key = _key(value)
            if key in keys:
                value_text = brief(value[0] if len(value) == 1 else value)
                if value == (None,):
                    value_text = 'None (left out; in a file "")'
                yield Complaint(group[0], f"{' + '.join(group)} has the value {value_text} twice.")
            keys.add(key)


def _key(values: Sequence[object]) -> tuple[str, ...]:
    """A key for values that may be dicts or models; 1, True and 1.0 are three values, as on the wire."""
    plain = [value if value is None or isinstance(value, _PLAIN) else as_json(value) for value in values]
    return tuple(f"{type(value).__name__}:{value!r}" for value in plain)


_PLAIN = (str, int, float, list)
