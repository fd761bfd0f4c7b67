"""How long a keystroke takes until the preview shows it, with every field open; it asserts nothing.

    python tests/bench/explorer_typing.py

``lpnb app`` serves the explorer, Chromium types into it. Each keystroke is timed inside the page, from the
key going down to the preview holding the text; what goes over the kernel's socket meanwhile is counted. Then
opening: ``composer_cost.py`` says what that costs the kernel, here is what the page takes.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

TEXT = "Ada Lovelace of Ockham Park, Surrey, mathematician"
FOLDS = ("More about the person", "More about the customer", "More about session and channel")
WATCH = """() => {
  const preview = document.querySelector('.lpnb-preview');
  const box = [...document.querySelectorAll('label')].find(l => l.textContent === 'First name').control;
  window.took = [];
  let down = 0;
  box.addEventListener('keydown', () => { down = performance.now(); }, true);
  new MutationObserver(() => {
    if (down && preview.textContent.includes(JSON.stringify(box.value))) {
      window.took.push(performance.now() - down);
      down = 0;
    }
  }).observe(preview, {childList: true, subtree: true, characterData: true});
}"""


def chromium() -> str:
    """Where Chromium is."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("no Chromium found; set CHROMIUM=/path/to/it")
    return found


def measure(page: Page, address: str) -> None:
    """Open, type, print."""
    frames = {"sent": 0, "received": 0, "bytes": 0}

    def count(kind: str, payload: object) -> None:
        frames[kind] += 1
        frames["bytes"] += len(payload) if isinstance(payload, bytes | str) else 0

    def watch(socket: object) -> None:
        socket.on("framesent", lambda payload: count("sent", payload))  # type: ignore[attr-defined]
        socket.on("framereceived", lambda payload: count("received", payload))  # type: ignore[attr-defined]

    page.on("websocket", watch)
    page.goto(address)
    page.locator(".lpnb-explorer .lpnb-send").wait_for(timeout=60_000)
    opened = page.evaluate("performance.now()")
    for fold in FOLDS:
        page.get_by_role("button", name=fold, exact=True).click()
    for label in ("Store number", "Visitor id", "2nd region"):
        page.get_by_label(label, exact=True).wait_for()
    fields = page.locator(".lpnb-form input:visible").count()
    page.wait_for_timeout(3_000)  # until all that opening has set off is over
    page.evaluate(WATCH)
    page.get_by_label("First name", exact=True).click()
    frames.update(sent=0, received=0, bytes=0)
    for key in TEXT:
        before = page.evaluate("window.took.length")
        page.keyboard.press(key)
        page.wait_for_function("before => window.took.length > before", arg=before)
    took = sorted(page.evaluate("window.took"))
    page.wait_for_timeout(500)
    keys = len(TEXT)
    print(f"{fields} fields open, {keys} keystrokes, page opened after {opened / 1000:.1f} s")
    print(
        f"keystroke to preview, ms: median {statistics.median(took):.0f}, "
        f"90 % {took[int(len(took) * 0.9)]:.0f}, worst {took[-1]:.0f}"
    )
    print(
        f"socket messages per keystroke: {frames['sent'] / keys:.1f} to the kernel, "
        f"{frames['received'] / keys:.1f} from it, {frames['bytes'] / keys:,.0f} bytes in all"
    )


def serve(folder: str, measure: Callable[[Page, str], None]) -> None:
    """Serve the explorer from *folder*, *measure* its page, stop."""
    app = subprocess.Popen(
        [sys.executable, "-m", "lpnb", "app", "--no-browser"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("LP_")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert app.stdout is not None
        address = app.stdout.readline().strip()
        with sync_playwright() as playwright:
            flags = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
            browser = playwright.chromium.launch(executable_path=chromium(), args=flags)
            measure(browser.new_page(viewport={"width": 1360, "height": 1000}), address)
            browser.close()
    finally:
        app.send_signal(signal.SIGTERM)
        app.wait(20)


def main() -> None:
    """Measure in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        serve(folder, measure)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
