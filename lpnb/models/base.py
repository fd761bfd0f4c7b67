"""``WireModel``: the base class of every wire object, and pydantic's findings as ``Complaint`` values.

A ``WireModel`` is valid from the moment it exists: whatever is wrong is said at once, field by field,
with the path the service would use. This module turns the model library's findings into our sentences;
it knows no field of any service.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from lpnb._internal.json_codec import MAX_DIGITS, json_trouble, lone_surrogate
from lpnb._internal.suggestions import did_you_mean, nearest, plain_name
from lpnb._internal.validation import join, must, one_of
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.null import NULL


def _text(value: str) -> str:
    if value.isascii():
        return value
    if (place := lone_surrogate(value)) is not None:
        raise PydanticCustomError(
            "surrogate",
            "must not hold half a character (a lone surrogate at position {place})",
            {"place": place},
        )
    return value


def _whole(value: int) -> int:
    if abs(value) >= 10**MAX_DIGITS:
        raise PydanticCustomError("digits", "must have at most {most} digits", {"most": MAX_DIGITS})
    return value


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PydanticCustomError("number_type", "must be a number")
    if isinstance(value, int):
        return _whole(value)
    if not math.isfinite(value):
        raise PydanticCustomError("finite", "must be a finite number: JSON has no NaN and no infinity")
    return value


def _id(value: object) -> str:
    """Monitoring and several clients hand ids out as numbers; CONVERSATION wants text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(_whole(value))
    if isinstance(value, str):
        return _text(value)
    raise PydanticCustomError("id_type", "must be an id: text, or a whole number, which is sent as text")


def _json(value: Any) -> Any:
    if trouble := json_trouble(value):
        raise PydanticCustomError("json", "{rule}", {"rule": trouble})
    return value


