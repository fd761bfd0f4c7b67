"""Import a payload into the form from a file or pasted text: frames, curl, a Postman collection."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ipywidgets as ipw

from lpnb._internal.json_codec import JsonError, clean, read_json
from lpnb._internal.redaction import MASK, scrub
from lpnb.errors import InvalidValueError
from lpnb.models.conversation_request import ClientProperties
from lpnb.snippets import ParsedRequest, read_request
from lpnb.widgets import html_views
from lpnb.widgets.form.batch_form import BatchForm
from lpnb.widgets.styles import WidgetFactory

#: So many requests of one text are offered; nobody reads more buttons.
_OFFERED = 20
#: What follows the names of the headers that carry tokens, up to the end of the quoted text or the line.
_HEADER = re.compile(r"((?:Authorization|X-LP-on-behalf)[\"']?\s*:\s*[\"']?)[^\"'\r\n]+", re.IGNORECASE)


class ImportPanel:
    """A file chooser, a box to paste into, and a button for each request found.

    Args:
        sheet: What a request is loaded into.
        kit: The panel's layouts.
        do: Runs a button's work and says what goes wrong with it.
        done: Called with what there is to say once something was loaded.
    """

    def __init__(
        self,
        sheet: BatchForm,
        kit: WidgetFactory,
        do: Callable[[Callable[[], None]], None],
        done: Callable[[str], None],
    ) -> None:
        self._sheet, self._kit, self._do, self._done = sheet, kit, do, done
        self.upload = ipw.FileUpload(accept=".json,.txt,.sh", description="Choose a file", layout=kit.plain)
        self.pasted = ipw.Textarea(
            description="Pasted text", placeholder="Frames as JSON, a curl command, or a Postman collection",
            rows=6, layout=kit.plain, style=kit.text, continuous_update=False,
        )  # fmt: skip
        self.upload.observe(self._chosen, names="value")
        self._found = kit.box([], "lpnb-cards")
        load = kit.button(
            "Load the pasted text", lambda _: do(lambda: self.read(self.pasted.value)), "lpnb-more"
        )
        self.box = kit.vbox([self.upload, self.pasted, load, self._found], "lpnb-group")

    def read(self, text: str) -> None:
        """Load the request in *text*; where there are several, the first, and offer the others.

        Raises:
            InvalidValueError: There is none, with all that is wrong.
        """
        parsed = read_request(text)
        if parsed.frames is None:
            # It stays to be put right, but without what should not lie about in a notebook.
            self.pasted.value = _HEADER.sub(rf"\1{MASK}", scrub(self.pasted.value))
            raise InvalidValueError(parsed.complaints)
        every = [parsed, *parsed.more]
        self.take(parsed, len(every))
        self.pasted.value = ""  # it may hold what should not lie about
        self._found.children = [
            self._kit.button(
                clean(
                    f"Request {number}"
                    + (f" · {html_views.shortened(each.consumer_id, 40)}" if each.consumer_id else "")
                ),
                lambda _, each=each: self._do(lambda: self.take(each, len(every))),
                "lpnb-card",
            )
            for number, each in enumerate(every[:_OFFERED], 1)
            if len(every) > 1
        ]

    def take(self, parsed: ParsedRequest, of: int = 1) -> None:
        """Load one request: its frames, its header, and its consumer where it names one."""
        properties = None
        if parsed.client_properties:
            try:
                header = read_json(parsed.client_properties)
            except JsonError:
                header = None
            if isinstance(header, dict):
                properties = ClientProperties.from_wire(header, path="Client-Properties", unknown="keep")
        self._sheet.load(parsed.frames, unknown="keep", client_properties=properties)
        words = ["Loaded. Request ids are made fresh."]
        if parsed.consumer_id:
            self._sheet.consumer_id.value = parsed.consumer_id
        else:
            words.append("The consumer id is unchanged.")
        if of > 1:
            words.append(f"There are {of} requests in it: choose below.")
        words += [c.sentence for c in parsed.complaints if "left out" in c.sentence]
        self._done(" ".join(words))

    def _chosen(self, change: dict[str, Any]) -> None:
        if change["new"]:
            content = bytes(change["new"][0]["content"])
            self.upload.value = ()
            self._do(lambda: self.read(content.decode("utf-8-sig", "replace")))
