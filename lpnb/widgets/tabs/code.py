"""The As code tab: the payload as Python, curl, .http file or Postman collection, to be copied."""

from __future__ import annotations

import pprint
from collections.abc import Callable, Mapping
from typing import Any

from lpnb._internal.display import esc
from lpnb.errors import LpnbError
from lpnb.models.batches import ConversationBatch
from lpnb.widgets import html_views
from lpnb.widgets.form.payload_library import frames_without_ids
from lpnb.widgets.styles import WidgetFactory


def cell_code(batch: ConversationBatch, consumer_id: str) -> str:
    """The code of a cell that opens the explorer with this payload in it.

    Example:
        >>> print(cell_code(ConversationBatch(), "consumer-1"))
        import lpnb
        <BLANKLINE>
        explorer = lpnb.Explorer()
        explorer.load(
            [{'type': 'userprofile.SetUserProfile', 'body': {}},
             {'type': 'cm.ConsumerRequestConversation', 'body': {'channelType': 'MESSAGING'}}],
            unknown="keep",
        )
        explorer.consumer_id.value = 'consumer-1'
        explorer
    """
    frames = pprint.pformat(frames_without_ids(batch), width=88, sort_dicts=False)
    indented = frames.replace("\n", "\n    ")
    return (
        "import lpnb\n\nexplorer = lpnb.Explorer()\nexplorer.load(\n"
        f'    {indented},\n    unknown="keep",\n)\n'
        f"explorer.consumer_id.value = {consumer_id!r}\nexplorer"
    )


Writer = Callable[[ConversationBatch, str], str]


class CodeTab:
    """What the form holds, in each of several languages.

    Args:
        factory: The panel's layouts.
        writers: For each kind of code its name and what writes it.
        payload: Returns what the form holds: the batch, or None when it is wrong, and the consumer id.
    """

    def __init__(
        self,
        factory: WidgetFactory,
        writers: Mapping[str, Writer],
        payload: Callable[[], tuple[ConversationBatch | None, str]],
    ) -> None:
        self._writers, self._payload = dict(writers), payload
        self.kind = next(iter(self._writers))
        self._buttons = {
            name: factory.button(name, lambda _, name=name: self.choose(name), "lpnb-tool")
            for name in self._writers
        }
        self.text = ""
        self.code = factory.html("", "lpnb-code")
        self.box = factory.vbox(
            [factory.box(list(self._buttons.values()), "lpnb-tools"), self.code], "lpnb-tab"
        )
        self.refresh()

    def choose(self, name: str) -> None:
        """Show the code of the kind *name*."""
        self.kind = name
        self.refresh()

    def refresh(self) -> None:
        """Write the code anew for what the form holds now."""
        for name, button in self._buttons.items():
            (button.add_class if name == self.kind else button.remove_class)("lpnb-open")
        batch, consumer_id = self._payload()
        if batch is None:
            self.text = ""
            self.code.value = html_views.note_html(
                "", "There is no code for a payload that is wrong. Fix it under Compose."
            )
            return
        try:
            self.text = self._writers[self.kind](batch, consumer_id)
        except Exception as error:  # an exception in a callback would vanish unseen
            self.text = ""
            words = str(error) if isinstance(error, LpnbError) else f"{type(error).__name__}: {error}"
            self.code.value = html_views.note_html("", words)
            return
        self.code.value = (
            f'{html_views.copy_button()}<pre tabindex="0" role="region" aria-label="{esc(self.kind)}">'
            f'<code class="lpnb-whole">{esc(self.text)}</code></pre>'
        )

    @property
    def widgets(self) -> list[Any]:
        """What the tab shows."""
        return [self.box]
