"""``BatchForm``: the fields of one CONVERSATION batch, with JSON preview, complaints, hints and undo."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as ipw

from lpnb._internal import event_loop
from lpnb._internal.display import count
from lpnb._internal.validation import check_consumer_id
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.batches import ConversationBatch, RawBatch
from lpnb.models.best_practices import Hint, advise
from lpnb.models.conversation_request import ClientProperties
from lpnb.models.outgoing import EncodedBatch
from lpnb.widgets import html_views
from lpnb.widgets.form.custom_fields import CustomFields
from lpnb.widgets.form.fields import FormField
from lpnb.widgets.form.form import (
    FIELDS_WITH_HELP,
    MAX_CONTACTS,
    PERSON_FIELDS,
    ROUTING_FIELDS,
    Form,
    batch_fields,
    complaints_by_field,
    contact_fields,
    is_frame_pair,
)
from lpnb.widgets.form.sections import CollapsibleSection, Section
from lpnb.widgets.styles import WidgetFactory, set_visible

CONSUMER = "consumer_id"
#: How many steps back there are, and for how many seconds typing into one field is one step.
_UNDO_LIMIT, _TYPING_PAUSE = 100, 2.0
#: How many complaints have a button of their own.
_MAX_COMPLAINT_BUTTONS = 8
_TITLES = {
    "personal": "about the person",
    "ctmrinfo": "about the customer",
    "request": "about session and channel",
}


class BatchForm:
    """The fields with all that is shown about them: ``left`` is the form, ``side`` the frames and the advice.

    Args:
        account_id: Whose ``brandId`` the preview shows.
        factory: The panel's layouts.
        on_change: Called after every change, once it has been checked and shown.
        on_error: Told of an exception, which in a callback would vanish unseen.
        extra_widgets: Makes what stands below the fields.
        request_html: What to show of the request that would post a batch, which comes encoded.
        skip_to_send: Puts the cursor onto Send, for whoever walks by the Tab key.
    """

    def __init__(
        self,
        account_id: str,
        factory: WidgetFactory,
        on_change: Callable[[], None],
        on_error: Callable[[Exception], None],
        extra_widgets: Callable[[BatchForm], list[Any]],
        request_html: Callable[[EncodedBatch | None], str],
        skip_to_send: Callable[[], None],
    ) -> None:
        self.account_id = account_id
        self.batch: ConversationBatch | None = None
        self._outgoing: EncodedBatch | None = None
        self.complaints: tuple[Complaint, ...] = ()
        self.lines: list[html_views.JsonLine] = []
        self.changed_at = 0.0
        #: Whether loading opens the folds that then hold something; closed ones say how much they hold.
        self.expand_on_load = True
        self._factory, self._on_change, self._on_error = factory, on_change, on_error
        self._extra_widgets, self._skip_to_send = extra_widgets, skip_to_send
        self._request_html = request_html
        self._client_properties: ClientProperties | None = None
        self._lines_before: list[html_views.JsonLine] = []
        self._complaint_fields: list[str] = []
        self._undo_stack: list[Any] = []
        self._redo_stack: list[Any] = []
        self._last_edit = ("", 0.0)
        self._is_restoring = False
        self._findings: Sequence[Complaint] = ()
        self._finding_values: dict[str, Any] = {}
        self.form = Form(batch_fields(), self.render, self._record_typing)
        self._build(factory)

    def _build(self, factory: WidgetFactory) -> None:
        """Make the widgets, each with what it first holds: every later write is a message."""
        form = self.form
        fields = form.fields
        other_fields = [
            field for key, field in fields.items() if key not in (*PERSON_FIELDS, *ROUTING_FIELDS)
        ]
        self.who, self.where = (
            Section(form, [fields[key] for key in keys], factory, FIELDS_WITH_HELP, self._container)
            for keys in (PERSON_FIELDS, ROUTING_FIELDS)
        )
        section_feet: dict[str, Callable[[], list[Any]]] = {"personal": self._more_contacts}
        self.collapsible_sections = {
            place: CollapsibleSection(
                title,
                [f for f in other_fields if f.place == place],
                form,
                factory,
                self._container,
                section_feet.get(place, list),
            )
            for place, title in _TITLES.items()
        }
        self.custom = CustomFields(form, factory, self._container, self._on_custom_field)
        person, customer, session = self.collapsible_sections.values()
        self.consumer_id = ipw.Text(
            value=str(uuid.uuid4()), description="Consumer id", layout=factory.plain, style=factory.text
        )
        self._consumer = self.consumer_id.value
        self._check()
        self.consumer_id.observe(self._on_consumer_input, names="value")
        new_id = factory.button("New id", lambda _: self.new_id(), tooltip="A fresh id that nobody can guess")
        self.consumer_note: Any = None
        self._consumer_row = factory.box([self.consumer_id, new_id], "lpnb-consumer")
        who = "<h3>Who the agent sees</h3><p>The SDEs. Only what is filled in is sent.</p>"
        where = "<h3>Where it goes</h3><p>The campaign and engagement that route the conversation.</p>"
        self.left = factory.vbox(
            [
                self._consumer_row,
                factory.html(who, "lpnb-head"),
                self._skip_link(),
                *self.who.rows(),
                *(person.button, customer.button, self.custom.section.button),
                factory.html(where, "lpnb-head"),
                self._skip_link(),
                *self.where.rows(),
                session.button,
                *self._extra_widgets(self),
            ],
            "lpnb-form",
        )
        self.preview = factory.html(self._preview_html(), "lpnb-preview")
        self.complaint_summary: Any = None
        self.complaint_buttons: Any = None
        self.hints = factory.html("", "lpnb-says")
        self._show_hints()
        self.side = factory.box([self.preview, self.hints], "lpnb-side")

    def _skip_link(self) -> Any:
        """A button that is seen once the Tab key has come to it."""
        return self._factory.button("Skip to Send", lambda _: self._skip_to_send(), "lpnb-skip")

    def _container(self) -> Any:
        return self.left

    # What it holds

    @property
    def advice(self) -> tuple[Hint, ...]:
        """What the documentation would have you do differently."""
        return () if self.batch is None else advise(self.batch, self.account_id)

    def field(self, key: str) -> Any:
        """Return the widget of one field, making it if its fold has not been open yet.

        Raises:
            KeyError: There is no such field.
        """
        if key not in self.form.fields:
            raise KeyError(key)
        if key not in self.form.widgets:
            self._section_of(self.form.fields[key]).show(True)
        return self.form.widgets[key]

    def jump(self, key: str) -> None:
        """Put the cursor into the field *key*, opening the fold that it is in."""
        widget = self.consumer_id if key == CONSUMER else self.field(key)
        if key != CONSUMER:
            field = self.form.fields[key]
            if field.key not in (*PERSON_FIELDS, *ROUTING_FIELDS):
                self._section_of(field).show(True)
        widget.focus()
        # Once more: the page may still be making the box, or opening the fold around it.
        loop = event_loop.loop()
        loop.call_soon_threadsafe(loop.call_later, 0.3, widget.focus)

    def load(
        self,
        frames: ConversationBatch | str | bytes | Sequence[Mapping[str, Any]],
        unknown: str = "refuse",
        client_properties: ClientProperties | None = None,
    ) -> None:
        """Fill the form from a batch, or from frames as the wire has them. Request ids are not kept.

        What the form has no field for is carried along, and shows in the preview. With *unknown* "keep",
        fields that are not documented become fields of one's own, and wrong values stand where
        they can be put right.

        Raises:
            InvalidValueError: The frames are wrong, or a ``RawBatch``, which no form can show.
        """
        if isinstance(frames, RawBatch):
            sentence = "frames must be a batch that follows the rules; a RawBatch is sent without the form."
            raise InvalidValueError([Complaint("frames", sentence)])
        properties = client_properties
        try:
            if not isinstance(frames, ConversationBatch):
                frames = ConversationBatch.from_wire(frames, unknown=unknown, keep_ids=False)
            properties, wire = client_properties or frames.client_properties, frames.to_wire()
        except InvalidValueError:
            # Wrong values are put right in their fields; what is no pair of frames has none.
            if unknown != "keep" or not is_frame_pair(frames):
                raise
            wire = list(frames)  # type: ignore[arg-type]  # fits has seen to it
        self._push_undo("load")
        self._findings = ()
        self._client_properties = properties
        self.form.load(wire)
        self._show_new_fields()
        for section in self.collapsible_sections.values() if self.expand_on_load else ():
            if self.form.filled_keys & {field.key for field in section.fields} - {"request.channelType"}:
                section.show(True)

    def show_findings(self, findings: Sequence[Complaint]) -> None:
        """Show at its field each thing that was found in what was loaded, until that field is changed."""
        self._findings, self._finding_values = findings, dict(self.form.values)
        self.render()

    def fill(self, values: Mapping[str, str]) -> None:
        """Fill single fields and leave the others as they are; one step."""
        self._push_undo("fill")
        form = self.form.state()
        self.form.restore(({**form[0], **values}, *form[1:]))

    def clear(self) -> None:
        """Empty the form and take a fresh consumer id."""
        self._push_undo("clear")
        self._client_properties = None
        self._set_consumer(str(uuid.uuid4()))
        self.form.clear()

    def new_id(self) -> None:
        """Take a fresh consumer id and keep all else."""
        self.consumer_id.value = str(uuid.uuid4())

    def reopen(self, frames: ConversationBatch, consumer_id: str) -> None:
        """Show what was sent before, for its consumer."""
        self.load(frames)
        self._set_consumer(consumer_id)
        self.render()

    def plain_values(self) -> dict[str, Any]:
        """All that it holds, as plain values for ``restore_plain``."""
        header = self._client_properties
        return {
            "consumer_id": self.consumer_id.value,
            "frames": self.form.collect()[0],
            "client_properties": header.to_wire() if header else None,
        }

    def restore_plain(self, values: Mapping[str, Any]) -> None:
        """Hold again what ``plain_values`` has returned; there is no step back from it.

        Raises:
            KeyError, InvalidValueError: They are no such values.
        """
        header = values["client_properties"]
        properties = ClientProperties.from_wire(header, unknown="keep") if header else None
        self.load(values["frames"], "keep", properties)
        self._set_consumer(values["consumer_id"])
        self.render()
        self._undo_stack.clear()

    # Steps back and forth

    @property
    def can_undo(self) -> bool:
        """Whether there is a step back."""
        return bool(self._undo_stack)

    @property
    def can_redo(self) -> bool:
        """Whether a step back has been taken."""
        return bool(self._redo_stack)

    def undo(self) -> None:
        """Take back the last change."""
        if self._undo_stack:
            self._redo_stack.append(self._state())
            self._restore(self._undo_stack.pop())

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if self._redo_stack:
            self._undo_stack.append(self._state())
            self._restore(self._redo_stack.pop())

    def _state(self) -> Any:
        return self.form.state(), self._client_properties, self._consumer

    def _restore(self, state: Any) -> None:
        self._last_edit = ("", 0.0)
        form, self._client_properties, consumer = state
        self._set_consumer(consumer)
        self.form.restore(form)

    def _set_consumer(self, value: str) -> None:
        self._is_restoring = True
        try:
            self._consumer = self.consumer_id.value = value
        finally:
            self._is_restoring = False

    def _record_typing(self, key: str) -> None:
        """Typing on in the same field is one step, for as long as nobody pauses."""
        last, at = self._last_edit
        now = time.monotonic()
        if key != last or now - at > _TYPING_PAUSE:
            self._push_undo(key)
        self._last_edit = (key, now)

    def _push_undo(self, key: str) -> None:
        self._last_edit = (key, time.monotonic())
        self._undo_stack.append(self._state())
        del self._undo_stack[:-_UNDO_LIMIT]
        self._redo_stack.clear()

    def _on_consumer_input(self, change: Mapping[str, Any]) -> None:
        if not self._is_restoring:
            self._record_typing(CONSUMER)
            self._consumer = change["new"]
            self.render()

    # More fields

    def _more_contacts(self) -> list[Any]:
        def add(_button: object) -> None:
            if (number := self.form.contacts) < MAX_CONTACTS:
                self.collapsible_sections["personal"].add(self.form.add(contact_fields(number)))
                self.jump(f"personal.contacts[{number}].email")
            set_visible(more, self.form.contacts < MAX_CONTACTS)

        more = self._factory.button("Add a contact", add, "lpnb-more")
        return [more]

    def _on_custom_field(self, field: FormField) -> None:
        self.jump(field.key)

    def _show_new_fields(self) -> None:
        self.collapsible_sections["personal"].add(
            [f for f in self.form.fields.values() if f.path[0] == "contacts" and f.key not in PERSON_FIELDS]
        )
        self.custom.show_all()

    def _section_of(self, field: FormField) -> CollapsibleSection:
        return self.custom.section if field.kind == "own" else self.collapsible_sections[field.place]

    # Showing

    def render(self) -> None:
        """Check what the form holds and show what that says. Runs after every change."""
        self.changed_at = time.monotonic()
        try:
            sentences = self._check()
            sections: list[Section | CollapsibleSection] = [
                self.who,
                self.where,
                *self.collapsible_sections.values(),
                self.custom.section,
            ]
            for section in sections:
                section.show_complaints(sentences)
            self._show_consumer_note(sentences.get(CONSUMER, ""))
            self._show_complaint_buttons()
            self._show_hints()
            self.preview.value = self._preview_html()
            self._on_change()
        except Exception as error:  # an exception in a callback would vanish unseen
            self.batch = self._outgoing = None  # what was right before is not what the form holds now
            self._on_error(error)

    def _check(self) -> dict[str, str]:
        """Ask the models about what the form holds; return for each field what they say about it."""
        frames, keys = self.form.collect()
        complaints: list[Complaint] = []
        try:
            batch = ConversationBatch.from_wire(frames, unknown="keep", keep_ids=False)
        except InvalidValueError as error:
            self.batch, self._outgoing, complaints = None, None, list(error.complaints)
            frames[1]["body"] = {"brandId": self.account_id, **frames[1]["body"]}
        else:
            properties = self._client_properties
            self.batch = ConversationBatch(batch.profile, batch.request, properties, None, batch.more)
            frames = self.batch.to_wire(self.account_id)
            self._outgoing = self.batch.encode(frames)
        try:
            check_consumer_id(self.consumer_id.value)
        except InvalidValueError as error:
            complaints += error.complaints
        self.complaints = tuple(complaints)
        lines = html_views.json_lines(html_views.preview_frames(frames))
        # Marks stay until something else changes: what changes nothing here is no reason to drop them.
        if [line.text for line in lines] != [line.text for line in self.lines]:
            self.lines, self._lines_before = lines, self.lines
        keys = {**keys, CONSUMER: CONSUMER}
        self._complaint_fields = [next(iter(complaints_by_field([each], keys)), "") for each in complaints]
        findings = complaints_by_field(self._findings, keys)
        current_findings = {
            key: sentence for key, sentence in findings.items()
            if self.form.values.get(key) == self._finding_values.get(key)
        }  # fmt: skip
        return {**current_findings, **complaints_by_field(complaints, keys)}

    def _show_consumer_note(self, sentence: str) -> None:
        """At the end of its row, where it moves nobody's place when it is made."""
        if sentence and self.consumer_note is None:
            self.consumer_note = self._factory.html("", "lpnb-note")
            self._consumer_row.children = [*self._consumer_row.children, self.consumer_note]
        if self.consumer_note is not None:
            self.consumer_note.value = html_views.note_html("", sentence)

    def show_request(self) -> None:
        """Show the request as it is now: a send may have looked up where it goes."""
        self.hints.value = self._request_html(self._outgoing) + self._advice_html

    def _show_hints(self) -> None:
        self._advice_html = html_views.hints_html(self.advice)
        self.show_request()

    def _show_complaint_buttons(self) -> None:
        """One button for each complaint, which leads to its field. Buttons once made are used again."""
        complaints_shown = self.complaints[:_MAX_COMPLAINT_BUTTONS]
        if self.complaint_buttons is None:
            if not complaints_shown:
                return
            self.complaint_summary = self._factory.html("", "lpnb-says")
            self.complaint_buttons = self._factory.vbox([], "lpnb-jumps")
            self.side.children = [self.complaint_summary, self.complaint_buttons, *self.side.children]
        self.complaint_summary.value = html_views.wrong_html(self.complaints)
        buttons = list(self.complaint_buttons.children)
        while len(buttons) < len(complaints_shown):
            place = len(buttons)
            buttons.append(self._factory.button("", lambda _, place=place: self._jump_to(place), "lpnb-jump"))
        for place, button in enumerate(buttons):
            if place < len(complaints_shown):
                button.description = html_views.shortened(complaints_shown[place].sentence)
            set_visible(button, place < len(complaints_shown))
        if len(buttons) != len(self.complaint_buttons.children):
            self.complaint_buttons.children = buttons

    def _jump_to(self, place: int) -> None:
        if place < len(self._complaint_fields) and (key := self._complaint_fields[place]):
            self.jump(key)

    def _preview_html(self) -> str:
        wrong = {complaint.path for complaint in self.complaints}
        return html_views.preview_html(self.lines, self._lines_before, wrong, self._preview_note())

    def _preview_note(self) -> str:
        note = "Request ids are made fresh for each send."
        if self._outgoing is not None:
            note = f"{html_views.size_text(len(self._outgoing.content))}. {note}"
        if number := len(self.form.other_values):
            note += f" {count(number, 'loaded value')} without a field: carried along."
        if self._client_properties is not None:
            note += f" With the header Client-Properties: {self._client_properties.to_header()}"
        return note
