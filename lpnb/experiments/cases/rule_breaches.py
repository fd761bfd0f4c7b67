"""Cells of one column that break one rule, as one complaint that names the rule once and some of the rows."""

from __future__ import annotations

import re
from typing import Protocol

from lpnb.errors import Complaint

#: How a complaint goes on after its rule: what came (text is quoted), and perhaps a hint.
_RULE_AND_VALUE = re.compile(
    r"(?s)(?P<rule>.*?); (?:got (?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|.*?)\.(?P<hint> .*)?"
    r"|(?P<clause>.* is also row .*)\.)"
)
#: Values that are shown, and rows that are named of each.
_SHOWN_VALUES, _SHOWN_ROWS = 2, 3


class NamedRows(Protocol):
    """What a complaint about several rows needs of the table: its length, and the names of its parts."""

    def __len__(self) -> int: ...

    def place(self, number: int, column: str = "") -> str:
        """A row as messages name it."""
        ...

    def placed(self, number: int, complaint: Complaint) -> Complaint:
        """A complaint about one row."""
        ...

    def spoken(self, complaint: Complaint) -> str:
        """A complaint's sentence with the column as the table calls it."""
        ...


class RuleBreach:
    """The cells of a column that break the rule of *complaint*, the first in the row *number*."""

    def __init__(self, number: int, complaint: Complaint) -> None:
        self._first = number
        self._complaint = complaint
        self._count = 0
        self._rows: dict[str, list[int]] = {}
        self.add(number, complaint)

    @staticmethod
    def rule_of(complaint: Complaint) -> str:
        """The part of a complaint's sentence that is alike in every row.

        Example:
            >>> RuleBreach.rule_of(Complaint("skillId", "skillId must be an id; got 1.5."))
            'skillId must be an id'
        """
        match = _RULE_AND_VALUE.fullmatch(complaint.sentence)
        return match["rule"] if match else complaint.sentence

    def add(self, number: int, complaint: Complaint) -> None:
        """Count one more row."""
        self._count += 1
        match = _RULE_AND_VALUE.fullmatch(complaint.sentence)
        value = (match["value"] or match["clause"]) if match else ""
        if value in self._rows or len(self._rows) < _SHOWN_VALUES:
            rows = self._rows.setdefault(value, [])
            if len(rows) < _SHOWN_ROWS:
                rows.append(number)

    def complaint(self, table: NamedRows) -> Complaint:
        """What is wrong, in one sentence; of a single row as of that row alone."""
        if self._count == 1:
            return table.placed(self._first, self._complaint)
        match = _RULE_AND_VALUE.fullmatch(self._complaint.sentence)
        column = self._complaint.path
        rule = table.spoken(Complaint(column, self.rule_of(self._complaint))).rstrip(".")
        examples = [
            f"{value} in " * bool(value)
            + f"row{'s' * (len(rows) > 1)} {', '.join(table.place(row, column) for row in rows)}"
            for value, rows in self._rows.items()
        ]
        hint = (match["hint"] or "") if match else ""
        share = f"{self._count:,} of {len(table):,} rows"
        sentence = f"{rule}: wrong in {share}, such as {' and '.join(examples)}.{hint}"
        return Complaint(f"[{self._first}].{column}", sentence, self._count)
