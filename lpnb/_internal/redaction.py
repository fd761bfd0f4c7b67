"""Redaction: ``Secret`` values that mask themselves, and scrubbing of secrets from text, bytes and logs.

``Secret`` masks itself wherever Python turns an object into text or bytes. ``scrub`` takes known
secrets out of text that came from elsewhere. The log filter does the same for the HTTP libraries'
own loggers. Nothing here decides who may get a secret; that is ``api.trusted_hosts``' business.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "********"
_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{2,}\.[A-Za-z0-9_-]*")
_FORM_SECRET = re.compile(r"(client_secret=)[^&\s'\"]+")


class Secret:
    """A text that masks itself in repr, str, format, JSON, pickle, copy and HTML.

    Only ``reveal()`` gives the value, and only lpnb's own request building calls it. The value sits in
    a closure, not in an attribute, so that verbose tracebacks, which evaluate attributes, find nothing.

    Example:
        >>> token = Secret("s3cret")
        >>> print(token, repr(token), f"{token:>10}")
        ******** Secret('********')   ********
        >>> token.reveal()
        's3cret'
    """

    __slots__ = ("_read",)
    _read: Callable[[], str]

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            kind = type(value).__name__
            del value
            raise TypeError(f"a secret is text, not {kind}")
        object.__setattr__(self, "_read", lambda: value)

    def reveal(self) -> str:
        """Give the value. Keep it out of variables of functions that may raise."""
        return self._read()

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Secret does not change")

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def _repr_html_(self) -> str:
        return MASK

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": MASK}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.reveal().encode("utf-8"), other.reveal().encode("utf-8"))

    def __hash__(self) -> int:
        return hash((Secret, self.reveal()))

    def __bool__(self) -> bool:
        return bool(self.reveal())

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memo: object) -> Secret:
        return self

    def __reduce_ex__(self, _protocol: object) -> tuple[Any, ...]:
        # A pickle may end up on disk or in another process's log: only the mask travels.
        return (_lost, ())


#: In place of a secret that is not there.
NO_SECRET = Secret("")


def _lost() -> Secret:
    """What is left of a secret that was pickled: it shows the same mask, and has no value to give."""
    lost = Secret(MASK)

    def read() -> str:
        raise RuntimeError("This secret was pickled, and a pickle holds no secret. Load the settings again.")

    object.__setattr__(lost, "_read", read)
    return lost


def scrub(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Replace the given *secrets*, and anything shaped like a token, in *text*.

    Example:
        >>> scrub("refused: client_secret=abc&x=1 for hunter2", [Secret("hunter2")])
        'refused: client_secret=********&x=1 for ********'
    """
    for secret in secrets:
        value = secret.reveal()
        for form in {value, quote(value, safe=""), quote_plus(value)}:
            if form:
                text = text.replace(form, MASK)
    return _FORM_SECRET.sub(rf"\1{MASK}", _TOKEN.sub(MASK, text))


def scrub_bytes(content: bytes, secrets: Iterable[Secret]) -> bytes:
    """Take the given *secrets* out of raw reply bytes, which are otherwise kept as they came."""
    for secret in secrets:
        value = secret.reveal().encode("utf-8")
        if value and value in content:
            content = content.replace(value, MASK.encode("ascii"))
    return content


class TokenFilter(logging.Filter):
    """Masks tokens and form secrets in log records: the text, its arguments, the traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record if it holds a secret; never drop it, never fail its caller."""
        try:
            text = record.getMessage()
        except Exception:
            return True  # logging itself complains about arguments that do not fit
        # httpcore logs a reply's headers whole, and a service may echo a secret in one.
        clean = scrub(text.partition(" return_value=")[0] if record.name.startswith("httpcore.") else text)
        if clean != text:
            record.msg, record.args = clean, None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = scrub(record.exc_text)
        return True


# A logger's filter sees only what is logged on that very logger, so each one is named.
_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.proxy",
    "asyncio",
)


def guard_logs() -> None:
    """Put the filter on the loggers of the HTTP libraries. Calling it again changes nothing."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(existing, TokenFilter) for existing in logger.filters):
            logger.addFilter(TokenFilter())