#: Text that can be encoded: any length, any characters but half ones.
Text = Annotated[str, AfterValidator(_text)]
#: A whole number that any reader of JSON takes.
Whole = Annotated[int, AfterValidator(_whole)]
#: A whole or decimal number, kept as it came.
Number = Annotated[int | float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
#: An id that is text on the wire; a whole number is taken and turned into text.
Id = Annotated[str, PlainValidator(_id), WithJsonSchema({"type": "string"})]


def _nullable(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> object:
    """The text null, and the wire's null, as ``NULL``."""
    if value == NULL or (value is None and info.context):
        return NULL
    return handler(value)


#: Beside a Literal with "null": null is a value of this field, and not the same as leaving it out.
NULLABLE = WrapValidator(_nullable)
#: Anything JSON can say.
Json = Annotated[Any, AfterValidator(_json)]


class WireModel(BaseModel):
    """An object of the wire: frozen, strict about types, and closed to unknown fields.

    Python names are snake case of the wire's own spelling; the constructor takes either. A field left
    as None is not sent. What the documentation does not list goes into ``extra``, on purpose, and is
    sent beside the known fields.

    Raises:
        InvalidValueError: Naming every field that is wrong, each with its path on the wire.
    """

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        hide_input_in_errors=True,
        defer_build=True,
    )
    #: Where the fields stand when the object is made on its own.
    wire_root: ClassVar[str] = ""
    #: Fields of ours that on the wire stand beside this object and not in it.
    wire_beside: ClassVar[tuple[str, ...]] = ()
    #: Models whose fields are easily taken for ours, by the argument that they are given as.
    elsewhere: ClassVar[Mapping[str, tuple[type[WireModel], ...]]] = {}

    extra: Mapping[str, Json] = Field(default_factory=dict, description="Fields that are not documented.")

    if not TYPE_CHECKING:

        def __init__(self, *values: Any, **fields: Any) -> None:
            if values:
                name = type(self).__name__
                field = next(field for field in type(self).model_fields if field not in ("extra", "auth"))
                raise TypeError(f"{name} takes its fields by name, such as {name}({field}=...)")
            try:
                super().__init__(**fields)
            except ValidationError as error:
                complaints = complaints_of(error, type(self), type(self).wire_root, typed_in=True)
            else:
                return
            raise InvalidValueError(complaints)

        # Tells pydantic that nested objects need not come through this constructor one by one,
        # so that the findings of all of them are collected.
        __init__.__pydantic_base_init__ = True

    @classmethod
    def from_wire(cls, data: Any, *, path: str = "", unknown: str = "refuse") -> Self:
        """Read *data* as the wire spells it.

        Args:
            data: A decoded JSON object.
            path: Where it stands, for complaints.
            unknown: "refuse" names fields that are not documented; "keep" puts them into ``extra``.
        """
        complaints: list[Complaint] = []
        model = cls.collect(data, path, unknown, complaints)
        if model is None:
            raise InvalidValueError(complaints)
        return model

    @classmethod
    def collect(cls, data: Any, path: str, unknown: str, complaints: list[Complaint]) -> Self | None:
        """Read *data* like ``from_wire``, adding to *complaints* in place of raising."""
        try:
            return cls.model_validate(data, context={"unknown": unknown}, by_alias=True, by_name=False)
        except ValidationError as error:
            complaints.extend(complaints_of(error, cls, path))
            return None

    @classmethod
    def gather(cls, fields: Mapping[str, Any], path: str, complaints: list[Complaint]) -> Self | None:
        """Make one from constructor arguments, adding to *complaints* in place of raising."""
        try:
            return cls.model_validate(dict(fields))
        except ValidationError as error:
            complaints.extend(complaints_of(error, cls, path, typed_in=True))
            return None

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON object that is sent: only what is filled in, in the wire's spelling."""
        return plain(self)

    @classmethod
    def wire_names(cls) -> tuple[str, ...]:
        """The wire's own field names, in the order they are documented."""
        return tuple(f.alias or name for name, f in cls.model_fields.items() if name != "extra")

    @model_validator(mode="before")
    @classmethod
    def _sort_unknown(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, Mapping) or not info.context:
            return data
        if info.context.get("unknown") != "keep":
            # On the wire there is no field "extra": it is as unknown as any other.
            return {("extra " if key == "extra" else key): value for key, value in data.items()}
        names = set(cls.wire_names())
        fields = {key: value for key, value in data.items() if key in names}
        fields["extra"] = {key: value for key, value in data.items() if key not in names}
        return fields

    @model_validator(mode="after")
    def _extra_is_extra(self) -> Self:
        for key in self.extra:
            if lone_surrogate(key) is not None:
                raise PydanticCustomError(
                    "extra_known", "extra must not have a key that holds half a character"
                )
            if key in type(self).wire_names():
                raise PydanticCustomError(
                    "extra_known", "extra must not repeat the documented field {key}", {"key": repr(key)}
                )
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        wire = {key: value for key, value in handler(self).items() if value is not None}
        wire.pop("extra", None)
        for name, field in type(self).model_fields.items():
            if getattr(self, name) is NULL:
                wire[field.alias or name] = None
        return {**wire, **self.extra}

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            if value is not None and not (name == "extra" and not value):
                yield name, value


def placed(**where: str) -> ConfigDict:
    """The configuration of a model some of whose fields stand elsewhere on the wire, or under another name.

    Not by ``alias``: type checkers would take that for the name in the constructor.
    """
    return ConfigDict(alias_generator=lambda name: where.get(name) or to_camel(name))


def complaints_of(
    error: ValidationError, model: type[WireModel], root: str = "", *, typed_in: bool = False
) -> list[Complaint]:
    """Turn the model library's findings into complaints, all of them, with their wire paths.

    ``typed_in`` says that Python names were used, so that hints name those.
    """
    complaints: list[Complaint] = []
    for detail in error.errors(include_url=False):
        inner = detail.get("ctx", {}).get("error")
        if isinstance(inner, InvalidValueError):  # a validator of ours has said it in full
            complaints.extend(inner.complaints)
        else:
            complaints.append(_complaint(detail, model, root, typed_in))
    return complaints


_RULES = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "mapping_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
}


#: The way out for what the models do not take.
SEND_AS_IT_IS = "To send everything as it is: lpnb.RawBatch(text)."
#: The genders by what people write in small letters, in German as well.
_GENDERS = {
    **dict.fromkeys(("f", "w", "weiblich", "frau", "mrs", "ms"), "FEMALE"),
    **dict.fromkeys(("m", "männlich", "maennlich", "mann", "herr", "mr"), "MALE"),
    **dict.fromkeys(("o", "d", "divers"), "OTHER"),
}
#: Values that only older pages have, and what to do about them.
_OLD_VALUES = {("ttrDefName", "CUSTOM"): f" 'CUSTOM' is on older pages only: leave it out. {SEND_AS_IT_IS}"}


