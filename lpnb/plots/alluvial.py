"""Bands that lead from stage to stage, as thick as there are cases: an alluvial drawing.

What the stages are, and which bands stand out, comes from those who use it. matplotlib's own Sankey knows
neither stages nor labels beside them.
"""

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
MOST = 24
#: What ``merge_rare_names`` calls the others; they stand last.
_REST = re.compile(r"\([0-9,]+ more\)$")
_BAR, _BETWEEN, _ROOM = 7.0, 200.0, 150.0
_SLOT, _SPACE, _BODY = 15.0, 7.0, 300.0


@dataclass(frozen=True, slots=True)
class Ribbon:
    """Cases that share a way: its name at each stage, how many, its colour; "" recedes."""

    names: tuple[str, ...]
    count: int
    base: str


@dataclass(slots=True)
class _StageNode:
    name: str
    count: int = 0
    middle: float = 0.0
    comes: float = 0.0
    goes: float = 0.0
    colours: set[str] = field(default_factory=set)


def merge_rare_names(bands: Sequence[Ribbon], most: int = MOST) -> list[Ribbon]:
    """The same bands with the rarest names of a crowded stage put together as "(n more)"."""
    found = list(bands)
    for stage in range(len(found[0].names) if found else 0):
        counts: dict[str, int] = defaultdict(int)
        for band in found:
            counts[band.names[stage]] += band.count
        if len(counts) <= most:
            continue
        kept = set(sorted(counts, key=lambda name: -counts[name])[: most - 1])  # of equals the first
        rest = f"({len(counts) - most + 1:,} more)"
        found = [
            band
            if band.names[stage] in kept
            else replace(band, names=(*band.names[:stage], rest, *band.names[stage + 1 :]))
            for band in found
        ]
        if stage == 0:  # it stands where its first band does
            found.sort(key=lambda band: band.names[0] == rest)
    return found


def draw_alluvial(
    title: str, summary: str, stages: Sequence[str], bands: Sequence[Ribbon], theme: Theme
) -> Figure:
    """Draw *bands* over *stages*; there is at least one band."""
    bands = merge_rare_names(bands)
    nodes = _nodes(bands, len(stages))
    total = sum(band.count for band in bands)
    scale = _BODY / total
    high = max(sum(max(node.count * scale, _SLOT) + _SPACE for node in stage.values()) for stage in nodes)
    sides = [_side(nodes[0]), _side(nodes[-1])]
    wide = sides[0] + sides[1] + _BETWEEN * (len(stages) - 1) + _BAR
    told = wrap(summary, TEXT, wide, 3)
    heads = wrap(title, 14, wide / 1.12, 1)
    top = MARGIN + 18 + 12 * len(told) + 34
    sheet = Canvas(wide + 2 * MARGIN, top + high + MARGIN, theme)
    sheet.lines(heads, MARGIN, MARGIN, 14, step=18, weight="bold")
    sheet.lines(told, MARGIN, MARGIN + 20, TEXT, step=12, colour=theme.muted)
    _order(nodes, bands, scale, top, high)
    places = [MARGIN + sides[0] + number * _BETWEEN for number in range(len(stages))]
    for number, (x, name) in enumerate(zip(places, stages, strict=True)):
        last = number == len(stages) - 1
        at = x + _BAR if number == 0 else x
        words = wrap(name, SMALL, (_BETWEEN if number > 0 and not last else _ROOM) / 1.12, 1)[0]
        sheet.text(
            words,
            at,
            top - 18,
            SMALL,
            colour=theme.muted,
            weight="bold",
            across="right" if number == 0 else "left",
        )
    for number in range(len(stages) - 1):
        _ribbons(sheet, nodes, bands, number, scale, places)
    for number, (x, stage) in enumerate(zip(places, nodes, strict=True)):
        for node in stage.values():
            _bar(sheet, node, x, scale, (number == 0, 0 < number < len(stages) - 1))
    return sheet.finish()


