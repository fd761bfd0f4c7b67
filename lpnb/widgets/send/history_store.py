"""``HistoryStore``: an explorer's form and sends in a folder that its owner alone can read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lpnb._internal.json_codec import JsonError, json_text, read_json
from lpnb._internal.writer_lock import FileLock, is_locked

#: Where form and sends are kept once somebody has ticked it, in the folder that the notebook runs in.
DEFAULT_HISTORY = "lpnb-history"
#: What is older is deleted when an explorer is opened.
MAX_AGE = timedelta(days=30)
_SENDS, _FORM, _IGNORE = "sends.jsonl", "form.json", ".gitignore"
_UNDER_WAY, _LOCK = "under-way-*.json", ".lock"


class HistoryStore:
    """Records of sends, a line each, and the form beside them. A later line replaces one of the same key.

    A record is a dict with ``key`` and ``at`` (ISO 8601, UTC); a line that was cut short is left out.

    Args:
        folder: It is made, for its owner alone, by ``start``.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = HistoryStore(Path(folder, "kept"))
        ...     store.start()
        ...     store.add({"key": "a", "at": "2999-01-01T00:00:00+00:00", "consumer_id": "anna"})
        ...     [record["consumer_id"] for record in store.records()]
        ['anna']
    """

    def __init__(self, folder: str | Path = DEFAULT_HISTORY) -> None:
        self.folder = Path(folder)
        self._locks: dict[str, FileLock] = {}

    @property
    def is_on(self) -> bool:
        """Whether somebody has ticked it here before."""
        return (self.folder / _SENDS).is_file()

    def start(self) -> None:
        """Make the folder and its files, out of sight of version control."""
        self._make_folder()
        self._write(_SENDS, "", os.O_APPEND)

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self._write(_IGNORE, "*\n")

    def begin(self, record: Mapping[str, Any], *, is_kept: bool) -> None:
        """Write that a send is under way: among those that are kept, or else only until ``end``.

        As long as this process lives, no other explorer takes it for a send whose end nobody saw.
        """
        self._make_folder()
        mark = self._mark(record["key"])
        try:
            self._locks[record["key"]] = FileLock(mark)
        finally:
            if is_kept:
                self.add(record)
            else:
                self._write(mark.name, json_text(dict(record)))

    def end(self, key: str) -> None:
        """The send has ended: nothing is left of ``begin`` but its record, where records are kept."""
        if (lock := self._locks.pop(key, None)) is not None:
            lock.close()
        self._remove(self._mark(key))
        if not self.is_on and not any(self.folder.glob(f"{_UNDER_WAY}*")):
            self.forget()

    def _mark(self, key: str) -> Path:
        return self.folder / _UNDER_WAY.replace("*", key)

    def _remove(self, mark: Path) -> None:
        """Delete *mark* and its lock, unless its send is under way."""
        if not is_locked(mark):
            for path in (mark, mark.with_name(mark.name + _LOCK)):
                path.unlink(missing_ok=True)

    def _marks(self) -> list[Path]:
        names = {path.name.removesuffix(_LOCK) for path in self.folder.glob(f"{_UNDER_WAY}*")}
        return [self.folder / name for name in sorted(names)]

    def add(self, record: Mapping[str, Any]) -> None:
        """Write *record* behind the others."""
        self._write(_SENDS, json_text(dict(record)) + "\n", os.O_APPEND)

    def records(self) -> list[dict[str, Any]]:
        """The latest of each key that is not too old, in the order of their first lines.

        What is too old is taken out of the file as well. What is under way is left to the explorer it is of.
        """
        path = self.folder / _SENDS
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        latest = {record["key"]: record for record in map(_record, lines) if record is not None}
        oldest = (datetime.now(UTC) - MAX_AGE).isoformat()
        young = [record for record in latest.values() if record["at"] >= oldest]
        open_marks = {mark for mark in self._marks() if is_locked(mark)}
        if len(young) < len(lines) and not open_marks:
            self._replace(_SENDS, "".join(json_text(record) + "\n" for record in young))
        for mark in self._marks():
            record = _record(mark.read_text(encoding="utf-8", errors="replace")) if mark.exists() else None
            if record is None or record["at"] < oldest:
                self._remove(mark)
            elif record["key"] not in latest:
                young.append(record)
        return [record for record in young if self._mark(record["key"]) not in open_marks]

    def save_form(self, form: Mapping[str, Any]) -> None:
        """Keep what the form holds now, in place of what it held before."""
        self._replace(_FORM, json.dumps(form, ensure_ascii=True))

    def form(self) -> dict[str, Any] | None:
        """What the form held last; None where nothing readable was kept, or it is too old."""
        path = self.folder / _FORM
        try:
            age = datetime.now(UTC) - datetime.fromtimestamp(path.stat().st_mtime, UTC)
            form = read_json(path.read_bytes()) if age < MAX_AGE else None
        except (OSError, JsonError):
            return None
        return form if isinstance(form, dict) else None

    def forget(self) -> None:
        """Delete everything that was kept."""
        for mark in self._marks():
            self._remove(mark)
        open_marks = self._marks()
        for name in (_FORM, _SENDS, *([] if open_marks else [_IGNORE])):
            (self.folder / name).unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _replace(self, name: str, text: str) -> None:
        self._write(f"{name}.new", text, os.O_TRUNC)
        (self.folder / f"{name}.new").replace(self.folder / name)

    def _write(self, name: str, text: str, mode: int = os.O_TRUNC) -> None:
        handle = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | mode, 0o600)
        with os.fdopen(handle, "ab" if mode == os.O_APPEND else "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))


def _record(line: str) -> dict[str, Any] | None:
    try:
        record = read_json(line)
    except JsonError:
        return None
    is_whole = isinstance(record, dict) and all(isinstance(record.get(name), str) for name in ("key", "at"))
    return record if is_whole else None
