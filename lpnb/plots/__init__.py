"""Matplotlib figures and HTML tables of a per-case table: heatmap, flow, latency, rate, change map.

Each function takes a DataFrame and returns a ``Picture``: ``.figure(theme)`` is a matplotlib figure,
``.save(path)`` writes PNG or SVG, and a notebook shows it by itself. matplotlib comes with the extra
``plots`` and is imported when something is drawn.
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
