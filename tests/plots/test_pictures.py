"""What holds for all pictures: files, themes, colours, and that they disturb nothing else."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from lpnb import plots
from lpnb.errors import InvalidValueError
from lpnb.plots.text_layout import width
from lpnb.plots.themes import FAILED, NEUTRAL, OUTCOMES, PALETTE, THEMES, colours_of

Table = Callable[..., pd.DataFrame]
# How the three kinds of colour blindness see linear red, green and blue.
# Source: Machado, Oliveira and Fernandes 2009, severity 1.0.
BLINDNESS = {
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
    "none": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
}


def linear(colour: str) -> list[float]:
    """Red, green and blue as light, 0 to 1."""
    parts = [part / 255 for part in bytes.fromhex(colour[1:])]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def contrast(one: str, other: str) -> float:
    """How well the one can be read on the other, 1 to 21, by WCAG 2.2; text wants 4.5."""
    weights = (0.2126, 0.7152, 0.0722)
    low, high = sorted(
        sum(a * b for a, b in zip(weights, linear(each), strict=True)) for each in (one, other)
    )
    return (high + 0.05) / (low + 0.05)


def seen(colour: str, blindness: str) -> tuple[float, ...]:
    """Where a colour stands in OKLab, as someone with *blindness* sees it."""
    sums = (sum(a * b for a, b in zip(row, linear(colour), strict=True)) for row in BLINDNESS[blindness])
    red, green, blue = (min(max(value, 0.0), 1.0) for value in sums)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_text_can_be_read_on_every_fill(theme: plots.themes.Theme) -> None:
    fills = [theme.fill(base) for base in (*PALETTE, *OUTCOMES.values())]
    fills += [theme.fill(base, theme.bold) for base in PALETTE]  # what moved
    fills += [theme.fill(FAILED, theme.strength * share) for share in (0.25, 0.5, 0.75, 1.0)]
    fills += [theme.fill(NEUTRAL, theme.strength * 0.3), theme.paper]

    assert min(contrast(theme.ink, fill) for fill in fills) >= 4.5
    assert min(contrast(theme.muted, ground) for ground in (theme.paper, theme.blank)) >= 4.5


@pytest.mark.parametrize("blindness", BLINDNESS)
@pytest.mark.parametrize("theme", THEMES.values(), ids=list(THEMES))
def test_any_two_fills_of_the_palette_can_be_told_apart(theme: plots.themes.Theme, blindness: str) -> None:
    places = [seen(theme.fill(base), blindness) for base in PALETTE]
    nearest = min(
        sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5
        for one, other in itertools.combinations(places, 2)
    )

    assert nearest >= 0.04  # twice what can just be noticed


def test_a_skill_has_the_same_colour_in_every_picture_of_the_same_skills(before: pd.DataFrame) -> None:
    heatmap = plots.heatmap(before, "ctmrinfo.ctype", "campaignInfo.engagementId")
    flow = plots.flow(before.sample(frac=1, random_state=3), "ctmrinfo.ctype")

    assert heatmap.colours == flow.colours
    assert len(set(heatmap.colours.values())) == 6
    assert colours_of(["a", "b"], {"a": "#123456"})["a"] == "#123456"


def test_more_skills_than_colours_are_still_all_coloured() -> None:
    found = colours_of([f"skill {number}" for number in range(25)])

    assert len(found) == 25
    assert set(found.values()) == set(PALETTE)


def test_a_file_has_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    code = (
        "import sys, pandas as pd; from lpnb import plots\n"
        "import matplotlib; matplotlib.rcParams.update({'font.size': 31, 'savefig.facecolor': 'red'})\n"
        "t = {'a': ['x', 'y'], 'b': 'u', 'outcome': 'answered', 'landed_skill': ['K', 'L']}\n"
        "for path in sys.argv[1:]: plots.heatmap(pd.DataFrame(t), 'a', 'b').save(path, 'dark')\n"
    )
    table = pd.DataFrame({"a": ["x", "y"], "b": "u", "outcome": "answered", "landed_skill": ["K", "L"]})
    there = [tmp_path / "there.png", tmp_path / "there.svg"]
    subprocess.run([sys.executable, "-W", "error", "-c", code, *there], check=True)

    here = [plots.heatmap(table, "a", "b").save(tmp_path / f"here.{kind}", "dark") for kind in ("png", "svg")]

    assert [path.read_bytes() for path in here] == [path.read_bytes() for path in there]


def test_an_svg_is_well_formed_and_holds_no_names_as_markup(table: Table) -> None:
    name = '"><script>alert(1)</script>--><!-- $HOME'
    svg = plots.heatmap(table([name], [name], [name]), "down", "across").svg()

    tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()}
    assert "script" not in tags
    assert "image" not in tags


def test_a_name_with_letters_that_no_font_here_has_is_text_in_an_svg(table: Table) -> None:
    glyph = "\U00013080"  # an Egyptian hieroglyph
    cases = table([f"{glyph}<b>", "gold"], [f"{glyph} x{number}" for number in range(20)], ["Cards"])
    svg = plots.heatmap(cases, "down", "across").svg("dark")

    root = ElementTree.fromstring(svg)
    texts = {element.text: element.attrib for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert set(texts) == {f"{glyph}<b>", *(f"{glyph} x{number}" for number in range(20))}
    assert "text-anchor:end" in texts[f"{glyph}<b>"]["style"]
    assert texts[f"{glyph} x3"]["transform"].startswith("rotate(-90 ")
    assert svg.count('display="none"') == 21
    assert svg == plots.heatmap(cases, "down", "across").svg("dark")
    assert "<text" not in plots.heatmap(table(["gold"], ["x"]), "down", "across").svg()


def test_an_ending_other_than_png_or_svg_is_refused(table: Table, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError) as caught:
        plots.heatmap(table(["a"], ["x"]), "down", "across").save(tmp_path / "picture.svgz")

    assert str(caught.value) == "path must be one of '.png', '.svg'; got '.svgz'. Did you mean '.svg'?"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_theme_is_refused(table: Table) -> None:
    with pytest.raises(InvalidValueError) as caught:
        plots.heatmap(table(["a"], ["x"]), "down", "across").figure("drak")

    assert str(caught.value) == "theme must be one of 'light', 'dark'; got 'drak'. Did you mean 'dark'?"


def test_drawing_leaves_the_settings_of_matplotlib_alone(table: Table) -> None:
    import matplotlib

    with matplotlib.rc_context({"font.size": 31.0, "svg.hashsalt": "mine"}):
        plots.heatmap(table(["a"], ["x"]), "down", "across").svg()

        assert matplotlib.rcParams["font.size"] == 31.0
        assert matplotlib.rcParams["svg.hashsalt"] == "mine"


def test_threads_that_draw_at_once_draw_the_same(table: Table) -> None:
    picture = plots.heatmap(table(["a", "b"], ["x"]), "down", "across")

    with ThreadPoolExecutor(4) as threads:
        drawn = list(threads.map(lambda _: picture.png(), range(4)))

    assert drawn == [picture.png()] * 4


def test_importing_the_pictures_does_not_load_matplotlib() -> None:
    code = "import lpnb.plots, sys; print('matplotlib' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stdout == "False\n"


def test_names_are_measured_as_they_are_drawn(table: Table) -> None:
    figure = plots.heatmap(table(["a"], ["x"], ["Mortgages & Loans"]), "down", "across").figure()
    text = next(text for text in figure.axes[0].texts if text.get_text() == "Mortgages &")
    box = text.get_window_extent()

    assert box.width / figure.dpi * 72 == pytest.approx(width("Mortgages &", 9.0), rel=0.06)
