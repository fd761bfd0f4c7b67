"""The toolbar above the form: templates, import, save, undo, redo, duplicate, reset, find a field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from lpnb._internal.json_codec import clean
from lpnb._internal.redaction import scrub
from lpnb.errors import LpnbError
from lpnb.widgets import html_views
from lpnb.widgets.form.batch_form import BatchForm
from lpnb.widgets.form.import_payload import ImportPanel
from lpnb.widgets.form.payload_library import PayloadLibrary, PayloadTemplate, built_in_templates
from lpnb.widgets.styles import WidgetFactory, insert_after, set_visible

#: How many saved payloads are offered at once; the filter finds the others.
_OFFERED = 24


class Toolbar:
    """The buttons above a sheet, and the panels that three of them open.

    Args:
        sheet: What they work on.
        kit: The panel's layouts.
        library: Where payloads are saved.
    """

    def __init__(self, sheet: BatchForm, kit: WidgetFactory, library: PayloadLibrary) -> None:
        self._sheet, self._kit, self.library = sheet, kit, library
        self._panels: dict[str, Any] = {}
        self._open = ""
        self._buttons = {
            name: kit.button(f"{name} …", lambda _, name=name: self.toggle(name), "lpnb-tool")
            for name in ("Start from", "Load", "Save")
        }
        self.undo = kit.button("Undo", lambda _: self._do(sheet.undo), "lpnb-tool", disabled=True)
        self.redo = kit.button("Redo", lambda _: self._do(sheet.redo), "lpnb-tool", disabled=True)
        duplicate = kit.button(
            "Duplicate",
            lambda _: self._do(self._duplicate),
            "lpnb-tool",
            tooltip="The same for a fresh consumer",
        )
        reset = kit.button("Reset", lambda _: self._do(sheet.clear), "lpnb-tool")
        self.find = ipw.Combobox(
            description="Find a field", placeholder="name", layout=kit.plain, style=kit.text,
            _dom_classes=("lpnb-find",),
        )  # fmt: skip
        go = kit.button("Go", lambda _: self._do(self._go), "lpnb-tool")
        self.find.observe(self._picked, names="value")
        self.note: Any = None
        self._body: Any = None
        self._row = kit.box(
            [*self._buttons.values(), self.undo, self.redo, duplicate, reset, self.find, go], "lpnb-tools"
        )
        self._last = go
        self.widgets = [self._row]

    def changed(self) -> None:
        """The sheet has changed: say whether there are steps to take."""
        self.undo.disabled = not self._sheet.can_undo
        self.redo.disabled = not self._sheet.can_redo

    def toggle(self, name: str) -> None:
        """Open the panel *name*, or close it when it is open."""
        self._open = "" if self._open == name else name
        for title, button in self._buttons.items():
            (button.add_class if title == self._open else button.remove_class)("lpnb-open")
        if self._body is None:
            self._body = self._kit.vbox([], "lpnb-drawer")
            insert_after(self._row, self._last, self._body)
        set_visible(self._body, bool(self._open))
        if self._open:
            makers = {"Start from": self._starts, "Load": self._loading, "Save": self._save}
            if name not in self._panels:
                self._panels[name] = makers[name]()
            self._body.children = [self._panels[name]]
            if name == "Start from":
                self._offer_starts()

    def say(self, text: str, wrong: bool = False) -> None:
        """Show one sentence below the row."""
        text = scrub(text)
        if self.note is None:
            if not text:
                return
            self.note = self._kit.html("", "lpnb-note", "lpnb-flat")
            self._row.children = [*self._row.children, self.note]
        self.note.value = html_views.note_html("", text) if wrong else html_views.note_html(clean(text))

    def _do(self, work: Callable[[], None]) -> None:
        """Run a button's work; what goes wrong is said, since nobody sees a callback's exception."""
        try:
            self.say("")
            work()
        except (LpnbError, ValueError) as error:
            self.say(str(error), wrong=True)
        except Exception as error:
            self.say(f"{type(error).__name__}: {error}", wrong=True)

    def _duplicate(self) -> None:
        self._sheet.new_id()
        self.say("The same payload, for a fresh consumer id.")

    # Finding a field

    def _names(self) -> dict[str, str]:
        return {f"{field.label} · {key}": key for key, field in self._sheet.form.fields.items()}

    def _offer(self) -> None:
        self.find.options = tuple(self._names())

    def _picked(self, change: dict[str, Any]) -> None:
        if not self.find.options:
            self._offer()
        if change["new"] in self._names():
            self._do(self._go)

    def _go(self) -> None:
        wanted, names = self.find.value.strip(), self._names()
        found = [names[wanted]] if wanted in names else [
            key for name, key in names.items() if wanted.casefold() in name.casefold()
        ]  # fmt: skip
        if not wanted or not found:
            self.say(
                "Type a part of a field's name." if not wanted else "No field has such a name.", wrong=True
            )
            return
        self._sheet.jump(found[0])
        self.say(
            f"{html_views.count(len(found), 'field')} found; this is the first." if len(found) > 1 else ""
        )

    # Start from

    def _starts(self) -> Any:
        kit = self._kit
        self._filter = ipw.Text(description="Filter", placeholder="name", layout=kit.plain, style=kit.text)
        self._filter.observe(lambda _: self._do(self._offer_starts), names="value")
        self._cards = kit.box([], "lpnb-cards")
        self._filter_note = kit.html("", "lpnb-note", "lpnb-flat")
        return kit.vbox([self._filter, self._cards, self._filter_note], "lpnb-group")

    def _offer_starts(self) -> None:
        starts = built_in_templates()
        try:
            starts = [*self.library.starts(), *starts]
            self._filter_note.value = ""
        except LpnbError as error:
            self._filter_note.value = html_views.note_html("", str(error))
        wanted = self._filter.value.casefold()
        fitting = [s for s in starts if wanted in f"{s.kind} {s.name} {s.about}".casefold()]
        cards = []
        for start in fitting[:_OFFERED]:
            card = self._kit.button(
                clean(f"{start.kind.capitalize()} · {start.name}"),
                lambda _, start=start: self._do(lambda: self._take(start)),
                "lpnb-card",
                tooltip=start.about,
            )
            cards.append(card)
            if start.kind == "saved":
                remove = self._kit.button(
                    "Remove", lambda _, start=start: self._do(lambda: self._remove(start)), "lpnb-tool",
                    tooltip=clean(f"Remove {start.name} from the library"),
                )  # fmt: skip
                cards.append(remove)
        self._cards.children = cards
        if not fitting:
            self._filter_note.value = html_views.note_html("Nothing has such a name.")
        elif len(fitting) > _OFFERED:
            self._filter_note.value = html_views.note_html(
                f"{len(fitting) - _OFFERED} more: type a part of the name."
            )

    def _take(self, start: PayloadTemplate) -> None:
        self._sheet.load(start.frames, unknown="keep", client_properties=start.client_properties)
        self.toggle("Start from")
        self.say(f"{start.name}: {start.about} The consumer id is unchanged.")

    def _remove(self, start: PayloadTemplate) -> None:
        self.library.remove(start.name)
        self._offer_starts()
        self.say(f"{start.name} is no longer in {self.library.path}.")

    def _loading(self) -> Any:
        self.loading = ImportPanel(self._sheet, self._kit, self._do, self.say)
        return self.loading.box

    # Save

    def _save(self) -> Any:
        kit = self._kit
        name = ipw.Text(
            description="Name", placeholder="e.g. VIP without a campaign", layout=kit.plain, style=kit.text
        )

        def press() -> None:
            if self._sheet.batch is None:
                raise ValueError("Not saved: there is something to fix first.")
            given = self.library.save(name.value, self._sheet.batch)
            name.value = ""
            self.toggle("Save")
            self.say(f"Saved as {given} in {self.library.path}.")

        return kit.vbox([name, kit.button("Save", lambda _: self._do(press), "lpnb-more")], "lpnb-group")
