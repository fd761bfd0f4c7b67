"""Uploaded files and their readers, in memory."""

import base64
from dataclasses import dataclass, replace

from lpnb.sandbox.state.event_ledger import Event, LedgerPart
from lpnb.sandbox.state.retention import BoundedDict

_EMPTY_UPLOAD_BYTES = 300


@dataclass(frozen=True, slots=True)
class Upload:
    """One file; ``content`` is None until it was put there."""

    path: str
    account_id: str
    lp_consumer_id: str
    file_type: str
    file_size: int
    content: bytes | None = None
    content_type: str = ""


class Uploads(LedgerPart):
    """Every file still remembered."""

    def forget(self) -> None:
        """Forget every file."""
        self._files: BoundedDict[Upload] = BoundedDict(self._max_entries, self._max_bytes)
        self._readers: dict[str, set[str]] = {}

    def register(self, account_id: str, lp_consumer_id: str, file_type: str, file_size: int) -> str:
        """Expect a file; return the relative path it will have."""
        with self._ledger as ledger:
            name = self._new_digest("upload_registered").hex()
            path = f"/v1/AUTH_async-images/{account_id}/{name}.{file_type.lower()}"
            data = {
                "path": path,
                "account_id": account_id,
                "lp_consumer_id": lp_consumer_id,
                "file_type": file_type,
                "file_size": file_size,
            }
            ledger.record("upload_registered", data)
            return path

    def put(self, path: str, content: bytes, content_type: str) -> None:
        """Keep the bytes of a file that was registered."""
        with self._ledger as ledger:
            data = {
                "path": path,
                "content": base64.b64encode(content).decode(),
                "content_type": content_type,
            }
            ledger.record("upload_stored", data)

    def get(self, path: str) -> Upload | None:
        """The upload with this relative path, or None."""
        return self._files.get(path)

    def may_read(self, lp_consumer_id: str, upload: Upload) -> bool:
        """Whether a consumer has uploaded this file, or it was published to that one."""
        return lp_consumer_id == upload.lp_consumer_id or lp_consumer_id in self._readers.get(upload.path, ())

    def grant_reader(self, path: object, lp_consumer_id: str) -> None:
        """Somebody else published a file in this consumer's conversation."""
        if isinstance(path, str) and self._files.get(path) is not None:
            readers = self._readers.setdefault(path, set())
            if lp_consumer_id not in readers:
                readers.add(lp_consumer_id)
                self._forget_readers(self._files.add_weight(path, 100 + len(lp_consumer_id)))

    def _forget_readers(self, uploads: list[Upload]) -> None:
        for upload in uploads:
            self._readers.pop(upload.path, None)

    def apply(self, event: Event) -> None:
        """Apply one of the file store's events."""
        data = event.data
        path = data["path"]
        if event.kind == "upload_registered":
            new_upload = Upload(
                path, data["account_id"], data["lp_consumer_id"], data["file_type"], data["file_size"]
            )
            self._forget_readers(self._files.put(path, new_upload, _EMPTY_UPLOAD_BYTES))
            return
        upload = self._files.get(path)
        if upload is not None:
            content = base64.b64decode(data["content"])
            complete_upload = replace(upload, content=content, content_type=data["content_type"])
            self._forget_readers(self._files.put(path, complete_upload, _EMPTY_UPLOAD_BYTES + len(content)))


KINDS = frozenset({"upload_registered", "upload_stored"})
