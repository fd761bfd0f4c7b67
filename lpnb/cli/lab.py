"""``lpnb lab``: open the notebooks in JupyterLab, with a sandbox beside them when there are no settings."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lpnb._internal.optional_dependencies import install_command
from lpnb._printable import one_line
from lpnb.cli.app import APP_FOLDER
from lpnb.cli.local_server import (
    exit_on_termination,
    free_port,
    module_command,
    port_number,
    prepend_to_path,
    print_address,
    server_process,
)
from lpnb.cli.notebooks import notebooks_folder
from lpnb.samples.files import QUICKSTART

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

#: Switches off the extension that asks about news, which covers a corner of every notebook.
_JUPYTER_CONFIG = Path(__file__).parent / "jupyter_config"


def register(commands: SubParsers) -> None:
    """Add ``lab`` to the command line."""
    lab = commands.add_parser("lab", help="open the notebooks in JupyterLab, with a sandbox beside them")
    lab.add_argument("--no-browser", action="store_true", help="print the address and open no browser")
    lab.add_argument(
        "--port", type=port_number, default=0, help="JupyterLab's port; a free one when left out"
    )
    lab.add_argument("--dir", type=Path, help="the folder to open; by default the one with our notebooks")
    lab.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if find_spec("jupyterlab") is None:
        print(f"JupyterLab is not installed here. Install it with: {install_command('lab')}", file=sys.stderr)
        return 1
    folder = notebooks_folder(options.dir)
    if folder is None:
        print(one_line(f"There is no folder {options.dir}. Name one that is there."), file=sys.stderr)
        return 1
    from lpnb.client.connect import find_settings, shared_sandbox
    from lpnb.client.sandbox_control import CONTROL_VARIABLE, TOKEN_VARIABLE

    settings, where = find_settings(directory=folder)
    if where is not None:
        return _serve(folder, options, {}, f"account {settings.account_id} (settings from {where})")
    # The kernels of the notebooks find this sandbox through its settings.
    with shared_sandbox() as sandbox:
        target = f"the sandbox on {sandbox.base} (there are no LP_ settings)"
        control = {CONTROL_VARIABLE: sandbox.control, TOKEN_VARIABLE: sandbox.control_token}
        return _serve(folder, options, sandbox.environment() | control, target)


def _serve(folder: Path, options: argparse.Namespace, settings: dict[str, str], target: str) -> int:
    port, token = options.port or free_port(), secrets.token_hex(16)
    page = f"/doc/tree/{QUICKSTART}" if (folder / QUICKSTART).is_file() else "/lab"
    command = [
        *module_command("jupyterlab"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url={page}",
        # Nothing is fetched from outside; the question about news is switched off by _JUPYTER_CONFIG.
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--Application.log_level=40",
    ]  # fmt: skip
    if options.no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # containers run as root; the server is on loopback with a token
    environment = {
        **os.environ,
        **settings,
        # The token goes through the environment: a command line can be read by every user of the machine.
        "JUPYTER_TOKEN": token,
        "JUPYTER_PATH": prepend_to_path(str(APP_FOLDER), "JUPYTER_PATH"),  # the keys of the panels
        "JUPYTER_CONFIG_PATH": prepend_to_path(str(_JUPYTER_CONFIG), "JUPYTER_CONFIG_PATH"),
    }
    exit_on_termination()
    with server_process(command, environment) as lab:
        print(f"Notebooks talk to {target}. JupyterLab is starting; its address follows.", file=sys.stderr)
        if print_address(lab, port, f"http://127.0.0.1:{port}{page}?token={token}"):
            print("Ctrl-C stops everything.", file=sys.stderr)
        return lab.wait()
    return 0
