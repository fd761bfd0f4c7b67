"""Form fields made from the models: which widget shows a value, and its conversion to and from the wire."""

from __future__ import annotations

import datetime
import json
import re
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

import ipywidgets as ipw

from lpnb._internal.json_codec import JsonError, read_json
from lpnb._internal.validation import join
from lpnb.models.base import WireModel
from lpnb.models.null import NULL
from lpnb.models.sdes import Day

if TYPE_CHECKING:
    from lpnb.widgets.form.flatten import Path
    from lpnb.widgets.styles import WidgetFactory

Kind = Literal["text", "choice", "whole", "number", "date", "own", "words"]
_NUMBER = re.compile(r"[+-]?([0-9]{1,300}(\.[0-9]{0,300})?|\.[0-9]{1,300})([eE][+-]?[0-9]{1,4})?\Z")
_WHOLE = re.compile(r"[+-]?[0-9]{1,300}\Z")

#: Rare enough to be carried along from what was loaded, and not to have fields.
_CARRIED = ("extra", "auth", "client_properties")
#: Labels where the wire's own name says too little once it is split into words.
_LABELS = {
    "firstname": "First name", "lastname": "Last name", "ctype": "Customer type",
    "cstatus": "Customer status", "imei": "IMEI", "storeZipCode": "Store ZIP code",
    "ttrDefName": "Urgency", "type": "Context type", "interactionContextId": "Context id",
    "age.age": "Age in years", "age.year": "Year of birth", "age.month": "Month of birth",
    "age.day": "Day of birth", "lang": "Context language",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FormField:
    """One value that a form can hold.

    ``place`` says what the path starts from: an SDE's type, or "request" for the second frame's body.
    """

    place: str
    path: Path
    kind: Kind
    label: str
    help: str = ""
    example: str = ""
    choices: tuple[str, ...] = ()
    #: Its name, such as ``personal.contacts[0].email``.
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", join(self.place, *self.path))

    def widget(self, value: Any, factory: WidgetFactory) -> Any:
        """Make the ipywidget that shows *value*, with a real label."""
        common = {"description": self.label, "layout": factory.plain}
        if self.kind == "choice":
            # Not a Dropdown: JupyterLab takes the keys that are pressed on one for its own, so that
            # "m" (for MALE) turns the cell into text and the panel is gone.
            hint = "one of " + ", ".join(self.choices[:3]) + (" …" if len(self.choices) > 3 else "")
            return ipw.Combobox(
                options=self.choices, value=value or "", placeholder=hint, style=factory.text, **common
            )
        if self.kind == "date":
            return ipw.DatePicker(value=value, style=factory.label_style, **common)
        hint = f"e.g. {self.example}" if self.example else self.help
        return ipw.Text(value=value or "", placeholder=hint, style=factory.text, **common)

    @property
    def empty(self) -> str | None:
        """What an untouched widget holds."""
        return None if self.kind == "date" else ""

    def to_wire(self, value: Any) -> Any:
        """Turn what the widget holds into what the wire would hold; None when there is nothing to send.

        Example:
            >>> field = FormField("ctmrinfo", ("companySize",), "whole", "Company size")
            >>> field.to_wire("500"), field.to_wire("abc"), field.to_wire("")
            (500, 'abc', None)
        """
        if value is None or value == "":
            return None
        if self.kind == "date":
            return {"day": value.day, "month": value.month, "year": value.year}
        if self.kind in ("whole", "number"):
            text = value.strip()
            if _WHOLE.match(text):
                return int(text)
            return float(text) if _NUMBER.match(text) else value
        if self.kind == "words":
            return [word.strip() for word in value.split(",") if word.strip()]
        if value == NULL and NULL in self.choices:
            return NULL
        return _parse(value) if self.kind == "own" else value

    def from_wire(self, wire_value: Any) -> Any:
        """Turn what the wire holds into what the widget would; ``empty`` when it has no way to show it."""
        widget_value: Any = self.empty
        if wire_value is None and NULL in self.choices:
            return NULL
        if self.kind == "date":
            try:
                widget_value = datetime.date(**wire_value)
            except (TypeError, ValueError):
                return widget_value
        elif self.kind in ("whole", "number"):
            widget_value = str(wire_value) if isinstance(wire_value, int | float | str) else widget_value
        elif self.kind == "own":
            plain = isinstance(wire_value, str) and wire_value != "" and _parse(wire_value) == wire_value
            widget_value = wire_value if plain else json.dumps(wire_value, ensure_ascii=False)
        elif isinstance(wire_value, str):
            widget_value = wire_value
        round_trip = self.to_wire(widget_value)
        return (
            widget_value if round_trip == wire_value and type(round_trip) is type(wire_value) else self.empty
        )


def model_fields(
    model: type[WireModel], place: str, list_length: int = 1, path: Path = ()
) -> Iterator[FormField]:
    """Yield a field for each value of *model* that fits into one, *list_length* of each for its lists.

    Example:
        >>> from lpnb.models.conversation_request import CampaignInfo
        >>> [field.key for field in model_fields(CampaignInfo, "request")]
        ['request.campaignId', 'request.engagementId']
    """
    for name, info in model.model_fields.items():
        wire = info.alias or name
        if name in _CARRIED:
            continue
        annotations = _parts(info.annotation)
        wire_path = (*path, wire)
        nested_model = next(
            (k for k in annotations if isinstance(k, type) and issubclass(k, WireModel)), None
        )
        element_type = next((get_args(k)[0] for k in annotations if get_origin(k) is list), None)
        if nested_model is not None and nested_model is not Day:
            yield from model_fields(nested_model, place, list_length, wire_path)
        elif isinstance(element_type, type) and issubclass(element_type, WireModel):
            for number in range(list_length):
                yield from model_fields(element_type, place, list_length, (*wire_path, number))
        elif (kind := _kind(annotations)) is not None:
            choices = tuple(c for k in annotations if get_origin(k) is Literal for c in get_args(k))
            example = str(info.examples[0]) if info.examples else ""
            yield FormField(
                place, wire_path, kind, field_label(wire_path), info.description or "", example, choices
            )


def custom_field(place: str, name: str) -> FormField:
    """A field for what a brand sends beyond the documentation. Numbers and other JSON are sent as such.

    Example:
        >>> field = custom_field("ctmrinfo", "loyaltyTier")
        >>> field.key, field.to_wire("gold"), field.to_wire("7"), field.to_wire('"7"'), field.to_wire("[1]")
        ('ctmrinfo.loyaltyTier', 'gold', 7, '7', [1])
    """
    hint = 'Numbers, true, false and JSON are sent as such; in quotes, "7" stays text.'
    return FormField(place, (name,), "own", name, hint)


def _parse(text: str) -> Any:
    """What *text* is as JSON when it is JSON, and else the text itself."""
    try:
        value = read_json(text)
    except (JsonError, RecursionError):
        return text
    return text if value is None else value


def field_label(path: Path) -> str:
    """Say in words what stands at *path*.

    Example:
        >>> field_label(("companySize",)), field_label(("contacts", 1, "phoneType"))
        ('Company size', '2nd phone type')
    """
    name, last_two = str(path[-1]), ".".join(str(step) for step in path[-2:])
    label = _LABELS.get(last_two) or _LABELS.get(name)
    if label is None:
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
        label = words[:1].upper() + words[1:]
    index = next((step for step in path if isinstance(step, int) and step), 0)
    if not index:
        return label
    return f"{index + 1}{ {1: 'nd', 2: 'rd'}.get(index, 'th') } {label[:1].lower()}{label[1:]}"


def _kind(annotations: Sequence[Any]) -> Kind | None:
    if any(get_origin(kind) is Literal for kind in annotations):
        return "choice"
    if Day in annotations:
        return "date"
    if float in annotations:
        return "number"
    if int in annotations:
        return "whole"
    if bool in annotations:
        return "own"
    if any(get_origin(kind) is list and _parts(get_args(kind)[0]) == [str] for kind in annotations):
        return "words"
    return "text" if str in annotations else None


def _parts(annotation: Any) -> list[Any]:
    """The types an annotation allows, None and the checks left out."""
    if get_origin(annotation) is Annotated:
        return _parts(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [part for choice in get_args(annotation) for part in _parts(choice)]
    return [] if annotation is types.NoneType else [annotation]
