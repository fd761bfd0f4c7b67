"""``doctor``: check settings, hosts, clock, tokens and history credentials, and say what to do.

It opens no conversation. Each check stands on its own line, and one that cannot be made says what it
waits for.
"""

from __future__ import annotations

import platform
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from lpnb._internal import event_loop
from lpnb._internal.display import table_html
from lpnb._printable import one_line
from lpnb.api.domain_api import NEEDED_SERVICES
from lpnb.api.tokens import claims
from lpnb.client.connect import find_settings
from lpnb.client.engine import Engine
from lpnb.errors import CredentialsError, LpnbError, SettingsError
from lpnb.settings import Settings, SettingsLookup
from lpnb.transport.certificates import issuer_of
from lpnb.transport.http_transport import HttpTransport
from lpnb.transport.network import Network, UnusableCaFileError, is_loopback
from lpnb.transport.protocol import Exchange, ExchangeProgress, Request, call

State = Literal["ok", "warn", "fail", "skip"]
#: Seconds by which this machine's clock may differ before it is worth a word.
MAX_CLOCK_SKEW = 60.0
#: The consumer that is asked for a ConsumerJWS. It never opens a conversation.
CONSUMER = "lpnb-doctor"
_OAUTH_1 = (
    "OAuth 1 has not been supported since 30 September 2025, and ended on 31 May 2026. Take an "
    "application's\n"
    "LP_HISTORY_CLIENT_ID and LP_HISTORY_CLIENT_SECRET (OAuth 2) in its place."
)
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
            lines.append(f"{check.state:<4}  {check.name:<{width}}  {one_line(check.seen)}")
            lines.extend(f"{'':<4}  {'':<{width}}  -> {one_line(line)}" for line in check.todo.splitlines())
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
    checks = [_versions_check()]
    try:
        settings, where = find_settings(profile, directory)
        lookup = SettingsLookup.find(profile, directory)
        account_text = f"account {settings.account_id}: {lookup.sources_shown()}"
        if where is None:
            account_text = (
                f"none, so the embedded sandbox is used ({settings.domain_api}). {lookup.places_searched}"
            )
        checks.append(DoctorCheck("settings", "ok", account_text))
        if todo := lookup.readable_by_others():
            checks.append(DoctorCheck("file", "warn", f"others on this machine may read {lookup.path}", todo))
        if suspicious := lookup.suspicious_values():
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
        self.network = Network.of(settings)
        self.deadline = deadline
        self.failure: Exchange | None = None
        self.failed_url = ""
        # Impatient: somebody waits for the findings, and a service in trouble is not knocked at again.
        self.engine = Engine(
            settings,
            _RecordingTransport(HttpTransport(deadline, network=self.network), self),
            retry=False,
        )

    async def run(self) -> list[DoctorCheck]:
        try:
            if self._network():
                await self._domains()
            else:
                self.add("Domain API", "skip", "not checked: the file of authorities comes first")
            for service in NEEDED_SERVICES:
                await self._host(service)
            self._clock()
            await self._app_jwt()
            await self._consumer_jws()
            await self._history()
        finally:
            await self.engine.aclose()
        return self.checks

    def add(self, name: str, state: State, sentence: str, todo: str = "") -> None:
        self.checks.append(DoctorCheck(name, state, sentence, todo))

    @asynccontextmanager
    async def fail_on_error(self, name: str, todo: str) -> AsyncIterator[None]:
        """Add what is raised here as a failed check, with what to do about it."""
        try:
            yield
        except LpnbError as error:
            self.add(name, "fail", str(error), await self._advice(todo))

    def _network(self) -> bool:
        """Add the way to the hosts, and return whether it can be taken."""
        settings = self.settings
        if settings.on_loopback:
            route = "on this machine, without a proxy"
        elif settings.proxy:
            source = settings.sources.get("LP_PROXY", "the settings")
            access = ", with user and password" if self._proxy_has_password else ""
            route = f"set to go through the proxy {settings.proxy_address} (from {source}{access})"
        else:
            route = "direct, without a proxy"
        if settings.domain_api.startswith("https:"):
            route += "; trusted are the operating system's authorities"
            if settings.ca_file:
                source = settings.sources.get("LP_CA_FILE", "the settings")
                route += f" and {settings.ca_file} (from {source})"
                try:
                    self.network.tls_context()
                except UnusableCaFileError as error:
                    todo = (
                        "Name a file with the certificate of your company's authority, which begins with\n"
                        f"-----BEGIN CERTIFICATE-----, or take {self.network.ca_name} away: the operating "
                        "system's authorities are trusted without it."
                    )
                    self.add("network", "fail", str(error), todo)
                    return False
        self.add("network", "ok", route)
        return True

    @property
    def _proxy_has_password(self) -> bool:
        return "@" in self.settings.proxy.reveal()

    async def _advice(self, otherwise: str) -> str:
        """What to do about the last request that got nowhere, by the kind of its failure."""
        if self.failure is None or self.failure.reason is None:
            return otherwise
        reason, self.failure = self.failure.reason, None
        if reason == "certificate":
            issuer = await issuer_of(self.failed_url, self.network, self.deadline)
            if issuer == "lpnb sandbox":
                return (
                    "It was issued by lpnb sandbox, which makes a new authority at each start. Set "
                    "LP_CA_FILE to the file that\nthe sandbox named as it started: its line LP_CA_FILE=..., "
                    "or the ca of its ready line."
                )
            return (
                f"It was issued by {issuer or 'an authority that could not be asked for'}. If that is your "
                "company's own authority, as behind an intercepting proxy,\nsave its certificate as a PEM "
                "file and name that file in LP_CA_FILE or SSL_CERT_FILE."
            )
        host = self.failed_url.removeprefix("https://")
        is_here = is_loopback(urlsplit(self.failed_url).hostname or "")
        if reason == "connect" and is_here:  # never through a proxy
            return "Nobody listens there. Is lpnb sandbox still running, and at the address in LP_DOMAIN_API?"
        return {
            "name": f"No name server here knows {host}. Is there a VPN, or a proxy to name in LP_PROXY?",
            "connect": "Is it blocked by a firewall? A proxy to go through is named in LP_PROXY.",
            "proxy unreachable": f"Check host and port of {self.settings.source_name('LP_PROXY')}. Without a "
            "proxy, set LP_PROXY=direct.",
            "proxy authentication": (
                f"It did not take the user and password of {self.settings.source_name('LP_PROXY')}: is one "
                "of them mistyped, or has it ended?\nSpecial characters are percent-encoded: @ is %40. lpnb "
                "sends them by Basic authentication, not by NTLM or Kerberos."
                if self._proxy_has_password
                else "Write user and password into LP_PROXY, such as "
                "http://user:password@proxy.example.com:8080,\n"
                "with special characters percent-encoded: @ is %40."
            ),
            "proxy refused": f"Ask those who run the proxy to allow {host}: *.liveperson.net and "
            "*.lpsnmedia.net, port 443.",
        }[reason]

    async def _domains(self) -> None:
        name = "Domain API"
        async with self.fail_on_error(name, "Check LP_DOMAIN_API, LP_ACCOUNT_ID and the way to the network."):
            start = time.perf_counter()
            origins = await self.engine.refresh_origins()
            ms = (time.perf_counter() - start) * 1000
            self.add(name, "ok", f"{self.settings.domain_api} names {len(origins)} hosts ({ms:.0f} ms)")

    async def _host(self, service: str) -> None:
        name = f"{_PURPOSE[service]} host"
        origin = self.engine.origins.get(service)
        if origin is None:
            self.add(name, "skip", "not checked: it needs the answer of the Domain API")
            return

        exchange = await self.engine.run(call(Request("GET", origin + "/")))
        if exchange.status is None:
            todo = await self._advice("Is it blocked by a firewall or a proxy?")
            self.add(name, "fail", f"{origin}: {exchange.failure}", todo)
        else:
            self.add(name, "ok", f"{origin} answers ({exchange.elapsed_ms:.0f} ms)")

    def _clock(self) -> None:
        for header, local_time in self.dates:
            try:
                date = parsedate_to_datetime(header)
                skew = (local_time - (date if date.tzinfo else date.replace(tzinfo=UTC))).total_seconds()
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
                    "Set this machine's clock. lpnb works all the same; other software that checks "
                    "tokens may not.",
                )
            return
        self.add("clock", "skip", "no reply had a date")

    async def _app_jwt(self) -> None:
        name = "AppJWT"
        if "sentinel" not in self.engine.origins:
            self.add(name, "skip", "not checked: it needs the answer of the Domain API")
            return
        todo = "Compare LP_CLIENT_ID and LP_CLIENT_SECRET with the app installation."
        async with self.fail_on_error(name, todo):
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
            self.add(name, "skip", "not checked: it needs an AppJWT")
            return
        async with self.fail_on_error(name, "Does the installation have the scope msg.consumer?"):
            await self.engine.ready(CONSUMER)
            self.add(name, "ok", f"issued for the consumer {CONSUMER!r}; no conversation was opened")

    async def _history(self) -> None:
        name = "history"
        if not self.engine.origins:
            self.add(name, "skip", "not checked: it needs the answer of the Domain API")
            return
        first = self.engine.history_way
        try:
            await self.engine.check_history()
        except CredentialsError as error:
            if self.settings.can_read_history:
                self.add(name, "fail", str(error), "Check the credentials for history and what they may do.")
            else:
                todo = (
                    "LP_HISTORY_CLIENT_ID and LP_HISTORY_CLIENT_SECRET of an application that may read it,\n"
                    "or an agent's LP_AGENT_LOGIN and LP_AGENT_PASSWORD, let lpnb see where a conversation "
                    "landed."
                )
                self.add(name, "skip", f"no credentials are set, and {error}", todo)
            return
        except LpnbError as error:
            self.add(name, "fail", str(error), await self._advice("Try again later."))
            return
        way = self.engine.history_way
        if way is not first:
            todo = f"{first.whose[0].upper()}{first.whose[1:]} was refused: check {first.settings_names}."
            self.add(name, "warn", f"{way.whose} may search it", todo)
        elif way.kind == "api key":
            self.add(name, "warn", f"{way.whose} may search it", _OAUTH_1)
        else:
            self.add(name, "ok", f"{way.whose} may search it")


class _RecordingTransport:
    """A transport that notes what time the other side says it is, and the last request that got nowhere."""

    def __init__(self, inner: HttpTransport, checks: _AccountChecks) -> None:
        self._inner = inner
        self._checks = checks

    async def exchange(self, request: Request, progress: ExchangeProgress) -> Exchange:
        exchange = await self._inner.exchange(request, progress)
        if exchange.date:
            self._checks.dates.append((exchange.date, datetime.now(UTC)))
        self._checks.failure = exchange if exchange.status is None else None
        self._checks.failed_url = f"https://{request.url.netloc.decode('ascii')}"
        return exchange

    async def aclose(self) -> None:
        await self._inner.aclose()


def _versions_check() -> DoctorCheck:
    versions = [f"Python {platform.python_version()}"]
    for name in ("lpnb", "httpx", "pandas", "ipywidgets"):
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            versions.append(f"no {name}")
    return DoctorCheck("versions", "ok", ", ".join(versions), "")
