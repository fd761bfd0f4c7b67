"""``lpnb app``: the explorer alone, as a page that Voila serves on this machine."""

from __future__ import annotations

import argparse
import html
import json
import os
import secrets
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lpnb._internal.optional_dependencies import install_command
from lpnb._internal.private_files import write_private
from lpnb.cli.local_server import (
    exit_on_termination,
    free_port,
    module_command,
    port_number,
    prepend_to_path,
    print_address,
    server_process,
)
from lpnb.settings import Settings, SettingsLookup

if TYPE_CHECKING:
    SubParsers = argparse._SubParsersAction[argparse.ArgumentParser]

APP_FOLDER = Path(__file__).parents[1] / "widgets" / "app"


def register(commands: SubParsers) -> None:
    """Add ``app`` to the command line."""
    app = commands.add_parser(
        "app",
        help="open the explorer alone, as a page",
        description="Serve the explorer as a page on this machine and open it in the browser: compose a "
        "conversation, send it, run experiments, and see where they land. It goes to the account of .env, or "
        "to the embedded sandbox. Ctrl-C stops it.",
    )
    app.add_argument("--no-browser", action="store_true", help="print the address and open no browser")
    app.add_argument("--port", type=port_number, default=0, help="the page's port; a free one when left out")
    app.add_argument("--profile", help="talk to the account of .env.PROFILE")
    colours = app.add_mutually_exclusive_group()
    for theme in ("dark", "light"):
        colours.add_argument(
            f"--{theme}",
            dest="theme",
            action="store_const",
            const=theme,
            help=f"{theme} colours; otherwise those that the browser asks for",
        )
    app.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if find_spec("voila") is None:
        print(f"Voila is not installed here. Install it with: {install_command('app')}", file=sys.stderr)
        return 1
    lookup = SettingsLookup.find(options.profile)
    if lookup.values or options.profile is not None:
        Settings.from_lookup(lookup)  # what is missing is said here, and not in a page that stays empty
    port, token = options.port or free_port(), secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="lpnb-app-") as folder:
        # The token goes through a file: a command line can be read by every user of the machine.
        config = Path(folder, "voila.json")
        # Whether to follow the browser goes with it to our template: Voila itself knows one theme at a time.
        resources = {"follow": not options.theme}
        page: dict[str, object] = {
            "resources": resources,
            "multi_kernel_manager_class": "lpnb.cli.app_kernel.AppKernelManager",
        }
        connection = "lpnb.cli.app_kernel.AppWebsocketConnection"
        loggers = {name: {"filters": ["harmless"]} for name in ("tornado.access", "tornado.general")}
        filters = {"harmless": {"()": "lpnb.cli.app_kernel.HarmlessWarnings"}}
        voila = {
            "token": token,
            "kernel_websocket_connection_class": connection,
            "logging_config": {"filters": filters, "loggers": loggers},
        }
        content = {"Voila": voila, "VoilaConfiguration": page}
        write_private(config, json.dumps(content).encode())
        command = [
            *module_command("voila"), str(APP_FOLDER / "explorer.ipynb"),
            "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1", "--Voila.port_retries=0",
            "--template=lpnb", f"--theme={options.theme or 'light'}",
            "--show_tracebacks=True", "--Voila.log_level=40",
        ]  # fmt: skip
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_PATH": prepend_to_path(folder, "JUPYTER_CONFIG_PATH"),
            "JUPYTER_PATH": prepend_to_path(str(APP_FOLDER), "JUPYTER_PATH"),
            "LPNB_APP_FOLDER": str(Path.cwd()),
            "LPNB_APP_PROFILE": options.profile or "",
        }
        exit_on_termination()
        address = f"http://127.0.0.1:{port}/?token={token}"
        redirect = None if options.no_browser else _redirect_file(Path(folder, "open.html"), address)
        return _serve(command, environment, port, address, redirect)


def _redirect_file(path: Path, address: str) -> Path:
    """A page that leads to *address*: a browser is handed its name, and no token on a command line."""
    target = html.escape(address)
    page = f'<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={target}">'
    write_private(path, f'{page}<a href="{target}">lpnb</a>'.encode())
    return path


def _serve(
    command: list[str], environment: dict[str, str], port: int, address: str, redirect: Path | None
) -> int:
    with server_process(command, environment) as page:
        if print_address(page, port, address):
            print("Ctrl-C stops it.", file=sys.stderr)
            if redirect is not None:
                import webbrowser

                webbrowser.open(redirect.as_uri())
        return page.wait()
    return 0
