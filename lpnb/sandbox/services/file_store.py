"""The file store (``swift``): signed upload and download URLs, and the files behind them.

How the signature is made is the store's own affair: clients send it back as it was. Only an upload
that was answered 201 can be published (see `Rules.check_files`).
"""

import hashlib
import hmac
from typing import Any

from lpnb.sandbox.choices import one_of
from lpnb.sandbox.http.messages import Answer, Request, error_answer, media_type
from lpnb.sandbox.service_context import Cloud
from lpnb.sandbox.services.event_rules import FILE_TYPES, MAX_FILE_BYTES
from lpnb.sandbox.tokens import Consumer

URL_SECONDS = 60
_MEDIA = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif"}


def upload_url(cloud: Cloud, consumer: Consumer, body: dict[str, Any]) -> dict[str, Any] | str:
    """Where to PUT a file of this size and type; a sentence when there can be no such file."""
    size, kind = body.get("fileSize"), body.get("fileType")
    # A string on the pages; clients have it as a number.
    digits = str(size) if isinstance(size, str | int) and not isinstance(size, bool) else ""
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 12:
        return "fileSize must be the number of bytes, such as '48213'."
    if int(digits) > MAX_FILE_BYTES:
        return f"fileSize must be at most {MAX_FILE_BYTES} bytes (3 MB)."
    if not isinstance(kind, str) or kind.upper() not in FILE_TYPES:
        return one_of("fileType", kind, FILE_TYPES)
    path = cloud.state.uploads.register(
        consumer.account_id, consumer.lp_consumer_id, kind.upper(), int(digits)
    )
    return _signed_url(cloud, "PUT", path)


def download_url(cloud: Cloud, consumer: Consumer, body: dict[str, Any]) -> dict[str, Any] | str:
    """Where to GET a stored file; a sentence when there is none."""
    path = body.get("relativePath")
    upload = cloud.state.uploads.get(path) if isinstance(path, str) else None
    if upload is None or upload.content is None or upload.account_id != consumer.account_id:
        return "relativePath names no stored file."
    if not (cloud.rules.files_of_others or cloud.state.uploads.may_read(consumer.lp_consumer_id, upload)):
        return (
            "relativePath names a file of another consumer, and nobody published it to this one. "
            "(The sandbox's own strictness: files_of_others=False.)"
        )
    return _signed_url(cloud, "GET", upload.path)


def answer_put(cloud: Cloud, request: Request) -> Answer:
    """201 when the bytes are stored, 401 when the signature is wrong or too old (documented)."""
    if refusal := _refuse(cloud, "PUT", request):
        return refusal
    upload = cloud.state.uploads.get(request.path)
    if upload is None:
        return error_answer(404, "The upload that this URL was made for has been forgotten; ask for another.")
    if len(request.body) > MAX_FILE_BYTES:
        return error_answer(413, f"The file is larger than {MAX_FILE_BYTES} bytes (3 MB).")
    cloud.state.uploads.put(upload.path, request.body, media_type(request))
    return Answer(201, b"", content_type="text/html; charset=UTF-8")


def answer_get(cloud: Cloud, request: Request) -> Answer:
    """200 with the bytes, 401 when the signature is wrong or too old."""
    if refusal := _refuse(cloud, "GET", request):
        return refusal
    upload = cloud.state.uploads.get(request.path)
    if upload is None or upload.content is None:
        return error_answer(404, "There is no file at this path.")
    # The type that was registered, never the uploader's: a browser must not be made to run it.
    kind = _MEDIA[upload.file_type.lower()]
    return Answer(200, upload.content, content_type=kind)


def _signed_url(cloud: Cloud, method: str, path: str) -> dict[str, Any]:
    expires = str(int(cloud.now) + URL_SECONDS)
    query = {"temp_url_sig": _signature(cloud, method, path, expires), "temp_url_expires": expires}
    return {"relativePath": path, "queryParams": query}


def _refuse(cloud: Cloud, method: str, request: Request) -> Answer | None:
    signature = (request.query_values("temp_url_sig") or [""])[0]
    expires = (request.query_values("temp_url_expires") or [""])[0]
    expected_signature = _signature(cloud, method, request.path, expires)
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), expected_signature.encode()):
        return error_answer(
            401, f"The signature is not the one for {method} and this path. Ask for a URL with SEND."
        )
    if cloud.now >= int(expires):
        return error_answer(401, f"The URL was good for {URL_SECONDS} seconds. Ask for another with SEND.")
    return None


def _signature(cloud: Cloud, method: str, path: str, expires: str) -> str:
    message = f"{method}\n{expires}\n{path}".encode("utf-8", "replace")
    return hmac.new(cloud.file_key, message, hashlib.sha256).hexdigest()
