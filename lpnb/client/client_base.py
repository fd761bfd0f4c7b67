"""What ``Client`` and ``AsyncClient`` share: settings, the engine, recent responses, reading arguments."""

from __future__ import annotations

import concurrent.futures
import os
import weakref
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from lpnb._internal import event_loop
from lpnb._internal.display import brief, esc
from lpnb._internal.validation import check_consumer_id, check_kind
from lpnb.client.engine import Engine
from lpnb.client.sandbox_control import find_sandbox
from lpnb.errors import Complaint, InvalidValueError
from lpnb.models.engagements import Engagement
from lpnb.models.outgoing import Batch
from lpnb.models.responses import BatchResponse
from lpnb.settings import Settings
from lpnb.transport.har_recording import RecordingTransport
from lpnb.transport.http_transport import DEADLINE, HttpTransport, Transport
from lpnb.transport.network import Network

if TYPE_CHECKING:
    from lpnb.client.conversation_engine import MessageListener
    from lpnb.models.conversation_request import (
        CampaignInfo,
        ClientProperties,
        ConversationContext,
        TtrDefName,
    )
    from lpnb.models.frame_base import Frame
    from lpnb.models.sdes import AnySde


class BaseClient:
    """What both clients share: settings, the engine, what was sent.

    ``engine`` runs the flows. Whatever lives on the background loop itself (a panel, a run of many sends)
    awaits it there; everybody else uses the methods.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        deadline: float = DEADLINE,
        wait_scale: float = 1.0,
        transport: Transport | None = None,
        record: str | os.PathLike[str] | None = None,
        record_personal: bool = False,
    ) -> None:
        check_kind("settings", settings, (Settings, type(None)), "Settings, or None to look for them")
        self.settings = settings if settings is not None else Settings.load()
        client_transport: Transport = transport or HttpTransport(deadline)
        if isinstance(client_transport, HttpTransport) and client_transport.network is None:
            client_transport.network = Network.of(self.settings)
        if record is not None:
            client_transport = RecordingTransport(
                client_transport, record, self.settings.secrets, keep_personal=record_personal
            )
        self.engine = Engine(self.settings, client_transport, wait_scale)
        # Closes the connections when a notebook forgets to, at the latest when Python ends.
        self._finalizer = weakref.finalize(self, _close_engine, self.engine)

    @property
    def unknown(self) -> tuple[BatchResponse, ...]:
        """Every response so far whose outcome is unknown, those of interrupted sends included."""
        return tuple(self.engine.unknown)

    @property
    def recent(self) -> tuple[BatchResponse, ...]:
        """The last thousand responses, the newest last; also one that an interrupt came in between of."""
        return tuple(self.engine.recent)

    @property
    def sandbox(self) -> Any:
        """The sandbox that this client talks to; None on a real account.

        It is the ``Sandbox`` itself where it runs in this process, as after ``connect()`` without settings.
        In a notebook of ``lpnb lab`` it is a ``SandboxControl``, which has the same methods for traces,
        webhooks, agents, faults, the clock and the rules.

        Example:
            >>> from lpnb import Client, Sandbox, Settings
            >>> with Sandbox() as sandbox, Client(Settings.of(sandbox.environment())) as client:
            ...     reply = client.create_conversation("consumer-1", skill_id="2741903011")
            ...     client.sandbox.trace(reply.conversation_id)["skillName"]
            'Cards & Payments'
        """
        return find_sandbox(self.settings)

    def listen(self, receiver: MessageListener) -> Self:
        """Let the client's conversations listen to *receiver*, a running ``Receiver``.

        Those that listen to one already go on listening to that one.
        """
        self.engine.listener = receiver
        return self

    def _build_batch(
        self,
        consumer_id: str,
        sdes: Sequence[AnySde | Mapping[str, Any]],
        *,
        engagement: Engagement | None,
        campaign_info: CampaignInfo | Mapping[str, Any] | None,
        conversation_context: ConversationContext | Mapping[str, Any] | None,
        ttr_def_name: TtrDefName | None,
        skill_id: str | int | None,
        client_properties: ClientProperties | Mapping[str, Any] | None,
        channel_type: Literal["MESSAGING"] | None,
        brand_id: str | int | None,
        metadata: Sequence[Mapping[str, Any]] | None,
        extra: Mapping[str, Any] | None,
        req_ids: Sequence[str] | None,
    ) -> Batch:
        check_consumer_id(consumer_id)
        from lpnb.models.batches import ConversationBatch

        batch = ConversationBatch.build(
            () if sdes is None else sdes,
            campaign_info=campaign_info,
            conversation_context=conversation_context,
            ttr_def_name=ttr_def_name,
            skill_id=skill_id,
            client_properties=client_properties,
            channel_type=channel_type,
            brand_id=brand_id,
            metadata=metadata,
            extra=extra,
            req_ids=req_ids,
        )
        return batch if engagement is None else batch.with_engagement(engagement)

    def _read_batch(self, consumer_id: str, frames: Any) -> Batch:
        check_consumer_id(consumer_id)  # first: the two arguments of send_batch are easily swapped
        from lpnb.models.batches import batch_of
        from lpnb.models.frame_base import Frame

        if isinstance(frames, Frame):
            sentence = "frames must be a batch, which CONVERSATION takes; one frame goes out with send_frame."
            raise InvalidValueError([Complaint("frames", sentence)])
        return batch_of(frames)

    def _read_frame(self, consumer_id: str, frame: Any) -> Frame:
        check_consumer_id(consumer_id)
        from lpnb.models.frames import frame_of

        return frame_of(frame)

    def __repr__(self) -> str:
        settings = getattr(self, "settings", None)
        if settings is None:  # it was refused while it was made, and a traceback shows it
            return f"<{type(self).__name__} that was not made>"
        return f"<{type(self).__name__} account {settings.account_id} through {settings.domain_api}>"

    def _repr_html_(self) -> str:
        if getattr(self, "settings", None) is None:
            return f"<p>{esc(repr(self)[1:-1])}</p>"
        place = "this machine" if self.settings.on_loopback else "a real account"
        return f"<p>{esc(repr(self)[1:-1])} ({place})</p>"


def check_client(client: object) -> None:
    """See that *client* is one.

    Raises:
        InvalidValueError: It is not.

    Example:
        >>> check_client("12345678")
        Traceback (most recent call last):
        lpnb.errors.InvalidValueError: client must be a Client or AsyncClient; got a str.
    """
    check_kind("client", client, BaseClient, "a Client or AsyncClient")


def _close_engine(engine: Engine) -> None:
    if engine.closed or not event_loop.is_running():
        return
    closing = event_loop.submit(engine.aclose())
    if not event_loop.is_here():
        concurrent.futures.wait([closing], timeout=2.0)


def optional_consumer_id(consumer_id: str | None) -> str | None:
    """Return *consumer_id* when it is None or can be a consumer's external id.

    Raises:
        InvalidValueError: It cannot.
    """
    return None if consumer_id is None else check_consumer_id(consumer_id)


def conversation_id_of(reply: BatchResponse | str) -> str:
    """The conversation that *reply* opened, or the id that it is.

    Raises:
        InvalidValueError: It is neither.
    """
    if not isinstance(reply, str | BatchResponse):
        sentence = f"conversationId must be a reply that opened one, or its id; got {brief(reply)}."
        raise InvalidValueError([Complaint("conversationId", sentence)])
    conversation_id = reply if isinstance(reply, str) else reply.conversation_id
    if not conversation_id or not conversation_id.strip():
        description = (
            "an empty id" if isinstance(reply, str) else f"a reply whose outcome is {reply.outcome!r}"
        )
        sentence = f"There is no conversation to look for: this is {description}."
        raise InvalidValueError([Complaint("conversationId", sentence)])
    return conversation_id
