"""Custom fields of a brand: add fields to the form that the documentation does not list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from lpnb._internal.json_codec import lone_surrogate
from lpnb.models.base import WireModel
from lpnb.models.conversation_request import ConsumerRequestConversation
from lpnb.models.sdes import CustomerInfo, PersonalInfo
from lpnb.widgets.form.fields import FormField, custom_field
from lpnb.widgets.form.form import Form
from lpnb.widgets.form.sections import CollapsibleSection
from lpnb.widgets.html_views import note_html
from lpnb.widgets.styles import WidgetFactory

_PLACES = {"customer": "ctmrinfo", "person": "personal", "conversation": "request"}
_MODELS: dict[str, type[WireModel]] = {
    "ctmrinfo": CustomerInfo,
    "personal": PersonalInfo,
    "request": ConsumerRequestConversation,
}


class CustomFields:
    """The fold with a brand's own fields, and the row that adds one.

    Args:
        form: What keeps the values.
        factory: The panel's layouts.
        container: Returns the box that the fold stands in.
        on_added: Called with each field that somebody has added.
    """

    def __init__(
        self,
        form: Form,
        factory: WidgetFactory,
        container: Callable[[], Any],
        on_added: Callable[[FormField], None],
    ) -> None:
        self._form, self._factory, self._on_added = form, factory, on_added
        self.section = CollapsibleSection("of your own", [], form, factory, container, self._make_add_row)

    def add(self, container: str, name: str) -> FormField:
        """Add the field *name* to "ctmrinfo", "personal" or "request".

        Raises:
            ValueError: The name is blank, or there is such a field already.
        """
        if container not in _MODELS:
            raise ValueError(f"It belongs to one of {', '.join(_PLACES)}; got {container!r}.")
        if not name.strip():
            raise ValueError("The field needs a name.")
        if len(name) > 200 or lone_surrogate(name) is not None:
            raise ValueError("A name is at most 200 whole characters.")
        field = custom_field(container, name)
        if name in _MODELS[container].wire_names() or field.key in self._form.fields:
            raise ValueError(f"{name} is there already: find it by its name above.")
        self._form.add([field])
        self.show_all()
        return field

    def show_all(self) -> None:
        """Show every own field there is."""
        if custom := self._form.custom_fields:
            self.section.add(custom)
            self.section.show(True)

    def _make_add_row(self) -> list[Any]:
        factory = self._factory
        container = ipw.Combobox(
            options=tuple(_PLACES),
            value="customer",
            description="Belongs to",
            layout=factory.plain,
            style=factory.text,
        )
        name = ipw.Text(
            description="Field name", placeholder="e.g. loyaltyTier", layout=factory.plain, style=factory.text
        )
        note = factory.html(
            note_html("As it is spelled on the wire. It goes beside the documented fields."), "lpnb-note"
        )

        def add_field(_button: object) -> None:
            try:
                field = self.add(_PLACES.get(container.value.strip(), container.value.strip()), name.value)
            except ValueError as error:
                note.value = note_html("", str(error))
                return
            note.value = note_html("As it is spelled on the wire. It goes beside the documented fields.")
            name.value = ""
            self._on_added(field)

        return [
            factory.vbox(
                [container, name, note, factory.button("Add the field", add_field, "lpnb-more")],
                "lpnb-group",
                "lpnb-own",
            )
        ]
