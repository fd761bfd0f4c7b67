"""``BatchForm``: the fields of one CONVERSATION batch, with JSON preview, complaints, hints and undo."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets as ipw

from lpnb._internal import event_loop
from lpnb._internal.validation import check_consumer_id
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.batches import ConversationBatch, RawBatch
from lpnb.models.best_practices import Hint, advise
from lpnb.models.conversation_request import ClientProperties
from lpnb.widgets import html_views
from lpnb.widgets.form.custom_fields import CustomFields
from lpnb.widgets.form.fields import FormField
from lpnb.widgets.form.form import (
    HELPED,
    MOST_CONTACTS,
    WHERE,
    WHO,
    Form,
    batch_fields,
    complaints_by_field,
    contact_fields,
    is_frame_pair,
)
from lpnb.widgets.form.sections import CollapsibleSection, Section
from lpnb.widgets.styles import WidgetFactory, insert_after, set_visible

CONSUMER = "consumer_id"
#: How many steps back there are, and for how many seconds typing into one field is one step.
_STEPS, _ONE_STEP = 100, 2.0
#: How many complaints have a button of their own.
_JUMPS = 8
_TITLES = {
    "personal": "about the person",
    "ctmrinfo": "about the customer",
    "request": "about session and channel",
}


class BatchForm:
    """The fields with all that is shown about them: ``left`` is the form, ``side`` the frames and the advice.

    Args:
        account_id: Whose ``brandId`` the preview shows.
        kit: The panel's layouts.
        changed: Called after every change, once it has been checked and shown.
        failed: Told of an exception, which in a callback would vanish unseen.
        below: Makes what stands below the fields.
    """

    def __init__(
        self,
        account_id: str,
        kit: WidgetFactory,
        changed: Callable[[], None],
        failed: Callable[[Exception], None],
        below: Callable[[BatchForm], list[Any]],
    ) -> None:
        self.account_id = account_id
        self.batch: ConversationBatch | None = None
        self.complaints: tuple[Complaint, ...] = ()
        self.lines: list[html_views.JsonLine] = []
        self.changed_at = 0.0
        #: Whether loading opens the folds that then hold something; closed ones say how much they hold.
        self.opens = True
        self._kit, self._changed, self._failed, self._below = kit, changed, failed, below
        self._client_properties: ClientProperties | None = None
        self._lines_before: list[html_views.JsonLine] = []
        self._owners: list[str] = []
        self._back: list[Any] = []
        self._forth: list[Any] = []
        self._last_step = ("", 0.0)
        self._quiet = False
        self.form = Form(batch_fields(), self.render, self._typing)
        self._build(kit)

    def _build(self, kit: WidgetFactory) -> None:
        """Make the widgets, each with what it first holds: every later write is a message."""
        form = self.form
        fields = form.fields
        rest = [field for key, field in fields.items() if key not in (*WHO, *WHERE)]
        self.who = Section(form, [fields[key] for key in WHO], kit, HELPED)
        self.where = Section(form, [fields[key] for key in WHERE], kit, HELPED)
        feet: dict[str, Callable[[], list[Any]]] = {"personal": self._more_contacts}
        self.folds = {
            place: CollapsibleSection(
                title, [f for f in rest if f.place == place], form, kit, self._place, feet.get(place, list)
            )
            for place, title in _TITLES.items()
        }
        self.own = CustomFields(form, kit, self._place, self._take_own)
        person, customer, session = self.folds.values()
        self.consumer_id = ipw.Text(
            value=str(uuid.uuid4()), description="Consumer id", layout=kit.plain, style=kit.text
        )
        self._consumer = self.consumer_id.value
        self._check()
        self.consumer_id.observe(self._consumer_typed, names="value")
        new_id = kit.button("New id", lambda _: self.new_id(), tooltip="A fresh id that nobody can guess")
        self.consumer_note = kit.html("", "lpnb-note")
        who = "<h3>Who the agent sees</h3><p>The SDEs. Only what is filled in is sent.</p>"
        where = "<h3>Where it goes</h3><p>The campaign and engagement that route the conversation.</p>"
        self.left = kit.vbox(
            [
                kit.box([self.consumer_id, new_id], "lpnb-consumer"),
                self.consumer_note,
                kit.html(who, "lpnb-head"),
                self.who,
                *(person.button, customer.button, self.own.fold.button),
                kit.html(where, "lpnb-head"),
                self.where,
                session.button,
                *self._below(self),
            ],
            "lpnb-form",
        )
        self.preview = kit.html(self._preview_html(), "lpnb-preview")
        self.says = kit.html(html_views.wrong_html(()), "lpnb-says")
        self.jumps: Any = None
        self.hints = kit.html(html_views.hints_html(self.advice), "lpnb-says")
        self.request = kit.html("", "lpnb-request")
        self._stay = kit.box([self.says, self.preview, self.request, self.hints], "lpnb-stay")
        self.side = kit.box([self._stay], "lpnb-side")

    def _place(self) -> Any:
        return self.left

    # What it holds

    @property
    def advice(self) -> tuple[Hint, ...]:
        """What the documentation would have you do differently."""
        return () if self.batch is None else advise(self.batch)

    def field(self, key: str) -> Any:
        """Return the widget of one field, making it if its fold has not been open yet.

        Raises:
            KeyError: There is no such field.
        """
        if key not in self.form.fields:
            raise KeyError(key)
        if key not in self.form.widgets:
            self._fold_of(self.form.fields[key]).show(True)
        return self.form.widgets[key]

    def jump(self, key: str) -> None:
        """Put the cursor into the field *key*, opening the fold that it is in."""
        widget = self.consumer_id if key == CONSUMER else self.field(key)
        if key != CONSUMER:
            field = self.form.fields[key]
            if field.key not in (*WHO, *WHERE):
                self._fold_of(field).show(True)
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
        self._step("load")
        self._client_properties = properties
        self.form.load(wire)
        self._show_new_fields()
        for fold in self.folds.values() if self.opens else ():
            if self.form.filled & {field.key for field in fold.fields} - {"request.channelType"}:
                fold.show(True)

    def fill(self, values: Mapping[str, str]) -> None:
        """Fill single fields and leave the others as they are; one step."""
        self._step("fill")
        form = self.form.state()
        self.form.restore(({**form[0], **values}, *form[1:]))

    def clear(self) -> None:
        """Empty the form and take a fresh consumer id."""
        self._step("clear")
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

    # Steps back and forth

    @property
    def can_undo(self) -> bool:
        """Whether there is a step back."""
        return bool(self._back)

    @property
    def can_redo(self) -> bool:
        """Whether a step back has been taken."""
        return bool(self._forth)

    def undo(self) -> None:
        """Take back the last change."""
        if self._back:
            self._forth.append(self._state())
            self._restore(self._back.pop())

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if self._forth:
            self._back.append(self._state())
            self._restore(self._forth.pop())

    def _state(self) -> Any:
        return self.form.state(), self._client_properties, self._consumer

    def _restore(self, state: Any) -> None:
        self._last_step = ("", 0.0)
        form, self._client_properties, consumer = state
        self._set_consumer(consumer)
        self.form.restore(form)

    def _set_consumer(self, value: str) -> None:
        self._quiet = True
        try:
            self._consumer = self.consumer_id.value = value
        finally:
            self._quiet = False

    def _typing(self, key: str) -> None:
        """Typing on in the same field is one step, for as long as nobody pauses."""
        last, at = self._last_step
        now = time.monotonic()
        if key != last or now - at > _ONE_STEP:
            self._step(key)
        self._last_step = (key, now)

    def _step(self, key: str) -> None:
        self._last_step = (key, time.monotonic())
        self._back.append(self._state())
        del self._back[:-_STEPS]
        self._forth.clear()

    def _consumer_typed(self, change: Mapping[str, Any]) -> None:
        if not self._quiet:
            self._typing(CONSUMER)
            self._consumer = change["new"]
            self.render()

    # More fields

    def _more_contacts(self) -> list[Any]:
        def add(_button: object) -> None:
            if (number := self.form.contacts) < MOST_CONTACTS:
                self.folds["personal"].add(self.form.add(contact_fields(number)))
                self.jump(f"personal.contacts[{number}].email")
            set_visible(more, self.form.contacts < MOST_CONTACTS)

        more = self._kit.button("Add a contact", add, "lpnb-more")
        return [more]

    def _take_own(self, field: FormField) -> None:
        self.jump(field.key)

    def _show_new_fields(self) -> None:
        self.folds["personal"].add(
            [f for f in self.form.fields.values() if f.path[0] == "contacts" and f.key not in WHO]
        )
        self.own.show_all()

    def _fold_of(self, field: FormField) -> CollapsibleSection:
        return self.own.fold if field.kind == "own" else self.folds[field.place]

    # Showing

    def render(self) -> None:
        """Check what the form holds and show what that says. Runs after every change."""
        self.changed_at = time.monotonic()
        try:
            at_field = self._check()
            groups: list[Section | CollapsibleSection] = [
                self.who,
                self.where,
                *self.folds.values(),
                self.own.fold,
            ]
            for group in groups:
                group.complain(at_field)
            self.consumer_note.value = html_views.note_html("", at_field.get(CONSUMER, ""))
            self.says.value = html_views.wrong_html(self.complaints)
            self._show_jumps()
            self.hints.value = html_views.hints_html(self.advice)
            self.preview.value = self._preview_html()
            self._changed()
        except Exception as error:  # an exception in a callback would vanish unseen
            self.batch = None  # what was right before is not what the form holds now
            self._failed(error)

    def _check(self) -> dict[str, str]:
        """Ask the models about what the form holds; return for each field what they say about it."""
        frames, keys = self.form.collect()
        complaints: list[Complaint] = []
        try:
            batch = ConversationBatch.from_wire(frames, unknown="keep", keep_ids=False)
        except InvalidValueError as error:
            self.batch, complaints = None, list(error.complaints)
            frames[1]["body"] = {"brandId": self.account_id, **frames[1]["body"]}
        else:
            properties = self._client_properties
            self.batch = ConversationBatch(batch.profile, batch.request, properties, None, batch.more)
            frames = self.batch.to_wire(self.account_id)
        try:
            check_consumer_id(self.consumer_id.value)
        except InvalidValueError as error:
            complaints += error.complaints
        self.complaints = tuple(complaints)
        lines = list(html_views.json_lines(html_views.preview_frames(frames)))
        # Marks stay until something else changes: what changes nothing here is no reason to drop them.
        if [line.text for line in lines] != [line.text for line in self.lines]:
            self.lines, self._lines_before = lines, self.lines
        keys = {**keys, CONSUMER: CONSUMER}
        self._owners = [next(iter(complaints_by_field([each], keys)), "") for each in complaints]
        return complaints_by_field(complaints, keys)

    def _show_jumps(self) -> None:
        """One button for each complaint, which leads to its field. Buttons once made are used again."""
        wanted = self.complaints[:_JUMPS]
        if self.jumps is None:
            if not wanted:
                return
            self.jumps = self._kit.vbox([], "lpnb-jumps")
            insert_after(self._stay, self.says, self.jumps)
        buttons = list(self.jumps.children)
        while len(buttons) < len(wanted):
            place = len(buttons)
            buttons.append(self._kit.button("", lambda _, place=place: self._jump_to(place), "lpnb-jump"))
        for place, button in enumerate(buttons):
            if place < len(wanted):
                button.description = html_views.shortened(wanted[place].sentence)
            set_visible(button, place < len(wanted))
        if len(buttons) != len(self.jumps.children):
            self.jumps.children = buttons

    def _jump_to(self, place: int) -> None:
        if place < len(self._owners) and (key := self._owners[place]):
            self.jump(key)

    def _preview_html(self) -> str:
        wrong = {complaint.path for complaint in self.complaints}
        return html_views.preview_html(self.lines, self._lines_before, wrong, self._about_preview())

    def _about_preview(self) -> str:
        about = "Request ids are made fresh for each send."
        if self.batch is not None:
            about = f"{html_views.size_text(len(self.batch.outgoing(self.account_id).content))}. {about}"
        if carried := len(self.form.carried):
            about += f" {html_views.count(carried, 'loaded value')} without a field: carried along."
        if self._client_properties is not None:
            about += f" With the header Client-Properties: {self._client_properties.to_header()}"
        return about
