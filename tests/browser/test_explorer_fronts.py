"""The explorer in Notebook 7, on narrow pages, enlarged, and as an accessibility engine sees it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import nbformat
from explorer_page import (
    ALONE,
    DARK,
    KNOWN,
    LIGHT,
    TABS,
    Notebook,
    OpenPage,
    explorer_of,
    faint_texts,
    press,
    say,
    tab,
    use,
    violations,
    wait_until,
)
from front_ends import CLOSE, KERNEL_IDLE, Lab
from playwright.sync_api import Locator, expect


def test_it_works_in_notebook_7(lab: Lab, open_page: OpenPage) -> None:
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    made.cells = [nbformat.v4.new_code_cell(ALONE)]
    nbformat.write(made, lab.folder / "explorer.ipynb")
    page = open_page(f"{lab.base}/notebooks/explorer.ipynb?token={lab.token}", excused=KNOWN)
    page.wait_for_function(KERNEL_IDLE, timeout=60_000)
    assert page.evaluate("window.jupyterapp.name") == "Jupyter Notebook"
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    use(explorer_of(page))
    assert violations(page, contrast=False) == {name: [] for name in TABS}
    assert faint_texts(page) == {name: [] for name in TABS}
    page.evaluate(CLOSE)


def everything(explorer: Locator) -> None:
    """Fill every tab with something to look at."""
    press(explorer, "Switch …")
    press(explorer, "Start from …")
    explorer.get_by_role("button", name="Persona · VIP customer", exact=True).click()
    for fold in ("person", "customer", "session and channel"):
        explorer.get_by_role(
            "button", name=f"More about the {fold}".replace("the session", "session")
        ).click()
    press(explorer, "More of your own")
    press(explorer, "Look it up with Monitoring")
    press(explorer, "Ask Monitoring")
    explorer.get_by_role("button", name="Take it over", exact=True).click()
    press(explorer, "Load …")
    press(explorer, "Send")
    wait_until(explorer, "done")
    say(explorer, "Company size", "abc")
    press(explorer, "Where it landed, and why")
    expect(explorer.locator(".lpnb-trace")).to_contain_text("decided")
    say(explorer, "Message", "Hello")
    press(explorer, "Say")
    expect(explorer.get_by_role("log", name="Thread")).to_contain_text("Hello")
    tab(explorer, "History")
    explorer.locator(".lpnb-row:visible").first.click()
    tab(explorer, "Compose")
    say(explorer, "Company size", "500")
    tab(explorer, "Experiment")
    press(explorer, "Run")
    status = explorer.locator(".lpnb-experiment .lpnb-status [data-state=done]")
    expect(status).to_be_visible(timeout=30_000)
    tab(explorer, "As code")
    tab(explorer, "Compose")
    say(explorer, "Company size", "abc")


def test_an_accessibility_engine_finds_nothing_serious_in_any_tab_light_or_dark(
    notebook: Notebook, change_theme: Callable[[str], None]
) -> None:
    page = notebook(ALONE)
    explorer = explorer_of(page)
    everything(explorer)

    change_theme(LIGHT)
    assert violations(page) == {name: [] for name in TABS}
    change_theme(DARK)  # which changes nothing but colours
    assert faint_texts(page) == {name: [] for name in TABS}


def test_every_tab_fits_pages_from_narrow_to_wide_and_enlarged(notebook: Notebook, tmp_path: Path) -> None:
    page = notebook(ALONE)
    explorer = explorer_of(page)
    press(explorer, "Start from …")
    explorer.get_by_role("button", name="Persona · VIP customer", exact=True).click()
    press(explorer, "Send")
    wait_until(explorer, "done")
    for width, zoom in ((320, 1), (768, 1), (1920, 1), (1280, 2)):
        # The panel as wide as a page of that width would leave it; JupyterLab itself cannot be that narrow.
        explorer.evaluate(
            "(panel, [width, zoom]) => { panel.style.width = `${width / zoom}px`; panel.style.zoom = zoom }",
            [width, zoom],
        )
        for name in TABS:
            tab(explorer, name)
            page.wait_for_timeout(0)
            wide = explorer.evaluate(
                "panel => [...panel.querySelectorAll('*')].filter(it => it.checkVisibility()"
                " && it.getBoundingClientRect().right > panel.getBoundingClientRect().right + 2"
                " && !it.closest('[role=region], pre, ol, .lpnb-plot, style'))"
                ".map(it => it.className || it.tagName).slice(0, 5)"
            )
            assert (name, width, wide) == (name, width, [])
            folder = Path(os.environ.get("LPNB_PICTURES", tmp_path))
            if width == 320 and zoom == 1 and "LPNB_PICTURES" in os.environ:
                explorer.screenshot(path=folder / f"narrow-{name.split()[0].lower()}.png")