#: What people call a field otherwise, by the field; compared as ``plain_name`` has it.
_OTHER_WORDS = {
    "age": ("birthday", "birthdate", "dateofbirth", "dob"),
    "firstname": ("forename", "givenname"),
    "lastname": ("surname", "familyname"),
    "gender": ("sex",),
    "ctype": ("type", "customertype"),
    "cstatus": ("status", "customerstatus"),
}
#: The way out where a field is not documented, in a program.
KEEP_UNKNOWN = ' To send it all the same, read it with unknown="keep".'
_FIELD_OF_WORD = {word: field for field, words in _OTHER_WORDS.items() for word in words}


def _complaint(detail: ErrorDetails, model: type[WireModel], root: str, typed_in: bool) -> Complaint:
    owner, loc = _owner_and_wire_path(model, [part for part in detail["loc"] if part != "function-plain"])
    if loc and loc[0] in model.wire_beside:
        root = root.rpartition(".")[0]
    path = join(root, *loc) or model.__name__
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":  # a stranger keeps the spelling it came with
        path = join(root, *loc[:-1], str(detail["loc"][-1]).rstrip())
    if kind == "literal_error":
        names = [part for part in loc if isinstance(part, str)]
        complaint = one_of(path, value, _choices(owner, names[-1]))
        old = _OLD_VALUES.get((names[-1], value), "") if isinstance(value, str) else ""
        if names[-1] == "gender" and "Did you mean" not in complaint.sentence:
            gender = _GENDERS.get(str(value).strip().casefold())
            old = f" Did you mean {gender!r}?" if gender else ""
        return Complaint(path, complaint.sentence + old)
    if kind == "extra_forbidden":
        way_out = " To send it all the same, put it into extra={...}." if typed_in else KEEP_UNKNOWN
        hint = _hint_for(owner, str(detail["loc"][-1]).rstrip(), typed_in)
        return Complaint(path, f"{path} is not a documented field.{hint}{way_out}")
    if kind == "missing":
        return Complaint(path, f"{path} is required.")
    if isinstance(value, str) and kind.endswith(("too_short", "too_long")):
        limit = context.get("min_length", context.get("max_length"))
        bound = "at least" if kind.endswith("too_short") else "at most"
        return Complaint(path, f"{path} must have {bound} {limit} characters; got {len(str(value))}.")
    if kind == "too_short" and not value:
        return must(path, "must not be empty", value)
    if kind in ("greater_than_equal", "less_than_equal"):
        sign = "at least" if "ge" in context else "at most"
        return must(path, f"must be {sign} {context.get('ge', context.get('le'))}", value)
    if kind == "extra_known":
        return Complaint(path, f"{path}: {detail['msg']}.")
    return must(path, _RULES.get(kind, detail["msg"]), value)


def _owner_and_wire_path(
    model: type[WireModel], loc: Sequence[str | int]
) -> tuple[type[WireModel], list[str | int]]:
    """Walk *loc* into nested models: whose field the last part is, and the whole path in wire spelling."""
    owner, wire_path = model, list(loc)
    for place, part in enumerate(loc):
        for name, field in model.model_fields.items():
            if part in (name, field.alias):
                owner = model
                wire_path[place] = field.alias or name
                model = next(iter(models_in(field.annotation)), model)
                break
        else:
            owner = model
    return owner, wire_path


def _hint_for(owner: type[WireModel], unknown: str, typed_in: bool) -> str:
    """Say which field was probably meant by *unknown*: one of the owner's, or one that stands elsewhere."""
    names = [name for name in owner.model_fields if name != "extra"] if typed_in else owner.wire_names()
    same = plain_name(unknown)
    field_name = _FIELD_OF_WORD.get(same, same)
    if field_name != same and field_name in names:
        if field_name != "age":
            return f" Did you mean {field_name!r}?"
        parts = '{"year": 1984, "month": 3, "day": 12}'
        if "year" in names:  # of an age itself
            return f" A birth date is its year, month and day: {parts}."
        example = "age=datetime.date(1984, 3, 12)" if typed_in else f'"age": {parts}'
        return f" A birth date goes into age, such as {example}."
    if same not in map(plain_name, names):
        for place, model in _nested_models(owner, typed_in):
            for name, field in model.model_fields.items():
                if name != "extra" and plain_name(name) in (same, field_name):
                    if not typed_in:
                        return f" Did you mean '{place}.{field.alias}'?"
                    return (
                        f" It is a field of {model.__name__}: "
                        f"{place.format(f'{model.__name__}({name}=...)')}."
                    )
    return did_you_mean(unknown, names)


