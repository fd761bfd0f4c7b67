"""What is wrong with a call besides its frames: method, address, version, and headers that it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import parse_qs

from lpnb.errors import Complaint

#: What CONVERSATION cannot do without, besides frames.
REQUIRED_HEADERS = ("Authorization", "X-LP-ON-BEHALF")
#: Kinds of texts that say all headers with which a request leaves.
_WITH_HEADERS = ("curl", "powershell", "fetch", "har", "http", "command", "code")
#: Those whose address is the one that the request goes to, and not what a log or a program makes of it.
_WITH_ADDRESS = ("curl", "powershell", "fetch", "har", "http", "command", "postman")
_PATH = "messaging/consumer/conversation"
_AFTER_ACCOUNT = re.compile(r"/api/account/[^/?]+/([\w/.-]+)(?:\?([^#]*))?(?:#.*)?")
_VALUE = re.compile(r"[\w.]*")


def call_complaints(
    kind: str, method: str | None, url: str, headers: Mapping[str, str]
) -> Iterator[Complaint]:
    """What of a call the service refuses; the path says what it is about: method, address, v or a header.

    *headers* are by their names in small letters. What the text does not say is not judged.

    Example:
        >>> url = "https://example.com/api/account/1/messaging/consumer/conversation?v=2"
        >>> [complaint.sentence for complaint in call_complaints("curl", "PUT", url, {})]
        ['The method is PUT; CONVERSATION takes POST.', 'v in the address must be 3; got 2.']
    """
    match = _AFTER_ACCOUNT.search(url)
    path = match[1] if match and match.end() == len(url) else None
    if path is not None and path != _PATH and kind in _WITH_ADDRESS:
        if path == f"{_PATH}/send":
            yield Complaint("v", "The address is SEND's, which takes one frame; leave out /send.")
        else:
            yield Complaint("address", f"There is nothing at .../{path[:80]}; the path is .../{_PATH}?v=3.")
    if method is not None and re.fullmatch(r"\w+", method) and method.upper() != "POST":
        yield Complaint("method", f"The method is {method[:20]}; CONVERSATION takes POST.")
    query = parse_qs(match[2] or "", keep_blank_values=True) if match else {}
    versions = [
        value for value in query.get("v", ()) if _VALUE.fullmatch(value) and value not in ("3", "3.0")
    ]
    if versions:
        yield Complaint("v", f"v in the address must be 3; got {versions[0][:20] or 'nothing'}.")
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if re.fullmatch(r"[\w.+-]+/[\w.+-]+", media) and not re.search(r"^application/json$|\+json$", media):
        yield Complaint("Content-Type", f"Content-Type must be application/json; got {media[:80]}.")


def missing_parts(kind: str, url: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """The headers that a list of *headers* lacks, and "v" without a version; none that a variable may have.

    Example:
        >>> missing_parts("curl", "https://example.com/api/account/1/messaging/consumer/conversation",
        ...               {"authorization": "x", "content-type": "application/json"})
        ('v', 'X-LP-ON-BEHALF')
    """
    match = _AFTER_ACCOUNT.fullmatch(url, re.search("/api/account/|$", url).start())  # type: ignore[union-attr]
    is_bare = kind in _WITH_ADDRESS and match is not None and match[1] == _PATH
    missing = (
        ["v"] if is_bare and "v" not in parse_qs((match and match[2]) or "", keep_blank_values=True) else []
    )
    if kind not in _WITH_HEADERS or not headers or any(re.search(r"[^\w-]", name) for name in headers):
        return tuple(missing)
    names = (*REQUIRED_HEADERS, "Content-Type")
    return (*missing, *(name for name in names if name.lower() not in headers))
