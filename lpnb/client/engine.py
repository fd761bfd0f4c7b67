"""``Engine``: runs flows over the transport on the background loop, for both clients.

The engine lives on the background loop. ``Client`` and ``AsyncClient`` are two doors to it, so they cannot
behave differently.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lpnb._internal import event_loop
from lpnb._internal.display import brief
from lpnb._internal.redaction import Secret
from lpnb._internal.validation import check_consumer_id
from lpnb.api.file_store import MAX_FILE_BYTES
from lpnb.api.history import (
    DETAIL_CONTENT,
    HistoryPage,
    HistoryRecord,
    HistoryWay,
    Search,
    by_consumer,
    by_conversation,
    refused_bearer,
)
from lpnb.api.tokens import AppJWT
from lpnb.client.account_state import AccountState
from lpnb.errors import Complaint, CredentialsError, InvalidValueError, NotSentError, ServiceError
from lpnb.models.engagements import Engagement, EngagementRequest, Reported
from lpnb.models.outgoing import Batch
from lpnb.models.responses import BatchResponse
from lpnb.settings import Settings
from lpnb.transport.http_transport import HttpTransport, Transport
from lpnb.transport.protocol import (
    AttemptObserver,
    BeforeSend,
    Exchange,
    ExchangeProgress,
    Flow,
    RefreshTokens,
    Request,
    Sleep,
)
from lpnb.transport.retries import Throttle

T = TypeVar("T")
#: What is told of a flow whose request was given up in mid-air, and how far that had come.
InterruptHandler = Callable[[Flow[Any], ExchangeProgress], None]

#: How many responses a client keeps in mind. Those with an unknown outcome are kept beyond that.
MAX_RECENT = 1_000
MAX_RECENT_BYTES = 8 << 20


class Engine:
    """One account, one set of connections. Use it on the background loop only."""

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        wait_scale: float = 1.0,
        retry: bool = True,
    ) -> None:
        self.account = AccountState(settings, Throttle(wait_scale, retry=retry))
        self.transport = transport
        self.recent: deque[BatchResponse] = deque(maxlen=MAX_RECENT)
        self._recent_bytes = 0
        self.unknown: list[BatchResponse] = []
        self.closed = False
        self._shared_flows: dict[str, _SharedFlow] = {}
        #: The receiver that conversations of this client listen to, if any.
        self.listener: Any = None
        #: Whether history was looked through for the names of skills and campaigns.
        self.looked_for_names = False

    @property
    def settings(self) -> Settings:
        """The account's settings."""
        return self.account.settings

    @property
    def app_jwt(self) -> AppJWT | None:
        """The AppJWT of the moment, or None while there is none."""
        return self.account.app_jwt

    @property
    def origins(self) -> dict[str, str]:
        """The origin of every service that has been looked up so far, such as {"idp": "https://..."}."""
        return dict(self.account.domains)

    @property
    def history_way(self) -> HistoryWay:
        """The way into history that is used now.

        Raises:
            CredentialsError: Every way was refused.
        """
        return self.account.history_way()

    @property
    def skill_names(self) -> Mapping[str, str]:
        """The names of skills by their ids, as far as history has named them."""
        return self.account.skill_names

    @property
    def campaign_names(self) -> Mapping[str, Mapping[str, str]]:
        """The names of "campaigns" and "engagements" by their ids, as far as history has named them."""
        return self.account.campaign_names

    def is_ready(self, consumer_id: str | None = None) -> bool:
        """Whether domains, a fresh AppJWT and, for a consumer, the ConsumerJWS are there already."""
        return self.account.is_ready(consumer_id)

    def consumer_jws(self, consumer_id: str) -> Secret | None:
        """The ConsumerJWS that is kept for *consumer_id*, or None."""
        return self.account.consumer_jws(consumer_id)

    def retry_delay(self, seconds: float) -> Sleep | None:
        """The wait before a service is asked again, scaled, or None when it is not asked again."""
        return self.account.throttle.retry_delay(seconds)

    def scaled(self, seconds: float) -> float:
        """A wait of so many *seconds* as this client waits it: ``wait_scale`` times as long."""
        return self.account.throttle.wait(seconds).seconds

    def limit_rate(self, rate: float | None) -> None:
        """Make at most *rate* calls to the Connector API a second, or as many as it takes (None).

        What was learned from 429s is kept when the rate is the same as before.

        Raises:
            ValueError: *rate* is not a number above 0.
        """
        limiter = self.account.throttle.rate_limiter
        if limiter.max_rate != rate:
            limiter.rate = rate

    async def refresh_origins(self) -> dict[str, str]:
        """Ask the Domain API anew which host serves what, whatever is known already.

        Raises:
            UntrustedHostError: It names a host that gets no token.
            ServiceError: It does not answer.
        """
        await self.run(self.account.find_domains())
        return self.origins

    async def send(
        self,
        batch: Batch,
        consumer_id: str,
        *,
        observer: AttemptObserver | None = None,
        over: Transport | None = None,
    ) -> BatchResponse:
        """See to domains and tokens, send *batch* or a single frame, and keep the response.

        That *consumer_id* can be one, whoever calls has seen to. *observer* is told of each attempt before
        its first byte may leave, and of what came of it. *over* is what it leaves by in place of this
        engine's own connections.
        """
        if not self.account.is_ready(consumer_id):
            await self.ready(consumer_id)
        flow = self.account.post(batch, consumer_id, observer)
        response = await self.run(flow, self._on_interrupt, over)
        self._keep(response)
        return response

    async def engagement(self, request: EngagementRequest) -> Engagement:
        """Ask Monitoring what a visitor is offered; ``vid`` and ``sid`` are kept per consumer."""
        return await self._run_for_visitor(request, self.account.engagement)

    async def report(self, request: EngagementRequest) -> Reported:
        """Report SDEs to Monitoring."""
        return await self._run_for_visitor(request, self.account.report)

    async def _run_for_visitor(
        self, request: EngagementRequest, flow: Callable[[EngagementRequest], Flow[T]]
    ) -> T:
        """Run *flow*, one at a time for each visitor: the second one goes into the session of the first."""
        await self.host("smt")
        if request.visitor is None:
            return await self.run(flow(request))
        key = f"visitor {request.visitor}"
        shared_flow = self._shared_flows.setdefault(key, _SharedFlow())
        shared_flow.waiting += 1
        try:
            async with shared_flow.lock:
                return await self.run(flow(request))
        finally:
            shared_flow.waiting -= 1
            if not shared_flow.waiting:
                self._shared_flows.pop(key, None)

    async def host(self, service: str) -> str:
        """The origin of *service*; it has passed the same check as those that get tokens."""
        await self._run_missing("domains", self.account.need_domains)
        await self._run_missing(service, lambda: self.account.need_domain(service))
        return self.account.domains[service]

    async def ready(self, consumer_id: str | None = None) -> None:
        """Have domains, a fresh AppJWT and, for a consumer, the ConsumerJWS. Each is fetched once."""
        account = self.account
        if not account.is_ready():
            await self._run_missing("domains", account.need_domains)
            await self._run_missing("app_jwt", account.need_app_jwt)
        if consumer_id is not None:
            await self._run_missing(f"jws {consumer_id}", lambda: account.need_consumer_jws(consumer_id))

    async def history(self, search: Search) -> HistoryPage:
        """Ask history for one page, by the first way that is not refused.

        A bearer that is refused is renewed once; a way that is refused is not taken again by this client.

        Raises:
            CredentialsError: Every way was refused.
            ServiceError: History fails.
        """
        while True:
            way = self.account.history_way()
            try:
                for _ in range(2):
                    await self.host("msgHist")
                    await self._run_missing("bearer", self.account.need_bearer)
                    page = await self.run(self.account.search(search))
                    if page is not None:
                        return page
                refusal = refused_bearer(way)
            except CredentialsError as error:
                refusal = error
            self.account.drop_history_way(way, refusal)

    async def check_history(self) -> None:
        """Ask history for a conversation that there is not, to see whether it may be read at all.

        Raises:
            CredentialsError: Every way was refused.
            ServiceError: History fails.
        """
        await self.history(by_conversation("lpnb-check", ()))

    async def history_conversation(
        self, conversation_id: str, content: Sequence[str] = DETAIL_CONTENT
    ) -> HistoryRecord | None:
        """What history has of a conversation; None when it has not heard of it (yet)."""
        page = await self.history(by_conversation(conversation_id, content))
        return page.records[0] if page.records else None

    async def history_consumer(
        self,
        consumer_id: str,
        status: str | Iterable[str] = "OPEN",
        content: Sequence[str] = DETAIL_CONTENT,
    ) -> tuple[HistoryRecord, ...]:
        """A consumer's conversations, the latest first."""
        check_consumer_id(consumer_id)
        await self.ready(consumer_id)
        search = by_consumer(self.account.lp_consumer_id(consumer_id), status, content)
        return (await self.history(search)).records

    async def history_search(self, search: Search, most: int = 500) -> tuple[HistoryRecord, ...]:
        """All records of a search by filters, page after page, up to *most*."""
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            sentence = f"most must be a whole number above 0; got {brief(most)}."
            raise InvalidValueError([Complaint("most", sentence)])
        records: list[HistoryRecord] = []
        while True:
            page = await self.history(search.at(len(records)))
            records.extend(page.records)
            if not page.records or len(records) >= min(page.count, most):
                return tuple(records[:most])

    async def find_open_conversation(self, consumer_id: str) -> str | None:
        """The id of the consumer's open conversation; Monitoring is asked, and history if it can be.

        None says that neither knows of one; where history alone was asked, one of the last minute may be
        missing.

        Raises:
            MonitoringError: Monitoring does not say, and history cannot be asked.
            ServiceError: Neither says.
        """
        asks_history = self.settings.can_read_history
        try:
            engagement = await self.engagement(EngagementRequest(check_consumer_id(consumer_id)))
            if engagement.conversation_id is not None:
                return engagement.conversation_id
        except ServiceError:  # it has no host, or is not to be had
            if not asks_history:
                raise
        if not asks_history:
            return None
        records = await self.history_consumer(consumer_id, "OPEN")
        return next((record.conversation_id for record in records if record.conversation_id), None)

    async def run_large(self, flow: Flow[T]) -> T:
        """Run *flow* on connections of its own that take an answer as large as a file may be."""
        if not isinstance(self.transport, HttpTransport):
            return await self.run(flow)
        http = self.transport
        files = HttpTransport(http.deadline, MAX_FILE_BYTES + 1024, http.kind, http.network)
        try:
            return await self.run(flow, over=files)
        finally:
            await files.aclose()

    async def run(
        self, flow: Flow[T], on_interrupt: InterruptHandler | None = None, over: Transport | None = None
    ) -> T:
        """Run *flow* to its end. *on_interrupt* is told when a request is given up in mid-air."""
        answer: Exchange | None = None
        try:
            while True:
                step = flow.send(answer)
                answer = None
                if self.closed:
                    raise NotSentError("This client is closed. Make a new one to send.")
                if isinstance(step, Request):
                    progress = ExchangeProgress()
                    try:
                        answer = await (over or self.transport).exchange(step, progress)
                    except BaseException:
                        if on_interrupt is not None:
                            on_interrupt(flow, progress)
                        raise
                elif isinstance(step, BeforeSend):
                    await step.observer.before_send(step.outgoing)
                elif isinstance(step, Sleep):
                    await asyncio.sleep(step.seconds)
                elif isinstance(step, RefreshTokens):
                    await self.ready(step.consumer_id)
                else:
                    await self.account.throttle.rate_limiter.acquire()
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            flow.close()

    def _on_interrupt(self, flow: Flow[BatchResponse], progress: ExchangeProgress) -> None:
        """Tell the flow that it was interrupted; if bytes may have left, keep what it makes of that."""
        if not progress.started:
            return
        try:
            flow.send(progress.exchange("waiting for the answer was interrupted"))
        except StopIteration as stop:
            self._keep(stop.value)

    def _keep(self, response: BatchResponse) -> None:
        """Note a response before anybody is given it: an interrupt may come in between."""
        self.recent.append(response)
        self._recent_bytes += len(response.raw)
        while self._recent_bytes > MAX_RECENT_BYTES and len(self.recent) > 1:
            self._recent_bytes -= len(self.recent.popleft().raw)
        if response.outcome == "unknown":
            self.unknown.append(response)

    async def aclose(self) -> None:
        """Close the connections. Closing twice is harmless."""
        self.closed = True
        self.account.throttle.rate_limiter.release()
        await self.transport.aclose()

    async def _run_missing(self, key: str, missing: Callable[[], Flow[None] | None]) -> None:
        """Run the flow that is missing, if it is when it is our turn.

        Whoever waited while another one asked in vain is told the same, and does not ask again.
        """
        shared_flow = self._shared_flows.setdefault(key, _SharedFlow())
        earlier_failure = shared_flow.failure
        shared_flow.waiting += 1
        try:
            async with shared_flow.lock:
                if (flow := missing()) is None:
                    return
                if shared_flow.failure is not None and shared_flow.failure is not earlier_failure:
                    raise type(shared_flow.failure)(*shared_flow.failure.args)
                try:
                    await self.run(flow)
                except NotSentError as error:
                    shared_flow.failure = error
                    raise
        finally:
            shared_flow.waiting -= 1
            if not shared_flow.waiting:
                self._shared_flows.pop(key, None)


@dataclass(slots=True)
class _SharedFlow:
    """Those who wait for one and the same thing, and how it last failed."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    failure: NotSentError | None = None


def wait_for(engine: Engine, work: Coroutine[Any, Any, T]) -> T:
    """Wait for *work*; an interrupt says whether a request had left."""
    before = len(engine.unknown)
    try:
        return event_loop.wait(work)
    except KeyboardInterrupt as interrupt:
        if len(engine.unknown) > before:
            opens = any(pair.type == "cm.ConsumerRequestConversation" for pair in engine.unknown[-1].pairs)
            consequence = "a conversation may exist" if opens else "it may have been accepted"
            interrupt.add_note(f"The request had left: {consequence}. See client.unknown[-1].")
        raise
