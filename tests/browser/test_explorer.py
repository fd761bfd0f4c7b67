"""The explorer in a real Chromium under JupyterLab: what a person does with it and sees."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

ALONE = "import lpnb\n\nexplorer = lpnb.Explorer()\nexplorer"
HOSTILE = '<img src=x onerror="window.evil = 1"><script>window.evil = 1</script>'

Notebook = Callable[..., Page]
Picture = Callable[[Locator, str], Path]


def explorer_of(page: Page) -> Locator:
    found = page.locator(".jp-OutputArea-output:visible .lpnb-explorer")
    expect(found.locator(".lpnb-actions .lpnb-status [data-state]")).to_have_attribute(
        "data-state", "idle", timeout=60_000
    )
    return found


def say(panel: Locator, label: str, text: str) -> None:
    panel.get_by_label(label, exact=True).fill(text)


def press(panel: Locator, button: str) -> None:
    panel.get_by_role("button", name=button, exact=True).click()


def tab(panel: Locator, name: str) -> None:
    panel.get_by_role("tab", name=re.compile(f"^{re.escape(name)}")).click()


def wait_until(panel: Locator, state: str) -> Locator:
    status = panel.locator(".lpnb-actions .lpnb-status [data-state]")
    expect(status).to_have_attribute("data-state", state, timeout=15_000)
    return status


def walk(explorer: Locator, picture: Picture, theme: str) -> None:
    """Do a little of everything and take a picture of each tab."""
    press(explorer, "Check")
    expect(explorer.locator(".lpnb-facts")).to_contain_text("answers,")
    press(explorer, "Start from …")
    explorer.get_by_role("button", name="Persona · In arrears, urgent", exact=True).click()
    press(explorer, "Look it up with Monitoring")
    say(explorer, "Entry points", "sec://payments")
    press(explorer, "Ask Monitoring")
    explorer.get_by_role("button", name="Take it over", exact=True).click()
    expect(explorer.get_by_label("Campaign id", exact=True)).to_have_value("99999")
    say(explorer, "Last name", "Doe")
    press(explorer, "Send")
    wait_until(explorer, "done")
    picture(explorer, f"explorer-compose-{theme}")
    press(explorer, "Follow it")
    expect(explorer.locator(".lpnb-trace")).to_contain_text("decided")
    say(explorer, "Message", "Good morning")
    press(explorer, "Say")
    expect(explorer.get_by_role("log", name="Thread")).to_contain_text("Good morning")
    picture(explorer, f"explorer-follow-{theme}")
    tab(explorer, "Compose")
    press(explorer, "Send")
    wait_until(explorer, "failed")
    tab(explorer, "History")
    explorer.locator(".lpnb-row:visible").first.click()
    press(explorer, "Compare")
    expect(explorer.locator(".lpnb-diff")).to_contain_text("What came back")
    picture(explorer, f"explorer-history-{theme}")
    tab(explorer, "Compose")
    press(explorer, "Reset")
    tab(explorer, "Experiment")
    say(explorer, "Values 1", "vip, business, lead")
    expect(explorer.locator(".lpnb-count")).to_have_text("6 cases")
    press(explorer, "Run")
    expect(explorer.locator(".lpnb-experiment .lpnb-status [data-state]")).to_have_attribute(
        "data-state", "done", timeout=30_000
    )
    picture(explorer, f"explorer-experiment-{theme}")
    tab(explorer, "As code")
    press(explorer, "curl")
    expect(explorer.get_by_role("region", name="curl")).to_contain_text("curl")
    picture(explorer, f"explorer-code-{theme}")
    tab(explorer, "Compose")


def test_the_whole_way_in_the_light_theme(notebook: Notebook, picture: Picture) -> None:
    explorer = explorer_of(notebook(ALONE))
    walk(explorer, picture, "light")


@pytest.mark.usefixtures("dark")
def test_the_whole_way_in_the_dark_theme(notebook: Notebook, picture: Picture) -> None:
    explorer = explorer_of(notebook(ALONE))
    walk(explorer, picture, "dark")
