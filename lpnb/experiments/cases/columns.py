"""The columns a table of cases can have, named as on the wire with dots.

Everything about a field (that it exists, its type, its choices) is read from the models; here is only how
a name finds its field. How a cell is read is in ``cell_parsers``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from lpnb._internal.display import brief
from lpnb._internal.json_codec import DEEPEST, is_too_deep
from lpnb._internal.suggestions import nearest
from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.cell_parsers import READERS, Kind, UnreadableCell
from lpnb.models.base import Id, Number, WireModel
from lpnb.models.conversation_request import ClientProperties, ConsumerRequestConversation
from lpnb.models.sdes import AnySde, Day, Sde

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.models.engagement_attributes import Attribute

#: Where a column's cells go: a part of the payload, or a matter of the case itself.
Part = Literal["case", "expected", "note", "sde", "request", "header", "monitoring"]

CASE_COLUMNS: Mapping[str, Part] = {
    "case": "case",
    "consumer_id": "case",
    "expected_skill": "expected",
    "expected_code": "expected",
}
NOTE = "note."
ENTRY_POINTS = "entryPoints"
IDENTITIES = "identities"
ATTRIBUTES = "engagementAttributes"
#: Unknown columns that are named; further ones are counted.
MOST_UNKNOWN = 20
#: So many elements of one list can be named by columns.
MOST_ELEMENTS = 50
_SDES: dict[str, type[Sde]] = {model.sde_type: model for model in get_args(AnySde)}
_INDEX = re.compile(r"0|[1-9][0-9]?")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its dotted name, the part of the payload it belongs to, and where it stands there."""

    name: str
    part: Part
    owner: str
    path: tuple[str | int, ...]
    kind: Kind
    model: type[WireModel] | None = None
    choices: tuple[str, ...] = ()

    def read(self, cell: object) -> object:
        """Turn a cell into the value its field takes; None when it is empty, ``Wrong`` when it is wrong."""
        if isinstance(cell, list | tuple | Mapping):
            if is_too_deep(cell):
                return UnreadableCell(
                    f"must not be nested deeper than {DEEPEST} levels, nor contain itself", cell
                )
        elif cell is None or cell == "":
            return None
        elif isinstance(cell, UnreadableCell):
            return cell
        return READERS[self.kind](cell, self.model)


def columns_of(names: Sequence[object]) -> tuple[Column, ...]:
    """Find the field of each name.

    Raises:
        InvalidValueError: Naming every unknown and every doubled name, with the nearest known one.

    Example:
        >>> [(column.owner, column.path, column.kind) for column in columns_of(["ctmrinfo.balance"])]
        [('ctmrinfo', ('balance',), 'number')]
        >>> columns_of(["ctmrinfo.ctyp"])
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: 'ctmrinfo.ctyp' is not a column that lpnb knows. Did you mean 'ctmrinfo.ctype'?
    """  # noqa: E501
    complaints: list[Complaint] = []
    columns: list[Column] = []
    distinct_names: set[str] = set()
    for name in names:
        if not isinstance(name, str):
            complaints.append(Complaint("", f"A column's name must be text; got {brief(name)}."))
        elif name in distinct_names:
            complaints.append(Complaint(name, f"The column {name!r} is there twice."))
        elif (column := find_column(name)) is None:
            # To look thousands of names up among all that are known takes long, and nobody reads as many.
            sentence = _unknown_sentence(name, nearest_names=len(complaints) < MOST_UNKNOWN)
            complaints.append(Complaint(name, sentence, kind="unknown column"))
        else:
            columns.append(column)
            distinct_names.add(name)
    if complaints:
        raise InvalidValueError(complaints[:MOST_UNKNOWN], max(0, len(complaints) - MOST_UNKNOWN))
    return tuple(columns)


