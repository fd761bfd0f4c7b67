"""A request as text in other tools' words, and back.

``as_python``, ``as_httpx``, ``as_curl``, ``as_http_file`` and ``as_postman`` write one that opens the same
conversation; the account, the client id and the secret come from the environment or from variables, and no
text holds their values. ``read_request`` reads what others have written. Nothing here sends or runs anything.
"""

from __future__ import annotations

from lpnb.snippets.parse import read_request
from lpnb.snippets.parsed_request import ParsedRequest
from lpnb.snippets.write_curl import as_curl
from lpnb.snippets.write_http_file import as_http_file
from lpnb.snippets.write_postman import Postman, as_postman
from lpnb.snippets.write_python import as_httpx, as_python

__all__ = [
    "ParsedRequest",
    "Postman",
    "as_curl",
    "as_http_file",
    "as_httpx",
    "as_postman",
    "as_python",
    "read_request",
]
