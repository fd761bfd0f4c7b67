"""The explorer as a page of its own, which ``lpnb app`` serves."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from explorer_page import (
    DARK,
    KNOWN,
    LIGHT,
    TABS,
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
from front_ends import environment
from playwright.sync_api import Page, WebSocketRoute, expect

#: The explorer's theme and the page's background; of a change a browser tells when it draws.
_IS_SHOWN = """
shown => String([
  getComputedStyle(document.querySelector('.lpnb-explorer')).colorScheme,
  getComputedStyle(document.body).getPropertyValue('--jp-layout-color1').trim(),
]) === String(shown)
"""
SHOWN = {LIGHT: ["light", "white"], DARK: ["dark", "#212121"]}


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


def test_it_comes_back_to_form_thread_run_and_send_and_follows_the_browsers_colours(
    alone: tuple[str, Path], open_page: OpenPage
) -> None:
    address, folder = alone
    page = open_page(address, excused=KNOWN)
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
    page = open_page(address, color_scheme=DARK)
    explorer = explorer_of(page, "")
    wait_until(explorer, "done")
    assert page.evaluate(_IS_SHOWN, SHOWN[DARK])  # asked for from the beginning
    expect(explorer.get_by_role("tab", name="History (2)")).to_be_visible()
    for asked in (DARK, LIGHT, DARK):  # and in the middle
        page.emulate_media(color_scheme=asked)  # type: ignore[arg-type]
        page.wait_for_function(_IS_SHOWN, arg=SHOWN[asked])


def test_it_keeps_the_colours_that_it_was_told(tmp_path: Path, open_page: OpenPage) -> None:
    with app_alone(tmp_path, f"--{LIGHT}") as address:
        page = open_page(address, excused=KNOWN)
        expect(explorer_of(page, "")).to_be_visible()
        for asked in (LIGHT, DARK, LIGHT):
            page.emulate_media(color_scheme=asked)  # type: ignore[arg-type]
            page.wait_for_function(_IS_SHOWN, arg=SHOWN[LIGHT])
        page.goto("about:blank")
