"""``doctor``: check settings, hosts, clock, tokens and history credentials, and say what to do.

It opens no conversation. Each check stands on its own line, and one that cannot be made says what it
waits for.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from lpnb._internal import event_loop
from lpnb._internal.display import table_html
from lpnb._internal.optional_dependencies import install_command
from lpnb.api.domain_api import NEEDED_SERVICES
from lpnb.api.tokens import claims
from lpnb.client.connect import find_settings, in_file
from lpnb.client.engine import Engine
from lpnb.errors import LpnbError, SettingsError
from lpnb.settings import Settings, SettingsLookup
from lpnb.transport.http_transport import HttpTransport
from lpnb.transport.protocol import Exchange, ExchangeProgress, Request, call

State = Literal["ok", "warn", "fail", "skip"]
#: Seconds by which this machine's clock may differ before it is worth a word.
MAX_CLOCK_SKEW = 60.0
#: The consumer that is asked for a ConsumerJWS. It never opens a conversation.
CONSUMER = "lpnb-doctor"
_PURPOSE = {"asyncMessagingEnt": "messaging", "sentinel": "Sentinel", "idp": "IDP"}


@dataclass(frozen=True, slots=True)
class DoctorCheck:
    """One finding: what was checked, how it went, what was seen, and what to do about it."""

    name: str
    state: State
    seen: str
    todo: str = ""


class DoctorReport(tuple[DoctorCheck, ...]):
    """The findings of one ``doctor`` run, in the order they were made."""

    __slots__ = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return all(check.state != "fail" for check in self)

    def rows(self) -> list[dict[str, Any]]:
        """The findings as plain dicts."""
        return [asdict(check) for check in self]

    def __str__(self) -> str:
        width = max((len(check.name) for check in self), default=0)
        lines = []
        for check in self:
            lines.append(f"{check.state:<4}  {check.name:<{width}}  {check.seen}")
            lines.extend(f"{'':<4}  {'':<{width}}  -> {line}" for line in check.todo.splitlines())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [(check.state, check.name, check.seen, check.todo) for check in self]
        return table_html("Doctor", ["", "check", "seen", "what to do"], rows)


def doctor(profile: str | None = None, directory: str | Path = ".", deadline: float = 10.0) -> DoctorReport:
    """Check the settings, each host, each token, the clock and history. Opens no conversation.

    Args:
        profile: Such as "staging", to check ``.env.staging``.
        directory: Where to start looking for the ``.env`` file.
        deadline: Seconds for each call.

    Returns:
        A ``DoctorReport``: printed it is a list, in a notebook a table; ``ok`` says whether nothing failed.

    Example:
        >>> report = doctor()
        >>> report.ok, report[-1].name
        (True, 'history')
    """
    checks = [_versions()]
    try:
        settings, where = find_settings(profile, directory)
        seen = f"account {settings.account_id}, from {where}"
        if where is None:
            seen = (
                f"none{in_file(profile, directory)}, so the embedded sandbox is used ({settings.domain_api})"
            )
        checks.append(DoctorCheck("settings", "ok", seen))
        if suspicious := SettingsLookup.find(profile, directory).suspicious_values():
            checks.append(DoctorCheck("values", "warn", suspicious[0], "\n".join(suspicious[1:])))
    except SettingsError as error:
        first, _, rest = str(error).partition("\n")
        return DoctorReport([*checks, DoctorCheck("settings", "fail", first, rest)])
    return DoctorReport([*checks, *event_loop.wait(_AccountChecks(settings, deadline).run())])


class _AccountChecks:
    """The checks that need the wire, made one after the other with one engine."""

    def __init__(self, settings: Settings, deadline: float) -> None:
        self.settings = settings
        self.dates: list[tuple[str, datetime]] = []
        self.checks: list[DoctorCheck] = []
        # Impatient: somebody waits for the findings, and a service in trouble is not knocked at again.
        self.engine = Engine(
            settings, _DateRecordingTransport(HttpTransport(deadline), self.dates), retry=False
        )

    async def run(self) -> list[DoctorCheck]:
        try:
            await self._domains()
            for service in NEEDED_SERVICES:
                await self._host(service)
            self._clock()
            await self._app_jwt()
            await self._consumer_jws()
            await self._history()
        finally:
            await self.engine.aclose()
        return self.checks

    def add(self, name: str, state: State, seen: str, todo: str = "") -> None:
        self.checks.append(DoctorCheck(name, state, seen, todo))

    @contextmanager
    def fail_on_error(self, name: str, todo: str) -> Iterator[None]:
        """Add what is raised here as a failed check, with what to do about it."""
        try:
            yield
        except LpnbError as error:
            self.add(name, "fail", str(error), todo)

    async def _domains(self) -> None:
        name = "Domain API"
        with self.fail_on_error(name, "Check LP_DOMAIN_API, LP_ACCOUNT_ID and the way to the network."):
            begun = time.perf_counter()
            origins = await self.engine.refresh_origins()
            took = (time.perf_counter() - begun) * 1000
            self.add(name, "ok", f"{self.settings.domain_api} names {len(origins)} hosts ({took:.0f} ms)")

    async def _host(self, service: str) -> None:
        name = f"{_PURPOSE[service]} host"
        origin = self.engine.origins.get(service)
        if origin is None:
            self.add(name, "skip", "waits for the Domain API")
            return

        exchange = await self.engine.run(call(Request("GET", origin + "/")))
        if exchange.status is None:
            self.add(name, "fail", f"{origin}: {exchange.failure}", "Is it blocked by a firewall or a proxy?")
        else:
            self.add(name, "ok", f"{origin} answers ({exchange.elapsed_ms:.0f} ms)")

    def _clock(self) -> None:
        for header, received in self.dates:
            try:
                sent = parsedate_to_datetime(header)
                skew = (received - (sent if sent.tzinfo else sent.replace(tzinfo=UTC))).total_seconds()
            except (TypeError, ValueError, OverflowError):
                continue
            if abs(skew) <= MAX_CLOCK_SKEW:
                self.add("clock", "ok", f"within {MAX_CLOCK_SKEW:.0f} s of the service's")
            else:
                side = "ahead of" if skew > 0 else "behind"
                self.add(
                    "clock",
                    "warn",
                    f"{abs(skew):.0f} s {side} the service's",
                    "Set this machine's clock. lpnb copes; other software that checks tokens may not.",
                )
            return
        self.add("clock", "skip", "no reply told the time")

    async def _app_jwt(self) -> None:
        name = "AppJWT"
        if "sentinel" not in self.engine.origins:
            self.add(name, "skip", "waits for the Domain API")
            return
        todo = "Compare LP_CLIENT_ID and LP_CLIENT_SECRET with the app installation."
        with self.fail_on_error(name, todo):
            await self.engine.ready()
            token = self.engine.app_jwt
            if token is None:
                return
            token_claims = claims(token.token)
            scope = str(token_claims.get("scope", ""))
            if token_claims and "msg.consumer" not in scope:
                self.add(
                    name,
                    "warn",
                    f"issued, but its scope is {scope[:60]!r}",
                    "A connector's installation needs the scope msg.consumer.",
                )
            else:
                self.add(name, "ok", f"issued, lives {token.lifetime / 60:.0f} minutes")

    async def _consumer_jws(self) -> None:
        name = "ConsumerJWS"
        if self.engine.app_jwt is None:
            self.add(name, "skip", "waits for the AppJWT")
            return
        with self.fail_on_error(name, "Does the installation have the scope msg.consumer?"):
            await self.engine.ready(CONSUMER)
            self.add(name, "ok", f"issued for the consumer {CONSUMER!r}; no conversation was opened")

    async def _history(self) -> None:
        name = "history"
        if not self.settings.can_read_history:
            todo = "LP_AGENT_LOGIN and LP_AGENT_PASSWORD, or the four LP_HISTORY_... settings, let lpnb see"
            self.add(name, "skip", "no credentials are set", f"{todo}\nwhere a conversation landed.")
            return
        if not self.engine.origins:
            self.add(name, "skip", "waits for the Domain API")
            return
        who = "an API key" if self.settings.history_key else f"the agent {self.settings.agent_login!r}"
        with self.fail_on_error(
            name, "Check the LP_HISTORY_... or LP_AGENT_... settings and what they may do."
        ):
            await self.engine.history_conversation(CONSUMER)
            self.add(name, "ok", f"{who} may search it")


class _DateRecordingTransport:
    """A transport that notes what time the other side says it is."""

    def __init__(self, inner: HttpTransport, dates: list[tuple[str, datetime]]) -> None:
        self._inner = inner
        self._dates = dates

    async def exchange(self, request: Request, progress: ExchangeProgress) -> Exchange:
        exchange = await self._inner.exchange(request, progress)
        if exchange.date:
            self._dates.append((exchange.date, datetime.now(UTC)))
        return exchange

    async def aclose(self) -> None:
        await self._inner.aclose()


def _versions() -> DoctorCheck:
    versions = [f"Python {platform.python_version()}"]
    for name in ("lpnb", "httpx", "pandas", "ipywidgets", "jupyterlab"):
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"no {name}")
    missing = "no jupyterlab" in versions
    todo = f"For `lpnb lab`: {install_command('lab')}" if missing else ""
    return DoctorCheck("versions", "ok", ", ".join(versions), todo)
