"""The ``x-liveperson-signature`` header: an HMAC over the exact bytes of the body."""

import base64
import hashlib
import hmac
from typing import Literal, get_args

Algorithm = Literal["sha1", "sha256"]
Encoding = Literal["base64", "hex"]

ALGORITHMS: tuple[str, ...] = get_args(Algorithm)
ENCODINGS: tuple[str, ...] = get_args(Encoding)


def sign(body: bytes, secret: str, algorithm: Algorithm = "sha1", encoding: Encoding = "base64") -> str:
    """The header's value for *body*, with the app's client secret as the key.

    >>> sign(b"{}", "sandbox-secret")
    'sha1=p5fA8XnWLU48PVjpNzO4Y5aspq4='
    >>> sign(b"{}", "sandbox-secret", encoding="hex")
    'sha1=a797c0f179d62d4e3c3d58e93733b86396aca6ae'
    """
    digest = hmac.digest(secret.encode(), body, getattr(hashlib, algorithm))
    text = digest.hex() if encoding == "hex" else base64.b64encode(digest).decode()
    return f"{algorithm}={text}"
