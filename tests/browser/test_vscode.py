"""The explorer, tables and pictures as VS Code's own widget manager draws them, in each of its themes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from explorer_page import (
    HELD,
    TABS,
    explorer_of,
    low_contrast,
    press,
    say,
    tab,
    violations,
    wait_until,
)
from playwright.sync_api import Page, expect
from vscode_outputs import THEMES, vscode_outputs

#: Plain HTML beside the panel: a table, a picture as SVG, a heatmap, and text that is no table.
OUTPUTS = """
import pandas as pd
from lpnb.plots import flow, heatmap, latency
cases = pd.DataFrame({"ctmrinfo.ctype": ["vip", "gold"] * 3, "campaignInfo.campaignId": ["1", "1", "2"] * 2,
    "outcome": "answered", "landed_skill": ["Private Clients", "Cards", None] * 2,
    "elapsed_ms": [10.0, 12.0, 30.0, 4.0, 5.0, 6.0]})
for shown in (heatmap(cases, "ctmrinfo.ctype", "campaignInfo.campaignId"), flow(cases, "ctmrinfo.ctype"),
              latency(cases), explorer.response):
    display(shown)
"""


def test_every_text_is_readable_in_every_theme_of_vs_code_and_send_works(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    with vscode_outputs(tmp_path) as address:
        page = open_page(address, excused=["favicon.ico"])
        expect(page.locator("body[data-ready]")).to_be_attached(timeout=60_000)
        page.evaluate("code => window.runCell(code)", HELD)
        explorer = explorer_of(page, "")
        press(explorer, "Start from …")
        explorer.get_by_role("button", name="Persona · VIP customer", exact=True).click()
        press(explorer, "Send")
        wait_until(explorer, "done")
        press(explorer, "Where it landed, and why")
        expect(explorer.locator(".lpnb-trace")).to_contain_text("decided")
        tab(explorer, "Experiment")
        press(explorer, "Run")
        expect(explorer.locator(".lpnb-experiment .lpnb-status [data-state=done]")).to_be_visible(
            timeout=30_000
        )
        tab(explorer, "Compose")
        say(explorer, "Gender", "male")
        expect(explorer.locator(".lpnb-jumps")).to_be_visible()
        page.evaluate("code => window.runCell(code)", OUTPUTS)
        assert violations(page, contrast=False) == {each: [] for each in TABS}

        texts = {}
        for name, classes in THEMES.items():
            page.evaluate("classes => { document.body.className = classes }", classes)
            texts[f"plain outputs, {name}"] = low_contrast(page, ".output:not(:has(.lpnb-explorer))")
            for each in TABS:
                tab(explorer, each)
                texts[f"{each}, {name}"] = low_contrast(page, ".lpnb-explorer")
                if "LPNB_PICTURES" in os.environ:
                    picture = f"vscode-{each.split()[0].lower()}-{name.replace(' ', '-')}.png"
                    page.screenshot(path=Path(os.environ["LPNB_PICTURES"], picture), full_page=True)
        page.goto("about:blank")

    assert {place: faint for place, faint in texts.items() if faint} == {}
    assert len(texts) == len(THEMES) * (1 + len(TABS))
