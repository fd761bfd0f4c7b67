"""The values of a form: collect frames from fields, load frames into fields, carry what has no field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from lpnb.errors import Complaint
from lpnb.models.conversation_request import (
    REQUEST_CONVERSATION,
    SET_USER_PROFILE,
    ConsumerRequestConversation,
)
from lpnb.models.sdes import CustomerInfo, PersonalInfo
from lpnb.widgets.form.fields import FormField, custom_field, model_fields
from lpnb.widgets.form.flatten import Path, assemble, flatten

if TYPE_CHECKING:
    from lpnb.widgets.styles import WidgetFactory

_SDES: Path = (0, "body", "authenticatedData", "lp_sdes")
_BODIES = {"ctmrinfo": "info", "personal": "personal"}
_DEFAULT_POSITIONS = {"ctmrinfo": 0, "personal": 1}
#: What an untouched form posts.
_EMPTY_FRAMES: dict[Path, Any] = {
    (0, "type"): SET_USER_PROFILE,
    (0, "body"): {},
    (1, "type"): REQUEST_CONVERSATION,
    (1, "body"): {},
}
DEFAULTS = {"request.channelType": "MESSAGING"}

#: Names of the wire that are no fields of the form and no brand's own.
_RESERVED = ("extra", "auth", "metadata", "contacts", "clientProperties", "features")
MAX_CONTACTS = 12

#: The fields that most batches need; all others are folded away.
PERSON_FIELDS = (
    "personal.firstname",
    "personal.lastname",
    "personal.gender",
    "personal.contacts[0].email",
    "personal.contacts[0].phone",
    "ctmrinfo.ctype",
    "ctmrinfo.customerId",
)
ROUTING_FIELDS = (
    "request.campaignInfo.campaignId",
    "request.campaignInfo.engagementId",
    "request.skillId",
    "request.ttrDefName",
)
FIELDS_WITH_HELP = ("ctmrinfo.ctype", "request.skillId")


@cache
def batch_fields() -> tuple[FormField, ...]:
    """Every field of a CONVERSATION batch, in the order of the wire, with two contacts."""
    return (
        *model_fields(CustomerInfo, "ctmrinfo"),
        *model_fields(PersonalInfo, "personal", list_length=2),
        *model_fields(ConsumerRequestConversation, "request"),
    )


def contact_fields(number: int) -> tuple[FormField, ...]:
    """The fields of contact *number*, counted from 0."""
    every = model_fields(PersonalInfo, "personal", list_length=number + 1)
    return tuple(field for field in every if field.path[:2] == ("contacts", number))


class Form:
    """The values of many fields, whether or not their widgets exist yet.

    Args:
        fields: Every field of the form, in the order of the wire; ``add`` takes more.
        on_change: Called after a value has changed.
        before_change: Called with the field's key before what is typed into it is taken.
    """

    def __init__(
        self,
        fields: Iterable[FormField],
        on_change: Callable[[], None],
        before_change: Callable[[str], None] = lambda key: None,
    ) -> None:
        self.fields = {field.key: field for field in fields}
        self.values: dict[str, Any] = dict(DEFAULTS)
        self.widgets: dict[str, Any] = {}
        self._other_values: dict[Path, Any] = dict(_EMPTY_FRAMES)
        self._sde_positions = dict(_DEFAULT_POSITIONS)
        self._on_change = on_change
        self._before_change = before_change
        self._is_restoring = False

    def add(self, fields: Iterable[FormField]) -> list[FormField]:
        """Take on those of *fields* that are new, and return them."""
        new = [field for field in fields if field.key not in self.fields]
        self.fields.update((field.key, field) for field in new)
        return new

    @property
    def contacts(self) -> int:
        """How many contacts there are fields for."""
        return 1 + max(int(f.path[1]) for f in self.fields.values() if f.path[0] == "contacts")

    @property
    def custom_fields(self) -> list[FormField]:
        """The fields that the documentation does not have."""
        return [field for field in self.fields.values() if field.kind == "own"]

    def state(self) -> Any:
        """All that the form holds now, for ``restore``."""
        return dict(self.values), dict(self._other_values), dict(self._sde_positions)

    def restore(self, state: Any) -> None:
        """Hold again what ``state`` has returned."""
        values, self._other_values, self._sde_positions = dict(state[0]), dict(state[1]), dict(state[2])
        self._show(values)

    def widget(self, field: FormField, factory: WidgetFactory) -> Any:
        """Make the field's widget; what is typed into it is kept from then on."""
        widget = field.widget(self.values.get(field.key, field.empty), factory)
        widget.observe(lambda change: self._on_input(field.key, change["new"]), names="value")
        self.widgets[field.key] = widget
        return widget

    def collect(self) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Return the frames, without ids, and for each filled field's wire path the field's key.

        Nothing is left out for being wrong, and nothing is there that was not filled in or loaded.
        """
        leaves = dict(self._other_values)
        owners: dict[Path, str] = {}
        filled_keys = self.filled_keys
        for key, field in self.fields.items():
            if key in filled_keys:
                path = self._path(field)
                if field.place != "request":
                    leaves[(*path[:5], "type")] = field.place
                leaves[path] = field.to_wire(self.values[key])
                owners[path] = key
        frames, places = assemble(leaves)
        return frames, {places[path]: key for path, key in owners.items()}

    @property
    def filled_keys(self) -> set[str]:
        """The keys of the fields that hold something."""
        return {key for key, value in self.values.items() if value not in (None, "")}

    @property
    def other_values(self) -> list[str]:
        """Where the values stand that were loaded and have no field."""
        return list(
            assemble({p: v for p, v in self._other_values.items() if p not in _EMPTY_FRAMES})[1].values()
        )

    def load(self, frames: Sequence[Mapping[str, Any]]) -> None:
        """Take *frames* as the new content: into the fields what they can show, and carry the rest."""
        leaves = flatten([{key: value for key, value in frame.items() if key != "id"} for frame in frames])
        leaves = {**_EMPTY_FRAMES, **leaves}
        for place in (0, 1):
            leaves.pop((place, "kind"), None)
        self._sde_positions = _sde_positions(leaves)
        self.add(self._missing_fields(leaves))
        values: dict[str, Any] = {}
        for key, field in self.fields.items():
            path = self._path(field)
            leaves_inside = {
                leaf[len(path) :]: value for leaf, value in leaves.items() if leaf[: len(path)] == path
            }
            if not leaves_inside:
                continue
            whole, _ = assemble({("it", *leaf): value for leaf, value in leaves_inside.items()})
            if (value := field.from_wire(whole["it"])) != field.empty:
                values[key] = value
                for leaf in leaves_inside:
                    del leaves[(*path, *leaf)]
        places_in_fields = {self.fields[key].place for key in values} - {"request"}
        for kind in places_in_fields:  # an SDE that stands in fields altogether gets its type from them
            element = (*_SDES, self._sde_positions[kind])
            if [leaf for leaf in leaves if leaf[:5] == element] == [(*element, "type")]:
                del leaves[(*element, "type")]
        self._other_values = leaves
        self._show(values)

    def _missing_fields(self, leaves: Mapping[Path, Any]) -> Iterable[FormField]:
        """Fields for what *leaves* hold and no field shows: further contacts, a brand's own values."""
        field_names = {f.path[0] for f in self.fields.values()}
        person = (*_SDES, self._sde_positions["personal"], "personal")
        last_contact = max(
            (int(leaf[7]) for leaf in leaves if leaf[:7] == (*person, "contacts") and leaf[7:]), default=0
        )
        for number in range(self.contacts, min(last_contact, MAX_CONTACTS - 1) + 1):
            yield from contact_fields(number)
        for place in (*_BODIES, "request"):
            start = self._start(place)
            names = dict.fromkeys(
                leaf[len(start)] for leaf in leaves if leaf[: len(start)] == start and leaf[len(start) :]
            )
            reserved = {*field_names, *_RESERVED}
            yield from (custom_field(place, str(name)) for name in names if name not in reserved)

    def clear(self) -> None:
        """Empty every field and drop what was carried along."""
        self._other_values = dict(_EMPTY_FRAMES)
        self._sde_positions = dict(_DEFAULT_POSITIONS)
        self._show(DEFAULTS)

    def _show(self, values: Mapping[str, Any]) -> None:
        self._is_restoring = True
        try:
            self.values = dict(values)
            for key, widget in self.widgets.items():
                widget.value = values.get(key, self.fields[key].empty)
        finally:
            self._is_restoring = False
        self._on_change()

    def _on_input(self, key: str, value: Any) -> None:
        if not self._is_restoring:
            self._before_change(key)
            self.values[key] = value
            self._on_change()

    def _path(self, field: FormField) -> Path:
        return (*self._start(field.place), *field.path)

    def _start(self, place: str) -> Path:
        if place == "request":
            return (1, "body")
        return (*_SDES, self._sde_positions[place], _BODIES[place])


