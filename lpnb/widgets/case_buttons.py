"""``CaseButtons``: a button for each cell, band or move of a picture, which shows the cases it stands for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from lpnb._internal.json_codec import clean
from lpnb.plots.case_matrix import case_labels, limit_axis, ordered_values, text_values
from lpnb.widgets import html_views
from lpnb.widgets.styles import WidgetFactory, set_visible

if TYPE_CHECKING:
    import pandas as pd

    from lpnb.experiments.runs.compare import Comparison

#: More buttons than this nobody reads; a heatmap of more cells gets one for each row and each column.
MAX_BUTTONS = 240


@dataclass(frozen=True, eq=False)
class CaseGroup:
    """Some cases of a table: a short label, the sentence on what they have in common, and which rows."""

    label: str
    sentence: str
    rows: pd.Series


class CaseButtons:
    """One widget with a button for each group of cases.

    Args:
        factory: The panel's layouts.
        on_choose: Called with the group whose button was pressed.
    """

    def __init__(self, factory: WidgetFactory, on_choose: Callable[[CaseGroup], None]) -> None:
        self._groups: list[CaseGroup] = []
        self._on_choose = on_choose
        self.heading = factory.html("", "lpnb-note", "lpnb-flat")
        self.widget = ipw.ToggleButtons(layout=ipw.Layout(width="auto"), _dom_classes=("lpnb-cells",))
        self.widget.observe(self._on_index, names="index")
        self.box = factory.vbox([self.heading, self.widget], "lpnb-group", "lpnb-hidden")

    def show(self, groups: Sequence[CaseGroup], columns: int = 0) -> None:
        """Show a button for each of *groups*, in so many *columns*, or as they fit where that is 0."""
        self._groups = list(groups[:MAX_BUTTONS])
        in_picture = '<span class="lpnb-with-keys">, or click it in the picture</span>' if columns else ""
        self.heading.value = f"Show the cases of one of these{in_picture}:"
        self.widget.layout.grid_template_columns = (
            f"repeat({columns}, minmax(6em, 18em))" if columns else None
        )
        (self.widget.add_class if columns else self.widget.remove_class)("lpnb-grid")
        with self.widget.hold_sync():
            self.widget.options = [
                (clean(html_views.shortened(group.label, 60)), place)
                for place, group in enumerate(self._groups)
            ]
            self.widget.index = None
        set_visible(self.box, bool(self._groups))

    def release(self) -> None:
        """Mark no button as the one that is shown."""
        self.widget.index = None

    def _on_index(self, change: dict[str, Any]) -> None:
        if change["new"] is not None and change["new"] < len(self._groups):
            self._on_choose(self._groups[change["new"]])


def heatmap_groups(table: pd.DataFrame, row: str, column: str) -> tuple[list[CaseGroup], int]:
    """The cells of a heatmap in the order of its cells, and how many there are in a row.

    Of a heatmap with too many cells, its rows and its columns, and 0.
    """
    axes, texts = [], []
    for name in (row, column):
        axis = ordered_values(table[name])
        texts.append(limit_axis(text_values(table[name]), axis))
        axes.append(axis)

    def group(label: str, *values: tuple[int, str]) -> CaseGroup:
        rows = texts[values[0][0]] == values[0][1]
        for place, value in values[1:]:
            rows &= texts[place] == value
        condition = " and ".join(f"{(row, column)[place]} is {value}" for place, value in values)
        return CaseGroup(f"{label} ({int(rows.sum()):,})", f"whose {condition}", rows)

    if len(axes[0]) * len(axes[1]) > MAX_BUTTONS:
        return [group(value, (place, value)) for place in (0, 1) for value in axes[place]], 0
    cells = [group(f"{one} × {other}", (0, one), (1, other)) for one in axes[0] for other in axes[1]]
    return cells, len(axes[1])


def flow_groups(table: pd.DataFrame, stages: Sequence[str]) -> list[CaseGroup]:
    """The bands of a flow, the widest first."""
    texts = [text_values(table[name]) for name in stages[:-1]] + [case_labels(table, stages[-1])]
    ways = texts[0].astype(str)
    for each in texts[1:]:
        ways = ways + " → " + each.astype(str)
    return [
        CaseGroup(f"{way} ({count:,})", f"on the way {way}", ways == way)
        for way, count in ways.value_counts().items()
    ]


def move_groups(comparison: Comparison) -> tuple[pd.DataFrame, list[CaseGroup]]:
    """The table of the cases that moved, and a group for all of them and for each move."""
    moved_cases = comparison.moved
    if not len(moved_cases):
        return moved_cases, []
    moves = moved_cases["before"].astype(str) + " → " + moved_cases["after"].astype(str)
    groups = [CaseGroup(f"All that moved ({len(moved_cases):,})", "that moved", moves.notna())]
    groups += [
        CaseGroup(f"{move} ({count:,})", f"that moved {move}", moves == move)
        for move, count in moves.value_counts().items()
    ]
    return moved_cases, groups
