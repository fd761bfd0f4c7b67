"""The `Sandbox` class: starts, stops and restores the imitated Conversational Cloud."""

import hashlib
import json
import math
import os
import re
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from lpnb.sandbox.control.control_route import CONTROL_PATH
from lpnb.sandbox.control.controls import Controls
from lpnb.sandbox.faults.faults import FaultQueue
from lpnb.sandbox.faults.rate_limits import RateLimits
from lpnb.sandbox.http.limits import Limits
from lpnb.sandbox.service_context import AccountLoading, Cloud
from lpnb.sandbox.state.auto_close import DEFAULT_AUTO_CLOSE_SECONDS
from lpnb.sandbox.state.clock import Clock
from lpnb.sandbox.state.event_projection import RetentionLimits
from lpnb.sandbox.state.state import State
from lpnb.sandbox.state.state_file import StateFile, StateFileError
from lpnb.sandbox.tokens import Keyring
from lpnb.sandbox.webhooks.delivery import WebhookDispatcher
from lpnb.sandbox.webhooks.delivery_options import Delivery
from lpnb.sandbox.webhooks.targets import targets_of
from lpnb.sandbox.world.account_selection import DEFAULT_SECRET, history_settings, select_account
from lpnb.sandbox.world.models import World
from lpnb.sandbox.world.rules import (
    RULE_NAMES,
    RoutingOrder,
    Rules,
    SdeChecks,
    WebhookSignature,
    make_rules,
    read_rules,
)

# The server is imported as the sandbox starts, while its key is made; the agent's page when it is asked for.
if TYPE_CHECKING:
    import uvicorn
    from starlette.routing import BaseRoute

    from lpnb.sandbox.agent_page.routes import AgentPage
    from lpnb.sandbox.app.replay import Recording
    from lpnb.sandbox.http.server import ServerThread
    from lpnb.sandbox.http.tls import Authority

# Documented for older pages: 1 to 20 letters, digits and underscores.
_ACCOUNT = re.compile(r"[A-Za-z0-9_]{1,20}")

DEFAULT_ACCOUNT = "12345678"
# Fixed, so that clients can be configured before the sandbox runs. They open nothing but a sandbox.
DEFAULT_CLIENT_ID = "5a4db0c5-0000-4000-8000-000000000001"
DEFAULT_CLIENT_SECRET = DEFAULT_SECRET

_STOP_SECONDS = 5
# How often the platform looks for conversations to close (documented).
_IDLE_CHECK_SECONDS = 25 * 60


#: The sandboxes that run in this process, by their address.
RUNNING: weakref.WeakValueDictionary[str, "Sandbox"] = weakref.WeakValueDictionary()


