"""Builds the batch of a case: which column goes where in the payload, worked out once for all cases.

The models do the validating. Here their findings only get the name of the column they are about. A case that
was checked need not be validated once more to be sent: most kinds of cells go to the wire as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from lpnb._internal.json_codec import json_bytes, json_each
from lpnb._internal.request_ids import fresh_ids
from lpnb.errors import Complaint
from lpnb.experiments.cases.columns import ENTRY_POINTS, IDENTITIES, Column, model_of
from lpnb.models.base import NULLABLE, Id, Text, WireModel, models_in
from lpnb.models.batches import ConversationBatch, both_frames
from lpnb.models.conversation_request import (
    REQUEST_CONVERSATION,
    SET_USER_PROFILE,
    ClientProperties,
    ConsumerRequestConversation,
    SetUserProfile,
    profile_body,
)
from lpnb.models.null import NULL
from lpnb.models.outgoing import Batch, EncodedBatch
from lpnb.models.visitors import Identity

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_PLAIN_REQUEST = {
    field.alias: field.default
    for field in ConsumerRequestConversation.model_fields.values()
    if isinstance(field.default, str)
}
#: Parts that are remembered by their text: cells recur in a grid, and a case is checked before it is sent.
_MOST_INSTANCES = 4_096
#: Kinds of cells that models only look at: what was read is what is sent.
_AS_READ = frozenset(("text", "id", "whole", "number", "boolean"))


class BatchBuilder:
    """Where each column of a table of cases goes."""

    def __init__(self, columns: Sequence[Column]) -> None:
        def part(kind: str, owner: str, model: type[WireModel], root: str) -> _PayloadPart | None:
            own = [column for column in columns if column.part == kind and column.owner == owner]
            return _PayloadPart(own, model, root) if own else None

        owners = dict.fromkeys(column.owner for column in columns if column.part == "sde")
        self._sdes = [
            owner_part
            for owner in owners
            if (owner_part := part("sde", owner, model_of(owner), owner)) is not None
        ]
        self._request = part("request", "request", ConsumerRequestConversation, "")
        self._header = part("header", "clientProperties", ClientProperties, "clientProperties")
        attribute_owners = dict.fromkeys(column.owner for column in columns if column.part == "monitoring")
        self._attributes = [
            owner_part
            for owner in attribute_owners
            if owner not in (ENTRY_POINTS, IDENTITIES)
            and (owner_part := part("monitoring", owner, model_of(owner), f"engagementAttributes.{owner}"))
            is not None
        ]
        identity_columns = [column for column in columns if column.owner == IDENTITIES]
        self._identities = (
            _PayloadNode(sorted(identity_columns, key=lambda column: len(column.path)), 0)
            if identity_columns
            else None
        )
        self._entries = [column for column in columns if column.owner == ENTRY_POINTS]
        single_parts = [part for part in (self._request, self._header) if part is not None]
        self._parts = [*self._sdes, *single_parts, *self._attributes]
        self._templates: dict[tuple[object, ...], _BatchTemplate] = {}
        self._nullable = [name for part in self._parts for name in part.nullable]
        self._is_plain = self._header is None and all(
            part.is_plain for part in (*self._sdes, self._request) if part is not None
        )

    def batch(self, values: Mapping[str, object], complaints: list[Complaint]) -> ConversationBatch | None:
        """The batch, or None with what is wrong added to *complaints*."""
        before = len(complaints)
        sdes = [sde for part in self._sdes if (sde := part.make(values, complaints)) is not None]
        request = self._request.make(values, complaints) if self._request else None
        header = self._header.make(values, complaints) if self._header else None
        if len(complaints) > before:
            return None
        profile = SetUserProfile(tuple(sdes)) if sdes else SetUserProfile()
        return ConversationBatch(profile, request or ConsumerRequestConversation(), header)

    def posted(self, values: Mapping[str, object]) -> Batch | None:
        """What ``batch`` makes of cells that were checked, without its models; None when that needs them."""
        if not self._is_plain:
            return None
        key: tuple[object, ...] = tuple(values)
        if self._nullable:
            key = (*key, *[values.get(name) == NULL for name in self._nullable])
        template = self._templates.get(key)
        if template is None:
            if len(self._templates) >= _MOST_INSTANCES:
                self._templates.clear()
            nulls = [name for name in self._nullable if values.get(name) == NULL]
            template = self._templates[key] = _BatchTemplate(self, list(values), nulls)
        return _CheckedBatch(template, values)

    def bodies(self, values: Mapping[str, object]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Of both frames, as the wire has them."""
        bodies = ((part.model, part.wire(values)) for part in self._sdes)
        sdes = [model.around(body) for model, body in bodies if body is not None]
        request = self._request.wire(values) if self._request else None
        return profile_body(sdes), request or dict(_PLAIN_REQUEST)

    def check(self, values: Mapping[str, object], complaints: list[Complaint]) -> None:
        """Add to *complaints* what is wrong with *values*, whoever they are for."""
        for part in self._parts:
            part.check(values, complaints)
        self._identity_list(values, "consumer", complaints)

    def clears(self, columns: Mapping[str, Sequence[object]]) -> bool:
        """Whether ``check`` finds nothing in any row of *columns*; False when each has to be looked at."""
        return self._identities is None and all(part.clears(columns) for part in self._parts)

    def engagement(
        self, values: Mapping[str, object], consumer_id: str | None, complaints: list[Complaint]
    ) -> dict[str, Any] | None:
        """The keyword arguments for ``client.engagement``, or None when there is nothing to say."""
        own = [
            attribute for part in self._attributes if (attribute := part.make(values, complaints)) is not None
        ]
        own_types = {sde.sde_type for sde in own}
        sdes = [sde for part in self._sdes if (sde := part.make(values, complaints)) is not None]
        attributes = [*(sde for sde in sdes if sde.sde_type not in own_types), *own]
        entries = self._entry_points(values)
        identities = self._identity_list(values, consumer_id, complaints)
        if not attributes and not entries and not identities:
            return None
        arguments: dict[str, Any] = {"entry_points": entries, "engagement_attributes": attributes}
        return {**arguments, "identities": identities} if identities else arguments

    def _identity_list(
        self, values: Mapping[str, object], consumer_id: str | None, complaints: list[Complaint]
    ) -> list[Identity]:
        """The identities; one that names nobody is the consumer."""
        entries = self._identities.build(values) if self._identities else None
        identities: list[Identity | None] = []
        for place, identity in enumerate(entries or []):
            path = f"{IDENTITIES}.{place}"
            if isinstance(identity, Identity):
                identities.append(identity)
            elif not isinstance(identity, Mapping):
                complaints.append(Complaint(path, f'{path} must be an object, such as {{"acr": "loa1"}}.'))
            else:
                fields = {"sub": consumer_id, **identity}
                identities.append(Identity.gather(fields, path, complaints))
        return [identity for identity in identities if identity is not None]

    def _entry_points(self, values: Mapping[str, object]) -> list[Any]:
        entries: list[Any] = []
        for column in self._entries:
            value = values.get(column.name)
            if value is not None:
                entries.extend(value if isinstance(value, list) else [value])
        return entries


