"""Verification of ``x-liveperson-signature``, an HMAC over the exact bytes of the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from lpnb._internal.redaction import Secret

#: LivePerson signs with SHA-1, and with SHA-256 for those who ask for it.
ALGORITHMS = ("sha1", "sha256")


def verify_signature(
    body: bytes, header: str, secret: Secret, algorithms: Sequence[str] = ALGORITHMS
) -> bool:
    """Whether *header* signs *body*, in Base64 or in hexadecimal, in the time that nonsense takes as well.

    The key is the app's client secret.

    Example:
        >>> verify_signature(b"{}", "sha1=p5fA8XnWLU48PVjpNzO4Y5aspq4=", Secret("sandbox-secret"))
        True
        >>> verify_signature(b"{ }", "sha1=p5fA8XnWLU48PVjpNzO4Y5aspq4=", Secret("sandbox-secret"))
        False

    Source: Webhooks, Configuration.
    """
    algorithm, _, signature = header.partition("=")
    if algorithm not in algorithms:
        return False
    digest = _digest(body, secret, algorithm)
    expected = digest.hex() if len(signature) == 2 * len(digest) else _base64(digest)
    # The case of hexadecimal digits means nothing; that of Base64 does.
    sent_signature = signature.lower() if len(signature) == 2 * len(digest) else signature
    return hmac.compare_digest(expected.encode("ascii"), sent_signature.encode("utf-8", "replace"))


def signature_form(header: str) -> str:
    """How a signature is written: its algorithm, and "base64" or "hex".

    Example:
        >>> signature_form("sha1=p5fA8XnWLU48PVjpNzO4Y5aspq4=")
        'sha1-base64'
    """
    algorithm, _, signature = header.partition("=")
    length = 2 * hashlib.new(algorithm).digest_size if algorithm in ALGORITHMS else 0
    return f"{algorithm}-{'hex' if len(signature) == length else 'base64'}"


def _digest(body: bytes, secret: Secret, algorithm: str) -> bytes:
    return hmac.digest(secret.reveal().encode("utf-8"), body, getattr(hashlib, algorithm))


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
