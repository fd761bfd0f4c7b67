"""`Sandbox`: the played Conversational Cloud as an object."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Self

import uvicorn

from .app import App
from .carrier import Carrier, listen
from .cloud import Cloud
from .faults import FaultQueue, make_fault
from .limits import Limits
from .line import guarded_protocol
from .rules import Rules
from .state import Conversation, Kept, RequestRecord, State
from .tokens import Keyring, consumer

# Documented for older pages: 1 to 20 letters, digits and underscores.
_ACCOUNT = re.compile(r"[A-Za-z0-9_]{1,20}")

DEFAULT_ACCOUNT = "12345678"
# Fixed, so that clients can be configured before the sandbox runs. They open nothing but a sandbox.
DEFAULT_CLIENT_ID = "5a4db0c5-0000-4000-8000-000000000001"
DEFAULT_CLIENT_SECRET = "sandbox-secret-not-a-real-one"  # noqa: S105

_STOP_SECONDS = 5


class Sandbox:
    """A Conversational Cloud on a loopback port, for one account.

    It starts in well under a second, lives in a thread of its own and forgets everything when the
    object goes. Memory is bounded: 50,000 open conversations, 10,000 closed ones and 64 MiB of
    request bodies of each are kept, and 10,000 lines of the request log.

    Args:
        account_id: The account it plays.
        client_id: The app installation that may ask Sentinel for tokens.
        client_secret: Its secret. The default is public: a sandbox guards nothing.
        token_lifetime: Seconds an AppJWT lives.
        port: Port on 127.0.0.1; 0 picks a free one.
        seed: Makes conversation ids repeatable.
        bare_hosts: Hand out host names without the port, for clients that build URLs from a name.
        clock: Returns the time in epoch seconds; tests pass their own.
        kept: How much is remembered.
        limits: How much of a request is taken.
        **rules: Any field of `Rules` by name, such as ``sde_checks="strict"``.

    Example:
        >>> with Sandbox() as sandbox:
        ...     sandbox.fail("conversation", "status", code=503)
        ...     sandbox.faults
        [('conversation', 'status', 1)]
    """

    def __init__(
        self,
        *,
        account_id: str = DEFAULT_ACCOUNT,
        client_id: str = DEFAULT_CLIENT_ID,
        client_secret: str = DEFAULT_CLIENT_SECRET,
        token_lifetime: int = 3600,
        port: int = 0,
        seed: int | str | None = None,
        bare_hosts: bool = False,
        clock: Callable[[], float] = time.time,
        kept: Kept | None = None,
        limits: Limits | None = None,
        **rules: Any,
    ) -> None:
        if not _ACCOUNT.fullmatch(account_id):
            raise ValueError(
                f"account_id must be 1 to 20 letters, digits or underscores; got {account_id[:40]!r}."
            )
        if not client_id or not client_secret:
            raise ValueError("client_id and client_secret must not be empty.")
        if not 0 <= port <= 65535:
            raise ValueError(f"port must be from 0 to 65535; got {port}.")
        if token_lifetime < 1:
            raise ValueError(f"token_lifetime must be 1 or more seconds; got {token_lifetime}.")
        self.account_id = account_id
        self.client_id = client_id
        self.client_secret = client_secret
        self.token_lifetime = token_lifetime
        self.rules = Rules(**rules)
        self._wanted_port = port
        self._bare_hosts = bare_hosts
        self._limits = limits or Limits()
        self._state = State(seed, kept or Kept(), clock)
        self._faults = FaultQueue()
        self._keyring: Keyring | None = None
        self._lifecycle = threading.Lock()
        self._port: int | None = None
        self._server: Carrier | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Listen and serve; nothing happens when it does so already.

        Raises:
            PortTakenError: When another program has the port.
        """
        with self._lifecycle:
            if self._thread is not None:
                return self
            # Before the thread: who gets the object back can connect, and a taken port is raised here.
            sock = listen(self._wanted_port)
            try:
                self._port = sock.getsockname()[1]
                # Kept over a stop and a new start, so that tokens stay valid.
                self._keyring = self._keyring or Keyring()
                self._server = Carrier(self._config(self._port), sock)
                self._thread = threading.Thread(
                    target=self._server.run_here, name="lpnb-sandbox", daemon=True
                )
                self._thread.start()
                self._server.wait_until_ready()
            except BaseException:
                sock.close()
                self._port = self._server = self._thread = None
                raise
            return self

    def stop(self) -> None:
        """Stop serving, cut every connection, join the thread; nothing happens when it is stopped."""
        with self._lifecycle:
            if self._thread is None or self._server is None:
                return
            self._server.ask_to_stop()
            self._thread.join(_STOP_SECONDS)
            self._port = self._server = self._thread = None

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
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """The settings a client needs to use this sandbox as its account."""
        return {
            "LP_ACCOUNT_ID": self.account_id,
            "LP_CLIENT_ID": self.client_id,
            "LP_CLIENT_SECRET": self.client_secret,
            "LP_DOMAIN_API": self.base,
        }

    @property
    def calls(self) -> Counter[str]:
        """How many requests reached each route: domain, sentinel, jwks, idp, conversation."""
        return self._state.calls

    @property
    def requests(self) -> list[RequestRecord]:
        """The request log, oldest first, without tokens and secrets."""
        return self._state.records

    @property
    def conversations(self) -> list[Conversation]:
        """A snapshot of every conversation still remembered, oldest first."""
        return self._state.conversations

    @property
    def faults(self) -> list[tuple[str, str, int | None]]:
        """The faults still to come: route, name and how many times."""
        return self._faults.pending()

    def profile(self, ext_consumer_id: str) -> list[Any]:
        """The SDEs known of a consumer, whether or not a conversation came of them."""
        return self._state.profile_of(consumer(self.account_id, ext_consumer_id))

    def fail(self, route: str, fault: str, times: int | None = 1, **options: Any) -> None:
        """Let *fault* happen to the next *times* requests of *route*.

        Args:
            route: "domain", "sentinel", "idp" or "conversation".
            fault: A name from the table `lpnb.sandbox.faults.FAULTS`, which lists the options too.
            times: How often; None for every request until `reset`.
            **options: Such as ``code=429, retry_after=2`` for "status".
        """
        self._faults.add(route, make_fault(route, fault, options), times)

    def close_conversation(self, conversation_id: str) -> None:
        """Close a conversation, so that its consumer may open another one."""
        self._state.close_conversation(conversation_id)

    def expire_tokens(self) -> None:
        """Make every AppJWT issued so far invalid at once; ConsumerJWS stay valid, as they never expire."""
        if self._keyring is not None:
            self._keyring.expire_app_jwts(self._state.clock())

    def reset(self) -> None:
        """Forget conversations, profiles, faults, counters and the log. Tokens stay as they are."""
        self._faults.clear()
        self._state.reset()

    def _config(self, port: int) -> uvicorn.Config:
        assert self._keyring is not None  # noqa: S101 - start() made it
        cloud = Cloud(
            account_id=self.account_id,
            client_id=self.client_id,
            client_secret=self.client_secret,
            token_lifetime=self.token_lifetime,
            host="127.0.0.1" if self._bare_hosts else f"127.0.0.1:{port}",
            rules=self.rules,
            keyring=self._keyring,
            state=self._state,
            faults=self._faults,
        )
        return uvicorn.Config(
            App(cloud, port, self._limits, bare_hosts=self._bare_hosts),
            http=guarded_protocol(self._limits),
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=self._limits.idle_seconds,
        )