class _BatchTemplate:
    """The bytes of the batches whose cells stand in the same columns, with a gap for each cell."""

    __slots__ = ("_columns", "_format", "_in_order")

    def __init__(self, builder: BatchBuilder, columns: Sequence[str], nulls: Sequence[str]) -> None:
        mark = fresh_ids(1)[0]
        gaps = [f"{mark}.{number}" for number in range(3 + len(columns))]
        bodies = builder.bodies(dict(zip(columns, gaps[3:], strict=True)) | dict.fromkeys(nulls, NULL))
        content = json_bytes(both_frames(gaps[:2], *bodies, gaps[2]))
        pieces = re.split(b'"' + mark.encode() + rb'\.(\d+)"', content)
        self._columns = columns
        self._format = b"%b".join(piece.replace(b"%", b"%%") for piece in pieces[::2])
        self._in_order = itemgetter(*map(int, pieces[1::2]))

    def fill(self, values: Mapping[str, object], account_id: str) -> EncodedBatch:
        """The batch of *values*, with request ids of its own."""
        first, second = fresh_ids(2)
        cells = json_each([first, second, account_id, *map(values.__getitem__, self._columns)])
        requests = ((first, SET_USER_PROFILE), (second, REQUEST_CONVERSATION))
        return EncodedBatch(self._format % self._in_order(cells), requests)


