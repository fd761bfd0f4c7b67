"""Rows of the experiment's grid: the fields that vary and their values, as a ``Grid`` of cases."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from lpnb.errors import Complaint, InvalidValueError
from lpnb.experiments.cases.grid import Grid
from lpnb.widgets.form.fields import FormField
from lpnb.widgets.form.form import Form
from lpnb.widgets.styles import WidgetFactory

#: More fields than this make no picture that anybody reads.
MOST_ROWS = 8


class GridForm:
    """A few rows, each a field and its values; the rest comes from the sheet's form.

    Args:
        form: What the sheet holds.
        kit: The panel's layouts.
        changed: Called after every change.
    """

    def __init__(self, form: Form, kit: WidgetFactory, changed: Callable[[], None]) -> None:
        self._form, self._kit, self._changed = form, kit, changed
        self._rows: list[tuple[Any, Any, Any]] = []
        self.box = kit.vbox([], "lpnb-group")
        self.more = kit.button("Add a field", lambda _: self.add(), "lpnb-more")
        self.sample = ipw.Text(description="Sample", placeholder="all", layout=kit.plain, style=kit.text)
        self.seed = ipw.Text(value="0", description="Seed", layout=kit.plain, style=kit.text)
        self.zipped = ipw.Checkbox(
            description="Pair the values, first with first, in place of crossing them", indent=False,
            layout=kit.plain, _dom_classes=("lpnb-tick",),
        )  # fmt: skip
        for widget in (self.sample, self.seed, self.zipped):
            widget.observe(lambda _: changed(), names="value")
        self.add("ctmrinfo.ctype", "vip, gold, standard")
        self.add("request.ttrDefName", "NORMAL, URGENT")

    def add(self, key: str = "", values: str = "") -> None:
        """Add a row for the field *key*."""
        if len(self._rows) >= MOST_ROWS:
            return
        number = len(self._rows) + 1
        field = ipw.Combobox(
            value=column_name(self._form.fields[key]) if key else "",
            options=tuple(column_name(each) for each in self._form.fields.values()),
            description=f"Field {number}", placeholder="a field's name", layout=self._kit.plain,
            style=self._kit.text,
        )  # fmt: skip
        text = ipw.Text(
            value=values, description=f"Values {number}", placeholder='one, two, "three, with a comma"',
            layout=self._kit.plain, style=self._kit.text,
        )  # fmt: skip
        for widget in (field, text):
            widget.observe(lambda _: self._changed(), names="value")
        gone = self._kit.button("Remove", lambda _: self._remove(field), "lpnb-tool")
        self._rows.append((field, text, self._kit.box([field, text, gone], "lpnb-tools", "lpnb-vary")))
        self._show()

    def _remove(self, field: Any) -> None:
        self._rows = [row for row in self._rows if row[0] is not field]
        self._show()
        self._changed()

    def _show(self) -> None:
        self.box.children = [row[2] for row in self._rows]

    @property
    def varied(self) -> list[str]:
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
        varied = self.varied
        wrong = []
        if not varied:
            wrong.append(Complaint("grid", "A grid needs a field that varies."))
        if len(set(varied)) < len(varied):
            wrong.append(Complaint("grid", "A field varies once, and one is here twice."))
        sample = self._whole("Sample", self.sample.value, wrong)
        seed = self._whole("Seed", self.seed.value, wrong) or 0
        if wrong:
            raise InvalidValueError(wrong)
        return Grid(columns, zipped=varied if self.zipped.value else (), sample=sample, seed=seed)

    @staticmethod
    def _whole(name: str, typed: str, wrong: list[Complaint]) -> int | None:
        if not (typed := typed.strip()):
            return None
        if typed.isascii() and typed.isdigit() and len(typed) < 10:
            return int(typed)
        wrong.append(Complaint(name, f"{name} must be a whole number; got {typed[:40]!r}."))
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


def parse_values(typed: str) -> list[str | None]:
    """The values that somebody has typed between commas; an empty one leaves the field out.

    Example:
        >>> parse_values('vip, "gold, old", ')
        ['vip', 'gold, old', None]
        >>> parse_values("")
        []
    """
    if not typed.strip():
        return []
    (row,) = csv.reader([typed.replace("\n", " ").replace("\r", " ")], skipinitialspace=True)
    return [cell.strip() or None for cell in row]


def fixed_columns(form: Form) -> dict[str, object]:
    """What the form holds, as columns that are the same in every case."""
    found: dict[str, object] = {}
    for key, value in form.values.items():
        wire = form.fields[key].to_wire(value)
        if wire is not None:
            cell = value.isoformat() if isinstance(value, datetime.date) else wire
            found[column_name(form.fields[key])] = cell if not isinstance(cell, list | dict) else [cell]
    return found
