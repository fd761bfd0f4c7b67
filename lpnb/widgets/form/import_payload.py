"""Import a payload into the form from a file or pasted text, whatever the request is written as."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as ipw

from lpnb._internal.json_codec import clean, json_in
from lpnb._internal.redaction import MASK, scrub
from lpnb.diagnostics.explain import explain, explanation_of
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.conversation_request import ClientProperties
from lpnb.snippets import ParsedRequest, read_request
from lpnb.snippets.parse import decode_text
from lpnb.widgets import html_views
from lpnb.widgets.form.batch_form import BatchForm
from lpnb.widgets.styles import WidgetFactory

#: So many requests of one text are offered; nobody reads more buttons.
_MAX_BUTTONS = 20
_MAX_NOTES = 5
#: What follows the names of the headers that carry tokens, up to the end of the quoted text or the line.
_TOKEN_HEADER = re.compile(
    r"((?:Authorization|X-LP-on-behalf)\^?[\"']?\s*(?:[:=]|,\s*\"value\"\s*:)\s*[\"']?)[^\"'\r\n]+",
    re.IGNORECASE,
)


class ImportPanel:
    """A file chooser, a box to paste into, and a button for each request found.

    Args:
        batch_form: What a request is loaded into.
        factory: The panel's layouts.
        run_action: Runs a button's work and says what goes wrong with it.
        on_done: Called with what there is to say once something was loaded.
    """

    def __init__(
        self,
        batch_form: BatchForm,
        factory: WidgetFactory,
        run_action: Callable[[Callable[[], None]], None],
        on_done: Callable[[str], None],
    ) -> None:
        self._batch_form, self._factory, self._run_action, self._on_done = (
            batch_form,
            factory,
            run_action,
            on_done,
        )
        self.upload = ipw.FileUpload(
            accept=".json,.txt,.sh,.har,.http,.log,.ps1", description="Choose a file", layout=factory.plain
        )
        self.pasted_text = ipw.Textarea(
            description="Pasted text", placeholder="Frames, curl, fetch(), HAR, Postman, a log line",
            rows=6, layout=factory.plain, style=factory.text, continuous_update=False,
        )  # fmt: skip
        self.upload.observe(self._on_upload, names="value")
        self._request_buttons = factory.box([], "lpnb-cards")
        import_button = factory.button(
            "Load the pasted text",
            lambda _: run_action(lambda: self.import_text(self.pasted_text.value)),
            "lpnb-more",
        )
        self.box = factory.vbox(
            [self.upload, self.pasted_text, import_button, self._request_buttons], "lpnb-group"
        )

    def import_text(self, text: str) -> None:
        """Load the request in *text*; where there are several, the first, and offer the others.

        Raises:
            InvalidValueError: There is none, with all that is wrong.
        """
        parsed = read_request(text)
        if parsed.frames is None:
            # It stays to be put right, but without what should not lie about in a notebook.
            self.pasted_text.value = _TOKEN_HEADER.sub(rf"\1{MASK}", scrub(self.pasted_text.value))
            if parsed.reply is None:
                raise InvalidValueError(parsed.complaints)
            answer = explain(text)
            sentences = [answer.description, *(one.sentence for one in answer.findings), answer.answer]
            raise InvalidValueError([Complaint("text", " ".join(filter(None, sentences)))])
        requests = [parsed, *parsed.more]
        self.load_request(requests)
        self.pasted_text.value = ""  # it may hold what should not lie about
        self._request_buttons.children = [
            self._factory.button(
                clean(
                    f"Request {number}"
                    + (f" · {html_views.shortened(each.consumer_id, 40)}" if each.consumer_id else "")
                ),
                lambda _, place=number - 1: self._run_action(lambda: self.load_request(requests, place)),
                "lpnb-card",
            )
            for number, each in enumerate(requests[:_MAX_BUTTONS], 1)
            if len(requests) > 1
        ]

    def load_request(self, requests: Sequence[ParsedRequest], place: int = 0) -> None:
        """Load one of the *requests*: frames, header, consumer where it names one, findings at the fields."""
        parsed, total = requests[place], len(requests)
        properties = None
        if parsed.client_properties:
            header = json_in(parsed.client_properties)
            if isinstance(header, dict):
                properties = ClientProperties.from_wire(header, path="Client-Properties", unknown="keep")
        self._batch_form.load(parsed.frames, unknown="keep", client_properties=properties)
        words = ["Loaded. Request ids are made fresh."]
        if parsed.consumer_id:
            self._batch_form.consumer_id.value = parsed.consumer_id
        else:
            words.append("The consumer id is unchanged.")
        if total > 1:
            words.append(f"There are {total} requests in it: choose below.")
        explanation = explanation_of(requests, place)
        findings = [Complaint(one.path, one.sentence) for one in explanation.findings]
        self._batch_form.show_findings([one for one in findings if one.path])
        if parsed.reply is not None:
            words += ["The answer in it:", *(one.sentence for one in findings if not one.path)]
            words.append(explanation.answer)
        words += [note for note in parsed.notes if not note.startswith("The request ids")][:_MAX_NOTES]
        words += [
            complaint.sentence
            for complaint in parsed.complaints
            if complaint.path in ("text", "Authorization", "X-LP-ON-BEHALF")
            or complaint.kind in ("left out", "incomplete", "placeholder")
        ]
        self._on_done(" ".join(filter(None, words)))

    def _on_upload(self, change: dict[str, Any]) -> None:
        if change["new"]:
            content = bytes(change["new"][0]["content"])
            self.upload.value = ()
            self._run_action(lambda: self.import_text(decode_text(content)))