class _CheckedBatch:
    """The batch of a case that was checked, straight from its cells."""

    __slots__ = ("_template", "_values")

    def __init__(self, template: _BatchTemplate, values: Mapping[str, object]) -> None:
        self._template = template
        self._values = values

    def outgoing(self, account_id: str) -> EncodedBatch:
        """What ``ConversationBatch`` posts, but for the order of its keys."""
        return self._template.fill(self._values, account_id)


class _PayloadPart:
    """One object of the payload, made of the columns that belong to it."""

    def __init__(self, columns: Sequence[Column], model: type[WireModel], root: str) -> None:
        self.model: Any = model
        self._root = root
        self._names = [column.name for column in columns]
        # Shortest first: a whole object is taken as the base, and single fields are put into it.
        self._node = _PayloadNode(sorted(columns, key=lambda column: len(column.path)), 0)
        self._recurring = all(column.kind in ("text", "id") for column in columns)
        self.is_plain = (
            all(column.kind in _AS_READ for column in columns)
            and self._node.base is None
            and not any(column.path[0] == "auth" for column in columns)
        )
        free = set(self._node.learn(model))
        self.nullable = list(self._node.nullable_columns())
        self._free = [name for name in self._names if name in free]
        self._bound = [name for name in self._names if name not in free]
        self._valid_keys: set[tuple[object, ...]] = set()
        self._instances: dict[tuple[object, ...], Any] = {}
        self._hits = 0

    def make(self, values: Mapping[str, object], complaints: list[Complaint]) -> Any:
        """The object, or None when every cell of it is empty or something is wrong with one."""
        key: tuple[object, ...] | None = None
        if self._recurring:
            key = tuple([values.get(name) for name in self._names])
            if key in self._instances:
                self._hits += 1
                return self._instances[key]
        data = self._node.build(values)
        if data is None:
            return None
        if isinstance(data, self.model):
            return data
        own_complaints: list[Complaint] = []
        if isinstance(data, WireModel) or not isinstance(data, Mapping):
            sentence = f"{self._root} must be a {self.model.__name__}; got a {type(data).__name__}."
            own_complaints.append(Complaint(self._root, sentence))
            instance = None
        else:
            instance = self.model.gather(data, self._root, own_complaints)
        if own_complaints:
            complaints.extend(self._with_column_path(complaint) for complaint in own_complaints)
            return None
        if key is not None:
            if len(self._instances) >= _MOST_INSTANCES:
                # Where hardly any row is like another, remembering costs more than it saves.
                self._recurring = self._hits > _MOST_INSTANCES
                self._instances, self._hits = {}, 0
            self._instances[key] = instance
        return instance

    def check(self, values: Mapping[str, object], complaints: list[Complaint]) -> None:
        """Add to *complaints* what is wrong with the object.

        The model is asked about what it has not seen yet. About text of its free fields it need not be asked:
        it takes any that has no half characters. Only whether there is one may matter, as another is required
        beside it.
        """
        key: tuple[object, ...] | None = None
        if self.is_plain and is_whole_text(map(values.get, self._free)):
            key = tuple([name in values for name in self._free])
            if self._bound:
                bound = [values.get(name) for name in self._bound]
                key = (*key, *map(type, bound), *bound)
            if key in self._valid_keys:
                return
        before = len(complaints)
        self.make(values, complaints)
        if key is not None and len(complaints) == before and len(self._valid_keys) < _MOST_INSTANCES:
            self._valid_keys.add(key)

    def clears(self, columns: Mapping[str, Sequence[object]]) -> bool:
        """Whether ``check`` finds nothing in any row; it is asked about rows that differ, by their keys."""
        free, bound = ([columns[name] for name in names] for names in (self._free, self._bound))
        if not (self.is_plain and all(map(is_whole_text, free))):
            return False
        is_there = [[cell is not None for cell in column] for column in free]
        keys = zip(*is_there, *(map(type, column) for column in bound), *bound, strict=True)
        rows = {key: row for row, key in enumerate(keys)}
        complaints: list[Complaint] = []
        for row in (row for key, row in rows.items() if key not in self._valid_keys):
            cells = {name: columns[name][row] for name in self._names}
            self.check({name: cell for name, cell in cells.items() if cell is not None}, complaints)
            if complaints:
                return False
        return True

    def wire(self, values: Mapping[str, object]) -> Any:
        """The object as the wire has it, of cells that were checked; None when every one is empty."""
        return self._node.build(values, whole=True)

    def _with_column_path(self, complaint: Complaint) -> Complaint:
        """The complaint with its path spelled as the column is."""
        path = re.sub(r"\[(\d+)\]", r".\1", complaint.path)
        if self._root and path.startswith("auth"):  # stands beside an SDE's body, not in it
            path = f"{self._root}.{path}"
        sentence = complaint.sentence
        if sentence.startswith(complaint.path):
            sentence = path + sentence[len(complaint.path) :]
        return Complaint(path, sentence)


