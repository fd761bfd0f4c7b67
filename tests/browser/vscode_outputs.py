"""Build and serve the page that shows a kernel's outputs as VS Code shows them. No test is in here."""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from front_ends import free_port, served

SOURCE = Path(__file__).with_name("vscode")
BUILT = SOURCE / ".built"
#: VS Code sets both classes for its light theme of high contrast.
THEMES = {
    "light": "vscode-light",
    "dark": "vscode-dark",
    "high contrast": "vscode-high-contrast",
    "high contrast light": "vscode-high-contrast vscode-high-contrast-light",
}


def build() -> Path:
    """The folder with the page, made when it is not there yet: npm installs the packages, esbuild joins them.

    Without npm, or where npm cannot reach its packages, the tests are skipped; on CI they fail.
    """
    sources = [SOURCE / name for name in ("package.json", "output.js", "index.html")]
    stamp = "".join(path.read_text(encoding="utf-8") for path in sources)
    made = BUILT / "made-from"
    if made.is_file() and made.read_text(encoding="utf-8") == stamp:
        return BUILT
    npm = shutil.which("npm")
    if npm is None:
        _give_up("npm is not installed, so VS Code's widget manager cannot be had")
    BUILT.mkdir(exist_ok=True)
    _run([npm, "install", "--no-progress"])
    esbuild = [str(SOURCE / "node_modules" / ".bin" / "esbuild"), "output.js", "--bundle", "--minify"]
    _run([*esbuild, "--loader:.css=text", f"--outfile={BUILT / 'bundle.js'}", "--log-level=warning"])
    shutil.copy(SOURCE / "node_modules" / "requirejs" / "require.js", BUILT)
    shutil.copy(SOURCE / "index.html", BUILT)
    made.write_text(stamp, encoding="utf-8")
    return BUILT


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, timeout=400)
    if ended.returncode:
        _give_up(f"{Path(command[0]).name} could not make VS Code's page:\n{ended.stderr[-2000:]}")


def _give_up(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def vscode_outputs(work: Path) -> Iterator[str]:
    """The address of the page, with a kernel server beside it that runs in *work*."""
    folder = build()
    home = work / "home"
    home.mkdir()
    port, token = free_port(), secrets.token_hex(16)
    command = [
        sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={work}", "--ServerApp.allow_origin=*", "--ServerApp.disable_check_xsrf=True",
        "--ServerApp.terminals_enabled=False", "--ServerApp.jpserver_extensions={}",
    ]  # fmt: skip
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with (
        served(command, work, home, port),
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages,
    ):
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        base = quote(f"http://127.0.0.1:{port}/", safe="")
        yield f"http://127.0.0.1:{pages.server_address[1]}/index.html?base={base}&token={token}"
        pages.shutdown()
