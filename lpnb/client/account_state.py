"""``AccountState``: an account's hosts, tokens and known consumers, and the flows that renew them.

Everything here is bookkeeping around flows; nothing opens a connection or takes a lock. ``engine`` runs
the flows, and sees to it that each is run once however many callers wait for it.
"""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from lpnb._internal.redaction import Secret
from lpnb.api.domain_api import find_domain, find_domains
from lpnb.api.history import HistoryPage, HistoryWay, Search, history_ways, login, search_history
from lpnb.api.messaging import TokenKind, Tokens, post
from lpnb.api.monitoring import MonitoringTarget, VisitorSession, report, request_engagement
from lpnb.api.tokens import AppJWT, claims, get_app_jwt, get_application_token, get_consumer_jws
from lpnb.errors import CredentialsError, NotSentError, ServiceError
from lpnb.models.engagements import Engagement, EngagementRequest, Reported
from lpnb.models.outgoing import Batch
from lpnb.models.responses import BatchResponse
from lpnb.settings import Settings
from lpnb.transport.protocol import AttemptObserver, Flow, RefreshTokens
from lpnb.transport.retries import Throttle

T = TypeVar("T")
logger = logging.getLogger("lpnb")

#: How many ConsumerJWS and how many conversationIds a client keeps in mind.
MAX_REMEMBERED = 10_000
#: Seconds after which host names are looked up again.
DOMAINS_LIFETIME = 86_400.0