def is_whole_text(cells: Iterable[Any]) -> bool:
    """Whether all of them but None are text without half characters."""
    try:
        "".join([cell for cell in cells if cell is not None]).encode()
    except (TypeError, UnicodeEncodeError):
        return False
    return True


def _is_free(field: FieldInfo) -> bool:
    return field.annotation in (Text | None, Id | None) and not field.metadata


class _PayloadNode:
    """An object or a list of the payload, with the columns that fill it at this level and below."""

    __slots__ = ("base", "children", "defaults", "is_list", "leaves", "nullable")

    def __init__(self, columns: Sequence[Column], depth: int) -> None:
        self.base = next((column.name for column in columns if len(column.path) == depth), None)
        columns_by_key: dict[str | int, list[Column]] = {}
        for column in columns:
            if len(column.path) > depth:
                columns_by_key.setdefault(column.path[depth], []).append(column)
        self.is_list = any(isinstance(key, int) for key in columns_by_key)
        entries = sorted(columns_by_key.items()) if self.is_list else columns_by_key.items()
        self.leaves = [
            (key, group[0].name)
            for key, group in entries
            if len(group) == 1 and len(group[0].path) == depth + 1
        ]
        leaf_keys = {key for key, _ in self.leaves}
        self.children = [
            (key, _PayloadNode(group, depth + 1)) for key, group in entries if key not in leaf_keys
        ]
        self.defaults: dict[str | int, Any] = {}
        self.nullable: frozenset[str | int] = frozenset()

    def nullable_columns(self) -> Iterator[str]:
        """The columns whose text null is the wire's null."""
        yield from (name for key, name in self.leaves if key in self.nullable)
        for _, child in self.children:
            yield from child.nullable_columns()

    def learn(self, model: type[WireModel]) -> Iterator[str]:
        """Take over what *model* says where no column does; yield the columns that may hold any text."""
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if not self.is_list:
            self.defaults = {key: f.default for key, f in fields.items() if isinstance(f.default, str)}
            self.nullable = frozenset(key for key, f in fields.items() if NULLABLE in f.metadata)
        for key, child in self.children:
            inner = [model] if self.is_list else models_in(fields[str(key)].annotation)
            for inner_model in list(inner)[:1]:
                yield from child.learn(inner_model)
        if not self.is_list:
            yield from (name for key, name in self.leaves if _is_free(fields[str(key)]))

    def build(self, values: Mapping[str, object], *, whole: bool = False) -> Any:
        """What the columns make of *values*, or None when all of them are empty.

        *whole* says that it is for the wire: what no column says, the model does.
        """
        base = values.get(self.base) if self.base is not None else None
        content: dict[str | int, Any] = {}
        for key, name in self.leaves:
            if (value := values.get(name)) is not None:
                content[key] = None if whole and value == NULL and key in self.nullable else value
        for key, child in self.children:
            if (value := child.build(values, whole=whole)) is not None:
                content[key] = value
        if not content:
            return base
        if self.is_list:
            # What is empty is absent: an element that has no cell leaves no hole.
            start = list(base) if isinstance(base, list) else []
            return start + [content[key] for key in sorted(content)]
        if base is None:
            return {**self.defaults, **content} if whole and self.defaults else content
        if isinstance(base, WireModel):
            wire = base.model_dump(by_alias=True)
            documented_fields = {key: value for key, value in wire.items() if key not in base.extra}
            return {**documented_fields, "extra": dict(base.extra), **content}
        return {**base, **content} if isinstance(base, Mapping) else content
