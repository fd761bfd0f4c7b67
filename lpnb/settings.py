"""Settings: the account and its credentials, from the environment and ``.env``.

The only reader of the process environment, and through ``env_files`` of ``.env``. It never writes to
``os.environ``, so no child process and no other library sees the client secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from lpnb._internal.display import table_html
from lpnb._internal.env_files import folders_from, is_env_file, read_env_file, short_path
from lpnb._internal.hostnames import LOOPBACK, host_trouble, origin_trouble, proxy_trouble
from lpnb._internal.json_codec import lone_surrogate
from lpnb._internal.placeholders import placeholder_in
from lpnb._internal.redaction import NO_SECRET, Secret, scrub, unless_secret
from lpnb.errors import SettingsError

DOMAIN_API = "https://api.liveperson.net"
#: Bytes of the largest body that is sent unless the settings say otherwise; the documentation names no limit.
LARGEST_BODY = 1 << 20
_ACCOUNT = re.compile(r"[A-Za-z0-9_]{1,20}\Z")
_PROFILE = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_INSTALLATION = re.compile(r"[\x21-\x7e]{1,128}\Z")

#: Every setting, in the order of ``.env.example``: name, whether it must be given, what it is.
SETTINGS = (
    ("LP_ACCOUNT_ID", True, "your account (site) id"),
    ("LP_CLIENT_ID", True, "client_id of the app installation"),
    ("LP_CLIENT_SECRET", True, "client_secret of the app installation"),
    ("LP_APP_INSTALLATION_ID", False, "app installation id; the client id when left out"),
    ("LP_DOMAIN_API", False, f"where host names are looked up; {DOMAIN_API} when left out"),
    ("LP_TRUSTED_HOSTS", False, "hosts outside LivePerson's domains that may get tokens, comma separated"),
    ("LP_HISTORY_CLIENT_ID", False, "client_id of an app installation that may read history (OAuth 2)"),
    ("LP_HISTORY_CLIENT_SECRET", False, "client_secret of that installation"),
    ("LP_AGENT_LOGIN", False, "login name of an agent who may read history"),
    ("LP_AGENT_PASSWORD", False, "that agent's password"),
    ("LP_HISTORY_KEY", False, "consumer key of an API key for history (OAuth 1, at its end of life)"),
    ("LP_HISTORY_SECRET", False, "consumer secret of that API key"),
    ("LP_HISTORY_TOKEN", False, "access token of that API key"),
    ("LP_HISTORY_TOKEN_SECRET", False, "access token secret of that API key"),
    ("LP_PROXY", False, "the proxy for https, such as http://proxy.example.com:8080; direct for none"),
    ("LP_CA_FILE", False, "certificates (PEM) of authorities that are trusted besides the system's"),
    ("LP_LARGEST_BODY", False, f"bytes of the largest request that is sent; {LARGEST_BODY} when left out"),
)
_APPLICATION = ("LP_HISTORY_CLIENT_ID", "LP_HISTORY_CLIENT_SECRET")
_AGENT = ("LP_AGENT_LOGIN", "LP_AGENT_PASSWORD")
_KEYS = ("LP_HISTORY_KEY", "LP_HISTORY_SECRET", "LP_HISTORY_TOKEN", "LP_HISTORY_TOKEN_SECRET")
#: Settings that say how to reach the network. They alone do not name an account.
_NETWORK = ("LP_PROXY", "LP_CA_FILE")
#: What other programs of this machine read for the same; each name also in lower case.
_PROXY_VARIABLES = ("HTTPS_PROXY", "ALL_PROXY")
_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
#: Settings that decide where secrets go, and who may read them on the way.
_DESTINATIONS = ("LP_DOMAIN_API", "LP_TRUSTED_HOSTS", *_NETWORK)
#: In the environment, lets a ``.env`` be read that others may change, as on mounts that know no modes.
_ALLOW_SHARED = "LP_ALLOW_SHARED_ENV"
#: Those that are shown to nobody.
SECRETS = ("LP_CLIENT_SECRET", _APPLICATION[1], _AGENT[1], *_KEYS[1:], "LP_PROXY")
_NAMES = tuple(name for name, _, _ in SETTINGS)


@dataclass(frozen=True, init=False)
class Settings:
    """An account and the credentials of one app installation on it.

    Args:
        account_id: The account (site) id, 1 to 20 letters, digits or underscores.
        client_id: The installation's ``client_id``.
        client_secret: The installation's ``client_secret``; plain text is wrapped in a ``Secret``.
        app_installation_id: The installation's id; the client id when left out.
        domain_api: The Domain API's origin. Plain http is for loopback only.
        trusted_hosts: Hosts (``name`` or ``name:port``) outside LivePerson's domains that tokens may be
            sent to.
        sources: For each setting, where its value came from.
        history_client_id: For history: the client id of an app installation whose own token reads it
            (OAuth 2), together with ``history_client_secret``.
        history_client_secret: That installation's secret; like all secrets it is wrapped in a ``Secret``.
        agent_login: For history: the login name of an agent, together with ``agent_password``.
        agent_password: The agent's password; like all secrets it is wrapped in a ``Secret``.
        history_key: For history: an API key's consumer key (OAuth 1), together with the next three. Its
            support ended on 30 September 2025, and its life on 31 May 2026.
        history_secret: Its consumer secret; ``history_token`` and ``history_token_secret`` likewise.
        proxy: URL of the HTTP proxy for https hosts beyond this machine, with user and password if it
            needs them; "" or "direct" for none. ``Settings.load`` takes it from the environment.
        no_proxy: Names of hosts that are reached without it, with their subdomains; "*" is all.
        ca_file: A PEM file (or folder) of authorities that are trusted besides the operating system's.
        largest_body: Bytes beyond which a request is refused here and not sent; 1 MiB, a limit of lpnb's own,
            or more.

    Raises:
        SettingsError: Naming everything that is missing or malformed, never a secret's value.

    Example:
        >>> settings = Settings("12345678", "my-client-id", "my-secret")
        >>> settings.app_installation_id
        'my-client-id'
        >>> settings
        Settings(account_id='12345678', client_id='my-client-id', domain_api='https://api.liveperson.net')

    Source: Connector API, Authorization and Authentication; Domain API; Messaging Interactions API.
    """

    account_id: str
    client_id: str
    client_secret: Secret
    app_installation_id: str = ""
    domain_api: str = DOMAIN_API
    trusted_hosts: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    history_client_id: str = ""
    history_client_secret: Secret = NO_SECRET
    agent_login: str = ""
    agent_password: Secret = NO_SECRET
    history_key: str = ""
    history_secret: Secret = NO_SECRET
    history_token: Secret = NO_SECRET
    history_token_secret: Secret = NO_SECRET
    proxy: Secret = NO_SECRET
    no_proxy: tuple[str, ...] = ()
    ca_file: str = ""
    largest_body: int = LARGEST_BODY

    def __init__(
        self,
        account_id: str,
        client_id: str,
        client_secret: Secret | str,
        app_installation_id: str = "",
        domain_api: str = DOMAIN_API,
        trusted_hosts: Sequence[str] = (),
        sources: Mapping[str, str] | None = None,
        *,
        history_client_id: str = "",
        history_client_secret: Secret | str = "",
        agent_login: str = "",
        agent_password: Secret | str = "",
        history_key: str = "",
        history_secret: Secret | str = "",
        history_token: Secret | str = "",
        history_token_secret: Secret | str = "",
        proxy: Secret | str = "",
        no_proxy: Sequence[str] = (),
        ca_file: str | Path = "",
        largest_body: int | str = LARGEST_BODY,
    ) -> None:
        # Plain text is forgotten before anything can fail: a traceback may show this frame's variables.
        client_secret, client_problem = _as_secret(client_secret)
        history_client_secret, history_problem = _as_secret(history_client_secret, is_required=False)
        agent_password, password_problem = _as_secret(agent_password, is_required=False)
        history_secret, secret_problem = _as_secret(history_secret, is_required=False)
        history_token, token_problem = _as_secret(history_token, is_required=False)
        history_token_secret, token_secret_problem = _as_secret(history_token_secret, is_required=False)
        proxy, proxy_problem = _as_secret(proxy, is_required=False)
        proxy = normalized_proxy(proxy)
        secret_problems = (
            client_problem,
            history_problem,
            password_problem,
            secret_problem,
            token_problem,
            token_secret_problem,
            proxy_problem,
        )
        values = {
            "account_id": account_id,
            "client_id": client_id,
            "client_secret": client_secret,
            "app_installation_id": app_installation_id or client_id,
            "domain_api": str(domain_api).rstrip("/"),
            "trusted_hosts": tuple(str(host).lower() for host in trusted_hosts),
            "sources": sources or {},
            "history_client_id": str(history_client_id),
            "history_client_secret": history_client_secret,
            "agent_login": str(agent_login),
            "agent_password": agent_password,
            "history_key": str(history_key),
            "history_secret": history_secret,
            "history_token": history_token,
            "history_token_secret": history_token_secret,
            "proxy": proxy,
            "no_proxy": tuple(str(host).strip().lower() for host in no_proxy if str(host).strip()),
            "ca_file": str(ca_file),
            "largest_body": _whole_number(largest_body),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if problems := self._problems(zip(SECRETS, secret_problems, strict=True)):
            # A short one would be found in words that are none.
            secrets = [secret for secret in self.secrets if len(secret.reveal()) >= 8]
            raise SettingsError(scrub("\n".join(problems), secrets))

    def _problems(self, secrets: Iterable[tuple[str, str | None]]) -> list[str]:
        problems = []
        if not _ACCOUNT.match(str(self.account_id)):
            rule = "must be 1 to 20 letters, digits or underscores"
            problems.append(f"LP_ACCOUNT_ID {rule}; got {unless_secret(self.account_id)}.")
        for name, value in (
            ("LP_CLIENT_ID", self.client_id),
            ("LP_APP_INSTALLATION_ID", self.app_installation_id),
        ):
            if not _INSTALLATION.match(str(value)):
                rule = "must be 1 to 128 printable characters without spaces"
                problems.append(f"{name} {rule}; got {unless_secret(value)}.")
        problems.extend(f"{name} {problem}." for name, problem in secrets if problem)
        if problem := origin_trouble(self.domain_api, DOMAIN_API):
            problems.append(f"LP_DOMAIN_API {problem}")
        problems.extend(
            "LP_TRUSTED_HOSTS must list host names such as connector.example.com:8443; "
            f"{unless_secret(host)} {problem}."
            for host in self.trusted_hosts
            if (problem := host_trouble(host))
        )
        problems.extend(self._network_problems())
        if not LARGEST_BODY <= self.largest_body < 1 << 31:
            rule = f"must be a number of bytes, from {LARGEST_BODY} (1 MiB) to 2147483647"
            problems.append(f"LP_LARGEST_BODY {rule}.")
        values = self._values_by_name()
        for group in (_APPLICATION, _AGENT, _KEYS):
            missing = [name for name in group if not values[name]]
            if 0 < len(missing) < len(group):
                given_names = " and ".join(name for name in group if values[name])
                problems.append(
                    f"{given_names} alone cannot open history: {', '.join(missing)} must be given too."
                )
        return problems

    def _network_problems(self) -> list[str]:
        """What is wrong with the proxy and the file of authorities, where they are used at all."""
        problems = []
        if self.proxy and not self.on_loopback and (problem := proxy_trouble(self.proxy.reveal())):
            problems.append(f"{self.source_name('LP_PROXY')} {problem}")
        if self.ca_file and self.domain_api.startswith("https:") and not os.path.exists(self.ca_file):
            name = self.source_name("LP_CA_FILE")
            shown_file = unless_secret(self.ca_file).strip("'\"")
            problems.append(f"{name} must name a file of certificates (PEM); {shown_file} is not there.")
        return problems

    @classmethod
    def load(cls, profile: str | None = None, directory: str | Path = ".") -> Settings:
        """Read the settings: the environment first, then the nearest ``.env`` (or ``.env.<profile>``).

        The file is looked for in *directory* and then upwards, up to the project's root (the first
        folder with a ``.git`` or ``pyproject.toml``); outside of a project, nowhere else. Values are
        taken as they stand, without the space around them: ``${...}`` is not expanded. A line that could
        not be read, or a name given twice, is an error, not skipped.

        A file does not decide where a secret goes that came from elsewhere: with a secret in the
        environment, the Domain API, trusted hosts, proxy and CA file stand there too. A file that belongs to
        another user, or that others may write, is refused.

        Args:
            profile: Such as "staging", to read ``.env.staging`` in place of ``.env``.
            directory: Where to start looking.

        Raises:
            SettingsError: Naming every setting that is missing and every place looked in; or what a file
                must not decide.
        """
        return cls.from_lookup(SettingsLookup.find(profile, directory))

    @classmethod
    def from_lookup(cls, lookup: SettingsLookup) -> Settings:
        """Make settings of the values that a lookup has.

        Raises:
            SettingsError: Naming every setting that is missing and every place looked in.
        """
        missing_names = [name for name, required, _ in SETTINGS if required and name not in lookup.values]
        if missing_names:
            raise SettingsError(lookup.missing_settings(missing_names))
        if sentences := lookup.damaged_values() + lookup.diverted_secrets():
            raise SettingsError("\n".join(sentences))
        return cls.of({**lookup.values, **lookup.network}, lookup.sources)

    @classmethod
    def of(cls, values: Mapping[str, str | Secret], sources: Mapping[str, str] | None = None) -> Settings:
        """Make settings from a mapping with the names of ``.env``, such as a sandbox's ``environment()``.

        Example:
            >>> Settings.of({"LP_ACCOUNT_ID": "1", "LP_CLIENT_ID": "a", "LP_CLIENT_SECRET": "b"}).account_id
            '1'
        """
        values = _with_secrets(values)
        history: dict[str, Any] = {
            name.removeprefix("LP_").lower(): values.get(name, "")
            for name in (*_APPLICATION, *_AGENT, *_KEYS)
        }
        return cls(
            account_id=str(values.get("LP_ACCOUNT_ID", "")),
            client_id=str(values.get("LP_CLIENT_ID", "")),
            client_secret=values.get("LP_CLIENT_SECRET", ""),
            app_installation_id=str(values.get("LP_APP_INSTALLATION_ID", "")),
            domain_api=str(values.get("LP_DOMAIN_API", DOMAIN_API)),
            trusted_hosts=re.findall(r"[^,\s]+", str(values.get("LP_TRUSTED_HOSTS", ""))),
            sources=sources,
            **history,
            proxy=values.get("LP_PROXY", ""),
            no_proxy=re.findall(r"[^,\s]+", str(values.get("NO_PROXY", ""))),
            ca_file=str(values.get("LP_CA_FILE", "")),
            largest_body=str(values.get("LP_LARGEST_BODY", LARGEST_BODY)),
        )

    @cached_property
    def secrets(self) -> tuple[Secret, ...]:
        """The secrets there are, for those who have to take them out of text."""
        candidates = (
            self.client_secret,
            self.history_client_secret,
            self.agent_password,
            self.history_secret,
            self.history_token,
            self.history_token_secret,
            Secret(unquote(_parts(self.proxy).password or "")),
        )
        return tuple(secret for secret in candidates if secret.size)

    @property
    def on_loopback(self) -> bool:
        """Whether the Domain API, and so everything else, is on this machine."""
        return (urlsplit(self.domain_api).hostname or "") in LOOPBACK

    @property
    def can_read_history(self) -> bool:
        """Whether credentials for Messaging Interactions are set: an application's, an agent's, an API key.

        Without any, the connector's own application is tried; whether it may is known only then.
        """
        return bool(self.history_client_id or self.agent_login or self.history_key)

    @property
    def proxy_address(self) -> str:
        """The proxy's URL without user and password, to be shown; "" when there is none."""
        parts = urlsplit(self.proxy.reveal())
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""

    def source_name(self, name: str) -> str:
        """The variable that a setting was read from, such as HTTPS_PROXY for "LP_PROXY"."""
        source, _, rest = self.sources.get(name, "").partition(" in the environment")
        return source if source and source.isupper() and not rest else name

    def __repr__(self) -> str:
        return (
            f"Settings(account_id={self.account_id!r}, client_id={self.client_id!r}, "
            f"domain_api={self.domain_api!r})"
        )

    def _repr_html_(self) -> str:
        return table_html("Settings", ["setting", "value", "from"], self.shown())

    def shown(self) -> list[tuple[str, str, str]]:
        """Each setting's name in ``.env``, its value, and where it is from.

        A secret shows its mask, and so that it is there; what is not set is "".

        Example:
            >>> settings = Settings("12345678", "an-id", "a-secret")
            >>> settings.shown()[0], settings.shown()[2]
            (('LP_ACCOUNT_ID', '12345678', 'default'), ('LP_CLIENT_SECRET', '********', 'default'))
        """
        items = self._values_by_name().items()
        return [
            (name, str(value) if value else "", self.sources.get(name, "default")) for name, value in items
        ]

    def _values_by_name(self) -> dict[str, str | Secret]:
        """Every setting under its name in ``.env``."""
        values = (
            self.account_id,
            self.client_id,
            self.client_secret,
            self.app_installation_id,
            self.domain_api,
            ", ".join(self.trusted_hosts),
            self.history_client_id,
            self.history_client_secret,
            self.agent_login,
            self.agent_password,
            self.history_key,
            self.history_secret,
            self.history_token,
            self.history_token_secret,
            self.proxy_address,
            self.ca_file,
            str(self.largest_body),
        )
        return dict(zip(_NAMES, values, strict=True))


