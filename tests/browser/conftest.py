"""One JupyterLab, one Chromium and one page for all browser tests; nothing may leave this machine."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import nbformat
import pytest
from front_ends import CLOSE, FORGIVEN, KERNEL_IDLE, Lab, Seen, environment
from jupyter_core.paths import jupyter_path
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--force-color-profile=srgb",
    "--proxy-server=127.0.0.1:9",  # nobody is there; what is on this machine is fetched without it
]  # fmt: skip
OPEN = """async path => {
  const app = window.jupyterapp;
  const opened = await app.commands.execute('docmanager:open', {path});
  await opened.context.ready;
  app.shell.activateById(opened.id);
  await opened.sessionContext.ready;
  // An exception in a widget's callback is shown nowhere, and yet the kernel tells of it.
  window.kernelErrors = [];
  window.opened = opened;
  opened.sessionContext.iopubMessage.connect((_, message) => {
    if (message.header.msg_type === 'error') window.kernelErrors.push(message.content.traceback.join('\\n'));
  });
}"""
# Puts other cells into the notebook that the last test left, and lets its kernel forget that test.
REUSE = """async ([code, cells]) => {
  const shown = window.jupyterapp.shell.currentWidget;
  if (!window.reusable || shown !== window.reusable) return false;
  const request = {code, silent: true, store_history: false};
  const {content} = await shown.sessionContext.session.kernel.requestExecute(request).done;
  if (content.status !== 'ok') throw new Error(content.evalue);
  const notebook = shown.content.model.sharedModel;
  notebook.transact(() => {
    notebook.deleteCellRange(0, notebook.cells.length);
    notebook.insertCells(0, cells.map(source => ({cell_type: 'code', source, metadata: {trusted: true}})));
  });
  window.kernelErrors = [];
  return true;
}"""
#: What ipykernel now and then says of a task of its own that waits for the next message.
KERNELS_OWN = re.compile(
    r"Task was destroyed but it is pending!\n"
    r"task: <Task pending [^\n]* running at [^\n ]*/ipykernel/kernelbase\.py:\d+>[^\n]*\n?"
)
FORGET = """
from ipywidgets import Widget
from lpnb.client import connect
Widget.close_all()
for running in (globals().get("sandbox"), connect._sandbox):
    if running is not None:
        running.stop()
