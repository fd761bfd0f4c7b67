"""``Receiver``: a local webhook endpoint with its events as tables and awaitable messages."""

from __future__ import annotations

import asyncio
import os
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lpnb._internal import event_loop
from lpnb._internal.display import count, esc, table_html
from lpnb._internal.validation import check_conversation_id
from lpnb.errors import ReceiverError
from lpnb.models.landings import Landing, Transfer
from lpnb.models.webhook_events import COLUMNS, Event, in_order, to_columns
from lpnb.settings import Settings
from lpnb.tables.dataframes import plain_table
from lpnb.webhooks.endpoint import MAX_BODY_BYTES, Counts
from lpnb.webhooks.runtime import ReceiverRuntime
from lpnb.webhooks.signature import ALGORITHMS
from lpnb.webhooks.store import EventStore, moment

if TYPE_CHECKING:
    import pandas as pd

#: Events that one file keeps.
MAX_EVENTS = 100_000
#: What to look at when webhooks are refused for that reason.
_REMEDIES = {
    "bad_signature": "They are signed with another secret than LP_CLIENT_SECRET, or were changed on the way.",
    "foreign_account": "They are of another account or app installation: see LP_ACCOUNT_ID and LP_CLIENT_ID.",
    "not_webhook": "They were posted to another path, or not posted: see receiver.url.",
}


