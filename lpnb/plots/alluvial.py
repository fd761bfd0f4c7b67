"""Alluvial diagram: bands between the stages of a flow, each as thick as its number of cases."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lpnb.plots.canvas import MARGIN, SMALL, TEXT, Canvas
from lpnb.plots.text_layout import width, with_count, wrap
from lpnb.plots.themes import NEUTRAL, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The most names of a stage that stand for themselves.
MAX_NAMES = 24
#: What ``merge_rare_names`` calls the others; they stand last.
_MERGED_NAME = re.compile(r"\([0-9,]+ more\)$")
_BAR_WIDTH, _STAGE_GAP, _LABEL_WIDTH = 7.0, 200.0, 150.0
_NODE_HEIGHT, _NODE_GAP, _BODY_HEIGHT = 15.0, 7.0, 300.0


@dataclass(frozen=True, slots=True)
class Ribbon:
    """Cases that share a way: its name at each stage, how many, its colour; "" recedes."""

    names: tuple[str, ...]
    count: int
    colour: str


@dataclass(slots=True)
class _StageNode:
    name: str
    count: int = 0
    centre: float = 0.0
    incoming_y: float = 0.0
    outgoing_y: float = 0.0
    colours: set[str] = field(default_factory=set)


def merge_rare_names(bands: Sequence[Ribbon]) -> list[Ribbon]:
    """The same bands with the rarest names of a crowded stage put together as "(n more)"."""
    ribbons = list(bands)
    for stage in range(len(ribbons[0].names) if ribbons else 0):
        counts: dict[str, int] = defaultdict(int)
        for band in ribbons:
            counts[band.names[stage]] += band.count
        if len(counts) <= MAX_NAMES:
            continue
        by_count = sorted(counts, key=lambda name: -counts[name])  # of equals the first
        kept_names = set(by_count[: MAX_NAMES - 1])
        rest_name = f"({len(counts) - MAX_NAMES + 1:,} more)"
        ribbons = [
            band
            if band.names[stage] in kept_names
            else replace(band, names=(*band.names[:stage], rest_name, *band.names[stage + 1 :]))
            for band in ribbons
        ]
        if stage == 0:  # it stands where its first band does
            ribbons.sort(key=lambda band: band.names[0] == rest_name)
    return ribbons


def draw_alluvial(
    title: str, summary: str, stages: Sequence[str], bands: Sequence[Ribbon], theme: Theme
) -> Figure:
    """Draw *bands* over *stages*; there is at least one band."""
    bands = merge_rare_names(bands)
    nodes = _nodes(bands, len(stages))
    total = sum(band.count for band in bands)
    scale = _BODY_HEIGHT / total
    height = max(
        sum(max(node.count * scale, _NODE_HEIGHT) + _NODE_GAP for node in stage.values()) for stage in nodes
    )
    side_widths = [_label_room(nodes[0]), _label_room(nodes[-1])]
    total_width = side_widths[0] + side_widths[1] + _STAGE_GAP * (len(stages) - 1) + _BAR_WIDTH
    summary_lines = wrap(summary, TEXT, total_width, 3)
    title_lines = wrap(title, 14, total_width / 1.12, 1)
    top = MARGIN + 18 + 12 * len(summary_lines) + 34
    canvas = Canvas(total_width + 2 * MARGIN, top + height + MARGIN, theme)
    canvas.lines(title_lines, MARGIN, MARGIN, 14, step=18, weight="bold")
    canvas.lines(summary_lines, MARGIN, MARGIN + 20, TEXT, step=12, colour=theme.muted)
    _place_nodes(nodes, bands, scale, top, height)
    stage_x = [MARGIN + side_widths[0] + number * _STAGE_GAP for number in range(len(stages))]
    for number, (x, name) in enumerate(zip(stage_x, stages, strict=True)):
        last = number == len(stages) - 1
        position = x + _BAR_WIDTH if number == 0 else x
        label = wrap(name, SMALL, (_STAGE_GAP if number > 0 and not last else _LABEL_WIDTH) / 1.12, 1)[0]
        canvas.text(
            label,
            position,
            top - 18,
            SMALL,
            colour=theme.muted,
            weight="bold",
            across="right" if number == 0 else "left",
        )
    for number in range(len(stages) - 1):
        _ribbons(canvas, nodes, bands, number, scale, stage_x)
    for number, (x, stage) in enumerate(zip(stage_x, nodes, strict=True)):
        for node in stage.values():
            _bar(canvas, node, x, scale, (number == 0, 0 < number < len(stages) - 1))
    return canvas.finish()


def _nodes(bands: Sequence[Ribbon], stages: int) -> list[dict[str, _StageNode]]:
    nodes: list[dict[str, _StageNode]] = [{} for _ in range(stages)]
    for band in bands:
        for stage, name in zip(nodes, band.names, strict=True):
            node = stage.setdefault(name, _StageNode(name))
            node.count += band.count
            node.colours.add(band.colour)
    return nodes


def _label_room(stage: dict[str, _StageNode]) -> float:
    labels = [_label(node) for node in stage.values()]
    return min(max(width(label, TEXT) * 1.1 for label in labels) + 12, _LABEL_WIDTH + 40)


def _label(node: _StageNode) -> str:
    return with_count(wrap(node.name, TEXT, _LABEL_WIDTH, 1)[0], node.count)


def _place_nodes(
    nodes: list[dict[str, _StageNode]], bands: Sequence[Ribbon], scale: float, top: float, height: float
) -> None:
    """Give each node its place: the first stage as it came, later ones in the order of what comes in."""
    for number, stage in enumerate(nodes):
        if number:
            weight: dict[str, float] = defaultdict(float)
            for band in bands:
                weight[band.names[number]] += band.count * nodes[number - 1][band.names[number - 1]].centre
            ordered_names = sorted(
                stage,
                key=lambda name: (bool(_MERGED_NAME.match(name)), weight[name] / stage[name].count, name),
            )
            nodes[number] = stage = {name: stage[name] for name in ordered_names}
        slots = [max(node.count * scale, _NODE_HEIGHT) + _NODE_GAP for node in stage.values()]
        position = top + (height - sum(slots)) / 2
        for node, slot in zip(stage.values(), slots, strict=True):
            node.centre = position + slot / 2
            node.incoming_y = node.outgoing_y = node.centre - node.count * scale / 2
            position += slot


def _ribbons(
    canvas: Canvas,
    nodes: list[dict[str, _StageNode]],
    bands: Sequence[Ribbon],
    number: int,
    scale: float,
    stage_x: Sequence[float],
) -> None:
    from matplotlib.collections import PathCollection
    from matplotlib.colors import to_rgba
    from matplotlib.path import Path

    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    for band in bands:
        counts[band.names[number], band.names[number + 1], band.colour] += band.count
    here, there = nodes[number], nodes[number + 1]
    links = sorted(counts, key=lambda link: (here[link[0]].centre, there[link[1]].centre, link[2]))
    starts = {}
    for link in links:
        starts[link] = here[link[0]].outgoing_y
        here[link[0]].outgoing_y += counts[link] * scale
    links.sort(key=lambda link: (there[link[1]].centre, here[link[0]].centre, link[2]))
    left, right = stage_x[number] + _BAR_WIDTH, stage_x[number + 1]
    centre = (left + right) / 2
    shapes = []
    for link in links:
        thickness = counts[link] * scale
        y0, y1 = starts[link], there[link[1]].incoming_y
        there[link[1]].incoming_y += thickness
        points = [
            (left, y0), (centre, y0), (centre, y1), (right, y1),
            (right, y1 + thickness), (centre, y1 + thickness), (centre, y0 + thickness),
            (left, y0 + thickness), (left, y0),
        ]  # fmt: skip
        steps = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
        shapes.append((bool(link[2]), Path(points, steps), link[2]))
    shapes.sort(key=lambda shape: shape[0])  # what stands out lies on top
    fills = [
        to_rgba(colour, 0.62) if stands_out else to_rgba(NEUTRAL, 0.16) for stands_out, _, colour in shapes
    ]
    ribbons = PathCollection([path for _, path, _ in shapes], facecolors=fills, linewidths=0.0)
    canvas.axes.add_collection(ribbons, autolim=False)


def _bar(canvas: Canvas, node: _StageNode, x: float, scale: float, place: tuple[bool, bool]) -> None:
    theme, (first, inner) = canvas.theme, place
    height = max(node.count * scale, 1.0)
    single_colour = next(iter(node.colours)) if len(node.colours) == 1 else ""
    canvas.box(
        x,
        node.centre - height / 2,
        _BAR_WIDTH,
        height,
        theme.fill(single_colour, 0.9) if single_colour else theme.muted,
    )
    label = _label(node)
    position = x - 5 if first else x + _BAR_WIDTH + 5
    if inner:  # on top of the bands, which would cross its letters
        canvas.box(position - 2, node.centre - 7, width(label, TEXT) + 5, 14, theme.paper + "d0")
    canvas.text(label, position, node.centre, TEXT, across="right" if first else "left", down="center")
