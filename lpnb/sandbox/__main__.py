"""The ``lpnb sandbox`` command: options, the JSON ready line, and shutdown on SIGINT or SIGTERM."""

import argparse
import contextlib
import difflib
import json
import math
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from lpnb.sandbox.http.server import PortTakenError
from lpnb.sandbox.sandbox import DEFAULT_ACCOUNT, DEFAULT_CLIENT_ID, DEFAULT_CLIENT_SECRET, Sandbox
from lpnb.sandbox.state.auto_close import DEFAULT_AUTO_CLOSE_SECONDS
from lpnb.sandbox.state.state_file import StateFileError
from lpnb.sandbox.world.account_selection import SECRETS, public_secrets
from lpnb.sandbox.world.loader import read_world
from lpnb.sandbox.world.models import World
from lpnb.sandbox.world.rules import RulesError, parse_rule, read_rules

#: In the environment, the client secret: a command line can be read by every user of the machine.
_SECRET_VARIABLE = "LPNB_SANDBOX_CLIENT_SECRET"  # noqa: S105


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sandbox until it is told to stop; return the exit status."""
    parser = _parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        return _fail(_about_unknown(unknown, parser))
    try:
        world = None if arguments.world is None else read_world(Path(arguments.world))
        account_id, client_id = _account_and_client(arguments, world)
        sandbox = Sandbox(
            world=world,
            account_id=account_id,
            client_id=client_id,
            client_secret=_secret(arguments),
            token_lifetime=arguments.token_lifetime,
            port=arguments.port,
            rules=_rules(arguments),
            replay=arguments.replay,
            seed=arguments.seed,
            state_file=arguments.state,
            tls=arguments.tls or arguments.ca is not None,
            ca_file=arguments.ca,
            bare_hosts=arguments.bare_hosts,
            auto_close_after=arguments.auto_close * 60,
        )
        for kind, app, url in map(_webhook, arguments.webhook):
            sandbox.set_webhook(url, kind=kind, client_id=app)
    except ValueError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"Cannot read {error.filename or arguments.world}: {error.strerror}.")
    # Before the start: a signal that comes right after the ready line must not be lost.
    with _signals() as stop:
        try:
            sandbox.start()
        except PortTakenError as error:
            return _fail(f"{error.strerror}. Choose another with --port, or --port 0 for any free one.")
        except StateFileError as error:
            return _fail(str(error))
        except OSError as error:
            what = f"write {error.filename}" if error.filename else f"listen on port {arguments.port}"
            return _fail(f"Cannot {what}: {error.strerror}.")
        with sandbox:
            _announce(sandbox)
            # In steps, because on Windows a wait without end cannot be interrupted.
            while not stop.wait(0.5):
                pass
    return 0


def _account_and_client(arguments: argparse.Namespace, world: World | None) -> tuple[str | None, str | None]:
    """The account and the client id that were chosen; None is the world's to say.

    A script that always names the defaults chooses nothing by it where a world does not have them.
    """
    account_id, client_id = arguments.account, arguments.client_id
    if world is not None:
        if account_id == DEFAULT_ACCOUNT and account_id not in world.accounts_by_id:
            account_id = None
        account = world.accounts_by_id.get(account_id or world.accounts[0].id)
        is_installed = account is not None and client_id in account.installations_by_id
        if client_id == DEFAULT_CLIENT_ID and not is_installed:
            client_id = None
    return account_id, client_id


def _about_unknown(unknown: Sequence[str], parser: argparse.ArgumentParser) -> str:
    name = unknown[0].partition("=")[0]
    matches = difflib.get_close_matches(name, parser._option_string_actions, n=1)
    hint = f" Did you mean {matches[0]!r}?" if matches else " lpnb sandbox --help lists what there is."
    return f"lpnb sandbox has no option {name}.{hint}"


_EPILOG = """\
When it is ready it prints one line of JSON on standard output: base (where it serves), control and
control_token (the control API, wanted in the header X-Sandbox-Token), account, client_id, ca (the
certificate to trust, or null) and seed. Everything else goes to standard error, among it where the
agent's page is: open base in a browser to see and do what an agent would. It ends with SIGINT or
SIGTERM, status 0; status 2 is a bad option, a taken port or an unusable file.

examples:
  lpnb sandbox --port 8080
  lpnb sandbox --port 8080 --state bank.sqlite --seed 7
  lpnb sandbox --tls --ca ca.pem
  lpnb sandbox --rule unknown_ids=refuse --rule history_delay=60
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lpnb sandbox",
        description="Imitate LivePerson's Conversational Cloud on this machine, for a client in any "
        "language.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_account_options(parser)
    _add_world_options(parser)
    return parser


