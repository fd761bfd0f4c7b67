"""What the browser tests of the explorer do in one step each. No test is in here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Locator, Page, expect

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")
TABS = ("Compose", "Send & follow", "History", "Experiment", "As code")
ALONE = "import lpnb\n\nexplorer = lpnb.Explorer()\nexplorer"
#: An explorer on a sandbox that the notebook holds in its hands.
HELD = (
    "import lpnb\n\nsandbox = lpnb.Sandbox().start()\n"
    "explorer = lpnb.Explorer(lpnb.Client(lpnb.Settings.of(sandbox.environment()), wait_scale=0))\nexplorer"
)
#: What a front end does wrong by itself, or on being refused what it wants from elsewhere.
KNOWN = ("reading 'schema'", "RUNTIME-012", "Failed to load resource")
HOSTILE = '<img src=x onerror="window.evil = 1"><script>window.evil = 1</script>'

Notebook = Callable[..., Page]
OpenPage = Callable[..., Page]
DARK, LIGHT = "dark", "light"
Picture = Callable[[Locator, str], None]


def explorer_of(page: Page, scope: str = ".jp-OutputArea-output:visible ") -> Locator:
    """The explorer on the page, once it can be used."""
    found = page.locator(f"{scope}.lpnb-explorer")
    expect(found.locator(".lpnb-actions .lpnb-status [data-state]")).to_have_attribute(
        "data-state", re.compile("."), timeout=60_000
    )
    return found


def say(panel: Locator, label: str, text: str) -> None:
    """Type *text* into the box *label*."""
    panel.get_by_label(label, exact=True).fill(text)


def press(panel: Locator, button: str) -> None:
    """Press the button *button*."""
    panel.get_by_role("button", name=button, exact=True).click()


def tab(panel: Locator, name: str) -> None:
    """Turn to the tab *name*."""
    panel.get_by_role("tab", name=re.compile(f"^{re.escape(name)}")).click()


def wait_until(panel: Locator, state: str) -> Locator:
    """The status of the last send, once it is *state*."""
    status = panel.locator(".lpnb-actions .lpnb-status [data-state]")
    expect(status).to_have_attribute("data-state", state, timeout=15_000)
    return status


def use(explorer: Locator) -> None:
    """The main way, in short."""
    say(explorer, "First name", "Ada")
    press(explorer, "Send")
    wait_until(explorer, "done")
    press(explorer, "Where it landed, and why")
    expect(explorer.locator(".lpnb-trace")).to_contain_text("decided")
    say(explorer, "Message", "Hello")
    press(explorer, "Say")
    expect(explorer.get_by_role("log", name="Thread")).to_contain_text("Hello")


def run_cell(page: Page, code: str) -> str:
    """Run *code* in a new cell at the end, and return what it printed."""
    page.evaluate(
        """async code => {
          const app = window.jupyterapp, panel = app.shell.currentWidget;
          panel.content.activeCellIndex = panel.content.widgets.length - 1;
          await app.commands.execute('notebook:insert-cell-below');
          panel.content.activeCell.model.sharedModel.setSource(code);
          await app.commands.execute('notebook:run-cell');
        }""",
        code,
    )
    cells = page.locator(".jp-Notebook:visible .jp-CodeCell")
    outputs = cells.last.locator(".jp-OutputArea-output").all_inner_texts()
    return "\n".join(outputs).strip()


def violations(page: Page, *, contrast: bool = True) -> dict[str, list[str]]:
    """For each tab what an accessibility engine calls serious or critical, with the places.

    Of its time four fifths are for contrast. It measures that in JupyterLab's light theme; elsewhere
    ``faint_texts`` does.
    """
    options = {"resultTypes": ["violations"], "rules": {"color-contrast": {"enabled": contrast}}}
    if not page.evaluate("typeof axe !== 'undefined'"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = {}
    for name in TABS:
        tab(page.locator(".lpnb-explorer:visible"), name)
        found[name] = page.evaluate(
            "async options => (await axe.run('.lpnb-explorer', options)).violations"
            ".filter(v => ['serious', 'critical'].includes(v.impact))"
            ".map(v => `${v.id}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | ')}`)",
            options,
        )
    return found


def low_contrast(page: Page, scope: str) -> list[str]:
    """The texts below *scope* that are fainter than 4.5 to 1."""
    return list(page.evaluate(f"{CONTRAST}; lowContrast({scope!r}, 4.5)"))


def faint_texts(page: Page) -> dict[str, list[str]]:
    """For each tab the texts that are fainter than 4.5 to 1."""
    found = {}
    for name in TABS:
        tab(page.locator(".lpnb-explorer:visible"), name)
        found[name] = low_contrast(page, ".lpnb-explorer")
    return found