class Sandbox(Controls):
    """A Conversational Cloud on a loopback port.

    It starts in well under a second, lives in a thread of its own and forgets everything when the
    object goes. Memory is bounded: 50,000 open conversations, 10,000 closed ones and 64 MiB of
    request bodies of each are kept, and 10,000 lines of the request log.

    Args:
        world: The world it plays, or the path of a TOML file with one; by default a bank with
            account 12345678.
        account_id: The account of the world that `environment` names; by default its first.
        client_id: The app installation that `environment` names; by default the account's first.
        client_secret: Its secret. The default world's is public: a sandbox guards nothing.
        token_lifetime: Seconds an AppJWT lives.
        port: Port on 127.0.0.1; 0 picks a free one.
        seed: Makes ids repeatable, and faults that come by chance.
        bare_hosts: Hand out host names without the port, for clients that build URLs from a name.
        state_file: Keeps the state in this file: what was answered is there after a restart, even one
            by kill -9. Made when it does not exist.
        tls: Serve https, with a certificate authority of its own; `ca` says where its certificate is.
        ca_file: Where to write that certificate; a temporary file by default.
        auto_close_after: Seconds after which a conversation that waits for its consumer closes by
            itself; an account's setting of 25 minutes to 90 days (documented), here any.
        webhook: An endpoint on this machine that is posted all five kinds of webhook, for the app
            installation of `client_id`; in place of what the world has for it. Or a mapping from kinds, such
            as "ContentEvent", to endpoints.
        delivery: How webhooks are signed, repeated and bounded.
        replay: A HAR recording, such as of ``Client(record=...)``: a request that fits one of its exchanges
            is answered as that was, each once until `reset`; everything else is played. The header
            ``x-sandbox-replay`` and the request log say which it was.
        clock: Returns the time in epoch seconds; tests pass their own.
        retention: How much is remembered.
        limits: How much of a request is taken.
        rules: Switches for what is not documented, by name, or the path of a TOML file with a table
            ``[rules]``. They win over those of the world.
        sde_checks: This and the other switches, each by its name, win over *rules*. What is known about each
            is in the documentation of `Rules`.

    Example:
        >>> with Sandbox() as sandbox:
        ...     sandbox.fail("conversation", "status", code=503)
        ...     sandbox.faults
        [('conversation', 'status', 1)]
    """

    def __init__(
        self,
        *,
        world: World | str | os.PathLike[str] | None = None,
        account_id: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        token_lifetime: int = 3600,
        port: int = 0,
        seed: int | str | None = None,
        bare_hosts: bool = False,
        state_file: str | os.PathLike[str] | None = None,
        tls: bool = False,
        ca_file: str | os.PathLike[str] | None = None,
        auto_close_after: float = DEFAULT_AUTO_CLOSE_SECONDS,
        webhook: str | Mapping[str, str] | None = None,
        delivery: Delivery | None = None,
        replay: str | os.PathLike[str] | None = None,
        clock: Callable[[], float] = time.time,
        retention: RetentionLimits | None = None,
        limits: Limits | None = None,
        rules: Rules | Mapping[str, object] | str | os.PathLike[str] | None = None,
        sde_checks: SdeChecks | None = None,
        open_after_refused_profile: bool | None = None,
        already_open_status: int | None = None,
        refused_element_status: int | None = None,
        batch_refusal: Literal["elements", "object"] | None = None,
        brand_id_missing_status: int | None = None,
        check_brand_id: bool | None = None,
        require_version: bool | None = None,
        require_content_type: bool | None = None,
        routing_order: RoutingOrder | None = None,
        any_skill_is_no_choice: bool | None = None,
        unknown_ids: Literal["accept", "refuse"] | None = None,
        fallback_when_offline: bool | None = None,
        engagement_needs_agent: bool | None = None,
        consumer_may_transfer: bool | None = None,
        survey_keeps_conversation: bool | None = None,
        csat_after_close: bool | None = None,
        chat_state_sequence: bool | None = None,
        check_files: bool | None = None,
        files_of_others: bool | None = None,
        preview_counts: bool | None = None,
        history_delay: float | None = None,
        history_empty_status: int | None = None,
        history_takes_app_token: bool | None = None,
        history_source_required: bool | None = None,
        webhook_signature: WebhookSignature | None = None,
    ) -> None:
        given = locals()
        switches = {name: given[name] for name in RULE_NAMES if given[name] is not None}
        if account_id is not None and not _ACCOUNT.fullmatch(account_id):
            raise ValueError(
                f"account_id must be 1 to 20 letters, digits or underscores; got {account_id[:40]!r}."
            )
        if client_id == "" or client_secret == "":
            raise ValueError("client_id and client_secret must not be empty.")
        if isinstance(port, bool) or not isinstance(port, int):
            raise ValueError(f"port must be a whole number from 0 to 65535; got {port!r:.40}.")
        if not 0 <= port <= 65535:
            raise ValueError(f"port must be from 0 to 65535; got {port}.")
        if token_lifetime < 1:
            raise ValueError(f"token_lifetime must be 1 or more seconds; got {token_lifetime}.")
        if not math.isfinite(auto_close_after) or auto_close_after <= 0:
            raise ValueError(f"auto_close_after must be a number of seconds above 0; got {auto_close_after}.")
        played = select_account(world, account_id, client_id, client_secret)
        self.world = played.world
        self.account_id = played.account_id
        self.client_id = played.client_id
        self.client_secret = played.client_secret
        self.token_lifetime = token_lifetime
        self._rules_at_start = make_rules(played.world.rules, _rules_given(rules), switches)
        self.rules = self._rules_at_start
        self._recording = None if replay is None else _recording_of(replay)
        self._wanted_port = port
        self._bare_hosts = bare_hosts
        self._limits = limits or Limits()
        self.auto_close_after = auto_close_after
        self.seed = secrets.token_hex(8) if seed is None else str(seed)
        self.control_token = secrets.token_urlsafe(24)
        """What the control API wants in ``X-Sandbox-Token``; another one for every `Sandbox`."""
        self._clock = Clock(clock)
        self._state = State(seed, retention or RetentionLimits(), self._clock)
        targets = targets_of(self.world, webhook, self.account_id, self.client_id)
        self._dispatcher = WebhookDispatcher(self._state, targets, delivery or Delivery(), lambda: self.rules)
        self._agent_page: AgentPage | None = None
        self._faults = FaultQueue(self.seed)
        self._rate_limits = RateLimits()
        self._account_loading = AccountLoading()
        self._keyring: Keyring | None = None
        self._state_path = None if state_file is None else Path(state_file)
        self._state_file: StateFile | None = None
        self._tls = tls
        self._ca_path = None if ca_file is None else Path(ca_file)
        self._authority: Authority | None = None
        self._idle_checked = 0.0
        self._lifecycle = threading.Lock()
        self._port: int | None = None
        self._server: ServerThread | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen and serve; nothing happens when it does so already.

        Raises:
            PortTakenError: When another program has the port.
            StateFileError: When the state file is damaged, not the sandbox's, or in use.
        """
        with self._lifecycle:
            if self._thread is not None:
                return self
            # Kept over a stop and a new start, so that tokens stay valid.
            if self._keyring is None and self._state_path is None:
                self._keyring = Keyring()
                # No daemon: Python may crash where it ends while a library's own code is at work in one.
                threading.Thread(target=self._keyring.private_key, name="lpnb-sandbox-key").start()
            from lpnb.sandbox.http.server import ServerThread, listen

            # Before the thread: who gets the object back can connect, and a taken port is raised here.
            sock = listen(self._wanted_port)
            try:
                self._port = sock.getsockname()[1]
                if self._state_path is not None:
                    self._state_file = StateFile(self._state_path)
                    self._restore(self._state_file)
                    self._keyring = self._keyring or Keyring()
                    self._state_file.put_value("keyring", self._keyring.to_json())
                self._server = ServerThread(self._config(self._port), sock, self._tick, self._dispatcher.run)
                self._thread = threading.Thread(
                    target=self._server.run_in_thread, name="lpnb-sandbox", daemon=True
                )
                self._thread.start()
                self._server.wait_until_ready()
                RUNNING[self.base] = self
            except BaseException:
                sock.close()
                self._release()
                raise
            return self

    def stop(self) -> None:
        """Stop serving, cut every connection, join the thread; nothing happens when it is stopped."""
        with self._lifecycle:
            if self._thread is None or self._server is None:
                return
            self._server.request_stop()
            self._thread.join(_STOP_SECONDS)
            self._release()

    def _release(self) -> None:
        if self._port is not None:
            RUNNING.pop(self.base, None)
        self._port = self._server = self._thread = None
        if self._agent_page is not None:
            self._agent_page.close()
            self._agent_page = None
        self._state.ledger.store = None
        if self._state_file is not None:
            self._state_file.close()
            self._state_file = None
        if self._authority is not None:
            self._authority.forget()
            self._authority = None

    def _restore(self, file: StateFile) -> None:
        """Be what the file says, whatever happened to this object since it was last stopped."""
        try:
            self._state.restore(file.read())
            if (clock := file.get_value("clock")) is not None:
                self._clock.restore(json.loads(clock))
            if (keyring := file.get_value("keyring")) is not None:
                self._keyring = Keyring(keyring)
        except (KeyError, ValueError, TypeError) as error:
            raise StateFileError(f"{file.path} is damaged: it holds what the sandbox never wrote.") from error
        self._state.ledger.store = file.store

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        where = f"at {self.base}" if self._port else "not running"
        return f"<Sandbox of account {self.account_id}, {where}>"

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._port is None:
            raise RuntimeError("The sandbox is not running; call start() or use it in a with statement.")
        return self._port

    @property
    def base(self) -> str:
        """Where it serves, such as ``http://127.0.0.1:50123``."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def control(self) -> str:
        """Where the control API is; it wants `control_token` in the header ``X-Sandbox-Token``."""
        return self.base + CONTROL_PATH

    @property
    def ca(self) -> Path | None:
        """The file with the certificate to trust, while it serves https; None without TLS."""
        return None if self._authority is None else self._authority.path

    @property
    def state_file(self) -> Path | None:
        """The file that keeps the state, or None."""
        return self._state_path

    def environment(self) -> dict[str, str]:
        """The settings a client needs to use this sandbox as its account, and to read its history."""
        return {
            "LP_ACCOUNT_ID": self.account_id,
            "LP_CLIENT_ID": self.client_id,
            "LP_CLIENT_SECRET": self.client_secret,
            "LP_DOMAIN_API": self.base,
            **({} if self.ca is None else {"LP_CA_FILE": str(self.ca)}),
            **history_settings(self.world.accounts_by_id[self.account_id]),
        }

    def _config(self, port: int) -> "uvicorn.Config":
        import uvicorn

        from lpnb.sandbox.app.app import App
        from lpnb.sandbox.http.connection import guarded_protocol

        assert self._keyring is not None  # noqa: S101 - start() made it
        cloud = Cloud(
            account_id=self.account_id,
            world=self.world,
            token_lifetime=self.token_lifetime,
            scheme="https" if self._tls else "http",
            host="127.0.0.1" if self._bare_hosts else f"127.0.0.1:{port}",
            current_rules=lambda: self.rules,
            keyring=self._keyring,
            state=self._state,
            faults=self._faults,
            rate_limits=self._rate_limits,
            account_loading=self._account_loading,
            file_key=hashlib.sha256(f"files {self.seed}".encode()).digest(),
        )
        app = App(
            cloud,
            port,
            self._limits,
            bare_hosts=self._bare_hosts,
            own=self._own_routes,
            recording=self._recording,
        )
        config = uvicorn.Config(
            app,
            http=guarded_protocol(self._limits, app.answer_inline),
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            headers=[("x-content-type-options", "nosniff")],
            timeout_keep_alive=self._limits.idle_seconds,
        )
        if self._tls:
            # Here and not at the top: a tenth of a second that a sandbox without TLS need not wait.
            from lpnb.sandbox.http.tls import Authority

            self._authority = Authority(self._ca_path)
            config.load()
            config.ssl = self._authority.context()
        return config

    def _own_routes(self) -> "list[BaseRoute]":
        """The routes of the OpenAPI document, the control API and the agent's page."""
        from lpnb.sandbox.agent_page.inbox import Inbox
        from lpnb.sandbox.agent_page.page_data import PageData
        from lpnb.sandbox.agent_page.routes import AgentPage
        from lpnb.sandbox.app.openapi import openapi_route
        from lpnb.sandbox.control.http_api import control_routes

        inbox = Inbox(self._state)
        self._dispatcher.settled = inbox.wake
        # A secret somebody chose may be one they use elsewhere.
        public = self.client_secret == DEFAULT_CLIENT_SECRET
        page_data = PageData(
            state=self._state,
            world=self.world,
            inbox=inbox,
            dispatcher=self._dispatcher,
            account_id=self.account_id,
            client_id=self.client_id,
            client_secret=self.client_secret if public else "(the one you gave)",
            base=lambda: self.base,
        )
        self._agent_page = AgentPage(self, page_data, inbox, self._limits)
        return [
            openapi_route(),
            *control_routes(CONTROL_PATH, self, self.control_token, self._limits),
            *self._agent_page.routes(),
        ]

    def reset(self) -> None:
        """Forget everything, as `Controls.reset` does, and let a recording answer from its beginning."""
        super().reset()
        if self._recording is not None:
            self._recording.rewind()

    def _tick(self) -> None:
        if time.monotonic() - self._idle_checked >= _IDLE_CHECK_SECONDS:
            self._idle_checked = time.monotonic()
            self.close_idle()

    def _clock_moved(self) -> None:
        if self._state_file is not None:
            self._state_file.put_value("clock", json.dumps(self._clock.place))
        super()._clock_moved()
        self._dispatcher.clock_moved()

    def _tokens_expired(self) -> None:
        if self._state_file is not None and self._keyring is not None:
            self._state_file.put_value("keyring", self._keyring.to_json())


def _recording_of(path: str | os.PathLike[str]) -> "Recording":
    from lpnb.sandbox.app.replay import Recording

    return Recording(path)


def _rules_given(
    rules: Rules | Mapping[str, object] | str | os.PathLike[str] | None,
) -> Mapping[str, object]:
    if rules is None:
        return {}
    if isinstance(rules, Rules):
        return asdict(rules)
    if isinstance(rules, str | os.PathLike):
        return read_rules(rules)
    if not isinstance(rules, Mapping):
        kind = type(rules).__name__
        raise TypeError(f"rules must be Rules, a mapping, or the path of a rules file; got {kind}.")
    return rules
