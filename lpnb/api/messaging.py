"""The Send API: one CONVERSATION or SEND request, its retries, and what became of it.

Neither has an idempotency key. What was sent is tried again only when nothing can have left, or when the
service said no before it acted; everything else is reported as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, Protocol

from lpnb._internal.redaction import Secret, scrub_bytes
from lpnb.models.frame_responses import explain_frame, read_frame
from lpnb.models.outgoing import Batch, EncodedBatch, check_size
from lpnb.models.responses import BatchResponse, Outcome, Pair, Reading, explain, fill, read_batch
from lpnb.transport.protocol import (
    AcquireSlot,
    AttemptObserver,
    BeforeSend,
    Exchange,
    Flow,
    PreparedPost,
    RefreshTokens,
    Sleep,
    Verdict,
    verdict,
)
from lpnb.transport.retries import MAX_WAIT, Throttle, refusal_delay

TokenKind = Literal["AppJWT", "ConsumerJWS"]
#: The AppJWT and the ConsumerJWS.
Tokens = tuple[Secret, Secret]
_BOTH_TOKENS: frozenset[TokenKind] = frozenset(("AppJWT", "ConsumerJWS"))
#: Which token a 401 with this errorCode is about; without one, or with another, it may be either.
#: Source: Send API, error codes.
_REFUSED_TOKEN: Mapping[str, frozenset[TokenKind]] = {
    "40001": frozenset(("AppJWT",)),
    "40102": frozenset(("AppJWT",)),
    "40105": frozenset(("AppJWT",)),
    "40103": frozenset(("ConsumerJWS",)),
    "40104": frozenset(("ConsumerJWS",)),
}
#: How often one send is tried at the most where connections fail or tokens are refused.
MAX_ATTEMPTS = 6
#: How often it is tried at the least where 429 is the answer, however long the waits in between are.
MIN_ATTEMPTS_AT_429 = 6


class SendContext(Protocol):
    """What a send needs of the account: where to, the tokens of the moment, the shared throttle."""

    account_id: str
    largest_body: int
    throttle: Throttle
    observer: AttemptObserver | None
    secrets: tuple[Secret, ...]

    @property
    def origin(self) -> str:
        """Where the account's messaging host is at the moment."""
        ...

    def tokens(self) -> Tokens | None:
        """The AppJWT and the ConsumerJWS, which are now used; None while one of them is missing."""
        ...

    def drop_tokens(self, kinds: frozenset[TokenKind], tokens: Tokens) -> frozenset[TokenKind]:
        """Forget those of *kinds* among *tokens*; return those that nobody had renewed meanwhile."""
        ...

    def is_new(self, conversation_id: str) -> bool:
        """Whether it is the first time that this conversation is heard of."""
        ...


def post(batch: Batch, consumer_id: str, context: SendContext) -> Flow[BatchResponse]:
    """Post *batch* on behalf of *consumer_id* and return what became of it. Never raises for a reply.

    A batch goes to CONVERSATION, and a single frame to SEND. Request ids are made anew for each attempt,
    unless it has its own. What may have arrived is not sent a second time.

    Raises:
        InvalidValueError: The body is larger than the settings allow; nothing was sent.

    Source: Send API, CONVERSATION and SEND; the rules are those of ``transport.protocol.verdict``.
    """
    attempts, refusals, seconds_waited, seconds_refused, has_slot = 0, 0, 0.0, 0.0, False
    renewed_kinds: frozenset[TokenKind] = frozenset()
    while True:
        # However long others made this account wait, it was not this request that was refused.
        while pause := context.throttle.pause():
            if pause.seconds > MAX_WAIT + 1:
                return _not_sent(batch.outgoing(context.account_id), consumer_id, pause, attempts)
            has_slot = False
            yield pause
        while (tokens := context.tokens()) is None:  # another caller's 401 may have dropped one meanwhile
            yield RefreshTokens(consumer_id)
        if context.throttle.rate_limiter.rate is not None and not has_slot:
            # However long the queue is, nothing was tried: it counts neither as an attempt nor as waiting
            # for the service. Holds and tokens are looked at again afterwards.
            yield AcquireSlot()
            has_slot = True
            continue
        has_slot = False
        outgoing = batch.outgoing(context.account_id)
        check_size("frames", outgoing.content, context.largest_body)
        if context.observer is not None:
            yield BeforeSend(outgoing, context.observer)
            # While the observer wrote, another caller may have been told to stay away, or lost the tokens.
            while (pause := context.throttle.pause()) or (tokens := context.tokens()) is None:
                if pause and pause.seconds > MAX_WAIT + 1:
                    return _not_sent(outgoing, consumer_id, pause, attempts)
                yield pause or RefreshTokens(consumer_id)
        attempts += 1
        # The headers get no name here: a traceback may show this frame's variables.
        answer = yield PreparedPost(
            *request_head(outgoing, context.origin, context.account_id, tokens), outgoing.content
        )
        assert answer is not None  # noqa: S101 - a request is answered with an exchange
        exchange, reading = _read_exchange(answer, outgoing, context, tokens)
        code = reading.pairs[0].code or "" if reading.pairs else ""
        refused_kinds = _REFUSED_TOKEN.get(code, _BOTH_TOKENS)
        decision = verdict(exchange, reading.says, refused_kinds <= renewed_kinds)
        if decision.retry == "throttle":
            # For every caller of this account, also when this one gives up.
            refusals += 1
            own_wait = context.throttle.record_refused(exchange)
            seconds_refused += refusal_delay(exchange.retry_after)
            is_patient = seconds_refused <= MAX_WAIT or refusals < MIN_ATTEMPTS_AT_429
            if is_patient and (exchange.retry_after or 0) <= MAX_WAIT:
                if own_wait is not None:
                    yield own_wait
                continue
        elif exchange.status is not None:
            context.throttle.rate_limiter.record_accepted(exchange.elapsed_ms / 1000)
        if attempts - refusals < MAX_ATTEMPTS and seconds_waited <= MAX_WAIT:
            if decision.retry == "backoff":
                pause = context.throttle.backoff(attempts - refusals)
                seconds_waited += pause.seconds + exchange.elapsed_ms / 1000
                yield pause
                continue
            if decision.retry == "refresh":
                # One that another caller has renewed meanwhile was not ours to renew, and does not count.
                renewed_kinds |= context.drop_tokens(refused_kinds, tokens)
                yield RefreshTokens(consumer_id)
                continue
        return _response(outgoing, consumer_id, exchange, reading, decision, attempts)


