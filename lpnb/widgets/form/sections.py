"""Sections of form fields with a note below each field, and sections that collapse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import ipywidgets as ipw

from lpnb.widgets.form.fields import FormField
from lpnb.widgets.form.form import DEFAULTS, Form
from lpnb.widgets.html_views import note_html
from lpnb.widgets.styles import WidgetFactory, insert_after, set_visible


class Section(ipw.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Some fields of a form under each other, with a note below each that has something to say.

    Args:
        form: What keeps the values.
        fields: The fields, in the order shown.
        kit: The panel's layouts.
        helped: The keys of the fields whose help is always visible.
    """

    def __init__(
        self, form: Form, fields: Sequence[FormField], kit: WidgetFactory, helped: Iterable[str]
    ) -> None:
        self._form, self._kit = form, kit
        self._fields = tuple(fields)
        self._helped = frozenset(helped)
        self._widgets = {field.key: form.widget(field, kit) for field in fields}
        # A note that is put in later makes the page draw what follows anew, and whoever has tabbed on loses
        # their place. So every field that a few wrong letters bring a complaint to has one from the start.
        self._notes: dict[str, Any] = {}
        self._note(fields)
        super().__init__(self._rows(), layout=kit.plain, _dom_classes=("lpnb-group",))

    def _note(self, fields: Iterable[FormField]) -> None:
        for field in fields:
            if field.key in self._helped or field.kind in ("choice", "whole", "number"):
                helping = field.help if field.key in self._helped else ""
                self._notes[field.key] = self._kit.html(note_html(helping), "lpnb-note")

    def add(self, fields: Sequence[FormField]) -> None:
        """Show further fields below those that are there."""
        if new := [field for field in fields if field.key not in self._widgets]:
            self._fields += tuple(new)
            self._widgets.update((field.key, self._form.widget(field, self._kit)) for field in new)
            self._note(new)
            self.children = self._rows()

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


class CollapsibleSection:
    """A button that shows and hides a group, which is made when it is first opened.

    Args:
        title: What the group is about, such as "about the person".
        fields: Its fields.
        form: What keeps the values.
        kit: The panel's layouts.
        place: Returns the box that the button stands in, and that the group is put into.
        foot: Makes what stands below the group, such as a button for more of it.
    """

    def __init__(
        self,
        title: str,
        fields: Sequence[FormField],
        form: Form,
        kit: WidgetFactory,
        place: Callable[[], Any],
        foot: Callable[[], list[Any]] = list,
    ) -> None:
        self.fields = tuple(fields)
        self.group: Section | None = None
        self._title, self._form, self._kit, self._place, self._foot = title, form, kit, place, foot
        self._open = False
        self._wrong: Mapping[str, str] = {}
        self.button = kit.button(self._words(), lambda _: self.show(not self._open), "lpnb-fold")
        self.body: Any = None

    def show(self, visible: bool) -> None:
        """Open or close it."""
        if visible and self.group is None:
            # Without an example the help is the placeholder; a second contact needs no help again.
            helped = [f.key for f in self.fields if f.help and f.example and not {1, 2} & set(f.path)]
            self.group = Section(self._form, self.fields, self._kit, helped)
            self.group.complain(self._wrong)
            self.body = self._kit.vbox([self.group, *self._foot()])
            insert_after(self._place(), self.button, self.body)
        self._open = visible
        if self.body is not None:
            set_visible(self.body, visible)
        (self.button.add_class if visible else self.button.remove_class)("lpnb-open")
        self.button.description = self._words()

    def add(self, fields: Sequence[FormField]) -> None:
        """Take on further fields."""
        self.fields += tuple(field for field in fields if field not in self.fields)
        if self.group is not None:
            self.group.add(self.fields)
        self.button.description = self._words()

    def complain(self, sentences: Mapping[str, str]) -> None:
        """Show the complaints; while it is closed, how many there are."""
        self._wrong = {f.key: sentences[f.key] for f in self.fields if f.key in sentences}
        if self.group is not None:
            self.group.complain(self._wrong)
        self.button.description = self._words()

    def _words(self) -> str:
        filled = len(self._form.filled & {field.key for field in self.fields} - set(DEFAULTS))
        words = [f"{'Less' if self._open else 'More'} {self._title}"]
        if not self._open:
            words += [f"{filled} filled"] * bool(filled) + [f"{len(self._wrong)} to fix"] * bool(self._wrong)
        return " · ".join(words)
