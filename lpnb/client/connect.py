"""``connect``: a client for the account of ``.env``, or for the embedded sandbox when there is none."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from lpnb.client.sandbox_control import find_sandbox
from lpnb.client.sync_client import Client
from lpnb.errors import SettingsError
from lpnb.settings import SETTINGS, Settings, SettingsLookup
from lpnb.transport.http_transport import DEADLINE, Transport

if TYPE_CHECKING:
    from lpnb.client.async_client import AsyncClient
    from lpnb.sandbox import Sandbox

ClientT = TypeVar("ClientT", Client, "AsyncClient")

_lock = threading.Lock()
_sandbox: Sandbox | None = None


@overload
def connect(
    profile: str | None = None,
    *,
    directory: str | Path = ".",
    deadline: float = DEADLINE,
    wait_scale: float = 1.0,
    transport: Transport | None = None,
) -> Client: ...


@overload
def connect(
    profile: str | None = None,
    *,
    kind: type[ClientT],
    directory: str | Path = ".",
    deadline: float = DEADLINE,
    wait_scale: float = 1.0,
    transport: Transport | None = None,
) -> ClientT: ...


def connect(
    profile: str | None = None,
    *,
    kind: type[Any] = Client,
    directory: str | Path = ".",
    deadline: float = DEADLINE,
    wait_scale: float = 1.0,
    transport: Transport | None = None,
) -> Any:
    """Return a client for the account that the settings name, or for the embedded sandbox.

    With any ``LP_...`` setting in the environment or in ``.env``, all that are needed must be there.
    With none at all, a sandbox is started on a free loopback port; it is shared by all calls and lives as
    long as Python does. One line says which of the two it is.

    Args:
        profile: Such as "staging", to read ``.env.staging``. Then there is no falling back.
        kind: ``Client``, or ``AsyncClient`` for ``async`` code.
        directory: Where to start looking for the ``.env`` file.
        deadline: As for ``Client``; so are ``wait_scale`` and ``transport``.

    Raises:
        SettingsError: Some settings are given, and others are missing or malformed.

    Example:
        >>> client = connect()  # doctest: +ELLIPSIS
        Sandbox on http://127.0.0.1:..., account 12345678. No LP_ settings were found, so nothing leaves ...
    """
    if kind is not Client:
        from lpnb.client.async_client import AsyncClient

        if kind is not AsyncClient:
            raise TypeError(f"kind must be Client or AsyncClient; got {kind!r}")
    settings, where = find_settings(profile, directory)
    world = "Sandbox on" if settings.on_loopback else f"Real account {settings.account_id} through"
    if where is None:
        details = (
            f", account {settings.account_id}. No LP_ settings were found{in_file(profile, directory)}, "
            "so nothing leaves this machine."
        )
    else:
        account = f", account {settings.account_id}" if settings.on_loopback else ""
        details = f"{account} (settings from {where})."
    print(f"{world} {settings.domain_api}{details}")  # noqa: T201 - which world one talks to is worth a line
    return kind(settings, deadline=deadline, wait_scale=wait_scale, transport=transport)


def find_settings(profile: str | None = None, directory: str | Path = ".") -> tuple[Settings, str | None]:
    """Return the settings there are, and where from; without any, those of the shared sandbox, and None.

    Raises:
        SettingsError: Some settings are given, and others are missing or malformed.
    """
    lookup = SettingsLookup.find(profile, directory)
    if lookup.values or profile is not None:
        settings = Settings.from_lookup(lookup)
        return settings, ", ".join(sorted(set(settings.sources.values())))
    if lookup.unknown_names:  # meant for us, and misspelled: the sandbox is not what was wanted
        raise SettingsError(lookup.missing_settings([name for name, required, _ in SETTINGS if required]))
    return Settings.of(shared_sandbox().environment()), None


def in_file(profile: str | None, directory: str | Path) -> str:
    """Where there is a file for settings, " in" it, for a sentence that says that it holds none."""
    path = SettingsLookup.find(profile, directory).path
    return f" in {path}" if path else ""


def shared_sandbox() -> Sandbox:
    """Return this process's own sandbox, started on first use."""
    global _sandbox
    from lpnb.sandbox import Sandbox

    with _lock:
        if _sandbox is None:
            _sandbox = Sandbox()
        return _sandbox.start()


def new_sandbox() -> Sandbox:
    """A sandbox of its own that nobody else uses, with every rule at its default; not started yet."""
    from lpnb.sandbox import Sandbox

    return Sandbox()


def has_fallen_back(settings: Settings) -> bool:
    """Whether *settings* are of the sandbox that ``connect`` starts where it finds no settings.

    Example:
        >>> from lpnb import Sandbox
        >>> with Sandbox() as sandbox:
        ...     has_fallen_back(Settings.of(sandbox.environment()))
        False
    """
    return _sandbox is not None and sandbox_of(settings) is _sandbox


def sandbox_of(settings: Settings) -> Any:
    """Return the sandbox that *settings* point at, and None where they point elsewhere.

    It is the ``Sandbox`` itself when it runs in this very process, and a ``SandboxControl``, which has its
    methods over the control API, when ``lpnb lab`` started it beside this one.

    Example:
        >>> from lpnb import Sandbox
        >>> with Sandbox() as sandbox:
        ...     sandbox_of(Settings.of(sandbox.environment())) is sandbox
        True
    """
    return find_sandbox(settings)