def _not_sent(outgoing: EncodedBatch, consumer_id: str, pause: Sleep, attempts: int) -> BatchResponse:
    """What became of a request that the whole account's wait for the service kept here."""
    exchange = Exchange(status=429, started=False, retry_after=pause.seconds)
    pairs = tuple(Pair(req_id, kind) for req_id, kind in outgoing.requests)
    return _response(outgoing, consumer_id, exchange, Reading(pairs), Verdict("planned"), attempts)


def _read_exchange(
    exchange: Exchange, outgoing: EncodedBatch, context: SendContext, tokens: Tokens
) -> tuple[Exchange, Reading]:
    # A gateway may echo the request. What is kept of the reply holds no token and no secret.
    content = scrub_bytes(exchange.content, (*tokens, *context.secrets))
    if content is not exchange.content:
        exchange = replace(exchange, content=content)
    if context.observer is not None:
        context.observer.after_exchange(exchange)
    if exchange.status is None:
        return exchange, Reading(tuple(Pair(req_id, kind) for req_id, kind in outgoing.requests))
    if outgoing.by_send:
        return exchange, read_frame(exchange.content, outgoing.requests, outgoing.conversation_id)
    reading = read_batch(exchange.content, outgoing.requests)
    if reading.says != "created":
        return exchange, reading
    opening_pair = next(pair for pair in reading.pairs if pair.conversation_id)
    if opening_pair.conversation_id and context.is_new(opening_pair.conversation_id):
        return exchange, reading
    stale_pair = replace(opening_pair, ok=False, code="stale", conversation_id=None)
    pairs = tuple(stale_pair if pair is opening_pair else pair for pair in reading.pairs)
    note = f"Conversation {opening_pair.conversation_id} already answered an earlier request."
    return exchange, Reading(pairs, reading.strays, note)


def request_head(
    outgoing: EncodedBatch, origin: str, account_id: str, tokens: Tokens
) -> tuple[str, dict[str, str]]:
    """URL and headers of the POST that carries *outgoing* to *origin*."""
    headers = {
        "Content-Type": "application/json",
        "Authorization": tokens[0].reveal(),
        "X-LP-ON-BEHALF": tokens[1].reveal(),
    }
    if outgoing.client_properties is not None:
        headers["Client-Properties"] = outgoing.client_properties
    if outgoing.given_ids:
        # A late second answer on this connection would fit the next request with the same ids, so the
        # transport uses it for this request alone.
        headers["Connection"] = "close"
    path = "conversation/send" if outgoing.by_send else "conversation"
    return f"{origin}/api/account/{account_id}/messaging/consumer/{path}?v=3", headers


def _response(
    outgoing: EncodedBatch,
    consumer_id: str,
    exchange: Exchange,
    reading: Reading,
    decision: Verdict,
    attempts: int,
) -> BatchResponse:
    outcome: Outcome = "not sent" if decision.state == "planned" else decision.state
    failure = exchange.failure
    if outcome == "not sent" and exchange.status == 429:
        failure = "the service is throttling this account (HTTP 429)"
        if exchange.retry_after:
            failure += f" and asks for a pause of {exchange.retry_after:.0f} s"
    if outcome == "refused":
        target = f" to {exchange.location}; redirects are not followed" if exchange.location else ""
        reading = fill(reading, f"http-{exchange.status}", f"HTTP {exchange.status}{target}")
    explain_outcome = explain_frame if outgoing.by_send else explain
    explanation = explain_outcome(reading, outcome, exchange.status, failure)
    if outcome == "not sent":
        reading = fill(reading, "not-sent", failure or explanation)
    elif outcome == "unknown" and (failure or exchange.status is None or exchange.status >= 300):
        code = "no-answer" if exchange.status is None else f"http-{exchange.status}"
        reading = fill(reading, code, failure or f"HTTP {exchange.status}")
    return BatchResponse(
        consumer_id=consumer_id,
        outcome=outcome,
        pairs=reading.pairs,
        explanation=explanation,
        http_status=exchange.status,
        attempts=attempts,
        elapsed_ms=exchange.elapsed_ms,
        sent_at=exchange.sent_at,
        strays=reading.strays,
        raw=exchange.content,
    )
