"""The sandbox on the command line: ``python -m lpnb.sandbox``.

One JSON line on standard output says that it is ready and where; the rest is for people and goes
to standard error. It runs until SIGINT or SIGTERM.
"""

import argparse
import contextlib
import json
import signal
import sys
import threading
from collections.abc import Iterator, Sequence

from .carrier import PortTakenError
from .server import DEFAULT_ACCOUNT, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Sandbox


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sandbox until it is told to stop; return the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        sandbox = Sandbox(
            account_id=arguments.account,
            client_id=arguments.client_id,
            client_secret=arguments.client_secret,
            token_lifetime=arguments.token_lifetime,
            port=arguments.port,
            seed=arguments.seed,
        )
    except ValueError as error:
        return _fail(str(error))
    # Before the start: a signal that comes right after the ready line must not be lost.
    with _signals() as stop:
        try:
            sandbox.start()
        except PortTakenError as error:
            return _fail(f"{error.strerror}. Choose another with --port, or --port 0 for any free one.")
        except OSError as error:
            return _fail(f"Cannot listen on port {arguments.port}: {error.strerror}.")
        with sandbox:
            _announce(sandbox)
            # In steps, because on Windows a wait without end cannot be interrupted.
            while not stop.wait(0.5):
                pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lpnb.sandbox",
        description="Play LivePerson's Conversational Cloud on this machine.",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one (default)")
    parser.add_argument("--account", default=DEFAULT_ACCOUNT, help="account id (default: %(default)s)")
    parser.add_argument("--client-id", default=DEFAULT_CLIENT_ID, help="default: %(default)s")
    parser.add_argument("--client-secret", default=DEFAULT_CLIENT_SECRET, help="default: %(default)s")
    parser.add_argument("--seed", default=None, help="makes conversation ids repeatable")
    parser.add_argument(
        "--token-lifetime", type=int, default=3600, help="seconds an AppJWT lives (default: %(default)s)"
    )
    return parser


def _announce(sandbox: Sandbox) -> None:
    own_secret = sandbox.client_secret != DEFAULT_CLIENT_SECRET
    print("Point a client at the sandbox with these settings:", file=sys.stderr)  # noqa: T201
    for name, value in sandbox.environment().items():
        # A secret somebody chose may be one they use elsewhere.
        hidden = own_secret and name == "LP_CLIENT_SECRET"
        print(f"  {name}={'(the one you gave)' if hidden else value}", file=sys.stderr)  # noqa: T201
    print("Stop it with Ctrl-C.", file=sys.stderr, flush=True)  # noqa: T201
    ready = {"base": sandbox.base, "account": sandbox.account_id, "client_id": sandbox.client_id}
    print(json.dumps(ready), flush=True)  # noqa: T201


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201
    return 2


@contextlib.contextmanager
def _signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; the handlers found here are put back."""
    stop = threading.Event()
    # Python takes signal handlers in the main thread only; elsewhere Ctrl-C is the caller's to handle.
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {name: signal.signal(name, lambda *_: stop.set()) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


if __name__ == "__main__":
    sys.exit(main())
