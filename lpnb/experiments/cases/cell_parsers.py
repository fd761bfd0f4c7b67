"""Parsers of cells: text, number or date of a file becomes the value that a model takes.

Whether the value is right is the models' business; here is only what a cell can be read as.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from lpnb._internal.display import brief
from lpnb._internal.json_codec import JsonError, lone_surrogate, read_json
from lpnb._internal.placeholders import placeholder_in
from lpnb.errors import Complaint
from lpnb.models.base import WireModel
from lpnb.models.best_practices import FORMULA_ERROR
from lpnb.models.sdes import Age, Day

#: What a column holds when it is a plain value: "text", "id", "whole", "number", "boolean"; otherwise
#: "object", "list" or "json".
Kind = Literal["text", "id", "whole", "number", "boolean", "object", "list", "json"]

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,399})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,399})(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class UnreadableCell:
    """What stands in place of a cell that cannot be read: the rule it breaks, what came, a way out."""

    rule: str
    cell: object
    hint: str = ""

    def sentence(self, where: str) -> str:
        """The whole sentence, for the cell that *where* names."""
        sentence = f"{where} {self.rule}; got {brief(self.cell)}."
        return f"{sentence} {self.hint}" if self.hint else sentence


def half_characters(texts: Mapping[str, str]) -> Iterator[Complaint]:
    """What is wrong with texts that go to no model: no file and no journal can hold half a character.

    Example:
        >>> [found.sentence for found in half_characters({"case": "a\\ud800"})]
        ['case must not hold half a character (a lone surrogate at position 1).']
    """
    for name, text in texts.items():
        if (place := lone_surrogate(text)) is not None:
            rule = f"must not hold half a character (a lone surrogate at position {place})"
            yield Complaint(name, f"{name} {rule}.")


def filled_text(text: str, column: str) -> object:
    """*text*, or an ``UnreadableCell`` when it is a placeholder or the error of a formula.

    The account's place is filled in when a request is sent, so that a placeholder there is left out.

    Example:
        >>> filled_text("{{skillId}}", "skillId").sentence("skillId")
        "skillId must be filled in; got '{{skillId}}'. It is a placeholder."
        >>> filled_text("{accountid}", "brandId"), filled_text("#1 {fan}", "personal.firstname")
        (None, '#1 {fan}')
    """
    if placeholder_in(text) is not None:
        return (
            None if column == "brandId" else UnreadableCell("must be filled in", text, "It is a placeholder.")
        )
    if FORMULA_ERROR.fullmatch(text.strip()):
        return UnreadableCell("must have a value", text, "It is the error of a spreadsheet's formula.")
    return text


def _text(cell: object, _model: object) -> object:
    if isinstance(cell, str):
        return cell
    numeric = isinstance(cell, int | float) and not isinstance(cell, bool)
    hint = "Read the column as text: a number has lost its leading zeros." if numeric else ""
    return UnreadableCell("must be text", cell, hint)


def _id(cell: object, _model: object) -> object:
    if isinstance(cell, bool):
        return UnreadableCell("must be an id: text or a whole number", cell)
    # A column of whole numbers with gaps comes out of pandas as decimals.
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT:
        return str(int(cell))
    if isinstance(cell, int):
        return str(cell)
    return cell if isinstance(cell, str) else UnreadableCell("must be an id: text or a whole number", cell)


def _whole(cell: object, _model: object) -> object:
    if isinstance(cell, str) and _WHOLE.fullmatch(cell):
        return int(cell)
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT:
        return int(cell)
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    return UnreadableCell("must be a whole number, such as 500", cell)


def _number(cell: object, _model: object) -> object:
    if isinstance(cell, str):
        if not _NUMBER.fullmatch(cell):
            return UnreadableCell("must be a number with a point, such as -400.99", cell)
        return int(cell) if _WHOLE.fullmatch(cell) else float(cell)
    if isinstance(cell, Decimal) and cell.is_finite():  # of a Parquet file; JSON has one kind of number
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return UnreadableCell("must be a number, such as -400.99", cell)
    return cell


def _boolean(cell: object, _model: object) -> object:
    if isinstance(cell, str) and cell.lower() in ("true", "false"):
        return cell.lower() == "true"
    return cell if isinstance(cell, bool) else UnreadableCell("must be true or false", cell)


def _object(cell: object, model: type[WireModel] | None) -> object:
    days = model is not None and issubclass(model, Day | Age)
    if days and isinstance(cell, datetime.datetime):
        return cell.date()
    if days and isinstance(cell, str) and _DATE.fullmatch(cell):
        try:
            return datetime.date.fromisoformat(cell)
        except ValueError:
            return UnreadableCell("must be a day of the calendar", cell)
    if isinstance(cell, Mapping | WireModel) or (days and isinstance(cell, datetime.date)):
        return cell
    if isinstance(cell, str) and cell.lstrip().startswith("{"):
        return _from_json(cell)
    example = "a date, such as 2014-10-15" if days else 'an object, such as {"...": "..."}'
    return UnreadableCell(f"must be {example}", cell)


def _list(cell: object, _model: object) -> object:
    if isinstance(cell, list | tuple):
        return list(cell)
    if isinstance(cell, str) and cell.lstrip().startswith("["):
        return _from_json(cell)
    return UnreadableCell('must be a list, such as ["...", "..."]', cell)


def _json(cell: object, _model: object) -> object:
    if isinstance(cell, str) and cell.lstrip().startswith(("{", "[")):
        return _from_json(cell)
    return cell


def _from_json(cell: str) -> object:
    try:
        return read_json(cell)
    except (JsonError, RecursionError) as error:
        return UnreadableCell(f"must be JSON ({error})", cell)


#: For each kind, what reads a cell of it.
READERS: Mapping[Kind, Callable[[object, type[WireModel] | None], object]] = {
    "text": _text,
    "id": _id,
    "whole": _whole,
    "number": _number,
    "boolean": _boolean,
    "object": _object,
    "list": _list,
    "json": _json,
}