connect._sandbox = None
get_ipython().run_line_magic("reset", "-f")
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder."""
    for item in items:
        if not item.nodeid.startswith("tests/browser/"):
            continue
        item.add_marker(pytest.mark.browser)
        if CHROMIUM is None and not os.environ.get("CI"):
            item.add_marker(pytest.mark.skip(reason="no Chromium found; set CHROMIUM=/path/to/it"))


#: The event loop that Playwright keeps running in the main thread, while there is a Chromium.
_PLAYWRIGHT_LOOP: list[asyncio.AbstractEventLoop] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[object]:
    """Let the tests that come after one in this folder run event loops of their own."""
    if item.get_closest_marker("browser") is None:
        return (yield)
    asyncio._set_running_loop(next(iter(_PLAYWRIGHT_LOOP), None))
    try:
        return (yield)
    finally:
        asyncio._set_running_loop(None)


@pytest.fixture(autouse=True)
def kernels(forked_programs: None) -> None:
    """Fork what the front ends of this folder start."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember whether the test failed, for the fixture that keeps a picture then."""
    report = yield
    setattr(item, f"report_{report.when}", report)
    return report


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, fork_server: dict[str, str]) -> Iterator[Lab]:
    """JupyterLab, and Notebook 7 beside it, on a free port, reading nothing of the developer's own."""
    manager = Path("@jupyter-widgets", "jupyterlab-manager", "package.json")
    assert any(Path(root, "labextensions", manager).is_file() for root in jupyter_path()), (
        "no widget manager for JupyterLab: install jupyterlab_widgets"
    )
    folder = tmp_path_factory.mktemp("lab")
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16), folder)
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={running.token}",
        f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
        "--ServerApp.terminals_enabled=False", "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    log = home / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(home) | fork_server,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(running, server, log)
        yield running
    finally:
        server.send_signal(signal.SIGTERM)  # it stops its kernels
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all."""
    assert CHROMIUM, "no Chromium found; set CHROMIUM=/path/to/it"
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        _PLAYWRIGHT_LOOP[:] = [asyncio.get_running_loop()]
        yield browser
        asyncio._set_running_loop(_PLAYWRIGHT_LOOP.pop())
        browser.close()


@pytest.fixture(scope="session")
def lab_page(lab: Lab, chromium: Browser) -> Iterator[tuple[Page, Seen]]:
    """A page with JupyterLab loaded, and what it has done wrong so far."""
    seen = Seen()
    context = chromium.new_context(viewport={"width": 1360, "height": 1000}, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    page = context.new_page()
    seen.watch(page)
    page.goto(f"{lab.base}/lab?reset&token={lab.token}", timeout=60_000)
    page.wait_for_function("window.jupyterapp !== undefined", timeout=60_000)
    page.evaluate("window.jupyterapp.restored.then(() => true)")
    page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    yield page, seen
    asyncio._set_running_loop(next(iter(_PLAYWRIGHT_LOOP), None))  # the last test was one of another folder
    context.close()


@pytest.fixture(scope="session")
def other_page(chromium: Browser) -> Iterator[tuple[Page, Seen]]:
    """A page for all but JupyterLab, and what it has done wrong so far."""
    seen = Seen()
    context = chromium.new_context(reduced_motion="reduce", permissions=["clipboard-write"])
    context.set_default_timeout(20_000)
    page = context.new_page()
    seen.watch(page)
    yield page, seen
    asyncio._set_running_loop(next(iter(_PLAYWRIGHT_LOOP), None))
    context.close()


@pytest.fixture
def open_page(
    other_page: tuple[Page, Seen], request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., Page]]:
    """``open_page(url)`` opens a page, which may do nothing wrong but what is ``excused``."""
    first, seen = other_page
    seen.forget()
    opened: list[Page] = []

    def start(url: str, *, color_scheme: str = "light", excused: Sequence[str] = ()) -> Page:
        page = first.context.new_page() if opened else first
        if opened:
            seen.watch(page)
        opened.append(page)
        seen.excused.extend(excused)
        page.emulate_media(color_scheme=color_scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": 1360, "height": 860})
        page.goto(url, timeout=60_000)
        return page

    yield start
    failed = getattr(getattr(request.node, "report_call", None), "failed", True)
    for number, page in enumerate(opened):
        if failed:
            page.screenshot(path=tmp_path / f"failed-{number}.png")
        page.unroute_all(behavior="ignoreErrors")
        page.goto("about:blank")  # before the server behind it ends
        if page is not first:
            page.close()
    assert seen.outside == []
    assert seen.wrong == []


@pytest.fixture
def notebook(
    lab: Lab, lab_page: tuple[Page, Seen], request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., Page]]:
    """``notebook(*cells)`` or ``notebook(path)`` opens it, runs every cell and returns the page.

    ``one_by_one`` runs them as somebody does who reads: a cell, its output, the next. Cells go into the
    notebook and the kernel of the test before, if that left them as it should.
    """
    page, seen = lab_page
    seen.forget()

    def open_and_run(*cells: str | Path, one_by_one: bool = False) -> Page:
        if isinstance(cells[0], Path) or not page.evaluate(REUSE, [FORGET, cells]):
            page.evaluate(CLOSE)
            name = f"{request.node.name.replace('[', '-').strip(']')}.ipynb"
            if isinstance(cells[0], Path):
                shutil.copy(cells[0], lab.folder / name)
            else:
                kernel = {"name": "python3", "display_name": "Python 3"}
                made = nbformat.v4.new_notebook(metadata={"kernelspec": kernel})
                made.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
                nbformat.write(made, lab.folder / name)
            page.evaluate(OPEN, name)
            page.wait_for_function(KERNEL_IDLE, timeout=60_000)
        command, times = "run-all-cells", 1
        if one_by_one:
            command = "run-cell-and-select-next"
            times = page.evaluate("window.jupyterapp.shell.currentWidget.content.widgets.length")
        for _ in range(times):
            ran = page.evaluate(f"window.jupyterapp.commands.execute('notebook:{command}')")
            assert ran is not False, "a cell raised"
            expect(page.locator('[data-mime-type="application/vnd.jupyter.error"]')).to_have_count(0)
        printed = page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').all_inner_texts()
        assert [text for text in printed if not KERNELS_OWN.fullmatch(text)] == []
        return page

    yield open_and_run
    raised = page.evaluate("window.kernelErrors ?? []")
    failed = getattr(getattr(request.node, "report_call", None), "failed", True)
    if failed:
        page.screenshot(path=tmp_path / "failed.png")
    if failed or raised or seen.excused != list(FORGIVEN):
        page.evaluate(CLOSE)
    else:
        page.evaluate("() => { window.reusable = window.opened }")
    assert seen.outside == []
    assert seen.wrong == []
    assert raised == []


@pytest.fixture
def change_theme(lab_page: tuple[Page, Seen]) -> Iterator[Callable[[str], None]]:
    """``change_theme("dark")`` gives JupyterLab its dark theme; after the test it has the light one."""
    page, _ = lab_page

    def change(theme: str) -> None:
        page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})",
            f"JupyterLab {theme.title()}",
        )
        light = str(theme == "light").lower()
        page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")

    yield change
    change("light")


@pytest.fixture
def dark(change_theme: Callable[[str], None]) -> None:
    """JupyterLab's dark theme, for one test."""
    change_theme("dark")


@pytest.fixture
def panel() -> Callable[[Page], Locator]:
    """``panel(page)`` finds the composer that is ready."""

    def find(page: Page) -> Locator:
        found = page.locator(".jp-OutputArea-output:visible .lpnb-composer")
        expect(found.locator("[data-state]")).to_have_attribute("data-state", "idle", timeout=60_000)
        return found

    return find


@pytest.fixture
def picture() -> Callable[[Locator, str], None]:
    """``picture(element, name)`` keeps a screenshot in $LPNB_PICTURES, where somebody wants them."""
    folder = Path(os.environ.get("LPNB_PICTURES", ""))

    def take(element: Locator, name: str) -> None:
        if "LPNB_PICTURES" not in os.environ:
            return
        page = element.page
        usual = page.viewport_size
        box = element.bounding_box()
        assert usual
        assert box
        # As high as the element, or JupyterLab's own scrolling shows through.
        page.set_viewport_size({"width": usual["width"], "height": int(box["height"]) + 300})
        element.scroll_into_view_if_needed()
        page.mouse.move(0, 0)
        element.screenshot(path=folder / f"{name}.png", animations="disabled", caret="hide")
        page.set_viewport_size(usual)

    return take


def _wait_until_ready(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while True:
        said = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        assert server.poll() is None, f"JupyterLab ended at once:\n{said}"
        try:
            with urllib.request.urlopen(f"{lab.base}/api/status?token={lab.token}", timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            assert time.monotonic() < end, f"JupyterLab did not get ready:\n{said}"
            time.sleep(0.1)
