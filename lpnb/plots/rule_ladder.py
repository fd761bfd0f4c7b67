"""``RuleLadder``: a decision list as a ladder of conditions, skills, shares as bars and evidence as dots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lpnb.plots.canvas import MARGIN, SMALL, TEXT, Canvas, blank_canvas
from lpnb.plots.figure import Picture
from lpnb.plots.text_layout import width, wrap
from lpnb.plots.themes import NEUTRAL, Theme, colours_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TITLE = "Which rules decide"
#: Widths of the parts of a rung, in points: number, conditions, skill, bar with its number, dots.
_NUMBER, _CONDITIONS, _SKILL, _BAR, _DOTS = 22.0, 330.0, 150.0, 120.0, 86.0
_CHIP_HIGH, _CHIP_GAP, _CHIP_PAD = 16.0, 5.0, 6.0
_RUNG_PAD, _RUNG_GAP, _HEAD, _STEP = 7.0, 4.0, 18.0, 11.5
#: Dots that are drawn; more evidence than this is a number.
_MOST_DOTS = 5
#: Rungs that are drawn; of a longer list the others are counted.
_MOST_RUNGS = 60


class LadderRung(NamedTuple):
    """One rule: its conditions in words, its skill, the share it decides, and the sends it rests on."""

    conditions: tuple[str, ...]
    skill: str
    share: float
    evidence: int | None


class RuleLadder(Picture):
    """Rules from the first that decides to the last. ``routing.picture()`` makes it.

    Example:
        >>> rungs = [LadderRung(("ctype is vip",), "Private", 0.25, 3), LadderRung((), "Cards", 0.75, None)]
        >>> RuleLadder(rungs, "Where 4 combinations land")
        <RuleLadder: Which rules decide. Where 4 combinations land: 2 rules to 2 skills>
    """

    def __init__(self, rungs: Sequence[LadderRung], subtitle: str, sentences: Sequence[str] = ()) -> None:
        self.rungs = list(rungs)
        self.subtitle = subtitle
        self.sentences = list(sentences)
        self.title = _TITLE
        skills = len({rung.skill for rung in self.rungs})
        self.summary = f"{subtitle}: {len(self.rungs)} rules to {skills} skills"
        self.colours = colours_of(rung.skill for rung in self.rungs)

    def _rows(self) -> tuple[list[str], list[list[object]]]:
        rows: list[list[object]] = [
            [
                number,
                " and ".join(rung.conditions) or "otherwise",
                rung.skill,
                _percent(rung.share),
                rung.evidence,
            ]
            for number, rung in enumerate(self.rungs, 1)
        ]
        return ["rule", "if", "skill", "share", "rests on sends"], rows

    def _draw(self, theme: Theme) -> Figure:
        if not self.rungs:
            return blank_canvas(self.title, "There are no rules yet.", theme)
        rungs = self.rungs[:_MOST_RUNGS]
        chips = [_chip_lines(rung.conditions) for rung in rungs]
        heights = [len(lines) * (_CHIP_HIGH + 3) - 3 + 2 * _RUNG_PAD for lines in chips]
        wide = 2 * MARGIN + _NUMBER + _CONDITIONS + _SKILL + _BAR + _DOTS
        subtitle = wrap(self.subtitle, TEXT, wide - 2 * MARGIN, 2)
        below = [line for sentence in self.sentences for line in wrap(sentence, SMALL, wide - 2 * MARGIN, 3)]
        if len(self.rungs) > len(rungs):
            below.insert(0, f"and {len(self.rungs) - len(rungs)} more rules, which .rules lists")
        top = MARGIN + 22 + 13 * len(subtitle) + _HEAD
        high = top + sum(heights) + _RUNG_GAP * len(heights) + 10 + _STEP * len(below) + MARGIN
        canvas = Canvas(wide, high, theme)
        canvas.text(self.title, MARGIN, MARGIN, 14, weight="bold")
        canvas.lines(subtitle, MARGIN, MARGIN + 22, TEXT, step=13, colour=theme.muted)
        left = MARGIN + _NUMBER
        for words, x in (
            ("if", left),
            ("it lands in", left + _CONDITIONS),
            ("share", left + _CONDITIONS + _SKILL),
            ("rests on sends", left + _CONDITIONS + _SKILL + _BAR),
        ):
            canvas.text(words, x, top - 8, SMALL, colour=theme.muted, down="center")
        y = top
        for number, (rung, lines, tall) in enumerate(zip(rungs, chips, heights, strict=True), 1):
            self._rung(canvas, number, rung, lines, y, tall)
            y += tall + _RUNG_GAP
        canvas.lines(below, MARGIN, y + 6, SMALL, step=_STEP, colour=theme.muted)
        return canvas.finish()

    def _rung(
        self, canvas: Canvas, number: int, rung: LadderRung, lines: list[list[str]], y: float, tall: float
    ) -> None:
        theme, middle, base = canvas.theme, y + tall / 2, self.colours.get(rung.skill, NEUTRAL)
        left = MARGIN + _NUMBER
        canvas.box(MARGIN, y, _NUMBER + _CONDITIONS + _SKILL + _BAR + _DOTS, tall, theme.blank)
        canvas.text(
            str(number), MARGIN + 15, middle, SMALL, colour=theme.muted, across="right", down="center"
        )
        chip_y = y + _RUNG_PAD
        for line in lines:
            x = left
            for chip in line:
                long = width(chip, SMALL) + 2 * _CHIP_PAD
                if rung.conditions:
                    canvas.box(x, chip_y, long, _CHIP_HIGH, theme.line)
                    canvas.box(x + 0.7, chip_y + 0.7, long - 1.4, _CHIP_HIGH - 1.4, theme.paper)
                at = x + _CHIP_PAD if rung.conditions else x
                canvas.text(
                    chip, at, chip_y + _CHIP_HIGH / 2, SMALL, down="center", italic=not rung.conditions
                )
                x += long + _CHIP_GAP
            chip_y += _CHIP_HIGH + 3
        left += _CONDITIONS
        canvas.text("→", left - 14, middle, TEXT, colour=theme.muted, down="center")
        canvas.box(left, y, _SKILL - 12, tall, theme.fill(base))
        canvas.box(left, y, 4, tall, theme.fill(base, 0.9))
        name = wrap(rung.skill, TEXT, _SKILL - 30, 2)
        canvas.lines(name, left + 11, middle - len(name) * 6, TEXT, step=12)
        left += _SKILL
        long = _BAR - 52
        canvas.box(left, middle - 5, long, 10, theme.paper)
        canvas.box(
            left, middle - 5, max(long * rung.share, 1.2 if rung.share else 0.0), 10, theme.fill(base, 0.9)
        )
        canvas.text(_percent(rung.share), left + long + 6, middle, SMALL, down="center")
        self._dots(canvas, rung.evidence, left + _BAR, middle)

    @staticmethod
    def _dots(canvas: Canvas, evidence: int | None, x: float, middle: float) -> None:
        """A full dot for each send; one alone is hollow, because a single answer can mislead."""
        theme = canvas.theme
        if evidence is None:
            canvas.text("the rest", x, middle, SMALL, colour=theme.muted, down="center")
            return
        for dot in range(min(evidence, _MOST_DOTS)):
            canvas.dot(x + 4 + 10 * dot, middle, 3.2, theme.ink, hollow=evidence == 1)
        words = str(evidence) if evidence != 1 else "1 alone"
        at = x + 10 * min(evidence, _MOST_DOTS) + (6 if evidence else 0)
        canvas.text(words, at, middle, SMALL, colour=theme.muted, down="center")


def _chip_lines(conditions: Sequence[str]) -> list[list[str]]:
    """Conditions in lines that fit."""
    room = _CONDITIONS - 26
    lines: list[list[str]] = [[]]
    line_width = 0.0
    for condition in conditions or ("otherwise",):
        chip = wrap(condition, SMALL, room - 2 * _CHIP_PAD, 1)[0]
        long = width(chip, SMALL) + 2 * _CHIP_PAD + _CHIP_GAP
        if lines[-1] and line_width + long > room:
            lines.append([])
            line_width = 0.0
        lines[-1].append(chip)
        line_width += long
    return lines


def _percent(share: float) -> str:
    percent = 100 * share
    if 0 < percent < 0.01:
        return "< 0.01 %"
    digits = 0 if percent >= 9.95 or percent == 0 else min(max(1 - math.floor(math.log10(percent)), 1), 2)
    return f"{percent:.{digits}f} %"
