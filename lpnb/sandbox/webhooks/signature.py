"""The ``x-liveperson-signature`` header: an HMAC over the exact bytes of the body."""

import base64
import hashlib
import hmac
from typing import Literal, get_args

Algorithm = Literal["sha1", "sha256"]

ALGORITHMS: tuple[str, ...] = get_args(Algorithm)


def sign(body: bytes, secret: str, algorithm: Algorithm = "sha1") -> str:
    """The header's value for *body*, with the app's client secret as the key.

    >>> sign(b"{}", "sandbox-secret")
    'sha1=p5fA8XnWLU48PVjpNzO4Y5aspq4='
    """
    digest = hmac.digest(secret.encode(), body, getattr(hashlib, algorithm))
    return f"{algorithm}={base64.b64encode(digest).decode()}"
