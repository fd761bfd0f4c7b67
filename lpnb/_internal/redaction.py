"""Redaction: ``Secret`` values that mask themselves, and scrubbing of secrets from text, bytes and logs.

``Secret`` masks itself wherever Python turns an object into text or bytes. ``scrub`` takes known
secrets out of text that came from elsewhere. The log filter does the same for the HTTP libraries'
own loggers. Nothing here decides who may get a secret; that is ``api.trusted_hosts``' business.
"""

from __future__ import annotations

import hmac
import logging
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

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

    __slots__ = ("_dresses", "_read", "size")
    _read: Callable[[], str]
    size: int
    """How many characters it has."""
    _dresses: Callable[[], Dresses]

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            kind = type(value).__name__
            del value
            raise TypeError(f"a secret is text, not {kind}")
        object.__setattr__(self, "_read", lambda: value)
        object.__setattr__(self, "size", len(value))

    def dresses(self) -> Dresses:
        """How the value may be written in a text, worked out at the first question."""
        try:
            return self._dresses()
        except AttributeError:
            dresses = Dresses(self._read())
            object.__setattr__(self, "_dresses", lambda: dresses)
            return dresses

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
        return self.size > 0

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
    secret = Secret(MASK)

    def read() -> str:
        raise RuntimeError("This secret was pickled, and a pickle holds no secret. Load the settings again.")

    object.__setattr__(secret, "_read", read)
    return secret


def scrub(text: str, secrets: Iterable[Secret] = ()) -> str:
    """Replace the given *secrets* in every dress, and anything shaped like a token, in *text*.

    A dress is percent-encoding, JSON's escapes, written once or twice, HTML's, each in any mixture, and
    base64 of a text that the secret stands in.

    Example:
        >>> scrub("refused: client_secret=abc&x=1 for hunter2 (aHVudGVyMg==)", [Secret("hunter2")])
        'refused: client_secret=********&x=1 for ******** (********)'
    """
    for secret in secrets:
        if 0 < secret.size <= len(text):  # no dress is shorter
            text = secret.dresses().text.sub(MASK, text)
    return _FORM_SECRET.sub(rf"\1{MASK}", _TOKEN.sub(MASK, text))


def scrub_bytes(content: bytes, secrets: Iterable[Secret]) -> bytes:
    """Take the given *secrets* out of raw reply bytes, in every dress; otherwise they are kept as they came.

    One of fewer than eight letters is left: it would be found in words that are none.
    """
    size = len(content)
    for secret in secrets:
        if _SHORTEST <= secret.size <= size and secret.dresses().may_be_in(content):
            content = secret.dresses().content.sub(MASK.encode("ascii"), content)
    return content


_SHORTEST = 8
#: Beyond it a value is a token, of letters that no dress changes; only base64 does.
_LONGEST_SPELLED = 200
_JSON_NAMES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
_HTML_NAMES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