def _nodes(bands: Sequence[Ribbon], stages: int) -> list[dict[str, _StageNode]]:
    nodes: list[dict[str, _StageNode]] = [{} for _ in range(stages)]
    for band in bands:
        for stage, name in zip(nodes, band.names, strict=True):
            node = stage.setdefault(name, _StageNode(name))
            node.count += band.count
            node.colours.add(band.base)
    return nodes


def _side(stage: dict[str, _StageNode]) -> float:
    words = [_words(node) for node in stage.values()]
    return min(max(width(word, TEXT) * 1.1 for word in words) + 12, _ROOM + 40)


def _words(node: _StageNode) -> str:
    return with_count(wrap(node.name, TEXT, _ROOM, 1)[0], node.count)


def _order(
    nodes: list[dict[str, _StageNode]], bands: Sequence[Ribbon], scale: float, top: float, high: float
) -> None:
    """Give each node its place: the first stage as it came, later ones in the order of what comes in."""
    for number, stage in enumerate(nodes):
        if number:
            weight: dict[str, float] = defaultdict(float)
            for band in bands:
                weight[band.names[number]] += band.count * nodes[number - 1][band.names[number - 1]].middle
            inner = sorted(
                stage, key=lambda name: (bool(_REST.match(name)), weight[name] / stage[name].count, name)
            )
            nodes[number] = stage = {name: stage[name] for name in inner}
        slots = [max(node.count * scale, _SLOT) + _SPACE for node in stage.values()]
        at = top + (high - sum(slots)) / 2
        for node, slot in zip(stage.values(), slots, strict=True):
            node.middle = at + slot / 2
            node.comes = node.goes = node.middle - node.count * scale / 2
            at += slot


def _ribbons(
    sheet: Canvas,
    nodes: list[dict[str, _StageNode]],
    bands: Sequence[Ribbon],
    number: int,
    scale: float,
    places: Sequence[float],
) -> None:
    from matplotlib.collections import PathCollection
    from matplotlib.colors import to_rgba
    from matplotlib.path import Path

    counts: dict[tuple[str, str, str], int] = defaultdict(int)
    for band in bands:
        counts[band.names[number], band.names[number + 1], band.base] += band.count
    here, there = nodes[number], nodes[number + 1]
    ways = sorted(counts, key=lambda way: (here[way[0]].middle, there[way[1]].middle, way[2]))
    starts = {}
    for way in ways:
        starts[way] = here[way[0]].goes
        here[way[0]].goes += counts[way] * scale
    ways.sort(key=lambda way: (there[way[1]].middle, here[way[0]].middle, way[2]))
    left, right = places[number] + _BAR, places[number + 1]
    middle = (left + right) / 2
    shapes = []
    for way in ways:
        thick = counts[way] * scale
        y0, y1 = starts[way], there[way[1]].comes
        there[way[1]].comes += thick
        points = [
            (left, y0), (middle, y0), (middle, y1), (right, y1),
            (right, y1 + thick), (middle, y1 + thick), (middle, y0 + thick), (left, y0 + thick), (left, y0),
        ]  # fmt: skip
        steps = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
        shapes.append((bool(way[2]), Path(points, steps), way[2]))
    shapes.sort(key=lambda shape: shape[0])  # what stands out lies on top
    fills = [to_rgba(base, 0.62) if told else to_rgba(NEUTRAL, 0.16) for told, _, base in shapes]
    ribbons = PathCollection([path for _, path, _ in shapes], facecolors=fills, linewidths=0.0)
    sheet.axes.add_collection(ribbons, autolim=False)


def _bar(sheet: Canvas, node: _StageNode, x: float, scale: float, where: tuple[bool, bool]) -> None:
    theme, (first, inner) = sheet.theme, where
    high = max(node.count * scale, 1.0)
    only = next(iter(node.colours)) if len(node.colours) == 1 else ""
    sheet.box(x, node.middle - high / 2, _BAR, high, theme.fill(only, 0.9) if only else theme.muted)
    words = _words(node)
    at = x - 5 if first else x + _BAR + 5
    if inner:  # on top of the bands, which would cross its letters
        sheet.box(at - 2, node.middle - 7, width(words, TEXT) + 5, 14, theme.paper + "d0")
    sheet.text(words, at, node.middle, TEXT, across="right" if first else "left", down="center")