@lru_cache(maxsize=4_096)
def find_column(name: str) -> Column | None:
    """The column of that name, or None. Undocumented fields go through ``extra``.

    Example:
        >>> find_column("personal.contacts.0.phoneType").path
        ('contacts', 0, 'phoneType')
        >>> find_column("ctmrinfo.extra.loyaltyTier").kind
        'json'
    """
    if name in CASE_COLUMNS:
        return Column(
            name, CASE_COLUMNS[name], "", (name,), "id" if CASE_COLUMNS[name] == "expected" else "text"
        )
    if name.startswith(NOTE) and len(name) > len(NOTE):
        return Column(name, "note", "", (name,), "json")
    if name.partition(".")[0] not in _first_steps():
        return None
    for part, owner, model, inside in _roots():
        prefix, steps = name.split("."), inside.split(".") if inside else []
        if prefix[: len(steps)] != steps:
            continue
        rest = prefix[len(steps) :]
        target: tuple[tuple[str | int, ...], Any] | None = _walk(model, rest) if rest else ((), model)
        if target is not None and (rest or inside):
            kind, of = _kind(target[1])
            core = _core(target[1])
            choices = get_args(core) if get_origin(core) is Literal else ()
            return Column(name, part, owner, target[0], kind, of, choices)
    return None


@cache
def _first_steps() -> frozenset[str]:
    """What a column's name can begin with."""
    fields = {str(field.alias) for field in ConsumerRequestConversation.model_fields.values()}
    for_monitoring = {name.partition(".")[0] for name in (ENTRY_POINTS, IDENTITIES, ATTRIBUTES)}
    return frozenset(fields | for_monitoring | {*_SDES, ClientProperties.wire_root})


def known_columns() -> list[str]:
    """Every name that leads to a plain value, lists shown by their first element.

    Example:
        >>> "campaignInfo.campaignId" in known_columns(), "personal.contacts.0.email" in known_columns()
        (True, True)
    """
    return list(_known_columns())


@cache
def _known_columns() -> tuple[str, ...]:
    return (*CASE_COLUMNS, *(name for _, _, model, inside in _roots() for name in _leaves(model, inside)))


def kinds_of(names: Iterable[str]) -> dict[str, Kind]:
    """What each known column of *names* holds, by its model.

    Example:
        >>> kinds_of(["skillId", "ctmrinfo.companySize", "personal.contacts"])
        {'skillId': 'id', 'ctmrinfo.companySize': 'whole', 'personal.contacts': 'list'}
    """
    return {name: column.kind for name in names if (column := find_column(name)) is not None}


def describe_columns() -> list[tuple[str, str, str]]:
    """Every known column with its kind and what it is for, as the models describe it.

    Example:
        >>> [row for row in describe_columns() if row[0] == "ttrDefName"]
        [('ttrDefName', 'text', 'Urgency: NORMAL, URGENT, PRIORITIZED, or null, which is sent as null.')]
    """
    own = {
        "case": "The case's name; case-00001 and so on when left out.",
        "consumer_id": "The consumer to send for; a fresh one for each case when left out.",
        "expected_skill": "The skill the conversation must land in, by id or by name.",
        "expected_code": "The code that the conversation frame must be answered with, such as OK.",
        "note.": "Followed by a word of your own: a label for tables and pictures, which is not sent.",
    }
    rows = [(name, "text", text) for name, text in own.items()]
    for _, _, model, inside in _roots():
        rows.extend((name, _kind(annotation)[0], text) for name, annotation, text in _fields(model, inside))
    return rows


def _roots() -> Iterator[tuple[Part, str, Any, str]]:
    """Where names begin: the part, its owner there, the type to walk into, the name's first pieces."""
    for kind, sde in _SDES.items():
        yield "sde", kind, sde, kind
    yield "header", "clientProperties", ClientProperties, ClientProperties.wire_root
    yield "request", "request", ConsumerRequestConversation, ""
    # Few tables have what only Monitoring is told, and its models are as many as all the others.
    from lpnb.models.visitors import Identity

    yield "monitoring", ENTRY_POINTS, list[str], ENTRY_POINTS
    yield "monitoring", IDENTITIES, list[Identity], IDENTITIES
    for kind, model in attribute_models().items():
        yield "monitoring", kind, model, f"{ATTRIBUTES}.{kind}"


def model_of(owner: str) -> type[Sde] | type[Attribute]:
    """The model of an SDE or an engagement attribute, by its type."""
    return _SDES.get(owner) or attribute_models()[owner]


@cache
def attribute_models() -> Mapping[str, type[Sde] | type[Attribute]]:
    """The models of everything Monitoring takes as an engagement attribute, by type."""
    from lpnb.models.engagement_attributes import KINDS

    return {**_SDES, **{model.sde_type: model for model in KINDS}}


