"""Sends probes to an account, keeps track of the conversations they open, and closes every one."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from lpnb._internal.redaction import Secret, scrub
from lpnb.client.engine import Engine
from lpnb.diagnostics.calibration.reply_shapes import ReplyShapes
from lpnb.errors import LpnbError
from lpnb.settings import Settings
from lpnb.transport.har_recording import masked_body
from lpnb.transport.http_transport import Transport
from lpnb.transport.protocol import Exchange, ExchangeProgress, Request, call, content_of

#: Conversations that one calibration opens at the most, whatever happens.
MAX_CONVERSATIONS = 40
#: Replies in a row that tell nothing (no answer, 5xx, 429, no JSON) after which no more is asked.
MAX_TROUBLE = 3
#: How often a request that was answered 429 is sent again, and the seconds that are waited at the most.
_THROTTLED_TRIES, _THROTTLED_SECONDS = 2, 30.0
_EVIDENCE = 240
_JSON = "application/json"
#: What a frame to a conversation that has ended is refused with.
_IS_CLOSED = re.compile(r"(?i)\bis closed?\b|already closed")

Frame = dict[str, Any]


class ProbingEndedError(Exception):
    """Nothing more is asked; the message says why."""


@dataclass(frozen=True, slots=True)
class ProbeReply:
    """What came of one probe. ``value`` is the reply's JSON, None when there was none."""

    status: int | None
    value: Any
    evidence: str
    conversation_id: str | None = None
    #: Whether bytes of the request may have left.
    started: bool = True

    @property
    def is_taken(self) -> bool:
        """Whether the service did what was asked: a 2xx with JSON, of which no element is a refusal."""
        codes = [code for element in self.elements if (code := element.get("code")) is not None]
        fits = self.status is not None and self.status // 100 == 2 and self.value is not None
        return fits and all(code == "OK" for code in codes)

    @property
    def is_refused(self) -> bool:
        """Whether the service said no: a 4xx, or an element with another code than OK."""
        # After a 408 or a 5xx nobody knows what was done; a 429 says nothing of what was asked.
        if self.status is None or self.status in (408, 429) or self.status >= 500:
            return False
        return self.status >= 400 or any(element.get("code", "OK") != "OK" for element in self.elements)

    @property
    def elements(self) -> list[Mapping[str, Any]]:
        """The objects of an array of elements, or the one object that the reply is."""
        items = self.value if isinstance(self.value, list) else [self.value]
        return [item for item in items if isinstance(item, Mapping)]

    def refuses(self, position: int) -> bool | None:
        """Whether the element at *position* is a refusal; None when there is no such element."""
        if not isinstance(self.value, list) or len(self.value) <= position:
            return None
        element = self.value[position]
        code = element.get("code") if isinstance(element, Mapping) else None
        return None if not isinstance(code, str) else code != "OK"

    def body(self, name: str) -> Any:
        """A member of the first body that has it, or None."""
        for element in self.elements:
            body = element.get("body")
            if isinstance(body, Mapping) and name in body:
                return body[name]
        return None

    def member(self, name: str) -> Any:
        """A member of the object that the reply is, or None."""
        return self.value.get(name) if isinstance(self.value, Mapping) else None

    def has(self, *names: str) -> bool:
        """Whether the reply is an object with one of these members."""
        return isinstance(self.value, Mapping) and any(name in self.value for name in names)


