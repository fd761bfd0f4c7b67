"""Sections of form fields with a note below each field, and sections that collapse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lpnb.widgets.form.fields import FormField
from lpnb.widgets.form.form import DEFAULTS, Form
from lpnb.widgets.html_views import note_html
from lpnb.widgets.styles import WidgetFactory, insert_after, set_visible


class Section:
    """Some fields of a form under each other, with a note below each that has something to say.

    Args:
        form: What keeps the values.
        fields: The fields, in the order shown.
        factory: The panel's layouts.
        keys_with_help: The keys of the fields whose help is always visible.
        container: Returns the box that ``rows`` stand in.
    """

    def __init__(
        self,
        form: Form,
        fields: Sequence[FormField],
        factory: WidgetFactory,
        keys_with_help: Iterable[str],
        container: Callable[[], Any],
    ) -> None:
        self._form, self._factory, self._container = form, factory, container
        self._fields = tuple(fields)
        self._keys_with_help = frozenset(keys_with_help)
        self._widgets = {field.key: form.widget(field, factory) for field in fields}
        # A note that is put in later makes the page draw what follows anew, and whoever has tabbed on loses
        # their place. So every field that a few wrong letters bring a complaint to has one from the start.
        self._notes: dict[str, Any] = {}
        self._note(fields)

    def _note(self, fields: Iterable[FormField]) -> None:
        for field in fields:
            if field.key in self._keys_with_help or field.kind in ("choice", "whole", "number"):
                help_text = field.help if field.key in self._keys_with_help else ""
                self._notes[field.key] = self._factory.html(note_html(help_text), "lpnb-note")

    def add(self, fields: Sequence[FormField]) -> None:
        """Show further fields below those that are there."""
        if new := [field for field in fields if field.key not in self._widgets]:
            box, before = self._container(), self.rows()
            start = box.children.index(before[0]) if before else 0
            self._fields += tuple(new)
            self._widgets.update((field.key, self._form.widget(field, self._factory)) for field in new)
            self._note(new)
            rest = box.children[start + len(before) :]
            box.children = [*box.children[:start], *self.rows(), *rest]

    def show_complaints(self, sentences: Mapping[str, str]) -> None:
        """Show at each field the sentence that there is about it."""
        for field in self._fields:
            sentence, note = sentences.get(field.key, ""), self._notes.get(field.key)
            if note is None and not sentence:
                continue
            widget = self._widgets[field.key]
            if note is None:
                note = self._notes[field.key] = self._factory.html("", "lpnb-note")
                insert_after(self._container(), widget, note)
            note.value = note_html(field.help if field.key in self._keys_with_help else "", sentence)
            (widget.add_class if sentence else widget.remove_class)("lpnb-wrong")

    def rows(self) -> list[Any]:
        """The fields' widgets, each with its note if it has one."""
        both = ((self._widgets[field.key], self._notes.get(field.key)) for field in self._fields)
        return [widget for pair in both for widget in pair if widget is not None]


class CollapsibleSection:
    """A button that shows and hides a group, which is made when it is first opened.

    Args:
        title: What the group is about, such as "about the person".
        fields: Its fields.
        form: What keeps the values.
        factory: The panel's layouts.
        container: Returns the box that the button stands in, and that the group is put into.
        make_foot: Makes what stands below the group, such as a button for more of it.
    """

    def __init__(
        self,
        title: str,
        fields: Sequence[FormField],
        form: Form,
        factory: WidgetFactory,
        container: Callable[[], Any],
        make_foot: Callable[[], list[Any]] = list,
    ) -> None:
        self.fields = tuple(fields)
        self.group: Section | None = None
        self._title, self._form, self._factory, self._container, self._make_foot = (
            title,
            form,
            factory,
            container,
            make_foot,
        )
        self._open = False
        self._complaints: Mapping[str, str] = {}
        self.button = factory.button(self._label(), lambda _: self.show(not self._open), "lpnb-fold")
        self.body: Any = None

    def show(self, visible: bool) -> None:
        """Open or close it."""
        if visible and self.group is None:
            # Without an example the help is the placeholder; a second contact needs no help again.
            keys_with_help = [f.key for f in self.fields if f.help and f.example and not {1, 2} & set(f.path)]
            self.group = Section(self._form, self.fields, self._factory, keys_with_help, lambda: self.body)
            self.body = self._factory.vbox([*self.group.rows(), *self._make_foot()], "lpnb-group")
            self.group.show_complaints(self._complaints)
            insert_after(self._container(), self.button, self.body)
        self._open = visible
        if self.body is not None:
            set_visible(self.body, visible)
        (self.button.add_class if visible else self.button.remove_class)("lpnb-open")
        self.button.description = self._label()

    def add(self, fields: Sequence[FormField]) -> None:
        """Take on further fields."""
        self.fields += tuple(field for field in fields if field not in self.fields)
        if self.group is not None:
            self.group.add(self.fields)
        self.button.description = self._label()

    def show_complaints(self, sentences: Mapping[str, str]) -> None:
        """Show the complaints; while it is closed, how many there are."""
        self._complaints = {f.key: sentences[f.key] for f in self.fields if f.key in sentences}
        if self.group is not None:
            self.group.show_complaints(self._complaints)
        self.button.description = self._label()

    def _label(self) -> str:
        number = len(self._form.filled_keys & {field.key for field in self.fields} - set(DEFAULTS))
        parts = [f"{'Less' if self._open else 'More'} {self._title}"]
        if not self._open:
            parts += [f"{number} filled"] * bool(number) + [f"{len(self._complaints)} to fix"] * bool(
                self._complaints
            )
        return " · ".join(parts)
