"""``HistoryStore``: an explorer's form and sends in a folder that its owner alone can read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lpnb._internal.json_codec import JsonError, json_text, read_json

#: Where form and sends are kept once somebody has ticked it, in the folder that the notebook runs in.
DEFAULT_HISTORY = "lpnb-history"
#: What is older is deleted when an explorer is opened.
MAX_AGE = timedelta(days=30)
_SENDS, _FORM, _IGNORE = "sends.jsonl", "form.json", ".gitignore"
_UNDER_WAY = "under-way-*.json"


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

    def mark(self, record: Mapping[str, Any]) -> None:
        """Write that a send is under way, whether or not anything else is kept. *record* holds no values."""
        self._make_folder()
        self._write(_UNDER_WAY.replace("*", record["key"]), json_text(dict(record)))

    def unmark(self, key: str) -> None:
        """The send has ended: nothing is left of ``mark``."""
        (self.folder / _UNDER_WAY.replace("*", key)).unlink(missing_ok=True)
        if not self.is_on and not self._marks():
            self.forget()

    def _marks(self) -> list[Path]:
        return sorted(self.folder.glob(_UNDER_WAY))

    def add(self, record: Mapping[str, Any]) -> None:
        """Write *record* behind the others."""
        self._write(_SENDS, json_text(dict(record)) + "\n", os.O_APPEND)

    def records(self) -> list[dict[str, Any]]:
        """The latest of each key that is not too old, in the order of their first lines.

        What is too old is taken out of the file as well.
        """
        path = self.folder / _SENDS
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
        latest = {record["key"]: record for record in map(_record, lines) if record is not None}
        oldest = (datetime.now(UTC) - MAX_AGE).isoformat()
        young = [record for record in latest.values() if record["at"] >= oldest]
        if len(young) < len(lines):
            self._replace(_SENDS, "".join(json_text(record) + "\n" for record in young))
        for mark in self._marks():
            record = _record(mark.read_text(encoding="utf-8", errors="replace"))
            if record is None or record["at"] < oldest:
                self.unmark(mark.stem.removeprefix(_UNDER_WAY.split("*", maxsplit=1)[0]))
            elif record["key"] not in latest:
                young.append(record)
        return young

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
        for path in (*(self.folder / name for name in (_FORM, _SENDS, _IGNORE)), *self._marks()):
            path.unlink(missing_ok=True)
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
