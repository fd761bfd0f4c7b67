"""Tells by its form what kind of text a request stands in, and whether a program posts it as a form."""

from __future__ import annotations

import re

from lpnb.snippets.parsed_request import Kind

#: What programs write requests as, besides what is read by a reader of its own.
_TEXT_KINDS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (
        re.compile(r"__export_format|insomnia\.(?:rest|desktop)|(?m:^meta \{\s*$)|\"bruno|\"openapi\""),
        "export",
    ),
    (
        re.compile(
            r"\baxios\b|XMLHttpRequest|requests\.(?:post|put|patch|request|Session)|httpx\.|\burllib|http\.client"
            r"|RequestBody\.create|HttpRequest|HttpClient|curl_setopt|http\.NewRequest|RestClient|Net::HTTP"
        ),
        "code",
    ),
)


def text_kind(text: str) -> Kind:
    """What a text is in which a request was found: code, an export, or otherwise a log.

    Example:
        >>> text_kind("axios.post(url, [{}])"), text_kind("POST /x -> 400 [{}]")
        ('code', 'log')
    """
    return next((kind for pattern, kind in _TEXT_KINDS if pattern.search(text[:20_000])), "log")


#: What Python's clients take as fields of a form: a list or dict itself, or by its name.
_DATA = re.compile(r"[(,]\s*data\s*=\s*(?:[\[{]|(\w+)\s*[,)])")


def posts_form(text: str) -> bool:
    """Whether code gives a list or dict as ``data=`` to requests or httpx.

    Example:
        >>> posts_form("requests.post(u, data={})"), posts_form("requests.post(u, data=json.dumps(p))")
        (True, False)
    """
    match = _DATA.search(text) if "requests." in text or "httpx." in text else None
    return match is not None and (
        match[1] is None or re.search(rf"(?m)^[ \t]*{match[1]}\s*=\s*[\[{{]", text) is not None
    )
