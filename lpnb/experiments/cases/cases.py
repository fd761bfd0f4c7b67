"""Cases: a table of which each row can be sent as one conversation request.

A case is built when it is asked for. ``columns`` knows the fields, ``sources`` reads files.
"""

from __future__ import annotations

import datetime
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lpnb._internal.display import brief, count
from lpnb._internal.validation import check_consumer_id, one_of
from lpnb._printable import one_line
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.batch_builder import BatchBuilder, is_whole_text
from lpnb.experiments.cases.case_labels import LOOKED_AT, is_default_name, label_columns, label_of
from lpnb.experiments.cases.cell_parsers import UnreadableCell, filled_text, half_characters
from lpnb.experiments.cases.column_formats import DateOrder, Decimal
from lpnb.experiments.cases.columns import Column, columns_of
from lpnb.experiments.cases.mapping_file import read_mapping
from lpnb.experiments.cases.preview import Preview
from lpnb.experiments.cases.rule_breaches import RuleBreach
from lpnb.experiments.cases.sources import (
    BesideSource,
    CellSource,
    ListSource,
    from_csv,
    from_excel,
    from_frame,
    from_parquet,
    from_rows,
    kind_of_file,
)
from lpnb.experiments.cases.table_reader import NUMERIC_IDS, ReadTable, read_columns, translate
from lpnb.models.base import WireModel

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.models.batches import ConversationBatch
    from lpnb.models.outgoing import Batch

#: Rows that are read from the columns at a time, and how many such blocks are kept.
_BLOCK_ROWS = 512
_CACHED_BLOCKS = 8
#: Complaints that are written out; the others are counted.
MOST_COMPLAINTS = 50


@dataclass(slots=True)
class Case:
    """One row: which consumer, what is sent, what is expected.

    Attributes:
        number: Its place, from 0.
        name: What it is called; unique among its cases.
        consumer_id: The consumer to send for, or None for a fresh one.
        values: The cells that are not empty, by their wire-dotted column, as their fields take them.
        expected: What must come of it: "expected_skill" and "expected_code", when there.

    Example:
        >>> case = cases_of([{"case": "gold", "ctmrinfo.ctype": "gold", "expected_code": "OK"}])[0]
        >>> case.name, dict(case.values), dict(case.expected)
        ('gold', {'ctmrinfo.ctype': 'gold'}, {'expected_code': 'OK'})
        >>> case.batch().profile.to_wire()
        {'authenticatedData': {'lp_sdes': [{'type': 'ctmrinfo', 'info': {'ctype': 'gold'}}]}}
    """

    number: int
    name: str
    consumer_id: str | None
    values: Mapping[str, object]
    expected: Mapping[str, str]
    _builder: BatchBuilder = field(repr=False, compare=False)
    _table: Cases = field(repr=False, compare=False)
    _unreadable: Sequence[tuple[Column, UnreadableCell]] = field(default=(), repr=False, compare=False)

    def batch(self) -> ConversationBatch:
        """What is sent for it.

        Raises:
            InvalidValueError: Naming every cell of the row that is wrong.
        """
        complaints: list[Complaint] = []
        batch = self._builder.batch(self.values, complaints)
        if complaints or self._unreadable or batch is None:
            raise InvalidValueError(self._row_complaints(complaints))
        return batch

    def posted(self) -> Batch:
        """What a run sends of a case that was checked: ``batch``, or the same in a third of the time.

        Raises:
            InvalidValueError: As ``batch``.
        """
        return (None if self._unreadable else self._builder.posted(self.values)) or self.batch()

    def engagement(self, consumer_id: str | None = None) -> dict[str, Any] | None:
        """The keyword arguments for ``client.engagement``, or None when it says nothing to Monitoring.

        Besides ``entryPoints``, ``engagementAttributes`` and ``identities`` the case's own SDEs go there; an
        attribute of the same type takes their place. An identity without ``sub`` is the consumer.

        Args:
            consumer_id: The consumer it is asked for, when the case has none of its own.

        Raises:
            InvalidValueError: Naming every cell of the row that is wrong.
        """
        complaints: list[Complaint] = []
        arguments = self._builder.engagement(self.values, consumer_id or self.consumer_id, complaints)
        if complaints or self._unreadable:
            raise InvalidValueError(self._row_complaints(complaints))
        return arguments

    @property
    def label(self) -> str:
        """What tells it from the others: its own name, or columns that differ, such as a customer's id."""
        return self._table.label(self.number)

    def complaints(self) -> list[Complaint]:
        """Everything that is wrong with the row, each with its column."""
        return self._row_complaints(self._builder_complaints())

    def _builder_complaints(self) -> list[Complaint]:
        complaints: list[Complaint] = []
        self._builder.check(self.values, complaints)
        if self.consumer_id is not None:
            try:
                check_consumer_id(self.consumer_id)
            except InvalidValueError as error:
                complaints.extend(error.complaints)
        complaints.extend(half_characters({"case": self.name, **self.expected}))
        return complaints

    def unplaced_complaints(self) -> list[Complaint]:
        """The same as ``complaints``, without the row."""
        return [*self._cell_complaints(), *self._builder_complaints()]

    def _cell_complaints(self) -> Iterator[Complaint]:
        return (Complaint(column.name, wrong.sentence(column.name)) for column, wrong in self._unreadable)

    def _row_complaints(self, complaints: Iterable[Complaint]) -> list[Complaint]:
        return [
            self._table.placed(self.number, complaint)
            for complaint in (*self._cell_complaints(), *complaints)
        ]


