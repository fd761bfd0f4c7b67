"""How quick the Experiment tab is with 5,000 cases, and what the page holds then; it asserts nothing.

    python tests/bench/explorer_cases.py

First the kernel's share: processor time of each action, which a busy machine hardly changes. Then
``lpnb app`` serves the explorer, Chromium runs a grid of 5,000 cases on its sandbox, and each action is
timed inside the page, from the event to the last change. Best, median and worst of several.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable

import ipywidgets
from explorer_typing import serve
from playwright.sync_api import Locator, Page

from lpnb import Client, Explorer, Sandbox, Settings

ROWS = (
    ("ctmrinfo.ctype", "vip, gold, standard, business, lead, private, corporate, student, guest, staff"),
    ("ctmrinfo.cstatus", "new, active, overdue, blocked, gone"),
    ("ctmrinfo.customerId", ", ".join(f"C-{number}" for number in range(100))),
)
ROUNDS = 7
#: Notes when an event begins and when what is watched has changed for the last time.
WATCH = """([selector, kind]) => {
  window.begun = 0; window.ended = 0;
  window.stopWatching?.();
  const begin = () => { window.begun = performance.now(); };
  window.addEventListener(kind, begin, {capture: true, once: true});
  const watcher = new MutationObserver(() => { if (window.begun) window.ended = performance.now(); });
  const shown = document.querySelector(selector);
  watcher.observe(shown, {childList: true, subtree: true, characterData: true, attributes: true});
  window.stopWatching = () => { watcher.disconnect(); window.removeEventListener(kind, begin, true); };
}"""


def show(name: str, took: list[float]) -> None:
    """Print best, median and worst."""
    took.sort()
    print(f"{name:20} ms: best {took[0]:4.0f}, median {statistics.median(took):4.0f}, worst {took[-1]:4.0f}")


def kernel_side() -> None:
    """Run the grid without a page, act, print."""
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        explorer = Explorer(client)
        explorer.open_tab("Experiment")
        tab = explorer._tab("Experiment")
        tab.grid.rows, tab.steps["landing"].value = ROWS, False
        tab.start().result(600)
        results, cases = tab.results, tab.results.cases
        actions: dict[str, Callable[[int], object]] = {
            "sort": lambda n: setattr(cases.sort, "value", ("-elapsed_ms", "ctmrinfo.customerId")[n % 2]),
            "filter": lambda n: setattr(cases.filter, "value", ("gold", "C-7", "")[n % 3]),
            "cell of the heatmap": lambda n: setattr(results.cell_buttons.widget, "index", n),
            "all cases as CSV": lambda _: (cases.all_button.click(), cases.save(".csv")),
            "all cases as Excel": lambda _: cases.save(".xlsx"),
        }
        for name, act in actions.items():
            took = []
            for number in range(ROUNDS):
                begun = time.process_time()
                act(number)
                took.append((time.process_time() - begun) * 1000)
            cases.filter.value = ""
            show(name, took)
    ipywidgets.Widget.close_all()


def timed(page: Page, selector: str, kind: str, action: Callable[[], object]) -> float:
    """Milliseconds from the first event *kind* of *action* to the last change below *selector*."""
    page.evaluate(WATCH, [selector, kind])
    action()
    page.wait_for_function("window.ended > 0")
    page.wait_for_timeout(1_000)
    return float(page.evaluate("window.ended - window.begun"))


def run_cases(page: Page) -> Locator:
    """Run the grid, and return the panel."""
    panel = page.locator(".lpnb-explorer")
    panel.locator(".lpnb-send").first.wait_for(timeout=60_000)
    panel.get_by_role("tab", name="Experiment").click()
    panel.get_by_role("button", name="Add a field", exact=True).click()
    for number, (field, values) in enumerate(ROWS, 1):
        panel.get_by_label(f"Field {number}", exact=True).fill(field)
        panel.get_by_label(f"Values {number}", exact=True).fill(values)
    panel.get_by_text("5,000 cases", exact=True).first.wait_for()
    panel.get_by_label("Read where each landed", exact=True).uncheck()
    panel.get_by_role("button", name="Run", exact=True).click()
    panel.locator(".lpnb-experiment .lpnb-status [data-state=done]").first.wait_for(timeout=300_000)
    panel.locator(".lpnb-case-table caption").wait_for()
    page.wait_for_timeout(2_000)
    return panel


def measure(page: Page, address: str) -> None:
    """Open, run, act, print."""
    page.goto(address, timeout=120_000)
    panel = run_cases(page)
    sort, search = panel.get_by_label("Sort by", exact=True), panel.get_by_label("Filter", exact=True)
    cells, table = panel.locator(".lpnb-picture td"), ".lpnb-case-table .lpnb-answers"
    save = panel.get_by_role("button", name="Save as CSV", exact=True)
    names = ("-elapsed_ms", "ctmrinfo.customerId")
    actions: dict[str, tuple[str, str, Callable[[int], object]]] = {
        "sort": (table, "input", lambda n: sort.fill(names[n % 2])),
        "filter": (table, "input", lambda n: search.fill(("gold", "C-7", "")[n % 3])),
        "cell of the heatmap": (table, "click", lambda n: cells.nth(n).click()),
        "next page": (table, "click", lambda n: panel.get_by_role("button", name="Next").click()),
        "all cases as CSV": (".lpnb-case-table .lpnb-note:last-child", "click", lambda _: save.click()),
    }
    page.set_default_timeout(60_000)
    for name, (selector, kind, act) in actions.items():
        if name == "next page":
            search.fill("")
            panel.get_by_role("button", name="Show all", exact=True).click()
            page.wait_for_timeout(1_000)
        show(name, [timed(page, selector, kind, lambda n=n, act=act: act(n)) for n in range(ROUNDS)])
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    print(f"the page holds {found['JSHeapUsedSize'] / 1e6:.0f} MB in {found['Nodes']:,.0f} nodes")


def main() -> None:
    """Serve, measure, stop."""
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.chdir(folder):
            print("In the kernel, processor time:", flush=True)
            kernel_side()
        print("In the page:", flush=True)
        serve(folder, measure)


if __name__ == "__main__":
    main()
