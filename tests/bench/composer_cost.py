"""What opening composer and explorer costs beside a bare form with as many fields; it asserts nothing.

    python tests/bench/composer_cost.py

Each row is measured in the same run: milliseconds of processor time to build (best of many), how many
widgets there are, how many comm messages left for the page and how many bytes they hold.
"""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from typing import Any

import comm
import ipywidgets
from comm.base_comm import BaseComm

from lpnb import Client, Composer, Explorer, Sandbox, Settings

SENT: list[int] = []


class CountingComm(BaseComm):
    """A comm that weighs what would go to the page."""

    def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, **_: Any) -> None:
        SENT.append(len(json.dumps({"type": msg_type, "data": data, "metadata": metadata}, default=str)))


def bare_form(fields: int) -> Any:
    """The least that shows *fields* labelled boxes: all share one layout and one style."""
    layout = ipywidgets.Layout(width="auto")
    first = ipywidgets.Text(description="Field 0", placeholder="e.g. John", layout=layout)
    style = first.style
    rest = [
        ipywidgets.Text(description=f"Field {n}", placeholder="e.g. John", layout=layout, style=style)
        for n in range(1, fields)
    ]
    return ipywidgets.VBox([first, *rest], layout=layout)


def measure(build: Callable[[], Any], rounds: int = 30) -> tuple[float, int, int, int]:
    """Best milliseconds of *rounds*, then widgets, messages and bytes of one."""
    best = float("inf")
    for _ in range(rounds):
        SENT.clear()
        gc.collect()
        begun = time.process_time()
        made = build()
        best = min(best, (time.process_time() - begun) * 1000)
        opened = len(ipywidgets.widgets.widget._instances)
        messages, size = len(SENT), sum(SENT)
        ipywidgets.Widget.close_all()
        del made
    return best, opened, messages, size


def all_open(client: Client) -> Composer:
    """A composer with every fold opened, so that every field has its widget."""
    composer = Composer(client)
    for fold in composer.batch_form.collapsible_sections.values():
        fold.show(True)
    return composer


def main() -> None:
    """Measure and print."""
    comm.create_comm = CountingComm
    with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        fields = len(Composer(client).fields) + 2  # the consumer's id, and the search for a field
        ipywidgets.Widget.close_all()
        rows = {
            f"bare form, {fields} fields": measure(lambda: bare_form(fields)),
            "explorer as it opens": measure(lambda: Explorer(client)),
            "composer as it opens": measure(lambda: Composer(client)),
            "composer, all folds open": measure(lambda: all_open(client)),
        }
    base = next(iter(rows.values()))
    print(f"{'':28}{'ms':>8}{'widgets':>10}{'messages':>10}{'bytes':>10}   to the bare form")
    for name, row in rows.items():
        ratios = "  ".join(f"{value / of:.2f}" for value, of in zip(row, base, strict=True))
        print(f"{name:28}{row[0]:8.1f}{row[1]:10}{row[2]:10}{row[3]:10,}   {ratios}")


if __name__ == "__main__":
    main()