class Cases:
    """A table of cases: as long as its rows, each built when it is asked for.

    ``columns`` are the wire-dotted columns besides ``case``, ``consumer_id``, ``expected_skill`` and
    ``expected_code``.

    Raises:
        InvalidValueError: Naming every column that is unknown, each with the nearest one.

    Example:
        >>> cases = cases_of([{"ctmrinfo.ctype": "vip"}, {"ctmrinfo.ctype": "gold", "skillId": "-1"}])
        >>> len(cases), cases.names, cases.columns
        (2, ['case-00001', 'case-00002'], ['ctmrinfo.ctype', 'skillId'])
        >>> dict(cases[0].values)
        {'ctmrinfo.ctype': 'vip'}
    """

    def __init__(
        self,
        source: CellSource,
        origin: str = "",
        notes: Sequence[str] = (),
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._source = source
        self._total = len(source)
        self._headers = headers
        self._label_columns: tuple[str, ...] | None = None
        self.origin = origin
        self.notes = list(notes)
        """What there is to say about how the table was read, such as a decimal comma that was recognised."""
        self._all = columns_of(source.names)
        self._builder = BatchBuilder(self._all)
        self.columns: list[str] = [c.name for c in self._all if c.part not in ("case", "expected")]
        self._payload_places = [
            place for place, c in enumerate(self._all) if c.part not in ("case", "expected")
        ]
        self._case_places = {
            c.name: place for place, c in enumerate(self._all) if c.part in ("case", "expected")
        }
        #: Which of "expected_skill" and "expected_code" are columns.
        self.expectations = [name for name in _EXPECTED if name in self._case_places]
        self._blocks: dict[int, _RowBlock] = {}

    def __len__(self) -> int:
        return self._total

    def __getitem__(self, number: int) -> Case:
        total = self._total
        if not -total <= number < total:
            raise IndexError(f"there are {total:,} cases; got number {number}")
        number %= total
        block = self._blocks.get(number // _BLOCK_ROWS) or self._block(number // _BLOCK_ROWS)
        row = number % _BLOCK_ROWS
        # A case is looked at again and again: checked, written down, sent.
        case = block.cases.get(row)
        if case is None:
            case = block.cases[row] = self._case(number, row, block)
        return case

    def _case(self, number: int, row: int, block: _RowBlock) -> Case:
        cells = block.rows(self._payload_places)[row] if self._payload_places else ()
        values = dict(zip(self.columns, cells, strict=True))
        if None in cells:
            values = {column: cell for column, cell in values.items() if cell is not None}
        # These columns are text, and what could not be read as text is None.
        own: dict[str, Any] = {name: block.columns[place][row] for name, place in self._case_places.items()}
        expected = {name: own[name] for name in self.expectations if own[name] is not None}
        return Case(
            number,
            own.get("case") or _default_name(number),
            own.get("consumer_id"),
            MappingProxyType(values),
            MappingProxyType(expected) if expected else _NOTHING,
            self._builder,
            self,
            block.wrong.get(row, ()),
        )

    def __iter__(self) -> Iterator[Case]:
        return (self[number] for number in range(len(self)))

    @property
    def asks_monitoring(self) -> bool:
        """Whether there are columns that only Monitoring is told."""
        return any(column.part == "monitoring" for column in self._all)

    @property
    def names(self) -> list[str]:
        """What each case is called."""
        if "case" not in self._case_places:
            return [_default_name(number) for number in range(len(self))]
        cells = self._cells(self._case_places["case"])
        return [str(cell or _default_name(number)) for number, cell in enumerate(cells)]

    def check(self) -> None:
        """See that every case can be sent as it stands.

        Raises:
            InvalidValueError: Naming each rule that cells of a column break, with the rows; beyond the first
                fifty they are counted. Also when there is no case at all, and when two have one name.
        """
        if not len(self):
            sentence = f"There is no case{self._of_origin}: there are no rows, or none was chosen."
            raise InvalidValueError([Complaint("", sentence)])
        self._raise_by_column(self._everything_wrong())

    def _raise_by_column(self, wrong: Iterable[tuple[int, Complaint]]) -> None:
        """Raise what is wrong, if anything is: one complaint for each rule that cells of a column break."""
        breaches: dict[str, RuleBreach] = {}
        more = 0
        for number, complaint in wrong:
            key = complaint.path + RuleBreach.rule_of(complaint)
            if key in breaches:
                breaches[key].add(number, complaint)
            elif len(breaches) < MOST_COMPLAINTS:
                breaches[key] = RuleBreach(number, complaint)
            else:
                more += 1
        if breaches:
            raise InvalidValueError((breach.complaint(self) for breach in breaches.values()), more)

    def table(self) -> pd.DataFrame:
        """One row per case: case, consumer_id, expected_skill and expected_code, then ``columns``.

        Text and ids are str, whole numbers Int64, numbers float64, flags boolean; whole objects, lists
        and dates are text. What is empty is missing.

        Raises:
            InvalidValueError: As ``check``, for cells that cannot be read.
        """
        from lpnb.tables.dataframes import plain_table

        self._raise_by_column(
            entry for number in range(0, len(self), _BLOCK_ROWS) for entry in self._cell_complaints(number)
        )
        columns: dict[str, Iterable[object]] = {"case": self.names}
        for name in ("consumer_id", *_EXPECTED):
            columns[name] = (
                self._cells(self._case_places[name]) if name in self._case_places else [None] * len(self)
            )
        columns |= {self._all[place].name: self._cells(place) for place in self._payload_places}
        kinds = {"case": "text", "consumer_id": "text", **dict.fromkeys(_EXPECTED, "text")}
        return plain_table(columns, kinds | {c.name: c.kind for c in self._all})

    def beside(self, other: object) -> Cases:
        """These cases with the columns of *other* added, row by row; a shorter *other* begins again.

        Raises:
            InvalidValueError: Both have a column of one name, or *other* has no row.

        Example:
            >>> cases_of([{"skillId": "1"}, {"skillId": "2"}]).beside([{"ctmrinfo.ctype": "vip"}])[1].values
            mappingproxy({'skillId': '2', 'ctmrinfo.ctype': 'vip'})
        """
        other_cases = cases_of(other)
        if not len(other_cases):
            raise InvalidValueError(
                [Complaint("", f"There is no case{other_cases._of_origin} to put beside these.")]
            )
        return Cases(
            BesideSource(self._source, other_cases._source),
            self.origin,
            headers={**self._headers, **other_cases._headers},
        )

    def only(self, numbers: Iterable[int]) -> Cases:
        """The cases of those *numbers*, with the names they have here.

        Example:
            >>> cases_of([{"skillId": "1"}, {"skillId": "2"}]).only([1]).names
            ['case-00002']
        """
        rows = list(numbers)
        columns: dict[str, list[object]] = {"case": [self[number].name for number in rows]}
        for place, column in enumerate(self._all):
            if column.name != "case":
                cells = (self._source.cells(place, n % len(self), n % len(self) + 1)[0] for n in rows)
                columns[column.name] = list(cells)
        return Cases(ListSource(columns, len(rows)), self.origin, headers=self._headers)

    def with_ids(self, names: Mapping[str, Mapping[str, str]]) -> Cases:
        """These cases with ids in place of names: *names* has an id for each name, by column."""
        columns = {name: names[name] for name in NUMERIC_IDS if names.get(name) and name in self.columns}
        notes = []
        for column, ids in columns.items():
            by_name = {name.casefold(): key for name, key in ids.items()}
            texts = [text for text in self._names_among_ids(column) if text.strip().casefold() in by_name]
            if texts:
                key = by_name[texts[0].strip().casefold()]
                notes.append(
                    f"{column}: {count(len(texts), 'name')} sent as ids, such as {texts[0]!r} as {key}."
                )
        if not notes:
            return self
        return Cases(translate(self._source, columns), self.origin, [*self.notes, *notes], self._headers)

    @property
    def own_headers(self) -> dict[str, str]:
        """The table's header of each of ``columns``, where it is another and no two are alike."""
        headers = {name: self._headers[name] for name in self.columns if name in self._headers}
        counts = Counter(header.casefold() for header in headers.values())
        return {
            name: header
            for name, header in headers.items()
            if header and name != header and counts[header.casefold()] == 1
        }

    @property
    def columns_of_names(self) -> list[str]:
        """The columns of ids in which names stand."""
        return [name for name in NUMERIC_IDS if name in self.columns and self._names_among_ids(name)]

    def unresolved(self) -> list[str]:
        """A sentence for each column of ids that holds names: the service knows ids alone."""
        sentences = []
        for name in self.columns_of_names:
            if texts := self._names_among_ids(name):
                examples = ", ".join(map(repr, texts[:3]))
                more = f" and {len(texts) - 3:,} more" if len(texts) > 3 else ""
                sentences.append(
                    f"{name} holds {examples}{more}, which is no id, and the service knows ids alone. Give "
                    f"ids, or say "
                    f"which id each name has: values={{{name!r}: {{{texts[0]!r}: ...}}}} or a mapping file."
                )
        return sentences

    def texts(self, column: str, most: int | None = None) -> list[str]:
        """The different texts in *column*, of the first *most* cases or of all.

        Example:
            >>> cases_of([{"skillId": "7"}, {"skillId": "8"}, {"skillId": "7"}]).texts("skillId")
            ['7', '8']
        """
        place = self._payload_places[self.columns.index(column)]
        cells = islice(self._cells(place), most)
        return list(dict.fromkeys([cell for cell in cells if isinstance(cell, str)]))

    def rows_with(self, column: str, *, without: str) -> int:
        """How many cases have a value in *column* and none in *without*.

        Example:
            >>> cases_of([{"skillId": "7"}, {"skillId": "8", "brandId": "1"}]).rows_with("skillId", without="brandId")
            1
        """  # noqa: E501
        if column not in self.columns:
            return 0
        here, other = (
            self._cells_alone(self._payload_places[self.columns.index(name)])
            if name in self.columns
            else repeat(None)
            for name in (column, without)
        )
        return sum(mine is not None and its is None for mine, its in zip(here, other, strict=False))

    def _names_among_ids(self, column: str) -> list[str]:
        """The texts of a column of ids that are no ids."""
        return [text for text in self.texts(column) if not _ID.fullmatch(text)]

    def label(self, number: int, *, without: str = "") -> str:
        """What tells a case from the others: its own name, or the columns that differ; "" when none does.

        Args:
            number: The case's place, from 0.
            without: A column that is left out, such as the one that a sentence is about.

        Example:
            >>> cases = cases_of([{"ctmrinfo.customerId": "007"}, {"ctmrinfo.customerId": "008"}])
            >>> cases.label(1)
            'customerId 008'
        """
        case = self[number]
        if "case" in self._case_places and not is_default_name(case.name):
            return "" if without == "case" else case.name
        if self._label_columns is None:
            rows = [self._label_values(self[row]) for row in range(min(len(self), LOOKED_AT))]
            self._label_columns = label_columns(rows)
        return label_of(self._label_values(case), self._label_columns, without=without)

    @staticmethod
    def _label_values(case: Case) -> Mapping[str, object]:
        return case.values if case.consumer_id is None else {**case.values, "consumer_id": case.consumer_id}

    def place(self, number: int, column: str = "") -> str:
        """A row as messages name it, such as "3 (customerId 0058490)"; *column* is what they are about."""
        label = self.label(number, without=column)
        return f"{number + 1:,} ({label})" if label else f"{number + 1:,}"

    def placed(self, number: int, complaint: Complaint) -> Complaint:
        """A complaint about one row, with the row and the column as the table calls it."""
        sentence = f"Row {self.place(number, complaint.path)}, {self.spoken(complaint)}"
        return Complaint(f"[{number}].{complaint.path}", sentence)

    def spoken(self, complaint: Complaint) -> str:
        """A complaint's sentence with the header of the table beside the column, where they differ."""
        column, rest = complaint.path, complaint.sentence.removeprefix(complaint.path)
        header = self._headers.get(column, column)
        if header == column or rest == complaint.sentence:
            return complaint.sentence
        return f"{header} ({column}){rest}"

    def preview(self, n: int = 3) -> Preview:
        """The first *n* payloads as they would be posted, and how many cases there are in all."""
        return Preview([self[number] for number in range(min(max(n, 0), len(self)))], len(self))

    def __repr__(self) -> str:
        size = f"{count(len(self), 'case')} of {count(len(self.columns), 'column')}"
        return one_line(f"<{type(self).__name__}: {size}{self._of_origin}>")

    def _repr_html_(self) -> str:
        return self.preview()._repr_html_()

    @property
    def _of_origin(self) -> str:
        return f" {self.origin}" if self.origin else ""

    def _block(self, which: int) -> _RowBlock:
        block = self._blocks.get(which)
        if block is None:
            start = which * _BLOCK_ROWS
            block = _RowBlock(self._source, self._all, start, min(start + _BLOCK_ROWS, len(self)))
            blocks = dict(self._blocks)  # copied: other threads may be reading
            while len(blocks) >= _CACHED_BLOCKS:
                del blocks[next(iter(blocks))]
            self._blocks = {**blocks, which: block}
        return block

    def _cells(self, place: int) -> Iterator[object]:
        for which in range(-(-len(self) // _BLOCK_ROWS)):
            yield from self._block(which).columns[place]

    def _cells_alone(self, place: int) -> Iterator[object]:
        """The same, of a column that is read without the others."""
        for start in range(0, len(self), _BLOCK_ROWS):
            stop = min(start + _BLOCK_ROWS, len(self))
            yield from _read_cells(self._source.cells(place, start, stop), self._all[place])

    def _cell_complaints(self, number: int) -> Iterator[tuple[int, Complaint]]:
        block = self._block(number // _BLOCK_ROWS)
        for row, wrong in block.wrong.items():
            for column, cell in wrong:
                yield number - number % _BLOCK_ROWS + row, Complaint(column.name, cell.sentence(column.name))

    def _everything_wrong(self) -> Iterator[tuple[int, Complaint]]:
        repeats = self._may_repeat_names()
        first_rows: dict[str, int] = {}
        for start in range(0, len(self), _BLOCK_ROWS):
            if not repeats and self._is_clear(self._block(start // _BLOCK_ROWS)):
                continue
            for case in map(self.__getitem__, range(start, min(start + _BLOCK_ROWS, len(self)))):
                for complaint in case.unplaced_complaints():
                    yield case.number, complaint
                if repeats and (earlier := first_rows.setdefault(case.name, case.number)) != case.number:
                    sentence = f"case must be unique; {brief(case.name)} is also row {earlier + 1:,}."
                    yield case.number, Complaint("case", sentence)

    def _is_clear(self, block: _RowBlock) -> bool:
        """Whether nothing is wrong with any of its rows; False when each has to be looked at."""
        own = {name: block.columns[place] for name, place in self._case_places.items()}
        if block.wrong or not all(map(is_whole_text, own.values())):
            return False
        try:
            for cell in filter(None, own.get("consumer_id", ())):
                check_consumer_id(cell)
        except InvalidValueError:
            return False
        columns = zip(self.columns, map(block.columns.__getitem__, self._payload_places), strict=True)
        return self._builder.clears(dict(columns))

    def _may_repeat_names(self) -> bool:
        """Whether two cases may have one name; by their hashes, which weigh less than the names."""
        if "case" not in self._case_places:
            return False
        cells = self._cells(self._case_places["case"])
        return len({hash(cell or _default_name(number)) for number, cell in enumerate(cells)}) < len(self)


#: An id as the service has it; rounded ones are told of elsewhere.
_ID = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?(?:[eE]\+?[0-9]+)?")
_EXPECTED = ("expected_skill", "expected_code")
_NOTHING: Mapping[str, str] = MappingProxyType({})


#: What a placeholder or the error of a formula may be recognised by. Words and masks that somebody may mean,
#: such as TODO and XXXX, are sent: a dry run and ``advise`` point them out.
_SIGNS = (*"{<[%$#_@:", "your", "insert", "enter", "replace", "put", "change", "fill")
_UNUSUAL = re.compile("|".join(map(re.escape, _SIGNS)), re.IGNORECASE)


class _RowBlock:
    """Some rows, read: the columns' values, and what could not be read."""

    __slots__ = ("_rows", "cases", "columns", "wrong")

    def __init__(self, source: CellSource, columns: Sequence[Column], start: int, stop: int) -> None:
        self.columns: list[list[object]] = []
        self.wrong: dict[int, list[tuple[Column, UnreadableCell]]] = {}
        self._rows: list[tuple[object, ...]] | None = None
        self.cases: dict[int, Case] = {}
        for place, column in enumerate(columns):
            values = _read_cells(source.cells(place, start, stop), column)
            if UnreadableCell in map(type, values):
                for row, value in enumerate(values):
                    if isinstance(value, UnreadableCell):
                        self.wrong.setdefault(row, []).append((column, value))
                        values[row] = None
            self.columns.append(values)

    def rows(self, places: Sequence[int]) -> list[tuple[object, ...]]:
        """The same by rows, of the columns at *places* (always the same ones)."""
        if self._rows is None:
            self._rows = list(zip(*(self.columns[place] for place in places), strict=True))
        return self._rows


def _read_cells(cells: Sequence[object], column: Column) -> list[object]:
    """The values of some *cells* of a column; an ``UnreadableCell`` for each that has none."""
    read, is_text = column.read, column.kind in ("text", "id")
    values = [cell if is_text and type(cell) is str and cell else read(cell) for cell in cells]
    if column.part in ("case", "expected", "note"):
        return values
    texts = "\n".join([value for value in values if type(value) is str])
    lower_texts = texts.lower()
    if texts.isascii() and not any(sign in lower_texts for sign in _SIGNS):  # quicker than the pattern
        return values
    return [
        filled_text(value, column.name) if type(value) is str and _UNUSUAL.search(value) else value
        for value in values
    ]


def cases_of(
    anything: object,
    *,
    separator: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    columns: Mapping[str, str | None] | str | os.PathLike[str] | None = None,
    decimal: Decimal | None = None,
    dates: DateOrder | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
) -> Cases:
    """Make cases of whatever holds them.

    Columns and keys are named as on the wire, with dots. A file or a DataFrame may have headers in people's
    words too, such as "Customer type" or "Kundennummer"; ``lpnb columns FILE`` shows what each was taken for.

    Args:
        anything: ``Cases`` (a ``Grid``, ``Personas``), a DataFrame, the path of a CSV, Excel or Parquet
            file or of a grid in TOML (``Grid.read``), or an iterable of dicts.
        separator: Of a CSV file; found by its header when left out.
        encoding: Of a CSV file, such as "mac_roman"; found by its bytes, or asked, when left out.
        sheet: Of an Excel workbook, by its name; the first one when left out.
        columns: What headers stand for that are not known by themselves, such as
            ``{"Shoe size": "note.shoe size"}``; None leaves a column out. Or the path of a mapping file, as
            ``lpnb columns FILE --map MAPPING`` writes it.
        decimal: "," or ".", the decimal sign of the file's numbers; recognised by column when left out.
        dates: "dmy", "mdy" or "ymd", the order in the file's dates; recognised by column when left out.
        values: Ids behind names, by column, such as ``{"campaignInfo.campaignId": {"Card Upgrade":
            "880524014"}}``.

    Raises:
        InvalidValueError: A column is unknown, can be read two ways, or the file cannot be read.
        TypeError: It is none of these.

    Example:
        >>> import pandas as pd
        >>> cases = cases_of(pd.DataFrame({"ctmrinfo.customerId": ["007", None], "skillId": [12, None]}))
        >>> [dict(case.values) for case in cases]
        [{'ctmrinfo.customerId': '007', 'skillId': '12'}, {}]
    """
    if isinstance(anything, Cases):
        return anything
    subject: Any = anything
    if isinstance(subject, str | Path) and Path(subject).suffix.lower() == ".toml":
        from lpnb.experiments.cases.grid_file import grid_arguments
        from lpnb.experiments.cases.grid_source import GridSource

        source = GridSource(**grid_arguments(subject))
        return Cases(source, f"of {Path(subject).name}", [source.coverage] if source.strength else ())
    if isinstance(subject, str | Path) or _is_dataframe(subject):
        table = read_table(
            subject,
            separator=separator,
            encoding=encoding,
            sheet=sheet,
            columns=columns,
            decimal=decimal,
            dates=dates,
            values=values,
        )
        table.check()
        origin = "of a DataFrame" if _is_dataframe(subject) else f"of {Path(subject).name}"
        return Cases(table.source, origin, table.notes, table.headers)
    if isinstance(anything, Iterable) and not isinstance(anything, Mapping | bytes):
        return Cases(from_rows(anything))
    kinds = "a Grid, a DataFrame, the path of a CSV, Excel, Parquet or TOML file, or a list of dicts"
    raise TypeError(f"cases are {kinds}; got {brief(anything)}")


def read_table(
    anything: pd.DataFrame | str | Path,
    *,
    separator: str | None = None,
    encoding: str | None = None,
    sheet: str | None = None,
    columns: Mapping[str, str | None] | str | os.PathLike[str] | None = None,
    decimal: Decimal | None = None,
    dates: DateOrder | None = None,
    values: Mapping[str, Mapping[str, str]] | None = None,
) -> ReadTable:
    """A DataFrame or a file with its headers mapped and its formats recognised; see ``cases_of``.

    Raises:
        InvalidValueError: The file cannot be read, or an option is not one of those that there are.
    """
    if isinstance(columns, str | os.PathLike):
        mapping = read_mapping(Path(columns))
        columns, values = mapping.columns, {**mapping.values, **(values or {})}
        decimal, dates = decimal or mapping.decimal, dates or mapping.dates  # type: ignore[assignment]
        separator, sheet = separator or mapping.separator, sheet or mapping.sheet
        encoding = encoding or mapping.encoding
    wrong = [
        one_of(name, value, choices)
        for name, value, choices in (
            ("decimal", decimal, (".", ",")),
            ("dates", dates, ("dmy", "mdy", "ymd")),
        )
        if value is not None and value not in choices
    ]
    if wrong:
        raise InvalidValueError(wrong)
    notes: list[str] = []
    kind = None
    subject: Any = anything
    if _is_dataframe(subject):
        source = from_frame(subject)
    elif (kind := kind_of_file(Path(subject))) == "parquet":
        source = from_parquet(Path(subject))
    elif kind == "excel":
        source, notes = from_excel(Path(subject), sheet, columns)
    else:
        source, notes = from_csv(Path(subject), separator, columns, encoding)
    return read_columns(
        source,
        columns,
        decimal,
        dates,
        values,
        notes,
        is_typed=kind == "excel",
        drops_empty_rows=kind in ("csv", "excel"),
    )


def _is_dataframe(anything: object) -> bool:
    """Whether it is one; where nobody has imported pandas there is none."""
    return isinstance(anything, getattr(sys.modules.get("pandas"), "DataFrame", ()))


def as_json(value: object) -> Any:
    """A value of a case as JSON has it: an object of the wire as its dict, a date as text."""
    if isinstance(value, WireModel):
        return value.to_wire()
    if isinstance(value, datetime.date):
        return value.isoformat()
    return dict(value) if isinstance(value, Mapping) else repr(value)


def _default_name(number: int) -> str:
    return f"case-{number + 1:05d}"
