"""``SendHistory``: the sends of an explorer in memory, and after a tick on disk, the form beside them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lpnb._internal import event_loop
from lpnb._internal.redaction import scrub_values
from lpnb.client import AsyncClient, Client
from lpnb.errors import LpnbError
from lpnb.models.batches import ConversationBatch
from lpnb.models.responses import BatchResponse
from lpnb.widgets.send.history_store import HistoryStore
from lpnb.widgets.send.sent_request import SentRequest, initial_record

#: Seconds without a change after which the form is written anew.
_FORM_DELAY = 1.0
#: In place of what is sent, where that is kept in memory alone.
_EMPTY_BATCH = ConversationBatch()


class SendHistory:
    """The list of sends, and what is kept of it.

    What goes wrong with the disk stands in ``trouble``, and stops no send.

    Args:
        folder: Where form and sends are kept once ``keep`` was called.
        form: Returns what the form holds, as plain values.
        client: Returns who sends now; its secret is never written.
    """

    def __init__(
        self,
        folder: str | Path,
        form: Callable[[], Mapping[str, Any]],
        client: Callable[[], Client | AsyncClient],
    ) -> None:
        self.sends: list[SentRequest] = []
        self.store = HistoryStore(folder)
        self.is_kept = self.store.is_on
        self.trouble = ""
        self._form, self._client = form, client
        self._timer: Any = None
        self._key = ""

    def restore(self) -> Mapping[str, Any] | None:
        """Take up what an earlier explorer left; return what its form held, if anything was kept."""
        records = self._quietly(self.store.records) or []
        for record in records:
            try:
                self.sends.append(SentRequest.from_record(len(self.sends) + 1, record, self._client()))
            except (KeyError, TypeError, ValueError, AttributeError, LpnbError):
                self.trouble = f"A record in {self.store.folder} cannot be read, and is left out."
        form: Mapping[str, Any] | None = self._quietly(self.store.form) if self.is_kept else None
        return form

    def begin(self, client: Client | AsyncClient, batch: ConversationBatch, consumer_id: str) -> None:
        """Write down that a send begins, before it leaves; without its values where nothing is to be kept."""
        self._key = uuid.uuid4().hex
        place = (client.settings.account_id, client.settings.domain_api)
        record_batch = batch if self.is_kept else _EMPTY_BATCH
        record = {**initial_record(self._key, place, record_batch, consumer_id), "values": self.is_kept}
        record = scrub_values(record, client.settings.secrets)
        self._quietly(lambda: self.store.begin(record, is_kept=self.is_kept))

    def add(
        self, client: Client | AsyncClient, batch: ConversationBatch, response: BatchResponse
    ) -> SentRequest:
        """Take on what came of the send that was begun last."""
        place = (client.settings.account_id, client.settings.domain_api)
        key, self._key = self._key or uuid.uuid4().hex, ""
        send = SentRequest(len(self.sends) + 1, client, batch, response, *place, key=key)
        self.sends.append(send)
        self.update(send)
        self._quietly(self.store.end, send.key)
        return send

    def update(self, send: SentRequest) -> None:
        """Something more is known of *send*."""
        if self.is_kept:
            secrets = () if send.client is None else send.client.settings.secrets
            self._quietly(self.store.add, scrub_values(send.record(), secrets))

    def form_changed(self) -> None:
        """Write the form anew once nothing has changed for a moment."""
        if self.is_kept:
            event_loop.loop().call_soon_threadsafe(self._restart_timer)

    def _restart_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = event_loop.loop().call_later(_FORM_DELAY, self._save_form)

    def _save_form(self) -> None:
        if self.is_kept:
            secrets = self._client().settings.secrets
            self._quietly(lambda: self.store.save_form(scrub_values(self._form(), secrets)))

    def keep(self, is_kept: bool) -> None:
        """Keep everything on disk from now on, what there is included; or delete it there."""
        self.trouble, self.is_kept = "", is_kept
        if not is_kept:
            self._quietly(self.store.forget)
            return
        self._quietly(self.store.start)
        for send in self.sends:
            self.update(send)
        self._save_form()

    def forget_all(self) -> None:
        """Forget every send, in memory and on disk."""
        self.sends.clear()
        self.keep(False)

    def _quietly(self, action: Callable[..., Any], *values: Any) -> Any:
        try:
            return action(*values)
        except (OSError, ValueError) as error:
            self.trouble = f"{self.store.folder} cannot be used: {error}. Sends are kept in memory alone."
            return None
