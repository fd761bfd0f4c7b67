"""The explorer in other front ends, on narrow pages, enlarged, and as an accessibility engine sees it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from explorer_page import (
    ALONE,
    TABS,
    Notebook,
    explorer_of,
    faint_texts,
    press,
    say,
    tab,
    violations,
    wait_until,
)
from front_ends import CLOSE, KERNEL_IDLE, Lab, environment
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

OpenPage = Callable[..., Page]
DARK, LIGHT = "dark", "light"
#: What a front end does wrong by itself, or on being refused what it wants from elsewhere.
KNOWN = ("reading 'schema'", "RUNTIME-012", "Failed to load resource")


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


@contextlib.contextmanager
def app_alone(folder: Path, *options: str) -> Iterator[str]:
    """The address of ``lpnb app``, which is served until the test is over."""
    app = subprocess.Popen(
        [sys.executable, "-m", "lpnb", "app", "--no-browser", *options],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert app.stdout is not None
        yield app.stdout.readline().strip()
    finally:
        app.send_signal(signal.SIGTERM)
        app.communicate(timeout=20)


@pytest.fixture(scope="module")
def alone(
    tmp_path_factory: pytest.TempPathFactory, fork_server: dict[str, str]
) -> Iterator[tuple[str, Path]]:
    """The address of ``lpnb app`` without options, and its folder."""
    folder = tmp_path_factory.mktemp("alone")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in fork_server.items():
            patch.setenv(name, value)
        with app_alone(folder) as address:
            yield address, folder


def reload_while_a_run_ends(page: Page) -> None:
    """Reload in the middle of a run: the page asks the kernel for its widgets when there are results."""
    held: list[Callable[[], None]] = []
    is_over: list[bool] = []

    def connect(socket: WebSocketRoute) -> None:
        kernel = socket.connect_to_server()

        def ask(message: str | bytes) -> None:
            if is_over:
                kernel.send(message)
            else:
                held.append(lambda: kernel.send(message))

        def tell(message: str | bytes) -> None:
            if isinstance(message, bytes) and b"update_display_data" in message:  # the last that a run does
                is_over.append(True)
            socket.send(message)

        socket.on_message(ask)
        kernel.on_message(tell)

    page.route_web_socket("**/channels*", connect)
    page.reload()
    end = time.monotonic() + 10
    while not is_over and time.monotonic() < end:
        page.wait_for_timeout(50)
    is_over.append(True)
    for send in held:
        send()


def test_alone_as_a_page_it_works_and_comes_back_to_form_thread_run_and_send_after_a_reload(
    alone: tuple[str, Path], open_page: OpenPage
) -> None:
    address, folder = alone
    page = open_page(address, excused=KNOWN, cached=False)
    use(explorer_of(page, ""))
    assert page.locator("text=import lpnb").count() == 0

    page.reload()  # in the middle of a transcript
    explorer = explorer_of(page, "")
    expect(explorer.get_by_role("log", name="Thread")).to_contain_text("Hello")
    tab(explorer, "Experiment")
    say(explorer, "Per second", "2")  # so that the page is connected again before the run is over
    press(explorer, "Run")
    expect(explorer.locator(".lpnb-experiment .lpnb-status [data-state=busy]")).to_be_visible()

    reload_while_a_run_ends(page)
    explorer = explorer_of(page, "")
    done = explorer.locator(".lpnb-experiment .lpnb-status [data-state=done]")
    expect(done).to_contain_text("6 of 6", timeout=60_000)
    explorer.locator(".lpnb-picture td").first.click()  # a click on a cell shows its cases
    shown = explorer.locator(".lpnb-case-table")
    expect(shown).to_contain_text("Only cases whose ctmrinfo.ctype is vip and ttrDefName is NORMAL.")
    explorer.get_by_role("button", name="Save as CSV", exact=True).click()
    with page.expect_download() as download:
        shown.get_by_role("link", name="Download").click()
    assert len(download.value.path().read_text(encoding="utf-8").splitlines()) == 2
    explorer.get_by_role("button", name="gold × URGENT (1)", exact=True).click()
    expect(shown).to_contain_text("ctmrinfo.ctype is gold and ttrDefName is URGENT.")
    expect(explorer.locator(".lpnb-picture td[aria-current]")).to_have_text("General Enquiries")
    shown.get_by_role("button", name="Copy").first.click()
    expect(shown.get_by_role("button", name="Copied")).to_be_visible()
    assert violations(page, contrast=False) == {name: [] for name in TABS}
    for scheme in (DARK, LIGHT):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_function(_IS_SHOWN, arg=SHOWN[scheme])
        assert (scheme, faint_texts(page)) == (scheme, {name: [] for name in TABS})
    assert [path.suffix for path in (folder / "runs").glob("*.csv")] == [".csv"]
    tab(explorer, "Compose")
    expect(explorer.get_by_label("First name", exact=True)).to_have_value("Ada")
    page.keyboard.press("Control+Alt+d")
    expect(explorer.get_by_text("The same payload, for a fresh consumer id.")).to_be_visible()
    page.keyboard.press("Control+Enter")

    page.goto("about:blank")  # while it sends, or just before
    page = open_page(address, cached=False)
    explorer = explorer_of(page, "")
    wait_until(explorer, "done")
    expect(explorer.get_by_role("tab", name="History (2)")).to_be_visible()


#: The explorer's theme and the page's background; of a change a browser tells when it draws.
_IS_SHOWN = """
shown => String([
  getComputedStyle(document.querySelector('.lpnb-explorer')).colorScheme,
  getComputedStyle(document.body).getPropertyValue('--jp-layout-color1').trim(),
]) === String(shown)
"""


SHOWN = {LIGHT: ["light", "white"], DARK: ["dark", "#212121"]}


def test_alone_it_follows_the_colours_that_the_browser_asks_for(
    alone: tuple[str, Path], open_page: OpenPage
) -> None:
    page = open_page(alone[0], color_scheme=DARK, excused=KNOWN)  # asked for from the beginning
    expect(explorer_of(page, "")).to_be_visible()
    for asked in (DARK, LIGHT, DARK):  # and when they change in the middle
        page.emulate_media(color_scheme=asked)  # type: ignore[arg-type]
        page.wait_for_function(_IS_SHOWN, arg=SHOWN[asked])


def test_alone_it_keeps_the_colours_that_it_was_told(tmp_path: Path, open_page: OpenPage) -> None:
    with app_alone(tmp_path, f"--{LIGHT}") as address:
        page = open_page(address, excused=KNOWN)
        expect(explorer_of(page, "")).to_be_visible()
        for asked in (LIGHT, DARK, LIGHT):
            page.emulate_media(color_scheme=asked)  # type: ignore[arg-type]
            page.wait_for_function(_IS_SHOWN, arg=SHOWN[LIGHT])
        page.goto("about:blank")


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
