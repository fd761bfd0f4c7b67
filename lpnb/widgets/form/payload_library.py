"""Payload templates: personas, documentation examples, sample payloads, and payloads saved to a JSON file."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lpnb._internal.json_codec import JsonError, read_json
from lpnb.errors import LpnbError
from lpnb.models.batches import ConversationBatch
from lpnb.models.conversation_request import ClientProperties
from lpnb.samples.examples import page_examples
from lpnb.samples.files import sample

#: Where payloads are saved when nobody says otherwise, in the folder that the notebook runs in.
DEFAULT_LIBRARY = "lpnb-library.json"


class PayloadLibraryError(LpnbError):
    """The file with the saved payloads cannot be read or written. It is left as it is."""


@dataclass(frozen=True)
class PayloadTemplate:
    """Frames to start from, with a name and a few words.

    ``kind`` is "persona", "example" (of the documentation), "sample" (of the sample data) or "saved".
    """

    kind: str
    name: str
    about: str
    frames: Sequence[Mapping[str, Any]]
    client_properties: ClientProperties | None = None


def built_in_templates() -> list[PayloadTemplate]:
    """The personas, the documentation's own examples, the sample payloads.

    Example:
        >>> [template.name for template in built_in_templates() if template.kind == "example"]
        ['minimal', 'with SDEs', 'with campaign']
    """
    examples = [
        PayloadTemplate("example", name, "From the CONVERSATION page.", frames_without_ids(batch))
        for name, batch in page_examples().items()
    ]
    personas = [
        PayloadTemplate("persona", p["name"], p["about"], p["frames"]) for p in _read(sample("personas.json"))
    ]
    samples = [
        PayloadTemplate("sample", file.stem, "From the sample data.", _read(file))
        for file in sorted(sample("payloads").glob("*.json"))
    ]
    return [*personas, *examples, *samples]


def frames_without_ids(batch: ConversationBatch) -> list[dict[str, Any]]:
    """The frames without what belongs to one send: the ids, and the account's own brandId."""
    return [{k: v for k, v in frame.items() if k not in ("id", "kind")} for frame in batch.to_wire()]


def _saved_template(item: Mapping[str, Any]) -> PayloadTemplate:
    header = item.get("client_properties")
    properties = ClientProperties.from_wire(header, unknown="keep") if isinstance(header, dict) else None
    about = f"Saved {item['saved_at'][:16].replace('T', ' ')} UTC."
    return PayloadTemplate("saved", item["name"], about, item["frames"], properties)


def _read(path: Path) -> Any:
    return read_json(path.read_bytes())


class PayloadLibrary:
    """Saved payloads in one JSON file, which people may read, share and put under version control.

    Args:
        path: The file; it is made with the first payload.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     library = PayloadLibrary(Path(folder, "mine.json"))
        ...     library.save("a VIP", ConversationBatch())
        ...     [template.name for template in library.templates()]
        'a VIP'
        ['a VIP']
    """

    def __init__(self, path: str | Path = DEFAULT_LIBRARY) -> None:
        self.path = Path(path)

    def templates(self) -> list[PayloadTemplate]:
        """What was saved, the newest first.

        Raises:
            PayloadLibraryError: The file is not a library.
        """
        return [_saved_template(item) for item in reversed(self._read())]

    def save(self, name: str, batch: ConversationBatch) -> str:
        """Save *batch* and return the name it got: one that is taken gets a number.

        Raises:
            PayloadLibraryError: The name is blank, or the file cannot be read or written.
        """
        name = name.strip()
        if not name or len(name) > 200:
            raise PayloadLibraryError("A saved payload needs a name of 1 to 200 characters.")
        items = self._read()
        taken_names = {item["name"] for item in items}
        unique_name, number = name, 2
        while unique_name in taken_names:
            unique_name, number = f"{name} ({number})", number + 1
        saved_at = datetime.now(UTC).isoformat(timespec="seconds")
        item: dict[str, Any] = {
            "name": unique_name,
            "saved_at": saved_at,
            "frames": frames_without_ids(batch),
        }
        if batch.client_properties is not None:
            item["client_properties"] = batch.client_properties.to_wire()
        self._write([*items, item])
        return unique_name

    def remove(self, name: str) -> None:
        """Take the payload *name* out of the file.

        Raises:
            PayloadLibraryError: The file cannot be read or written.
        """
        self._write([item for item in self._read() if item["name"] != name])

    def _read(self) -> list[dict[str, Any]]:
        try:
            content = read_json(self.path.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, JsonError) as error:
            raise PayloadLibraryError(f"{self.path} cannot be read: {error}.") from None
        items = content.get("payloads") if isinstance(content, dict) else None
        if not isinstance(items, list) or not all(
            isinstance(i, dict) and isinstance(i.get("frames"), list)
            and isinstance(i.get("name"), str) and isinstance(i.get("saved_at"), str)
            for i in items
        ):  # fmt: skip
            raise PayloadLibraryError(f"{self.path} is not a library of payloads. Nothing was changed in it.")
        return items

    def _write(self, items: list[dict[str, Any]]) -> None:
        text = json.dumps({"payloads": items}, ensure_ascii=False, indent=1)
        try:
            # Whoever reads meanwhile, or is cut short by a crash, finds the old file or the new one.
            handle, temporary_path = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}-")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text + "\n")
            Path(temporary_path).replace(self.path)
        except (OSError, UnicodeEncodeError) as error:
            raise PayloadLibraryError(f"{self.path} cannot be written: {error}.") from None