@dataclass(frozen=True)
class SettingsLookup:
    """What the environment and the file hold, and every place that was looked in."""

    values: Mapping[str, str | Secret]
    sources: Mapping[str, str]
    places: tuple[str, ...]
    unknown_names: tuple[str, ...]
    file: str = ".env"
    path: str | None = None
    network: Mapping[str, str | Secret] = field(default_factory=dict)

    @classmethod
    def find(cls, profile: str | None = None, directory: str | Path = ".") -> SettingsLookup:
        """Collect the ``LP_*`` values, the environment before the file.

        Raises:
            SettingsError: When the profile's file does not exist, is not the user's own, or has a line that
            cannot be read.
        """
        if profile is not None and not (isinstance(profile, str) and _PROFILE.match(profile)):
            raise SettingsError(
                f"A profile's name is 1 to 64 letters, digits, dashes or underscores; got {profile!r}."
            )
        name = ".env" if profile is None else f".env.{profile}"
        folders = folders_from(Path(directory))
        path = next((folder / name for folder in folders if is_env_file(folder / name)), None)
        if path is None and profile is not None:
            places_text = ", ".join(short_path(folder / name) for folder in folders)
            raise SettingsError(f"There is no profile {profile!r}. Looked for {places_text}.")
        in_file = _read_file(path) if path else {}
        network, network_sources = find_network(in_file, short_path(path) if path else "")
        account_names = [key for key in _NAMES if key not in _NETWORK]
        in_environment = {key: os.environ[key] for key in account_names if os.environ.get(key, "").strip()}
        in_use = {key: value for key, value in in_file.items() if key in account_names and value}
        values = _with_secrets({**in_use, **in_environment})
        sources = dict.fromkeys(in_use, short_path(path) if path else "")
        sources.update(dict.fromkeys(in_environment, "environment"))
        sources.update(network_sources)
        places = [f"the environment ({_count(len(in_environment))})"]
        if path:
            places.append(f"{short_path(path)} (found, {_count(len(in_use))})")
        else:
            places.extend(f"{short_path(folder / name)} (not there)" for folder in folders)
        unknown = tuple(
            key
            for key in dict.fromkeys([*in_file, *(key for key in os.environ if _meant_name(key) in _NAMES)])
            if key not in _NAMES and (key.startswith("LP_") or _meant_name(key) in _NAMES)
        )
        return cls(values, sources, tuple(places), unknown, name, short_path(path) if path else None, network)

    @property
    def places_searched(self) -> str:
        """Every place that was looked in, in a sentence."""
        return f"Looked in: {', then '.join(self.places)}."

    def no_settings(self, option: str, consequence: str = "") -> str:
        """The message for an *option* that needs settings when there are none: the places and the way out.

        *consequence* says what happened instead, such as ", so this client is of the embedded sandbox".
        """
        names = [name for name, required, _ in SETTINGS if required]
        return (
            f"{option} was given, but no LP_ settings were found{consequence}.\n{self.places_searched}\n"
            f"Set {', '.join(names[:-1])} and {names[-1]} in the environment or in a file {self.file}; "
            f"without {option} it goes to the embedded sandbox."
        )

    def missing_settings(self, missing: list[str]) -> str:
        """The message for required settings that are *missing*: names, places, way out."""
        verb = "setting is" if len(missing) == 1 else "settings are"
        lines = [
            f"{len(missing)} {verb} missing: {', '.join(missing)}.",
            self.places_searched,
        ]
        for unknown in self.unknown_names:
            if unknown != unknown.upper() and unknown.upper() in _NAMES:
                lines.append(f"{unknown} is not a setting: names are in capitals. Write {unknown.upper()}.")
            elif close := get_close_matches(_meant_name(unknown), missing, n=1):
                lines.append(f"{unknown} is not a setting. Did you mean {close[0]}?")
        them = "it" if len(missing) == 1 else "them"
        into = f"Add {them} to {self.path}" if self.path else f"Write {them} into a file {self.file}"
        lines.append(f"{into} as NAME=value, or set {them} in the environment.")
        return "\n".join(lines)

    def damaged_values(self) -> list[str]:
        """A sentence for each value that cannot be meant as it stands; the value itself is in none."""
        sentences = []
        for name in _NAMES:
            value = self.values.get(name, "")
            if problem := _damage(_text(value)):
                sentences.append(f"{name} (from {self.sources.get(name, 'the caller')}) {problem}")
        return sentences

    def diverted_secrets(self) -> list[str]:
        """A sentence for each setting of a file that would decide where a secret from elsewhere goes."""
        values = {**self.values, **self.network}
        sentences = []
        for name in _DESTINATIONS:
            file = self.sources.get(name, "")
            if not file or file.endswith("environment") or values.get(name) == DOMAIN_API:
                continue
            # A proxy's password is for that proxy, and comes with its address.
            if others := [key for key in SECRETS[:-1] if self.sources.get(key, file) != file]:
                them = "it" if len(others) == 1 else "them"
                verb = "comes" if len(others) == 1 else "come"
                sentences.append(
                    f"{name} is set in {file} and would decide where {' and '.join(others)} may go, which "
                    f"{verb} from the {self.sources[others[0]]}. Set {name} in the environment too, or "
                    f"write {them} into {file}."
                )
        return sentences

    def sources_shown(self) -> str:
        """Where each value comes from, in one sentence: the settings of each source, then the defaults."""
        by_source: dict[str, list[str]] = {}
        for name in _NAMES:
            if name in self.sources or name == "LP_DOMAIN_API":
                by_source.setdefault(self.sources.get(name, "default"), []).append(name)
        return "; ".join(
            f"{', '.join(names)} from {_source_phrase(source)}" for source, names in by_source.items()
        )

    def readable_by_others(self) -> str | None:
        """What to do about a file that holds secrets and that others may read; None when there is none."""
        if self.path is None or not hasattr(os, "geteuid") or os.environ.get(_ALLOW_SHARED, "").strip():
            return None
        secret = any(self.sources.get(name) == self.path for name in SECRETS)
        mode = Path(self.path).stat().st_mode & 0o777
        return f"chmod 600 {self.path}" if secret and mode & 0o044 else None

    def suspicious_values(self) -> list[str]:
        """A sentence for each value that looks like one which nobody has filled in."""
        return [
            f"{name} looks like a placeholder. Put the real value in its place."
            for name in _NAMES
            if _FILLER.fullmatch(text := _text(self.values.get(name, ""))) or placeholder_in(text)
        ]


