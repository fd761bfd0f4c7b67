"""A preview of cases: the first payloads as they would be posted, and how many there are in all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from lpnb._internal.display import count, esc, pre_html
from lpnb._printable import json_lines, one_line
from lpnb.errors import InvalidValueError

if TYPE_CHECKING:
    from lpnb.models.batches import ConversationBatch


class PreviewedCase(Protocol):
    """What a preview needs of a case."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    def batch(self) -> ConversationBatch:
        """What is sent for it."""
        ...


class Preview:
    """The first payloads of some cases, and the *total*; text and HTML show the same."""

    def __init__(self, cases: Sequence[PreviewedCase], total: int) -> None:
        self.total = total
        #: Each case's name with its frames, or with what is wrong with it.
        self.payloads: list[tuple[str, list[dict[str, Any]] | str]] = []
        for case in cases:
            try:
                frames = case.batch().to_wire("(your account)")
            except InvalidValueError as error:
                self.payloads.append((case.name, str(error)))
                continue
            payload = [{**frame, "id": "(made fresh for each send)"} for frame in frames]
            self.payloads.append((case.name, payload))

    def __str__(self) -> str:
        texts = [f"{one_line(name)}\n{_pretty(frames)}" for name, frames in self.payloads]
        return "\n\n".join([self._total, *texts])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        html = "".join(f"<p>{esc(name)}</p>{pre_html(_pretty(frames))}" for name, frames in self.payloads)
        return f"<p><b>{esc(self._total)}</b></p>{html}"

    @property
    def _total(self) -> str:
        return (
            f"{count(self.total, 'case')} in all, the first {len(self.payloads):,} as they would be posted:"
        )


def _pretty(frames: object) -> str:
    if isinstance(frames, str):
        return frames
    return json_lines(json.dumps(frames, indent=2, ensure_ascii=False))