class Receiver:
    """Receives webhooks beside a notebook: verified, each once, in order, on the disk.

    It listens on loopback, in threads of its own; a tunnel or a proxy lets LivePerson in (see the
    documentation's page on webhooks). A webhook is answered 200 when it is on the disk. Its signature is
    checked over the bytes that came, before anything reads them.

    Args:
        account: ``Settings`` or a client: whose webhooks, and the client secret that signs them.
        port: A fixed port; 0 picks a free one.
        path: Where webhooks are posted to.
        host: The address to listen on. Anything but loopback lets other machines in.
        keep: The file that keeps what was received, mode 0600; opened again, it shows what was there.
            Without one, a temporary file that goes with the receiver.
        most: How many events are kept; beyond that the oldest go.
        largest_body: Bytes of the largest webhook.
        algorithms: Which signatures are taken: LivePerson signs with "sha1", and "sha256" on request.

    Raises:
        ReceiverError: The port is taken, or the file is damaged, another program's or in use.

    Example:
        >>> from lpnb import Client, Receiver, Sandbox, Settings
        >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
        ...     with Receiver(client) as receiver:
        ...         sandbox.set_webhook(receiver.url)
        ...         reply = client.create_conversation("consumer-1", skill_id="2741903011")
        ...         _ = sandbox.agent_says(reply.conversation_id, "Good morning")
        ...         receiver.wait_for_message(reply.conversation_id).text
        'Good morning'

    Source: Webhooks: Configuration, Notification Protocol, Retry Policy, Disclaimers.
    """

    def __init__(
        self,
        account: Settings | Any,
        *,
        port: int = 0,
        path: str = "/webhooks",
        host: str = "127.0.0.1",
        keep: str | Path | None = None,
        most: int = MAX_EVENTS,
        largest_body: int = MAX_BODY_BYTES,
        algorithms: Sequence[str] = ALGORITHMS,
    ) -> None:
        settings = getattr(account, "settings", account)
        if not isinstance(settings, Settings):
            raise TypeError(f"account must be Settings or a client; got {type(account).__name__}")
        is_list = isinstance(algorithms, Sequence) and not isinstance(algorithms, str) and len(algorithms) > 0
        if not is_list or not all(name in ALGORITHMS for name in algorithms):
            raise ValueError(f"algorithms must name some of {ALGORITHMS}; got {algorithms!r}")
        plain = isinstance(path, str) and path.startswith("/") and path.isascii() and path.isprintable()
        if not plain or set(path) & set(" ?#%"):
            raise ValueError(f"path must begin with a slash and be plain, such as '/webhooks'; got {path!r}")
        if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65_535:
            raise ValueError(f"port must be a whole number from 0 to 65535; got {port!r}")
        if not isinstance(host, str) or not host.strip():  # an empty one would be every address there is
            raise ValueError(f"host must be an address, such as '127.0.0.1'; got {host!r}")
        if keep is not None and (not isinstance(keep, str | os.PathLike) or not Path(keep).name):
            raise ValueError(f"keep must be the path of a file; got {keep!r}")
        for name, value in (("most", most), ("largest_body", largest_body)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number above 0; got {value!r}")
        self.settings = settings
        self.path = path
        self.host = host
        self._wanted_port = port
        self._file = None if keep is None else Path(keep)
        self._most = most
        self._largest = largest_body
        self._algorithms = tuple(algorithms)
        self._lock = threading.Lock()
        self._running: ReceiverRuntime | None = None
        self._finalizer: Callable[[], object] = lambda: None

    def start(self) -> Self:
        """Receive; nothing happens when it does so already.

        Raises:
            ReceiverError: The port is taken, or the file is damaged, another program's or in use.
        """
        with self._lock:
            if self._running is None:
                self._running = ReceiverRuntime(
                    settings=self.settings,
                    host=self.host,
                    port=self._wanted_port,
                    path=self.path,
                    file=self._file,
                    most=self._most,
                    largest=self._largest,
                    algorithms=self._algorithms,
                )
                # A notebook forgets a receiver when it makes a new one of the same name.
                self._finalizer = weakref.finalize(self, self._running.end)
        return self

    def stop(self) -> None:
        """Receive no more. Stopping twice is harmless; a file that was named stays."""
        with self._lock:
            self._finalizer()
            self._running = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._runtime.port

    @property
    def url(self) -> str:
        """Where webhooks are posted to, such as ``http://127.0.0.1:50123/webhooks``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{self.path}"

    @property
    def counts(self) -> Counts:
        """How many webhooks came since the start, and why some were refused."""
        return self._runtime.endpoint.counts

    @property
    def signature_form(self) -> str | None:
        """How the latest webhook was signed, such as "sha1-base64"; None before the first."""
        return self._runtime.endpoint.signature_form

    @property
    def file(self) -> Path:
        """The file with what was received."""
        return self._runtime.store.path

    def __len__(self) -> int:
        return len(self._runtime.store)

    def events(self, conversation_id: str | None = None) -> list[Event]:
        """What was received, each once: a conversation's in order, and conversations as they came up.

        Args:
            conversation_id: One conversation; all when left out.
        """
        return self._events(conversation_id, raw=True)

    def latest(self, most: int = 20, conversation_id: str | None = None) -> list[Event]:
        """The last events without ``raw``: of one conversation in its order, or of all as they arrived."""
        if conversation_id is not None:
            return self._events(conversation_id, raw=False)[-most:]
        return self._runtime.store.events(raw=False, latest=most)

    def table(self, conversation_id: str | None = None) -> pd.DataFrame:
        """``events`` as a DataFrame, one row an event, as of now.

        ================  ===================  ======================================================
        received_at       datetime64[us, UTC]  when it came here
        at                datetime64[us, UTC]  the service's time; missing for chat states
        conversation_id   str
        kind              str                  such as "ContentEvent"
        sequence          Int64                its number within the dialog
        role              str                  of who sent it, such as "ASSIGNED_AGENT"
        text              str                  of a text
        audience          str                  "ALL", or "AGENTS_AND_MANAGERS" for a private note
        skill_id          str                  of a conversation's state
        state             str                  of the main dialog: "OPEN", "CLOSE"
        stage             str                  of the conversation as a whole
        originator_id     str                  who sent it
        dialog_id         str
        ================  ===================  ======================================================

        Where there is no row, ``why_empty`` says why.
        """
        return plain_table(to_columns(self._events(conversation_id, raw=False)), COLUMNS)

    def why_empty(self, conversation_id: str | None = None) -> str | None:
        """Why ``table`` has no row, and what to do about it; None when it has one.

        Example:
            >>> from lpnb import Client, Receiver, Sandbox, Settings
            >>> with Sandbox() as sandbox, Receiver(Settings.of(sandbox.environment())) as receiver:
            ...     print(receiver.why_empty())
            Nothing has come yet. An event comes when a conversation opens or changes, and when somebody speaks; the sandbox posts what happens after sandbox.set_webhook(receiver.url) was called.
        """  # noqa: E501
        if self.latest(1, conversation_id):
            return None
        if other_count := len(self):
            events = count(other_count, "event")
            return (
                f"Nothing has come about {conversation_id} yet, and {events} about others. What was before "
                "webhooks were set up is not posted: history has it."
            )
        if refusals := self.counts.refusals:
            reasons_text = ", ".join(
                f"{number:,} {name.replace('_', ' ')}" for name, number in refusals.items()
            )
            remedies = [_REMEDIES[name] for name in refusals if name in _REMEDIES]
            return " ".join([f"All that came was refused: {reasons_text}.", *remedies])
        hint = (
            "Nothing has come yet. An event comes when a conversation opens or changes, and when somebody "
            "speaks; "
        )
        if self.settings.on_loopback:
            return f"{hint}the sandbox posts what happens after sandbox.set_webhook(receiver.url) was called."
        return (
            f"{hint}LivePerson posts it to the endpoint that the app installation names, and what listens "
            f"there has to pass it on to {self.url}. A new installation can take two minutes."
        )

    async def next_message(
        self,
        conversation_id: str,
        timeout: float = 30.0,  # noqa: ASYNC109 - the same as for plain code, and with a sentence in its error
        *,
        own: bool = False,
        notes: bool = False,
    ) -> Event:
        """Wait for the next message of a conversation and return it; each is handed out once.

        A message that came out of order is handed out when it comes. What was handed out stays handed out
        when the file is opened again.

        Args:
            conversation_id: The conversation.
            timeout: Seconds to wait.
            own: Also what consumers sent.
            notes: Also private notes.

        Raises:
            TimeoutError: None came in time.
            ReceiverError: The receiver is stopped.
            ValueError: *timeout* is no number of seconds.
        """

        def choose(events: list[Event]) -> Event | None:
            for event in in_order(events):
                if (own or not event.is_own) and (notes or not event.is_note):
                    return event
            return None

        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 <= timeout <= 86_400:
            raise ValueError(f"timeout must be from 0 to 86,400 seconds; got {timeout!r}")
        check_conversation_id(conversation_id)
        running = self._runtime
        over = time.monotonic() + timeout
        while True:
            # Asked for before looking: what comes in between is not missed.
            news = running.news(conversation_id)
            try:
                event = await _claim_message(running.store, conversation_id, choose)
                if event is not None:
                    return event
                async with asyncio.timeout(max(over - time.monotonic(), 0.0)):
                    await asyncio.wrap_future(news)
            except TimeoutError:
                raise TimeoutError(f"No message came in {conversation_id} within {timeout:g} s.") from None
            finally:
                news.cancel()

    def wait_for_message(
        self, conversation_id: str, timeout: float = 30.0, *, own: bool = False, notes: bool = False
    ) -> Event:
        """``next_message`` for plain code: it waits here, and an interrupt is felt at once."""
        return event_loop.wait(self.next_message(conversation_id, timeout, own=own, notes=notes))

    def landing(self, conversation_id: str) -> Landing | None:
        """Which skill webhooks say a conversation is in, and its moves so far; None while they do not."""
        check_conversation_id(conversation_id)
        states = self._runtime.store.states(conversation_id)
        if not states:
            return None
        moves = [
            Transfer(at=moment(at), source_skill_id=before, target_skill_id=skill)
            for (before, _), (skill, at) in pairwise(states)
            if skill != before
        ]
        skill, at = states[-1]
        return Landing(
            conversation_id,
            skill_id=skill,
            source="webhook",
            transfers=tuple(moves),
            asked_at=datetime.now(UTC),
            as_of=moment(at),
        )

    def news(self, conversation_id: str | None = None) -> Future[None]:
        """A future that is done when the next new webhook about a conversation, or about any, is kept."""
        if conversation_id is not None:
            check_conversation_id(conversation_id)
        return self._runtime.news(conversation_id)

    def _events(self, conversation_id: str | None, raw: bool) -> list[Event]:
        if conversation_id is not None:
            check_conversation_id(conversation_id)
        by_conversation: dict[str, list[Event]] = {}
        for event in self._runtime.store.events(conversation_id, raw=raw):
            by_conversation.setdefault(event.conversation_id, []).append(event)
        return [event for events in by_conversation.values() for event in in_order(events)]

    @property
    def _runtime(self) -> ReceiverRuntime:
        if self._running is None:
            raise ReceiverError("The receiver is not running. Call start(), or use it in a with statement.")
        return self._running

    def __repr__(self) -> str:
        where = f"on {self.url}" if self._running else "not running"
        return f"<Receiver for account {self.settings.account_id}, {where}>"

    def _repr_html_(self) -> str:
        rows: list[tuple[object, object]] = [("account", self.settings.account_id)]
        if self._running is None:
            rows.append(("", "not running"))
        else:
            counts = self.counts
            rows += [("listens on", self.url), ("keeps", self.file), ("events", len(self))]
            rows += [
                (name.replace("_", " "), getattr(counts, name))
                for name in Counts.__slots__
                if name != "events" and (getattr(counts, name) or name in ("taken", "bad_signature"))
            ]
        why = self.why_empty() if self._running else None
        return table_html("Receiver", ["what", "value"], rows) + (f"<p>{esc(why)}</p>" if why else "")


async def _claim_message(
    store: EventStore, conversation_id: str, choose: Callable[[list[Event]], Event | None]
) -> Event | None:
    claim = store.claim(conversation_id, choose)
    try:
        return await asyncio.wrap_future(claim)
    except asyncio.CancelledError:
        # Whoever waited has gone; a message that was handed to nobody is handed out again.
        claim.add_done_callback(lambda done: _release_claim(store, done))
        raise


def _release_claim(store: EventStore, claim: Future[Event | None]) -> None:
    if not claim.cancelled() and claim.exception() is None and (event := claim.result()) is not None:
        store.give_back(event)