def scrub_values(value: Any, secrets: Sequence[Secret] = ()) -> Any:
    """A copy of *value* with every text in its lists and objects scrubbed; names of fields stay.

    Example:
        >>> scrub_values({"hunter2": ["by hunter2", 1]}, [Secret("hunter2")])
        {'hunter2': ['by ********', 1]}
    """
    if isinstance(value, Mapping):
        return {name: scrub_values(each, secrets) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [scrub_values(each, secrets) for each in value]
    return scrub(value, secrets) if isinstance(value, str) else value


class Dresses:
    """The ways to write one secret."""

    def __init__(self, value: str) -> None:
        cores = _base64_cores(value)
        urlsafe = [core.translate(str.maketrans("+/", "-_")) for core in cores]
        self._plain = tuple({form.encode("utf-8", "surrogatepass") for form in (value, *cores, *urlsafe)})
        self._with_blank = " " in value
        spelling = "".join(map(_letter, value)) if len(value) <= _LONGEST_SPELLED else re.escape(value)
        ends = "(?:[A-Za-z0-9+/_-]?={1,2})?"
        self._source = "|".join([spelling, *(f"{_spelling_pattern(core)}{ends}" for core in cores)])

    def may_be_in(self, content: bytes) -> bool:
        """Whether one of them can be there; most replies have not even a sign that is used in spelling."""
        if b"\\" in content or b"%" in content or b"&" in content or self._with_blank:
            return True
        for form in self._plain:  # noqa: SIM110 - a generator costs as much as all else here
            if form in content:
                return True
        return False

    @cached_property
    def text(self) -> re.Pattern[str]:
        """Finds any of them in text."""
        return re.compile(self._source)

    @cached_property
    def content(self) -> re.Pattern[bytes]:
        """Finds any of them in bytes of UTF-8."""
        return re.compile(self._source.encode("utf-8", "surrogatepass"))

    def __repr__(self) -> str:
        return f"Dresses({MASK!r})"


def _letter(letter: str) -> str:
    """A pattern of one letter as it stands, in percent-encoding, in JSON and in HTML."""
    code = ord(letter)
    percent = "".join(f"%(?:25)*{byte:02x}" for byte in letter.encode("utf-8", "surrogatepass"))
    units = letter.encode("utf-16-be", "surrogatepass").hex()
    json_escapes = "".join(rf"\\+u{units[place : place + 4]}" for place in range(0, len(units), 4))
    forms = [percent, json_escapes, f"&(?:amp;)*#0*{code};", f"&(?:amp;)*#x0*{code:x};"]
    if name := _HTML_NAMES.get(letter):
        forms.append(f"&(?:amp;)*{name};")
    if letter in _JSON_NAMES:
        forms.append(rf"\\+{_JSON_NAMES[letter]}")
    if letter in '"\\/':
        forms.append(rf"\\+{re.escape(letter)}")
    if letter == " ":
        forms.append(r"\+")
    return f"(?:{re.escape(letter)}|(?i:{'|'.join(forms)}))"


def _spelling_pattern(base64: str) -> str:
    """A pattern of base64, in either alphabet, whose signs may be spelled themselves."""
    signs = {"+": r"(?:[+-]|%2[Bb])", "/": r"(?:\\*/|_|%2[Ff])"}
    return "".join(signs.get(letter, letter) for letter in base64)


def _base64_cores(value: str) -> list[str]:
    """What base64 makes of *value* wherever it stands in a text, by its three places in a group of three."""
    content = value.encode("utf-8", "surrogatepass")
    if len(content) < _SHORTEST - 2:
        return []
    cores = []
    for before in range(3):
        padding = -(before + len(content)) % 3
        base64_text = b64encode(bytes(before) + content + bytes(padding)).decode("ascii")
        # The letters at either end are made of the neighbours' bits as well.
        cores.append(base64_text[(0, 2, 3)[before] : len(base64_text) - (0, 2, 3)[padding]])
    return cores


#: What is an address, a name of a host or of a file, and so no secret.
_PLACE = re.compile(
    r"https?://[^@]*|[a-z0-9*@_-]{0,24}(\.[a-z0-9_-]{0,24})+(:\d*)?(/[a-z0-9/._-]*)?"
    r"|[~.]{0,2}/[\w./ -]*|[A-Za-z]:\\.*|.*\.(pem|crt|cer|key|der)"
)


def unless_secret(value: object) -> str:
    """*value*, quoted for an error message; only its length, where it may be a secret in the wrong place.

    Example:
        >>> unless_secret("12-34"), unless_secret("https://api.example.com/x"), unless_secret("k3Jp-29dkQ/x1")
        ("'12-34'", "'https://api.example.com/x'", '13 characters, not shown')
    """
    text = str(value)
    # Too short to be one, or of too few letters.
    if len(text) < 8 or len(set(text)) < 3 or (_PLACE.fullmatch(text) and not _TOKEN.search(text)):
        return repr(text)
    return f"{len(text):,} characters, not shown"


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
    "httpx2",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.proxy",
    "asyncio",
)


def guard_logs() -> None:
    """Put the filter on the loggers of the HTTP libraries. Calling it again changes nothing."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(existing, TokenFilter) for existing in logger.filters):
            logger.addFilter(TokenFilter())
