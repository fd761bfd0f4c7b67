"""What the browser tests start front ends with: settings and an environment, nothing of the developer's."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from jupyter_kernels import TRANSPORT, socket_folder
from playwright.sync_api import ConsoleMessage, Page

from lpnb.cli.app import APP_FOLDER

# Every cell is in the page, also those far below, and nothing pops up over it.
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
}

KERNEL_IDLE = """() => {
  const session = window.jupyterapp?.shell?.currentWidget?.context?.sessionContext?.session;
  return session?.kernel?.status === 'idle' && session?.kernel?.connectionStatus === 'connected';
}"""
# Saved first, or a dialog asks; the kernel is shut down, or it lives as long as the server.
CLOSE = """async () => {
  const shown = window.jupyterapp.shell.currentWidget;
  window.reusable = null;
  if (!shown?.context) return;
  await shown.context.save();
  await shown.sessionContext.shutdown();
  shown.dispose();
}"""


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab."""

    base: str
    token: str
    folder: Path


def environment(home: Path) -> dict[str, str]:
    """What a front end is started with, its settings below *home*."""
    config = home / "config" / "jupyter_config.json"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"KernelManager": TRANSPORT}), encoding="utf-8")
    for name, value in SETTINGS.items():
        file = home / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(value), encoding="utf-8")
    strange = [name for name in os.environ if name.startswith("LP_") or name.lower().endswith("_proxy")]
    return {name: value for name, value in os.environ.items() if name not in strange} | {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_PATH": str(APP_FOLDER),  # where an installed lpnb has the keys of its panels
        "JUPYTER_RUNTIME_DIR": str(socket_folder()),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "NO_PROXY": "127.0.0.1,localhost",
    }


#: What front ends say of themselves at any moment: JupyterLab of a notebook that is closed while its
#: kernel is still asked; ipywidgets' own wrapper of a view that is removed before its last message on layout.
FORGIVEN = (
    "Canceled future for create_subshell_request",
    "Canceled future for debug_request",
    "Cannot read properties of null (reading 'processLuminoMessage')",
)


@dataclass
class Seen:
    """What the page did that it should not have done."""

    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    excused: list[str] = field(default_factory=lambda: list(FORGIVEN))

    def watch(self, page: Page) -> None:
        """Note the page's errors, each with the place that it comes from."""
        page.on("pageerror", lambda error: self.errors.append(error.stack or str(error)))
        page.on("console", self._hear)
        page.on("request", lambda request: self._look_at(request.url))

    def _hear(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.errors.append(f"{said.text} ({said.location['url']}:{said.location['lineNumber']})")

    def forget(self) -> None:
        """Begin anew, for the next test on the same page."""
        self.outside.clear()
        self.errors.clear()
        self.excused[:] = FORGIVEN

    def excuse(self, text: str) -> None:
        """Overlook errors with ``text``, those that came already and those that are still to come."""
        self.excused.append(text)

    @property
    def wrong(self) -> list[str]:
        """The errors that nobody excused."""
        return [error for error in self.errors if not any(text in error for text in self.excused)]

    def _look_at(self, address: str) -> None:
        url = urlsplit(address)
        if url.scheme not in ("data", "blob", "about") and url.hostname != "127.0.0.1":
            self.outside.append(address)


@contextlib.contextmanager
def served(command: list[str], folder: Path, home: Path, port: int) -> Iterator[None]:
    """Run a server until the test is over."""
    log = home / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(home),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    end = time.monotonic() + 60
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
