"""Who issued the certificate that a host shows: for saying whose authority is not trusted."""

from __future__ import annotations

import asyncio
import base64
import ssl
from urllib.parse import unquote

import httpx

from lpnb.transport.network import Network


async def issuer_of(url: str, network: Network, deadline: float) -> str | None:
    """Return the name of the authority that issued the certificate of *url*'s host, or None.

    The handshake is made without checking the certificate, since one that is trusted need not be asked
    about. Nothing is sent over that connection, and it is closed at once.

    Args:
        url: An https URL.
        network: Through which proxy, if any.
        deadline: Seconds for all of it.
    """
    target = httpx.URL(url)
    host, port = target.host, target.port or 443
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(deadline):
            return await _certificate_issuer(host, port, context, network.proxy_for(target))
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        return None


async def _certificate_issuer(
    host: str, port: int, context: ssl.SSLContext, proxy: httpx.URL | None
) -> str | None:
    """Make the handshake, through *proxy* if there is one, and close the connection whatever came of it."""
    where = (host, port) if proxy is None else (proxy.host, proxy.port or 80)
    reader, writer = await asyncio.open_connection(*where)
    try:
        if proxy is not None:
            writer.write(_connect_head(host, port, proxy))
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.split(b" ", 2)[1].startswith(b"2"):
                return None
        await writer.start_tls(context, server_hostname=host)
        return _issuer(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
    finally:
        writer.transport.abort()


def _connect_head(host: str, port: int, proxy: httpx.URL) -> bytes:
    lines = [f"CONNECT {host}:{port} HTTP/1.1", f"Host: {host}:{port}"]
    if proxy.username or proxy.password:
        credentials = f"{unquote(proxy.username)}:{unquote(proxy.password)}".encode()
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(credentials).decode('ascii')}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _issuer(certificate: bytes) -> str | None:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    issuer = x509.load_der_x509_certificate(certificate).issuer
    names = [
        str(part.value)
        for kind in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
        for part in issuer.get_attributes_for_oid(kind)
    ]
    return ", ".join(names) or issuer.rfc4514_string() or None