class ProbeSession:
    """One account that is asked: its tokens, what was opened, what may be open.

    Args:
        settings: The account's.
        transport: How requests leave; it is not closed here.
        consumers: The ids that conversations are opened for.
        wait_scale: As for ``Client``.
    """

    def __init__(
        self, settings: Settings, transport: Transport, consumers: tuple[str, ...], wait_scale: float = 1.0
    ) -> None:
        self.settings = settings
        self.consumers = consumers
        self.shapes = ReplyShapes()
        self.engine = Engine(settings, _ShapeTransport(transport, self.shapes), wait_scale, retry=False)
        #: Consumers by the conversations that are open, and what is known of those that may be.
        self.open: dict[str, str] = {}
        self.uncertain: dict[str, str] = {}
        #: Every consumer that a conversation was asked for.
        self.conversation_consumers: set[str] = set()
        self._ids: set[str] = set()
        self._attempts = 0
        self._trouble = 0
        self._last = ""

    # -- requests ---------------------------------------------------------------------------------------

    async def ask(
        self,
        label: str,
        method: str,
        url: str,
        *,
        json_body: object = None,
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expects_json: bool = True,
    ) -> ProbeReply:
        """Send one request; again after a wait where it was answered 429, which does nothing.

        Raises:
            ProbingEndedError: The last replies told nothing, and this request was not sent.
        """
        self.check_trouble()
        for attempt in range(_THROTTLED_TRIES + 1):
            request = Request(
                method, url, headers=dict(headers or {}), json=json_body, content=content, data=form
            )
            request.extensions["label"] = label
            exchange = await self.engine.run(call(request))
            if exchange.status != 429 or attempt == _THROTTLED_TRIES:
                break
            seconds = min(max(exchange.retry_after or 1.0, 1.0), _THROTTLED_SECONDS)
            await asyncio.sleep(self.engine.scaled(seconds))
        return self._read(exchange, expects_json)

    def _read(self, exchange: Exchange, expects_json: bool) -> ProbeReply:
        value, problem = content_of(exchange)
        status = exchange.status
        if exchange.failure is not None or status is None:
            evidence = exchange.failure or "no answer"
        else:
            text = scrub(masked_body(exchange.content), self._secrets())
            evidence = (
                f"HTTP {status} {text if len(text) <= _EVIDENCE else text[:_EVIDENCE] + ' ...'}".strip()
            )
        is_useless = (
            exchange.failure is not None
            or status is None
            or status >= 500
            or status in (408, 429)
            or (expects_json and problem is not None and status != 204)
        )
        self.note_trouble(evidence if is_useless else None)
        return ProbeReply(
            None if exchange.failure is not None else status, value, evidence, started=exchange.started
        )

    def check_trouble(self) -> None:
        """See that the service is worth another request.

        Raises:
            ProbingEndedError: The last replies told nothing.
        """
        if self._trouble >= MAX_TROUBLE:
            raise ProbingEndedError(
                f"{MAX_TROUBLE} replies in a row could not be used; the last: {self._last}"
            )

    def note_trouble(self, evidence: str | None) -> None:
        """Count a reply that told nothing, with its *evidence*; None when one did tell something."""
        self._trouble = 0 if evidence is None else self._trouble + 1
        self._last = evidence or ""

    def _secrets(self) -> list[Secret]:
        account = self.engine.account
        tokens = [account.app_jwt.token if account.app_jwt else None, account.bearer]
        return [*self.settings.secrets, *account.consumers.values(), *(token for token in tokens if token)]

    async def host(self, service: str) -> str:
        """The origin of a service."""
        return await self.engine.host(service)

    def path(self, rest: str) -> str:
        """A path below the account's."""
        return f"/api/account/{self.settings.account_id}/{rest}"

    async def _messaging(
        self, label: str, rest: str, consumer: str, body: object, headers: Mapping[str, str]
    ) -> ProbeReply:
        await self.engine.ready(consumer)
        jws = self.engine.account.consumers[consumer]
        tokens = {"Authorization": self.engine.account.app_token().reveal(), "X-LP-ON-BEHALF": jws.reveal()}
        origin = await self.host("asyncMessagingEnt")
        url = f"{origin}{self.path('messaging/consumer/conversation')}{rest}?v=3"
        content = json.dumps(body, ensure_ascii=False).encode()
        return await self.ask(
            label, "POST", url, content=content, headers={"Content-Type": _JSON, **tokens, **headers}
        )

    async def send(
        self, consumer: str, kind: str, body: Frame, *, content_type: str = _JSON, label: str = ""
    ) -> ProbeReply:
        """Send one frame by SEND on behalf of *consumer*."""
        frame = {"kind": "req", "id": "1", "type": kind, "body": body}
        return await self._messaging(
            label or f"SEND {kind}", "/send", consumer, frame, {"Content-Type": content_type}
        )

    async def publish(self, consumer: str, conversation_id: str, event: Frame) -> ProbeReply:
        """Publish an event in a conversation."""
        body = {"dialogId": conversation_id, "conversationId": conversation_id, "event": event}
        return await self.send(consumer, "ms.PublishEvent", body, label=f"SEND {event['type']}")

    async def update(self, consumer: str, conversation_id: str, **field: object) -> ProbeReply:
        """Change a conversation field."""
        body = {"conversationId": conversation_id, "conversationField": field}
        return await self.send(consumer, "cm.UpdateConversationField", body)

    # -- conversations ----------------------------------------------------------------------------------

    async def request_conversation(
        self,
        consumer: str,
        body: Mapping[str, Any] | None = None,
        *,
        profile: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        frames: int = 2,
    ) -> ProbeReply:
        """Send a batch; whatever it opens is noted, and what it may have opened, too.

        Args:
            consumer: For whom.
            body: Members of the conversation frame; a None takes out ``brandId`` or ``channelType``.
            profile: The profile frame's body.
            properties: For the Client-Properties header.
            frames: How many of the two frames are sent.

        Raises:
            ProbingEndedError: The service is in trouble, or as many conversations as may be were asked for.
        """
        if self._attempts >= MAX_CONVERSATIONS:
            raise ProbingEndedError(f"{MAX_CONVERSATIONS} conversations were asked for, the most that may be")
        members = {"brandId": self.settings.account_id, "channelType": "MESSAGING", **(body or {})}
        conversation = {name: value for name, value in members.items() if value is not None}
        batch = [
            {"kind": "req", "id": "1", "type": "userprofile.SetUserProfile", "body": profile or {}},
            {"kind": "req", "id": "2", "type": "cm.ConsumerRequestConversation", "body": conversation},
        ][:frames]
        headers = {} if properties is None else {"Client-Properties": json.dumps(properties)}
        await self.engine.ready(consumer)
        await self.host("asyncMessagingEnt")
        self.check_trouble()
        self._attempts += 1
        self.conversation_consumers.add(consumer)
        before = self.uncertain.get(consumer)
        if frames == 2:
            self.uncertain[consumer] = "a CONVERSATION request was under way"
        reply = await self._messaging("CONVERSATION", "", consumer, batch, headers)
        conversation_id = reply.body("conversationId")
        if isinstance(conversation_id, str) and conversation_id:
            self._ids.add(conversation_id)
            self.open[conversation_id] = consumer
            self._set_uncertain(consumer, before)
            return replace(reply, conversation_id=conversation_id)
        is_clear = reply.is_refused or reply.status == 429 or not reply.started or frames < 2
        self._set_uncertain(consumer, before if is_clear else f"CONVERSATION: {reply.evidence}")
        return reply

    def _set_uncertain(self, consumer: str, why: str | None) -> None:
        if why is None:
            self.uncertain.pop(consumer, None)
        else:
            self.uncertain[consumer] = why

    async def close(self, conversation_id: str | None) -> ProbeReply | None:
        """Close a conversation, without a survey."""
        if conversation_id is None or conversation_id not in self.open:
            return None
        consumer = self.open[conversation_id]
        reply = await self.update(consumer, conversation_id, field="Stage", conversationState="CLOSE")
        if not reply.is_taken and reply.status != 429:
            reply = await self.update(
                consumer, conversation_id, field="ConversationStateField", conversationState="CLOSE"
            )
        if reply.is_taken or (reply.is_refused and _IS_CLOSED.search(str(reply.body("msg")))):
            del self.open[conversation_id]
        return reply

    async def close_all(self) -> None:
        """Close whatever is open, and whatever Monitoring or history know to be open of the consumers.

        The last also where a reply said that nothing had opened: it may have been nonsense.
        """
        unsure_consumers = set(self.conversation_consumers)
        for attempt in range(3):
            if not self.open and not unsure_consumers:
                return
            if attempt:
                await asyncio.sleep(self.engine.scaled(1.0))
            for _ in range(2):
                for conversation_id in list(self.open):
                    self.note_trouble(None)
                    with suppress(LpnbError, ProbingEndedError):
                        await self.close(conversation_id)
                for consumer in sorted(unsure_consumers):
                    self.note_trouble(None)
                    with suppress(LpnbError, ProbingEndedError):
                        if not await self._find_open(consumer):
                            unsure_consumers.discard(consumer)

    async def _find_open(self, consumer: str) -> bool:
        """Whether Monitoring or history know of an open conversation, which is noted."""
        conversation_id = await self.engine.find_open_conversation(consumer)
        if conversation_id is None or self.open.get(conversation_id) == consumer:
            return False
        self._ids.add(conversation_id)
        self.open[conversation_id] = consumer
        self.uncertain.pop(consumer, None)
        return True

    @property
    def opened_count(self) -> int:
        """How many conversations are known to have been opened."""
        return len(self._ids)

    @property
    def may_be_open(self) -> list[str]:
        """Every conversation that may still be open, in words."""
        open_texts = [f"conversation {name} of consumer {consumer}" for name, consumer in self.open.items()]
        uncertain_texts = [
            f"a conversation of consumer {consumer} ({why})" for consumer, why in self.uncertain.items()
        ]
        return open_texts + uncertain_texts


class _ShapeTransport:
    """A transport that notes the shape of every reply that did what was asked, by what it was asked for."""

    def __init__(self, inner: Transport, shapes: ReplyShapes) -> None:
        self._inner = inner
        self._shapes = shapes

    async def exchange(self, request: Request, progress: ExchangeProgress) -> Exchange:
        exchange = await self._inner.exchange(request, progress)
        value, problem = content_of(exchange)
        if problem is None and exchange.status is not None and exchange.status < 300:
            label = request.extensions.get("label") or _label(request)
            if label is not None:
                self._shapes.add(f"{label} {exchange.status}", value)
        return exchange

    async def aclose(self) -> None:
        """The transport is somebody else's."""


def _label(request: Request) -> str | None:
    """What a request of lpnb's own flows asks for; None for a search, which finds what it happens to find."""
    path = request.url.path
    for end, label in (
        ("/service/baseURI.json", "Domain API, all services"),
        ("/baseURI.json", "Domain API, one service"),
        ("/app/token", "Sentinel V2" if "/v2/" in path else "Sentinel V1"),
        ("/consumer", "IDP"),
        ("/engagement", "Monitoring, engagement"),
        ("/login", "agent login"),
    ):
        if path.endswith(end):
            return label
    return None