def field_paths(model: type[WireModel], root: str) -> Iterator[str]:
    """Every documented field of *model* and of the models in it, as a path below *root*."""
    yield from (join(root, name) for name in model.wire_names())
    for place, inner in _nested_models(model, typed_in=False):
        yield from field_paths(inner, join(root, place))


def meant_path(unknown: str, paths: Iterable[str]) -> str:
    """The question which of the *paths* was meant by a field of that name anywhere, or nothing.

    Example:
        >>> meant_path("surname", ["a.firstname", "a.lastname"])
        " Did you mean 'a.lastname'?"
    """
    same = plain_name(unknown)
    by_name: dict[str, str] = {}
    for path in paths:
        by_name.setdefault(path.rpartition(".")[2], path)
    meant = _FIELD_OF_WORD.get(same, same)
    names = [name for name in by_name if plain_name(name) == meant] or nearest(unknown, by_name, 0.75)
    texts = [repr(by_name[name]) for name in names]
    return f" Did you mean {' or '.join(texts)}?" if texts else ""


def _nested_models(owner: type[WireModel], typed_in: bool) -> Iterator[tuple[str, type[WireModel]]]:
    """The models whose fields are taken for the owner's, each with its place as it is written."""
    for name, field in owner.model_fields.items():
        several = any(get_origin(part) is list for part in (field.annotation, *get_args(field.annotation)))
        for model in models_in(field.annotation):
            if typed_in:
                yield f"{name}=[{{}}]" if several else f"{name}={{}}", model
            else:
                yield f"{field.alias}[0]" if several else str(field.alias), model
    if typed_in:
        yield from ((place, model) for place, models in owner.elsewhere.items() for model in models)


def _choices(owner: type[WireModel], wire_name: str) -> Sequence[str]:
    fields = owner.model_fields.items()
    return next(
        (_literals(field.annotation) for name, field in fields if wire_name in (name, field.alias)), ()
    )


def models_in(annotation: Any) -> Iterable[type[WireModel]]:
    """The wire models that a field's *annotation* names, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, WireModel):
        yield annotation
    for part in get_args(annotation):
        yield from models_in(part)


def _literals(annotation: Any) -> tuple[str, ...]:
    values: tuple[str, ...] = ()
    for part in get_args(annotation):
        values += (part,) if isinstance(part, str) else _literals(part)
    return values


_SCALARS = frozenset((str, int, float, bool))


def plain(model: Any) -> dict[str, Any]:
    """Return *model* as an object of new dicts and lists: what is filled in, in the wire's spelling.

    All that a wire model holds is JSON already, so there is nothing to convert but names; pydantic's own dump
    takes several times as long.

    Example:
        >>> from lpnb import PersonalInfo
        >>> plain(PersonalInfo(firstname="John", extra={"shoeSize": 44}))
        {'firstname': 'John', 'shoeSize': 44}
    """
    values = model.__dict__
    kind: Any = type(model)
    wire: dict[str, Any] = {}
    for name, wire_name in _wire_name_pairs(kind):
        value = values[name]
        if value is not None:
            wire[wire_name] = value if type(value) in _SCALARS else _inner(value)
    if extra := values["extra"]:
        wire.update({key: _inner(value) for key, value in extra.items()})
    return wire


def _inner(value: Any) -> Any:
    if value is NULL:
        return None
    if hasattr(value, "model_fields_set"):
        return plain(value)
    if isinstance(value, Mapping):
        return {key: _inner(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_inner(item) for item in value]
    return value


@cache
def _wire_name_pairs(model: Any) -> tuple[tuple[str, str], ...]:
    fields = model.model_fields.items()
    return tuple((name, field.alias or name) for name, field in fields if name != "extra")
