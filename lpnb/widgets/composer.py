"""The composer: one panel that fills in a CONVERSATION batch, shows it, sends it and shows what came back.

A thin view. ``ConversationBatch`` says what is wrong, ``advise`` what could be better, the client's engine
sends; how the fields, the pictures and the colours come about is in the modules beside this one.
"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from lpnb import background
from lpnb.advice import Hint, advise
from lpnb.batches import ConversationBatch, RawBatch
from lpnb.client import AsyncClient, Client
from lpnb.connection import connect
from lpnb.connector import check_consumer_id
from lpnb.display import brief
from lpnb.errors import Complaint, InvalidValueError, LpnbError
from lpnb.masking import scrub
from lpnb.payloads import ClientProperties
from lpnb.responses import BatchResponse
from lpnb.widgets import views
from lpnb.widgets.caution import Caution
from lpnb.widgets.forms import HELPED, WHERE, WHO, Fold, Form, Group, at_fields, batch_fields
from lpnb.widgets.styles import Kit, css, shown

if TYPE_CHECKING:
    import pandas as pd

_CONSUMER = "consumer_id"
#: Seconds without a change after which what is shown is what was typed.
SETTLED = 0.25


class Composer(ipw.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A panel that composes, checks and sends one CONVERSATION batch. Show it as a cell's last line.

    It never blocks the kernel: a send runs on lpnb's own loop, and the panel shows what came back. On a
    real account the first send asks for a confirmation, and so does a send for a consumer whose earlier
    send has no known outcome.

    Args:
        client: Who sends, a ``Client`` or an ``AsyncClient``; ``connect()`` when left out.

    Example:
        >>> from lpnb import Sandbox, Settings
        >>> with Sandbox() as sandbox:
        ...     composer = Composer(Client(Settings.of(sandbox.environment())))
        ...     composer.field("personal.firstname").value = "John"
        ...     composer.send_button.click()
        ...     response = composer.wait()
        >>> composer.batch.profile.to_wire()["authenticatedData"]["lp_sdes"]
        [{'type': 'personal', 'personal': {'firstname': 'John'}}]
        >>> [pair.ok for pair in response.pairs]
        [True, True]
    """

    def __init__(self, client: Client | AsyncClient | None = None) -> None:
        if client is not None and not isinstance(client, Client | AsyncClient):
            raise TypeError(f"Composer takes a Client or AsyncClient; got {brief(client)}")
        self.client = client if client is not None else connect()
        self.responses: list[BatchResponse] = []
        self._batch: ConversationBatch | None = None
        self._complaints: tuple[Complaint, ...] = ()
        self._client_properties: ClientProperties | None = None
        self._lines: list[views.Line] = []
        self._lines_before: list[views.Line] = []
        self._caution = Caution(self.client)
        self._asked = ""
        self._changed_at = 0.0
        self._sending = threading.Lock()
        self._future: Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

        kit = Kit()
        self._form = Form(batch_fields(), self._render)
        self._build(kit)
        children = [
            kit.html(f"<style>{css()}</style>{views.bar_html(self.client.settings)}"),
            kit.box(
                [self._left, kit.box([kit.box([self._preview, self._says], "lpnb-stay")], "lpnb-side")],
                "lpnb-columns",
            ),
            kit.box([self.send_button, self._stop, self._clear, self._status], "lpnb-actions"),
            self.confirm,
            self.conversation,
            self._answers,
        ]
        super().__init__(children, layout=kit.plain, _dom_classes=("lpnb-composer",))

    def _build(self, kit: Kit) -> None:
        """Make the widgets, each with what it first holds: every later write is a message."""
        form = self._form
        fields = form.fields
        rest = [field for key, field in fields.items() if key not in (*WHO, *WHERE)]
        self._who = Group(form, [fields[key] for key in WHO], kit, HELPED)
        self._where = Group(form, [fields[key] for key in WHERE], kit, HELPED)
        titles = {
            "personal": "about the person",
            "ctmrinfo": "about the customer",
            "request": "about session and channel",
        }
        self._folds = {
            place: Fold(title, [field for field in rest if field.place == place], form, kit)
            for place, title in titles.items()
        }
        person, customer, session = self._folds.values()
        self.consumer_id = ipw.Text(
            value=str(uuid.uuid4()), description="Consumer id", layout=kit.plain, style=kit.text
        )
        self._check()
        self.consumer_id.observe(lambda _: self._render(), names="value")
        new_id = kit.button("New id", self._new_id, tooltip="A fresh id that nobody can guess")
        self._consumer_note = kit.html("", "lpnb-note")
        who = "<h3>Who the agent sees</h3><p>The SDEs. Only what is filled in is sent.</p>"
        where = "<h3>Where it goes</h3><p>The campaign and engagement that route the conversation.</p>"
        self._left = kit.vbox(
            [
                kit.box([self.consumer_id, new_id], "lpnb-consumer"),
                self._consumer_note,
                kit.html(who, "lpnb-head"),
                self._who,
                *(person.button, person.body, customer.button, customer.body),
                kit.html(where, "lpnb-head"),
                self._where,
                *(session.button, session.body),
            ],
            "lpnb-form",
        )
        self._preview = kit.html(self._preview_html(), "lpnb-preview")
        self._says = kit.html(views.says_html((), self.advice), "lpnb-says")
        self.send_button = kit.button("Send", self._on_send, "lpnb-send")
        self._stop = kit.button("Stop", self._on_stop, "lpnb-hidden")
        self._clear = kit.button("Clear", lambda _: self.clear())
        self._said_until: str | None = None
        self._status = kit.html(views.status_html("idle", "Nothing sent yet."), "lpnb-status")
        self.confirm = ipw.Checkbox(
            description="Yes, send all the same",
            indent=False,
            layout=kit.plain,
            _dom_classes=("lpnb-confirm", "lpnb-hidden"),
        )
        self.conversation = ipw.Text(
            description="Conversation id",
            layout=kit.plain,
            style=kit.text,
            _dom_classes=("lpnb-conversation", "lpnb-hidden"),
        )
        self._answers = kit.html("", "lpnb-answers")

    # What is in the form

    @property
    def batch(self) -> ConversationBatch | None:
        """What Send would post; None while something is wrong with it."""
        return self._batch

    @property
    def complaints(self) -> tuple[Complaint, ...]:
        """All that is wrong with the form now, each with its path."""
        return self._complaints

    @property
    def advice(self) -> tuple[Hint, ...]:
        """What the documentation would have you do differently."""
        return () if self._batch is None else advise(self._batch)

    def field(self, key: str) -> Any:
        """Return the widget of one field, such as ``field("personal.contacts[0].email")``.

        Raises:
            KeyError: There is no such field; ``fields`` lists them.
        """
        if key not in self._form.fields:
            raise KeyError(key)
        if key not in self._form.widgets:
            self._folds[self._form.fields[key].place].show(True)
        return self._form.widgets[key]

    @property
    def fields(self) -> tuple[str, ...]:
        """The keys of all fields."""
        return tuple(self._form.fields)

    def load(self, frames: ConversationBatch | str | bytes | Sequence[Mapping[str, Any]]) -> None:
        """Fill the form from a batch, or from frames as the wire has them. Request ids are not kept.

        What the form has no field for is carried along, and shows in the preview.

        Raises:
            InvalidValueError: The frames are wrong, or a ``RawBatch``, which no form can show.
        """
        if isinstance(frames, RawBatch):
            sentence = "frames must be a batch that follows the rules; a RawBatch is sent without the form."
            raise InvalidValueError([Complaint("frames", sentence)])
        if not isinstance(frames, ConversationBatch):
            frames = ConversationBatch.from_wire(frames, keep_ids=False)
        self._client_properties = frames.client_properties
        self._form.load(frames.to_wire())
        for fold in self._folds.values():
            if self._form.filled & {field.key for field in fold.fields} - {"request.channelType"}:
                fold.show(True)

    def clear(self) -> None:
        """Empty the form and take a fresh consumer id. What was sent stays in the table."""
        self._client_properties = None
        self._form.clear()
        self._new_id()

    # What came back

    @property
    def response(self) -> BatchResponse | None:
        """What became of the last send, or None before the first."""
        return self.responses[-1] if self.responses else None

    def table(self) -> pd.DataFrame:
        """Everything sent from this panel as a DataFrame; see ``responses_table``."""
        from lpnb.tables import responses_table

        return responses_table(self.responses)

    def wait(self, timeout: float | None = None) -> BatchResponse | None:
        """Wait for the send that is under way, if any, and return the last response.

        Raises:
            TimeoutError: It is still under way after *timeout* seconds.
        """
        if self._future is not None:
            self._future.result(timeout)
        return self.response

    # Showing

    def _render(self) -> None:
        """Check what the form holds and show what that says. Runs after every change."""
        self._changed_at = time.monotonic()
        try:
            at_field = self._check()
            groups: list[Group | Fold] = [self._who, self._where, *self._folds.values()]
            for group in groups:
                group.complain(at_field)
            self._consumer_note.value = views.note_html("", at_field.get(_CONSUMER, ""))
            self._says.value = views.says_html(self._complaints, self.advice)
            self._preview.value = self._preview_html()
            self._drop_stale_words()
        except Exception as error:  # an exception in a callback would vanish unseen
            self._say("failed", self._in_words(error))

    def _check(self) -> dict[str, str]:
        """Ask the models about what the form holds; return for each field what they say about it."""
        frames, keys = self._form.collect()
        complaints: list[Complaint] = []
        account = self.client.settings.account_id
        try:
            batch = ConversationBatch.from_wire(frames, unknown="keep", keep_ids=False)
        except InvalidValueError as error:
            self._batch, complaints = None, list(error.complaints)
            frames[1]["body"] = {"brandId": account, **frames[1]["body"]}
        else:
            properties = self._client_properties
            self._batch = ConversationBatch(batch.profile, batch.request, properties, None, batch.more)
            frames = self._batch.to_wire(account)
        try:
            check_consumer_id(self.consumer_id.value)
        except InvalidValueError as error:
            complaints += error.complaints
        self._complaints = tuple(complaints)
        lines = list(views.json_lines(views.posted(frames)))
        # Marks stay until something else changes: what changes nothing here is no reason to drop them.
        if [line.text for line in lines] != [line.text for line in self._lines]:
            self._lines, self._lines_before = lines, self._lines
        return at_fields(complaints, {**keys, _CONSUMER: _CONSUMER})

    def _preview_html(self) -> str:
        wrong = {complaint.path for complaint in self._complaints}
        return views.preview_html(self._lines, self._lines_before, wrong, self._about_preview())

    def _about_preview(self) -> str:
        about = "Request ids are made fresh for each send."
        if carried := len(self._form.carried):
            about += f" {views.count(carried, 'loaded value')} without a field: carried along."
        if self._client_properties is not None:
            about += f" With the header Client-Properties: {self._client_properties.to_header()}"
        return about

    def _say(self, state: views.State, text: str, until: str | None = None) -> None:
        """Show one sentence. *until* is the consumer it speaks of; "" when it speaks of the form as it is."""
        self._status.value = views.status_html(state, text)
        self._said_until = until

    def _drop_stale_words(self) -> None:
        """What was said of a form that has changed, or of another consumer, is no longer true."""
        if self._said_until is not None and self._said_until != self.consumer_id.value:
            self._say("idle", "Not sent yet.")

    def _in_words(self, error: BaseException) -> str:
        words = str(error) if isinstance(error, LpnbError) else f"{type(error).__name__}: {error}"
        return scrub(words, [self.client.settings.client_secret])

    # Sending

    def _new_id(self, _button: object = None) -> None:
        self.consumer_id.value = str(uuid.uuid4())

    def _on_send(self, _button: object) -> None:
        # Callbacks may come from any thread, and twice: only one of them gets further than this.
        if self._sending.acquire(blocking=False):
            self._task = None
            self._future = background.submit(self._send_what_is_shown())

    async def _send_what_is_shown(self) -> None:
        """Send on lpnb's loop. Whatever happens ends in the panel: nobody else looks."""
        try:
            # The page tells of a press at once, and holds back the last of what was typed before it.
            for _ in range(8):
                if (left := self._changed_at + SETTLED - time.monotonic()) <= 0:
                    break
                await asyncio.sleep(left)
            batch, consumer = self._batch, self.consumer_id.value
            if batch is None or self._complaints:
                many = len(self._complaints)
                self._say("failed", f"Not sent: {views.count(many, 'value')} to fix first.", until="")
            elif self._may_send(consumer):
                self.send_button.disabled = True
                shown(self.confirm, False)
                self.confirm.value = False
                self._say("busy", f"Sending for {consumer} …")
                await self._send(batch, consumer)
        except Exception as error:  # an exception in a task would vanish unseen
            self._say("failed", self._in_words(error))
        finally:
            self.send_button.disabled = False
            self._sending.release()

    def _may_send(self, consumer: str) -> bool:
        """Whether nothing is left to be confirmed; otherwise ask."""
        question = self._caution.question(consumer)
        if not question or (self.confirm.value and question == self._asked):
            self._caution.confirmed()
            return True
        self._asked = question
        self.confirm.value = False
        shown(self.confirm, True)
        self._say("ask", f"{question} Tick the box below, then press Send again.", until=consumer)
        return False

    def _on_stop(self, _button: object) -> None:
        if (task := self._task) is not None:
            background.loop().call_soon_threadsafe(task.cancel)

    async def _send(self, batch: ConversationBatch, consumer: str) -> None:
        before = self._caution.doubts(consumer)
        try:
            self._task = asyncio.current_task()
            shown(self._stop, True)
            # The engine itself, since a plain Client's methods would block this loop.
            self._arrived(await self.client.engine.send(batch, consumer))
        except asyncio.CancelledError:
            if self._caution.doubts(consumer) > before:
                self._arrived([r for r in self.client.unknown if r.consumer_id == consumer][-1])
            else:
                self._say("failed", "Stopped. No conversation was created.")
        finally:
            self._task = None
            shown(self._stop, False)

    def _arrived(self, response: BatchResponse) -> None:
        self.responses.append(response)
        self._caution.learn(response)
        self._answers.value = views.answers_html(self.responses)
        self.conversation.value = response.conversation_id or ""
        shown(self.conversation, bool(response.conversation_id))
        state: views.State = "done" if response.outcome == "answered" else "failed"
        words = response.explanation
        if response.outcome == "unknown":
            words = f"Outcome unknown. {words}"
        self._say(state, words, until=response.consumer_id)

    # Where there are no widgets

    def __repr__(self) -> str:
        last = repr(self.response) if self.responses else "nothing sent yet"
        return f"<Composer on {views.world(self.client.settings)}: {last}>"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """The live panel, and for places without a widget manager what it holds as plain HTML."""
        frames = "" if self._batch is None else "\n".join(line.text for line in self._lines)
        fallback = views.fallback_html(self.client.settings, frames, self.responses)
        bundle: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return {**bundle, "text/plain": repr(self), "text/html": fallback}
