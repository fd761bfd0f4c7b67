"""Verification of ``x-liveperson-signature``, an HMAC over the exact bytes of the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from lpnb._internal.redaction import Secret

#: LivePerson signs with SHA-1, and with SHA-256 for those who ask for it.
ALGORITHMS = ("sha1", "sha256")


def signature_of(body: bytes, secret: Secret, algorithm: str = "sha1") -> str:
    """The value of ``x-liveperson-signature`` for *body*.

    Example:
        >>> body = b'{"kind":"notification","body":{"changes":[]},"type":"ms.MessagingEventNotification"}'
        >>> signature_of(body, Secret("sandbox-secret"))
        'sha1=gnCKNCfYmYQ4gJhJfzuzpy8fedg='

    Source: Webhooks, Configuration (the app's client secret is the key).
    """
    digest = hmac.digest(secret.reveal().encode("utf-8"), body, getattr(hashlib, algorithm))
    return f"{algorithm}={base64.b64encode(digest).decode('ascii')}"


def verify_signature(
    body: bytes, header: str, secret: Secret, algorithms: Sequence[str] = ALGORITHMS
) -> bool:
    """Whether *header* signs *body*. The comparison takes as long for a near miss as for nonsense.

    Example:
        >>> verify_signature(b"{}", "sha1=p5fA8XnWLU48PVjpNzO4Y5aspq4=", Secret("sandbox-secret"))
        True
        >>> verify_signature(b"{ }", "sha1=p5fA8XnWLU48PVjpNzO4Y5aspq4=", Secret("sandbox-secret"))
        False
    """
    algorithm = header.partition("=")[0]
    if algorithm not in algorithms:
        return False
    wanted = signature_of(body, secret, algorithm)
    return hmac.compare_digest(wanted.encode("ascii"), header.encode("utf-8", "replace"))
