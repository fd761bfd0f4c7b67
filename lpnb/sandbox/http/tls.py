"""TLS with a certificate authority made anew at every start.

The authority's key never leaves the memory of this process, so trusting its certificate is safe
for as long as the sandbox runs and of no use to anybody afterwards.
"""

import contextlib
import os
import ssl
import tempfile
from pathlib import Path

import trustme

# Clients that hard-code LivePerson's hosts reach the sandbox by a hosts file or a proxy. A wildcard
# stands for one label: va.msg.liveperson.net is covered by the second.
_NAMES = (
    "127.0.0.1",
    "localhost",
    "::1",
    "*.liveperson.net",
    *(
        f"*.{family}.liveperson.net"
        for family in ("msg", "sentinel", "idp", "v", "ac", "swift", "msghist", "objectstorage", "le")
    ),
)


class Authority:
    """A certificate authority and the server certificate it signed.

    Args:
        path: Where its certificate is written, for clients to trust; None for a temporary file
            that `forget` removes.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._authority = trustme.CA(organization_name="lpnb sandbox")
        self._certificate = self._authority.issue_cert(*_NAMES, organization_name="lpnb sandbox")
        self._temporary = path is None
        if path is None:
            with tempfile.NamedTemporaryFile(prefix="lpnb-sandbox-ca-", suffix=".pem", delete=False) as file:
                path = Path(file.name)
        self.path = path.absolute()
        self.export(self.path)

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self._authority.cert_pem.bytes()

    def export(self, path: Path) -> None:
        """Write the authority's certificate to *path*."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(path, flags, 0o644), "wb") as file:
            file.write(self.pem)

    def context(self) -> ssl.SSLContext:
        """What the server needs: TLS 1.2 or newer, HTTP/1.1."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        self._certificate.configure_cert(context)
        return context

    def forget(self) -> None:
        """Remove the temporary file; one that was asked for stays."""
        if self._temporary:
            with contextlib.suppress(OSError):
                self.path.unlink()