#: What editors, chats and web pages put around a value, and nobody sees.
_INVISIBLE = re.compile("[\u00a0\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]")
_TYPOGRAPHIC = re.compile("[\u2018-\u201f\u00ab\u00bb]")
_FILLER = re.compile(
    r"(?i)change[-_ ]?me|change[-_ ]?it|replace[-_ ]?me|todo|tbd|x{3,}|\*{3,}|\.{3,}"
    r"|(?:your|insert|enter)[-_ ].+"
)


def _meant_name(key: str) -> str:
    """The spelling of ours that a name of a setting was probably meant as."""
    upper = key.upper().replace("-", "_").removeprefix("$ENV:").removeprefix("$")
    return f"LP_{upper.removeprefix('LIVEPERSON_')}" if upper.startswith("LIVEPERSON_") else upper


def _text(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _damage(text: str) -> str | None:
    """What is wrong with a value, in words that do not hold it."""
    if match := _TYPOGRAPHIC.search(text):
        letter = match[0]
        return (
            f"holds a typographic quote, {letter} (U+{ord(letter):04X}). "
            'Write the value without quotes, or with plain ones: "...".'
        )
    if match := _INVISIBLE.search(text):
        return f"holds an invisible character (U+{ord(match[0]):04X}). Type the value anew."
    return None


def profiles(directory: str | Path = ".") -> list[str | None]:
    """Name the profiles that have a file here or above, None being ``.env`` itself. No file is read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in (".env", ".env.staging", ".env.example"):
        ...         _ = Path(folder, name).write_text("")
        ...     profiles(folder)
        [None, 'staging']
    """
    names: dict[str | None, None] = {}
    for folder in folders_from(Path(directory)):
        if (folder / ".env").is_file():
            names[None] = None
        for file in sorted(folder.glob(".env.*")):
            name = file.name.removeprefix(".env.")
            if _PROFILE.match(name) and name != "example" and file.is_file():
                names[name] = None
    return list(names)


def find_network(
    in_file: Mapping[str, str], file: str = ""
) -> tuple[dict[str, str | Secret], dict[str, str]]:
    """The proxy, the hosts without it and the file of authorities, and the variable each came from.

    ``LP_PROXY`` and ``LP_CA_FILE`` come first, in the environment and then in the file; after them the
    variables that other programs read, which are taken from the environment alone.
    """
    values: dict[str, str | Secret] = {}
    sources: dict[str, str] = {}
    for name, variables in (("LP_PROXY", _PROXY_VARIABLES), ("LP_CA_FILE", _CA_VARIABLES)):
        if own_value := os.environ.get(name, "").strip():
            values[name], sources[name] = own_value, "environment"
        elif in_file.get(name):
            values[name], sources[name] = in_file[name], file
        else:
            for variable in (spelling for each in variables for spelling in (each, each.lower())):
                if value := os.environ.get(variable, "").strip():
                    values[name], sources[name] = value, f"{variable.upper()} in the environment"
                    break
    if sources.get("LP_PROXY", "").endswith(" in the environment"):
        values["NO_PROXY"] = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    return _with_secrets(values), sources


def _parts(url: Secret) -> SplitResult:
    try:
        return urlsplit(url.reveal())
    except ValueError:  # it is no URL
        return urlsplit("")


def normalized_proxy(proxy: Secret | str) -> Secret:
    """A proxy's URL with a scheme, as a ``Secret``; "direct" is none.

    Example:
        >>> normalized_proxy("proxy.example.com:8080").reveal()
        'http://proxy.example.com:8080'
        >>> bool(normalized_proxy("direct"))
        False
    """
    url = proxy.reveal().strip() if isinstance(proxy, Secret) else proxy.strip()
    if not url or url.lower() == "direct":
        return NO_SECRET
    return Secret(url if "://" in url else f"http://{url}")


def _read_file(path: Path) -> dict[str, str]:
    # No frame that raises holds what the file says: a traceback may show its variables.
    values, problem, owners = read_env_file(path)
    has_setting = any(_meant_name(key) in _NAMES for key in values)
    if owners and has_setting and not os.environ.get(_ALLOW_SHARED, "").strip():
        hint = f"Where files have no owner, as on some mounts, set {_ALLOW_SHARED}=1 in the environment."
        problem = f"{owners}\n{hint}"
    if problem:
        raise SettingsError(f"{short_path(path)} {problem}")
    return values


def _with_secrets(values: Mapping[str, str | Secret]) -> dict[str, str | Secret]:
    """Return *values* with whatever is secret as a ``Secret``."""
    return {
        name: Secret(value) if name in SECRETS and isinstance(value, str) else value
        for name, value in values.items()
    }


def _as_secret(value: object, is_required: bool = True) -> tuple[Secret, str | None]:
    """Return *value* as a ``Secret``, and what is wrong with it."""
    if isinstance(value, str):
        value = Secret(value) if value else NO_SECRET
    if not (value.size if isinstance(value, Secret) else value):
        return NO_SECRET, "must not be empty" if is_required else None
    if not isinstance(value, Secret):
        return NO_SECRET, f"must be text; got {type(value).__name__}"
    if not value.reveal().isascii() and lone_surrogate(value.reveal()) is not None:
        return value, "must be text that can be encoded; it holds half a character"
    return value, None


def _whole_number(value: object) -> int:
    """*value* as a whole number, -1 where it is none."""
    text = str(value).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1


def _source_phrase(source: str) -> str:
    return f"the {source}" if source in ("environment", "default") else source


def _count(number: int) -> str:
    return "1 setting" if number == 1 else f"{number} settings"


def read_variable(name: str) -> str | None:
    """An environment variable that is no setting, such as those that ``lpnb lab`` gives its kernels."""
    return os.environ.get(name)
