"""Fields in groups, and what has been typed into them: a form that collects frames as the wire has them.

The form holds no rule. It hands out frames, takes frames in, and shows each complaint at the field it is
about. Values that it has no field for are carried along untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import ipywidgets as ipw

from lpnb.errors import Complaint
from lpnb.payloads import REQUEST_CONVERSATION, SET_USER_PROFILE, ConsumerRequestConversation
from lpnb.sdes import CustomerInfo, PersonalInfo
from lpnb.widgets.fields import FormField, fields_of
from lpnb.widgets.leaves import Path, assemble, flatten
from lpnb.widgets.styles import Kit, shown
from lpnb.widgets.views import note_html

_SDES: Path = (0, "body", "authenticatedData", "lp_sdes")
_BODIES = {"ctmrinfo": "info", "personal": "personal"}
_SLOTS = {"ctmrinfo": 0, "personal": 1}
#: What an untouched form posts.
_FRESH: dict[Path, Any] = {
    (0, "type"): SET_USER_PROFILE,
    (0, "body"): {},
    (1, "type"): REQUEST_CONVERSATION,
    (1, "body"): {},
}
_DEFAULTS = {"request.channelType": "MESSAGING"}

#: The fields that most batches need; all others are folded away.
WHO = (
    "personal.firstname",
    "personal.lastname",
    "personal.gender",
    "personal.contacts[0].email",
    "personal.contacts[0].phone",
    "ctmrinfo.ctype",
    "ctmrinfo.customerId",
)
WHERE = (
    "request.campaignInfo.campaignId",
    "request.campaignInfo.engagementId",
    "request.skillId",
    "request.ttrDefName",
)
HELPED = ("ctmrinfo.ctype", "request.skillId")


@cache
def batch_fields() -> tuple[FormField, ...]:
    """Every field of a CONVERSATION batch, in the order of the wire, with two contacts."""
    return (
        *fields_of(CustomerInfo, "ctmrinfo"),
        *fields_of(PersonalInfo, "personal", lists=2),
        *fields_of(ConsumerRequestConversation, "request"),
    )


class Form:
    """The values of many fields, whether or not their widgets exist yet.

    Args:
        fields: Every field of the form, in the order of the wire.
        changed: Called after a value has changed.
    """

    def __init__(self, fields: Iterable[FormField], changed: Callable[[], None]) -> None:
        self.fields = {field.key: field for field in fields}
        self.values: dict[str, Any] = dict(_DEFAULTS)
        self.widgets: dict[str, Any] = {}
        self._carried: dict[Path, Any] = dict(_FRESH)
        self._slots = dict(_SLOTS)
        self._changed = changed
        self._quiet = False

    def widget(self, field: FormField, kit: Kit) -> Any:
        """Make the field's widget; what is typed into it is kept from then on."""
        made = field.widget(self.values.get(field.key, field.empty), kit)
        made.observe(lambda change: self._typed(field.key, change["new"]), names="value")
        self.widgets[field.key] = made
        return made

    def collect(self) -> tuple[list[dict[str, Any]], dict[str, str]]:
        """Return the frames, without ids, and for each filled field's wire path the field's key.

        Nothing is left out for being wrong, and nothing is there that was not filled in or loaded.
        """
        leaves = dict(self._carried)
        owners: dict[Path, str] = {}
        for key, field in self.fields.items():
            found = field.to_wire(self.values.get(key))
            if found is None:
                continue
            path = self._path(field)
            if field.place != "request":
                leaves[(*path[:5], "type")] = field.place
            leaves[path] = found
            owners[path] = key
        frames, places = assemble(leaves)
        return frames, {places[path]: key for path, key in owners.items()}

    @property
    def filled(self) -> set[str]:
        """The keys of the fields that hold something."""
        return {key for key, value in self.values.items() if value not in (None, "")}

    @property
    def carried(self) -> list[str]:
        """Where the values stand that were loaded and have no field."""
        return list(assemble({p: v for p, v in self._carried.items() if p not in _FRESH})[1].values())

    def load(self, frames: Sequence[Mapping[str, Any]]) -> None:
        """Take *frames* as the new content: into the fields what they can show, and carry the rest."""
        leaves = flatten([{key: value for key, value in frame.items() if key != "id"} for frame in frames])
        leaves = {**_FRESH, **leaves}
        for place in (0, 1):
            leaves.pop((place, "kind"), None)
        self._slots = _slots(leaves)
        values: dict[str, Any] = {}
        for key, field in self.fields.items():
            path = self._path(field)
            inside = {leaf[len(path) :]: value for leaf, value in leaves.items() if leaf[: len(path)] == path}
            if not inside:
                continue
            whole, _ = assemble({("it", *leaf): value for leaf, value in inside.items()})
            if (value := field.from_wire(whole["it"])) != field.empty:
                values[key] = value
                for leaf in inside:
                    del leaves[(*path, *leaf)]
        taken = {self.fields[key].place for key in values} - {"request"}
        for kind in taken:  # an SDE that stands in fields altogether gets its type from them
            element = (*_SDES, self._slots[kind])
            if [leaf for leaf in leaves if leaf[:5] == element] == [(*element, "type")]:
                del leaves[(*element, "type")]
        self._carried = leaves
        self._show(values)

    def clear(self) -> None:
        """Empty every field and drop what was carried along."""
        self._carried = dict(_FRESH)
        self._slots = dict(_SLOTS)
        self._show(_DEFAULTS)

    def _show(self, values: Mapping[str, Any]) -> None:
        self._quiet = True
        try:
            self.values = dict(values)
            for key, widget in self.widgets.items():
                widget.value = values.get(key, self.fields[key].empty)
        finally:
            self._quiet = False
        self._changed()

    def _typed(self, key: str, value: Any) -> None:
        if not self._quiet:
            self.values[key] = value
            self._changed()

    def _path(self, field: FormField) -> Path:
        if field.place == "request":
            return (1, "body", *field.path)
        return (*_SDES, self._slots[field.place], _BODIES[field.place], *field.path)


