"""What counts as a host name: spelled once, for the settings and for what the Domain API says."""

from __future__ import annotations

import re

_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\Z")
_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)\Z")


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
