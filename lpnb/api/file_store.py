"""The file store (``swift``): upload and download of shared files at signed URLs.

No token goes there: the address itself is the permission. Putting and getting the same twice does no harm,
so both are tried again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpnb._internal.display import brief
from lpnb.errors import Complaint, FileStoreError, InvalidValueError, ServiceError
from lpnb.models.responses import BatchResponse
from lpnb.transport.protocol import Exchange, Flow, Request, Sleep
from lpnb.transport.retries import with_retries

#: Bytes of a stored file. Source: the file-sharing page (3 MB).
MAX_FILE_BYTES = 3 << 20
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@%/-]{1,2000}\Z")
_MEDIA = {"JPG": "image/jpeg", "JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif"}
#: How a file of each type begins, so that its name need not be believed.
_SIGNATURES = {b"\xff\xd8\xff": "JPG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF87a": "GIF", b"GIF89a": "GIF"}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Where in the store a file is, and the signature that lets it be put or had, for a minute."""

    relative_path: str
    query: Mapping[str, str] = field(repr=False)


def stored_file_of(response: BatchResponse) -> StoredFile:
    """Read the answer to ``UploadUrl`` or ``DownloadUrl``.

    Raises:
        FileStoreError: It names no place.
    """
    element = response.pairs[0].body if response.pairs else None
    body = element.get("body") if isinstance(element, Mapping) else None
    fields: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    path, query = fields.get("relativePath"), fields.get("queryParams")
    if not (isinstance(path, str) and _PATH.match(path)) or "//" in path or ".." in path:
        raise FileStoreError(
            "The answer names no place in the file store: its relativePath is missing or odd."
        )
    params = query if isinstance(query, Mapping) else {}
    return StoredFile(path, {str(name): str(value) for name, value in params.items()})


def put_file(
    origin: str,
    place: StoredFile,
    content: bytes,
    file_type: str,
    wait: Callable[[float], Sleep | None] = Sleep,
) -> Flow[None]:
    """Put *content* at *place*.

    Raises:
        FileStoreError: The store refused it; 401 when the address has expired.
        ServiceError: The store could not be reached, or kept failing.

    Source: Send API, file sharing.
    """

    def request() -> Request:
        headers = {"Content-Type": _MEDIA.get(file_type, "application/octet-stream")}
        url = f"{origin}{place.relative_path}"
        return Request("PUT", url, params=dict(place.query), headers=headers, content=content)

    exchange = yield from _ask(request, wait)
    if exchange.status not in (200, 201):
        raise _refusal("took no file", exchange)


def get_file(origin: str, place: StoredFile, wait: Callable[[float], Sleep | None] = Sleep) -> Flow[bytes]:
    """Have the file at *place*.

    Raises:
        FileStoreError: The store refused; 401 when the address has expired.
        ServiceError: The store could not be reached, or kept failing.

    Source: Send API, file sharing.
    """

    def request() -> Request:
        url = f"{origin}{place.relative_path}"
        return Request("GET", url, params=dict(place.query), headers={"Accept": "*/*"})

    exchange = yield from _ask(request, wait)
    if exchange.status != 200:
        raise _refusal("gave no file", exchange)
    return exchange.content


def read_file(file: object) -> tuple[bytes, int]:
    """The bytes of *file*, a path or bytes, and how many it has: of one that is too large only the first.

    Raises:
        InvalidValueError: It is neither, or no regular file.
        OSError: It cannot be read.
    """
    if isinstance(file, bytes | bytearray | memoryview):
        return bytes(file), len(file)
    if not isinstance(file, str | os.PathLike) or (isinstance(file, str) and "\0" in file):
        raise InvalidValueError([Complaint("file", f"file must be a path, or bytes; got {brief(file)}.")])
    path = Path(file)
    size = path.stat().st_size
    if not path.is_file():  # a device or a pipe may never end
        raise InvalidValueError([Complaint("file", f"file must be a file; {brief(str(path))} is none.")])
    with path.open("rb") as stream:
        content = stream.read(MAX_FILE_BYTES + 1)
    return content, max(size, len(content))


def file_type_of(content: bytes) -> str | None:
    """The file's type by how it begins, or None when it is none that is taken.

    Example:
        >>> file_type_of(b"GIF89a..."), file_type_of(b"%PDF-1.7")
        ('GIF', None)
    """
    return next((kind for start, kind in _SIGNATURES.items() if content.startswith(start)), None)


def _ask(request: Callable[[], Request], wait: Callable[[float], Sleep | None]) -> Flow[Exchange]:
    try:
        return (yield from with_retries(request, "The file store", wait))
    except FileStoreError:
        raise
    except ServiceError as error:
        raise FileStoreError(str(error)) from None


def _refusal(action: str, exchange: Exchange) -> FileStoreError:
    why = ""
    if exchange.status == 401:
        why = " Its addresses are good for one minute: this one has expired, or its signature is wrong."
    return FileStoreError(
        f"The file store {action}: it answered HTTP {exchange.status}.{why}", exchange.status
    )