def is_frame_pair(frames: Any) -> bool:
    """Whether *frames* are the pair that a form holds, whatever their values.

    Example:
        >>> is_frame_pair([{"type": "userprofile.SetUserProfile", "body": {}}]), is_frame_pair("[]")
        (False, False)
    """
    return (
        isinstance(frames, list | tuple)
        and len(frames) >= 2
        and all(isinstance(frame, Mapping) and isinstance(frame.get("body"), Mapping) for frame in frames)
        and [frame.get("type") for frame in frames[:2]] == [SET_USER_PROFILE, REQUEST_CONVERSATION]
    )


def complaints_by_field(complaints: Sequence[Complaint], keys: Mapping[str, str]) -> dict[str, str]:
    """Sort *complaints* to the fields that stand at the paths *keys*, shortened to the field's own name.

    A complaint about a part of a field goes to the field, one about a whole object to its first field.

    Example:
        >>> wrong = Complaint("[1].body.campaignInfo.campaignId", "[1].body.campaignInfo.campaignId is odd.")
        >>> keys = {"[1].body.campaignInfo.campaignId": "request.campaignInfo.campaignId"}
        >>> complaints_by_field([wrong], keys)
        {'request.campaignInfo.campaignId': 'campaignId is odd.'}
    """
    sentences_of: dict[str, list[str]] = {}
    for complaint in complaints:
        path = complaint.path
        inside = (place for place in keys if path.startswith((f"{place}.", f"{place}[")))
        around = (place for place in keys if place.startswith((f"{path}.", f"{path}[")))
        place = path if path in keys else next(inside, None) or next(around, None)
        if place is not None:
            short = complaint.sentence.replace(path, path.rsplit(".", 1)[-1], 1)
            sentences_of.setdefault(keys[place], []).append(short)
    return {key: " ".join(sentences) for key, sentences in sentences_of.items()}


def _sde_positions(leaves: Mapping[Path, Any]) -> dict[str, int]:
    """Which element of ``lp_sdes`` the fields of each type stand for: the last one, which counts."""
    types = {leaf[4]: value for leaf, value in leaves.items() if leaf[:4] == _SDES and leaf[5:] == ("type",)}
    positions = {kind: int(slot) for slot, kind in types.items()}
    free = len(types)
    for kind in _BODIES:
        if kind not in positions:
            positions[kind], free = free, free + 1
    return positions