def _add_account_options(parser: argparse.ArgumentParser) -> None:
    """Where it listens, and for which account and app installation."""
    add = parser.add_argument
    add("--port", metavar="P", type=int, default=0, help="port on 127.0.0.1; 0 (default) picks a free one")
    # Without a default here: what is not given is the world's to say.
    add("--account", metavar="A", help=f"account id (default: the world's first, {DEFAULT_ACCOUNT})")
    add("--client-id", metavar="C", help=f"app installation (default: {DEFAULT_CLIENT_ID})")
    secret = parser.add_mutually_exclusive_group().add_argument
    secret(
        "--client-secret",
        metavar="S",
        help=f"its secret (default: {DEFAULT_CLIENT_SECRET}); others on this machine can read it, so for one "
        f"that is used elsewhere too take a file, or {_SECRET_VARIABLE} in the environment",
    )
    secret("--client-secret-file", metavar="FILE", help="take its secret from the first line of this file")


def _add_world_options(parser: argparse.ArgumentParser) -> None:
    """What it plays, keeps and serves."""
    add = parser.add_argument
    add(
        "--world",
        metavar="FILE",
        help="use the accounts, skills and campaigns of this TOML file in place of the bank that "
        "comes with lpnb",
    )
    add(
        "--rule",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="choose what happens where LivePerson documents nothing, such as unknown_ids=refuse; "
        "may be given several times",
    )
    add("--rules", metavar="FILE", help="take the switches in the table [rules] of this TOML file")
    add(
        "--webhook",
        metavar="[KIND=]URL",
        action="append",
        default=[],
        help="post all five kinds of webhook, or one such as ContentEvent, to this endpoint on this machine; "
        "for another app installation write CLIENT_ID:KIND=URL",
    )
    add("--replay", metavar="FILE", help="answer from this HAR recording where it fits")
    add("--state", metavar="FILE", help="keep the state in this SQLite file, over restarts and kill -9")
    add("--seed", metavar="N", help="make ids, and faults that come by chance, repeatable")
    add("--tls", action="store_true", help="serve https with a certificate authority of its own")
    add("--ca", metavar="FILE", help="where to write that authority's certificate; implies --tls")
    add(
        "--bare-hosts",
        action="store_true",
        help="hand out baseURIs without the port, for clients that build URLs from a host name",
    )
    add(
        "--token-lifetime",
        metavar="SECONDS",
        type=int,
        default=3600,
        help="how long an AppJWT lives (default: %(default)s)",
    )
    add(
        "--auto-close",
        metavar="MINUTES",
        type=_minutes,
        default=DEFAULT_AUTO_CLOSE_SECONDS / 60,
        help="close a conversation that has waited so long for its consumer; any time above 0, "
        "where the service has 25 minutes to 90 days (default: 90 days)",
    )


def _secret(arguments: argparse.Namespace) -> str | None:
    """The client secret that was chosen, in whichever way; None is the world's to say."""
    if arguments.client_secret is not None:
        return str(arguments.client_secret)
    if arguments.client_secret_file is None:
        return os.environ.get(_SECRET_VARIABLE)
    first, *_ = Path(arguments.client_secret_file).read_text("utf-8").splitlines() or [""]
    return first.strip()


def _rules(arguments: argparse.Namespace) -> dict[str, object]:
    """The rules of the file, and those of the command line, which win."""
    rules = {} if arguments.rules is None else read_rules(arguments.rules)
    complaints = []
    for text in arguments.rule:
        try:
            name, value = parse_rule(text)
            rules[name] = value
        except RulesError as error:
            complaints += error.complaints
    if complaints:
        raise RulesError("--rule", complaints)
    return rules


def _webhook(text: str) -> tuple[str | None, str | None, str]:
    """Kind, app installation and URL of a ``--webhook``."""
    target, mark, url = text.partition("=")
    if not mark or "/" in target:
        return None, None, text
    app, _, kind = target.rpartition(":")
    return kind, app or None, url


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = math.nan
    if not math.isfinite(minutes) or minutes <= 0:
        raise argparse.ArgumentTypeError(f"must be a number of minutes above 0; got {text!r}.")
    return minutes


def _announce(sandbox: Sandbox) -> None:
    public = public_secrets()
    print("Point a client at the sandbox with these settings:", file=sys.stderr)  # noqa: T201
    for name, value in sandbox.environment().items():
        # A secret somebody chose may be one they use elsewhere.
        hidden = name in SECRETS and value not in public
        print(f"{name}={'(the one you gave)' if hidden else value}", file=sys.stderr)  # noqa: T201
    if sandbox.ca is not None:
        print(f"Let the client trust the certificate in {sandbox.ca}", file=sys.stderr)  # noqa: T201
    print(f"Agent's page: {sandbox.base}/", file=sys.stderr)  # noqa: T201
    print("Stop it with Ctrl-C.", file=sys.stderr, flush=True)  # noqa: T201
    ready = {
        "base": sandbox.base,
        "control": sandbox.control,
        "control_token": sandbox.control_token,
        "account": sandbox.account_id,
        "client_id": sandbox.client_id,
        "ca": None if sandbox.ca is None else str(sandbox.ca),
        "seed": sandbox.seed,
    }
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
