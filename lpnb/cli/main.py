"""The command line: ``lpnb demo``, ``lab``, ``notebooks``, ``send``, ``verify``, ``sandbox``, ``doctor``.

Results go to standard output, everything else to standard error. Exit status: 0 when it worked, 1 when it
did not, 2 for a wrong call.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from lpnb._internal.display import room, table_text
from lpnb._internal.optional_dependencies import install_command
from lpnb._version import __version__
from lpnb.cli import app, run_command
from lpnb.cli.notebooks import notebooks_folder, register
from lpnb.samples.files import QUICKSTART

#: Switches off the extension that asks about news, which covers a corner of every notebook.
_LAB = Path(__file__).parent / "jupyter_config"
_SHOWN = ("consumer_id", "req_id", "type", "code", "conversation_id", "http_status", "elapsed_ms")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["sandbox"]:
        from lpnb.sandbox.__main__ import main as sandbox

        return sandbox(arguments[1:])
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.run is None:
        parser.print_help(sys.stderr)
        return 2
    from lpnb.errors import LpnbError

    try:
        status: int = options.run(options)
        if sys.stdout is not None:  # what cannot be written is said here, and not by Python as it ends
            sys.stdout.flush()
    except LpnbError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return _unprinted()  # whoever read our output has gone, and knows
    except OSError as error:
        if error.filename is not None:  # not of our output
            raise
        print(f"The output cannot be written: {error.strerror}.", file=sys.stderr)
        return _unprinted()
    return status


def _unprinted() -> int:
    """Leave nothing for Python to flush as it ends, which would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lpnb", description="Open LivePerson conversations and see, as tables, where they were routed."
    )
    parser.add_argument("--version", action="version", version=f"lpnb {__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(metavar="command")

    demo = commands.add_parser("demo", help="send the page's three examples to the sandbox, print the table")
    demo.add_argument("--json", action="store_true", help="print the rows as one JSON array and nothing else")
    demo.set_defaults(run=_demo)

    lab = commands.add_parser("lab", help="open the notebooks in JupyterLab, with a sandbox beside them")
    lab.add_argument("--no-browser", action="store_true", help="print the address and open nothing")
    lab.add_argument("--port", type=_port, default=0, help="JupyterLab's port; a free one when left out")
    lab.add_argument("--dir", type=Path, help="folder of the notebooks")
    lab.set_defaults(run=_lab)

    register(commands)
    app.register(commands)

    run_command.register(commands)

    commands.add_parser("sandbox", help="run the sandbox on its own port (lpnb sandbox --help)")

    check = commands.add_parser("doctor", help="check settings, hosts, tokens and the clock")
    check.add_argument("--profile", help="check .env.PROFILE in place of .env")
    check.add_argument("--json", action="store_true", help="print the findings as one JSON array")
    check.set_defaults(run=_doctor)
    return parser


def _demo(options: argparse.Namespace) -> int:
    from lpnb.client import Client
    from lpnb.samples.examples import page_examples
    from lpnb.sandbox import Sandbox
    from lpnb.settings import Settings
    from lpnb.tables.dataframes import responses_table

    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        examples = page_examples().items()
        replies = [
            client.send_batch(batch, consumer_id=f"demo-{name.replace(' ', '-')}") for name, batch in examples
        ]
        table = responses_table(replies)
        rows = table.to_json(orient="records", date_format="iso", date_unit="us", force_ascii=False)
        if options.json:
            print(rows)
        else:
            print(f"Sandbox on {sandbox.base}, account {sandbox.account_id}. Nothing leaves this machine.")
            print("Three example batches, one CONVERSATION call each, one row per request frame:\n")
            print(_text(json.loads(rows)))
            opened = sum(reply.outcome == "answered" for reply in replies)
            print('\nThe ids "1," and "2," are those of the documentation\'s own examples; ids are opaque.')
            print(f"{opened} conversations opened. In a notebook: lpnb lab, in a clone python3 dev.py lab")
    return 0 if all(reply.ok for reply in replies) else 1


def _text(rows: Sequence[Mapping[str, object]]) -> str:
    """The table in a width that a terminal has; the rest is in ``--json``."""
    return table_text(
        _SHOWN,
        (
            [
                str(row[name]).rsplit(".", 1)[-1]
                if name == "type"
                else f"{row[name]:.1f}"
                if name == "elapsed_ms"
                else row[name]
                for name in _SHOWN
            ]
            for row in rows
        ),
        room(),
    )


def _doctor(options: argparse.Namespace) -> int:
    from lpnb.diagnostics.doctor import doctor

    found = doctor(options.profile)
    print(json.dumps(found.rows(), ensure_ascii=False) if options.json else found)
    if not options.json:
        print("\nAll is well." if found.ok else "\nSomething needs doing; see the lines marked fail.")
    return 0 if found.ok else 1


def _lab(options: argparse.Namespace) -> int:
    if find_spec("jupyterlab") is None:
        print(f"JupyterLab is not installed here. Install it with: {install_command('lab')}", file=sys.stderr)
        return 1
    folder = notebooks_folder(options.dir)
    if folder is None:
        where = options.dir or Path.cwd()
        way_out = "Name the folder it is in." if options.dir else "Name the folder it is in with --dir."
        print(f"There is no {QUICKSTART} in {where}. {way_out}", file=sys.stderr)
        return 1
    from lpnb.client.connect import find_settings, shared_sandbox

    settings, where = find_settings(directory=folder)
    if where is not None:
        return _run_lab(folder, options, {}, f"account {settings.account_id} (settings from {where})")
    # Here the sandbox is started, and there it is found: the notebooks' kernels get its settings.
    with shared_sandbox() as sandbox:
        world = f"the sandbox on {sandbox.base} (there are no LP_ settings)"
        return _run_lab(folder, options, sandbox.environment(), world)


def _run_lab(folder: Path, options: argparse.Namespace, extra: dict[str, str], world: str) -> int:
    port, token = options.port or _free_port(), secrets.token_hex(16)
    command = [
        sys.executable, "-m", "jupyterlab",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/doc/tree/{QUICKSTART}",
        # Nothing is fetched from outside; the question about news is switched off by _LAB.
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--Application.log_level=40",
    ]  # fmt: skip
    if options.no_browser:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")  # containers run as root; the server is on loopback with a token
    # The token goes through the environment: a command line can be read by every user of the machine.
    configured = os.environ.get("JUPYTER_CONFIG_PATH")
    environment = {
        **os.environ,
        **extra,
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_PATH": f"{_LAB}{os.pathsep}{configured}" if configured else str(_LAB),
    }
    for name in ("SIGTERM", "SIGHUP"):  # asked to end, or the terminal was closed
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: sys.exit(0))
    # A session of its own, so that Ctrl-C comes to us alone and JupyterLab does not ask back.
    lab = subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603
    try:
        print(f"Notebooks talk to {world}.", file=sys.stderr)
        print(f"http://127.0.0.1:{port}/doc/tree/{QUICKSTART}?token={token}", flush=True)
        print("Ctrl-C stops everything.", file=sys.stderr)
        return lab.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(lab)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End JupyterLab and, with it, its kernels; by force if it does not listen."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535; got {text!r}")
    return int(text)
