"""What cases look like before they are sent: the first payloads, and how many there are in all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lpnb._internal.display import count, esc, pre_html
from lpnb.errors import InvalidValueError

if TYPE_CHECKING:
    from lpnb.experiments.cases.cases import Cases


class Preview:
    """The first payloads of some cases, and the total; text and HTML show the same."""

    def __init__(self, cases: Cases, n: int = 3) -> None:
        self.total = len(cases)
        #: Each case's name with its frames, or with what is wrong with it.
        self.payloads: list[tuple[str, list[dict[str, Any]] | str]] = []
        for number in range(min(max(n, 0), self.total)):
            case = cases[number]
            try:
                frames = case.batch().to_wire("(your account)")
            except InvalidValueError as error:
                self.payloads.append((case.name, str(error)))
                continue
            named = [{**frame, "id": "(made fresh for each send)"} for frame in frames]
            self.payloads.append((case.name, named))

    def __str__(self) -> str:
        shown = [f"{name}\n{_pretty(frames)}" for name, frames in self.payloads]
        return "\n\n".join([self._total, *shown])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        shown = "".join(f"<p>{esc(name)}</p>{pre_html(_pretty(frames))}" for name, frames in self.payloads)
        return f"<p><b>{esc(self._total)}</b></p>{shown}"

    @property
    def _total(self) -> str:
        return (
            f"{count(self.total, 'case')} in all, the first {len(self.payloads):,} as they would be posted:"
        )


def _pretty(frames: object) -> str:
    return frames if isinstance(frames, str) else json.dumps(frames, indent=2, ensure_ascii=False)
