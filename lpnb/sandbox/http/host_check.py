"""Host and Origin checks: programs on this machine may use the sandbox, web pages may not.

A web page can make a browser send requests to a loopback port, and with DNS rebinding it can
read the replies. Such requests carry a foreign Host, a foreign Origin or ``Sec-Fetch-Site:
cross-site``, and are refused before anything is looked up. No CORS header is ever sent.
"""

import re
from functools import cache

from lpnb.sandbox.http.messages import Answer, Request, error_answer, truncate

# Not [::1]: it listens on 127.0.0.1 only.
LOOPBACK_NAMES = ("127.0.0.1", "localhost")

# Clients that hard-code LivePerson's hosts, sent here by a hosts file or a proxy.
_LIVEPERSON = re.compile(r"(?:[a-z0-9-]{1,63}\.){1,6}liveperson\.net(?::[0-9]{1,5})?")


def check_host(request: Request, port: int, *, bare_hosts: bool = False) -> Answer | None:
    """403 for a request a web page may have caused, None for all others.

    >>> check_host(Request("GET", "/", headers=(("host", "127.0.0.1:8080"),)), 8080)
    >>> check_host(Request("GET", "/", headers=(("host", "evil.example"),)), 8080).status
    403
    """
    own_names, own_origins = _own_names(port, bare_hosts)
    hosts = [value.strip().lower() for name, value in request.headers if name == "host"]
    if len(hosts) != 1:
        return error_answer(400, f"Send exactly one Host header, such as 127.0.0.1:{port}; got {len(hosts)}.")
    if hosts[0] not in own_names and not _LIVEPERSON.fullmatch(hosts[0]):
        return error_answer(
            403,
            f"Host {truncate(hosts[0])!r} is refused. Send 127.0.0.1:{port}, localhost:{port} "
            "or one of LivePerson's own hosts (*.liveperson.net).",
        )
    if request.header("origin") is None and request.header("sec-fetch-site") is None:
        return None
    origins = [value.strip().lower() for name, value in request.headers if name == "origin"]
    if foreign_origins := [origin for origin in origins if origin not in own_origins]:
        return error_answer(
            403,
            f"Origin {truncate(foreign_origins[0])!r} is refused: web pages may not use the sandbox. "
            "Send the request from a program, without an Origin header.",
        )
    sites = [value.strip().lower() for name, value in request.headers if name == "sec-fetch-site"]
    if "cross-site" in sites:
        return error_answer(403, "Sec-Fetch-Site: cross-site is refused: web pages may not use the sandbox.")
    return None


@cache
def _own_names(port: int, bare_hosts: bool) -> tuple[frozenset[str], frozenset[str]]:
    """The sandbox's own hosts and origins."""
    names = {f"{name}:{port}" for name in LOOPBACK_NAMES}
    # A client leaves the port out when it is the scheme's own, or when it was never told one.
    if bare_hosts or port in (80, 443):
        names.update(LOOPBACK_NAMES)
    origins = {f"{scheme}://{name}" for scheme in ("http", "https") for name in names}
    return frozenset(names), frozenset(origins)
