"""The running parts of a receiver: socket, event store, endpoint, server and waiting callers.

It holds no reference to the ``Receiver``, so that a dropped receiver is collected and stopped.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from lpnb.errors import ReceiverError
from lpnb.settings import Settings
from lpnb.webhooks.endpoint import WebhookEndpoint
from lpnb.webhooks.server import EndpointServer, listen
from lpnb.webhooks.store import EventStore


class ReceiverRuntime:
    """What a running receiver is made of. It does not know the ``Receiver``, so that one can be forgotten."""

    def __init__(
        self,
        *,
        settings: Settings,
        host: str,
        port: int,
        path: str,
        file: Path | None,
        most: int,
        largest: int,
        algorithms: Sequence[str],
    ) -> None:
        self._folder: Path | None = None
        self._lock = threading.Lock()
        self._waiting: dict[str | None, deque[Future[None]]] = {}
        listener = listen(host, port)
        try:
            self.port: int = listener.getsockname()[1]
            if file is None:
                self._folder = Path(tempfile.mkdtemp(prefix="lpnb-webhooks-"))
                file = self._folder / "received.sqlite"
            self.store = EventStore(file, most, self._notify)
        except BaseException:
            listener.close()
            self._clear()
            raise
        self.endpoint = WebhookEndpoint(
            path=path,
            secret=settings.client_secret,
            account_id=settings.account_id,
            client_id=settings.client_id,
            store=self.store,
            largest=largest,
            algorithms=algorithms,
        )
        self._server = EndpointServer(self.endpoint, listener)
        try:
            self._server.start()
        except BaseException:
            self.end()
            raise

    def news(self, conversation_id: str | None) -> Future[None]:
        """A future that is done when something new about a conversation, or about any, is kept."""
        future: Future[None] = Future()
        with self._lock:
            self._waiting.setdefault(conversation_id, deque()).append(future)
        future.add_done_callback(lambda future: self._drop(conversation_id, future))
        return future

    def _drop(self, conversation_id: str | None, future: Future[None]) -> None:
        with self._lock:
            queue = self._waiting.get(conversation_id)
            if queue is not None:
                with contextlib.suppress(ValueError):
                    queue.remove(future)
                if not queue:
                    del self._waiting[conversation_id]

    def _notify(self, conversation_ids: set[str]) -> None:
        with self._lock:
            futures = [future for name in (None, *conversation_ids) for future in self._waiting.pop(name, ())]
        for future in futures:
            if future.set_running_or_notify_cancel():
                future.set_result(None)

    def end(self) -> None:
        """Serve no more, write what waits, and tell those who wait that it is over."""
        self._server.stop()
        self.store.close()
        with self._lock:
            futures = [future for queue in self._waiting.values() for future in queue]
            self._waiting.clear()
        for future in futures:
            if future.set_running_or_notify_cancel():
                future.set_exception(ReceiverError("The receiver is stopped."))
        self._clear()

    def _clear(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
