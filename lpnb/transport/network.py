"""The way to https hosts beyond this machine: the proxy, hosts without it, and the trusted authorities."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import httpx

from lpnb._internal.redaction import Secret
from lpnb.settings import Settings, find_network, normalized_proxy


class UnusableCaFileError(ValueError):
    """The file of certificates cannot be read. The message is for the user."""


@dataclass(frozen=True, slots=True)
class Network:
    """A proxy and extra authorities; both are for https hosts, and loopback never goes through a proxy.

    Args:
        proxy: URL of the HTTP proxy, with user and password where it needs them; None for none.
        no_proxy: Hosts that are reached without it, with their subdomains; ``host:port`` is one port of
            one, "*" is all.
        ca_file: A PEM file, or a folder of them, trusted besides the operating system's store.
        ca_name: Which setting named that file, for messages.

    Example:
        >>> network = Network(Secret("http://user:pass@proxy.example.com:8080"), no_proxy=("example.org",))
        >>> network.proxy_for(httpx.URL("https://api.liveperson.net/x")).host
        'proxy.example.com'
        >>> network.proxy_for(httpx.URL("https://www.example.org/"))
        >>> network.proxy_for(httpx.URL("https://127.0.0.1:8443/"))
    """

    proxy: Secret | None = None
    no_proxy: tuple[str, ...] = ()
    ca_file: str = ""
    ca_name: str = "LP_CA_FILE"

    @classmethod
    def of(cls, settings: Settings) -> Network:
        """The network that *settings* describe."""
        ca_name = settings.source_name("LP_CA_FILE")
        return cls(settings.proxy or None, settings.no_proxy, settings.ca_file, ca_name)

    @classmethod
    def of_environment(cls) -> Network:
        """The network of the machine that this runs on, such as a cluster's worker.

        No file is asked: what is sent from here belongs to somebody who has never seen one of this folder.
        """
        values, _ = find_network({})
        proxy, ca_file = values.get("LP_PROXY", ""), values.get("LP_CA_FILE", "")
        hosts = tuple(str(values.get("NO_PROXY", "")).lower().replace(",", " ").split())
        return cls(normalized_proxy(proxy) or None, hosts, str(ca_file))

    def proxy_for(self, url: httpx.URL) -> httpx.URL | None:
        """The proxy that a request to *url* goes through, or None."""
        if url.scheme != "https" or not self.proxy or is_loopback(url.host):
            return None
        if any(_matches(pattern, url.host, url.port or 443) for pattern in self.no_proxy):
            return None
        return httpx.URL(self.proxy.reveal())

    def tls_context(self) -> ssl.SSLContext:
        """A context that trusts the operating system's store and, besides, the authorities of the file.

        Raises:
            UnusableCaFileError: The file holds no certificate, or cannot be read.
        """
        import truststore

        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # OpenSSL lets SSL_CERT_FILE take the place of the system's store; here it is added to it.
        system = ssl.get_default_verify_paths()
        if system.cafile != system.openssl_cafile and Path(system.openssl_cafile).is_file():
            context.load_verify_locations(cafile=system.openssl_cafile)
        if self.ca_file:
            try:
                if (folder := Path(self.ca_file)).is_dir():
                    context.load_verify_locations(capath=self.ca_file)
                    if not any(folder.glob("*.0")):  # OpenSSL finds no others there, and says nothing
                        raise UnusableCaFileError(
                            f"{self.ca_name} names {self.ca_file}, a folder without certificates that are "
                            "named by their hash, as openssl rehash does"
                        )
                else:
                    context.load_verify_locations(cafile=self.ca_file)
            except OSError:  # an SSLError is one
                raise UnusableCaFileError(
                    f"{self.ca_name} names {self.ca_file}, which holds no certificate (PEM) that can be read"
                ) from None
        return context


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine, as a name or as an address.

    Example:
        >>> is_loopback("127.0.0.2"), is_loopback("localhost"), is_loopback("localhost.example.com")
        (True, True, False)
    """
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _matches(pattern: str, host: str, port: int) -> bool:
    name, colon, pattern_port = pattern.partition(":")
    if colon and pattern_port != str(port):
        return False
    name = name.removeprefix("*.").lstrip(".")
    return pattern == "*" or (bool(name) and (host == name or host.endswith(f".{name}")))
