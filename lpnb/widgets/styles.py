"""The panels' style sheet, and a factory for widgets that share layout and style objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

import ipywidgets as ipw
from ipywidgets.widgets.widget_description import DescriptionStyle
from ipywidgets.widgets.widget_string import HTMLStyle, TextStyle


class WidgetFactory:
    """The ``Layout`` and style objects of one panel. Each shared one saves a message per widget.

    ``on_error`` is told of an exception in a button's work, which a notebook would show nowhere.
    """

    def __init__(self) -> None:
        self.on_error: Callable[[BaseException], None] | None = None
        self.plain: Any = ipw.Layout(width="auto")
        self.text: Any = TextStyle(description_width="9em")
        self._html: Any = HTMLStyle()
        self._button: Any = ipw.ButtonStyle()

    @cached_property
    def label_style(self) -> Any:
        """The style of what is neither a text box nor a button: few forms have such a thing."""
        return DescriptionStyle(description_width="9em")

    def html(self, value: str, *classes: str) -> Any:
        """An ``HTML`` widget; *value* has been escaped."""
        return ipw.HTML(value, layout=self.plain, style=self._html, _dom_classes=classes)

    def box(self, children: list[Any], *classes: str) -> Any:
        """A ``Box`` that the style sheet arranges."""
        return ipw.Box(children, layout=self.plain, _dom_classes=classes)

    def vbox(self, children: list[Any], *classes: str) -> Any:
        """A ``VBox`` that the style sheet arranges."""
        return ipw.VBox(children, layout=self.plain, _dom_classes=classes)

    def button(
        self, text: str, on_press: Any, *classes: str, tooltip: str | None = None, disabled: bool = False
    ) -> Any:
        """A button that calls *on_press*."""
        button = ipw.Button(
            description=text,
            tooltip=tooltip,
            disabled=disabled,
            layout=self.plain,
            style=self._button,
            _dom_classes=classes,
        )

        def handle_click(button: object) -> None:
            try:
                on_press(button)
            except Exception as error:
                if self.on_error is None:
                    raise
                self.on_error(error)

        button.on_click(handle_click)
        return button

    def button_after(
        self, box: Any, before: Any, text: str, on_press: Any, *classes: str, tooltip: str | None = None
    ) -> Any:
        """A button that is made late, behind *before* in *box*."""
        button = self.button(text, on_press, *classes, tooltip=tooltip)
        insert_after(box, before, button)
        return button


def set_visible(widget: Any, visible: bool) -> None:
    """Show or hide *widget* by class: a layout of its own would cost a message more."""
    if visible:
        widget.remove_class("lpnb-hidden")
    else:
        widget.add_class("lpnb-hidden")


def close_with_children(widget: Any) -> None:
    """Close *widget* and all that is in it; layouts and styles are shared, and stay."""
    for child in getattr(widget, "children", ()):
        close_with_children(child)
    widget.close()


def insert_after(box: Any, before: Any, widget: Any) -> None:
    """Put *widget* into *box* behind *before*: what is made late costs nothing until then."""
    position = box.children.index(before) + 1
    box.children = [*box.children[:position], widget, *box.children[position:]]


@cache
def css(*extra_sheets: str) -> str:
    """The style sheet and *extra_sheets*, without comments and spare blanks: it travels with every panel."""
    sheets = ("panel.css", *extra_sheets)
    text = "".join((files("lpnb.widgets") / sheet).read_text(encoding="utf-8") for sheet in sheets)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r":\s+", ":", text)).replace(";}", "}").strip()
