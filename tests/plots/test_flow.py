"""The flow from a value through a campaign to a skill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from lpnb import Client, Grid, Sandbox, Settings, Steps, plots, run_experiment
from lpnb.errors import InvalidValueError

Table = Callable[..., pd.DataFrame]


def drawn(picture: plots.Picture) -> list[str]:
    return [text.get_text().replace("\u200e", "") for text in picture.figure().axes[0].texts]


def test_every_stage_names_its_values_and_counts_their_cases(before: pd.DataFrame) -> None:
    flow = plots.flow(before, "ctmrinfo.ctype")

    words = drawn(flow)
    assert flow.summary == "48 cases from ctmrinfo.ctype to landed_skill through campaignInfo.campaignId"
    assert {"vip  8", "regular  8", "99999  12", "(absent)  6", "Cards & Payments  12"} <= set(words)
    assert {"ctmrinfo.ctype", "campaignInfo.campaignId", "landed_skill"} <= set(words)


def test_the_ways_are_a_table_too(before: pd.DataFrame) -> None:
    ways = plots.flow(before, "ctmrinfo.ctype").table()

    assert dict(ways.dtypes.astype(str)) == {
        "ctmrinfo.ctype": "str", "campaignInfo.campaignId": "str", "landed_skill": "str", "cases": "Int64"
    }  # fmt: skip
    assert ways["cases"].sum() == 48
    assert ways[(ways["ctmrinfo.ctype"] == "vip") & (ways["campaignInfo.campaignId"] == "(absent)")][
        "landed_skill"
    ].to_list() == ["Private Clients"]


def test_a_crowded_stage_puts_its_rarest_names_together(table: Table) -> None:
    words = drawn(plots.flow(table([f"v{number}" for number in range(40)], ["x"]), "down", None))

    assert "(17 more)  17" in words
    assert sum(word.startswith("v") and word.endswith("  1") for word in words) == 23


def test_of_equally_rare_names_the_first_stay_and_the_others_stand_last(table: Table) -> None:
    names = [f"v{number}" for number in range(40)]
    figure = plots.flow(table(names, names), "down", "across").figure()

    places = {text.get_text().replace("\u200e", "").split("  ")[0]: [] for text in figure.axes[0].texts}
    for text in figure.axes[0].texts:
        places[text.get_text().replace("\u200e", "").split("  ")[0]].append(text.get_position()[1])
    assert {f"v{number}" for number in range(23)} <= places.keys()
    assert "v23" not in places
    assert len(places["(17 more)"]) == 2
    assert min(places["(17 more)"]) > max(places["v22"])


def test_no_rows_make_an_empty_picture_that_says_so(table: Table) -> None:
    flow = plots.flow(table([], []), "down", "across")

    assert flow.table().empty
    assert "No cases, so nothing leads from down to landed_skill through across." in drawn(flow)


def test_a_table_without_campaigns_says_what_else_there_is(table: Table) -> None:
    with pytest.raises(InvalidValueError) as caught:
        plots.flow(table(["a"], ["x"]), "down")

    assert str(caught.value) == (
        "The table has no campaignInfo.campaignId to lead through. Name another column, or None for none."
    )


def test_the_campaign_that_monitoring_offered_is_led_through(tmp_path: Path) -> None:
    grid = Grid(
        {"ctmrinfo.ctype": ["gold", "business"], "entryPoints": [["sec://lost-card"], ["sec://nowhere"]]}
    )
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        steps = Steps(engagement=True, landing=True)
        run = run_experiment(client, grid, journal=tmp_path / "r.sqlite", steps=steps, progress=False)
        offer = client.engagement("somebody", entry_points=["sec://lost-card"])

    ways = run.flow("ctmrinfo.ctype").table()

    card = ways[ways["landed_skill"] == "Cards & Payments"]
    assert card["campaignInfo.campaignId"].to_list() == [offer.campaign_id] * 2
    assert (
        run.heatmap("ctmrinfo.ctype", "campaignInfo.engagementId").table()[offer.engagement_id].to_list()
        == ["Cards & Payments"] * 2
    )
    assert run.pivot("campaignInfo.campaignId").loc[offer.campaign_id, "answered"] == 2
    assert "campaignInfo.campaignId" not in run.table()


def test_a_column_named_twice_is_refused(table: Table) -> None:
    with pytest.raises(InvalidValueError) as caught:
        plots.flow(table(["a"], ["x"]), "down", "down")

    assert str(caught.value) == (
        "source, through and to must be different columns; got ('down', 'down', 'landed_skill')."
    )


def test_in_a_notebook_it_is_drawn_in_the_page_and_told_as_a_table(table: Table) -> None:
    html = plots.flow(table(["<b>bold</b>"], ["x"]), "down", "across")._repr_html_()

    assert html.count("<svg ") == 1
    assert 'role="img" aria-label="How cases came to where they landed. 1 case from down' in html
    assert "var(--jp-content-font-color1,#1b1f24)" in html
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "<b>bold" not in html
