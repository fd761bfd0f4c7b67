"""Security headers of the agent's page, and the check of its Host header."""

from lpnb.sandbox.http.host_check import LOOPBACK_NAMES
from lpnb.sandbox.http.messages import Answer, Request, error_answer

HEADERS = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    # Not "no-referrer": browsers then send forms with "Origin: null", which the host check refuses.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
)


def check_page_host(request: Request) -> Answer | None:
    """The page is for people on this machine, not for clients that take it for LivePerson."""
    host = (request.header("host") or "").strip().lower()
    if not any(host == name or host.startswith(f"{name}:") for name in LOOPBACK_NAMES):
        return error_answer(403, f"The page answers to {', '.join(LOOPBACK_NAMES)}.", headers=HEADERS)
    return None
