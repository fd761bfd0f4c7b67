"""JSON requests to a program on this machine, such as the sandbox's control API."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx

_TIMEOUT_SECONDS = 10.0


def request_json(
    method: str, url: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]
) -> tuple[int, dict[str, Any]]:
    """Send one request, past any proxy, and return the status and the JSON object of the answer.

    Raises:
        OSError: Nobody answers at *url*.
    """
    try:
        with httpx.Client(trust_env=False, timeout=_TIMEOUT_SECONDS, verify=_certificates()) as http:
            response = http.request(method, url, json=body, headers=dict(headers))
    except httpx.HTTPError as error:
        raise OSError(f"No answer came from {url}: {error}.") from None
    result: dict[str, Any] = response.json()
    return response.status_code, result


@cache
def _certificates() -> ssl.SSLContext:
    """Read once: a client of its own for each request would spend more time on them than on the request."""
    return ssl.create_default_context()
