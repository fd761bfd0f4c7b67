"""The Monitoring API: an engagement for a visitor, and reports of SDEs.

Its state is kept by ``vid`` and ``sid``, which are sent again. Asking twice does no harm, so it is asked
again as documented; a report that would leave more behind the second time only when nothing can have
arrived, or when the service has said that it could not take it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lpnb._internal.display import brief
from lpnb.errors import MonitoringError
from lpnb.models.engagements import Engagement, EngagementRequest, Reported, engagement_of, text_id
from lpnb.models.outgoing import check_size
from lpnb.transport.protocol import Exchange, Flow, Request, Sleep, call, content_of
from lpnb.transport.retries import CONNECT_RETRY_DELAY, MAX_WAIT

#: Seconds between tries. Source: Monitoring API, Report; Retry Policy Recommendations.
MONITORING_RETRY_DELAYS = (3.0, 10.0, 30.0, 90.0)
UNKNOWN_VISITOR, UNKNOWN_SESSION = 37, 39
#: internalCode of an account that is still loading, in v 1.0 and v 1.1.
LOADING = (20, 38)
_VID = re.compile(r"\bvid:\s*([^\s,;\"']{1,256})")


@dataclass(slots=True)
class VisitorSession:
    """Which visitor and session a consumer has; brought up to date by every answer.

    ``is_given`` says that the caller named them, so that they are not replaced when they are unknown.
    """

    visitor_id: str | None = None
    session_id: str | None = None
    is_given: bool = False


@dataclass(frozen=True, slots=True)
class MonitoringTarget:
    """Where Monitoring is, for which account and app installation, and how it is waited for."""

    origin: str
    account_id: str
    app_id: str
    wait: Callable[[float], Sleep | None]
    largest_body: int


def request_engagement(
    request: EngagementRequest, visitor: VisitorSession, target: MonitoringTarget
) -> Flow[Engagement]:
    """Ask what the visitor is offered.

    Raises:
        MonitoringError: It was refused, kept failing, or the account kept loading.

    Source: Monitoring API, Engagement.
    """
    reply, exchange, attempts = yield from _ask("engagement", request, visitor, target)
    return engagement_of(
        reply,
        request.visitor,
        http_status=exchange.status,
        attempts=attempts,
        elapsed_ms=exchange.elapsed_ms,
        raw=exchange.content,
    )


def report(request: EngagementRequest, visitor: VisitorSession, target: MonitoringTarget) -> Flow[Reported]:
    """Report SDEs, or what became of an offer.

    Raises:
        MonitoringError: It was refused, or nobody knows whether it was taken.

    Source: Monitoring API, Report.
    """
    reply, exchange, attempts = yield from _ask("report", request, visitor, target)
    return Reported(
        consumer_id=request.visitor,
        visitor_id=visitor.visitor_id or "",
        session_id=visitor.session_id or "",
        page_id=text_id(reply.get("pageId")),
        http_status=exchange.status,
        attempts=attempts,
        raw=exchange.content,
    )


def _ask(
    operation: str, request: EngagementRequest, visitor: VisitorSession, target: MonitoringTarget
) -> Flow[tuple[Mapping[str, Any], Exchange, int]]:
    attempts, pauses = 0, list(MONITORING_RETRY_DELAYS)
    while True:
        attempts += 1
        http_request = _request(operation, request, visitor, target)
        check_size("engagement attributes", http_request.content, target.largest_body)
        exchange = yield from call(http_request)
        reply, parse_error = content_of(exchange)
        reply = reply if isinstance(reply, Mapping) else {}
        code = reply.get("internalCode")
        if exchange.status in (200, 201) and exchange.failure is None:
            _store_ids(reply, visitor, exchange, parse_error)
            return reply, exchange, attempts
        if exchange.status == 202 or code in LOADING:
            _store_loading_visitor(str(reply.get("message", "")), visitor)
        elif exchange.status == 404 and _drop_unknown_ids(code, visitor):
            continue  # ids of ours that the service no longer knows: without them it is another request
        elif not _is_retryable(exchange, request):
            raise _error(operation, exchange, reply, attempts)
        retry_after = exchange.retry_after or 0.0
        step = None
        if pauses and retry_after <= MAX_WAIT:
            pause = pauses.pop(0)
            # Nothing left this machine, so nobody is being pressed.
            pause = pause if exchange.started else CONNECT_RETRY_DELAY * 2.0 ** (attempts - 1)
            step = target.wait(max(pause, retry_after))
        if step is None:
            raise _error(operation, exchange, reply, attempts)
        yield step


def _request(
    operation: str, request: EngagementRequest, visitor: VisitorSession, target: MonitoringTarget
) -> Request:
    params = {"v": request.version, "vid": visitor.visitor_id, "sid": visitor.session_id}
    return Request(
        "POST",
        f"{target.origin}/api/account/{target.account_id}/app/{quote(target.app_id, safe='')}/{operation}",
        params={
            **{name: value for name, value in params.items() if value is not None},
            "obh": "true" if request.on_behalf else "false",
        },
        # Not as PUT: the HTTP library repeats that by itself on a kept connection, and a report may append.
        headers={"X-HTTP-Method-Override": "PUT"} if request.reports else {},
        json=request.to_wire(),
    )


def _store_ids(
    reply: Mapping[str, Any], visitor: VisitorSession, exchange: Exchange, parse_error: str | None
) -> None:
    """Keep the ids of a good answer."""
    # The table of Report calls them sid and vid.
    vid, sid = reply.get("visitorId", reply.get("vid")), reply.get("sessionId", reply.get("sid"))
    if not (isinstance(vid, str) and vid and isinstance(sid, str) and sid):
        why = parse_error or "it has no visitorId and sessionId"
        raise MonitoringError(f"Monitoring's answer cannot be read: {why}.", exchange.status)
    visitor.visitor_id, visitor.session_id = vid, sid


def _store_loading_visitor(message: str, visitor: VisitorSession) -> None:
    """Take the visitor's id out of "Loading account: 1, vid: x", to be sent with the next try."""
    match = _VID.search(message)
    if match and match[1] != visitor.visitor_id:
        visitor.visitor_id, visitor.session_id = match[1], None


