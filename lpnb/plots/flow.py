"""``flow``: an alluvial diagram from a column's values through the campaign to the landed skill."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from lpnb._internal.validation import must
from lpnb.errors import Complaint, InvalidValueError
from lpnb.plots.alluvial import Ribbon, draw_alluvial
from lpnb.plots.canvas import blank_canvas
from lpnb.plots.case_matrix import case_labels, check_table, ordered_values, tally, text_values
from lpnb.plots.figure import Picture
from lpnb.plots.heatmap import case_count
from lpnb.plots.themes import NEUTRAL, Theme, colours_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


#: What cases come through, unless told otherwise.
CAMPAIGN = "campaignInfo.campaignId"


class FlowPicture(Picture):
    """Bands from stage to stage, as thick as there are cases. Made by ``flow``."""

    def __init__(
        self, stages: tuple[str, ...], paths: Mapping[tuple[str, ...], int], colours: Mapping[str, str]
    ) -> None:
        self.stages = stages
        self.paths = dict(paths)
        self.colours = dict(colours)
        self.title = "How cases came to where they landed"
        total = sum(self.paths.values())
        description = f"from {stages[0]} to {stages[-1]}" + "".join(
            f" through {name}" for name in stages[1:-1]
        )
        self.summary = (
            f"{case_count(total)} {description}" if total else f"No cases, so nothing leads {description}"
        )

    def table(self) -> pd.DataFrame:
        """The ways as a DataFrame: a column for each stage, and ``cases``, the most frequent first."""
        rows = sorted(self.paths.items(), key=lambda path: -path[1])
        frame = pd.DataFrame([path for path, _ in rows], columns=list(self.stages), dtype="str")
        frame["cases"] = pd.Series([count for _, count in rows], dtype="Int64")
        return frame

    def _draw(self, theme: Theme) -> Figure:
        if not self.paths:
            return blank_canvas(self.title, f"{self.summary}.", theme)
        bands = [
            Ribbon(path, count, self.colours.get(path[-1], NEUTRAL)) for path, count in self.paths.items()
        ]
        return draw_alluvial(self.title, self.summary, self.stages, bands, theme)

    def _rows(self) -> tuple[list[str], list[list[object]]]:
        rows = sorted(self.paths.items(), key=lambda path: -path[1])
        return [*self.stages, "cases"], [[*path, count] for path, count in rows]


def flow(
    table: pd.DataFrame,
    source: str,
    through: str | None = CAMPAIGN,
    to: str = "landed_skill",
    *,
    colours: Mapping[str, str] | None = None,
) -> FlowPicture:
    """Show how cases come from a value through their campaign to a skill.

    Args:
        table: One row per case, as ``run.table()`` gives it.
        source: The column to start with, such as "ctmrinfo.ctype".
        through: The column between; None for none.
        to: Where it ends: "landed_skill", "outcome", or any other column.
        colours: A colour (#rrggbb) for each name of the last stage, where the usual ones are not wanted.

    Raises:
        InvalidValueError: The table lacks a column, or one is named twice.

    Example:
        >>> table = pd.DataFrame({"ctmrinfo.ctype": ["vip", "vip"], "outcome": "answered",
        ...                       "landed_skill": ["Private Clients", "Private Clients"]})
        >>> flow(table, "ctmrinfo.ctype", None).summary
        '2 cases from ctmrinfo.ctype to landed_skill'
    """
    if through == CAMPAIGN and isinstance(table, pd.DataFrame) and CAMPAIGN not in table:
        sentence = f"The table has no {CAMPAIGN} to lead through. Name another column, or None for none."
        raise InvalidValueError([Complaint("through", sentence)])
    arguments = [("source", source), *([("through", through)] if through is not None else []), ("to", to)]
    table = check_table(table, *arguments)
    stages = tuple(name for _, name in arguments)
    if len(set(stages)) < len(stages):
        raise InvalidValueError([must("source, through and to", "must be different columns", stages)])
    # Without column names a table could not be grouped by a key that looks like another.
    frame = pd.DataFrame({number: text_values(table[name]) for number, name in enumerate(stages[:-1])})
    frame[len(stages) - 1] = case_labels(table, to)
    orderings = [
        {text: place for place, text in enumerate(ordered_values(table[name]))} for name in stages[:-1]
    ]
    paths = dict(
        sorted(
            tally(frame),
            key=lambda path: [order[name] for order, name in zip(orderings, path[0], strict=False)],
        )
    )
    final_names = (path[-1] for path in paths if not path[-1].startswith("("))
    return FlowPicture(stages, paths, colours_of(final_names, colours))
