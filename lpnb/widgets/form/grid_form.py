"""Rows of the experiment's grid: the fields that vary and their values, as a ``Grid`` of cases."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as ipw

from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.grid import Grid
from lpnb.widgets.form.fields import FormField
from lpnb.widgets.form.form import Form
from lpnb.widgets.styles import WidgetFactory

#: More fields than this make no picture that anybody reads.
MAX_ROWS = 8


class GridForm:
    """A few rows, each a field and its values; the rest comes from the form.

    Args:
        form: What the form holds.
        factory: The panel's layouts.
        on_change: Called after every change.
    """

    def __init__(self, form: Form, factory: WidgetFactory, on_change: Callable[[], None]) -> None:
        self._form, self._factory, self._on_change = form, factory, on_change
        self._rows: list[tuple[Any, Any, Any]] = []
        self.box = factory.vbox([], "lpnb-group")
        self.add_button = factory.button("Add a field", lambda _: self.add(), "lpnb-more")
        self.sample = ipw.Text(
            description="Sample", placeholder="all", layout=factory.plain, style=factory.text
        )
        self.seed = ipw.Text(value="0", description="Seed", layout=factory.plain, style=factory.text)
        self.zipped = ipw.Checkbox(
            description="Pair the values, first with first, in place of crossing them", indent=False,
            layout=factory.plain, _dom_classes=("lpnb-tick",),
        )  # fmt: skip
        for widget in (self.sample, self.seed, self.zipped):
            widget.observe(lambda _: on_change(), names="value")
        self.add("ctmrinfo.ctype", "vip, gold, standard")
        self.add("request.ttrDefName", "NORMAL, URGENT")

    def add(self, key: str = "", values: str = "") -> None:
        """Add a row for the field *key*."""
        if len(self._rows) >= MAX_ROWS:
            return
        number = len(self._rows) + 1
        field = ipw.Combobox(
            value=column_name(self._form.fields[key]) if key else "",
            options=tuple(column_name(each) for each in self._form.fields.values()),
            description=f"Field {number}", placeholder="a field's name", layout=self._factory.plain,
            style=self._factory.text,
        )  # fmt: skip
        text = ipw.Text(
            value=values, description=f"Values {number}", placeholder='one, two, "three, with a comma"',
            layout=self._factory.plain, style=self._factory.text,
        )  # fmt: skip
        for widget in (field, text):
            widget.observe(lambda _: self._on_change(), names="value")
        remove_button = self._factory.button("Remove", lambda _: self._remove(field), "lpnb-tool")
        self._rows.append(
            (field, text, self._factory.box([field, text, remove_button], "lpnb-tools", "lpnb-vary"))
        )
        self._update_rows()

    @property
    def rows(self) -> list[list[str]]:
        """What the rows hold: a field and its values in each."""
        return [[field.value, text.value] for field, text, _ in self._rows]

    @rows.setter
    def rows(self, rows: Sequence[tuple[str, str]]) -> None:
        self._rows = []
        for field, values in rows:
            self.add()
            self._rows[-1][0].value, self._rows[-1][1].value = field, values
        self._on_change()

    def _remove(self, field: Any) -> None:
        self._rows = [row for row in self._rows if row[0] is not field]
        self._update_rows()
        self._on_change()

    def _update_rows(self) -> None:
        self.box.children = [row[2] for row in self._rows]

    @property
    def varied_columns(self) -> list[str]:
        """The columns that vary, in the rows' order."""
        return [field.value.strip() for field, _, _ in self._rows if field.value.strip()]

    def grid(self) -> Grid:
        """The cases that the rows make.

        Raises:
            InvalidValueError: Naming everything that is wrong.
        """
        columns: dict[str, object] = dict(fixed_columns(self._form))
        for field, text, _ in self._rows:
            if name := field.value.strip():
                columns[name] = parse_values(text.value)
        varied_columns = self.varied_columns
        complaints = []
        if not varied_columns:
            complaints.append(Complaint("grid", "A grid needs a field that varies."))
        if len(set(varied_columns)) < len(varied_columns):
            complaints.append(Complaint("grid", "A field varies once, and one is here twice."))
        sample = self._whole_number("Sample", self.sample.value, complaints)
        seed = self._whole_number("Seed", self.seed.value, complaints) or 0
        if complaints:
            raise InvalidValueError(complaints)
        return Grid(columns, zipped=varied_columns if self.zipped.value else (), sample=sample, seed=seed)

    @staticmethod
    def _whole_number(name: str, text: str, complaints: list[Complaint]) -> int | None:
        if not (text := text.strip()):
            return None
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
        complaints.append(Complaint(name, f"{name} must be a whole number; got {text[:40]!r}."))
        return None


def column_name(field: FormField) -> str:
    """A field's name as a column of cases.

    Example:
        >>> column_name(FormField("request", ("campaignInfo", "campaignId"), "text", ""))
        'campaignInfo.campaignId'
        >>> column_name(FormField("personal", ("contacts", 0, "email"), "text", ""))
        'personal.contacts.0.email'
    """
    steps = [str(step) for step in field.path]
    if field.kind == "own":
        steps = ["extra", *steps]
    return ".".join(steps if field.place == "request" else [field.place, *steps])


def parse_values(text: str) -> list[str | None]:
    """The values that somebody has typed between commas; an empty one leaves the field out.

    Example:
        >>> parse_values('vip, "gold, old", ')
        ['vip', 'gold, old', None]
        >>> parse_values("")
        []
    """
    if not text.strip():
        return []
    (row,) = csv.reader([text.replace("\n", " ").replace("\r", " ")], skipinitialspace=True)
    return [cell.strip() or None for cell in row]


def fixed_columns(form: Form) -> dict[str, object]:
    """What the form holds, as columns that are the same in every case."""
    columns: dict[str, object] = {}
    for key, value in form.values.items():
        wire = form.fields[key].to_wire(value)
        if wire is not None:
            cell = value.isoformat() if isinstance(value, datetime.date) else wire
            columns[column_name(form.fields[key])] = cell if not isinstance(cell, list | dict) else [cell]
    return columns