class AccountState:
    """The state of one account, and the flows that bring it up to date.

    The ``need_...`` methods return the flow that is still to be run, or None when there is nothing to do.
    """

    def __init__(
        self, settings: Settings, throttle: Throttle, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self.throttle = throttle
        self.app_jwt: AppJWT | None = None
        self.domains: dict[str, str] = {}
        self._domains_until = 0.0
        self.secrets = settings.secrets
        self.bearer: Secret | None = None
        self._bearer_until = 0.0
        self._history_ways = list(history_ways(settings))
        self._history_refusals: list[str] = []
        self.skill_names: dict[str, str] = {}
        self.campaign_names: dict[str, dict[str, str]] = {"campaigns": {}, "engagements": {}}
        self.consumers: OrderedDict[str, Secret] = OrderedDict()
        self._visitors: OrderedDict[str, tuple[str | None, str | None]] = OrderedDict()
        self._known_conversations: OrderedDict[str, None] = OrderedDict()
        self._clock = clock

    def is_ready(self, consumer_id: str | None = None) -> bool:
        """Whether all is there that a call for *consumer_id* needs."""
        if self.app_jwt is None or (consumer_id is not None and consumer_id not in self.consumers):
            return False
        now = self._clock()
        return now < self.app_jwt.renew_at and bool(self.domains) and now < self._domains_until

    def need_domains(self) -> Flow[None] | None:
        """The flow that looks the hosts up, unless they are known."""
        return None if self.domains and self._clock() < self._domains_until else self.find_domains()

    def need_app_jwt(self) -> Flow[None] | None:
        """The flow that gets an AppJWT, unless there is a fresh one."""
        return None if self.app_jwt and self.app_jwt.is_fresh(self._clock()) else self._get_app_jwt()

    def need_consumer_jws(self, consumer_id: str) -> Flow[None] | None:
        """The flow that gets the consumer's ConsumerJWS, unless it is known. It never expires."""
        return None if consumer_id in self.consumers else self._get_consumer_jws(consumer_id)

    def need_domain(self, service: str) -> Flow[None] | None:
        """The flow that asks for the host of one service, unless the list named it."""
        return None if service in self.domains else self._find_domain(service)

    def history_way(self) -> HistoryWay:
        """The way into history that is used now: the first one that was not refused.

        Raises:
            CredentialsError: Every way there is was refused.
        """
        if not self._history_ways:
            raise CredentialsError(" ".join(self._history_refusals))
        return self._history_ways[0]

    def drop_history_way(self, way: HistoryWay, refusal: CredentialsError) -> None:
        """Take the next way into history from here on, for as long as the client lives, and say so once."""
        if not self._history_ways or self._history_ways[0] is not way:
            return  # another caller has met the same refusal
        self._history_ways.pop(0)
        self._history_refusals.append(str(refusal))
        self.bearer = None
        if self._history_ways:
            logger.warning("%s History is read with %s from here on.", refusal, self._history_ways[0].whose)

    def need_bearer(self) -> Flow[None] | None:
        """The flow that gets a bearer for history, unless there is a fresh one or none is needed.

        Raises:
            CredentialsError: Every way into history was refused.
        """
        way = self.history_way()
        if not way.takes_bearer or (self.bearer and self._clock() < self._bearer_until):
            return None
        return self._get_bearer(way)

    def search(self, search: Search) -> Flow[HistoryPage | None]:
        """The flow that asks history for a page; None when it refuses the bearer, which is then forgotten."""
        bearer, way = self.bearer, self.history_way()
        page = yield from search_history(
            self.settings, self.domains["msgHist"], search, way, bearer, self.throttle.retry_delay
        )
        if page is None and self.bearer == bearer:  # another caller may have renewed it meanwhile
            self.bearer = None
        for record in page.records if page is not None else ():
            self.skill_names.update(record.skill_names)
            for kind, names in record.campaign_names.items():
                self.campaign_names[kind].update(names)
        return page

    def post(
        self, batch: Batch, consumer_id: str, observer: AttemptObserver | None = None
    ) -> Flow[BatchResponse]:
        """The flow that sends *batch*, or a single frame; the three above have been seen to."""
        return post(batch, consumer_id, _ConsumerSendContext(self, consumer_id, observer))

    def engagement(self, request: EngagementRequest) -> Flow[Engagement]:
        """The flow that asks Monitoring for an engagement; domains and host have been seen to."""
        return self._with_visitor(request, request_engagement)

    def report(self, request: EngagementRequest) -> Flow[Reported]:
        """The flow that reports to Monitoring; domains and host have been seen to."""
        return self._with_visitor(request, report)

    def _with_visitor(
        self,
        request: EngagementRequest,
        call: Callable[[EngagementRequest, VisitorSession, MonitoringTarget], Flow[T]],
    ) -> Flow[T]:
        """Send along which visitor and session it is, and keep what comes back, also of a failure."""
        settings, earlier_ids = self.settings, self._visitors.get(request.visitor or "")
        is_given = request.visitor_id is not None or request.session_id is not None
        visitor = (
            VisitorSession(request.visitor_id, request.session_id, is_given=True)
            if is_given
            else VisitorSession()
        )
        if earlier_ids is not None and not is_given:
            visitor.visitor_id, visitor.session_id = earlier_ids
        app = settings.app_installation_id
        target = MonitoringTarget(
            self.domains["smt"], settings.account_id, app, self.throttle.retry_delay, settings.largest_body
        )
        try:
            return (yield from call(request, visitor, target))
        finally:
            if request.visitor is not None:
                self._visitors[request.visitor] = (visitor.visitor_id, visitor.session_id)
                self._visitors.move_to_end(request.visitor)
                while len(self._visitors) > MAX_REMEMBERED:
                    self._visitors.popitem(last=False)

    def drop_app_jwt(self, token: Secret) -> bool:
        """Forget the AppJWT if it is still *token*, and say whether it was."""
        if self.app_jwt and self.app_jwt.token == token:
            self.app_jwt = None
            return True
        return False

    def drop_consumer_jws(self, consumer_id: str, token: Secret) -> bool:
        """Forget a consumer's ConsumerJWS if it is still *token*, and say whether it was."""
        if self.consumers.get(consumer_id) == token:
            del self.consumers[consumer_id]
            return True
        return False

    def consumer_jws(self, consumer_id: str) -> Secret | None:
        """The ConsumerJWS kept for *consumer_id*, or None."""
        return self.consumers.get(consumer_id)

    def lp_consumer_id(self, consumer_id: str) -> str:
        """LivePerson's own id of a consumer, which the ConsumerJWS names.

        Raises:
            ServiceError: It does not.
        """
        token = self.consumers.get(consumer_id)
        lp_consumer_id = claims(token).get("lp_consumer_id") if token else None
        if not isinstance(lp_consumer_id, str) or not lp_consumer_id:
            raise ServiceError("The ConsumerJWS does not say which lp_consumer_id this consumer has.")
        return lp_consumer_id

    def find_domains(self) -> Flow[None]:
        """The flow that looks the hosts up anew."""
        self.domains = yield from find_domains(self.settings, self.throttle.retry_delay)
        self._domains_until = self._clock() + DOMAINS_LIFETIME

    def _find_domain(self, service: str) -> Flow[None]:
        self.domains[service] = yield from find_domain(self.settings, service, self.throttle.retry_delay)

    def _get_bearer(self, way: HistoryWay) -> Flow[None]:
        if way.kind == "application":
            sentinel, wait = self.domains["sentinel"], self.throttle.retry_delay
            token = yield from get_application_token(
                self.settings, sentinel, way.client_id, way.client_secret, wait, self._clock
            )
            self.bearer, self._bearer_until = token.token, token.renew_at
            return
        if "agentVep" not in self.domains:
            yield from self._find_domain("agentVep")
        self.bearer = yield from login(self.settings, self.domains["agentVep"], self.throttle.retry_delay)
        self._bearer_until = math.inf  # until history refuses it

    def _get_app_jwt(self) -> Flow[None]:
        sentinel = self.domains["sentinel"]
        self.app_jwt = yield from get_app_jwt(self.settings, sentinel, self.throttle.retry_delay, self._clock)

    def _get_consumer_jws(self, consumer_id: str) -> Flow[None]:
        for _ in range(2):
            while self.app_jwt is None:  # another caller's 401 may have dropped it meanwhile
                yield RefreshTokens()
            app_jwt, idp = self.app_jwt.token, self.domains["idp"]
            token = yield from get_consumer_jws(
                self.settings, idp, app_jwt, consumer_id, self.throttle.retry_delay
            )
            if token is not None:
                self.consumers[consumer_id] = token
                while len(self.consumers) > MAX_REMEMBERED:
                    self.consumers.popitem(last=False)
                return
            self.drop_app_jwt(app_jwt)
            yield RefreshTokens()
        raise ServiceError("The IDP refused a fresh AppJWT. Does the app installation have msg.consumer?")

    def app_token(self) -> Secret:
        """The AppJWT of the moment.

        Raises:
            NotSentError: There is none.
        """
        if self.app_jwt is None:
            raise NotSentError("There is no AppJWT to send with.")
        return self.app_jwt.token

    def is_new(self, conversation_id: str) -> bool:
        """Whether it is the first time that this conversation is heard of."""
        if conversation_id in self._known_conversations:
            return False
        self._known_conversations[conversation_id] = None
        while len(self._known_conversations) > MAX_REMEMBERED:
            self._known_conversations.popitem(last=False)
        return True


class _ConsumerSendContext:
    """A consumer's ``SendContext`` to an account."""

    __slots__ = (
        "_account",
        "_consumer_id",
        "account_id",
        "largest_body",
        "observer",
        "secrets",
        "throttle",
    )

    def __init__(self, account: AccountState, consumer_id: str, observer: AttemptObserver | None) -> None:
        self._account = account
        self._consumer_id = consumer_id
        self.account_id = account.settings.account_id
        self.largest_body = account.settings.largest_body
        self.throttle = account.throttle
        self.observer = observer
        self.secrets = account.secrets

    @property
    def origin(self) -> str:
        return self._account.domains["asyncMessagingEnt"]  # it may be looked up again while a call waits

    def tokens(self) -> Tokens | None:
        app_jwt, consumers = self._account.app_jwt, self._account.consumers
        if app_jwt is None or self._consumer_id not in consumers:
            return None
        consumers.move_to_end(self._consumer_id)
        return app_jwt.token, consumers[self._consumer_id]

    def drop_tokens(self, kinds: frozenset[TokenKind], tokens: Tokens) -> frozenset[TokenKind]:
        app_jwt, consumer_jws = tokens
        dropped_kinds: set[TokenKind] = set()
        if "AppJWT" in kinds and self._account.drop_app_jwt(app_jwt):
            dropped_kinds.add("AppJWT")
        if "ConsumerJWS" in kinds and self._account.drop_consumer_jws(self._consumer_id, consumer_jws):
            dropped_kinds.add("ConsumerJWS")
        return frozenset(dropped_kinds)

    def is_new(self, conversation_id: str) -> bool:
        return self._account.is_new(conversation_id)
