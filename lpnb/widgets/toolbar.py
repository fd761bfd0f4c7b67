"""The toolbar above the form: templates, import, save, undo, redo, duplicate, reset, find a field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from lpnb._internal.display import count
from lpnb._internal.json_codec import clean
from lpnb._internal.redaction import scrub
from lpnb.errors import LpnbError
from lpnb.widgets import html_views
from lpnb.widgets.form.batch_form import BatchForm
from lpnb.widgets.form.import_payload import ImportPanel
from lpnb.widgets.form.payload_library import PayloadLibrary, PayloadTemplate, built_in_templates
from lpnb.widgets.styles import WidgetFactory, insert_after, set_visible

#: How many saved payloads are offered at once; the filter finds the others.
_MAX_CARDS = 24


class Toolbar:
    """The buttons above a form, and the panels that three of them open.

    Args:
        batch_form: What they work on.
        factory: The panel's layouts.
        library: Where payloads are saved.
    """

    def __init__(self, batch_form: BatchForm, factory: WidgetFactory, library: PayloadLibrary) -> None:
        self._batch_form, self._factory, self.library = batch_form, factory, library
        self._panels: dict[str, Any] = {}
        self._open = ""
        self._buttons = {
            name: factory.button(f"{name} …", lambda _, name=name: self.toggle(name), "lpnb-tool")
            for name in ("Start from", "Load", "Save")
        }
        self.undo = factory.button(
            "Undo", lambda _: self._run_action(batch_form.undo), "lpnb-tool", "lpnb-key-undo", disabled=True
        )
        self.redo: Any = None
        duplicate = factory.button(
            "Duplicate",
            lambda _: self._run_action(self._duplicate),
            "lpnb-tool",
            "lpnb-key-duplicate",
            tooltip="The same for a fresh consumer",
        )
        reset = factory.button("Reset", lambda _: self._run_action(batch_form.clear), "lpnb-tool")
        self.find = ipw.Combobox(
            description="Find a field", placeholder="name", layout=factory.plain, style=factory.text,
            _dom_classes=("lpnb-find",),
        )  # fmt: skip
        go_button = factory.button("Go", lambda _: self._run_action(self._jump_to_match), "lpnb-tool")
        self.find.on_msg(
            lambda _, content, __: (
                self._run_action(self._jump_to_match) if content.get("event") == "submit" else None
            )
        )
        self.find.observe(self._on_find, names="value")
        self.note: Any = None
        self._body: Any = None
        self._row = factory.box(
            [*self._buttons.values(), self.undo, duplicate, reset, self.find, go_button],
            "lpnb-tools",
        )
        self._last_button = go_button
        self.widgets = [self._row]

    def update_buttons(self) -> None:
        """The form has changed: say whether there are steps to take."""
        form = self._batch_form
        self.undo.disabled = not form.can_undo
        if self.redo is None and form.can_redo:
            self.redo = self._factory.button_after(
                self._row, self.undo, "Redo", lambda _: self._run_action(form.redo), "lpnb-tool"
            )
        if self.redo is not None:
            self.redo.disabled = not form.can_redo

    def toggle(self, name: str) -> None:
        """Open the panel *name*, or close it when it is open."""
        self._open = "" if self._open == name else name
        for title, button in self._buttons.items():
            (button.add_class if title == self._open else button.remove_class)("lpnb-open")
        if self._body is None:
            self._body = self._factory.vbox([], "lpnb-drawer")
            insert_after(self._row, self._last_button, self._body)
        set_visible(self._body, bool(self._open))
        if self._open:
            makers = {
                "Start from": self._make_template_panel,
                "Load": self._make_import_panel,
                "Save": self._make_save_panel,
            }
            if name not in self._panels:
                self._panels[name] = makers[name]()
            self._body.children = [self._panels[name]]
            if name == "Start from":
                self._show_templates()

    def show_note(self, text: str, wrong: bool = False) -> None:
        """Show one sentence below the row."""
        text = scrub(text)
        if self.note is None:
            if not text:
                return
            self.note = self._factory.html("", "lpnb-note", "lpnb-flat")
            self._row.children = [*self._row.children, self.note]
        self.note.value = html_views.note_html("", text) if wrong else html_views.note_html(clean(text))

    def _run_action(self, action: Callable[[], None]) -> None:
        """Run a button's work; what goes wrong is said, since nobody sees a callback's exception."""
        try:
            self.show_note("")
            action()
        except (LpnbError, ValueError) as error:
            self.show_note(str(error), wrong=True)
        except Exception as error:
            self.show_note(f"{type(error).__name__}: {error}", wrong=True)

    def _duplicate(self) -> None:
        self._batch_form.new_id()
        self.show_note("The same payload, for a fresh consumer id.")

    # Finding a field

    def _names(self) -> dict[str, str]:
        return {f"{field.label} · {key}": key for key, field in self._batch_form.form.fields.items()}

    def _fill_find_options(self) -> None:
        self.find.options = tuple(self._names())

    def _on_find(self, change: dict[str, Any]) -> None:
        if not self.find.options:
            self._fill_find_options()
        if change["new"] in self._names():
            self._run_action(self._jump_to_match)

    def _jump_to_match(self) -> None:
        query, names = self.find.value.strip(), self._names()
        matches = [names[query]] if query in names else [
            key for name, key in names.items() if query.casefold() in name.casefold()
        ]  # fmt: skip
        if not query or not matches:
            self.show_note(
                "Type a part of a field's name." if not query else "No field has such a name.", wrong=True
            )
            return
        self._batch_form.jump(matches[0])
        self.show_note(
            f"{count(len(matches), 'field')} found; this is the first." if len(matches) > 1 else ""
        )

    # Start from

    def _make_template_panel(self) -> Any:
        factory = self._factory
        self._filter = ipw.Text(
            description="Filter", placeholder="name", layout=factory.plain, style=factory.text
        )
        self._filter.observe(lambda _: self._run_action(self._show_templates), names="value")
        self._cards = factory.box([], "lpnb-cards")
        self._filter_note = factory.html("", "lpnb-note", "lpnb-flat")
        return factory.vbox([self._filter, self._cards, self._filter_note], "lpnb-group")

    def _show_templates(self) -> None:
        templates = built_in_templates()
        try:
            templates = [*self.library.templates(), *templates]
            self._filter_note.value = ""
        except LpnbError as error:
            self._filter_note.value = html_views.note_html("", str(error))
        query = self._filter.value.casefold()
        matching = [s for s in templates if query in f"{s.kind} {s.name} {s.about}".casefold()]
        cards = []
        for template in matching[:_MAX_CARDS]:
            card = self._factory.button(
                clean(f"{template.kind.capitalize()} · {template.name}"),
                lambda _, template=template: self._run_action(lambda: self._load_template(template)),
                "lpnb-card",
                tooltip=template.about,
            )
            cards.append(card)
            if template.kind == "saved":
                remove = self._factory.button(
                    "Remove",
                    lambda _, template=template: self._run_action(lambda: self._remove_template(template)),
                    "lpnb-tool",
                    tooltip=clean(f"Remove {template.name} from the library"),
                )  # fmt: skip
                cards.append(remove)
        self._cards.children = cards
        if not matching:
            self._filter_note.value = html_views.note_html("Nothing has such a name.")
        elif len(matching) > _MAX_CARDS:
            self._filter_note.value = html_views.note_html(
                f"{len(matching) - _MAX_CARDS} more: type a part of the name."
            )

    def _load_template(self, template: PayloadTemplate) -> None:
        self._batch_form.load(template.frames, unknown="keep", client_properties=template.client_properties)
        self.toggle("Start from")
        self.show_note(f"{template.name}: {template.about} The consumer id is unchanged.")

    def _remove_template(self, template: PayloadTemplate) -> None:
        self.library.remove(template.name)
        self._show_templates()
        self.show_note(f"{template.name} is no longer in {self.library.path}.")

    def _make_import_panel(self) -> Any:
        self.import_panel = ImportPanel(self._batch_form, self._factory, self._run_action, self.show_note)
        return self.import_panel.box

    # Save

    def _make_save_panel(self) -> Any:
        factory = self._factory
        name = ipw.Text(
            description="Name",
            placeholder="e.g. VIP without a campaign",
            layout=factory.plain,
            style=factory.text,
        )

        def save() -> None:
            if self._batch_form.batch is None:
                raise ValueError("Not saved: there is something to fix first.")
            saved_name = self.library.save(name.value, self._batch_form.batch)
            name.value = ""
            self.toggle("Save")
            self.show_note(f"Saved as {saved_name} in {self.library.path}.")

        return factory.vbox(
            [name, factory.button("Save", lambda _: self._run_action(save), "lpnb-more")], "lpnb-group"
        )
