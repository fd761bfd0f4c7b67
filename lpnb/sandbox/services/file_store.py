"""The file store (``swift``): URLs that are signed and good for a minute, and the bytes behind them.

How the signature is made is the store's own affair: clients send it back as it came. An upload that
was answered 201 can be published; one that was not cannot (see `Rules.check_files`).
"""

import hashlib
import hmac
from typing import Any

from lpnb.sandbox.cloud import Cloud
from lpnb.sandbox.http.messages import Answer, Request, media_type, teach
from lpnb.sandbox.services.event_rules import FILE_TYPES, LARGEST_FILE, one_of
from lpnb.sandbox.tokens import Consumer

URL_SECONDS = 60
_MEDIA = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif"}


def upload_url(cloud: Cloud, who: Consumer, body: dict[str, Any]) -> dict[str, Any] | str:
    """Where to PUT a file of this size and type; a sentence when there can be no such file."""
    size, kind = body.get("fileSize"), body.get("fileType")
    # A string on the pages; clients have it as a number.
    digits = str(size) if isinstance(size, str | int) and not isinstance(size, bool) else ""
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 12:
        return "fileSize must be the number of bytes, such as '48213'."
    if int(digits) > LARGEST_FILE:
        return f"fileSize must be at most {LARGEST_FILE} bytes (3 MB)."
    if not isinstance(kind, str) or kind.upper() not in FILE_TYPES:
        return one_of("fileType", kind, FILE_TYPES)
    path = cloud.state.uploads.register(who.account_id, who.lp_consumer_id, kind.upper(), int(digits))
    return _signed(cloud, "PUT", path)


def download_url(cloud: Cloud, who: Consumer, body: dict[str, Any]) -> dict[str, Any] | str:
    """Where to GET a stored file; a sentence when there is none."""
    path = body.get("relativePath")
    found = cloud.state.uploads.get(path) if isinstance(path, str) else None
    if found is None or found.content is None or found.account_id != who.account_id:
        return "relativePath names no stored file."
    if not (cloud.rules.files_of_others or cloud.state.uploads.may_read(who.lp_consumer_id, found)):
        return (
            "relativePath names a file of another consumer, and nobody published it to this one. "
            "(The sandbox's own strictness: files_of_others=False.)"
        )
    return _signed(cloud, "GET", found.path)


def answer_put(cloud: Cloud, request: Request) -> Answer:
    """201 when the bytes are stored, 401 when the signature is wrong or too old (documented)."""
    if refusal := _refuse(cloud, "PUT", request):
        return refusal
    found = cloud.state.uploads.get(request.path)
    if found is None:
        return teach(404, "The upload that this URL was made for has been forgotten; ask for another.")
    if len(request.body) > LARGEST_FILE:
        return teach(413, f"The file is larger than {LARGEST_FILE} bytes (3 MB).")
    cloud.state.uploads.put(found.path, request.body, media_type(request))
    return Answer(201, b"", content_type="text/html; charset=UTF-8")


def answer_get(cloud: Cloud, request: Request) -> Answer:
    """200 with the bytes, 401 when the signature is wrong or too old."""
    if refusal := _refuse(cloud, "GET", request):
        return refusal
    found = cloud.state.uploads.get(request.path)
    if found is None or found.content is None:
        return teach(404, "There is no file at this path.")
    # The type that was registered, never the uploader's: a browser must not be made to run it.
    kind = _MEDIA[found.file_type.lower()]
    return Answer(200, found.content, content_type=kind, headers=(("x-content-type-options", "nosniff"),))


def _signed(cloud: Cloud, method: str, path: str) -> dict[str, Any]:
    expires = str(int(cloud.now) + URL_SECONDS)
    query = {"temp_url_sig": _signature(cloud, method, path, expires), "temp_url_expires": expires}
    return {"relativePath": path, "queryParams": query}


def _refuse(cloud: Cloud, method: str, request: Request) -> Answer | None:
    signature = (request.query_values("temp_url_sig") or [""])[0]
    expires = (request.query_values("temp_url_expires") or [""])[0]
    wanted = _signature(cloud, method, request.path, expires)
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), wanted.encode()):
        return teach(
            401, f"The signature is not the one for {method} and this path. Ask for a URL with SEND."
        )
    if cloud.now >= int(expires):
        return teach(401, f"The URL was good for {URL_SECONDS} seconds. Ask for another with SEND.")
    return None


def _signature(cloud: Cloud, method: str, path: str, expires: str) -> str:
    signed = f"{method}\n{expires}\n{path}".encode("utf-8", "replace")
    return hmac.new(cloud.file_key, signed, hashlib.sha256).hexdigest()