def _drop_unknown_ids(code: object, visitor: VisitorSession) -> bool:
    """Drop what the service does not know, if it came from our own memory; say whether anything was."""
    if visitor.is_given:
        return False
    if code == UNKNOWN_VISITOR and visitor.visitor_id is not None:
        visitor.visitor_id = visitor.session_id = None
        return True
    if code == UNKNOWN_SESSION and visitor.session_id is not None:
        visitor.session_id = None
        return True
    return False


def _is_retryable(exchange: Exchange, request: EngagementRequest) -> bool:
    if exchange.reason == "certificate":
        return False
    if _is_outcome_unknown(exchange):
        return not exchange.started or not request.reports or not request.appends
    return exchange.status == 429 or (exchange.status or 0) >= 500


def _is_outcome_unknown(exchange: Exchange) -> bool:
    """Whether no answer came of the service itself: it may be busy with the request behind a gateway."""
    return exchange.failure is not None or exchange.status in (None, 408, 502, 504)


def _error(operation: str, exchange: Exchange, reply: Mapping[str, Any], attempts: int) -> MonitoringError:
    attempts_text = f", tried {attempts} times" if attempts > 1 else ""
    code = reply.get("internalCode")
    status = exchange.status
    message = reply.get("message")
    if status is None or exchange.failure is not None:
        failure = exchange.failure or "no answer came"
        if exchange.started:
            not_known = " Whether the report was accepted is not known." if operation == "report" else ""
            sentence = f"Monitoring gave no usable answer: {failure}{attempts_text}.{not_known}"
        else:
            sentence = f"Monitoring could not be reached: {failure}{attempts_text}."
        return MonitoringError(sentence, status)
    not_known = (
        " Whether it was accepted is not known."
        if operation == "report" and _is_outcome_unknown(exchange)
        else ""
    )
    target = f" to {exchange.location}; redirects are not followed" if exchange.location else ""
    code_text = f", internalCode {code}" if isinstance(code, int) else ""
    message = f": {brief(message, 200)[1:-1].rstrip('.')}" if isinstance(message, str) and message else ""
    return MonitoringError(
        f"Monitoring answered the {operation} with HTTP {status}{target}{code_text}{attempts_text}{message}."
        f"{not_known}",
        status,
        code if isinstance(code, int) else None,
    )