def at_fields(complaints: Sequence[Complaint], keys: Mapping[str, str]) -> dict[str, str]:
    """Sort *complaints* to the fields that stand at the paths *keys*, shortened to the field's own name.

    A complaint about a part of a field goes to the field, one about a whole object to its first field.

    Example:
        >>> wrong = Complaint("[1].body.campaignInfo.campaignId", "[1].body.campaignInfo.campaignId is odd.")
        >>> at_fields([wrong], {"[1].body.campaignInfo.campaignId": "request.campaignInfo.campaignId"})
        {'request.campaignInfo.campaignId': 'campaignId is odd.'}
    """
    found: dict[str, list[str]] = {}
    for complaint in complaints:
        path = complaint.path
        inside = (place for place in keys if path.startswith((f"{place}.", f"{place}[")))
        around = (place for place in keys if place.startswith((f"{path}.", f"{path}[")))
        place = path if path in keys else next(inside, None) or next(around, None)
        if place is not None:
            short = complaint.sentence.replace(path, path.rsplit(".", 1)[-1], 1)
            found.setdefault(keys[place], []).append(short)
    return {key: " ".join(sentences) for key, sentences in found.items()}


def _slots(leaves: Mapping[Path, Any]) -> dict[str, int]:
    """Which element of ``lp_sdes`` the fields of each type stand for: the last one, which counts."""
    types = {leaf[4]: value for leaf, value in leaves.items() if leaf[:4] == _SDES and leaf[5:] == ("type",)}
    found = {kind: int(slot) for slot, kind in types.items()}
    free = len(types)
    for kind in _BODIES:
        if kind not in found:
            found[kind], free = free, free + 1
    return found


class Group(ipw.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Some fields of a form under each other, with a note below each that has something to say.

    Args:
        form: What keeps the values.
        fields: The fields, in the order shown.
        kit: The panel's layouts.
        helped: The keys of the fields whose help is always visible.
    """

    def __init__(self, form: Form, fields: Sequence[FormField], kit: Kit, helped: Iterable[str]) -> None:
        self._kit = kit
        self._fields = tuple(fields)
        self._helped = frozenset(helped)
        self._widgets = {field.key: form.widget(field, kit) for field in fields}
        # A note that is put in later makes the page draw what follows anew, and whoever has tabbed on loses
        # their place. So every field that a few wrong letters bring a complaint to has one from the start.
        self._notes = {
            field.key: kit.html(note_html(field.help if field.key in self._helped else ""), "lpnb-note")
            for field in fields
            if field.key in self._helped or field.kind in ("choice", "whole", "number")
        }
        super().__init__(self._rows(), layout=kit.plain, _dom_classes=("lpnb-group",))

    def complain(self, sentences: Mapping[str, str]) -> None:
        """Show at each field the sentence that there is about it."""
        added = False
        for field in self._fields:
            sentence, note = sentences.get(field.key, ""), self._notes.get(field.key)
            if note is None and not sentence:
                continue
            if note is None:
                note = self._notes[field.key] = self._kit.html("", "lpnb-note")
                added = True
            note.value = note_html(field.help if field.key in self._helped else "", sentence)
            widget = self._widgets[field.key]
            (widget.add_class if sentence else widget.remove_class)("lpnb-wrong")
        if added:
            self.children = self._rows()

    def _rows(self) -> list[Any]:
        both = ((self._widgets[field.key], self._notes.get(field.key)) for field in self._fields)
        return [widget for pair in both for widget in pair if widget is not None]


class Fold:
    """A button that shows and hides a group, which is made when it is first opened."""

    def __init__(self, title: str, fields: Sequence[FormField], form: Form, kit: Kit) -> None:
        self.fields = tuple(fields)
        self.group: Group | None = None
        self._title, self._form, self._kit = title, form, kit
        self._open = False
        self._wrong: Mapping[str, str] = {}
        self.button = kit.button(self._words(), lambda _: self.show(not self._open), "lpnb-fold")
        self.body = ipw.VBox(layout=kit.plain, _dom_classes=("lpnb-hidden",))

    def show(self, visible: bool) -> None:
        """Open or close it."""
        if visible and self.group is None:
            # Without an example the help is the placeholder; a second contact needs no help again.
            helped = [f.key for f in self.fields if f.help and f.example and 1 not in f.path]
            self.group = Group(self._form, self.fields, self._kit, helped)
            self.group.complain(self._wrong)
            self.body.children = [self.group]
        self._open = visible
        shown(self.body, visible)
        (self.button.add_class if visible else self.button.remove_class)("lpnb-open")
        self.button.description = self._words()

    def complain(self, sentences: Mapping[str, str]) -> None:
        """Show the complaints; while it is closed, how many there are."""
        self._wrong = {f.key: sentences[f.key] for f in self.fields if f.key in sentences}
        if self.group is not None:
            self.group.complain(self._wrong)
        self.button.description = self._words()

    def _words(self) -> str:
        filled = len(self._form.filled & {field.key for field in self.fields} - set(_DEFAULTS))
        words = [f"{'Less' if self._open else 'More'} {self._title}"]
        if not self._open:
            words += [f"{filled} filled"] * bool(filled) + [f"{len(self._wrong)} to fix"] * bool(self._wrong)
        return " · ".join(words)
