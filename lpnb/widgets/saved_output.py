"""Static HTML of a panel in a second notebook output, kept up to date for reading without a kernel."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from lpnb._internal import event_loop

#: Seconds without a change after which the output is written anew.
_UPDATE_DELAY = 1.5


class SavedOutput:
    """The output beside a panel.

    Args:
        render: Makes the HTML and the plain text of it.
    """

    def __init__(self, render: Callable[[], tuple[str, str]]) -> None:
        self._render = render
        self._id = f"lpnb-kept-{uuid.uuid4().hex[:12]}"
        self._is_shown = False
        self._last_html = ""
        self._timer: Any = None

    @property
    def css(self) -> str:
        """The rule by which the live panel hides the output."""
        return f".{self._id}{{display:none}}"

    def show(self) -> None:
        """Write the output for the first time, into the cell that runs."""
        from IPython import get_ipython
        from IPython.display import display

        if getattr(get_ipython(), "kernel", None) is None:
            return  # a terminal has no outputs to come back to
        self._is_shown = True
        display(self._bundle(), raw=True, display_id=self._id)  # type: ignore[no-untyped-call]  # IPython has no types

    def update_soon(self) -> None:
        """Write it anew once nothing has changed for a moment."""
        if self._is_shown:
            event_loop.loop().call_soon_threadsafe(self._restart_timer)

    def update(self) -> None:
        """Write it anew, if it says something else by now."""
        if not self._is_shown:
            return
        from IPython.display import update_display

        previous, bundle = self._last_html, self._bundle()
        if self._last_html != previous:
            update_display(bundle, raw=True, display_id=self._id)  # type: ignore[no-untyped-call]  # as above

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = event_loop.loop().call_later(_UPDATE_DELAY, self.update)

    def _bundle(self) -> dict[str, str]:
        html, text = self._render()
        self._last_html = html
        return {"text/html": f'<div class="{self._id}">{html}</div>', "text/plain": text}
