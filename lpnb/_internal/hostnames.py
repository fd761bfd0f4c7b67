"""Checks of host names and origins, for the settings and for the Domain API's answers."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from lpnb._internal.redaction import unless_secret

#: This machine, by the names that a URL may have for it.
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\Z")
_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)\Z")
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:[0-9]+)?\Z", re.IGNORECASE)


def host_trouble(text: str) -> str | None:
    """Say why *text* is not ``name`` or ``name:port`` in lower-case ASCII, or return None.

    An address is not a name, in whatever way it is written.

    Example:
        >>> host_trouble("connector.example.com:8443")
        >>> host_trouble("10.0.0.5")
        'is an address, not a host name'
    """
    name, colon, port = text.partition(":")
    if len(name) > 253 or not _NAME.match(name):
        return "is not a plain host name"
    if _NUMBER.match(name.rsplit(".", 1)[-1]):
        return "is an address, not a host name"
    if colon and not (port.isascii() and port.isdigit()):
        return "is not a plain host name"
    if colon and (port[0] == "0" or not 0 < int(port[:6]) <= 65535):
        return "has a port that does not exist"
    return None


def proxy_trouble(url: str) -> str | None:
    """Say why *url* is not the address of an HTTP proxy, without repeating it: it may hold a password.

    Example:
        >>> proxy_trouble("http://user:pass@proxy.example.com:8080")
        >>> proxy_trouble("socks5://proxy.example.com:1080")
        'must be an http:// or https:// proxy; socks5 is not supported.'
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is not a URL such as http://proxy.example.com:8080."
    if parts.scheme not in ("http", "https") and "://" in url:
        return f"must be an http:// or https:// proxy; {parts.scheme} is not supported."
    if not host or parts.scheme not in ("http", "https") or any(char.isspace() for char in url):
        return "must be a URL such as http://proxy.example.com:8080."
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return "must be a URL without a path, such as http://proxy.example.com:8080."
    return None


def origin_trouble(origin: str, example: str) -> str | None:
    """Say why *origin* is not ``https://host`` or, on this machine, ``http://host``; or return None.

    Example:
        >>> origin_trouble("http://api.example.com", "https://api.example.com")
        "must be https: plain http is for this machine only; got 'http://api.example.com'."
    """
    if "@" in origin:
        return "must not hold a user name or password."
    try:
        parts = urlsplit(origin)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return f"is not a URL: {unless_secret(origin)}."
    if parts.scheme not in ("http", "https") or not host:
        return f"must be an origin such as {example}; got {unless_secret(origin)}."
    if parts.path or parts.query or parts.fragment:
        return f"must be an origin without a path, such as {example}; got {unless_secret(origin)}."
    if not _ORIGIN.match(origin):
        return f"must be an origin such as {example}; got {unless_secret(origin)}."
    if parts.scheme == "http" and host not in LOOPBACK:
        return f"must be https: plain http is for this machine only; got {unless_secret(origin)}."
    return None