def _walk(annotation: Any, steps: Sequence[str]) -> tuple[tuple[str | int, ...], Any] | None:
    """Follow *steps* into a type: the way in the wire's spelling, and the type at its end."""
    path: list[str | int] = []
    for place, step in enumerate(steps):
        core = _core(annotation)
        if isinstance(core, type) and issubclass(core, WireModel):
            if step == "extra" and place + 2 == len(steps) and steps[place + 1]:
                return (*path, "extra", steps[place + 1]), Any
            field = next((f for f in core.model_fields.values() if f.alias == step), None)
            if field is None or step == "extra":
                return None
            annotation = (
                field.annotation if not field.metadata else Annotated[field.annotation, *field.metadata]
            )
            path.append(step)
        elif get_origin(core) is list:
            if not _INDEX.fullmatch(step) or int(step) >= MOST_ELEMENTS:
                return None
            (annotation,) = get_args(core)
            path.append(int(step))
        else:
            return None
    return tuple(path), annotation


def _core(annotation: Any) -> Any:
    """The type without None and without what is annotated about it; an id and a number stay what they are."""
    if annotation in (Id, Number):
        return annotation
    if get_origin(annotation) is Annotated:
        return _core(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _core(next(part for part in get_args(annotation) if part is not type(None)))
    return annotation


def _kind(annotation: Any) -> tuple[Kind, type[WireModel] | None]:
    core = _core(annotation)
    if core == Id:
        return "id", None
    if core == Number or core is float:
        return "number", None
    if core is bool:
        return "boolean", None
    if core is int:
        return "whole", None
    if core is str or get_origin(core) is Literal:
        return "text", None
    if get_origin(core) is list:
        return "list", None
    if isinstance(core, type) and issubclass(core, WireModel):
        return "object", core
    return "json", None


def _fields(annotation: Any, name: str) -> Iterator[tuple[str, Any, str]]:
    """Every plain field below a type: its dotted name, its type, its description."""
    core = _core(annotation)
    if get_origin(core) is list:
        yield from _fields(get_args(core)[0], f"{name}.0")
    elif isinstance(core, type) and issubclass(core, WireModel) and core is not Day:
        for field_name, field in core.model_fields.items():
            if field_name == "extra":
                continue
            inner = f"{name}.{field.alias}" if name else str(field.alias)
            leaf_fields = list(_fields(field.annotation, inner))
            if len(leaf_fields) == 1 and leaf_fields[0][0] == inner:
                full_type = (
                    Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
                )
                leaf_fields = [(inner, full_type, field.description or "")]
            yield from leaf_fields
    else:
        yield name, annotation, ""


def _leaves(annotation: Any, name: str) -> Iterator[str]:
    return (leaf for leaf, _, _ in _fields(annotation, name))


def _unknown_sentence(name: str, *, nearest_names: bool = True) -> str:
    """Say that a column is unknown, and which one was probably meant."""
    if not name.strip():
        return "A column has no name. Name it, or leave it out."
    sentence = f"{brief(name)} is not a column that lpnb knows."
    if not nearest_names:
        return sentence
    all_names = known_columns()
    close = nearest(name, all_names, cutoff=0.75)
    if not close:  # the field alone, such as "ctype" or "campaign_id"
        fields = {column.rsplit(".", 1)[-1]: column for column in reversed(all_names)}
        close = [fields[field] for field in nearest(name.rsplit(".", 1)[-1], fields, cutoff=0.8)]
    if close:
        return f"{sentence} Did you mean {' or '.join(map(repr, close))}?"
    return f"{sentence} What is not to be sent goes into columns named 'note.' and a word of your own."


def case_columns() -> pd.DataFrame:
    """Every column that cases can have: ``column``, ``kind`` and ``description``, all str.

    The kind is "text", "id", "whole", "number", "boolean", "object", "list" or "json". Lists are shown by
    their first element: ``personal.contacts.0.email`` stands for ``.1`` and so on as well.
    Whole objects are columns too, such as ``campaignInfo``.

    Example:
        >>> table = case_columns()
        >>> table[table["column"] == "skillId"].values.tolist()
        [['skillId', 'id', '-1 is any skill. Route with a campaign instead: LivePerson advises against it.']]
    """
    from lpnb.tables.dataframes import plain_table

    names = ("column", "kind", "description")
    columns = dict(zip(names, zip(*describe_columns(), strict=True), strict=True))
    return plain_table(columns, dict.fromkeys(names, "text"))
