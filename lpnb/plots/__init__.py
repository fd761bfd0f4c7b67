"""Pictures of a per-case table: where cases land, how they flow there, how long calls take.

Each takes a DataFrame and gives a ``Picture``: ``.figure(theme)`` is a matplotlib figure, ``.save(path)``
writes PNG or SVG, and in a notebook it shows itself. matplotlib comes with the extra ``plots`` and is
loaded when something is drawn.
"""

from __future__ import annotations

from lpnb.plots.figure import Picture, PlotsMissingError
from lpnb.plots.flow import flow
from lpnb.plots.heatmap import Heatmap, heatmap
from lpnb.plots.latency import latency, rate
from lpnb.plots.latency_over_time import latency_over_time

__all__ = [
    "Heatmap",
    "Picture",
    "PlotsMissingError",
    "flow",
    "heatmap",
    "latency",
    "latency_over_time",
    "rate",
]
